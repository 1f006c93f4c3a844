"""Memory for time: a function whose inner values are computed again in the backward pass."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .. import _tree
from .._modes import checkpoint_set, recording, recording_set
from .._versions import as_read
from ..engine import parents_as_read
from ..tensor import Tensor, record
from ._scope import _Pullback, _Scope, constants, name_of

__all__ = ["checkpoint"]


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, whose inner values are not kept for the backward pass, but computed again in it.

    What is kept of a call are its arguments and its result. Arguments and result are trees; the tensors that `f` closes over are
    differentiated like its arguments, by every transform and tape, to any order. Checkpoints may stand inside each other: of n steps
    in segments of √n, each a checkpoint, about 2√n states are alive at once, for one more forward pass.

    `f` must compute the same when it is called again: no random draws of its own, no assignment to what it closes over. What it
    assigns to its arguments is not seen outside while operations are recorded. (Under jax.jit XLA may find that the second call is
    the same, and keep the values after all.)

    Raises RuntimeError in the backward pass where a differentiated tensor that `f` closes over was changed since (a constant is not
    looked at), or where `f` does something else the second time.

    >>> import numpy as np, clumsygrad as cg
    >>> step = cg.func.checkpoint(lambda x, rate: x + rate * cg.sin(x) * cg.cos(x))
    >>> cg.func.grad(lambda x: cg.sum(step(step(x, 0.1), 0.1)))(np.asarray([0.0, 1.0]))
    array([1.21      , 0.91075396])
    """

    @functools.wraps(f)
    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        if not recording():
            return f(*args, **kwargs)
        leaves, structure = _tree.flatten((args, kwargs))
        numbers = [i for i, x in enumerate(leaves) if type(x) is Tensor and x._tracked]
        tracked = [leaves[i] for i in numbers]
        for i in numbers:
            leaves[i] = None
        call = _Call(f, structure, leaves, numbers)
        scope = _Scope(call.name, [tracked])
        return _kept(call, tracked, scope, *call(scope.arguments, scope.oldest))

    return checkpointed


def _kept(call: _Call, tracked: list[Tensor], scope: _Scope, leaves: list[Any], structure: Any) -> Any:
    """The results of a call as tensors that remember the call, and nothing of what led from its arguments to them."""
    call.outputs = [i for i, x in enumerate(leaves) if type(x) is Tensor and x._tracked and x._id >= scope.oldest]
    inner = [leaves[i] for i in call.outputs]
    call.captured = list(_captured(call.name, _inside(inner, scope), scope.oldest).items())
    parents = tuple([as_read(x) for x in (*tracked, *[x for _, x in call.captured])])
    if len(inner) == 1:
        leaves[call.outputs[0]] = record(inner[0]._data, checkpoint_backward, parents, {"call": call})
    elif inner:
        joined = record(inner[0]._data, checkpoint_backward, parents, {"call": call})
        for index, number in enumerate(call.outputs):
            attributes = {"index": index, "count": len(inner)}
            leaves[number] = record(inner[index]._data, checkpoint_output_backward, (joined,), attributes)
    return _tree.unflatten(structure, leaves)


class _Call:
    """What a checkpointed function was called with, so that it can be called again."""

    def __init__(self, f: Callable[..., Any], structure: Any, leaves: list[Any], numbers: list[int]) -> None:
        self.f = f
        self.name = f"checkpoint of {name_of(f)}"
        self.structure = structure
        self.leaves = constants(leaves)  # but for the tracked ones, which stand at `numbers`
        self.numbers = numbers
        self.outputs: list[int] = []  # which leaves of the result depend on something tracked
        self.captured: list[tuple[int, Tensor]] = []  # what else it read: the ids, and the tensors

    def __call__(self, tracked: Sequence[Any], oldest: int) -> tuple[list[Any], Any]:
        """The leaves and the structure of the result, recorded, of tensors whose ids begin with `oldest`."""
        leaves = constants(self.leaves)  # which the function may assign to
        for number, x in zip(self.numbers, tracked, strict=True):
            leaves[number] = x
        args, kwargs = _tree.unflatten(self.structure, leaves)
        with recording_set(True), checkpoint_set(oldest):
            return _tree.flatten(self.f(*args, **kwargs))

    def pull(self, values: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        """The gradients of what the call depends on (tracked arguments, then captured tensors, with these values)."""
        for number, x in self.captured:
            if x._id != number:
                raise RuntimeError(
                    f"{self.name}: a tensor of shape {x.shape} that it closes over was changed after the forward pass, and the "
                    "function would compute something else now: hand it over as an argument, or change it after backward"
                )
        scope = _Scope(self.name, [list(values)])
        own = scope.arguments
        leaves, _ = self(own[: len(self.numbers)], scope.oldest)
        stand_ins = dict(zip([number for number, _ in self.captured], own[len(self.numbers) :], strict=True))
        inside = _inside([x for x in leaves if type(x) is Tensor and x._tracked and x._id >= scope.oldest], scope)
        unknown = _captured(self.name, inside, scope.oldest).keys() - stand_ins.keys()
        if unknown or any(type(leaves[i]) is not Tensor for i in self.outputs):
            raise RuntimeError(
                f"{self.name}: the function computed something else than in the forward pass; it must do the same twice"
            )
        for x in inside:  # what it closes over becomes an argument: the pass ends there
            x._parents = tuple([stand_ins.get(p._id, p) if type(p) is Tensor else p for p in x._parents])
        return _Pullback(scope, [leaves[i] for i in self.outputs])(cotangents, release=True)


def checkpoint_backward(tensor: Tensor, grad: Any) -> tuple[Any, ...]:
    """z = f(x, captured): f again, recorded, and the cotangents pulled back through it. In tensors this is itself a checkpoint."""
    call = tensor._attributes["call"]
    cotangents = list(grad) if isinstance(grad, _Cotangents) else [grad]
    values = parents_as_read(tensor)
    if any(type(g) is Tensor for g in cotangents):
        return tuple(checkpoint(call.pull)(values, cotangents))
    return tuple(call.pull([x._data for x in values], cotangents))


def checkpoint_output_backward(tensor: Tensor, grad: Any) -> tuple[Any, ...]:
    """One of several results: its cotangent among those of all."""
    index, count = tensor._attributes["index"], tensor._attributes["count"]
    return (_Cotangents([grad if i == index else None for i in range(count)]),)


class _Cotangents(tuple[Any, ...]):
    """One cotangent, or None, for each of several results; they add up one by one."""

    __slots__ = ()

    def __add__(self, other: Any) -> _Cotangents:
        return _Cotangents([b if a is None else a if b is None else a + b for a, b in zip(self, other, strict=True)])


def _inside(outputs: Iterable[Tensor], scope: _Scope) -> list[Tensor]:
    """What was computed in a scope on the way from its arguments to the outputs."""
    ends = set(scope.numbers)
    found: dict[int, Tensor] = {}
    stack = list(outputs)
    while stack:
        tensor = stack.pop()
        if tensor._id >= scope.oldest and tensor._id not in found and tensor._id not in ends:
            found[tensor._id] = tensor
            stack += parents_as_read(tensor)
    return list(found.values())


def _captured(name: str, inside: Iterable[Tensor], oldest: int) -> dict[int, Tensor]:
    """The tensors, by id, that were computed with and are older than the call: those that the function closes over."""
    older: dict[int, Tensor] = {}
    for tensor in inside:
        for parent in tensor._parents:
            if type(parent) is not Tensor:
                continue
            if parent._id < oldest:
                older[parent._id] = parent
            elif parent._id > tensor._id and parent._version_before(tensor._id)._id < oldest:
                raise RuntimeError(
                    f"{name}: the function assigns to a tensor of shape {parent.shape} that it closes over, and would do so again "
                    "in the backward pass: hand it over as an argument, and return it"
                )
    return older
