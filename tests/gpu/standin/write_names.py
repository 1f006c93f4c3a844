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
        f"# The public names of CuPy {cupy.__version__}, with the parameters of its functions as far as they can be asked for, and the",
        "# dtypes that its ufuncs take and give. What CuPy lacks, the stand-in lacks too. Written by write_names.py.",
    ]
    for name, owner in owners.items():
        known = [n for n in dir(owner) if _is_public(owner, n)]
        lines += [f"[{name}]", *_wrapped(" ".join(n + _parameters(getattr(owner, n)) for n in known))]
    for name in ("cupy", "cupyx.scipy.special"):
        lines += [f"[loops of {name}]", *_loops(owners[name])]
    (here / "cupy_names.txt").write_text("\n".join(lines) + "\n")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 130, break_long_words=False, break_on_hyphens=False)


def _loops(module: ModuleType) -> list[str]:
    """The ufuncs of a module, those with the same dtypes together: their names, a colon, and "dd->d" for each loop, in CuPy's order."""
    together: dict[str, list[str]] = {}
    for name in dir(module):
        found = getattr(module, name)
        if not isinstance(found, type) and hasattr(found, "types"):
            together.setdefault(" ".join(found.types), []).append(name)
    return [line for types, names in together.items() for line in _wrapped(f"{' '.join(names)}: {types}")]


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
