"""Moves between libraries and devices: the gradient travels back to where the leaf is, to any order."""

from __future__ import annotations

import array_api_compat
import numpy as np
import pytest

import clumsygrad as cg

VALUES = np.asarray([1.0, 2.0, 3.0])
OTHERS = ["array_api_strict", "torch", "jax"]


@pytest.fixture(params=OTHERS)
def other(request):
    module = pytest.importorskip(request.param)
    if request.param == "jax":
        module.config.update("jax_enable_x64", True)
    return request.param


def module_of(library):
    return pytest.importorskip("jax.numpy" if library == "jax" else library)


@pytest.fixture
def strict():
    return pytest.importorskip("array_api_strict")


def on(strict, device, values=VALUES):
    return strict.asarray(values, device=strict.Device(device))


def test_there_and_back(other):
    x = cg.Tensor(VALUES, requires_grad=True)
    there = x.to(other)
    assert cg.xp.library_of(there.data) == other
    assert there.__array_namespace__() is cg.over(other)
    back = (there * there * there).to(np)
    assert type(back.data) is np.ndarray
    assert back.dtype == np.float64
    (back * x).__array_namespace__()
    cg.sum(back * x).backward()
    assert type(x.grad) is np.ndarray
    np.testing.assert_allclose(x.grad, 4 * VALUES**3)


def test_the_gradient_ends_where_the_leaf_is(other):
    module = module_of(other)
    x = cg.Tensor(module.asarray(VALUES), requires_grad=True)
    cg.sum(x.to("numpy") ** 2).backward()
    assert type(x.grad) is type(x.data)
    assert x.grad.dtype == x.dtype
    assert x.detach().numpy().tolist() == VALUES.tolist()
    assert cg.Tensor(x.grad).numpy().tolist() == (2 * VALUES).tolist()


@pytest.mark.parametrize("form", ["name", "module", "namespace"])
def test_a_library_is_named_in_three_ways(other, form):
    target = {"name": other, "module": module_of(other), "namespace": cg.over(other)}[form]
    there = cg.Tensor(VALUES).to(target)
    assert cg.xp.library_of(there.data) == other
    assert there.to(target) is there


def test_where_it_is_already_nothing_moves(strict):
    x = cg.Tensor(VALUES, requires_grad=True)
    assert x.to(np) is x
    assert x.to("numpy") is x
    assert x.to(cg) is x


def test_memory_is_not_shared_with_the_copy(other):
    array = VALUES.copy()
    there = cg.Tensor(array).to(other)
    array[0] = 99.0
    assert there.detach().numpy().tolist() == VALUES.tolist()
    back = there.to("numpy")
    back[0] = 5.0
    assert there.detach().numpy().tolist() == VALUES.tolist()


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128", "int32", "bool"])
def test_dtypes_stay(other, dtype):
    x = cg.Tensor(np.asarray([1, 0, 1], dtype=dtype))
    there = x.to(other)
    assert dtype in str(there.dtype)
    assert there.to(np).dtype == np.dtype(dtype)


@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (2, 3)])
def test_shapes_stay(other, shape):
    x = cg.Tensor(np.ones(shape), requires_grad=True)
    there = x.to(other)
    assert there.shape == shape
    there.backward(module_of(other).ones(shape, dtype=there.dtype))
    assert x.grad.shape == shape
    assert type(x.grad) is np.ndarray


def test_non_contiguous_arrays_are_moved(other):
    x = cg.Tensor(np.arange(12.0).reshape(3, 4).T[::2], requires_grad=True)
    there = x.to(other)
    np.testing.assert_array_equal(there.detach().numpy(), x.data)
    cg.sum(there**2).backward()
    np.testing.assert_array_equal(x.grad, 2 * x.data)


def test_second_order_through_both_libraries(other):
    def f(x):
        there = x.to(other)
        return cg.sum((there**3).to(np) * x)

    hessian_product = cg.func.grad(lambda x: cg.sum(cg.func.grad(f)(x) * np.asarray([1.0, 0.0, 2.0])))(VALUES)
    assert type(hessian_product) is np.ndarray
    np.testing.assert_allclose(hessian_product, 12 * VALUES**2 * [1.0, 0.0, 2.0])


def test_second_order_on_the_tape(other):
    x = cg.Tensor(VALUES, requires_grad=True)
    cg.sum(x.to(other) ** 4).backward(create_graph=True)
    first = x.grad
    assert type(first.data) is np.ndarray
    x.grad = None
    cg.sum(first.to(other)).backward()
    assert type(x.grad) is np.ndarray
    np.testing.assert_allclose(x.grad, 12 * VALUES**2)


def test_leaves_of_two_libraries_in_one_graph(other):
    x = cg.Tensor(VALUES, requires_grad=True)
    w = cg.Tensor(module_of(other).asarray(VALUES + 1), requires_grad=True)
    cg.sum(x.to(other) * w * w).backward()
    assert type(x.grad) is np.ndarray
    assert type(w.grad) is type(w.data)
    np.testing.assert_allclose(x.grad, (VALUES + 1) ** 2)
    np.testing.assert_allclose(cg.Tensor(w.grad).numpy(), 2 * VALUES * (VALUES + 1))


def test_arguments_of_two_libraries_under_a_transform(other):
    gx, gw = cg.func.grad(lambda x, w: cg.sum(x * w.to(np)), argnums=(0, 1))(VALUES, module_of(other).asarray(VALUES))
    assert type(gx) is np.ndarray
    assert cg.xp.library_of(gw) == other


# Devices --------------------------------------------------------------------------------------------------------------------------


def test_to_device_and_back(strict):
    first, second = strict.Device("device1"), strict.Device("device2")
    x = cg.Tensor(on(strict, "device1"), requires_grad=True)
    y = x.to_device(second)
    assert y.device == second
    z = (y * y).to(first)
    assert z.device == first
    xp = z.__array_namespace__()
    xp.sum(z * x).backward()
    assert x.grad.device == first
    np.testing.assert_allclose(cg.Tensor(x.grad).numpy(), 3 * VALUES**2)


def test_second_order_over_devices(strict):
    second = strict.Device("device2")

    def f(x):
        return cg.sum(x.to_device(second) ** 3)

    x = on(strict, "device1")
    g = cg.func.grad(lambda x: cg.sum(cg.func.grad(f)(x) ** 2))(x)
    assert g.device == strict.Device("device1")
    np.testing.assert_allclose(cg.Tensor(g).numpy(), 36 * VALUES**3)


def test_from_a_device_to_another_library_and_back(strict):
    x = cg.Tensor(on(strict, "device1"), requires_grad=True)
    y = x.to(np) ** 2
    assert type(y.data) is np.ndarray
    cg.sum(y).backward()
    assert x.grad.device == strict.Device("device1")
    np.testing.assert_allclose(cg.Tensor(x.grad).numpy(), 2 * VALUES)


def test_every_kind_of_operation_stays_on_its_device(strict):
    device = strict.Device("device1")
    x = cg.Tensor(on(strict, "device1", np.asarray([[1.0, 2.0], [3.0, 4.0]])), requires_grad=True)
    xp = x.__array_namespace__()
    y = xp.exp(x @ x.T / 10) + 2 * x - x[0, :] + xp.mean(x, axis=0, keepdims=True)
    y[0, :] = x[1, :]
    y = cg.activation.softmax(y, axis=-1) + xp.concat([x, x])[:2, :] + xp.where(x > 2, x, 0.0)
    assert y.device == device
    xp.sum(y * y).backward()
    assert x.grad.device == device
    assert xp.zeros(2, device=device).device == device


@pytest.mark.parametrize("device", ["device1", "CPU_DEVICE"])
def test_a_tensor_says_where_it_is(strict, device):
    x = cg.Tensor(on(strict, device))
    assert x.device == strict.Device(device)
    assert (x * 2).device == strict.Device(device)
    assert cg.Tensor(VALUES).device == "cpu"


def test_the_device_of_a_new_tensor(strict):
    x = cg.Tensor(on(strict, "device1"), requires_grad=True, device=strict.Device("device2"))
    assert x.device == strict.Device("device2")
    assert x.is_leaf


def test_torch_devices_by_name():
    torch = pytest.importorskip("torch")
    x = cg.Tensor(torch.asarray(VALUES), requires_grad=True)
    y = x.to("cpu")
    assert y.device == torch.device("cpu")
    cg.sum(y * y).backward()
    assert x.grad.tolist() == (2 * VALUES).tolist()


def test_moves_refuse_what_they_do_not_know():
    with pytest.raises(ValueError, match="nowhere"):
        cg.Tensor(VALUES).to("nowhere")
    with pytest.raises(ModuleNotFoundError, match="no_library_of_this_name is not installed"):
        cg.over("no_library_of_this_name")


def test_a_move_reads_the_array_api_namespace_of_where_it_went(other):
    there = cg.Tensor(VALUES).to(other)
    made = there.__array_namespace__().ones(3)
    assert type(made.data) is type(there.data)
    assert array_api_compat.device(made.data) == array_api_compat.device(there.data)
