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
from typing import Any

from . import xp as _xp
from ._modes import recording
from ._operands import agreed, array_like, is_operand, raw
from ._rules import checked, raw_only
from .tensor import Tensor, constant, record
from .xp import SCALAR_TYPES, SCALARS, device_arrays, ndarray, numpy

Function = Callable[..., Any]
Rule = Callable[[Any, Any], tuple[Any, ...]]

_WEAK = frozenset({float, int, bool})  # Python scalars that never change the kind of a floating array
# Operands that are positions or numbers of times: no dtype is promoted by them.
_COUNTS = frozenset({"indices", "repeats", "sorter", "labels"})
_BOOL = numpy.dtype("bool")
_NUMPYS = SCALAR_TYPES | {ndarray}  # whose dtypes are one object each: equal dtypes, and the library is NumPy


def operation(
    rule: Rule | None,
    *,
    operands: Sequence[str] | None = None,
    once: bool = False,
    keeps: bool = False,
    serves: Sequence[str] = (),
    scalar: Rule | None = None,
    broadcast: Rule | None = None,
) -> Callable[[Function], Function]:
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
        it need not compute again, or a tuple of them. Who calls the function gets the result alone.
    serves: the special methods of Tensor that this function is.
    scalar, broadcast: the rules of a function of two operands where one is a Python scalar, or where the shapes differ.

    What a rule of one's own returns is checked for number, shape and dtype.

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

    def decorate(forward: Function) -> Function:
        signature = inspect.signature(forward)
        names = tuple(operands) if operands is not None else _default_operands(signature)
        missing = [name for name in names if name not in signature.parameters]
        if missing or not names:
            raise TypeError(f"operation {forward.__name__}: no parameter named {', '.join(missing) or '(no operand at all)'}")
        chosen = rule
        if rule is not None and not rule.__module__.startswith(f"{__package__}.grad"):
            chosen = checked(raw_only(rule) if once else rule)
        function = functools.update_wrapper(_made(forward, chosen, signature, names, keeps, scalar, broadcast), forward)
        if serves:
            binary = len(names) == len(signature.parameters) == 2
            operator = _binary(forward, chosen, scalar, broadcast or chosen, as_operator=True) if binary else function
            _serve(function, functools.update_wrapper(operator, forward), serves)
        return function

    return decorate


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
) -> Function:
    parameters = tuple(signature.parameters.values())
    by_position = all(p.kind is p.POSITIONAL_ONLY for p in parameters[: len(names)])
    if by_position and not keeps and names == tuple(p.name for p in parameters[: len(names)]):
        if len(names) == len(parameters) == 1 and rule is not None and signature.return_annotation == "Array":
            return _unary(forward, rule)
        if len(names) == len(parameters) == 2:
            return _binary(forward, rule, scalar, broadcast or rule)
        if len(names) == 1 and operand_is_array(parameters[0]):
            return _with_attributes(forward, rule, parameters[1:])
    first, rest = parameters[: len(names)], parameters[len(names) :]
    in_order = names == tuple(p.name for p in first) and all(operand_is_array(p) for p in first)
    if in_order and all(p.kind is not p.KEYWORD_ONLY for p in first) and all(p.kind is p.KEYWORD_ONLY for p in rest):
        return _several(forward, rule, parameters, names, keeps)
    return _general(forward, rule, parameters, names, keeps)


def operand_is_array(parameter: inspect.Parameter) -> bool:
    """Whether a parameter takes one array, not a sequence of them."""
    return "Sequence" not in str(parameter.annotation)


# The five makers --------------------------------------------------------------------------------------------------------------


def _unary(forward: Function, rule: Rule) -> Function:
    def function(x, /):  # type: ignore[no-untyped-def]
        if type(x) is not Tensor:
            return forward(x)
        try:
            data = forward(x._data) if _xp.guard is None else _xp.guard(forward, x._data)
        except Exception as error:
            _describe(error, forward, (x,))
            raise
        if x._tracked and recording():
            return record(data, rule, (x,), None)
        return constant(data)

    return function


def _binary(forward: Function, rule: Rule | None, scalar: Rule | None, broadcast: Any, as_operator: bool = False) -> Function:
    """`rule` serves two tensors of one shape that are both differentiated, `broadcast` everything else but scalars."""

    def function(x1, x2, /):  # type: ignore[no-untyped-def]
        try:
            if type(x1) is Tensor:
                a = x1._data
                cls = type(a)
                if type(x2) is Tensor:
                    b = x2._data
                    if cls is ndarray is type(b):
                        fits = a.dtype is b.dtype
                    elif cls is type(b):  # CuPy's dtypes are NumPy's objects; with one GPU no device has to be asked for
                        fits = cls in SCALAR_TYPES or (cls in device_arrays and _xp.guard is None and a.dtype is b.dtype)
                    else:
                        fits = cls in _NUMPYS and type(b) in _NUMPYS and a.dtype is b.dtype
                    if not fits:
                        x1, x2 = agreed(forward, (x1, x2))
                        a, b = x1._data, x2._data
                    data = forward(a, b) if _xp.guard is None else _xp.guard(forward, a, b)
                    if x1._tracked and x2._tracked and rule is not None and recording():
                        return record(data, rule if a.shape == b.shape else broadcast, (x1, x2), None)
                    return half_tracked(data, x1, x2, a, b)
                if type(x2) in _WEAK:
                    data = forward(a, x2) if _xp.guard is None else _xp.guard(forward, a, x2)
                    if x1._tracked and scalar is not None and recording():
                        return record(data, scalar, (x1,), ("x2", x2))
                    return half_tracked(data, x1, x2, a, x2)
                if type(x2) in _NUMPYS and cls in _NUMPYS and x2.dtype is a.dtype:
                    return half_tracked(forward(a, x2), x1, x2, a, x2)
            elif type(x2) is not Tensor:
                return forward(x1, x2)
            else:
                b = x2._data
                if type(x1) in _WEAK:
                    return half_tracked(forward(x1, b) if _xp.guard is None else _xp.guard(forward, x1, b), x1, x2, x1, b)
                if type(x1) in _NUMPYS and type(b) in _NUMPYS and x1.dtype is b.dtype:
                    return half_tracked(forward(x1, b), x1, x2, x1, b)
            if as_operator and not (is_operand(x1) and is_operand(x2)):
                return NotImplemented
            x1, x2 = agreed(forward, (x1, x2))
            a, b = raw(x1), raw(x2)
            return half_tracked(forward(a, b) if _xp.guard is None else _xp.guard(forward, a, b), x1, x2, a, b)
        except Exception as error:
            _describe(error, forward, (x1, x2))
            raise

    def half_tracked(data: Any, x1: Any, x2: Any, a: Any, b: Any) -> Tensor:
        """The result where an operand is a constant: a tensor that requires no gradient, an array, a scalar. Their data: a, b."""
        x1 = x1 if type(x1) is Tensor and x1._tracked else a
        x2 = x2 if type(x2) is Tensor and x2._tracked else b
        if rule is None or (type(x1) is not Tensor and type(x2) is not Tensor) or not recording():
            return constant(data)
        if scalar is not None and (type(a) in SCALARS or type(b) in SCALARS):
            return record(data, scalar, (x1,), ("x2", b)) if type(b) in SCALARS else record(data, scalar, (x2,), ("x1", a))
        if type(x1) is Tensor and type(x2) is Tensor and a.shape == b.shape:
            return record(data, rule, (x1, x2), None)
        return record(data, broadcast, (x1, x2), None)

    return function


def _with_attributes(forward: Function, rule: Rule | None, rest: tuple[inspect.Parameter, ...]) -> Function:
    names = tuple(p.name for p in rest if p.kind is not p.KEYWORD_ONLY)
    defaults = {p.name: p.default for p in rest if p.default is not p.empty}
    casts = any(p.name == "dtype" for p in rest if p.kind is p.KEYWORD_ONLY)

    def function(x, /, *args, **kwargs):  # type: ignore[no-untyped-def]
        if type(x) is not Tensor:
            return forward(x, *args, **kwargs)
        attributes = {**defaults, **kwargs}
        if args:
            attributes.update(zip(names, args))  # noqa: B905 (too many are refused by forward itself)
        if (args or kwargs) and Tensor in map(type, attributes.values()):
            raise _misplaced(forward, attributes)
        if casts and attributes["dtype"] is not None and x._data.dtype != attributes["dtype"]:
            x = x._astype(attributes["dtype"])
        try:
            if _xp.guard is None:
                data = forward(x._data, *args, **kwargs)
            else:
                data = _xp.guard(functools.partial(forward, **kwargs), x._data, *args)
        except Exception as error:
            _describe(error, forward, (x,))
            raise
        if x._tracked and rule is not None and recording():
            if type(data) in SCALAR_TYPES or (type(data) is type(x._data) and data.dtype is x._data.dtype):
                return record(data, rule, (x,), attributes)
            return _recorded(data, rule, (x,), attributes)
        return _constants(data)

    return function


def _several(
    forward: Function, rule: Rule | None, parameters: tuple[inspect.Parameter, ...], names: tuple[str, ...], keeps: bool
) -> Function:
    """Several operands and attributes: a short way for arrays of NumPy or CuPy that fit as they are, the general one for all else."""
    general = _general(forward, rule, parameters, names, keeps)
    plain = _result_alone(forward) if keeps else forward
    named = frozenset([p.name for p in parameters[len(names) :]])
    defaults = {p.name: p.default for p in parameters[len(names) :] if p.default is not p.empty}
    required = sum(p.default is not None for p in parameters[: len(names)])  # the others may be left out
    counts = frozenset([i for i, name in enumerate(names) if name in _COUNTS])

    def function(*args: Any, **kwargs: Any) -> Any:
        arrays: list[Any] = []
        parents: list[Any] = []
        cls, dtype, tracked = ndarray, None, False
        for x in args:
            if type(x) is Tensor:
                a = x._data
                if x._tracked:
                    tracked = True
                else:
                    x = a
            else:
                a = x
            if type(a) is cls:
                if a.dtype is not dtype and a.dtype is not _BOOL and len(arrays) not in counts:
                    if dtype is not None:
                        return general(*args, **kwargs)
                    dtype = a.dtype
            elif a is not None and type(a) not in _WEAK:
                if arrays or type(a) not in device_arrays or _xp.guard is not None:
                    return general(*args, **kwargs)
                cls = type(a)  # CuPy's, and all of them, if the first is
                if a.dtype is not _BOOL and 0 not in counts:
                    dtype = a.dtype
            arrays.append(a)
            parents.append(x)
        if not tracked and Tensor not in map(type, args):
            return plain(*args, **kwargs)
        attributes: Any = {**defaults, **kwargs} if named or keeps else None
        if len(arrays) != len(names):
            if not kwargs.keys() <= named or len(arrays) < required:
                return general(*args, **kwargs)  # an operand by keyword, or Python's own TypeError
            arrays += (None,) * (len(names) - len(arrays))
            parents += arrays[len(parents) :]
        if kwargs and Tensor in map(type, kwargs.values()):
            raise _misplaced(forward, kwargs)
        try:
            data = forward(*arrays, **kwargs)
        except Exception as error:
            _describe(error, forward, args)
            raise
        if keeps:
            data, attributes["kept"] = _result_and_kept(forward, data)
        if not tracked or rule is None or not recording():
            return _constants(data)
        if (type(data) is cls or type(data) in SCALAR_TYPES) and data.dtype is dtype:
            return record(data, rule, tuple(parents), attributes)
        return _recorded(data, rule, tuple(parents), attributes or {})

    return function


def _general(
    forward: Function, rule: Rule | None, parameters: tuple[inspect.Parameter, ...], names: tuple[str, ...], keeps: bool
) -> Function:
    """Any signature. Operands may be scalars, None, or lists and tuples of arrays."""
    plain = _result_alone(forward) if keeps else forward
    positional = tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD))
    variable = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
    known = {p.name for p in parameters}
    counts = frozenset([i for i, name in enumerate(names) if name in _COUNTS])

    def function(*args: Any, **kwargs: Any) -> Any:
        bound = {**defaults, **dict(zip(positional, args, strict=False)), **kwargs}
        if variable is not None:
            bound[variable] = args[len(positional) :]
        if len(bound) != len(known) or (len(args) > len(positional) and variable is None):
            return plain(*args, **kwargs)  # which raises Python's own TypeError
        given = [bound.pop(name) for name in names]
        values: tuple[Any, ...] = tuple([x for value in given for x in (value if isinstance(value, (list, tuple)) else (value,))])
        if any(type(value) is Tensor for value in bound.values()):
            raise _misplaced(forward, bound)
        if not any(type(x) is Tensor for x in values):
            return plain(*args, **kwargs)
        values = agreed(forward, values, counts)
        if any(isinstance(value, (list, tuple)) for value in given) and not SCALARS.isdisjoint(map(type, values)):
            like = next(x for x in values if type(x) is Tensor)
            values = tuple([array_like(like, x) if type(x) in SCALARS else x for x in values])
        arrays = [raw(x) for x in values]
        rest = iter(arrays)
        arguments = dict(bound)
        for name, value in zip(names, given, strict=True):
            arguments[name] = [next(rest) for _ in value] if isinstance(value, (list, tuple)) else next(rest)
        by_position = [arguments.pop(name) for name in positional] + list(arguments.pop(variable) if variable is not None else ())
        try:
            call = functools.partial(forward, **arguments)
            data = call(*by_position) if _xp.guard is None else _xp.guard(call, *by_position)
        except Exception as error:
            _describe(error, forward, values)
            raise
        if keeps:
            data, bound["kept"] = _result_and_kept(forward, data)
        parents = tuple([x if type(x) is Tensor and x._tracked else r for x, r in zip(values, arrays, strict=True)])
        if rule is not None and recording() and any(type(x) is Tensor for x in parents):
            return _recorded(data, rule, parents, bound)
        return _constants(data)

    return function


def _result_alone(forward: Function) -> Function:
    """A function that keeps something for its rule, without that."""

    @functools.wraps(forward)
    def function(*args: Any, **kwargs: Any) -> Any:
        return _result_and_kept(forward, forward(*args, **kwargs))[0]

    return function


def _result_and_kept(forward: Function, returned: Any) -> tuple[Any, Any]:
    if type(returned) is not tuple or len(returned) != 2:
        got = f"a tuple of {len(returned)}" if isinstance(returned, tuple) else f"a {type(returned).__name__}"
        raise TypeError(f"{forward.__name__} must return a pair, its result and what it keeps (keeps=True); it returned {got}")
    return returned


def _recorded(data: Any, rule: Rule, parents: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
    """The result, or each of the results, as a tensor that records the call; one that has no derivative as a constant."""
    if not isinstance(data, tuple):
        return record(data, rule, parents, attributes) if _xp.is_floating(data) else constant(data)
    outputs = [
        record(part, rule, parents, {**attributes, "index": index, "outputs": data}) if _xp.is_floating(part) else constant(part)
        for index, part in enumerate(data)
    ]
    return data._make(outputs) if hasattr(data, "_make") else tuple(outputs)


def _constants(data: Any) -> Any:
    if not isinstance(data, tuple):
        return constant(data)
    return data._make(map(constant, data)) if hasattr(data, "_make") else tuple(map(constant, data))


# Errors ---------------------------------------------------------------------------------------------------------------------------


def _misplaced(forward: Function, attributes: dict[str, Any]) -> TypeError:
    names = ", ".join(name for name, value in attributes.items() if type(value) is Tensor)
    return TypeError(
        f"{forward.__name__}: {names} is a Tensor, but nothing is differentiated with respect to it: give {names}.data"
    )


def _describe(error: Exception, forward: Function, values: tuple[Any, ...]) -> None:
    """Add to the library's own error a note that names the operation and its operands' shapes."""
    shapes = ", ".join(str(tuple(x.shape)) if hasattr(x, "shape") else repr(x) for x in values)
    error.add_note(f"in clumsygrad's {forward.__name__.lstrip('_')}, operands of shape {shapes}")
    tensors = [x for x in values if type(x) is Tensor]
    if tensors:
        tensors[0]._note_memory(error, tensors[1:])


# Serving Tensor -----------------------------------------------------------------------------------------------------------------

_PROPERTIES = frozenset({"T", "mT"})


def _serve(function: Function, operator: Function, names: Sequence[str]) -> None:
    """Bind a function to Tensor under special names: an operator, reflected (`__r...__`), in place (`__i...__`), or a property."""
    for name in names:
        plain = f"__{name[3:]}"
        if plain in names and name.startswith("__r"):
            Tensor._bind(name, _reflected(operator, name))
        elif plain in names and name.startswith("__i"):
            Tensor._bind(name, _in_place(operator, name))
        else:
            Tensor._bind(name, property(function) if name in _PROPERTIES else operator)


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
