"""NumPy's functions of shapes and axes, and those that join and split, by their own names and with their own parameters."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Sequence
from typing import Any

from .. import _transfer
from .. import xp as _xp
from ..forward import composed, manipulation, views
from ..forward.elementwise import astype
from ..forward.indexing import _getitem
from ..tensor import Tensor
from ..xp import Array, numpy
from ._arguments import (
    along,
    axes_of,
    axis_of,
    beside,
    cast,
    check_casting,
    first_tensor,
    raveled,
    refuse,
    shape_of,
    tensor,
    tensors,
)

__all__ = [
    "append",
    "array_split",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block",
    "broadcast_arrays",
    "broadcast_to",
    "column_stack",
    "concatenate",
    "copy",
    "dsplit",
    "dstack",
    "expand_dims",
    "flip",
    "fliplr",
    "flipud",
    "hsplit",
    "hstack",
    "matrix_transpose",
    "meshgrid",
    "moveaxis",
    "ravel",
    "repeat",
    "reshape",
    "resize",
    "roll",
    "rollaxis",
    "rot90",
    "split",
    "squeeze",
    "stack",
    "swapaxes",
    "tile",
    "transpose",
    "unstack",
    "vsplit",
    "vstack",
]


# Shapes and axes ----------------------------------------------------------------------------------------------------------------


def reshape(a: Tensor, /, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: bool | None = None) -> Array:
    """a in another shape of as many elements; one length may be −1."""
    shape = shape_of(newshape if shape is None else shape)
    if order == "F":
        return transpose(views.reshape(transpose(a), shape[::-1], copy=copy or None))
    _check_order("reshape", order)
    return views.reshape(a, shape, copy=copy or None)


def ravel(a: Tensor, order: str = "C") -> Array:
    """a laid flat."""
    if order == "F":
        a = transpose(a)
    else:
        _check_order("ravel", order)
    return a if len(a.shape) == 1 else views.reshape(a, (-1,))


def _check_order(name: str, order: str) -> None:
    if order != "C":
        refuse(name, f"order={order!r}", 'how elements lie in memory is not known of every library: give "C" or "F"')


def transpose(a: Any, axes: Sequence[int] | None = None) -> Array:
    """a with its axes in the order `axes`; with None, in the opposite order."""
    a = tensor(a)
    return views.permute_dims(a, tuple(range(len(a.shape)))[::-1] if axes is None else axes_of(a, tuple(axes), "transpose"))


def matrix_transpose(x: Tensor, /) -> Array:
    """x with its last two axes exchanged."""
    return views.matrix_transpose(x)


def swapaxes(a: Tensor, axis1: int, axis2: int) -> Array:
    """a with two axes exchanged."""
    order = list(range(len(a.shape)))
    first, second = axes_of(a, (axis1, axis2), "swapaxes")
    order[first], order[second] = second, first
    return views.permute_dims(a, tuple(order))


def moveaxis(a: Tensor, source: Any, destination: Any) -> Array:
    """a with the axes `source` moved to the positions `destination`."""
    return views.moveaxis(a, _xp.as_integers(source), _xp.as_integers(destination))


def rollaxis(a: Tensor, axis: int, start: int = 0) -> Array:
    """a with one axis moved back until it stands before `start`."""
    axis = axis_of(a, axis, "rollaxis")
    start = start + len(a.shape) if start < 0 else start
    return views.moveaxis(a, axis, start - 1 if axis < start else start)


def squeeze(a: Tensor, axis: Any = None) -> Array:
    """a without the axes `axis`, which have length 1; with None, without all of length 1."""
    axes = tuple([i for i, n in enumerate(a.shape) if n == 1]) if axis is None else axes_of(a, axis, "squeeze")
    return views.squeeze(a, axis=axes)


def expand_dims(a: Tensor, axis: Any) -> Array:
    """a with new axes of length 1 at the positions `axis` of the result."""
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    ndim = len(a.shape) + len(axes)
    places = numpy.lib.array_utils.normalize_axis_tuple(axes, ndim, "expand_dims")
    lengths = iter(a.shape)
    return views.reshape(a, tuple([1 if i in places else next(lengths) for i in range(ndim)]))


def broadcast_to(array: Tensor, shape: Any, subok: bool = False) -> Array:
    """The array, repeated along new axes and along axes of length 1."""
    return manipulation.broadcast_to(array, shape_of(shape))


def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Array, ...]:
    """The arrays, each broadcast to the shape that all of them broadcast to."""
    return composed.broadcast_arrays(*tensors(*args))


def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Array, ...]:
    """The coordinates of a grid: each 1-d array along an axis of its own. With `sparse` the other axes have length 1."""
    if sparse:
        return composed.sparse_meshgrid(*tensors(*xi), indexing=indexing)
    return composed.meshgrid(*tensors(*xi), indexing=indexing)


def _at_least(ndim: int, arrays: tuple[Any, ...]) -> Any:
    found = []
    for x in tensors(*arrays):
        lacking = ndim - len(x.shape)
        if lacking > 0:
            shape = (1,) * lacking + x.shape
            if ndim == 3:
                shape = {0: (1, 1, 1), 1: (1, *x.shape, 1), 2: (*x.shape, 1)}[len(x.shape)]
            x = views.reshape(x, shape)
        found.append(x)
    return found[0] if len(found) == 1 else tuple(found)


def atleast_1d(*arys: Any) -> Any:
    """The arrays, 0-d ones as arrays of one element."""
    return _at_least(1, arys)


def atleast_2d(*arys: Any) -> Any:
    """The arrays, with axes of length 1 in front up to two axes."""
    return _at_least(2, arys)


def atleast_3d(*arys: Any) -> Any:
    """The arrays with three axes: (n,) becomes (1, n, 1), and (m, n) becomes (m, n, 1)."""
    return _at_least(3, arys)


def copy(a: Tensor, order: str = "K", subok: bool = False) -> Array:
    """A copy of a, which stays in the graph."""
    return astype(a, a.dtype, copy=True)


# Order and repetition -------------------------------------------------------------------------------------------------------------


def flip(m: Tensor, axis: Any = None) -> Array:
    """m with the order of its elements along `axis` (an axis, several, or all) reversed."""
    return manipulation.flip(m, axis=axes_of(m, axis, "flip"))


def fliplr(m: Tensor) -> Array:
    """m with its columns in the opposite order."""
    return manipulation.flip(m, axis=axis_of(m, 1, "fliplr"))


def flipud(m: Tensor) -> Array:
    """m with its rows in the opposite order."""
    return manipulation.flip(m, axis=axis_of(m, 0, "flipud"))


def roll(a: Tensor, shift: Any, axis: Any = None) -> Array:
    """a with its elements moved by `shift` places along `axis`; what leaves at the end comes in at the front."""
    if axis is not None:
        axis = axes_of(a, axis, "roll")
        if not isinstance(shift, (tuple, list)):
            shift = (int(shift),) * len(axis)
    return manipulation.roll(a, tuple(shift) if isinstance(shift, (tuple, list)) else int(shift), axis=axis)


def rot90(m: Tensor, k: int = 1, axes: Sequence[int] = (0, 1)) -> Array:
    """m turned k times by 90° in the plane of two axes, from the first towards the second."""
    first, second = axes_of(m, tuple(axes), "rot90")
    if first == second:
        raise ValueError(f"rot90: axes must be two, got {tuple(axes)}")
    k %= 4
    if k == 2:
        return manipulation.flip(m, axis=(first, second))
    if k == 1:
        return swapaxes(manipulation.flip(m, axis=second), first, second)
    return manipulation.flip(swapaxes(m, first, second), axis=second) if k == 3 else m


def repeat(a: Any, repeats: Any, axis: int | None = None) -> Array:
    """Each element of a along `axis` repeated; with None, of a laid flat."""
    a = tensor(a)
    if not isinstance(repeats, int):
        repeats = repeats if type(repeats) is Tensor else Tensor(_transfer.moved(numpy.asarray(repeats), a.data))
    return manipulation.repeat(raveled(a) if axis is None else a, repeats, axis=0 if axis is None else axis_of(a, axis, "repeat"))


def tile(A: Any, reps: Any) -> Array:
    """A as a whole repeated along each axis."""
    return manipulation.tile(tensor(A), shape_of(reps))


def resize(a: Tensor, new_shape: Any) -> Array:
    """The elements of a in order, over and over, in a new shape."""
    shape = shape_of(new_shape)
    size, n = math.prod(shape), math.prod(a.shape)
    flat = raveled(a)
    if size > n:
        flat = manipulation.tile(flat, (-(-size // max(n, 1)),))
    return manipulation.reshape(_getitem(flat, slice(None, size)), shape)


# Joining --------------------------------------------------------------------------------------------------------------------------


def concatenate(arrays: Sequence[Any], /, axis: int | None = 0, *, dtype: Any = None, casting: str = "same_kind") -> Array:
    """The arrays one after the other along `axis`; with None, all of them laid flat."""
    parts = tensors(*arrays)
    z = manipulation.concat(parts if axis is not None else tuple(map(raveled, parts)), axis=0 if axis is None else axis)
    return _cast_of("concatenate", z, parts, dtype, casting)


def stack(arrays: Sequence[Any], axis: int = 0, *, dtype: Any = None, casting: str = "same_kind") -> Array:
    """The arrays, of one shape, side by side along a new axis."""
    parts = tensors(*arrays)
    return _cast_of("stack", manipulation.stack(parts, axis=axis), parts, dtype, casting)


def _cast_of(name: str, z: Tensor, parts: tuple[Any, ...], dtype: Any, casting: str) -> Tensor:
    """What the parts were joined to, in a dtype that each of them may be cast to."""
    if dtype is not None or casting != "same_kind":  # which allows the dtype that they promote to
        z = cast(z, dtype)
        for x in parts:
            check_casting(f"numpy.{name}", x, z.dtype, casting)
    return z


def vstack(tup: Sequence[Any], *, dtype: Any = None, casting: str = "same_kind") -> Array:
    """The arrays below each other, as rows where they are 1-d."""
    return concatenate([atleast_2d(x) for x in tensors(*tup)], 0, dtype=dtype, casting=casting)


def hstack(tup: Sequence[Any], *, dtype: Any = None, casting: str = "same_kind") -> Array:
    """The arrays side by side: along the second axis, or the first where they are 1-d."""
    parts = [atleast_1d(x) for x in tensors(*tup)]
    return concatenate(parts, 0 if len(parts[0].shape) == 1 else 1, dtype=dtype, casting=casting)


def dstack(tup: Sequence[Any]) -> Array:
    """The arrays behind each other, along the third axis."""
    return concatenate([atleast_3d(x) for x in tensors(*tup)], 2)


def column_stack(tup: Sequence[Any]) -> Array:
    """The arrays side by side, as columns where they are 1-d."""
    parts = tensors(*tup)
    return concatenate([manipulation.reshape(x, (-1, 1)) if len(x.shape) < 2 else x for x in parts], 1)


def block(arrays: Any) -> Array:
    """An array put together of blocks in nested lists: the innermost along the last axis, and so on outwards."""
    depth = _depth(arrays)
    ndim = max(depth, *[len(x.shape) for x in _leaves(arrays, first_tensor(arrays))], 0)
    return _joined(arrays, depth, ndim, first_tensor(arrays))


def _depth(arrays: Any) -> int:
    return 1 + _depth(arrays[0]) if isinstance(arrays, list) else 0


def _leaves(arrays: Any, like: Tensor | None) -> list[Tensor]:
    if isinstance(arrays, list):
        return [leaf for x in arrays for leaf in _leaves(x, like)]
    return [beside(arrays, like)]


def _joined(arrays: Any, depth: int, ndim: int, like: Tensor | None) -> Array:
    if depth:
        return manipulation.concat([_joined(x, depth - 1, ndim, like) for x in arrays], axis=-depth)
    x = beside(arrays, like)
    return manipulation.reshape(x, (1,) * (ndim - len(x.shape)) + x.shape)


def append(arr: Any, values: Any, axis: int | None = None) -> Array:
    """`values` after arr along `axis`; with None, both laid flat."""
    return concatenate((arr, values), axis)


# Splitting ------------------------------------------------------------------------------------------------------------------------


def array_split(ary: Tensor, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    """The pieces of ary between indices along `axis`, or a number of pieces, the first of which may be longer by one."""
    axis = axis_of(ary, axis, "array_split")
    n = ary.shape[axis]
    if hasattr(indices_or_sections, "__len__"):
        marks = [0, *map(operator.index, indices_or_sections), n]
    else:
        sections = int(indices_or_sections)
        if sections <= 0:
            raise ValueError("number sections must be larger than 0.")
        each, longer = divmod(n, sections)
        lengths = [each + 1] * longer + [each] * (sections - longer)
        marks = list(itertools.accumulate(lengths, initial=0))
    return [ary[along(axis, slice(start, stop))] for start, stop in itertools.pairwise(marks)]


def split(ary: Tensor, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    """The pieces of ary between indices along `axis`, or a number of pieces of one length."""
    if not hasattr(indices_or_sections, "__len__") and ary.shape[axis] % indices_or_sections:
        raise ValueError("array split does not result in an equal division")
    return array_split(ary, indices_or_sections, axis)


def hsplit(ary: Tensor, indices_or_sections: Any) -> list[Array]:
    """split along the second axis, or the first of a 1-d array."""
    return split(ary, indices_or_sections, 0 if len(ary.shape) == 1 else 1)


def vsplit(ary: Tensor, indices_or_sections: Any) -> list[Array]:
    """split along the first axis."""
    return split(ary, indices_or_sections, 0)


def dsplit(ary: Tensor, indices_or_sections: Any) -> list[Array]:
    """split along the third axis."""
    return split(ary, indices_or_sections, 2)


def unstack(x: Tensor, /, *, axis: int = 0) -> tuple[Array, ...]:
    """The slices of x along `axis`."""
    return composed.unstack(x, axis=axis)
