"""What the functions of this package do with their arguments: lists and numbers to tensors, axes, dtypes, and refusals."""

from __future__ import annotations

import math
import operator
from typing import Any, NoReturn

from .. import _transfer
from .. import xp as _xp
from .._operands import first_tensor as first_tensor
from ..forward.arithmetic import not_equal, remainder
from ..forward.elementwise import astype, clip
from ..forward.manipulation import permute_dims, reshape
from ..tensor import Tensor
from ..xp import Array, numpy

Axis = int | tuple[int, ...] | None


def refuse(name: str, what: str, instead: str) -> NoReturn:
    """Say that a function does not take this of Tensors, and what does the same."""
    raise TypeError(f"numpy.{name}: {what} is not supported for Tensors: {instead}")


def refuse_fields(name: str, order: Any) -> None:
    """Raise ValueError where a function that orders elements is told by which fields: a Tensor has none."""
    if order is not None:
        raise ValueError(f"numpy.{name}: order={order!r} cannot be specified: a Tensor has no fields")


def namespace_of(x: Array) -> Any:
    """clumsygrad's namespace over the library of x's data."""
    return x.__array_namespace__()


def is_numpys(x: Tensor) -> bool:
    """Whether x is of NumPy, whose arrays are read on the host at no cost."""
    return _xp.library_of(x.data) == "numpy"


def tensors(*values: Any) -> tuple[Any, ...]:
    """The arguments as tensors, None as None.

    Numbers and lists, which may hold tensors, take the library and device of the first tensor among them. As in NumPy a number takes
    the dtype of that tensor, if it can hold it. A list of floats is of float64 over NumPy; elsewhere of the dtype of that tensor.
    """
    like = first_tensor(values)
    return tuple([x if type(x) is Tensor or x is None else _as_tensor(x, like) for x in values])


def tensor(x: Any) -> Tensor:
    """One argument as a tensor; a list may hold tensors."""
    return beside(x, x)


def beside(x: Any, others: Any) -> Tensor:
    """One argument as a tensor in the library and on the device of the first tensor among the others, which stay as they are."""
    return x if type(x) is Tensor else _as_tensor(x, first_tensor(others))


def _as_tensor(x: Any, like: Tensor | None) -> Tensor:
    if like is None or _xp.is_array(x):
        return Tensor(x)
    if isinstance(x, (list, tuple)) and first_tensor(x) is not None:
        return namespace_of(like).asarray(x)  # type: ignore[no-any-return]
    values = numpy.asarray(x)
    if values.dtype.kind not in "biufc":
        raise TypeError(f"a {type(x).__name__} stands where an array, a number or a list of numbers is needed beside a Tensor")
    data = like.data
    moved = Tensor(_transfer.moved(values, data))
    if _xp.is_floating(data) and (type(x) in _xp.SCALARS or (values.dtype.kind == "f" and _xp.library_of(data) != "numpy")):
        wide = _xp.array_namespace(data).result_type(moved._data, data) if type(x) is complex else data.dtype
        return astype(moved, wide)  # type: ignore[no-any-return]
    return moved


def positions(x: Array, like: Tensor) -> Tensor:
    """A NumPy array, mostly of integers, that was made on the host, as a constant where `like` lives."""
    return Tensor(_transfer.moved(numpy.asarray(x), like.data))


def in_host_memory(x: Any) -> Array | None:
    """Integers that lie in the host's memory, in a tensor or not, as NumPy's array; None where the host would wait for them."""
    data = x.data if type(x) is Tensor else x
    if not _xp.is_array(data):
        return numpy.asarray(data)
    return _transfer.to_numpy(data) if _xp.is_on_host(data) else None


def on_host(x: Any) -> Any:
    """Integers, in a tensor or not, as NumPy takes them."""
    return x.detach().numpy() if type(x) is Tensor else x


def whole_numbers(x: Any, like: Tensor) -> Tensor:
    """Positions, or truth values, as a tensor; a list, which may be empty, where `like` lives."""
    if type(x) is Tensor or _xp.is_array(x) or first_tensor(x) is not None:
        return beside(x, like)
    return Tensor(_transfer.array_beside(x, like))


def brought_inside(x: Tensor, length: int, mode: str) -> Tensor:
    """Indices along an axis by NumPy's `mode`: those beyond its ends are left to raise where they are used, wrapped round, or clipped."""
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got {mode!r})")
    if mode == "raise":
        return x
    return remainder(x, length) if mode == "wrap" else clip(x, 0, length - 1)  # type: ignore[no-any-return]


def truth(x: Any) -> Any:
    """Numbers as NumPy takes them for truth values."""
    return x if type(x) is bool or _xp.kind(x) == "bool" else not_equal(x, 0)


def constants_like(x: Any, like: Tensor) -> Tensor:
    """A NumPy array of numbers that was made on the host, as a constant where `like` lives, and in its dtype."""
    return astype(positions(x, like), like.dtype)  # type: ignore[no-any-return]


def dtype_of(x: Tensor, dtype: Any) -> Any:
    """A dtype as users of NumPy give it (float, "f4", numpy.float32), as an object of the library of x's data."""
    if dtype is None:
        return None
    if _xp.library_of(x._data) == "numpy":
        return numpy.dtype(dtype)
    if not isinstance(dtype, (str, type)):
        return dtype
    dtype = numpy.dtype(dtype)
    return getattr(namespace_of(x), dtype.name, dtype)  # CuPy's are NumPy's, and more than the standard names


def cast(x: Tensor, dtype: Any) -> Tensor:
    """x in a dtype, if one is given; x itself, if it has that."""
    if dtype is None:
        return x
    dtype = dtype_of(x, dtype)
    return x if dtype == x.dtype else astype(x, dtype)


def check_casting(name: str, x: Tensor, dtype: Any, casting: str) -> None:
    """Raise TypeError where NumPy's rule `casting` does not let x be cast to a dtype of its library."""
    if x.dtype != dtype and not numpy.can_cast(_xp.numpy_dtype(x.dtype), _xp.numpy_dtype(dtype), casting):
        raise TypeError(f"{name}: cannot cast {x.dtype} to {dtype} according to the rule {casting!r}")


def floating(x: Tensor) -> Tensor:
    """x, in float64 if it holds integers or truth values, as NumPy has it."""
    return x if _xp.is_floating(x) else astype(x, namespace_of(x).float64)


def axes_of(x: Tensor, axis: Axis, name: str) -> tuple[int, ...]:
    """The axes that `axis` names, counted from the front. Raises TypeError for fractions, AxisError for axes that x does not have."""
    ndim = len(x.shape)
    axes = tuple(range(ndim)) if axis is None else _xp.as_tuple(axis)
    for a in axes:
        if not -ndim <= a < ndim:
            raise numpy.exceptions.AxisError(a, ndim, name)
    return tuple([a % ndim for a in axes])


def axis_of(x: Tensor, axis: int, name: str) -> int:
    """One axis, counted from the front."""
    return axes_of(x, axis, name)[0]


def laid_last(x: Tensor, axis: Axis, name: str) -> tuple[Tensor, tuple[int, ...]]:
    """x with the axes `axis` laid out as one, the last; and the shape of a reduction over them with axes of length 1 kept."""
    axes = axes_of(x, axis, name)
    rest = tuple([i for i in range(len(x.shape)) if i not in axes])
    kept = tuple([1 if i in axes else n for i, n in enumerate(x.shape)])
    length = math.prod([x.shape[i] for i in axes])
    if axes != tuple(range(len(rest), len(x.shape))):
        x = permute_dims(x, rest + axes)
    return reshape(x, tuple([n for i, n in enumerate(kept) if i in rest]) + (length,)), kept


def raveled(x: Tensor) -> Tensor:
    """x laid flat."""
    return x if len(x.shape) == 1 else reshape(x, (-1,))


def along(axis: int, key: Any) -> tuple[Any, ...]:
    """The key that takes `key` along an axis counted from the front, and everything along the others."""
    return (*(slice(None),) * axis, key, ...)


def shape_of(shape: Any) -> tuple[int, ...]:
    """A shape: one number, or any iterable of numbers. Raises TypeError for fractions."""
    return tuple(map(operator.index, shape)) if numpy.iterable(shape) else (operator.index(shape),)
