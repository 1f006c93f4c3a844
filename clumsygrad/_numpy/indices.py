"""NumPy's functions of positions, and those that order elements in part, by their own names and with their own parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import xp as _xp
from ..forward import composed, indexing, manipulation
from ..forward.arithmetic import add, floor_divide, multiply, remainder
from ..tensor import Tensor
from ..xp import Array, numpy
from ._arguments import (
    axis_of,
    beside,
    brought_inside,
    cast,
    is_numpys,
    on_host,
    positions,
    raveled,
    refuse_fields,
    shape_of,
    tensor,
    tensors,
    whole_numbers,
)

__all__ = ["argpartition", "ix_", "lexsort", "partition", "ravel_multi_index", "unravel_index"]


def unravel_index(indices: Any, shape: Any, order: str = "C") -> tuple[Array, ...]:
    """The indices along each axis of an array of `shape` of positions in that array laid flat."""
    x, lengths = tensor(indices), shape_of(shape)
    if is_numpys(x):
        return tuple([Tensor(numpy.asarray(part)) for part in numpy.unravel_index(x.data, lengths, order=order)])
    _check_integers("unravel_index", x)
    parts = []
    for length in _fastest_first(lengths, order):
        parts.append(remainder(x, length))
        x = floor_divide(x, length)
    return tuple(_fastest_first(parts, order))


def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C") -> Array:
    """The positions in an array of shape `dims` laid flat of indices along each of its axes."""
    lengths = shape_of(dims)
    parts = list(composed.unstack(multi_index)) if type(multi_index) is Tensor else tensors(*multi_index)
    if all(map(is_numpys, parts)):
        return Tensor(numpy.asarray(numpy.ravel_multi_index(tuple([x.data for x in parts]), lengths, mode=mode, order=order)))
    if len(parts) != len(lengths):
        raise ValueError(f"parameter multi_index must be a sequence of length {len(lengths)}")
    _check_integers("ravel_multi_index", *parts)
    modes = (mode,) * len(parts) if isinstance(mode, str) else mode
    within = [brought_inside(x, n, how) for x, n, how in zip(parts, lengths, modes, strict=True)]
    z, *others = _fastest_first(within, order)[::-1]
    for x, length in zip(others, _fastest_first(lengths, order)[::-1][1:], strict=True):
        z = add(multiply(z, length), x)
    return z


def _fastest_first(parts: Sequence[Any], order: str) -> list[Any]:
    """What belongs to the axes, in the order in which they change from one position to the next; and back."""
    if order not in ("C", "F"):
        raise ValueError(f"order must be 'C' or 'F' (got {order!r})")
    return list(parts if order == "F" else parts[::-1])


def _check_integers(name: str, *values: Tensor) -> None:
    for x in values:
        if _xp.kind(x) != "integral":
            raise TypeError(f"numpy.{name}: the indices must be integers, they are of {x.dtype}")


def ix_(*args: Any) -> tuple[Array, ...]:
    """The keys that read, or write, the rows, columns ... named in vectors, each with all others."""
    found, like = [], beside(0, args)
    for i, named in enumerate(args):
        x = whole_numbers(named, like)
        if len(x.shape) != 1:
            raise ValueError("Cross index must be 1 dimensional")
        if _xp.kind(x) == "bool":
            (x,) = indexing.nonzero(x)
        found.append(manipulation.reshape(x, (1,) * i + x.shape + (1,) * (len(args) - i - 1)))
    return tuple(found)


# Order ------------------------------------------------------------------------------------------------------------------------------


def lexsort(keys: Any, axis: int = -1) -> Array:
    """The indices that sort along `axis` by the last key, equal elements by the one before it, and so on."""
    keys = [_sortable(x) for x in (composed.unstack(keys) if type(keys) is Tensor else tensors(*keys))]
    if all(map(is_numpys, keys)):
        return Tensor(numpy.asarray(numpy.lexsort([x.data for x in keys], axis=axis)))
    first, *others = keys
    if not first.shape:
        return positions(0, first)
    axis = axis_of(first, axis, "lexsort")
    order = manipulation.argsort(first, axis=axis)
    for key in others:
        finer = manipulation.argsort(indexing.take_along_axis(key.detach(), order, axis=axis), axis=axis)
        order = indexing.take_along_axis(order, finer, axis=axis)
    return order


def _sortable(x: Tensor) -> Tensor:
    """Truth values as integers, which every library sorts."""
    return cast(x, "uint8") if _xp.kind(x) == "bool" else x


def argpartition(a: Tensor, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None) -> Array:
    """Indices along `axis` that put the kth smallest element in its place, none that is larger before it, none that is smaller after."""
    refuse_fields("argpartition", order)
    a, axis = (raveled(a), 0) if axis is None else (a, axis_of(a, axis, "argpartition"))
    kth = numpy.asarray(on_host(kth))
    if kth.dtype.kind not in "iu":
        raise TypeError(f"numpy.argpartition, partition: kth must be integers, it is of {kth.dtype}")
    if is_numpys(a):
        return Tensor(numpy.argpartition(a.data, kth, axis=axis))
    n = a.shape[axis]
    for k in kth.reshape(-1).tolist():
        if not -n <= k < n:
            raise ValueError(f"kth(={k}) out of bounds ({n})")
    return manipulation.argsort(a, axis=axis)


def partition(a: Tensor, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None) -> Array:
    """a with the kth smallest element along `axis` in its place, none before it that is larger, none after it that is smaller."""
    indices = argpartition(a, kth, axis, kind, order)
    a, axis = (raveled(a), 0) if axis is None else (a, axis_of(a, axis, "partition"))
    return indexing.take_along_axis(a, indices, axis=axis)
