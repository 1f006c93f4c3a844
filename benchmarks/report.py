"""The tables in Markdown, and the plot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .contestants import CONTESTANTS
from .measure import median_and_interval, ratios
from .workloads import WORKLOADS

BASE = "hand"
OURS = ("tape", "func")
TITLES = {contestant.key: contestant.title for contestant in CONTESTANTS}

Results = dict[str, dict[str, Any]]


def markdown(results: Results, machine: dict[str, str]) -> str:
    """Times, goals, memory, and what was left out."""
    parts = ["; ".join(f"{name} {version}" for name, version in machine.items())]
    parts.append("## Time over the hand-written gradient's: median [95 % interval of it]\n\n" + _times(results))
    parts.append("## Goals\n\n" + _goals(results))
    if any("peak_bytes" in result for result in results.values()):
        parts.append("## Peak memory above the inputs (tracemalloc)\n\n" + _memory(results))
    notes = _notes(results)
    if notes:
        parts.append("## Left out\n\n" + "\n".join(notes))
    return "\n\n".join(parts)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _times(results: Results) -> str:
    keys = [key for key in TITLES if key != BASE and any(key in result["seconds"] for result in results.values())]
    rows = []
    for name, result in results.items():
        seconds = result["seconds"]
        if BASE not in seconds:
            continue
        row = [f"{name}: {WORKLOADS[name].title}", _duration(median_and_interval(seconds[BASE])[0]), str(len(seconds[BASE]))]
        row += [_ratio(ratios(seconds, key, BASE)) if key in seconds else "–" for key in keys]
        rows.append(row)
    return _table(["workload", "by hand", "rounds", *[TITLES[key] for key in keys]], rows)


def _ratio(values: Sequence[float]) -> str:
    return "{:.2f} [{:.2f}, {:.2f}]".format(*median_and_interval(values))


def _duration(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def _goals(results: Results) -> str:
    """Bars. Where only the better end of the interval meets one, it is met as far as these rounds can tell."""
    rows = []
    for name, result in results.items():
        workload, seconds = WORKLOADS[name], result["seconds"]
        for key in OURS:
            if key not in seconds:
                continue
            if workload.goal is not None:
                median, low, _ = median_and_interval(ratios(seconds, key, BASE))
                rows.append(
                    [
                        name,
                        TITLES[key],
                        "over hand",
                        f"≤ {workload.goal}",
                        f"{median:.2f}",
                        _met(median <= workload.goal, low <= workload.goal),
                    ]
                )
            if workload.goal_torch is not None and "torch" in seconds:
                median, _, high = median_and_interval(ratios(seconds, "torch", key))
                rows.append(
                    [
                        name,
                        TITLES[key],
                        "PyTorch over it",
                        f"≥ {workload.goal_torch}",
                        f"{median:.2f}",
                        _met(median >= workload.goal_torch, high >= workload.goal_torch),
                    ]
                )
    return _table(["workload", "contestant", "what", "goal", "measured", "met"], rows)


def _met(by_median: bool, within_interval: bool) -> str:
    return "yes" if by_median else "within the interval" if within_interval else "**no**"


def _memory(results: Results) -> str:
    rows = []
    for name, result in results.items():
        peaks, workload = result.get("peak_bytes", {}), WORKLOADS[name]
        for key, peak in peaks.items():
            per_operation = workload.operations > 1
            measured = peak / workload.operations if per_operation else peak / peaks[BASE]
            goal = workload.goal_memory if key in OURS else None
            rows.append(
                [
                    name,
                    TITLES[key],
                    f"{peak / 2**20:.1f} MiB",
                    f"{measured:.0f} B per operation" if per_operation else f"{measured:.2f} of hand",
                    "" if goal is None else f"≤ {goal}",
                    "" if goal is None else _met(measured <= goal, False),
                ]
            )
    return _table(["workload", "contestant", "peak", "measured", "goal", "met"], rows)


def _notes(results: Results) -> list[str]:
    notes: dict[str, list[str]] = {}
    for name, result in results.items():
        for key, reason in result["left_out"].items():
            notes.setdefault(f"{TITLES[key]}: {reason}", []).append(name)
        for key, reason in result["wrong"].items():
            notes.setdefault(f"**{TITLES[key]} FAILED**: {reason}", []).append(name)
    return [f"* {note} ({', '.join(names)})" for note, names in notes.items()]


def plot(results: Results, path: str) -> None:
    """A row for each workload, a mark for each contestant at its ratio to the hand-written gradient, on a logarithmic axis."""
    from matplotlib.figure import Figure

    keys = [key for key in TITLES if key not in (BASE, "faster") and any(key in result["seconds"] for result in results.values())]
    names = [name for name, result in results.items() if BASE in result["seconds"]]
    figure = Figure(figsize=(9, 1.2 + 0.5 * len(names)), layout="constrained")
    axes = figure.subplots()
    for number, key in enumerate(keys):
        rows = [row for row, name in enumerate(names) if key in results[name]["seconds"]]
        points = [median_and_interval(ratios(results[names[row]]["seconds"], key, BASE)) for row in rows]
        heights = [row + 0.6 * (number / max(len(keys) - 1, 1) - 0.5) for row in rows]
        errors = [[m - low for m, low, _ in points], [high - m for m, _, high in points]]
        ours = key.startswith(("tape", "func", "over"))
        axes.errorbar(
            [m for m, _, _ in points],
            heights,
            xerr=errors,
            fmt="o" if ours else "s",
            markersize=6 if ours else 4,
            color=f"C{number}",
            linewidth=1,
            label=TITLES[key],
        )
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), [f"{name}: {WORKLOADS[name].title}" for name in names])
    axes.invert_yaxis()
    axes.grid(axis="x", which="both", alpha=0.3)
    axes.set_xlabel("time over the hand-written NumPy gradient's (lower is better)")
    figure.legend(loc="outside upper center", ncols=4, fontsize="small")
    figure.savefig(path, dpi=150)
