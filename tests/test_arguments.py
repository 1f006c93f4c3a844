"""Arguments as users of NumPy write them: axes, shapes and indices in every form work both ways, or are refused at once.

A form is an int, an integer of NumPy's, a list, a tuple, an array. What of them is taken has the value and the gradients, recorded
ones too, of the first form of its row; what is refused is refused at once, not in a backward pass.
"""

from __future__ import annotations

import numpy as np
import pytest
from checks import assert_agree

import clumsygrad as cg

A, INT = np.asarray, np.int64


def one(k):
    """An integer, and the ways to write it."""
    return [k, INT(k), A(k)]


def few(*k):
    """Integers, and the ways to write them."""
    return [k, list(k), A(k), tuple(map(INT, k)), [A(n) for n in k]]


def single(k):
    """One integer, or a sequence of it."""
    return one(k) + few(k)


def listed(values):
    """Indices: an array of the backend's library (which a call makes of the string), and the lists that say the same."""
    return [("array", values), values, tuple(values) if isinstance(values, list) else INT(values)]


def given(backend, form):
    if type(form) is tuple and form and form[0] == "array":
        return backend.array(A(form[1]))
    return form


def row(shape, function, *forms):
    return shape, function, forms


X = (2, 3)
REDUCTIONS = ("sum", "mean", "prod", "max", "min", "var", "std", "logsumexp")

# The shape of a tensor, a function of the namespace, the tensor and a form, and lists of forms that all say the same.
ROWS = {
    **{name: row(X, lambda xp, x, a, name=name: getattr(xp, name)(x, axis=a), one(1), one(-1), few(0, 1)) for name in REDUCTIONS},
    **{
        f"{name}, kept": row(X, lambda xp, x, a, name=name: getattr(xp, name)(x, axis=a, keepdims=True), single(0), few(1, 0))
        for name in REDUCTIONS
    },
    "median": row(X, lambda xp, x, a: xp.median(x, axis=a), one(1)),
    "std, correction": row(X, lambda xp, x, a: xp.std(x, axis=1, correction=a), [*one(1), 1.0, [1], (1,)]),
    "var, correction": row(X, lambda xp, x, a: xp.var(x, axis=1, correction=a), [*one(1), 1.0, [1], (1,)]),
    "cumulative_sum": row(X, lambda xp, x, a: xp.cumulative_sum(x, axis=a), single(1), one(-2)),
    "cumulative_prod": row(X, lambda xp, x, a: xp.cumulative_prod(x, axis=a), single(1), one(-2)),
    "sort": row(X, lambda xp, x, a: xp.sort(x, axis=a), single(1), one(-2), [None]),
    "sort, descending": row(X, lambda xp, x, a: xp.sort(x, axis=a, descending=True), one(0), [None]),
    "flip": row(X, lambda xp, x, a: xp.flip(x, axis=a), one(1), few(0, 1), [None]),
    "diff": row(X, lambda xp, x, a: xp.diff(x, axis=a), single(1), one(-2)),
    "unstack": row(X, lambda xp, x, a: xp.unstack(x, axis=a)[1], single(1), one(-2)),
    "stack": row(X, lambda xp, x, a: xp.stack([x, x * 2], axis=a), single(1), one(-1)),
    "concat": row(X, lambda xp, x, a: xp.concat([x, x * 2], axis=a), single(1), one(-1), [None]),
    "expand_dims": row(X, lambda xp, x, a: xp.expand_dims(x, axis=a), single(1), few(0, 2), few(-1, 0)),
    "squeeze": row((1, 3, 1), lambda xp, x, a: xp.squeeze(x, axis=a), single(0), one(-1), few(0, 2)),
    "permute_dims": row((2, 3, 2), lambda xp, x, a: xp.permute_dims(x, a), few(2, 0, 1)),
    "moveaxis": row((2, 3, 2), lambda xp, x, a: xp.moveaxis(x, a, 1), one(0), one(-1)),
    "moveaxis, to": row((2, 3, 2), lambda xp, x, a: xp.moveaxis(x, 0, a), one(2), one(-2)),
    "moveaxis, several": row((2, 3, 2), lambda xp, x, a: xp.moveaxis(x, a, (1, 0)), few(0, 2), few(-1, 1)),
    "reshape": row(X, lambda xp, x, a: xp.reshape(x, a), few(3, 2), few(-1, 2), few(6)),
    "broadcast_to": row((3,), lambda xp, x, a: xp.broadcast_to(x, a), few(2, 3), few(3)),
    "roll": row(X, lambda xp, x, a: xp.roll(x, a), single(1), single(-2)),
    "roll along": row(X, lambda xp, x, a: xp.roll(x, 1, axis=a), single(1), one(-2)),
    "roll by": row(X, lambda xp, x, a: xp.roll(x, a, axis=(0, 1)), few(1, 2)),
    "roll along several": row(X, lambda xp, x, a: xp.roll(x, (1, 2), axis=a), few(0, 1)),
    "repeat": row(X, lambda xp, x, a: xp.repeat(x, a), [2, [2], (2,)], listed([1, 2, 0, 1, 2, 3])),
    "repeat along": row(X, lambda xp, x, a: xp.repeat(x, [1, 0], axis=a), one(0), one(-2)),
    "repeat by": row(X, lambda xp, x, a: xp.repeat(x, a, axis=1), [2, [2], (2,)], listed([1, 2, 0])),
    "tile": row(X, lambda xp, x, a: xp.tile(x, a), single(2), few(2, 1), few(2, 1, 3), [(), []]),
    "tril": row((3, 3), lambda xp, x, a: xp.tril(x, k=a), one(1), one(-1)),
    "triu": row((3, 3), lambda xp, x, a: xp.triu(x, k=a), one(1), one(-1)),
    "take": row((3,), lambda xp, x, a: xp.take(x, a), listed([0, 2, 2]), listed([[0, 1], [2, 2]]), listed(1)),
    "take, flat": row((3, 2), lambda xp, x, a: xp.take(x, a), listed([0, 5, 5]), listed([[0, 1], [5, 5]]), listed(4)),
    "take along 0": row((3, 2), lambda xp, x, a: xp.take(x, a, axis=0), listed([0, 2, 2]), listed([[0, 1], [2, 2]]), listed(1)),
    "take along 1": row(X, lambda xp, x, a: xp.take(x, a, axis=1), listed([0, 2, 2]), listed([[0, 1], [2, 2]]), listed(1)),
    "take in the middle": row((2, 3, 2), lambda xp, x, a: xp.take(x, a, axis=1), listed([0, 2]), listed([[0, 1]] * 3), listed(1)),
    "take along": row((3, 3), lambda xp, x, a: xp.take(x, [0, 2, 2], axis=a), one(1), one(-2), [None]),
    "where": row((3,), lambda xp, x, a: xp.where(x > 1, x, a), [("array", [1.0, 2.0, 3.0]), [1.0, 2.0, 3.0], (1.0, 2.0, 3.0)]),
    "assign": row((3,), lambda xp, x, a: xp.assign(x, slice(0, 2), a), [("array", [1.0, 2.0]), [1.0, 2.0], (1.0, 2.0)]),
    "tensordot": row((3, 3), lambda xp, x, a: xp.tensordot(x, x * 2, axes=a), one(1), one(0), one(2)),
    "tensordot, pairs": row(
        (3, 3),
        lambda xp, x, a: xp.tensordot(x, x * 2, axes=a),
        [((1,), (1,)), *few(1, 1), *few(-1, -1), ([1], 1), [[1], [1]], A([[1], [1]])],
        [((0, 1), (1, 0)), [[0, 1], [1, 0]], A([[0, 1], [1, 0]])],
    ),
    "vecdot": row(X, lambda xp, x, a: xp.vecdot(x, x * 2, axis=a), one(-1)),
    "vector_norm": row(X, lambda xp, x, a: xp.linalg.vector_norm(x, axis=a), single(1), few(0, 1)),
    "diagonal": row((3, 3), lambda xp, x, a: xp.linalg.diagonal(x, offset=a), one(1), one(-1)),
    "trace": row((3, 3), lambda xp, x, a: xp.linalg.trace(x, offset=a), one(1), one(-1)),
    "matrix_power": row((3, 3), lambda xp, x, a: xp.linalg.matrix_power(x, a), one(2)),
    "softmax": row(X, lambda xp, x, a: xp.nn.softmax(x, axis=a), single(1), one(-2)),
    "log_softmax": row(X, lambda xp, x, a: xp.nn.log_softmax(x, axis=a), single(1), one(-2)),
    "layer_norm": row(X, lambda xp, x, a: xp.nn.layer_norm(x, axis=a), single(1), few(0, 1)),
    "rfft": row(X, lambda xp, x, a: xp.imag(xp.fft.rfft(x, axis=a)), one(1), one(-2)),
    "rfft, to": row(X, lambda xp, x, a: xp.imag(xp.fft.rfft(x, n=a)), one(2), one(5)),
    "rfftn": row(X, lambda xp, x, a: xp.imag(xp.fft.rfftn(x, axes=a)), few(1), few(0, 1)),
    "rfftn, to": row(X, lambda xp, x, a: xp.imag(xp.fft.rfftn(x, s=a, axes=(0, 1))), few(3, 5)),
    "irfftn": row(X, lambda xp, x, a: xp.fft.irfftn(x * (1 + 1j), axes=a), few(0, 1)),
    "fftshift": row(X, lambda xp, x, a: xp.fft.fftshift(x, axes=a), single(1), few(0, 1), [None]),
}  # fmt: skip
# Rows of which every library takes every form.
TAKEN = {
    "moveaxis", "moveaxis, to", "moveaxis, several", "reshape", "broadcast_to", "roll", "roll along", "roll by",
    "roll along several",
    "repeat", "repeat along", "repeat by", "tile", "take", "take, flat", "take along 0", "take along 1", "take in the middle",
    "take along", "assign", "tensordot", "tensordot, pairs", "expand_dims", "squeeze", "flip",
}  # fmt: skip


def numbers(shape):
    return np.random.default_rng(1).uniform(0.5, 1.5, shape)


def value_and_gradients(backend, function, x, form):
    """The value, the gradient of a weighted sum of its squares, and that of a weighted sum of this gradient."""
    xp = backend.namespace
    x = cg.Tensor(backend.array(x), requires_grad=True)
    z = function(xp, x, form)
    xp.sum(z * z * backend.array(numbers(z.shape))).backward(create_graph=True)
    first, x.grad = x.grad, None
    xp.sum(first * first * backend.array(numbers(x.shape))).backward()
    return [backend.host(a) for a in (z, first, x.grad)]


@pytest.mark.parametrize("name", ROWS)
def test_forms_agree_forward_and_backward_or_are_refused_at_once(backend, name):
    if backend.compiled or backend.library == "dask.array" or (name.startswith("repeat") and "repeats" in backend.lacks):
        pytest.skip("shapes depend on what is given; and dask.array lacks what gradients of reading need")
    shape, function, groups = ROWS[name]
    for forms in groups:
        expected = None
        for form in [given(backend, form) for form in forms]:
            try:
                function(backend.namespace, cg.Tensor(backend.array(numbers(shape))), form)
            except Exception as error:
                if name in TAKEN:
                    raise AssertionError(f"{name} refuses {form!r}") from error
                continue
            found = value_and_gradients(backend, function, numbers(shape), form)
            expected = expected or found
            for a, b, what in zip(found, expected, ("value", "gradient", "gradient of the gradient"), strict=True):
                assert_agree(a, b, 1e-13, f"{name}, {form!r}, {what}")
        assert expected is not None, f"{name}: every form is refused"


@pytest.mark.parametrize("name", ROWS)
def test_gradients_of_the_first_form_are_those_of_differences(name):
    shape, function, groups = ROWS[name]
    for forms in groups:
        form = A(forms[0][1]) if type(forms[0]) is tuple and forms[0][:1] == ("array",) else forms[0]
        cg.gradcheck(lambda x, form=form: function(cg, x, form), numbers(shape), order=2)


# An array in the place of a sequence of arrays


SEQUENCES = {
    "stack": lambda xp, x: xp.stack(x),
    "stack along 1": lambda xp, x: xp.stack(x, axis=1),
    "stack along the last": lambda xp, x: xp.stack(x, axis=-1),
    "concat": lambda xp, x: xp.concat(x),
    "concat along 1": lambda xp, x: xp.concat(x, axis=1),
    "concat, flat": lambda xp, x: xp.concat(x, axis=None),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_an_array_is_the_sequence_of_its_slices(backend, name):
    def of_slices(xp, x, _):
        return SEQUENCES[name](xp, [x[i, ...] for i in range(3)])

    def of_array(xp, x, _):
        return SEQUENCES[name](xp, x)

    x = numbers((3, 2, 2))
    if backend.compiled or backend.library == "dask.array":
        pytest.skip("nothing is compiled here, and dask.array cannot assign")
    expected = value_and_gradients(backend, of_slices, x, None)
    for a, b in zip(value_and_gradients(backend, of_array, x, None), expected, strict=True):
        assert_agree(a, b, 1e-13, name)
    plain = SEQUENCES[name](backend.namespace, backend.array(x))
    assert_agree(backend.host(plain), expected[0], 1e-13, f"{name} of a plain array")


def test_an_array_with_no_axis_is_no_sequence():
    for function in (cg.stack, cg.concat):
        with pytest.raises(ValueError, match="it must be a list of arrays"):
            function(cg.asarray(1.0))


def test_other_functions_of_several_arrays_take_one_as_numpy_does():
    x = cg.Tensor(numbers((3,)), requires_grad=True)
    assert cg.linalg.multi_dot(cg.Tensor(numbers((4, 2, 2)))).shape == (2, 2)
    assert [z.shape for z in (*cg.broadcast_arrays(x), *cg.meshgrid(x), cg.einsum("i", x))] == [(3,)] * 3
    with pytest.raises(ValueError, match="cannot reshape"):
        cg.meshgrid(cg.Tensor(numbers(X)))


@pytest.mark.parametrize("which", ["x1", "x2"])
def test_where_refuses_a_list(which):
    x = cg.Tensor(numbers((3,)), requires_grad=True)
    with pytest.raises(TypeError, match=f"{which} is a list; it must be an array, a Tensor or a number"):
        cg.where(x > 1, *([[1.0, 2.0, 3.0], x] if which == "x1" else [x, [1.0, 2.0, 3.0]]))


def test_a_list_is_assigned_as_numpy_assigns_it():
    x = cg.Tensor(np.ones(4, "float32"), requires_grad=True)
    y = x * 2
    y[1:3] = [5.0, 7.0]
    cg.sum(y * y).backward()
    assert y.detach().tolist() == [2.0, 5.0, 7.0, 2.0]
    assert x.grad.tolist() == [8.0, 0.0, 0.0, 8.0]
    with pytest.raises(RuntimeError, match="stack"):
        y[1:3] = [y[0], y[1]]


def test_an_axis_is_not_written_into():
    axis = A(-1)
    cg.func.grad(lambda x: cg.sum(cg.concat([x, x], axis=axis)))(numbers(X))
    assert axis == -1


@pytest.mark.parametrize("name", ["tril", "triu"])
def test_a_triangle_of_a_vector(name):
    """Of a vector NumPy makes the triangle of a matrix with that in each row; the standard speaks of matrices alone."""
    triangle = getattr(cg, name)
    assert np.array_equal(cg.func.grad(lambda x: cg.sum(triangle(x) ** 2) / 2)(np.ones(3)), getattr(np, name)(np.ones(3)).sum(0))
    assert cg.gradcheck(triangle, np.asarray([1.0, 2.0, 3.0]))


@pytest.mark.parametrize("ord", [np.float64(3), INT(3), np.float64(2), np.float32(0.5), A(3.0)])
def test_a_norms_ord_of_numpys_promotes_no_gradient(ord):
    x = A([1.0, 2.0], np.float32)
    g = cg.func.grad(lambda x: cg.linalg.vector_norm(x, ord=ord))(x)
    assert g.dtype == np.float32
    assert_agree(g, cg.func.grad(lambda x: cg.linalg.vector_norm(x, ord=float(ord)))(x), 1e-6, "ord")


def test_an_operand_by_keyword_beside_plain_arrays():
    m = cg.Tensor(A([0.5]), requires_grad=True)
    cg.sum(cg.clip(A([1.0]), max=m)).backward()
    assert m.grad.tolist() == [1]
    assert cg.nn.embedding(np.eye(3), indices=cg.Tensor(A([1, 2]))).shape == (2, 3)
    assert cg.loss.mae_loss(0.0, cg.Tensor([1.0, 2.0])).item() == 1.5


def test_plain_operands_of_two_dtypes_are_solved_in_the_wider():
    a, b = np.random.default_rng(0).standard_normal((2, 64, 64))
    np.testing.assert_allclose(cg.linalg.solve(a, a + 1j * b), np.linalg.solve(a, a + 1j * b), atol=1e-9)
    assert cg.linalg.solve(a.astype(np.float32), b).dtype == np.float64


def test_axes_and_sizes_of_layers():
    x = cg.Tensor(np.random.default_rng(0).standard_normal((2, 3, 4, 4)), requires_grad=True)
    for axis in ([2, 3], (INT(2), INT(3)), A([2, 3])):
        assert_agree(
            cg.nn.layer_norm(x, axis=axis).detach().data, cg.nn.layer_norm(x, axis=(2, 3)).detach().data, 1e-15, "layer_norm"
        )
        cg.sum(cg.nn.layer_norm(x, axis=axis) ** 3).backward()
    for size in (INT(2), A(2), [2, INT(2)], A([2, 2])):
        assert cg.nn.max_pool2d(x, size, stride=size).shape == (2, 3, 2, 2)
    with pytest.raises(TypeError, match=r"are an integer or a pair of integers, got 2\.5"):
        cg.nn.max_pool2d(x, 2.5)
