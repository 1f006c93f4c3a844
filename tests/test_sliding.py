"""NumPy's convolution, correlation and windows: values as NumPy has them, memory, and what is refused. Derivatives: numpy_functions.py."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest

import clumsygrad as cg

view = np.lib.stride_tricks.sliding_window_view
MODES = ("full", "same", "valid")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("function", [np.convolve, np.correlate])
def test_vectors_of_every_length(function, mode, backend):
    lengths = range(1, 6) if backend.every_shape else (2, 5)
    for n, m in itertools.product(lengths, lengths):
        a, v = np.arange(1.0, n + 1) + 0.5j * np.arange(n)[::-1], np.arange(2.0, m + 2) * (1 - 0.25j)
        for x, y in ((a, v), (a.real, v.real)):
            found = function(cg.Tensor(backend.array(x)), cg.Tensor(backend.array(y)), mode)
            np.testing.assert_allclose(backend.host(found.data), function(x, y, mode), rtol=1e-13, atol=1e-13)


def test_infinities_stay_where_numpy_has_them():
    a, v = np.asarray([1.0, 2.0, np.inf, 3.0, 4.0]), np.asarray([1.0, 0.5, np.inf])
    for mode in MODES:
        np.testing.assert_array_equal(np.convolve(cg.Tensor(a), v, mode).numpy(), np.convolve(a, v, mode))


@pytest.mark.parametrize(("dtype", "other"), list(itertools.product([np.int64, np.float32, np.float64, np.complex64], repeat=2)))
def test_dtypes_of_convolutions(dtype, other):
    a, v = np.asarray([1, 2, 3], dtype=dtype), np.asarray([4, 5], dtype=other)
    found, expected = np.convolve(cg.Tensor(a), cg.Tensor(v)), np.convolve(a, v)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize("mode", MODES)
def test_gradients_of_long_filters_take_no_more_memory_than_vectors(mode):
    random = np.random.default_rng(0)
    a, v = random.normal(size=20_000), random.normal(size=1_001)
    x, w = cg.Tensor(a, requires_grad=True), cg.Tensor(v, requires_grad=True)
    tracemalloc.start()
    z = np.convolve(x, w, mode)
    cg.sum(z * z).backward()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30 * a.nbytes  # the matrix of all patches would take a thousand
    full = np.convolve(a, v)
    start = {"full": 0, "same": 500, "valid": 1_000}[mode]
    grad = np.zeros_like(full)
    grad[start : start + z.shape[0]] = 2 * np.convolve(a, v, mode)
    np.testing.assert_allclose(x.grad, np.correlate(grad, v, "valid"), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(w.grad, np.correlate(grad, a, "valid"), rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize(
    ("a", "v", "mode", "message"),
    [
        ([], [1.0], "full", "vectors of at least one element"),
        ([[1.0]], [1.0], "full", "vectors of at least one element"),
        ([1.0], [1.0], "most", "mode must be one of 'valid', 'same', or 'full'"),
    ],
)
def test_what_is_no_convolution(a, v, mode, message):
    for function in (np.convolve, np.correlate):
        with pytest.raises(ValueError, match=message):
            function(cg.Tensor(np.asarray(a)), v, mode)


# Windows ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "axis"),
    [(2, 1), ((2, 2), (1, 2)), ((2, 2), (1, 1)), ((1, 2, 3), None), (3, -1), ((0,), 1), ((3, 2), (-1, 0)), (1, 0)],
)
def test_windows_are_numpys(window, axis, backend):
    x = np.arange(24.0).reshape(2, 3, 4)
    found = view(cg.Tensor(backend.array(x)), window, axis)
    np.testing.assert_array_equal(backend.host(found.data), view(x, window, axis))


@pytest.mark.parametrize(("window", "axis"), [((2, 2), None), (9, 1), (-1, 1), ((1, 2), 1), (2, 7)])
def test_windows_that_do_not_fit(window, axis):
    x = np.arange(24.0).reshape(2, 3, 4)
    for values in (x, cg.Tensor(x)):
        with pytest.raises((ValueError, np.exceptions.AxisError)):
            view(values, window, axis)


def test_windows_are_read_only():
    x = cg.Tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    with pytest.raises(TypeError, match=r"numpy\.lib\.stride_tricks\.sliding_window_view: writeable=True .* assign to x itself"):
        view(x, 2, writeable=True)
    z = view(x, 2)
    z[0] = 0.0
    assert x.data.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert z.detach().tolist() == [[0.0, 0.0], [2.0, 3.0], [3.0, 4.0]]
    cg.sum(z).backward()
    assert x.grad.tolist() == [0.0, 1.0, 2.0, 1.0]


def test_windows_over_numpy_take_no_memory():
    x = cg.Tensor(np.arange(100_000.0))
    assert np.shares_memory(view(x, 1_000).data, x.data)


@pytest.mark.parametrize("length", [5, 47, 300])
def test_a_rolling_variance(length):
    x = np.random.default_rng(0).normal(size=49 + max(length, 47))
    gradient = cg.func.grad(lambda x: np.sum(np.log(np.var(view(x, length), axis=-1))))(x)
    rows = view(x, length)
    expected = np.zeros_like(x)
    slope = 2 * (rows - rows.mean(-1, keepdims=True)) / (length * rows.var(-1, keepdims=True))
    np.add.at(expected, np.arange(len(rows))[:, None] + np.arange(length), slope)
    np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-12)
