"""xarray: labelled arrays over Tensors. xarray finds clumsygrad's functions by the namespace and by NumPy's protocols."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray
from rows import Table

TABLE = Table()
row, refuses = TABLE.row, TABLE.refuses

LABELS = {"a": [10, 20], "b": ["x", "y", "z"], "time": [0.0, 1.0, 3.0]}
ARRAY = "xarray.DataArray"


def labelled(x: Any, *dims: str) -> xarray.DataArray:
    """x with named axes, by default "a" and "b", and their labels."""
    dims = dims or ("a", "b")[: len(x.shape)]
    return xarray.DataArray(x, dims=dims, coords={name: LABELS[name] for name in dims if name in LABELS})


def of(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of labelled arrays, as one of arrays."""
    return lambda *operands: function(*map(labelled, operands)).data


def of_copies(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same where xarray makes a deep copy, which of a leaf is a leaf of its own."""
    return lambda *operands: function(*[labelled(x * 1.0) for x in operands]).data


def in_time(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of one labelled array whose last axis is time."""
    return lambda x: function(labelled(x, "a", "time")).data


# Arithmetic -----------------------------------------------------------------------------------------------------------------------

row("xarray.DataArray", (2, 3), call=of(lambda x: x * x))
row("xarray.Variable", (2, 3), call=lambda x: xarray.Variable(("a", "b"), x).mean("b").data, linear=True)
for _name in ("__add__", "__sub__", "__mul__", "__truediv__", "__pow__"):
    _domain = "positive" if _name == "__pow__" else "any"
    row(f"{ARRAY}.{_name}", (2, 3), (2,), domain=_domain, call=of(getattr(operator, _name)))
row(f"{ARRAY}.__matmul__", (2, 3), (2, 3), call=of(lambda x, y: x @ y.rename(a="c")))
row(f"{ARRAY}.__neg__", (2, 3), call=of(operator.neg), linear=True)
row(f"{ARRAY}.__abs__", (2, 3), call=of(operator.abs))
row(f"{ARRAY}.__array_ufunc__", (2, 3), call=of(np.exp))
row(f"{ARRAY}.clip", (2, 3), call=of(lambda x: x.clip(-0.5, 0.5)))
row(f"{ARRAY}.where", (2, 3), call=of(lambda x: x.where(x > 0, x * x)))
row(f"{ARRAY}.where-nan", (2, 3), call=of(lambda x: x.where(x > 0).sum("b")))
row(f"{ARRAY}.fillna", (2, 3), call=of(lambda x: x.where(x > 0).fillna(x * x)))
row(f"{ARRAY}.astype", (2, 3), call=of(lambda x: x.astype(x.dtype)), linear=True)
row("xarray.where", (2, 3), (2, 3), call=of(lambda x, y: xarray.where(x > 0, x, y)))
row("xarray.apply_ufunc", (2, 3), (2,), call=of(lambda x, y: xarray.apply_ufunc(operator.mul, x, y)))
row(
    "xarray.apply_ufunc-core",
    (2, 3),
    call=of(lambda x: xarray.apply_ufunc(lambda x: x.max(axis=-1), x, input_core_dims=[["b"]])),
)
row("xarray.full_like", (2, 3), call=of(lambda x: x * xarray.full_like(x, 2.0)), linear=True)
row("xarray.zeros_like", (2, 3), call=of(lambda x: x * x + xarray.zeros_like(x)))

# Reductions -----------------------------------------------------------------------------------------------------------------------


def reduced(name: str, *dims: str) -> Callable[..., Any]:
    return of(lambda x: getattr(x, name)(*dims))


for _name in ("sum", "mean", "prod", "max", "min", "std", "var", "median", "cumsum", "cumprod"):
    row(f"{ARRAY}.{_name}", (2, 3), call=reduced(_name, "b"))
    row(f"{ARRAY}.{_name}-all", (2, 3), call=reduced(_name))
row(f"{ARRAY}.quantile", (2, 3), call=of(lambda x: x.quantile(0.3, "b")))
row(f"{ARRAY}.reduce", (2, 3), call=of(lambda x: x.reduce(np.sum, "b")), linear=True)
row(f"{ARRAY}.dot", (2, 3), (2, 3), call=of(lambda x, y: x.dot(y, dim="b")))
row(f"{ARRAY}.weighted", (2, 3), (2,), domain="positive", call=of(lambda x, weights: x.weighted(weights).mean("a")))
row(f"{ARRAY}.coarsen", (6,), call=lambda x: labelled(x, "c").coarsen(c=3).mean().data, linear=True)
row(f"{ARRAY}.groupby", (2, 3), call=of(lambda x: x.groupby(xarray.DataArray([0, 1, 0], dims="b").rename("g")).mean()), linear=True)
row(f"{ARRAY}.integrate", (2, 3), call=in_time(lambda x: x.integrate("time")), linear=True)
row("xarray.dot", (2, 3), (2,), call=of(xarray.dot))
row("xarray.cov", (2, 3), (2, 3), call=of(lambda x, y: xarray.cov(x, y, "b")))
row("xarray.corr", (2, 3), (2, 3), call=of(lambda x, y: xarray.corr(x, y, "b")))
row(
    "xarray.polyval",
    (2, 3),
    (3,),
    call=lambda x, c: xarray.polyval(labelled(x), xarray.DataArray(c, dims="degree", coords={"degree": [0, 1, 2]})).data,
)

# Elements and shapes --------------------------------------------------------------------------------------------------------------

row(f"{ARRAY}.__getitem__", (2, 3), call=of(lambda x: x[:, 1]), linear=True)
row(f"{ARRAY}.sel", (2, 3), call=of(lambda x: x.sel(b="y")), linear=True)
row(f"{ARRAY}.isel", (2, 3), call=of(lambda x: x.isel(a=0, b=[2, 0])), linear=True)
row(f"{ARRAY}.loc", (2, 3), call=of(lambda x: x.loc[{"a": 20}]), linear=True)
row(f"{ARRAY}.drop_sel", (2, 3), call=of(lambda x: x.drop_sel(b="y")), linear=True)
row(f"{ARRAY}.dropna", (2, 3), call=of(lambda x: x.dropna("b")))
row(f"{ARRAY}.diff", (2, 3), call=of(lambda x: x.diff("b")), linear=True)
row(f"{ARRAY}.shift", (2, 3), call=of(lambda x: x.shift(b=1, fill_value=0.0)), linear=True)
row(f"{ARRAY}.roll", (2, 3), call=of(lambda x: x.roll(b=1)), linear=True)
row(f"{ARRAY}.pad", (2, 3), call=of(lambda x: x.pad(b=1, constant_values=0.0)), linear=True)
row(f"{ARRAY}.reindex", (2, 3), call=of(lambda x: x.reindex(b=["z", "w", "x"], fill_value=0.0)), linear=True)
row(f"{ARRAY}.sortby", (2, 3), call=of_copies(lambda x: x.sortby("a", ascending=False)), linear=True)
row(f"{ARRAY}.copy", (2, 3), call=of_copies(lambda x: x.copy()), linear=True)
row(f"{ARRAY}.transpose", (2, 3), call=of(lambda x: x.transpose("b", "a")), linear=True)
row(f"{ARRAY}.T", (2, 3), call=of(lambda x: x.T), linear=True)
row(f"{ARRAY}.stack", (2, 3), call=of(lambda x: x.stack(c=("a", "b"))), linear=True)
row(f"{ARRAY}.unstack", (2, 3), call=of(lambda x: x.stack(c=("a", "b")).unstack("c")), linear=True)
row(f"{ARRAY}.expand_dims", (2, 3), call=of(lambda x: x.expand_dims("c")), linear=True)
row(f"{ARRAY}.squeeze", (1, 3), call=lambda x: labelled(x, "c", "b").squeeze("c").data, linear=True)
row(f"{ARRAY}.broadcast_like", (2,), (2, 3), call=of(lambda x, y: x.broadcast_like(y) * y))
row("xarray.concat", (2, 3), (2, 3), call=of(lambda x, y: xarray.concat([x, y], "a")), linear=True)
row("xarray.broadcast", (2, 3), (2,), call=of(lambda x, y: operator.mul(*xarray.broadcast(x, y))))
row("xarray.align", (2, 3), (2,), call=of_copies(lambda x, y: operator.mul(*xarray.align(x, y))))

# In the place of what raises, below ------------------------------------------------------------------------------------------------


def along_time(function: Callable[..., Any], *outputs: str) -> Callable[..., Any]:
    """A function of NumPy's, of values and times, applied to labelled arrays."""
    return in_time(lambda x: xarray.apply_ufunc(function, x, x.time, input_core_dims=[["time"]] * 2, output_core_dims=[outputs]))


def interpolated(x: xarray.DataArray) -> xarray.DataArray:
    """x at other times."""
    times = xarray.DataArray([0.5, 2.0], dims="then")
    dims = {"input_core_dims": [["then"], ["time"], ["time"]], "output_core_dims": [["then"]]}
    return xarray.apply_ufunc(np.interp, times, x.time, x, **dims)


def windows(x: xarray.DataArray) -> xarray.DataArray:
    """Three neighbours at a time, where there are three."""
    return xarray.concat([x.shift(c=i) for i in range(3)], "window").isel(c=slice(2, None))


row("xarray.apply_ufunc-differentiate", (2, 3), call=along_time(lambda x, t: np.gradient(x, t, axis=-1), "time"), linear=True)
row("xarray.apply_ufunc-polyfit", (2, 3), call=along_time(lambda x, t: np.polyfit(t, x.T, 1).T, "degree"), linear=True)
row("xarray.apply_ufunc-interp", (3,), call=lambda x: interpolated(labelled(x, "time")).data, linear=True)
row("xarray.concat-rolling", (6,), call=lambda x: windows(labelled(x, "c")).mean("window").data, linear=True)

# Data sets ------------------------------------------------------------------------------------------------------------------------


def two(x: Any, y: Any) -> xarray.Dataset:
    return xarray.Dataset({"p": labelled(x), "q": labelled(y)})


row("xarray.Dataset", (2, 3), (2,), call=lambda x, y: (two(x, y).p * two(x, y).q).data)
row("xarray.Dataset.mean", (2, 3), (2,), call=lambda x, y: operator.mul(*two(x, y).mean().data_vars.values()).data)
row("xarray.Dataset.map", (2, 3), (2,), call=lambda x, y: operator.add(*two(x, y).map(np.sin).data_vars.values()).data)
row("xarray.merge", (2, 3), call=lambda x: xarray.merge([labelled(x).rename("p"), labelled(x * x).rename("q")]).q.data)

refuses(f"{ARRAY}.interp", (2, 3), says="detach", call=in_time(lambda x: x.interp(time=[0.5])))
refuses(
    f"{ARRAY}.polyfit", (2, 3), says="out", call=lambda x: labelled(x, "a", "time").polyfit("time", 1).polyfit_coefficients.data
)
refuses(f"{ARRAY}.differentiate", (2, 3), says="gradient", call=in_time(lambda x: x.differentiate("time")))
refuses(f"{ARRAY}.rolling", (6,), says="lib", call=lambda x: labelled(x, "c").rolling(c=3).mean().data)
refuses(f"{ARRAY}.to_numpy", (2, 3), says="detach", call=lambda x: labelled(x).to_numpy())
refuses(f"{ARRAY}.values", (2, 3), says="detach", call=lambda x: labelled(x).values)
