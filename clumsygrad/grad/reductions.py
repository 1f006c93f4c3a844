"""Backward functions of reductions, cumulative sums, and differences of neighbours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import lean
from .._beyond import products_before
from ..xp import Array, array_namespace, device, narrowed, numpy, widened
from ._read import GradientTuple, attribute, conj_operand, conj_result, integers, operand, or_one, reduced_axes, result, shape_kept

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "cumulative_prod_backward",
    "cumulative_sum_backward",
    "diff_backward",
    "logsumexp_backward",
    "max_backward",
    "mean_backward",
    "prod_backward",
    "std_backward",
    "sum_backward",
    "sum_of_rows_backward",
    "var_backward",
]


def _stretched(tensor: Tensor, grad: Array, shape: tuple[int, ...]) -> Array:
    """The gradient of a reduced result, broadcast back over the axes that were reduced."""
    axis = attribute(tensor, "axis")
    if grad.shape and (type(axis) is not int or axis):  # over the leading axis it is broadcast as it is
        grad = lean.reshape(grad, shape_kept(tensor, shape))
    return lean.broadcast_to(grad, shape)


def sum_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Σ x over `axis`:   x̄ = z̄, broadcast back over the axes that were summed (negative, several, or all; kept or not)."""
    return (_stretched(tensor, grad, operand(tensor, grad).shape),)


def sum_of_rows_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Σ of the rows of x:   x̄ = z̄ in each row."""
    return (lean.broadcast_to(grad, operand(tensor, grad).shape),)


def mean_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = (Σ x) / n over `axis`:   x̄ = z̄ / n, broadcast back.   n is the number of elements in each mean."""
    shape = operand(tensor, grad).shape
    n = math.prod([shape[a] for a in reduced_axes(tensor, len(shape))])
    return (_stretched(tensor, narrowed(widened(grad) / n, grad) if n else grad, shape),)


def max_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = max x (or min x) over `axis`:   x̄ = z̄ at the extremum, shared equally by all that are equal to it."""
    xp = array_namespace(grad)
    x = operand(tensor, grad)
    kept = shape_kept(tensor, x.shape)
    at = x == lean.reshape(result(tensor, grad), kept)
    count = xp.sum(widened(xp.astype(at, grad.dtype)), axis=reduced_axes(tensor, len(x.shape)), keepdims=True)
    return (xp.where(at, narrowed(lean.reshape(grad, kept) / count, grad), xp.zeros_like(x)),)


def _times_normal(grad: Array, z: Array) -> Array | None:
    """z̄ z for NumPy's arrays, to be divided by factors of z; None for others, and where z or z̄ z overflowed or lost digits to underflow."""
    if not lean.is_normal(z):
        return None
    with numpy.errstate(over="ignore"):
        product = grad * z
    return product if lean.is_normal(product) or lean.is_normal(product[grad != 0]) else None


def prod_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Π x over `axis`:   x̄ᵢ = z̄ · conj(Π_{j≠i} xⱼ).

    The products before and after each element are accumulated, with no division: right where elements are zero. (Over NumPy z̄ z is
    divided by x where no product is 0 or has lost digits. Products of only some of the factors are not checked: that would take
    twice as long as the rest for few factors, and ten times for a million.)
    """
    xp = array_namespace(grad)
    x = conj_operand(tensor, grad)
    shape = x.shape
    z = conj_result(tensor, grad)
    product = _times_normal(grad, z)
    if product is not None:
        return (lean.reshape(product, shape_kept(tensor, shape)) / x,)
    axes = reduced_axes(tensor, len(shape))
    others = tuple([i for i in range(len(shape)) if i not in axes])
    order = others + axes
    rows = lean.reshape(xp.permute_dims(x, order), tuple([shape[i] for i in others]) + (math.prod([shape[i] for i in axes]),))
    before = products_before(xp, rows)
    after = xp.flip(products_before(xp, xp.flip(rows, axis=-1)), axis=-1)
    g = lean.reshape(lean.reshape(grad, rows.shape[:-1] + (1,)) * before * after, tuple([shape[i] for i in order]))
    return (xp.permute_dims(g, tuple([order.index(i) for i in range(len(shape))])),)


def var_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Σ (x − mean)² / (n − correction):   x̄ = 2 z̄ (x − mean) / (n − correction)."""
    x = operand(tensor, grad)
    g = lean.reshape(grad, shape_kept(tensor, x.shape))
    return (g * (_deviation(tensor, x) * (2 / _degrees(tensor, x.shape))),)


def std_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = √(Σ (x − mean)² / (n − correction)):   x̄ = z̄ (x − mean) / (z (n − correction)).   0 where all x are equal."""
    xp = array_namespace(grad)
    x = operand(tensor, grad)
    kept = shape_kept(tensor, x.shape)
    z = lean.reshape(result(tensor, grad), kept)
    g = lean.reshape(grad, kept) / or_one(xp, z)
    return (g * (_deviation(tensor, x) / _degrees(tensor, x.shape)),)


def _deviation(tensor: Tensor, x: Array) -> Array:
    return x - lean.mean(x, reduced_axes(tensor, len(x.shape)), keepdims=True)


def _degrees(tensor: Tensor, shape: tuple[int, ...]) -> float:
    n = math.prod([shape[a] for a in reduced_axes(tensor, len(shape))]) - float(attribute(tensor, "correction"))
    return max(n, 0) or math.nan


def logsumexp_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = log Σ exp(x) over `axis`:   x̄ = z̄ · conj(exp(x − z)).   0 where a whole sum is 0 (z = −∞).

    A z of 16 bits has lost digits: there exp(x − z) is divided by its sum.
    """
    xp = array_namespace(grad)
    x = conj_operand(tensor, grad)
    wide, kept = widened(x), shape_kept(tensor, x.shape)
    z = lean.reshape(conj_result(tensor, grad), kept)
    z = xp.where(xp.isfinite(z), z, xp.zeros_like(z))
    parts = xp.exp(wide - widened(z))
    if wide is not x:
        parts = parts / or_one(xp, lean.sum(parts, reduced_axes(tensor, len(x.shape)), keepdims=True))
    return (narrowed(lean.reshape(grad, kept) * parts, grad),)


def cumulative_sum_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """zₖ = Σ_{i≤k} xᵢ:   x̄ᵢ = Σ_{k≥i} z̄ₖ: the cumulative sum from the other end."""
    xp = array_namespace(grad)
    axis, g = _cumulated(tensor, grad)
    return (lean.in_shape(_summed_from_the_end(xp, g, axis), operand(tensor, grad).shape),)


def _summed_from_the_end(xp: Any, x: Array, axis: int) -> Array:
    return xp.flip(xp.cumulative_sum(xp.flip(x, axis=axis), axis=axis), axis=axis)


def diff_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """zᵢ = xᵢ₊₁ − xᵢ along `axis`:   x̄ᵢ = z̄ᵢ₋₁ − z̄ᵢ, where what lies beyond the ends of z̄ is 0."""
    xp = array_namespace(grad)
    axis = attribute(tensor, "axis")
    if not grad.shape[axis]:
        return (xp.zeros(operand(tensor, grad).shape, dtype=grad.dtype, device=device(grad)),)
    before = (slice(None),) * axis
    inner = grad[(*before, slice(None, -1), ...)] - grad[(*before, slice(1, None), ...)]
    return (xp.concat([-grad[(*before, slice(1), ...)], inner, grad[(*before, slice(-1, None), ...)]], axis=axis),)


def cumulative_prod_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """zₖ = Π_{i≤k} xᵢ:   x̄ᵢ = conj(Π_{j<i} xⱼ) · sᵢ,   sᵢ = z̄ᵢ + conj(xᵢ₊₁) sᵢ₊₁.

    The recurrence runs by doubling, in log₂ n steps over the whole axis, and divides by nothing: right where elements are zero. (Over
    NumPy, where no zₖ is 0 and none has lost digits, it is x̄ᵢ = Σ_{k≥i} z̄ₖ conj(zₖ) / conj(xᵢ).)
    """
    xp = array_namespace(grad)
    axis, g = _cumulated(tensor, grad)
    x = conj_operand(tensor, grad)
    _, z = _cumulated(tensor, conj_result(tensor, grad))
    product = _times_normal(g, z)
    if product is not None:
        return (lean.in_shape(_summed_from_the_end(xp, product, axis), x.shape) / x,)
    x = xp.moveaxis(x, axis, -1)
    n = x.shape[-1]
    if n == 0:
        return (g,)
    sums = xp.moveaxis(g, axis, -1)
    factor = xp.concat([x[..., 1:], xp.zeros_like(x[..., :1])], axis=-1)
    step = 1
    while step < n:
        sums = sums + factor * _moved_up(xp, sums, step)
        factor = factor * _moved_up(xp, factor, step)
        step *= 2
    return (xp.moveaxis(products_before(xp, x) * sums, -1, axis),)


def _moved_up(xp: Any, x: Array, step: int) -> Array:
    """Along the last axis, the element `step` places on; 0 past the end."""
    return xp.concat([x[..., step:], xp.zeros_like(x[..., :step])], axis=-1)


def _cumulated(tensor: Tensor, grad: Array) -> tuple[int, Array]:
    """The axis, and the gradient without that of the initial element, which is a constant."""
    axis = integers(tensor, "axis")
    axis = 0 if axis is None else axis % len(grad.shape)
    if attribute(tensor, "include_initial"):
        grad = grad[(slice(None),) * axis + (slice(1, None), ...)]
    return axis, grad
