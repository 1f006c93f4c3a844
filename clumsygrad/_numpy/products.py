"""NumPy's products, `numpy.linalg` and `numpy.fft`, by their own names and with their own parameters."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any, Literal

from .. import linalg
from .. import xp as _xp
from ..forward import fft
from ..forward.arithmetic import divide, multiply
from ..forward.einsum import einsum as _einsum
from ..forward.elementwise import astype
from ..forward.linalg import cross as _cross
from ..forward.manipulation import moveaxis, permute_dims, reshape
from ..forward.products import matmul
from ..forward.products import tensordot as _tensordot
from ..forward.products import vecdot as _vecdot
from ..tensor import Tensor
from ..xp import Array, numpy
from ._arguments import axes_of, cast, floating, namespace_of, raveled, refuse, tensor, tensors
from .selection import diagonal

# Products -------------------------------------------------------------------------------------------------------------------------


def dot(a: Any, b: Any) -> Array:
    """Σ over the last axis of a and the last but one of b (the only one of a vector)."""
    a, b = tensors(a, b)
    if not a.shape or not b.shape:
        return multiply(a, b)
    if len(b.shape) <= 2:
        return matmul(a, b)
    return _tensordot(a, b, axes=((len(a.shape) - 1,), (len(b.shape) - 2,)))


def vdot(a: Any, b: Any, /) -> Array:
    """Σ conj(a) b over all elements."""
    a, b = tensors(a, b)
    return _vecdot(raveled(a), raveled(b))


def inner(a: Any, b: Any, /) -> Array:
    """Σ over the last axes of both."""
    a, b = tensors(a, b)
    if not a.shape or not b.shape:
        return multiply(a, b)
    return _tensordot(a, b, axes=((len(a.shape) - 1,), (len(b.shape) - 1,)))


def outer(a: Any, b: Any) -> Array:
    """The products of every element of a with every element of b: a matrix."""
    a, b = tensors(a, b)
    return multiply(reshape(a, (-1, 1)), reshape(b, (1, -1)))


def kron(a: Any, b: Any) -> Array:
    """Blocks, each b times an element of a."""
    a, b = tensors(a, b)
    ndim = max(len(a.shape), len(b.shape))
    m = (1,) * (ndim - len(a.shape)) + a.shape
    n = (1,) * (ndim - len(b.shape)) + b.shape
    z = multiply(reshape(a, tuple([k for i in m for k in (i, 1)])), reshape(b, tuple([k for i in n for k in (1, i)])))
    return reshape(z, tuple([i * j for i, j in zip(m, n, strict=True)]))


def tensordot(a: Any, b: Any, axes: Any = 2) -> Array:
    """Σ over pairs of axes: the last `axes` of a with the first of b, or those listed for each."""
    a, b = tensors(a, b)
    if not isinstance(axes, int):
        first, second = [tuple(part) if isinstance(part, (list, tuple)) else (part,) for part in axes]
        axes = axes_of(a, first, "tensordot"), axes_of(b, second, "tensordot")
    return _tensordot(a, b, axes=axes)


_LETTERS = string.ascii_uppercase + string.ascii_lowercase  # in the order in which NumPy takes labels that are integers


def einsum(*operands: Any, optimize: Any = False, dtype: Any = None, order: str = "K", casting: str = "safe") -> Array:
    """The sum of products that the subscripts name. (The order of products is chosen without `optimize`.)"""
    subscripts, *values = operands if isinstance(operands[0], str) else _with_letters(operands)
    return _einsum(subscripts, *[cast(x, dtype) for x in tensors(*values)])


def _with_letters(operands: Sequence[Any]) -> list[Any]:
    """What einsum is given as einsum(a, [0, 1], b, [1, 2], [0, 2]), as einsum("AB,BC->AC", a, b)."""
    n = len(operands) // 2 * 2
    output = [f"->{_term(labels)}" for labels in operands[n:]]
    return ["".join([",".join(map(_term, operands[1:n:2])), *output]), *operands[:n:2]]


def _term(labels: Any) -> str:
    if not isinstance(labels, Sequence):
        raise TypeError(
            f"numpy.einsum: a {type(labels).__name__} stands where the labels of an operand are needed: give the subscripts as a "
            'string, einsum("ij,jk->ik", a, b), or a list after each operand, einsum(a, [0, 1], b, [1, 2], [0, 2])'
        )
    if not all(label is Ellipsis or label in range(len(_LETTERS)) for label in labels):
        raise ValueError(
            f"numpy.einsum: the labels must be integers from 0 to {len(_LETTERS) - 1}, or one Ellipsis, they are {labels}"
        )
    return "".join(["..." if label is Ellipsis else _LETTERS[label] for label in labels])


def einsum_path(*operands: Any, optimize: Any = "greedy", einsum_call: bool = False) -> Any:
    """The order of products that NumPy takes for operands of these shapes, and the text that describes it."""
    shapes = [numpy.broadcast_to(0.0, x.shape) if hasattr(x, "shape") else x for x in operands]
    return numpy.einsum_path(*shapes, optimize=optimize)


def trace(a: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Array:
    """The sum along the diagonal of the matrices that two axes of a make."""
    first, second = axes_of(a, (axis1, axis2), "trace")
    return linalg.trace(moveaxis(cast(a, dtype), (first, second), (-2, -1)), offset=offset)


def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Array:
    """The cross products of vectors of 3 elements along an axis of each."""
    a, b = tensors(a, b)
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis, axis, axis)
    a, b = moveaxis(a, axisa, -1), moveaxis(b, axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        refuse("cross", f"vectors of {a.shape[-1]} and {b.shape[-1]} elements", "give vectors of 3")
    ndim = max(len(a.shape), len(b.shape))
    a, b = [reshape(x, (1,) * (ndim - len(x.shape)) + x.shape) for x in (a, b)]
    return moveaxis(_cross(a, b, axis=-1), -1, axisc)


# numpy.linalg ---------------------------------------------------------------------------------------------------------------------


def cholesky(a: Tensor, /, *, upper: bool = False) -> Array:
    """The lower (or upper) triangle L with a = L Lᴴ."""
    return linalg.cholesky(a, upper=upper)


def cond(x: Tensor, p: Any = None) -> Array:
    """The condition number ‖x‖ ‖x⁻¹‖ in the norm `p`; with None or 2, the largest by the smallest singular value."""
    if p in (None, 2, -2):
        s = linalg.svdvals(x)
        return divide(s[..., -1], s[..., 0]) if p == -2 else divide(s[..., 0], s[..., -1])
    return multiply(linalg.matrix_norm(x, ord=p), linalg.matrix_norm(linalg.inv(x), ord=p))


def eigh(a: Tensor, UPLO: str = "L") -> Any:
    """Eigenvalues and eigenvectors of Hermitian matrices."""
    _check_lower(UPLO, "eigh")
    return linalg.eigh(a)


def eigvalsh(a: Tensor, UPLO: str = "L") -> Array:
    """The eigenvalues of Hermitian matrices, in rising order."""
    _check_lower(UPLO, "eigvalsh")
    return linalg.eigvalsh(a)


def _check_lower(UPLO: str, name: str) -> None:
    if UPLO not in ("L", "l"):
        refuse(f"linalg.{name}", f"UPLO={UPLO!r}", "hand in a matrix that is Hermitian in both triangles")


def qr(a: Tensor, mode: Literal["reduced", "complete", "r"] = "reduced") -> Any:
    """Q with orthonormal columns and R upper triangular, a = Q R; with mode "r", R alone."""
    if mode == "r":
        return linalg.qr(a).R
    if mode not in ("reduced", "complete"):
        refuse("linalg.qr", f"mode={mode!r}", "use reduced, complete or r")
    return linalg.qr(a, mode=mode)


def svd(a: Tensor, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """Singular vectors and values, a = U S Vᴴ; without compute_uv the values alone."""
    if hermitian:
        refuse("linalg.svd", "hermitian=True", "leave it out, or use numpy.linalg.eigh")
    return linalg.svd(a, full_matrices=full_matrices) if compute_uv else linalg.svdvals(a)


def pinv(a: Tensor, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Array:
    """The pseudoinverse; singular values below `rcond` (1e-15 if not given) or `rtol` times the largest count as 0."""
    if hermitian:
        refuse("linalg.pinv", "hermitian=True", "leave it out: the result is the same")
    return linalg.pinv(a, rtol=rcond if rcond is not None else 1e-15 if rtol is None else rtol)


def matrix_rank(A: Tensor, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Array:
    """The number of singular values above `rtol` times the largest."""
    if tol is not None or hermitian:
        refuse("linalg.matrix_rank", "tol or hermitian", "use rtol, relative to the largest singular value")
    return linalg.matrix_rank(A, rtol=rtol)


def matrix_power(a: Tensor, n: int) -> Array:
    """a multiplied n times by itself; inverted where n < 0."""
    return linalg.matrix_power(a, n)


def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """The x for which |a x − b|² is least; with the residuals (none unless a has full rank, and more rows), the rank, the values."""
    a, b = [floating(x) for x in tensors(a, b)]
    x, residuals, rank, values = linalg.lstsq(a, b, rtol=rcond)
    m, n = a.shape
    if m <= n or int(rank.item()) < n:
        residuals = namespace_of(a).zeros((0,), dtype=residuals.dtype)
    return x, reshape(residuals, (1,)) if not residuals.shape else residuals, rank, values


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Array:
    """The norm of vectors or matrices; with neither ord nor axis, √Σ |x|² of all elements."""
    return linalg.norm(floating(tensor(x)), ord, tuple(axis) if isinstance(axis, list) else axis, keepdims)


def solve(a: Any, b: Any) -> Array:
    """The x with a x = b: of a vector b, or of matrices of columns."""
    return linalg.solve(*tensors(a, b))


def tensorinv(a: Tensor, ind: int = 2) -> Array:
    """The inverse of a as a map from its last axes to its first `ind`."""
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    first, last = a.shape[:ind], a.shape[ind:]
    return reshape(linalg.inv(reshape(a, (math.prod(first), math.prod(last)))), last + first)


def tensorsolve(a: Any, b: Any, axes: Any = None) -> Array:
    """The x with tensordot(a, x, x.ndim) = b."""
    a, b = tensors(a, b)
    if axes is not None:
        moved = axes_of(a, tuple(axes), "tensorsolve")
        a = permute_dims(a, tuple([i for i in range(len(a.shape)) if i not in moved]) + moved)
    shape = a.shape[len(b.shape) :]
    n = math.prod(shape)
    return reshape(linalg.solve(reshape(a, (n, n)), raveled(b)), shape)


def linalg_outer(x1: Any, x2: Any, /) -> Array:
    """The products of every element of one vector with every element of another."""
    return linalg.outer(*tensors(x1, x2))


def linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Array:
    """The cross products of vectors of 3 elements along `axis`."""
    return cross(x1, x2, axis=axis)


def linalg_trace(x: Tensor, /, *, offset: int = 0, dtype: Any = None) -> Array:
    """The sum along the diagonal of matrices (..., m, n)."""
    return trace(x, offset, -2, -1, dtype)


def linalg_diagonal(x: Tensor, /, *, offset: int = 0) -> Array:
    """The diagonals of matrices (..., m, n)."""
    return diagonal(x, offset, -2, -1)


def linalg_matmul(x1: Any, x2: Any, /) -> Array:
    """The matrix product."""
    return matmul(*tensors(x1, x2))


def linalg_vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Array:
    """Σ conj(x1) x2 along `axis`."""
    x1, x2 = tensors(x1, x2)
    return _vecdot(x1, x2, axis=axis if axis < 0 else axis - max(len(x1.shape), len(x2.shape)))


def multi_dot(arrays: Sequence[Any]) -> Array:
    """The product of matrices, in the order of the least work."""
    return linalg.multi_dot(tensors(*arrays))


LINALG = {
    **{
        name: getattr(linalg, name) for name in ("det", "inv", "slogdet", "eig", "eigvals", "svdvals", "matrix_norm", "vector_norm")
    },
    **{f.__name__: f for f in (cholesky, cond, eigh, eigvalsh, qr, svd, pinv, matrix_rank, matrix_power, lstsq, norm, solve)},
    **{f.__name__: f for f in (tensorinv, tensorsolve, multi_dot, tensordot)},
    **{f.__name__.removeprefix("linalg_"): f for f in (linalg_outer, linalg_cross, linalg_trace, linalg_diagonal)},
    **{f.__name__.removeprefix("linalg_"): f for f in (linalg_matmul, linalg_vecdot)},
    "matrix_transpose": linalg.matrix_transpose,
}


# numpy.fft ------------------------------------------------------------------------------------------------------------------------


class Transform:
    """A transform along one axis, with NumPy's parameters."""

    def __init__(self, name: str) -> None:
        self.__name__ = name
        self._transform = getattr(fft, name)
        self._takes_real = name in ("rfft", "ihfft")

    def __call__(self, a: Any, n: int | None = None, axis: int = -1, norm: Any = None) -> Array:
        return self._transform(_fit(tensor(a), self._takes_real), n=n, axis=axis, norm=norm or "backward")


class TransformN:
    """A transform along several axes, with NumPy's parameters."""

    def __init__(self, name: str, of: str, axes: Any = None) -> None:
        self.__name__ = name
        self._transform = getattr(fft, of)
        self._axes = axes
        self._takes_real = of == "rfftn"

    def __call__(self, a: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Array:
        x = _fit(tensor(a), self._takes_real)
        axes = self._axes if axes is None else axes
        if s is not None and axes is None:
            axes = tuple(range(-len(s), 0))
        return self._transform(x, s=s, axes=None if axes is None else tuple(axes), norm=norm or "backward")


def _fit(x: Tensor, takes_real: bool) -> Tensor:
    """x in a dtype that the standard's transform takes: a real operand of a complex transform becomes complex."""
    x = floating(x)
    if takes_real or _xp.kind(x) == "complex floating" or _xp.library_of(x.data) != "array_api_strict":
        return x
    ns = namespace_of(x)
    return astype(x, ns.result_type(x.dtype, ns.complex64))  # type: ignore[no-any-return]


def fftshift(x: Any, axes: Any = None) -> Array:
    """x with frequency 0 moved to the middle of `axes`."""
    return fft.fftshift(tensor(x), axes=axes)


def ifftshift(x: Any, axes: Any = None) -> Array:
    """The inverse of fftshift."""
    return fft.ifftshift(tensor(x), axes=axes)


FFT: dict[str, Any] = {
    **{name: Transform(name) for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")},
    **{name: TransformN(name, name) for name in ("fftn", "ifftn", "rfftn", "irfftn")},
    **{f"{name}2": TransformN(f"{name}2", f"{name}n", (-2, -1)) for name in ("fft", "ifft", "rfft", "irfft")},
    "fftshift": fftshift,
    "ifftshift": ifftshift,
}

__all__ = ["cross", "dot", "einsum", "einsum_path", "inner", "kron", "outer", "tensordot", "trace", "vdot"]
