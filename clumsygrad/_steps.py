"""Steps of optimizers over CuPy: one kernel for many parameters. What no kernel serves is left out.

All memory is there before the first launch, which writes state in place. The state of parameters of 16 bits is of float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from . import _kernels
from . import xp as _xp
from .xp import Array

__all__ = ["Step", "own", "run", "step_of_adam", "step_of_sgd"]

_TENSORS = 48  # of one launch: their addresses are arguments, for which there are 4 kilobytes
_PARAMETERS = np.dtype([("addresses", np.uint64, (7, _TENSORS)), ("size", np.int64, _TENSORS)])

Change = tuple[Array, Array, dict[str, Any]]  # a parameter, its gradient, and the optimizer's state of it


class Step(NamedTuple):
    """A launch that is ready: which of the parameters it steps, what they will be, and the first state of those that had none."""

    members: list[int]
    made: list[Array]
    begun: list[tuple[dict[str, Any], dict[str, Array]]]
    launch: tuple[Any, ...]


def step_of_sgd(changes: Sequence[Change], rate: float, momentum: float, decay: float) -> list[Step]:
    """v ← momentum · v + gradient + decay · x,   x ← x − rate · v, for the parameters that a kernel serves; v is their velocity."""
    return _prepared(changes, "sgd", ("velocity",) if momentum else (), (rate, momentum, decay))


def step_of_adam(
    changes: Sequence[Change],
    rate: float,
    betas: tuple[float, float],
    corrections: tuple[float, float],
    eps: float,
    decay: float,
    keep: float,
) -> list[Step]:
    """x ← keep · x − rate / corrections[0] · mean / (√square / corrections[1] + eps), for the parameters that a kernel serves.

    `decay` · x is added to the gradient before.
    """
    numbers = (rate / corrections[0], *betas, corrections[1], eps, decay, keep)
    return _prepared(changes, "adam", ("mean", "square"), numbers)


def run(steps: Sequence[Step]) -> None:
    """Launch what is ready. The optimizer's state is written in place; nothing more has to be allocated that could fail."""
    for step in steps:
        _xp.on_its_device(_launched, step.made[0], step.launch)


def _launched(like: Array, launch: tuple[Any, ...]) -> None:
    """Launch on the device of `like`."""
    _kernels.launch(*launch)


def _prepared(changes: Sequence[Change], name: str, states: tuple[str, ...], numbers: tuple[float, ...]) -> list[Step]:
    """One kernel for all parameters of a dtype and a device."""
    groups: dict[tuple[str, int], list[int]] = {}
    for i, (x, gradient, state) in enumerate(changes):
        dtype, held, shape = _kernels.readable(x, gradient), state.values(), x.shape
        if dtype is None or gradient.shape != shape or not all(_xp.same_device(a, x) for a in (gradient, *held)):
            continue  # of two devices the body says so
        real = "FLOAT64" if dtype == "FLOAT64" else "FLOAT32"
        is_whole = not state or (all(key in state for key in states) and _kernels.readable(*held) == real)
        if is_whole and not [a for a in held if a.shape != shape]:
            groups.setdefault((dtype, x.device.id if _xp.guard is not None else 0), []).append(i)
    steps = []
    for (dtype, _), members in groups.items():
        for start in range(0, len(members), _TENSORS):
            chosen = members[start : start + _TENSORS]
            of_them = [changes[i] for i in chosen]
            steps.append(_xp.on_its_device(_step_together, of_them[0][0], chosen, of_them, dtype, name, states, numbers))
    return steps


def _step_together(
    like: Array,
    members: list[int],
    changes: Sequence[Change],
    dtype: str,
    name: str,
    states: tuple[str, ...],
    numbers: tuple[float, ...],
) -> Step:
    """One launch, on the device of `like`, which is one of the old parameters."""
    made, columns = [], []
    missing = [0] * (2 - len(states))
    begun = []
    for x, gradient, state in changes:
        new = _kernels.empty(x.shape, x)
        made.append(new)
        held = [state[key] if state else _kernels.empty(x.shape, x, _kernels.REALS[dtype]) for key in states]
        if not state:
            begun.append((state, dict(zip(states, held, strict=True))))
        after = [*map(_kernels.address, held), *missing]
        before = after if state else [0, 0]
        columns.append([_kernels.address(x), _kernels.address(gradient), *before, _kernels.address(new), *after, x.size])
    parameters = np.zeros(1, _PARAMETERS)
    table = np.array(columns, np.uint64).T
    parameters["addresses"][0, :, : len(columns)] = table[:7]
    parameters["size"][0, : len(columns)] = table[7]
    grid = (min(-(-int(table[7].max()) // 1024), 2**16), len(columns), 1)
    launch = "optimizers", name, dtype, grid, (256, 1, 1), [parameters, *map(np.float64, numbers)]
    return Step(members, made, begun, launch)


def own(array: Array) -> Array:
    """An array of an optimizer's state for others, or theirs for an optimizer: of CuPy's a copy, since steps write them in place."""
    return _xp.on_its_device(_xp.copied, array) if _kernels.is_cupys(array) else array
