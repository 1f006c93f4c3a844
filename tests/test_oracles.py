"""Gradients and Hessian-vector products of the table's rows against those of torch and JAX: with `--backend torch` or `jax`.

A row's function, given the library's own namespace and arrays, is a function that the library itself can differentiate.
"""

from __future__ import annotations

import numpy as np
import pytest
from backends import BACKENDS
from cases import CASES
from checks import Derivatives, assert_agree, directions_like

DOUBLE, SINGLE = 1e-8, 2e-4

DECOMPOSITIONS = {"eigh", "eig", "qr", "svd"}  # test_decompositions_oracles.py has these, in complex numbers too

# Rows that call what clumsygrad alone has (activations, losses ...) have a `reference`, and no oracle.
ROWS = [
    case
    for case in CASES
    if case.reference is None and "real" in case.kinds and not case.minor and not DECOMPOSITIONS & set(case.rules)
]

# Of a matrix that keeps its rank the nuclear norm is smooth, and clumsygrad's second derivative the right one, to the last digit by finite
# differences in 60 digits. The others count a singular value that is 0 but for rounding, and divide by it.
NUCLEAR = "{}'s second derivative of the nuclear norm is off by 0.1 and more where a singular value is 0"

# Where the other library has no derivative, or another convention: a row's name, or its first word, and the reason.
ABSENT = {
    "torch": {
        "floor_divide": "torch has no derivative of floor_divide",
        "remainder-of-scalar": "torch has no derivative of remainder in the divisor",
        "asarray-copy": "torch's asarray warns of what it will keep",
        "getitem-negative-step": "torch has no slices of negative step",
        "setitem": "torch refuses to differentiate through what was overwritten",
        "matrix_norm-nuc-of-rank-4x2-2x3": NUCLEAR.format("torch"),
    },
    "jax": {
        "nextafter": "JAX has no derivative of nextafter",
        "setitem": "JAX's arrays cannot be assigned to",
        "to": "moves between libraries are clumsygrad's own",
        "matrix_norm-nuc-of-rank-4x2-2x3": NUCLEAR.format("JAX"),
    },
}


def oracle_reason(case, library):
    return (
        case.cannot_run_on(BACKENDS[library]) or ABSENT[library].get(case.name) or ABSENT[library].get(case.name.partition("-")[0])
    )


def torch_derivatives(case, backend, arrays, cotangent, weights):
    """Gradients of Σ cotangent · value, and of Σ weights · those gradients, by torch.autograd."""
    torch = backend.module
    operands = [torch.asarray(np.array(x)).requires_grad_() for x in arrays]
    cotangent = torch.asarray(cotangent).requires_grad_()
    z = case.function(backend.raw_namespace, *operands, *[torch.asarray(c) for c in case.constants])
    first = torch.autograd.grad(z, operands, cotangent, create_graph=True, allow_unused=True)
    first = [torch.zeros_like(x) if g is None else g for x, g in zip(operands, first, strict=True)]
    product = sum(torch.sum(torch.asarray(v) * g) for v, g in zip(weights, first, strict=True))
    points = [*operands, cotangent]
    second = torch.autograd.grad(product, points, allow_unused=True) if product.requires_grad else [None] * len(points)
    second = [torch.zeros_like(x) if g is None else g for x, g in zip(points, second, strict=True)]
    return [g.numpy(force=True) for g in first], [g.numpy(force=True) for g in second]


def jax_derivatives(case, backend, arrays, cotangent, weights):
    """The same by jax.vjp and jax.grad."""
    import jax

    constants = [jax.numpy.asarray(c) for c in case.constants]

    def function(*operands):
        return case.function(backend.raw_namespace, *operands, *constants)

    def gradients(*points):
        *operands, g = points
        return jax.vjp(function, *operands)[1](g)

    def product(*points):
        return sum(jax.numpy.sum(v * g) for v, g in zip(weights, gradients(*points), strict=True))

    def both(*points):
        return gradients(*points), jax.grad(product, argnums=tuple(range(len(points))))(*points)

    first, second = jax.jit(both)(*[jax.numpy.asarray(x) for x in [*arrays, cotangent]])
    return [np.asarray(g) for g in first], [np.asarray(g) for g in second]


ORACLES = {"torch": torch_derivatives, "jax": jax_derivatives}
COMPILED = {"jax": BACKENDS["jax-jit"]}  # one compilation, in place of one for every function and shape


def pytest_generate_tests(metafunc):
    names = set(metafunc.config.getoption("--backend") or ())
    chosen = [name for name in ORACLES if name in names or "all" in names]
    pairs = [(BACKENDS[name], case) for name in chosen for case in ROWS]
    metafunc.parametrize(("oracle", "case"), pairs, ids=[f"{oracle}-{case}" for oracle, case in pairs], indirect=["oracle"])


def test_gradients_and_hessian_products_are_the_librarys_own(case, oracle):
    reason = oracle_reason(case, oracle.name)
    if reason is not None:
        pytest.skip(reason)
    arrays = case.operands()
    (cotangent,) = directions_like([case.expected(arrays)], seed=1)
    if np.iscomplexobj(cotangent):
        pytest.skip("the result is complex, and JAX's convention another one")
    weights = directions_like(arrays, seed=4)
    first, second = ORACLES[oracle.name](case, oracle, arrays, cotangent, weights)
    derivatives = Derivatives(case, COMPILED.get(oracle.name, oracle))
    for single, tolerance in ((False, DOUBLE), (True, SINGLE)):
        dtype = np.float32 if single else np.float64
        found = derivatives.both(case.operands(single=single), cotangent.astype(dtype), [v.astype(dtype) for v in weights])
        for ours, theirs, what in zip(found, (first, second), ("gradient", "Hessian-vector product"), strict=True):
            for g, e in zip(ours, theirs, strict=True):
                assert_agree(g, e, tolerance, f"{case.name}, {what}")
