"""The table's rows of Fourier transforms: clumsygrad.fft."""

from __future__ import annotations
