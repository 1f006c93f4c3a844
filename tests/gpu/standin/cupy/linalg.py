"""cupy.linalg, by NumPy."""

from __future__ import annotations

import numpy as _np

from ._functions import fill as _fill

_fill(globals(), "cupy.linalg", _np.linalg)
