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
    targets: Collection[int] = (),
    leading: Collection[int] | None = None,
    release: dict[str, Any] | None = None,
    guard: Callable[..., Any] | None = None,
) -> Gradients:
    """Carry `gradient` from `root` down, and return {id: (tensor, gradient)} of what it was carried to.

    It is carried to the leaves, and to tensors that retain their gradient; or, given `targets`, to the tensors of those ids alone,
    through tensors whose ids are in `leading`. Unless `release` is None every tensor passed forgets what it was made from, and
    keeps `release` as its attributes, to tell of it. After an exception in a rule the root at least is released.
    """
    cls = type(root)
    ends: dict[int, Any] = {}  # where gradients arrive, and what has arrived there so far
    totals: dict[int, Any] = {}
    waiting: dict[int, Any] = {}  # tensors still to be passed, what they have gathered, and a heap of their ids
    sums: dict[int, Any] = {}
    heap: list[int] = []
    token = wanted.set(True if leading is None else leading)
    tensor = root
    del root
    try:
        if tensor._rule is None or tensor._id in targets:
            return {tensor._id: (tensor, gradient)}
        while True:
            if tensor._extra is not None and tensor._extra.retains and leading is None:
                ends[tensor._id], totals[tensor._id] = tensor, gradient
            parents = tensor._parents
            child = tensor._id
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
            if not heap and leading is None and len(parents) == 1:  # a chain: nothing to gather, nothing to order
                parent = parents[0]
                if type(parent) is cls and parent._rule is not None and parent._id < child and gradients[0] is not None:
                    tensor, gradient = parent, gradients[0]
                    continue
            tensor = None  # the next tensor: kept out of the heap, where it would often come and go alone
            index = -1
            for parent in parents:
                index += 1
                change = gradients[index]
                if change is None or type(parent) is not cls:
                    continue
                number = parent._id
                if number > child:
                    parent = parent._version_before(child)
                    number = parent._id
                if parent._rule is None if leading is None else number in targets:
                    if number in totals:
                        totals[number] = totals[number] + change
                    else:
                        ends[number], totals[number] = parent, change
                elif number in sums:
                    sums[number] = sums[number] + change
                elif tensor is not None and number == tensor._id:
                    gradient = gradient + change
                elif leading is None or number in leading:
                    if tensor is None:
                        tensor, gradient = parent, change
                    else:
                        waiting[number], sums[number] = parent, change
                        heappush(heap, -number)
            if heap and (tensor is None or tensor._id < -heap[0]):
                if tensor is not None:
                    waiting[tensor._id], sums[tensor._id] = tensor, gradient
                    number = -heapreplace(heap, -tensor._id)
                else:
                    number = -heappop(heap)
                tensor, gradient = waiting.pop(number), sums.pop(number)
            elif tensor is None:
                return {number: (ends[number], total) for number, total in totals.items()}
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
