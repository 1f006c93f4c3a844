"""What a tensor that was assigned to, or is a view, or has a gradient, keeps besides: most tensors are none of these."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ._modes import recording, recording_set

if TYPE_CHECKING:
    from ._hooks import Hooks
    from .tensor import Tensor

__all__ = ["Extra", "Part", "Permuted", "Reshaped", "View", "Write", "as_written", "read_anew"]


class Extra:
    """What only some tensors need: a gradient, hooks, older versions, the base and the living views of a view."""

    __slots__ = ("base", "gradient", "hooks", "retains", "versions", "view", "views")

    def __init__(self) -> None:
        self.gradient: Any = None
        self.versions: Sequence[Tensor] = ()
        self.base: Tensor | None = None
        self.view: View | None = None
        self.views: Sequence[weakref.ref[Tensor]] = ()
        self.retains = False
        self.hooks: Hooks | None = None

    def keep(self, old: Tensor) -> None:
        """Keep an older version. The hooks that were registered on it are its own, and go with it."""
        if not isinstance(self.versions, list):
            self.versions = []
        self.versions.append(old)
        if self.hooks is not None:
            extra = old._extra = Extra()
            extra.hooks, self.hooks = self.hooks, None

    def add_view(self, view: Tensor) -> None:
        """Remember a view as long as it lives. Dead ones are dropped whenever their number may have doubled."""
        views = self.views
        if not isinstance(views, list):
            views = self.views = []
        elif len(views) > 15 and not len(views) & (len(views) - 1):
            views[:] = [reference for reference in views if reference() is not None]
        views.append(weakref.ref(view))


class Part:
    """A view: the elements of its base at a basic key."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key

    def read(self, base: Tensor) -> Tensor:
        return base._getitem(self.key)

    def write(self, base: Tensor, value: Any) -> Tensor:
        """The base after `value` was written into the view."""
        return base._assign(self.key, value)


class Reshaped:
    """A view: its base in another shape."""

    __slots__ = ("shape",)

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def read(self, base: Tensor) -> Tensor:
        return base._reshaped(self.shape)

    def write(self, base: Tensor, value: Tensor) -> Tensor:
        return value._reshaped(base.shape)


class Permuted:
    """A view: its base with the axes in another order, counted from the front."""

    __slots__ = ("axes",)

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes

    def read(self, base: Tensor) -> Tensor:
        return base._permuted(self.axes)

    def write(self, base: Tensor, value: Tensor) -> Tensor:
        return value._permuted(tuple(sorted(range(len(self.axes)), key=self.axes.__getitem__)))


View = Part | Reshaped | Permuted


class Write:
    """The change that writing a value into a view (or at a key) makes in its base, for Tensor._change."""

    __slots__ = ("value", "view")

    def __init__(self, view: View, value: Any) -> None:
        self.view, self.value = view, value

    def __call__(self, old: Tensor) -> Tensor:
        return self.view.write(old, self.value)


def as_written(tensor: Tensor) -> Tensor:
    """The present version; of a view that was read while nothing was recorded, what would be read of its base now."""
    extra = tensor._extra
    if not tensor._tracked and extra is not None and extra.base is not None and recording():
        base = extra.base if extra.base._tracked else as_written(extra.base)
        if base._tracked:
            return extra.view.read(base)  # type: ignore[union-attr]
    return tensor._snapshot()


def read_anew(tensor: Tensor, new: Tensor, changes: list[tuple[Tensor, Tensor]]) -> None:
    """Add to `changes` the living views of a tensor that is about to become `new`, and theirs, each with what it will be."""
    extra = tensor._extra
    if extra is None or not extra.views:
        return
    living = [(reference, view) for reference in extra.views if (view := reference()) is not None]
    extra.views = [reference for reference, _ in living]
    for _, view in living:
        with recording_set(recording() or view._tracked):  # what was read of a leaf goes on depending on it
            part = view._extra.view.read(new)  # type: ignore[union-attr]
        if part._tracked:
            part._parents = (tensor,)
        changes.append((view, part))
        read_anew(view, part, changes)
