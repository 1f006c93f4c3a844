"""The random generators that array libraries have of their own, which draw where the arrays are: faster, and different in each library."""

from __future__ import annotations

import contextlib
from typing import Any

from . import _transfer
from . import xp as _xp
from .xp import Array

__all__ = ["NativeGenerator", "native_generator"]

Shape = tuple[int, ...]


class NativeGenerator:
    """One of NumPy's form: its own, CuPy's, Dask's. The others override what they spell in another way."""

    def __init__(self, library: str, seed: int | None, device: Any) -> None:
        self._device = _transfer.device_of(library, device)
        self._module: Any = _xp.optional({"dask": "dask.array", "jax": "jax.numpy"}.get(library, library))
        with self._there():
            self._generator = self._made(seed)

    def _there(self) -> contextlib.AbstractContextManager[Any]:
        """What is drawn inside is drawn on the device: only CuPy's devices are entered for that."""
        entered: contextlib.AbstractContextManager[Any] = (
            self._device if hasattr(self._device, "__enter__") else contextlib.nullcontext()
        )
        return entered

    def _made(self, seed: int | None) -> Any:
        return self._module.random.default_rng(seed)

    def normal(self, shape: Shape, dtype: Any, mean: float, std: float) -> Array:
        """Normal numbers of a mean and a standard deviation."""
        with self._there():
            return self._drawn(self._generator.standard_normal, shape, dtype) * std + mean

    def uniform(self, shape: Shape, dtype: Any, low: float, high: float) -> Array:
        """Numbers in [low, high)."""
        with self._there():
            return self._drawn(self._generator.random, shape, dtype) * (high - low) + low

    def integers(self, low: int, high: int, shape: Shape) -> Array:
        """Integers in [low, high)."""
        with self._there():
            return self._generator.integers(low, high, size=shape)

    def permutation(self, n: int) -> Array:
        """The integers below n: in the order of as many random numbers."""
        with self._there():
            return self._module.argsort(self._generator.random(n))

    @staticmethod
    def _drawn(draw: Any, shape: Shape, dtype: Any) -> Array:
        """Numbers of a dtype, float64 if it is None: drawn in it, where the generator can."""
        wanted = _xp.numpy_dtype(dtype or "float64")
        return draw(shape, dtype=wanted) if wanted.name in ("float32", "float64") else draw(shape).astype(wanted)


class _Dask(NativeGenerator):
    def permutation(self, n: int) -> Array:
        return self._generator.permutation(self._module.arange(n))

    @staticmethod
    def _drawn(draw: Any, shape: Shape, dtype: Any) -> Array:
        return draw(shape).astype(_xp.numpy_dtype(dtype or "float64"))


class _Torch(NativeGenerator):
    def _made(self, seed: int | None) -> Any:
        self._device = self._module.get_default_device() if self._device is None else self._device
        generator = self._module.Generator(device=self._device)
        if seed is None:
            generator.seed()
            return generator
        return generator.manual_seed(seed)

    def normal(self, shape: Shape, dtype: Any, mean: float, std: float) -> Array:
        x = self._module.randn(shape, generator=self._generator, dtype=self._dtype(dtype), device=self._device)
        return x * std + mean

    def uniform(self, shape: Shape, dtype: Any, low: float, high: float) -> Array:
        x = self._module.rand(shape, generator=self._generator, dtype=self._dtype(dtype), device=self._device)
        return x * (high - low) + low

    def integers(self, low: int, high: int, shape: Shape) -> Array:
        return self._module.randint(low, high, shape, generator=self._generator, device=self._device)

    def permutation(self, n: int) -> Array:
        return self._module.randperm(n, generator=self._generator, device=self._device)

    def _dtype(self, dtype: Any) -> Any:
        return None if dtype is None else getattr(self._module, _xp.numpy_dtype(dtype).name)


class _Jax(NativeGenerator):
    def _made(self, seed: int | None) -> Any:
        if seed is None:
            seed = int(_xp.numpy.random.default_rng().integers(2**32))
        self._random: Any = _xp.optional("jax").random
        return self._random.key(seed)

    def normal(self, shape: Shape, dtype: Any, mean: float, std: float) -> Array:
        return self._placed(self._random.normal(self._next_key(), shape, _dtype_name(dtype))) * std + mean

    def uniform(self, shape: Shape, dtype: Any, low: float, high: float) -> Array:
        return self._placed(self._random.uniform(self._next_key(), shape, _dtype_name(dtype))) * (high - low) + low

    def integers(self, low: int, high: int, shape: Shape) -> Array:
        return self._placed(self._random.randint(self._next_key(), shape, low, high))

    def permutation(self, n: int) -> Array:
        return self._placed(self._random.permutation(self._next_key(), n))

    def _next_key(self) -> Any:
        """A key that is used once; the generator goes on from another."""
        self._generator, key = self._random.split(self._generator)
        return key

    def _placed(self, x: Array) -> Array:
        return x if self._device is None else _transfer.to_device(x, self._device)


def _dtype_name(dtype: Any) -> Any:
    return float if dtype is None else _xp.numpy_dtype(dtype)


_CLASSES: dict[str, type[NativeGenerator]] = {
    "numpy": NativeGenerator,
    "cupy": NativeGenerator,
    "dask": _Dask,
    "torch": _Torch,
    "jax": _Jax,
}


def native_generator(library: str, seed: int | None, device: Any) -> NativeGenerator:
    """A library's own generator. Raises ValueError where it has none."""
    if library not in _CLASSES:
        raise ValueError(f"Generator: {library} has no random generator of its own; without native=True numbers are drawn by NumPy")
    return _CLASSES[library](library, seed, device)
