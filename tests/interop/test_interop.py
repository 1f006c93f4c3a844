"""Functions that others wrote, called on Tensors: SciPy's, scikit-learn's, array-api-extra's, einops' ...

Values, and derivatives of first and second order, over NumPy; the same values and gradients over array-api-strict and torch, where the
consumer takes those libraries' own arrays. What leaves the graph must raise.
"""

from __future__ import annotations

import re

import pytest
from apart import NEEDED, REASON, dispatches

if not dispatches():
    pytest.skip(REASON, allow_module_level=True)
for package in NEEDED:
    pytest.importorskip(package)

import consumers  # noqa: E402 (imports what was asked for above)
import scipy.stats as stats  # noqa: E402
from consumers import CASES, ELSEWHERE, REFUSALS  # noqa: E402
from rows import Table  # noqa: E402

import clumsygrad as cg  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # what others warn of is theirs


@pytest.fixture(params=CASES, ids=str)
def case(request):
    return request.param


@pytest.mark.parametrize("package", consumers.PACKAGES)
def test_there_are_enough_functions(package):
    assert consumers.counted(package) >= consumers.WANTED.get(package, 1)


def test_value_is_the_consumers_own(case):
    consumers.check_value(case)


def test_first_order(case):
    consumers.check_first_order(case)


def test_second_order(case):
    if case.order < 2:
        assert case.reason, f"{case.name} says not why it is of first order"
        pytest.skip(case.reason)
    consumers.check_second_order(case)


@pytest.mark.parametrize("name", list(ELSEWHERE))
def test_the_same_elsewhere(case, name):
    backend = ELSEWHERE[name]
    if reason := backend.missing() or case.cannot_run_on(backend):
        pytest.skip(reason)
    with backend.active():
        expected, reason = consumers.of_its_own(case, backend)
        if reason:
            pytest.skip(f"of {backend.library}'s own arrays: {reason}")
        consumers.check_elsewhere(case, backend, expected)


class Wrong(Table):
    """Rows that no check may let through."""

    def __init__(self) -> None:
        super().__init__()
        self.row("scipy.stats.zscore-detached", (3,), call=lambda x: stats.zscore(x.detach() if type(x) is cg.Tensor else x))
        self.row("scipy.stats.zscore-half", (3,), call=lambda x: stats.zscore((x + x.detach()) / 2 if type(x) is cg.Tensor else x))
        self.row(
            "scipy.stats.zscore-moved",
            (3,),
            call=lambda x: stats.zscore(x).to("numpy") if type(x) is cg.Tensor else stats.zscore(x),
        )
        self.refuses("scipy.stats.zscore-as_numbers", (3,), call=lambda x: [v.item() for v in x], says="detach")


def test_what_is_wrong_fails():
    detached, half, moved = Wrong().cases
    with pytest.raises(AssertionError, match="leaves the graph"):
        consumers.check_value(detached)
    with pytest.raises(AssertionError, match="first order: off by"):
        consumers.check_first_order(half)
    with pytest.raises(AssertionError, match="second order: off by"):
        consumers.check_second_order(half)
    backend = ELSEWHERE["strict-device1"]
    with backend.active(), pytest.raises(AssertionError, match="left strict-device1"):
        consumers.check_elsewhere(moved, backend, *consumers.of_its_own(moved, backend)[:1])
    assert consumers.refused_with(Wrong().refusals[0]) is None


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_what_leaves_the_graph_raises(refusal):
    error = consumers.refused_with(refusal)
    assert error is not None, f"{refusal} loses the gradient silently"
    assert re.search(refusal.says, str(error)), f"{refusal}: {type(error).__name__}: {error}"
