"""func.minimize: SciPy's optimisers on trees of arrays, against the same runs with gradients derived by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

import clumsygrad as cg

optimize = pytest.importorskip("scipy.optimize")

GRADIENT_METHODS = ("CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP")
NEWTON_METHODS = ("Newton-CG", "trust-ncg", "trust-krylov", "trust-constr", "dogleg", "trust-exact")
TIGHT = {
    "Newton-CG": {"xtol": 1e-10},
    "TNC": {"maxfun": 2000, "ftol": 1e-18, "gtol": 1e-14, "xtol": 1e-12},
    "trust-constr": {"gtol": 1e-10, "xtol": 1e-12},
}


def rosenbrock(x):
    """Of two variables, near whose valley the Hessian is positive definite, which dogleg asks for."""
    return cg.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


START = np.asarray([0.9, 0.8])


# The same optimum as with gradients derived by hand ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", GRADIENT_METHODS + NEWTON_METHODS)
def test_rosenbrock(method):
    best, result = cg.func.minimize(rosenbrock, START, method, options=TIGHT.get(method))
    by_hand = {"jac": optimize.rosen_der}
    if method in ("dogleg", "trust-exact"):
        by_hand["hess"] = optimize.rosen_hess
    elif method in NEWTON_METHODS:
        by_hand["hessp"] = optimize.rosen_hess_prod
    expected = optimize.minimize(optimize.rosen, START, method=method, options=TIGHT.get(method), **by_hand)
    assert result.success
    assert np.max(np.abs(best - expected.x)) <= 1e-6
    assert np.array_equal(best, result.x)
    assert type(best) is np.ndarray


def test_the_textbooks_rosenbrock():
    start = np.asarray([1.3, 0.7, 0.8, 1.9, 1.2])
    best, result = cg.func.minimize(rosenbrock, start, "BFGS")
    assert result.success
    assert np.max(np.abs(best - optimize.minimize(optimize.rosen, start, method="BFGS", jac=optimize.rosen_der).x)) <= 1e-6
    assert result.nfev == result.njev < 100


def test_logistic_regression():
    random = np.random.default_rng(0)
    X = random.normal(size=(200, 3))
    y = (X @ np.asarray([1.0, -2.0, 0.5]) + 0.3 + random.logistic(size=200) > 0).astype(float)

    def loss(p):
        z = cg.matmul(X, p["weight"]) + p["bias"]
        return cg.mean(cg.logaddexp(z * 0.0, z) - y * z) + 0.01 * cg.sum(p["weight"] ** 2)

    def by_hand(v):
        z = X @ v[1:] + v[0]
        error = (1 / (1 + np.exp(-z)) - y) / len(y)
        value = np.mean(np.logaddexp(0, z) - y * z) + 0.01 * np.sum(v[1:] ** 2)
        return value, np.concatenate([[error.sum()], X.T @ error + 0.02 * v[1:]])

    options = {"ftol": 1e-15, "gtol": 1e-10}
    best, result = cg.func.minimize(loss, {"weight": np.zeros(3), "bias": np.asarray(0.0)}, options=options)
    expected = optimize.minimize(by_hand, np.zeros(4), jac=True, method="L-BFGS-B", options=options)
    assert result.success
    assert abs(best["bias"] - expected.x[0]) <= 1e-6
    assert np.max(np.abs(best["weight"] - expected.x[1:])) <= 1e-6
    assert best["bias"].shape == ()
    newton, result = cg.func.minimize(loss, best, "Newton-CG", options={"xtol": 1e-12})
    assert result.success
    assert np.max(np.abs(newton["weight"] - expected.x[1:])) <= 1e-6


T = np.linspace(0.0, 3.0, 30)
NOISY = 2.0 * np.exp(-1.3 * T) + 0.5 + 0.01 * np.random.default_rng(1).normal(size=T.size)


def fit(p):
    return cg.sum((p["height"] * cg.exp(-p["rate"] * T) + p["floor"] - NOISY) ** 2)


def fit_by_hand(v):
    height, rate, floor = v
    decay = np.exp(-rate * T)
    error = height * decay + floor - NOISY
    return np.sum(error**2), 2 * np.asarray([error @ decay, -error @ (height * T * decay), np.sum(error)])


def fit_hessian(v):
    height, rate, _ = v
    decay = np.exp(-rate * T)
    error = height * decay + v[2] - NOISY
    J = np.stack([decay, -height * T * decay, np.ones_like(T)])
    H = 2 * J @ J.T
    H[0, 1] -= 2 * error @ (T * decay)
    H[1, 0] = H[0, 1]
    H[1, 1] += 2 * error @ (height * T**2 * decay)
    return H


@pytest.mark.parametrize("method", ["SLSQP", "trust-constr"])
def test_a_least_squares_fit_with_constraints(method):
    """The curve starts at 2.4 exactly (eq), and height times rate is at most 2.2 (ineq), which is not where the data are."""
    options = {"ftol": 1e-14} if method == "SLSQP" else {"gtol": 1e-10, "xtol": 1e-12, "maxiter": 500}
    start = {"floor": np.asarray(0.0), "height": np.asarray(1.0), "rate": np.asarray(1.0)}
    best, result = cg.func.minimize(
        fit,
        start,
        method,
        bounds=(0.0, {"floor": 1.0, "height": 10.0, "rate": math.inf}),
        constraints=[
            {"type": "eq", "fun": lambda p: p["height"] + p["floor"] - 2.4},
            {"type": "ineq", "fun": lambda p: {"a": 2.2 - p["height"] * p["rate"]}},
        ]
        if method == "SLSQP"
        else [
            optimize.NonlinearConstraint(lambda p: p["height"] + p["floor"] - 2.4, 0.0, 0.0),
            optimize.NonlinearConstraint(lambda p: {"a": p["height"] * p["rate"]}, -np.inf, {"a": 2.2}),
        ],
        options=options,
    )

    def of_flat(v):  # the leaves stand by name: floor, height, rate
        value, gradient = fit_by_hand(v[[1, 2, 0]])
        return value, gradient[[2, 0, 1]]

    first = {"fun": lambda v: v[1] + v[0] - 2.4, "jac": lambda v: np.asarray([1.0, 1.0, 0.0])}
    second = {"fun": lambda v: 2.2 - v[1] * v[2], "jac": lambda v: np.asarray([0.0, -v[2], -v[1]])}
    by_hand = {"constraints": [{"type": "eq", **first}, {"type": "ineq", **second}]}
    if method == "trust-constr":
        by_hand["constraints"] = [
            optimize.NonlinearConstraint(first["fun"], 0, 0, jac=lambda v: [first["jac"](v)], hess=lambda v, m: np.zeros((3, 3))),
            optimize.NonlinearConstraint(
                second["fun"],
                0,
                np.inf,
                jac=lambda v: [second["jac"](v)],
                hess=lambda v, m: m[0] * np.asarray([[0.0, 0, 0], [0, 0, -1], [0, -1, 0]]),
            ),
        ]
        by_hand["hess"] = lambda v: fit_hessian(v[[1, 2, 0]])[np.ix_([2, 0, 1], [2, 0, 1])]
    bounds = optimize.Bounds([0, 0, 0], [1, 10, np.inf])
    expected = optimize.minimize(of_flat, [0.0, 1.0, 1.0], jac=True, method=method, bounds=bounds, options=options, **by_hand)

    assert result.success
    found = np.asarray([best["floor"], best["height"], best["rate"]])
    assert np.max(np.abs(found - expected.x)) <= 1e-6
    assert abs(best["height"] + best["floor"] - 2.4) <= 1e-8
    assert best["height"] * best["rate"] - 2.2 <= 1e-8
    assert best["height"] * best["rate"] - 2.2 >= -1e-4, "the constraint should hold the fit"


# Libraries, dtypes, trees ------------------------------------------------------------------------------------------------------------


def test_arrays_of_every_library_and_device(backend):
    if backend.compiled:
        pytest.skip("SciPy asks for numbers")
    xp = backend.namespace
    start = {"a": backend.array(np.asarray([0.5, 0.2])), "b": (backend.array(np.asarray([[1.0]], dtype=np.float32)),)}

    def f(p):
        b = xp.astype(p["b"][0], p["a"].dtype)
        return xp.sum((p["a"] - 3.0) ** 2) + xp.sum((b - 2.0) ** 4) + xp.sum(p["a"] ** 2 * b**2)

    for method, constraints in (
        ("L-BFGS-B", ()),
        ("Newton-CG", ()),
        ("SLSQP", {"type": "ineq", "fun": lambda p: 1.0 - p["a"]}),
        ("trust-constr", optimize.NonlinearConstraint(lambda p: xp.sum(p["a"] ** 2), -np.inf, 1.0)),
    ):
        if backend.library == "dask.array" and method != "L-BFGS-B":
            continue  # a thousand small graphs
        best, _ = cg.func.minimize(f, start, method, constraints=constraints)
        assert backend.owns(best["a"])
        assert backend.owns(best["b"][0])
        assert best["a"].dtype == start["a"].dtype
        assert best["b"][0].dtype == start["b"][0].dtype
        assert best["b"][0].shape == (1, 1)
        if constraints:
            assert np.max(backend.host(best["a"])) <= 1 + 1e-6
    assert np.array_equal(backend.host(start["a"]), [0.5, 0.2])


def test_complex_arrays():
    target = np.asarray([1.0 + 2.0j, -1.0j])
    best, result = cg.func.minimize(
        lambda p: cg.sum(cg.abs(p["z"] ** 2 - target) ** 2), {"z": np.asarray([1.0 + 0.5j, 0.5 - 0.5j])}
    )
    assert result.success
    assert best["z"].dtype == np.complex128
    assert np.max(np.abs(best["z"] ** 2 - target)) <= 1e-4
    best, _ = cg.func.minimize(
        lambda z: cg.abs(z - 2j) ** 2, 0.1 + 0.1j, "SLSQP", constraints={"type": "ineq", "fun": lambda z: 1 - cg.abs(z) ** 2}
    )
    assert abs(best - 1j) <= 1e-3


@pytest.mark.parametrize("method", ["L-BFGS-B", "Nelder-Mead"])
def test_a_function_of_a_vector_is_told_of_lists(method):
    def f(x):
        return cg.sum(x**2)

    with pytest.raises(TypeError) as caught:
        cg.func.minimize(f, [1.0, 2.0], method)
    assert "minimize of f: x0 is a list of numbers, " in caught.value.__notes__[-1]
    with pytest.raises(TypeError) as caught:
        cg.func.minimize(f, {"a": np.ones(2)}, method)
    assert not any("x0" in note for note in getattr(caught.value, "__notes__", ()))


def test_tensors_and_floats_come_back_as_arrays():
    best, _ = cg.func.minimize(lambda p: (p[0] - 1.0) ** 2 + cg.sum((p[1] - 2.0) ** 2), [0.0, cg.Tensor([0.0, 0.0])])
    assert type(best) is list
    assert [type(x) for x in best] == [np.ndarray, np.ndarray]
    assert abs(best[0] - 1) + np.max(np.abs(best[1] - 2)) <= 1e-4


def test_a_leaf_that_the_function_closes_over_is_left_alone():
    leaf = cg.Tensor(3.0, requires_grad=True)
    for method in ("L-BFGS-B", "Newton-CG", "Nelder-Mead"):
        best, _ = cg.func.minimize(lambda x: (x - leaf) ** 2, 0.0, method)
        assert abs(best - 3) <= 1e-4
    assert leaf.grad is None


# What is handed to SciPy ----------------------------------------------------------------------------------------------------------------


def test_value_and_gradient_come_from_one_call():
    calls = []

    def f(x):
        calls.append(x.requires_grad)
        return cg.sum((x - 1.0) ** 4)

    _, result = cg.func.minimize(f, np.zeros(3))
    assert len(calls) == result.nfev
    assert all(calls)


def test_products_at_one_point_share_one_recorded_gradient():
    calls = []

    def f(x):
        calls.append(1)
        return rosenbrock(x)

    _, result = cg.func.minimize(f, np.linspace(0.8, 1.2, 20), "trust-krylov")
    assert result.success
    assert result.nhev > 2 * result.nit
    assert len(calls) <= result.nfev + result.nit + 2


@pytest.mark.parametrize("method", ["Nelder-Mead", "Powell", "COBYLA", "COBYQA"])
def test_methods_without_gradients(method):
    best, _ = cg.func.minimize(lambda p: (p["a"] - 1.0) ** 2, {"a": np.asarray(0.3)}, method)
    assert abs(best["a"] - 1) <= 1e-3


def test_bounds_as_trees():
    f = lambda p: cg.sum((p["a"] - 3.0) ** 2) + cg.sum((p["b"] + 3.0) ** 2)
    start = {"a": np.zeros((2, 2)), "b": np.zeros(2)}
    best, _ = cg.func.minimize(f, start, bounds=({"a": -math.inf, "b": np.asarray([-1.0, -2.0])}, 1.0))
    assert np.allclose(best["a"], 1.0)
    assert np.allclose(best["b"], [-1.0, -2.0])
    best, _ = cg.func.minimize(f, start, bounds=(None, {"a": np.asarray([1.0, 2.0]), "b": 0.0}))
    assert np.allclose(best["a"], [[1.0, 2.0], [1.0, 2.0]])
    assert np.allclose(best["b"], -3.0, atol=1e-4)
    best, _ = cg.func.minimize(f, start, bounds=optimize.Bounds(-1.0, 1.0))
    assert np.allclose(best["b"], -1.0)


def far(x):
    """Least at (0.3, 2)."""
    return (x[0] - 0.3) ** 2 + (x[1] - 2.0) ** 2


PAIRS = {
    "tuples": ((-1, 1), (-1, 1)),
    "a list": [(-1, 1), (-1, 1)],
    "lists": [[-1, 1], [-1, 1]],
    "an array": np.asarray([[-1, 1], [-1, 1]]),
    "None": [(None, 1), (-1, 1.0)],
    "None, tuples": ((-1, None), (None, 1)),
    "infinite": ((-math.inf, 1), (-math.inf, 1)),
    "Bounds": optimize.Bounds([-1, -1], [1, 1]),
}


@pytest.mark.parametrize("bounds", PAIRS.values(), ids=PAIRS)
def test_bounds_in_scipys_spelling(bounds):
    """A pair for each number, as SciPy's own call takes them."""
    start = np.asarray([0.5, 0.5])
    expected = optimize.minimize(far, start, method="L-BFGS-B", bounds=bounds).x
    np.testing.assert_allclose(expected, [0.3, 1.0], atol=1e-5)
    for method in ("L-BFGS-B", "SLSQP", "Nelder-Mead"):
        np.testing.assert_allclose(cg.func.minimize(far, start, method, bounds=bounds)[0], expected, atol=1e-4)
    np.testing.assert_allclose(cg.func.minimize(far, [0.5, 0.5], bounds=bounds)[0], expected, atol=1e-5)
    assert cg.func.minimize(lambda x: (x - 2.0) ** 2, 0.5, bounds=[(0, 1)])[0] == 1
    np.testing.assert_allclose(cg.func.minimize(lambda x: cg.sum((x - 2) ** 2), np.zeros(3), bounds=[(0, 1)] * 3)[0], 1)


def test_bounds_that_can_be_read_in_two_ways():
    for start, bounds in (((0.5, 0.5), ((0, 1), (0, 1))), ([0.5, 0.5], ([0, 0], [1, 1]))):
        with pytest.raises(ValueError, match=r"may be \(lower, upper\), or a pair for each of the two numbers of x0") as raised:
            cg.func.minimize(far, start, bounds=bounds)
    assert "write scipy.optimize.Bounds([0, 0], [1, 1]) for the first, Bounds((0, 1), (0, 1)) for the second" in str(raised.value)
    best, _ = cg.func.minimize(far, (0.5, 0.5), bounds=((0, None), (0, 1)))
    np.testing.assert_allclose(best, [0.3, 1.0], atol=1e-5)


def test_args():
    f = lambda x, a, b=1.0: cg.sum((x - a) ** 2) * b
    for args, expected in (((2.0,), 2), (3.0, 3), ((2.0, 5.0), 2), (np.asarray([1.0, 2.0]), [1, 2])):
        for method in ("L-BFGS-B", "Newton-CG", "Nelder-Mead"):
            np.testing.assert_allclose(cg.func.minimize(f, np.zeros(2), method, args=args)[0], expected, atol=1e-3)
    with pytest.raises(TypeError, match=r"method must be a name, got \(2.0,\); further arguments of f go by name, args="):
        cg.func.minimize(f, np.zeros(2), (2.0,))


def test_a_result_of_one_element_and_one_that_is_constant():
    for method in ("L-BFGS-B", "Newton-CG", "Nelder-Mead"):
        best, result = cg.func.minimize(lambda x: x.T @ x, np.ones((2, 1)), method)
        np.testing.assert_allclose(best, np.zeros((2, 1)), atol=1e-3)
        best, result = cg.func.minimize(lambda x: max(x - 1.0, 0.0), 0.5, method)
        assert result.success
        assert best == 0.5


def test_further_arguments_and_linear_constraints():
    f = lambda x: cg.sum((x - 2.0) ** 2)
    above = {"type": "ineq", "fun": lambda x, most: most - cg.sum(x), "args": (1.0,)}
    best, _ = cg.func.minimize(f, np.zeros(2), "SLSQP", constraints=above)
    assert np.allclose(best, 0.5)
    best, _ = cg.func.minimize(f, np.zeros(2), "SLSQP", constraints=optimize.LinearConstraint(np.ones((1, 2)), -np.inf, 1.0))
    assert np.allclose(best, 0.5)


def test_hess_of_the_callers_own_where_f_is_first_order_only():
    def once_backward(tensor, grad):
        (x,) = cg.grad.operands(tensor, grad)
        return (4 * grad * (x - 1) ** 3,)

    @cg.operation(once_backward, once=True)
    def quartic(x):
        return (x - 1) ** 4

    f = lambda x: cg.sum(quartic(x))
    with pytest.raises(RuntimeError, match="first order only"):
        cg.func.minimize(f, np.zeros(2), "trust-constr")
    best, _ = cg.func.minimize(f, np.zeros(2), "trust-constr", hess=optimize.BFGS())
    assert np.max(np.abs(best - 1)) <= 0.05


def test_callback_and_options():
    seen = []

    def callback(p):
        seen.append(p["a"].copy())
        if len(seen) == 3:
            raise StopIteration

    _, result = cg.func.minimize(lambda p: rosenbrock(p["a"]), {"a": np.zeros(4)}, "BFGS", callback=callback)
    assert len(seen) == 3
    assert not result.success
    for method in ("trust-constr", "TNC", "SLSQP"):
        kinds = set()
        cg.func.minimize(
            lambda p: cg.sum((p["a"] - 1.0) ** 2),
            {"a": np.zeros(4)},
            method,
            callback=lambda p, kinds=kinds: kinds.add(p["a"].shape),
        )
        assert kinds == {(4,)}
    _, result = cg.func.minimize(rosenbrock, np.zeros(4), "BFGS", options={"maxiter": 2})
    assert result.nit == 2


# Errors ---------------------------------------------------------------------------------------------------------------------------------


def test_what_cannot_be_varied_is_refused():
    with pytest.raises(TypeError, match=r"minimize of rosenbrock: a leaf of x0 has dtype int64, .* convert it \(astype\)"):
        cg.func.minimize(rosenbrock, np.asarray([1, 2]))
    with pytest.raises(TypeError, match="x0 has no arrays"):
        cg.func.minimize(rosenbrock, {})


def test_results_that_are_no_real_scalars_are_refused():
    with pytest.raises(TypeError, match=r"has shape \(2,\) and must be a scalar"):
        cg.func.minimize(lambda x: x, np.zeros(2))
    with pytest.raises(TypeError, match=r"has shape \(2,\) and must be a scalar"):
        cg.func.minimize(lambda x: x, np.zeros(2), "Nelder-Mead")


def test_constraints_that_a_method_does_not_know_are_refused():
    constraint = {"type": "eq", "fun": cg.sum}
    with pytest.raises(ValueError, match="L-BFGS-B knows no constraints: use method='SLSQP' or 'trust-constr'"):
        cg.func.minimize(rosenbrock, np.zeros(2), constraints=constraint)
    with pytest.raises(TypeError, match="'fun' must be a function"):
        cg.func.minimize(rosenbrock, np.zeros(2), "SLSQP", constraints={"type": "eq"})
    with pytest.raises(TypeError, match="it must give real floating arrays"):
        cg.func.minimize(rosenbrock, np.zeros(2), "SLSQP", constraints={"type": "eq", "fun": lambda x: x > 0})


def test_bounds_that_do_not_fit_are_refused():
    with pytest.raises(
        TypeError, match=r"bounds must be a pair \(lower, upper\) .* vector, a sequence of pairs of numbers; got a list"
    ):
        cg.func.minimize(rosenbrock, {"a": np.zeros(2)}, bounds=[(0, 1), (0, 1)])
    with pytest.raises(TypeError, match="a sequence of pairs of numbers; got a list"):
        cg.func.minimize(lambda x: x[0][0] + x[1][0], [[0.0], [0.0]], bounds=[(0, 1), (0, 1)])
    with pytest.raises(ValueError, match=r"bounds have 3 pairs \(lower, upper\), and x0 2 numbers"):
        cg.func.minimize(rosenbrock, np.zeros(2), bounds=((0, None),) * 3)
    with pytest.raises(ValueError, match=r"a bound has shape \(3,\), which does not broadcast to \(2,\)"):
        cg.func.minimize(rosenbrock, np.zeros(2), bounds=(np.zeros(3), None))
    with pytest.raises(ValueError, match="must be a number, or a tree like"):
        cg.func.minimize(rosenbrock, np.zeros(2), bounds=({"a": 0.0}, None))
    with pytest.raises(ValueError, match="which have no order"):
        cg.func.minimize(lambda z: cg.abs(z) ** 2, 1.0 + 1.0j, bounds=(0.0, None))
