"""cuFFT by NumPy."""

from __future__ import annotations

import math
from ctypes import c_int, c_size_t
from typing import Any

import numpy as np

from cuda_on_host._libraries import entry, put
from cuda_on_host._memory import strided, vector
from cuda_on_host._runtime import STATE, new_handle, on_stream

_KINDS = {
    0x29: ("c8", "c8"),
    0x2A: ("f4", "c8"),
    0x2C: ("c8", "f4"),
    0x69: ("c16", "c16"),
    0x6A: ("f8", "c16"),
    0x6C: ("c16", "f8"),
}


class _Plan:
    stream: int | None = None

    def make(self, shape: list[int], layouts: tuple, kind: int, batch: int, size: int) -> None:
        self.shape, self.layouts, self.batch = shape, layouts, batch
        self.dtypes = [np.dtype(dtype) for dtype in _KINDS[kind]]
        put(size, c_size_t, 64)

    def _array(self, address: int, which: int) -> np.ndarray:
        embedded, stride, distance = self.layouts[which]
        halved = self.dtypes[1 - which].kind == "f"  # the other is real
        shape = self.shape[:-1] + [self.shape[-1] // 2 + 1] if halved else self.shape
        embedded = embedded or shape
        strides = [stride * math.prod(embedded[i + 1 :]) for i in range(len(shape))]
        return strided(address, [self.batch, *shape], [distance or math.prod(shape), *strides], self.dtypes[which])

    def run(self, source: int, to: int, direction: int = 0) -> None:
        x, y = self._array(source, 0), self._array(to, 1)
        axes = range(1, x.ndim)
        if x.dtype.kind == "f":
            y[...] = np.fft.rfftn(x, axes=axes)
        elif y.dtype.kind == "f":
            y[...] = np.fft.irfftn(x, s=self.shape, axes=axes, norm="forward")
        elif direction == -1:
            y[...] = np.fft.fftn(x, axes=axes)
        else:
            y[...] = np.fft.ifftn(x, axes=axes, norm="forward")


def _plan(handle: int) -> _Plan:
    return STATE.objects[handle]


def _make_many(handle: int, rank: int, n: int, *rest: Any) -> None:
    (into, step_in, distance_in, out, step_out, distance_out), (kind, batch, size) = rest[:6], rest[6:]
    shape, embedded_in, embedded_out = ([int(x) for x in vector(p, rank, "i4")] if p else None for p in (n, into, out))
    layouts = (embedded_in, step_in, distance_in), (embedded_out, step_out, distance_out)
    _plan(handle).make(shape, layouts, kind, batch, size)


def _run(handle: int, *arguments: int) -> None:
    on_stream(_plan(handle).stream, lambda: _plan(handle).run(*arguments))


def enter() -> None:
    """Let cuFFT's functions be these."""
    plain = (None, 1, 0), (None, 1, 0)
    entry("cufftCreate", "p", lambda p: put(p, c_int, new_handle(_Plan())))
    entry("cufftDestroy", "i", lambda plan: STATE.objects.pop(plan) and None)
    entry("cufftGetVersion", "p", lambda p: put(p, c_int, 12000))
    entry("cufftSetAutoAllocation", "ii", lambda plan, yes: None)
    entry("cufftSetWorkArea", "ip", lambda plan, area: None)
    entry("cufftSetStream", "ip", lambda plan, stream: setattr(_plan(plan), "stream", stream))
    entry("cufftMakePlan1d", "iiiip", lambda plan, n, kind, batch, size: _plan(plan).make([n], plain, kind, batch, size))
    entry("cufftMakePlanMany", "iippiipiiiip", _make_many)
    entry("cufftExecC2C cufftExecZ2Z", "ippi", _run)
    entry("cufftExecR2C cufftExecD2Z cufftExecC2R cufftExecZ2D", "ipp", _run)
