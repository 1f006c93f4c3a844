"""Transforms along a direction: products with the Jacobian, and with the Hessian."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _tree
from .._gradients import unit_gradient
from ._scope import _Pullback, _Pushforward, _Scope, fitting_leaves, name_of
from .reverse import evaluated, scalar_result

__all__ = ["hvp", "jvp", "linearize"]


def jvp(f: Callable[..., Any], primals: Any, tangents: Any) -> tuple[Any, Any]:
    """The outputs of `f` at the primals, and their derivative along the tangents: the product with the Jacobian, which is not formed.

    `primals` is the tuple of f's arguments, each an array or a tree of arrays, and `tangents` a tuple of the same structure, shapes
    and kinds of dtype; for a function of one argument the tuples may be left out. The tangents of the outputs have the
    outputs' structure, shapes and dtypes.

    Raises TypeError or ValueError where a tangent's structure, shape or dtype kind does not fit its primal, and RuntimeError where
    `f` uses an operation whose rule is first order only: the pullback is transposed, and so has to be differentiated.

    >>> import numpy as np, clumsygrad as cg
    >>> cg.func.jvp(cg.sin, (np.asarray([0.0, np.pi]),), (np.asarray([1.0, 2.0]),))
    (array([0.0000000e+00, 1.2246468e-16]), array([ 1., -2.]))
    """
    outputs, push = _linearized(f, primals, f"jvp of {name_of(f)}")
    return outputs, push(tangents)


def linearize(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The outputs of `f(*primals)`, and the pushforward: from tangents of the primals to those of the outputs.

    Outputs and primals are trees of arrays. The pushforward takes as many trees as there are primals, and may be called again and
    again; `jvp` is one call of it.

    Raises as `jvp` does.

    >>> import numpy as np, clumsygrad as cg
    >>> y, pushforward = cg.func.linearize(lambda x, y: x * y, np.asarray([1.0, 2.0]), np.asarray([3.0, 4.0]))
    >>> pushforward(np.asarray([1.0, 0.0]), np.asarray([0.0, 1.0]))
    array([3., 2.])
    """
    outputs, push = _linearized(f, primals, f"pushforward of {name_of(f)}")

    def pushforward(*tangents: Any) -> Any:
        return push(tangents)

    return outputs, pushforward


def hvp(f: Callable[..., Any], primals: Any, vector: Any) -> Any:
    """The Hessian of a real scalar function times a vector, without the Hessian: a tree like `vector`.

    `primals` is the tuple of f's arguments, each an array or a tree of arrays, and `vector` a tuple of the same structure and shapes;
    for a function of one argument the tuples may be left out. Complex arguments count as pairs of real ones: the product
    is the change of the gradient along `vector`.

    The gradient's own pullback is called once (the Hessian is symmetric): about the time of two gradients.

    Raises TypeError for a result that is not one real number, and where `vector` does not fit.

    >>> import numpy as np, clumsygrad as cg
    >>> cg.func.hvp(lambda x: cg.sum(x**3), np.asarray([1.0, 2.0]), np.asarray([1.0, 1.0]))
    array([ 6., 12.])
    """
    name = f"hvp of {name_of(f)}"
    arguments = primals if type(primals) is tuple else (primals,)
    scope, gradient = gradient_pullback(f, tuple(range(len(arguments))), arguments, {}, name)
    structure = scope.structures[0][0] if arguments is not primals else _tree.flatten(primals)[1]
    vectors = fitting_leaves(vector, structure, scope.arguments, name, "vector", "argument")
    return _like(primals, scope.arranged(gradient(vectors, release=True)))


def gradient_pullback(
    f: Callable[..., Any], argnums: Any, args: Any, kwargs: dict[str, Any], name: str
) -> tuple[_Scope, _Pullback]:
    """The gradients of a scalar function at its arguments' leaves, recorded, as outputs of a pullback to those same leaves."""
    scope, out, _ = evaluated(f, argnums, args, kwargs, name)
    out = scalar_result(out, name)
    scope.find_lineage(out)
    seed = unit_gradient(out._data)
    return scope, _Pullback(scope, scope.gradients(out, seed, in_tensors=True), lineage_found=True)


def _linearized(f: Callable[..., Any], primals: Any, name: str) -> tuple[Any, Callable[[Any], Any]]:
    arguments = primals if type(primals) is tuple else (primals,)
    structure_in = _tree.flatten(primals)[1]
    scope, out, _ = evaluated(f, tuple(range(len(arguments))), arguments, {}, name)
    leaves, structure = _tree.flatten(out)
    pull = _Pullback(scope, leaves)
    push = _Pushforward(pull)

    def pushed(tangents: Any) -> Any:
        return _tree.unflatten(structure, push(fitting_leaves(tangents, structure_in, scope.leaves(), name, "tangent", "primal")))

    return _tree.unflatten(structure, [pull.give(x) for x in pull.outputs]), pushed


def _like(primals: Any, trees: list[Any]) -> Any:
    return tuple(trees) if type(primals) is tuple else trees[0]
