"""Transforms: functions of arrays (or of trees of arrays) in, functions that compute their derivatives out.

A transform hands `f` tensors of its own, and its pass stops at them: it touches no `.grad`, and it may stand inside another
transform, or inside code that a tape records. Where something older that is differentiated takes part (an argument, or a tensor that
`f` closes over), the derivative is computed in tensors and can be differentiated again; otherwise it is plain arrays of the caller's
library.
"""

from .checkpoint import checkpoint
from .forward import hvp, jvp, linearize
from .matrices import hessian, jacobian
from .operators import implicit_root, linear_operator
from .optimize import minimize
from .reverse import elementwise_grad, grad, holomorphic_grad, stop_gradient, value_and_grad, vjp

__all__ = [
    "checkpoint",
    "elementwise_grad",
    "grad",
    "hessian",
    "holomorphic_grad",
    "hvp",
    "implicit_root",
    "jacobian",
    "jvp",
    "linear_operator",
    "linearize",
    "minimize",
    "stop_gradient",
    "value_and_grad",
    "vjp",
]
