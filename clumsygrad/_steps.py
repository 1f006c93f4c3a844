"""Steps of optimizers over CuPy: one kernel for many parameters. As in _kernels.py, None stands for what no kernel serves.

The state of parameters of 16 bits is of float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import _kernels
from . import xp as _xp
from .xp import Array

__all__ = ["own", "step_of_adam", "step_of_sgd"]

_TENSORS = 48  # of one launch: their addresses are arguments, for which there are 4 kilobytes
_PARAMETERS = np.dtype([("addresses", np.uint64, (7, _TENSORS)), ("size", np.int64, _TENSORS)])

Change = tuple[Array, Array, dict[str, Any]]  # a parameter, its gradient, and the optimizer's state of it


def step_of_sgd(changes: Sequence[Change], rate: float, momentum: float, decay: float) -> list[Array | None]:
    """The new parameters, with their velocities as new state; None for each that no kernel serves.

    v ← momentum · v + gradient + decay · x,   x ← x − rate · v.
    """
    return _stepped(changes, "sgd", ("velocity",) if momentum else (), (rate, momentum, decay))


def step_of_adam(
    changes: Sequence[Change],
    rate: float,
    betas: tuple[float, float],
    corrections: tuple[float, float],
    eps: float,
    decay: float,
    keep: float,
) -> list[Array | None]:
    """The new parameters, with means and squares as new state; None for each that no kernel serves.

    x ← keep · x − rate / corrections[0] · mean / (√square / corrections[1] + eps), `decay` · x being added to the gradient before.
    """
    numbers = (rate / corrections[0], *betas, corrections[1], eps, decay, keep)
    return _stepped(changes, "adam", ("mean", "square"), numbers)


def _stepped(changes: Sequence[Change], name: str, states: tuple[str, ...], numbers: tuple[float, ...]) -> list[Array | None]:
    """Launch one kernel for all parameters of a dtype and a device."""
    done: list[Array | None] = [None] * len(changes)
    groups: dict[tuple[str, int], list[int]] = {}
    for i, (x, gradient, state) in enumerate(changes):
        dtype, held, shape = _kernels.readable(x, gradient), state.values(), x.shape
        if dtype is None or gradient.shape != shape:
            continue
        real = "FLOAT64" if dtype == "FLOAT64" else "FLOAT32"
        is_whole = not state or (all(key in state for key in states) and _kernels.readable(*held) == real)
        if is_whole and not [a for a in held if a.shape != shape]:
            groups.setdefault((dtype, x.device.id if _xp.guard is not None else 0), []).append(i)
    for (dtype, _), members in groups.items():
        for start in range(0, len(members), _TENSORS):
            chosen = members[start : start + _TENSORS]
            arguments = changes[chosen[0]][0], [changes[i] for i in chosen], dtype, name, states, numbers
            made = _xp.on_its_device(_step_together, *arguments)
            for i, x in zip(chosen, made, strict=True):
                done[i] = x
    return done


def _step_together(
    like: Array, changes: Sequence[Change], dtype: str, name: str, states: tuple[str, ...], numbers: tuple[float, ...]
) -> list[Array]:
    """The new parameters, by one launch on the device of `like`, which is one of the old. The optimizer's state is written in place."""
    made, columns = [], []
    missing = [0] * (2 - len(states))
    begun: list[tuple[dict[str, Any], list[Array]]] = []  # the first state of parameters: theirs once it was written
    for x, gradient, state in changes:
        new = _kernels.empty(x.shape, x)
        made.append(new)
        held = [state[key] if state else _kernels.empty(x.shape, x, _kernels.REALS[dtype]) for key in states]
        if not state:
            begun.append((state, held))
        after = [*map(_kernels.address, held), *missing]
        before = after if state else [0, 0]
        columns.append([_kernels.address(x), _kernels.address(gradient), *before, _kernels.address(new), *after, x.size])
    parameters = np.zeros(1, _PARAMETERS)
    table = np.array(columns, np.uint64).T
    parameters["addresses"][0, :, : len(columns)] = table[:7]
    parameters["size"][0, : len(columns)] = table[7]
    grid = (min(-(-int(table[7].max()) // 1024), 2**16), len(columns), 1)
    _kernels.launch("optimizers", name, dtype, grid, (256, 1, 1), [parameters, *map(np.float64, numbers)])
    for state, held in begun:
        state.update(zip(states, held, strict=True))
    return made


def own(array: Array) -> Array:
    """An array of an optimizer's state for others, or theirs for an optimizer: of CuPy's a copy, since steps write them in place."""
    return _xp.on_its_device(_xp.copied, array) if _kernels.is_cupys(array) else array
