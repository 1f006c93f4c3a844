"""R1: a recurrent net over the rows of an array that is differentiated too: 500 steps, 64 wide, float64. What reading parts costs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..workload import Arrays, Inputs, Workload, normal, same_for_all

STEPS, WIDTH = 500, 64


def _inputs() -> Inputs:
    rng = np.random.default_rng(11)
    return Inputs([normal(rng, STEPS, WIDTH, dtype=float), normal(rng, WIDTH, WIDTH, scale=WIDTH**-0.5, dtype=float)])


def loss(xp: Any, parameters: Arrays, constants: Arrays) -> Any:
    x, w = parameters
    h = xp.tanh(x[0])
    for t in range(1, STEPS):
        h = xp.tanh(h @ w + x[t])
    return xp.sum(h * h)


def _loss_jax(jnp: Any, parameters: Arrays, constants: Arrays) -> Any:
    import jax

    x, w = parameters

    def step(h: Any, row: Any) -> Any:
        return jnp.tanh(h @ w + row), None

    h, _ = jax.lax.scan(step, jnp.tanh(x[0]), x[1:])
    return jnp.sum(h * h)


def hand(inputs: Inputs) -> tuple[Any, Arrays]:
    """The gradient of w is one product, of all states and all gradients of what went into tanh, which are the rows of x's gradient."""
    x, w = inputs.parameters
    h = np.empty_like(x)
    np.tanh(x[0], out=h[0])
    for t in range(1, STEPS):
        z = h[t - 1] @ w
        z += x[t]
        np.tanh(z, out=h[t])
    gx = np.empty_like(x)
    g = 2 * h[-1]
    for t in range(STEPS - 1, -1, -1):
        z = gx[t]
        np.multiply(h[t], h[t], z)
        z *= g
        np.subtract(g, z, z)
        g = w @ z
    return np.vdot(h[-1], h[-1]), (gx, h[:-1].T @ gx[1:])


WORKLOAD = Workload(
    "R1",
    "recurrent net over 500 rows",
    _inputs,
    hand,
    same_for_all(loss) | {"jax": _loss_jax},
    left_out={"over-jax": "500 steps are unrolled, which XLA takes minutes to compile"},
    goal_torch=1.0,
)
