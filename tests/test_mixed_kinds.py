"""Integers and truth values beside floating operands: gradients are those beside the same numbers in the dtype of the tensor."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import clumsygrad as cg

BINARY = (
    *("add", "subtract", "multiply", "divide", "floor_divide", "remainder", "pow", "atan2", "hypot", "logaddexp", "copysign"),
    *("nextafter", "maximum", "minimum", "matmul", "vecdot", "linalg.outer", "linalg.cross", "where", "tensordot"),
    *("special.gammainc", "special.gammaincc", "special.boxcox", "special.betaln", "special.xlogy"),
)
OTHERS = {"where": lambda xp, x, y: xp.where(x > y, x, y), "tensordot": lambda xp, x, y: xp.tensordot(x, y, axes=1)}


def called(xp, name):
    if name in OTHERS:
        return lambda x, y: OTHERS[name](xp, x, y)
    for part in name.split("."):
        xp = getattr(xp, part)
    return xp


def derivatives(xp, function, x):
    """The gradient of a sum, and that of the sum of its squares."""

    def total(x):
        z = function(x)
        return xp.sum(xp.real(z)) if cg.xp.kind(z) == "complex floating" else xp.sum(z)

    def squares(x):
        g = cg.func.grad(total)(x)
        return xp.sum(xp.real(xp.conj(g) * g)) if cg.xp.kind(g) == "complex floating" else xp.sum(g * g)

    return cg.func.grad(total)(x), cg.func.grad(squares)(x)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("name", BINARY)
def test_gradients_beside_integers_are_those_beside_the_same_numbers_in_the_dtype_of_the_tensor(backend, name, dtype):
    if backend.compiled or backend.library == "dask.array":
        pytest.skip("the kinds of errors differ")
    function = called(backend.namespace, name)
    x = backend.array(np.asarray([0.5, 1.7, 3.0], dtype))
    compared = 0
    for other, in_order in itertools.product(("bool", "int8", "uint8", "int16", "int64"), (True, False)):
        y = np.asarray([1, 0, 1], other) if other == "bool" else np.asarray([100, 3, 1], other)

        def apply(x, y, in_order=in_order):
            return function(x, y) if in_order else function(y, x)

        try:
            apply(cg.Tensor(x), backend.array(y))
            expected = derivatives(backend.namespace, lambda x, y=y: apply(x, backend.array(y.astype(dtype))), x)
        except Exception:
            continue  # this library, or the function, takes no such pair
        found = derivatives(backend.namespace, lambda x, y=y: apply(x, backend.array(y)), x)
        for a, b in zip(found, expected, strict=True):
            assert a.dtype == x.dtype
            a, b = backend.host(a), backend.host(b)
            np.testing.assert_allclose(a, b, 1e-12 if dtype == "float64" else 2e-4, 1e-30, err_msg=f"{name} {other}")
            compared += 1
    if backend.library == "numpy" and dtype == "float64":
        assert compared


@pytest.mark.parametrize("dtype", ["float16", "float32", "complex64"])
def test_a_power_of_truth_values_keeps_the_dtype(dtype):
    g = cg.func.vjp(lambda x: cg.pow(x, np.asarray([True, False])), np.ones(2, dtype))[1](np.ones(2, dtype))[0]
    assert g.dtype == dtype
    assert g.tolist() == [1, 0]
