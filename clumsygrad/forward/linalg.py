"""Linear algebra except products and decompositions: determinants, inverses, solutions, norms, functions of matrices.

Matrices are the last two axes; all axes before are batches.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import _beyond, _cholesky, grad, lean
from .._beyond import of_library
from .._operands import raw
from .._operation import operation, wide_operation
from ..xp import Array, array_namespace

__all__ = [
    "LstsqResult",
    "SlogdetResult",
    "adjugate",
    "cholesky",
    "cross",
    "det",
    "diagonal",
    "expm",
    "inv",
    "lstsq",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "outer",
    "pinv",
    "slogdet",
    "solve",
    "solve_triangular",
    "trace",
    "vector_norm",
]

Axis = int | tuple[int, ...] | None


class SlogdetResult(NamedTuple):
    """A determinant as its sign (for complex matrices its phase) and the logarithm of its absolute value."""

    sign: Array
    logabsdet: Array


class LstsqResult(NamedTuple):
    """A solution by least squares, the sums of the squared residuals, and the rank and the singular values of the matrices."""

    solution: Array
    residuals: Array
    rank: Array
    singular_values: Array


# Parts and products -------------------------------------------------------------------------------------------------------------


@operation(grad.diagonal_backward)
def diagonal(x: Array, /, *, offset: int = 0) -> Array:
    """The elements x[..., i, i + offset] of matrices (..., m, n).

    >>> import clumsygrad as cg
    >>> cg.linalg.diagonal(cg.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Tensor(array([1., 4.]))
    """
    return of_library(x, "diagonal")(x, offset=offset)


@operation(grad.trace_backward)
def trace(x: Array, /, *, offset: int = 0, dtype: Any = None) -> Array:
    """The sum of the elements x[..., i, i + offset] of matrices (..., m, n); `dtype` is that of the sum.

    >>> import clumsygrad as cg
    >>> cg.linalg.trace(cg.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Tensor(array(5.))
    """
    return of_library(x, "trace")(x, offset=offset, dtype=dtype)


@operation(grad.cross_backward)
def cross(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    """The cross products of vectors of 3 elements along `axis`; the other axes broadcast.

    >>> import clumsygrad as cg
    >>> cg.linalg.cross(cg.asarray([1.0, 0.0, 0.0]), cg.asarray([0.0, 1.0, 0.0]))
    Tensor(array([0., 0., 1.]))
    """
    return _beyond.cross(x1, x2, axis)


@operation(grad.outer_backward)
def outer(x1: Array, x2: Array, /) -> Array:
    """The matrix (m, n) of all products of the elements of two vectors, x1 (m,) and x2 (n,); nothing is conjugated.

    >>> import clumsygrad as cg
    >>> cg.linalg.outer(cg.asarray([1.0, 2.0]), cg.asarray([3.0, 4.0]))
    Tensor(array([[3., 4.],
           [6., 8.]]))
    """
    return of_library(x1, "outer")(x1, x2)


# Factorisations, determinants, inverses ---------------------------------------------------------------------------------------------


@operation(grad.cholesky_backward)
def cholesky(x: Array, /, *, upper: bool = False) -> Array:
    """L, lower triangular with x = L Lᴴ, of Hermitian positive definite matrices (..., n, n); with `upper`, U = Lᴴ.

    Its gradient is Hermitian. Raises the library's error where x is not positive definite, if it has one.

    >>> import clumsygrad as cg
    >>> cg.linalg.cholesky(cg.asarray([[4.0, 2.0], [2.0, 2.0]]))
    Tensor(array([[2., 0.],
           [1., 1.]]))
    """
    return _cholesky.cholesky(x, upper)


@operation(grad.det_backward)
def det(x: Array, /) -> Array:
    """The determinants of matrices (..., n, n).

    The gradient is right for singular matrices too, and so is its own gradient. For large matrices use `slogdet`, which does
    not overflow, and whose gradient is cheaper.

    >>> import clumsygrad as cg
    >>> cg.linalg.det(cg.asarray([[2.0, 1.0], [0.0, 3.0]]))
    Tensor(array(6.))
    """
    return of_library(x, "det")(x)


@wide_operation(grad.adjugate_backward)
def adjugate(x: Array, /) -> Array:
    """The transposed matrices of the cofactors of matrices (..., n, n): adj(x) x = det(x) I, also where x is singular.

    (Not in the standard: the derivative of the determinant.)

    >>> import numpy as np, clumsygrad as cg
    >>> np.round(cg.linalg.adjugate(np.asarray([[1.0, 2.0], [3.0, 4.0]])), 12)
    array([[ 4., -2.],
           [-3.,  1.]])
    """
    return _beyond.adjugate(x)


@operation(grad.slogdet_backward, keeps=True)
def slogdet(x: Array, /) -> SlogdetResult:
    """The determinants of matrices (..., n, n) as (sign, logabsdet): det = sign · exp(logabsdet), with no overflow.

    The sign of complex matrices is the phase of their determinant, and has a gradient; the real sign has gradient 0.

    >>> import clumsygrad as cg
    >>> cg.linalg.slogdet(cg.asarray([[1.0, 0.0], [0.0, -1.0]]))
    SlogdetResult(sign=Tensor(array(-1.)), logabsdet=Tensor(array(0.)))
    """
    factors = _beyond.lu_factor(x)
    result = _beyond.slogdet_of(factors) if factors else of_library(x, "slogdet")(x)
    return SlogdetResult(*result), factors  # type: ignore[return-value]  # the factors are kept


@operation(grad.inv_backward)
def inv(x: Array, /) -> Array:
    """The inverses of matrices (..., n, n). To multiply by one, use `solve`. Raises the library's error, if any, where x is singular.

    >>> import clumsygrad as cg
    >>> cg.linalg.inv(cg.asarray([[2.0, 0.0], [0.0, 4.0]]))
    Tensor(array([[0.5 , 0.  ],
           [0.  , 0.25]]))
    """
    return of_library(x, "inv")(x)


def pinv(x: Array, /, *, rtol: float | Array | None = None) -> Array:
    """The Moore-Penrose pseudo-inverses (..., n, m) of matrices (..., m, n).

    Singular values below `rtol` (a number, or one for each matrix) times the largest count as 0; the default is max(m, n) times the
    dtype's eps. The gradient is that of matrices whose rank stays what it is.

    >>> import clumsygrad as cg
    >>> cg.linalg.pinv(cg.asarray([[2.0, 0.0], [0.0, 0.0]]))
    Tensor(array([[0.5, 0. ],
           [0. , 0. ]]))
    """
    return _pinv(x, rtol=raw(rtol))  # with no gradient, as results jump where it changes


@operation(grad.pinv_backward)
def _pinv(x: Array, /, *, rtol: float | Array | None) -> Array:
    return _beyond.pinv(x, rtol)


def matrix_rank(x: Array, /, *, rtol: float | Array | None = None) -> Array:
    """The number of singular values of matrices (..., m, n) above `rtol` times the largest; by default max(m, n) eps. No gradient.

    >>> import clumsygrad as cg
    >>> cg.linalg.matrix_rank(cg.ones((3, 2)))
    Tensor(array(1))
    """
    return _matrix_rank(x, rtol=raw(rtol))


@operation(None)
def _matrix_rank(x: Array, /, *, rtol: float | Array | None) -> Array:
    return of_library(x, "matrix_rank")(x, rtol=rtol)


# Solutions --------------------------------------------------------------------------------------------------------------------------


@operation(grad.solve_backward, keeps=True)
def solve(x1: Array, x2: Array, /) -> Array:
    """The z with x1 z = x2, for square matrices x1 (..., n, n).

    x2 is one vector (n,) or matrices (..., n, k); batches broadcast. (A stack of vectors is made matrices by `x2[..., None]`.) Raises
    the library's error, if it has one, where x1 is singular.

    >>> import clumsygrad as cg
    >>> cg.linalg.solve(cg.asarray([[2.0, 0.0], [0.0, 4.0]]), cg.asarray([2.0, 2.0]))
    Tensor(array([1. , 0.5]))
    """
    z, *factors = _beyond.solve(x1, x2)
    return z, tuple(factors)


@operation(grad.solve_triangular_backward)
def solve_triangular(a: Array, b: Array, /, *, lower: bool = False, adjoint: bool = False, unit_diagonal: bool = False) -> Array:
    """The x with a x = b, or with aᴴ x = b (`adjoint`), for triangular matrices a (..., n, n). (Not in the standard.)

    The one triangle of a that `lower` chooses is read, and differentiated; with `unit_diagonal` its diagonal counts as 1. b is one
    vector (n,) or matrices (..., n, k); batches broadcast. Uses the library's triangular solver (over NumPy that of SciPy; without
    SciPy the general one).

    >>> import clumsygrad as cg
    >>> cg.linalg.solve_triangular(cg.asarray([[2.0, 0.0], [1.0, 1.0]]), cg.asarray([2.0, 2.0]), lower=True)
    Tensor(array([1., 1.]))
    """
    xp = array_namespace(a)
    columns = _beyond.as_columns(xp, b, b)
    x = _beyond.solve_triangular(a, columns, lower=lower, adjoint=adjoint, unit_diagonal=unit_diagonal)
    return _beyond.from_columns(xp, x, b)


@operation(grad.inv_quad_logdet_backward, operands=("a", "y"), keeps=True)
def _inv_quad_logdet(a: Array, y: Array) -> Array:
    """What `linalg.inv_quad_logdet` gives, as one array. Keeps the Cholesky factor L and L⁻¹ y."""
    xp = array_namespace(a)
    factor = _cholesky.cholesky_triangle(a)
    half = _beyond.solve_triangular(factor, _beyond.as_columns(xp, y, y), lower=True)
    inv_quad = lean.sum_of_squares(half, (-2, -1))
    logdet = 2 * lean.sum(xp.log(xp.abs(lean.diagonal(factor))), -1)
    if logdet.shape != inv_quad.shape:
        logdet = xp.broadcast_to(logdet, inv_quad.shape)
    return lean.stack([inv_quad, logdet]), (factor, half)


@operation(grad.lstsq_backward, operands=("a", "b"), keeps=True)
def _lstsq(a: Array, b: Array, /, *, rtol: float | None) -> LstsqResult:
    """What `lstsq` gives. Keeps the singular vectors."""
    xp = array_namespace(a)
    u, s, vh = of_library(a, "svd")(a, full_matrices=False)
    inverse, rank = _beyond.inverse_singular_values(s, a.shape, rtol)
    columns = _beyond.as_columns(xp, b, b)
    scaled = xp.astype(inverse, a.dtype)[..., None] * xp.matmul(_beyond.adjoint(xp, u), columns)
    x = xp.matmul(_beyond.adjoint(xp, vh), scaled)
    residuals = xp.sum(xp.abs(columns - xp.matmul(a, x)) ** 2, axis=-2)
    x, residuals = [_beyond.from_columns(xp, part, b) for part in (x, residuals)]
    return LstsqResult(x, residuals, rank, s), (u, vh)  # type: ignore[return-value]  # the vectors are kept


def lstsq(a: Array, b: Array, /, rcond: float | None = None, *, rtol: float | None = None) -> LstsqResult:
    """The x of least norm among those for which |a x − b|² is least, of matrices a (..., m, n) of any rank. (Not in the standard.)

    b is one vector (m,) or matrices (..., m, k). Gives (solution, residuals, rank, singular_values): the residuals are the sums
    Σ |a x − b|² over each column; singular values below `rtol` times the largest count as 0 (default max(m, n) eps); `rcond` is
    what NumPy and others call `rtol`. All but the rank are differentiable, for matrices whose rank stays what it is.

    >>> import numpy as np, clumsygrad as cg
    >>> a = np.asarray([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    >>> np.round(cg.linalg.lstsq(a, np.asarray([1.0, 3.0, 5.0])).solution, 12)
    array([1., 2.])
    """
    result: LstsqResult = _lstsq(a, b, rtol=rcond if rtol is None else rtol)
    return result


# Norms ------------------------------------------------------------------------------------------------------------------------------


@operation(grad.vector_norm_backward)
def vector_norm(x: Array, /, *, axis: Axis = None, keepdims: bool = False, ord: float = 2) -> Array:
    """(Σ |x|^ord)^(1/ord) over `axis` (an axis, several, or all); ord inf and −inf are max |x| and min |x|, 0 counts what is not 0.

    The gradient is 0 where the norm is 0. Elements that are equally large (or small) share that of inf (and −inf).

    >>> import clumsygrad as cg
    >>> cg.linalg.vector_norm(cg.asarray([3.0, 4.0]))
    Tensor(array(5.))
    """
    return of_library(x, "vector_norm")(x, axis=axis, keepdims=keepdims, ord=ord)


@operation(grad.matrix_norm_backward)
def matrix_norm(x: Array, /, *, keepdims: bool = False, ord: float | str | None = "fro") -> Array:
    """The norms of matrices (..., m, n).

    "fro": √Σ |x|²; "nuc": the sum of the singular values; 2 and −2: the largest and the smallest of them; 1 and −1: the largest and
    the smallest sum of a column's |x|; inf and −inf: of a row's. The gradient is 0 where the norm is 0, and shared by what is equally
    large.

    >>> import clumsygrad as cg
    >>> cg.linalg.matrix_norm(cg.asarray([[3.0, 0.0], [4.0, 0.0]]))
    Tensor(array(5.))
    """
    return of_library(x, "matrix_norm")(x, keepdims=keepdims, ord=ord)


# Functions of matrices --------------------------------------------------------------------------------------------------------------


@operation(grad.matrix_power_backward)
def matrix_power(x: Array, n: int, /) -> Array:
    """The products of n factors x, for matrices (..., m, m); of −n inverses where n is negative; the identity where it is 0.

    >>> import clumsygrad as cg
    >>> cg.linalg.matrix_power(cg.asarray([[1.0, 1.0], [0.0, 1.0]]), 3)
    Tensor(array([[1., 3.],
           [0., 1.]]))
    """
    return of_library(x, "matrix_power")(x, n)


@wide_operation(grad.expm_backward)
def expm(x: Array, /) -> Array:
    """Σ xᵏ / k!, the exponential of matrices (..., n, n). (Not in the standard.)

    >>> import clumsygrad as cg
    >>> cg.linalg.expm(cg.asarray([[0.0, 1.0], [0.0, 0.0]]))
    Tensor(array([[1., 1.],
           [0., 1.]]))
    """
    return _beyond.expm(x)
