"""NumPy's own protocols: `numpy.sin(t)`, `numpy.linalg.solve(a, t)`, `numpy.add.reduce(t)` are recorded like clumsygrad's functions.

`__array_ufunc__` and `__array_function__` find the function in a table, by the object that NumPy hands over. What is in no table, and
arguments that no gradient could follow (`out=`, `where=`), raise TypeError with what to write instead: nothing falls through to arrays
of objects, and nothing leaves the graph. The ufuncs of scipy.special come this way too.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from . import special
from . import xp as _xp
from ._numpy import (
    calculus,
    creation,
    in_place,
    indices,
    methods,
    polynomials,
    products,
    reductions,
    selection,
    shapes,
    sliding,
    statistics,
    ufuncs,
)
from ._numpy._arguments import beside
from .integrations import scipy_special
from .tensor import Tensor

Function = Callable[..., Any]

FAMILIES = (reductions, statistics, shapes, selection, indices, calculus, polynomials, sliding, products, creation)

UFUNCS: dict[Any, Any] = {getattr(np, name): f for name, f in ufuncs.UFUNCS.items() if hasattr(np, name)}
_named = [(name, getattr(family, name)) for family in FAMILIES for name in family.__all__]
_named += [(f"linalg.{name}", f) for name, f in products.LINALG.items()]
_named += [(f"fft.{name}", f) for name, f in products.FFT.items()]
_named += [(f"lib.{name}", f) for name, f in sliding.LIB.items()]


def _of_numpy(name: str) -> Any:
    """NumPy's object of a dotted name; None in a version that lacks it."""
    try:
        return operator.attrgetter(name)(np)
    except AttributeError:
        return None


FUNCTIONS: dict[Any, Any] = {found: f for name, f in _named if (found := _of_numpy(name)) is not None}
UFUNCS[_of_numpy("_core.umath.clip")] = selection.clip  # which the method of NumPy's arrays calls
IN_PLACE: dict[Any, Any] = {getattr(np, name): getattr(in_place, name) for name in in_place.__all__}
LIKE: dict[Any, Any] = {getattr(np, name): f for name, f in creation.LIKE.items()}
LIKE |= {f: creation.Made(f) for f in [getattr(np, name) for name in creation.MADE]}

# What does the same as a function that Tensors have not.
_VALUES = "use x.detach().numpy() for the values alone"
INSTEAD = {
    "fill": "assign: x[...] = value",
    "flat": "use x.ravel()",
    "roots": "use numpy.linalg.eigvals of the companion matrix",
    "polydiv": "use numpy.polymul with a reciprocal, or solve for the coefficients",
    "histogram": "numpy.bincount(numpy.digitize(x, bins), weights) is differentiable in the weights; or " + _VALUES,
    "trim_zeros": "take a slice",
    "real_if_close": "use numpy.real",
    "union1d": "use numpy.unique(numpy.concatenate([x, y]))",
    "intersect1d": "use numpy.unique(x[numpy.isin(x, y)])",
    "setdiff1d": "use numpy.unique(x[~numpy.isin(x, y)])",
    "unique_all": "use numpy.unique with return_index, return_inverse and return_counts",
    "unique_counts": "use numpy.unique with return_counts",
    "unique_inverse": "use numpy.unique with return_inverse",
    "unique_values": "use numpy.unique",
    "riemann_zeta": "clumsygrad.special.zeta(x, q) is differentiable in q, at a number x; " + _VALUES,
    "strides": "how elements lie in memory is not known of every library: what strides are made for is numpy.lib.stride_tricks."
    "sliding_window_view(x, n), or reading by index, as x[numpy.abs(i - j)] with i, j = numpy.ogrid[:n, :n] for a Toeplitz matrix; "
    + _VALUES,
    "save": _VALUES,
    "savez": _VALUES,
    "savez_compressed": _VALUES,
    "savetxt": _VALUES,
}


class ForNumPy:
    """`__array_ufunc__` as NumPy sees it, which asks the class. Other libraries (CuPy, Dask) ask the instance, and are told None.

    None is how a class says that operators are to be left to it (NumPy Enhancement Proposal 13): `cupy_array * tensor` is then the
    tensor's. NumPy's own `ndarray * tensor` comes in through the function.
    """

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return _array_ufunc if instance is None else None


def _array_ufunc(self: Tensor, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """A ufunc, or one of its methods, that was handed a Tensor."""
    if method == "__call__" and not kwargs and ufunc in UFUNCS:  # every operator of an ndarray and a tensor comes this way
        for x in inputs:
            if type(x) not in _PLAIN:
                break
        else:
            return UFUNCS[ufunc](*inputs)
    if not all(map(_is_ours, inputs)):
        return NotImplemented
    name = ufunc.__name__
    full = _name_of_ufunc(ufunc) if method == "__call__" else f"{_name_of_ufunc(ufunc)}.{method}"
    if kwargs and method == "__call__" and not any(_has_no_effect(kwargs.get(key)) for key in ("out", "where")):
        raise TypeError(f"{full}: out= with where= is not supported for Tensors: {_CHOSEN.format(name=full)}")
    kwargs = _allowed(full, kwargs, ufunc)
    if method == "__call__":
        if ufunc not in UFUNCS:
            function = scipy_special.serving(ufunc)
            if function is None and scipy_special.is_scipys(ufunc):
                function = ufuncs.UFUNCS.get(name)  # expm1 and log1p are in both
            if function is None:
                raise _unsupported(full)
            UFUNCS[ufunc] = function
        if not kwargs.keys() <= ({"axis"} if name == "vecdot" else set()):
            raise TypeError(f"{full}: {', '.join(kwargs)} is not supported for Tensors: cast the operands with x.astype(dtype)")
        return UFUNCS[ufunc](*[beside(x, inputs) if isinstance(x, (list, tuple)) else x for x in inputs], **kwargs)
    if method == "at":
        return in_place.at(name, *inputs)
    if method not in ufuncs.METHODS:
        raise TypeError(f"{full}: not supported for Tensors: {_VALUES}")
    return ufuncs.METHODS[method](name, *inputs, **kwargs)


def _array_function(self: Tensor, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """A function of NumPy that was handed a Tensor, or was told to make an array like one."""
    if not all(map(_is_known, types)):
        return NotImplemented
    function = FUNCTIONS.get(func)
    if function is not None:
        return function(*args, **_allowed(_name(func), kwargs, function)) if kwargs else function(*args)
    if func in IN_PLACE:
        return IN_PLACE[func](*args, **kwargs)
    if func in LIKE:
        return LIKE[func](self, *args, **_allowed(_name(func), kwargs, LIKE[func]))
    raise _unsupported(_name(func))


# Arguments --------------------------------------------------------------------------------------------------------------------------

_PLAIN = frozenset({Tensor, np.ndarray}) | _xp.SCALARS | _xp.SCALAR_TYPES
_REFUSED = {
    "out": "out= (as y += x has it) would write into an array, which holds no graph: assign the result, y = {name}(...), or write it into "
    "a Tensor y, y[...] = {name}(...)",
    "where": "where= is not supported for Tensors: use numpy.where on the operand, or on the result",
    "initial": "initial= is not supported for Tensors: join it to the result with the function of two operands",
}
_CHOSEN = "clumsygrad.apply_where(mask, x, {name}, fill_value=0.0) computes it where the mask holds; several operands are a tuple"


def _allowed(name: str, kwargs: dict[str, Any], function: Any) -> dict[str, Any]:
    """The keyword arguments without those that have no effect. Raises TypeError for those that cannot be followed.

    What the function itself names among its keywords it follows.
    """
    kept = {}
    for key, value in kwargs.items():
        if value is np._NoValue or key == "subok" or (key in _REFUSED and _has_no_effect(value)):
            continue
        if key in _REFUSED and key not in (getattr(function, "__kwdefaults__", None) or ()):
            raise TypeError(f"{name}: {_REFUSED[key].format(name=name)}")
        kept[key] = value
    return kept


def _has_no_effect(value: Any) -> bool:
    """Whether out= or initial= is None, or where= True."""
    return value is None or value is True or (type(value) is tuple and all(x is None for x in value))


def _is_ours(x: Any) -> bool:
    """Whether an argument is one that Tensors work with: anything but an object with a protocol of its own."""
    if type(x) in _PLAIN or isinstance(x, (list, tuple)) or _xp.is_array(x):
        return True
    return getattr(type(x), "__array_ufunc__", None) is None


def _is_known(cls: type) -> bool:
    """Whether a class that takes part in `__array_function__` is one of an array library, and not another wrapper."""
    return cls in _PLAIN or issubclass(cls, np.ndarray) or cls.__module__.partition(".")[0] in _xp._LIBRARIES


# What is not there ------------------------------------------------------------------------------------------------------------------


def _name(func: Any) -> str:
    """The name of a function as its users write it."""
    return f"{getattr(func, '__module__', None) or 'numpy'}.{func.__name__}"


def _name_of_ufunc(ufunc: Any) -> str:
    if scipy_special.is_scipys(ufunc):
        return f"scipy.special.{ufunc.__name__.removeprefix('_')}"
    return f"numpy.{ufunc.__name__}"


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _unsupported(name: str) -> TypeError:
    """Which function Tensors do not have, and what to write in its place."""
    short = _short(name)
    instead = INSTEAD.get(short, _VALUES)
    if "scimath" in name and hasattr(np, short):
        instead = f"use numpy.{short} of x.astype(complex)"
    elif short.endswith("(vectorized)"):
        instead = "write the function in NumPy's functions, which take whole arrays"
    elif name.startswith("scipy.special") and short in special.__all__:
        instead = f"use clumsygrad.special.{short}"
    return TypeError(f"{name} does not take Tensors: {instead}")


# Binding ----------------------------------------------------------------------------------------------------------------------------


def _method(function: Function) -> Function:
    """A function as a method, which takes out=, where= and initial= where they have no effect, as the function does from NumPy."""
    name = f"numpy.{function.__name__}"

    @functools.wraps(function)
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        if kwargs and not _REFUSED.keys().isdisjoint(kwargs):
            kwargs = _allowed(name, kwargs, function)
        return function(self, *args, **kwargs)

    return method


Tensor._bind("__array_ufunc__", ForNumPy())
Tensor._bind("__array_function__", _array_function)
Tensor._bind("real", property(calculus.real, calculus.assign_real))
Tensor._bind("imag", property(calculus.imag, calculus.assign_imag))
Tensor._bind("reshape", methods.reshape)
Tensor._bind("transpose", methods.transpose)
Tensor._bind("swapaxes", shapes.swapaxes)
Tensor._bind("squeeze", shapes.squeeze)
Tensor._bind("flatten", methods.flatten)
Tensor._bind("ravel", shapes.ravel)
Tensor._bind("astype", methods.astype)
Tensor._bind("copy", methods.copy)
Tensor._bind("tolist", methods.tolist)
Tensor._bind("conj", methods.conj)
Tensor._bind("conjugate", methods.conj)
Tensor._bind("clip", methods.clip)
Tensor._bind("round", calculus.round)
Tensor._bind("dot", methods.dot)
Tensor._bind("sum", _method(reductions.sum))
Tensor._bind("prod", _method(reductions.prod))
Tensor._bind("mean", _method(reductions.mean))
Tensor._bind("std", _method(reductions.std))
Tensor._bind("var", _method(reductions.var))
Tensor._bind("max", _method(reductions.max))
Tensor._bind("min", _method(reductions.min))
Tensor._bind("argmax", _method(reductions.argmax))
Tensor._bind("argmin", _method(reductions.argmin))
Tensor._bind("cumsum", _method(reductions.cumsum))
Tensor._bind("cumprod", _method(reductions.cumprod))
Tensor._bind("any", _method(reductions.any))
Tensor._bind("all", _method(reductions.all))
Tensor._bind("trace", _method(products.trace))
Tensor._bind("diagonal", selection.diagonal)
Tensor._bind("repeat", shapes.repeat)
Tensor._bind("take", _method(selection.take))
Tensor._bind("compress", _method(methods.compress))
Tensor._bind("choose", _method(selection.choose))
Tensor._bind("argsort", selection.argsort)
Tensor._bind("searchsorted", selection.searchsorted)
Tensor._bind("nonzero", selection.nonzero)
Tensor._bind("itemsize", property(methods.itemsize))
Tensor._bind("nbytes", property(methods.nbytes))
Tensor._bind("__divmod__", methods.divmod)
Tensor._bind("__rdivmod__", methods.rdivmod)
Tensor._bind("__round__", methods.rounded)
Tensor._bind("_beside", methods.of_list)
Tensor._bind("_mask", methods.Mask())


def _instead_of_attribute(name: str) -> str:
    """What to write for an attribute of NumPy's arrays that Tensors lack."""
    if getattr(np, name, None) in FUNCTIONS:
        return f"numpy.{name}(x, ...) gives a new Tensor"
    if getattr(np, name, None) in IN_PLACE:
        return f"numpy.{name}(x, ...) writes into it"
    return INSTEAD.get(name, f"NumPy's arrays have it, x.detach().numpy().{name}")


for _lacked in dir(np.ndarray):
    if not _lacked.startswith("_") and not hasattr(Tensor, _lacked):
        Tensor._bind(_lacked, methods.Missing(_lacked, _instead_of_attribute(_lacked)))
