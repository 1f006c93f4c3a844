"""The option --backend, and the fixture `backend` that it drives."""

from __future__ import annotations

import pytest
from backends import BACKENDS, selected


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--backend",
        action="append",
        metavar="NAME",
        help=f"run the tests that take a backend on this one (repeatable): {', '.join(BACKENDS)}, or all; "
        "by default numpy, strict and strict-device1",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" in metafunc.fixturenames:
        chosen = selected(metafunc.config.getoption("--backend"))
        metafunc.parametrize("backend", chosen, ids=str, indirect=True)


@pytest.fixture
def backend(request: pytest.FixtureRequest):
    yield from _present(request)


@pytest.fixture
def oracle(request: pytest.FixtureRequest):
    """A backend that differentiates by itself."""
    yield from _present(request)


def _present(request: pytest.FixtureRequest):
    reason = request.param.missing()
    if reason is not None:
        pytest.skip(reason)
    with request.param.active() as active:
        yield active
