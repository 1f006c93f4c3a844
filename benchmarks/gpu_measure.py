"""Times of one framework on all rows of the benchmarks of GPUs, in a process of its own; prints JSON.

On a GPU a sample is the time between two events on the stream, with no waiting between its steps; JAX has no events, so there it is
the time on the clock until its last step is done. On the CPU it is the time on the clock.
"""

from __future__ import annotations

import functools
import importlib
import json
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

import numpy as np

from . import DEVICE, ON_ONE_THREAD, contestants
from .contestants import Step
from .gpu_rows import ADAM, ROWS, Row
from .measure import disagreement
from .workload import Inputs, Workload

SAMPLE_SECONDS = 0.005  # a sample repeats the step until it takes about this long
ROW_SECONDS = 1.0  # after which a row takes no more samples
FEWEST = 3
TF32_TOLERANCE = 2e-2
TRIED_BY_XLA = "--xla_gpu_enable_triton_gemm=false"  # of products by Triton, beside cuBLAS's, it tries dozens, for minutes
ADAM_ARRAYS = 64
BETAS, RATE, EPS = (0.9, 0.999), 1e-3, 1e-8


@dataclass(frozen=True)
class Framework:
    """`prepare` makes the step of a workload of NumPy arrays, `adam` a step of Adam on arrays of a length; for a device."""

    key: str
    title: str
    packages: tuple[str, ...]
    prepare: Callable[[Workload, Inputs, str], Step]
    adam: Callable[[int, str], Step] | None
    to_numpy: Callable[[Any], np.ndarray] = np.asarray
    cpu: bool = True  # takes part where --device is cpu
    launches: bool = True  # step by step, each operation by itself: what the host does counts


def _library(device: str) -> Any:
    return importlib.import_module("cupy" if device == "cuda" else "numpy")


def _moved(inputs: Inputs, device: str) -> Inputs:
    asarray = _library(device).asarray
    return Inputs(*[[asarray(np.asarray(x)) for x in part] for part in inputs])


def _host(x: Any) -> np.ndarray:
    return x.get() if hasattr(x, "get") else np.asarray(x)


# CuPy by hand, and clumsygrad ---------------------------------------------------------------------------------------------------------


def _by_hand(workload: Workload, inputs: Inputs, device: str) -> Step:
    return contestants.hand(replace(workload, hand=_in_words_of(workload.hand, _library(device))), _moved(inputs, device))


def _in_words_of(function: Any, library: Any) -> Any:
    """A function of a module that says `np`, and whatever it calls there, with `np` another library: its own functions, unasked."""
    words = {**function.__globals__, "np": library}
    for name, value in function.__globals__.items():
        if isinstance(value, FunctionType) and value.__globals__ is function.__globals__:
            words[name] = FunctionType(value.__code__, words, name, value.__defaults__, value.__closure__)
    return words[function.__name__]


def _copies(length: int, device: str) -> Step:
    """As many bytes as Adam's step reads and writes: seven arrays for each parameter, of which a copy moves two."""
    library = _library(device)
    x = library.zeros(ADAM_ARRAYS * length * 7 // 2, dtype=np.float32)
    y = library.empty_like(x)

    def step() -> Sequence[Any]:
        y[...] = x
        return ()

    return step


def _clumsygrad(workload: Workload, inputs: Inputs, device: str) -> Step:
    return contestants.tape(workload, _moved(inputs, device))


def _clumsygrad_adam(length: int, device: str) -> Step:
    import clumsygrad as cg

    parameters = [cg.Tensor(x, requires_grad=True) for x in _adam_arrays(_library(device), length)]
    for p, gradient in zip(parameters, _adam_arrays(_library(device), length), strict=True):
        p.grad = gradient
    return _stepping(cg.optimizer.Adam(parameters, RATE, betas=BETAS, eps=EPS))


def _adam_arrays(library: Any, length: int) -> list[Any]:
    return [library.full(length, 0.5, dtype=np.float32) for _ in range(ADAM_ARRAYS)]


def _stepping(optimizer: Any) -> Step:
    def step() -> Sequence[Any]:
        optimizer.step()
        return ()

    return step


# PyTorch and JAX ----------------------------------------------------------------------------------------------------------------------


def _torch(workload: Workload, inputs: Inputs, device: str) -> Step:
    return contestants.torch_eager(workload, inputs, device)


def _torch_adam(length: int, device: str) -> Step:
    import torch

    parameters = [torch.full((length,), 0.5, device=device, requires_grad=True) for _ in range(ADAM_ARRAYS)]
    for p in parameters:
        p.grad = torch.full_like(p, 0.5)
    return _stepping(torch.optim.Adam(parameters, RATE, betas=BETAS, eps=EPS, fused=device == "cuda"))


def _torch_graph(workload: Workload, inputs: Inputs, device: str) -> Step:
    """The eager step, captured once and launched as one CUDA graph, which writes the same gradients each time."""
    import torch

    step = contestants.torch_eager(workload, inputs, device)
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        gradients = step()

    def launch() -> Sequence[Any]:
        graph.replay()
        return gradients

    return launch


def _jax(workload: Workload, inputs: Inputs, device: str) -> Step:
    return contestants.jax_jit(workload, inputs, wait=False)


def _torch_host(x: Any) -> np.ndarray:
    return x.detach().cpu().numpy()


FRAMEWORKS = {
    framework.key: framework
    for framework in (
        Framework("hand", "by hand", (), _by_hand, _copies, _host),
        Framework("clumsygrad", "clumsygrad", ("clumsygrad",), _clumsygrad, _clumsygrad_adam, _host),
        Framework("torch", "PyTorch eager", ("torch",), _torch, _torch_adam, _torch_host),
        Framework("torch-graph", "PyTorch, CUDA graph", ("torch",), _torch_graph, None, _torch_host, cpu=False, launches=False),
        Framework("jax", "jax.jit", ("jax",), _jax, None, launches=False),
    )
}


# Precision ----------------------------------------------------------------------------------------------------------------------------


def environment(tf32: bool, device: str = "cuda") -> dict[str, str]:
    """What must stand in the environment before a framework is imported."""
    found = {**os.environ, "CUPY_TF32": str(int(tf32)), "XLA_PYTHON_CLIENT_PREALLOCATE": "false", DEVICE: device}
    if device == "cuda":  # what the benchmarks of CPUs set in this process
        found = {name: value for name, value in found.items() if name not in ON_ONE_THREAD}
        found["XLA_FLAGS"] = TRIED_BY_XLA
    found.pop("NVIDIA_TF32_OVERRIDE", None)  # of which NVIDIA says what 0 means, and nothing else
    return found if tf32 else {**found, "NVIDIA_TF32_OVERRIDE": "0"}


def _set_precision(key: str, tf32: bool) -> None:
    if key.startswith("torch"):
        torch = importlib.import_module("torch")
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    elif key == "jax":
        importlib.import_module("jax").config.update("jax_default_matmul_precision", "tensorfloat32" if tf32 else "highest")


# Timing -------------------------------------------------------------------------------------------------------------------------------


class Clock:
    """The clock on the wall, once what was computed is there."""

    def __init__(self, wait: Callable[[Any], Any]) -> None:
        self._wait = wait

    def seconds(self, step: Step, count: int) -> float:
        """The seconds that a number of steps take, one after the other."""
        self._wait(step())
        start = time.perf_counter()
        for _ in range(count):
            done = step()
        self._wait(done)
        return time.perf_counter() - start


class Events:
    """Events on the current stream: `module` is cupy.cuda or torch.cuda."""

    def __init__(self, event: Callable[[], Any], elapsed: Callable[[Any, Any], float]) -> None:
        self._event, self._elapsed = event, elapsed

    def seconds(self, step: Step, count: int) -> float:
        start, end = self._event(), self._event()
        step()  # the GPU is at work when the first event comes
        start.record()
        for _ in range(count):
            step()
        end.record()
        end.synchronize()
        return self._elapsed(start, end) / 1e3


def _timer(key: str, device: str) -> Clock | Events:
    if key == "jax":
        return Clock(importlib.import_module("jax").block_until_ready)
    if device == "cpu":
        return Clock(lambda done: done)
    if key.startswith("torch"):
        cuda = importlib.import_module("torch").cuda
        return Events(functools.partial(cuda.Event, enable_timing=True), lambda start, end: start.elapsed_time(end))
    cuda = importlib.import_module("cupy").cuda
    return Events(cuda.Event, cuda.get_elapsed_time)


def sampled(step: Step, timer: Clock | Events, rounds: int) -> list[float]:
    """Seconds of a step, one figure a sample."""
    for _ in range(3):
        timer.seconds(step, 1)
    count = max(1, min(1000, math.ceil(SAMPLE_SECONDS / max(timer.seconds(step, 3) / 3, 1e-7))))
    seconds: list[float] = []
    stop = time.perf_counter() + ROW_SECONDS
    while len(seconds) < FEWEST or (len(seconds) < rounds and time.perf_counter() < stop):
        seconds.append(timer.seconds(step, count) / count)
    return seconds


def differences(step: Step, other: Step, timer: Clock | Events, rounds: int) -> list[float]:
    """The seconds by which a step takes longer than another, in turn in one process: a host changes its pace from minute to minute."""
    count = 100
    return [(timer.seconds(step, count) - timer.seconds(other, count)) / count for _ in range(rounds)]


def measure(key: str, names: Sequence[str], device: str, tf32: bool, rounds: int, tiny: bool) -> dict[str, Any]:
    """{"seconds": {row: samples}, "left_out": {row: why}, "wrong": {row: what}} of one framework.

    Of clumsygrad also "recording": samples of how much longer than by hand one operation takes.
    """
    framework = FRAMEWORKS[key]
    result: dict[str, Any] = {"seconds": {}, "left_out": {}, "wrong": {}}
    if key == "jax" and device == "cuda" and importlib.import_module("jax").default_backend() != "gpu":  # it takes the CPU, unasked
        return {**result, "left_out": dict.fromkeys(names, "its JAX is for CPUs alone: pip install 'jax[cuda13]'")}
    _set_precision(key, tf32)
    timer = _timer(key, device)
    for name in names:
        print(f"  {name}", file=sys.stderr, flush=True)
        row = ROWS[name]
        try:
            step, reason = _step_of(framework, row, device, tiny, tf32)
        except Exception as error:
            result["wrong"][name] = f"{type(error).__name__}: {error}"
            continue
        if step is None:
            result["left_out" if reason.startswith("not ") else "wrong"][name] = reason
        else:
            result["seconds"][name] = sampled(step, timer, rounds)
        if step is not None and (key, name) == ("clumsygrad", "op"):
            by_hand, _ = _step_of(FRAMEWORKS["hand"], row, device, tiny, tf32)
            result["recording"] = differences(step, by_hand, timer, rounds) if by_hand is not None else []
        del step
        if device == "cuda" and key in ("hand", "clumsygrad"):
            _library(device).get_default_memory_pool().free_all_blocks()
    return result


def _step_of(framework: Framework, row: Row, device: str, tiny: bool, tf32: bool) -> tuple[Step | None, str]:
    """The step, warm and checked; or None, and why there is none."""
    if row.name == ADAM:
        return (framework.adam(row.size(tiny), device), "") if framework.adam else (None, "not measured")
    assert row.workload is not None
    if framework.key == "hand" and not row.by_hand and device == "cuda":
        return None, "not written by hand for CuPy"
    workload = row.workload(tiny)
    inputs = workload.inputs()
    step = framework.prepare(workload, inputs, device)
    gradients = step()
    if row.checked or tiny:
        expected = [np.asarray(g) for g in workload.hand(inputs)[1]]
        difference = disagreement([framework.to_numpy(g) for g in gradients], expected, TF32_TOLERANCE if tf32 else None)
        if difference:
            return None, difference
    return step, ""


def main() -> None:
    """Arguments: the framework's key, rows separated by commas, the device, 0 or 1 for TF32, the number of samples, 0 or 1 for tiny."""
    key, names, device, tf32, rounds, tiny = sys.argv[1:]
    json.dump(measure(key, names.split(","), device, tf32 == "1", int(rounds), tiny == "1"), sys.stdout)


if __name__ == "__main__":
    main()
