"""Train a small network on scikit-learn's 1 797 images of handwritten digits, with NumPy, CuPy, torch or JAX.

    python examples/train_digits.py
    python examples/train_digits.py --library torch --device cpu --seed 3 --epochs 20

It writes two files into the folder --output: `digits.png`, the loss curve and the worst mistakes, and `digits.safetensors`, the
trained parameters, which it loads back to check that the network they make is as accurate as the one that was saved.
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
from safetensors.numpy import load_file, save_file
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import clumsygrad as cg
from clumsygrad.activation import relu, softmax
from clumsygrad.loss import cross_entropy

HIDDEN = 128
BATCH = 32
LEARNING_RATE = 4e-3
ROWS, COLUMNS = 2, 4  # of the mistakes that are drawn

Parameters = dict[str, cg.Tensor]


@dataclass
class Split:
    """One part of the data: images as rows of 64 numbers from 0 to 1, and the digits they show."""

    images: cg.Tensor
    labels: cg.Tensor


def main() -> int:
    options = parse_options()
    problem = why_not(options.library, options.device)
    if problem is not None:
        print(problem, file=sys.stderr)
        return 2

    random = cg.random.Generator(options.seed, library=options.library, device=options.device)
    training, held_out = load_splits(options.library, options.device, options.seed)
    parameters = new_parameters(random)
    start = time.perf_counter()
    curves = train(parameters, training, held_out, random, options.epochs)
    seconds = time.perf_counter() - start
    accuracy = curves["held-out accuracy"][-1]

    options.output.mkdir(parents=True, exist_ok=True)
    file = options.output / "digits.safetensors"
    save(parameters, file)
    loaded_accuracy = evaluate(load(file, options.library, options.device), held_out)[1]
    if loaded_accuracy != accuracy:
        print(f"{file}: loaded parameters give {loaded_accuracy:.2%}, those in memory {accuracy:.2%}", file=sys.stderr)
        return 1
    picture = options.output / "digits.png"
    draw(curves, parameters, held_out, picture)

    print(f"{options.library} on {held_out.images.device}: {options.epochs} epochs in {seconds:.1f} s")
    print(f"held-out accuracy {accuracy:.2%} on {len(held_out.labels)} images; the same after loading {file}")
    print(f"loss curve and worst mistakes: {picture}")
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a small network on 1 797 images of handwritten digits.")
    add_place(parser)
    parser.add_argument("--seed", type=int, default=0, help="of the split, the first parameters and the batches (default: 0)")
    parser.add_argument("--epochs", type=int, default=40, help="passes over the training images (default: 40)")
    parser.add_argument("--output", type=Path, default=Path("build/digits"), help="folder of the results (default: build/digits)")
    options = parser.parse_args()
    if options.epochs < 1:
        parser.error("--epochs must be at least 1")
    return options


def load_splits(library: str, device: str | None, seed: int) -> tuple[Split, Split]:
    """Three quarters of the images to train on, and one quarter held out; in each, the same share of every digit."""
    images, labels = load_digits(return_X_y=True)
    images = images.astype(np.float32) / 16
    parts = train_test_split(images, labels, test_size=0.25, stratify=labels, random_state=seed)
    train_images, test_images, train_labels, test_labels = (to_place(part, library, device) for part in parts)
    return Split(train_images, train_labels), Split(test_images, test_labels)


def new_parameters(random: cg.random.Generator) -> Parameters:
    return {
        "hidden.weight": random.he((64, HIDDEN), dtype="float32"),
        "hidden.bias": random.normal((HIDDEN,), std=0.01, dtype="float32", requires_grad=True),
        "output.weight": random.he((HIDDEN, 10), dtype="float32"),
        "output.bias": random.normal((10,), std=0.01, dtype="float32", requires_grad=True),
    }


def network(parameters: Parameters, images: cg.Tensor) -> cg.Tensor:
    """The logits, ten for each image."""
    hidden = relu(images @ parameters["hidden.weight"] + parameters["hidden.bias"])
    return hidden @ parameters["output.weight"] + parameters["output.bias"]


def train(
    parameters: Parameters, training: Split, held_out: Split, random: cg.random.Generator, epochs: int
) -> dict[str, list[float]]:
    """Fit the parameters in place, and return the curves of loss and accuracy, one value an epoch."""
    optimizer = cg.optimizer.Adam(parameters.values(), learning_rate=LEARNING_RATE)
    curves: dict[str, list[float]] = {"training loss": [], "held-out loss": [], "held-out accuracy": []}
    count = len(training.labels)
    progress = tqdm(range(epochs), unit="epoch", desc="training")
    for _ in progress:
        order = random.permutation(count)
        for first in range(0, count, BATCH):
            rows = order[first : first + BATCH]
            optimizer.zero_grad()
            loss = cross_entropy(network(parameters, training.images[rows]), training.labels[rows])
            loss.backward()
            optimizer.step()
        curves["training loss"].append(evaluate(parameters, training)[0])
        loss_value, accuracy = evaluate(parameters, held_out)
        curves["held-out loss"].append(loss_value)
        curves["held-out accuracy"].append(accuracy)
        progress.set_postfix(loss=f"{curves['training loss'][-1]:.4f}", accuracy=f"{accuracy:.2%}")
    return curves


@cg.no_grad()
def evaluate(parameters: Parameters, split: Split) -> tuple[float, float]:
    """The mean loss on a split, and the share of its images whose digit is found."""
    logits = network(parameters, split.images)
    correct = cg.count_nonzero(cg.argmax(logits, axis=1) == split.labels)
    return cross_entropy(logits, split.labels).item(), correct.item() / len(split.labels)


def save(parameters: Parameters, file: Path) -> None:
    save_file({name: x.detach().numpy() for name, x in parameters.items()}, file)


def load(file: Path, library: str, device: str | None) -> Parameters:
    return {name: to_place(array, library, device) for name, array in load_file(file).items()}


def draw(curves: dict[str, list[float]], parameters: Parameters, held_out: Split, file: Path) -> None:
    """The loss curves, and beside them the held-out images that the network is wrong about with the most confidence."""
    figure = Figure(figsize=(12, 5), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1.1, 1])
    draw_curves(left, curves)
    draw_mistakes(right, parameters, held_out)
    figure.savefig(file, dpi=150)


def draw_curves(figure, curves: dict[str, list[float]]) -> None:
    axes = figure.subplots()
    epochs = range(1, len(curves["training loss"]) + 1)
    axes.plot(epochs, curves["training loss"], color="tab:blue", label="training images")
    axes.plot(epochs, curves["held-out loss"], color="tab:orange", label="held-out images")
    axes.set(xlabel="epoch", ylabel="mean cross-entropy", yscale="log")
    axes.set_title(f"Loss (held-out accuracy at the end: {curves['held-out accuracy'][-1]:.2%})")
    axes.grid(alpha=0.3, which="both")
    axes.legend(frameon=False)


def draw_mistakes(figure, parameters: Parameters, held_out: Split) -> None:
    with cg.no_grad():
        probabilities = softmax(network(parameters, held_out.images)).numpy()
    labels, images = held_out.labels.numpy(), held_out.images.numpy()
    guesses = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    wrong = np.flatnonzero(guesses != labels)
    worst = wrong[np.argsort(-confidence[wrong])][: ROWS * COLUMNS]
    shown = "All" if len(worst) == len(wrong) else f"The {len(worst)} most confident of"
    figure.suptitle(f"{shown} {len(wrong)} mistakes on {len(labels)} held-out images")
    panels = figure.subplots(ROWS, COLUMNS).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, index in zip(panels, worst, strict=False):
        axes.imshow(images[index].reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        axes.set_title(f"true {labels[index]}, predicted {guesses[index]}\n({confidence[index]:.0%} confident)", fontsize=9)
        axes.set(xticks=[], yticks=[])
        axes.set_axis_on()


if __name__ == "__main__":
    sys.exit(main())
