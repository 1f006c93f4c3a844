"""Times of the contestants of one workload, interleaved round by round, and the statistics of their ratios.

A machine that others use too is slower in one second than in the next, for all contestants alike: a ratio taken within a round
outlives that, a time does not.

Run as a program, it measures one workload in a process of its own and prints JSON.
"""

from __future__ import annotations

import gc
import json
import math
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .contestants import CONTESTANTS, Contestant, Step
from .workload import Workload
from .workloads import WORKLOADS

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}  # cpu: that of all threads, and none of what others use
SAMPLE_SECONDS = 0.005  # a sample repeats the step until it takes about this long, and at least twice up to four times that
TOLERANCE = {"float64": 1e-9, "complex128": 1e-9, "float32": 2e-4}


def measure(workload: Workload, contestants: Sequence[Contestant], rounds: int, clock: str = "wall") -> dict[str, Any]:
    """{"seconds": {contestant: one time per round}, "left_out": {contestant: why}, "wrong": {contestant: what}}."""
    inputs = workload.inputs()
    expected = [np.asarray(g) for g in workload.hand(inputs)[1]]
    steps: dict[str, Step] = {}
    first: dict[str, float] = {}
    left_out: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for contestant in contestants:
        reason = contestant.reason_to_leave_out(workload)
        if reason is not None:
            if reason:
                left_out[contestant.key] = reason
            continue
        try:
            step = contestant.prepare(workload, inputs)
            start = time.perf_counter()
            gradients = step()
            first[contestant.key] = time.perf_counter() - start
        except Exception as error:
            wrong[contestant.key] = f"{type(error).__name__}: {error}"
            continue
        difference = disagreement(gradients, expected)
        if difference:
            wrong[contestant.key] = difference
        else:
            steps[contestant.key] = step
        del gradients
    repeats = {key: repeats_of(step, first[key]) for key, step in steps.items()}
    seconds = interleaved(steps, repeats, min(rounds, workload.most_rounds), CLOCKS[clock])
    return {"seconds": seconds, "left_out": left_out, "wrong": wrong}


def disagreement(gradients: Sequence[Any], expected: Sequence[np.ndarray], tolerance: float | None = None) -> str:
    """How gradients differ from those written by hand: |a − b| > tolerance · (1 + max |b|). Empty where they agree.

    The tolerance is that of the dtype, if none is given.
    """
    if len(gradients) != len(expected):
        return f"{len(gradients)} gradients, {len(expected)} expected"
    for number, (g, b) in enumerate(zip(gradients, expected, strict=True)):
        a = np.asarray(g)
        if a.shape != b.shape or a.dtype != b.dtype:
            return f"gradient {number}: shape {a.shape}, dtype {a.dtype}; expected {b.shape}, {b.dtype}"
        worst = float(np.max(np.abs(a - b))) / (1 + float(np.max(np.abs(b))))
        if not worst <= (tolerance or TOLERANCE[b.dtype.name]):
            return f"gradient {number}: off by {worst:.1e} of its largest element"
    return ""


def interleaved(steps: dict[str, Step], repeats: dict[str, int], rounds: int, now: Callable[[], float]) -> dict[str, list[float]]:
    """Seconds per step, one figure a round; in each round the contestants take their turns in another order."""
    order = list(steps)
    shuffle = random.Random(0).shuffle
    seconds: dict[str, list[float]] = {key: [] for key in order}
    gc.collect()
    freed = np.empty(2**25 - 2**16, np.uint8)  # once an array as large as this was freed, glibc keeps the memory of smaller ones
    del freed
    for _ in range(rounds):
        shuffle(order)
        for key in order:
            step, count = steps[key], repeats[key]
            start = now()
            for _ in range(count):
                step()
            seconds[key].append((now() - start) / count)
    return seconds


def repeats_of(step: Step, first: float) -> int:
    """How often a step is repeated to fill a sample. The first call, which may have compiled, tells only of very long ones."""
    if first > 5:
        return 1
    start = time.perf_counter()
    step()
    once = time.perf_counter() - start
    return max(2 if once < 4 * SAMPLE_SECONDS else 1, min(1000, math.ceil(SAMPLE_SECONDS / once)))


# Statistics -------------------------------------------------------------------------------------------------------------------


def ratios(seconds: dict[str, list[float]], key: str, base: str) -> list[float]:
    """The times of `key` over those of `base`, within each round."""
    return [a / b for a, b in zip(seconds[key], seconds[base], strict=True)]


def median_and_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The median, and the order statistics that hold the true median with 95 % probability (all values, if they are fewer than 6)."""
    ordered = sorted(values)
    n = len(ordered)
    outside, k = 0.0, 0
    while k < n // 2 and outside + math.comb(n, k) / 2**n <= 0.025:
        outside += math.comb(n, k) / 2**n
        k += 1
    k = max(k - 1, 0)
    return statistics.median(ordered), ordered[k], ordered[n - 1 - k]


def main() -> None:
    """Arguments: the workload's name, the number of rounds, the contestants' keys, separated by commas, and the clock."""
    name, rounds, keys, clock = sys.argv[1:]
    chosen = [contestant for contestant in CONTESTANTS if contestant.key in keys.split(",")]
    json.dump(measure(WORKLOADS[name], chosen, int(rounds), clock), sys.stdout)


if __name__ == "__main__":
    main()
