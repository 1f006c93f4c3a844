"""Gradients that a rule hands over, and the next one writes into: never one that somebody else holds."""

from __future__ import annotations

import numpy as np
import pytest

import clumsygrad as cg
from clumsygrad import nn
from clumsygrad.grad import _read

RANDOM = np.random.default_rng(0)
X, W, V = RANDOM.standard_normal((6, 4)), RANDOM.standard_normal((4, 4)), RANDOM.standard_normal((4, 3))
ACTIVATIONS = [nn.relu, nn.gelu, nn.silu]


@pytest.fixture(autouse=True)
def small_arrays_too(monkeypatch):
    monkeypatch.setattr(_read, "_LARGE", 0)


def leaves(*arrays):
    return [cg.Tensor(x.copy(), requires_grad=True) for x in arrays]


def expected(loss, *arrays):
    """The gradients with nothing handed over."""
    tensors = leaves(*arrays)
    with cg.detect_anomaly():  # which sees each rule's own gradients
        loss(*tensors).backward()
    return [t.grad for t in tensors]


def assert_gradients(tensors, loss):
    for t, g in zip(tensors, expected(loss, *[t.data for t in tensors]), strict=True):
        np.testing.assert_allclose(t.grad, g, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("f", ACTIVATIONS)
def test_it_happens(f):
    """The gradient that leaves is the array that arrived."""
    x, w = leaves(X, W)
    h = f(x)
    z = nn.linear(h, w)
    seen = []
    rules = h._rule, z._rule
    h._rule = lambda tensor, grad: seen.append(rules[0](tensor, grad)) or seen[-1]
    z._rule = lambda tensor, grad: seen.append(rules[1](tensor, grad)) or seen[-1]
    cg.sum(z * z).backward()
    assert np.shares_memory(seen[0][0], seen[1][0])


@pytest.mark.parametrize("f", ACTIVATIONS)
@pytest.mark.parametrize(
    "layer",
    [
        lambda h, v: nn.linear(h, v),
        lambda h, v: h @ v,
        lambda h, v: nn.linear(nn.linear(h, v).T, h),  # two roles
        lambda h, v: h @ v + cg.sum(h),  # and a part that others share
        lambda h, v: (h + 1) @ v,
        lambda h, v: (h @ v) * cg.sum(h @ v),
        lambda h, v: nn.linear(cg.reshape(h, (2, 3, 4)), v),
    ],
)
def test_networks(f, layer):
    def loss(x, w, v):
        z = layer(f(nn.linear(x, w)), v)
        return cg.sum(z * cg.sin(z))

    tensors = leaves(X, W, V)
    out = loss(*tensors)
    out.backward(retain_graph=True)
    assert_gradients(tensors, loss)
    first = [t.grad for t in tensors]
    for t in tensors:
        t.grad = None
    out.backward()
    for t, g in zip(tensors, first, strict=True):
        np.testing.assert_array_equal(t.grad, g)


def test_images():
    images, kernels = RANDOM.standard_normal((2, 3, 6, 6)), RANDOM.standard_normal((4, 3, 3, 3))

    def loss(x, w, v):
        z = nn.max_pool2d(nn.relu(nn.conv2d(nn.relu(x), w, padding=1)), 2, padding=1)
        return cg.sum(nn.conv2d(z, v) ** 2)

    tensors = leaves(images, kernels, RANDOM.standard_normal((2, 4, 2, 2)))
    loss(*tensors).backward()
    assert_gradients(tensors, loss)


@pytest.mark.parametrize("f", ACTIVATIONS)
def test_what_others_hold_is_not_written(f):
    """Hooks and retain_grad on what the activation gave and took."""
    x, w, v = leaves(X, W, V)
    z = nn.linear(x, w)
    h = f(z)
    held = []
    h.register_hook(lambda g: held.append((g, g.copy())))
    z.retain_grad()
    h.retain_grad()
    cg.sum(nn.linear(h, v) ** 2).backward()
    np.testing.assert_array_equal(*held[0])
    np.testing.assert_array_equal(h.grad, held[0][0])

    def slope(h):
        return cg.func.grad(lambda h: cg.sum(nn.linear(h, v.data) ** 2))(h)

    np.testing.assert_allclose(h.grad, slope(h.data), rtol=1e-13)
    np.testing.assert_allclose(z.grad, cg.func.grad(lambda z: cg.sum(nn.linear(f(z), v.data) ** 2))(z.data), rtol=1e-13)


@pytest.mark.parametrize("f", ACTIVATIONS)
def test_pullbacks_leave_their_cotangents(f):
    z, pullback = cg.func.vjp(lambda x, v: f(x) @ v, X, V)
    cotangent = RANDOM.standard_normal(z.shape)
    before = cotangent.copy()
    first, again = pullback(cotangent), pullback(cotangent)
    np.testing.assert_array_equal(cotangent, before)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    _, pullback = cg.func.vjp(f, X)
    cotangent = RANDOM.standard_normal(X.shape)
    before = cotangent.copy()
    pullback(cotangent)
    np.testing.assert_array_equal(cotangent, before)


def test_an_operation_of_ones_own_may_keep_its_gradient():
    held = []

    def kept_backward(tensor, grad):
        held.append((grad, grad.copy()))
        return (grad,)

    @cg.operation(kept_backward)
    def kept(x, /):
        return x + 0

    x, w, v = leaves(X, W, V)
    cg.sum(nn.linear(kept(nn.relu(nn.linear(x, w))), v) ** 2).backward()
    np.testing.assert_array_equal(*held[0])


@pytest.mark.parametrize("f", ACTIVATIONS)
def test_second_order_and_checkpoints(f):
    def loss(x):
        return cg.sum(cg.func.checkpoint(lambda x: f(x @ W) @ V)(x) ** 2)

    def plain(x):
        return cg.sum((f(x @ W) @ V) ** 2)

    np.testing.assert_allclose(cg.func.grad(loss)(X), cg.func.grad(plain)(X), rtol=1e-13)
    assert cg.gradcheck(plain, X, order=2)
    (x,) = leaves(X)
    plain(x).backward(create_graph=True)
    np.testing.assert_allclose(x.grad.detach(), cg.func.grad(plain)(X), rtol=1e-13)
