"""Fourier transforms: the standard's extension `fft`. `over(library).fft` has the same, with that library's fftfreq and rfftfreq."""

from __future__ import annotations

from .forward.fft import fft, fftn, fftshift, hfft, ifft, ifftn, ifftshift, ihfft, irfft, irfftn, rfft, rfftn
from .namespace import Frequencies
from .xp import numpy

__all__ = [
    "fft",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfftn",
    "rfft",
    "rfftfreq",
    "rfftn",
]

_frequencies = Frequencies(numpy)
fftfreq = _frequencies.fftfreq
rfftfreq = _frequencies.rfftfreq
