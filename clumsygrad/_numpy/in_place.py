"""NumPy's functions that write into an array, of Tensors: each gives the tensor a new version, as assignment does, and returns None.

A plain array is written as NumPy writes it, unless what is written requires a gradient, which no array can hold.
"""

from __future__ import annotations

import functools
import math
import operator
from typing import Any

from .. import _transfer
from .. import xp as _xp
from ..forward import elementwise, indexing, manipulation, reductions
from ..forward.arithmetic import remainder, subtract
from ..tensor import Tensor
from ..xp import Array, numpy
from ._arguments import (
    beside,
    brought_inside,
    cast,
    check_casting,
    first_tensor,
    positions,
    raveled,
    refuse,
    truth,
    whole_numbers,
)

__all__ = ["copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask"]


def fill_diagonal(a: Tensor, val: Any, wrap: bool = False) -> None:
    """Write `val`, whose elements are used over and over, on the diagonal of a.

    Of more than two axes all must be equally long. Of a tall matrix `wrap` starts the diagonal again, one row further down, each time
    that it has ended.
    """
    if len(a.shape) < 2:
        raise ValueError("array must be at least 2-d")
    size = end = math.prod(a.shape)
    if len(a.shape) == 2:
        step = a.shape[1] + 1
        end = size if wrap else min(a.shape[1] * a.shape[1], size)
    elif len(set(a.shape)) > 1:
        raise ValueError("All dimensions of input must be of equal length")
    else:
        step = 1 + sum(math.prod(a.shape[:i]) for i in range(1, len(a.shape)))
    key = slice(None, end, step)
    _write_flat(a, key, val, len(range(size)[key]))


def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    """Write `src`, broadcast, into all of `dst`, or where `where` holds."""
    if type(dst) is not Tensor:
        return _write_plainly("copyto", dst, src, casting=casting, where=where)
    src = beside(src, dst)
    check_casting("numpy.copyto", src, dst.dtype, casting)
    value = _stretched("copyto", _fitting(src, dst), dst.shape)
    if where is True:
        dst[...] = value
    else:
        dst._change(functools.partial(elementwise.where, _stretched("copyto", _truth(where, dst), dst.shape), value))
    return None


def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    """Write v, whose elements are used over and over, at the positions `ind` of a laid flat. Of repeats the last one stays."""
    if type(a) is not Tensor:
        return _write_plainly("put", a, ind, v, mode=mode)
    key = brought_inside(raveled(_as_indices("put", ind, a)), math.prod(a.shape), mode)
    return _write_flat(a, key, v, key.shape[0])


def putmask(a: Any, mask: Any, values: Any) -> None:
    """Write into a, where `mask` holds, what stands at the same position of `values`, laid flat and repeated to the size of a."""
    if type(a) is not Tensor:
        return _write_plainly("putmask", a, mask, values)
    mask = _mask_of_size("putmask", mask, a)
    return _write_where(a, mask, _repeated(_fitting(values, a), math.prod(a.shape)))


def place(arr: Any, mask: Any, vals: Any) -> None:
    """Write the elements of `vals`, used over and over, one after the other where `mask` holds."""
    if type(arr) is not Tensor:
        return _write_plainly("place", arr, mask, vals)
    mask = _mask_of_size("place", mask, arr)
    vals = raveled(_fitting(vals, arr))
    if not vals.shape[0]:
        if reductions.any(mask):
            raise ValueError("Cannot insert from an empty array!")
        return None
    if vals.shape[0] > 1:
        turn = subtract(reductions.cumulative_sum(elementwise.astype(raveled(mask), positions(0, arr).dtype), axis=0), 1)
        vals = indexing.take(vals, remainder(turn, vals.shape[0]), axis=0)
    return _write_where(arr, mask, vals)


def put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None) -> None:
    """Write `values`, broadcast, at `indices` along `axis`, with indices of their own at every other position.

    With None, at indices of arr laid flat.
    """
    if type(arr) is not Tensor:
        return _write_plainly("put_along_axis", arr, indices, values, axis)
    indices = _as_indices("put_along_axis", indices, arr)
    if axis is None:
        if len(indices.shape) != 1:
            raise ValueError("when axis=None, `indices` must have a single dimension.")
        return _write_flat(arr, indices, _stretched("put_along_axis", _fitting(values, arr), indices.shape), indices.shape[0])
    if len(indices.shape) != len(arr.shape):
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    key = [positions(places, arr) for places in numpy.ogrid[tuple([slice(n) for n in arr.shape])]]
    key[axis] = indices
    arr[tuple(key)] = _fitting(values, arr)
    return None


def at(name: str, a: Any, indices: Any, b: Any = None) -> None:
    """`numpy.add.at` and `numpy.subtract.at`: a[indices] += b, adding at positions that are named twice each time."""
    if name not in ("add", "subtract"):
        refuse(f"{name}.at", "this method", "it is there for add and subtract; where no position repeats, assign: x[key] = ...")
    if type(a) is not Tensor:
        return _write_plainly(f"{name}.at", a, indices, b)
    if b is None:
        raise ValueError("second operand needed for ufunc")
    sums = indexing.scatter_add(_stretched(f"{name}.at", _fitting(b, a), a.detach()[indices].shape), indices, a.shape)
    if name == "add":
        a += sums
    else:
        a -= sums
    return None


# What is written, and where -----------------------------------------------------------------------------------------------------------


def _write_plainly(name: str, target: Any, *args: Any, **kwargs: Any) -> None:
    """By NumPy's own function, into a plain array."""
    if any(x.requires_grad for x in _tensors_in([*args, *kwargs.values()])):
        raise TypeError(
            f"numpy.{name}: a tensor that requires a gradient cannot be written into a plain array, which holds no graph: make the "
            "array a Tensor first, y = clumsygrad.asarray(y) or numpy.zeros(shape, like=x), or write x.detach()"
        )
    operator.attrgetter(name)(numpy)(target, *map(_plain, args), **{key: _plain(x) for key, x in kwargs.items()})


def _tensors_in(values: Any) -> list[Tensor]:
    if isinstance(values, (list, tuple)):
        return [x for value in values for x in _tensors_in(value)]
    return [values] if type(values) is Tensor else []


def _plain(x: Any) -> Any:
    """An argument with NumPy's arrays in the place of tensors."""
    if isinstance(x, (list, tuple)):
        return type(x)(map(_plain, x)) if first_tensor(x) is not None else x
    return _transfer.to_numpy(x.data) if type(x) is Tensor else x


def _fitting(value: Any, target: Tensor) -> Tensor:
    """What is to be written, as a tensor of the target's dtype; a tensor written into itself, as a copy."""
    x = beside(value, target)
    if x is target:
        return elementwise.astype(x, x.dtype, copy=True)  # type: ignore[no-any-return]
    if not _xp.is_floating(target) and not x.requires_grad:  # as NumPy casts, with no regard to what is lost
        return cast(x, target.dtype)
    return indexing._castable(target, x) if x.dtype != target.dtype else x


def _stretched(name: str, x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """What is written, broadcast to the shape of where it is written, which has no fewer axes but for some of length 1."""
    extra = max(len(x.shape) - len(shape), 0)
    own = x.shape[extra:]
    if x.shape[:extra] != (1,) * extra or any(n not in (1, m) for n, m in zip(own[::-1], shape[::-1], strict=False)):
        raise ValueError(f"numpy.{name}: what has the shape {x.shape} cannot be broadcast to {shape}, where it is to be written")
    return manipulation.broadcast_to(manipulation.reshape(x, own) if extra else x, shape)  # type: ignore[no-any-return]


def _as_indices(name: str, indices: Any, target: Tensor) -> Tensor:
    """Integers, or truth values as such, as a tensor of int64."""
    x = whole_numbers(indices, target)
    if _xp.is_floating(x):
        raise IndexError(f"numpy.{name}: the indices must be integers, they are of {x.dtype}")
    return Tensor(_xp.on_its_device(_xp.as_positions, x.data))


def _truth(mask: Any, target: Tensor) -> Tensor:
    return truth(positions(numpy.asarray(mask), target) if type(mask) is bool else beside(mask, target))  # type: ignore[no-any-return]


def _mask_of_size(name: str, mask: Any, a: Tensor) -> Tensor:
    mask = _truth(mask, a)
    if math.prod(mask.shape) != math.prod(a.shape):
        raise ValueError(f"{name}: mask and data must be the same size, they have the shapes {mask.shape} and {a.shape}")
    return manipulation.reshape(mask, a.shape)  # type: ignore[no-any-return]


def _repeated(value: Tensor, count: int) -> Tensor:
    """The elements of a value laid flat, over and over, `count` of them; one alone as it is, for broadcasting."""
    flat = raveled(value)
    size = flat.shape[0]
    return flat if size in (0, 1, count) else indexing.take(flat, positions(numpy.arange(count) % size, flat), axis=0)


def _write_flat(a: Tensor, key: Any, value: Any, count: int) -> None:
    """Write a value at `count` positions of a laid flat."""
    values = _repeated(_fitting(value, a), count)
    if count and values.shape[0]:
        a._change(functools.partial(_written_flat, key, values))


def _written_flat(key: Any, values: Tensor, old: Tensor) -> Array:
    return manipulation.reshape(indexing.assign(raveled(old), key, values), old.shape)


def _write_where(a: Tensor, mask: Tensor, values: Tensor) -> None:
    """Write, where a mask holds, the element that stands at the same place of a value laid flat."""
    if values.shape[0]:
        values = manipulation.reshape(values, a.shape if values.shape[0] > 1 else ())
        a._change(functools.partial(elementwise.where, mask, values))
