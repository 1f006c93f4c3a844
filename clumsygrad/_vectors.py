"""Arrays of any library as one real vector on the host, and back: complex numbers are pairs of real ones.

So seen, the gradient ∂L/∂Re z + i ∂L/∂Im z of a complex number is a pair of ordinary derivatives.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import _transfer
from . import xp as _xp
from .xp import Array, is_complex, numpy

__all__ = ["arrays_of", "vector_of", "width"]

Vector = Any  # a NumPy array of float64, of one axis


def width(x: Array) -> int:
    """How many real numbers an array holds."""
    return int(math.prod(x.shape)) * (2 if is_complex(x) else 1)


def vector_of(arrays: Sequence[Array]) -> Vector:
    """The real numbers of raw arrays, of any library and device, one after the other."""
    parts = [numpy.zeros(0)]
    for x in arrays:
        host = numpy.reshape(numpy.asarray(_transfer.to_numpy(x)), (-1,))
        host = numpy.stack([host.real, host.imag], axis=-1).reshape(-1) if is_complex(x) else host
        parts.append(host.astype(numpy.float64))
    return numpy.concatenate(parts)


def arrays_of(vector: Vector, likes: Sequence[Array]) -> list[Array]:
    """The arrays whose numbers stand in a vector, with the shapes, dtypes, libraries and devices of `likes`; copies."""
    arrays, start = [], 0
    for x in likes:
        part = vector[start : start + width(x)]
        start += width(x)
        if is_complex(x):
            part = part[0::2] + 1j * part[1::2]
        arrays.append(_transfer.moved(numpy.reshape(part, tuple(x.shape)).astype(_xp.numpy_dtype(x.dtype)), x))
    return arrays
