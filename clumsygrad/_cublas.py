"""Products of CuPy's matrices, and of stacks of them, by cuBLAS, which reads transposed, strided and broadcast operands where they lie.

`cupy.matmul` copies such operands where there are more than two axes, has no fast way for 16 bits, and takes the host half as long again to
begin. Calls go through CuPy's own binding of cuBLAS. While a stream is capturing CuPy refuses those: then they go through nvmath-python,
NVIDIA's binding, where that is installed (`pip install nvmath-python`).
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
from .xp import Array

__all__ = ["adjoint_times", "matmul", "times_adjoint"]

_MOST_CALLS = 16  # for one product of stacks whose axes no single stride steps through
_WORTH_A_CALL = 2**23  # bytes: to copy fewer takes less time than one call more
_LARGEST = 2**31 - 1

_handles = threading.local()


class Binding(NamedTuple):
    """Two functions of cuBLAS, and what makes the handle that they take: of this thread, for the current device and stream."""

    gemm: Callable[..., Any]
    gemm_strided_batched: Callable[..., Any]
    handle: Callable[[], int]


def matmul(x: Array, y: Array, factor: float = 1.0) -> Array:
    """factor · x y, of matrices, vectors or stacks of matrices, x CuPy's; by CuPy's own product what this module does not serve."""
    plan = _plan_of(x, y, factor)
    try:
        return _by_cupy(x, y, factor) if plan is None or not plan.pays else _product(x, y, plan, _of_cupy())
    except NotImplementedError:  # in a capture
        z = _by_nvmath(x, y, factor)
        return _by_cupy(x, y, factor) if z is None else z  # which needs no cuBLAS for a row and a column, and else refuses


def times_adjoint(x: Array, y: Array) -> Array:
    """x yᴴ, of matrices or stacks of them, x CuPy's."""
    return matmul(x, (y.conj() if y.dtype.kind == "c" else y).mT)


def adjoint_times(x: Array, y: Array) -> Array:
    """xᴴ y, of matrices or stacks of them, x CuPy's."""
    return matmul((x.conj() if x.dtype.kind == "c" else x).mT, y)


def _by_cupy(x: Array, y: Array, factor: float) -> Array:
    z = _of_copies(x, y, factor, _of_cupy()) if x.dtype.kind == "V" else None  # bfloat16, of which CuPy multiplies no stacks
    if z is not None:
        return z
    return x @ y if factor == 1 else (x * factor) @ y


def _by_nvmath(x: Array, y: Array, factor: float) -> Array | None:
    """By nvmath's binding, if there is one, and of copies where it has to be; None for what cuBLAS does not do."""
    binding = _of_nvmath()
    if binding is None:
        return None
    plan = _plan_of(x, y, factor)
    return _of_copies(x, y, factor, binding) if plan is None else _product(x, y, plan, binding)


def _of_copies(x: Array, y: Array, factor: float, binding: Binding) -> Array | None:
    """By cuBLAS, of copies of what it cannot read where it lies; None for what it does not do."""
    x, y = x.copy("C"), y.copy("C")
    plan = _plan_of(x, y, factor)
    return None if plan is None else _product(x, y, plan, binding)


def _product(x: Array, y: Array, plan: Plan, binding: Binding) -> Array:
    shape, (m, n, k), number, sums, (alpha, beta, _), (turned_x, ld_x), (turned_y, ld_y), inner, outer, _ = plan
    z = _kernels.empty(shape, x)
    at_x, at_y, at_z, handle = x.data.ptr, y.data.ptr, z.data.ptr, binding.handle()
    # cuBLAS counts by columns: what lies in memory as z by rows is to it zᵀ = yᵀ xᵀ
    if inner is None:
        binding.gemm(
            handle, turned_y, turned_x, n, m, k, alpha, at_y, number, ld_y, at_x, number, ld_x, beta, at_z, number, n, sums, _DEFAULT,
        )  # fmt: skip
        return z
    count, *steps = inner
    size = x.itemsize
    for from_x, from_y, from_z in _starts(outer):
        binding.gemm_strided_batched(
            handle, turned_y, turned_x, n, m, k, alpha, at_y + from_y * size, number, ld_y, steps[1],
            at_x + from_x * size, number, ld_x, steps[0],
            beta, at_z + from_z * m * n * size, number, n, steps[2] * m * n, count, sums, _DEFAULT,
        )  # fmt: skip
    return z


# How a product is done ----------------------------------------------------------------------------------------------------------------

Shape = tuple[int, ...]
Axis = tuple[int, int, int, int]  # a length, and the steps in x, in y, and in the result


class Plan(NamedTuple):
    """How a product is asked for, and whether that pays, beside copies.

    The shape of the result; the sizes (m, n, k) of its matrices and of the sums; cudaDataType and cublasComputeType; where on the host
    the factors lie, of the product and of what was there before, and the array that holds them; how each operand is stored; the axis of
    stacks that cuBLAS steps through, None for one product of matrices; and those that are stepped through here.
    """

    shape: Shape
    sizes: tuple[int, int, int]
    number: int
    sums: int
    factors: tuple[int, int, Any]
    left: tuple[int, int]
    right: tuple[int, int]
    inner: Axis | None
    outer: list[Axis]
    pays: bool


def _plan_of(x: Array, y: Array, factor: float) -> Plan | None:
    """None where a copy has to be made, and for what is no product of real matrices of one dtype on the current device."""
    if type(y) is not type(x) or y.dtype is not x.dtype or _kernels.is_elsewhere(x):
        return None
    return _plan(x.shape, x.strides, y.shape, y.strides, x.dtype, factor)


@functools.lru_cache(1024)
def _plan(x: Shape, strides_of_x: Shape, y: Shape, strides_of_y: Shape, dtype: Any, factor: float) -> Plan | None:
    """Of operands of these shapes, and strides in bytes."""
    kind = _kind(dtype)
    if kind is None or min(len(x), len(y)) < 2 or x[-1] != y[-2] or 0 in x or 0 in y or max(*x, *y) > _LARGEST:
        return None
    size = dtype.itemsize
    steps_of_x, steps_of_y = ([step // size for step in strides] for strides in (strides_of_x, strides_of_y))
    batch = np.broadcast_shapes(x[:-2], y[:-2])
    shape = (*batch, x[-2], y[-1])
    if len(y) == 2 < len(x) and _is_in_order(x, steps_of_x) and math.prod(x[:-1]) <= _LARGEST:  # one product of many rows
        x, steps_of_x, batch = (math.prod(x[:-1]), x[-1]), [x[-1], 1], ()
    left, right = _as_stored(*x[-2:], *steps_of_x[-2:]), _as_stored(*y[-2:], *steps_of_y[-2:])
    strides = _strides(x[:-2], steps_of_x, batch), _strides(y[:-2], steps_of_y, batch)
    outer, inner = _steps(batch, *strides)
    if left is None or right is None or min((*strides[0], *strides[1]), default=0) < 0 or inner[0] > _LARGEST:
        return None
    calls = math.prod([n for n, *_ in outer])
    pays = calls == 1 or (calls <= _MOST_CALLS and max(math.prod(x), math.prod(y)) * size >= calls * _WORTH_A_CALL)
    number, sums, width = kind
    factors = np.asarray([factor, 0], width)
    return Plan(
        shape,
        (x[-2], y[-1], x[-1]),
        number,
        sums,
        (factors.ctypes.data, factors.ctypes.data + factors.itemsize, factors),
        left,
        right,
        None if inner[0] == 1 == calls else inner,
        outer,
        pays or size == 2,  # CuPy's own stacks of 16 bits are slow, or fail
    )


def _is_in_order(shape: Shape, steps: list[int]) -> bool:
    """Whether the elements lie one after the other. `steps` are in elements."""
    expected = 1
    for n, step in zip(reversed(shape), reversed(steps), strict=True):
        if n > 1 and step != expected:
            return False
        expected *= n
    return True


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
def _kind(dtype: Any) -> tuple[int, int, Any] | None:
    """cudaDataType, cublasComputeType, and the dtype of the factors; None for a dtype that is left to CuPy.

    TF32 for products of float32 is allowed by CUPY_TF32=1, read once, as by CuPy itself.
    """
    if dtype.name not in _TYPES:
        return None
    number, width = _TYPES[dtype.name]
    sums = _DOUBLE if number == 1 else _SINGLE_BY_TF32 if number == 0 and int(os.environ.get("CUPY_TF32", "0")) > 0 else _SINGLE
    return number, sums, width


@functools.cache
def _of_cupy() -> Binding:
    cuda = _xp.optional("cupy").cuda
    return Binding(cuda.cublas.gemmEx, cuda.cublas.gemmStridedBatchedEx, cuda.get_cublas_handle)


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

    return Binding(cublas.gemm_ex, cublas.gemm_strided_batched_ex, handle)
