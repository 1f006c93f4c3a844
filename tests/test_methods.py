"""The methods and attributes of NumPy's arrays on Tensors: the values of NumPy's, and gradients like those of its functions."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from backends import NUMPY
from checks import assert_agree, central_difference, directions_like, inner

import clumsygrad as cg

METHODS = {
    "sum": lambda x: x.sum(),
    "sum-axis": lambda x: x.sum(axis=0, keepdims=True),
    "sum-where": lambda x: x.sum(axis=1, where=[True, False, True], initial=2.0),
    "prod": lambda x: x.prod(axis=1),
    "mean": lambda x: x.mean(axis=(0, 1)),
    "std": lambda x: x.std(ddof=1),
    "var": lambda x: x.var(axis=0),
    "max": lambda x: x.max(axis=1),
    "max-initial": lambda x: x.max(axis=0, initial=1.0),
    "min": lambda x: x.min(),
    "cumsum": lambda x: x.cumsum(axis=1),
    "cumprod": lambda x: x.cumprod(),
    "reshape": lambda x: x.reshape(3, -1),
    "reshape-tuple": lambda x: x.reshape((3, 2)),
    "reshape-flat": lambda x: x.reshape(-1),
    "reshape-columns": lambda x: x.reshape(3, -1, order="F"),
    "transpose": lambda x: x.transpose(),
    "transpose-axes": lambda x: x.transpose(1, 0),
    "transpose-tuple": lambda x: x.transpose((1, 0)),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "squeeze": lambda x: x.reshape(2, 1, 3).squeeze(),
    "flatten": lambda x: x.flatten(),
    "flatten-columns": lambda x: x.flatten("F"),
    "ravel": lambda x: x.ravel(),
    "astype": lambda x: x.astype(np.float64),
    "copy": lambda x: x.copy(),
    "clip": lambda x: x.clip(-1, 0.9),
    "clip-one": lambda x: x.clip(max=0.9),
    "round": lambda x: x + x.round(1),
    "dot": lambda x: x.dot(x.T),
    "real": lambda x: x.real,
    "imag": lambda x: x + x.imag,
    "conj": lambda x: x.conj(),
    "conjugate": lambda x: x.conjugate(),
    "trace": lambda x: x.trace(offset=1),
    "diagonal": lambda x: x.diagonal(1),
    "repeat": lambda x: x.repeat(2, axis=1),
    "take": lambda x: x.take([2, 0, 2], axis=1),
    "take-clip": lambda x: x.take([-1, 0, 7], axis=1, mode="clip"),
    "compress": lambda x: x.compress([True, False, True], axis=1),
    "choose": lambda x: (x > 0).choose([x, 2.0 * x]),
    "divmod": lambda x: divmod(x, 0.4)[1],
    "divmod-reflected": lambda x: divmod(2.0, x)[1],
}


@pytest.mark.parametrize("name", METHODS)
def test_value_and_gradient(name):
    method = METHODS[name]
    values = np.random.default_rng(0).uniform(0.3, 1.7, (2, 3)) * [[1, -1, 1], [-1, 1, 1]]
    x = cg.Tensor(values, requires_grad=True)
    z = method(x)
    assert type(z) is cg.Tensor
    assert_agree(z.data, method(values), 1e-13, "value")
    (cotangent,) = directions_like([np.asarray(method(values))], seed=1)
    (direction,) = directions_like([values], seed=2)
    z.backward(cotangent)

    def along(t):
        return inner([cotangent], [method(values + t * direction)])

    step = 1e-3 if name != "round" else 1e-7
    assert_agree(inner([x.grad], [direction]), central_difference(along, step), 1e-7, "gradient")


@pytest.mark.parametrize("name", ["argmax", "argmin", "any", "all"])
def test_positions_and_truth_values(name):
    values = np.asarray([[1.0, 0.0, 2.0], [3.0, -1.0, 0.5]])
    x = cg.Tensor(values, requires_grad=True)
    for options in ({}, {"axis": 1}, {"axis": 0, "keepdims": True}):
        found = getattr(x, name)(**options)
        assert not found.requires_grad
        assert np.array_equal(found.numpy(), getattr(values, name)(**options))


def test_where_and_in_which_order():
    values = np.asarray([3.0, 0.0, 1.0, 2.0])
    x = cg.Tensor(values, requires_grad=True)
    for found, expected in (
        (x.argsort(), values.argsort()),
        (x.nonzero()[0], values.nonzero()[0]),
        (x[[1, 2, 3]].searchsorted(1.5, side="right"), values[1:].searchsorted(1.5, side="right")),
        (divmod(x, 2.0)[0].detach(), divmod(values, 2.0)[0]),
    ):
        assert type(found) is cg.Tensor
        assert np.array_equal(found.numpy(), expected)


def test_pythons_round():
    x = cg.Tensor(1.26, requires_grad=True)
    assert (round(x, 1).item(), round(x).item()) == (1.3, 1.0)
    assert type(round(x)) is cg.Tensor
    assert cg.func.grad(lambda x: x * round(x, 1))(np.asarray(1.26)) == 1.3


def test_bytes(backend):
    x = cg.Tensor(backend.array(np.ones((2, 3))))
    assert (x.itemsize, x.nbytes) == (8, 48)
    assert x.astype("float32").nbytes == 24


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: x.cumsum(out=np.zeros(2)), r"numpy\.cumsum: out= .* assign the result"),
        (lambda x: x.take([0], out=np.zeros(1)), r"numpy\.take: out= .* assign the result"),
    ],
)
def test_arguments_that_no_gradient_could_follow(call, message):
    with pytest.raises(TypeError, match=message):
        call(cg.Tensor([1.0, 2.0], requires_grad=True))


def test_arguments_that_have_no_effect():
    x = cg.Tensor([1.0, 2.0], requires_grad=True)
    assert x.sum(out=None, where=True, initial=None).item() == x.sum(axis=0, dtype=float, keepdims=False, out=None).item() == 3.0


def test_complex_parts():
    z = cg.Tensor(np.asarray([1 + 2j, 3 - 1j]), requires_grad=True)
    cg.sum(z.real * z.imag).backward()
    assert np.array_equal(z.grad, [2 + 1j, -1 + 3j])
    assert z.conj().data.tolist() == [1 - 2j, 3 + 1j]


def test_astype_takes_what_numpy_takes(backend):
    x = cg.Tensor(backend.array(np.ones(2)), requires_grad=True)
    for dtype in ("float32", np.float32, backend.namespace.float32):
        assert x.astype(dtype).dtype == backend.namespace.float32
        assert x.astype(dtype).requires_grad
    assert x.astype(int).dtype == backend.namespace.int64


def test_every_library(backend):
    x = cg.Tensor(backend.array(np.asarray([[1.0, 4.0], [9.0, 2.0]])), requires_grad=True)
    for z in (x.sum(axis=0), x.mean(), x.std(), x.max(axis=1), x.reshape(4), x.transpose(), x.clip(2, 5), x.cumsum(axis=0), x.real):
        assert type(z) is cg.Tensor
        assert backend.owns(z.data)
        assert z.requires_grad


def test_tolist_of_a_tracked_tensor_is_refused():
    assert cg.Tensor([[1.0, 2.0]]).tolist() == [[1.0, 2.0]]
    with pytest.raises(RuntimeError, match=r"tolist\(\) of a tensor that requires a gradient .*detach"):
        cg.Tensor([1.0], requires_grad=True).tolist()


def test_copies_share_nothing():
    x = cg.Tensor([1.0, 2.0])
    y = x.copy()
    y[0] = 5.0
    assert x.tolist() == [1.0, 2.0]


def test_an_attribute_of_numpys_that_tensors_lack_names_the_way_to_it():
    t = cg.Tensor([1.0, 2.0])
    with pytest.raises(AttributeError, match=r"no attribute 'ctypes': .* x\.detach\(\)\.numpy\(\)\.ctypes"):
        t.ctypes  # noqa: B018
    for name, instead in (
        ("strides", r"sliding_window_view\(x, n\), or reading by index"),
        ("sort", r"numpy\.sort\(x, \.\.\.\) gives a new Tensor"),
        ("resize", r"numpy\.resize\(x"),
        ("fill", "assign: x"),
        ("partition", r"numpy\.partition\(x, \.\.\.\) gives a new Tensor"),
        ("put", r"numpy\.put\(x, \.\.\.\) writes into it"),
        ("flat", r"x\.ravel\(\)"),
    ):
        with pytest.raises(AttributeError, match=rf"no attribute '{name}': .*{instead}"):
            getattr(t, name)
    with pytest.raises(AttributeError, match=r"no attribute 'shpae'$"):
        t.shpae  # noqa: B018
    assert not hasattr(t, "view")
    assert copy.copy(t).tolist() == [1.0, 2.0]


def test_what_flatten_gives_is_a_copy_and_what_ravel_gives_a_view():
    for x in (cg.Tensor([1.0, 2.0]), cg.Tensor([[1.0, 2.0]])):
        for copied in (x.flatten(), x.reshape(2, copy=True), np.reshape(x, 2, copy=True) if NUMPY >= (2, 1) else x.flatten()):
            copied += 1.0
            assert x.ravel().tolist() == [1.0, 2.0]
        for view in (x.ravel(), x.reshape(2), np.reshape(x, (2, 1)), x.transpose(), x.reshape(1, 2, order="F")):
            view *= 2.0
        assert x.ravel().tolist() == [32.0, 64.0]
