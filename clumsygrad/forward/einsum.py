"""einsum, composed of products, transposes and sums: differentiable by their rules, in every library."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..xp import Array, optional
from .arithmetic import multiply
from .indexing import _getitem
from .manipulation import permute_dims, reshape
from .products import matmul
from .reductions import sum as _sum

__all__ = ["einsum"]

# A label is the letter of a named axis, or the number, from the end (−1, −2 ...), of an axis that the ellipsis stands for.
Label = str | int
Labels = tuple[Label, ...]
Term = tuple[Array, Labels]


def einsum(subscripts: str, /, *operands: Array) -> Array:
    """The sum of products that `subscripts` names: "ij,jk->ik" is a matrix product, "ii->" a trace, "...i,...i" a batch of dots.

    Each operand has a letter for each axis. A letter that the output lacks is summed over; without "->" the output has the letters
    that occur once, in the order of the alphabet, after the axes of the ellipsis. A letter twice in one operand takes the diagonal.
    Axes of length 1 broadcast. Nothing is conjugated. Three operands and more are multiplied two by two in the order that
    opt_einsum finds to be cheap, or from left to right where it is not installed. (Not in the standard.)

    Raises ValueError where the subscripts do not fit the operands or each other.

    >>> import clumsygrad as cg
    >>> x = cg.asarray([[1.0, 2.0], [3.0, 4.0]])
    >>> cg.einsum("ij,ij->i", x, x)
    Tensor(array([ 5., 25.]))
    >>> cg.einsum("ii", x)
    Tensor(array(5.))
    """
    shapes = tuple([tuple(x.shape) for x in operands])
    inputs, output, sizes = _parsed(subscripts, shapes)
    terms = [_stretchable(*_diagonal(x, labels), sizes) for x, labels in zip(operands, inputs, strict=True)]
    for group in _order(terms, output):
        factors = [terms[i] for i in group]
        terms = [term for i, term in enumerate(terms) if i not in group]
        while len(factors) > 1:
            wanted = {*output, *[label for _, labels in factors[2:] + terms for label in labels]}
            factors = [_product(factors[0], factors[1], wanted), *factors[2:]]
        terms += factors
    x, labels = _summed(terms[0], output)
    return _arranged(x, labels, output)


# The subscripts -------------------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=256)
def _parsed(subscripts: str, shapes: tuple[tuple[int, ...], ...]) -> tuple[tuple[Labels, ...], Labels, dict[Label, int]]:
    """The labels of each operand and of the output, and the length that goes with each label."""
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    parts = left.split(",")
    if len(parts) != len(shapes):
        raise ValueError(f"einsum: {subscripts!r} is for {len(parts)} operands, {len(shapes)} were given")
    inputs = tuple([_labels(part, len(shape), subscripts) for part, shape in zip(parts, shapes, strict=True)])
    sizes: dict[Label, int] = {}
    for labels, shape in zip(inputs, shapes, strict=True):
        for label, length in zip(labels, shape, strict=True):
            known = sizes.setdefault(label, length)
            if known == 1:
                sizes[label] = length
            elif length not in (1, known):
                raise ValueError(f"einsum: in {subscripts!r} {_called(label)} has the lengths {known} and {length}: {shapes}")
    ellipsis = tuple(sorted([x for x in sizes if isinstance(x, int)]))
    if not arrow:
        letters = left.replace(",", "").replace(".", "")
        return inputs, ellipsis + tuple(sorted([x for x in set(letters) if letters.count(x) == 1])), sizes
    output = _labels(right, len(ellipsis) + len(right.replace("...", "")), subscripts)
    unknown = [label for label in output if label not in sizes]
    if unknown or len(set(output)) != len(output):
        raise ValueError(f"einsum: in {subscripts!r} the output must have letters of the operands, each of them once")
    return inputs, output, sizes


def _labels(part: str, ndim: int, subscripts: str) -> Labels:
    """The labels of an operand of `ndim` axes."""
    before, ellipsis, after = part.partition("...")
    letters = before + after
    hidden = ndim - len(letters)
    if any(not x.isalpha() for x in letters):
        raise ValueError(f"einsum: {subscripts!r} may have letters, commas, one '->', and one '...' an operand")
    if hidden < 0 or (hidden and not ellipsis):
        raise ValueError(f"einsum: in {subscripts!r} {part!r} names {len(letters)} axes of an operand that has {ndim}")
    return (*before, *range(-hidden, 0), *after)


def _called(label: Label) -> str:
    return f"axis {label} of the ellipsis" if isinstance(label, int) else repr(label)


# One operand ----------------------------------------------------------------------------------------------------------------------


def _diagonal(x: Array, labels: Labels) -> Term:
    """x, read along the diagonal of the axes that share a label."""
    for label in set(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            n = x.shape[first]
            if x.shape[second] != n:
                raise ValueError(
                    f"einsum: {_called(label)} stands for axes of {n} and {x.shape[second]} in one operand, which must be equally long"
                )
            others = [i for i in range(len(labels)) if i not in (first, second)]
            x = permute_dims(x, (*others, first, second))
            x = _getitem(reshape(x, (*x.shape[:-2], n * n)), (..., slice(None, None, n + 1)))
            labels = (*[labels[i] for i in others], label)
    return x, labels


def _stretchable(x: Array, labels: Labels, sizes: dict[Label, int]) -> Term:
    """x without the axes of length 1 that broadcast to longer ones: a factor that lacks an axis is the same all along it."""
    stays = [i for i, label in enumerate(labels) if x.shape[i] == sizes[label]]
    if len(stays) == len(labels):
        return x, labels
    return reshape(x, tuple([x.shape[i] for i in stays])), tuple([labels[i] for i in stays])


def _summed(term: Term, wanted: Iterable[Label]) -> Term:
    """A factor, summed over the labels that are not wanted."""
    x, labels = term
    axes = tuple([i for i, label in enumerate(labels) if label not in wanted])
    if not axes:
        return term
    return _sum(x, axis=axes, dtype=x.dtype), tuple([label for label in labels if label in wanted])


def _arranged(x: Array, labels: Labels, order: Labels) -> Array:
    """x with its axes in the order of the labels `order`."""
    return x if labels == order else permute_dims(x, tuple([labels.index(label) for label in order]))


# Two operands ---------------------------------------------------------------------------------------------------------------------


def _product(one: Term, other: Term, wanted: set[Label]) -> Term:
    """The product of two factors, summed over the labels that are not wanted: as a batch of matrix products."""
    x, x_labels = _summed(one, wanted.union(other[1]))
    y, y_labels = _summed(other, wanted.union(x_labels))
    shared = [label for label in x_labels if label in y_labels]
    batch = tuple([label for label in shared if label in wanted])
    inner = tuple([label for label in shared if label not in wanted])
    rows = tuple([label for label in x_labels if label not in shared])
    columns = tuple([label for label in y_labels if label not in shared])
    x = _arranged(x, x_labels, batch + rows + inner)
    y = _arranged(y, y_labels, batch + inner + columns)
    lengths = tuple(x.shape[: len(batch)])
    height, width = tuple(x.shape[len(batch) : len(batch + rows)]), tuple(y.shape[len(batch + inner) :])
    if inner:
        n = math.prod(x.shape[len(batch + rows) :])
        x = reshape(x, (*lengths, math.prod(height), n))
        y = reshape(y, (*lengths, n, math.prod(width)))
        z = matmul(x, y)
    else:
        z = multiply(reshape(x, lengths + height + (1,) * len(width)), reshape(y, lengths + (1,) * len(height) + width))
    return reshape(z, lengths + height + width), batch + rows + columns


# The order ------------------------------------------------------------------------------------------------------------------------


def _order(terms: Sequence[Term], output: Labels) -> Sequence[tuple[int, ...]]:
    """Which factors to multiply next, by position: those are taken out, and their product comes last."""
    if len(terms) < 3:
        return [tuple(range(len(terms)))]
    return _path(tuple([labels for _, labels in terms]), output, tuple([tuple(x.shape) for x, _ in terms]))


@functools.lru_cache(maxsize=256)
def _path(inputs: tuple[Labels, ...], output: Labels, shapes: tuple[tuple[int, ...], ...]) -> Sequence[tuple[int, ...]]:
    contract_path = _planner()
    if contract_path is None:
        return [tuple(range(len(inputs)))]
    present = {label for labels in inputs for label in labels}
    letters = {label: chr(0x100 + i) for i, label in enumerate(sorted(present, key=str))}
    words = ["".join([letters[label] for label in labels]) for labels in (*inputs, output)]
    path: list[tuple[int, ...]] = contract_path(",".join(words[:-1]) + "->" + words[-1], *shapes, shapes=True)[0]
    return path


@functools.cache
def _planner() -> Callable[..., Any] | None:
    """opt_einsum's search for a cheap order, where it is installed."""
    try:
        return optional("opt_einsum").contract_path  # type: ignore[no-any-return]
    except ModuleNotFoundError:
        return None
