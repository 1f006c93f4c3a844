"""L2: phase retrieval's loss, 512 × 512, complex128: the magnitudes of fft2 of a masked image against measured ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..workload import Arrays, Inputs, Workload

N = 512
CONJUGATE = "its gradient is the conjugate of the others', by its own convention"


def _inputs() -> Inputs:
    rng = np.random.default_rng(12)
    image, mask, truth = [_complex_normal(rng) for _ in range(3)]
    mask /= np.abs(mask)
    return Inputs([image], (mask, np.abs(np.fft.fft2(truth * mask))))


def _complex_normal(rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((N, N)) + 1j * rng.standard_normal((N, N))


def _loss(cg: Any, parameters: Arrays, constants: Arrays) -> Any:
    (image,) = parameters
    mask, magnitudes = constants
    return cg.loss.mse_loss(cg.abs(cg.fft.fftn(image * mask)), magnitudes, reduction="sum")


def _loss_torch(torch: Any, parameters: Arrays, constants: Arrays) -> Any:
    (image,) = parameters
    mask, magnitudes = constants
    return torch.nn.functional.mse_loss(torch.abs(torch.fft.fftn(image * mask)), magnitudes, reduction="sum")


def _loss_jax(jnp: Any, parameters: Arrays, constants: Arrays) -> Any:
    (image,) = parameters
    mask, magnitudes = constants
    return jnp.sum((jnp.abs(jnp.fft.fftn(image * mask)) - magnitudes) ** 2)


def hand(inputs: Inputs) -> tuple[Any, Arrays]:
    (image,) = inputs.parameters
    mask, magnitudes = inputs.constants
    f = image * mask
    np.fft.fftn(f, out=f)
    size = np.abs(f)
    d = size - magnitudes
    value = np.vdot(d, d)
    d /= size  # no magnitude of these numbers is 0
    d *= 2
    f *= d
    np.fft.ifftn(f, norm="forward", out=f)
    f *= np.conj(mask)
    return value, (f,)


WORKLOAD = Workload(
    "L2",
    "magnitudes of a masked fft2, 512 × 512",
    _inputs,
    hand,
    {"clumsygrad": _loss, "torch": _loss_torch, "jax": _loss_jax},
    left_out={"jax": CONJUGATE},
    goal=1.15,
    goal_torch=1.0,
)
