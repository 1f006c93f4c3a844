"""Every estimator of scikit-learn, fitted to a tracked tensor: what it does not refuse it keeps in the graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from apart import REASON, dispatches

if not dispatches():
    pytest.skip(REASON, allow_module_level=True)
sklearn = pytest.importorskip("sklearn")

from sklearn.utils import all_estimators  # noqa: E402

import clumsygrad as cg  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")

# Numbers that do not depend on the data, or only on the labels.
CONSTANTS = {
    **dict.fromkeys(("class_count_", "class_prior_", "priors_", "n_samples_seen_"), "counts, also of labels"),
    **dict.fromkeys(
        ("alpha_", "references_", "noise_variance_"), "chosen beforehand; no noise is left where all components are kept"
    ),
    **dict.fromkeys(("random_weights_", "random_offset_"), "drawn"),
}
OF_LABELS = {"DummyClassifier", "DummyRegressor"}  # they do not look at the samples
METHODS = ("transform", "predict", "predict_proba", "predict_log_proba", "decision_function", "score_samples")

_random = np.random.default_rng(0)
SAMPLES = _random.uniform(0.1, 2.0, (12, 4))
TARGETS = (None, np.arange(12) % 3, _random.uniform(0.5, 2.0, 12))


def results_of(make: type) -> Iterator[tuple[str, Any]]:
    """What an estimator computes when it is fitted to a tracked tensor, by name; nothing where it refuses."""
    x = cg.Tensor(SAMPLES, requires_grad=True)
    for target in TARGETS:
        try:
            estimator = make()
            estimator.fit(x) if target is None else estimator.fit(x, cg.Tensor(target))
        except Exception:  # it needs arguments, or other targets, or has no place for tensors
            continue
        for name, value in vars(estimator).items():
            if name.endswith("_") and name not in CONSTANTS:
                yield name, value
        for name in METHODS:
            if hasattr(estimator, name) and (make.__name__, name) != ("OrdinalEncoder", "transform"):  # numbers of categories
                try:
                    yield name, getattr(estimator, name)(x)
                except Exception:
                    continue


def lost(value: Any) -> bool:
    """Whether floating numbers are among these that are no tracked tensors."""
    if isinstance(value, (list, tuple)):
        return any(map(lost, value))
    if type(value) is cg.Tensor:
        return not value.requires_grad and cg.isdtype(value.dtype, "real floating")
    return isinstance(value, (float, np.ndarray)) and np.asarray(value).dtype.kind == "f"


ESTIMATORS = [pytest.param(name, make, id=name) for name, make in all_estimators() if name not in OF_LABELS]


@pytest.mark.parametrize(("name", "make"), ESTIMATORS)
def test_no_estimator_loses_the_gradient_silently(name, make):
    with sklearn.config_context(array_api_dispatch=True):
        silent = [result for result, value in results_of(make) if lost(value)]
    assert not silent, f"{name} gives {', '.join(silent)} without gradient"


def test_some_estimators_keep_it():
    """So that the test above is not one of refusals alone."""
    with sklearn.config_context(array_api_dispatch=True):
        kept = [name for name, make in all_estimators() if any(type(value) is cg.Tensor for _, value in results_of(make))]
    assert {"PCA", "Ridge", "GaussianNB", "LinearDiscriminantAnalysis", "MinMaxScaler", "Nystroem"} <= set(kept)
