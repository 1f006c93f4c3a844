"""The methods and attributes of NumPy's arrays that people expect of a Tensor, by the functions of the same names."""

from __future__ import annotations

from typing import Any

from .. import _transfer
from .. import xp as _xp
from ..forward import elementwise
from ..tensor import Tensor
from ..xp import Array
from . import calculus, products, selection, shapes
from ._arguments import beside, check_casting, dtype_of, refuse, shape_of


def reshape(self: Tensor, *shape: Any, order: str = "C", copy: bool | None = None) -> Array:
    """In another shape of as many elements, given as numbers or as one tuple; one length may be −1."""
    return shapes.reshape(self, shape_of(shape[0]) if len(shape) == 1 else shape, order, copy=copy)


def transpose(self: Tensor, *axes: Any) -> Array:
    """With the axes in the order given, as numbers or as one tuple; with none, in the opposite order."""
    order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
    return shapes.transpose(self, order)


def flatten(self: Tensor, order: str = "C") -> Array:
    """A copy, laid flat."""
    return shapes.ravel(shapes.copy(self), order)


def astype(self: Tensor, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True) -> Array:
    """In another dtype, if the rule `casting` allows it; from complex to real it is an error."""
    dtype = dtype_of(self, dtype)
    if casting != "unsafe":
        check_casting("astype", self, dtype, casting)
    return elementwise.astype(self, dtype, copy=copy)


def copy(self: Tensor, order: str = "C") -> Array:
    """A copy, which stays in the graph."""
    return shapes.copy(self)


def clip(self: Tensor, min: Any = None, max: Any = None) -> Array:
    """No smaller than `min` and no larger than `max`. At a bound all of the gradient goes to the tensor."""
    return selection.clip(self, min, max)


def tolist(self: Tensor) -> Any:
    """The values as nested lists of Python numbers. Raises RuntimeError on a tensor that requires a gradient."""
    self._refuse_to_leave("tolist()")
    return _transfer.to_numpy(self.data).tolist()


def conj(self: Tensor) -> Array:
    """The complex conjugate."""
    return elementwise.conj(self)


def dot(self: Tensor, b: Any, out: Any = None) -> Array:
    """The product with b, over the last axis of this and the last but one of b."""
    if out is not None:
        refuse("dot", "out=", "assign the result")
    return products.dot(self, b)


def compress(self: Tensor, condition: Any, axis: int | None = None) -> Array:
    """The elements along `axis` for which a 1-d `condition` holds; with None, of the tensor laid flat."""
    return selection.compress(condition, self, axis)


def itemsize(self: Tensor) -> int:
    """The bytes of one element."""
    data = self.data
    return int(data.itemsize if hasattr(data, "itemsize") else _xp.numpy_dtype(data.dtype).itemsize)


def nbytes(self: Tensor) -> int | None:
    """The bytes of all elements; None where the library does not know their number yet."""
    n = self.size
    return None if n is None else n * itemsize(self)


# Python's protocols -----------------------------------------------------------------------------------------------------------------


def divmod(self: Tensor, other: Any, /) -> tuple[Array, Array]:
    """self // other and self % other."""
    return self // other, self % other


def rdivmod(self: Tensor, other: Any, /) -> tuple[Array, Array]:
    """other // self and other % self."""
    return other // self, other % self


def rounded(self: Tensor, ndigits: int | None = None, /) -> Array:
    """Rounded to a number of decimals, a Tensor also without that number."""
    return calculus.round(self, ndigits or 0)


def of_list(self: Tensor, values: list[Any] | tuple[Any, ...], /) -> Tensor:
    """A list or tuple beside this tensor in an operator, as the tensor that NumPy's functions make of it."""
    return beside(values, self)


# What is not there ------------------------------------------------------------------------------------------------------------------


class Mask:
    """What numpy.ma asks its operands for, before it takes their `_data`: of a tensor that requires a gradient it gets nothing.

    Raises RuntimeError, as AttributeError would be taken for an array without a mask.
    """

    def __get__(self, instance: Tensor | None, owner: type | None = None) -> Any:
        if instance is not None:
            instance._refuse_to_leave("numpy.ma")
        raise AttributeError("a Tensor has no mask", name="_mask", obj=instance)


class Missing:
    """An attribute of NumPy's arrays that Tensors lack: AttributeError, with the way to it.

    (A `__getattr__` of the class would say the same, and make every attribute of every tensor twice as slow.)
    """

    def __init__(self, name: str, instead: str) -> None:
        self._name = name
        self._instead = instead

    def __get__(self, instance: Tensor | None, owner: type | None = None) -> Any:
        raise AttributeError(f"a Tensor has no attribute {self._name!r}: {self._instead}", name=self._name, obj=instance)
