"""Tensor: an array, where it came from, and its versions.

A tensor holds the array it was given, of whatever library, on whatever device. What is computed from a tensor that requires a
gradient is recorded in the result itself: the backward function (`_rule`), the operands (`_parents`: tensors that are
differentiated, and constants) and what else the function was called with (`_attributes`).

Arrays are never written where anybody could see it. Assigning to a tensor gives it a new version: a new array, a new id, a record of
its own; whatever read the tensor before goes on reading the version that it read.
"""

from __future__ import annotations

import itertools
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator
from operator import attrgetter, index
from typing import Any, ClassVar

from . import _transfer, engine
from . import xp as _xp
from ._exits import refused_array, refused_number
from ._gradients import check_differentiable, check_gradient, deliver, place, unit_gradient
from ._hooks import HookHandle, Hooks
from ._modes import no_grad, numbers_allowed, reset_recording, set_recording
from ._operators import Operators
from ._versions import Extra, Write, changed, present
from ._views import Part, View, Views
from .xp import Array

next_id: Callable[[], int] = itertools.count(1).__next__

_new = object.__new__
_making_extras = threading.RLock()  # threads that read one leaf make it one only
_RETAIN = "To pass through it again, give that pass retain_graph=True"
_id_of = attrgetter("_id")


@_xp.wrapper
class Tensor(Operators):
    """An array that remembers how it was computed, so that it can be differentiated.

    `data` is an array of any library (held as it is: no copy, no change of dtype, no move), a Tensor that requires no gradient (its
    array is shared), or a number or nested list of numbers (through NumPy's `asarray`). With `requires_grad=True` the tensor is a
    leaf: `backward()` of what is computed from it writes its `.grad`. `dtype` and `device` convert the array first.

    Raises TypeError where a gradient is asked of an integer or boolean array, RuntimeError for a tensor that requires a gradient.

    >>> import clumsygrad as cg
    >>> x = cg.Tensor([1.0, 2.0], requires_grad=True)
    >>> cg.sum(x * x).backward()
    >>> x.grad
    array([2., 4.])
    """

    __slots__ = ("__weakref__", "_attributes", "_data", "_extra", "_id", "_parents", "_rule", "_tracked")

    _data: Any
    _id: int
    _tracked: bool
    _rule: Callable[[Tensor, Any], tuple[Any, ...]] | None
    _parents: tuple[Any, ...]
    _attributes: Any  # a dict by name; of a Python scalar's operation the pair (parameter, scalar); None
    _extra: Extra | None

    _wanted: ClassVar[Callable[[], Any]] = engine.wanted.get
    _gathered: ClassVar[Callable[[], engine.Gathered | None]] = engine.gathered.get
    _constant: ClassVar[Callable[[Any], Tensor]]  # `constant`; for rules, which find the three here

    def __init__(self, data: Any, requires_grad: bool = False, *, dtype: Any = None, device: Any = None) -> None:
        if type(data) is Tensor:
            data._refuse_to_leave("Tensor()")
            data = data._data
        if not _xp.is_array(data):
            data = _xp.from_python(data)
        if dtype is not None and data.dtype != dtype:
            data = _xp.on_its_device(_xp.array_namespace(data).astype, data, dtype)
        if device is not None:
            data = _transfer.to_device(data, device)
        if requires_grad:
            check_differentiable(data, "Tensor(..., requires_grad=True)")
        self._data = _xp.as_scalar(data)
        self._id = next_id()
        self._tracked = requires_grad
        self._rule = None
        self._parents = ()
        self._attributes = None
        self._extra = None

    # What it holds ----------------------------------------------------------------------------------------------------------

    @property
    def data(self) -> Array:
        """The array. Assigning one gives the tensor a new version; a leaf stays a leaf, and of another shape has no gradient."""
        return _xp.as_0d_array(self._data)

    @data.setter
    def data(self, value: Array) -> None:
        new = Tensor(value)
        if self._tracked:
            check_differentiable(new._data, "data of a tensor that requires a gradient")
        if self._extra is not None and new.shape != self.shape:  # which would be added to those of the new shape, broadcast
            self._extra.gradient = None
        self._renew(new)

    def _renew(self, new: Tensor) -> None:
        """Take the array of a tensor that was made for it, and the id of that as this version's."""
        extra = self._extra
        is_seen_through = extra is not None and (extra.base is not None or extra.views is not None)
        if self._rule is None and not is_seen_through:
            self._data, self._id = new._data, new._id
            return
        with no_grad():
            self._change(lambda old: new)

    @property
    def grad(self) -> Array | None:
        """The gradient that `backward()` left: an array like `.data` (a Tensor after `create_graph=True`), or None."""
        gradient = self._extra.gradient if self._extra is not None else None
        return gradient if type(gradient) is _xp.ndarray else _xp.as_0d_array(gradient)

    @grad.setter
    def grad(self, value: Array | None) -> None:
        if value is not None:
            value = _fitted(self._data, value, "grad")
            self._extras().gradient = value
        elif self._extra is not None:
            self._extra.gradient = None

    @property
    def requires_grad(self) -> bool:
        """Whether this tensor is differentiated: a leaf that asked for it, or anything computed from one."""
        return self._tracked

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if self._rule is not None:
            raise RuntimeError("requires_grad can be set on a leaf only: this tensor was computed; use detach() to cut it off")
        if value:
            check_differentiable(self._data, "requires_grad")
        self._tracked = bool(value)

    @property
    def is_leaf(self) -> bool:
        """True for a tensor that was given, not computed."""
        return self._rule is None

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes."""
        return tuple(self._data.shape)

    @property
    def dtype(self) -> Any:
        """The dtype, an object of the array's own library."""
        return self._data.dtype

    @property
    def device(self) -> Any:
        """The device, an object of the array's own library."""
        return _xp.device(self._data)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._data.shape)

    @property
    def size(self) -> int | None:
        """The number of elements."""
        return _xp.size(self._data)

    def __len__(self) -> int:
        if not self._data.shape:
            raise TypeError("len() of a 0-d tensor")
        return int(self._data.shape[0])

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        flag = ", requires_grad=True" if self._tracked else ""
        return f"Tensor({self.data!r}{flag})"

    def __format__(self, specification: str) -> str:
        return format(self.item(), specification) if specification else str(self)

    __hash__ = object.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        return Tensor, (self.data, self._tracked and self._rule is None)

    def __copy__(self) -> Tensor:
        return self.__deepcopy__({})

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self._rule is not None:  # what was computed stays in the graph: other libraries copy what they are handed
            return memo.setdefault(id(self), self._astype(self._data.dtype))  # type: ignore[no-any-return]
        copy = memo[id(self)] = Tensor(_xp.on_its_device(_xp.copied, self._data), self._tracked)
        return copy

    # Leaving the graph --------------------------------------------------------------------------------------------------------

    def detach(self) -> Tensor:
        """The same array as a constant: no gradient flows through the result."""
        return constant(self._data)

    def item(self) -> Any:
        """The only element, as a Python number. Allowed on any tensor: a number has no gradient to lose."""
        return _transfer.number(self._data)

    def numpy(self) -> Array:
        """A NumPy copy, on the host. Raises RuntimeError on a tensor that requires a gradient: `x.detach().numpy()`."""
        self._refuse_to_leave("numpy()")
        return _xp.numpy.array(_transfer.to_numpy(self._data), copy=True)

    def _refuse_to_leave(self, way: str) -> None:
        if self._tracked:
            raise refused_array(way)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        self._refuse_to_leave("np.asarray")
        return _xp.numpy.asarray(_transfer.to_numpy(self._data), dtype=dtype, copy=copy)

    def __dlpack__(self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: bool | None = None) -> Any:
        self._refuse_to_leave("__dlpack__")
        options = {"stream": stream, "max_version": max_version, "dl_device": dl_device, "copy": copy}
        return self.data.__dlpack__(**{name: value for name, value in options.items() if value is not None})

    def __dlpack_device__(self) -> Any:
        return self.data.__dlpack_device__()

    def _number(self, cast: Callable[[Any], Any]) -> Any:
        if self._tracked and not numbers_allowed():
            raise refused_number(f"{cast.__name__}()")
        return cast(self._data)

    def __float__(self) -> float:
        return float(self._number(float))

    def __int__(self) -> int:
        return int(self._number(int))

    def __complex__(self) -> complex:
        return complex(self._number(complex))

    def __bool__(self) -> bool:
        return bool(self._data)

    def __index__(self) -> int:
        return index(self._data)

    # The reverse pass ---------------------------------------------------------------------------------------------------------

    def backward(self, gradient: Array | None = None, *, retain_graph: bool = False, create_graph: bool = False) -> None:
        """Add the gradient of this tensor with respect to every leaf it was computed from to that leaf's `.grad`.

        `gradient` is that of the final loss with respect to this tensor, an array of its shape, library and device; it may be left
        out where the tensor has one real element. The graph is released as the pass goes, unless `retain_graph` is set;
        `create_graph` records the pass itself (and retains the graph), so that `.grad` can be differentiated again.

        Raises RuntimeError where nothing requires a gradient, where the graph was released, or where a leaf was changed after the
        forward pass; ValueError or TypeError for a gradient that does not fit. After any exception every `.grad` is as before.
        """
        if not self._tracked:
            raise RuntimeError("backward: this tensor was computed from nothing that requires a gradient (requires_grad=True)")
        if gradient is None:
            gradient = unit_gradient(self._data, shared=not create_graph)
        else:
            gradient = _fitted(self._data, gradient, "backward")
        keep = retain_graph or create_graph
        if create_graph:
            gradient = gradient if type(gradient) is Tensor else constant(gradient)
        elif type(gradient) is Tensor:
            gradient = gradient._data
        release = None if keep else engine.Released(place(), _RETAIN)
        token = set_recording(create_graph)
        try:
            arrived = engine.propagate(self, gradient, release=release, guard=_xp.guard)
            deliver(arrived, gradient)
        finally:
            reset_recording(token)

    def retain_grad(self) -> None:
        """Have `backward()` leave a gradient here too, though this is no leaf."""
        if not self._tracked:
            raise RuntimeError("retain_grad: this tensor does not require a gradient")
        if self._rule is not None:
            self._heeded().retains = True

    def register_hook(self, hook: Callable[[Any], Any]) -> HookHandle:
        """Have each pass call `hook` with this version's gradient, once that is complete; what it returns, if not None, replaces it.

        The handle's `remove()` ends that. The gradient is an array, or a Tensor in a pass that is recorded; it must not be written.
        """
        if not self._tracked:
            raise RuntimeError("register_hook: this tensor does not require a gradient")
        extra = self._heeded()
        extra.hooks = extra.hooks or Hooks()
        return extra.hooks.add(hook)

    # Versions and views -------------------------------------------------------------------------------------------------------

    def _extras(self) -> Extra:
        if self._extra is None:
            with _making_extras:
                self._extra = self._extra or Extra()
        return self._extra

    def _heeded(self) -> Extra:
        """The extras, seen to also by what graphs hold of this tensor (_versions.as_read)."""
        extra = self._extras()
        if extra.read is not None:
            present(self)._extra = extra
        return extra

    def _version_before(self, reader: int) -> Tensor:
        """The newest version older than the tensor `reader` (an id), which read it."""
        versions = self._extra.versions if self._extra is not None else []
        index = bisect_left(versions, reader, key=_id_of)
        if not index:
            raise RuntimeError(
                f"a tensor of shape {self.shape} was changed after the forward pass that read it: "
                "run the forward pass again, or change it (an optimizer's step) after backward"
            )
        return versions[index - 1]

    def _change(self, change: Callable[[Tensor], Tensor]) -> None:
        """Give this tensor the version `change(old version)`, and whatever shows the same elements what it shows of that."""
        changed(self, change)

    def _see_through(self, base: Tensor, view: View) -> Tensor:
        """Make this new tensor, which is what `view` reads of `base`, a view: what is assigned to either is seen in both."""
        of_base = base._extra or base._extras()
        if of_base.base is not None:
            whole = view.of(of_base.view, of_base.base._data.shape)  # type: ignore[arg-type]
            if whole is not None:  # a view of a view, as one
                base, view = of_base.base, whole
                of_base = base._extra  # type: ignore[assignment]
        extra = self._extra = Extra()
        extra.base, extra.view = base, view
        if of_base.views is None:
            with _making_extras:
                of_base.views = of_base.views or Views()
        of_base.views.add(self, view, base._data.shape)
        return self

    def __setitem__(self, key: Any, value: Any, /) -> None:
        part = Part(key)
        self._change((lambda old: part.write(old, old)) if value is self else Write(part, value))

    def _in_place(self, operation: Callable[..., Any], other: Any) -> Any:
        """`self OPERATOR= other`: the result becomes the new version, in this tensor's shape and dtype."""
        name = operation.__name__

        def change(old: Tensor) -> Tensor:
            new: Tensor = operation(old, old if other is self else other)
            if new is NotImplemented:
                raise TypeError(f"{name}: in place with {_xp.type_in_words(other)}")
            if tuple(new._data.shape) != tuple(old._data.shape):
                raise ValueError(f"{name} in place: the result has shape {new.shape}, the tensor {old.shape}")
            if new._data.dtype == old._data.dtype:
                return new
            if _xp.kind(new._data) != _xp.kind(old._data):
                raise TypeError(f"{name} in place: the result has dtype {new.dtype}, which {old.dtype} cannot hold")
            return new._astype(old._data.dtype)

        self._change(change)
        return self

    @classmethod
    def _bind(cls, name: str, function: Any) -> None:
        """Give the class an operator or method that a later module defines. Called at import only; a test lists the names."""
        setattr(cls, name, function)


def record(
    data: Any,
    rule: Callable[[Tensor, Any], tuple[Any, ...]],
    parents: tuple[Any, ...],
    attributes: dict[str, Any] | tuple[str, complex] | None,
) -> Tensor:
    """A tensor that was computed from tensors that require a gradient. (Written without __init__: this is the hot path.)"""
    tensor = _new(Tensor)
    tensor._data = data
    tensor._id = next_id()
    tensor._tracked = True
    tensor._rule = rule
    tensor._parents = parents
    tensor._attributes = attributes
    tensor._extra = None
    return tensor


def constant(data: Any) -> Tensor:
    """A tensor that requires no gradient."""
    tensor = _new(Tensor)
    tensor._data = data
    tensor._id = next_id()
    tensor._tracked = False
    tensor._rule = None
    tensor._parents = ()
    tensor._attributes = None
    tensor._extra = None
    return tensor


Tensor._constant = staticmethod(constant)


# What comes in, and what goes out ---------------------------------------------------------------------------------------------


def _fitted(data: Array, gradient: Any, name: str) -> Any:
    """A gradient handed in for `data`, checked, and in its dtype."""
    check_gradient(data, gradient._data if type(gradient) is Tensor else gradient, name)
    return (
        gradient if gradient.dtype == data.dtype else _xp.on_its_device(_xp.array_namespace(gradient).astype, gradient, data.dtype)
    )
