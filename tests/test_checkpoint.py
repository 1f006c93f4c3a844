"""checkpoint: the same derivatives of every order, less memory, what is refused; and what an exception leaves behind."""

from __future__ import annotations

import contextlib
import gc
import tracemalloc

import numpy as np
import pytest

import clumsygrad as cg
from clumsygrad.func import checkpoint, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

A, B = np.asarray([1.0, -2.0, 0.5]), np.asarray([0.3, 0.7, -1.1])


def leaf(x):
    return cg.Tensor(x, requires_grad=True)


def segment(x, w):
    return cg.tanh(w * x) * cg.sum(x) + w


def loss(f, x, w):
    return cg.sum(f(f(x, w), w) ** 2)


# The same derivatives ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "derivative",
    [
        lambda f: value_and_grad(f, argnums=(0, 1))(A, B),
        lambda f: grad(lambda x: cg.sum(grad(f)(x, B) ** 2))(A),
        lambda f: grad(lambda x: cg.sum(grad(lambda y: cg.sum(grad(f)(y, B) * A))(x) ** 2))(A),
        lambda f: jvp(f, (A, B), (B, A))[1],
        lambda f: hvp(f, (A, B), (B, A)),
        lambda f: hessian(f)(A, B),
        lambda f: grad(lambda x: jvp(lambda y: f(y, B), (x,), (x,))[1])(A),
        lambda f: jacobian(grad(f, argnums=1), by="columns")(A, B),
        lambda f: vjp(f, A, B)[1](2.0),
    ],
    ids=["grad", "second", "third", "jvp", "hvp", "hessian", "grad of jvp", "columns", "vjp"],
)
def test_derivatives_are_those_without_it(derivative):
    expected = derivative(lambda x, w: loss(segment, x, w))
    for f in (
        lambda x, w: loss(checkpoint(segment), x, w),
        checkpoint(lambda x, w: loss(segment, x, w)),
        checkpoint(lambda x, w: loss(checkpoint(segment), x, w)),
    ):
        found = derivative(f)
        for a, b in (
            zip(np.atleast_1d(found), np.atleast_1d(expected), strict=True)
            if not isinstance(found, tuple)
            else zip(found, expected, strict=True)
        ):
            np.testing.assert_allclose(a, b, rtol=1e-11)


def test_trees_keywords_and_what_is_no_array():
    def f(p, /, *, scale, power, flags):
        assert flags == ("a", None)
        return {"y": p["w"] * p["x"] * scale, "p": p["w"] ** power, "raw": A, "n": 3, "constant": cg.asarray([1.0]), "x": p["x"]}

    p = {"w": leaf(A), "x": leaf(B)}
    out = checkpoint(f)(p, scale=2.0, power=2, flags=("a", None))
    assert out["raw"] is A
    assert out["n"] == 3
    assert not out["constant"].requires_grad
    (cg.sum(out["y"]) + cg.sum(out["p"] * out["p"]) + cg.sum(out["x"])).backward()
    np.testing.assert_allclose(p["w"].grad, 2 * B + 4 * A**3)
    np.testing.assert_allclose(p["x"].grad, 2 * A + 1)


def test_leaves_that_it_closes_over():
    w, b = leaf(A), leaf(0.5)
    x = leaf(B)

    def f(x):
        return cg.sin(w * x) + b

    for function in (f, checkpoint(f), checkpoint(lambda x: checkpoint(f)(x))):
        w.grad = b.grad = x.grad = None
        cg.sum(function(function(x)) * w).backward()
        gradients = [w.grad, b.grad, x.grad]
        if function is f:
            expected = gradients
        for g, e in zip(gradients, expected, strict=True):
            np.testing.assert_allclose(g, e, rtol=1e-13)


def test_leaves_alone():
    w = leaf(A)
    cg.sum(checkpoint(lambda: w * w)()).backward()
    np.testing.assert_array_equal(w.grad, 2 * A)
    w.grad = None
    cg.sum(checkpoint(lambda x: w * x)(w)).backward()  # argument and captured at once
    np.testing.assert_array_equal(w.grad, 2 * A)
    assert checkpoint(lambda: w)() is w


def test_computed_tensors_that_it_closes_over():
    def with_(wrap):
        def f(x):
            y = cg.exp(x)
            return cg.sum(wrap(lambda z: z * y * y)(x))

        return f

    plain, wrapped = with_(lambda f: f), with_(checkpoint)
    np.testing.assert_allclose(grad(wrapped)(A), grad(plain)(A), rtol=1e-13)
    np.testing.assert_allclose(hessian(wrapped)(A), hessian(plain)(A), rtol=1e-12)
    x = leaf(A)
    y = cg.exp(x)
    cg.sum(checkpoint(lambda z: z * y)(x) * y).backward()
    np.testing.assert_allclose(x.grad, np.exp(2 * A) * (1 + 2 * A), rtol=1e-13)


def test_by_the_tape_to_second_order():
    x, w = leaf(A), leaf(B)
    found = []
    for f in (segment, checkpoint(segment)):
        x.grad = w.grad = None
        loss(f, x, w).backward(create_graph=True)
        slope = cg.sum(x.grad * w.grad)
        x.grad = w.grad = None
        slope.backward()
        found.append((x.grad, w.grad))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_decorated():
    @checkpoint
    def f(x):
        """What f does."""
        return x * x

    assert f.__name__ == "f"
    assert f.__doc__ == "What f does."


def test_nothing_to_differentiate():
    calls = []

    def f(x):
        calls.append(1)
        return x * x

    assert not checkpoint(f)(cg.Tensor(A)).requires_grad
    with cg.no_grad():
        assert not checkpoint(f)(leaf(A)).requires_grad
    assert checkpoint(f)(A) is not None
    assert len(calls) == 3


def test_it_is_computed_once_more():
    calls = []

    def f(x):
        calls.append(1)
        return cg.sum(x * x)

    grad(checkpoint(f))(A)
    assert len(calls) == 2


# What it is for -----------------------------------------------------------------------------------------------------------------------


def peak_of(function):
    gc.collect()
    tracemalloc.start()
    try:
        result = function()
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_inner_values_are_not_kept():
    x = np.linspace(0.0, 1.0, 20_000)

    def steps(x, count):
        for _ in range(count):
            x = cg.sin(x) * 1.01 + x * 0.1
        return x

    def by(n, wrap):
        return grad(lambda x: cg.sum(_repeated(wrap(lambda y: steps(y, 100 // n)), n, x)))

    expected, plain = peak_of(lambda: by(1, lambda f: f)(x))
    found, saved = peak_of(lambda: by(10, checkpoint)(x))
    np.testing.assert_array_equal(found, expected)
    assert plain > 300 * x.nbytes
    assert saved < 60 * x.nbytes
    _, kept = peak_of(lambda: hvp(lambda x: cg.sum(_repeated(lambda y: steps(y, 10), 10, x)), x, x))
    _, again = peak_of(lambda: hvp(lambda x: cg.sum(_repeated(checkpoint(lambda y: steps(y, 10)), 10, x)), x, x))
    assert again < kept / 3


def _repeated(f, count, x):
    for _ in range(count):
        x = f(x)
    return x


# What is refused ----------------------------------------------------------------------------------------------------------------------


def test_what_it_closes_over_must_stay():
    x, w = leaf(A), leaf(B)
    out = cg.sum(checkpoint(lambda z: z * w)(x))
    with cg.no_grad():
        w -= 0.1
    with pytest.raises(RuntimeError, match="changed after the forward pass"):
        out.backward()
    y = cg.exp(w)
    out = cg.sum(checkpoint(lambda z: z * y)(x))
    y += 1.0
    with pytest.raises(RuntimeError, match=r"that it closes over was changed after the forward pass.*hand it over as an argument"):
        out.backward()
    assert x.grad is None
    assert w.grad is None


def test_arguments_may_change():
    x = leaf(A)
    y = cg.exp(x)
    out = cg.sum(checkpoint(lambda z: z * z)(y))
    y += 1.0
    out.backward()
    np.testing.assert_allclose(x.grad, 2 * np.exp(2 * A))


def test_constant_arguments_may_change_too():
    """Also by the function itself, which is called with what they held at first, and of which nothing is seen outside."""

    def doubling(x, buffer):
        buffer *= 2.0
        return x * x * buffer

    def filling(x, buffer):
        buffer[0] = x[0] * x[1]
        return x * buffer

    for f, slope in ((doubling, 4 * A * B), (filling, [2 * A[0] * A[1], A[0] ** 2 + B[1], *B[2:]])):
        buffer = cg.Tensor(B)
        np.testing.assert_allclose(grad(lambda x, f=f, b=buffer: cg.sum(checkpoint(f)(x, b)))(A), slope, rtol=1e-14)
        assert buffer.tolist() == B.tolist()
    x, scale = leaf(A), cg.Tensor(B)
    out = cg.sum(checkpoint(lambda x, scale: x * scale)(x, scale))
    scale += 1.0
    out.backward()
    np.testing.assert_allclose(x.grad, B)


def test_it_must_not_assign_to_what_it_closes_over():
    y = cg.exp(leaf(A))

    def f(x):
        z = x * y
        y[0] = 0.0
        return z

    with pytest.raises(RuntimeError, match=r"assigns to a tensor of shape .* that it closes over"):
        checkpoint(f)(leaf(B))


def test_it_must_do_the_same_twice():
    x, w = leaf(A), leaf(B)
    others = iter([w * 1.0, w * 2.0, w * 3.0])
    with pytest.raises(RuntimeError, match="computed something else than in the forward pass"):
        cg.sum(checkpoint(lambda z: z * next(others))(x)).backward()


# After an exception, everything is as before --------------------------------------------------------------------------------------------


class Stop(Exception):
    pass


def failing(error, where):
    """x², an operation that raises in its forward function, in its rule, or where its rule is differentiated."""

    def twice_backward(tensor, grad):
        if where == "second order":
            raise error
        return (grad * 2,)

    @cg.operation(twice_backward)
    def twice(x):
        return x * 2

    calls = []

    def square_backward(tensor, grad):
        calls.append(1)
        if where == "rule" and len(calls) == 1:
            raise error
        (x,) = cg.grad.operands(tensor, grad)
        return (twice(grad) * twice(x) / 2,)

    @cg.operation(square_backward)
    def square(x):
        if where == "forward":
            raise error
        return x * x

    return square


TRANSFORMED = {
    "grad": lambda f, x: grad(f)(x),
    "grad of grad": lambda f, x: grad(lambda y: cg.sum(grad(f)(y)))(x),
    "vjp": lambda f, x: vjp(f, x)[1](1.0),
    "jvp": lambda f, x: jvp(f, (x,), (A,)),
    "hvp": lambda f, x: hvp(f, x, A),
    "jacobian": lambda f, x: jacobian(f, by="columns")(x),
    "hessian": lambda f, x: hessian(f)(x),
    "grad of checkpoint": lambda f, x: grad(checkpoint(f))(x),
    "hvp of checkpoint": lambda f, x: hvp(checkpoint(f), x, A),
    "backward of checkpoint": lambda f, x: checkpoint(f)(x).backward(),
    "backward": lambda f, x: f(x).backward(),
}


SECOND_ORDER = ("grad of grad", "jvp", "hvp", "jacobian", "hessian", "hvp of checkpoint")
PLACES = [
    (name, where)
    for name in TRANSFORMED
    for where in ("forward", "rule", "second order")
    if where != "second order" or name in SECOND_ORDER
]


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt])
@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize(("name", "where"), PLACES)
def test_an_exception_leaves_everything_as_it_was(name, where, recorded, error):
    square = failing(error, where)
    x, w = leaf(A), leaf(B)
    x.grad, w.grad = B.copy(), A.copy()

    def f(y):
        return cg.sum(square(y) * w)

    with contextlib.nullcontext() if recorded or "backward" in name else cg.no_grad():
        mode = (x * 2).requires_grad
        with pytest.raises(error):
            TRANSFORMED[name](f, x)
        assert (x * 2).requires_grad is mode
    assert (x * 2).requires_grad
    np.testing.assert_array_equal(x.data, A)
    np.testing.assert_array_equal(w.data, B)
    np.testing.assert_array_equal(x.grad, B)
    np.testing.assert_array_equal(w.grad, A)
    np.testing.assert_allclose(grad(lambda y: cg.sum(cg.sin(y) * w))(x).data, np.cos(A) * B)


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt])
def test_a_pullback_works_again_after_an_exception(error):
    square = failing(error, "rule")
    _, pullback = vjp(lambda x: square(x), A)
    with pytest.raises(error):
        pullback(B)
    np.testing.assert_array_equal(pullback(B)[0], 2 * A * B)


def test_what_was_written_in_parts_may_be_closed_over():
    """Also where the function reads both a part of it and the whole."""
    x0 = np.asarray([1.0, 2.0, 3.0])

    def gradient(wrapped, last):
        x = cg.Tensor(x0, requires_grad=True)
        u = cg.zeros((3, 3))
        u[0] = x
        u[1] = x * x
        z = wrapped(lambda y: cg.sum(cg.sin(u[1]) * y) + cg.sum(u * u))(x)
        if last is not None:
            u[last] = 5.0
        z.backward()
        return x.grad

    np.testing.assert_allclose(gradient(cg.func.checkpoint, None), gradient(lambda f: f, None), rtol=1e-15)
    with pytest.raises(RuntimeError, match="closes over was changed"):
        gradient(cg.func.checkpoint, 2)


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("read", [lambda u: u[1], lambda u: u[0:2][1], lambda u: u[:, 0]], ids=["row", "of a view", "column"])
@pytest.mark.parametrize("later", [1, 2])
def test_what_was_closed_over_and_assigned_to_since_is_refused(read, recorded, later):
    """Though the function read a part of it alone, and perhaps another."""
    x = cg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    u = cg.zeros((3, 3))
    u[0] = x
    u[1] = x * x
    z = cg.func.checkpoint(lambda y: cg.sum(cg.sin(read(u)) * y))(x)
    with contextlib.nullcontext() if recorded else cg.no_grad():
        u[later] = 5.0
    with pytest.raises(RuntimeError, match="closes over was changed"):
        z.backward()


def test_a_view_that_was_closed_over_and_assigned_to_since_is_refused():
    x = cg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    u = cg.zeros((3, 3))
    u[0] = x
    u[1] = x * x
    view = u[0:2]
    z = cg.func.checkpoint(lambda y: cg.sum(cg.sin(view) * y))(x)
    u[1] = 5.0
    with pytest.raises(RuntimeError, match="closes over was changed"):
        z.backward()
