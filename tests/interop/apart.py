"""Whether this process is one in which code that others wrote can be tested."""

from __future__ import annotations

import importlib
import os
import sys

REASON = "run by nox -s interop or pytest tests/interop in a process of its own: SciPy reads SCIPY_ARRAY_API=1 when it is imported"
NEEDED = ("scipy", "sklearn", "einops", "opt_einsum", "xarray")


def dispatches() -> bool:
    """Whether SciPy asks arrays for their namespaces in this process, or will when it is imported."""
    if "scipy" not in sys.modules:
        return os.environ.get("SCIPY_ARRAY_API") == "1"
    return bool(importlib.import_module("scipy._lib._array_api").SCIPY_ARRAY_API)
