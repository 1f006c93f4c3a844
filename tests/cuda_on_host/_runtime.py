"""The runtime and the driver of CUDA: memory, streams that do at once what they are told or keep it for a graph, modules of kernels."""

from __future__ import annotations

import ctypes
import itertools
import threading
import time
from collections.abc import Callable
from ctypes import c_float, c_int, c_size_t, c_uint, c_void_p
from typing import Any

from cuda_on_host._libraries import entry, put

MEMORY = 64 << 30
NO_MEMORY, IN_A_CAPTURE, BESIDE_A_CAPTURE = 2, 900, 906  # statuses
_MESSAGES = {
    0: "cudaSuccess",
    NO_MEMORY: "cudaErrorMemoryAllocation",
    IN_A_CAPTURE: "cudaErrorStreamCaptureUnsupported",
    BESIDE_A_CAPTURE: "cudaErrorStreamCaptureImplicit",
}
_ATTRIBUTES = {
    **{1: 1024, 2: 1024, 3: 1024, 4: 64, 5: 2**31 - 1, 6: 65535, 7: 65535, 8: 49152},  # threads of a block, blocks, shared memory
    **{9: 65536, 10: 32, 12: 65536, 16: 132, 39: 2048, 75: 9, 76: 0, 81: 233472, 97: 232448, 82: 65536},  # a warp, and an H200
}
_PROPERTIES = (  # of cudaDeviceProp: where, kind, value
    *((288, c_size_t, MEMORY), (296, c_size_t, 49152), (304, c_int, 65536), (308, c_int, 32), (320, c_int, 1024)),
    *((324, c_int, 1024), (328, c_int, 1024), (332, c_int, 64), (336, c_int, 2**31 - 1), (340, c_int, 65535)),
    *((344, c_int, 65535), (352, c_size_t, 65536), (360, c_int, 9), (364, c_int, 0), (384, c_int, 132)),
)


class _OfThread(threading.local):
    device = 0


class _Shared:
    devices = 1
    blocks: dict[int, tuple[int, int]] = {}  # noqa: RUF012 - address: (bytes, device)
    captures: dict[int, list[Callable[[], object]]] = {}  # noqa: RUF012 - by the stream
    objects: dict[int, Any] = {}  # noqa: RUF012 - behind handles


STATE, _THREAD = _Shared(), _OfThread()
_texts: dict[int, Any] = {}
_handles = itertools.count(8, 8)


def new_handle(what: Any) -> int:
    handle = next(_handles)
    STATE.objects[handle] = what
    return handle


def on_stream(stream: int | None, operation: Callable[[], object]) -> None:
    """Do it, or keep it for the graph that the stream is being captured into."""
    if (stream or 0) in STATE.captures:
        STATE.captures[stream or 0].append(operation)
    else:
        operation()


def text_of(status: int) -> int:
    """The address of what a status is called."""
    if status not in _texts:
        _texts[status] = ctypes.create_string_buffer(_MESSAGES.get(status, f"status {status} of CUDA on the host").encode())
    return ctypes.addressof(_texts[status])


def _unless_captured(f: Callable[..., Any], status: int = IN_A_CAPTURE) -> Callable[..., Any]:
    """What waits for the device, or runs on the stream that no other runs beside, is refused while any stream is being captured."""
    return lambda *arguments: status if STATE.captures else f(*arguments)


# Devices ------------------------------------------------------------------------------------------------------------------------------


def _set_device(device: int) -> int | None:
    if not 0 <= device < STATE.devices:
        return 101  # no such device
    _THREAD.device = device
    return None


def _properties(address: int, device: int) -> None:
    ctypes.memset(address, 0, 512)
    ctypes.memmove(address, b"CUDA on the host", 16)
    for offset, kind, value in _PROPERTIES:
        put(address + offset, kind, value)


# Memory ---------------------------------------------------------------------------------------------------------------------------------


def _used() -> int:
    return sum(size for size, device in STATE.blocks.values() if device == _THREAD.device)


def _allocate(address: int, size: int) -> int | None:
    if _used() + size > MEMORY:
        return NO_MEMORY
    block = (ctypes.c_char * (size + 512))()
    start = (ctypes.addressof(block) + 511) // 512 * 512
    ctypes.memset(start, 0xA5, size)  # what nobody wrote is no zero
    STATE.blocks[start] = size, _THREAD.device
    STATE.objects[start] = block
    put(address, c_void_p, start)
    return None


def _free(address: int | None) -> None:
    if address:
        del STATE.blocks[address], STATE.objects[address]


def _memory(free: int, total: int) -> None:
    put(free, c_size_t, MEMORY - _used())
    put(total, c_size_t, MEMORY)


def _host_memory(address: int, size: int, flags: int) -> None:
    block = (ctypes.c_char * max(size, 1))()
    STATE.objects[ctypes.addressof(block)] = block
    put(address, c_void_p, ctypes.addressof(block))


def _copy_on_stream(to: int, source: int, size: int, kind: int, stream: int | None) -> int | None:
    if STATE.captures and (stream or 0) not in STATE.captures and not stream:
        return BESIDE_A_CAPTURE
    on_stream(stream, lambda: ctypes.memmove(to, source, size))
    return None


def _pointer_attributes(attributes: int, pointer: int) -> None:
    ctypes.memset(attributes, 0, 24)
    for start, (size, device) in STATE.blocks.items():
        if start <= pointer < start + size:
            put(attributes, c_int, 2)
            put(attributes + 4, c_int, device)
            put(attributes + 8, c_void_p, pointer)
            return
    put(attributes + 4, c_int, -2)


# Streams and graphs ---------------------------------------------------------------------------------------------------------------------


def _new(address: int, *rest: Any) -> None:
    put(address, c_void_p, new_handle(None))


def _forget(handle: int) -> None:
    STATE.objects.pop(handle, None)


def _wait(stream: int | None) -> int | None:
    captured = (stream or 0) in STATE.captures or (STATE.captures and not stream)
    return IN_A_CAPTURE if captured else None


def _is_capturing(stream: int | None, address: int) -> int | None:
    if not stream and STATE.captures:
        return BESIDE_A_CAPTURE
    put(address, c_int, int((stream or 0) in STATE.captures))
    return None


def _launch_graph(graph: int, stream: int | None) -> None:
    for operation in STATE.objects[graph]:
        operation()


def _elapsed(address: int, first: int, second: int) -> None:
    put(address, c_float, 1e3 * (STATE.objects[second] - STATE.objects[first]))


# Kernels --------------------------------------------------------------------------------------------------------------------------------


class Kernel:
    """A kernel of a library that _compiler.py built."""

    def __init__(self, library: ctypes.CDLL, name: str) -> None:
        self.device = _THREAD.device  # where its module was loaded
        self._run = getattr(library, f"run_{name}")
        self._run.argtypes, self._run.restype = [c_void_p, c_void_p, c_void_p, c_uint], None
        sizes = (c_size_t * 64).in_dll(library, f"sizes_{name}")
        self._sizes = sizes[1 : 1 + sizes[0]]

    def run(self, grid: tuple[int, ...], block: tuple[int, ...], arguments: Any, shared: int) -> None:
        self._run((c_uint * 3)(*grid), (c_uint * 3)(*block), arguments, shared)

    def kept(self, arguments: int) -> Any:
        """A copy of arguments that are given by their addresses."""
        values = [
            ctypes.create_string_buffer(ctypes.string_at(c_void_p.from_address(arguments + 8 * i).value, size), size)
            for i, size in enumerate(self._sizes)
        ]
        addresses = (c_void_p * max(1, len(values)))(*map(ctypes.addressof, values))
        addresses.values = values
        return addresses


def _load(address: int, image: int) -> None:
    put(address, c_void_p, new_handle(ctypes.CDLL(ctypes.string_at(image).decode())))


def _find(address: int, module: int, name: bytes) -> int | None:
    try:
        put(address, c_void_p, new_handle(Kernel(STATE.objects[module], name.decode())))
    except (AttributeError, ValueError):
        return 500  # not found
    return None


def _launch(function: int, *rest: Any) -> int | None:
    grid, block, (shared, stream, arguments) = rest[:3], rest[3:6], rest[6:9]
    kernel = STATE.objects[function]
    fits = 0 < block[0] * block[1] * block[2] <= 1024 and 0 < grid[0] < 2**31 and all(0 < n < 2**16 for n in grid[1:])
    if not fits:
        return 1  # invalid value
    if kernel.device != _THREAD.device:
        return 400  # invalid handle
    if (stream or 0) in STATE.captures:
        arguments = kernel.kept(arguments)
    on_stream(stream, lambda: kernel.run(grid, block, arguments, shared))
    return None


def _block_size(grid: int, block: int, *rest: Any) -> None:
    put(grid, c_int, 132)
    put(block, c_int, 1024)


def enter() -> None:
    """Let CUDA's functions be these."""
    for names, kinds, f in (
        ("cudaRuntimeGetVersion cudaDriverGetVersion cuDriverGetVersion", "p", lambda p: put(p, c_int, 13000)),
        ("cudaGetDeviceCount", "p", lambda p: put(p, c_int, STATE.devices)),
        ("cudaGetDevice cuCtxGetDevice", "p", lambda p: put(p, c_int, _THREAD.device)),
        ("cudaSetDevice", "i", _set_device),
        ("cudaDeviceGetAttribute", "pii", lambda p, what, device: put(p, c_int, _ATTRIBUTES.get(what, 0))),
        ("cudaGetDeviceProperties cudaGetDeviceProperties_v2", "pi", _properties),
        ("cudaDeviceSynchronize", "", _unless_captured(lambda: None)),
        ("cudaDeviceCanAccessPeer", "pii", lambda p, *devices: put(p, c_int, 1)),
        ("cudaDeviceEnablePeerAccess", "iu", lambda *rest: None),
        ("cudaGetLastError cudaPeekAtLastError", "", lambda: 0),
        ("cuGetErrorName cuGetErrorString", "ip", lambda status, p: put(p, c_void_p, text_of(status))),
        ("cudaMalloc", "pz", _allocate),
        ("cudaMallocAsync", "pzp", lambda p, size, stream: _allocate(p, size)),
        ("cudaMallocManaged", "pzu", lambda p, size, flags: _allocate(p, size)),
        ("cudaFree", "p", _free),
        ("cudaFreeAsync", "pp", lambda address, stream: _free(address)),
        ("cudaHostAlloc", "pzu", _host_memory),
        ("cudaFreeHost", "p", _forget),
        ("cudaMemGetInfo", "pp", _memory),
        ("cudaMemcpy", "ppzi", _unless_captured(lambda to, a, size, kind: _copy_on_stream(to, a, size, kind, 0), BESIDE_A_CAPTURE)),
        ("cudaMemcpyAsync", "ppzip", _copy_on_stream),
        (
            "cudaMemcpyPeer",
            "pipiz",
            _unless_captured(lambda to, i, a, j, size: _copy_on_stream(to, a, size, 0, 0), BESIDE_A_CAPTURE),
        ),
        ("cudaMemcpyPeerAsync", "pipizp", lambda to, i, a, j, size, stream: _copy_on_stream(to, a, size, 0, stream)),
        ("cudaMemset", "piz", _unless_captured(lambda p, x, size: ctypes.memset(p, x, size) and None, BESIDE_A_CAPTURE)),
        ("cudaMemsetAsync", "pizp", lambda p, x, size, stream: on_stream(stream, lambda: ctypes.memset(p, x, size))),
        ("cudaPointerGetAttributes", "pp", _pointer_attributes),
        ("cudaStreamCreate cudaEventCreate", "p", _new),
        ("cudaStreamCreateWithFlags cudaEventCreateWithFlags", "pu", _new),
        ("cudaStreamCreateWithPriority", "pui", _new),
        ("cudaStreamDestroy cudaEventDestroy cudaGraphDestroy cudaGraphExecDestroy", "p", _forget),
        ("cudaStreamSynchronize cudaStreamQuery", "p", _wait),
        ("cudaStreamWaitEvent", "ppu", lambda *rest: None),
        ("cudaStreamBeginCapture", "pi", lambda stream, mode: STATE.captures.update({stream: []})),
        ("cudaStreamIsCapturing", "pp", _is_capturing),
        ("cudaStreamEndCapture", "pp", lambda stream, p: put(p, c_void_p, new_handle(STATE.captures.pop(stream)))),
        ("cudaGraphInstantiate", "ppl", lambda p, graph, flags: put(p, c_void_p, new_handle(STATE.objects[graph]))),
        ("cudaGraphUpload", "pp", lambda graph, stream: None),
        ("cudaGraphLaunch", "pp", _launch_graph),
        ("cudaEventRecord", "pp", lambda event, stream: STATE.objects.update({event: time.perf_counter()})),
        ("cudaEventSynchronize cudaEventQuery", "p", _unless_captured(lambda event: None)),
        ("cudaEventElapsedTime", "ppp", _elapsed),
        ("cuCtxGetCurrent", "p", lambda p: put(p, c_void_p, 1 + _THREAD.device)),
        ("cuCtxSetCurrent", "p", lambda context: None),
        ("cuStreamGetCtx", "pp", lambda stream, p: put(p, c_void_p, 1)),
        ("cuModuleLoadData", "pp", _load),
        ("cuModuleUnload", "p", _forget),
        ("cuModuleGetFunction", "pps", _find),
        ("cuFuncGetAttribute", "pip", lambda p, what, function: put(p, c_int, {0: 1024, 4: 32}.get(what, 0))),
        ("cuFuncSetAttribute", "pii", lambda *rest: None),
        ("cuOccupancyMaxPotentialBlockSize", "ppppzi", _block_size),
        ("cuOccupancyMaxActiveBlocksPerMultiprocessor", "ppiz", lambda p, *rest: put(p, c_int, 2)),
        ("cuLaunchKernel", "puuuuuuuppp", _launch),
        ("cuLaunchCooperativeKernel", "puuuuuuupp", _launch),
    ):
        entry(names, kinds, f)
    entry("cudaGetErrorName cudaGetErrorString", "i", text_of, c_void_p)
