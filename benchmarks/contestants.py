"""The contestants: each makes of a workload a `step`, a function of nothing that computes all gradients once and returns them.

What a user does once (making leaves, moving arrays, compiling) is outside the step; what they do at every training step is inside.
A library is imported only when its contestant is prepared.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .workload import Inputs, Workload

Step = Callable[[], Sequence[Any]]


@dataclass(frozen=True)
class Contestant:
    """`library` is the key of the loss it uses; `packages` are what must be installed."""

    key: str
    title: str
    library: str
    packages: tuple[str, ...]
    prepare: Callable[[Workload, Inputs], Step]

    def reason_to_leave_out(self, workload: Workload) -> str | None:
        """Why it does not take part in a workload; None if it does."""
        missing = [name for name in self.packages if importlib.util.find_spec(name) is None]
        if missing:
            return f"{', '.join(missing)} not installed"
        if self.key in workload.left_out:
            return workload.left_out[self.key]
        if self.key == "faster" and workload.hand_faster is None:
            return ""  # nothing to say
        if self.library != "hand" and self.library not in workload.losses:
            return "not written for this library"
        return None


def hand(workload: Workload, inputs: Inputs) -> Step:
    """The baseline."""

    def step() -> Sequence[Any]:
        return workload.hand(inputs)[1]

    return step


def hand_faster(workload: Workload, inputs: Inputs) -> Step:
    """By hand, in a form that is faster still."""

    def step() -> Sequence[Any]:
        return workload.hand_faster(inputs)[1]

    return step


# clumsygrad -----------------------------------------------------------------------------------------------------------------


def tape(workload: Workload, inputs: Inputs) -> Step:
    """Leaves and backward()."""
    import clumsygrad as cg

    loss = workload.losses["clumsygrad"]
    leaves = [cg.Tensor(p, requires_grad=True) for p in inputs.parameters]
    constants, vectors = inputs.constants, inputs.vectors

    def first_order() -> Sequence[Any]:
        for leaf in leaves:
            leaf.grad = None
        loss(cg, leaves, constants).backward()
        return [leaf.grad for leaf in leaves]

    def second_order() -> Sequence[Any]:
        for leaf in leaves:
            leaf.grad = None
        loss(cg, leaves, constants).backward(create_graph=True)
        slope = sum(cg.sum(leaf.grad * v) for leaf, v in zip(leaves, vectors, strict=True))
        for leaf in leaves:
            leaf.grad = None
        slope.backward()
        return [leaf.grad for leaf in leaves]

    return first_order if workload.order == 1 else second_order


def functional(workload: Workload, inputs: Inputs) -> Step:
    """func.value_and_grad; of second order, func.hvp."""
    function, arguments = _functional(workload, inputs)

    def step() -> Sequence[Any]:
        return function(*arguments)

    return step


def _functional(workload: Workload, inputs: Inputs) -> tuple[Callable[..., Sequence[Any]], tuple[Any, ...]]:
    import clumsygrad as cg

    loss = workload.losses["clumsygrad"]

    def of_parameters(parameters: Any, constants: Any) -> Any:
        return loss(cg, parameters, constants)

    value_and_grad = cg.func.value_and_grad(of_parameters)

    def first_order(parameters: Any, constants: Any) -> Any:
        return value_and_grad(parameters, constants)[1]

    def second_order(parameters: Any, constants: Any, vectors: Any) -> Any:
        def of_these(parameters: Any) -> Any:
            return loss(cg, parameters, constants)

        return cg.func.hvp(of_these, parameters, vectors)

    if workload.order == 1:
        return first_order, (list(inputs.parameters), list(inputs.constants))
    return second_order, (list(inputs.parameters), list(inputs.constants), list(inputs.vectors))


def over_torch(workload: Workload, inputs: Inputs) -> Step:
    """clumsygrad's tape over torch arrays."""
    import torch

    torch.set_num_threads(1)
    return tape(workload, Inputs(*[[torch.from_numpy(np.array(x)) for x in part] for part in inputs]))


def over_jax(workload: Workload, inputs: Inputs) -> Step:
    """clumsygrad's func over JAX arrays, compiled by jax.jit."""
    import jax

    function, arguments = _functional(workload, inputs)
    compiled = jax.jit(function)
    arguments = jax.tree.map(jax.numpy.asarray, arguments)

    def step() -> Sequence[Any]:
        return jax.block_until_ready(compiled(*arguments))

    return step


# The others -----------------------------------------------------------------------------------------------------------------


def torch_eager(workload: Workload, inputs: Inputs, device: str = "cpu") -> Step:
    """PyTorch: leaves and backward()."""
    import torch

    torch.set_num_threads(1)
    loss = workload.losses["torch"]
    leaves = [torch.tensor(p, requires_grad=True, device=device) for p in inputs.parameters]
    constants, vectors = [[torch.from_numpy(np.array(x)).to(device) for x in part] for part in inputs[1:]]

    def first_order() -> Sequence[Any]:
        for leaf in leaves:
            leaf.grad = None
        loss(torch, leaves, constants).backward()
        return [leaf.grad for leaf in leaves]

    def second_order() -> Sequence[Any]:
        gradients = torch.autograd.grad(loss(torch, leaves, constants), leaves, create_graph=True)
        return torch.autograd.grad(gradients, leaves, vectors)

    return first_order if workload.order == 1 else second_order


def jax_jit(workload: Workload, inputs: Inputs, wait: bool = True) -> Step:
    """jax.jit(jax.value_and_grad(loss)); of second order, forward over reverse. Unless `wait`, a step returns before it is done."""
    import jax

    loss = workload.losses["jax"]

    def of_parameters(parameters: Any, constants: Any) -> Any:
        return loss(jax.numpy, parameters, constants)

    def second_order(parameters: Any, constants: Any, vectors: Any) -> Any:
        def gradient(parameters: Any) -> Any:
            return jax.grad(of_parameters)(parameters, constants)

        return jax.jvp(gradient, (parameters,), (vectors,))

    compiled = jax.jit(jax.value_and_grad(of_parameters) if workload.order == 1 else second_order)
    arguments = [[jax.numpy.asarray(x) for x in part] for part in inputs[: workload.order + 1]]

    def step() -> Sequence[Any]:
        done = compiled(*arguments)
        return (jax.block_until_ready(done) if wait else done)[1]

    return step


def hips_autograd(workload: Workload, inputs: Inputs) -> Step:
    """autograd.value_and_grad; of second order, its hessian_vector_product's recipe for several parameters."""
    import autograd
    import autograd.numpy as anp

    loss, constants, parameters = workload.losses["autograd"], inputs.constants, tuple(inputs.parameters)

    def of_parameters(*parameters: Any) -> Any:
        return loss(anp, parameters, constants)

    numbers = tuple(range(len(parameters)))
    value_and_grad = autograd.value_and_grad(of_parameters, numbers)
    grad = autograd.grad(of_parameters, numbers)

    def slope(*parameters: Any) -> Any:
        return sum(anp.sum(g * v) for g, v in zip(grad(*parameters), inputs.vectors, strict=True))

    second = autograd.grad(slope, numbers)

    def first_order() -> Sequence[Any]:
        return value_and_grad(*parameters)[1]

    def second_order() -> Sequence[Any]:
        return second(*parameters)

    return first_order if workload.order == 1 else second_order


def my_grad(workload: Workload, inputs: Inputs) -> Step:
    """MyGrad: tensors and backward(). It has no second order."""
    import mygrad as mg

    loss, constants = workload.losses["mygrad"], inputs.constants
    tensors = [mg.tensor(p) for p in inputs.parameters]

    def step() -> Sequence[Any]:
        loss(mg, tensors, constants).backward()
        return [t.grad for t in tensors]

    return step


CONTESTANTS = (
    Contestant("hand", "hand (NumPy)", "hand", (), hand),
    Contestant("faster", "by hand, faster", "hand", (), hand_faster),
    Contestant("tape", "clumsygrad tape", "clumsygrad", ("clumsygrad",), tape),
    Contestant("func", "clumsygrad func", "clumsygrad", ("clumsygrad",), functional),
    Contestant("over-torch", "clumsygrad over torch", "clumsygrad", ("clumsygrad", "torch"), over_torch),
    Contestant("over-jax", "clumsygrad over JAX, jit", "clumsygrad", ("clumsygrad", "jax"), over_jax),
    Contestant("torch", "PyTorch eager", "torch", ("torch",), torch_eager),
    Contestant("jax", "jax.jit", "jax", ("jax",), jax_jit),
    Contestant("autograd", "HIPS autograd", "autograd", ("autograd",), hips_autograd),
    Contestant("mygrad", "MyGrad", "mygrad", ("mygrad",), my_grad),
)
