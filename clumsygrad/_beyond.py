"""Linear algebra that the array API standard lacks, and that every library spells its own way, or has not at all.

Each function takes raw arrays, or Tensors: of those it is the recorded operation of the same name in clumsygrad.linalg. So a backward
function may call it in both worlds, as it calls what the standard has.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from . import lean
from . import xp as _xp
from .xp import Array, array_namespace, conj, device, numpy, optional

# Below this size one call of NumPy's general solver for a whole batch beats a triangular solver called for each matrix.
_SMALL = 32

_LETTERS = {"f": "s", "d": "d", "F": "c", "D": "z"}

# Rows of a triangle at a time: half of the square at the end of each such stripe is computed in vain.
_ROWS = 64


def of_library(x: Array, name: str) -> Callable[..., Any]:
    """The function `name` of linear algebra in the library of x. Raises NotImplementedError where it has none."""
    xp = array_namespace(x)
    try:
        function: Callable[..., Any] = getattr(xp.linalg, name)
    except AttributeError:
        raise NotImplementedError(
            f"{name}: {_xp.name_of(xp)} has no linalg.{name}: compute it in a library that has one, x.to('numpy') for example"
        ) from None
    return function


def adjoint(xp: Any, x: Array) -> Array:
    """xᴴ: matrices transposed and conjugated."""
    return conj(xp, xp.matrix_transpose(x))


def as_columns(xp: Any, x: Array, right: Array) -> Array:
    """x with one more axis, where the right side of a system was one vector: then it is a matrix of one column, as `right` itself."""
    return xp.reshape(x, (*x.shape, 1)) if len(right.shape) == 1 else x


def from_columns(xp: Any, x: Array, right: Array) -> Array:
    """The opposite of `as_columns`."""
    return xp.reshape(x, x.shape[:-1]) if len(right.shape) == 1 else x


def products_before(xp: Any, x: Array) -> Array:
    """Along the last axis, the product of all elements before each one."""
    return xp.cumulative_prod(x, axis=-1, include_initial=True)[..., :-1] if x.shape[-1] else x


def is_recorded(*operands: Array) -> bool:
    return any(_xp.is_wrapper(x) for x in operands)


@functools.cache
def _scipy_linalg() -> Any:
    """scipy.linalg, or None where SciPy is not installed."""
    try:
        return optional("scipy.linalg")
    except ModuleNotFoundError:
        return None


def _batch(a: Array, b: Array) -> tuple[int, ...]:
    """The shape of the stack that two stacks of matrices broadcast to."""
    return tuple(numpy.broadcast_shapes(tuple(a.shape[:-2]), tuple(b.shape[:-2])))


def _letter(x: Array) -> str:
    """The letter by which BLAS and LAPACK call a NumPy array's dtype; "" for one that they do not have."""
    return _LETTERS.get(x.dtype.char, "")


def blas(x: Array, name: str) -> Any:
    """BLAS's function of that name for a NumPy array's dtype, by SciPy."""
    return getattr(_scipy_linalg().blas, f"{_letter(x)}{name}")


def lapack(x: Array, name: str) -> Any:
    """LAPACK's function of that name for a NumPy array's dtype, by SciPy."""
    return getattr(_scipy_linalg().lapack, f"{_letter(x)}{name}")


# Triangular systems -------------------------------------------------------------------------------------------------------------


def solve_triangular(a: Array, b: Array, *, lower: bool, adjoint: bool = False, unit_diagonal: bool = False) -> Array:
    """x of a x = b (or of aᴴ x = b), of which a's one triangle is read; b holds matrices."""
    if is_recorded(a, b):
        solve = array_namespace(a).linalg.solve_triangular
        return solve(a, b, lower=lower, adjoint=adjoint, unit_diagonal=unit_diagonal)
    return _TRIANGULAR.get(_xp.library_of(a), _triangular_by_solve)(a, b, lower, adjoint, unit_diagonal)


def outer(x: Array, y: Array) -> Array:
    """x y; of one column and one row elementwise, which takes half the time."""
    if x.shape[-1] != 1:
        return array_namespace(x).matmul(x, y)
    return x * y


def cross(x: Array, y: Array, axis: int) -> Array:
    """The cross products of vectors along `axis`; of a few, NumPy's own function takes three times as long."""
    if type(x) is type(y) is numpy.ndarray and x.shape == y.shape and x.shape[axis : axis + 1 or None] == (3,):
        (x0, x1, x2), (y0, y1, y2) = x.swapaxes(axis, 0), y.swapaxes(axis, 0)
        return numpy.stack([x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0]).swapaxes(axis, 0)
    return of_library(x, "cross")(x, y, axis=axis)


def triangle_of_outer(x: Array, y: Array, lower: bool, unit_diagonal: bool) -> Array:
    """The one triangle of the square matrices x y, without a unit diagonal; of a large NumPy matrix little of the other is computed."""
    if type(x) is not numpy.ndarray or x.ndim != 2 or y.ndim != 2 or len(x) <= _ROWS:
        xp, z = array_namespace(x), outer(x, y)
        return xp.tril(z, k=-int(unit_diagonal)) if lower else xp.triu(z, k=int(unit_diagonal))
    z = numpy.empty((len(x), len(x)), dtype=x.dtype)
    for start in range(0, len(x), _ROWS):
        rows = slice(start, start + _ROWS)
        read = slice(start + _ROWS) if lower else slice(start, None)
        if x.shape[-1] == 1:  # twice as fast as a product that broadcasts
            numpy.einsum("i,j->ij", x[rows, 0], y[0, read], out=z[rows, read])
        else:
            numpy.matmul(x[rows], y[:, read], out=z[rows, read])
    return clear_triangle(z, lower, unit_diagonal)


def clear_triangle(x: Array, lower: bool, unit_diagonal: bool) -> Array:
    """x, one large NumPy matrix, with 0 written to all but the one triangle, and to the diagonal if that is said to be of ones."""
    below = numpy.tri(_ROWS, k=int(unit_diagonal) - 1, dtype=bool)
    cleared = below.T if lower else below
    for start in range(0, len(x), _ROWS):
        rows = slice(start, start + _ROWS)
        x[rows, slice(start + _ROWS, None) if lower else slice(start)] = 0
        square = x[rows, rows]
        numpy.copyto(square, 0, where=cleared[: len(square), : len(square)])
    return x


def _triangular_by_solve(a: Array, b: Array, lower: bool, transposed: bool, unit_diagonal: bool) -> Array:
    """In a library without a triangular solver: by its general one."""
    xp = array_namespace(a)
    a = xp.tril(a) if lower else xp.triu(a)
    if unit_diagonal:
        a = xp.where(xp.eye(a.shape[-1], dtype=xp.bool, device=device(a)), xp.ones_like(a), a)
    return solution(adjoint(xp, a) if transposed else a, b)


def solution(a: Array, b: Array) -> Array:
    """The library's solution x of a x = b, b matrices, of stacks that are broadcast here, since CuPy's solver does not; recorded."""
    xp = array_namespace(a)
    if a.shape[:-2] != b.shape[:-2] and not is_recorded(a, b):
        batch = _batch(a, b)
        a, b = (xp.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (a, b))
    return xp.linalg.solve(a, b)


def _triangular_numpy(a: Array, b: Array, lower: bool, transposed: bool, unit_diagonal: bool) -> Array:
    """SciPy's BLAS, matrix by matrix; without SciPy, or of many small matrices, NumPy's general solver."""
    batch, (n, k) = () if a.ndim == b.ndim == 2 else _batch(a, b), b.shape[-2:]
    if _scipy_linalg() is None or not _letter(a) or a.dtype != b.dtype or (batch and n < _SMALL) or not n * k * math.prod(batch):
        return _triangular_by_solve(a, b, lower, transposed, unit_diagonal)
    if not unit_diagonal and not a.diagonal(0, -2, -1).all():
        raise numpy.linalg.LinAlgError("solve_triangular: there is a 0 on the diagonal: the matrix is singular")
    if not batch:
        return _by_blas(a, b, lower, transposed, unit_diagonal)
    x = numpy.empty((*batch, n, k), dtype=b.dtype)
    a, b = numpy.broadcast_to(a, (*batch, n, n)), numpy.broadcast_to(b, (*batch, n, k))
    for i in numpy.ndindex(*batch):
        x[i] = _by_blas(a[i], b[i], lower, transposed, unit_diagonal)
    return x


def _by_blas(a: Array, b: Array, lower: bool, transposed: bool, unit_diagonal: bool) -> Array:
    """BLAS reads columns where NumPy writes rows: a in rows is handed to it as aᵀ, and b so that little is copied."""
    in_columns = a.flags.f_contiguous
    stored, lower = (a, lower) if in_columns else (a.T, not lower)
    real = a.dtype.kind == "f"
    if b.shape[-1] == 1 and (real or in_columns or not transposed):
        trans = (2 if transposed else 0) if in_columns else int(not transposed)
        return blas(a, "trsv")(stored, b[:, 0], lower=lower, trans=trans, diag=unit_diagonal)[:, None]
    trsm = blas(a, "trsm")
    if in_columns:
        return trsm(1.0, stored, b, side=0, lower=lower, trans_a=2 if transposed else 0, diag=unit_diagonal)
    if b.flags.f_contiguous and real:
        return trsm(1.0, stored, b, side=0, lower=lower, trans_a=0 if transposed else 1, diag=unit_diagonal)
    return trsm(1.0, stored, b.T, side=1, lower=lower, trans_a=2 if transposed else 0, diag=unit_diagonal).T


def _triangular_torch(a: Array, b: Array, lower: bool, transposed: bool, unit_diagonal: bool) -> Array:
    solve = optional("torch").linalg.solve_triangular
    return solve(a.mH if transposed else a, b, upper=lower == transposed, unitriangular=unit_diagonal)


def _triangular_jax(a: Array, b: Array, lower: bool, transposed: bool, unit_diagonal: bool) -> Array:
    xp, batch = array_namespace(a), _batch(a, b)
    a, b = xp.broadcast_to(a, (*batch, *a.shape[-2:])), xp.broadcast_to(b, (*batch, *b.shape[-2:]))
    solve = optional("jax").lax.linalg.triangular_solve
    return solve(a, b, left_side=True, lower=lower, transpose_a=transposed, conjugate_a=transposed, unit_diagonal=unit_diagonal)


def _triangular_cupy(a: Array, b: Array, lower: bool, transposed: bool, unit_diagonal: bool) -> Array:
    """cuBLAS for one matrix; of a stack the general solver, which CuPy has for all at once."""
    if _batch(a, b) or not b.size:
        return _triangular_by_solve(a, b, lower, transposed, unit_diagonal)
    solve = optional("cupyx.scipy.linalg").solve_triangular
    return solve(a, b, trans=2 if transposed else 0, lower=lower, unit_diagonal=unit_diagonal, check_finite=False)


def _triangular_dask(a: Array, b: Array, lower: bool, transposed: bool, unit_diagonal: bool) -> Array:
    """Dask's, which has one matrix, and divides by the diagonal."""
    xp = array_namespace(a)
    if unit_diagonal:
        a = xp.where(xp.eye(a.shape[-1], dtype=xp.bool), xp.ones_like(a), a)
    return optional("dask.array").linalg.solve_triangular(adjoint(xp, a) if transposed else a, b, lower=lower != transposed)


_TRIANGULAR: dict[str, Callable[..., Any]] = {
    "numpy": _triangular_numpy,
    "torch": _triangular_torch,
    "jax": _triangular_jax,
    "cupy": _triangular_cupy,
    "dask": _triangular_dask,
}


# Factorisations that are kept ---------------------------------------------------------------------------------------------------


def lu_factor(a: Array) -> tuple[Array, ...]:
    """The LU factorisation of a, in the form that the functions below read; () where the library, or this form of a, has none to keep.

    Of a singular matrix too: its last factor has a 0 on the diagonal.
    """
    library = _xp.library_of(a)
    if library == "torch":
        return tuple(optional("torch").linalg.lu_factor_ex(a))[:2]
    if library == "jax":
        return tuple(optional("jax").scipy.linalg.lu_factor(a))
    if is_large_for_scipy(a):
        lu, pivots, _ = lapack(a, "getrf")(a.T)
        return lu, pivots
    return ()


def _check_regular(lu: Array) -> None:
    """Raise where the library's own solver does: NumPy's and torch's."""
    library, xp = _xp.library_of(lu), array_namespace(lu)
    if library in ("numpy", "torch") and bool(xp.any(xp.linalg.diagonal(lu) == 0)):
        raise optional(library).linalg.LinAlgError("Singular matrix")


def solve(a: Array, b: Array) -> tuple[Array, ...]:
    """x of a x = b, b one vector or matrices; and after it the factors of a, where they are kept."""
    xp = array_namespace(a)
    factors = lu_factor(a) if a.dtype == b.dtype else ()  # which would cast b to the dtype of a
    columns = as_columns(xp, b, b)
    if factors:
        _check_regular(factors[0])
        x = lu_solve(factors, columns)
    else:
        of_library(a, "solve")
        x = solution(a, columns)
    return from_columns(xp, x, b), *factors


def slogdet_of(factors: tuple[Array, ...]) -> tuple[Array, Array]:
    """The sign and the logarithm of the absolute value of the determinant of a factorised matrix."""
    lu, pivots = factors
    xp = array_namespace(lu)
    diagonal = xp.linalg.diagonal(lu)
    singular = xp.any(diagonal == 0, axis=-1)
    first = 1 if _xp.library_of(lu) == "torch" else 0
    places = xp.arange(first, lu.shape[-1] + first, dtype=pivots.dtype, device=device(lu))
    swaps = xp.sum(xp.astype(pivots != places, diagonal.dtype), axis=-1)
    sign = xp.prod(lean.sign(diagonal), axis=-1) * xp.cos(swaps * math.pi)
    size = xp.sum(xp.log(xp.abs(xp.where(diagonal == 0, xp.ones_like(diagonal), diagonal))), axis=-1)
    return sign, xp.where(singular, xp.full_like(size, -math.inf), size)


def inverse_of(factors: tuple[Array, ...]) -> Array:
    """The inverse of a factorised matrix."""
    lu = factors[0]
    xp = array_namespace(lu)
    _check_regular(lu)
    return lu_solve(factors, xp.eye(lu.shape[-1], dtype=lu.dtype, device=device(lu)))


def lu_solve(factors: tuple[Array, ...], b: Array, adjoint: bool = False) -> Array:
    """x of a x = b (or of aᴴ x = b), a given by what `lu_factor` made of it; b holds matrices."""
    lu, pivots = factors
    library = _xp.library_of(b)
    if library == "torch":
        return optional("torch").linalg.lu_solve(lu, pivots, b, adjoint=adjoint)
    if library == "jax":
        xp, batch = array_namespace(b), _batch(lu, b)
        lu, pivots = xp.broadcast_to(lu, (*batch, *lu.shape[-2:])), xp.broadcast_to(pivots, (*batch, pivots.shape[-1]))
        b = xp.broadcast_to(b, (*batch, *b.shape[-2:]))
        return optional("jax").scipy.linalg.lu_solve((lu, pivots), b, trans=2 if adjoint else 0)
    return _lu_solve_numpy(lu, pivots, b, adjoint)


def _lu_solve_numpy(lu: Array, pivots: Array, b: Array, transposed: bool) -> Array:
    """LAPACK was handed aᵀ, whose rows are the columns it reads: so a is its transpose here, and aᴴ its conjugate."""
    columns = numpy.moveaxis(b, -2, 0).reshape(b.shape[-2], -1)  # of all matrices side by side
    getrs = lapack(lu, "getrs")
    if transposed:
        x = conj(numpy, getrs(lu, pivots, conj(numpy, columns), trans=0)[0])
    else:
        x = getrs(lu, pivots, columns, trans=1)[0]
    return x if b.ndim == 2 else numpy.moveaxis(x.reshape(b.shape[-2], *b.shape[:-2], b.shape[-1]), 0, -2)


def is_large_for_scipy(a: Array) -> bool:
    """Whether a is one matrix of NumPy's, large enough that calling SciPy's LAPACK pays."""
    if _xp.library_of(a) != "numpy" or a.ndim != 2 or min(a.shape) < _SMALL or a.shape[0] != a.shape[1] or not _letter(a):
        return False
    return _scipy_linalg() is not None


def singular_rtol(s: Array, shape: tuple[int, ...]) -> float:
    """Below which share of the largest a singular value of matrices of `shape` counts as 0."""
    return max(shape[-2:]) * float(array_namespace(s).finfo(s.dtype).eps)


def inverse_singular_values(s: Array, shape: tuple[int, ...], rtol: Any) -> tuple[Array, Array]:
    """1/s, 0 of those singular values that count as 0 in matrices of `shape`; and the number of the others."""
    xp = array_namespace(s)
    counts = s > (singular_rtol(s, shape) if rtol is None else rtol) * s[..., :1]
    return xp.where(counts, 1 / xp.where(counts, s, xp.ones_like(s)), xp.zeros_like(s)), xp.count_nonzero(counts, axis=-1)


def pseudo_inverse(u: Array, s: Array, vh: Array, shape: tuple[int, ...], rtol: Any) -> Array:
    """The pseudo-inverses of matrices of `shape`, given by their singular vectors and values."""
    xp = array_namespace(s)
    inverse = xp.astype(inverse_singular_values(s, shape, rtol)[0], u.dtype)
    return xp.matmul(adjoint(xp, vh) * inverse[..., None, :], adjoint(xp, u))


def pinv(x: Array, rtol: Any) -> Array:
    """The library's pseudo-inverses; over CuPy, whose own waits to read how many singular values it drops, from those here."""
    if _xp.library_of(x) != "cupy":
        return of_library(x, "pinv")(x, rtol=rtol)
    u, s, vh = of_library(x, "svd")(x, full_matrices=False)
    return pseudo_inverse(u, s, vh, x.shape, rtol[..., None] if _xp.is_array(rtol) else rtol)


# Functions of matrices ----------------------------------------------------------------------------------------------------------


def adjugate(x: Array, det: Array | None = None) -> Array:
    """The matrix whose product with x is det(x) times the identity, also where x is singular. `det` is that, if it is known.

    Of small matrices the transposed cofactors. Of others, x = Q R gives adj(x) = det(Q) adj(R) Qᴴ; zeros on the diagonal of R become tiny
    numbers, which R's rounding exceeds. NumPy's det(x) x⁻¹ is as good, since a tiny last pivot cancels, unless it is 0.
    """
    xp = array_namespace(x)
    if not math.prod(x.shape):
        return xp.zeros_like(x)
    if x.shape[-1] <= 3:
        return _small_adjugate(xp, x)
    if is_recorded(x):
        return xp.linalg.adjugate(x)
    if type(x) is numpy.ndarray:
        z = _det_times_inverse(x, det)
        if z is not None:
            return z
    q, r = of_library(x, "qr")(x)
    diagonal = xp.linalg.diagonal(r)
    size = xp.max(xp.abs(r), axis=(-2, -1))[..., None]
    tiny = xp.where(size == 0, xp.ones_like(size), size) * xp.finfo(x.dtype).eps
    lift = xp.where(diagonal == 0, xp.astype(tiny, x.dtype), xp.zeros_like(diagonal))
    identity = xp.eye(x.shape[-1], dtype=x.dtype, device=device(x))
    inverse = solve_triangular(r + lift[..., None] * identity, adjoint(xp, q), lower=False)
    return (xp.linalg.det(q) * xp.prod(diagonal + lift, axis=-1))[..., None, None] * inverse


def _small_adjugate(xp: Any, x: Array) -> Array:
    """Of matrices up to 3 by 3. With rows and columns repeated, cyclically, each cofactor is one 2 by 2 determinant of neighbours."""
    n = x.shape[-1]
    if n == 1:
        return xp.ones_like(x)
    if n == 2:
        (a, b), (c, d) = [[x[..., i, j] for j in (0, 1)] for i in (0, 1)]
        flat = xp.stack([d, -b, -c, a], axis=-1)
        return xp.reshape(flat, x.shape)
    p = xp.concat([x, x[..., :2, :]], axis=-2)
    p = xp.concat([p, p[..., :2]], axis=-1)
    near, far = slice(1, 4), slice(2, 5)
    return xp.matrix_transpose(p[..., near, near] * p[..., far, far] - p[..., near, far] * p[..., far, near])


def _det_times_inverse(x: Array, det: Array | None) -> Array | None:
    """None where a matrix is singular to the last bit."""
    try:
        z = (numpy.linalg.det(x) if det is None else det)[..., None, None] * numpy.linalg.inv(x)
    except numpy.linalg.LinAlgError:
        return None
    return z if numpy.isfinite(z).all() else None


def expm(x: Array) -> Array:
    """The exponential of matrices."""
    if is_recorded(x):
        return array_namespace(x).linalg.expm(x)
    library = _xp.library_of(x)
    if library == "torch":
        return optional("torch").linalg.matrix_exp(x)
    if library == "jax":
        return optional("jax").scipy.linalg.expm(x)
    if library == "numpy" and _scipy_linalg() is not None:
        return _scipy_linalg().expm(x)
    return _expm_by_pade(x)


# Of the Padé approximant of degree 13 to eˣ, and the 1-norm up to which it is exact in float64: N. J. Higham, The scaling and squaring
# method for the matrix exponential revisited, SIAM J. Matrix Anal. Appl. 26 (2005), tables 2.1 and 2.3.
_PADE = tuple([math.comb(13, k) * math.factorial(26 - k) // math.factorial(13) for k in range(14)])
_PADE_NORM = 5.371920351148152


def _expm_by_pade(x: Array) -> Array:
    """By scaling and squaring, in nothing but array API functions: for CuPy, whose own is for one real matrix, and for the others."""
    xp = array_namespace(x)
    if not math.prod(x.shape):
        return x
    norm = xp.max(xp.sum(xp.abs(x), axis=-2), axis=-1)
    large = (norm > _PADE_NORM) & xp.isfinite(norm)  # of what is not finite the result is nan, however often it is squared
    squarings = xp.ceil(xp.log2(xp.where(large, norm, xp.full_like(norm, _PADE_NORM)) / _PADE_NORM))
    x = x / xp.astype(2**squarings, x.dtype)[..., None, None]
    identity = xp.eye(x.shape[-1], dtype=x.dtype, device=device(x))
    x2 = xp.matmul(x, x)
    x4 = xp.matmul(x2, x2)
    x6 = xp.matmul(x2, x4)
    c = [float(k) / _PADE[0] for k in _PADE]
    odd = xp.matmul(x6, c[13] * x6 + c[11] * x4 + c[9] * x2) + c[7] * x6 + c[5] * x4 + c[3] * x2 + c[1] * identity
    even = xp.matmul(x6, c[12] * x6 + c[10] * x4 + c[8] * x2) + c[6] * x6 + c[4] * x4 + c[2] * x2 + identity
    odd = xp.matmul(x, odd)
    z = xp.linalg.solve(even - odd, even + odd)
    for done in range(int(xp.max(squarings))):
        z = xp.where((squarings > done)[..., None, None], xp.matmul(z, z), z)
    return z
