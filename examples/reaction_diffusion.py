"""Recover the initial condition of a reaction-diffusion equation from its final state, through 1 000 time steps.

    python examples/reaction_diffusion.py
    python examples/reaction_diffusion.py --size 64 --iterations 5

The equation is Fisher's, ∂u/∂t = D Δu + r u (1 − u), on a square whose opposite edges are joined: what is drawn in u spreads, and
grows towards 1 (R. A. Fisher, 1937; A. N. Kolmogorov, I. G. Petrovsky and N. S. Piskunov, 1937). The gradient of the misfit with
respect to the initial condition goes back through every step. Kept as they are, the inner values of 1 000 steps are thousands of
states; in segments of segments, each a checkpoint, a few dozen are alive at once.

It writes one file into the folder --output: `reaction_diffusion.png`.
"""

from __future__ import annotations

import argparse
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

import clumsygrad as cg
from clumsygrad.func import checkpoint, grad, minimize, value_and_grad

SEGMENTS, PARTS, STEPS = 20, 10, 5  # steps in all: their product
GROWTH = 1.0  # r times the whole time
SPREAD = 1 / 32  # the square root of 2 D times the whole time, of the side's length

State = np.ndarray
Step = Callable[[cg.Tensor], cg.Tensor]


def main() -> int:
    options = parse_options()
    truth = drawing(options.size)
    start = time.perf_counter()
    with cg.no_grad():
        observed = simulate(cg.Tensor(truth)).data
    forward = time.perf_counter() - start
    count = SEGMENTS * PARTS * STEPS
    print(f"state of {truth.nbytes / 2**20:.2f} MiB, {count} steps in {forward:.1f} s")

    difference = difference_to_plain_gradient(truth, observed)
    print(f"largest difference from the gradient without checkpoints, through {PARTS * STEPS} steps: {difference:.0e}")
    if difference > 0:
        return 1
    peak = peak_of_gradient(observed) / truth.nbytes
    print(f"peak memory of one gradient: {peak:.0f} states")

    recovered, curve = recover(observed, options.iterations)
    error = np.linalg.norm(recovered - truth) / np.linalg.norm(truth)
    before = np.linalg.norm(observed - truth) / np.linalg.norm(truth)
    print(f"misfit {curve[0]:.2e} to {curve[-1]:.2e}; error of the initial condition {before:.1%} to {error:.1%}")

    options.output.mkdir(parents=True, exist_ok=True)
    picture = options.output / "reaction_diffusion.png"
    draw(truth, observed, recovered, curve, f"recovered (error {error:.1%})", picture)
    print(f"picture: {picture}")
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Recover the initial condition of a reaction-diffusion equation.")
    parser.add_argument("--size", type=int, default=368, help="cells along each side (default: 368, a state of 1 MiB)")
    parser.add_argument("--iterations", type=int, default=15, help="of L-BFGS (default: 15)")
    parser.add_argument("--output", type=Path, default=Path("build/reaction_diffusion"), help="folder of the picture")
    options = parser.parse_args()
    if options.size < 16 or options.iterations < 1:
        parser.error("--size must be at least 16, --iterations at least 1")
    return options


def drawing(size: int) -> State:
    """A nabla: the distance to its three strokes, as soft lines."""
    y, x = np.mgrid[0:size, 0:size] * (2 / size) - 1
    corners = [(-0.6, -0.5), (0.6, -0.5), (0.0, 0.6)]
    distance = np.full((size, size), np.inf)
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2)
        along = np.clip(along, 0, 1)
        distance = np.minimum(distance, np.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay)))
    return 0.5 * np.exp(-((distance / 0.1) ** 2))


# The simulation -------------------------------------------------------------------------------------------------------------------


def laplacian_backward(tensor: cg.Tensor, grad: State) -> tuple[State]:
    """z = Δu:   ū = Δz̄, since Δ is symmetric."""
    return (laplacian(grad),)


@cg.operation(laplacian_backward)
def laplacian(u: State) -> State:
    """The sum of the four neighbours' differences: one operation, where rolls and sums would each keep an array."""
    z = u * -4.0
    for axis in (0, 1):
        z += cg.roll(u, 1, axis=axis)
        z += cg.roll(u, -1, axis=axis)
    return z


def step(u: cg.Tensor) -> cg.Tensor:
    count = SEGMENTS * PARTS * STEPS
    spread = SPREAD * u.shape[0]  # in cells
    return u + laplacian(u) * (spread**2 / 2 / count) + u * (1 - u) * (GROWTH / count)


def repeated(f: Step, count: int) -> Step:
    def run(u: cg.Tensor) -> cg.Tensor:
        for _ in range(count):
            u = f(u)
        return u

    return run


part = checkpoint(repeated(step, STEPS))
segment = checkpoint(repeated(part, PARTS))
simulate = repeated(segment, SEGMENTS)


def misfit(u: cg.Tensor, observed: State, run: Step = simulate) -> cg.Tensor:
    return cg.sum((run(u) - observed) ** 2)


# What it must show, and the recovery ------------------------------------------------------------------------------------------------


def difference_to_plain_gradient(u: State, observed: State) -> float:
    """Through one segment, whose inner values fit into memory."""
    plain = grad(misfit)(u, observed, repeated(step, PARTS * STEPS))
    return float(np.max(np.abs(grad(misfit)(u, observed, segment) - plain)))


def peak_of_gradient(observed: State) -> int:
    """Bytes allocated at once, at most, for the gradient through all steps."""
    tracemalloc.start()
    value_and_grad(misfit)(observed, observed)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def recover(observed: State, iterations: int) -> tuple[State, list[float]]:
    """The initial condition with the least misfit, from the observed state as a first guess; and the misfit at each gradient."""
    curve = []
    with tqdm(total=iterations, unit="iteration", desc="recovering") as progress:

        def evaluated(u: cg.Tensor) -> cg.Tensor:
            value = misfit(u, observed)
            curve.append(value.item())
            progress.set_postfix(misfit=f"{min(curve):.2e}")
            return value

        def advance(_: State) -> None:
            progress.update()

        best, _ = minimize(evaluated, observed, method="L-BFGS-B", options={"maxiter": iterations}, callback=advance)
    return best, curve


def draw(truth: State, observed: State, recovered: State, curve: list[float], title: str, file: Path) -> None:
    figure = Figure(figsize=(14, 4), layout="constrained")
    *panels, right = figure.subplots(1, 4, width_ratios=[1, 1, 1, 1.1])
    names = ["initial condition", "after 1 000 steps (all that is known)", title]
    for axes, u, name in zip(panels, (truth, observed, recovered), names, strict=True):
        image = axes.imshow(u, cmap="magma", vmin=0, vmax=float(observed.max()))
        axes.set_title(name, fontsize=10)
        axes.set(xticks=[], yticks=[])
    figure.colorbar(image, ax=panels, label="u", shrink=0.8)
    right.semilogy(range(1, len(curve) + 1), curve, color="tab:blue")
    right.set(xlabel="gradient", ylabel="Σ (simulated − observed)²")
    right.set_title("misfit", fontsize=10)
    right.grid(alpha=0.3, which="both")
    figure.savefig(file, dpi=150)


if __name__ == "__main__":
    sys.exit(main())
