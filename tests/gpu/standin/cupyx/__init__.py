"""cupyx, as far as clumsygrad uses it."""

from __future__ import annotations

from typing import Any

import cupy


def scatter_add(a: cupy.ndarray, slices: Any, value: Any) -> None:
    cupy.add.at(a, slices, value)


def rsqrt(x: cupy.ndarray) -> cupy.ndarray:
    return 1 / cupy.sqrt(x)
