"""Indices and labels of any integer dtype: the value and the gradients are those of int64, where positions run over in narrow ones too."""

from __future__ import annotations

import numpy as np
import pytest
from backends import NUMPY
from checks import assert_agree

import clumsygrad as cg

DTYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "uint64")
ROWS = np.asarray([119, 3, 119, 100])  # of 120: in one dimension their elements are at more than int8 and uint8 can hold
TABLE, SHORT, LONG = (120, 5), (4, 300), (300, 4)

# A function of the namespace, a tensor, and indices; its shape, the indices, and what it needs of a backend
CALLS = {
    "x[rows]": (lambda xp, x, i: x[i], TABLE, ROWS, "scatter"),
    "x[0-d]": (lambda xp, x, i: x[i], TABLE, np.asarray(119), "scatter"),
    "x[tensor]": (lambda xp, x, i: x[cg.Tensor(i)], TABLE, ROWS, "scatter"),
    "x[row, column]": (lambda xp, x, i: x[i, i], (120, 120), ROWS, "scatter"),
    "take": (lambda xp, x, i: xp.take(x, i, axis=0), TABLE, ROWS, "scatter"),
    "take along 1": (lambda xp, x, i: xp.take(x, i, axis=1), TABLE[::-1], ROWS, "scatter"),
    "take_along_axis": (lambda xp, x, i: xp.take_along_axis(x, i, axis=1), LONG, np.arange(300)[:, None] % 4, "gather"),
    "embedding": (lambda xp, x, i: xp.nn.embedding(x, i), TABLE, ROWS.reshape(2, 2), "scatter"),
    "assign": (lambda xp, x, i: xp.assign(x, i, x[0, ...] * 2), TABLE, ROWS, "scatter"),
    "assign at row, column": (lambda xp, x, i: xp.assign(x, (i, i), 2.0), (120, 120), ROWS[:2], "scatter"),
    "scatter_add": (lambda xp, x, i: xp.scatter_add(x, i, TABLE), (4, 5), ROWS, "scatter"),
    "repeat": (lambda xp, x, i: xp.repeat(x, i, axis=0), (4, 2), np.asarray([100, 0, 100, 100]), "repeats"),
    "bincount": (lambda xp, x, i: xp.bincount(i, x), (4,), ROWS, "bins"),
    "cross_entropy": (lambda xp, x, i: cg.loss.cross_entropy(x, i), SHORT, ROWS, "gather"),
    "cross_entropy along 0": (lambda xp, x, i: cg.loss.cross_entropy(x, i, axis=0, reduction="none"), LONG, ROWS, "gather"),
}


def value_and_gradients(backend, function, values, indices):
    """The value, the gradient of the sum of its squares, and that of the sum of the cubes of this gradient."""
    x = cg.Tensor(backend.array(values), requires_grad=True)
    z = function(backend.namespace, x, backend.array(indices))
    xp = backend.namespace
    xp.sum(z * z).backward(create_graph=True)
    first, x.grad = x.grad, None
    xp.sum(first**3).backward()
    return [backend.host(a) for a in (z, first, x.grad)]


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_indices_of_any_integer_dtype(backend, dtype, name):
    function, shape, indices, use = CALLS[name]
    if use in backend.lacks or backend.compiled:
        pytest.skip(backend.lacks.get(use, "nothing is compiled here"))
    if dtype == "uint64" and NUMPY < (2, 1) and backend.library in ("numpy", "array_api_strict"):
        pytest.skip("NumPy 2.0 takes by no uint64")
    values = np.random.default_rng(1).uniform(0.5, 1.5, shape)
    expected = value_and_gradients(backend, function, values, indices)
    found = value_and_gradients(backend, function, values, indices.astype(dtype))
    for a, b, what in zip(found, expected, ("value", "gradient", "gradient of the gradient"), strict=True):
        assert a.dtype == b.dtype
        assert_agree(a, b, 1e-14, f"{name}, {what}")


def test_counts_do_not_run_over(backend):
    if {"masks", "scatter"} & backend.lacks.keys() or backend.compiled:
        pytest.skip("the largest integer decides the shape")
    assert backend.host(cg.bincount(cg.Tensor(backend.array(np.ones(300, dtype=np.int8))))).tolist() == [0, 300]


def test_truth_values_are_counted_as_integers(backend):
    if {"masks", "scatter"} & backend.lacks.keys() or backend.compiled:
        pytest.skip("the largest integer decides the shape")
    assert backend.host(cg.bincount(cg.Tensor(backend.array(np.asarray([True, False, True]))))).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("x", "minlength", "error", "message"),
    [
        (np.ones((2, 2), dtype=int), 0, ValueError, r"bincount: x must have one axis, it has shape \(2, 2\)"),
        (np.asarray(1), 0, ValueError, r"bincount: x must have one axis, it has shape \(\)"),
        (np.asarray([0.5]), 0, TypeError, "bincount: x must be an array of integers, it has dtype float64"),
        (np.asarray([1, -1]), 0, ValueError, "bincount: x must not be negative, its smallest element is -1"),
        (np.asarray([1]), -1, ValueError, "bincount: minlength must not be negative, got -1"),
    ],
)
def test_what_cannot_be_counted_is_refused(x, minlength, error, message):
    with pytest.raises(error, match=message):
        cg.bincount(x, None, minlength)
    with pytest.raises(error, match=message):
        np.bincount(cg.Tensor(x), None, minlength)
