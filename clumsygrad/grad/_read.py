"""How a backward function reads what its operation was given and what it gave.

`grad` decides the world: with a raw gradient these give raw arrays, with a Tensor they give tensors, and the text of the rule is
the same in both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..xp import SCALARS, Array, array_namespace, is_array, is_floating

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
    return cls(x) if type(grad) is cls and type(x) not in SCALARS else x


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


def operands(tensor: Tensor, grad: Array) -> tuple[Array, ...]:
    """All operands in the operation's order; a scalar, or None where the operand was left out, as it was given."""
    cls = type(tensor)
    in_tensors = type(grad) is cls
    values = []
    for x in tensor._parents:
        if type(x) is cls:
            if x._id > tensor._id:
                x = x._version_before(tensor._id)
            if not in_tensors:
                x = x._data
        elif in_tensors and x is not None and type(x) not in SCALARS:
            x = cls(x)
        values.append(x)
    return tuple(values)


def result(tensor: Tensor, grad: Array) -> Array:
    """What the operation gave."""
    return tensor if type(grad) is type(tensor) else tensor._data


def attribute(tensor: Tensor, name: str) -> Any:
    """What the operation was called with under the standard's name: `axis`, `keepdims` ..."""
    return tensor._attributes[name]


def scalar_operand(tensor: Tensor) -> tuple[str, complex]:
    """Of a scalar rule: which parameter the Python scalar was given for ("x1" or "x2"), and the scalar."""
    return tensor._attributes  # type: ignore[no-any-return]


def needs(tensor: Tensor) -> tuple[bool, ...]:
    """Which operands the running pass wants a gradient of; for a rule called directly, all that have one."""
    wanted = tensor._wanted()  # type: ignore[misc]
    parents = tensor._parents
    cls = type(tensor)
    if wanted is True:
        if len(parents) == 2:  # of which there are most
            return type(parents[0]) is cls, type(parents[1]) is cls
        return tuple([type(x) is cls for x in parents])
    if wanted is None:
        return tuple([type(x) is cls or (is_array(x) and is_floating(x)) for x in parents])
    number = tensor._id
    return tuple([type(x) is cls and (x if x._id < number else x._version_before(number))._id in wanted for x in parents])


def unbroadcast(g: Array, shape: tuple[int, ...]) -> Array:
    """Sum `g` over the axes along which an operand of `shape` was broadcast: the transpose of broadcasting."""
    if g.shape == shape:
        return g
    xp = array_namespace(g)
    new = len(g.shape) - len(shape)
    if new < 0:  # an operand with leading axes of length 1 that the result lacks
        return xp.reshape(g, shape)
    stretched = tuple(new + i for i, n in enumerate(shape) if n == 1 and g.shape[new + i] != 1)
    g = xp.sum(g, axis=tuple(range(new)) + stretched)
    return g if g.shape == shape else xp.reshape(g, shape)
