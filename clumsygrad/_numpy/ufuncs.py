"""NumPy's ufuncs by their own names, and their methods `reduce`, `accumulate` and `outer`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import grad
from .. import xp as _xp
from .._operation import operation
from .._special import special_of
from ..forward import arithmetic, elementwise, products, reductions
from ..forward.arithmetic import add, divide, equal, floor_divide, less, multiply, negative, not_equal, pow, remainder, subtract
from ..forward.elementwise import abs, astype, clip, copysign, isinf, isnan, logaddexp, maximum, minimum, signbit, trunc, where
from ..forward.indexing import _getitem, scatter_add, take
from ..forward.manipulation import concat, matrix_transpose, moveaxis, reshape
from ..forward.products import matmul, vecdot
from ..tensor import Tensor
from ..xp import Array, array_namespace, numpy
from ._arguments import (
    along,
    axes_of,
    axis_of,
    beside,
    cast,
    first_tensor,
    floating,
    namespace_of,
    on_host,
    positions,
    refuse,
    tensors,
    truth,
)

Function = Callable[..., Any]

LN2 = math.log(2.0)


# Composed -------------------------------------------------------------------------------------------------------------------------


@operation(grad.cbrt_backward)
def cbrt(x: Array, /) -> Array:
    """The real cube root."""
    xp = array_namespace(x)
    return xp.cbrt(x) if hasattr(xp, "cbrt") else special_of(x).cbrt(x)


def deg2rad(x: Array) -> Array:
    """Degrees in radians: x π/180."""
    return multiply(x, math.pi / 180)


def rad2deg(x: Array) -> Array:
    """Radians in degrees: x 180/π."""
    return multiply(x, 180 / math.pi)


def exp2(x: Array) -> Array:
    """2ˣ."""
    return pow(2.0, x)


def fabs(x: Array) -> Array:
    """|x| of real x."""
    if _xp.kind(x) == "complex floating":
        refuse("fabs", "a complex operand", "numpy.abs takes one")
    return abs(x)


def float_power(x1: Array, x2: Array) -> Array:
    """x1 raised to x2, in float64 at least."""
    x1, x2 = tensors(x1, x2)
    return pow(_wide(x1), _wide(x2))


def _wide(x: Tensor) -> Tensor:
    ns = namespace_of(x)
    return astype(x, ns.complex128 if _xp.kind(x) == "complex floating" else ns.float64)  # type: ignore[no-any-return]


def _operands(*values: Any) -> tuple[Any, ...]:
    """Two operands as tensors, a whole number beside integers in their dtype, as NumPy 2 has it. Raises OverflowError beyond that."""
    like = first_tensor(values)
    if like is None or _xp.kind(like) != "integral":
        return tensors(*values)
    dtype = _xp.numpy_dtype(like.dtype)
    return tensors(*[positions(numpy.asarray(x, dtype=dtype), like) if type(x) is int else x for x in values])


def fmod(x1: Array, x2: Array) -> Array:
    """What remains of x1 / x2, with the sign of x1."""
    x1, x2 = _operands(x1, x2)
    if _xp.is_floating(x1) or _xp.is_floating(x2):
        return remainder(x1, copysign(x2, x1))
    z = remainder(x1, x2)
    return where(logical_and(z, not_equal(less(z, 0), less(x1, 0))), subtract(z, x2), z)


def fmax(x1: Array, x2: Array) -> Array:
    """The larger of x1 and x2; where one is nan, the other."""
    x1, x2 = _operands(x1, x2)
    return maximum(where(isnan(x1), x2, x1), where(isnan(x2), x1, x2))


def fmin(x1: Array, x2: Array) -> Array:
    """The smaller of x1 and x2; where one is nan, the other."""
    x1, x2 = _operands(x1, x2)
    return minimum(where(isnan(x1), x2, x1), where(isnan(x2), x1, x2))


def heaviside(x1: Array, x2: Array) -> Array:
    """0 where x1 < 0, x2 where x1 = 0, 1 where x1 > 0. Its gradient in x1 is 0."""
    x1, x2 = tensors(x1, x2)
    return where(equal(x1, 0), x2, divide(add(elementwise.sign(x1), 1.0), 2.0))


def logaddexp2(x1: Array, x2: Array) -> Array:
    """log2(2^x1 + 2^x2)."""
    x1, x2 = tensors(x1, x2)
    return divide(logaddexp(multiply(x1, LN2), multiply(x2, LN2)), LN2)


def ldexp(x1: Array, x2: Array) -> Array:
    """x1 · 2^x2, x2 an integer."""
    x1, x2 = tensors(x1, x2)
    x1 = floating(x1)
    largest = float(1 - math.frexp(namespace_of(x1).finfo(x1.dtype).smallest_normal)[1])
    rest, steps = astype(x2, x1.dtype), []
    for _ in range(3):  # which lead from one end of the dtype to the other; one power alone may lie beyond it
        steps.append(clip(rest, -largest, largest))
        rest = subtract(rest, steps[-1])
    for step in reversed(steps):  # the shortest first, so that nothing is rounded twice
        x1 = multiply(x1, pow(2.0, step))
    return x1


def frexp(x: Array) -> tuple[Array, Array]:
    """x as mantissa · 2^exponent, with the mantissa in [½, 1). The exponent is an integer, and has no gradient."""
    ns = namespace_of(x)
    size = abs(x.detach())
    size = where(ns.isfinite(size) & (size != 0), size, 0.5)
    exponent = ns.floor(ns.log2(size)) + 1.0
    mantissa = ldexp(size, -exponent)  # but for the rounding of the logarithm
    exponent = exponent + astype(mantissa >= 1.0, x.dtype) - astype(mantissa < 0.5, x.dtype)
    return ldexp(x, -exponent), astype(exponent, ns.int32)


def modf(x: Array) -> tuple[Array, Array]:
    """The fraction and the whole part of x, both of its sign."""
    whole = trunc(x)
    finite = where(isinf(x), copysign(0.0, x), x)
    near = trunc(finite)
    return where(signbit(x), negative(subtract(near, finite)), subtract(finite, near)), whole


def divmod(x1: Array, x2: Array) -> tuple[Array, Array]:
    """x1 // x2 and x1 % x2."""
    return floor_divide(x1, x2), remainder(x1, x2)


def matvec(x1: Array, x2: Array) -> Array:
    """The products of matrices (..., m, n) with vectors (..., n)."""
    x1, x2 = tensors(x1, x2)
    z = matmul(x1, reshape(x2, (*x2.shape, 1)))
    return reshape(z, z.shape[:-1])


def vecmat(x1: Array, x2: Array) -> Array:
    """The products of vectors (..., m), conjugated, with matrices (..., m, n)."""
    x1, x2 = tensors(x1, x2)
    conjugate = elementwise.conj(x1) if _xp.kind(x1) == "complex floating" else x1
    return matvec(matrix_transpose(x2), conjugate)


def logical_and(x1: Array, x2: Array) -> Array:
    """Whether neither x1 nor x2 is 0."""
    return arithmetic.logical_and(*map(truth, tensors(x1, x2)))


def logical_or(x1: Array, x2: Array) -> Array:
    """Whether x1 or x2 is not 0."""
    return arithmetic.logical_or(*map(truth, tensors(x1, x2)))


def logical_xor(x1: Array, x2: Array) -> Array:
    """Whether one of x1 and x2 is not 0."""
    return arithmetic.logical_xor(*map(truth, tensors(x1, x2)))


def logical_not(x: Array) -> Array:
    """Whether x is 0."""
    return arithmetic.logical_not(truth(x))


# The table ------------------------------------------------------------------------------------------------------------------------

UFUNCS: dict[str, Function] = {
    name: getattr(module, theirs)
    for module, names in (
        (arithmetic, "add subtract multiply divide floor_divide remainder negative positive power=pow equal not_equal less"),
        (arithmetic, "less_equal greater greater_equal bitwise_and bitwise_or bitwise_xor invert=bitwise_invert"),
        (arithmetic, "left_shift=bitwise_left_shift right_shift=bitwise_right_shift"),
        (elementwise, "exp expm1 log log1p log2 log10 sqrt square reciprocal sin cos tan sinh cosh tanh absolute=abs sign"),
        (elementwise, "arcsin=asin arccos=acos arctan=atan arcsinh=asinh arccosh=acosh arctanh=atanh conjugate=conj floor ceil"),
        (elementwise, "trunc rint=round isfinite isinf isnan signbit arctan2=atan2 hypot logaddexp copysign nextafter"),
        (elementwise, "maximum minimum"),
        (products, "matmul"),
    )
    for word in names.split()
    for name, _, other in [word.partition("=")]
    for theirs in [other or name]
}
UFUNCS |= {
    function.__name__: function
    for function in (
        *(cbrt, deg2rad, rad2deg, exp2, fabs, float_power, fmod, fmax, fmin, heaviside, logaddexp2, ldexp, frexp, modf, divmod),
        *(matvec, vecmat, vecdot, logical_and, logical_or, logical_xor, logical_not),
    )
}
UFUNCS["degrees"], UFUNCS["radians"] = rad2deg, deg2rad


# Methods --------------------------------------------------------------------------------------------------------------------------

_REDUCTIONS: dict[str, Function] = {
    "add": reductions.sum,
    "multiply": reductions.prod,
    "maximum": reductions.max,
    "minimum": reductions.min,
    "logaddexp": reductions.logsumexp,
    "logical_and": reductions.all,
    "logical_or": reductions.any,
}
_SCANS = {
    "add": add,
    "multiply": multiply,
    "maximum": maximum,
    "minimum": minimum,
    "logaddexp": logaddexp,
    "fmax": fmax,
    "fmin": fmin,
}
OUTER = frozenset({
    "add", "subtract", "multiply", "divide", "power", "float_power", "remainder", "fmod", "floor_divide", "maximum", "minimum",
    "fmax", "fmin", "hypot", "arctan2", "logaddexp", "logaddexp2", "copysign", "heaviside", "equal", "not_equal", "less",
    "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_xor",
})  # fmt: skip


def reduce(name: str, x: Tensor, axis: Any = 0, dtype: Any = None, *, keepdims: bool = False) -> Array:
    """`numpy.NAME.reduce`: over the first axis, if no other is named."""
    if name not in _REDUCTIONS:
        refuse(f"{name}.reduce", "this method", f"it is there for {', '.join(_REDUCTIONS)}")
    if len(x.shape) == 0:
        axis = None
    axes = axis if axis is None else axes_of(x, axis, f"{name}.reduce")
    return _REDUCTIONS[name](cast(x, dtype), axis=axes, keepdims=keepdims)


def accumulate(name: str, x: Tensor, axis: int = 0, dtype: Any = None) -> Array:
    """`numpy.NAME.accumulate`: the results over the elements so far, along an axis."""
    if name not in _SCANS:
        refuse(f"{name}.accumulate", "this method", f"it is there for {', '.join(_SCANS)}")
    axis = axis_of(x, axis, f"{name}.accumulate")
    x = cast(x, dtype)
    if name == "add":
        return reductions.cumulative_sum(x, axis=axis)
    if name == "multiply":
        return reductions.cumulative_prod(x, axis=axis)
    return _scan(_SCANS[name], x, axis)


def _scan(join: Function, x: Tensor, axis: int) -> Tensor:
    """The running `join` along an axis, in log2(n) steps, each of which joins elements twice as far apart (Hillis and Steele 1986)."""
    n, step = x.shape[axis], 1
    while step < n:
        first = _getitem(x, along(axis, slice(None, step)))
        later = join(_getitem(x, along(axis, slice(None, n - step))), _getitem(x, along(axis, slice(step, None))))
        x = concat([first, later], axis=axis)
        step *= 2
    return x


def outer(name: str, x1: Array, x2: Array) -> Array:
    """`numpy.NAME.outer`: the function of every element of x1 with every element of x2, of shape x1.shape + x2.shape."""
    if name not in OUTER:
        refuse(f"{name}.outer", "this method", "it is there for functions of two operands")
    x1, x2 = tensors(x1, x2)
    return UFUNCS[name](reshape(x1, x1.shape + (1,) * len(x2.shape)), x2)


def reduceat(name: str, x: Any, marks: Any, axis: int = 0, dtype: Any = None, *, indices: Any = None) -> Array:
    """`numpy.add.reduceat`: the sums along an axis from each index to before the next; one element where the next is no larger.

    (By keyword NumPy hands `indices` over twice.)
    """
    if name != "add":
        refuse(f"{name}.reduceat", "this method", f"it is there for add; numpy.{name}.reduce of each slice is the same")
    x = beside(x, marks)
    x = cast(x, reductions.sum(x.detach()).dtype if dtype is None and not _xp.is_floating(x) else dtype)
    axis = axis_of(x, axis, "add.reduceat")
    starts, n = numpy.asarray(on_host(marks)), x.shape[axis]
    starts = starts if starts.size else starts.astype(int)
    if len(starts.shape) != 1 or starts.dtype.kind not in "iu":
        raise TypeError(f"numpy.add.reduceat: the indices must be a vector of integers, they are {starts.dtype} {starts.shape}")
    for start in starts.tolist():
        if not 0 <= start < n:
            raise IndexError(f"numpy.add.reduceat: index {start} is out of bounds for axis {axis} of length {n}")
    lengths = numpy.maximum(numpy.diff(starts.astype(int), append=n), 1)
    taken = numpy.concatenate([starts[:0], *[numpy.arange(i, i + length) for i, length in zip(starts, lengths, strict=True)]])
    groups = numpy.repeat(numpy.arange(len(starts)), lengths)
    rows = take(moveaxis(x, axis, 0), positions(taken, x), axis=0)
    return moveaxis(scatter_add(rows, positions(groups, x), (len(starts), *rows.shape[1:])), 0, axis)


METHODS: dict[str, Any] = {"reduce": reduce, "accumulate": accumulate, "outer": outer, "reduceat": reduceat}
