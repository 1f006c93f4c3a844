"""Functions composed of other operations, and so differentiable by them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import xp as _xp
from ..tensor import Tensor
from ..xp import Array, array_namespace
from . import manipulation as _m
from .elementwise import where
from .indexing import _getitem, _read, scatter_add, take
from .manipulation import argsort, broadcast_to, concat, reshape, searchsorted
from .reductions import _diff

__all__ = [
    "apply_where",
    "broadcast_arrays",
    "broadcast_shapes",
    "diff",
    "meshgrid",
    "pad",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
    "unstack",
]


def unstack(x: Array, /, *, axis: int = 0) -> tuple[Array, ...]:
    """The slices of x along `axis`: views, as those of `x[i]` are."""
    axis = _from_front(axis, x, "unstack")
    before = (slice(None),) * axis
    read = _read if type(x) is Tensor else _getitem
    return tuple([read(x, (*before, i, ...)) for i in range(x.shape[axis])])


def _from_front(axis: int, x: Array, name: str) -> int:
    """An axis counted from the front. Raises IndexError where x has none of that number."""
    ndim = len(x.shape)
    if not -ndim <= axis < ndim:
        raise IndexError(f"{name}: axis {axis} is out of range for an operand of shape {tuple(x.shape)}")
    return axis % ndim


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that arrays of these shapes broadcast to. Raises ValueError where they do not."""
    return tuple(_xp.numpy.broadcast_shapes(*shapes))


def broadcast_arrays(*arrays: Array) -> tuple[Array, ...]:
    """The arrays, each broadcast to the shape that all of them broadcast to."""
    shape = broadcast_shapes(*[tuple(x.shape) for x in arrays])
    return tuple([broadcast_to(x, shape) for x in arrays])


def meshgrid(*arrays: Array, indexing: str = "xy") -> tuple[Array, ...]:
    """The coordinates of a grid: each 1-d array broadcast along the axes of all others.

    With "ij" the i-th array runs along axis i; with "xy" the first two are exchanged.
    """
    return broadcast_arrays(*sparse_meshgrid(*arrays, indexing=indexing))


def sparse_meshgrid(*arrays: Array, indexing: str = "xy") -> tuple[Array, ...]:
    """The arrays of `meshgrid` before they are broadcast: of length 1 along the axes of all others."""
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing must be 'xy' or 'ij', got {indexing!r}")
    n = len(arrays)
    places = list(range(n))
    if indexing == "xy" and n > 1:
        places[0], places[1] = 1, 0
    lengths = [x.shape[0] if x.shape else 1 for x in arrays]
    return tuple(
        [
            reshape(x, tuple([length if i == place else 1 for i in range(n)]))
            for x, place, length in zip(arrays, places, lengths, strict=True)
        ]
    )


def diff(x: Array, /, *, axis: int = -1, n: int = 1, prepend: Array | None = None, append: Array | None = None) -> Array:
    """The differences of neighbours along `axis`, n times; `prepend` and `append` are joined to x first."""
    if n < 0:
        raise ValueError(f"diff: n must not be negative, got {n}")
    axis = _from_front(axis, x, "diff")
    parts = [part for part in (prepend, x, append) if part is not None]
    if len(parts) > 1 and n:
        x = concat(parts, axis=axis)
    for _ in range(n):
        x = _diff(x, axis=axis)
    return x


def pad(x: Array, /, pad_width: Any, mode: str = "constant", *, constant_values: Any = 0) -> Array:
    """x with `constant_values` before and after it: `pad_width` is a number, one pair for all axes, or a pair for each axis.

    The constants are numbers in the same three forms. (Not in the standard; of the form of NumPy's function, for the mode
    "constant" alone: numpy.pad of a tensor has the others.)

    >>> import clumsygrad as cg
    >>> cg.pad(cg.asarray([1.0, 2.0]), (1, 2), constant_values=5.0)
    Tensor(array([5., 1., 2., 5., 5.]))
    """
    if mode != "constant":
        raise ValueError(f"pad: mode must be 'constant', got {mode!r}: numpy.pad of a tensor has others")
    sides = (len(x.shape), 2)
    widths = _xp.numpy.asarray(pad_width)
    if widths.dtype.kind not in "iu":
        raise TypeError(f"pad: pad_width must be of integers, got {pad_width}")
    widths = _xp.numpy.broadcast_to(widths, sides).tolist()
    if any(width < 0 for pair in widths for width in pair):
        raise ValueError(f"pad: pad_width must not be negative, got {pad_width}: to leave elements out, take a slice")
    constants = _xp.numpy.broadcast_to(_xp.numpy.asarray(constant_values), sides)
    if not constants.any():
        key = tuple([slice(before, before + n) for (before, _), n in zip(widths, x.shape, strict=True)])
        return scatter_add(x, key, tuple([n + sum(pair) for pair, n in zip(widths, x.shape, strict=True)]))
    for axis, values in enumerate(constants.tolist()):
        before, after = [
            _xp.on_its_device(_filled, x, (*x.shape[:axis], width, *x.shape[axis + 1 :]), value)
            for width, value in zip(widths[axis], values, strict=True)
        ]
        x = concat([before, x, after], axis=axis)
    return x


def _filled(x: Array, shape: tuple[int, ...], value: complex) -> Array:
    """An array of `shape` in the library, on the device and of the dtype of x."""
    return array_namespace(x).full(shape, value, dtype=x.dtype, device=_xp.device(x))


def unique_all(x: Array, /) -> tuple[Array, Array, Array, Array]:
    """The distinct values of x, where each is first found, which one each element is, and how often each occurs.

    Of equal elements the first has the gradient.
    """
    found: Any = _m.unique_all(x)
    return found._replace(values=_read_off(x, found.values, found.inverse_indices))  # type: ignore[no-any-return]


def unique_counts(x: Array, /) -> tuple[Array, Array]:
    """The distinct values of x, and how often each occurs. Of equal elements the first has the gradient."""
    found: Any = _m.unique_counts(x)
    return found._replace(values=_read_off(x, found.values))  # type: ignore[no-any-return]


def unique_inverse(x: Array, /) -> tuple[Array, Array]:
    """The distinct values of x, and which one each element is. Of equal elements the first has the gradient."""
    found: Any = _m.unique_inverse(x)
    return found._replace(values=_read_off(x, found.values, found.inverse_indices))  # type: ignore[no-any-return]


def unique_values(x: Array, /) -> Array:
    """The distinct values of x. Of equal elements the first has the gradient."""
    return _read_off(x, _m.unique_values(x))


def _read_off(x: Array, values: Array, inverse: Array | None = None) -> Array:
    """The distinct values as elements of x, where x is differentiated."""
    if not (_xp.is_wrapper(x) and x.requires_grad):
        return values
    inverse = reshape(_m.unique_inverse(x)[1] if inverse is None else inverse, (-1,))
    order = argsort(inverse)
    each = array_namespace(inverse).arange(values.shape[0], dtype=inverse.dtype, device=inverse.device)
    return take(reshape(x, (-1,)), take(order, searchsorted(take(inverse, order), each)))


def apply_where(
    condition: Array,
    args: Array | tuple[Array, ...],
    f1: Callable[..., Array],
    f2: Callable[..., Array] | None = None,
    /,
    *,
    fill_value: complex | None = None,
) -> Array:
    """f1(*args) where `condition`, else f2(*args) or `fill_value`, with no nan in the gradient from the branch that is not chosen.

    Where a function is not chosen it sees 1 in place of its arguments. So a branch that has no finite value or derivative at the
    arguments leaves no nan in the gradient, as it would with `where(condition, f1(x), f2(x))`. (Not in the standard; of the form of
    array-api-extra's function of this name.)

    >>> import clumsygrad as cg
    >>> import numpy as np
    >>> f = lambda x: cg.apply_where(x > 0, x, cg.sqrt, fill_value=0.0)
    >>> cg.func.grad(lambda x: cg.sum(f(x)))(np.asarray([4.0, 0.0]))
    array([0.25, 0.  ])
    """
    if (f2 is None) == (fill_value is None):
        raise TypeError(f"apply_where: give exactly one of f2 and fill_value, got {'neither' if f2 is None else 'both'}")
    args = args if isinstance(args, tuple) else (args,)
    chosen = f1(*[where(condition, x, 1) for x in args])
    other = fill_value if f2 is None else f2(*[where(condition, 1, x) for x in args])
    return where(condition, chosen, other)
