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
from consumers import CASES, ELSEWHERE, REFUSALS  # noqa: E402

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


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_what_leaves_the_graph_raises(refusal):
    error = consumers.refused_with(refusal)
    assert error is not None, f"{refusal} loses the gradient silently"
    assert re.search(refusal.says, str(error)), f"{refusal}: {type(error).__name__}: {error}"
