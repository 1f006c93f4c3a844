"""Gradients handed in and out, as raw arrays: what is refused, and what an owner may write into."""

from __future__ import annotations

import operator
import sys
import threading
from types import CodeType
from typing import Any, NamedTuple

from . import _kernels, lean
from . import xp as _xp
from .xp import Array, ndarray

__all__ = ["Place", "check_differentiable", "check_gradient", "deliver", "exclusive", "place", "unit_gradient"]

_writing = threading.Lock()
_ones: dict[Any, Array] = {}  # CuPy's arrays of one 1, made on the null stream of the only GPU, by class, shape and dtype
_UNITS = {cls: cls(1) for cls in (_xp.numpy.float64, _xp.numpy.float32)}


def check_differentiable(data: Array, where: str) -> None:
    """Raise TypeError for an array that has no derivatives."""
    if not _xp.is_floating(data):
        raise TypeError(
            f"{where}: only floating and complex arrays have gradients, got dtype {data.dtype}; convert it first (astype)"
        )


def unit_gradient(data: Array, shared: bool = False) -> Array:
    """The gradient of a loss with respect to itself. Raises where `data` is no loss: several elements, or complex.

    `shared` allows an array that others have been given too: CuPy's are kept, since to make one takes as long as a product.
    """
    cls = type(data)
    if cls in _UNITS:
        return _UNITS[cls]
    keeps = shared and cls in _xp.device_arrays and _xp.guard is None and _kernels.is_on_null_stream()
    if keeps and (cls, data.shape, data.dtype) in _ones:
        return _ones[cls, data.shape, data.dtype]
    if data.shape and _xp.size(data) != 1:
        raise ValueError(
            f"backward: this tensor has shape {tuple(data.shape)}. "
            "Give backward() a gradient of that shape, or reduce to a scalar (sum, mean)"
        )
    if _xp.is_complex(data):
        raise TypeError(
            "backward: the loss is complex, which has no order to descend in: take its real part or abs, or give backward() a gradient"
        )
    ones = _xp.as_scalar(_xp.on_its_device(lean.ones_like, data))
    if keeps:
        _ones[cls, data.shape, data.dtype] = ones
    return ones


def check_gradient(data: Array, gradient: Any, name: str) -> None:
    """Raise where a gradient does not fit `data`: in library, shape, kind of dtype, or device. Nothing is broadcast or moved."""
    if not _xp.is_array(gradient):
        raise TypeError(f"{name}: the gradient must be an array of {_xp.library_of(data)}, got {_xp.type_in_words(gradient)}")
    if _xp.array_namespace(gradient) is not _xp.array_namespace(data):
        raise TypeError(
            f"{name}: the gradient is an array of {_xp.library_of(gradient)}, the tensor of {_xp.library_of(data)}; "
            "move it with Tensor.to"
        )
    if tuple(gradient.shape) != tuple(data.shape):
        raise ValueError(
            f"{name}: the gradient has shape {tuple(gradient.shape)}, the tensor {tuple(data.shape)}; nothing is broadcast here"
        )
    if _xp.kind(gradient) != _xp.kind(data):
        raise TypeError(
            f"{name}: the gradient has dtype {gradient.dtype}, the tensor {data.dtype}: another kind; convert it first (astype)"
        )
    if not _xp.same_device(gradient, data):
        raise ValueError(
            f"{name}: the gradient is on device {_xp.device(gradient)}, the tensor on {_xp.device(data)}; move it with to_device"
        )


def _in_its_dtype(tensor: Any, gradient: Any) -> Any:
    """A gradient in the dtype of what it is the gradient of: NumPy and CuPy compute some functions of 16 bits in more."""
    dtype = tensor._data.dtype
    if gradient.dtype is dtype or gradient.dtype == dtype:
        return gradient
    return gradient._astype(dtype) if _xp.is_wrapper(gradient) else _xp.on_its_device(_xp.narrowed, gradient, tensor._data)


def exclusive(tensor: Any, gradient: Any, given: set[int]) -> Any:
    """A tensor's gradient to hand out: a copy, if it is a view of an array, or was handed in or out before (its id is in `given`)."""
    gradient = _in_its_dtype(tensor, gradient)
    if not (type(gradient) is ndarray or type(gradient) in _xp.device_arrays) or gradient.base is not None:
        if not _xp.is_wrapper(gradient):
            gradient = _xp.exclusive(gradient)
    number = id(gradient)
    if number in given:
        gradient = _xp.on_its_device(_xp.copied, gradient)
        number = id(gradient)
    given.add(number)
    return gradient


def deliver(arrived: dict[int, list[Any]], seed: Any) -> None:
    """Add the gradients of a pass that began with `seed` to those the tensors have: all, or none. Each gets an array of its own."""
    given = {id(seed)}
    with _writing:
        for end in arrived.values():
            tensor, gradient = end
            extra = tensor._extra or tensor._extras()
            if extra.gradient is not None:
                end[1] = _xp.on_its_device(operator.add, extra.gradient, _in_its_dtype(tensor, gradient))
            elif (
                type(gradient) is ndarray
                and gradient.base is None
                and gradient.dtype is tensor._data.dtype
                and (number := id(gradient)) not in given
            ):  # as most are
                given.add(number)
            else:
                end[1] = exclusive(tensor, gradient, given)
        for tensor, gradient in arrived.values():
            tensor._extra.gradient = gradient


class Place(NamedTuple):
    """A place in a program: `str` gives its file and line, which are looked up only then."""

    code: CodeType
    instruction: int

    @property
    def line(self) -> int:
        """The number of the line."""
        lines = [line for start, end, line in self.code.co_lines() if start <= self.instruction < end]
        return lines[0] if lines and lines[0] is not None else self.code.co_firstlineno

    def __str__(self) -> str:
        return f"{self.code.co_filename}:{self.line}"


def place() -> Place:
    """Where, outside this package, it is called."""
    frame = sys._getframe(2)  # who asks is of this package
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
        frame = frame.f_back
    return Place(frame.f_code, frame.f_lasti)
