"""Elementwise functions of large NumPy arrays, piece by piece: what is made on the way stays in the processor's own cache.

An array of megabytes that is written and read again goes through memory twice. For small arrays, for those of other libraries and for
Tensors these are the plain functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import _elements, lean
from .xp import FLOAT32, FLOAT64, Array, array_namespace, conj, is_real_numpys, ndarray

__all__ = [
    "are_large",
    "scaled_difference",
    "sum_of_binary_cross_entropies",
    "sum_of_squared_differences",
    "times",
    "times_conj",
    "times_ratio",
]

_PIECE = 2**18  # bytes, of which three fit a cache of a megabyte


def _pieces(*arrays: ndarray) -> Iterator[tuple[ndarray, ...]]:
    """NumPy arrays of one shape; if the first is large, in pieces: stretches of memory where all are contiguous, otherwise rows."""
    first = arrays[0]
    if first.nbytes < 2 * _PIECE:
        yield arrays
        return
    if all(x.flags.c_contiguous for x in arrays):
        arrays = tuple([x.reshape(-1) for x in arrays])
    step = max(_PIECE * len(arrays[0]) // first.nbytes, 1)
    for start in range(0, len(arrays[0]), step):
        yield tuple([x[start : start + step] for x in arrays])


# Products and quotients ---------------------------------------------------------------------------------------------------------


def times_conj(x: Array, y: Array) -> Array:
    """x conj(y)."""
    if is_real_numpys(y):
        return x * y
    if type(x) is type(y) is ndarray and x.dtype == y.dtype and x.shape == y.shape and x.dtype.kind == "c":
        z = np.empty_like(x)
        for out, part, factor in _pieces(z, x, y):
            np.multiply(part, np.conj(factor, out), out)
        return z
    y = conj(array_namespace(x), y)
    z = _elements.multiply(x, y)
    return x * y if z is None else z


def times_ratio(x: Array, y: Array, size: Array) -> Array:
    """x y / size; where size is 0 something finite, with no warning."""
    if type(x) is type(y) is type(size) is ndarray:
        z = np.empty_like(x)
        try:
            with np.errstate(divide="raise", invalid="raise"):  # which costs no pass over size in search of a 0
                for out, part, numerator, denominator in _pieces(z, x, y, size):
                    np.multiply(part, numerator / denominator, out)
            return z
        except FloatingPointError:
            with np.errstate(invalid="ignore"):
                return x * (y / np.where(size == 0, 1, size))
    xp = array_namespace(x)
    return x * (y / xp.where(size == 0, xp.ones_like(size), size))


# Differences --------------------------------------------------------------------------------------------------------------------


def are_large(x: Array, y: Array) -> bool:
    """Whether x and y are NumPy arrays of one shape and dtype that the two functions below take."""
    if type(x) is not ndarray or type(y) is not ndarray or x.nbytes < 2 * _PIECE or x.shape != y.shape:
        return False
    return x.dtype is y.dtype and x.dtype.char in "fdFD" and x.flags.c_contiguous and y.flags.c_contiguous


def sum_of_squared_differences(x: ndarray, y: ndarray) -> Array:
    """Σ |x − y|², of arrays that are large."""
    room = np.empty(_PIECE // x.itemsize, x.dtype)
    sums = []
    for left, right in _pieces(x, y):
        difference = np.subtract(left, right, room[: left.size])
        sums.append(np.vdot(difference, difference).real)
    return np.add.reduce(sums)


def scaled_difference(x: ndarray, y: ndarray, factor: Array) -> Array:
    """(x − y) · factor, of arrays that are large and one real number."""
    z = np.empty_like(x)
    for out, left, right in _pieces(z, x, y):
        np.multiply(np.subtract(left, right, out), factor, out)
    return z


# Logarithms ---------------------------------------------------------------------------------------------------------------------

_FACTORS = 64  # of 1 to 2: their product is a float32 still
# The bit, as an integer of the same size.
_SIGNS: dict[Any, Any] = {FLOAT64: np.array(-(2**63)), FLOAT32: np.array(-(2**31), np.int32)}


def sum_of_binary_cross_entropies(x: ndarray, labels: ndarray, scale: float) -> tuple[Array, ndarray]:
    """Σ (h − label) x + log(1 + e^−|x|), h = 0 for numbers with a minus sign, else 1; and its slope, scaled.

    x and the labels have one shape and dtype.
    """
    slope = np.empty_like(x)
    sums = []
    for out, part, of_part in _pieces(slope, x, labels):
        e = np.abs(part)
        np.exp(np.negative(e, e), e)
        factors = e + 1
        np.subtract(~np.signbit(part), of_part, out)
        sums.append(np.vdot(out, part) + _sum_of_log1p(e, factors))
        out -= _with_sign_of(part, np.divide(e, factors, e))
        if scale != 1:
            out *= scale
    return np.add.reduce(sums), slope


def _sum_of_log1p(x: ndarray, factors: ndarray) -> Array:
    """Σ log(1 + x) of numbers from 0 to 1, given 1 + x: by logarithms of products, in a tenth of the time where NumPy's log1p is slow.

    Each factor was rounded, by half a unit in the last place at most. Where the sum is so small that this would show, log1p is summed.
    """
    factors = factors.reshape(-1)
    count = factors.size // _FACTORS * _FACTORS
    products = np.multiply.reduce(factors[:count].reshape(_FACTORS, -1), 0)
    total = np.add.reduce(np.log(products)) + np.add.reduce(np.log(factors[count:]))
    return total if total > x.size / 16 else np.add.reduce(np.log1p(x), None)


def _with_sign_of(x: ndarray, size: ndarray) -> ndarray:
    """`size`, which has no minus sign, with that of x, in its own memory: by bits, since NumPy's copysign takes several times as long."""
    sign = _SIGNS[x.dtype]
    bits = size.view(sign.dtype)
    bits |= x.view(sign.dtype) & sign
    return size


# Anything, piece by piece -------------------------------------------------------------------------------------------------------


def times(x: Array, factor: Callable[..., Array], *arrays: Array, in_place: bool = False) -> Array:
    """x · factor(*arrays), elementwise operations of arrays of one shape and dtype. Told to, it writes into `x`, if that is NumPy's.

    Large NumPy arrays are handed to `factor` piece by piece, so that what it makes on the way takes the memory of a piece.
    """
    if not all(is_real_numpys(y) and y.shape == x.shape and y.dtype is x.dtype for y in (x, *arrays)):
        return lean.multiply_into(factor(*arrays), x)
    z = x if in_place else np.empty_like(x)
    for out, part, *parts in _pieces(z, x, *arrays):
        np.multiply(part, factor(*parts), out)
    return z
