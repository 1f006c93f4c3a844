"""What holds of GPUs where there is none: tests/gpu skips and says why; it runs on the stand-in, and on CuPy over a CUDA that is the host;
CuPy without a driver is no trouble.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import cuda_on_host
import host_kernels
import pytest
from backends import BACKENDS

from benchmarks.gpu import _together
from benchmarks.gpu_measure import environment
from benchmarks.gpu_rows import ROWS

ROOT = Path(__file__).parent.parent
GPU = ROOT / "tests" / "gpu"
STANDIN = os.pathsep.join([str(ROOT), str(GPU / "standin")])
MISSING = BACKENDS["cupy"].missing()
# The least number of tests of each module that run without a GPU, so that none is lost unseen.
AT_LEAST = {"test_table.py": 2700, "test_capture.py": 600, "test_training.py": 30, "test_memory_pool.py": 4, "test_moves.py": 28}

on_cuda_that_is_the_host = pytest.mark.skipif(cuda_on_host.why_not_here() is not None, reason=str(cuda_on_host.why_not_here()))


def program(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """A run of Python in a process of its own, with the worktree as the first place where modules are looked for."""
    modes = {"CLUMSYGRAD_GPU_STANDIN": "0", "CLUMSYGRAD_CUDA_ON_HOST": "0"}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **modes, **environment}
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900
    )


def run_on_gpu(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return program("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments, **environment)


def count_of(word: str, output: str) -> int:
    found = re.search(rf"(\d+) {word}", output)
    return int(found[1]) if found else 0


def test_every_module_is_run():
    assert {path.name for path in GPU.glob("test_*.py")} == set(AT_LEAST)


@pytest.mark.parametrize("module", AT_LEAST)
def test_on_the_stand_in(module):
    """NumPy stands in for CuPy, with two devices. This shows nothing of a GPU, but that the tests are sound."""
    done = run_on_gpu(GPU / module, CLUMSYGRAD_GPU_STANDIN="2")
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    assert count_of("passed", done.stdout) >= AT_LEAST[module]


@on_cuda_that_is_the_host
@pytest.mark.parametrize("module", AT_LEAST)
def test_on_cuda_that_is_the_host(module):
    """CuPy itself, with two devices: all but what NVIDIA's libraries, and a GPU, would do. The last thread runs first, and on the stand-in
    the first: what threads take from each other without waiting would show.
    """
    done = run_on_gpu(GPU / module, CLUMSYGRAD_CUDA_ON_HOST="2", CLUMSYGRAD_REQUIRE_GPU="1", CLUMSYGRAD_HOST_REVERSED="1")
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    assert count_of("passed", done.stdout) >= AT_LEAST[module]


@pytest.mark.skipif(MISSING is None, reason="this machine has a GPU")
def test_without_a_gpu_the_tests_skip_and_say_why():
    done = run_on_gpu(GPU)
    assert done.returncode == 0, done.stdout + done.stderr
    assert count_of("passed", done.stdout) == 0
    assert count_of("skipped", done.stdout) >= len(AT_LEAST)
    assert f": {MISSING}" in done.stdout


@pytest.mark.skipif(MISSING is None, reason="this machine has a GPU")
def test_where_a_gpu_is_required_its_absence_is_a_failure():
    done = run_on_gpu(GPU / "test_memory_pool.py", CLUMSYGRAD_REQUIRE_GPU="1")
    assert done.returncode == 1
    assert f"CLUMSYGRAD_REQUIRE_GPU=1, but {MISSING}" in done.stdout


# CuPy with no driver ------------------------------------------------------------------------------------------------------------------

WITHOUT_A_DRIVER = """
import cupy, clumsygrad as cg
x = cg.Tensor([1.0, 2.0], requires_grad=True)
cg.sum(x * x).backward()
assert x.grad.tolist() == [2.0, 4.0]
xp = cg.over("cupy")
assert xp is cg.over(cupy)
assert xp.pi > 3 and callable(xp.exp)
for make in (lambda: xp.zeros(3), lambda: x.to("cupy")):
    try:
        make()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        assert "Driver" in str(error) or "Device" in str(error), error
    else:
        raise AssertionError("an array was made without a GPU")
"""


@pytest.mark.skipif(MISSING is None or importlib.util.find_spec("cupy") is None, reason="needs CuPy, and no GPU")
def test_cupy_without_a_driver():
    """clumsygrad imports and works; its namespace over CuPy can be had; making an array there is CuPy's own error."""
    done = program("-c", WITHOUT_A_DRIVER)
    assert done.returncode == 0, done.stderr


# The benchmark ----------------------------------------------------------------------------------------------------------------------


def benchmark(*options: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return program("-m", "benchmarks.gpu", "--tiny", "--rounds", 1, "--processes", 1, *options, **environment)


def measured(file: Path, precision: str, framework: str) -> dict[str, list[float]]:
    result = json.loads(file.read_text())["results"][precision][framework]
    assert not result["wrong"]
    assert all(seconds > 0 for samples in result["seconds"].values() for seconds in samples)
    return result["seconds"]


@pytest.mark.skipif(MISSING is None, reason="this machine has a GPU")
def test_the_benchmark_without_a_gpu_is_one_sentence():
    done = benchmark()
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r"benchmarks\.gpu measures on an NVIDIA GPU, and CuPy [^\n]+\.\n", done.stderr)


def assert_every_row_is_right(file: Path, **environment: str) -> str:
    """Every row by hand and by clumsygrad; gradients are compared with NumPy's. The times mean nothing. What was printed."""
    done = benchmark("--frameworks", "hand,clumsygrad", "--json", file, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(measured(file, "float32", "clumsygrad")) == set(ROWS)
    assert len(json.loads(file.read_text())["results"]["float32"]["clumsygrad"]["recording"]) == 1
    assert set(measured(file, "float32", "hand")) == set(ROWS) - {"convnet"}
    assert set(measured(file, "tf32", "hand")) == {name for name in ROWS if ROWS[name].products} - {"convnet"}
    return done.stdout


@pytest.mark.skipif(host_kernels.why_not_here() is not None, reason="no compiler for the kernels")
def test_the_benchmark_on_the_stand_in(tmp_path):
    printed = assert_every_row_is_right(tmp_path / "gpu.json", PYTHONPATH=STANDIN, CLUMSYGRAD_GPU_STANDIN="1")
    assert "no GPU: NumPy standing in for CuPy" in printed


@on_cuda_that_is_the_host
def test_the_benchmark_on_cuda_that_is_the_host(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import cuda_on_host\ncuda_on_host.install()\n")  # in each of its processes
    path = os.pathsep.join(map(str, (tmp_path, ROOT, ROOT / "tests")))
    assert "device CUDA on the host" in assert_every_row_is_right(tmp_path / "gpu.json", PYTHONPATH=path)


@on_cuda_that_is_the_host
def test_what_a_step_takes_the_host():
    done = program("-m", "benchmarks.gpu_host", "--only", "op,convnet", "--rounds", 1)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"(\|.*\|\n){2}\| op \| \d+\.\d \| \d+\.\d \|\n\| convnet \| nan \| \d+\.\d \|\n", done.stdout), done.stdout


@pytest.mark.skipif(cuda_on_host.why_not_here() is None, reason="CuPy runs on this host")
def test_where_cupy_cannot_run_on_the_host_that_is_one_sentence():
    done = program("-m", "benchmarks.gpu_host")
    assert done.returncode == 2
    assert re.fullmatch(r"benchmarks\.gpu_host runs CuPy without a GPU, and [^\n]+\.\n", done.stderr)


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
@pytest.mark.skipif(MISSING is None, reason="this machine has a GPU")
def test_jax_is_not_measured_on_the_cpu_unasked(tmp_path):
    done = benchmark("--frameworks", "jax", "--only", "op", PYTHONPATH=STANDIN, CLUMSYGRAD_GPU_STANDIN="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "* jax.jit, float32: its JAX is for CPUs alone: pip install 'jax[cuda13]' (op)" in done.stdout


def test_of_several_processes_the_fastest_counts(tmp_path):
    done = benchmark("--device", "cpu", "--frameworks", "hand", "--only", "op", "--processes", 2, "--json", tmp_path / "cpu.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.count("hand, float32") == 2
    first, second = ({"seconds": {"op": [x, x, x]}, "left_out": {}, "wrong": {}} for x in (2.0, 1.0))
    for a, b in ((first, second), (second, first)):
        assert _together(a, b)["seconds"] == {"op": [1.0, 1.0, 1.0]}
    assert _together(first, {"seconds": {}, "left_out": {}, "wrong": {"op": "nan"}})["wrong"] == {"op": "nan"}


def test_tf32_is_switched_off_where_it_is_not_measured(monkeypatch):
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    assert environment(False)["NVIDIA_TF32_OVERRIDE"] == "0"
    assert environment(False)["CUPY_TF32"] == "0"
    assert "NVIDIA_TF32_OVERRIDE" not in environment(True)
    assert environment(True)["CUPY_TF32"] == "1"


def test_jax_chooses_where_it_runs():
    """The benchmarks of CPUs keep it on one thread of the CPU, by variables that processes inherit: not those that measure a GPU."""
    for device, expected in (("cpu", "'cpu' '1'"), ("cuda", "None None")):
        text = "import os, benchmarks; print(*[repr(os.environ.get(name)) for name in ('JAX_PLATFORMS', 'NPROC')])"
        done = subprocess.run(
            [sys.executable, "-c", text], cwd=ROOT, env=environment(False, device), capture_output=True, text=True
        )
        assert done.stdout.strip() == expected


@pytest.mark.parametrize("framework", ["hand", "clumsygrad", "torch", "jax"])
def test_the_benchmark_on_the_cpu(framework, tmp_path):
    if framework in ("torch", "jax") and importlib.util.find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    rows = {"op", "mlp-32", "block-128", "adam", "matmul-2048"}
    done = benchmark("--device", "cpu", "--frameworks", framework, "--only", ",".join(rows), "--json", tmp_path / "cpu.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(measured(tmp_path / "cpu.json", "float32", framework)) == rows - ({"adam"} if framework == "jax" else set())
