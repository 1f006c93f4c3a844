"""Backward functions of what slides: vectors over one another, and windows along an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._sliding import added_back, convolved, correlated
from ..xp import Array
from ._read import GradientTuple, attribute, needs, operand, operands

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["convolve_backward", "correlate_backward", "sliding_window_view_backward"]


def convolve_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z_k = Σ_j a_{k + s − j} v_j:   ā_i = Σ_j z̄_{i + j − s} conj(v_j),   v̄_j = Σ_i z̄_{j + i − s} conj(a_i)."""
    a, v = operands(tensor, grad)
    need_a, need_v = needs(tensor)
    start = attribute(tensor, "start")
    return (
        correlated(grad, v, -start, a.shape[0]) if need_a else None,
        correlated(grad, a, -start, v.shape[0]) if need_v else None,
    )


def correlate_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z_k = Σ_j a_{j + k + s} conj(v_j):   ā_i = Σ_k z̄_k v_{i − k − s},   v̄_j = Σ_k a_{j + k + s} conj(z̄_k)."""
    a, v = operands(tensor, grad)
    need_a, need_v = needs(tensor)
    start = attribute(tensor, "start")
    return (
        convolved(grad, v, -start, a.shape[0]) if need_a else None,
        correlated(a, grad, start, v.shape[0]) if need_v else None,
    )


def sliding_window_view_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = what a window sees of x from each place:   x̄ = zeros, with z̄ added where the window saw it."""
    return (added_back(grad, attribute(tensor, "axis"), operand(tensor, grad).shape),)
