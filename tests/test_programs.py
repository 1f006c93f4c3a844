"""Random programs of views, assignments and operations in place: values as NumPy's own, derivatives as by the complex step.

A program is a list of statements over named arrays, none of them 0-d. It runs on Tensors, and as it stands on NumPy's arrays: of real
numbers to see what it gives, and of complex ones, x + ih u with a tiny h, whose imaginary part is h times the derivative along u, to
the last bits, since every function used here is analytic (Squire and Trapp, Using complex variables to estimate derivatives of real
functions, SIAM Review 40 (1998)). No derivative of clumsygrad's has a part in that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import array_api_compat.numpy as xnp
import numpy as np
import pytest

import clumsygrad as cg

PROGRAMS, STATEMENTS = 200, 10
STEP = 1e-100
Arrays = dict[str, Any]
Statement = Callable[[Any, Arrays], None]

ONE = {
    "sin": lambda xp, x: xp.sin(x),
    "exp sin": lambda xp, x: xp.exp(xp.sin(x)),
    "tanh": lambda xp, x: xp.tanh(0.5 * x),
    "1 / (x x + 2)": lambda xp, x: 1.0 / (0.1 * x * x + 2.0),
    "3 - x": lambda xp, x: 3.0 - x,
    "sum": lambda xp, x: xp.sum(x, axis=-1, keepdims=True),
    "mean": lambda xp, x: xp.mean(x, axis=0, keepdims=True),
    "prod": lambda xp, x: xp.prod(xp.sin(x), axis=0, keepdims=True),
    "cumulative sum": lambda xp, x: xp.cumulative_sum(x, axis=0),
    "flip": lambda xp, x: 1.0 * xp.flip(x, axis=-1),  # NumPy's own is a view
    "roll": lambda xp, x: xp.roll(x, 1, axis=0),
    "copy": lambda xp, x: +x,
    "twice": lambda xp, x: xp.stack([x, x * x])[0, ...] + x,
}
TWO = {
    "x + y": lambda xp, x, y: x + y,
    "x - y": lambda xp, x, y: x - y,
    "x y": lambda xp, x, y: xp.sin(x) * y,
    "x @ y": lambda xp, x, y: xp.sin(x) @ xp.sin(y),
    "concat": lambda xp, x, y: xp.concat([x, y], axis=0),
    "outer": lambda xp, x, y: xp.sin(x)[..., None] * y[0],
}
VIEWS = {
    "transpose": lambda xp, x: xp.permute_dims(x, (*range(1, len(x.shape)), 0)),
    "expand": lambda xp, x: xp.expand_dims(x, axis=1),
    "flat": lambda xp, x: xp.reshape(x, (-1,)),
    "column": lambda xp, x: xp.reshape(x, (-1, 1)),
}


def updated(z: Any, sign: int, y: Any) -> None:
    """z ± y, or z · y (sign 0), in place."""
    if sign:
        z += sign * y
    else:
        z *= y


def a_key(random: np.random.Generator, shape: tuple[int, ...], arrays: bool) -> Any:
    """A key of slices, and of integers that leave an axis; or of an array of integers or truth values."""
    n = shape[0]
    if arrays:
        return random.integers(-n, n, size=random.integers(1, 4)) if random.random() < 0.7 else random.random(n) < 0.5
    parts: list[Any] = [slice(*random.choice([None, 1, -1, n, -n], 2), random.choice([None, 1, 2, -1, -2]))]
    if len(shape) > 1 and random.random() < 0.6:
        parts.insert(random.integers(2), int(random.integers(min(shape[:2]))))
    return (*parts, ..., None) if random.random() < 0.2 else tuple(parts)


def a_statement(random: np.random.Generator, name: str, arrays: Arrays) -> tuple[str, Statement]:
    """A statement, and what to call it. It may not fit the shapes; then NumPy says so."""

    def pick(choices: Any) -> Any:
        return list(choices)[random.integers(len(choices))]

    a, b, kind = pick(arrays), pick(arrays), random.random()
    if kind < 0.2:
        view = pick(VIEWS)
        return f"{name} = {view} of {a}", lambda xp, v: v.update({name: VIEWS[view](xp, v[a])})
    if kind < 0.35:
        key = a_key(random, arrays[a].shape, arrays=random.random() < 0.3)
        return f"{name} = {a}[{key}]", lambda xp, v: v.update({name: v[a][key]})
    if kind < 0.55:
        key, source = a_key(random, arrays[a].shape, arrays=random.random() < 0.4), pick([b, 2.5])
        # NumPy 2.0 writes x[i] = x wrongly where that overlaps: a copy is given
        return f"{a}[{key}] = {source}", lambda xp, v: v[a].__setitem__(key, v.get(source, source) + 0.0)
    if kind < 0.7:
        sign = pick([1, -1, 0])
        return f"{a} updated by {b}, {sign}", lambda xp, v: updated(v[a], sign, v[b])
    if kind < 0.85:
        one = pick(ONE)
        return f"{name} = {one} of {a}", lambda xp, v: v.update({name: ONE[one](xp, v[a])})
    two = pick(TWO)
    return f"{name} = {two} of {a}, {b}", lambda xp, v: v.update({name: TWO[two](xp, v[a], v[b])})


def fits(before: Arrays, after: Arrays) -> bool:
    """Whether a statement left arrays of few and moderate numbers, each in its shape."""
    moderate = all(x.ndim and 0 < x.size < 50 and x.ndim < 4 and np.max(np.abs(x)) < 20 for x in after.values())
    return moderate and all(after[name].shape == x.shape for name, x in before.items())


def is_copied(text: str, before: Arrays, after: Arrays) -> bool:
    """Whether a statement reshapes what NumPy can't reshape but by a copy; on Tensors it is a view all the same."""
    name, _, view = text.partition(" = ")
    reshapes = view.startswith(("flat of", "column of"))
    return reshapes and not any(np.shares_memory(after[name], x) for x in before.values())


class Program:
    """A random program, made while it runs on NumPy's arrays."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.inputs = [random.uniform(0.3, 1.5, shape) for shape in ((3,), (2, 3, 2))]
        self.directions = [random.normal(size=x.shape) for x in self.inputs]
        self.statements: list[Statement] = []
        self.text: list[str] = []
        while len(self.statements) < STATEMENTS:
            arrays = self.run(xnp, *self.inputs)
            text, statement = a_statement(random, f"v{len(self.statements)}", arrays)
            before = dict(arrays)
            try:
                statement(xnp, arrays)
            except (ValueError, IndexError, TypeError):
                continue
            if fits(before, arrays) and not is_copied(text, before, arrays):
                self.statements.append(statement)
                self.text.append(text)

    def run(self, xp: Any, x: Any, y: Any) -> Arrays:
        """All arrays, after the last statement; x and y are not written."""
        arrays = {"x": x + 0.0, "y": y + 0.0}
        for statement in self.statements:
            statement(xp, arrays)
        return arrays

    def loss(self, xp: Any, x: Any, y: Any) -> Any:
        """A number that depends on every element of every array, and curves."""
        total = 0.0
        for i, z in enumerate(self.run(xp, x, y).values()):
            weights = np.cos(np.arange(math.prod(z.shape)) + i).reshape(z.shape)
            total = total + xp.sum(z * (weights + 0.1 * z))
        return total

    def slope(self, x: Any, y: Any) -> float:
        """The derivative of the loss along the directions, by the complex step."""
        u, v = self.directions
        return float(np.imag(self.loss(xnp, x + 1j * STEP * u, y + 1j * STEP * v)) / STEP)

    def along(self, gradients: Any) -> Any:
        """A gradient along the directions."""
        return sum([(g * u).sum() for g, u in zip(gradients, self.directions, strict=True)])


@pytest.mark.parametrize("seeds", [range(first, first + 50) for first in range(0, PROGRAMS, 50)], ids=str)
def test_random_programs(seeds):
    for seed in seeds:
        check(Program(seed))


def check(program: Program) -> None:
    text, (x, y), (u, v) = "\n".join(program.text), program.inputs, program.directions

    def agree(found: Any, expected: Any, what: str, tolerance: float = 1e-9) -> None:
        found = found.data if isinstance(found, cg.Tensor) else found
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * 10, err_msg=f"{what} of\n{text}")

    def loss(x: Any, y: Any) -> Any:
        return program.loss(cg, x, y)

    leaves = [cg.Tensor(a, requires_grad=True) for a in (x, y)]
    arrays = program.run(cg, *leaves)
    for name, expected in program.run(xnp, x, y).items():
        agree(arrays[name], expected, f"the value {name}", 1e-12)
    loss(*leaves).backward()
    slope = program.slope(x, y)
    agree(
        program.along([0.0 * a if leaf.grad is None else leaf.grad for leaf, a in zip(leaves, (x, y), strict=True)]),
        slope,
        "the gradient",
    )
    agree(program.along(cg.func.grad(cg.func.checkpoint(loss), argnums=(0, 1))(x, y)), slope, "the gradient, checkpointed,")
    agree(cg.func.jvp(loss, (x, y), (u, v))[1], slope, "the jvp")
    h = 1e-5
    bend = (program.slope(x + h * u, y + h * v) - program.slope(x - h * u, y - h * v)) / (2 * h)
    agree(program.along(cg.func.hvp(loss, (x, y), (u, v))), bend, "the second derivative", 1e-5)
