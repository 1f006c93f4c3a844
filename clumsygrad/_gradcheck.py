"""gradcheck: the derivatives of a function against differences of its values, and what is wrong with them where they differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import _transfer, _tree
from . import xp as _xp
from ._differences import FlatMap, Slopes, kink, precision, slopes
from ._operands import as_array, first_array, raw
from .tensor import Tensor
from .xp import is_complex, numpy

__all__ = ["GradcheckError", "gradcheck"]

_TOLERANCE = 1e-7
_ENTRIES = 256  # that are looked at one by one; a larger array is halved, towards what is wrong in it, until it is that small
_RESULTS = 32  # entries of the result that are looked at one by one

# Of each entry that is wrong: where it stands in the vector, its number as the rules give it, and as differences do
Wrong = list[tuple[int, float, float]]


class GradcheckError(AssertionError):
    """A derivative that differs from differences.

    `order`: 1 for the gradient, 2 for its own gradient ... `argument`: what is wrong, as the report names it ("argument 0['weight']").
    `entry`: the index in that argument, or None. `result`: the entry of the result that is differentiated, as the report names it.
    `computed`, `expected`: the two numbers. `cause`: the likely one.
    """

    order: int
    argument: str
    entry: tuple[int, ...] | None
    result: str
    computed: complex
    expected: complex
    cause: str


def gradcheck(f: Callable[..., Any], *args: Any, order: int = 2, tolerance: float | None = None, seed: int = 0) -> bool:
    """True if the derivatives of `f` at `args`, up to `order`, are those that differences of its values give.

    Arguments and results are arrays of any library, or trees of them; floating and complex arrays are differentiated, everything else
    is handed on as it is. Each array is checked along random directions, first; where one disagrees, entry by entry. An error of
    one part in a million is found. Second order checks what `grad` of `grad` gives, against differences of the gradient; order=1 is
    for functions that are differentiated once only.

    `tolerance` is relative, 1e-7 by default, for float64: a narrower dtype must be given one (1e-2, say).

    Raises GradcheckError with a report: which order, argument and entry, the two numbers, and the likely cause. TypeError where there
    is nothing to differentiate, or where dtypes are too narrow.

    >>> import numpy as np, clumsygrad as cg
    >>> cg.gradcheck(lambda x: cg.sin(x) * x, np.asarray([0.5, 2.0]))
    True
    """
    name = getattr(f, "__name__", "f")
    if order < 1:
        raise ValueError(f"gradcheck: order must be 1 or more, got {order}")
    selected = _Selected(f, args)
    arrays, labels = selected.arrays, selected.labels
    narrow = next((label for x, label in zip(arrays, labels, strict=True) if precision(x) > 1e-10), None)
    if narrow is not None and tolerance is None:
        dtype = arrays[labels.index(narrow)].dtype
        raise TypeError(
            f"gradcheck of {name}: {narrow} has dtype {dtype}, in which differences are right to few digits: "
            "convert it to float64 (complex128), or give a tolerance (1e-2, say)"
        )
    random = numpy.random.default_rng(seed)
    function: Callable[[Any], list[Any]] = selected.function
    results: list[str] = []
    sizes: list[float] | None = None
    for number in range(1, order + 1):
        try:
            flat = FlatMap(function, arrays, sizes)
            if number == 1:
                results = selected.results
            _Check(name, number, flat, labels, results, tolerance or _TOLERANCE, random).run()
        except GradcheckError:
            raise
        except Exception as error:
            if number > 1 and isinstance(error, RuntimeError):
                cause = "the gradient can't be differentiated: check it with order=1"
                raise _failure(name, number, str(error), cause) from error
            error.add_note(f"in gradcheck of {name}, order {number}" + (" (order=1 does without)" if number > 1 else ""))
            raise
        weights = _directions(flat.outputs.likes, random)
        function, arrays, sizes = flat.derivative(), [*flat.inputs.likes, *weights], flat.sizes_of_gradients(weights)
        results = [f"the gradient of {label}" for label in labels]
        labels = [*labels, *[f"the incoming gradient ({i})" for i in range(len(weights))]]
    return True


class _Selected:
    """The floating leaves of the arguments, and the function of them that gives the floating leaves of the result."""

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.f = f
        self.leaves, self.structure = _tree.flatten(args)
        names = [f"argument {a.codify('')[1:].replace(']', '', 1)}" for a in self.structure.accessors()]
        self.at = [i for i, x in enumerate(self.leaves) if _differentiable(x)]
        if not self.at:
            raise TypeError("gradcheck: no argument is a floating array, and only those have derivatives: convert one (astype)")
        floating, like = [self.leaves[i] for i in self.at], first_array(self.leaves)
        self.arrays = [as_array(x, like) for x in floating]
        self.labels = [names[i] for i in self.at]
        self.results: list[str] = []

    def function(self, arrays: Any) -> list[Any]:
        leaves = list(self.leaves)
        for i, x in zip(self.at, arrays, strict=True):
            leaves[i] = x
        outputs, structure = _tree.flatten(self.f(*_tree.unflatten(self.structure, leaves)))
        chosen = [i for i, x in enumerate(outputs) if _differentiable(x)]
        if not chosen:
            raise TypeError(f"gradcheck: {getattr(self.f, '__name__', 'f')} returned no floating array, and has no derivatives")
        names = [f"result{a.codify('')}" for a in structure.accessors()]
        self.results = [names[i] for i in chosen]
        return [outputs[i] if type(outputs[i]) is Tensor else Tensor(outputs[i]) for i in chosen]


class _Check:
    """The check of one order."""

    def __init__(
        self, name: str, order: int, flat: FlatMap, labels: list[str], results: list[str], tolerance: float, random: Any
    ) -> None:
        self.name, self.order, self.flat, self.labels, self.results = name, order, flat, labels, results
        self.tolerance, self.random = tolerance, random
        self.value = flat.value(flat.point)
        self.columns: dict[int, Any] = {}
        self.weights = self._random_weights()
        self.gradient = flat.pull(self.weights)
        self.scales = numpy.repeat([self._scale(part) for part in flat.inputs.parts], flat.inputs.widths)

    def run(self) -> None:
        """Raise GradcheckError where a random projection of the gradient is wrong."""
        undefined = numpy.flatnonzero(~numpy.isfinite(self.value))
        if undefined.size:
            first = int(undefined[0])
            text = f"{self._result(first)} is {self.value[first]}: there is nothing to compare"
            raise _failure(self.name, self.order, text, "a point outside the function's domain")
        wrong = numpy.flatnonzero(~numpy.isfinite(self.gradient))
        if wrong.size:
            raise self._not_finite(int(wrong[0]))
        for number, part in enumerate(self.flat.inputs.parts):
            coordinates = numpy.arange(part.start, part.stop)
            if coordinates.size and not self._right_along_directions(coordinates):
                raise self._report(number, coordinates)

    # What is compared ---------------------------------------------------------------------------------------------------------

    def _random_weights(self) -> Any:
        """A random cotangent to which each result contributes alike."""
        parts = []
        for part, width in zip(self.flat.outputs.parts, self.flat.outputs.widths, strict=True):
            size = float(numpy.max(numpy.abs(self.value[part]), initial=0.0))
            signs = self.random.choice([-1.0, 1.0], width)
            parts.append(signs * self.random.uniform(0.5, 1.0, width) / (size if 0 < size < numpy.inf else 1.0))
        return numpy.concatenate(parts)

    def _scale(self, part: slice) -> float:
        """The length of a step along an argument, of which that is the part of the vector: its largest value, or 1."""
        return float(numpy.max(numpy.abs(self.flat.point[part]), initial=0.0)) or 1.0

    def _right_along_directions(self, coordinates: Any) -> bool:
        """Whether the gradient is right along two directions: one along which all entries add up, and one of random signs."""
        for aligned in (True, False):
            signs = self.random.choice([-1.0, 1.0], coordinates.size)
            if aligned:
                signs = numpy.where(self.gradient[coordinates] == 0, signs, numpy.sign(self.gradient[coordinates]))
            direction = numpy.zeros_like(self.flat.point)
            direction[coordinates] = signs * self.random.uniform(0.5, 1.0, coordinates.size) * self.scales[coordinates]
            computed, slope = self._along(direction)
            if slope is None or not self._agree(computed, slope, float(numpy.abs(self.gradient) @ numpy.abs(direction))):
                return False
        return True

    def _along(self, direction: Any) -> tuple[float, Slopes | None]:
        scale = float(numpy.abs(self.gradient) @ numpy.abs(direction))
        slope = slopes(self.flat, direction, self.weights, self.tolerance, scale)
        return float(self.gradient @ direction), slope

    def _agree(self, computed: Any, slope: Slopes, scale: float = 0.0) -> bool:
        size = numpy.maximum(numpy.maximum(numpy.abs(computed), numpy.abs(slope.value)), scale)
        return bool(numpy.all(numpy.abs(computed - slope.value) <= self.tolerance * size + slope.rounding))

    def _axis(self, coordinate: int) -> Any:
        direction = numpy.zeros_like(self.flat.point)
        direction[coordinate] = self.scales[coordinate]
        return direction

    # What is said where they differ -----------------------------------------------------------------------------------------

    def _report(self, number: int, coordinates: Any) -> GradcheckError:
        coordinates = self._narrowed(coordinates)
        wrong: Wrong = []
        for k in coordinates:
            computed, slope = self._along(self._axis(k))
            if slope is None:
                return self._out_of_domain(number, int(k))
            if not self._agree(computed, slope):
                wrong.append((int(k), computed / self.scales[k], float(slope.value[0]) / self.scales[k]))
        if not wrong:
            return self._between_entries(number)
        worst = max(wrong, key=lambda entry: abs(entry[1] - entry[2]))[0]
        pair = self.flat.inputs.pair(worst)
        results = [(j, *self._numbers(j, pair)) for j in self._results(worst)]
        j, a, b = max(results, key=lambda entry: abs(entry[1] - entry[2]))
        cause = self._cause(number, worst, j, a, b, wrong)
        many = f" ({len(wrong)} of the {coordinates.size} entries looked at are wrong)" if coordinates.size > 1 else ""
        entry = self.flat.inputs.entry(worst)
        where = f"{self.labels[number]}, entry {entry}{many}"
        return self._error(where, cause, self.labels[number], entry, self._result(j), a, b)

    def _narrowed(self, coordinates: Any) -> Any:
        """A part of the entries in which one is wrong, few enough to be looked at one by one."""
        while coordinates.size > _ENTRIES:
            half = coordinates.size // 4 * 2  # a complex number's pair stays together
            first, second = coordinates[:half], coordinates[half:]
            coordinates = second if self._right_along_directions(first) else first
        return coordinates

    def _result(self, j: int) -> str:
        """What reports call an entry of the result."""
        outputs = self.flat.outputs
        number = outputs.owner(j)
        pair = outputs.pair(j)
        part = ("the real part of ", "the imaginary part of ")[pair.index(j)] if len(pair) > 1 else ""
        return f"{part}{self.results[number]}" + (f", entry {outputs.entry(j)}" if outputs.likes[number].shape else "")

    def _results(self, coordinate: int) -> list[int]:
        """Some entries of the result: those that change most along a coordinate, and the first."""
        self.columns.clear()
        column = self._column(coordinate)
        largest = numpy.argsort(-numpy.abs(column), kind="stable")[:_RESULTS]
        return sorted({int(j) for j in largest} | set(range(min(_RESULTS, column.size))))

    def _column(self, coordinate: int) -> Any:
        if coordinate not in self.columns:
            found = slopes(self.flat, self._axis(coordinate), None, self.tolerance)
            self.columns[coordinate] = numpy.zeros(0) if found is None else found.value / self.scales[coordinate]
        return self.columns[coordinate]

    def _numbers(self, j: int, pair: list[int]) -> tuple[complex, complex]:
        """The gradient of entry j of the result with respect to one number, as the rules give it and as differences do."""
        unit = numpy.zeros_like(self.value)
        unit[j] = 1.0
        row = self.flat.pull(unit)
        return _number([float(row[k]) for k in pair]), _number([float(self._column(k)[j]) for k in pair])

    # The likely cause ---------------------------------------------------------------------------------------------------------

    def _cause(self, number: int, worst: int, result: int, a: complex, b: complex, wrong: Wrong) -> str:
        if not numpy.array_equal(self.flat.value(self.flat.point), self.value):
            return "the function gives other values each time: it is random, or keeps a state; fix its seed"
        rough = kink(self.flat.along(self._axis(worst)), result, self.flat.eps, self.scales[worst])
        if rough is not None:
            return rough
        found = slopes(self.flat, self._axis(worst), self.weights, self.tolerance)
        if found is not None and not found.settled and abs(a - b) <= 1e-2 * abs(b):
            return (
                "perhaps none: the differences themselves are no more certain than this. The function may be noisy, computed in "
                "less than float64 inside, or have a kink nearby; if that is as it should be, give a larger tolerance"
            )
        if self.order > 1:
            return self._cause_of_second_order(number)
        if a == 0:
            return "a missing term: no gradient arrives here (a None, a detached or constant operand, a wrong index)"
        if b and isinstance(a, complex) and abs(a.conjugate() - b) <= 1e-3 * abs(a - b):
            return "a missing conjugate: the rule must use conj(x) of its complex operands"
        other = self._swapped(number, wrong)
        if other is not None:
            return f"this is the gradient of {other}: the operands' gradients are swapped"
        return _cause_of_numbers(a, b, wrong)

    def _cause_of_second_order(self, number: int) -> str:
        lower = {2: "first order", 3: "second order"}.get(self.order, f"order {self.order - 1}")
        cause = (
            f"right at {lower} only: the rule computes with plain values (.data, detach(), an operand not read through "
            "clumsygrad.grad.operands), so that its own derivative lacks a term"
        )
        if self.labels[number].startswith("the incoming"):
            cause += "; here, its dependence on the gradient that comes in"
        return cause

    def _swapped(self, number: int, wrong: Wrong) -> str | None:
        """The argument whose gradient stands where another's should."""
        inputs = self.flat.inputs
        for other, label in enumerate(self.labels):
            if other == number or inputs.widths[other] != inputs.widths[number]:
                continue
            shift = inputs.parts[other].start - inputs.parts[number].start
            agreed = True
            for k, computed, _ in wrong[:4]:
                _, slope = self._along(self._axis(k + shift))
                agreed = agreed and slope is not None and self._agree(computed * self.scales[k + shift], slope)
            if agreed:
                return label
        return None

    # The errors -------------------------------------------------------------------------------------------------------------

    def _error(
        self, where: str, cause: str, argument: str, entry: tuple[int, ...] | None, result: str, a: complex, b: complex
    ) -> GradcheckError:
        text = (
            f"{where}\n  of {result}: computed {_shown(a)}, differences {_shown(b)}, off by {abs(a - b):.3g} "
            f"(tolerance {self.tolerance:g})"
        )
        error = _failure(self.name, self.order, text, cause)
        error.argument, error.entry, error.result, error.computed, error.expected = argument, entry, result, a, b
        return error

    def _not_finite(self, coordinate: int) -> GradcheckError:
        number = self.flat.inputs.owner(coordinate)
        entry, value = self.flat.inputs.entry(coordinate), float(self.gradient[coordinate])
        cause = "an infinite slope or 0·∞ at this point; see clumsygrad.detect_anomaly for the operation"
        error = _failure(self.name, self.order, f"{self.labels[number]}, entry {entry}: computed {value}", cause)
        error.argument, error.entry, error.computed = self.labels[number], entry, value
        return error

    def _out_of_domain(self, number: int, coordinate: int) -> GradcheckError:
        entry = self.flat.inputs.entry(coordinate)
        text = f"{self.labels[number]}, entry {entry}: the function is not finite around this point, so there is nothing to compare"
        error = _failure(self.name, self.order, text, "a point at the edge of the function's domain: choose one inside")
        error.argument, error.entry = self.labels[number], entry
        return error

    def _between_entries(self, number: int) -> GradcheckError:
        text = f"{self.labels[number]}: each entry looked at is right alone, but not when several change together"
        cause = (
            "a kink where entries meet (a maximum of equal elements, a norm at 0); or one of two errors close to the tolerance "
            f"({self.tolerance:g})"
        )
        error = _failure(self.name, self.order, text, cause)
        error.argument = self.labels[number]
        return error


def _cause_of_numbers(a: complex, b: complex, wrong: Wrong) -> str:
    """What the numbers alone suggest."""
    if b == 0:
        return "a term too much: the function does not depend on this entry here"
    ratio = (a / b).real
    others = [x / y for _, x, y in wrong if y]
    alike = bool(others) and all(abs(r - ratio) <= 1e-2 * abs(ratio - 1) for r in others)
    if alike and abs(ratio + 1) < 1e-6:
        return "the wrong sign"
    if alike and len(others) > 1:
        return f"a constant factor: every wrong entry is {ratio:.8g} times what it should be"
    if alike:
        return f"a factor of {ratio:.8g}, or a missing term of {_shown(b - a)}"
    return "a missing (or wrong) term: the entries are off by different factors"


def _failure(name: str, order: int, text: str, cause: str) -> GradcheckError:
    kind = {1: "gradient", 2: "second derivative"}.get(order, f"derivative of order {order}")
    error = GradcheckError(f"gradcheck of {name}: the {kind} is wrong.\n  {text}\n  Likely cause: {cause}.")
    error.order, error.cause, error.argument, error.entry, error.result = order, cause, "", None, ""
    error.computed = error.expected = numpy.nan
    return error


def _differentiable(x: Any) -> bool:
    if type(x) in (float, complex):
        return True
    data = raw(x)
    return _xp.is_array(data) and _xp.is_floating(data)


def _directions(arrays: list[Any], random: Any) -> list[Any]:
    """Random arrays like others, with entries of size 1/2 to 1: the cotangents at which the next order is checked."""
    found = []
    for x in arrays:
        values = random.choice([-1.0, 1.0], x.shape) * random.uniform(0.5, 1.0, x.shape)
        if is_complex(x):
            values = values + 1j * random.uniform(0.5, 1.0, x.shape)
        found.append(_transfer.moved(numpy.asarray(values, dtype=_xp.numpy_dtype(x.dtype)), x))
    return found


def _number(parts: list[float]) -> complex:
    return parts[0] if len(parts) == 1 else complex(*parts)


def _shown(x: complex) -> str:
    return f"{x:.10g}"
