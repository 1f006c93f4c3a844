"""The table's rows of Fourier transforms: clumsygrad.fft.

Every transform at even and odd lengths, cut and filled up, with each norm, along first and last axes. All are linear, so that finite
differences are exact but for rounding.
"""

from __future__ import annotations

from typing import Any

from table import BOTH, COMPLEX, REAL, Shape, called, row

MKL_WANTS_ELEMENTS = (("torch", "the MKL inside torch transforms no empty arrays"),)
STRICT_WANTS_COMPLEX = tuple((name, "array-api-strict transforms complex arrays only") for name in ("strict", "strict-device1"))

# Operand and attributes of transforms of whole spectra and signals, and of those from half a spectrum, whose length is told by n alone.
WHOLE: dict[str, tuple[Shape, dict[str, Any]]] = {
    "": ((2, 4), {}),
    "-odd": ((5,), {"norm": "ortho"}),
    "-cut": ((5, 2), {"n": 4, "axis": 0, "norm": "forward"}),
    "-cut-odd": ((2, 4), {"n": 3, "axis": -1}),
    "-filled": ((2, 3, 2), {"n": 6, "axis": 1, "norm": "ortho"}),
    "-filled-odd": ((4,), {"n": 7, "norm": "forward"}),
    "-two": ((2, 2), {"axis": 0}),
    "-one": ((3, 1), {}),
    "-empty-batch": ((0, 4), {}),
}
HALF: dict[str, tuple[Shape, dict[str, Any]]] = {
    "": ((2, 3), {}),
    "-odd": ((3,), {"n": 5, "norm": "ortho"}),
    "-cut": ((5, 2), {"n": 4, "axis": 0, "norm": "forward"}),
    "-cut-odd": ((2, 4), {"n": 3, "axis": -1}),
    "-filled": ((2, 2, 2), {"n": 6, "axis": 1, "norm": "ortho"}),
    "-filled-odd": ((3,), {"n": 7, "norm": "forward"}),
    "-two": ((2, 2), {"axis": 0}),
    "-one": ((3, 2), {"n": 1}),
    "-empty-batch": ((0, 3), {}),
}
SEVERAL: dict[str, tuple[Shape, dict[str, Any]]] = {
    "": ((2, 3, 4), {}),
    "-axes": ((4, 2, 5), {"axes": (2, 0), "norm": "ortho"}),
    "-resized": ((3, 5, 2), {"s": (4, 3), "axes": (0, 1), "norm": "forward"}),
    "-resized-even": ((3, 2, 2), {"s": (2, 6), "axes": (-3, -1)}),
    "-one-axis": ((2, 3, 2), {"axes": (1,)}),
    "-empty-batch": ((0, 2, 3), {"axes": (1, 2)}),
}
MINOR = ("-cut-odd", "-filled", "-filled-odd", "-two", "-one", "-one-axis", "-empty-batch")

for name, kinds, variants in (
    ("fft", COMPLEX, WHOLE),
    ("ifft", COMPLEX, WHOLE),
    ("rfft", REAL, WHOLE),
    ("ihfft", REAL, WHOLE),
    ("irfft", COMPLEX, HALF),
    ("hfft", COMPLEX, HALF),
    ("fftn", COMPLEX, SEVERAL),
    ("ifftn", COMPLEX, SEVERAL),
    ("rfftn", REAL, SEVERAL),
    ("irfftn", COMPLEX, SEVERAL),
):
    for suffix, (shape, attributes) in variants.items():
        row(
            f"fft.{name}{suffix}",
            called(f"fft.{name}", **attributes),
            shape,
            rules=name,
            kinds=kinds,
            linear=True,
            minor=suffix in MINOR,
            cannot=MKL_WANTS_ELEMENTS if 0 in shape else (),
        )

for name in ("fft", "ifft"):
    function = called(f"fft.{name}", n=5)
    row(f"fft.{name}-of-real", function, (2, 4), rules=name, linear=True, cannot=STRICT_WANTS_COMPLEX)
for name in ("fftn", "ifftn"):
    function = called(f"fft.{name}", s=(2, 3), axes=(0, 1))
    row(f"fft.{name}-of-real", function, (3, 2), rules=name, linear=True, cannot=STRICT_WANTS_COMPLEX)
for name in ("irfft", "hfft"):
    function = called(f"fft.{name}")
    row(f"fft.{name}-of-real", function, (2, 4), rules=name, linear=True, cannot=STRICT_WANTS_COMPLEX)

for name in ("fftshift", "ifftshift"):
    for suffix, attributes in (("", {}), ("-axis", {"axes": 1}), ("-axes", {"axes": (-1, 0)})):
        function = called(f"fft.{name}", **attributes)
        row(f"fft.{name}{suffix}", function, (3, 4, 5), rules=name, kinds=BOTH, linear=True, minor=bool(suffix))


def spectrum_of_product(xp: Any, x: Any, y: Any) -> Any:
    """|F(xy)|², along two axes: how Fourier transforms mostly meet what is not linear."""
    return xp.abs(xp.fft.fftn(x * y, axes=(-2, -1))) ** 2


row("fft-spectrum", spectrum_of_product, (2, 2, 3), (2, 3), rules="mul_broadcast fftn abs power", kinds=COMPLEX)


def convolution(xp: Any, x: Any, y: Any) -> Any:
    """The circular convolution of real signals, by the theorem."""
    return xp.fft.irfft(xp.fft.rfft(x) * xp.fft.rfft(y), n=5)


row("fft-convolution", convolution, (2, 5), (5,), rules="rfft mul_broadcast irfft")
