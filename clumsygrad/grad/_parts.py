"""The gradient of what was read in part: added to what the running pass has gathered already, where that can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._keys import add_at, adds_at, scatter_add
from ..xp import Array, copied
from ._read import operand

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["added_at"]


def added_at(tensor: Tensor, grad: Array, key: Any) -> Array | None:
    """The gradient of the first operand, of which `key` was read: zeros, with `grad` added at key.

    Where the running pass has a gradient of that operand already, `grad` is added to that in place, and this is None: a loop over the
    parts of a large array would otherwise make as many large arrays of zeros.
    """
    gathered = tensor._gathered()  # type: ignore[misc]
    if gathered is None:
        return scatter_add(grad, key, operand(tensor, grad).shape)
    x = operand(tensor, tensor)  # itself, not its array
    number = x._id
    leaves, others, own = gathered
    entry = leaves.get(number) or others.get(number)
    if entry is None or not adds_at(entry[1], key, grad):
        own.add(number)  # a sum that the engine makes with this is a new array too
        return scatter_add(grad, key, x._data.shape)
    if number not in own:
        own.add(number)
        entry[1] = copied(entry[1])
    entry[1] = add_at(entry[1], key, grad)
    return None
