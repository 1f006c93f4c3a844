"""NumPy's functions of positions, and partitions: values as NumPy has them, on every library."""

from __future__ import annotations

import numpy as np
import pytest

import clumsygrad as cg


def matches(found, expected, backend):
    if isinstance(expected, tuple):
        assert type(found) is tuple
        assert len(found) == len(expected)
        for part, other in zip(found, expected, strict=True):
            matches(part, other, backend)
        return
    assert type(found) is cg.Tensor
    assert backend.owns(found.data)
    assert not found.requires_grad
    np.testing.assert_array_equal(backend.host(found.data), expected)


POSITIONS = [
    (lambda x: np.unravel_index(np.argmax(x), x.shape), [[1.0, 3.0], [9.0, 1.0]]),
    (lambda x: np.unravel_index(np.argsort(x), (2, 2)), [4.0, 1.0, 3.0, 2.0]),
    (lambda x: np.unravel_index(np.argsort(x), (2, 2), order="F"), [4.0, 1.0, 3.0, 2.0]),
    (lambda x: np.unravel_index(np.argmax(x), 4), [4.0, 1.0, 3.0, 2.0]),
    (lambda x: np.ravel_multi_index((np.argmax(x, axis=1), [0, 1]), (3, 2)), [[1.0, 3.0, 2.0], [9.0, 1.0, 0.0]]),
    (lambda x: np.ravel_multi_index((np.argmax(x), 1), (4, 2), order="F"), [1.0, 3.0, 2.0]),
    (lambda x: np.ravel_multi_index((np.argsort(x), -1), (2, 2), mode=("wrap", "clip")), [4.0, 1.0, 3.0, 2.0]),
    (lambda x: np.ix_(np.argsort(x), [0, 2]), [3.0, 1.0, 2.0]),
    (lambda x: np.sort(np.argpartition(x, 2)[:2]), [5.0, 1.0, 4.0, 2.0, 3.0]),
    (lambda x: np.argpartition(x, (0, -1), axis=None)[0], [[5.0, 1.0], [4.0, 2.0]]),
    (lambda x: np.argpartition(x, np.argmax(x)), [1.0, 2.0]),
]

ORDERS = [
    (lambda x: np.lexsort((x[:, 1], x[:, 0])), [[1.0, 2.0], [0.0, 5.0], [1.0, 1.0], [0.0, 4.0]]),
    (lambda x: np.lexsort((x[:, 1], x[:, 0] > 0)), [[1.0, 2.0], [0.0, 5.0], [1.0, 1.0], [0.0, 4.0]]),
    (lambda x: np.lexsort((x, -x), axis=0), [[1.0, 2.0, 1.0], [3.0, 1.0, 1.0]]),
    (lambda x: np.lexsort(x), [[1.0, 2.0, 1.0], [3.0, 1.0, 1.0]]),
]


@pytest.mark.parametrize(("function", "values"), ORDERS)
def test_orders_by_several_keys(function, values, backend):
    if "gather" in backend.lacks:
        pytest.skip(backend.lacks["gather"])
    test_positions(function, values, backend)


@pytest.mark.parametrize(("function", "values"), POSITIONS)
def test_positions(function, values, backend):
    values = np.asarray(values)
    matches(function(cg.Tensor(backend.array(values), requires_grad=True)), function(values), backend)


def test_rows_are_named_by_truth_values_too(backend):
    if "masks" in backend.lacks:
        pytest.skip(backend.lacks["masks"])
    values = np.asarray([3.0, 1.0, 2.0])
    x = cg.Tensor(backend.array(values))
    matches(np.ix_([True, False], x > 1, np.argsort(x), []), np.ix_([True, False], values > 1, np.argsort(values), []), backend)


def test_neighbours_are_differentiated_where_they_are_found():
    x = cg.Tensor([4.0, 1.0, 3.0, 2.0], requires_grad=True)
    nearest = np.argpartition((x - 2.6) ** 2, 2)[:2]
    cg.sum(x[nearest] ** 2).backward()
    assert x.grad.tolist() == [0.0, 0.0, 6.0, 4.0]
    assert np.partition(x, 1)[1].item() == 2.0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: np.unravel_index(x, (2, 3)), TypeError, "only int|must be integers, they are of"),
        (lambda x: np.ravel_multi_index((x, x), (2, 3)), TypeError, "only int|must be integers, they are of"),
        (lambda x: np.ravel_multi_index((np.argsort(x), 1, 2), (2, 3)), ValueError, "must be a sequence of length 2"),
        (lambda x: np.unravel_index(np.argsort(x), (2, 3), order="K"), (ValueError, TypeError), "order"),
        (lambda x: np.ix_([[0]], np.argsort(x)), ValueError, "Cross index must be 1 dimensional"),
        (lambda x: np.argpartition(x, 3), ValueError, r"kth\(=3\) out of bounds \(3\)"),
        (lambda x: np.partition(x, 1.5), TypeError, "kth must be integers, it is of float64"),
        (lambda x: np.partition(x, 1, order="name"), ValueError, r"order='name' .* has no fields"),
    ],
)
def test_what_is_no_position(call, error, message, backend):
    with pytest.raises(error, match=message):
        call(cg.Tensor(backend.array(np.asarray([3.0, 1.0, 2.0])), requires_grad=True))
