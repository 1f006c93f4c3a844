"""Backward functions of the decompositions of matrices.

skew(M) is the skew-Hermitian part (M − Mᴴ) / 2 of each matrix in a batch; ∘ is the elementwise product. A rule is called for one
result of its operation at a time; a loss of several gets the sum. With a raw gradient it uses the factors of the forward pass. With a
Tensor it factorises again, so that the factors depend on the operand: the same library factorises the same array in the same way.

Differences of eigenvalues below the rounding errors of the largest divide nothing: vectors of such values are an arbitrary basis of
the space they span, and a loss that does not depend on the basis has no gradient along its rotations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._beyond import adjoint, solve_triangular
from ..xp import Array, array_namespace, conj, kind
from ._read import GradientTuple, attribute, operand, result

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "eig_backward",
    "eigh_backward",
    "qr_backward",
    "svd_backward",
]

# Equal values that the libraries' algorithms separate by rounding alone lie at most this many rounding units of the largest one apart
# (37 were seen, in a projector of 400 rows).
ROUNDING = 64


# Parts that several rules share ---------------------------------------------------------------------------------------------------


def _is_raw(tensor: Tensor, grad: Array) -> bool:
    return type(grad) is not type(tensor)


def _rows(xp: Any, x: Array) -> Array:
    """A vector (..., n) as (..., 1, n), which scales columns."""
    return xp.expand_dims(x, axis=-2)


def _columns(xp: Any, x: Array) -> Array:
    """A vector (..., n) as (..., n, 1), which scales rows."""
    return xp.expand_dims(x, axis=-1)


def _rounding(xp: Any, values: Array) -> Array:
    """The size, for each batch of values (..., n), below which they are noise: (..., 1); (..., 0) where n is 0."""
    sizes = xp.abs(values)
    largest = xp.max(sizes, axis=-1, keepdims=True) if sizes.shape[-1] else sizes
    return largest * (ROUNDING * float(xp.finfo(sizes.dtype).eps))


def _reciprocal(xp: Any, x: Array, noise: Array) -> Array:
    """1 / x; 0 where |x| is noise."""
    small = xp.abs(x) <= noise
    return xp.where(small, xp.zeros_like(x), 1 / xp.where(small, xp.ones_like(x), x))


def _inverse_gaps(xp: Any, values: Array) -> Array:
    """Fᵢⱼ = 1 / (wⱼ − wᵢ); 0 on the diagonal and between equal values."""
    gaps = _rows(xp, values) - _columns(xp, values)
    return _reciprocal(xp, gaps, _columns(xp, _rounding(xp, values)))


def _twice_skew(xp: Any, x: Array) -> Array:
    return x - adjoint(xp, x)


# Eigenvectors ---------------------------------------------------------------------------------------------------------------------


def eigh_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """X = V diag(w) Vᴴ:   X̄ = V (diag(w̄) + F ∘ skew(Vᴴ V̄)) Vᴴ,   Fᵢⱼ = 1 / (wⱼ − wᵢ), 0 between equal ones.

    The skew-Hermitian part makes X̄ Hermitian: the gradient of a loss of Hermitian matrices. Source: Giles 2008, section 3.1;
    Boeddeker et al. 2017, for complex matrices.
    """
    xp = array_namespace(grad)
    w, v = attribute(tensor, "outputs") if _is_raw(tensor, grad) else xp.linalg.eigh(operand(tensor, grad))
    vh = adjoint(xp, v)
    if attribute(tensor, "index") == 0:
        return (xp.matmul(v * _rows(xp, grad), vh),)
    inner = _inverse_gaps(xp, w) * (_twice_skew(xp, xp.matmul(vh, grad)) / 2)
    return (xp.matmul(xp.matmul(v, inner), vh),)


def eig_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """X V = V diag(w), |vⱼ| = 1:   X̄ = V⁻ᴴ (diag(w̄) + conj(F) ∘ (M − Vᴴ V Re diag(M))) Vᴴ,   M = Vᴴ V̄,   Fᵢⱼ = 1 / (wⱼ − wᵢ).

    F is 0 between equal eigenvalues. The second term holds the lengths of the eigenvectors. A real X has the real part as its
    gradient. Source: Giles 2008, section 3.1 (without the lengths); Boeddeker et al. 2017, for complex matrices.
    """
    xp = array_namespace(grad)
    x = operand(tensor, grad)
    w, v = attribute(tensor, "outputs") if _is_raw(tensor, grad) else xp.linalg.eig(x)
    vh = adjoint(xp, v)
    if attribute(tensor, "index") == 0:
        inner = _columns(xp, grad) * vh
    else:
        lengths = _rows(xp, xp.sum(xp.real(conj(xp, v) * grad), axis=-2))
        m = xp.matmul(vh, grad) - xp.matmul(vh, v) * lengths
        inner = xp.matmul(conj(xp, _inverse_gaps(xp, w)) * m, vh)
    g = xp.linalg.solve(vh, inner)
    return (xp.real(g) if kind(x) == "real floating" else g,)


# QR -------------------------------------------------------------------------------------------------------------------------------


def qr_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """X = Q R, m ≥ n:   X̄ = (Q̄ + Q T) R⁻ᴴ,   T Hermitian, with the upper triangle of R̄ Rᴴ − Qᴴ Q̄ (of its diagonal the real part).

    For m < n this holds of X₁ and R₁, the first m columns; of the others R₂ = Qᴴ X₂, so that X̄₂ = Q R̄₂, and Q̄ gains X₂ R̄₂ᴴ, which
    is Q R₂ R̄₂ᴴ. R has a real diagonal, as LAPACK's has. Source: Seeger et al. 2017, on LQ, the transpose of this; Roberts and
    Roberts 2020, for complex matrices and m < n.
    """
    xp = array_namespace(grad)
    rows, columns = operand(tensor, grad).shape[-2:]
    of_q = attribute(tensor, "index") == 0
    if of_q and columns < grad.shape[-1]:
        raise _no_gradient("qr", f"the last {rows - columns} columns of Q", 'mode="complete"', 'mode="reduced"', "I − Q Qᴴ")
    q, r = _reduced_qr(xp, tensor, grad)
    k = min(rows, columns)
    square = r[..., :, :k]
    if of_q:
        inner = _mirrored(xp, -xp.matmul(adjoint(xp, q), grad))
        first, rest = _divided(xp, grad + xp.matmul(q, inner), square), xp.zeros_like(r[..., :, k:])
        return (xp.concat([first, rest], axis=-1) if rows < columns else first,)
    grad = grad[..., :k, :]
    product = xp.matmul(grad[..., :, :k], adjoint(xp, square))
    if rows >= columns:
        return (_divided(xp, xp.matmul(q, _mirrored(xp, product)), square),)
    rest = grad[..., :, k:]
    of_rest = xp.matmul(r[..., :, k:], adjoint(xp, rest))
    inner = of_rest + _mirrored(xp, product - of_rest)
    return (xp.concat([_divided(xp, xp.matmul(q, inner), square), xp.matmul(q, rest)], axis=-1),)


def _reduced_qr(xp: Any, tensor: Tensor, grad: Array) -> tuple[Array, Array]:
    """Q (..., m, k) and R (..., k, n), of either mode: both come from the same reflections, so their signs agree."""
    if not _is_raw(tensor, grad):
        return xp.linalg.qr(operand(tensor, grad), mode="reduced")  # type: ignore[no-any-return]
    q, r = attribute(tensor, "outputs")
    k = min(q.shape[-2], r.shape[-1])
    return q[..., :, :k], r[..., :k, :]


def _mirrored(xp: Any, x: Array) -> Array:
    """The Hermitian matrix with the upper triangle of x, and the real part of its diagonal."""
    ones = xp.ones_like(xp.real(x))
    half = x * ((xp.triu(ones) + xp.triu(ones, k=1)) / 2)
    return half + adjoint(xp, half)


def _divided(xp: Any, x: Array, r: Array) -> Array:
    """x R⁻ᴴ, of an upper triangle R: solved from R y = xᴴ."""
    return adjoint(xp, solve_triangular(r, adjoint(xp, x), lower=False))


def _no_gradient(name: str, what: str, how: str, instead: str, projector: str) -> NotImplementedError:
    return NotImplementedError(
        f"{name}: {what} (of {how}) have no gradient: they can be any basis of what the others leave. "
        f"Use {instead}, and for a projector onto the rest {projector}"
    )


# Singular vectors -----------------------------------------------------------------------------------------------------------------


def svd_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """X = U diag(s) Vᴴ:   X̄ = U (diag(s̄) + (F + H) ∘ skew(Uᴴ Ū) + (F − H) ∘ skew(Vᴴ V̄)) Vᴴ + P Ū S⁻¹ Vᴴ + U S⁻¹ V̄ᴴ P'.

    P = I − U Uᴴ and P' = I − V Vᴴ, one of which is 0; Fᵢⱼ = 1 / (sⱼ − sᵢ) and Hᵢⱼ = 1 / (sⱼ + sᵢ), whose sum and difference are
    2 sⱼ and 2 sᵢ over sⱼ² − sᵢ². Apart, each is 0 only where it would divide by rounding errors: F, for U and V turning together,
    between equal values; H, for one turning against the other, between zeros; S⁻¹ at zeros. The gradient of a value that is 0
    is taken as 0. Source: Townsend 2016; Boeddeker et al. 2017, for complex matrices.
    """
    xp = array_namespace(grad)
    index = attribute(tensor, "index")
    rows, columns = operand(tensor, grad).shape[-2:]
    k = min(rows, columns)
    if index == 0 and k < grad.shape[-1]:
        raise _no_gradient("svd", f"the last {rows - k} columns of U", "full_matrices=True", "full_matrices=False", "I − U Uᴴ")
    if index == 2 and k < grad.shape[-2]:
        raise _no_gradient("svd", f"the last {columns - k} rows of Vh", "full_matrices=True", "full_matrices=False", "I − Vhᴴ Vh")
    u, s, vh = _reduced_svd(xp, tensor, grad)
    if index == 1:
        return (xp.matmul(u * _rows(xp, xp.where(s == 0, xp.zeros_like(grad), grad)), vh),)
    noise = _rounding(xp, s)
    together = _inverse_gaps(xp, s)
    against = _reciprocal(xp, _rows(xp, s) + _columns(xp, s), _columns(xp, noise))
    inverse = _reciprocal(xp, s, noise)
    if index == 0:
        m = xp.matmul(adjoint(xp, u), grad)
        left = xp.matmul(u, (together + against) * (_twice_skew(xp, m) / 2))
        if rows > columns:
            left = left + (grad - xp.matmul(u, m)) * _rows(xp, inverse)
        return (xp.matmul(left, vh),)
    m = xp.matmul(grad, adjoint(xp, vh))
    right = xp.matmul((against - together) * (_twice_skew(xp, m) / 2), vh)
    if rows < columns:
        right = right + (grad - xp.matmul(m, vh)) * _columns(xp, inverse)
    return (xp.matmul(u, right),)


def _reduced_svd(xp: Any, tensor: Tensor, grad: Array) -> tuple[Array, Array, Array]:
    """U (..., m, k), s and Vh (..., k, n), where `full_matrices` gave more too.

    Factorised again for a recorded gradient, the full and the reduced U may differ in phase, and the full one would call for
    gradients that it lacks: there the one is as it was, and the other follows from U s = X Vhᴴ.
    """
    full, index = attribute(tensor, "full_matrices"), attribute(tensor, "index")
    if _is_raw(tensor, grad):
        u, s, vh = attribute(tensor, "outputs")
        k = s.shape[-1]
        return u[..., :, :k], s, vh[..., :k, :]
    x = operand(tensor, grad)
    if index == 1 or not full or x.shape[-2] == x.shape[-1]:
        return xp.linalg.svd(x, full_matrices=full and index != 1)  # type: ignore[no-any-return]
    s = xp.linalg.svdvals(x)
    inverse = _reciprocal(xp, s, _rounding(xp, s))
    known = result(tensor, grad)
    if index == 0:
        return known, s, xp.matmul(adjoint(xp, known), x) * _columns(xp, inverse)
    return xp.matmul(x, adjoint(xp, known)) * _rows(xp, inverse), s, known
