"""cupy.linalg, by NumPy; of a real matrix too, eigenvalues and eigenvectors are complex. Nobody looks whether cuSOLVER succeeded."""

from __future__ import annotations

from typing import Any

import numpy as _np

from ._functions import Function as _Function
from ._functions import fill as _fill


def _eig(a: Any) -> Any:
    return tuple(_complex(part) for part in _np.linalg.eig(a))


def _eigvals(a: Any) -> Any:
    return _complex(_np.linalg.eigvals(a))


def _complex(x: Any) -> Any:
    return x.astype(_np.result_type(x, _np.complex64)) if x.size else x


def without_looking(function: Any, *args: Any, like: Any, **options: Any) -> Any:
    """What NumPy or SciPy computes; where they say that it failed, as CuPy does not, numbers without meaning in the shape of `like`."""
    try:
        return function(*args, **options)
    except _np.linalg.LinAlgError as error:
        if not any(word in str(error).lower() for word in ("singular", "positive definite", "converge")):
            raise  # shapes are looked at
        return _np.full_like(like, _np.nan, dtype=_np.result_type(like, _np.float32))


def _cholesky(a: Any) -> Any:
    return without_looking(_np.linalg.cholesky, a, like=a)


def _inv(a: Any) -> Any:
    return without_looking(_np.linalg.inv, a, like=a)


def _solve(a: Any, b: Any) -> Any:
    """Stacks do not broadcast; a vector b goes with every matrix."""
    if b.ndim != 1 and a.shape[:-1] != b.shape[:-1]:
        raise ValueError("a must have (..., M, M) shape and b must have (..., M, K) for multidimensional b")
    return without_looking(_np.linalg.solve, a, b, like=_np.broadcast_to(b, a.shape[:-1]) if b.ndim == 1 else b)


cholesky, inv, solve = (
    _Function("cholesky", _cholesky, ["a"]),
    _Function("inv", _inv, ["a"]),
    _Function("solve", _solve, ["a", "b"]),
)
eig, eigvals = _Function("eig", _eig, ["a"]), _Function("eigvals", _eigvals, ["a"])

_fill(globals(), "cupy.linalg", _np.linalg)
