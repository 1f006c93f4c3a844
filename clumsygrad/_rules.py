"""Backward functions that users write: what they are given, and what they return, is checked."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from . import engine
from . import xp as _xp
from ._operands import raw
from .tensor import Tensor, record
from .xp import array_namespace

__all__ = ["checked", "raw_only"]

Rule = Callable[[Any, Any], tuple[Any, ...]]


def checked(rule: Rule) -> Rule:
    """A user's rule, whose gradients are checked for number, library, shape and dtype."""

    @functools.wraps(rule)
    def with_checks(tensor: Tensor, grad: Any) -> tuple[Any, ...]:
        gradients = rule(tensor, grad)
        name, parents = rule.__name__, tensor._parents
        if not isinstance(gradients, tuple) or len(gradients) != len(parents):
            got = f"{len(gradients)}" if isinstance(gradients, tuple) else _xp.type_in_words(gradients)
            raise TypeError(f"{name} must return a tuple of {len(parents)} gradients, one per operand; it returned {got}")
        for index, (x, g) in enumerate(zip(parents, gradients, strict=True)):
            if g is None or type(x) is not Tensor:
                continue
            if type(g) is not type(grad):
                data = raw(g)
                if not _xp.is_array(data) or array_namespace(data) is not array_namespace(x._data):
                    raise TypeError(
                        f"{name}: gradient {index} must be an array of {_xp.library_of(x._data)}, it is {_xp.type_in_words(g)}"
                    )
            if tuple(g.shape) != x.shape:
                raise ValueError(
                    f"{name}: gradient {index} must have its operand's shape {x.shape}, it has {tuple(g.shape)}; what was broadcast "
                    "must be summed back (clumsygrad.grad.unbroadcast)"
                )
            if g.dtype != x.dtype:
                raise TypeError(
                    f"{name}: gradient {index} must have its operand's dtype {x.dtype}, it has {g.dtype}: convert it (astype)"
                )
        if engine.wanted.get() is None:  # called directly, not by a pass, which takes gradients of tensors only
            return gradients
        return tuple([g if type(x) is Tensor else None for x, g in zip(parents, gradients, strict=True)])

    return with_checks


def raw_only(rule: Rule) -> Rule:
    """A rule that is no array-API code: it gets raw arrays also in a pass of Tensors, and what it gives can't be differentiated."""

    def first_order_only_backward(tensor: Tensor, grad: Any) -> tuple[Any, ...]:
        raise RuntimeError(
            f"{rule.__name__} is first order only (once=True): its gradient can't be differentiated again; "
            "a rule that is written in array functions, without once, can be"
        )

    @functools.wraps(rule)
    def with_raw_arrays(tensor: Tensor, grad: Any) -> tuple[Any, ...]:
        if type(grad) is not Tensor:
            return rule(tensor, grad)
        parents = (grad, *[x for x in tensor._parents if type(x) is Tensor])
        return tuple([None if g is None else record(g, first_order_only_backward, parents, None) for g in rule(tensor, grad._data)])

    return with_raw_arrays
