"""Losses. Each takes `reduction`: "mean" (the default), "sum" or "none"."""

from .forward.losses import cross_entropy as cross_entropy
from .forward.losses import mae_loss as mae_loss
from .forward.losses import mse_loss as mse_loss

__all__ = ["cross_entropy", "mae_loss", "mse_loss"]
