"""Functions that CuPy computes otherwise than array_api_compat asks of it: with no mask, for which the host waits to count its elements."""

from __future__ import annotations

from .xp import SCALARS, Array, array_namespace, is_complex, kind

__all__ = ["clip", "sign"]


def sign(x: Array) -> Array:
    """x / |x|, 0 at 0, nan where x is."""
    xp = array_namespace(x)
    if is_complex(x):
        size = xp.abs(x)
        return x / xp.where(size == 0, 1.0, size)
    return xp.where(x > 0, 1.0, xp.where(x < 0, -1.0, x)) if kind(x) == "real floating" else xp.sign(x)


def clip(x: Array, low: Array | float | None, high: Array | float | None) -> Array:
    """x, but no smaller than `low` and no larger than `high`. Of NumPy too, for which array_api_compat writes at masks as well."""
    xp = array_namespace(x)
    if kind(x) != "real floating" or low is high is None:
        return xp.clip(x, low, high)
    for bound, choose in ((low, xp.maximum), (high, xp.minimum)):
        if bound is not None:
            x = choose(x, bound if type(bound) in SCALARS else xp.astype(bound, x.dtype, copy=False))
    return x
