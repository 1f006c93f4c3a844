"""Backward functions of special functions: of the error function, the logistic function, entropies, losses, powers, and angles.

`special_of(grad)` has the special functions of the gradient's world, as array_namespace(grad) has the standard's: what a rule calls is
differentiable again. DLMF: NIST Digital Library of Mathematical Functions, https://dlmf.nist.gov.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import lean
from .._special import special_of
from ..xp import Array, array_namespace, conj, is_complex
from ._read import GradientTuple, conj_operand, conj_result, floating_pair, needs, operand, result, unbroadcast

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "boxcox1p_backward",
    "boxcox_backward",
    "cbrt_backward",
    "cosdg_backward",
    "cosm1_backward",
    "dawsn_backward",
    "entr_backward",
    "erf_backward",
    "erfc_backward",
    "erfcinv_backward",
    "erfcx_backward",
    "erfi_backward",
    "erfinv_backward",
    "exp2_backward",
    "exp10_backward",
    "expit_backward",
    "exprel_backward",
    "huber_backward",
    "inv_boxcox1p_backward",
    "inv_boxcox_backward",
    "kl_div_backward",
    "log_expit_backward",
    "log_ndtr_backward",
    "logit_backward",
    "ndtr_backward",
    "ndtri_backward",
    "owens_t_backward",
    "pseudo_huber_backward",
    "rel_entr_backward",
    "sinc_backward",
    "sindg_backward",
    "tandg_backward",
    "wofz_backward",
    "xlog1py_backward",
    "xlogy_backward",
]

_TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)
_ROOT_TWO_PI = math.sqrt(2 * math.pi)
_DEGREE = math.pi / 180
_FAR = 20.0  # from where 1 − 2x D(x) and its like are summed as asymptotic series


# The error function and the normal distribution -----------------------------------------------------------------------------------


def erf_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = erf(x):   x̄ = z̄ · 2/√π e^(−x²).   DLMF 7.2.1."""
    xp = array_namespace(grad)
    x = conj_operand(tensor, grad)
    return (grad * (_TWO_OVER_ROOT_PI * xp.exp(-x * x)),)


def erfc_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = erfc(x):   x̄ = −z̄ · 2/√π e^(−x²).   DLMF 7.2.2."""
    xp = array_namespace(grad)
    x = conj_operand(tensor, grad)
    return (grad * (-_TWO_OVER_ROOT_PI * xp.exp(-x * x)),)


def erfi_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = erfi(x) = −i erf(ix):   x̄ = z̄ · 2/√π e^(x²).   DLMF 7.2.1."""
    xp = array_namespace(grad)
    x = conj_operand(tensor, grad)
    return (grad * (_TWO_OVER_ROOT_PI * xp.exp(x * x)),)


def erfcx_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = e^(x²) erfc(x):   x̄ = z̄ · (2xz − 2/√π).   DLMF 7.10.1; from x = 20 by the asymptotic series 7.12.1, as the two cancel."""
    xp = array_namespace(grad)
    x, z = conj_operand(tensor, grad), conj_result(tensor, grad)
    far = _real_part(xp, x) > _FAR
    tail = -_TWO_OVER_ROOT_PI * _tail(xp, xp.where(far, x, xp.full_like(x, _FAR)), 1.0)
    near = xp.where(far, xp.zeros_like(x), x)
    return (grad * xp.where(far, tail, 2 * near * z - _TWO_OVER_ROOT_PI),)


def dawsn_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = e^(−x²) ∫₀ˣ e^(t²) dt:   x̄ = z̄ · (1 − 2xz).   DLMF 7.10.2; from |x| = 20 by its asymptotic series, as the two cancel."""
    xp = array_namespace(grad)
    x, z = conj_operand(tensor, grad), conj_result(tensor, grad)
    far = xp.abs(x) > _FAR
    return (grad * xp.where(far, _tail(xp, xp.where(far, x, xp.full_like(x, _FAR)), -1.0), 1 - 2 * x * z),)


def _real_part(xp: Any, x: Array) -> Array:
    """What of x has an order."""
    return xp.real(x) if is_complex(x) else x


def _tail(xp: Any, x: Array, sign: float) -> Array:
    """1 − √π x e^(x²) erfc(x) (sign 1), or 1 − 2x D(x) (sign −1), of large x: s(y − 3y² + 15y³ − ...) with y = s/(2x²), s the sign."""
    y = sign * 0.5 / (x * x)
    series = xp.ones_like(x)
    for k in (15, 13, 11, 9, 7, 5, 3):
        series = 1 - k * y * series
    return y * series


def erfinv_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = erf⁻¹(x):   x̄ = z̄ · √π/2 e^(z²).   DLMF 7.17.1. Infinite at ±1."""
    xp = array_namespace(grad)
    z = result(tensor, grad)
    return (grad * (xp.exp(z * z) / _TWO_OVER_ROOT_PI),)


def erfcinv_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = erfc⁻¹(x):   x̄ = −z̄ · √π/2 e^(z²).   DLMF 7.17.1. Infinite at 0 and 2."""
    xp = array_namespace(grad)
    z = result(tensor, grad)
    return (grad * (xp.exp(z * z) / -_TWO_OVER_ROOT_PI),)


def wofz_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = w(x) = e^(−x²) erfc(−ix):   x̄ = z̄ · conj(2i/√π − 2xz).   DLMF 7.10.2. The real part for a real x."""
    xp = array_namespace(grad)
    x, z = conj_operand(tensor, grad), conj_result(tensor, grad)
    g = grad * (-1j * _TWO_OVER_ROOT_PI - 2 * x * z)
    return (g if is_complex(x) else xp.real(g),)


def ndtr_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Φ(x) = erfc(−x/√2)/2:   x̄ = z̄ · e^(−x²/2)/√(2π).   DLMF 7.2.2."""
    xp = array_namespace(grad)
    x = conj_operand(tensor, grad)
    return (grad * (xp.exp(x * x * -0.5) / _ROOT_TWO_PI),)


def log_ndtr_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = log Φ(x):   x̄ = z̄ · e^(−x²/2)/(√(2π) Φ(x)).   DLMF 7.2.2. Where x < 0 by erfcx(−x/√2), as both are tiny there."""
    xp = array_namespace(grad)
    x, z = conj_operand(tensor, grad), conj_result(tensor, grad)
    below = _real_part(xp, x) < 0
    zeros = xp.zeros_like(x)
    ratio = math.sqrt(2 / math.pi) / special_of(grad).erfcx(xp.where(below, x, zeros) * -math.sqrt(0.5))
    above = xp.where(below, zeros, x)
    return (grad * xp.where(below, ratio, xp.exp(above * above * -0.5 - xp.where(below, zeros, z)) / _ROOT_TWO_PI),)


def ndtri_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Φ⁻¹(x):   x̄ = z̄ · √(2π) e^(z²/2).   DLMF 7.17.1. Infinite at 0 and 1."""
    xp = array_namespace(grad)
    z = result(tensor, grad)
    return (grad * (_ROOT_TWO_PI * xp.exp(z * z * 0.5)),)


def owens_t_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = 1/(2π) ∫₀ᵃ e^(−h²(1 + t²)/2)/(1 + t²) dt:   ā = z̄ · integrand at a,   h̄ = −z̄ · e^(−h²/2) erf(ah/√2)/√(8π).

    D. B. Owen, Tables for computing bivariate normal probabilities, Ann. Math. Statist. 27 (1956), section 2.
    """
    xp = array_namespace(grad)
    h, a = floating_pair(tensor, grad)
    need_h, need_a = needs(tensor)
    slope = 1 + a * a
    by_h = xp.exp(h * h * -0.5) * special_of(grad).erf(a * h * math.sqrt(0.5)) * (-0.5 / _ROOT_TWO_PI) if need_h else None
    by_a = xp.exp(h * h * slope * -0.5) / (2 * math.pi * slope) if need_a else None
    return (
        unbroadcast(grad * by_h, h.shape) if by_h is not None else None,
        unbroadcast(grad * by_a, a.shape) if by_a is not None else None,
    )


# The logistic function ------------------------------------------------------------------------------------------------------------


def expit_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = σ(x) = 1/(1 + e⁻ˣ):   x̄ = z̄ · σ(x) σ(−x)."""
    return (grad * (result(tensor, grad) * special_of(grad).expit(-operand(tensor, grad))),)


def logit_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = log(x/(1 − x)):   x̄ = z̄ / (x (1 − x)).   Infinite at 0 and 1."""
    x = operand(tensor, grad)
    return (grad / (x * (1 - x)),)


def log_expit_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = log σ(x):   x̄ = z̄ · σ(−x)."""
    return (grad * special_of(grad).expit(-operand(tensor, grad)),)


# Entropies and divergences --------------------------------------------------------------------------------------------------------


def entr_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = −x log x:   x̄ = −z̄ · (log x + 1).   Infinite at 0."""
    xp = array_namespace(grad)
    return (-grad * (xp.log(operand(tensor, grad)) + 1),)


def rel_entr_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x log(x/y):   x̄ = z̄ · (log(x/y) + 1),   ȳ = −z̄ · x/y.   At x = 0 they are −∞ and 0, also where y = 0."""
    xp = array_namespace(grad)
    x, y = floating_pair(tensor, grad)
    need_x, need_y = needs(tensor)
    ratio = _ratio(xp, x, y, grad)
    return (
        unbroadcast(grad * (xp.log(ratio) + 1), x.shape) if need_x else None,
        unbroadcast(-grad * ratio, y.shape) if need_y else None,
    )


def kl_div_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x log(x/y) − x + y:   x̄ = z̄ · log(x/y),   ȳ = z̄ · (1 − x/y).   At x = 0 they are −∞ and 1, also where y = 0."""
    xp = array_namespace(grad)
    x, y = floating_pair(tensor, grad)
    need_x, need_y = needs(tensor)
    ratio = _ratio(xp, x, y, grad)
    return (
        unbroadcast(grad * xp.log(ratio), x.shape) if need_x else None,
        unbroadcast(grad * (1 - ratio), y.shape) if need_y else None,
    )


def _ratio(xp: Any, x: Array, y: Array, grad: Array) -> Array:
    """x/y, and 0 where x = 0."""
    zeros = xp.zeros_like(grad)
    x, y = x + zeros, y + zeros
    empty = x == 0
    return xp.where(empty, zeros, x / xp.where(empty, zeros + 1, y))


def xlogy_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x log y:   x̄ = z̄ · log y,   ȳ = z̄ · x/y.   At x = 0 and y ≤ 0 both are 0, so that masked elements leave no nan."""
    xp = array_namespace(grad)
    x, y = floating_pair(tensor, grad)
    need_x, need_y = needs(tensor)
    zeros = xp.zeros_like(grad)
    empty = (x + zeros == 0) & (_real_part(xp, y + zeros) <= 0)
    safe = xp.where(empty, zeros + 1, y + zeros)
    return (
        unbroadcast(grad * conj(xp, xp.log(safe)), x.shape) if need_x else None,
        unbroadcast(grad * conj(xp, x / safe), y.shape) if need_y else None,
    )


def xlog1py_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x log(1 + y):   x̄ = z̄ · log(1 + y),   ȳ = z̄ · x/(1 + y).   At x = 0 and y ≤ −1 both are 0, as of xlogy."""
    xp = array_namespace(grad)
    x, y = floating_pair(tensor, grad)
    need_x, need_y = needs(tensor)
    zeros = xp.zeros_like(grad)
    empty = (x + zeros == 0) & (_real_part(xp, y + zeros) <= -1)
    safe = xp.where(empty, zeros, y + zeros)
    return (
        unbroadcast(grad * conj(xp, xp.log1p(safe)), x.shape) if need_x else None,
        unbroadcast(grad * conj(xp, x / (1 + safe)), y.shape) if need_y else None,
    )


# Losses ---------------------------------------------------------------------------------------------------------------------------


def huber_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = r²/2 where |r| ≤ δ, else δ(|r| − δ/2):   r̄ = z̄ · r clipped to ±δ,   δ̄ = z̄ · max(|r| − δ, 0).

    P. J. Huber, Robust estimation of a location parameter, Ann. Math. Statist. 35 (1964), section 1.
    """
    xp = array_namespace(grad)
    delta, r = floating_pair(tensor, grad)
    need_delta, need_r = needs(tensor)
    zeros = xp.zeros_like(grad)
    wide, size = delta + zeros, xp.abs(r + zeros)
    outside = size > wide
    return (
        unbroadcast(grad * xp.where(outside, size - wide, zeros), delta.shape) if need_delta else None,
        unbroadcast(grad * xp.where(outside, wide * lean.sign(r + zeros), r + zeros), r.shape) if need_r else None,
    )


def pseudo_huber_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = δ²(s − 1), s = √(1 + (r/δ)²):   r̄ = z̄ · r/s,   δ̄ = z̄ · δ(s − 1)²/s.   Both 0 where δ = 0.

    P. Charbonnier et al., Deterministic edge-preserving regularization in computed imaging, IEEE Trans. Image Process. 6 (1997).
    """
    xp = array_namespace(grad)
    delta, r = floating_pair(tensor, grad)
    need_delta, need_r = needs(tensor)
    zeros = xp.zeros_like(grad)
    nothing = delta + zeros == 0
    wide = xp.where(nothing, zeros + 1, delta + zeros)
    q = r / wide
    s = xp.sqrt(1 + q * q)
    excess = q * q / (1 + s)
    return (
        unbroadcast(grad * xp.where(nothing, zeros, wide * excess * excess / s), delta.shape) if need_delta else None,
        unbroadcast(grad * xp.where(nothing, zeros, r / s), r.shape) if need_r else None,
    )


# Powers and exponentials ----------------------------------------------------------------------------------------------------------


def exprel_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = (eˣ − 1)/x:   x̄ = z̄ · (1 + (x − 1) eˣ)/x²,   ½ z̄ at 0; near 0 by the power series."""
    return (grad * _exprel_derivative(array_namespace(grad), operand(tensor, grad)),)


def _exprel_derivative(xp: Any, x: Array) -> Array:
    """Σ xⁿ/(n! (n + 2)), in closed form from |x| = 1."""
    near = xp.abs(x) < 1
    y, far = xp.where(near, x, xp.zeros_like(x)), xp.where(near, xp.ones_like(x), x)
    series = xp.zeros_like(x)
    for n in range(18, -1, -1):
        series = series * y + 1 / (math.factorial(n) * (n + 2))
    e = xp.exp(far)
    return xp.where(near, series, (e - xp.expm1(far) / far) / far)


def boxcox_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = (x^λ − 1)/λ:   x̄ = z̄ · x^(λ − 1),   λ̄ = z̄ · (x^λ log x − z)/λ,   z̄ (log x)²/2 where λ = 0.

    G. E. P. Box and D. R. Cox, An analysis of transformations, J. R. Statist. Soc. B 26 (1964), section 1. Where x = 0, λ̄ = z̄/λ².
    """
    xp = array_namespace(grad)
    x, lmbda = floating_pair(tensor, grad)
    need_x, need_lmbda = needs(tensor)
    return (
        unbroadcast(grad * xp.pow(x + xp.zeros_like(grad), lmbda - 1), x.shape) if need_x else None,
        unbroadcast(grad * _box_cox_by_power(xp, x + xp.zeros_like(grad), lmbda, xp.log, 0), lmbda.shape) if need_lmbda else None,
    )


def boxcox1p_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = ((1 + x)^λ − 1)/λ:   x̄ = z̄ · (1 + x)^(λ − 1),   λ̄ = z̄ · ((1 + x)^λ log(1 + x) − z)/λ.   As of boxcox."""
    xp = array_namespace(grad)
    x, lmbda = floating_pair(tensor, grad)
    need_x, need_lmbda = needs(tensor)
    return (
        unbroadcast(grad * xp.exp(special_of(grad).xlog1py(lmbda - 1, x)), x.shape) if need_x else None,
        unbroadcast(grad * _box_cox_by_power(xp, x + xp.zeros_like(grad), lmbda, xp.log1p, -1), lmbda.shape)
        if need_lmbda
        else None,
    )


def _box_cox_by_power(xp: Any, x: Array, lmbda: Array, logarithm: Any, end: int) -> Array:
    """The derivative in λ: (log x)² f(λ log x), f that of exprel; 1/λ² at the end of the domain, where the logarithm is −∞."""
    at_end = x == end
    log = logarithm(xp.where(at_end, xp.full_like(x, end + 1.0), x))
    power = xp.where(at_end, lmbda, xp.ones_like(x))
    return xp.where(at_end, 1 / (power * power), log * log * _exprel_derivative(xp, lmbda * log))


def inv_boxcox_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = (1 + λy)^(1/λ):   ȳ = z̄ · z/(1 + λy),   λ̄ = z̄ · z (y/(λ(1 + λy)) − log(1 + λy)/λ²),   −z̄ z y²/2 where λ = 0."""
    xp = array_namespace(grad)
    return _inverse_box_cox(xp, tensor, grad, result(tensor, grad))


def inv_boxcox1p_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = (1 + λy)^(1/λ) − 1:   ȳ = z̄ · (z + 1)/(1 + λy),   λ̄ as of inv_boxcox, with z + 1 for z."""
    xp = array_namespace(grad)
    return _inverse_box_cox(xp, tensor, grad, result(tensor, grad) + 1)


def _inverse_box_cox(xp: Any, tensor: Tensor, grad: Array, power: Array) -> GradientTuple:
    y, lmbda = floating_pair(tensor, grad)
    need_y, need_lmbda = needs(tensor)
    t = lmbda * (y + xp.zeros_like(grad))
    return (
        unbroadcast(grad * (power / (1 + t)), y.shape) if need_y else None,
        unbroadcast(grad * (power * y * y * _inverse_box_cox_factor(xp, t)), lmbda.shape) if need_lmbda else None,
    )


def _inverse_box_cox_factor(xp: Any, t: Array) -> Array:
    """(t/(1 + t) − log(1 + t))/t², near 0 by its power series Σ (−1)ⁿ⁺¹ (n + 1)/(n + 2) tⁿ."""
    near = xp.abs(t) < 0.05
    y, far = xp.where(near, t, xp.zeros_like(t)), xp.where(near, xp.ones_like(t), t)
    series = xp.zeros_like(t)
    for n in range(12, -1, -1):
        series = (n + 1) / (n + 2) - series * y
    return xp.where(near, -series, (far / (1 + far) - xp.log1p(far)) / (far * far))


def exp2_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = 2ˣ:   x̄ = z̄ · z log 2."""
    return (grad * (result(tensor, grad) * math.log(2)),)


def exp10_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = 10ˣ:   x̄ = z̄ · z log 10."""
    return (grad * (result(tensor, grad) * math.log(10)),)


def cbrt_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = ∛x:   x̄ = z̄ / (3z²).   Infinite at 0."""
    z = result(tensor, grad)
    return (grad / (3 * z * z),)


# Angles ---------------------------------------------------------------------------------------------------------------------------


def cosm1_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = cos x − 1:   x̄ = −z̄ · sin x."""
    xp = array_namespace(grad)
    return (-grad * xp.sin(operand(tensor, grad)),)


def sinc_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = sin(πx)/(πx):   x̄ = z̄ · (cos(πx) − z)/x,   0 at 0; near 0 by the power series."""
    xp = array_namespace(grad)
    x = conj_operand(tensor, grad)
    t = x * math.pi
    near = xp.abs(t) < 1
    y, far = xp.where(near, t, xp.zeros_like(t)), xp.where(near, xp.ones_like(t), t)
    series = xp.zeros_like(t)
    for n in range(10, 0, -1):
        series = series * (y * y) + (-1) ** n * 2 * n / math.factorial(2 * n + 1)
    return (grad * (math.pi * xp.where(near, series * y, (xp.cos(far) - xp.sin(far) / far) / far)),)


def sindg_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = sin(x°):   x̄ = z̄ · π/180 cos(x°)."""
    return (grad * (special_of(grad).cosdg(operand(tensor, grad)) * _DEGREE),)


def cosdg_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = cos(x°):   x̄ = −z̄ · π/180 sin(x°)."""
    return (grad * (special_of(grad).sindg(operand(tensor, grad)) * -_DEGREE),)


def tandg_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = tan(x°):   x̄ = z̄ · π/180 (1 + z²)."""
    z = result(tensor, grad)
    return (grad * ((1 + z * z) * _DEGREE),)
