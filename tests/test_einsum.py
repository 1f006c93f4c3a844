"""einsum: equal to NumPy's, on every library, with right derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from checks import assert_agree, central_difference, directions_like, inner

import clumsygrad as cg
from clumsygrad.forward import einsum as einsum_module

ROWS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ab,bA->A", (2, 3), (3, 2)),
    ("ba", (2, 3)),
    ("bA", (2, 3)),
    ("ij->ji", (2, 3)),
    ("ij->", (2, 3)),
    ("->", ()),
    ("ii", (3, 3)),
    ("ii->i", (3, 3)),
    ("iii->i", (3, 3, 3)),
    ("iij->j", (3, 3, 2)),
    ("iijj->ij", (2, 2, 3, 3)),
    ("jiji->ij", (2, 3, 2, 3)),
    ("i,i", (3,), (3,)),
    ("i,j->ij", (2,), (3,)),
    ("ij,k->", (2, 3), (4,)),
    (",i->i", (), (3,)),
    ("ij,ji->", (2, 3), (3, 2)),
    ("ii,ij->j", (3, 3), (3, 2)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
    ("...", (2, 3)),
    ("...i,...i", (2, 3), (2, 3)),
    ("...ij,...jk->...ik", (5, 1, 2, 3), (4, 3, 2)),
    ("i...->...", (2, 3, 4)),
    ("a...a->...", (2, 3, 2)),
    ("i...j,j...k->...ik", (2, 5, 3), (3, 5, 4)),
    ("...,...", (2, 3), (3,)),
    ("i,i->i", (1,), (3,)),
    ("ij,jk->ik", (2, 1), (3, 4)),
    ("i,i", (0,), (0,)),
    ("ij,jk->ik", (0, 3), (3, 4)),
    ("ij,jk->ik", (2, 0), (0, 4)),
    ("ij,ik,il->jkl", (2, 3), (2, 4), (2, 5)),
    ("bij,bjk,bkl->bil", (2, 3, 4), (2, 4, 5), (2, 5, 2)),
    ("abc,cd,de,ef->abf", (2, 3, 4), (4, 5), (5, 3), (3, 2)),
    ("ij,ij,ij->i", (2, 3), (2, 1), (1, 3)),
    ("...ij,kj,...->...ik", (2, 3, 4), (5, 4), (2,)),
]


def arrays_of(shapes, dtype="float64"):
    random = np.random.default_rng(7)
    arrays = [random.uniform(-1, 1, shape) for shape in shapes]
    if dtype.startswith("complex"):
        arrays = [x + 1j * random.uniform(-1, 1, x.shape) for x in arrays]
    return [np.asarray(x, dtype=dtype) for x in arrays]


@pytest.fixture(params=[True, False], ids=["planned", "left to right"])
def planned(request, monkeypatch):
    """With opt_einsum, where it is installed, and without."""
    if request.param:
        pytest.importorskip("opt_einsum")
    else:
        monkeypatch.setattr(einsum_module, "_planner", lambda: None)
    einsum_module._path.cache_clear()
    yield request.param
    einsum_module._path.cache_clear()


@pytest.mark.parametrize(("subscripts", "shapes"), [(row[0], row[1:]) for row in ROWS], ids=str)
def test_equals_numpy(backend, subscripts, shapes):
    """Raw arrays in, raw arrays out; tensors in, a tensor out; and in both the values of numpy.einsum."""
    arrays = arrays_of(shapes)
    expected = np.einsum(subscripts, *arrays)
    raw = cg.einsum(subscripts, *[backend.array(x) for x in arrays])
    assert not isinstance(raw, cg.Tensor)
    assert_agree(backend.host(raw), expected, 1e-13, subscripts)
    tensor = backend.namespace.einsum(subscripts, *[cg.Tensor(backend.array(x), requires_grad=True) for x in arrays])
    assert tensor.requires_grad
    assert backend.owns(tensor.data)
    assert_agree(backend.host(tensor), expected, 1e-13, subscripts)


@pytest.mark.parametrize("dtype", ["float32", "complex64", "complex128", "int32", "int64"])
def test_keeps_the_dtype(backend, dtype):
    arrays = arrays_of([(2, 3), (3, 4)]) if "int" not in dtype else [np.ones((2, 3)), np.full((3, 4), 2)]
    arrays = arrays_of([(2, 3), (3, 4)], dtype) if "complex" in dtype else [x.astype(dtype) for x in arrays]
    for subscripts in ("ij,jk->ik", "ij,jk->i", "ij,jk->"):
        z = cg.einsum(subscripts, *[backend.array(x) for x in arrays])
        assert cg.xp.numpy_dtype(z.dtype) == dtype
        assert_agree(backend.host(z), np.einsum(subscripts, *arrays), 1e-5, subscripts)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize(("subscripts", "shapes"), [(row[0], row[1:]) for row in ROWS], ids=str)
def test_gradients(subscripts, shapes, dtype):
    """Of Re Σ conj(v) einsum(...), in every operand, against finite differences; einsum is linear in each, so a step of 0.1 does."""
    arrays = arrays_of(shapes, dtype)
    leaves = [cg.Tensor(x, requires_grad=True) for x in arrays]
    z = cg.einsum(subscripts, *leaves)
    (v,) = directions_like([z.detach().numpy()], seed=1)
    z.backward(v)
    directions = directions_like(arrays, seed=2)

    def loss(t):
        return inner([v], [np.einsum(subscripts, *[x + t * d for x, d in zip(arrays, directions, strict=True)])])

    assert all(leaf.grad.dtype == x.dtype and leaf.grad.shape == x.shape for leaf, x in zip(leaves, arrays, strict=True))
    assert_agree(inner([leaf.grad for leaf in leaves], directions), central_difference(loss, 0.1), 1e-11, subscripts)


def test_gradients_on_every_backend(backend):
    """Σ einsum(...)² has NumPy's gradient everywhere, on the backend's own library and device."""
    arrays = arrays_of([(3, 3, 2), (2, 4), (4, 2)])
    gradients = []
    for convert in (np.asarray, backend.array):
        leaves = [cg.Tensor(convert(x), requires_grad=True) for x in arrays]
        cg.sum(cg.einsum("iij,jk,kj->i", *leaves) ** 2).backward()
        gradients.append([leaf.grad for leaf in leaves])
    for expected, g in zip(*gradients, strict=True):
        assert backend.owns(g)
        assert_agree(backend.host(g), expected, 1e-12, "gradient")


def test_second_order():
    """The gradient of x·(A x) is (A + Aᵀ) x, and its derivative along v is (A + Aᵀ) v."""
    a, x, v = arrays_of([(3, 3), (3,), (3,)])

    def slope(x):
        return cg.sum(cg.func.grad(lambda x: cg.einsum("i,ij,j->", x, a, x))(x) * v)

    assert_agree(cg.func.grad(slope)(x), (a + a.T) @ v, 1e-13, "second order")


@pytest.mark.parametrize(("subscripts", "shapes"), [(row[0], row[1:]) for row in ROWS if len(row) > 3], ids=str)
def test_many_operands(planned, subscripts, shapes):
    """In opt_einsum's order and from left to right: the same values and gradients."""
    arrays = arrays_of(shapes)
    leaves = [cg.Tensor(x, requires_grad=True) for x in arrays]
    z = cg.einsum(subscripts, *leaves)
    assert_agree(z.detach().numpy(), np.einsum(subscripts, *arrays), 1e-13, subscripts)
    cg.sum(z).backward()
    for i, leaf in enumerate(leaves):
        (d,) = directions_like([arrays[i]], seed=3)
        moved = [*arrays[:i], d, *arrays[i + 1 :]]
        assert_agree(inner([leaf.grad], [d]), np.sum(np.einsum(subscripts, *moved)), 1e-12, subscripts)


def test_follows_the_cheap_order(monkeypatch):
    """(matrix · matrix) · vector as matrix · (matrix · vector): no product of more than n² multiplications."""
    pytest.importorskip("opt_einsum")
    seen = []

    def spy(x, y):
        seen.append((x.shape, y.shape))
        return cg.matmul(x, y)

    monkeypatch.setattr(einsum_module, "matmul", spy)
    cg.einsum("ij,jk,k->i", np.ones((50, 50)), np.ones((50, 50)), np.ones(50))
    assert len(seen) == 2
    assert all(1 in x or 1 in y for x, y in seen)


def test_mixed_constants_and_tensors():
    x, y = arrays_of([(2, 3), (3, 4)])
    leaf = cg.Tensor(x, requires_grad=True)
    cg.sum(cg.einsum("ij,jk->ik", leaf, y)).backward()
    assert_agree(leaf.grad, np.broadcast_to(np.sum(y, axis=1), (2, 3)), 1e-14, "gradient")


@pytest.mark.parametrize(
    ("subscripts", "shapes", "message"),
    [
        ("ij,jk->ik", [(2, 3), (4, 5)], "'j' has the lengths 3 and 4"),
        ("ii->i", [(2, 3)], "axes of 2 and 3|lengths 2 and 3"),
        ("ij->k", [(2, 3)], "output must have letters of the operands"),
        ("ij->ii", [(2, 3)], "each of them once"),
        ("i", [(2, 3)], "names 1 axes of an operand that has 2"),
        ("ij", [(2,)], "names 2 axes of an operand that has 1"),
        ("...ij", [(2,)], "names 2 axes of an operand that has 1"),
        ("i,j", [(2,)], "for 2 operands, 1 were given"),
        ("i1", [(2, 3)], "may have letters"),
        ("...i...", [(2, 3)], "may have letters"),
        ("...i,...i", [(2, 3), (4, 3)], "axis -1 of the ellipsis has the lengths 2 and 4"),
    ],
)
def test_refuses(subscripts, shapes, message):
    with pytest.raises(ValueError, match=message):
        cg.einsum(subscripts, *[np.ones(shape) for shape in shapes])
