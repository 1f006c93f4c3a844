"""Backward functions of activations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..xp import Array, array_namespace, conj
from ._read import GradientTuple, attribute, operand, result

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "gelu_backward",
    "log_softmax_backward",
    "relu_backward",
    "sigmoid_backward",
    "softmax_backward",
]


def relu_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = max(x, 0):   x̄ = z̄ where x > 0, else 0 (at 0 too)."""
    xp = array_namespace(grad)
    return (xp.where(operand(tensor, grad) > 0, grad, xp.zeros_like(grad)),)


def sigmoid_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = 1 / (1 + exp(−x)):   x̄ = z̄ · z (1 − z)."""
    xp = array_namespace(grad)
    z = conj(xp, result(tensor, grad))
    return (grad * (z - z * z),)


def softmax_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = exp(x) / Σ exp(x) along `axis`:   x̄ = z ⊙ (z̄ − Σ z ⊙ z̄)."""
    xp = array_namespace(grad)
    z = result(tensor, grad)
    g = z * grad
    return (g - z * xp.sum(g, axis=attribute(tensor, "axis"), keepdims=True),)


def log_softmax_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x − log Σ exp(x) along `axis`:   x̄ = z̄ − exp(z) Σ z̄."""
    xp = array_namespace(grad)
    return (grad - xp.exp(result(tensor, grad)) * xp.sum(grad, axis=attribute(tensor, "axis"), keepdims=True),)


def gelu_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x (1 + t) / 2, t = tanh(u), u = √(2/π) (x + 0.044715 x³):   x̄ = z̄ · ((1 + t) + x (1 − t²) u′) / 2.

    Source: Hendrycks and Gimpel 2016, section 2.
    """
    xp = array_namespace(grad)
    x = operand(tensor, grad)
    square = x * x
    scale = math.sqrt(2 / math.pi)
    t = xp.tanh(x * (square * (0.044715 * scale) + scale))
    slope = square * (3 * 0.044715 * scale) + scale
    return (grad * (((t + 1) + x * slope * (1 - t * t)) * 0.5),)
