"""Making the operands of an operation fit together: one library, one device, one dtype; or saying why they do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from . import _transfer
from . import xp as _xp
from .tensor import Tensor
from .xp import SCALARS, array_namespace, is_array, numpy

Function = Callable[..., Any]


def raw(x: Any) -> Any:
    return x._data if type(x) is Tensor else x


def is_number(x: Any) -> bool:
    """Whether x is a number of Python's or NumPy's: an array in no library yet."""
    return type(x) in SCALARS or isinstance(x, numpy.generic)


def first_array(values: Iterable[Any]) -> Any:
    """The first that is an array, or the array of the first tensor; None without one."""
    return next((raw(x) for x in values if not is_number(x) and is_array(raw(x))), None)


def first_tensor(values: Any) -> Tensor | None:
    """The first tensor in an argument, or in nested lists and tuples of arguments; None without one."""
    if type(values) is Tensor:
        return values
    if isinstance(values, (list, tuple)):
        return next((x for x in map(first_tensor, values) if x is not None), None)
    return None


def number_like(x: Any, like: Any) -> Any:
    """A number as an array in the library and on the device of the raw array `like`; of NumPy, if that is None."""
    data = Tensor(x)._data
    return data if like is None or _xp.library_of(like) == "numpy" or not _xp.is_floating(data) else _transfer.moved(data, like)


def as_array(x: Any, like: Any) -> Any:
    """A number, array or tensor as a raw array; a number as one like the raw array `like` (of NumPy, if that is None)."""
    return _xp.as_0d_array(number_like(x, like)) if is_number(x) else Tensor(x).data


def agreed(forward: Function, values: tuple[Any, ...], counts: frozenset[int] = frozenset()) -> tuple[Any, ...]:
    """The operands with one library, one device and (where floating) one dtype; lists and NumPy scalars become what they stand for.

    Raises TypeError for two libraries, ValueError for two devices.
    """
    first = next(x for x in values if type(x) is Tensor)
    xp = array_namespace(first._data)
    values = tuple([_operand(forward, x, xp) for x in values])
    arrays = [raw(x) for x in values if type(x) not in SCALARS and x is not None]
    _check_one_place(forward, arrays, xp)
    if counts:
        arrays = [raw(x) for i, x in enumerate(values) if i not in counts and is_array(raw(x))]
    floating = [a for a in arrays if _xp.is_floating(a)]
    scalars = [x for x in values if type(x) is complex]
    if not floating or (len(arrays) == 1 and not scalars):
        return values
    dtype = floating[0].dtype
    if any(a.dtype is not dtype for a in arrays) or scalars:
        numeric = [a for a in arrays if a.dtype != xp.bool] if len(floating) < len(arrays) else arrays
        dtype = xp.result_type(*numeric, *scalars)
        values = tuple([_cast(x, dtype) for x in values])
    return values


def array_like(like: Tensor, x: complex) -> Any:
    """A number as an array of the library of `like`, where that is, and in its dtype if it fits."""
    xp = array_namespace(like._data)
    return _transfer.moved(xp.asarray(x, dtype=xp.result_type(like._data, x)), like.data)


def _cast(x: Any, dtype: Any) -> Any:
    """A floating operand in the common dtype, by a recorded cast."""
    if type(x) in SCALARS or x is None:
        return x
    data = raw(x)
    if data.dtype == dtype or not _xp.is_floating(data):
        return x
    return x._astype(dtype) if type(x) is Tensor else _xp.on_its_device(array_namespace(x).astype, x, dtype)


def is_operand(x: Any) -> bool:
    return type(x) is Tensor or type(x) in SCALARS or is_array(x)


def _operand(forward: Function, x: Any, xp: Any) -> Any:
    if isinstance(x, numpy.generic) and xp is not numpy:
        return x.item()
    if is_operand(x) or x is None:
        return x
    instead = "; give its to_numpy()" if hasattr(x, "to_numpy") else ""
    raise TypeError(
        f"{forward.__name__.lstrip('_')}: an operand is {_xp.type_in_words(x)}; "
        f"it must be a Tensor, an array of {_xp.name_of(xp)} or a number{instead}"
    )


def _check_one_place(forward: Function, arrays: list[Any], xp: Any) -> None:
    for a in arrays:
        other = array_namespace(a)
        if other is not xp:
            names = _xp.name_of(xp), _xp.name_of(other)
            raise TypeError(
                f"{forward.__name__.lstrip('_')}: the operands are arrays of {names[0]} and {names[1]}; "
                f"move one, with x.to({names[0]!r}) or x.to({names[1]!r}): nothing is moved silently"
            )
        if not _xp.same_device(a, arrays[0]):
            raise ValueError(
                f"{forward.__name__.lstrip('_')}: the operands are on devices {_xp.device(arrays[0])} and {_xp.device(a)}; "
                "move one, with x.to_device(device): nothing is moved silently"
            )
