"""NumPy's functions, called on Tensors: their values, and their derivatives of first and second order."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from backends import NUMPY
from checks import assert_agree, check_first, check_second, derivatives_of
from numpy_functions import ROWS, function_of, is_nonlinear

import clumsygrad as cg

pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")


@pytest.fixture(params=ROWS, ids=str)
def derivatives(request, backend):
    reason = "strict-device1 stands for it" if backend.name == "strict" else request.param.cannot_run_on(backend)
    if reason is not None:
        pytest.skip(reason)
    return derivatives_of(request.param, backend)


def test_there_are_enough_functions():
    every = {id(f) if not isinstance(f, tuple) else f for f in map(function_of, ROWS)}
    nonlinear = {id(f) if not isinstance(f, tuple) else f for f in map(function_of, filter(is_nonlinear, ROWS))}
    assert len(every) >= 120
    assert len(nonlinear) >= 40


def test_value_is_numpys(derivatives):
    case = derivatives.case
    for kind in case.kinds:
        arrays = case.operands(kind)
        value, expected = derivatives.value(arrays), case.expected(arrays)
        assert_agree(value, expected, 1e-12, f"{case.name}, value")
        assert value.dtype == expected.dtype, f"{case.name}: dtype {value.dtype}, NumPy gives {expected.dtype}"


def test_first_order(derivatives):
    for kind in derivatives.case.kinds:
        check_first(derivatives, kind)


def test_second_order(derivatives):
    if derivatives.case.order < 2:
        pytest.skip(derivatives.case.reason)
    for kind in derivatives.case.kinds:
        check_second(derivatives, kind)


# The same operations as the operators' -----------------------------------------------------------------------------------------------


def leaf(values=(1.0, 2.0, 3.0)):
    return cg.Tensor(np.asarray(values), requires_grad=True)


@pytest.mark.parametrize(
    ("by_numpy", "by_operator"),
    [
        (lambda a, t: a + t, lambda a, t: cg.add(a, t)),
        (lambda a, t: a - t, lambda a, t: cg.subtract(a, t)),
        (lambda a, t: a * t, lambda a, t: cg.multiply(a, t)),
        (lambda a, t: a / t, lambda a, t: cg.divide(a, t)),
        (lambda a, t: a // t, lambda a, t: cg.floor_divide(a, t)),
        (lambda a, t: a % t, lambda a, t: cg.remainder(a, t)),
        (lambda a, t: a**t, lambda a, t: cg.pow(a, t)),
        (lambda a, t: a @ t, lambda a, t: cg.matmul(a, t)),
        (lambda a, t: np.float64(2) * t, lambda a, t: cg.multiply(np.float64(2), t)),
        (lambda a, t: np.multiply(t, t), lambda a, t: t * t),
        (lambda a, t: np.multiply(t, 2.0), lambda a, t: t * 2.0),
        (lambda a, t: np.exp(t), lambda a, t: cg.exp(t)),
        (lambda a, t: np.sum(t), lambda a, t: cg.sum(t)),
    ],
)
def test_numpy_records_what_the_operators_record(by_numpy, by_operator):
    a, t = np.asarray([2.0, 3.0, 4.0]), leaf()
    one, other = by_numpy(a, t), by_operator(a, t)
    assert type(one) is cg.Tensor
    assert one._rule is other._rule
    assert [type(x) for x in one._parents] == [type(x) for x in other._parents]
    assert np.array_equal(one.data, other.data)


def test_the_method_clip_of_arrays_takes_tensors_as_bounds():
    a, t = np.asarray([2.0, 3.0, 4.0]), leaf((3.0, 2.5, 5.0))
    for z, expected in ((a.clip(t, 9.0), [1.0, 0.0, 1.0]), (a.clip(0.0, t), [0.0, 1.0, 0.0])):
        t.grad = None
        np.sum(z).backward()
        assert t.grad.tolist() == expected


def test_comparisons_with_arrays_are_tensors_of_truth_values():
    a, t = np.asarray([2.0, 2.0, 2.0]), leaf()
    for found, expected in ((a < t, [0, 0, 1]), (a >= t, [1, 1, 0]), (a == t, [0, 1, 0]), (a != t, [1, 0, 1])):
        assert type(found) is cg.Tensor
        assert found.dtype == np.bool_
        assert not found.requires_grad
        assert found.tolist() == [bool(x) for x in expected]


def test_other_libraries_are_told_to_leave_operators_to_the_tensor():
    """They ask the instance, as NumPy Enhancement Proposal 13 has it; NumPy asks the class."""
    assert leaf().__array_ufunc__ is None
    assert callable(cg.Tensor.__array_ufunc__)


class Wrapper:
    """An array with a protocol of its own, as xarray's or pint's."""

    def __init__(self, values):
        self.values = values

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return Wrapper(getattr(ufunc, method)(*[x.values if type(x) is Wrapper else x for x in inputs], **kwargs))

    def __array_function__(self, func, types, args, kwargs):
        return "the wrapper's"


def test_wrappers_of_others_come_first():
    t = leaf()
    for wrapped in (np.add(t, Wrapper(t)), np.add(Wrapper(t), t), np.add(t, Wrapper(np.ones(3)))):
        assert type(wrapped) is Wrapper
        assert type(wrapped.values) is cg.Tensor
        assert wrapped.values.requires_grad
    assert np.concatenate([t, Wrapper(t)]) == "the wrapper's"


# SciPy's ufuncs -----------------------------------------------------------------------------------------------------------------------


def test_the_ufuncs_of_scipy_are_clumsygrads_special_functions(backend):
    special = pytest.importorskip("scipy.special")
    t = cg.Tensor(backend.array(np.asarray([0.3, 0.6])), requires_grad=True)
    for z, expected in ((special.i0(t), cg.special.i0(t)), (special.xlogy(t, 2.0), cg.special.xlogy(t, 2.0))):
        assert type(z) is cg.Tensor
        assert z._rule is expected._rule
        assert np.array_equal(backend.host(z.data), backend.host(expected.data))
    with pytest.raises(TypeError, match=r"scipy\.special\.ellipj does not take Tensors: .*detach"):
        special.ellipj(t, t)
    with pytest.raises(TypeError, match=r"scipy\.special\.lambertw does not take Tensors: use clumsygrad\.special\.lambertw"):
        special.lambertw(t)
    with pytest.raises(
        TypeError, match=r"scipy\.special\..*zeta does not take Tensors: .*clumsygrad\.special\.zeta\(x, q\) is .* in q"
    ):
        special.zeta(t)


@pytest.mark.parametrize("name", ["expm1", "log1p", "exp2", "cbrt"])
def test_the_ufuncs_that_scipy_and_numpy_both_have(name):
    special = pytest.importorskip("scipy.special")
    t = leaf((0.3, 0.6))
    by_scipy, by_numpy = [cg.func.grad(lambda x, f=f: cg.sum(f(x)))(t.data) for f in (getattr(special, name), getattr(np, name))]
    assert np.array_equal(by_scipy, by_numpy)


def test_what_is_said_of_lambertw_works():
    pytest.importorskip("scipy.special")
    assert cg.gradcheck(lambda x: np.real(cg.special.lambertw(x)), np.asarray([0.3, 2.0]), order=2)


IMPORTS = """
import sys
{first}
import clumsygrad as cg
assert ("scipy" in sys.modules) == {there}
{then}
import scipy.fft
assert type(scipy.fft.dct(cg.Tensor([1.0, 2.0], requires_grad=True))) is cg.Tensor
"""


@pytest.mark.parametrize(
    ("first", "there", "then"),
    [("import scipy.fft", True, ""), ("", False, "import clumsygrad.integrations.scipy_fft")],
    ids=["scipy-first", "clumsygrad-first"],
)
def test_the_backend_of_scipys_transforms_is_registered_where_that_imports_nothing(first, there, then):
    pytest.importorskip("scipy.fft")
    script = IMPORTS.format(first=first, there=there, then=then)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


# Functions of values ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.argmax(x),
        lambda x: np.argmin(x, axis=1),
        lambda x: np.nanargmax(x, axis=0),
        lambda x: np.argsort(x, axis=0),
        lambda x: np.isfinite(x),
        lambda x: np.isclose(x, x + 1e-12),
        lambda x: np.all(x),
        lambda x: np.any(x > 1, axis=0),
        lambda x: np.count_nonzero(x > 1),
        lambda x: np.nonzero(x > 1)[0],
        lambda x: np.flatnonzero(x > 1),
        lambda x: np.argwhere(x > 1),
        lambda x: np.where(x > 1)[1],
        lambda x: np.unique(x, return_inverse=True)[1],
        lambda x: np.unique(x, return_counts=True)[1],
        lambda x: np.searchsorted([0.5, 1.0, 1.5], x),
        lambda x: np.digitize(x, [0.5, 1.0, 1.5]),
        lambda x: np.isin(x, [1.0, 2.0]),
        lambda x: np.logical_and(x, x > 1),
        lambda x: np.logical_not(x),
        lambda x: np.iscomplex(x),
        lambda x: np.isreal(x),
        lambda x: np.isposinf(x),
        lambda x: np.signbit(x),
        lambda x: np.greater(x, 1.0),
        lambda x: np.linalg.matrix_rank(x),
        lambda x: np.round(x, 1),
        lambda x: np.fix(x),
        lambda x: np.floor(x),
        lambda x: np.rint(x),
        lambda x: np.zeros_like(x),
        lambda x: np.ones_like(x, dtype=np.float32),
        lambda x: np.full_like(x, 2),
        lambda x: np.frexp(x)[1],
        lambda x: np.logical_and.reduce(x > 1),
        lambda x: np.less.outer(x, [1.0, 2.0]),
    ],
)
@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated")  # since NumPy 2.5
def test_functions_of_values(function):
    values = np.asarray([[1.0, 3.0, 0.5], [2.0, 0.7, 1.0]])
    expected = function(values)
    found = function(cg.Tensor(values, requires_grad=True))
    assert type(found) is cg.Tensor
    assert np.array_equal(found.detach().numpy(), expected)
    assert found.dtype == np.asarray(expected).dtype


@pytest.mark.parametrize(
    "function",
    [
        np.shape,
        np.ndim,
        np.size,
        np.iscomplexobj,
        np.isrealobj,
        lambda x: np.size(x, 1),
        lambda x: np.result_type(x, np.float32),
        lambda x: np.common_type(x),
        lambda x: np.can_cast(x, np.float32),
        lambda x: np.allclose(x, x + 1e-12),
        lambda x: np.allclose(x, 2 * x),
        lambda x: np.array_equal(x, x),
        lambda x: np.array_equal(x, x[0]),
        lambda x: np.array_equiv(x[0], x),
        lambda x: np.array_str(x),
        lambda x: np.array_repr(x),
        lambda x: np.array2string(x, precision=1),
        lambda x: np.may_share_memory(x, np.ones(3)),
        lambda x: [i.tolist() for i in np.triu_indices_from(x)],
        lambda x: [i.tolist() for i in np.tril_indices_from(x, 1)],
    ],
)
def test_functions_whose_results_are_no_arrays(function):
    values = np.asarray([[1.0, 3.0, 0.5], [2.0, 0.7, 1.0]])
    assert function(cg.Tensor(values, requires_grad=True)) == function(values)


@pytest.mark.parametrize(
    "function",
    [
        np.median,
        np.max,
        np.nanmax,
        np.nansum,
        np.nanmedian,
        lambda x: np.quantile(x, [0.1, 0.6], axis=1),
        lambda x: np.ptp(x, axis=0),
    ],
)
@pytest.mark.filterwarnings("ignore:All-NaN")
def test_nan_comes_out_where_numpy_has_it(function):
    values = np.asarray([[1.0, np.nan, 0.5], [2.0, 0.7, np.nan]])
    assert np.array_equal(function(cg.Tensor(values)).numpy(), function(values), equal_nan=True)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.clip(x, 0.5, None),
        lambda x: np.clip(x, None, np.asarray(1.5)),
        lambda x: np.clip(x, 0, 1),
        lambda x: np.round(x, -1),
        lambda x: np.round(x, 1),
        lambda x: np.linalg.lstsq(x, x[:, 0])[0],
        lambda x: np.diff(x > 2, prepend=0.5),
        lambda x: np.diff(x > 2, append=True),
        lambda x: np.diff(x > 2, n=2, append=0.5),
    ],
)
def test_values_of_integers(function):
    values = np.asarray([[1, 3], [25, 7], [-15, 0]])
    found, expected = function(cg.Tensor(values)).numpy(), function(values)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    assert found.dtype == expected.dtype


@pytest.mark.filterwarnings("ignore:Degrees of freedom")
def test_variances_of_too_few():
    values = np.asarray([[np.nan, np.nan, np.nan], [np.nan, 1.0, np.nan], [1.0, np.nan, 4.0]])
    for function in (np.nanvar, np.nanstd):
        found = function(cg.Tensor(values), axis=1, ddof=1).numpy()
        np.testing.assert_array_equal(found, function(values, axis=1, ddof=1))


@pytest.mark.skipif(NUMPY < (2, 2), reason="NumPy made one number of the covariances of one row's columns")
@pytest.mark.filterwarnings("ignore:Degrees of freedom")
@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value)")
def test_covariances_of_one_row_and_of_too_few():
    values = np.asarray([[1.0, 4.0, 2.0]])
    for options in ({"rowvar": False}, {"rowvar": False, "ddof": 0}, {"ddof": 4}, {}):
        np.testing.assert_array_equal(np.cov(cg.Tensor(values), **options).numpy(), np.cov(values, **options))


def test_what_is_inserted_takes_the_dtype():
    x = cg.Tensor(np.ones(3, dtype=np.float32), requires_grad=True)
    v = cg.Tensor(np.ones(2), requires_grad=True)
    z = np.insert(x, 1, v)
    assert z.dtype == np.float32
    cg.sum(z * z).backward()
    assert (x.grad.dtype, v.grad.dtype) == (np.float32, np.float64)
    assert v.grad.tolist() == [2.0, 2.0]


@pytest.mark.filterwarnings("ignore:All-NaN")
def test_nothing_but_nan():
    values = np.full((2, 3), np.nan)
    for function in (np.nanmax, np.nanmin, np.nanmedian):
        assert np.isnan(function(cg.Tensor(values), axis=1).numpy()).all()
    with pytest.raises(ValueError, match="All-NaN"):
        np.nanargmax(cg.Tensor(values))


def test_second_derivative_of_sinc_at_zero():
    """The limits, which a function that is 1 at 0 and sin(πx)/(πx) elsewhere would miss."""
    first = cg.func.grad(np.sinc)
    second = cg.func.grad(first)
    zero = np.asarray(0.0)
    assert first(zero) == 0
    assert abs(second(zero) + np.pi**2 / 3) < 1e-12
    assert abs(cg.func.grad(cg.func.grad(second))(zero) - np.pi**4 / 5) < 1e-11


def test_derivative_of_the_cube_root_at_zero():
    with np.errstate(divide="ignore"):
        assert cg.func.grad(np.cbrt)(np.asarray(0.0)) == np.inf


@pytest.mark.parametrize("make", [np.zeros, np.ones, np.empty])
def test_arrays_made_like_tensors_live_where_those_do(make, backend):
    x = cg.Tensor(backend.array(np.ones(2)), requires_grad=True)
    made = make((2, 3), like=x)
    assert type(made) is cg.Tensor
    assert made.shape == (2, 3)
    assert not made.requires_grad
    assert backend.owns(made.data)
    assert backend.owns(np.arange(3, like=x).data)
    assert backend.owns(np.eye(2, like=x).data)
    assert backend.owns(np.asarray([1.0, 2.0], like=x).data)


def test_lists_beside_tensors():
    t = leaf()
    assert np.add(t, [1.0, 1.0, 1.0]).detach().tolist() == [2.0, 3.0, 4.0]
    assert np.dot([t[0], t[1]], t[:2]).requires_grad
    assert np.add(cg.Tensor(np.float32([1, 2]), requires_grad=True), 1.0).dtype == np.float32


LISTS = {
    "add": (lambda t, x: t + x, np.add),
    "subtract": (lambda t, x: x - t, lambda t, x: np.subtract(x, t)),
    "multiply": (lambda t, x: x * t, np.multiply),
    "divide": (lambda t, x: t / x, np.divide),
    "floor_divide": (lambda t, x: t // x, np.floor_divide),
    "remainder": (lambda t, x: t % x, np.remainder),
    "power": (lambda t, x: t**x, np.power),
    "matmul": (lambda t, x: x @ t, lambda t, x: np.matmul(x, t)),
    "less": (lambda t, x: t < x, np.less),
    "less, reflected": (lambda t, x: x < t, np.greater),
    "equal": (lambda t, x: t == x, np.equal),
    "not equal, reflected": (lambda t, x: x != t, np.not_equal),
}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("x", [[1, 3, 2], (1.5, 2.0, 0.5)], ids=["integers", "floats"])
def test_operators_take_lists_as_numpys_functions_do(name, x, backend):
    if type(x[0]) is int and (backend.library == "array_api_strict" or (backend.library == "torch" and name == "matmul")):
        pytest.skip("no integers beside floats in this library")
    by_operator, by_numpy = LISTS[name]
    for dtype in (np.float64, np.float32):
        t = cg.Tensor(backend.array(np.asarray([1.0, 2.0, 3.0], dtype=dtype)), requires_grad=True)
        found, expected = by_operator(t, x), by_numpy(t, x)
        assert type(found) is cg.Tensor
        assert backend.owns(found.data)
        assert (found.dtype, found.requires_grad) == (expected.dtype, expected.requires_grad)
        assert np.array_equal(backend.host(found.data), backend.host(expected.data))
        if backend.library == "numpy":
            assert np.array_equal(found.data, by_operator(t.data, np.asarray(x)))


def test_lists_beside_operators():
    t, two = leaf(), cg.asarray(2)
    assert ([1.0, 2.0] * two).tolist() == [2.0, 4.0]
    assert ((1, 2) * two).tolist() == [2, 4]
    assert (two & [1, 2, 3]).tolist() == [0, 2, 2]
    cg.sum(t * [t[0], 5.0, t[2]]).backward()
    assert t.grad.tolist() == [2.0, 5.0, 6.0]
    y = t * 1.0
    y -= [1, 1, 1]
    assert y.detach().tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(ValueError, match="broadcast") as caught:
        t == [1.0, 2.0]  # noqa: B015
    assert "operands of shape (3,), (2,)" in caught.value.__notes__[0]


def test_operators_refuse_lists_of_what_are_no_numbers():
    for way in (lambda t: t - ["a"], lambda t: t == ["a", "b", "c"], lambda t: (None, None) * t):
        with pytest.raises(TypeError, match=r"a (list|tuple) stands where .* a list of numbers is needed"):
            way(leaf())


def test_equality_with_anything_else_is_pythons():
    t = leaf()
    for other in (None, "a", {}, object()):
        assert (t == other) is False
        assert (t != other) is True


# Arrays that are not as NumPy's -------------------------------------------------------------------------------------------------------

MASKED = np.ma.masked_array([1.0, 2.0, 3.0], [False, True, False])
with warnings.catch_warnings():
    warnings.simplefilter("ignore", PendingDeprecationWarning)
    MATRIX = np.matrix(np.eye(3))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (MASKED, r"a MaskedArray cannot be an operand: .* m\.filled\(0\), and mask by numpy\.where\(~m\.mask, \.\.\., 0\)"),
        (np.ma.masked, r"a MaskedConstant cannot be an operand: .* m\.filled"),
        (MATRIX, r"a matrix cannot be an operand: .* give numpy\.asarray\(S\)"),
    ],
    ids=["masked", "constant", "matrix"],
)
@pytest.mark.parametrize(
    "use",
    [
        lambda a, t: np.exp(t) * a,
        lambda a, t: a * np.exp(t),
        lambda a, t: t - a,
        lambda a, t: a @ t,
        lambda a, t: t < a,
        lambda a, t: t == a,
        lambda a, t: np.add(a, t),
        lambda a, t: np.dot(a, t),
        lambda a, t: np.where(t > 1, t, a),
        lambda a, t: np.concatenate([t, a]),
        lambda a, t: t.__iadd__(a),
        lambda a, t: cg.Tensor(a),
        lambda a, t: cg.asarray(a),
        lambda a, t: cg.exp(a),
        lambda a, t: cg.func.grad(lambda x: np.sum(x * x))(a),
    ],
)
def test_arrays_whose_operations_are_not_numpys_are_refused(array, message, use):
    with pytest.raises(TypeError, match=message):
        use(array, leaf() * 1.0)


def test_what_is_said_of_masked_arrays_works():
    t = leaf()
    (np.sum(np.where(~MASKED.mask, (t - MASKED.filled(0)) ** 2, 0)) / MASKED.count()).backward()
    assert t.grad.tolist() == [0.0, 0.0, 0.0]
    t = leaf((2.0, 5.0, 1.0))
    np.sum(np.where(~MASKED.mask, np.exp(t) * MASKED.filled(0), 0)).backward()
    assert np.array_equal(t.grad, np.exp([2.0, -np.inf, 1.0]) * [1.0, 0.0, 3.0])


def test_arrays_in_files_and_of_records_are_arrays(tmp_path):
    mapped = np.memmap(tmp_path / "array", dtype=float, mode="w+", shape=3)
    mapped[:] = [2.0, 3.0, 4.0]
    fields = np.rec.array([(2.0,), (3.0,), (4.0,)], dtype=[("a", float)])
    for a in (mapped, fields.a, np.asarray([2.0, 3.0, 4.0]).view(np.recarray)):
        for product in (lambda a, t: a * t, lambda a, t: t * a, lambda a, t: np.multiply(a, t)):
            t = leaf()
            np.sum(product(a, t)).backward()
            assert t.grad.tolist() == [2.0, 3.0, 4.0]
        assert np.asarray(cg.func.grad(lambda x: np.sum(x * x))(a)).tolist() == [4.0, 6.0, 8.0]


def test_mixed_libraries_are_refused(backend):
    if backend.library == "numpy":
        pytest.skip("of NumPy alone there is nothing to mix")
    t = cg.Tensor(backend.array(np.ones(3)), requires_grad=True)
    for function in (np.add, np.concatenate, np.dot, np.convolve):
        with pytest.raises(TypeError, match="nothing is moved silently"):
            function(*(((t, np.ones(3)),) if function is np.concatenate else (t, np.ones(3))))


# What is refused ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t, a: np.add(a, t, out=a), r"numpy\.add: out= .* assign the result"),
        (lambda t, a: np.add(t, t, out=t), r"numpy\.add: out= .* assign the result"),
        (lambda t, a: np.sum(t, out=np.zeros(())), r"numpy\.sum: out= .* assign the result"),
        (lambda t, a: np.sum(a, out=t), r"numpy\.sum: out= .* assign the result"),
        (lambda t, a: np.nansum(t, where=[True, False, True]), r"numpy\.nansum: where= .* use numpy\.where"),
        (lambda t, a: np.nanmax(t, initial=0.0), r"numpy\.nanmax: initial= .* with the function of two operands"),
        (lambda t, a: np.exp(t, where=a > 1), r"numpy\.exp: where= .* use numpy\.where"),
        (
            lambda t, a: np.divide(1, t, out=a, where=t > 1),
            r"numpy\.divide: out= with where= .* clumsygrad\.apply_where\(mask, .*0\.0\)",
        ),
        (lambda t, a: np.exp(t, dtype=np.float32), r"numpy\.exp: dtype is not supported .* x\.astype"),
        (lambda t, a: np.multiply.reduceat(t, [0, 1]), r"numpy\.multiply\.reduceat: .* it is there for add"),
        (lambda t, a: np.add.reduceat(t, [0.0, 1.0]), r"numpy\.add\.reduceat: the indices must be a vector of integers"),
        (lambda t, a: np.hypot.reduce(t), r"numpy\.hypot\.reduce: .* it is there for add"),
        (lambda t, a: np.hypot.accumulate(t), r"numpy\.hypot\.accumulate: .* it is there for add"),
        (lambda t, a: np.spacing(t), r"numpy\.spacing does not take Tensors: use x\.detach\(\)\.numpy\(\)"),
        (lambda t, a: np.gcd(t, t), r"numpy\.gcd does not take Tensors: use x\.detach\(\)\.numpy\(\)"),
        (lambda t, a: np.packbits(t), r"numpy\.packbits does not take Tensors: use x\.detach\(\)\.numpy\(\)"),
        (lambda t, a: np.frompyfunc(abs, 1, 1)(t), r"abs \(vectorized\) does not take Tensors: write the function in NumPy's"),
        (lambda t, a: np.arange(0, t[2], like=t), r"numpy\.arange: a tensor that requires a gradient .* multiply"),
        (lambda t, a: np.histogram(t), r"numpy\.histogram does not take Tensors: .*bincount"),
        (lambda t, a: np.histogram2d(t, t), r"numpy\.histogram2d does not take Tensors: .*detach"),
        (lambda t, a: np.emath.sqrt(t), r"scimath.*sqrt does not take Tensors: use numpy\.sqrt of x\.astype\(complex\)"),
        (lambda t, a: np.emath.arcsin(t), r"scimath.*arcsin does not take Tensors: use numpy\.arcsin of x\.astype\(complex\)"),
        (lambda t, a: np.save("nowhere", t), r"numpy\.save does not take Tensors: .*detach"),
        (
            lambda t, a: np.intersect1d(t, a),
            r"numpy\.intersect1d does not take Tensors: use numpy\.unique\(x\[numpy\.isin\(x, y\)\]\)",
        ),
        (lambda t, a: np.union1d(t, a), r"numpy\.union1d does not take Tensors: use numpy\.unique\(numpy\.concatenate"),
        (lambda t, a: np.unique_values(t), r"numpy\.unique_values does not take Tensors: use numpy\.unique$"),
        (lambda t, a: np.roots(t), r"numpy\.roots does not take Tensors: .*eigvals"),
        (lambda t, a: np.pad(t, 1, "maximum"), r"numpy\.pad: mode='maximum' .* use one of constant"),
        (lambda t, a: np.pad(t, 1, "reflect", reflect_type="odd"), r"numpy\.pad: reflect_type='odd'"),
        (lambda t, a: np.quantile(t, 0.5, method="hazen"), r"numpy\.quantile: method='hazen' .* use one of linear"),
        (lambda t, a: np.reshape(t, (1, 3), order="A"), r"numpy\.reshape: order='A' .* give \"C\" or \"F\""),
        (lambda t, a: np.cov(t, fweights=a), r"numpy\.cov: fweights must be integers, they are of float64: .* aweights"),
        (lambda t, a: np.einsum(t, t), r"numpy\.einsum: a Tensor stands where .* as a string"),
        (lambda t, a: np.linalg.eigh(np.outer(t, t), UPLO="U"), r"numpy\.linalg\.eigh: UPLO='U'"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(call, message):
    t, a = leaf(), np.asarray([2.0, 3.0, 4.0])
    with pytest.raises(TypeError, match=message):
        call(t, a)
    assert a.tolist() == [2.0, 3.0, 4.0]
    assert t.detach().tolist() == [1.0, 2.0, 3.0]


def test_what_is_said_of_sets_works():
    x, y = np.asarray([3.0, 1.0, 2.0, 1.0]), np.asarray([1.0, 2.0, 5.0])
    for told, function in (
        (lambda x: np.unique(np.concatenate([x, y])), np.union1d),
        (lambda x: np.unique(x[np.isin(x, y)]), np.intersect1d),
        (lambda x: np.unique(x[~np.isin(x, y)]), np.setdiff1d),
    ):
        t = leaf(x)
        assert np.array_equal(told(t).detach().numpy(), function(x, y))
        assert told(t).requires_grad


def test_every_function_that_numpy_dispatches_takes_tensors_or_says_what_does():
    """No function of NumPy hands back an array, or an array of objects, for a tracked tensor."""
    tried = 0
    for module in (np, np.linalg, np.fft):
        for name in sorted(dir(module)):
            function = getattr(module, name)
            if name.startswith("_") or isinstance(function, type) or not callable(function) or not hasattr(function, "__wrapped__"):
                continue
            tried += 1
            for arguments in ((leaf(),), (leaf(), 1), (leaf(), leaf()), (leaf(), 1, 1)):
                try:
                    found = function(*arguments)
                except (TypeError, ValueError, RuntimeError, IndexError, AttributeError, OSError, np.linalg.LinAlgError):
                    continue
                parts = found if isinstance(found, (tuple, list)) else [found]
                assert name.endswith("indices_from") or not any(isinstance(x, (np.ndarray, np.floating)) for x in parts), name
    assert tried > 150
