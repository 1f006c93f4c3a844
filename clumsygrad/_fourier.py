"""Complex Fourier transforms along several axes; over NumPy into one new array.

NumPy goes from axis to axis, and takes a new array for each: of 512 × 512 complex numbers every second transform's time goes into
memory. Where it is told where to put the result, it works in place from the second axis on, and the numbers are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from .xp import Array, array_namespace, ndarray

Norm = Literal["backward", "ortho", "forward"] | None


def fftn(x: Array, s: Sequence[int] | None, axes: Sequence[int] | None, norm: Norm) -> Array:
    """The standard's fftn, of any library, and of Tensors."""
    if type(x) is ndarray and s is None:
        return np.fft.fftn(x, axes=axes, norm=norm, out=_room(x))
    return array_namespace(x).fft.fftn(x, s=s, axes=axes, norm=norm)


def ifftn(x: Array, s: Sequence[int] | None, axes: Sequence[int] | None, norm: Norm) -> Array:
    """The standard's ifftn, of any library, and of Tensors."""
    if type(x) is ndarray and s is None:
        return np.fft.ifftn(x, axes=axes, norm=norm, out=_room(x))
    return array_namespace(x).fft.ifftn(x, s=s, axes=axes, norm=norm)


def _room(x: ndarray) -> ndarray:
    """An array for the transform of x, of the dtype that NumPy gives it: complex, of the precision of x."""
    return np.empty_like(x, dtype=np.result_type(x.dtype, 1j))
