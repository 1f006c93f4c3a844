"""W1, W1b, W2: a hundred elementwise operations in a row; what a recorded operation costs, at several sizes.

20 times tanh(exp(sin(x) · a) + b); the gradient of the sum with respect to x, a and b, all float64 and of one shape.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..workload import Arrays, Inputs, Workload, same_for_all

LAYERS = 20


def loss(xp: Any, parameters: Arrays, constants: Arrays) -> Any:
    x, a, b = parameters
    for _ in range(LAYERS):
        x = xp.tanh(xp.exp(xp.sin(x) * a) + b)
    return xp.sum(x) if x.shape else x


def hand(inputs: Inputs) -> tuple[Any, Arrays]:
    """Plain expressions: in-place forms (out=, +=) measured no faster at any of the sizes, and slower at the small ones."""
    return _gradient(*inputs.parameters)


def hand_faster(inputs: Inputs) -> tuple[Any, Arrays]:
    """0-d arrays turned into the NumPy scalars that their sums are, which is three times as fast."""
    x, a, b = inputs.parameters
    return _gradient(x[()], a[()], b[()])


def _gradient(x: Any, a: Any, b: Any) -> tuple[Any, Arrays]:
    saved = []
    for _ in range(LAYERS):
        s = np.sin(x)
        e = np.exp(s * a)
        t = np.tanh(e + b)
        saved.append((x, s, e, t))
        x = t
    x, s, e, t = saved.pop()
    value = np.add.reduce(t) if t.shape else t
    g = gb = 1 - t * t
    g = g * e
    ga = g * s
    g = g * a * np.cos(x)
    while saved:
        x, s, e, t = saved.pop()
        g = g - g * t * t
        gb = gb + g
        g = g * e
        ga = ga + g * s
        g = g * a * np.cos(x)
    return value, (g, ga, gb)


def _inputs(shape: tuple[int, ...]) -> Inputs:
    rng = np.random.default_rng(1)
    return Inputs([np.asarray(rng.uniform(low, low + 0.5, shape)) for low in (0.2, 0.3, -0.8)])


def _inputs_0d() -> Inputs:
    return _inputs(())


def _inputs_1() -> Inputs:
    return _inputs((1,))


def _inputs_1000() -> Inputs:
    return _inputs((1000,))


def _inputs_100000() -> Inputs:
    return _inputs((100_000,))


def _inputs_1000000() -> Inputs:
    return _inputs((1_000_000,))


_losses = same_for_all(loss)

WORKLOADS = (
    Workload("W1", "100 elementwise operations, 0-d", _inputs_0d, hand, _losses, hand_faster=hand_faster, goal=3.3, goal_torch=3.3),
    Workload("W1b", "the same, 1 element", _inputs_1, hand, _losses, goal=2.5, goal_torch=2.7),
    Workload("W2", "the same, 1 000 elements", _inputs_1000, hand, _losses, goal=1.35),
    Workload("W2-100000", "the same, 100 000 elements", _inputs_100000, hand, _losses, goal=1.05, most_rounds=15),
    Workload("W2-1000000", "the same, 1 000 000 elements", _inputs_1000000, hand, _losses, goal=1.05, most_rounds=5),
)
