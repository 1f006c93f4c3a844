"""Every row of cases.py on every selected backend: value, first and second order, dtypes, library, device, nothing mutated."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
from backends import BACKENDS
from cases import BOTH, CASES, REAL, Case
from checks import SINGLE_TOLERANCE, Derivatives, assert_agree, check_first, check_second, derivatives_of, directions_like

import clumsygrad as cg

HALF_TOLERANCE = 2e-2


@pytest.fixture(params=CASES, ids=str)
def case(request, backend):
    reason = request.param.cannot_run_on(backend)
    if reason is not None:
        pytest.skip(reason)
    return request.param


@pytest.fixture
def derivatives(case, backend):
    return derivatives_of(case, backend)


def test_value_is_numpys(derivatives, case):
    for kind in case.kinds:
        for single, tolerance in ((False, 1e-12), (True, 1e-5))[: 1 if derivatives.backend.compiled else 2]:
            arrays = case.operands(kind, single)
            value, expected = derivatives.value(arrays), case.expected(arrays)
            assert_agree(value, expected, tolerance, f"{case.name}, value")
            assert value.dtype == expected.dtype, f"{case.name}: dtype {value.dtype}, NumPy gives {expected.dtype}"


def test_first_order(derivatives, case):
    for kind in case.kinds:
        check_first(derivatives, kind)


def test_second_order(derivatives, case):
    if case.order < 2:
        pytest.skip(case.reason)
    for kind in case.kinds:
        check_second(derivatives, kind)


def test_single_precision(derivatives, case):
    """Gradients of float32 operands are float32, and those of float64 but for rounding."""
    if derivatives.backend.compiled:
        pytest.skip("inside jax.jit as outside")
    for kind in case.kinds:
        arrays = case.operands(kind, single=True)
        wide = [x.astype(np.complex128 if kind == "complex" else np.float64) for x in arrays]
        (cotangent,) = directions_like([derivatives.value(arrays)], seed=1)
        expected = derivatives.gradients(wide, cotangent.astype(derivatives.value(wide).dtype))
        for x, g, e in zip(arrays, derivatives.gradients(arrays, cotangent), expected, strict=True):
            assert g.dtype == x.dtype, f"{case.name}: gradient of dtype {g.dtype} for an operand of dtype {x.dtype}"
            assert_agree(g, e, SINGLE_TOLERANCE, f"{case.name}, float32")


@pytest.mark.parametrize("case", [case for case in CASES if "real" in case.kinds], ids=str)
def test_half_precision(case):
    """Gradients of float16 operands are float16, of both orders, also where NumPy or SciPy has no function of so few bits."""
    here = Derivatives(case, BACKENDS["numpy"])
    arrays = [x.astype(np.float16) for x in case.operands("real")]
    wide = [x.astype(np.float64) for x in arrays]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        try:
            value = here.value(arrays)
        except TypeError as error:
            pytest.skip(f"NumPy has it not: {error}")
        (cotangent,) = directions_like([value], seed=1)
        gradients = here.gradients(arrays, cotangent)
        expected = here.gradients(wide, cotangent.astype(here.value(wide).dtype))
        second = here.second(arrays, cotangent, directions_like(arrays, seed=4)) if case.order > 1 else []
    for x, g, e in zip(arrays, gradients, expected, strict=True):
        assert g.dtype == x.dtype
        assert_agree(g, e, HALF_TOLERANCE, f"{case.name}, float16")
    assert all(g.dtype == x.dtype for x, g in zip([*arrays, cotangent], second, strict=False))


def test_raw_in_raw_out_and_tensor_in_tensor_out(derivatives, case, backend):
    """A raw gradient comes out as arrays of the operand's library and device, a recorded one as Tensors; no input is written."""
    if backend.compiled:
        pytest.skip("inside jax.jit as outside")
    kind = case.kinds[0]
    arrays = case.operands(kind)
    raw = derivatives.raw(arrays)
    before = [np.array(backend.host(x)) for x in raw]

    leaves = [cg.Tensor(x, requires_grad=True) for x in raw]
    z = derivatives.apply(*leaves)
    assert type(z) is cg.Tensor
    assert backend.owns(z.data)
    cotangent = backend.array(directions_like([backend.host(z)], seed=1)[0])
    before.append(np.array(backend.host(cotangent)))
    z.backward(cotangent)
    for leaf in leaves:
        assert type(leaf.grad) is type(leaf.data)
        assert backend.owns(leaf.grad)
        assert leaf.grad.dtype == leaf.dtype

    again = [cg.Tensor(x, requires_grad=True) for x in raw]
    derivatives.apply(*again).backward(cotangent, create_graph=True)
    for leaf, other in zip(leaves, again, strict=True):
        assert type(other.grad) is cg.Tensor
        assert backend.owns(other.grad.data)
        assert_agree(backend.host(other.grad), backend.host(leaf.grad), 1e-14, f"{case.name}, recorded")

    for x, b in zip([*raw, cotangent], before, strict=True):
        assert np.array_equal(backend.host(x), b), f"{case.name} wrote into an operand, or into the gradient it was given"


@pytest.mark.parametrize("case", [case for case in CASES if len(case.shapes) > 1], ids=str, indirect=True)
def test_a_constant_operand_gets_no_gradient(derivatives, case, backend):
    """With one operand differentiated and the others plain arrays, its gradient is what it was."""
    if backend.compiled:
        pytest.skip("inside jax.jit as outside")
    arrays = case.operands(case.kinds[0])
    (cotangent,) = directions_like([derivatives.value(arrays)], seed=1)
    expected = derivatives.gradients(arrays, cotangent)
    for index, e in enumerate(expected):
        operands = derivatives.raw(arrays)
        leaf = operands[index] = cg.Tensor(operands[index], requires_grad=True)
        if backend.library == "array_api_strict" and index:
            operands[0] = cg.Tensor(operands[0])  # a raw strict array refuses a foreign operand on its right
        derivatives.apply(*operands).backward(backend.array(cotangent))
        assert_agree(backend.host(leaf.grad), e, 1e-12, f"{case.name}, operand {index} alone")


# Operands of no axes, which NumPy has twice: scalars, as sums and Tensors hold them, and 0-d arrays, as reshape and squeeze leave them --


def of_no_axes(case):
    """The row of operands that are single numbers; None where NumPy's own function does not take such."""
    case = dataclasses.replace(case, shapes=((),) * len(case.shapes))
    try:
        with warnings.catch_warnings(action="ignore"):
            case.expected(case.operands(case.kinds[0]))
    except Exception:  # it wants an axis, or matrices
        return None
    return case


def in_arrays(case):
    """The row, whose function is handed 0-d arrays."""

    def function(xp, *operands):
        n = len(case.shapes)
        return case.function(xp, *[xp.reshape(xp.reshape(x, (1,)), ()) for x in operands[:n]], *operands[n:])

    return dataclasses.replace(case, function=function)


def of_numbers(case, arrays):
    """What a row gives, plain and of Tensors, and its first and second derivatives."""
    derivatives = Derivatives(case, BACKENDS["numpy"])
    value = derivatives.value(arrays)
    (cotangent,) = directions_like([value], seed=1)
    found = [derivatives.apply(*arrays), value, *derivatives.gradients(arrays, cotangent)]
    return found + (derivatives.second(arrays, cotangent, directions_like(arrays, seed=4)) if case.order > 1 else [])


@pytest.mark.parametrize("case", [case for case in map(of_no_axes, CASES) if case is not None and case.shapes], ids=str)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_0d_arrays_are_the_numbers_they_hold(case):
    """At 0 too, where functions that take quotients are written over."""
    for kind in case.kinds:
        drawn = case.operands(kind)
        for arrays in (drawn, [0 * x for x in drawn]):
            try:
                expected = of_numbers(case, arrays)
            except (IndexError, ValueError, ZeroDivisionError) as error:
                pytest.skip(f"needs an axis: {error}")
            for a, e in zip(of_numbers(in_arrays(case), arrays), expected, strict=True):
                np.testing.assert_allclose(a, e, rtol=1e-12)
                assert np.shape(a) == np.shape(e)
                assert a.dtype == e.dtype


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "pow", "matmul", "vecdot", "where"])
def test_real_and_complex_operands_together(name, backend):
    """The real operand's gradient is real: the real part of what arrives."""

    def function(xp, x, y):
        return xp.where(cg.Tensor(backend.array(np.eye(2, dtype=bool))), x, y) if name == "where" else getattr(xp, name)(x, y)

    for real_first in (True, False):
        case = Case(f"{name}-mixed", function, ((2, 2), (2, 2)), (), kinds=BOTH, domain="positive")
        x, y = case.operands("real")[0], case.operands("complex")[1]
        arrays = [x, y] if real_first else [y, x]
        mixed = Derivatives(case, backend)
        mixed.case = _Fixed(case, arrays)
        check_first(mixed, "real")
        check_second(mixed, "real")


@pytest.mark.parametrize("name", ["add", "multiply", "divide", "pow", "maximum", "matmul"])
def test_two_precisions_together(name, backend):
    """Each operand's gradient has its own dtype."""
    xp = backend.namespace
    x = cg.Tensor(backend.array(np.full((2, 2), 1.5, dtype=np.float32)), requires_grad=True)
    y = cg.Tensor(backend.array(np.full((2, 2), 1.25)), requires_grad=True)
    z = getattr(xp, name)(x, y)
    assert z.dtype == y.dtype
    xp.sum(z).backward()
    assert x.grad.dtype == x.dtype
    assert y.grad.dtype == y.dtype


class _Fixed:
    """A row with operands of its own, whose dtypes differ."""

    def __init__(self, case, arrays):
        self.name, self.eps, self.shapes, self.constants = case.name, case.eps, case.shapes, case.constants
        self.function, self.arrays = case.function, arrays

    def operands(self, kind):
        return self.arrays


# The checker itself --------------------------------------------------------------------------------------------------------------


def broken_by_a_millionth(tensor, grad):
    x, y = cg.grad.operands(tensor, grad)
    return grad * y.conj() * (1 + 1e-6), grad * x.conj()


def broken_by_a_missing_conjugate(tensor, grad):
    x, y = cg.grad.operands(tensor, grad)
    return grad * y, grad * x.conj()


def broken_by_swapped_operands(tensor, grad):
    x, y = cg.grad.operands(tensor, grad)
    return grad * x.conj(), grad * y.conj()


def whole(tensor, grad):
    xp = cg.xp.array_namespace(grad)
    x, y = cg.grad.operands(tensor, grad)
    return grad * xp.conj(y), grad * xp.conj(x)


def broken_second_order_only(tensor, grad):
    """Right in value; but what it returns was computed from a constant, so that its own derivative lacks a term."""
    x, y = [x.detach() if type(x) is cg.Tensor else x for x in cg.grad.operands(tensor, grad)]
    xp = cg.xp.array_namespace(grad)
    return grad * xp.conj(y), grad * xp.conj(x)


def product_with(rule):
    @cg.operation(rule, operands=("x", "y"))
    def product(x, y):
        return x * y

    return Derivatives(Case(rule.__name__, lambda xp, x, y: product(x, y), ((3,), (3,)), (), kinds=REAL), BACKENDS["numpy"])


def test_the_checker_passes_a_rule_that_is_right():
    for kind in BOTH:
        check_first(product_with(whole), kind)
        check_second(product_with(whole), kind)


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        (broken_by_a_millionth, "real"),
        (broken_by_a_millionth, "complex"),
        (broken_by_a_missing_conjugate, "complex"),
        (broken_by_swapped_operands, "real"),
    ],
)
def test_the_checker_fails_a_broken_rule(rule, kind):
    with pytest.raises(AssertionError, match="first order"):
        check_first(product_with(rule), kind)


def test_the_checker_fails_a_rule_that_is_wrong_in_second_order():
    check_first(product_with(broken_second_order_only), "real")
    with pytest.raises(AssertionError, match="second order"):
        check_second(product_with(broken_second_order_only), "real")
