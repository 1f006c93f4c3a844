"""Activations: single operations, each with its own backward function."""

from __future__ import annotations

from .. import _elements, _kernels, grad, lean
from .._layers import axis_along, sum_along, without_largest
from .._operation import operation
from ..xp import Array, array_namespace, is_complex, is_real_numpys, narrowed, numpy, widened

__all__ = ["gelu", "log_softmax", "relu", "sigmoid", "silu", "softmax", "softplus"]


@operation(grad.relu_backward)
def relu(x: Array, /) -> Array:
    """max(x, 0), elementwise. Its gradient at 0 is 0.

    >>> import clumsygrad as cg
    >>> cg.activation.relu(cg.asarray([-1.0, 2.0]))
    Tensor(array([0., 2.]))
    """
    return lean.not_negative(x)


@operation(grad.sigmoid_backward)
def sigmoid(x: Array, /) -> Array:
    """1 / (1 + exp(−x)), elementwise, without overflow.

    >>> import clumsygrad as cg
    >>> cg.activation.sigmoid(cg.asarray([0.0]))
    Tensor(array([0.5]))
    """
    if is_complex(x):
        return lean.add_into(lean.multiply_into(lean.tanh_into(x * 0.5), 0.5), 0.5)
    return narrowed(lean.divide_from(1, lean.add_into(lean.exp_within(widened(x) * -1.0), 1)), x)


@operation(grad.softplus_backward)
def softplus(x: Array, /) -> Array:
    """log(1 + eˣ), elementwise; of real x without overflow. The logarithm of sigmoid(x) is −softplus(−x).

    >>> import clumsygrad as cg
    >>> cg.activation.softplus(cg.asarray([-1000.0, 0.0, 1000.0]))
    Tensor(array([0.00000000e+00, 6.93147181e-01, 1.00000000e+03]))
    """
    xp = array_namespace(x)
    if is_complex(x):
        return xp.log1p(xp.exp(x))
    wide = widened(x)
    return narrowed(lean.add_into(xp.log1p(lean.exp_into(xp.abs(wide) * -1.0)), lean.not_negative(wide)), x)


@operation(grad.silu_backward)
def silu(x: Array, /) -> Array:
    """x / (1 + exp(−x)), elementwise, without overflow; also called swish. Source: Elfwing, Uchibe and Doya 2018, section 2.

    >>> import clumsygrad as cg
    >>> cg.activation.silu(cg.asarray([0.0, 1.0]))
    Tensor(array([0.        , 0.73105858]))
    """
    if is_complex(x):
        return x * sigmoid(x)
    wide = widened(x)
    return narrowed(lean.divide_from(wide, lean.add_into(lean.exp_within(wide * -1.0), 1)), x)


@operation(grad.softmax_backward)
def softmax(x: Array, /, *, axis: int = -1) -> Array:
    """exp(x) / Σ exp(x) along `axis`, without overflow. Of the shape of x; a number is a vector of one.

    >>> import clumsygrad as cg
    >>> cg.activation.softmax(cg.asarray([1000.0, 1000.0]))
    Tensor(array([0.5, 0.5]))
    """
    z = _kernels.softmax(x, axis)
    if z is not None:
        return z
    along = axis_along(x, axis)
    e = lean.exp_into(without_largest(widened(x), along))
    return narrowed(lean.divide_into(e, sum_along(e, along)), x)


@operation(grad.log_softmax_backward)
def log_softmax(x: Array, /, *, axis: int = -1) -> Array:
    """x − log Σ exp(x) along `axis`, without overflow. Of the shape of x; a number is a vector of one.

    >>> import clumsygrad as cg
    >>> cg.activation.log_softmax(cg.asarray([0.0, 0.0]))
    Tensor(array([-0.69314718, -0.69314718]))
    """
    z = _kernels.log_softmax(x, axis)
    if z is not None:
        return z
    xp, along = array_namespace(x), axis_along(x, axis)
    z = without_largest(widened(x), along)
    return narrowed(lean.subtract_into(z, xp.log(sum_along(xp.exp(z), along))), x)


@operation(grad.gelu_backward)
def gelu(x: Array, /) -> Array:
    """The Gaussian error linear unit in its tanh form, x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2, elementwise.

    Source: Hendrycks and Gimpel 2016, section 2.

    >>> import clumsygrad as cg
    >>> cg.activation.gelu(cg.asarray([0.0, 1.0]))
    Tensor(array([0.        , 0.84119199]))
    """
    z = _elements.gelu(x, grad.activations.GELU_SCALE, grad.activations.GELU_CUBIC)
    if z is not None:
        return z
    wide = widened(x)
    with numpy.errstate(over="ignore"):
        e = lean.add_into(lean.multiply_into(wide * wide, -2 * grad.activations.GELU_CUBIC), -2 * grad.activations.GELU_SCALE)
        e = lean.multiply_into(e, wide)
        e = lean.exp_into(e) if is_real_numpys(e) else lean.exp_within(e)  # exp(-2 u), and (1 + tanh u) / 2 = 1 / (1 + exp(-2 u))
    return narrowed(lean.divide_from(wide, lean.add_into(e, 1)), x)
