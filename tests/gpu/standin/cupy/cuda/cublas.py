"""cupy.cuda.cublas: a function, computed on the host (tests/host_cublas.py)."""

from __future__ import annotations

import functools
import importlib
import sys
from pathlib import Path
from typing import Any

from .. import _cuda

__all__ = ["gemmStridedBatchedEx"]

HANDLE = 7


def gemmStridedBatchedEx(*arguments: Any) -> None:
    _cuda.library_called("cuBLAS")
    _library().gemm_strided_batched(*arguments)


@functools.cache
def _library() -> Any:
    tests = str(Path(__file__).parents[4])
    if tests not in sys.path:
        sys.path.append(tests)
    return importlib.import_module("host_cublas").Cublas()
