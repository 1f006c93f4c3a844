"""Transforms of functions that mix families, to third order, against the same transforms of JAX."""

from __future__ import annotations

import types

import numpy as np
import pytest
from checks import assert_agree

import clumsygrad as cg
from clumsygrad import func

POINT = np.asarray([0.3, -0.7, 1.1])
DIRECTION, OTHER = np.asarray([0.9, 0.4, -1.2]), np.asarray([-0.5, 1.3, 0.8])
SECOND, THIRD = 1e-8, 1e-6

A = np.asarray([[2.0, 0.3, -0.4], [0.1, 1.5, 0.6], [-0.2, 0.5, 1.8]])
B = np.asarray([[0.4, -1.1], [0.9, 0.2], [-0.3, 0.7]])
KERNEL = np.asarray([[0.2, 0.5], [-0.4, 0.3]])
ROWS = np.asarray([2, 0, 0, 1])
LABELS = np.asarray([1, 0])


class Names:
    """The functions that the table is written with: those of a namespace, and the others under one name for both libraries."""

    def __init__(self, namespace, **others):
        self._namespace, self._others = namespace, others

    def __getattr__(self, name):
        return self._others[name] if name in self._others else getattr(self._namespace, name)


def tensors():
    activation = cg.activation
    return Names(
        cg,
        softmax=activation.softmax, log_softmax=activation.log_softmax, gelu=activation.gelu, sigmoid=activation.sigmoid,
        grad=func.grad, jvp=func.jvp, hessian=func.hessian, jacobian=func.jacobian, checkpoint=func.checkpoint,
        stop_gradient=func.stop_gradient, cross_entropy=cg.loss.cross_entropy, mse=cg.loss.mse_loss,
    )  # fmt: skip


def arrays_of_jax():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_disable_most_optimizations", True)  # what is small should compile fast

    def cross_entropy(x, labels):
        return -jax.numpy.mean(jax.numpy.take_along_axis(jax.nn.log_softmax(x, axis=-1), labels[:, None], axis=1))

    def mse(x, y):
        return jax.numpy.mean((x - y) ** 2)

    return Names(
        jax.numpy,
        softmax=jax.nn.softmax, log_softmax=jax.nn.log_softmax, gelu=jax.nn.gelu, sigmoid=jax.nn.sigmoid,
        grad=jax.grad, jvp=jax.jvp, hessian=jax.hessian, jacobian=jax.jacobian, checkpoint=jax.checkpoint,
        stop_gradient=jax.lax.stop_gradient, cross_entropy=cross_entropy, mse=mse, logsumexp=jax.scipy.special.logsumexp,
    )  # fmt: skip


# The table: functions of a vector of three ------------------------------------------------------------------------------------------


def positive(xp, x):
    """A positive definite matrix of x."""
    return A @ A.T + x[:, None] * x[None, :] + xp.exp(x[0]) * np.eye(3)


def square(xp, x):
    """A well-conditioned matrix of x that is not symmetric."""
    return A + xp.sin(x)[:, None] * x[None, :] * 0.3


def layers(xp, x):
    hidden = xp.tanh(x @ A + xp.sin(x))
    return xp.softmax(hidden @ B, axis=-1) * xp.sum(x * x)


def attention(xp, x):
    keys = xp.stack([x, xp.cos(x), x * x])
    weights = xp.softmax(keys @ xp.matrix_transpose(keys) * 0.5, axis=-1)
    return (weights @ keys)[0, :] + xp.mean(weights, axis=0)


def layer_norm(xp, x):
    h = x @ A + x**3
    return (h - xp.mean(h)) / xp.sqrt(xp.var(h) + 0.1) * xp.exp(x)


def gelu_network(xp, x):
    return xp.gelu(x[None, :] * A) @ xp.log1p(x * x)


def classification(xp, x):
    logits = xp.stack([xp.sin(x), xp.exp(x)]) @ B
    return xp.cross_entropy(logits, LABELS) * x[:2] + xp.mse(logits, KERNEL)


def mixture(xp, x):
    return xp.logsumexp(xp.log_softmax(x[None, :] * A, axis=1) + xp.cos(x)[:, None], axis=0)


def rosenbrock(xp, x):
    return 10 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2


def rational(xp, x):
    return (x**3 - 2 * x) / (1 + x**2) + 1 / (xp.cosh(x) + xp.sum(x) ** 2)


def powers(xp, x):
    return (x * x + 0.5) ** xp.sin(x) + 2.0**x


def hyperbolic(xp, x):
    return xp.sinh(x) * xp.asinh(x * 2) - xp.atanh(x * 0.5) * xp.acosh(x * x + 2)


def circular(xp, x):
    return xp.asin(x * 0.5) * xp.acos(x * 0.4) + xp.atan(x) * xp.tan(x * 0.6)


def angles(xp, x):
    return xp.atan2(x, xp.cos(x)) * xp.hypot(x + 2, xp.exp(x))


def logarithms(xp, x):
    y = x * x + 0.3
    return xp.log(y) * xp.log2(y + 1) - xp.log10(y + 2) * xp.expm1(x) + xp.logaddexp(x, y)


def ordering(xp, x):
    y = xp.sort(x * x * 3 + x)
    return xp.maximum(y, xp.sin(y)) * xp.minimum(x, xp.exp(x)) + xp.max(y) * xp.min(xp.exp(y))


def branches(xp, x):
    return xp.where(x > 0, xp.exp(x) * x, xp.sin(x) ** 2) * xp.abs(x) + xp.clip(x, -0.5, 0.9) * xp.cos(x)


def accumulated(xp, x):
    return xp.cumulative_sum(xp.sin(x) * x) * xp.cumulative_sum(xp.exp(-x * x))


def products(xp, x):
    return xp.prod(x + 2) * xp.prod(xp.stack([x, xp.cos(x)]) + 1.5, axis=0)


def moments(xp, x):
    return xp.std(x * x) * x + xp.var(xp.sin(x)) * xp.mean(xp.exp(x))


def gathered(xp, x):
    y = xp.take(xp.exp(x), ROWS) * xp.take(xp.sin(x), ROWS[::-1].copy())
    return y * xp.sum(y)


def sliced(xp, x):
    y = x[:, None] * xp.sin(x)[None, :]
    return y[1:, :2] @ y[:2, ::2] * y[0, -1]


def shapes(xp, x):
    y = xp.reshape(xp.concat([x, xp.exp(x)]), (2, 3))
    z = xp.permute_dims(y, (1, 0)) @ y
    return xp.flip(xp.roll(z, 1, axis=0), axis=1) * xp.expand_dims(xp.tanh(x), axis=1)


def stretched(xp, x):
    y = xp.broadcast_to(x, (4, 3)) * np.arange(1.0, 5.0)[:, None]
    return xp.sum(xp.sin(y) * y, axis=0) * xp.tile(x[:1], (3,))


def triangles(xp, x):
    y = square(xp, x)
    return xp.sum(xp.tril(y) @ xp.triu(xp.exp(y * 0.3)), axis=1) * x


def differences(xp, x):
    return xp.diff(xp.exp(x) * x) ** 2 + xp.diff(xp.sin(x))


def contracted(xp, x):
    return xp.tensordot(xp.sin(x), A * x, axes=1) + xp.einsum("i,ij,j->i", xp.cos(x), A, x * x)


def bilinear(xp, x):
    return xp.vecdot(square(xp, x), xp.exp(x)[None, :]) * xp.sigmoid(x @ A)


def solved(xp, x):
    return xp.linalg.solve(square(xp, x), xp.exp(x)[:, None])[:, 0] * xp.sum(xp.sin(x))


def inverted(xp, x):
    return xp.linalg.inv(square(xp, x)) @ xp.tanh(x) + xp.cos(x)


def determinants(xp, x):
    return xp.linalg.det(square(xp, x)) * x + xp.linalg.slogdet(positive(xp, x))[1] * xp.sin(x)


def gaussian(xp, x):
    factor = xp.linalg.cholesky(positive(xp, x))
    return factor @ xp.sin(x) + xp.log(factor[0, 0])


def spectrum(xp, x):
    values = xp.linalg.eigh(positive(xp, x) + np.diag([1.0, 3.0, 6.0]))[0]
    return xp.log(values) * x + xp.sum(values**2)


def projected(xp, x):
    vectors = xp.linalg.eigh(positive(xp, x) + np.diag([1.0, 3.0, 6.0]))[1]
    return (vectors * vectors) @ xp.exp(x)


def singular_values(xp, x):
    values = xp.linalg.svd(square(xp, x) + np.diag([1.0, 3.0, 6.0]), full_matrices=False)[1]
    return values * x + xp.sum(xp.sqrt(values))


def norms(xp, x):
    y = square(xp, x)
    return xp.linalg.vector_norm(xp.exp(x)) * x + xp.linalg.matrix_norm(y) * xp.linalg.vector_norm(y, axis=1)


def crossed(xp, x):
    return xp.linalg.cross(xp.sin(x), xp.exp(x)) * xp.linalg.trace(xp.linalg.outer(x, xp.cos(x)))


def filtered(xp, x):
    spectrum = xp.fft.fft(xp.concat([x, xp.sin(x)]))
    return xp.real(xp.fft.ifft(spectrum * xp.conj(spectrum) * np.exp(1j * np.arange(6.0))))[:4]


def power_spectrum(xp, x):
    spectrum = xp.fft.rfft(xp.concat([x * x, xp.exp(x)]))
    return xp.real(spectrum) ** 2 + xp.imag(spectrum) * xp.sum(x)


def complex_modulus(xp, x):
    z = x * (1 + 2j) + xp.exp(x * 1j)
    return xp.real(z * z * xp.conj(z)) + xp.imag(xp.sin(z)) + xp.abs(z + 3) ** 2


def recurrence(xp, x):
    state = xp.sin(x)
    for _ in range(4):
        state = xp.tanh(state @ A * 0.4 + x)
    return state


def power_iteration(xp, x):
    y, vector = positive(xp, x), xp.exp(x)
    for _ in range(3):
        vector = y @ vector
        vector = vector / xp.linalg.vector_norm(vector)
    return vector * (vector @ y @ vector)


def ordinary_differential_equation(xp, x):
    """Two steps of Runge and Kutta for a pendulum with friction."""

    def slope(y):
        return xp.stack([y[1], -xp.sin(y[0]) - x[2] * y[1]])

    y = x[:2]
    for _ in range(2):
        k1 = slope(y)
        k2 = slope(y + 0.25 * k1)
        y = y + 0.5 * k2
    return y


def convolution(xp, x):
    image = xp.reshape(xp.concat([x, xp.sin(x), xp.exp(x)]), (3, 3))
    windows = xp.stack([xp.reshape(image[i : i + 2, j : j + 2], (4,)) for i in range(2) for j in range(2)])
    return xp.tanh(windows @ np.reshape(KERNEL, (4,)))


def gradient_inside(xp, x):
    return xp.grad(lambda y: xp.sum(xp.sin(y * x) * xp.softmax(y, axis=-1)))(xp.exp(x)) * x


def derivative_inside(xp, x):
    return xp.jvp(lambda y: xp.tanh(A @ y) * x, (x * x,), (xp.cos(x),))[1]


def newton_step(xp, x):
    def energy(y):
        return xp.sum(y**4) * 0.25 + xp.sum(y * (A @ A.T) @ y) * 0.5 - xp.sum(x * y)

    y = xp.sin(x)
    return y - xp.linalg.solve(xp.hessian(energy)(y), xp.grad(energy)(y)[:, None])[:, 0]


def recomputed(xp, x):
    step = xp.checkpoint(lambda y: xp.tanh(A @ y + xp.sin(x)))
    return step(step(xp.exp(x))) * x


def partly_constant(xp, x):
    return x**3 * xp.stop_gradient(xp.exp(x)) + xp.stop_gradient(x) * xp.sin(x)


FUNCTIONS = [
    layers, attention, layer_norm, gelu_network, classification, mixture, rosenbrock, rational, powers, hyperbolic, circular, angles,
    logarithms, ordering, branches, accumulated, products, moments, gathered, sliced, shapes, stretched, triangles, differences,
    contracted, bilinear, solved, inverted, determinants, gaussian, spectrum, projected, singular_values, norms, crossed, filtered,
    power_spectrum, complex_modulus, recurrence, power_iteration, ordinary_differential_equation, convolution, gradient_inside,
    derivative_inside, newton_step, recomputed, partly_constant,
]  # fmt: skip


def transformed(xp, function, x, direction, other):
    """A function's derivatives of second order (four ways) and of third, by the transforms of `xp`."""

    def f(x):
        return function(xp, x)

    def scalar(x):
        y = f(x)
        return xp.sum(y * xp.cos(y))

    def along(g, v):
        return lambda x: xp.sum(g(x) * v)

    def derivative(x):
        y = xp.jvp(f, (x,), (direction,))[1]
        return xp.sum(y * y)

    return {
        "hessian": xp.hessian(scalar)(x),
        "jvp(grad)": xp.jvp(xp.grad(scalar), (x,), (direction,))[1],
        "grad of a function that uses jvp": xp.grad(derivative)(x),
        "jacobian(jacobian)": xp.jacobian(xp.jacobian(f))(x),
        "grad(grad(grad))": xp.grad(along(xp.grad(along(xp.grad(scalar), direction)), other))(x),
    }


def test_there_are_enough_functions():
    assert len({f.__name__ for f in FUNCTIONS}) == len(FUNCTIONS) >= 40
    table = {name for name, value in globals().items() if isinstance(value, types.FunctionType) and value.__module__ == __name__}
    assert {f.__name__ for f in FUNCTIONS} <= table


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_like_jax(function):
    theirs = arrays_of_jax()
    import jax

    expected = jax.jit(lambda *points: transformed(theirs, function, *points))(POINT, DIRECTION, OTHER)
    found = transformed(tensors(), function, POINT, DIRECTION, OTHER)
    for name, value in found.items():
        assert type(value) is np.ndarray, name
        tolerance = THIRD if name == "grad(grad(grad))" else SECOND
        assert_agree(value, np.asarray(expected[name]), tolerance, f"{function.__name__}, {name}")


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_the_ways_to_one_derivative_agree(function):
    """Rows and columns, products with the Jacobian and its transpose, with the Hessian in one pass and whole."""
    xp = tensors()

    def f(x):
        return function(xp, x)

    def scalar(x):
        return cg.sum(cg.sin(f(x)))

    by_rows, by_columns = func.jacobian(f, by="rows")(POINT), func.jacobian(f, by="columns")(POINT)
    y, pushforward = func.linearize(f, POINT)
    assert by_rows.shape == y.shape + POINT.shape
    assert_agree(by_columns, by_rows, 1e-12, "columns and rows")
    assert_agree(pushforward(DIRECTION), by_rows @ DIRECTION, 1e-12, "pushforward")
    assert_agree(func.vjp(f, POINT)[1](np.ones(y.shape))[0], by_rows.reshape(-1, 3).sum(axis=0), 1e-12, "pullback")
    hessian = func.hessian(scalar)(POINT)
    assert_agree(hessian, hessian.T, 1e-11, "symmetry")
    assert_agree(func.hvp(scalar, POINT, DIRECTION), hessian @ DIRECTION, 1e-11, "hvp")
