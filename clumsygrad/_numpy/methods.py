"""The methods and attributes of NumPy's arrays that people expect of a Tensor, by the functions of the same names."""

from __future__ import annotations

from typing import Any

from .. import xp as _xp
from ..forward import elementwise as _e
from ..tensor import Tensor
from ..xp import Array
from . import products, selection, shapes
from ._arguments import dtype_of, refuse, shape_of


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
    """In another dtype; from complex to real it is an error."""
    return _e.astype(self, dtype_of(self, dtype), copy=copy)


def copy(self: Tensor, order: str = "C") -> Array:
    """A copy, which stays in the graph."""
    return shapes.copy(self)


def clip(self: Tensor, min: Any = None, max: Any = None) -> Array:
    """No smaller than `min` and no larger than `max`. At a bound all of the gradient goes to the tensor."""
    return selection.clip(self, min, max)


def tolist(self: Tensor) -> Any:
    """The values as nested lists of Python numbers. Raises RuntimeError on a tensor that requires a gradient."""
    self._refuse_to_leave("tolist()")
    return _xp.to_numpy(self.data).tolist()


def conj(self: Tensor) -> Array:
    """The complex conjugate."""
    return _e.conj(self)


def dot(self: Tensor, b: Any, out: Any = None) -> Array:
    """The product with b, over the last axis of this and the last but one of b."""
    if out is not None:
        refuse("dot", "out=", "assign the result")
    return products.dot(self, b)


class Missing:
    """An attribute of NumPy's arrays that Tensors lack: AttributeError, with the way to it.

    (A `__getattr__` of the class would say the same, and make every attribute of every tensor twice as slow.)
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: Tensor | None, owner: type | None = None) -> Any:
        hint = f"NumPy's arrays have it, x.detach().numpy().{self._name}"
        raise AttributeError(f"a Tensor has no attribute {self._name!r}: {hint}", name=self._name, obj=instance)
