"""array-api-extra: every function of it. Those that give integers or truth values are used on an operand, as their users do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import array_api_extra as xpx
import numpy as np
from array_api_compat import array_namespace, device
from rows import Table, beside
from table import BOTH

TABLE = Table()
row, refuses = TABLE.row, TABLE.refuses

# Elementwise ----------------------------------------------------------------------------------------------------------------------

row("array_api_extra.angle", (2, 3), kinds=("complex",))
row("array_api_extra.angle-degrees", (2, 3), kinds=("complex",), deg=True)
row("array_api_extra.apply_where", (6,), call=lambda x: xpx.apply_where(x > 0, x, lambda x: x**0.5, lambda x: x * x))
row(
    "array_api_extra.apply_where-fill",
    (6,),
    (6,),
    call=lambda x, y: xpx.apply_where(x > 0, (x, y), lambda x, y: x / y, fill_value=0.5),
)
row("array_api_extra.deg2rad", (2, 3), linear=True)
row("array_api_extra.rad2deg", (2, 3), linear=True)
row("array_api_extra.nan_to_num", (2, 3), kinds=BOTH, linear=True)
row(
    "array_api_extra.nan_to_num-fill",
    (4,),
    call=lambda x: xpx.nan_to_num(array_namespace(x).concat([x, beside(x, [np.nan])]), fill_value=0.5),
    linear=True,
)
row("array_api_extra.sinc", (2, 3))
row("array_api_extra.lazy_apply", (2, 3), (3,), call=lambda x, y: xpx.lazy_apply(lambda x, y: x * y, x, y))
refuses("array_api_extra.lazy_apply-as numpy", (3,), says="detach", call=lambda x: xpx.lazy_apply(np.sin, x, as_numpy=True))

# Assignment -----------------------------------------------------------------------------------------------------------------------


def assigned(method: str, copy: bool | None = True) -> Callable[..., Any]:
    """Reads x, and what `at(x)[1:4]` makes of it."""

    def call(x: Any, y: Any) -> Any:
        z = x if copy else x * 1.0
        return x * getattr(xpx.at(z)[1:4], method)(y, copy=copy)

    return call


for _method in ("set", "add", "subtract", "multiply", "divide", "power", "min", "max"):
    _domain = "positive" if _method == "power" else "any"
    row(f"array_api_extra.at.{_method}", (5,), (3,), domain=_domain, call=assigned(_method))
    row(f"array_api_extra.at.{_method}-in place", (5,), (3,), domain=_domain, call=assigned(_method, None))
row("array_api_extra.at.add-mask", (5,), call=lambda x: x * xpx.at(x, x > 0).add(2.0, copy=True))

# Shapes and products ----------------------------------------------------------------------------------------------------------------

row("array_api_extra.atleast_nd", (3,), ndim=3, linear=True)
row("array_api_extra.expand_dims", (2, 3), axis=(0, 2), linear=True)
row("array_api_extra.create_diagonal", (3,), linear=True)
row("array_api_extra.create_diagonal-batch", (2, 3), offset=1, linear=True)
row("array_api_extra.kron", (2, 3), (3, 2), kinds=BOTH)
row("array_api_extra.kron-vector", (2, 3), (2,))
row("array_api_extra.pad", (2, 3), pad_width=1, linear=True)
row("array_api_extra.pad-each", (2, 3), pad_width=((0, 1), (2, 0)), constant_values=0.5)
row("array_api_extra.broadcast_shapes", (3, 1), call=lambda x: x * x.reshape(xpx.broadcast_shapes(x.shape, (3, 1))))

# Statistics, sorting and sets ---------------------------------------------------------------------------------------------------------

row("array_api_extra.cov", (3, 5), kinds=BOTH)
row("array_api_extra.cov-batch", (2, 3, 4), correction=0)
row("array_api_extra.cov-columns", (5, 3), axis=-2)
row("array_api_extra.cov-weights", (3, 5), (5,), domain="positive", call=lambda m, weights: xpx.cov(m, aweights=weights))


def beside_nan(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: function(array_namespace(x).concat([x, beside(x, [[np.nan], [2.0]])], axis=1), axis=1)


for _name in ("nanmax", "nanmin", "nanmean", "nansum"):
    row(f"array_api_extra.{_name}", (2, 4))
    row(f"array_api_extra.{_name}-axis", (2, 4), call=beside_nan(getattr(xpx, _name)))
row("array_api_extra.partition", (7,), call=lambda x: xpx.partition(x, 3)[3:4])
row("array_api_extra.setdiff1d", (5,), call=lambda x: xpx.setdiff1d(x, x[:2]))
row("array_api_extra.union1d", (4,), (3,))

# Indices and truth values: used on x ----------------------------------------------------------------------------------------------------


def taken(x: Any, indices: Any) -> Any:
    return array_namespace(x).take(x, indices)


def chosen(x: Any, condition: Any) -> Any:
    return array_namespace(x).where(condition, x, 2 * x)


row("array_api_extra.argpartition", (7,), call=lambda x: taken(x, xpx.argpartition(x, 3)[3:4]))
row("array_api_extra.searchsorted", (4,), call=lambda x: taken(x, xpx.searchsorted(beside(x, [0.0, 0.5, 1.0]), x)))
row("array_api_extra.unravel_index", (2, 3), call=lambda x: x[xpx.unravel_index(beside(x, [1, 5]), (2, 3))], linear=True)
for _indices in (xpx.diag_indices, xpx.tril_indices, xpx.triu_indices):
    row(
        f"array_api_extra.{_indices.__name__}",
        (3, 3),
        call=lambda x, indices=_indices: x[indices(3, device=device(x), xp=array_namespace(x))],
        linear=True,
    )
row("array_api_extra.isclose", (4,), call=lambda x: chosen(x, xpx.isclose(x, x[::-1] + 1e-9, rtol=0.5)))
row("array_api_extra.isin", (4,), call=lambda x: chosen(x, xpx.isin(x, x[:2])))
row("array_api_extra.nunique", (4,), call=lambda x: x * xpx.nunique(x))
row("array_api_extra.one_hot", (3,), call=lambda x: xpx.one_hot(beside(x, [1, 0, 2, 1]), 3, dtype=x.dtype) @ x, linear=True)


def reversed_by_index(x: Any) -> Any:
    xp = array_namespace(x)
    return x[xp.asarray([2, 1, 0], dtype=xpx.default_dtype(xp, "indexing", device=device(x)), device=device(x))]


row("array_api_extra.default_dtype", (3,), call=reversed_by_index, linear=True)
