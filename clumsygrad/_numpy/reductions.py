"""NumPy's reductions and running sums, by their own names and with their own parameters."""

from __future__ import annotations

import math
from typing import Any

from .. import xp as _xp
from ..forward import elementwise, reductions
from ..forward.arithmetic import add, divide, equal, greater, multiply, not_equal, subtract
from ..forward.composed import apply_where
from ..forward.elementwise import astype, conj, imag, isnan, maximum, real, sqrt
from ..forward.manipulation import broadcast_to, concat, reshape
from ..tensor import Tensor
from ..xp import Array, numpy
from ._arguments import Axis, axes_of, beside, cast, floating, laid_last, raveled, truth

__all__ = [
    "all",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "count_nonzero",
    "cumprod",
    "cumsum",
    "cumulative_prod",
    "cumulative_sum",
    "max",
    "mean",
    "min",
    "nanargmax",
    "nanargmin",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmin",
    "nanprod",
    "nanstd",
    "nansum",
    "nanvar",
    "prod",
    "ptp",
    "std",
    "sum",
    "var",
]


def _axes(a: Tensor, axis: Axis, name: str) -> Axis:
    return axis if axis is None else axes_of(a, axis, name)


def _chosen(a: Tensor, where: Any, value: Any) -> Tensor:
    """a, with a value in the place of the elements that `where`, which is broadcast, does not choose."""
    return elementwise.where(_mask(where, a), a, _like(value, a))  # type: ignore[no-any-return]


def _mask(where: Any, a: Tensor) -> Tensor:
    return broadcast_to(truth(beside(where, a)), a.shape)  # type: ignore[no-any-return]


def _like(value: Any, a: Tensor) -> Tensor:
    """A value in the dtype of a. Raises NumPy's errors for a number that integers do not hold."""
    if _xp.kind(a) == "integral" and (isinstance(value, numpy.generic) or type(value) in _xp.SCALARS):
        value = _xp.numpy_dtype(a.dtype).type(value.item() if isinstance(value, numpy.generic) else value).item()
    return astype(beside(value, a), a.dtype)  # type: ignore[no-any-return]


def _counted(mask: Tensor, like: Tensor, axis: Axis, keepdims: bool = False) -> Tensor:
    """How many elements over `axis` a mask chooses, as numbers of the real dtype of another tensor."""
    return reductions.sum(astype(mask, real(like).dtype), axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]


def sum(
    a: Tensor, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Array:
    """Σ a over `axis`, of the elements that `where` chooses, and `initial`."""
    return _joined(reductions.sum, add, 0, cast(a, dtype), axis, keepdims, initial, where)


def prod(
    a: Tensor, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Array:
    """Π a over `axis`, of the elements that `where` chooses, and `initial`."""
    return _joined(reductions.prod, multiply, 1, cast(a, dtype), axis, keepdims, initial, where)


def _joined(reduction: Any, join: Any, neutral: int, a: Tensor, axis: Axis, keepdims: bool, initial: Any, where: Any) -> Array:
    """A reduction over `axis` of the elements that `where` chooses, joined to `initial`."""
    if where is not True:
        a = _chosen(a, where, neutral)
    z = reduction(a, axis=_axes(a, axis, reduction.__name__), keepdims=keepdims)
    return z if initial is None else join(z, _like(initial, z))


def mean(a: Tensor, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False, where: Any = True) -> Array:
    """The arithmetic mean over `axis` of the elements that `where` chooses."""
    a, axis = floating(cast(a, dtype)), _axes(a, axis, "mean")
    if where is True:
        return reductions.mean(a, axis=axis, keepdims=keepdims)
    mask = _mask(where, a)
    return divide(reductions.sum(_chosen(a, mask, 0), axis=axis, keepdims=keepdims), _counted(mask, a, axis, keepdims))


def max(a: Tensor, axis: Axis = None, *, keepdims: bool = False, initial: Any = None, where: Any = True) -> Array:
    """The largest over `axis` of the elements that `where` chooses, and of `initial`."""
    return _extreme_of_chosen(reductions.max, a, axis, keepdims, initial, where)


def min(a: Tensor, axis: Axis = None, *, keepdims: bool = False, initial: Any = None, where: Any = True) -> Array:
    """The smallest over `axis` of the elements that `where` chooses, and of `initial`."""
    return _extreme_of_chosen(reductions.min, a, axis, keepdims, initial, where)


def _extreme_of_chosen(extreme: Any, a: Tensor, axis: Axis, keepdims: bool, initial: Any, where: Any) -> Array:
    """The extreme over `axis` of the elements that `where` chooses, among which `initial` stands as one more."""
    name = extreme.__name__
    if initial is None and where is True:
        return extreme(a, axis=_axes(a, axis, name), keepdims=keepdims)
    if initial is None:
        raise ValueError(f"numpy.{name}: where= may choose no element, and needs initial=, the result of none: give it too")
    first = _like(initial, a)
    rows, kept = laid_last(a if where is True else _chosen(a, where, first), axis, name)
    z = extreme(concat([rows, broadcast_to(first, (*rows.shape[:-1], 1))], axis=-1), axis=-1)
    return reshape(z, kept) if keepdims else z


amax, amin = max, min


def ptp(a: Tensor, axis: Axis = None, *, keepdims: bool = False) -> Array:
    """The largest less the smallest element over `axis`."""
    return subtract(max(a, axis, keepdims=keepdims), min(a, axis, keepdims=keepdims))


def var(
    a: Tensor,
    axis: Axis = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    correction: float = 0,
    keepdims: bool = False,
    where: Any = True,
) -> Array:
    """The variance Σ |a − mean|² / (n − ddof) over `axis`, of the elements that `where` chooses."""
    a, axis = floating(cast(a, dtype)), _axes(a, axis, "var")
    if where is not True:
        mask = _mask(where, a)
        degrees = maximum(subtract(_counted(mask, a, axis, keepdims), float(ddof or correction)), 0.0)
        return divide(_squares(a, mask, axis, keepdims), degrees)
    if _xp.kind(a) != "complex floating":
        return reductions.var(a, axis=axis, correction=ddof or correction, keepdims=keepdims)
    parts = [reductions.var(part, axis=axis, correction=ddof or correction, keepdims=keepdims) for part in (real(a), imag(a))]
    return add(*parts)


def _squares(a: Tensor, mask: Tensor, axis: Axis, keepdims: bool) -> Tensor:
    """Σ |a − mean|² over `axis` of the elements that a mask chooses."""
    deviation = _chosen(subtract(a, mean(a, axis, keepdims=True, where=mask)), mask, 0)
    square = real(multiply(deviation, conj(deviation))) if _xp.kind(a) == "complex floating" else multiply(deviation, deviation)
    return reductions.sum(square, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]


def std(
    a: Tensor,
    axis: Axis = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    correction: float = 0,
    keepdims: bool = False,
    where: Any = True,
) -> Array:
    """The square root of `var`. Its gradient is 0 where all elements are equal."""
    a = floating(cast(a, dtype))
    if where is not True or _xp.kind(a) == "complex floating":
        return _root(var(a, axis, ddof=ddof, correction=correction, keepdims=keepdims, where=where))
    return reductions.std(a, axis=_axes(a, axis, "std"), correction=ddof or correction, keepdims=keepdims)


def _root(x: Array) -> Array:
    """√x, whose gradient is 0 at 0."""
    return apply_where(not_equal(x, 0), x, sqrt, fill_value=0.0)


# Running ------------------------------------------------------------------------------------------------------------------------


def cumsum(a: Tensor, axis: int | None = None, dtype: Any = None) -> Array:
    """The sums of the elements so far along `axis`; with None, of a laid flat."""
    a = cast(raveled(a) if axis is None else a, dtype)
    return reductions.cumulative_sum(a, axis=0 if axis is None else axes_of(a, axis, "cumsum")[0])


def cumprod(a: Tensor, axis: int | None = None, dtype: Any = None) -> Array:
    """The products of the elements so far along `axis`; with None, of a laid flat."""
    a = cast(raveled(a) if axis is None else a, dtype)
    return reductions.cumulative_prod(a, axis=0 if axis is None else axes_of(a, axis, "cumprod")[0])


def cumulative_sum(x: Tensor, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Array:
    """The sums of the elements so far along `axis`; with `include_initial` a 0 stands before them."""
    return reductions.cumulative_sum(cast(x, dtype), axis=axis, include_initial=include_initial)


def cumulative_prod(x: Tensor, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Array:
    """The products of the elements so far along `axis`; with `include_initial` a 1 stands before them."""
    return reductions.cumulative_prod(cast(x, dtype), axis=axis, include_initial=include_initial)


# Without nan ----------------------------------------------------------------------------------------------------------------------


def _filled(a: Tensor, value: float) -> Tensor:
    """a, with a number in the place of nan."""
    return elementwise.where(isnan(a), value, a) if _xp.is_floating(a) else a


def _is_there(a: Tensor) -> Tensor:
    """Which elements are not nan."""
    return equal(isnan(a), False)  # type: ignore[no-any-return]


def nansum(a: Tensor, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False) -> Array:
    """Σ a over `axis`, nan counted as 0."""
    return sum(_filled(a, 0.0), axis, dtype, keepdims=keepdims)


def nanprod(a: Tensor, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False) -> Array:
    """Π a over `axis`, nan counted as 1."""
    return prod(_filled(a, 1.0), axis, dtype, keepdims=keepdims)


def nancumsum(a: Tensor, axis: int | None = None, dtype: Any = None) -> Array:
    """The sums of the elements so far, nan counted as 0."""
    return cumsum(_filled(a, 0.0), axis, dtype)


def nancumprod(a: Tensor, axis: int | None = None, dtype: Any = None) -> Array:
    """The products of the elements so far, nan counted as 1."""
    return cumprod(_filled(a, 1.0), axis, dtype)


def nanmean(a: Tensor, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False) -> Array:
    """The mean over `axis` of the elements that are not nan."""
    a = floating(cast(a, dtype))
    return mean(a, _axes(a, axis, "nanmean"), keepdims=keepdims, where=_is_there(a))


def nanvar(
    a: Tensor, axis: Axis = None, dtype: Any = None, *, ddof: float = 0, correction: float = 0, keepdims: bool = False
) -> Array:
    """The variance over `axis` of the elements that are not nan; nan where there are no more of them than `ddof`."""
    a, axis = floating(cast(a, dtype)), _axes(a, axis, "nanvar")
    there = _is_there(a)
    degrees = subtract(_counted(there, a, axis, keepdims), float(ddof or correction))
    degrees = elementwise.where(greater(degrees, 0.0), degrees, math.nan)
    return divide(_squares(a, there, axis, keepdims), degrees)


def nanstd(
    a: Tensor, axis: Axis = None, dtype: Any = None, *, ddof: float = 0, correction: float = 0, keepdims: bool = False
) -> Array:
    """The square root of nanvar. Its gradient is 0 where all elements are equal."""
    return _root(nanvar(a, axis, dtype, ddof=ddof, correction=correction, keepdims=keepdims))


def nanmax(a: Tensor, axis: Axis = None, *, keepdims: bool = False) -> Array:
    """The largest element over `axis` that is not nan; nan where there is none."""
    return _extreme(reductions.max, a, -math.inf, axis, keepdims)


def nanmin(a: Tensor, axis: Axis = None, *, keepdims: bool = False) -> Array:
    """The smallest element over `axis` that is not nan; nan where there is none."""
    return _extreme(reductions.min, a, math.inf, axis, keepdims)


def _extreme(extreme: Any, a: Tensor, neutral: float, axis: Axis, keepdims: bool) -> Array:
    axis = _axes(a, axis, extreme.__name__)
    if not _xp.is_floating(a):
        return extreme(a, axis=axis, keepdims=keepdims)
    nothing = equal(_counted(_is_there(a), a, axis, keepdims), 0.0)
    return elementwise.where(nothing, math.nan, extreme(_filled(a, neutral), axis=axis, keepdims=keepdims))


# Positions and truth values ---------------------------------------------------------------------------------------------------------


def argmax(a: Tensor, axis: int | None = None, *, keepdims: bool = False) -> Array:
    """The index of the first largest element along `axis`; with None, of a laid flat."""
    return reductions.argmax(a, axis=axis, keepdims=keepdims)


def argmin(a: Tensor, axis: int | None = None, *, keepdims: bool = False) -> Array:
    """The index of the first smallest element along `axis`; with None, of a laid flat."""
    return reductions.argmin(a, axis=axis, keepdims=keepdims)


def nanargmax(a: Tensor, axis: int | None = None, *, keepdims: bool = False) -> Array:
    """argmax among the elements that are not nan. Raises ValueError where there is none."""
    return reductions.argmax(_present(a, -math.inf, axis), axis=axis, keepdims=keepdims)


def nanargmin(a: Tensor, axis: int | None = None, *, keepdims: bool = False) -> Array:
    """argmin among the elements that are not nan. Raises ValueError where there is none."""
    return reductions.argmin(_present(a, math.inf, axis), axis=axis, keepdims=keepdims)


def _present(a: Tensor, neutral: float, axis: int | None) -> Tensor:
    if _xp.is_floating(a) and bool(reductions.any(reductions.all(isnan(a), axis=axis))):
        raise ValueError("All-NaN slice encountered")
    return _filled(a, neutral)


def all(a: Tensor, axis: Axis = None, *, keepdims: bool = False, where: Any = True) -> Array:
    """Whether no element over `axis` that `where` chooses is 0."""
    a = truth(a) if where is True else _chosen(truth(a), where, True)
    return reductions.all(a, axis=_axes(a, axis, "all"), keepdims=keepdims)


def any(a: Tensor, axis: Axis = None, *, keepdims: bool = False, where: Any = True) -> Array:
    """Whether any element over `axis` that `where` chooses is not 0."""
    a = truth(a) if where is True else _chosen(truth(a), where, False)
    return reductions.any(a, axis=_axes(a, axis, "any"), keepdims=keepdims)


def count_nonzero(a: Tensor, axis: Axis = None, *, keepdims: bool = False) -> Array:
    """How many elements over `axis` are not 0."""
    return reductions.count_nonzero(a, axis=_axes(a, axis, "count_nonzero"), keepdims=keepdims)
