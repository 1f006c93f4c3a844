"""gradcheck: right functions pass, wrong rules of every kind are found and named."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from cases import BOTH, CASES

import clumsygrad as cg
from clumsygrad import GradcheckError, gradcheck


def real(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0.5, 2.0, shape)


def complex_(*shape, seed=0):
    return real(*shape, seed=seed) + 1j * real(*shape, seed=seed + 100)


def product_with(rule):
    @cg.operation(rule, operands=("x", "y"))
    def product(x, y):
        return x * y

    return product


def conjugates(tensor, grad):
    xp = cg.xp.array_namespace(grad)
    x, y = cg.grad.operands(tensor, grad)
    return xp.conj(x), xp.conj(y)


def right_backward(tensor, grad):
    x, y = conjugates(tensor, grad)
    return grad * y, grad * x


def factor_backward(tensor, grad):
    x, y = conjugates(tensor, grad)
    return grad * y * (1 + 1e-6), grad * x


def conjugate_backward(tensor, grad):
    x, y = cg.grad.operands(tensor, grad)
    return grad * y, grad * cg.xp.array_namespace(grad).conj(x)


def swapped_backward(tensor, grad):
    x, y = conjugates(tensor, grad)
    return grad * x, grad * y


def first_order_backward(tensor, grad):
    x, y = [x.detach() if type(x) is cg.Tensor else x for x in conjugates(tensor, grad)]
    return grad * y, grad * x


def detached_gradient_backward(tensor, grad):
    x, y = conjugates(tensor, grad)
    grad = grad.detach() if type(grad) is cg.Tensor else grad
    return grad * y, grad * x


def negative_backward(tensor, grad):
    x, y = conjugates(tensor, grad)
    return grad * y, -grad * x


def missing_backward(tensor, grad):
    x, _ = conjugates(tensor, grad)
    return None, grad * x


def shifted_backward(tensor, grad):
    x, y = conjugates(tensor, grad)
    return grad * (y + 0.5), grad * x


def found(f, *args, **options):
    with pytest.raises(GradcheckError) as caught:
        gradcheck(f, *args, **options)
    return caught.value


# What is right passes ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [real, complex_])
def test_a_rule_that_is_right_passes(make):
    assert gradcheck(product_with(right_backward), make(3, 2), make(3, 2, seed=1), order=3) is True


@pytest.mark.parametrize("case", [case for case in CASES if not case.minor][::7], ids=str)
def test_the_rows_of_the_table_pass(case):
    """A seventh of them: all are checked by test_derivatives, this is to see gradcheck raise no false alarm."""
    xp = cg.over("numpy")
    kind = case.kinds[-1]
    assert gradcheck(lambda *x: case.function(xp, *x, *case.constants), *case.operands(kind), order=min(case.order, 2))


def test_on_every_library(backend):
    if backend.compiled:
        pytest.skip("differences are read on the host")
    xp = backend.namespace
    x, y = backend.array(real(2, 3)), backend.array(complex_(3, 2))
    assert gradcheck(lambda x, y: xp.sin(xp.matmul(x * x, xp.real(y))), x, y)
    error = found(product_with(swapped_backward), x, backend.array(real(2, 3, seed=5)))
    assert error.argument == "argument 0"
    assert "swapped" in error.cause


@dataclasses.dataclass
class Model:
    weight: object
    bias: object
    steps: int = 2


def test_trees_of_arguments_and_results():
    model = Model(real(2, 3), {"b": (real(2), 1.5)})

    def predict(model, x):
        y = x
        for _ in range(model.steps):
            y = cg.tanh(cg.matmul(model.weight, y)[:, None] * np.ones(3))[0, :] + model.bias["b"][1]
        return {"y": [y, model.bias["b"][0] ** 2], "count": 3}

    assert gradcheck(predict, model, real(3, seed=3))


def test_tensors_floats_and_whole_numbers_among_the_arguments():
    assert gradcheck(lambda x, y, n, z: x**n * y + z, cg.Tensor(real(2)), 1.5, 3, 1.0 + 2.0j)


def test_a_function_that_closes_over_a_leaf_leaves_it_alone():
    leaf = cg.Tensor(real(2), requires_grad=True)
    assert gradcheck(lambda x: x * leaf, real(2, seed=1))
    assert leaf.grad is None


@pytest.mark.parametrize("scale", [1e-9, 1e6])
def test_scales_of_arguments(scale):
    x = scale * real(4)
    assert gradcheck(lambda x: cg.exp(x / scale) * scale, x)
    assert gradcheck(lambda x: cg.log(x), np.asarray([1e-6, 1.0]))
    assert found(lambda x: product_with(factor_backward)(x, x / scale), x).order == 1


def test_stationary_points_and_quick_oscillations():
    assert gradcheck(lambda x: x**7, np.asarray([0.0, 1e-3]))
    assert gradcheck(lambda x: cg.sin(1e6 * x), np.asarray([1.0, 2.0]))
    assert gradcheck(lambda x: cg.sum(cg.cos(x)), np.zeros(3))


def test_empty_arrays_have_nothing_wrong():
    assert gradcheck(lambda x, y: x * cg.sum(y), np.zeros((0, 2)), real(3))


def test_the_conventions_at_kinks_that_differences_share():
    assert gradcheck(cg.abs, np.asarray([0.0, 1.0]), order=1)
    assert gradcheck(cg.max, np.asarray([1.0, 1.0, 0.0]), order=1)


# What is wrong is found, and named ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", BOTH)
def test_a_factor_of_one_part_in_a_million(kind):
    make = {"real": real, "complex": complex_}[kind]
    error = found(product_with(factor_backward), make(3, 2), make(3, 2, seed=1))
    assert (error.order, error.argument) == (1, "argument 0")
    assert "a constant factor: every wrong entry is 1.000001 times" in error.cause
    x, y = make(3, 2), make(3, 2, seed=1)
    expected = y[error.entry] if kind == "real" else np.conj(y[error.entry])
    if "imaginary" in error.result:
        expected = expected * 1j
    assert error.expected == pytest.approx(expected, rel=1e-8)
    assert error.computed == pytest.approx(expected * (1 + 1e-6), rel=1e-8)
    del x


def test_a_factor_in_one_of_ten_thousand_entries():
    factors = np.ones(10_000)
    factors[1234] = 1 + 1e-3

    def one_wrong_backward(tensor, grad):
        x, y = conjugates(tensor, grad)
        return grad * y * factors, grad * x

    error = found(product_with(one_wrong_backward), real(10_000), real(10_000, seed=1))
    assert error.entry == (1234,)
    assert "a factor of 1.001" in error.cause


def test_a_missing_conjugate():
    assert gradcheck(product_with(conjugate_backward), real(3), real(3, seed=1))
    error = found(product_with(conjugate_backward), complex_(3), complex_(3, seed=1))
    assert (error.order, error.argument) == (1, "argument 0")
    assert "missing conjugate" in error.cause
    assert error.computed == pytest.approx(np.conj(error.expected))


@pytest.mark.parametrize("make", [real, complex_])
def test_swapped_operands(make):
    error = found(product_with(swapped_backward), make(3), make(3, seed=1))
    assert error.argument == "argument 0"
    assert "this is the gradient of argument 1: the operands' gradients are swapped" in error.cause


@pytest.mark.parametrize("make", [real, complex_])
@pytest.mark.parametrize("rule", [first_order_backward, detached_gradient_backward])
def test_right_at_first_order_only(rule, make):
    f = product_with(rule)
    assert gradcheck(f, make(3), make(3, seed=1), order=1)
    error = found(f, make(3), make(3, seed=1))
    assert error.order == 2
    assert "right at first order only" in error.cause


def test_right_up_to_second_order_only():
    """A rule whose gradient has a right gradient, but no right third derivative."""

    def cube_backward(tensor, grad):
        (x,) = cg.grad.operands(tensor, grad)
        return (grad * slope(x),)

    def slope_backward(tensor, grad):
        (x,) = cg.grad.operands(tensor, grad)
        x = x.detach() if type(x) is cg.Tensor else x
        return (6 * grad * x,)

    @cg.operation(slope_backward)
    def slope(x):
        return 3 * x**2

    @cg.operation(cube_backward)
    def cube(x):
        return x**3

    assert gradcheck(cube, real(3))
    error = found(cube, real(3), order=3)
    assert error.order == 3
    assert "right at second order only" in error.cause


def test_a_rule_that_is_declared_first_order_only():
    def once_backward(tensor, grad):
        (x,) = cg.grad.operands(tensor, grad)
        return (2 * grad * x,)

    @cg.operation(once_backward, once=True)
    def square(x):
        return x**2

    assert gradcheck(square, real(3), order=1)
    error = found(square, real(3))
    assert error.order == 2
    assert "order=1" in error.cause
    assert "once=True" in str(error)


def test_the_wrong_sign():
    error = found(product_with(negative_backward), real(3), real(3, seed=1))
    assert error.argument == "argument 1"
    assert error.cause == "the wrong sign"


def test_a_missing_gradient():
    error = found(product_with(missing_backward), real(3), real(3, seed=1))
    assert error.computed == 0
    assert "no gradient arrives here" in error.cause
    error = found(lambda x: x * x.detach(), np.asarray([2.0]))
    assert "factor of 0.5, or a missing term of 2" in error.cause


def test_a_term_too_much():
    error = found(product_with(shifted_backward), real(3), np.zeros(3))
    assert error.expected == 0
    assert "a term too much" in error.cause
    error = found(product_with(shifted_backward), real(3), real(3, seed=1))
    assert "by different factors" in error.cause


def test_the_path_in_a_tree_is_named():
    f = product_with(negative_backward)
    error = found(lambda p, x: {"out": (x, f(x, p["layers"][1]["w"]))}, {"layers": [{"w": real(2)}, {"w": real(2)}]}, real(2))
    assert error.argument == "argument 0['layers'][1]['w']"
    assert error.result.startswith("result['out'][1], entry (")
    assert "argument 0['layers'][1]['w'], entry (" in str(error)


def test_a_kink():
    error = found(cg.activation.relu, np.asarray([1.0, 0.0]))
    assert error.entry == (1,)
    assert "a kink at this point: the slope is 0 on one side and 1 on the other" in error.cause


def test_a_jump_in_the_gradient():
    error = found(cg.abs, np.asarray([0.0, 1.0]))
    assert error.order == 2
    assert "a jump" in error.cause


def test_a_gradient_that_is_not_finite():
    error = found(cg.sqrt, np.asarray([1.0, 0.0]))
    assert error.entry == (1,)
    assert np.isinf(error.computed)
    assert "detect_anomaly" in error.cause


def test_a_function_that_is_not_finite():
    with np.errstate(invalid="ignore"):
        error = found(lambda x: {"log": cg.log(x)}, np.asarray([1.0, -1.0]))
    assert "result['log'], entry (1,) is nan" in str(error)
    assert "outside the function's domain" in error.cause


def test_a_point_at_the_edge_of_the_domain():
    error = found(lambda x: cg.sqrt(x) ** 3, np.asarray([1.0, 1e-12]))
    assert error.entry == (1,)


def test_a_function_that_is_random():
    random = np.random.default_rng(0)
    assert "random" in found(lambda x: x * (1 + 1e-3 * random.uniform()), real(2)).cause


def test_a_function_that_is_noisy():
    error = found(lambda x: x + cg.astype(cg.astype(x, cg.float32), cg.float64), real(2))
    assert "no more certain than this" in error.cause


def test_the_report_names_what_there_is_to_know():
    error = found(product_with(swapped_backward), real(2), real(2, seed=1), order=1)
    text = str(error)
    for part in ("gradcheck of product", "the gradient is wrong", "argument 0, entry (", "computed", "differences", "Likely cause"):
        assert part in text
    assert isinstance(error, AssertionError)


# What is refused ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_single_precision_needs_a_tolerance(dtype):
    x = real(3).astype(dtype)
    with pytest.raises(TypeError, match=r"argument 0 has dtype .*: convert it to float64 \(complex128\), or give a tolerance"):
        gradcheck(cg.sin, x)
    assert gradcheck(cg.sin, x, tolerance=1e-2)
    assert found(product_with(swapped_backward), x, 2 * x[::-1], tolerance=1e-2).order == 1


def test_nothing_to_differentiate():
    with pytest.raises(TypeError, match="no argument is a floating array"):
        gradcheck(cg.sin, np.asarray([1, 2]))
    with pytest.raises(TypeError, match="returned no floating array"):
        gradcheck(lambda x: x > 1.0, real(2))
    with pytest.raises(ValueError, match="order must be 1 or more"):
        gradcheck(cg.sin, real(2), order=0)


def test_an_error_in_the_function_keeps_its_type_and_gets_a_note():
    def raising_backward(tensor, grad):
        if type(grad) is cg.Tensor:
            raise KeyError("only raw")
        return (grad,)

    @cg.operation(raising_backward)
    def same(x):
        return x + 0

    with pytest.raises(KeyError, match="only raw") as caught:
        gradcheck(same, real(2))
    assert any("order 2 (order=1 does without)" in note for note in caught.value.__notes__)


def test_arguments_are_not_written_and_the_answer_is_reproducible():
    x = real(3)
    before = x.copy()
    first = str(found(product_with(swapped_backward), x, real(3, seed=1), seed=7))
    assert str(found(product_with(swapped_backward), x, real(3, seed=1), seed=7)) == first
    assert np.array_equal(x, before)
