"""Fourier transforms: the standard's extension `fft`. `over(library).fft` has the same, with that library's fftfreq and rfftfreq."""

from __future__ import annotations

from .forward import fft as _fft
from .forward.fft import *
from .namespace import Frequencies
from .xp import numpy

_frequencies = Frequencies(numpy)
fftfreq = _frequencies.fftfreq
rfftfreq = _frequencies.rfftfreq

__all__ = ["fftfreq", "rfftfreq"]
__all__ += _fft.__all__
