"""Code that others wrote runs in a process of its own: SciPy reads SCIPY_ARRAY_API once, and other tests import SciPy without it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))  # for the modules that all tests share, where pytest is started on this folder


def pytest_configure(config: pytest.Config) -> None:
    """Where nothing but this folder is run, SciPy shall ask arrays for their namespaces."""
    places = [(config.invocation_params.dir / argument.partition("::")[0]).resolve() for argument in config.args]
    if all(place == HERE or HERE in place.parents for place in places) and "scipy" not in sys.modules:
        os.environ["SCIPY_ARRAY_API"] = "1"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Elsewhere the one module that skips is enough: the tables import everything."""
    if os.environ.get("SCIPY_ARRAY_API") == "1" or collection_path.name == "test_interop.py":
        return None
    return collection_path.parent == HERE or None
