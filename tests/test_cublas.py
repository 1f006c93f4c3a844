"""Products of matrices, and of stacks of them, through cuBLAS, which a function of the same arguments stands for: where operands lie."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from host_cublas import HANDLE, Cublas

import clumsygrad as cg
from clumsygrad import _cublas, _kernels, _layers, lean, nn


class OnDevice(np.ndarray):
    """An array that tells where it lies as CuPy's do, and whose own product is counted."""

    products = 0

    @property
    def data(self):
        return SimpleNamespace(ptr=self.ctypes.data)

    def __matmul__(self, other):
        OnDevice.products += 1
        return super().__matmul__(other)


def binding(found):
    return _cublas.Binding(found.gemm, found.gemm_strided_batched, lambda: HANDLE)


def forget_plans():
    """And the environment, which was read for them."""
    for cached in (_cublas._kind, _cublas._plan):
        cached.cache_clear()


@pytest.fixture
def library(monkeypatch):
    found = Cublas()
    monkeypatch.setattr(_cublas, "_of_cupy", lambda: binding(found))
    monkeypatch.setattr(_cublas, "_WORTH_A_CALL", 0)
    forget_plans()
    OnDevice.products = 0
    yield found
    forget_plans()


def stack(*shape, dtype=np.float64):
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(dtype).view(OnDevice)


HEADS = stack(2, 5, 3, 4)  # batch, length, heads, width
OPERANDS = {
    "as they lie": (stack(3, 4, 5), stack(3, 5, 2), 1),
    "left transposed": (stack(3, 5, 4).mT, stack(3, 5, 2), 1),
    "right transposed": (stack(3, 4, 5), stack(3, 2, 5).mT, 1),
    "both transposed": (stack(3, 5, 4).mT, stack(3, 2, 5).mT, 1),
    "two axes of batches": (stack(2, 3, 4, 5), stack(2, 3, 5, 2), 1),
    "left broadcast": (stack(4, 5), stack(3, 5, 2), 1),
    "left broadcast and transposed": (stack(5, 4).mT, stack(3, 5, 2), 1),
    "right broadcast": (stack(3, 5, 4).mT, stack(5, 2), 1),
    "each broadcast": (stack(2, 1, 4, 5), stack(1, 3, 5, 2), 2),
    "length one broadcast": (stack(3, 4, 5), stack(1, 5, 2), 1),
    "heads": (HEADS.transpose(0, 2, 1, 3), HEADS.transpose(0, 2, 3, 1), 2),
    "part of each row": (stack(3, 4, 9)[:, :, 2:7], stack(3, 5, 8)[..., 3:5], 1),
    "part of the rows": (stack(3, 9, 5)[:, 1:5], stack(6, 5, 2)[::2], 1),
    "rows": (stack(3, 1, 5), stack(3, 5, 2), 1),
    "columns": (stack(3, 4, 5), stack(3, 5, 1), 1),
    "outer": (stack(3, 4, 1), stack(3, 1, 2), 1),
    "one of each": (stack(3, 1, 1), stack(3, 1, 1).mT, 1),
    "matrices": (stack(4, 5), stack(5, 2), 1),
    "matrices, both transposed": (stack(5, 4).T, stack(2, 5).T, 1),
    "parts of matrices": (stack(9, 8)[1:5, 2:7], stack(9, 8).T[3:8, :2], 1),
    "a row": (stack(1, 5), stack(5, 2), 1),
    "a column": (stack(4, 5), stack(5, 1), 1),
    "a number": (stack(1, 5), stack(5, 1), 1),
    "many rows": (stack(2, 3, 4, 5), stack(5, 2), 1),
    "many rows, right transposed": (stack(2, 3, 4, 5), stack(2, 5).T, 1),
}


@pytest.mark.parametrize("factor", [1.0, -0.25])
@pytest.mark.parametrize("name", OPERANDS)
def test_products(name, factor, library):
    x, y, calls = OPERANDS[name]
    z = _cublas.matmul(x, y, factor)
    assert len(library.calls) == calls
    assert OnDevice.products == 0
    assert z.flags.c_contiguous
    np.testing.assert_allclose(z, factor * (x @ y), rtol=1e-13, atol=1e-13)


def test_matrices_and_rows_are_one_plain_product(library):
    """For which cuBLAS has more ways than for stacks of one: for long sums, of which it makes parts."""
    for x, y in ((stack(4, 5), stack(5, 2)), (stack(2, 3, 4, 5), stack(5, 2))):
        _cublas.matmul(x, y)
    assert library.plain == len(library.calls) == 2
    _cublas.matmul(stack(2, 4, 5), stack(2, 5, 2))
    assert library.plain == 2


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_other_dtypes(dtype, library, monkeypatch):
    x, y = stack(3, 4, 5, dtype=dtype), stack(3, 2, 5, dtype=dtype).mT
    z = _cublas.matmul(x, y)
    assert z.dtype == dtype
    np.testing.assert_allclose(z, x.astype(np.float64) @ y.astype(np.float64), rtol=2e-3, atol=2e-3)
    monkeypatch.setenv("CUPY_TF32", "1")
    forget_plans()
    _cublas.matmul(x, y)
    assert [call[3] for call in library.calls] == [68, 77 if dtype == np.float32 else 68]


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (stack(3, 4, 5), stack(5)),
        (stack(3, 4, 5).astype(complex), stack(3, 5, 2).astype(complex)),
        (stack(3, 4, 5), stack(3, 5, 2).astype(np.float32)),
        (stack(3, 4, 10)[:, :, ::2], stack(3, 5, 2)),
        (stack(3, 4, 5)[:, ::-1], stack(3, 5, 2)),
        (stack(3, 4, 5)[::-1], stack(3, 5, 2)),
        (stack(0, 4, 5), stack(0, 5, 2)),
        (stack(20, 3, 4, 5).transpose(1, 0, 2, 3)[:, :, None], stack(19, 5, 2)),
        (stack(4, 10)[:, ::2], stack(5, 2)),
        (stack(4, 5)[:1].repeat(3, axis=0)[:, ::-1], stack(5, 2)),
        (np.arange(6).reshape(2, 3).view(OnDevice), np.arange(3).reshape(3, 1).view(OnDevice)),
    ],
    ids=[
        "vector",
        "complex",
        "two dtypes",
        "gaps",
        "rows backwards",
        "stack backwards",
        "nothing",
        "many calls",
        "matrices with gaps",
        "matrices backwards",
        "integers",
    ],
)
def test_what_is_left_to_cupy(x, y, library):
    np.testing.assert_allclose(_cublas.matmul(x, y, 3.0), 3.0 * (x @ y), rtol=1e-13, atol=1e-13)
    assert not library.calls


def test_the_factor_comes_before_the_sums(library):
    """Of 16 bits, which 64 products of 40 and 40 overflow."""
    x = np.full((3, 128), 40, np.float16).view(OnDevice)[:, ::2]
    np.testing.assert_allclose(_cublas.matmul(x, x.mT, 0.125), np.full((3, 3), 64 * 1600 / 8), rtol=1e-3)
    assert not library.calls


def test_arrays_on_another_device_are_left_to_cupy(library, monkeypatch):
    monkeypatch.setattr(_kernels, "is_elsewhere", lambda x: True)
    _cublas.matmul(stack(4, 5), stack(5, 2))
    assert OnDevice.products == 1


def test_more_rows_than_cublas_counts_are_a_stack():
    of_matrices, of_rows = (2**17 * 8, 16, 8), (24, 8)
    for count, is_one in ((2**10, True), (2**16, False)):
        plan = _cublas._plan((count, 2**16, 2), of_matrices, (2, 3), of_rows, np.dtype(np.float64), 1.0)
        assert (plan.inner is None) is is_one


def test_shapes_that_do_not_fit_are_left_to_cupy_which_raises(library):
    for x, y in ((stack(3, 4, 5), stack(3, 4, 2)), (stack(4, 5), stack(4, 2)), (stack(3, 4, 5), stack(2, 5, 2))):
        with pytest.raises(ValueError, match=r"mismatch|broadcast"):
            _cublas.matmul(x, y)


def test_the_gradients_of_products_and_of_attention_go_the_same_way(library, monkeypatch):
    for module in (lean, _layers):
        monkeypatch.setattr(module, "device_arrays", {OnDevice})
    for shapes in (((3, 4, 5), (3, 5, 2)), ((4, 5), (5, 2))):
        library.calls.clear()
        x, y = (cg.Tensor(stack(*shape), requires_grad=True) for shape in shapes)
        z = x @ y
        z.backward(np.ones(z.shape).view(OnDevice))
        assert len(library.calls) == 3
        np.testing.assert_allclose(x.grad, np.ones(z.shape) @ y.data.mT)
        np.testing.assert_allclose(y.grad, x.data.mT @ np.ones(z.shape))
    library.calls.clear()
    q = cg.Tensor(HEADS.transpose(0, 2, 1, 3), requires_grad=True)
    z = nn.scaled_dot_product_attention(q, q, q)
    z.backward(np.ones(z.shape).view(OnDevice))
    assert len(library.calls) == 11  # the weights lie as they were made: two operands of theirs are one stack
    x = np.asarray(q.data)
    scores = x @ x.mT / 2
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    np.testing.assert_allclose(z.data, weights @ x)


@pytest.mark.parametrize(
    ("x", "grad", "calls"),
    [
        (stack(2, 3, 5), stack(2, 3, 4), 3),
        (stack(2, 3, 5), np.broadcast_to(stack(2, 1, 4), (2, 3, 4)).view(OnDevice), 3),
        (stack(2, 3, 10)[:, :, ::2], stack(2, 3, 4), 1),
        (stack(5), stack(4), 3),
        ((stack(2, 3, 5) * 1j).view(OnDevice), stack(2, 3, 4).astype(complex), 0),
    ],
    ids=["in one piece", "a stretched gradient", "gaps", "a vector", "complex"],
)
def test_rows_of_many_axes_are_one_product_of_matrices(x, grad, calls, library, monkeypatch):
    for module in (lean, _kernels):
        monkeypatch.setattr(module, "device_arrays", {OnDevice})
    w = stack(5, 4).astype(x.dtype)
    leaves = [cg.Tensor(data, requires_grad=True) for data in (x, w)]
    z = nn.linear(*leaves)
    z.backward(grad)
    assert library.plain == len(library.calls) == calls
    assert OnDevice.products == 3 - calls
    np.testing.assert_allclose(z.data, np.asarray(x) @ w, rtol=1e-12)
    np.testing.assert_allclose(leaves[0].grad, np.asarray(grad) @ w.conj().T, rtol=1e-12)
    rows, of_rows = np.asarray(x).reshape(-1, 5), np.asarray(grad).reshape(-1, 4)
    np.testing.assert_allclose(leaves[1].grad, rows.conj().T @ of_rows, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_products_with_an_adjoint(dtype, library, monkeypatch):
    monkeypatch.setattr(lean, "device_arrays", {OnDevice})
    x, y = ((stack(3, 4, 5) * (1 + 2j if dtype is np.complex128 else 1)).astype(dtype) for _ in range(2))
    np.testing.assert_allclose(lean.times_adjoint(x, y), x @ y.conj().mT)
    np.testing.assert_allclose(lean.adjoint_times(x, y), x.conj().mT @ y)
    assert len(library.calls) == (2 if dtype is np.float64 else 0)


def test_a_small_product_of_many_calls_is_left_to_cupy(library, monkeypatch):
    x, y = HEADS.transpose(0, 2, 1, 3), HEADS.transpose(0, 2, 3, 1)
    monkeypatch.setattr(_cublas, "_WORTH_A_CALL", x.nbytes // 2)
    for more, calls in ((0, 2), (1, 0)):
        monkeypatch.setattr(_cublas, "_WORTH_A_CALL", x.nbytes // 2 + more)
        _cublas._plan.cache_clear()
        library.calls.clear()
        np.testing.assert_allclose(_cublas.matmul(x, y), x @ y)
        assert len(library.calls) == calls
    _cublas.matmul(stack(3, 4, 5), stack(3, 5, 2))
    assert len(library.calls) == 1
    _cublas.matmul(x.astype(np.float16), y.astype(np.float16))
    assert len(library.calls) == 1 + 2, "16 bits, which CuPy has no fast way for"


def refuses(*arguments):
    """What CuPy does in a stream's capture where it would call cuBLAS."""
    raise NotImplementedError("calling cuBLAS API during stream capture is currently unsupported")


class Captured(OnDevice):
    """A matrix whose product CuPy refuses, as in a stream's capture."""

    __matmul__ = refuses


@pytest.mark.parametrize(
    ("x", "y", "calls"),
    [
        (stack(4, 5), stack(5, 2), 1),
        (stack(5, 4).T, stack(2, 5).T, 1),
        (stack(9, 8)[1:5, 2:7], stack(9, 8).T[3:8, :2], 1),
        (stack(4, 10)[:, ::2], stack(5, 2)[::-1], 1),
        (stack(1, 5), stack(5, 2), 1),
        (stack(4, 5), stack(5, 1), 1),
        (stack(1, 5), stack(5, 1), 1),
        (stack(3, 4, 5), stack(5, 2), 1),
        (stack(3, 4, 5), stack(3, 5, 2), 1),
        (HEADS.transpose(0, 2, 1, 3), HEADS.transpose(0, 2, 3, 1), 2),
        (stack(20, 3, 4, 5).transpose(1, 0, 2, 3)[:, :, None], stack(19, 5, 2), 57),
    ],
    ids=[
        "matrices",
        "transposed",
        "parts",
        "gaps",
        "row",
        "column",
        "number",
        "a matrix on the right",
        "stacks",
        "heads",
        "many calls",
    ],
)
def test_in_a_capture_nvmaths_binding_serves_if_there_is_one(x, y, calls, library, monkeypatch):
    monkeypatch.setattr(_cublas, "_of_cupy", lambda: _cublas.Binding(refuses, refuses, lambda: HANDLE))
    monkeypatch.setattr(_cublas, "_of_nvmath", lambda: None)
    monkeypatch.setattr(_cublas, "_WORTH_A_CALL", 2**23)
    a, b = x.view(Captured), y.view(Captured)
    with pytest.raises(NotImplementedError):
        _cublas.matmul(a, b)
    monkeypatch.setattr(_cublas, "_of_nvmath", lambda: binding(library))
    z = _cublas.matmul(a, b, 2.0)
    assert type(z) is Captured
    assert len(library.calls) == calls
    np.testing.assert_allclose(z.view(np.ndarray), 2 * (x @ y))


def test_in_a_capture_without_nvmath_cupy_is_asked(library, monkeypatch):
    """Of a row and a column it adds up the products itself, for which it needs no cuBLAS."""

    monkeypatch.setattr(_cublas, "_of_cupy", lambda: _cublas.Binding(refuses, refuses, lambda: HANDLE))
    monkeypatch.setattr(_cublas, "_of_nvmath", lambda: None)
    x, y = stack(1, 5), stack(5, 1)
    np.testing.assert_allclose(_cublas.matmul(x, y), np.asarray(x) @ y)
    assert OnDevice.products == 1
