"""Linear algebra at its special points: singular and rank-deficient matrices, norms that are 0, ties, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from cases import Case
from checks import Derivatives, check_first, check_second

import clumsygrad as cg

GENERATOR = np.random.default_rng(4)
NO_DASK = "dask.array has no such function"


@pytest.fixture
def able(backend):
    """A backend that has all of linear algebra."""
    if backend.name == "dask":
        pytest.skip(NO_DASK)
    return backend


class At(Case):
    """A row at one point."""

    def operands(self, kind="real", single=False):
        return [np.asarray(x) for x in self.domain]


def at(function, *points):
    return At("at a point", function, tuple(np.shape(x) for x in points), (), domain=points)


def gradient(backend, function, x):
    """The gradient of the sum of a function's real result."""
    leaf = cg.Tensor(backend.array(x), requires_grad=True)
    z = function(backend.namespace, leaf)
    (backend.namespace.sum(z) if z.shape else z).backward()
    return backend.host(leaf.grad)


def of_rank(n, rank, complex_too=False):
    """A random matrix of that rank."""
    left, right = GENERATOR.standard_normal((2, n, n))
    if complex_too:
        left = left + 1j * GENERATOR.standard_normal((n, n))
        right = right - 1j * GENERATOR.standard_normal((n, n))
    return left[:, :rank] @ right[:rank]


def cofactors(x):
    """The gradient of the determinant, by its definition."""
    n = x.shape[-1]
    found = np.zeros_like(x)
    for i in range(n):
        for j in range(n):
            minor = np.delete(np.delete(x, i, axis=0), j, axis=1)
            found[i, j] = (-1) ** (i + j) * np.linalg.det(minor)
    return found.conj()


# Determinants ---------------------------------------------------------------------------------------------------------------------

SHIFT = np.eye(4, k=1)
SINGULAR = {
    "rank 3": of_rank(4, 3),
    "rank 2": of_rank(4, 2),
    "rank 1": of_rank(4, 1),
    "zeros": np.zeros((4, 4)),
    "ones": np.ones((4, 4)),
    "shift": SHIFT,
    "shift down": SHIFT.T,
    "zero column": np.diag([1.0, 0.0, 3.0, 4.0]) + 0.5 * np.tri(4)[:, [0, 2, 2, 3]] * np.array([1.0, 0.0, 1.0, 1.0]),
    "diagonal": np.diag([2.0, 0.0, 3.0, 1.0]),
    "equal rows": np.asarray([[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 1.0, 0.0], [2.0, 0.0, 1.0, 1.0]]),
    "complex rank 3": of_rank(4, 3, complex_too=True),
    "complex rank 2": of_rank(4, 2, complex_too=True),
    "nearly singular": np.diag([1.0, 1e-9, 2.0, 3.0]) + SHIFT,
    "1×1": np.zeros((1, 1)),
    "2×2": np.zeros((2, 2)),
    "identity": np.eye(4),
}


def real_det(xp, x):
    z = xp.linalg.det(x)
    return xp.real(z * (1 - 0.5j)) if xp.isdtype(z.dtype, "complex floating") else z


@pytest.mark.parametrize("name", SINGULAR)
def test_gradient_of_det(name, able):
    x = SINGULAR[name]
    expected = cofactors(x) * (1 + 0.5j if np.iscomplexobj(x) else 1)
    np.testing.assert_allclose(gradient(able, real_det, x), expected, atol=1e-12 * (1 + np.max(np.abs(expected))))


@pytest.mark.parametrize("name", SINGULAR)
def test_second_derivative_of_det(name, able):
    """Also of rank n − 2 and below: the products of singular values leave no division."""
    check_second(Derivatives(at(lambda xp, x: xp.linalg.det(x), SINGULAR[name]), able), "real")


def test_batch_of_regular_and_singular_matrices(able):
    x = np.stack([SINGULAR["rank 3"], SINGULAR["zeros"], np.eye(4) + SHIFT])
    expected = np.stack([cofactors(each) for each in x])
    np.testing.assert_allclose(gradient(able, real_det, x), expected, atol=1e-12)


def test_the_adjugate_times_its_matrix_is_the_determinant(able):
    for name in ("rank 3", "complex rank 3", "nearly singular", "identity"):
        x = SINGULAR[name]
        z = able.host(cg.linalg.adjugate(able.array(x)))
        np.testing.assert_allclose(z @ x, np.linalg.det(x) * np.eye(4), atol=1e-12)


def test_slogdet_of_a_singular_matrix(able):
    for n in (3, 40):
        sign, logabsdet = cg.linalg.slogdet(cg.Tensor(able.array(np.ones((n, n)))))
        assert able.host(sign) == 0
        assert able.host(logabsdet) == -math.inf


def test_slogdet_is_a_named_tuple(able):
    z = able.namespace.linalg.slogdet(cg.Tensor(able.array(np.diag([1.0, -2.0]))))
    assert z._fields == ("sign", "logabsdet")
    assert able.host(z.sign) == -1
    np.testing.assert_allclose(able.host(z.logabsdet), math.log(2))


def test_real_sign_of_a_determinant_has_gradient_0(able):
    assert np.all(gradient(able, lambda xp, x: xp.linalg.slogdet(x).sign, 2 * np.eye(3)) == 0)


@pytest.mark.parametrize("n", [3, 40])
@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_a_singular_system_is_the_librarys_error(name, n):
    library = pytest.importorskip(name)
    x = cg.Tensor(library.ones((n, n)), requires_grad=True)
    with pytest.raises(library.linalg.LinAlgError):
        cg.linalg.solve(x, library.ones((n,)))
    logabsdet = cg.linalg.slogdet(x).logabsdet
    with pytest.raises(library.linalg.LinAlgError):
        logabsdet.backward()


@pytest.mark.parametrize("n", [3, 40])
def test_a_zero_on_the_diagonal_of_a_triangular_system(n):
    a = np.eye(n)
    a[1, 1] = 0
    with pytest.raises(np.linalg.LinAlgError):
        cg.linalg.solve_triangular(a, np.ones(n), lower=True)
    assert cg.linalg.solve_triangular(a, np.ones(n), lower=True, unit_diagonal=True).tolist() == [1.0] * n


# Factors --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("n", [3, 150])
def test_the_gradient_of_cholesky_is_hermitian(n, upper):
    """And along Hermitian directions the derivative, also where the rule halves its matrices more than once."""
    a, g, d = [GENERATOR.standard_normal((n, n)) + 1j * GENERATOR.standard_normal((n, n)) for _ in range(3)]
    x, d = a @ a.conj().T + n * np.eye(n), (d + d.conj().T) / 2
    leaf = cg.Tensor(x, requires_grad=True)
    cg.linalg.cholesky(leaf, upper=upper).backward(g)
    np.testing.assert_allclose(leaf.grad, leaf.grad.conj().T, atol=1e-12)
    eps = 1e-4

    def value(t):
        z = np.linalg.cholesky(x + t * d)
        return np.sum((g.conj() * (z.conj().T if upper else z)).real)

    expected = (8 * (value(eps) - value(-eps)) - (value(2 * eps) - value(-2 * eps))) / (12 * eps)
    np.testing.assert_allclose(np.sum((leaf.grad.conj() * d).real), expected, rtol=1e-8)


def test_a_triangular_solver_reads_one_triangle(able):
    if able.compiled:
        pytest.skip("inside jax.jit as outside")
    a = np.full((2, 2), np.nan)
    a[0, 0], a[1, 0], a[1, 1] = 2.0, 1.0, 1.0
    x = cg.Tensor(able.array(a), requires_grad=True)
    z = able.namespace.linalg.solve_triangular(x, able.array(np.asarray([2.0, 2.0])), lower=True)
    np.testing.assert_allclose(able.host(z), [1.0, 1.0])
    able.namespace.sum(z).backward()
    np.testing.assert_allclose(able.host(x.grad), [[0.0, 0.0], [-1.0, -1.0]], atol=1e-15)


def test_without_scipy_triangular_systems_are_solved_all_the_same(monkeypatch):
    expected = cg.linalg.solve_triangular(np.tri(40) + np.eye(40), np.arange(40.0), lower=True)
    monkeypatch.setattr(cg._beyond, "_scipy_linalg", lambda: None)
    for function, arguments in (
        (lambda xp, x: xp.linalg.solve_triangular(x, cg.Tensor(np.ones(40)), lower=True), np.tri(40) + np.eye(40)),
        (lambda xp, x: xp.linalg.cholesky(x @ x.T + xp.eye(40)), np.tri(40) / 40),
        (lambda xp, x: xp.linalg.slogdet(x).logabsdet, np.tri(40) + np.eye(40)),
        (lambda xp, x: xp.linalg.expm(x), GENERATOR.standard_normal((3, 3))),
    ):
        check_first(Derivatives(at(function, arguments), _numpy()), "real")
    np.testing.assert_allclose(cg.linalg.solve_triangular(np.tri(40) + np.eye(40), np.arange(40.0), lower=True), expected)


def _numpy():
    from backends import BACKENDS

    return BACKENDS["numpy"]


@pytest.mark.parametrize("scale", [1e-8, 1.0, 30.0, 3e3])
def test_expm_by_pade_is_scipys(scale):
    scipy = pytest.importorskip("scipy.linalg")
    a = GENERATOR.standard_normal((3, 4, 4))
    x = -(a @ a.mT) * np.asarray([1e-3, 1.0, 0.1])[:, None, None] * scale
    np.testing.assert_allclose(cg._beyond._expm_by_pade(x), scipy.expm(x), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_expm_by_pade_of_what_is_not_finite(value):
    """It is not finite, and counts no squarings to infinity; finite matrices beside it are as ever."""
    x = np.stack([np.diag([value, 1.0]), np.zeros((2, 2))])
    with np.errstate(invalid="ignore"):
        z = cg._beyond._expm_by_pade(x)
    assert not np.any(np.isfinite(np.diagonal(z[0])))
    assert np.array_equal(z[1], np.eye(2))


def test_a_large_gradient_of_expm_loses_nothing():
    x = GENERATOR.standard_normal((4, 4)) / 2
    g = GENERATOR.standard_normal((4, 4))
    pulled = []
    for scale in (1.0, 1e12, 1e-12):
        leaf = cg.Tensor(x, requires_grad=True)
        cg.linalg.expm(leaf).backward(g * scale)
        pulled.append(leaf.grad / scale)
    np.testing.assert_allclose(pulled[1], pulled[0], rtol=1e-12)
    np.testing.assert_allclose(pulled[2], pulled[0], rtol=1e-12)


# Norms ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.parametrize("ord", [2, 1, 3, 0.5, -1, 0, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", [float, complex])
def test_vector_norms_of_zeros_have_gradient_0(ord, dtype, backend):
    x = np.zeros((2, 3), dtype=dtype)
    assert np.all(gradient(backend, lambda xp, x: xp.linalg.vector_norm(x, ord=ord), x) == 0)
    mixed = np.asarray([[0.0, 0.0], [3.0, -4.0]], dtype=dtype)
    g = gradient(backend, lambda xp, x: xp.linalg.vector_norm(x, ord=ord, axis=-1), mixed)
    assert np.all(np.isfinite(g))
    assert np.all(g[0] == 0)
    assert np.any(g[1] != 0) == (ord != 0)


@pytest.mark.parametrize("n", [3, 60])
def test_a_matrix_that_is_not_positive_definite_is_refused(n):
    x = np.eye(n)
    x[-1, -1] = -1
    with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
        cg.linalg.cholesky(x)
    with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
        cg.linalg.inv_quad_logdet(x, np.ones(n))
    with pytest.raises(np.linalg.LinAlgError) as caught:
        cg.linalg.inv_quad_logdet(cg.Tensor(x), np.ones(n))
    assert caught.value.__notes__ == [f"in clumsygrad's inv_quad_logdet, operands of shape ({n}, {n}), ({n},)"]


@pytest.mark.parametrize("columns", [None, 1, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_inv_quad_logdet_of_many_rows(dtype, columns):
    """By blocks, in the memory of the inverse for one column: what the gradient through inv and slogdet is."""
    x, y = of_rank(130, 130, dtype is np.complex128), of_rank(130, columns or 1, dtype is np.complex128)[:, : columns or 1]
    a = (x @ x.conj().T / 130 + np.eye(130)).astype(dtype)
    y = (y if columns else y[:, 0]).astype(dtype)

    def by_inv(a, y):
        return cg.sum(cg.real(cg.conj(y) * (cg.linalg.inv(a) @ y))) + 2 * cg.linalg.slogdet(a).logabsdet

    def by_one(a, y):
        inv_quad, logdet = cg.linalg.inv_quad_logdet(a, y)
        return inv_quad + 2 * logdet

    found, expected = [cg.func.grad(f, argnums=(0, 1))(a, y) for f in (by_one, by_inv)]
    for g, e in zip(found, expected, strict=True):
        assert g.dtype == dtype
        np.testing.assert_allclose(g, e, rtol=0, atol=(1e-3 if dtype is np.float32 else 1e-11) * np.max(np.abs(e)))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [float, complex])
def test_the_lower_triangle_alone_is_read_and_nothing_is_written(dtype, order):
    x = of_rank(130, 130, dtype is complex)
    whole = x @ x.conj().T / 130 + np.eye(130)
    a = np.array(np.where(np.tri(130, dtype=bool), whole, np.nan), order=order)
    before, y = a.copy(), np.ones(130, dtype=dtype)
    functions = (
        cg.linalg.cholesky,
        lambda a: cg.linalg.inv_quad_logdet(a, y).inv_quad,
        lambda a: cg.linalg.inv_quad_logdet(a, y)[1],
    )
    for f in functions:
        found, expected = [cg.func.value_and_grad(lambda a, f=f: cg.sum(cg.real(f(a))))(m) for m in (a, whole)]
        for g, e in zip(found, expected, strict=True):
            np.testing.assert_allclose(g, e, rtol=0, atol=1e-12 * np.max(np.abs(e)))
    assert np.array_equal(a, before, equal_nan=True)


@pytest.mark.parametrize("ord", ["fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", [float, complex])
def test_matrix_norms_of_zeros_have_gradient_0(ord, dtype, able):
    x = np.zeros((2, 3, 2), dtype=dtype)
    x[1] = [[1.0, 2.0], [0.5, -1.0], [3.0, 1.0]]
    g = gradient(able, lambda xp, x: xp.linalg.matrix_norm(x, ord=ord), x)
    assert np.all(np.isfinite(g))
    assert np.all(g[0] == 0)
    assert np.any(g[1] != 0)


def test_a_zero_among_others(backend):
    """Its own share is 0, also where the power of its absolute value would be infinite."""
    for ord in (0.5, 1, 1.5, 2, 3):
        g = gradient(backend, lambda xp, x, ord=ord: xp.linalg.vector_norm(x, ord=ord), np.asarray([0.0, 2.0]))
        np.testing.assert_allclose(g, [0.0, 1.0])


def test_ties_share(able):
    vector = gradient(able, lambda xp, x: xp.linalg.vector_norm(x, ord=math.inf), np.asarray([2.0, -2.0, 1.0]))
    np.testing.assert_allclose(vector, [0.5, -0.5, 0.0])
    columns = gradient(able, lambda xp, x: xp.linalg.matrix_norm(x, ord=1), np.asarray([[1.0, 3.0], [3.0, -1.0]]))
    np.testing.assert_allclose(columns, [[0.5, 0.5], [0.5, -0.5]])
    rows = gradient(able, lambda xp, x: xp.linalg.matrix_norm(x, ord=-math.inf), np.asarray([[1.0, 1.0], [3.0, -1.0]]))
    np.testing.assert_allclose(rows, [[1.0, 1.0], [0.0, 0.0]])
    largest = gradient(able, lambda xp, x: xp.linalg.matrix_norm(x, ord=2), np.diag([2.0, 2.0, 1.0]))
    np.testing.assert_allclose(largest, np.diag([0.5, 0.5, 0.0]), atol=1e-15)


def test_nuclear_norm_of_a_rank_deficient_matrix(able):
    """The gradient of least norm: nothing in the null space."""
    x = np.diag([2.0, 1.0, 0.0])
    np.testing.assert_allclose(
        gradient(able, lambda xp, x: xp.linalg.matrix_norm(x, ord="nuc"), x), np.diag([1.0, 1, 0]), atol=1e-15
    )


@pytest.mark.parametrize(
    "x", [np.eye(3), np.diag([2.0, 2.0, 1.0]), 3 * np.eye(4, 2)], ids=["identity", "two of three", "rectangular"]
)
def test_second_derivative_of_the_nuclear_norm_where_singular_values_are_equal(x, able):
    """What lies between them cancels, so that dropping it is right."""
    check_second(Derivatives(at(lambda xp, x: xp.linalg.matrix_norm(x, ord="nuc"), x), able), "real")


@pytest.mark.parametrize(
    "arguments",
    [{"ord": "fro", "axis": 0}, {"ord": "nuc"}, {"ord": 1, "axis": (0, 1, 2)}],
    ids=str,
)
def test_norms_that_are_refused(arguments):
    shape = (3,) if "axis" not in arguments else (2, 2, 2)
    with pytest.raises(ValueError, match="norm: ord"):
        cg.linalg.norm(cg.ones(shape), **arguments)


def test_norms_of_axes_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="axis 5 is out of bounds"):
        cg.linalg.norm(cg.ones((2, 3)), 1, axis=(0, 5))


def test_products_take_any_iterable():
    assert cg.linalg.multi_dot(x for x in (cg.ones((2, 3)), cg.ones((3, 2)))).data.tolist() == [[3.0, 3.0], [3.0, 3.0]]


def test_products_that_are_refused():
    for shapes in (((2, 2),), ((2,), (2,), (2, 2)), ((2, 2, 2), (2, 2))):
        with pytest.raises(ValueError, match="multi_dot: needs two matrices or more"):
            cg.linalg.multi_dot([cg.ones(shape) for shape in shapes])


def test_products_take_the_cheapest_order():
    splits = cg.linalg._splits([30, 35, 15, 5, 10, 20, 25])  # the textbook's example
    assert splits[0, 5] == 2
    assert splits[0, 2] == 0
    assert splits[3, 5] == 4


# Least squares ----------------------------------------------------------------------------------------------------------------------


def test_matrix_rank_has_no_gradient(able):
    z = able.namespace.linalg.matrix_rank(cg.Tensor(able.array(of_rank(4, 2)), requires_grad=True), rtol=1e-10)
    assert not z.requires_grad
    assert able.host(z) == 2


def test_a_tolerance_may_be_a_tensor(able):
    """The standard lets it be an array, one number for each matrix."""
    x = np.stack([np.diag([1.0, 1e-3]), np.diag([1.0, 1e-3])])
    rtol = cg.Tensor(able.array(np.asarray([1e-2, 1e-4])))
    z = able.namespace.linalg.pinv(cg.Tensor(able.array(x), requires_grad=True), rtol=rtol)
    np.testing.assert_allclose(able.host(z), [np.diag([1.0, 0.0]), np.diag([1.0, 1e3])], atol=1e-12)
    ranks = able.namespace.linalg.matrix_rank(cg.Tensor(able.array(x)), rtol=rtol)
    assert able.host(ranks).tolist() == [1, 2]


def test_least_squares_of_a_rank_deficient_matrix_is_of_least_norm(able):
    a, b = of_rank(4, 2), GENERATOR.standard_normal(4)
    z = able.namespace.linalg.lstsq(cg.Tensor(able.array(a)), able.array(b), rtol=1e-10)
    expected = np.linalg.lstsq(a, b, rcond=1e-10)
    np.testing.assert_allclose(able.host(z.solution), expected[0])
    np.testing.assert_allclose(able.host(z.residuals), np.sum((b - a @ expected[0]) ** 2))
    assert able.host(z.rank) == expected[2]
    np.testing.assert_allclose(able.host(z.singular_values), expected[3], atol=1e-14)


def test_least_squares_with_equal_singular_values(able):
    """Its second derivative goes by the pseudo-inverse, which no equal singular values disturb."""
    a, b = np.concatenate([np.eye(2), np.zeros((1, 2))]), np.asarray([1.0, 2.0, 3.0])
    check_second(Derivatives(at(lambda xp, a, b: xp.linalg.lstsq(a, b).solution, a, b), able), "real")


# What a library lacks ---------------------------------------------------------------------------------------------------------------


def test_a_function_that_a_library_lacks_is_named():
    dask = pytest.importorskip("dask.array")
    with pytest.raises(NotImplementedError, match=r"det: dask has no linalg\.det: .* x\.to\('numpy'\)"):
        cg.linalg.det(cg.Tensor(dask.ones((2, 2))))


# Factors are kept -------------------------------------------------------------------------------------------------------------------


def test_the_first_pass_factorises_nothing_again(monkeypatch):
    """solve and slogdet of large matrices leave the factors that their gradients need."""
    pytest.importorskip("scipy")
    a = cg.Tensor(GENERATOR.standard_normal((50, 50)), requires_grad=True)
    losses = [cg.sum(cg.linalg.solve(a, np.ones(50))), cg.linalg.slogdet(a).logabsdet]
    monkeypatch.setattr(cg._beyond._scipy_linalg().lapack, "dgetrf", None)
    monkeypatch.setattr(cg.xp.numpy.linalg, "solve", None)
    monkeypatch.setattr(cg.xp.numpy.linalg, "inv", None)
    for loss in losses:
        loss.backward()
    expected = np.linalg.solve(a.data.T, np.ones(50))
    np.testing.assert_allclose(
        a.grad, np.linalg.solve(a.data, np.eye(50)).T - np.outer(expected, np.linalg.solve(a.data, np.ones(50)))
    )
