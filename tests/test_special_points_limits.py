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


def of_reciprocal_gamma(n: int) -> np.ndarray:
    """The power series of 1/Γ about −n: that about 0, DLMF 5.7.1, times (x − 1) ... (x − n)."""
    about_0 = [0.0, 1.0, 0.5772156649015329, -0.6558780715202538, -0.0420026350340952, 0.1665386113822915, -0.0421977345555443]
    about_0 += [-0.0096219715278770, 0.0072189432466630, -0.0011651675918591, -0.0002152416741149, 0.0001280502823882]
    return np.polynomial.polynomial.polymul(about_0, np.polynomial.polynomial.polyfromroots(range(1, n + 1)))


def of_sine_over(*roots: float) -> np.ndarray:
    """The power series about 0 of sin(πx)/π over the product of root − x."""
    sine = [0.0 if n % 2 == 0 else (-1) ** (n // 2) * math.pi ** (n - 1) / math.factorial(n) for n in range(24)]
    for root in roots:
        sine = np.polynomial.polynomial.polymul(sine, [root ** -(n + 1) for n in range(24)])[:24]
    return np.asarray(sine)


@dataclass
class Point:
    """A function of special functions and of x, a point, and the function's power series about it."""

    name: str
    function: Callable[[Any, Any], Any]
    at: float
    series: Any
    distances: np.ndarray = field(default_factory=lambda: BOTH)
    needs: str = ""
    nan_in: tuple[str, ...] = ()  # whose own function is nan there

    def __str__(self) -> str:
        return f"{self.name} at {self.at:g}"


def about(polynomial: list[float], point: float) -> np.ndarray:
    """A polynomial's coefficients in x − point."""
    p = np.polynomial.Polynomial(polynomial)
    return np.asarray([p.deriv(k)(point) / math.factorial(k) for k in range(len(polynomial))])


PRODUCT_OF_3 = [0.0, 2.0, 3.0, 1.0]  # x (x + 1)(x + 2)
BINOMIAL_OF_3 = [0.0, 1 / 3, -1 / 2, 1 / 6]  # x (x − 1)(x − 2)/6
BETA_2_3, BETA_4_2 = [0.0, 0.0, 6.0, -8.0, 3.0], [0.0, 0.0, 0.0, 0.0, 5.0, -4.0]
POINTS = [
    Point("j0", lambda f, x: f.j0(x), 0.0, of_bessel(0, -1), needs="j0 j1"),
    Point("j1", lambda f, x: f.j1(x), 0.0, of_bessel(1, -1), needs="j0 j1"),
    Point("i0", lambda f, x: f.i0(x), 0.0, of_bessel(0, 1)),
    Point("i1", lambda f, x: f.i1(x), 0.0, of_bessel(1, 1)),
    Point("i1e", lambda f, x: f.i1e(x), 0.0, times_decay(of_bessel(1, 1)), ABOVE[1:]),
    Point("spence", lambda f, x: f.spence(x), 1.0, [0.0] + [(-1) ** n / n**2 for n in range(1, 16)]),
    *[Point("rgamma", lambda f, x: f.rgamma(x), -float(n), of_reciprocal_gamma(n)) for n in range(4)],
    *[Point("binom(x, 3)", lambda f, x: f.binom(x, 3.0), float(n), about(BINOMIAL_OF_3, n)) for n in range(3)],
    Point("binom(2, x)", lambda f, x: f.binom(2.0, x), -1.0, 2 * of_sine_over(1.0, 2.0, 3.0)),
    Point("binom(2, x)", lambda f, x: f.binom(2.0, x), 3.0, 2 * of_sine_over(-1.0, -2.0, -3.0)),
    Point("poch(x, 3)", lambda f, x: f.poch(x, 3.0), 0.0, PRODUCT_OF_3),
    *[Point("poch(x, 3)", lambda f, x: f.poch(x, 3.0), -n, about(PRODUCT_OF_3, -n), nan_in=("jax", "jax-jit")) for n in (1.0, 2.0)],
    *[
        Point(f"gammainc({a}, x)", lambda f, x, a=a: f.gammainc(a, x), 0.0, series, ABOVE)
        for a, series in (
            (2.0, [0.0] + [(-1) ** n * (n - 1) / math.factorial(n) for n in range(1, 12)]),
            (3.0, [0.0] + [(-1) ** (n - 1) * (n - 1) * (n - 2) / 2 / math.factorial(n) for n in range(1, 12)]),
        )
    ],
    *[
        Point(f"betainc({a}, {b}, x)", lambda f, x, a=a, b=b: f.betainc(a, b, x), end, about(p, end), distances)
        for a, b, p in ((2.0, 3.0, BETA_2_3), (4.0, 2.0, BETA_4_2))
        for end, distances in ((0.0, ABOVE), (1.0, -ABOVE))
    ],
]


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_derivatives_at_removable_points(point, backend):
    if lacking := LACKS.get(backend.name, set()) & set((point.needs or point.name.partition("(")[0]).split()):
        pytest.skip(f"no {', '.join(lacking)} here")
    if backend.name in point.nan_in:
        pytest.skip("the library's own function is nan here")
    x = point.at + point.distances
    derivative = functools.partial(point.function, backend.namespace.special)
    for order in ORDERS:
        derivative = cg.func.elementwise_grad(derivative)
        expected = np.polynomial.Polynomial(point.series).deriv(order)(x - point.at)
        found = backend.host(backend.compile(derivative)(backend.array(x)))
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * math.factorial(order), err_msg=f"order {order}")


def test_far_below_0_the_factors_of_pochs_gradient_do_not_overflow():
    """(x)₁₀ Σ 1/(x + j), j < 10, where Γ(1 − x) alone would be infinite."""
    x = np.asarray([-180.5, -300.25])
    j = np.arange(10.0)
    terms = x[:, None] + j
    np.testing.assert_allclose(
        cg.func.elementwise_grad(lambda x: cg.special.poch(x, 10.0))(x),
        np.prod(terms, axis=1) * np.sum(1 / terms, axis=1),
        rtol=1e-9,
    )


@pytest.mark.parametrize(("a", "b", "x"), [(2.0, 3.0, 0.0), (0.5, 3.0, 0.2), (300.0, 200.0, 0.6), (2.0, 1e4, 1e-4)])
def test_the_density_of_betainc_is_right_wherever_a_power_stands_in(a, b, x):
    """By SciPy's distribution; a power alone would underflow at a = 300."""
    stats = pytest.importorskip("scipy.stats")
    found = cg.func.grad(lambda x: cg.special.betainc(a, b, x))(np.asarray(x))
    np.testing.assert_allclose(found, stats.beta.pdf(x, a, b), rtol=1e-10)
