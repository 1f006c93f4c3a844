"""The numerical checker: what the derivatives of a row of cases.py are, and what they must equal.

Finite differences are of sixth order, in NumPy float64, of functions evaluated on the backend. First-order gradients are compared
with differences of values, second-order ones with differences of first-order gradients (differences of values twice would stop at
3e-8). Complex gradients are ∂L/∂Re + i ∂L/∂Im, so that the derivative of L along d is Re Σ conj(gradient) d.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from backends import Backend
from cases import Case

import clumsygrad as cg

FIRST_TOLERANCE = 1e-8
SECOND_TOLERANCE = 1e-8
SINGLE_TOLERANCE = 2e-4

Arrays = Sequence[Any]


def assert_agree(a: Any, b: Any, tolerance: float, what: str) -> None:
    """|a − b| ≤ tolerance (1 + max |b|), elementwise, and the same shape. A nan agrees with nothing."""
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape, f"{what}: shape {a.shape}, expected {b.shape}"
    if not a.size:
        return
    allowed = tolerance * (1 + np.max(np.abs(b)))
    error = np.abs(a - b)
    assert np.all(error <= allowed), f"{what}: off by {np.max(error):.3e}, allowed {allowed:.3e}\n{a!r}\nexpected\n{b!r}"


def central_difference(function: Callable[[float], float], eps: float) -> float:
    """The derivative of a function of one number at 0; exact up to degree 6."""
    return sum(c * (function(k * eps) - function(-k * eps)) for k, c in ((1, 45), (2, -9), (3, 1))) / (60 * eps)


def directions_like(arrays: Arrays, seed: int) -> list[np.ndarray]:
    """Random arrays with the shapes and dtypes of others, in [−1, 1] (and so for the imaginary parts)."""
    random = np.random.default_rng(seed)
    found = []
    for x in arrays:
        d = random.uniform(-1, 1, np.shape(x))
        if np.iscomplexobj(x):
            d = d + 1j * random.uniform(-1, 1, np.shape(x))
        found.append(np.asarray(d, dtype=x.dtype))
    return found


def inner(a: Arrays, b: Arrays) -> float:
    """Re Σ conj(a) b over all arrays."""
    return float(sum(np.sum(np.real(np.conj(x) * y)) for x, y in zip(a, b, strict=True)))


def moved_along(arrays: Arrays, directions: Arrays, t: float) -> list[np.ndarray]:
    return [np.asarray(x + t * d) for x, d in zip(arrays, directions, strict=True)]


class Derivatives:
    """A row's value and derivatives on a backend. Everything in and out is raw NumPy; compiled once where the backend compiles."""

    def __init__(self, case: Case, backend: Backend) -> None:
        self.case = case
        self.backend = backend
        self.constants = [backend.array(c) for c in case.constants]
        self._value = backend.compile(self._raw_value)
        self._gradients = backend.compile(self._raw_gradients)
        self._second = backend.compile(self._raw_second)
        self._both = backend.compile(self._raw_both)

    def apply(self, *tensors: Any) -> Any:
        """The row's function of tensors."""
        return self.case.function(self.backend.namespace, *tensors, *self.constants)

    def raw(self, arrays: Arrays) -> list[Any]:
        return [self.backend.array(x) for x in arrays]

    def host(self, arrays: Arrays) -> list[np.ndarray]:
        return [self.backend.host(x) for x in arrays]

    def value(self, arrays: Arrays) -> np.ndarray:
        return self.backend.host(self._value(*self.raw(arrays)))

    def gradients(self, arrays: Arrays, cotangent: Any) -> list[np.ndarray]:
        """Of Re Σ conj(cotangent) value, with respect to each operand, by the tape."""
        return self.host(self._gradients(*self.raw([*arrays, cotangent])))

    def second(self, arrays: Arrays, cotangent: Any, weights: Arrays) -> list[np.ndarray]:
        """Of Re Σ conj(weights) gradients, with respect to each operand and the cotangent, by func.vjp inside func.grad."""
        return self.host(self._second(*self.raw([*arrays, cotangent, *weights])))

    def both(self, arrays: Arrays, cotangent: Any, weights: Arrays) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """What `gradients` and what `second` gives, compiled as one."""
        first, second = self._both(*self.raw([*arrays, cotangent, *weights]))
        return self.host(first), self.host(second)

    def _raw_both(self, *arrays_cotangent_and_weights: Any) -> Any:
        n = len(self.case.shapes)
        return self._raw_gradients(*arrays_cotangent_and_weights[: n + 1]), self._raw_second(*arrays_cotangent_and_weights)

    def _raw_value(self, *arrays: Any) -> Any:
        return self.apply(*[cg.Tensor(x) for x in arrays]).data

    def _raw_gradients(self, *arrays_and_cotangent: Any) -> list[Any]:
        *arrays, cotangent = arrays_and_cotangent
        leaves = [cg.Tensor(x, requires_grad=True) for x in arrays]
        self.apply(*leaves).backward(cotangent)
        missing = [i for i, leaf in enumerate(leaves) if leaf.grad is None]
        assert not missing, f"{self.case.name}: operands {missing} got no gradient"
        return [leaf.grad for leaf in leaves]

    def _raw_second(self, *arrays_cotangent_and_weights: Any) -> Any:
        n = len(self.case.shapes)
        points, weights = arrays_cotangent_and_weights[: n + 1], arrays_cotangent_and_weights[n + 1 :]
        xp = self.backend.namespace

        def product(*arrays_and_cotangent: Any) -> Any:
            *arrays, cotangent = arrays_and_cotangent
            _, pullback = cg.func.vjp(self.apply, *arrays)
            terms = [_real_sum(xp, cg.Tensor(v), g) for v, g in zip(weights, pullback(cotangent), strict=True)]
            return sum(terms[1:], terms[0])

        return cg.func.grad(product, argnums=tuple(range(n + 1)))(*points)


_compiled: dict[tuple[str, str], Derivatives] = {}


def derivatives_of(case: Case, backend: Backend) -> Derivatives:
    """The derivatives of a row of the table; kept where they are compiled, so that each is compiled once."""
    if not backend.compiled:
        return Derivatives(case, backend)
    key = case.name, backend.name
    if key not in _compiled:
        _compiled[key] = Derivatives(case, backend)
    return _compiled[key]


def _real_sum(xp: Any, v: Any, g: Any) -> Any:
    """Re Σ conj(v) g."""
    product = xp.conj(v) * g if xp.isdtype(v.dtype, "complex floating") else v * g
    return xp.sum(xp.real(product) if xp.isdtype(product.dtype, "complex floating") else product)


def check_first(derivatives: Derivatives, kind: str, tolerance: float = FIRST_TOLERANCE) -> None:
    """The gradients of a row equal differences of its values, along random directions."""
    case = derivatives.case
    arrays = case.operands(kind)
    (cotangent,) = directions_like([derivatives.value(arrays)], seed=1)
    gradients = derivatives.gradients(arrays, cotangent)
    for x, g in zip(arrays, gradients, strict=True):
        assert g.shape == x.shape, f"{case.name}: gradient of shape {g.shape} for an operand of shape {x.shape}"
        assert g.dtype == x.dtype, f"{case.name}: gradient of dtype {g.dtype} for an operand of dtype {x.dtype}"
    for seed in (2, 3):
        directions = directions_like(arrays, seed)

        def loss(t: float, directions: Arrays = directions) -> float:
            return inner([cotangent], [derivatives.value(moved_along(arrays, directions, t))])

        assert_agree(inner(gradients, directions), central_difference(loss, case.eps), tolerance, f"{case.name}, first order")


def check_second(derivatives: Derivatives, kind: str, tolerance: float = SECOND_TOLERANCE) -> None:
    """The gradients of products with a row's gradients equal differences of those, in the operands and in the cotangent."""
    case = derivatives.case
    arrays = case.operands(kind)
    n = len(arrays)
    points = [*arrays, *directions_like([derivatives.value(arrays)], seed=1)]
    weights = directions_like(arrays, seed=4)
    directions = directions_like(points, seed=5)
    second = derivatives.second(arrays, points[n], weights)

    def product(t: float) -> float:
        *moved, cotangent = moved_along(points, directions, t)
        return inner(weights, derivatives.gradients(moved, cotangent))

    assert_agree(inner(second, directions), central_difference(product, case.eps), tolerance, f"{case.name}, second order")
