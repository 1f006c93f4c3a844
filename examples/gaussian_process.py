"""Fit a Gaussian process to scikit-learn's diabetes data: how far the disease has gone a year later, given the body mass index.

    python examples/gaussian_process.py
    python examples/gaussian_process.py --features bmi,bp,s5 --library torch --output build/gp

The hyper-parameters (a variance, a length scale for each feature, the noise) are those of the largest marginal likelihood, found by
SciPy's L-BFGS with the gradient through `cholesky` and `solve_triangular`. scikit-learn's GaussianProcessRegressor does the same
with the same kernel; both likelihoods are printed. The figure `gaussian_process.png`, in the folder --output, shows the mean and the
band in which 95 % of the patients are expected.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from places import why_not
from scipy.optimize import minimize
from sklearn.datasets import load_diabetes
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

import clumsygrad as cg

LIBRARIES = ("numpy", "cupy", "torch")
BOUNDS = (1e-5, 1e5)  # of every hyper-parameter; scikit-learn's
JITTER = 1e-10  # added to the diagonal; scikit-learn's
WORSE = 1e-6  # by how much the likelihood found here may be worse than scikit-learn's: both stop before the very top
LABELS = {
    "age": "age in years",
    "bmi": "body mass index in kg/m²",
    "bp": "mean blood pressure in mmHg",
    "s1": "total serum cholesterol in mg/dl",
    "s2": "low-density lipoproteins in mg/dl",
    "s3": "high-density lipoproteins in mg/dl",
    "s4": "total cholesterol / HDL",
    "s5": "log of serum triglycerides",
    "s6": "blood sugar in mg/dl",
}


@dataclass(frozen=True)
class Data:
    """Features and targets, each moved and scaled to mean 0 and deviation 1, and what undoes that."""

    names: tuple[str, ...]
    x: np.ndarray
    y: np.ndarray
    x_mean: np.ndarray
    x_scale: np.ndarray
    y_mean: float
    y_scale: float


@dataclass(frozen=True)
class Fit:
    """Logarithms of the hyper-parameters (variance, length scales, noise), and how good they are."""

    logarithms: np.ndarray
    likelihood: float
    evaluations: int
    seconds: float


def main() -> int:
    options = parse_options()
    problem = why_not(options.library)
    if problem is not None:
        print(problem, file=sys.stderr)
        return 2

    data = load(options.features)
    fit = fitted(data, options.library)
    regressor, seconds = fitted_by_scikit_learn(data)
    theirs = regressor.log_marginal_likelihood_value_

    options.output.mkdir(parents=True, exist_ok=True)
    draw(data, fit, regressor, options.output / "gaussian_process.png")

    variance, *lengths, noise = np.exp(fit.logarithms)
    scales = ", ".join(f"{name} {length:.3g}" for name, length in zip(data.names, lengths, strict=True))
    print(f"clumsygrad on {options.library}: {fit.evaluations} evaluations in {fit.seconds:.1f} s; scikit-learn: {seconds:.1f} s")
    print(f"variance {variance:.3g}, length scales (in standard deviations) {scales}, noise {noise:.3g}")
    print(f"log marginal likelihood {fit.likelihood:.6f}, scikit-learn's {theirs:.6f}")
    if fit.likelihood < theirs - WORSE:
        print("scikit-learn found better hyper-parameters", file=sys.stderr)
        return 1
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fit a Gaussian process to scikit-learn's diabetes data.")
    parser.add_argument("--library", choices=LIBRARIES, default="numpy", help="the array library to compute with (default: numpy)")
    parser.add_argument(
        "--features",
        type=lambda text: tuple(text.split(",")),
        default=("bmi",),
        help=f"of {','.join(LABELS)}; the figure runs along the first (default: bmi)",
    )
    parser.add_argument("--output", type=Path, default=Path("build/gaussian_process"), help="folder of the figure")
    options = parser.parse_args()
    unknown = [name for name in options.features if name not in LABELS]
    if unknown:
        parser.error(f"--features: no feature is named {', '.join(unknown)}; there are {', '.join(LABELS)}")
    return options


def load(names: tuple[str, ...]) -> Data:
    bunch = load_diabetes(scaled=False)
    x = bunch.data[:, [bunch.feature_names.index(name) for name in names]]
    y = bunch.target
    x_mean, x_scale, y_mean, y_scale = x.mean(axis=0), x.std(axis=0), float(y.mean()), float(y.std())
    return Data(names, (x - x_mean) / x_scale, (y - y_mean) / y_scale, x_mean, x_scale, y_mean, y_scale)


def squared_differences(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(features, len(a), len(b)): of each feature, between every two rows."""
    return (a.T[:, :, None] - b.T[:, None, :]) ** 2


def kernel(logarithms: cg.Tensor, differences: cg.Tensor) -> cg.Tensor:
    """σ² exp(−½ Σ (x − x')² / ℓ²), without the noise."""
    weights = cg.exp(-2 * logarithms[1:-1])
    return cg.exp(logarithms[0] - cg.tensordot(weights, differences, axes=1) / 2)


def factor(logarithms: cg.Tensor, differences: cg.Tensor, identity: cg.Tensor) -> cg.Tensor:
    """The Cholesky factor of the covariance of the noisy targets."""
    return cg.linalg.cholesky(kernel(logarithms, differences) + (cg.exp(logarithms[-1]) + JITTER) * identity)


def minus_log_likelihood(logarithms: cg.Tensor, differences: cg.Tensor, identity: cg.Tensor, y: cg.Tensor) -> cg.Tensor:
    """½ yᵀ K⁻¹ y + ½ log det K + n/2 log 2π, with K = L Lᵀ: Rasmussen and Williams (2006), equation 2.30 and algorithm 2.1."""
    lower = factor(logarithms, differences, identity)
    z = cg.linalg.solve_triangular(lower, y, lower=True)
    return cg.sum(z * z) / 2 + cg.sum(cg.log(cg.linalg.diagonal(lower))) + len(y) / 2 * math.log(2 * math.pi)


def fitted(data: Data, library: str) -> Fit:
    """The hyper-parameters of the largest likelihood, from all being 1."""
    differences, identity, y = [
        cg.Tensor(x).to(library) for x in (squared_differences(data.x, data.x), np.eye(len(data.y)), data.y)
    ]
    value_and_gradient = cg.func.value_and_grad(minus_log_likelihood)

    def objective(logarithms: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = value_and_gradient(cg.Tensor(logarithms).to(library), differences, identity, y)
        return cg.Tensor(value).item(), cg.Tensor(gradient).numpy()

    start = time.perf_counter()
    count = len(data.names) + 2
    found = minimize(
        objective,
        np.zeros(count),
        jac=True,
        method="L-BFGS-B",
        bounds=[np.log(BOUNDS)] * count,
        options={"ftol": 1e-13, "gtol": 1e-7},
    )
    return Fit(found.x, -float(found.fun), found.nfev, time.perf_counter() - start)


def fitted_by_scikit_learn(data: Data) -> tuple[GaussianProcessRegressor, float]:
    model = ConstantKernel(1.0, BOUNDS) * RBF(np.ones(len(data.names)), BOUNDS) + WhiteKernel(1.0, BOUNDS)
    start = time.perf_counter()
    regressor = GaussianProcessRegressor(model, alpha=JITTER).fit(data.x, data.y)
    return regressor, time.perf_counter() - start


def predicted(data: Data, fit: Fit, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the targets of new patients."""
    logarithms = cg.Tensor(fit.logarithms)
    lower = factor(logarithms, cg.Tensor(squared_differences(data.x, data.x)), cg.eye(len(data.y)))
    across = cg.linalg.solve_triangular(lower, kernel(logarithms, cg.Tensor(squared_differences(data.x, x))), lower=True)
    mean = cg.linalg.solve_triangular(lower, cg.Tensor(data.y), lower=True) @ across
    variance = cg.exp(logarithms[0]) + cg.exp(logarithms[-1]) - cg.sum(across * across, axis=0)
    return mean.numpy(), cg.sqrt(variance).numpy()


def draw(data: Data, fit: Fit, regressor: GaussianProcessRegressor, file: Path) -> None:
    """Along the first feature, with the others at their means."""
    grid = np.zeros((300, len(data.names)))
    grid[:, 0] = np.linspace(data.x[:, 0].min() - 0.3, data.x[:, 0].max() + 0.3, 300)
    mean, deviation = (data.y_scale * part for part in predicted(data, fit, grid))
    mean = mean + data.y_mean
    feature = grid[:, 0] * data.x_scale[0] + data.x_mean[0]

    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    measured = data.x[:, 0] * data.x_scale[0] + data.x_mean[0]
    axes.fill_between(
        feature, mean - 1.96 * deviation, mean + 1.96 * deviation, color="tab:blue", alpha=0.18, lw=0, label="95 % band"
    )
    axes.scatter(
        measured, data.y * data.y_scale + data.y_mean, s=11, color="0.35", alpha=0.7, lw=0, label=f"{len(data.y)} patients"
    )
    axes.plot(feature, mean, color="tab:blue", lw=2, label="mean")
    theirs = regressor.predict(grid) * data.y_scale + data.y_mean
    axes.plot(feature, theirs, color="tab:orange", lw=2, ls=(0, (1, 2.5)), label="scikit-learn's mean")
    axes.set(xlabel=LABELS[data.names[0]], ylabel="disease progression after a year", xlim=(feature[0], feature[-1]))
    others = f"; at the mean of {', '.join(data.names[1:])}" if data.names[1:] else ""
    axes.set_title(f"Gaussian process, log marginal likelihood {fit.likelihood:.3f}{others}")
    axes.legend(frameon=False, loc="upper left")
    figure.savefig(file, dpi=150)


if __name__ == "__main__":
    sys.exit(main())
