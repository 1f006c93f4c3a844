"""`cupy.cuda.thrust`, CuPy's sorting, whose kernels are machine code."""

from __future__ import annotations

import math
import types
from collections.abc import Sequence
from typing import Any

import numpy as np

from cuda_on_host._memory import vector
from cuda_on_host._runtime import STATE


def _array(address: int, shape: Sequence[int], dtype: Any) -> np.ndarray:
    if STATE.captures:
        raise RuntimeError("thrust waits: cudaErrorStreamCaptureUnsupported")
    return vector(address, math.prod(shape), dtype).reshape(shape)


def sort(dtype: Any, data: int, keys: int, shape: Sequence[int]) -> None:
    x = _array(data, shape, dtype)
    x[...] = np.sort(x, axis=-1, kind="stable")


def argsort(dtype: Any, indices: int, data: int, keys: int, shape: Sequence[int]) -> None:
    x, order = _array(data, shape, dtype), _array(indices, shape, "i8")
    order[...] = np.argsort(x, axis=-1, kind="stable")
    x[...] = np.take_along_axis(x, order, -1)


def lexsort(dtype: Any, indices: int, keys: int, count: int, size: int) -> None:
    _array(indices, (size,), "i8")[...] = np.lexsort(_array(keys, (count, size), dtype))


def module() -> types.ModuleType:
    made = types.ModuleType("cupy.cuda.thrust", __doc__)
    made.__dict__.update(available=True, get_build_version=lambda: 300000, sort=sort, argsort=argsort, lexsort=lexsort)
    return made
