"""What a developer runs: `nox -s tests`, `nox -l` for the list. Each session makes its own environment."""

from __future__ import annotations

import os
from pathlib import Path

import nox

nox.options.sessions = ["tests", "lint", "types"]

# A newer torch from PyPI pulls gigabytes of CUDA libraries with it.
TORCH = "torch==2.13.0"
CONFORMANCE_SUITE = "https://github.com/data-apis/array-api-tests"
LIBRARIES = {"numpy": "clumsygrad", "strict": "exec('import clumsygrad, array_api_strict; xp = clumsygrad.over(array_api_strict)')"}


@nox.session
def tests(session: nox.Session) -> None:
    """The README's test command: NumPy and array-api-strict."""
    session.install("-e", ".[test,examples]")
    session.run("pytest", "-n", "auto", *session.posargs)


@nox.session
def oldest(session: nox.Session) -> None:
    """The README's test command with the oldest versions that pyproject.toml allows."""
    project = nox.project.load_toml("pyproject.toml")["project"]
    extras = project["optional-dependencies"]
    wanted = {*project["dependencies"], *extras["test"], *extras["examples"]}
    session.install("-e", ".", *[word.partition(",")[0].replace(">=", "==") for word in sorted(wanted)])
    session.run("pytest", "-n", "auto", *session.posargs)


@nox.session
def backends(session: nox.Session) -> None:
    """The same tests on torch (CPU), JAX (eager and compiled) and Dask; and the kernels for a GPU compiled, which needs none."""
    session.install("-e", ".[test,examples]", TORCH, "jax", "dask[array]", "nvidia-cuda-nvrtc")
    names = ["torch", "jax", "jax-jit", "dask"]
    session.run("pytest", "-n", "auto", *[word for name in names for word in ("--backend", name)], *session.posargs)


@nox.session
def interop(session: nox.Session) -> None:
    """Code that others wrote: SciPy, scikit-learn, einops ... `nox -s interop -- --write` writes docs/compatibility.md anew."""
    session.install("-e", ".[test,examples,interop]", TORCH)
    session.run("pytest", "tests/interop", env={"SCIPY_ARRAY_API": "1"})
    session.run("python", "tests/interop/compatibility.py", *(session.posargs or ["--check"]), env={"SCIPY_ARRAY_API": "1"})


@nox.session
def lint(session: nox.Session) -> None:
    """Style and common mistakes."""
    session.install("ruff")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """The package's types, strictly, and what they tell users."""
    session.install("-e", ".", "mypy")
    session.run("mypy")
    session.run("mypy", "tests/typed_use.py")


@nox.session
def gpu(session: nox.Session) -> None:
    """tests/gpu, then the benchmark on the GPU. A missing GPU is a failure here. `nox -s gpu -- cuda12` for CUDA 12."""
    extra = session.posargs[0] if session.posargs else "cuda13"
    session.install("-e", f".[test,{extra}]")
    session.run("pytest", "tests/gpu", env={"CLUMSYGRAD_REQUIRE_GPU": "1"})
    session.run("python", "-m", "benchmarks.gpu", "--json", "build/gpu.json")


@nox.session
def cupy(session: nox.Session) -> None:
    """tests/gpu and the benchmark where there is no GPU: on CuPy itself, over a CUDA that is the host (tests/cuda_on_host)."""
    session.install("-e", ".[test,cuda13]", "nvidia-cuda-runtime==13.*", "nvidia-cuda-crt==13.*", "ml_dtypes")
    session.run("pytest", "-n", "auto", "tests/test_without_gpu.py", *session.posargs)


@nox.session
@nox.parametrize("library", list(LIBRARIES))
def conformance(session: nox.Session, library: str) -> None:
    """The array API's own test suite, from the folder ARRAY_API_TESTS_DIR, or cloned."""
    suite = os.environ.get("ARRAY_API_TESTS_DIR")
    if suite is None:
        suite = str(Path(session.create_tmp()).resolve() / "array-api-tests")
        if not Path(suite).exists():
            session.run("git", "clone", "--recurse-submodules", "--depth", "1", CONFORMANCE_SUITE, suite, external=True)
    session.install("-e", ".[test]", "hypothesis", "ndindex", "pytest-json-report")
    xfails = Path("tests/conformance", f"xfails-{library}.txt").resolve()
    environment = {"ARRAY_API_TESTS_MODULE": LIBRARIES[library], "ARRAY_API_TESTS_VERSION": "2025.12"}
    options = session.posargs or ["--max-examples", "200"]
    session.chdir(suite)
    session.run(
        *(
            "pytest",
            "array_api_tests/",
            "--xfails-file",
            str(xfails),
            "--disable-deadline",
            "--derandomize",
            "-p",
            "no:cacheprovider",
        ),
        *options,
        env=environment,
    )


@nox.session
def bench(session: nox.Session) -> None:
    """Time against the gradient written by hand, torch, HIPS autograd and MyGrad."""
    session.install("-e", ".", "autograd", "mygrad", "matplotlib", "jax", TORCH)
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The pages of docs/ as HTML in build/docs; a warning is a failure."""
    session.install("-e", ".[docs]")
    session.run("python", "-m", "sphinx", "-W", "--keep-going", "-b", "html", "docs", "build/docs")
