"""The conventions of the derivatives, each at the point that it is about, on every selected backend."""

from __future__ import annotations

import math

import numpy as np
import pytest
from backends import BACKENDS
from cases import Case
from checks import Derivatives, check_first, check_second

import clumsygrad as cg
from clumsygrad import activation, loss, nn

INF, NAN = math.inf, math.nan

# The libraries say that 0 divides; that is what these points are about.
pytestmark = [
    pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning"),
]


def gradients(backend, function, *values):
    """The gradients of the sum of a function's real result, one NumPy array an operand."""
    leaves = [cg.Tensor(backend.array(np.asarray(v, dtype=_dtype(v))), requires_grad=True) for v in values]
    z = function(backend.namespace, *leaves)
    xp = backend.namespace
    (xp.sum(z) if z.shape else z).backward()
    return [backend.host(leaf.grad) for leaf in leaves]


def _dtype(values):
    return np.complex128 if np.iscomplexobj(np.asarray(values)) else np.float64


def equal(found, *expected, tolerance=1e-14):
    assert len(found) == len(expected)
    for g, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(g, np.asarray(e), rtol=tolerance, atol=tolerance)


# Complex numbers ------------------------------------------------------------------------------------------------------------------


def test_the_gradient_of_a_real_loss_of_complex_numbers_descends(backend):
    z = np.asarray([1.0 + 2.0j, -3.0j])
    (g,) = gradients(backend, lambda xp, z: xp.real(z * xp.conj(z)), z)
    equal([g], 2 * z)  # ∂|z|²/∂Re + i ∂|z|²/∂Im
    assert np.sum(np.abs(z - 0.1 * g) ** 2) < np.sum(np.abs(z) ** 2)


def test_a_real_operand_of_a_complex_result_has_a_real_gradient(backend):
    (g,) = gradients(backend, lambda xp, x: xp.abs(x * 2.0j) ** 2, [1.5])
    assert g.dtype == np.float64
    equal([g], [12.0])


# Ties ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["max", "min"])
def test_equal_extrema_share(name, backend):
    equal(gradients(backend, lambda xp, x: getattr(xp, name)(x), [2.0, 2.0, 2.0, 2.0]), [0.25] * 4)
    tied = [[1.0, 3.0, 3.0], [3.0, 1.0, 1.0]] if name == "max" else [[3.0, 1.0, 1.0], [1.0, 3.0, 3.0]]
    equal(gradients(backend, lambda xp, x: getattr(xp, name)(x, axis=1), tied), [[0, 0.5, 0.5], [1, 0, 0]])
    equal(
        gradients(backend, lambda xp, x: getattr(xp, name)(x, axis=(0, 1), keepdims=True), tied),
        np.asarray([[0, 1, 1], [1, 0, 0]]) / 3,
    )


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_equal_operands_share(name, backend):
    def function(xp, x, y):
        return getattr(xp, name)(x, y)

    equal(gradients(backend, function, [1.0, 2.0], [1.0, 2.0]), [0.5, 0.5], [0.5, 0.5])
    equal(gradients(backend, function, [1.0, 1.0], 1.0), [0.5, 0.5], 1.0)


# Points without a derivative ------------------------------------------------------------------------------------------------------


def test_of_equal_elements_the_first_has_the_gradient_of_their_value(backend):
    if "distinct" in backend.lacks:
        pytest.skip(backend.lacks["distinct"])
    for function in (lambda xp, x: xp.unique_values(x) ** 2, lambda xp, x: xp.unique_all(x).values ** 2):
        equal(gradients(backend, function, [3.0, 1.0, 3.0, 2.0, 1.0]), [6, 2, 0, 4, 0])


def test_where_distinct_values_are(backend):
    """As NumPy finds them: every nan is a value of its own."""
    if "distinct" in backend.lacks:
        pytest.skip(backend.lacks["distinct"])
    nan = np.nan
    for values in ([[3.0, 1.0, nan], [nan, 1.0, 3.0], [2.0, 2.0, 2.0]], 4.0, np.zeros(0)):
        x = np.asarray(values)
        found, expected = cg.unique_all(cg.Tensor(backend.array(x))), np.unique_all(x)
        for name in ("values", "indices", "inverse_indices", "counts"):
            np.testing.assert_array_equal(backend.host(getattr(found, name)), getattr(expected, name), name)


def test_abs_and_sign_at_zero(backend):
    equal(gradients(backend, lambda xp, x: xp.abs(x), [0.0, -0.0, -2.0]), [0, 0, -1])
    equal(gradients(backend, lambda xp, x: xp.abs(x), [0.0j, 3.0 + 4.0j]), [0, 0.6 + 0.8j])
    equal(gradients(backend, lambda xp, x: xp.sign(x), [0.0, 2.0]), [0, 0])
    equal(gradients(backend, lambda xp, x: xp.real(xp.sign(x)), [0.0j, 2.0j]), [0, 0.5])


@pytest.mark.parametrize("zeros", [0, 3])
def test_abs_of_many_complex_numbers(zeros, backend):
    """So many that NumPy goes piece by piece, with and without one whose sign is 0 / 0."""
    x = np.exp(1j * np.arange(40_000.0)).reshape(200, 200)
    sign = x.copy()
    x[100, :zeros] = sign[100, :zeros] = 0
    equal(gradients(backend, lambda xp, x: xp.abs(x), 2 * x), sign)


def test_products_of_many_complex_numbers(backend):
    x = np.exp(1j * np.arange(40_000.0)).reshape(200, 200)
    y = backend.array(2j * x)
    equal(gradients(backend, lambda xp, x: xp.real(x * y), x), np.conj(2j * x))


def test_hypot_and_atan2_at_the_origin(backend):
    equal(gradients(backend, lambda xp, x, y: xp.hypot(x, y), [0.0, 3.0], [0.0, 4.0]), [0, 0.6], [0, 0.8])
    equal(gradients(backend, lambda xp, y, x: xp.atan2(y, x), [0.0, 1.0], [0.0, 1.0]), [0, 0.5], [0, -0.5])


@pytest.mark.parametrize(("dtype", "r"), [("float16", 300.0), ("float32", 1e20), ("float64", 1e200), ("float64", 1e-170)])
def test_atan2_where_a_square_runs_over_or_under(dtype, r, backend):
    """Beside an ordinary point, (2, 1), where the second derivatives are those that they are without the other."""
    if backend.library == "array_api_strict" and dtype == "float16":
        pytest.skip("array-api-strict has no floats of 16 bits")
    xp = backend.namespace
    y, x, along = [backend.array(np.asarray(values, dtype=dtype)) for values in ([2.0, r], [1.0, r], [1.0, 0.0])]
    both = backend.compile(cg.func.grad(lambda y, x: xp.sum(xp.atan2(y, x)), argnums=(0, 1)))
    by_y, by_x = [backend.host(g) for g in both(y, x)]
    eps = np.finfo(dtype).eps
    assert by_y.dtype == by_x.dtype == dtype
    np.testing.assert_allclose(by_y.astype(float), [0.2, 0.5 / r], rtol=4 * eps)
    np.testing.assert_allclose(by_x.astype(float), [-0.4, -0.5 / r], rtol=4 * eps)
    product = backend.compile(lambda y, v: cg.func.hvp(lambda y: xp.sum(xp.atan2(y, x)), y, v))(y, along)
    np.testing.assert_allclose(backend.host(product)[0], -0.16, rtol=20 * eps)


@pytest.mark.parametrize("name", ["asinh", "atan"])
def test_the_square_of_16_bits_runs_over_in_no_slope(name, backend):
    if backend.library == "array_api_strict":
        pytest.skip("array-api-strict has no floats of 16 bits")
    x = backend.array(np.asarray([300.0, -300.0], dtype="float16"))
    slope = {"asinh": 1 / math.hypot(300, 1), "atan": 1 / (300**2 + 1)}[name]
    gradient = backend.compile(cg.func.elementwise_grad(getattr(backend.namespace, name)))(x)
    assert backend.host(gradient).dtype == np.float16
    np.testing.assert_allclose(backend.host(gradient).astype(float), [slope, slope], rtol=2.0**-10, atol=2.0**-25)


@pytest.mark.parametrize(("dtype", "large"), [(np.float32, 1e30), (np.float64, 1e200)])
def test_the_slope_of_asinh_far_out(dtype, large, backend):
    x = np.asarray([large, -large, 1.0, 0.0, 1.9e19, -0.75], dtype=dtype)
    first = cg.func.elementwise_grad(backend.namespace.asinh)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(backend.host(first(backend.array(x))), 1 / np.hypot(x, 1), rtol=4 * eps)
    second = cg.func.elementwise_grad(first)(backend.array(x[2:]))
    expected = -x[2:].astype(float) / np.hypot(x[2:].astype(float), 1) ** 3
    np.testing.assert_allclose(backend.host(second), expected, rtol=20 * eps, atol=4 * eps)


@pytest.mark.parametrize("others", [[], [1e200]])
def test_the_slope_of_asinh_at_infinity(others, backend):
    x = [math.inf, -math.inf, 1.0, *others]
    equal(gradients(backend, lambda xp, x: xp.asinh(x), x), [0.0, 0.0, 0.5**0.5, *[1 / y for y in others]])


@pytest.mark.parametrize("name", ["std", "var"])
def test_std_and_var_of_a_constant(name, backend):
    equal(gradients(backend, lambda xp, x: getattr(xp, name)(x), [1.5, 1.5, 1.5]), [0, 0, 0])
    equal(gradients(backend, lambda xp, x: getattr(xp, name)(x, axis=0, correction=1), [[2.0], [2.0]]), [[0], [0]])


def test_relu_at_zero(backend):
    equal(gradients(backend, lambda xp, x: activation.relu(x), [-1.0, 0.0, -0.0, 1.0]), [0, 0, 0, 1])


def test_mae_of_equals(backend):
    equal(gradients(backend, lambda xp, x, y: loss.mae_loss(x, y, reduction="sum"), [1.0, 2.0], [1.0, 0.0]), [0, 1], [0, -1])


def test_clip_at_a_bound(backend):
    equal(gradients(backend, lambda xp, x: xp.clip(x, -1.0, 1.0), [-2.0, -1.0, 0.0, 1.0, 2.0]), [0, 1, 1, 1, 0])
    found = gradients(backend, lambda xp, x, low, high: xp.clip(x, low, high), [-2.0, -1.0, 0.0, 1.0, 2.0], -1.0, 1.0)
    equal(found, [0, 1, 1, 1, 0], 1, 1)
    equal(gradients(backend, lambda xp, x, low: xp.clip(x, low), [0.5, 1.0], [1.0, 1.0]), [0, 1], [1, 0])


def test_copysign_at_zero(backend):
    equal(gradients(backend, lambda xp, x, y: xp.copysign(x, y), [0.0, 2.0, -2.0], [-1.0, -1.0, 0.0]), [0, -1, -1], [0, 0, 0])


def test_nextafter(backend):
    if backend.library == "dask.array":
        pytest.skip("array_api_compat.dask warns of nextafter")
    equal(gradients(backend, lambda xp, x, y: xp.nextafter(x, y), [0.0, 1.0], [1.0, 1.0]), [1, 1], [0, 0])


@pytest.mark.parametrize("name", ["floor", "ceil", "trunc", "round"])
def test_what_is_piecewise_constant_has_gradient_zero(name, backend):
    equal(gradients(backend, lambda xp, x: getattr(xp, name)(x), [-1.5, 0.0, 0.5, 2.0, 2.3]), [0, 0, 0, 0, 0])


def test_floor_divide_has_gradient_zero(backend):
    equal(gradients(backend, lambda xp, x, y: x // y, [4.0, 5.0], 2.0), [0, 0], 0)


def test_remainder_at_a_multiple(backend):
    equal(gradients(backend, lambda xp, x, y: x % y, [4.0, -3.0], [2.0, 2.0]), [1, 1], [-2, 2])


# Powers and roots at zero -----------------------------------------------------------------------------------------------------------


def test_sqrt_and_log_at_zero_are_infinite(backend):
    equal(gradients(backend, lambda xp, x: xp.sqrt(x), [0.0, 4.0]), [INF, 0.25])
    equal(gradients(backend, lambda xp, x: xp.log(x), [0.0, 4.0]), [INF, 0.25])


@pytest.mark.parametrize(("exponent", "expected"), [(0, 0), (0.0, 0), (1, 1), (1.0, 1), (2, 0), (3.0, 0), (0.5, INF), (1.5, 0)])
def test_powers_of_zero(exponent, expected, backend):
    equal(gradients(backend, lambda xp, x: x**exponent, [0.0]), [expected])
    found = gradients(backend, lambda xp, x, n: x**n, [0.0], [float(exponent)])
    equal(found[:1], [expected])
    equal(found[1:], [0])


def test_zero_exponent_has_gradient_zero_everywhere(backend):
    equal(gradients(backend, lambda xp, x: x**0, [-2.0, 0.0, 3.0]), [0, 0, 0])
    equal(gradients(backend, lambda xp, x: x**0.0, [-2.0, 0.0, 3.0]), [0, 0, 0])


def test_powers_of_infinity(backend):
    equal(gradients(backend, lambda xp, x: x**1, [INF, -INF, 2.0]), [1, 1, 1])
    equal(gradients(backend, lambda xp, x: x**0, [INF, -INF, 2.0]), [0, 0, 0])
    y = backend.array(np.asarray([0.0, 1.0, 0.0]))
    equal(gradients(backend, lambda xp, x: x**y, [INF, INF, 0.0]), [0, 1, 0])


def test_the_exponent_0_is_no_special_point():
    """But where the base is 0 too: ∂²/∂x∂y is 1/x there."""
    assert cg.gradcheck(lambda x, y: x**y, np.asarray([2.0, 3.0, 0.5]), np.asarray([0.0, 1.0, 0.0]))
    (cross,) = cg.func.jacobian(lambda y: cg.func.grad(lambda x: cg.sum(x**y))(np.asarray([2.0, 4.0])))(np.zeros(2))[:1]
    np.testing.assert_allclose(cross, [0.5, 0.0])


def test_zero_to_a_power(backend):
    equal(gradients(backend, lambda xp, n: 0.0**n, [1.0, 2.0]), [0, 0])


def test_a_negative_base_has_no_real_logarithm(backend):
    x, n = gradients(backend, lambda xp, x, n: x**n, [-2.0], [2.0])
    equal([x], [-4])
    assert np.isnan(n).all()
    (n,) = gradients(backend, lambda xp, n: xp.real((-2.0) ** n), [2.0 + 0.0j])
    np.testing.assert_allclose(n, [np.conj(4 * np.log(-2 + 0j))])


# Products with zeros --------------------------------------------------------------------------------------------------------------


class At(Case):
    """A row at given points."""

    def operands(self, kind="real", single=False):
        return [np.asarray(x, dtype=np.float64) for x in self.domain]


PRODUCTS = {
    "no zero": [2.0, 3.0, -4.0],
    "one zero": [2.0, 0.0, -4.0],
    "first is zero": [0.0, 3.0, -4.0],
    "last is zero": [2.0, 3.0, 0.0],
    "two zeros": [0.0, 3.0, 0.0],
    "all zeros": [0.0, 0.0, 0.0],
}


def others(x, *left_out):
    return math.prod(v for i, v in enumerate(x) if i not in left_out)


@pytest.mark.parametrize("x", PRODUCTS.values(), ids=PRODUCTS)
def test_prod_with_zeros(x, backend):
    equal(gradients(backend, lambda xp, x: xp.prod(x), x), [others(x, i) for i in range(3)])
    raw = backend.array(np.asarray(x))
    for i in range(3):
        row = cg.func.grad(lambda x, i=i: cg.func.grad(backend.namespace.prod)(x)[i])(raw)
        equal([backend.host(row)], [0 if i == j else others(x, i, j) for j in range(3)])


@pytest.mark.parametrize("name", ["prod", "cumulative_prod"])
@pytest.mark.parametrize("x", PRODUCTS.values(), ids=PRODUCTS)
def test_products_with_zeros_against_differences(name, x, backend):
    at_point = At(f"{name} at {x}", lambda xp, x: getattr(xp, name)(x), ((3,),), (name,), domain=(x,))
    derivatives = Derivatives(at_point, backend)
    check_first(derivatives, "real")
    check_second(derivatives, "real")


def test_cumulative_prod_with_a_zero(backend):
    equal(gradients(backend, lambda xp, x: xp.cumulative_prod(x), [2.0, 0.0, 3.0]), [1, 8, 0])


@pytest.mark.parametrize(
    "x",
    [[1e-200, 1e-200], [1e200, 1e-300, 1e-200], [1e-160, 1e-160, 3.0], [2.0, 1e-310], [1e200, 1e200], [-3.0, 2.0, -0.5]],
    ids=str,
)
def test_products_that_underflow_or_overflow(x):
    """What has lost digits, or all of them, is not divided."""
    with np.errstate(over="ignore"):
        (g,) = gradients(BACKENDS["numpy"], lambda xp, x: xp.prod(x), x)
        np.testing.assert_allclose(g, [others(x, i) for i in range(len(x))], rtol=1e-14)
        (g,) = gradients(BACKENDS["numpy"], lambda xp, x: xp.cumulative_prod(x), x)
        expected = [sum(others(x[:k], i) for k in range(i + 1, len(x) + 1)) for i in range(len(x))]
        np.testing.assert_allclose(g, expected, rtol=1e-14)


@pytest.mark.parametrize("n", [3, 4, -2, -3, 3.0, 5, 2])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_whole_powers_of_negative_numbers(n, dtype):
    x = np.concatenate([np.linspace(-3, 3, 14), [1e-30, -1e30, INF, -INF, NAN]]).astype(dtype)
    with np.errstate(over="ignore"):
        found = (cg.Tensor(x) ** n).data
        np.testing.assert_allclose(found, x**n, rtol=4 * np.finfo(dtype).eps)
        assert found.dtype == dtype
        zero = np.asarray([0.0, -0.0], dtype=dtype)
        np.testing.assert_array_equal(np.copysign(1, cg.pow(zero, n)), np.copysign(1, zero**n))
    assert (cg.Tensor(np.asarray([-2, 3])) ** 3).data.tolist() == [-8, 27]


@pytest.mark.parametrize("condition", [[2, 0, -1], [0.5, 0.0, NAN], [True, False, True]], ids=str)
@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128"])
def test_where_takes_numbers_for_conditions_as_numpy_does(condition, dtype):
    x, y = np.arange(3.0).astype(dtype), np.ones(3, dtype=dtype)
    found = cg.func.grad(lambda x, y: cg.real(cg.sum(cg.where(np.asarray(condition), 2 * x, 3 * y))), argnums=(0, 1))(x, y)
    np.testing.assert_array_equal(found[0], [2, 0, 2])
    np.testing.assert_array_equal(found[1], [0, 3, 0])
    second = cg.func.hvp(lambda x: cg.real(cg.sum(cg.where(np.asarray(condition), x**2, x))), x, y)
    np.testing.assert_array_equal(second, [2, 0, 2])


# What is not chosen, and what overflows -----------------------------------------------------------------------------------------


def test_nan_that_a_mask_writes_over_is_gone(backend):
    """Where the mask chooses every element; a nan beside others comes through as 0·nan, as with `where`."""
    if "masks" in backend.lacks or backend.library in ("jax.numpy", "dask.array"):
        pytest.skip("the mask is not looked at")

    def written_over(xp, x):
        z = (x * NAN) ** 2
        z[x > 0] = x[x > 0]
        return z * z

    equal(gradients(backend, written_over, [1.0, 2.0]), [2, 4])
    assert np.isnan(gradients(backend, written_over, [1.0, -2.0])[0][1])


def test_where_lets_nan_of_the_other_branch_through_and_apply_where_does_not(backend):
    (g,) = gradients(backend, lambda xp, x: xp.where(x > 0, xp.sqrt(x), 0.0), [4.0, 0.0, -1.0])
    assert g[0] == 0.25
    assert np.isnan(g[1:]).all()
    found = gradients(backend, lambda xp, x: cg.apply_where(x > 0, x, xp.sqrt, fill_value=0.0), [4.0, 0.0, -1.0])
    equal(found, [0.25, 0, 0])
    found = gradients(backend, lambda xp, x: cg.apply_where(x > 0, x, xp.log, lambda y: y * y), [4.0, 0.0, -1.0])
    equal(found, [0.25, 0, -2])


@pytest.mark.parametrize("function", [activation.softmax, activation.log_softmax])
def test_softmax_of_large_numbers(function, backend):
    z = backend.host(function(cg.Tensor(backend.array(np.asarray([1000.0, 1000.0, -1000.0])))))
    assert np.isfinite(z).all()
    (g,) = gradients(backend, lambda xp, x: function(x)[0], [1000.0, 1000.0, -1000.0])
    equal([g], [0.25, -0.25, 0] if function is activation.softmax else [0.5, -0.5, 0])


def test_sigmoid_and_gelu_of_large_numbers(backend):
    equal(gradients(backend, lambda xp, x: activation.sigmoid(x), [-1000.0, 0.0, 1000.0]), [0, 0.25, 0])
    equal(gradients(backend, lambda xp, x: xp.log(activation.sigmoid(x)), [-40.0, 0.0]), [1, 0.5], tolerance=1e-14)
    far = [-INF, -1000.0, -40.0, 0.0, 40.0, 1000.0, INF]
    equal(gradients(backend, lambda xp, x: activation.softplus(x), far), [0, 0, math.exp(-40), 0.5, 1, 1, 1], tolerance=1e-15)
    equal(gradients(backend, lambda xp, x: activation.gelu(x), [-1000.0, 0.0, 1000.0]), [0, 0.5, 1])


@pytest.mark.parametrize("values", [[-3e38, -1e30, -1e20, -1e14, 1e14, 1e30, 3e38], [-1e30, 0.0, 1e30], [-100.5, -0.0, 1.0, 300.0]])
def test_gelu_far_out(values, backend):
    if backend.library == "dask.array":
        pytest.skip("Dask computes it later, with NumPy's warnings")
    x = backend.array(np.asarray(values, dtype=np.float32))
    g = cg.func.grad(lambda x: cg.sum(activation.gelu(x)))(x)
    expected = [0.5 if v == 0 else 1.0829641 if v == 1 else float(v > 0) for v in values]
    np.testing.assert_allclose(backend.host(g), expected, rtol=1e-6, atol=0)
    np.testing.assert_allclose(activation.gelu(np.asarray(values, dtype=np.float32))[[0, -1]], [0.0, values[-1]], rtol=1e-7)


@pytest.mark.parametrize("function", [nn.softmax, nn.log_softmax])
def test_softmax_of_a_number_and_of_none(function, backend):
    for shape in ((), (0,), (2, 0)):
        x = cg.Tensor(backend.array(np.ones(shape)), requires_grad=True)
        for axis in (-1, len(shape) // 2):
            x.grad = None
            z = function(x, axis=axis)
            cg.sum(z * z).backward()
            assert z.shape == x.grad.shape == shape
            np.testing.assert_array_equal(backend.host(z.data), function(np.zeros((1,)))[0] * np.ones(shape))
            np.testing.assert_array_equal(backend.host(x.grad), np.zeros(shape))
    with pytest.raises(Exception, match=r"axis|dim|Dim"):
        function(backend.array(np.ones(())), axis=1)


def test_logsumexp_of_a_number_and_of_none(backend):
    for shape, axis, expected in (
        ((), -1, 1.0),
        ((0,), None, -INF),
        ((2, 0), 1, [-INF, -INF]),
        ((2, 0), 0, []),
        ((2, 0), (0, 1), -INF),
    ):
        x = cg.Tensor(backend.array(np.ones(shape)), requires_grad=True)
        z = cg.logsumexp(x, axis=axis)
        np.testing.assert_array_equal(backend.host(z.data), np.asarray(expected))
        cg.sum(z).backward()
        np.testing.assert_array_equal(backend.host(x.grad), np.ones(shape))


@pytest.mark.parametrize("options", [{}, {"causal": True}, {"heads": 2}])
def test_attention_to_no_keys(options, backend):
    q, k, v = [cg.Tensor(backend.array(np.ones((2, n, 4))), requires_grad=True) for n in (3, 0, 0)]
    z = nn.scaled_dot_product_attention(q, k, v, **options)
    np.testing.assert_array_equal(backend.host(z.data), np.zeros((2, 3, 4)))
    cg.sum(z).backward()
    for x in (q, k, v):
        np.testing.assert_array_equal(backend.host(x.grad), np.zeros(x.shape))


def test_one_label_for_all_logits(backend):
    values = np.asarray([0.3, -0.2, 2.0])
    expected = loss.binary_cross_entropy(values, np.full(3, 0.75))
    for label in (0.75, np.float64(0.75), np.float32(0.75), backend.array(np.asarray(0.75))):
        np.testing.assert_allclose(float(loss.binary_cross_entropy(backend.array(values), label)), expected, rtol=1e-14)
    slope, slope_of_label = cg.func.grad(loss.binary_cross_entropy, argnums=(0, 1))(
        backend.array(values), backend.array(np.asarray(0.75))
    )
    np.testing.assert_allclose(backend.host(slope), (1 / (1 + np.exp(-values)) - 0.75) / 3, rtol=1e-14)
    np.testing.assert_allclose(float(slope_of_label), -np.mean(values), rtol=1e-14)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64"])
def test_activations_of_integers(dtype):
    x = np.asarray([0, 1, 1]).astype(dtype) * (1 if dtype == "bool" else 100)
    for function in (nn.sigmoid, nn.silu, nn.gelu, nn.softplus):
        np.testing.assert_allclose(function(x), function(x.astype(np.float64)), rtol=1e-12)


FAR = [-1000.0, -40.0, -0.0, 0.0, 40.0, 1000.0]
LOSSES, SLOPES = [0, math.exp(-40), math.log(2), math.log(2), 40, 1000], np.asarray([0, math.exp(-40), 0.5, 0.5, 1, 1])


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_binary_cross_entropy_keeps_its_digits(label, backend):
    """A loss of 4e-18 is no 0, and its gradient neither; and both zeros have one slope."""
    sign = 1 - 2 * label
    x, labels = sign * np.asarray(FAR), np.full(len(FAR), label)

    def losses(x, reduction="none"):
        return loss.binary_cross_entropy(x, backend.array(labels[: x.shape[0]]), reduction=reduction)

    np.testing.assert_allclose(backend.host(losses(backend.array(x))), LOSSES, rtol=1e-14)
    for few in (2, len(FAR)):
        np.testing.assert_allclose(backend.host(losses(backend.array(x[:few]), "sum")), math.fsum(LOSSES[:few]), rtol=1e-14)
    for reduction in ("none", "sum"):
        (g,) = gradients(backend, lambda xp, x, r=reduction: losses(x, r), x.tolist())
        np.testing.assert_allclose(g, sign * SLOPES, rtol=1e-14)


def test_binary_cross_entropy_of_many():
    """Of small losses the logarithm of a product would be 0; of others it has all digits."""
    for labels in (1, np.ones((1000, 100))):
        found = loss.binary_cross_entropy(np.full((1000, 100), 40.0), labels)
        np.testing.assert_allclose(found, math.exp(-40), rtol=1e-13)
    x = np.random.default_rng(5).standard_normal((300, 400))
    for logits in (x, x.T, x[:3]):
        expected = math.fsum((np.logaddexp(0, logits) - logits).ravel()) / logits.size
        np.testing.assert_allclose(loss.binary_cross_entropy(logits, np.ones_like(logits)), expected, rtol=1e-14)


@pytest.mark.parametrize("name", ["max", "min", "prod", "sum", "logsumexp"])
def test_a_number_has_an_axis_to_numpys_reductions(name):
    assert cg.func.grad(lambda x: getattr(cg, name)(x, axis=0))(np.asarray(2.0)) == 1.0


def test_logsumexp_of_large_and_of_infinite_numbers(backend):
    equal(gradients(backend, lambda xp, x: xp.logsumexp(x), [1000.0, 1000.0]), [0.5, 0.5], tolerance=1e-12)
    equal(gradients(backend, lambda xp, x: xp.logsumexp(x), [-INF, 0.0]), [0, 1])
    equal(gradients(backend, lambda xp, x: xp.logsumexp(x), [-INF, -INF]), [0, 0])


@pytest.mark.parametrize("imaginary", [6.0, -4.0, 3.0])
def test_logsumexp_of_complex_numbers_is_the_principal_value(imaginary, backend):
    values = np.asarray([5.0 + 1j * imaginary, 4.0 - 2j])
    equal([backend.host(cg.logsumexp(backend.array(values)))], [np.log(np.sum(np.exp(values)))], tolerance=1e-14)


def test_logaddexp_of_large_numbers(backend):
    equal(
        gradients(backend, lambda xp, x, y: xp.logaddexp(x, y), [1000.0, -INF], [1000.0, 2.0]), [0.5, 0], [0.5, 1], tolerance=1e-12
    )


def test_logaddexp_of_infinite_numbers(backend):
    """Two −∞ share as equal operands do, in forward mode too; a larger operand has all."""
    x, y = [-INF, -INF, 0.0, INF, INF, 3.0], [-INF, 0.0, -INF, INF, 3.0, INF]
    equal(gradients(backend, lambda xp, x, y: xp.logaddexp(x, y), x, y), [0.5, 0, 1, 0.5, 1, 0], [0.5, 1, 0, 0.5, 0, 1])
    equal(gradients(backend, lambda xp, x: xp.logaddexp(x, x), [-INF, 1.0]), [1, 1])
    at, ones = [backend.array(np.asarray(v)) for v in (x, y)], [backend.array(np.ones(6))] * 2
    equal([backend.host(cg.func.jvp(backend.namespace.logaddexp, tuple(at), tuple(ones))[1])], [1] * 6)


def test_sums_of_no_exponentials_are_silent():
    """log 0 = −∞ is what they give, with no word of NumPy's, to second order."""
    x, y = np.asarray([-INF, -INF, INF, 1.0]), np.asarray([-INF, 0.0, INF, 1.0])
    slope = cg.func.elementwise_grad(cg.logaddexp)
    with np.errstate(all="raise"):
        np.testing.assert_allclose(slope(x, y), [0.5, 0, 0.5, 0.5], rtol=1e-15)
        np.testing.assert_allclose(cg.func.elementwise_grad(slope)(x, y), [0, 0, 0, 0.25], rtol=1e-15)
        np.testing.assert_array_equal(np.logaddexp.reduce(cg.Tensor([[-INF, -INF], [0.0, -INF]]), axis=1).data, [-INF, 0])


def test_tangents_far_out(backend):
    equal(gradients(backend, lambda xp, x: xp.tanh(x), [-1000.0, 1000.0]), [0, 0])


def test_the_gradient_of_logsumexp_in_16_bits_sums_to_one(backend):
    if backend.library == "array_api_strict":
        pytest.skip("array-api-strict has no floats of 16 bits")
    values = np.linspace(99.0, 101.0, 300).reshape(2, 150).astype(np.float16)
    for axis in (None, 1):
        g = backend.host(cg.func.grad(lambda x, axis=axis: cg.sum(cg.logsumexp(x, axis=axis)))(backend.array(values)))
        assert g.dtype == np.float16
        e = np.exp(values.astype(float) - 100.0)
        np.testing.assert_allclose(g.astype(float), e / e.sum(axis=axis, keepdims=True), rtol=2.0**-9)
    assert backend.host(cg.func.grad(cg.logsumexp)(backend.array(np.full(2, -INF, dtype=np.float16)))).tolist() == [0.0, 0.0]


def test_logsumexp_of_complex_numbers():
    """Which NumPy alone has in an order."""
    z = np.asarray([[0.3 + 1.0j, -0.7 - 0.2j, 0.1 - 2.0j], [0.5j, 1.0, -0.4 + 0.3j]])
    assert cg.gradcheck(lambda z: cg.logsumexp(z, axis=1), z)


@pytest.mark.parametrize(
    "function",
    [
        activation.sigmoid,
        activation.softplus,
        activation.tanh,
        activation.silu,
        activation.gelu,
        activation.softmax,
        activation.log_softmax,
    ],
)
def test_activations_of_complex_numbers(function):
    """Holomorphic functions as any: their gradients conjugate."""
    assert cg.gradcheck(function, np.asarray([0.3 + 0.4j, -0.7 - 0.2j, 0.1 - 0.5j]))


@pytest.mark.parametrize("layer", [lambda z: nn.layer_norm(z), lambda z: nn.scaled_dot_product_attention(z, z, z)])
def test_layers_of_real_numbers_refuse_complex_ones(layer):
    z = cg.Tensor([[0.3 + 0.4j, -0.7 - 0.2j]], requires_grad=True)
    with pytest.raises(TypeError, match="has dtype complex128, and all must be real"):
        layer(z)


def test_the_running_sum_of_one_number_is_one_number_long():
    x = cg.Tensor(2.0, requires_grad=True)
    cg.sum(3.0 * cg.cumulative_sum(x, axis=0)).backward()
    assert x.grad == 3.0
    assert x.grad.shape == ()
