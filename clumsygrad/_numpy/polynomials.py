"""NumPy's polynomials, by their own names and with their own parameters."""

from __future__ import annotations

import operator
from typing import Any

from .. import xp as _xp
from ..forward import elementwise, manipulation, reductions
from ..forward.arithmetic import add, divide, multiply, negative, pow, subtract
from ..forward.indexing import _getitem
from ..linalg import lstsq
from ..tensor import Tensor
from ..xp import Array, numpy
from ._arguments import beside, constants_like, floating, namespace_of, refuse, tensor, tensors
from .sliding import convolve

__all__ = [
    "poly",
    "polyadd",
    "polyder",
    "polyfit",
    "polyint",
    "polymul",
    "polysub",
    "polyval",
    "vander",
]

# Polynomials: coefficients of the highest power first ---------------------------------------------------------------------------------


def polyval(p: Any, x: Any) -> Array:
    """The polynomial with coefficients p at x, by Horner's scheme."""
    p, x = tensors(p, x)
    z = multiply(x, 0.0) if _xp.is_floating(x) else multiply(floating(x), 0.0)
    for i in range(p.shape[0]):
        z = add(multiply(z, x), _getitem(p, (i,)))
    return z


def polyadd(a1: Any, a2: Any) -> Array:
    """The sum of two polynomials."""
    return add(*_of_one_length(*tensors(a1, a2)))


def polysub(a1: Any, a2: Any) -> Array:
    """The difference of two polynomials."""
    return subtract(*_of_one_length(*tensors(a1, a2)))


def _of_one_length(a1: Tensor, a2: Tensor) -> list[Tensor]:
    n = max(a1.shape[0], a2.shape[0])
    return [_led_by_zeros(a, n - a.shape[0]) for a in (a1, a2)]


def _led_by_zeros(a: Tensor, count: int) -> Tensor:
    zero = manipulation.broadcast_to(multiply(_getitem(a.detach(), slice(None, 1)), 0), (count,))
    return manipulation.concat([zero, a], axis=0) if count else a


def polymul(a1: Any, a2: Any) -> Array:
    """The product of two polynomials."""
    return convolve(a1, a2)


def polyder(p: Any, m: int = 1) -> Array:
    """The m-th derivative of a polynomial."""
    p = floating(tensor(p))
    for _ in range(m):
        n = p.shape[0] - 1
        p = multiply(_getitem(p, slice(None, n)), constants_like(numpy.arange(n, 0, -1.0), p))
    return p


def polyint(p: Any, m: int = 1, k: Any = None) -> Array:
    """The m-th antiderivative of a polynomial, with the constants k (0 if None)."""
    p = floating(beside(p, (p, k)))
    constants = beside(0.0 if k is None else k, p)
    constants = manipulation.broadcast_to(constants if constants.shape else manipulation.reshape(constants, (1,)), (m,))
    for i in range(m):
        n = p.shape[0]
        p = manipulation.concat(
            [divide(p, constants_like(numpy.arange(n, 0, -1.0), p)), _getitem(constants, slice(i, i + 1))], axis=0
        )
    return p


def poly(seq_of_zeros: Any) -> Array:
    """The polynomial with these zeros and leading coefficient 1."""
    zeros = tensor(seq_of_zeros)
    if len(zeros.shape) != 1:
        refuse("poly", "a matrix", "give its eigenvalues: numpy.poly(numpy.linalg.eigvals(a))")
    one = namespace_of(zeros).ones_like(zeros.detach())[:1]
    z = one
    for i in range(zeros.shape[0]):
        z = convolve(z, manipulation.concat([one, negative(_getitem(zeros, slice(i, i + 1)))], axis=0))
    return z


def polyfit(x: Any, y: Any, deg: int, rcond: Any = None, *, w: Any = None) -> Array:
    """The polynomial of degree `deg` for which Σ w² (p(x) − y)² is least."""
    x, y, w = tensors(x, y, w)
    x, y = floating(x), floating(y)
    left = vander(x, deg + 1)
    if w is not None:
        left = multiply(left, manipulation.reshape(w, (-1, 1)))
        y = multiply(y, w if len(y.shape) == 1 else manipulation.reshape(w, (-1, 1)))
    scale = elementwise.sqrt(reductions.sum(multiply(left, left), axis=0))
    rcond = x.shape[0] * namespace_of(x).finfo(x.dtype).eps if rcond is None else rcond
    z = lstsq(divide(left, scale), y, rtol=rcond).solution
    return divide(z, scale if len(z.shape) == 1 else manipulation.reshape(scale, (-1, 1)))


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Array:
    """The powers of the elements of a vector, each in its row, the highest first unless `increasing`."""
    x = floating(tensor(x))
    powers = numpy.arange(x.shape[0] if N is None else operator.index(N))
    exponents = constants_like(powers if increasing else powers[::-1].copy(), x)
    return pow(manipulation.reshape(x, (-1, 1)), exponents)
