"""func.linear_operator and func.implicit_root: what other code computes, differentiated to any order."""

from __future__ import annotations

import numpy as np
import pytest
from checks import assert_agree

import clumsygrad as cg

RANDOM = np.random.default_rng(0)
A = RANDOM.normal(size=(4, 3))
B = A + 1j * RANDOM.normal(size=(4, 3))
X = RANDOM.normal(size=3)
Z = X + 1j * RANDOM.normal(size=3)


def matrix(a):
    return cg.func.linear_operator(lambda x: a @ x, lambda y: a.conj().T @ y, name="matrix")


# Linear operators ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "x"), [(A, X), (A, Z), (B, X), (B, Z)], ids=["real", "real of complex", "complex of real", "complex"]
)
def test_derivatives_to_third_order(a, x):
    apply = matrix(a)
    assert cg.gradcheck(lambda x: cg.abs(apply(x)) ** 2, x, order=3)
    assert cg.gradcheck(lambda x: apply(x) ** 2, x, order=3)
    assert cg.gradcheck(lambda y: apply.adjoint(y) ** 2, a @ x, order=2)
    gradient = cg.func.grad(lambda x: cg.sum(cg.abs(apply(x)) ** 2))(x)
    assert gradient.dtype == x.dtype
    expected = 2 * a.conj().T @ (a @ x)
    assert_agree(gradient, expected if np.iscomplexobj(x) else expected.real, 1e-12, "gradient")


def test_every_transform_takes_it():
    apply = matrix(A)
    assert_agree(cg.func.jvp(apply, (X,), (X,))[1], A @ X, 1e-12, "jvp")
    assert_agree(cg.func.jacobian(apply)(X), A, 1e-12, "rows")
    assert_agree(cg.func.jacobian(apply, by="columns")(X), A, 1e-12, "columns")
    assert_agree(cg.func.hessian(lambda x: cg.sum(apply(x) ** 2) / 2)(X), A.T @ A, 1e-12, "hessian")


def test_on_every_library(backend):
    """A running sum, in the array API's own functions; its adjoint sums from the other end."""
    if backend.library == "dask.array":
        pytest.skip("dask.array's cumulative_sum knows no flip")
    xp = backend.namespace

    def running(x):
        raw = backend.raw_namespace
        return raw.cumulative_sum(x)

    def back(y):
        raw = backend.raw_namespace
        return raw.flip(raw.cumulative_sum(raw.flip(y)))

    apply = cg.func.linear_operator(running, back)
    x = backend.array(X)
    gradient = backend.compile(cg.func.grad(lambda x: xp.sum(apply(x) ** 2)))(x)
    assert backend.owns(gradient)
    assert_agree(backend.host(gradient), 2 * np.cumsum(np.cumsum(X)[::-1])[::-1], 1e-12, "gradient")
    if not backend.compiled:
        assert apply.dot_test(x) < 1e-12


def test_plain_arrays_stay_plain_and_tensors_record():
    apply = matrix(A)
    assert type(apply(X)) is np.ndarray
    x = cg.Tensor(X, requires_grad=True)
    y = apply(x)
    assert type(y) is cg.Tensor
    assert y.requires_grad
    assert not apply(cg.Tensor(X)).requires_grad
    cg.sum(y).backward()
    assert_agree(x.grad, A.sum(axis=0), 1e-12, "gradient")
    assert repr(apply) == "<linear operator matrix>"
    assert apply.adjoint.adjoint is apply


def test_an_error_of_the_users_function_says_whose():
    radon = cg.func.linear_operator(lambda x: A @ x, lambda y: A.T @ y[1:], name="radon")
    with pytest.raises(ValueError, match="matmul") as caught:
        radon(cg.Tensor(np.ones(4), requires_grad=True))
    assert caught.value.__notes__ == [
        "in the function of the linear operator radon",
        "in clumsygrad's linear_operator, operands of shape (4,)",
    ]
    with pytest.raises(ValueError, match="matmul") as caught:
        cg.sum(radon(cg.Tensor(X, requires_grad=True))).backward()
    assert caught.value.__notes__[0] == "in the function of the linear operator adjoint of radon"


def test_any_shapes():
    apply = cg.func.linear_operator(lambda x: x.sum(axis=1), lambda y: np.repeat(y[:, None], 5, axis=1))
    assert apply.dot_test((3, 5)) < 1e-12
    assert cg.gradcheck(lambda x: apply(x) ** 3, RANDOM.normal(size=(3, 5)))


def test_sparse_matrices():
    sparse = pytest.importorskip("scipy.sparse")
    S = sparse.random_array((30, 20), density=0.2, rng=np.random.default_rng(1)).tocsr()
    apply = cg.func.linear_operator(lambda x: S @ x, lambda y: S.T @ y)
    assert apply.dot_test((20,)) < 1e-12
    assert cg.gradcheck(lambda x: cg.sum(apply(x) ** 2), RANDOM.normal(size=20))


def test_dtypes_are_the_operands():
    x = X.astype(np.float32)
    gradient = cg.func.grad(lambda x: cg.sum(matrix(A)(x) ** 2))(x)
    assert gradient.dtype == np.float32
    assert matrix(A.astype(np.float32)).dot_test(x) < 1e-3


def test_the_dot_test_finds_what_is_no_adjoint():
    wrong = cg.func.linear_operator(lambda x: A @ x, lambda y: 2 * A.T @ y, name="wrong")
    with pytest.raises(ValueError, match=r"wrong: this is not its adjoint: .* it is 2 times the adjoint"):
        wrong.dot_test((3,))
    wrong = cg.func.linear_operator(lambda x: B @ x, lambda y: B.T @ y)
    with pytest.raises(ValueError, match="the transpose without the conjugate"):
        wrong.dot_test(Z)
    wrong = cg.func.linear_operator(lambda x: A @ x, lambda y: (1 + 1e-6) * A.T @ y)
    with pytest.raises(ValueError, match="not its adjoint"):
        wrong.dot_test((3,))
    assert wrong.dot_test((3,), tolerance=1e-4) > 1e-8
    affine = cg.func.linear_operator(lambda x: A @ x + 1e-3, lambda y: A.T @ y)
    with pytest.raises(ValueError, match="not"):
        affine.dot_test((3,))


def test_an_operator_that_is_not_linear():
    """The absolute value has itself for an adjoint of sorts at the point tried; the dot test looks at sums, too."""
    signs = []

    def forward(x):
        signs.append(np.sign(x))
        return np.abs(x)

    bent = cg.func.linear_operator(forward, lambda y: signs[0] * y, name="bent")
    with pytest.raises(ValueError, match="bent is not linear"):
        bent.dot_test((5,))


def test_check_tests_the_first_call_of_each_shape():
    calls = []

    def forward(x):
        calls.append(x.shape)
        return 2 * x

    apply = cg.func.linear_operator(forward, lambda y: 2 * y, check=True)
    apply(X)
    first = len(calls)
    apply(X)
    assert len(calls) == first + 1
    apply(np.zeros((2, 2)))
    assert len(calls) > first + 2
    wrong = cg.func.linear_operator(lambda x: A @ x, lambda y: -A.T @ y, check=True)
    with pytest.raises(ValueError, match="it is -1 times the adjoint"):
        wrong(X)


def test_what_an_operator_gives_is_checked():
    with pytest.raises(TypeError, match="matrix: it takes a floating array or a Tensor, got a list"):
        matrix(A)([1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match="matrix: it takes a floating array or a Tensor, got an array of dtype int64"):
        matrix(A)(np.asarray([1, 2, 3]))
    with pytest.raises(TypeError, match="to_list: it must return an array of numpy, as it was given; it returned a list"):
        cg.func.linear_operator(lambda x: list(x), lambda y: y, name="to_list")(X)
    with pytest.raises(TypeError, match="it returned dtype int64, which has no gradient"):
        cg.func.linear_operator(lambda x: np.asarray([1, 2]), lambda y: y)(X)
    short = cg.func.linear_operator(lambda x: A @ x, lambda y: y, name="short")
    with pytest.raises(ValueError, match=r"adjoint of short: its result must have the shape \(3,\) that the operator takes"):
        cg.func.grad(lambda x: cg.sum(short(x)))(X)


# Roots ------------------------------------------------------------------------------------------------------------------------------


def newton(residual, x, *params):
    """Newton's method in NumPy, with a matrix of differences: what a user may have."""
    for _ in range(60):
        r = residual(x, *params)
        J = np.stack([(residual(x + 1e-6 * e, *params) - r) / 1e-6 for e in np.eye(x.size)], axis=1)
        x = x - np.linalg.solve(J, r)
    return x


def coupled(x, a, b):
    """Three equations, each in all three unknowns. Written so that it takes NumPy's arrays and tensors."""
    return x**3 + x * a - b + 0.2 * x[0] * x[2]


ROOT = cg.func.implicit_root(coupled, lambda a, b: newton(coupled, np.zeros(3), a, b))
PARAMETERS = (np.asarray([2.0, 3.0, 4.0]), np.asarray([1.0, 2.0, 3.0]))


def test_roots_to_third_order():
    assert_agree(coupled(ROOT(*PARAMETERS), *PARAMETERS), np.zeros(3), 1e-12, "residual")
    assert cg.gradcheck(ROOT, *PARAMETERS, order=3)


def test_the_tape_and_every_transform():
    a, b = cg.Tensor(PARAMETERS[0], requires_grad=True), cg.Tensor(PARAMETERS[1], requires_grad=True)
    x = ROOT(a, b)
    cg.sum(x**2).backward()
    gradients = cg.func.grad(lambda *p: cg.sum(ROOT(*p) ** 2), argnums=(0, 1))(*PARAMETERS)
    assert_agree(a.grad, gradients[0], 1e-12, "a")
    assert_agree(b.grad, gradients[1], 1e-12, "b")
    rows = cg.func.jacobian(ROOT, argnums=1)(*PARAMETERS)
    columns = cg.func.jacobian(ROOT, argnums=1, by="columns")(*PARAMETERS)
    assert_agree(columns, rows, 1e-12, "columns")
    x = ROOT(*PARAMETERS)
    dr_dx = cg.func.jacobian(coupled)(x, *PARAMETERS)
    assert_agree(rows, np.linalg.inv(dr_dx), 1e-10, "the implicit function theorem")
    one = cg.Tensor(PARAMETERS[0], requires_grad=True)
    ROOT(one, PARAMETERS[1]).backward(np.ones(3))
    assert one.grad is not None


def test_the_solver_gets_plain_arrays_and_is_called_once():
    seen = []

    def solver(a):
        seen.append(type(a))
        return np.sqrt(a)

    root = cg.func.implicit_root(lambda x, a: x * x - a, solver)
    assert_agree(cg.func.grad(lambda a: cg.sum(root(a)))(np.asarray([4.0, 9.0])), [1 / 4, 1 / 6], 1e-12, "gradient")
    assert seen == [np.ndarray]
    assert type(root(np.asarray([4.0]))) is np.ndarray


def test_trees_of_parameters_and_solutions():
    def residual(x, p, scale):
        return {"u": x["u"] ** 3 + x["u"] * p["a"] - p["b"] + x["v"], "v": x["v"] - scale * cg.sum(x["u"]) * p["a"][0]}

    def solver(p, scale):
        def flat(v):
            r = residual({"u": v[:3], "v": v[3]}, p, scale)
            return np.concatenate([r["u"], np.reshape(r["v"], (1,))])

        v = newton(flat, np.zeros(4))
        return {"u": v[:3], "v": float(v[3])}

    root = cg.func.implicit_root(residual, solver)
    p = {"a": PARAMETERS[0], "b": PARAMETERS[1]}
    x = root(p, 0.1)
    assert x["u"].shape == (3,)
    assert x["v"].shape == ()
    assert cg.gradcheck(lambda p: root(p, 0.1), p)
    assert cg.gradcheck(lambda p, scale: root(p, scale)["v"], p, 0.1)


def test_complex_roots_also_where_the_residual_is_not_holomorphic():
    def solver(a):
        z = np.sqrt(a)
        for _ in range(100):
            z = np.sqrt(a - 0.1 * np.conj(z))
        return z

    root = cg.func.implicit_root(lambda z, a: z * z + 0.1 * cg.conj(z) - a, solver)
    assert cg.gradcheck(root, np.asarray([1.0 + 2.0j, 3.0 - 1.0j]))


def test_a_linear_solver_of_ones_own():
    linalg = pytest.importorskip("scipy.sparse.linalg")
    calls = []

    def gmres(matvec, b):
        calls.append(b.shape)
        solution, info = linalg.gmres(linalg.LinearOperator((b.size, b.size), matvec), b, rtol=1e-13, atol=0.0)
        assert info == 0
        return solution

    root = cg.func.implicit_root(coupled, lambda a, b: newton(coupled, np.zeros(3), a, b), linear_solver=gmres)
    assert cg.gradcheck(root, *PARAMETERS)
    assert set(calls) == {(3,)}


def test_roots_on_every_library(backend):
    """A fixed-point iteration in the array API's own functions, compiled where the backend compiles."""
    if backend.library == "dask.array":
        pytest.skip("dask.array has no solve of one vector")
    xp = backend.namespace

    def solver(a):
        x = a * 0.0
        for _ in range(60):
            x = backend.raw_namespace.cos(x * a)
        return x

    root = cg.func.implicit_root(lambda x, a: x - xp.cos(x * a), solver)
    a = np.asarray([0.3, 0.5, 0.7])
    gradient = backend.compile(cg.func.grad(lambda a: xp.sum(root(a) ** 2)))(backend.array(a))
    assert backend.owns(gradient)
    x = np.zeros(3)
    for _ in range(100):
        x = np.cos(x * a)
    slope = -np.sin(x * a) * x / (1 + np.sin(x * a) * a)
    assert_agree(backend.host(gradient), 2 * x * slope, 1e-10, "gradient")
    second = backend.compile(cg.func.hessian(lambda a: xp.sum(root(a) ** 2)))(backend.array(a))
    assert backend.host(second).shape == (3, 3)


def test_what_a_solver_gives_is_checked():
    def root(solver, residual=lambda x, a: x * x - a, **options):
        return cg.func.implicit_root(residual, solver, **options)

    a = np.asarray([4.0, 9.0])
    with pytest.raises(TypeError, match="the solver must return floating arrays, it returned a str"):
        root(lambda a: "no")(a)
    with pytest.raises(TypeError, match="the solver must return floating arrays, it returned an array of dtype int64"):
        root(lambda a: np.asarray([2, 3]))(a)
    with pytest.raises(TypeError, match="the solver must return a tree of arrays, it returned a NoneType"):
        root(lambda a: None)(a)
    with pytest.raises(ValueError, match=r"the residual has structure .* and shapes \[\(\)\], the solution .* \[\(2,\)\]"):
        cg.func.grad(lambda a: cg.sum(root(np.sqrt, lambda x, a: cg.sum(x))(a)))(a)
    with pytest.raises(ValueError, match=r"the linear solver returned shape \(1,\), for a vector of shape \(2,\)"):
        cg.func.grad(lambda a: cg.sum(root(np.sqrt, linear_solver=lambda product, b: b[:1])(a)))(a)


def test_a_solver_in_another_library_is_refused():
    pytest.importorskip("array_api_strict")
    a = cg.over("array_api_strict").asarray([4.0, 9.0])
    root = cg.func.implicit_root(lambda x, a: x * x - a, lambda a: np.asarray([2.0, 3.0]))
    with pytest.raises(
        TypeError, match="the solver returned an array of numpy, its parameters are of array_api_strict; nothing is moved"
    ):
        root(a)


def test_no_grad_and_detached_parameters():
    a = cg.Tensor(np.asarray([4.0, 9.0]), requires_grad=True)
    root = cg.func.implicit_root(lambda x, a: x * x - a, np.sqrt)
    with cg.no_grad():
        unrecorded = root(a)
    for x in (unrecorded, root(a.detach())):
        assert type(x) is cg.Tensor
        assert not x.requires_grad
    assert type(root(a.data)) is np.ndarray
