"""Backward functions of activations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from .. import _elements, _kernels, _pieces, lean
from .._layers import axis_along, sum_along
from ..xp import Array, array_namespace, is_real_numpys, narrowed, numpy, widened
from ._read import GradientTuple, conj_operand, conj_result, integers, may_be_written, result

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "gelu_backward",
    "log_softmax_backward",
    "relu_backward",
    "sigmoid_backward",
    "silu_backward",
    "softmax_backward",
    "softplus_backward",
]

# In gelu(x) = x (1 + tanh u) / 2, u = x (GELU_SCALE + GELU_CUBIC x²).
GELU_SCALE = math.sqrt(2 / math.pi)
GELU_CUBIC = 0.044715 * GELU_SCALE
_FAR = 100.0


def relu_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = max(x, 0):   x̄ = z̄ where x > 0, else 0 (at 0 too)."""
    z = result(tensor, grad)
    found = _elements.relu_gradient(z, grad)
    return (lean.kept_where(z > 0, grad, may_be_written(tensor, grad)) if found is None else found,)


def sigmoid_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = 1 / (1 + exp(−x)):   x̄ = z̄ · z (1 − z)."""
    z = conj_result(tensor, grad)
    return (lean.multiply_into(lean.multiply_into(1 - z, z), grad),)


def silu_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x σ, σ = 1 / (1 + exp(−x)):   x̄ = z̄ · (σ + z (1 − σ))."""
    return (_times_slope(tensor, grad, _slope_of_silu),)


def _times_slope(tensor: Tensor, grad: Array, slope: Callable[..., Array]) -> Array:
    """z̄ · slope(x, z); with slope(x) in float32 where x has 16 bits, as z has then lost digits that the slope needs."""
    x, z = conj_operand(tensor, grad), conj_result(tensor, grad)
    wide = widened(x)
    if wide is not x:
        return narrowed(lean.multiply_into(slope(wide), grad), grad)
    return _pieces.times(grad, slope, x, z, in_place=may_be_written(tensor, grad))


def _slope_of_silu(x: Array, z: Array | None = None) -> Array:
    """σ + z (1 − σ), z = x σ. Over NumPy σ is z / x."""
    sigmoid = None if z is None else lean.quotient(z, x, 0.5)
    if sigmoid is None:
        sigmoid = lean.add_into(lean.multiply_into(lean.tanh_into(x * 0.5), 0.5), 0.5)
    if z is None:
        z = x * sigmoid
    return lean.add_into(lean.multiply_into(1 - sigmoid, z), sigmoid)


def softplus_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = log(1 + exp(x)):   x̄ = z̄ / (1 + exp(−x)) = z̄ (1 − exp(−z))."""
    xp = array_namespace(grad)
    return (lean.multiply_into(-xp.expm1(-conj_result(tensor, grad)), grad),)


def softmax_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = exp(x) / Σ exp(x) along `axis`:   x̄ = z ⊙ (z̄ − Σ z ⊙ z̄)."""
    z, axis = conj_result(tensor, grad), integers(tensor, "axis")
    found = _kernels.softmax_gradient(z, grad, axis)
    if found is not None:
        return (found,)
    g, axis = z * widened(grad), axis_along(z, axis)
    return (narrowed(lean.subtract_into(g, z * sum_along(g, axis)), grad),)


def log_softmax_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x − log Σ exp(x) along `axis`:   x̄ = z̄ − exp(z) Σ z̄."""
    z, axis = conj_result(tensor, grad), integers(tensor, "axis")
    found = _kernels.log_softmax_gradient(z, grad, axis)
    if found is not None:
        return (found,)
    xp = array_namespace(grad)
    g = widened(grad)
    return (narrowed(g - lean.multiply_into(xp.exp(widened(z)), sum_along(g, axis_along(z, axis))), grad),)


def gelu_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x Φ, Φ = (1 + tanh u) / 2, u = √(2/π) (x + 0.044715 x³):   x̄ = z̄ · (Φ + 2 z (1 − Φ) u′).

    Source: Hendrycks and Gimpel 2016, section 2.
    """
    found = _elements.gelu_gradient(conj_operand(tensor, grad), grad, GELU_SCALE, GELU_CUBIC)
    return (_times_slope(tensor, grad, _slope_of_gelu) if found is None else found,)


def _slope_of_gelu(x: Array, z: Array | None = None) -> Array:
    """1 − (Φ − 1) (a − 1), a = 2 z u′, z = x Φ: the same, in fewer steps. Over NumPy Φ is z / x, which spares the tanh."""
    found = None if z is None else _square_and_portion(x, z)
    if found is None:
        x = lean.clip(x, -_FAR, _FAR)  # farther out Φ is 0 or 1, and u′ may run over
        square = x * x
        u = lean.multiply_into(lean.add_into(square * GELU_CUBIC, GELU_SCALE), x)
        portion = lean.multiply_into(lean.add_into(lean.tanh_into(u), 1), 0.5)
        z = x * portion
    else:
        square, portion = found
    slope = lean.add_into(lean.multiply_into(square, 6 * GELU_CUBIC), 2 * GELU_SCALE)
    slope = lean.subtract_into(lean.multiply_into(slope, z), 1)
    return lean.subtract_from(1, lean.multiply_into(lean.subtract_into(portion, 1), slope))


def _square_and_portion(x: Array, z: Array) -> tuple[Array, Array] | None:
    """x² and Φ = z / x of NumPy's arrays; None where x² may run over, and of all others."""
    if not is_real_numpys(x):
        return None
    try:
        with numpy.errstate(over="raise", divide="raise", invalid="raise"):  # which costs no look at them
            return x * x, z / x
    except FloatingPointError:
        return None if (abs(x) > _FAR).any() else (x * x, lean.quotient(z, x, 0.5))
