"""A few functions of the standard in NumPy's cheapest spelling, for the calculus and the functions that it leans on most.

Python's wrappers cost more than the work on small arrays: `np.broadcast_to` ten times the array's constructor, `xp.reshape` eight times the
method. Here a NumPy array goes to the C function; anything else, Tensors included, to the function of its namespace that means the same.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _cublas, _cupy, _elements, _kernels
from .xp import (
    FLOAT32,
    FLOAT64,
    Array,
    array_namespace,
    conj,
    device,
    device_arrays,
    is_complex,
    is_real_numpys,
    is_wrapper,
    mutable_arrays,
    name_of,
    narrowed,
    ndarray,
    widened,
)

__all__ = [
    "add_into",
    "adjoint_times",
    "broadcast_to",
    "clip",
    "diagonal",
    "divide_from",
    "divide_into",
    "exp_into",
    "exp_within",
    "filled",
    "is_normal",
    "kept_where",
    "matmul",
    "matrix_transpose",
    "max",
    "maximum_into",
    "mean",
    "multiply_into",
    "not_negative",
    "on_diagonal",
    "ones_like",
    "permute_dims",
    "power",
    "quotient",
    "reshape",
    "scaled",
    "sign",
    "sqrt",
    "stack",
    "subtract_from",
    "subtract_into",
    "sum",
    "sum_of_rows",
    "sum_of_squares",
    "tanh_into",
    "times_adjoint",
    "times_slope_of_tanh",
    "vecdot",
]

Axis = int | tuple[int, ...] | None

_SCALARS = frozenset({np.float64, np.float32})
_integers: dict[Any, Any] = {FLOAT64: np.dtype("int64"), FLOAT32: np.dtype("int32")}  # of the same size
_zeros: dict[Any, Any] = {FLOAT64: np.zeros((), FLOAT64), FLOAT32: np.zeros((), FLOAT32)}  # a Python scalar costs twice as much
_SMALL = 2**14  # for a matrix of fewer elements NumPy's `dot` takes a microsecond less to begin than `@`, which is the same product
_FEW = 16  # columns
_PRODUCTS = frozenset({3, 4, -2, -3})
_add: Any = np.add.reduce
_ones: Any = functools.lru_cache(16)(np.ones)
_largest_exponent: Any = functools.cache(lambda xp, dtype: math.log(float(xp.finfo(dtype).max)) - 1)
_maximum: Any = np.maximum.reduce
_vecdot: Any = np.vecdot


def sum(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Σ x over `axis`."""
    if type(x) is ndarray:
        return _add(x, axis, None, None, keepdims)
    if is_wrapper(x):
        return x._summed(axis=axis, keepdims=keepdims)
    found = _kernels.sum_over(x, axis, keepdims)
    return array_namespace(x).sum(x, axis=axis, keepdims=keepdims) if found is None else found


def sum_of_rows(x: Array) -> Array:
    """Σ of the rows of a matrix, for gradients: over NumPy a product with ones, in a third of the time, with other rounding.

    float16 is added in float32: a sum of ones in float16 stops at 2048.
    """
    if type(x) is ndarray and x.ndim == 2 and (x.flags.c_contiguous if x.dtype in _integers else x.dtype.char == "e"):
        return (_ones if len(x) < _SMALL else np.ones)(len(x), x.dtype).dot(x)
    return x._sum_of_rows() if is_wrapper(x) else sum(x, 0)


def mean(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """The arithmetic mean over `axis`."""
    if type(x) is ndarray and (x.dtype is FLOAT64 or x.dtype is FLOAT32):
        total = _add(x, axis=axis, keepdims=keepdims)
        if total.size and x.size:  # of nothing NumPy has a warning of its own
            return total / (x.size // total.size)
    found = _kernels.sum_over(x, axis, keepdims, mean=True)
    return narrowed(array_namespace(x).mean(widened(x), axis=axis, keepdims=keepdims), x) if found is None else found


def sum_of_squares(x: Array, axis: Axis = None) -> Array:
    """Σ |x|² over `axis`, by default over all."""
    if type(x) is ndarray and (axis is None or (x.ndim == 2 and axis == (-2, -1))):
        if (x.dtype is FLOAT64 or x.dtype is FLOAT32) and x.flags.c_contiguous:  # what vdot does, begun sooner
            x = x.reshape(-1)
            return x.dot(x)
        return np.vdot(x, x).real
    size = array_namespace(x).abs(x) if is_complex(x) else x
    return sum(size * size, axis)


def max(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """The largest element over `axis`."""
    if type(x) is ndarray:
        if x.ndim == 2 and 0 < x.shape[1] <= _FEW < len(x) and (axis == 1 or axis == -1):  # NumPy starts anew for each row
            z = _maximum(x.T.copy(), 0)
            return z[:, None] if keepdims else z
        return _maximum(x, axis, None, None, keepdims)
    return array_namespace(x).max(x, axis=axis, keepdims=keepdims)


def vecdot(x: Array, y: Array, axis: int = -1) -> Array:
    """Σ conj(x) y over the last axis, or the last but one (−2)."""
    if type(x) is not ndarray:
        xp = array_namespace(x)
        summed = type(x) in mutable_arrays  # array_api_compat's for torch is a product of as many matrices
        return xp.sum(conj(xp, x) * y, axis=axis) if summed else xp.vecdot(x, y, axis=axis)
    if x.strides[axis] == x.itemsize or x.dtype.kind == "c":
        return _vecdot(x, y, axis=axis)
    return np.einsum("...i,...i->..." if axis == -1 else "...ij,...ij->...j", x, y)  # several times as fast along strides


def power(x: Array, n: complex) -> Array:
    """xⁿ. Over NumPy a few whole powers are products, as over PyTorch and XLA: its own takes forty times as long where x is negative."""
    if not is_real_numpys(x) or isinstance(n, complex) or n not in _PRODUCTS:
        return x**n
    z = x * x
    if n == 3 or n == -3:
        z *= x
    elif n == 4:
        z *= z
    return z if n > 0 else divide_from(1, z)


def sqrt(x: Array) -> Array:
    """√x."""
    return np.sqrt(x) if type(x) is ndarray else array_namespace(x).sqrt(x)


def sign(x: Array) -> Array:
    """x / |x|, 0 at 0, nan where x is."""
    if type(x) is ndarray:
        return np.sign(x)
    return _cupy.sign(x) if type(x) in device_arrays else array_namespace(x).sign(x)


def clip(x: Array, low: Array | float | None, high: Array | float | None) -> Array:
    """x, but no smaller than `low` and no larger than `high`."""
    here = _cupy if type(x) is ndarray or type(x) in device_arrays else array_namespace(x)
    return here.clip(x, low, high)


def filled(shape: tuple[int, ...], value: float, like: Array) -> Array:
    """An array full of one number, with the dtype of `like`, on its device."""
    if type(like) is ndarray:
        z = np.empty(shape, like.dtype)
        z.fill(value)
        return z
    return array_namespace(like).full(shape, value, dtype=like.dtype, device=device(like))


def reshape(x: Array, shape: tuple[int, ...]) -> Array:
    """`x` in another shape."""
    if type(x) is ndarray or type(x) in _SCALARS or type(x) in device_arrays:
        return x.reshape(shape)
    return x._reshaped(shape) if is_wrapper(x) else array_namespace(x).reshape(x, shape)


def in_shape(x: Array, shape: tuple[int, ...]) -> Array:
    """`x` in another shape; itself, no view of it, where it has that shape."""
    return x if x.shape == shape else reshape(x, shape)


def scaled(x: Array, number: Array) -> Array:
    """x times an array. Where that is a single 1, as the gradient of a loss is, a view of x, which is copied before it is handed out."""
    if type(x) is ndarray and type(number) in _SCALARS and number == 1 and number.dtype is x.dtype:
        return x.view()
    return x * number


def is_normal(x: Array) -> bool:
    """Whether `x` is NumPy's, and no element is 0, infinite, nan, or so small that it has fewer digits than others."""
    if type(x) is not ndarray and type(x) not in _SCALARS:
        return False
    size = np.abs(x)
    limits = np.finfo(size.dtype)
    return bool(((size >= limits.smallest_normal) & (size <= limits.max)).all())


def diagonal(x: Array) -> Array:
    """The elements x[..., i, i] of matrices."""
    return x.diagonal(0, -2, -1) if type(x) is ndarray else array_namespace(x).linalg.diagonal(x)


def stack(arrays: list[Array]) -> Array:
    """Arrays of one shape and dtype along a new first axis."""
    x = arrays[0]
    return np.array(arrays) if type(x) is ndarray or type(x) in _SCALARS else array_namespace(x).stack(arrays)


def quotient(x: Array, y: Array, at_zero: float) -> Array | None:
    """x / y, and `at_zero` where y is 0; None for arrays that must be searched for a 0."""
    if not is_real_numpys(y):
        return None
    try:
        with np.errstate(divide="raise", invalid="raise"):
            return np.divide(x, y)
    except FloatingPointError:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(y == 0, at_zero, np.divide(x, y))


def matrix_transpose(x: Array) -> Array:
    """`x` with its last two axes swapped."""
    if type(x) is ndarray or type(x) in device_arrays:
        return x.mT
    return x._matrix_transposed() if is_wrapper(x) else array_namespace(x).matrix_transpose(x)


def matmul(x: Array, y: Array) -> Array:
    """x y, of matrices, vectors or stacks of matrices; CuPy's by cuBLAS itself (_cublas.py)."""
    if type(x) is ndarray:
        if (x.dtype is FLOAT64 or x.dtype is FLOAT32) and x.size < _SMALL and type(y) is ndarray and 0 < x.ndim < 3 > y.ndim > 0:
            try:
                return x.dot(y)
            except ValueError:  # their shapes do not fit, as `@` says in its own words
                pass
        return x @ y
    return _cublas.matmul(x, y) if type(x) in device_arrays else x @ y


def times_adjoint(x: Array, y: Array) -> Array:
    """x yᴴ, of matrices or stacks of them. Compilers that copy a transposed operand (XLA) are asked for the sum over both last axes."""
    if type(x) is ndarray:
        y = y.mT if y.dtype is FLOAT64 or y.dtype is FLOAT32 else y.conj().mT
        if x.shape[-1] == 1 and x.ndim == y.ndim:  # a column and a row: NumPy is faster without BLAS
            return x * y
        return x.dot(y) if x.ndim == 2 == y.ndim and x.size < _SMALL else x @ y
    if type(x) in device_arrays:
        return _cublas.times_adjoint(x, y)
    if is_wrapper(x):
        return x._times_adjoint(y)
    xp = array_namespace(x)
    y = conj(xp, y)
    return xp.tensordot(x, y, axes=((len(x.shape) - 1,), (1,))) if len(y.shape) == 2 else x @ matrix_transpose(y)


def adjoint_times(x: Array, y: Array) -> Array:
    """xᴴ y, of matrices or stacks of them. XLA, which copies a transposed operand here too, is asked for the sum over both first axes."""
    if type(x) is ndarray:
        x = x.mT if x.dtype is FLOAT64 or x.dtype is FLOAT32 else x.conj().mT
        return x.dot(y) if x.ndim == 2 == y.ndim and x.size < _SMALL else x @ y
    if type(x) in device_arrays:
        return _cublas.adjoint_times(x, y)
    if is_wrapper(x):
        return x._adjoint_times(y)
    xp = array_namespace(x)
    if len(x.shape) == 2 == len(y.shape) and name_of(xp) == "jax":
        return xp.tensordot(conj(xp, x), y, axes=((0,), (0,)))
    return conj(xp, matrix_transpose(x)) @ y


def times_slope_of_tanh(g: Array, z: Array) -> Array:
    """g (1 − z²), the slope of tanh where it is z."""
    if type(g) is ndarray and g.size > 1:  # of one element NumPy writes into an array more slowly than it makes one
        slope = z * z
        np.multiply(slope, g, slope)
        return np.subtract(g, slope, slope)
    return g._times_slope_of_tanh(z) if is_wrapper(g) else g - g * z * z


def permute_dims(x: Array, axes: tuple[int, ...]) -> Array:
    """`x` with its axes in another order."""
    if type(x) is ndarray or type(x) in device_arrays:
        return x.transpose(axes)
    return x._permuted(axes) if is_wrapper(x) else array_namespace(x).permute_dims(x, axes)


def broadcast_to(x: Array, shape: tuple[int, ...]) -> Array:
    """`x` stretched to a shape; over NumPy a view that can't be written."""
    if type(x) in _SCALARS:
        return ndarray(shape, x.dtype, x, 0, (0,) * len(shape))
    if x.shape == shape:
        return x
    new = len(shape) - len(x.shape)
    if type(x) is ndarray and new >= 0 and x.flags.c_contiguous and x.size:
        strides = x.strides
        if x.shape != shape[new:]:
            strides = tuple([s if n == m else 0 for n, m, s in zip(x.shape, shape[new:], strides)])  # noqa: B905
        z = ndarray(shape, x.dtype, x, 0, (0,) * new + strides)
        z.setflags(False)
        return z
    return array_namespace(x).broadcast_to(x, shape)


def ones_like(x: Array) -> Any:
    """Ones in the shape and dtype of `x`, on its device."""
    if type(x) in _SCALARS:
        return type(x)(1)
    return np.ones(x.shape, x.dtype) if type(x) is ndarray else array_namespace(x).ones_like(x)


def on_diagonal(values: Array, shape: tuple[int, ...], offset: int) -> ndarray | None:
    """Zeros, with the NumPy array `values` (..., n) on a diagonal of the matrices; None for arrays of other libraries."""
    if type(values) is not ndarray:
        return None
    z = np.zeros(shape, values.dtype)
    step = np.arange(values.shape[-1])
    z[..., step - (offset if offset < 0 else 0), step + (offset if offset > 0 else 0)] = values
    return z


def not_negative(x: Array) -> Array:
    """The larger of `x` and 0."""
    if type(x) is ndarray:
        return np.maximum(x, _zeros.get(x.dtype, 0))
    found = _elements.relu(x)
    xp = array_namespace(x)
    return xp.maximum(x, xp.zeros_like(x)) if found is None else found


def kept_where(mask: Array, x: Array, in_place: bool = False) -> Array:
    """`x` where the mask holds, 0 elsewhere, whatever `x` is there. Told to, it writes into `x`, if that is NumPy's.

    NumPy's and torch's `where` mispredict their way through a mask that looks random, ten times slower than a product. A product of
    floats would make nan of inf and 0; so the bits of `x` are multiplied, as an integer, by 1 or 0.
    """
    if type(x) is ndarray and type(mask) is ndarray and x.dtype in _integers:
        z, integer = x if in_place else np.empty_like(x), _integers[x.dtype]
        np.multiply(mask, x.view(integer), z.view(integer))
        return z
    xp = array_namespace(x)
    if _is_torchs(x) and type(mask) is type(x):
        integer = {xp.float64: xp.int64, xp.float32: xp.int32}.get(x.dtype)
        if integer is not None:
            return (mask * x.view(integer)).view(x.dtype)
    return xp.where(mask, x, 0 if type(x) in device_arrays else xp.zeros_like(x))


# In the array's own memory ----------------------------------------------------------------------------------------------------
#
# The first operand must be an array that the calling function has just made and that nobody else holds, in the shape and dtype
# of the result. Real NumPy arrays, CuPy's and torch's are written; of any other, and of a Tensor, a new one is made.


def _is_torchs(x: Array) -> bool:
    return type(x) in mutable_arrays and not x.requires_grad


def _in_place_or_anew(in_place: Callable[..., Array], anew: Callable[..., Array], x: Array, y: Array | complex) -> Array:
    """Writing may fail, and leaves x as it was: inside torch.func.vmap y may be batched where x is not; integers hold no fractions."""
    if type(x) in device_arrays or _is_torchs(x):
        try:
            return in_place(x, y)
        except (RuntimeError, TypeError):
            pass
    return anew(x, y)


def add_into(x: Array, y: Array | complex) -> Array:
    """x + y."""
    if type(x) is ndarray and (x.dtype is FLOAT64 or x.dtype is FLOAT32):  # a call saved: this is the most used
        return np.add(x, y, x)
    if _elements.added(x, y):
        return x
    return _in_place_or_anew(operator.iadd, operator.add, x, y)


def subtract_into(x: Array, y: Array | complex) -> Array:
    """x − y."""
    return np.subtract(x, y, x) if is_real_numpys(x) else _in_place_or_anew(operator.isub, operator.sub, x, y)


def subtract_from(x: Array | complex, y: Array) -> Array:
    """x − y, in the memory of y."""
    return np.subtract(x, y, y) if is_real_numpys(y) else x - y


def multiply_into(x: Array, y: Array | complex) -> Array:
    """x · y."""
    return np.multiply(x, y, x) if is_real_numpys(x) else _in_place_or_anew(operator.imul, operator.mul, x, y)


def divide_into(x: Array, y: Array | complex) -> Array:
    """x / y."""
    return np.divide(x, y, x) if is_real_numpys(x) else _in_place_or_anew(operator.itruediv, operator.truediv, x, y)


def divide_from(x: Array | complex, y: Array) -> Array:
    """x / y, in the memory of y."""
    return np.divide(x, y, y) if is_real_numpys(y) else x / y


def maximum_into(x: Array, y: Array) -> Array:
    """The larger of x and y."""
    return np.maximum(x, y, out=x) if is_real_numpys(x) else array_namespace(x).maximum(x, y)


def exp_into(x: Array) -> Array:
    """exp(x)."""
    if is_real_numpys(x):
        return np.exp(x, x)
    return x.exp_() if _is_torchs(x) else array_namespace(x).exp(x)


def tanh_into(x: Array) -> Array:
    """tanh(x)."""
    if is_real_numpys(x):
        return np.tanh(x, x)
    return x.tanh_() if _is_torchs(x) else array_namespace(x).tanh(x)


def exp_within(x: Array) -> Array:
    """exp(x), with a number near the largest of the dtype where it would overflow."""
    xp = array_namespace(x)
    largest = _largest_exponent(xp, x.dtype)
    if is_real_numpys(x):
        return exp_into(np.minimum(x, largest, out=x))
    return exp_into(xp.minimum(x, xp.full((), largest, dtype=x.dtype, device=device(x))))
