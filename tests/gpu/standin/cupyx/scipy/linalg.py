"""cupyx.scipy.linalg, by SciPy."""

from __future__ import annotations

from typing import Any

import scipy.linalg as _linalg
from cupy._functions import Function as _Function
from cupy.linalg import without_looking as _without_looking


def _solve_triangular(a: Any, b: Any, **options: Any) -> Any:
    return _without_looking(_linalg.solve_triangular, a, b, like=b, **options)


solve_triangular = _Function(
    "solve_triangular",
    _solve_triangular,
    ["a", "b", "trans", "lower", "unit_diagonal", "overwrite_b", "check_finite"],
)
