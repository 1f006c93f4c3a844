"""W7: a million operations in a row on one element, float64: the engine's own cost, its memory, and no recursion.

Alternately sin(x) and x · c, which keep both value and gradient in range.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..workload import Arrays, Inputs, Workload, same_for_all

OPERATIONS = 1_000_000
FACTOR = 0.9999999


def _inputs() -> Inputs:
    return Inputs([np.asarray([0.5])])


def loss(xp: Any, parameters: Arrays, constants: Arrays) -> Any:
    (x,) = parameters
    for _ in range(OPERATIONS // 2):
        x = xp.sin(x) * FACTOR
    return xp.sum(x)


def hand(inputs: Inputs) -> tuple[Any, Arrays]:
    """The list of what sin was called with, walked backward. (FACTOR as an array: NumPy multiplies by that faster than by a float.)"""
    (x,) = inputs.parameters
    factor = np.asarray([FACTOR])
    saved = []
    for _ in range(OPERATIONS // 2):
        saved.append(x)
        x = np.sin(x) * factor
    value = x[0]
    g = np.ones(1)
    while saved:
        g = g * factor * np.cos(saved.pop())
    return value, (g,)


WORKLOAD = Workload(
    "W7",
    "1 000 000 operations in a row",
    _inputs,
    hand,
    same_for_all(loss),
    most_rounds=3,
    operations=OPERATIONS,
    measures_memory=True,
    left_out={
        "jax": "XLA does not compile a program of a million operations",
        "over-jax": "XLA does not compile a program of a million operations",
    },
    goal=4.5,
    goal_memory=400,
)
