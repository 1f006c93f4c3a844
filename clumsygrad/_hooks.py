"""A user's functions that a pass calls with the gradient of a tensor: Tensor.register_hook."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import xp as _xp
from ._gradients import check_gradient

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["HookHandle", "Hooks"]

Hook = Callable[[Any], Any]


class Hooks:
    """The hooks of one version of a tensor, in the order in which they were registered."""

    __slots__ = ("_functions",)

    def __init__(self) -> None:
        self._functions: dict[object, Hook] = {}

    def add(self, hook: Hook) -> HookHandle:
        """Call `hook` with the gradient in every pass, after the others."""
        if not callable(hook):
            raise TypeError(f"register_hook: the hook must be a function of the gradient, got {hook!r}")
        key = object()
        self._functions[key] = hook
        return HookHandle(self._functions, key)

    def __call__(self, tensor: Tensor, gradient: Any) -> Any:
        """What the hooks make of a gradient that has arrived at the tensor."""
        for hook in list(self._functions.values()):
            found = hook(_xp.as_0d_array(gradient))
            if found is not None:
                gradient = _fitted(tensor, found, gradient, f"hook {getattr(hook, '__name__', repr(hook))}")
        return gradient


class HookHandle:
    """What `Tensor.register_hook` returns."""

    __slots__ = ("_functions", "_key")

    def __init__(self, functions: dict[object, Hook], key: object) -> None:
        self._functions, self._key = functions, key

    def remove(self) -> None:
        """Call the hook no more. May be called again."""
        self._functions.pop(self._key, None)


def _fitted(tensor: Tensor, found: Any, gradient: Any, name: str) -> Any:
    """What a hook returned, checked, in the dtype of the tensor.

    In a pass of tensors it is a Tensor; in a raw pass a copy, since the hook may go on writing into its own array.
    """
    cls = type(tensor)
    raw = found._data if type(found) is cls else found
    check_gradient(tensor._data, raw, name)
    if type(gradient) is not cls:
        found = gradient if raw is gradient else _xp.as_scalar(_xp.on_its_device(_xp.copied, raw))
    elif type(found) is not cls:
        found = cls(raw)
    return found if found.dtype == tensor.dtype else _xp.on_its_device(_xp.array_namespace(found).astype, found, tensor.dtype)
