"""python -m benchmarks: run the workloads, print the tables, write JSON and a plot."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from .contestants import CONTESTANTS
from .memory import MEASURED
from .report import markdown, plot
from .workloads import WORKLOADS

ROOT = Path(__file__).resolve().parent.parent
BASE = "hand"
KEYS = tuple(contestant.key for contestant in CONTESTANTS)
PACKAGES = ("clumsygrad", "numpy", "scipy", "torch", "jax", "autograd", "mygrad")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 if a contestant failed or its gradient was wrong."""
    options = _options(arguments)
    if options.instructions:
        os.environ.update(_no_wider_than_avx2())  # for the processes to come
    machine = _machine(options.instructions)
    results = {}
    for name in options.only:
        print(f"{name} ...", file=sys.stderr, flush=True)
        results[name] = _measured(name, options.rounds, options.processes, options.contestants, options.clock)
        if options.memory and WORKLOADS[name].measures_memory:
            results[name]["peak_bytes"] = _peaks(name, [key for key in options.contestants if key in MEASURED])
        if options.json:  # after every workload: what is done is not lost with what comes later
            Path(options.json).write_text(json.dumps({"machine": machine, "results": results}, indent=1) + "\n")
    print(markdown(results, machine))
    if options.plot:
        if importlib.util.find_spec("matplotlib") is None:
            print("no plot: matplotlib is not installed")
        else:
            plot(results, options.plot)
    return 1 if any(result["wrong"] for result in results.values()) else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Gradients against the gradient written by hand in NumPy."
    )
    parser.add_argument(
        "--only", type=_names_of(WORKLOADS), default=list(WORKLOADS), help=f"of {','.join(WORKLOADS)} (W2: all of W2)"
    )
    parser.add_argument(
        "--rounds", type=int, default=31, help="rounds in each process (default 31; fewer where a step takes seconds)"
    )
    parser.add_argument(
        "--processes", type=int, default=1, help="fresh processes whose rounds are pooled (default 1; for a bar near 1: 5)"
    )
    parser.add_argument(
        "--contestants", type=_names_of(KEYS), default=list(KEYS), help=f"of {','.join(KEYS)}; hand always takes part"
    )
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="cpu: processor time, for a machine that others use too"
    )
    parser.add_argument(
        "--instructions", choices=("avx2",), help="avx2: no wider ones for anybody, as on the machine that the goals were set on"
    )
    parser.add_argument("--no-memory", dest="memory", action="store_false", help="leave out the peaks of W4, W6 and W7")
    parser.add_argument("--json", metavar="PATH", help="write every sample")
    parser.add_argument("--plot", metavar="PATH", help="draw the ratios (.png or .svg)")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.processes < 1:
        parser.error("--rounds and --processes must be at least 1")
    options.contestants = [key for key in KEYS if key == BASE or key in options.contestants]
    return options


def _names_of(known: Sequence[str] | dict[str, Any]) -> Any:
    """A converter of comma-separated names; "W2" names every W2-... too."""

    def names(text: str) -> list[str]:
        asked = text.split(",")
        for name in asked:
            if name not in known:
                raise argparse.ArgumentTypeError(f"unknown: {name}; known are {', '.join(known)}")
        return [name for name in known if name in asked or name.partition("-")[0] in asked]

    return names


def _measured(name: str, rounds: int, processes: int, keys: Sequence[str], clock: str) -> dict[str, Any]:
    """The result of `measure`, its rounds pooled over fresh processes."""
    pooled: dict[str, Any] = {"seconds": {}, "left_out": {}, "wrong": {}}
    for _ in range(processes):
        try:
            result = json.loads(_run("benchmarks.measure", name, str(rounds), ",".join(keys), clock))
        except subprocess.CalledProcessError as error:  # out of memory, say: the other workloads go on
            pooled["wrong"][BASE] = f"the process that measured it ended with status {error.returncode}"
            continue
        pooled["left_out"].update(result["left_out"])
        pooled["wrong"].update(result["wrong"])
        for key, seconds in result["seconds"].items():
            pooled["seconds"].setdefault(key, []).extend(seconds)
    return pooled


def _peaks(name: str, keys: Sequence[str]) -> dict[str, int]:
    """Peak bytes of each contestant that can do the workload."""
    workload = WORKLOADS[name]
    able = [c.key for c in CONTESTANTS if c.key in keys and c.reason_to_leave_out(workload) is None]
    return {key: int(_run("benchmarks.memory", name, key)) for key in able}


def _run(module: str, *arguments: str) -> str:
    """What a module prints, run as a program in a fresh process."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def _no_wider_than_avx2() -> dict[str, str]:
    """What must stand in the environment of a process in which no array library is to use AVX-512."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])  # type: ignore[call-overload, index]
    wide = [name for name in found if name.startswith("AVX512") or name == "X86_V4"]
    return {
        "NPY_DISABLE_CPU_FEATURES": " ".join([*os.environ.get("NPY_DISABLE_CPU_FEATURES", "").split(), *wide]),
        "OPENBLAS_CORETYPE": "Haswell",
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "XLA_FLAGS": f"{os.environ['XLA_FLAGS']} --xla_cpu_max_isa=AVX2",
    }


def _machine(instructions: str | None) -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "from the checkout" if package == "clumsygrad" else "not installed"
    wide = f", {instructions}" if instructions else ""
    return {"machine": f"{platform.machine()}{wide}, {os.cpu_count()} cores, one thread", **versions}


if __name__ == "__main__":
    sys.exit(main())
