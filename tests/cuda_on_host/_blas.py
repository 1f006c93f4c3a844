"""cuBLAS by NumPy and LAPACK. Numbers that scale lie on the host or on the device, which is the same here."""

from __future__ import annotations

from ctypes import c_int, c_void_p
from typing import Any

import numpy as np
from scipy.linalg import get_lapack_funcs

from cuda_on_host._libraries import entry, put
from cuda_on_host._memory import BY_NUMBER, DTYPES, addresses, matrix, number, operand, vector

_scales = {64: "f2", 65: "f2", 68: "f4", 69: "f4", 74: "f4", 75: "f4", 77: "f4", 70: "f8", 71: "f8"}  # cublasComputeType
_kept = {"stream": 0, "pointer": 0, "math": 0}


def _gemm(ta: int, tb: int, m: int, n: int, k: int, scale: Any, a: tuple, b: tuple, beta: int, c: tuple) -> None:
    """c = alpha a b + beta c; the matrices as (address, leading dimension, dtype), `scale` as (address of alpha, dtype of the numbers)."""
    x = operand(matrix(a[0], *((k, m) if ta else (m, k)), *a[1:]), ta)
    y = operand(matrix(b[0], *((n, k) if tb else (k, n)), *b[1:]), tb)
    z = matrix(c[0], m, n, *c[1:])
    alpha, beta = number(*scale), number(beta, scale[1])
    wide = np.result_type(scale[1], "f4")
    product = alpha * (x.astype(wide) @ y.astype(wide))
    z[...] = product + beta * z.astype(wide) if beta else product  # by 0, c is not read


def _scale_of(compute: int, dtype: np.dtype) -> np.dtype:
    return np.result_type(_scales[compute], "c8") if dtype.kind == "c" else np.dtype(_scales[compute])


def _gemm_ex(h: int, ta: int, tb: int, m: int, n: int, k: int, alpha: int, a: int, at: int, lda: int, b: int, bt: int, ldb: int,
             beta: int, c: int, ct: int, ldc: int, compute: int, algorithm: int) -> None:  # fmt: skip
    x, y, z = (BY_NUMBER[kind] for kind in (at, bt, ct))
    _gemm(ta, tb, m, n, k, (alpha, _scale_of(compute, x)), (a, lda, x), (b, ldb, y), beta, (c, ldc, z))


def _gemm_strided_ex(h: int, ta: int, tb: int, m: int, n: int, k: int, alpha: int, a: int, at: int, lda: int, sa: int, b: int, bt: int,
                     ldb: int, sb: int, beta: int, c: int, ct: int, ldc: int, sc: int, count: int, compute: int,
                     algorithm: int) -> None:  # fmt: skip
    sizes = [s * BY_NUMBER[kind].itemsize for s, kind in ((sa, at), (sb, bt), (sc, ct))]
    for i in range(count):
        x, y, z = (start + i * size for start, size in zip((a, b, c), sizes, strict=True))
        _gemm_ex(h, ta, tb, m, n, k, alpha, x, at, lda, y, bt, ldb, beta, z, ct, ldc, compute, algorithm)


def _of_dtype(letter: str, dtype: np.dtype) -> None:
    def lapack(name: str) -> Any:
        return get_lapack_funcs(name, (np.zeros(1, dtype),))

    def gemm(h, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
        _gemm(ta, tb, m, n, k, (alpha, dtype), (a, lda, dtype), (b, ldb, dtype), beta, (c, ldc, dtype))

    def gemm_strided(h, ta, tb, m, n, k, alpha, a, lda, sa, b, ldb, sb, beta, c, ldc, sc, count):
        for i in range(count):
            x, y, z = (start + i * step * dtype.itemsize for start, step in ((a, sa), (b, sb), (c, sc)))
            gemm(h, ta, tb, m, n, k, alpha, x, lda, y, ldb, beta, z, ldc)

    def gemm_batched(h, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, count):
        for x, y, z in zip(*(addresses(p, count) for p in (a, b, c)), strict=True):
            gemm(h, ta, tb, m, n, k, alpha, x, lda, y, ldb, beta, z, ldc)

    def gemv(h, t, m, n, alpha, a, lda, x, step_x, beta, y, step_y):
        matrix_a, by = operand(matrix(a, m, n, lda, dtype), t), number(beta, dtype)
        result = vector(y, matrix_a.shape[0], dtype, step_y)
        product = number(alpha, dtype) * (matrix_a @ vector(x, matrix_a.shape[1], dtype, step_x))
        result[...] = product + by * result if by else product

    def dot(h, n, x, step_x, y, step_y, result, conjugate=False):
        first = vector(x, n, dtype, step_x)
        vector(result, 1, dtype)[0] = np.sum((first.conj() if conjugate else first) * vector(y, n, dtype, step_y))

    def geam(h, ta, tb, m, n, alpha, a, lda, beta, b, ldb, c, ldc):
        result, by = number(alpha, dtype) * operand(matrix(a, *((n, m) if ta else (m, n)), lda, dtype), ta), number(beta, dtype)
        matrix(c, m, n, ldc, dtype)[...] = (
            result + by * operand(matrix(b, *((n, m) if tb else (m, n)), ldb, dtype), tb) if by else result
        )

    def trsm(h, side, upper, t, unit, m, n, alpha, a, lda, b, ldb):
        size = n if side else m
        triangle = (np.triu if upper else np.tril)(matrix(a, size, size, lda, dtype))
        if unit:
            np.fill_diagonal(triangle, 1)
        x, right = operand(triangle, t), matrix(b, m, n, ldb, dtype)
        right[...] = number(alpha, dtype) * (np.linalg.solve(x.T, right.T).T if side else np.linalg.solve(x, right))

    def trsm_batched(h, side, upper, t, unit, m, n, alpha, a, lda, b, ldb, count):
        for x, y in zip(addresses(a, count), addresses(b, count), strict=True):
            trsm(h, side, upper, t, unit, m, n, alpha, x, lda, y, ldb)

    def getrf_batched(h, n, a, lda, pivots, info, count):
        for i, address in enumerate(addresses(a, count)):
            x = matrix(address, n, n, lda, dtype)
            x[...], order, status = lapack("getrf")(x)
            if pivots:
                vector(pivots + 4 * n * i, n, "i4")[...] = order + 1
            put(info + 4 * i, c_int, status)

    def pivots_of(pivots, n, i):
        return vector(pivots + 4 * n * i, n, "i4") - 1 if pivots else np.arange(n, dtype="i4")

    def getri_batched(h, n, a, lda, pivots, c, ldc, info, count):
        for i, (x, y) in enumerate(zip(addresses(a, count), addresses(c, count), strict=True)):
            factors = matrix(x, n, n, lda, dtype)
            singular = bool(np.any(np.diag(factors) == 0))
            matrix(y, n, n, ldc, dtype)[...] = np.nan if singular else lapack("getri")(factors, pivots_of(pivots, n, i))[0]
            put(info + 4 * i, c_int, int(singular))

    def getrs_batched(h, t, n, columns, a, lda, pivots, b, ldb, info, count):
        for i, (x, y) in enumerate(zip(addresses(a, count), addresses(b, count), strict=True)):
            right = matrix(y, n, columns, ldb, dtype)
            right[...] = lapack("getrs")(matrix(x, n, n, lda, dtype), pivots_of(pivots, n, i), right, trans=t)[0]
        put(info, c_int, 0)

    for name, kinds, f in (
        ("gemm_v2", "piiiiippipippi", gemm),
        ("gemmStridedBatched", "piiiiippilpilppili", gemm_strided),
        ("gemmBatched", "piiiiippipippii", gemm_batched),
        ("gemv_v2", "piiippipippi", gemv),
        ("geam", "piiiippippipi", geam),
        ("trsm_v2", "piiiiiippipi", trsm),
        ("trsmBatched", "piiiiiippipii", trsm_batched),
        ("getrfBatched", "pipippi", getrf_batched),
        ("getriBatched", "pipippipi", getri_batched),
        ("getrsBatched", "piiipippipi", getrs_batched),
        ("dotu_v2" if dtype.kind == "c" else "dot_v2", "pipipip", dot),
        ("dotc_v2", "pipipip", lambda *arguments: dot(*arguments, conjugate=True)),
    ):
        entry(f"cublas{letter}{name}", kinds, f)


def enter() -> None:
    """Let cuBLAS's functions be these."""
    entry("cublasCreate_v2", "p", lambda p: put(p, c_void_p, 1))
    entry("cublasDestroy_v2", "p", lambda handle: None)
    entry("cublasGetVersion_v2", "pp", lambda handle, p: put(p, c_int, 130000))
    entry("cublasSetStream_v2", "pp", lambda handle, stream: _kept.update(stream=stream or 0))
    entry("cublasGetStream_v2", "pp", lambda handle, p: put(p, c_void_p, _kept["stream"]))
    entry("cublasSetPointerMode_v2", "pi", lambda handle, mode: _kept.update(pointer=mode))
    entry("cublasGetPointerMode_v2", "pp", lambda handle, p: put(p, c_int, _kept["pointer"]))
    entry("cublasSetMathMode", "pi", lambda handle, mode: _kept.update(math=mode))
    entry("cublasGetMathMode", "pp", lambda handle, p: put(p, c_int, _kept["math"]))
    entry("cublasGemmEx", "piiiiippiipiippiiii", _gemm_ex)
    entry("cublasGemmStridedBatchedEx", "piiiiippiilpiilppiiliii", _gemm_strided_ex)
    for letter, dtype in DTYPES.items():
        _of_dtype(letter, dtype)
