"""Kernels in CUDA: those of clumsygrad, run on the host by tests/host_kernels.py, which needs g++."""

from __future__ import annotations

import functools
from typing import Any

from . import _cuda
from ._array import ndarray
from ._tests import of_tests


class RawKernel:
    def __init__(self, code: str, name: str, options: tuple[str, ...] = (), **_: Any) -> None:
        runner = of_tests("host_kernels")
        self.name = name
        self._file = next(file for file in runner.FILES if runner._kernels.source(file) == code)
        self._dtype = options[0].removeprefix("-D")
        self._launch = runner.Host()

    def __call__(self, grid: Any, block: Any, arguments: tuple[Any, ...], **_: Any) -> None:
        arrays = [x._array if isinstance(x, ndarray) else x for x in arguments]
        call = functools.partial(self._launch, self._file, self.name, self._dtype, grid, block, arrays)
        call()
        _cuda.kept(call)
