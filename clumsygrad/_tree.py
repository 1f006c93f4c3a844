"""Trees of arrays: dicts, lists, tuples, dataclasses, and what optree knows, taken apart and put together again."""

from __future__ import annotations

import dataclasses
from typing import Any

import optree

_NAMESPACE = "clumsygrad"
_leaf_types: set[type] = set()  # what was met as a leaf and is no dataclass


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """The leaves of a tree, and its structure. A dataclass is registered on first sight: its init fields are its children."""
    while True:
        leaves, structure = optree.tree_flatten(tree, namespace=_NAMESPACE)
        new = set(map(type, leaves)) - _leaf_types
        if not new:
            return leaves, structure
        for cls in new:
            if dataclasses.is_dataclass(cls):
                _register(cls)
            else:
                _leaf_types.add(cls)


def unflatten(structure: Any, leaves: list[Any]) -> Any:
    """The tree of that structure with these leaves."""
    return optree.tree_unflatten(structure, leaves)


def _register(cls: type) -> None:
    names = tuple([f.name for f in dataclasses.fields(cls) if f.init])

    def take_apart(x: Any) -> tuple[tuple[Any, ...], None, tuple[str, ...]]:
        return tuple([getattr(x, name) for name in names]), None, names

    def put_together(_: Any, children: Any) -> Any:
        return cls(**dict(zip(names, children, strict=True)))

    optree.register_pytree_node(cls, take_apart, put_together, namespace=_NAMESPACE)
