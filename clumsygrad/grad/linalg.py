"""Backward functions of linear algebra: parts and products of matrices, factorisations, determinants, inverses, solutions.

Of complex matrices the gradient is ∂L/∂Re + i ∂L/∂Im, so that dL = Re Σ conj(X̄) dX. The sources give the differentials, mostly
of real matrices; M. B. Giles, An extended collection of matrix derivative results for forward and reverse mode AD (2008), has most of
them, C. Boeddeker et al., On the computation of complex-valued gradients (2017), the complex ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import lean
from .._beyond import (
    adjoint,
    adjugate,
    as_columns,
    cross,
    from_columns,
    inverse_of,
    lu_solve,
    outer,
    products_before,
    pseudo_inverse,
    solution,
    solve_triangular,
    triangle_of_outer,
)
from .._cholesky import cholesky_gradient, inverse_of_positive, less_outer
from ..xp import Array, array_namespace, conj, device, is_complex
from ._read import GradientTuple, attribute, floating_pair, kept, needs, operand, operands, pair, result, unbroadcast

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "adjugate_backward",
    "cholesky_backward",
    "cross_backward",
    "det_backward",
    "diagonal_backward",
    "inv_backward",
    "inv_quad_logdet_backward",
    "lstsq_backward",
    "outer_backward",
    "pinv_backward",
    "slogdet_backward",
    "solve_backward",
    "solve_triangular_backward",
    "trace_backward",
]

# Below this size, halving a triangular matrix again costs more in calls than it saves in work.
_HALVED = 96

# Parts and products ---------------------------------------------------------------------------------------------------------------


def diagonal_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = a diagonal of X:   X̄ = z̄ on that diagonal, 0 elsewhere."""
    xp = array_namespace(grad)
    return (_on_diagonal(xp, grad, operand(tensor, grad), attribute(tensor, "offset")),)


def trace_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Σ of a diagonal of X:   X̄ = z̄ on that diagonal, 0 elsewhere."""
    xp = array_namespace(grad)
    return (_on_diagonal(xp, xp.reshape(grad, (*grad.shape, 1)), operand(tensor, grad), attribute(tensor, "offset")),)


def _on_diagonal(xp: Any, values: Array, like: Array, offset: int) -> Array:
    """Zeros like some matrices, with values on a diagonal."""
    *batch, m, n = like.shape
    first, length = -min(offset, 0), min(m + min(offset, 0), n - max(offset, 0))
    if length <= 0:
        return xp.zeros_like(like)
    values = xp.broadcast_to(values, (*batch, length))
    made = lean.on_diagonal(values, like.shape, offset)
    if made is not None:
        return made
    column = xp.reshape(values, (*batch, length, 1))
    zeros = xp.zeros_like(like[..., :1])
    if length < m:
        column = xp.concat([zeros[..., :first, :], column, zeros[..., first + length :, :]], axis=-2)
    rows = xp.reshape(xp.arange(offset, m + offset, device=device(like)), (m, 1))
    return xp.where(rows == xp.arange(n, device=device(like)), column, zeros)


def outer_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """Z = x yᵀ:   x̄ = Z̄ conj(y),   ȳ = Z̄ᵀ conj(x)."""
    xp = array_namespace(grad)
    x, y = floating_pair(tensor, grad)
    need_x, need_y = needs(tensor)
    return (
        xp.matmul(grad, conj(xp, y)) if need_x else None,
        xp.matmul(xp.matrix_transpose(grad), conj(xp, x)) if need_y else None,
    )


def cross_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x × y:   x̄ = conj(y) × z̄,   ȳ = z̄ × conj(x)."""
    xp = array_namespace(grad)
    x, y = pair(tensor, grad)
    need_x, need_y = needs(tensor)
    axis = attribute(tensor, "axis")
    axis -= len(grad.shape) if axis >= 0 else 0
    return (
        unbroadcast(cross(conj(xp, y), grad, axis), x.shape) if need_x else None,
        unbroadcast(cross(grad, conj(xp, x), axis), y.shape) if need_y else None,
    )


# Factorisations, determinants, inverses -------------------------------------------------------------------------------------------


def cholesky_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """X = L Lᴴ, z = L:   X̄ = L⁻ᴴ Φ L⁻¹, Φ the Hermitian part of Lᴴ L̄'s lower triangle with half its diagonal.   (Of U = Lᴴ: L̄ = Ūᴴ.)

    Hermitian, since X is. Large matrices are halved until they are small, as in the blocked algorithm: a sixth of the products. I. Murray,
    Differentiation of the Cholesky decomposition (2016), sections 3.2 and 4; S. P. Smith (1995) for the idea of differentiating
    the algorithm.
    """
    xp = array_namespace(grad)
    z, g = result(tensor, grad), grad
    if attribute(tensor, "upper"):
        z, g = adjoint(xp, z), adjoint(xp, g)
    in_place = cholesky_gradient(z, g) if type(grad) is not type(tensor) else None
    return (_twice_cholesky_gradient(xp, z, g / 2) if in_place is None else in_place,)


def _twice_cholesky_gradient(xp: Any, l: Array, g: Array) -> Array:  # noqa: E741 (the factor's name)
    """2 X̄, for which only the lower triangle of g is read. Doubled, it is put together of blocks with no further factors."""
    n = l.shape[-1]
    if n <= _HALVED:
        lower = xp.tril(xp.matmul(adjoint(xp, l), g))
        weights = 1.0 - 0.5 * xp.eye(n, dtype=l.dtype, device=device(l))
        left = solve_triangular(l, (lower + adjoint(xp, lower)) * weights, lower=True, adjoint=True)
        return solve_triangular(l, adjoint(xp, left), lower=True, adjoint=True)
    k = n // 2
    first, row = l[..., :k, :k], l[..., k:, :k]
    last = _twice_cholesky_gradient(xp, l[..., k:, k:], g[..., k:, k:])
    below = g[..., k:, :k] - xp.matmul(last, row)
    beside = solve_triangular(first, adjoint(xp, below), lower=True, adjoint=True)
    upper = xp.concat([_twice_cholesky_gradient(xp, first, g[..., :k, :k] - xp.matmul(beside, row)), beside], axis=-1)
    return xp.concat([upper, xp.concat([adjoint(xp, beside), last], axis=-1)], axis=-2)


def det_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = det X:   X̄ = z̄ adj(X)ᴴ.   Jacobi's formula: right for singular X too."""
    xp = array_namespace(grad)
    adj = adjugate(operand(tensor, grad), result(tensor, grad))
    return (xp.reshape(grad, (*grad.shape, 1, 1)) * adjoint(xp, adj),)


def adjugate_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """Z = adj X:   X̄ = U D(W) Vᴴ,   X = U S Vᴴ,   W = conj(p) Vᴴ Z̄ U,   p = det(U) det(Vᴴ).

    In these coordinates adj is a diagonal of products of the singular values: D(W) has −Pᵢⱼ Wᵢⱼ beside the diagonal and Σₖ Pᵢₖ Wₖₖ on it,
    Pᵢⱼ the product of all singular values but the i-th and j-th (0 for i = j). Nothing is divided: right for any rank.
    G. W. Stewart, On the adjugate matrix (1998), has the decomposition.
    """
    xp = array_namespace(grad)
    u, s, vh = xp.linalg.svd(operand(tensor, grad), full_matrices=False)
    products = xp.astype(_products_but_two(xp, s), grad.dtype)
    phase = xp.linalg.det(u) * xp.linalg.det(vh)
    w = xp.matmul(xp.matmul(vh, grad), u) * xp.reshape(conj(xp, phase), (*phase.shape, 1, 1))
    on = xp.matmul(products, xp.reshape(xp.linalg.diagonal(w), (*s.shape, 1)))
    identity = xp.eye(s.shape[-1], dtype=grad.dtype, device=device(grad))
    return (xp.matmul(xp.matmul(u, on * identity - products * w), vh),)


def _products_but_two(xp: Any, s: Array) -> Array:
    """For every i ≠ j the product of all elements of s but the i-th and the j-th; 0 for i = j."""
    n = s.shape[-1]
    row = xp.reshape(s, (*s.shape[:-1], 1, n))
    above = xp.triu(xp.ones((n, n), dtype=s.dtype, device=device(s)), k=1)
    between = products_before(xp, row * above + (1 - above))
    before = xp.reshape(products_before(xp, s), (*s.shape, 1))
    after = xp.flip(products_before(xp, xp.flip(row, axis=-1)), axis=-1)
    products = above * between * before * after
    return products + xp.matrix_transpose(products)


def slogdet_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = log |det X|:   X̄ = z̄ X⁻ᴴ.   s = det X / |det X|:   X̄ = i Im(s̄ conj(s)) X⁻ᴴ, which is 0 for real X."""
    xp = array_namespace(grad)
    x = operand(tensor, grad)
    factors = kept(tensor, grad)
    if attribute(tensor, "index") == 0:
        if not is_complex(grad):
            return (xp.zeros_like(x),)
        turn = grad * conj(xp, result(tensor, grad))
        grad = (turn - conj(xp, turn)) / 2
    inverse = inverse_of(factors) if factors else xp.linalg.inv(x)
    return (xp.reshape(grad, (*grad.shape, 1, 1)) * adjoint(xp, inverse),)


def inv_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """Z = X⁻¹:   X̄ = −Zᴴ Z̄ Zᴴ."""
    xp = array_namespace(grad)
    z = adjoint(xp, result(tensor, grad))
    return (-xp.matmul(xp.matmul(z, grad), z),)


def pinv_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """Z = X⁺:   X̄ = −Zᴴ Z̄ Zᴴ + (I − X Z) Z̄ᴴ Z Zᴴ + Zᴴ Z Z̄ᴴ (I − Z X).

    For matrices whose rank stays what it is, full or not: G. H. Golub and V. Pereyra, The differentiation of pseudo-inverses and
    nonlinear least squares problems whose variables separate (1973), theorem 4.3.
    """
    xp = array_namespace(grad)
    x, z = operand(tensor, grad), result(tensor, grad)
    g, zh = adjoint(xp, grad), adjoint(xp, z)
    gz, zg = xp.matmul(g, z), xp.matmul(z, g)
    rows = xp.matmul(gz - xp.matmul(x, xp.matmul(z, gz)), zh)
    columns = xp.matmul(zh, zg - xp.matmul(xp.matmul(zg, z), x))
    return (rows + columns - xp.matmul(xp.matmul(zh, grad), zh),)


# Solutions --------------------------------------------------------------------------------------------------------------------------


def solve_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """Z = X⁻¹ Y:   Ȳ = X⁻ᴴ Z̄,   X̄ = −Ȳ Zᴴ.   From the factors of X that the forward pass left, where there are any."""
    xp = array_namespace(grad)
    x, y = pair(tensor, grad)
    need_x, need_y = needs(tensor)
    factors = kept(tensor, grad)
    g, z = as_columns(xp, grad, y), as_columns(xp, result(tensor, grad), y)
    gy = lu_solve(factors, g, True) if factors else solution(adjoint(xp, x), g)
    return (
        unbroadcast(outer(-gy, adjoint(xp, z)), x.shape) if need_x else None,
        _as_given(xp, gy, y) if need_y else None,
    )


def inv_quad_logdet_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = (tr Yᴴ X⁻¹ Y, log det X):   Ȳ = 2 z̄₁ W,   X̄ = z̄₂ X⁻¹ − z̄₁ W Wᴴ,   W = X⁻¹ Y.

    Hermitian, since X is; from the Cholesky factor of the forward pass. C. E. Rasmussen and C. K. I. Williams, Gaussian Processes for
    Machine Learning (2006), equation 5.9.
    """
    xp = array_namespace(grad)
    x, y = pair(tensor, grad)
    need_x, need_y = needs(tensor)
    factor, half = kept(tensor, grad) or _factor_and_half(xp, x, as_columns(xp, y, y))
    w = solve_triangular(factor, half, lower=True, adjoint=True)
    scale = xp.astype(grad, x.dtype)
    scaled = xp.reshape(scale[0, ...], (*grad.shape[1:], 1, 1)) * w
    gx = None
    if need_x:
        of_inverse = unbroadcast(scale[1, ...], tuple(x.shape[:-2]))
        gx = inverse_of_positive(factor, xp.reshape(of_inverse, (*x.shape[:-2], 1, 1)))
        if w.shape[:-2] == x.shape[:-2]:
            gx = less_outer(gx, scaled, adjoint(xp, w))
        else:
            gx = gx - unbroadcast(outer(scaled, adjoint(xp, w)), x.shape)
    return gx, _as_given(xp, 2 * scaled, y) if need_y else None


def _factor_and_half(xp: Any, x: Array, y: Array) -> tuple[Array, Array]:
    """The Cholesky factor L of x, and L⁻¹ y."""
    factor = xp.linalg.cholesky(x)
    return factor, solve_triangular(factor, y, lower=True)


def solve_triangular_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """Z = X⁻¹ Y:   Ȳ = X⁻ᴴ Z̄,   X̄ = −Ȳ Zᴴ on the triangle that was read.   Z = X⁻ᴴ Y:   Ȳ = X⁻¹ Z̄,   X̄ = −Z Ȳᴴ there."""
    xp = array_namespace(grad)
    x, y = pair(tensor, grad)
    need_x, need_y = needs(tensor)
    lower, of_adjoint = attribute(tensor, "lower"), attribute(tensor, "adjoint")
    unit = attribute(tensor, "unit_diagonal")
    g, z = as_columns(xp, grad, y), as_columns(xp, result(tensor, grad), y)
    gy = solve_triangular(x, g, lower=lower, adjoint=not of_adjoint, unit_diagonal=unit)
    gx = None
    if need_x:
        left, right = (z, gy) if of_adjoint else (gy, z)
        gx = unbroadcast(triangle_of_outer(-left, adjoint(xp, right), lower, unit), x.shape)
    return gx, _as_given(xp, gy, y) if need_y else None


def _as_given(xp: Any, g: Array, y: Array) -> Array:
    """A gradient in matrices, in the shape of the right side y."""
    return unbroadcast(from_columns(xp, g, y), y.shape)


def lstsq_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = X⁺ y:   ȳ = Pᴴ z̄,   X̄ = −ȳ zᴴ + r (P ȳ)ᴴ + (Pᴴ z)(z̄ − Xᴴ ȳ)ᴴ,   P = X⁺, r = y − X z.

    Of the residuals e = Σ |r|²: ȳ = 2 ē r, X̄ = −ȳ zᴴ; of the singular values: X̄ = U s̄ Vᴴ. For matrices whose rank stays what it is:
    Golub and Pereyra (1973), as for pinv.
    """
    xp = array_namespace(grad)
    x, y = operands(tensor, grad)
    need_x, need_y = needs(tensor)
    index = attribute(tensor, "index")
    if index == 3:
        u, vh = _singular_vectors(xp, tensor, grad, x)
        scale = xp.reshape(xp.astype(grad, x.dtype), (*grad.shape[:-1], 1, grad.shape[-1]))
        return xp.matmul(u * scale, vh) if need_x else None, xp.zeros_like(y) if need_y else None
    p = _pseudo_inverse(xp, tensor, grad, x)
    columns = as_columns(xp, y, y)
    z = xp.matmul(p, columns)
    r = columns - xp.matmul(x, z)
    if index == 1:
        gy = 2 * r * xp.expand_dims(as_columns(xp, xp.astype(grad, x.dtype), y), axis=-2)
        gx = -xp.matmul(gy, adjoint(xp, z))
    else:
        g, ph = as_columns(xp, grad, y), adjoint(xp, p)
        gy = xp.matmul(ph, g)
        outside = xp.matmul(xp.matmul(ph, z), adjoint(xp, g - xp.matmul(adjoint(xp, x), gy)))
        gx = outside + xp.matmul(r, adjoint(xp, xp.matmul(p, gy))) - xp.matmul(gy, adjoint(xp, z))
    return unbroadcast(gx, x.shape) if need_x else None, _as_given(xp, gy, y) if need_y else None


def _singular_vectors(xp: Any, tensor: Tensor, grad: Array, x: Array) -> tuple[Array, Array]:
    """U and Vᴴ of x: those of the forward pass; with a Tensor gradient, recorded ones."""
    if type(grad) is type(tensor):
        u, _, vh = xp.linalg.svd(x, full_matrices=False)
    else:
        u, vh = kept(tensor, grad)
    return u, vh


def _pseudo_inverse(xp: Any, tensor: Tensor, grad: Array, x: Array) -> Array:
    """X⁺ by the decomposition of the forward pass; with a Tensor gradient by pinv, whose rule is right for equal singular values too."""
    rtol = attribute(tensor, "rtol")
    found = kept(tensor, grad)
    if found is None:
        return xp.linalg.pinv(x, rtol=rtol)
    u, vh = found
    return pseudo_inverse(u, attribute(tensor, "outputs").singular_values, vh, x.shape, rtol)
