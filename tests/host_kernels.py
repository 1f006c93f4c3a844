"""The kernels of clumsygrad/_cuda without a GPU: compiled for one by NVRTC, and run on the host by g++.

NVRTC is the compiler that CuPy uses; it needs no driver (`pip install nvidia-cuda-nvrtc`). On the host each thread of a block has a stack
of its own (host_kernels.h), so that barriers and shuffles between threads mean what they mean on a GPU; NumPy's arrays stand for CuPy's.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clumsygrad import _kernels

FILES = tuple(sorted(path.stem for path in _kernels._FOLDER.glob("*.cu")))
DTYPES = ("FLOAT16", "FLOAT32", "FLOAT64", "BFLOAT16")

_HERE = Path(__file__).parent
_SIGNATURE = re.compile(r"__global__ void (\w+)\(")
_EDGE = 256  # bytes around an array in which nothing may be written


# For a GPU ----------------------------------------------------------------------------------------------------------------------------


@functools.cache
def nvrtc() -> ctypes.CDLL | None:
    """NVRTC as its package on PyPI has it, or None."""
    found = importlib.util.find_spec("nvidia")
    folders = [Path(folder) for folder in (found.submodule_search_locations or ())] if found is not None else []
    libraries = sorted(path for folder in folders for path in folder.rglob("libnvrtc.so.*"))
    return ctypes.CDLL(str(libraries[-1])) if libraries else None


def compile_for(file: str, dtype: str, architecture: str) -> tuple[int, str]:
    """Compile a file to machine code for an architecture ("sm_90"): the size of the code, 0 for none, and what the compiler said."""
    library = nvrtc()
    assert library is not None
    program = ctypes.c_void_p()
    text = _kernels.source(file).encode()
    assert library.nvrtcCreateProgram(ctypes.byref(program), text, f"{file}.cu".encode(), 0, None, None) == 0
    options = [f"--gpu-architecture={architecture}".encode(), f"-D{dtype}".encode()]
    failed = library.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    size = ctypes.c_size_t()
    library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    library.nvrtcGetProgramLog(program, log)
    if not failed:
        assert library.nvrtcGetCUBINSize(program, ctypes.byref(size)) == 0
    library.nvrtcDestroyProgram(ctypes.byref(program))
    return 0 if failed else size.value, log.value.decode().strip()


# On the host --------------------------------------------------------------------------------------------------------------------------


def why_not_here() -> str | None:
    """Why kernels cannot run on this host, or None."""
    return None if shutil.which("g++") else "g++ is not installed"


def names_in(file: str) -> list[str]:
    """The kernels of a file."""
    return _SIGNATURE.findall(_kernels.source(file))


@functools.cache
def built(file: str, dtype: str, more: str = "") -> ctypes.CDLL:
    """A file of kernels as a library of the host; `more` is source that comes after it."""
    folder = Path(tempfile.mkdtemp(prefix="clumsygrad-kernels-"))
    text = f"{_kernels.source(file)}\n{more}"
    launches = "\n".join(map(_launcher, _SIGNATURE.findall(text)))
    (folder / "kernels.cpp").write_text(f'#include "{_HERE / "host_kernels.h"}"\n#define {dtype}\n{text}\n{launches}\n')
    options = ["-std=c++17", "-O1", "-ffp-contract=off", "-Wall", "-Wno-unused-function", "-Werror", "-shared", "-fPIC"]
    subprocess.run(["g++", *options, "kernels.cpp", "-o", "kernels.so"], cwd=folder, check=True)
    library = ctypes.CDLL(str(folder / "kernels.so"))
    shutil.rmtree(folder)
    return library


def _launcher(name: str) -> str:
    """A function of the host that runs a kernel with arguments that it gets by address."""
    parameters = "const unsigned *grid, const unsigned *block, void **arguments"
    return f'extern "C" void run_{name}({parameters}) {{ host::launch({name}, grid, block, arguments, true); }}'


class Host:
    """Takes the place of `_kernels.launch`, and remembers what was launched."""

    def __init__(self, more: str = "") -> None:
        self.launched: list[str] = []
        self._more = more

    def __call__(
        self, file: str, name: str, dtype: str, grid: Sequence[int], block: Sequence[int], arguments: Sequence[Any]
    ) -> None:
        self.launched.append(name)
        assert 0 < np.prod(block) <= 1024
        assert all(0 < n < 2**31 for n in grid)
        assert all(n < 2**16 for n in grid[1:])
        values: list[Any] = []
        edged: list[tuple[np.ndarray, np.ndarray]] = []
        for x in arguments:
            if x is None:
                values.append(ctypes.c_void_p(0))
            elif isinstance(x, np.ndarray) and x.dtype.fields is None:
                if x.ndim and not any(x.strides):  # a number, stretched
                    x = x[(slice(1),) * x.ndim]
                assert x.flags.c_contiguous
                memory = np.full(x.nbytes + 2 * _EDGE, 0xA5, dtype=np.uint8)
                memory[_EDGE : _EDGE + x.nbytes] = x.reshape(-1).view(np.uint8)
                edged.append((x, memory))
                values.append(ctypes.c_void_p(memory.ctypes.data + _EDGE))
            else:
                raw = x.tobytes()
                values.append(ctypes.create_string_buffer(raw, len(raw)))
        addresses = (ctypes.c_void_p * len(values))(*[ctypes.addressof(value) for value in values])
        three = ctypes.c_uint * 3
        getattr(built(file, dtype, self._more), f"run_{name}")(three(*grid), three(*block), addresses)
        for x, memory in edged:
            assert np.all(memory[:_EDGE] == 0xA5), f"{name} wrote before an array"
            assert np.all(memory[_EDGE + x.nbytes :] == 0xA5), f"{name} wrote behind an array"
            after = memory[_EDGE : _EDGE + x.nbytes].view(x.dtype).reshape(x.shape)
            if x.flags.writeable:
                x[...] = after
            else:
                assert after.tobytes() == x.tobytes(), f"{name} wrote into an array that can't be written"


def install(monkeypatch: Any, more: str = "") -> Host:
    """Let NumPy's arrays be served by kernels that run on this host."""
    host = Host(more)
    monkeypatch.setattr(_kernels, "launch", host)
    monkeypatch.setattr(_kernels, "device_arrays", {np.ndarray})
    monkeypatch.setattr(_kernels, "address", lambda x: x.ctypes.data)
    return host
