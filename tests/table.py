"""What a row of the table of operations is: an operation, its operands, and what its tests need to know.

A row's function takes a namespace and then its operands: clumsygrad's namespace with Tensors, or NumPy's (through array_api_compat)
with plain arrays, which gives the value that the first must equal; where NumPy lacks the operation, `reference` computes that value
in NumPy. Operands are drawn for the row; `constants` (indices, masks, labels, fixed arrays) come after them, and are never
differentiated.

To add an operation: a call of `row` in cases.py, or in the module of its family that cases.py imports. Forward, first and second
order, dtypes and devices follow.
"""

from __future__ import annotations

import operator
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import array_api_compat.numpy as numpy_namespace
import numpy as np

Shape = tuple[int, ...]
Domain = str | tuple[float, float]

# Where operands lie. Every domain keeps away from the points where the functions that use it have no derivative.
DOMAINS = {
    "any": (0.3, 1.7),  # of either sign: never near 0
    "positive": (0.3, 1.7),
    "unit": (0.1, 0.8),  # of either sign
    "above one": (1.2, 3.0),
}
SIGNED = ("any", "unit")
REAL, BOTH, COMPLEX = ("real",), ("real", "complex"), ("complex",)


@dataclass(frozen=True)
class Case:
    name: str
    function: Callable[..., Any]
    shapes: tuple[Shape, ...]
    rules: tuple[str, ...]  # the backward functions that the row's graph runs through, without "_backward"
    domain: Domain | tuple[Domain, ...] = "any"  # of all operands, or of each
    kinds: tuple[str, ...] = REAL
    linear: bool = False  # in all operands together: then finite differences are exact with steps of 1
    order: int = 2
    reason: str = ""  # why order is 1
    constants: tuple[Any, ...] = ()
    reference: Callable[..., Any] | None = None
    uses: tuple[str, ...] = ()  # what some backends lack: see backends.py
    cannot: tuple[tuple[str, str], ...] = ()  # (backend, reason), for what is no general lack
    strided: bool = False  # operands that are not contiguous in memory
    minor: bool = False  # differs from a row above in shape only: left out where a library compiles for every shape

    def __str__(self) -> str:
        return self.name

    @property
    def eps(self) -> float:
        return 1.0 if self.linear else 2e-3

    def operands(self, kind: str = "real", single: bool = False) -> list[np.ndarray]:
        """Operands in the row's domain, all elements of all operands distinct; in float64, or in float32 if `single`."""
        parts = [self._real(seed) for seed in range(2 if kind == "complex" else 1)]
        arrays = parts[0] if kind == "real" else [np.asarray(re + 1j * im) for re, im in zip(*parts, strict=True)]
        dtype = {"real": (np.float64, np.float32), "complex": (np.complex128, np.complex64)}[kind][single]
        return [_spread(x.astype(dtype)) if self.strided else x.astype(dtype) for x in arrays]

    def _real(self, seed: int) -> list[np.ndarray]:
        random = np.random.default_rng(zlib.crc32(self.name.encode()) + seed)
        sizes = [int(np.prod(shape)) for shape in self.shapes]
        levels = random.permutation(sum(sizes)) + random.uniform(0.2, 0.8, sum(sizes))
        levels = levels / max(sum(sizes), 1)  # distinct numbers in (0, 1), none close to another
        arrays = []
        for index, (shape, size) in enumerate(zip(self.shapes, sizes, strict=True)):
            domain = self.domain[index] if isinstance(self.domain, tuple) and len(self.domain) == len(self.shapes) else self.domain
            if not isinstance(domain, str) and not isinstance(domain[0], (int, float)):
                domain = domain[index]
            start = sum(sizes[:index])
            low, high = DOMAINS[domain] if isinstance(domain, str) else domain
            values = low + (high - low) * levels[start : start + size]
            if domain in SIGNED:
                values = values * random.choice([-1.0, 1.0], size)
            arrays.append(values.reshape(shape))
        return arrays

    def expected(self, arrays: list[np.ndarray]) -> np.ndarray:
        """The value that NumPy gives."""
        if self.reference is not None:
            return np.asarray(self.reference(*arrays, *self.constants))
        return np.asarray(self.function(numpy_namespace, *arrays, *self.constants))

    def cannot_run_on(self, backend: Any) -> str | None:
        """Why this row is skipped on a backend, or None."""
        lacking = [backend.lacks[word] for word in self.uses if word in backend.lacks]
        lacking += [reason for name, reason in self.cannot if name == backend.name]
        if self.minor and not backend.every_shape:
            lacking.append("a row of other shapes stands for this one: every shape is compiled, or made a graph of, anew here")
        return "; ".join(lacking) or None


def _spread(x: np.ndarray) -> np.ndarray:
    """The same values with gaps between them in memory, and the axes in Fortran's order."""
    wide = np.zeros((*x.shape[::-1], 2), dtype=x.dtype)
    wide[..., 0] = x.T
    return wide[..., 0].T


CASES: list[Case] = []


def row(name: str, function: Callable[..., Any], *shapes: Shape, rules: str, **options: Any) -> None:
    """Add a row. `rules` is a string of names, separated by spaces."""
    assert name not in {case.name for case in CASES}, f"two rows are named {name}"
    CASES.append(Case(name, function, shapes, tuple(rules.split()), **options))


def called(name: str, **attributes: Any) -> Callable[..., Any]:
    """The function of that name ("sum", "linalg.inv") in whatever namespace is handed in."""

    def function(xp: Any, *operands: Any) -> Any:
        return operator.attrgetter(name)(xp)(*operands, **attributes)

    return function
