"""Kernels that read and write elsewhere than they stand, for CuPy arrays: rows added at indices, patches of images, and their transpose.

As in _kernels.py, None stands for what no kernel serves.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from . import _kernels
from .xp import Array, array_namespace

__all__ = ["added_at", "patches", "patches_added"]

_PARTS = {"complex64": np.float32, "complex128": np.float64}


def added_at(rows: Array, where: Array, length: int, in_order: bool) -> Array | None:
    """Zeros (length, width), with each row of a matrix added at its index: in any order, or (slower) in that of the rows.

    A complex number is added as two real ones; 16 bits are summed in 32.
    """
    if not _kernels.is_cupys(rows) or not rows.size:
        return None
    xp = array_namespace(rows)
    rows = xp.ascontiguousarray(rows)
    real = rows.view(_PARTS.get(rows.dtype.name, rows.dtype))
    dtype = _kernels.served(real)
    if dtype is None:
        return None
    count, width = real.shape
    sums = xp.zeros((length, width), dtype=np.float64 if dtype == "FLOAT64" else np.float32)
    where = _kernels.contiguous_integers(where, rows)
    sizes = np.int64(count), np.int64(width)
    if in_order:
        where = where % length
        arguments = [real, where, _kernels.contiguous_integers(xp.argsort(where, stable=True), rows), sums, *sizes]
        _kernels.launch("scatter", "add_sorted_rows", dtype, *_kernels.for_each(real.size), arguments)
    else:
        _kernels.launch("scatter", "add_rows", dtype, *_kernels.for_each(real.size), [real, where, sums, *sizes, np.int64(length)])
    return xp.astype(sums, real.dtype, copy=False).view(rows.dtype)


# Patches of images; `window` is one of _windows.py -------------------------------------------------------------------------------------


def patches(x: Array, window: Any) -> Array | None:
    """What the window sees from each place of images (N, C, H, W), a row for each: (N x steps, rows x columns x C); 0 in the border.

    Images lie in one piece, or with their channels side by side.
    """
    if not _kernels.is_cupys(x):
        return None
    lying = x if x.flags.c_contiguous else x.transpose(0, 2, 3, 1)
    dtype = _kernels.served(lying)
    if dtype is None:
        return None
    rows = _kernels.empty((x.shape[0] * window.steps[0] * window.steps[1], window.area * x.shape[1]), x)
    steps = [np.int64(step // x.itemsize) for step in x.strides]
    arguments = [lying, rows, np.int64(rows.shape[0]), *_numbers(x.shape, window), *steps]
    _kernels.launch("scatter", "take_patches", dtype, *_kernels.for_rows(*rows.shape), arguments)
    return rows


def patches_added(rows: Array, window: Any, shape: tuple[int, ...]) -> Array | None:
    """Images of `shape` (N, C, H, W), their channels side by side in memory: each row of a matrix added where the window saw it."""
    dtype = _kernels.served(rows)
    if dtype is None:
        return None
    n, channels, *sides = shape
    images = _kernels.empty((n, *sides, channels), rows)
    arguments = [rows, images, np.int64(images.size), *_numbers(shape, window)]
    _kernels.launch("scatter", "add_patches", dtype, *_kernels.for_each(images.size), arguments)
    return images.transpose(0, 3, 1, 2)


@functools.lru_cache(1024)
def _numbers(shape: tuple[int, ...], window: Any) -> list[Any]:
    """What the kernels are told of images and of a window."""
    pairs = (window.size, window.steps, window.stride, window.padding, window.dilation)
    return [*map(np.int64, [*shape[1:], *[n for pair in pairs for n in pair]])]
