"""The rows of the benchmarks of GPUs: workloads at the sizes at which a GPU is asked, and Adam's step.

`tiny` sizes are for trying the benchmark out where there is no GPU.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .workload import Arrays, Inputs, Workload, normal
from .workloads import convnet, embedding, mlp, transformer

ADAM = "adam"


@dataclass(frozen=True)
class Row:
    """`work` is what a step does, in `unit` (bytes, or operations of floating point), for a rate; 0 tells none."""

    name: str
    title: str
    workload: Callable[[bool], Workload] | None  # of tiny size or not; None for Adam, which differentiates nothing
    size: Callable[[bool], int] = lambda tiny: 0
    work: Callable[[int], float] = lambda size: 0.0
    unit: str = ""
    checked: bool = True  # against NumPy's gradient by hand, which takes minutes at the largest sizes
    products: bool = True  # matrix products, which TF32 may round
    by_hand: bool = True  # there is a hand-written gradient that runs on CuPy


# One operation ------------------------------------------------------------------------------------------------------------------


def _one_operation(tiny: bool) -> Workload:
    def inputs() -> Inputs:
        return Inputs([np.full(1, 1.5, np.float32), np.full(1, 2.5, np.float32)])

    return Workload("op", "", inputs, _multiply_by_hand, dict.fromkeys(("clumsygrad", "torch", "jax"), _multiply))


def _multiply(library: Any, parameters: Arrays, constants: Arrays) -> Any:
    x, y = parameters
    return (x * y)[0] if library.__name__ == "jax.numpy" else x * y


def _multiply_by_hand(inputs: Inputs) -> tuple[Any, Arrays]:
    x, y = inputs.parameters
    z = x * y
    g = library_of(z).ones_like(z)
    return z, (g * y, g * x)


def library_of(x: Any) -> Any:
    """The module that an array is of: numpy or cupy."""
    return importlib.import_module(type(x).__module__.partition(".")[0])


# Matrix products ----------------------------------------------------------------------------------------------------------------


def _product(size: int) -> Workload:
    def inputs() -> Inputs:
        rng = np.random.default_rng(20)
        return Inputs([normal(rng, size, size), normal(rng, size, size)], [normal(rng, size, size)])

    losses = {"clumsygrad": _product_loss, "torch": _product_loss, "jax": _product_loss}
    return Workload("matmul", "", inputs, _product_by_hand, losses)


def _product_loss(library: Any, parameters: Arrays, constants: Arrays) -> Any:
    x, y = parameters
    return library.sum((x @ y) * constants[0])


def _product_by_hand(inputs: Inputs) -> tuple[Any, Arrays]:
    (x, y), (w,) = inputs.parameters, inputs.constants
    z = x @ y
    z *= w
    return z.sum(), (w @ y.T, x.T @ w)


# Workloads of others at other sizes ------------------------------------------------------------------------------------------------


def _classification(batch: int, tiny: bool) -> Workload:
    sizes: tuple[Any, ...] = (8, (12, 7, 5, 3)) if tiny else (batch,)
    return replace(mlp.CLASSIFICATION, inputs=lambda: mlp.classification_inputs(*sizes))


def _block(sizes: tuple[int, int, int], tiny: bool) -> Workload:
    return replace(transformer.WORKLOAD, inputs=lambda: transformer.inputs(*((2, 4, 8) if tiny else sizes)))


def _embedding(tiny: bool) -> Workload:
    return replace(embedding.WORKLOAD, hand=_embedding_by_hand)


def _embedding_by_hand(inputs: Inputs) -> tuple[Any, Arrays]:
    """On CuPy by its atomic additions, elsewhere as in the benchmark of CPUs."""
    (table,), (words, weights) = inputs.parameters, inputs.constants
    library = library_of(table)
    if library.__name__ == "numpy":
        return embedding.hand(inputs)
    value = (table[words] * weights).sum()
    gradient = library.zeros_like(table)
    library.add.at(gradient, words, weights)
    return value, (gradient,)


def _mlp_row(batch: int) -> Row:
    return Row(
        f"mlp-{batch}",
        f"MLP 784-512-256-10, relu, cross-entropy, batch {batch}",
        lambda tiny: _classification(batch, tiny),
    )


def _block_row(batch: int, length: int, width: int) -> Row:
    return Row(
        f"block-{width}",
        f"transformer block, batch {batch}, sequence {length}, width {width}, 4 heads",
        lambda tiny: _block((batch, length, width), tiny),
        checked=width <= 128,
    )


def _matmul_row(size: int) -> Row:
    return Row(
        f"matmul-{size}",
        f"product of two {size} × {size} matrices, forward and backward: three products",
        lambda tiny: _product(8 if tiny else size),
        lambda tiny: 8 if tiny else size,
        lambda n: 6.0 * n**3,
        "FLOP",
        checked=False,
    )


ROWS = {
    row.name: row
    for row in (
        Row("op", "x · y of one element, forward and backward", _one_operation, products=False),
        _mlp_row(32),
        _mlp_row(256),
        _mlp_row(8192),
        _block_row(8, 64, 128),
        _block_row(16, 256, 512),
        _block_row(16, 512, 1024),
        Row("convnet", convnet.WORKLOAD.title, lambda tiny: convnet.WORKLOAD, by_hand=False),
        Row("embedding", embedding.WORKLOAD.title, _embedding, products=False),
        Row(
            ADAM,
            "a step of Adam on 64 arrays of 2²⁰ numbers; by hand: a copy of as many bytes",
            None,
            lambda tiny: 64 if tiny else 2**20,
            lambda n: 64 * n * 7 * 4.0,
            "B",
            products=False,
        ),
        _matmul_row(2048),
        _matmul_row(8192),
    )
}
