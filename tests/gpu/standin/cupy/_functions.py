"""CuPy's modules, name by name: those of cupy_names.txt that NumPy (or SciPy) has too, called on the stand-in's arrays."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from . import _cuda
from ._array import called, ndarray

# What NVIDIA's libraries compute, and CuPy refuses to call while a stream is in capture.
CUBLAS = frozenset({"matmul", "dot", "vdot", "inner", "tensordot", "einsum", "convolve", "correlate", "matrix_power"})
CUSOLVER = frozenset(
    {
        "cholesky",
        "cond",
        "det",
        "eig",
        "eigh",
        "eigvals",
        "eigvalsh",
        "inv",
        "lstsq",
        "matrix_rank",
        "pinv",
        "qr",
        "slogdet",
        "solve",
    }
) | {"svd", "tensorinv", "tensorsolve", "solve_triangular"}
# What thrust computes, which waits for the stream when it is done.
WAITING = frozenset(
    {"argpartition", "argsort", "lexsort", "median", "msort", "partition", "percentile", "quantile", "sort", "sort_complex"}
)
# What needs a number from the device.
READING = frozenset(
    {"argwhere", "bincount", "compress", "extract", "flatnonzero", "histogram", "in1d", "isin", "nonzero", "union1d", "unique"}
)

# What asks for dtypes and shapes only, on whatever device.
ASKING = frozenset({"can_cast", "iscomplexobj", "isrealobj", "ndim", "result_type", "shape", "size"})

_NAMES = re.compile(r"(\w+)(?:\(([\w,]*)\))?")


def _known() -> dict[str, dict[str, list[str] | None]]:
    """{module: {name: parameters, or None where they are unknown}}."""
    found: dict[str, dict[str, list[str] | None]] = {}
    for line in (Path(__file__).parent.parent / "cupy_names.txt").read_text().splitlines():
        if line.startswith("["):
            names = found[line.strip("[]")] = {}
        elif not line.startswith("#"):
            for name, parameters in ((m[1], m[2]) for m in _NAMES.finditer(line)):
                names[name] = parameters.split(",") if parameters else None
    return found


KNOWN = _known()


def fill(module: dict[str, Any], name: str, source: ModuleType) -> None:
    """Put the names that a module of CuPy's has into a module of the stand-in's, as `source` computes them."""
    for function, parameters in KNOWN[name].items():
        found = getattr(source, function, None)
        if function in module or found is None:
            continue
        if isinstance(found, type) or not callable(found):
            module[function] = found  # dtypes, constants, exceptions
        else:
            module[function] = Ufunc(found) if isinstance(found, np.ufunc) else Function(function, found, parameters)


class Function:
    """A function of NumPy's that takes and gives the stand-in's arrays, and only the parameters that CuPy's has."""

    def __init__(self, name: str, function: Callable[..., Any], parameters: list[str] | None) -> None:
        self.__name__ = self.__qualname__ = name
        self.__doc__ = function.__doc__
        self._function, self._parameters = function, parameters

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._parameters is not None:
            unknown = set(kwargs) - set(self._parameters)
            if unknown or len(args) > len(self._parameters):
                raise TypeError(f"cupy.{self.__name__} has no such parameters: {sorted(unknown) or len(args)}")
        _tell(self.__name__, args)
        return called(self._function, *args, across=self.__name__ in ASKING, **kwargs)


def _tell(name: str, args: tuple[Any, ...]) -> None:
    x = args[0] if args else None
    if name in CUBLAS and not (isinstance(x, ndarray) and x.dtype.kind in "biu"):
        _cuda.library_called("cuBLAS")
    elif name in CUSOLVER:
        _cuda.library_called("cuSOLVER")
    elif name in WAITING:
        _cuda.waited(f"cupy.{name}")
    elif name in READING or (name == "where" and len(args) == 1) or (name == "repeat" and isinstance(args[1], ndarray)):
        _cuda.synchronized(f"cupy.{name}")


class Ufunc:
    def __init__(self, ufunc: np.ufunc) -> None:
        self.__name__ = self.__qualname__ = ufunc.__name__
        self.nin, self.nout = ufunc.nin, ufunc.nout
        self._ufunc = ufunc

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        _tell(self.__name__, args)
        return called(self._ufunc, *args, **kwargs)

    def at(self, x: ndarray, key: Any, value: Any) -> None:
        if not isinstance(value, ndarray):
            _cuda.synchronized("the value of an addition at an array, uploaded,")
        if x.dtype.kind not in "iuf" or x.dtype.itemsize < (2 if x.dtype.kind == "f" else 4):
            raise TypeError(
                f"cupy.{self.__name__}.at only supports int32, int64, float16, float32, float64, uint32, uint64 as data type"
            )
        called(self._ufunc.at, x, key, value)

    def reduce(self, *args: Any, **kwargs: Any) -> Any:
        return called(self._ufunc.reduce, *args, **kwargs)

    def accumulate(self, *args: Any, **kwargs: Any) -> Any:
        return called(self._ufunc.accumulate, *args, **kwargs)

    def outer(self, *args: Any, **kwargs: Any) -> Any:
        return called(self._ufunc.outer, *args, **kwargs)


def _method(name: str) -> Callable[..., Any]:
    def method(self: ndarray, *args: Any, **kwargs: Any) -> Any:
        _tell(name, (self, *args))
        return called(getattr(np.ndarray, name), self, *args, **kwargs)

    method.__name__ = name
    return method


for _name in KNOWN["cupy.ndarray"]:
    if not hasattr(ndarray, _name) and callable(getattr(np.ndarray, _name, None)):
        setattr(ndarray, _name, _method(_name))
