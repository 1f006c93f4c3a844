"""Activation functions."""

from .forward.activations import gelu as gelu
from .forward.activations import log_softmax as log_softmax
from .forward.activations import relu as relu
from .forward.activations import sigmoid as sigmoid
from .forward.activations import silu as silu
from .forward.activations import softmax as softmax
from .forward.activations import softplus as softplus
from .forward.elementwise import tanh as tanh

__all__ = ["gelu", "log_softmax", "relu", "sigmoid", "silu", "softmax", "softplus", "tanh"]
