"""NumPy standing in for CuPy, so that tests/gpu runs, and does not rot, where there is no GPU.

It is no proof that anything works on a GPU. It does keep to what CuPy does that a program could trip over: CuPy's names, and the
parameters of its functions, as read from the real one (cupy_names.txt); arrays that refuse to mix with NumPy's; 0-d arrays where
NumPy has scalars; a current device (CLUMSYGRAD_GPU_STANDIN=2 for two of them); a memory pool that counts; and streams whose capture
refuses uploads, waiting, and the libraries that CuPy refuses to call there. Kernels in CUDA run on the host (_kernel.py).
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as _np

from . import _functions
from ._array import array as array
from ._array import asarray, ndarray
from ._array import ascontiguousarray as ascontiguousarray
from ._array import asnumpy as asnumpy
from ._cuda import is_available as is_available
from ._cuda import pool
from ._kernel import RawKernel as RawKernel

__version__ = "14.2.0"

asanyarray = asarray
abs, bool, max, min, round = (
    _functions.Function(name, getattr(_np, name), None) for name in ("abs", "bool", "max", "min", "round")
)
bool = _np.bool_
astype = _functions.Function("astype", _np.astype, ["x", "dtype", "copy"])

_functions.fill(globals(), "cupy", _np)


def get_default_memory_pool() -> Any:
    return pool


def get_array_module(*arrays: Any) -> Any:
    return importlib.import_module("cupy" if any(isinstance(x, ndarray) for x in arrays) else "numpy")


linalg = importlib.import_module("cupy.linalg")
fft = importlib.import_module("cupy.fft")
cuda = importlib.import_module("cupy.cuda")
lib = importlib.import_module("cupy.lib")

__all__ = [name for name in globals() if not name.startswith("_") and name not in ("importlib", "Any", "annotations", "pool")]
