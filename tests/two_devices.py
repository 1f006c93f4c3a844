"""NumPy in the place of CuPy on a machine with two GPUs: every function runs on the current device, and on arrays of that alone.

CuPy launches on the current device, whatever device its arrays are on, and makes and copies arrays there; where the two differ it fails, or
moves data between GPUs. Here it always fails. Inside `unread` so does whatever waits for the device or uploads to it: an element that
becomes a Python number, a shape that depends on data, an array that is made of one.
"""

from __future__ import annotations

import contextlib
import functools
import types
from collections.abc import Iterator
from typing import Any

import array_api_compat.numpy
import numpy as np
import scipy.linalg
import scipy.special

import clumsygrad as cg
from clumsygrad import _beyond, _keys, _special, namespace

current = 0
reading = True


class Device:
    """Entered, it is the current one until it is left."""

    def __init__(self, number: int) -> None:
        self.id = number
        self._before: list[int] = []

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and other.id == self.id

    __hash__ = None  # type: ignore[assignment]  # as CuPy's

    def __repr__(self) -> str:
        return f"<fake device {self.id}>"

    def __enter__(self) -> None:
        global current
        self._before.append(current)
        current = self.id

    def __exit__(self, *error: object) -> None:
        global current
        current = self._before.pop()


class WrongDevice(AssertionError):
    """A function was called on a device that its arrays are not on."""


class HostRead(AssertionError):
    """A value was read back, or uploaded."""


@contextlib.contextmanager
def unread() -> Iterator[None]:
    """Nothing may be read or uploaded inside."""
    global reading
    reading = False
    try:
        yield
    finally:
        reading = True


def _check_reading(what: str) -> None:
    if not reading:
        raise HostRead(what)


def _plain(x: Any) -> Any:
    """An argument as NumPy's; its arrays must be on the current device."""
    if isinstance(x, FakeArray):
        if x.device.id != current:
            raise WrongDevice(f"an array is on device {x.device.id}, the current one is {current}")
        return x.view(np.ndarray)
    if type(x) in (list, tuple):
        return type(x)(map(_plain, x))
    return x


def _made(x: Any) -> Any:
    """A result, on the current device; its sums of all elements are 0-d arrays, as CuPy's."""
    if isinstance(x, (np.ndarray, np.generic)):
        made = np.asarray(x).view(FakeArray)
        made._number = current
        return made
    if isinstance(x, (list, tuple)):
        parts = [_made(part) for part in x]
        return x._make(parts) if hasattr(x, "_make") else type(x)(parts)
    return x


def _faked(function: Any) -> Any:
    @functools.wraps(function)
    def fake(*args: Any, **kwargs: Any) -> Any:
        kwargs.pop("device", None)
        if function.__name__ in ("asarray", "array") and not isinstance(args[0], FakeArray):
            _check_reading(f"{function.__name__} of a {type(args[0]).__name__}")
        if function.__name__ in ("nonzero", "unique_all", "unique_values", "unique_counts", "unique_inverse"):
            _check_reading(function.__name__)
        return _made(function(*map(_plain, args), **{name: _plain(value) for name, value in kwargs.items()}))

    return fake


class FakeArray(np.ndarray):
    """An array on a device."""

    _number = 0

    def __array_finalize__(self, other: Any) -> None:
        self._number = getattr(other, "_number", current)

    @property
    def device(self) -> Device:
        return Device(self._number)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if any(type(x) is cg.Tensor for x in inputs):
            return NotImplemented
        return _faked(getattr(ufunc, method))(*inputs, **kwargs)

    def __array_function__(self, function: Any, kinds: Any, args: Any, kwargs: Any) -> Any:
        if function.__name__ in _OF_DTYPES:
            return function(*[x.view(np.ndarray) if isinstance(x, FakeArray) else x for x in args], **kwargs)
        return _faked(function)(*args, **kwargs)

    def __getitem__(self, key: Any) -> Any:
        if any(isinstance(part, np.ndarray) and part.dtype == bool for part in (key if type(key) is tuple else (key,))):
            _check_reading("x[mask]")
        return _faked(np.ndarray.__getitem__)(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        np.ndarray.__setitem__(_plain(self), _plain(key), _plain(value))

    def get(self) -> np.ndarray:
        """On the host, from wherever it is."""
        _check_reading("get")
        return np.array(self.view(np.ndarray))

    def item(self, *place: Any) -> Any:
        _check_reading("item")
        return self.view(np.ndarray).item(*place)

    def __bool__(self) -> bool:
        _check_reading("bool")
        return bool(self.view(np.ndarray))

    def __float__(self) -> float:
        _check_reading("float")
        return float(self.view(np.ndarray))

    def __int__(self) -> int:
        _check_reading("int")
        return int(self.view(np.ndarray))

    __index__ = __int__

    def __complex__(self) -> complex:
        _check_reading("complex")
        return complex(self.view(np.ndarray))

    def copy(self, order: Any = "C") -> Any:
        """On the current device, as CuPy's."""
        return _made(self.view(np.ndarray).copy())


_OF_DTYPES = ("result_type", "isdtype", "can_cast", "finfo", "iinfo")  # which launch nothing


class FakeNamespace(types.ModuleType):
    """A namespace of NumPy's (or one within it) whose functions know devices."""

    def __init__(self, namespace: Any, name: str = "array_api_compat.cupy") -> None:
        super().__init__(name)
        self._of = namespace

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._of, name)
        if isinstance(found, types.ModuleType):
            return FakeNamespace(found, f"{self.__name__}.{name}")
        plain = isinstance(found, (type, np.dtype)) or not callable(found) or name in _OF_DTYPES
        return found if plain else _faked(found)


def on(number: int, values: Any) -> FakeArray:
    """An array on a device."""
    array = np.array(values).view(FakeArray)
    array._number = number
    return array


def _to_device(x: FakeArray, device: Device | str) -> Any:
    with cg.xp.device_of("cupy", device):
        return x.copy()


@contextlib.contextmanager
def two_devices(monkeypatch: Any) -> Iterator[Any]:
    """The array API namespace of such arrays, while clumsygrad takes them for CuPy's, of which there are on two devices."""
    xp = FakeNamespace(array_api_compat.numpy)
    optional, namespace_of_library = cg.xp.optional, cg.xp.namespace_of_library
    runtime = types.SimpleNamespace(getDevice=lambda: current)
    modules: dict[str, Any] = {
        "cupy": types.SimpleNamespace(cuda=types.SimpleNamespace(Device=Device, runtime=runtime)),
        "cupyx": types.SimpleNamespace(scatter_add=lambda sums, where, x: np.add.at(_plain(sums), _plain(where), _plain(x))),
        "cupyx.scipy.linalg": FakeNamespace(scipy.linalg, "cupyx.scipy.linalg"),
        "cupyx.scipy.special": FakeNamespace(scipy.special, "cupyx.scipy.special"),
    }

    def faked_optional(name: str) -> Any:
        return modules[name] if name in modules else optional(name)

    for module in (cg.xp, _keys, _special, _beyond):
        monkeypatch.setattr(module, "optional", faked_optional)
    monkeypatch.setattr(
        cg.xp, "namespace_of_library", lambda library: xp if library is xp or library == "cupy" else namespace_of_library(library)
    )
    for cache in ("_over", "_by_namespace"):
        monkeypatch.setattr(namespace, cache, dict(getattr(namespace, cache)))
    monkeypatch.setitem(cg.xp._namespaces, FakeArray, xp)
    monkeypatch.setattr(cg.xp, "guard", cg.xp._on_device_of_first_array)
    monkeypatch.setattr(cg.xp, "to_device", _to_device)
    monkeypatch.setattr(cg.xp, "device", lambda x: x.device if isinstance(x, (FakeArray, cg.Tensor)) else "cpu")
    with Device(0):
        yield xp
    assert current == 0
