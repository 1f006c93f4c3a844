"""What is said where values would leave the graph unseen: by which way, and what to write instead, which depends on who asks."""

from __future__ import annotations

import sys
from types import FrameType

__all__ = ["refused_array", "refused_number"]

# What stands between a tensor and the code that asks for its values.
_BETWEEN = frozenset({__package__, "numpy", "array_api_compat"})

_WAYS = {
    "scipy.sparse": "the product with a sparse matrix A is clumsygrad.func.linear_operator(lambda x: A @ x, adjoint=lambda y: A.T @ y)",
    "scipy.optimize": "clumsygrad.func.minimize hands SciPy a function and its gradient, clumsygrad.func.jacobian gives it a Jacobian, "
    "and clumsygrad.func.implicit_root differentiates through what a solver found",
    "scipy.integrate": "around a solver of differential equations: an operation of one's own, as in docs/optimization.md; "
    "numpy.trapezoid takes tensors, and with SCIPY_ARRAY_API=1 in the environment before SciPy is imported so do tanhsinh and cubature",
    "scipy.special": "clumsygrad.special has most of these functions; SciPy finds them there by itself with SCIPY_ARRAY_API=1 in the "
    "environment before it is imported",
    "scipy.stats": "densities: out of functions of clumsygrad.special, as in docs/scipy.md; tests and statistics take tensors with "
    "SCIPY_ARRAY_API=1 in the environment before SciPy is imported",
    "scipy.linalg": "clumsygrad.linalg, or numpy.linalg, in its place",
    "scipy": "with SCIPY_ARRAY_API=1 in the environment before it is imported, SciPy takes tensors where docs/scipy.md says so",
    "sklearn": "scikit-learn takes tensors after sklearn.set_config(array_api_dispatch=True); of its metrics, "
    "multioutput='raw_values' gives an array",
}
_ARRAY = (
    "to make one array of several tensors: clumsygrad.asarray or numpy.stack; to write it into an array, make that array with "
    "clumsygrad.zeros"
)
_NUMBER = "in place of math's functions, NumPy's; to write it into an array, make that array with clumsygrad.zeros"


def refused_array(way: str) -> RuntimeError:
    """The error of a tensor that requires a gradient and was asked for its array."""
    return RuntimeError(
        f"{way} of a tensor that requires a gradient would lose it silently: use x.detach() first ({_instead() or _ARRAY})"
    )


def refused_number(way: str) -> RuntimeError:
    """The error of a tensor that requires a gradient and was asked for its number by `float()`, `int()` or `complex()`."""
    return RuntimeError(
        f"{way} of a tensor that requires a gradient would lose it silently: use x.item() or {way[:-1]}x.detach()); for code that "
        f"only wants a number, with clumsygrad.allow_numbers(): ... ({_instead() or _NUMBER})"
    )


def _instead() -> str | None:
    """What to write in the place of the function that asks, if it is of a package of which more is known."""
    modules = _asking()
    for module in modules:
        if module.count(".") and (way := _WAYS.get(".".join(module.split(".")[:2]))):
            return way
    return _WAYS.get(modules[0].partition(".")[0]) if modules else None


def _asking() -> list[str]:
    """The modules of the package that asks for a tensor's values, from the function that was called down to the one that asks."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _package(frame) in _BETWEEN:
        frame = frame.f_back
    modules: list[str] = []
    package = _package(frame) if frame is not None else ""
    while frame is not None and _package(frame) == package:
        modules.insert(0, str(frame.f_globals.get("__name__", "")))
        frame = frame.f_back
    return modules


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
