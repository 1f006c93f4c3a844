"""The tape: what backward() leaves where, how often, and to whom the arrays belong."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import clumsygrad as cg


def leaf(values, dtype=None):
    return cg.Tensor(np.asarray(values, dtype=dtype), requires_grad=True)


# Passes -------------------------------------------------------------------------------------------------------------------------


def test_gradients_add_up_over_passes_until_they_are_cleared():
    x = leaf([1.0, 2.0])
    for count in (1, 2, 3):
        cg.sum(x * x).backward()
        assert x.grad.tolist() == [2.0 * count, 4.0 * count]
    x.grad = None
    assert x.grad is None
    cg.sum(x * x).backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_a_given_gradient_weighs_the_elements():
    x = leaf([1.0, 2.0, 3.0])
    (x * x).backward(np.asarray([1.0, 0.0, -1.0]))
    assert x.grad.tolist() == [2.0, 0.0, -6.0]


def test_a_narrower_gradient_of_the_same_kind_is_cast():
    x = leaf([1.0, 2.0])
    (x * x).backward(np.asarray([1.0, 1.0], dtype=np.float32))
    assert x.grad.dtype == np.float64
    y = leaf([1.0, 2.0], np.float32)
    (y * y).backward(np.asarray([1.0, 1.0]))
    assert y.grad.dtype == np.float32


def test_a_tensor_may_be_the_gradient():
    x = leaf([1.0, 2.0])
    (x * x).backward(cg.Tensor([1.0, 3.0]))
    assert type(x.grad) is np.ndarray
    assert x.grad.tolist() == [2.0, 12.0]


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_one_element_needs_no_gradient(shape):
    x = leaf(np.full(shape, 3.0))
    (x * x).backward()
    assert x.grad.shape == shape
    assert x.grad == 6.0


def test_backward_of_a_leaf_itself():
    x = leaf(3.0)
    x.backward()
    x.backward()
    assert x.grad == 2.0


def test_a_retained_graph_passes_again_and_again():
    x = leaf([1.0, 2.0])
    y = cg.sum(cg.exp(x) * x)
    y.backward(retain_graph=True)
    once = x.grad.copy()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_allclose(x.grad, 3 * once, rtol=1e-15)
    with pytest.raises(RuntimeError, match="released"):
        y.backward()


def test_two_losses_over_one_retained_part():
    x = leaf([1.0, 2.0])
    shared = x * x
    cg.sum(shared).backward(retain_graph=True)
    cg.sum(shared * 3).backward()
    assert x.grad.tolist() == [8.0, 16.0]


def test_diamonds_and_many_uses_are_counted_once_each():
    x = leaf([1.0, 2.0])
    a = x * 2
    b, c = a * a, a + 1
    d = b * c
    cg.sum(d + b + c + d).backward()
    # 2(4x²)(2x + 1) + 4x² + 2x + 1
    np.testing.assert_allclose(x.grad, 48 * x.data**2 + 24 * x.data + 2, rtol=1e-14)


def test_a_node_used_a_thousand_times():
    x = leaf(1.5)
    y = x * x
    total = y * 0
    for i in range(1000):
        total = total + y * float(i % 3)
    total.backward()
    np.testing.assert_allclose(x.grad, 2 * 1.5 * sum(i % 3 for i in range(1000)), rtol=1e-12)


def test_a_graph_of_exponentially_many_paths_is_passed_in_linear_time():
    x = leaf(1.0)
    y = x
    for _ in range(200):
        y = (y + y) * 0.5
    y.backward()
    assert x.grad == 1.0


def test_one_operand_twice():
    x = leaf([1.0, 2.0, 3.0])
    cg.sum(x * x + (x - x) + x / x).backward()
    np.testing.assert_allclose(x.grad, [2.0, 4.0, 6.0], atol=1e-15)
    m = leaf([[1.0, 2.0], [3.0, 4.0]])
    cg.sum(m @ m).backward()
    np.testing.assert_allclose(m.grad, np.ones((2, 2)) @ m.data.T + m.data.T @ np.ones((2, 2)))


def test_create_graph_gives_third_derivatives():
    x = leaf([0.3, 0.7])
    cg.sum(cg.sin(x)).backward(create_graph=True)
    first = x.grad
    assert type(first) is cg.Tensor
    np.testing.assert_allclose(first.data, np.cos(x.data), rtol=1e-14)
    x.grad = None
    cg.sum(first).backward(create_graph=True)
    second = x.grad
    np.testing.assert_allclose(second.data, -np.sin(x.data), rtol=1e-14)
    x.grad = None
    cg.sum(second).backward()
    assert type(x.grad) is np.ndarray
    np.testing.assert_allclose(x.grad, -np.cos(x.data), rtol=1e-14)


def test_create_graph_mixes_leaves():
    x, y = leaf(2.0), leaf(3.0)
    (x**2 * y**3).backward(create_graph=True)
    gx = x.grad
    x.grad = y.grad = None
    gx.backward()
    np.testing.assert_allclose([x.grad, y.grad], [2 * 27.0, 2 * 2.0 * 27.0])


def test_a_gradient_penalty():
    w = leaf([1.0, -2.0])
    x = leaf([3.0, 0.5])
    cg.sum(cg.tanh(w * x)).backward(create_graph=True)
    penalty = cg.sum(x.grad * x.grad)
    w.grad = x.grad = None
    penalty.backward()

    def by_hand(w):
        return np.sum((w * (1 - np.tanh(w * x.data) ** 2)) ** 2)

    steps = np.eye(2) * 1e-6
    np.testing.assert_allclose(w.grad, [(by_hand(w.data + h) - by_hand(w.data - h)) / 2e-6 for h in steps], rtol=1e-7)


def test_accumulating_a_raw_gradient_after_a_recorded_one():
    x = leaf([1.0, 2.0])
    cg.sum(x**3).backward(create_graph=True)
    cg.sum(x).backward()
    assert [float(g) for g in cg.Tensor(x.grad).data] == [4.0, 13.0]


def test_retain_grad_keeps_the_gradient_of_what_was_computed():
    x = leaf([1.0, 2.0])
    y, z = x * 3, x + 1
    y.retain_grad()
    cg.sum(y * y + z).backward()
    assert y.grad.tolist() == [6.0, 12.0]
    assert z.grad is None
    assert x.grad.tolist() == [19.0, 37.0]


def test_retain_grad_of_the_root_and_of_a_leaf():
    x = leaf([1.0])
    x.retain_grad()
    y = cg.sum(x * 2)
    y.retain_grad()
    y.backward()
    assert y.grad == 1.0
    assert x.grad.tolist() == [2.0]


# Modes and leaves -----------------------------------------------------------------------------------------------------------------


def test_no_grad_as_context_and_decorator():
    x = leaf([1.0])

    @cg.no_grad()
    def f(x):
        """Its own docstring."""
        return x * 2

    with cg.no_grad():
        y = x * 2
        with cg.no_grad():
            pass
        z = x * 3
    assert not y.requires_grad
    assert not z.requires_grad
    assert y.is_leaf
    assert not f(x).requires_grad
    assert f.__doc__ == "Its own docstring."
    assert (x * 2).requires_grad


def test_one_no_grad_object_may_be_entered_again():
    mode = cg.no_grad()
    x = leaf([1.0])
    with mode, mode:
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad


def test_no_grad_ends_with_an_exception():
    with pytest.raises(KeyError), cg.no_grad():
        raise KeyError
    assert (leaf([1.0]) * 2).requires_grad


def test_detach_cuts_the_graph():
    x = leaf([1.0, 2.0])
    y = x * 2
    cg.sum(y.detach() * x).backward()
    assert x.grad.tolist() == [2.0, 4.0]
    assert y.detach().data is y.data
    assert not y.detach().requires_grad


def test_requires_grad_can_be_switched_on_a_leaf():
    x = cg.Tensor([1.0, 2.0])
    assert not (x * 2).requires_grad
    x.requires_grad = True
    cg.sum(x * x).backward()
    assert x.grad.tolist() == [2.0, 4.0]
    x.requires_grad = False
    assert not (x * 2).requires_grad


def test_constants_record_nothing():
    y = cg.exp(cg.Tensor([1.0])) * 2
    assert y.is_leaf
    assert not y.requires_grad


def test_integers_and_truth_values_are_not_differentiated():
    x = leaf([3.0, 1.0, 2.0])
    for result in (x > 1, cg.argmax(x), cg.argsort(x), cg.astype(x, cg.int64), x == x):
        assert not result.requires_grad


# Whose array it is ----------------------------------------------------------------------------------------------------------------


def gradients_of_sums():
    x, y, z = leaf([1.0, 2.0]), leaf([3.0, 4.0]), leaf([5.0, 6.0])
    seed = np.asarray([1.0, 1.0])
    (x + y + z + x).backward(seed)
    return seed, x, y, z


def test_every_leaf_has_a_gradient_array_of_its_own():
    seed, x, y, z = gradients_of_sums()
    arrays = [seed, x.grad, y.grad, z.grad]
    for i, a in enumerate(arrays):
        for b in arrays[:i]:
            assert not np.shares_memory(a, b)
    x.grad[0] = 100.0
    y.grad *= 7
    assert seed.tolist() == [1.0, 1.0]
    assert z.grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "operation",
    [
        lambda x: x * 1 + 0,
        lambda x: +x,
        lambda x: cg.reshape(x, (4,)),
        lambda x: x.T,
        lambda x: cg.flip(x),
        lambda x: x[:1],
        lambda x: cg.broadcast_to(x, (3, 2, 2)),
        lambda x: cg.concat([x, x]),
        lambda x: cg.sum(x),
        lambda x: cg.astype(x, cg.float64, copy=True),
    ],
)
def test_gradients_can_be_written_and_are_neither_the_seed_nor_the_data(operation):
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    y = operation(x)
    seed = np.ones(y.shape)
    y.backward(seed)
    assert not np.shares_memory(x.grad, seed)
    assert not np.shares_memory(x.grad, x.data)
    assert x.grad.base is None
    x.grad[...] = 9.0
    assert np.all(seed == 1.0)


@pytest.mark.parametrize(
    "loss",
    [lambda x, c: cg.tensordot(x, c, axes=2), lambda x, c: cg.reshape(x, (4,)) @ np.reshape(c, (4,))],
    ids=["tensordot", "matmul"],
)
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_the_gradient_of_a_loss_that_is_a_product_is_not_the_constant_itself(loss, scale):
    x, c = leaf([[1.0, 2.0], [3.0, 4.0]]), np.arange(4.0).reshape(2, 2)
    (scale * loss(x, c)).backward()
    assert np.array_equal(x.grad, scale * c)
    assert not np.shares_memory(x.grad, c)
    assert not np.shares_memory(cg.func.grad(loss)(x.data, c), c)
    hooked = []
    y = x * 1.0
    y.register_hook(lambda g: hooked.append(g))
    y.retain_grad()
    loss(y, c).backward()
    assert not np.shares_memory(y.grad, c)
    assert np.array_equal(hooked[0], c)


def test_the_second_pass_does_not_write_into_a_gradient_taken_before():
    x = leaf([1.0, 2.0])
    cg.sum(x * x).backward()
    taken = x.grad
    cg.sum(x * x).backward()
    assert taken.tolist() == [2.0, 4.0]
    assert x.grad.tolist() == [4.0, 8.0]


def test_shared_views_of_one_gradient_are_told_apart():
    x, y = leaf([[1.0, 2.0]]), leaf([1.0, 2.0])
    (cg.reshape(x, (2,)) + y).backward(np.ones(2))
    assert not np.shares_memory(x.grad, y.grad)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_gradients_have_the_shape_and_dtype_of_the_data(dtype):
    x, y = leaf(np.ones((2, 3)), dtype), leaf(np.ones(3), dtype)
    cg.sum(cg.abs(x * y + 2.0)).backward()
    assert (x.grad.dtype, y.grad.dtype) == (x.dtype, y.dtype)
    assert (x.grad.shape, y.grad.shape) == ((2, 3), (3,))


def test_tensors_of_no_dimension_hand_out_arrays():
    x = leaf(2.0)
    y = x * x
    s = cg.sum(leaf([1.0, 2.0]))
    y.retain_grad()
    y.backward()
    for array in (x.data, y.data, s.data, x.grad, y.grad, y.detach().data, y.detach().numpy()):
        assert type(array) is np.ndarray
        assert array.shape == ()
    assert x.shape == y.shape == ()
    assert (x.ndim, x.size) == (0, 1)
    x.grad[...] = 5.0


def test_the_array_is_held_as_it_is():
    array = np.arange(6.0, dtype=np.float32)[::2]
    assert cg.Tensor(array).data is array
    x = cg.Tensor(array)
    assert cg.Tensor(x).data is array
    assert cg.Tensor(array, dtype=np.float64).dtype == np.float64
    assert array.dtype == np.float32


# Beside plain arrays ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "gradient"),
    [
        (lambda a, x: a * x, [5.0, 7.0]),
        (lambda a, x: x * a, [5.0, 7.0]),
        (lambda a, x: a + x, [1.0, 1.0]),
        (lambda a, x: a - x, [-1.0, -1.0]),
        (lambda a, x: x / a, [0.2, 1 / 7.0]),
        (lambda a, x: a @ x, [5.0, 7.0]),
        (lambda a, x: np.float64(2) * x, [2.0, 2.0]),
        (lambda a, x: x - np.float32(2), [1.0, 1.0]),
        (lambda a, x: np.float64(2) - x, [-1.0, -1.0]),
        (lambda a, x: 2 / x, [-2.0, -0.5]),
        (lambda a, x: 2**x, [2 * np.log(2), 4 * np.log(2)]),
        (lambda a, x: True * x, [1.0, 1.0]),
    ],
)
def test_arrays_and_scalars_on_either_side(expression, gradient):
    a, x = np.asarray([5.0, 7.0]), leaf([1.0, 2.0])
    y = expression(a, x)
    assert type(y) is cg.Tensor
    assert y.dtype == np.float64
    cg.sum(y).backward()
    np.testing.assert_allclose(x.grad, gradient, rtol=1e-14)


@pytest.mark.parametrize("library", ["numpy", "array_api_strict", "torch", "jax"])
def test_numbers_among_the_tensors_that_are_stacked(library):
    """They take the library of the tensors, and a dtype that holds both; the dtype of floating tensors stays."""
    pytest.importorskip(library)
    xp = cg.over(library)
    x = xp.asarray(2.0, dtype=xp.float32)
    x.requires_grad = True
    z = xp.stack([1.0, x, 3, x * x])
    assert z.dtype == xp.float32
    assert [float(value) for value in z.detach()] == [1.0, 2.0, 3.0, 4.0]
    xp.sum(z * z).backward()
    assert float(x.grad) == 2 * 2.0 + 4 * 2.0**3
    assert xp.stack([xp.asarray(2), 1]).dtype == xp.asarray(2).dtype
    assert xp.isdtype(xp.stack([x, 1j]).dtype, "complex floating")


def test_numpy_scalars_beside_narrow_tensors():
    x = leaf([1.0, 2.0], np.float32)
    for y in (2.0 * x, x * 2, x + True, 2 - x):
        assert y.dtype == np.float32


def test_real_and_complex_operands():
    x, z = leaf([1.0, 2.0]), leaf([1.0 + 1.0j, 2.0])
    cg.sum(cg.real(x * z * 1j)).backward()
    assert x.grad.dtype == np.float64
    np.testing.assert_allclose(x.grad, -np.imag(z.data))
    np.testing.assert_allclose(z.grad, -1j * x.data)


def test_comparisons_are_elementwise_and_hashing_is_by_identity():
    x, y = leaf([1.0, 2.0]), leaf([1.0, 3.0])
    assert (x == y).data.tolist() == [True, False]
    assert (x != y).data.tolist() == [False, True]
    assert len({x, y, x}) == 2
    assert {x: "x", y: "y"}[y] == "y"


# As a Python object -----------------------------------------------------------------------------------------------------------------


def test_repr_and_format():
    assert repr(cg.Tensor([1.0, 2.0])) == "Tensor(array([1., 2.]))"
    assert repr(leaf(2.0)) == "Tensor(array(2.), requires_grad=True)"
    assert f"{leaf(2.0) * 1.5:.2f}" == "3.00"
    assert f"{cg.Tensor(1.0)}" == "Tensor(array(1.))"


def test_length_iteration_and_containers():
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    rows = list(x)
    assert len(x) == len(rows) == 2
    assert [r.shape for r in rows] == [(2,), (2,)]
    first, second = x
    cg.sum(first * second).backward()
    assert x.grad.tolist() == [[3.0, 4.0], [1.0, 2.0]]


@pytest.mark.parametrize("duplicate", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy, copy.copy])
def test_a_copy_of_a_leaf_is_a_leaf_of_its_own(duplicate):
    x = leaf([1.0, 2.0])
    cg.sum(x * 2).backward()
    again = duplicate(x)
    assert again.requires_grad
    assert again.is_leaf
    assert again.grad is None
    cg.sum(again * again).backward()
    assert again.grad.tolist() == [2.0, 4.0]
    assert x.grad.tolist() == [2.0, 2.0]


def test_what_was_computed_is_pickled_as_a_constant():
    again = pickle.loads(pickle.dumps(leaf([1.0, 2.0]) * 2))
    assert not again.requires_grad
    assert again.data.tolist() == [2.0, 4.0]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, copy.copy])
def test_a_copy_of_what_was_computed_stays_in_the_graph(duplicate):
    x = leaf([1.0, 2.0])
    y = x * 2
    again = duplicate(y)
    again[0] = 5.0
    assert y.data.tolist() == [2.0, 4.0]
    cg.sum(again * again).backward()
    assert x.grad.tolist() == [0.0, 16.0]
    assert cg.func.grad(lambda x: cg.sum(duplicate(x) ** 2))(np.asarray([1.0, 2.0])).tolist() == [2.0, 4.0]
    with cg.no_grad():
        assert not duplicate(y).requires_grad


def test_deepcopy_keeps_shared_tensors_shared_and_arrays_apart():
    x = leaf([1.0, 2.0])
    a, b = copy.deepcopy([x, x])
    assert a is b
    assert not np.shares_memory(a.data, x.data)


def test_tensors_of_no_dimension_are_copied_too():
    for x in (leaf(2.0), leaf(2.0) * 2):
        assert pickle.loads(pickle.dumps(x)).data == x.data
        assert copy.deepcopy(x).data == x.data


def test_the_tensor_has_no_room_for_stray_attributes():
    with pytest.raises(AttributeError):
        leaf(1.0).gradient = 1.0


def test_index_and_bool():
    assert [10, 20, 30][cg.Tensor(1)] == 20
    assert bool(leaf(2.0) > 1)
    with pytest.raises(ValueError, match="ambiguous"):
        bool(leaf([1.0, 2.0]))
    with pytest.raises(TypeError):
        [10, 20][leaf(1.0)]
