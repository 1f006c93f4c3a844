"""The one list of array libraries (and devices, and compilers) behind every test.

A test that takes the fixture `backend` runs on each selected one: by default those of DEFAULT, with `--backend NAME` (repeatable)
the named ones, with `--backend all` every one but CuPy, which tests/gpu runs.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import clumsygrad as cg

NUMPY = tuple(map(int, np.__version__.split(".")[:2]))


@dataclass(frozen=True)
class Backend:
    """One array library on one device.

    `lacks` maps a word of Case.uses to the reason why rows that use it cannot run here. With `compiled`, everything runs inside
    jax.jit. Without `every_shape`, rows that differ from others in shape only are left out.
    """

    name: str
    library: str
    device: str | None = None
    compiled: bool = False
    every_shape: bool = True
    lacks: dict[str, str] = field(default_factory=dict)
    strict_flags: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    def missing(self) -> str | None:
        """Why this backend cannot run on this machine, or None."""
        try:
            module = importlib.import_module(self.library.partition(".")[0])
        except ImportError:
            return f"{self.library} is not installed"
        if self.library == "cupy" and not module.cuda.is_available():
            return "cupy is installed, but finds no CUDA GPU"
        return None

    @functools.cached_property
    def namespace(self) -> Any:
        """clumsygrad's namespace over this library."""
        return cg.over(self.library)

    @functools.cached_property
    def raw_namespace(self) -> Any:
        """The library's own array API namespace."""
        return cg.xp.namespace_of_library(self.library)

    @functools.cached_property
    def module(self) -> Any:
        """The library itself."""
        return importlib.import_module(self.library)

    @functools.cached_property
    def strict_device(self) -> Any:
        return self.module.Device(self.device)

    def array(self, values: Any) -> Any:
        """A raw array of this library, on this device, of the values and dtype of a NumPy array."""
        values = np.asarray(values)
        if self.library == "numpy":
            return values
        if self.library == "array_api_strict":
            return self.module.asarray(values, device=self.strict_device)
        if self.library == "dask.array":
            return self.module.from_array(values, chunks=tuple(max(n, 1) for n in values.shape))
        return self.module.asarray(values)

    def host(self, x: Any) -> Any:
        """The values of a raw array, or of a Tensor, as a NumPy array."""
        if type(x) is cg.Tensor:
            x = x.data
        if self.library == "array_api_strict":
            x = x.to_device(self.module.Device("CPU_DEVICE"))
        elif self.library == "dask.array":
            return np.asarray(x.compute(scheduler="synchronous"))
        elif self.library == "torch":
            return x.detach().resolve_conj().resolve_neg().cpu().numpy()
        elif self.library == "cupy":
            return x.get()
        return np.asarray(x)

    def compile(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, under jax.jit where this backend is that."""
        return importlib.import_module("jax").jit(function) if self.compiled else function

    def owns(self, x: Any) -> bool:
        """Whether a raw array is of this library and on this device."""
        if cg.xp.library_of(x) != self.library.partition(".")[0]:
            return False
        return self.device is None or self.device in str(x.device)

    @contextlib.contextmanager
    def active(self) -> Iterator[Backend]:
        """What must hold while this backend computes: 64-bit JAX, array-api-strict's flags."""
        if self.library == "jax.numpy":
            config = importlib.import_module("jax").config
            config.update("jax_enable_x64", True)
            config.update("jax_disable_most_optimizations", True)  # what is small should compile fast
        if self.library == "array_api_strict":
            with self.module.ArrayAPIStrictFlags(**self.strict_flags):
                yield self
        else:
            yield self


_DYNAMIC = "shapes would depend on data (a flag of array-api-strict switches this off; so does a GPU's speed)"
_DASK = "dask.array has no "
_STRICT = {
    "short keys": "array-api-strict wants a key for every axis, or an ellipsis",
    "array first": "array-api-strict refuses a foreign operand on the right",
    "crossed bounds": "array-api-strict refuses min > max in clip",
}
_ONE_OF_SEVERAL = "JAX and CuPy do not say which of several writes to one position stays"

BACKENDS = {
    backend.name: backend
    for backend in (
        Backend("numpy", "numpy"),
        Backend("strict", "array_api_strict", device="CPU_DEVICE", lacks=_STRICT, strict_flags={"api_version": "2025.12"}),
        Backend(
            "strict-device1",
            "array_api_strict",
            device="device1",
            strict_flags={"api_version": "2025.12", "boolean_indexing": False, "data_dependent_shapes": False},
            lacks={**_STRICT, "masks": _DYNAMIC, "repeats": _DYNAMIC, "distinct": _DYNAMIC},
        ),
        Backend("torch", "torch", device="cpu"),
        Backend("jax", "jax.numpy", every_shape=False, lacks={"repeated writes": _ONE_OF_SEVERAL}),
        Backend(
            "jax-jit",
            "jax.numpy",
            compiled=True,
            every_shape=False,
            lacks={
                "repeated writes": _ONE_OF_SEVERAL,
                "moves": "a compiled function cannot leave its library",
            },
        ),
        Backend(
            "dask",
            "dask.array",
            every_shape=False,
            lacks={
                "masks": "a mask makes dask forget the shape",
                "distinct": "dask does not know how many distinct values there are",
                "scatter": _DASK + "scatter-add",
                "gather": _DASK + "take_along_axis",
                "grids": "dask.array reads and writes at arrays of one axis only",
                "sorting": _DASK + "sort",
                "repeats": "dask.array repeats all elements equally often only",
                "triangles": "dask.array's tril and triu warn of complex numbers cast to real",
            },
        ),
        Backend("cupy", "cupy", lacks={"repeated writes": _ONE_OF_SEVERAL}),
    )
}

DEFAULT = ("numpy", "strict", "strict-device1")
ALL = tuple(name for name in BACKENDS if name != "cupy")


def selected(names: list[str] | None) -> list[Backend]:
    """The backends that `--backend` names."""
    chosen = ALL if names and "all" in names else tuple(names or DEFAULT)
    unknown = [name for name in chosen if name not in BACKENDS]
    if unknown:
        raise ValueError(f"no backend named {', '.join(unknown)}; there are {', '.join(BACKENDS)}, and all")
    return [BACKENDS[name] for name in chosen]
