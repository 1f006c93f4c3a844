"""NumPy's functions where numbers, positions and arguments end: the values, dtypes and errors that NumPy gives."""

from __future__ import annotations

import numpy as np
import pytest

import clumsygrad as cg

INF, NAN = np.inf, np.nan
FLOATS = [[1.0, -1.0, 1e17, -1e17, 5.5, -5.5, -6.0, 0.0], [INF, INF, 3.0, 3.0, -2.0, 2.0, 3.0, 4.0]]
INTEGERS = [[5, -5, 5, -5, 6, -6, 0], [3, 3, -3, -3, 3, 3, -3]]
TRUTHS = [True, False, False, True, True]


def matches(found, expected, backend):
    values = backend.host(found.data)
    np.testing.assert_array_equal(values, expected)
    assert values.dtype == expected.dtype


VALUES = {
    "fmod": (lambda x, array: np.fmod(x[0, :], x[1, :]), FLOATS),
    "fmod-integers": (lambda x, array: np.fmod(x[0, :], x[1, :]), INTEGERS),
    "fmod-least": (lambda x, array: np.fmod(x[0, :], x[1, :]), np.asarray([[5, -5, -128], [-128, -128, 100]], dtype=np.int8)),
    "fmod-unsigned": (lambda x, array: np.fmod(x[0, :], x[1, :]), np.asarray([[200, 6], [7, 3]], dtype=np.uint8)),
    "fmax-number": (lambda x, array: np.fmax(x, 3), np.asarray([1, 5], dtype=np.int32)),
    "fmin-number": (lambda x, array: np.fmin(3, x), np.asarray([1, 5], dtype=np.uint8)),
    "fmod-number": (lambda x, array: np.fmod(x, -3), np.asarray([-5, 5], dtype=np.int16)),
    "modf": (lambda x, array: np.modf(x)[0], [INF, -INF, 2.5, -1.25, NAN]),
    "modf-whole": (lambda x, array: np.modf(x)[1], [INF, -INF, 2.5, -1.25, NAN]),
    "ldexp-up": (lambda x, array: np.ldexp(x, 1100), [1e-300, -3e-305, 0.0]),
    "ldexp-down": (lambda x, array: np.ldexp(x, -1100), [1e300, -3e305, 0.0]),
    "ldexp-each": (lambda x, array: np.ldexp(x, array([1050, -3, 7])), [1e-300, 5.0, -0.75]),
    "ldexp-ends": (lambda x, array: np.ldexp(x, 5000), [0.0, -0.0, INF, -1.0, NAN]),
    "ldexp-ends-down": (lambda x, array: np.ldexp(x, -5000), [0.0, -0.0, INF, -1.0, NAN]),
    "ldexp-single": (lambda x, array: np.ldexp(x, 260), np.asarray([2e-38, 0.0, INF], dtype=np.float32)),
    "ldexp-of-integers": (lambda x, array: np.ldexp(x, 2), [1, 3]),
    "frexp": (lambda x, array: np.frexp(x)[0], [np.finfo(float).max, np.finfo(float).smallest_normal, -0.75, 0.0, INF, NAN]),
    "frexp-exponent": (lambda x, array: np.frexp(x)[1], [np.finfo(float).max, np.finfo(float).smallest_normal, -0.75, 0.0]),
    "sum-where": (lambda x, array: np.sum(x, axis=1, where=array([True, False, True]), initial=2, keepdims=True), [[1, 2, 3], [4, 5, 6]]),
    "prod-where": (lambda x, array: np.prod(x, where=array([False, False]), initial=7), [2.0, 3.0]),
    "mean-where": (lambda x, array: np.mean(x, axis=0, where=array([[True, False], [True, False]])), [[1.0, INF], [4.0, NAN]]),
    "max-where": (lambda x, array: np.max(x, axis=1, where=array([True, False, True]), initial=4), [[1, 9, 3], [4, 7, 6]]),
    "max-of-none": (lambda x, array: np.max(x, axis=(0, 2), initial=-1.0), np.zeros((2, 3, 0))),
    "min-of-none": (lambda x, array: np.min(x, initial=INF), []),
    "var-where": (lambda x, array: np.var(x, axis=1, ddof=2, where=array([True, False, True])), [[1.0, NAN, 3.0], [4.0, INF, 4.5]]),
    "all-where": (lambda x, array: np.all(x, where=array([True, False, False, True, True])), TRUTHS),
    "any-where": (lambda x, array: np.any(x, where=array([False, True, True, False, False])), TRUTHS),
    "reduceat-integers": (lambda x, array: np.add.reduceat(x, [0, 4, 1, 2]), np.asarray([3, 1, 4, 1, 5], dtype=np.int32)),
    "reduceat-nothing": (lambda x, array: np.add.reduceat(x, []), [3.0, 1.0]),
    "quantile-inverted": (lambda x, array: np.quantile(x, np.arange(21) / 20, method="inverted_cdf"), [4.0, 1.0, 3.0, 7.0, 5.0, 2.0]),
    "quantile-weights": (
        lambda x, array: np.quantile(x, [0.1, 0.2, 0.5, 1.0], axis=0, weights=array([0.0, 2.0, 1.0]), method="inverted_cdf"),
        [[1.0, 9.0], [4.0, NAN], [2.0, 3.0]],
    ),
    "nanquantile-weights": (
        lambda x, array: np.nanquantile(x, 0.6, axis=1, weights=array([[1.0, 2.0, 3.0]] * 2), method="inverted_cdf"),
        [[1.0, 9.0, 3.0], [4.0, NAN, 2.0]],
    ),
    "clip-above": (lambda x, array: np.clip(x, 0, array(2.5)), [1, 5]),
    "clip-below": (lambda x, array: np.clip(x, array([2.5, 0.0]), 3), [1, 5]),
    "clip-integers": (lambda x, array: np.clip(x, array(2), None), [1, 5]),
    "diff-truths": (lambda x, array: np.diff(x, n=2), TRUTHS),
    "diff-truths-ends": (lambda x, array: np.diff(x, n=3, prepend=array([True]), append=array([False])), TRUTHS),
    "diff-truths-none": (lambda x, array: np.diff(x, n=0), TRUTHS),
    "linspace-floored": (lambda x, array: np.linspace(x[0], x[1], 4, dtype=int), [-1.0, 1.0]),
    "linspace-whole": (lambda x, array: np.linspace(x[0], x[1], 50, dtype=int), [0.0, 49.0]),
    "linspace-end": (lambda x, array: np.linspace(x[0], x[1], 4, dtype=int), [0.7, 8.0]),
    "linspace-one": (lambda x, array: np.linspace(x[0], x[1], 1), [0.1, 0.7]),
    "linspace-steps": (lambda x, array: np.linspace(x[0], x[1], 5, endpoint=False, dtype=np.int64), [-7.5, 4.0]),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value|overflow|Mean of empty|Degrees of freedom)")
def test_values(name, backend):
    if "quantile" in name and backend.library == "dask.array":
        pytest.skip("dask.array has no take_along_axis")
    function, values = VALUES[name]
    values = np.asarray(values)
    matches(
        function(cg.Tensor(backend.array(values)), lambda given: cg.Tensor(backend.array(np.asarray(given)))),
        function(values, np.asarray),
        backend,
    )


def test_cube_roots_are_whole_where_they_can_be(backend):
    if backend.library == "jax.numpy":
        pytest.skip("JAX's own cbrt rounds them")
    values = np.asarray([64.0, -27.0, 0.0, INF])
    matches(np.cbrt(cg.Tensor(backend.array(values))), np.asarray([4.0, -3.0, 0.0, INF]), backend)


def test_fractions_have_the_sign_of_their_number(backend):
    values = np.asarray([-0.0, 0.0, -3.0, 3.0, -2.5, INF, -INF])
    x = cg.Tensor(backend.array(values), requires_grad=True)
    for found, expected in zip(np.modf(x), np.modf(values), strict=True):
        matches(found, expected, backend)
        np.testing.assert_array_equal(np.signbit(backend.host(found.data)), np.signbit(expected))
    cg.sum(np.modf(x[:5])[0]).backward()
    assert backend.host(x.grad).tolist() == [1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("number", [5, 3 * 2**40 + 1])
def test_ldexp_rounds_once(number, backend):
    if backend.library == "jax.numpy":
        pytest.skip("XLA takes numbers below the normal ones for 0")
    values = np.asarray([number * np.finfo(float).smallest_subnormal, 1.0 + 2.0**-52])
    for exponent in (-3, -1030):
        matches(np.ldexp(cg.Tensor(backend.array(values)), exponent), np.ldexp(values, exponent), backend)


@pytest.mark.parametrize("indices", [[0, 2], [-1, 0]])
def test_choices_out_of_range(indices, backend):
    t = cg.Tensor(backend.array(np.asarray([1.0, 2.0])), requires_grad=True)
    given = [indices, np.asarray(indices)]
    if backend.library in ("numpy", "array_api_strict", "torch"):
        given.append(cg.Tensor(backend.array(np.asarray(indices))))
    for index in given:
        with pytest.raises(ValueError, match=r"numpy\.choose: invalid entry in choice array: .* 0 \.\.\. 1"):
            np.choose(index, [t, t])
        for mode in ("wrap", "clip"):
            expected = np.choose(indices, [np.asarray([1.0, 2.0]), np.asarray([3.0, 6.0])], mode=mode)
            index = index if type(index) is cg.Tensor else indices
            matches(np.choose(index, [t, t * 3.0], mode=mode), expected, backend)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_frexp_of_numbers_below_the_normal_ones(dtype, backend):
    if backend.library == "jax.numpy":
        pytest.skip("XLA takes them for 0")
    limits = np.finfo(dtype)
    values = np.asarray([limits.smallest_subnormal, -limits.smallest_normal / 3], dtype=dtype)
    for found, expected in zip(np.frexp(cg.Tensor(backend.array(values))), np.frexp(values), strict=True):
        matches(found, expected, backend)


@pytest.mark.parametrize("function", [np.quantile, np.nanquantile])
def test_quantiles_of_more_elements_than_16_bits_count(function, backend):
    if backend.library in ("array_api_strict", "dask.array"):
        pytest.skip("array-api-strict has no floats of 16 bits, dask.array no take_along_axis")
    values = np.arange(5000).astype(np.float16)
    x, q = cg.Tensor(backend.array(values)), cg.Tensor(np.asarray([0.25, 1.0]), requires_grad=True)
    for at in (0.0, 0.5, 1.0):
        matches(function(x, at), function(values, at), backend)
    if backend.library == "numpy":
        cg.sum(function(x, q)).backward()
        assert q.grad.dtype == np.float64


def test_quantiles_of_more_elements_than_float32_counts():
    values = np.zeros(2**24 + 2, dtype=np.float32)
    values[-1] = 1.0
    assert np.quantile(cg.Tensor(values), 1.0).item() == 1.0


AXIS = np.exceptions.AxisError
ERRORS = {
    "fmax": (lambda t: np.fmax((t > 0).astype(np.int8), 300), OverflowError, "300 out of bounds for int8"),
    "max-where": (lambda t: np.max(t, where=[True, False]), ValueError, r"numpy\.max: where= .* needs initial="),
    "initial": (lambda t: np.max((t > 0).astype(np.int8), initial=300), OverflowError, "300 out of bounds for int8"),
    "initial-nan": (lambda t: np.sum((t > 0).astype(np.int8), initial=NAN), ValueError, "cannot convert float NaN to integer"),
    "reduceat": (lambda t: np.add.reduceat(t, [0, 2]), IndexError, r"numpy\.add\.reduceat: index 2 .* axis 0 of length 2"),
    "take": (lambda t: np.take(t, [0], mode="fold"), ValueError, "clipmode must be one of .*'fold'"),
    "einsum": (lambda t: np.einsum(t, [60]), ValueError, r"numpy\.einsum: the labels must be integers from 0 to 51"),
    "cov": (lambda t: np.cov(t, aweights=[1.0]), RuntimeError, r"numpy\.cov: aweights must have .* 2 observations, .* \(1,\)"),
    "cov-negative": (lambda t: np.cov(t, aweights=[1.0, -1.0]), ValueError, r"numpy\.cov: aweights cannot be negative"),
    "quantile": (lambda t: np.quantile(t, 0.5, weights=t), ValueError, r"numpy\.quantile: weights .*'linear': .*inverted_cdf"),
    "expand_dims": (lambda t: np.expand_dims(t, 5), AXIS, "expand_dims: axis 5 is out of bounds for array of dimension 2"),
    "expand_dims-several": (lambda t: np.expand_dims(t, (0, -7)), AXIS, "expand_dims: axis -7 .* of dimension 3"),
    "expand_dims-twice": (lambda t: np.expand_dims(t, (0, -3)), ValueError, "repeated axis in `expand_dims`"),
    "sum-half": (lambda t: np.sum(t, axis=0.5), TypeError, "'float' object cannot be interpreted as an integer"),
    "mean-half": (lambda t: t.mean(axis=0.5), TypeError, "'float' object cannot be interpreted as an integer"),
    "reshape-half": (lambda t: np.reshape(t, (2.0, 1)), TypeError, "'float' object cannot be interpreted as an integer"),
    "tile-half": (lambda t: np.tile(t, 1.5), TypeError, "'float' object cannot be interpreted as an integer"),
    "moveaxis-half": (lambda t: np.moveaxis(t[:, None], 0.0, 1), TypeError, "'float' object cannot be interpreted as an integer"),
    "array_split-half": (lambda t: np.array_split(t, [0.5]), TypeError, "'float' object cannot be interpreted as an integer"),
    "split-half": (lambda t: np.split(t, 1.5), ValueError, "equal division"),
    "vander-half": (lambda t: np.vander(t, 2.5), TypeError, "'float' object cannot be interpreted as an integer"),
    "apply_over_axes": (lambda t: np.apply_over_axes(np.sum, t, [5]), AXIS, "axis 5 is out of bounds for array of dimension 1"),
    "astype": (lambda t: t.astype(int, casting="safe"), TypeError, "astype: cannot cast float64 to int64 .* rule 'safe'"),
    "concatenate": (lambda t: np.concatenate([t, t], dtype=int), TypeError, r"numpy\.concatenate: .* float64 to int64 .*'same_kind'"),
    "concatenate-no": (lambda t: np.concatenate([t, t > 0], casting="no"), TypeError, r"numpy\.concatenate: cannot cast bool .*'no'"),
    "stack": (lambda t: np.stack([t, t], dtype="f4", casting="safe"), TypeError, r"numpy\.stack: .* float64 to float32 .*'safe'"),
    "vstack": (lambda t: np.vstack([t, t], dtype="f4", casting="equiv"), TypeError, "cannot cast float64 to float32 .*'equiv'"),
    "hstack": (lambda t: np.hstack([t, t], dtype="f4", casting="no"), TypeError, "cannot cast float64 to float32 .*'no'"),
    "sort": (lambda t: np.sort(t, order="a"), ValueError, r"numpy\.sort: order='a' .* has no fields"),
    "argsort": (lambda t: t.argsort(order=["a"]), ValueError, r"numpy\.argsort: order=\['a'\] .* has no fields"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    call, error, message = ERRORS[name]
    with pytest.raises(error):
        call(np.asarray([1.0, 2.0]))
    with pytest.raises(error, match=message):
        call(cg.Tensor([1.0, 2.0], requires_grad=True))


def test_axes_of_medians(backend):
    x = cg.Tensor(backend.array(np.asarray([[1.0, 2.0, 7.0]])))
    for axis, error, message in (
        (2, AXIS, "median: axis 2 is out of bounds for array of dimension 2"),
        ((0, -3), AXIS, "median: axis -3 is out of bounds"),
        ((0, -2), ValueError, "repeated axis in `median`"),
    ):
        with pytest.raises(error, match=message):
            cg.median(x, axis=axis)
    assert cg.median(x, axis=[1, -2]).shape == ()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of the mean of nothing
def test_the_median_of_nothing_is_nan(backend):
    x = cg.Tensor(backend.array(np.ones((2, 0))), requires_grad=True)
    for median in (cg.median, np.median):
        assert np.isnan(backend.host(median(x, axis=1))).tolist() == [True, True]


def test_what_casting_allows_is_cast(backend):
    x = cg.Tensor(backend.array(np.ones(2, dtype=np.float32)), requires_grad=True)
    double = backend.namespace.float64
    for z in (
        x.astype(double, casting="safe"),
        np.concatenate([x, x], dtype=double, casting="safe"),
        np.stack([x, x], dtype=double, casting="safe"),
        np.vstack([x, x], dtype=double, casting="same_kind"),
        np.hstack([x, x], dtype=double, casting="unsafe"),
    ):
        assert z.dtype == double
        assert z.requires_grad
    assert np.concatenate([x, x], dtype=backend.namespace.int64, casting="unsafe").dtype == backend.namespace.int64
