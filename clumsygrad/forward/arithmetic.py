"""Sums, products, quotients, powers, comparisons, and the operations on bits and truth values."""

from __future__ import annotations

from .. import _elements, grad, lean
from .._operation import operation
from ..xp import Array, array_namespace, common_namespace

__all__ = [
    "add",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "divide",
    "equal",
    "floor_divide",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "multiply",
    "negative",
    "not_equal",
    "positive",
    "pow",
    "remainder",
    "subtract",
]


@operation(
    grad.add_backward,
    scalar=grad.add_scalar_backward,
    broadcast=grad.add_broadcast_backward,
    kernel=_elements.add,
    serves=("__add__", "__radd__", "__iadd__"),
)
def add(x1: Array, x2: Array, /) -> Array:
    """x1 + x2, elementwise."""
    return x1 + x2


@operation(
    grad.sub_backward,
    scalar=grad.sub_scalar_backward,
    broadcast=grad.sub_broadcast_backward,
    kernel=_elements.subtract,
    serves=("__sub__", "__rsub__", "__isub__"),
)
def subtract(x1: Array, x2: Array, /) -> Array:
    """x1 − x2, elementwise."""
    return x1 - x2


@operation(
    grad.mul_backward,
    scalar=grad.mul_scalar_backward,
    broadcast=grad.mul_broadcast_backward,
    kernel=_elements.multiply,
    serves=("__mul__", "__rmul__", "__imul__"),
)
def multiply(x1: Array, x2: Array, /) -> Array:
    """x1 · x2, elementwise."""
    return x1 * x2


@operation(grad.divide_backward, serves=("__truediv__", "__rtruediv__", "__itruediv__"))
def divide(x1: Array, x2: Array, /) -> Array:
    """x1 / x2, elementwise: true division."""
    return x1 / x2


@operation(grad.zero_backward, serves=("__floordiv__", "__rfloordiv__", "__ifloordiv__"))
def floor_divide(x1: Array, x2: Array, /) -> Array:
    """⌊x1 / x2⌋, elementwise. Its gradient is 0."""
    return x1 // x2


@operation(grad.remainder_backward, serves=("__mod__", "__rmod__", "__imod__"))
def remainder(x1: Array, x2: Array, /) -> Array:
    """x1 − x2 ⌊x1 / x2⌋, elementwise: of the sign of x2."""
    return x1 % x2


@operation(grad.power_backward, scalar=grad.power_backward, serves=("__pow__", "__rpow__", "__ipow__"))
def pow(x1: Array, x2: Array, /) -> Array:
    """x1 raised to x2, elementwise. Differentiable in both; x⁰ has gradient 0."""
    return lean.power(x1, x2) if type(x2) is int or type(x2) is float else x1**x2


@operation(grad.negate_backward, serves=("__neg__",))
def negative(x: Array, /) -> Array:
    """−x, elementwise."""
    return -x


@operation(grad.positive_backward, serves=("__pos__",))
def positive(x: Array, /) -> Array:
    """+x, elementwise."""
    return +x


# Comparisons: constants, no gradient ----------------------------------------------------------------------------------------------


@operation(None, serves=("__eq__",))
def equal(x1: Array, x2: Array, /) -> Array:
    """Whether x1 = x2, elementwise."""
    return x1 == x2


@operation(None, serves=("__ne__",))
def not_equal(x1: Array, x2: Array, /) -> Array:
    """Whether x1 ≠ x2, elementwise."""
    return x1 != x2


@operation(None, serves=("__lt__",))
def less(x1: Array, x2: Array, /) -> Array:
    """Whether x1 < x2, elementwise."""
    return x1 < x2


@operation(None, serves=("__le__",))
def less_equal(x1: Array, x2: Array, /) -> Array:
    """Whether x1 ≤ x2, elementwise."""
    return x1 <= x2


@operation(None, serves=("__gt__",))
def greater(x1: Array, x2: Array, /) -> Array:
    """Whether x1 > x2, elementwise."""
    return x1 > x2


@operation(None, serves=("__ge__",))
def greater_equal(x1: Array, x2: Array, /) -> Array:
    """Whether x1 ≥ x2, elementwise."""
    return x1 >= x2


# Bits and truth values ------------------------------------------------------------------------------------------------------------


@operation(None, serves=("__and__", "__rand__", "__iand__"))
def bitwise_and(x1: Array, x2: Array, /) -> Array:
    """The bits, or truth values, that both x1 and x2 have."""
    return x1 & x2


@operation(None, serves=("__or__", "__ror__", "__ior__"))
def bitwise_or(x1: Array, x2: Array, /) -> Array:
    """The bits, or truth values, that x1 or x2 has."""
    return x1 | x2


@operation(None, serves=("__xor__", "__rxor__", "__ixor__"))
def bitwise_xor(x1: Array, x2: Array, /) -> Array:
    """The bits, or truth values, that exactly one of x1 and x2 has."""
    return x1 ^ x2


@operation(None, serves=("__lshift__", "__rlshift__", "__ilshift__"))
def bitwise_left_shift(x1: Array, x2: Array, /) -> Array:
    """The bits of x1, moved x2 places to the left."""
    return x1 << x2


@operation(None, serves=("__rshift__", "__rrshift__", "__irshift__"))
def bitwise_right_shift(x1: Array, x2: Array, /) -> Array:
    """The bits of x1, moved x2 places to the right."""
    return x1 >> x2


@operation(None, serves=("__invert__",))
def bitwise_invert(x: Array, /) -> Array:
    """The bits, or truth values, that x lacks."""
    return array_namespace(x).bitwise_invert(x)


@operation(None)
def logical_and(x1: Array, x2: Array, /) -> Array:
    """Whether x1 and x2, elementwise."""
    return common_namespace(x1, x2).logical_and(x1, x2)


@operation(None)
def logical_or(x1: Array, x2: Array, /) -> Array:
    """Whether x1 or x2, elementwise."""
    return common_namespace(x1, x2).logical_or(x1, x2)


@operation(None)
def logical_xor(x1: Array, x2: Array, /) -> Array:
    """Whether exactly one of x1 and x2, elementwise."""
    return common_namespace(x1, x2).logical_xor(x1, x2)


@operation(None)
def logical_not(x: Array, /) -> Array:
    """Whether not x, elementwise."""
    return array_namespace(x).logical_not(x)
