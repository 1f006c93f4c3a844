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

__all__ = [
    "Device",
    "Event",
    "Graph",
    "MemoryHook",
    "MemoryPool",
    "Stream",
    "get_current_stream",
    "get_elapsed_time",
    "is_available",
    "runtime",
]
