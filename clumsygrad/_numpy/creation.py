"""NumPy's functions that make arrays like others, and those that tell what an array is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _transfer
from .. import xp as _xp
from ..forward.arithmetic import not_equal
from ..forward.elementwise import astype
from ..forward.elementwise import imag as _imag
from ..forward.manipulation import broadcast_to, reshape
from ..tensor import Tensor
from ..xp import Array, numpy
from ._arguments import beside, dtype_of, namespace_of, refuse, shape_of, tensor

__all__ = [
    "array2string",
    "array_repr",
    "array_str",
    "can_cast",
    "common_type",
    "diag_indices_from",
    "empty_like",
    "full_like",
    "iscomplex",
    "iscomplexobj",
    "isneginf",
    "isposinf",
    "isreal",
    "isrealobj",
    "may_share_memory",
    "ndim",
    "ones_like",
    "result_type",
    "shape",
    "shares_memory",
    "size",
    "tril_indices_from",
    "triu_indices_from",
    "zeros_like",
]


# Arrays like others -----------------------------------------------------------------------------------------------------------------


def _like(a: Any, dtype: Any, shape: Any, value: Any) -> Array:
    a = beside(a, (a, value))
    value = beside(value, a)
    value = astype(value, a.dtype if dtype is None else dtype_of(a, dtype))
    return broadcast_to(value, a.shape if shape is None else shape_of(shape))


def zeros_like(a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None) -> Array:
    """Zeros in the shape and dtype of a."""
    return _copied(_like(a, dtype, shape, 0))


def ones_like(a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None) -> Array:
    """Ones in the shape and dtype of a."""
    return _copied(_like(a, dtype, shape, 1))


def empty_like(
    prototype: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None
) -> Array:
    """Zeros in the shape and dtype of a: any values would do."""
    return zeros_like(prototype, dtype, shape=shape)


def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None
) -> Array:
    """`fill_value`, which is differentiated, everywhere in the shape and dtype of a."""
    return _like(a, dtype, shape, fill_value)


def _copied(x: Tensor) -> Array:
    return namespace_of(x).asarray(x, copy=True)


def asarray(like: Tensor, a: Any, dtype: Any = None, order: Any = None, *, device: Any = None, copy: bool | None = None) -> Array:
    """a as a tensor where `like` lives, which stays in the graph, as do tensors in lists."""
    x = beside(a, like)
    dtype = dtype_of(x, dtype)
    if dtype is not None and x.dtype != dtype:
        return astype(x, dtype)
    return astype(x, x.dtype, copy=True) if copy else x


def array(
    like: Tensor, object: Any, dtype: Any = None, *, copy: bool | None = True, order: str = "K", subok: bool = False, ndmin: int = 0
) -> Array:
    """A copy of a list, an array or a tensor, which stays in the graph, as do tensors in lists."""
    x = asarray(like, object, dtype, copy=copy)
    return reshape(x, (1,) * (ndmin - len(x.shape)) + x.shape) if len(x.shape) < ndmin else x


def full(like: Tensor, shape: Any, fill_value: Any, dtype: Any = None, order: str = "C", *, device: Any = None) -> Array:
    """`fill_value`, which is differentiated, everywhere in a shape."""
    return broadcast_to(asarray(like, fill_value, dtype), shape_of(shape))


class Made:
    """A function of NumPy that makes an array of nothing: made on the host, and moved to where `like` lives."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, like: Tensor, *args: Any, **kwargs: Any) -> Array:
        name = self._function.__name__
        if any(type(x) is Tensor and x.requires_grad for x in (*args, *kwargs.values())):
            refuse(name, "a tensor that requires a gradient", f"multiply what numpy.{name} gives by it, or hand in x.item()")
        plain = [x.item() if type(x) is Tensor else x for x in args]
        return Tensor(_transfer.moved(self._function(*plain, **kwargs), like.data))


LIKE: dict[str, Callable[..., Array]] = {
    "asarray": asarray,
    "asanyarray": asarray,
    "ascontiguousarray": asarray,
    "asfortranarray": asarray,
    "array": array,
    "full": full,
}
MADE = ("zeros", "ones", "empty", "arange", "eye", "identity", "tri", "fromiter")


# What an array is -------------------------------------------------------------------------------------------------------------------


def shape(a: Any) -> tuple[int, ...]:
    """The lengths of the axes."""
    return tensor(a).shape


def ndim(a: Any) -> int:
    """The number of axes."""
    return len(tensor(a).shape)


def size(a: Tensor, axis: int | None = None) -> int | None:
    """The number of elements, or the length of an axis."""
    return a.size if axis is None else a.shape[axis]


def iscomplexobj(x: Any) -> bool:
    """Whether x holds complex numbers."""
    return _xp.kind(x) == "complex floating"


def isrealobj(x: Any) -> bool:
    """Whether x holds no complex numbers."""
    return not iscomplexobj(x)


def iscomplex(x: Tensor) -> Array:
    """Whether the imaginary part is not 0, elementwise."""
    ns = namespace_of(x)
    return not_equal(_imag(x), 0) if iscomplexobj(x) else ns.zeros_like(x, dtype=ns.bool)


def isreal(x: Tensor) -> Array:
    """Whether the imaginary part is 0, elementwise."""
    return namespace_of(x).logical_not(iscomplex(x))


def isposinf(x: Tensor) -> Array:
    """Whether x is +∞, elementwise."""
    return x == float("inf")


def isneginf(x: Tensor) -> Array:
    """Whether x is −∞, elementwise."""
    return x == -float("inf")


def result_type(*arrays_and_dtypes: Any) -> Any:
    """The dtype that these promote to."""
    like = next(x for x in arrays_and_dtypes if type(x) is Tensor)
    return namespace_of(like).result_type(*arrays_and_dtypes)


def common_type(*arrays: Any) -> Any:
    """The floating dtype that can hold all of these, as a class."""
    like = next(x for x in arrays if type(x) is Tensor)
    dtype = namespace_of(like).result_type(*arrays, 1.0)
    return getattr(dtype, "type", dtype)


def can_cast(from_: Any, to: Any, casting: str = "safe") -> bool:
    """Whether the dtype of `from_` can be cast to another."""
    if casting != "safe":
        refuse("can_cast", f"casting={casting!r}", "hand in the dtype: numpy.can_cast(x.dtype, ...)")
    source, target = [_xp.numpy_dtype(x.dtype if type(x) is Tensor else x) for x in (from_, to)]
    return bool(numpy.can_cast(source, target))


def may_share_memory(a: Any, b: Any, max_work: Any = 0) -> bool:
    """Whether the arrays of two tensors might lie in the same memory. (Of no consequence: writing to one never changes the other.)"""
    return bool(numpy.may_share_memory(*[x.data if type(x) is Tensor else x for x in (a, b)]))


def shares_memory(a: Any, b: Any, max_work: Any = -1) -> bool:
    """Whether the arrays of two tensors lie in the same memory."""
    return bool(numpy.shares_memory(*[x.data if type(x) is Tensor else x for x in (a, b)]))


def tril_indices_from(arr: Tensor, k: int = 0) -> Any:
    """The positions of the lower triangle, as NumPy's arrays."""
    return numpy.tril_indices(arr.shape[-2], k=k, m=arr.shape[-1])


def triu_indices_from(arr: Tensor, k: int = 0) -> Any:
    """The positions of the upper triangle, as NumPy's arrays."""
    return numpy.triu_indices(arr.shape[-2], k=k, m=arr.shape[-1])


def diag_indices_from(arr: Tensor) -> Any:
    """The positions of the diagonal, as NumPy's arrays."""
    return numpy.diag_indices(arr.shape[0], len(arr.shape))


def array_repr(arr: Tensor, *args: Any, **kwargs: Any) -> str:
    """The text that describes the values, as NumPy prints them."""
    return str(numpy.array_repr(_transfer.to_numpy(arr.data), *args, **kwargs))


def array_str(a: Tensor, *args: Any, **kwargs: Any) -> str:
    """The values, as NumPy prints them."""
    return str(numpy.array_str(_transfer.to_numpy(a.data), *args, **kwargs))


def array2string(a: Tensor, *args: Any, **kwargs: Any) -> str:
    """The values, as NumPy prints them."""
    return str(numpy.array2string(_transfer.to_numpy(a.data), *args, **kwargs))
