"""over(library): clumsygrad's namespace bound to another array library.

Functions of tensors are the same everywhere: they ask their operands. What makes arrays from nothing (creation functions, dtypes,
constants, `__array_namespace_info__`) is bound to a library here, once for each.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from . import _transfer, linalg, nn, special
from . import xp as _xp
from ._operands import array_like, first_tensor, raw
from .forward import (
    arithmetic,
    composed,
    einsum,
    elementwise,
    fft,
    indexing,
    manipulation,
    products,
    reductions,
    statistics,
    transfer,
    views,
)
from .forward.elementwise import astype
from .forward.manipulation import broadcast_to, stack
from .tensor import Tensor
from .xp import Array, numpy

__array_api_version__ = "2025.12"

DTYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64", "complex64", "complex128",
)  # fmt: skip
CONSTANTS = {"e": math.e, "inf": math.inf, "nan": math.nan, "newaxis": None, "pi": math.pi}
FAMILIES = (arithmetic, elementwise, reductions, manipulation, indexing, products, composed, einsum, statistics, transfer, views)

Shape = int | tuple[int, ...]


@dataclass(frozen=True)
class finfo_object:
    """What a floating dtype can hold, in Python floats: `bits`, `eps`, `max`, `min`, `smallest_normal`, and the `dtype`."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: Any


@dataclass(frozen=True)
class iinfo_object:
    """What an integer dtype can hold: `bits`, `max`, `min`, and the `dtype`."""

    bits: int
    max: int
    min: int
    dtype: Any


class Bound:
    """The functions of the namespace that make arrays, or speak of dtypes, in one library."""

    def __init__(self, xp: Any) -> None:
        self._xp = xp

    def _made(self, name: str, device: Any, *args: Any, **kwargs: Any) -> Tensor:
        """The library's own creation function."""
        return _created(self._xp, name, device, *args, **kwargs)

    def _made_like(self, name: str, x: Array, device: Any, *args: Any, dtype: Any) -> Tensor:
        """The creation function of the library that x is of, which need not be this one; on the device of x if no other is named."""
        data = raw(x)
        xp = _xp.array_namespace(data) if _xp.is_array(data) else self._xp
        if device is None and _xp.guard is not None and _xp.name_of(xp) == "cupy":
            device = data.device
        return _created(xp, name, device, data, *args, dtype=dtype)

    def asarray(self, obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Tensor:
        """A tensor of `obj`: a number, a nested list, an array, or a Tensor, whose graph is kept (in lists too).

        >>> import clumsygrad as cg
        >>> x = cg.Tensor(2.0, requires_grad=True)
        >>> cg.asarray([x, x * x]).requires_grad
        True
        """
        device = _transfer.device_of(_xp.name_of(self._xp), device)
        if isinstance(obj, (list, tuple)) and (first := first_tensor(obj)) is not None:
            obj = _stacked(obj, first)
        if type(obj) is not Tensor:
            if _xp.is_array(obj) and _xp.array_namespace(obj) is not self._xp:
                obj = _transfer.to_library(obj, self._xp)
            made = self._xp.asarray(_xp.as_0d_array(obj), dtype=dtype, device=device, copy=copy)
            if not _xp.is_array(obj) and _xp.kind(made) == "other":
                raise TypeError(f"asarray: cannot make an array of numbers from {obj!r}: its dtype would be {made.dtype}")
            return Tensor(made)
        x: Tensor = obj if _xp.array_namespace(obj._data) is self._xp else obj.to(self._xp)
        if dtype is not None and x.dtype != dtype:
            if copy is False:
                raise ValueError(f"asarray: {x.dtype} cannot become {dtype} without a copy: leave out copy=False")
            x = astype(x, dtype)
        elif copy:
            x = astype(x, x.dtype, copy=True)
        return x if device is None or x.device == device else x.to_device(device)

    def arange(
        self, start: float, /, stop: float | None = None, step: float = 1, *, dtype: Any = None, device: Any = None
    ) -> Tensor:
        """The numbers from `start` up to `stop`, without it, `step` apart; with one argument, from 0 up to it."""
        start, stop, step = _number(start), _number(stop), _number(step)
        return self._made("arange", device, start, stop, step, dtype=dtype)

    def empty(self, shape: Shape, *, dtype: Any = None, device: Any = None) -> Tensor:
        """A tensor of `shape` with any values."""
        return self._made("empty", device, _shape(shape), dtype=dtype)

    def empty_like(self, x: Array, /, *, dtype: Any = None, device: Any = None) -> Tensor:
        """A tensor like x with any values."""
        return self._made_like("empty_like", x, device, dtype=dtype)

    def eye(self, n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None) -> Tensor:
        """Ones on the k-th diagonal of a matrix of zeros."""
        return self._made("eye", device, n_rows, n_cols, k=k, dtype=dtype)

    def from_dlpack(self, x: Any, /, *, device: Any = None, copy: bool | None = None) -> Tensor:
        """A constant that shares (or copies) the memory of any array that exports DLPack."""
        options = {name: value for name, value in (("device", device), ("copy", copy)) if value is not None}
        return Tensor(self._xp.from_dlpack(x._data if type(x) is Tensor and not x.requires_grad else x, **options))

    def full(self, shape: Shape, fill_value: complex | Tensor, *, dtype: Any = None, device: Any = None) -> Tensor:
        """A tensor of `shape` in which every element is `fill_value`: a number, or a 0-d tensor, which is differentiated."""
        if type(fill_value) is Tensor:
            return broadcast_to(self.asarray(fill_value, dtype=dtype, device=device), _shape(shape))  # type: ignore[no-any-return]
        return self._made("full", device, _shape(shape), fill_value, dtype=dtype)

    def full_like(self, x: Array, /, fill_value: complex | Tensor, *, dtype: Any = None, device: Any = None) -> Tensor:
        """A tensor like x in which every element is `fill_value`: a number, or a 0-d tensor, which is differentiated."""
        if type(fill_value) is not Tensor:
            return self._made_like("full_like", x, device, fill_value, dtype=dtype)
        xp, place = _transfer.place_of(raw(x))
        dtype, device = x.dtype if dtype is None else dtype, place if device is None else device
        return Bound(xp).full(tuple(x.shape), fill_value, dtype=dtype, device=device)

    def linspace(
        self, start: complex, stop: complex, /, num: int, *, dtype: Any = None, device: Any = None, endpoint: bool = True
    ) -> Tensor:
        """`num` numbers, equally far apart, from `start` to `stop`, with or without the end."""
        return self._made("linspace", device, _number(start), _number(stop), num, dtype=dtype, endpoint=endpoint)

    def ones(self, shape: Shape, *, dtype: Any = None, device: Any = None) -> Tensor:
        """A tensor of `shape` full of ones."""
        return self._made("ones", device, _shape(shape), dtype=dtype)

    def ones_like(self, x: Array, /, *, dtype: Any = None, device: Any = None) -> Tensor:
        """A tensor like x full of ones."""
        return self._made_like("ones_like", x, device, dtype=dtype)

    def zeros(self, shape: Shape, *, dtype: Any = None, device: Any = None) -> Tensor:
        """A tensor of `shape` full of zeros."""
        return self._made("zeros", device, _shape(shape), dtype=dtype)

    def zeros_like(self, x: Array, /, *, dtype: Any = None, device: Any = None) -> Tensor:
        """A tensor like x full of zeros."""
        return self._made_like("zeros_like", x, device, dtype=dtype)

    def can_cast(self, from_: Any, to: Any, /) -> bool:
        """Whether the promotion rules of the standard allow this cast."""
        return bool(self._xp.can_cast(raw(from_), to))

    def result_type(self, *arrays_and_dtypes: Any) -> Any:
        """The dtype that these promote to."""
        return self._xp.result_type(*map(raw, arrays_and_dtypes))

    def isdtype(self, dtype: Any, kind: Any) -> bool:
        """Whether a dtype is of a kind: another dtype, a name such as "real floating", or a tuple of those."""
        return bool(self._xp.isdtype(dtype, kind))

    def finfo(self, type: Any, /) -> finfo_object:
        """What a floating dtype (or that of an array) can hold."""
        dtype = _dtype(type)
        info = self._xp.finfo(dtype)
        numbers = {name: float(getattr(info, name)) for name in ("eps", "max", "min")}
        smallest = float(getattr(info, "smallest_normal", None) or info.tiny)
        return finfo_object(bits=int(info.bits), **numbers, smallest_normal=smallest, dtype=_dtype_of(self._xp, info, dtype))

    def iinfo(self, type: Any, /) -> iinfo_object:
        """What an integer dtype (or that of an array) can hold."""
        dtype = _dtype(type)
        info = self._xp.iinfo(dtype)
        return iinfo_object(bits=int(info.bits), max=int(info.max), min=int(info.min), dtype=_dtype_of(self._xp, info, dtype))

    def __array_namespace_info__(self) -> Any:
        """What the library underneath says of its devices and dtypes."""
        return self._xp.__array_namespace_info__()


class Frequencies:
    """The functions of `fft` that make arrays, in one library."""

    def __init__(self, xp: Any) -> None:
        self._bound = Bound(xp)

    def fftfreq(self, n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
        """The frequencies of fft of n samples, `d` apart, in its order: k/(nd) for k = 0, 1, ..., then k from −⌊n/2⌋ to −1.

        In cycles per unit of `d`. Of the library's default floating dtype, or of `dtype`.

        >>> import clumsygrad as cg
        >>> cg.fft.fftfreq(4, d=0.25)
        Tensor(array([ 0.,  1., -2., -1.]))
        """
        return self._bound._made("fft.fftfreq", device, n, d=d, dtype=dtype)

    def rfftfreq(self, n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
        """The frequencies of rfft of n samples, `d` apart: k/(nd) for k = 0 ... ⌊n/2⌋.

        In cycles per unit of `d`. Of the library's default floating dtype, or of `dtype`.

        >>> import clumsygrad as cg
        >>> cg.fft.rfftfreq(4, d=0.25)
        Tensor(array([0., 1., 2.]))
        """
        return self._bound._made("fft.rfftfreq", device, n, d=d, dtype=dtype)


class Fourier(ModuleType):
    """clumsygrad's Fourier transforms over one array library: `over(library).fft`. (Over NumPy it is the module clumsygrad.fft.)"""

    def __init__(self, xp: Any) -> None:
        library = _xp.name_of(xp)
        super().__init__(f"clumsygrad.over_{library}.fft", f"clumsygrad's Fourier transforms over {library}")
        for name in fft.__all__:
            setattr(self, name, getattr(fft, name))
        frequencies = Frequencies(xp)
        self.fftfreq = frequencies.fftfreq
        self.rfftfreq = frequencies.rfftfreq


BOUND = tuple(name for name in vars(Bound) if not name.startswith("_")) + ("__array_namespace_info__",)


class Namespace(ModuleType):
    """clumsygrad's namespace over one array library. Made by `over`, one for each library."""

    def __init__(self, xp: Any) -> None:
        self.library_name = _xp.name_of(xp)
        super().__init__(f"clumsygrad.over_{self.library_name}", f"clumsygrad over {self.library_name}")
        self.__array_api_version__ = __array_api_version__
        self.Tensor = Tensor
        self.over = over
        bound = Bound(xp)
        for name in BOUND:
            setattr(self, name, getattr(bound, name))
        for family in FAMILIES:
            for name in family.__all__:
                setattr(self, name, getattr(family, name))
        for name in DTYPES:
            if hasattr(xp, name):
                setattr(self, name, getattr(xp, name))
        for name, value in CONSTANTS.items():
            setattr(self, name, value)
        self.fft = Fourier(xp)
        for name, module in SUBMODULES.items():
            setattr(self, name, module)

    def __repr__(self) -> str:
        return f"<clumsygrad over {self.library_name}>"


SUBMODULES: dict[str, ModuleType] = {"linalg": linalg, "nn": nn, "special": special}
_over: dict[str, Any] = {}


def over(library: str | ModuleType, /) -> Any:
    """The namespace of clumsygrad over an array library, given as a module or by name; always the same object.

    Raises ModuleNotFoundError, with how to install it, where the library is missing; TypeError for a module that is no array library.

    >>> import numpy, clumsygrad as cg
    >>> cg.over(numpy) is cg
    True
    """
    if isinstance(library, ModuleType) and library in _over.values():
        return library
    xp = _xp.namespace_of_library(library)
    name = _xp.name_of(xp)
    if not hasattr(xp, "asarray"):
        raise TypeError(f"over: {name} is no array library: give numpy, cupy, torch, jax.numpy, dask.array or array_api_strict")
    if name not in _over:
        _over[name] = Namespace(xp)
    return _over[name]


def _namespace_of(x: Tensor, /, *, api_version: str | None = None) -> Any:
    """The namespace that fits the array x holds. Raises ValueError for a version of the standard it does not follow."""
    if api_version is not None and api_version not in VERSIONS:
        raise ValueError(f"clumsygrad follows the versions {', '.join(VERSIONS)} of the array API standard, not {api_version!r}")
    xp = _xp.array_namespace(x._data)
    try:
        return _by_namespace[xp]
    except KeyError:
        return _by_namespace.setdefault(xp, over(xp))


VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12", "2025.12")
_by_namespace: dict[Any, Any] = {}

Tensor._bind("__array_namespace__", _namespace_of)


def _shape(shape: Any) -> tuple[int, ...]:
    return tuple(shape) if isinstance(shape, (tuple, list)) else (int(shape),)


def _created(xp: Any, name: str, device: Any, *args: Any, **kwargs: Any) -> Tensor:
    """A tensor made by a library's creation function; on CuPy, which ignores `device` in most of them, inside `with device:`."""
    create: Callable[..., Any] = operator.attrgetter(name)(xp)
    device = _transfer.device_of(_xp.name_of(xp), device)
    if device is not None and _xp.name_of(xp) == "cupy":
        with device:
            return Tensor(create(*args, **kwargs))
    return Tensor(create(*args, device=device, **kwargs))


def _number(x: Any) -> Any:
    if type(x) is Tensor:
        x = complex(x) if _xp.is_complex(x) else float(x) if _xp.is_floating(x) else int(x)
    return x


def _dtype(x: Any) -> Any:
    """A dtype as it was given, or that of an array."""
    return x.dtype if type(x) is Tensor or _xp.is_array(x) else x


def _stacked(values: Any, like: Tensor) -> Tensor:
    """A nested list that holds tensors as one tensor. Numbers in it take the library and device of `like`, and its dtype if they fit."""
    if isinstance(values, (list, tuple)):
        return stack([_stacked(x, like) for x in values])  # type: ignore[no-any-return]
    if type(values) in _xp.SCALARS:
        values = array_like(like, values)
    return values if type(values) is Tensor else Tensor(values)


def _dtype_of(xp: Any, info: Any, dtype: Any) -> Any:
    """The dtype that `info` is about, as an object of the namespace: torch gives a name, NumPy sometimes a class."""
    found = getattr(info, "dtype", dtype)
    if isinstance(found, str):
        return getattr(xp, found)
    return numpy.dtype(found) if isinstance(found, type) else found
