"""What runs on the host in the place of NVIDIA's code lies in tests/."""

from __future__ import annotations

import functools
import importlib
import sys
from pathlib import Path
from typing import Any


@functools.cache
def of_tests(name: str) -> Any:
    """A module of tests/."""
    folder = str(Path(__file__).parents[3])
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)
