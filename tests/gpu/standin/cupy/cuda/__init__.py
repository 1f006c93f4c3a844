"""cupy.cuda: see ../_cuda.py."""

from __future__ import annotations

from .._cuda import (
    Device,
    Event,
    Graph,
    MemoryHook,
    MemoryPool,
    Stream,
    get_current_stream,
    get_elapsed_time,
    is_available,
    runtime,
)
from .._tests import of_tests
from . import cublas

__all__ = [
    "Device",
    "Event",
    "Graph",
    "MemoryHook",
    "MemoryPool",
    "Stream",
    "cublas",
    "get_cublas_handle",
    "get_current_stream",
    "get_elapsed_time",
    "is_available",
    "runtime",
]


def get_cublas_handle() -> int:
    handle: int = of_tests("host_cublas").HANDLE
    return handle
