"""Statistics that the standard lacks and that other libraries ask a namespace for by name, composed of its functions."""

from __future__ import annotations

from .. import _transfer
from .. import xp as _xp
from ..xp import Array, array_namespace
from .arithmetic import add, multiply
from .elementwise import astype, isnan, where
from .indexing import _getitem, scatter_add
from .manipulation import permute_dims, reshape, sort
from .reductions import max, mean, min

__all__ = ["bincount", "median"]


def median(x: Array, /, *, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Array:
    """The middle one of the real elements over `axis` in sorted order, or the mean of the middle two; nan where any element is.

    The gradient goes to what stands in the middle. (Not in the standard; of the form of NumPy's function.)

    >>> import clumsygrad as cg
    >>> cg.func.grad(cg.median)(cg.asarray([5.0, 1.0, 2.0, 3.0]))
    array([0. , 0. , 0.5, 0.5])
    """
    if _xp.kind(x) != "real floating":
        raise TypeError(f"median: x must be an array of real floating numbers, it has dtype {x.dtype}: use astype first")
    ndim = len(x.shape)
    axes = sorted(_xp.numpy.lib.array_utils.normalize_axis_tuple(range(ndim) if axis is None else axis, ndim, "median"))
    left = [i for i in range(ndim) if i not in axes]
    kept = tuple([1 if i in axes else n for i, n in enumerate(x.shape)])
    rows = sort(reshape(permute_dims(x, (*left, *axes)), (*[x.shape[i] for i in left], -1)), axis=-1)
    n = rows.shape[-1]
    if not n:
        return mean(x, axis=tuple(axes), keepdims=keepdims)  # nan, with NumPy's own warning
    z = multiply(add(_getitem(rows, (..., (n - 1) // 2)), _getitem(rows, (..., n // 2))), 0.5)
    last = _getitem(rows, (..., -1))  # where nan is sorted to
    z = where(isnan(last), last, z)
    return reshape(z, kept) if keepdims else z


def bincount(x: Array, /, weights: Array | None = None, minlength: int = 0) -> Array:
    """How often each of the integers 0, 1, ... occurs in x, or the sum of its weights, in which it is differentiable.

    The result has the length max(x) + 1, which is read on the host, or `minlength` if that is more, and the dtype of the weights.
    (Not in the standard; of the form of NumPy's function.)

    Raises TypeError for an x of floating numbers, ValueError for one of several axes or with negative integers.

    >>> import clumsygrad as cg
    >>> cg.bincount(cg.asarray([0, 2, 0]), cg.asarray([0.5, 1.0, 2.0]))
    Tensor(array([2.5, 0. , 1. ]))
    """
    if len(x.shape) != 1:
        raise ValueError(f"bincount: x must have one axis, it has shape {tuple(x.shape)}: reshape it to (-1,)")
    if _xp.kind(x) not in ("integral", "bool"):
        raise TypeError(f"bincount: x must be an array of integers, it has dtype {x.dtype}: use astype first")
    if minlength < 0:
        raise ValueError(f"bincount: minlength must not be negative, got {minlength}")
    if _xp.kind(x) == "bool":
        x = astype(x, array_namespace(x).int64)
    smallest, largest = _xp.on_its_device(_ends, x) if x.shape[0] else (0, -1)
    if smallest < 0:
        raise ValueError(f"bincount: x must not be negative, its smallest element is {smallest}: leave those out, x[x >= 0]")
    if weights is None:
        weights = _xp.on_its_device(_ones, x)
    return scatter_add(weights, x, (largest + 1 if largest >= minlength else minlength,))


def _ends(x: Array) -> tuple[int, int]:
    """The smallest and the largest integer in x, read on the host."""
    x = _xp.as_positions(x)
    return _transfer.number(min(x)), _transfer.number(max(x))


def _ones(x: Array) -> Array:
    """A weight of 1 for each integer in x, in a dtype that can count them all."""
    return array_namespace(x).ones_like(_xp.as_positions(x))
