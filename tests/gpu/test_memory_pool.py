"""Memory of a GPU: what a step takes at most, and that all of it goes back to CuPy's pool by reference counting alone."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from on_gpu import watched_pool, without_collector

import clumsygrad as cg
from clumsygrad import nn, optimizer

LAYERS, BATCH, WIDTH = 12, 2048, 256


def perceptron(gpu, layers=LAYERS, batch=BATCH, width=WIDTH):
    """Parameters, and a function that computes the loss of a batch: `layers` times relu(x W + b)."""
    random = np.random.default_rng(1)
    weights = [random.standard_normal((width, width)).astype(np.float32) * (2 / width) ** 0.5 for _ in range(layers)]
    parameters = [cg.Tensor(gpu.array(w), requires_grad=True) for w in weights]
    parameters += [cg.Tensor(gpu.array(np.zeros(width, np.float32)), requires_grad=True) for _ in range(layers)]
    x = gpu.array(random.standard_normal((batch, width)).astype(np.float32))
    target = gpu.array(random.standard_normal((batch, width)).astype(np.float32))

    def loss():
        h = x
        for w, b in zip(parameters[:layers], parameters[layers:], strict=True):
            h = nn.relu(nn.linear(h, w, b))
        return nn.mse_loss(h, target)

    return parameters, loss


def forgotten(parameters):
    for p in parameters:
        p.grad = None


def test_a_steps_peak_is_little_more_than_its_activations(gpu):
    """What forward and backward take at most, above parameters and inputs, is 1.2 times what every layer computes: x W + b, and its
    relu.
    """
    parameters, loss = perceptron(gpu)
    with without_collector():
        for _ in range(2):  # compiles, and makes what libraries keep
            loss().backward()
            forgotten(parameters)
        before = gpu.module.get_default_memory_pool().used_bytes()
        with watched_pool(gpu) as pool:
            loss().backward()
        activations = 2 * LAYERS * BATCH * WIDTH * 4
        gradients = sum(p.grad.nbytes for p in parameters)
        print(
            f"peak {(pool.peak - before) / 2**20:.1f} MiB, activations {activations / 2**20:.1f}, gradients {gradients / 2**20:.1f}"
        )
        assert pool.peak - before <= 1.2 * activations
    assert gradients < 0.15 * activations  # or this would be no test of activations


def test_a_trajectory_takes_the_memory_of_its_states(gpu):
    """And not of as many arrays of all of them: writes take the array's own memory, and old versions hold none."""
    states, width = 48, 4096

    def loss(x):
        u = gpu.namespace.zeros((states + 1, width))
        u[0] = x
        for i in range(states):
            u[i + 1] = u[i] + 0.1 * cg.sin(u[i])
        return cg.sum(u[-1] * u[-1])

    x = gpu.array(np.linspace(0.0, 1.0, width))
    slope = cg.func.grad(loss)
    with without_collector():
        slope(x)
        before = gpu.module.get_default_memory_pool().used_bytes()
        with watched_pool(gpu) as pool:
            g = slope(x)
    assert pool.peak - before <= 12 * (states + 1) * x.nbytes
    expected = cg.func.grad(lambda x: cg.sum(functools.reduce(lambda u, _: u + 0.1 * cg.sin(u), range(states), x) ** 2))
    np.testing.assert_allclose(gpu.host(g), expected(gpu.host(x)), rtol=1e-10)


def test_a_write_takes_the_arrays_own_memory_unless_somebody_holds_it(gpu):
    x = cg.Tensor(gpu.array(np.asarray([1.0, 2.0])), requires_grad=True)
    u = gpu.namespace.zeros((3, 2))
    u[0] = x
    u[1] = x * x
    before = u.data.data.ptr
    u[2] = u[0] * u[1]
    assert u.data.data.ptr == before
    held, part = u.data, u.data[1:]
    u[2] = 7.0
    assert u.data.data.ptr != before
    assert gpu.host(held).tolist() == [[1, 2], [1, 4], [1, 8]]
    assert gpu.host(part).tolist() == [[1, 4], [1, 8]]


def test_a_write_spares_memory_that_somebody_sees_without_the_array(gpu):
    """CuPy's as_strided holds the memory alone."""
    if not hasattr(gpu.module.lib, "stride_tricks"):
        pytest.skip("no as_strided here")
    u = gpu.namespace.zeros(4)
    u[0] = 1.0
    u[1] = 2.0
    held = gpu.module.lib.stride_tricks.as_strided(u.data, (3, 2), (8, 8))
    u[2] = 5.0
    assert gpu.host(held).tolist() == [[1, 2], [2, 0], [0, 0]]


def test_a_graph_leaves_nothing_in_the_pool(gpu):
    """Forward, backward, a recorded backward, a failed one, a graph that nobody passes, a transform: then the pool is as before."""
    parameters, loss = perceptron(gpu, layers=3, batch=64, width=32)
    used = gpu.module.get_default_memory_pool().used_bytes

    def everything():
        loss().backward()
        forgotten(parameters)
        value = loss()
        value.backward(create_graph=True)
        forgotten(parameters)
        del value
        loss()
        cg.func.grad(lambda w: cg.sum(cg.tanh(w @ w)))(parameters[0].data)
        cg.func.hvp(lambda w: cg.sum(cg.exp(w * w)), (parameters[0].data,), (parameters[1].data,))

    with without_collector():
        for _ in range(2):
            everything()
        before = used()
        for _ in range(3):
            everything()
        assert used() == before


def test_saved_arrays_go_back_while_the_pass_is_running(gpu):
    """When the backward function of the first operation runs, what the later ones had saved is in the pool again."""
    used = gpu.module.get_default_memory_pool().used_bytes
    seen = []

    def first_backward(tensor, grad):
        seen.append(used())
        return (grad * 1.0,)

    @cg.operation(first_backward)
    def first(x):
        return x * 1.0

    x = cg.Tensor(gpu.array(np.linspace(0.1, 1, 100_000)), requires_grad=True)
    with without_collector():
        for _ in range(2):
            seen.clear()
            before = used()
            z = first(x)
            for _ in range(10):
                z = cg.exp(cg.sin(z))
            z = cg.sum(z)
            forward = used() - before
            z.backward()
            del z
            x.grad = None
    assert forward > 20 * x.data.nbytes
    assert seen[0] - before <= 3 * x.data.nbytes + 2**12  # the first result, the gradient that arrives, and small change


def test_200_steps_of_training_take_no_more_memory_than_three(gpu):
    parameters, loss = perceptron(gpu, layers=3, batch=32, width=32)
    adam = optimizer.Adam(parameters, 1e-3)
    used = gpu.module.get_default_memory_pool().used_bytes

    def step():
        adam.zero_grad()
        value = loss()
        value.backward()
        adam.step()

    with without_collector():
        for _ in range(3):
            step()
        before = used()
        with watched_pool(gpu) as pool:
            for _ in range(3):
                step()
            peak = pool.peak
            for _ in range(200):
                step()
        assert used() == before
        assert pool.peak == peak


def test_what_does_not_fit_says_what_the_graph_holds(gpu):
    """CuPy's own error, with a note: how much the graph holds, and that checkpoint holds less."""
    pool = gpu.module.get_default_memory_pool()
    pool.free_all_blocks()  # what tests before this one had needed would do
    x = cg.Tensor(gpu.array(np.ones(2**20)), requires_grad=True)
    limit = pool.get_limit()
    pool.set_limit(size=pool.total_bytes() + 2**25)  # four more arrays like x

    def too_deep():
        z = x
        for _ in range(40):
            z = cg.exp(z) * 0.5
        return z

    try:
        with pytest.raises(Exception, match=r"(?i)memory") as caught:
            too_deep()
    finally:
        pool.set_limit(size=limit)
    notes = "\n".join(caught.value.__notes__)
    assert "the graph that was recorded up to here holds" in notes
    assert "checkpoint" in notes
    del caught
    pool.free_all_blocks()
