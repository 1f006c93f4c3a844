"""Every error says what was wrong and what to do, and leaves arrays, gradients and the recording mode as they were."""

from __future__ import annotations

import contextlib
import operator

import numpy as np
import pytest

import clumsygrad as cg


@contextlib.contextmanager
def refused(kind, match, *tensors):
    """What stands inside raises this, with this message; then arrays, gradients and the recording mode are as before."""
    before = [(x.data, np.array(host(x.data)), x.grad, None if x.grad is None else np.array(host(x.grad))) for x in tensors]
    with pytest.raises(kind, match=match) as caught:
        yield caught
    for x, (data, values, grad, gradient) in zip(tensors, before, strict=True):
        assert x.data is data or np.ndim(host(data)) == 0
        np.testing.assert_array_equal(host(x.data), values)
        assert (x.grad is None) == (grad is None)
        if grad is not None:
            np.testing.assert_array_equal(host(x.grad), gradient)
    assert (cg.Tensor(1.0, requires_grad=True) * 2).requires_grad


def host(x):
    if type(x).__module__.startswith("array_api_strict"):
        strict = pytest.importorskip("array_api_strict")
        return np.asarray(x.to_device(strict.Device("CPU_DEVICE")))
    return np.asarray(x)


def leaf(values=(1.0, 2.0, 3.0), dtype=None):
    """A leaf that has a gradient already, to see that it stays."""
    x = cg.Tensor(np.asarray(values, dtype=dtype), requires_grad=True)
    cg.sum(cg.real(x) * 2).backward()
    return x


def notes(caught):
    return " ".join(getattr(caught.value, "__notes__", []))


# backward -----------------------------------------------------------------------------------------------------------------------


def test_a_gradient_is_needed_for_more_than_one_element():
    x = leaf()
    with refused(ValueError, r"shape \(3,\).*gradient of that shape.*sum, mean", x):
        (x * x).backward()


@pytest.mark.parametrize("shape", [(1,), (), (2,), (1, 3), (3, 1)])
def test_a_gradient_of_another_shape_is_not_broadcast(shape):
    x = leaf()
    with refused(ValueError, r"the gradient has shape .*, the tensor \(3,\); nothing is broadcast", x):
        (x * x).backward(np.ones(shape))


@pytest.mark.parametrize("dtype", ["int64", "bool", "complex128"])
def test_a_gradient_of_another_kind_of_dtype(dtype):
    x = leaf()
    with refused(TypeError, f"gradient has dtype {dtype}, the tensor float64: another kind", x):
        (x * x).backward(np.ones(3, dtype=dtype))


def test_a_gradient_of_another_library():
    strict = pytest.importorskip("array_api_strict")
    x = leaf()
    with refused(TypeError, "array of array_api_strict, the tensor of numpy", x):
        (x * x).backward(strict.ones(3))


def test_a_gradient_on_another_device():
    strict = pytest.importorskip("array_api_strict")
    x = cg.Tensor(strict.ones(3, device=strict.Device("device1")), requires_grad=True)
    with refused(ValueError, "gradient is on device .*CPU_DEVICE.*the tensor on .*device1", x):
        (x * x).backward(strict.ones(3))


@pytest.mark.parametrize("gradient", [1.0, [1.0, 1.0, 1.0], "one"])
def test_a_gradient_that_is_no_array(gradient):
    x = leaf()
    with refused(TypeError, "the gradient must be an array of numpy, got a (float|list|str)", x):
        (x * x).backward(gradient)


def test_the_grad_setter_checks_like_backward():
    x = leaf()
    with refused(ValueError, r"grad: the gradient has shape \(1,\)", x):
        x.grad = np.ones(1)
    with refused(TypeError, "grad: the gradient has dtype int64", x):
        x.grad = np.ones(3, dtype=np.int64)


def test_a_complex_loss():
    z = leaf([1.0 + 2.0j, 3.0])
    with refused(TypeError, "the loss is complex.*real part or abs", z):
        cg.sum(z * z).backward()


def test_backward_of_what_depends_on_nothing():
    x = cg.Tensor([1.0])
    with refused(RuntimeError, "computed from nothing that requires a gradient", x):
        cg.sum(x).backward()


def test_a_second_backward_over_a_released_graph():
    x = leaf()
    y = cg.sum(cg.exp(x))
    y.backward()
    with refused(RuntimeError, r"released by the pass at .*test_errors\.py:\d+.*retain_graph=True", x):
        y.backward()


def test_a_third_backward_tells_of_the_first():
    y = cg.sum(cg.exp(leaf()))
    y.backward()
    line = cg.graph(y).splitlines()[0]
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"released by the pass at") as caught:
            y.backward()
        assert line.split("  ")[0] in str(caught.value)
    assert cg.graph(y).splitlines()[0] == line


def test_a_graph_that_a_transform_released():
    parts = []

    def loss(x):
        parts.append(cg.sum(x * x))
        return parts[0] * 2

    cg.func.grad(loss)(np.ones(3))
    with pytest.raises(RuntimeError, match=r"released by grad of loss.*differentiate inside the function that it was given"):
        parts[0].backward()


def test_a_released_part_of_a_graph():
    x = leaf()
    shared = cg.exp(x)
    cg.sum(shared).backward()
    z = cg.sum(shared * x)
    with refused(RuntimeError, r"released by the pass at .*test_errors\.py:\d+.*retain_graph=True", x):
        z.backward()


def test_a_leaf_changed_after_the_forward_pass():
    x = leaf()
    y = cg.sum(x * x)
    x.data = np.asarray([5.0, 5.0, 5.0])
    with refused(RuntimeError, "changed after the forward pass.*run the forward pass again.*after backward", x):
        y.backward()


def test_a_leaf_assigned_under_no_grad_after_the_forward_pass():
    x = leaf()
    y = cg.sum(x * x)
    with cg.no_grad():
        x[0] = 7.0
    with refused(RuntimeError, "changed after the forward pass", x):
        y.backward()


def test_an_optimizer_step_between_forward_and_backward():
    x = leaf()
    y = cg.sum(x * x)
    cg.optimizer.SGD([x], 0.1).step()
    with refused(RuntimeError, "changed after the forward pass", x):
        y.backward()


def test_a_leaf_is_not_assigned_while_recording():
    x = leaf()
    for assign in (lambda: operator.setitem(x, 0, 1.0), lambda: operator.iadd(x, 1.0), lambda: operator.setitem(x[1:], 0, 1.0)):
        with refused(RuntimeError, r"leaf that requires a gradient was assigned.*no_grad.*x = x \+ 0", x):
            assign()


# Leaves and dtypes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [[1, 2], [True, False], 3])
def test_integers_have_no_gradient(values):
    with refused(TypeError, "only floating and complex arrays have gradients, got dtype (int64|bool)"):
        cg.Tensor(values, requires_grad=True)
    x = cg.Tensor(values)
    with refused(TypeError, "only floating and complex arrays have gradients", x):
        x.requires_grad = True
    assert not x.requires_grad


def test_the_data_of_a_leaf_stays_floating():
    x = leaf()
    with refused(TypeError, "only floating and complex arrays have gradients", x):
        x.data = np.asarray([1, 2, 3])


def test_requires_grad_of_a_computed_tensor_is_not_set():
    x = leaf()
    y = x * 2
    with refused(RuntimeError, r"leaf only.*detach\(\)", x, y):
        y.requires_grad = False


def test_retain_grad_of_a_constant():
    with refused(RuntimeError, "does not require a gradient"):
        cg.Tensor(1.0).retain_grad()


@pytest.mark.parametrize("data", ["text", None, object(), {"a": 1.0}, ["a"]])
def test_what_is_no_array(data):
    with refused(TypeError, "cannot make an array of numbers from a"):
        cg.Tensor(data)


def test_a_list_of_tensors_is_not_flattened_silently():
    x = leaf()
    with refused(TypeError, "would lose their gradients: use clumsygrad.asarray or clumsygrad.stack", x):
        cg.Tensor([x[0], x[1]])


# Leaving the graph ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [np.asarray, np.array, float, int, complex, lambda x: x.numpy()])
def test_tracked_tensors_do_not_leave_silently(way):
    x = cg.Tensor(2.0, requires_grad=True)
    for tensor in (x, x * 2):
        with refused(RuntimeError, "requires a gradient would lose it silently.*detach()", tensor):
            way(tensor)


def test_tracked_tensors_do_not_leave_through_dlpack():
    x = leaf()
    for way in (np.from_dlpack, cg.from_dlpack, lambda x: x.__dlpack__()):
        with refused(RuntimeError, "requires a gradient would lose it silently.*detach()", x):
            way(x)


def test_writing_a_tracked_value_into_a_plain_array_names_zeros():
    x = leaf()
    plain = np.zeros(3)
    with refused((RuntimeError, ValueError), None, x) as caught:
        plain[0] = x[0] * 2
    messages, error = [], caught.value
    while error is not None:
        messages.append(str(error))
        error = error.__cause__ or error.__context__
    assert "clumsygrad.zeros" in " ".join(messages)
    assert plain.tolist() == [0.0, 0.0, 0.0]


def test_writing_a_tracked_slice_into_a_plain_array_names_zeros():
    x = leaf()
    plain = np.zeros(3)
    with refused(RuntimeError, "clumsygrad.zeros", x):
        plain[:2] = x[:2] * 2
    assert plain.tolist() == [0.0, 0.0, 0.0]


def test_numbers_are_allowed_knowingly():
    x = cg.Tensor(2.0, requires_grad=True)
    with cg.allow_numbers():
        assert float(x * 2) == 4.0
        assert int(x) == 2
        assert complex(x) == 2.0
    with refused(RuntimeError, r"float\(\) of a tensor that requires a gradient", x):
        float(x)
    assert (x * 2).item() == 4.0
    assert bool(x > 1)


# Mixing ---------------------------------------------------------------------------------------------------------------------------


def test_two_libraries_are_both_named():
    strict = pytest.importorskip("array_api_strict")
    x, y = leaf(), cg.Tensor(strict.ones(3), requires_grad=True)
    operations = (operator.add, operator.matmul, cg.atan2, lambda a, b: cg.where(a > 0, a, b), lambda a, b: cg.stack([a, b]))
    for operation in operations:
        with refused(TypeError, r"(?=.*numpy)(?=.*array_api_strict)(?=.*\.to\()", x, y):
            operation(x, y)
    with refused(TypeError, r"(?=.*numpy)(?=.*array_api_strict)(?=.*\.to\()", x, y):
        operator.mul(x, strict.ones(3))


def test_two_devices_are_both_named():
    strict = pytest.importorskip("array_api_strict")
    x = cg.Tensor(strict.ones(3, device=strict.Device("device1")), requires_grad=True)
    y = cg.Tensor(strict.ones(3, device=strict.Device("device2")), requires_grad=True)
    for operation in (operator.mul, cg.hypot, lambda a, b: cg.concat([a, b])):
        with refused(ValueError, "(?=.*device1)(?=.*device2)(?=.*to_device)", x, y):
            operation(x, y)


def test_assigning_an_array_of_another_library():
    strict = pytest.importorskip("array_api_strict")
    x = leaf() * 2
    with refused(TypeError, "(?=.*numpy)(?=.*array_api_strict)", x):
        x[:] = cg.Tensor(strict.ones(3))
    with refused(TypeError, "(?=.*numpy)(?=.*array_api_strict)", x):
        x[:] = strict.ones(3)


def test_a_tensor_where_nothing_is_differentiated():
    x = leaf()
    with refused(TypeError, r"roll: shift is a Tensor.*give shift\.data", x):
        cg.roll(x, cg.Tensor(1))


def test_an_operand_that_is_no_array():
    x = leaf()
    with refused(TypeError, "atan2: an operand is a str", x):
        cg.atan2(x, "text")
    with refused(TypeError, "unsupported operand", x):
        operator.add(x, "text")


# Shapes, axes, indices ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "name", "shapes"),
    [
        (lambda x, y: x + y, "add", "(3,), (2,)"),
        (lambda x, y: x * y, "multiply", "(3,), (2,)"),
        (lambda x, y: x @ y, "matmul", "(3,), (2,)"),
        (lambda x, y: cg.stack([x, y]), "stack", "(3,), (2,)"),
        (lambda x, y: cg.where(x > 0, x, y), "where", "(3,), (3,), (2,)"),
        (lambda x, y: cg.sum(x, axis=1), "sum", "(3,)"),
        (lambda x, y: cg.reshape(x, (2,)), "reshape", "(3,)"),
        (lambda x, y: x[5], "getitem", "(3,)"),
        (lambda x, y: cg.mean(x, axis=(0, 3)), "mean", "(3,)"),
        (lambda x, y: cg.loss.mse_loss(x, y), "mse_loss", "(3,), (2,)"),
    ],
)
def test_bad_shapes_have_a_note_with_the_operation_and_both_shapes(operation, name, shapes):
    x, y = leaf(), leaf([1.0, 2.0])
    with refused((ValueError, IndexError), None, x, y) as caught:
        operation(x, y)
    assert name in notes(caught)
    assert shapes in notes(caught)


def test_an_assignment_that_does_not_fit_changes_nothing():
    x, y = leaf(), leaf([1.0, 2.0])
    z = x * 2
    view = z[1:]
    with refused(ValueError, None, x, y, z, view) as caught:
        z[:] = y
    assert "(3,)" in notes(caught)
    assert "(2,)" in notes(caught)
    with refused(IndexError, None, x, z, view):
        z[7] = 1.0
    with refused(ValueError, r"in place: the result has shape \(2, 3\), the tensor \(3,\)", x, z, view):
        z += np.ones((2, 3))
    with refused(TypeError, "would lose the imaginary part", x, z, view):
        z[0] = cg.Tensor(1.0j)
    view[0] = 9.0
    assert z.data.tolist() == [2.0, 9.0, 6.0]


def test_a_floating_value_is_not_cut_to_an_integer():
    n = cg.zeros(3, dtype=cg.int64)
    with refused(TypeError, "would lose the fraction", n):
        n[0] = cg.Tensor(1.5, requires_grad=True)


# Rules of one's own -----------------------------------------------------------------------------------------------------------------


def custom(rule, **options):
    @cg.operation(rule, **options)
    def twice(x):
        return x * 2

    return twice


def two_gradients(tensor, grad):
    return grad, grad


def no_tuple(tensor, grad):
    return grad


def wrong_shape(tensor, grad):
    return (grad[:1],)


def a_list(tensor, grad):
    return ([1.0, 2.0, 3.0],)


def a_number(tensor, grad):
    return (2.0,)


def wrong_dtype(tensor, grad):
    return (grad.astype(np.float32),)


def wrong_library(tensor, grad):
    return (pytest.importorskip("array_api_strict").ones(3),)


def failing_backward(tensor, grad):
    raise ZeroDivisionError("on purpose")


@pytest.mark.parametrize(
    ("rule", "kind", "message"),
    [
        (two_gradients, TypeError, "two_gradients must return a tuple of 1 gradients.*returned 2"),
        (no_tuple, TypeError, "no_tuple must return a tuple of 1 gradients.*returned an ndarray"),
        (wrong_shape, ValueError, r"wrong_shape: gradient 0 must have its operand's shape \(3,\), it has \(1,\)"),
        (wrong_dtype, TypeError, "wrong_dtype: gradient 0 must have its operand's dtype float64, it has float32"),
        (wrong_library, TypeError, "wrong_library: gradient 0 must be an array of numpy"),
        (a_list, TypeError, "a_list: gradient 0 must be an array of numpy, it is a list"),
        (a_number, TypeError, "a_number: gradient 0 must be an array of numpy, it is a float"),
    ],
)
def test_what_a_rule_returns_is_checked(rule, kind, message):
    x, w = leaf(), leaf()
    with refused(kind, message, x, w):
        cg.sum(custom(rule)(x) * w).backward()
    with refused(kind, message, x):
        cg.func.grad(lambda x: cg.sum(custom(rule)(x)))(x.data)


def test_an_exception_inside_a_rule_keeps_its_type_and_changes_no_gradient():
    x, w = leaf(), leaf([4.0, 5.0, 6.0])
    y = cg.sum(custom(failing_backward)(x * w) + w)
    with refused(ZeroDivisionError, "on purpose", x, w) as caught:
        y.backward()
    assert "failing" in notes(caught)
    assert "(3,)" in notes(caught)
    with refused(RuntimeError, "released", x, w):
        y.backward()


def test_after_an_exception_a_retained_graph_can_be_passed_again():
    x = leaf([1.0, 2.0])
    broken = [True]

    def once_broken_backward(tensor, grad):
        if broken.pop():
            raise ZeroDivisionError("on purpose")
        return (grad * 2,)

    y = cg.sum(custom(once_broken_backward)(x))
    broken.insert(0, False)
    with refused(ZeroDivisionError, "on purpose", x):
        y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [4.0, 4.0]


def test_a_rule_that_is_first_order_only_says_so():
    def doubled_backward(tensor, grad):
        return (np.multiply(grad, 2),)

    f = custom(doubled_backward, once=True)
    assert cg.func.grad(lambda x: cg.sum(f(x) * x))(np.asarray([1.0, 2.0])).tolist() == [4.0, 8.0]
    with refused(RuntimeError, "doubled_backward is first order only"):
        cg.func.grad(lambda x: cg.sum(cg.func.grad(lambda z: cg.sum(f(z) * z))(x)))(np.asarray([1.0, 2.0]))


@pytest.mark.parametrize("returned", ["x", "(x, x, x)", "[x, x]"])
def test_an_operation_that_keeps_something_returns_a_pair(returned):
    def kept_backward(tensor, grad):
        return (grad,)

    @cg.operation(kept_backward, keeps=True)
    def bare(x, n=1):
        return eval(returned)

    for x in (np.ones(2), leaf(2.0), cg.asarray([1.0, 2.0])):
        with pytest.raises(TypeError, match="bare must return a pair, its result and what it keeps"):
            bare(x)


def test_an_operation_without_operands():
    with pytest.raises(TypeError, match="operands= names y, but no parameter named so"):
        custom(two_gradients, operands=("y",))
    with pytest.raises(TypeError, match="operation nothing: it has no operand"):

        @cg.operation(two_gradients)
        def nothing():
            return np.ones(2)


# Transforms -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (np.asarray([1, 2]), r"has dtype int64, .*; convert it \(astype\)"),
        (np.asarray([True]), r"has dtype bool, .*; convert it \(astype\)"),
        ({"a": np.asarray(1.0), "n": np.asarray(2)}, r"has dtype int64, .*; convert it \(astype\)"),
        (3, "is 3, .*; write 3.0"),
        ({"n": -100}, "is -100, .*; write -100.0"),
    ],
)
def test_integer_parameters_of_a_transform(argument, message):
    with refused(TypeError, f"an argument {message}, or name the others with argnums"):
        cg.func.grad(lambda x: cg.asarray(1.0))(argument)


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: x * x, r"its result has shape \(3,\).*sum, mean.*vjp"),
        (lambda x: True, "must return a scalar Tensor, it returned a bool"),
        (lambda x: None, "must return a scalar Tensor, it returned a NoneType"),
        (lambda x: np.asarray(3), "its result has dtype int64"),
        (lambda x: (cg.sum(x), 1), "must return a scalar Tensor, it returned a tuple"),
        (lambda x: cg.sum(x) > 0, "its result has dtype bool"),
        (lambda x: cg.sum(x) * 1j, "its result is complex"),
    ],
)
def test_results_that_a_gradient_cannot_have(f, message):
    with refused(TypeError, message):
        cg.func.grad(f)(np.ones(3))


def test_an_argument_number_that_was_not_given():
    with refused(TypeError, r"argument 1 is asked for \(argnums are positions\), and 1 were given by position"):
        cg.func.grad(lambda x: x, argnums=1)(1.0)
    with refused(TypeError, r"argument 'x' is asked for \(argnums are positions\)"):
        cg.func.grad(lambda x: x, argnums="x")(1.0)


def test_has_aux_wants_a_pair():
    with refused(TypeError, r"must return a pair \(value, anything\)"):
        cg.func.grad(lambda x: x * x, has_aux=True)(1.0)


def test_cotangents_that_do_not_fit():
    _, pullback = cg.func.vjp(lambda x: {"a": x * x}, np.ones(3))
    with refused(TypeError, "the cotangent has structure"):
        pullback(np.ones(3))
    with refused(ValueError, r"a cotangent has shape \(1,\), its output \(3,\)"):
        pullback({"a": np.ones(1)})
    with refused(TypeError, "a cotangent has dtype complex128"):
        pullback({"a": np.ones(3, dtype=complex)})


def test_an_exception_inside_a_transform_leaves_the_recording_mode():
    x = leaf()

    def f(z):
        raise KeyError("on purpose")

    with refused(KeyError, "on purpose", x):
        cg.func.grad(f)(x)
    with cg.no_grad():
        with pytest.raises(KeyError):
            cg.func.grad(f)(x)
        assert not (x * 2).requires_grad


# What is no error -------------------------------------------------------------------------------------------------------------------


def test_a_leaf_that_the_loss_does_not_depend_on():
    x, y = cg.Tensor([1.0, 2.0], requires_grad=True), cg.Tensor([3.0], requires_grad=True)
    cg.sum(x * x).backward()
    assert y.grad is None
    gx, gy = cg.func.grad(lambda x, y: cg.sum(x * x), argnums=(0, 1))(x.data, y.data)
    assert gx.tolist() == [2.0, 4.0]
    assert gy.tolist() == [0.0]
    assert cg.func.grad(lambda x: cg.asarray(2.0))(x.data).tolist() == [0.0, 0.0]


# Other small refusals -----------------------------------------------------------------------------------------------------------------


def test_small_refusals():
    x = leaf()
    with refused(TypeError, r"len\(\) of a 0-d tensor", x):
        len(cg.sum(x))
    with refused(TypeError, "0-d", x):
        iter(cg.sum(x))
    with refused(ValueError, "stream must be None", x):
        x.to_device("cpu", stream=1)
    with refused(ValueError, "reduction must be 'mean', 'sum' or 'none', got 'all'", x):
        cg.loss.mse_loss(x, x, reduction="all")
    with refused(ModuleNotFoundError, "no_such_library is not installed"):
        cg.over("no_such_library")
    with refused(TypeError, "over: operator is no array library"):
        cg.over(operator)
    with refused(TypeError, "asarray: cannot make an array of numbers from 'abc': its dtype would be <U3"):
        cg.asarray("abc")
    with refused(TypeError, "register_hook: the hook must be a function of the gradient, got 3", x):
        x.register_hook(3)
    with refused(TypeError, "pad: pad_width must be of integers, got 1.5", x):
        cg.pad(x, 1.5)
    with refused(TypeError, "clip_by_norm: the parameters must be a tree of tensors"):
        cg.optimizer.clip_by_norm(3, 1.0)
    with refused(ValueError, "not '1999.12'", x):
        x.__array_namespace__(api_version="1999.12")


def test_a_missing_library_comes_with_its_installation(monkeypatch):
    try:
        import cupy  # noqa: F401
    except ImportError:
        with pytest.raises(ModuleNotFoundError, match=r"cupy is not installed: pip install 'clumsygrad\[cuda"):
            cg.over("cupy")
    else:
        pytest.skip("cupy is installed")


# Names and calls that are elsewhere -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("relu", "clumsygrad.nn.relu"),
        ("value_and_grad", "clumsygrad.func.value_and_grad"),
        ("Adam", "clumsygrad.optimizer.Adam"),
        ("gammaln", "clumsygrad.special.gammaln"),
        ("softmax", "clumsygrad.nn.softmax and clumsygrad.special.softmax"),
        ("concatenate", "numpy.concatenate, which takes tensors"),
        ("power", "numpy.power, which takes tensors"),
    ],
)
def test_a_name_that_is_elsewhere(name, place):
    with pytest.raises(AttributeError, match=f"module 'clumsygrad' has no attribute '{name}': there is {place}$"):
        getattr(cg, name)
    assert not hasattr(cg, name)


def test_a_name_that_is_nowhere():
    for name in ("no_such_function", "roots", "_private", "__wrapped__"):
        with pytest.raises(AttributeError, match=f"module 'clumsygrad' has no attribute '{name}'$"):
            getattr(cg, name)


def test_the_module_of_backward_functions_is_no_transform():
    with pytest.raises(TypeError, match=r"is clumsygrad\.func\.grad\(f\)$"):
        cg.grad(cg.sin)


@pytest.mark.parametrize("target", ["cuda", "float32", np.float32])
def test_a_move_to_what_is_no_place(target):
    x = leaf()
    with refused(ValueError, "Unsupported device", x) as caught:
        x.to(target)
    assert any("nor a device of numpy" in note and "x.astype(dtype)" in note for note in caught.value.__notes__)


def test_what_is_no_array_says_how_it_becomes_one():
    x = leaf()
    for call in (lambda: cg.exp(2.0), lambda: cg.sum([x[0], x[1]]), lambda: cg.stack([1.0, 2.0])):
        with refused(TypeError, "a (float|list) is no array: clumsygrad.asarray makes one", x):
            call()


def test_ufuncs_that_add_at_repeats_and_others():
    x = leaf()
    with refused(TypeError, r"numpy\.multiply\.at: this method is not supported for Tensors: it is there for add and subtract", x):
        np.multiply.at(cg.zeros(3), [0], x[:1])
    with refused(TypeError, r"numpy\.maximum\.reduceat: .* it is there for add; numpy\.maximum\.reduce of each slice", x):
        np.maximum.reduceat(x, [0, 1])
