"""Optimizers: they take a tree of leaves, and `step()` gives each a new version against its `.grad`.

Nothing is read back from the device, nothing is uploaded, and no array is written that the library did not make: a step computes new
arrays, in the library and on the device of each parameter; on CuPy by one kernel for many parameters, which writes the optimizer's own
state in place.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from . import _steps, _transfer, _tree, lean
from . import xp as _xp
from .tensor import Tensor, constant

__all__ = ["SGD", "Adam", "AdamW", "clip_by_norm"]

# A parameter's data, its gradient, and the optimizer's state of it.
Change = tuple[Any, Any, dict[str, Any]]


class Optimizer:
    """What optimizers share: parameters, learning rate, count of steps, and state: per parameter, a dict of arrays.

    Parameters are a tree of leaves (in lists, tuples, dicts, dataclasses), or any iterable of such trees.
    """

    _held: frozenset[str] = frozenset()  # the names of what it keeps of each parameter, if they are always the same

    def __init__(self, parameters: Any, learning_rate: float) -> None:
        self.parameters = _leaves(parameters, type(self).__name__)
        if not self.parameters:
            raise ValueError(f"{type(self).__name__}: no parameters: give it tensors that require a gradient")
        for index, x in enumerate(self.parameters):
            if type(x) is not Tensor or not x.requires_grad or not x.is_leaf:
                raise TypeError(
                    f"{type(self).__name__}: parameter {index} must be a leaf Tensor that requires a gradient, and is {_what(x)}: "
                    "make it with clumsygrad.Tensor(x, requires_grad=True)"
                )
        if learning_rate < 0:
            raise ValueError(f"{type(self).__name__}: learning_rate must not be negative, got {learning_rate}")
        self.learning_rate = learning_rate
        self.steps = 0
        self.state: list[dict[str, Any]] = [{} for _ in self.parameters]

    def __setattr__(self, name: str, value: Any) -> None:
        """Numbers of NumPy's, as a schedule gives them, are kept as Python's, which do not promote the parameters."""
        super().__setattr__(name, tuple(map(_as_pythons, value)) if isinstance(value, tuple) else _as_pythons(value))

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for x in self.parameters:
            x.grad = None

    def step(self) -> None:
        """Change every parameter that has a gradient. Call it after `backward()`, before the next forward pass.

        After an exception parameters, state and count are as before.
        """
        changes = []
        for x, state in zip(self.parameters, self.state, strict=True):
            gradient = x.grad
            if gradient is not None:
                gradient = gradient.data if type(gradient) is Tensor else gradient
                changes.append((x, (x.data, gradient, state)))
        self.steps += 1
        try:
            together = self._changed_together([change for _, change in changes])
            by_kernels = {i for step in together for i in step.members}
            alone = {}
            for i, (_, (data, gradient, state)) in enumerate(changes):
                if i not in by_kernels:
                    new_state = dict(state)
                    alone[i] = _xp.on_its_device(self._changed_alone, data, gradient, new_state), new_state
            _steps.run(together)
        except BaseException:
            self.steps -= 1
            raise
        for i, (data, new_state) in alone.items():
            x, (_, _, state) = changes[i]
            state.update(new_state)
            x.data = data
        for step in together:
            for i, data in zip(step.members, step.made, strict=True):
                changes[i][0]._renew(constant(data))
            for state, held in step.begun:
                state.update(held)

    def _changed_together(self, changes: Sequence[Change]) -> Sequence[_steps.Step]:
        """The steps of those parameters that kernels serve, ready to be launched; `_changed` steps the others."""
        return ()

    def _changed_alone(self, data: Any, gradient: Any, state: dict[str, Any]) -> Any:
        """The new data of one parameter. Of 16 bits it is computed in float32, as is the state, in which small squares are not 0."""
        return _xp.narrowed(self._changed(_xp.widened(data), _xp.widened(gradient), state), data)

    def _changed(self, data: Any, gradient: Any, state: dict[str, Any]) -> Any:
        raise TypeError(
            f"{type(self).__name__} must define _changed(data, gradient, state), which gives the new data of a parameter"
        )

    def state_dict(self) -> dict[str, Any]:
        """What a later run needs to go on: the number of steps, and the arrays of each parameter's state."""
        return {"steps": self.steps, "state": [{name: _steps.own(array) for name, array in state.items()} for state in self.state]}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Go on from what `state_dict()` gave; arrays of another library or device are moved to each parameter's.

        Raises ValueError where the number of parameters, a shape, or the kind of optimizer differs; then nothing is changed.
        """
        if len(saved["state"]) != len(self.parameters):
            raise ValueError(
                f"load_state_dict: state of {len(saved['state'])} parameters for {len(self.parameters)}: "
                "there must be as many as when it was saved"
            )
        state = []
        for index, (x, arrays) in enumerate(zip(self.parameters, saved["state"], strict=True)):
            if self._held and not arrays.keys() <= self._held:
                raise ValueError(
                    f"load_state_dict: parameter {index} has state {', '.join(arrays)}, and {type(self).__name__} keeps "
                    f"{', '.join(sorted(self._held))}: it was saved by another optimizer"
                )
            for name, array in arrays.items():
                if tuple(array.shape) != x.shape:
                    raise ValueError(
                        f"load_state_dict: {name} of parameter {index} has shape {tuple(array.shape)}, not {x.shape}: "
                        "give the parameters in the order in which they were when it was saved"
                    )
            state.append({name: _steps.own(_transfer.moved(array, x._data)) for name, array in arrays.items()})
        steps = saved["steps"]
        traced = _xp.is_array(steps) and _xp.library_of(steps) == "jax"  # which under jax.jit has no value yet
        self.steps, self.state = steps if traced else int(steps), state


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

    _held = frozenset({"velocity"})

    def __init__(self, parameters: Any, learning_rate: float = 1e-2, *, momentum: float = 0.0, weight_decay: float = 0.0) -> None:
        super().__init__(parameters, learning_rate)
        self.momentum = momentum
        self.weight_decay = weight_decay

    def _changed_together(self, changes: Sequence[Change]) -> Sequence[_steps.Step]:
        if type(self) is not SGD:  # a class of the user's own may change what a step is
            return super()._changed_together(changes)
        return _steps.step_of_sgd(changes, self.learning_rate, self.momentum, self.weight_decay)

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

    _held = frozenset({"mean", "square"})

    def __init__(
        self,
        parameters: Any,
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

    def _changed_together(self, changes: Sequence[Change]) -> Sequence[_steps.Step]:
        if type(self) is Adam:
            decay, keep = self.weight_decay, 1.0
        elif type(self) is AdamW:
            decay, keep = 0.0, 1 - self.learning_rate * self.weight_decay
        else:
            return super()._changed_together(changes)
        corrections = self._corrections()
        return _steps.step_of_adam(changes, self.learning_rate, self.betas, corrections, self.eps, decay, keep)

    def _corrections(self) -> tuple[Any, Any]:
        """What takes the bias of their start out of the mean, and out of the root of the mean square."""
        # an array that sat out some steps is corrected for the steps of the optimizer, as in the paper's loop
        first, second = self.betas
        return 1 - first**self.steps, (1 - second**self.steps) ** 0.5

    def _changed(self, data: Any, gradient: Any, state: dict[str, Any]) -> Any:
        if self.weight_decay:
            gradient = gradient + data * self.weight_decay
        return data - self._direction(gradient, state)

    def _direction(self, gradient: Any, state: dict[str, Any]) -> Any:
        xp = _xp.array_namespace(gradient)
        first, second = self.betas
        size = xp.abs(gradient) if _xp.is_complex(gradient) else gradient
        square = size * size * (1 - second)
        mean = gradient * (1 - first)
        if state:
            mean = mean + state["mean"] * first
            square = square + state["square"] * second
        state["mean"], state["square"] = mean, square
        of_mean, of_root = self._corrections()
        return mean / (xp.sqrt(square) / of_root + self.eps) * (self.learning_rate / of_mean)


class AdamW(Adam):
    """Adam with decoupled weight decay: x shrinks by learning_rate · weight_decay besides each step.

    Source: Loshchilov and Hutter 2019, algorithm 2.
    """

    def __init__(
        self,
        parameters: Any,
        learning_rate: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(parameters, learning_rate, betas=betas, eps=eps, weight_decay=weight_decay)

    def _changed(self, data: Any, gradient: Any, state: dict[str, Any]) -> Any:
        return data * (1 - self.learning_rate * self.weight_decay) - self._direction(gradient, state)


def clip_by_norm(parameters: Any, limit: float) -> Any:
    """Scale the gradients of all parameters by one factor, so that their norm together is at most `limit`; return what it was before.

    Parameters are a tree of tensors, or any iterable of trees.

    The norm is √(Σ |g|²) over all elements of all gradients (of one library, on one device), a raw 0-d array that is not read: nothing
    waits for the device. Parameters without a gradient are left out; if none has one, the norm is 0.0. A gradient that is not finite
    shows in the norm, and leaves none of use.

    An infinite limit leaves the gradients as they are. Raises ValueError where `limit` is not positive, or where gradients are of two
    libraries or devices.

    >>> import clumsygrad as cg
    >>> x = cg.Tensor([3.0, 4.0], requires_grad=True)
    >>> cg.sum(x * x).backward()
    >>> cg.optimizer.clip_by_norm([x], 1.0)
    array(10.)
    >>> x.grad
    array([0.6, 0.8])
    """
    if limit <= 0:
        raise ValueError(f"clip_by_norm: limit must be positive, got {limit}")
    given = [
        (x, x.grad.data if type(x.grad) is Tensor else x.grad) for x in _leaves(parameters, "clip_by_norm") if x.grad is not None
    ]
    if not given:
        return 0.0
    first = given[0][1]
    for _, gradient in given[1:]:
        if _xp.array_namespace(gradient) is not _xp.array_namespace(first) or not _xp.same_device(gradient, first):
            places = [f"{_xp.library_of(g)} on {_xp.device(g)}" for g in (first, gradient)]
            raise ValueError(
                f"clip_by_norm: the gradients must be of one library and on one device; they are of {' and '.join(places)}: "
                "clip those of each device by themselves"
            )
    arguments = limit, *[gradient for _, gradient in given]
    norm, *clipped = _xp.on_its_device(_clipped, *arguments)
    for (x, _), gradient in zip(given, clipped, strict=True):
        x.grad = gradient
    return _xp.as_0d_array(norm)


def _leaves(parameters: Any, name: str) -> list[Any]:
    """The leaves of a tree, or of an iterable (the values of a dict, a generator) of trees: one that is met again, once."""
    leaves, _ = _tree.flatten(parameters)
    if type(parameters) is not Tensor and all(x is parameters for x in leaves):  # no tree
        if not isinstance(parameters, Iterable):
            raise TypeError(
                f"{name}: the parameters must be a tree of tensors (in lists, tuples, dicts, dataclasses) or an iterable of trees, "
                f"not {_xp.type_in_words(parameters)}: make it a dataclass, or hand in its tensors"
            )
        leaves, _ = _tree.flatten(list(parameters))
    return list({id(x): x for x in leaves}.values())


def _as_pythons(value: Any) -> Any:
    is_number = isinstance(value, _xp.numpy.generic) or (type(value) is _xp.ndarray and not value.shape)
    return value.item() if is_number else value


def _what(x: Any) -> str:
    """What x is instead of a leaf that requires a gradient."""
    if type(x) is not Tensor:
        return f"of type {type(x).__name__}"
    return "one that was computed" if x.requires_grad else "one that requires none"


def _clipped(limit: float, *gradients: Any) -> tuple[Any, ...]:
    """The norm of all gradients together, and each by the factor that brings that down to the limit."""
    total = lean.sum_of_squares(_xp.widened(gradients[0]))
    for gradient in gradients[1:]:
        total = total + lean.sum_of_squares(_xp.widened(gradient))
    norm = lean.sqrt(total)
    if limit == math.inf:
        return norm, *gradients
    factor = limit / _xp.array_namespace(norm).where(norm <= limit, limit, norm)
    return norm, *[gradient * factor for gradient in gradients]
