"""Sorting. Of floating numbers NumPy's stable algorithm takes ten times as long as its other: it is used only where the result shows it."""

from __future__ import annotations

from .xp import Array, array_namespace, as_integers, is_real_numpys, ndarray, numpy

__all__ = ["along_one", "in_order", "order", "sent_back"]

_MANY = 256  # elements; to sort fewer takes less time than to look whether the result would show a difference


def along_one(x: Array, axis: int | None) -> tuple[Array, int]:
    """x and the axis to sort it along: for None, as in NumPy, x laid flat, and its only axis."""
    return (array_namespace(x).reshape(x, (-1,)), 0) if axis is None else (x, as_integers(axis))


def in_order(x: Array, axis: int | None, descending: bool, stable: bool) -> Array:
    """x sorted along `axis`. Of equal numbers only 0.0 and −0.0 can be told apart, so that only these need the stable algorithm."""
    x, axis = along_one(x, axis)
    xp = array_namespace(x)
    if stable and is_real_numpys(x) and (descending or x.size >= _MANY):
        stable = not x.all() and bool((numpy.signbit(x) & (x == 0)).any())
        if stable and descending:  # array_api_compat reverses what ascends, and so the order of equals
            return xp.take_along_axis(x, xp.argsort(x, axis=axis, descending=True), axis=axis)
    return xp.sort(x, axis=axis, descending=descending, stable=stable)


def order(x: Array, z: Array, axis: int, descending: bool) -> Array:
    """The indices of the stable sort that makes z of x along `axis`. Where all numbers are different, any sort gives them."""
    stable = not (is_real_numpys(x) and x.size >= _MANY) or _has_equals(z, axis)
    return array_namespace(x).argsort(x, axis=axis, descending=descending, stable=stable)


def _has_equals(z: ndarray, axis: int) -> bool:
    """Whether a number, or nan, stands twice in an array that is sorted along `axis`."""
    rows = z.swapaxes(axis, -1)
    return bool((rows[..., 1:] == rows[..., :-1]).any() or numpy.isnan(rows[..., 0]).any() or numpy.isnan(rows[..., -1]).any())


def sent_back(x: Array, order: Array, axis: int) -> Array:
    """z with z[order] = x along `axis`, where `order` names each position once."""
    if type(x) is ndarray and type(order) is ndarray:
        z = numpy.empty_like(x)
        numpy.put_along_axis(z, order, x, axis)
        return z
    xp = array_namespace(x)
    return xp.take_along_axis(x, array_namespace(order).argsort(order, axis=axis), axis=axis)
