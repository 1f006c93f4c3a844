"""Distribution functions, by the incomplete gamma and beta functions, and so differentiable in x and in the degrees of freedom.

SciPy's tests (an analysis of variance, for one) make their p-values of them.

>>> import clumsygrad as cg
>>> cg.special.chdtr(2.0, cg.asarray([0.0, 1.0]))
Tensor(array([0.        , 0.39346934]))
"""

from __future__ import annotations

from ..xp import Array
from .arithmetic import add, divide, multiply
from .gamma import betainc, gammainc, gammaincc

__all__ = ["chdtr", "chdtrc", "fdtr", "fdtrc"]


def chdtr(v: Array, x: Array, /) -> Array:
    """The probability that χ² of v degrees of freedom is at most x ≥ 0."""
    return gammainc(v / 2, x / 2)


def chdtrc(v: Array, x: Array, /) -> Array:
    """The probability that χ² of v degrees of freedom is more than x ≥ 0."""
    return gammaincc(v / 2, x / 2)


def fdtr(dfn: Array, dfd: Array, x: Array, /) -> Array:
    """The probability that F of dfn and dfd degrees of freedom is at most x ≥ 0."""
    ratio = multiply(dfn, x)
    return betainc(dfn / 2, dfd / 2, divide(ratio, add(dfd, ratio)))


def fdtrc(dfn: Array, dfd: Array, x: Array, /) -> Array:
    """The probability that F of dfn and dfd degrees of freedom is more than x ≥ 0."""
    return betainc(dfd / 2, dfn / 2, divide(dfd, add(dfd, multiply(dfn, x))))
