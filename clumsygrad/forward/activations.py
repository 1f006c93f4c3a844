"""Activations: single operations, each with its own backward function."""

from __future__ import annotations

import math

from .. import grad
from .._operation import operation
from ..xp import Array, array_namespace

__all__ = ["gelu", "log_softmax", "relu", "sigmoid", "softmax"]


@operation(grad.relu_backward)
def relu(x: Array, /) -> Array:
    """max(x, 0), elementwise. Its gradient at 0 is 0.

    >>> import clumsygrad as cg
    >>> cg.activation.relu(cg.asarray([-1.0, 2.0]))
    Tensor(array([0., 2.]))
    """
    xp = array_namespace(x)
    return xp.where(x > 0, x, xp.zeros_like(x))


@operation(grad.sigmoid_backward)
def sigmoid(x: Array, /) -> Array:
    """1 / (1 + exp(−x)), elementwise, without overflow.

    >>> import clumsygrad as cg
    >>> cg.activation.sigmoid(cg.asarray([0.0]))
    Tensor(array([0.5]))
    """
    xp = array_namespace(x)
    return xp.tanh(x * 0.5) * 0.5 + 0.5


@operation(grad.softmax_backward)
def softmax(x: Array, /, *, axis: int = -1) -> Array:
    """exp(x) / Σ exp(x) along `axis`, without overflow. Of the shape of x.

    >>> import clumsygrad as cg
    >>> cg.activation.softmax(cg.asarray([1000.0, 1000.0]))
    Tensor(array([0.5, 0.5]))
    """
    xp = array_namespace(x)
    e = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    return e / xp.sum(e, axis=axis, keepdims=True)


@operation(grad.log_softmax_backward)
def log_softmax(x: Array, /, *, axis: int = -1) -> Array:
    """x − log Σ exp(x) along `axis`, without overflow. Of the shape of x.

    >>> import clumsygrad as cg
    >>> cg.activation.log_softmax(cg.asarray([0.0, 0.0]))
    Tensor(array([-0.69314718, -0.69314718]))
    """
    xp = array_namespace(x)
    x = x - xp.max(x, axis=axis, keepdims=True)
    return x - xp.log(xp.sum(xp.exp(x), axis=axis, keepdims=True))


@operation(grad.gelu_backward)
def gelu(x: Array, /) -> Array:
    """The Gaussian error linear unit in its tanh form, x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2, elementwise.

    Source: Hendrycks and Gimpel 2016, section 2.

    >>> import clumsygrad as cg
    >>> cg.activation.gelu(cg.asarray([0.0, 1.0]))
    Tensor(array([0.        , 0.84119199]))
    """
    xp = array_namespace(x)
    scale = math.sqrt(2 / math.pi)
    t = xp.tanh(x * (x * x * (0.044715 * scale) + scale))
    return x * (t + 1) * 0.5
