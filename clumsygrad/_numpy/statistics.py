"""NumPy's statistics: quantiles, weighted means, covariances."""

from __future__ import annotations

import math
from typing import Any

from .. import _transfer
from .. import xp as _xp
from ..forward import reductions, statistics
from ..forward.arithmetic import add, divide, equal, less, multiply, subtract
from ..forward.elementwise import astype, conj, floor, isnan, maximum, minimum, real, sqrt, where
from ..forward.elementwise import round as _round
from ..forward.indexing import _getitem, take_along_axis
from ..forward.linalg import diagonal as _diagonal
from ..forward.manipulation import argsort, broadcast_to, concat, matrix_transpose, moveaxis, permute_dims, reshape, sort
from ..forward.products import matmul
from ..tensor import Tensor
from ..xp import Array, numpy
from ._arguments import Axis, axes_of, beside, cast, floating, is_numpys, laid_last, namespace_of, raveled, refuse, tensor, tensors

__all__ = [
    "average",
    "bincount",
    "corrcoef",
    "cov",
    "median",
    "nanmedian",
    "nanpercentile",
    "nanquantile",
    "percentile",
    "quantile",
]


def median(a: Any, axis: Axis = None, *, overwrite_input: bool = False, keepdims: bool = False) -> Array:
    """The middle of the sorted elements over `axis`, or the mean of the two in the middle."""
    a = floating(tensor(a))
    return statistics.median(a, axis=axes_of(a, axis, "median"), keepdims=keepdims)


def nanmedian(a: Any, axis: Axis = None, *, overwrite_input: bool = False, keepdims: bool = False) -> Array:
    """The median of the elements over `axis` that are not nan."""
    return _quantile("nanmedian", a, 0.5, axis, "linear", keepdims)


def quantile(
    a: Any,
    q: Any,
    axis: Axis = None,
    *,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    weights: Any = None,
) -> Array:
    """The elements over `axis` at the fractions q (in 0 ... 1) of their sorted order. Differentiable in q too, where it is linear.

    Of the shape of q followed by the axes that are left. `weights`, with method "inverted_cdf", say how much each element counts: they
    have the shape of a, or those lengths of its axes that `axis` names.
    """
    return _quantile("quantile", a, q, axis, method, keepdims, weights)


def nanquantile(
    a: Any,
    q: Any,
    axis: Axis = None,
    *,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    weights: Any = None,
) -> Array:
    """The quantiles of the elements over `axis` that are not nan."""
    return _quantile("nanquantile", a, q, axis, method, keepdims, weights)


def percentile(
    a: Any,
    q: Any,
    axis: Axis = None,
    *,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    weights: Any = None,
) -> Array:
    """The quantiles at q hundredths."""
    return _quantile("percentile", a, _hundredths(q), axis, method, keepdims, weights)


def nanpercentile(
    a: Any,
    q: Any,
    axis: Axis = None,
    *,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    weights: Any = None,
) -> Array:
    """The quantiles, at q hundredths, of the elements that are not nan."""
    return _quantile("nanpercentile", a, _hundredths(q), axis, method, keepdims, weights)


def _hundredths(q: Any) -> Any:
    return divide(q, 100.0) if type(q) is Tensor else numpy.asarray(q) / 100


_WHOLE_IN_FLOAT32 = 2**24  # up to which it holds all integers
_METHODS = ("linear", "lower", "higher", "midpoint", "nearest", "inverted_cdf")


def _quantile(name: str, a: Any, q: Any, axis: Axis, method: str, keepdims: bool, weights: Any = None) -> Array:
    if method not in _METHODS:
        refuse(name, f"method={method!r}", f"use one of {', '.join(_METHODS)}")
    if weights is not None and method != "inverted_cdf":
        raise ValueError(f"numpy.{name}: weights are not defined for method={method!r}: give method='inverted_cdf'")
    a = floating(beside(a, (a, q, weights)))
    if _xp.kind(a) == "complex floating":
        raise TypeError(f"{name}: a must be an array of real numbers, it has dtype {a.dtype}")
    if type(q) is not Tensor:
        host = numpy.asarray(q, dtype=float)
        if not bool(numpy.all((host >= 0) & (host <= 1))):
            raise ValueError(f"{name}: quantiles must lie between 0 and 1, percentiles between 0 and 100")
        q = Tensor(_transfer.moved(host, a.data))
    rows, kept = laid_last(a, axis, name)
    shape, q = (*q.shape, *(kept if keepdims else rows.shape[:-1])), raveled(q)
    if weights is None:
        rows = sort(rows, axis=-1)
        z = _at_fractions(rows, q, method, name.startswith("nan"))
    else:
        order = argsort(rows.detach(), axis=-1)
        w, _ = laid_last(broadcast_to(_fitting(name, weights, a, axis), a.shape), axis, name)
        rows, w = [take_along_axis(part, order, axis=-1) for part in (rows, w)]
        z = _at(rows, _reached(rows, w.detach(), q.detach()))
    if not name.startswith("nan"):  # nan is sorted to the end
        end = _getitem(rows, (..., slice(-1, None)))
        z = where(isnan(end), end, z)
    return reshape(moveaxis(z, -1, 0), shape)


def _at_fractions(rows: Tensor, q: Tensor, method: str, without_nan: bool) -> Tensor:
    """The sorted elements at the fractions q of their order; of those that are not nan if `without_nan`."""
    n, ns = rows.shape[-1], namespace_of(rows)
    wide = ns.float64 if n > _WHOLE_IN_FLOAT32 else ns.result_type(rows.dtype, ns.float32)  # of positions
    q = astype(q, wide)
    if without_nan:
        last = subtract(reductions.sum(astype(equal(isnan(rows), False), wide), axis=-1, keepdims=True), 1.0)
    else:
        last = ns.full_like(_getitem(rows, (..., slice(None, 1))).detach(), float(n - 1), dtype=wide)
    if method == "inverted_cdf":
        return _between(rows, subtract(multiply(q, add(last, 1.0)), 1.0), last, "higher")
    return _between(rows, multiply(q, last), last, method)


def _reached(rows: Tensor, w: Tensor, q: Tensor) -> Tensor:
    """Where in sorted rows the sums of their weights reach the fractions q of the whole; nan has no weight."""
    w = where(isnan(rows.detach()), 0.0, astype(w, namespace_of(w).float64))
    sums = reductions.cumulative_sum(w, axis=-1)
    parts = divide(sums, _getitem(sums, (..., slice(-1, None))))
    parts = where(equal(parts, 0), -1.0, parts)  # what has no weight is not the first
    before = less(reshape(parts, (*parts.shape[:-1], 1, parts.shape[-1])), reshape(astype(q, parts.dtype), (-1, 1)))
    return minimum(reductions.sum(astype(before, parts.dtype), axis=-1), float(rows.shape[-1] - 1))  # type: ignore[no-any-return]


def _between(rows: Tensor, place: Tensor, last: Tensor, method: str) -> Tensor:
    """The sorted elements at places (..., k) between positions: for each row its own."""
    low = minimum(maximum(floor(place.detach()), 0.0), maximum(last, 0.0))
    part = astype(maximum(subtract(place, low), 0.0), rows.dtype)
    high = minimum(add(low, 1.0), maximum(last, 0.0))
    below, above = _at(rows, low), _at(rows, high)
    if method == "linear":
        return add(below, multiply(part, subtract(above, below)))  # type: ignore[no-any-return]
    if method == "midpoint":
        return where(equal(part, 0), below, divide(add(below, above), 2.0))  # type: ignore[no-any-return]
    if method == "nearest":
        return _at(rows, _round(place.detach()))
    return below if method == "lower" else where(equal(part, 0), below, above)


def _at(rows: Tensor, places: Tensor) -> Tensor:
    indices = astype(places.detach(), namespace_of(rows).int64)
    shape = (*rows.shape[:-1], indices.shape[-1])
    return take_along_axis(rows, broadcast_to(indices, shape), axis=-1)  # type: ignore[no-any-return]


def average(a: Any, axis: Axis = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    """Σ w a / Σ w over `axis`. `weights` has the shape of a, or those lengths of its axes that `axis` names, in that order.

    With `returned`, also Σ w.
    """
    if weights is None:
        a = floating(tensor(a))
        axes = axes_of(a, axis, "average")
        z = reductions.mean(a, axis=axes, keepdims=keepdims)
        scale = namespace_of(a).full_like(z.detach(), float(math.prod([a.shape[i] for i in axes])))
    else:
        a, w = tensors(a, weights)
        a = floating(a)
        axes = axes_of(a, axis, "average")
        w = _fitting("average", w, a, axis)
        scale = reductions.sum(broadcast_to(w, a.shape), axis=axes, keepdims=keepdims)
        z = divide(reductions.sum(multiply(a, w), axis=axes, keepdims=keepdims), scale)
    return (z, broadcast_to(scale, z.shape)) if returned else z


def _fitting(name: str, weights: Any, a: Tensor, axis: Axis) -> Tensor:
    """Weights of the shape of a, or of those lengths of its axes that `axis` names, with as many axes as a."""
    w, axes = beside(weights, a), axes_of(a, axis, name)
    if w.shape == a.shape:
        return w
    if w.shape != tuple([a.shape[i] for i in axes]) or axis is None:
        raise ValueError(f"{name}: weights of shape {w.shape} fit neither a of shape {a.shape} nor its axes {axis}")
    w = permute_dims(w, tuple(sorted(range(len(axes)), key=axes.__getitem__)))
    return reshape(w, tuple([a.shape[i] if i in axes else 1 for i in range(len(a.shape))]))  # type: ignore[no-any-return]


def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Array:
    """The covariances Σ (x − x̄) conj(y − ȳ) / (n − ddof) of variables, which are the rows of m (and of y).

    Columns count as often as `fweights` (integers) says, and as much as `aweights` says, in which it is differentiable.
    """
    like = (m, y, fweights, aweights)
    x = _rows(beside(m, like), rowvar)
    if y is not None:
        x = concat([x, _rows(beside(y, like), rowvar)], axis=0)
    x = floating(cast(x, dtype))
    if ddof is None:
        ddof = 0 if bias else 1
    if fweights is None and aweights is None:
        x = weighted = subtract(x, reductions.mean(x, axis=1, keepdims=True))
        degrees = float(max(x.shape[1] - ddof, 0))
    else:
        w, lost = _weights_of_columns(x, fweights, aweights)
        total = reductions.sum(w)
        x = subtract(x, divide(reductions.sum(multiply(x, w), axis=1, keepdims=True), total))
        weighted = multiply(x, w)
        degrees = maximum(subtract(total, multiply(float(ddof), lost)), 0.0)
    other = conj(x) if _xp.kind(x) == "complex floating" else x
    z = divide(matmul(weighted, matrix_transpose(other)), degrees)
    return reshape(z, ()) if z.shape == (1, 1) else z


def _weights_of_columns(x: Tensor, fweights: Any, aweights: Any) -> tuple[Tensor, Any]:
    """The weight of each column, and by how much each degree of freedom that is lost lessens their sum."""
    given = {"fweights": fweights, "aweights": aweights}
    parts = {name: beside(w, x) for name, w in given.items() if w is not None}
    for name, w in parts.items():
        if w.shape != x.shape[1:]:
            raise RuntimeError(
                f"numpy.cov: {name} must have a number for each of {x.shape[1]} observations, it has the shape {w.shape}"
            )
        if name == "fweights" and _xp.kind(w) != "integral":
            raise TypeError(f"numpy.cov: fweights must be integers, they are of {w.dtype}: give numbers that are none as aweights")
        if is_numpys(w) and (w.data < 0).any():
            raise ValueError(f"numpy.cov: {name} cannot be negative")
    one, *others = [astype(w, real(x).dtype) for w in parts.values()]
    w = multiply(one, *others) if others else one
    if aweights is None:
        return w, 1.0
    return w, divide(reductions.sum(multiply(w, (others or [one])[0])), reductions.sum(w))


def _rows(x: Tensor, rowvar: bool) -> Tensor:
    if len(x.shape) > 2:
        raise ValueError(f"cov: m has more than 2 dimensions: {x.shape}")
    if len(x.shape) < 2:
        return reshape(x, (1, -1))  # type: ignore[no-any-return]
    return x if rowvar else matrix_transpose(x)


def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Array:
    """The covariances divided by both standard deviations."""
    c = cov(x, y, rowvar, dtype=dtype)
    if not c.shape:
        return divide(c, c)
    deviation = sqrt(real(_diagonal(c)))
    return divide(divide(c, reshape(deviation, (-1, 1))), deviation)


def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Array:
    """How often each integer occurs in x, or the sums of the weights of each, in which it is differentiable. Reads max(x) on the host."""
    if weights is None:
        return statistics.bincount(tensor(x), None, minlength)
    x, weights = tensors(x, weights)
    return statistics.bincount(x, floating(weights), minlength)
