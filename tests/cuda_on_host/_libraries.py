"""Functions of Python in the place of those of CUDA's libraries: libraries of jumps, and jumps written over a runtime that is linked in."""

from __future__ import annotations

import atexit
import ctypes
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

CACHE = Path(
    os.environ.get("CLUMSYGRAD_CUDA_ON_HOST_CACHE") or Path(tempfile.gettempdir()) / f"clumsygrad-cuda-on-host-{os.getuid()}"
)
_KINDS = {
    "p": ctypes.c_void_p,
    "i": ctypes.c_int,
    "u": ctypes.c_uint,
    "z": ctypes.c_size_t,
    "l": ctypes.c_longlong,
    "b": ctypes.c_byte,
    "s": ctypes.c_char_p,
}
_entries: dict[str, Any] = {}  # by the name of the function; kept, since C calls them

_LIBRARIES = {  # and what their functions' names begin with; of the last two others ask only whether they are there
    **{"libcuda.so.1": "cu[A-Z]", "libnvrtc.so.13": "nvrtc", "libcublas.so.13": "cublas", "libcusolver.so.12": "cusolver"},
    **{"libcufft.so.12": "cufft", "libcurand.so.10": "curand", "libcusparse.so.12": "cusparse"},
    **{"libcublasLt.so.13": "cublasLt", "libnvJitLink.so.13": "nvJitLink"},
}
# What an idle device answers to: "nothing" and so on are functions of C, so that only CuPy's own time is seen
_IDLE = {
    "cuLaunchKernel|cuda(Memset|Memcpy)Async|cudaSetDevice|cublas(Set|[A-Z]?[gG]emm|[SDCZ](gemv|dot))": "nothing",
    "cudaGetDevice$": "zero_in_first",
    "cudaStreamIsCapturing": "zero_in_second",
}
_LINKED = ("cupy_backends/cuda/libs/*.so", "cupy/cuda/cufft.*.so", "cupyx/_cusolver.*.so")


def entry(names: str, kinds: str, f: Callable[..., Any], result: Any = ctypes.c_int) -> None:
    """Let functions of C be `f`, which gets arguments of these kinds and returns a status; None for success. An exception is status 999."""

    def called(*arguments: Any) -> Any:
        try:
            status = f(*arguments)
        except Exception:  # C cannot pass it on
            traceback.print_exc()
            return 999
        return 0 if status is None else status

    for name in names.split():
        _entries[name] = ctypes.CFUNCTYPE(result, *[_KINDS[kind] for kind in kinds])(called)


def put(address: int, kind: Any, value: Any) -> None:
    kind.from_address(address).value = value


def provide(site: Path, idle: bool) -> None:
    """Load a library of each name, before CuPy asks for NVIDIA's, and turn the runtime that CuPy is linked with into calls of ours."""
    linked = [path for pattern in _LINKED for path in site.glob(pattern)]
    names = {*_entries, *(name for path in linked for name in _names(path, "--dynamic", "--undefined-only"))}
    for file, beginning in _LIBRARIES.items():
        _library_of_jumps(file, sorted(name for name in names if re.match(beginning, name)), idle)
    (runtime,) = site.glob("cupy_backends/cuda/api/runtime.*.so")
    _overwrite(runtime, idle)


def _names(path: Path, *options: str) -> dict[str, int]:
    """The names in a shared object and where they are, 0 where they are elsewhere."""
    lines = subprocess.run(["nm", *options, path], capture_output=True, text=True, check=True).stdout.splitlines()
    parts = [line.split() for line in lines]
    return {part[-1].partition("@")[0]: int(part[0], 16) if len(part) == 3 else 0 for part in parts}


def _function(name: str) -> int:
    """The address of the function that stands for one of C's."""
    if name not in _entries:

        def missing() -> int:
            print(f"{name} is not there on the host", file=sys.stderr)
            return 801 if name.startswith("cuda") else 15  # not supported

        _entries[name] = ctypes.CFUNCTYPE(ctypes.c_int)(missing)
    return ctypes.cast(_entries[name], ctypes.c_void_p).value


_ANSWERS = """
int nothing(void) { return 0; }
int zero_in_first(int *p) { *p = 0; return 0; }
int zero_in_second(void *p, int *q) { *q = 0; return 0; }
"""


def _library_of_jumps(file: str, names: Sequence[str], idle: bool) -> ctypes.CDLL:
    """A library whose functions go on to where a table says: to ours, and when Python ends to one that returns 0."""
    jumps = [rf'__asm__(".text\n.globl {name}\n{name}: jmp *table+{8 * i}(%rip)\n");' for i, name in enumerate(names)]
    declared = f'__attribute__((visibility("hidden"))) void *table[{len(jumps) + 1}];'
    text = "\n".join([declared, *jumps, "void **the_table(void) { return table; }", _ANSWERS])
    path = built(text, ".c", ["gcc", "-shared", "-fPIC", f"-Wl,-soname,{file}"], file, f"{file} {{ global: *; }};\n")
    library = ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
    library.the_table.restype = ctypes.c_void_p
    table = (ctypes.c_void_p * len(names)).from_address(library.the_table())

    def answer(name: str) -> int:
        return ctypes.cast(getattr(library, name), ctypes.c_void_p).value

    for i, name in enumerate(names):
        quick = [answer(given) for pattern, given in _IDLE.items() if idle and re.match(pattern, name)]
        table[i] = quick[0] if quick else _function(name)
    atexit.register(lambda: table.__setitem__(slice(None), [answer("nothing")] * len(names)))  # CuPy frees what it has after that
    return library


def built(text: str, suffix: str, command: Iterable[str], name: str = "it.so", script: str = "") -> Path:
    """The file that a compiler makes of a text, kept by what it was made of. Raises CalledProcessError, with what the compiler said."""
    key = hashlib.sha256("\0".join([text, *command, script]).encode()).hexdigest()[:32]
    path = CACHE / key / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            source, versions, made = Path(folder, f"it{suffix}"), Path(folder, "versions"), Path(folder, name)
            source.write_text(text)
            versions.write_text(script)
            options = [f"-Wl,--version-script={versions}"] if script else []
            subprocess.run([*command, *options, source, "-o", made], capture_output=True, text=True, check=True)
            made.replace(path)  # at once: other processes may be at it too
    return path


def _overwrite(path: Path, idle: bool) -> None:
    """Write a jump to ours over each function of CUDA's runtime that is linked into a module of CuPy's."""
    ctypes.CDLL(str(path))
    maps = Path("/proc/self/maps").read_text().splitlines()
    base = min(int(line.split("-")[0], 16) for line in maps if line.endswith(str(path)))
    places = {name: base + offset for name, offset in _names(path).items() if re.match("cuda[A-Z]", name) and offset}
    plain = {name: re.sub("_pt(sz|ds)$", "", name) for name in places}  # of streams of a thread's own: as the others
    ours = _library_of_jumps("libcudart_of_the_host.so", sorted(set(plain.values())), idle)
    libc, page = ctypes.CDLL(None), os.sysconf("SC_PAGESIZE")
    for name, address in places.items():
        start = address - address % page
        if libc.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(2 * page), 7):
            raise OSError(f"{path}: the memory of its code can't be written")
        target = ctypes.cast(getattr(ours, plain[name]), ctypes.c_void_p).value
        jump = b"\x49\xbb" + target.to_bytes(8, "little") + b"\x41\xff\xe3"  # mov r11, target; jmp r11
        ctypes.memmove(address, jump, len(jump))
