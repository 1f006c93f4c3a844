"""Arrays that come to a GPU and leave it: moves, DLPack, files, pickles; and what is refused, with the sentence that it is refused in."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from checks import assert_agree
from on_gpu import second_device

import clumsygrad as cg

VALUES = np.asarray([1.0, 2.0, 4.0])


@pytest.fixture
def leaf(gpu):
    return cg.Tensor(gpu.array(VALUES), requires_grad=True)


# Moves --------------------------------------------------------------------------------------------------------------------------------


def test_to_the_gpu_and_back(gpu):
    x = cg.Tensor(VALUES, requires_grad=True)
    y = x.to("cupy")
    assert gpu.owns(y.data)
    assert y.to("cupy") is y
    cg.sum((y * y).to("numpy")).backward()
    assert type(x.grad) is np.ndarray
    assert_agree(x.grad, 2 * VALUES, 0.0, "moves")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "complex128", "int8", "int64", "uint16", "bool"])
def test_dtypes_stay(dtype, gpu):
    values = np.asarray([[1, 0], [1, 1]], dtype=dtype)
    there = cg.Tensor(values).to("cupy")
    assert there.dtype == values.dtype
    assert np.array_equal(there.numpy(), values)


@pytest.mark.parametrize("form", ["name", "module", "namespace"])
def test_the_library_is_named_in_three_ways(form, gpu):
    target = {"name": "cupy", "module": gpu.module, "namespace": gpu.namespace}[form]
    assert gpu.owns(cg.Tensor(VALUES).to(target).data)


def test_a_device_by_name(gpu, leaf):
    assert leaf.to("cuda:0") is leaf or leaf.to("cuda:0").device == gpu.module.cuda.Device(0)
    assert cg.zeros(3).to("cupy").to("cuda").device == gpu.module.cuda.Device()


def test_the_host_is_no_device_of_cupys(leaf):
    with pytest.raises(ValueError, match=r"device 'cpu': CuPy has none.*x\.to\(\"numpy\"\)"):
        leaf.to("cpu")


def test_second_order_through_both_libraries(gpu):
    product = cg.func.grad(lambda x: cg.sum(cg.func.grad(lambda y: cg.sum(y.to("cupy").to("numpy") ** 3))(x) * x))(VALUES)
    assert_agree(product, 9 * VALUES**2, 1e-12, "second order")


def test_to_the_second_gpu_and_back(gpu, leaf):
    other = second_device(gpu)
    there = leaf.to("cuda:1")
    assert there.data.device == other
    z = cg.sum(cg.exp(there) * there)
    z.backward()
    assert z.data.device == other
    assert leaf.grad.device == leaf.data.device
    assert_agree(gpu.host(leaf.grad), np.exp(VALUES) * (1 + VALUES), 1e-12, "there and back")


def test_creation_on_the_second_gpu(gpu):
    other = second_device(gpu)
    xp = gpu.namespace
    for x in (
        xp.zeros(3, device=other),
        xp.ones((2, 2), device="cuda:1"),
        xp.arange(4, device=other),
        xp.asarray([1.0], device=other),
    ):
        assert x.device == other
        assert xp.zeros_like(x).device == other
        assert (x + 1).device == other


# Other libraries' arrays ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def torch():
    module = pytest.importorskip("torch")
    if not module.cuda.is_available():
        pytest.skip("torch is installed without CUDA")
    return module


def test_torch_reads_a_tensors_memory(torch, gpu, leaf):
    x = leaf.detach()
    there = torch.from_dlpack(x)
    assert there.data_ptr() == x.data.data.ptr
    assert there.device.type == "cuda"
    with pytest.raises(RuntimeError, match=r"__dlpack__ of a tensor that requires a gradient.*detach"):
        torch.from_dlpack(leaf)


def test_torchs_memory_becomes_a_tensor(torch, gpu):
    there = torch.arange(6.0, device="cuda").reshape(2, 3)
    x = cg.Tensor(gpu.module.from_dlpack(there), requires_grad=True)
    assert x.data.data.ptr == there.data_ptr()
    cg.sum(x * x).backward()
    assert torch.equal(torch.from_dlpack(x.grad), 2 * there)


def test_arrays_that_are_no_tensors_are_constants(gpu, leaf):
    other = gpu.array(np.asarray([2.0, 3.0, 5.0]))
    for z in (leaf * other, other * leaf, cg.multiply(other, leaf), np.multiply(other, leaf), np.float64(2) * (other * leaf) / 2.0):
        assert type(z) is cg.Tensor
        assert gpu.owns(z.data)
        assert z.requires_grad
    for z in (other + leaf, other - leaf, other / leaf, other @ leaf, other**leaf):
        assert type(z) is cg.Tensor


# Files --------------------------------------------------------------------------------------------------------------------------------


def test_pickles_and_copies_are_leaves_on_the_gpu(gpu, leaf):
    for other in (pickle.loads(pickle.dumps(leaf)), copy.deepcopy(leaf)):
        assert gpu.owns(other.data)
        assert other.requires_grad
        assert_agree(gpu.host(other), VALUES, 0.0, "copies")
        other.data = gpu.array(VALUES + 1)
    assert_agree(gpu.host(leaf), VALUES, 0.0, "the original")


def test_an_optimizers_state_is_saved_as_arrays_of_numpys(gpu, leaf, tmp_path):
    adam = cg.optimizer.Adam([leaf], 0.1)
    cg.sum(leaf * leaf).backward()
    adam.step()
    state = adam.state_dict()
    np.savez(tmp_path / "state.npz", **{name: cg.Tensor(x).numpy() for name, x in state["state"][0].items()})
    with np.load(tmp_path / "state.npz") as file:
        again = cg.optimizer.Adam([leaf], 0.1)
        again.load_state_dict({"steps": state["steps"], "state": [dict(file)]})
    for name, x in again.state_dict()["state"][0].items():
        assert gpu.owns(x)
        assert np.array_equal(gpu.host(x), gpu.host(state["state"][0][name]))


def test_parameters_go_through_safetensors(gpu, leaf, tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    safetensors.save_file({"x": leaf.detach().numpy()}, tmp_path / "x.safetensors")
    loaded = cg.Tensor(safetensors.load_file(tmp_path / "x.safetensors")["x"]).to("cupy")
    assert gpu.owns(loaded.data)
    assert np.array_equal(gpu.host(loaded), VALUES)


# What is refused --------------------------------------------------------------------------------------------------------------------


def test_an_array_of_the_host_beside_a_tensor_on_the_gpu(leaf):
    with pytest.raises(TypeError, match=r"(?s)numpy.*cupy|cupy.*numpy"):
        leaf * VALUES
    with pytest.raises(TypeError, match=r"(?s)numpy.*cupy|cupy.*numpy"):
        cg.Tensor(VALUES) + leaf
    with pytest.raises(TypeError, match=r"(?s)numpy.*cupy|cupy.*numpy"):
        cg.concat([leaf, cg.Tensor(VALUES)])


def test_a_gradient_of_the_host(leaf):
    with pytest.raises(TypeError, match=r"array of numpy, the tensor of cupy; move it with Tensor\.to"):
        (leaf * 2).backward(VALUES)
    assert leaf.grad is None


def test_two_gpus_in_one_operation(gpu, leaf):
    second_device(gpu)
    there = leaf.to("cuda:1")
    with pytest.raises(ValueError, match=r"(?s)Device 0.*Device 1"):
        leaf * there
    with pytest.raises(ValueError, match=r"gradient is on device .*Device 0.*the tensor on .*Device 1.*; move it with to_device"):
        there.backward(leaf.data)


def test_leaving_the_graph_unasked(leaf):
    for leave in (np.asarray, float, lambda x: x.numpy()):
        with pytest.raises(RuntimeError, match="detach"):
            leave(cg.sum(leaf))
    assert cg.sum(leaf).item() == 7.0
    assert float(cg.sum(leaf).detach()) == 7.0


def test_what_is_changed_after_the_forward_pass(gpu, leaf):
    z = cg.sum(leaf * leaf)
    leaf.data = gpu.array(VALUES + 1)
    with pytest.raises(RuntimeError, match="changed after the forward pass"):
        z.backward()
    assert leaf.grad is None


def test_a_graph_that_was_released(leaf):
    z = cg.sum(cg.exp(leaf))
    z.backward()
    with pytest.raises(RuntimeError, match=r"retain_graph=True"):
        z.backward()


def test_an_error_names_operation_and_shapes(gpu, leaf):
    with pytest.raises(ValueError) as caught:
        leaf @ cg.Tensor(gpu.array(np.ones((2, 2))))
    assert "matmul" in "".join(caught.value.__notes__)
    assert "(3,), (2, 2)" in "".join(caught.value.__notes__)
