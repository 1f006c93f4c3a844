"""Memory: graphs go by reference counting alone, without recursion, and a recorded operation costs few bytes."""

from __future__ import annotations

import contextlib
import gc
import os
import platform
import subprocess
import sys
import tracemalloc
import weakref

import numpy as np
import pytest

import clumsygrad as cg


@pytest.fixture(autouse=True)
def _no_collector():
    """What is freed here is freed by reference counting."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def watched(x):
    return weakref.ref(x)


@contextlib.contextmanager
def low_recursion_limit():
    depth, frame = 0, sys._getframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + 60)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


# What is freed, and when --------------------------------------------------------------------------------------------------------------


def test_a_linear_operator_dies_with_its_last_name():
    """And with it the matrix that its functions close over; its adjoint has been asked for."""
    matrix = np.ones((2, 2))
    apply = cg.func.linear_operator(lambda x, m=matrix: m @ x, lambda y, m=matrix: m.T @ y)
    assert cg.func.grad(lambda x, f=apply: cg.sum(f(x)))(np.ones(2)).tolist() == [2, 2]
    adjoint, closed_over = apply.adjoint, watched(matrix)
    del matrix, apply
    assert closed_over() is not None
    del adjoint
    assert closed_over() is None


def test_a_graph_that_nobody_passed_dies_with_its_last_name():
    x = cg.Tensor([1.0, 2.0], requires_grad=True)
    y = cg.exp(x)
    middle, end = watched(y), None
    z = cg.sum(y * x)
    end = watched(z)
    del y
    assert middle() is not None
    del z
    assert end() is None
    assert middle() is None


def test_a_pass_releases_what_an_operation_kept():
    """Though its result lives on: a loss that is noted in a list."""

    def kept_backward(tensor, grad):
        return (grad * cg.grad.kept(tensor, grad),)

    @cg.operation(kept_backward, keeps=True)
    def exp(x):
        y = np.exp(x)
        kept.append(weakref.ref(y))
        return y.copy(), y

    kept = []
    x = cg.Tensor([1.0, 2.0], requires_grad=True)
    y = exp(x)
    z = cg.sum(y)
    z.backward(retain_graph=True)
    assert kept[0]() is not None
    z.backward()
    assert kept[0]() is None
    assert x.grad.tolist() == (2 * np.exp([1.0, 2.0])).tolist()


def test_a_pass_releases_what_it_has_passed():
    x = cg.Tensor([1.0, 2.0], requires_grad=True)
    y = cg.exp(x)
    middle, array = watched(y), watched(y.data)
    z = cg.sum(y * x)
    del y
    z.backward()
    assert middle() is None
    assert array() is None


def test_the_arrays_go_as_the_pass_goes():
    """While the backward function of an early operation runs, what later ones saved is gone already."""
    seen = []

    def watching_backward(tensor, grad):
        seen.append(saved() is None)
        return (grad,)

    @cg.operation(watching_backward)
    def early(x):
        return x * 1.0

    x = cg.Tensor(np.ones(3), requires_grad=True)
    late = cg.exp(early(x))
    saved = watched(late.data)
    z = cg.sum(late * late)
    del late
    z.backward()
    assert seen == [True]


def test_a_retained_graph_dies_with_its_last_name():
    x = cg.Tensor([1.0, 2.0], requires_grad=True)
    y = cg.exp(x)
    z = cg.sum(y * y)
    middle = watched(y)
    z.backward(retain_graph=True)
    del y
    assert middle() is not None
    del z
    assert middle() is None


def test_a_recorded_pass_leaves_no_cycle_once_the_gradient_is_cleared():
    x = cg.Tensor([1.0, 2.0], requires_grad=True)
    y = cg.exp(x)
    middle = watched(y)
    z = cg.sum(y * y)
    z.backward(create_graph=True)
    del y, z
    x.grad = None
    assert middle() is None


def test_transforms_leave_nothing_behind():
    alive = []

    def f(x):
        y = cg.exp(x)
        alive.append(watched(y))
        return cg.sum(y * y)

    cg.func.grad(f)(np.ones(3))
    cg.func.grad(lambda x: cg.sum(cg.func.grad(f)(x)))(np.ones(3))
    _, pullback = cg.func.vjp(lambda x: f(x) * 2, np.ones(3))
    del pullback
    assert [reference() for reference in alive] == [None] * 3


def test_a_failed_pass_leaves_nothing_behind():
    def failing_backward(tensor, grad):
        raise ZeroDivisionError

    @cg.operation(failing_backward)
    def failing(x):
        return x * 1.0

    x = cg.Tensor([1.0], requires_grad=True)
    y = cg.exp(x)
    middle = watched(y)
    z = cg.sum(failing(y))
    del y
    with contextlib.suppress(ZeroDivisionError):
        z.backward()
    del z
    assert middle() is None


def test_views_do_not_outlive_their_names():
    x = cg.Tensor(np.ones(4))
    v = x[1:]
    view, base = watched(v), watched(x)
    del v
    assert view() is None
    v = x[1:]
    del x
    assert base() is not None
    del v
    assert base() is None


def test_a_leaf_forgets_its_dead_views():
    x = cg.Tensor(np.ones((2, 3)), requires_grad=True)
    kept = x.T
    for _ in range(1000):
        x[0], x[:, 1], x.T, cg.reshape(x, (6,))
    references = [reference for views in x._extra.views.by_row.values() for reference in views]
    assert len(references) == x._extra.views.count <= 16
    assert any(reference() is kept for reference in references)


def test_a_tensor_forgets_the_rows_that_were_read():
    x = cg.Tensor(np.ones((1000, 2)), requires_grad=True)
    for _ in range(3):
        for row in x:
            last = row
    del row
    assert x._extra.views.count <= 16
    assert x._extra.views.living(None, x.shape)[0] is last
    assert x._extra.views.count == 1


def test_buffers_filled_in_a_loop_are_freed():
    x = cg.Tensor(np.ones(3), requires_grad=True)
    buffer = cg.zeros(3)
    for i in range(3):
        buffer[i] = x[i] * 2.0
    alive = watched(buffer)
    cg.sum(buffer * buffer).backward()
    del buffer
    assert alive() is None


def test_several_outputs_hold_no_siblings():
    x = cg.Tensor(np.ones((3, 2)), requires_grad=True)
    first, second, third = cg.unstack(x)
    alive = watched(second)
    del second
    assert alive() is None
    cg.sum(first + third).backward()


# Depth --------------------------------------------------------------------------------------------------------------------------------


def chain(x, length):
    for _ in range(length):
        x = -x
    return x


def test_a_chain_of_200_000_operations_needs_no_recursion():
    x = cg.Tensor(np.ones(1), requires_grad=True)
    with low_recursion_limit():
        y = chain(x, 200_000)
        y.backward()
        assert x.grad.tolist() == [1.0]
        y = chain(x, 200_000)
        del y  # freed unpassed
        gradient = cg.func.grad(lambda z: chain(z, 20_000)[0])(np.ones(1))
        assert gradient.tolist() == [1.0]


def test_a_deep_ladder_of_shared_operands_needs_no_recursion():
    x = cg.Tensor(np.ones(1), requires_grad=True)
    with low_recursion_limit():
        a, b = x, x * 0.5
        for _ in range(20_000):
            a, b = b, (a + b) * 0.5
        b.backward(retain_graph=True)
        del a, b
    assert abs(x.grad[0] - (1 + 2 * 0.5) / 3) < 1e-9


def test_a_deep_chain_of_assignments_needs_no_recursion():
    x = cg.Tensor(np.ones(2), requires_grad=True)
    with low_recursion_limit():
        y = x * 1.0
        for _ in range(20_000):
            y += 1.0
        y[0] = y[1] * 2.0
        cg.sum(y).backward()
        del y
    assert x.grad.tolist() == [0.0, 3.0]


# Bytes --------------------------------------------------------------------------------------------------------------------------------


def peak_of(work):
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        work()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def test_bytes_per_operation_of_a_long_chain():
    length = 100_000
    x = cg.Tensor(np.ones(1), requires_grad=True)

    def work():
        y = x
        for _ in range(length // 2):
            y = cg.sin(y)
            y = y * 1.0001
        y.backward()

    assert peak_of(work) / length <= 450


def test_a_training_loop_does_not_grow():
    rng = np.random.default_rng(0)
    w = cg.Tensor(rng.normal(size=(8, 8)), requires_grad=True)
    b = cg.Tensor(np.zeros(8), requires_grad=True)
    x = rng.normal(size=(16, 8))
    optimizer = cg.optimizer.Adam([w, b], 1e-3)

    def steps(count):
        for _ in range(count):
            optimizer.zero_grad()
            hidden = cg.tanh(x @ w + b)
            hidden[0] = 0.0
            cg.mean(hidden * hidden).backward()
            optimizer.step()

    steps(20)
    tracemalloc.start()
    try:
        steps(1000)  # until CPython's lists of freed tuples, which hold 2 000 of each length, are as full as they get
        before = tracemalloc.get_traced_memory()[0]
        steps(500)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 20_000, f"{grown} bytes in 500 steps"


# When memory runs out -------------------------------------------------------------------------------------------------------------------


class OutOfMemoryError(RuntimeError):
    """What PyTorch raises is called this, and is no MemoryError; CuPy's is one."""


def raising(error):
    """A function whose forward pass works and whose backward pass runs out of memory, and one that can't even go forward."""

    def refused_backward(tensor, grad):
        raise error

    @cg.operation(refused_backward)
    def refused_later(x):
        return x * 1

    @cg.operation(refused_backward)
    def refused(x):
        raise error

    return refused_later, refused


@pytest.mark.parametrize("error", [MemoryError, OutOfMemoryError])
def test_running_out_of_memory_says_what_the_graph_holds(error):
    refused_later, refused = raising(error("no more"))
    x = cg.Tensor(np.ones((1000, 100)), requires_grad=True)
    y = cg.sin(x) * cg.exp(x)
    with pytest.raises(error) as forward:
        refused(y)
    assert "holds 3.2 MB in 4 tensors" in "".join(forward.value.__notes__)
    assert "clumsygrad.func.checkpoint" in "".join(forward.value.__notes__)

    refused_later, _ = raising(error("no more"))
    with pytest.raises(error) as backward:
        cg.sum(refused_later(y) * y).backward()  # what the pass went through already is let go: the sum and the product
    notes = "".join(backward.value.__notes__)
    assert "in the backward function of refused" in notes
    assert "holds 4 MB in 5 tensors" in notes


def test_other_errors_say_nothing_of_memory():
    _, refused = raising(ValueError("no"))
    with pytest.raises(ValueError) as found:
        refused(cg.Tensor(np.ones(3), requires_grad=True))
    assert "holds" not in "".join(found.value.__notes__)


# What the C library does with it ------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc adapts to the largest array that was freed")
def test_arrays_of_a_step_are_not_fetched_from_the_system_anew():
    step = """
import resource
import numpy as np
import clumsygrad as cg

x = cg.Tensor(np.ones(250_000), requires_grad=True)
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def step():
    x.grad = None
    cg.sum(cg.sin(cg.exp(x) * x)).backward()
for _ in range(3):
    step()
before = faults()
for _ in range(20):
    step()
print((faults() - before) / 20)
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    run = subprocess.run([sys.executable, "-c", step], env=environment, capture_output=True, text=True, check=True)
    assert float(run.stdout) < 100  # of the 490 pages of one array
