"""Train a transformer to write, character by character, what the standard library's docstrings say; with NumPy, CuPy, torch or JAX.

    python examples/characters.py
    python examples/characters.py --library cupy --size large

The text is every docstring of the Python that runs this: 1.6 million characters in Python 3.11. The model sees up to `context`
characters and gives the probability of each next one. Its blocks are those of GPT-2 (Radford et al. 2019): layer norm before attention and
before the hidden layer, each added to what came in; the table of the characters is also the last layer. AdamW, with a
warm-up, then a cosine (Loshchilov and Hutter 2017, 2019); gradients clipped by their norm.

`--size small` (0.1 million parameters) is for a CPU, `--size large` (11 million) for a GPU; the code is the same. Text, order of the
training windows and parameters go to the device once. A step reads nothing back, but every few steps the mean loss is shown.

It writes `characters.png` into the folder --output: the losses, beside those of simpler models. At the end it prints a sample.
"""

from __future__ import annotations

import argparse
import ast
import math
import sys
import sysconfig
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from array_api_compat import array_namespace
from matplotlib.figure import Figure
from places import add_place, to_place, why_not
from tqdm import tqdm

import clumsygrad as cg
from clumsygrad import nn

HELD_OUT = 0.05  # of the text, at its end
NO_DOCUMENTATION = {"test", "tests", "idlelib", "lib2to3", "site-packages", "dist-packages"}
FIRST_LOGITS = 6.0  # how large the largest are before training, whatever the width
WARM_UP = 0.05  # of the steps
LAST_RATE = 0.1  # of the learning rate
WEIGHT_DECAY = 0.1  # of matrices
LARGEST_NORM = 1.0  # of all gradients together
SHOWN = 40  # times that the losses are read
EXAMINED = 4  # batches of the text that is held out, each time
TEMPERATURE = 0.8  # of the sample

Parameters = dict[str, cg.Tensor]


@dataclass(frozen=True)
class Size:
    """Of the model and its training: what goes through it in one step are `batch` windows of `context` characters."""

    layers: int
    width: int
    heads: int
    context: int
    batch: int
    steps: int
    learning_rate: float
    dropout: float = 0.0  # in training, of what each layer adds


SIZES = {
    "tiny": Size(layers=1, width=32, heads=2, context=32, batch=16, steps=150, learning_rate=1e-2),
    "small": Size(layers=2, width=64, heads=4, context=64, batch=16, steps=1000, learning_rate=8e-3),
    "large": Size(layers=6, width=384, heads=6, context=256, batch=64, steps=4000, learning_rate=1e-3, dropout=0.2),
}


@dataclass
class Text:
    """Characters as numbers: those to train on, and those held out, on the device; and what the numbers stand for."""

    alphabet: str
    training: cg.Tensor
    held_out: cg.Tensor
    references: dict[str, float]  # the cross-entropy of simpler models on the text that is held out


def main() -> int:
    options = parse_options()
    problem = why_not(options.library, options.device)
    if problem is not None:
        print(problem, file=sys.stderr)
        return 2

    size = options.size
    random = cg.random.Generator(options.seed, library=options.library, device=options.device)
    text = load(docstrings(), options.library, options.device)
    parameters = new_parameters(size, len(text.alphabet), random)
    start = time.perf_counter()
    curves = train(parameters, text, size, random)
    seconds = time.perf_counter() - start
    options.output.mkdir(parents=True, exist_ok=True)
    picture = options.output / "characters.png"
    draw(curves, text.references, picture)
    written = sample(parameters, text, size, random, options.characters)

    count = sum(x.size for x in parameters.values())
    rate = size.steps * size.batch * size.context / seconds
    print(
        f"{options.library} on {text.training.device}: {count} parameters, {size.steps} steps in {seconds:.1f} s, {rate:.0f} characters/s"
    )
    references = ", ".join(f"{name} {value:.3f}" for name, value in text.references.items())
    print(f"held-out loss {curves['held out'][-1]:.3f} nats a character ({references})")
    print(f"losses: {picture}\n\na sample:\n{written}")
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a transformer on the docstrings of the standard library.")
    add_place(parser)
    parser.add_argument("--seed", type=int, default=0, help="of the first parameters, the windows and the sample (default: 0)")
    parser.add_argument("--size", choices=SIZES, default="small", help="small for a CPU, large for a GPU (default: small)")
    parser.add_argument("--steps", type=int, help="of the training (default: as many as the size has)")
    parser.add_argument("--characters", type=int, default=400, help="of the sample (default: 400)")
    parser.add_argument("--output", type=Path, default=Path("build/characters"), help="folder of the picture")
    options = parser.parse_args()
    size = SIZES[options.size]
    options.size = size if options.steps is None else replace(size, steps=options.steps)
    if options.size.steps < 1 or options.characters < 1:
        parser.error("--steps and --characters must be at least 1")
    return options


# The text -----------------------------------------------------------------------------------------------------------------------------


def docstrings() -> str:
    """Each docstring of the standard library once, in an order that is shuffled but always the same, in ASCII."""
    found = dict.fromkeys(text for file in source_files() for text in docstrings_of(file))
    texts = [text.encode("ascii", "ignore").decode() for text in found]
    return "\n\n".join(texts[i] for i in np.random.default_rng(0).permutation(len(texts)))


def source_files() -> list[Path]:
    root = Path(sysconfig.get_path("stdlib"))
    return sorted(file for file in root.rglob("*.py") if not NO_DOCUMENTATION & set(file.relative_to(root).parts))


def docstrings_of(file: Path) -> Iterator[str]:
    with warnings.catch_warnings(action="ignore"):  # of invalid escapes in old modules
        try:
            tree = ast.parse(file.read_bytes())
        except SyntaxError:  # a template
            return
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = ast.get_docstring(node)
            if text:
                yield text


def load(text: str, library: str, device: str | None) -> Text:
    alphabet = "".join(sorted(set(text)))
    numbers = np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    numbers = np.searchsorted(np.frombuffer(alphabet.encode("ascii"), dtype=np.uint8), numbers)
    training, held_out = np.split(numbers, [int(len(numbers) * (1 - HELD_OUT))])
    references = simpler_models(training, held_out, len(alphabet))
    return Text(alphabet, to_place(training, library, device), to_place(held_out, library, device), references)


def simpler_models(training: np.ndarray, held_out: np.ndarray, count: int) -> dict[str, float]:
    """The cross-entropy (nats) of the frequencies of characters, and of characters after characters, as counted, each one once more."""
    single = np.bincount(training, minlength=count) + 1.0
    pairs = np.bincount(training[:-1] * count + training[1:], minlength=count**2).reshape(count, count) + 1.0
    first, second = held_out[:-1], held_out[1:]
    return {
        "unigrams": float(-np.mean(np.log(single / single.sum())[held_out])),
        "bigrams": float(-np.mean(np.log(pairs / pairs.sum(axis=1, keepdims=True))[first, second])),
    }


# The model ----------------------------------------------------------------------------------------------------------------------------


def new_parameters(size: Size, characters: int, random: cg.random.Generator) -> Parameters:
    """Normal numbers; but 0 in the matrices whose products are added to the stream: at first every block lets it through as it is."""
    width = size.width

    def table(rows: int) -> cg.Tensor:
        return random.normal((rows, width), std=FIRST_LOGITS / width, dtype="float32", requires_grad=True)

    def matrix(rows: int, columns: int) -> cg.Tensor:
        return random.normal((rows, columns), std=1 / math.sqrt(rows), dtype="float32", requires_grad=True)

    def constant(value: float, *shape: int) -> cg.Tensor:
        return random.normal(shape, mean=value, std=0.0, dtype="float32", requires_grad=True)

    parameters = {"characters": table(characters), "positions": table(size.context)}
    for layer in range(size.layers):
        parameters |= {
            f"{layer}.attention.gain": constant(1.0, width),
            f"{layer}.attention.shift": constant(0.0, width),
            f"{layer}.attention.in": matrix(width, 3 * width),
            f"{layer}.attention.out": constant(0.0, width, width),
            f"{layer}.hidden.gain": constant(1.0, width),
            f"{layer}.hidden.shift": constant(0.0, width),
            f"{layer}.hidden.in": matrix(width, 4 * width),
            f"{layer}.hidden.bias": constant(0.0, 4 * width),
            f"{layer}.hidden.out": constant(0.0, 4 * width, width),
        }
    return parameters | {"gain": constant(1.0, width), "shift": constant(0.0, width)}


def model(p: Parameters, size: Size, characters: cg.Tensor, step: int | None = None) -> cg.Tensor:
    """The logits (batch, context, alphabet) of the character after each of `characters` (batch, context).

    With the number of a step of training, what the layers add is thinned out by dropout.
    """

    def thinned(x: cg.Tensor, seed: int) -> cg.Tensor:
        return x if step is None or size.dropout == 0 else nn.dropout(x, size.dropout, seed=seed, step=step)

    x = nn.embedding(p["characters"], characters) + p["positions"]
    for layer in range(size.layers):
        h = nn.layer_norm(x, p[f"{layer}.attention.gain"], p[f"{layer}.attention.shift"])
        h = attention(nn.linear(h, p[f"{layer}.attention.in"]), size.heads)
        x = x + thinned(nn.linear(h, p[f"{layer}.attention.out"]), 2 * layer)
        h = nn.layer_norm(x, p[f"{layer}.hidden.gain"], p[f"{layer}.hidden.shift"])
        h = nn.gelu(nn.linear(h, p[f"{layer}.hidden.in"], p[f"{layer}.hidden.bias"]))
        x = x + thinned(nn.linear(h, p[f"{layer}.hidden.out"]), 2 * layer + 1)
    return nn.linear(nn.layer_norm(x, p["gain"], p["shift"]), p["characters"].T)


def attention(h: cg.Tensor, heads: int) -> cg.Tensor:
    """Of queries, keys and values (batch, context, 3 · width), each character's over those before it and itself."""
    batch, context, three = h.shape
    q, k, v = cg.unstack(cg.reshape(h, (batch, context, 3, three // 3)), axis=2)
    return nn.scaled_dot_product_attention(q, k, v, causal=True, heads=heads)


# Training -----------------------------------------------------------------------------------------------------------------------------


def train(parameters: Parameters, text: Text, size: Size, random: cg.random.Generator) -> dict[str, list[float]]:
    """Fit the parameters in place, and return how the losses went, with the steps at which they were read."""
    matrices = [x for x in parameters.values() if x.ndim == 2]
    vectors = [x for x in parameters.values() if x.ndim == 1]
    optimizers = [cg.optimizer.AdamW(matrices, weight_decay=WEIGHT_DECAY), cg.optimizer.AdamW(vectors, weight_decay=0.0)]
    seen = random.integers((size.steps, size.batch), high=len(text.training) - size.context)
    unseen = random.integers((EXAMINED, size.batch), high=len(text.held_out) - size.context)
    curves: dict[str, list[float]] = {"step": [], "training": [], "held out": []}
    every = max(1, size.steps // SHOWN)
    losses = []
    progress = tqdm(cg.unstack(seen), unit="step", desc="training")
    for step, starts in enumerate(progress, start=1):
        loss = mean_loss(parameters, size, text.training, starts, step)
        loss.backward()
        cg.optimizer.clip_by_norm(parameters.values(), LARGEST_NORM)
        for optimizer in optimizers:
            optimizer.learning_rate = learning_rate(step, size)
            optimizer.step()
            optimizer.zero_grad()
        losses.append(loss.detach())
        if step % every == 0 or step == size.steps:
            with cg.no_grad():
                examined = [mean_loss(parameters, size, text.held_out, starts) for starts in cg.unstack(unseen)]
            curves["step"].append(step)
            curves["training"].append(cg.mean(cg.stack(losses)).item())
            curves["held out"].append(cg.mean(cg.stack(examined)).item())
            losses.clear()
            progress.set_postfix(loss=f"{curves['training'][-1]:.3f}", held_out=f"{curves['held out'][-1]:.3f}")
    return curves


def mean_loss(parameters: Parameters, size: Size, text: cg.Tensor, starts: cg.Tensor, step: int | None = None) -> cg.Tensor:
    """The cross-entropy (nats) of each next character in the windows of the text that begin at `starts`."""
    xp = array_namespace(starts)
    window = text[starts[:, None] + xp.arange(size.context + 1, dtype=starts.dtype, device=starts.device)]
    return nn.cross_entropy(model(parameters, size, window[:, :-1], step), window[:, 1:])


def learning_rate(step: int, size: Size) -> float:
    """Up along a line, then down along half a cosine."""
    done = step / size.steps
    if done < WARM_UP:
        return size.learning_rate * done / WARM_UP
    cosine = (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP))) / 2
    return size.learning_rate * (LAST_RATE + (1 - LAST_RATE) * cosine)


@cg.no_grad()
def sample(parameters: Parameters, text: Text, size: Size, random: cg.random.Generator, count: int) -> str:
    """What the model writes after the beginning of the text that is held out, drawn from its probabilities with a temperature.

    The largest of logarithm + Gumbel noise is such a draw (Gumbel 1954), and needs no number to be read.
    """
    noise = random.uniform((count, len(text.alphabet)), low=1e-7, high=1 - 1e-7, dtype="float32")
    noise = -cg.log(-cg.log(noise))
    line, written = text.held_out[None, : size.context], []
    for numbers in cg.unstack(noise):
        logits = model(parameters, size, line)[:, -1, :]
        following = cg.argmax(logits / TEMPERATURE + numbers, axis=1, keepdims=True)
        written.append(cg.astype(following, line.dtype))
        line = cg.concat([line[:, 1:], written[-1]], axis=1)
    return "".join(text.alphabet[i] for i in cg.concat(written, axis=1).numpy()[0])


def draw(curves: dict[str, list[float]], references: dict[str, float], file: Path) -> None:
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot(curves["step"], curves["training"], color="tab:blue", label="training text")
    axes.plot(curves["step"], curves["held out"], color="tab:orange", label="held-out text")
    for name, value in references.items():
        axes.axhline(value, color="0.5", lw=1, ls="--")
        axes.annotate(f"{name}, {value:.2f}", (curves["step"][-1], value), ha="right", va="bottom", color="0.4", fontsize=9)
    axes.set(xlabel="step", ylabel="cross-entropy (nats a character)", xlim=(0, curves["step"][-1]))
    axes.set_title(f"Docstrings, character by character: held-out loss {curves['held out'][-1]:.3f}")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(file, dpi=150)


if __name__ == "__main__":
    sys.exit(main())
