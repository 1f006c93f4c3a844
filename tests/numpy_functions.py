"""The table of NumPy's functions that are called on Tensors: a row or more for each. What a row is: table.py.

A row's function ignores the namespace and calls NumPy: with Tensors that goes through NumPy's protocols, with plain arrays it gives
the value that must come out. The name of a row is that of the function, and after a hyphen what is special about the row.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from cases_special import NO_SCIPY, SCIPY
from table import BOTH, COMPLEX, Case, Shape

ROWS: list[Case] = []
DISTINCT = {
    "uses": ("distinct",),
    "cannot": (("jax-jit", "how many distinct values there are is read on the host"),),
}
NO_I0 = tuple((name, "array-api-strict has no special functions") for name in ("strict", "strict-device1"))
# Linear in each operand alone: not counted among the nonlinear functions.
MULTILINEAR = {
    *("multiply", "matmul", "vecdot", "matvec", "vecmat", "multiply.outer", "dot", "vdot", "inner", "outer", "kron", "tensordot"),
    *("einsum", "cross", "convolve", "correlate", "polymul", "linalg.outer", "linalg.cross", "linalg.matmul", "linalg.vecdot"),
    *("linalg.tensordot", "linalg.multi_dot", "where", "select", "choose", "polyval", "heaviside", "modf"),
}


def function_of(case: Case) -> Any:
    """NumPy's object that a row calls; of a method of a ufunc the pair (ufunc, method)."""
    name = case.name.partition("-")[0]
    found = operator.attrgetter(name)(np)
    parent = operator.attrgetter(name.rpartition(".")[0])(np) if "." in name else np
    return (parent, name.rpartition(".")[2]) if isinstance(parent, np.ufunc) else found


def is_nonlinear(case: Case) -> bool:
    return not case.linear and case.name.partition("-")[0] not in MULTILINEAR


def in_three(x: Any, k: int) -> Any:
    """What does not depend on the order that a partition by the kth element leaves: the sum before it, itself, and the sum after it."""
    return np.stack([np.sum(x[..., :k], axis=-1), x[..., k], np.sum(x[..., k + 1 :], axis=-1)]) ** 2


def flat(parts: Any) -> Any:
    """Several results as one vector."""
    return np.concatenate([np.ravel(part) for part in parts])


def np_row(name: str, *shapes: Shape, call: Callable[..., Any] | None = None, several: bool = False, **options: Any) -> None:
    """A row. Options that table.Case has not are keyword arguments of the function."""
    known = {key: options.pop(key) for key in list(options) if key in Case.__dataclass_fields__}
    if not hasattr(np, name.partition("-")[0].partition(".")[0]):
        return  # an older NumPy lacks it
    target = call or operator.attrgetter(name.partition("-")[0])(np)

    def function(xp: Any, *operands: Any) -> Any:
        z = target(*operands, **options)
        return flat(z) if several else z

    assert name not in {case.name for case in ROWS}, f"two rows are named {name}"
    ROWS.append(Case(name, function, shapes, (), **known))


# Ufuncs -------------------------------------------------------------------------------------------------------------------------

for _name in ("exp", "expm1", "sin", "cos", "sinh", "cosh", "square", "reciprocal", "absolute", "conjugate"):
    np_row(_name, (2, 3), kinds=BOTH, linear=_name == "conjugate")
for _name in ("log", "log10", "log2", "sqrt"):
    np_row(_name, (2, 3), domain="positive", kinds=BOTH)
for _name in ("log1p", "tan", "arcsin", "arccos", "arctan", "arcsinh", "arctanh", "tanh"):
    np_row(_name, (2, 3), domain="unit", kinds=BOTH)
np_row("arccosh", (3,), domain="above one")
np_row("exp2", (3,))
np_row("cbrt", (3,))
np_row("fabs", (3,))
np_row("negative", (3,), linear=True)
np_row("positive", (3,), linear=True)
np_row("deg2rad", (3,), linear=True)
np_row("rad2deg", (3,), linear=True)
np_row("sign", (3,))
np_row("add", (2, 3), (3,), linear=True)
np_row("subtract", (2, 3), (3,), linear=True)
np_row("multiply", (2, 3), (3,), kinds=BOTH)
np_row("divide", (2, 3), (3,), kinds=BOTH)
np_row("power", (2, 3), (3,), domain="positive")
np_row("float_power", (3,), (3,), domain="positive")
np_row("remainder", (3,), (3,), domain=((5.2, 5.8), (2.05, 2.4)))
np_row("fmod", (3,), (3,), domain=((-5.8, -5.2), (2.05, 2.4)))
np_row("fmod-negative", (2, 3), (3,), domain=((5.2, 5.8), (-2.4, -2.05)))
np_row("maximum", (2, 3), (3,))
np_row("minimum", (2, 3), (3,))
np_row("fmax", (2, 3), (3,))
np_row("fmin", (2, 3), (3,))
np_row("arctan2", (2, 3), (3,))
np_row("hypot", (2, 3), (3,))
np_row("logaddexp", (2, 3), (3,))
np_row("logaddexp2", (2, 3), (3,))
np_row("copysign", (3,), (3,))
np_row("heaviside", (3,), (3,))
np_row("modf", (3,), domain=(1.1, 1.9), several=True)
np_row("frexp", (3,), domain=(1.1, 1.9), call=lambda x: np.frexp(x)[0])
np_row("ldexp", (3,), call=lambda x: np.ldexp(x, 3), linear=True)
np_row("divmod", (3,), (3,), domain=((5.2, 5.8), (2.05, 2.4)), several=True)
np_row("matmul", (2, 3), (3, 2), kinds=BOTH)
np_row("vecdot", (2, 3), (3,), kinds=BOTH)
np_row("matvec", (2, 3), (3,), kinds=BOTH)
np_row("vecmat", (2,), (2, 3), kinds=BOTH)

np_row("add.reduce", (2, 3), linear=True)
np_row("add.reduce-all", (2, 3), axis=None, keepdims=True, linear=True)
np_row("multiply.reduce", (2, 3))
np_row("maximum.reduce", (2, 3))
np_row("minimum.reduce", (2, 3), axis=(0, 1))
np_row("logaddexp.reduce", (2, 3))
np_row("add.accumulate", (2, 3), linear=True)
np_row("multiply.accumulate", (3, 2), axis=-1)
np_row("maximum.accumulate", (7,))
np_row("minimum.accumulate", (2, 5), axis=1)
np_row("logaddexp.accumulate", (5,))
np_row("multiply.outer", (2, 2), (3,))
np_row("add.outer", (2,), (3,), linear=True)
np_row("subtract.outer", (2,), (3,), linear=True)
np_row("logaddexp.outer", (2,), (2,))
np_row("maximum.outer", (2,), (2,))

np_row("add.reduceat", (6,), indices=[0, 2, 3], linear=True, kinds=BOTH)
np_row("add.reduceat-axis", (2, 5), indices=[3, 1, 1, 4, 0], axis=1, linear=True)

# Reductions -----------------------------------------------------------------------------------------------------------------------


def with_nan(reduction: str, **options: Any) -> Callable[..., Any]:
    """The function of an operand of which some elements were made nan."""

    def function(x: Any) -> Any:
        mask = [[True, False, False], [False, False, True]]
        return getattr(np, reduction)(np.where(mask, np.nan, x), **options)

    return function


np_row("sum", (2, 3), axis=0, kinds=BOTH, linear=True)
np_row("sum-keepdims", (2, 3), axis=(0, 1), keepdims=True, linear=True)
np_row("mean", (2, 3), axis=-1, kinds=BOTH, linear=True)
np_row("prod", (2, 3), axis=1, kinds=BOTH)
np_row("std", (2, 3), axis=1, ddof=1)
np_row("std-complex", (2, 3), call=lambda x: np.std(x, axis=1), kinds=COMPLEX)
np_row("var", (2, 3), axis=0, kinds=BOTH)
np_row("max", (2, 3), axis=1)
np_row("min", (2, 3), axis=(0, 1))
np_row("amax", (2, 3), axis=1)
np_row("amin", (2, 3), axis=0)
np_row("ptp", (2, 3), axis=1)
np_row("cumsum", (2, 3), axis=1, linear=True)
np_row("cumsum-flat", (2, 3), call=np.cumsum, linear=True)
np_row("cumprod", (2, 3), axis=1)
np_row("cumulative_sum", (3,), include_initial=True, linear=True)
np_row("cumulative_prod", (3,), include_initial=True)
CHOSEN = [[True, False, True], [False, True, True]]
np_row("sum-where", (2, 3), axis=1, where=CHOSEN, linear=True, kinds=BOTH)
np_row("sum-initial", (2, 3), (), call=lambda x, v: np.sum(x, axis=0, initial=v), linear=True)
np_row("prod-where", (2, 3), axis=1, where=CHOSEN, initial=2.0, kinds=BOTH)
np_row("mean-where", (2, 3), axis=0, where=CHOSEN, linear=True, kinds=BOTH)
np_row("max-where", (2, 3), axis=1, where=CHOSEN, initial=-3.0)
np_row("max-initial", (4,), (), call=lambda x, v: np.max(x, initial=v, keepdims=True) ** 2)
np_row("min-where", (2, 3), axis=(0, 1), where=CHOSEN[0], initial=3.0)
np_row("var-where", (2, 4), axis=1, ddof=1, where=[True, True, False, True], kinds=BOTH)
np_row("std-where", (2, 4), axis=1, where=[True, True, False, True])
np_row("nansum", (2, 3), call=with_nan("nansum", axis=0), linear=True)
np_row("nanprod", (2, 3), call=with_nan("nanprod", axis=1))
np_row("nanmean", (2, 3), call=with_nan("nanmean", axis=1), linear=True)
np_row("nanvar", (2, 3), call=with_nan("nanvar", axis=1))
np_row("nanstd", (2, 3), call=with_nan("nanstd", axis=1, ddof=1))
np_row("nanmax", (2, 3), call=with_nan("nanmax", axis=1))
np_row("nanmin", (2, 3), call=with_nan("nanmin", axis=1))
np_row("nancumsum", (2, 3), call=with_nan("nancumsum", axis=1), linear=True)
np_row("nancumprod", (2, 3), call=with_nan("nancumprod", axis=1))

# Statistics -----------------------------------------------------------------------------------------------------------------------

WEIGHTS = [0.5, 2.0, 0.7, 1.0, 0.4, 3.0, 1.5]
np_row("median", (2, 4), axis=1)
np_row("median-odd", (5, 2), axis=0, keepdims=True)
np_row("quantile", (5,), (2,), domain=("any", (0.1, 0.2)))
np_row("quantile-axes", (3, 2, 2), call=lambda x: np.quantile(x, [0.2, 0.9], axis=(0, 2)))
np_row("quantile-higher", (5,), call=lambda x: np.quantile(x, 0.3, method="higher"))
np_row("quantile-lower", (5,), call=lambda x: np.quantile(x, 0.3, method="lower"))
np_row("quantile-midpoint", (5,), call=lambda x: np.quantile(x, 0.3, method="midpoint"))
np_row("quantile-nearest", (6,), call=lambda x: np.quantile(x, 0.31, method="nearest"))
np_row("quantile-inverted", (2, 6), call=lambda x: np.quantile(x, [0.0, 0.31, 1.0], axis=1, method="inverted_cdf"))
np_row("quantile-weights", (7,), call=lambda x: np.quantile(x, [0.0, 0.31, 0.8], weights=WEIGHTS, method="inverted_cdf"))
np_row("percentile", (3, 4), call=lambda x: np.percentile(x, [10, 95], axis=1, keepdims=True))
np_row("nanmedian", (2, 3), call=with_nan("nanmedian", axis=1))
np_row("nanquantile", (2, 3), call=with_nan("nanquantile", q=0.3, axis=1))
np_row("nanpercentile", (2, 3), call=with_nan("nanpercentile", q=[30, 80], axis=0))
np_row("average", (2, 3), (3,), call=lambda x, w: np.average(x, axis=1, weights=w), domain=("any", "positive"))
np_row("average-axes", (2, 3), (3, 2), call=lambda x, w: np.average(x, axis=(1, 0), weights=w), domain=("any", "positive"))
np_row("average-unweighted", (2, 3), call=lambda x: np.average(x, axis=0), linear=True)
np_row("average-returned", (2,), (2,), call=lambda x, w: flat(np.average(x, weights=w, returned=True)), domain="positive")
np_row("cov", (2, 4), kinds=BOTH)
np_row("cov-two", (4,), (4,), bias=True)
np_row("cov-aweights", (2, 4), (4,), call=lambda x, w: np.cov(x, aweights=w), domain=("any", "positive"))
np_row("cov-weights", (2, 4), (4,), call=lambda x, w: np.cov(x, fweights=[1, 3, 0, 2], aweights=w), domain=("any", "positive"))
np_row("cov-fweights", (2, 3), fweights=[1, 3, 2], kinds=BOTH)
np_row("corrcoef", (3, 5), kinds=BOTH)
np_row("bincount", (4,), call=lambda w: np.bincount([0, 2, 0, 3], w, 6), linear=True)

# Shapes ---------------------------------------------------------------------------------------------------------------------------

np_row("reshape", (2, 3), call=lambda x: np.reshape(x, (3, -1)), linear=True)
np_row("reshape-columns", (2, 3, 2), call=lambda x: np.reshape(x, (3, -1), order="F"), linear=True)
np_row("ravel", (2, 3), linear=True)
np_row("ravel-columns", (2, 3), call=lambda x: np.ravel(x, order="F"), linear=True)
np_row("transpose", (2, 3, 1), linear=True)
np_row("transpose-axes", (2, 3, 1), axes=(1, 0, 2), linear=True)
np_row("matrix_transpose", (1, 2, 3), linear=True)
np_row("swapaxes", (2, 3, 1), axis1=0, axis2=-1, linear=True)
np_row("moveaxis", (2, 3, 1), source=[0, 1], destination=[-1, 0], linear=True)
np_row("rollaxis", (2, 3, 1), axis=2, linear=True)
np_row("squeeze", (1, 3, 1), linear=True)
np_row("expand_dims", (2, 3), axis=(0, -1), linear=True)
np_row("broadcast_to", (3,), shape=(2, 3), linear=True)
np_row("broadcast_arrays", (3,), (2, 1), several=True, linear=True)
np_row("meshgrid", (3,), (2,), several=True, linear=True)
np_row("meshgrid-sparse", (3,), (2,), (2,), sparse=True, several=True, linear=True)
np_row("atleast_1d", (), linear=True)
np_row("atleast_2d", (3,), linear=True)
np_row("atleast_3d", (2, 3), linear=True)
np_row("copy", (3,), linear=True)
np_row("flip", (2, 3), linear=True)
np_row("fliplr", (2, 3), linear=True)
np_row("flipud", (2, 3), linear=True)
np_row("roll", (2, 3), shift=2, axis=1, linear=True)
np_row("roll-axes", (2, 3), shift=1, axis=(0, 1), linear=True)
for _k in (1, 2, 3):
    np_row(f"rot90-{_k}", (2, 3), k=_k, linear=True)
np_row("repeat", (2, 3), repeats=2, axis=1, linear=True)
np_row("tile", (3,), reps=(2, 2), linear=True)
np_row("resize", (2, 2), new_shape=(3, 3), linear=True)
np_row("concatenate", (2, 3), (1, 3), call=lambda x, y: np.concatenate((x, y)), linear=True)
np_row("concatenate-flat", (2, 3), (2,), call=lambda x, y: np.concatenate([x, y, [1.0]], axis=None), linear=False)
np_row("stack", (3,), (3,), call=lambda x, y: np.stack([x, y], axis=1), linear=True)
np_row("vstack", (3,), (2, 3), call=lambda x, y: np.vstack((x, y)), linear=True)
np_row("hstack", (2, 1), (2, 3), call=lambda x, y: np.hstack((x, y)), linear=True)
np_row("hstack-vectors", (2,), (3,), call=lambda x, y: np.hstack((x, y)), linear=True)
np_row("dstack", (2, 3), (2, 3), call=lambda x, y: np.dstack((x, y)), linear=True)
np_row("column_stack", (2,), (2, 3), call=lambda x, y: np.column_stack((x, y)), linear=True)
np_row("block", (2, 2), (2, 1), (3,), call=lambda x, y, z: np.block([[x, y], [z]]), linear=True)
np_row("append", (3,), (2,), linear=True)
np_row("split", (4, 2), call=lambda x: np.split(x, 2), several=True, linear=True)
np_row("array_split", (5,), call=lambda x: np.array_split(x, 3), several=True, linear=True)
np_row("array_split-marks", (5,), call=lambda x: np.array_split(x, [1, 3])[1], linear=True)
np_row("hsplit", (2, 4), call=lambda x: np.hsplit(x, 2), several=True, linear=True)
np_row("vsplit", (4, 2), call=lambda x: np.vsplit(x, [1]), several=True, linear=True)
np_row("dsplit", (1, 2, 4), call=lambda x: np.dsplit(x, 2), several=True, linear=True)
np_row("unstack", (2, 3), call=lambda x: np.unstack(x, axis=1), several=True, linear=True)

# Selection ------------------------------------------------------------------------------------------------------------------------

np_row("where", (3,), (2, 3), call=lambda x, y: np.where([True, False, True], x, y), linear=True)
np_row("where-of-values", (3,), call=lambda x: np.where(x > 0, x * x, 0.0))
np_row("select", (4,), call=lambda x: np.select([x > 1, x > 0], [x**2, x**3], default=2.0))
np_row("piecewise", (4,), call=lambda x: np.piecewise(x, [x < 0, x > 1], [np.exp, 3.0, np.sin]))
np_row("choose", (3,), (3,), call=lambda x, y: np.choose([0, 1, 0], [x, y]), linear=True, cannot=())
np_row("clip", (5,), a_min=-0.9, a_max=0.9)
np_row("clip-bounds", (3,), (3,), call=lambda x, low: np.clip(x, low, None))
np_row("nan_to_num", (2, 3), call=with_nan("nan_to_num", nan=0.5), linear=False)
np_row("take", (3, 2), indices=[[0, 2], [1, 1]], axis=0, linear=True)
np_row("take-one", (3, 2), indices=-1, axis=1, linear=True)
np_row("take-flat", (3, 2), indices=[0, 5], linear=True)
np_row("take-wrap", (3, 2), indices=[[0, -7], [5, 1]], axis=0, mode="wrap", linear=True)
np_row("take-clip", (3, 2), indices=[[0, -7], [5, 1]], axis=0, mode="clip", linear=True)
np_row("take_along_axis", (2, 3), call=lambda x: np.take_along_axis(x, np.argsort(x, axis=1), axis=1), linear=False)
np_row("compress", (3, 2), call=lambda x: np.compress([True, False, True], x, axis=0), linear=True, uses=("masks",))
np_row("extract", (4,), call=lambda x: np.extract(x > 0, x), uses=("masks",))
np_row("delete", (4,), obj=[0, 2], linear=True)
np_row("delete-slice", (3, 4), obj=slice(1, 3), axis=1, linear=True)
np_row("insert", (4,), (2,), call=lambda x, v: np.insert(x, [1, 3], v), linear=True)
np_row("insert-row", (2, 3), (3,), call=lambda x, v: np.insert(x, 1, v, axis=0), linear=True)
np_row("insert-column", (2, 3), (2,), call=lambda x, v: np.insert(x, 2, v, axis=1), linear=True)
np_row("diag", (3,), k=-1, linear=True)
np_row("diag-above", (3,), k=2, linear=True)
np_row("diag-of-matrix", (3, 3), k=1, linear=True)
np_row("diagflat", (2, 2), k=1, linear=True)
np_row("diagonal", (2, 3, 2), axis1=0, axis2=2, linear=True)
np_row("tril", (3, 3), k=-1, linear=True)
np_row("triu", (3,), linear=True)
np_row("sort", (2, 3), axis=0)
np_row("select-weak-default", (4,), (4,), call=lambda x, y: np.select([x > y, y > 1], [x * y, y**2]))
np_row("partition", (3, 5), call=lambda x: in_three(np.partition(x, 2), 2), uses=("sorting",))
np_row("partition-axis", (5, 2), call=lambda x: in_three(np.partition(x, (1, -2), axis=0).T, 1), uses=("sorting",))
np_row("partition-flat", (2, 3), call=lambda x: in_three(np.partition(x, 3, axis=None), 3), uses=("sorting",))
np_row("argpartition", (5,), call=lambda x: np.sum(x[np.argpartition(x, 3)[:3]] ** 2), uses=("sorting",))
np_row("lexsort", (4, 2), call=lambda x: np.take(x, np.lexsort((x[:, 1], x[:, 0] > 0)), axis=0) ** 2, uses=("sorting",))
np_row("unravel_index", (2, 3), call=lambda x: x[np.unravel_index(np.argmax(x), x.shape)] ** 2)
np_row("ravel_multi_index", (2, 3), call=lambda x: np.take(x, np.ravel_multi_index((np.argmax(x, axis=1), [0, 1]), (3, 2))) ** 2)
np_row("ix_", (3, 3), call=lambda x: x[np.ix_(np.argsort(x[:, 0]), [0, 2])] ** 2, uses=("sorting",))
WINDOWS = "lib.stride_tricks.sliding_window_view"
np_row(WINDOWS, (5,), window_shape=3, linear=True, kinds=BOTH)
np_row(f"{WINDOWS}-few", (5,), window_shape=4, linear=True)
np_row(f"{WINDOWS}-axis", (2, 4, 2), window_shape=2, axis=1, linear=True)
np_row(f"{WINDOWS}-axes", (3, 2, 4), window_shape=(2, 3), axis=(0, -1), linear=True)
np_row(f"{WINDOWS}-all", (3, 4), window_shape=(2, 2), linear=True)
np_row(f"{WINDOWS}-twice", (2, 6), window_shape=(2, 3), axis=(1, 1), linear=True)
np_row("unique", (2, 3), **DISTINCT)
np_row("pad", (2, 3), call=lambda x: np.pad(x, ((1, 0), (2, 1))), linear=True)
np_row("pad-values", (3,), (), call=lambda x, v: np.pad(x, 2, constant_values=v), linear=True)
for _mode in ("edge", "reflect", "symmetric", "wrap"):
    np_row(f"pad-{_mode}", (2, 3), call=lambda x, mode=_mode: np.pad(x, ((1, 1), (2, 1)), mode), linear=True)

# In place -------------------------------------------------------------------------------------------------------------------------


def written(function: Callable[..., None], *arguments: Any, **options: Any) -> Callable[..., Any]:
    """The function of x and a value that has NumPy write the value, after `arguments`, into a copy of x."""

    def call(x: Any, value: Any) -> Any:
        y = np.array(x, **like(x))
        assert function(y, *arguments, value, **options) is None
        return y

    return call


def at_indices(x: Any, value: Any) -> Any:
    """x with a value written along its last axis where its largest elements are."""
    y = np.array(x, **like(x))
    np.put_along_axis(y, np.argsort(x, axis=1)[:, -1:], value, axis=1)
    return y


def at_flat_indices(x: Any, value: Any) -> Any:
    y = np.array(x, **like(x))
    np.put_along_axis(y, np.argsort(np.ravel(x))[1:3], value, None)
    return y


def only_where(x: Any, value: Any) -> Any:
    y = np.array(x, **like(x))
    np.copyto(y, value, where=x > 0)
    return y


np_row("fill_diagonal", (3, 3), (2,), call=written(np.fill_diagonal), linear=True, kinds=BOTH)
np_row("fill_diagonal-number", (3, 2), (), call=written(np.fill_diagonal), linear=True)
np_row("fill_diagonal-wrap", (5, 2), (3,), call=written(np.fill_diagonal, wrap=True), linear=True)
np_row("fill_diagonal-cube", (2, 2, 2), (2,), call=written(np.fill_diagonal), linear=True)
np_row("copyto", (2, 3), (3,), call=written(np.copyto), linear=True)
np_row("copyto-where", (2, 3), (3,), call=only_where)
np_row("put", (2, 3), (2,), call=written(np.put, [0, -1, 3]), linear=True)
np_row("put-repeated", (5,), (3,), call=written(np.put, [1, 1, 0]), linear=True, uses=("repeated writes",))
np_row("put-clip", (4,), (2,), call=written(np.put, [-3, 7], mode="clip"), linear=True)
np_row("put-wrap", (4,), (2,), call=written(np.put, [-3, 7], mode="wrap"), linear=True)
np_row("putmask", (5,), (2,), call=written(np.putmask, [True, False, True, False, True]), linear=True)
np_row("putmask-number", (2, 2), (), call=written(np.putmask, [[True, False], [True, True]]), linear=True)
np_row("place", (2, 3), (3,), call=written(np.place, [[True, False, True], [True, False, True]]), linear=True)
np_row("put_along_axis", (2, 3), (2, 1), call=at_indices, uses=("sorting",))
np_row("put_along_axis-flat", (2, 3), (2,), call=at_flat_indices, uses=("sorting",))
np_row("add.at", (4,), (3,), call=written(np.add.at, [0, 2, 0]), linear=True)
np_row("add.at-broadcast", (3, 2), (2,), call=written(np.add.at, [0, 2, 0]), linear=True)
np_row("add.at-places", (3, 2), (2,), call=written(np.add.at, ([0, 0], [1, 1])), linear=True)
np_row("subtract.at", (4,), (), call=written(np.subtract.at, [0, 2, 0]), linear=True)

# Calculus -------------------------------------------------------------------------------------------------------------------------

np_row("real", (3,), kinds=BOTH, linear=True)
np_row("imag", (3,), kinds=COMPLEX, linear=True)
np_row("angle", (3,), kinds=COMPLEX)
np_row("i0", (5,), cannot=NO_I0 + (() if SCIPY else NO_SCIPY))
np_row("sinc", (5,))
np_row("sinc-near-zero", (5,), call=np.sinc, domain=(-0.08, 0.09))
np_row("diff", (2, 4), n=2, linear=True)
np_row("diff-ends", (2, 3), (2, 1), call=lambda x, y: np.diff(x, prepend=y, append=0.5))
np_row("ediff1d", (4,), (2,), call=lambda x, y: np.ediff1d(x, to_begin=y), linear=True)
np_row("trapezoid", (2, 4), (4,), call=lambda y, x: np.trapezoid(y, x, axis=1))
np_row("trapezoid-dx", (4, 2), dx=0.5, axis=0, linear=True)
np_row("gradient", (4,), linear=True)
np_row("gradient-places", (5,), (5,), call=lambda f, x: np.gradient(f, np.cumsum(x)), domain=("any", "positive"))
np_row("gradient-axes", (3, 4), call=lambda f: np.gradient(f, 0.5, 2.0, edge_order=2), several=True, linear=True)
np_row("gradient-second", (4,), (4,), call=lambda f, x: np.gradient(f, np.cumsum(x), edge_order=2), domain=("any", "positive"))
np_row("unwrap", (6,), call=lambda x: np.unwrap(4.0 * x), domain="any")
np_row(
    "interp",
    (4,),
    (5,),
    (5,),
    call=lambda x, dx, f: np.interp(x, np.cumsum(dx), f),
    domain=((0.2, 3.0), (0.3, 0.7), "any"),
    order=2,
)
np_row("interp-ends", (4,), (3,), call=lambda x, f: np.interp(x, [0.5, 1.0, 1.4], f, left=2.0, right=-1.0), domain="positive")
np_row("interp-period", (4,), (3,), call=lambda x, f: np.interp(x, [0.1, 1.3, 0.7], f, period=1.45), domain="positive")
np_row("apply_along_axis", (2, 3), call=lambda x: np.apply_along_axis(lambda v: v * np.sum(v), 1, x))
np_row("apply_over_axes", (2, 3), call=lambda x: np.apply_over_axes(np.sum, x, [0, 1]), linear=True)
for _mode in ("full", "same", "valid"):
    np_row(f"convolve-{_mode}", (4,), (3,), mode=_mode, kinds=BOTH)
    np_row(f"convolve-{_mode}-swapped", (2,), (5,), mode=_mode)
    np_row(f"correlate-{_mode}", (5,), (2,), mode=_mode, kinds=BOTH)
    np_row(f"correlate-{_mode}-swapped", (2,), (5,), mode=_mode, kinds=BOTH)
    np_row(f"correlate-{_mode}-even-swapped", (4,), (7,), mode=_mode)
    np_row(f"convolve-{_mode}-even", (5,), (4,), mode=_mode)
    np_row(f"convolve-{_mode}-one", (3,), (1,), mode=_mode)
    np_row(f"convolve-{_mode}-equal", (3,), (3,), mode=_mode, kinds=BOTH)
np_row("polyval", (3,), (2, 2))
np_row("polyadd", (3,), (2,), linear=True)
np_row("polysub", (2,), (4,), linear=True)
np_row("polymul", (3,), (2,))
np_row("polyder", (4,), m=2, linear=True)
np_row("polyint", (3,), call=lambda p: np.polyint(p, 2, [1.0, 2.0]))
np_row("poly", (3,))
np_row("polyfit", (5,), (5,), (5,), call=lambda x, y, w: np.polyfit(x, y, 2, w=w), domain=("any", "any", "positive"))
np_row("vander", (3,), N=4)
np_row("vander-increasing", (3,), increasing=True)
np_row("linspace", (2,), (2,), num=4, linear=True)
np_row("linspace-step", (), (), call=lambda a, b: flat(np.linspace(a, b, 3, endpoint=False, retstep=True)), linear=True)
np_row("logspace", (), (), num=4)
np_row("geomspace", (), (), num=4, domain="positive")

# Products -------------------------------------------------------------------------------------------------------------------------

np_row("dot", (2, 3), (3, 2), kinds=BOTH)
np_row("dot-many", (2, 3), (2, 3, 2))
np_row("dot-vector", (2, 3), (3,))
np_row("vdot", (2, 3), (2, 3), kinds=BOTH)
np_row("inner", (2, 3), (1, 3), kinds=BOTH)
np_row("outer", (2, 2), (3,), kinds=BOTH)
np_row("kron", (2, 2), (3,), kinds=BOTH)
np_row("tensordot", (2, 3, 2), (3, 2), axes=([1, 2], [0, 1]))
np_row("tensordot-one", (2, 3), (3, 2), axes=1)
np_row("einsum", (2, 3), (3, 2), call=lambda x, y: np.einsum("ij,jk->ik", x, y), kinds=BOTH)
np_row("einsum-lists", (2, 3), (3, 2), call=lambda x, y: np.einsum(x, [30, 1], y, [1, 2]), kinds=BOTH)
np_row("einsum-lists-output", (2, 3), (2, 3), call=lambda x, y: np.einsum(x, [Ellipsis, 4], y, [Ellipsis, 4], [Ellipsis]))
np_row("trace", (2, 3, 2), axis1=0, axis2=2, linear=True)
np_row("cross", (2, 3), (3,))

# numpy.linalg ---------------------------------------------------------------------------------------------------------------------


DIAGONAL = (3 * np.eye(4)).reshape(2, 2, 4).tolist()


def spd(x: Any) -> Any:
    """A Hermitian positive definite matrix, made of any."""
    return np.add(x @ np.conj(np.matrix_transpose(x)), np.eye(x.shape[-1]).tolist())


np_row("linalg.det", (3, 3), kinds=BOTH)
np_row("linalg.inv", (2, 3, 3), kinds=BOTH)
np_row("linalg.solve", (3, 3), (3,), kinds=BOTH)
np_row("linalg.solve-columns", (3, 3), (3, 2))
np_row("linalg.slogdet", (3, 3), call=lambda x: np.linalg.slogdet(x)[1])
np_row("linalg.eigh", (3, 3), call=lambda x: np.linalg.eigh(x + x.T)[0])
np_row("linalg.eigvalsh", (3, 3), call=lambda x: np.linalg.eigvalsh(x + x.T))
np_row("linalg.eig", (3, 3), call=lambda x: np.real(np.linalg.eig(spd(x))[0]))
np_row("linalg.eigvals", (3, 3), call=lambda x: np.real(np.linalg.eigvals(spd(x))))
np_row("linalg.svd", (3, 2), call=lambda x: np.linalg.svd(x, compute_uv=False))
np_row("linalg.svdvals", (2, 3))
np_row("linalg.qr", (3, 2), call=lambda x: np.abs(np.linalg.qr(x, mode="r")[0, :]))
np_row("linalg.cholesky", (3, 3), call=lambda x: np.linalg.cholesky(spd(x)))
np_row("linalg.pinv", (3, 2))
np_row("linalg.lstsq", (4, 2), (4,), call=lambda a, b: np.linalg.lstsq(a, b)[0])
np_row("linalg.lstsq-residuals", (4, 2), (4,), call=lambda a, b: np.linalg.lstsq(a, b)[1])
np_row("linalg.norm", (2, 3))
np_row("linalg.norm-1", (2, 3), ord=1, axis=1)
np_row("linalg.norm-nuc", (2, 3), ord="nuc")
np_row("linalg.matrix_norm", (2, 3))
np_row("linalg.vector_norm", (2, 3), axis=1, ord=3)
np_row("linalg.matrix_power", (2, 2), n=3)
np_row("linalg.multi_dot", (2, 3), (3, 1), (1, 2), call=lambda *x: np.linalg.multi_dot(x))
np_row("linalg.cond", (2, 2))
np_row("linalg.cond-1", (2, 2), p=1)
np_row("linalg.tensorinv", (2, 2, 4), ind=2)
np_row("linalg.tensorsolve", (2, 2, 4), (2, 2), call=lambda a, b: np.linalg.tensorsolve(np.add(a, DIAGONAL), b))
np_row("linalg.outer", (2,), (3,))
np_row("linalg.cross", (2, 3), (2, 3))
np_row("linalg.trace", (2, 3, 3), linear=True)
np_row("linalg.diagonal", (2, 3, 3), offset=1, linear=True)
np_row("linalg.matmul", (2, 3), (3, 2))
np_row("linalg.vecdot", (2, 3), (2, 3), axis=0)
np_row("linalg.tensordot", (2, 3), (3, 2), axes=1)
np_row("linalg.matrix_transpose", (2, 3), linear=True)

# numpy.fft ------------------------------------------------------------------------------------------------------------------------

for _name in ("fft", "ifft", "hfft"):
    np_row(f"fft.{_name}", (2, 4), n=5, axis=0, kinds=BOTH, linear=True)
np_row("fft.rfft", (2, 4), norm="ortho", linear=True)
np_row("fft.ihfft", (4,), linear=True)
np_row("fft.irfft", (2, 4), kinds=BOTH, linear=True)
for _name in ("fftn", "ifftn", "fft2", "ifft2", "irfftn", "irfft2"):
    np_row(f"fft.{_name}", (2, 3), kinds=BOTH, linear=True)
np_row("fft.rfftn", (2, 3), s=(2, 4), axes=(0, 1), linear=True)
np_row("fft.rfft2", (1, 2, 3), linear=True)
np_row("fft.fftshift", (5,), linear=True)
np_row("fft.ifftshift", (2, 5), axes=1, linear=True)

# Creation -------------------------------------------------------------------------------------------------------------------------

np_row("full_like", (3,), (), call=lambda x, v: np.full_like(x, v) + 0 * x, linear=True)
np_row("full", (3,), (), call=lambda x, v: x * np.full(3, v, **like(x)))
np_row("asarray", (), (), call=lambda x, y: np.asarray([x, y], **like(x)), linear=True)
np_row("array", (), (), call=lambda x, y: np.array([[x, y], [1.0, x]], **like(x)))


def like(x: Any) -> dict[str, Any]:
    """like=x where x is no plain array, of which `like` would make no difference."""
    return {} if isinstance(x, (np.ndarray, np.generic)) else {"like": x}
