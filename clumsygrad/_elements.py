"""Kernels of each element by itself, for CuPy arrays; as in _kernels.py, None stands for what no kernel serves.

They read and write four numbers at once. CuPy's own elementwise functions take one to a thread, and move half of what the memory can.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import _kernels, _philox
from .xp import Array

__all__ = [
    "add",
    "added",
    "axes_exchanged",
    "binary_cross_entropy",
    "dropout",
    "gelu",
    "gelu_gradient",
    "multiply",
    "relu",
    "relu_gradient",
    "squared_errors",
    "subtract",
]

# Sums, differences, products ------------------------------------------------------------------------------------------------------------

_LARGE = 2**18  # elements; of fewer CuPy's own functions take as long
_WORTH_A_LAUNCH = 2**20  # bytes; to copy fewer takes less time than the one launch more that the body needs


def add(x: Array, y: Array) -> Array | None:
    """x + y of large arrays of one shape, or of one that is a single number stretched to it."""
    return _combined("add", x, y)


def subtract(x: Array, y: Array) -> Array | None:
    """x − y of such."""
    return _combined("subtract", x, y)


def multiply(x: Array, y: Array) -> Array | None:
    """x · y of such."""
    return _combined("multiply", x, y)


def _combined(name: str, x: Array, y: Array) -> Array | None:
    if type(x) is not type(y) or not _kernels.is_cupys(x) or (x.size < _LARGE and y.size < _LARGE):
        return None
    if x.size == y.size and any(x.strides) and any(y.strides):
        return _of_elements(name, [x, y], np.int64(0))
    whole, single, which = (x, y, 2) if any(x.strides) else (y, x, 1)
    dtype = _kernels.served(whole)
    if dtype is None or single.dtype != whole.dtype or any(single.strides) or single.shape not in ((), whole.shape):
        return None
    z = _kernels.empty(whole.shape, whole)
    _launch(name, dtype, z.size, [x, y, z], np.int64(which))
    return z


def added(x: Array, y: Array) -> bool:
    """Whether y was added in the memory of x: a row to each of many, along the last axis, or to a large array another of its shape."""
    if not _kernels.is_cupys(x) or type(y) is not type(x):
        return False
    if len(y.shape) == 1 < len(x.shape) and x.shape[-1:] == y.shape:
        return _row_added(x, y)
    dtype = _kernels.served(x, y) if x.size >= _LARGE and x.shape == y.shape else None
    if dtype is None:
        return False
    _launch("add", dtype, x.size, [x, y, x], np.int64(0))
    return True


def _row_added(x: Array, row: Array) -> bool:
    dtype = _kernels.served(x, row)
    if dtype is None:
        return False
    threads, sizes = _over_rows(x.size // row.size, row.size)
    _kernels.launch("elements", "add_row", dtype, *threads, [x, row, *sizes])
    return True


@functools.lru_cache(1024)
def _over_rows(rows: int, n: int) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """The grid and the blocks for rows of n elements, with threads for four columns each; and the kernel's sizes."""
    columns = min(-(-n // 4), 64)
    grid = (min(-(-n // (4 * columns)), 2**16), min(-(-rows // 16), 2**14), 1)
    return (grid, (columns, 256 // columns, 1)), (np.int64(rows), np.int64(n))


# Functions of an element --------------------------------------------------------------------------------------------------------------


def gelu(x: Array, scale: float, cubic: float) -> Array | None:
    """x (1 + tanh u) / 2, u = x (scale + cubic x²)."""
    return _of_elements("gelu", [x], np.float64(scale), np.float64(cubic))


def gelu_gradient(x: Array, grad: Array, scale: float, cubic: float) -> Array | None:
    """z̄ (Φ + 2 x Φ (1 − Φ) u′), Φ = (1 + tanh u) / 2."""
    return _of_elements("gelu_gradient", [x, grad], np.float64(scale), np.float64(cubic), copying=True)


def relu(x: Array) -> Array | None:
    """The larger of x and 0."""
    return _of_elements("relu", [x])


def relu_gradient(z: Array, grad: Array) -> Array | None:
    """z̄ where z > 0, else 0."""
    return _of_elements("relu_gradient", [z, grad], copying=True)


def _of_elements(name: str, arrays: Sequence[Array], *numbers: Any, copying: bool = False) -> Array | None:
    """Told to copy, it puts the others in the order of the first where they are small: a gradient is often one that is stretched."""
    x = arrays[0]
    if not _kernels.is_cupys(x):
        return None
    shape = x.shape
    for a in arrays[1:]:
        if type(a) is not type(x) or a.shape != shape:
            return None
    if not x.flags.c_contiguous:  # images whose channels lie side by side: with the axes in the order in which they lie
        order, back = _kernels.order_in_memory(x.strides)
        turned = [a.transpose(order) for a in arrays]
        found = _of_elements(name, turned, *numbers, copying=copying) if turned[0].flags.c_contiguous else None
        return None if found is None else found.transpose(back)
    dtype = _kernels.served(*arrays)
    if dtype is None and copying and x.nbytes <= _WORTH_A_LAUNCH and _kernels.served(x) is not None:
        arrays = [a if a.flags.c_contiguous else a.copy("C") for a in arrays]
        dtype = _kernels.served(*arrays)
    if dtype is None:
        return None
    out = _kernels.empty(shape, x)
    _launch(name, dtype, x.size, [*arrays, out], *numbers)
    return out


def _launch(name: str, dtype: str, n: int, arrays: list[Array], *numbers: Any) -> None:
    """Run a kernel over n elements, with a thread for each four."""
    _kernels.launch("elements", name, dtype, *_kernels.for_each(-(-n // 4)), [*arrays, np.int64(n), *numbers])


# Axes ----------------------------------------------------------------------------------------------------------------------------------

_MOST = 4  # arrays to a launch
_WORTH_COPYING = 2**23  # bytes; of larger arrays a product reads the parts where they lie (_cublas.py)


def axes_exchanged(arrays: Sequence[Array], sizes: tuple[int, int, int], shape: tuple[int, ...]) -> list[Array] | None:
    """Of up to four small arrays of one shape, seen as (..., a, b, n), copies with the axes a and b exchanged, in `shape`: one launch."""
    first = arrays[0]
    if not _kernels.is_cupys(first) or len(arrays) > _MOST or first.nbytes > _WORTH_COPYING:
        return None
    dtype = _kernels.served(*arrays)
    if dtype is None or any(x.shape != first.shape for x in arrays):
        return None
    copies = [_kernels.empty(shape, first) for _ in arrays]
    left_out = [None] * (_MOST - len(arrays))
    (blocks, _, _), threads = _kernels.for_each(first.size)
    arguments = [*arrays, *left_out, *copies, *left_out, np.int64(first.size), *map(np.int64, sizes)]
    _kernels.launch("elements", "axes_exchanged", dtype, (blocks, len(arrays), 1), threads, arguments)
    return copies


# Losses, dropout ------------------------------------------------------------------------------------------------------------------------


def binary_cross_entropy(x: Array, labels: Array) -> tuple[Array, Array] | None:
    """Each loss, and its slope; of 16 bits both are float32, so that a share of them does not run under."""
    dtype = _kernels.served(x, labels) if getattr(labels, "shape", None) == x.shape else None
    if dtype is None:
        return None
    losses, slope = (_kernels.empty(x.shape, x, _kernels.REALS[dtype]) for _ in range(2))
    _kernels.launch(
        "elements", "binary_cross_entropy", dtype, *_kernels.for_each(x.size), [x, labels, losses, slope, np.int64(x.size)]
    )
    return losses, slope


def squared_errors(x: Array, y: Array, factor: float, is_kept: bool) -> tuple[Array, Array | None] | None:
    """(x − y)², and, if it is to be kept, factor (x − y); of 16 bits both are float32."""
    dtype = _kernels.served(x, y) if x.shape == y.shape else None
    if dtype is None:
        return None
    losses = _kernels.empty(x.shape, x, _kernels.REALS[dtype])
    slope = _kernels.empty(x.shape, x, _kernels.REALS[dtype]) if is_kept else None
    arguments = [x, y, losses, slope, np.int64(x.size), np.float64(factor)]
    _kernels.launch("elements", "squared_error", dtype, *_kernels.for_each(x.size), arguments)
    return losses, slope


def dropout(x: Array, p: float, seed: int | Array, step: int | Array) -> Array | None:
    """x / (1 − p) where `_philox.keep_mask` is true, else 0. `seed` and `step` that are arrays are not served."""
    dtype = _kernels.served(x)
    if dtype is None or type(seed) is not int or type(step) is not int:
        return None
    out = _kernels.empty(x.shape, x)
    words = [*_philox.words_of(seed), *_philox.words_of(step), _philox.least_kept(p)]
    _launch("dropout", dtype, x.size, [x, out], *map(np.uint32, words), np.float64(1 / (1 - p)))
    return out
