"""The table's rows of linear algebra: clumsygrad.linalg, but for decompositions.

Square matrices get five times the identity, so that their condition numbers stay below 20, and finite differences are as exact as
elsewhere in the table.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from table import BOTH, COMPLEX, Shape, called, row

NO_DASK = (("dask", "dask.array has no such function"),)
EMPTY = (("dask", "dask.array stumbles over empty stacks"),)
ONE_ON_DASK = (("dask", "dask.array has this for one real matrix only"),)


def adjoint(xp: Any, x: Any) -> Any:
    return xp.conj(xp.matrix_transpose(x))


def shift(shape: Shape) -> np.ndarray:
    return 5 * np.eye(shape[-1])


def moved(x: np.ndarray, c: np.ndarray) -> np.ndarray:
    """x + c in the dtype of x."""
    return x + c.astype(x.dtype)


def of_shape(name: str, *shapes: Shape) -> str:
    return "-".join([name, *["x".join(map(str, shape)) or "0d" for shape in shapes]])


# Parts and products ---------------------------------------------------------------------------------------------------------------

for _shape in ((3, 3), (2, 3, 4), (2, 4, 2), (1, 1), (0, 2, 2), (0, 3)):
    for _offset in (0, 1, -2, 7) if _shape in ((3, 3), (2, 3, 4)) else (0,):
        for _name in ("diagonal", "trace"):
            row(
                of_shape(f"{_name}-{_offset}", _shape),
                called(f"linalg.{_name}", offset=_offset),
                _shape,
                rules=_name,
                kinds=BOTH,
                linear=True,
                minor=_shape != (2, 3, 4),
                cannot=(("dask", "dask.array has no diagonal outside of a matrix"),)
                if _offset == 7
                else EMPTY
                if 0 in _shape
                else (),
            )
row("trace-dtype", lambda xp, x: xp.linalg.trace(x, dtype=xp.complex128), (3, 3), rules="trace astype", linear=True)

for _x, _y in (((3,), (2,)), ((1,), (1,)), ((0,), (2,))):
    row(of_shape("outer", _x, _y), called("linalg.outer"), _x, _y, rules="outer", kinds=BOTH, minor=_x != (3,))
for _x, _y in (((3,), (3,)), ((2, 3), (2, 3)), ((2, 1, 3), (4, 3)), ((3,), (2, 3)), ((0, 3), (3,))):
    row(
        of_shape("cross", _x, _y),
        called("linalg.cross"),
        _x,
        _y,
        rules="cross",
        kinds=BOTH,
        minor=_x != (2, 1, 3),
        cannot=NO_DASK,
    )
row("cross-axis", called("linalg.cross", axis=-2), (3, 2), (2, 3, 1), rules="cross", kinds=BOTH, cannot=NO_DASK)


# Factorisations, determinants, inverses -------------------------------------------------------------------------------------------


def positive(xp: Any, x: Any, identity: Any) -> Any:
    """A Hermitian positive definite matrix."""
    return xp.matmul(x, adjoint(xp, x)) + xp.astype(identity, x.dtype)


def cholesky(**options: Any) -> Callable[..., Any]:
    return lambda xp, x, identity: xp.linalg.cholesky(positive(xp, x, identity), **options)


# 100: more than the sizes at which the rule goes by blocks
for _shape in ((3, 3), (2, 3, 3), (1, 1), (0, 2, 2), (100, 1), (2, 100, 1)):
    for _options in ({}, {"upper": True}):
        row(
            of_shape("cholesky-upper" if _options else "cholesky", _shape),
            cholesky(**_options),
            _shape,
            rules="cholesky",
            kinds=BOTH,
            constants=(np.eye(_shape[-2]),),
            minor=_shape not in ((2, 3, 3), (100, 1)),
            cannot=ONE_ON_DASK,
        )


def inv_quad_logdet(output: int) -> Callable[..., Any]:
    return lambda xp, x, y, identity: xp.linalg.inv_quad_logdet(positive(xp, x, identity), y)[output]


def inv_quad_logdet_by_numpy(output: int) -> Callable[..., Any]:
    def reference(x: np.ndarray, y: np.ndarray, identity: np.ndarray) -> np.ndarray:
        a = positive(np, x, identity)
        columns = y[:, None] if y.ndim == 1 else y
        solved = np.linalg.solve(a, columns)
        quad = np.sum(columns.conj() * solved, axis=(-2, -1)).real
        return quad if output == 0 else np.linalg.slogdet(a).logabsdet + 0 * quad

    return reference


# 100: more than the size at which the rule goes by blocks
for _x, _y in (((3, 3), (3,)), ((2, 3, 3), (3, 2)), ((3, 3), (2, 3, 2)), ((1, 1), (1,)), ((0, 2, 2), (2, 1)), ((100, 1), (100,))):
    for _output, _label in ((0, "inv_quad"), (1, "logdet")):
        row(
            of_shape(f"inv_quad_logdet-{_label}", _x, _y),
            inv_quad_logdet(_output),
            _x,
            _y,
            rules="inv_quad_logdet getitem",
            kinds=BOTH,
            constants=(np.eye(_x[-2]),),
            reference=inv_quad_logdet_by_numpy(_output),
            minor=_x not in ((2, 3, 3), (100, 1)),
            cannot=NO_DASK,
        )

SQUARES: tuple[Shape, ...] = ((3, 3), (2, 2, 3, 3), (1, 1), (2, 1, 1), (0, 2, 2))


def square(name: str, function: Callable[..., Any], rules: str, shapes: Any = SQUARES, kinds: Any = BOTH, **options: Any) -> None:
    """A row for each shape, of a function of regular square matrices."""
    for shape in shapes:
        row(
            of_shape(name, shape),
            lambda xp, x, c: function(xp, x + xp.astype(c, x.dtype)),
            shape,
            rules=rules,
            kinds=kinds,
            constants=(shift(shape),),
            minor=shape != SQUARES[1],
            **{"cannot": NO_DASK, **options},
        )


square("det", called("linalg.det"), "det")
row("det-of-small", called("linalg.det"), (2, 2), rules="det", kinds=BOTH, cannot=NO_DASK)
square("slogdet-logabsdet", lambda xp, x: xp.linalg.slogdet(x).logabsdet, "slogdet")
square("slogdet-sign", lambda xp, x: xp.linalg.slogdet(x).sign, "slogdet")
square("slogdet-40", lambda xp, x: xp.linalg.slogdet(x)[1], "slogdet", shapes=((40, 40),))
square("slogdet-sign-40", lambda xp, x: xp.linalg.slogdet(x)[0], "slogdet", shapes=((40, 40),), kinds=COMPLEX)
square("inv", called("linalg.inv"), "inv", cannot=ONE_ON_DASK)
square(
    "adjugate",
    called("linalg.adjugate"),
    "adjugate",
    reference=lambda x, c: np.linalg.inv(moved(x, c)) * np.linalg.det(moved(x, c))[..., None, None],
)
for _shape in ((3, 2), (2, 3), (2, 4, 3), (1, 1), (0, 3, 2), (2, 3, 3)):
    row(
        of_shape("pinv", _shape),
        lambda xp, x, c: xp.linalg.pinv(x + xp.astype(c, x.dtype)),
        _shape,
        rules="pinv",
        kinds=BOTH,
        constants=(2 * np.eye(*_shape[-2:]),),
        minor=_shape in ((1, 1), (0, 3, 2), (2, 3, 3)),
        cannot=NO_DASK,
    )


def of_rank(xp: Any, x: Any, y: Any) -> Any:
    """The product of (m, r) and (r, n): a matrix whose rank stays r."""
    return xp.matmul(x, y)


for _x, _y in (((4, 1), (1, 3)), ((4, 2), (2, 3)), ((2, 3, 2), (2, 2, 4))):
    row(
        of_shape("pinv-of-rank", _x, _y),
        lambda xp, x, y: xp.linalg.pinv(of_rank(xp, x, y), rtol=1e-6),
        _x,
        _y,
        rules="pinv",
        domain=("any", "positive"),
        kinds=BOTH,
        cannot=NO_DASK,
        minor=_x == (4, 1),
    )


# Solutions --------------------------------------------------------------------------------------------------------------------------

for _x, _y in (
    ((3, 3), (3,)),
    ((3, 3), (3, 2)),
    ((2, 3, 3), (3,)),
    ((2, 3, 3), (2, 3, 2)),
    ((2, 1, 3, 3), (4, 3, 2)),
    ((3, 3), (2, 3, 2)),
    ((2, 2), (2, 2)),
    ((3, 2, 2), (2, 2)),  # not a stack of vectors
    ((1, 1), (1,)),
    ((0, 2, 2), (2, 1)),
    ((2, 2), (2, 0)),
    ((40, 40), (40,)),  # large enough for factors to be kept in NumPy
    ((40, 40), (2, 40, 3)),
):
    _several = ((2, 1, 3, 3), (2, 3, 3), (40, 40))
    row(
        of_shape("solve", _x, _y),
        lambda xp, x, y, c: xp.linalg.solve(x + xp.astype(c, x.dtype), y),
        _x,
        _y,
        rules="solve",
        kinds=BOTH,
        constants=(np.eye(_x[-1]) * (40 if _x == (40, 40) else 5),),
        minor=_x not in _several or len(_y) == 1,
        cannot=NO_DASK if len(_x) > 2 or len(_y) > 2 or 0 in _y else ONE_ON_DASK,
    )


def triangular_by_numpy(a: np.ndarray, b: np.ndarray, lower: bool, adjoint: bool, unit_diagonal: bool) -> np.ndarray:
    a = np.tril(a) if lower else np.triu(a)
    if unit_diagonal:
        a = np.where(np.eye(a.shape[-1], dtype=bool), np.ones_like(a), a)
    a = a.conj().mT if adjoint else a
    return np.linalg.solve(a, b) if b.ndim > 1 else np.linalg.solve(a, b[:, None])[..., 0]


def triangular(x: Shape, y: Shape, minor: bool, **options: bool) -> None:
    options = {"lower": False, "adjoint": False, "unit_diagonal": False, **options}
    label = "".join(f"-{name}" for name, value in options.items() if value)
    n = x[-1]
    size = n if n > 3 else 1  # what is solved with a diagonal of ones grows with every row
    row(
        of_shape(f"solve_triangular{label}", x, y),
        lambda xp, a, b, c: xp.linalg.solve_triangular((a + xp.astype(c, a.dtype)) / size, b, **options),
        x,
        y,
        rules="solve_triangular",
        kinds=BOTH,
        constants=(np.eye(n) * (n + 7 if n > 3 else 5),),
        reference=lambda a, b, c: triangular_by_numpy(moved(a, c) / size, b, **options),
        minor=minor,
        cannot=NO_DASK if len(x) > 2 or len(y) > 2 or 0 in y else ONE_ON_DASK,
    )


for _lower in (False, True):
    for _adjoint in (False, True):
        triangular((3, 3), (3, 2), _lower, lower=_lower, adjoint=_adjoint)
        triangular((2, 3, 3), (3,), True, lower=_lower, adjoint=_adjoint)
        triangular((2, 1, 3, 3), (2, 3, 2), not _lower, lower=_lower, adjoint=_adjoint)
        triangular((3, 3), (3,), True, lower=_lower, adjoint=_adjoint, unit_diagonal=True)
        triangular((33, 33), (2, 33, 1), True, lower=_lower, adjoint=_adjoint)
        triangular((70, 70), (70,), True, lower=_lower, adjoint=_adjoint)  # large enough to go by stripes
        triangular((70, 70), (70, 2), True, lower=_lower, adjoint=_adjoint, unit_diagonal=True)
for _x, _y in (((1, 1), (1,)), ((0, 2, 2), (2, 1)), ((2, 2), (2, 0)), ((3, 3), (2, 3, 2))):
    triangular(_x, _y, True, lower=True)


def lstsq(output: int, **options: Any) -> Callable[..., Any]:
    return lambda xp, a, b, c: xp.linalg.lstsq(a + xp.astype(c, a.dtype), b, **options)[output]


def lstsq_by_numpy(output: int) -> Callable[..., Any]:
    def reference(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
        a = moved(a, c)
        columns = b[:, None] if b.ndim == 1 else b
        x = np.linalg.pinv(a) @ columns
        residuals = np.sum(np.abs(columns - a @ x) ** 2, axis=-2)
        values = np.linalg.svd(a, compute_uv=False)
        return (x[..., 0] if b.ndim == 1 else x, residuals[..., 0] if b.ndim == 1 else residuals, None, values)[output]

    return reference


for _x, _y in (
    ((4, 2), (4,)),
    ((4, 2), (4, 3)),
    ((2, 4), (2, 3)),
    ((3, 3), (3,)),
    ((2, 4, 3), (4,)),
    ((2, 1, 3, 2), (3, 3, 1)),
    ((1, 1), (1,)),
    ((0, 3, 2), (3, 1)),
):
    for _output, _label in ((0, "solution"), (1, "residuals"), (3, "singular-values")):
        if _output == 0 or _x in ((4, 2), (2, 4, 3)):
            row(
                of_shape(f"lstsq-{_label}", _x, _y),
                lstsq(_output),
                _x,
                _y,
                rules="lstsq",
                kinds=BOTH,
                constants=(2 * np.eye(*_x[-2:]),),
                reference=lstsq_by_numpy(_output),
                minor=_x not in ((4, 2), (2, 1, 3, 2)) or len(_y) == 1,
                cannot=NO_DASK,
            )
row(
    "lstsq-of-rank",
    lambda xp, x, y, b: xp.linalg.lstsq(of_rank(xp, x, y), b, rtol=1e-6).solution,
    (4, 2),
    (2, 3),
    (4, 2),
    rules="lstsq",
    domain=("any", "positive", "any"),
    kinds=BOTH,
    reference=lambda x, y, b: np.linalg.pinv(x @ y, rcond=1e-6) @ b,
    cannot=NO_DASK,
)


row(
    "lstsq-rcond",
    lambda xp, x, y, b: xp.linalg.lstsq(of_rank(xp, x, y), b, rcond=1e-6).solution,
    (4, 2),
    (2, 3),
    (4, 2),
    rules="lstsq",
    domain=("any", "positive", "any"),
    reference=lambda x, y, b: np.linalg.pinv(x @ y, rcond=1e-6) @ b,
    cannot=NO_DASK,
)


# Norms ------------------------------------------------------------------------------------------------------------------------------

for _ord in (2, 1, 3, 0.5, 2.5, -1, -2.5, math.inf, -math.inf, 0):
    for _shape, _options in (
        ((2, 3), {}),
        ((2, 4), {"axis": -1}),
        ((2, 3, 2), {"axis": (0, -1), "keepdims": True}),
    ):
        _label = "".join(f"-{key}={value}" for key, value in _options.items())
        row(
            of_shape(f"vector_norm-{_ord}{_label}", _shape),
            called("linalg.vector_norm", ord=_ord, **_options),
            _shape,
            rules="vector_norm",
            kinds=BOTH,
            minor=len(_shape) == 2,
        )
row("vector_norm-0d", called("linalg.vector_norm"), (), rules="vector_norm", kinds=BOTH)
row("vector_norm-no-axes", called("linalg.vector_norm", axis=()), (2, 3), rules="vector_norm", minor=True)
row("vector_norm-empty", called("linalg.vector_norm", axis=-1), (2, 0), rules="vector_norm", kinds=BOTH, minor=True)
row("vector_norm-empty-batch", called("linalg.vector_norm", axis=-1), (0, 2), rules="vector_norm", kinds=BOTH, minor=True)

for _ord in ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf):
    for _shape, _keep in (((3, 3), False), ((2, 3, 2), True), ((2, 2, 3), False), ((1, 1), False), ((0, 2, 3), False)):
        row(
            of_shape(f"matrix_norm-{_ord}", _shape),
            called("linalg.matrix_norm", ord=_ord, keepdims=_keep),
            _shape,
            rules="matrix_norm",
            kinds=BOTH,
            minor=_shape != (2, 3, 2),
            cannot=(("dask", "dask.array takes singular values of one tall matrix only"),)
            if _ord in ("nuc", 2, -2)
            else EMPTY
            if 0 in _shape
            else (),
        )
for _x, _y in (((4, 2), (2, 3)), ((4, 1), (1, 3))):  # of the second two singular values are 0
    row(
        of_shape("matrix_norm-nuc-of-rank", _x, _y),
        lambda xp, x, y: xp.linalg.matrix_norm(of_rank(xp, x, y), ord="nuc"),
        _x,
        _y,
        rules="matrix_norm",
        domain=("any", "positive"),
        kinds=BOTH,
        cannot=NO_DASK,
        minor=_x == (4, 1),
    )


def norm(ord: Any = None, axis: Any = None, keepdims: bool = False) -> Callable[..., Any]:
    return lambda xp, x: xp.linalg.norm(x, ord, axis=axis, keepdims=keepdims)


def norm_by_numpy(*arguments: Any) -> Callable[..., Any]:
    return lambda x: np.linalg.norm(x, *arguments)


for _shape, _arguments, _rules in (
    ((2, 3, 2), (), "vector_norm"),
    ((3,), (), "vector_norm"),
    ((3,), (1,), "vector_norm"),
    ((2, 3), (None, 1), "vector_norm"),
    ((2, 3), (3, 0, True), "vector_norm"),
    ((2, 3), ("nuc",), "matrix_norm"),
    ((2, 3, 2), (None, (2, 0)), "vector_norm"),
    ((2, 3, 2), (1, (2, 0)), "matrix_norm moveaxis"),
    ((2, 3, 2), (math.inf, (0, 1), True), "matrix_norm moveaxis"),
):
    row(
        of_shape(f"norm-{'-'.join(map(str, _arguments))}", _shape),
        norm(*_arguments),
        _shape,
        rules=_rules,
        kinds=BOTH,
        reference=norm_by_numpy(*_arguments),
        minor=True,
        cannot=NO_DASK if "nuc" in _arguments else (),
    )


# Functions of matrices --------------------------------------------------------------------------------------------------------------

for _n in (0, 1, 2, 3, 6, -1, -3):
    square(
        f"matrix_power-{_n}",
        lambda xp, x, n=_n: xp.linalg.matrix_power(x / 5, n),
        "matrix_power",
        shapes=SQUARES if _n in (3, -3) else SQUARES[:1],
    )


def expm_by_numpy(x: np.ndarray) -> np.ndarray:
    """By its power series in double precision, of a matrix that is divided until the series is short."""
    wide = x.astype(np.result_type(x.dtype, np.float64)) / 2**6
    term = z = np.broadcast_to(np.eye(x.shape[-1]), x.shape)
    for k in range(1, 20):
        term = term @ wide / k
        z = z + term
    for _ in range(6):
        z = z @ z
    return z.astype(x.dtype)


square(
    "expm",
    lambda xp, x: xp.linalg.expm(x / 5),
    "expm",
    reference=lambda x, c: expm_by_numpy(moved(x, c) / 5),
)
row(
    "expm-of-large-and-small",
    lambda xp, x, scales: xp.linalg.expm(x * xp.astype(scales, x.dtype)),
    (2, 2, 2),
    rules="expm",
    constants=(np.asarray([[[6.0]], [[1e-3]]]),),
    domain=(-1.3, -0.3),
    reference=lambda x, scales: expm_by_numpy(x * scales.astype(x.dtype)),
    cannot=NO_DASK,
)
for _shapes in (((2, 3), (3, 2)), ((2, 3), (3, 4), (4, 1)), ((3,), (3, 2), (2, 4), (4,)), ((2,), (2,)), ((2,), (2, 3))):
    row(
        of_shape("multi_dot", *_shapes),
        lambda xp, *x: xp.linalg.multi_dot(x),
        *_shapes,
        rules="matmul",
        kinds=BOTH,
        reference=lambda *x: np.linalg.multi_dot(x) if len(x) > 2 else x[0] @ x[1],
        minor=len(_shapes) != 4,
    )
