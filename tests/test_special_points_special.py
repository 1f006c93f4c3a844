"""Special functions where they are special: at 0, at poles, at the ends of their domains, far out; and what errors say."""

from __future__ import annotations

import ast
import builtins
import math
from pathlib import Path

import numpy as np
import pytest

import clumsygrad as cg
from clumsygrad import _incomplete, _special

pytest.importorskip("scipy")
special = cg.special
INF = math.inf


def gradients(function, *values):
    leaves = [cg.Tensor(np.asarray(v, dtype=np.float64), requires_grad=True) for v in values]
    cg.sum(function(*leaves)).backward()
    return [leaf.grad for leaf in leaves]


def second(function, value):
    return cg.func.grad(lambda x: cg.sum(cg.func.grad(lambda y: cg.sum(function(y)))(x)))(np.asarray(value, dtype=np.float64))


@pytest.mark.parametrize(
    ("name", "points", "slopes"),
    [
        ("j0", [0.0], [0.0]),
        ("j1", [0.0], [0.5]),
        ("i0", [0.0], [0.0]),
        ("i0e", [0.0], [0.0]),
        ("i1", [0.0], [0.5]),
        ("i1e", [0.0], [0.5]),
        ("sinc", [0.0, 1e-9], [0.0, -(math.pi**2) / 3 * 1e-9]),
        ("exprel", [0.0, 1e-9], [0.5, 0.5 + 1e-9 / 3]),
        ("spence", [1.0], [-1.0]),
        ("cosm1", [0.0], [0.0]),
        ("dawsn", [0.0, 1e5], [1.0, -5e-11]),
        ("erfcx", [1e5], [-1 / math.sqrt(math.pi) * 1e-10]),
        ("log_ndtr", [-1e5, 0.0, 50.0], [1e5, math.sqrt(2 / math.pi), 0.0]),
        ("log_expit", [-800.0, 800.0], [1.0, 0.0]),
        ("expit", [-800.0, 800.0], [0.0, 0.0]),
        ("rgamma", [0.0, -1.0, -2.0, -3.0], [1.0, -1.0, 2.0, -6.0]),
        ("ellipk", [0.0, 1e-12], [math.pi / 8, math.pi / 8]),
        ("ellipe", [0.0, 1e-12], [-math.pi / 8, -math.pi / 8]),
    ],
)
def test_the_limit_is_taken(name, points, slopes):
    (g,) = gradients(getattr(special, name), points)
    np.testing.assert_allclose(g, slopes, rtol=1e-9, atol=1e-15)


def test_second_derivatives_of_the_reciprocal_of_gamma_at_its_zeros():
    """−2 (−1)ⁿ n! ψ(n + 1) at −n: from DLMF 5.7.1 and 5.5.1."""
    psi = -0.5772156649015329 + np.asarray([0.0, 1.0, 1.5, 11 / 6])
    np.testing.assert_allclose(second(special.rgamma, [0.0, -1.0, -2.0, -3.0]), -2 * np.asarray([1, -1, 2, -6]) * psi, rtol=1e-12)


@pytest.mark.parametrize("name", ["sinc", "exprel", "ellipk", "ellipe", "cosm1", "dawsn"])
def test_second_derivatives_where_series_stand_in(name):
    expected = {"sinc": -(math.pi**2) / 3, "exprel": 1 / 3, "ellipk": 9 * math.pi / 64, "ellipe": -3 * math.pi / 64}
    np.testing.assert_allclose(
        second(getattr(special, name), [0.0]), [expected.get(name, -1.0 if name == "cosm1" else 0.0)], atol=1e-14
    )


def test_log_ndtr_is_curved_as_asymptotics_say():
    x = -1e3
    np.testing.assert_allclose(second(special.log_ndtr, [x]), [-1 + 1 / x**2], rtol=1e-7)
    assert np.all(np.isfinite(second(special.log_ndtr, [-300.0, -1.0, 0.0, 30.0, 300.0])))


@pytest.mark.parametrize(
    ("name", "x", "y", "by_x", "by_y"),
    [("xlogy", 0.0, 0.0, 0.0, 0.0), ("xlogy", 0.0, 2.0, math.log(2), 0.0), ("xlog1py", 0.0, -1.0, 0.0, 0.0)]
    + [("huber", 1.0, 1.0, 0.0, 1.0), ("huber", 1.0, -5.0, 4.0, -1.0), ("pseudo_huber", 0.0, 1.0, 0.0, 0.0)]
    + [
        ("boxcox", 2.0, 0.0, 0.5, math.log(2) ** 2 / 2),
        ("inv_boxcox", 1.0, 0.0, math.e, -math.e / 2),
        ("boxcox", 0.0, 2.0, 0.0, 0.25),
    ]
    + [("boxcox1p", 1.0, 0.0, 0.5, math.log(2) ** 2 / 2), ("inv_boxcox1p", 1.0, 0.0, math.e, -math.e / 2)],
)
def test_points_of_pairs(name, x, y, by_x, by_y):
    np.testing.assert_allclose(gradients(getattr(special, name), [x], [y]), [[by_x], [by_y]], rtol=1e-12)


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.parametrize(("name", "by_y"), [("rel_entr", 0.0), ("kl_div", 1.0)])
def test_divergences_at_0(name, by_y):
    np.testing.assert_array_equal(gradients(getattr(special, name), [0.0], [0.0]), [[-INF], [by_y]])


def test_infinite_slopes_are_infinite():
    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(gradients(special.entr, [0.0]), [[INF]])
        np.testing.assert_array_equal(gradients(special.cbrt, [0.0]), [[INF]])
        np.testing.assert_array_equal(gradients(special.logit, [0.0]), [[INF]])


def test_an_element_that_is_masked_leaves_no_nan():
    x = cg.Tensor([0.0, 2.0], requires_grad=True)
    cg.sum(cg.apply_where(x > 0, x, special.gammaln, fill_value=0.0)).backward()
    assert x.grad[0] == 0
    assert x.grad[1] == pytest.approx(1 - np.euler_gamma)


# Incomplete functions in their parameters: the values are mpmath's, by differences of 40 digits -------------------------------------------

GAMMA = [
    # a, x, ∂P/∂a, ∂²P/∂a²
    (0.0001, 0.001, -6.327695919484583, 38.42343954893929),
    (0.3, 0.2, -1.0233803072203944, 0.958991143292019),
    (0.3, 4.0, -0.010264313972653528, -0.027379077921292218),
    (1.0, 1.0, -0.4317297106348987, 0.033618035299959194),
    (2.5, 2.0, -0.27455132194588155, 0.06707717180911078),
    (2.5, 40.0, -2.5267860704828765e-15, -7.197186330457073e-15),
    (50.0, 45.0, -0.04554329214012388, 0.004808003324170133),
    (50.0, 52.0, -0.05329455264248405, -0.0020919610308991433),
    (900.0, 950.0, -0.003390765392925258, -0.0001833458905496228),
    (10000.0, 10100.0, -0.0024156880031763668, -2.4037093166337313e-05),
]
BETA = [
    # a, b, x, ∂I/∂a, ∂I/∂b, ∂²I/∂a∂b
    (0.05, 0.3, 0.01, -4.912872283875318, 0.36886336601328723, 3.80432196874703),
    (0.5, 0.5, 0.5, -0.5831218080616376, 0.5831218080616376, 0.0),
    (2.0, 3.0, 0.1, -0.0911752003635886, 0.02695016068892199, -0.036049572742326216),
    (2.0, 3.0, 0.95, -0.000502984489626526, 0.0013229461566478613, 0.0012777533922051054),
    (40.0, 60.0, 0.41, -0.04750126636383834, 0.03228590089926871, 0.0008789999105704138),
    (900.0, 300.0, 0.74, -0.004888243158959598, 0.014288297279404628, -0.00019580187379580037),
    (1.0, 100.0, 0.02, -0.2160266481586984, 0.0026792740723211098, 0.0034037176662410663),
]


@pytest.mark.parametrize(("a", "x", "first", "twice"), GAMMA)
def test_gammainc_in_its_parameter(a, x, first, twice):
    assert special.gammainc_derivative(np.asarray(a), np.asarray(x), order=1) == pytest.approx(first, rel=1e-10, abs=1e-300)
    assert special.gammainc_derivative(np.asarray(a), np.asarray(x), order=2) == pytest.approx(twice, rel=1e-8, abs=1e-300)


@pytest.mark.parametrize(("a", "b", "x", "by_a", "by_b", "by_both"), BETA)
def test_betainc_in_its_parameters(a, b, x, by_a, by_b, by_both):
    for orders, expected in (((1, 0), by_a), ((0, 1), by_b), ((1, 1), by_both)):
        found = special.betainc_derivative(*map(np.asarray, (a, b, x)), order_a=orders[0], order_b=orders[1])
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_incomplete_functions_at_the_ends():
    a, x = gradients(special.gammainc, [2.0, 2.0], [0.0, INF])
    np.testing.assert_array_equal(a, [0, 0])
    assert x[0] == 0
    a, b, _ = gradients(special.betainc, [2.0, 2.0], [3.0, 3.0], [0.0, 1.0])
    np.testing.assert_array_equal([a, b], np.zeros((2, 2)))


OUTSIDE = [
    (special.gammainc, (2.0, -1.0)),
    (special.gammainc, (2.0, np.nan)),
    (special.gammaincc, (2.0, np.nan)),
    (special.betainc, (2.0, 3.0, -1.0)),
    (special.betainc, (2.0, 3.0, 1.5)),
    (special.betaincc, (2.0, 3.0, np.nan)),
]


@pytest.mark.parametrize(("function", "point"), OUTSIDE)
def test_incomplete_functions_outside_of_their_domains_hide_no_nan(function, point):
    """Where the value is nan, all derivatives are, to second order."""
    point = list(map(np.asarray, point))
    assert np.isnan(gradients(function, *point)).all()
    with np.errstate(invalid="ignore"):  # of log x
        assert np.isnan(cg.func.hessian(lambda p: function(*p))(point)).all()


def test_betainc_by_quadrature_is_scipys():
    a, b, x = (v.ravel() for v in np.meshgrid([0.05, 0.5, 3.0, 40.0, 900.0], [0.05, 2.0, 70.0], [0.0, 1e-4, 0.3, 0.5, 0.93, 1.0]))
    np.testing.assert_allclose(_incomplete.betainc(a, b, x), special.betainc(a, b, x), rtol=1e-11, atol=1e-300)


def test_a_third_derivative_in_a_parameter_says_what_is_known():
    with pytest.raises(NotImplementedError, match="up to the second, 3 times"):
        special.gammainc_derivative(np.asarray(1.0), np.asarray(1.0), order=3)
    with pytest.raises(NotImplementedError, match="up to the second, 2 and 1 times"):
        special.betainc_derivative(*map(np.asarray, (1.0, 1.0, 0.5)), order_a=2, order_b=1)


# Reaching the library's function --------------------------------------------------------------------------------------------------------


def test_a_function_that_a_library_lacks():
    pytest.importorskip("jax")
    with pytest.raises(NotImplementedError, match=r"special.kv: there is no such function in jax.scipy.special: .*x.to\('numpy'\)"):
        _special.functions_of("jax").kv  # noqa: B018
    with pytest.raises(NotImplementedError, match=r"special\.erf: there is no such function in sparse"):
        _special.Functions("sparse").erf  # noqa: B018


def test_without_scipy(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError("scipy is not installed: pip install 'clumsygrad[scipy]'", name="scipy")

    monkeypatch.setattr(_special, "optional", missing)
    functions = _special.Functions("numpy")
    assert functions.xlogy(np.asarray(0.0), np.asarray(0.0)) == 0
    with pytest.raises(ModuleNotFoundError, match="clumsygrad\\[scipy\\]"):
        functions.erf  # noqa: B018


def test_an_order_is_not_differentiated_silently():
    with pytest.raises(TypeError, match="v is a Tensor, but nothing is differentiated with respect to it"):
        special.kv(cg.Tensor(1.5, requires_grad=True), cg.Tensor([1.0], requires_grad=True))
    with pytest.raises(TypeError, match="v"):
        special.kv(cg.Tensor(1.5, requires_grad=True), np.asarray([1.0]))


def test_parameters_that_are_numbers(backend):
    x = backend.array(np.asarray([0.3, 0.6]))
    special = backend.namespace.special
    for function, slope in (
        (lambda x: special.gammainc(2.0, x), lambda x: (1 - x) * np.exp(-x)),  # the density's: x e⁻ˣ
        (lambda x: special.betainc(2.0, 3.0, x), lambda x: 12 * (1 - x) * (1 - 3 * x)),  # 12 x (1 − x)²
    ):
        second = cg.func.grad(lambda x, f=function: cg.sum(cg.func.grad(lambda x: cg.sum(f(x)))(x)))(x)
        np.testing.assert_allclose(backend.host(second), slope(np.asarray([0.3, 0.6])), rtol=1e-10)


def test_students_t_at_zero():
    """SciPy's formula by the incomplete beta function would give 0 · ∞ here."""
    by_df, by_t = gradients(special.stdtr, [3.0], [0.0])
    assert by_df == [0.0]
    np.testing.assert_allclose(by_t, [2 / (math.pi * math.sqrt(3))])


@pytest.mark.parametrize("t", [INF, -INF])
def test_students_t_at_infinity(t):
    """0, to second order, and with no warning."""
    by_df, by_t = gradients(special.stdtr, [3.0], [t])
    assert by_df == by_t == [0]
    second = cg.func.hessian(lambda p: special.stdtr(p[0], p[1]))([np.asarray(3.0), np.asarray(t)])
    assert second == [[0, 0], [0, 0]]
    assert np.isnan(gradients(special.stdtr, [3.0], [np.nan])).all()


def test_scalars_among_the_operands():
    (g,) = gradients(lambda x: special.gammainc(2.0, x), [1.5])
    np.testing.assert_allclose(g, [1.5 * math.exp(-1.5)])
    (g,) = gradients(lambda a: special.betainc(a, 2.0, 0.5), [1.0])
    assert np.isfinite(g[0])
    (g,) = gradients(lambda x: special.xlogy(2.0, x), [4.0])
    np.testing.assert_allclose(g, [0.5])


WITH_A_NUMBER = {
    **{name: lambda f, x: f(x, 2) for name in ("beta", "xlogy", "xlog1py", "boxcox", "boxcox1p", "rel_entr", "huber")},
    **{name: lambda f, x: f(0.7, x) for name in ("betaln", "ellipeinc", "ellipkinc", "gammainc", "gammaincc", "gammaincinv")},
    **{name: lambda f, x: f(2, x) for name in ("gammainccinv", "chdtr", "chdtrc", "gammainc_derivative")},
    **{name: lambda f, x: f(x) for name in ("wofz", "sinc", "lambertw")},
    "betainc_derivative": lambda f, x: f(2, x, 0.4),
    "fdtr": lambda f, x: f(2, 3, x),
}


@pytest.mark.parametrize("name", WITH_A_NUMBER)
def test_numbers_among_the_operands_widen_nothing(name):
    x = cg.Tensor(np.asarray([0.3, 0.6], dtype=np.float32), requires_grad=True)
    z = WITH_A_NUMBER[name](getattr(special, name), x)
    assert z.dtype in (np.float32, np.complex64)
    cg.sum(cg.abs(z)).backward()
    assert x.grad.dtype == np.float32


def test_derivatives_of_incomplete_functions_at_a_number_are_differentiated():
    x = np.asarray([0.3, 0.6])
    assert cg.gradcheck(lambda x: special.gammainc_derivative(2, x), x)
    assert cg.gradcheck(lambda x: special.betainc_derivative(2, 3, x), x)


@pytest.mark.parametrize("name", ["sici", "fresnel"])
def test_pairs_of_complex_numbers(name):
    z = np.asarray([0.3 + 0.4j, 0.7 - 0.2j, 1.1 + 0.5j])
    assert cg.gradcheck(getattr(special, name), z)


def test_ive_of_complex_numbers_is_not_differentiated():
    z = cg.Tensor([0.3 + 0.4j], requires_grad=True)
    with pytest.raises(TypeError, match=r"ive: x has dtype complex128, and its gradient is that for real x: use exp"):
        cg.sum(cg.abs(special.ive(1, z))).backward()


def test_plain_arrays_stay_plain():
    assert type(special.erf(np.asarray([0.5]))) is np.ndarray
    assert special.erf(np.asarray([0.5], dtype=np.float32)).dtype == np.float32


def test_every_function_is_there_under_scipys_name():
    import scipy.special

    ours = {"betainc_derivative", "gammainc_derivative"}
    assert [name for name in special.__all__ if name not in ours and not hasattr(scipy.special, name)] == []


def test_what_rules_call_is_in_the_namespace():
    """As test_contract.py says of xp.name: whatever a rule calls of special_of(grad) is differentiable."""
    used = set()
    for name in ("special", "gamma", "bessel"):
        source = (Path(cg.__file__).parent / "grad" / f"{name}.py").read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("special_of(grad)", "functions"):
                used.add(node.attr)
    assert {"digamma", "erfcx", "jv"} <= used
    assert builtins.all(hasattr(special, name) for name in used), sorted(n for n in used if not hasattr(special, n))
