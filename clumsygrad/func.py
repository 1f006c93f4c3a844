"""Transforms: functions of arrays (or of trees of arrays) in, functions that compute their derivatives out.

A transform hands `f` tensors of its own, and its pass stops at them: it touches no `.grad`, and it may stand inside another
transform, or inside code that a tape records. Where something older that is differentiated takes part (an argument, or a tensor that
`f` closes over), the derivative is computed in tensors and can be differentiated again; otherwise it is plain arrays of the caller's
library.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from . import _tree, engine
from . import xp as _xp
from ._gradients import exclusive, place
from ._modes import recording_set
from .grad import positive_backward
from .tensor import Tensor, constant, next_id, record

__all__ = ["grad", "value_and_grad", "vjp"]

Argnums = int | tuple[int, ...]


def grad(f: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False) -> Callable[..., Any]:
    """The gradient of a real scalar function, as a function of the same arguments.

    `argnums` says with respect to which positional arguments: an int gives that argument's gradient, a tuple a tuple of them. An
    argument may be an array, a Tensor, a float, or a tree of those (dicts, lists, tuples, dataclasses); its gradient has the same
    structure, shapes and dtypes, and is 0 where the result does not depend on it. With `has_aux`, `f` returns (value, anything),
    and the result is (gradient, anything).

    Raises TypeError for integer arguments and for results that are no real scalar tensor.

    >>> import numpy as np, clumsygrad as cg
    >>> cg.func.grad(lambda x: cg.sum(cg.sin(x)))(np.asarray([0.0, np.pi]))
    array([ 1., -1.])
    """
    both = value_and_grad(f, argnums, has_aux=has_aux)

    @functools.wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, gradients = both(*args, **kwargs)
        return (gradients, value[1]) if has_aux else gradients

    return gradient


def value_and_grad(f: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False) -> Callable[..., Any]:
    """Like `grad`, but the function returns (value, gradient); with `has_aux`, ((value, anything), gradient).

    >>> import numpy as np, clumsygrad as cg
    >>> cg.func.value_and_grad(lambda p: p["a"] * p["b"])({"a": 2.0, "b": 3.0})
    (array(6.), {'a': array(3.), 'b': array(2.)})
    """
    chosen = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    @functools.wraps(f)
    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        name = getattr(f, "__name__", "f")
        for number in chosen:
            if not -len(args) <= number < len(args):
                raise TypeError(f"grad of {name}: argument {number} is asked for, and {len(args)} were given by position")
        trees = [args[number] for number in chosen]
        scope = _Scope(name, trees)
        arguments = list(args)
        for number, tree in zip(chosen, scope.trees(), strict=True):
            arguments[number] = tree
        with recording_set(True):
            out = f(*arguments, **kwargs)
        out, aux = _split(out, has_aux, name)
        _check_scalar(out, name)
        gradients = scope.pull(out, _xp.scalar(_xp.array_namespace(out._data).ones_like(out._data)))
        if not scope.in_tensors:
            out, aux = out.data, _plain(aux)
        result = gradients[0] if isinstance(argnums, int) else tuple(gradients)
        return ((out, aux) if has_aux else out), result

    return value_and_gradient


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """The outputs of `f(*primals)`, and the pullback: from gradients with respect to the outputs to those with respect to the primals.

    Outputs and primals are trees of arrays. The pullback takes a tree like the outputs, and returns a tuple of trees like the
    primals; it may be called again and again. With `has_aux`, `f` returns (outputs, anything), and the result is (outputs, pullback,
    anything).

    Raises TypeError or ValueError where a cotangent's structure, shape or dtype kind does not fit its output.

    >>> import numpy as np, clumsygrad as cg
    >>> y, pullback = cg.func.vjp(lambda a, b: a * b, np.asarray([1.0, 2.0]), np.asarray([3.0, 4.0]))
    >>> pullback(np.asarray([1.0, 0.0]))
    (array([3., 0.]), array([1., 0.]))
    """
    name = getattr(f, "__name__", "f")
    scope = _Scope(name, primals)
    with recording_set(True):
        out = f(*scope.trees())
    out, aux = _split(out, has_aux, name)
    leaves, structure = _tree.flatten(out)
    tensors = [x if type(x) is Tensor else Tensor(x) for x in leaves]
    joined = record(None, _join_backward, tuple([x if x.requires_grad else x._data for x in tensors]), None)
    scope.look(joined)

    def pullback(cotangent: Any) -> tuple[Any, ...]:
        given, shape = _tree.flatten(cotangent)
        if shape != structure:
            raise TypeError(f"pullback of {name}: the cotangent has structure {shape}, the output {structure}")
        cotangents = tuple([_fitting(x, g, name) for x, g in zip(tensors, given, strict=True)])
        return tuple(scope.pull(joined, cotangents, again=True))

    outputs = _tree.unflatten(structure, tensors if scope.in_tensors else [x.data for x in tensors])
    return (outputs, pullback, aux if scope.in_tensors else _plain(aux)) if has_aux else (outputs, pullback)


class _Scope:
    """One application of a transform: the tensors it made of its arguments, and the pass that ends at them."""

    def __init__(self, name: str, trees: Sequence[Any]) -> None:
        self.name = name
        self.oldest = next_id()
        flattened = [_tree.flatten(tree) for tree in trees]
        self.structures = [structure for _, structure in flattened]
        self.inputs = [[_argument(x, name) for x in leaves] for leaves, _ in flattened]
        self.numbers = [x._id for leaves in self.inputs for x in leaves]
        self.in_tensors = any(type(parent) is Tensor for leaves in self.inputs for x in leaves for parent in x._parents)
        self.leading: Any = None

    def trees(self) -> list[Any]:
        return [_tree.unflatten(structure, leaves) for structure, leaves in zip(self.structures, self.inputs, strict=True)]

    def look(self, out: Tensor) -> None:
        """Find what leads from the result to the arguments, and whether anything older is differentiated too."""
        leading, met_older = engine.lineage(out, self.oldest, self.numbers)
        self.leading = leading if met_older else None  # otherwise all that is differentiated leads to the arguments
        self.in_tensors = self.in_tensors or met_older

    def pull(self, out: Tensor, seed: Any, again: bool = False) -> list[Any]:
        """The gradients, in trees like the arguments, that `seed` at the result gives."""
        if not again:
            self.look(out)
        tracked_seed = isinstance(seed, tuple) and any(type(g) is Tensor and g.requires_grad for g in seed)
        in_tensors = self.in_tensors or tracked_seed
        seed = tuple([_as(g, in_tensors) for g in seed]) if isinstance(seed, tuple) else _as(seed, in_tensors)
        release = None if in_tensors or again else {"released": place()}
        arguments = self._as_handed_in()
        given = {id(g) for g in (seed if isinstance(seed, tuple) else (seed,))}
        for x in arguments:  # leaves, while the pass runs; before and after, steps of whatever graph the argument came from
            x._rule = None
        try:
            with recording_set(in_tensors):
                arrived = engine.propagate(out, seed, leading=self.leading, release=release, guard=_xp.guard)
        finally:
            for x in arguments:
                x._rule = positive_backward
        gradients = iter([self._gradient(arrived, x, in_tensors, given) for x in arguments])
        return [
            _tree.unflatten(structure, [next(gradients) for _ in leaves])
            for structure, leaves in zip(self.structures, self.inputs, strict=True)
        ]

    def _as_handed_in(self) -> list[Tensor]:
        """The arguments in the versions that were handed to f, even if f assigned to them."""
        handles = [x for leaves in self.inputs for x in leaves]
        return [x if x._id == number else x._version_before(number + 1) for x, number in zip(handles, self.numbers, strict=True)]

    def _gradient(self, arrived: engine.Gradients, x: Tensor, in_tensors: bool, given: set[int]) -> Any:
        if x._id in arrived:
            return exclusive(arrived[x._id][1], given)
        zeros = _xp.array_namespace(x._data).zeros_like(x._data)
        return constant(zeros) if in_tensors else zeros


def _argument(x: Any, name: str) -> Tensor:
    """A tensor of the transform's own over an argument; over a Tensor it is a step of that one's graph."""
    if type(x) is Tensor:
        data, parents = x._data, (x,) if x.requires_grad else ()
    else:
        data, parents = Tensor(x)._data, ()
    if not _xp.is_floating(data):
        raise TypeError(
            f"grad of {name}: an argument has dtype {data.dtype}, and only floating and complex arrays have gradients; "
            "convert it (astype), or name the others with argnums"
        )
    return record(data, positive_backward, parents, None)


def _join_backward(tensor: Tensor, grad: tuple[Any, ...]) -> tuple[Any, ...]:
    """Several results as one: each has its own cotangent."""
    return grad


def _split(out: Any, has_aux: bool, name: str) -> tuple[Any, Any]:
    if not has_aux:
        return out, None
    if not isinstance(out, tuple) or len(out) != 2:
        raise TypeError(f"{name} with has_aux must return a pair (value, anything), it returned a {type(out).__name__}")
    return out


def _check_scalar(out: Any, name: str) -> None:
    if type(out) is not Tensor:
        raise TypeError(f"grad of {name}: it must return a scalar Tensor, it returned a {type(out).__name__}; use vjp for trees")
    if out.shape:
        raise TypeError(f"grad of {name}: its result has shape {out.shape} and must be a scalar: reduce it (sum, mean), or use vjp")
    kind = _xp.kind(out._data)
    if kind == "complex floating":
        raise TypeError(
            f"grad of {name}: its result is complex, and has no order to descend in: take its real part or abs, or use vjp"
        )
    if kind != "real floating":
        raise TypeError(f"grad of {name}: its result has dtype {out.dtype}, which has no gradient: compute it in a floating dtype")


def _fitting(x: Tensor, g: Any, name: str) -> Any:
    data = g._data if type(g) is Tensor else g
    if not _xp.is_array(data):
        data = g = _xp.array_namespace(x._data).asarray(data, dtype=x.dtype)
    if tuple(data.shape) != x.shape:
        raise ValueError(f"pullback of {name}: a cotangent has shape {tuple(data.shape)}, its output {x.shape}")
    if _xp.kind(data) != _xp.kind(x._data):
        raise TypeError(f"pullback of {name}: a cotangent has dtype {data.dtype}, its output {x.dtype}: another kind")
    return g if data.dtype == x.dtype else _xp.array_namespace(g).astype(g, x.dtype)


def _as(g: Any, in_tensors: bool) -> Any:
    if in_tensors:
        return g if type(g) is Tensor else constant(_xp.scalar(g))
    return g._data if type(g) is Tensor else _xp.scalar(g)


def _plain(tree: Any) -> Any:
    """A tree with arrays in the place of tensors."""
    leaves, structure = _tree.flatten(tree)
    return _tree.unflatten(structure, [x.data if type(x) is Tensor else x for x in leaves])
