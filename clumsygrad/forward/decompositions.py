"""Decompositions of matrices: into eigenvectors, orthogonal factors, singular vectors.

Eigenvectors and singular vectors are determined up to a factor: a sign, of complex ones a phase, within the space of several equal
values any rotation. Libraries choose it differently, so a loss must not depend on it: |v|², the projector v vᴴ and
V diag(f(w)) Vᴴ do not; a single element of v does, and its gradient means nothing.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from .. import grad
from .._beyond import of_library
from .._modes import recording
from .._operation import operation
from ..tensor import Tensor
from ..xp import Array

__all__ = [
    "EigResult",
    "EighResult",
    "QRResult",
    "SVDResult",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "qr",
    "svd",
    "svdvals",
]


class EigResult(NamedTuple):
    """What `eig` gives: eigenvalues (..., n) and, in the columns of (..., n, n), their eigenvectors; both complex."""

    eigenvalues: Array
    eigenvectors: Array


class EighResult(NamedTuple):
    """What `eigh` gives: real eigenvalues (..., n) in rising order and, in the columns of (..., n, n), orthonormal eigenvectors."""

    eigenvalues: Array
    eigenvectors: Array


class QRResult(NamedTuple):
    """What `qr` gives: Q with orthonormal columns, and R, which is upper triangular."""

    Q: Array
    R: Array


class SVDResult(NamedTuple):
    """What `svd` gives: left singular vectors in the columns of U, singular values in falling order, right ones in the rows of Vh."""

    U: Array
    S: Array
    Vh: Array


@operation(grad.eigh_backward)
def eigh(x: Array, /) -> EighResult:
    """Eigenvalues and orthonormal eigenvectors of Hermitian (real: symmetric) matrices (..., n, n): X = V diag(w) Vᴴ.

    The eigenvalues are real, in rising order. x is assumed to be Hermitian (some libraries read only one triangle), and the gradient
    is Hermitian: that of a loss over Hermitian matrices alone. Losses must not depend on the phases of the eigenvectors. Between
    eigenvalues that are equal (to 64 rounding errors of the largest) no gradient flows: exact for symmetric functions of the
    eigenvalues and for projectors onto the whole space of an eigenvalue. Source: Giles 2008, section 3.1;
    Boeddeker et al. 2017, for complex matrices.

    >>> import clumsygrad as cg
    >>> cg.linalg.eigh(cg.asarray([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    Tensor(array([1., 2.]))
    """
    return EighResult(*of_library(x, "eigh")(x))


def eigvalsh(x: Array, /) -> Array:
    """The eigenvalues (..., n) of Hermitian (real: symmetric) matrices (..., n, n): real, in rising order. The gradient is Hermitian.

    Where x requires a gradient, the eigenvectors, which the gradient is made of, are computed too: it then costs what `eigh` does.

    >>> import clumsygrad as cg
    >>> cg.linalg.eigvalsh(cg.asarray([[2.0, 0.0], [0.0, 1.0]]))
    Tensor(array([1., 2.]))
    """
    return eigh(x).eigenvalues if _is_recorded(x) else _eigvalsh(x)


@operation(grad.eig_backward)
def eig(x: Array, /) -> EigResult:
    """Eigenvalues and eigenvectors of length 1 of any square matrices (..., n, n): X V = V diag(w); both are complex, in no order.

    The gradient of a real x is real. Losses must not depend on the phases of the eigenvectors. Between equal eigenvalues no gradient
    flows, as in `eigh`; a matrix that lacks eigenvectors (a Jordan block) has no derivative, and libraries raise or give large
    numbers. Dask has no `eig`, nor has CuPy before 14; JAX computes it on the CPU. Source: Giles 2008, section 3.1; Boeddeker et
    al. 2017, for complex matrices.

    >>> import clumsygrad as cg
    >>> cg.linalg.eig(cg.asarray([[2.0]])).eigenvalues
    Tensor(array([2.+0.j]))
    """
    return EigResult(*of_library(x, "eig")(x))


def eigvals(x: Array, /) -> Array:
    """The eigenvalues (..., n) of any square matrices (..., n, n): complex, in no order. The gradient of a real x is real.

    Where x requires a gradient, the eigenvectors, which the gradient is made of, are computed too: it then costs what `eig` does, and
    the order may differ.

    >>> import clumsygrad as cg
    >>> cg.linalg.eigvals(cg.asarray([[2.0]]))
    Tensor(array([2.+0.j]))
    """
    return eig(x).eigenvalues if _is_recorded(x) else _eigvals(x)


@operation(grad.qr_backward)
def qr(x: Array, /, *, mode: Literal["reduced", "complete"] = "reduced") -> QRResult:
    """X = Q R: orthonormal columns and an upper triangle, of matrices (..., m, n) with k = min(m, n).

    mode: "reduced" gives Q (..., m, k) and R (..., k, n), "complete" Q (..., m, m) and R (..., m, n). The first k columns of x
    must be independent: otherwise there is no derivative, and libraries raise or give inf. Source: Seeger et al. 2017; Roberts and Roberts
    2020, for complex matrices and m < n.

    Raises NotImplementedError in a backward pass that reaches the Q of "complete" with m > n: its last m − n columns can be
    any basis of what is left. Use "reduced"; the projector onto the rest is I − Q Qᴴ.

    >>> import clumsygrad as cg
    >>> cg.abs(cg.linalg.qr(cg.asarray([[3.0], [4.0]])).R)
    Tensor(array([[5.]]))
    """
    return QRResult(*of_library(x, "qr")(x, mode=mode))


@operation(grad.svd_backward)
def svd(x: Array, /, *, full_matrices: bool = True) -> SVDResult:
    """The singular value decomposition X = U diag(S) Vh of matrices (..., m, n), k = min(m, n).

    S (..., k) is in falling order. With `full_matrices` U is (..., m, m) and Vh (..., n, n), without it (..., m, k) and (..., k, n):
    the cheaper choice, and the one to differentiate. Losses must not depend on the phases that a column of U shares with a row
    of Vh. Between singular values that are equal, and through the vectors of those that are 0 (both to 64 rounding errors of
    the largest), what is not determined is dropped: exact for symmetric functions of S, projectors onto whole spaces, and U Vh.
    The gradient of a singular value at 0 is 0. Source: Townsend 2016; Boeddeker et al. 2017, for complex matrices.

    Raises NotImplementedError in a backward pass that reaches the larger of the full U and Vh (m ≠ n): the vectors that the
    reduced one lacks can be any basis of the null space. Use full_matrices=False; the projector onto the rest is I − U Uᴴ.

    >>> import clumsygrad as cg
    >>> cg.linalg.svd(cg.asarray([[3.0, 0.0], [0.0, 4.0]])).S
    Tensor(array([4., 3.]))
    """
    return SVDResult(*of_library(x, "svd")(x, full_matrices=full_matrices))


def svdvals(x: Array, /) -> Array:
    """The singular values (..., k), in falling order, of matrices (..., m, n), k = min(m, n). The gradient of one at 0 is 0.

    Where x requires a gradient, the singular vectors, which the gradient is made of, are computed too: it then costs what `svd` does.

    >>> import clumsygrad as cg
    >>> cg.linalg.svdvals(cg.asarray([[3.0, 0.0], [0.0, 4.0]]))
    Tensor(array([4., 3.]))
    """
    return svd(x, full_matrices=False).S if _is_recorded(x) else _svdvals(x)


def _is_recorded(x: Array) -> bool:
    """Whether operations on x are recorded."""
    return type(x) is Tensor and x.requires_grad and recording()


@operation(None)
def _eigvalsh(x: Array, /) -> Array:
    return of_library(x, "eigvalsh")(x)


@operation(None)
def _eigvals(x: Array, /) -> Array:
    return of_library(x, "eigvals")(x)


@operation(None)
def _svdvals(x: Array, /) -> Array:
    return of_library(x, "svdvals")(x)
