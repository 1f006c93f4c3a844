"""python -m benchmarks.gpu: clumsygrad over CuPy on a GPU against CuPy by hand, PyTorch and JAX; a table, and JSON.

Each framework runs in processes of its own. What a step costs the host differs twofold from minute to minute: where the host launches
each operation by itself there are several processes, in turn, of which the fastest counts. Precision is equal: all without TF32, and
then, where matrices are multiplied, all with it.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from .gpu_measure import FRAMEWORKS, environment
from .gpu_rows import ROWS
from .measure import median_and_interval

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("clumsygrad", "cupy-cuda12x", "cupy-cuda13x", "torch", "jax", "numpy")
PRECISIONS = {"float32": False, "tf32": True}

Results = dict[str, dict[str, dict[str, Any]]]  # {precision: {framework: what gpu_measure.measure gives}}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 2 where there is no GPU, 1 if a framework failed or its gradient was wrong."""
    options = _options(arguments)
    problem = why_no_gpu() if options.device == "cuda" else None
    if problem is not None:
        print(f"benchmarks.gpu measures on an NVIDIA GPU, and {problem}.", file=sys.stderr)
        return 2
    results: Results = {}
    for precision in options.precisions:
        names = [name for name in options.only if precision == "float32" or ROWS[name].products]
        results[precision] = {}
        for key in _turns(options) if names else ():
            found = _measured(key, names, precision, options)
            results[precision][key] = _together(results[precision].get(key), found)
            if options.json:  # after each process: what is done is not lost with what comes later
                _write(Path(options.json), {"machine": machine(options.device), "results": results})
    print(markdown(results, machine(options.device), options.tiny))
    return 1 if any(result["wrong"] for of_precision in results.values() for result in of_precision.values()) else 0


def _turns(options: argparse.Namespace) -> list[str]:
    """Which framework is measured when: in turn, as often as asked; those whose steps are compiled, once."""
    launching = [key for key in options.frameworks if FRAMEWORKS[key].launches]
    return [*launching * options.processes, *[key for key in options.frameworks if key not in launching]]


def _write(file: Path, report: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(report, indent=1) + "\n")


def why_no_gpu() -> str | None:
    """Why nothing can be measured on a GPU here; None where it can."""
    if importlib.util.find_spec("cupy") is None:
        return "CuPy is not installed: pip install 'clumsygrad[cuda13]', or [cuda12] for an older driver"
    if not importlib.import_module("cupy").cuda.is_available():
        return "CuPy finds none here (no driver, or no device)"
    return None


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--only", type=_chosen(ROWS), default=list(ROWS), help=f"rows of {', '.join(ROWS)}")
    parser.add_argument("--frameworks", type=_chosen(FRAMEWORKS), default=list(FRAMEWORKS), help=f"of {', '.join(FRAMEWORKS)}")
    parser.add_argument("--precisions", type=_chosen(PRECISIONS), default=list(PRECISIONS), help="float32, tf32")
    parser.add_argument("--rounds", type=int, default=31, help="samples of each row (default 31, fewer where they take long)")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: the same rows on the host, on the clock")
    parser.add_argument("--tiny", action="store_true", help="sizes at which nothing is measured, to try the benchmark out")
    parser.add_argument("--json", metavar="PATH", help="write every sample")
    parser.add_argument("--processes", type=int, default=3, help="of each framework that is not compiled, in turn (default 3)")
    parser.add_argument("--patience", type=int, default=120, help="seconds after which a process is given up (default 120)")
    options = parser.parse_args(arguments)
    if min(options.rounds, options.processes) < 1:
        parser.error("--rounds and --processes must be at least 1")
    if options.device == "cpu":
        options.frameworks = [key for key in options.frameworks if FRAMEWORKS[key].cpu]
        options.precisions = ["float32"]
    return options


def _chosen(known: dict[str, Any]) -> Any:
    def names(text: str) -> list[str]:
        asked = text.split(",")
        unknown = [name for name in asked if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known are {', '.join(known)}")
        return [name for name in known if name in asked]

    return names


def _measured(key: str, names: Sequence[str], precision: str, options: argparse.Namespace) -> dict[str, Any]:
    missing = [package for package in FRAMEWORKS[key].packages if importlib.util.find_spec(package) is None]
    if missing:
        return {"seconds": {}, "left_out": dict.fromkeys(names, f"{', '.join(missing)} not installed"), "wrong": {}}
    print(f"{key}, {precision} ...", file=sys.stderr, flush=True)
    tf32 = PRECISIONS[precision]
    arguments = [key, ",".join(names), options.device, str(int(tf32)), str(options.rounds), str(int(options.tiny))]
    command = [sys.executable, "-m", "benchmarks.gpu_measure", *arguments]
    try:
        variables = environment(tf32, options.device)
        done = subprocess.run(
            command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True, check=False, timeout=options.patience
        )
    except subprocess.TimeoutExpired:
        return {"seconds": {}, "left_out": {}, "wrong": dict.fromkeys(names, f"its process took more than {options.patience} s")}
    if done.returncode:
        return {"seconds": {}, "left_out": {}, "wrong": dict.fromkeys(names, f"its process ended with status {done.returncode}")}
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _together(before: dict[str, Any] | None, found: dict[str, Any]) -> dict[str, Any]:
    """What the processes of a framework found; the samples of a row are those of its fastest process, by the median.

    What recording costs was measured against the same process's own steps by hand: there all samples count.
    """
    if before is None:
        return found
    seconds = {**before["seconds"], **found["seconds"]}
    for name in before["seconds"].keys() & found["seconds"].keys():
        seconds[name] = min(before["seconds"][name], found["seconds"][name], key=lambda samples: median_and_interval(samples)[0])
    recording = [samples for result in (before, found) for samples in result.get("recording", ())]
    return {"seconds": seconds, "recording": recording, **{key: {**before[key], **found[key]} for key in ("left_out", "wrong")}}


def machine(device: str) -> dict[str, str]:
    """The card, its driver, and versions."""
    found = {"device": f"the CPU, {os.cpu_count()} cores: no figure here is one of a GPU"}
    if device == "cuda":
        cuda = importlib.import_module("cupy").cuda
        properties = cuda.runtime.getDeviceProperties(0)
        found = {"device": properties["name"].decode(), "driver": str(cuda.runtime.driverGetVersion())}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            if not package.startswith("cupy"):
                found[package] = "from the checkout" if package == "clumsygrad" else "not installed"
    return found


def markdown(results: Results, of_machine: dict[str, str], tiny: bool = False) -> str:
    """A table for each precision, and what was left out or failed."""
    parts = ["; ".join(f"{name} {version}" for name, version in of_machine.items())]
    for precision, of_precision in results.items():
        parts.append(f"## {precision}: median of a step, and clumsygrad's over others'\n\n" + _table(of_precision, tiny))
    notes = _notes(results)
    return "\n\n".join([*parts, "\n".join(notes)] if notes else parts)


def _table(of_precision: dict[str, dict[str, Any]], tiny: bool) -> str:
    keys = list(of_precision)
    others = [key for key in keys if key != "clumsygrad"]
    head = ["row", *[FRAMEWORKS[key].title for key in keys], *[f"over {key}" for key in others], "rate"]
    lines = [head, ["---"] * len(head)]
    names = [name for name in ROWS if any(name in result["seconds"] for result in of_precision.values())]
    for name in names:
        medians = {
            key: median_and_interval(result["seconds"][name])[0]
            for key, result in of_precision.items()
            if name in result["seconds"]
        }
        ours = medians.get("clumsygrad")
        cells = [f"{name}: {ROWS[name].title}"]
        cells += [_microseconds(medians[key]) if key in medians else "–" for key in keys]
        for key in others:
            if ours is None or key not in medians:
                cells.append("–")
            elif name == "op":  # what recording costs is a time, not a ratio
                recording = of_precision["clumsygrad"].get("recording") if key == "hand" else None
                more = median_and_interval(recording)[0] if recording else ours - medians[key]
                cells.append(f"{more * 1e6:+.1f} µs")
            else:
                cells.append(f"{ours / medians[key]:.2f}")
        lines.append([*cells, _rate(name, None if tiny else ours)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:,.1f} µs".replace(",", " ")


def _rate(name: str, seconds: float | None) -> str:
    row = ROWS[name]
    work = row.work(row.size(False))
    if seconds is None or not work:
        return ""
    return f"{work / seconds / 1e12:.2f} T{row.unit}/s"


def _notes(results: Results) -> list[str]:
    notes = []
    for precision, of_precision in results.items():
        for key, result in of_precision.items():
            reasons: dict[str, list[str]] = {}
            for name, reason in result["left_out"].items():
                reasons.setdefault(reason, []).append(name)
            for name, reason in result["wrong"].items():
                reasons.setdefault(f"**FAILED**: {reason}", []).append(name)
            notes += [f"* {FRAMEWORKS[key].title}, {precision}: {reason} ({', '.join(names)})" for reason, names in reasons.items()]
    return notes


if __name__ == "__main__":
    sys.exit(main())
