"""These tests need a CUDA GPU and CuPy. Without one they skip and say why; with CLUMSYGRAD_REQUIRE_GPU=1 they fail instead.

With CLUMSYGRAD_CUDA_ON_HOST=1 (=2 for two devices) they run without a GPU on CuPy itself, over a CUDA that is the host
(tests/cuda_on_host says how far that goes). With CLUMSYGRAD_GPU_STANDIN=1 they need no CuPy either: NumPy stands in for it (standin/cupy).
That shows that the tests themselves are sound, and nothing about a GPU.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import cuda_on_host
import host_kernels
import pytest
from backends import BACKENDS

from clumsygrad import _kernels

collect_ignore = ["standin"]

STANDIN = os.environ.get("CLUMSYGRAD_GPU_STANDIN", "0") != "0"
if STANDIN:  # before anything asks for cupy
    sys.path.insert(0, str(Path(__file__).parent / "standin"))

ON_HOST = int(os.environ.get("CLUMSYGRAD_CUDA_ON_HOST", "0"))
if ON_HOST:
    cuda_on_host.install(devices=ON_HOST)

MISSING = BACKENDS["cupy"].missing()


def pytest_collection_modifyitems(items):
    for item in items if ON_HOST else ():
        for part, reason in cuda_on_host.LACKS.items():
            if part in item.name:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session", autouse=STANDIN)
def _kernels_need_a_compiler():
    """The stand-in runs clumsygrad's kernels on the host, by g++; where there is none, none are used."""
    with pytest.MonkeyPatch.context() as patch:
        if host_kernels.why_not_here() is not None:
            patch.setattr(_kernels, "device_arrays", frozenset())
        yield


@pytest.fixture(scope="session")
def gpu():
    """The backend of CuPy, on the device where CuPy puts new arrays."""
    if MISSING is not None:
        if os.environ.get("CLUMSYGRAD_REQUIRE_GPU") == "1":
            pytest.fail(f"CLUMSYGRAD_REQUIRE_GPU=1, but {MISSING}", pytrace=False)
        pytest.skip(MISSING)
    return BACKENDS["cupy"]
