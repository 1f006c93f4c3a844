"""Gradients of parts of an array: added in place to what a pass has gathered, and to no array that someone else holds."""

from __future__ import annotations

import numpy as np
import pytest

import clumsygrad as cg
from clumsygrad import _keys
from clumsygrad.grad import _parts

KEYS = {
    "rows": [0, 3, -1, 0],
    "slices": [slice(1), slice(1, 4), slice(None, None, -2), slice(2, 2)],
    "elements": [(0, 1), (5, 0), (0, 1)],
    "columns": [(slice(None), 0), (..., 1), (None, ..., 1)],
    "everything": [..., slice(None), ()],
    "arrays": [np.array([0, 0, 2]), np.array([[-1, 5]]), np.array([], dtype="int64")],
    "arrays of several axes": [(np.array([0, 0, 1]), np.array([1, 1, 0])), (slice(None), np.array([1, 1]))],
    "masks": [np.array([True, False] * 3), np.zeros(6, dtype="bool")],
    "a large array": [np.arange(6), np.array([0, 1, 1, 2, 2, 2])],
}


def loss_of_parts(xp, x, keys):
    return sum(xp.sum((i + 2.0) * x[key] ** 2) for i, key in enumerate(keys))


def expected_of_parts(x, keys):
    g = np.zeros_like(x)
    for i, key in enumerate(keys):
        np.add.at(g, key, 2 * (i + 2.0) * x[key])
    return g


@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128"])
@pytest.mark.parametrize("name", KEYS)
def test_the_parts_of_a_leaf(name, dtype):
    x = np.random.default_rng(0).standard_normal((6, 2)).astype(dtype)
    found = cg.func.grad(lambda x: cg.real(loss_of_parts(cg, x, KEYS[name])))(x)
    np.testing.assert_allclose(found, np.conj(expected_of_parts(x, KEYS[name])), rtol=1e-6)
    assert found.dtype == dtype


def test_the_parts_of_a_leaf_of_any_library(backend):
    x = np.random.default_rng(0).standard_normal((6, 2))
    keys = [(0, ...), (slice(1, 4), ...), (-1, ...), (..., 1), (None, slice(None, None, 2), 0), (2, 1), (2, 1)]
    (found,) = backend.compile(lambda x: [cg.func.grad(lambda x: loss_of_parts(cg, x, keys))(x)])(backend.array(x))
    assert backend.owns(found)
    np.testing.assert_allclose(backend.host(found), expected_of_parts(x, keys), rtol=1e-12)


def test_the_parts_of_what_torch_maps_over():
    """Inside torch.func.vmap an array of one kind can't be added to one of the other in place."""
    torch = pytest.importorskip("torch")
    x, y = torch.arange(12.0, dtype=torch.float64).reshape(3, 4), torch.ones(4, dtype=torch.float64)

    def of_x(x):
        return cg.sum(x[:2] * x[2:] ** 2) + x[3] * x[0]

    def of_y(x):
        return cg.func.grad(lambda y: y[0] * x[1] + cg.sum(y[1:] * 3.0))(y)

    expected = [cg.func.grad(of_x)(row) for row in x]
    torch.testing.assert_close(torch.func.vmap(cg.func.grad(of_x))(x), torch.stack(expected))
    torch.testing.assert_close(torch.func.vmap(of_y)(x), torch.stack([of_y(row) for row in x]))


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("direct", ["first", "last", "between"])
def test_the_parts_of_what_is_used_directly_too(name, direct):
    """u is computed, and read whole by an operation that hands its gradient on as it is."""
    x = np.random.default_rng(1).standard_normal((6, 2))
    c = np.random.default_rng(2).standard_normal((6, 2))

    def loss(x, y):
        u, v = x + 0.0, y + 0.0
        z = u + v if direct == "first" else None
        parts = loss_of_parts(cg, u, KEYS[name][:1])
        z = u + v if direct == "between" else z
        parts = parts + loss_of_parts(cg, u, KEYS[name]) + loss_of_parts(cg, v, KEYS[name][::-1])
        z = u + v if direct == "last" else z
        return parts + cg.sum(c * z)

    gx, gy = cg.func.grad(loss, argnums=(0, 1))(x, x)
    np.testing.assert_allclose(gx, c + expected_of_parts(x, KEYS[name]) + expected_of_parts(x, KEYS[name][:1]), rtol=1e-12)
    np.testing.assert_allclose(gy, c + expected_of_parts(x, KEYS[name][::-1]), rtol=1e-12)


def test_the_gradient_that_a_pass_began_with_is_not_written():
    x = cg.Tensor(np.ones((3, 2)), requires_grad=True)
    y = x + 0.0
    z = cg.concat([y[:1] * 2.0, y[1:] * 3.0]) + y
    seed = np.ones((3, 2))
    z.backward(seed)
    assert (seed == 1).all()
    np.testing.assert_array_equal(x.grad, [[3.0, 3.0], [4.0, 4.0], [4.0, 4.0]])


def test_gradients_that_hooks_and_retained_tensors_hold_are_not_written():
    x = cg.Tensor(np.ones(3), requires_grad=True)
    y = x * 1.0
    rows = y[0] + y[2]
    z = y + 0.0
    seen = []
    z.register_hook(seen.append)
    z.retain_grad()
    (cg.sum(z * np.arange(3.0)) + rows).backward()
    np.testing.assert_array_equal(seen[0], [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(z.grad, [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(x.grad, [1.0, 1.0, 3.0])


def test_a_second_pass_writes_no_gradient_of_the_first():
    x = cg.Tensor(np.ones(3), requires_grad=True)
    y = x[0] * x[1] + x[0]
    y.backward(retain_graph=True)
    first = x.grad
    kept = first.copy()
    y.backward()
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(x.grad, 2 * kept)


def test_parts_of_several_versions():
    x = cg.Tensor(np.arange(1.0, 5.0), requires_grad=True)
    y = x * 1.0
    total = y[0] * y[1]
    y[1:3] = y[0] * 10.0
    total = total + y[1] * y[3] + y[2]
    total.backward()
    np.testing.assert_allclose(x.grad, [2.0 + 10 * 4 + 10, 1.0, 0.0, 10.0])


def test_a_checkpoint_inside_a_pass_gathers_for_itself():
    x = np.arange(1.0, 7.0).reshape(3, 2)

    def rows(x):
        return cg.sum(x[0] * x[1]) + cg.sum(x[2] ** 2)

    def loss(f, x):
        u = x + 0.0
        return cg.sum(u[0] ** 3) + f(u) * f(2.0 * u) + cg.sum(u[1])

    expected = cg.func.grad(lambda x: loss(rows, x))(x)
    found = cg.func.grad(lambda x: loss(cg.func.checkpoint(rows), x))(x)
    np.testing.assert_allclose(found, expected, rtol=1e-13)


@pytest.mark.parametrize("take", ["rows", "arrays", "take", "embedding"])
def test_one_array_of_zeros_serves_all_parts(take, monkeypatch):
    """For each read there was one in the shape of all that was read from."""
    made = []

    def counted(x, key, shape):
        made.append(shape)
        return _keys.scatter_add(x, key, shape)

    monkeypatch.setattr(_parts, "scatter_add", counted)
    read = {
        "rows": lambda x, t: x[t],
        "arrays": lambda x, t: x[np.array([t, t + 1])],
        "take": lambda x, t: cg.take(x, np.array([t, t + 1]), axis=0),
        "embedding": lambda x, t: cg.nn.embedding(x, np.array([t, t])),
    }[take]
    x = np.random.default_rng(0).standard_normal((100, 4))
    cg.func.grad(lambda x: sum(cg.sum(read(x, t) ** 2) for t in range(50)))(x)
    assert made == [(100, 4)]


def test_a_pass_in_tensors_makes_arrays_of_its_own():
    """What is differentiated again must not be written."""
    x = np.arange(1.0, 4.0)
    found = cg.func.hessian(lambda x: x[0] ** 2 * x[1] + x[1:][0] * x[2] ** 3)(x)
    np.testing.assert_allclose(found, [[4.0, 2.0, 0.0], [2.0, 0.0, 27.0], [0.0, 27.0, 36.0]])


def test_anomalies_in_a_part_are_found_where_they_arise():
    x = cg.Tensor(np.asarray([1.0, 0.0, 4.0]), requires_grad=True)
    with cg.detect_anomaly():
        y = cg.sqrt(x[1]) + x[0] * x[2]
        with pytest.raises(FloatingPointError, match="the gradient of sqrt's operand became"), np.errstate(divide="ignore"):
            y.backward()
    assert x.grad is None
