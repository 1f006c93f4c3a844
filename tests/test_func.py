"""grad, value_and_grad and vjp: their arguments, their results, and how they stand inside each other."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, NamedTuple

import numpy as np
import pytest

import clumsygrad as cg
from clumsygrad.func import grad, jvp, value_and_grad, vjp

A, B = np.asarray([1.0, 2.0, 3.0]), np.asarray([0.5, -1.0, 2.0])


def dot(a, b):
    return cg.sum(a * b)


# Arguments and results ------------------------------------------------------------------------------------------------------------


def test_argnums():
    def f(x, y, z):
        return dot(x, y) * z

    np.testing.assert_array_equal(grad(f)(A, B, 2.0), 2 * B)
    np.testing.assert_array_equal(grad(f, argnums=1)(A, B, 2.0), 2 * A)
    np.testing.assert_array_equal(grad(f, argnums=-1)(A, B, 2.0), A @ B)
    gy, gx = grad(f, argnums=(1, 0))(A, B, 2.0)
    np.testing.assert_array_equal(gy, 2 * A)
    np.testing.assert_array_equal(gx, 2 * B)
    (only,) = grad(f, argnums=(0,))(A, B, 2.0)
    np.testing.assert_array_equal(only, 2 * B)


@pytest.mark.parametrize("argnums", [(0, 0), (0, -2)])
def test_argnums_name_each_argument_once(argnums):
    with pytest.raises(ValueError, match="twice, of 2: name each once"):
        grad(lambda x, y: x * y, argnums=argnums)(2.0, 3.0)


# Gradients that a recorded pass hands out are tensors, which may be assigned to: each is its own, and nobody else's.


def first_cleared(x):
    _, pullback = vjp(lambda a, b: a + b, x, x)
    first, second = pullback(np.ones(2))
    first[0] = 0.0
    return cg.sum(second * x)


def cotangent_kept(x):
    seed = 2 * x
    _, pullback = vjp(lambda a: a + 1, x)
    (gradient,) = pullback(seed)
    gradient *= 0.0
    return cg.sum(seed)


def tangent_kept(x):
    tangent = 2 * x
    _, out = jvp(lambda a: a + 1, (x,), (tangent,))
    out *= 0.0
    return cg.sum(tangent)


@pytest.mark.parametrize(("f", "gradient"), [(first_cleared, [1.0, 1.0]), (cotangent_kept, [2.0, 2.0]), (tangent_kept, [2.0, 2.0])])
def test_gradients_of_a_recorded_pass_are_nobody_elses(f, gradient):
    x = np.asarray([1.0, 2.0])
    value, found = value_and_grad(f)(x)
    assert value == f(x)
    assert list(found) == gradient


def test_gradients_of_a_recorded_pass_on_the_tape_are_nobody_elses():
    x, y = (cg.Tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    cg.sum(x + y).backward(create_graph=True)
    x.grad[0] = 7.0
    assert list(y.grad) == [1.0, 1.0]


def test_results_are_raw_arrays_of_the_arguments_dtype():
    value, gradient = value_and_grad(lambda x: cg.sum(x * x))(A.astype(np.float32))
    assert type(value) is type(gradient) is np.ndarray
    assert value.dtype == gradient.dtype == np.float32
    assert value.shape == ()


def test_floats_are_arguments():
    value, gradient = value_and_grad(lambda x: cg.sin(x))(0.5)
    assert type(gradient) is np.ndarray
    assert gradient.shape == ()
    assert value == math.sin(0.5)
    assert gradient == math.cos(0.5)
    assert grad(lambda x: x**3)(2.0) == 12.0
    assert grad(lambda z: cg.real(z * z))(1.0 + 2.0j) == 2.0 - 4.0j


def test_lists_are_trees_of_floats():
    g = grad(lambda x: x[0] * x[1])([2.0, 3.0])
    assert [float(v) for v in g] == [3.0, 2.0]


@pytest.mark.parametrize("nothing", [0, 0.0, np.float64(0), np.float32(0), np.asarray(0.0)], ids=repr)
def test_a_number_for_a_result_is_a_constant(nothing):
    """As in vjp, jvp and jacobian: max(s − 100, 0) is a tensor or a number, as s decides."""

    def payoff(s):
        return max(s - 100.0, nothing)

    for s, value, slope in ((110.0, 10.0, 1.0), (90.0, 0.0, 0.0)):
        assert value_and_grad(payoff)(s) == (value, slope)
        assert grad(payoff)(s) == cg.func.jacobian(payoff)(s) == cg.func.elementwise_grad(payoff)(s) == slope
        assert cg.func.linearize(payoff, s)[1](1.0) == slope
        assert cg.func.hessian(payoff)(s) == cg.func.hvp(payoff, s, 1.0) == 0
    np.testing.assert_array_equal(grad(lambda p: payoff(cg.sum(p["a"])))({"a": A})["a"], [0, 0, 0])
    assert grad(lambda x: (nothing, x), has_aux=True)(1.0) == (0, 1)
    assert grad(lambda x: x * grad(lambda y: nothing)(x) + x)(2.0) == 1


def test_one_element_is_a_scalar():
    """Whatever its shape: xᵀ P x of a column is a matrix. Its value keeps that."""
    column, matrix = A[:, None], np.diag(B) + 1.0

    def form(x):
        return x.T @ matrix @ x

    value, gradient = value_and_grad(form)(column)
    assert value.shape == (1, 1)
    np.testing.assert_allclose(gradient, 2 * matrix @ column)
    np.testing.assert_allclose(cg.func.hessian(form)(column).reshape(3, 3), 2 * matrix)
    np.testing.assert_allclose(cg.func.hvp(form, column, column), 2 * matrix @ column)
    assert grad(lambda x: x * 3)(np.ones(1)).tolist() == [3]


def test_keywords_are_passed_through():
    def f(x, *, power, other=None):
        return cg.sum(x**power)

    np.testing.assert_array_equal(grad(f)(A, power=2), 2 * A)
    with pytest.raises(TypeError, match="power"):
        grad(f)(A)


def test_has_aux():
    def f(x):
        y = x * x
        return cg.sum(y), {"y": y, "note": "text"}

    gradient, aux = grad(f, has_aux=True)(A)
    np.testing.assert_array_equal(gradient, 2 * A)
    assert type(aux["y"]) is np.ndarray
    np.testing.assert_array_equal(aux["y"], A * A)
    assert aux["note"] == "text"
    (value, aux), gradient = value_and_grad(f, has_aux=True)(A)
    assert value == 14.0
    np.testing.assert_array_equal(gradient, 2 * A)


def test_names_and_docstrings_stay():
    def f(x):
        """What f does."""
        return x

    assert grad(f).__name__ == value_and_grad(f).__name__ == "f"
    assert grad(f).__doc__ == "What f does."


# Trees ----------------------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Layer:
    weight: Any
    bias: Any
    total: Any = dataclasses.field(init=False, default=None)


@dataclasses.dataclass(frozen=True)
class Model:
    layers: list
    scale: Any


class Pair(NamedTuple):
    a: Any
    b: Any


def test_trees_of_dicts_lists_and_tuples():
    parameters = {"w": [A, (B, 2.0)], "pair": Pair(A, B)}

    def f(p):
        return dot(p["w"][0], p["w"][1][0]) * p["w"][1][1] + dot(p["pair"].a, p["pair"].b) * 0.5

    g = grad(f)(parameters)
    assert list(g) == ["w", "pair"] or sorted(g) == ["pair", "w"]
    assert type(g["w"]) is list
    assert type(g["w"][1]) is tuple
    assert type(g["pair"]) is Pair
    np.testing.assert_array_equal(g["w"][0], 2 * B)
    np.testing.assert_array_equal(g["w"][1][0], 2 * A)
    assert g["w"][1][1] == A @ B
    np.testing.assert_array_equal(g["pair"].b, 0.5 * A)
    np.testing.assert_array_equal(parameters["w"][0], A)


def test_trees_of_dataclasses():
    model = Model([Layer(A, 0.5), Layer(B, -0.5)], scale=2.0)

    def f(m, x):
        for layer in m.layers:
            x = x * layer.weight + layer.bias
        return cg.sum(x) * m.scale

    g = grad(f)(model, np.ones(3))
    assert type(g) is Model
    assert type(g.layers[0]) is Layer
    np.testing.assert_allclose(g.layers[0].weight, 2 * B)
    np.testing.assert_allclose(g.layers[1].weight, 2 * (A + 0.5))
    assert g.layers[1].bias == 6.0
    np.testing.assert_allclose(g.scale, np.sum((A + 0.5) * B - 0.5))


def test_empty_trees_and_none():
    assert grad(lambda p, x: x * x, argnums=(0, 1))({}, 3.0) == ({}, 6.0)
    g = grad(lambda p: p["a"] * 2)({"a": 1.0, "b": None})
    assert g["b"] is None


def test_an_array_that_stands_in_a_tree_twice_has_two_gradients():
    first, second = grad(lambda p: cg.sum(p[0] * 2 + p[1] * 3))([A, A])
    np.testing.assert_array_equal(first, [2.0] * 3)
    np.testing.assert_array_equal(second, [3.0] * 3)


# vjp ------------------------------------------------------------------------------------------------------------------------------


def test_vjp_of_trees():
    outputs, pullback = vjp(lambda p, s: {"sum": p["x"] + s, "product": [p["x"] * p["y"]]}, {"x": A, "y": B}, 2.0)
    np.testing.assert_array_equal(outputs["product"][0], A * B)
    assert type(outputs["sum"]) is np.ndarray
    gp, gs = pullback({"sum": np.ones(3), "product": [2 * np.ones(3)]})
    np.testing.assert_array_equal(gp["x"], 1 + 2 * B)
    np.testing.assert_array_equal(gp["y"], 2 * A)
    assert gs == 3.0


def test_a_pullback_may_be_called_again():
    _, pullback = vjp(lambda x: cg.exp(x), A)
    for cotangent in (np.ones(3), B, np.ones(3)):
        (g,) = pullback(cotangent)
        np.testing.assert_allclose(g, cotangent * np.exp(A))


def test_vjp_gradients_are_exclusive():
    cotangent = np.ones(3)
    _, pullback = vjp(lambda x, y: x + y, A, B)
    gx, gy = pullback(cotangent)
    assert not np.shares_memory(gx, gy)
    assert not np.shares_memory(gx, cotangent)


def test_vjp_with_aux_and_constant_outputs():
    (y, c), pullback, aux = vjp(lambda x: ((x * 2, cg.asarray([1.0])), "aux"), A, has_aux=True)
    assert aux == "aux"
    assert c.tolist() == [1.0]
    (g,) = pullback((np.ones(3), np.ones(1)))
    np.testing.assert_array_equal(g, [2.0] * 3)
    np.testing.assert_array_equal(y, 2 * A)


def test_a_transposed_pullback_is_a_forward_product():
    """The pullback is linear in its cotangent; the pullback of that is the product with the Jacobian."""

    def f(x):
        return cg.sin(x) * cg.sum(x)

    def pull(cotangent):
        _, pullback = vjp(f, A)
        return pullback(cotangent)[0]

    _, forward = vjp(pull, np.ones(3))
    (tangent,) = forward(B)
    jacobian = np.diag(np.cos(A) * A.sum()) + np.outer(np.sin(A), np.ones(3))
    np.testing.assert_allclose(tangent, jacobian @ B, rtol=1e-13)


# Beside the tape ------------------------------------------------------------------------------------------------------------------


def test_no_transform_touches_the_gradients_of_leaves():
    x, w = cg.Tensor(A, requires_grad=True), cg.Tensor(B, requires_grad=True)
    g = grad(lambda z: dot(z * z, w))(x)
    assert type(g) is cg.Tensor
    assert g.requires_grad
    assert x.grad is None
    assert w.grad is None
    cg.sum(g).backward()
    np.testing.assert_array_equal(w.grad, 2 * A)
    np.testing.assert_array_equal(x.grad, 2 * B)


def test_untracked_tensors_give_raw_arrays():
    assert type(grad(lambda z: cg.sum(z * z))(cg.Tensor(A))) is np.ndarray


def test_a_transform_records_under_no_grad():
    with cg.no_grad():
        np.testing.assert_array_equal(grad(lambda z: cg.sum(z * z))(A), 2 * A)
        assert not (cg.Tensor(A, requires_grad=True) * 2).requires_grad


def test_no_grad_inside_a_transform_holds():
    def f(z):
        with cg.no_grad():
            constant = z * z
        return dot(constant, z)

    np.testing.assert_array_equal(grad(f)(A), A * A)


def test_detached_parts_are_constant():
    np.testing.assert_array_equal(grad(lambda z: dot(z.detach(), z))(A), A)


def test_a_transform_inside_a_recorded_pass():
    x = cg.Tensor(A, requires_grad=True)
    y = cg.exp(x)
    cg.sum(grad(lambda z: cg.sum(z**3))(y) * x).backward()
    np.testing.assert_allclose(x.grad, 3 * np.exp(2 * A) * (1 + 2 * A), rtol=1e-13)


def test_a_backward_pass_inside_a_transform():
    def f(z):
        w = cg.Tensor(B, requires_grad=True)
        dot(w * w, z).backward(create_graph=True)
        return cg.sum(w.grad)

    np.testing.assert_array_equal(grad(f)(A), 2 * B)


# Nesting: every case by JAX where it is installed, and by hand ----------------------------------------------------------------------


class Plain:
    """The functions a case is written with: clumsygrad's."""

    grad = staticmethod(grad)
    sin, cos, exp, sum = staticmethod(cg.sin), staticmethod(cg.cos), staticmethod(cg.exp), staticmethod(cg.sum)
    tanh = staticmethod(cg.tanh)


def second_derivative(m, x):
    return m.grad(m.grad(m.sin))(x)


def third_derivative(m, x):
    return m.grad(m.grad(m.grad(lambda z: m.exp(z) * m.sin(z))))(x)


def confusion_of_perturbations(m, x):
    """d/dx of x · d/dy (x + y): 1, where a muddle of the two levels gives 2."""
    return m.grad(lambda x: x * m.grad(lambda y: x + y)(1.0))(x)


def confusion_with_a_product(m, x):
    return m.grad(lambda x: x * m.grad(lambda y: x * y)(2.0))(x)


def closure_over_the_outer_argument(m, x):
    return m.grad(lambda x: m.grad(lambda y: m.sin(x * y) * y)(x))(x)


def closure_over_two_levels(m, x):
    return m.grad(lambda x: m.grad(lambda y: m.grad(lambda z: x * y * z * z)(y))(x))(x)


def inner_function_ignores_its_argument(m, x):
    return m.grad(lambda x: x * x + m.grad(lambda y: x * x)(x))(x)


def outer_argument_only_through_the_inner_point(m, x):
    return m.grad(lambda x: m.grad(m.tanh)(x * x))(x)


def inner_gradient_used_twice(m, x):
    def f(x):
        g = m.grad(lambda y: y**3 * x)(x)
        return g * g + g

    return m.grad(f)(x)


def one_function_differentiated_at_two_levels(m, x):
    def f(y):
        return m.sin(y) * y

    return m.grad(lambda x: f(x) * m.grad(f)(x) * m.grad(m.grad(f))(x))(x)


def captured_intermediate(m, x):
    def f(x):
        y = m.exp(x)
        return m.grad(lambda z: y * z * z)(y)

    return m.grad(f)(x)


def sibling_transforms(m, x):
    return m.grad(lambda x: m.grad(lambda y: y * x)(x) * m.grad(lambda y: y * y * x)(x))(x)


def two_arguments_of_one_level(m, x):
    return m.grad(lambda x: m.grad(lambda a, b: a * a * b * x, 0)(x, x * x))(x)


def newton_steps(m, x):
    def f(y, x):
        return y**3 - x

    def root(x):
        y = x
        for _ in range(3):
            y = y - f(y, x) / m.grad(f)(y, x)
        return y

    return m.grad(root)(x)


def a_descent_within(m, x):
    def tuned(rate):
        w = x * 1.0
        for _ in range(3):
            w = w - rate * m.grad(lambda v: m.cos(v) + v**2)(w)
        return w * w

    return m.grad(m.grad(tuned))(0.1)


def vector_hessian(m, x):
    return m.sum(m.grad(lambda x: m.sum(m.grad(lambda y: m.sum(m.sin(y) * y * x))(x) ** 2))(x * np.asarray([1.0, 2.0])))


def third_order_of_a_vector(m, x):
    def along(f):
        return lambda y: m.sum(m.grad(f)(y) * np.asarray([1.0, -2.0]))

    return m.sum(along(along(along(lambda y: m.sum(m.exp(y) * m.sum(y * y)))))(x * np.asarray([1.0, 0.5])))


NESTED = {
    second_derivative: lambda x: -math.sin(x),
    third_derivative: lambda x: 2 * math.exp(x) * (math.cos(x) - math.sin(x)),
    confusion_of_perturbations: lambda x: 1.0,
    confusion_with_a_product: lambda x: 2 * x,
    closure_over_the_outer_argument: lambda x: 4 * x * math.cos(x * x) - 2 * x**3 * math.sin(x * x),
    closure_over_two_levels: lambda x: 8 * x,
    inner_function_ignores_its_argument: lambda x: 2 * x,
    outer_argument_only_through_the_inner_point: lambda x: -4 * x * math.tanh(x * x) / math.cosh(x * x) ** 2,
    inner_gradient_used_twice: lambda x: 54 * x**5 + 9 * x**2,
    one_function_differentiated_at_two_levels: None,
    captured_intermediate: lambda x: 4 * math.exp(2 * x),
    sibling_transforms: lambda x: 6 * x**2,
    two_arguments_of_one_level: lambda x: 8 * x**3,
    newton_steps: None,
    a_descent_within: None,
    vector_hessian: None,
    third_order_of_a_vector: None,
}


@pytest.mark.parametrize("case", NESTED, ids=lambda case: case.__name__)
def test_nested(case):
    by_hand, x = NESTED[case], 0.7
    result = case(Plain, x)
    if by_hand is not None:
        np.testing.assert_allclose(result, by_hand(x), rtol=1e-12)
    else:
        outer = float(case(Plain, x))
        assert math.isfinite(outer)


@pytest.mark.parametrize("case", NESTED, ids=lambda case: case.__name__)
def test_nested_like_jax(case):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)

    class Jax:
        grad = staticmethod(jax.grad)
        sin, cos, exp, sum, tanh = (
            staticmethod(f) for f in (jax.numpy.sin, jax.numpy.cos, jax.numpy.exp, jax.numpy.sum, jax.numpy.tanh)
        )

    np.testing.assert_allclose(case(Plain, 0.7), case(Jax, 0.7), rtol=1e-10)


def test_leaves_captured_by_nested_transforms():
    w = cg.Tensor(2.0, requires_grad=True)
    second = grad(grad(lambda x: cg.sin(w * x)))(0.3)
    assert type(second) is cg.Tensor
    np.testing.assert_allclose(second.data, -4 * math.sin(0.6))
    second.backward()
    np.testing.assert_allclose(w.grad, -4 * math.sin(0.6) - 4 * 0.3 * math.cos(0.6))


def test_a_transform_of_a_transform_in_a_recorded_loop():
    x = cg.Tensor(0.5, requires_grad=True)
    total = 0.0
    for n in (2, 3, 4):
        total = total + grad(lambda y, n=n: y**n)(x)
    total.backward()
    np.testing.assert_allclose(x.grad, 2 + 6 * 0.5 + 12 * 0.25)


# Other libraries ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", ["array_api_strict", "torch", "jax"])
def test_results_are_of_the_callers_library(library):
    module = pytest.importorskip(library)
    xp = module.numpy if library == "jax" else module
    value, (gx, gp) = value_and_grad(lambda x, p: cg.sum(cg.exp(x) * p["s"]), argnums=(0, 1))(xp.ones(3), {"s": xp.ones(3)})
    assert type(value) is type(gx) is type(gp["s"]) is type(xp.ones(3))


def test_gradients_compile_under_jax_jit():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)

    def loss(p, x):
        hidden = cg.tanh(x @ p["w"] + p["b"])
        return cg.mean(hidden * hidden) + cg.sum(cg.activation.softmax(hidden)[0, :2])

    rng = np.random.default_rng(0)
    p = {"w": jax.numpy.asarray(rng.normal(size=(3, 4))), "b": jax.numpy.zeros(4)}
    x = jax.numpy.asarray(rng.normal(size=(5, 3)))
    eager, compiled = grad(loss)(p, x), jax.jit(grad(loss))(p, x)
    np.testing.assert_allclose(compiled["w"], eager["w"], rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(compiled["b"], eager["b"], rtol=1e-10, atol=1e-14)
    host = grad(loss)({name: np.asarray(v) for name, v in p.items()}, np.asarray(x))
    np.testing.assert_allclose(compiled["w"], host["w"], rtol=1e-10, atol=1e-14)


def test_hessian_products_compile_under_jax_jit():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)

    def product(x, v):
        return grad(lambda y: cg.sum(grad(lambda z: cg.sum(cg.sin(z) * cg.sum(z * z)))(y) * v))(x)

    def jax_loss(z):
        return jax.numpy.sum(jax.numpy.sin(z) * jax.numpy.sum(z * z))

    x, v = jax.numpy.asarray(A), jax.numpy.asarray(B)
    np.testing.assert_allclose(jax.jit(product)(x, v), jax.hessian(jax_loss)(x) @ v, rtol=1e-10)


@pytest.mark.parametrize("library", ["array_api_strict", "torch", "jax"])
def test_numbers_beside_arrays_of_another_library_become_its_arrays(library):
    pytest.importorskip(library)
    x = cg.over(library).asarray([1.0, 2.0]).data

    def f(a, x):
        return cg.sum(a * a * x)

    assert float(grad(f)(2.0, x)) == 12
    assert cg.xp.library_of(grad(f)(2.0, x=x)) == library.partition(".")[0]
    of_a, of_x = grad(f, argnums=(0, 1))(2.0, x)
    assert (float(of_a), cg.Tensor(of_x).tolist()) == (12, [4, 4])
    assert float(grad(lambda p: f(p["a"], p["x"]))({"a": 2.0, "x": x})["a"]) == 12
    assert float(cg.func.hessian(f)(2.0, x)) == 6
    assert float(jvp(f, (2.0, x), (1.0, 0 * x))[1]) == 12
    assert float(jvp(f, (np.float64(2), x), (np.float64(1), 0 * x))[1]) == 12
    assert cg.Tensor(vjp(f, np.float64(2), x)[1](np.float64(3))[1]).tolist() == [12, 12]
    tree = {"a": 2.0, "x": cg.over(library).asarray([1.0, 2.0], dtype=cg.over(library).float64).data}
    assert library == "jax" or cg.gradcheck(lambda p: f(p["a"], p["x"]), tree)
    found, _ = cg.func.minimize(lambda p: (p["a"] - 1.0) ** 2 + cg.sum((p["x"] - 3.0) ** 2), tree)
    assert abs(float(found["a"]) - 1) < 1e-4
