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
CUBLAS = frozenset({"matmul", "dot", "vdot", "inner", "tensordot", "einsum", "correlate", "matrix_power"})  # convolve is by cuFFT
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
# What needs a number from the device: `pinv` too, which drops singular values by a mask.
READING = frozenset(
    {"pinv"}
    | {"argwhere", "bincount", "compress", "extract", "flatnonzero", "histogram", "in1d", "isin", "nonzero", "union1d", "unique"}
)

# What joins arrays.
JOINING = frozenset({"concat", "concatenate", "hstack", "stack", "vstack"})

# What asks for dtypes and shapes only, on whatever device.
ASKING = frozenset({"can_cast", "iscomplexobj", "isrealobj", "ndim", "result_type", "shape", "size"})

_NAMES = re.compile(r"(\w+)(?:\(([\w,]*)\))?")
_LOOPS = re.compile(r"((?:\w+\s+)*\w+):((?:\s+\S+->\S+)+)")

Loop = tuple[list[np.dtype], list[np.dtype]]  # the dtypes that go in, and those that come out


def _sections() -> dict[str, str]:
    """What cupy_names.txt holds, by headings."""
    text = (Path(__file__).parent.parent / "cupy_names.txt").read_text()
    parts = re.split(r"^\[(.*)\]$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _known(section: str) -> dict[str, list[str] | None]:
    """{name: parameters, or None where they are unknown} of a module."""
    return {m[1]: m[2].split(",") if m[2] else None for m in _NAMES.finditer(section)}


def _loops(section: str) -> dict[str, list[Loop]]:
    """{name: loops} of a module's ufuncs."""
    found = {}
    for names, types in ((m[1], m[2]) for m in _LOOPS.finditer(section)):
        loops = [tuple([np.dtype(c) for c in part] for part in loop.split("->")) for loop in types.split()]
        found.update(dict.fromkeys(names.split(), loops))
    return found


_FOUND = _sections()
KNOWN = {heading: _known(section) for heading, section in _FOUND.items() if not heading.startswith("loops of ")}
LOOPS = {
    heading.removeprefix("loops of "): _loops(section) for heading, section in _FOUND.items() if heading.startswith("loops of ")
}


def fill(module: dict[str, Any], name: str, source: ModuleType) -> None:
    """Put the names that a module of CuPy's has into a module of the stand-in's, as `source` computes them."""
    for function, parameters in KNOWN[name].items():
        found = getattr(source, function, None)
        if function in module or found is None:
            continue
        if isinstance(found, type) or not callable(found):
            module[function] = found  # dtypes, constants, exceptions
        else:
            module[function] = Ufunc(function, found) if isinstance(found, np.ufunc) else Function(function, found, parameters)


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
    if name in WAITING:
        _cuda.waited(f"cupy.{name}")
    elif name in READING or (name == "where" and len(args) == 1) or (name == "repeat" and isinstance(args[1], ndarray)):
        _cuda.synchronized(f"cupy.{name}")
    elif name in JOINING and _by_addresses(args[0]):
        _cuda.synchronized("the addresses of more than 8 small arrays that are joined, uploaded,")
    elif name == "full" and isinstance(args[1], ndarray):
        _cuda.synchronized("the value that fills an array, which CuPy compares with 0,")


def _by_addresses(arrays: Any) -> bool:
    """Whether CuPy joins arrays by one kernel, which it tells where they are, and not each by itself."""
    size = sum(x.nbytes for x in arrays)
    return len(arrays) > 8 and len({x.dtype for x in arrays}) == 1 and size < 2**21 * len(arrays)


_KINDS = {"b": 0, "i": 1, "u": 1, "f": 2, "c": 2}
_KINDS_OF_NUMBERS = {int: 1, float: 2, complex: 2}


def by_loops(name: str, loops: list[Loop], function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of NumPy arrays that takes and gives the dtypes of one of CuPy's loops, and raises TypeError where none fits."""

    def computed(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("dtype") is not None:
            return function(*args, **kwargs)
        dtypes = _loop_for(name, loops, args)[1]
        results = function(*args, **kwargs)
        if kwargs.get("out") is not None:
            return results
        if isinstance(results, tuple):
            return tuple(np.asarray(z).astype(dtype, copy=False) for z, dtype in zip(results, dtypes, strict=True))
        return results if results.dtype == dtypes[0] else np.asarray(results).astype(dtypes[0])

    return computed


def _loop_for(name: str, loops: list[Loop], args: tuple[Any, ...]) -> Loop:
    """As CuPy finds it: the first that every operand may be cast to. A Python number is weak, unless its kind is above the arrays'."""
    operands = tuple([type(x) if type(x) in _KINDS_OF_NUMBERS else np.asarray(x).dtype for x in args[: len(loops[0][0])]])
    key = (id(loops), operands)
    if key not in _chosen:
        _chosen[key] = _first_fitting(loops, operands)
    loop = _chosen[key]
    if loop is None:
        raise TypeError(f"Wrong type ({operands}) of arguments for cupy_{name}")
    return loop


_chosen: dict[tuple[int, tuple[Any, ...]], Loop | None] = {}


def _first_fitting(loops: list[Loop], operands: tuple[Any, ...]) -> Loop | None:
    weak = [x if isinstance(x, type) else None for x in operands]
    kinds = [_KINDS[x.kind] for x in operands if not isinstance(x, type)]
    if not kinds or max([_KINDS_OF_NUMBERS[number] for number in weak if number is not None], default=0) > max(kinds):
        weak = [None] * len(weak)
    for loop in loops:
        if all(_casts(np.dtype(x), number, to) for x, number, to in zip(operands, weak, loop[0], strict=True)):
            return loop
    return None


def _casts(dtype: np.dtype, weak: type | None, to: np.dtype) -> bool:
    return np.can_cast(dtype, to) or (weak is not None and to.kind != "V" and np.result_type(weak(0), to) == to)


class Ufunc:
    """One of NumPy's, of the dtypes that CuPy's has (`matmul`, which is none of CuPy's ufuncs, of any), without `where`."""

    def __init__(self, name: str, ufunc: np.ufunc) -> None:
        self.__name__ = self.__qualname__ = ufunc.__name__
        self.nin, self.nout = ufunc.nin, ufunc.nout
        self._ufunc = ufunc
        loops = LOOPS["cupy"].get(name)
        self._function = ufunc if loops is None else by_loops(name, loops, ufunc)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        unknown = kwargs.keys() - {"out", "dtype", "casting"}
        if unknown:
            raise TypeError(f"cupy.{self.__name__}: Wrong arguments {sorted(unknown)}")
        if any(x is None or isinstance(x, (list, tuple)) for x in args[: self.nin]):
            raise TypeError(f"cupy.{self.__name__}: Unsupported type among {[type(x).__name__ for x in args]}")
        _tell(self.__name__, args)
        return called(self._function, *args, **kwargs)

    def at(self, x: ndarray, key: Any, value: Any) -> None:
        if not isinstance(value, ndarray):
            _cuda.synchronized("the value of an addition at an array, uploaded,")
        if x.dtype.kind not in "iuf" or x.dtype.itemsize < (2 if x.dtype.kind == "f" else 4):
            raise TypeError(
                f"cupy.{self.__name__}.at only supports int32, int64, float16, float32, float64, uint32, uint64 as data type"
            )
        called(self._ufunc.at, x, key, value)

    def reduce(self, *args: Any, **kwargs: Any) -> Any:
        return called(self._of_sums("reduce"), *args, **kwargs)

    def accumulate(self, *args: Any, **kwargs: Any) -> Any:
        return called(self._of_sums("accumulate"), *args, **kwargs)

    def _of_sums(self, method: str) -> Callable[..., Any]:
        if self.__name__ not in ("add", "multiply"):
            raise NotImplementedError(f"`cupy_{self.__name__}.{method}` is not supported yet")
        return getattr(self._ufunc, method)

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
