"""Each way by which a tracked value could leave the graph: what happens there is pinned, and none is silent."""

from __future__ import annotations

import copy
import math
import operator
import pickle

import numpy as np
import pytest

import clumsygrad as cg

LOST = "requires a gradient would lose it silently.*detach"


@pytest.fixture(params=["leaf", "computed"])
def number(request):
    x = cg.Tensor(2.0, requires_grad=True)
    return x if request.param == "leaf" else x * 2


@pytest.fixture(params=["leaf", "computed"])
def vector(request):
    x = cg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    return x if request.param == "leaf" else x * 2


# To NumPy ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "way",
    [
        np.asarray,
        np.array,
        np.asanyarray,
        np.ascontiguousarray,
        lambda t: np.array([t]),
        lambda t: np.array([t, t]),
        lambda t: np.asarray([[t, t], [t, t]]),
        lambda t: np.array([1.0, t[0]]),
        lambda t: np.array(t, dtype=object),
        lambda t: np.array((t, t), dtype=object),
        lambda t: np.asarray(t, dtype=np.float32),
        lambda t: np.full(3, t[0]),
        lambda t: np.arange(0, t[0]),
        lambda t: np.float64(t[0]),
        lambda t: np.vectorize(math.sin)(t),
        lambda t: np.random.default_rng(0).normal(loc=t),
        lambda t: np.polynomial.polynomial.polyval(0.5, t),
        lambda t: np.ma.masked_array(t),
        lambda t: np.frompyfunc(math.sin, 1, 1)(t),
    ],
)
def test_numpy_refuses(way, vector):
    with pytest.raises((RuntimeError, TypeError), match=r"detach\(\)|does not take Tensors"):
        way(vector)


@pytest.mark.parametrize(
    "way",
    [
        lambda m, t: np.ma.multiply(m, t),
        lambda m, t: np.ma.exp(t),
        lambda m, t: np.ma.where(m > 0, t, 0.0),
        lambda m, t: np.ma.concatenate([t, m]),
        lambda m, t: m.__iadd__(t),
        lambda m, t: m > t,
    ],
)
def test_numpys_masked_arrays_get_no_values(way, vector):
    """They would take them past the protocols, by an attribute that they share with tensors, and go on without a gradient."""
    m = np.ma.masked_array([1.0, 2.0, 3.0], [False, True, False])
    with pytest.raises(RuntimeError, match=r"numpy\.ma of a tensor that requires .* numpy\.where\(~m\.mask, \.\.\., 0\); .*detach"):
        way(m, vector)
    assert way(m, vector.detach()) is not None
    assert not hasattr(vector.detach(), "_mask")


def test_a_tensor_of_a_tensor(vector):
    """It would share the array and not the history."""
    with pytest.raises(RuntimeError, match=LOST):
        cg.Tensor(vector)
    with pytest.raises(RuntimeError, match=LOST):
        cg.Tensor(vector, requires_grad=True)
    assert not cg.Tensor(vector.detach()).requires_grad


def test_a_list_of_untracked_tensors_gives_numbers():
    """They have no gradient to lose; and no array of objects comes out."""
    x = cg.Tensor([1.0, 2.0])
    for made in (np.array([x, x]), np.asarray([[1.0, 2.0], x]), np.array([x[0], x[1]])):
        assert made.dtype == np.float64
    assert np.array_equal(np.array([x, x]), [[1.0, 2.0], [1.0, 2.0]])


def test_assigning_into_an_array(vector):
    for key, value in ((0, vector[0]), (slice(None), vector), ([0, 1], vector[:2]), (np.asarray([True, False, True]), vector[:2])):
        plain = np.zeros(3)
        with pytest.raises((RuntimeError, ValueError, TypeError)) as caught:
            plain[key] = value
        texts, error = [], caught.value
        while error is not None:
            texts.append(str(error))
            error = error.__cause__ or error.__context__
        assert "clumsygrad.zeros" in " ".join(texts)
        assert plain.tolist() == [0.0, 0.0, 0.0]


def test_in_place_operators_of_an_array(vector):
    plain = np.ones(3)
    with pytest.raises(TypeError, match=r"as y \+= x has it.* holds no graph: assign the result, y = numpy\."):
        plain += vector
    with pytest.raises(TypeError, match=r"as y \+= x has it.* holds no graph: assign the result, y = numpy\."):
        np.multiply(plain, vector, out=plain)
    assert plain.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    "check",
    [np.testing.assert_allclose, np.testing.assert_array_equal, np.testing.assert_array_almost_equal, np.testing.assert_equal],
)
def test_numpys_assertions(check, vector):
    """They compare arrays, which tracked tensors do not become; detached ones do."""
    with pytest.raises((RuntimeError, AssertionError), match=LOST):
        check(vector, vector.detach().numpy())
    check(vector.detach(), vector.detach().numpy())


def test_dlpack(vector):
    for way in (np.from_dlpack, cg.from_dlpack, lambda t: t.__dlpack__()):
        with pytest.raises((RuntimeError, BufferError), match=LOST):
            way(vector)


# To Python's numbers ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [float, int, complex, math.sin, math.exp, math.sqrt, math.hypot])
def test_numbers(way, number):
    with pytest.raises(RuntimeError, match=LOST):
        way(number)


def test_the_mathematics_of_python_in_a_context_that_allows_it(number):
    with cg.allow_numbers():
        assert math.sin(number) == math.sin(number.item())


def test_item_is_said_aloud(number):
    assert type(number.item()) is float


def test_index(vector):
    """A floating tensor is no index; an integer one has no gradient."""
    with pytest.raises(TypeError):
        [10, 20, 30][vector[0]]
    with pytest.raises(TypeError):
        operator.index(vector[0])
    assert [10, 20, 30][cg.argmax(vector)] == 30


def test_truth_values_steer_and_carry_no_gradient(number):
    assert (number > 0) is not True
    assert bool(number > 0) is True


# To elsewhere -------------------------------------------------------------------------------------------------------------------------


def test_pickle_and_deepcopy(vector):
    """A leaf comes back as a leaf, which gets gradients of its own. What was computed is pickled as a constant, and copied in the graph."""
    for twin in (pickle.loads(pickle.dumps(vector)), copy.deepcopy(vector), copy.copy(vector)):
        assert type(twin) is cg.Tensor
        assert np.array_equal(twin.data, vector.data)
        assert twin.requires_grad or not vector.is_leaf
        if vector.is_leaf:
            cg.sum(twin * twin).backward()
            assert vector.grad is None


def test_print_and_strings_show_that_it_is_tracked(vector, number, capsys):
    print(vector)
    assert capsys.readouterr().out == f"{vector!r}\n"
    assert f"{vector}" == str(vector) == repr(vector)
    assert repr(vector).startswith("Tensor(array(")
    assert repr(vector).endswith("requires_grad=True)")
    assert f"{number:.2f}" == f"{number.item():.2f}"


def test_list_tuple_and_iteration_stay_in_the_graph(vector):
    for parts in (list(vector), tuple(vector), [*vector]):
        assert [type(part) for part in parts] == [cg.Tensor] * 3
        assert all(part.requires_grad for part in parts)
    a, b, c = vector
    assert (a * b * c).requires_grad
    assert sum(vector).requires_grad
    assert max(vector).requires_grad
    assert sorted(vector)[0].requires_grad


def test_matplotlib(vector):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    figure, axes = pyplot.subplots()
    try:
        with pytest.raises(RuntimeError, match=LOST):
            axes.plot(vector)
        with pytest.raises(RuntimeError, match=LOST):
            axes.plot([0, 1, 2], vector)
        with pytest.raises(RuntimeError, match=LOST):
            axes.scatter(vector, vector)
        (line,) = axes.plot(vector.detach())
        assert np.array_equal(line.get_ydata(), vector.data)
    finally:
        pyplot.close(figure)


def test_pandas(vector):
    pandas = pytest.importorskip("pandas")
    for way in (pandas.Series, pandas.DataFrame, lambda t: pandas.DataFrame({"x": t}), pandas.Index, pandas.array):
        with pytest.raises(RuntimeError, match=LOST):
            way(vector)
    column, table = pandas.Series([1.0, 2.0, 3.0]), pandas.DataFrame(np.eye(3))
    for way in (lambda t: column * t, lambda t: t - column, lambda t: np.add(t, column), lambda t: table @ t):
        with pytest.raises(RuntimeError, match=r"lose it silently: .*to_numpy\(\).*x\.detach\(\)$"):
            way(vector)
    with pytest.raises(TypeError, match=r"a Series(;| is no array).* give its to_numpy\(\)"):
        np.where(column > 1, vector, 0.0)
    assert (column.to_numpy() * vector).requires_grad
    assert pandas.Series(vector.detach().numpy()).tolist() == vector.detach().tolist()


@pytest.mark.parametrize(
    ("module", "function", "way"),
    [
        ("sparse", lambda m, t: m.eye_array(3) @ t, "clumsygrad.func.linear_operator"),
        ("sparse", lambda m, t: m.csr_matrix(np.eye(3)).dot(t), "clumsygrad.func.linear_operator"),
        ("optimize", lambda m, t: m.minimize(lambda x: cg.sum(x * x), t), "clumsygrad.func.minimize"),
        ("integrate", lambda m, t: m.solve_ivp(lambda _, y: -y * t, (0, 1), np.ones(3)), "docs/optimization.md"),
        ("special", lambda m, t: m.sph_harm_y(1, 1, t, t), "clumsygrad.special"),
        ("stats", lambda m, t: m.norm.logpdf(t), "densities: .* docs/scipy.md"),
        ("linalg", lambda m, t: m.expm(cg.eye(3) * t), "clumsygrad.linalg"),
        ("spatial", lambda m, t: m.distance.cdist(t[None, :], t[None, :]), "SCIPY_ARRAY_API=1"),
    ],
)
def test_the_way_out_depends_on_who_asks(module, function, way, vector, monkeypatch):
    module = pytest.importorskip(f"scipy.{module}")
    monkeypatch.delenv("SCIPY_ARRAY_API", raising=False)
    with pytest.raises(RuntimeError, match=rf"lose it silently: .*{way}.*; for the values alone, x\.detach\(\)$"):
        function(module, vector)


@pytest.mark.parametrize("name", ["interpolate", "spatial", "integrate"])
def test_scipys_variable_is_named_where_it_is_not_set(name, vector, monkeypatch):
    function = {
        "interpolate": lambda m, t: m.interp1d(np.arange(3.0), t),
        "spatial": lambda m, t: m.distance.pdist(t[:, None]),
        "integrate": lambda m, t: m.solve_ivp(lambda _, y: -y * t, (0, 1), np.ones(3)),
    }[name]
    module = pytest.importorskip(f"scipy.{name}")
    for value in ("", "1"):
        monkeypatch.setenv("SCIPY_ARRAY_API", value)
        with pytest.raises(RuntimeError, match=r"docs/(scipy|optimization)\.md.* x\.detach\(\)$") as caught:
            function(module, vector)
        assert ("SCIPY_ARRAY_API" in str(caught.value)) == (value == "")


@pytest.mark.parametrize(
    ("ask", "way"),
    [
        (lambda t: np.eye(3).dot(t), r"A\.dot\(x\) is A @ x"),
        (lambda t: np.asarray(t, dtype=float), r"numpy\.asarray\(x\) can be left out, or be numpy\.asarray\(x, like=x\)"),
        (lambda t: np.c_[t, t], r"numpy\.column_stack in place of numpy\.c_"),
        (lambda t: np.r_[t, 1.0], r"numpy\.concatenate in place of numpy\.r_"),
        (lambda t: np.vectorize(math.sin)(t), r"numpy\.vectorize calls a function of numbers"),
        (lambda t: np.full((2, 3), t), r"numpy\.full\(shape, x, like=x\)"),
        (lambda t: np.polynomial.Polynomial([1.0, 2.0])(t), r"numpy\.polynomial\.polynomial\.polyval\(x, coefficients\)"),
        (lambda t: np.polynomial.chebyshev.chebvander(t, 2), r"chebval and the like take a tensor x"),
        (lambda t: np.polynomial.polynomial.polyval(0.5, t), r"numpy\.polyval and numpy\.vander take tensors for all"),
        (lambda t: np.polynomial.chebyshev.chebval([0.5], t), r"coefficients c that are a tensor .* chebvander\(x, n\) @ c"),
    ],
)
def test_the_usual_ways_into_an_array_are_told_what_to_write(ask, way, vector):
    with pytest.raises(RuntimeError, match=rf"lose it silently: .*{way}.*; for the values alone, x\.detach\(\)$"):
        ask(vector)


def test_what_they_are_told_works(vector):
    """To the second order: the gradients are those of the same function written with clumsygrad's own."""
    A = np.arange(9.0).reshape(3, 3)
    for told, plain in (
        (lambda t: A @ t, lambda t: cg.matmul(A, t)),
        (lambda t: np.asarray(t, dtype=float, like=t), lambda t: t * 1.0),
        (lambda t: np.column_stack([t, t]), lambda t: cg.stack([t, t], axis=1)),
        (lambda t: np.full((2, 3), t, like=t), lambda t: cg.broadcast_to(t, (2, 3))),
        (lambda t: np.polynomial.polynomial.polyval(t, [1.0, 2.0, 3.0]), lambda t: 1.0 + 2.0 * t + 3.0 * t * t),
        (lambda t: np.polynomial.chebyshev.chebval(t, [1.0, 2.0, 3.0]), lambda t: 2.0 * t + 6.0 * t * t - 2.0),
        (
            lambda t: np.polynomial.chebyshev.chebvander([0.5, 2.0], 2) @ t,
            lambda t: cg.matmul(np.asarray([[1, 0.5, -0.5], [1, 2, 7]]), t),
        ),
        (lambda t: t[np.abs(np.subtract(*np.ogrid[:3, :3]))], lambda t: cg.stack([t, cg.stack([t[1], t[0], t[1]]), cg.flip(t)])),
        (lambda t: cg.apply_where(t > 1.5, t, lambda t: np.divide(1, t), fill_value=0.0), lambda t: cg.where(t > 1.5, 1 / t, 0)),
    ):
        found, expected = (cg.func.hessian(lambda t, f=f: cg.sum(f(t) ** 2))(vector.data) for f in (told, plain))
        np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_matrices_of_repeated_elements_are_read_by_index(vector):
    linalg = pytest.importorskip("scipy.linalg")
    for function in (linalg.toeplitz, linalg.circulant):
        with pytest.raises((RuntimeError, AttributeError), match=r"x\[numpy\.abs\(i - j\)\] with i, j = numpy\.ogrid\[:n, :n\]"):
            function(vector)


def test_lists_of_tensors_are_told_how_they_become_arrays(vector):
    for ask in (lambda: np.array([1.0, vector[0]]), lambda: np.sum([vector[0], vector[1]])):
        with pytest.raises(RuntimeError, match=r"clumsygrad\.asarray or numpy\.stack"):
            ask()
    assert cg.asarray([[1.0, vector[0]], [vector[1], 2.0]]).requires_grad
