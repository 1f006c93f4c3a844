"""Products of stacks of matrices through cuBLAS, which a function of the same arguments stands for: where each operand is said to lie."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace

import numpy as np
import pytest

import clumsygrad as cg
from clumsygrad import _cublas, _kernels, _layers, lean, nn

DTYPES = {0: np.float32, 1: np.float64, 2: np.float16}


class Library:
    """gemm_strided_batched_ex, over memory of the host. Its arguments are those of nvmath-python's binding and of cuBLAS itself."""

    GemmAlgo = SimpleNamespace(DEFAULT=-1)
    ComputeType = SimpleNamespace(COMPUTE_32F=68, COMPUTE_64F=70, COMPUTE_32F_FAST_TF32=77)

    def __init__(self):
        self.calls = []

    def gemm_strided_batched_ex(
        self, handle, transa, transb, m, n, k, alpha, a, atype, lda, stride_a, b, btype, ldb, stride_b,
        beta, c, ctype, ldc, stride_c, batch_count, compute_type, algo,
    ):  # fmt: skip
        assert handle == 7
        assert algo == -1
        assert atype == btype == ctype
        assert compute_type in ({1: (70,)}.get(ctype, (68, 77) if ctype == 0 else (68,)))
        assert lda >= (k if transa else m)
        assert ldb >= (n if transb else k)
        assert ldc >= m
        number = ctypes.c_double if ctype == 1 else ctypes.c_float
        assert number.from_address(alpha).value == 1
        assert number.from_address(beta).value == 0
        self.calls.append((batch_count, stride_a, stride_b, compute_type))
        dtype = DTYPES[ctype]
        left = self._matrices(a, dtype, (k, m) if transa else (m, k), lda, stride_a, batch_count)
        right = self._matrices(b, dtype, (n, k) if transb else (k, n), ldb, stride_b, batch_count)
        left = left.swapaxes(1, 2) if transa else left
        right = right.swapaxes(1, 2) if transb else right
        self._matrices(c, dtype, (m, n), ldc, stride_c, batch_count)[...] = left.astype(np.float64) @ right.astype(np.float64)

    @staticmethod
    def _matrices(address, dtype, shape, ld, stride, count):
        """Matrices that lie by columns, `ld` elements apart, each `stride` elements after the one before."""
        size = np.dtype(dtype).itemsize
        length = (count - 1) * stride + (shape[1] - 1) * ld + shape[0]
        memory = np.frombuffer((ctypes.c_char * (length * size)).from_address(address), dtype=dtype)
        return np.lib.stride_tricks.as_strided(memory, (count, *shape), (stride * size, size, ld * size))


@pytest.fixture
def library(monkeypatch):
    found = Library()
    monkeypatch.setattr(_cublas, "_binding", lambda: found)
    monkeypatch.setattr(_cublas, "_handle", lambda cublas: 7)
    monkeypatch.setattr(_cublas, "device_arrays", {np.ndarray})
    monkeypatch.setattr(_kernels, "address", lambda x: x.ctypes.data)
    return found


def stack(*shape, dtype=np.float64):
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(dtype)


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
}


@pytest.mark.parametrize("name", OPERANDS)
def test_products(name, library):
    x, y, calls = OPERANDS[name]
    z = _cublas.matmul(x, y)
    assert len(library.calls) == calls
    assert z.flags.c_contiguous
    np.testing.assert_allclose(z, x @ y, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_other_dtypes(dtype, library, monkeypatch):
    x, y = stack(3, 4, 5, dtype=dtype), stack(3, 2, 5, dtype=dtype).mT
    z = _cublas.matmul(x, y)
    assert z.dtype == dtype
    np.testing.assert_allclose(z, x.astype(np.float64) @ y.astype(np.float64), rtol=2e-3, atol=2e-3)
    monkeypatch.setenv("CUPY_TF32", "1")
    _cublas.matmul(x, y)
    assert [call[3] for call in library.calls] == [68, 77 if dtype == np.float32 else 68]


def test_a_matrix_on_the_right_is_one_product(library):
    x, y = stack(3, 4, 5), stack(5, 2)
    np.testing.assert_allclose(_cublas.matmul(x, y), x @ y)
    assert not library.calls


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (stack(3, 4), stack(4, 2)),
        (stack(3, 4, 5), stack(5)),
        (stack(3, 4, 5).astype(complex), stack(3, 5, 2).astype(complex)),
        (stack(3, 4, 5), stack(3, 5, 2).astype(np.float32)),
        (stack(3, 4, 10)[:, :, ::2], stack(3, 5, 2)),
        (stack(3, 4, 5)[:, ::-1], stack(3, 5, 2)),
        (stack(3, 4, 5)[::-1], stack(3, 5, 2)),
        (stack(0, 4, 5), stack(0, 5, 2)),
        (stack(20, 3, 4, 5).transpose(1, 0, 2, 3)[:, :, None], stack(19, 5, 2)),
    ],
    ids=["matrices", "vector", "complex", "two dtypes", "gaps", "rows backwards", "stack backwards", "nothing", "many calls"],
)
def test_what_is_left_to_cupy(x, y, library):
    assert _cublas.matmul(x, y) is None
    assert not library.calls


def test_shapes_that_do_not_fit_are_left_to_cupy_which_raises(library):
    with pytest.raises(ValueError, match="mismatch"):
        lean.matmul(stack(3, 4, 5), stack(3, 4, 2))


def test_the_gradients_of_products_and_of_attention_go_the_same_way(library, monkeypatch):
    """Not over NumPy, which has spellings of its own: the rules are told that these arrays are of another library."""
    for module in (lean, _layers):
        monkeypatch.setattr(module, "ndarray", type(None))
    x, y = cg.Tensor(stack(3, 4, 5), requires_grad=True), cg.Tensor(stack(3, 5, 2), requires_grad=True)
    (x @ y).backward(np.ones((3, 4, 2)))
    assert len(library.calls) == 3
    np.testing.assert_allclose(x.grad, np.ones((3, 4, 2)) @ y.data.mT)
    np.testing.assert_allclose(y.grad, x.data.mT @ np.ones((3, 4, 2)))
    q = cg.Tensor(HEADS.transpose(0, 2, 1, 3), requires_grad=True)
    z = nn.scaled_dot_product_attention(q, q, q)
    z.backward(np.ones(z.shape))
    assert len(library.calls) == 3 + 11  # the weights lie as they were made: two operands of theirs are one stack


def test_without_the_binding_or_cupy_nothing_is_done():
    assert _cublas.matmul(stack(3, 4, 5), stack(3, 5, 2)) is None
