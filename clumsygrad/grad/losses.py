"""Backward functions of losses. Each reads `reduction`: "none", "sum", or "mean", which divides by the number of terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _kernels, _pieces, lean
from .._layers import cross_entropies, labels_like, share_of_each
from .._special import special_of
from ..xp import Array, array_namespace, narrowed, widened
from ._read import GradientTuple, attribute, kept, needs, operands, pair, unbroadcast

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "binary_cross_entropy_backward",
    "cross_entropy_backward",
    "mae_backward",
    "mse_backward",
]


def mse_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = |pred − target|², reduced:   prēd = 2 z̄ (pred − target),   tar̄get = −2 z̄ (pred − target);   by 1/n for the mean."""
    prediction, target = pair(tensor, grad)
    slope = kept(tensor, grad)  # by each term's share already
    if slope is not None:
        g = lean.scaled(slope, grad)
    elif not grad.shape and _pieces.are_large(prediction, target):
        g = _pieces.scaled_difference(prediction, target, _scaled(tensor, grad, prediction.shape, 2))
    else:
        difference = prediction - target
        g = lean.multiply_into(difference, _scaled(tensor, grad, difference.shape, 2))
    return _both(tensor, g, prediction, target)


def mae_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = |pred − target|, reduced:   prēd = z̄ sign(pred − target), tar̄get = −prēd;   by 1/n for the mean.   0 where they are equal."""
    prediction, target = pair(tensor, grad)
    sign = lean.sign(prediction - target)
    return _both(tensor, _scaled(tensor, grad, sign.shape, 1) * sign, prediction, target)


def _scaled(tensor: Tensor, grad: Array, shape: tuple[int, ...], factor: float) -> Array:
    """The gradient of each term of the loss."""
    factor *= share_of_each(attribute(tensor, "reduction"), shape)
    return grad if factor == 1 else widened(grad) * factor


def _both(tensor: Tensor, g: Array, prediction: Array, target: Array) -> GradientTuple:
    need_prediction, need_target = needs(tensor)
    return (
        narrowed(unbroadcast(g, prediction.shape), prediction) if need_prediction else None,
        narrowed(unbroadcast(-g, target.shape), target) if need_target else None,
    )


def cross_entropy_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = −log softmax(x)[label] along `axis`, reduced:   x̄ = z̄ (softmax(x) − one-hot(label));   by 1/n for the mean.

    Labels have no gradient.
    """
    logits, labels = operands(tensor, grad)
    axis, reduction = attribute(tensor, "axis") % len(logits.shape), attribute(tensor, "reduction")
    share = share_of_each(reduction, labels.shape)
    sums, slope = kept(tensor, grad) or (None, None)
    if sums is not None:
        found = _kernels.cross_entropy_gradient(logits, labels, sums, grad, axis, share)
        if found is not None:
            return found, None
    if slope is None:
        _, slope = cross_entropies(logits, labels, axis, share)
    if reduction == "none":
        grad = lean.reshape(grad, (*logits.shape[:axis], 1, *logits.shape[axis + 1 :]))
    return narrowed(lean.scaled(slope, grad), grad), None


def binary_cross_entropy_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = −y log σ(x) − (1 − y) log(1 − σ(x)), reduced:   x̄ = z̄ (σ(x) − y),   ȳ = −z̄ x;   by 1/n for the mean.   σ(x) = 1/(1 + e⁻ˣ)."""
    logits, given = operands(tensor, grad)
    need_logits, need_labels = needs(tensor)
    slope = kept(tensor, grad)  # by each term's share already
    gx = gy = None
    if need_logits and slope is not None:
        gx = narrowed(lean.scaled(slope, grad), grad)
    elif need_logits:
        labels, sigmoid = labels_like(logits, given), special_of(grad).expit
        slope = (1 - labels) * sigmoid(logits) - labels * sigmoid(-logits)
        gx = narrowed(slope * _scaled(tensor, grad, logits.shape, 1), grad)
    if need_labels:
        gy = unbroadcast(-logits * _scaled(tensor, grad, logits.shape, 1), given.shape)
        gy = array_namespace(grad).astype(gy, given.dtype, copy=False)
    return gx, gy
