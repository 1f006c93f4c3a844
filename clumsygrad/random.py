"""Random tensors, in any library and on any device, from a seed.

Numbers are drawn by NumPy's Generator on the host and moved, so that one seed gives the same numbers everywhere; or, on demand, by the
library's own generator, where the arrays are.
"""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

from . import _transfer
from . import xp as _xp
from ._native_random import NativeGenerator, native_generator
from .tensor import Tensor
from .xp import numpy

__all__ = ["Generator"]


class Generator:
    """A stream of random tensors: of a library (a module or a name), on a device, from a seed.

    With native=True the library's own generator draws, on the device: nothing crosses from the host, but the numbers are others in each
    library, and so is the dtype where none is asked for. Raises ValueError where it has no generator (array-api-strict).

    >>> import clumsygrad as cg
    >>> cg.random.Generator(0).normal((2,))
    Tensor(array([ 0.12573022, -0.13210486]))
    """

    def __init__(
        self, seed: int | None = None, *, library: str | ModuleType = "numpy", device: Any = None, native: bool = False
    ) -> None:
        self._xp = _xp.namespace_of_library(library)
        self._device = device
        self._native: NativeGenerator | None = None
        if native:
            self._native = native_generator(_xp.name_of(self._xp), seed, device)
        else:
            self._numpy = numpy.random.default_rng(seed)

    def _tensor(self, values: Any, dtype: Any, requires_grad: bool) -> Tensor:
        if dtype is not None:
            values = values.astype(_xp.numpy_dtype(dtype))
        return Tensor(_transfer.to_library(values, self._xp, self._device), requires_grad=requires_grad)

    def normal(
        self, shape: tuple[int, ...], *, mean: float = 0.0, std: float = 1.0, dtype: Any = None, requires_grad: bool = False
    ) -> Tensor:
        """Normal numbers of the given mean and standard deviation."""
        if self._native is not None:
            return Tensor(self._native.normal(shape, dtype, float(mean), float(std)), requires_grad=requires_grad)
        return self._tensor(self._numpy.normal(mean, std, shape), dtype, requires_grad)

    def uniform(
        self, shape: tuple[int, ...], *, low: float = 0.0, high: float = 1.0, dtype: Any = None, requires_grad: bool = False
    ) -> Tensor:
        """Numbers equally likely anywhere in [low, high)."""
        if self._native is not None:
            return Tensor(self._native.uniform(shape, dtype, float(low), float(high)), requires_grad=requires_grad)
        return self._tensor(self._numpy.uniform(low, high, shape), dtype, requires_grad)

    def integers(self, shape: tuple[int, ...], *, low: int = 0, high: int) -> Tensor:
        """Integers (int64; JAX's own, of 32 bits unless it is told otherwise) equally likely anywhere in [low, high)."""
        if self._native is not None:
            return Tensor(self._native.integers(low, high, shape))
        return self._tensor(self._numpy.integers(low, high, shape), None, False)

    def permutation(self, n: int) -> Tensor:
        """The integers from 0 up to n, without it, in random order; of the dtype of `integers`."""
        if self._native is not None:
            return Tensor(self._native.permutation(n))
        return self._tensor(self._numpy.permutation(n), None, False)

    def he(self, shape: tuple[int, ...], *, dtype: Any = None, requires_grad: bool = True) -> Tensor:
        """Weights for relu layers: normal with variance 2 / inputs. Source: He et al. 2015.

        A matrix has the shape (inputs, outputs), as `nn.linear` takes it, a kernel (outputs, inputs, height, width), as `nn.conv2d`
        does; each of its outputs has inputs · height · width inputs.
        """
        inputs, _ = _fans(shape, "he")
        return self.normal(shape, std=math.sqrt(2 / inputs), dtype=dtype, requires_grad=requires_grad)

    def glorot(self, shape: tuple[int, ...], *, dtype: Any = None, requires_grad: bool = True) -> Tensor:
        """Weights for tanh layers, of shapes as in `he`: uniform, variance 2 / (inputs + outputs). Source: Glorot and Bengio 2010."""
        bound = math.sqrt(6 / sum(_fans(shape, "glorot")))
        return self.uniform(shape, low=-bound, high=bound, dtype=dtype, requires_grad=requires_grad)


def _fans(shape: tuple[int, ...], name: str) -> tuple[int, int]:
    """How many inputs each output of a layer has, and each input outputs."""
    if len(shape) < 2:
        raise ValueError(
            f"{name}: a weight has the shape (inputs, outputs), or (outputs, inputs, height, width), not {tuple(shape)}; "
            "for a bias take zeros"
        )
    if len(shape) == 2:
        return shape[0], shape[1]
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window
