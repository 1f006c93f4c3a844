"""jax.jit(func.grad(f)) asks XLA for no more work than jax.jit(jax.grad(f)), on workloads of the benchmarks."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOLERANCE = 1.02
MEASURES = ("flops", "bytes accessed")

# In a process of its own: other tests tell JAX to compute in 64 bits, and to leave its optimizations out.
PROGRAM = """
import json, sys, jax, clumsygrad as cg
from benchmarks.workloads import WORKLOADS

def cost(function):
    analysis = jax.jit(function).lower(*arguments).compile().cost_analysis()
    return analysis[0] if isinstance(analysis, list) else analysis

workload = WORKLOADS[sys.argv[1]]
parameters, constants, _ = workload.inputs()
arguments = jax.tree.map(jax.numpy.asarray, (list(parameters), list(constants)))
ours = cost(cg.func.grad(lambda p, c: workload.losses["clumsygrad"](cg, p, c)))
theirs = cost(jax.grad(lambda p, c: workload.losses["jax"](jax.numpy, p, c)))
json.dump([ours, theirs], sys.stdout)
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
@pytest.mark.parametrize("name", ["W3", "W4", "W6"])
def test_the_work_is_no_more_than_jaxs(name):
    done = subprocess.run([sys.executable, "-c", PROGRAM, name], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    ours, theirs = json.loads(done.stdout)
    assert theirs["flops"] > 1e6
    more = {what: ours[what] / theirs[what] for what in MEASURES if ours[what] > TOLERANCE * theirs[what]}
    assert not more, f"times JAX's own: {more}"
