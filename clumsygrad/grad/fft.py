"""Backward functions of the Fourier transforms: each is linear, and its adjoint is a transform of the other direction.

A transform of length n with `norm` "backward" has no factor, and its inverse the factor 1/n. The adjoint is the inverse without that
factor, which is what the inverse computes with the opposite `norm`: no extra pass over the array. Of the operand only shape and
kind are read. Padding to n has truncation as its adjoint, and the other way round.

In the formulas F is the complex transform with factor and sign as called, Fᴴ its adjoint, and n the length of the real signal.
(Discrete Fourier transform and its symmetries: Oppenheim and Schafer, Discrete-Time Signal Processing, 3rd edition 2010, section 8.6.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .._fourier import Norm, fftn, ifftn
from .._keys import scatter_add
from ..xp import Array, array_namespace, as_tuple, device, is_complex
from ._read import GradientTuple, attribute, integers, operand

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "fft_backward",
    "fftn_backward",
    "fftshift_backward",
    "hfft_backward",
    "ifft_backward",
    "ifftn_backward",
    "ifftshift_backward",
    "ihfft_backward",
    "irfft_backward",
    "irfftn_backward",
    "rfft_backward",
    "rfftn_backward",
]

# The factor of a transform is that of its inverse with the opposite norm. (NumPy and others take None for "backward".)
_OPPOSITE: dict[Norm, Norm] = {"backward": "forward", None: "forward", "ortho": "ortho", "forward": "backward"}


# Complex to complex -----------------------------------------------------------------------------------------------------------------


def fft_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = F x:   x̄ = Fᴴ z̄, its real part where x is real."""
    xp = array_namespace(grad)
    g = xp.fft.ifft(grad, axis=integers(tensor, "axis"), norm=_opposite(tensor))
    return (_like(xp, g, operand(tensor, grad)),)


def ifft_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = F⁻¹ x:   x̄ = F⁻ᴴ z̄, its real part where x is real."""
    xp = array_namespace(grad)
    g = xp.fft.fft(grad, axis=integers(tensor, "axis"), norm=_opposite(tensor))
    return (_like(xp, g, operand(tensor, grad)),)


def fftn_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = F x along several axes:   x̄ = Fᴴ z̄, its real part where x is real."""
    xp = array_namespace(grad)
    g = ifftn(grad, None, _axes(tensor, grad), _opposite(tensor))
    return (_like(xp, g, operand(tensor, grad)),)


def ifftn_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = F⁻¹ x along several axes:   x̄ = F⁻ᴴ z̄, its real part where x is real."""
    xp = array_namespace(grad)
    g = fftn(grad, None, _axes(tensor, grad), _opposite(tensor))
    return (_like(xp, g, operand(tensor, grad)),)


# Real to complex, and back ------------------------------------------------------------------------------------------------------------
#
# Half of a real signal's spectrum tells the other half: of n frequencies, those from 0 to ⌊n/2⌋ are kept. On the way back each of them
# counts twice, for itself and for its conjugate, except 0 and (of an even n) n/2, which are their own conjugates, and of which only the
# real part is read. So the adjoint of the one way is the other way with the inner frequencies halved, or doubled.


def rfft_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = the first ⌊n/2⌋ + 1 of F x, x real:   x̄ = Re Fᴴ(z̄, 0), which is irfft of z̄ with the inner frequencies halved."""
    xp = array_namespace(grad)
    return (_to_signal(tensor, grad, xp.fft.irfft),)


def ihfft_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = conj of rfft x with the inverse's factor, x real:   x̄ = hfft of z̄ with the inner frequencies halved."""
    xp = array_namespace(grad)
    return (_to_signal(tensor, grad, xp.fft.hfft),)


def irfft_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = the real signal of the half spectrum x:   x̄ = rfft of z̄ with the inner frequencies doubled.

    The imaginary parts of x at the frequencies 0 and (of an even n) n/2 are not read: their gradient is 0.
    """
    xp = array_namespace(grad)
    return (_to_half_spectrum(tensor, grad, xp.fft.rfft),)


def hfft_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = irfft of conj x with the forward factor:   x̄ = ihfft of z̄ with the inner frequencies doubled."""
    xp = array_namespace(grad)
    return (_to_half_spectrum(tensor, grad, xp.fft.ihfft),)


def _to_signal(tensor: Tensor, grad: Array, transform: Callable[..., Array]) -> Array:
    """A half spectrum's real signal, of the length that was transformed, with the inner frequencies halved."""
    xp = array_namespace(grad)
    x = operand(tensor, grad)
    axis = integers(tensor, "axis")
    n = _length(integers(tensor, "n"), x.shape[axis])
    return _like(xp, transform(grad * _inner(xp, grad, axis, n, 0.5), n=n, axis=axis, norm=_opposite(tensor)), x)


def _to_half_spectrum(tensor: Tensor, grad: Array, transform: Callable[..., Array]) -> Array:
    """A real signal's half spectrum, with the inner frequencies doubled."""
    xp = array_namespace(grad)
    axis = integers(tensor, "axis")
    g = transform(grad, axis=axis, norm=_opposite(tensor))
    return _like(xp, g * _inner(xp, g, axis, grad.shape[axis], 2.0), operand(tensor, grad))


def rfftn_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = rfft x along the last of the axes, then F along the others:   x̄ = Fᴴ z̄ along the others, then rfft's adjoint.

    Not by irfftn: libraries differ in what it gives for a spectrum that no real signal has.
    """
    xp = array_namespace(grad)
    x = operand(tensor, grad)
    *others, last = _axes(tensor, grad)
    s = integers(tensor, "s")
    n = _length(None if s is None else s[-1], x.shape[last])
    norm = _opposite(tensor)
    g = ifftn(grad, None, tuple(others), norm) if others else grad
    g = xp.fft.irfft(g * _inner(xp, grad, last, n, 0.5), n=n, axis=last, norm=norm)
    return (_like(xp, g, x),)


def irfftn_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = F⁻¹ x along all axes but the last, then irfft along that:   x̄ = rfftn of z̄ with the inner frequencies doubled."""
    xp = array_namespace(grad)
    axes = _axes(tensor, grad)
    g = xp.fft.rfftn(grad, axes=axes, norm=_opposite(tensor))
    return (_like(xp, g * _inner(xp, g, axes[-1], grad.shape[axes[-1]], 2.0), operand(tensor, grad)),)


# Shifts -----------------------------------------------------------------------------------------------------------------------------


def fftshift_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x with frequency 0 rolled to the middle:   x̄ = z̄ rolled back, by ifftshift."""
    xp = array_namespace(grad)
    return (xp.fft.ifftshift(grad, axes=integers(tensor, "axes")),)


def ifftshift_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x with frequency 0 rolled from the middle to the front:   x̄ = z̄ rolled back, by fftshift."""
    xp = array_namespace(grad)
    return (xp.fft.fftshift(grad, axes=integers(tensor, "axes")),)


# What they share --------------------------------------------------------------------------------------------------------------------


def _opposite(tensor: Tensor) -> Norm:
    return _OPPOSITE[attribute(tensor, "norm")]


def _axes(tensor: Tensor, grad: Array) -> tuple[int, ...]:
    """The transformed axes: those given, else the last len(s), else all."""
    axes, s = integers(tensor, "axes"), integers(tensor, "s")
    if axes is not None:
        return as_tuple(axes)
    return tuple(range(-len(grad.shape) if s is None else -len(s), 0))


def _length(n: int | None, present: int) -> int:
    """The length of a transform; where none was asked for (None, or NumPy's −1), that of the axis."""
    return present if n is None or n == -1 else n


def _inner(xp: Any, spectrum: Array, axis: int, n: int, factor: float) -> Array:
    """Factors of a half spectrum of a signal of length n: 1 at the frequencies 0 and n/2, `factor` at those between."""
    shape: list[int] = [1] * len(spectrum.shape)
    shape[axis] = spectrum.shape[axis]
    k = xp.arange(shape[axis], device=device(spectrum))
    dtype = xp.float32 if spectrum.dtype == xp.complex64 else xp.float64
    factors = xp.where((k == 0) | (k * 2 == n), xp.ones_like(k, dtype=dtype), xp.full_like(k, factor, dtype=dtype))
    return xp.reshape(factors, tuple(shape))


def _like(xp: Any, g: Array, x: Array) -> Array:
    """The adjoint of how a transform reads x: cut off what was padded, 0 for what was cut off, and the real part where x is real."""
    if g.shape != x.shape:
        g = _resized(g, x.shape)
    return xp.real(g) if not is_complex(x) and is_complex(g) else g


def _resized(g: Array, shape: tuple[int, ...]) -> Array:
    kept = tuple([slice(0, min(have, want)) for have, want in zip(g.shape, shape, strict=True)])
    g = g[kept]
    return g if g.shape == shape else scatter_add(g, kept, shape)
