"""Decompositions of the table, real and complex, against what torch and JAX differentiate: with `--backend torch` or `jax`.

clumsygrad computes over NumPy; that it gives the same over other libraries is test_derivatives.py's affair. The gradient of a real
loss here, and in torch, is ∂L/∂x + i ∂L/∂y; JAX gives the conjugate.
"""

from __future__ import annotations

import numpy as np
import pytest
from backends import BACKENDS
from cases import CASES
from checks import Derivatives, assert_agree, directions_like

DOUBLE, SINGLE = 1e-8, 2e-4

ROWS = [case for case in CASES if set(case.rules) & {"eigh", "eig", "qr", "svd"} and 0 not in case.shapes[0]]

# What the other library cannot differentiate: the first words of rows' names, and the reason.
ABSENT = {
    "torch": {
        "qr-complete-R-4x3": "torch has no derivative of a complete QR with m > n, of neither factor",
        "qr-complete-R-2x3x2": "as qr-complete-R-4x3",
    },
    "jax": {
        "eig": "JAX has first derivatives of general eigenvalues alone, and none of their vectors unless lax.linalg.eig is asked",
        "eigvals": "as eig",
        "svd-full": "JAX has no derivative of a full SVD, in no part",
    },
}


def torch_derivatives(case, backend, x, cotangent, weights):
    """The gradient of Re Σ conj(cotangent) value, and that of Re Σ conj(weights) gradient, by torch.autograd."""
    torch = backend.module
    x = torch.asarray(np.array(x)).requires_grad_()
    z = case.function(backend.raw_namespace, x, *[torch.asarray(c) for c in case.constants])
    (first,) = torch.autograd.grad(z, x, torch.asarray(cotangent), create_graph=True)
    product = torch.sum(torch.real(torch.asarray(np.conj(weights)) * first))
    (second,) = torch.autograd.grad(product, x, allow_unused=True) if product.requires_grad else (None,)
    second = torch.zeros_like(x) if second is None else second
    return first.detach().resolve_conj().numpy(), second.resolve_conj().numpy()


def jax_derivatives(case, backend, x, cotangent, weights):
    """The same by jax.grad."""
    import jax

    constants = [jax.numpy.asarray(c) for c in case.constants]

    def loss(x):
        z = case.function(backend.raw_namespace, x, *constants)
        return jax.numpy.sum(jax.numpy.real(z * np.conj(cotangent)))

    def gradient(x):
        return jax.numpy.conj(jax.grad(loss)(x))

    def product(x):
        return jax.numpy.sum(jax.numpy.real(gradient(x) * np.conj(weights)))

    def both(x):
        return gradient(x), jax.numpy.conj(jax.grad(product)(x))

    return [np.asarray(g) for g in jax.jit(both)(jax.numpy.asarray(x))]


def narrowed(x):
    return x.astype(np.complex64 if np.iscomplexobj(x) else np.float32)


ORACLES = {"torch": torch_derivatives, "jax": jax_derivatives}


def pytest_generate_tests(metafunc):
    names = set(metafunc.config.getoption("--backend") or ())
    chosen = [name for name in ORACLES if name in names or "all" in names]
    triples = [
        (BACKENDS[name], case, kind)
        for name in chosen
        for case in ROWS
        for kind in case.kinds
        if BACKENDS[name].every_shape or not case.minor
    ]
    ids = [f"{oracle}-{case}-{kind}" for oracle, case, kind in triples]
    metafunc.parametrize(("oracle", "case", "kind"), triples, ids=ids, indirect=["oracle"])


def test_gradients_and_hessian_products_are_the_librarys_own(case, kind, oracle):
    for start, reason in ABSENT[oracle.name].items():
        if f"{case.name}-".startswith(f"{start}-"):
            pytest.skip(reason)
    (x,) = case.operands(kind)
    (cotangent,) = directions_like([case.expected([x])], seed=1)
    (weights,) = directions_like([x], seed=4)
    expected = ORACLES[oracle.name](case, oracle, x, cotangent, weights)
    derivatives = Derivatives(case, BACKENDS["numpy"])
    for single, tolerance in ((False, DOUBLE), (True, SINGLE)):
        c, w = [narrowed(a) if single else a for a in (cotangent, weights)]
        (operand,) = case.operands(kind, single=single)
        (first,) = derivatives.gradients([operand], c)
        second, *_ = derivatives.second([operand], c, [w])
        for found, e, what in ((first, expected[0], "gradient"), (second, expected[1], "Hessian-vector product")):
            assert found.dtype == operand.dtype
            assert_agree(found, e, tolerance, f"{case.name}, {what}")
