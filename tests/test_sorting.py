"""Sorting by whatever algorithm is fastest: nobody can tell it from the stable sort, nor its gradient."""

from __future__ import annotations

import math

import numpy as np
import pytest

import clumsygrad as cg

SHAPE = (40, 30)  # so many that NumPy's unstable algorithms are used where they may be
AXES = (0, 1, -1)


def numbers(name, dtype="float64"):
    random = np.random.default_rng(0)
    x = random.standard_normal(SHAPE)
    if name == "equals":
        x = random.integers(-3, 4, SHAPE) * 1.0
    elif name == "one pair":
        x[7, 8] = x[7, 20] = x[30, 8]
    elif name == "both zeros":
        x = random.choice([0.0, -0.0, 1.0], SHAPE)
    elif name == "nan":
        x[3, 4] = x[3, 9] = x[5, 4] = math.nan
    elif name == "infinities":
        x[3, 4], x[3, 9], x[5, 4] = math.inf, -math.inf, math.inf
    return x.astype(dtype)


NAMES = ("all different", "equals", "one pair", "both zeros", "nan", "infinities")


def stable_order(x, axis, descending):
    """Of numbers that are equal the first comes first; nan comes last, or first where it descends."""
    rows = np.moveaxis(x, axis, -1)
    order = np.argsort(rows[..., ::-1] if descending else rows, axis=-1, kind="stable")
    if descending:
        order = (rows.shape[-1] - 1 - order)[..., ::-1]
    return np.moveaxis(order, -1, axis)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("name", NAMES)
def test_values_are_those_of_the_stable_sort_to_the_last_bit(name, axis, descending):
    x = numbers(name)
    found = cg.sort(x, axis=axis, descending=descending)
    expected = np.take_along_axis(x, stable_order(x, axis, descending), axis)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("name", NAMES)
def test_gradients_go_where_the_stable_sort_took_from(name, axis, descending, dtype):
    x = numbers(name, dtype)
    weights = np.arange(x.size, dtype=dtype).reshape(SHAPE)
    _, pullback = cg.func.vjp(lambda x: cg.sort(x, axis=axis, descending=descending), x)
    (found,) = pullback(weights)
    expected = np.empty_like(x)
    np.put_along_axis(expected, stable_order(x, axis, descending), weights, axis)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == dtype


def test_the_gradient_of_a_sort_is_differentiable():
    x = numbers("all different")
    vector = np.random.default_rng(1).standard_normal(SHAPE)
    weights = np.arange(1.0, x.size + 1).reshape(SHAPE)
    found = cg.func.hvp(lambda x: cg.sum(cg.sort(x, axis=1) ** 2 * weights), x, vector)
    place = np.argsort(np.argsort(x, axis=1), axis=1)
    np.testing.assert_allclose(found, 2 * vector * np.take_along_axis(weights, place, 1))
