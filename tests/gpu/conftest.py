"""These tests need a CUDA GPU and CuPy. Without one they skip and say why; with CLUMSYGRAD_REQUIRE_GPU=1 they fail instead."""

from __future__ import annotations

import os

import pytest
from backends import BACKENDS


@pytest.fixture(scope="session")
def gpu():
    """The backend of CuPy, on the device where CuPy puts new arrays."""
    reason = BACKENDS["cupy"].missing()
    if reason is not None:
        if os.environ.get("CLUMSYGRAD_REQUIRE_GPU") == "1":
            pytest.fail(f"CLUMSYGRAD_REQUIRE_GPU=1, but {reason}", pytrace=False)
        pytest.skip(reason)
    return BACKENDS["cupy"]
