"""Backward functions of powers and the exponential of matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._beyond import adjoint, expm
from ..xp import Array, array_namespace
from ._read import GradientTuple, attribute, operand, or_one

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["expm_backward", "matrix_power_backward"]


def matrix_power_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """Z = Xⁿ:   X̄ = Σₖ Bᵏ Z̄ Bⁿ⁻¹⁻ᵏ, k = 0 ... n − 1, B = Xᴴ.   Z = Y⁻ⁿ with Y = X⁻¹: that of Y, then X̄ = −Yᴴ Ȳ Yᴴ.

    The sum grows with the power, by its doublings S₂ₘ = Bᵐ Sₘ + Sₘ Bᵐ and steps Sₘ₊₁ = B Sₘ + Z̄ Bᵐ: about 5 log₂ n products.
    """
    xp = array_namespace(grad)
    x, n = operand(tensor, grad), attribute(tensor, "n")
    if n == 0:
        return (xp.zeros_like(x),)
    base = adjoint(xp, xp.linalg.inv(x) if n < 0 else x)
    power, total = base, grad
    for bit in bin(abs(n))[3:]:  # those after the first, which is 1
        total = xp.matmul(power, total) + xp.matmul(total, power)
        power = xp.matmul(power, power)
        if bit == "1":
            total = xp.matmul(base, total) + xp.matmul(grad, power)
            power = xp.matmul(power, base)
    return (-xp.matmul(xp.matmul(base, total), base) if n < 0 else total,)


def expm_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """Z = exp(X):   X̄ = L(Xᴴ, Z̄), the Fréchet derivative: the upper right block of exp([[Xᴴ, Z̄], [0, Xᴴ]]).

    Z̄ is scaled to the size of 1, for which the exponential need not be scaled further. A. H. Al-Mohy and N. J. Higham, Computing the
    Fréchet derivative of the matrix exponential (2009), sections 3 and 4.
    """
    xp = array_namespace(grad)
    n = grad.shape[-1]
    if n == 0:
        return (grad,)
    base = adjoint(xp, operand(tensor, grad))
    size = xp.max(xp.abs(grad), axis=(-2, -1), keepdims=True)
    scale = xp.astype(or_one(xp, size), grad.dtype)
    upper = xp.concat([base, grad / scale], axis=-1)
    lower = xp.concat([xp.zeros_like(base), base], axis=-1)
    return (expm(xp.concat([upper, lower], axis=-2))[..., :n, n:] * scale,)
