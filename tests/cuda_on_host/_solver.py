"""cuSOLVER by LAPACK."""

from __future__ import annotations

from ctypes import c_int, c_size_t, c_void_p
from typing import Any

import numpy as np
from scipy.linalg import get_lapack_funcs

from cuda_on_host._libraries import entry, put
from cuda_on_host._memory import BY_NUMBER, DTYPES, REAL, addresses, matrix, vector

_INVALID = 3


def _eigh(vectors: int, upper: int, n: int, a: int, lda: int, w: int, dtype: np.dtype, real: np.dtype) -> None:
    x = matrix(a, n, n, lda, dtype)
    vector(w, n, real)[...], found = np.linalg.eigh(x, UPLO="U" if upper else "L")
    x[...] = found if vectors else np.nan


def _of_dtype(letter: str, dtype: np.dtype, real: np.dtype) -> None:
    def lapack(name: str) -> Any:
        return get_lapack_funcs(name, (np.zeros(1, dtype),))

    def potrf(h, upper, n, a, lda, work, size, info):
        x = matrix(a, n, n, lda, dtype)
        x[...], status = lapack("potrf")(x, lower=not upper, clean=0)
        put(info, c_int, status)

    def potrf_batched(h, upper, n, a, lda, info, count):
        for i, x in enumerate(addresses(a, count)):
            potrf(h, upper, n, x, lda, 0, 0, info + 4 * i)

    def potrs(h, upper, n, columns, a, lda, b, ldb, info):
        right = matrix(b, n, columns, ldb, dtype)
        right[...], status = lapack("potrs")(matrix(a, n, n, lda, dtype), right, lower=not upper)
        put(info, c_int, status)

    def potrs_batched(h, upper, n, columns, a, lda, b, ldb, info, count):
        for x, y in zip(addresses(a, count), addresses(b, count), strict=True):
            potrs(h, upper, n, columns, x, lda, y, ldb, info)

    def getrf(h, m, n, a, lda, work, pivots, info):
        x = matrix(a, m, n, lda, dtype)
        x[...], order, status = lapack("getrf")(x)
        if pivots:
            vector(pivots, len(order), "i4")[...] = order + 1
        put(info, c_int, status)

    def getrs(h, t, n, columns, a, lda, pivots, b, ldb, info):
        right = matrix(b, n, columns, ldb, dtype)
        right[...], status = lapack("getrs")(matrix(a, n, n, lda, dtype), vector(pivots, n, "i4") - 1, right, trans=t)
        put(info, c_int, status)

    def geqrf(h, m, n, a, lda, tau, work, size, info):
        x = matrix(a, m, n, lda, dtype)
        x[...], factors, _, status = lapack("geqrf")(x)
        vector(tau, len(factors), dtype)[...] = factors
        put(info, c_int, status)

    def orgqr(h, m, n, k, a, lda, tau, work, size, info):
        x = matrix(a, m, n, lda, dtype)
        x[...], _, status = lapack("ungqr" if dtype.kind == "c" else "orgqr")(x, vector(tau, k, dtype))
        put(info, c_int, status)

    def gesvd(h, job_u, job_v, m, n, a, lda, s, u, ldu, v, ldv, work, size, rwork, info):
        if m < n:
            return _INVALID  # as with cuSOLVER
        x, jobs = matrix(a, m, n, lda, dtype), chr(job_u) + chr(job_v)
        left, values, right = np.linalg.svd(x, full_matrices="A" in jobs)
        vector(s, n, real)[...] = values
        for job, found, address, leading in ((jobs[0], left, u, ldu), (jobs[1], right, v, ldv)):
            if job in "AS":
                matrix(address, *found.shape, leading, dtype)[...] = found
        x[...] = np.nan  # what is left there is nobody's
        if jobs[0] == "O":
            x[...] = left[:, :n]
        if jobs[1] == "O":
            x[:n] = right
        put(info, c_int, 0)

    def gesvdj(h, vectors, economic, m, n, a, lda, s, u, ldu, v, ldv, work, size, info, settings):
        left, values, right = np.linalg.svd(matrix(a, m, n, lda, dtype), full_matrices=not economic)
        vector(s, min(m, n), real)[...] = values
        if vectors:
            matrix(u, *left.shape, ldu, dtype)[...] = left
            matrix(v, *right.T.shape, ldv, dtype)[...] = right.conj().T
        put(info, c_int, 0)

    def gesvdj_batched(h, vectors, m, n, a, lda, s, u, ldu, v, ldv, work, work_size, info, settings, count):
        if max(m, n) > 32:
            return _INVALID
        for i in range(count):
            x, y, z = (
                start + i * leading * columns * dtype.itemsize
                for start, leading, columns in ((a, lda, n), (u, ldu, m), (v, ldv, n))
            )
            values = s + i * min(m, n) * real.itemsize
            gesvdj(h, vectors, False, m, n, x, lda, values, y, ldu, z, ldv, work, work_size, info + 4 * i, settings)

    def syevd(h, vectors, upper, n, a, lda, w, work, size, info):
        _eigh(vectors, upper, n, a, lda, w, dtype, real)
        put(info, c_int, 0)

    def syevj_batched(h, vectors, upper, n, a, lda, w, work, size, info, settings, count):
        for i in range(count):
            syevd(h, vectors, upper, n, a + i * lda * n * dtype.itemsize, lda, w + i * n * real.itemsize, work, size, info + 4 * i)

    complexes = dtype.kind == "c"
    orgqr_name, syev = ("ungqr", "heev") if complexes else ("orgqr", "syev")
    for name, kinds, f in (
        ("potrf", "piipipip", potrf),
        ("potrfBatched", "piipipi", potrf_batched),
        ("potrs", "piiipipip", potrs),
        ("potrsBatched", "piiipipipi", potrs_batched),
        ("getrf", "piipippp", getrf),
        ("getrs", "piiipippip", getrs),
        ("geqrf", "piipippip", geqrf),
        (orgqr_name, "piiipippip", orgqr),
        ("gesvd", "pbbiipippipipipp", gesvd),
        ("gesvdj", "piiiipippipipipp", gesvdj),
        ("gesvdjBatched", "piiipippipipippi", gesvdj_batched),
        (f"{syev}d", "piiipippip", syevd),
        (f"{syev}j", "piiipippipp", lambda *arguments: syevd(*arguments[:-1])),
        (f"{syev}jBatched", "piiipippippi", syevj_batched),
    ):
        entry(f"cusolverDn{letter}{name}", kinds, f)
    for name, kinds, which in (  # where the bytes of memory to work in are asked for
        *(
            ("potrf", "piipip", 5),
            ("getrf", "piipip", 5),
            ("geqrf", "piipip", 5),
            (orgqr_name, "piiipipp", 7),
            ("gesvd", "piip", 3),
        ),
        *(("gesvdj", "piiiipippipipp", 12), ("gesvdjBatched", "piiipippipippi", 11)),
        *((f"{syev}d", "piiipipp", 7), (f"{syev}j", "piiipippp", 7), (f"{syev}jBatched", "piiipipppi", 7)),
    ):
        entry(f"cusolverDn{letter}{name}_bufferSize", kinds, lambda *arguments, which=which: put(arguments[which], c_int, 8))


def _eigh_64(h, settings, vectors, upper, n, kind, a, lda, kind_w, w, compute, *rest):
    _eigh(vectors, upper, n, a, lda, w, BY_NUMBER[kind], BY_NUMBER[kind_w])
    put(rest[-1], c_int, 0)


def _eig_64(h, settings, left, right, n, kind, a, lda, kind_w, w, kind_l, l, ldl, kind_r, r, ldr, compute, *rest):  # noqa: E741
    values, vectors = np.linalg.eig(matrix(a, n, n, lda, BY_NUMBER[kind]))
    vector(w, n, BY_NUMBER[kind_w])[...] = values
    if right:
        found = matrix(r, n, n, ldr, BY_NUMBER[kind_r])
        found[...] = vectors if found.dtype.kind == "c" else vectors.real
        if found.dtype.kind != "c":  # of a pair the real part, then the imaginary one
            second = np.flatnonzero(values.imag < 0)
            found[:, second] = -vectors[:, second].imag
    put(rest[-1], c_int, 0)


def _work(*arguments: int) -> None:
    for address in arguments[-2:]:
        put(address, c_size_t, 8)


def enter() -> None:
    """Let cuSOLVER's functions be these."""
    begins = [f"cusolverDn{word}" for word in ("Create", "CreateParams", "CreateSyevjInfo", "CreateGesvdjInfo")]
    entry(" ".join(begins), "p", lambda p: put(p, c_void_p, 1))
    entry(" ".join(name.replace("Create", "Destroy") for name in begins), "p", lambda p: None)
    entry("cusolverDnSetStream", "pp", lambda handle, stream: None)
    entry("cusolverDnGetStream", "pp", lambda handle, p: put(p, c_void_p, 0))
    entry("cusolverGetProperty", "ip", lambda which, p: put(p, c_int, (12, 0, 0)[which]))
    entry("cusolverDnXsyevd_bufferSize", "ppiiliplipi" + "pp", _work)
    entry("cusolverDnXsyevd", "ppiiliplipi" + "pzpzp", _eigh_64)
    entry("cusolverDnXgeev_bufferSize", "ppiiliplipiplipli" + "pp", _work)
    entry("cusolverDnXgeev", "ppiiliplipiplipli" + "pzpzp", _eig_64)
    for letter, dtype in DTYPES.items():
        _of_dtype(letter, dtype, REAL[letter])
