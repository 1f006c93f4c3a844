"""Bessel functions, exponential, elliptic and Fresnel integrals, and hypergeometric functions.

Elementwise; operands broadcast; of the dtype and in the library of the operands. Formulas of the derivatives are with the backward
functions.

>>> import clumsygrad as cg
>>> cg.special.ellipk(cg.asarray([0.0])) * 2 / cg.pi
Tensor(array([1.]))
"""

from __future__ import annotations

from .. import grad
from .._operation import wide_operation
from .._special import special_of
from ..xp import Array

__all__ = [
    "airy",
    "ellipe",
    "ellipeinc",
    "ellipk",
    "ellipkinc",
    "ellipkm1",
    "exp1",
    "expi",
    "expn",
    "fresnel",
    "hyp0f1",
    "hyp1f1",
    "hyp2f1",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "iv",
    "ive",
    "j0",
    "j1",
    "jv",
    "k0",
    "k0e",
    "k1",
    "k1e",
    "kv",
    "kve",
    "lambertw",
    "shichi",
    "sici",
    "spence",
    "spherical_in",
    "spherical_jn",
    "spherical_kn",
    "spherical_yn",
    "y0",
    "y1",
    "yv",
]


# Bessel functions ----------------------------------------------------------------------------------------------------------------


@wide_operation(grad.j0_backward)
def j0(x: Array, /) -> Array:
    """J₀(x), the Bessel function of the first kind of order 0."""
    return special_of(x).j0(x)


@wide_operation(grad.j1_backward)
def j1(x: Array, /) -> Array:
    """J₁(x), the Bessel function of the first kind of order 1."""
    return special_of(x).j1(x)


@wide_operation(grad.y0_backward)
def y0(x: Array, /) -> Array:
    """Y₀(x), the Bessel function of the second kind of order 0."""
    return special_of(x).y0(x)


@wide_operation(grad.y1_backward)
def y1(x: Array, /) -> Array:
    """Y₁(x), the Bessel function of the second kind of order 1."""
    return special_of(x).y1(x)


@wide_operation(grad.i0_backward)
def i0(x: Array, /) -> Array:
    """I₀(x), the modified Bessel function of the first kind of order 0."""
    return special_of(x).i0(x)


@wide_operation(grad.i0e_backward)
def i0e(x: Array, /) -> Array:
    """e^(−|x|) I₀(x)."""
    return special_of(x).i0e(x)


@wide_operation(grad.i1_backward)
def i1(x: Array, /) -> Array:
    """I₁(x), the modified Bessel function of the first kind of order 1."""
    return special_of(x).i1(x)


@wide_operation(grad.i1e_backward)
def i1e(x: Array, /) -> Array:
    """e^(−|x|) I₁(x)."""
    return special_of(x).i1e(x)


@wide_operation(grad.k0_backward)
def k0(x: Array, /) -> Array:
    """K₀(x), the modified Bessel function of the second kind of order 0."""
    return special_of(x).k0(x)


@wide_operation(grad.k0e_backward)
def k0e(x: Array, /) -> Array:
    """eˣ K₀(x)."""
    return special_of(x).k0e(x)


@wide_operation(grad.k1_backward)
def k1(x: Array, /) -> Array:
    """K₁(x), the modified Bessel function of the second kind of order 1."""
    return special_of(x).k1(x)


@wide_operation(grad.k1e_backward)
def k1e(x: Array, /) -> Array:
    """eˣ K₁(x)."""
    return special_of(x).k1e(x)


@wide_operation(grad.jv_backward, operands=("x",))
def jv(v: float | Array, x: Array, /) -> Array:
    """J_ν(x); differentiable in x, ν a number or a plain array."""
    return special_of(x).jv(v, x)


@wide_operation(grad.yv_backward, operands=("x",))
def yv(v: float | Array, x: Array, /) -> Array:
    """Y_ν(x); differentiable in x, ν a number or a plain array."""
    return special_of(x).yv(v, x)


@wide_operation(grad.iv_backward, operands=("x",))
def iv(v: float | Array, x: Array, /) -> Array:
    """I_ν(x); differentiable in x, ν a number or a plain array."""
    return special_of(x).iv(v, x)


@wide_operation(grad.ive_backward, operands=("x",))
def ive(v: float | Array, x: Array, /) -> Array:
    """e^(−|x|) I_ν(x) of real x; differentiable in x, ν a number or a plain array."""
    return special_of(x).ive(v, x)


@wide_operation(grad.kv_backward, operands=("x",))
def kv(v: float | Array, x: Array, /) -> Array:
    """K_ν(x); differentiable in x, ν a number or a plain array."""
    return special_of(x).kv(v, x)


@wide_operation(grad.kve_backward, operands=("x",))
def kve(v: float | Array, x: Array, /) -> Array:
    """eˣ K_ν(x); differentiable in x, ν a number or a plain array."""
    return special_of(x).kve(v, x)


@wide_operation(grad.spherical_jn_backward, operands=("x",))
def spherical_jn(n: int, x: Array, /) -> Array:
    """j_n(x), the spherical Bessel function of the first kind, n a Python integer."""
    return special_of(x).spherical_jn(n, x)


@wide_operation(grad.spherical_yn_backward, operands=("x",))
def spherical_yn(n: int, x: Array, /) -> Array:
    """y_n(x), the spherical Bessel function of the second kind, n a Python integer."""
    return special_of(x).spherical_yn(n, x)


@wide_operation(grad.spherical_in_backward, operands=("x",))
def spherical_in(n: int, x: Array, /) -> Array:
    """i_n(x), the modified spherical Bessel function of the first kind, n a Python integer."""
    return special_of(x).spherical_in(n, x)


@wide_operation(grad.spherical_kn_backward, operands=("x",))
def spherical_kn(n: int, x: Array, /) -> Array:
    """k_n(x), the modified spherical Bessel function of the second kind, n a Python integer."""
    return special_of(x).spherical_kn(n, x)


@wide_operation(grad.airy_backward)
def airy(x: Array, /) -> tuple[Array, ...]:
    """Ai(x), Ai′(x), Bi(x), Bi′(x): the Airy functions and their derivatives."""
    results: tuple[Array, ...] = special_of(x).airy(x)
    return results


# Exponential integrals and their like --------------------------------------------------------------------------------------------


@wide_operation(grad.exp1_backward)
def exp1(x: Array, /) -> Array:
    """E₁(x) = ∫ₓ^∞ e⁻ᵗ/t dt."""
    return special_of(x).exp1(x)


@wide_operation(grad.expi_backward)
def expi(x: Array, /) -> Array:
    """Ei(x) = ∫ eᵗ/t dt from −∞ to x, the principal value."""
    return special_of(x).expi(x)


@wide_operation(grad.expn_backward, operands=("x",))
def expn(n: int, x: Array, /) -> Array:
    """E_n(x) = ∫₁^∞ e^(−xt)/tⁿ dt, n a Python integer."""
    return special_of(x).expn(n, x)


@wide_operation(grad.sici_backward)
def sici(x: Array, /) -> tuple[Array, ...]:
    """Si(x) = ∫₀ˣ sin(t)/t dt and Ci(x) = −∫ₓ^∞ cos(t)/t dt."""
    results: tuple[Array, ...] = special_of(x).sici(x)
    return results


@wide_operation(grad.shichi_backward)
def shichi(x: Array, /) -> tuple[Array, ...]:
    """Shi(x) = ∫₀ˣ sinh(t)/t dt and Chi(x) = γ + log x + ∫₀ˣ (cosh(t) − 1)/t dt."""
    results: tuple[Array, ...] = special_of(x).shichi(x)
    return results


@wide_operation(grad.fresnel_backward)
def fresnel(x: Array, /) -> tuple[Array, ...]:
    """Fresnel's S(x) = ∫₀ˣ sin(πt²/2) dt and C(x) = ∫₀ˣ cos(πt²/2) dt."""
    results: tuple[Array, ...] = special_of(x).fresnel(x)
    return results


@wide_operation(grad.spence_backward)
def spence(x: Array, /) -> Array:
    """∫₁ˣ log(t)/(1 − t) dt = Li₂(1 − x)."""
    return special_of(x).spence(x)


# Elliptic integrals --------------------------------------------------------------------------------------------------------------


@wide_operation(grad.ellipk_backward)
def ellipk(m: Array, /) -> Array:
    """K(m) = ∫ (1 − m sin²t)^(−1/2) dt, t from 0 to π/2: the complete elliptic integral of the first kind."""
    return special_of(m).ellipk(m)


@wide_operation(grad.ellipkm1_backward)
def ellipkm1(p: Array, /) -> Array:
    """K(1 − p), exact where p is small."""
    return special_of(p).ellipkm1(p)


@wide_operation(grad.ellipe_backward)
def ellipe(m: Array, /) -> Array:
    """E(m) = ∫ (1 − m sin²t)^(1/2) dt, t from 0 to π/2: the complete elliptic integral of the second kind."""
    return special_of(m).ellipe(m)


@wide_operation(grad.ellipkinc_backward)
def ellipkinc(phi: Array, m: Array, /) -> Array:
    """F(φ, m) = ∫ (1 − m sin²t)^(−1/2) dt, t from 0 to φ."""
    return special_of(phi, m).ellipkinc(phi, m)


@wide_operation(grad.ellipeinc_backward)
def ellipeinc(phi: Array, m: Array, /) -> Array:
    """E(φ, m) = ∫ (1 − m sin²t)^(1/2) dt, t from 0 to φ."""
    return special_of(phi, m).ellipeinc(phi, m)


# Hypergeometric functions --------------------------------------------------------------------------------------------------------


@wide_operation(grad.hyp0f1_backward, operands=("x",))
def hyp0f1(v: float | Array, x: Array, /) -> Array:
    """₀F₁(v; x); differentiable in x, v a number or a plain array."""
    return special_of(x).hyp0f1(v, x)


@wide_operation(grad.hyp1f1_backward, operands=("x",))
def hyp1f1(a: float | Array, b: float | Array, x: Array, /) -> Array:
    """Kummer's ₁F₁(a; b; x); differentiable in x, a and b numbers or plain arrays."""
    return special_of(x).hyp1f1(a, b, x)


@wide_operation(grad.hyp2f1_backward, operands=("x",))
def hyp2f1(a: float | Array, b: float | Array, c: float | Array, x: Array, /) -> Array:
    """Gauss' ₂F₁(a, b; c; x); differentiable in x, the others numbers or plain arrays."""
    return special_of(x).hyp2f1(a, b, c, x)


@wide_operation(grad.lambertw_backward)
def lambertw(x: Array, /, k: int = 0, tol: float = 1e-8) -> Array:
    """Lambert's W: the z of z eᶻ = x on its k-th branch. Always complex; `tol` is that of SciPy's iteration."""
    return special_of(x).lambertw(x, k, tol)
