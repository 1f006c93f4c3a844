"""Reductions over axes, and cumulative sums and products along one."""

from __future__ import annotations

from typing import Any

from .. import grad, lean
from .._operation import operation
from ..xp import Array, array_namespace, as_tuple, is_complex, narrowed, numpy, widened

__all__ = [
    "all",
    "any",
    "argmax",
    "argmin",
    "count_nonzero",
    "cumulative_prod",
    "cumulative_sum",
    "logsumexp",
    "max",
    "mean",
    "min",
    "prod",
    "std",
    "sum",
    "var",
]

Axis = int | tuple[int, ...] | None


@operation(grad.sum_backward, serves=("_summed",))
def sum(x: Array, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Array:
    """Σ x over `axis` (an axis, several, or all).

    >>> import clumsygrad as cg
    >>> cg.sum(cg.asarray([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    Tensor(array([4., 6.]))
    """
    if dtype is None:
        return lean.sum(x, axis, keepdims)
    return array_namespace(x).sum(x, axis=axis, dtype=dtype, keepdims=keepdims)


@operation(grad.sum_of_rows_backward, serves=("_sum_of_rows",))
def sum_of_rows(x: Array, /) -> Array:
    """Σ of the rows of a matrix: the gradient of what is added to each of them."""
    return lean.sum_of_rows(x)


@operation(grad.mean_backward)
def mean(x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """The arithmetic mean over `axis`."""
    return lean.mean(x, axis, keepdims)


@operation(grad.prod_backward)
def prod(x: Array, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Array:
    """Π x over `axis`. Its gradient is right where elements are 0."""
    return array_namespace(x).prod(x, axis=axis, dtype=dtype, keepdims=keepdims)


@operation(grad.max_backward)
def max(x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """The largest element over `axis`. Equal ones share the gradient."""
    return lean.max(x, axis, keepdims)


@operation(grad.max_backward)
def min(x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """The smallest element over `axis`. Equal ones share the gradient."""
    return array_namespace(x).min(x, axis=axis, keepdims=keepdims)


@operation(grad.var_backward)
def var(x: Array, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """The variance Σ (x − mean)² / (n − correction) over `axis`."""
    return array_namespace(x).var(x, axis=axis, correction=float(correction), keepdims=keepdims)


@operation(grad.std_backward)
def std(x: Array, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """The square root of the variance over `axis`. Its gradient is 0 where all elements are equal."""
    return array_namespace(x).std(x, axis=axis, correction=float(correction), keepdims=keepdims)


@operation(grad.logsumexp_backward)
def logsumexp(x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """log Σ exp(x) over `axis`, without overflow; of complex numbers the principal value, of none −∞. (Not in the standard.)"""
    xp, given, x = array_namespace(x), x, widened(x)
    axis = None if not x.shape and axis in (0, -1) else axis
    top = _largest(x, axis)
    with numpy.errstate(divide="ignore"):  # the logarithm of no terms is −∞
        z = narrowed(xp.log(xp.sum(xp.exp(x - top), axis=axis, keepdims=True)) + top, given)
    ndim = len(x.shape)
    summed = range(ndim) if axis is None else [a % (ndim or 1) for a in as_tuple(axis)]
    return z if keepdims else xp.reshape(z, tuple([n for i, n in enumerate(x.shape) if i not in summed]))


def _largest(x: Array, axis: Axis) -> Array | float:
    """The largest real part over `axis`, which stays, 1 long; 0 where it is not finite, and of no elements."""
    if 0 in x.shape:
        return 0.0
    xp = array_namespace(x)
    top = xp.max(xp.real(x) if is_complex(x) else x, axis=axis, keepdims=True)
    return xp.where(xp.isfinite(top), top, xp.zeros_like(top))


@operation(grad.cumulative_sum_backward)
def cumulative_sum(x: Array, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Array:
    """The sums of the elements so far along `axis`; with `include_initial` a 0 stands before them."""
    return array_namespace(x).cumulative_sum(x, axis=axis, dtype=dtype, include_initial=include_initial)


@operation(grad.diff_backward)
def _diff(x: Array, /, *, axis: int) -> Array:
    """The differences of neighbours along `axis`, which is counted from the front."""
    before = (slice(None),) * axis
    return x[(*before, slice(1, None), ...)] - x[(*before, slice(None, -1), ...)]


@operation(grad.cumulative_prod_backward)
def cumulative_prod(x: Array, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Array:
    """The products of the elements so far along `axis`; with `include_initial` a 1 stands before them. Right with zeros."""
    return array_namespace(x).cumulative_prod(x, axis=axis, dtype=dtype, include_initial=include_initial)


# No gradient ----------------------------------------------------------------------------------------------------------------------


@operation(None)
def all(x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Whether all elements over `axis` are true."""
    return array_namespace(x).all(x, axis=axis, keepdims=keepdims)


@operation(None)
def any(x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Whether any element over `axis` is true."""
    return array_namespace(x).any(x, axis=axis, keepdims=keepdims)


@operation(None)
def argmax(x: Array, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """The index of the first largest element along `axis`."""
    return array_namespace(x).argmax(x, axis=axis, keepdims=keepdims)


@operation(None)
def argmin(x: Array, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """The index of the first smallest element along `axis`."""
    return array_namespace(x).argmin(x, axis=axis, keepdims=keepdims)


@operation(None)
def count_nonzero(x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """The number of elements over `axis` that are not 0."""
    n = array_namespace(x).count_nonzero(x, axis=axis, keepdims=keepdims)
    return numpy.intp(n) if type(n) is int else n  # as NumPy before 2.3 counts
