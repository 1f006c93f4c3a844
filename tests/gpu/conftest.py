"""These tests need a CUDA GPU and CuPy. Without one they skip and say why; with CLUMSYGRAD_REQUIRE_GPU=1 they fail instead.

With CLUMSYGRAD_GPU_STANDIN=1 they run without either, on NumPy standing in for CuPy (standin/cupy says how far that goes; =2 for two
devices): that shows that the tests themselves are sound, and nothing about a GPU.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from backends import BACKENDS

collect_ignore = ["standin"]

if os.environ.get("CLUMSYGRAD_GPU_STANDIN", "0") != "0":
    sys.path.insert(0, str(Path(__file__).parent / "standin"))

MISSING = BACKENDS["cupy"].missing()


@pytest.fixture(scope="session")
def gpu():
    """The backend of CuPy, on the device where CuPy puts new arrays."""
    if MISSING is not None:
        if os.environ.get("CLUMSYGRAD_REQUIRE_GPU") == "1":
            pytest.fail(f"CLUMSYGRAD_REQUIRE_GPU=1, but {MISSING}", pytrace=False)
        pytest.skip(MISSING)
    return BACKENDS["cupy"]
