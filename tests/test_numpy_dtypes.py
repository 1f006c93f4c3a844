"""NumPy's functions that choose among arrays and numbers, or divide by distances: the dtypes that NumPy gives."""

from __future__ import annotations

import numpy as np
import pytest

import clumsygrad as cg


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.select([x < 0, x >= 0], [-x, x]),
        lambda x: np.select([x < 0], [0.0], x),
        lambda x: np.select([x < 0], [x], np.nan),
        lambda x: np.select([x < 0], [x], 1j),
        lambda x: np.select([x < 0, x > 2], [x, True], 3),
        lambda x: np.select([x < 0, x > 0], [1, 2]),
        lambda x: np.select([x < 0, x > 0], [1.5, 2]),
        lambda x: np.select([x < 0, x > 0], [True, False], False),
    ],
)
def test_numbers_take_the_dtype_of_what_is_selected(function, backend):
    values = np.asarray([-1.0, 2.0, 3.0], dtype=np.float32)
    found, expected = function(cg.Tensor(backend.array(values))), function(values)
    assert backend.host(found.data).dtype == expected.dtype
    np.testing.assert_array_equal(backend.host(found.data), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int32])
def test_slopes_are_of_the_dtype_of_the_samples(dtype):
    values, places = np.asarray([1, 2, 4, 8], dtype=dtype), np.asarray([0.0, 0.5, 1.0, 2.0])
    for distances in ((places,), (0.5,), (np.float64(0.5),), ()):
        found, expected = np.gradient(cg.Tensor(values), *distances), np.gradient(values, *distances)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-3 if dtype is np.float16 else 1e-6)
