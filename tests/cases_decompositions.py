"""The table's rows of decompositions: eigenvectors, orthogonal factors, singular vectors.

What a row computes depends on no phase of a vector, and on no order of eigenvalues that the standard leaves open; of QR the factors
themselves, whose signs LAPACK's algorithm decides. A constant is added to the operand, so that values are far enough apart for
finite differences.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from table import BOTH, REAL, Shape, row

DASK = (("dask", "dask.array has no eigenvectors"),)


def adjoint(xp: Any, x: Any) -> Any:
    return xp.conj(xp.matrix_transpose(x))


def squares(xp: Any, x: Any) -> Any:
    """|x|², elementwise: of vectors in columns, what no phase changes."""
    return xp.real(x * xp.conj(x))


def composed(xp: Any, left: Any, values: Any, right: Any) -> Any:
    """left diag(values) right."""
    return xp.matmul(left * xp.expand_dims(values, axis=-2), right)


def shifted(xp: Any, x: Any, shift: Any) -> Any:
    return x + xp.astype(shift, x.dtype)


# Hermitian matrices ---------------------------------------------------------------------------------------------------------------


def hermitian(xp: Any, x: Any, shift: Any) -> Any:
    return shifted(xp, (x + adjoint(xp, x)) / 2, shift)


def eigh_values(xp: Any, h: Any) -> Any:
    return xp.linalg.eigh(h).eigenvalues


def eigvalsh(xp: Any, h: Any) -> Any:
    return xp.linalg.eigvalsh(h)


def eigh_vectors(xp: Any, h: Any) -> Any:
    return squares(xp, xp.linalg.eigh(h).eigenvectors)


def eigh_projector(xp: Any, h: Any) -> Any:
    v = xp.linalg.eigh(h).eigenvectors[..., :, :1]
    return xp.matmul(v, adjoint(xp, v))


def eigh_function(xp: Any, h: Any) -> Any:
    w, v = xp.linalg.eigh(h)
    return composed(xp, v, xp.exp(w / 3), adjoint(xp, v))


def of_hermitian(name: str, function: Callable[..., Any], shape: Shape = (3, 3), **options: Any) -> None:
    def of_its_hermitian_part(xp: Any, x: Any, shift: Any) -> Any:
        return function(xp, hermitian(xp, x, shift))

    shift = np.diag(np.linspace(-4.0, 4.0, shape[-1])) if shape[-1] > 1 else np.eye(1)
    row(name, of_its_hermitian_part, shape, rules="eigh", kinds=BOTH, constants=(shift,), cannot=DASK, **options)


of_hermitian("eigh-values", eigh_values)
of_hermitian("eigh-vectors", eigh_vectors)
of_hermitian("eigh-projector", eigh_projector)
of_hermitian("eigh-function", eigh_function)
of_hermitian("eigh-batch", eigh_function, (2, 2, 2, 2), minor=True)
of_hermitian("eigh-vectors-batch", eigh_vectors, (2, 3, 3), minor=True, strided=True)
of_hermitian("eigh-1x1", eigh_function, (1, 1), minor=True)
of_hermitian("eigh-empty-batch", eigh_function, (0, 2, 2), minor=True)
of_hermitian("eigvalsh", eigvalsh)
of_hermitian("eigvalsh-batch", eigvalsh, (2, 3, 3), minor=True, strided=True)


# Square matrices ------------------------------------------------------------------------------------------------------------------


def symmetric_functions(xp: Any, w: Any) -> Any:
    """Of values in any order, what does not depend on it."""
    return xp.stack([xp.sum(xp.exp(w / 3), axis=-1), xp.sum(w * w, axis=-1)])


def eig_values(xp: Any, x: Any) -> Any:
    return symmetric_functions(xp, xp.linalg.eig(x).eigenvalues)


def eigvals(xp: Any, x: Any) -> Any:
    return symmetric_functions(xp, xp.linalg.eigvals(x))


def eig_vectors(xp: Any, x: Any) -> Any:
    """The squares of the vectors' elements, which hang on their lengths; weighed, for some are told by their values alone."""
    w, v = xp.linalg.eig(x)
    return xp.sum(squares(xp, v) * xp.expand_dims(xp.exp(xp.real(w) / 3 + xp.imag(w)), axis=-2), axis=-1)


def eig_function(xp: Any, x: Any) -> Any:
    """V diag(exp(w / 3)) V⁻¹."""
    w, v = xp.linalg.eig(x)
    vh = adjoint(xp, v)
    return adjoint(xp, xp.linalg.solve(vh, xp.expand_dims(xp.conj(xp.exp(w / 3)), axis=-1) * vh))


def of_square(name: str, function: Callable[..., Any], shape: Shape = (3, 3), turn: float = 0.0, **options: Any) -> None:
    """`turn` makes the eigenvalues of real matrices complex."""

    def of_shifted(xp: Any, x: Any, shift: Any) -> Any:
        return function(xp, shifted(xp, x, shift))

    n = shape[-1]
    shift = np.diag(np.linspace(-4.0, 4.0, n)) if n > 1 else np.eye(1)
    if turn:
        shift[0, n - 1], shift[n - 1, 0] = turn, -turn
    lacks = (*DASK, ("cupy", "CuPy's eig of nothing is real")) if 0 in shape else DASK
    row(name, of_shifted, shape, rules="eig", kinds=BOTH, constants=(shift,), cannot=lacks, **options)


of_square("eig-values", eig_values)
of_square("eig-values-complex", eig_values, turn=7.0)
of_square("eig-vectors", eig_vectors)
of_square("eig-vectors-complex", eig_vectors, turn=7.0)
of_square("eig-function", eig_function)
of_square("eig-function-complex", eig_function, turn=7.0)
of_square("eig-batch", eig_vectors, (2, 2, 2), minor=True)
of_square("eig-1x1", eig_vectors, (1, 1), minor=True)
of_square("eig-empty-batch", eig_vectors, (0, 2, 2), minor=True)
of_square("eigvals", eigvals)
of_square("eigvals-batch", eigvals, (2, 3, 3), turn=7.0, minor=True, strided=True)


# QR -------------------------------------------------------------------------------------------------------------------------------


def shift_of(shape: Shape) -> np.ndarray:
    """Numbers on the diagonal of an m x n matrix, far from 0 and from each other."""
    shift = np.zeros(shape[-2:])
    np.fill_diagonal(shift, 3.0 * np.arange(1, min(shape[-2:]) + 1))
    return shift


def of_matrix(name: str, function: Callable[..., Any], shape: Shape, rules: str, **options: Any) -> None:
    def of_shifted(xp: Any, x: Any, shift: Any) -> Any:
        return function(xp, shifted(xp, x, shift))

    row(name, of_shifted, shape, rules=rules, constants=(shift_of(shape),), **{"kinds": BOTH, **options})


def factor(name: str, mode: str) -> Callable[..., Any]:
    def function(xp: Any, x: Any) -> Any:
        return getattr(xp.linalg.qr(x, mode=mode), name)

    return function


def both_factors(xp: Any, x: Any) -> Any:
    """Of Q and R together: Q R², columns of which are X's combined."""
    q, r = xp.linalg.qr(x)
    return xp.matmul(xp.matmul(q, r[..., :, : r.shape[-2]]), r)


for _shape in ((4, 3), (2, 4), (3, 3), (1, 1), (2, 3, 2), (2, 2, 3), (0, 3, 2)):
    _name = "x".join(map(str, _shape))
    _options: dict[str, Any] = {"rules": "qr", "minor": _shape != (4, 3), "uses": ("triangles",)}
    of_matrix(f"qr-Q-{_name}", factor("Q", "reduced"), _shape, **_options)
    of_matrix(f"qr-R-{_name}", factor("R", "reduced"), _shape, **_options)
    of_matrix(f"qr-complete-R-{_name}", factor("R", "complete"), _shape, **_options)
    if _shape[-2] <= _shape[-1]:
        of_matrix(f"qr-complete-Q-{_name}", factor("Q", "complete"), _shape, **_options)
    of_matrix(f"qr-both-{_name}", both_factors, _shape, strided=True, **_options | {"minor": _shape != (2, 4)})
    if len(_shape) == 2:  # what dask.array can do
        of_matrix(f"qr-real-{_name}", both_factors, _shape, "qr", kinds=REAL, minor=True)


# Singular values and vectors ------------------------------------------------------------------------------------------------------


def cannot_on_dask(shape: Shape, whole: bool = False) -> tuple[tuple[str, str], ...]:
    """`whole`: with the vectors that the reduced form leaves out."""
    if len(shape) > 2:
        return (("dask", "dask.array factorises one matrix, no batches"),)
    return (("dask", "dask.array has the reduced form only"),) if whole else ()


def singular(name: str, full: bool = False) -> Callable[..., Any]:
    """The values, or the squares of the elements of U or Vh."""

    def function(xp: Any, x: Any) -> Any:
        z = getattr(xp.linalg.svd(x, full_matrices=full), name)
        return z if name == "S" else squares(xp, z)

    return function


def svd_projector(xp: Any, x: Any) -> Any:
    """Onto the first left singular vector, and onto the first right one."""
    u, _, vh = xp.linalg.svd(x, full_matrices=False)
    u, vh = u[..., :, :1], vh[..., :1, :]
    left, right = xp.matmul(u, adjoint(xp, u)), xp.matmul(adjoint(xp, vh), vh)
    batch = x.shape[:-2]
    return xp.concat([xp.reshape(left, (*batch, -1)), xp.reshape(right, (*batch, -1))], axis=-1)


def svd_function(xp: Any, x: Any) -> Any:
    u, s, vh = xp.linalg.svd(x, full_matrices=False)
    return composed(xp, u, xp.exp(-s / 3), vh)


def polar(xp: Any, x: Any) -> Any:
    """U Vh, the nearest matrix with orthonormal rows or columns."""
    u, _, vh = xp.linalg.svd(x, full_matrices=False)
    return xp.matmul(u, vh)


def svdvals(xp: Any, x: Any) -> Any:
    return xp.linalg.svdvals(x)


for _shape in ((4, 2), (2, 4), (3, 3), (1, 1), (2, 2, 2), (2, 3, 2), (0, 2, 3)):
    _name = "x".join(map(str, _shape))
    _options = {"rules": "svd", "minor": _shape not in ((4, 2), (2, 4)), "cannot": cannot_on_dask(_shape)}
    _whole = _options | {"cannot": cannot_on_dask(_shape, whole=True)}
    for _part in ("S", "U", "Vh"):
        of_matrix(f"svd-{_part}-{_name}", singular(_part), _shape, **_options)
        if _part == "S" or _shape[-2] == _shape[-1] or (_part == "U") == (_shape[-2] < _shape[-1]):
            of_matrix(f"svd-full-{_part}-{_name}", singular(_part, full=True), _shape, **_whole)
    if 0 not in _shape:
        of_matrix(f"svd-projector-{_name}", svd_projector, _shape, **_options | {"minor": True})
    of_matrix(f"svd-function-{_name}", svd_function, _shape, strided=True, **_options | {"minor": _shape != (2, 4)})
    of_matrix(f"svd-polar-{_name}", polar, _shape, **_options | {"minor": _shape != (3, 3)})
    _lack = cannot_on_dask(_shape) or (("dask", "array_api_compat's svdvals asks dask.array for the full form"),)
    of_matrix(f"svdvals-{_name}", svdvals, _shape, **_options | {"minor": _shape != (4, 2), "cannot": _lack})
