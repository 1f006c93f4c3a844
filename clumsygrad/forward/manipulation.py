"""Shapes, axes, copies, joins, sorts: what moves elements and computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import _keys, _sorting, grad, lean
from .._operation import operation
from .._sliding import rolled
from .._transfer import array_beside
from ..xp import Array, array_namespace, as_indices, as_integers, as_positions, as_tuple, is_array, is_wrapper

__all__ = [
    "argsort",
    "broadcast_to",
    "concat",
    "expand_dims",
    "flip",
    "isin",
    "matrix_transpose",
    "moveaxis",
    "permute_dims",
    "repeat",
    "reshape",
    "roll",
    "searchsorted",
    "sort",
    "squeeze",
    "stack",
    "tile",
    "tril",
    "triu",
]


@operation(grad.reshape_backward)
def reshape(x: Array, /, shape: tuple[int, ...], *, copy: bool | None = None) -> Array:
    """x in another shape of as many elements; one length may be −1."""
    if copy is None:
        return lean.reshape(x, tuple(shape))
    return array_namespace(x).reshape(x, tuple(shape), copy=copy)


@operation(grad.reshape_backward)
def expand_dims(x: Array, /, axis: int | tuple[int, ...]) -> Array:
    """x with a new axis of length 1 at the position `axis` of the result."""
    return array_namespace(x).expand_dims(x, axis=as_integers(axis))


@operation(grad.reshape_backward)
def squeeze(x: Array, /, axis: int | tuple[int, ...]) -> Array:
    """x without the axes `axis`, which have length 1."""
    return array_namespace(x).squeeze(x, axis=as_integers(axis))


@operation(grad.transpose_backward)
def permute_dims(x: Array, /, axes: tuple[int, ...]) -> Array:
    """x with its axes in the order `axes`."""
    return lean.permute_dims(x, axes)


@operation(grad.transpose_backward)
def matrix_transpose(x: Array, /) -> Array:
    """x with its last two axes exchanged."""
    return lean.matrix_transpose(x)


@operation(grad.transpose_backward)
def _transpose(x: Array, /) -> Array:
    """The transpose of a matrix: `x.T`."""
    return x.T


@operation(grad.moveaxis_backward)
def moveaxis(x: Array, source: int | tuple[int, ...], destination: int | tuple[int, ...], /) -> Array:
    """x with the axes `source` moved to the positions `destination`."""
    return array_namespace(x).moveaxis(x, as_integers(source), as_integers(destination))


@operation(grad.broadcast_to_backward)
def broadcast_to(x: Array, /, shape: tuple[int, ...]) -> Array:
    """x repeated along new axes and along axes of length 1, to the shape `shape`."""
    return array_namespace(x).broadcast_to(x, as_tuple(shape))


@operation(grad.flip_backward)
def flip(x: Array, /, *, axis: int | tuple[int, ...] | None = None) -> Array:
    """x with the order of its elements along `axis` (an axis, several, or all) reversed."""
    return array_namespace(x).flip(x, axis=as_integers(axis))


@operation(grad.roll_backward)
def roll(x: Array, /, shift: int | tuple[int, ...], *, axis: int | tuple[int, ...] | None = None) -> Array:
    """x with its elements moved by `shift` places along `axis`; what leaves at the end comes in at the front."""
    return rolled(x, as_integers(shift), as_integers(axis))


def concat(arrays: Sequence[Array], /, *, axis: int | None = 0) -> Array:
    """The arrays one after the other along `axis`; with None, all of them laid flat. One array is the sequence of its slices."""
    return _concat(arrays if isinstance(arrays, (list, tuple)) else _slices(arrays, "concat"), axis=axis)


def stack(arrays: Sequence[Array], /, *, axis: int = 0) -> Array:
    """The arrays, of one shape, side by side along a new axis. One array is the sequence of its slices."""
    return _stack(arrays if isinstance(arrays, (list, tuple)) else _slices(arrays, "stack"), axis=axis)


def repeat(x: Array, repeats: int | Array, /, *, axis: int | None = None) -> Array:
    """x with each element along `axis` repeated `repeats` times (one number, or one for each); with None, of x laid flat."""
    return _repeat(x, array_beside(repeats, x) if isinstance(repeats, (list, tuple)) else repeats, axis=axis)


@operation(grad.concat_backward)
def _concat(arrays: Sequence[Array], /, *, axis: int | None) -> Array:
    return array_namespace(arrays[0]).concat(arrays, axis=as_integers(axis))


@operation(grad.stack_backward)
def _stack(arrays: Sequence[Array], /, *, axis: int) -> Array:
    return array_namespace(arrays[0]).stack(arrays, axis=as_integers(axis))


@operation(grad.repeat_backward, operands=("x", "repeats"))
def _repeat(x: Array, repeats: int | Array, /, *, axis: int | None) -> Array:
    return array_namespace(x).repeat(x, as_positions(repeats) if is_array(repeats) else repeats, axis=as_integers(axis))


def _slices(arrays: Any, name: str) -> list[Array]:
    """The arrays in a sequence that is no list; of an array in its place the slices along the first axis, as in NumPy."""
    if not (is_wrapper(arrays) or is_array(arrays)):
        return list(arrays)
    if not arrays.shape:
        raise ValueError(f"{name}: the operand is one array of shape (); it must be a list of arrays, or have an axis to slice")
    return [_keys.read(arrays, (i, ...)) for i in range(arrays.shape[0])]


@operation(grad.tile_backward)
def tile(x: Array, repetitions: tuple[int, ...], /) -> Array:
    """x as a whole repeated along each axis."""
    return array_namespace(x).tile(x, as_tuple(repetitions))


@operation(grad.tril_backward)
def tril(x: Array, /, *, k: int = 0) -> Array:
    """The lower triangle of each matrix in x, up to the k-th diagonal; 0 above."""
    return array_namespace(x).tril(x, k=k)


@operation(grad.triu_backward)
def triu(x: Array, /, *, k: int = 0) -> Array:
    """The upper triangle of each matrix in x, from the k-th diagonal; 0 below."""
    return array_namespace(x).triu(x, k=k)


@operation(grad.sort_backward)
def sort(x: Array, /, *, axis: int | None = -1, descending: bool = False, stable: bool = True) -> Array:
    """x sorted along `axis`; with None, of x laid flat."""
    return _sorting.in_order(x, axis, descending, stable)


# No gradient ----------------------------------------------------------------------------------------------------------------------


@operation(None)
def argsort(x: Array, /, *, axis: int | None = -1, descending: bool = False, stable: bool = True) -> Array:
    """The indices that sort x along `axis`; with None, those of x laid flat."""
    x, axis = _sorting.along_one(x, axis)
    return array_namespace(x).argsort(x, axis=axis, descending=descending, stable=stable)


@operation(None, operands=("x1", "x2", "sorter"))
def searchsorted(x1: Array, x2: Array, /, *, side: str = "left", sorter: Array | None = None) -> Array:
    """The indices at which x2 would have to be inserted into x1 (sorted, or by `sorter`) to keep it sorted."""
    return array_namespace(x1).searchsorted(x1, x2, side=side, sorter=as_indices(sorter))


@operation(None, operands=("x1", "x2"))
def isin(x1: Array | complex, x2: Array | complex, /, *, invert: bool = False) -> Array:
    """Whether each element of x1 is one of x2; with `invert`, whether it is not."""
    return array_namespace(x1 if hasattr(x1, "shape") else x2).isin(x1, x2, invert=invert)


# The values are constants here; composed.py reads them off x.


@operation(None)
def unique_all(x: Array, /) -> tuple[Array, Array, Array, Array]:
    """The distinct values of x, where each is first found, which one each element is, and how often each occurs."""
    return _keys.unique_all(x)


@operation(None)
def unique_counts(x: Array, /) -> tuple[Array, Array]:
    """The distinct values of x, and how often each occurs."""
    return array_namespace(x).unique_counts(x)  # type: ignore[no-any-return]


@operation(None)
def unique_inverse(x: Array, /) -> tuple[Array, Array]:
    """The distinct values of x, and which one each element is."""
    return array_namespace(x).unique_inverse(x)  # type: ignore[no-any-return]


@operation(None)
def unique_values(x: Array, /) -> Array:
    """The distinct values of x."""
    return array_namespace(x).unique_values(x)
