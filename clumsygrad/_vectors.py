"""Arrays of any library as one real vector on the host, and back: complex numbers are pairs of real ones.

So seen, the gradient ∂L/∂Re z + i ∂L/∂Im z of a complex number is a pair of ordinary derivatives.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from . import _transfer
from . import xp as _xp
from .xp import Array, is_complex, numpy

__all__ = ["Layout", "in_pairs", "vector_of"]

Vector = Any  # a NumPy array of float64, of one axis


class Layout:
    """How raw arrays, of any library and device, stand in one vector: `widths` and `parts` say how much of it is whose."""

    def __init__(self, likes: Iterable[Array]) -> None:
        self.likes = list(likes)
        self.widths = [math.prod(x.shape) * (2 if is_complex(x) else 1) for x in self.likes]
        self._ends = list(itertools.accumulate(self.widths))
        self.width = sum(self.widths)
        self.parts = [slice(end - width, end) for end, width in zip(self._ends, self.widths, strict=True)]

    def arrays(self, vector: Vector) -> list[Array]:
        """The arrays whose numbers stand in a vector, with the shapes, dtypes, libraries and devices of `likes`; copies."""
        arrays, vector = [], numpy.reshape(vector, (-1,))
        for x, part in zip(self.likes, self.parts, strict=True):
            host = vector[part]
            if is_complex(x):
                host = host[0::2] + 1j * host[1::2]
            arrays.append(_transfer.moved(numpy.reshape(host, tuple(x.shape)).astype(_xp.numpy_dtype(x.dtype)), x))
        return arrays

    def owner(self, coordinate: int) -> int:
        """Which array has the number at a coordinate of the vector."""
        return bisect_right(self._ends, coordinate)

    def entry(self, coordinate: int) -> tuple[int, ...]:
        """The index of the number at a coordinate in the array that has it."""
        owner = self.owner(coordinate)
        x = self.likes[owner]
        position = (coordinate - self.parts[owner].start) // (2 if is_complex(x) else 1)
        return tuple(int(i) for i in numpy.unravel_index(position, tuple(x.shape)))

    def pair(self, coordinate: int) -> list[int]:
        """The coordinates of the number of which one is given: two, if it is complex."""
        owner = self.owner(coordinate)
        if not is_complex(self.likes[owner]):
            return [coordinate]
        first = coordinate - (coordinate - self.parts[owner].start) % 2
        return [first, first + 1]


def vector_of(arrays: Iterable[Array]) -> Vector:
    """The real numbers of raw arrays, of any library and device, one after the other."""
    hosts = [in_pairs(numpy.reshape(numpy.asarray(_transfer.to_numpy(x)), (-1,))) for x in arrays]
    return numpy.concatenate([numpy.zeros(0), *hosts])


def in_pairs(host: Any) -> Any:
    """A NumPy array in float64, with two elements along its last axis for each complex one."""
    if host.dtype.kind == "c":
        host = numpy.stack([host.real, host.imag], axis=-1).reshape((*host.shape[:-1], 2 * host.shape[-1]))
    return host.astype(numpy.float64)
