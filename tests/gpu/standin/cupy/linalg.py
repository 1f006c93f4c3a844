"""cupy.linalg, by NumPy; of a real matrix too, eigenvalues and eigenvectors are complex."""

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


eig, eigvals = _Function("eig", _eig, ["a"]), _Function("eigvals", _eigvals, ["a"])

_fill(globals(), "cupy.linalg", _np.linalg)
