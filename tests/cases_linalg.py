"""The table's rows of linear algebra: clumsygrad.linalg."""

from __future__ import annotations
