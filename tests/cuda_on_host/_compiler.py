"""NVRTC by g++: CUDA C++ becomes a library of the host, in which each kernel has a function that runs its grid."""

from __future__ import annotations

import ctypes
import hashlib
import re
import subprocess
from ctypes import c_char_p, c_int, c_size_t, c_void_p
from pathlib import Path
from typing import Any

from cuda_on_host._libraries import built, entry, put
from cuda_on_host._runtime import STATE, new_handle, text_of

FAILED = 6  # what NVRTC says where a text does not compile
_HEADER = Path(__file__).parent / "cuda.h"
_THREADS = _HEADER.parent.parent / "host_kernels.h"
_OPTIONS = ["-std=c++17", "-O1", "-ffp-contract=off", "-fno-strict-aliasing", "-fpermissive", "-w", "-fPIC"]
_INCLUDED = b"".join(path.read_bytes() for path in (_HEADER, _THREADS))
VERSION = hashlib.sha256(_INCLUDED).hexdigest()[:16]  # of what all kernels include
_BOUNDS = r"(?:__launch_bounds__\s*\([^)]*\)\s*)?"
_KERNEL = re.compile(rf"__global__\s+{_BOUNDS}void\s+{_BOUNDS}(\w+)\s*\(")
_TEMPLATE = re.compile(r"template\s*<[^;{}]*>\s*__global__[^(]*?(\w+)\s*\(")
_WAITS = re.compile(r"__sync|__shfl")
_DYNAMIC = re.compile(r"extern\s+__shared__\s+(?:__align__\(\d+\)\s*)?([\w:<> ]+?)\s*(\w+)\[\]\s*;")
_CUPYS = "".join(f"#include <cupy/{name}>\n" for name in ("complex.cuh", "carray.cuh", "atomics.cuh", "math_constants.h"))


class _Program:
    def __init__(self, text: str) -> None:
        self.text = text
        self.expressions: list[str] = []  # kernels that are instances of templates
        self.log = self.image = b"\0"

    def compile(self, options: list[str]) -> int:
        includes = [option for option in options if option.startswith("-I")]
        defines = [option[2:].partition("=") for option in options if option.startswith("-D")]
        head = "".join(f"#define {name} {value or 1}\n" for name, _, value in defines)
        try:
            command = ["g++", *_OPTIONS, *includes, "-include", self._header(includes), "-shared"]
            library = built(head + self._for_the_host(), ".cpp", command)
        except subprocess.CalledProcessError as error:
            self.log = error.stderr[:8000].encode() + b"\0"
            return FAILED
        self.image = str(library).encode() + b"\0"
        return 0

    def _for_the_host(self) -> str:
        templates = set(_TEMPLATE.findall(self.text))
        kernels = {name: name for name in _KERNEL.findall(self.text) if name not in templates}
        kernels |= {f"expression_{i}": expression for i, expression in enumerate(self.expressions)}
        waits = "true" if _WAITS.search(self.text) else "false"
        runs = [f"KERNEL({name}, ({expression}), {waits})" for name, expression in kernels.items()]
        return "\n".join([_DYNAMIC.sub(r"\1 *\2 = (\1 *)dynamic_shared;", self.text), *runs, ""])

    def _header(self, includes: list[str]) -> str:
        """What all texts begin with, compiled once."""
        cupys = _CUPYS if self.text.lstrip().startswith(_CUPYS.partition("\n")[0]) else ""
        text = f'// {VERSION}\n#include "{_HEADER}"\n{cupys}'
        return str(built(text, ".h", ["g++", *_OPTIONS, *includes, "-x", "c++-header"], "all.h.gch").with_suffix(""))


def _create(address: int, text: bytes, *rest: Any) -> None:
    put(address, c_void_p, new_handle(_Program(text.decode())))


def _lowered(program: int, expression: bytes, address: int) -> None:
    i = STATE.objects[program].expressions.index(expression.decode())
    name = ctypes.create_string_buffer(f"expression_{i}".encode())
    put(address, c_void_p, ctypes.addressof(name))
    STATE.objects[ctypes.addressof(name)] = name


def enter() -> None:
    """Let NVRTC's functions be these."""
    program = STATE.objects.__getitem__
    for names, kinds, f in (
        ("nvrtcVersion", "pp", lambda p, q: put(p, c_int, 13) or put(q, c_int, 0)),
        ("nvrtcGetNumSupportedArchs", "p", lambda p: put(p, c_int, 1)),
        ("nvrtcGetSupportedArchs", "p", lambda p: put(p, c_int, 90)),
        ("nvrtcCreateProgram", "pssipp", _create),
        ("nvrtcDestroyProgram", "p", lambda p: STATE.objects.pop(c_void_p.from_address(p).value) and None),
        ("nvrtcAddNameExpression", "ps", lambda p, name: program(p).expressions.append(name.decode())),
        ("nvrtcGetLoweredName", "psp", _lowered),
        ("nvrtcCompileProgram", "pip", lambda p, n, at: program(p).compile([x.decode() for x in (c_char_p * n).from_address(at)])),
        ("nvrtcGetCUBINSize nvrtcGetPTXSize", "pp", lambda p, q: put(q, c_size_t, len(program(p).image))),
        ("nvrtcGetCUBIN nvrtcGetPTX", "pp", lambda p, q: ctypes.memmove(q, program(p).image, len(program(p).image)) and None),
        ("nvrtcGetProgramLogSize", "pp", lambda p, q: put(q, c_size_t, len(program(p).log))),
        ("nvrtcGetProgramLog", "pp", lambda p, q: ctypes.memmove(q, program(p).log, len(program(p).log)) and None),
    ):
        entry(names, kinds, f)
    entry("nvrtcGetErrorString", "i", text_of, c_void_p)
