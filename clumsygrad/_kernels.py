"""Kernels for CuPy arrays: other spellings of a few bodies that training leans on, each for contiguous arrays of one floating dtype.

A function here returns None where no kernel serves (arrays of another library, Tensors, other dtypes, gaps in memory), and its caller
goes on with the body that serves every library, whose values the kernel gives. The sources are in _cuda/. CuPy compiles each on first
use, for the dtype and the GPU at hand, and keeps it on disk; nothing here imports CuPy before a CuPy array is met. Hyper-parameters are
arguments: a change compiles nothing. The tests compile all of it for two GPUs with none at hand, and run it on the host.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import _philox
from . import xp as _xp
from .xp import Array, array_namespace, device_arrays

__all__ = [
    "added_at",
    "address",
    "binary_cross_entropy",
    "cross_entropy",
    "cross_entropy_gradient",
    "dropout",
    "gelu",
    "gelu_gradient",
    "is_elsewhere",
    "layer_norm",
    "layer_norm_gradient",
    "log_softmax",
    "log_softmax_gradient",
    "softmax",
    "softmax_gradient",
    "step_of_adam",
    "step_of_sgd",
]

_FOLDER = Path(__file__).parent / "_cuda"
# The name under which common.cuh knows a dtype.
_NAMES = {"float32": "FLOAT32", "float64": "FLOAT64", "float16": "FLOAT16", "bfloat16": "BFLOAT16"}
_names: dict[Any, str | None] = {}

Size = tuple[int, int, int]


# Sources and launches -----------------------------------------------------------------------------------------------------------------


def source(file: str) -> str:
    """The text of a file of kernels, as it is compiled: after what all files share."""
    return "\n".join([(_FOLDER / name).read_text(encoding="utf-8") for name in ("common.cuh", f"{file}.cu")])


@functools.cache
def _compiled(file: str, name: str, dtype: str) -> Any:
    """A kernel, compiled for each GPU on its first launch there."""
    return _xp.optional("cupy").RawKernel(source(file), name, options=(f"-D{dtype}",))


def _launch(file: str, name: str, dtype: str, grid: Size, block: Size, arguments: Sequence[Any]) -> None:
    """Run a kernel on the current device and stream. Arguments are arrays, None (no array), NumPy scalars, or a struct by value."""
    _compiled(file, name, dtype)(grid, block, tuple(arguments))


def _served(x: Any, *others: Any) -> str | None:
    """The name of the dtype of arrays that a kernel can read on the current device (None stands for no array)."""
    if type(x) not in device_arrays or is_elsewhere(x):
        return None
    return _readable(x, *others)


def is_elsewhere(x: Array) -> bool:
    """Whether a CuPy array is on another device than the current: operations and rules run on its own, plain calls where they are made."""
    return _xp.guard is not None and bool(x.device.id != _xp.optional("cupy").cuda.runtime.getDevice())


def _readable(x: Any, *others: Any) -> str | None:
    """The name of the dtype of contiguous arrays of CuPy, all of one dtype."""
    if type(x) not in device_arrays or not x.size:
        return None
    dtype = x.dtype
    for a in (x, *others):
        if a is not None and (type(a) not in device_arrays or a.dtype != dtype or not a.flags.c_contiguous):
            return None
    return _name_of(dtype)


def _name_of(dtype: Any) -> str | None:
    try:
        return _names[dtype]
    except KeyError:
        return _names.setdefault(dtype, _NAMES.get(dtype.name))


def _for_each(n: int) -> tuple[Size, Size]:
    """The grid and the blocks with a thread for each of n elements."""
    return (min(-(-n // 256), 2**31 - 1), 1, 1), (256, 1, 1)


def _for_rows(rows: int, n: int) -> tuple[Size, Size]:
    """The grid and the blocks for rows of n elements: a warp for a short row, a block for a long one."""
    if n <= 1024:
        return (min(-(-rows // 8), 2**31 - 1), 1, 1), (32, 8, 1)
    return (min(rows, 2**31 - 1), 1, 1), (256 if n <= 8192 else 1024, 1, 1)


def _rows_of_last(x: Array, axis: int) -> tuple[int, int] | None:
    """The number and the length of the rows along `axis`, if that is the last."""
    if not x.shape or axis not in (-1, len(x.shape) - 1):
        return None
    n = int(x.shape[-1])
    return x.size // n, n


# Softmax and cross-entropy ------------------------------------------------------------------------------------------------------------


def softmax(x: Array, axis: int) -> Array | None:
    """exp(x) / Σ exp(x) along the last axis."""
    return _along_rows("softmax", axis, x)


def softmax_gradient(z: Array, grad: Array, axis: int) -> Array | None:
    """z ⊙ (z̄ − Σ z ⊙ z̄)."""
    return _along_rows("softmax_gradient", axis, z, grad)


def log_softmax(x: Array, axis: int) -> Array | None:
    """x − log Σ exp(x) along the last axis."""
    return _along_rows("log_softmax", axis, x)


def log_softmax_gradient(z: Array, grad: Array, axis: int) -> Array | None:
    """z̄ − exp(z) Σ z̄."""
    return _along_rows("log_softmax_gradient", axis, z, grad)


def _along_rows(name: str, axis: int, *arrays: Array) -> Array | None:
    dtype = _served(*arrays)
    rows = _rows_of_last(arrays[0], axis) if dtype else None
    if dtype is None or rows is None or any(a.shape != arrays[0].shape for a in arrays):
        return None
    out = array_namespace(arrays[0]).empty_like(arrays[0])
    _launch("rows", name, dtype, *_for_rows(*rows), [*arrays, out, *map(np.int64, rows)])
    return out


def cross_entropy(logits: Array, labels: Array, axis: int) -> tuple[Array, Array] | None:
    """−log softmax(logits)[label] of each row, and log Σ exp(logits)."""
    dtype = _served(logits)
    rows = _rows_of_last(logits, axis) if dtype else None
    if dtype is None or rows is None:
        return None
    xp = array_namespace(logits)
    losses = xp.empty(labels.shape, dtype=logits.dtype)
    sums = xp.empty((*logits.shape[:-1], 1), dtype=logits.dtype)
    arguments = [logits, _contiguous_integers(xp, labels), losses, sums, *map(np.int64, rows)]
    _launch("rows", "cross_entropy", dtype, *_for_rows(*rows), arguments)
    return losses, sums


def cross_entropy_gradient(logits: Array, labels: Array, sums: Array, grad: Array, axis: int, factor: float) -> Array | None:
    """(exp(logits − sums) − one-hot(label)) · z̄ · factor, z̄ one number, or one for each row."""
    dtype = _served(logits, sums, grad)
    rows = _rows_of_last(logits, axis) if dtype else None
    if dtype is None or rows is None:
        return None
    xp = array_namespace(logits)
    out = xp.empty_like(logits)
    each = np.int64(grad.size > 1)
    arguments = [logits, _contiguous_integers(xp, labels), sums, grad, out, *map(np.int64, rows), each, np.float64(factor)]
    _launch("rows", "cross_entropy_gradient", dtype, *_for_rows(*rows), arguments)
    return out


def _contiguous_integers(xp: Any, x: Array) -> Array:
    """An integer array as kernels read it."""
    return xp.ascontiguousarray(x, dtype=np.int64)


# Layer norm ---------------------------------------------------------------------------------------------------------------------------


def layer_norm(rows: Array, gain: Array | None, shift: Array | None, eps: float) -> tuple[Array, Array, Array] | None:
    """(x − mean) / σ · gain + shift of each row of a matrix; 1 / σ, σ = √(variance + eps), as a column; and the means, 1-d."""
    dtype = _served(rows, gain, shift)
    if dtype is None:
        return None
    xp = array_namespace(rows)
    count, n = rows.shape
    z = xp.empty_like(rows)
    mean, inverse = (xp.empty(shape, dtype=rows.dtype) for shape in ((count,), (count, 1)))
    arguments = [rows, gain, shift, z, mean, inverse, np.int64(count), np.int64(n), np.float64(eps)]
    _launch("rows", "layer_norm", dtype, *_for_rows(count, n), arguments)
    return z, inverse, mean


def layer_norm_gradient(
    rows: Array, grad: Array, mean: Array, inverse: Array, gain: Array | None, need_x: bool, need_parameters: bool
) -> tuple[Array | None, Array | None, Array | None] | None:
    """(h − mean h − n · mean(h ⊙ n)) / σ, h = z̄ ⊙ gain, n = (x − mean) / σ;   Σ z̄ ⊙ n and Σ z̄ over the rows."""
    dtype = _served(rows, grad, mean, inverse, gain)
    if dtype is None:
        return None
    xp = array_namespace(rows)
    count, n = rows.shape
    sizes = np.int64(count), np.int64(n)
    of_x = of_gain = of_shift = None
    if need_x:
        of_x = xp.empty_like(rows)
        arguments = [rows, grad, gain, mean, inverse, of_x, *sizes]
        _launch("rows", "layer_norm_gradient", dtype, *_for_rows(count, n), arguments)
    if need_parameters:
        parts = min(-(-count // 32), 128)  # of the rows, summed each by itself
        real = rows.dtype if dtype.startswith("FLOAT") and dtype != "FLOAT16" else np.float32
        of_gain, of_shift = (xp.empty((parts, n), dtype=real) for _ in range(2))
        arguments = [rows, grad, mean, inverse, of_gain, of_shift, *sizes]
        _launch("rows", "layer_norm_columns", dtype, (-(-n // 32), parts, 1), (32, 8, 1), arguments)
        of_gain, of_shift = (xp.astype(xp.sum(part, axis=0), rows.dtype, copy=False) for part in (of_gain, of_shift))
    return of_x, of_gain, of_shift


# Element by element -------------------------------------------------------------------------------------------------------------------


def gelu(x: Array, scale: float, cubic: float) -> Array | None:
    """x (1 + tanh u) / 2, u = x (scale + cubic x²)."""
    return _of_elements("gelu", scale, cubic, x)


def gelu_gradient(x: Array, grad: Array, scale: float, cubic: float) -> Array | None:
    """z̄ (Φ + 2 x Φ (1 − Φ) u′), Φ = (1 + tanh u) / 2."""
    return _of_elements("gelu_gradient", scale, cubic, x, grad)


def _of_elements(name: str, scale: float, cubic: float, *arrays: Array) -> Array | None:
    dtype = _served(*arrays)
    if dtype is None:
        return None
    x = arrays[0]
    out = array_namespace(x).empty_like(x)
    arguments = [*arrays, out, np.int64(x.size), np.float64(scale), np.float64(cubic)]
    _launch("elements", name, dtype, *_for_each(x.size), arguments)
    return out


def binary_cross_entropy(x: Array, labels: Array) -> tuple[Array, Array] | None:
    """Each loss, and its slope."""
    dtype = _served(x, labels)
    if dtype is None:
        return None
    losses, slope = (array_namespace(x).empty_like(x) for _ in range(2))
    _launch("elements", "binary_cross_entropy", dtype, *_for_each(x.size), [x, labels, losses, slope, np.int64(x.size)])
    return losses, slope


def dropout(x: Array, p: float, seed: int | Array, step: int | Array) -> Array | None:
    """x / (1 − p) where `_philox.keep_mask` is true, else 0. `seed` and `step` that are arrays are not served."""
    dtype = _served(x)
    if dtype is None or type(seed) is not int or type(step) is not int:
        return None
    out = array_namespace(x).empty_like(x)
    words = [*_philox.words_of(seed), *_philox.words_of(step), _philox.least_kept(p)]
    arguments = [x, out, np.int64(x.size), *map(np.uint32, words), np.float64(1 / (1 - p))]
    _launch("elements", "dropout", dtype, *_for_each(-(-x.size // 4)), arguments)
    return out


# Adding at indices --------------------------------------------------------------------------------------------------------------------

_PARTS = {"complex64": np.float32, "complex128": np.float64}


def added_at(rows: Array, where: Array, length: int, in_order: bool) -> Array | None:
    """Zeros (length, width), with each row of a matrix added at its index: in any order, or (slower) in that of the rows.

    A complex number is added as two real ones; 16 bits are summed in 32.
    """
    if type(rows) not in device_arrays or not rows.size:
        return None
    xp = array_namespace(rows)
    rows = xp.ascontiguousarray(rows)
    real = rows.view(_PARTS.get(rows.dtype.name, rows.dtype))
    dtype = _served(real)
    if dtype is None:
        return None
    count, width = real.shape
    sums = xp.zeros((length, width), dtype=np.float64 if dtype == "FLOAT64" else np.float32)
    where = _contiguous_integers(xp, where)
    sizes = np.int64(count), np.int64(width)
    if in_order:
        where = where % length
        arguments = [real, where, _contiguous_integers(xp, xp.argsort(where, stable=True)), sums, *sizes]
        _launch("scatter", "add_sorted_rows", dtype, *_for_each(real.size), arguments)
    else:
        _launch("scatter", "add_rows", dtype, *_for_each(real.size), [real, where, sums, *sizes, np.int64(length)])
    return xp.astype(sums, real.dtype, copy=False).view(rows.dtype)


# Optimizers ---------------------------------------------------------------------------------------------------------------------------

_TENSORS = 48  # of one launch: their addresses are arguments, for which there are 4 kilobytes
_PARAMETERS = np.dtype([("addresses", np.uint64, (7, _TENSORS)), ("size", np.int64, _TENSORS)])

Change = tuple[Array, Array, dict[str, Any]]  # a parameter, its gradient, and the optimizer's state of it


def step_of_sgd(changes: Sequence[Change], rate: float, momentum: float, decay: float) -> list[Array | None]:
    """The new parameters, with their velocities as new state; None for each that no kernel serves.

    v ← momentum · v + gradient + decay · x,   x ← x − rate · v.
    """
    return _stepped(changes, "sgd", ("velocity",) if momentum else (), (rate, momentum, decay))


def step_of_adam(
    changes: Sequence[Change],
    rate: float,
    betas: tuple[float, float],
    corrections: tuple[float, float],
    eps: float,
    decay: float,
    keep: float,
) -> list[Array | None]:
    """The new parameters, with means and squares as new state; None for each that no kernel serves.

    x ← keep · x − rate / corrections[0] · mean / (√square / corrections[1] + eps), `decay` · x being added to the gradient before.
    """
    numbers = (rate / corrections[0], *betas, corrections[1], eps, decay, keep)
    return _stepped(changes, "adam", ("mean", "square"), numbers)


def _stepped(changes: Sequence[Change], name: str, states: tuple[str, ...], numbers: tuple[float, ...]) -> list[Array | None]:
    """Launch one kernel for all parameters of a dtype and a device."""
    done: list[Array | None] = [None] * len(changes)
    groups: dict[tuple[str, int], list[int]] = {}
    for i, (x, gradient, state) in enumerate(changes):
        dtype = _readable(x, gradient, *state.values())
        if dtype is not None and all(a.shape == x.shape for a in (gradient, *state.values())):
            groups.setdefault((dtype, x.device.id if _xp.guard is not None else 0), []).append(i)
    for (dtype, _), members in groups.items():
        for start in range(0, len(members), _TENSORS):
            chosen = members[start : start + _TENSORS]
            arguments = changes[chosen[0]][0], [changes[i] for i in chosen], dtype, name, states, numbers
            made = _xp.on_its_device(_step_together, *arguments)
            for i, x in zip(chosen, made, strict=True):
                done[i] = x
    return done


def _step_together(
    x: Array, changes: Sequence[Change], dtype: str, name: str, states: tuple[str, ...], numbers: tuple[float, ...]
) -> list[Array]:
    """The new parameters, by one launch on the device of `x`, which is one of the old."""
    empty_like = array_namespace(x).empty_like
    parameters = np.zeros(1, _PARAMETERS)
    addresses, sizes = parameters["addresses"][0], parameters["size"][0]
    made, read = [], []
    for i, (x, gradient, state) in enumerate(changes):
        new = empty_like(x)
        made.append(new)
        sizes[i] = x.size
        addresses[0, i], addresses[1, i], addresses[4, i] = address(x), address(gradient), address(new)
        for k, key in enumerate(states):
            if key in state:
                read.append(state[key])  # until the launch nothing new may take its memory
                addresses[2 + k, i] = address(state[key])
            state[key] = empty_like(x)
            addresses[5 + k, i] = address(state[key])
    grid = (min(-(-int(sizes.max()) // 1024), 2**16), len(changes), 1)
    _launch("optimizers", name, dtype, grid, (256, 1, 1), [parameters, *map(np.float64, numbers)])
    return made


def address(x: Array) -> int:
    """Where in the device's memory an array begins."""
    return int(x.data.ptr)
