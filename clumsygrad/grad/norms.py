"""Backward functions of norms. Where a norm is 0 its gradient is 0, as at every kink; nothing is divided by 0."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import lean
from .._beyond import singular_rtol
from ..xp import Array, array_namespace, is_complex
from ._read import GradientTuple, attribute, operand, or_one, reduced_axes, result, shape_kept

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["matrix_norm_backward", "vector_norm_backward"]


def vector_norm_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = (Σ |x|ᵖ)^(1/p) over `axis`:   x̄ = z̄ sign(x) (|x| / z)ᵖ⁻¹.   0 where z = 0, and where x = 0.

    p = 2: z̄ x / z. p = 1: z̄ sign(x). p = inf or −inf: z̄ sign(x) where |x| is the largest or smallest, shared equally. p = 0: 0.
    """
    xp = array_namespace(grad)
    x, ord = operand(tensor, grad), float(attribute(tensor, "ord"))  # a number of NumPy's would promote
    kept = shape_kept(tensor, x.shape)
    g, z = xp.reshape(grad, kept), xp.reshape(result(tensor, grad), kept)
    if ord == 0:
        return (xp.zeros_like(x),)
    if ord == 1:
        return (g * _sign(xp, x),)
    if ord == 2:
        return (x * (g / or_one(xp, z)),)
    if math.isinf(ord):
        return (_share(xp, xp.abs(x), reduced_axes(tensor, len(x.shape)), ord) * g * _sign(xp, x),)
    size = xp.abs(x)
    ratio = or_one(xp, size) / or_one(xp, z)
    return (xp.where(z == 0, xp.zeros_like(g), g) * ratio ** (ord - 1) * _sign(xp, x),)


def _sign(xp: Any, x: Array) -> Array:
    """x / |x|, and 0 at 0, where the sign of complex numbers is 0 / 0 in some libraries."""
    return x / or_one(xp, xp.abs(x)) if is_complex(x) else lean.sign(x)


def _share(xp: Any, x: Array, axes: tuple[int, ...], ord: float) -> Array:
    """1 at the largest (for a negative ord the smallest) of the positive numbers x over some axes; equal ones share.

    They count as equal up to rounding: a compiler may compute x twice, in ways that differ in the last place.
    """
    if not math.prod(x.shape):
        return x
    slack = 16 * float(xp.finfo(x.dtype).eps)
    if ord > 0:
        at = x >= xp.max(x, axis=axes, keepdims=True) * (1 - slack)
    else:
        at = x <= xp.min(x, axis=axes, keepdims=True) * (1 + slack)
    chosen = xp.astype(at, x.dtype)
    return chosen / xp.sum(chosen, axis=axes, keepdims=True)


def matrix_norm_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = a norm of X = U S Vᴴ:   "fro": X̄ = z̄ X / z.   "nuc": X̄ = z̄ U Vᴴ.   2, −2: X̄ = z̄ u vᴴ of the largest, smallest value.

    1, −1, inf, −inf: X̄ = z̄ sign(X) in the largest or smallest column or row. Equally large ones share it; singular values that are 0
    up to rounding get none. G. A. Watson, Characterization of the subdifferential of some matrix norms (1992).
    """
    xp = array_namespace(grad)
    x, ord = operand(tensor, grad), attribute(tensor, "ord")
    kept = (*x.shape[:-2], 1, 1)
    g = xp.reshape(grad, kept)
    if ord == "fro" or ord is None:
        return (x * (g / or_one(xp, xp.reshape(result(tensor, grad), kept))),)
    if ord in ("nuc", 2, -2):
        u, s, vh = xp.linalg.svd(x, full_matrices=False)
        counts = s > singular_rtol(s, x.shape) * s[..., :1]
        weights = xp.astype(counts, s.dtype)
        if ord != "nuc":
            weights = weights * _share(xp, s, (-1,), ord)
        weights = xp.reshape(weights, (*s.shape[:-1], 1, s.shape[-1])) * g
        return (xp.matmul(u * xp.astype(weights, u.dtype), vh),)
    summed, compared = (-2, -1) if abs(ord) == 1 else (-1, -2)
    sums = xp.sum(xp.abs(x), axis=summed, keepdims=True)
    return (_share(xp, sums, (compared,), ord) * g * _sign(xp, x),)
