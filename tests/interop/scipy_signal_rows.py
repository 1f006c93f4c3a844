"""The rows of scipy.signal."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.signal as signal
from array_api_compat import array_namespace
from rows import Table, beside, parts

import clumsygrad as cg
from clumsygrad._transfer import moved

TABLE = Table()

FREQUENCIES = [0.1, 0.5, 1.0]
CONVERTS = r"x\.detach\(\)"


def response(result: tuple[Any, Any]) -> Any:
    """The values of a frequency response."""
    return parts(result[1])


def delay(b: Any) -> Any:
    """The group delay of a filter without feedback."""
    return signal.group_delay((b, beside(b, [1.0])), w=beside(b, FREQUENCIES))[1]


def like(x: Any, z: Any) -> Any:
    """z in the library and on the device of x."""
    return moved(z, x.data if type(x) is cg.Tensor else x)


def with_unit_lead(sections: Any) -> Any:
    """Second-order sections whose a₀ is 1."""
    xp = array_namespace(sections)
    return xp.concat([sections[:, :3], beside(sections, [[1.0]] * sections.shape[0]), sections[:, 4:]], axis=1)


def symmetric(name: str, **options: Any) -> Any:
    """Zeros, poles and gain, but of zeros and poles, which come in any order, the sums of their squares."""

    def call(*x: Any) -> Any:
        z, p, k = getattr(signal, name)(*x, **options)
        xp = array_namespace(z)
        return [xp.real(xp.sum(z * z)), xp.real(xp.sum(p * p)), k]

    return call


# Convolution ------------------------------------------------------------------------------------------------------------------------

for _mode in ("full", "same", "valid"):
    TABLE.row(f"scipy.signal.fftconvolve-{_mode}", (6,), (3,), mode=_mode)
    TABLE.row(f"scipy.signal.oaconvolve-{_mode}", (30,), (3,), mode=_mode)
    TABLE.row(f"scipy.signal.convolve-{_mode}-fft", (4, 5), (3, 2), mode=_mode, method="fft")
    TABLE.row(f"scipy.signal.correlate-{_mode}-fft", (4, 5), (3, 2), mode=_mode, method="fft")
TABLE.row("scipy.signal.fftconvolve-axes", (2, 6), (2, 3), axes=1)
TABLE.row("scipy.signal.oaconvolve-plane", (20, 25), (2, 3))

# Filters, and what is done to signals ---------------------------------------------------------------------------------------------

TABLE.row("scipy.signal.hilbert", (7,), call=lambda x: parts(signal.hilbert(x)), linear=True)
TABLE.row("scipy.signal.hilbert2", (3, 4), call=lambda x: parts(signal.hilbert2(x)), linear=True)
TABLE.row("scipy.signal.envelope", (9,), call=lambda x: signal.envelope(x, (1, 4)))
TABLE.row("scipy.signal.resample", (8,), num=6, linear=True)
TABLE.row("scipy.signal.resample-up", (2, 5), num=8, axis=1, linear=True)
TABLE.row("scipy.signal.vectorstrength", (5,), (), domain="positive", several=True)
TABLE.row("scipy.signal.gauss_spline", (5,), n=3)
TABLE.row("scipy.signal.firwin", (), domain=(0.2, 0.4), call=lambda cutoff: signal.firwin(5, cutoff))
TABLE.row("scipy.signal.minimum_phase", (9,), domain="positive")
TABLE.row("scipy.signal.windows.general_cosine", (3,), call=lambda a: signal.windows.general_cosine(5, a))

# Frequency responses ----------------------------------------------------------------------------------------------------------------

TABLE.row("scipy.signal.freqz", (3,), (2,), call=lambda b, a: response(signal.freqz(b, a, worN=5)))
TABLE.row("scipy.signal.freqz-at", (3,), (2,), call=lambda b, a: response(signal.freqz(b, a, worN=beside(b, FREQUENCIES))))
TABLE.row("scipy.signal.freqz-where", (3,), (4,), call=lambda b, w: response(signal.freqz(b, worN=w)))
TABLE.row("scipy.signal.freqs", (3,), (2,), call=lambda b, a: response(signal.freqs(b, a, worN=beside(b, FREQUENCIES))))
TABLE.row("scipy.signal.freqz_sos", (2, 6), call=lambda s: response(signal.freqz_sos(with_unit_lead(s), worN=4)))
TABLE.row("scipy.signal.freqz_zpk", (2,), (2,), (), call=lambda z, p, k: response(signal.freqz_zpk(z, p, k, worN=4)))
TABLE.row(
    "scipy.signal.freqs_zpk", (2,), (2,), (), call=lambda z, p, k: response(signal.freqs_zpk(z, p, k, worN=beside(z, FREQUENCIES)))
)
TABLE.row("scipy.signal.group_delay", (3,), call=delay, cannot=(("torch", "SciPy multiplies by an array of NumPy"),))
TABLE.row("scipy.signal.group_delay-moved to numpy", (3,), call=lambda b: like(b, delay(like(np.zeros(0), b))))

# Forms of filters -------------------------------------------------------------------------------------------------------------------

TABLE.row("scipy.signal.bilinear_zpk", (2,), (2,), (), call=lambda z, p, k: signal.bilinear_zpk(z, p, k, 1.0), several=True)
TABLE.row("scipy.signal.normalize", (3,), (3,), several=True)
for _name in ("lp2lp", "lp2hp"):
    TABLE.row(f"scipy.signal.{_name}", (3,), (3,), wo=2.0, several=True)
    TABLE.row(f"scipy.signal.{_name}_zpk", (2,), (3,), (), wo=2.0, several=True)
for _name in ("lp2bp", "lp2bs"):
    TABLE.row(f"scipy.signal.{_name}", (3,), (3,), wo=2.0, bw=0.5, several=True)
    TABLE.row(f"scipy.signal.{_name}_zpk", (2,), (3,), (), call=symmetric(f"{_name}_zpk", wo=2.0, bw=0.5), several=True)
TABLE.row("scipy.signal.tf2zpk", (3,), (3,), call=symmetric("tf2zpk"), several=True)
TABLE.row("scipy.signal.sos2zpk", (1, 6), call=symmetric("sos2zpk"), several=True)
TABLE.row("scipy.signal.abcd_normalize", (2, 2), (2, 1), (1, 2), (1, 1), several=True, linear=True)

# What raises ------------------------------------------------------------------------------------------------------------------------

TABLE.refuses("scipy.signal.convolve", (6,), (3,), says=r"x\.item\(\)")
TABLE.refuses("scipy.signal.convolve-direct", (6,), (3,), method="direct", says=CONVERTS)
for _name in ("convolve2d", "correlate2d"):
    TABLE.refuses(f"scipy.signal.{_name}", (4, 5), (3, 2), says=CONVERTS)
TABLE.refuses("scipy.signal.lfilter", (3,), (2,), (6,), says=CONVERTS)
TABLE.refuses("scipy.signal.savgol_filter", (9,), window_length=5, polyorder=2, says=CONVERTS)
TABLE.refuses("scipy.signal.decimate", (30,), q=3, says=CONVERTS)
TABLE.refuses("scipy.signal.resample_poly", (8,), up=3, down=2, says=CONVERTS)
for _name in ("detrend", "welch", "periodogram", "stft", "czt", "medfilt", "sawtooth"):
    TABLE.refuses(f"scipy.signal.{_name}", (9,), says=CONVERTS)
TABLE.refuses("scipy.signal.zpk2sos", (2,), (2,), (), says=CONVERTS)
TABLE.refuses("scipy.signal.windows.kaiser", (), call=lambda beta: signal.windows.kaiser(5, beta), says=CONVERTS)
