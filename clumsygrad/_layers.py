"""What forward and backward functions of layers and losses share. Each function takes arrays of any library, and Tensors."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from . import _cublas, _elements, _kernels, lean
from ._philox import keep_mask
from .xp import (
    SCALAR_TYPES,
    SCALARS,
    Array,
    array_namespace,
    as_indices,
    as_positions,
    device,
    device_arrays,
    is_complex,
    is_real_numpys,
    kind,
    narrowed,
    ndarray,
    numpy,
    type_in_words,
    widened,
)

__all__ = [
    "as_rows",
    "attention_weights",
    "axis_along",
    "by_heads",
    "by_rows",
    "check_lengths",
    "check_real",
    "cross_entropies",
    "dropped",
    "from_rows",
    "labels_like",
    "matmul_like",
    "normalised",
    "one_over_length",
    "plus_row",
    "rows_over",
    "scale_of_scores",
    "share_of_each",
    "side_by_side",
    "sum_along",
    "takes_factor",
    "times_transpose_by_columns",
    "without_largest",
]

_SHORT = 128  # elements; NumPy sums shorter rows slowly


def check_real(name: str, x: Array) -> None:
    """Raise TypeError for complex numbers, which have no order and no variance of this kind."""
    if is_complex(x):
        raise TypeError(f"{name}: an operand has dtype {x.dtype}, and all must be real: give real(x), imag(x) or abs(x)")


def check_lengths(x: Array, rows: Array, axis: Any, **parameters: Array | None) -> None:
    """Raise ValueError for parameters of a layer that are not as long as its rows: a kernel would read past their end."""
    for name, p in parameters.items():
        if p is not None and math.prod(p.shape) != rows.shape[1]:
            raise ValueError(
                f"layer_norm: the {name} has shape {tuple(p.shape)}, and must have the lengths of the axes {axis} of x, "
                f"of shape {tuple(x.shape)}: {rows.shape[1]} elements"
            )


# Rows -----------------------------------------------------------------------------------------------------------------------------


def as_rows(x: Array) -> Array:
    """x as a matrix, with all axes but the last as one; x itself, not a view of it, where it is a matrix already."""
    return x if len(x.shape) == 2 else lean.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))


def rows_over(x: Array, axis: int | tuple[int, ...]) -> Array:
    """`x` as a matrix whose rows run over the axes in `axis`."""
    order, turned, count = _axes_last(len(x.shape), axis)
    if turned:
        x = lean.permute_dims(x, order)
    n = math.prod(x.shape[count:])
    return x if len(x.shape) == 2 and count == 1 else lean.reshape(x, (math.prod(x.shape[:count]), n))


def from_rows(rows: Array, shape: tuple[int, ...], axis: int | tuple[int, ...]) -> Array:
    """An array of `shape` from the matrix that `rows_over` makes of it."""
    order, turned, _ = _axes_last(len(shape), axis)
    if not turned:
        return lean.in_shape(rows, shape)
    x = lean.reshape(rows, tuple([shape[a] for a in order]))
    return lean.permute_dims(x, tuple([order.index(a) for a in range(len(order))]))


@functools.lru_cache
def _axes_last(ndim: int, axis: int | tuple[int, ...]) -> tuple[tuple[int, ...], bool, int]:
    """An order of all axes that ends with those in `axis`, whether it is another one than it was, and how many come before them."""
    given = axis if isinstance(axis, tuple) else (axis,)
    last = tuple([a + ndim if a < 0 else a for a in given])
    if not all(0 <= a < ndim for a in last) or len(set(last)) < len(last):
        raise IndexError(f"layer_norm: axis {axis} is not one axis of x, or several different ones; x has {ndim}")
    first = tuple([a for a in range(ndim) if a not in last])
    return first + last, first + last != tuple(range(ndim)), len(first)


def one_over_length(rows: Array) -> Array:
    """A column of 1/n. Its product with rows of n is their means: every library is faster at products than at sums of short rows."""
    n = rows.shape[1]
    return lean.filled((n, 1), 1 / max(n, 1), rows)


def without_largest(x: Array, axis: int | None) -> Array:
    """x less its largest element along an axis, so that its exponentials do not run over; where there is none, x."""
    return x - lean.max(x, axis, keepdims=True) if 0 not in x.shape else x


def axis_along(x: Array, axis: int) -> int | None:
    """The axis that a function of vectors goes along; of a number, which is a vector of one, None."""
    return axis if x.shape or axis not in (0, -1) else None


def sum_along(x: Array, axis: int | None) -> Array:
    """Σ over an axis, which stays, 1 long; of NumPy's matrices with short rows as a product with ones, in a quarter of the time."""
    if is_real_numpys(x) and x.ndim == 2 and x.shape[1] <= _SHORT < len(x) and (axis == 1 or axis == -1):
        return lean.matmul(x, lean.filled((x.shape[1], 1), 1, x))
    return lean.sum(x, axis, keepdims=True)


def normalised(rows: Array, eps: float) -> tuple[Array, Array]:
    """For each row 1 / √(variance + eps), and the rows less their means, times that."""
    count, n = rows.shape
    z = rows - lean.matmul(rows, one_over_length(rows))
    inverse = 1 / lean.sqrt(lean.reshape(lean.vecdot(z, z), (count, 1)) * (1 / max(n, 1)) + float(eps))
    return inverse, lean.multiply_into(z, inverse)


def dropped(x: Array, p: float, seed: int | Array, step: int | Array) -> Array:
    """x / (1 − p) where a random mask keeps it, 0 elsewhere."""
    p = float(p)  # a number of NumPy's would promote
    seed, step = (int(n) if isinstance(n, numpy.integer) else n for n in (seed, step))
    z = _elements.dropout(x, p, seed, step)
    if z is not None:
        return z
    return narrowed(lean.kept_where(keep_mask(x, p, seed, step), x * (1 / (1 - p))), x)


def by_rows(product: Callable[[Array, Array], Array], x: Array, w: Array, b: Array | None = None) -> Array:
    """The product of every row of x (..., n) with a matrix, plus b, as one product of many rows; cuBLAS takes x as it is.

    Callers multiply an x that is a matrix themselves: on the CPU this call more would show in the time of a small network.
    """
    direct = len(x.shape) > 2 and (b is None or len(b.shape) == 1) and _kernels.served(x) is not None
    z = product(x if direct else as_rows(x), w)
    if b is not None:
        z = plus_row(z, b)
    return z if direct else lean.reshape(z, (*x.shape[:-1], z.shape[1]))


def plus_row(z: Array, b: Array) -> Array:
    """Each row of z plus b, in the memory of z if its dtype is the one that both promote to."""
    if getattr(b, "dtype", z.dtype) is not z.dtype:
        xp = array_namespace(z)
        z = xp.astype(z, xp.result_type(z, b), copy=False)
    return lean.add_into(z, b)


# Attention ------------------------------------------------------------------------------------------------------------------------


def by_heads(arrays: Sequence[Array], heads: int) -> Sequence[Array]:
    """Arrays (..., length, heads · n) as (..., heads, length, n); themselves where there is one head."""
    if heads == 1:
        return arrays
    for x in arrays:
        if heads < 1 or x.shape[-1] % heads:
            raise ValueError(
                f"scaled_dot_product_attention: {heads} heads cannot share a width of {x.shape[-1]}; it must be a multiple of them"
            )
    *batch, length, width = arrays[0].shape
    n = width // heads
    copies = _elements.axes_exchanged(arrays, (length, heads, n), (*batch, heads, length, n))
    if copies is not None:
        return copies
    return [_heads_exchanged(lean.reshape(x, (*x.shape[:-1], heads, x.shape[-1] // heads))) for x in arrays]


def side_by_side(arrays: Sequence[Array | None], heads: int) -> Sequence[Array | None]:
    """Arrays (..., heads, length, n) as (..., length, heads · n), the reverse of `by_heads`. None stays None."""
    given = [x for x in arrays if x is not None]
    if heads == 1 or not given:
        return arrays
    *batch, _, length, n = given[0].shape
    together = _elements.axes_exchanged(given, (heads, length, n), (*batch, length, heads * n))
    if together is None:
        together = [lean.reshape(_heads_exchanged(x), (*x.shape[:-3], x.shape[-2], heads * x.shape[-1])) for x in given]
    found = iter(together)
    return [None if x is None else next(found) for x in arrays]


def _heads_exchanged(x: Array) -> Array:
    n = len(x.shape)
    return lean.permute_dims(x, (*range(n - 3), n - 2, n - 3, n - 1))


def scale_of_scores(q: Array, scale: float | None) -> float:
    """`scale`, by default 1 / √n for queries (..., n)."""
    return 1 / math.sqrt(q.shape[-1]) if scale is None else float(scale)  # a number of NumPy's would promote


def attention_weights(q: Array, k: Array, mask: Any, causal: bool, scale: float) -> Array:
    """softmax(scale · Q Kᵀ + mask) over the keys; 0 for a query that may look at none."""
    xp = array_namespace(q)
    if takes_factor(q, scale):
        scores = _cublas.matmul(q, k.mT, scale)
    else:
        scores = times_transpose_by_columns(q * scale, k)
    if causal:
        scores = lean.add_into(scores, _forbidding(_not_later(scores), scores))
    if mask is not None:
        scores = scores + (_forbidding(mask, scores) if kind(mask) == "bool" else mask)
    if not scores.shape[-1]:
        return scores  # with no keys there are no weights
    weights = _kernels.softmax(scores, -1) if mask is None else None
    if weights is not None:
        return weights
    given, scores = scores, widened(scores)
    largest = lean.max(scores, -1, keepdims=True)
    if mask is None:
        e = lean.exp_into(lean.subtract_into(scores, largest))
        return narrowed(lean.divide_into(e, lean.sum(e, -1, keepdims=True)), given)
    e = lean.exp_into(scores - xp.where(xp.isfinite(largest), largest, xp.zeros_like(largest)))
    total = lean.sum(e, -1, keepdims=True)
    return narrowed(lean.divide_into(e, xp.where(total == 0, xp.ones_like(total), total)), given)


def _forbidding(allowed: Array, like: Array) -> Array:
    """0 where it is allowed, −∞ elsewhere."""
    xp = array_namespace(like)
    return narrowed(xp.where(allowed, xp.zeros(allowed.shape, dtype=like.dtype, device=device(like)), -math.inf), like)


def _not_later(scores: Array) -> Array:
    """Which key is not after its query."""
    xp = array_namespace(scores)
    queries, keys = scores.shape[-2:]
    place = device(scores)
    return xp.arange(queries, device=place)[:, None] >= xp.arange(keys, device=place)[None, :]


def times_transpose_by_columns(x: Array, y: Array) -> Array:
    """x yᵀ of stacks of matrices; over NumPy, if its rows are short, with their axis the slowest in memory.

    NumPy's sums over a short last axis start anew for each row; over the slowest axis they add long vectors.
    """
    if (
        type(x) is not ndarray
        or type(y) is not ndarray
        or y.dtype is not x.dtype
        or y.shape[-2] > _SHORT
        or x.ndim < 2
        or y.ndim < 2
    ):
        return lean.matmul(x, lean.matrix_transpose(y))
    batch = numpy.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    z = numpy.empty((y.shape[-2], *batch, x.shape[-2]), dtype=x.dtype)
    z = z.transpose((*range(1, z.ndim - 1), 0, z.ndim - 1))
    return numpy.matmul(y, x.mT, out=z).mT


def takes_factor(x: Array, factor: float) -> bool:
    """Whether `matmul_like` of x by a factor costs nothing more: it is one of cuBLAS's arguments."""
    return type(x) in device_arrays and type(factor) is float


def matmul_like(x: Array, y: Array, like: Array, factor: float = 1.0) -> Array:
    """x y, times a factor (see `takes_factor`); over NumPy, if it has the shape of `like`, with its axes in memory as those of `like`."""
    if takes_factor(x, factor):
        return _cublas.matmul(x, y, factor)
    if type(x) is type(y) is type(like) is ndarray and x.dtype is y.dtype is like.dtype:
        if x.shape[:-1] == like.shape[:-1] and y.shape[:-2] == like.shape[:-2] and y.shape[-1] == like.shape[-1]:
            return numpy.matmul(x, y, out=numpy.empty_like(like))
    return lean.matmul(x, y)


# Losses ---------------------------------------------------------------------------------------------------------------------------


def labels_like(logits: Array, labels: Array) -> Array:
    """Labels in the dtype of the logits, if they have their shape or are one for all; a number as it is."""
    if type(labels) in SCALAR_TYPES:  # NumPy's numbers, beside whichever library
        labels = labels.item()
    if type(labels) in SCALARS and type(labels) is not complex:
        return labels
    if not hasattr(labels, "shape") or is_complex(labels):
        got = f"dtype {labels.dtype}" if hasattr(labels, "dtype") else type_in_words(labels)
        raise TypeError(f"binary_cross_entropy: the labels must be real numbers, in an array or one for all, got {got}")
    if labels.shape not in (logits.shape, ()):
        raise ValueError(
            f"binary_cross_entropy: labels of shape {tuple(labels.shape)} do not fit logits {tuple(logits.shape)}: "
            "they must have the same shape, or be one number for all"
        )
    return labels if labels.dtype == logits.dtype else array_namespace(labels).astype(labels, logits.dtype)


def share_of_each(reduction: str, shape: tuple[int, ...]) -> float:
    """What each of the terms of a loss, an array of `shape`, counts for in the result: 1/n in a mean."""
    return 1 / max(math.prod(shape), 1) if reduction == "mean" else 1.0


def cross_entropies(logits: Array, labels: Array, axis: int, share: float) -> tuple[Array, Array]:
    """−log softmax(logits)[label] along `axis`, and its slope, softmax(logits) − one-hot(label), times `share`; both widened."""
    xp, logits = array_namespace(logits), widened(logits)
    largest = lean.max(logits, axis, keepdims=True)
    x = logits - largest
    in_numpy = type(x) is ndarray
    at = _at_labels(labels, axis) if in_numpy else lean.reshape(labels, largest.shape)
    chosen = x[at] if in_numpy else lean.reshape(xp.take_along_axis(x, as_indices(at), axis=axis), labels.shape)
    e = lean.exp_into(x)
    total = sum_along(e, axis)
    slope = lean.multiply_into(e, share / total)
    if in_numpy:
        slope[at] -= share
    else:
        places = as_positions(at) % logits.shape[axis]  # of labels that count from the last class too
        slope = xp.where(_classes(slope, places, axis) == places, slope - share, slope)
    return lean.reshape(xp.log(total), labels.shape) - chosen, slope


def _at_labels(labels: ndarray, axis: int) -> tuple[Any, ...]:
    """The key by which NumPy reads the elements at the labels, in their shape."""
    ndim = labels.ndim
    if ndim == 1:  # as most are
        rows = numpy.arange(len(labels))
        return (rows, labels) if axis else (labels, rows)
    key: list[Any] = [numpy.arange(n).reshape((n,) + (1,) * (ndim - i - 1)) for i, n in enumerate(labels.shape)]
    key.insert(axis, labels)
    return tuple(key)


def _classes(x: Array, places: Array, axis: int) -> Array:
    """0, 1 ... along `axis` of x, in the dtype of the places of the labels."""
    xp = array_namespace(x)
    n = x.shape[axis]
    return xp.reshape(xp.arange(n, dtype=places.dtype, device=device(places)), (n,) + (1,) * (len(x.shape) - axis - 1))
