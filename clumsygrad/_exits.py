"""What is said where values would leave the graph unseen: by which way, and what to write instead, which depends on who asks."""

from __future__ import annotations

import os
import sys
from types import FrameType

__all__ = ["refused_array", "refused_number"]

# What stands between a tensor and the code that asks for its values.
_BETWEEN = frozenset({__package__, "numpy", "array_api_compat"})

# By what is in the name of a function of NumPy that asked (one written in Python: the others leave no frame).
_WAYS_OF_NUMPY = {
    ".AxisConcatenator.": "numpy.column_stack in place of numpy.c_, numpy.concatenate in place of numpy.r_",
    ".vectorize.": "numpy.vectorize calls a function of numbers for each element: write the function in NumPy's functions, which take "
    "whole arrays, or clumsygrad.stack([f(y) for y in x])",
    "numpy.polynomial.": "numpy.polynomial.polynomial.polyval(x, coefficients), chebval and the like take a tensor x; of coefficients c "
    "that are a tensor the same is polyvander(x, n) @ c, chebvander(x, n) @ c; numpy.polyval and numpy.vander take tensors for all",
    "numpy.ma.": "in place of a masked array m, m.filled(0) and numpy.where(~m.mask, ..., 0)",
    ".numeric.full": "numpy.full(shape, x, like=x)",
}
_WAYS = {
    "scipy.sparse": "the product with a sparse matrix A is clumsygrad.func.linear_operator(lambda x: A @ x, adjoint=lambda y: A.T @ y)",
    "scipy.optimize": "clumsygrad.func.minimize hands SciPy a function and its gradient, clumsygrad.func.jacobian gives it a Jacobian, "
    "and clumsygrad.func.implicit_root differentiates through what a solver found",
    "scipy.integrate": "around a solver of differential equations: an operation of one's own, as in docs/optimization.md; "
    "numpy.trapezoid takes tensors",
    "scipy.special": "clumsygrad.special has most of these functions",
    "scipy.stats": "densities: out of functions of clumsygrad.special, as in docs/scipy.md",
    "scipy.linalg._special_matrices": "a matrix that repeats the elements of x, by their indices: toeplitz(x) is x[numpy.abs(i - j)] with "
    "i, j = numpy.ogrid[:n, :n]",
    "scipy.linalg": "clumsygrad.linalg, or numpy.linalg, in its place",
    "scipy": "docs/scipy.md says what of SciPy takes tensors; around any other function, an operation of one's own: clumsygrad.operation",
    "sklearn": "scikit-learn takes tensors after sklearn.set_config(array_api_dispatch=True); of its metrics, "
    "multioutput='raw_values' gives an array",
    "pandas": "for arithmetic with a Series or DataFrame, its to_numpy()",
    "matplotlib": "what is drawn needs no gradient",
}
_BY_ARRAY_API = {
    "scipy.integrate": "so do tanhsinh and cubature",
    "scipy.special": "SciPy finds them there by itself",
    "scipy.stats": "tests and statistics take tensors",
    "scipy": "more of it does",
}
_ARRAY = (
    "numpy.asarray(x) can be left out, or be numpy.asarray(x, like=x); A.dot(x) is A @ x; to make one array of several tensors: "
    "clumsygrad.asarray or numpy.stack; to write it into an array, make that array with clumsygrad.zeros"
)
_NUMBER = "in place of math's functions, NumPy's; to write it into an array, make that array with clumsygrad.zeros"


def refused_array(way: str) -> RuntimeError:
    """The error of a tensor that requires a gradient and was asked for its array."""
    instead = _instead() or (_ARRAY if way == "np.asarray" else "")
    what = f"{instead}; for the values alone, x.detach()" if instead else "use x.detach() first"
    return RuntimeError(f"{way} of a tensor that requires a gradient would lose it silently: {what}")


def refused_number(way: str) -> RuntimeError:
    """The error of a tensor that requires a gradient and was asked for its number by `float()`, `int()` or `complex()`."""
    return RuntimeError(
        f"{way} of a tensor that requires a gradient would lose it silently: use x.item() or {way[:-1]}x.detach()); for code that "
        f"only wants a number, with clumsygrad.allow_numbers(): ... ({_instead() or _NUMBER})"
    )


def _instead() -> str | None:
    """What to write in the place of the function that asks, if more is known of it or of its package."""
    functions, modules = _asking()
    for part, way in _WAYS_OF_NUMPY.items():
        if any(part in function for function in functions):
            return way
    names = modules + [".".join(module.split(".")[:2]) for module in modules if "." in module]
    names += [modules[0].partition(".")[0]] if modules else []
    name = next((name for name in names if name in _WAYS), None)
    if name is None:
        return None
    by_array_api = "" if os.environ.get("SCIPY_ARRAY_API") else _BY_ARRAY_API.get(name, "")
    hint = f"; with SCIPY_ARRAY_API=1 in the environment before SciPy is imported {by_array_api}" if by_array_api else ""
    return _WAYS[name] + hint


def _asking() -> tuple[list[str], list[str]]:
    """NumPy's functions that ask for a tensor's values; and the modules of the package that asks, from the function called down."""
    frame: FrameType | None = sys._getframe(1)
    functions: list[str] = []
    while frame is not None and _package(frame) in _BETWEEN:
        functions.append(f"{frame.f_globals.get('__name__', '')}.{frame.f_code.co_qualname}")
        frame = frame.f_back
    modules: list[str] = []
    package = _package(frame) if frame is not None else ""
    while frame is not None and _package(frame) == package:
        modules.insert(0, str(frame.f_globals.get("__name__", "")))
        frame = frame.f_back
    return functions, modules


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
