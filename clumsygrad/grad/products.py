"""Backward functions of products of matrices and vectors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import lean
from ..xp import Array, array_namespace, as_tuple, conj
from ._read import GradientTuple, handed_over, integers, needs, pair, unbroadcast

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "adjoint_times_backward",
    "matmul_backward",
    "tensordot_backward",
    "times_adjoint_backward",
    "vecdot_backward",
]


def matmul_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """Z = X Y:   X̄ = Z̄ Yᴴ,   Ȳ = Xᴴ Z̄.

    Batches: (..., m, k) and (..., k, n); a batch axis that was broadcast is summed. A vector on the left is a row, (k,) as (1, k); on
    the right a column, (k,) as (k, 1). Of two vectors: x̄ = z̄ conj(y), ȳ = z̄ conj(x).
    """
    xp = array_namespace(grad)
    x, y = pair(tensor, grad)
    need_x, need_y = needs(tensor)
    dimensions = len(x.shape), len(y.shape)
    if dimensions == (2, 2):  # as nearly always
        gx = handed_over(tensor, lean.times_adjoint(grad, y)) if need_x else None
        return gx, lean.adjoint_times(x, grad) if need_y else None
    if dimensions == (1, 1):
        return lean.scaled(conj(xp, y), grad) if need_x else None, lean.scaled(conj(xp, x), grad) if need_y else None
    rows = xp.reshape(x, (1, *x.shape)) if len(x.shape) == 1 else x
    columns = xp.reshape(y, (*y.shape, 1)) if len(y.shape) == 1 else y
    if len(x.shape) == 1:
        grad = xp.reshape(grad, (*grad.shape[:-1], 1, grad.shape[-1]))
    elif len(y.shape) == 1:
        grad = xp.reshape(grad, (*grad.shape, 1))
    return (
        lean.in_shape(unbroadcast(lean.times_adjoint(grad, columns), rows.shape), x.shape) if need_x else None,
        lean.in_shape(_summed_product(rows, grad, columns.shape), y.shape) if need_y else None,
    )


def _summed_product(x: Array, y: Array, shape: tuple[int, ...]) -> Array:
    """xᴴ y, summed over the batch axes that `shape` lacks: as one product, where all are summed."""
    if len(shape) == 2 and len(x.shape) == len(y.shape) > 2 and x.shape[:-2] == y.shape[:-2]:
        rows = math.prod(x.shape[:-1])  # which −1 would not tell of arrays of no elements
        return lean.adjoint_times(lean.reshape(x, (rows, x.shape[-1])), lean.reshape(y, (rows, y.shape[-1])))
    return unbroadcast(lean.adjoint_times(x, y), shape)


# The two products that the adjoint of a product is made of, and their own


def times_adjoint_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """Z = X Yᴴ:   X̄ = Z̄ Y,   Ȳ = Z̄ᴴ X.   Matrices, or stacks of them; a batch axis that was broadcast is summed."""
    x, y = pair(tensor, grad)
    need_x, need_y = needs(tensor)
    return (
        unbroadcast(lean.matmul(grad, y), x.shape) if need_x else None,
        unbroadcast(lean.adjoint_times(grad, x), y.shape) if need_y else None,
    )


def adjoint_times_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """Z = Xᴴ Y:   X̄ = Y Z̄ᴴ,   Ȳ = X Z̄.   Matrices, or stacks of them; a batch axis that was broadcast is summed."""
    x, y = pair(tensor, grad)
    need_x, need_y = needs(tensor)
    return (
        unbroadcast(lean.times_adjoint(y, grad), x.shape) if need_x else None,
        unbroadcast(lean.matmul(x, grad), y.shape) if need_y else None,
    )


def vecdot_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Σ conj(x) y over `axis`:   x̄ = conj(z̄) y,   ȳ = z̄ x."""
    xp = array_namespace(grad)
    x, y = pair(tensor, grad)
    need_x, need_y = needs(tensor)
    axis = integers(tensor, "axis")
    g = xp.expand_dims(grad, axis=axis)
    return (
        unbroadcast(conj(xp, g) * y, x.shape) if need_x else None,
        unbroadcast(g * x, y.shape) if need_y else None,
    )


def tensordot_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """Z = Σ X Y over the paired axes:   X̄ = Z̄ · conj(Y) over the axes only Y has,   Ȳ = conj(X) · Z̄ over those only X has."""
    xp = array_namespace(grad)
    x, y = pair(tensor, grad)
    need_x, need_y = needs(tensor)
    nx, ny = len(x.shape), len(y.shape)
    axes = integers(tensor, "axes")
    if type(axes) is int:
        axes = (range(nx - axes, nx), range(axes))
    paired_x, paired_y = [[a % n for a in as_tuple(part)] for part, n in zip(axes, (nx, ny), strict=True)]
    free_x = [a for a in range(nx) if a not in paired_x]
    free_y = [a for a in range(ny) if a not in paired_y]
    last, first = tuple(range(len(free_x), len(grad.shape))), tuple(range(len(free_x)))
    gx = gy = None
    if need_x:  # its axes come out as: free_x, then those paired, in the order of y
        order = free_x + [paired_x[paired_y.index(a)] for a in sorted(paired_y)]
        g = _contracted(xp, grad, conj(xp, y), last, tuple(free_y))
        gx = xp.permute_dims(g, tuple([order.index(i) for i in range(nx)]))
    if need_y:  # and here as: those paired, in the order of x, then free_y
        order = [paired_y[paired_x.index(a)] for a in sorted(paired_x)] + free_y
        g = _contracted(xp, conj(xp, x), grad, tuple(free_x), first)
        gy = xp.permute_dims(g, tuple([order.index(i) for i in range(ny)]))
    return gx, gy


def _contracted(xp: Any, x: Array, y: Array, axes_x: tuple[int, ...], axes_y: tuple[int, ...]) -> Array:
    """Σ x y over the paired axes. Where one is a number, their product, which NumPy would compute as that of two matrices."""
    if not x.shape or not y.shape:
        return lean.scaled(x, y) if x.shape else lean.scaled(y, x)
    return xp.tensordot(x, y, axes=(axes_x, axes_y))
