"""Tensors in einops' own functions: rearrange, reduce, repeat, einsum, pack, unpack, parse_shape.

einops asks the subclasses of its AbstractBackend whose framework is imported. (Its functions of the array API, einops.array_api, need
none.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from einops._backends import AbstractBackend

from .. import xp as _xp
from ..tensor import Tensor
from ..xp import Array


class TensorBackend(AbstractBackend):  # type: ignore[misc]
    """What einops does with Tensors, over whatever library."""

    framework_name = "clumsygrad"

    def is_appropriate_type(self, tensor: object) -> bool:
        """Whether this backend is for `tensor`."""
        return type(tensor) is Tensor

    def from_numpy(self, x: Array) -> Tensor:
        """A constant."""
        return Tensor(x)

    def to_numpy(self, x: Tensor) -> Array:
        """The values. Raises RuntimeError on a tensor that requires a gradient."""
        return x.numpy()

    def stack_on_zeroth_dimension(self, tensors: Sequence[Tensor]) -> Array:
        """The tensors, stacked along a new first axis."""
        return _namespace(tensors[0]).stack(tensors, axis=0)

    def concat(self, tensors: Sequence[Tensor], axis: int) -> Array:
        """The tensors, joined along an axis."""
        return _namespace(tensors[0]).concat(tensors, axis=axis)

    def add_axis(self, x: Tensor, new_position: int) -> Array:
        """x with a new axis of length 1."""
        return _namespace(x).expand_dims(x, axis=new_position)

    def tile(self, x: Tensor, repeats: tuple[int, ...]) -> Array:
        """x, repeated along each axis."""
        return _namespace(x).tile(x, repeats)

    def is_float_type(self, x: Tensor) -> bool:
        """Whether a mean of x can be taken."""
        return _xp.is_floating(x)

    def einsum(self, pattern: str, *x: Tensor) -> Array:
        """The sum of products that the pattern names."""
        return _namespace(x[0]).einsum(pattern, *x)


def _namespace(x: Tensor) -> Any:
    return x.__array_namespace__()
