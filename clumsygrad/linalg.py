"""The standard's linear algebra: what is a product or a transpose, under the names that the standard gives it here."""

from __future__ import annotations

from .forward.manipulation import matrix_transpose
from .forward.products import matmul, tensordot, vecdot

__all__ = ["matmul", "matrix_transpose", "tensordot", "vecdot"]
