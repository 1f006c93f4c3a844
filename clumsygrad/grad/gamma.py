"""Backward functions of the gamma and beta functions, complete and incomplete, of their inverses, and of Hurwitz' zeta function.

The incomplete functions have derivatives in their parameters too, by a series and a quadrature (_incomplete.py), twice.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import lean
from .._incomplete import at_ends, betainc_derivative, gammainc_derivative
from .._special import arrays, special_of
from ..xp import Array, array_namespace
from ._read import GradientTuple, attribute, conj_operand, conj_result, floating_pair, needs, operand, operands, result, unbroadcast

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "beta_backward",
    "betainc_backward",
    "betainc_derivative_backward",
    "betaincc_backward",
    "betainccinv_backward",
    "betaincinv_backward",
    "betaln_backward",
    "binom_backward",
    "digamma_backward",
    "gamma_backward",
    "gammainc_backward",
    "gammainc_derivative_backward",
    "gammaincc_backward",
    "gammainccinv_backward",
    "gammaincinv_backward",
    "gammaln_backward",
    "loggamma_backward",
    "multigammaln_backward",
    "poch_backward",
    "polygamma_backward",
    "rgamma_backward",
    "stdtr_backward",
    "stdtrit_backward",
    "zeta_backward",
]


# Γ and its logarithmic derivatives ------------------------------------------------------------------------------------------------


def gamma_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Γ(x):   x̄ = z̄ · conj(z ψ(x)).   DLMF 5.2.2."""
    return (grad * (conj_result(tensor, grad) * special_of(grad).digamma(conj_operand(tensor, grad))),)


def gammaln_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = log |Γ(x)|:   x̄ = z̄ · ψ(x).   DLMF 5.2.2."""
    return (grad * special_of(grad).digamma(operand(tensor, grad)),)


def loggamma_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = log Γ(x), its principal branch:   x̄ = z̄ · conj(ψ(x)).   DLMF 5.2.2."""
    return (grad * special_of(grad).digamma(conj_operand(tensor, grad)),)


def rgamma_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = 1/Γ(x):   x̄ = −z̄ · z ψ(x).   DLMF 5.2.2. At the poles x = −n of Γ, where z = 0, (−1)ⁿ n! z̄: DLMF 5.2.1 and 5.5.3."""
    functions = special_of(grad)
    psi, rest = _reflected_digamma(array_namespace(grad), functions, operand(tensor, grad), functions.gamma)
    return (-grad * (result(tensor, grad) * psi + rest),)


def _reflected_digamma(xp: Any, functions: Any, x: Array, product: Callable[..., Array], *others: Array) -> tuple[Array, Array]:
    """ψ(1 − x) and −z π cot(πx) where x < ½, elsewhere ψ(x) and 0: z ψ(x) = z times the first + the second, DLMF 5.5.4.

    z has the factor 1/Γ(x), so that neither has a pole: z π/sin(πx) = z Γ(x) Γ(1 − x), DLMF 5.5.3, is `product` of 1 − x and the others.
    """
    below = x < 0.5
    y, ones = xp.where(below, 1 - x, x), xp.ones_like(x)
    arguments = [xp.where(below, v, ones) for v in arrays(x, y, *others)]
    rest = xp.cos(math.pi * arguments[0]) * product(*arguments)
    return functions.digamma(y), xp.where(below, rest, xp.zeros_like(rest))


def digamma_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = ψ(x):   x̄ = z̄ · ψ′(x).   DLMF 5.15."""
    return (grad * special_of(grad).polygamma(1, operand(tensor, grad)),)


def polygamma_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = ψ⁽ⁿ⁾(x):   x̄ = z̄ · ψ⁽ⁿ⁺¹⁾(x).   DLMF 5.15."""
    return (grad * special_of(grad).polygamma(attribute(tensor, "n") + 1, operand(tensor, grad)),)


def multigammaln_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = d(d − 1)/4 log π + Σ log Γ(a − j/2), j < d:   ā = z̄ · Σ ψ(a − j/2).   DLMF 35.3.4 and 5.2.2."""
    a = operand(tensor, grad)
    digamma = special_of(grad).digamma
    total = digamma(a)
    for j in range(1, attribute(tensor, "d")):
        total = total + digamma(a - j / 2)
    return (grad * total,)


def zeta_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = ζ(x, q) = Σ (n + q)⁻ˣ:   q̄ = −z̄ · x ζ(x + 1, q).   DLMF 25.11.17. None in x, which is an attribute."""
    x, q = attribute(tensor, "x"), operand(tensor, grad)
    return (unbroadcast(grad * (-x * special_of(grad).zeta(x + 1, q)), q.shape),)


# Ratios of Γ ----------------------------------------------------------------------------------------------------------------------


def beta_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = B(a, b):   ā = z̄ · z (ψ(a) − ψ(a + b)),   b̄ = z̄ · z (ψ(b) − ψ(a + b)).   DLMF 5.12.1 and 5.2.2."""
    return _of_beta(tensor, grad, grad * result(tensor, grad))


def betaln_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = log |B(a, b)|:   ā = z̄ · (ψ(a) − ψ(a + b)),   b̄ = z̄ · (ψ(b) − ψ(a + b)).   DLMF 5.12.1 and 5.2.2."""
    return _of_beta(tensor, grad, grad)


def _of_beta(tensor: Tensor, grad: Array, weight: Array) -> GradientTuple:
    a, b = floating_pair(tensor, grad)
    need_a, need_b = needs(tensor)
    digamma = special_of(grad).digamma
    total = digamma(a + b)
    return (
        unbroadcast(weight * (digamma(a) - total), a.shape) if need_a else None,
        unbroadcast(weight * (digamma(b) - total), b.shape) if need_b else None,
    )


def binom_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Γ(n + 1)/(Γ(k + 1) Γ(n − k + 1)):   n̄ = z̄ z (ψ(n + 1) − ψ(n − k + 1)),   k̄ = z̄ z (ψ(n − k + 1) − ψ(k + 1)).

    DLMF 1.2.6 and 5.2.2. Undefined where n + 1 is a pole of Γ; where one of the others alone is, which z vanishes at, the limit.
    """
    xp = array_namespace(grad)
    functions = special_of(grad)
    n, k = floating_pair(tensor, grad)
    need_n, need_k = needs(tensor)
    z, top = result(tensor, grad), n + 1
    psi, rest = _reflected_digamma(xp, functions, n - k + 1, functions.beta, top)
    by_n = by_k = None
    if need_n:
        by_n = unbroadcast(grad * (z * (functions.digamma(top) - psi) - rest), n.shape)
    if need_k:
        psi_of_k, rest_of_k = _reflected_digamma(xp, functions, k + 1, functions.beta, top)
        by_k = unbroadcast(grad * (z * (psi - psi_of_k) + (rest - rest_of_k)), k.shape)
    return by_n, by_k


def poch_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Γ(x + m)/Γ(x):   x̄ = z̄ · z (ψ(x + m) − ψ(x)),   m̄ = z̄ · z ψ(x + m).   DLMF 5.2.5 and 5.2.2.

    Undefined where x + m is a pole of Γ; where only x is, which z vanishes at, the limit.
    """
    xp = array_namespace(grad)
    functions = special_of(grad)
    x, m = floating_pair(tensor, grad)
    need_x, need_m = needs(tensor)
    z, top = result(tensor, grad), x + m
    psi_of_top = functions.digamma(top)
    by_x = None
    if need_x:
        psi, rest = _reflected_digamma(xp, functions, x, functools.partial(_gammas, xp, functions), top)
        by_x = unbroadcast(grad * (z * (psi_of_top - psi) - rest), x.shape)
    return by_x, unbroadcast(grad * (z * psi_of_top), m.shape) if need_m else None


def _gammas(xp: Any, functions: Any, x: Array, y: Array) -> Array:
    """Γ(x) Γ(y), x > 0, of which one may be huge and the other tiny."""
    return functions.gammasgn(y) * xp.exp(functions.gammaln(x) + functions.gammaln(y))


# Incomplete Γ ---------------------------------------------------------------------------------------------------------------------


def _gamma_density(xp: Any, functions: Any, a: Array, x: Array) -> Array:
    """xᵃ⁻¹ e⁻ˣ/Γ(a) = ∂P/∂x: DLMF 8.8.13; 0 at ∞. Near 0 by a power, which has derivatives there, elsewhere by the logarithm."""
    (a,) = arrays(x, a)
    ones = xp.ones_like(x)
    small, infinite = (a >= 1) & (x >= 0) & (x < 1), x == math.inf
    y = xp.where(infinite, ones, x)
    power = xp.where(small, x, ones) ** (a - 1)
    density = power * xp.exp(functions.xlogy(a - 1, xp.where(small, ones, y)) - y - functions.gammaln(a))
    return xp.where(infinite, xp.zeros_like(density), density)


def gammainc_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = P(a, x):   ā = z̄ · ∂P/∂a (see _incomplete.py),   x̄ = z̄ · xᵃ⁻¹ e⁻ˣ/Γ(a).   DLMF 8.2.4 and 8.8.13."""
    return _incomplete_gamma(tensor, grad, grad)


def gammaincc_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Q(a, x) = 1 − P(a, x):   ā = −z̄ · ∂P/∂a (see _incomplete.py),   x̄ = −z̄ · xᵃ⁻¹ e⁻ˣ/Γ(a).   DLMF 8.2.5 and 8.8.14."""
    return _incomplete_gamma(tensor, grad, -grad)


def _incomplete_gamma(tensor: Tensor, grad: Array, weight: Array) -> GradientTuple:
    xp = array_namespace(grad)
    functions = special_of(grad)
    a, x = floating_pair(tensor, grad)
    need_a, need_x = needs(tensor)
    return (
        unbroadcast(weight * gammainc_derivative(a, x, order=1), a.shape) if need_a else None,
        unbroadcast(weight * _gamma_density(xp, functions, a, x), x.shape) if need_x else None,
    )


def gammainc_derivative_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = ∂ᵏP(a, x)/∂aᵏ:   ā = z̄ · ∂ᵏ⁺¹P/∂aᵏ⁺¹,   x̄ = z̄ · ∂ᵏp/∂aᵏ,   p the density, of which ∂p/∂a = (log x − ψ(a)) p.

    DLMF 8.8.13 and 5.2.2. In x also of k = 2; in a it raises there.
    """
    xp = array_namespace(grad)
    functions = special_of(grad)
    a, x = arrays(grad, *floating_pair(tensor, grad))
    need_a, need_x = needs(tensor)
    order = attribute(tensor, "order")
    by_a = gammainc_derivative(a, x, order=order + 1) if need_a else None
    if not need_x:
        return unbroadcast(grad * by_a, a.shape), None
    y = x + xp.zeros_like(grad)
    inside = (y > 0) & (y < math.inf)
    log = xp.log(xp.where(inside, y, xp.ones_like(y))) - functions.digamma(a)
    factor = log if order == 1 else log * log - functions.polygamma(1, a)
    by_x = xp.where(inside, _gamma_density(xp, functions, a, x) * factor, at_ends(xp, y, math.inf))
    return unbroadcast(grad * by_a, a.shape) if by_a is not None else None, unbroadcast(grad * by_x, x.shape)


def gammaincinv_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z of P(a, z) = y:   ȳ = z̄/p,   ā = −z̄ · ∂P(a, z)/∂a / p,   p = zᵃ⁻¹ e⁻ᶻ/Γ(a).   By DLMF 8.8.13 and the implicit function."""
    return _inverse_gamma(tensor, grad, grad)


def gammainccinv_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z of Q(a, z) = y:   ȳ = −z̄/p,   ā = −z̄ · ∂P(a, z)/∂a / p,   p = zᵃ⁻¹ e⁻ᶻ/Γ(a).   By DLMF 8.8.14 and the implicit function."""
    return _inverse_gamma(tensor, grad, -grad)


def _inverse_gamma(tensor: Tensor, grad: Array, by_y: Array) -> GradientTuple:
    xp = array_namespace(grad)
    functions = special_of(grad)
    a, y = floating_pair(tensor, grad)
    need_a, need_y = needs(tensor)
    z = result(tensor, grad)
    density = _gamma_density(xp, functions, a, z)
    return (
        unbroadcast(-grad * gammainc_derivative(a, z, order=1) / density, a.shape) if need_a else None,
        unbroadcast(by_y / density, y.shape) if need_y else None,
    )


# Incomplete B ---------------------------------------------------------------------------------------------------------------------


def _beta_density(xp: Any, functions: Any, a: Array, b: Array, x: Array) -> Array:
    """xᵃ⁻¹ (1 − x)ᵇ⁻¹/B(a, b) = ∂I/∂x: DLMF 8.17.1.

    The factor of the nearer end as a power, which has derivatives there, unless 1/B is so large that it may underflow; else by logarithms.
    """
    a, b = arrays(x, a, b)
    log_beta = functions.betaln(a, b)
    moderate = log_beta > -20
    lower, upper = moderate & (a >= 1) & (x >= 0) & (x < 0.5), moderate & (b >= 1) & (x >= 0.5) & (x <= 1)
    ones, zeros = xp.ones_like(x), xp.zeros_like(x)
    powers = xp.where(lower, x, ones) ** (a - 1) * xp.where(upper, 1 - x, ones) ** (b - 1)
    logarithm = functions.xlogy(a - 1, xp.where(lower, ones, x)) + functions.xlog1py(b - 1, xp.where(upper, zeros, -x))
    return powers * xp.exp(logarithm - log_beta)


def betainc_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = I_x(a, b):   ā = z̄ · ∂I/∂a,   b̄ = z̄ · ∂I/∂b (see _incomplete.py),   x̄ = z̄ · xᵃ⁻¹ (1 − x)ᵇ⁻¹/B(a, b).   DLMF 8.17.1."""
    return _incomplete_beta(tensor, grad, grad)


def betaincc_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = 1 − I_x(a, b):   ā = −z̄ · ∂I/∂a,   b̄ = −z̄ · ∂I/∂b,   x̄ = −z̄ · xᵃ⁻¹ (1 − x)ᵇ⁻¹/B(a, b).   DLMF 8.17.1 and 8.17.4."""
    return _incomplete_beta(tensor, grad, -grad)


def _incomplete_beta(tensor: Tensor, grad: Array, weight: Array) -> GradientTuple:
    xp = array_namespace(grad)
    functions = special_of(grad)
    a, b, x = operands(tensor, grad)
    need_a, need_b, need_x = needs(tensor)
    return (
        unbroadcast(weight * betainc_derivative(a, b, x, order_a=1, order_b=0), a.shape) if need_a else None,
        unbroadcast(weight * betainc_derivative(a, b, x, order_a=0, order_b=1), b.shape) if need_b else None,
        unbroadcast(weight * _beta_density(xp, functions, a, b, x), x.shape) if need_x else None,
    )


def betainc_derivative_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = ∂ⁱ⁺ʲI_x(a, b)/∂aⁱ∂bʲ:   ā, b̄ = z̄ · the next in a, in b,   x̄ = z̄ · ∂ⁱ⁺ʲp/∂aⁱ∂bʲ,   p the density xᵃ⁻¹ (1 − x)ᵇ⁻¹/B(a, b).

    ∂p/∂a = (log x − ψ(a) + ψ(a + b)) p: DLMF 8.17.1 and 5.12.1. In x also of i + j = 2; in a and b it raises there.
    """
    xp = array_namespace(grad)
    functions = special_of(grad)
    a, b, x = arrays(grad, *operands(tensor, grad))
    need_a, need_b, need_x = needs(tensor)
    i, j = attribute(tensor, "order_a"), attribute(tensor, "order_b")
    return (
        unbroadcast(grad * betainc_derivative(a, b, x, order_a=i + 1, order_b=j), a.shape) if need_a else None,
        unbroadcast(grad * betainc_derivative(a, b, x, order_a=i, order_b=j + 1), b.shape) if need_b else None,
        unbroadcast(grad * _beta_density_derivative(xp, functions, a, b, x + xp.zeros_like(grad), i, j), x.shape)
        if need_x
        else None,
    )


def _beta_density_derivative(xp: Any, functions: Any, a: Array, b: Array, x: Array, i: int, j: int) -> Array:
    """∂ⁱ⁺ʲp/∂aⁱ∂bʲ, i + j = 1 or 2; 0 at x = 0 and at x = 1, nan beyond."""
    inside = (x > 0) & (x < 1)
    y = xp.where(inside, x, xp.full_like(x, 0.5))
    total = functions.digamma(a + b)
    u = xp.log(y) - functions.digamma(a) + total
    v = xp.log1p(-y) - functions.digamma(b) + total
    factor = (u if i else v) if i + j == 1 else u * u if i == 2 else v * v if j == 2 else u * v
    if i + j == 2:
        factor = factor + functions.polygamma(1, a + b)
    if i == 2 or j == 2:
        factor = factor - functions.polygamma(1, a if i else b)
    return xp.where(inside, _beta_density(xp, functions, a, b, y) * factor, at_ends(xp, x, 1))


def betaincinv_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z of I_z(a, b) = y:   ȳ = z̄/p,   ā = −z̄ · ∂I/∂a / p,   b̄ = −z̄ · ∂I/∂b / p,   p = zᵃ⁻¹ (1 − z)ᵇ⁻¹/B(a, b).   DLMF 8.17.1."""
    return _inverse_beta(tensor, grad, grad)


def betainccinv_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z of 1 − I_z(a, b) = y:   ȳ = −z̄/p,   ā = −z̄ · ∂I/∂a / p,   b̄ = −z̄ · ∂I/∂b / p,   p = zᵃ⁻¹ (1 − z)ᵇ⁻¹/B(a, b)."""
    return _inverse_beta(tensor, grad, -grad)


def _inverse_beta(tensor: Tensor, grad: Array, by_y: Array) -> GradientTuple:
    xp = array_namespace(grad)
    functions = special_of(grad)
    a, b, y = operands(tensor, grad)
    need_a, need_b, need_y = needs(tensor)
    z = result(tensor, grad)
    density = _beta_density(xp, functions, a, b, z)
    return (
        unbroadcast(-grad * betainc_derivative(a, b, z, order_a=1, order_b=0) / density, a.shape) if need_a else None,
        unbroadcast(-grad * betainc_derivative(a, b, z, order_a=0, order_b=1) / density, b.shape) if need_b else None,
        unbroadcast(by_y / density, y.shape) if need_y else None,
    )


# Student's t ----------------------------------------------------------------------------------------------------------------------


def stdtr_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = F(t), of ν degrees of freedom:   t̄ = z̄ · p(t),   ν̄ = z̄ · ∂F/∂ν,   p = (1 + t²/ν)^(−(ν+1)/2)/(√ν B(ν/2, 1/2))."""
    df, t = floating_pair(tensor, grad)
    need_df, need_t = needs(tensor)
    density, by_df = _student(array_namespace(grad), df, t + array_namespace(grad).zeros_like(grad), need_df)
    return (
        unbroadcast(grad * by_df, df.shape) if need_df else None,
        unbroadcast(grad * density, t.shape) if need_t else None,
    )


def stdtrit_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z of F(z) = y, of ν degrees of freedom:   ȳ = z̄/p(z),   ν̄ = −z̄ · ∂F/∂ν / p(z).   By the implicit function."""
    df, y = floating_pair(tensor, grad)
    need_df, need_y = needs(tensor)
    density, by_df = _student(array_namespace(grad), df, result(tensor, grad), need_df)
    return (
        unbroadcast(-grad * by_df / density, df.shape) if need_df else None,
        unbroadcast(grad / density, y.shape) if need_y else None,
    )


def _student(xp: Any, df: Array, t: Array, need_df: bool) -> tuple[Array, Array | None]:
    """The density of Student's t, and ∂F/∂ν, from F = ½ I_x(ν/2, ½), x = ν/(ν + t²), for t < 0. Both 0 at ±∞."""
    (df,) = arrays(t, df)
    infinite = xp.isinf(t)
    t = xp.where(infinite, xp.zeros_like(t), t)  # where ∂F/∂ν is 0, too
    a = df / 2
    half = xp.full_like(t, 0.5)
    spread = t * t + df
    x = df / spread
    power = xp.exp(a * xp.log(x) - special_of(t).betaln(a, half))
    density = xp.where(infinite, xp.zeros_like(t), power / xp.sqrt(spread))
    if not need_df:
        return density, None
    tail = lean.sign(t) * betainc_derivative(a, half, x, order_a=1, order_b=0) / 2
    return density, -(tail + t * density / df) / 2
