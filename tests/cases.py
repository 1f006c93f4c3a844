"""The table of operations: one row or more for each differentiable one. What a row is: table.py.

Families with many rows have modules of their own: cases_linalg.py, cases_decompositions.py, cases_fft.py, cases_layers.py.
"""

from __future__ import annotations

import importlib.util
import itertools
import math
from collections.abc import Callable
from typing import Any

import cases_decompositions  # noqa: F401 (its rows)
import cases_fft  # noqa: F401
import cases_layers  # noqa: F401
import cases_linalg  # noqa: F401
import cases_special  # noqa: F401
import numpy as np
from table import BOTH, CASES, COMPLEX, REAL, Case, Shape, called, row

import clumsygrad as cg
from clumsygrad import activation, loss
from clumsygrad._numpy import sliding
from clumsygrad.forward import elementwise, products, reductions

__all__ = ["BOTH", "CASES", "COMPLEX", "REAL", "Case"]

# Elementwise functions of one operand --------------------------------------------------------------------------------------------


def unary(name: str, rule: str | None = None, **options: Any) -> None:
    row(name, called(name), (2, 3), rules=rule or name, strided=True, **options)


unary("exp", kinds=BOTH)
unary("expm1", kinds=BOTH)
unary("log", domain="positive", kinds=BOTH)
unary("log1p", domain="unit", kinds=BOTH)
unary("log2", domain="positive", kinds=BOTH)
unary("log10", domain="positive", kinds=BOTH)
unary("sqrt", domain="positive", kinds=BOTH)
unary("square", kinds=BOTH)
unary("reciprocal", kinds=BOTH)
unary("sin", kinds=BOTH)
unary("cos", kinds=BOTH)
unary("tan", domain="unit", kinds=BOTH)
unary("asin", domain="unit", kinds=BOTH)
unary("acos", domain="unit", kinds=BOTH)
unary("atan", domain="unit", kinds=BOTH)
unary("sinh", kinds=BOTH)
unary("cosh", kinds=BOTH)
unary("tanh", domain="unit", kinds=BOTH)
unary("asinh", domain="unit", kinds=BOTH)
unary("acosh", domain="above one", kinds=BOTH)
unary("atanh", domain="unit", kinds=BOTH)
unary("abs", kinds=BOTH)
unary("sign", kinds=BOTH)
unary("real", kinds=BOTH, linear=True)
unary("imag", kinds=COMPLEX, linear=True)
row(
    "imag-of-real",
    called("imag"),
    (2, 3),
    rules="imag",
    linear=True,
    cannot=tuple((name, "takes the imaginary part of complex numbers alone") for name in ("strict", "strict-device1", "torch")),
)
unary("conj", kinds=BOTH, linear=True)
unary("negative", "negate", kinds=BOTH, linear=True)
unary("positive", kinds=BOTH, linear=True)
for _name in ("floor", "ceil", "trunc"):
    unary(_name, "zero", domain=(1.1, 1.9))
unary("round", "zero", domain=(1.6, 1.9))

for _name in ("exp", "abs", "sign", "sqrt", "tanh", "square", "negative"):
    _rule = {"negative": "negate"}.get(_name, _name)
    row(f"{_name}-0d", called(_name), (), rules=_rule, domain="unit" if _name == "tanh" else "positive")
    row(f"{_name}-empty", called(_name), (0, 2), rules=_rule, domain="positive", minor=True)

# log and sqrt of negative real parts: the complex functions' other half plane
row("log-left-half-plane", called("log"), (3,), rules="log", domain=(-1.7, -0.3), kinds=COMPLEX)
row("sqrt-left-half-plane", called("sqrt"), (3,), rules="sqrt", domain=(-1.7, -0.3), kinds=COMPLEX)
row("acosh-left-half-plane", called("acosh"), (3,), rules="acosh", domain=(-1.7, -0.3), kinds=COMPLEX)

row("neg-operator", lambda xp, x: -x, (3,), rules="negate", linear=True)
row("pos-operator", lambda xp, x: +x, (3,), rules="positive", linear=True)
row("abs-operator", lambda xp, x: abs(x), (3,), rules="abs")

row("astype-complex", lambda xp, x: xp.astype(x, xp.complex128), (2, 3), rules="astype", linear=True)
row("astype-same", lambda xp, x: xp.astype(x, x.dtype), (2, 3), rules="astype", linear=True)
row("asarray", lambda xp, x: xp.asarray(x, dtype=xp.complex128), (2,), rules="astype", linear=True)
row("asarray-copy", lambda xp, x: xp.asarray(x, copy=True), (2,), rules="astype", linear=True)


# Elementwise functions of two operands -------------------------------------------------------------------------------------------

PAIRS: tuple[tuple[Shape, Shape], ...] = (
    ((2, 3), (2, 3)),
    ((2, 3), (3,)),
    ((3,), (2, 3)),
    ((2, 1), (1, 3)),
    ((2, 3), ()),
    ((), (2, 3)),
    ((1, 1), (3,)),
    ((1,), ()),
    ((), ()),
    ((0, 3), (1, 3)),
    ((2, 1, 3), (4, 1)),
)


def _of_shapes(name: str, x: Shape, y: Shape) -> str:
    return f"{name}-{'x'.join(map(str, x)) or '0d'}-{'x'.join(map(str, y)) or '0d'}"


def binary(name: str, rule: str, broadcast: str | None = None, pairs: Any = PAIRS, **options: Any) -> None:
    """A row for each pair of shapes."""
    for number, (x, y) in enumerate(pairs):
        rules = rule if x == y or not broadcast else broadcast
        row(_of_shapes(name, x, y), called(name), x, y, rules=rules, minor=number not in (0, 3, 5), **options)


def scalars(name: str, rule: str, **options: Any) -> None:
    """A Python scalar on either side, handed to the function."""
    row(f"{name}-scalar-right", lambda xp, x: getattr(xp, name)(x, 0.9), (2, 2), rules=rule, **options)
    row(f"{name}-scalar-left", lambda xp, x: getattr(xp, name)(0.9, x), (2, 2), rules=rule, **options)


binary("add", "add", "add_broadcast", kinds=BOTH, linear=True)
binary("subtract", "sub", "sub_broadcast", kinds=BOTH, linear=True)
binary("multiply", "mul", "mul_broadcast", kinds=BOTH)
binary("divide", "divide", kinds=BOTH)
binary("pow", "power", domain="positive", kinds=BOTH)
binary("atan2", "atan2")
binary("hypot", "hypot")
binary("logaddexp", "logaddexp")
binary("copysign", "copysign", linear=False)
binary("maximum", "maximum")
binary("minimum", "minimum")
binary("remainder", "remainder", domain=((5.2, 5.8), (2.05, 2.4)))
_FEW = (((2, 3), (2, 3)), ((2, 1), (3,)), ((0, 3), ()))
binary("nextafter", "nextafter", pairs=_FEW, order=2, domain="positive", linear=True)
binary("floor_divide", "zero", pairs=_FEW, domain=((5.2, 5.8), (2.05, 2.4)))
row("remainder-negative", called("remainder"), (3,), (3,), rules="remainder", domain=((-5.8, -5.2), (2.05, 2.4)))
row("remainder-scalar", lambda xp, x: x % 0.7, (3,), rules="remainder", domain=(1.5, 2.0))
row("remainder-of-scalar", lambda xp, x: 7.0 % x, (3,), rules="remainder", domain=(2.5, 3.2))
row("floor_divide-scalar", lambda xp, x: x // 0.7, (3,), rules="zero", domain=(1.5, 2.0))

scalars("maximum", "maximum")
scalars("minimum", "minimum")
scalars("hypot", "hypot")
scalars("atan2", "atan2")
scalars("logaddexp", "logaddexp")
scalars("copysign", "copysign")

for _symbol, _operator, _rule in (
    ("plus", lambda x, y: x + y, "add_scalar"),
    ("minus", lambda x, y: x - y, "sub_scalar"),
    ("times", lambda x, y: x * y, "mul_scalar"),
    ("over", lambda x, y: x / y, "divide"),
):
    row(f"x-{_symbol}-float", lambda xp, x, f=_operator: f(x, 1.5), (2, 2), rules=_rule, kinds=BOTH)
    row(f"float-{_symbol}-x", lambda xp, x, f=_operator: f(1.5, x), (2, 2), rules=_rule, kinds=BOTH)
    row(f"x-{_symbol}-int", lambda xp, x, f=_operator: f(x, 2), (), rules=_rule, kinds=BOTH)
    row(f"x-{_symbol}-complex", lambda xp, x, f=_operator: f(x, 1.5 - 0.5j), (2, 2), rules=_rule, kinds=COMPLEX)
    row(f"complex-{_symbol}-x", lambda xp, x, f=_operator: f(0.5 + 2j, x), (2, 2), rules=_rule, kinds=COMPLEX)
    row(f"real-{_symbol}-complex", lambda xp, x, f=_operator: f(x, 1.5 - 0.5j), (2, 2), rules=f"{_rule} astype")
for _name, _rule in (("add", "add_scalar"), ("subtract", "sub_scalar"), ("multiply", "mul_scalar"), ("divide", "divide")):
    scalars(_name, _rule)

for _n in (2, 3, 1, 0, -1, -2, 0.5, -1.5, 2.0):
    row(
        f"x-to-the-{_n}",
        lambda xp, x, n=_n: x**n,
        (2, 2),
        rules="power",
        domain="positive",
        kinds=BOTH,
        minor=_n not in (2, 0, 0.5),
    )
for _n in (2, 3, -1, -2):
    row(f"negative-x-to-the-{_n}", lambda xp, x, n=_n: x**n, (2, 2), rules="power", domain=(-1.7, -0.3), minor=_n not in (3, -1))
row("x-to-the-complex", lambda xp, x: x ** (1.5 + 0.5j), (3,), rules="power", domain="positive", kinds=COMPLEX)
row("2-to-the-x", lambda xp, x: 2.0**x, (2, 2), rules="power", kinds=BOTH)
row("complex-to-the-x", lambda xp, x: (1.0 + 0.5j) ** x, (2, 2), rules="power", kinds=COMPLEX)
row("pow-array-exponents", lambda xp, x, n: x**n, (4,), rules="power", constants=(np.array([0.0, 1.0, 2.0, -3.0]),))
row("pow-array-base", lambda xp, y, x: x**y, (3,), rules="power", constants=(np.array([0.5, 1.0, 2.0]),), uses=("array first",))
row("pow-same-tensor", lambda xp, x: x**x, (3,), rules="power", domain="positive")
row("square-by-multiply", lambda xp, x: x * x, (3,), rules="mul", kinds=BOTH)
row("times-array", lambda xp, x, c: x * c, (2, 3), rules="mul_broadcast", constants=(np.array([0.5, -1.0, 2.0]),), linear=True)
row("array-minus", lambda xp, x, c: c - x, (2, 3), rules="sub_broadcast", constants=(np.full((2, 3), 2.0),), uses=("array first",))
row(
    "complex-constant",
    lambda xp, x, c: x * c,
    (2,),
    rules="mul_broadcast astype",
    constants=(np.array([1.0 + 2.0j, -1.0j]),),
    linear=True,
)

_MASK = np.array([[True, False, True], [False, False, True]])
for _x, _y in (((2, 3), (2, 3)), ((3,), (2, 1)), ((), (2, 3)), ((2, 3), ()), ((), ())):
    row(
        _of_shapes("where", _x, _y),
        lambda xp, x, y, c: xp.where(c, x, y),
        _x,
        _y,
        rules="where",
        constants=(_MASK,),
        kinds=BOTH,
        linear=True,
        minor=() in (_x, _y),
    )
row(
    "where-condition-broadcasts",
    lambda xp, x, y, c: xp.where(c, x, y),
    (2, 3),
    (3,),
    rules="where",
    constants=(_MASK[:1],),
    linear=True,
)
row("where-scalar", lambda xp, x, c: xp.where(c, x, 2.0), (2, 3), rules="where", constants=(_MASK,))
row("where-of-scalar", lambda xp, x, c: xp.where(c, 2.0, x), (2, 3), rules="where", constants=(_MASK,))
row("where-own-condition", lambda xp, x: xp.where(x > 0, x * x, -x), (2, 3), rules="where mul negate")

row("clip-scalars", lambda xp, x: xp.clip(x, -0.65, 0.85), (3, 4), rules="clip", constants=())
row("clip-low", lambda xp, x: xp.clip(x, min=-0.65), (3, 4), rules="clip")
row("clip-high", lambda xp, x: xp.clip(x, max=0.85), (3, 4), rules="clip")
row("clip-nothing", lambda xp, x: xp.clip(x), (3,), rules="clip", linear=True)
row(
    "clip-tensors",
    lambda xp, x, a, b: xp.clip(x, a, b),
    (3, 4),
    (4,),
    (3, 1),
    rules="clip",
    domain=("any", (-1.2, -0.3), (0.3, 1.2)),
)
row("clip-crossed-bounds", lambda xp, x, a, b: xp.clip(x, a, b), (6,), (6,), (6,), rules="clip", uses=("crossed bounds",))
row("clip-tensor-and-scalar", lambda xp, x, a: xp.clip(x, a, 0.85), (3, 4), (), rules="clip", domain=("any", (-1.2, -0.3)))


# Reductions ----------------------------------------------------------------------------------------------------------------------

AXES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("all", {}),
    ("axis=0", {"axis": 0}),
    ("axis=-1-keepdims", {"axis": -1, "keepdims": True}),
    ("axis=(0,-1)", {"axis": (0, -1)}),
    ("axis=(-1,0)-keepdims", {"axis": (-1, 0), "keepdims": True}),
    ("all-keepdims", {"keepdims": True}),
)


def logsumexp_by_numpy(x: np.ndarray, *, axis: Any = None, keepdims: bool = False) -> np.ndarray:
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


def reduction(name: str, rule: str, reference: Callable[..., Any] | None = None, empty: bool = True, **options: Any) -> None:
    """A row for each form of `axis`, for 0-d, and for an empty operand."""

    def add(label: str, shape: Shape, attributes: dict[str, Any], **more: Any) -> None:
        by_numpy = (lambda x: reference(x, **attributes)) if reference else None
        row(f"{name}-{label}", called(name, **attributes), shape, rules=rule, reference=by_numpy, **options, **more)

    for label, attributes in AXES:
        add(label, (2, 3, 2), attributes, strided=label == "axis=0", minor=label not in ("all", "axis=0", "axis=(-1,0)-keepdims"))
    add("0d", (), {}, minor=True)
    if empty:
        add("empty-to-nothing", (2, 0), {"axis": 0}, minor=True)


reduction("sum", "sum", kinds=BOTH, linear=True)
reduction("mean", "mean", kinds=BOTH, linear=True)
reduction("prod", "prod", kinds=BOTH)
reduction("max", "max")
reduction("min", "max")
reduction("var", "var", empty=False)
row("var-of-nothing", called("var", axis=0), (2, 0), rules="var", cannot=(("torch", "torch warns of too few elements"),))
reduction("logsumexp", "logsumexp", logsumexp_by_numpy)
for _label, _attributes in AXES:
    row(f"std-{_label}", called("std", **_attributes), (2, 3, 2), rules="std", minor="all" not in _label)
for _name in ("var", "std"):
    row(f"{_name}-correction", called(_name, axis=1, correction=1), (2, 4), rules=_name)
    row(
        f"{_name}-fractional-correction",
        called(_name, correction=0.5),
        (4,),
        rules=_name,
        cannot=(("torch", "array_api_compat.torch has no fractional correction in std"),) if _name == "std" else (),
    )
for _x in ((3, 2), (1, 4), (0, 2)):
    row(
        f"sum-of-rows-{_x[0]}x{_x[1]}",
        lambda xp, x: reductions.sum_of_rows(x),
        _x,
        rules="sum_of_rows",
        kinds=BOTH,
        linear=True,
        reference=lambda x: np.sum(x, 0),
        strided=0 not in _x,
    )
row("sum-of-empty", called("sum"), (0, 2), rules="sum", linear=True)
row("sum-of-empty-axis", called("sum", axis=0), (0, 2), rules="sum", linear=True)
row("prod-of-empty-axis", called("prod", axis=0), (0, 2), rules="prod")
row("sum-no-axes", called("sum", axis=()), (2, 2), rules="sum", linear=True)
row("sum-dtype", lambda xp, x: xp.sum(x, axis=0, dtype=xp.complex128), (2, 3), rules="sum astype", linear=True)
row("prod-dtype", lambda xp, x: xp.prod(x, dtype=xp.complex128), (3,), rules="prod astype")
row("max-of-one", called("max"), (1,), rules="max", linear=True)

for _name in ("cumulative_sum", "cumulative_prod"):
    _options = {"kinds": BOTH, "linear": _name == "cumulative_sum", "rules": _name}
    row(f"{_name}-1d", called(_name), (5,), **_options)
    row(f"{_name}-1d-initial", called(_name, include_initial=True), (5,), **_options)
    row(f"{_name}-axis=0", called(_name, axis=0), (4, 2), strided=True, **_options)
    row(f"{_name}-axis=-1-initial", called(_name, axis=-1, include_initial=True), (2, 3), **_options)
    row(f"{_name}-axis=1", called(_name, axis=1), (2, 3, 2), **_options)
    row(f"{_name}-empty", called(_name), (0,), **_options)
    row(f"{_name}-empty-initial", called(_name, axis=0, include_initial=True), (0, 2), **_options)
row(
    "cumulative_sum-dtype",
    lambda xp, x: xp.cumulative_sum(x, dtype=xp.complex128),
    (3,),
    rules="cumulative_sum astype",
    linear=True,
)

for _label, _attributes in {"": {}, "-axis": {"axis": 1}, "-axes": {"axis": (0, -1), "keepdims": True}}.items():
    row(
        f"median{_label}",
        called("median", **_attributes),
        (3, 4, 2),
        rules="sort getitem add mul_scalar where",
        uses=("sorting", "gather"),
        reference=lambda x, attributes=_attributes: np.median(x, **attributes),
    )
for _name in ("unique_all", "unique_counts", "unique_inverse", "unique_values"):
    row(
        _name,
        lambda xp, x, name=_name: getattr(xp, name)(x) if name == "unique_values" else getattr(xp, name)(x)[0],
        (2, 3),
        rules="take reshape",
        uses=("distinct",),
        cannot=(("jax-jit", "how many distinct values there are is read on the host"),),
        reference=np.unique,
    )
row("median-odd", called("median"), (5,), rules="sort getitem", uses=("sorting", "gather"), reference=np.median)
row(
    "bincount",
    lambda xp, w, x: xp.bincount(x, w, 6),
    (5,),
    rules="scatter_add",
    constants=(np.array([0, 3, 1, 3, 0]),),
    uses=("scatter", "bins"),
    cannot=(("jax-jit", "how many bins there are is read on the host"),),
    reference=lambda w, x: np.bincount(x, w, 6).astype(w.dtype),
    linear=True,
)
row("diff", called("diff"), (2, 4), rules="diff", linear=True)
row("diff-of-two", called("diff"), (2, 2), rules="diff", linear=True)
row("diff-of-one", called("diff"), (2, 1), rules="diff", linear=True)
row("diff-twice", called("diff", axis=0, n=2), (4, 2), rules="diff", linear=True)
row("diff-prepend", lambda xp, x, y: xp.diff(x, prepend=y), (2, 3), (2, 1), rules="diff concat", kinds=BOTH, linear=True)
row("diff-append", lambda xp, x, y: xp.diff(x, axis=0, append=y), (2, 3), (1, 3), rules="diff concat", linear=True)


# Shapes, copies, joins, sorts ----------------------------------------------------------------------------------------------------


def linear(name: str, function: Callable[..., Any], *shapes: Shape, rules: str, **options: Any) -> None:
    row(name, function, *shapes, rules=rules, linear=True, **{"kinds": BOTH, **options})


linear("pad", called("pad", pad_width=1), (2, 3), rules="scatter_add", reference=lambda x: np.pad(x, 1))
row(
    "pad-constants",
    called("pad", pad_width=((0, 1), (2, 0)), constant_values=((0, 1.5), (2.5, 0))),
    (2, 3),
    rules="concat",
    reference=lambda x: np.pad(x, ((0, 1), (2, 0)), constant_values=((0, 1.5), (2.5, 0))),
)
linear("reshape", lambda xp, x: xp.reshape(x, (3, 2)), (2, 3), rules="reshape", strided=True)
linear("reshape-flat", lambda xp, x: xp.reshape(x, (-1,)), (2, 3), rules="reshape")
linear("reshape-0d", lambda xp, x: xp.reshape(x, (1, 1)), (), rules="reshape")
linear("reshape-empty", lambda xp, x: xp.reshape(x, (3, 0)), (0, 2), rules="reshape")
linear("expand_dims", lambda xp, x: xp.expand_dims(x, axis=1), (2, 3), rules="reshape")
linear("expand_dims-negative", lambda xp, x: xp.expand_dims(x, axis=-1), (2, 3), rules="reshape")
linear("squeeze", lambda xp, x: xp.squeeze(x, axis=1), (2, 1, 3), rules="reshape")
linear("squeeze-several", lambda xp, x: xp.squeeze(x, axis=(0, -1)), (1, 3, 1), rules="reshape")
linear("permute_dims", lambda xp, x: xp.permute_dims(x, (2, 0, 1)), (2, 3, 4), rules="transpose", strided=True)
linear(
    "permute_dims-negative",
    lambda xp, x: xp.permute_dims(x, (-1, 0, -2)),
    (2, 3, 4),
    rules="transpose",
    cannot=(("jax", "JAX knows no negative axes here"), ("jax-jit", "JAX knows no negative axes here")),
)
linear("matrix_transpose", called("matrix_transpose"), (2, 3, 4), rules="transpose")
linear("T", lambda xp, x: x.T, (2, 3), rules="transpose")
linear("mT", lambda xp, x: x.mT, (2, 3, 4), rules="transpose")
linear("moveaxis", lambda xp, x: xp.moveaxis(x, 0, -1), (2, 3, 4), rules="moveaxis")
linear("moveaxis-several", lambda xp, x: xp.moveaxis(x, (0, -1), (1, 0)), (2, 3, 4), rules="moveaxis")
linear("broadcast_to", lambda xp, x: xp.broadcast_to(x, (2, 4, 3)), (4, 1), rules="broadcast_to")
linear("broadcast_to-0d", lambda xp, x: xp.broadcast_to(x, (2, 3)), (), rules="broadcast_to")
linear("broadcast_arrays", lambda xp, x, y: sum(xp.broadcast_arrays(x, y)), (2, 1), (3,), rules="broadcast_to")
linear("flip", called("flip"), (2, 3), rules="flip")
linear("flip-axis", called("flip", axis=-1), (2, 3), rules="flip", strided=True)
linear("flip-axes", called("flip", axis=(0, -1)), (2, 3, 2), rules="flip")
linear("roll", lambda xp, x: xp.roll(x, 2), (2, 3), rules="roll")
linear("roll-axis", lambda xp, x: xp.roll(x, -1, axis=-1), (2, 3), rules="roll")
linear("roll-axes", lambda xp, x: xp.roll(x, (1, -2), axis=(0, 1)), (2, 3), rules="roll")
linear("concat", lambda xp, x, y: xp.concat([x, y]), (2, 3), (1, 3), rules="concat")
linear("concat-axis", lambda xp, x, y, z: xp.concat((x, y, z), axis=-1), (2, 1), (2, 3), (2, 0), rules="concat")
linear("concat-flat", lambda xp, x, y: xp.concat([x, y], axis=None), (2, 2), (3,), rules="concat")
linear("concat-twice-the-same", lambda xp, x: xp.concat([x, x]), (3,), rules="concat")
linear("stack", lambda xp, x, y: xp.stack([x, y]), (2, 3), (2, 3), rules="stack")
linear("stack-axis", lambda xp, x, y: xp.stack([x, y], axis=-1), (2, 3), (2, 3), rules="stack")
linear("stack-0d", lambda xp, x, y: xp.stack([x, y]), (), (), rules="stack")
linear("asarray-nested", lambda xp, x, y: xp.stack([xp.stack([x, y]), xp.stack([y, x])]), (), (), rules="stack")
linear("unstack", lambda xp, x: xp.unstack(x)[0] - xp.unstack(x)[1], (2, 3), rules="getitem sub")
linear("unstack-axis", lambda xp, x: xp.unstack(x, axis=-1)[2], (2, 3), rules="getitem")
linear("meshgrid", lambda xp, x, y: sum(xp.meshgrid(x, y)), (2,), (3,), rules="broadcast_to reshape add")
linear("meshgrid-ij", lambda xp, x, y, z: sum(xp.meshgrid(x, y, z, indexing="ij")), (2,), (3,), (2,), rules="broadcast_to reshape")
linear("repeat", lambda xp, x: xp.repeat(x, 2), (2, 3), rules="repeat", cannot=(("dask", "dask.array repeats along an axis only"),))
linear("repeat-axis", lambda xp, x: xp.repeat(x, 3, axis=-1), (2, 3), rules="repeat")
linear("repeat-0-times", lambda xp, x: xp.repeat(x, 0), (3,), rules="repeat")
linear("repeat-array", lambda xp, x, n: xp.repeat(x, n), (3,), rules="repeat", constants=(np.array([2, 0, 3]),), uses=("repeats",))
linear(
    "repeat-array-axis",
    lambda xp, x, n: xp.repeat(x, n, axis=1),
    (2, 3),
    rules="repeat",
    constants=(np.array([1, 2, 0]),),
    uses=("repeats",),
)
linear("tile", lambda xp, x: xp.tile(x, (2, 1, 3)), (2, 2), rules="tile")
linear("tile-fewer", lambda xp, x: xp.tile(x, (2,)), (2, 3), rules="tile")
linear("tril", called("tril"), (3, 4), rules="tril", uses=("triangles",))
linear("tril-k", called("tril", k=-1), (2, 3, 3), rules="tril", uses=("triangles",))
linear("triu", called("triu"), (3, 4), rules="triu", uses=("triangles",))
linear("triu-k", called("triu", k=1), (2, 3, 3), rules="triu", uses=("triangles",))
for _label, _attributes in (
    ("", {}),
    ("-descending", {"descending": True}),
    ("-axis=0", {"axis": 0}),
    ("-axis=-2-descending", {"axis": -2, "descending": True}),
    ("-unstable", {"stable": False}),
):
    row(f"sort{_label}", called("sort", **_attributes), (3, 4), rules="sort", uses=("sorting",), strided=_label == "-axis=0")


# Reading and writing elements ----------------------------------------------------------------------------------------------------

_TWICE = np.array([2, 0, 2, -1])


def read(name: str, key: Any, shape: Shape, **options: Any) -> None:
    linear(f"getitem-{name}", lambda xp, x: x[key], shape, rules="getitem", **options)


read("int", (1, ...), (3, 2))
read("int-alone", 1, (3, 2), uses=("short keys",))
read("ints", (1, -1), (3, 2))
read("slice", (slice(1, 3), ...), (4, 2))
read("slice-alone", slice(1, 3), (4, 2), uses=("short keys",))
read("step", slice(None, None, 2), (5,))
read("negative-step", slice(None, None, -2), (5,))
read("ellipsis", (..., 0), (3, 2))
read("newaxis", (slice(None), None, 1), (3, 2))
read("newaxis-first", (None, ..., 1), (3, 2))
read("everything", ..., (3, 2))
read("0d", (), ())
read("empty-slice", (slice(2, 2), ...), (3, 2))
linear("getitem-array", lambda xp, x, i: x[i], (3,), rules="getitem", constants=(_TWICE,), uses=("scatter",))
linear("getitem-array-rows", lambda xp, x, i: x[i], (3, 2), rules="getitem", constants=(_TWICE,), uses=("scatter",))
linear("getitem-array-2d", lambda xp, x, i: x[i], (3,), rules="getitem", constants=(np.array([[0, 1], [2, 0]]),), uses=("scatter",))
linear(
    "getitem-arrays",
    lambda xp, x, i, j: x[i, j],
    (3, 2),
    rules="getitem",
    constants=(_TWICE, np.array([1, 1, 1, 0])),
    uses=("scatter",),
)
linear("getitem-array-and-int", lambda xp, x, i: x[i, 1], (3, 2), rules="getitem", constants=(_TWICE,), uses=("scatter",))
linear("getitem-mask", lambda xp, x, m: x[m], (2, 3), rules="getitem", constants=(_MASK,), uses=("masks",))
linear("getitem-twice", lambda xp, x: x[0, ...] - x[1:, ...][0, ...], (3, 2), rules="getitem")

linear("take", lambda xp, x, i: xp.take(x, i, axis=0), (3, 2), rules="take", constants=(_TWICE[:3],), uses=("scatter",))
linear(
    "take-negative-axis", lambda xp, x, i: xp.take(x, i, axis=-1), (2, 3), rules="take", constants=(_TWICE[:3],), uses=("scatter",)
)
linear("take-1d", lambda xp, x, i: xp.take(x, i), (3,), rules="take", constants=(_TWICE[:3],), uses=("scatter",))
_ALONG = np.array([[1, 1, 0], [0, 2, 2]])
linear(
    "take_along_axis",
    lambda xp, x, i: xp.take_along_axis(x, i),
    (2, 3),
    rules="take_along_axis",
    constants=(_ALONG,),
    uses=("scatter", "gather"),
)
linear(
    "take_along_axis-0",
    lambda xp, x, i: xp.take_along_axis(x, i, axis=0),
    (3, 3),
    rules="take_along_axis",
    constants=(_ALONG,),
    uses=("scatter", "gather"),
)


def assign_by_numpy(x: np.ndarray, key: Any, value: Any) -> np.ndarray:
    copy = np.array(x, dtype=x.dtype)
    copy[key] = value
    return copy


def add_at_by_numpy(x: np.ndarray, key: Any, shape: Shape) -> np.ndarray:
    sums = np.zeros(shape, dtype=x.dtype)
    np.add.at(sums, key, x)
    return sums


def write(name: str, key: Any, x: Shape, value: Shape, **options: Any) -> None:
    """`x[key] = value`, as a function."""
    linear(
        f"assign-{name}",
        lambda xp, x, v: cg.assign(x, key, v),
        x,
        value,
        rules="assign",
        reference=lambda x, v: assign_by_numpy(x, key, v),
        **options,
    )


write("int", (1, ...), (3, 2), (2,))
write("element", (1, 0), (3, 2), ())
write("slice", (slice(1, 3), ...), (4, 2), (2, 2))
write("slice-alone", slice(1, 3), (4, 2), (2, 2), uses=("short keys",))
write("step", slice(None, None, 2), (5,), (3,))
write("broadcast", (slice(1, 3), ...), (4, 2), (2,))
write("broadcast-0d", ..., (2, 3), ())
write("ellipsis", (..., 0), (3, 2), (3,))
write("newaxis", (None, 1, ...), (3, 2), (1, 2))
write("negative-step", slice(None, None, -2), (5,), (3,))
_WRITE_ARRAY = {"rules": "assign", "uses": ("scatter",)}
linear(
    "assign-array",
    lambda xp, x, v, i: cg.assign(x, i, v),
    (4, 2),
    (3, 2),
    constants=(np.array([2, 0, -1]),),
    reference=lambda x, v, i: assign_by_numpy(x, i, v),
    **_WRITE_ARRAY,
)
linear(
    "assign-array-repeated",
    lambda xp, x, v, i: cg.assign(x, i, v),
    (4,),
    (4,),
    constants=(np.array([2, 0, 2, -2]),),
    reference=lambda x, v, i: assign_by_numpy(x, i, v),
    rules="assign",
    uses=("scatter", "repeated writes"),
)
linear(
    "assign-mask",
    lambda xp, x, v, m: cg.assign(x, m, v),
    (2, 3),
    (),
    constants=(_MASK,),
    reference=lambda x, v, m: assign_by_numpy(x, m, v),
    rules="assign",
)
linear(
    "assign-mask-values",
    lambda xp, x, v, m: cg.assign(x, m, v),
    (2, 3),
    (3,),
    constants=(_MASK,),
    reference=lambda x, v, m: assign_by_numpy(x, m, v),
    rules="assign",
    uses=("masks",),
)
linear(
    "assign-mask-rows",
    lambda xp, x, v, m: cg.assign(x, m, v),
    (2, 3),
    (3,),
    constants=(np.array([True, False]),),
    reference=lambda x, v, m: assign_by_numpy(x, m, v),
    rules="assign",
    uses=("masks",),
)
row(
    "assign-number",
    lambda xp, x: cg.assign(x, slice(1, 3), 0.5),
    (4,),
    rules="assign",
    reference=lambda x: assign_by_numpy(x, slice(1, 3), 0.5),
)
linear(
    "assign-into-constant",
    lambda xp, v, x: cg.assign(xp.asarray(x), (1, ...), v),
    (2,),
    constants=(np.ones((3, 2)),),
    reference=lambda v, x: assign_by_numpy(x, (1, ...), v),
    rules="assign",
    kinds=REAL,
)


def setitem(xp: Any, x: Any, v: Any) -> Any:
    """Assignment as it is written: into a tensor that was computed."""
    z = xp.asarray(x) * 2.0
    z[1:] = v
    z[0] += z[2] * v
    return z


row("setitem", setitem, (3,), (), rules="assign mul_scalar getitem")

linear(
    "scatter_add",
    lambda xp, x, i: cg.scatter_add(x, i, (4,)),
    (4,),
    constants=(_TWICE,),
    rules="scatter_add",
    reference=lambda x, i: add_at_by_numpy(x, i, (4,)),
    uses=("scatter",),
)
linear(
    "scatter_add-rows",
    lambda xp, x, i: cg.scatter_add(x, i, (3, 2)),
    (4, 2),
    constants=(_TWICE,),
    rules="scatter_add",
    reference=lambda x, i: add_at_by_numpy(x, i, (3, 2)),
    uses=("scatter",),
)
linear(
    "scatter_add-slice",
    lambda xp, x: cg.scatter_add(x, (slice(1, 3), ...), (4, 2)),
    (2, 2),
    rules="scatter_add",
    reference=lambda x: add_at_by_numpy(x, (slice(1, 3), ...), (4, 2)),
    uses=("scatter",),
)


# What slides: NumPy's functions alone call these ----------------------------------------------------------------------------------------

for _start, _length in ((0, 6), (1, 4), (2, 2), (1, 2), (3, 3)):
    row(
        f"convolve-{_start}-{_length}",
        lambda xp, a, v, reach=(_start, _length): sliding._convolve(a, v, start=reach[0], length=reach[1]),
        (4,),
        (3,),
        rules="convolve",
        reference=lambda a, v, reach=(_start, _length): np.convolve(a, v)[reach[0] : sum(reach)],
        kinds=BOTH,
        minor=_start > 0,
    )
for _start, _length in ((-2, 7), (0, 3), (-1, 3), (1, 1)):
    row(
        f"correlate{_start}-{_length}",
        lambda xp, a, v, reach=(_start, _length): sliding._correlate(a, v, start=reach[0], length=reach[1]),
        (5,),
        (3,),
        rules="correlate",
        reference=lambda a, v, reach=(_start, _length): np.correlate(a, v, "full")[reach[0] + 2 : sum(reach) + 2],
        kinds=BOTH,
        minor=_start > -2,
    )
for _shape, _axis, _length in (((5,), 0, 2), ((2, 5, 2), 1, 4)):
    linear(
        f"windows-{len(_shape)}d",
        lambda xp, x, axis=_axis, length=_length: sliding._sliding_window_view(x, axis=axis, length=length),
        _shape,
        rules="sliding_window_view",
        reference=lambda x, axis=_axis, length=_length: np.lib.stride_tricks.sliding_window_view(x, length, axis),
        uses=("scatter",),
        minor=_axis > 0,
    )


# Products ------------------------------------------------------------------------------------------------------------------------

_DIFFERENT = (((2, 3), (3, 2)), ((3,), (3,)), ((3,), (2, 3, 2)), ((2, 2, 3), (3,)), ((2, 2, 3), (3, 2)), ((2, 1, 2, 3), (3, 3, 2)))
for _x, _y in (
    ((2, 3), (3, 2)),
    ((3,), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3,)),
    ((2, 2, 3), (2, 3, 2)),
    ((2, 2, 3), (3, 2)),
    ((2, 3), (2, 3, 2)),
    ((3,), (2, 3, 2)),
    ((2, 2, 3), (3,)),
    ((2, 1, 2, 3), (3, 3, 2)),
    ((1, 2, 3), (2, 3, 2)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
):
    row(_of_shapes("matmul", _x, _y), called("matmul"), _x, _y, rules="matmul", kinds=BOTH, minor=(_x, _y) not in _DIFFERENT)
row("matmul-operator", lambda xp, x, y: x @ y, (2, 3), (3, 2), rules="matmul", strided=True)
row(
    "matmul-constant",
    lambda xp, x, c: c @ x,
    (3, 2),
    rules="matmul",
    constants=(np.arange(6.0).reshape(2, 3) / 6,),
    linear=True,
    uses=("array first",),
)
for _x, _y in (((2, 3), (4, 3)), ((5, 2, 3), (4, 3)), ((2, 1), (3, 1)), ((2, 3), (5, 4, 3)), ((0, 3), (2, 3))):
    row(
        _of_shapes("times-adjoint", _x, _y),
        lambda xp, x, y: products.times_adjoint(x, y),
        _x,
        _y,
        rules="times_adjoint",
        kinds=BOTH,
        reference=lambda x, y: x @ np.conj(y).mT,
        strided=len(_x) == len(_y) and 0 not in _x,
    )
for _x, _y in (((3, 2), (3, 4)), ((5, 3, 2), (3, 4)), ((3, 2), (5, 3, 4)), ((0, 3), (0, 2))):
    row(
        _of_shapes("adjoint-times", _x, _y),
        lambda xp, x, y: products.adjoint_times(x, y),
        _x,
        _y,
        rules="adjoint_times",
        kinds=BOTH,
        reference=lambda x, y: np.conj(x).mT @ y,
        strided=len(_x) == len(_y) and 0 not in _x,
    )
row(
    "times-slope-of-tanh",
    lambda xp, x, y: elementwise.times_slope_of_tanh(x, y),
    (2, 3),
    (2, 3),
    rules="times_slope_of_tanh",
    kinds=BOTH,
    reference=lambda x, y: x * (1 - y * y),
    strided=True,
)
row("matmul-with-itself", lambda xp, x: x @ x.mT, (2, 3), rules="matmul transpose", kinds=BOTH)
row("vecdot", called("vecdot"), (2, 3), (2, 3), rules="vecdot", kinds=BOTH)
row("vecdot-axis", called("vecdot", axis=-2), (3, 2), (3, 2), rules="vecdot", kinds=BOTH)
row("vecdot-broadcast", called("vecdot"), (2, 1, 3), (2, 3), rules="vecdot", kinds=BOTH)
row("vecdot-1d", called("vecdot"), (3,), (2, 3), rules="vecdot", kinds=BOTH)
row("tensordot", called("tensordot"), (2, 3, 2), (3, 2, 2), rules="tensordot", kinds=BOTH)
row("tensordot-1", called("tensordot", axes=1), (2, 3), (3, 2), rules="tensordot")
row("tensordot-0", called("tensordot", axes=0), (2,), (3, 2), rules="tensordot")
row("tensordot-axes", called("tensordot", axes=((2, 0), (0, 1))), (2, 3, 4), (4, 2, 3), rules="tensordot", kinds=BOTH)
row("tensordot-negative-axes", called("tensordot", axes=((-1, 0), (-2, 2))), (2, 3, 4), (3, 4, 2), rules="tensordot")
row("tensordot-to-scalar", called("tensordot", axes=((0, 1), (1, 0))), (2, 3), (3, 2), rules="tensordot")


# Activations and losses ----------------------------------------------------------------------------------------------------------


def softmax_by_numpy(x: np.ndarray, axis: int = -1) -> np.ndarray:
    e = np.exp(x)
    return e / np.sum(e, axis=axis, keepdims=True)


def gelu_by_numpy(x: np.ndarray) -> np.ndarray:
    return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def activated(name: str, reference: Callable[..., Any], shape: Shape = (2, 3), rule: str | None = None, **attributes: Any) -> None:
    label = "".join(f"-{key}={value}" for key, value in attributes.items())
    function = getattr(activation, name)
    row(
        f"{name}{label}-{len(shape)}d",
        lambda xp, x: function(x, **attributes),
        shape,
        rules=rule or name,
        reference=lambda x: reference(x, **attributes),
    )


for _shape in ((2, 3), (), (0, 2, 1)):
    activated("relu", lambda x: np.where(x > 0, x, 0 * x), _shape)
    activated("sigmoid", lambda x: 1 / (1 + np.exp(-x)), _shape)
    activated("softplus", lambda x: np.log1p(np.exp(x)), _shape)
    activated("gelu", gelu_by_numpy, _shape)
row(
    "sigmoid-complex",
    lambda xp, x: activation.sigmoid(x),
    (3,),
    rules="sigmoid",
    kinds=COMPLEX,
    reference=lambda x: 1 / (1 + np.exp(-x)),
)
for _axis in (-1, 0, 1):
    activated("softmax", softmax_by_numpy, (2, 3), axis=_axis)
    activated("log_softmax", lambda x, axis: np.log(softmax_by_numpy(x, axis)), (2, 3), axis=_axis)
activated("softmax", softmax_by_numpy, (3,))
activated("log_softmax", lambda x: np.log(softmax_by_numpy(x)), (2, 3, 2))


def reduced(losses: np.ndarray, reduction: str) -> np.ndarray:
    return {"none": lambda: losses, "sum": lambda: np.sum(losses), "mean": lambda: np.mean(losses)}[reduction]()


def cross_entropy_by_numpy(x: np.ndarray, labels: np.ndarray, axis: int, reduction: str) -> np.ndarray:
    logs = np.log(softmax_by_numpy(x, axis))
    return reduced(-np.squeeze(np.take_along_axis(logs, np.expand_dims(labels, axis), axis), axis), reduction)


for _reduction, (_x, _y) in itertools.product(("none", "sum", "mean"), (((2, 3), (2, 3)), ((2, 3), (3,)), ((), (2,)))):
    row(
        _of_shapes(f"mse-{_reduction}", _x, _y),
        lambda xp, x, y, r=_reduction: loss.mse_loss(x, y, reduction=r),
        _x,
        _y,
        rules="mse",
        kinds=BOTH,
        minor=_y != (3,),
        reference=lambda x, y, r=_reduction: reduced(np.abs(x - y) ** 2, r),
    )
    row(
        _of_shapes(f"mae-{_reduction}", _x, _y),
        lambda xp, x, y, r=_reduction: loss.mae_loss(x, y, reduction=r),
        _x,
        _y,
        rules="mae",
        kinds=BOTH,
        minor=_y != (3,),
        reference=lambda x, y, r=_reduction: reduced(np.abs(x - y), r),
    )
row(
    "mse-constant-target",
    lambda xp, x, c: loss.mse_loss(x, c),
    (2, 2),
    rules="mse",
    constants=(np.ones((2, 2)),),
    reference=lambda x, c: np.mean((x - c) ** 2),
)
for _reduction, _axis in itertools.product(("none", "sum", "mean"), (-1, 0)):
    row(
        f"cross_entropy-{_reduction}-axis={_axis}",
        lambda xp, x, labels, r=_reduction, axis=_axis: loss.cross_entropy(x, labels, axis=axis, reduction=r),
        (3, 3),
        rules="cross_entropy",
        constants=(np.array([2, 0, -2]),),
        uses=("gather",),
        reference=lambda x, labels, r=_reduction, axis=_axis: cross_entropy_by_numpy(x, labels, axis, r),
    )
row(
    "cross_entropy-images",
    lambda xp, x, labels: loss.cross_entropy(x, labels, axis=1),
    (2, 3, 2),
    rules="cross_entropy",
    constants=(np.array([[0, -1], [1, -3]]),),
    uses=("gather",),
    reference=lambda x, labels: cross_entropy_by_numpy(x, labels, 1, "mean"),
)


def binary_cross_entropy_by_numpy(x: np.ndarray, labels: Any, reduction: str) -> np.ndarray:
    labels = np.asarray(labels, x.dtype)
    return reduced(labels * np.log1p(np.exp(-x)) + (1 - labels) * np.log1p(np.exp(x)), reduction)


for _reduction, _shape in (*itertools.product(("none", "sum", "mean"), ((2, 3), ())), ("sum", (0, 2))):
    row(
        _of_shapes(f"binary_cross_entropy-{_reduction}", _shape, _shape),
        lambda xp, x, y, r=_reduction: loss.binary_cross_entropy(x, y, reduction=r),
        _shape,
        _shape,
        rules="binary_cross_entropy",
        minor=_shape != (2, 3),
        reference=lambda x, y, r=_reduction: binary_cross_entropy_by_numpy(x, y, r),
    )
for _name, _labels in (("bool", np.array([True, False, True])), ("integer", np.array([0, 1, 1])), ("one", 1.0)):
    row(
        f"binary_cross_entropy-{_name}-labels",
        lambda xp, x, *c, y=_labels: loss.binary_cross_entropy(x, *c or (y,)),
        (3,),
        rules="binary_cross_entropy",
        constants=(_labels,) if isinstance(_labels, np.ndarray) else (),
        reference=lambda x, *c, y=_labels: binary_cross_entropy_by_numpy(x, y, "mean"),
    )


# What is composed, and moves -----------------------------------------------------------------------------------------------------

row(
    "apply_where",
    lambda xp, x, c: cg.apply_where(c, x, xp.log, lambda y: y * y),
    (2, 3),
    rules="where log mul",
    domain="positive",
    constants=(_MASK,),
    reference=lambda x, c: np.where(c, np.log(x), x * x),
)
row(
    "apply_where-fill",
    lambda xp, x, y, c: cg.apply_where(c, (x, y), lambda x, y: x / y, fill_value=0.5),
    (2, 3),
    (3,),
    rules="where divide",
    constants=(_MASK,),
    reference=lambda x, y, c: np.where(c, x / y, 0.5),
)


def there_and_back(xp: Any, x: Any) -> Any:
    """Squares, computed in another library, where there is one."""
    home = cg.xp.array_namespace(x.data if type(x) is cg.Tensor else x)
    other = "array_api_strict" if cg.xp.name_of(home) == "numpy" else "numpy"
    if type(x) is not cg.Tensor or importlib.util.find_spec(other) is None:
        return x * x
    z = x.to(other)
    z = (z * z).to(home)
    return z if z.device == x.device else z.to_device(x.device)


row("to-another-library", there_and_back, (2, 3), rules="to mul", kinds=BOTH, uses=("moves",))
