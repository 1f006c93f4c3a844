"""The rows of SciPy, but for its special functions."""

from __future__ import annotations

from rows import Table

TABLE = Table()

TABLE.row("scipy.stats.zscore", (2, 4), axis=1)
TABLE.row("scipy.stats.skew", (6,))
TABLE.refuses("scipy.linalg.sqrtm", (3, 3), says="requires a gradient")
