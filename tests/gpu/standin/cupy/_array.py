"""The stand-in's array, and functions of NumPy's called on it.

An array of CuPy's is no array of NumPy's: it refuses to become one unasked, and CuPy's functions refuse NumPy's. Nothing here is a
NumPy scalar: what reduces to one number is a 0-d array.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from . import _cuda

_NUMPY_SCALARS = (np.number, np.bool_)


class WrongDevice(RuntimeError):
    """A function was called on a device that its arrays are not on."""


class ndarray:
    __module__ = "cupy"
    __slots__ = ("__weakref__", "_array", "_block", "_device_id", "_pointer", "base")
    __hash__ = None
    __array_priority__ = 100

    def __init__(self, array: np.ndarray | tuple[int, ...], base: Any = None) -> None:
        """As CuPy's of a shape and a dtype; or for an array of NumPy's, which may lie in another."""
        if not isinstance(array, np.ndarray):
            array, base = np.empty(array, float if base is None else base), None
        self._array = array
        self.base = base
        self._block = _cuda.Block(array.nbytes) if base is None else base._block
        self._device_id = _cuda.current_device_id() if base is None else base._device_id
        self._pointer = SimpleNamespace(ptr=self._array.ctypes.data, device_id=self._device_id, mem=SimpleNamespace())

    # What it is -----------------------------------------------------------------------------------------------------------------

    shape = property(lambda self: self._array.shape)
    dtype = property(lambda self: self._array.dtype)
    ndim = property(lambda self: self._array.ndim)
    size = property(lambda self: self._array.size)
    itemsize = property(lambda self: self._array.itemsize)
    nbytes = property(lambda self: self._array.nbytes)
    strides = property(lambda self: self._array.strides)
    flags = property(lambda self: self._array.flags)
    device = property(lambda self: _cuda.Device(self._device_id))
    data = property(lambda self: self._pointer)
    T = property(lambda self: wrapped(self._array.T, [self]))
    mT = property(lambda self: wrapped(self._array.mT, [self]))

    @property
    def real(self) -> ndarray:
        return self if self.dtype.kind != "c" else wrapped(self._array.real, [self])

    @real.setter
    def real(self, value: Any) -> None:
        self.real[...] = value

    @property
    def imag(self) -> ndarray:
        return wrapped(self._array.imag, [self])

    @imag.setter
    def imag(self, value: Any) -> None:
        self.imag[...] = value

    # Leaving the device -----------------------------------------------------------------------------------------------------------

    def get(self, stream: Any = None, order: str = "C", out: Any = None, blocking: bool = True) -> np.ndarray:
        _cuda.synchronized("ndarray.get")
        return np.array(self._array, order=order)

    def item(self) -> Any:
        return self.get().item()

    def tolist(self) -> Any:
        return self.get().tolist()

    def __bool__(self) -> bool:
        return bool(self.get())

    def __int__(self) -> int:
        return int(self.get())

    def __float__(self) -> float:
        return float(self.get())

    def __complex__(self) -> complex:
        return complex(self.get())

    def __repr__(self) -> str:
        return repr(self.get())

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(self.get(), spec)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a NumPy array explicitly."
        )

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self._device_id

    def __dlpack__(self, **options: Any) -> Any:
        if options.get("dl_device") == (1, 0):
            return self.get().__dlpack__()
        raise BufferError("the stand-in has no memory on a GPU")

    def __reduce__(self) -> Any:
        return asarray, (self.get(),)

    def __copy__(self) -> ndarray:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> ndarray:
        return self.copy()

    # Elements -----------------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._array)

    def __iter__(self) -> Any:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> ndarray:
        return called(_read, self, _key(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        if _has_arrays(key) and not isinstance(value, ndarray):
            _cuda.synchronized("the value of an assignment at an array, uploaded,")
        called(_write, self, _key(key), value)

    # Protocols of NumPy's -----------------------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        import cupyx.scipy.special

        import cupy

        function = getattr(cupy, ufunc.__name__, None) or getattr(cupyx.scipy.special, ufunc.__name__, None)
        function = function if method == "__call__" else getattr(function, method, None)
        if function is None:
            return NotImplemented
        out = kwargs.pop("out", ())
        if not all(isinstance(x, (ndarray, np.ndarray, float, int, complex, bool, *_NUMPY_SCALARS)) for x in (*inputs, *out)):
            return NotImplemented
        return function(*inputs, **kwargs, **({"out": out[0]} if out else {}))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        import cupy

        try:
            module = functools.reduce(getattr, function.__module__.split(".")[1:], cupy)
            its = getattr(module, function.__name__)
        except AttributeError:
            return NotImplemented
        if its is function or not all(issubclass(t, (ndarray, np.ndarray)) for t in types):
            return NotImplemented
        return its(*args, **kwargs)


# Calls ------------------------------------------------------------------------------------------------------------------------


def root_of(array: np.ndarray) -> np.ndarray:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def called(function: Callable[..., Any], *args: Any, across: bool = False, **kwargs: Any) -> Any:
    """A function of NumPy's, on the arrays that stand for those among the arguments. `across`: it copies between devices."""
    operands: list[ndarray] = []
    args, kwargs = _raw(args, operands), _raw(kwargs, operands)
    device = _cuda.current_device_id()
    if not across and any(x._device_id != device for x in operands):
        raise WrongDevice(f"an array lies on device {[x._device_id for x in operands]}, and device {device} is the current one")
    results = function(*args, **kwargs)
    if _cuda.get_current_stream().is_capturing():
        results = _writable(results)
        roots = [root_of(x._array) for x in operands]
        _cuda.kept(lambda: _copied(function(*args, **kwargs), results, roots))
    return wrapped(results, operands)


def _raw(x: Any, operands: list[ndarray]) -> Any:
    if isinstance(x, ndarray):
        operands.append(x)
        return x._array
    if isinstance(x, np.ndarray):
        raise TypeError(f"Unsupported type {type(x)}")
    if isinstance(x, (tuple, list)):
        return type(x)([_raw(part, operands) for part in x])
    if isinstance(x, dict):
        return {name: _raw(part, operands) for name, part in x.items()}
    if hasattr(x, "__array_namespace__") and not isinstance(x, (*_NUMPY_SCALARS, type)):
        raise TypeError(f"Unsupported type {type(x)}")
    return x


def wrapped(result: Any, operands: list[ndarray]) -> Any:
    """What NumPy gave, as CuPy would: an operand for itself, a view of an operand as one."""
    if isinstance(result, np.ndarray):
        root = root_of(result)
        for x in operands:
            if x._array is result:
                return x
        for x in operands:
            if root_of(x._array) is root:
                return ndarray(result, x if x.base is None else x.base)
        return ndarray(result)
    if isinstance(result, _NUMPY_SCALARS):
        return ndarray(np.asarray(result))
    if isinstance(result, tuple):
        parts = [wrapped(part, operands) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    if isinstance(result, list):
        return [wrapped(part, operands) for part in result]
    return result


def _writable(result: Any) -> Any:
    """Results as arrays into which a graph can compute again."""
    if isinstance(result, _NUMPY_SCALARS):
        return np.asarray(result)
    if isinstance(result, (tuple, list)):
        parts = [_writable(part) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
    if isinstance(result, np.ndarray) and result.base is None and not result.flags.writeable:  # the imaginary part of real numbers
        return result.copy()
    return result


def _copied(new: Any, old: Any, operands: list[np.ndarray]) -> None:
    """Write what was computed again where it was; a view of an operand is there already."""
    if isinstance(old, np.ndarray):
        if not any(root_of(old) is x for x in operands):
            old[...] = new
    elif isinstance(old, (tuple, list)):
        for a, b in zip(new, old, strict=True):
            _copied(a, b, operands)


def _key(key: Any) -> tuple[Any, ...]:
    """A key whose result is an array, and never a scalar; what it uploads and reads is told."""
    parts = key if isinstance(key, tuple) else (key,)
    for part in parts:
        if isinstance(part, (list, np.ndarray)):
            _cuda.synchronized("an index, uploaded,")
        elif isinstance(part, ndarray) and part.dtype.kind == "b":
            _cuda.synchronized("the number of elements that a mask chooses, read,")
    parts = tuple(ndarray(part) if isinstance(part, np.ndarray) else part for part in parts)
    return parts if any(part is Ellipsis for part in parts) else (*parts, Ellipsis)


def _has_arrays(key: Any) -> bool:
    return any(isinstance(part, (list, np.ndarray, ndarray)) for part in (key if isinstance(key, tuple) else (key,)))


def _read(x: np.ndarray, key: Any) -> np.ndarray:
    return x[key]


def _write(x: np.ndarray, key: Any, value: Any) -> None:
    x[key] = value


# From the host ----------------------------------------------------------------------------------------------------------------


def array(
    obj: Any, dtype: Any = None, copy: bool | None = True, order: str = "K", subok: bool = False, ndmin: int = 0, **_: Any
) -> ndarray:
    if isinstance(obj, ndarray):
        elsewhere = obj._device_id != _cuda.current_device_id()
        same = not elsewhere and (dtype is None or np.dtype(dtype) == obj.dtype) and not copy and obj.ndim >= ndmin
        if same:
            return obj
        return called(np.array, obj, dtype, across=True, copy=True, order=order, ndmin=ndmin)
    if isinstance(obj, (list, tuple)) and _first(obj) is not None:
        return called(np.array, list(obj), dtype, ndmin=ndmin)
    _cuda.synchronized("an array of the host's, uploaded,")
    return ndarray(np.array(obj, dtype, copy=True, ndmin=ndmin))


def _first(parts: Any) -> ndarray | None:
    for part in parts:
        found = _first(part) if isinstance(part, (list, tuple)) else part
        if isinstance(found, ndarray):
            return found
    return None


def asarray(a: Any, dtype: Any = None, order: str | None = None, *, copy: bool | None = None, blocking: bool = False) -> ndarray:
    return array(a, dtype, copy=copy, order=order or "K")


def ascontiguousarray(a: Any, dtype: Any = None) -> ndarray:
    return called(np.ascontiguousarray, asarray(a, dtype))


def asnumpy(a: Any, stream: Any = None, order: str = "C", out: Any = None, *, blocking: bool = True) -> np.ndarray:
    return a.get() if isinstance(a, ndarray) else np.asarray(a)


# Operators --------------------------------------------------------------------------------------------------------------------


def _operator(ufunc: Any) -> Any:
    def method(x: Any, y: Any) -> Any:
        if isinstance(y, ndarray):
            return called_by_name(ufunc, x, y)
        theirs = getattr(y, "__array_ufunc__", ndarray)
        if theirs is None or (theirs is ndarray and getattr(y, "__array_priority__", 0) > 100):
            return NotImplemented
        return ufunc(x, y)

    return method


def _reflected(ufunc: Any) -> Any:
    return lambda y, x: called_by_name(ufunc, x, y)


def _in_place(ufunc: Any) -> Any:
    def method(x: ndarray, y: Any) -> Any:
        if getattr(y, "__array_ufunc__", ndarray) is None:
            return NotImplemented
        return called_by_name(ufunc, x, y, out=x)

    return method


def called_by_name(ufunc: Any, *args: Any, **kwargs: Any) -> Any:
    import cupy

    return getattr(cupy, ufunc.__name__)(*args, **kwargs)


for _name, _ufunc in {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "matmul": np.matmul,
    "truediv": np.true_divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "pow": np.power,
    "lshift": np.left_shift,
    "rshift": np.right_shift,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}.items():
    setattr(ndarray, f"__{_name}__", _operator(_ufunc))
    setattr(ndarray, f"__r{_name}__", _reflected(_ufunc))
    if _name != "matmul":
        setattr(ndarray, f"__i{_name}__", _in_place(_ufunc))
for _name, _ufunc in {
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}.items():
    setattr(ndarray, f"__{_name}__", _operator(_ufunc))
for _name, _ufunc in {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}.items():
    setattr(ndarray, f"__{_name}__", functools.partialmethod(lambda x, ufunc: called_by_name(ufunc, x), _ufunc))
