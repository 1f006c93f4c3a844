"""Products of CuPy's matrices, and of stacks of them, by cuBLAS, which reads transposed, strided and broadcast operands where they lie.

`cupy.matmul` copies such operands where there are more than two axes, and has no fast way for 16 bits. Calls go through CuPy's own binding
of cuBLAS. While a stream is capturing CuPy refuses those: then they go through nvmath-python, NVIDIA's binding, where that is installed
(`pip install nvmath-python`).
"""

from __future__ import annotations

import functools
import math
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from . import _kernels
from . import xp as _xp
from .xp import Array, device_arrays

__all__ = ["matmul"]

# By the type of the sums: the factors of the product, and of what was there before.
_FACTORS: dict[Any, Any] = {width: np.asarray([1, 0], width) for width in (np.float32, np.float64)}
_MOST_CALLS = 16  # for one product of stacks whose axes no single stride steps through
_WORTH_A_CALL = 2**23  # bytes: to copy fewer takes less time than one call more
_LARGEST = 2**31 - 1

_handles = threading.local()


class Kind(NamedTuple):
    """How cuBLAS knows a dtype: cudaDataType, cublasComputeType, and where on the host the factors 1 and 0 lie."""

    number: int
    sums: int
    one: int
    zero: int


class Binding(NamedTuple):
    """A function of cuBLAS, and what makes the handle that it takes: of this thread, for the current device and stream."""

    gemm_strided_batched: Callable[..., Any]
    handle: Callable[[], int]


def matmul(x: Array, y: Array) -> Array | None:
    """x y of matrices or stacks of them, real and of one dtype; None where CuPy's own product serves as well, or has to."""
    if type(x) not in device_arrays or type(y) not in device_arrays:
        return None
    try:
        if x.ndim == 2 == y.ndim:  # of matrices CuPy copies only those with gaps, and begins as soon
            return x @ y
        return _of_stacks(x, y)
    except NotImplementedError:  # in a capture
        binding = _of_nvmath()
        if binding is None:
            raise
    return _of_stacks(x, y, binding)


def _of_stacks(x: Array, y: Array, binding: Binding | None = None) -> Array | None:
    """The same by a binding of cuBLAS; without one by CuPy's, or by CuPy's own product where that pays."""
    kind = _kind(x.dtype) if x.dtype is y.dtype and min(x.ndim, y.ndim) >= 2 else None
    if kind is None or _kernels.is_elsewhere(x) or x.shape[-1] != y.shape[-2] or not x.size or not y.size:
        return None
    if max(*x.shape, *y.shape) > _LARGEST:
        return None
    if y.ndim == 2 < x.ndim and x.flags.c_contiguous:  # one product of many rows
        rows = x.reshape(-1, x.shape[-1])
        z = rows @ y if binding is None else _of_stacks(rows, y, binding)
        return None if z is None else z.reshape(*x.shape[:-1], y.shape[-1])
    plan = _plan_of(x, y)
    if binding is None:
        if plan is None or not (plan.pays or x.itemsize == 2):  # CuPy's own stacks of 16 bits are slow, or fail
            return x @ y
        return _product(x, y, kind, plan, _of_cupy())
    if plan is None:
        x, y = x.copy("C"), y.copy("C")
        plan = _plan_of(x, y)
    return None if plan is None else _product(x, y, kind, plan, binding)


def _product(x: Array, y: Array, kind: Kind, plan: Plan, binding: Binding) -> Array:
    m, k, n = x.shape[-2], x.shape[-1], y.shape[-1]
    z = _kernels.empty((*plan.batch, m, n), x)
    (turned_x, ld_x), (turned_y, ld_y), (count, *steps) = plan.left, plan.right, plan.inner
    number, size = kind.number, x.itemsize
    at_x, at_y, at_z = (_kernels.address(array) for array in (x, y, z))
    handle = binding.handle()
    for from_x, from_y, from_z in _starts(plan.outer):
        # cuBLAS counts by columns: what lies in memory as z by rows is to it zᵀ = yᵀ xᵀ
        binding.gemm_strided_batched(
            handle, turned_y, turned_x, n, m, k, kind.one, at_y + from_y * size, number, ld_y, steps[1],
            at_x + from_x * size, number, ld_x, steps[0],
            kind.zero, at_z + from_z * m * n * size, number, n, steps[2] * m * n, count, kind.sums, _DEFAULT,
        )  # fmt: skip
    return z


# How a product is done ----------------------------------------------------------------------------------------------------------------

Shape = tuple[int, ...]
Axis = tuple[int, int, int, int]  # a length, and the steps in x, in y, and in the result


class Plan(NamedTuple):
    """How each operand is stored, the batch, its axes that are stepped through here, and by cuBLAS, and whether it pays, beside copies."""

    left: tuple[int, int]
    right: tuple[int, int]
    batch: Shape
    outer: list[Axis]
    inner: Axis
    pays: bool


def _plan_of(x: Array, y: Array) -> Plan | None:
    return _plan(x.shape, x.strides, y.shape, y.strides, x.itemsize)


@functools.lru_cache(1024)
def _plan(x: Shape, strides_of_x: Shape, y: Shape, strides_of_y: Shape, size: int) -> Plan | None:
    """None where a copy has to be made. Strides and the size of an element are in bytes."""
    steps_of_x, steps_of_y = ([step // size for step in strides] for strides in (strides_of_x, strides_of_y))
    left, right = _as_stored(*x[-2:], *steps_of_x[-2:]), _as_stored(*y[-2:], *steps_of_y[-2:])
    batch = np.broadcast_shapes(x[:-2], y[:-2])
    strides = _strides(x[:-2], steps_of_x, batch), _strides(y[:-2], steps_of_y, batch)
    outer, inner = _steps(batch, *strides)
    if left is None or right is None or min((*strides[0], *strides[1]), default=0) < 0 or inner[0] > _LARGEST:
        return None
    calls = math.prod([n for n, *_ in outer])
    pays = calls == 1 or max(math.prod(x), math.prod(y)) * size >= calls * _WORTH_A_CALL
    return Plan(left, right, batch, outer, inner, pays and calls <= _MOST_CALLS)


def _as_stored(rows: int, columns: int, down: int, across: int) -> tuple[int, int] | None:
    """How cuBLAS reads matrices to see them transposed: as they lie (0), or turned (1); and how far apart their rows lie, or, turned,
    their columns. None where neither rows nor columns are in one piece. `down` and `across` are the steps from row to row, and so on.
    """
    if max(down, across) > _LARGEST:
        return None
    if (across == 1 or columns == 1) and (down >= columns or rows == 1):
        return 0, max(down, columns) if rows > 1 else columns
    if (down == 1 or rows == 1) and (across >= rows or columns == 1):
        return 1, max(across, rows) if columns > 1 else rows
    return None


def _strides(stack: Shape, steps: list[int], batch: Shape) -> Shape:
    """Of each axis of the batch, how far apart the matrices of a stack are, in elements; 0 where it is broadcast."""
    own = [0 if n == 1 else step for n, step in zip(stack, steps[:-2], strict=True)]
    return tuple([0] * (len(batch) - len(stack)) + own)


def _steps(batch: Shape, x: Shape, y: Shape) -> tuple[list[Axis], Axis]:
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


# Dtypes and bindings ------------------------------------------------------------------------------------------------------------------

_DEFAULT = -1  # cublasGemmAlgo: cuBLAS chooses
_SINGLE, _SINGLE_BY_TF32, _DOUBLE = 68, 77, 70  # cublasComputeType: CUBLAS_COMPUTE_32F, _32F_FAST_TF32, _64F
_TYPES = {"float16": (2, np.float32), "bfloat16": (14, np.float32), "float32": (0, np.float32), "float64": (1, np.float64)}


@functools.cache
def _kind(dtype: Any) -> Kind | None:
    """None for a dtype that is left to CuPy. TF32 for products of float32 is allowed by CUPY_TF32=1, read once, as by CuPy itself."""
    if dtype.name not in _TYPES:
        return None
    number, width = _TYPES[dtype.name]
    factors = _FACTORS[width]
    sums = _DOUBLE if number == 1 else _SINGLE_BY_TF32 if number == 0 and os.environ.get("CUPY_TF32") == "1" else _SINGLE
    return Kind(number, sums, factors.ctypes.data, factors.ctypes.data + factors.itemsize)


@functools.cache
def _of_cupy() -> Binding:
    cuda = _xp.optional("cupy").cuda
    return Binding(cuda.cublas.gemmStridedBatchedEx, cuda.get_cublas_handle)


@functools.cache
def _of_nvmath() -> Binding | None:
    try:
        cublas = _xp.optional("nvmath.bindings.cublas")
    except ModuleNotFoundError:
        return None

    def handle() -> int:
        cuda = _xp.optional("cupy").cuda
        handles = _handles.__dict__
        device = str(cuda.runtime.getDevice())
        if device not in handles:
            handles[device] = cublas.create()
        cublas.set_stream(handles[device], cuda.get_current_stream().ptr)
        found: int = handles[device]
        return found

    return Binding(cublas.gemm_strided_batched_ex, handle)
