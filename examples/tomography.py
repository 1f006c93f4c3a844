"""Reconstruct a slice from X-rays through it, and find where its axis of rotation was, with NumPy, CuPy, torch or JAX.

    python examples/tomography.py
    python examples/tomography.py --library torch --size 192 --photons 3000

A slice turns between a source of parallel rays and a row of detectors, which count the photons that come through: on average
photons · exp(−p), where p is the integral of the slice along the ray. The dose is low, and the axis of rotation is not behind the
middle of the row, but beside it, by a distance that nobody measured. What is looked for are the slice x ≥ 0 and that distance c:
a minimum of

    L(x, c) = −2 log P(counts | x, c) / rays + smoothness · ∫ |∇x|,     P Poisson's probability, up to a constant.

The model of the measurement, `project`, is plain array code: it asks its array for a namespace, and knows nothing of derivatives.
The gradient in c goes through the positions of the rays. The descent starts from a filtered back projection: the model's adjoint, which is
its pullback and nowhere written down, about an axis that is found by a gradient through that pullback. (Rays
through pixels: Joseph 1982. Total variation: Rudin, Osher and Fatemi 1992. The slice: Shepp and Logan 1974, with the contrast of Toft
1996; its counts are drawn from its formula, not from pixels.)

It writes `tomography.png` into the folder --output: truth, counts, filtered back projections and the reconstruction.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from array_api_compat import array_namespace, device
from matplotlib.figure import Figure
from places import add_place, to_place, why_not
from tqdm import tqdm

import clumsygrad as cg
from clumsygrad.func import minimize, vjp

ABSORPTION = 4.0  # of a ray through a slice of density 1, from side to side
OFFSET = 0.021  # of the axis, in widths of the slice: the truth
FINER = 4  # lines along each side of a pixel, and rays across each detector, that the truth is a mean of
UNIT = 1 / 2000  # of the offset, as it is varied: L curves as much in it as in the whole slice
EDGE = 0.01  # the step of density below which the total variation is that of a smooth slope

# density, half axes, centre and angle (degrees) of each ellipse, in a square from −1 to 1
ELLIPSES = [
    (1.0, 0.69, 0.92, 0.0, 0.0, 0.0),
    (-0.8, 0.6624, 0.874, 0.0, -0.0184, 0.0),
    (-0.2, 0.11, 0.31, 0.22, 0.0, -18.0),
    (-0.2, 0.16, 0.41, -0.22, 0.0, 18.0),
    (0.1, 0.21, 0.25, 0.0, 0.35, 0.0),
    (0.1, 0.046, 0.046, 0.0, 0.1, 0.0),
    (0.1, 0.046, 0.046, 0.0, -0.1, 0.0),
    (0.1, 0.046, 0.023, -0.08, -0.605, 0.0),
    (0.1, 0.023, 0.023, 0.0, -0.606, 0.0),
    (0.1, 0.023, 0.046, 0.06, -0.605, 0.0),
]


@dataclass
class Measurement:
    """What is known: the angles of the rays, the photons counted (angles, detectors), and the integrals that they tell of."""

    angles: cg.Tensor
    counts: cg.Tensor
    integrals: cg.Tensor


@dataclass
class Result:
    """The slice, where the axis of rotation is beside the middle, in widths of the slice, and the loss at every gradient."""

    slice: np.ndarray
    offset: float
    losses: list[float]


def main() -> int:
    options = parse_options()
    problem = why_not(options.library, options.device)
    if problem is not None:
        print(problem, file=sys.stderr)
        return 2

    size = options.size
    truth = slice_of_a_head(size)
    measured = measure(options, np.random.default_rng(options.seed))
    start = time.perf_counter()
    ramped = ramp(measured, options)
    offset = find_axis(ramped, measured.angles)
    result = reconstruct(measured, ramped, offset, options)
    seconds = time.perf_counter() - start

    plain = [cg.Tensor(back_projection(ramped, measured.angles, c)).numpy() for c in (0.0, offset)]
    slices = {
        "filtered back projection,\nthe axis taken to be in the middle": plain[0],
        f"filtered back projection,\nabout an axis at {offset * size:.2f} pixels": plain[1],
        f"least L, in slice and axis:\nthe axis at {result.offset * size:.2f} pixels": result.slice,
    }
    errors = [error(x, truth) for x in slices.values()]
    options.output.mkdir(parents=True, exist_ok=True)
    picture = options.output / "tomography.png"
    draw(truth, measured, slices, errors, result.losses, picture)

    print(f"{options.library} on {measured.counts.device}: axis and {len(result.losses)} gradients of L in {seconds:.1f} s")
    print(f"axis beside the middle by {OFFSET * size:.3f} pixels, found at {offset * size:.3f}, then {result.offset * size:.3f}")
    print("relative errors: filtered back projection {:.1%}, about the axis found {:.1%}, least L {:.1%}".format(*errors))
    print(f"truth, counts and slices: {picture}")
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Reconstruct a slice from a low dose of X-rays through it.")
    add_place(parser)
    parser.add_argument("--seed", type=int, default=0, help="of the photons (default: 0)")
    parser.add_argument("--size", type=int, default=128, help="pixels on a side, and detectors (default: 128)")
    parser.add_argument("--angles", type=int, default=60, help="of the rays, over half a turn (default: 60)")
    parser.add_argument("--photons", type=float, default=1e4, help="into each ray (default: 10000)")
    parser.add_argument("--smoothness", type=float, default=0.4, help="the weight of the total variation (default: 0.4)")
    parser.add_argument("--iterations", type=int, default=50, help="of L-BFGS, at most (default: 50)")
    parser.add_argument("--output", type=Path, default=Path("build/tomography"), help="folder of the picture")
    options = parser.parse_args()
    if options.size < 16 or options.angles < 4 or options.angles % 2:
        parser.error("--size must be at least 16, --angles an even number from 4 on")
    if options.photons < 1 or options.smoothness < 0 or options.iterations < 1:
        parser.error("--photons and --iterations must be at least 1, --smoothness not negative")
    return options


# The model: array code, of whatever library ------------------------------------------------------------------------------------------


def project(x, angles, offset):
    """The integrals of a square slice x along parallel rays, (angles, detectors): as many detectors as x has columns.

    The rays are at each angle, from −45° to 135°, to the vertical; `offset` is where the axis of rotation is seen, beside the middle
    of the detectors. The side of x is the unit of length.
    """
    xp = array_namespace(x)
    half = angles.shape[0] // 2
    steep = along_rays(x, xp.cos(angles[:half]), xp.sin(angles[:half]), offset)
    flat = along_rays(x.T, xp.sin(angles[half:]), xp.cos(angles[half:]), offset)
    return xp.concat([steep, flat])


def along_rays(x, cosines, sines, offset):
    """Joseph's method: a ray meets each row of pixels between two of them, and sees their weighted mean."""
    xp = array_namespace(x)
    size = x.shape[0]
    middles = (xp.arange(size, dtype=x.dtype, device=device(x)) + 0.5) / size - 0.5
    detectors, rows = middles[None, :, None], middles[None, None, :]
    cosines, sines = cosines[:, None, None], sines[:, None, None]
    columns = ((detectors - offset - rows * sines) / cosines + 0.5) * size - 0.5
    left = xp.floor(columns)
    between = columns - left
    seen = pixels(x, left) * (1 - between) + pixels(x, left + 1) * between
    return xp.sum(seen / (cosines * size), axis=2)


def pixels(x, columns):
    """The pixels of x at the whole numbers `columns`, whose last axis runs over the rows; 0 beside the slice."""
    xp = array_namespace(x)
    size = x.shape[0]
    inside = xp.astype((columns >= 0) & (columns < size), x.dtype)
    nearest = xp.astype(xp.clip(columns, 0, size - 1), xp.int32)
    index = nearest + size * xp.arange(size, dtype=xp.int32, device=device(x))
    return xp.reshape(xp.take(xp.reshape(x, (-1,)), xp.reshape(index, (-1,))), columns.shape) * inside


def deviance(x, offset, measured: Measurement):
    """Twice the logarithm of the best probability of the counts over that by x; about 1 for each ray where x is the truth."""
    xp = array_namespace(x)
    excess = ABSORPTION * (project(x, measured.angles, offset) - measured.integrals)
    return 2 * xp.mean(measured.counts * (xp.expm1(-excess) + excess))


def total_variation(x):
    """The integral of the size of the gradient: the height of each step times its length."""
    xp = array_namespace(x)
    up, right = x[1:, :-1] - x[:-1, :-1], x[:-1, 1:] - x[:-1, :-1]
    return xp.sum(xp.sqrt(up**2 + right**2 + EDGE**2) - EDGE) / x.shape[0]


# What is measured ---------------------------------------------------------------------------------------------------------------------


def slice_of_a_head(size: int) -> np.ndarray:
    """The mean density of each pixel, from the bottom row to the top."""
    x, y = np.meshgrid(*[2 * middles(size * FINER)] * 2)
    fine = np.zeros((size * FINER, size * FINER))
    for density, along, across, x0, y0, turned in ELLIPSES:
        cosine, sine = np.cos(np.deg2rad(turned)), np.sin(np.deg2rad(turned))
        u, v = (x - x0) * cosine + (y - y0) * sine, (y - y0) * cosine - (x - x0) * sine
        fine += density * ((u / along) ** 2 + (v / across) ** 2 <= 1)
    return fine.reshape(size, FINER, size, FINER).mean(axis=(1, 3))


def measure(options: argparse.Namespace, random: np.random.Generator) -> Measurement:
    """The counts of the photons, with the chords that rays cut off the ellipses; a ray that nothing came through counts as one."""
    angles = np.pi * (middles(options.angles) + 0.25)
    positions = 2 * (middles(options.size * FINER) - OFFSET)
    integrals = np.zeros((options.angles, options.size * FINER))
    for density, along, across, x0, y0, turned in ELLIPSES:
        cosines, sines = np.cos(angles - np.deg2rad(turned))[:, None], np.sin(angles - np.deg2rad(turned))[:, None]
        width = (along * cosines) ** 2 + (across * sines) ** 2
        beside = positions - x0 * np.cos(angles)[:, None] - y0 * np.sin(angles)[:, None]
        integrals += density * along * across * np.sqrt(np.maximum(width - beside**2, 0.0)) / width
    through = np.exp(-ABSORPTION * integrals).reshape(options.angles, options.size, FINER).mean(axis=2)
    counts = np.maximum(random.poisson(options.photons * through), 1)
    known = angles, counts, np.log(options.photons / counts) / ABSORPTION
    return Measurement(*[to_place(x.astype("float32"), options.library, options.device) for x in known])


def middles(count: int) -> np.ndarray:
    """Of `count` parts of a line from −½ to ½."""
    return (np.arange(count) + 0.5) / count - 0.5


# The way back -------------------------------------------------------------------------------------------------------------------------


def ramp(measured: Measurement, options: argparse.Namespace) -> cg.Tensor:
    """The integrals, filtered so that their back projection is the slice: by a ramp, and a Hann window against noise.

    Source: Kak and Slaney 1988, section 3.3, equation 61.
    """
    size = measured.integrals.shape[1]
    steps = np.arange(-size, size + 1)
    odd = steps % 2 == 1
    kernel = np.where(steps == 0, 1 / 4, 0.0)
    kernel[odd] = -1 / (np.pi * steps[odd]) ** 2
    kernel = np.convolve(kernel, [0.25, 0.5, 0.25], mode="valid")
    rows = size * np.stack([np.convolve(row, kernel, mode="valid") for row in measured.integrals.numpy()])
    return to_place(rows.astype("float32"), options.library, options.device)


def back_projection(rows, angles, offset):
    """Each pixel's mean over the rays through it: the adjoint of `project`, which is the pullback of a linear function."""
    xp = array_namespace(rows)
    size = rows.shape[1]
    nothing = xp.zeros((size, size), dtype=rows.dtype, device=device(rows))
    _, pullback = vjp(lambda x: project(x, angles, offset), nothing)
    (x,) = pullback(rows)
    return x * (np.pi * size / rows.shape[0])


def find_axis(rows: cg.Tensor, angles: cg.Tensor) -> float:
    """The offset about which the back projection has least of what no slice has: densities below 0."""

    def below_zero(pixels):
        x = back_projection(rows, angles, pixels / rows.shape[1])
        return cg.sum(cg.clip(x, max=0.0) ** 2)

    pixels, _ = minimize(below_zero, array_namespace(rows).zeros_like(rows[0, 0]))
    return cg.Tensor(pixels).item() / rows.shape[1]


def reconstruct(measured: Measurement, rows: cg.Tensor, offset: float, options: argparse.Namespace) -> Result:
    """Slice and offset at which L is least, from the back projection about the offset that is given."""
    losses: list[float] = []
    start = cg.clip(back_projection(rows, measured.angles, offset), min=0.0)
    with tqdm(total=options.iterations, unit="iteration", desc="reconstructing") as progress:

        def loss(unknown):
            x, offset = unknown["slice"], unknown["offset"] * UNIT
            value = deviance(x, offset, measured) + options.smoothness * total_variation(x)
            losses.append(value.item())
            progress.set_postfix(loss=f"{losses[-1]:.4f}", axis=f"{options.size * offset.item():.3f} pixels")
            return value

        found, _ = minimize(
            loss,
            {"slice": start, "offset": array_namespace(rows).full_like(rows[0, 0], offset / UNIT)},
            bounds=({"slice": 0.0, "offset": -np.inf}, None),
            options={"maxiter": options.iterations},
            callback=lambda _: progress.update(),
        )
    return Result(cg.Tensor(found["slice"]).numpy(), cg.Tensor(found["offset"]).item() * UNIT, losses)


def error(x: np.ndarray, truth: np.ndarray) -> float:
    return float(np.linalg.norm(x - truth) / np.linalg.norm(truth))


# The picture --------------------------------------------------------------------------------------------------------------------------


def draw(
    truth: np.ndarray, measured: Measurement, slices: dict[str, np.ndarray], errors: list[float], losses: list[float], file: Path
) -> None:
    """Truth, counts and losses above; below, two filtered back projections and the slice of least L."""
    figure = Figure(figsize=(12, 8.2), layout="constrained")
    upper, lower = figure.subfigures(2, 1)
    above, below = upper.subplots(1, 3), lower.subplots(1, 3)
    draw_slice(above[0], truth, f"truth, {truth.shape[0]} × {truth.shape[1]}")
    draw_counts(above[1], measured)
    draw_losses(above[2], losses)
    for axes, (title, x), value in zip(below, slices.items(), errors, strict=True):
        image = draw_slice(axes, x, f"{title}\nrelative error {value:.1%}")
    lower.colorbar(image, ax=below, label="density", extend="max")
    figure.savefig(file, dpi=120)


def draw_slice(axes, x: np.ndarray, title: str):
    axes.set_title(title, fontsize=10)
    axes.set(xticks=[], yticks=[])
    return axes.imshow(x, cmap="gray", vmin=0.0, vmax=0.5, origin="lower")


def draw_counts(axes, measured: Measurement) -> None:
    counts = measured.counts.numpy()
    image = axes.imshow(counts, cmap="viridis", aspect="auto", origin="lower", extent=(-0.5, 0.5, -45, 135))
    axes.axvline(OFFSET, color="white", lw=1, ls="--")
    axes.set(xlabel="detector, in widths of the slice", ylabel="angle of the rays (degrees)", yticks=[-45, 0, 45, 90, 135])
    axes.set_title("what is known: the photons counted\n(dashed: the axis, which is not known)", fontsize=10)
    axes.figure.colorbar(image, ax=axes, label="photons")


def draw_losses(axes, losses: list[float]) -> None:
    axes.semilogy(range(1, len(losses) + 1), losses, color="tab:blue")
    axes.set(xlabel="gradient", ylabel="L")
    axes.set_title("descent of L", fontsize=10)
    axes.grid(alpha=0.3, which="both")


if __name__ == "__main__":
    sys.exit(main())
