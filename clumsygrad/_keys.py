"""Reading and writing at keys, which every library spells its own way: reading back to front, writing into a copy, adding at repeats;
and finding where the distinct values are.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from . import _scatter
from ._modes import adds_in_order
from .xp import (
    SCALARS,
    Array,
    array_namespace,
    as_positions,
    copied,
    device,
    device_arrays,
    is_array,
    is_floating,
    is_on_host,
    is_wrapper,
    kind,
    library_of,
    mutable_arrays,
    name_of,
    numpy,
    on_its_device,
    optional,
)

__all__ = [
    "add_at",
    "adds_at",
    "apart",
    "assigned",
    "copied_part",
    "is_mask",
    "leaves_nothing",
    "positions",
    "read",
    "repeats",
    "scatter_add",
    "stretched",
    "unique_all",
]

_NO_ARRAYS = frozenset({slice, int, type(None), type(Ellipsis)})  # what most keys are made of


def is_mask(key: Any) -> bool:
    """Whether a key is one boolean array."""
    return is_array(key) and kind(key) == "bool"


def stretched(mask: Array, like: Array) -> Array:
    """A mask of the first axes of an array, with axes of length 1 for the others."""
    return array_namespace(mask).reshape(mask, mask.shape + (1,) * (len(like.shape) - mask.ndim))


def _keeps_kind(value: Any, x: Array) -> bool:
    """Whether one number, written into x by `where`, leaves the dtype of x as it is."""
    if type(value) in SCALARS:
        return type(value) is not complex and is_floating(x)
    return not value.shape and bool(value.dtype == x.dtype)


def read(x: Array, key: Any) -> Array:
    """`x[key]`; on torch also by slices that step back, on array-api-strict also rows at an integer array; of a Tensor, recorded."""
    if type(x) is numpy.ndarray:
        return x[key]
    if is_wrapper(x):
        return x._getitem(key)
    library = library_of(x)
    if library == "array_api_strict" and len(x.shape) > 1 and is_array(key) and kind(key) == "integral":
        xp = array_namespace(x)
        rows = xp.take(x, xp.reshape(xp.where(key < 0, key + x.shape[0], key), (-1,)), axis=0)
        return xp.reshape(rows, (*key.shape, *x.shape[1:]))
    if library == "torch":
        key = _in_int64(key)
        return _read_back(array_namespace(x), x, key) if _steps_back(key) else x[key]
    return x[key]


def _in_int64(key: Any) -> Any:
    """A key whose arrays of integers are of int64: torch refuses others, and takes uint8 for a mask."""
    if isinstance(key, tuple):
        return tuple([_in_int64(part) for part in key])
    return as_positions(key) if is_array(key) and kind(key) == "integral" else key


def _read_back(xp: Any, x: Array, key: Any) -> Array:
    """`x[key]` in a library whose slices cannot step back: forward, and flipped."""
    parts = list(key) if isinstance(key, tuple) else [key]
    used = sum(_axes_read(part) for part in parts)
    axis = 0
    for i, part in enumerate(parts):
        if isinstance(part, slice) and part.step is not None and part.step < 0:
            chosen = range(*part.indices(x.shape[axis]))[::-1]
            forward = slice(chosen.start, chosen.stop, chosen.step) if len(chosen) else slice(0, 0)
            x = xp.flip(x[(slice(None),) * axis + (forward,)], axis=axis)
            parts[i] = slice(None)
        axis += len(x.shape) - used if part is Ellipsis else _axes_read(part)
    return x[tuple(parts)]


def _steps_back(key: Any) -> bool:
    parts = key if isinstance(key, tuple) else (key,)
    return any(isinstance(part, slice) and part.step is not None and part.step < 0 for part in parts)


def _axes_read(part: Any) -> int:
    """How many axes of an array a part of a key speaks of; of `...`, which takes the others, none."""
    if part is None or part is Ellipsis:
        return 0
    return int(part.ndim) if is_mask(part) else 1


def assigned(x: Array, key: Any, value: Any, *, new: bool = False) -> Array:
    """A copy of `x` in which `copy[key] = value`; of a Tensor, the recorded operation. One that is `new` may be written itself."""
    if is_wrapper(x):
        return _next_version(x, key, value) if new else array_namespace(x).assign(x, key, value)
    xp = array_namespace(x)
    library = name_of(xp)
    if is_mask(key) and _keeps_kind(value, x) and key.shape == x.shape[: key.ndim]:  # with no look at how many it chooses
        return xp.where(stretched(key, x), value, x)
    if library == "jax":
        return x.at[key].set(value)
    if library == "array_api_strict" and _is_read_only(key):
        return _assigned_by_position(x, key, value)
    if library == "dask":
        key, value, nothing = _on_dask(x, key, value)
        if nothing:
            return x
    if library == "torch":
        key = _in_int64(key)
    if library == "torch" and _steps_back(key):
        place = positions(x, key, x.shape)
        copy = xp.reshape(x if new else xp.asarray(x, copy=True), (-1,))
        copy[xp.reshape(place, (-1,))] = xp.reshape(xp.broadcast_to(value, place.shape), (-1,)) if is_array(value) else value
        return xp.reshape(copy, x.shape)
    if library == "cupy" and type(value) in SCALARS and repeats(key):  # which CuPy would upload
        value = xp.full((), value, dtype=x.dtype, device=device(x))
    copy = x if new else xp.asarray(x, copy=True)
    copy[key] = value
    return copy


def _next_version(x: Any, key: Any, value: Any) -> Any:
    """The same Tensor, of which others go on reading the version that they read."""
    x[key] = value
    return x


def copied_part(x: Array, key: Any) -> Array:
    """A copy of `x[key]`."""
    return copied(x[key])


def apart(part: Array, x: Array) -> Array:
    """What was read of x, so that it does not keep x in memory: a copy of a view, unless that is most of x."""
    if type(x) is numpy.ndarray:
        return copied(part) if type(part) is numpy.ndarray and 2 * part.size <= x.size else part
    has_views = type(x) in device_arrays or type(x) in mutable_arrays
    return on_its_device(copied, part) if has_views and 2 * math.prod(part.shape) <= math.prod(x.shape) else part


def _on_dask(x: Array, key: Any, value: Any) -> tuple[Any, Any, bool]:
    """A key without new axes, a value that fits there, and whether nothing is assigned to: Dask assigns at neither."""
    target = x[key]
    if isinstance(key, tuple) and any(part is None for part in key):
        bare = tuple([part for part in key if part is not None])
        if is_array(value):
            xp = array_namespace(x)
            value = xp.reshape(xp.broadcast_to(value, target.shape), x[bare].shape)
        key = bare
    return key, value, 0 in target.shape


def positions(x: Array, key: Any, shape: tuple[int, ...]) -> Array:
    """The positions, in an array of `shape` laid flat, that `key` reads; an array of the library and device of `x`."""
    xp = array_namespace(x)
    if is_array(key) and kind(key) == "integral" and shape:
        row, key = math.prod(shape[1:]), as_positions(key)
        first = xp.where(key < 0, key + shape[0], key) * row
        within = xp.reshape(xp.arange(row, dtype=first.dtype, device=device(x)), (1,) * key.ndim + shape[1:])
        return xp.reshape(first, key.shape + (1,) * (len(shape) - 1)) + within
    flat = xp.arange(math.prod(shape), device=device(x))
    return read(xp.reshape(flat, shape), key)


def leaves_nothing(key: Any) -> bool:
    """Whether a key is a mask that chooses every element, where that can be seen with nothing computed and no device waited for."""
    return is_mask(key) and is_on_host(key) and bool(array_namespace(key).all(key))


def scatter_add(x: Array, key: Any, shape: tuple[int, ...]) -> Array:
    """Zeros of `shape`, with `x` added at `key`: `zeros[key] += x`, but summing repeated positions; of a Tensor, recorded."""
    xp = array_namespace(x)
    if is_wrapper(x):
        return xp.scatter_add(x, key, shape)
    library = name_of(xp)
    if library == "jax":
        return xp.zeros(shape, dtype=x.dtype).at[key].add(x)
    if not repeats(key):
        zeros = x.new_zeros(shape) if library == "torch" else xp.zeros(shape, dtype=x.dtype, device=device(x))
        return assigned(zeros, key, x, new=True)
    if library in ("numpy", "torch") and is_array(key) and len(shape) > 1:
        return _rows_added(xp, x, key, shape)
    if library == "cupy":
        return _added_on_device(xp, x, key, shape)
    where = xp.reshape(positions(x, key, shape), (-1,))
    values = xp.reshape(x, (-1,))
    size = math.prod(shape)
    if library == "numpy":
        return _numbers_added(values, where, shape)
    if library == "torch":
        sums = xp.zeros(size, dtype=x.dtype, device=x.device).index_add_(0, where, values)
    else:
        sums = _sum_where_equal(xp, values, where, size)
    return xp.reshape(sums, shape)


def adds_at(sums: Array, key: Any, x: Array) -> bool:
    """Whether `add_at` can add x at `key`, for less than a new array in the shape of `sums` would cost."""
    if type(sums) is numpy.ndarray:
        return bool(sums.dtype == x.dtype) and (not repeats(key) or x.size * _FEW <= sums.size)
    if type(sums) is not type(x) or sums.dtype != x.dtype or not sums.shape:
        return False
    if not _NO_ARRAYS.issuperset(map(type, key if isinstance(key, tuple) else (key,))):
        return False
    if is_wrapper(x):
        return True
    library = library_of(x)
    return library == "cupy" or (library == "torch" and not (_steps_back(key) or sums.requires_grad or x.requires_grad))


def add_at(sums: Array, key: Any, x: Array) -> Array:
    """`sums[key] += x`, but summing repeated positions. In the memory of `sums`, unless torch refuses that (inside its vmap)."""
    if is_wrapper(sums):
        return _next_version(sums, key, sums._getitem(key) + x)
    if not repeats(key):
        try:
            sums[key] += x
        except RuntimeError:
            return sums + scatter_add(x, key, sums.shape)
    elif is_array(key) and sums.flags.c_contiguous:
        numpy.add.at(sums.reshape(-1), _numbers_in_rows(as_positions(key).reshape(-1), math.prod(sums.shape[1:])), x.reshape(-1))
    else:
        numpy.add.at(sums, key, x)
    return sums


def repeats(key: Any) -> bool:
    """Whether a key can name a position twice: only integer arrays can."""
    for part in key if isinstance(key, tuple) else (key,):
        if type(part) not in _NO_ARRAYS and is_array(part) and kind(part) == "integral":
            return True
    return False


def _rows_added(xp: Any, x: Array, key: Array, shape: tuple[int, ...]) -> Array:
    """Zeros of `shape`, with a row of `x` added at each index that `key` names, in the libraries that have a fast way for rows."""
    count, width = math.prod(key.shape), math.prod(shape[1:])
    rows, where = x.reshape(count, width), as_positions(key).reshape(-1)
    if name_of(xp) == "torch":
        where = xp.where(where < 0, where + shape[0], where)
        return xp.zeros((shape[0], width), dtype=x.dtype, device=x.device).index_add_(0, where, rows).reshape(shape)
    if count * width < _MANY or width < _WIDE or x.dtype.char not in "fdFD":
        sums = _added_in_one_dimension(rows, where, shape[0])
    else:
        sums = _many_rows_added(rows, numpy.where(where < 0, where + shape[0], where), shape[0])
    return sums if sums.shape == shape else sums.reshape(shape)  # no view: a gradient that is one is copied before it is handed out


def _numbers_added(values: Array, where: Array, shape: tuple[int, ...]) -> Array:
    """Zeros of `shape` with numbers added at positions, all in one dimension, where NumPy's add.at is fast."""
    sums = numpy.zeros(shape, dtype=values.dtype)
    numpy.add.at(sums.reshape(-1), where, values)
    return sums


# From this many numbers on, and from this many in a row, a sparse product is faster than add.at; from this many in a row so is Python.
_MANY, _WIDE, _VERY_WIDE = 2**15, 4, 32
_TURNS = 64
_FEW = 4  # add.at takes as long for one number as zeros, and a sum with them, for so many


def _many_rows_added(rows: Array, where: Array, length: int) -> Array:
    """As a product with a sparse matrix of ones, which SciPy makes in its own C; without SciPy, row by row of each index."""
    sparse = _scipy_sparse()
    if sparse is None:
        by_turns = rows.shape[1] >= _VERY_WIDE
        return _added_by_turns(rows, where, length) if by_turns else _added_in_one_dimension(rows, where, length)
    count = len(where)
    chosen = sparse.csr_array((numpy.ones(count, dtype=rows.dtype), where, numpy.arange(count + 1)), shape=(count, length))
    return chosen.T @ rows


def _added_in_one_dimension(rows: Array, where: Array, length: int) -> Array:
    """By the position of each number."""
    width = rows.shape[1]
    return _numbers_added(rows.reshape(-1), _numbers_in_rows(where, width), (length, width))


def _numbers_in_rows(rows: Array, width: int) -> Array:
    """The position of each number of these rows, in an array laid flat. (An index that counts from the end goes on doing so.)"""
    return rows if width == 1 else (rows[:, None] * width + numpy.arange(width)).reshape(-1)


def _scipy_sparse() -> Any:
    """scipy.sparse, or None where SciPy is not installed."""
    try:
        return optional("scipy.sparse")
    except ModuleNotFoundError:
        return None


def _added_by_turns(rows: Array, where: Array, length: int) -> Array:
    """The first rows of all indices that are named, plus their second rows, and so on; each index that has very many, by itself.

    Indices are sorted together with their positions, as one integer each (twice as fast as argsort), and those that are named most
    often come last, so that in every turn the ones that go on are the end of an array.
    """
    count = len(where)
    bits = count.bit_length()
    sorted_keys = where.astype(numpy.int64) << bits
    sorted_keys |= numpy.arange(count)
    sorted_keys.sort()
    order = sorted_keys & ((1 << bits) - 1)
    sorted_keys >>= bits
    starts = numpy.flatnonzero(numpy.diff(sorted_keys, prepend=-1))
    times = numpy.diff(starts, append=count)
    by_times = numpy.argsort(times, kind="stable")
    starts, times = starts[by_times], times[by_times]
    added = numpy.take(rows, order[starts], axis=0)
    for turn in range(1, min(int(times[-1]), _TURNS)):
        first = int(numpy.searchsorted(times, turn, side="right"))
        added[first:] += numpy.take(rows, order[starts[first:] + turn], axis=0)
    for i in range(int(numpy.searchsorted(times, _TURNS, side="right")), len(starts)):
        added[i] += numpy.add.reduce(numpy.take(rows, order[starts[i] + _TURNS : starts[i] + times[i]], axis=0), axis=0)
    sums = numpy.zeros((length, rows.shape[1]), dtype=rows.dtype)
    sums[sorted_keys[starts]] = added
    return sums


def _added_on_device(xp: Any, x: Array, key: Any, shape: tuple[int, ...]) -> Array:
    """By a kernel: rows at an integer array, single numbers at other keys. What no kernel serves (integers) by CuPy's own atomic adds."""
    length = shape[0]
    if not is_array(key):
        length, x, key = math.prod(shape), xp.reshape(x, (-1,)), xp.reshape(positions(x, key, shape), (-1,))
    count = math.prod(key.shape)
    rows, where = xp.reshape(x, (count, math.prod(shape) // max(length, 1))), xp.reshape(key, (-1,))
    sums = _scatter.added_at(rows, where, length, adds_in_order())
    if sums is None:
        wide = rows if x.dtype.itemsize >= 4 else xp.astype(rows, xp.int64)  # CuPy adds no others
        sums = xp.zeros((length, rows.shape[1]), dtype=wide.dtype)
        if rows.size:  # nor complex numbers, not even none
            xp.add.at(sums, where, wide)
        sums = xp.astype(sums, x.dtype, copy=False)
    return xp.reshape(sums, shape)


def _is_read_only(key: Any) -> bool:
    """Whether the standard has x[key] but no x[key] = value: integer arrays, and None."""
    return repeats(key) or key is None or (isinstance(key, tuple) and any(part is None for part in key))


def _assigned_by_position(x: Array, key: Any, value: Any) -> Array:
    """`assigned` in nothing but array API functions, size x len(key) work: for keys that the standard has in reading only."""
    xp = array_namespace(x)
    place = positions(x, key, x.shape)
    count, size = math.prod(place.shape), math.prod(x.shape)
    if not count:
        return x
    value = xp.astype(value, x.dtype) if is_array(value) else xp.full((), value, dtype=x.dtype, device=device(x))
    values = xp.reshape(xp.broadcast_to(value, place.shape), (-1,))
    turns = xp.arange(1, count + 1, dtype=xp.int64, device=device(x))
    written = xp.arange(size, dtype=place.dtype, device=device(x))[:, None] == xp.reshape(place, (1, -1))
    last = xp.max(xp.where(written, turns, 0), axis=1)
    chosen = xp.take(values, xp.where(last > 0, last - 1, 0))
    return xp.reshape(xp.where(last > 0, chosen, xp.reshape(x, (-1,))), x.shape)


def _sum_where_equal(xp: Any, values: Array, where: Array, size: int) -> Array:
    """The sum in nothing but array API functions, size x len(values) work: for libraries that have no scatter."""
    each = xp.arange(size, dtype=where.dtype, device=device(values))[:, None]
    zero = xp.zeros((), dtype=values.dtype, device=device(values))
    return xp.sum(xp.where(each == where[None, :], values[None, :], zero), axis=1, dtype=values.dtype)


class UniqueAllResult(NamedTuple):
    """What the standard's unique_all gives."""

    values: Array
    indices: Array
    inverse_indices: Array
    counts: Array


def unique_all(x: Array) -> tuple[Array, Array, Array, Array]:
    """The standard's function. torch does not tell where a value is first found, only which one each element is.

    With the elements in the order of their values, and those of one value as they come, each value begins with its first.
    """
    xp = array_namespace(x)
    if name_of(xp) != "torch":
        return xp.unique_all(x)  # type: ignore[no-any-return]
    values, inverse = xp.unique_inverse(x)
    which = xp.reshape(inverse, (-1,))
    order = xp.argsort(which, stable=True)
    which, each = xp.take(which, order), xp.arange(values.shape[0], device=device(x))
    starts = xp.searchsorted(which, each)
    counts = xp.searchsorted(which, each, side="right") - starts
    return UniqueAllResult(values, xp.take(order, starts), inverse, counts)
