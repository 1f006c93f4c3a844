"""Backward functions of Bessel functions, exponential, elliptic and Fresnel integrals, and hypergeometric functions.

The order of a Bessel function and the parameters of a hypergeometric one are attributes: nothing is differentiated in them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import lean
from .._special import special_of
from ..xp import Array, array_namespace, is_complex
from ._read import GradientTuple, attribute, conj_operand, conj_result, floating_pair, needs, operand, result, unbroadcast

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "airy_backward",
    "ellipe_backward",
    "ellipeinc_backward",
    "ellipk_backward",
    "ellipkinc_backward",
    "ellipkm1_backward",
    "exp1_backward",
    "expi_backward",
    "expn_backward",
    "fresnel_backward",
    "hyp0f1_backward",
    "hyp1f1_backward",
    "hyp2f1_backward",
    "i0_backward",
    "i0e_backward",
    "i1_backward",
    "i1e_backward",
    "iv_backward",
    "ive_backward",
    "j0_backward",
    "j1_backward",
    "jv_backward",
    "k0_backward",
    "k0e_backward",
    "k1_backward",
    "k1e_backward",
    "kv_backward",
    "kve_backward",
    "lambertw_backward",
    "shichi_backward",
    "sici_backward",
    "spence_backward",
    "spherical_in_backward",
    "spherical_jn_backward",
    "spherical_kn_backward",
    "spherical_yn_backward",
    "y0_backward",
    "y1_backward",
    "yv_backward",
]


# Bessel functions of orders 0 and 1 -------------------------------------------------------------------------------------------------


# Of the power series of J₁(x)/x (sign −1) and of I₁(x)/x (sign 1), ½ Σ (±x²/4)ᵏ/(k! (k + 1)!): the factors of x²ᵏ. DLMF 10.2.2, 10.25.2.
_OVER = {s: [0.5 * (s / 4) ** k / (math.factorial(k) * math.factorial(k + 1)) for k in range(6)] for s in (-1, 1)}


def _over(xp: Any, z: Array, x: Array, sign: int, scaled: bool = False) -> Array:
    """z/x of z = J₁(x) (sign −1) or I₁(x) (sign 1), or of e^(−|x|) I₁(x); near 0, where derivatives would cancel, by the power series."""
    near = xp.abs(x) < 0.1
    y, far = xp.where(near, x, xp.zeros_like(x)), xp.where(near, xp.ones_like(x), x)
    t = y * y
    *lower, second, first = _OVER[sign]
    series = t * first + second
    for c in reversed(lower):
        series = series * t + c
    return xp.where(near, series * xp.exp(-xp.abs(y)) if scaled else series, z / far)


def j0_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = J₀(x):   x̄ = −z̄ · J₁(x).   DLMF 10.6.3."""
    return (-grad * special_of(grad).j1(operand(tensor, grad)),)


def j1_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = J₁(x):   x̄ = z̄ · (J₀(x) − z/x),   ½ z̄ at 0.   DLMF 10.6.2."""
    xp = array_namespace(grad)
    x = operand(tensor, grad)
    return (grad * (special_of(grad).j0(x) - _over(xp, result(tensor, grad), x, -1)),)


def y0_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Y₀(x):   x̄ = −z̄ · Y₁(x).   DLMF 10.6.3."""
    return (-grad * special_of(grad).y1(operand(tensor, grad)),)


def y1_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Y₁(x):   x̄ = z̄ · (Y₀(x) − z/x).   DLMF 10.6.2."""
    x = operand(tensor, grad)
    return (grad * (special_of(grad).y0(x) - result(tensor, grad) / x),)


def i0_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = I₀(x):   x̄ = z̄ · I₁(x).   DLMF 10.29.3."""
    return (grad * special_of(grad).i1(operand(tensor, grad)),)


def i0e_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = e^(−|x|) I₀(x):   x̄ = z̄ · (e^(−|x|) I₁(x) − sign(x) z),   0 at 0.   DLMF 10.29.3."""
    x = operand(tensor, grad)
    return (grad * (special_of(grad).i1e(x) - lean.sign(x) * result(tensor, grad)),)


def i1_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = I₁(x):   x̄ = z̄ · (I₀(x) − z/x),   ½ z̄ at 0.   DLMF 10.29.2."""
    xp = array_namespace(grad)
    x = operand(tensor, grad)
    return (grad * (special_of(grad).i0(x) - _over(xp, result(tensor, grad), x, 1)),)


def i1e_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = e^(−|x|) I₁(x):   x̄ = z̄ · (e^(−|x|) I₀(x) − z/x − sign(x) z),   ½ z̄ at 0.   DLMF 10.29.2."""
    xp = array_namespace(grad)
    x, z = operand(tensor, grad), result(tensor, grad)
    return (grad * (special_of(grad).i0e(x) - _over(xp, z, x, 1, scaled=True) - lean.sign(x) * z),)


def k0_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = K₀(x):   x̄ = −z̄ · K₁(x).   DLMF 10.29.3."""
    return (-grad * special_of(grad).k1(operand(tensor, grad)),)


def k0e_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = eˣ K₀(x):   x̄ = z̄ · (z − eˣ K₁(x)).   DLMF 10.29.3."""
    return (grad * (result(tensor, grad) - special_of(grad).k1e(operand(tensor, grad))),)


def k1_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = K₁(x):   x̄ = −z̄ · (K₀(x) + z/x).   DLMF 10.29.2."""
    x = operand(tensor, grad)
    return (-grad * (special_of(grad).k0(x) + result(tensor, grad) / x),)


def k1e_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = eˣ K₁(x):   x̄ = z̄ · (z − eˣ K₀(x) − z/x).   DLMF 10.29.2."""
    x, z = operand(tensor, grad), result(tensor, grad)
    return (grad * (z - special_of(grad).k0e(x) - z / x),)


# Bessel functions of any order ------------------------------------------------------------------------------------------------------


def jv_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = J_ν(x):   x̄ = z̄ · conj(J_ν₋₁(x) − J_ν₊₁(x))/2.   DLMF 10.6.1."""
    jv, v, x = special_of(grad).jv, attribute(tensor, "v"), conj_operand(tensor, grad)
    return (unbroadcast(grad * ((jv(v - 1, x) - jv(v + 1, x)) * 0.5), x.shape),)


def yv_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Y_ν(x):   x̄ = z̄ · conj(Y_ν₋₁(x) − Y_ν₊₁(x))/2.   DLMF 10.6.1."""
    yv, v, x = special_of(grad).yv, attribute(tensor, "v"), conj_operand(tensor, grad)
    return (unbroadcast(grad * ((yv(v - 1, x) - yv(v + 1, x)) * 0.5), x.shape),)


def iv_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = I_ν(x):   x̄ = z̄ · conj(I_ν₋₁(x) + I_ν₊₁(x))/2.   DLMF 10.29.1."""
    iv, v, x = special_of(grad).iv, attribute(tensor, "v"), conj_operand(tensor, grad)
    return (unbroadcast(grad * ((iv(v - 1, x) + iv(v + 1, x)) * 0.5), x.shape),)


def ive_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = e^(−|x|) I_ν(x):   x̄ = z̄ · (e^(−|x|) (I_ν₋₁(x) + I_ν₊₁(x))/2 − sign(x) z).   DLMF 10.29.1. x real."""
    ive, v, x = special_of(grad).ive, attribute(tensor, "v"), operand(tensor, grad)
    if is_complex(x):
        raise TypeError(f"ive: x has dtype {x.dtype}, and its gradient is that for real x: use exp(-abs(real(x))) * iv(v, x)")
    return (unbroadcast(grad * ((ive(v - 1, x) + ive(v + 1, x)) * 0.5 - lean.sign(x) * result(tensor, grad)), x.shape),)


def kv_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = K_ν(x):   x̄ = −z̄ · conj(K_ν₋₁(x) + K_ν₊₁(x))/2.   DLMF 10.29.1."""
    kv, v, x = special_of(grad).kv, attribute(tensor, "v"), conj_operand(tensor, grad)
    return (unbroadcast(grad * ((kv(v - 1, x) + kv(v + 1, x)) * -0.5), x.shape),)


def kve_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = eˣ K_ν(x):   x̄ = z̄ · conj(z − eˣ (K_ν₋₁(x) + K_ν₊₁(x))/2).   DLMF 10.29.1."""
    kve, v, x = special_of(grad).kve, attribute(tensor, "v"), conj_operand(tensor, grad)
    return (unbroadcast(grad * (conj_result(tensor, grad) - (kve(v - 1, x) + kve(v + 1, x)) * 0.5), x.shape),)


def _neighbours(function: Any, tensor: Tensor, grad: Array, sign: int) -> Array:
    """(n f_n₋₁(x) + sign (n + 1) f_n₊₁(x))/(2n + 1), which has no 1/x."""
    n, x = attribute(tensor, "n"), conj_operand(tensor, grad)
    above = function(n + 1, x) * (sign * (n + 1) / (2 * n + 1))
    return above if n == 0 else function(n - 1, x) * (n / (2 * n + 1)) + above


def spherical_jn_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = j_n(x):   x̄ = z̄ · conj(n j_n₋₁(x) − (n + 1) j_n₊₁(x))/(2n + 1).   DLMF 10.51.2."""
    return (grad * _neighbours(special_of(grad).spherical_jn, tensor, grad, -1),)


def spherical_yn_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = y_n(x):   x̄ = z̄ · conj(n y_n₋₁(x) − (n + 1) y_n₊₁(x))/(2n + 1).   DLMF 10.51.2."""
    return (grad * _neighbours(special_of(grad).spherical_yn, tensor, grad, -1),)


def spherical_in_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = i_n(x):   x̄ = z̄ · conj(n i_n₋₁(x) + (n + 1) i_n₊₁(x))/(2n + 1).   DLMF 10.51.5."""
    return (grad * _neighbours(special_of(grad).spherical_in, tensor, grad, 1),)


def spherical_kn_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = k_n(x):   x̄ = −z̄ · conj(n k_n₋₁(x) + (n + 1) k_n₊₁(x))/(2n + 1).   DLMF 10.51.5."""
    return (-grad * _neighbours(special_of(grad).spherical_kn, tensor, grad, 1),)


def airy_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Ai(x), Ai′(x), Bi(x) or Bi′(x):   x̄ = z̄ · conj of Ai′(x), x Ai(x), Bi′(x) or x Bi(x).   DLMF 9.2.1."""
    x = conj_operand(tensor, grad)
    index = attribute(tensor, "index")
    values = special_of(grad).airy(x)
    return (grad * (values[index + 1] if index % 2 == 0 else x * values[index - 1]),)


# Exponential integrals and their like -----------------------------------------------------------------------------------------------


def exp1_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = E₁(x):   x̄ = −z̄ · conj(e⁻ˣ/x).   DLMF 6.2.1."""
    xp = array_namespace(grad)
    x = conj_operand(tensor, grad)
    return (-grad * (xp.exp(-x) / x),)


def expi_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Ei(x):   x̄ = z̄ · conj(eˣ/x).   DLMF 6.2.5."""
    xp = array_namespace(grad)
    x = conj_operand(tensor, grad)
    return (grad * (xp.exp(x) / x),)


def expn_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = E_n(x):   x̄ = −z̄ · E_n₋₁(x).   DLMF 8.19.13; E₀ = e⁻ˣ/x: 8.19.5."""
    xp = array_namespace(grad)
    n, x = attribute(tensor, "n"), operand(tensor, grad)
    if n == 0:
        return (-grad * (xp.exp(-x) * (1 + 1 / x) / x),)
    return (-grad * (special_of(grad).expn(n - 1, x) if n > 1 else xp.exp(-x) / x),)


def sici_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Si(x) or Ci(x):   x̄ = z̄ · sin(x)/x or z̄ · cos(x)/x.   DLMF 6.2.9 and 6.2.11."""
    xp = array_namespace(grad)
    x = conj_operand(tensor, grad)
    if attribute(tensor, "index"):
        return (grad * (xp.cos(x) / x),)
    return (grad * special_of(grad).sinc(x / math.pi),)


def shichi_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Shi(x) or Chi(x):   x̄ = z̄ · sinh(x)/x (1 at 0) or z̄ · cosh(x)/x.   DLMF 6.2.15 and 6.2.16."""
    xp = array_namespace(grad)
    x = operand(tensor, grad)
    if attribute(tensor, "index"):
        return (grad * (xp.cosh(x) / x),)
    exprel = special_of(grad).exprel
    return (grad * ((exprel(x) + exprel(-x)) * 0.5),)


def fresnel_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = S(x) or C(x):   x̄ = z̄ · sin(πx²/2) or z̄ · cos(πx²/2).   DLMF 7.2.7 and 7.2.8."""
    xp = array_namespace(grad)
    x = conj_operand(tensor, grad)
    angle = x * x * (math.pi / 2)
    return (grad * (xp.cos(angle) if attribute(tensor, "index") else xp.sin(angle)),)


def spence_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Li₂(1 − x):   x̄ = z̄ · log(x)/(1 − x),   −z̄ at 1.   DLMF 25.12.2.

    Near 1, where both vanish, by log x = 2 (u + u³/3 + u⁵/5 + ...), u = (x − 1)/(x + 1): DLMF 4.6.4.
    """
    xp = array_namespace(grad)
    x = conj_operand(tensor, grad)
    from_one = x - 1
    near = xp.abs(from_one) < 0.05
    d, far = xp.where(near, from_one, xp.zeros_like(x)), xp.where(near, xp.full_like(x, 2.0), x)
    u = d / (d + 2)
    t = u * u
    series = t / 11 + 1 / 9
    for n in (7, 5, 3, 1):
        series = series * t + 1 / n
    return (grad * xp.where(near, (u - 1) * series, xp.log(far) / (1 - far)),)


def lambertw_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z of z eᶻ = x:   x̄ = z̄ · conj(e⁻ᶻ/(1 + z)).   DLMF 4.13.4. The real part for a real x; infinite at the branch point −1/e."""
    xp = array_namespace(grad)
    z = conj_result(tensor, grad)
    g = grad * (xp.exp(-z) / (1 + z))
    return (g if is_complex(operand(tensor, grad)) else xp.real(g),)


# Elliptic integrals, in the parameter m = k² ----------------------------------------------------------------------------------------


def ellipk_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = K(m):   m̄ = z̄ · π/(8(1 − m)) ₂F₁(½, ½; 2; m).   DLMF 19.5.1, 15.5.1 and 15.8.1, which do not cancel near m = 0."""
    m = operand(tensor, grad)
    return (grad * (special_of(grad).hyp2f1(0.5, 0.5, 2.0, m) * (math.pi / 8) / (1 - m)),)


def ellipkm1_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = K(1 − p):   p̄ = −z̄ · π/(8p) ₂F₁(½, ½; 2; 1 − p).   As of ellipk."""
    p = operand(tensor, grad)
    return (-grad * (special_of(grad).hyp2f1(0.5, 0.5, 2.0, 1 - p) * (math.pi / 8) / p),)


def ellipe_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = E(m):   m̄ = −z̄ · π/8 ₂F₁(½, 3/2; 2; m).   DLMF 19.5.2 and 15.5.1, which do not cancel near m = 0."""
    return (-grad * (special_of(grad).hyp2f1(0.5, 1.5, 2.0, operand(tensor, grad)) * (math.pi / 8)),)


def ellipkinc_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = F(φ, m):   φ̄ = z̄/Δ,   m̄ = z̄ · (E(φ, m)/(1 − m) − z)/(2m) − z̄ sin φ cos φ/(2(1 − m)Δ),   Δ = √(1 − m sin²φ).

    DLMF 19.2.4 and 19.4.5. Of |m| < 0.02, where the terms cancel, by integrating the power series of 1/Δ in m.
    """
    xp = array_namespace(grad)
    phi, m = floating_pair(tensor, grad)
    need_phi, need_m = needs(tensor)
    angle, parameter = phi + xp.zeros_like(grad), m + xp.zeros_like(grad)
    return (
        unbroadcast(grad / _delta(xp, angle, parameter), phi.shape) if need_phi else None,
        unbroadcast(grad * _first_kind_by_m(xp, special_of(grad), angle, parameter), m.shape) if need_m else None,
    )


def ellipeinc_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = E(φ, m):   φ̄ = z̄ · √(1 − m sin²φ),   m̄ = z̄ · (z − F(φ, m))/(2m).   DLMF 19.2.5 and 19.4.6. |m| < 0.02 as of ellipkinc."""
    xp = array_namespace(grad)
    phi, m = floating_pair(tensor, grad)
    need_phi, need_m = needs(tensor)
    angle, parameter = phi + xp.zeros_like(grad), m + xp.zeros_like(grad)
    return (
        unbroadcast(grad * _delta(xp, angle, parameter), phi.shape) if need_phi else None,
        unbroadcast(grad * _second_kind_by_m(xp, special_of(grad), angle, parameter), m.shape) if need_m else None,
    )


def _delta(xp: Any, phi: Array, m: Array) -> Array:
    """√(1 − m sin²φ)."""
    sine = xp.sin(phi)
    return xp.sqrt(1 - m * sine * sine)


def _first_kind_by_m(xp: Any, functions: Any, phi: Array, m: Array) -> Array:
    """∂F/∂m."""
    near, far = _away_from_zero(xp, m)
    rest = 1 - far
    closed = (functions.ellipeinc(phi, far) / rest - functions.ellipkinc(phi, far)) / (2 * far)
    closed = closed - xp.sin(phi) * xp.cos(phi) / (2 * rest * _delta(xp, phi, far))
    return xp.where(near, _legendre_series(xp, phi, xp.where(near, m, 0 * m), _FIRST_KIND), closed)


def _second_kind_by_m(xp: Any, functions: Any, phi: Array, m: Array) -> Array:
    """∂E/∂m."""
    near, far = _away_from_zero(xp, m)
    closed = (functions.ellipeinc(phi, far) - functions.ellipkinc(phi, far)) / (2 * far)
    return xp.where(near, _legendre_series(xp, phi, xp.where(near, m, 0 * m), _SECOND_KIND), closed)


def _away_from_zero(xp: Any, m: Array) -> tuple[Array, Array]:
    """Where m is nearly 0; and m with a harmless value there."""
    near = xp.abs(m) < 0.02
    return near, xp.where(near, xp.full_like(m, 0.5), m)


# Of the power series in m of 1/Δ and of Δ, differentiated in m: the factors of mⁿ sin²ⁿ⁺².
_FIRST_KIND = tuple([n * math.comb(2 * n, n) / 4**n for n in range(1, 11)])
_SECOND_KIND = tuple([-n * math.comb(2 * n, n) / (4**n * (2 * n - 1)) for n in range(1, 11)])


def _legendre_series(xp: Any, phi: Array, m: Array, coefficients: tuple[float, ...]) -> Array:
    """Σ cₙ mⁿ ∫ sin²ⁿ⁺²: the integrals by the recurrence n Jₙ = (n − 1) Jₙ₋₂ − sinⁿ⁻¹ cos."""
    sine, cosine = xp.sin(phi), xp.cos(phi)
    total, integral, power, scale = 0 * phi, phi, sine, 1 + 0 * m
    for n, c in enumerate(coefficients):
        k = 2 * n + 2
        integral = ((k - 1) * integral - power * cosine) / k
        total = total + c * scale * integral
        power, scale = power * sine * sine, scale * m
    return total


# Hypergeometric functions ---------------------------------------------------------------------------------------------------------


def hyp0f1_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = ₀F₁(v; x):   x̄ = z̄ · conj(₀F₁(v + 1; x)/v).   DLMF 16.3.1."""
    v, x = attribute(tensor, "v"), conj_operand(tensor, grad)
    return (unbroadcast(grad * (special_of(grad).hyp0f1(v + 1, x) / v), x.shape),)


def hyp1f1_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = ₁F₁(a; b; x):   x̄ = z̄ · conj(₁F₁(a + 1; b + 1; x) a/b).   DLMF 13.3.15."""
    a, b, x = attribute(tensor, "a"), attribute(tensor, "b"), conj_operand(tensor, grad)
    return (unbroadcast(grad * (special_of(grad).hyp1f1(a + 1, b + 1, x) * (a / b)), x.shape),)


def hyp2f1_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = ₂F₁(a, b; c; x):   x̄ = z̄ · conj(₂F₁(a + 1, b + 1; c + 1; x) ab/c).   DLMF 15.5.1."""
    a, b, c = attribute(tensor, "a"), attribute(tensor, "b"), attribute(tensor, "c")
    x = conj_operand(tensor, grad)
    return (unbroadcast(grad * (special_of(grad).hyp2f1(a + 1, b + 1, c + 1, x) * (a * b / c)), x.shape),)
