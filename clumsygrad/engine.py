"""The reverse pass, newest tensor first.

Parents are older than their children, so the order of the ids is a topological order: a heap of ids replaces recursion and
sorting. This module knows no operation and no array library; of a tensor it knows what is written below it.

A tensor here is any object with `_id` (rising with age of birth), `_rule` (None for a leaf), `_parents` (tensors and constants),
`_attributes`, `_extra` (None, or an object with `retains` and `hooks`), `_version_before(id)` and, for errors, `_note_memory(error,
tensors)`. A rule maps (tensor, gradient) to one gradient per parent, or None where there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextvars import ContextVar
from heapq import heappop, heappush, heapreplace
from operator import add, attrgetter
from typing import Any

Gradients = dict[int, list[Any]]  # by id: the tensor, and its gradient

_id_of = attrgetter("_id")

# What the running pass wants: None outside a pass, True for everything, or the ids of the tensors that lead to the requested ones.
wanted: ContextVar[Collection[int] | bool | None] = ContextVar("clumsygrad_wanted", default=None)

# What the running pass has gathered so far, for rules that add to it; None outside a pass. The gradients of the leaves, those of tensors
# whose turn is yet to come, and a set in which rules note the ids of those whose gradient nobody else holds: it may be written in place.
Gathered = tuple[Gradients, Gradients, set[int]]
gathered: ContextVar[Gathered | None] = ContextVar("clumsygrad_gathered", default=None)

# What a pass makes, of its `guard`, to stand around its rules instead: None, or what looks for anomalies.
watching: ContextVar[Callable[[Any], Callable[..., Any]] | None] = ContextVar("clumsygrad_watching", default=None)


def lineage(root: Any, oldest: int, targets: Collection[int]) -> tuple[Collection[int] | None, bool]:
    """The ids of all tensors on a way from `root` down to `targets`, and whether a tensor older than `oldest` was met elsewhere.

    Where none was, everything leads to the targets, and None stands for the ids.
    """
    cls = type(root)
    met = {root._id, *targets}
    met_older = root._id < oldest
    passed = [] if met_older or root._id in targets else [root]
    for tensor in passed:  # which grows meanwhile
        reader = tensor._id
        for parent in tensor._parents:
            if type(parent) is cls:
                number = parent._id
                if number > reader:
                    parent = parent._version_before(reader)
                    number = parent._id
                if number < oldest:
                    met_older = True
                elif number not in met:
                    met.add(number)
                    passed.append(parent)
    return (_leading(passed, set(targets)) if met_older else None), met_older


def _leading(tensors: list[Any], leads: set[int]) -> set[int]:
    """`leads`, and the ids of those tensors that lead there."""
    for tensor in sorted(tensors, key=_id_of):
        if any(parent._id in leads for parent in parents_as_read(tensor)):
            leads.add(tensor._id)
    return leads


def parents_as_read(tensor: Any) -> list[Any]:
    """The tensors that one was computed from, in the versions that it read."""
    cls, reader = type(tensor), tensor._id
    return [x if x._id < reader else x._version_before(reader) for x in tensor._parents if type(x) is cls]


def propagate(
    root: Any,
    gradient: Any,
    *,
    leading: Collection[int] | None = None,
    release: Released | None = None,
    guard: Callable[..., Any] | None = None,
) -> Gradients:
    """Carry `gradient` from `root` down to the leaves, and return {id: [tensor, gradient]} of them and of what retains its gradient.

    Given `leading`, only tensors whose ids it holds are passed or reached. Given `release`, every tensor passed forgets what it was
    made from, and keeps `release` as its rule, to tell of it. After an exception in a rule the root at least is released.
    """
    ends: Gradients = {}  # the leaves reached so far, with what was gathered for them
    waiting: Gradients = {}  # and the tensors whose turn is yet to come, their ids in a heap
    heap: list[int] = []
    retained: Gradients = {}
    on_device = guard  # where the gradients of one tensor are summed
    watch = watching.get()
    if watch is not None:
        guard = watch(guard)
    token = wanted.set(True if leading is None else leading)
    adding = gathered.set((ends, waiting, set()) if watch is None else None)  # who watches sees each rule's own gradients
    tensor = root
    del root
    try:
        if tensor._rule is None:
            return {tensor._id: [tensor, _hooked(tensor, gradient)]}
        while True:
            child = tensor._id
            parents = tensor._parents
            if tensor._extra is not None:
                gradient = _hooked(tensor, gradient)
                if tensor._extra.retains and leading is None:
                    retained[child] = [tensor, gradient]
            try:
                gradients = tensor._rule(tensor, gradient) if guard is None else guard(tensor._rule, tensor, gradient)
            except Exception as error:
                if type(tensor._rule) is Released:
                    release = None  # so that it goes on telling of the pass that released it
                else:
                    _describe(error, tensor, [tensor for tensor, _ in waiting.values()])
                raise
            finally:
                if release is not None:
                    tensor._rule = release
                    tensor._parents = ()
                    tensor._attributes = None
            if len(parents) == 1 and not heap and leading is None:  # a chain: nothing to gather, nothing to order
                (parent,), (gradient,) = parents, gradients
                if parent._rule is not None and parent._id < child and gradient is not None:
                    tensor = parent
                    continue
            following = None  # the first parent that has parents of its own is kept out of the heap: often it comes and goes alone
            upcoming = 0  # its id
            for parent, part in zip(parents, gradients):  # noqa: B905 (rules are proven, or checked, to give one for each)
                if part is None:
                    continue
                number = parent._id
                if number > child:
                    parent = parent._version_before(child)
                    number = parent._id
                if leading is not None and number not in leading:
                    continue
                if parent._rule is None:
                    entry = ends.get(number)
                    if entry is None:
                        ends[number] = [parent, part]
                        continue
                elif number == upcoming:
                    gradient = gradient + part if on_device is None else on_device(add, gradient, part)
                    continue
                else:
                    entry = waiting.get(number)
                    if entry is None:
                        if following is None:
                            following = parent
                            upcoming = number
                            gradient = part
                        else:
                            waiting[number] = [parent, part]
                            heappush(heap, -number)
                        continue
                entry[1] = entry[1] + part if on_device is None else on_device(add, entry[1], part)
            if following is None:
                if not heap:
                    for end in ends.values():
                        extra = end[0]._extra
                        if extra is not None and extra.hooks is not None:
                            end[1] = extra.hooks(*end)
                    return ends | retained if retained else ends
                tensor, gradient = waiting.pop(-heappop(heap))
            elif not heap or upcoming > -heap[0]:
                tensor = following
            else:
                waiting[upcoming] = [following, gradient]
                tensor, gradient = waiting.pop(-heapreplace(heap, -upcoming))
            parent = following = part = entry = gradients = None  # no name may keep what the pass has released
    finally:
        wanted.reset(token)
        gathered.reset(adding)


def _hooked(tensor: Any, gradient: Any) -> Any:
    """A complete gradient, as the tensor's hooks leave it."""
    extra = tensor._extra
    return gradient if extra is None or extra.hooks is None else extra.hooks(tensor, gradient)


class Released:
    """The rule of a tensor whose graph a pass has used up: it says which, by its name or the place where it ran, and what to do."""

    __slots__ = ("_pass", "_remedy")
    __name__ = "released_backward"

    def __init__(self, by: Any, remedy: str) -> None:
        self._pass = by
        self._remedy = remedy

    @property
    def by(self) -> str:
        """The pass. A place tells its line only now: it costs as much as a small operation, and is seldom asked for."""
        return self._pass if isinstance(self._pass, str) else f"the pass at {self._pass}"

    def __call__(self, tensor: Any, grad: Any) -> Any:
        raise RuntimeError(f"backward: this graph was released by {self.by}. {self._remedy}, or run the forward pass again")


def operation_name(rule: Any) -> str:
    """The name of the operation that a rule belongs to: `exp` for `exp_backward`."""
    return str(rule.__name__).removesuffix("_backward")


def _describe(error: Exception, tensor: Any, waiting: Collection[Any]) -> None:
    shapes = ", ".join(str(tuple(getattr(parent, "shape", ()))) for parent in tensor._parents)
    error.add_note(f"in the backward function of {operation_name(tensor._rule)}, operands of shape {shapes}")
    tensor._note_memory(error, waiting)
