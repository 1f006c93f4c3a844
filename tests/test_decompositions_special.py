"""Decompositions where derivatives are delicate: equal and zero values, no rank, no elements, null spaces; and what they cost."""

from __future__ import annotations

import numpy as np
import pytest
from checks import central_difference
from exceptions import OF_SOME_RESULTS

import clumsygrad as cg

KINDS = ("real", "complex")


@pytest.fixture
def backend(backend):
    if backend.library == "dask.array":
        pytest.skip("dask.array has few of these functions, and no promises for special matrices")
    if backend.compiled:
        pytest.skip("inside jax.jit as outside")
    return backend


def numbers(kind, *shape, seed=0):
    random = np.random.default_rng(seed)
    x = random.normal(size=shape)
    return x + 1j * random.normal(size=shape) if kind == "complex" else x


def unitary(kind, n, seed=0):
    return np.linalg.qr(numbers(kind, n, n, seed=seed))[0]


def hermitian(x):
    return (x + np.conj(np.swapaxes(x, -2, -1))) / 2


def skew(x):
    return x - hermitian(x)


def adjoint(xp, x):
    return xp.conj(xp.matrix_transpose(x))


def inner(xp, weights, z):
    """Re Σ conj(weights) z."""
    return xp.sum(xp.real(z * xp.conj(weights)))


def gradient(backend, function, x, *constants):
    """The gradient of a real function of a namespace, x and raw constants, as a NumPy array."""
    leaf = cg.Tensor(backend.array(x), requires_grad=True)
    function(backend.namespace, leaf, *[cg.Tensor(backend.array(c)) for c in constants]).backward()
    assert backend.owns(leaf.grad)
    assert leaf.grad.dtype == leaf.dtype
    return backend.host(leaf.grad)


def agree(found, expected, tolerance=1e-12):
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * (1 + np.max(np.abs(expected), initial=0)))


def agrees_with_differences(backend, function, x, *constants, make=np.asarray, tolerance=1e-8):
    """The gradient along two directions, which `make` makes fit, equals differences of the function's values in NumPy."""
    found = gradient(backend, function, x, *constants)
    for seed in (7, 8):
        d = make(numbers("complex" if np.iscomplexobj(x) else "real", *x.shape, seed=seed))

        def value(t, d=d):
            return float(function(cg, cg.Tensor(x + t * d), *constants).data)

        expected = central_difference(value, 2e-3)
        agree(np.sum(np.real(np.conj(found) * d)), expected, tolerance)


# Equal eigenvalues ----------------------------------------------------------------------------------------------------------------


def sum_of_cubes(xp, w):
    return xp.sum(xp.real(w * w * w))


def cubes_by_eigh(xp, x):
    return sum_of_cubes(xp, xp.linalg.eigh(x).eigenvalues)


def cubes_by_eigvalsh(xp, x):
    return sum_of_cubes(xp, xp.linalg.eigvalsh(x))


def projector(xp, x, weights):
    """Onto the space of the two smallest eigenvalues."""
    v = xp.linalg.eigh(x).eigenvectors[..., :, :2]
    return inner(xp, weights, xp.matmul(v, adjoint(xp, v)))


def all_of_eigh(xp, x, weights):
    """A loss that no phase changes, but a rotation among equal eigenvalues does."""
    w, v = xp.linalg.eigh(x)
    return xp.sum(w * w) + inner(xp, weights, xp.real(v * xp.conj(v)))


def with_eigenvalues(kind, *values, seed=0):
    q = unitary(kind, len(values), seed)
    return hermitian((q * np.asarray(values)) @ q.conj().T)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("function", [cubes_by_eigh, cubes_by_eigvalsh])
def test_symmetric_functions_of_equal_eigenvalues(backend, function, kind):
    for x in (np.eye(3), np.zeros((2, 2)), with_eigenvalues(kind, 2.0, 2.0, 2.0, -1.0), with_eigenvalues(kind, 1.0, 1.0)):
        x = x.astype(complex if kind == "complex" else float)
        agree(gradient(backend, function, x), 3 * x @ x)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("values", [(1.0, 1.0, 4.0), (1.0, 1.0, 4.0, 4.0), (0.0, 0.0, 1.0, 1.0, 1.0)])
def test_projectors_onto_the_whole_space_of_an_eigenvalue(backend, kind, values):
    """Also where rounding makes the equal eigenvalues differ: the difference must divide nothing."""
    n = len(values)
    for seed in range(5):
        x, weights = with_eigenvalues(kind, *values, seed=seed), numbers(kind, n, n, seed=20 + seed)
        w = np.linalg.eigvalsh(x)
        assert np.max(np.abs(np.diff(np.sort(w))[0])) < 1e-14
        agrees_with_differences(backend, projector, x, weights, make=hermitian)


def test_projectors_of_many_equal_eigenvalues(backend):
    """The largest gaps that rounding makes: a projector of 60 rows, as its own function; it is a fixed point of x²(3 − 2x)."""
    x = with_eigenvalues("real", *[0.0] * 30, *[1.0] * 30)
    weights = numbers("real", 60, 60, seed=1)

    def function(xp, x, weights):
        v = xp.linalg.eigh(x).eigenvectors[..., :, 30:]
        return inner(xp, weights, xp.matmul(v, adjoint(xp, v)))

    symmetric = hermitian(weights)
    rest = np.eye(60) - x
    agree(gradient(backend, function, x, weights), x @ symmetric @ rest + rest @ symmetric @ x, 1e-11)


@pytest.mark.parametrize("kind", KINDS)
def test_equal_eigenvalues_make_no_nan(backend, kind):
    for x in (np.eye(3), np.zeros((3, 3)), np.diag([2.0, 2.0, 5.0]), with_eigenvalues(kind, 2.0, 2.0, 5.0)):
        x = x.astype(complex if kind == "complex" else float)
        found = gradient(backend, all_of_eigh, x, numbers("real", 3, 3))
        assert np.all(np.isfinite(found))
        assert np.max(np.abs(found)) < 100


def test_equal_eigenvalues_in_single_precision(backend):
    x = with_eigenvalues("real", 1.0, 1.0, 4.0, 4.0)
    weights = numbers("real", 4, 4, seed=1)
    expected = gradient(backend, projector, x, weights)
    agree(gradient(backend, projector, x.astype(np.float32), weights.astype(np.float32)), expected, 2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_eigh_is_hermitian(backend, kind):
    x = hermitian(numbers(kind, 3, 3))
    found = gradient(backend, all_of_eigh, x, numbers("real", 3, 3, seed=1))
    agree(found, hermitian(found))


@pytest.mark.parametrize("name", ["eig", "eigvals"])
@pytest.mark.parametrize("kind", KINDS)
def test_symmetric_functions_of_equal_eigenvalues_of_any_matrix(backend, name, kind):
    """The derivative of tr x³ is 3 (x²)ᵀ, its gradient's conjugate."""

    def function(xp, x):
        found = getattr(xp.linalg, name)(x)
        return sum_of_cubes(xp, found.eigenvalues if name == "eig" else found)

    basis = numbers(kind, 3, 3, seed=4) + 3 * np.eye(3)
    for x in (np.eye(3), basis @ np.diag([2.0, 2.0, 5.0]) @ np.linalg.inv(basis)):
        x = x.astype(basis.dtype)
        found = gradient(backend, function, x)
        agree(found, 3 * np.conj(x @ x).T, 1e-11)
        assert np.iscomplexobj(found) == (kind == "complex")


def test_eigenvalues_and_eigenvectors_are_paired():
    """LAPACK may order the eigenvalues of a large matrix otherwise when it is asked for no vectors."""
    x = numbers("real", 200, 200) / 14
    leaf = cg.Tensor(x, requires_grad=True)
    sum_of_cubes(cg, cg.linalg.eigvals(leaf)).backward()
    agree(leaf.grad, 3 * (x @ x).T, 1e-10)


# Equal and zero singular values ---------------------------------------------------------------------------------------------------


def polar(xp, x, weights):
    u, _, vh = xp.linalg.svd(x, full_matrices=False)
    return inner(xp, weights, xp.matmul(u, vh))


def squared_values(xp, x):
    s = xp.linalg.svdvals(x)
    return xp.sum(s * s)


def first_spaces(xp, x, left, right):
    """Projectors onto the spaces of the two largest singular values, on both sides."""
    u, _, vh = xp.linalg.svd(x, full_matrices=False)
    u, vh = u[..., :, :2], vh[..., :2, :]
    return inner(xp, left, xp.matmul(u, adjoint(xp, u))) + inner(xp, right, xp.matmul(adjoint(xp, vh), vh))


def with_singular_values(kind, m, n, *values):
    k = len(values)
    return (unitary(kind, m, 1)[:, :k] * np.asarray(values)) @ unitary(kind, n, 2)[:k]


SHAPES = [(4, 4), (5, 3), (3, 5)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_polar_factor_at_the_identity(backend, kind):
    """Near the identity, U Vh is 1 + the skew part of the change."""
    weights = numbers(kind, 3, 3, seed=1)
    x = np.eye(3, dtype=weights.dtype)
    agree(gradient(backend, polar, x, weights), skew(weights))
    agree(gradient(backend, polar, 4 * x, weights), skew(weights) / 4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("m", "n"), SHAPES)
def test_the_polar_factor_of_equal_singular_values(backend, kind, m, n):
    x = with_singular_values(kind, m, n, 2.0, 2.0, *[1.0] * (min(m, n) - 2))
    agrees_with_differences(backend, polar, x, numbers(kind, m, n, seed=1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("m", "n"), SHAPES)
@pytest.mark.parametrize("largest", [(2.0, 2.0), (3.0, 1.5)])
@pytest.mark.parametrize("smallest", [1.0, 0.0])
def test_projectors_onto_the_whole_spaces_of_singular_values(backend, kind, m, n, largest, smallest):
    """The others are equal, or zero: then x lacks rank."""
    x = with_singular_values(kind, m, n, *largest, *[smallest] * (min(m, n) - 2))
    agrees_with_differences(backend, first_spaces, x, numbers(kind, m, m, seed=1), numbers(kind, n, n, seed=2))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("m", "n"), SHAPES)
def test_symmetric_functions_of_equal_or_zero_singular_values(backend, kind, m, n):
    for values in ((2.0, 2.0), (0.0, 0.0), (3.0, 0.0), (1.0, 1.0, 1.0)):
        x = with_singular_values(kind, m, n, *values)
        agree(gradient(backend, squared_values, x), 2 * x)


def everything(xp, x, full=False):
    """A loss of all three results that no phase changes."""
    u, s, vh = xp.linalg.svd(x, full_matrices=False)
    return xp.sum(s) + xp.sum(xp.real(u * xp.conj(u))[..., :1, :]) + xp.sum(xp.real(vh * xp.conj(vh))[..., :, :1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("m", "n"), SHAPES)
def test_no_rank_makes_no_nan(backend, kind, m, n):
    for values in ((0.0,), (1.0,), (1.0, 1.0)):
        found = gradient(backend, everything, with_singular_values(kind, m, n, *values))
        assert np.all(np.isfinite(found))
        assert np.max(np.abs(found)) < 100


def test_a_singular_value_at_zero_has_gradient_zero(backend):
    """As abs has; anything between −u vᴴ and u vᴴ is a subgradient."""

    def nuclear(xp, x):
        return xp.sum(xp.linalg.svdvals(x))

    agree(gradient(backend, nuclear, np.zeros((3, 2))), np.zeros((3, 2)))
    agree(gradient(backend, nuclear, np.diag([3.0, 0.0])), np.diag([1.0, 0.0]))


# One element, and none ------------------------------------------------------------------------------------------------------------


def test_one_by_one(backend):
    z = np.asarray([[3.0 - 4.0j]])
    agree(gradient(backend, lambda xp, x: xp.sum(xp.linalg.svdvals(x)), z), z / 5)
    agree(gradient(backend, lambda xp, x: xp.sum(xp.linalg.svdvals(x)), np.asarray([[-2.0]])), [[-1.0]])
    agree(gradient(backend, lambda xp, x: xp.sum(xp.linalg.eigvalsh(x)), np.asarray([[-2.0]])), [[1.0]])
    agree(gradient(backend, lambda xp, x: xp.sum(xp.real(xp.linalg.eigvals(x))), z), [[1.0]])
    agree(gradient(backend, lambda xp, x: xp.sum(xp.abs(xp.linalg.qr(x).R)), np.asarray([[-2.0]])), [[-1.0]])
    agree(gradient(backend, lambda xp, x, w: inner(xp, w, xp.matmul(*xp.linalg.qr(x))), z, z), z)


RESULTS = [
    ("eigh", (0, 3, 3), {}),
    ("eigh", (2, 0, 0), {}),
    ("eig", (0, 3, 3), {}),
    ("eig", (2, 0, 0), {}),
    *[
        (name, shape, attributes)
        for name, attributes in (("svd", {"full_matrices": False}), ("qr", {}), ("qr", {"mode": "complete"}))
        for shape in ((0, 3, 2), (0, 2, 3), (2, 0, 0), (2, 0, 3))
    ],
    ("svd", (2, 3, 0), {"full_matrices": False}),
    ("qr", (2, 3, 0), {}),
]


@pytest.mark.parametrize(("name", "shape", "attributes"), RESULTS)
def test_nothing_has_gradients_of_its_shape(backend, name, shape, attributes):
    count = 3 if name == "svd" else 2
    for index in range(count):
        if attributes.get("mode") == "complete" and index == 0 and shape[-2] > shape[-1]:
            continue  # the null space: below
        leaf = cg.Tensor(backend.array(np.zeros(shape)), requires_grad=True)
        z = getattr(backend.namespace.linalg, name)(leaf, **attributes)[index]
        first = cg.func.vjp(lambda x, i=index: getattr(backend.namespace.linalg, name)(x, **attributes)[i], leaf.data)[1](z.data)
        assert tuple(first[0].shape if isinstance(first, tuple) else first.shape) == shape
        z.backward(z.data)
        assert leaf.grad.shape == shape


# Null spaces ----------------------------------------------------------------------------------------------------------------------

# The results in tests/exceptions.py: an operand's shape, a call, the index of the result; and what the message says to do.
NULL_SPACES = {
    "Q of a complete qr, m > n": (
        (4, 2),
        lambda xp, x: xp.linalg.qr(x, mode="complete"),
        0,
        r'last 2 columns.*mode="reduced".*Q Qᴴ',
    ),
    "U of a full svd, m > n": ((4, 2), lambda xp, x: xp.linalg.svd(x), 0, r"last 2 columns.*full_matrices=False.*U Uᴴ"),
    "Vh of a full svd, m < n": ((2, 5), lambda xp, x: xp.linalg.svd(x), 2, r"last 3 rows.*full_matrices=False.*Vhᴴ Vh"),
}


def test_every_exception_is_tested():
    assert sorted(NULL_SPACES) == sorted(OF_SOME_RESULTS)


@pytest.mark.parametrize("name", NULL_SPACES)
def test_a_basis_of_a_null_space_refuses(backend, name):
    shape, call, index, message = NULL_SPACES[name]
    leaf = cg.Tensor(backend.array(numbers("real", *shape)), requires_grad=True)
    with pytest.raises(NotImplementedError, match=message):
        backend.namespace.sum(call(backend.namespace, leaf)[index]).backward()
    with pytest.raises(NotImplementedError, match=message):
        backend.namespace.sum(call(backend.namespace, leaf)[index]).backward(create_graph=True)
    assert leaf.grad is None


@pytest.mark.parametrize("name", NULL_SPACES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_other_results_do_not(backend, name, kind):
    """They have the gradients of the reduced form's."""
    shape, call, index, _ = NULL_SPACES[name]
    x = numbers(kind, *shape)

    def reduced(xp, x):
        return xp.linalg.qr(x) if "qr" in name else xp.linalg.svd(x, full_matrices=False)

    results = [i for i in range(2 if "qr" in name else 3) if i != index]
    for i in results:

        def loss(xp, x, call, i=i):
            z = call(xp, x)[i]
            z = z[..., : min(shape), :] if "qr" in name else z
            return xp.sum(xp.real(z * xp.conj(z)) ** 2)

        agree(gradient(backend, lambda xp, x: loss(xp, x, call), x), gradient(backend, lambda xp, x: loss(xp, x, reduced), x))


def test_the_way_out_of_the_null_space(backend):
    """The projector onto what is left has a gradient: it is the identity less the other."""

    def rest(xp, x, weights):
        u, _, _ = xp.linalg.svd(x, full_matrices=False)
        return -inner(xp, weights, xp.matmul(u, adjoint(xp, u)))

    agrees_with_differences(backend, rest, numbers("real", 4, 2), numbers("real", 4, 4, seed=1))


# Any order, and no wasted work ----------------------------------------------------------------------------------------------------


def matrix_function(xp, h):
    w, v = xp.linalg.eigh((h + adjoint(xp, h)) / 2)
    return xp.matmul(v * xp.expand_dims(xp.exp(w / 3), axis=-2), adjoint(xp, v))


def singular_function(xp, x):
    u, s, vh = xp.linalg.svd(x, full_matrices=False)
    return xp.matmul(u * xp.expand_dims(xp.exp(-s), axis=-2), vh)


def orthogonal_factor(xp, x):
    q, r = xp.linalg.qr(x)
    return q + r


def general_function(xp, x):
    w, v = xp.linalg.eig(x)
    return xp.real(xp.matmul(v * xp.expand_dims(xp.exp(w / 3), axis=-2), xp.linalg.inv(v)))


@pytest.mark.parametrize("function", [matrix_function, singular_function, orthogonal_factor, general_function])
def test_third_order(function):
    """Along a line: the third derivative is the difference of second ones."""
    x = numbers("real", 3, 3) + np.diag([1.0, 4.0, 9.0])
    d, weights = numbers("real", 3, 3, seed=1), numbers("real", 3, 3, seed=2)

    def along(t):
        return cg.sum(function(cg, x + t * d) * weights)

    second = cg.func.grad(cg.func.grad(along))
    expected = central_difference(lambda t: float(second(np.asarray(t))), 2e-3)
    agree(float(cg.func.grad(second)(np.asarray(0.0))), expected, 1e-7)


@pytest.mark.parametrize(
    ("name", "factorisation"),
    [("eigh", "eigh"), ("eigvalsh", "eigh"), ("svd", "svd"), ("svdvals", "svd"), ("qr", "qr")],
)
def test_the_first_backward_pass_does_not_factorise_again(name, factorisation, monkeypatch):
    calls = []
    original = getattr(np.linalg, factorisation)

    def counted(*args, **kwargs):
        calls.append(args)
        return original(*args, **kwargs)

    monkeypatch.setattr(np.linalg, factorisation, counted)
    leaf = cg.Tensor(hermitian(numbers("real", 3, 3)), requires_grad=True)
    z = getattr(cg.linalg, name)(leaf)
    results = z if isinstance(z, tuple) else (z,)
    loss = cg.sum(results[0] * results[0])
    for other in results[1:]:
        loss = loss + cg.sum(other * other)
    assert len(calls) == 1
    loss.backward()
    assert len(calls) == 1


@pytest.mark.parametrize("name", ["eigvalsh", "svdvals", "eigvals"])
def test_values_alone_are_those_with_vectors(backend, name):
    """Tracked, the vectors are computed too; untracked, under no_grad, and of plain arrays, they are not."""
    x = backend.array(hermitian(numbers("real", 3, 3)))
    function = getattr(backend.namespace.linalg, name)
    tracked, untracked = function(cg.Tensor(x, requires_grad=True)), function(cg.Tensor(x))
    with cg.no_grad():
        unrecorded = function(cg.Tensor(x, requires_grad=True))
    assert tracked.requires_grad
    assert not untracked.requires_grad
    assert not unrecorded.requires_grad
    assert type(function(x)) is type(x)
    sets = [np.sort(backend.host(w)) for w in (tracked, untracked, unrecorded, function(x))]
    for other in sets[1:]:
        agree(sets[0], other)


@pytest.mark.parametrize("name", ["eigh", "eig", "qr", "svd"])
def test_results_have_the_standards_names(backend, name):
    fields = {"qr": ("Q", "R"), "svd": ("U", "S", "Vh")}.get(name, ("eigenvalues", "eigenvectors"))
    x = backend.array(np.eye(2))
    function = getattr(backend.namespace.linalg, name)
    for operand in (x, cg.Tensor(x), cg.Tensor(x, requires_grad=True)):
        z = function(operand)
        assert type(z).__name__ == {"qr": "QRResult", "svd": "SVDResult"}.get(name, f"{name.title()}Result")
        assert z._fields == fields
        assert [getattr(z, field) is part for field, part in zip(fields, z, strict=True)] == [True] * len(fields)


def test_a_singular_triangle_is_the_librarys_own_error():
    """A matrix whose columns depend on each other has no derivative of Q and R: NumPy says so."""
    leaf = cg.Tensor(np.zeros((3, 2)), requires_grad=True)
    with pytest.raises(np.linalg.LinAlgError):
        cg.sum(cg.linalg.qr(leaf).R).backward()
