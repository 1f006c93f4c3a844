"""Backward functions of the layers of neural networks.

With a raw gradient a rule uses what the forward pass kept (statistics of rows, weights of attention); with a Tensor it computes
that again, so that it depends on the operands.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import _kernels, _windows, lean
from .._layers import (
    as_rows,
    attention_weights,
    by_heads,
    by_rows,
    dropped,
    from_rows,
    matmul_like,
    normalised,
    one_over_length,
    rows_over,
    scale_of_scores,
    side_by_side,
    takes_factor,
    times_transpose_by_columns,
)
from ..xp import Array, array_namespace, narrowed, widened
from ._parts import added_at
from ._read import GradientTuple, attribute, handed_over, integers, kept, needs, operand, operands, result, unbroadcast

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "attention_backward",
    "avg_pool2d_backward",
    "conv2d_backward",
    "dropout_backward",
    "embedding_backward",
    "layer_norm_backward",
    "linear_backward",
    "max_pool2d_backward",
]


def linear_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """Z = X W + b:   X̄ = Z̄ Wᴴ,   W̄ = Xᴴ Z̄,   b̄ = Σ Z̄ over the rows."""
    x, w, b = operands(tensor, grad)
    need_x, need_w, need_b = needs(tensor)
    is_matrix, gx, gb = len(x.shape) == 2, None, None
    if need_x:
        gx = lean.times_adjoint(grad, w) if is_matrix else by_rows(lean.times_adjoint, grad, w)
        gx = handed_over(tensor, gx)
    if not is_matrix:
        x, grad = as_rows(x), as_rows(grad)
    if need_b:
        gb = lean.sum_of_rows(grad) if b.shape == grad.shape[1:] else unbroadcast(grad, b.shape)
    return gx, lean.adjoint_times(x, grad) if need_w else None, gb


# Layer norm -----------------------------------------------------------------------------------------------------------------------


def layer_norm_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = n ⊙ gain + shift, n = (x − mean) / σ:   x̄ = (ḡ − mean ḡ − n · mean(ḡ ⊙ n)) / σ, ḡ = z̄ ⊙ gain;   gain: Σ z̄ ⊙ n;   shift: Σ z̄.

    σ = √(variance + eps). Source: Ba, Kiros and Hinton 2016, section 3.
    """
    x, gain, shift = operands(tensor, grad)
    need_x, need_gain, need_shift = needs(tensor)
    axis = integers(tensor, "axis")
    rows, g = rows_over(x, axis), rows_over(grad, axis)
    inverse, normed = kept(tensor, grad) or normalised(widened(rows), attribute(tensor, "eps"))
    if len(normed.shape) == 1:  # a kernel's: the means
        found = _kernels.layer_norm_gradient(rows, g, normed, inverse, gain, need_x, need_gain or need_shift)
        if found is not None:
            return (
                from_rows(found[0], x.shape, axis) if need_x else None,
                lean.in_shape(found[1], gain.shape) if need_gain else None,
                lean.in_shape(found[2], shift.shape) if need_shift else None,
            )
        normed = lean.multiply_into(rows - lean.reshape(normed, (-1, 1)), inverse)
    g, normed = widened(g), widened(normed)
    g_shift = lean.in_shape(narrowed(lean.sum_of_rows(g), grad), shift.shape) if need_shift else None
    if not need_x:
        return None, lean.in_shape(narrowed(lean.vecdot(normed, g, -2), grad), gain.shape) if need_gain else None, g_shift
    along = g * normed
    g_gain = lean.in_shape(narrowed(lean.sum_of_rows(along), grad), gain.shape) if need_gain else None
    weights = one_over_length(g)
    if gain is not None:
        weights = lean.reshape(gain, (-1, 1)) * weights
    h = g - lean.matmul(g, weights) if gain is None else lean.subtract_into(g * lean.reshape(gain, (-1,)), lean.matmul(g, weights))
    h = lean.subtract_into(h, normed * lean.matmul(along, weights))
    return from_rows(narrowed(lean.multiply_into(h, inverse), grad), x.shape, axis), g_gain, g_shift


def dropout_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x ⊙ m, m = 1 / (1 − p) where x is kept, else 0:   x̄ = z̄ ⊙ m, drawn again from `seed` and `step`."""
    return (dropped(grad, *[attribute(tensor, name) for name in ("p", "seed", "step")]),)


# Attention ------------------------------------------------------------------------------------------------------------------------


def attention_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """Z = A V, A = softmax(S), S = scale · Q Kᵀ + mask:   V̄ = Aᵀ Z̄,   Q̄ = scale · S̄ K,   K̄ = scale · S̄ᵀ Q,   with S̄ as below.

    S̄ = A ⊙ (Ā − Σ Ā ⊙ A), Ā = Z̄ Vᵀ, the sum over keys; each head by itself. Source: Vaswani et al. 2017, section 3.2.
    """
    q, k, v, mask = operands(tensor, grad)
    need_q, need_k, need_v, need_mask = needs(tensor)
    heads = attribute(tensor, "heads")
    q, k, v, grad = by_heads((q, k, v, grad), heads)
    scale = scale_of_scores(q, attribute(tensor, "scale"))
    weights = kept(tensor, grad)
    if weights is None:
        weights = attention_weights(q, k, mask, attribute(tensor, "causal"), scale)
    gq = gk = gv = g_mask = None
    if need_v:
        gv = unbroadcast(matmul_like(lean.matrix_transpose(weights), grad, v), v.shape)
    if need_q or need_k or need_mask:
        g = times_transpose_by_columns(grad, v)
        found = _kernels.softmax_gradient(weights, g, -1)
        if found is None:
            along = lean.vecdot(g, weights)
            g = lean.subtract_into(g, lean.reshape(along, (*along.shape, 1)))
            g = lean.multiply_into(g, weights)
        else:
            g = found
        g_mask = unbroadcast(g, mask.shape) if need_mask else None
        if not takes_factor(g, scale):
            g, scale = g * scale if need_mask else lean.multiply_into(g, scale), 1.0
        if need_q:
            gq = unbroadcast(matmul_like(g, k, q, scale), q.shape)
        if need_k:
            gk = unbroadcast(matmul_like(lean.matrix_transpose(g), q, k, scale), k.shape)
    return (*side_by_side((gq, gk, gv), heads), g_mask)


# Embeddings and images ------------------------------------------------------------------------------------------------------------


def embedding_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = the rows of W at `indices`:   W̄ = zeros, with the rows of z̄ added at the indices.   They have no gradient."""
    _, indices = operands(tensor, tensor._data)
    return added_at(tensor, grad, indices), None


def conv2d_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """Z = P W + b, P the patches of X:   X̄ = Z̄ Wᴴ, each patch added where it was taken,   W̄ = Pᴴ Z̄,   b̄ = Σ Z̄ over N, H, W."""
    x, w, b = operands(tensor, grad)
    need_x, need_w, need_b = needs(tensor)
    window = _windows.of_kernels(x.shape, w.shape, *[attribute(tensor, name) for name in ("stride", "padding", "dilation")])
    g = as_rows(lean.permute_dims(grad, (0, 2, 3, 1)))
    gx = gw = None
    if need_x:
        matrix = kept(tensor, grad)
        if matrix is None:
            matrix = _windows.kernel_matrix(w)
        gx = _windows.patches_added(lean.times_adjoint(g, matrix), window, x.shape)
    if need_w:
        of_matrix = lean.adjoint_times(_windows.patches(x, window), g)
        gw = lean.permute_dims(lean.reshape(of_matrix, (*w.shape[2:], *w.shape[1::-1])), (3, 2, 0, 1))
    return handed_over(tensor, gx), gw, unbroadcast(g, b.shape) if need_b else None


def max_pool2d_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = max x over each window:   x̄ = z̄ at the largest element, shared equally by all that are equal to it, summed over windows."""
    xp = array_namespace(grad)
    x, z = operand(tensor, grad), result(tensor, grad)
    window = _pool_window(tensor, "max_pool2d", x.shape, attribute(tensor, "dilation"))
    at = [part == z for part in _windows.seen(x, window, -math.inf)]
    count = xp.astype(at[0], grad.dtype)
    for mask in at[1:]:
        count = lean.add_into(count, xp.astype(mask, grad.dtype))
    g = grad / count
    return (handed_over(tensor, _windows.added_back([lean.kept_where(mask, g) for mask in at], window, x.shape)),)


def avg_pool2d_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = Σ x / n over each window of n:   x̄ = z̄ / n, summed over the windows that see each element."""
    shape = operand(tensor, grad).shape
    window = _pool_window(tensor, "avg_pool2d", shape, 1)
    g = widened(grad) * (1 / window.area)
    return (narrowed(_windows.added_back([g] * window.area, window, shape), grad),)


def _pool_window(tensor: Tensor, name: str, shape: tuple[int, ...], dilation: Any) -> _windows.Window:
    size, stride = attribute(tensor, "size"), attribute(tensor, "stride")
    return _windows.window(name, shape, size, size if stride is None else stride, attribute(tensor, "padding"), dilation)
