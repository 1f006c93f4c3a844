"""Fourier transforms of the table, real and complex, against torch and JAX: with `--backend torch` or `jax`.

The gradient of a real loss here, and in torch, is ∂L/∂x + i ∂L/∂y. JAX gives the conjugate, and wants cotangents conjugated too.
"""

from __future__ import annotations

import numpy as np
import pytest
from backends import BACKENDS
from cases import CASES
from checks import Derivatives, assert_agree, directions_like

DOUBLE, SINGLE = 1e-8, 2e-4
ROWS = [case for case in CASES if case.name.startswith("fft.") or case.name in ("fft-spectrum", "fft-convolution")]


def torch_derivatives(case, backend, arrays, cotangent, weights):
    """Gradients of Re Σ conj(cotangent) value, and of Re Σ conj(weights) those gradients, by torch.autograd."""
    torch = backend.module
    points = [torch.asarray(np.array(x)).requires_grad_() for x in [*arrays, cotangent]]
    *operands, g = points
    first = torch.autograd.grad(case.function(backend.raw_namespace, *operands), operands, g, create_graph=True)
    product = sum(torch.sum(torch.real(torch.asarray(np.conj(v)) * d)) for v, d in zip(weights, first, strict=True))
    second = torch.autograd.grad(product, points, allow_unused=True)
    second = [torch.zeros_like(x) if d is None else d for x, d in zip(points, second, strict=True)]
    return [d.detach().resolve_conj().numpy() for d in first], [d.resolve_conj().numpy() for d in second]


def jax_derivatives(case, backend, arrays, cotangent, weights):
    """The same by jax.vjp and jax.grad."""
    import jax

    def function(*operands):
        return case.function(backend.raw_namespace, *operands)

    def gradients(*points):
        *operands, g = points
        return [jax.numpy.conj(d) for d in jax.vjp(function, *operands)[1](jax.numpy.conj(g))]

    def product(*points):
        return sum(jax.numpy.sum(jax.numpy.real(np.conj(v) * d)) for v, d in zip(weights, gradients(*points), strict=True))

    def both(*points):
        return gradients(*points), jax.grad(product, argnums=tuple(range(len(points))))(*points)

    first, second = jax.jit(both)(*[jax.numpy.asarray(x) for x in [*arrays, cotangent]])
    return [np.asarray(d) for d in first], [np.conj(np.asarray(d)) for d in second]


ORACLES = {"torch": torch_derivatives, "jax": jax_derivatives}
COMPILED = {"jax": BACKENDS["jax-jit"]}  # one compilation, in place of one for every function and shape


def pytest_generate_tests(metafunc):
    names = set(metafunc.config.getoption("--backend") or ())
    chosen = [name for name in ORACLES if name in names or "all" in names]
    triples = [(BACKENDS[name], case, kind) for name in chosen for case in ROWS for kind in case.kinds]
    ids = [f"{oracle}-{case}-{kind}" for oracle, case, kind in triples]
    metafunc.parametrize(("oracle", "case", "kind"), triples, ids=ids, indirect=["oracle"])


def narrow(x):
    return x.astype(np.complex64 if np.iscomplexobj(x) else np.float32)


def test_gradients_and_hessian_products_are_the_librarys_own(case, kind, oracle):
    reason = case.cannot_run_on(oracle)
    if reason is not None:
        pytest.skip(reason)
    arrays = case.operands(kind)
    (cotangent,) = directions_like([case.expected(arrays)], seed=1)
    weights = directions_like(arrays, seed=4)
    theirs = ORACLES[oracle.name](case, oracle, arrays, cotangent, weights)
    derivatives = Derivatives(case, COMPILED.get(oracle.name, oracle))
    wide = arrays, cotangent, weights
    single = [narrow(x) for x in arrays], narrow(cotangent), [narrow(v) for v in weights]
    for given, tolerance in ((wide, DOUBLE), (single, SINGLE)):
        ours = derivatives.both(*given)
        for what, found, expected in zip(("gradient", "Hessian-vector product"), ours, theirs, strict=True):
            for d, e in zip(found, expected, strict=True):
                assert_agree(d, e, tolerance, f"{case.name}, {what}")
