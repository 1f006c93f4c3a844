"""Complex Fourier transforms along several axes; over NumPy into one new array.

NumPy goes from axis to axis, and takes a new array for each: of 512 × 512 complex numbers every second transform's time goes into
memory. Called for each axis by itself, and told where to put the result, it works in place from the second axis on, with the same
numbers and less Python than its own fftn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from .xp import Array, array_namespace, ndarray

Norm = Literal["backward", "ortho", "forward"] | None


def fftn(x: Array, s: Sequence[int] | None, axes: Sequence[int] | None, norm: Norm) -> Array:
    """The standard's fftn, of any library, and of Tensors."""
    if type(x) is ndarray and s is None:
        return _along(np.fft.fft, x, axes, norm)
    return array_namespace(x).fft.fftn(x, s=s, axes=axes, norm=norm)


def ifftn(x: Array, s: Sequence[int] | None, axes: Sequence[int] | None, norm: Norm) -> Array:
    """The standard's ifftn, of any library, and of Tensors."""
    if type(x) is ndarray and s is None:
        return _along(np.fft.ifft, x, axes, norm)
    return array_namespace(x).fft.ifftn(x, s=s, axes=axes, norm=norm)


def _along(transform: Callable[..., ndarray], x: ndarray, axes: Sequence[int] | None, norm: Norm) -> ndarray:
    """Along each axis, the last first as NumPy goes, into an array of the dtype that it gives: complex, of the precision of x."""
    z = np.empty_like(x, dtype=None if x.dtype.kind == "c" else np.result_type(x.dtype, 1j))
    for axis in reversed(range(x.ndim) if axes is None else axes):
        x = transform(x, axis=axis, norm=norm, out=z)
    return x
