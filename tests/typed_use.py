"""What a type checker tells users: read by `mypy tests/typed_use.py` (nox -s types), never called. An error that is ignored must be one."""

from typing import assert_type

import numpy as np

import clumsygrad as cg
from clumsygrad import func, nn, optimizer
from clumsygrad.grad import GradientTuple, operands, unbroadcast


def types_of_results(x: cg.Tensor) -> None:
    assert_type(x + 1.0, cg.Tensor)
    assert_type(1.0 - x, cg.Tensor)
    assert_type(x @ x, cg.Tensor)
    assert_type(x[0], cg.Tensor)
    assert_type(x.T, cg.Tensor)
    assert_type(x.sum(), cg.Tensor)
    assert_type(x.requires_grad, bool)
    assert_type(cg.zeros((2, 3)), cg.Tensor)


def names_and_parameters(x: cg.Tensor) -> None:
    cg.sum(cg.exp(x), axis=0, keepdims=True).backward()
    nn.softmax(x, axis=-1)
    cg.linalg.solve(cg.eye(2), x)
    cg.fft.rfft(x, norm="ortho")
    cg.special.gammaln(x)
    cg.over("torch").zeros(3)
    func.grad(lambda v: cg.sum(v * v))(np.ones(2))
    cg.gradcheck(cg.sin, np.ones(2))
    adam = optimizer.Adam([x], learning_rate=0.1)
    with cg.no_grad(), cg.detect_anomaly():
        x[0] = 3.0
        x += 1.0
    adam.step()


def those_that_are_not_there(x: cg.Tensor) -> None:
    cg.sinn(x)  # type: ignore[attr-defined]
    cg.sum(x, axs=0)  # type: ignore[call-arg]
    nn.softmax(x, dim=0)  # type: ignore[call-arg]
    optimizer.Adam([x], lr=0.1)  # type: ignore[call-arg]


def cube_backward(tensor: cg.Tensor, grad: cg.xp.Array) -> GradientTuple:
    (x,) = operands(tensor, grad)
    return (unbroadcast(3 * grad * x * x, x.shape),)


@cg.operation(cube_backward)
def cube(x: cg.xp.Array, power: int = 3) -> cg.xp.Array:
    return x**power


def an_operation_of_ones_own(x: cg.Tensor) -> None:
    cube(x, power=3)
    cube(x, exponent=3)  # type: ignore[call-arg]
