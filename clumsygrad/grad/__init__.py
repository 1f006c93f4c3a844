"""The calculus: a backward function for every differentiable operation, and nothing else.

Each takes `(tensor, grad)`: the result of an operation, and the gradient of a loss with respect to it. It asks `grad` for its array
namespace and returns one gradient per operand. Called directly with a raw gradient it returns raw arrays of that library, on that
device; in a pass of Tensors the same text records itself.

>>> import numpy as np, clumsygrad as cg
>>> x = cg.Tensor([0.0, 1.0], requires_grad=True)
>>> cg.grad.exp_backward(cg.exp(x), np.asarray([1.0, 1.0]))
(array([1.        , 2.71828183]),)
"""

import sys as _sys
from types import ModuleType as _ModuleType
from typing import NoReturn as _NoReturn

from ._read import GradientTuple as GradientTuple
from ._read import attribute as attribute
from ._read import kept as kept
from ._read import needs as needs
from ._read import operand as operand
from ._read import operands as operands
from ._read import pair as pair
from ._read import result as result
from ._read import unbroadcast as unbroadcast
from .activations import *
from .arithmetic import *
from .bessel import *
from .decompositions import *
from .elementwise import *
from .fft import *
from .gamma import *
from .indexing import *
from .layers import *
from .linalg import *
from .losses import *
from .manipulation import *
from .matrix_functions import *
from .norms import *
from .products import *
from .reductions import *
from .sliding import *
from .special import *
from .transfer import *


class _Calculus(_ModuleType):
    """This module, which says where the transform is if it is called: `grad` is that transform in other libraries."""

    def __call__(self, *args: object, **kwargs: object) -> _NoReturn:
        raise TypeError("clumsygrad.grad holds the backward functions: the gradient of a function f is clumsygrad.func.grad(f)")


_sys.modules[__name__].__class__ = _Calculus
