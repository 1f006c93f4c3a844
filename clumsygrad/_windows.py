"""Windows that slide over images (N, C, H, W): where they lie, what they see, and adding back what was seen.

Every function takes arrays of any library, and Tensors. Over NumPy results keep the order of the axes in memory, so that images
whose channels lie side by side in memory (as those that a convolution makes do) stay so.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from . import _kernels, _scatter, lean
from ._keys import assigned, read
from .xp import Array, array_namespace, as_integers, device, device_arrays, is_wrapper, library_of, ndarray, optional

__all__ = ["Window", "added_back", "kernel_matrix", "of_kernels", "padded", "patches", "patches_added", "seen", "window"]

Key = tuple[Any, ...]
Pair = tuple[int, int]


class Window(NamedTuple):
    """A window of rows x columns that slides over padded images. All pairs are (of rows, of columns)."""

    size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    steps: tuple[int, int]  # how many places it takes

    @property
    def area(self) -> int:
        """How many elements it sees."""
        return self.size[0] * self.size[1]

    @property
    def sees_each_alone(self) -> bool:
        """Whether it sees one element after the other, each once."""
        return self.size == self.stride == (1, 1) and self.padding == (0, 0)

    def offsets(self) -> list[Key]:
        """For each element of the window, the key of what it sees from all places: (N, C, *steps) of padded images."""
        rows, columns = self._slices(0), self._slices(1)
        return [(..., row, column) for row in rows for column in columns]

    def _slices(self, axis: int) -> list[slice]:
        step, reach = self.stride[axis], (self.steps[axis] - 1) * self.stride[axis] + 1
        starts = [i * self.dilation[axis] for i in range(self.size[axis])]
        return [slice(start, start + reach, step) for start in starts]


def window(name: str, shape: tuple[int, ...], size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1) -> Window:
    """The window of an operation over images of `shape`. Raises ValueError where they are no images, or smaller than the window."""
    if len(shape) != 4:
        raise ValueError(f"{name}: the images must have the shape (N, C, H, W), got {tuple(shape)}; reshape them first")
    pairs = [_pair(name, value) for value in (size, stride, padding, dilation)]
    return _fitted(name, (int(shape[2]), int(shape[3])), *pairs)


@functools.lru_cache(1024)
def _fitted(name: str, shape: Pair, size: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Window:
    if min(*size, *stride, *dilation) < 1 or min(padding) < 0:
        raise ValueError(
            f"{name}: size {size}, stride {stride} and dilation {dilation} must be positive, padding {padding} not negative"
        )
    steps = []
    for n, k, s, p, d in zip(shape, size, stride, padding, dilation, strict=True):
        room = n + 2 * p - (k - 1) * d - 1
        if room < 0:
            raise ValueError(
                f"{name}: a window of {size}, dilation {dilation}, does not fit {shape} with padding {padding}: pad more"
            )
        steps.append(room // s + 1)
    return Window(size, stride, padding, dilation, (steps[0], steps[1]))


def of_kernels(x: tuple[int, ...], w: tuple[int, ...], stride: Any, padding: Any, dilation: Any) -> Window:
    """The window of kernels of shape `w` over images of shape `x`, if they fit."""
    if len(w) != 4 or (len(x) == 4 and x[1] != w[1]):
        raise ValueError(
            f"conv2d: images of shape {tuple(x)} (N, C, H, W) want kernels of shape (M, C, h, w) with the same C, got {tuple(w)}"
        )
    return window("conv2d", x, (w[2], w[3]), stride, padding, dilation)


def kernel_matrix(w: Array) -> Array:
    """Kernels (M, C, h, w) as the matrix (h w C, M) that patches are multiplied with."""
    return lean.reshape(lean.permute_dims(w, (2, 3, 1, 0)), (w.shape[1] * w.shape[2] * w.shape[3], w.shape[0]))


def _pair(name: str, value: Any) -> Pair:
    try:
        given = as_integers(value)
    except TypeError:
        given = ()
    pair = (given, given) if type(given) is int else given
    if type(pair) is not tuple or len(pair) != 2 or not all(type(n) is int for n in pair):
        raise TypeError(f"{name}: size, stride, padding and dilation are an integer or a pair of integers, got {value!r}")
    return pair


def padded(x: Array, w: Window, value: float = 0.0) -> Array:
    """Images with a border of `value`; themselves where there is no padding."""
    if w.padding == (0, 0):
        return x
    (top, left), (rows, columns) = w.padding, x.shape[2:]
    shape = (*x.shape[:2], rows + 2 * top, columns + 2 * left)
    inside = (..., slice(top, top + rows), slice(left, left + columns))
    if type(x) is not ndarray and type(x) not in device_arrays:
        border = array_namespace(x).full(shape, value, dtype=x.dtype, device=device(x))
        return assigned(border, inside, x, new=True)
    z = _empty(shape, x)
    z.fill(value)
    z[inside] = x
    return z


def seen(x: Array, w: Window, value: float = 0.0) -> list[Array]:
    """For each element of the window, what it sees of padded images from all places: (N, C, *steps)."""
    x = padded(x, w, value)
    return [x[key] for key in w.offsets()] if type(x) is ndarray else [read(x, key) for key in w.offsets()]


def added_back(parts: list[Array], w: Window, shape: tuple[int, ...]) -> Array:
    """The transpose of `seen`: images of `shape`, each part added where it was seen."""
    (top, left), (rows, columns) = w.padding, shape[2:]
    z = _sum_at(parts, w.offsets(), (*shape[:2], rows + 2 * top, columns + 2 * left))
    return z if w.padding == (0, 0) else z[..., top : top + rows, left : left + columns]


def _sum_at(parts: list[Array], keys: list[Key], shape: tuple[int, ...]) -> Array:
    x = parts[0]
    xp = array_namespace(x)
    if is_wrapper(x):
        z = xp.scatter_add(x, keys[0], shape)
        for key, part in zip(keys[1:], parts[1:], strict=True):
            z = z + xp.scatter_add(part, key, shape)
        return z
    z = _zeros(shape, x) if type(x) is ndarray else xp.zeros(shape, dtype=x.dtype, device=device(x))
    in_place = library_of(x) != "jax"
    for key, part in zip(keys, parts, strict=True):
        if type(x) in device_arrays:  # CuPy's `z[key] += part` would also copy the sum onto itself
            view = z[key]
            view += part
        elif in_place:
            z[key] += part
        else:
            z = z.at[key].add(part)
    return z


def patches(x: Array, w: Window) -> Array:
    """What the window sees from each place, a row for each: (N x steps, rows x columns x C)."""
    n, channels = x.shape[:2]
    shape = (n * w.steps[0] * w.steps[1], w.area * channels)
    if w.sees_each_alone:
        return lean.reshape(lean.permute_dims(x, (0, 2, 3, 1)), shape)
    found = _scatter.patches(x, w)
    if found is not None:
        return found
    if type(x) is ndarray or type(x) in device_arrays:
        x = padded(x, w)
        of_n, of_c, of_row, of_column = x.strides
        steps = (of_row * w.stride[0], of_column * w.stride[1])
        within = (of_row * w.dilation[0], of_column * w.dilation[1])
        places = (n, *w.steps, *w.size, channels)
        return _as_strided(x, places, (of_n, *steps, *within, of_c)).reshape(shape)
    xp = array_namespace(x)
    parts = [lean.permute_dims(part, (0, 2, 3, 1)) for part in seen(x, w)]
    return xp.reshape(xp.stack(parts, axis=3), shape)


def _as_strided(x: Array, shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """A view of NumPy's or CuPy's array, only to be read: its elements overlap in memory."""
    if type(x) is ndarray:
        return np.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)
    return optional("cupy").lib.stride_tricks.as_strided(x, shape, strides)


def patches_added(rows: Array, w: Window, shape: tuple[int, ...]) -> Array:
    """The transpose of `patches`: images of `shape`, each row added where it was seen."""
    if w.sees_each_alone:
        return lean.permute_dims(lean.reshape(rows, (shape[0], *w.steps, shape[1])), (0, 3, 1, 2))
    found = _scatter.patches_added(rows, w, shape)
    if found is not None:
        return found
    rows = lean.reshape(rows, (shape[0], *w.steps, w.area, shape[1]))
    parts = [lean.permute_dims(rows[:, :, :, i, :], (0, 3, 1, 2)) for i in range(w.area)]
    return added_back(parts, w, shape)


def _empty(shape: tuple[int, ...], like: Array) -> Array:
    order, back = _kernels.order_in_memory(like.strides)
    return type(like)([shape[axis] for axis in order], like.dtype).transpose(back)


def _zeros(shape: tuple[int, ...], like: Array) -> Array:
    order, back = _kernels.order_in_memory(like.strides)
    return np.zeros([shape[axis] for axis in order], like.dtype).transpose(back)
