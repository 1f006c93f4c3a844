"""Runs the Python of a Markdown page, as a reader would type it in.

A block that opens with three backticks and `python` is run; one that holds `>>>` is a doctest, whose output is compared (`...` stands
for anything). Words after `python` name the libraries that the block needs. All blocks of a page share their names.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

BLOCK = re.compile(r"^```python *([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One block: its code, the line it starts on, and the libraries that it needs."""

    code: str
    line: int
    libraries: tuple[str, ...]


def blocks(page: Path) -> list[Block]:
    """The Python blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [Block(m[2], text.count("\n", 0, m.start(2)), tuple(m[1].split())) for m in BLOCK.finditer(text)]


def libraries(page: Path) -> list[str | None]:
    """The optional libraries that blocks of a page need, and None for those that need none."""
    return [None, *sorted({name for block in blocks(page) for name in block.libraries})]


def run(page: Path, library: str | None) -> None:
    """Run a page's blocks that need no library, and those that need `library`; raises where one fails or prints something else."""
    names: dict[str, Any] = {"__name__": page.stem}
    allowed = () if library is None else (library,)
    for block in blocks(page):
        if set(block.libraries) <= set(allowed):
            _run(page, block, names)


def run_apart(page: Path, library: str | None) -> None:
    """`run` in a process of its own, for a page that sets the environment before it imports anything."""
    script = f"import pathlib, snippets; snippets.run(pathlib.Path({str(page)!r}), {library!r})"
    places = [str(Path(__file__).parent), *sys.path]
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(places)},
        capture_output=True,
        text=True,
    )
    if result.returncode:
        raise AssertionError(result.stdout + result.stderr)


def _run(page: Path, block: Block, names: dict[str, Any]) -> None:
    if ">>>" not in block.code:
        exec(compile("\n" * block.line + block.code, str(page), "exec"), names)
        return
    test = doctest.DocTestParser().get_doctest(block.code, names, page.name, str(page), block.line)
    report: list[str] = []
    results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=report.append, clear_globs=False)
    names.update(test.globs)
    if results.failed:
        raise AssertionError("".join(report))


SINCE = {"sklearn": "1.9"}  # what the pages say holds since then


def need(library: str | None) -> None:
    """Skip the running test where a library is missing, or CuPy finds no GPU."""
    if library is None:
        return
    module = pytest.importorskip(library, minversion=SINCE.get(library))
    if library == "cupy" and not module.cuda.is_available():
        pytest.skip("cupy is installed, but finds no CUDA GPU")
    if library == "jax":
        module.config.update("jax_enable_x64", False)  # as a reader finds it, whatever the tests before set
