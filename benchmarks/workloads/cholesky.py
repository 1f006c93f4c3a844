"""L1: yᵀ K⁻¹ y and log det K of a positive definite matrix, by its Cholesky factor, n = 500: the likelihood of a Gaussian process."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..workload import Arrays, Inputs, Workload

N = 500


def _inputs() -> Inputs:
    rng = np.random.default_rng(8)
    a = rng.standard_normal((N, N))
    return Inputs([a @ a.T / N + np.eye(N), rng.standard_normal(N)])


def loss(xp: Any, parameters: Arrays, constants: Arrays) -> Any:
    k, y = parameters
    factor = xp.linalg.cholesky(k)
    z = xp.linalg.solve_triangular(factor, y, lower=True)
    return xp.sum(z * z) + 2 * xp.sum(xp.log(xp.linalg.diagonal(factor)))


def _loss_torch(torch: Any, parameters: Arrays, constants: Arrays) -> Any:
    k, y = parameters
    factor = torch.linalg.cholesky(k)
    z = torch.linalg.solve_triangular(factor, y[:, None], upper=False)
    return (z * z).sum() + 2 * torch.log(torch.diagonal(factor)).sum()


def _loss_jax(jnp: Any, parameters: Arrays, constants: Arrays) -> Any:
    import jax

    k, y = parameters
    factor = jnp.linalg.cholesky(k)
    z = jax.scipy.linalg.solve_triangular(factor, y, lower=True)
    return jnp.sum(z * z) + 2 * jnp.sum(jnp.log(jnp.diagonal(factor)))


def hand(inputs: Inputs) -> tuple[Any, Arrays]:
    """Not through the factor: the gradient of the whole is K⁻¹ − (K⁻¹ y)(K⁻¹ y)ᵀ, and LAPACK has the inverse from the factor.

    LAPACK reads NumPy's rows as columns, and fills one triangle of a symmetric matrix only.
    """
    from scipy.linalg import lapack

    k, y = inputs.parameters
    factor, _ = lapack.dpotrf(k.T, lower=0, clean=1)
    x, _ = lapack.dpotrs(factor, y, lower=0)
    value = y @ x + 2 * np.add.reduce(np.log(np.diagonal(factor)))
    half = lapack.dpotri(factor, lower=0, overwrite_c=1)[0].T
    inverse = half + half.T
    inverse.flat[:: N + 1] /= 2
    inverse -= x[:, None] * x
    x *= 2
    return value, (inverse, x)


WORKLOAD = Workload(
    "L1",
    "Cholesky, solve, log det, n = 500",
    _inputs,
    hand,
    {"clumsygrad": loss, "torch": _loss_torch, "jax": _loss_jax},
    most_rounds=31,
    goal=1.15,
    goal_torch=1.0,
)
