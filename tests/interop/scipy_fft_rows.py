"""The rows of scipy.fft: through the namespace, and through the backend of clumsygrad.integrations.scipy_fft."""

from __future__ import annotations

from typing import Any

import scipy.fft as fft
from rows import Table, parts

import clumsygrad.integrations.scipy_fft  # noqa: F401 (registers the backend)

TABLE = Table()


def of_parts(name: str, **options: Any) -> Any:
    """A transform whose results are complex."""
    return lambda x: parts(getattr(fft, name)(x, **options))


for _name in ("fft", "ifft", "rfft", "ihfft"):
    TABLE.row(f"scipy.fft.{_name}", (2, 5), call=of_parts(_name), linear=True)
    TABLE.row(f"scipy.fft.{_name}-longer", (2, 5), call=of_parts(_name, n=7, axis=0, norm="ortho"), linear=True)
for _name in ("irfft", "hfft", "irfftn", "irfft2", "hfftn", "hfft2"):
    TABLE.row(f"scipy.fft.{_name}", (3, 4), linear=True)
for _name in ("fftn", "ifftn", "fft2", "ifft2", "rfftn", "rfft2", "ihfftn", "ihfft2"):
    TABLE.row(f"scipy.fft.{_name}", (3, 4), call=of_parts(_name), linear=True)
for _name in ("dct", "dst", "idct", "idst", "dctn", "dstn", "idctn", "idstn"):
    TABLE.row(f"scipy.fft.{_name}", (3, 4), linear=True)
    for _type in (1, 2, 3, 4):
        TABLE.row(f"scipy.fft.{_name}-{_type}-ortho", (3, 4), type=_type, norm="ortho", linear=True)
TABLE.row("scipy.fft.dct-longer", (3, 4), n=6, axis=0, norm="forward", linear=True)
TABLE.row("scipy.fft.dstn-lengths", (3, 4), s=(2, 5), axes=(1, 0), linear=True)
for _name in ("fftshift", "ifftshift"):
    TABLE.row(f"scipy.fft.{_name}", (3, 4), linear=True)
for _name in ("fht", "ifht"):
    TABLE.row(f"scipy.fft.{_name}", (8,), dln=0.1, mu=0.5, linear=True)
