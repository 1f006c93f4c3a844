"""Benchmarks: gradients by clumsygrad and by others, against the gradient written by hand in NumPy. See README.md.

Array libraries read their number of threads when they are imported, so it is set here, before any of them is. A process that measures
a GPU, which gpu_measure.py tells by DEVICE in its environment, is left alone: there XLA compiles with all threads, and on all devices.
"""

import os

_ONE_THREAD = ("--xla_cpu_multi_thread_eigen=false", "intra_op_parallelism_threads=1")

DEVICE = "CLUMSYGRAD_BENCHMARKS_DEVICE"
ON_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NPROC": "1",
    "XLA_FLAGS": " ".join(dict.fromkeys([*_ONE_THREAD, *os.environ.get("XLA_FLAGS", "").split()])),
    "JAX_PLATFORMS": "cpu",
}

os.environ.update({"JAX_ENABLE_X64": "1", **({} if os.environ.get(DEVICE) == "cuda" else ON_ONE_THREAD)})
