"""The elementwise functions, and the choice between elements."""

from __future__ import annotations

from typing import Any

from .. import grad, lean
from .._operation import operation
from .._transfer import to_device
from ..xp import Array, array_namespace, common_namespace, is_complex

__all__ = [
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "astype",
    "atan",
    "atan2",
    "atanh",
    "ceil",
    "clip",
    "conj",
    "copysign",
    "cos",
    "cosh",
    "exp",
    "expm1",
    "floor",
    "hypot",
    "imag",
    "isfinite",
    "isinf",
    "isnan",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "maximum",
    "minimum",
    "nextafter",
    "real",
    "reciprocal",
    "round",
    "sign",
    "signbit",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "tan",
    "tanh",
    "trunc",
    "where",
]

_LISTS = frozenset({list, tuple})


@operation(grad.exp_backward)
def exp(x: Array, /) -> Array:
    """eˣ, elementwise."""
    return array_namespace(x).exp(x)


@operation(grad.expm1_backward)
def expm1(x: Array, /) -> Array:
    """eˣ − 1, elementwise: exact near 0."""
    return array_namespace(x).expm1(x)


@operation(grad.log_backward)
def log(x: Array, /) -> Array:
    """The natural logarithm, elementwise."""
    return array_namespace(x).log(x)


@operation(grad.log1p_backward)
def log1p(x: Array, /) -> Array:
    """log(1 + x), elementwise: exact near 0."""
    return array_namespace(x).log1p(x)


@operation(grad.log2_backward)
def log2(x: Array, /) -> Array:
    """The logarithm to base 2, elementwise."""
    return array_namespace(x).log2(x)


@operation(grad.log10_backward)
def log10(x: Array, /) -> Array:
    """The logarithm to base 10, elementwise."""
    return array_namespace(x).log10(x)


@operation(grad.sqrt_backward)
def sqrt(x: Array, /) -> Array:
    """The square root, elementwise. Its gradient at 0 is infinite."""
    return array_namespace(x).sqrt(x)


@operation(grad.square_backward)
def square(x: Array, /) -> Array:
    """x², elementwise."""
    return array_namespace(x).square(x)


@operation(grad.reciprocal_backward)
def reciprocal(x: Array, /) -> Array:
    """1 / x, elementwise."""
    return array_namespace(x).reciprocal(x)


@operation(grad.sin_backward)
def sin(x: Array, /) -> Array:
    """The sine, elementwise; x in radians."""
    return array_namespace(x).sin(x)


@operation(grad.cos_backward)
def cos(x: Array, /) -> Array:
    """The cosine, elementwise; x in radians."""
    return array_namespace(x).cos(x)


@operation(grad.tan_backward)
def tan(x: Array, /) -> Array:
    """The tangent, elementwise; x in radians."""
    return array_namespace(x).tan(x)


@operation(grad.asin_backward)
def asin(x: Array, /) -> Array:
    """The inverse sine, elementwise, in radians."""
    return array_namespace(x).asin(x)


@operation(grad.acos_backward)
def acos(x: Array, /) -> Array:
    """The inverse cosine, elementwise, in radians."""
    return array_namespace(x).acos(x)


@operation(grad.atan_backward)
def atan(x: Array, /) -> Array:
    """The inverse tangent, elementwise, in radians."""
    return array_namespace(x).atan(x)


@operation(grad.sinh_backward)
def sinh(x: Array, /) -> Array:
    """The hyperbolic sine, elementwise."""
    return array_namespace(x).sinh(x)


@operation(grad.cosh_backward)
def cosh(x: Array, /) -> Array:
    """The hyperbolic cosine, elementwise."""
    return array_namespace(x).cosh(x)


@operation(grad.tanh_backward)
def tanh(x: Array, /) -> Array:
    """The hyperbolic tangent, elementwise."""
    return array_namespace(x).tanh(x)


@operation(grad.times_slope_of_tanh_backward, serves=("_times_slope_of_tanh",))
def times_slope_of_tanh(x1: Array, x2: Array, /) -> Array:
    """x1 (1 − x2²), elementwise, for arrays of one shape: the gradient of a tanh whose value is x2."""
    return lean.times_slope_of_tanh(x1, x2)


@operation(grad.asinh_backward)
def asinh(x: Array, /) -> Array:
    """The inverse hyperbolic sine, elementwise."""
    return array_namespace(x).asinh(x)


@operation(grad.acosh_backward)
def acosh(x: Array, /) -> Array:
    """The inverse hyperbolic cosine, elementwise."""
    return array_namespace(x).acosh(x)


@operation(grad.atanh_backward)
def atanh(x: Array, /) -> Array:
    """The inverse hyperbolic tangent, elementwise."""
    return array_namespace(x).atanh(x)


@operation(grad.abs_backward, serves=("__abs__",))
def abs(x: Array, /) -> Array:
    """|x|, elementwise; real also for complex x. Its gradient at 0 is 0."""
    return array_namespace(x).abs(x)


@operation(grad.sign_backward)
def sign(x: Array, /) -> Array:
    """x / |x|, elementwise, and 0 at 0. Its gradient is 0 for real x."""
    return lean.sign(x)


@operation(grad.real_backward, serves=("_real",))
def real(x: Array, /) -> Array:
    """The real part, elementwise."""
    return array_namespace(x).real(x)


@operation(grad.imag_backward, serves=("_imag",))
def imag(x: Array, /) -> Array:
    """The imaginary part, elementwise."""
    return array_namespace(x).imag(x)


@operation(grad.conj_backward)
def conj(x: Array, /) -> Array:
    """The complex conjugate, elementwise."""
    return array_namespace(x).conj(x)


@operation(grad.zero_backward)
def floor(x: Array, /) -> Array:
    """⌊x⌋, elementwise. Its gradient is 0."""
    return array_namespace(x).floor(x)


@operation(grad.zero_backward)
def ceil(x: Array, /) -> Array:
    """⌈x⌉, elementwise. Its gradient is 0."""
    return array_namespace(x).ceil(x)


@operation(grad.zero_backward)
def trunc(x: Array, /) -> Array:
    """x rounded towards 0, elementwise. Its gradient is 0."""
    return array_namespace(x).trunc(x)


@operation(grad.zero_backward)
def round(x: Array, /) -> Array:
    """x rounded to the nearest integer, halves to the even one, elementwise. Its gradient is 0."""
    return array_namespace(x).round(x)


@operation(None)
def isfinite(x: Array, /) -> Array:
    """Whether x is finite, elementwise."""
    return array_namespace(x).isfinite(x)


@operation(None)
def isinf(x: Array, /) -> Array:
    """Whether x is infinite, elementwise."""
    return array_namespace(x).isinf(x)


@operation(None)
def isnan(x: Array, /) -> Array:
    """Whether x is nan, elementwise."""
    return array_namespace(x).isnan(x)


@operation(None)
def signbit(x: Array, /) -> Array:
    """Whether x has a minus sign (−0 too), elementwise."""
    return array_namespace(x).signbit(x)


@operation(grad.atan2_backward)
def atan2(x1: Array, x2: Array, /) -> Array:
    """The angle of the point (x2, x1) from the first axis, elementwise, in radians. Its gradient at (0, 0) is 0."""
    return common_namespace(x1, x2).atan2(x1, x2)


@operation(grad.hypot_backward)
def hypot(x1: Array, x2: Array, /) -> Array:
    """√(x1² + x2²), elementwise. Its gradient at (0, 0) is 0."""
    return common_namespace(x1, x2).hypot(x1, x2)


@operation(grad.logaddexp_backward)
def logaddexp(x1: Array, x2: Array, /) -> Array:
    """log(exp(x1) + exp(x2)), elementwise, without overflow."""
    return common_namespace(x1, x2).logaddexp(x1, x2)


@operation(grad.copysign_backward)
def copysign(x1: Array, x2: Array, /) -> Array:
    """|x1| with the sign of x2, elementwise."""
    return common_namespace(x1, x2).copysign(x1, x2)


@operation(grad.nextafter_backward)
def nextafter(x1: Array, x2: Array, /) -> Array:
    """The next float after x1 towards x2, elementwise."""
    return common_namespace(x1, x2).nextafter(x1, x2)


@operation(grad.maximum_backward)
def maximum(x1: Array, x2: Array, /) -> Array:
    """The larger of x1 and x2, elementwise. Equals share the gradient."""
    return common_namespace(x1, x2).maximum(x1, x2)


@operation(grad.minimum_backward)
def minimum(x1: Array, x2: Array, /) -> Array:
    """The smaller of x1 and x2, elementwise. Equals share the gradient."""
    return common_namespace(x1, x2).minimum(x1, x2)


@operation(grad.clip_backward, operands=("x", "min", "max"))
def clip(x: Array, /, min: Array | float | None = None, max: Array | float | None = None) -> Array:
    """x, but no smaller than `min` and no larger than `max`, elementwise. At a bound all of the gradient goes to x."""
    return lean.clip(x, min, max)


@operation(grad.where_backward, operands=("condition", "x1", "x2"))
def where(condition: Array, x1: Array | complex, x2: Array | complex, /) -> Array:
    """x1 where `condition`, else x2, elementwise.

    No gradient flows to what was not chosen; but 0 · inf is nan, so a branch that is infinite where it is not chosen still spoils
    the gradient of its own argument: `apply_where` does not compute it there.
    """
    if type(x1) in _LISTS or type(x2) in _LISTS:
        name = "x1" if type(x1) in _LISTS else "x2"
        raise TypeError(f"where: {name} is a list; it must be an array, a Tensor or a number: clumsygrad.asarray makes one of it")
    return array_namespace(condition).where(condition, x1, x2)


@operation(grad.astype_backward, serves=("_astype",))
def astype(x: Array, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Array:
    """x in another dtype. Between floating dtypes differentiable; an integer or boolean result is a constant.

    From complex to real it is an error: say which part, with `real(x)` or `imag(x)`.
    """
    xp = array_namespace(x)
    if is_complex(x) and not xp.isdtype(dtype, ("complex floating", "bool")):
        raise TypeError(f"astype: from {x.dtype} to {dtype} the imaginary part would be lost: say which part, real(x) or imag(x)")
    z = xp.astype(x, dtype, copy=copy)
    return z if device is None else to_device(z, device)
