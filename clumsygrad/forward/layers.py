"""Layers of neural networks as functions of their operands: single operations, each with its own backward function."""

from __future__ import annotations

import math

from .. import _kernels, _windows, grad, lean
from .._layers import (
    attention_weights,
    by_heads,
    by_rows,
    check_lengths,
    check_real,
    dropped,
    from_rows,
    matmul_like,
    normalised,
    plus_row,
    rows_over,
    scale_of_scores,
    side_by_side,
)
from .._operation import operation
from ..xp import Array, array_namespace, as_indices, as_integers, is_array, kind, narrowed, type_in_words, widened

__all__ = ["avg_pool2d", "conv2d", "dropout", "embedding", "layer_norm", "linear", "max_pool2d", "scaled_dot_product_attention"]

Pair = int | tuple[int, int]


@operation(grad.linear_backward, operands=("x", "w", "b"))
def linear(x: Array, w: Array, b: Array | None = None, /) -> Array:
    """x W + b for x of shape (..., n), W of shape (n, m), b of shape (m,) or None. Of shape (..., m).

    (W is the transpose of what PyTorch's `linear` takes.) Raises ValueError where W is not a matrix, and the library's own error where
    the shapes do not fit.

    >>> import clumsygrad as cg
    >>> cg.nn.linear(cg.asarray([[1.0, 2.0]]), cg.asarray([[1.0], [1.0]]), cg.asarray([0.5]))
    Tensor(array([[3.5]]))
    """
    if len(w.shape) != 2:
        raise ValueError(f"linear: w must have the shape (n, m), got {tuple(w.shape)}; for one output make it a column: w[:, None]")
    if len(x.shape) != 2:
        return by_rows(lean.matmul, x, w, b)
    z = lean.matmul(x, w)
    if b is None:
        return z
    return lean.add_into(z, b) if getattr(b, "dtype", None) is z.dtype else plus_row(z, b)  # a call saved in small networks


@operation(grad.layer_norm_backward, operands=("x", "gain", "shift"), keeps=True)
def layer_norm(
    x: Array,
    gain: Array | None = None,
    shift: Array | None = None,
    /,
    *,
    axis: int | tuple[int, ...] = -1,
    eps: float = 1e-5,
) -> Array:
    """(x − mean) / √(variance + eps) · gain + shift, mean and variance over `axis`. Of the shape of x.

    `gain` and `shift` have the lengths of the axes in `axis`, in its order; either may be None. The variance is the mean square
    deviation (no correction). Raises IndexError for axes that x does not have, ValueError for other lengths.

    Source: Ba, Kiros and Hinton 2016, section 3.

    >>> import clumsygrad as cg
    >>> cg.nn.layer_norm(cg.asarray([[1.0, 3.0]]), cg.asarray([1.0, 1.0]), cg.asarray([0.0, 10.0]), eps=0.0)
    Tensor(array([[-1., 11.]]))
    """
    check_real("layer_norm", x)
    rows = rows_over(x, axis := as_integers(axis))
    check_lengths(x, rows, axis, gain=gain, shift=shift)
    found = _kernels.layer_norm(rows, gain, shift, eps)
    if found is not None:
        z, *statistics = found
        return from_rows(z, x.shape, axis), tuple(statistics)
    inverse, normed = normalised(widened(rows), eps)
    z = normed if gain is None else normed * lean.reshape(gain, (-1,))
    if shift is not None:
        shift = lean.reshape(shift, (-1,))
        z = z + shift if z is normed else plus_row(z, shift)
    if all(p is None or p.dtype == x.dtype for p in (gain, shift)):
        z = narrowed(z, x)
    return from_rows(z, x.shape, axis), (inverse, narrowed(normed, x))


@operation(grad.dropout_backward)
def dropout(x: Array, p: float = 0.5, /, *, seed: int | Array, step: int | Array = 0) -> Array:
    """x / (1 − p) where it is kept, with probability 1 − p, and 0 elsewhere. Of the shape and dtype of x.

    What is kept depends only on `seed`, `step`, the number of elements and p (rounded to 2⁻²⁴): it is the same in every library, on every
    device, and is drawn again in the backward pass, not stored. Give each layer a seed, and each step of training its number. Either is
    an integer of up to 64 bits, or an integer array of one element, which is not read on the host: under `jax.jit` a traced one.

    Raises ValueError unless 0 ≤ p < 1. Sources: Srivastava et al. 2014; Salmon et al. 2011 (the generator, Philox 4x32-10).

    >>> import clumsygrad as cg
    >>> cg.nn.dropout(cg.ones(8), 0.5, seed=0)
    Tensor(array([0., 2., 2., 0., 2., 2., 2., 0.]))
    """
    if not 0 <= p < 1:
        raise ValueError(f"dropout: p, the probability that an element is dropped, must be at least 0 and less than 1, got {p}")
    return dropped(x, p, seed, step)


@operation(grad.attention_backward, operands=("q", "k", "v", "mask"), keeps=True)
def scaled_dot_product_attention(
    q: Array, k: Array, v: Array, /, mask: Array | None = None, *, causal: bool = False, scale: float | None = None, heads: int = 1
) -> Array:
    """softmax(scale · Q Kᵀ + mask) V, the softmax over keys.

    Queries (..., L, n), keys (..., S, n), values (..., S, m) give (..., L, m); batch axes broadcast. `mask` broadcasts to
    (..., L, S): booleans, True where a query may look at a key, or numbers, which are added (and differentiated). With `causal`, query
    i looks at keys 0 ... i only. `scale` is 1 / √n if None. A query that may look at no key gets 0.

    With several `heads`, queries (..., L, heads · n), keys and values hold those of each head side by side, and so does the result;
    `mask` then broadcasts to (..., heads, L, S). Raises ValueError where the widths are no multiples of `heads`.
    Source: Vaswani et al. 2017, sections 3.2.1 and 3.2.2.

    >>> import clumsygrad as cg
    >>> q, v = cg.asarray([[0.0], [0.0]]), cg.asarray([[1.0], [3.0]])
    >>> cg.nn.scaled_dot_product_attention(q, q, v, causal=True)
    Tensor(array([[1.],
           [2.]]))
    """
    check_real("scaled_dot_product_attention", q)
    q, k, v = by_heads((q, k, v), heads)
    weights = attention_weights(q, k, mask, causal, scale_of_scores(q, scale))
    (z,) = side_by_side((matmul_like(weights, v, q),), heads)
    return z, weights


@operation(grad.embedding_backward, operands=("weight", "indices"))
def embedding(weight: Array, indices: Array) -> Array:
    """The rows of `weight` (length, width) at `indices` (integers of any shape). Of shape (*indices.shape, width).

    Raises the library's own error where an index is out of range (NumPy and torch do; JAX and CuPy do not).

    >>> import clumsygrad as cg
    >>> cg.nn.embedding(cg.asarray([[1.0, 2.0], [3.0, 4.0]]), cg.asarray([1, 1]))
    Tensor(array([[3., 4.],
           [3., 4.]]))
    """
    if not is_array(indices) or kind(indices) != "integral":
        got = f"dtype {indices.dtype}" if is_array(indices) else type_in_words(indices)
        raise TypeError(f"embedding: the indices must be integers, in an array, got {got}")
    xp = array_namespace(weight)
    rows = xp.take(weight, as_indices(lean.reshape(indices, (-1,))), axis=0)
    return rows if len(indices.shape) == 1 else lean.reshape(rows, (*indices.shape, *weight.shape[1:]))


@operation(grad.conv2d_backward, operands=("x", "w", "b"), keeps=True)
def conv2d(x: Array, w: Array, b: Array | None = None, /, *, stride: Pair = 1, padding: Pair = 0, dilation: Pair = 1) -> Array:
    """The convolution (cross-correlation, as networks have it) of images x (N, C, H, W) with kernels w (M, C, h, w), plus b (M,).

    Of shape (N, M, ⌊(H + 2 padding − dilation (h − 1) − 1) / stride⌋ + 1, and so for W). `stride`, `padding` (with zeros) and
    `dilation` are integers or pairs (of rows, of columns). Over NumPy the result has its channels side by side in memory, which is
    the fastest for what follows.

    Raises ValueError for other shapes, or kernels that the images cannot hold.

    >>> import clumsygrad as cg
    >>> cg.nn.conv2d(cg.ones((1, 1, 2, 3)), cg.ones((1, 1, 2, 2))).data[0, 0]
    array([[4., 4.]])
    """
    window = _windows.of_kernels(x.shape, w.shape, stride, padding, dilation)
    matrix = _windows.kernel_matrix(w)
    z = lean.matmul(_windows.patches(x, window), matrix)
    if b is not None:
        z = plus_row(z, b)
    return lean.permute_dims(lean.reshape(z, (x.shape[0], *window.steps, w.shape[0])), (0, 3, 1, 2)), matrix


@operation(grad.max_pool2d_backward)
def max_pool2d(x: Array, size: Pair, /, *, stride: Pair | None = None, padding: Pair = 0, dilation: Pair = 1) -> Array:
    """The largest element in each window of `size` over images (N, C, H, W). `stride` is `size` if None; the border is −∞.

    Equal largest elements share the gradient, as in `max`. Raises ValueError for other shapes, and for windows that do not fit.

    >>> import clumsygrad as cg
    >>> cg.nn.max_pool2d(cg.reshape(cg.arange(4.0), (1, 1, 2, 2)), 2)
    Tensor(array([[[[3.]]]]))
    """
    window = _windows.window("max_pool2d", x.shape, size, size if stride is None else stride, padding, dilation)
    first, *others = _windows.seen(x, window, -math.inf)
    z = +first
    for part in others:
        z = lean.maximum_into(z, part)
    return z


@operation(grad.avg_pool2d_backward)
def avg_pool2d(x: Array, size: Pair, /, *, stride: Pair | None = None, padding: Pair = 0) -> Array:
    """The mean of each window of `size` over images (N, C, H, W). `stride` is `size` if None; the border is 0, and counted.

    Raises ValueError for other shapes, and for windows that do not fit.

    >>> import clumsygrad as cg
    >>> cg.nn.avg_pool2d(cg.reshape(cg.arange(4.0), (1, 1, 2, 2)), 2)
    Tensor(array([[[[1.5]]]]))
    """
    window = _windows.window("avg_pool2d", x.shape, size, size if stride is None else stride, padding)
    first, *others = _windows.seen(widened(x), window)
    z = first * (1 / window.area)
    for part in others:
        z = lean.add_into(z, part * (1 / window.area))
    return narrowed(z, x)
