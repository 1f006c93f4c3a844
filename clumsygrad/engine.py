"""The reverse pass, newest tensor first.

Parents are older than their children, so the order of the ids is a topological order: a heap of ids replaces recursion and
sorting. This module knows no operation and no array library; of a tensor it knows what is written below it.

A tensor here is any object with `_id` (rising with age of birth), `_rule` (None for a leaf), `_parents` (tensors and constants),
`_attributes`, `_extra` (None, or an object with `retains`) and `_version_before(id)`. A rule maps (tensor, gradient) to one
gradient per parent, or None where there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextvars import ContextVar
from heapq import heappop, heappush, heapreplace
from typing import Any

Gradients = dict[int, tuple[Any, Any]]

# What the running pass wants: None outside a pass, True for everything, or the ids of the tensors that lead to the requested ones.
wanted: ContextVar[Collection[int] | bool | None] = ContextVar("clumsygrad_wanted", default=None)


def lineage(root: Any, oldest: int, targets: Collection[int]) -> tuple[Collection[int], bool]:
    """The ids of all tensors on a way from `root` down to `targets`, and whether a tensor older than `oldest` was met."""
    cls = type(root)
    ways: dict[int, list[int]] = {}
    met_older = root._id < oldest
    stack = [] if met_older else [root]
    while stack:
        tensor = stack.pop()
        if tensor._id in ways:
            continue
        below = ways[tensor._id] = []
        for parent in tensor._parents:
            if type(parent) is cls:
                if parent._id > tensor._id:
                    parent = parent._version_before(tensor._id)
                if parent._id < oldest:
                    met_older = True
                else:
                    below.append(parent._id)
                    stack.append(parent)
    leads = set(targets)
    for number in sorted(ways):
        if number not in leads and not leads.isdisjoint(ways[number]):
            leads.add(number)
    return leads, met_older


def propagate(
    root: Any,
    gradient: Any,
    *,
    leading: Collection[int] | None = None,
    release: dict[str, Any] | None = None,
    guard: Callable[..., Any] | None = None,
) -> Gradients:
    """Carry `gradient` from `root` down to the leaves, and return {id: (tensor, gradient)} of them and of what retains its gradient.

    Given `leading`, only tensors whose ids it holds are passed or reached. Unless `release` is None every tensor passed forgets what it
    was made from, and keeps `release` as its attributes, to tell of it. After an exception in a rule the root at least is released.
    """
    cls = type(root)
    sums: dict[int, Any] = {}  # the gradient that each tensor on the way has gathered, by its id
    ends: dict[int, Any] = {}  # the leaves among them
    waiting: dict[
        int, Any
    ] = {}  # and the others, whose ids are in the heap; the next one is kept out: it often comes and goes alone
    heap: list[int] = []
    retained: Gradients = {}
    token = wanted.set(True if leading is None else leading)
    tensor = root
    del root
    try:
        if tensor._rule is None:
            return {tensor._id: (tensor, gradient)}
        while True:
            child = tensor._id
            parents = tensor._parents
            if tensor._extra is not None and tensor._extra.retains and leading is None:
                retained[child] = (tensor, gradient)
            try:
                gradients = tensor._rule(tensor, gradient) if guard is None else guard(tensor._rule, tensor, gradient)
            except Exception as error:
                _describe(error, tensor)
                raise
            finally:
                if release is not None:
                    tensor._rule = released_backward
                    tensor._parents = ()
                    tensor._attributes = release
            if len(parents) == 1 and not heap and leading is None:  # a chain: nothing to gather, nothing to order
                parent = parents[0]
                if parent._id < child and parent._rule is not None and gradients[0] is not None:
                    tensor, gradient = parent, gradients[0]
                    continue
            following = None
            index = -1
            for parent in parents:
                index += 1
                gradient = gradients[index]
                if gradient is None or type(parent) is not cls:
                    continue
                number = parent._id
                if number > child:
                    parent = parent._version_before(child)
                    number = parent._id
                if number in sums:
                    sums[number] = sums[number] + gradient
                elif leading is None or number in leading:
                    sums[number] = gradient
                    if parent._rule is None:
                        ends[number] = parent
                    elif following is None:
                        following = parent
                    else:
                        waiting[number] = parent
                        heappush(heap, -number)
            if heap and (following is None or following._id < -heap[0]):
                if following is None:
                    tensor = waiting.pop(-heappop(heap))
                else:
                    waiting[following._id] = following
                    tensor = waiting.pop(-heapreplace(heap, -following._id))
            elif following is None:
                return retained | {number: (end, sums[number]) for number, end in ends.items()}
            else:
                tensor, following = following, None  # no name may keep what the pass has released
            gradient = sums.pop(tensor._id)
    finally:
        wanted.reset(token)


def released_backward(tensor: Any, grad: Any) -> Any:
    """The rule of a tensor whose graph a pass has used up: it says where."""
    place = tensor._attributes["released"]
    raise RuntimeError(
        f"backward: this graph was released by the pass at {place}. To pass through it again, give that pass retain_graph=True; "
        "otherwise run the forward pass again"
    )


def operation_name(rule: Any) -> str:
    """The name of the operation that a rule belongs to: `exp` for `exp_backward`."""
    return str(rule.__name__).removesuffix("_backward")


def _describe(error: Exception, tensor: Any) -> None:
    if tensor._rule is not released_backward:
        shapes = ", ".join(str(tuple(getattr(parent, "shape", ()))) for parent in tensor._parents)
        error.add_note(f"in the backward function of {operation_name(tensor._rule)}, operands of shape {shapes}")
