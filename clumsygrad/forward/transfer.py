"""Moves between libraries and devices, differentiable: the gradient travels back."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from .. import _transfer, grad
from .. import xp as _xp
from .._operation import operation
from ..tensor import Tensor
from ..xp import Array

__all__: list[str] = []


@operation(grad.to_backward)
def _to(x: Array, place: tuple[Any, Any], /) -> Array:
    """x as an array of the namespace place[0], on the device place[1] (or where that library puts new arrays)."""
    return _transfer.to_library(x, *place)


def to(x: Tensor, target: str | ModuleType | Any, /) -> Tensor:
    """x in another library or on another device, which the gradient travels back from.

    `target` is a library (`numpy`, `cupy`, `torch`, `jax.numpy`, as a module or by name) or a device of the library that x is in
    ("cuda:1", or a device object). Already there, x itself is returned.
    """
    if _xp.is_library(target):
        xp = _xp.namespace_of_library(target)
        return x if xp is _xp.array_namespace(x._data) else x._moved((xp, None))
    try:
        return to_device(x, target)
    except Exception as error:
        library = _xp.library_of(x._data)
        error.add_note(
            f"{target!r} is neither an array library that x.to knows ('cupy', 'torch' ...) nor a device of {library}, in which x is; "
            "x.astype(dtype) changes the dtype"
        )
        raise


def to_device(x: Tensor, device: Any, /, *, stream: Any = None) -> Tensor:
    """x on another device of its own library. `stream` must be None: moves run on the library's current stream."""
    if stream is not None:
        raise ValueError(f"to_device: stream must be None, got {stream!r}: moves run on the library's current stream")
    return x._moved((_xp.array_namespace(x._data), device))


Tensor._bind("_moved", _to)
Tensor._bind("to", to)
Tensor._bind("to_device", to_device)
