"""cupyx.scipy.special, by SciPy."""

from __future__ import annotations

import scipy.special as _special
from cupy._functions import fill as _fill

_fill(globals(), "cupyx.scipy.special", _special)
