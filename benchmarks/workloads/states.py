"""R2: the states of a vibrating chain, below each other in an array, against data: 400 steps, 256 wide, float64. What writing costs.

The sine-Gordon equation on a ring, u″ = k Δu − sin u, by the leapfrog scheme; initial state and stiffness are differentiated. clumsygrad
writes the states into an array, as one does in NumPy; the other libraries collect them in a list and stack it, JAX scans.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..workload import Arrays, Inputs, Workload, normal, same_for_all

STEPS, WIDTH, SQUARE = 400, 256, 0.01  # of the time step


def _inputs() -> Inputs:
    rng = np.random.default_rng(12)
    stiffness = 1 + 0.1 * normal(rng, WIDTH, dtype=float)
    return Inputs([normal(rng, WIDTH, dtype=float), stiffness], [normal(rng, STEPS, WIDTH, dtype=float)])


def _laplacian(xp: Any, u: Any) -> Any:
    return xp.roll(u, 1) - 2.0 * u + xp.roll(u, -1)


def _next(xp: Any, before: Any, u: Any, stiffness: Any) -> Any:
    return 2.0 * u - before + SQUARE * (stiffness * _laplacian(xp, u) - xp.sin(u))


def _written(xp: Any, parameters: Arrays, constants: Arrays) -> Any:
    (start, stiffness), (data,) = parameters, constants
    u = xp.zeros_like(data)
    u[0] = start
    u[1] = start
    for t in range(1, STEPS - 1):
        u[t + 1] = _next(xp, u[t - 1], u[t], stiffness)
    difference = u - data
    return xp.sum(difference * difference)


def _collected(xp: Any, parameters: Arrays, constants: Arrays) -> Any:
    (start, stiffness), (data,) = parameters, constants
    states = [start, start]
    for _ in range(1, STEPS - 1):
        states.append(_next(xp, states[-2], states[-1], stiffness))
    difference = xp.stack(states) - data
    return xp.sum(difference * difference)


def _scanned(jnp: Any, parameters: Arrays, constants: Arrays) -> Any:
    import jax

    (start, stiffness), (data,) = parameters, constants

    def step(states: Any, _: Any) -> Any:
        before, u = states
        after = _next(jnp, before, u, stiffness)
        return (u, after), after

    _, states = jax.lax.scan(step, (start, start), None, length=STEPS - 2)
    difference = jnp.concatenate([jnp.stack([start, start]), states]) - data
    return jnp.sum(difference * difference)


def hand(inputs: Inputs) -> tuple[Any, Arrays]:
    """The states' gradients backwards in time, each from the two that follow."""
    (start, stiffness), (data,) = inputs.parameters, inputs.constants
    u = np.empty_like(data)
    u[0] = u[1] = start
    for t in range(1, STEPS - 1):
        u[t + 1] = _next(np, u[t - 1], u[t], stiffness)
    difference = u - data
    g = 2 * difference
    g_stiffness = np.zeros_like(stiffness)
    for t in range(STEPS - 1, 1, -1):
        force = SQUARE * g[t]
        g[t - 1] += 2 * g[t] + _laplacian(np, stiffness * force) - np.cos(u[t - 1]) * force
        g[t - 2] -= g[t]
        g_stiffness += force * _laplacian(np, u[t - 1])
    return np.vdot(difference, difference), (g[0] + g[1], g_stiffness)


WORKLOAD = Workload(
    "R2",
    "400 states in an array",
    _inputs,
    hand,
    same_for_all(_collected) | {"clumsygrad": _written, "jax": _scanned},
    left_out={"over-jax": "400 steps are unrolled, which XLA takes minutes to compile"},
    measures_memory=True,
)
