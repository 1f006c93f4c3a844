"""Losses: single operations, each with its own backward function."""

from __future__ import annotations

import math

from .. import _kernels, _pieces, grad, lean
from .._operation import operation
from ..xp import Array, array_namespace, kind

__all__ = ["cross_entropy", "mae_loss", "mse_loss"]


@operation(grad.mse_backward, operands=("prediction", "target"))
def mse_loss(prediction: Array, target: Array, /, *, reduction: str = "mean") -> Array:
    """|prediction − target|², and by `reduction` ("mean", "sum" or "none") its mean, its sum, or each.

    The operands broadcast. Raises ValueError for another reduction.

    >>> import clumsygrad as cg
    >>> cg.loss.mse_loss(cg.asarray([1.0, 2.0]), cg.asarray([0.0, 0.0]))
    Tensor(array(2.5))
    """
    if reduction in ("mean", "sum"):
        if _pieces.are_large(prediction, target):
            total, shape = _pieces.sum_of_squared_differences(prediction, target), prediction.shape
        else:
            difference = prediction - target
            total, shape = lean.sum_of_squares(difference), difference.shape
        return total / math.prod(shape) if reduction == "mean" else total
    difference = prediction - target
    if kind(difference) == "complex floating":
        difference = array_namespace(prediction).abs(difference)
    return _reduced(lean.multiply_into(difference, difference), reduction, "mse_loss")


@operation(grad.mae_backward, operands=("prediction", "target"))
def mae_loss(prediction: Array, target: Array, /, *, reduction: str = "mean") -> Array:
    """|prediction − target|, and by `reduction` ("mean", "sum" or "none") its mean, its sum, or each.

    The operands broadcast. The gradient is 0 where they are equal. Raises ValueError for another reduction.

    >>> import clumsygrad as cg
    >>> cg.loss.mae_loss(cg.asarray([1.0, 2.0]), cg.asarray([0.0, 0.0]))
    Tensor(array(1.5))
    """
    xp = array_namespace(prediction)
    return _reduced(xp.abs(prediction - target), reduction, "mae_loss")


@operation(grad.cross_entropy_backward, keeps=True)
def cross_entropy(logits: Array, labels: Array, /, *, axis: int = -1, reduction: str = "mean") -> Array:
    """−log softmax(logits)[label] along `axis`, and by `reduction` ("mean", "sum" or "none") its mean, its sum, or each.

    `labels` are integers from 0 up to the number of classes, of the shape of `logits` without `axis`. Raises TypeError where they
    are not integers, ValueError for another shape or reduction.

    >>> import clumsygrad as cg
    >>> cg.loss.cross_entropy(cg.asarray([[0.0, 0.0]]), cg.asarray([1]))
    Tensor(array(0.69314718))
    """
    xp = array_namespace(logits)
    axis = _axis_of_classes(logits, labels, axis)
    found = _kernels.cross_entropy(logits, labels, axis)
    if found is not None:
        losses, sums = found
        return _reduced(losses, reduction, "cross_entropy"), sums
    largest = lean.max(logits, axis, keepdims=True)
    x = logits - largest
    chosen = lean.chosen(x, lean.reshape(labels, largest.shape), axis)
    sums = xp.log(lean.sum(lean.exp_into(x), axis, keepdims=True))
    losses = lean.reshape(sums - chosen, labels.shape)
    return _reduced(losses, reduction, "cross_entropy"), lean.add_into(sums, largest)


def _axis_of_classes(logits: Array, labels: Array, axis: int) -> int:
    """`axis` counted from the front, if the operands fit."""
    if kind(labels) != "integral":
        raise TypeError(f"cross_entropy: the labels must be integers, got dtype {labels.dtype}")
    if not -len(logits.shape) <= axis < len(logits.shape):
        raise IndexError(f"cross_entropy: axis {axis} is out of range for logits of shape {tuple(logits.shape)}")
    axis %= len(logits.shape)
    if tuple(labels.shape) != tuple(logits.shape[:axis] + logits.shape[axis + 1 :]):
        raise ValueError(
            f"cross_entropy: labels of shape {tuple(labels.shape)} do not fit logits {tuple(logits.shape)}, axis {axis}"
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
