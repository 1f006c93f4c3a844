"""What a tensor that was assigned to, or is a view, or has a gradient, keeps besides: most tensors are none of these."""

from __future__ import annotations

import math
import operator
import sys
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ._keys import apart, copied_part
from ._modes import checkpointed_from, recording, recording_set
from ._views import Part, View, Views, shown
from .engine import watching
from .xp import Array, array_namespace, device, device_arrays, ndarray, numpy, on_its_device

if TYPE_CHECKING:
    from ._hooks import Hooks
    from .tensor import Tensor

__all__ = ["Extra", "Write", "as_read", "as_read_in_part", "changed", "is_blank", "present", "snapshot"]


class Extra:
    """What only some tensors need: a gradient, hooks, older versions, the base and the living views of a view.

    `read` is a weak reference to what graphs hold of a view's present version in its place (as_read). `private` is the id of the version
    that a write into a part of it made, until a graph holds that as it is (`changed`); `blank` then stands for its old arrays.
    """

    __slots__ = ("base", "blank", "gradient", "hooks", "private", "read", "retains", "versions", "view", "views")

    def __init__(self) -> None:
        self.gradient: Any = None
        self.versions: Sequence[Tensor] = ()
        self.base: Tensor | None = None
        self.view: View | None = None
        self.views: Views | None = None
        self.read: weakref.ref[Tensor] | None = None
        self.private: int | None = None
        self.blank: Array | None = None
        self.retains = False
        self.hooks: Hooks | None = None

    def keep(self, old: Tensor) -> None:
        """Keep an older version. The hooks that were registered on it are its own, and go with it."""
        if not isinstance(self.versions, list):
            self.versions = []
        self.versions.append(old)
        old._extra = None  # which it may have shared (Tensor._heeded)
        if self.hooks is not None:
            extra = old._extra = Extra()
            extra.hooks, self.hooks = self.hooks, None


class Write:
    """The change that writing a value into a view (or at a key) makes in its base, for Tensor._change."""

    __slots__ = ("value", "view")

    def __init__(self, view: View, value: Any) -> None:
        self.view, self.value = view, value

    def __call__(self, old: Tensor) -> Tensor:
        return self.view.write(old, self.value)

    def within(self, old: Tensor) -> Tensor:
        """The same, in the memory of the old version, of which the view is a part."""
        return old._overwrite(self.view.key, self.value)  # type: ignore[union-attr]


def present(tensor: Tensor) -> Tensor:
    """The present version as a tensor of its own, with the same id; of a view, or of a private version, the same as long as it is held."""
    extra = tensor._extra
    known = extra.read() if extra is not None and extra.read is not None else None
    if known is not None and known._id == tensor._id:
        return known
    version = snapshot(tensor)
    if extra is not None and (extra.base is not None or extra.private == tensor._id):
        extra.read = weakref.ref(version)
    return version


def snapshot(tensor: Tensor) -> Tensor:
    """The present version as a new tensor with the same id, which nobody heeds."""
    version: Tensor = object.__new__(type(tensor))
    version._data = tensor._data
    version._id = tensor._id
    version._tracked = tensor._tracked
    version._rule = tensor._rule
    version._parents = tensor._parents
    version._attributes = tensor._attributes
    version._extra = None
    return version


def as_read(tensor: Tensor) -> Tensor:
    """What a graph is to hold of a tensor that it read: the tensor; of a view of what is written again and again, its present version.

    So the view ends with its last other owner, and no later write has to read it anew: a loop that steps by slices reads a few.
    """
    extra = tensor._extra
    if extra is None:
        return tensor
    extra.private = None
    if extra.base is None or _must_be_heeded(tensor):
        return tensor
    base: Any = extra.base
    while base._extra.base is not None:
        base = base._extra.base
    return present(tensor) if base._extra.versions or base._extra.private is not None else tensor


def as_read_in_part(tensor: Tensor) -> Tensor:
    """What a graph is to hold of a private version of which it reads a part: a blank with its id, which keeps neither array nor tensor."""
    extra: Any = tensor._extra
    if _must_be_heeded(tensor) or watching.get() is not None:
        return tensor
    version = present(tensor)
    version._data = extra.blank = on_its_device(_blank, tensor._data, extra.blank)
    return version


def _must_be_heeded(tensor: Tensor) -> bool:
    """Whether a graph is to hold a tensor itself: a leaf, one with hooks, and what a checkpoint closes over, which looks if it changes."""
    extra: Any = tensor._extra
    return tensor._rule is None or extra.hooks is not None or extra.retains or tensor._id < checkpointed_from()


def changed(tensor: Tensor, change: Callable[[Tensor], Tensor]) -> None:
    """Give a tensor the version `change(old version)`, write it through to its bases, and have every view of them read anew.

    A version that writing a part made, and of which graphs have read parts alone, is written in its own memory, if nobody else holds
    that; and no graph needs it once it is old. So a loop over the rows of an array neither copies nor keeps the others. (Who watches
    for anomalies looks at every version.)
    """
    tensor, change, olds = _through_to_base(tensor, change)
    extra: Any = tensor._extra
    write: Any = change if type(change) is Write and type(change.view) is Part else None
    private = write is not None and extra is not None and extra.private == tensor._id and watching.get() is None
    within = private and _is_sole_holder(tensor, write.view)
    before = on_its_device(copied_part, tensor._data, write.view.key) if within else None
    old = present(tensor)
    old._data = tensor._data  # which it may have been without (as_read_in_part)
    is_leaf = tensor._tracked and tensor._rule is None
    try:
        new = write.within(old) if within else change(old)
        new._tracked = new._tracked or is_leaf
        changes = [(tensor, new)]
        _read_anew(tensor, new, changes, write.view if write is not None and old._rule is not None and recording() else None)
    except BaseException:
        if within:
            on_its_device(operator.setitem, tensor._data, write.view.key, before)
        raise
    if private and old._rule is not None:
        old._data = extra.blank = on_its_device(_blank, old._data, extra.blank)
    olds[tensor._id] = old
    if write is not None:
        tensor._extras().private = new._id
    for tensor, new in changes:  # nobody may go on with the old version of a leaf, nor with what its views read of that
        _become(tensor, None if is_leaf else olds.get(tensor._id, tensor), new)


def _through_to_base(
    tensor: Tensor, change: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Callable[[Tensor], Tensor], dict[int, Tensor]]:
    """What is to change, and how, where `change` is to be seen in `tensor`: the first of its bases; and the old versions of the others."""
    olds: dict[int, Tensor] = {}  # by id
    while True:
        if tensor._tracked and tensor._rule is None and recording():
            raise RuntimeError(
                "a leaf that requires a gradient was assigned to (itself, or through a view of it): its gradient would be that of "
                "no value it holds. Assign under clumsygrad.no_grad(), or to a copy of it: x = x + 0"
            )
        extra = tensor._extra
        if extra is None or extra.base is None:
            return tensor, change, olds
        old = olds[tensor._id] = _as_written(tensor)
        change = Write(extra.view, change(old))  # type: ignore[arg-type]
        tensor = extra.base


def _is_sole_holder(tensor: Tensor, part: Part) -> bool:
    """Whether a tensor's array can be written at a key with nobody to see it: who else holds it, or a view of it, counts as a reference."""
    if _references(tensor) != _ONE or tensor._data.base is not None or not part.is_plain():
        return False
    if type(tensor._data) is ndarray:
        return True
    return _count(tensor._data.data) == _ONE == _count(tensor._data.data.mem)  # which CuPy's as_strided holds without the array


def _references(tensor: Any) -> float:
    """How often a tensor's array is held; nan where Python does not count, or where views do not hold what they are views of.

    No name here holds it: a tracer that looks at local variables would be one more.
    """
    return _count(tensor._data) if type(tensor._data) is ndarray or type(tensor._data) in device_arrays else math.nan


class _Holder:
    __slots__ = ("_data",)

    def __init__(self) -> None:
        self._data = numpy.zeros(1)


_count: Callable[[Any], float] = getattr(sys, "getrefcount", lambda x: math.nan)
_ONE = _references(_Holder())
_blanks: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()


def _blank(data: Array, known: Array | None) -> Array:
    """What stands for an array that nobody reads again: nan in its shape and dtype, in the memory of one number."""
    if known is not None and known.shape == data.shape and known.dtype == data.dtype:
        return known
    xp = array_namespace(data)
    blank = xp.broadcast_to(xp.full((), math.nan, dtype=data.dtype, device=device(data)), data.shape)
    _blanks[id(blank)] = blank
    return blank


def is_blank(data: Any) -> bool:
    """Whether an array stands for one that nobody reads again."""
    return _blanks.get(id(data)) is data


def _become(tensor: Tensor, old: Tensor | None, new: Tensor) -> None:
    """Make the version `new` a tensor's present one, and keep the old one for whoever read it."""
    if old is not None and old._rule is not None:
        tensor._extras().keep(present(tensor) if old is tensor else old)
    tensor._data = new._data
    tensor._id = new._id
    if tensor._rule is not None or not tensor._tracked:  # a leaf that requires a gradient stays one
        tensor._tracked = new._tracked
        tensor._rule = new._rule
        tensor._parents = new._parents
        tensor._attributes = new._attributes


def _as_written(tensor: Tensor) -> Tensor:
    """The present version; of a view that was read while nothing was recorded, what would be read of its base now."""
    views, base = [], tensor
    while not base._tracked and base._extra is not None and base._extra.base is not None and recording():
        views.append(shown(base))
        base = base._extra.base
    if not views or not base._tracked:
        return present(tensor)
    for view in reversed(views):
        base = view.read(base)
    return base


def _read_anew(tensor: Tensor, new: Tensor, changes: list[tuple[Tensor, Tensor]], written: Part | None = None) -> None:
    """Add to `changes` the living views of a tensor that is about to become `new`, and theirs, each with what it will be.

    If only the part `written` is new, and the old version is kept, views of other parts are left out: they go on reading that.
    """
    fresh = [(tensor, new)]
    for base, new in fresh:  # which grows meanwhile
        views = base._extra.views if base._extra is not None else None
        for view in views.living(written if base is tensor else None, base._data.shape) if views is not None else ():
            with recording_set(recording() or view._tracked):  # what was read of a leaf goes on depending on it
                part = shown(view).read(new)
                part._data = apart(part._data, new._data)
            if base is tensor or base._extra.retains:  # type: ignore[union-attr]
                part._parents = (base,) if part._tracked else ()
            else:
                base._extra.read = weakref.ref(new)  # type: ignore[union-attr]
            fresh.append((view, part))
    changes += fresh[1:]
