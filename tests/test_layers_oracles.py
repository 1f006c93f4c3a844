"""Layers against torch.nn.functional: values, gradients and Hessian-vector products, over NumPy and over torch arrays.

Agreement is to 1e-10 (1 + the largest element) in float64, to 2e-5 in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from checks import assert_agree, directions_like

import clumsygrad as cg
from clumsygrad import nn

torch = pytest.importorskip("torch")
F = torch.nn.functional

DOUBLE, SINGLE = 1e-10, 2e-5


@dataclass(frozen=True)
class Row:
    """A function of operands in clumsygrad's words, and in torch's; `constants` come last, and are no operands."""

    name: str
    shapes: tuple[tuple[int, ...], ...]
    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    constants: tuple[np.ndarray, ...] = field(default=())

    def operands(self, dtype: Any) -> list[np.ndarray]:
        random = np.random.default_rng(12)
        return [random.standard_normal(shape).astype(dtype) for shape in self.shapes]


LABELS, WORDS = np.array([2, 0, 3, 3]), np.array([[1, 0], [4, 1]])
ALLOWED = np.random.default_rng(1).random((5, 6)) > 0.4
ALLOWED[:, 0] = True
IMAGES, HEADS = (2, 3, 7, 6), ((2, 2, 5, 4), (2, 2, 6, 4), (2, 2, 6, 4))


def attention(**options: Any) -> Callable[..., Any]:
    return lambda q, k, v: nn.scaled_dot_product_attention(q, k, v, **options)


ROWS = [
    Row("linear", ((2, 5, 4), (4, 3), (3,)), nn.linear, lambda x, w, b: F.linear(x, w.T, b)),
    Row("layer_norm", ((4, 6), (6,), (6,)), nn.layer_norm, lambda x, g, s: F.layer_norm(x, (6,), g, s)),
    Row(
        "layer_norm-images",
        ((2, 3, 4), (3, 4), (3, 4)),
        lambda x, g, s: nn.layer_norm(x, g, s, axis=(1, 2), eps=0.1),
        lambda x, g, s: F.layer_norm(x, (3, 4), g, s, 0.1),
    ),
    Row("gelu", ((400, 400),), nn.gelu, lambda x: F.gelu(x, approximate="tanh")),
    Row("silu", ((4, 6),), nn.silu, F.silu),
    Row("relu", ((4, 6),), nn.relu, F.relu),
    Row("sigmoid", ((4, 6),), nn.sigmoid, F.sigmoid),
    Row("softplus", ((4, 6),), nn.softplus, F.softplus),
    Row("softmax", ((4, 6),), nn.softmax, lambda x: F.softmax(x, -1)),
    Row("log_softmax", ((4, 6),), lambda x: nn.log_softmax(x, axis=0), lambda x: F.log_softmax(x, 0)),
    Row("mse", ((4, 6), (4, 6)), nn.mse_loss, F.mse_loss),
    Row("mae", ((4, 6), (4, 6)), nn.mae_loss, F.l1_loss),
    Row("cross_entropy", ((4, 5),), nn.cross_entropy, F.cross_entropy, (LABELS,)),
    Row(
        "cross_entropy-images",
        ((2, 5, 2),),
        lambda x, labels: nn.cross_entropy(x, labels, axis=1, reduction="none"),
        lambda x, labels: F.cross_entropy(x, labels, reduction="none"),
        (WORDS,),
    ),
    Row("binary_cross_entropy", ((4, 6), (4, 6)), nn.binary_cross_entropy, F.binary_cross_entropy_with_logits),
    Row(
        "binary_cross_entropy-large",  # in pieces
        ((300, 301),),
        lambda x, labels: nn.binary_cross_entropy(x, labels, reduction="sum"),
        lambda x, labels: F.binary_cross_entropy_with_logits(x, labels.to(x.dtype), reduction="sum"),
        (np.arange(300 * 301).reshape(300, 301) % 3 == 0,),
    ),
    Row("attention", HEADS, nn.scaled_dot_product_attention, F.scaled_dot_product_attention),
    Row("attention-causal", HEADS, attention(causal=True), lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)),
    Row("attention-scale", HEADS, attention(scale=0.2), lambda q, k, v: F.scaled_dot_product_attention(q, k, v, scale=0.2)),
    Row(
        "attention-side-by-side",
        ((2, 5, 12), (2, 6, 12), (2, 6, 8)),
        attention(heads=4, causal=True),
        lambda *qkv: (
            F.scaled_dot_product_attention(*[x.unflatten(-1, (4, -1)).transpose(1, 2) for x in qkv], is_causal=True)
            .transpose(1, 2)
            .flatten(-2)
        ),
    ),
    Row("attention-mask", HEADS, nn.scaled_dot_product_attention, F.scaled_dot_product_attention, (ALLOWED,)),
    Row(
        "attention-added-mask",
        (*HEADS, (2, 1, 5, 6)),
        nn.scaled_dot_product_attention,
        F.scaled_dot_product_attention,
    ),
    Row("attention-long", ((1, 3, 4), (1, 150, 4), (1, 150, 5)), nn.scaled_dot_product_attention, F.scaled_dot_product_attention),
    Row("embedding", ((5, 3),), nn.embedding, lambda w, i: F.embedding(i, w), (WORDS,)),
    Row("conv2d", (IMAGES, (4, 3, 3, 2), (4,)), nn.conv2d, F.conv2d),
    Row(
        "conv2d-all",
        (IMAGES, (4, 3, 3, 2), (4,)),
        lambda x, w, b: nn.conv2d(x, w, b, stride=(2, 1), padding=(1, 2), dilation=(2, 3)),
        lambda x, w, b: F.conv2d(x, w, b, stride=(2, 1), padding=(1, 2), dilation=(2, 3)),
    ),
    Row(
        "conv2d-of-conv2d",
        (IMAGES, (4, 3, 3, 3), (2, 4, 2, 2)),
        lambda x, w, v: nn.conv2d(nn.relu(nn.conv2d(x, w, padding=1)), v, stride=2),
        lambda x, w, v: F.conv2d(F.relu(F.conv2d(x, w, padding=1)), v, stride=2),
    ),
    Row("max_pool2d", (IMAGES,), lambda x: nn.max_pool2d(x, 2), lambda x: F.max_pool2d(x, 2)),
    Row(
        "max_pool2d-all",
        (IMAGES,),
        lambda x: nn.max_pool2d(x, (3, 2), stride=(1, 2), padding=1, dilation=(1, 2)),
        lambda x: F.max_pool2d(x, (3, 2), (1, 2), 1, (1, 2)),
    ),
    Row(
        "avg_pool2d",
        (IMAGES,),
        lambda x: nn.avg_pool2d(x, (3, 2), stride=2, padding=1),
        lambda x: F.avg_pool2d(x, (3, 2), 2, 1),
    ),
]


def theirs(row: Row, arrays: list[np.ndarray], cotangent: np.ndarray, weights: list[np.ndarray]) -> tuple[Any, Any]:
    """Gradients of Σ cotangent · value, and of Σ weights · those."""
    leaves = [torch.tensor(x, requires_grad=True) for x in arrays]
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):  # the only one with a second order
        return _theirs(row, leaves, cotangent, weights)


def _theirs(row: Row, leaves: list[Any], cotangent: np.ndarray, weights: list[np.ndarray]) -> tuple[Any, Any]:
    value = row.theirs(*leaves, *[torch.tensor(c) for c in row.constants])
    first = torch.autograd.grad(value, leaves, torch.tensor(cotangent), create_graph=True)
    slope = sum((g * torch.tensor(v)).sum() for g, v in zip(first, weights, strict=True))
    second = torch.autograd.grad(slope, leaves, allow_unused=True) if slope.requires_grad else [None] * len(leaves)
    second = [np.zeros(x.shape) if g is None else g.numpy(force=True) for g, x in zip(second, leaves, strict=True)]
    return [g.detach().numpy() for g in first], second


def ours(
    row: Row, arrays: list[np.ndarray], cotangent: np.ndarray, weights: list[np.ndarray], library: str
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The same, by the tape."""
    array = torch.tensor if library == "torch" else np.asarray
    xp = cg.over(library)
    constants = [array(c) for c in row.constants]
    leaves = [cg.Tensor(array(x), requires_grad=True) for x in arrays]
    row.ours(*leaves, *constants).backward(array(cotangent))
    first = [np.asarray(leaf.grad) for leaf in leaves]
    for leaf in leaves:
        leaf.grad = None
    row.ours(*leaves, *constants).backward(array(cotangent), create_graph=True)
    slope = sum(xp.sum(leaf.grad * array(v)) for leaf, v in zip(leaves, weights, strict=True))
    for leaf in leaves:
        leaf.grad = None
    if slope.requires_grad:
        slope.backward()
    return first, [np.zeros_like(x) if leaf.grad is None else np.asarray(leaf.grad) for leaf, x in zip(leaves, arrays, strict=True)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["double", "single"])
@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_as_torch_has_it(row, library, dtype):
    tolerance = DOUBLE if dtype is np.float64 else SINGLE
    arrays = row.operands(dtype)
    value = np.asarray(row.ours(*arrays, *row.constants))
    expected = row.theirs(*[torch.tensor(x) for x in (*arrays, *row.constants)]).numpy()
    assert value.dtype == expected.dtype
    assert_agree(value, expected, tolerance, "value")
    (cotangent,) = directions_like([expected], seed=3)
    weights = directions_like(arrays, seed=4)
    mine = ours(row, arrays, cotangent, weights, library)
    expected = theirs(row, arrays, cotangent, weights)
    for order, part, other in zip((1, 2), mine, expected, strict=True):
        for g, e, x in zip(part, other, arrays, strict=True):
            assert g.dtype == x.dtype
            assert_agree(g, e, tolerance * 10**order, f"order {order}")
