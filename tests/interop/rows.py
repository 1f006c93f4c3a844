"""What a row of code that others wrote is: a Case of ../table.py whose function calls a consumer of arrays.

A row's function ignores the namespace: with Tensors the consumer finds clumsygrad's through them, with plain arrays it computes the
value that must come out. The name of a row is the function's dotted public name ("scipy.stats.zscore"), and after a hyphen what is
special about the row. A refusal is a row that must raise: the consumer would leave the graph.

To add a function: a call of `row` or `refuses` on the table of its package, in the module *_rows.py of the package.
"""

from __future__ import annotations

import contextlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device
from table import Case, Shape

import clumsygrad as cg


@dataclass(frozen=True)
class Refusal:
    """A call that raises on Tensors which require a gradient, and what its message must match."""

    case: Case
    says: str

    def __str__(self) -> str:
        return self.case.name


class Table:
    """The rows of a module. `around` makes the context that the functions are called in."""

    def __init__(self, around: Callable[[], Any] = contextlib.nullcontext) -> None:
        self.around = around
        self.cases: list[Case] = []
        self.refusals: list[Refusal] = []

    def row(self, name: str, *shapes: Shape, **options: Any) -> None:
        """A function that works, of operands of these shapes.

        `call` is what is called, by default the function of that name; with `several` its results are laid flat, one after another.
        Other options are those of Case, or keyword arguments of the function. A function that an older version lacks has no row.
        """
        if function_named(name) is not None:
            self.cases.append(self._case(name, shapes, **options))

    def refuses(self, name: str, *shapes: Shape, says: str, **options: Any) -> None:
        """A function that raises, with a message that the regular expression `says` is found in."""
        if function_named(name) is not None:
            self.refusals.append(Refusal(self._case(name, shapes, **options), says))

    def _case(
        self, name: str, shapes: tuple[Shape, ...], *, call: Callable[..., Any] | None = None, several: bool = False, **options: Any
    ) -> Case:
        known = {key: options.pop(key) for key in list(options) if key in Case.__dataclass_fields__}
        target = call or function_named(name)

        def function(xp: Any, *operands: Any) -> Any:
            with self.around():
                z = target(*operands, **options)
                return flat(z) if several else z

        assert name not in {str(x) for x in (*self.cases, *self.refusals)}, f"two rows are named {name}"
        return Case(name, function, shapes, (), **known)


def function_named(name: str) -> Any:
    """The object of a row's dotted name, or None where this version of the package lacks it."""
    try:
        return pkgutil.resolve_name(name.partition("-")[0])
    except AttributeError:
        return None


def identity_of(name: str) -> Any:
    """What two names of one function have in common."""
    function = function_named(name)
    return id(inspect.unwrap(function))


def flat(parts: Any) -> Any:
    """Several results as one vector."""
    arrays = [part if hasattr(part, "shape") else np.asarray(part) for part in parts]
    xp = array_namespace(*arrays)
    return xp.concat([xp.reshape(xp.asarray(part), (-1,)) for part in arrays])


def parts(z: Any) -> Any:
    """The real and the imaginary part of complex numbers, side by side: with them its gradients are those of real functions."""
    xp = array_namespace(z)
    return xp.stack([xp.real(z), xp.imag(z)])


def beside(x: Any, values: Any) -> Any:
    """Constant values as an array that x can be handed to a function with: a consumer refuses arrays of two namespaces."""
    values = np.asarray(values)
    dtype = x.dtype if values.dtype.kind == "f" else None
    return array_namespace(x).asarray(values.tolist(), dtype=dtype, device=device(x))


def is_tracked(z: Any) -> bool:
    """Whether a result is a Tensor that requires a gradient."""
    return type(z) is cg.Tensor and z.requires_grad
