"""L1: yᵀ K⁻¹ y and log det K of a positive definite matrix, by its Cholesky factor, n = 500: the likelihood of a Gaussian process.

clumsygrad has one function for both; L1b is the same by single operations, as the other libraries compute it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..workload import Arrays, Inputs, Workload

N = 500
BLOCK = 48


def _inputs() -> Inputs:
    rng = np.random.default_rng(8)
    a = rng.standard_normal((N, N))
    return Inputs([a @ a.T / N + np.eye(N), rng.standard_normal(N)])


def _loss(cg: Any, parameters: Arrays, constants: Arrays) -> Any:
    inv_quad, logdet = cg.linalg.inv_quad_logdet(*parameters)
    return inv_quad + logdet


def _loss_by_operations(xp: Any, parameters: Arrays, constants: Arrays) -> Any:
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
    """Not through the factor: the gradient of the whole is K⁻¹ − (K⁻¹ y)(K⁻¹ y)ᵀ."""
    from scipy.linalg import blas, lapack

    k, y = inputs.parameters
    factor, _ = lapack.dpotrf(k.T, lower=1, clean=0)
    x = blas.dtrsv(factor, blas.dtrsv(factor, y, lower=1), lower=1, trans=1)
    value = y @ x + 2 * np.add.reduce(np.log(np.diagonal(factor)))
    inverse = _inverse(lapack, factor)
    blas.dger(-1.0, x, x, a=inverse.T, overwrite_a=1)
    x *= 2
    return value, (inverse, x)


def _inverse(lapack: Any, factor: np.ndarray) -> np.ndarray:
    """K⁻¹ from its factor in the lower triangle, some columns at a time, from the last to the first.

    Nearly all of it is one product of matrices for each block: it takes 0.7 of the time of LAPACK's dpotri in OpenBLAS.
    """
    inverse = np.empty((N, N))
    above = np.tri(BLOCK, k=-1, dtype=bool).T
    for start in reversed(range(0, N, BLOCK)):
        stop = min(start + BLOCK, N)
        columns, behind = slice(start, stop), slice(stop, N)
        of_diagonal = lapack.dtrtri(factor[columns, columns], lower=1)[0]
        np.copyto(of_diagonal, 0, where=above[: stop - start, : stop - start])
        square = of_diagonal.T @ of_diagonal
        if stop < N:
            rows = factor[behind, columns] @ of_diagonal
            beside = np.matmul(rows.T, inverse[behind, behind], out=inverse[columns, behind])
            square += beside @ rows
            np.negative(beside, out=beside)
            inverse[behind, columns] = beside.T
        inverse[columns, columns] = square
    return inverse


WORKLOAD = Workload(
    "L1",
    "Cholesky, solve, log det, n = 500",
    _inputs,
    hand,
    {"clumsygrad": _loss, "torch": _loss_torch, "jax": _loss_jax},
    most_rounds=31,
    goal=1.15,
    goal_torch=1.0,
)

BY_OPERATIONS = Workload(
    "L1b",
    "the same by single operations",
    _inputs,
    hand,
    {"clumsygrad": _loss_by_operations, "torch": _loss_torch, "jax": _loss_jax},
    most_rounds=31,
    goal_torch=1.0,
)
