"""W3, W4, W9: multilayer perceptrons, and a Hessian-vector product of the small one. float32."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ..workload import Arrays, Inputs, Workload, normal

# W3: regression, batch 32, 64-64-64-1, tanh, mean squared error -------------------------------------------------------------------


def _regression_inputs() -> Inputs:
    rng = np.random.default_rng(3)
    return Inputs(_parameters(rng, (64, 64, 64, 1)), (normal(rng, 32, 64), normal(rng, 32, 1)))


def _parameters(rng: np.random.Generator, widths: tuple[int, ...]) -> list[Any]:
    """A weight matrix and a bias for each layer."""
    return [
        p
        for fan_in, fan_out in pairwise(widths)
        for p in (normal(rng, fan_in, fan_out, scale=fan_in**-0.5), normal(rng, fan_out, scale=0.1))
    ]


def _predicted(xp: Any, parameters: Arrays, x: Any) -> Any:
    w1, b1, w2, b2, w3, b3 = parameters
    h = xp.tanh(x @ w1 + b1)
    h = xp.tanh(h @ w2 + b2)
    return h @ w3 + b3


def _regression_clumsygrad(cg: Any, parameters: Arrays, constants: Arrays) -> Any:
    w1, b1, w2, b2, w3, b3 = parameters
    x, y = constants
    nn = cg.nn
    h = nn.tanh(nn.linear(x, w1, b1))
    h = nn.tanh(nn.linear(h, w2, b2))
    return nn.mse_loss(nn.linear(h, w3, b3), y)


def _regression_torch(torch: Any, parameters: Arrays, constants: Arrays) -> Any:
    w1, b1, w2, b2, w3, b3 = parameters
    x, y = constants
    h = torch.tanh(torch.addmm(b1, x, w1))
    h = torch.tanh(torch.addmm(b2, h, w2))
    return torch.nn.functional.mse_loss(torch.addmm(b3, h, w3), y)


def _regression(xp: Any, parameters: Arrays, constants: Arrays) -> Any:
    x, y = constants
    return xp.mean((_predicted(xp, parameters, x) - y) ** 2)


def _regression_hand(inputs: Inputs) -> tuple[Any, Arrays]:
    w1, b1, w2, b2, w3, b3 = inputs.parameters
    x, y = inputs.constants
    h1 = x @ w1
    h1 += b1
    np.tanh(h1, out=h1)
    h2 = h1 @ w2
    h2 += b2
    np.tanh(h2, out=h2)
    g = h2 @ w3
    g += b3
    g -= y
    value = np.vdot(g, g) / g.size
    g *= 2 / g.size
    gw3, gb3 = h2.T @ g, np.add.reduce(g)
    g = g * w3.T  # one output: the product of a column and a row
    g -= g * h2 * h2
    gw2, gb2 = h1.T @ g, np.add.reduce(g)
    g = g @ w2.T
    g -= g * h1 * h1
    return value, (x.T @ g, np.add.reduce(g), gw2, gb2, gw3, gb3)


_ONES = np.ones(32, dtype=np.float32)  # one for each row of the batch


def _regression_hand_faster(inputs: Inputs) -> tuple[Any, Arrays]:
    """The same by NumPy's `dot`, which takes a microsecond less to begin than `@`, and sums of rows as products with ones."""
    w1, b1, w2, b2, w3, b3 = inputs.parameters
    x, y = inputs.constants
    h1 = x.dot(w1)
    h1 += b1
    np.tanh(h1, h1)
    h2 = h1.dot(w2)
    h2 += b2
    np.tanh(h2, h2)
    g = h2.dot(w3)
    g += b3
    g -= y
    value = np.vdot(g, g) / g.size
    g *= 2 / g.size
    gw3, gb3 = h2.T.dot(g), _ONES.dot(g)
    g = g * w3.T
    h2 *= h2
    h2 *= g
    g -= h2
    gw2, gb2 = h1.T.dot(g), _ONES.dot(g)
    g = g.dot(w2.T)
    h1 *= h1
    h1 *= g
    g -= h1
    return value, (x.T.dot(g), _ONES.dot(g), gw2, gb2, gw3, gb3)


_REGRESSION_LOSSES = {
    "clumsygrad": _regression_clumsygrad,
    "torch": _regression_torch,
    "jax": _regression,
    "autograd": _regression,
    "mygrad": _regression,
}

REGRESSION = Workload(
    "W3",
    "MLP regression, batch 32, 64-64-64-1",
    _regression_inputs,
    _regression_hand,
    _REGRESSION_LOSSES,
    hand_faster=_regression_hand_faster,
    goal=1.9,
    goal_torch=2.0,
)

# W9: the Hessian of W3 times a vector -----------------------------------------------------------------------------------------------


def _hessian_vector_inputs() -> Inputs:
    parameters, constants, _ = _regression_inputs()
    rng = np.random.default_rng(9)
    return Inputs(parameters, constants, [normal(rng, *p.shape) for p in parameters])


def _hessian_vector_hand(inputs: Inputs) -> tuple[Any, Arrays]:
    """Forward over reverse, written out: `d` before a name is its derivative along the vectors."""
    w1, b1, w2, b2, w3, b3 = inputs.parameters
    x, y = inputs.constants
    dw1, db1, dw2, db2, dw3, db3 = inputs.vectors
    h1 = x @ w1
    h1 += b1
    np.tanh(h1, out=h1)
    s1 = 1 - h1 * h1
    dh1 = x @ dw1
    dh1 += db1
    dh1 *= s1
    h2 = h1 @ w2
    h2 += b2
    np.tanh(h2, out=h2)
    s2 = 1 - h2 * h2
    dh2 = h1 @ dw2
    dh2 += dh1 @ w2
    dh2 += db2
    dh2 *= s2
    g = h2 @ w3
    g += b3
    g -= y
    dg = h2 @ dw3
    dg += dh2 @ w3
    dg += db3
    factor = 2 / g.size
    g *= factor
    dg *= factor
    dgw3 = h2.T @ dg
    dgw3 += dh2.T @ g
    dgb3 = np.add.reduce(dg)
    p = g * w3.T  # the gradient of h2, and its derivative
    dp = dg * w3.T
    dp += g * dw3.T
    g = p * s2
    dg = dp * s2
    h2 *= p  # from here on h2 and h1 are read no more but for the derivatives of s2 and s1: that of 1 - h² is -2 h dh
    h2 *= dh2
    h2 *= 2
    dg -= h2
    dgw2 = h1.T @ dg
    dgw2 += dh1.T @ g
    dgb2 = np.add.reduce(dg)
    p = g @ w2.T
    dp = dg @ w2.T
    dp += g @ dw2.T
    dp *= s1
    h1 *= p
    h1 *= dh1
    h1 *= 2
    dp -= h1
    return None, (x.T @ dp, np.add.reduce(dp), dgw2, dgb2, dgw3, dgb3)


HESSIAN_VECTOR = Workload(
    "W9",
    "Hessian-vector product of W3",
    _hessian_vector_inputs,
    _hessian_vector_hand,
    {key: loss for key, loss in _REGRESSION_LOSSES.items() if key != "mygrad"},
    order=2,
    goal=3.0,
    goal_torch=1.6,
)

# W4: classification, batch 256, 784-512-256-10, relu, cross-entropy -----------------------------------------------------------------


def classification_inputs(batch: int = 256, widths: tuple[int, ...] = (784, 512, 256, 10)) -> Inputs:
    rng = np.random.default_rng(4)
    x, labels = normal(rng, batch, widths[0]), rng.integers(0, widths[-1], batch)
    return Inputs(_parameters(rng, widths), (x, labels))


def _logits(relu: Any, parameters: Arrays, x: Any) -> Any:
    w1, b1, w2, b2, w3, b3 = parameters
    h = relu(x @ w1 + b1)
    h = relu(h @ w2 + b2)
    return h @ w3 + b3


def _classification_clumsygrad(cg: Any, parameters: Arrays, constants: Arrays) -> Any:
    w1, b1, w2, b2, w3, b3 = parameters
    x, labels = constants
    nn = cg.nn
    h = nn.relu(nn.linear(x, w1, b1))
    h = nn.relu(nn.linear(h, w2, b2))
    return nn.cross_entropy(nn.linear(h, w3, b3), labels)


def _classification_torch(torch: Any, parameters: Arrays, constants: Arrays) -> Any:
    w1, b1, w2, b2, w3, b3 = parameters
    x, labels = constants
    f = torch.nn.functional
    h = f.relu(f.linear(x, w1.T, b1))
    h = f.relu(f.linear(h, w2.T, b2))
    return f.cross_entropy(f.linear(h, w3.T, b3), labels)


def _classification_jax(jnp: Any, parameters: Arrays, constants: Arrays) -> Any:
    import jax

    x, labels = constants
    log_p = jax.nn.log_softmax(_logits(jax.nn.relu, parameters, x))
    return -jnp.mean(jnp.take_along_axis(log_p, labels[:, None], axis=1))


def _classification_autograd(anp: Any, parameters: Arrays, constants: Arrays) -> Any:
    x, labels = constants

    def relu(h: Any) -> Any:
        return anp.maximum(h, 0)

    z = _logits(relu, parameters, x)
    z = z - anp.max(z, axis=1, keepdims=True)
    return anp.mean(anp.log(anp.sum(anp.exp(z), axis=1)) - z[np.arange(len(labels)), labels])


def _classification_mygrad(mg: Any, parameters: Arrays, constants: Arrays) -> Any:
    from mygrad.nnet.activations import relu
    from mygrad.nnet.losses import softmax_crossentropy

    x, labels = constants
    return softmax_crossentropy(_logits(relu, parameters, x), labels)


def _classification_hand(inputs: Inputs) -> tuple[Any, Arrays]:
    w1, b1, w2, b2, w3, b3 = inputs.parameters
    x, labels = inputs.constants
    h1 = x @ w1
    h1 += b1
    np.maximum(h1, 0, out=h1)
    h2 = h1 @ w2
    h2 += b2
    np.maximum(h2, 0, out=h2)
    g = h2 @ w3
    g += b3
    n = len(g)
    rows = np.arange(n)
    g -= g.max(axis=1, keepdims=True)
    chosen = g[rows, labels]
    np.exp(g, out=g)
    total = np.add.reduce(g, axis=1)
    value = (np.log(total) - chosen).mean()
    g /= (total * n)[:, None]
    g[rows, labels] -= 1 / n
    gw3, gb3 = h2.T @ g, np.add.reduce(g)
    g = g @ w3.T
    g *= h2 > 0
    gw2, gb2 = h1.T @ g, np.add.reduce(g)
    g = g @ w2.T
    g *= h1 > 0
    return value, (x.T @ g, np.add.reduce(g), gw2, gb2, gw3, gb3)


CLASSIFICATION = Workload(
    "W4",
    "MLP classification, batch 256, 784-512-256-10",
    classification_inputs,
    _classification_hand,
    {
        "clumsygrad": _classification_clumsygrad,
        "torch": _classification_torch,
        "jax": _classification_jax,
        "autograd": _classification_autograd,
        "mygrad": _classification_mygrad,
    },
    measures_memory=True,
    goal=1.05,
    goal_torch=1.0,
    goal_memory=1.3,
)
