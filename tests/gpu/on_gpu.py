"""What the tests on a GPU share."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import pytest
from backends import BACKENDS
from checks import Derivatives, directions_like

import clumsygrad as cg

VALUE_TOLERANCE = 1e-10
STANDIN = os.environ.get("CLUMSYGRAD_GPU_STANDIN", "0") != "0"  # whose threads take their turns on one core

_Row = TypeVar("_Row")


def rows_here(rows: Sequence[_Row]) -> Sequence[_Row]:
    """The rows; without a GPU one stands for all, to say once why it is skipped."""
    return rows if BACKENDS["cupy"].missing() is None else rows[:1]


def differentiated(here: Derivatives, arrays: Sequence[Any], cotangent: Any) -> tuple[Any, list[Any]]:
    """A row's value and gradients, as the arrays that the tape leaves on the device; operands and cotangent are such arrays too."""
    leaves = [cg.Tensor(x, requires_grad=True) for x in arrays]
    z = here.apply(*leaves)
    z.backward(cotangent)
    return z.data, [leaf.grad for leaf in leaves]


def cotangent_of(here: Derivatives, arrays: Sequence[Any]) -> Any:
    (direction,) = directions_like([here.value(arrays)], seed=1)
    return direction


def second_device(gpu: Any) -> Any:
    """The device beside the one that is current; skips where there is one only."""
    if gpu.module.cuda.runtime.getDeviceCount() < 2:
        pytest.skip("there is one GPU only")
    return gpu.module.cuda.Device(1)


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    """What is freed here is freed by reference counting."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def watched_pool(gpu: Any) -> Any:
    """A hook of CuPy's memory pool that keeps the highest number of bytes in use at once: `with watched_pool(gpu) as pool: pool.peak`."""

    class Watched(gpu.module.cuda.MemoryHook):
        name = "highest number of bytes in use"

        def __init__(self) -> None:
            self.used = self.peak = gpu.module.get_default_memory_pool().used_bytes()

        def malloc_postprocess(self, **kwargs: Any) -> None:
            self.used += kwargs["mem_size"]
            self.peak = max(self.peak, self.used)

        def free_postprocess(self, **kwargs: Any) -> None:
            self.used -= kwargs["mem_size"]

    return Watched()


def drawn_digits(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of 8 x 8 from 0 to 1 as rows, and the digits that they show: drawn by hand, moved and made noisy. For want of data."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 10
    images = np.zeros((count, 8, 8))
    for image, label in zip(images, labels, strict=True):
        down, right = random.integers(0, 2), random.integers(0, 4)
        strokes = np.asarray([[character == "#" for character in line] for line in GLYPHS[label].split()], dtype=float)
        image[down : down + 7, right : right + 5] = strokes * random.uniform(0.6, 1.0)
    images += random.normal(0, 0.12, images.shape)
    return np.clip(images, 0, 1).reshape(count, 64).astype(np.float32), labels


GLYPHS = (
    ".###. #...# #...# #...# #...# #...# .###.",
    "..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###.",
    ".###. #...# ....# ...#. ..#.. .#... #####",
    ".###. #...# ....# ..##. ....# #...# .###.",
    "...#. ..##. .#.#. #..#. ##### ...#. ...#.",
    "##### #.... ####. ....# ....# #...# .###.",
    "..##. .#... #.... ####. #...# #...# .###.",
    "##### ....# ...#. ..#.. ..#.. .#... .#...",
    ".###. #...# #...# .###. #...# #...# .###.",
    ".###. #...# #...# .#### ....# ...#. .##..",
)
