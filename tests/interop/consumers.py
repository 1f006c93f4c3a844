"""The tables of all consumers, the checks of their rows, and what must be counted."""

from __future__ import annotations

import dataclasses
import importlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from backends import BACKENDS, Backend
from checks import Derivatives, assert_agree, check_first, check_second, directions_like
from rows import Refusal, identity_of, is_tracked
from table import Case

import clumsygrad as cg

VALUE_TOLERANCE = 1e-12
GRADIENT_TOLERANCE = 1e-6
ELSEWHERE_TOLERANCE = 1e-9  # of values; gradients over another library agree as finite differences do

MODULES = sorted(path.stem for path in Path(__file__).parent.glob("*_rows.py"))
TABLES = [importlib.import_module(name).TABLE for name in MODULES]
CASES: list[Case] = [case for table in TABLES for case in table.cases]
REFUSALS: list[Refusal] = [refusal for table in TABLES for refusal in table.refusals]

PACKAGES = sorted({case.name.partition(".")[0] for case in CASES})

# How many distinct functions of a package must work; of scipy.special only so many are counted.
WANTED = {"scipy": 150, "sklearn": 40, "array_api_extra": 30}
SPECIAL_COUNTED = 60

# array-api-strict without its flags: what SciPy does with masks it does on purpose.
_STRICT = dataclasses.replace(BACKENDS["strict-device1"], strict_flags={"api_version": "2025.12"}, lacks=BACKENDS["strict"].lacks)
NUMPY = BACKENDS["numpy"]
ELSEWHERE = {"strict-device1": _STRICT, "torch": BACKENDS["torch"]}


class Consumed(Derivatives):
    """The derivatives of a row. Its constants are Tensors too: a consumer refuses arrays of two namespaces in one call."""

    def apply(self, *tensors: Any) -> Any:
        return self.case.function(None, *tensors, *map(cg.Tensor, self.constants))


def check_value(case: Case) -> None:
    """The value is a tracked Tensor, and the consumer's own on plain arrays."""
    consumed = Consumed(case, NUMPY)
    for kind in case.kinds:
        arrays = case.operands(kind)
        value = consumed.apply(*[cg.Tensor(x, requires_grad=True) for x in arrays])
        assert type(value) is cg.Tensor, f"{case.name} gives a {type(value).__name__}"
        assert value.requires_grad, f"{case.name} leaves the graph"
        expected = case.expected(arrays)
        assert_agree(value.data, expected, VALUE_TOLERANCE, f"{case.name}, value")
        assert value.dtype == expected.dtype, f"{case.name}: dtype {value.dtype}, of plain arrays {expected.dtype}"


def check_first_order(case: Case) -> None:
    for kind in case.kinds:
        check_first(Consumed(case, NUMPY), kind, GRADIENT_TOLERANCE)


def check_second_order(case: Case) -> None:
    for kind in case.kinds:
        check_second(Consumed(case, NUMPY), kind, GRADIENT_TOLERANCE)


def of_its_own(case: Case, backend: Backend) -> tuple[Any, str]:
    """What the consumer gives for this library's own arrays, or why it does not take them."""
    raw = [backend.array(x) for x in (*case.operands(case.kinds[0]), *case.constants)]
    try:
        z = case.function(None, *raw)
    except Exception as error:  # whatever it raises, it does not take them
        return None, f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    if not backend.owns(z):
        return None, f"gives a {type(z).__name__} for arrays of {backend.library}"
    return backend.host(z), ""


def check_elsewhere(case: Case, backend: Backend, expected: Any) -> None:
    """Over another library value and gradients are those over NumPy (or the value the consumer's own there), and all stays there."""
    here, there = Consumed(case, NUMPY), Consumed(case, backend)
    for kind in case.kinds:
        arrays = case.operands(kind)
        value = here.value(arrays)
        z = there.apply(*[cg.Tensor(x) for x in there.raw(arrays)])
        assert backend.owns(z.data), f"{case.name} left {backend.name}"
        found = backend.host(z)
        if kind == case.kinds[0] and not np.allclose(found, value, rtol=0, atol=ELSEWHERE_TOLERANCE):
            value = expected  # over torch SciPy makes some of its arrays in single precision
        assert_agree(found, value, ELSEWHERE_TOLERANCE, f"{case.name} over {backend.name}, value")
        (cotangent,) = directions_like([value], seed=1)
        found = there.gradients(arrays, cotangent)
        for g, same in zip(found, here.gradients(arrays, cotangent), strict=True):
            assert_agree(g, same, GRADIENT_TOLERANCE, f"{case.name} over {backend.name}, gradient")


def refused_with(refusal: Refusal) -> Exception | None:
    """What a call that must raise raises; None where it does not, whatever it gives."""
    operands = [cg.Tensor(x, requires_grad=True) for x in refusal.case.operands(refusal.case.kinds[0])]
    try:
        z = refusal.case.function(None, *operands, *map(cg.Tensor, refusal.case.constants))
    except Exception as error:
        return error
    assert not is_tracked(z), f"{refusal} works now: it wants a row"
    return None


@cache
def counts() -> dict[str, int]:
    """How many distinct functions have rows that work, for each package; scipy.special apart."""
    found: dict[str, set[Any]] = {}
    for case in CASES:
        package = "scipy.special" if case.name.startswith("scipy.special.") else case.name.partition(".")[0]
        found.setdefault(package, set()).add(identity_of(case.name))
    return {package: len(functions) for package, functions in sorted(found.items())}


def counted(package: str) -> int:
    """What counts of a package towards WANTED."""
    special = counts().get("scipy.special", 0) if package == "scipy" else 0
    return counts().get(package, 0) + int(np.minimum(special, SPECIAL_COUNTED))
