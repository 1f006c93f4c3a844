"""How a backward function reads what its operation was given and what it gave.

`grad` decides the world: with a raw gradient these give raw arrays, with a Tensor they give tensors, and the text of the rule is
the same in both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import lean
from ..xp import FLOAT32, FLOAT64, SCALARS, Array, array_namespace, as_integers, as_tuple, conj, is_array, is_floating, ndarray

if TYPE_CHECKING:
    from ..tensor import Tensor

# One gradient per parent of the tensor; None for a parent that has none (an integer, a scalar) or whose gradient nobody wants.
GradientTuple = tuple[Array | None, ...]


def operand(tensor: Tensor, grad: Array) -> Array:
    """The first operand."""
    x = tensor._parents[0]
    cls = type(tensor)
    if type(x) is cls:
        if x._id > tensor._id:
            x = x._version_before(tensor._id)
        return x if type(grad) is cls else x._data
    return cls._constant(x) if type(grad) is cls and type(x) not in SCALARS else x


def pair(tensor: Tensor, grad: Array) -> tuple[Array, Array]:
    """Both operands of an operation of two; a scalar as it was given."""
    x, y = tensor._parents
    cls = type(tensor)
    if type(grad) is cls:
        return operands(tensor, grad)
    if type(x) is cls:
        x = x._data if x._id < tensor._id else x._version_before(tensor._id)._data
    if type(y) is cls:
        y = y._data if y._id < tensor._id else y._version_before(tensor._id)._data
    return x, y


def floating_pair(tensor: Tensor, grad: Array) -> tuple[Array, Array]:
    """Both operands; integers and truth values in the dtype of `grad`, for rules in which they would overflow, or widen the result."""
    x, y = pair(tensor, grad)
    return _floating(x, grad), _floating(y, grad)


def _floating(x: Array, grad: Array) -> Array:
    if type(x) in SCALARS or x.dtype is grad.dtype or is_floating(x):
        return x
    return array_namespace(grad).astype(x, grad.dtype)


def operands(tensor: Tensor, grad: Array) -> tuple[Array, ...]:
    """All operands in the operation's order; a scalar, or None where the operand was left out, as it was given."""
    cls = type(tensor)
    number = tensor._id
    in_tensors = type(grad) is cls
    values = []
    for x in tensor._parents:
        if type(x) is cls:
            if x._id > number:
                x = x._version_before(number)
            values.append(x if in_tensors else x._data)
        elif in_tensors and x is not None and type(x) not in SCALARS:
            values.append(cls._constant(x))
        else:
            values.append(x)
    return tuple(values)


def result(tensor: Tensor, grad: Array) -> Array:
    """The result of the operation."""
    return tensor if type(grad) is type(tensor) else tensor._data


# The same, conjugated where they are complex, as holomorphic rules want them; at next to no cost where they are NumPy's usual reals.


def conj_operand(tensor: Tensor, grad: Array) -> Array:
    """The complex conjugate of the first operand."""
    x = operand(tensor, grad)
    dtype = x.dtype
    return x if dtype is FLOAT64 or dtype is FLOAT32 else conj(array_namespace(x), x)


def conj_pair(tensor: Tensor, grad: Array) -> tuple[Array, Array]:
    """The complex conjugates of both operands of an operation of two tensors of one dtype."""
    x, y = tensor._parents
    number = tensor._id
    if x._id > number:
        x = x._version_before(number)
    if y._id > number:
        y = y._version_before(number)
    if type(grad) is not type(tensor):
        x, y = x._data, y._data
    dtype = x.dtype
    if dtype is FLOAT64 or dtype is FLOAT32:
        return x, y
    xp = array_namespace(grad)
    return conj(xp, x), conj(xp, y)


def conj_result(tensor: Tensor, grad: Array) -> Array:
    """The complex conjugate of the result of the operation."""
    z = tensor if type(grad) is type(tensor) else tensor._data
    dtype = z.dtype
    return z if dtype is FLOAT64 or dtype is FLOAT32 else conj(array_namespace(z), z)


def attribute(tensor: Tensor, name: str) -> Any:
    """What the operation was called with under the standard's name: `axis`, `keepdims` ..."""
    return tensor._attributes[name]


def integers(tensor: Tensor, name: str) -> Any:
    """An attribute that holds one integer or several (axes, lengths, shifts): an int, a tuple or None, however it was given."""
    return as_integers(tensor._attributes[name])


def reduced_axes(tensor: Tensor, ndim: int) -> tuple[int, ...]:
    """The axes that were reduced (the attribute `axis`; all, if None), counted from the front."""
    axis = tensor._attributes["axis"]
    if axis is None or not ndim:  # NumPy takes 0 for an axis of a number
        return tuple(range(ndim))
    return tuple([a % ndim for a in as_tuple(axis)])


def shape_kept(tensor: Tensor, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the result of reducing an operand of `shape`, had the reduced axes been kept at length 1."""
    if tensor._attributes["axis"] is None:
        return (1,) * len(shape)
    axes = reduced_axes(tensor, len(shape))
    return tuple([1 if i in axes else n for i, n in enumerate(shape)])


def kept(tensor: Tensor, grad: Array) -> Any:
    """What an operation with `keeps=True` kept for its rule; None where `grad` is a Tensor.

    What was kept is plain arrays: a rule that is recorded computes it again from the operands, so that it depends on them.
    """
    return None if type(grad) is type(tensor) else tensor._attributes["kept"]


def scalar_operand(tensor: Tensor) -> tuple[str, complex]:
    """For a rule of one tensor and a Python scalar: the parameter that the scalar was given for ("x1" or "x2"), and the scalar."""
    return tensor._attributes  # type: ignore[no-any-return]


def needs(tensor: Tensor) -> tuple[bool, ...]:
    """Which operands the running pass wants a gradient of; for a rule called directly, all that have one."""
    wanted = tensor._wanted()  # type: ignore[misc]
    parents = tensor._parents
    cls = type(tensor)
    if wanted is True:  # every tensor, then
        if len(parents) == 2:
            x, y = parents
            return type(x) is cls, type(y) is cls
        if len(parents) == 3:
            x, y, z = parents
            return type(x) is cls, type(y) is cls, type(z) is cls
        return tuple([type(x) is cls for x in parents])
    if wanted is None:
        return tuple([type(x) is cls or (is_array(x) and is_floating(x)) for x in parents])
    number = tensor._id
    return tuple([type(x) is cls and (x if x._id < number else x._version_before(number))._id in wanted for x in parents])


# A gradient of a large NumPy array can take the memory of the one that it is made of, if nobody else holds that. In a pass of Tensors it
# can be the next version of that one.

_LARGE = 2**14  # elements; new memory for fewer costs less than asking


def handed_over(tensor: Tensor, g: Array) -> Array:
    """`g`, the gradient of the first operand, or None: if an array, a new one, which the rule does not use after it returns it."""
    if (type(g) is ndarray and g.size > _LARGE) or type(g) is type(tensor):
        gathered = tensor._gathered()  # type: ignore[misc]
        if gathered is not None:
            gathered[2].add(operand(tensor, tensor)._id)  # itself, not its array
    return g


def may_be_written(tensor: Tensor, grad: Array) -> bool:
    """Whether `grad` is an array that was handed over: the rule that reads it may write into it. Not where a hook may hold it."""
    return type(grad) is ndarray and grad.size > _LARGE and _was_handed_over(tensor)


def may_be_assigned(tensor: Tensor, grad: Array) -> bool:
    """The same of a Tensor too, which then has its next version."""
    return may_be_written(tensor, grad) or (type(grad) is type(tensor) and _was_handed_over(tensor))


def _was_handed_over(tensor: Tensor) -> bool:
    if tensor._extra is not None:  # hooks, or retain_grad
        return False
    gathered = tensor._gathered()  # type: ignore[misc]
    return gathered is not None and tensor._id in gathered[2]


def or_one(xp: Any, x: Array) -> Array:
    """x with 1 in the place of 0, to divide by."""
    return xp.where(x == 0, xp.ones_like(x), x)


def unbroadcast(g: Array, shape: tuple[int, ...]) -> Array:
    """Sum `g` over the axes along which an operand of `shape` was broadcast: the transpose of broadcasting."""
    stretched = g.shape
    if stretched == shape:
        return g
    new = len(stretched) - len(shape)
    if new > 0 and stretched[new:] == shape:
        if len(shape) == 1 == new:
            return lean.sum_of_rows(g)
        return lean.sum(g, 0 if new == 1 else tuple(range(new)))
    if new < 0:  # an operand with leading axes of length 1 that the result lacks: a value that was assigned
        return lean.reshape(unbroadcast(g, shape[-new:]), shape)
    ones = tuple([new + i for i, n in enumerate(shape) if n == 1 and stretched[new + i] != 1])
    g = lean.sum(g, tuple(range(new)) + ones)
    return lean.in_shape(g, shape)
