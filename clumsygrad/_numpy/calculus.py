"""NumPy's functions of sampled functions, by their own names and with their own parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import xp as _xp
from ..forward import composed, elementwise, indexing, manipulation, reductions
from ..forward.arithmetic import add, divide, equal, greater, less, multiply, not_equal, pow, remainder, subtract
from ..forward.bessel import i0
from ..forward.indexing import _getitem
from ..forward.special import sinc as _sinc
from ..forward.views import imaginary_part, real_part
from ..tensor import Tensor
from ..xp import Array, numpy
from ._arguments import (
    along,
    axes_of,
    axis_of,
    beside,
    cast,
    constants_like,
    dtype_of,
    floating,
    namespace_of,
    raveled,
    refuse,
    tensor,
    tensors,
)

__all__ = [
    "angle",
    "apply_along_axis",
    "apply_over_axes",
    "around",
    "astype",
    "diff",
    "ediff1d",
    "fix",
    "geomspace",
    "gradient",
    "i0",
    "imag",
    "interp",
    "linspace",
    "logspace",
    "real",
    "round",
    "sinc",
    "trapezoid",
    "unwrap",
]


# Elementwise functions that are no ufuncs -------------------------------------------------------------------------------------------


def real(val: Any) -> Array:
    """The real part, a view; of real numbers they themselves."""
    val = tensor(val)
    return real_part(val) if _xp.kind(val) == "complex floating" else val


def imag(val: Any) -> Array:
    """The imaginary part, a view; of real numbers 0."""
    val = tensor(val)
    return imaginary_part(val) if _xp.kind(val) == "complex floating" else namespace_of(val).zeros_like(val)


def assign_real(z: Tensor, value: Any) -> None:
    """`z.real = value`."""
    real(z)[...] = value


def assign_imag(z: Tensor, value: Any) -> None:
    """`z.imag = value`."""
    if _xp.kind(z) != "complex floating":
        raise TypeError(f"imag: a tensor of dtype {z.dtype} has no imaginary part to assign to: make it complex first (astype)")
    imag(z)[...] = value


def angle(z: Any, deg: bool = False) -> Array:
    """The angle of complex numbers from the positive real axis, in radians, or in degrees."""
    z = tensor(z)
    if _xp.kind(z) == "complex floating":
        turn = elementwise.atan2(elementwise.imag(z), elementwise.real(z))
    else:
        turn = elementwise.atan2(namespace_of(z).zeros_like(z.detach()), z)
    return multiply(turn, 180 / math.pi) if deg else turn


def round(a: Tensor, decimals: int = 0) -> Array:
    """a rounded to a number of decimals. Its gradient is 0."""
    if not _xp.is_floating(a):
        return a if decimals >= 0 else elementwise.astype(round(floating(a), decimals), a.dtype)
    if not decimals:
        return elementwise.round(a)
    factor = 10.0 ** abs(decimals)
    if decimals > 0:
        return divide(elementwise.round(multiply(a, factor)), factor)
    return multiply(elementwise.round(divide(a, factor)), factor)


around = round


def fix(x: Tensor) -> Array:
    """x rounded towards 0. Its gradient is 0."""
    return elementwise.trunc(x)


def astype(x: Tensor, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Array:
    """x in another dtype."""
    return elementwise.astype(x, dtype_of(x, dtype), copy=copy)


def sinc(x: Tensor) -> Array:
    """sin(πx) / (πx), and 1 at 0."""
    return _sinc(floating(x))


# Differences and integrals ------------------------------------------------------------------------------------------------------------


def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Array:
    """The differences of neighbours along `axis`, n times; `prepend` and `append` are joined to a first."""
    a = beside(a, (a, prepend, append))
    axis = axis_of(a, axis, "diff")
    ends = [None if x is None else _end(beside(x, a), a, axis) for x in (prepend, append)]
    if n > 0 and _xp.kind(a) == "bool":
        a = manipulation.concat([x for x in (ends[0], a, ends[1]) if x is not None], axis=axis)
        if _xp.kind(a) != "bool":  # of which the ends were numbers
            return composed.diff(a, axis=axis, n=n)
        for _ in range(n):
            a = not_equal(_getitem(a, along(axis, slice(1, None))), _getitem(a, along(axis, slice(None, -1))))
        return a
    return composed.diff(a, axis=axis, n=n, prepend=ends[0], append=ends[1])


def _end(x: Tensor, a: Tensor, axis: int) -> Tensor:
    """What is joined to a: a number stands for one element at every position."""
    return x if x.shape else manipulation.broadcast_to(x, (*a.shape[:axis], 1, *a.shape[axis + 1 :]))


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Array:
    """The differences of neighbours of ary laid flat, between what comes first and last."""
    values = tensors(ary, to_begin, to_end)
    flat = raveled(values[0])
    z = subtract(_getitem(flat, slice(1, None)), _getitem(flat, slice(None, -1)))
    parts = [None if x is None else raveled(x) for x in values[1:]]
    parts = [part for part in (parts[0], z, parts[1]) if part is not None]
    return manipulation.concat(parts, axis=0) if len(parts) > 1 else z


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Array:
    """The integral of the straight lines between samples y, at places x or `dx` apart, along `axis`."""
    y = floating(beside(y, (y, x, dx)))
    axis = axis_of(y, axis, "trapezoid")
    if x is None:
        steps = beside(dx, y)
        if steps.shape:
            steps = manipulation.reshape(steps, (-1,) + (1,) * (len(y.shape) - axis - 1))
    else:
        x = beside(x, y)
        places = manipulation.reshape(x, (-1,) + (1,) * (len(y.shape) - axis - 1)) if len(x.shape) == 1 else x
        at = axis if len(x.shape) > 1 else 0
        steps = subtract(_getitem(places, along(at, slice(1, None))), _getitem(places, along(at, slice(None, -1))))
    pairs = add(_getitem(y, along(axis, slice(1, None))), _getitem(y, along(axis, slice(None, -1))))
    return reductions.sum(divide(multiply(steps, pairs), 2.0), axis=axis)


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """The derivatives of samples f along axes, by central differences of second order, and of first or second order at the ends.

    `varargs` are the distances (numbers) or the places (1-d arrays) of the samples: none, one for all axes, or one for each.
    """
    f = floating(beside(f, (f, *varargs)))
    axes = axes_of(f, axis, "gradient")
    if len(varargs) not in (0, 1, len(axes)):
        raise TypeError("invalid number of arguments")
    if edge_order not in (1, 2):
        raise ValueError("'edge_order' greater than 2 not supported")
    distances = list(varargs) * len(axes) if len(varargs) == 1 else list(varargs) or [1.0] * len(axes)
    found = tuple([cast(_slope(f, h, a, edge_order), f.dtype) for h, a in zip(distances, axes, strict=True)])
    return found[0] if len(found) == 1 else found


def _slope(f: Tensor, h: Any, axis: int, edge_order: int) -> Tensor:
    """The derivative along one axis, from distances h to the left and to the right of every inner sample."""
    n = f.shape[axis]
    if n < edge_order + 1:
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) elements are required."
        )
    h = beside(h, f)
    if h.shape:
        if len(h.shape) != 1 or h.shape[0] != n:
            raise ValueError("when 1d, distances must match the length of the corresponding dimension")
        steps = subtract(_getitem(h, slice(1, None)), _getitem(h, slice(None, -1)))
    else:
        steps = manipulation.broadcast_to(h, (n - 1,))
    shape = (-1,) + (1,) * (len(f.shape) - axis - 1)
    steps = manipulation.reshape(steps, shape)
    rises = subtract(_getitem(f, along(axis, slice(1, None))), _getitem(f, along(axis, slice(None, -1))))
    slopes = divide(rises, steps)
    parts = [_getitem(slopes, along(axis, slice(None, 1))), _getitem(slopes, along(axis, slice(-1, None)))]
    if n == 2:
        return manipulation.concat(parts, axis=axis)  # type: ignore[no-any-return]
    left, right = _getitem(steps, (slice(None, -1), ...)), _getitem(steps, (slice(1, None), ...))
    before, after = _getitem(slopes, along(axis, slice(None, -1))), _getitem(slopes, along(axis, slice(1, None)))
    inner = divide(add(multiply(right, before), multiply(left, after)), add(left, right))
    if edge_order == 2:
        bend = divide(subtract(after, before), add(left, right))
        first, last = slice(None, 1), slice(-1, None)
        parts[0] = subtract(parts[0], multiply(_getitem(left, (first, ...)), _getitem(bend, along(axis, first))))
        parts[1] = add(parts[1], multiply(_getitem(right, (last, ...)), _getitem(bend, along(axis, last))))
    return manipulation.concat([parts[0], inner, parts[1]], axis=axis)  # type: ignore[no-any-return]


def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: float = 2 * math.pi) -> Array:
    """p with multiples of the period added, so that neighbours along `axis` differ by at most half of it (or `discont`)."""
    p = floating(tensor(p))
    axis = axis_of(p, axis, "unwrap")
    steps = composed.diff(p.detach(), axis=axis)
    half = period / 2
    wrapped = subtract(remainder(add(steps, half), period), half)
    ns = namespace_of(p)
    wrapped = elementwise.where(ns.logical_and(equal(wrapped, -half), greater(steps, 0)), half, wrapped)
    small = less(elementwise.abs(steps), half if discont is None else max(float(discont), half))
    correction = elementwise.where(small, 0.0, subtract(wrapped, steps))
    start = ns.zeros_like(_getitem(p.detach(), along(axis, slice(None, 1))))
    return add(p, reductions.cumulative_sum(manipulation.concat([start, correction], axis=axis), axis=axis))


def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Array:
    """The straight lines through (xp, fp), xp rising, at x; `left` and `right` beyond the ends. Differentiable in x, xp and fp.

    At a point of xp the slope is that of the line to its right.
    """
    x, xp, fp, left, right = tensors(x, xp, fp, left, right)
    x, xp, fp = floating(x), floating(xp), floating(fp)
    if period is not None:
        if period == 0:
            raise ValueError("period must be a non-zero value")
        x, xp = remainder(x, abs(period)), remainder(xp, abs(period))
        order = manipulation.argsort(xp.detach())
        xp, fp = indexing.take(xp, order, axis=0), indexing.take(fp, order, axis=0)
        xp = manipulation.concat([subtract(xp[-1:], abs(period)), xp, add(xp[:1], abs(period))], axis=0)
        fp = manipulation.concat([fp[-1:], fp, fp[:1]], axis=0)
        left = right = None
    n = xp.shape[0]
    if n == 1:
        inside = manipulation.broadcast_to(manipulation.reshape(fp, ()), x.shape)
    else:
        flat = raveled(x.detach())
        after = manipulation.searchsorted(xp.detach(), flat, side="right")
        place = elementwise.clip(subtract(after, 1), 0, n - 2)
        following = add(place, 1)
        x0, x1, y0, y1 = [manipulation.reshape(indexing.take(a, i, axis=0), x.shape) for a in (xp, fp) for i in (place, following)]
        width = subtract(x1, x0)
        slope = divide(subtract(y1, y0), elementwise.where(equal(width, 0), 1.0, width))
        inside = add(y0, multiply(slope, subtract(x, x0)))
    z = elementwise.where(less(x, xp[0]), fp[0] if left is None else left, inside)
    return elementwise.where(greater(x, xp[-1]), fp[-1] if right is None else right, z)


def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Array:
    """func1d of every vector along `axis`: what it gives takes the place of the axis."""
    arr = tensor(arr)
    axis = axis_of(arr, axis, "apply_along_axis")
    rest = arr.shape[:axis] + arr.shape[axis + 1 :]
    rows = manipulation.reshape(manipulation.moveaxis(arr, axis, -1), (-1, arr.shape[axis]))
    found = manipulation.stack([beside(func1d(row, *args, **kwargs), arr) for row in composed.unstack(rows)], axis=0)
    own = found.shape[1:]
    z = manipulation.reshape(found, rest + own)
    return (
        manipulation.moveaxis(z, tuple(range(len(rest), len(rest) + len(own))), tuple(range(axis, axis + len(own)))) if own else z
    )


def apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Array:
    """func(a, axis) for one axis after the other, each kept with length 1."""
    a = tensor(a)
    ndim = len(a.shape)
    for axis in (axes,) if isinstance(axes, int) else axes:
        axis = axis_of(a, axis, "apply_over_axes")
        z = func(a, axis)
        a = z if len(z.shape) == ndim else manipulation.expand_dims(z, axis=axis)
    return a


# Ranges between tensors -----------------------------------------------------------------------------------------------------------------


def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None, axis: int = 0
) -> Any:
    """`num` numbers, equally far apart, from `start` to `stop`, along a new axis; differentiable in both."""
    start, stop = [floating(x) for x in tensors(start, stop)]
    parts = num - 1 if endpoint else num
    delta = subtract(stop, start)
    shape = (num,) + (1,) * len(delta.shape)
    count = manipulation.reshape(constants_like(numpy.arange(num), delta), shape)
    step = divide(delta, float(max(parts, 1)))
    z = elementwise.where(equal(count, max(parts, 1)), stop, add(start, multiply(count, step)))
    if axis != 0:
        z = manipulation.moveaxis(z, 0, axis)
    if dtype is not None:
        dtype = dtype_of(z, dtype)
        z = elementwise.astype(elementwise.floor(z) if namespace_of(z).isdtype(dtype, "integral") else z, dtype)
    return (z, step if parts else multiply(step, math.nan)) if retstep else z


def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Array:
    """`base` to the powers `linspace(start, stop)`."""
    start, stop, base = tensors(start, stop, base)
    if base.shape:
        refuse("logspace", "an array as base", "use base ** numpy.linspace(start, stop)")
    z = pow(base, linspace(start, stop, num, endpoint, axis=axis))
    return z if dtype is None else astype(z, dtype)


def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Array:
    """`num` numbers from `start` to `stop`, each the same multiple of the one before; both of one sign."""
    start, stop = [floating(x) for x in tensors(start, stop)]
    exponents = linspace(multiply(elementwise.log(divide(stop, start)), 0.0), elementwise.log(divide(stop, start)), num, endpoint)
    z = multiply(start, elementwise.exp(exponents))
    if axis != 0:
        z = manipulation.moveaxis(z, 0, axis)
    return z if dtype is None else astype(z, dtype)
