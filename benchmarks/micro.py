"""What one operation costs, and in which layer: so that a regression is found where it is.

python -m benchmarks.micro. Times are the smallest of several samples, in microseconds, on arrays of one float64 element; beside each
stands its ratio to NumPy's own call, which a slow machine does not change. This reaches into the package on purpose.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

import clumsygrad as cg
from clumsygrad import engine
from clumsygrad.grad import mul_backward, sin_backward
from clumsygrad.tensor import record
from clumsygrad.xp import array_namespace

LENGTH = 1000  # operations in the chains
SAMPLES = 15


def microseconds(function: Callable[[], Any], operations: int) -> float:
    """The smallest time of a call, by the number of operations in it."""
    function()
    gc.collect()
    best = float("inf")
    for _ in range(SAMPLES):
        start = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - start)
    return best / operations * 1e6


def repeated(function: Callable[..., Any], *arguments: Any) -> Callable[[], None]:
    """LENGTH calls of a function."""

    def calls() -> None:
        for _ in range(LENGTH):
            function(*arguments)

    return calls


def chain(function: Callable[[Any], Any], start: Any) -> Callable[[], Any]:
    """LENGTH applications of a function, one to the result of the other."""

    def calls() -> Any:
        x = start
        for _ in range(LENGTH):
            x = function(x)
        return x

    return calls


def passing_backward(tensor: Any, grad: Any) -> tuple[Any]:
    """A rule that costs nothing: what is left is the engine."""
    return (grad,)


def passed(x: Any) -> Any:
    """An operation whose forward costs nothing."""
    return record(x._data, passing_backward, (x,), None)


def backward_cost(function: Callable[[Any], Any], leaf: Any, gradient: Any) -> float:
    """Of a pass over a chain, per operation: through a graph made beforehand, and kept."""
    out = chain(function, leaf)()

    def run() -> None:
        engine.propagate(out, gradient)

    return microseconds(run, LENGTH)


def bytes_recorded(function: Callable[[Any], Any], leaf: Any) -> float:
    """Of a chain, per operation: the array, the tensor, and what it remembers."""
    tracemalloc.start()
    out = chain(function, leaf)()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del out
    return size / LENGTH


def multiplied_by(factor: Any) -> Callable[[Any], Any]:
    """x · factor."""

    def multiplied(x: Any) -> Any:
        return x * factor

    return multiplied


def main() -> None:
    """Print the tables."""
    array, factor = np.asarray([0.5]), np.asarray([0.999])
    leaf, other = cg.Tensor(array, requires_grad=True), cg.Tensor(factor, requires_grad=True)
    fixed = cg.Tensor(array)
    sine, product = cg.sin(leaf), leaf * other
    numpy_sin, numpy_mul = microseconds(chain(np.sin, array), LENGTH), microseconds(chain(multiplied_by(factor), array), LENGTH)
    rows = [
        ("np.sin(x)", numpy_sin, numpy_sin),
        ("x * a in NumPy", numpy_mul, numpy_mul),
        ("sin(x), nothing requires a gradient", microseconds(chain(cg.sin, fixed), LENGTH), numpy_sin),
        ("sin(x), recorded", microseconds(chain(cg.sin, leaf), LENGTH), numpy_sin),
        ("x * a, recorded", microseconds(chain(multiplied_by(other), leaf), LENGTH), numpy_mul),
        ("x * 0.999, recorded", microseconds(chain(multiplied_by(0.999), leaf), LENGTH), numpy_mul),
        ("backward of sin(x): engine and rule", backward_cost(cg.sin, leaf, array), numpy_sin),
        ("backward of x * a, both differentiated", backward_cost(multiplied_by(other), leaf, array), numpy_mul),
        ("layer: array_namespace(array)", microseconds(repeated(array_namespace, array), LENGTH), numpy_mul),
        ("layer: array_namespace(tensor)", microseconds(repeated(array_namespace, leaf), LENGTH), numpy_mul),
        ("layer: record", microseconds(repeated(record, array, sin_backward, (leaf,), None), LENGTH), numpy_mul),
        ("layer: engine, a chain, a rule that costs nothing", backward_cost(passed, leaf, array), numpy_mul),
        ("layer: rule of sin", microseconds(repeated(sin_backward, sine, array), LENGTH), numpy_sin),
        ("layer: rule of x * a", microseconds(repeated(mul_backward, product, array), LENGTH), numpy_mul),
    ]
    print("| per operation, one element | µs | over NumPy's call |\n| --- | --- | --- |")
    for title, cost, base in rows:
        print(f"| {title} | {cost:.2f} | {cost / base:.2f} |")
    print("\n| memory per recorded operation, one element | bytes |\n| --- | --- |")
    for title, function in (("sin(x)", cg.sin), ("x * a", multiplied_by(other)), ("x * 0.999", multiplied_by(0.999))):
        print(f"| {title} | {bytes_recorded(function, leaf):.0f} |")


if __name__ == "__main__":
    main()
