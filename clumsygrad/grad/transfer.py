"""The backward function of moves between libraries and devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._transfer import moved
from ..xp import Array
from ._read import GradientTuple, operand

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["to_backward"]


def to_backward(tensor: Tensor, grad: Array) -> GradientTuple:
    """z = x in another library or on another device:   x̄ = z̄ in the library and on the device of x."""
    return (moved(grad, operand(tensor, tensor._data)),)
