"""examples/gaussian_process.py, run as a user runs it: in a process of its own."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "examples" / "gaussian_process.py"
NEEDED = ("sklearn", "scipy", "matplotlib")

missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(missing), reason=f"the extra `examples` is not installed: {', '.join(missing)}")


def gaussian_process(*options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *map(str, options)], capture_output=True, text=True, timeout=600)


def likelihoods(output: str) -> tuple[float, float]:
    found = re.search(r"log marginal likelihood (-[\d.]+), scikit-learn's (-[\d.]+)", output)
    assert found is not None, output
    return float(found[1]), float(found[2])


@pytest.mark.parametrize("features", ["bmi", "bmi,bp"])
def test_the_likelihood_is_no_worse_than_scikit_learns(features: str, tmp_path: Path) -> None:
    done = gaussian_process("--features", features, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    ours, theirs = likelihoods(done.stdout)
    assert ours >= theirs - 2e-6
    assert ours > -545
    assert (tmp_path / "gaussian_process.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_on_torch(tmp_path: Path) -> None:
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
    done = gaussian_process("--library", "torch", "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("clumsygrad on torch: ")
    assert abs(likelihoods(done.stdout)[0] + 541.861052) < 1e-4


def test_an_unknown_feature_is_one_sentence(tmp_path: Path) -> None:
    done = gaussian_process("--features", "height", "--output", tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("no feature is named height; there are age, bmi, bp, s1, s2, s3, s4, s5, s6")
