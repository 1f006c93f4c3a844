"""Moves between libraries and devices, and of numbers to and from arrays."""

from __future__ import annotations

from typing import Any

import array_api_compat

from . import xp as _xp
from .xp import Array, array_namespace, is_wrapper, kind, library_of, numpy

__all__ = ["array_beside", "device_of", "moved", "number", "place_of", "to_device", "to_library", "to_numpy"]


def to_device(x: Array, target: Any) -> Array:
    """`x` on another device of its own library."""
    return array_api_compat.to_device(x, device_of(library_of(x), target))


def device_of(library: str, target: Any) -> Any:
    """A library's device, which may be given by name in every library: "cpu" (not in CuPy), "cuda", "cuda:1"."""
    if not isinstance(target, str) or library not in ("cupy", "jax"):
        return target
    platform, _, index = target.partition(":")
    if library == "jax":
        return _xp.optional("jax").devices(platform)[int(index or 0)]
    if platform != "cuda":
        raise ValueError(
            f'device {target!r}: CuPy has none of that name, but "cuda", "cuda:1" ...; to the host it is x.to("numpy")'
        )
    return _xp.optional("cupy").cuda.Device(int(index or 0))


def to_library(x: Array, xp: Any, target: Any = None) -> Array:
    """`x` as an array of the namespace `xp`, on the device `target` (or where that library puts new arrays)."""
    if array_namespace(x) is not xp:
        host = to_numpy(x)
        x = xp.asarray(host.copy())
    return x if target is None else to_device(x, target)


def place_of(x: Array) -> tuple[Any, Any]:
    """The namespace of a raw array, and its device; None in place of that where the library places its arrays itself."""
    return array_namespace(x), None if library_of(x) in ("jax", "dask") else _xp.device(x)


def moved(x: Array, like: Array) -> Array:
    """`x` in the library and on the device of the raw array `like`; of a Tensor, the recorded operation."""
    place = place_of(like)
    return x._moved(place) if is_wrapper(x) else to_library(x, *place)


def to_numpy(x: Array) -> Array:
    """`x` as a NumPy array on the host; shares memory where the library can."""
    library = library_of(x)
    if library == "cupy":
        return x.get()
    if library == "torch":
        return x.detach().cpu().resolve_conj().resolve_neg().numpy()
    if library == "array_api_strict":
        x = array_api_compat.to_device(x, _xp.optional("array_api_strict").Device("CPU_DEVICE"))
    return numpy.asarray(x)


def number(x: Array) -> Any:
    """The only element of an array, as a Python number."""
    if hasattr(x, "item"):
        return x.item()
    cast = {"bool": bool, "integral": int, "complex floating": complex}.get(kind(x), float)
    return cast(array_namespace(x).reshape(x, ()))


def array_beside(values: Any, x: Array) -> Array:
    """A number, or a list of them, as an array where x, which may be a Tensor, lives. An empty list holds integers."""
    array = numpy.asarray(values)
    return moved(array if array.size else array.astype("int64"), x._data if is_wrapper(x) else x)
