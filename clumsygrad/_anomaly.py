"""detect_anomaly: where a gradient that is not finite comes from.

Nothing of this costs anything while it is off. Inside, the counter that numbers the tensors also notes the line of the user's code
that makes each of them, and every pass hands its rules to a watch.
"""

from __future__ import annotations

import linecache
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import ContextDecorator
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any

from . import _transfer, engine
from . import tensor as _tensor
from . import xp as _xp
from ._gradients import Place, place
from ._operands import raw
from ._versions import is_blank
from .grad._read import operands
from .tensor import Tensor
from .xp import Array, array_namespace, numpy

__all__ = ["detect_anomaly"]

Places = OrderedDict[int, Place]

_MOST_PLACES = 1_000_000  # the oldest are forgotten

# The lines that made the tensors, by id, of a context that looks for anomalies; None elsewhere
_places: ContextVar[Places | None] = ContextVar("clumsygrad_places", default=None)

_count = _tensor.next_id
_lock = threading.Lock()
_inside = 0


class detect_anomaly(ContextDecorator):
    """Context manager: a gradient that becomes NaN or infinite raises FloatingPointError, which says where and why.

    Put forward and backward pass inside. The error names the operation whose backward function gave the first such gradient, the line
    of your code that recorded it, and the range of its operands, of its result and of the gradient that came in; and it says so
    where the value of an untaken branch of `where` is the cause. It looks at every value, which takes time, and holds for the thread and
    context that it is entered in. Under jax.jit there are no values to look at: run without it.

    >>> import clumsygrad as cg, numpy as np
    >>> x = cg.Tensor([0.0, 4.0], requires_grad=True)
    >>> try:
    ...     with cg.detect_anomaly():
    ...         cg.sum(cg.sqrt(x)).backward()
    ... except FloatingPointError as error:
    ...     print(str(error).splitlines()[0])
    the gradient of sqrt's operand became infinite (1 of 2 elements)
    """

    def __init__(self) -> None:
        self._tokens: list[tuple[Token[Any], Token[Any]]] = []

    def _recreate_cm(self) -> detect_anomaly:
        return type(self)()

    def __enter__(self) -> None:
        global _inside
        with _lock:
            _inside += 1
            _tensor.next_id = _noted_id
        places = _places.get()
        self._tokens.append((_places.set(OrderedDict() if places is None else places), engine.watching.set(_Watch)))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        global _inside
        places, watching = self._tokens.pop()
        engine.watching.reset(watching)
        _places.reset(places)
        with _lock:
            _inside -= 1
            if not _inside:
                _tensor.next_id = _count


def _noted_id() -> int:
    """The next id; where anomalies are looked for, with the line that asks for it."""
    number = _count()
    places = _places.get()
    if places is not None:
        places[number] = place()
        if len(places) > _MOST_PLACES:
            places.popitem(last=False)
    return number


class _Watch:
    """What stands around the rules of one pass."""

    def __init__(self, guard: Callable[..., Any] | None) -> None:
        self.guard = guard
        self.begun = False
        self.below_where: dict[int, int] = {}  # of tensors that where chose from, or what they were computed from: that where's id

    def __call__(self, rule: Callable[..., Any], tensor: Tensor, gradient: Any) -> Any:
        if not _is_finite(gradient):
            raise FloatingPointError(self._arrived(tensor, gradient))
        self.begun = True
        with numpy.errstate(all="ignore"):
            gradients = rule(tensor, gradient) if self.guard is None else self.guard(rule, tensor, gradient)
        for number, g in enumerate(gradients):
            if not _is_finite(g):
                raise FloatingPointError(self._report(tensor, gradient, number, g))
        where = tensor._id if _name(tensor) == "where" else self.below_where.get(tensor._id)
        if where is not None:
            for parent in engine.parents_as_read(tensor):
                self.below_where.setdefault(parent._id, where)
        return gradients

    def _report(self, tensor: Tensor, gradient: Any, number: int, found: Any) -> str:
        """The gradient of one operand, the first that is not finite."""
        values = operands(tensor, raw(gradient))
        which = "operand" if len(values) == 1 else f"operand {number}"
        lines = [f"the gradient of {_name(tensor)}'s {which} became {_what(found)}", f"  recorded at {_place(tensor)}"]
        for i, x in enumerate(values):
            lines.append(f"  {'operand' if len(values) == 1 else f'operand {i}'}: {_described(x)}")
        lines += [f"  result: {_described(tensor._data)}", f"  gradient that came in: {_described(gradient)}"]
        return "\n".join([*lines, f"  Likely cause: {self._cause(tensor, gradient, values, found)}."])

    def _arrived(self, tensor: Tensor, gradient: Any) -> str:
        """A gradient that was not finite before any rule saw it."""
        lines = [
            f"the gradient that arrived at the result of {_name(tensor)} is {_what(gradient)}",
            f"  recorded at {_place(tensor)}",
        ]
        cause = "the sum of the gradients of several uses overflowed, or a hook gave it" if self.begun else "backward began with it"
        return "\n".join([*lines, f"  result: {_described(tensor._data)}", f"  Likely cause: {cause}."])

    def _cause(self, tensor: Tensor, gradient: Any, values: tuple[Any, ...], found: Any) -> str:
        zero = _is_zero_where_not_finite(gradient, found)
        name = _name(tensor)
        where = self.below_where.get(tensor._id)
        if zero and where is not None:
            return (
                f"an untaken branch of where (recorded at {_place_of(where)}): it sends {name} a gradient of 0, which {name} multiplies "
                "by its infinite slope. Compute the branch only where it is taken: clumsygrad.apply_where(condition, x, f, ...)"
            )
        first = _first_not_finite(tensor)
        if first is not None and first is not tensor:
            return f"a forward value was not finite already: first the result of {_name(first)}, recorded at {_place(first)}"
        if not all(_is_finite(x) for x in values):
            return "an operand that is not finite itself"
        if zero:
            return f"0 · ∞: the gradient that came in is 0 there, and the slope of {name} is infinite"
        if not _is_finite(tensor._data):
            return f"{name} itself is not finite at these operands"
        return f"the slope of {name} is infinite (or too large for {tensor.dtype}) at these operands"


# What is asked of values -----------------------------------------------------------------------------------------------------------


def _is_finite(x: Any) -> bool:
    data = raw(x)
    if not _xp.is_array(data) or not _xp.is_floating(data):
        return True
    try:
        return bool(_xp.on_its_device(_all_finite, data))
    except TypeError as error:
        raise RuntimeError("detect_anomaly looks at values, and under jax.jit there are none: run without jit") from error


def _all_finite(x: Array) -> Array:
    xp = array_namespace(x)
    return xp.all(xp.isfinite(x))


def _is_zero_where_not_finite(gradient: Any, found: Any) -> bool:
    incoming, outgoing = _host(gradient), _host(found)
    if incoming.shape == outgoing.shape:
        return bool(numpy.all(incoming[~numpy.isfinite(outgoing)] == 0))
    return bool(numpy.any(incoming == 0))


def _first_not_finite(tensor: Tensor) -> Tensor | None:
    """Going up from a tensor, the oldest on a way of values that are not finite; None if its own and its operands' are."""
    found = None if _is_finite(tensor._data) else tensor
    while True:
        older = next((x for x in engine.parents_as_read(tensor) if not _is_finite(x._data) and not is_blank(x._data)), None)
        if older is None:
            return found
        found = tensor = older


def _host(x: Any) -> Any:
    return numpy.asarray(_transfer.to_numpy(raw(x)))


# What is said ----------------------------------------------------------------------------------------------------------------------


def _name(tensor: Tensor) -> str:
    return engine.operation_name(tensor._rule) if tensor._rule is not None else "a leaf"


def _place(tensor: Tensor) -> str:
    return _place_of(tensor._id) if tensor._rule is not None else "(a leaf)"


def _place_of(number: int) -> str:
    """The line that recorded a tensor, and what stands there."""
    places = _places.get()
    found = places.get(number) if places is not None else None
    if found is None:
        return "an unknown line: it was not recorded inside detect_anomaly; put the forward pass inside, too"
    code = linecache.getline(found.code.co_filename, found.line).strip()
    return f"{found}: {code}" if code else str(found)


def _what(x: Any) -> str:
    host = _host(x)
    nan, infinite = int(numpy.sum(numpy.isnan(host))), int(numpy.sum(numpy.isinf(host)))
    kinds = " and ".join([word for word, count in (("nan", nan), ("infinite", infinite)) if count])
    return f"{kinds} ({nan + infinite} of {host.size} elements)" if host.shape else kinds


def _described(x: Any) -> str:
    """Shape, dtype, and between which numbers an array's values lie."""
    if not _xp.is_array(raw(x)):
        return repr(x)
    host = _host(x)
    text = f"shape {host.shape}, {host.dtype}"
    if host.dtype.kind not in "fc" or not host.size:
        return text
    size = "absolute values" if host.dtype.kind == "c" else "values"
    values = numpy.abs(host) if host.dtype.kind == "c" else host
    finite = values[numpy.isfinite(values)]
    if finite.size:
        low, high = f"{finite.min():.6g}", f"{finite.max():.6g}"
        text += f", {size} from {low} to {high}" if low != high else f", {size} {low}"
    counts = (("nan", numpy.isnan(values)), ("inf", values == numpy.inf), ("-inf", values == -numpy.inf))
    others = [f"{word} in {int(numpy.sum(which))} of {values.size}" for word, which in counts if numpy.any(which)]
    return ", ".join([text, *others])
