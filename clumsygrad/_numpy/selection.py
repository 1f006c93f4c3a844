"""NumPy's functions that choose, place, pad and order elements, by their own names and with their own parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .. import xp as _xp
from ..forward import composed, elementwise, indexing, linalg, manipulation
from ..forward.arithmetic import equal
from ..forward.elementwise import isnan
from ..forward.indexing import _getitem
from ..forward.reductions import all as _all
from ..tensor import Tensor
from ..xp import Array, numpy
from ._arguments import (
    axes_of,
    axis_of,
    beside,
    brought_inside,
    cast,
    floating,
    in_host_memory,
    namespace_of,
    on_host,
    positions,
    raveled,
    refuse,
    refuse_fields,
    tensor,
    tensors,
    truth,
)

__all__ = [
    "allclose",
    "argsort",
    "argwhere",
    "array_equal",
    "array_equiv",
    "choose",
    "clip",
    "compress",
    "delete",
    "diag",
    "diagflat",
    "diagonal",
    "digitize",
    "extract",
    "flatnonzero",
    "insert",
    "isclose",
    "isin",
    "nan_to_num",
    "nonzero",
    "pad",
    "piecewise",
    "searchsorted",
    "select",
    "sort",
    "take",
    "take_along_axis",
    "tril",
    "triu",
    "unique",
    "where",
]


# Choosing -------------------------------------------------------------------------------------------------------------------------


def where(condition: Any, /, *branches: Any) -> Any:
    """x where `condition`, else y, for branches x, y; without branches the indices of what is not 0."""
    if not branches:
        return indexing.nonzero(tensor(condition))
    if len(branches) != 2:
        raise ValueError("either both or neither of x and y should be given")
    given = (condition, *branches)
    condition, x, y = [beside(b, given) if isinstance(b, (list, tuple)) else b for b in given]
    if type(condition) is bool:
        condition = positions(numpy.asarray(condition), beside(0, given))
    return elementwise.where(truth(condition), x, y)


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Array:
    """The choice of the first condition that holds, elementwise; where none holds, `default`. Numbers take the dtype of the arrays."""
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError("select: needs as many conditions as choices, and at least one")
    like = (*condlist, *choicelist)
    choices = [x if type(x) in (int, float, complex) else beside(x, like) for x in (*choicelist, default)]
    *choices, z = [cast(beside(x, like), _dtype_of_all(choices)) for x in choices]
    for condition, choice in zip(reversed(condlist), reversed(choices), strict=True):
        z = elementwise.where(truth(beside(condition, like)), choice, z)
    return z


def _dtype_of_all(choices: list[Any]) -> Any:
    """The dtype that tensors and numbers promote to; None for tensors of several libraries, which `where` refuses."""
    choices = [x for x in choices if type(x) is not Tensor or _xp.kind(x) != "bool"] or choices
    arrays = [x for x in choices if type(x) is Tensor]
    if not arrays:
        return numpy.result_type(*choices).name
    return namespace_of(arrays[0]).result_type(*choices) if len({_xp.library_of(x.data) for x in arrays}) == 1 else None


def piecewise(x: Tensor, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Array:
    """The function (or number) of the last condition that holds; with one more function than conditions, that where none holds.

    Functions must be elementwise: each sees the whole of x, with 1 in the places of the others.
    """
    conditions = [truth(c) for c in tensors(*(condlist if isinstance(condlist, (list, tuple)) else (condlist,)))]
    functions = list(funclist)
    z = elementwise.astype(beside(0.0, x), x.dtype)
    if len(functions) == len(conditions) + 1:
        otherwise = namespace_of(x).logical_not(conditions[0])
        for condition in conditions[1:]:
            otherwise = namespace_of(x).logical_and(otherwise, namespace_of(x).logical_not(condition))
        conditions, functions = [otherwise, *conditions], [functions[-1], *functions[:-1]]
    if len(functions) != len(conditions):
        raise ValueError(f"with {len(conditions)} condition(s), either {len(conditions)} or one more functions are expected")
    for condition, function in zip(conditions, functions, strict=True):
        if callable(function):
            chosen = composed.apply_where(condition, x, _Called(function, args, kw), fill_value=0.0)
        else:
            chosen = beside(function, x)
        z = elementwise.where(condition, chosen, z)
    return z


class _Called:
    """A function with its further arguments."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.function, self.args, self.kwargs = function, args, kwargs

    def __call__(self, x: Array) -> Array:
        return self.function(x, *self.args, **self.kwargs)


def choose(a: Any, choices: Sequence[Any], *, mode: str = "raise") -> Array:
    """choices[a], elementwise.

    With `mode` "wrap" or "clip" indices out of range are wrapped round or clipped. Else they raise ValueError, if they are in the host's
    memory; those of CuPy, JAX and Dask are not read, and choose the first.
    """
    index, *parts = tensors(a, *choices)
    index = brought_inside(index, len(parts), mode)
    known = in_host_memory(a) if mode == "raise" else None
    if known is not None and ((known < 0) | (known >= len(parts))).any():
        raise ValueError(f"numpy.choose: invalid entry in choice array: the indices must lie in 0 ... {len(parts) - 1}")
    z = parts[0]
    for number, part in enumerate(parts[1:], 1):
        z = elementwise.where(equal(index, number), part, z)
    return z


def clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Array:
    """a, but no smaller than the one bound and no larger than the other. At a bound all of the gradient goes to a."""
    low, high = min if a_min is None else a_min, max if a_max is None else a_max
    a = beside(a, (a, low, high))
    low, high = [beside(bound, a) if isinstance(bound, (list, tuple)) else bound for bound in (low, high)]
    fractions = any(type(bound) is float or (hasattr(bound, "dtype") and _xp.is_floating(bound)) for bound in (low, high))
    return elementwise.clip(floating(a) if fractions else a, low, high)


def nan_to_num(x: Tensor, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Array:
    """x with `nan` for nan, and for infinities the numbers given, or the largest and smallest that the dtype holds."""
    if not copy:
        refuse("nan_to_num", "copy=False", "assign the result: x = numpy.nan_to_num(x)")
    if not _xp.is_floating(x):
        return x
    if _xp.kind(x) == "complex floating":
        refuse("nan_to_num", "a complex operand", "take it of numpy.real(x) and numpy.imag(x)")
    limits = namespace_of(x).finfo(x.dtype)
    x = elementwise.where(isnan(x), nan, x)
    x = elementwise.where(equal(x, math.inf), limits.max if posinf is None else posinf, x)
    return elementwise.where(equal(x, -math.inf), limits.min if neginf is None else neginf, x)


# Taking and leaving -----------------------------------------------------------------------------------------------------------------


def take(a: Any, indices: Any, axis: int | None = None, *, mode: str = "raise") -> Array:
    """The elements of a at `indices` (of any shape) along `axis`; with None, of a laid flat.

    With `mode` "wrap" or "clip" indices beyond the ends are wrapped round or clipped.
    """
    a = beside(a, indices)
    if type(indices) is not Tensor:
        indices = positions(numpy.asarray(indices), a) if not _xp.is_array(indices) else Tensor(indices)
    if axis is None:
        a, axis = raveled(a), 0
    axis = axis_of(a, axis, "take")
    z = indexing.take(a, raveled(brought_inside(indices, a.shape[axis], mode)), axis=axis)
    return manipulation.reshape(z, a.shape[:axis] + indices.shape + a.shape[axis + 1 :])


def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Array:
    """The elements of arr at `indices` along `axis`, with indices of their own at every other position."""
    arr, indices = tensors(arr, indices)
    return indexing.take_along_axis(raveled(arr) if axis is None else arr, indices, axis=0 if axis is None else axis)


def compress(condition: Any, a: Any, axis: int | None = None) -> Array:
    """The elements of a along `axis` for which a 1-d `condition` holds; with None, of a laid flat."""
    condition, a = tensors(condition, a)
    (indices,) = indexing.nonzero(truth(condition))
    return take(a, indices, axis)


def extract(condition: Any, arr: Any) -> Array:
    """The elements of arr for which `condition` holds, laid flat."""
    condition, arr = tensors(condition, arr)
    return compress(raveled(condition), arr)


def delete(arr: Any, obj: Any, axis: int | None = None) -> Array:
    """arr without what stands at `obj` (an index, several, or a slice) along `axis`; with None, of arr laid flat."""
    arr = beside(arr, (arr, obj))
    arr, axis = (raveled(arr), 0) if axis is None else (arr, axis_of(arr, axis, "delete"))
    stay = numpy.delete(numpy.arange(arr.shape[axis]), on_host(obj))
    return indexing.take(arr, positions(stay, arr), axis=axis)


def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Array:
    """arr with `values`, in its dtype, before what stands at `obj` along `axis`; with None, of arr laid flat."""
    arr, values = tensors(arr, values)
    if _xp.is_floating(arr):
        values = elementwise.astype(values, arr.dtype)
    arr, axis = (raveled(arr), 0) if axis is None else (arr, axis_of(arr, axis, "insert"))
    n = arr.shape[axis]
    one = numpy.ndim(on_host(obj)) == 0 and not isinstance(obj, slice)
    if len(arr.shape) > 1 and one:  # one place: the values without this axis
        values = manipulation.expand_dims(values, axis=0) if len(values.shape) < len(arr.shape) else values
        values = manipulation.moveaxis(values, 0, axis) if len(values.shape) == len(arr.shape) else values
    count = values.shape[axis] if len(values.shape) == len(arr.shape) else 1
    if not one:
        count = len(numpy.arange(n)[obj]) if isinstance(obj, slice) else len(on_host(obj))
    shape = (*arr.shape[:axis], count, *arr.shape[axis + 1 :])
    order = numpy.insert(numpy.arange(n), on_host(obj), n + numpy.arange(count))
    return indexing.take(
        manipulation.concat([arr, manipulation.broadcast_to(values, shape)], axis=axis), positions(order, arr), axis=axis
    )


# Diagonals and triangles ------------------------------------------------------------------------------------------------------------


def diag(v: Tensor, k: int = 0) -> Array:
    """The k-th diagonal of a matrix, or the matrix that has a vector there."""
    if len(v.shape) == 2:
        return linalg.diagonal(v, offset=k)
    if len(v.shape) != 1:
        raise ValueError("Input must be 1- or 2-d.")
    n = v.shape[0] + abs(k)
    flat = slice(max(-k, 0) * n + max(k, 0), (n - max(k, 0)) * n, n + 1)
    return manipulation.reshape(indexing.scatter_add(v, flat, (n * n,)), (n, n))


def diagflat(v: Any, k: int = 0) -> Array:
    """The matrix that has the elements of v on its k-th diagonal."""
    return diag(raveled(tensor(v)), k)


def diagonal(a: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """The diagonals of the matrices that two axes of a make, along a new last axis."""
    first, second = axes_of(a, (axis1, axis2), "diagonal")
    return linalg.diagonal(manipulation.moveaxis(a, (first, second), (-2, -1)), offset=offset)


def tril(m: Tensor, k: int = 0) -> Array:
    """The lower triangle of each matrix in m, up to the k-th diagonal; of a vector, of the matrix that has it in every row."""
    return manipulation.tril(_as_matrix(m), k=k)


def triu(m: Tensor, k: int = 0) -> Array:
    """The upper triangle of each matrix in m, from the k-th diagonal; of a vector, of the matrix that has it in every row."""
    return manipulation.triu(_as_matrix(m), k=k)


def _as_matrix(m: Tensor) -> Tensor:
    return m if len(m.shape) > 1 else manipulation.broadcast_to(m, (m.shape[0], m.shape[0]))


# Padding --------------------------------------------------------------------------------------------------------------------------


def pad(array: Any, pad_width: Any, mode: Any = "constant", *, constant_values: Any = 0, reflect_type: str = "even") -> Array:
    """The array with more elements at both ends of each axis, in the modes constant, edge, reflect, symmetric, wrap and empty."""
    a = beside(array, (array, constant_values))
    modes = ("constant", "edge", "reflect", "symmetric", "wrap", "empty")
    if mode not in modes:
        refuse("pad", f"mode={mode!r}", f"use one of {', '.join(modes)}, or numpy.concatenate")
    if reflect_type != "even":
        refuse("pad", f"reflect_type={reflect_type!r}", "subtract the even reflection from twice the edge")
    if isinstance(pad_width, dict):
        pad_width = [pad_width.get(i, pad_width.get(i - len(a.shape), (0, 0))) for i in range(len(a.shape))]
        pad_width = [(width, width) if isinstance(width, int) else width for width in pad_width]
    widths = numpy.broadcast_to(numpy.asarray(on_host(pad_width), dtype=int), (len(a.shape), 2)).tolist()
    values = _constants(constant_values, a) if mode == "constant" else []
    for axis, (before, after) in enumerate(widths):
        if before < 0 or after < 0:
            raise ValueError("index can't contain negative values")
        if not before and not after:
            continue
        if mode in ("constant", "empty"):
            low, high = values[axis] if values else (0, 0)
            a = manipulation.concat([_filled(a, axis, before, low), a, _filled(a, axis, after, high)], axis=axis)
        else:
            order = numpy.pad(numpy.arange(a.shape[axis]), (before, after), mode)
            a = indexing.take(a, positions(order, a), axis=axis)
    return a


def _constants(values: Any, a: Tensor) -> list[tuple[Any, Any]]:
    """The two numbers, or 0-d tensors, that go before and after each axis."""
    if type(values) is not Tensor and not isinstance(values, (list, tuple)) and not _xp.is_array(values):
        return [(values, values)] * len(a.shape)
    table = manipulation.broadcast_to(beside(values, a), (len(a.shape), 2))
    return [(_getitem(table, (i, 0)), _getitem(table, (i, 1))) for i in range(len(a.shape))]


def _filled(a: Tensor, axis: int, length: int, value: Any) -> Tensor:
    shape = (*a.shape[:axis], length, *a.shape[axis + 1 :])
    value = elementwise.astype(beside(value, a), a.dtype)
    return manipulation.broadcast_to(value, shape)  # type: ignore[no-any-return]


# Order ------------------------------------------------------------------------------------------------------------------------------


def sort(a: Tensor, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Array:
    """a sorted along `axis`; with None, a laid flat."""
    refuse_fields("sort", order)
    return manipulation.sort(raveled(a) if axis is None else a, axis=-1 if axis is None else axis)


def argsort(a: Tensor, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Array:
    """The indices that sort a along `axis`; with None, a laid flat."""
    refuse_fields("argsort", order)
    return manipulation.argsort(raveled(a) if axis is None else a, axis=-1 if axis is None else axis)


def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Array:
    """The indices at which v would have to be inserted into a to keep it sorted."""
    a, v, sorter = tensors(a, v, sorter)
    flat = raveled(v)
    return manipulation.reshape(manipulation.searchsorted(a, flat, side=side, sorter=sorter), v.shape)


def digitize(x: Any, bins: Any, right: bool = False) -> Array:
    """The index of the bin that each element of x lies in; `bins` must rise."""
    return searchsorted(bins, x, side="left" if right else "right")


def nonzero(a: Tensor) -> tuple[Array, ...]:
    """The indices, one array an axis, of the elements that are not 0."""
    return indexing.nonzero(a)  # type: ignore[no-any-return]


def flatnonzero(a: Tensor) -> Array:
    """The indices of the elements of a laid flat that are not 0."""
    return indexing.nonzero(raveled(a))[0]


def argwhere(a: Tensor) -> Array:
    """The indices of the elements that are not 0, each a row."""
    return manipulation.stack(indexing.nonzero(a), axis=1)


def unique(ar: Tensor, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False) -> Any:
    """The distinct values, sorted; and where each is found first, which one each element is, how often each occurs.

    Of equal elements the first has the gradient.
    """
    found = composed.unique_all(ar)
    order = manipulation.argsort(found[0])
    back = manipulation.argsort(order)
    values, first, counts = [indexing.take(part, order, axis=0) for part in (found[0], found[1], found[3])]
    inverse = manipulation.reshape(indexing.take(back, raveled(found[2]), axis=0), ar.shape)
    extra = ((return_index, first), (return_inverse, inverse), (return_counts, counts))
    chosen = [part for wanted, part in extra if wanted]
    return (values, *chosen) if chosen else values


# Comparisons of arrays: of values, without gradient ---------------------------------------------------------------------------------


def isin(element: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False, kind: Any = None) -> Array:
    """Whether each element is one of the test elements."""
    element, test_elements = tensors(element, test_elements)
    return manipulation.isin(element, test_elements, invert=invert)


def isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Array:
    """Whether |a − b| ≤ atol + rtol |b|, elementwise."""
    a, b = [x.detach() for x in tensors(a, b)]
    ns = namespace_of(a)
    finite = ns.isfinite(a) & ns.isfinite(b)
    near = ns.abs(ns.where(finite, a, 0) - ns.where(finite, b, 0)) <= atol + rtol * ns.abs(ns.where(finite, b, 0))
    same = ns.where(finite, near, a == b)
    return same | (isnan(a) & isnan(b)) if equal_nan else same


def allclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> bool:
    """Whether `isclose` holds everywhere."""
    return bool(_all(isclose(a, b, rtol, atol, equal_nan)))


def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> bool:
    """Whether two arrays have one shape and the same elements."""
    a1, a2 = tensors(a1, a2)
    return bool(a1.shape == a2.shape) and _same(a1, a2, equal_nan)


def array_equiv(a1: Any, a2: Any) -> bool:
    """Whether two arrays broadcast to one shape and have the same elements there."""
    a1, a2 = tensors(a1, a2)
    try:
        numpy.broadcast_shapes(a1.shape, a2.shape)
    except ValueError:
        return False
    return _same(a1, a2, False)


def _same(a1: Tensor, a2: Tensor, equal_nan: bool) -> bool:
    same = equal(a1, a2)
    if equal_nan and _xp.is_floating(a1) and _xp.is_floating(a2):
        same = same | (isnan(a1) & isnan(a2))
    return bool(_all(same))
