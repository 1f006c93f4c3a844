"""Loops that fill an array part by part: each write takes the array's own memory where nobody can see it, and nothing that anybody sees."""

from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc
import weakref

import numpy as np
import pytest
from test_assignment import array_of, host

import clumsygrad as cg
from clumsygrad import _versions, _views
from clumsygrad.grad import _read


@pytest.fixture(params=["small too", "large"], autouse=True)
def gradients_of_few_elements(request, monkeypatch):
    """Gradients are written in place from some thousand elements on; here also those of few."""
    if request.param == "small too":
        monkeypatch.setattr(_read, "_LARGE", 0)


@pytest.fixture
def without_collector():
    """What is freed here is freed by reference counting."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def rows(x, length, xp=cg):
    """States, one below the other."""
    states = xp.zeros((length + 1, x.shape[0]), dtype=x.dtype)
    states[0, :] = x
    for i in range(length):
        states[i + 1, :] = states[i, :] + 0.1 * cg.sin(states[i, :])
    return states


def steps(x, length):
    """The same states, with nothing written."""
    states = [x]
    for _ in range(length):
        states.append(states[-1] + 0.1 * cg.sin(states[-1]))
    return states


def written(x):
    """An array of rows, written twice: the second write took the memory that the first one made."""
    u = cg.zeros((4, x.shape[0]))
    u[0] = x
    u[1] = 2.0 * x
    return u


X = np.asarray([0.3, -1.0, 2.0])


def test_a_write_takes_the_arrays_own_memory():
    u = written(cg.Tensor(X, requires_grad=True))
    before = u.data.ctypes.data
    u[2] = u[1] * u[0]
    assert u.data.ctypes.data == before


@pytest.mark.parametrize("library", ["numpy", "torch", "array_api_strict", "jax"])
def test_the_derivatives_are_those_of_the_states_themselves(library):
    x, direction = array_of(X, library), array_of(np.asarray([1.0, 2.0, -1.0]), library)
    xp = cg.over(library)

    def filled(x):
        states = rows(x, 9, xp)
        return cg.sum(states[-1, :] ** 2) + cg.sum(states[3, :] ** 3)

    def collected(x):
        states = steps(x, 9)
        return cg.sum(states[-1] ** 2) + cg.sum(states[3] ** 3)

    np.testing.assert_allclose(host(cg.func.grad(filled)(x)), host(cg.func.grad(collected)(x)), rtol=1e-12)
    products = [host(cg.func.hvp(f, (x,), (direction,))[-1]) for f in (filled, collected)]
    np.testing.assert_allclose(*products, rtol=1e-12)


def first_order(f, x):
    return cg.func.grad(f)(x)


def product_with_the_hessian(f, x):
    return cg.func.hvp(f, (x,), (np.ones_like(x),))[-1]


@pytest.mark.parametrize(("derivative", "arrays"), [(first_order, 12), (product_with_the_hessian, 30)])
@pytest.mark.parametrize("states", [80, 160])
def test_memory_is_that_of_the_states(states, derivative, arrays):
    """And not of as many arrays of all of them: that would be 80 or 160 at least."""
    x = np.linspace(0.0, 1.0, 500)

    def loss(x):
        return cg.sum(rows(x, states)[-1])

    derivative(loss, x)
    gc.collect()
    tracemalloc.start()
    try:
        derivative(loss, x)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < arrays * (states + 1) * x.nbytes


def test_whoever_holds_the_array_sees_no_write():
    u = written(cg.Tensor(X, requires_grad=True))
    held, part, detached = u.data, u.data[1:3], u.detach()
    values = held.copy()
    u[1] = 7.0
    assert u.data[1].tolist() == [7, 7, 7]
    for array in (held, detached.data):
        assert array.tolist() == values.tolist()
    assert part.tolist() == values[1:3].tolist()


def test_what_was_computed_of_the_whole_array_keeps_it():
    x = cg.Tensor(X, requires_grad=True)
    u = written(x)
    squares = cg.sum(u * u)
    u[1] = 7.0
    u[0] = 0.0
    squares.backward()
    np.testing.assert_allclose(x.grad, 10 * X)


def test_what_a_checkpoint_read_is_kept():
    x = cg.Tensor(X, requires_grad=True)
    u = written(x)
    squares = cg.func.checkpoint(lambda u: cg.sum(cg.sin(u) * u))(u)
    u[1] = 7.0
    u[0] = 0.0
    squares.backward()
    np.testing.assert_allclose(x.grad, sum(k * (np.cos(k * X) * k * X + np.sin(k * X)) for k in (1, 2)))


def test_the_parameters_of_a_root_are_kept():
    x = cg.Tensor(np.abs(X), requires_grad=True)
    u = written(x)
    root = cg.sum(cg.func.implicit_root(lambda r, a: r * r - a, np.sqrt)(u + 1.0))
    also = cg.sum(cg.func.implicit_root(lambda r, a: r * r - a - 1.0, lambda a: np.sqrt(a + 1.0))(u))
    u[1] = 7.0
    u[0] = 0.0
    (root + also).backward()
    np.testing.assert_allclose(x.grad, sum(k / np.sqrt(k * np.abs(X) + 1) for k in (1, 2)))


def test_gradients_that_are_tensors_stay_what_they_were():
    """Those handed in, those that hooks see, and those of what retains its gradient: a recorded pass writes into others."""
    x = cg.Tensor(X, requires_grad=True)
    u = written(x)
    whole = u + 0.0
    first = u[1] * x
    u[1] = x * x
    u[2] = u[1] * u[0]
    seen = []
    hooks = [tensor.register_hook(lambda g: seen.append((g, g.data.copy()))) for tensor in (whole, u)]
    whole.retain_grad()
    cotangent = cg.Tensor(np.ones((4, 3)), requires_grad=True)
    cg.sum(whole * u + first).backward(create_graph=True)
    (u * u).backward(cotangent, create_graph=True)
    assert len(seen) == 3
    for g, values in seen:
        np.testing.assert_array_equal(g.data, values)
    np.testing.assert_array_equal(cotangent.data, np.ones((4, 3)))
    for hook in hooks:
        hook.remove()
    g, x.grad = x.grad, None
    cg.sum(g * g).backward()

    def by_hand(x):  # the gradient of the sum of both losses
        rows = [x, 2.0 * x, cg.zeros_like(x), cg.zeros_like(x)]
        later = [x, x * x, x * x * x, cg.zeros_like(x)]
        return sum([cg.sum(a * b + b * b) for a, b in zip(rows, later, strict=True)], cg.sum(8.0 * x * x))

    square = cg.func.grad(lambda x: cg.sum(cg.func.grad(by_hand)(x) ** 2))
    np.testing.assert_allclose(x.grad.data, square(X), rtol=1e-12)


def squared_backward(tensor, grad):
    (x,) = cg.grad.operands(tensor, grad)
    return (2 * grad * x,)


@cg.operation(squared_backward)
def squared(x):
    return x * x


WEIGHT = np.asarray([[1.0, -2.0], [0.5, 1.5], [2.0, 1.0]])
OPERATIONS = {  # of every shape of signature that the decorator knows
    "sin": lambda u: cg.sin(u),
    "mul": lambda u: u * u,
    "mul-number": lambda u: u**2,
    "divide-array": lambda u: 1.0 / (u + 3.0) * np.asarray([1.0, 2.0, 3.0]),
    "clip": lambda u: cg.clip(u, 0.0, 0.5),
    "clip-tensors": lambda u: cg.clip(u, -u, cg.asarray(0.5)),
    "where": lambda u: cg.where(u > 0.5, u * u, u),
    "vecdot": lambda u: cg.vecdot(u, u),
    "tensordot": lambda u: cg.tensordot(u, u, axes=2),
    "matmul": lambda u: u @ u.T,
    "linear": lambda u: cg.nn.linear(u, cg.asarray(WEIGHT), cg.asarray([1.0, 2.0])) ** 2,
    "linear-weight": lambda u: cg.nn.linear(cg.asarray(WEIGHT.T @ WEIGHT @ WEIGHT.T), u.T) ** 2,
    "layer_norm": lambda u: cg.nn.layer_norm(u) ** 3,
    "softmax": lambda u: cg.nn.softmax(u) ** 2,
    "attention": lambda u: cg.nn.scaled_dot_product_attention(u, u, u),
    "mse": lambda u: cg.nn.mse_loss(u, cg.ones_like(u)),
    "mae": lambda u: cg.nn.mae_loss(u, 0.3 * cg.ones_like(u)),
    "cross_entropy": lambda u: cg.nn.cross_entropy(u, np.asarray([0, 2, 1, 0])),
    "binary": lambda u: cg.nn.binary_cross_entropy(u, 0.5 * cg.ones_like(u)),
    "stack": lambda u: cg.stack([u, 2.0 * u]) ** 2,
    "prod": lambda u: cg.prod(u + 1.0, axis=1),
    "sort": lambda u: cg.sort(u, axis=0) ** 2,
    "einsum": lambda u: cg.einsum("ij,kj->ik", u, u),
    "norm": lambda u: cg.linalg.norm(u, axis=1),
    "take": lambda u: cg.take(u, cg.asarray([0, 1, 0]), axis=0) ** 2,
    "mask": lambda u: u[u > 0.0] ** 2,
    "own": squared,
    "numpy": lambda u: np.exp(u) * np.maximum(u, 0.2),
}


@pytest.mark.parametrize("later", [2, (2, 1), slice(0, 2)])
@pytest.mark.parametrize("name", OPERATIONS)
def test_what_an_operation_reads_is_kept_for_its_rule(name, later):
    """Whatever is written after it."""
    f = OPERATIONS[name]

    def then_written(x):
        u = written(x)
        z = f(u)
        u[later] = 7.0
        u[0] = x * 3.0
        return cg.sum(z) + cg.sum(u[0])

    def without(x):
        u = cg.stack([x, 2.0 * x, cg.zeros_like(x), cg.zeros_like(x)])
        return cg.sum(f(u)) + cg.sum(3.0 * x)

    x, direction = np.asarray([0.3, -0.6, 0.9]), np.asarray([1.0, 0.5, -2.0])
    np.testing.assert_allclose(first_order(then_written, x), first_order(without, x), rtol=1e-11, atol=1e-13)
    products = [cg.func.hvp(g, (x,), (direction,))[-1] for g in (then_written, without)]
    np.testing.assert_allclose(*products, rtol=1e-9, atol=1e-12)


def test_a_key_that_reads_the_whole_array_meanwhile():
    """As another thread may."""
    x = cg.Tensor(X, requires_grad=True)
    u = written(x)
    squares = []

    class Key:
        def __index__(self):
            squares.append(cg.sum(u * u))
            return 1

    row = u[Key()]
    u[0] = 7.0
    u[1] = 7.0
    (squares[-1] + cg.sum(row)).backward()
    np.testing.assert_allclose(x.grad, 10 * X + 2)


def test_a_tracer_that_looks_at_local_variables_changes_nothing():
    program = """
import sys
sys.settrace(lambda frame, *_: (frame.f_locals, None)[1] or trace)
def trace(frame, *_):
    frame.f_locals
    return trace
import clumsygrad as cg
sys.settrace(None)
u = cg.zeros(4)
u[0] = 1.0
u[1] = 2.0
held = u.data
u[2] = 5.0
assert held.tolist() == [1, 2, 0, 0], held
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_views_that_live_show_what_is_written():
    x = cg.Tensor(X, requires_grad=True)
    u = written(x)
    row, both, other = u[1], u[:2], u[2]
    u[1] = 3.0 * x
    u[2, 0] = 5.0
    assert row.data.tolist() == both.data[1].tolist() == (3 * X).tolist()
    assert other.data.tolist() == [5, 0, 0]
    row[0] = 4.0
    assert u.data[1].tolist() == [4, *(3 * X[1:])]
    cg.sum(row * row + both[0] + other).backward()
    np.testing.assert_allclose(x.grad, 18 * X * [0, 1, 1] + 1)


@pytest.mark.parametrize("key", [1, (1, 2), slice(1, 3), (Ellipsis, None, 1), (slice(None, None, -2),), np.int64(2)])
def test_a_write_that_fails_leaves_the_array_as_it_was(key):
    u = written(cg.Tensor(X, requires_grad=True))
    values = u.data.copy()
    with pytest.raises(ValueError, match="shape"):
        u[key] = np.ones((5, 7))
    with pytest.raises(IndexError, match="index 9"):
        u[9] = 1.0
    with np.errstate(over="raise"), pytest.raises((FloatingPointError, OverflowError)):
        u[key] = 10**400
    np.testing.assert_array_equal(u.data, values)


def test_a_write_whose_views_cannot_be_read_leaves_the_array_as_it_was(monkeypatch):
    """The write itself is done then."""
    u = written(cg.Tensor(X, requires_grad=True))
    values = u.data.copy()
    view = u[1:3]

    def fails(*_):
        raise MemoryError("no more")

    monkeypatch.setattr(_views.Part, "read", fails)
    with pytest.raises(MemoryError, match="no more"):
        u[1] = 7.0
    np.testing.assert_array_equal(u.data, values)
    np.testing.assert_array_equal(view.data, values[1:3])


def test_integers_are_written_too():
    u = cg.zeros((3, 2), dtype=cg.int64)
    for i in range(3):
        u[i] = i
        u[i, 0] += 1
    assert u.data.tolist() == [[1, 0], [2, 1], [3, 2]]


def test_an_anomaly_is_traced_through_old_versions():
    """While anomalies are looked for, every version keeps its values."""
    with cg.detect_anomaly(), pytest.raises(FloatingPointError, match="first the result of sqrt"):  # noqa: PT012
        x = cg.Tensor([1.0, -1.0], requires_grad=True)
        u = cg.zeros((4, 2))
        u[0] = x
        with np.errstate(invalid="ignore"):
            u[1] = cg.sqrt(x)
        u[2] = x
        u[3] = x
        cg.sum(u * u).backward()


def test_a_leaf_that_was_assigned_to_has_its_gradient():
    leaf = cg.Tensor(np.ones((3, 2)), requires_grad=True)
    with cg.no_grad():
        leaf[0] = 2.0
        leaf[1] = 3.0
    cg.sum(leaf[0] * leaf[1] + leaf[2]).backward()
    assert leaf.grad.tolist() == [[3, 3], [2, 2], [1, 1]]


def test_hooks_and_retained_gradients_of_what_was_read_in_part():
    x = cg.Tensor(X, requires_grad=True)
    u = written(x)
    part = u[1] * 2.0
    seen = []
    u.register_hook(lambda g: seen.append(g.copy()))
    u.retain_grad()
    cg.sum(part * u[0]).backward()
    (g,) = seen
    np.testing.assert_allclose(g[:2], [4 * X, 2 * X])
    np.testing.assert_array_equal(u.grad, g)
    np.testing.assert_allclose(x.grad, 8 * X)


def test_a_graph_that_nobody_passed_dies_with_its_last_name(without_collector):
    """Though what is read of the array was computed from what was written there."""
    x = cg.Tensor(X, requires_grad=True)
    states = rows(x, 5)
    whole, earlier, last = weakref.ref(states), weakref.ref(states._extra.versions[2]), states[5] * 2.0
    del states
    assert whole() is None
    assert earlier() is not None
    del last
    assert earlier() is None


def test_an_anomaly_is_not_seen_in_what_stands_for_old_versions():
    """The forward pass ran outside: its old versions are nan, but were not."""
    x = cg.Tensor([0.0, 1.0], requires_grad=True)
    u = cg.zeros((4, 2))
    for i in range(4):
        u[i] = x
    z = cg.sqrt(u[2])
    with cg.detect_anomaly(), pytest.raises(FloatingPointError) as caught:
        cg.sum(z + u[1]).backward()
    assert "the slope of sqrt is infinite" in str(caught.value)


def test_without_counted_references_every_write_copies(monkeypatch):
    monkeypatch.setattr(_versions, "_count", lambda array: float("nan"))
    u = written(cg.Tensor(X, requires_grad=True))
    before = u.data.ctypes.data
    u[2] = 1.0
    assert u.data.ctypes.data != before
