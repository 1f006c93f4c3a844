"""Losses: single operations, each with its own backward function."""

from __future__ import annotations

import math

from .. import _elements, _kernels, _pieces, grad, lean
from .._layers import cross_entropies, labels_like, share_of_each
from .._operation import operation
from ..xp import Array, array_namespace, is_array, is_complex, is_real_numpys, kind, library_of, narrowed, type_in_words, widened

__all__ = ["binary_cross_entropy", "cross_entropy", "mae_loss", "mse_loss"]

_FEW = 2**16  # elements, up to which the slope is kept: to compute it again would take longer


@operation(grad.mse_backward, operands=("prediction", "target"), keeps=True)
def mse_loss(prediction: Array, target: Array, /, *, reduction: str = "mean") -> Array:
    """|prediction − target|², and by `reduction` ("mean", "sum" or "none") its mean, its sum, or each.

    Either operand may be broadcast to the shape of the other. Raises ValueError where both would be (a column and a row would be
    compared each with each), and for another reduction.

    >>> import clumsygrad as cg
    >>> cg.loss.mse_loss(cg.asarray([1.0, 2.0]), cg.asarray([0.0, 0.0]))
    Tensor(array(2.5))
    """
    if reduction in ("mean", "sum") and _pieces.are_large(prediction, target):
        total = _pieces.sum_of_squared_differences(prediction, target)
        return total / math.prod(prediction.shape) if reduction == "mean" else total, None
    if _kernels.is_cupys(prediction) and (found := _squared_errors(prediction, target, reduction)) is not None:
        return found
    given = _difference(prediction, target, "mse_loss")
    if reduction not in ("mean", "sum"):
        size = array_namespace(given).abs(given) if is_complex(given) else given
        return _reduced(lean.multiply_into(size, size), reduction, "mse_loss"), None
    difference = widened(given)
    total, n, factor = lean.sum_of_squares(difference), math.prod(difference.shape), 2.0
    if reduction == "mean":
        total, factor = total / n, 2 / (n or 1)
    slope = lean.multiply_into(difference, factor) if n <= _FEW else None
    return total if difference is given else narrowed(total, given), slope


def _squared_errors(prediction: Array, target: Array, reduction: str) -> tuple[Array, Array | None] | None:
    """mse_loss by a kernel, which gives the slope too; None where none serves."""
    if not is_array(target):
        return None
    keeps, factor = prediction.size <= _FEW and reduction != "none", 2 * share_of_each(reduction, prediction.shape)
    found = _elements.squared_errors(prediction, target, factor, keeps)
    return None if found is None else (narrowed(_reduced(found[0], reduction, "mse_loss"), prediction), found[1])


@operation(grad.mae_backward, operands=("prediction", "target"))
def mae_loss(prediction: Array, target: Array, /, *, reduction: str = "mean") -> Array:
    """|prediction − target|, and by `reduction` ("mean", "sum" or "none") its mean, its sum, or each.

    Operands and errors are as in `mse_loss`. The gradient is 0 where they are equal.

    >>> import clumsygrad as cg
    >>> cg.loss.mae_loss(cg.asarray([1.0, 2.0]), cg.asarray([0.0, 0.0]))
    Tensor(array(1.5))
    """
    difference = _difference(prediction, target, "mae_loss")
    return _reduced(array_namespace(difference).abs(difference), reduction, "mae_loss")


@operation(grad.cross_entropy_backward, keeps=True)
def cross_entropy(logits: Array, labels: Array, /, *, axis: int = -1, reduction: str = "mean") -> Array:
    """−log softmax(logits)[label] along `axis`, and by `reduction` ("mean", "sum" or "none") its mean, its sum, or each.

    `labels` are integers from 0 up to the number of classes, or negative and counted from the last, of the shape of `logits`
    without `axis`. Raises TypeError where they are not integers, ValueError for another shape or reduction.

    >>> import clumsygrad as cg
    >>> cg.loss.cross_entropy(cg.asarray([[0.0, 0.0]]), cg.asarray([1]))
    Tensor(array(0.69314718))
    """
    axis = _axis_of_classes(logits, labels, axis)
    found = _kernels.cross_entropy(logits, labels, axis)
    if found is not None:
        losses, sums = found
        return _reduced(losses, reduction, "cross_entropy"), (sums, None)
    losses, slope = cross_entropies(logits, labels, axis, share_of_each(reduction, labels.shape))
    return narrowed(_reduced(losses, reduction, "cross_entropy"), logits), (None, slope)


@operation(grad.binary_cross_entropy_backward, operands=("logits", "labels"), keeps=True)
def binary_cross_entropy(logits: Array, labels: Array, /, *, reduction: str = "mean") -> Array:
    """−label log σ(logit) − (1 − label) log(1 − σ(logit)), and by `reduction` ("mean", "sum" or "none") its mean, its sum, or each.

    σ(x) = 1 / (1 + exp(−x)) is the probability of the label 1: this is the loss of logistic regression. `labels` are 0 or 1, of any
    dtype, or floats between, in the shape of `logits`; or one number for all. The dtype is that of `logits`. Nothing overflows, and
    losses near 0 keep their digits. Raises ValueError for labels of another shape and for another reduction, TypeError for logits
    that are not real floats and for complex labels.

    >>> import clumsygrad as cg
    >>> cg.loss.binary_cross_entropy(cg.asarray([0.0, 1000.0, -40.0]), cg.asarray([1, 1, 0]), reduction="none")
    Tensor(array([6.93147181e-01, 0.00000000e+00, 4.24835426e-18]))
    """
    if kind(logits) != "real floating":
        raise TypeError(
            f"binary_cross_entropy: the logits have dtype {logits.dtype}, and must be real floats: convert them (astype)"
        )
    labels = labels_like(logits, labels)
    share = share_of_each(reduction, logits.shape)  # and so of its slope
    alike = type(labels) is type(logits) and labels.shape == logits.shape != ()
    if is_real_numpys(logits) and alike and reduction in ("mean", "sum") and logits.size:
        total, slope = _pieces.sum_of_binary_cross_entropies(logits, labels, share)
        return total / logits.size if reduction == "mean" else total, slope
    losses, slope = _elements.binary_cross_entropy(logits, labels) or _binary_cross_entropies(widened(logits), labels)
    reduced = narrowed(_reduced(losses, reduction, "binary_cross_entropy"), logits)
    return reduced, slope if share == 1 else lean.multiply_into(slope, share)


def _binary_cross_entropies(x: Array, labels: Array) -> tuple[Array, Array]:
    """Each loss, (h − label) x + log(1 + e^−|x|), h = 0 for numbers with a minus sign, else 1; and its slope."""
    xp = array_namespace(x)
    e = lean.exp_into(-xp.abs(x))
    factors = e + 1
    slope = 1 - labels - xp.astype(xp.signbit(x), x.dtype)
    losses = lean.add_into(slope * x, xp.log1p(e))
    return losses, lean.subtract_into(slope, xp.copysign(lean.divide_into(e, factors), x))


def _difference(prediction: Array, target: Array, name: str) -> Array:
    """prediction − target. Raises where neither operand has its shape, which is a mistake more often than it is meant."""
    difference = prediction - target
    shape = difference.shape
    if shape != getattr(prediction, "shape", ()) and shape != getattr(target, "shape", ()):
        raise ValueError(
            f"{name}: a prediction of shape {tuple(prediction.shape)} and a target of shape {tuple(target.shape)} would be compared each "
            f"with each, in shape {tuple(shape)}: reshape one to the shape of the other, or take the mean of the differences yourself"
        )
    return difference


def _axis_of_classes(logits: Array, labels: Array, axis: int) -> int:
    """`axis` counted from the front, if the operands fit."""
    if not is_array(labels) or kind(labels) != "integral":
        got = f"dtype {labels.dtype}" if is_array(labels) else type_in_words(labels)
        raise TypeError(
            f"cross_entropy: the labels must be integers, in an array, got {got}: of rows that are one-hot take argmax; "
            "with probabilities the loss is -sum(probabilities * log_softmax(logits), axis)"
        )
    if array_namespace(labels) is not array_namespace(logits):  # whose numbers a kernel would take for an address
        raise TypeError(
            f"cross_entropy: the logits are an array of {library_of(logits)}, the labels of {library_of(labels)}; "
            "move the labels to where the logits are"
        )
    shape = logits.shape
    if not -len(shape) <= axis < len(shape):
        raise IndexError(f"cross_entropy: axis {axis} is out of range for logits of shape {tuple(shape)}")
    axis %= len(shape)
    if labels.shape != shape[:axis] + shape[axis + 1 :]:
        raise ValueError(
            f"cross_entropy: labels of shape {tuple(labels.shape)} do not fit logits {tuple(shape)}, axis {axis}: "
            f"they must have the shape {tuple(shape[:axis] + shape[axis + 1 :])}"
        )
    return axis


def _reduced(losses: Array, reduction: str, name: str) -> Array:
    if reduction == "mean":
        return lean.mean(losses)
    if reduction == "sum":
        return lean.sum(losses)
    if reduction == "none":
        return losses
    raise ValueError(f"{name}: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
