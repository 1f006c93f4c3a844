"""Transforms inside each other and beside the tape: closures, captured leaves, shared names, and the muddles of levels they invite.

The cases of `grad` alone stand in test_func.py.
"""

from __future__ import annotations

import math
import types

import numpy as np
import pytest

import clumsygrad as cg
from clumsygrad import func
from clumsygrad.func import checkpoint, grad, hessian, hvp, jacobian, jvp, linearize, stop_gradient, value_and_grad, vjp

A, B = np.asarray([1.0, -2.0, 0.5]), np.asarray([0.3, 0.7, -1.1])
X = 0.7

OURS = types.SimpleNamespace(
    grad=grad, jvp=jvp, vjp=vjp, linearize=linearize, jacobian=jacobian, hessian=hessian, checkpoint=checkpoint,
    stop_gradient=stop_gradient, value_and_grad=value_and_grad, sin=cg.sin, cos=cg.cos, exp=cg.exp, tanh=cg.tanh, sum=cg.sum,
    stack=cg.stack,
)  # fmt: skip


def jax_names():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy
    return types.SimpleNamespace(
        grad=jax.grad, jvp=jax.jvp, vjp=jax.vjp, linearize=jax.linearize, jacobian=jax.jacobian, hessian=jax.hessian,
        checkpoint=jax.checkpoint, stop_gradient=jax.lax.stop_gradient, value_and_grad=jax.value_and_grad, sin=jnp.sin, cos=jnp.cos,
        exp=jnp.exp, tanh=jnp.tanh, sum=jnp.sum, stack=jnp.stack,
    )  # fmt: skip


# Cases of a number x, by hand where the answer is short ------------------------------------------------------------------------------


def derivative(m, f):
    """d/dx by forward mode."""
    return lambda x: m.jvp(f, (x,), (1.0,))[1]


def forward_in_reverse(m, x):
    return m.grad(lambda x: x * m.jvp(lambda y: x + y, (1.0,), (1.0,))[1])(x)


def reverse_in_forward(m, x):
    return derivative(m, lambda x: x * m.grad(lambda y: x + y)(1.0))(x)


def forward_in_forward(m, x):
    return derivative(m, lambda x: x * derivative(m, lambda y: x * y)(2.0))(x)


def the_closure_is_the_tangent(m, x):
    return m.grad(lambda x: m.jvp(m.sin, (0.5,), (x * x,))[1])(x)


def the_closure_is_the_cotangent(m, x):
    return derivative(m, lambda x: m.vjp(m.sin, x)[1](x)[0])(x)


def one_name_at_three_levels(m, x):
    return m.grad(lambda x: derivative(m, lambda x: m.grad(lambda x: m.sin(x) * x)(x) * x)(x) * x)(x)


def the_inner_argument_is_not_used(m, x):
    return m.grad(lambda x: x * x + derivative(m, lambda y: x * x * x)(x))(x)


def a_pullback_that_leaves_its_level(m, x):
    """A pullback made inside, called outside with something that depends on x."""

    def f(x):
        y, pullback = m.vjp(lambda z: z * z * x, x)
        return pullback(y)[0] * x

    return m.grad(f)(x)


def a_pushforward_that_leaves_its_level(m, x):
    def f(x):
        y, push = m.linearize(lambda z: m.sin(z) * x, x)
        return push(y) + push(x)

    return m.grad(f)(x)


def one_function_at_two_levels_by_two_modes(m, x):
    def f(y):
        return m.exp(y) * y

    return m.grad(lambda x: f(x) * m.grad(f)(x) * derivative(m, derivative(m, f))(x))(x)


def four_levels(m, x):
    return derivative(m, m.grad(derivative(m, m.grad(lambda x: m.sin(x) * x))))(x)


def siblings(m, x):
    return m.grad(lambda x: m.grad(lambda y: y * x)(x) * derivative(m, lambda y: y * y * x)(x))(x)


def jacobian_of_a_gradient_of_a_closure(m, x):
    def f(x):
        return m.sum(m.jacobian(m.grad(lambda v: m.sum(m.sin(v * x) * v)))(m.stack([x, x * x])))

    return m.grad(f)(x)


def hessian_along_the_outer_argument(m, x):
    return derivative(m, lambda x: m.sum(m.hessian(lambda v: m.sum(v) ** 3 * x)(m.stack([x, m.cos(x)]))))(x)


def a_checkpoint_between_the_levels(m, x):
    return m.grad(lambda x: m.grad(m.checkpoint(lambda y: m.sin(x * y) * y))(x))(x)


def a_transform_in_a_checkpoint(m, x):
    return m.grad(m.grad(m.checkpoint(lambda x: x * m.grad(lambda y: m.sin(x * y))(x))))(x)


def stopped_at_all_levels(m, x):
    return m.grad(lambda x: m.grad(lambda y: m.stop_gradient(x * y) * y * x)(x))(x)


def captured_by_two_levels(m, x):
    """What the outer function computed is used by the inner two, and is itself no argument of either."""

    def f(x):
        between = m.exp(x) * x
        return m.grad(lambda y: derivative(m, lambda z: between * y * y * z * z)(between) * y)(x)

    return m.grad(f)(x)


def a_descent_with_learned_rate(m, x):
    def loss(rate):
        w = x
        for _ in range(3):
            value, slope = m.value_and_grad(lambda v: m.cos(v) + v * v * rate)(w)
            w = w - rate * slope * value
        return w

    return m.grad(m.grad(loss))(0.1)


CASES = {
    forward_in_reverse: lambda x: 1.0,
    reverse_in_forward: lambda x: 1.0,
    forward_in_forward: lambda x: 2 * x,
    the_closure_is_the_tangent: lambda x: 2 * x * math.cos(0.5),
    the_closure_is_the_cotangent: lambda x: math.cos(x) - x * math.sin(x),
    one_name_at_three_levels: None,
    the_inner_argument_is_not_used: lambda x: 2 * x,
    a_pullback_that_leaves_its_level: lambda x: 12 * x**5,
    a_pushforward_that_leaves_its_level: None,
    one_function_at_two_levels_by_two_modes: None,
    four_levels: lambda x: math.sin(x) * x - 4 * math.cos(x),
    siblings: lambda x: 6 * x**2,
    jacobian_of_a_gradient_of_a_closure: None,
    hessian_along_the_outer_argument: None,
    a_checkpoint_between_the_levels: lambda x: 4 * x * math.cos(x * x) - 2 * x**3 * math.sin(x * x),
    a_transform_in_a_checkpoint: None,
    stopped_at_all_levels: lambda x: x**2,
    captured_by_two_levels: None,
    a_descent_with_learned_rate: None,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_by_hand(case):
    found = case(OURS, X)
    assert type(found) is np.ndarray
    assert found.shape == ()
    if CASES[case] is not None:
        np.testing.assert_allclose(found, CASES[case](X), rtol=1e-12)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_like_jax(case):
    theirs = jax_names()
    import jax

    np.testing.assert_allclose(case(OURS, X), jax.jit(lambda x: case(theirs, x))(X), rtol=1e-11)


# Beside the tape --------------------------------------------------------------------------------------------------------------------


def leaf(x):
    return cg.Tensor(x, requires_grad=True)


def test_a_forward_product_that_captures_a_leaf():
    w = leaf(2.0)
    y, tangent = jvp(lambda x: cg.sin(w * x), (0.3,), (5.0,))
    assert type(y) is type(tangent) is cg.Tensor
    np.testing.assert_allclose(tangent.data, 10 * math.cos(0.6))
    tangent.backward()
    np.testing.assert_allclose(w.grad, 5 * math.cos(0.6) - 3.0 * math.sin(0.6))


def test_a_tangent_that_is_a_leaf():
    t = leaf(A)
    y, tangent = jvp(cg.sin, (B,), (t,))
    assert type(y) is np.ndarray
    cg.sum(tangent * tangent).backward()
    np.testing.assert_allclose(t.grad, 2 * A * np.cos(B) ** 2)


def test_primal_and_tangent_are_one_leaf():
    x = leaf(0.4)
    _, tangent = jvp(lambda y: y**3, (x,), (x,))
    tangent.backward()
    np.testing.assert_allclose(x.grad, 9 * 0.4**2)


def test_a_jacobian_that_captures_a_leaf():
    w = leaf(A)
    for by in ("rows", "columns"):
        w.grad = None
        matrix = jacobian(lambda x: cg.sin(w * x), by=by)(B)
        cg.sum(matrix).backward()
        np.testing.assert_allclose(w.grad, np.cos(A * B) - A * B * np.sin(A * B), rtol=1e-12)


def test_a_hessian_product_that_captures_a_leaf():
    w = leaf(A)
    product = hvp(lambda x: cg.sum(w * x**3), B, B)
    np.testing.assert_allclose(product.data, 6 * A * B * B)
    cg.sum(product).backward()
    np.testing.assert_allclose(w.grad, 6 * B * B)


def test_a_leaf_and_a_transform_of_it_in_one_loss():
    x = leaf(0.6)
    (x * x + grad(cg.sin)(x) + jvp(cg.exp, (x,), (1.0,))[1]).backward()
    np.testing.assert_allclose(x.grad, 1.2 - math.sin(0.6) + math.exp(0.6))


def test_backward_inside_a_forward_product():
    """The tape's pass is recorded, and the tangent flows through it."""

    def slope(x):
        w = leaf(0.5)
        cg.sin(w * x).backward(create_graph=True)
        return w.grad

    x = 0.3
    _, tangent = jvp(slope, (x,), (1.0,))
    np.testing.assert_allclose(tangent, math.cos(0.5 * x) - 0.5 * x * math.sin(0.5 * x))


def test_a_tape_around_and_inside():
    outer = leaf(1.2)

    def inner(x):
        w = leaf(0.5)
        (w * w * x * outer).backward(create_graph=True)
        return w.grad

    second = grad(inner)(0.3)
    np.testing.assert_allclose(second.data, 1.2)
    np.testing.assert_allclose(outer.grad.data, 0.25 * 0.3)  # the tape inside knows no levels: it writes to every leaf
    outer.grad = None
    second.backward()
    np.testing.assert_allclose(outer.grad, 1.0)


def test_no_transform_writes_a_gradient():
    x, w = leaf(A), leaf(B)
    f = checkpoint(lambda z: cg.sum(cg.sin(z) * w))
    jvp(f, (x,), (A,)), hvp(f, x, A), jacobian(f)(x), hessian(f)(x), linearize(f, x)[1](A), func.elementwise_grad(f)(x)
    assert x.grad is None
    assert w.grad is None


def test_a_transform_records_under_no_grad():
    with cg.no_grad():
        assert jvp(cg.sin, (0.0,), (2.0,))[1] == 2.0
        assert hvp(lambda x: x**3, 2.0, 1.0) == 12.0
        assert jacobian(lambda x: x * x)(3.0) == 6.0
        _, push = linearize(lambda x: x * x, 3.0)
        assert push(1.0) == 6.0
        assert not cg.func.checkpoint(cg.sin)(leaf(1.0)).requires_grad


def test_arguments_that_the_function_assigns_to():
    def f(x):
        x[0] = x[1] * 3
        x *= x
        return cg.sum(x)

    np.testing.assert_array_equal(hessian(f)(A), np.diag([0.0, 20.0, 2.0]))
    np.testing.assert_allclose(jvp(f, (A,), (B,))[1], 20 * A[1] * B[1] + 2 * A[2] * B[2])
    np.testing.assert_array_equal(grad(checkpoint(f))(A), [0.0, 18 * A[1] + 2 * A[1], 2 * A[2]])
    np.testing.assert_array_equal(hessian(checkpoint(f))(A), np.diag([0.0, 20.0, 2.0]))
