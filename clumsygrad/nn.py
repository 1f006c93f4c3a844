"""Layers, activations and losses of neural networks as functions: of tensors, or of plain arrays of any library.

Each is one operation with a backward function of its own, faster and smaller than what it could be composed of. Weights and shapes of
images are those of `linear` and `conv2d` below; there are no classes: parameters are arrays that you hold.
"""

from .forward.activations import gelu, log_softmax, relu, sigmoid, silu, softmax, softplus
from .forward.elementwise import tanh
from .forward.layers import avg_pool2d, conv2d, dropout, embedding, layer_norm, linear, max_pool2d, scaled_dot_product_attention
from .forward.losses import binary_cross_entropy, cross_entropy, mae_loss, mse_loss

__all__ = [
    "avg_pool2d",
    "binary_cross_entropy",
    "conv2d",
    "cross_entropy",
    "dropout",
    "embedding",
    "gelu",
    "layer_norm",
    "linear",
    "log_softmax",
    "mae_loss",
    "max_pool2d",
    "mse_loss",
    "relu",
    "scaled_dot_product_attention",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
]
