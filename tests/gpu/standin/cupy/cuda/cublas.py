"""cupy.cuda.cublas: two functions, computed on the host (tests/host_cublas.py)."""

from __future__ import annotations

from typing import Any

from .. import _cuda
from .._tests import of_tests

__all__ = ["gemmEx", "gemmStridedBatchedEx"]


def gemmEx(*arguments: Any) -> None:
    _cuda.library_called("cuBLAS")
    of_tests("host_cublas").Cublas().gemm(*arguments)


def gemmStridedBatchedEx(*arguments: Any) -> None:
    _cuda.library_called("cuBLAS")
    of_tests("host_cublas").Cublas().gemm_strided_batched(*arguments)
