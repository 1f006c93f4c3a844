"""SciPy's Fourier, cosine and sine transforms of Tensors: a backend of scipy.fft, registered when this module is imported.

With it `scipy.fft.fft(t)` needs no SCIPY_ARRAY_API=1, and the discrete cosine and sine transforms, which SciPy computes in NumPy alone,
are differentiable, in every library.

>>> import clumsygrad as cg, scipy.fft, clumsygrad.integrations.scipy_fft
>>> x = cg.Tensor([1.0, 2.0, 4.0], requires_grad=True)
>>> scipy.fft.dct(x).requires_grad
True
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import scipy.fft

from .. import xp as _xp
from ..tensor import Tensor
from ..xp import Array, array_namespace

# (α, β, M − 2N) of the transform Σ x_n cos or sin(2π (k + α)(n + β)/M) by its type, and the n that SciPy counts half.
COSINE = {1: (0.0, 0.0, -2, (0, -1)), 2: (0.0, 0.5, 0, ()), 3: (0.5, 0.0, 0, (0,)), 4: (0.5, 0.5, 0, ())}
SINE = {1: (1.0, 1.0, 2, ()), 2: (1.0, 0.5, 0, ()), 3: (0.5, 1.0, 0, (-1,)), 4: (0.5, 0.5, 0, ())}
INVERSE = {1: 1, 2: 3, 3: 2, 4: 4}


# Cosine and sine transforms -----------------------------------------------------------------------------------------------------------


def _trigonometric(x: Array, kind: str, type: int, norm: str | None, orthogonalize: bool | None, inverse: bool) -> Array:
    """The cosine or sine transform (of `kind`) along the last axis, by one Fourier transform of length M."""
    xp = array_namespace(x)
    if _xp.is_complex(x):
        re, im = [_trigonometric(part, kind, type, norm, orthogonalize, inverse) for part in (xp.real(x), xp.imag(x))]
        return re + 1j * im
    if not _xp.is_floating(x):
        x = xp.astype(x, xp.float64)
    if inverse:
        type = INVERSE[type]
        norm = {None: "forward", "backward": "forward", "forward": "backward"}.get(norm, norm)
    alpha, beta, more, halved = (COSINE if kind == "cosine" else SINE)[type]
    n = x.shape[-1]
    m = 2 * n + more
    if m < 2:
        raise ValueError(f"{kind} transform of type {type}: it needs at least two elements, not {n}")
    orthogonal = norm == "ortho" if orthogonalize is None else orthogonalize
    k = xp.arange(n, dtype=x.dtype, device=x.device)
    before = x * _weights(xp, k, halved, math.sqrt(0.5) if orthogonal else 0.5)
    z = xp.fft.fft(before * _turn(xp, k * (alpha * 2 * math.pi / m)), n=m, axis=-1)[..., :n]
    z = z * _turn(xp, (k + alpha) * (beta * 2 * math.pi / m))
    scale = 2.0 / {"ortho": math.sqrt(m), "forward": m}.get(norm or "", 1)
    y = scale * xp.real(z) if kind == "cosine" else -scale * xp.imag(z)
    turned = (COSINE if kind == "cosine" else SINE)[INVERSE[type]][3]
    return y * _weights(xp, k, turned, math.sqrt(0.5)) if orthogonal else y


def _turn(xp: Any, angle: Array) -> Array:
    """exp(−i angle)."""
    return xp.cos(angle) - 1j * xp.sin(angle)


def _weights(xp: Any, k: Array, places: Sequence[int], weight: float) -> Array:
    """Ones, but `weight` at some places."""
    n = k.shape[0]
    ones = xp.ones_like(k)
    for place in places:
        ones = xp.where(k == place % n, xp.full_like(k, weight), ones)
    return ones


def _resized(x: Array, n: int | None) -> Array:
    """The first n elements along the last axis, with zeros where there are fewer."""
    if n is None or n == x.shape[-1]:
        return x
    xp = array_namespace(x)
    if n < x.shape[-1]:
        return x[..., :n]
    return xp.concat([x, xp.zeros((*x.shape[:-1], n - x.shape[-1]), dtype=x.dtype, device=x.device)], axis=-1)


class Trigonometric:
    """dct, dst, and their inverses, with SciPy's arguments."""

    def __init__(self, kind: str, inverse: bool) -> None:
        self.kind, self.inverse = kind, inverse

    def __call__(
        self,
        x: Tensor,
        type: int = 2,
        n: int | None = None,
        axis: int = -1,
        norm: str | None = None,
        overwrite_x: bool = False,
        workers: int | None = None,
        orthogonalize: bool | None = None,
    ) -> Array:
        xp = array_namespace(x)
        y = _resized(xp.moveaxis(x, axis, -1), n)
        return xp.moveaxis(_trigonometric(y, self.kind, type, norm, orthogonalize, self.inverse), -1, axis)

    def over_axes(
        self,
        x: Tensor,
        type: int = 2,
        s: int | Sequence[int] | None = None,
        axes: int | Sequence[int] | None = None,
        norm: str | None = None,
        overwrite_x: bool = False,
        workers: int | None = None,
        *,
        orthogonalize: bool | None = None,
    ) -> Array:
        """dctn, dstn, and their inverses."""
        lengths: list[int | None] | None = None if s is None else [s] if isinstance(s, int) else list(s)
        if axes is None:
            axes = range(len(x.shape)) if lengths is None else range(-len(lengths), 0)
        places = [axes] if isinstance(axes, int) else list(axes)
        for axis, n in zip(places, lengths or [None] * len(places), strict=True):
            x = self(x, type, n, axis, norm, orthogonalize=orthogonalize)
        return x


# Fourier transforms -------------------------------------------------------------------------------------------------------------------


OF_REAL = frozenset({"rfft", "rfftn", "ihfft"})  # the standard's others want complex numbers


class Fourier:
    """A transform that the standard has, by its name there, with SciPy's arguments."""

    def __init__(self, name: str, axes: Any) -> None:
        self.name, self.axes = name, axes

    def __call__(self, x: Tensor, *args: Any, plan: None = None, **kwargs: Any) -> Array:
        """The arguments are n and axis, or s and axes; then norm, overwrite_x, workers."""
        length, where = ("s", "axes") if self.name.endswith("n") else ("n", "axis")
        given = {where: self.axes} | dict(zip((length, where, "norm"), args, strict=False)) | kwargs
        kept = {key: given[key] for key in (length, where, "norm") if given.get(key) is not None}
        if kept.get("s") is not None and kept.get("axes") is None:
            kept["axes"] = tuple(range(-len(kept["s"]), 0))
        xp = array_namespace(x)
        if self.name not in OF_REAL and not _xp.is_complex(x):
            x = xp.astype(x, xp.result_type(x.dtype, xp.complex64))
        return getattr(xp.fft, self.name)(x, **kept)


TRANSFORMS: dict[str, Callable[..., Array]] = {
    **{name: Fourier(name, -1) for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")},
    **{name: Fourier(name, None) for name in ("fftn", "ifftn", "rfftn", "irfftn")},
    **{f"{name}2": Fourier(f"{name}n", (-2, -1)) for name in ("fft", "ifft", "rfft", "irfft")},
}
for _name, _kind in (("ct", "cosine"), ("st", "sine")):
    for _prefix in ("d", "id"):
        _transform = Trigonometric(_kind, _prefix == "id")
        TRANSFORMS[f"{_prefix}{_name}"] = _transform
        TRANSFORMS[f"{_prefix}{_name}n"] = _transform.over_axes


class Backend:
    """What SciPy asks, by its protocol of backends (uarray)."""

    __ua_domain__ = "numpy.scipy.fft"

    @staticmethod
    def __ua_function__(method: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A transform that was called; NotImplemented sends what is no Tensor, or is not here, on to the next backend."""
        function = TRANSFORMS.get(method.__name__)
        x = args[0] if args else kwargs.get("x")
        return NotImplemented if function is None or type(x) is not Tensor else function(*args, **kwargs)


scipy.fft.register_backend(Backend)
