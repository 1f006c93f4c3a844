"""Backward functions of reading and writing elements: reading transposes into adding, writing into reading."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import lean
from .._keys import assigned, is_mask, leaves_nothing, positions, read, repeats, scatter_add, stretched
from ..xp import Array, array_namespace, device, exclusive, ndarray
from ._parts import added_at
from ._read import GradientTuple, attribute, handed_over, integers, may_be_assigned, needs, operand, operands, unbroadcast

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "assign_backward",
    "getitem_backward",
    "scatter_add_backward",
    "take_along_axis_backward",
    "take_backward",
]


def getitem_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x[key]:   x̄ = zeros, with z̄ added at key (summed where a position was read more than once)."""
    return (added_at(tensor, grad, attribute(tensor, "key")),)


def scatter_add_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = zeros with x added at key:   x̄ = z̄[key]."""
    return (unbroadcast(read(grad, attribute(tensor, "key")), operand(tensor, grad).shape),)


def assign_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x with v written at key:   x̄ = z̄ with 0 written at key,   v̄ = z̄[key], 0 for what was written over in the same stroke.

    Where a mask in the host's memory leaves nothing of x, x̄ is None: what x was computed from is not passed, so that a nan in it is
    gone, as from z.
    """
    _, value = operands(tensor, grad)
    need_x, need_value = needs(tensor)
    key = attribute(tensor, "key")
    within = may_be_assigned(tensor, grad)
    g = _value_gradient(tensor, grad, key, value.shape) if need_value else None
    if not need_x or leaves_nothing(key):
        return None, g
    if within and type(g) is ndarray:
        g = exclusive(g)
    return handed_over(tensor, assigned(grad, key, 0, new=within)), g


def _value_gradient(tensor: Tensor, grad: Array, key: Any, shape: tuple[int, ...]) -> Array:
    xp = array_namespace(grad)
    if is_mask(key) and not shape:  # with no look at how many it chooses
        return xp.sum(xp.where(stretched(key, grad), grad, xp.zeros_like(grad)))
    g = read(grad, key)
    last = _last_written(tensor._data, key)
    return unbroadcast(g if last is None else xp.where(last, g, xp.zeros_like(g)), shape)


def _last_written(x: Array, key: Any) -> Array | None:
    """Of the elements written at `key`, which are still there; None where all are (no key but integer arrays repeats)."""
    if not repeats(key):
        return None
    xp = array_namespace(x)
    place = positions(x, key, x.shape)
    turn = xp.reshape(xp.arange(math.prod(place.shape), device=device(x)), place.shape)
    written = assigned(xp.zeros(x.shape, dtype=turn.dtype, device=device(x)), key, turn)
    return read(written, key) == turn


def take_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x at `indices` along `axis`:   x̄ = zeros, with z̄ added at the indices, whose axes stand in the place of that one.

    They have no gradient.
    """
    x, indices = operands(tensor, tensor._data)
    axis = integers(tensor, "axis")
    if axis is None and len(x.shape) != 1:
        return lean.reshape(scatter_add(grad, indices, (math.prod(x.shape),)), x.shape), None
    axis = (axis or 0) % len(x.shape)
    if axis == 0:
        return added_at(tensor, grad, indices), None
    xp = array_namespace(grad)
    end = axis + len(indices.shape)
    g = lean.permute_dims(grad, (*range(axis, end), *range(axis), *range(end, len(grad.shape))))
    first = (x.shape[axis], *x.shape[:axis], *x.shape[axis + 1 :])
    return xp.moveaxis(scatter_add(g, indices, first), 0, axis), None


def take_along_axis_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x at `indices`, one for each element along `axis`:   x̄ = zeros, with z̄ added there.   They have no gradient."""
    x, indices = operands(tensor, tensor._data)
    axis = integers(tensor, "axis") % len(x.shape)
    xp = array_namespace(x)
    key = [
        xp.reshape(xp.arange(n, device=device(x)), (1,) * i + (n,) + (1,) * (len(x.shape) - i - 1)) for i, n in enumerate(x.shape)
    ]
    key[axis] = indices
    return scatter_add(grad, tuple(key), x.shape), None
