"""`python -m benchmarks.gpu_host`: what a step on CuPy takes the host, on a machine that has no GPU.

CuPy runs over a CUDA that computes nothing and takes no time (tests/cuda_on_host). So the driver's part, on a card the larger, is not in
these times; what Python, CuPy and clumsygrad do before each launch is, to some 2 %. They are of use beside those of another state of the
code.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .gpu_measure import FRAMEWORKS
from .gpu_rows import ADAM, ROWS

_STEPS = 20
_KEYS = ("hand", "clumsygrad")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 2 where CuPy cannot run on this host."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_host", description=__doc__)
    names = [name for name in ROWS if name != ADAM]
    parser.add_argument("--only", default=",".join(names), help="rows, separated by commas")
    parser.add_argument("--rounds", type=int, default=40, help="of 20 steps each; the median counts")
    options = parser.parse_args(arguments)
    sys.path.append(str(Path(__file__).parent.parent / "tests"))
    import cuda_on_host

    problem = cuda_on_host.why_not_here()
    if problem is not None:
        print(f"benchmarks.gpu_host runs CuPy without a GPU, and {problem}.", file=sys.stderr)
        return 2
    cuda_on_host.install(idle=True)
    print("| row | by hand, µs | clumsygrad, µs |\n| --- | --- | --- |")
    for name in options.only.split(","):
        steps = [_step(key, name) for key in _KEYS]
        times: list[list[float]] = [[], []]
        for _ in range(options.rounds):  # in turn
            for step, samples in zip(steps, times, strict=True):
                samples.append(_seconds(step) if step else float("nan"))
        print(f"| {name} | {' | '.join(f'{1e6 * statistics.median(samples):.1f}' for samples in times)} |", flush=True)
    return 0


def _step(key: str, name: str) -> Any:
    """A step, warm, of tiny arrays, which are launched as large ones are; None where there is none by hand."""
    row = ROWS[name]
    if key == "hand" and not row.by_hand:
        return None
    assert row.workload is not None
    workload = row.workload(True)
    step = FRAMEWORKS[key].prepare(workload, workload.inputs(), "cuda")
    _seconds(step)
    return step


def _seconds(step: Any) -> float:
    begin = time.perf_counter()
    for _ in range(_STEPS):
        step()
    return (time.perf_counter() - begin) / _STEPS


if __name__ == "__main__":
    sys.exit(main())
