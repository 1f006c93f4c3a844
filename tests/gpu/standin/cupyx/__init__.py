"""cupyx, as far as clumsygrad uses it."""

from __future__ import annotations

import warnings
from typing import Any

import cupy


def scatter_add(a: cupy.ndarray, slices: Any, value: Any) -> None:
    warnings.warn("`ndarray.scatter_add` is deprecated. Please use `cupy.add.at` instead.", DeprecationWarning, stacklevel=2)
    cupy.add.at(a, slices, value)


def rsqrt(x: cupy.ndarray) -> cupy.ndarray:
    return 1 / cupy.sqrt(x)
