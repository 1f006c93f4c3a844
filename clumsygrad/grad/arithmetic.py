"""Backward functions of arithmetic: sums, products, quotients, powers.

Adjoints are written x̄ for the gradient of the loss with respect to x. Complex gradients are ∂L/∂Re + i ∂L/∂Im, so that every
holomorphic factor is conjugated. An operand that was broadcast gets the sum over the axes it was stretched along.
"""

from __future__ import annotations

import cmath
import math
from typing import TYPE_CHECKING, Any

from .. import _pieces, lean
from ..xp import SCALARS, Array, array_namespace, conj, is_complex
from ._read import (
    GradientTuple,
    conj_pair,
    conj_result,
    floating_pair,
    needs,
    operands,
    or_one,
    pair,
    result,
    scalar_operand,
    unbroadcast,
)

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "add_backward",
    "add_broadcast_backward",
    "add_scalar_backward",
    "divide_backward",
    "mul_backward",
    "mul_broadcast_backward",
    "mul_scalar_backward",
    "negate_backward",
    "positive_backward",
    "power_backward",
    "sub_backward",
    "sub_broadcast_backward",
    "sub_scalar_backward",
]


def add_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x + y:   x̄ = z̄,   ȳ = z̄.   x and y of one shape, and both differentiated."""
    return grad, grad


def add_scalar_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x + c:   x̄ = z̄.   c a Python scalar on either side."""
    return (grad,)


def add_broadcast_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x + y:   x̄ = Σ z̄,   ȳ = Σ z̄, each summed down to its operand's shape."""
    x, y = pair(tensor, grad)
    need_x, need_y = needs(tensor)
    return unbroadcast(grad, x.shape) if need_x else None, unbroadcast(grad, y.shape) if need_y else None


def sub_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x − y:   x̄ = z̄,   ȳ = −z̄.   x and y of one shape, and both differentiated."""
    return grad, -grad


def sub_scalar_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x − c:   x̄ = z̄;   z = c − x:   x̄ = −z̄."""
    side, _ = scalar_operand(tensor)
    return (grad if side == "x2" else -grad,)


def sub_broadcast_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x − y:   x̄ = Σ z̄,   ȳ = −Σ z̄, each summed down to its operand's shape."""
    x, y = pair(tensor, grad)
    need_x, need_y = needs(tensor)
    return unbroadcast(grad, x.shape) if need_x else None, -unbroadcast(grad, y.shape) if need_y else None


def mul_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x ⊙ y:   x̄ = z̄ · conj(y),   ȳ = z̄ · conj(x).   x and y of one shape, and both differentiated."""
    x, y = conj_pair(tensor, grad)
    return grad * y, grad * x


def mul_scalar_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = c · x:   x̄ = z̄ · conj(c).   c a Python scalar on either side."""
    _, c = scalar_operand(tensor)
    return (grad * c.conjugate(),)


def mul_broadcast_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x ⊙ y:   x̄ = Σ z̄ · conj(y),   ȳ = Σ z̄ · conj(x), each summed down to its operand's shape."""
    x, y = pair(tensor, grad)
    need_x, need_y = needs(tensor)
    return (
        unbroadcast(_pieces.times_conj(grad, y), x.shape) if need_x else None,
        unbroadcast(_pieces.times_conj(grad, x), y.shape) if need_y else None,
    )


def divide_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x / y:   x̄ = z̄ / conj(y),   ȳ = −z̄ · conj(z / y).   Scalars and broadcasting included."""
    xp = array_namespace(grad)
    x, y = pair(tensor, grad)
    need_x, need_y = needs(tensor)
    g = grad / conj(xp, y)
    return (
        unbroadcast(g, x.shape) if need_x else None,
        unbroadcast(-g * conj_result(tensor, grad), y.shape) if need_y else None,
    )


def power_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = xʸ:   x̄ = z̄ · conj(y xʸ⁻¹),   ȳ = z̄ · conj(z log x).

    A scalar exponent or base is no operand: then the tuple has the other's gradient alone. x⁰ has gradient 0 everywhere. At x = 0
    the gradient of the exponent is taken as 0, its limit for y > 0. Where x < 0, log x is nan for real x, as NumPy says.
    """
    xp = array_namespace(grad)
    if len(tensor._parents) == 1:
        (x,) = operands(tensor, grad)
        side, c = scalar_operand(tensor)
        if side == "x1":
            return (_exponent_gradient(xp, tensor, grad, c),)
        return (grad * conj(xp, _scalar_power_derivative(x, c)),)
    x, y = floating_pair(tensor, grad)
    need_x, need_y = needs(tensor)
    return (
        unbroadcast(grad * conj(xp, _power_derivative(xp, x, y)), x.shape) if need_x else None,
        unbroadcast(_exponent_gradient(xp, tensor, grad, x), y.shape) if need_y else None,
    )


def _power_derivative(xp: Any, x: Array, y: Array) -> Array:
    return y * xp.where((x == 0) & (y == 0), xp.ones_like(x), x) ** (y - 1)


def _scalar_power_derivative(x: Array, n: complex) -> Array:
    if n == 2:
        return x + x
    if n == 1 or n == 0:
        return lean.ones_like(x) * n  # also at infinity
    return lean.power(x, n - 1) * n


def _exponent_gradient(xp: Any, tensor: Tensor, grad: Array, base: Array) -> Array:
    z = result(tensor, grad)
    return grad * conj(xp, z * _log_or_zero(xp, base, grad))


def _log_or_zero(xp: Any, x: Array, grad: Array) -> Array:
    if type(x) in SCALARS:
        return _log_of_number(x, is_complex(grad))
    return xp.log(or_one(xp, x))


def _log_of_number(c: complex, of_complex: bool) -> complex:
    """log c, 0 at 0, and nan for a negative base of real powers: a Python number, which has no device."""
    if c == 0:
        return 0.0
    if of_complex:
        return cmath.log(c)
    return math.log(c.real) if c.real > 0 else math.nan


def negate_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = −x:   x̄ = −z̄."""
    return (-grad,)


def positive_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = +x:   x̄ = z̄."""
    return (grad,)
