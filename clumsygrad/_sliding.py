"""What slides along an axis: a vector over another (convolution, correlation), a window, and all elements; adding back what a window saw.

The two sums over vectors are closed: the gradients of each are sums of the two kinds. So are reading by windows and adding back.
"""

from __future__ import annotations

from typing import Any

from . import _windows, lean
from ._keys import scatter_add
from .xp import Array, array_namespace, conj, device, is_wrapper, name_of, ndarray, numpy

__all__ = ["added_back", "convolved", "correlated", "rolled", "windows"]

_THAT_CONVOLVE = frozenset({"numpy", "jax"})  # and CuPy: by FFT, which loses digits, where it takes that to be faster
_LONG = 256  # elements; longer windows are added one at a time, each of which lies together in memory


def convolved(a: Array, v: Array, start: int, length: int) -> Array:
    """Σ_j a_{k + start − j} v_j for k = 0 ... length − 1, the vectors taken for 0 beyond their ends; of Tensors, recorded."""
    if is_wrapper(a):
        return a._convolve(v, start=start, length=length)
    if a.shape[0] < v.shape[0]:
        a, v = v, a
    xp, n, m = array_namespace(a), a.shape[0], v.shape[0]
    convolves = name_of(xp) in _THAT_CONVOLVE
    if convolves and length >= n and 0 <= start <= n + m - 1 - length:
        return xp.convolve(a, v, mode="full")[start : start + length]
    first, last = start - (m - 1), start + length  # what of a is read
    part = a[max(first, 0) : min(last, n)]
    if first < 0 or last > n:
        ends = [xp.zeros(count, dtype=a.dtype, device=device(a)) for count in (max(-first, 0), max(last - n, 0))]
        part = xp.concat([ends[0], part, ends[1]], axis=0)
    return xp.convolve(part, v, mode="valid") if convolves else _of_patches(xp, part, xp.flip(v), length)


def correlated(a: Array, v: Array, start: int, length: int) -> Array:
    """Σ_j a_{j + k + start} conj(v_j) for k = 0 ... length − 1, the vectors taken for 0 beyond their ends; of Tensors, recorded."""
    if is_wrapper(a):
        return a._correlate(v, start=start, length=length)
    turned = v[::-1] if type(v) is ndarray else array_namespace(v).flip(v)
    return convolved(a, conj(array_namespace(v), turned), start + v.shape[0] - 1, length)


def _of_patches(xp: Any, a: Array, v: Array, length: int) -> Array:
    """Σ_j a_{j + k} v_j by a matrix whose rows are stretches of a: as long as v, or as the result, whichever is shorter."""
    size = min(v.shape[0], length)
    image = xp.reshape(a, (1, 1, 1, a.shape[0]))
    rows = _windows.patches(image, _windows.window("convolve", image.shape, (1, size)))
    z = lean.matmul(rows, xp.reshape(v, (-1, 1))) if size == v.shape[0] else lean.matmul(xp.reshape(v, (1, -1)), rows)
    return lean.reshape(z, (length,))


def windows(x: Array, axis: int, length: int) -> Array:
    """What a window of `length` sees from each place along `axis`, along a new last axis: over NumPy a view, to be read only."""
    if type(x) is ndarray:
        return numpy.lib.stride_tricks.sliding_window_view(x, length, axis)
    xp, places = array_namespace(x), x.shape[axis] - length + 1
    seen = xp.take(x, xp.reshape(_seen(x, places, length), (-1,)), axis=axis)
    seen = xp.reshape(seen, (*x.shape[:axis], places, length, *x.shape[axis + 1 :]))
    return xp.moveaxis(seen, axis + 1, -1)


def added_back(x: Array, axis: int, shape: tuple[int, ...]) -> Array:
    """The transpose of `windows`: zeros of `shape`, with what each window saw added where it saw it."""
    if type(x) is ndarray:
        return _added_in_turn(x, axis, shape)
    xp = array_namespace(x)
    rows = xp.moveaxis(x, (axis, -1), (0, 1))
    sums = scatter_add(rows, _seen(x, *rows.shape[:2]), (shape[axis], *rows.shape[2:]))
    return xp.moveaxis(sums, 0, axis)


def _added_in_turn(x: ndarray, axis: int, shape: tuple[int, ...]) -> ndarray:
    """What all windows saw first, what they saw second ...; or all of the first window, all of the second ..., if they are few or long."""
    sums = numpy.zeros(shape, dtype=x.dtype)
    rows, target = numpy.moveaxis(x, (axis, -1), (0, 1)), numpy.moveaxis(sums, axis, 0)
    if rows.shape[1] > min(rows.shape[0], _LONG):
        rows = rows.swapaxes(0, 1)
    for i in range(rows.shape[1]):
        target[i : i + rows.shape[0]] += rows[:, i]
    return sums


def _seen(x: Array, places: int, length: int) -> Array:
    """The positions that a window sees, a row for each place."""
    raw = x._data if is_wrapper(x) else x
    xp = array_namespace(raw)
    first, within = xp.arange(places, device=device(raw)), xp.arange(length, device=device(raw))
    return xp.reshape(first, (-1, 1)) + within


def rolled(x: Array, shift: int | tuple[int, ...], axis: int | tuple[int, ...] | None) -> Array:
    """`xp.roll`. Along one axis of NumPy's arrays in one copy, which begins in a fifth of the time of NumPy's own."""
    if type(x) is not ndarray or type(shift) is not int or x.ndim == 0 or not x.size:
        return array_namespace(x).roll(x, shift, axis=axis)
    along = 0 if axis is None and x.ndim == 1 else axis
    if type(along) is not int or not -x.ndim <= along < x.ndim:
        return array_namespace(x).roll(x, shift, axis=axis)
    before = (slice(None),) * (along % x.ndim)
    first = -shift % x.shape[along]
    return numpy.concatenate((x[(*before, slice(first, None))], x[(*before, slice(first))]), along)
