"""jvp, linearize, hvp, jacobian, hessian, elementwise_grad, holomorphic_grad, stop_gradient: arguments, results and refusals."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from checks import assert_agree

import clumsygrad as cg
from clumsygrad import func
from clumsygrad.func import elementwise_grad, grad, hessian, holomorphic_grad, hvp, jacobian, jvp, linearize, stop_gradient, vjp

A, B = np.asarray([1.0, -2.0, 0.5]), np.asarray([0.3, 0.7, -1.1])
M = np.asarray([[2.0, 0.3, -0.4], [0.1, 1.5, 0.6]])
Z, T = np.asarray([1.0 + 2.0j, -0.5 + 0.3j]), np.asarray([0.4 - 1.0j, 0.2 + 0.9j])


@dataclasses.dataclass
class Layer:
    weight: Any
    bias: Any


def layer(p, x):
    return {"out": cg.tanh(p.weight @ x + p.bias), "norm": cg.sum(x * x)}


def square(x):
    return x * x


# Forward products -------------------------------------------------------------------------------------------------------------------


def test_trees_in_and_out():
    p, dp = Layer(M, np.asarray([0.5, -0.5])), Layer(M[::-1].copy(), np.asarray([1.0, 2.0]))
    outputs, tangents = jvp(layer, (p, A), (dp, B))
    y = np.tanh(M @ A + p.bias)
    np.testing.assert_allclose(outputs["out"], y)
    np.testing.assert_allclose(tangents["out"], (1 - y * y) * (dp.weight @ A + M @ B + dp.bias))
    np.testing.assert_allclose(tangents["norm"], 2 * A @ B)
    assert all(type(x) is np.ndarray for x in (*outputs.values(), *tangents.values()))


def test_a_pushforward_may_be_called_again():
    y, push = linearize(lambda x, s: cg.exp(x) * s, A, 2.0)
    np.testing.assert_allclose(y, 2 * np.exp(A))
    for tangent, change in ((B, 0.0), (A, 1.0), (B, -1.0)):
        np.testing.assert_allclose(push(tangent, change), np.exp(A) * (2 * tangent + change))


def test_one_argument_needs_no_tuple():
    np.testing.assert_array_equal(jvp(lambda x: x * x, A, B)[1], 2 * A * B)
    np.testing.assert_array_equal(jvp(lambda p: p["a"] * p["b"], {"a": A, "b": B}, {"a": B, "b": A})[1], B * B + A * A)
    np.testing.assert_array_equal(hvp(lambda x: cg.sum(x**3), A, B), 6 * A * B)
    (first, second) = hvp(lambda x, y: cg.sum(x * y), (A, B), (B, 2 * A))
    np.testing.assert_array_equal(first, 2 * A)
    np.testing.assert_array_equal(second, B)


def test_outputs_that_do_not_depend_on_the_arguments():
    _, tangents = jvp(lambda x: (cg.asarray([1.0, 2.0]), cg.asarray([3]), x), (A,), (B,))
    np.testing.assert_array_equal(tangents[0], [0.0, 0.0])
    np.testing.assert_array_equal(tangents[1], [0])
    np.testing.assert_array_equal(tangents[2], B)
    _, (only,) = jvp(lambda x: (cg.asarray([1.0]),), (A,), (B,))
    np.testing.assert_array_equal(only, [0.0])
    _, pullback = vjp(lambda x: cg.asarray([1.0]), A)
    np.testing.assert_array_equal(pullback(np.ones(1))[0], np.zeros(3))


def test_results_are_nobody_elses_arrays():
    t = B.copy()
    _, tangent = jvp(lambda x: (x, x), (A,), (t,))
    assert not any(np.shares_memory(a, b) for a, b in ((tangent[0], t), (tangent[1], t), (tangent[0], tangent[1])))


def test_the_tangents_dtype_is_the_outputs():
    x = A.astype(np.float32)
    y, tangent = jvp(lambda x: x * x, (x,), (B,))
    assert y.dtype == tangent.dtype == np.float32
    assert jvp(lambda x: x * 1j, (A,), (B,))[1].dtype == np.complex128


@pytest.mark.parametrize("given", [np.asarray([1, 0, -2]), np.asarray([1, 0, -2], dtype=np.int8)])
def test_integers_are_tangents_and_cotangents(given):
    """SciPy's LinearOperator asks for a product with zeros of int8 to learn the dtype."""
    f = lambda x: cg.sin(x) * cg.sum(x)
    numbers = np.asarray(given, dtype=float)
    np.testing.assert_array_equal(jvp(f, A, given)[1], jvp(f, A, numbers)[1])
    np.testing.assert_array_equal(vjp(f, A)[1](given)[0], vjp(f, A)[1](numbers)[0])


def test_real_numbers_are_tangents_and_cotangents_of_complex_ones():
    f = lambda z: z * z
    np.testing.assert_array_equal(jvp(f, Z, T.real)[1], 2 * Z * T.real)
    np.testing.assert_allclose(vjp(f, Z)[1](T.real)[0], 2 * np.conj(Z) * T.real)
    second = cg.func.grad(lambda t: cg.sum(cg.real(jvp(f, Z, t)[1])))(T.real)
    np.testing.assert_allclose(second, 2 * Z.real)
    with pytest.raises(TypeError, match="a tangent has dtype complex128, its primal float64: another kind"):
        jvp(square, A[:2], T)


def test_tangents_that_do_not_fit():
    def f(x):
        return x["a"] * 2

    with pytest.raises(TypeError, match=r"jvp of f: the tangent has structure .*, the primal "):
        jvp(f, ({"a": A},), (A,))
    with pytest.raises(ValueError, match=r"a tangent has shape \(2,\), its primal \(3,\)"):
        jvp(f, ({"a": A},), ({"a": A[:2]},))
    with pytest.raises(TypeError, match="a tangent has dtype bool, its primal float64"):
        jvp(f, ({"a": A},), ({"a": A > 0},))
    with pytest.raises(TypeError, match="an argument has dtype int64"):
        jvp(f, ({"a": np.asarray([1])},), ({"a": np.asarray([1.0])},))
    with pytest.raises(TypeError, match="hvp of sum: the vector has structure"):
        hvp(cg.sum, A, [A])
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(TypeError, match=r"a tangent is an array of array_api_strict, its primal of numpy; move it with Tensor\.to"):
        jvp(f, ({"a": A},), ({"a": strict.asarray([1.0, 2.0, 3.0])},))


def test_operations_that_are_differentiable_once():
    def cube_backward(tensor, grad):
        (x,) = cg.grad.operands(tensor, grad)
        return (3 * grad * x * x,)

    @cg.operation(cube_backward, once=True)
    def cube(x):
        return x**3

    with pytest.raises(RuntimeError, match="cube_backward is first order only"):
        jvp(cube, (A,), (B,))
    np.testing.assert_allclose(jacobian(cube)(A), np.diag(3 * A * A))  # by rows: it takes no transposing


# Hessians and Jacobians -------------------------------------------------------------------------------------------------------------


def test_jacobian_of_trees():
    p = {"m": M, "b": np.asarray([0.5, -0.5])}

    def f(p, x):
        return [cg.exp(p["m"] @ x + p["b"]), cg.sum(x)]

    for by in (None, "rows", "columns"):
        (jp, jx), (kp, kx) = jacobian(f, argnums=(0, -1), by=by)(p, A)
        y = np.exp(M @ A + p["b"])
        np.testing.assert_allclose(jp["m"], np.einsum("i,ij,k->ijk", y, np.eye(2), A))
        np.testing.assert_allclose(jp["b"], np.diag(y))
        np.testing.assert_allclose(jx, y[:, None] * M)
        assert kp["m"].shape == (2, 3)
        assert not kp["m"].any()
        np.testing.assert_array_equal(kx, np.ones(3))
    assert jacobian(f, argnums=1)(p, A)[0].shape == (2, 3)


def test_jacobian_takes_the_fewer_passes():
    passes = []

    def counted_backward(tensor, grad):
        passes.append(1)
        return (grad * 2,)

    @cg.operation(counted_backward)
    def counted(x):
        return x * 2

    jacobian(lambda x: cg.sum(counted(x)))(A)
    assert len(passes) == 1
    passes.clear()
    jacobian(lambda x: counted(x) * A)(2.0)
    assert len(passes) == 1  # that which is transposed; columns take none
    passes.clear()
    jacobian(lambda x: counted(x) * A, by="rows")(2.0)
    assert len(passes) == 3
    with pytest.raises(ValueError, match="by must be 'rows', 'columns' or None, got 'row'"):
        jacobian(cg.sin, by="row")


def test_jacobian_of_nothing_and_of_scalars():
    assert jacobian(lambda x: x * 2)(np.ones((0, 2))).shape == (0, 2, 0, 2)
    assert jacobian(lambda x: cg.sum(x))(np.ones(0)).shape == (0,)
    assert jacobian(lambda x: x * np.ones(0), by="columns")(1.0).shape == (0,)
    assert jacobian(lambda x: x * x)(3.0) == 6.0
    assert jacobian(lambda x: cg.sum(x) * np.ones((2, 1)))(np.ones((3, 1, 2))).shape == (2, 1, 3, 1, 2)


def test_jacobian_of_constants_and_integers():
    for by in ("rows", "columns"):
        constant, whole = jacobian(lambda x: (cg.asarray([1.0, 2.0]), cg.argmax(x)), by=by)(A)
        np.testing.assert_array_equal(constant, np.zeros((2, 3)))
        np.testing.assert_array_equal(whole, np.zeros(3))


def test_jacobian_dtypes():
    x = A.astype(np.float32)
    for by in ("rows", "columns"):
        assert jacobian(lambda x: x * 2, by=by)(x).dtype == np.float32
        assert jacobian(lambda x: cg.astype(x, cg.float64) * 2, by=by)(x).dtype == np.float64
        assert jacobian(lambda x: x * 1j, by=by)(x).dtype == np.complex64


def test_hessian_of_a_tree():
    def f(p, scale):
        return cg.sum(p["a"] ** 2) * p["b"] * scale

    h = hessian(f)({"a": A, "b": 3.0}, 0.5)
    np.testing.assert_array_equal(h["a"]["a"], 3 * np.eye(3))
    np.testing.assert_array_equal(h["a"]["b"], A)
    np.testing.assert_array_equal(h["b"]["a"], A)
    assert h["b"]["b"] == 0.0
    (aa, ab), (ba, bb) = hessian(lambda x, y: cg.sum(x * x * y), argnums=(0, 1))(A, B)
    np.testing.assert_array_equal(aa, np.diag(2 * B))
    np.testing.assert_array_equal(ab, np.diag(2 * A))
    np.testing.assert_array_equal(ba, ab)
    np.testing.assert_array_equal(bb, np.zeros((3, 3)))


def test_second_order_wants_scalars():
    for transform in (hessian, lambda f: lambda x: hvp(f, x, x)):
        with pytest.raises(TypeError, match=r"(hessian|hvp) of square: its result has shape \(3,\) and must be a scalar"):
            transform(square)(A)
    with pytest.raises(TypeError, match="an argument is complex, and its second derivatives are no single matrix: use hvp"):
        hessian(lambda z: cg.sum(cg.abs(z) ** 2))(Z)


# Complex arrays ---------------------------------------------------------------------------------------------------------------------


def holomorphic(z):
    return cg.stack([z[0] * cg.exp(z[1]), cg.sin(z[0]) * z[1] ** 2, z[0] ** 3])


HOLOMORPHIC = np.asarray(
    [
        [np.exp(Z[1]), Z[0] * np.exp(Z[1])],
        [np.cos(Z[0]) * Z[1] ** 2, np.sin(Z[0]) * 2 * Z[1]],
        [3 * Z[0] ** 2, 0],
    ]
)


@pytest.mark.parametrize("by", ["rows", "columns"])
def test_complex_jacobians(by):
    np.testing.assert_allclose(jacobian(holomorphic, by=by)(Z), HOLOMORPHIC, rtol=1e-13)
    of_reals = jacobian(lambda x: cg.exp(x * (1 + 2j)), by=by)(A)
    np.testing.assert_allclose(of_reals, np.diag((1 + 2j) * np.exp(A * (1 + 2j))), rtol=1e-13)
    rows = jacobian(lambda z: cg.real(z * cg.conj(z)) * cg.asarray([1.0, 3.0]), by=by)(Z)
    np.testing.assert_allclose(rows, np.diag(2 * Z * np.asarray([1.0, 3.0])), rtol=1e-13)
    np.testing.assert_allclose(rows[1], grad(lambda z: 3 * cg.sum(cg.abs(z[1:]) ** 2))(Z), rtol=1e-13)
    mixed = jacobian(lambda x, z: x * z, argnums=(0, 1), by=by)(2.0, Z)
    np.testing.assert_allclose(mixed[0], Z)
    np.testing.assert_allclose(mixed[1], 2 * np.eye(2))


def test_complex_products():
    np.testing.assert_allclose(jvp(holomorphic, (Z,), (T,))[1], HOLOMORPHIC @ T, rtol=1e-13)
    modulus = jvp(lambda z: cg.abs(z), (Z,), (T,))[1]
    np.testing.assert_allclose(modulus, np.real(np.conj(Z) * T) / np.abs(Z), rtol=1e-13)
    product = hvp(lambda z: cg.sum(cg.abs(z) ** 4), Z, T)  # gradient 4 |z|² z
    np.testing.assert_allclose(product, 4 * np.abs(Z) ** 2 * T + 8 * np.real(np.conj(Z) * T) * Z, rtol=1e-12)


def test_holomorphic_grad():
    np.testing.assert_allclose(holomorphic_grad(lambda z: cg.sum(cg.sin(z) * z))(Z), np.cos(Z) * Z + np.sin(Z), rtol=1e-13)
    np.testing.assert_allclose(holomorphic_grad(cg.exp)(Z), np.exp(Z), rtol=1e-13)
    np.testing.assert_allclose(holomorphic_grad(holomorphic_grad(lambda z: z**4))(1 + 2j), 12 * (1 + 2j) ** 2, rtol=1e-13)
    of_both = holomorphic_grad(lambda a, b: cg.sum(a * b * b), argnums=(0, 1))(Z, T)
    np.testing.assert_allclose(of_both[0], T * T)
    np.testing.assert_allclose(of_both[1], 2 * Z * T)
    conjugate = grad(lambda z: cg.real(z**3))(1 + 2j)
    np.testing.assert_allclose(conjugate, np.conj(holomorphic_grad(lambda z: z**3)(1 + 2j)))
    with pytest.raises(TypeError, match="its result has dtype float64, and must be complex; use grad"):
        holomorphic_grad(lambda z: cg.sum(cg.abs(z)))(Z)
    with pytest.raises(TypeError, match="an argument has dtype float64, and must be complex"):
        holomorphic_grad(lambda x: cg.sum(x * 1j))(A)


def test_elementwise_grad():
    np.testing.assert_allclose(elementwise_grad(cg.tanh)(A), 1 - np.tanh(A) ** 2)
    np.testing.assert_allclose(elementwise_grad(elementwise_grad(cg.sin))(A), -np.sin(A))
    dx, dy = elementwise_grad(lambda x, y: x * x * y, argnums=(0, 1))(A, B)
    np.testing.assert_allclose(dx, 2 * A * B)
    np.testing.assert_allclose(dy, A * A)
    assert elementwise_grad(cg.sin)(0.0) == 1.0
    with pytest.raises(TypeError, match="its result is complex; use holomorphic_grad"):
        elementwise_grad(lambda x: x * 1j)(A)
    assert elementwise_grad(lambda x: np.ones(3))(A).tolist() == elementwise_grad(lambda x: 1.0)(A).tolist() == [0, 0, 0]
    with pytest.raises(TypeError, match="it must return a Tensor, it returned a list"):
        elementwise_grad(lambda x: [x])(A)
    with pytest.raises(TypeError, match="its result has dtype int64"):
        elementwise_grad(lambda x: cg.astype(x, cg.int64))(A)


def test_stop_gradient():
    x = cg.Tensor(A, requires_grad=True)
    tree = stop_gradient({"x": x, "raw": B, "n": 3, "none": None})
    assert not tree["x"].requires_grad
    assert tree["raw"] is B
    assert tree["n"] == 3
    assert tree["none"] is None
    np.testing.assert_array_equal(grad(lambda x: cg.sum(x * stop_gradient(x)))(A), A)
    np.testing.assert_array_equal(jvp(lambda x: x * stop_gradient(x), (A,), (B,))[1], A * B)


# Every library ----------------------------------------------------------------------------------------------------------------------


def all_of_them(xp):
    """Every transform of one function, as a function of raw arrays."""

    def f(x):
        return xp.tanh(x) * xp.sum(x * x)

    def scalar(x):
        return xp.sum(f(x) * f(x))

    def compute(x, t):
        return {
            "jvp": jvp(f, (x,), (t,))[1],
            "rows": jacobian(f, by="rows")(x),
            "columns": jacobian(f, by="columns")(x),
            "hessian": hessian(scalar)(x),
            "hvp": hvp(scalar, x, t),
            "jvp of hvp": jvp(lambda y: hvp(scalar, y, t), (x,), (t,))[1],
            "checkpoint": grad(func.checkpoint(scalar))(x),
            "second of checkpoint": hvp(func.checkpoint(scalar), x, t),
            "elementwise": elementwise_grad(xp.exp)(x),
        }

    return compute


def test_on_every_library(backend):
    expected = all_of_them(cg)(A, B)
    found = backend.compile(all_of_them(backend.namespace))(backend.array(A), backend.array(B))
    for name, value in found.items():
        assert backend.owns(value), name
        assert_agree(backend.host(value), expected[name], 1e-12, name)


def test_complex_on_every_library(backend):
    def compute(z):
        xp = backend.namespace
        return jacobian(lambda z: xp.exp(z) * z, by="rows")(z), jacobian(lambda z: xp.real(xp.exp(z)), by="columns")(z)

    rows, columns = backend.compile(compute)(backend.array(Z))
    assert_agree(backend.host(rows), np.diag(np.exp(Z) * (Z + 1)), 1e-13, "rows")
    assert_agree(backend.host(columns), np.diag(np.conj(np.exp(Z))), 1e-13, "columns")
