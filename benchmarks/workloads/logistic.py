"""W5: logistic regression, 100 000 samples of 100 features, float64: two passes over a large matrix, and little else."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..workload import Arrays, Inputs, Workload, same_for_all


def _inputs() -> Inputs:
    rng = np.random.default_rng(5)
    x = rng.standard_normal((100_000, 100))
    sign = rng.choice([-1.0, 1.0], 100_000)
    return Inputs([rng.standard_normal(100) * 0.1, np.asarray([0.1])], (x, sign))


def loss(xp: Any, parameters: Arrays, constants: Arrays) -> Any:
    w, b = parameters
    x, sign = constants
    return xp.mean(xp.log1p(xp.exp(-sign * (x @ w + b))))


def _loss_torch(torch: Any, parameters: Arrays, constants: Arrays) -> Any:
    w, b = parameters
    x, sign = constants
    return torch.nn.functional.softplus(-sign * (x @ w + b)).mean()


def hand(inputs: Inputs) -> tuple[Any, Arrays]:
    w, b = inputs.parameters
    x, sign = inputs.constants
    e = x @ w
    e += b
    e *= sign
    np.negative(e, out=e)
    np.exp(e, out=e)
    value = np.add.reduce(np.log1p(e)) / e.size
    g = e + 1
    np.divide(e, g, out=g)
    g *= sign
    g *= -1 / e.size
    return value, (g @ x, np.add.reduce(g, keepdims=True))


WORKLOAD = Workload(
    "W5",
    "logistic regression, 100 000 × 100",
    _inputs,
    hand,
    {**same_for_all(loss), "torch": _loss_torch},
    goal=1.12,
    goal_torch=1.0,
)
