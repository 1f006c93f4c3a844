"""Special functions of the table against torch and JAX, values, gradients and their derivatives: with `--backend torch` or `jax`.

Their own rules are the oracle; a function whose gradient they lack, or give at first order only, says so.
"""

from __future__ import annotations

import pytest
from backends import BACKENDS
from cases import CASES
from cases_special import LACKS
from checks import Derivatives, assert_agree, directions_like
from test_fft_oracles import COMPILED, ORACLES

import clumsygrad as cg

TOLERANCE = 1e-8

# What they have, and cannot differentiate as often as the table does, or do so wrongly.
WITHOUT_GRADIENT = {
    "torch": dict.fromkeys(("gammainc", "gammaincc"), "torch has no derivative in a"),
    "jax": {
        "betainc": "JAX has no derivatives in a and b",
        "log_ndtr-far": "JAX's asymptotic series is off by 3e-8 in second order",
        "spence": "JAX gives nan above 1",
        **dict.fromkeys(("exp1", "expn"), "JAX cannot compile the second derivative"),
    },
}


FIRST_ORDER_ONLY = ("gammainc", "gammaincc")  # JAX's derivative in a has none itself


def compare_first_order_with_jax(case, oracle, arrays, cotangent):
    import jax

    theirs = TheirCase(case, oracle)
    _, pullback = jax.vjp(lambda *x: theirs.function(None, *x), *[jax.numpy.asarray(x) for x in arrays])
    ours = Derivatives(case, COMPILED[oracle.name]).gradients(arrays, cotangent)
    for d, e in zip(ours, pullback(jax.numpy.asarray(cotangent)), strict=True):
        assert_agree(d, e, TOLERANCE, f"{case.name}, gradient")


def rows_of(library):
    """The rows whose function the library has itself: what array API code here composes would be compared with itself."""
    module = {"torch": "torch.special", "jax": "jax.scipy.special"}[library]
    pytest.importorskip(library)
    functions = cg.xp.optional(module)
    return [c for c in CASES if c.name.startswith("special.") and c.kinds == ("real",) and hasattr(functions, function_of(c))]


def function_of(case):
    return case.name.split("-")[0].removeprefix("special.")


def pytest_generate_tests(metafunc):
    if "oracle" not in metafunc.fixturenames:
        return
    names = set(metafunc.config.getoption("--backend") or ())
    pairs = [(BACKENDS[name], case) for name in ORACLES if names & {name, "all"} for case in rows_of(name)]
    metafunc.parametrize(("oracle", "case"), pairs, ids=[f"{oracle}-{case}" for oracle, case in pairs], indirect=["oracle"])


class Special:
    """The library's namespace, with the library's own `special`."""

    def __init__(self, oracle):
        self.special = cg.xp.optional({"torch": "torch.special", "jax": "jax.scipy.special"}[oracle.name])


class TheirCase:
    """A row whose function is the library's own."""

    def __init__(self, case, oracle):
        self.case, self.namespace = case, Special(oracle)

    def function(self, xp, *operands):
        return self.case.function(self.namespace, *operands)


def test_gradients_are_the_librarys_own(case, oracle):
    lacking = WITHOUT_GRADIENT[oracle.name]
    reason = case.cannot_run_on(oracle) or lacking.get(function_of(case)) or lacking.get(case.name.removeprefix("special."))
    if reason is not None:
        pytest.skip(reason)
    arrays = case.operands("real")
    (cotangent,) = directions_like([case.expected(arrays)], seed=1)
    weights = directions_like(arrays, seed=4)
    if oracle.name == "jax" and function_of(case) in FIRST_ORDER_ONLY:
        return compare_first_order_with_jax(case, oracle, arrays, cotangent)
    theirs = ORACLES[oracle.name](TheirCase(case, oracle), oracle, arrays, cotangent, weights)
    ours = Derivatives(case, COMPILED.get(oracle.name, oracle)).both(arrays, cotangent, weights)
    for what, found, expected in zip(("gradient", "Hessian-vector product"), ours, theirs, strict=True):
        for d, e in zip(found, expected, strict=True):
            assert_agree(d, e, TOLERANCE, f"{case.name}, {what}")


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_what_the_table_says_a_library_lacks_it_lacks(library):
    pytest.importorskip(library)
    functions = cg._special.functions_of(library)
    composed = {"betainc", "betaincc", "betainc_derivative", "gammainc_derivative"}  # by quadrature, where a library lacks them
    composed |= {"chdtr", "chdtrc", "fdtr", "fdtrc", "stdtr"}  # of the incomplete functions
    tested = {function_of(c) for c in CASES if c.name.startswith("special.")} - composed
    assert {name for name in tested if not functions.has(name)} == LACKS[library] - composed
