"""@operation: an array function and its backward function become one function of tensors.

    @operation(exp_backward)
    def exp(x: Array, /) -> Array:
        return array_namespace(x).exp(x)

What is made depends on the signature, once, at decoration: a function of one operand, of one operand and attributes, of two
operands, or of anything else. Plain arrays in, plain arrays out; a Tensor among the operands makes the result a Tensor, which
records the call if an operand requires a gradient.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec

from ._makers import Function, Rule, binary, general, several, unary, widening, with_attributes
from ._rules import checked, raw_only
from .tensor import Tensor

_P = ParamSpec("_P")


def operation(
    rule: Rule | None,
    *,
    operands: Sequence[str] | None = None,
    once: bool = False,
    keeps: bool = False,
    widens: bool = False,
    serves: Sequence[str] = (),
    scalar: Rule | None = None,
    broadcast: Rule | None = None,
    kernel: Function | None = None,
) -> Callable[[Callable[_P, Any]], Callable[_P, Any]]:
    """Decorator: make a function of arrays differentiable by a backward function.

    The decorated function computes with the arrays of one library. `rule(tensor, grad)` gets its result as a tensor and the
    gradient of a loss with respect to that, and returns a tuple of gradients, one per operand (None where there is none);
    `clumsygrad.grad.operands(tensor, grad)`, `result(tensor, grad)` and `attribute(tensor, name)` read what the function was
    called with. Without a rule (None) the result is a constant.

    operands: the names of the parameters that are operands. By default the first, and the second if it is positional-only and
        annotated `Array`. A list or tuple of arrays in an operand is taken apart; everything else is an attribute.
    once: the rule is no array-API code (a solver, a raw kernel): it always gets raw arrays, and the gradient it gives can't be
        differentiated again.
    keeps: the function returns a pair: its result, and what its rule reads by `clumsygrad.grad.kept(tensor, grad)`: an array that
        it need not compute again, or a tuple of them. The function's caller gets the result alone.
    widens: floats of 16 bits are cast to float32 first, and their gradients back: for functions that libraries lack in 16 bits.
    serves: the special methods of Tensor that this function is.
    scalar, broadcast: the rules of a function of two operands where one is a Python scalar, or where the shapes differ.
    kernel: the same function of two arrays on a GPU; it returns None for those that it does not serve.

    What a user's rule returns is checked for number, library, shape and dtype.

    >>> import clumsygrad as cg, numpy as np
    >>> def cube_backward(tensor, grad):
    ...     (x,) = cg.grad.operands(tensor, grad)
    ...     return (3 * grad * x * x,)
    >>> @cg.operation(cube_backward)
    ... def cube(x):
    ...     return x**3
    >>> cg.func.grad(cube)(np.asarray(2.0))
    array(12.)
    """

    def decorate(forward: Callable[_P, Any]) -> Callable[_P, Any]:
        signature = inspect.signature(forward)
        names = tuple(operands) if operands is not None else _default_operands(signature)
        if not names:
            raise TypeError(
                f"operation {forward.__name__}: it has no operand: the first parameter is one, or those that operands= names"
            )
        missing = [name for name in names if name not in signature.parameters]
        if missing:
            raise TypeError(f"operation {forward.__name__}: operands= names {', '.join(missing)}, but no parameter named so")
        chosen = rule
        if rule is not None and not rule.__module__.startswith(f"{__package__}.grad"):
            chosen = checked(raw_only(rule) if once else rule)
        made = _made(forward, chosen, signature, names, keeps, scalar, broadcast, kernel)
        function = functools.update_wrapper(widening(made) if widens else made, forward)
        if serves:
            is_binary = len(names) == len(signature.parameters) == 2
            operator = binary(forward, chosen, scalar, broadcast or chosen, kernel, as_operator=True) if is_binary else function
            _serve(function, functools.update_wrapper(operator, forward), serves)
        return function

    return decorate


wide_operation = functools.partial(operation, widens=True)  # for functions that not every library has in 16 bits


def _default_operands(signature: inspect.Signature) -> tuple[str, ...]:
    parameters = list(signature.parameters.values())
    second = parameters[1:2]
    if second and second[0].kind is second[0].POSITIONAL_ONLY and str(second[0].annotation).startswith("Array"):
        return parameters[0].name, second[0].name
    return (parameters[0].name,) if parameters else ()


def _made(
    forward: Function,
    rule: Rule | None,
    signature: inspect.Signature,
    names: tuple[str, ...],
    keeps: bool,
    scalar: Rule | None,
    broadcast: Rule | None,
    kernel: Function | None,
) -> Function:
    parameters = tuple(signature.parameters.values())
    by_position = all(p.kind is p.POSITIONAL_ONLY for p in parameters[: len(names)])
    if by_position and not keeps and names == tuple(p.name for p in parameters[: len(names)]):
        if len(names) == len(parameters) == 1 and rule is not None and signature.return_annotation == "Array":
            return unary(forward, rule)
        if len(names) == len(parameters) == 2:
            return binary(forward, rule, scalar, broadcast or rule, kernel)
        if len(names) == 1 and operand_is_array(parameters[0]):
            return with_attributes(forward, rule, parameters[1:])
    first, rest = parameters[: len(names)], parameters[len(names) :]
    in_order = names == tuple(p.name for p in first) and all(operand_is_array(p) for p in first)
    if in_order and all(p.kind is not p.KEYWORD_ONLY for p in first) and all(p.kind is p.KEYWORD_ONLY for p in rest):
        return several(forward, rule, parameters, names, keeps)
    return general(forward, rule, parameters, names, keeps)


def operand_is_array(parameter: inspect.Parameter) -> bool:
    """Whether a parameter takes one array, not a sequence of them."""
    return "Sequence" not in str(parameter.annotation)


# Serving Tensor -----------------------------------------------------------------------------------------------------------------


def _serve(function: Function, operator: Function, names: Sequence[str]) -> None:
    """Bind a function to Tensor under special names: an operator, reflected (`__r...__`), in place (`__i...__`), or a property."""
    for name in names:
        plain = f"__{name[3:]}"
        if plain in names and name.startswith("__r"):
            Tensor._bind(name, _reflected(operator, name))
        elif plain in names and name.startswith("__i"):
            Tensor._bind(name, _in_place(operator, name))
        else:
            Tensor._bind(name, property(function) if name in ("T", "mT") else operator)


def _reflected(operator: Function, name: str) -> Function:
    def reflected(self: Tensor, other: Any, /) -> Any:
        return operator(other, self)

    reflected.__name__ = name
    return reflected


def _in_place(operator: Function, name: str) -> Function:
    def in_place(self: Tensor, other: Any, /) -> Any:
        return self._in_place(operator, other)

    in_place.__name__ = name
    return in_place
