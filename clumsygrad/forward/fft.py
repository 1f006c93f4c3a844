"""Fourier transforms. `norm` says where the factor stands: "backward" (1/n in the inverse), "forward" (1/n), "ortho" (1/√n in both).

`n`, or `s` for several axes, is the length to transform: the operand is cut to it, or filled up with zeros at the end.
"""

from __future__ import annotations

from collections.abc import Sequence

from .. import _fourier, grad
from .._fourier import Norm
from .._operation import operation, wide_operation
from ..xp import Array, array_namespace

__all__ = [
    "fft",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfftn",
    "rfft",
    "rfftn",
]


@wide_operation(grad.fft_backward)
def fft(x: Array, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Array:
    """z_k = Σ_j x_j exp(−2πi jk/n) along `axis`, k = 0 ... n − 1. Complex, of the precision of x.

    The standard promises complex x; NumPy and most libraries take real x too, whose gradient is real.

    >>> import clumsygrad as cg
    >>> cg.fft.fft(cg.asarray([1.0 + 0j, 0.0, 0.0, 0.0]))
    Tensor(array([1.+0.j, 1.+0.j, 1.+0.j, 1.+0.j]))
    """
    return array_namespace(x).fft.fft(x, n=n, axis=axis, norm=norm)


@wide_operation(grad.ifft_backward)
def ifft(x: Array, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Array:
    """The inverse of fft: z_j = (1/n) Σ_k x_k exp(2πi jk/n) along `axis`. Complex, of the precision of x.

    >>> import clumsygrad as cg
    >>> cg.fft.ifft(cg.fft.fft(cg.asarray([1.0 + 0j, 2.0])))
    Tensor(array([1.+0.j, 2.+0.j]))
    """
    return array_namespace(x).fft.ifft(x, n=n, axis=axis, norm=norm)


@wide_operation(grad.fftn_backward)
def fftn(x: Array, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: Norm = "backward") -> Array:
    """fft along each of `axes` (all, if None), to the lengths `s`. Complex, of the precision of x.

    >>> import clumsygrad as cg
    >>> cg.fft.fftn(cg.asarray([[1.0 + 0j, 0.0], [0.0, 0.0]]), axes=(0, 1))
    Tensor(array([[1.+0.j, 1.+0.j],
           [1.+0.j, 1.+0.j]]))
    """
    return _fourier.fftn(x, s, axes, norm)


@wide_operation(grad.ifftn_backward)
def ifftn(x: Array, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: Norm = "backward") -> Array:
    """The inverse of fftn. Complex, of the precision of x.

    >>> import clumsygrad as cg
    >>> cg.fft.ifftn(cg.asarray([[4.0 + 0j, 0.0], [0.0, 0.0]]))
    Tensor(array([[1.+0.j, 1.+0.j],
           [1.+0.j, 1.+0.j]]))
    """
    return _fourier.ifftn(x, s, axes, norm)


@wide_operation(grad.rfft_backward)
def rfft(x: Array, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Array:
    """The first ⌊n/2⌋ + 1 elements of fft of a real x; the others are their conjugates. Complex, of the precision of x.

    >>> import clumsygrad as cg
    >>> cg.fft.rfft(cg.asarray([1.0, 0.0, 0.0, 0.0]))
    Tensor(array([1.+0.j, 1.+0.j, 1.+0.j]))
    """
    return array_namespace(x).fft.rfft(x, n=n, axis=axis, norm=norm)


@wide_operation(grad.irfft_backward)
def irfft(x: Array, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Array:
    """The inverse of rfft: n real numbers from ⌊n/2⌋ + 1 complex ones; without `n`, 2(m − 1) numbers from m.

    The imaginary part of x_0 and, for even n, of x_{n/2} is taken to be 0.

    >>> import clumsygrad as cg
    >>> cg.fft.irfft(cg.asarray([1.0 + 0j, 1.0, 1.0]))
    Tensor(array([1., 0., 0., 0.]))
    """
    return array_namespace(x).fft.irfft(x, n=n, axis=axis, norm=norm)


@wide_operation(grad.rfftn_backward)
def rfftn(x: Array, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: Norm = "backward") -> Array:
    """rfft of a real x along the last of `axes` (all, if None), then fft along the others. Complex, of the precision of x.

    >>> import clumsygrad as cg
    >>> cg.fft.rfftn(cg.ones((4, 4))).shape
    (4, 3)
    """
    return array_namespace(x).fft.rfftn(x, s=s, axes=axes, norm=norm)


@wide_operation(grad.irfftn_backward)
def irfftn(x: Array, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: Norm = "backward") -> Array:
    """The inverse of rfftn: ifft along all of `axes` but the last, then irfft along that. Real, of the precision of x.

    >>> import clumsygrad as cg
    >>> cg.fft.irfftn(cg.fft.rfftn(cg.ones((2, 3))), s=(2, 3), axes=(0, 1))
    Tensor(array([[1., 1., 1.],
           [1., 1., 1.]]))
    """
    return array_namespace(x).fft.irfftn(x, s=s, axes=axes, norm=norm)


@wide_operation(grad.hfft_backward)
def hfft(x: Array, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Array:
    """The real spectrum, of length n, of a signal with x_{−j} = conj x_j, of which x is the first ⌊n/2⌋ + 1 elements.

    Without `n`, 2(m − 1) numbers from m. The imaginary part of x_0 and, for even n, of x_{n/2} is taken to be 0.

    >>> import clumsygrad as cg
    >>> cg.fft.hfft(cg.asarray([1.0 + 0j, 1.0, 1.0]))
    Tensor(array([4., 0., 0., 0.]))
    """
    return array_namespace(x).fft.hfft(x, n=n, axis=axis, norm=norm)


@wide_operation(grad.ihfft_backward)
def ihfft(x: Array, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Array:
    """The inverse of hfft: the first ⌊n/2⌋ + 1 elements of ifft of a real x. Complex, of the precision of x.

    >>> import clumsygrad as cg
    >>> cg.fft.ihfft(cg.asarray([4.0, 0.0, 0.0, 0.0]))
    Tensor(array([1.-0.j, 1.-0.j, 1.-0.j]))
    """
    return array_namespace(x).fft.ihfft(x, n=n, axis=axis, norm=norm)


@operation(grad.fftshift_backward)
def fftshift(x: Array, /, *, axes: int | Sequence[int] | None = None) -> Array:
    """x with the frequency 0, which stands first, moved to the middle of each of `axes` (all, if None).

    >>> import clumsygrad as cg
    >>> cg.fft.fftshift(cg.fft.fftfreq(4, d=0.25))
    Tensor(array([-2., -1.,  0.,  1.]))
    """
    return array_namespace(x).fft.fftshift(x, axes=axes)


@operation(grad.ifftshift_backward)
def ifftshift(x: Array, /, *, axes: int | Sequence[int] | None = None) -> Array:
    """The inverse of fftshift: the middle of each of `axes` (all, if None) moved to the front.

    >>> import clumsygrad as cg
    >>> cg.fft.ifftshift(cg.asarray([-1.0, 0.0, 1.0]))
    Tensor(array([ 0.,  1., -1.]))
    """
    return array_namespace(x).fft.ifftshift(x, axes=axes)
