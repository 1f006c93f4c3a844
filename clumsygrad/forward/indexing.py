"""Reading and writing elements."""

from __future__ import annotations

from typing import Any

from .. import _keys, _transfer, grad
from .. import xp as _xp
from .._operation import operation
from .._versions import as_read_in_part, snapshot
from .._views import Part
from ..tensor import Tensor
from ..xp import Array, array_namespace

__all__ = ["assign", "nonzero", "scatter_add", "take", "take_along_axis"]


def take(x: Array, indices: Array, /, *, axis: int | None = None) -> Array:
    """The elements of x at `indices`, integers whose axes take the place of `axis`; with None, of x laid flat."""
    return _take(x, _transfer.array_beside(indices, x) if isinstance(indices, _LISTED) else indices, axis=axis)


@operation(grad.take_along_axis_backward)
def take_along_axis(x: Array, indices: Array, /, *, axis: int = -1) -> Array:
    """The elements of x at `indices` along `axis`, with indices of their own at every other position (as `argsort` gives)."""
    return array_namespace(x).take_along_axis(x, _xp.as_indices(indices), axis=_xp.as_integers(axis))


@operation(None)
def nonzero(x: Array, /) -> tuple[Array, ...]:
    """The indices, one array an axis, of the elements that are not 0."""
    return array_namespace(x).nonzero(x)  # type: ignore[no-any-return]


def assign(x: Array, key: Any, value: Array | complex, /) -> Array:
    """A copy of x in which `copy[key] = value`. Differentiable in x and in `value`, which is cast to the dtype of x.

    >>> import clumsygrad as cg
    >>> cg.assign(cg.asarray([1.0, 2.0]), 0, 5.0)
    Tensor(array([5., 2.]))
    """
    key = _raw(key, x)
    return _assign(x, _fitting(x, value), key=key)


def scatter_add(x: Array, key: Any, shape: tuple[int, ...], /) -> Array:
    """Zeros of `shape`, with x added at `key`; a position named more than once has the sum. The transpose of reading.

    >>> import clumsygrad as cg
    >>> cg.scatter_add(cg.asarray([1.0, 2.0, 3.0]), cg.asarray([0, 2, 0]), (3,))
    Tensor(array([4., 0., 2.]))
    """
    return _scatter_add(x, _raw(key, x), shape)


@operation(grad.take_backward)
def _take(x: Array, indices: Array, /, *, axis: int | None) -> Array:
    xp = array_namespace(x)
    axis = _xp.as_integers(axis)
    if axis is None and len(x.shape) != 1:
        x = xp.reshape(x, (-1,))
    indices = _xp.as_indices(indices)
    if len(indices.shape) == 1:
        return xp.take(x, indices, axis=axis)
    z = xp.take(x, xp.reshape(indices, (-1,)), axis=axis)  # the standard's takes those of one axis
    axis = (axis or 0) % len(x.shape)
    return xp.reshape(z, (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


@operation(grad.getitem_backward)
def _getitem(x: Array, key: Any, /) -> Array:
    return _keys.read(x, key)


@operation(grad.assign_backward, operands=("x", "value"))
def _assign(x: Array, value: Array | complex, /, *, key: Any, within: bool = False) -> Array:
    return _keys.assigned(x, key, value, new=within)


def _overwrite(x: Tensor, key: Any, value: Array | complex, /) -> Tensor:
    """`assign`, but in the memory of x, which nobody else may hold."""
    z: Tensor = _assign(x, _fitting(x, value), key=_raw(key, x), within=True)
    return z


@operation(grad.scatter_add_backward)
def _scatter_add(x: Array, key: Any, shape: tuple[int, ...], /) -> Array:
    return _keys.scatter_add(x, key, tuple(shape))


def _read(x: Tensor, key: Any, /) -> Tensor:
    """x[key], in every form of the standard. What NumPy reads as a view (slices, `...`, None, integers that leave an axis) is one."""
    key = _raw(key, x)
    z = _part(x, key)
    return z._see_through(x, Part(key)) if _reads_view(key, z) else z


def _part(x: Tensor, key: Any, /) -> Tensor:
    """x[key], for rules: no view. Of a private version (_versions.changed) a copy: the rule of reading asks x for its shape alone."""
    if x._extra is None or x._extra.private != x._id:
        return _getitem(x, key)  # type: ignore[no-any-return]
    z: Tensor = _getitem(snapshot(x), key)  # which leaves it private
    z._data = _keys.apart(z._data, x._data)
    if z._tracked:
        z._parents = (as_read_in_part(x),)
    return z


def _reads_view(key: Any, z: Tensor) -> bool:
    """Whether NumPy would read z by this key as a view. Arrays of integers, 0-d too, make copies; integers alone, an element."""
    element = True
    for part in key if type(key) is tuple else (key,):
        if type(part) is slice or part is None or part is Ellipsis:
            element = False
        elif type(part) is not int and not isinstance(part, _xp.numpy.integer):
            return False
    return not element or bool(z._data.shape)


_TAKE_THEIR_OWN = frozenset({"cupy", "torch", "array_api_strict"})  # arrays as keys; JAX and Dask read by NumPy's too
_SEQUENCES = (list, tuple, range)
_LISTED = (*_SEQUENCES, int, _xp.numpy.integer)  # integers that are no array yet


def _raw(key: Any, x: Array) -> Any:
    """A key with arrays in the place of tensors, and of lists, which may name a position twice as they do."""
    if type(key) is tuple:
        whole = not any(type(part) is Tensor or type(part) in _SEQUENCES for part in key)
        return key if whole else tuple([_raw_part(part, x) for part in key])
    return _raw_part(key, x)


def _raw_part(part: Any, x: Array) -> Any:
    if type(part) is int or type(part) is slice:
        return part
    if type(part) is Tensor:
        part = _xp.as_0d_array(part._data)
    if type(part) in _SEQUENCES:
        return _transfer.array_beside(part, x)
    data = _array_of(x)
    if type(data) is _xp.ndarray or _xp.library_of(data) not in _TAKE_THEIR_OWN:
        return part
    if isinstance(part, _xp.numpy.integer):
        return int(part)
    return _transfer.moved(part, data) if type(part) is _xp.ndarray else part  # to a device once, for the gradient too


def _array_of(x: Array) -> Array:
    return x._data if type(x) is Tensor else x


def _namespace(x: Array) -> Any:
    """The namespace of the array that x is, or holds."""
    return array_namespace(_array_of(x))


def _fitting(x: Array, value: Any) -> Any:
    """A value as it is written into x: an array of a list, and in the dtype of x where that loses no more than digits."""
    if type(value) is Tensor and type(x) is Tensor and type(value._data) is type(x._data) and value._data.dtype is x._data.dtype:
        return value
    if isinstance(value, (list, tuple)):
        value = _transfer.array_beside(value, x)
    if type(value) is complex and not _xp.is_complex(_array_of(x)):
        raise TypeError(f"assignment of {value} to {x.dtype} would lose the imaginary part: assign its real part")
    if hasattr(value, "dtype") and _namespace(value) is _namespace(x) and value.dtype != x.dtype:
        return _castable(x, value)
    return value


def _castable(x: Array, value: Array) -> Array:
    """`value` in the dtype of x, where that loses nothing but precision."""
    xp = array_namespace(value)
    if _xp.is_complex(value) and not _xp.is_complex(x):
        raise TypeError(f"assignment of {value.dtype} to {x.dtype} would lose the imaginary part: assign real(...) of it")
    if _xp.is_floating(value) and not _xp.is_floating(x):
        raise TypeError(
            f"assignment of {value.dtype} to {x.dtype} would lose the fraction, and its gradient: make x floating first"
        )
    return value._astype(x.dtype) if type(value) is Tensor else xp.astype(value, x.dtype)


Tensor._bind("__getitem__", _read)
Tensor._bind("_getitem", _part)
Tensor._bind("_assign", assign)
Tensor._bind("_overwrite", _overwrite)
