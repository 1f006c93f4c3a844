"""One application of a transform: the tensors it makes of its arguments, and the passes that end at them.

The only place in this package that runs the engine. A pass is a linear map from one cotangent per output to one gradient per
argument. Run in tensors it is recorded, as a function of the cotangents too; the pullback of that is the transposed map, from one
tangent per argument to one tangent per output.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from .. import _tree, engine
from .. import xp as _xp
from .._gradients import exclusive
from .._modes import recording_set, reset_recording, set_recording
from .._operands import first_array, is_number, number_like
from ..grad import positive_backward
from ..tensor import Tensor, constant, next_id, record
from ..xp import FLOAT32, FLOAT64, ndarray, numpy

# Kinds of numbers that are cast to another with nothing lost: SciPy asks linear operators for the product with a vector of integers.
_HELD = {"real floating": ("integral",), "complex floating": ("integral", "real floating"), "integral": (), "bool": ()}

_INSIDE = "What that records lasts as long as its call: differentiate inside the function that it was given"

_id_of = attrgetter("_id")
_parents_of = attrgetter("_parents")


class _Scope:
    """One application of a transform, which errors call `name`, to trees of arguments, which may be some of all `arguments`."""

    def __init__(self, name: str, trees: Sequence[Any], arguments: Any = ()) -> None:
        self.name = name
        self.oldest = next_id()
        self.arguments: list[Tensor] = []
        self.structures: list[tuple[Any, int]] = []  # of each tree, with the number of its leaves
        beside = functools.cache(lambda: first_array(_tree.flatten((trees, arguments))[0]))  # what numbers become arrays like
        for tree in trees:
            leaves, structure = _tree.flatten(tree)
            self.structures.append((structure, len(leaves)))
            self.arguments += [
                record(x, positive_backward, (), None)
                if type(x) is ndarray and x.shape and (x.dtype is FLOAT64 or x.dtype is FLOAT32)  # as most are
                else _argument(x, name, beside)
                for x in leaves
            ]
        self.numbers = list(map(_id_of, self.arguments))
        self.in_tensors = any(map(_parents_of, self.arguments))
        self.leading: Any = None
        self.passing = threading.RLock()

    def trees(self) -> list[Any]:
        """The arguments, for the function."""
        return self.arranged(self.arguments)

    def leaves(self) -> list[Tensor]:
        """The arguments in the versions that were handed to the function, even if it assigned to them."""
        if list(map(_id_of, self.arguments)) == self.numbers:
            return self.arguments
        return [x if x._id == n else x._version_before(n + 1) for x, n in zip(self.arguments, self.numbers, strict=True)]

    def arranged(self, values: list[Any]) -> list[Any]:
        """One value per argument leaf, in trees like the arguments."""
        trees, start = [], 0
        for structure, count in self.structures:
            trees.append(_tree.unflatten(structure, values[start : start + count]))
            start += count
        return trees

    def find_lineage(self, out: Tensor) -> None:
        """Find what leads from the result to the arguments, and whether anything older is differentiated too."""
        self.leading, met_older = engine.lineage(out, self.oldest, self.numbers)
        self.in_tensors = self.in_tensors or met_older

    def gradients(self, out: Tensor, seed: Any, *, in_tensors: bool, release: bool = False) -> list[Any]:
        """The gradient of each argument leaf that `seed` at the result gives: a cotangent, or a tuple of them at joined results.

        Call `find_lineage` first.
        """
        joined = isinstance(seed, tuple)
        seed = tuple([_as(g, in_tensors) for g in seed]) if joined else _as(seed, in_tensors)
        given = set(map(id, seed if joined else (seed,)))
        arguments = self.leaves()
        arrived: engine.Gradients = {}
        with self.passing:
            token = set_recording(in_tensors)
            try:
                for x in arguments:  # leaves, while the pass runs; before and after, steps of whatever graph the argument came from
                    x._rule = None
                if not joined or seed:
                    told = engine.Released(self.name, _INSIDE) if release and not in_tensors else None
                    arrived = engine.propagate(out, seed, leading=self.leading, release=told, guard=_xp.guard)
                return [exclusive(x, arrived[x._id][1], given) if x._id in arrived else _zeros(x, in_tensors) for x in arguments]
            finally:
                reset_recording(token)
                for x in arguments:
                    x._rule = positive_backward


class _Pullback:
    """From one cotangent per output to one gradient per argument leaf, as often as it is called.

    A cotangent may be None, which is zero and costs nothing. `in_tensors` says whether the gradients are tensors, which can be
    differentiated again. `lineage_found` says that nothing but the scope's own result, whose lineage it has found, led
    to the outputs.
    """

    def __init__(self, scope: _Scope, outputs: Sequence[Any], lineage_found: bool = False) -> None:
        self.scope = scope
        self.outputs = [x if type(x) is Tensor else Tensor(x) for x in outputs]
        self.tracked = [i for i, x in enumerate(self.outputs) if x._tracked]
        self.root = _joined([self.outputs[i] for i in self.tracked])
        if not lineage_found or scope.leading is not None:
            scope.find_lineage(self.root)

    def __call__(self, cotangents: Sequence[Any], in_tensors: bool = False, release: bool = False) -> list[Any]:
        in_tensors = in_tensors or self.scope.in_tensors or _any_tracked(cotangents)
        seed = tuple([cotangents[i] for i in self.tracked])
        return self.scope.gradients(self.root, seed, in_tensors=in_tensors, release=release)

    def give(self, x: Tensor) -> Any:
        """An output as the transform returns it: an array, or a tensor where something older is differentiated."""
        return x if self.scope.in_tensors else x.data


class _Pushforward:
    """From one tangent per argument leaf to one tangent per output, as often as it is called: a pullback, transposed.

    The pullback is recorded once as a function of cotangents, whose values do not matter, since it is linear: zeros.
    """

    def __init__(self, pullback: _Pullback) -> None:
        self.pullback = pullback
        self.cotangents = [Tensor(_zeros(x, False), requires_grad=True) if x._tracked else None for x in pullback.outputs]
        numbers = [x._id for x in self.cotangents if x is not None]
        gradients = pullback(self.cotangents, in_tensors=True)
        self.tracked = [i for i, g in enumerate(gradients) if g._tracked]
        self.root = _joined([gradients[i] for i in self.tracked])
        self.leading, _ = engine.lineage(self.root, min(numbers, default=self.root._id), numbers)

    def __call__(self, tangents: Sequence[Any]) -> list[Any]:
        in_tensors = self.pullback.scope.in_tensors or _any_tracked(tangents)
        seed = tuple([_as(tangents[i], in_tensors) for i in self.tracked])
        given = set(map(id, seed))
        arrived: engine.Gradients = {}
        with recording_set(in_tensors):
            if seed:
                arrived = engine.propagate(self.root, seed, leading=self.leading, guard=_xp.guard)
            return [
                exclusive(g, arrived[g._id][1], given) if g is not None and g._id in arrived else _zeros(x, in_tensors)
                for x, g in zip(self.pullback.outputs, self.cotangents, strict=True)
            ]


def _argument(x: Any, name: str, beside: Callable[[], Any]) -> Tensor:
    """A tensor of the transform's own over an argument; over a Tensor it is a step of that one's graph."""
    parents: tuple[Tensor, ...] = ()
    if type(x) is Tensor:
        data, parents = x._data, (x,) if x.requires_grad else ()
    elif _xp.is_array(x) and not is_number(x):
        data = _xp.as_scalar(x)
    else:
        data = number_like(x, beside())
    if not _xp.is_floating(data):
        if isinstance(x, int):
            given, convert = f"is {x!r}", f"write {float(x)}"
        else:
            given, convert = f"has dtype {data.dtype}", "convert it (astype)"
        raise TypeError(
            f"{name}: an argument {given}, and only floating and complex arrays have gradients; {convert}, or name the others with argnums"
        )
    return record(data, positive_backward, parents, None)


def _joined(outputs: Sequence[Any]) -> Tensor:
    """Several results as one, whose gradient is a tuple with a cotangent for each."""
    return record(None, _join_backward, tuple(outputs), None)


def _join_backward(tensor: Tensor, grad: tuple[Any, ...]) -> tuple[Any, ...]:
    """Several results as one: each has its own cotangent."""
    return grad


def _any_tracked(seed: Sequence[Any]) -> bool:
    return Tensor in map(type, seed) and any(type(g) is Tensor and g._tracked for g in seed)


def _as(g: Any, in_tensors: bool) -> Any:
    if g is None or (type(g) is ndarray and g.shape and not in_tensors):
        return g
    if in_tensors:
        return g if type(g) is Tensor else constant(_xp.as_scalar(g))
    return g._data if type(g) is Tensor else _xp.as_scalar(g)


def _zeros(x: Tensor, in_tensors: bool) -> Any:
    zeros = _xp.on_its_device(_xp.array_namespace(x._data).zeros_like, x._data)
    return constant(zeros) if in_tensors else zeros


def fitting(x: Tensor, g: Any, name: str, given: str, wanted: str) -> Any:
    """What was given for `x` (a cotangent, a tangent), in its dtype, which may hold more. Raises where shape, library or device differ."""
    if isinstance(g, numpy.generic) and _xp.library_of(x._data) != "numpy":
        g = g.item()
    data = g._data if type(g) is Tensor else g
    if _xp.guard is None and type(data) is type(x._data) and data.dtype is x._data.dtype and data.shape == x._data.shape:
        return g
    xp = _xp.array_namespace(x._data)
    if type(data) in _xp.SCALARS and not x.shape and (type(data) is not complex or _xp.is_complex(x._data)):
        return _xp.on_its_device(xp.full_like, x._data, data)
    if not _xp.is_array(data):
        data = g = xp.asarray(data, dtype=x.dtype)
    if _xp.array_namespace(data) is not xp:
        raise TypeError(
            f"{name}: a {given} is an array of {_xp.library_of(data)}, its {wanted} of {_xp.name_of(xp)}; move it with Tensor.to"
        )
    if not _xp.same_device(data, x._data):
        raise ValueError(
            f"{name}: a {given} is on device {_xp.device(data)}, its {wanted} on {_xp.device(x._data)}; move it with to_device"
        )
    if tuple(data.shape) != x.shape:
        raise ValueError(f"{name}: a {given} has shape {tuple(data.shape)}, its {wanted} {x.shape}")
    if _xp.kind(data) != _xp.kind(x._data) and _xp.kind(data) not in _HELD[_xp.kind(x._data)]:
        raise TypeError(
            f"{name}: a {given} has dtype {data.dtype}, its {wanted} {x.dtype}: another kind; convert it first (astype)"
        )
    return g if data.dtype == x.dtype else _xp.on_its_device(_xp.array_namespace(g).astype, g, x.dtype)


def fitting_leaves(tree: Any, structure: Any, tensors: Sequence[Tensor], name: str, given: str, wanted: str) -> list[Any]:
    """The leaves of a tree of cotangents (or tangents), each fitting its output (or argument)."""
    leaves, shape = _tree.flatten(tree)
    if shape is not structure and shape != structure:
        raise TypeError(f"{name}: the {given} has structure {shape}, the {wanted} {structure}")
    return [
        g
        if type(g) is ndarray and g.dtype is x._data.dtype and g.shape == x._data.shape  # as it nearly always is
        else fitting(x, g, name, given, wanted)
        for x, g in zip(tensors, leaves, strict=True)
    ]


def name_of(f: Callable[..., Any]) -> str:
    """What errors call a function."""
    return str(getattr(f, "__name__", "f"))


def constants(leaves: Sequence[Any]) -> list[Any]:
    """The leaves of a tree, with constants in the place of tensors."""
    return [x.detach() if type(x) is Tensor else x for x in leaves]


def plain(tree: Any) -> Any:
    """A tree with arrays in the place of tensors."""
    leaves, structure = _tree.flatten(tree)
    return _tree.unflatten(structure, [x.data if type(x) is Tensor else x for x in leaves])
