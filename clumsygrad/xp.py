"""The ground floor: what knows array libraries, so that nothing above has to.

Everything above asks here for an array's namespace, kind and device. On the same floor stand _transfer.py (moves between libraries and
devices), _keys.py (reading and writing at keys), lean.py (NumPy's cheap spellings) and _beyond.py (functions that the standard lacks).
"""

from __future__ import annotations

import functools
import importlib
import operator
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

import array_api_compat
import array_api_compat.numpy as _numpy

numpy: Any = _numpy

# An array of any library, or a Tensor: what the standard's functions take and give. Shapes and dtypes are the library's own.
Array = Any

SCALARS = frozenset({float, int, complex, bool})

_LIBRARIES = frozenset({"numpy", "cupy", "torch", "jax", "jaxlib", "dask", "array_api_strict"})
_HINTS = {
    "cupy": "pip install 'clumsygrad[cuda13]', or [cuda12] for an older driver",
    "scipy": "pip install 'clumsygrad[scipy]'",
    "nvmath": "pip install nvmath-python",
}

_MADE = "clumsygrad.asarray makes one of numbers, of tensors, and of lists of both"
_NO_ARRAYS = (type, list, tuple, str, slice, type(None), type(...))  # often met beside arrays, and slow to ask about

# Arrays of NumPy's whose operations are not NumPy's, and what to give in their place. (By name: NumPy imports numpy.ma when it is used.)
_NOT_AS_NUMPYS = {
    "MaskedArray": "no gradient would follow its mask; fill it, m.filled(0), and mask by numpy.where(~m.mask, ..., 0)",
    "matrix": "its products and shapes are not those of arrays; give numpy.asarray(S)",
}

_namespaces: dict[type, Any] = {}
_wrappers: set[type] = set()
_kinds: dict[Any, str] = {}
device_arrays: set[type] = set()  # CuPy's, once one was met: those that _kernels.py serves
mutable_arrays: set[type] = set()  # torch's, once one was met: those that `+=` writes into, unless torch itself differentiates them
FLOAT64, FLOAT32 = numpy.dtype("float64"), numpy.dtype("float32")
ndarray = numpy.ndarray
_generic = numpy.generic

# What NumPy's arithmetic on 0-d arrays gives. The type tells the dtype, which is slow to ask them for.
SCALAR_TYPES = frozenset({numpy.float64, numpy.float32, numpy.float16, numpy.complex128, numpy.complex64})
_scalars = SCALARS | SCALAR_TYPES
_real_scalars = _scalars - {complex, numpy.complex128, numpy.complex64}

# Runs a function on the device of its first CuPy array. None until a second CUDA device is seen: before, nothing needs guarding.
guard: Callable[..., Any] | None = None

_Class = TypeVar("_Class", bound=type)

# Until an array as large as this was freed once, glibc gives every array over 128 kB back to the system when it is freed, and the next
# one is fetched page by page: up to a third of the time of a training step. (MALLOC_TRIM_THRESHOLD_ and its like have the last word.)
numpy.empty(2**25 - 2**16, dtype=numpy.uint8)


# Namespaces -----------------------------------------------------------------------------------------------------------------


def array_namespace(x: Array, /) -> Any:
    """The array API namespace of `x`: array_api_compat's answer, remembered by type, since asking costs more than a small sum.

    Raises TypeError where `x` is no array.
    """
    try:
        return _namespaces[type(x)] or x.__array_namespace__()
    except KeyError:
        return _ask(x)


def common_namespace(*operands: Array) -> Any:
    """The namespace of the first operand that is no Python scalar."""
    for x in operands:
        if type(x) not in SCALARS:
            return array_namespace(x)
    raise TypeError(f"no operand is an array: {_MADE}")


def _ask(x: Array) -> Any:
    global guard
    cls = type(x)
    _refuse_unlike_numpys(x)
    try:
        namespace = array_api_compat.array_namespace(x)
    except TypeError:
        made = "give its to_numpy()" if hasattr(cls, "to_numpy") else _MADE
        raise TypeError(f"{type_in_words(x)} is no array: {made}") from None
    library = cls.__module__.partition(".")[0]
    if library in _LIBRARIES:
        _namespaces[cls] = namespace
    if library == "cupy":
        device_arrays.add(cls)
    if library == "torch":
        mutable_arrays.add(cls)
    if library == "cupy" and guard is None and optional("cupy").cuda.runtime.getDeviceCount() > 1:
        guard = _on_device_of_first_array
    return namespace


def _refuse_unlike_numpys(x: object) -> None:
    if issubclass(type(x), ndarray):
        for base in type(x).__mro__:
            if base.__name__ in _NOT_AS_NUMPYS and base.__module__.startswith("numpy"):
                raise TypeError(f"{type_in_words(x)} cannot be an operand: {_NOT_AS_NUMPYS[base.__name__]}")


def type_in_words(x: object) -> str:
    """The name of an object's type with its article, for messages: "an int", "an ndarray", "a list"."""
    name = type(x).__name__
    return f"{'an' if name.startswith(('a', 'e', 'i', 'o', 'A', 'E', 'I', 'O', 'nd')) else 'a'} {name}"


def wrapper(cls: _Class) -> _Class:
    """Class decorator for wrappers of arrays: their namespace depends on what they hold, so it is asked for each time."""
    _wrappers.add(cls)
    _namespaces[cls] = None
    return cls


def is_wrapper(x: object) -> bool:
    """Whether `x` wraps an array: a Tensor."""
    return type(x) in _wrappers


def is_array(x: object) -> bool:
    """True for an array (or NumPy scalar) of a known library; False for a Python scalar, a list, a Tensor.

    Raises TypeError for a masked array and for a numpy.matrix, which must not pass for something else.
    """
    cls = type(x)
    if cls in _wrappers:
        return False
    if cls in _namespaces:
        return True
    if cls in SCALARS or isinstance(x, _NO_ARRAYS):
        return False
    _refuse_unlike_numpys(x)
    try:
        array_namespace(x)
    except TypeError:
        return False
    return True


@functools.cache
def name_of(namespace: Any) -> str:
    """The library behind a namespace, as its users call it: "numpy", "cupy", "torch", "jax", "dask", "array_api_strict"."""
    name: str = getattr(namespace, "library_name", namespace.__name__)
    return name.removeprefix("array_api_compat.").partition(".")[0]


def library_of(x: Array) -> str:
    """The name of the library that `x` belongs to."""
    return name_of(array_namespace(x))


def namespace_of_library(library: str | ModuleType) -> Any:
    """The array API namespace of a library, given as a module (`numpy`, `cupy`, `torch`, `jax.numpy` ...) or by its name."""
    name = library if isinstance(library, str) else name_of(library)
    name = name.removeprefix("array_api_compat.")
    name = {"jax": "jax.numpy", "dask": "dask.array"}.get(name, name)
    module = optional(name)
    try:
        return importlib.import_module(f"array_api_compat.{name}")
    except ModuleNotFoundError:
        return module


def is_library(target: object) -> bool:
    """True for an array library: a module, one of clumsygrad's namespaces, or a known library's name."""
    return isinstance(target, ModuleType) or (isinstance(target, str) and target.partition(".")[0] in _LIBRARIES)


def optional(name: str) -> ModuleType:
    """Import an optional library, or say how to install it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        root = name.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != root:
            raise
        raise ModuleNotFoundError(f"{root} is not installed: {_HINTS.get(root, f'pip install {root}')}", name=root) from None


# Dtypes ---------------------------------------------------------------------------------------------------------------------


def kind(x: Array) -> str:
    """The kind of an array's dtype, in the standard's words: "bool", "integral", "real floating", "complex floating" or "other"."""
    try:
        dtype = x.dtype
    except AttributeError:
        array_namespace(x)  # which says what x is instead
        raise
    key = type(dtype), dtype  # libraries warn when their dtypes are compared with others, which an equal hash leads to
    try:
        return _kinds[key]
    except KeyError:
        return _kinds.setdefault(key, kind_of_dtype(dtype, array_namespace(x)))


def kind_of_dtype(dtype: Any, xp: Any) -> str:
    """The kind of a dtype of the namespace `xp`."""
    if str(dtype) == "bfloat16":  # of the package ml_dtypes, which NumPy's and CuPy's namespaces refuse to speak of
        return "real floating"
    for name in ("real floating", "complex floating", "integral", "bool"):
        if xp.isdtype(dtype, name):
            return name
    return "other"


def is_floating(x: Array) -> bool:
    """True where derivatives exist: real and complex floating dtypes."""
    return kind(x).endswith("floating")


def is_complex(x: Array) -> bool:
    """Whether an array's dtype is complex. Asked in many rules, and so answered at once for the usual dtypes of NumPy and CuPy."""
    dtype = getattr(x, "dtype", None)
    if dtype is FLOAT64 or dtype is FLOAT32:
        return False
    return (_kinds.get((type(dtype), dtype)) or kind(x)) == "complex floating"


def conj(xp: Any, x: Array) -> Array:
    """The complex conjugate; `x` itself, at no cost, where it is real."""
    cls = type(x)
    if cls is ndarray:
        dtype = x.dtype
        if dtype is FLOAT64 or dtype is FLOAT32:
            return x
    elif cls in _real_scalars:
        return x
    elif cls in _scalars:
        return x.conjugate()
    return xp.conj(x) if is_complex(x) else x


# float16 ends at 65 504, which a sum or a square soon passes, and bfloat16 has 8 bits for a number: what is summed or squared on the way
# to a result is so in float32, as kernels do it.


@functools.cache
def _is_narrow(dtype: tuple[Any, Any]) -> bool:
    """Whether a dtype has 16 bits. Given after its class, since libraries warn when their dtypes are compared with others'."""
    return str(dtype[1]).endswith("float16")


def widened(x: Array) -> Array:
    """Floats of 16 bits in float32; anything else as it is."""
    dtype = getattr(x, "dtype", None)  # a number has none
    if dtype is FLOAT64 or dtype is FLOAT32 or not _is_narrow((type(dtype), dtype)):
        return x
    xp = array_namespace(x)
    return xp.astype(x, xp.float32)


def narrowed(x: Array, like: Array) -> Array:
    """What was made of an array of 16 bits, in the dtype of that; of any other, as it is."""
    dtype = like.dtype
    if dtype is FLOAT64 or dtype is FLOAT32 or not _is_narrow((type(dtype), dtype)):
        return x
    return array_namespace(x).astype(x, dtype, copy=False)


def numpy_dtype(dtype: Any) -> Any:
    """NumPy's dtype of the same name: of torch.float32, jax's float32, "float32" ..."""
    try:
        return numpy.dtype(dtype)
    except TypeError:
        name = getattr(dtype, "name", None) or getattr(dtype, "_np_dtype", None) or str(dtype).rpartition(".")[2]
        return numpy.dtype(name)


def is_real_numpys(x: Array) -> bool:
    """Whether x is one of NumPy's usual arrays, of float64 or float32."""
    return type(x) is ndarray and (x.dtype is FLOAT64 or x.dtype is FLOAT32)


# Integers -------------------------------------------------------------------------------------------------------------------


def as_positions(x: Array) -> Array:
    """Integers as int64, in which no position overflows; in JAX as its default integers, of 32 bits unless 64 are enabled there."""
    xp = array_namespace(x)
    dtype: Any = int if name_of(xp) == "jax" else xp.int64
    return x if x.dtype == dtype else xp.astype(x, dtype)


def as_indices(x: Array) -> Array:
    """Integers as their library takes indices: torch as int64 (it refuses others, and takes uint8 for a mask), others as they are."""
    return as_positions(x) if type(x) is not ndarray and is_array(x) and library_of(x) == "torch" else x


def as_integers(given: Any) -> Any:
    """Axes, lengths or counts as Python's integers: an int for one (or None), a tuple for several in a list or an array."""
    if type(given) is int or given is None:
        return given
    if isinstance(given, (list, tuple, range)) or getattr(given, "shape", None):
        return tuple([as_integers(n) for n in given])
    return operator.index(given)


def as_tuple(given: Any) -> tuple[Any, ...]:
    """Integers as a tuple of Python's; a single one as a tuple of one."""
    found = as_integers(given)
    return found if type(found) is tuple else (found,)


# Devices --------------------------------------------------------------------------------------------------------------------


def device(x: Array) -> Any:
    """The device of an array, as its library names it."""
    return array_api_compat.device(x)


def same_device(a: Array, b: Array) -> bool:
    """Whether two arrays of one library are on one device. (JAX and Dask place their arrays themselves, and raise themselves.)"""
    library = library_of(a)
    if library in ("numpy", "jax", "dask") or (library == "cupy" and guard is None):  # there is one GPU
        return True
    return bool(device(a) == device(b))


def is_on_host(x: Array) -> bool:
    """Whether an array lies in the host's memory, where it can be read with nothing computed and no device waited for."""
    library = library_of(x)
    return library in ("numpy", "array_api_strict") or (library == "torch" and x.device.type == "cpu")


def on_its_device(function: Callable[..., Any], *arguments: Any) -> Any:
    """function(*arguments), on the device of its first CuPy array where there are several: what runs outside of operations and rules."""
    return function(*arguments) if guard is None else guard(function, *arguments)


def _on_device_of_first_array(function: Callable[..., Any], *arguments: Any) -> Any:
    for x in arguments:
        if type(x) in (list, tuple) and x:
            x = x[0]
        if type(x) in _wrappers:
            x = x.data
        if type(x) in _namespaces and library_of(x) == "cupy":
            with x.device:
                return function(*arguments)
    return function(*arguments)


# Elements and memory --------------------------------------------------------------------------------------------------------


def size(x: Array) -> int | None:
    """The number of elements; None where the library does not know it yet."""
    n: int | None = array_api_compat.size(x)
    return n


def from_python(data: Any) -> Array:
    """Numbers, in lists or not, as a NumPy array. Raises TypeError for what are no numbers, and for lists of Tensors."""
    if isinstance(data, (list, tuple)) and _holds_wrapper(data):
        raise TypeError("Tensor: a list of tensors would lose their gradients: use clumsygrad.asarray or clumsygrad.stack")
    array = numpy.asarray(data)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"Tensor: cannot make an array of numbers from {type_in_words(data)} (NumPy gives dtype {array.dtype})")
    return array


def _holds_wrapper(data: list[Any] | tuple[Any, ...]) -> bool:
    return any(type(x) in _wrappers or (isinstance(x, (list, tuple)) and _holds_wrapper(x)) for x in data)


def as_0d_array(x: Array) -> Array:
    """A NumPy scalar (what NumPy's arithmetic on 0-d arrays gives) as the 0-d array it stands for; anything else as it is."""
    return numpy.array(x) if isinstance(x, _generic) else x


def as_scalar(x: Array) -> Array:
    """A 0-d NumPy array as a NumPy scalar, whose arithmetic is ten times as fast and gives scalars anyway; anything else as it is."""
    return x[()] if type(x) is ndarray and x.ndim == 0 else x


def exclusive(x: Array) -> Array:
    """`x`, or a copy if it is a view or cannot be written: an array whose owner may write into it unseen by anyone."""
    if type(x) is ndarray:
        return x if x.base is None else x.copy()
    x = as_0d_array(x)
    shared = getattr(x, "base", None) is not None or getattr(x, "_base", None) is not None
    return on_its_device(copied, x) if shared else x


def copied(x: Array) -> Array:
    """A copy of an array in memory of its own."""
    return x.copy("K") if type(x) is ndarray else array_namespace(x).asarray(x, copy=True)
