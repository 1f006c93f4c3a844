"""What @operation makes of a function of arrays: the five makers, one for each kind of signature, and the notes that errors get.

Each makes a function that takes plain arrays to plain arrays. With a Tensor among its operands it computes with the arrays behind
them, and the result is a Tensor, which records the call where an operand requires a gradient.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from . import xp as _xp
from ._modes import recording
from ._operands import agreed, array_like, is_operand, raw
from ._versions import as_read
from .tensor import Tensor, constant, record
from .xp import SCALAR_TYPES, SCALARS, device_arrays, ndarray, numpy

__all__ = ["Function", "Rule", "binary", "general", "several", "unary", "widening", "with_attributes"]

Function = Callable[..., Any]
Rule = Callable[[Any, Any], tuple[Any, ...]]

_WEAK = frozenset({float, int, bool})  # Python scalars that never change the kind of a floating array
_COUNTS = frozenset({"indices", "repeats", "sorter", "labels"})  # positions, or numbers of times: operands that promote no dtype
_BOOL = numpy.dtype("bool")
_NUMPYS = SCALAR_TYPES | {ndarray}  # whose dtypes are one object each: equal dtypes, and the library is NumPy


def unary(forward: Function, rule: Rule) -> Function:
    def function(x, /):  # type: ignore[no-untyped-def]
        if type(x) is not Tensor:
            return forward(x)
        try:
            data = forward(x._data) if _xp.guard is None else _xp.guard(forward, x._data)
        except Exception as error:
            _describe(error, forward, (x,))
            raise
        if x._tracked and recording():
            return record(data, rule, (x if x._extra is None else as_read(x),), None)
        return constant(data)

    return function


def binary(
    forward: Function, rule: Rule | None, scalar: Rule | None, broadcast: Any, kernel: Function | None, as_operator: bool = False
) -> Function:
    """A function of two operands; as an operator it takes lists too, and leaves what it does not know to the other operand.

    operands                                 data
    no tensor                                forward(x1, x2), and that is all
    arrays of NumPy, of one dtype;           forward(a, b)
    a float, int or bool beside a tensor
    arrays of CuPy, of one dtype             kernel(a, b), if there is one and it serves, and forward(a, b) otherwise
    anything else                            the same, of what `agreed` makes of them

    operands                                 parents                          rule
    two tracked tensors of one shape         both                             rule; broadcast, if a kernel computed it
    a tracked tensor and Python's number     the tensor                       scalar, if there is one: the number is an attribute
    a tracked tensor and anything else       both, the arrays of constants    broadcast
    nothing tracked, or nothing recorded     none: a constant
    """
    computed = forward if kernel is None else _by_kernel(forward, kernel)
    half_tracked = _half_tracked(rule, scalar, broadcast, kernel)

    def function(x1, x2, /):  # type: ignore[no-untyped-def]
        try:
            if type(x1) is Tensor:
                a = x1._data
                cls = type(a)
                if type(x2) is Tensor:
                    b = x2._data
                    if cls is ndarray is type(b):
                        fits = a.dtype is b.dtype
                    elif cls is type(b):
                        fits = cls in SCALAR_TYPES
                        if cls in device_arrays and _xp.guard is None and a.dtype is b.dtype:
                            # CuPy's dtypes are NumPy's objects; with one GPU no device has to be asked for
                            data = kernel(a, b) if kernel is not None else None
                            if data is not None:
                                return half_tracked(data, x1, x2, a, b)
                            fits = True
                    else:
                        fits = cls in _NUMPYS and type(b) in _NUMPYS and a.dtype is b.dtype
                    if not fits:
                        x1, x2 = agreed(forward, (x1, x2))
                        a, b = x1._data, x2._data
                    data = forward(a, b) if _xp.guard is None else _xp.guard(computed, a, b)
                    if x1._tracked and x2._tracked and rule is not None and recording():
                        parents = x1 if x1._extra is None else as_read(x1), x2 if x2._extra is None else as_read(x2)
                        return record(data, rule if a.shape == b.shape else broadcast, parents, None)
                    return half_tracked(data, x1, x2, a, b)
                if type(x2) in _WEAK:
                    data = forward(a, x2) if _xp.guard is None else _xp.guard(forward, a, x2)
                    if x1._tracked and scalar is not None and recording():
                        return record(data, scalar, (x1 if x1._extra is None else as_read(x1),), ("x2", x2))
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
            if as_operator:
                x1, x2 = _beside_lists(x1, x2)
                if x2 is NotImplemented:
                    return NotImplemented
            x1, x2 = agreed(forward, (x1, x2))
            a, b = raw(x1), raw(x2)
            return half_tracked(computed(a, b) if _xp.guard is None else _xp.guard(computed, a, b), x1, x2, a, b)
        except Exception as error:
            _describe(error, forward, (x1, x2))
            raise

    return function


def _by_kernel(forward: Function, kernel: Function) -> Function:
    """A function of two arrays that is computed by a kernel where it serves."""

    def computed(a: Any, b: Any) -> Any:
        data = kernel(a, b)
        return forward(a, b) if data is None else data

    return computed


def _half_tracked(rule: Rule | None, scalar: Rule | None, broadcast: Any, kernel: Function | None) -> Function:
    """What makes a tensor of a result where an operand may be a constant: one that requires no gradient, an array, a number."""

    def half_tracked(data: Any, x1: Any, x2: Any, a: Any, b: Any) -> Tensor:
        x1 = as_read(x1) if type(x1) is Tensor and x1._tracked else a
        x2 = as_read(x2) if type(x2) is Tensor and x2._tracked else b
        if rule is None or (type(x1) is not Tensor and type(x2) is not Tensor) or not recording():
            return constant(data)
        if scalar is not None and (type(a) in SCALARS or type(b) in SCALARS):
            return record(data, scalar, (x1,), ("x2", b)) if type(b) in SCALARS else record(data, scalar, (x2,), ("x1", a))
        by_kernels = kernel is not None and type(a) in device_arrays  # and so does `broadcast`
        if type(x1) is Tensor and type(x2) is Tensor and a.shape == b.shape and not by_kernels:
            return record(data, rule, (x1, x2), None)
        return record(data, broadcast, (x1, x2), None)

    return half_tracked


def _beside_lists(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Two operands of an operator, a list or tuple as an array beside the other; NotImplemented as the second for what is none."""
    if is_operand(x1) and is_operand(x2):
        return x1, x2
    if isinstance(x1, (list, tuple)):
        return x2._beside(x1), x2
    if isinstance(x2, (list, tuple)):
        return x1, x1._beside(x2)
    return x1, NotImplemented


def with_attributes(forward: Function, rule: Rule | None, rest: tuple[inspect.Parameter, ...]) -> Function:
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
            parents = (x if x._extra is None else as_read(x),)
            if type(data) in SCALAR_TYPES or (type(data) is type(x._data) and data.dtype is x._data.dtype):
                return record(data, rule, parents, attributes)
            return _recorded(data, rule, parents, attributes)
        return _constants(data)

    return function


def several(
    forward: Function, rule: Rule | None, parameters: tuple[inspect.Parameter, ...], names: tuple[str, ...], keeps: bool
) -> Function:
    """Several operands and attributes: a short way for arrays of NumPy or CuPy that fit as they are, the general one for all else."""
    in_general = general(forward, rule, parameters, names, keeps)
    plain = _result_alone(forward) if keeps else forward
    named = frozenset([p.name for p in parameters[len(names) :]])
    defaults = {p.name: p.default for p in parameters[len(names) :] if p.default is not p.empty}
    required = sum(p.default is not None for p in parameters[: len(names)])  # the others may be left out
    counts = frozenset([i for i, name in enumerate(names) if name in _COUNTS])

    def function(*args: Any, **kwargs: Any) -> Any:
        arrays: list[Any] = []
        cls, dtype, tracked, others = ndarray, None, False, False
        for a in args:
            if type(a) is Tensor:
                if a._tracked:
                    tracked = True
                    if a._extra is not None and (a._extra.base is not None or a._extra.private is not None):
                        others = True  # for as_read
                else:
                    others = True
                a = a._data
            if type(a) is cls:
                its = a.dtype
                if its is not dtype and its is not _BOOL and len(arrays) not in counts:
                    if dtype is not None:
                        return in_general(*args, **kwargs)
                    dtype = its
            elif type(a) in SCALAR_TYPES and cls is ndarray and a.dtype is dtype:  # a 0-d array of NumPy
                pass
            elif a is not None and type(a) not in _WEAK:
                if arrays or type(a) not in device_arrays or _xp.guard is not None:
                    return in_general(*args, **kwargs)
                cls = type(a)  # CuPy's, and all of them, if the first is
                if a.dtype is not _BOOL and 0 not in counts:
                    dtype = a.dtype
            arrays.append(a)
        if not tracked and not others:
            if kwargs and Tensor in map(type, kwargs.values()):  # an operand by keyword, or one that is misplaced
                return in_general(*args, **kwargs)
            return plain(*args, **kwargs)
        parents = args
        if others:  # than tensors as they are, and arrays
            parents = tuple([as_read(x) if type(x) is Tensor and x._tracked else a for x, a in zip(args, arrays, strict=True)])
        attributes: Any = {**defaults, **kwargs} if named or keeps else None
        if len(arrays) != len(names):
            if not kwargs.keys() <= named or len(arrays) < required:
                return in_general(*args, **kwargs)  # an operand by keyword, or Python's own TypeError
            left_out = (None,) * (len(names) - len(arrays))
            arrays += left_out
            parents += left_out
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
            return record(data, rule, parents, attributes)
        return _recorded(data, rule, parents, attributes or {})

    return function


def general(
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
        parents = tuple([as_read(x) if type(x) is Tensor and x._tracked else r for x, r in zip(values, arrays, strict=True)])
        if rule is not None and recording() and any(type(x) is Tensor for x in parents):
            return _recorded(data, rule, parents, bound)
        return _constants(data)

    return function


def widening(function: Function) -> Function:
    """The same function, called with float32 in place of floats of 16 bits."""

    def in_single(*args: Any, **kwargs: Any) -> Any:
        return function(*map(_xp.widened, args), **kwargs)

    return in_single


def _result_alone(forward: Function) -> Function:
    """A function without what it keeps for its rule: its result alone."""

    @functools.wraps(forward)
    def function(*args: Any, **kwargs: Any) -> Any:
        return _result_and_kept(forward, forward(*args, **kwargs))[0]

    return function


def _result_and_kept(forward: Function, returned: Any) -> tuple[Any, Any]:
    if type(returned) is not tuple or len(returned) != 2:
        got = f"a tuple of {len(returned)}" if isinstance(returned, tuple) else _xp.type_in_words(returned)
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
