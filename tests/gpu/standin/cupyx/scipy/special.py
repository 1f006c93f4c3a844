"""cupyx.scipy.special, by SciPy, in the dtypes that CuPy's ufuncs take and give."""

from __future__ import annotations

from typing import Any

import numpy as _np
import scipy.special as _special
from cupy._functions import KNOWN as _KNOWN
from cupy._functions import LOOPS as _LOOPS
from cupy._functions import Function as _Function
from cupy._functions import by_loops as _by_loops

_DOUBLE = ("lambertw", "spherical_yn")  # of float32 too


def _by_scipy(name: str) -> Any:
    theirs = getattr(_special, name)
    loops = _LOOPS["cupyx.scipy.special"].get(name)
    if loops is not None:
        return _by_loops(name, loops, theirs)

    def function(*operands: Any, **options: Any) -> Any:
        z = theirs(*operands, **options)
        dtypes = [x.dtype for x in operands if isinstance(x, _np.ndarray) and x.dtype.kind in "fc"]
        if name in _DOUBLE or not dtypes or max(d.itemsize // (1 + (d.kind == "c")) for d in dtypes) > 4:
            return z
        return tuple(map(_single, z)) if isinstance(z, tuple) else _single(z)

    return function


def _single(z: Any) -> Any:
    return _np.asarray(z).astype(_np.complex64 if _np.iscomplexobj(z) else _np.float32)


for _name in _KNOWN["cupyx.scipy.special"]:
    if hasattr(_special, _name):
        globals()[_name] = _Function(_name, _by_scipy(_name), None)


def polygamma(n: Any, x: Any) -> Any:
    """CuPy's asks `where` for n == 0, so that a number for n is an error."""
    raise AttributeError("'bool' object has no attribute 'astype'")
