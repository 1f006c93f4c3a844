"""Products of stacks of CuPy's matrices by cuBLAS, reading transposed, strided and broadcast operands where they lie.

`cupy.matmul` copies such operands where there are more than two axes, and has no fast way for 16 bits. This goes through nvmath-python,
NVIDIA's binding of cuBLAS, where that is installed (`pip install nvmath-python`); without it, CuPy's own product stays.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import _kernels
from . import xp as _xp
from .xp import Array, array_namespace, device_arrays

__all__ = ["matmul"]

# By dtype: the library's number of it (cudaDataType), the name of the type in which it is summed, and the factors 1 and 0 in that type.
_SINGLE, _DOUBLE = np.asarray([1, 0], np.float32), np.asarray([1, 0], np.float64)
_TYPES: dict[str, tuple[int, str, Any]] = {
    "float16": (2, "COMPUTE_32F", _SINGLE),
    "bfloat16": (14, "COMPUTE_32F", _SINGLE),
    "float32": (0, "COMPUTE_32F", _SINGLE),
    "float64": (1, "COMPUTE_64F", _DOUBLE),
}
_MOST_CALLS = 16  # for one product of stacks whose axes no single stride steps through; beyond, a copy is cheaper
_LARGEST = 2**31 - 1

_handles = threading.local()


def matmul(x: Array, y: Array) -> Array | None:
    """x y of stacks of matrices, real and of one dtype; None where CuPy's own product serves as well, or has to."""
    if type(x) not in device_arrays or type(y) not in device_arrays or x.dtype != y.dtype or (x.ndim <= 2 and y.ndim <= 2):
        return None
    if _kernels.is_elsewhere(x):
        return None
    types = _TYPES.get(x.dtype.name)
    cublas = _binding()
    if types is None or cublas is None or min(x.ndim, y.ndim) < 2 or x.shape[-1] != y.shape[-2] or not x.size or not y.size:
        return None
    if y.ndim == 2 and x.flags.c_contiguous:  # one product of many rows
        return (x.reshape(-1, x.shape[-1]) @ y).reshape(*x.shape[:-1], y.shape[-1])
    left, right = _as_stored(x), _as_stored(y)
    batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    strides = _strides(x, batch), _strides(y, batch)
    outer, inner = _steps(batch, *strides)
    calls = int(np.prod([n for n, *_ in outer]))
    if left is None or right is None or calls > _MOST_CALLS or min(*strides[0], *strides[1]) < 0:
        return None
    if max(*x.shape, *y.shape, left[1], right[1], *batch) > _LARGEST:
        return None
    m, k, n = x.shape[-2], x.shape[-1], y.shape[-1]
    z = array_namespace(x).empty((*batch, m, n), dtype=x.dtype)
    count, *steps = inner
    number, name, factors = types
    handle, sums = _handle(cublas), _compute_type(cublas, name, number)
    addresses = [_kernels.address(array) for array in (x, y, z)]
    for starts in _starts(outer):
        # cuBLAS counts by columns: what lies in memory as z by rows is to it zᵀ = yᵀ xᵀ
        to_x, to_y, to_z = (at + start * x.itemsize for at, start in zip(addresses, (*starts[:2], starts[2] * m * n), strict=True))
        cublas.gemm_strided_batched_ex(
            handle, right[0], left[0], n, m, k,
            factors.ctypes.data, to_y, number, right[1], steps[1], to_x, number, left[1], steps[0],
            factors.ctypes.data + factors.itemsize, to_z, number, n, steps[2] * m * n,
            count, sums, cublas.GemmAlgo.DEFAULT,
        )  # fmt: skip
    return z


def _as_stored(x: Array) -> tuple[int, int] | None:
    """How cuBLAS reads the matrices of a stack to see them transposed: as they lie (0), or turned (1); and how far apart their rows lie,
    or, turned, their columns. None where neither rows nor columns are in one piece.
    """
    rows, columns = x.shape[-2:]
    down, across = (step // x.itemsize for step in x.strides[-2:])
    if (across == 1 or columns == 1) and (down >= columns or rows == 1):
        return 0, max(down, columns) if rows > 1 else columns
    if (down == 1 or rows == 1) and (across >= rows or columns == 1):
        return 1, max(across, rows) if columns > 1 else rows
    return None


def _strides(x: Array, batch: tuple[int, ...]) -> tuple[int, ...]:
    """Of each axis of the batch, how far apart the matrices of a stack are, in elements; 0 where it is broadcast."""
    missing = len(batch) - (x.ndim - 2)
    own = [0 if n == 1 else int(step // x.itemsize) for n, step in zip(x.shape[:-2], x.strides[:-2], strict=True)]
    return tuple([0] * missing + own)


Axis = tuple[int, int, int, int]  # a length, and the steps in x, in y, and in the result


def _steps(batch: tuple[int, ...], x: tuple[int, ...], y: tuple[int, ...]) -> tuple[list[Axis], Axis]:
    """The axes of a batch, neighbours as one where one step serves both; the longest of them apart.

    Steps in the result are counted in matrices.
    """
    axes: list[Axis] = []
    size = 1
    for n, step_x, step_y in reversed(list(zip(batch, x, y, strict=True))):
        if n == 1:
            continue
        if axes and step_x == axes[-1][1] * axes[-1][0] and step_y == axes[-1][2] * axes[-1][0]:
            axes[-1] = (axes[-1][0] * n, *axes[-1][1:])
        else:
            axes.append((n, step_x, step_y, size))
        size *= n
    longest = max(axes, default=(1, 0, 0, 0))
    return [axis for axis in axes if axis is not longest], longest


def _starts(axes: list[Axis]) -> Iterator[tuple[int, int, int]]:
    """Where in x, y and the result each of the products begins that the axes count."""
    if not axes:
        yield 0, 0, 0
        return
    (count, *steps), *others = axes
    for starts in _starts(others):
        for i in range(count):
            yield starts[0] + i * steps[0], starts[1] + i * steps[1], starts[2] + i * steps[2]


@functools.cache
def _binding() -> Any:
    """nvmath-python's cuBLAS, or None where it is not installed."""
    try:
        return _xp.optional("nvmath.bindings.cublas")
    except ModuleNotFoundError:
        return None


def _handle(cublas: Any) -> int:
    """A handle of this thread for the current device, told the current stream."""
    cuda = _xp.optional("cupy").cuda
    handles = _handles.__dict__
    device = str(cuda.runtime.getDevice())
    if device not in handles:
        handles[device] = cublas.create()
    cublas.set_stream(handles[device], cuda.get_current_stream().ptr)
    handle: int = handles[device]
    return handle


def _compute_type(cublas: Any, name: str, number: int) -> int:
    """The type of the sums; TF32 products of float32 are allowed by CUPY_TF32=1, as in CuPy itself."""
    fast = number == 0 and os.environ.get("CUPY_TF32") == "1"
    kind: int = getattr(cublas.ComputeType, "COMPUTE_32F_FAST_TF32" if fast else name)
    return kind
