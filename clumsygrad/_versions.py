"""What a tensor that was assigned to, or is a view, or has a gradient, keeps besides: most tensors are none of these."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._hooks import Hooks
    from .tensor import Tensor

__all__ = ["Extra", "Write"]


class Extra:
    """What only some tensors need: a gradient, hooks, older versions, the base and the living views of a view."""

    __slots__ = ("base", "gradient", "hooks", "key", "retains", "versions", "views")

    def __init__(self) -> None:
        self.gradient: Any = None
        self.versions: list[Tensor] = []
        self.base: Tensor | None = None
        self.key: Any = None
        self.views: list[weakref.ref[Tensor]] = []
        self.retains = False
        self.hooks: Hooks | None = None

    def keep(self, old: Tensor) -> None:
        """Keep an older version. The hooks that were registered on it are its own, and go with it."""
        self.versions.append(old)
        if self.hooks is not None:
            extra = old._extra = Extra()
            extra.hooks, self.hooks = self.hooks, None


class Write:
    """The change `x[key] = value`, for Tensor._change."""

    __slots__ = ("key", "value")

    def __init__(self, key: Any, value: Any) -> None:
        self.key, self.value = key, value

    def __call__(self, old: Tensor) -> Tensor:
        return old._assign(self.key, self.value)
