"""Whole Jacobians and Hessians, one pass for each row or column."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

from .. import _tree
from .. import xp as _xp
from ..tensor import Tensor
from ._scope import _Pullback, _Pushforward, name_of
from .forward import gradient_pullback
from .reverse import Argnums, chosen, evaluated

__all__ = ["hessian", "jacobian"]


def jacobian(f: Callable[..., Any], argnums: Argnums = 0, *, by: str | None = None) -> Callable[..., Any]:
    """The Jacobian of a function: the derivative of every element of the result with respect to every element of the argument.

    For an array from an array it has shape result.shape + argument.shape. Where the result is a tree, so is the Jacobian, and each of
    its leaves is a tree like the argument (a tuple of those, where `argnums` is a tuple). Its dtype is the one that argument and
    result promote to.

    by="rows" takes one pass for each element of the result, by="columns" one for each element of the arguments (and one more to begin
    with); by default the fewer. Under jax.jit the passes are unrolled.

    Complex arrays: with complex arguments and results `f` must be holomorphic (which is not checked), and J is its complex
    derivative; of real arguments, J is complex where the result is. A real result of a complex argument has its gradients as rows,
    ∂f/∂Re z + i ∂f/∂Im z.

    Raises TypeError for integer arguments, and for results that are no tree of arrays.

    >>> import numpy as np, clumsygrad as cg
    >>> cg.func.jacobian(lambda x: x * x[0])(np.asarray([1.0, 2.0]))
    array([[2., 0.],
           [2., 1.]])
    """
    if by not in (None, "rows", "columns"):
        raise ValueError(f"jacobian: by must be 'rows', 'columns' or None, got {by!r}")

    @functools.wraps(f)
    def matrix(*args: Any, **kwargs: Any) -> Any:
        name = f"jacobian of {name_of(f)}"
        scope, out, _ = evaluated(f, argnums, args, kwargs, name)
        leaves, structure = _tree.flatten(out)
        pull = _Pullback(scope, leaves)
        arguments = scope.leaves()
        few = _count(pull.outputs, name) <= _count(arguments, name) if by is None else by == "rows"
        blocks = _by_rows(pull, arguments) if few else _by_columns(pull, arguments)
        return _tree.unflatten(structure, [chosen(argnums, scope.arranged(row)) for row in blocks])

    return matrix


def hessian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The Hessian of a real scalar function: the matrix of its second derivatives, of shape argument.shape + argument.shape.

    For a tree p it is a tree like p whose leaves are trees like p: `hessian(f)(p)["a"]["b"]` has shape a.shape + b.shape. Where
    `argnums` is a tuple, it is a tuple of tuples. It takes one pass for each element of the arguments; `hvp` gives a product with it
    in one.

    Raises TypeError for results that are not one real number, and for complex arguments, whose second derivatives are no single
    matrix: use `hvp`, or write `f` as a function of the real and imaginary parts.

    >>> import numpy as np, clumsygrad as cg
    >>> cg.func.hessian(lambda x: x[0] ** 2 * x[1])(np.asarray([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """

    @functools.wraps(f)
    def matrix(*args: Any, **kwargs: Any) -> Any:
        name = f"hessian of {name_of(f)}"
        scope, pull = gradient_pullback(f, argnums, args, kwargs, name)
        arguments = scope.leaves()
        if any(_xp.is_complex(x._data) for x in arguments):
            raise TypeError(
                f"{name}: an argument is complex, and its second derivatives are no single matrix: "
                "use hvp, or differentiate with respect to the real and imaginary parts"
            )
        rows = [chosen(argnums, scope.arranged(row)) for row in _by_rows(pull, arguments)]
        return chosen(argnums, scope.arranged(rows))

    return matrix


def _by_rows(pull: _Pullback, arguments: Sequence[Tensor]) -> list[list[Any]]:
    """Blocks [output leaf][argument leaf], by one pullback for each element of each output (two, for complex ones of real arguments)."""
    twice = any(_xp.kind(x._data) == "real floating" for x in arguments)
    blocks = []
    for number, out in enumerate(pull.outputs):
        rows: list[list[Any]] = [[] for _ in arguments]
        for basis in _xp.on_its_device(_basis, out) if out._tracked else ():
            parts = pull(_alone(basis, number, len(pull.outputs)))
            if _xp.is_complex(out._data):
                imaginary = pull(_alone(_times_i(basis), number, len(pull.outputs))) if twice else parts
                parts = [_xp.on_its_device(_complex_row, a, b) for a, b in zip(parts, imaginary, strict=True)]
            for row, part in zip(rows, parts, strict=True):
                row.append(part)
        in_tensors = pull.scope.in_tensors
        pairs = zip(rows, arguments, strict=True)
        blocks.append([_xp.on_its_device(_block, row, out, x, 0, in_tensors) for row, x in pairs])
    return blocks


def _by_columns(pull: _Pullback, arguments: Sequence[Tensor]) -> list[list[Any]]:
    """Blocks [output leaf][argument leaf], by one pushforward for each element of each argument (two, for real outputs of complex ones)."""
    push = _Pushforward(pull)
    twice = any(_xp.kind(out._data) == "real floating" for out in pull.outputs)
    blocks: list[list[Any]] = [[] for _ in pull.outputs]
    for number, x in enumerate(arguments):
        columns: list[list[Any]] = [[] for _ in pull.outputs]
        for basis in _xp.on_its_device(_basis, x):
            parts = push(_alone(basis, number, len(arguments)))
            if _xp.is_complex(x._data) and twice:
                imaginary = push(_alone(_times_i(basis), number, len(arguments)))
                parts = [_xp.on_its_device(_complex_column, a, b) for a, b in zip(parts, imaginary, strict=True)]
            for column, part in zip(columns, parts, strict=True):
                column.append(part)
        for row, column, out in zip(blocks, columns, pull.outputs, strict=True):
            parts = column if out._tracked else []
            row.append(_xp.on_its_device(_block, parts, out, x, -1, pull.scope.in_tensors))
    return blocks


def _count(tensors: Sequence[Tensor], name: str) -> int:
    sizes = [x.size for x in tensors]
    if None in sizes:
        raise TypeError(f"{name}: an array has an unknown shape, and so an unknown number of rows: compute it first")
    return sum(n for n in sizes if n is not None)


def _basis(x: Tensor) -> list[Any]:
    """For each element an array like x that is 1 there and 0 elsewhere."""
    matrix = _made_beside(x._data, "eye", x.size, x.dtype)
    return [_xp.array_namespace(matrix).reshape(matrix[k, ...], x.shape) for k in range(matrix.shape[0])]


def _made_beside(data: Any, name: str, size: Any, dtype: Any) -> Any:
    """A new array, by a creation function, in the library and on the device of another."""
    xp = _xp.array_namespace(data)
    make = functools.partial(getattr(xp, name), size, dtype=dtype)
    if _xp.name_of(xp) in ("jax", "dask"):
        return make()
    if _xp.guard is not None:
        return _xp.guard(lambda _: make(), data)
    return make(device=_xp.device(data))


def _times_i(seed: Any) -> Any:
    return _xp.on_its_device(operator.mul, seed, 1j)


def _alone(seed: Any, number: int, count: int) -> list[Any]:
    return [seed if i == number else None for i in range(count)]


def _complex_row(a: Any, b: Any) -> Any:
    """A row of the Jacobian of a complex output, from the pullbacks of 1 and i there.

    The pullback is x̄ = Jᴴ z̄, of which real arguments keep the real part: for them a = Re J and b = Im J; a complex one has a = conj J.
    """
    xp = _xp.array_namespace(a)
    return xp.conj(a) if _xp.is_complex(a) else _together(xp, a, b)


def _complex_column(a: Any, b: Any) -> Any:
    """The change of an output along 1 and i: for a real one both parts of its gradient, of a complex one its complex derivative."""
    return a if _xp.is_complex(a) else _together(_xp.array_namespace(a), a, b)


def _together(xp: Any, a: Any, b: Any) -> Any:
    dtype = xp.result_type(a.dtype, xp.complex64)
    return xp.astype(a, dtype) + xp.astype(b, dtype) * 1j


def _block(parts: list[Any], out: Tensor, x: Tensor, axis: int, in_tensors: bool) -> Any:
    """Rows (axis 0) or columns (axis −1), put side by side: an array of shape out.shape + x.shape. Zeros, if there are none."""
    xp = _xp.array_namespace(x._data)
    dtype = xp.result_type(out._data.dtype, x._data.dtype) if _xp.is_floating(out._data) else x._data.dtype
    shape = out.shape + x.shape
    if not parts:
        zeros = _made_beside(x._data, "zeros", shape, dtype)
        return Tensor(zeros) if in_tensors else zeros
    xp = _xp.array_namespace(parts[0])
    matrix = xp.reshape(xp.stack(parts, axis=axis), shape)
    return matrix if matrix.dtype == dtype else xp.astype(matrix, dtype)
