"""tests/gpu/standin, NumPy in the place of CuPy, inside this process, with two devices: every function runs on the current one, and on
arrays of that alone.

CuPy launches on the current device, whatever device its arrays are on, and makes and copies arrays there; where the two differ it fails, or
moves data between GPUs. Here it always fails. Inside `unread` so does whatever reads from the device or uploads to it: an element that
becomes a Python number, a shape that depends on data, an array that is made of one.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import array_api_compat
import scipy.special

import clumsygrad as cg
from clumsygrad import _cublas, _kernels, _special, namespace

STANDIN = Path(__file__).parent / "gpu" / "standin"
PLACES = ("cupy", "cupyx", "array_api_compat.cupy")  # what is imported in the place of CuPy, with all within


def _in_place(name: str) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in PLACES)


def _imported() -> dict[str, ModuleType]:
    """The stand-in's modules by the names of CuPy's, which go on being what they were."""
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if _in_place(name)}
    sys.path.insert(0, str(STANDIN))
    try:
        for name in (*PLACES, "cupyx.scipy.linalg", "cupyx.scipy.special"):
            importlib.import_module(name)
        return {name: sys.modules.pop(name) for name in list(sys.modules) if _in_place(name)}
    finally:
        sys.path.remove(str(STANDIN))
        vars(array_api_compat).pop("cupy", None)
        sys.modules.update(before)


MODULES = _imported()
cupy: Any = MODULES["cupy"]
cupy._cuda.device_count = lambda: 2
special: Any = MODULES["cupyx.scipy.special"]
# What CuPy lacks, and of dtypes that it lacks, it may have one day; its gradient shall be on the right device then.
special._LOOPS["cupyx.scipy.special"].clear()
for _name in set(scipy.special.__all__) - {"polygamma"}:
    setattr(special, _name, special._Function(_name, special._by_scipy(_name), None))
Device, FakeArray = cupy.cuda.Device, cupy.ndarray
WrongDevice, HostRead, unread = cupy._array.WrongDevice, cupy._cuda.HostRead, cupy._cuda.unread


def on(number: int, values: Any) -> Any:
    """An array on a device."""
    with Device(number):
        return cupy.array(values)


def by_kernels(monkeypatch: Any) -> list[str]:
    """Let kernels serve these arrays, which the host runs; the names of those that are launched."""
    launched: list[str] = []
    launch = _kernels.launch

    def remembered(file: str, name: str, *rest: Any) -> None:
        launched.append(name)
        launch(file, name, *rest)

    monkeypatch.setattr(_kernels, "launch", remembered)
    monkeypatch.setattr(_kernels, "device_arrays", {FakeArray})
    return launched


@contextlib.contextmanager
def two_devices(monkeypatch: Any) -> Iterator[Any]:
    """The array API namespace of such arrays, while the stand-in is imported for CuPy. No kernels serve them, until they are asked for."""
    xp = MODULES["array_api_compat.cupy"]
    for name, module in MODULES.items():
        monkeypatch.setitem(sys.modules, name, module)
    for cache in ("_over", "_by_namespace"):
        monkeypatch.setattr(namespace, cache, dict(getattr(namespace, cache)))
    monkeypatch.setitem(cg.xp._namespaces, FakeArray, xp)
    monkeypatch.setattr(cg.xp, "guard", cg.xp._on_device_of_first_array)
    # what they remember of this CuPy is not for another
    for module, name in ((_special, "functions_of"), (_kernels, "_compiled"), (_kernels, "_current_stream"), (_cublas, "_of_cupy")):
        monkeypatch.setattr(module, name, functools.cache(getattr(module, name).__wrapped__))
    monkeypatch.setattr(_kernels, "device_arrays", frozenset())
    cg.xp.device_arrays.add(FakeArray)
    try:
        with Device(0):
            yield xp
    finally:
        cg.xp.device_arrays.discard(FakeArray)
    assert cupy._cuda.current_device_id() == 0
