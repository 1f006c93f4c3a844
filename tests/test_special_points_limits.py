"""Special functions whose derivatives have removable points, where formulas divide 0 by 0: to fourth order, there and nearby."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from cases_special import LACKS

import clumsygrad as cg

pytest.importorskip("scipy")
ORDERS = (1, 2, 3, 4)
# 1e-12 and 1e-8 are where quotients of what cancels have no digits left, 1e-3 and 0.04 where they have some.
ABOVE = np.asarray([0.0, 1e-12, 1e-8, 1e-3, 0.04])
BOTH = np.concatenate([-ABOVE[1:], ABOVE])


def of_bessel(order: int, sign: int) -> list[float]:
    """The power series of J₀ and J₁ (sign −1), and of I₀ and I₁ (sign 1): DLMF 10.2.2 and 10.25.2."""
    terms = [sign**k / (2 ** (2 * k + order) * math.factorial(k) * math.factorial(k + order)) for k in range(8)]
    return [0.0] * order + [c for term in terms for c in (term, 0.0)]


def times_decay(series: list[float]) -> np.ndarray:
    """A power series about 0, times that of e⁻ˣ."""
    return np.polynomial.polynomial.polymul(series, [(-1) ** n / math.factorial(n) for n in range(len(series))])[: len(series)]


@dataclass
class Point:
    """A function of special functions and of x, a point, and the function's power series about it."""

    name: str
    function: Callable[[Any, Any], Any]
    at: float
    series: Any
    distances: np.ndarray = field(default_factory=lambda: BOTH)
    needs: str = ""

    def __str__(self) -> str:
        return f"{self.name} at {self.at:g}"


POINTS = [
    Point("j0", lambda f, x: f.j0(x), 0.0, of_bessel(0, -1), needs="j0 j1"),
    Point("j1", lambda f, x: f.j1(x), 0.0, of_bessel(1, -1), needs="j0 j1"),
    Point("i0", lambda f, x: f.i0(x), 0.0, of_bessel(0, 1)),
    Point("i1", lambda f, x: f.i1(x), 0.0, of_bessel(1, 1)),
    Point("i1e", lambda f, x: f.i1e(x), 0.0, times_decay(of_bessel(1, 1)), ABOVE[1:]),
    Point("spence", lambda f, x: f.spence(x), 1.0, [0.0] + [(-1) ** n / n**2 for n in range(1, 16)]),
]


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_derivatives_at_removable_points(point, backend):
    if lacking := LACKS.get(backend.name, set()) & set((point.needs or point.name.partition("(")[0]).split()):
        pytest.skip(f"no {', '.join(lacking)} here")
    x = point.at + point.distances
    derivative = functools.partial(point.function, backend.namespace.special)
    for order in ORDERS:
        derivative = cg.func.elementwise_grad(derivative)
        expected = np.polynomial.Polynomial(point.series).deriv(order)(x - point.at)
        found = backend.host(backend.compile(derivative)(backend.array(x)))
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * math.factorial(order), err_msg=f"order {order}")
