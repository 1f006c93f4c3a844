"""The examples, run as a user runs them: in a process of their own."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
SCRIPT = EXAMPLES / "train_digits.py"
NEEDED = ("sklearn", "matplotlib", "safetensors", "tqdm")

missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(missing), reason=f"the extra `examples` is not installed: {', '.join(missing)}")


def run(script: str, *options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, EXAMPLES / script, *map(str, options)], capture_output=True, text=True, timeout=600)


def train_digits(*options: object) -> subprocess.CompletedProcess[str]:
    return run(SCRIPT.name, *options)


def accuracy(output: str) -> float:
    found = re.search(r"held-out accuracy ([\d.]+)% on 450 images; the same after loading", output)
    assert found is not None, output
    return float(found[1])


def check_files(folder: Path) -> None:
    from safetensors.numpy import load_file

    assert (folder / "digits.png").read_bytes().startswith(b"\x89PNG")
    parameters = load_file(folder / "digits.safetensors")
    assert {name: str(array.dtype) for name, array in parameters.items()} == dict.fromkeys(
        ["hidden.bias", "hidden.weight", "output.bias", "output.weight"], "float32"
    )


def test_digits_are_learned(tmp_path: Path) -> None:
    done = train_digits("--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert accuracy(done.stdout) >= 97
    assert "accuracy=" in done.stderr  # the progress bar's
    assert "loss=" in done.stderr
    check_files(tmp_path)


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_the_same_script_on_another_library(library: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    done = train_digits("--library", library, "--epochs", 3, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{library} on ")
    here = train_digits("--epochs", 3, "--output", tmp_path)
    assert abs(accuracy(done.stdout) - accuracy(here.stdout)) <= 1
    assert accuracy(done.stdout) >= 85
    check_files(tmp_path)


def cupy_finds_a_gpu() -> bool:
    if importlib.util.find_spec("cupy") is None:
        return False
    import cupy

    return bool(cupy.cuda.is_available())


def test_cupy_without_a_gpu_is_one_sentence(tmp_path: Path) -> None:
    if cupy_finds_a_gpu():
        pytest.skip("this machine has a GPU")
    done = train_digits("--library", "cupy", "--output", tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r"--library cupy [^\n]+\.\n", done.stderr)
    assert not any(tmp_path.iterdir())


def test_cupy_with_a_gpu(tmp_path: Path) -> None:
    if not cupy_finds_a_gpu():
        pytest.skip("no CUDA GPU that CuPy finds")
    done = train_digits("--library", "cupy", "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert accuracy(done.stdout) >= 97


def test_an_unknown_device_is_one_sentence(tmp_path: Path) -> None:
    done = train_digits("--device", "cuda:0", "--output", tmp_path)
    assert done.returncode == 2
    assert re.fullmatch(r"--library numpy cannot use --device cuda:0 [^\n]+\.\n", done.stderr)


@pytest.mark.parametrize("library", ["numpy", "torch", "jax"])
def test_a_phase_is_retrieved(library: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    done = run("phase_retrieval.py", "--library", library, "--size", 96, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{library} on ")
    found = re.search(r"relative error at the start ([\d.]+), at the end ([\d.e+-]+)\n", done.stdout)
    assert found is not None, done.stdout
    assert float(found[1]) > 0.5
    assert float(found[2]) <= 1e-3
    assert "error=" in done.stderr  # the progress bar's
    assert (tmp_path / "phase_retrieval.png").read_bytes().startswith(b"\x89PNG")


def test_phase_retrieval_on_an_unknown_device_is_one_sentence(tmp_path: Path) -> None:
    done = run("phase_retrieval.py", "--device", "cuda:0", "--output", tmp_path)
    assert done.returncode == 2
    assert re.fullmatch(r"--library numpy cannot use --device cuda:0 [^\n]+\.\n", done.stderr)
    assert not any(tmp_path.iterdir())


def test_an_initial_condition_is_recovered(tmp_path: Path) -> None:
    done = run("reaction_diffusion.py", "--size", 64, "--iterations", 4, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "through 50 steps: 0e+00" in done.stdout
    peak = re.search(r"peak memory of one gradient: (\d+) states", done.stdout)
    assert peak is not None, done.stdout
    assert int(peak[1]) < 80
    misfits = re.search(r"misfit (\S+) to (\S+); error of the initial condition ([\d.]+)% to ([\d.]+)%", done.stdout)
    assert misfits is not None, done.stdout
    assert float(misfits[2]) < 0.05 * float(misfits[1])
    assert float(misfits[4]) < 0.5 * float(misfits[3])
    assert (tmp_path / "reaction_diffusion.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("library", ["numpy", "torch", "jax"])
def test_a_slice_is_reconstructed_and_its_axis_found(library: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    done = run("tomography.py", "--library", library, "--size", 64, "--angles", 40, "--iterations", 30, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{library} on ")
    axis = re.search(r"axis beside the middle by ([\d.]+) pixels, found at ([\d.]+), then ([\d.]+)\n", done.stdout)
    assert axis is not None, done.stdout
    assert abs(float(axis[2]) - float(axis[1])) < 0.2
    assert abs(float(axis[3]) - float(axis[1])) < 0.2
    errors = re.search(r"projection ([\d.]+)%, about the axis found ([\d.]+)%, least L ([\d.]+)%\n", done.stdout)
    assert errors is not None, done.stdout
    taken, plain, least = map(float, errors.groups())
    assert least < 0.65 * plain < 0.5 * taken
    assert "axis=" in done.stderr  # the progress bar's
    assert (tmp_path / "tomography.png").read_bytes().startswith(b"\x89PNG")


def test_tomography_on_an_unknown_device_is_one_sentence(tmp_path: Path) -> None:
    done = run("tomography.py", "--device", "cuda:0", "--output", tmp_path)
    assert done.returncode == 2
    assert re.fullmatch(r"--library numpy cannot use --device cuda:0 [^\n]+\.\n", done.stderr)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("library", ["numpy", "torch", "jax"])
def test_a_transformer_learns_to_write(library: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    done = run("characters.py", "--library", library, "--size", "tiny", "--characters", 100, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{library} on ")
    losses = re.search(r"held-out loss ([\d.]+) nats a character \(unigrams ([\d.]+), bigrams [\d.]+\)\n", done.stdout)
    assert losses is not None, done.stdout
    assert float(losses[1]) < float(losses[2]) - 0.5
    written = done.stdout.split("a sample:\n")[1].removesuffix("\n")
    assert len(written) == 100
    assert len(set(written)) > 10
    assert all(character == "\n" or character.isprintable() for character in written)
    assert "held_out=" in done.stderr  # the progress bar's
    assert (tmp_path / "characters.png").read_bytes().startswith(b"\x89PNG")


def test_a_transformer_on_an_unknown_device_is_one_sentence(tmp_path: Path) -> None:
    done = run("characters.py", "--device", "cuda:0", "--output", tmp_path)
    assert done.returncode == 2
    assert re.fullmatch(r"--library numpy cannot use --device cuda:0 [^\n]+\.\n", done.stderr)
    assert not any(tmp_path.iterdir())


# In the place of a GPU: array-api-strict on its second device, with all off that would make a GPU wait. What is left for the host shows
# by name: `item`, `numpy`.


@pytest.fixture
def second_device(monkeypatch: pytest.MonkeyPatch):
    strict = pytest.importorskip("array_api_strict")
    monkeypatch.syspath_prepend(EXAMPLES)
    with strict.ArrayAPIStrictFlags(boolean_indexing=False, data_dependent_shapes=False):
        yield strict.Device("device1")


def test_the_transformer_stays_on_its_device(second_device) -> None:
    import clumsygrad as cg

    example = importlib.import_module("characters")
    size = dataclasses.replace(example.SIZES["tiny"], steps=3, batch=2, dropout=0.1)
    random = cg.random.Generator(0, library="array_api_strict", device=second_device)
    text = example.load("What is written here? " * 100, "array_api_strict", second_device)
    parameters = example.new_parameters(size, len(text.alphabet), random)
    curves = example.train(parameters, text, size, random)
    assert curves["training"][-1] < curves["training"][0]
    assert {x.device for x in parameters.values()} == {second_device}
    assert set(example.sample(parameters, text, size, random, 5)) <= set(text.alphabet)


def test_tomography_stays_on_its_device(second_device) -> None:
    import numpy as np

    example = importlib.import_module("tomography")
    options = SimpleNamespace(size=32, angles=8, photons=1e4, smoothness=0.4, iterations=3)
    options.library, options.device = "array_api_strict", second_device
    measured = example.measure(options, np.random.default_rng(0))
    assert measured.counts.device == second_device
    rows = example.ramp(measured, options)
    offset = example.find_axis(rows, measured.angles)
    assert abs(offset - example.OFFSET) < 0.02
    result = example.reconstruct(measured, rows, offset, options)
    assert result.losses[-1] < result.losses[0] / 2
