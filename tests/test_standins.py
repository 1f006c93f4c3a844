"""A training step of every example where a GPU's slow ways are closed, against NumPy.

Under jax.jit nothing can be read on the host, and nothing written in place; on array-api-strict's second device no array can come from
anywhere else, there are no masks, and no shape depends on values. tests/test_derivatives.py runs the table of operations on both.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backends import BACKENDS
from checks import assert_agree

import clumsygrad as cg

EXAMPLES = Path(__file__).parent.parent / "examples"
NEEDED = ("sklearn", "matplotlib", "safetensors", "tqdm", "scipy")
STANDINS = ("strict-device1", "jax-jit")

missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(missing), reason=f"the extra `examples` is not installed: {', '.join(missing)}")


@pytest.fixture(scope="module", autouse=True)
def _examples_are_modules():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLES))
        yield
    sys.modules.pop("places", None)


def example(name: str) -> Any:
    return importlib.import_module(name)


@dataclass(frozen=True)
class TrainingStep:
    """What an example does at every step: a function of raw arrays that returns raw arrays, and the arrays."""

    name: str
    arrays: Callable[[np.random.Generator], list[np.ndarray]]
    function: Callable[..., list[Any]]
    tolerance: float

    def __str__(self) -> str:
        return self.name


def trained(optimizer: Any, parameters: list[cg.Tensor], loss: Callable[[], cg.Tensor]) -> list[Any]:
    """Two steps, so that the second reads what the first left: the last loss, and the parameters."""
    for _ in range(2):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
    return [value.detach().data, *[p.data for p in parameters]]


def digits_arrays(random: np.random.Generator) -> list[np.ndarray]:
    shapes = {"hidden.weight": (64, 16), "hidden.bias": (16,), "output.weight": (16, 10), "output.bias": (10,)}
    parameters = [0.2 * random.standard_normal(shape).astype(np.float32) for shape in shapes.values()]
    return [random.uniform(0, 1, (32, 64)).astype(np.float32), random.integers(0, 10, 32), *parameters]


def digits(images: Any, labels: Any, *parameters: Any) -> list[Any]:
    names = ("hidden.weight", "hidden.bias", "output.weight", "output.bias")
    network = dict(zip(names, [cg.Tensor(p, requires_grad=True) for p in parameters], strict=True))
    adam = cg.optimizer.Adam(network.values(), learning_rate=4e-3)
    images, labels = cg.Tensor(images), cg.Tensor(labels)

    def loss() -> cg.Tensor:
        return cg.loss.cross_entropy(example("train_digits").network(network, images), labels)

    return trained(adam, list(network.values()), loss)


def gaussian_arrays(random: np.random.Generator) -> list[np.ndarray]:
    x = random.standard_normal((20, 2))
    differences = example("gaussian_process").squared_differences(x, x)
    return [np.asarray([0.1, 0.2, -0.3, -1.0]), differences, np.eye(20), random.standard_normal(20)]


def gaussian(logarithms: Any, *constants: Any) -> list[Any]:
    value_and_grad = cg.func.value_and_grad(example("gaussian_process").minus_log_likelihood)
    return list(value_and_grad(logarithms, *[cg.Tensor(c) for c in constants]))


def phase_arrays(random: np.random.Generator) -> list[np.ndarray]:
    masks = np.exp(2j * np.pi * random.random((3, 8, 8)))
    truth = random.standard_normal((8, 8)) + 1j * random.standard_normal((8, 8))
    magnitudes = np.abs(np.fft.fft2(masks * truth, norm="ortho"))
    return [truth.astype("complex64") + np.complex64(0.5), masks.astype("complex64"), magnitudes.astype("float32")]


def phase(start: Any, masks: Any, magnitudes: Any) -> list[Any]:
    retrieval = example("phase_retrieval")
    x, masks, magnitudes = cg.Tensor(start, requires_grad=True), cg.Tensor(masks), cg.Tensor(magnitudes)
    sgd = cg.optimizer.SGD([x], learning_rate=0.1, momentum=retrieval.MOMENTUM)

    def loss() -> cg.Tensor:
        return cg.loss.mse_loss(cg.abs(retrieval.spectra(x, masks)), magnitudes, reduction="sum")

    return trained(sgd, [x], loss)


def diffusion_arrays(random: np.random.Generator) -> list[np.ndarray]:
    return [random.uniform(0, 1, (8, 8)) for _ in range(2)]


def diffusion(u: Any, observed: Any) -> list[Any]:
    reaction = example("reaction_diffusion")
    simulated = cg.func.checkpoint(reaction.repeated(cg.func.checkpoint(reaction.repeated(reaction.step, 3)), 2))

    def misfit(u: cg.Tensor) -> cg.Tensor:
        return reaction.misfit(u, cg.Tensor(observed), simulated)

    return list(cg.func.value_and_grad(misfit)(u))


SIZES = {"layers": 1, "width": 8, "heads": 2, "context": 6, "batch": 4, "steps": 1, "learning_rate": 1e-2, "dropout": 0.2}
ALPHABET = 11


def characters_arrays(random: np.random.Generator) -> list[np.ndarray]:
    size = example("characters").Size(**SIZES)
    parameters = example("characters").new_parameters(size, ALPHABET, cg.random.Generator(2))
    return [random.integers(0, ALPHABET, 60), np.asarray([3, 20, 7, 40]), *[x.detach().numpy() for x in parameters.values()]]


def characters(text: Any, starts: Any, *arrays: Any) -> list[Any]:
    module = example("characters")
    size = module.Size(**SIZES)
    names = module.new_parameters(size, ALPHABET, cg.random.Generator(2))
    parameters = dict(zip(names, [cg.Tensor(x, requires_grad=True) for x in arrays], strict=True))
    adam = cg.optimizer.AdamW(parameters.values(), learning_rate=1e-2)
    text, starts = cg.Tensor(text), cg.Tensor(starts)
    for step in (1, 2):
        adam.zero_grad()
        value = module.mean_loss(parameters, size, text, starts, step)
        value.backward()
        cg.optimizer.clip_by_norm(parameters.values(), 0.5)
        adam.step()
    return [value.detach().data, *[x.data for x in parameters.values()]]


def tomography_arrays(random: np.random.Generator) -> list[np.ndarray]:
    angles = np.pi * (example("tomography").middles(6) + 0.25)
    return [random.uniform(0, 1, (8, 8)), np.asarray(0.02), angles, random.uniform(50, 90, (6, 8)), random.uniform(0, 1, (6, 8))]


def tomography(x: Any, offset: Any, angles: Any, counts: Any, integrals: Any) -> list[Any]:
    module = example("tomography")
    measured = module.Measurement(*[cg.Tensor(part) for part in (angles, counts, integrals)])

    def loss(x: cg.Tensor, offset: cg.Tensor) -> cg.Tensor:
        return module.deviance(x, offset, measured) + 0.1 * module.total_variation(x)

    value, gradients = cg.func.value_and_grad(loss, argnums=(0, 1))(x, offset)
    return [value, *gradients]


TRAINING_STEPS = (
    TrainingStep("train_digits", digits_arrays, digits, 2e-5),
    TrainingStep("gaussian_process", gaussian_arrays, gaussian, 1e-10),
    TrainingStep("phase_retrieval", phase_arrays, phase, 2e-5),
    TrainingStep("reaction_diffusion", diffusion_arrays, diffusion, 1e-12),
    TrainingStep("characters", characters_arrays, characters, 5e-5),
    TrainingStep("tomography", tomography_arrays, tomography, 1e-10),
)


@pytest.mark.parametrize("name", STANDINS)
@pytest.mark.parametrize("step", TRAINING_STEPS, ids=str)
def test_a_training_step(step, name):
    backend = BACKENDS[name]
    reason = backend.missing()
    if reason is not None:
        pytest.skip(reason)
    arrays = step.arrays(np.random.default_rng(0))
    expected = step.function(*arrays)
    with backend.active():
        found = backend.compile(step.function)(*[backend.array(x) for x in arrays])
        assert backend.compiled or all(backend.owns(x) for x in found)
        for number, (a, b) in enumerate(zip(found, expected, strict=True)):
            host = backend.host(a)
            assert host.dtype == b.dtype
            assert_agree(host, b, step.tolerance, f"{step}, result {number}")


def test_every_example_has_its_step():
    assert {step.name for step in TRAINING_STEPS} == {path.stem for path in EXAMPLES.glob("*.py")} - {"places"}
