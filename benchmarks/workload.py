"""What a workload is: inputs, a loss in each library's own words, and its gradient written by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

Arrays = Sequence[Any]
Loss = Callable[[Any, Arrays, Arrays], Any]  # (the library, parameters, constants) -> scalar

LIBRARIES = ("clumsygrad", "torch", "jax", "autograd", "mygrad")


class Inputs(NamedTuple):
    """NumPy arrays: what is differentiated, what is not, and (for second order) the vectors that the Hessian multiplies."""

    parameters: Arrays
    constants: Arrays = ()
    vectors: Arrays = ()


@dataclass(frozen=True)
class Workload:
    """One row of the table.

    `hand` maps Inputs to (loss, gradients); `losses` holds the loss by library, for those of LIBRARIES that can do it. Of order 2 the
    result is not the gradient but the Hessian times `vectors`.
    """

    name: str
    title: str
    inputs: Callable[[], Inputs]
    hand: Callable[[Inputs], tuple[Any, Arrays]]
    losses: Mapping[str, Loss]
    hand_faster: Callable[[Inputs], tuple[Any, Arrays]] | None = None  # a form that nobody would write first
    order: int = 1
    most_rounds: int = 1000  # for workloads of which one step takes seconds
    operations: int = 1  # memory is told per operation where there are many
    measures_memory: bool = False
    left_out: Mapping[str, str] = field(default_factory=dict)  # contestants that can't, and why
    goal: float | None = None  # clumsygrad's time over the hand-written gradient's
    goal_torch: float | None = None  # PyTorch's time over clumsygrad's
    goal_memory: float | None = None  # peak over the hand-written gradient's; bytes where told per operation


def same_for_all(loss: Loss, *libraries: str) -> dict[str, Loss]:
    """One text of a loss that does for several libraries (all, if none is named)."""
    return dict.fromkeys(libraries or LIBRARIES, loss)


def normal(rng: np.random.Generator, *shape: int, scale: float = 1.0, dtype: Any = np.float32) -> np.ndarray:
    """Normally distributed numbers of standard deviation `scale`."""
    return (rng.standard_normal(shape) * scale).astype(dtype)
