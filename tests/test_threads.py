"""Threads: graphs of their own over shared leaves, and modes of their own."""

from __future__ import annotations

import dataclasses
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import clumsygrad as cg

THREADS, PASSES = 8, 200


@pytest.fixture(autouse=True)
def _switching_often():
    """Threads take turns every few microseconds, so that an unguarded sum would be seen to lose something."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def in_threads(work):
    """work(number) in THREADS threads that start together; what they raise is raised here."""
    start = threading.Barrier(THREADS)

    def started(number):
        start.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return [future.result() for future in [pool.submit(started, number) for number in range(THREADS)]]


@pytest.mark.parametrize("shape", [(), (3,)])
def test_every_gradient_of_shared_leaves_is_counted_once(shape):
    x = cg.Tensor(np.full(shape, 2.0), requires_grad=True)
    y = cg.Tensor(np.full(shape, 3.0), requires_grad=True)

    def work(number):
        for _ in range(PASSES):
            cg.sum(x * y * (number + 1.0)).backward()

    in_threads(work)
    total = PASSES * sum(range(1, THREADS + 1))
    assert np.all(x.grad == 3.0 * total)
    assert np.all(y.grad == 2.0 * total)


def test_threads_that_view_one_leaf_lose_no_gradient():
    """The first view and the first gradient of a leaf make what it keeps besides, once."""
    for _ in range(PASSES):
        x = cg.Tensor(np.ones((2, 2)), requires_grad=True)
        in_threads(lambda number, x=x: cg.sum(x.T[0]).backward())
        assert np.all(x.grad == [[THREADS, 0.0], [THREADS, 0.0]])


def test_views_that_threads_read_of_one_leaf_are_all_read_anew():
    x = cg.Tensor(np.zeros(THREADS * 16), requires_grad=True)
    for turn in range(1, 31):
        views = in_threads(lambda number: [x[i : i + 1] for i in range(16 * number, 16 * number + 16)])
        with cg.no_grad():
            x[...] = turn
        assert all(view.item() == turn for part in views for view in part)


def test_threads_that_share_a_pullback_do_not_meet():
    x = np.linspace(0.0, 1.0, 100_000)
    _, pullback = cg.func.vjp(lambda x: cg.sin(cg.cos(cg.sin(cg.cos(x)))), x)
    (expected,) = pullback(np.ones_like(x))

    def work(number):
        return all(np.array_equal(pullback(np.ones_like(x))[0], expected) for _ in range(20))

    assert all(in_threads(work))


def test_shared_nodes_are_passed_by_all_who_retain_them():
    x = cg.Tensor([1.0, 2.0], requires_grad=True)
    shared = x * x

    def work(number):
        for _ in range(PASSES):
            cg.sum(shared * 2.0).backward(retain_graph=True)

    in_threads(work)
    assert x.grad.tolist() == [4.0 * THREADS * PASSES, 8.0 * THREADS * PASSES]


def test_the_recording_mode_is_each_threads_own():
    x = cg.Tensor([1.0], requires_grad=True)
    entered = threading.Barrier(THREADS)

    def work(number):
        if number % 2:
            with cg.no_grad():
                entered.wait()
                inside = [(x * 2).requires_grad for _ in range(PASSES)]
        else:
            entered.wait()
            inside = [(x * 2).requires_grad for _ in range(PASSES)]
        return set(inside), (x * 2).requires_grad

    assert in_threads(work) == [({number % 2 == 0}, True) for number in range(THREADS)]


def test_a_new_thread_records_though_its_starter_does_not():
    x = cg.Tensor([1.0], requires_grad=True)
    seen = []
    with cg.no_grad():
        thread = threading.Thread(target=lambda: seen.append((x * 2).requires_grad))
        thread.start()
        thread.join()
    assert seen == [True]


def test_transforms_in_threads_do_not_meet():
    w = cg.Tensor(2.0, requires_grad=True)

    def work(number):
        f = cg.func.grad(cg.func.grad(lambda x: x**3 * (number + 1.0)))
        g = cg.func.grad(lambda x: w * x * x)
        return [(float(f(0.5)), g(0.5).item()) for _ in range(PASSES)]

    for number, results in enumerate(in_threads(work)):
        assert results == [(3.0 * (number + 1), 2.0)] * PASSES
    assert w.grad is None


def test_a_dataclass_that_all_meet_at_once_is_registered_once(monkeypatch):
    @dataclasses.dataclass
    class Point:
        x: float

    is_dataclass, met = dataclasses.is_dataclass, threading.Barrier(THREADS)

    def slowly(cls):
        if cls is Point:
            met.wait()
        return is_dataclass(cls)

    monkeypatch.setattr(dataclasses, "is_dataclass", slowly)
    gradients = in_threads(lambda number: cg.func.grad(lambda p: p.x * p.x)(Point(float(number))))
    assert [float(g.x) for g in gradients] == [2.0 * number for number in range(THREADS)]


def test_ids_are_never_given_twice():
    x = cg.Tensor(1.0, requires_grad=True)
    made = in_threads(lambda number: [(x * 2.0)._id for _ in range(PASSES)])
    assert len({number for ids in made for number in ids}) == THREADS * PASSES
