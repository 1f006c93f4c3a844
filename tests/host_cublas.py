"""Two functions of cuBLAS over memory of the host, with the arguments of CuPy's binding, of nvmath-python's, and of cuBLAS itself."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

DTYPES = {0: np.float32, 1: np.float64, 2: np.float16}
HANDLE = 7


class Cublas:
    """It computes what cuBLAS would, and remembers how often and with what it was called."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int, int, int]] = []  # how many products, the steps between operands, the type of the sums
        self.plain = 0  # how many of the calls were for one product

    def gemm(
        self, handle, transa, transb, m, n, k, alpha, a, atype, lda, b, btype, ldb, beta, c, ctype, ldc, compute_type, algo,
    ):  # fmt: skip
        self.plain += 1
        self.gemm_strided_batched(
            handle, transa, transb, m, n, k, alpha, a, atype, lda, 0, b, btype, ldb, 0, beta, c, ctype, ldc, 0, 1, compute_type, algo,
        )  # fmt: skip

    def gemm_strided_batched(
        self, handle, transa, transb, m, n, k, alpha, a, atype, lda, stride_a, b, btype, ldb, stride_b,
        beta, c, ctype, ldc, stride_c, batch_count, compute_type, algo,
    ):  # fmt: skip
        assert handle == HANDLE
        assert algo == -1
        assert atype == btype == ctype
        assert compute_type in ({1: (70,)}.get(ctype, (68, 77) if ctype == 0 else (68,)))
        assert lda >= (k if transa else m)
        assert ldb >= (n if transb else k)
        assert ldc >= m
        number: Any = ctypes.c_double if ctype == 1 else ctypes.c_float
        factor = number.from_address(alpha).value
        assert number.from_address(beta).value == 0
        self.calls.append((batch_count, stride_a, stride_b, compute_type))
        dtype = DTYPES[ctype]
        left = self._matrices(a, dtype, (k, m) if transa else (m, k), lda, stride_a, batch_count)
        right = self._matrices(b, dtype, (n, k) if transb else (k, n), ldb, stride_b, batch_count)
        left = left.swapaxes(1, 2) if transa else left
        right = right.swapaxes(1, 2) if transb else right
        self._matrices(c, dtype, (m, n), ldc, stride_c, batch_count)[...] = factor * (
            left.astype(np.float64) @ right.astype(np.float64)
        )

    @staticmethod
    def _matrices(address: int, dtype: Any, shape: tuple[int, int], ld: int, stride: int, count: int) -> np.ndarray:
        """Matrices that lie by columns, `ld` elements apart, each `stride` elements after the one before."""
        size = np.dtype(dtype).itemsize
        length = (count - 1) * stride + (shape[1] - 1) * ld + shape[0]
        memory = np.frombuffer((ctypes.c_char * (length * size)).from_address(address), dtype=dtype)
        return np.lib.stride_tricks.as_strided(memory, (count, *shape), (stride * size, size, ld * size))
