"""Products of matrices and vectors."""

from __future__ import annotations

from collections.abc import Sequence

from .. import grad, lean
from .._operation import operation
from ..xp import Array, array_namespace, as_integers, as_tuple

__all__ = ["matmul", "tensordot", "vecdot"]


@operation(grad.matmul_backward, serves=("__matmul__", "__rmatmul__", "__imatmul__"))
def matmul(x1: Array, x2: Array, /) -> Array:
    """The matrix product: (..., m, k) and (..., k, n) give (..., m, n), batch axes broadcast; a vector stands for a row or column.

    >>> import clumsygrad as cg
    >>> cg.matmul(cg.asarray([[1.0, 2.0]]), cg.asarray([3.0, 4.0]))
    Tensor(array([11.]))
    """
    return lean.matmul(x1, x2)


@operation(grad.times_adjoint_backward, serves=("_times_adjoint",))
def times_adjoint(x1: Array, x2: Array, /) -> Array:
    """x1 x2ᴴ, of matrices or stacks of them: what the gradient of a product is made of."""
    return lean.times_adjoint(x1, x2)


@operation(grad.adjoint_times_backward, serves=("_adjoint_times",))
def adjoint_times(x1: Array, x2: Array, /) -> Array:
    """x1ᴴ x2, of matrices or stacks of them: what the gradient of a product is made of."""
    return lean.adjoint_times(x1, x2)


@operation(grad.vecdot_backward)
def vecdot(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    """Σ conj(x1) x2 along `axis`."""
    return array_namespace(x1).vecdot(x1, x2, axis=as_integers(axis))


@operation(grad.tensordot_backward)
def tensordot(x1: Array, x2: Array, /, *, axes: int | tuple[Sequence[int], Sequence[int]] = 2) -> Array:
    """Σ x1 x2 over pairs of axes: the last `axes` of x1 with the first of x2, or those listed for each."""
    pairs = as_integers(axes)
    return array_namespace(x1).tensordot(x1, x2, axes=pairs if type(pairs) is int else tuple(map(as_tuple, pairs)))
