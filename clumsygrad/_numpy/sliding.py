"""NumPy's convolution and correlation of vectors, and its windows, by their own names and with their own parameters."""

from __future__ import annotations

from typing import Any

from .. import _sliding, grad
from .. import xp as _xp
from .._operation import operation
from ..tensor import Tensor
from ..xp import Array
from ._arguments import axes_of, floating, refuse, shape_of, tensor, tensors

__all__ = ["convolve", "correlate"]


@operation(grad.convolve_backward)
def _convolve(a: Array, v: Array, /, *, start: int, length: int) -> Array:
    return _sliding.convolved(a, v, start, length)


@operation(grad.correlate_backward)
def _correlate(a: Array, v: Array, /, *, start: int, length: int) -> Array:
    return _sliding.correlated(a, v, start, length)


@operation(grad.sliding_window_view_backward)
def _sliding_window_view(x: Array, /, *, axis: int, length: int) -> Array:
    return _sliding.windows(x, axis, length)


def convolve(a: Any, v: Any, mode: str = "full") -> Array:
    """Σ_j a_j v_{k − j} of two vectors: for all k, for as many as the longer has ("same"), or where both overlap fully ("valid")."""
    a, v = _vectors(a, v)
    start, length = _reach(a.shape[0], v.shape[0], mode)
    return _convolve(a, v, start=start, length=length)


def correlate(a: Any, v: Any, mode: str = "valid") -> Array:
    """Σ_j a_{j + k} conj(v_j) of two vectors, for k as in `convolve`."""
    a, v = _vectors(a, v)
    n, m = a.shape[0], v.shape[0]
    start, length = _reach(n, m, mode)
    if n < m:  # NumPy slides the longer one over the shorter, and turns the result round
        start = n + m - 1 - start - length
    return _correlate(a, v, start=start - (m - 1), length=length)


def _vectors(a: Any, v: Any) -> tuple[Tensor, Tensor]:
    a, v = tensors(a, v)
    if len(a.shape) != 1 or len(v.shape) != 1 or not a.shape[0] or not v.shape[0]:
        raise ValueError(
            f"convolve, correlate: the operands must be vectors of at least one element, they are {a.shape}, {v.shape}"
        )
    return (a, v) if _xp.kind(a) == _xp.kind(v) == "integral" else (floating(a), floating(v))


def _reach(n: int, m: int, mode: str) -> tuple[int, int]:
    """Where in the full convolution of vectors of lengths n and m that of a mode starts, and how long it is."""
    short, long = min(n, m), max(n, m)
    reaches = {"full": (0, n + m - 1), "same": ((short - 1) // 2, long), "valid": (short - 1, long - short + 1)}
    if mode not in reaches:
        raise ValueError(f"mode must be one of 'valid', 'same', or 'full' (got {mode!r})")
    return reaches[mode]


def sliding_window_view(x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False) -> Array:
    """What a window sees of x from each place, along new last axes. (To be read: assigning to it leaves x as it is.)"""
    if writeable:
        refuse("lib.stride_tricks.sliding_window_view", "writeable=True", "assign to x itself")
    x = tensor(x)
    lengths = shape_of(window_shape)
    axes = axes_of(x, axis, "sliding_window_view")
    if len(lengths) != len(axes):
        given = (
            "Since axis is None, must provide window_shape for all dimensions of `x`"
            if axis is None
            else "Must provide matching length window_shape and axis"
        )
        raise ValueError(f"{given}; got {len(lengths)} window_shape elements and {len(axes)} axes.")
    for n, along in zip(lengths, axes, strict=True):
        if n < 0:
            raise ValueError("`window_shape` cannot contain negative values")
        if n > x.shape[along]:
            raise ValueError("window shape cannot be larger than input array shape")
        x = _sliding_window_view(x, axis=along, length=n)
    return x


LIB = {"stride_tricks.sliding_window_view": sliding_window_view}

Tensor._bind("_convolve", _convolve)
Tensor._bind("_correlate", _correlate)
