"""Bad input: the library's own error, with a note that names the operation and its operands' shapes; nothing recorded or changed."""

from __future__ import annotations

import numpy as np
import pytest

import clumsygrad as cg

A, B, S = (2, 3), (4, 5), (3, 3)  # shapes of operands


def raw(x):
    return x.data if type(x) is cg.Tensor else x


def indices(values, x):
    """Integers beside x, which is a tensor or a plain array."""
    return cg._transfer.moved(np.asarray(values), raw(x))


# The shapes of the operands, what is called with them, and the operation that the note names.
ROWS = {
    # shapes that do not fit
    "add": ((A, B), lambda xp, x, y: xp.add(x, y), "add"),
    "operator": ((A, B), lambda xp, x, y: x * y, "multiply"),
    "raw array first": ((A, B), lambda xp, x, y: xp.subtract(raw(x), y), "subtract"),
    "divide": ((A, B), lambda xp, x, y: x / y, "divide"),
    "pow": ((A, B), lambda xp, x, y: x**y, "pow"),
    "maximum": ((A, B), lambda xp, x, y: xp.maximum(x, y), "maximum"),
    "comparison": ((A, B), lambda xp, x, y: x < y, "less"),
    "matmul": ((A, B), lambda xp, x, y: x @ y, "matmul"),
    "vecdot": ((A, B), lambda xp, x, y: xp.vecdot(x, y), "vecdot"),
    "tensordot": ((A, B), lambda xp, x, y: xp.tensordot(x, y, axes=1), "tensordot"),
    "where": ((A, B), lambda xp, x, y: xp.where(x > 0, x, y), "where"),
    "clip": ((A, B), lambda xp, x, y: xp.clip(x, y, None), "clip"),
    "concat": ((A, B), lambda xp, x, y: xp.concat([x, y]), "concat"),
    "stack": ((A, B), lambda xp, x, y: xp.stack([x, y]), "stack"),
    "reshape": ((A,), lambda xp, x: xp.reshape(x, (4, 2)), "reshape"),
    "broadcast_to": ((A,), lambda xp, x: xp.broadcast_to(x, (2, 4)), "broadcast_to"),
    "squeeze": ((A,), lambda xp, x: xp.squeeze(x, 0), "squeeze"),
    "matrix_transpose": (((3,),), lambda xp, x: xp.matrix_transpose(x), "matrix_transpose"),
    # an axis out of range
    "sum": ((A,), lambda xp, x: xp.sum(x, axis=2), "sum"),
    "sum of axes": ((A,), lambda xp, x: xp.sum(x, axis=(0, 3)), "sum"),
    "mean": ((A,), lambda xp, x: xp.mean(x, axis=-3), "mean"),
    "max": ((A,), lambda xp, x: xp.max(x, axis=2), "max"),
    "prod": ((A,), lambda xp, x: xp.prod(x, axis=2), "prod"),
    "std": ((A,), lambda xp, x: xp.std(x, axis=2), "std"),
    "cumulative_sum": ((A,), lambda xp, x: xp.cumulative_sum(x, axis=2), "cumulative_sum"),
    "argmax": ((A,), lambda xp, x: xp.argmax(x, axis=2), "argmax"),
    "flip": ((A,), lambda xp, x: xp.flip(x, axis=2), "flip"),
    "roll": ((A,), lambda xp, x: xp.roll(x, 1, axis=2), "roll"),
    "sort": ((A,), lambda xp, x: xp.sort(x, axis=2), "sort"),
    "moveaxis": ((A,), lambda xp, x: xp.moveaxis(x, 0, 2), "moveaxis"),
    "permute_dims": ((A,), lambda xp, x: xp.permute_dims(x, (0, 2)), "permute_dims"),
    "permute_dims, too few": ((A,), lambda xp, x: xp.permute_dims(x, (0,)), "permute_dims"),
    "expand_dims": ((A,), lambda xp, x: xp.expand_dims(x, axis=4), "expand_dims"),
    "stack, axis": ((A, A), lambda xp, x, y: xp.stack([x, y], axis=3), "stack"),
    "concat, axis": ((A, A), lambda xp, x, y: xp.concat([x, y], axis=2), "concat"),
    "repeat": ((A,), lambda xp, x: xp.repeat(x, 2, axis=2), "repeat"),
    "softmax": ((A,), lambda xp, x: cg.activation.softmax(x, axis=2), "softmax"),
    # an index out of range
    "integer key": ((A,), lambda xp, x: x[2, 0], "getitem"),
    "too many keys": ((A,), lambda xp, x: x[0, 0, 0], "getitem"),
    "array key": ((A,), lambda xp, x: x[indices([0, 2], x), indices([0, 1], x)], "getitem"),
    "take": ((A,), lambda xp, x: xp.take(x, indices([0, 7], x), axis=1), "take"),
    "take_along_axis": ((A,), lambda xp, x: xp.take_along_axis(x, indices([[0, 7, 1]], x), axis=0), "take_along_axis"),
    # a dtype that is not supported
    "bits": ((A, A), lambda xp, x, y: x & y, "bitwise_and"),
    "invert": ((A,), lambda xp, x: xp.bitwise_invert(x), "bitwise_invert"),
    "floor of complex": ((A,), lambda xp, x: xp.floor(x * 1j), "floor"),
    "atan2 of complex": ((A,), lambda xp, x: xp.atan2(x * 1j, x * 1j), "atan2"),
    "complex to real": ((A,), lambda xp, x: xp.astype(x * 1j, xp.float64), "astype"),
}


# What a library takes without a word.
_INDICES = ("integer key", "array key", "take", "take_along_axis")
SILENT = {
    **{("jax", name): "JAX does not check indices" for name in (*_INDICES, "integer")},
    ("jax", "atan2 of complex"): "JAX has an atan2 of complex numbers",
    ("torch", "take_along_axis"): "torch's take_along_dim reads something there",
    ("dask", "take"): "Dask reads when the array is computed",
    ("dask", "take_along_axis"): "dask.array has no take_along_axis",
}


def leaves_of(backend, shapes):
    return [cg.Tensor(backend.array(np.ones(shape)), requires_grad=True) for shape in shapes]


def error_of(call, *arguments):
    with pytest.raises((ValueError, IndexError, TypeError, RuntimeError)) as caught:
        call(*arguments)
    return caught.value


def state(x):
    return x._data, x._id, x._tracked, x._rule, x._parents, x.grad


@pytest.mark.parametrize("name", ROWS)
def test_the_librarys_error_with_a_note(backend, name):
    """The error is the one that the library raises for plain arrays; the note says which operation, and the shapes."""
    shapes, call, operation = ROWS[name]
    if (backend.name.removesuffix("-jit"), name) in SILENT:
        pytest.skip(SILENT[backend.name.removesuffix("-jit"), name])
    leaves = leaves_of(backend, shapes)
    before = [state(x) for x in leaves]
    error = error_of(call, backend.namespace, *leaves)
    (note,) = [note for note in error.__notes__ if "clumsygrad" in note]  # JAX adds notes of its own
    assert note.startswith(f"in clumsygrad's {operation}, operands of shape ")
    assert all(str(shape) in note for shape in shapes)
    assert [state(x) for x in leaves] == before
    expected = error_of(call, backend.namespace, *[x.data for x in leaves])
    assert type(error) is type(expected)
    assert str(error) == str(expected)


WRITES = {
    "integer": lambda x: x.__setitem__((2, 0), 1.0),
    "too many": lambda x: x.__setitem__((0, 0, 0), 1.0),
    "value that does not fit": lambda x: x.__setitem__((0, slice(None)), cg.Tensor(cg._transfer.moved(np.ones(2), x.data))),
    "in place": lambda x: x.__iadd__(cg.Tensor(cg._transfer.moved(np.ones((4, 5)), x.data))),
    "in place, growing": lambda x: x.__iadd__(cg.Tensor(cg._transfer.moved(np.ones((4, 2, 3)), x.data))),
}


@pytest.mark.parametrize("tracked", [False, True], ids=["untracked", "tracked"])
@pytest.mark.parametrize("name", WRITES)
def test_a_write_that_fails_changes_nothing(backend, name, tracked):
    """Not the tensor, not its base, not its other views; and what is written after it is right."""
    if (backend.name.removesuffix("-jit"), name) in SILENT:
        pytest.skip(SILENT[backend.name.removesuffix("-jit"), name])
    (leaf,) = leaves_of(backend, [A])
    x = leaf * 2 if tracked else cg.Tensor(backend.array(np.ones(A)))
    row = x[0:1, :]
    tensors = [leaf, x, row]
    before = [state(t) for t in tensors]
    error_of(WRITES[name], x)
    assert [state(t) for t in tensors] == before
    x[0, 0] = 5.0
    assert backend.host(x)[0, 0] == backend.host(row)[0, 0] == 5


@pytest.mark.parametrize("function", [cg.diff, cg.unstack])
@pytest.mark.parametrize("axis", [2, -3])
def test_composed_functions_check_their_axis(function, axis):
    with pytest.raises(IndexError, match=rf"{function.__name__}: axis {axis} .* shape \(2, 3\)"):
        function(cg.Tensor(np.ones(A)), axis=axis)


def test_error_in_a_backward_function_keeps_its_type_and_every_gradient():
    """The note names the operation; no leaf has been written to."""

    def broken_backward(tensor, grad):
        raise ZeroDivisionError("broken")

    @cg.operation(broken_backward)
    def broken(x):
        return x + 1

    x, y = cg.Tensor(np.ones(A), requires_grad=True), cg.Tensor(np.ones(A), requires_grad=True)
    loss = cg.sum(broken(x) * y)
    with pytest.raises(ZeroDivisionError, match="broken") as caught:
        loss.backward()
    assert caught.value.__notes__ == ["in the backward function of broken, operands of shape (2, 3)"]
    assert x.grad is None
    assert y.grad is None
