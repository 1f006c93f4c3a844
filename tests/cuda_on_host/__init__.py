"""CUDA on the host: CuPy itself, the package as it is installed, on a machine that has no GPU.

    import cuda_on_host

    cuda_on_host.install()  # before cupy is imported
    import cupy

All of CuPy runs that is Python or Cython, and so does the text of every kernel that it, or clumsygrad, writes: g++ compiles that in
NVRTC's place, and the threads of a block take their turns, each on a stack of its own where they wait for each other
(tests/host_kernels.h). Memory of the device is memory of the host. cuBLAS, cuSOLVER, cuFFT and thrust are NumPy and LAPACK. What is machine
code for a GPU alone cannot run: CUB's reductions, whose place CuPy's own take, and the generators of `cupy.random`.

It proves that CuPy's functions are called as they want to be, that the kernels' text is right, which library is asked for what, and on
which device; not that a kernel is free of races, nor what NVIDIA's libraries answer, nor anything about time. It needs CuPy for CUDA 13
from PyPI, the headers of CUDA (`nvidia-cuda-runtime`, `nvidia-cuda-crt`), SciPy, g++ and nm, on Linux and x86-64: the runtime of CUDA
that CuPy is linked with is overwritten in memory.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from pathlib import Path

# What cannot run here, by a part of a test's name
LACKS = {
    "special.lambertw": "CuPy's lambertw includes headers that g++ does not read",
    "the_librarys_own_numbers": "CuPy's generators of random numbers are machine code for a GPU",
}


def why_not_here() -> str | None:
    """Why CuPy cannot run on this host, or None."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return "CUDA on the host is for Linux on x86-64"
    missing = [name for name in ("g++", "gcc", "nm") if shutil.which(name) is None]
    if missing:
        return f"{missing[0]} is not installed"
    if not any(True for _ in importlib.metadata.distributions(name="cupy-cuda13x")):
        return "CuPy for CUDA 13 is not installed: pip install cupy-cuda13x nvidia-cuda-runtime nvidia-cuda-crt"
    from cuda.pathfinder import find_nvidia_header_directory

    if find_nvidia_header_directory("cudart") is None:
        return "the headers of CUDA are not installed: pip install nvidia-cuda-runtime nvidia-cuda-crt"
    return None


def install(devices: int = 1, *, idle: bool = False) -> None:
    """Let CuPy, which must not have been imported yet, find a machine with so many GPUs.

    An idle GPU computes nothing and takes no time: what is left of a program's is the host's own (`python -m benchmarks.gpu_host`).
    What is compiled is kept in a folder of the user's, or CLUMSYGRAD_CUDA_ON_HOST_CACHE.
    """
    reason = why_not_here()
    if reason is not None:
        raise RuntimeError(reason)
    if "cupy" in sys.modules:
        raise RuntimeError("CuPy is imported already")
    from cuda_on_host import _blas, _compiler, _fft, _libraries, _runtime, _solver, _thrust

    os.environ["CUPY_CACHE_DIR"] = str(_libraries.CACHE / f"cupy-{_compiler.VERSION}")
    os.environ["CUPY_ACCELERATORS"] = ""
    _runtime.STATE.devices = devices
    for module in (_runtime, _compiler, _blas, _solver, _fft):
        module.enter()
    _libraries.provide(Path(importlib.util.find_spec("cupy").origin).parent.parent, idle)
    sys.modules["cupy.cuda.thrust"] = _thrust.module()
