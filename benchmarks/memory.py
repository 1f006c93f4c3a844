"""Peak memory of one gradient above its resident inputs, by tracemalloc, to which NumPy reports its arrays.

Run as a program it measures one contestant on one workload, in a process of its own, and prints the bytes.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc

from .contestants import CONTESTANTS
from .workloads import WORKLOADS

MEASURED = ("hand", "tape", "func", "autograd", "mygrad")  # those whose arrays are NumPy's


def peak_bytes(workload_name: str, key: str) -> int:
    """The peak while one step runs; what was there before, inputs and leaves, is not counted."""
    workload = WORKLOADS[workload_name]
    contestant = next(c for c in CONTESTANTS if c.key == key)
    inputs = workload.inputs()
    contestant.prepare(workload, inputs)()  # fills the caches that the first step of all fills
    step = contestant.prepare(workload, inputs)
    gc.collect()
    tracemalloc.start()
    gradients = step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del gradients
    return peak


if __name__ == "__main__":
    print(peak_bytes(*sys.argv[1:]))
