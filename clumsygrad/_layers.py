"""What the forward and the backward functions of layers share, in functions of arrays of any library, and of Tensors."""

from __future__ import annotations

import math
from typing import Any

from . import _kernels, lean
from ._philox import keep_mask
from .xp import Array, array_namespace, device, kind

__all__ = ["as_rows", "attention_weights", "dropped", "from_rows", "normalised", "one_over_length", "rows_over"]


def as_rows(x: Array) -> Array:
    """All axes but the last as one; itself, no view of it, where it is a matrix."""
    return x if len(x.shape) == 2 else lean.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))


def rows_over(x: Array, axis: tuple[int, ...]) -> Array:
    """`x` as a matrix whose rows run over the axes in `axis`."""
    order = _axes_last(len(x.shape), axis)
    n = math.prod([x.shape[a] for a in axis])
    others = math.prod([x.shape[a] for a in order[: len(order) - len(axis)]])
    if order != tuple(range(len(order))):
        x = lean.permute_dims(x, order)
    return x if x.shape == (others, n) else lean.reshape(x, (others, n))


def from_rows(rows: Array, shape: tuple[int, ...], axis: tuple[int, ...]) -> Array:
    """An array of `shape` from the matrix that `rows_over` makes of it."""
    order = _axes_last(len(shape), axis)
    if order == tuple(range(len(order))):
        return rows if rows.shape == shape else lean.reshape(rows, shape)
    x = lean.reshape(rows, tuple([shape[a] for a in order]))
    return lean.permute_dims(x, tuple([order.index(a) for a in range(len(order))]))


def one_over_length(rows: Array) -> Array:
    """A column of 1/n. Its product with rows of n is their means: every library is faster at products than at sums of short rows."""
    n = rows.shape[1]
    return lean.filled((n, 1), 1 / max(n, 1), rows)


def _axes_last(ndim: int, axis: tuple[int, ...]) -> tuple[int, ...]:
    return tuple([a for a in range(ndim) if a not in axis]) + axis


def normalised(rows: Array, eps: float) -> tuple[Array, Array]:
    """Of each row 1 / √(variance + eps), and the rows without their means, times that."""
    count, n = rows.shape
    z = rows - rows @ one_over_length(rows)
    inverse = 1 / lean.sqrt(lean.reshape(lean.vecdot(z, z), (count, 1)) * (1 / max(n, 1)) + eps)
    return inverse, lean.multiply_into(z, inverse)


def dropped(x: Array, p: float, seed: int | Array, step: int | Array) -> Array:
    """x / (1 − p) where a random mask keeps it, 0 elsewhere."""
    z = _kernels.dropout(x, p, seed, step)
    if z is not None:
        return z
    return lean.kept_where(keep_mask(x, p, seed, step), x * (1 / (1 - p)))


def attention_weights(q: Array, k: Array, mask: Any, causal: bool, scale: float) -> Array:
    """softmax(scale · Q Kᵀ + mask) over the keys; 0 for a query that may look at none."""
    xp = array_namespace(q)
    scores = lean.times_transpose_by_columns(q * scale, k)
    if causal:
        scores = lean.add_into(scores, _forbidding(_not_later(scores), scores))
    if mask is not None:
        scores = scores + (_forbidding(mask, scores) if kind(mask) == "bool" else mask)
    weights = _kernels.softmax(scores, -1) if mask is None else None
    if weights is not None:
        return weights
    largest = lean.max(scores, -1, keepdims=True)
    if mask is None:
        e = lean.exp_into(lean.subtract_into(scores, largest))
        return lean.divide_into(e, lean.sum(e, -1, keepdims=True))
    e = lean.exp_into(scores - xp.where(xp.isfinite(largest), largest, xp.zeros_like(largest)))
    total = lean.sum(e, -1, keepdims=True)
    return lean.divide_into(e, xp.where(total == 0, xp.ones_like(total), total))


def _forbidding(allowed: Array, like: Array) -> Array:
    """0 where it is allowed, −∞ elsewhere."""
    xp = array_namespace(like)
    return xp.where(allowed, xp.zeros(allowed.shape, dtype=like.dtype, device=device(like)), -math.inf)


def _not_later(scores: Array) -> Array:
    """Which key is not after its query."""
    xp = array_namespace(scores)
    queries, keys = scores.shape[-2:]
    place = device(scores)
    return xp.arange(queries, device=place)[:, None] >= xp.arange(keys, device=place)[None, :]
