"""Kernels for CuPy arrays: other spellings of a few bodies that training leans on, each for contiguous arrays of one floating dtype.

A function here returns None where no kernel serves (arrays of another library, Tensors, other dtypes, gaps in memory), and its caller
goes on with the body that serves every library, whose values the kernel gives. The sources are in _cuda/. CuPy compiles each on first
use, for the dtype and the GPU at hand, and keeps it on disk; nothing here imports CuPy before a CuPy array is met. Hyper-parameters are
arguments: a change compiles nothing. The tests compile all of it for three GPUs with none at hand, and run it on the host.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import xp as _xp
from .xp import Array, array_namespace, device_arrays

__all__ = [
    "REALS",
    "address",
    "contiguous_integers",
    "cross_entropy",
    "cross_entropy_gradient",
    "empty",
    "for_each",
    "for_rows",
    "is_cupys",
    "is_elsewhere",
    "is_on_null_stream",
    "launch",
    "layer_norm",
    "layer_norm_gradient",
    "log_softmax",
    "log_softmax_gradient",
    "order_in_memory",
    "readable",
    "served",
    "softmax",
    "softmax_gradient",
    "sum_over",
]

_FOLDER = Path(__file__).parent / "_cuda"
# The name under which common.cuh knows a dtype.
_NAMES = {"float32": "FLOAT32", "float64": "FLOAT64", "float16": "FLOAT16", "bfloat16": "BFLOAT16"}
REALS = {"FLOAT16": np.float32, "BFLOAT16": np.float32, "FLOAT32": np.float32, "FLOAT64": np.float64}  # in which it computes there
_names: dict[Any, str | None] = {}
_INT64 = np.dtype("int64")

Size = tuple[int, int, int]


# Sources and launches -----------------------------------------------------------------------------------------------------------------


def source(file: str) -> str:
    """The text of a file of kernels, as it is compiled: after what all files share."""
    return "\n".join([(_FOLDER / name).read_text(encoding="utf-8") for name in ("common.cuh", f"{file}.cu")])


@functools.cache
def _compiled(file: str, name: str, dtype: str) -> Any:
    """A kernel, compiled for each GPU on its first launch there."""
    return _xp.optional("cupy").RawKernel(source(file), name, options=(f"-D{dtype}",))


def launch(file: str, name: str, dtype: str, grid: Size, block: Size, arguments: Sequence[Any]) -> None:
    """Run a kernel on the current device and stream. Arguments are arrays, None (no array), NumPy scalars, or a struct by value."""
    _compiled(file, name, dtype)(grid, block, tuple(arguments))


def served(x: Any, *others: Any) -> str | None:
    """The name of the dtype of arrays that a kernel can read on the current device (None stands for no array)."""
    if _xp.guard is not None and type(x) in device_arrays and is_elsewhere(x):
        return None
    return readable(x, *others)


def is_cupys(x: Array) -> bool:
    """Whether an array is one of those that kernels may read and write."""
    return type(x) in device_arrays


def is_elsewhere(x: Array) -> bool:
    """Whether a CuPy array is on another device than the current: operations and rules run on its own, plain calls where they are made."""
    return _xp.guard is not None and bool(x.device.id != _xp.optional("cupy").cuda.runtime.getDevice())


def is_on_null_stream() -> bool:
    """Whether the current stream is the one that is always there: what was made on it once is there for whatever runs on it later."""
    return bool(_current_stream()().ptr == 0)


@functools.cache
def _current_stream() -> Callable[[], Any]:
    found: Callable[[], Any] = _xp.optional("cupy").cuda.get_current_stream
    return found


def readable(x: Any, *others: Any) -> str | None:
    """The name of the dtype of contiguous arrays of CuPy, all of one dtype."""
    cls = type(x)
    if cls not in device_arrays or not x.size or not x.flags.c_contiguous:
        return None
    dtype = x.dtype
    for a in others:
        if a is not None and (type(a) is not cls or (a.dtype is not dtype and a.dtype != dtype) or not a.flags.c_contiguous):
            return None
    try:
        return _names[dtype]
    except KeyError:
        return _names.setdefault(dtype, _NAMES.get(dtype.name))


def empty(shape: tuple[int, ...], like: Array, dtype: Any = None) -> Array:
    """An array of CuPy's on the current device, of the dtype of `like` by default. (`cupy.empty_like` takes five times as long.)"""
    z: Array = type(like)(shape, like.dtype if dtype is None else dtype)
    return z


def address(x: Array) -> int:
    """Where in the device's memory an array begins."""
    return int(x.data.ptr)


@functools.lru_cache(1024)
def order_in_memory(strides: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes, those with the longest steps in memory first, and the order that takes that back."""
    order = tuple(sorted(range(len(strides)), key=lambda axis: -strides[axis]))
    return order, tuple([order.index(axis) for axis in range(len(order))])


@functools.lru_cache(1024)
def for_each(n: int) -> tuple[Size, Size]:
    """The grid and the blocks with a thread for each of n elements."""
    return (min(-(-n // 256), 2**31 - 1), 1, 1), (256, 1, 1)


@functools.lru_cache(1024)
def for_rows(rows: int, n: int) -> tuple[Size, Size]:
    """The grid and the blocks for rows of n elements: a warp for a short row, a block for a long one."""
    if n <= 1024:
        return (min(-(-rows // 8), 2**31 - 1), 1, 1), (32, 8, 1)
    return (min(rows, 2**31 - 1), 1, 1), (256 if n <= 8192 else 1024, 1, 1)


def _rows_of_last(x: Array, axis: int) -> tuple[int, int] | None:
    """The number and the length of the rows along `axis`, if that is the last and they are not empty."""
    if not x.shape or not x.shape[-1] or axis not in (-1, len(x.shape) - 1):
        return None
    n = int(x.shape[-1])
    return x.size // n, n


# Softmax and cross-entropy ------------------------------------------------------------------------------------------------------------


def softmax(x: Array, axis: int) -> Array | None:
    """exp(x) / Σ exp(x) along the last axis."""
    return _along_rows("softmax", axis, x)


def softmax_gradient(z: Array, grad: Array, axis: int) -> Array | None:
    """z ⊙ (z̄ − Σ z ⊙ z̄)."""
    return _along_rows("softmax_gradient", axis, z, grad)


def log_softmax(x: Array, axis: int) -> Array | None:
    """x − log Σ exp(x) along the last axis."""
    return _along_rows("log_softmax", axis, x)


def log_softmax_gradient(z: Array, grad: Array, axis: int) -> Array | None:
    """z̄ − exp(z) Σ z̄."""
    return _along_rows("log_softmax_gradient", axis, z, grad)


def _along_rows(name: str, axis: int, *arrays: Array) -> Array | None:
    dtype = served(*arrays)
    rows = _rows_of_last(arrays[0], axis) if dtype else None
    if dtype is None or rows is None or any(a.shape != arrays[0].shape for a in arrays):
        return None
    out = empty(arrays[0].shape, arrays[0])
    launch("rows", name, dtype, *for_rows(*rows), [*arrays, out, *map(np.int64, rows)])
    return out


def cross_entropy(logits: Array, labels: Array, axis: int) -> tuple[Array, Array] | None:
    """−log softmax(logits)[label] of each row, and log Σ exp(logits), of 16 bits in float32."""
    dtype = served(logits)
    rows = _rows_of_last(logits, axis) if dtype else None
    if dtype is None or rows is None:
        return None
    losses, sums = empty(labels.shape, logits), empty((*logits.shape[:-1], 1), logits, REALS[dtype])
    arguments = [logits, contiguous_integers(labels, logits), losses, sums, *map(np.int64, rows)]
    launch("rows", "cross_entropy", dtype, *for_rows(*rows), arguments)
    return losses, sums


def cross_entropy_gradient(logits: Array, labels: Array, sums: Array, grad: Array, axis: int, factor: float) -> Array | None:
    """(exp(logits − sums) − one-hot(label)) · z̄ · factor, z̄ one number, or one for each row."""
    dtype = served(logits, grad)
    rows = _rows_of_last(logits, axis) if dtype else None
    if dtype is None or rows is None:
        return None
    out = empty(logits.shape, logits)
    each = np.int64(grad.size > 1)
    arguments = [logits, contiguous_integers(labels, logits), sums, grad, out, *map(np.int64, rows), each, np.float64(factor)]
    launch("rows", "cross_entropy_gradient", dtype, *for_rows(*rows), arguments)
    return out


def contiguous_integers(x: Array, like: Array) -> Array:
    """An integer array as kernels read it, of the class of `like`: another library's would be taken for an address."""
    is_readable = type(x) is type(like) and x.dtype is _INT64 and x.flags.c_contiguous
    return x if is_readable else array_namespace(like).ascontiguousarray(x, dtype=_INT64)


# Sums ---------------------------------------------------------------------------------------------------------------------------------

_ONE = np.float64(1)
_LONG = 2**13  # rows of more elements CuPy sums faster, by several blocks to a row
_FEW_ROWS = 1024  # whose sum is one part; more, of stacks of matrices, are left to CuPy


def sum_over(x: Array, axis: Any, keepdims: bool, mean: bool = False) -> Array | None:
    """Σ x over `axis`, or the mean, if that is neighbouring axes: the first, or (but of no more than some thousand elements) others.

    Over the first axes CuPy itself reads each column by itself, ten times as slowly; of so few elements its sums take long to begin.
    x is in one piece, if its axes are put in order.
    """
    if type(x) not in device_arrays:
        return None
    order: tuple[int, ...] | None = None
    shape = x.shape
    if not x.flags.c_contiguous:
        order, _ = order_in_memory(x.strides)
        x = x.transpose(order)
    dtype = served(x)
    plan = _sum_plan(shape, axis, keepdims, order) if dtype is not None else None
    if dtype is None or plan is None:
        return None
    sums = empty(plan.shape, x)
    divisor = plan.count if mean else _ONE
    if not plan.parts:
        launch("rows", "sums_of_rows", dtype, *plan.threads, [x, sums, *plan.sizes, divisor])
        return sums
    of_parts = empty((plan.parts, int(plan.sizes[1])), x, REALS[dtype]) if plan.parts > 1 else None
    launch("rows", "sums_of_columns", dtype, *plan.threads, [x, of_parts, sums, *plan.sizes, divisor])
    return sums if of_parts is None else _sum_of_parts(of_parts, sums, dtype, divisor)


class SumPlan(NamedTuple):
    """The shape of a sum, the matrix (rows, columns) that it is of, how many elements each sum has, and the grid and the blocks.

    `parts` is of how many parts sums over the rows are made; 0 for sums along them. Where the grid is deep, matrices are stacked.
    """

    shape: tuple[int, ...]
    sizes: tuple[Any, Any]
    count: Any
    parts: int
    threads: tuple[Size, Size]


@functools.lru_cache(1024)
def _sum_plan(shape: tuple[int, ...], axis: Any, keepdims: bool, order: tuple[int, ...] | None) -> SumPlan | None:
    """None for a sum that no kernel serves. `order` is that of the axes in memory."""
    ndim = len(shape)
    given = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = {a % ndim for a in given if -ndim <= a < ndim}
    if not axes or len(axes) < len(given):
        return None
    result = tuple([1 if i in axes else n for i, n in enumerate(shape) if keepdims or i not in axes])
    lie = range(ndim) if order is None else order
    kept = [a for a in lie if a not in axes]
    at = [place for place, a in enumerate(lie) if a in axes]
    if kept != sorted(kept) or at[-1] - at[0] >= len(at):
        return None
    stacks, count, n = (math.prod([shape[a] for a in part]) for part in (lie[: at[0]], axes, lie[at[-1] + 1 :]))
    is_worth_it = n >= 8 or stacks * count * n <= 2**20  # of fewer columns most threads of a block have none
    if n == 1 and count <= _LONG:
        sizes, parts, threads = (stacks, count), 0, for_rows(stacks, count)
    elif (kept and at[0] == 0) or (n > 1 and (stacks == 1 or (count <= _FEW_ROWS and stacks < 2**16 and is_worth_it))):
        sizes = (count, n)
        parts, ((across, down, _), block) = _for_columns(count, n)
        threads = (across, down, stacks), block
    else:
        return None
    return SumPlan(result, (np.int64(sizes[0]), np.int64(sizes[1])), np.float64(count), parts, threads)


def _sum_of_parts(of_parts: Array, sums: Array, dtype: str, divisor: Any) -> Array:
    """The sum of a matrix's rows, divided, written into `sums`."""
    parts, n = of_parts.shape
    _, threads = _for_columns(parts, n)
    launch("rows", "sums_of_parts", dtype, *threads, [of_parts, sums, np.int64(parts), np.int64(n), divisor])
    return sums


@functools.lru_cache(1024)
def _for_columns(rows: int, n: int) -> tuple[int, tuple[Size, Size]]:
    """Of how many parts the rows of n columns are summed each by itself, and the grid and the blocks, 32 columns of a part to a block.

    Few rows are one part, which costs the host one launch; more are as many as give the whole GPU work.
    """
    parts = 1 if rows <= _FEW_ROWS else min(-(-rows // 128), 2048 // -(-n // 32), 256) or 1
    return parts, ((-(-n // 32), parts, 1), (32, 32 if parts == 1 and rows > 64 else 8, 1))


# Layer norm ---------------------------------------------------------------------------------------------------------------------------


def layer_norm(rows: Array, gain: Array | None, shift: Array | None, eps: float) -> tuple[Array, Array, Array] | None:
    """(x − mean) / σ · gain + shift of each row of a matrix; 1 / σ, σ = √(variance + eps), as a column; and the means, 1-d.

    Of 16 bits both are float32: the gradient would have lost digits with theirs.
    """
    dtype = served(rows, gain, shift)
    if dtype is None:
        return None
    count, n = rows.shape
    z = empty(rows.shape, rows)
    mean, inverse = (empty(shape, rows, REALS[dtype]) for shape in ((count,), (count, 1)))
    arguments = [rows, gain, shift, z, mean, inverse, np.int64(count), np.int64(n), np.float64(eps)]
    launch("rows", "layer_norm", dtype, *for_rows(count, n), arguments)
    return z, inverse, mean


def layer_norm_gradient(
    rows: Array, grad: Array, mean: Array, inverse: Array, gain: Array | None, need_x: bool, need_parameters: bool
) -> tuple[Array | None, Array | None, Array | None] | None:
    """(h − mean h − n · mean(h ⊙ n)) / σ, h = z̄ ⊙ gain, n = (x − mean) / σ;   Σ z̄ ⊙ n and Σ z̄ over the rows."""
    dtype = served(rows, grad, gain)
    if dtype is None:
        return None
    count, n = rows.shape
    sizes = np.int64(count), np.int64(n)
    of_x = of_gain = of_shift = None
    if need_x:
        of_x = empty(rows.shape, rows)
        arguments = [rows, grad, gain, mean, inverse, of_x, *sizes]
        launch("rows", "layer_norm_gradient", dtype, *for_rows(count, n), arguments)
    if need_parameters:
        parts, threads = _for_columns(count, n)
        of_gain, of_shift = (empty((n,), rows) for _ in range(2))
        gains, shifts = (empty((parts, n), rows, REALS[dtype]) if parts > 1 else None for _ in range(2))
        arguments = [rows, grad, mean, inverse, gains, shifts, of_gain, of_shift, *sizes]
        launch("rows", "layer_norm_columns", dtype, *threads, arguments)
        if gains is not None:
            for part, sums in ((gains, of_gain), (shifts, of_shift)):
                _sum_of_parts(part, sums, dtype, _ONE)
    return of_x, of_gain, of_shift
