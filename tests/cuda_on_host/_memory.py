"""NumPy's views of what addresses point to."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

REAL = {"S": np.dtype("f4"), "D": np.dtype("f8"), "C": np.dtype("f4"), "Z": np.dtype("f8")}
DTYPES = {"S": np.dtype("f4"), "D": np.dtype("f8"), "C": np.dtype("c8"), "Z": np.dtype("c16")}
BY_NUMBER = {0: np.dtype("f4"), 1: np.dtype("f8"), 2: np.dtype("f2"), 4: np.dtype("c8"), 5: np.dtype("c16")}  # cudaDataType
with contextlib.suppress(ModuleNotFoundError):  # whoever has no such package has no arrays of bfloat16
    BY_NUMBER[14] = np.dtype(importlib.import_module("ml_dtypes").bfloat16)


def strided(address: int, shape: Sequence[int], strides: Sequence[int], dtype: Any) -> np.ndarray:
    """An array whose strides count elements."""
    dtype = np.dtype(dtype)
    if 0 in shape:
        return np.zeros(shape, dtype)
    count = sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) + 1
    raw = np.frombuffer((ctypes.c_char * (count * dtype.itemsize)).from_address(address), dtype)
    return np.lib.stride_tricks.as_strided(raw, shape, [s * dtype.itemsize for s in strides])


def matrix(address: int, rows: int, columns: int, leading: int, dtype: Any) -> np.ndarray:
    """A matrix as BLAS has it, column by column."""
    assert leading >= max(rows, 1), f"a leading dimension of {leading} for {rows} rows"
    return strided(address, (rows, columns), (1, leading), dtype)


def vector(address: int, count: int, dtype: Any, step: int = 1) -> np.ndarray:
    return strided(address, (count,), (step,), dtype)


def number(address: int, dtype: Any) -> Any:
    return vector(address, 1, dtype)[0]


def addresses(address: int, count: int) -> list[int]:
    return [int(x) for x in vector(address, count, "i8")]


def operand(a: np.ndarray, operation: int) -> np.ndarray:
    """The matrix, its transpose or its adjoint: operations 0, 1, 2."""
    return (a, a.T, a.conj().T)[operation]
