"""Functions of the standard that have a derivative and here, for a reason, none: name and reason, one a line."""

from __future__ import annotations

EXCEPTIONS = {
    "from_dlpack": "DLPack hands over memory, which knows no graph: the result is a constant, and a tracked tensor refuses to export",
}
