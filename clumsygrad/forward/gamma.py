"""The gamma and beta functions, complete and incomplete, and their inverses.

Elementwise; operands broadcast; of the dtype and in the library of the operands. Formulas of the derivatives are with the backward
functions.

>>> import clumsygrad as cg
>>> cg.special.gamma(cg.asarray([1.0, 4.0]))
Tensor(array([1., 6.]))
"""

from __future__ import annotations

from .. import _incomplete, grad
from .._operation import wide_operation
from .._special import special_of
from ..xp import Array

__all__ = [
    "beta",
    "betainc",
    "betainc_derivative",
    "betaincc",
    "betainccinv",
    "betaincinv",
    "betaln",
    "binom",
    "digamma",
    "gamma",
    "gammainc",
    "gammainc_derivative",
    "gammaincc",
    "gammainccinv",
    "gammaincinv",
    "gammaln",
    "gammasgn",
    "loggamma",
    "multigammaln",
    "poch",
    "polygamma",
    "rgamma",
    "zeta",
]


# Γ and its logarithmic derivatives -----------------------------------------------------------------------------------------------


@wide_operation(grad.gamma_backward)
def gamma(x: Array, /) -> Array:
    """Γ(x) = ∫₀^∞ tˣ⁻¹ e⁻ᵗ dt, continued to all x but 0, −1, −2, ..."""
    return special_of(x).gamma(x)


@wide_operation(grad.gammaln_backward)
def gammaln(x: Array, /) -> Array:
    """log |Γ(x)|, of real x."""
    return special_of(x).gammaln(x)


@wide_operation(grad.loggamma_backward)
def loggamma(x: Array, /) -> Array:
    """log Γ(x), its principal branch; real only for x > 0."""
    return special_of(x).loggamma(x)


@wide_operation(grad.rgamma_backward)
def rgamma(x: Array, /) -> Array:
    """1/Γ(x), which is 0 at 0, −1, −2, ..."""
    return special_of(x).rgamma(x)


@wide_operation(grad.zero_backward)
def gammasgn(x: Array, /) -> Array:
    """The sign of Γ(x). Its gradient is 0."""
    return special_of(x).gammasgn(x)


@wide_operation(grad.digamma_backward)
def digamma(x: Array, /) -> Array:
    """ψ(x) = Γ′(x)/Γ(x)."""
    return special_of(x).digamma(x)


@wide_operation(grad.polygamma_backward, operands=("x",))
def polygamma(n: int, x: Array, /) -> Array:
    """ψ⁽ⁿ⁾(x), the n-th derivative of digamma, n a Python integer."""
    return special_of(x).polygamma(n, x)


@wide_operation(grad.multigammaln_backward)
def multigammaln(a: Array, /, d: int) -> Array:
    """The logarithm of the multivariate Γ of a > (d − 1)/2, d a Python integer: d(d − 1)/4 log π + Σ log Γ(a − j/2), j < d."""
    return special_of(a).multigammaln(a, d)


@wide_operation(grad.zeta_backward, operands=("q",))
def zeta(x: float | Array, q: Array, /) -> Array:
    """Hurwitz' ζ(x, q) = Σ (n + q)⁻ˣ, n = 0, 1, ...; differentiable in q."""
    return special_of(q).zeta(x, q)


# Ratios of Γ ---------------------------------------------------------------------------------------------------------------------


@wide_operation(grad.beta_backward)
def beta(a: Array, b: Array, /) -> Array:
    """B(a, b) = Γ(a) Γ(b)/Γ(a + b)."""
    return special_of(a, b).beta(a, b)


@wide_operation(grad.betaln_backward)
def betaln(a: Array, b: Array, /) -> Array:
    """log |B(a, b)|."""
    return special_of(a, b).betaln(a, b)


@wide_operation(grad.binom_backward)
def binom(n: Array, k: Array, /) -> Array:
    """The binomial coefficient Γ(n + 1)/(Γ(k + 1) Γ(n − k + 1)) of real n and k."""
    return special_of(n, k).binom(n, k)


@wide_operation(grad.poch_backward)
def poch(x: Array, m: Array, /) -> Array:
    """Pochhammer's symbol Γ(x + m)/Γ(x)."""
    return special_of(x, m).poch(x, m)


# Incomplete Γ --------------------------------------------------------------------------------------------------------------------


@wide_operation(grad.gammainc_backward)
def gammainc(a: Array, x: Array, /) -> Array:
    """P(a, x) = 1/Γ(a) ∫₀ˣ tᵃ⁻¹ e⁻ᵗ dt, of a > 0 and x ≥ 0; differentiable in both, in a twice."""
    return special_of(a, x).gammainc(a, x)


@wide_operation(grad.gammaincc_backward)
def gammaincc(a: Array, x: Array, /) -> Array:
    """Q(a, x) = 1 − P(a, x), exact where it is small; differentiable in both, in a twice."""
    return special_of(a, x).gammaincc(a, x)


@wide_operation(grad.gammaincinv_backward)
def gammaincinv(a: Array, y: Array, /) -> Array:
    """The x of P(a, x) = y."""
    return special_of(a, y).gammaincinv(a, y)


@wide_operation(grad.gammainccinv_backward)
def gammainccinv(a: Array, y: Array, /) -> Array:
    """The x of Q(a, x) = y."""
    return special_of(a, y).gammainccinv(a, y)


# Incomplete B --------------------------------------------------------------------------------------------------------------------


@wide_operation(grad.betainc_backward, operands=("a", "b", "x"))
def betainc(a: Array, b: Array, x: Array, /) -> Array:
    """I_x(a, b) = 1/B(a, b) ∫₀ˣ tᵃ⁻¹ (1 − t)ᵇ⁻¹ dt, of a, b > 0 and x in [0, 1]; differentiable in all, in a and b twice."""
    functions = special_of(a, b, x)
    return functions.betainc(a, b, x) if functions.has("betainc") else _incomplete.betainc(a, b, x)


@wide_operation(grad.betaincc_backward, operands=("a", "b", "x"))
def betaincc(a: Array, b: Array, x: Array, /) -> Array:
    """1 − I_x(a, b), exact where it is small; differentiable in all, in a and b twice."""
    functions = special_of(a, b, x)
    return functions.betaincc(a, b, x) if functions.has("betainc") else _incomplete.betainc(b, a, 1 - x)


@wide_operation(grad.betaincinv_backward, operands=("a", "b", "y"))
def betaincinv(a: Array, b: Array, y: Array, /) -> Array:
    """The x of I_x(a, b) = y."""
    return special_of(a, b, y).betaincinv(a, b, y)


@wide_operation(grad.betainccinv_backward, operands=("a", "b", "y"))
def betainccinv(a: Array, b: Array, y: Array, /) -> Array:
    """The x of 1 − I_x(a, b) = y."""
    return special_of(a, b, y).betainccinv(a, b, y)


@wide_operation(grad.gammainc_derivative_backward)
def gammainc_derivative(a: Array, x: Array, /, *, order: int = 1) -> Array:
    """∂ᵏP(a, x)/∂aᵏ, k the order, 1 or 2: what gammainc's gradient in a is made of. (Not in SciPy.)"""
    return _incomplete.gammainc_derivative(a, x, order=order)


@wide_operation(grad.betainc_derivative_backward, operands=("a", "b", "x"))
def betainc_derivative(a: Array, b: Array, x: Array, /, *, order_a: int = 1, order_b: int = 0) -> Array:
    """∂ⁱ⁺ʲI_x(a, b)/∂aⁱ∂bʲ, i and j the orders, 1 or 2 together: what betainc's gradients in a and b are made of. (Not in SciPy.)"""
    return _incomplete.betainc_derivative(a, b, x, order_a=order_a, order_b=order_b)
