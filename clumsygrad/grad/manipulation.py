"""Backward functions of what moves, repeats, joins and sorts elements: the transposes of permutations and copies."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING

from .. import _sorting, lean
from .._keys import scatter_add
from .._sliding import rolled
from ..xp import Array, array_namespace, as_positions, as_tuple, device
from ._read import GradientTuple, attribute, integers, needs, operand, operands, unbroadcast

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "broadcast_to_backward",
    "concat_backward",
    "flip_backward",
    "moveaxis_backward",
    "repeat_backward",
    "reshape_backward",
    "roll_backward",
    "sort_backward",
    "stack_backward",
    "tile_backward",
    "transpose_backward",
    "tril_backward",
    "triu_backward",
]


def reshape_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x in another shape (also by expand_dims, squeeze):   x̄ = z̄ in the shape of x."""
    return (lean.reshape(grad, operand(tensor, grad).shape),)


def transpose_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = xᵀ:   x̄ = z̄ᵀ, by the inverse permutation of the axes.   Serves T, mT, matrix_transpose and permute_dims."""
    axes = (tensor._attributes or {}).get("axes")
    if axes is None:
        return (lean.matrix_transpose(grad),)
    ndim = len(axes)
    axes = [a % ndim for a in axes]
    return (lean.permute_dims(grad, tuple([axes.index(i) for i in range(ndim)])),)


def moveaxis_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x with axes moved from `source` to `destination`:   x̄ = z̄ with them moved back."""
    xp = array_namespace(grad)
    return (xp.moveaxis(grad, integers(tensor, "destination"), integers(tensor, "source")),)


def broadcast_to_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x broadcast to a shape:   x̄ = z̄ summed over the axes that were stretched."""
    return (unbroadcast(grad, operand(tensor, grad).shape),)


def flip_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x with axes reversed:   x̄ = z̄ with them reversed."""
    xp = array_namespace(grad)
    return (xp.flip(grad, axis=integers(tensor, "axis")),)


def roll_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x rolled by `shift`:   x̄ = z̄ rolled by −shift."""
    shift = integers(tensor, "shift")
    back = tuple([-s for s in shift]) if isinstance(shift, tuple) else -shift
    return (rolled(grad, back, integers(tensor, "axis")),)


def concat_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = arrays joined along an axis:   each has its own piece of z̄."""
    xp = array_namespace(grad)
    parts = operands(tensor, grad)
    axis = integers(tensor, "axis")
    if axis is None:
        sizes = [math.prod(x.shape) for x in parts]
        axis = 0
    else:
        axis %= len(grad.shape)
        sizes = [x.shape[axis] for x in parts]
    ends = list(accumulate(sizes))
    before = (slice(None),) * axis
    return tuple(
        [
            xp.reshape(grad[(*before, slice(end - size, end), ...)], x.shape) if need else None
            for x, size, end, need in zip(parts, sizes, ends, needs(tensor), strict=True)
        ]
    )


def stack_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = arrays side by side along a new axis:   each has its own slice of z̄."""
    before = (slice(None),) * (integers(tensor, "axis") % len(grad.shape))
    return tuple([grad[(*before, i, ...)] if need else None for i, need in enumerate(needs(tensor))])


def repeat_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = each element of x, `repeats` times:   x̄ = the sum of z̄ over its copies.   `repeats` has no gradient."""
    xp = array_namespace(grad)
    x, repeats = operands(tensor, grad)
    axis = integers(tensor, "axis")
    shape = x.shape if axis is not None else (math.prod(x.shape),)
    axis = (axis or 0) % max(len(shape), 1)
    if isinstance(repeats, int) or (math.prod(repeats.shape) == 1 and shape[axis] != 1):
        copies = grad.shape[axis] // shape[axis] if shape[axis] else 0
        split = shape[:axis] + (shape[axis], copies) + shape[axis + 1 :]
        return xp.reshape(xp.sum(xp.reshape(grad, split), axis=axis + 1), x.shape), None
    ends = xp.cumulative_sum(xp.reshape(as_positions(repeats), (-1,)))
    at = xp.arange(grad.shape[axis], dtype=ends.dtype, device=device(ends))
    source = xp.searchsorted(ends, at, side="right")
    g = xp.moveaxis(scatter_add(xp.moveaxis(grad, axis, 0), source, (shape[axis], *shape[:axis], *shape[axis + 1 :])), 0, axis)
    return xp.reshape(g, x.shape), None


def tile_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x repeated as a whole along each axis:   x̄ = the sum of z̄ over the copies."""
    xp = array_namespace(grad)
    shape = operand(tensor, grad).shape
    repetitions = as_tuple(attribute(tensor, "repetitions"))
    ndim = max(len(shape), len(repetitions))
    long = (1,) * (ndim - len(shape)) + tuple(shape)
    times = (1,) * (ndim - len(repetitions)) + repetitions
    split = tuple([n for pair in zip(times, long, strict=True) for n in pair])
    return (xp.reshape(xp.sum(xp.reshape(grad, split), axis=tuple(range(0, 2 * ndim, 2))), shape),)


def tril_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = the lower triangle of x:   x̄ = the lower triangle of z̄."""
    xp = array_namespace(grad)
    return (unbroadcast(xp.tril(grad, k=integers(tensor, "k")), tensor._parents[0].shape),)


def triu_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = the upper triangle of x:   x̄ = the upper triangle of z̄."""
    xp = array_namespace(grad)
    return (unbroadcast(xp.triu(grad, k=integers(tensor, "k")), tensor._parents[0].shape),)


def sort_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x sorted:   x̄ = z̄ sent back to where each element came from (of equal elements, in the order of the stable sort)."""
    x = operand(tensor, tensor._data)
    row, axis = _sorting.along_one(x, attribute(tensor, "axis"))
    order = _sorting.order(row, tensor._data, axis, attribute(tensor, "descending"))
    return (lean.in_shape(_sorting.sent_back(grad, order, axis), x.shape),)
