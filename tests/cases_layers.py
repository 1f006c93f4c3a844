"""The table's rows of layers of neural networks. What a row is: table.py."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from table import BOTH, Case, Shape, row

from clumsygrad import nn

__all__ = ["Case"]


def layer(name: str, label: str, *shapes: Shape, reference: Callable[..., Any], rules: str, **options: Any) -> None:
    """A row of `nn.NAME`, whose attributes are given as `attributes`."""
    attributes = options.pop("attributes", {})
    row(
        f"{name}-{label}",
        lambda xp, *operands: getattr(nn, name)(*operands, **attributes),
        *shapes,
        rules=rules,
        reference=lambda *operands: reference(*operands, **attributes),
        **options,
    )


# Linear ---------------------------------------------------------------------------------------------------------------------------


def linear_by_numpy(x: np.ndarray, w: np.ndarray, b: np.ndarray | float = 0) -> np.ndarray:
    return x @ w + b


layer("linear", "matrix", (3, 4), (4, 2), (2,), reference=linear_by_numpy, rules="linear", kinds=BOTH)
layer("linear", "batch", (2, 3, 4), (4, 2), (2,), reference=linear_by_numpy, rules="linear", strided=True)
layer("linear", "vector", (4,), (4, 2), (2,), reference=linear_by_numpy, rules="linear")
layer("linear", "no-b", (2, 3, 4), (4, 2), reference=linear_by_numpy, rules="linear", kinds=BOTH)
layer("linear", "empty", (0, 3, 4), (4, 2), (2,), reference=linear_by_numpy, rules="linear", minor=True)


# Layer norm -----------------------------------------------------------------------------------------------------------------------


def layer_norm_by_numpy(x: Any, gain: Any = None, shift: Any = None, axis: Any = -1, eps: float = 1e-5) -> np.ndarray:
    axes = tuple(a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,)))
    z = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)
    parameters = [np.ones(()) if p is None else _along(p, axes, x.ndim) for p in (gain, shift)]
    return (z * parameters[0] + (0 if shift is None else parameters[1])).astype(x.dtype)


def _along(p: np.ndarray, axes: tuple[int, ...], ndim: int) -> np.ndarray:
    """A parameter with the lengths of `axes`, in their order, as it broadcasts against an array."""
    order = np.argsort(axes)
    shape = [1] * ndim
    for axis, n in zip(axes, p.shape, strict=True):
        shape[axis] = n
    return np.transpose(p, order).reshape(shape)


for _label, _shape, _parameter, _attributes in (
    ("rows", (2, 3, 4), (4,), {"eps": 0.1}),
    ("first-axis", (3, 4), (3,), {"axis": 0}),
    ("two-axes", (2, 3, 4), (3, 4), {"axis": (-2, -1)}),
    ("axes-in-another-order", (2, 3, 4), (4, 2), {"axis": (2, 0)}),
    ("vector", (4,), (4,), {}),
):
    layer(
        "layer_norm",
        _label,
        _shape,
        _parameter,
        _parameter,
        attributes=_attributes,
        reference=layer_norm_by_numpy,
        rules="layer_norm",
        strided=True,
    )
layer("layer_norm", "plain", (2, 3), attributes={"eps": 0.1}, reference=layer_norm_by_numpy, rules="layer_norm")
layer("layer_norm", "gain", (2, 3), (3,), reference=layer_norm_by_numpy, rules="layer_norm")
row(
    "layer_norm-shift",
    lambda xp, x, shift: nn.layer_norm(x, None, shift, eps=0.1),
    (2, 3),
    (3,),
    rules="layer_norm",
    reference=lambda x, shift: layer_norm_by_numpy(x, None, shift, eps=0.1),
)


# Attention ------------------------------------------------------------------------------------------------------------------------


def attention_by_numpy(
    q: Any, k: Any, v: Any, mask: Any = None, causal: bool = False, scale: Any = None, heads: int = 1
) -> np.ndarray:
    if heads > 1:
        q, k, v = (np.stack(np.split(x, heads, axis=-1), axis=-3) for x in (q, k, v))
        each = attention_by_numpy(q, k, v, mask, causal, scale)
        return np.concatenate([each[..., i, :, :] for i in range(heads)], axis=-1)
    scores = q @ np.swapaxes(k, -1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
    allowed = np.tri(*scores.shape[-2:], dtype=bool) if causal else np.ones(scores.shape[-2:], dtype=bool)
    if mask is not None and mask.dtype == bool:
        allowed = allowed & mask
    elif mask is not None:
        scores = scores + mask
    e = np.where(allowed, np.exp(scores), 0)
    total = np.sum(e, axis=-1, keepdims=True)
    return (e / np.where(total == 0, 1, total) @ v).astype(q.dtype)


_attended = {"reference": attention_by_numpy, "rules": "attention"}
_MASK = np.array([[True, False, True], [False, False, False]])

layer("scaled_dot_product_attention", "matrices", (2, 3), (4, 3), (4, 2), **_attended)
layer("scaled_dot_product_attention", "batches", (2, 1, 3, 2), (2, 2, 3, 2), (2, 2, 3, 2), **_attended)
layer("scaled_dot_product_attention", "heads", (2, 2, 3, 2), (2, 2, 3, 2), (2, 2, 3, 2), strided=True, **_attended)
layer("scaled_dot_product_attention", "causal", (3, 2), (3, 2), (3, 2), attributes={"causal": True}, **_attended)
layer("scaled_dot_product_attention", "scale", (3, 2), (4, 2), (4, 2), attributes={"scale": 0.3, "causal": True}, **_attended)
layer("scaled_dot_product_attention", "mask", (2, 2, 3), (2, 3, 3), (2, 3, 3), constants=(_MASK,), **_attended)
layer("scaled_dot_product_attention", "added-mask", (2, 2, 3), (2, 3, 3), (2, 3, 3), (2, 3), **_attended)
layer("scaled_dot_product_attention", "mask-of-heads", (2, 3), (3, 3), (3, 3), (2, 1, 3), **_attended)
_side_by_side = {"attributes": {"heads": 2}, **_attended}
layer("scaled_dot_product_attention", "side-by-side", (2, 3, 4), (2, 2, 4), (2, 2, 6), strided=True, **_side_by_side)
layer("scaled_dot_product_attention", "side-by-side-batches", (2, 1, 3, 2), (2, 2, 2), (1, 2, 4), **_side_by_side)
layer("scaled_dot_product_attention", "side-by-side-mask", (2, 4), (3, 4), (3, 2), (2, 1, 3), **_side_by_side)


# Dropout --------------------------------------------------------------------------------------------------------------------------


def dropout_by_integers(x: np.ndarray, p: float, seed: int, step: int = 0) -> np.ndarray:
    """With Philox 4x32-10 in Python's integers, which know no overflow: word ⌊i / m⌋ of block i mod m for element i of n, m = ⌈n / 4⌉."""
    blocks = -(-x.size // 4)
    words = []
    for block in range(blocks):
        a, b, c, d = block, 0, step % 2**32, (step >> 32) % 2**32
        k, m = seed % 2**32, (seed >> 32) % 2**32
        for _ in range(10):
            first, second = 0xD2511F53 * a, 0xCD9E8D57 * c
            a, b, c, d = (second >> 32) ^ b ^ k, second % 2**32, (first >> 32) ^ d ^ m, first % 2**32
            k, m = (k + 0x9E3779B9) % 2**32, (m + 0xBB67AE85) % 2**32
        words.append((a, b, c, d))
    kept = np.array(words, dtype=np.int64).reshape(blocks, 4).T.reshape(-1)[: x.size] // 256 >= round(p * 2**24)
    return np.where(kept.reshape(x.shape), x / (1 - p), 0).astype(x.dtype)


for _label, _shape, _p, _keys in (
    ("plain", (3, 5), 0.5, {"seed": 1}),
    ("step", (2, 3, 7), 0.2, {"seed": 2**40 + 7, "step": 2**35 + 1}),
    ("negative-seed", (9,), 0.7, {"seed": -3, "step": -1}),
    ("nothing-dropped", (2, 2), 0.0, {"seed": 0}),
    ("number", (), 0.5, {"seed": 6}),
    ("empty", (0, 3), 0.5, {"seed": 0}),
):
    row(
        f"dropout-{_label}",
        lambda xp, x, p=_p, keys=_keys: nn.dropout(x, p, **keys),
        _shape,
        rules="dropout",
        kinds=BOTH,
        linear=True,
        reference=lambda x, p=_p, keys=_keys: dropout_by_integers(x, p, **keys),
        strided=_label == "step",
        minor=_label in ("empty", "nothing-dropped"),
    )


# Embedding ------------------------------------------------------------------------------------------------------------------------

for _label, _indices in (("list", [2, 0, 2]), ("table", [[0, -1], [3, 3]]), ("none", []), ("one", 1)):
    layer(
        "embedding",
        _label,
        (4, 3),
        constants=(np.asarray(_indices, dtype=np.int64),),
        reference=lambda w, indices: w[indices],
        rules="embedding",
        linear=True,
        uses=("scatter",),
        minor=_label == "none",
    )


# Images ---------------------------------------------------------------------------------------------------------------------------


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def windows_by_numpy(x: np.ndarray, size: Any, stride: Any, padding: Any, dilation: Any, border: float = 0.0) -> np.ndarray:
    """(N, C, rows of places, columns of places, rows, columns)."""
    (h, w), (sh, sw), (ph, pw), (dh, dw) = map(_pair, (size, stride, padding, dilation))
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)), constant_values=border)
    views = np.lib.stride_tricks.sliding_window_view(x, ((h - 1) * dh + 1, (w - 1) * dw + 1), axis=(2, 3))
    return views[:, :, ::sh, ::sw, ::dh, ::dw]


def conv2d_by_numpy(x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1) -> np.ndarray:
    z = np.einsum("ncijhw,mchw->nmij", windows_by_numpy(x, w.shape[2:], stride, padding, dilation), w)
    return z if b is None else z + b[:, None, None]


_convolved = {"reference": conv2d_by_numpy, "rules": "conv2d"}
layer("conv2d", "plain", (2, 3, 4, 5), (2, 3, 3, 2), (2,), kinds=BOTH, strided=True, **_convolved)
layer("conv2d", "no-b", (1, 2, 3, 3), (2, 2, 2, 2), **_convolved)
layer("conv2d", "one-by-one", (2, 2, 2, 2), (3, 2, 1, 1), (3,), **_convolved)
for _label, _attributes in (
    ("stride", {"stride": 2}),
    ("padding", {"padding": (1, 2)}),
    ("dilation", {"dilation": 2}),
    ("all", {"stride": (2, 3), "padding": (2, 1), "dilation": (1, 2)}),
):
    layer("conv2d", _label, (1, 2, 5, 6), (2, 2, 2, 3), (2,), attributes=_attributes, **_convolved)


def max_pool_by_numpy(x: Any, size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> np.ndarray:
    stride = size if stride is None else stride
    return np.max(windows_by_numpy(x, size, stride, padding, dilation, -math.inf), axis=(-1, -2))


def avg_pool_by_numpy(x: Any, size: Any, stride: Any = None, padding: Any = 0) -> np.ndarray:
    return np.mean(windows_by_numpy(x, size, size if stride is None else stride, padding, 1), axis=(-1, -2))


for _pool, (_label, _shape, _size, _attributes) in itertools.product(
    (("max_pool2d", max_pool_by_numpy), ("avg_pool2d", avg_pool_by_numpy)),
    (
        ("side-by-side", (2, 2, 4, 4), 2, {}),
        ("left-over", (1, 2, 5, 4), (2, 3), {}),
        ("overlapping", (1, 2, 4, 5), 3, {"stride": 1}),
        ("padded", (1, 1, 3, 4), 2, {"stride": 2, "padding": (1, 1)}),
    ),
):
    row(
        f"{_pool[0]}-{_label}",
        lambda xp, x, name=_pool[0], size=_size, attributes=_attributes: getattr(nn, name)(x, size, **attributes),
        _shape,
        rules=_pool[0],
        linear=_pool[0] == "avg_pool2d",
        reference=lambda x, f=_pool[1], size=_size, attributes=_attributes: f(x, size, **attributes).astype(x.dtype),
        strided=_label == "overlapping",
    )
row(
    "max_pool2d-dilation",
    lambda xp, x: nn.max_pool2d(x, 2, stride=1, dilation=2),
    (1, 2, 4, 4),
    rules="max_pool2d",
    reference=lambda x: max_pool_by_numpy(x, 2, 1, 0, 2),
)


# Activations and losses that are called in one more way ------------------------------------------------------------------------------

for _shape in ((2, 3), (), (0, 2, 1)):
    row(
        f"silu-{len(_shape)}d",
        lambda xp, x: nn.silu(x),
        _shape,
        rules="silu",
        reference=lambda x: x / (1 + np.exp(-x)),
        minor=_shape == (0, 2, 1),
    )
row(
    "gelu-blocks",
    lambda xp, x: nn.gelu(x),
    (130, 256),
    rules="gelu",
    reference=lambda x: (x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))).astype(x.dtype),
    minor=True,
)
