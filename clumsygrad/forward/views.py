"""What shows the elements of its operand in another shape or order: views, as in NumPy, and on every library.

What is assigned to a view is written through to its operand, and what is assigned to the operand is seen in its views.
"""

from __future__ import annotations

from typing import Any

from .._views import OfComplex, Permuted, Reshaped
from ..tensor import Tensor
from ..xp import Array, as_tuple
from . import elementwise as _e
from . import manipulation as _m

__all__ = ["expand_dims", "matrix_transpose", "moveaxis", "permute_dims", "reshape", "squeeze"]

_TURNED = Permuted((1, 0))
_REAL, _IMAGINARY = OfComplex(True), OfComplex(False)


def reshape(x: Array, /, shape: tuple[int, ...], *, copy: bool | None = None) -> Array:
    """x in another shape of as many elements; one length may be −1. A view, unless `copy` is true."""
    z = _m.reshape(x, shape) if copy is None else _m.reshape(x, shape, copy=copy)
    return z if copy or type(z) is not Tensor else z._see_through(x, Reshaped(z.shape))


def expand_dims(x: Array, /, axis: int | tuple[int, ...]) -> Array:
    """x with a new axis of length 1 at the position `axis` of the result. A view."""
    z = _m.expand_dims(x, axis)
    return z._see_through(x, Reshaped(z.shape)) if type(z) is Tensor else z


def squeeze(x: Array, /, axis: int | tuple[int, ...]) -> Array:
    """x without the axes `axis`, which have length 1. A view."""
    z = _m.squeeze(x, axis)
    return z._see_through(x, Reshaped(z.shape)) if type(z) is Tensor else z


def permute_dims(x: Array, /, axes: tuple[int, ...]) -> Array:
    """x with its axes in the order `axes`. A view."""
    z = _m.permute_dims(x, axes)
    return z._see_through(x, Permuted(tuple([a % len(axes) for a in axes]))) if type(z) is Tensor else z


def matrix_transpose(x: Array, /) -> Array:
    """x with its last two axes exchanged. A view."""
    z = _m.matrix_transpose(x)
    return z._see_through(x, Permuted(_last_two(len(z.shape)))) if type(z) is Tensor else z


def _transpose(x: Tensor, /) -> Tensor:
    """The transpose of a matrix: `x.T`. As in NumPy, of more or fewer axes it is the same with all of them reversed."""
    if len(x._data.shape) != 2:
        return permute_dims(x, tuple(range(len(x._data.shape)))[::-1])  # type: ignore[no-any-return]
    return _m._transpose(x)._see_through(x, _TURNED)  # type: ignore[no-any-return]


def moveaxis(x: Array, source: int | tuple[int, ...], destination: int | tuple[int, ...], /) -> Array:
    """x with the axes `source` moved to the positions `destination`. A view."""
    z = _m.moveaxis(x, source, destination)
    return z._see_through(x, Permuted(_moved(len(z.shape), source, destination))) if type(z) is Tensor else z


def real_part(x: Tensor, /) -> Tensor:
    """The real part of complex x. A view, as NumPy's `x.real` is."""
    return _e.real(x)._see_through(x, _REAL)  # type: ignore[no-any-return]


def imaginary_part(x: Tensor, /) -> Tensor:
    """The imaginary part of complex x. A view, as NumPy's `x.imag` is."""
    return _e.imag(x)._see_through(x, _IMAGINARY)  # type: ignore[no-any-return]


def _last_two(ndim: int) -> tuple[int, ...]:
    return (*range(ndim - 2), ndim - 1, ndim - 2)


def _moved(ndim: int, source: Any, destination: Any) -> tuple[int, ...]:
    """The order in which `moveaxis` puts the axes."""
    sources = [a % ndim for a in as_tuple(source)]
    places = [a % ndim for a in as_tuple(destination)]
    order = [a for a in range(ndim) if a not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        order.insert(place, axis)
    return tuple(order)


Tensor._bind("mT", property(matrix_transpose))
Tensor._bind("T", property(_transpose))
Tensor._bind("_reshaped", _m.reshape)
Tensor._bind("_permuted", _m.permute_dims)
Tensor._bind("_matrix_transposed", _m.matrix_transpose)
