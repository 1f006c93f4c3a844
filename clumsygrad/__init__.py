"""clumsygrad: automatic differentiation for arrays, whatever library they live in.

This module is a namespace of the array API standard over NumPy, whose arrays are Tensors; `over(library)` is the same namespace over
another library.

>>> import clumsygrad as cg
>>> x = cg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> loss = cg.sum(cg.exp(-x * x))
>>> loss.backward()
>>> x.grad
array([-0.73575888, -0.07326256, -0.00074046])
"""

import sys as _sys
import typing as _typing

from . import activation, fft, func, grad, integrations, linalg, loss, nn, optimizer, protocols, random, special
from . import namespace as _namespace
from . import xp as _xp
from ._anomaly import detect_anomaly as detect_anomaly
from ._gradcheck import GradcheckError as GradcheckError
from ._gradcheck import gradcheck as gradcheck
from ._graph import graph as graph
from ._modes import allow_numbers as allow_numbers
from ._modes import deterministic as deterministic
from ._modes import no_grad as no_grad
from ._operation import operation as operation
from .forward.arithmetic import *
from .forward.composed import *
from .forward.einsum import *
from .forward.elementwise import *
from .forward.indexing import *
from .forward.manipulation import *
from .forward.products import *
from .forward.reductions import *
from .forward.statistics import *
from .forward.views import *
from .namespace import __array_api_version__ as __array_api_version__
from .namespace import over as over
from .tensor import Tensor as Tensor

__version__ = "0.3.0"

# The functions and dtypes that are NumPy's own
_bound = _namespace.Bound(_xp.numpy)
asarray = _bound.asarray
arange = _bound.arange
empty = _bound.empty
empty_like = _bound.empty_like
eye = _bound.eye
from_dlpack = _bound.from_dlpack
full = _bound.full
full_like = _bound.full_like
linspace = _bound.linspace
ones = _bound.ones
ones_like = _bound.ones_like
zeros = _bound.zeros
zeros_like = _bound.zeros_like
can_cast = _bound.can_cast
result_type = _bound.result_type
isdtype = _bound.isdtype
finfo = _bound.finfo
iinfo = _bound.iinfo
__array_namespace_info__ = _bound.__array_namespace_info__

bool = _xp.numpy.bool
int8 = _xp.numpy.int8
int16 = _xp.numpy.int16
int32 = _xp.numpy.int32
int64 = _xp.numpy.int64
uint8 = _xp.numpy.uint8
uint16 = _xp.numpy.uint16
uint32 = _xp.numpy.uint32
uint64 = _xp.numpy.uint64
float32 = _xp.numpy.float32
float64 = _xp.numpy.float64
complex64 = _xp.numpy.complex64
complex128 = _xp.numpy.complex128

e = _namespace.CONSTANTS["e"]
inf = _namespace.CONSTANTS["inf"]
nan = _namespace.CONSTANTS["nan"]
newaxis = _namespace.CONSTANTS["newaxis"]
pi = _namespace.CONSTANTS["pi"]

library_name = "numpy"
_namespace._over["numpy"] = _sys.modules[__name__]


if not _typing.TYPE_CHECKING:  # for which every name would exist then

    def __getattr__(name: str) -> _typing.Any:
        """Say where a name is that this namespace, which has those of the standard, has not."""
        ways = [f"clumsygrad.{place.__name__.rpartition('.')[2]}.{name}" for place in _places if name in place.__all__]
        of_numpy = None if name.startswith("_") else protocols._of_numpy(name)
        if callable(of_numpy) and of_numpy in {*protocols.FUNCTIONS, *protocols.UFUNCS}:
            ways.append(f"numpy.{name}, which takes tensors")
        raise AttributeError(
            f"module 'clumsygrad' has no attribute {name!r}" + (f": there is {' and '.join(ways)}" if ways else "")
        )


_places = (func, nn, linalg, special, optimizer)
