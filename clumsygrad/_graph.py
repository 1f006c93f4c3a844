"""graph: what a tensor was computed from, as text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from . import engine
from . import xp as _xp
from ._versions import is_blank
from .tensor import Tensor

__all__ = ["graph"]

_SHORT = (int, float, complex, str, bool, tuple, type(None))


def graph(tensor: Tensor, depth: int | None = 12) -> str:
    """What was recorded of a tensor, as a tree of text: operations, shapes, dtypes, devices, and the bytes that their arrays take.

    Operands stand below the operation that read them. What several operations read is shown once, with a number, which stands for it
    elsewhere. Below `depth` levels the rest is only counted; depth=None shows all of it.

    >>> import clumsygrad as cg
    >>> x = cg.Tensor([1.0, 2.0], requires_grad=True)
    >>> print(cg.graph(cg.sum(x * x)))
    sum  shape (), float64, cpu, 8 B
    └─ mul  shape (2,), float64, cpu, 16 B
       ├─ #1 leaf  shape (2,), float64, cpu, 16 B
       └─ #1
    3 tensors, 40 B
    """
    if type(tensor) is not Tensor:
        raise TypeError(f"graph: it takes a Tensor, got {_xp.type_in_words(tensor)}; a plain array has no history")
    everything = _everything(tensor)
    numbers = _numbered(everything)
    lines: list[str] = []
    shown: set[int] = set()
    stack: list[tuple[Any, str, str, int]] = [(tensor, "", "", 0)]  # what, what its line begins with, those below it, and its level
    while stack:
        x, first, rest, level = stack.pop()
        if type(x) is not Tensor:
            lines.append(first + _constant(x))
            continue
        number = f"#{numbers[x._id]}" if x._id in numbers else ""
        if x._id in shown:
            lines.append(first + number)
            continue
        shown.add(x._id)
        lines.append(first + f"{number} {_line(x)}".lstrip())
        below = _operands(x)
        if below and depth is not None and level >= depth:
            lines.append(f"{rest}└─ … ({len(_everything(x)) - 1} tensors more; depth={depth})")
            continue
        for i, operand in reversed(list(enumerate(below))):
            branch, trunk = ("└─ ", "   ") if i == len(below) - 1 else ("├─ ", "│  ")
            stack.append((operand, rest + branch, rest + trunk, level + 1))
    lines.append(f"{len(everything)} tensors, {_bytes(_held(everything))}")
    return "\n".join(lines)


def _note_memory(tensor: Tensor, error: Exception, others: Iterable[Tensor] = ()) -> None:
    """To an error that says that memory ran out add what the graphs of some tensors hold, and what would hold less."""
    if not isinstance(error, MemoryError) and type(error).__name__ != "OutOfMemoryError":
        return
    everything = _everything(tensor)
    for other in others:
        everything |= _everything(other)
    error.add_note(
        f"the graph that was recorded up to here holds {_bytes(_held(everything))} in {len(everything)} tensors (clumsygrad.graph shows "
        "them); clumsygrad.func.checkpoint keeps of a part of it the operands alone, and computes the rest again in the backward pass"
    )


Tensor._bind("_note_memory", _note_memory)


def _everything(tensor: Tensor) -> dict[int, Tensor]:
    """A tensor and all that it was computed from, by id."""
    found: dict[int, Tensor] = {}
    stack = [tensor]
    while stack:
        x = stack.pop()
        if x._id not in found or (is_blank(found[x._id]._data) and not is_blank(x._data)):
            found[x._id] = x
            stack += [parent for parent in _operands(x) if type(parent) is Tensor]
    return found


def _numbered(everything: dict[int, Tensor]) -> dict[int, int]:
    """A number for each tensor that is read more than once, newest first."""
    uses: dict[int, int] = {}
    for x in everything.values():
        for parent in _operands(x):
            if type(parent) is Tensor:
                uses[parent._id] = uses.get(parent._id, 0) + 1
    shared = sorted([number for number, count in uses.items() if count > 1], reverse=True)
    return {number: i + 1 for i, number in enumerate(shared)}


def _operands(x: Tensor) -> list[Any]:
    """What an operation read: tensors in the versions that it read, constants as they are."""
    found = []
    for parent in x._parents:
        if type(parent) is Tensor and parent._id > x._id:
            try:
                parent = parent._version_before(x._id)
            except RuntimeError:
                parent = f"a tensor of shape {parent.shape} that was changed since"
        found.append(parent)
    return found


def _line(x: Tensor) -> str:
    if x._rule is None:
        name = "leaf" if x._tracked else "constant"
    elif type(x._rule) is engine.Released:
        name = f"released by {x._rule.by}"
    else:
        name = engine.operation_name(x._rule) + _attributes(x._attributes)
    return f"{name}{_array(x._data)}"


def _attributes(attributes: Any) -> str:
    """What else an operation was called with, in brackets, where it is short, and not None or False, which most defaults are."""
    pairs = list(attributes.items()) if isinstance(attributes, dict) else [] if attributes is None else [attributes]
    given = [(name, value) for name, value in pairs if isinstance(value, _SHORT) and value is not None and value is not False]
    texts = [text for name, value in given if name not in ("outputs", "kept", "within") and len(text := f"{name}={value!r}") <= 40]
    return f"({', '.join(texts)})" if texts else ""


def _constant(x: Any) -> str:
    return f"constant{_array(x)}" if _xp.is_array(x) else str(x)


def _array(data: Any) -> str:
    if not _xp.is_array(data):
        return ""
    return f"  shape {tuple(data.shape)}, {data.dtype}, {_xp.device(data)}, {_bytes(_size(data))}"


def _size(data: Any) -> int | None:
    """The bytes that an array's elements take; None where its library does not know its shape yet."""
    if any(n is None or n != n for n in data.shape):
        return None
    return int(math.prod(data.shape)) * int(_xp.numpy_dtype(data.dtype).itemsize)


def _held(everything: dict[int, Tensor]) -> int:
    """The bytes of all arrays that a graph holds, each counted once, views as what they are views of."""
    arrays: dict[int, Any] = {}
    for x in everything.values():
        attributes = list(x._attributes.values()) if isinstance(x._attributes, dict) else []
        several = [part for value in attributes if isinstance(value, tuple) for part in value]
        for data in [x._data, *x._parents, *attributes, *several]:
            if type(data) is not Tensor and _xp.is_array(data):
                base = getattr(data, "base", None)
                data = base if _xp.is_array(base) else data
                arrays[id(data)] = data
    return sum(_size(data) or 0 for data in arrays.values())


def _bytes(n: int | None) -> str:
    if n is None:
        return "? B"
    size, unit = float(n), "B"
    for larger in ("kB", "MB", "GB"):
        if size >= 1000:
            size, unit = size / 1000, larger
    return f"{size:.3g} {unit}"
