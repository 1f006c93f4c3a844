"""Gradients and Hessian-vector products of linear algebra against those of torch and JAX, in their own words, real and complex.

A loss is real, and depends on no choice that a library may make. Of complex operands torch's convention is clumsygrad's, and JAX gives
the conjugate. Agreement is to 1e-8 (1 + the largest element), in float64 and complex128; in float32 to 2e-4 of the same, times 5 where
a matrix is inverted, whose condition number is below 20.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from checks import assert_agree, directions_like

import clumsygrad as cg

DOUBLE, SINGLE = 1e-8, 2e-4


@dataclass(frozen=True)
class Row:
    """A function of arrays in a library's own words: of clumsygrad's namespace, of torch, of jax."""

    name: str
    shapes: tuple[tuple[int, ...], ...]
    ours: Callable[..., Any]
    torch: Callable[..., Any] | None
    jax: Callable[..., Any] | None
    factor: float = 1.0  # of the tolerance in float32
    kinds: tuple[str, ...] = ("real", "complex")

    def operands(self, kind: str, single: bool) -> list[np.ndarray]:
        """Random operands; square matrices with five times the identity."""
        random = np.random.default_rng(11)
        arrays = []
        for shape in self.shapes:
            x = random.standard_normal(shape)
            if kind == "complex":
                x = x + 1j * random.standard_normal(shape)
            if len(shape) > 1 and shape[-1] == shape[-2]:
                x = x + 5 * np.eye(shape[-1])
            arrays.append(x.astype({"real": "f", "complex": "F"}[kind] if single else x.dtype))
        return arrays


ROWS: list[Row] = []


def row(name: str, *shapes: tuple[int, ...], **functions: Any) -> None:
    """A row; a function that is not given is the standard's `ours`, in the library's own linalg."""
    ours = functions.pop("ours", lambda xp, *x: getattr(xp.linalg, name)(*x))
    ROWS.append(Row(name, shapes, ours, functions.pop("torch", ours), functions.pop("jax", ours), **functions))


def positive(xp: Any, x: Any) -> Any:
    return x @ xp.conj(x.mT)


INVERTED = 5.0
row("cholesky", (4, 4), ours=lambda xp, x: xp.linalg.cholesky(positive(xp, x)), factor=INVERTED)
row("cholesky-batch", (2, 3, 3), ours=lambda xp, x: xp.linalg.cholesky(positive(xp, x), upper=True), factor=INVERTED)
row("cholesky-of-100", (100, 100), ours=lambda xp, x: xp.linalg.cholesky(positive(xp, x + 20 * x.mT)), factor=100)
row("det", (3, 3), factor=INVERTED)
row("det", (2, 2, 2), factor=INVERTED)
row("slogdet-size", (2, 3, 3), ours=lambda xp, x: xp.linalg.slogdet(x)[1], factor=INVERTED)
row("slogdet-size-40", (40, 40), ours=lambda xp, x: xp.linalg.slogdet(x / 10 + xp.conj(x.mT) / 10)[1], factor=100)
row("slogdet-sign", (3, 3), ours=lambda xp, x: xp.linalg.slogdet(x)[0], factor=INVERTED, kinds=("complex",))
row("inv", (2, 3, 3), factor=INVERTED)
row("pinv", (4, 3), factor=INVERTED)
row("pinv", (2, 3, 4), factor=INVERTED)
row("solve", (3, 3), (3,), factor=INVERTED)
row("solve", (2, 1, 3, 3), (4, 3, 2), factor=INVERTED)
row("solve", (40, 40), (40, 2), factor=100)
row("matrix_power", (2, 3, 3), ours=lambda xp, x: xp.linalg.matrix_power(x / 5, 5), factor=INVERTED)
row("matrix_power-negative", (3, 3), ours=lambda xp, x: xp.linalg.matrix_power(x / 5, -2), factor=INVERTED)
row("outer", (3,), (2,), torch=lambda xp, x, y: x[:, None] * y)
row("cross", (2, 3), (2, 3))
row("diagonal", (2, 3, 4))
row("trace", (2, 3, 3), torch=lambda xp, x: xp.linalg.diagonal(x).sum(-1))
for _ord in (1, 2, 3, 0.5, -1, math.inf, -math.inf):
    row(f"vector_norm-{_ord}", (2, 5), ours=lambda xp, x, ord=_ord: xp.linalg.vector_norm(x, ord=ord, axis=-1))
for _ord in ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf):
    row(f"matrix_norm-{_ord}", (2, 3, 4), ours=lambda xp, x, ord=_ord: xp.linalg.matrix_norm(x, ord=ord))
row(
    "solve_triangular",
    (2, 3, 3),
    (2, 3, 2),
    ours=lambda xp, a, b: xp.linalg.solve_triangular(a, b, lower=True),
    torch=lambda xp, a, b: xp.linalg.solve_triangular(a, b, upper=False),
    jax=lambda xp, a, b: _jax_scipy().solve_triangular(a, b, lower=True),
    factor=INVERTED,
)
row(
    "solve_triangular-adjoint",
    (3, 3),
    (3, 2),
    ours=lambda xp, a, b: xp.linalg.solve_triangular(a, b, adjoint=True),
    torch=lambda xp, a, b: xp.linalg.solve_triangular(a.mH, b, upper=False),
    jax=lambda xp, a, b: _jax_scipy().solve_triangular(a, b, trans=2),
    factor=INVERTED,
)
row(
    "expm",
    (2, 3, 3),
    ours=lambda xp, x: xp.linalg.expm(x / 4),
    torch=lambda xp, x: xp.linalg.matrix_exp(x / 4),
    jax=lambda xp, x: _jax_scipy().expm(x / 4),
    factor=INVERTED,
)
row("lstsq", (5, 3), (5, 2), ours=lambda xp, a, b: xp.linalg.lstsq(a, b)[0], torch=lambda xp, a, b: xp.linalg.pinv(a) @ b)
row("multi_dot", (2, 3), (3, 4), (4, 2), ours=lambda xp, *x: xp.linalg.multi_dot(x))


def _jax_scipy() -> Any:
    import jax

    return jax.scipy.linalg


CASES = [pytest.param(row, kind, id=f"{row.name}-{'-'.join(map(str, row.shapes))}-{kind}") for row in ROWS for kind in row.kinds]


def real_loss(xp: Any, z: Any, weight: Any) -> Any:
    """Re Σ conj(weight) z: a real loss, whose gradient with respect to z is the weight."""
    return xp.sum(xp.real(xp.conj(weight) * z))


def derivatives_here(row: Row, backend: Any, arrays: list[np.ndarray], weight: np.ndarray, directions: list[np.ndarray]) -> Any:
    xp = backend.namespace
    raw, weight = [backend.array(x) for x in arrays], backend.array(weight)

    def loss(*operands: Any) -> Any:
        return real_loss(xp, row.ours(xp, *operands), weight)

    numbers = tuple(range(len(arrays)))

    def slope(*operands: Any) -> Any:
        gradients = cg.func.grad(loss, numbers)(*operands)
        return sum(real_loss(xp, g, backend.array(d)) for g, d in zip(gradients, directions, strict=True))

    def both(*operands: Any) -> Any:
        return cg.func.grad(loss, numbers)(*operands), cg.func.grad(slope, numbers)(*operands)

    compiled = jax_jit if backend.library == "jax.numpy" else lambda function: function
    return [[backend.host(g) for g in part] for part in compiled(both)(*raw)]


def jax_jit(function: Callable[..., Any]) -> Callable[..., Any]:
    import jax

    return jax.jit(function)


def derivatives_torch(row: Row, backend: Any, arrays: list[np.ndarray], weight: np.ndarray, directions: list[np.ndarray]) -> Any:
    torch = backend.module
    xp = _Words(torch, torch.linalg)
    operands = [torch.asarray(x).requires_grad_() for x in arrays]
    z = real_loss(_Words(torch, None), row.torch(xp, *operands), torch.asarray(weight))
    first = torch.autograd.grad(z, operands, create_graph=True)
    slope = sum(real_loss(_Words(torch, None), g, torch.asarray(d)) for g, d in zip(first, directions, strict=True))
    second = torch.autograd.grad(slope, operands, allow_unused=True) if slope.requires_grad else [None] * len(operands)
    second = [torch.zeros_like(x) if g is None else g for x, g in zip(operands, second, strict=True)]
    return [[g.resolve_conj().numpy(force=True) for g in part] for part in (first, second)]


def derivatives_jax(row: Row, backend: Any, arrays: list[np.ndarray], weight: np.ndarray, directions: list[np.ndarray]) -> Any:
    import jax

    numbers = tuple(range(len(arrays)))

    def loss(*operands: Any) -> Any:
        return real_loss(jax.numpy, row.jax(jax.numpy, *operands), weight)

    def gradients(*operands: Any) -> Any:
        return [jax.numpy.conj(g) for g in jax.grad(loss, numbers)(*operands)]

    def slope(*operands: Any) -> Any:
        return sum(real_loss(jax.numpy, g, d) for g, d in zip(gradients(*operands), directions, strict=True))

    def both(*operands: Any) -> Any:
        return gradients(*operands), [jax.numpy.conj(g) for g in jax.grad(slope, numbers)(*operands)]

    return [[np.asarray(g) for g in part] for part in jax.jit(both)(*[jax.numpy.asarray(x) for x in arrays])]


class _Words:
    """torch, in which the real part of a real tensor is itself."""

    def __init__(self, torch: Any, linalg: Any) -> None:
        self.linalg, self.conj, self.sum = linalg, torch.conj, torch.sum

    def real(self, x: Any) -> Any:
        return x.real if x.is_complex() else x


ORACLES = {"torch": derivatives_torch, "jax": derivatives_jax}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "oracle" in metafunc.fixturenames:
        from backends import BACKENDS

        names = set(metafunc.config.getoption("--backend") or ())
        chosen = [BACKENDS[name] for name in ORACLES if name in names or "all" in names]
        metafunc.parametrize("oracle", chosen, ids=str, indirect=True)


@pytest.mark.parametrize(("row", "kind"), CASES)
def test_derivatives_are_the_librarys_own(row, kind, oracle):
    arrays = row.operands(kind, single=False)
    (weight,) = directions_like([np.asarray(oracle.host(row.ours(oracle.namespace, *[oracle.array(x) for x in arrays])))], seed=1)
    directions = directions_like(arrays, seed=2)
    theirs = ORACLES[oracle.name](row, oracle, arrays, weight, directions)
    for single, tolerance in ((False, DOUBLE), (True, SINGLE * row.factor)):
        operands = row.operands(kind, single)
        here = [x.astype(operands[0].dtype) for x in directions]
        own_weight = weight.astype(np.complex64 if np.iscomplexobj(weight) else np.float32) if single else weight
        ours = derivatives_here(row, oracle, operands, own_weight, here)
        for found, expected, what in zip(ours, theirs, ("gradient", "Hessian-vector product"), strict=True):
            for g, e in zip(found, expected, strict=True):
                assert_agree(g, e, tolerance, f"{row.name}, {kind}, {'single' if single else 'double'}: {what}")
