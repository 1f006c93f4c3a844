"""Linear algebra: the standard's, and beyond it adjugate, expm, inv_quad_logdet, lstsq, multi_dot, norm and solve_triangular.

Matrices are the last two axes; all axes before are batches.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .forward.decompositions import (
    EighResult,
    EigResult,
    QRResult,
    SVDResult,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    qr,
    svd,
    svdvals,
)
from .forward.indexing import _getitem
from .forward.linalg import (
    LstsqResult,
    SlogdetResult,
    _inv_quad_logdet,
    adjugate,
    cholesky,
    cross,
    det,
    diagonal,
    expm,
    inv,
    lstsq,
    matrix_norm,
    matrix_power,
    matrix_rank,
    outer,
    pinv,
    slogdet,
    solve,
    solve_triangular,
    trace,
    vector_norm,
)
from .forward.manipulation import expand_dims, moveaxis, reshape
from .forward.products import matmul, tensordot, vecdot
from .forward.views import matrix_transpose
from .xp import Array

__all__ = [
    "EigResult",
    "EighResult",
    "InvQuadLogdetResult",
    "LstsqResult",
    "QRResult",
    "SVDResult",
    "SlogdetResult",
    "adjugate",
    "cholesky",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "expm",
    "inv",
    "inv_quad_logdet",
    "lstsq",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "multi_dot",
    "norm",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
]


class InvQuadLogdetResult(NamedTuple):
    """tr yᴴ a⁻¹ y, and log det a."""

    inv_quad: Array
    logdet: Array


def inv_quad_logdet(a: Array, y: Array, /) -> InvQuadLogdetResult:
    """tr yᴴ a⁻¹ y and log det a, of Hermitian positive definite matrices a (..., n, n), by one Cholesky factor. (Not in the standard.)

    y is one vector (n,) or matrices (..., n, k); both results have the shape that the batches broadcast to. The likelihood of numbers y
    that are normally distributed with the covariance a is made of them. As in `cholesky`, the lower triangle is read, and the gradient
    is Hermitian; it takes an inverse, which costs less than the gradient of the factor. Raises the library's error, if it has one,
    where a is not positive definite.
    (The name: J. R. Gardner et al., GPyTorch: Blackbox Matrix-Matrix Gaussian Process Inference with GPU Acceleration, 2018.)

    >>> import clumsygrad as cg
    >>> cg.linalg.inv_quad_logdet(cg.asarray([[1.0, 0.0], [0.0, 4.0]]), cg.asarray([1.0, 2.0]))
    InvQuadLogdetResult(inv_quad=Tensor(array(2.)), logdet=Tensor(array(1.38629436)))
    """
    both = _inv_quad_logdet(a, y)
    return InvQuadLogdetResult(_getitem(both, (0, ...)), _getitem(both, (1, ...)))


def norm(x: Array, /, ord: float | str | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Array:
    """The norm of vectors or matrices, chosen as numpy.linalg.norm does. (Not in the standard.)

    Without `ord`, √Σ |x|² over `axis` (an axis, two, or all). With it, along one axis, or of a 1-d x, `vector_norm`; over two axes,
    or of a 2-d x, `matrix_norm`. Raises ValueError where the axes are more than two, or the order of vectors is one of matrices.

    >>> import clumsygrad as cg
    >>> cg.linalg.norm(cg.asarray([[3.0, 0.0], [4.0, 0.0]]), 1)
    Tensor(array(7.))
    """
    ndim = len(x.shape)
    axes = tuple(range(ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if ord is None and (axis is None or len(axes) == 2):
        return vector_norm(x, axis=axis, keepdims=keepdims)
    if len(axes) == 1:
        if isinstance(ord, str):
            raise ValueError(f"norm: ord {ord!r} is one of matrices, and axis {axes[0]} holds vectors: give two axes")
        return vector_norm(x, axis=axes[0], keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axes) != 2:
        raise ValueError(f"norm: ord {ord!r} is of vectors or matrices, and x has shape {tuple(x.shape)}: give one axis or two")
    z = matrix_norm(moveaxis(x, axes, (-2, -1)), ord=ord)
    return expand_dims(z, axis=tuple([a % ndim for a in axes])) if keepdims else z


def multi_dot(arrays: Iterable[Array], /) -> Array:
    """The product of two or more matrices, in the order that takes the least work. (Not in the standard.)

    The first may be a vector (n,) that stands for a row, the last one for a column; all others are matrices. Raises ValueError for
    anything else. The order is found as in T. H. Cormen et al., Introduction to Algorithms, section 14.2.

    >>> import clumsygrad as cg
    >>> a, b, c = cg.ones((2, 9)), cg.ones((9, 9)), cg.ones((9,))
    >>> cg.linalg.multi_dot([a, b, c])
    Tensor(array([81., 81.]))
    """
    matrices = list(arrays)
    shapes = [tuple(x.shape) for x in matrices]
    if len(shapes) < 2 or any(len(s) != 2 for s in shapes[1:-1]) or any(len(s) not in (1, 2) for s in (shapes[0], shapes[-1])):
        raise ValueError(f"multi_dot: needs two matrices or more, of which the first and the last may be vectors; got {shapes}")
    if len(shapes[0]) == 1:
        matrices[0] = reshape(matrices[0], (1, -1))
    if len(shapes[-1]) == 1:
        matrices[-1] = reshape(matrices[-1], (-1, 1))
    z = _product(matrices, _splits([x.shape[0] for x in matrices] + [matrices[-1].shape[1]]), 0, len(matrices) - 1)
    return reshape(z, shapes[0][:-1] + shapes[-1][1:])


def _splits(sizes: list[int]) -> dict[tuple[int, int], int]:
    """After which matrix to split the product of the i-th to the j-th, where the i-th has shape (sizes[i], sizes[i + 1])."""
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    splits = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            costs = {k: cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)}
            splits[i, j] = min(costs, key=costs.__getitem__)
            cost[i, j] = costs[splits[i, j]]
    return splits


def _product(matrices: list[Array], splits: dict[tuple[int, int], int], i: int, j: int) -> Array:
    if i == j:
        return matrices[i]
    k = splits[i, j]
    return matmul(_product(matrices, splits, i, k), _product(matrices, splits, k + 1, j))
