"""Cholesky factors, their gradient, and inverses from them: the library's, and of large NumPy matrices LAPACK's and by blocks."""

from __future__ import annotations

from collections.abc import Iterator

from ._beyond import adjoint, blas, clear_triangle, is_large_for_scipy, is_recorded, lapack, of_library, outer, solve_triangular
from .xp import Array, array_namespace, conj, device, numpy

# Columns of a factor at a time: with fewer, products are slower; with more, there is more work in triangles.
_BLOCK = 48
_ABOVE = numpy.tri(_BLOCK, k=-1, dtype=bool).T


def cholesky(a: Array, upper: bool) -> Array:
    """The Cholesky factor by the library; for one large NumPy matrix by LAPACK, without NumPy's copies, which take as long again."""
    if not is_large_for_scipy(a):
        return of_library(a, "cholesky")(a, upper=upper)
    factor = cholesky_triangle(a)
    clear_triangle(factor.T, lower=False, unit_diagonal=False)
    return conj(numpy, factor.T) if upper else factor


def cholesky_triangle(a: Array) -> Array:
    """The lower Cholesky factor, above whose diagonal there may be anything."""
    if not is_large_for_scipy(a):
        return of_library(a, "cholesky")(a, upper=False)
    factor, failed = lapack(a, "potrf")(_lower_triangle(a), lower=1, clean=0, overwrite_a=1)
    if failed:
        raise numpy.linalg.LinAlgError("Matrix is not positive definite")
    return factor


def _lower_triangle(a: Array) -> Array:
    """A copy of one NumPy matrix in columns, as LAPACK reads it; above its diagonal nothing is copied, which is half of the work."""
    triangle = numpy.empty(a.shape, dtype=a.dtype, order="F")
    for columns, _ in _blocks(len(a)):
        triangle[columns.start :, columns] = a[columns.start :, columns]
    return triangle


def cholesky_gradient(l: Array, g: Array) -> Array | None:  # noqa: E741 (the factor's name)
    """The backward function of cholesky by blocks, from the last columns to the first; None except for one large NumPy matrix.

    Let a block of columns have D on the diagonal and R below it, and let S be the part of X̄ that is known by then, that of the rows and
    columns behind. Then B = (R̄ − S 2R) D⁻¹ / 2 is X̄ below D, and D̄ − Bᴴ 2R the gradient of D, from which X̄ at D is found as for a small
    matrix. The products S 2R are nearly all of the work: 2/3 n³ operations, as many as LAPACK takes for an inverse.
    """
    if not (is_large_for_scipy(l) and g.dtype == l.dtype):
        return None
    invert = lapack(l, "trtri")
    x = numpy.empty(l.shape, dtype=l.dtype)
    for columns, behind in _blocks(len(l)):
        diagonal, of_diagonal = l[columns, columns], g[columns, columns]
        inverse = invert(diagonal, lower=1)[0]
        half = inverse / 2
        if behind.start < len(l):
            twice = l[behind, columns] * 2
            below = x[behind, behind] @ twice
            numpy.subtract(g[behind, columns], below, out=below)
            below = numpy.matmul(below, half, out=x[behind, columns])
            beside = conj(numpy, below.T)
            x[columns, behind] = beside
            of_diagonal = of_diagonal - beside @ twice
        inner = conj(numpy, diagonal.T) @ of_diagonal
        numpy.copyto(inner, 0, where=_ABOVE[: len(inner), : len(inner)])
        inner += conj(numpy, inner.T)
        inner.flat[:: len(inner) + 1] /= 2
        numpy.matmul(conj(numpy, inverse.T) @ inner, half, out=x[columns, columns])
    return x


def inverse_of_positive(l: Array, scale: Array) -> Array:  # noqa: E741 (the factor's name)
    """scale · (L Lᴴ)⁻¹, of Cholesky factors L (..., n, n), of which one triangle is read, and numbers (..., 1, 1)."""
    xp = array_namespace(l)
    if not is_recorded(l, scale) and is_large_for_scipy(l):
        return _inverse_by_blocks(l, scale)
    inverse = solve_triangular(l, xp.eye(l.shape[-1], dtype=l.dtype, device=device(l)), lower=True)
    return xp.matmul(adjoint(xp, inverse) * scale, inverse)


def _inverse_by_blocks(l: Array, scale: Array) -> Array:  # noqa: E741
    """The same of one large NumPy matrix, from the last columns to the first, in 0.7 of the time of LAPACK's potri in OpenBLAS.

    Let a block of columns have D on the diagonal and R below it, and let S be the part of the inverse that is known by then, that of the
    rows and columns behind. Then S R D⁻¹ is minus the inverse below D, and D⁻ᴴ (scale + Rᴴ S R) D⁻¹ the inverse at D.
    """
    invert = lapack(l, "trtri")
    x = numpy.empty(l.shape, dtype=l.dtype)
    for columns, behind in _blocks(len(l)):
        inverse = invert(l[columns, columns], lower=1)[0]
        numpy.copyto(inverse, 0, where=_ABOVE[: len(inverse), : len(inverse)])
        square = (conj(numpy, inverse.T) * scale) @ inverse
        if behind.start < len(l):
            rows = l[behind, columns] @ inverse
            beside = numpy.matmul(conj(numpy, rows.T), x[behind, behind], out=x[columns, behind])
            square += beside @ rows
            numpy.negative(beside, out=beside)
            x[behind, columns] = conj(numpy, beside.T)
        x[columns, columns] = square
    return x


def _blocks(n: int) -> Iterator[tuple[slice, slice]]:
    """Some of n columns, and those behind them, from the last to the first."""
    for start in reversed(range(0, n, _BLOCK)):
        stop = min(start + _BLOCK, n)
        yield slice(start, stop), slice(stop, n)


def less_outer(x: Array, y: Array, z: Array) -> Array:
    """x − y z; of one column and one row in the memory of x, if that is one large NumPy matrix, which the caller has just made."""
    if type(x) is numpy.ndarray and y.ndim == z.ndim == 2 and y.shape[-1] == 1 and x.flags.c_contiguous and is_large_for_scipy(x):
        update = blas(x, "geru" if x.dtype.kind == "c" else "ger")
        update(-1.0, z[0], y[:, 0], a=x.T, overwrite_a=1)
        return x
    return x - outer(y, z)
