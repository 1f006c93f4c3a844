"""Find a complex image from the magnitudes of four of its Fourier transforms, with NumPy, CuPy, torch or JAX.

    python examples/phase_retrieval.py
    python examples/phase_retrieval.py --library torch --size 128 --seed 3

A detector counts light and loses its phase. Here a wave, of the brightness of one photograph of scikit-learn's and the phase of
another, goes through a known mask that shifts its phase at random from pixel to pixel, and into the far field, where its magnitude is
measured; four times, with four masks. What is looked for is the wave x that has these magnitudes a: a minimum of

    L(x) = Σ (|F(mask · x)| − a)²     over all pixels and masks, F the unitary Fourier transform.

Its gradient is complex, and goes through abs, the transform and the product. (Coded diffraction patterns: Candès, Li and
Soltanolkotabi 2015. Descent on magnitudes, and its start from the largest of them: Wang, Giannakis and Eldar 2018.)

It writes `phase_retrieval.png` into the folder --output: truth, start and result, and the error at every step.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from places import add_place, to_place, why_not
from sklearn.datasets import load_sample_image
from tqdm import tqdm

import clumsygrad as cg

CROP = 384  # pixels on a side, of photographs of 427 × 640
MASKS = 4
BRIGHTEST = 1 / 6  # the share of the measurements that the start is made of
POWER_STEPS = 150
MOMENTUM = 0.9


@dataclass
class Measurement:
    """What is known: the masks, and the magnitudes behind each."""

    masks: cg.Tensor
    magnitudes: cg.Tensor


def main() -> int:
    options = parse_options()
    problem = why_not(options.library, options.device)
    if problem is not None:
        print(problem, file=sys.stderr)
        return 2

    truth = wave(options.size)
    random = np.random.default_rng(options.seed)
    measured = measure(truth, random, options.library, options.device)
    noise = random.standard_normal(truth.shape) + 1j * random.standard_normal(truth.shape)
    start = first_guess(measured, to_place(noise.astype("complex64"), options.library, options.device))
    began = time.perf_counter()
    found, errors = descend(start, measured, truth, options.steps)
    seconds = time.perf_counter() - began

    options.output.mkdir(parents=True, exist_ok=True)
    picture = options.output / "phase_retrieval.png"
    draw(truth, aligned(start.numpy(), truth), aligned(found.numpy(), truth), errors, picture)

    print(f"{options.library} on {found.device}: {options.steps} steps in {seconds:.1f} s")
    print(f"relative error at the start {errors[0]:.2f}, at the end {errors[-1]:.1e}")
    print(f"truth, start and result: {picture}")
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Find an image from the magnitudes of four of its Fourier transforms.")
    add_place(parser)
    parser.add_argument("--seed", type=int, default=0, help="of the masks and the start (default: 0)")
    parser.add_argument("--size", type=int, default=192, help=f"pixels on a side, a divisor of {CROP} (default: 192)")
    parser.add_argument("--steps", type=int, default=250, help="steps of the descent (default: 250)")
    parser.add_argument("--output", type=Path, default=Path("build/phase"), help="folder of the picture (default: build/phase)")
    options = parser.parse_args()
    if options.size < 2 or CROP % options.size:
        parser.error(f"--size must be a divisor of {CROP}")
    if options.steps < 1:
        parser.error("--steps must be at least 1")
    return options


# The problem ------------------------------------------------------------------------------------------------------------------------


def wave(size: int) -> np.ndarray:
    """The truth: the brightness of one photograph, and as its phase, from 0 to π, the other."""
    return photograph("china.jpg", size) * np.exp(1j * np.pi * photograph("flower.jpg", size))


def photograph(name: str, size: int) -> np.ndarray:
    """The middle of a photograph in grey, from 0 to 1, each pixel the mean of those it stands for."""
    grey = load_sample_image(name) @ np.asarray([0.299, 0.587, 0.114]) / 255
    top, left = [(n - CROP) // 2 for n in grey.shape]
    blocks = grey[top : top + CROP, left : left + CROP].reshape(size, CROP // size, size, CROP // size)
    return blocks.mean(axis=(1, 3))


def measure(truth: np.ndarray, random: np.random.Generator, library: str, device: str | None) -> Measurement:
    masks = np.exp(2j * np.pi * random.random((MASKS, *truth.shape)))
    magnitudes = np.abs(np.fft.fft2(masks * truth, norm="ortho"))
    return Measurement(*[to_place(x, library, device) for x in (masks.astype("complex64"), magnitudes.astype("float32"))])


def spectra(x: cg.Tensor, masks: cg.Tensor) -> cg.Tensor:
    """The unitary Fourier transform of x behind each mask."""
    return cg.fft.fftn(masks * x, axes=(-2, -1), norm="ortho")


# The way to its solution --------------------------------------------------------------------------------------------------------------


def first_guess(measured: Measurement, noise: cg.Tensor) -> cg.Tensor:
    """The image that sends the most energy to where the most was measured, of the energy of the truth.

    It is the leading eigenvector of the gradient of that energy, a linear function: found by applying it again and again.
    """
    magnitudes = measured.magnitudes
    least = float(np.quantile(magnitudes.numpy(), 1 - BRIGHTEST))
    bright = cg.astype(magnitudes >= least, magnitudes.dtype)

    def energy(x: cg.Tensor) -> cg.Tensor:
        return cg.sum(bright * cg.abs(spectra(x, measured.masks)) ** 2)

    gradient = cg.func.grad(energy)
    x = noise
    for _ in range(POWER_STEPS):
        x = cg.Tensor(gradient(x))
        x = x / norm(x)
    return x * norm(magnitudes) / MASKS**0.5


def norm(x: cg.Tensor) -> cg.Tensor:
    return cg.sqrt(cg.sum(cg.abs(x) ** 2))


def descend(start: cg.Tensor, measured: Measurement, truth: np.ndarray, steps: int) -> tuple[cg.Tensor, list[float]]:
    """The image after gradient descent with momentum, and its error before every step and after the last."""
    x = cg.Tensor(start.data, requires_grad=True)
    optimizer = cg.optimizer.SGD([x], learning_rate=1 / (2 * MASKS), momentum=MOMENTUM)
    errors = [error(x.detach().numpy(), truth)]
    progress = tqdm(range(steps), unit="step", desc="descending")
    for _ in progress:
        optimizer.zero_grad()
        loss = cg.loss.mse_loss(cg.abs(spectra(x, measured.masks)), measured.magnitudes, reduction="sum")
        loss.backward()
        optimizer.step()
        errors.append(error(x.detach().numpy(), truth))
        progress.set_postfix(loss=f"{loss.item():.2e}", error=f"{errors[-1]:.1e}")
    return x.detach(), errors


def aligned(x: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """x times the number of size 1 that brings it nearest to the truth: the phase of the whole is in no magnitude."""
    overlap = np.vdot(x, truth)
    return x * (overlap / abs(overlap))


def error(x: np.ndarray, truth: np.ndarray) -> float:
    """The distance from the truth over the truth's norm, the phase of the whole aside."""
    return float(np.linalg.norm(aligned(x, truth) - truth) / np.linalg.norm(truth))


# The picture --------------------------------------------------------------------------------------------------------------------------


def draw(truth: np.ndarray, start: np.ndarray, found: np.ndarray, errors: list[float], file: Path) -> None:
    """Brightness above and phase below, of truth, start and result; beside them the error at every step."""
    figure = Figure(figsize=(14, 6), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[2, 1])
    draw_waves(left, {"truth": truth, f"start, error {errors[0]:.2f}": start, f"result, error {errors[-1]:.1e}": found})
    draw_errors(right, errors)
    figure.savefig(file, dpi=120)


def draw_waves(figure, waves: dict[str, np.ndarray]) -> None:
    panels = figure.subplots(2, len(waves))
    for (above, below), (title, x) in zip(panels.T, waves.items(), strict=True):
        brightness = above.imshow(np.abs(x), cmap="gray", vmin=0, vmax=1)
        phase = below.imshow(np.angle(x), cmap="twilight", vmin=-np.pi, vmax=np.pi)
        above.set_title(title)
        for axes in (above, below):
            axes.set(xticks=[], yticks=[])
    figure.colorbar(brightness, ax=panels[0], label="magnitude")
    figure.colorbar(phase, ax=panels[1], label="phase (radians)")


def draw_errors(figure, errors: list[float]) -> None:
    axes = figure.subplots()
    axes.plot(errors, color="tab:blue")
    axes.set(xlabel="step", ylabel="relative error, the phase of the whole aside", yscale="log")
    axes.set_title(f"{MASKS} magnitudes, no phases")
    axes.grid(alpha=0.3, which="both")


if __name__ == "__main__":
    sys.exit(main())
