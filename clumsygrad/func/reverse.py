"""Transforms in reverse mode: from a gradient with respect to the result to those with respect to the arguments."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from .. import _tree
from .. import xp as _xp
from .._gradients import unit_gradient
from .._modes import reset_recording, set_recording
from ..tensor import Tensor
from ._scope import _Pullback, _Scope, constants, fitting_leaves, name_of, plain

__all__ = ["elementwise_grad", "grad", "holomorphic_grad", "stop_gradient", "value_and_grad", "vjp"]

Argnums = int | tuple[int, ...]


def grad(f: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False) -> Callable[..., Any]:
    """The gradient of a real scalar function, as a function of the same arguments.

    `argnums` are the positional arguments to differentiate with respect to: an int gives one gradient, a tuple a tuple of them. An
    argument may be an array, a Tensor, a float, or a tree of those (dicts, lists, tuples, dataclasses); its gradient has the same
    structure, shapes and dtypes, and is 0 where the result does not depend on it. The result is a tensor of one element, of any
    shape; a number, or an array that is no Tensor, is a constant. With `has_aux`, `f` returns (value, anything), and the result
    is (gradient, anything).

    Raises TypeError for integer arguments, and for results that are not one real number of a floating dtype.

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

    @functools.wraps(f)
    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        name = f"grad of {name_of(f)}"
        scope, out, aux = evaluated(f, argnums, args, kwargs, name, has_aux)
        out = scalar_result(out, name)
        scope.find_lineage(out)
        seed = unit_gradient(out._data)
        gradients = scope.arranged(scope.gradients(out, seed, in_tensors=scope.in_tensors, release=True))
        value = out if scope.in_tensors else out.data
        if has_aux:
            value = value, aux if scope.in_tensors else plain(aux)
        return value, chosen(argnums, gradients)

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
    name = f"pullback of {name_of(f)}"
    scope, out, aux = evaluated(f, tuple(range(len(primals))), primals, {}, f"vjp of {name_of(f)}", has_aux)
    leaves, structure = _tree.flatten(out)
    pull = _Pullback(scope, leaves)

    def pullback(cotangent: Any) -> tuple[Any, ...]:
        cotangents = fitting_leaves(cotangent, structure, pull.outputs, name, "cotangent", "output")
        return tuple(scope.arranged(pull(cotangents)))

    outputs = _tree.unflatten(structure, [pull.give(x) for x in pull.outputs])
    return (outputs, pullback, aux if scope.in_tensors else plain(aux)) if has_aux else (outputs, pullback)


def elementwise_grad(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The derivative of each element of the result, for a function that computes element by element.

    It is computed in one pass, as the gradient of the sum of the result, which it is for other functions too. The argument and the
    result are real; for complex functions of one complex number at a time see `holomorphic_grad`.

    Raises TypeError for complex results, and for those that are no array.

    >>> import numpy as np, clumsygrad as cg
    >>> cg.func.elementwise_grad(cg.sin)(np.asarray([0.0, np.pi]))
    array([ 1., -1.])
    """

    @functools.wraps(f)
    def derivative(*args: Any, **kwargs: Any) -> Any:
        name = f"elementwise_grad of {name_of(f)}"
        scope, out, _ = evaluated(f, argnums, args, kwargs, name)
        out = array_result(out, name)
        if _xp.is_complex(out._data):
            raise TypeError(
                f"{name}: its result is complex; use holomorphic_grad if it is holomorphic, or its real and imaginary parts"
            )
        return chosen(argnums, scope.arranged(_pulled_ones(scope, out)))

    return derivative


def holomorphic_grad(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The complex derivative f'(z) of a holomorphic function, of the shape of the argument.

    Of a scalar function of an array it is the array of the ∂f/∂zₖ; of a function that computes element by element, the derivative
    of each. (For other results it is that of their sum.) f must be holomorphic, df = f'(z) dz, which is not checked: where `f` uses
    conj, abs, real or imag, differentiate its real and imaginary parts with `grad`, whose convention is ∂f/∂Re z + i ∂f/∂Im z: for
    the real part of a holomorphic f, the conjugate of f'(z).

    Raises TypeError for an argument or a result that is not complex.

    >>> import clumsygrad as cg
    >>> cg.func.holomorphic_grad(lambda z: z**3)(1.0 + 2.0j)
    array(-9.+12.j)
    """

    @functools.wraps(f)
    def derivative(*args: Any, **kwargs: Any) -> Any:
        name = f"holomorphic_grad of {name_of(f)}"
        scope, out, _ = evaluated(f, argnums, args, kwargs, name)
        out = array_result(out, name)
        if not _xp.is_complex(out._data):
            raise TypeError(f"{name}: its result has dtype {out.dtype}, and must be complex; use grad for real functions")
        for x in scope.leaves():
            if not _xp.is_complex(x._data):
                raise TypeError(f"{name}: an argument has dtype {x.dtype}, and must be complex: convert it (astype)")
        gradients = [_xp.on_its_device(_xp.array_namespace(g).conj, g) for g in _pulled_ones(scope, out)]
        return chosen(argnums, scope.arranged([_xp.as_0d_array(g) for g in gradients]))

    return derivative


def stop_gradient(tree: Any) -> Any:
    """The same tree, with constants in the place of its tensors: no gradient flows through it, of any transform or tape.

    >>> import numpy as np, clumsygrad as cg
    >>> cg.func.grad(lambda x: x * cg.func.stop_gradient(x))(3.0)
    array(3.)
    """
    leaves, structure = _tree.flatten(tree)
    return _tree.unflatten(structure, constants(leaves))


# What the transforms share --------------------------------------------------------------------------------------------------------


def evaluated(
    f: Callable[..., Any], argnums: Argnums, args: Sequence[Any], kwargs: dict[str, Any], name: str, has_aux: bool = False
) -> tuple[_Scope, Any, Any]:
    """A scope over the chosen arguments, what `f` gave in it, and the rest of what it gave (`has_aux`)."""
    numbers = tuple(argnums) if isinstance(argnums, (tuple, list)) else (argnums,)
    for number in numbers:
        if not isinstance(number, int) or not -len(args) <= number < len(args):
            raise TypeError(
                f"{name}: argument {number!r} is asked for (argnums are positions), and {len(args)} were given by position"
            )
    if len({number % len(args) for number in numbers}) < len(numbers):
        raise ValueError(f"{name}: argnums {numbers} ask for one argument twice, of {len(args)}: name each once")
    scope = _Scope(name, [args[number] for number in numbers], (args, kwargs))
    arguments = list(args)
    for number, tree in zip(numbers, scope.trees(), strict=True):
        arguments[number] = tree
    token = set_recording(True)
    try:
        out = f(*arguments, **kwargs)
    finally:
        reset_recording(token)
    if not has_aux:
        return scope, out, None
    if not isinstance(out, tuple) or len(out) != 2:
        raise TypeError(f"{name} with has_aux must return a pair (value, anything), it returned {_xp.type_in_words(out)}")
    return scope, *out


def chosen(argnums: Argnums, values: Sequence[Any]) -> Any:
    """One value for an int, a tuple of them for a tuple."""
    return values[0] if isinstance(argnums, int) else tuple(values)


def scalar_result(out: Any, name: str) -> Tensor:
    """One real number that a function returned, as a tensor of any shape. Raises TypeError for what is none, and says what to do."""
    result: Tensor = out if type(out) is Tensor else _constant(out, f"{name}: it must return a scalar Tensor", "vjp")
    if result.shape and _xp.size(result._data) != 1:
        raise TypeError(f"{name}: its result has shape {result.shape} and must be a scalar: reduce it (sum, mean), or use vjp")
    kind = _xp.kind(result._data)
    if kind == "complex floating":
        raise TypeError(
            f"{name}: its result is complex, and has no order to descend in: take its real part or abs, or use vjp"
            " (or holomorphic_grad, for its complex derivative)"
        )
    if kind != "real floating":
        raise TypeError(f"{name}: its result has dtype {result.dtype}, which has no gradient: compute it in a floating dtype")
    return result


def array_result(out: Any, name: str) -> Tensor:
    """A floating array that a function returned, as a tensor. Raises TypeError for what is none."""
    result: Tensor = out if type(out) is Tensor else _constant(out, f"{name}: it must return a Tensor", "vjp or jacobian")
    if not _xp.is_floating(result._data):
        raise TypeError(f"{name}: its result has dtype {result.dtype}, which has no gradient: compute it in a floating dtype")
    return result


def _constant(out: Any, wanted: str, others: str) -> Tensor:
    """A number or a raw array that a function returned: it depends on nothing, as max(x, 0.0) does where that is 0.0."""
    if type(out) is int:
        out = float(out)
    if not (type(out) is float or type(out) is complex or _xp.is_array(out)):
        raise TypeError(f"{wanted}, it returned {_xp.type_in_words(out)}; use {others} for trees")
    return Tensor(out)


def _pulled_ones(scope: _Scope, out: Tensor) -> list[Any]:
    scope.find_lineage(out)
    ones = _xp.on_its_device(_xp.array_namespace(out._data).ones_like, out._data)
    return scope.gradients(out, ones, in_tensors=scope.in_tensors, release=True)
