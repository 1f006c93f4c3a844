"""Every scenario of assignment.py equals its version without assignment: in value, gradient and second order, on every library."""

from __future__ import annotations

import inspect
import sys

import array_api_compat
import assignment
import numpy as np
import pytest

import clumsygrad as cg
from clumsygrad.tensor import next_id

LIBRARIES = ["numpy", "array_api_strict", "array_api_strict:device1", "torch", "jax"]
WITHOUT_JAX = LIBRARIES[:-1]  # which compiles each operation by itself, and is tried compiled as a whole instead


def array_of(values, library):
    """A float64 array of a library, given as its name or "name:device"."""
    name, _, device = library.partition(":")
    if name == "numpy":
        return np.array(values)
    if name == "array_api_strict":
        strict = pytest.importorskip("array_api_strict")
        return strict.asarray(np.array(values), device=strict.Device(device or "CPU_DEVICE"))
    if name == "torch":
        return pytest.importorskip("torch").asarray(np.array(values))
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    return jax.numpy.asarray(values)


def host(x):
    """The values of an array or Tensor of any library."""
    if isinstance(x, cg.Tensor):
        x = x.data
    if type(x).__module__.startswith("array_api_strict"):
        x = array_api_compat.to_device(x, pytest.importorskip("array_api_strict").Device("CPU_DEVICE"))
    return np.asarray(x)


def values_for(shape, seed):
    return np.random.default_rng(seed).uniform(0.4, 1.6, shape) * np.random.default_rng(seed + 100).choice([-1.0, 1.0], shape)


def loss_of(writing, xp, weights):
    """A scalar function of x and y, with second derivatives of its own, that weighs every element of what a writing gives."""

    def loss(x, y):
        z = writing(xp, x, y)
        w = cg.Tensor(weights[tuple(z.shape)])
        return xp.sum(z * w + 0.5 * z * z)

    return loss


class Weights(dict):
    """Random weights of each shape, in one library."""

    def __init__(self, library):
        super().__init__()
        self.library = library

    def __missing__(self, shape):
        self[shape] = array_of(values_for(shape, 7), self.library)
        return self[shape]


def agree(a, b):
    a, b = host(a), host(b)
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def first_order(loss):
    return cg.func.value_and_grad(loss, argnums=(0, 1))


def second_order(loss, directions):
    """The gradient of the gradient's products with fixed directions: a product with the whole Hessian."""

    def product(x, y):
        gx, gy = cg.func.grad(loss, argnums=(0, 1))(x, y)
        u, v = directions
        xp = gx.__array_namespace__()
        return xp.sum(gx * u) + xp.sum(gy * v)

    return cg.func.grad(product, argnums=(0, 1))


def setting(name, library):
    s = assignment.SCENARIOS[name]
    if library.startswith("array_api_strict") and s.mask_beside_slices:
        pytest.skip("the standard knows a mask as the only key")
    x, y = array_of(values_for(s.x, 1), library), array_of(values_for(s.y, 2), library)
    directions = array_of(values_for(s.x, 3), library), array_of(values_for(s.y, 4), library)
    xp = cg.over(library.partition(":")[0])
    weights = Weights(library)
    return x, y, directions, loss_of(s.assigned, xp, weights), loss_of(s.written, xp, weights)


def test_there_are_enough_scenarios_each_written_twice():
    assert len(assignment.SCENARIOS) >= 40
    assert all(s.written is not None for s in assignment.SCENARIOS.values())


@pytest.mark.parametrize("name", [s.name for s in assignment.SCENARIOS.values() if s.like_numpy])
def test_reads_as_numpy_reads(name):
    s = assignment.SCENARIOS[name]
    x, y = values_for(s.x, 1), values_for(s.y, 2)
    plain = s.assigned(array_api_compat.array_namespace(x), np.array(x), np.array(y))
    recorded = s.assigned(cg, cg.Tensor(x) + 0, cg.Tensor(y) + 0)
    agree(recorded, np.asarray(plain))
    np.testing.assert_array_equal(x, values_for(s.x, 1), err_msg="the array handed in was written")


@pytest.mark.parametrize("library", WITHOUT_JAX)
@pytest.mark.parametrize("name", assignment.SCENARIOS)
def test_value_and_derivatives_under_transforms(name, library):
    x, y, directions, assigned, written = setting(name, library)
    before = host(x).copy(), host(y).copy()
    value, gradients = first_order(assigned)(x, y)
    expected, expected_gradients = first_order(written)(x, y)
    agree(value, expected)
    for g, h, operand in zip(gradients, expected_gradients, (x, y), strict=True):
        agree(g, h)
        assert type(g) is type(operand)
        assert array_api_compat.device(g) == array_api_compat.device(operand)
    for g, h in zip(second_order(assigned, directions)(x, y), second_order(written, directions)(x, y), strict=True):
        agree(g, h)
    np.testing.assert_array_equal(host(x), before[0], err_msg="the array handed in was written")
    np.testing.assert_array_equal(host(y), before[1], err_msg="the array handed in was written")


def on_the_tape(loss, x, y, directions):
    """First and second order by two passes of backward; leaves are not assigned to, so the writings get copies of them."""
    leaves = cg.Tensor(x, requires_grad=True), cg.Tensor(y, requires_grad=True)
    xp = leaves[0].__array_namespace__()
    value = loss(leaves[0] + 0, leaves[1] + 0)
    value.backward(create_graph=True)
    first = [leaf.grad for leaf in leaves]
    total = sum(xp.sum(g * cg.Tensor(d)) for g, d in zip(first, directions, strict=True) if g is not None)
    for leaf in leaves:
        leaf.grad = None
    if total.requires_grad:
        total.backward()
    return value, [None if g is None else g.detach() for g in first], [leaf.grad for leaf in leaves]


@pytest.mark.parametrize("library", ["numpy", "array_api_strict:device1", "torch"])
@pytest.mark.parametrize("name", assignment.SCENARIOS)
def test_value_and_derivatives_on_the_tape(name, library):
    x, y, directions, assigned, written = setting(name, library)
    value, first, second = on_the_tape(assigned, x, y, directions)
    expected, expected_first, expected_second = on_the_tape(written, x, y, directions)
    agree(value, expected)
    for g, h, operand in zip(first + second, expected_first + expected_second, (x, y, x, y), strict=True):
        zeros = np.zeros(operand.shape)
        agree(zeros if g is None else g, zeros if h is None else h)


@pytest.mark.parametrize("name", assignment.SCENARIOS)
def test_value_and_derivatives_on_jax(name):
    """Under jit, where no shape depends on data; then all must have been done without one look at a value."""
    jax = pytest.importorskip("jax")
    x, y, directions, assigned, written = setting(name, "jax")

    def everything(x, y):
        return [(first_order(loss)(x, y), second_order(loss, directions)(x, y)) for loss in (assigned, written)]

    results = (jax.jit(everything) if assignment.SCENARIOS[name].jit else everything)(x, y)
    ((value, first), second), ((expected, expected_first), expected_second) = results
    agree(value, expected)
    for g, h in zip(first, expected_first, strict=True):
        agree(g, h)
    for g, h in zip(second, expected_second, strict=True):
        agree(g, h)


# Views ---------------------------------------------------------------------------------------------------------------------------

KEYS = [
    0,
    -1,
    np.int64(1),
    (1,),
    (0, slice(None)),
    (slice(None), 1),
    (0, 1),
    (0, 1, ...),
    (0, 1, None),
    ...,
    (0, [1]),
    [0, 1],
    True,
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_views_are_what_numpy_reads_as_views(key):
    array = np.zeros((2, 3))
    x = cg.Tensor(array)
    part, read = x[key], array[key]
    assert part.shape == read.shape
    part[...] = 1.0
    assert bool(cg.any(x > 0)) == (isinstance(read, np.ndarray) and np.shares_memory(read, array))


# Loops that write, each with the next state beside what it was; all of them read views that stay in the graph.


def rows(x, length):
    states = cg.zeros((length, *x.shape))
    states[0] = x
    for i in range(1, length):
        states[i, 1:] = states[i - 1, 1:] - 0.1 * states[i - 1, :-1]
        states[i, 0] = states[i - 1, 0]
    return states[-1]


def columns(x, length):
    states = cg.zeros((*x.shape, length))
    states[:, 0] = x
    for i in range(1, length):
        states[:, i] = cg.sin(states[:, i - 1])
    return states[:, -1]


def diffusion(x, length):
    u = x * 1.0
    for _ in range(length):
        u[1:-1] = u[1:-1] + 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2])
    return u


def leapfrog(x, length):
    electric, magnetic = x * 1.0, cg.zeros_like(x)[1:]
    for _ in range(length):
        magnetic += 0.5 * (electric[1:] - electric[:-1])
        electric[1:-1] += 0.5 * (magnetic[1:] - magnetic[:-1])
    return electric


def alternating(x, length):
    u = x[:, None] * x
    for _ in range(length):
        u = u.T
        u[1:-1] += 0.1 * (u[2:] - u[:-2])
    return u


def reversing(x, length):
    u = x * 1.0
    for _ in range(length):
        u = u[::-1]
        u *= 0.9
        u[0] += u[-1]
    return u


def reshaping(x, length):
    u = x * 1.0
    for _ in range(length):
        u = cg.reshape(cg.reshape(u, (2, -1)), (-1,))
        u[:2] = cg.sin(u[1:3])
    return u


LOOPS = [rows, columns, diffusion, leapfrog, alternating, reversing, reshaping]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_makes_as_many_tensors_for_each_step(loop):
    def made(length):
        start = next_id()
        cg.func.grad(lambda x: cg.sum(loop(x, length) ** 2))(np.asarray([1.0, 0.0, 2.0, -1.0, 0.5, 3.0]))
        return next_id() - start

    assert made(40) < 2.1 * made(20)


@pytest.mark.parametrize("loop", LOOPS)
def test_derivatives_of_a_loop(loop):
    assert cg.gradcheck(lambda x: loop(x, 7), np.asarray([1.0, 0.3, 2.0, -1.0, 0.5, 1.4]))


def test_views_of_views_need_no_recursion():
    def last(x):
        u = x * 1.0
        for _ in range(100):
            u = cg.expand_dims(u, 0)[0]
            u += 0.01
        return cg.sum(u)

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        value, gradient = cg.func.value_and_grad(last)(np.zeros(2))
    finally:
        sys.setrecursionlimit(limit)
    np.testing.assert_allclose(value, 2.0)
    assert list(gradient) == [1.0, 1.0]


def view_of_what_was_written():
    x = cg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 2
    y[0] = 1.0
    y[0] = 2.0
    return x, y, y[1:]


def test_a_view_that_was_read_before_may_retain_its_gradient():
    x, _, view = view_of_what_was_written()
    loss = cg.sum(view**2)
    view.retain_grad()
    loss.backward()
    assert list(view.grad) == [8.0, 12.0]
    assert list(x.grad) == [0.0, 16.0, 24.0]


def test_a_hook_on_a_view_that_was_read_before_is_called_and_stays_with_that_version():
    x, y, view = view_of_what_was_written()
    loss = cg.sum(view**2)
    view.register_hook(lambda g: 10 * g)
    y[1] = 5.0
    cg.sum(view).backward(retain_graph=True)
    assert list(x.grad) == [0.0, 0.0, 2.0]
    loss.backward()
    assert list(x.grad) == [0.0, 160.0, 242.0]


def test_a_hook_outlives_the_view_that_was_read():
    x, _, view = view_of_what_was_written()
    loss = cg.sum(view**2)
    view.register_hook(lambda g: 10 * g)
    del view
    loss.backward()
    assert list(x.grad) == [0.0, 160.0, 240.0]


def test_a_hook_stays_with_a_view_apart_from_what_is_written():
    x = cg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    y = x * 2
    first, second = y[0], y[1]
    seen = []
    first.register_hook(seen.append)
    second.register_hook(seen.append)
    y[1] = 0.0
    cg.sum(first * 3 + second).backward()
    assert [list(g) for g in seen] == [[3.0, 3.0]]


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4)])
def test_the_transpose_of_any_number_of_axes_is_a_view(shape):
    array = values_for(shape, 1)
    x = cg.Tensor(array, requires_grad=True)
    y = x * 2.0
    weights = values_for(shape[::-1], 2)
    cg.sum(y.T * weights).backward(retain_graph=True)
    np.testing.assert_array_equal(x.grad, 2.0 * weights.T)
    y.T[...] = weights
    np.testing.assert_array_equal(host(y), weights.T)


# Leaves -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_leaf_may_be_assigned_under_no_grad(library):
    array = array_of([1.0, 2.0, 3.0], library)
    x = cg.Tensor(array, requires_grad=True)
    view = x[:2]
    with cg.no_grad():
        x[0] = 5.0
        x += 1.0
    assert x.is_leaf
    assert x.requires_grad
    assert host(x).tolist() == [6.0, 3.0, 4.0]
    assert host(view).tolist() == [6.0, 3.0]
    assert host(array).tolist() == [1.0, 2.0, 3.0]
    xp = x.__array_namespace__()
    xp.sum(x * x).backward()
    assert host(x.grad).tolist() == [12.0, 6.0, 8.0]


def stepped_directly(x, values):
    with cg.no_grad():
        x[...] = values


def stepped_through_a_view(x, values):
    with cg.no_grad():
        x.T[1:][...] = values.T[1:]
        x[:, 0] = values[:, 0]


def stepped_by_its_data(x, values):
    x.data = values


@pytest.mark.parametrize("step", [stepped_directly, stepped_through_a_view, stepped_by_its_data])
def test_views_of_a_leaf_go_on_depending_on_it(step):
    x = cg.Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
    row = x[0]
    turned = row[1:][::-1]
    for values in (np.asarray([[7.0, 8.0, 9.0], [1.0, 1.0, 1.0]]), np.asarray([[2.0, 3.0, 4.0], [1.0, 1.0, 1.0]])):
        step(x, values)
        x.grad = None
        cg.sum(row * row + cg.concat([cg.zeros(1), turned]) ** 3).backward()
        np.testing.assert_array_equal(row.data, values[0])
        np.testing.assert_array_equal(x.grad[0], 2 * values[0] + [0.0, 3 * values[0, 1] ** 2, 3 * values[0, 2] ** 2])
        assert not x.grad[1].any()


def test_what_was_computed_from_a_view_before_the_leaf_changed_is_refused():
    x = cg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    view = x[1:]
    loss = cg.sum(view * view)
    stepped_directly(x, np.asarray([4.0, 5.0, 6.0]))
    with pytest.raises(RuntimeError, match="changed after the forward pass"):
        loss.backward()


def test_a_view_that_was_read_under_no_grad_stays_a_constant_until_it_is_written():
    x = cg.Tensor([0.0, 1.0, 2.0], requires_grad=True)
    with cg.no_grad():
        of_the_leaf = x[:2]
        x += 1.0
    assert of_the_leaf.tolist() == [1.0, 2.0]
    assert not of_the_leaf.requires_grad
    y = x * 2.0
    with cg.no_grad():
        view = y[:2]
        inner = view[1:]
    assert not view.requires_grad
    inner *= 3.0
    view[0] = x[2]
    assert host(y).tolist() == [3.0, 12.0, 6.0]
    cg.sum(y * y).backward()
    assert x.grad.tolist() == [0.0, 144.0, 30.0]


@pytest.mark.parametrize("library", LIBRARIES)
def test_data_of_a_leaf_may_be_replaced(library):
    x = cg.Tensor(array_of([1.0, 2.0], library), requires_grad=True)
    xp = x.__array_namespace__()
    xp.sum(x * x).backward()
    x.data = array_of([10.0, 20.0], library)
    x.grad = None
    xp.sum(x * x).backward()
    assert host(x.grad).tolist() == [20.0, 40.0]
    assert x.is_leaf


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_arrays_of_the_caller_are_never_written(library):
    array, value = array_of([1.0, 2.0, 3.0], library), array_of([7.0, 8.0], library)
    x = cg.Tensor(array)
    v = x[1:]
    v[:] = cg.Tensor(value)
    x[0] = 9.0
    v *= 2
    assert host(x).tolist() == [9.0, 14.0, 16.0]
    assert host(array).tolist() == [1.0, 2.0, 3.0]
    assert host(value).tolist() == [7.0, 8.0]


def test_an_argument_assigned_to_is_differentiated_at_the_version_handed_in():
    def f(x):
        before = cg.sum(x * x)
        x[0] = 100.0
        return before + cg.sum(x)

    x = np.asarray([1.0, 2.0])
    assert cg.func.grad(f)(x).tolist() == [2.0, 5.0]
    assert x.tolist() == [1.0, 2.0]


def test_an_argument_that_is_a_tensor_is_not_assigned_outside():
    x = cg.Tensor([1.0, 2.0])

    def f(x):
        x[0] = 100.0
        x += 1
        return cg.sum(x * x)

    assert cg.func.grad(f)(x).tolist() == [0.0, 6.0]
    assert host(x).tolist() == [1.0, 2.0]


def test_assigning_does_not_disturb_an_older_graph_that_reads_the_tensor():
    x = cg.Tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    z = cg.sum(y * y)
    y[0] = 0.0
    y *= 2
    z.backward()
    assert x.grad.tolist() == [18.0, 36.0]


def test_the_value_assigned_may_change_later():
    x = cg.Tensor([1.0, 2.0], requires_grad=True)
    value = x * 3
    buffer = cg.zeros(2)
    buffer[:] = value
    value[0] = 0.0
    assert host(buffer).tolist() == [3.0, 6.0]
    cg.sum(buffer * buffer).backward()
    assert x.grad.tolist() == [18.0, 36.0]


def test_narrower_values_are_cast_and_their_gradients_cast_back():
    v = cg.Tensor(np.asarray([2.0, 3.0], dtype=np.float32), requires_grad=True)
    buffer = cg.zeros(3)
    buffer[1:] = v
    assert buffer.dtype == np.float64
    cg.sum(buffer**2).backward()
    assert v.grad.dtype == np.float32
    assert v.grad.tolist() == [4.0, 6.0]


LISTS = [([2, 0, 2], 1), (slice(None), [1, 1]), ([0, 0], [1, 1]), ((1, 1), ...), [[0, 2], [0, 0]], [], [True, False, True]]


@pytest.mark.parametrize("library", ["numpy", "torch", "jax"])
@pytest.mark.parametrize("key", LISTS, ids=str)
def test_lists_are_read_and_written_as_numpy_does(key, library):
    """Also in the derivatives: a position that a list names twice is read twice, and keeps what was written last."""
    values = values_for((3, 2), 1)
    weights = values_for(values[key].shape, 2)
    x, w = (cg.Tensor(array_of(a, library), requires_grad=True) for a in (values, weights))
    xp = cg.over(library)
    xp.sum(x[key] * w).backward()
    expected = np.zeros_like(values)
    np.add.at(expected, key, weights)
    np.testing.assert_allclose(host(x.grad), expected, rtol=1e-15)
    z = x + 0
    z[key] = w
    written = np.array(values)
    written[key] = weights
    np.testing.assert_array_equal(host(z), written)
    w.grad = None
    xp.sum(z * z).backward()
    np.testing.assert_allclose(np.sum(host(w.grad) * weights), 2 * np.sum(weights**2 * (weights == written[key])), rtol=1e-14)


@pytest.mark.parametrize("mask", [[True, False, True], [[True, False]], [[[True]], [[False]]]])
def test_a_mask_of_another_shape_is_refused(mask):
    x = cg.Tensor(np.ones((2, 1)))
    with pytest.raises(IndexError):
        x[np.asarray(mask)] = 0.0
    assert x.shape == (2, 1)


@pytest.mark.parametrize("library", ["numpy", "torch"])  # the other libraries refuse it
def test_values_with_more_axes_than_what_they_are_written_to(library):
    y = cg.Tensor(array_of([[[2.0, 3.0, 4.0]]], library), requires_grad=True)
    xp = cg.over(library)
    buffer = xp.zeros((3, 3), dtype=xp.float64)
    buffer[0] = y
    buffer[1, 1:] = y[..., :1]
    buffer[:0, 1] = y[..., 1]
    buffer[xp.asarray([2, 2]), xp.asarray([0, 0])] = y[..., 2]
    xp.sum(buffer**2).backward()
    assert host(y.grad).tolist() == [[[12.0, 6.0, 16.0]]]


def test_complex_values_and_buffers():
    v = cg.Tensor(np.asarray([1.0 + 2.0j, 3.0]), requires_grad=True)
    buffer = cg.zeros(3, dtype=cg.complex128)
    buffer[:2] = v * 2
    cg.sum(cg.abs(buffer) ** 2).backward()
    np.testing.assert_allclose(v.grad, 8 * v.data, rtol=1e-14)


def test_iteration_gives_copies_that_record():
    x = cg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    total = 0.0
    for element in x:
        total = total + element * element
    total.backward()
    assert x.grad.tolist() == [2.0, 4.0, 6.0]


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_a_number_written_at_a_mask_keeps_the_dtype(library):
    x = cg.Tensor(array_of([1.0, 2.0, 3.0], library))
    integers = cg.over(library).astype(x, cg.over(library).int64)
    integers[x > 1] = 5.5
    assert integers.dtype == cg.over(library).int64
    assert host(integers).tolist() == [1, 5, 5]


def test_a_view_of_a_view_keeps_the_axis_that_none_made():
    y = cg.zeros(3)
    column = y[:, None][:2]
    y[:2] = cg.asarray([1.0, 2.0])
    assert column.tolist() == [[1], [2]]
    column[...] = cg.asarray([[5.0], [6.0]])
    element = y[-1, None]
    element[()] += 1
    assert y.tolist() == [5, 6, 1]
    x = cg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    seen = x[:, None][1:]
    x.data = np.asarray([1.0, 4.0, 9.0])
    assert seen.detach().tolist() == [[4], [9]]


@pytest.mark.parametrize("key", [0, slice(2), np.asarray([True, False, True]), [0, 1]])
def test_a_complex_number_is_not_assigned_to_reals(key):
    y = cg.zeros(3)
    with pytest.raises(TypeError, match="assignment of 1j to float64 would lose the imaginary part"):
        y[key] = 1j
    assert y.dtype == np.float64


@pytest.mark.parametrize("library", ["numpy", "array_api_strict", "torch", "jax"])
def test_numpys_arrays_as_keys_in_gradients_too(library):
    pytest.importorskip(library)
    i, mask = np.asarray([2, 0, 1, 2]), np.asarray([True, False, True, False])
    xp = cg.over(library)
    t = xp.asarray([0.0, 1.0, 2.0, 3.0]).data
    assert cg.Tensor(cg.func.grad(lambda t: cg.sum(t[i] ** 2))(t)).tolist() == [0, 2, 8, 0]
    assert cg.Tensor(cg.func.grad(lambda t: cg.sum(cg.scatter_add(t, i, (3,)) ** 2))(t)).tolist() == [6, 2, 4, 6]
    y = xp.zeros(4)
    y[mask] = 1.0
    assert y.tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize("library", ["numpy", "torch", "jax"])
def test_parts_of_complex_numbers_are_views(library):
    """And are assigned to by name, as NumPy's."""
    pytest.importorskip(library)
    xp = cg.over(library)

    def field(a, b):
        z = xp.zeros(3, dtype=xp.complex64)
        whole = z[:]
        z.real[:] = a
        z.imag[1:] = b[1:]
        z.imag += a
        np.real(z)[0] = 2 * b[0]
        z.real = z.real * 3
        return cg.sum(xp.abs(whole) ** 2), z

    a, b = [xp.asarray(x, dtype=xp.float32).data for x in ([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])]
    assert field(a, b)[1].tolist() == [24 + 1j, 6 + 7j, 9 + 9j]
    gradients = cg.func.grad(lambda a, b: field(a, b)[0], argnums=(0, 1))(a, b)
    assert [cg.Tensor(g).tolist() for g in gradients] == [[2, 36 + 14, 54 + 18], [288, 14, 18]]


def test_reals_have_a_real_part_alone():
    x = cg.asarray([1.0, 2.0])
    x.real[0] = 5.0
    x.real += 1.0
    assert x.tolist() == [6, 3]
    with pytest.raises(TypeError, match="imag: a tensor of dtype float64 has no imaginary part to assign to"):
        x.imag = 1.0


def test_data_of_another_shape_has_no_gradient_yet():
    x = cg.Tensor([1.0], requires_grad=True)
    cg.sum(x).backward()
    x.data = np.ones(4)
    assert x.grad is None
    cg.sum(x).backward()
    assert x.grad.tolist() == [1, 1, 1, 1]
