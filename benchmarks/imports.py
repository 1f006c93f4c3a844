"""How long `import clumsygrad` takes against importing what it needs, and that it imports no more than that.

python -m benchmarks.imports. Exit status 1 if an optional library is imported, or the import takes more than 1.3 times as long.
"""

from __future__ import annotations

import compileall
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROCESSES = 20
GOAL = 1.3
OURS = "clumsygrad"
NEEDED = "numpy, array_api_compat.numpy, array_api_extra, optree"
OPTIONAL = ("cupy", "torch", "jax", "scipy")


def seconds_to_import(modules: str) -> float:
    """The time of one import statement in a fresh process."""
    code = f"import time; start = time.perf_counter(); import {modules}; print(time.perf_counter() - start)"
    return float(_printed(code))


def optional_imported() -> list[str]:
    """The optional libraries that `import clumsygrad` imports."""
    code = f"import clumsygrad, sys; print(*[name for name in {OPTIONAL!r} if name in sys.modules])"
    return _printed(code).split()


def _printed(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


def main() -> int:
    """Print both medians and their ratio."""
    compileall.compile_dir(ROOT / OURS, quiet=1)  # as an installed package is, also where PYTHONDONTWRITEBYTECODE is set
    seconds_to_import(OURS), seconds_to_import(NEEDED)  # fills the disk's cache
    pairs = [(seconds_to_import(OURS), seconds_to_import(NEEDED)) for _ in range(PROCESSES)]
    ours, needed = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"| import | median of {PROCESSES} |\n| --- | --- |")
    print(
        f"| {OURS} | {ours * 1e3:.0f} ms |\n| {NEEDED} | {needed * 1e3:.0f} ms |\n| ratio | {ours / needed:.2f} (goal ≤ {GOAL}) |"
    )
    unwanted = optional_imported()
    if unwanted:
        print(f"import clumsygrad imports {', '.join(unwanted)}, which are optional")
    return 1 if unwanted or ours / needed > GOAL else 0


if __name__ == "__main__":
    sys.exit(main())
