"""Optimizers: they take a list of leaves, and `step()` gives each a new version against its `.grad`.

Nothing is read back from the device, and no array is written that the library did not make: a step computes new arrays, in the
library and on the device of each parameter.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from . import xp as _xp
from .tensor import Tensor

__all__ = ["SGD", "Adam", "AdamW"]


class Optimizer:
    """What optimizers share: parameters, learning rate, count of steps, and state: per parameter, a dict of arrays."""

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float) -> None:
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError(f"{type(self).__name__}: no parameters")
        for index, x in enumerate(self.parameters):
            if type(x) is not Tensor or not x.requires_grad or not x.is_leaf:
                raise TypeError(f"{type(self).__name__}: parameter {index} must be a leaf Tensor that requires a gradient")
        if learning_rate < 0:
            raise ValueError(f"{type(self).__name__}: learning_rate must not be negative, got {learning_rate}")
        self.learning_rate = learning_rate
        self.steps = 0
        self.state: list[dict[str, Any]] = [{} for _ in self.parameters]

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for x in self.parameters:
            x.grad = None

    def step(self) -> None:
        """Change every parameter that has a gradient. Call it after `backward()`, before the next forward pass."""
        self.steps += 1
        changes = []
        for x, state in zip(self.parameters, self.state, strict=True):
            gradient = x.grad
            if gradient is not None:
                gradient = gradient.data if type(gradient) is Tensor else gradient
                changes.append((x, self._changed(x.data, gradient, state)))
        for x, data in changes:
            x.data = data

    def _changed(self, data: Any, gradient: Any, state: dict[str, Any]) -> Any:
        raise TypeError(f"{type(self).__name__} says nothing of how to step")

    def state_dict(self) -> dict[str, Any]:
        """What a later run needs to go on: the number of steps, and the arrays of each parameter's state."""
        return {"steps": self.steps, "state": [dict(state) for state in self.state]}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Go on from what `state_dict()` gave; arrays of another library or device are moved to each parameter's.

        Raises ValueError where the number of parameters or a shape differs; then nothing is changed.
        """
        if len(saved["state"]) != len(self.parameters):
            raise ValueError(f"load_state_dict: state of {len(saved['state'])} parameters for {len(self.parameters)}")
        state = []
        for index, (x, arrays) in enumerate(zip(self.parameters, saved["state"], strict=True)):
            for name, array in arrays.items():
                if tuple(array.shape) != x.shape:
                    raise ValueError(f"load_state_dict: {name} of parameter {index} has shape {tuple(array.shape)}, not {x.shape}")
            state.append({name: _xp.moved(array, x._data) for name, array in arrays.items()})
        self.steps, self.state = int(saved["steps"]), state


class SGD(Optimizer):
    """Gradient descent, x ← x − learning_rate · v, with v ← momentum · v + gradient (+ weight_decay · x).

    >>> import clumsygrad as cg
    >>> x = cg.Tensor([1.0], requires_grad=True)
    >>> optimizer = cg.optimizer.SGD([x], learning_rate=0.1)
    >>> cg.sum(x * x).backward()
    >>> optimizer.step()
    >>> x
    Tensor(array([0.8]), requires_grad=True)
    """

    def __init__(
        self, parameters: Iterable[Tensor], learning_rate: float = 1e-2, *, momentum: float = 0.0, weight_decay: float = 0.0
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.momentum = momentum
        self.weight_decay = weight_decay

    def _changed(self, data: Any, gradient: Any, state: dict[str, Any]) -> Any:
        if self.weight_decay:
            gradient = gradient + data * self.weight_decay
        if self.momentum:
            if "velocity" in state:
                gradient = gradient + state["velocity"] * self.momentum
            else:  # an array of its own: the user may write into x.grad
                gradient = _xp.array_namespace(gradient).asarray(gradient, copy=True)
            state["velocity"] = gradient
        return data - gradient * self.learning_rate


class Adam(Optimizer):
    """Adam: steps scaled by running means of the gradient and of its square, with the bias of their start taken out.

    Source: Kingma and Ba 2015, algorithm 1. `weight_decay` is added to the gradient.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.betas = betas
        self.eps = eps
        self.weight_decay = weight_decay

    def _changed(self, data: Any, gradient: Any, state: dict[str, Any]) -> Any:
        if self.weight_decay:
            gradient = gradient + data * self.weight_decay
        return data - self._direction(gradient, state)

    def _direction(self, gradient: Any, state: dict[str, Any]) -> Any:
        xp = _xp.array_namespace(gradient)
        first, second = self.betas
        size = xp.abs(gradient) if _xp.kind(gradient) == "complex floating" else gradient
        square = size * size * (1 - second)
        mean = gradient * (1 - first)
        if state:
            mean = mean + state["mean"] * first
            square = square + state["square"] * second
        state["mean"], state["square"] = mean, square
        # an array that sat out some steps is corrected for the steps of the optimizer, as in the paper's loop
        root = xp.sqrt(square) / math.sqrt(1 - second**self.steps) + self.eps
        return mean / root * (self.learning_rate / (1 - first**self.steps))


class AdamW(Adam):
    """Adam with decoupled weight decay: x shrinks by learning_rate · weight_decay besides each step.

    Source: Loshchilov and Hutter 2019, algorithm 2.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(parameters, learning_rate, betas=betas, eps=eps, weight_decay=weight_decay)

    def _changed(self, data: Any, gradient: Any, state: dict[str, Any]) -> Any:
        return data * (1 - self.learning_rate * self.weight_decay) - self._direction(gradient, state)
