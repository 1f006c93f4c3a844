"""Losses. Each takes `reduction`: "mean" (the default), "sum" or "none"."""

from .forward.losses import binary_cross_entropy as binary_cross_entropy
from .forward.losses import cross_entropy as cross_entropy
from .forward.losses import mae_loss as mae_loss
from .forward.losses import mse_loss as mse_loss

__all__ = ["binary_cross_entropy", "cross_entropy", "mae_loss", "mse_loss"]
