"""W8: 10 000 rows, with repeats, gathered from an embedding of 50 000 × 64, float32: the transpose of a gather."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..workload import Arrays, Inputs, Workload, normal

try:
    from scipy.sparse import csr_array
except ImportError:  # then the second fastest form is the baseline
    csr_array = None


def _inputs() -> Inputs:
    rng = np.random.default_rng(8)
    frequent = rng.integers(0, 500, 5_000)  # half of the words are common ones, as in a text
    words = rng.permutation(np.concatenate([frequent, rng.integers(0, 50_000, 5_000)]))
    return Inputs([normal(rng, 50_000, 64)], (words, normal(rng, 10_000, 64)))


def _loss_clumsygrad(cg: Any, parameters: Arrays, constants: Arrays) -> Any:
    words, weights = constants
    return cg.tensordot(cg.nn.embedding(parameters[0], words), weights, axes=2)  # Σ of the products, as np.vdot by hand


def _loss_torch(torch: Any, parameters: Arrays, constants: Arrays) -> Any:
    words, weights = constants
    return torch.tensordot(torch.nn.functional.embedding(words, parameters[0]), weights, dims=2)


def _loss(xp: Any, parameters: Arrays, constants: Arrays) -> Any:
    words, weights = constants
    return xp.sum(parameters[0][words] * weights)


def hand(inputs: Inputs) -> tuple[Any, Arrays]:
    (embedding,) = inputs.parameters
    words, weights = inputs.constants
    value = np.vdot(np.take(embedding, words, axis=0), weights)
    return value, (_summed_rows(weights, words, embedding.shape),)


def _summed_rows(rows: Any, words: Any, shape: tuple[int, int]) -> Any:
    """Zeros of `shape` with rows added at `words`: as a sparse product, or else by add.at in one dimension (5 times slower)."""
    n = len(words)
    if csr_array is not None:
        chosen = csr_array((np.ones(n, rows.dtype), words, np.arange(n + 1)), shape=(n, shape[0]))
        return chosen.T @ rows
    flat = np.zeros(shape[0] * shape[1], rows.dtype)
    positions = words[:, None] * shape[1] + np.arange(shape[1])
    np.add.at(flat, positions.ravel(), rows.ravel())
    return flat.reshape(shape)


WORKLOAD = Workload(
    "W8",
    "gather 10 000 rows of a 50 000 × 64 embedding",
    _inputs,
    hand,
    {"clumsygrad": _loss_clumsygrad, "torch": _loss_torch, "jax": _loss, "autograd": _loss, "mygrad": _loss},
    goal=1.25,
)
