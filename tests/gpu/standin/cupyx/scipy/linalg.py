"""cupyx.scipy.linalg, by SciPy."""

from __future__ import annotations

import scipy.linalg as _linalg
from cupy._functions import Function as _Function

solve_triangular = _Function(
    "solve_triangular",
    _linalg.solve_triangular,
    ["a", "b", "trans", "lower", "unit_diagonal", "overwrite_b", "check_finite"],
)
