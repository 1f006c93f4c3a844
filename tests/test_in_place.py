"""NumPy's functions that write into an array: into Tensors as into arrays, with derivatives; into arrays what has no gradient to lose.

Their derivatives on every library are rows of numpy_functions.py.
"""

from __future__ import annotations

import numpy as np
import pytest
from backends import NUMPY

import clumsygrad as cg

MATRIX, TALL, WIDE, VECTOR = np.zeros((3, 3)), np.zeros((5, 2)), np.zeros((2, 4)), np.arange(4.0)
WHOLE = np.zeros((2, 2), dtype=np.int64)

CALLS = [
    (MATRIX, lambda a: np.fill_diagonal(a, np.inf)),
    (MATRIX, lambda a: np.fill_diagonal(a, [1, 2])),
    (MATRIX, lambda a: np.fill_diagonal(a, [[1, 2], [3, 4]])),
    (MATRIX, lambda a: np.fill_diagonal(a, [])),
    (TALL, lambda a: np.fill_diagonal(a, [1, 2, 3], wrap=True)),
    (TALL, lambda a: np.fill_diagonal(a, 7)),
    (WIDE, lambda a: np.fill_diagonal(a, 7)),
    (WIDE, lambda a: np.fill_diagonal(a, 7, True)),
    (np.zeros((2, 2, 2, 2)), lambda a: np.fill_diagonal(a, [7, 8, 9])),
    (WHOLE, lambda a: np.fill_diagonal(a, 2.7)),
    (MATRIX.astype(np.float32), lambda a: np.fill_diagonal(a, np.asarray([1.5, 2.5]).tolist())),
    (VECTOR, lambda a: np.fill_diagonal(a, 1)),
    (np.zeros((2, 2, 3)), lambda a: np.fill_diagonal(a, 1)),
    (VECTOR, lambda a: np.copyto(a, [[5.0, 6.0, 7.0, 8.0]])),
    (VECTOR, lambda a: np.copyto(a, a[::-1])),
    (VECTOR, lambda a: np.copyto(a, a, where=[True, False, True, False])),
    (VECTOR, lambda a: np.copyto(a, [5, 6, 7, 8], where=[True, False, True, False])),
    (MATRIX, lambda a: np.copyto(a, [5, 6, 7], where=[[1], [0], [2]])),
    (MATRIX, lambda a: np.copyto(a, 5, where=False)),
    (VECTOR, lambda a: np.copyto(a, [[1.0] * 4] * 2)),
    (VECTOR, lambda a: np.copyto(a, 1.0, where=[[True], [False]])),
    (VECTOR, lambda a: np.copyto(a, 1j)),
    (WHOLE, lambda a: np.copyto(a, 2.5)),
    (WHOLE, lambda a: np.copyto(a, 2.5, casting="unsafe")),
    (VECTOR.astype(np.float32), lambda a: np.copyto(a, 2.5, casting="safe")),
    (VECTOR, lambda a: np.put(a, [0, 2, -1], [7, 8])),
    (VECTOR, lambda a: np.put(a, [0, 0], [7, 8])),
    (VECTOR, lambda a: np.put(a, [[0, 1], [2, 3]], [5, 6, 7, 8, 9])),
    (VECTOR, lambda a: np.put(a, [True, False], [7, 8])),
    (VECTOR, lambda a: np.put(a, [], [7])),
    (VECTOR, lambda a: np.put(a, [0], [])),
    (VECTOR, lambda a: np.put(a, [9, -1], [7, 8], mode="wrap")),
    (VECTOR, lambda a: np.put(a, [9, -9], [7, 8], mode="clip")),
    (VECTOR, lambda a: np.put(a, [0], 1, mode="none")),
    (MATRIX, lambda a: np.put(a, 4, 1)),
    (VECTOR, lambda a: np.putmask(a, a > 0, [7, 8])),
    (VECTOR, lambda a: np.putmask(a, [0, 2, 0, 1.5], 9)),
    (VECTOR, lambda a: np.putmask(a, [[True, False], [True, True]], [5, 6, 7])),
    (VECTOR, lambda a: np.putmask(a, [True] * 4, [])),
    (VECTOR, lambda a: np.putmask(a, [True, False], 1)),
    (VECTOR, lambda a: np.place(a, a > 0, [7, 8])),
    (VECTOR, lambda a: np.place(a, [0, 1, 1.5, 0], 9)),
    (VECTOR, lambda a: np.place(a, [False] * 4, [])),
    (VECTOR, lambda a: np.place(a, [True] * 4, [])),
    (VECTOR, lambda a: np.place(a, [True, False], 1)),
    (VECTOR, lambda a: np.add.at(a, [0, 0, 3], [7, 8, 9])),
    (VECTOR, lambda a: np.add.at(a, slice(0, 2), 1)),
    (VECTOR, lambda a: np.add.at(a, 1, 2)),
    (MATRIX, lambda a: np.subtract.at(a, [1, 1], [1.0, 2.0, 3.0])),
    (WHOLE, lambda a: np.add.at(a, [0, 0], 2)),
    (VECTOR, lambda a: np.add.at(a, [0], [1.0, 2.0])),
    (VECTOR, lambda a: np.add.at(a, [0])),
]

AT_GRIDS = [
    (VECTOR, lambda a: np.add.at(a, [[0, 1], [0, 0]], [[1.0], [2.0]])),
    (MATRIX, lambda a: np.add.at(a, ([0, 0], [1, 1]), a[:2, 0] + 3)),
]


def outcome(call, a):
    """What a call returns, or the type of what it raises; and what it leaves in a."""
    try:
        found = call(a)
    except (TypeError, ValueError) as error:
        return type(error), None
    return found, a


@pytest.mark.parametrize(("values", "call"), CALLS)
def test_what_numpy_writes_is_written(values, call, backend):
    expected, written = outcome(call, values.copy())
    x = cg.Tensor(backend.array(values))
    found, y = outcome(call, x)
    assert found is expected
    if written is not None:
        assert y is x
        assert backend.owns(x.data)
        np.testing.assert_array_equal(backend.host(x.data), written)
        assert backend.host(x.data).dtype == written.dtype


@pytest.mark.parametrize(("values", "call"), AT_GRIDS)
def test_what_numpy_writes_at_keys_of_several_axes_is_written(values, call, backend):
    if "grids" in backend.lacks:
        pytest.skip(backend.lacks["grids"])
    test_what_numpy_writes_is_written(values, call, backend)


INDICES = [
    (MATRIX, [[0], [2], [1]], 9.0, 1),
    (MATRIX, [[0]], [[1.0, 2.0, 3.0]], 0),
    (MATRIX, [[2, 0, 1]], [[5.0, 6.0, 7.0]], -2),
    (MATRIX, [0, 8], [5.0, 6.0], None),
    (MATRIX, [0], 5.0, 1),
    *([(MATRIX, [0, 8, 4], [5.0, 6.0], None)] if NUMPY >= (2, 1) else []),  # which NumPy 2.0 took
]


@pytest.mark.parametrize(("values", "indices", "written", "axis"), INDICES)
def test_put_along_axis(values, indices, written, axis, backend):
    if "grids" in backend.lacks:
        pytest.skip(backend.lacks["grids"])

    def call(a):
        given = np.asarray(indices)
        return np.put_along_axis(a, given if type(a) is np.ndarray else cg.Tensor(backend.array(given)), written, axis)

    expected, left = outcome(call, values.copy())
    found, x = outcome(call, cg.Tensor(backend.array(values)))
    assert found is expected
    assert left is None or np.array_equal(backend.host(x.data), left)


def test_a_coulomb_sum_is_written_as_with_arrays():
    def energy(places):
        distances = np.sqrt(np.sum((places[:, None, :] - places[None, :, :]) ** 2, axis=-1) + np.eye(len(places)))
        np.fill_diagonal(distances, np.inf)
        return np.sum(1.0 / distances) / 2

    places = np.asarray([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    gradient = cg.func.grad(energy)(places)
    apart = places[:, None] - places
    away = np.sqrt((apart**2).sum(-1) + np.eye(3))
    expected = -(apart / away[..., None] ** 3).sum(1)
    assert energy(places) == 1 / 3 + 1 / 4 + 1 / 5
    np.testing.assert_allclose(gradient, expected, rtol=1e-12)


def test_views_are_written_through():
    x = cg.Tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], requires_grad=True)
    y = x * 1.0
    np.fill_diagonal(np.reshape(y, (2, 3)).T, 0.0)
    np.add.at(y[3:], [0, 0], x[:2])
    assert y.detach().tolist() == [0.0, 2.0, 3.0, 7.0, 0.0, 6.0]
    cg.sum(y * y).backward()
    assert x.grad.tolist() == [14.0, 18.0, 6.0, 14.0, 0.0, 12.0]


def test_a_leaf_is_written_under_no_grad_alone():
    x = cg.Tensor(np.ones((2, 2)), requires_grad=True)
    for call in (lambda: np.fill_diagonal(x, 0.0), lambda: np.copyto(x, 0.0), lambda: np.add.at(x, [0], 1.0)):
        with pytest.raises(RuntimeError, match="a leaf that requires a gradient was assigned to"):
            call()
    with cg.no_grad():
        np.fill_diagonal(x, 0.0)
    assert x.data.tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert x.requires_grad


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("copyto", lambda a, t: np.copyto(a, t)),
        ("copyto", lambda a, t: np.copyto(a, t, where=[True, False, True])),
        ("put", lambda a, t: np.put(a, [0], t)),
        ("putmask", lambda a, t: np.putmask(a, t > 0, t)),
        ("place", lambda a, t: np.place(a, t > 0, t)),
        ("put_along_axis", lambda a, t: np.put_along_axis(a, np.argsort(t), t, 0)),
        ("add.at", lambda a, t: np.add.at(a, [0], t[0])),
        ("subtract.at", lambda a, t: np.subtract.at(a, [0], t[0])),
    ],
)
def test_a_plain_array_holds_no_graph(name, call):
    a, t = np.asarray([2.0, 3.0, 4.0]), cg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    with pytest.raises(TypeError, match=rf"numpy\.{name}: a tensor that requires a gradient .* clumsygrad\.asarray\(y\)"):
        call(a, t)
    assert a.tolist() == [2.0, 3.0, 4.0]


def test_a_plain_array_takes_what_has_no_gradient(backend):
    a, t = np.asarray([2.0, 3.0, 4.0]), cg.Tensor(backend.array(np.asarray([1.0, 5.0, 3.0])), requires_grad=True)
    np.put(a, np.argmax(t), 0.0)
    assert a.tolist() == [2.0, 0.0, 4.0]
    np.copyto(a, t.detach(), where=t > 2)
    assert a.tolist() == [2.0, 5.0, 3.0]
    np.add.at(a, np.argsort(t)[:1], t.detach()[:1])
    assert a.tolist() == [3.0, 5.0, 3.0]


def test_what_the_dtype_cannot_hold_is_refused():
    x = cg.Tensor([1.0, 2.0], requires_grad=True)
    y = cg.Tensor(np.asarray([1, 2]))
    with pytest.raises(TypeError, match="would lose the fraction, and its gradient"):
        np.put(y, [0], x)
    with pytest.raises(TypeError, match="would lose the imaginary part"):
        np.fill_diagonal(cg.zeros((2, 2)), 1j * x)
    with pytest.raises(IndexError, match=r"numpy\.put: the indices must be integers, they are of float64"):
        np.put(x * 1.0, [0.5], 1.0)


@pytest.mark.parametrize("name", ["multiply", "maximum", "negative", "exp"])
def test_other_ufuncs_say_what_to_write(name):
    y = cg.Tensor([1.0, 2.0], requires_grad=True) * 1.0
    operands = () if name in ("negative", "exp") else (2.0,)
    with pytest.raises(TypeError, match=rf"numpy\.{name}\.at: .* it is there for add and subtract; .* assign: x\[key\] = "):
        getattr(np, name).at(y, [0], *operands)
