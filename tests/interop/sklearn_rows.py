"""scikit-learn: metrics, kernels and estimators.

What an estimator is fitted to is an operand like any other: the gradient goes through `fit`. What `fit` computes bears the name of
`fit`, and after the hyphen that of the attribute.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import sklearn
from rows import Table, beside, flat
from sklearn import (
    covariance,
    decomposition,
    discriminant_analysis,
    kernel_approximation,
    linear_model,
    metrics,
    mixture,
    naive_bayes,
    pipeline,
    preprocessing,
)
from sklearn.utils import extmath
from table import Shape

TABLE = Table(around=partial(sklearn.config_context, array_api_dispatch=True))
row, refuses = TABLE.row, TABLE.refuses

Make = Callable[[], Any]

# Regression metrics -----------------------------------------------------------------------------------------------------------------

RAW = {"multioutput": "raw_values"}  # an array; the mean over the outputs would be a Python float
SMOOTH_IN_WEIGHTS = (
    *("mean_squared_error", "root_mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error"),
    *("mean_squared_log_error", "root_mean_squared_log_error", "mean_pinball_loss", "r2_score", "explained_variance_score"),
)
MEDIANS = ("median_absolute_error", "d2_absolute_error_score", "d2_pinball_score")


def weighted(name: str) -> Callable[..., Any]:
    """A metric whose third operand is the weights of the samples."""
    return lambda y, prediction, weights: getattr(metrics, name)(y, prediction, sample_weight=weights, **RAW)


for _name in (*SMOOTH_IN_WEIGHTS, *MEDIANS):
    row(f"sklearn.metrics.{_name}", (5, 2), (5, 2), domain="positive", **RAW)
for _name in (*SMOOTH_IN_WEIGHTS, "d2_absolute_error_score", "d2_pinball_score"):
    row(f"sklearn.metrics.{_name}-weights", (5, 2), (5, 2), (5,), domain="positive", call=weighted(_name))
row("sklearn.metrics.mean_pinball_loss-alpha", (5, 2), (5, 2), alpha=0.2, **RAW)
row("sklearn.metrics.root_mean_squared_error-one", (5,), (5,), **RAW)

refuses("sklearn.metrics.mean_squared_error-mean", (5,), (5,), says="multioutput='raw_values'", call=metrics.mean_squared_error)
for _name in ("max_error", "mean_tweedie_deviance", "mean_poisson_deviance", "mean_gamma_deviance", "d2_tweedie_score"):
    refuses(f"sklearn.metrics.{_name}", (5,), (5,), domain="positive", says="would lose it silently")

# Classification metrics: of the probabilities, a float; of the weights of the samples, arrays ------------------------------------------

TRUE, PREDICTED = [0, 1, 1, 0, 1, 0], [0, 1, 0, 1, 1, 1]
SCORES = [0.1, 0.4, 0.35, 0.8, 0.9, 0.5]


def by_class(function: Callable[..., Any], found: Any = PREDICTED, **options: Any) -> Callable[..., Any]:
    """A metric of fixed labels as a function of the weights of the samples."""
    return lambda weights: function(beside(weights, TRUE), beside(weights, found), sample_weight=weights, **options)


def curve(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """What depends on the weights in a curve over thresholds; the thresholds themselves come last."""
    return lambda weights: flat(by_class(function, SCORES, **options)(weights)[:-1])


for _name in ("f1_score", "precision_score", "recall_score", "jaccard_score"):
    row(f"sklearn.metrics.{_name}", (6,), domain="positive", call=by_class(getattr(metrics, _name), average=None))
row("sklearn.metrics.fbeta_score", (6,), domain="positive", call=by_class(metrics.fbeta_score, average=None, beta=2.0))
row(
    "sklearn.metrics.precision_recall_fscore_support",
    (6,),
    domain="positive",
    call=by_class(metrics.precision_recall_fscore_support, average=None),
    several=True,
)
row("sklearn.metrics.multilabel_confusion_matrix", (6,), domain="positive", call=by_class(metrics.multilabel_confusion_matrix))
row("sklearn.metrics.roc_curve", (6,), domain="positive", call=curve(metrics.roc_curve, drop_intermediate=False))
for _name in ("precision_recall_curve", "det_curve", "confusion_matrix_at_thresholds"):
    if hasattr(metrics, _name):
        row(f"sklearn.metrics.{_name}", (6,), domain="positive", call=curve(getattr(metrics, _name)))


def cross_entropy(p: Any) -> Any:
    return metrics.log_loss(beside(p, [0, 1, 2, 1]), p / p.sum(axis=1, keepdims=True))


refuses("sklearn.metrics.log_loss", (4, 3), domain=(0.2, 0.5), says="would lose it silently", call=cross_entropy)
refuses(
    "sklearn.metrics.brier_score_loss",
    (4,),
    domain=(0.2, 0.5),
    says="would lose it silently",
    call=lambda p: metrics.brier_score_loss(beside(p, [0, 1, 1, 1]), p),
)
refuses("sklearn.metrics.accuracy_score", (6,), domain="positive", says="float", call=by_class(metrics.accuracy_score))
refuses("sklearn.metrics.confusion_matrix", (6,), domain="positive", says="detach", call=by_class(metrics.confusion_matrix))

# Distances and kernels ------------------------------------------------------------------------------------------------------------------

PAIRWISE = "sklearn.metrics.pairwise"
for _name in (
    *("euclidean_distances", "cosine_distances", "manhattan_distances", "pairwise_distances", "linear_kernel"),
    *("polynomial_kernel", "sigmoid_kernel", "rbf_kernel", "laplacian_kernel", "cosine_similarity", "pairwise_kernels"),
):
    row(f"{PAIRWISE}.{_name}", (3, 2), (4, 2))
for _name in ("additive_chi2_kernel", "chi2_kernel"):
    row(f"{PAIRWISE}.{_name}", (3, 2), (4, 2), domain="positive")
for _name in ("paired_euclidean_distances", "paired_cosine_distances", "paired_manhattan_distances", "paired_distances"):
    row(f"{PAIRWISE}.{_name}", (4, 2), (4, 2))
row(f"{PAIRWISE}.euclidean_distances-squared", (3, 2), (4, 2), squared=True)
row(f"{PAIRWISE}.euclidean_distances-self", (3, 2), order=1, reason="the distance of a point to itself has no second derivative")
row(f"{PAIRWISE}.rbf_kernel-self", (3, 2), gamma=0.7)
row(f"{PAIRWISE}.polynomial_kernel-degree", (3, 2), (4, 2), degree=2, gamma=0.3, coef0=0.5)
for _metric in ("manhattan", "cosine"):
    row(f"{PAIRWISE}.pairwise_distances-{_metric}", (3, 2), (4, 2), metric=_metric)
for _metric in ("rbf", "polynomial", "sigmoid", "cosine"):
    row(f"{PAIRWISE}.pairwise_kernels-{_metric}", (3, 2), (4, 2), metric=_metric)
refuses(f"{PAIRWISE}.haversine_distances", (3, 2), (4, 2), says="detach")
refuses(f"{PAIRWISE}.nan_euclidean_distances", (3, 2), (4, 2), says="assign the result")

# Estimators -------------------------------------------------------------------------------------------------------------------------


def fitted(make: Make, labels: Any, x: Any, *targets: Any) -> Any:
    """A new estimator, fitted to x and to targets, or to fixed labels."""
    return make().fit(x, *targets) if labels is None else make().fit(x, beside(x, labels))


def fit(make: Make, labels: Any = None) -> Callable[..., Any]:
    """The fit of a new estimator, as a function of what it is fitted to."""
    return partial(fitted, make, labels)


def methods(path: str, make: Make, names: str, *shapes: Shape, labels: Any = None, label: str = "", **options: Any) -> None:
    """Rows of methods whose operand is the last; the estimator is fitted to those before."""

    def call(name: str) -> Callable[..., Any]:
        return lambda *operands: getattr(fitted(make, labels, *operands[:-1]), name)(operands[-1])

    for name in names.split():
        row(f"sklearn.{path}.{name}{label}", *shapes, call=call(name), **options)


def attributes(path: str, make: Make, names: str, *shapes: Shape, labels: Any = None, label: str = "", **options: Any) -> None:
    """Rows of what `fit` computes, or of methods without operands."""

    def call(name: str) -> Callable[..., Any]:
        return lambda *operands: found(getattr(fitted(make, labels, *operands), name))

    for name in names.split():
        row(
            f"sklearn.{path}.{name}{label}" if name[-1] != "_" else f"sklearn.{path}.fit-{name}{label}",
            *shapes,
            call=call(name),
            **options,
        )


def found(attribute: Any) -> Any:
    return attribute() if callable(attribute) else attribute


def applied(
    path: str, make: Make, names: str, data: Any, shape: Shape, labels: Any = None, label: str = "", **options: Any
) -> None:
    """Rows of methods of an estimator that is fitted to fixed data."""

    def call(name: str) -> Callable[..., Any]:
        return lambda x: getattr(fitted(make, labels, beside(x, data)), name)(x)

    for name in names.split():
        row(f"sklearn.{path}.{name}{label}", shape, call=call(name), **options)


_random = np.random.default_rng(0)
SAMPLES = _random.normal(size=(12, 3))
COUNTS = np.arange(12) % 3
HALVES = (SAMPLES[:, 0] + 0.5 * _random.normal(size=12) > 0).astype(int)


def partly(make: Make, x: Any, y: Any) -> Any:
    """A new estimator, fitted to x and then to y."""
    return make().partial_fit(x).partial_fit(y)


# Preprocessing --------------------------------------------------------------------------------------------------------------------------

for _name in ("normalize", "minmax_scale", "maxabs_scale", "binarize", "add_dummy_feature"):
    row(f"sklearn.preprocessing.{_name}", (5, 3))
for _norm in ("l1", "max"):
    row(f"sklearn.preprocessing.normalize-{_norm}", (5, 3), norm=_norm)

for _class in ("MinMaxScaler", "MaxAbsScaler"):
    methods(f"preprocessing.{_class}", getattr(preprocessing, _class), "transform inverse_transform", (5, 3), (2, 3))
attributes("preprocessing.MinMaxScaler", preprocessing.MinMaxScaler, "data_min_ data_max_ data_range_ scale_ min_", (5, 3))
attributes("preprocessing.MaxAbsScaler", preprocessing.MaxAbsScaler, "scale_", (5, 3))
methods("preprocessing.KernelCenterer", preprocessing.KernelCenterer, "transform", (4, 4), (2, 4))
methods("preprocessing.QuantileTransformer", partial(preprocessing.QuantileTransformer, n_quantiles=4), "transform", (5, 3), (2, 3))
methods("preprocessing.StandardScaler", preprocessing.StandardScaler, "transform inverse_transform", (5, 3), (2, 3))
attributes("preprocessing.StandardScaler", preprocessing.StandardScaler, "mean_ var_ scale_", (5, 3))
row(
    "sklearn.preprocessing.StandardScaler.fit-weights",
    (5, 3),
    (5,),
    domain="positive",
    call=lambda x, weights: preprocessing.StandardScaler().fit(x, sample_weight=weights).var_,
)
row(
    "sklearn.preprocessing.StandardScaler.partial_fit",
    (5, 3),
    (4, 3),
    call=lambda x, y: partly(preprocessing.StandardScaler, x, y).var_,
)
for _class in ("Normalizer", "Binarizer", "PolynomialFeatures", "FunctionTransformer"):
    applied(f"preprocessing.{_class}", getattr(preprocessing, _class), "transform", SAMPLES, (4, 3))
applied(
    "preprocessing.PolynomialFeatures",
    partial(preprocessing.PolynomialFeatures, 3, interaction_only=True),
    "transform",
    SAMPLES,
    (4, 3),
    label="-interactions",
)
row("sklearn.preprocessing.MinMaxScaler.fit_transform", (5, 3), call=lambda x: preprocessing.MinMaxScaler().fit_transform(x))
row(
    "sklearn.preprocessing.MinMaxScaler.partial_fit",
    (5, 3),
    (4, 3),
    call=lambda x, y: partly(preprocessing.MinMaxScaler, x, y).scale_,
)

refuses("sklearn.preprocessing.scale", (5, 3), says="detach")
refuses("sklearn.preprocessing.robust_scale", (5, 3), says="detach")
for _class, _says in {
    "RobustScaler": "detach",
    "PowerTransformer": "detach",
    "SplineTransformer": "setting an array element",
    "KBinsDiscretizer": "not supported for Tensors",
}.items():
    refuses(f"sklearn.preprocessing.{_class}.fit", (5, 3), says=_says, call=fit(getattr(preprocessing, _class)))

# Decompositions ---------------------------------------------------------------------------------------------------------------------

FITTED = (
    "components_ explained_variance_ explained_variance_ratio_ singular_values_ mean_ noise_variance_ get_covariance get_precision"
)
for _solver in ("full", "covariance_eigh"):
    _pca = partial(decomposition.PCA, 2, svd_solver=_solver)
    _label = "" if _solver == "full" else f"-{_solver}"
    row(f"sklearn.decomposition.PCA.fit_transform{_label}", (6, 3), call=lambda x, make=_pca: make().fit_transform(x))
    methods("decomposition.PCA", _pca, "transform score_samples", (6, 3), (2, 3), label=_label)
    methods("decomposition.PCA", _pca, "inverse_transform", (6, 3), (2, 2), label=_label)
    attributes("decomposition.PCA", _pca, FITTED, (6, 3), label=_label)
_whitened = partial(decomposition.PCA, 2, whiten=True, svd_solver="full")
methods("decomposition.PCA", _whitened, "transform", (6, 3), (2, 3), label="-whitened")
_randomized = partial(decomposition.PCA, 2, svd_solver="randomized", random_state=0, power_iteration_normalizer="QR")
row("sklearn.decomposition.PCA.fit_transform-randomized", (6, 3), call=lambda x: _randomized().fit_transform(x))
_truncated = partial(decomposition.TruncatedSVD, 2, random_state=0)
row("sklearn.decomposition.TruncatedSVD.fit_transform", (6, 3), call=lambda x: _truncated().fit_transform(x))
refuses("sklearn.decomposition.PCA.score", (6, 3), says="would lose it silently", call=lambda x: _whitened().fit(x).score(x))

# Linear models ------------------------------------------------------------------------------------------------------------------------

TWO = [0, 1, 1, 0, 1, 0]
_ridge = partial(linear_model.Ridge, 0.5, solver="svd")
methods("linear_model.Ridge", _ridge, "predict", (6, 3), (6,), (2, 3))
methods("linear_model.Ridge", _ridge, "predict", (6, 3), (6, 2), (2, 3), label="-several targets")
attributes("linear_model.Ridge", _ridge, "coef_ intercept_", (6, 3), (6,))
row(
    "sklearn.linear_model.Ridge.fit-weights",
    (6, 3),
    (6,),
    (6,),
    domain="positive",
    call=lambda x, y, weights: _ridge().fit(x, y, sample_weight=weights).coef_,
)
attributes("linear_model.RidgeCV", partial(linear_model.RidgeCV, [0.5, 1.0]), "coef_ intercept_", (6, 3), (6,))
_classifier = partial(linear_model.RidgeClassifier, 0.5, solver="svd")
methods("linear_model.RidgeClassifier", _classifier, "decision_function", (6, 3), (2, 3), labels=TWO)
attributes("linear_model.RidgeClassifier", _classifier, "coef_", (6, 3), labels=TWO)
attributes("linear_model.RidgeClassifierCV", partial(linear_model.RidgeClassifierCV, [0.5]), "coef_", (6, 3), labels=TWO)
PROBABILITIES = "decision_function predict_proba predict_log_proba"
applied("linear_model.LogisticRegression", linear_model.LogisticRegression, PROBABILITIES, SAMPLES, (2, 3), COUNTS)
applied("linear_model.LogisticRegression", linear_model.LogisticRegression, PROBABILITIES, SAMPLES, (2, 3), HALVES, "-two classes")
applied("linear_model.PoissonRegressor", linear_model.PoissonRegressor, "predict", SAMPLES, (2, 3), COUNTS + 0.5)
for _class, _targets in (("LogisticRegression", COUNTS), ("PoissonRegressor", COUNTS + 0.5)):
    _fit = fit(getattr(linear_model, _class), _targets)
    refuses(f"sklearn.linear_model.{_class}.fit", (12, 3), says="would lose it silently", call=_fit)
refuses("sklearn.linear_model.LinearRegression.fit", (6, 3), (6,), says="detach", call=fit(linear_model.LinearRegression))

# Classifiers and mixtures -----------------------------------------------------------------------------------------------------------------

THREE = [0, 1, 2] * 3
_lda = partial(discriminant_analysis.LinearDiscriminantAnalysis, solver="svd")
LDA = "discriminant_analysis.LinearDiscriminantAnalysis"
methods(LDA, _lda, f"{PROBABILITIES} transform", (9, 3), (2, 3), labels=THREE)
attributes(LDA, _lda, "coef_ intercept_ means_ xbar_ scalings_ explained_variance_ratio_", (9, 3), labels=THREE)

_bayes = naive_bayes.GaussianNB
methods("naive_bayes.GaussianNB", _bayes, "predict_joint_log_proba predict_proba predict_log_proba", (9, 3), (2, 3), labels=THREE)
attributes("naive_bayes.GaussianNB", _bayes, "theta_ var_", (9, 3), labels=THREE)
refuses(
    "sklearn.naive_bayes.GaussianNB.fit-weights",
    (9, 3),
    (9,),
    domain="positive",
    says="would lose it silently",
    call=lambda x, weights: _bayes().fit(x, beside(x, THREE), sample_weight=weights),
)

for _type in ("full", "tied", "diag", "spherical"):
    _mixture = partial(mixture.GaussianMixture, 2, covariance_type=_type, init_params="random_from_data", random_state=0)
    applied("mixture.GaussianMixture", _mixture, "score_samples predict_proba", SAMPLES, (2, 3), label=f"-{_type}")
_two_steps = partial(mixture.GaussianMixture, 2, max_iter=2, tol=0.0, init_params="random_from_data", random_state=0)
attributes("mixture.GaussianMixture", _two_steps, "means_ covariances_ weights_", (12, 3))
refuses("sklearn.mixture.GaussianMixture.score", (12, 3), says="would lose it silently", call=lambda x: _mixture().fit(x).score(x))

# What is made of others -----------------------------------------------------------------------------------------------------------------

_nystroem = partial(kernel_approximation.Nystroem, n_components=3, random_state=0)
methods("kernel_approximation.Nystroem", _nystroem, "transform", (6, 3), (2, 3))
methods("kernel_approximation.Nystroem", partial(_nystroem, kernel="polynomial"), "transform", (6, 3), (2, 3), label="-polynomial")


def scaled_and_projected() -> Any:
    return pipeline.make_pipeline(
        preprocessing.MinMaxScaler(), preprocessing.PolynomialFeatures(), decomposition.PCA(2, svd_solver="full")
    )


methods("pipeline.Pipeline", scaled_and_projected, "transform", (6, 3), (2, 3))
methods(
    "pipeline.Pipeline", lambda: pipeline.make_pipeline(preprocessing.MinMaxScaler(), _ridge()), "predict", (6, 3), (6,), (2, 3)
)
row(
    "sklearn.pipeline.FeatureUnion.fit_transform",
    (6, 3),
    call=lambda x: pipeline.make_union(preprocessing.MaxAbsScaler(), preprocessing.MinMaxScaler()).fit_transform(x),
)

row("sklearn.covariance.empirical_covariance", (5, 3))
row("sklearn.covariance.ledoit_wolf_shrinkage", (5, 3))
for _class, _says in {"EmpiricalCovariance": "detach", "LedoitWolf": "flat", "OAS": "flat"}.items():
    refuses(f"sklearn.covariance.{_class}.fit", (6, 3), says=_says, call=fit(getattr(covariance, _class)))

row("sklearn.utils.extmath.row_norms", (4, 3))
row("sklearn.utils.extmath.row_norms-squared", (4, 3), squared=True)
row("sklearn.utils.extmath.softmax", (4, 3))
row("sklearn.utils.extmath.safe_sparse_dot", (2, 3), (3, 2))
row("sklearn.utils.extmath.fast_logdet", (3, 3), call=lambda x: extmath.fast_logdet(x @ x.T))
RANDOMIZED = {"random_state": 0, "power_iteration_normalizer": "QR"}
row("sklearn.utils.extmath.randomized_svd", (6, 3), n_components=2, several=True, **RANDOMIZED)
row("sklearn.utils.extmath.randomized_range_finder", (6, 3), size=2, n_iter=2, **RANDOMIZED)
