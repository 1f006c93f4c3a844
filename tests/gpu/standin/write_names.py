"""Writes cupy_names.txt anew, from the CuPy that is installed (which needs no GPU for that)."""

from __future__ import annotations

import importlib
import inspect
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

MODULES = ("cupy", "cupy.linalg", "cupy.fft", "cupyx.scipy.special")
VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def main() -> None:
    here = Path(__file__).parent
    sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != here]  # or the stand-in would be asked
    cupy = importlib.import_module("cupy")
    owners = {name: importlib.import_module(name) for name in MODULES} | {"cupy.ndarray": cupy.ndarray}
    lines = [
        f"# The public names of CuPy {cupy.__version__}, with the parameters of its functions as far as they can be asked for.",
        "# What CuPy lacks, the stand-in lacks too. Written by write_names.py.",
    ]
    for name, owner in owners.items():
        known = [n for n in dir(owner) if _is_public(owner, n)]
        lines += [f"[{name}]", *textwrap.wrap(" ".join(n + _parameters(getattr(owner, n)) for n in known), 130)]
    (here / "cupy_names.txt").write_text("\n".join(lines) + "\n")


def _is_public(owner: object, name: str) -> bool:
    return not name.startswith("_") and name != "annotations" and not isinstance(getattr(owner, name), ModuleType)


def _parameters(found: Any) -> str:
    """ "(a,axis,out)", or nothing for what is no function, or does not say."""
    if isinstance(found, type) or not callable(found):
        return ""
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        return ""
    return "" if any(p.kind in VARIADIC for p in parameters) else f"({','.join(p.name for p in parameters)})"


if __name__ == "__main__":
    main()
