"""Distribution functions, mostly by the incomplete gamma and beta functions, and so differentiable in x and in the degrees of freedom.

SciPy's tests (an analysis of variance, for one) make their p-values of them.

>>> import clumsygrad as cg
>>> cg.special.chdtr(2.0, cg.asarray([0.0, 1.0]))
Tensor(array([0.        , 0.39346934]))
"""

from __future__ import annotations

from .. import grad
from .._operation import wide_operation
from .._special import special_of
from ..xp import Array, array_namespace
from .arithmetic import add, divide, multiply
from .gamma import betainc, gammainc, gammaincc

__all__ = ["chdtr", "chdtrc", "fdtr", "fdtrc", "stdtr", "stdtrit"]


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


@wide_operation(grad.stdtr_backward)
def stdtr(df: Array, t: Array, /) -> Array:
    """The probability that Student's t of df degrees of freedom is at most t."""
    xp = array_namespace(t if hasattr(t, "shape") else df)
    tail = betainc(df / 2, 0.5, df / (t * t + df)) / 2
    return xp.where(t + 0 * df < 0, tail, 1 - tail)


@wide_operation(grad.stdtrit_backward)
def stdtrit(df: Array, p: Array, /) -> Array:
    """The t that Student's t of df degrees of freedom does not exceed with probability p: the inverse of `stdtr`."""
    return special_of(df, p).stdtrit(df, p)
