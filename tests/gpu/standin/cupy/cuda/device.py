"""cupy.cuda.device: where others import Device from."""

from .._cuda import Device

__all__ = ["Device"]
