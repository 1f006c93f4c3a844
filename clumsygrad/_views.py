"""What a view is: which elements of its base it shows, and in what order; and the living views of a tensor."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

from .xp import numpy

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["OfComplex", "Part", "Permuted", "Reshaped", "View", "Views", "shown"]


_counting = threading.RLock()  # of the views of a leaf that threads share; a finalizer may come in between


class Views:
    """The living views of a tensor, held weakly: by the row that a view lies in, where its key begins with an integer, or else by None.

    A loop that fills a tensor row by row leaves a view of each row in the graph, and each of its writes meets the views of one row.
    """

    __slots__ = ("by_row", "count", "limit")

    def __init__(self) -> None:
        self.by_row: dict[int | None, list[weakref.ref[Tensor]]] = {}
        self.count = 0  # of all references, those to dead views too
        self.limit = 16

    def add(self, view: Tensor, shown: View, shape: tuple[int, ...]) -> None:
        """Remember a view of a tensor of `shape` as long as it lives. Dead ones are dropped whenever their number may have doubled."""
        row = _row(shown, shape)
        with _counting:
            if self.count >= self.limit:
                alive = {row: [reference for reference in views if reference() is not None] for row, views in self.by_row.items()}
                self.by_row = {row: views for row, views in alive.items() if views}
                self.count = sum(map(len, self.by_row.values()))
                self.limit = max(16, 2 * self.count)
            self.by_row.setdefault(row, []).append(weakref.ref(view))
            self.count += 1

    def living(self, written: Part | None, shape: tuple[int, ...]) -> list[Tensor]:
        """The views that may show something of what was written into a tensor of `shape`; all of them, if None."""
        row = None if written is None else _row(written, shape)
        found = []
        with _counting:
            for references in self.by_row.values() if row is None else map(self.by_row.get, (row, None)):
                if references:
                    views = [(reference, view) for reference in references if (view := reference()) is not None]
                    self.count -= len(references) - len(views)
                    references[:] = [reference for reference, _ in views]
                    found += [view for _, view in views]
        return [view for view in found if written is None or not written.is_apart(shown(view), shape)]


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

    def is_plain(self) -> bool:
        """Whether the key is made of integers, slices, `...` and None."""
        return all(type(part) in _PLAIN or isinstance(part, numpy.integer) for part in _parts(self.key))

    def of(self, seen: View, shape: tuple[int, ...]) -> Part | None:
        """This view of what `seen` shows of a tensor of `shape`, as one view of that; None where none is simple."""
        key = _composed(_parts(seen.key), _parts(self.key), shape) if type(seen) is Part else None
        return None if key is None else Part(key)

    def is_apart(self, other: View, shape: tuple[int, ...]) -> bool:
        """Whether two views of a tensor of `shape` are seen to share no element: along one axis, by integers and slices."""
        if type(other) is not Part:
            return False
        for part, others, length in zip(_parts(self.key), _parts(other.key), shape):  # noqa: B905 (keys may leave axes out)
            a, b = _indices(part, length), _indices(others, length)
            if a is None or b is None:
                return False
            if not a or not b or max(a[0], a[-1]) < min(b[0], b[-1]) or max(b[0], b[-1]) < min(a[0], a[-1]):
                return True
        return False


class Reshaped:
    """A view: its base in another shape."""

    __slots__ = ("shape",)

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def read(self, base: Tensor) -> Tensor:
        return base._reshaped(self.shape)

    def write(self, base: Tensor, value: Tensor) -> Tensor:
        return value._reshaped(base.shape)

    def of(self, seen: View, shape: tuple[int, ...]) -> Reshaped | None:
        return self if type(seen) is Reshaped else None


class Permuted:
    """A view: its base with the axes in another order, counted from the front."""

    __slots__ = ("axes",)

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes

    def read(self, base: Tensor) -> Tensor:
        return base._permuted(self.axes)

    def write(self, base: Tensor, value: Tensor) -> Tensor:
        return value._permuted(tuple(sorted(range(len(self.axes)), key=self.axes.__getitem__)))

    def of(self, seen: View, shape: tuple[int, ...]) -> Permuted | None:
        return Permuted(tuple([seen.axes[a] for a in self.axes])) if type(seen) is Permuted else None


class OfComplex:
    """A view: the real or the imaginary part of a complex base."""

    __slots__ = ("is_real",)

    def __init__(self, is_real: bool) -> None:
        self.is_real = is_real

    def read(self, base: Tensor) -> Tensor:
        return base._real() if self.is_real else base._imag()

    def write(self, base: Tensor, value: Tensor) -> Tensor:
        return value + base._imag() * 1j if self.is_real else base._real() + value * 1j

    def of(self, seen: View, shape: tuple[int, ...]) -> None:
        return None


_PLAIN = frozenset({int, slice, type(...), type(None)})

View = Part | Reshaped | Permuted | OfComplex


def _parts(key: Any) -> tuple[Any, ...]:
    return key if type(key) is tuple else (key,)


def _indices(part: Any, length: int) -> range | None:
    """What part of a key reads along an axis, if it is an integer or a slice."""
    if type(part) is slice:
        return range(*part.indices(length))
    if _is_integer(part):
        return range(part % length, part % length + 1)
    return None


def _composed(first: tuple[Any, ...], second: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[Any, ...] | None:
    """The key that reads of a tensor of `shape` what `second` reads of its elements at `first`, if both are integers and slices."""
    if len(first) > len(shape):  # an axis is made by None
        return None
    key: list[Any] = []
    further = list(second)
    for part, length in zip(first + (slice(None),) * (len(shape) - len(first)), shape, strict=False):
        indices = _indices(part, length)
        if indices is None:
            return None
        if type(part) is slice and further:
            part = further.pop(0)
            if _indices(part, 1) is None:
                return None
            found = indices[part]
            indices = range(found, found + 1) if _is_integer(part) else found
        if _is_integer(part):
            key.append(indices[0])
        else:
            key.append(slice(indices.start, indices.stop if indices.stop >= 0 else None, indices.step) if indices else slice(0))
    return None if further else tuple(key)


def _is_integer(part: Any) -> bool:
    return type(part) is int or isinstance(part, numpy.integer)


def shown(view: Tensor) -> View:
    return view._extra.view  # type: ignore[union-attr, return-value]


def _row(view: View, shape: tuple[int, ...]) -> int | None:
    """The row that a view lies in, if its key begins with an integer."""
    part = _parts(view.key)[:1] if type(view) is Part else ()
    return int(part[0]) % shape[0] if part and _is_integer(part[0]) else None
