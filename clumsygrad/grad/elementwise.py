"""Backward functions of the elementwise functions.

Each is z̄ · conj(dz/dx), for real and complex operands alike: the functions are holomorphic, except `abs`, `sign`, `real`, `imag`,
`conj` and those that choose or round, whose docstrings give their own formulas.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import _pieces, lean
from ..xp import (
    SCALAR_TYPES,
    Array,
    array_namespace,
    as_scalar,
    conj,
    is_complex,
    is_real_numpys,
    kind,
    narrowed,
    ndarray,
    numpy,
    widened,
)
from ._read import (
    GradientTuple,
    conj_operand,
    conj_result,
    floating_pair,
    needs,
    operand,
    operands,
    or_one,
    pair,
    result,
    unbroadcast,
)

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "abs_backward",
    "acos_backward",
    "acosh_backward",
    "asin_backward",
    "asinh_backward",
    "astype_backward",
    "atan2_backward",
    "atan_backward",
    "atanh_backward",
    "clip_backward",
    "conj_backward",
    "copysign_backward",
    "cos_backward",
    "cosh_backward",
    "exp_backward",
    "expm1_backward",
    "hypot_backward",
    "imag_backward",
    "log1p_backward",
    "log2_backward",
    "log10_backward",
    "log_backward",
    "logaddexp_backward",
    "maximum_backward",
    "minimum_backward",
    "nextafter_backward",
    "real_backward",
    "reciprocal_backward",
    "remainder_backward",
    "sign_backward",
    "sin_backward",
    "sinh_backward",
    "sqrt_backward",
    "square_backward",
    "tan_backward",
    "tanh_backward",
    "times_slope_of_tanh_backward",
    "where_backward",
    "zero_backward",
]


# Exponentials and logarithms --------------------------------------------------------------------------------------------------


def exp_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = exp(x):   x̄ = z̄ · conj(z)."""
    return (grad * conj_result(tensor, grad),)


def expm1_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = exp(x) − 1:   x̄ = z̄ · conj(z + 1)."""
    return (grad + grad * conj_result(tensor, grad),)


def log_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = log(x):   x̄ = z̄ / conj(x).   Infinite at 0."""
    return (grad / conj_operand(tensor, grad),)


def log1p_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = log(1 + x):   x̄ = z̄ / conj(1 + x)."""
    xp = array_namespace(grad)
    return (grad / conj(xp, operand(tensor, grad) + 1),)


def log2_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = log₂(x):   x̄ = z̄ / conj(x log 2)."""
    xp = array_namespace(grad)
    return (grad / conj(xp, operand(tensor, grad) * math.log(2)),)


def log10_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = log₁₀(x):   x̄ = z̄ / conj(x log 10)."""
    xp = array_namespace(grad)
    return (grad / conj(xp, operand(tensor, grad) * math.log(10)),)


def logaddexp_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = log(eˣ + eʸ):   x̄ = z̄ · exp(x − z),   ȳ = z̄ · exp(y − z).   Two equal infinities share z̄ equally; one has all of it."""
    xp = array_namespace(grad)
    x, y = pair(tensor, grad)
    need_x, need_y = needs(tensor)
    z, finite = result(tensor, grad), _is_finite(tensor._data)
    if not finite:
        grad = xp.where((x == y) & xp.isinf(z), grad * 0.5, grad)
    return (
        unbroadcast(grad * _ratio_of_exp(xp, x, z, finite), x.shape) if need_x else None,
        unbroadcast(grad * _ratio_of_exp(xp, y, z, finite), y.shape) if need_y else None,
    )


def _ratio_of_exp(xp: Any, x: Array, z: Array, finite: bool) -> Array:
    """exp(x − z), and 1 where they are the same infinity, whose difference is nan."""
    if finite:
        return xp.exp(x - z)
    same, zeros = x == z, xp.zeros_like(z)
    return xp.exp(xp.where(same, zeros, x) - xp.where(same, zeros, z))


def _is_finite(z: Array) -> bool:
    """Whether z is NumPy's and finite everywhere; arrays of other libraries are not searched, and count as not finite."""
    return (type(z) is ndarray or type(z) in SCALAR_TYPES) and bool(numpy.isfinite(z).all())


# Powers and roots -------------------------------------------------------------------------------------------------------------


def sqrt_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = √x:   x̄ = z̄ / (2 conj(z)).   Infinite at 0, as the calculus says."""
    return (grad * 0.5 / conj_result(tensor, grad),)


def square_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x²:   x̄ = 2 z̄ · conj(x)."""
    g = grad * conj_operand(tensor, grad)
    return (g + g,)


def reciprocal_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = 1 / x:   x̄ = −z̄ · conj(z²)."""
    z = conj_result(tensor, grad)
    return (-grad * z * z,)


# Trigonometric and hyperbolic functions -----------------------------------------------------------------------------------------


def sin_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = sin(x):   x̄ = z̄ · conj(cos x)."""
    xp = array_namespace(grad)
    return (grad * xp.cos(conj_operand(tensor, grad)),)


def cos_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = cos(x):   x̄ = −z̄ · conj(sin x)."""
    xp = array_namespace(grad)
    return (-grad * xp.sin(conj_operand(tensor, grad)),)


def tan_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = tan(x):   x̄ = z̄ · conj(sec² x) = z̄ · conj(1 + z²)."""
    z = conj_result(tensor, grad)
    return (grad + grad * z * z,)


def asin_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = asin(x):   x̄ = z̄ / conj(√(1 − x²))."""
    xp = array_namespace(grad)
    x = conj_operand(tensor, grad)
    return (grad / xp.sqrt(1 - x * x),)


def acos_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = acos(x):   x̄ = −z̄ / conj(√(1 − x²))."""
    xp = array_namespace(grad)
    x = conj_operand(tensor, grad)
    return (-grad / xp.sqrt(1 - x * x),)


def atan_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = atan(x):   x̄ = z̄ / conj(1 + x²).   Where x has 16 bits in float32, as x² soon overflows."""
    x = conj_operand(tensor, grad)
    wide = widened(x)
    return (narrowed(grad / (wide * wide + 1), x),)


def sinh_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = sinh(x):   x̄ = z̄ · conj(cosh x)."""
    xp = array_namespace(grad)
    return (grad * xp.cosh(conj_operand(tensor, grad)),)


def cosh_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = cosh(x):   x̄ = z̄ · conj(sinh x)."""
    xp = array_namespace(grad)
    return (grad * xp.sinh(conj_operand(tensor, grad)),)


def tanh_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = tanh(x):   x̄ = z̄ · conj(1 − z²)."""
    return (lean.times_slope_of_tanh(grad, conj_result(tensor, grad)),)


def times_slope_of_tanh_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x (1 − y²), the gradient of tanh, of one shape:   x̄ = z̄ · conj(1 − y²),   ȳ = −2 z̄ · conj(x y)."""
    xp = array_namespace(grad)
    x, y = pair(tensor, grad)
    need_x, need_y = needs(tensor)
    y = conj(xp, y)
    g = grad * y
    return lean.subtract_from(grad, g * y) if need_x else None, lean.multiply_into(g * conj(xp, x), -2) if need_y else None


def asinh_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = asinh(x):   x̄ = z̄ / conj(√(x² + 1))."""
    return (grad / _root_of_square_plus_one(array_namespace(grad), conj_operand(tensor, grad)),)


def _root_of_square_plus_one(xp: Any, x: Array) -> Array:
    """√(x² + 1) = s √((x/s)² + 1/s²), s = max(|x|, 1), where x² may overflow; s is finite where x is not."""
    if is_real_numpys(x):
        try:
            with numpy.errstate(over="raise"):  # which costs less than a pass over the elements
                return numpy.sqrt(x * x + 1)
        except FloatingPointError:
            pass
    size = xp.abs(x)
    size = lean.clip(size, 1.0, float(xp.finfo(size.dtype).max))
    ratio, inverse = x / size, 1 / size
    return size * xp.sqrt(ratio * ratio + inverse * inverse)


def acosh_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = acosh(x):   x̄ = z̄ / conj(√(x − 1) √(x + 1)); the two roots keep the branch of the complex function."""
    xp = array_namespace(grad)
    x = conj_operand(tensor, grad)
    return (grad / (xp.sqrt(x - 1) * xp.sqrt(x + 1)),)


def atanh_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = atanh(x):   x̄ = z̄ / conj(1 − x²)."""
    x = conj_operand(tensor, grad)
    return (grad / (1 - x * x),)


def atan2_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = atan2(y, x):   ȳ = z̄ · x / (x² + y²),   x̄ = −z̄ · y / (x² + y²).   0 at (0, 0)."""
    xp = array_namespace(grad)
    y, x = floating_pair(tensor, grad)
    need_y, need_x = needs(tensor)
    square = _sum_of_squares(tensor, x, y)
    if square is not None:
        g = grad / or_one(xp, square)
        return unbroadcast(g * x, y.shape) if need_y else None, unbroadcast(-g * y, x.shape) if need_x else None
    r = xp.hypot(x, y)  # its square may overflow or underflow where the gradients do not
    r = as_scalar(or_one(xp, r))
    g = grad / r
    return unbroadcast(g * (x / r), y.shape) if need_y else None, unbroadcast(-g * (y / r), x.shape) if need_x else None


def _sum_of_squares(tensor: Tensor, x: Array, y: Array) -> Array | None:
    """x² + y² for NumPy's usual arrays, whose hypot takes five times as long; None for others, and where it overflows or underflows."""
    if not is_real_numpys(tensor._data) or type(x) is not type(y):  # Python squares a number with no regard to errstate
        return None
    try:
        with numpy.errstate(over="raise", under="raise"):  # which costs less than a pass over the elements
            return x * x + y * y
    except FloatingPointError:
        return None


def hypot_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = √(x² + y²):   x̄ = z̄ · x / z,   ȳ = z̄ · y / z.   0 at (0, 0)."""
    xp = array_namespace(grad)
    x, y = floating_pair(tensor, grad)
    need_x, need_y = needs(tensor)
    z = result(tensor, grad)
    g = grad / or_one(xp, z)
    return unbroadcast(g * x, x.shape) if need_x else None, unbroadcast(g * y, y.shape) if need_y else None


# Sizes, signs and parts ---------------------------------------------------------------------------------------------------------


def abs_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = |x|:   x̄ = z̄ · sign(x), with sign(x) = x / |x| for complex x.   0 at 0."""
    x = operand(tensor, grad)
    if is_complex(x):  # whose sign is 0 / 0 at 0 in some libraries
        return (_pieces.times_ratio(x, grad, result(tensor, grad)),)
    return (grad * lean.sign(x),)


def sign_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x / |x|:   x̄ = (z̄ − z Re(conj(z) z̄)) / |x|, which is 0 for real x.   0 at 0."""
    xp = array_namespace(grad)
    x = operand(tensor, grad)
    if not is_complex(x):
        return (xp.zeros_like(grad),)
    z, size = result(tensor, grad), xp.abs(x)
    radial = z * xp.real(xp.conj(z) * grad)
    return ((grad - radial) * xp.where(size == 0, xp.zeros_like(size), 1 / or_one(xp, size)),)


def real_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Re x:   x̄ = z̄ (as a number of the dtype of x)."""
    xp = array_namespace(grad)
    return (xp.astype(grad, operand(tensor, grad).dtype),)


def imag_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Im x:   x̄ = i z̄, which is 0 for real x."""
    xp = array_namespace(grad)
    x = operand(tensor, grad)
    if not is_complex(x):
        return (xp.zeros_like(grad),)
    return (xp.astype(grad, x.dtype) * 1j,)


def conj_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = conj(x):   x̄ = conj(z̄)."""
    xp = array_namespace(grad)
    return (conj(xp, grad),)


def copysign_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = |x| with the sign of y:   x̄ = z̄ · sign(x) · (the sign of y, ±1),   ȳ = 0.   0 at x = 0."""
    xp = array_namespace(grad)
    x, y = pair(tensor, grad)
    need_x, need_y = needs(tensor)
    return (
        unbroadcast(grad * lean.sign(x) * xp.copysign(xp.ones_like(grad), y), x.shape) if need_x else None,
        unbroadcast(xp.zeros_like(grad), y.shape) if need_y else None,
    )


def nextafter_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = the float after x towards y:   x̄ = z̄,   ȳ = 0."""
    xp = array_namespace(grad)
    x, y = pair(tensor, grad)
    need_x, need_y = needs(tensor)
    return unbroadcast(grad, x.shape) if need_x else None, unbroadcast(xp.zeros_like(grad), y.shape) if need_y else None


# Rounding, remainders and choices -----------------------------------------------------------------------------------------------


def zero_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = a piecewise constant function of its operands (floor, round, floor_divide ...):   every gradient is 0."""
    xp = array_namespace(grad)
    return tuple([xp.zeros_like(x) if need else None for x, need in zip(operands(tensor, grad), needs(tensor), strict=True)])


def remainder_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x − y ⌊x / y⌋:   x̄ = z̄,   ȳ = −z̄ ⌊x / y⌋."""
    xp = array_namespace(grad)
    x, y = pair(tensor, grad)
    need_x, need_y = needs(tensor)
    return (
        unbroadcast(grad, x.shape) if need_x else None,
        unbroadcast(-grad * xp.floor(x / y), y.shape) if need_y else None,
    )


def maximum_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = max(x, y):   x̄ = z̄ where x > y, ȳ = z̄ where y > x;   shared equally where x = y."""
    x, y = pair(tensor, tensor._data)
    return _chosen(tensor, grad, x, y, x > y)


def minimum_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = min(x, y):   x̄ = z̄ where x < y, ȳ = z̄ where y < x;   shared equally where x = y."""
    x, y = pair(tensor, tensor._data)
    return _chosen(tensor, grad, x, y, x < y)


def _chosen(tensor: Tensor, grad: Array, x: Array, y: Array, first: Array) -> GradientTuple:
    """The gradients of both raw operands; `first` is where all of it goes to x. NumPy's are searched for ties: most have none."""
    need_x, need_y = needs(tensor)
    tie = x == y
    g = lean.kept_where(first, grad)
    if type(tie) is not ndarray or tie.any():
        g = lean.add_into(g, lean.kept_where(tie, grad * 0.5))
    return unbroadcast(g, x.shape) if need_x else None, unbroadcast(grad - g, y.shape) if need_y else None


def clip_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = min(max(x, low), high):   x̄ = z̄ where low ≤ x ≤ high (at a bound too, all of it); otherwise the bound in force has it."""
    x, low, high = operands(tensor, grad)
    need_x, need_low, need_high = needs(tensor)
    under = x < low if low is not None else False
    over = x > high if high is not None else False
    if low is not None and high is not None and (low > high) is not False:
        over = over | (under & (low > high))  # then high wins everywhere
        under = under & (low <= high)
    within = under == over
    return (
        unbroadcast(grad if within is True else lean.kept_where(within, grad), x.shape) if need_x else None,
        unbroadcast(lean.kept_where(under, grad), low.shape) if need_low else None,
        unbroadcast(lean.kept_where(over, grad), high.shape) if need_high else None,
    )


def where_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x where c, else y:   x̄ = z̄ where c,   ȳ = z̄ where not c.   c has no gradient."""
    condition, x, y = operands(tensor, grad)
    _, need_x, need_y = needs(tensor)
    if kind(condition) != "bool":  # NumPy takes numbers too
        condition = condition != 0
    return (
        None,
        unbroadcast(lean.kept_where(condition, grad), x.shape) if need_x else None,
        unbroadcast(lean.kept_where(~condition, grad), y.shape) if need_y else None,
    )


def astype_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x in another floating dtype:   x̄ = z̄ in the dtype of x; its real part where x is real and z complex."""
    xp = array_namespace(grad)
    x = operand(tensor, grad)
    if is_complex(grad) and not is_complex(x):
        grad = xp.real(grad)
    return (xp.astype(grad, x.dtype),)
