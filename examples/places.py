"""What the examples share: the array libraries they run on, and arrays moved to one of them."""

from __future__ import annotations

import argparse
import importlib

import numpy as np

import clumsygrad as cg

LIBRARIES = ("numpy", "cupy", "torch", "jax")


def add_place(parser: argparse.ArgumentParser) -> None:
    """The options --library and --device."""
    parser.add_argument("--library", choices=LIBRARIES, default="numpy", help="the array library to compute with (default: numpy)")
    parser.add_argument(
        "--device", help="the library's name of a device, such as cuda:0 (default: where the library puts new arrays)"
    )


def why_not(library: str, device: str | None = None) -> str | None:
    """Why the library or the device cannot be used on this machine, in one sentence; None where they can."""
    try:
        module = importlib.import_module(library)
        if library == "cupy" and not module.cuda.is_available():
            return "--library cupy needs an NVIDIA GPU with its driver, and this machine has none that CuPy can use."
        to_place(np.zeros(1), library, device)
    except ImportError as error:
        return f"--library {library} cannot be used here, because it cannot be imported: {first_line(error)}."
    except Exception as error:
        if device is None:
            raise
        return f"--library {library} cannot use --device {device} on this machine: {first_line(error)}."
    return None


def first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def to_place(array: np.ndarray, library: str, device: str | None) -> cg.Tensor:
    x = cg.Tensor(array).to(library)
    return x if device is None else x.to(device)
