"""These tests need a CUDA GPU and CuPy. Without one they skip and say why; with CLUMSYGRAD_REQUIRE_GPU=1 they fail instead.

With CLUMSYGRAD_GPU_STANDIN=1 they run without either, on NumPy standing in for CuPy (standin/cupy says how far that goes; =2 for two
devices): that shows that the tests themselves are sound, and nothing about a GPU.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import sys
from pathlib import Path

import pytest
from backends import BACKENDS

collect_ignore = ["standin"]

STANDIN = os.environ.get("CLUMSYGRAD_GPU_STANDIN", "0") != "0"
if STANDIN:
    sys.path.insert(0, str(Path(__file__).parent / "standin"))

MISSING = BACKENDS["cupy"].missing()


@pytest.fixture(scope="session", autouse=STANDIN)
def _kernels_on_the_host():
    """With the stand-in, clumsygrad's kernels run on the host (tests/host_kernels.py); where there is no compiler, none are used."""
    cuda = importlib.import_module("cupy._cuda")
    array = importlib.import_module("cupy").ndarray
    if importlib.util.find_spec("host_kernels") is None:
        yield
        return
    host_kernels, kernels = importlib.import_module("host_kernels"), importlib.import_module("clumsygrad._kernels")
    host = None if host_kernels.why_not_here() else host_kernels.Host()

    def launch(file, name, dtype, grid, block, arguments):
        call = functools.partial(host, file, name, dtype, grid, block, [x._array if type(x) is array else x for x in arguments])
        call()
        cuda.kept(call)

    with pytest.MonkeyPatch.context() as patch:
        if host is None:
            patch.setattr(kernels, "device_arrays", frozenset())
        else:
            patch.setattr(kernels, "_launch", launch)
        yield


@pytest.fixture(scope="session")
def gpu():
    """The backend of CuPy, on the device where CuPy puts new arrays."""
    if MISSING is not None:
        if os.environ.get("CLUMSYGRAD_REQUIRE_GPU") == "1":
            pytest.fail(f"CLUMSYGRAD_REQUIRE_GPU=1, but {MISSING}", pytrace=False)
        pytest.skip(MISSING)
    return BACKENDS["cupy"]
