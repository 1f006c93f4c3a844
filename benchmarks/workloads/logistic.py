"""W5: logistic regression, 100 000 samples of 100 features, float64: two passes over a large matrix, and little else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..workload import Arrays, Inputs, Workload, same_for_all


def _inputs() -> Inputs:
    rng = np.random.default_rng(5)
    x = rng.standard_normal((100_000, 100))
    sign = rng.choice([-1.0, 1.0], 100_000)
    return Inputs([rng.standard_normal(100) * 0.1, np.asarray([0.1])], (x, sign, (sign + 1) / 2))


def loss(xp: Any, parameters: Arrays, constants: Arrays) -> Any:
    w, b = parameters
    x, sign, _ = constants
    return xp.mean(xp.log1p(xp.exp(-sign * (x @ w + b))))


def _loss_clumsygrad(cg: Any, parameters: Arrays, constants: Arrays) -> Any:
    w, b = parameters
    x, _, labels = constants
    return cg.nn.binary_cross_entropy(x @ w + b, labels)


def _loss_torch(torch: Any, parameters: Arrays, constants: Arrays) -> Any:
    """The fastest of soft_margin_loss, softplus and binary_cross_entropy_with_logits."""
    w, b = parameters
    x, sign, _ = constants
    return torch.nn.functional.soft_margin_loss(x @ w + b, sign)


def hand(inputs: Inputs) -> tuple[Any, Arrays]:
    return _by_hand(inputs, lambda e, factors: np.add.reduce(np.log1p(e)))


def hand_faster(inputs: Inputs) -> tuple[Any, Arrays]:
    """The logarithms of products of 32, in place of as many logarithms; here no product is as large as to overflow."""
    return _by_hand(inputs, lambda e, factors: np.add.reduce(np.log(np.multiply.reduce(factors.reshape(32, -1)))))


def _by_hand(inputs: Inputs, sum_of_log1p: Callable[[Any, Any], Any]) -> tuple[Any, Arrays]:
    """`sum_of_log1p` is handed e and 1 + e."""
    w, b = inputs.parameters
    x, sign, _ = inputs.constants
    e = x @ w
    e += b
    e *= sign
    np.negative(e, out=e)
    np.exp(e, out=e)
    g = e + 1
    value = sum_of_log1p(e, g) / e.size
    np.divide(e, g, out=g)
    g *= sign
    g *= -1 / e.size
    return value, (g @ x, np.add.reduce(g, keepdims=True))


WORKLOAD = Workload(
    "W5",
    "logistic regression, 100 000 × 100",
    _inputs,
    hand,
    {**same_for_all(loss), "clumsygrad": _loss_clumsygrad, "torch": _loss_torch},
    hand_faster=hand_faster,
    goal=1.12,
    goal_torch=1.0,
)
