"""SciPy's special functions are NumPy's ufuncs: called on Tensors, those of clumsygrad.special serve, under the same names.

So `scipy.special.jv(2, t)` works, with or without SCIPY_ARRAY_API=1, and SciPy is not imported for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from .. import special

__all__ = ["is_scipys", "serving"]


def is_scipys(ufunc: Any) -> bool:
    """Whether a ufunc is one of scipy.special, or one that a function there calls, as lambertw calls `_lambertw`."""
    for module in ("scipy.special", "scipy.special._ufuncs"):
        function = getattr(sys.modules.get(module), ufunc.__name__, None)
        if getattr(function, "__wrapped__", function) is ufunc:  # with SCIPY_ARRAY_API=1 SciPy wraps some of them
            return True
    return False


def serving(ufunc: Any) -> Callable[..., Any] | None:
    """The function that serves a ufunc of scipy.special on Tensors, or None."""
    name = ufunc.__name__
    return getattr(special, name) if name in special.__all__ and is_scipys(ufunc) else None
