"""Numerical derivatives of functions of arrays, for checking: differences of sixth order, whose steps choose themselves.

A function of arrays is seen as one of a real vector (`_vectors`). It is evaluated where its arguments live; vectors and differences
are NumPy's, on the host.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from . import func
from ._operands import raw
from ._vectors import Layout, Vector, vector_of
from .tensor import Tensor
from .xp import array_namespace, numpy

__all__ = ["FlatMap", "Slopes", "kink", "precision", "slopes"]

Along = Callable[[float], Vector]

# Steps along a direction whose length is that of the arguments. Each is tried until two neighbours agree. (Not powers of 2: rounding
# to float32 inside the function would look alike at all of them.)
_STEPS = tuple([0.0313 * 0.13**k for k in range(11)])
_WEIGHTS = ((1, 0.75), (2, -0.15), (3, 1 / 60))
_OUT_OF_DOMAIN = (ArithmeticError, ValueError, RuntimeError)  # log of what is negative, a matrix that is no longer definite


class FlatMap:
    """A function from a list of arrays to a list of arrays, as a map from a real vector to a real vector.

    `arrays` are raw floating arrays, of any library: the point at which it is looked at. `sizes_of_results` says how large the
    values are from which each result is computed, where the results themselves may be nothing but their rounding. `inputs` and
    `outputs` say how arguments and results stand in their vectors.
    """

    def __init__(
        self,
        function: Callable[[Sequence[Any]], list[Any]],
        arrays: Sequence[Any],
        sizes_of_results: Sequence[float] | None = None,
    ) -> None:
        self.function = function
        self.inputs = Layout(arrays)
        self.point = vector_of(arrays)
        with numpy.errstate(all="ignore"):
            outputs, self._pullback = func.vjp(self._of_each, *arrays)
        self.outputs = Layout(map(raw, outputs))
        self.eps = max(precision(x) for x in [*arrays, *self.outputs.likes])
        sizes = [0.0] * len(outputs) if sizes_of_results is None else sizes_of_results
        self.noise = numpy.repeat(numpy.asarray(sizes), self.outputs.widths)

    def _of_each(self, *arrays: Any) -> list[Any]:
        return self.function(arrays)

    def value(self, point: Vector) -> Vector:
        """The result at another point; not a number where the function refuses it."""
        try:
            with numpy.errstate(all="ignore"):
                return vector_of(map(raw, self.function(list(map(Tensor, self.inputs.arrays(point))))))
        except _OUT_OF_DOMAIN:
            return numpy.full(self.outputs.width, numpy.nan)

    def along(self, direction: Vector) -> Along:
        """t ↦ the result at point + t direction."""
        return lambda t: self.value(self.point + t * direction)

    def pull(self, cotangent: Vector) -> Vector:
        """The gradient at the point of cotangent · result, as the rules give it."""
        with numpy.errstate(all="ignore"):
            return vector_of(map(raw, self._pullback(self.outputs.arrays(cotangent))))

    def derivative(self) -> Callable[[Sequence[Any]], list[Any]]:
        """The pullback as a function of arrays: of the arguments and of one cotangent for each result."""
        n = len(self.inputs.likes)

        def gradients(arrays: Sequence[Any]) -> list[Any]:
            _, pullback = func.vjp(self._of_each, *arrays[:n])
            return list(pullback(list(arrays[n:])))

        return gradients

    def sizes_of_gradients(self, cotangents: Sequence[Any]) -> list[float]:
        """How large the gradients are, were they not to cancel: the size of the results over that of each argument."""
        total = float(numpy.sum(numpy.abs(vector_of(self.outputs.likes) * vector_of(cotangents))))
        sizes = [float(numpy.max(numpy.abs(self.point[part]), initial=0.0)) for part in self.inputs.parts]
        return [total / size if size else total for size in sizes]


@dataclass(frozen=True)
class Slopes:
    """Derivatives by differences, by how much two steps disagree on them, and what rounding may do to them.

    `settled`: whether two steps agreed as well as was asked.
    """

    value: Vector
    uncertainty: Vector
    rounding: Vector
    settled: bool = False


def slopes(flat: FlatMap, direction: Vector, weights: Vector | None, tolerance: float, scale: float = 0.0) -> Slopes | None:
    """The derivative along a direction of weights · result (a vector of one element), or, without weights, of each of its elements.

    The step shrinks until two neighbours agree within `tolerance` of max(scale, the slope); otherwise the two that agree best
    count, for each element, rounding counted. None where no two steps give finite values.
    """
    along = flat.along(direction)
    best: Slopes | None = None
    before: Vector | None = None
    floor = 0.0
    for h in _STEPS:
        slope, rounding = _quotient(flat, along, h, weights)
        if not numpy.all(numpy.isfinite(slope)):
            before = None
            continue
        if not floor:  # what counts as nothing, for a function that hardly changes here
            floor = 1e-5 * tolerance * float(numpy.max(numpy.abs(slope), initial=0.0))
        if before is not None:
            found = Slopes(slope, numpy.abs(slope - before), rounding + floor)
            best = found if best is None else _better(best, found)
            size = numpy.maximum(scale, numpy.abs(slope))
            if numpy.all(found.uncertainty <= tolerance / 4 * size + rounding):
                settled = (rounding <= tolerance * size) & (best.uncertainty == found.uncertainty)
                return replace(best, settled=bool(numpy.all(settled)))
        before = slope
    return best


def kink(along: Along, result: int, eps: float, scale: float) -> str | None:
    """What is not smooth at t = 0 about one element of along(t), in words; `scale` is what t = 1 means. None if it seems smooth."""
    middle = float(along(0.0)[result])
    sides = []
    for h in (eps**0.25, eps**0.375):
        sides.append(((float(along(h)[result]) - middle) / h, (middle - float(along(-h)[result])) / h))
    (right, left), (right_near, left_near) = sides
    steep = abs(right_near) + abs(left_near)
    if not math.isfinite(steep):
        return "the edge of the function's domain at this point"
    if steep > 10 * (abs(right) + abs(left)):
        return "a jump (or an infinite slope) at this point"
    change = abs(right_near - left_near)
    if change > 1e-3 * steep and 0.5 * abs(right - left) < change < 2 * abs(right - left):
        return f"a kink at this point: the slope is {left_near / scale:.6g} on one side and {right_near / scale:.6g} on the other"
    return None


def precision(x: Any) -> float:
    """The distance from 1 to the next number, in an array's dtype."""
    return float(array_namespace(x).finfo(x.dtype).eps)


def _quotient(flat: FlatMap, along: Along, h: float, weights: Vector | None) -> tuple[Vector, Vector]:
    slope: Vector = 0.0
    size: Vector = 0.0
    for k, weight in _WEIGHTS:
        above, below = along(k * h), along(-k * h)
        slope = slope + weight / h * (above - below)
        size = size + abs(weight) / h * (numpy.abs(above) + numpy.abs(below) + flat.noise)
    if weights is not None:
        slope, size = numpy.asarray([weights @ slope]), numpy.asarray([numpy.abs(weights) @ size])
    return slope, 8 * flat.eps * size


def _better(a: Slopes, b: Slopes) -> Slopes:
    """Of each element the one that is more certain."""
    chosen = b.uncertainty + b.rounding < a.uncertainty + a.rounding
    pairs = ((a.value, b.value), (a.uncertainty, b.uncertainty), (a.rounding, b.rounding))
    return Slopes(*[numpy.where(chosen, new, old) for old, new in pairs])
