"""W6: a pre-norm transformer block, batch 8, sequence 64, width 128, 4 heads, tanh-GELU, float32; mean squared error to a target.

Losses and the gradient by hand take other sizes too (`inputs`), which the benchmarks of GPUs ask for.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..workload import Arrays, Inputs, Workload, normal

HEADS = 4
EPSILON = 1e-5
GELU = math.sqrt(2 / math.pi)
CUBIC = 0.044715


def inputs(batch: int = 8, length: int = 64, width: int = 128) -> Inputs:
    """Four times as many hidden units as the block is wide."""
    rng = np.random.default_rng(6)

    def norm() -> list[Any]:
        return [normal(rng, width, scale=0.1) + np.float32(1), normal(rng, width, scale=0.1)]

    def linear(fan_in: int, fan_out: int) -> list[Any]:
        return [normal(rng, fan_in, fan_out, scale=fan_in**-0.5), normal(rng, fan_out, scale=0.1)]

    attention = [p for _ in range(4) for p in linear(width, width)]
    parameters = [*norm(), *attention, *norm(), *linear(width, 4 * width), *linear(4 * width, width)]
    return Inputs(parameters, (normal(rng, batch, length, width), normal(rng, batch, length, width)))


# In the libraries' words ------------------------------------------------------------------------------------------------------


def _loss_clumsygrad(cg: Any, parameters: Arrays, constants: Arrays) -> Any:
    gain1, shift1, wq, bq, wk, bk, wv, bv, wo, bo, gain2, shift2, w1, b1, w2, b2 = parameters
    x, target = constants
    nn = cg.nn
    h = nn.layer_norm(x, gain1, shift1, eps=EPSILON)
    q, k, v = nn.linear(h, wq, bq), nn.linear(h, wk, bk), nn.linear(h, wv, bv)
    attended = nn.scaled_dot_product_attention(q, k, v, heads=HEADS)
    x = x + nn.linear(attended, wo, bo)
    h = nn.layer_norm(x, gain2, shift2, eps=EPSILON)
    x = x + nn.linear(nn.gelu(nn.linear(h, w1, b1)), w2, b2)
    return nn.mse_loss(x, target)


def _loss_torch(torch: Any, parameters: Arrays, constants: Arrays) -> Any:
    f = torch.nn.functional
    gain1, shift1, wq, bq, wk, bk, wv, bv, wo, bo, gain2, shift2, w1, b1, w2, b2 = parameters
    x, target = constants

    def heads(x: Any) -> Any:
        return x.view(*x.shape[:2], HEADS, -1).transpose(1, 2)

    h = f.layer_norm(x, x.shape[-1:], gain1, shift1, EPSILON)
    q, k, v = f.linear(h, wq.T, bq), f.linear(h, wk.T, bk), f.linear(h, wv.T, bv)
    attended = f.scaled_dot_product_attention(heads(q), heads(k), heads(v))
    x = x + f.linear(attended.transpose(1, 2).reshape(x.shape), wo.T, bo)
    h = f.layer_norm(x, x.shape[-1:], gain2, shift2, EPSILON)
    x = x + f.linear(f.gelu(f.linear(h, w1.T, b1), approximate="tanh"), w2.T, b2)
    return f.mse_loss(x, target)


def _loss_jax(jnp: Any, parameters: Arrays, constants: Arrays) -> Any:
    import jax

    return _loss_composed(jnp, parameters, constants, jax.nn.softmax, jax.nn.gelu)


def _loss_autograd(anp: Any, parameters: Arrays, constants: Arrays) -> Any:
    def softmax(x: Any) -> Any:
        e = anp.exp(x - anp.max(x, axis=-1, keepdims=True))
        return e / anp.sum(e, axis=-1, keepdims=True)

    return _loss_composed(anp, parameters, constants, softmax, _composed_gelu(anp))


def _loss_mygrad(mg: Any, parameters: Arrays, constants: Arrays) -> Any:
    from mygrad.nnet.activations import softmax

    return _loss_composed(mg, parameters, constants, softmax, _composed_gelu(mg))


def _composed_gelu(xp: Any) -> Any:
    def gelu(x: Any) -> Any:
        return x * (xp.tanh(x * (x * x * (CUBIC * GELU) + GELU)) + 1) * 0.5

    return gelu


def _loss_composed(xp: Any, parameters: Arrays, constants: Arrays, softmax: Any, gelu: Any) -> Any:
    gain1, shift1, wq, bq, wk, bk, wv, bv, wo, bo, gain2, shift2, w1, b1, w2, b2 = parameters
    x, target = constants

    def layer_norm(x: Any, gain: Any, shift: Any) -> Any:
        centred = x - xp.mean(x, axis=-1, keepdims=True)
        return centred / xp.sqrt(xp.mean(centred * centred, axis=-1, keepdims=True) + EPSILON) * gain + shift

    def heads(x: Any) -> Any:
        return xp.transpose(xp.reshape(x, (*x.shape[:2], HEADS, -1)), (0, 2, 1, 3))

    h = layer_norm(x, gain1, shift1)
    q, k, v = heads(xp.matmul(h, wq) + bq), heads(xp.matmul(h, wk) + bk), heads(xp.matmul(h, wv) + bv)
    weights = softmax(xp.matmul(q, xp.transpose(k, (0, 1, 3, 2))) * q.shape[-1] ** -0.5)
    attended = xp.reshape(xp.transpose(xp.matmul(weights, v), (0, 2, 1, 3)), x.shape)
    x = x + (xp.matmul(attended, wo) + bo)
    h = layer_norm(x, gain2, shift2)
    x = x + (xp.matmul(gelu(xp.matmul(h, w1) + b1), w2) + b2)
    return xp.mean((x - target) ** 2)


# By hand ----------------------------------------------------------------------------------------------------------------------


def hand(inputs: Inputs) -> tuple[Any, Arrays]:
    """All on (batch · length, width) matrices, in place wherever an array is read no more; heads are strided views, never copied."""
    gain1, shift1, wq, bq, wk, bk, wv, bv, wo, bo, gain2, shift2, w1, b1, w2, b2 = inputs.parameters
    length, width = inputs.constants[0].shape[1:]
    x, target = (c.reshape(-1, width) for c in inputs.constants)
    # forward
    normed1, _, h1 = _layer_norm(x, gain1, shift1)
    q, k, v = _linear(h1, wq, bq), _linear(h1, wk, bk), _linear(h1, wv, bv)
    scale = (width // HEADS) ** -0.5
    q *= scale
    weights = _times_transpose(_heads(q, length), _heads(k, length))
    weights -= weights.max(axis=-1, keepdims=True)
    np.exp(weights, out=weights)
    weights /= np.add.reduce(weights, axis=-1, keepdims=True)
    attended = np.empty_like(q)
    np.matmul(weights, _heads(v, length), out=_heads(attended, length))
    y = _linear(attended, wo, bo)
    y += x
    normed2, inverse2, h2 = _layer_norm(y, gain2, shift2)
    u = _linear(h2, w1, b1)
    square = u * u
    t = square * np.float32(-2 * CUBIC * GELU)
    t += np.float32(-2 * GELU)
    t *= u
    np.minimum(t, np.float32(87), out=t)
    np.exp(t, out=t)
    t += 1
    np.divide(1, t, out=t)  # (1 + tanh) / 2, by NumPy's exp, which is twice as fast as its tanh in float32
    activated = u * t
    g = _linear(activated, w2, b2)
    g += y
    g -= target
    value = np.vdot(g, g) / g.size
    # backward
    g *= 2 / g.size
    gw2, gb2 = activated.T @ g, np.add.reduce(g)
    np.matmul(g, w2.T, out=activated)  # from here on the gradient of gelu(u)
    square *= np.float32(6 * CUBIC * GELU)
    square += np.float32(2 * GELU)
    square *= u
    np.subtract(1, t, out=u)  # 1 - tanh² = (1 + tanh) (1 - tanh)
    u *= square
    u += 1
    u *= t
    u *= activated
    del square, t, activated
    gw1, gb1 = h2.T @ u, np.add.reduce(u)
    np.matmul(u, w1.T, out=h2)
    del u
    ggain2, gshift2 = np.einsum("ij,ij->j", h2, normed2), np.add.reduce(h2)
    g += _layer_norm_gradient(h2, normed2, inverse2, gain2)
    gwo, gbo = attended.T @ g, np.add.reduce(g)
    g = np.matmul(g, wo.T, out=attended)
    gv = np.empty_like(v)
    np.matmul(weights.swapaxes(-1, -2), _heads(g, length), out=_heads(gv, length))
    gweights = _times_transpose(_heads(g, length), _heads(v, length))
    gweights -= np.einsum("bhij,bhij->bhi", gweights, weights)[..., None]
    gweights *= weights
    gk = np.matmul(gweights.swapaxes(-1, -2), _heads(q, length), out=_heads(v, length)).swapaxes(1, 2).reshape(-1, width)
    gq = np.matmul(gweights, _heads(k, length), out=_heads(g, length)).swapaxes(1, 2).reshape(-1, width)
    gq *= scale
    gwq, gwk, gwv = h1.T @ gq, h1.T @ gk, h1.T @ gv
    gbq, gbk, gbv = np.add.reduce(gq), np.add.reduce(gk), np.add.reduce(gv)
    g = np.matmul(gq, wq.T, out=h1)
    g += gk @ wk.T
    g += gv @ wv.T
    ggain1, gshift1 = np.einsum("ij,ij->j", g, normed1), np.add.reduce(g)
    return value, (ggain1, gshift1, gwq, gbq, gwk, gbk, gwv, gbv, gwo, gbo, ggain2, gshift2, gw1, gb1, gw2, gb2)


def _linear(x: Any, w: Any, b: Any) -> Any:
    z = x @ w
    z += b
    return z


def _heads(x: Any, length: int) -> Any:
    """(batch · length, width) as (batch, heads, length, head), a view."""
    return x.reshape(-1, length, HEADS, x.shape[-1] // HEADS).swapaxes(1, 2)


def _times_transpose(x: Any, y: Any) -> Any:
    """x yᵀ of stacks of matrices, its last axis the slowest in memory: NumPy then adds long vectors in the sums over keys."""
    z = np.empty((y.shape[-2], *x.shape[:-1]), x.dtype)
    np.matmul(y, x.swapaxes(-1, -2), out=np.moveaxis(z, 0, -2))
    return np.moveaxis(z, 0, -1)


def _layer_norm(x: Any, gain: Any, shift: Any) -> tuple[Any, Any, Any]:
    normed = x - np.add.reduce(x, axis=-1, keepdims=True) * np.float32(1 / x.shape[-1])
    inverse = np.einsum("ij,ij->i", normed, normed)[:, None]
    inverse *= 1 / x.shape[-1]
    inverse += EPSILON
    np.sqrt(inverse, out=inverse)
    np.divide(1, inverse, out=inverse)
    normed *= inverse
    z = normed * gain
    z += shift
    return normed, inverse, z


def _layer_norm_gradient(g: Any, normed: Any, inverse: Any, gain: Any) -> Any:
    """The gradient of layer norm's operand; writes into g and normed, which are read no more."""
    g *= gain
    along = np.einsum("ij,ij->i", g, normed)[:, None]
    along *= 1 / g.shape[-1]
    normed *= along
    g -= normed
    g -= np.add.reduce(g, axis=-1, keepdims=True) * np.float32(1 / g.shape[-1])
    g *= inverse
    return g


WORKLOAD = Workload(
    "W6",
    "transformer block, batch 8, sequence 64, width 128",
    inputs,
    hand,
    {
        "clumsygrad": _loss_clumsygrad,
        "torch": _loss_torch,
        "jax": _loss_jax,
        "autograd": _loss_autograd,
        "mygrad": _loss_mygrad,
    },
    measures_memory=True,
    goal=1.05,
    goal_torch=1.0,
    goal_memory=1.1,
)
