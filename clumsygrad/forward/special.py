"""Special functions: of the error function, the logistic function, entropies, losses, powers, and angles.

Elementwise; operands broadcast; of the dtype and in the library of the operands. Formulas of the derivatives are with the backward
functions.

>>> import clumsygrad as cg
>>> cg.special.xlogy(cg.asarray([0.0, 1.0]), cg.asarray([0.0, 1.0]))
Tensor(array([0., 0.]))
"""

from __future__ import annotations

from .. import grad
from .._operation import wide_operation
from .._special import special_of
from ..xp import Array

__all__ = [
    "boxcox",
    "boxcox1p",
    "cbrt",
    "cosdg",
    "cosm1",
    "dawsn",
    "entr",
    "erf",
    "erfc",
    "erfcinv",
    "erfcx",
    "erfi",
    "erfinv",
    "exp2",
    "exp10",
    "expit",
    "exprel",
    "huber",
    "inv_boxcox",
    "inv_boxcox1p",
    "kl_div",
    "log_expit",
    "log_ndtr",
    "logit",
    "ndtr",
    "ndtri",
    "owens_t",
    "pseudo_huber",
    "rel_entr",
    "sinc",
    "sindg",
    "tandg",
    "wofz",
    "xlog1py",
    "xlogy",
]


# The error function and the normal distribution ----------------------------------------------------------------------------------


@wide_operation(grad.erf_backward)
def erf(x: Array, /) -> Array:
    """2/√π ∫₀ˣ e^(−t²) dt, the error function."""
    return special_of(x).erf(x)


@wide_operation(grad.erfc_backward)
def erfc(x: Array, /) -> Array:
    """1 − erf(x), exact where it is small."""
    return special_of(x).erfc(x)


@wide_operation(grad.erfcx_backward)
def erfcx(x: Array, /) -> Array:
    """e^(x²) erfc(x)."""
    return special_of(x).erfcx(x)


@wide_operation(grad.erfi_backward)
def erfi(x: Array, /) -> Array:
    """−i erf(ix), real for a real x."""
    return special_of(x).erfi(x)


@wide_operation(grad.erfinv_backward)
def erfinv(x: Array, /) -> Array:
    """The inverse of erf, of x in [−1, 1]."""
    return special_of(x).erfinv(x)


@wide_operation(grad.erfcinv_backward)
def erfcinv(x: Array, /) -> Array:
    """The inverse of erfc, of x in [0, 2]."""
    return special_of(x).erfcinv(x)


@wide_operation(grad.dawsn_backward)
def dawsn(x: Array, /) -> Array:
    """Dawson's integral e^(−x²) ∫₀ˣ e^(t²) dt."""
    return special_of(x).dawsn(x)


@wide_operation(grad.wofz_backward)
def wofz(x: Array, /) -> Array:
    """The Faddeeva function e^(−x²) erfc(−ix), of complex x."""
    return special_of(x).wofz(x)


@wide_operation(grad.ndtr_backward)
def ndtr(x: Array, /) -> Array:
    """The share of the standard normal distribution below x."""
    return special_of(x).ndtr(x)


@wide_operation(grad.log_ndtr_backward)
def log_ndtr(x: Array, /) -> Array:
    """log ndtr(x), also where ndtr(x) is 0 in floating point."""
    return special_of(x).log_ndtr(x)


@wide_operation(grad.ndtri_backward)
def ndtri(x: Array, /) -> Array:
    """The inverse of ndtr, of x in [0, 1]."""
    return special_of(x).ndtri(x)


@wide_operation(grad.owens_t_backward)
def owens_t(h: Array, a: Array, /) -> Array:
    """Owen's T: 1/(2π) ∫₀ᵃ e^(−h²(1 + t²)/2)/(1 + t²) dt."""
    return special_of(h, a).owens_t(h, a)


# The logistic function -----------------------------------------------------------------------------------------------------------


@wide_operation(grad.expit_backward)
def expit(x: Array, /) -> Array:
    """1/(1 + e⁻ˣ), the logistic function."""
    return special_of(x).expit(x)


@wide_operation(grad.logit_backward)
def logit(x: Array, /) -> Array:
    """log(x/(1 − x)), the inverse of expit, of x in [0, 1]."""
    return special_of(x).logit(x)


@wide_operation(grad.log_expit_backward)
def log_expit(x: Array, /) -> Array:
    """log expit(x), also where expit(x) is 0 or 1 in floating point."""
    return special_of(x).log_expit(x)


# Entropies and divergences -------------------------------------------------------------------------------------------------------


@wide_operation(grad.entr_backward)
def entr(x: Array, /) -> Array:
    """−x log x; 0 at 0, −∞ below."""
    return special_of(x).entr(x)


@wide_operation(grad.rel_entr_backward)
def rel_entr(x: Array, y: Array, /) -> Array:
    """x log(x/y); 0 where x = 0 ≤ y; ∞ outside of x, y ≥ 0."""
    return special_of(x, y).rel_entr(x, y)


@wide_operation(grad.kl_div_backward)
def kl_div(x: Array, y: Array, /) -> Array:
    """x log(x/y) − x + y; y where x = 0 ≤ y; ∞ outside of x, y ≥ 0."""
    return special_of(x, y).kl_div(x, y)


@wide_operation(grad.xlogy_backward)
def xlogy(x: Array, y: Array, /) -> Array:
    """x log y, and 0 where x = 0."""
    return special_of(x, y).xlogy(x, y)


@wide_operation(grad.xlog1py_backward)
def xlog1py(x: Array, y: Array, /) -> Array:
    """x log(1 + y), and 0 where x = 0."""
    return special_of(x, y).xlog1py(x, y)


# Losses --------------------------------------------------------------------------------------------------------------------------


@wide_operation(grad.huber_backward)
def huber(delta: Array, r: Array, /) -> Array:
    """r²/2 where |r| ≤ δ, and δ(|r| − δ/2) elsewhere."""
    return special_of(delta, r).huber(delta, r)


@wide_operation(grad.pseudo_huber_backward)
def pseudo_huber(delta: Array, r: Array, /) -> Array:
    """δ²(√(1 + (r/δ)²) − 1)."""
    return special_of(delta, r).pseudo_huber(delta, r)


# Powers and exponentials ---------------------------------------------------------------------------------------------------------


@wide_operation(grad.boxcox_backward)
def boxcox(x: Array, lmbda: Array, /) -> Array:
    """(x^λ − 1)/λ, and log x where λ = 0."""
    return special_of(x, lmbda).boxcox(x, lmbda)


@wide_operation(grad.boxcox1p_backward)
def boxcox1p(x: Array, lmbda: Array, /) -> Array:
    """((1 + x)^λ − 1)/λ, and log(1 + x) where λ = 0."""
    return special_of(x, lmbda).boxcox1p(x, lmbda)


@wide_operation(grad.inv_boxcox_backward)
def inv_boxcox(y: Array, lmbda: Array, /) -> Array:
    """(1 + λy)^(1/λ), and eʸ where λ = 0: the inverse of boxcox."""
    return special_of(y, lmbda).inv_boxcox(y, lmbda)


@wide_operation(grad.inv_boxcox1p_backward)
def inv_boxcox1p(y: Array, lmbda: Array, /) -> Array:
    """(1 + λy)^(1/λ) − 1, and eʸ − 1 where λ = 0: the inverse of boxcox1p."""
    return special_of(y, lmbda).inv_boxcox1p(y, lmbda)


@wide_operation(grad.exprel_backward)
def exprel(x: Array, /) -> Array:
    """(eˣ − 1)/x, and 1 at 0."""
    return special_of(x).exprel(x)


@wide_operation(grad.exp2_backward)
def exp2(x: Array, /) -> Array:
    """2ˣ."""
    return special_of(x).exp2(x)


@wide_operation(grad.exp10_backward)
def exp10(x: Array, /) -> Array:
    """10ˣ."""
    return special_of(x).exp10(x)


@wide_operation(grad.cbrt_backward)
def cbrt(x: Array, /) -> Array:
    """∛x, of either sign."""
    return special_of(x).cbrt(x)


# Angles --------------------------------------------------------------------------------------------------------------------------


@wide_operation(grad.cosm1_backward)
def cosm1(x: Array, /) -> Array:
    """cos x − 1, exact where it is small."""
    return special_of(x).cosm1(x)


@wide_operation(grad.sinc_backward)
def sinc(x: Array, /) -> Array:
    """sin(πx)/(πx), and 1 at 0."""
    return special_of(x).sinc(x)


@wide_operation(grad.sindg_backward)
def sindg(x: Array, /) -> Array:
    """The sine of an angle in degrees."""
    return special_of(x).sindg(x)


@wide_operation(grad.cosdg_backward)
def cosdg(x: Array, /) -> Array:
    """The cosine of an angle in degrees."""
    return special_of(x).cosdg(x)


@wide_operation(grad.tandg_backward)
def tandg(x: Array, /) -> Array:
    """The tangent of an angle in degrees."""
    return special_of(x).tandg(x)
