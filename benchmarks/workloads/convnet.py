"""W10: a convnet of 3×3 kernels on 8×8 digits, float32, batch 64.

Convolution 1→16, relu, convolution 16→32, relu, mean over the 4×4 positions, linear to 10 classes, cross-entropy. Images are
(n, channels, rows, columns), kernels (out, in, 3, 3); no padding.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..workload import Arrays, Inputs, Workload, normal


def _inputs() -> Inputs:
    rng = np.random.default_rng(10)
    parameters = [
        normal(rng, 16, 1, 3, 3, scale=0.3),
        normal(rng, 16, scale=0.1),
        normal(rng, 32, 16, 3, 3, scale=0.1),
        normal(rng, 32, scale=0.1),
        normal(rng, 32, 10, scale=0.2),
        normal(rng, 10, scale=0.1),
    ]
    return Inputs(parameters, (normal(rng, 64, 1, 8, 8), rng.integers(0, 10, 64)))


def _loss_clumsygrad(cg: Any, parameters: Arrays, constants: Arrays) -> Any:
    k1, b1, k2, b2, w, b = parameters
    images, labels = constants
    nn = cg.nn
    h = nn.relu(nn.conv2d(images, k1, b1))
    h = nn.relu(nn.conv2d(h, k2, b2))
    return nn.cross_entropy(nn.linear(cg.mean(h, axis=(2, 3)), w, b), labels)


def _loss_torch(torch: Any, parameters: Arrays, constants: Arrays) -> Any:
    f = torch.nn.functional
    k1, b1, k2, b2, w, b = parameters
    images, labels = constants
    h = f.relu(f.conv2d(images, k1, b1))
    h = f.relu(f.conv2d(h, k2, b2))
    return f.cross_entropy(f.linear(h.mean((2, 3)), w.T, b), labels)


def _loss_jax(jnp: Any, parameters: Arrays, constants: Arrays) -> Any:
    import jax

    k1, b1, k2, b2, w, b = parameters
    images, labels = constants
    h = jax.nn.relu(jax.lax.conv(images, k1, (1, 1), "VALID") + b1[:, None, None])
    h = jax.nn.relu(jax.lax.conv(h, k2, (1, 1), "VALID") + b2[:, None, None])
    log_p = jax.nn.log_softmax(jnp.mean(h, axis=(2, 3)) @ w + b)
    return -jnp.mean(jnp.take_along_axis(log_p, labels[:, None], axis=1))


def _conv2d_autograd(anp: Any, x: Any, kernel: Any, bias: Any) -> Any:
    rows, columns = x.shape[1] - 2, x.shape[2] - 2
    patches = anp.concatenate([x[:, i : i + rows, j : j + columns, :] for i in range(3) for j in range(3)], axis=-1)
    return anp.dot(patches, anp.reshape(anp.transpose(kernel, (2, 3, 1, 0)), (-1, kernel.shape[0]))) + bias


def _loss_autograd(anp: Any, parameters: Arrays, constants: Arrays) -> Any:
    k1, b1, k2, b2, w, b = parameters
    images, labels = constants
    h = anp.reshape(images, (-1, 8, 8, 1))
    h = anp.maximum(_conv2d_autograd(anp, h, k1, b1), 0)
    h = anp.maximum(_conv2d_autograd(anp, h, k2, b2), 0)
    z = anp.dot(anp.mean(h, axis=(1, 2)), w) + b
    z = z - anp.max(z, axis=1, keepdims=True)
    return anp.mean(anp.log(anp.sum(anp.exp(z), axis=1)) - z[np.arange(len(labels)), labels])


def _loss_mygrad(mg: Any, parameters: Arrays, constants: Arrays) -> Any:
    from mygrad.nnet.activations import relu
    from mygrad.nnet.layers import conv_nd
    from mygrad.nnet.losses import softmax_crossentropy

    k1, b1, k2, b2, w, b = parameters
    images, labels = constants
    h = relu(conv_nd(images, k1, stride=1) + b1[:, None, None])
    h = relu(conv_nd(h, k2, stride=1) + b2[:, None, None])
    return softmax_crossentropy(mg.mean(h, axis=(2, 3)) @ w + b, labels)


def hand(inputs: Inputs) -> tuple[Any, Arrays]:
    """Channels last; each convolution one product of the patches (a strided view, copied once) and the kernel."""
    k1, b1, k2, b2, w, b = inputs.parameters
    images, labels = inputs.constants
    n = len(labels)
    patches1 = _patches(images.reshape(n, 8, 8, 1))
    h1 = patches1 @ _matrix(k1)
    h1 += b1
    np.maximum(h1, 0, out=h1)
    patches2 = _patches(h1.reshape(n, 6, 6, 16))
    matrix2 = _matrix(k2)
    h2 = patches2 @ matrix2
    h2 += b2
    np.maximum(h2, 0, out=h2)
    pooled = np.add.reduce(h2.reshape(n, 16, 32), axis=1)
    pooled *= 1 / 16
    g = pooled @ w
    g += b
    rows = np.arange(n)
    g -= np.maximum.reduce(g, axis=1, keepdims=True)
    chosen = g[rows, labels]
    np.exp(g, out=g)
    total = np.add.reduce(g, axis=1)
    value = (np.log(total) - chosen).mean()
    g /= (total * n)[:, None]
    g[rows, labels] -= 1 / n
    gw, gb = pooled.T @ g, np.add.reduce(g)
    g = g @ w.T
    g *= 1 / 16
    g2 = ((h2 > 0).reshape(n, 16, 32) * g[:, None, :]).reshape(n * 16, 32)
    gk2, gb2 = patches2.T @ g2, np.add.reduce(g2)
    g1 = _summed_patches(g2 @ matrix2.T, n)
    g1 *= h1 > 0
    gk1, gb1 = patches1.T @ g1, np.add.reduce(g1)
    return value, (_kernel(gk1, k1.shape), gb1, _kernel(gk2, k2.shape), gb2, gw, gb)


def _patches(x: Any) -> Any:
    """(n, rows, columns, channels) to (n · (rows−2) · (columns−2), 9 · channels)."""
    windows = np.lib.stride_tricks.as_strided(
        x,
        (x.shape[0], x.shape[1] - 2, x.shape[2] - 2, 3, 3, x.shape[3]),
        (*x.strides[:3], *x.strides[1:3], x.strides[3]),
        writeable=False,
    )
    return windows.reshape(-1, 9 * x.shape[3])


def _summed_patches(patches: Any, n: int) -> Any:
    """The transpose of _patches for the second layer: each patch added where it was taken from."""
    patches = patches.reshape(n, 4, 4, 3, 3, 16)
    x = np.zeros((n, 6, 6, 16), patches.dtype)
    for i in range(3):
        for j in range(3):
            x[:, i : i + 4, j : j + 4] += patches[:, :, :, i, j]
    return x.reshape(n * 36, 16)


def _matrix(kernel: Any) -> Any:
    return kernel.transpose(2, 3, 1, 0).reshape(-1, kernel.shape[0])


def _kernel(matrix: Any, shape: tuple[int, ...]) -> Any:
    return matrix.reshape(3, 3, shape[1], shape[0]).transpose(3, 2, 0, 1)


WORKLOAD = Workload(
    "W10",
    "3×3 convnet on 8×8 digits, batch 64",
    _inputs,
    hand,
    {
        "clumsygrad": _loss_clumsygrad,
        "torch": _loss_torch,
        "jax": _loss_jax,
        "autograd": _loss_autograd,
        "mygrad": _loss_mygrad,
    },
    goal=1.5,
    goal_torch=1.0,
)
