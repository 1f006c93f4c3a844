"""Devices, streams, events and the memory pool: what CuPy's are to a program, with everything done at once and on the host.

A stream in capture refuses what CUDA and CuPy refuse there (a value read on the host, an upload, a library that cannot be captured) and
keeps what was called, so that a launch of its graph computes everything again into the same arrays.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

_here = threading.local()
_ROUND = 512  # the pool hands out multiples of this


# Devices ----------------------------------------------------------------------------------------------------------------------


def device_count() -> int:
    return int(os.environ.get("CLUMSYGRAD_GPU_STANDIN", "1"))


def current_device_id() -> int:
    return getattr(_here, "devices", [0])[-1]


class Device:
    __hash__ = None  # as CuPy's

    def __init__(self, device: Any = None) -> None:
        number = current_device_id() if device is None else device.id if isinstance(device, Device) else int(device)
        if not 0 <= number < device_count():
            raise runtime.CUDARuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
        self.id = number

    def __enter__(self) -> Device:
        _here.devices = [*getattr(_here, "devices", [0]), self.id]
        return self

    def __exit__(self, *_: object) -> None:
        _here.devices = _here.devices[:-1]

    def use(self) -> None:
        _here.devices = [*getattr(_here, "devices", [0])[:-1], self.id]

    def synchronize(self) -> None:
        pass

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and other.id == self.id

    def __repr__(self) -> str:
        return f"<CUDA Device {self.id}>"


class runtime:
    """cupy.cuda.runtime, as far as it is asked here."""

    class CUDARuntimeError(RuntimeError):
        pass

    @staticmethod
    def getDeviceCount() -> int:
        return device_count()

    @staticmethod
    def getDevice() -> int:
        return current_device_id()

    @staticmethod
    def getDeviceProperties(number: int) -> dict[str, Any]:
        return {"name": b"no GPU: NumPy standing in for CuPy", "major": 9, "minor": 0, "multiProcessorCount": 1}

    @staticmethod
    def runtimeGetVersion() -> int:
        return 0

    @staticmethod
    def driverGetVersion() -> int:
        return 0


def is_available() -> bool:
    return True


# Streams and graphs -----------------------------------------------------------------------------------------------------------


class Stream:
    null: Stream

    def __init__(self, null: bool = False, non_blocking: bool = False, ptds: bool = False, priority: Any = None) -> None:
        self.ptr = 0 if null else id(self)
        self.calls: list[Callable[[], None]] | None = None  # what a capture keeps; None while nothing is captured
        self.invalid = False

    def __enter__(self) -> Stream:
        _here.streams = [*getattr(_here, "streams", [Stream.null]), self]
        return self

    def __exit__(self, *_: object) -> None:
        _here.streams = _here.streams[:-1]

    def use(self) -> Stream:
        _here.streams = [*getattr(_here, "streams", [Stream.null])[:-1], self]
        return self

    def synchronize(self) -> None:
        synchronized("Stream.synchronize")

    def record(self, event: Event | None = None) -> Event:
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        pass

    def is_capturing(self) -> bool:
        return self.calls is not None

    def begin_capture(self, mode: Any = None) -> None:
        if self.ptr == 0:
            raise RuntimeError("cannot capture on the default (legacy) stream")
        self.calls, self.invalid = [], False

    def end_capture(self) -> Graph:
        calls, self.calls = self.calls, None
        if self.invalid or calls is None:
            raise runtime.CUDARuntimeError("cudaErrorStreamCaptureInvalidated: operation failed due to a previous error")
        return Graph(calls)


Stream.null = Stream(null=True)


class Graph:
    def __init__(self, calls: list[Callable[[], None]]) -> None:
        self.calls = calls

    def launch(self, stream: Stream | None = None) -> None:
        for call in self.calls:
            call()


def get_current_stream() -> Stream:
    return getattr(_here, "streams", [Stream.null])[-1]


class HostRead(AssertionError):
    """A value was read back, or uploaded, where nothing may be."""


@contextlib.contextmanager
def unread() -> Iterator[None]:
    """Nothing may be read or uploaded inside. Unlike a capture, it lets NVIDIA's libraries, and thrust, be called."""
    _here.unread = True
    try:
        yield
    finally:
        _here.unread = False


def synchronized(what: str) -> None:
    """Say that `what` reads from the device, or copies from the host: refused inside `unread`, and in a capture."""
    if getattr(_here, "unread", False):
        raise HostRead(what)
    waited(what)


def waited(what: str) -> None:
    """Say that `what` waits for the device: refused while the current stream is in capture."""
    stream = get_current_stream()
    if stream.calls is not None:
        stream.invalid = True
        raise runtime.CUDARuntimeError(f"cudaErrorStreamCaptureUnsupported: {what} while the stream is capturing")


def library_called(name: str) -> None:
    """Say that a library of NVIDIA's computes, which CuPy refuses to call in a capture."""
    if get_current_stream().calls is not None:
        raise NotImplementedError(f"calling {name} API during stream capture is currently unsupported")


def kept(call: Callable[[], None]) -> None:
    """Keep a call for the launches of the graph that is in capture, if one is."""
    calls = get_current_stream().calls
    if calls is not None:
        calls.append(call)


class Event:
    def __init__(self, block: bool = False, disable_timing: bool = False) -> None:
        self.seconds = 0.0

    def record(self, stream: Stream | None = None) -> None:
        self.seconds = time.perf_counter()

    def synchronize(self) -> None:
        synchronized("Event.synchronize")


def get_elapsed_time(start: Event, end: Event) -> float:
    """In milliseconds."""
    return (end.seconds - start.seconds) * 1e3


# Memory -----------------------------------------------------------------------------------------------------------------------

_hooks: list[MemoryHook] = []


class MemoryHook:
    name = "MemoryHook"

    def __enter__(self) -> MemoryHook:
        _hooks.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _hooks.remove(self)

    def malloc_postprocess(self, **kwargs: Any) -> None:
        pass

    def free_postprocess(self, **kwargs: Any) -> None:
        pass


class MemoryPool:
    """It keeps what is freed, and hands it out again before it asks for more: only what is had from the device counts to the limit."""

    def __init__(self) -> None:
        self._used, self._free, self._limit = 0, 0, 0

    def _take(self, size: int) -> None:
        more = max(size - self._free, 0)
        if self._limit and self._used + self._free + more > self._limit:
            self.free_all_blocks()
            if self._used + size > self._limit:
                raise OutOfMemoryError(f"Out of memory allocating {size} bytes (allocated so far: {self._used} bytes)")
        self._free = max(self._free - size, 0)
        self._used += size

    def _give_back(self, size: int) -> None:
        self._used -= size
        self._free += size

    def get_limit(self) -> int:
        return self._limit

    def set_limit(self, size: int | None = None, fraction: float | None = None) -> None:
        self._limit = size or 0

    def used_bytes(self) -> int:
        return self._used

    def total_bytes(self) -> int:
        return self._used + self._free

    def free_bytes(self) -> int:
        return self._free

    def free_all_blocks(self, stream: Any = None) -> None:
        self._free = 0


pool = MemoryPool()


class OutOfMemoryError(MemoryError):
    """cupy.cuda.memory.OutOfMemoryError."""


class Block:
    """Memory of the pool; it goes back when the last array that lies in it is gone."""

    def __init__(self, size: int) -> None:
        self.size = 0  # until it is had
        rounded = -(-size // _ROUND) * _ROUND
        pool._take(rounded)
        self.size = rounded
        for hook in _hooks:
            hook.malloc_postprocess(
                device_id=current_device_id(), size=size, mem_size=self.size, mem_ptr=id(self), pmem_id=id(self)
            )

    def __del__(self) -> None:
        pool._give_back(self.size)
        for hook in _hooks:
            hook.free_postprocess(device_id=current_device_id(), mem_size=self.size, mem_ptr=id(self), pmem_id=id(self))
