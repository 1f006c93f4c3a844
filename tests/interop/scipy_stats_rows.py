"""The rows of scipy.stats."""

from __future__ import annotations

from typing import Any

import scipy.stats as stats
from rows import Table, beside

TABLE = Table()


def both(result: Any) -> tuple[Any, Any]:
    """The statistic and the p-value of a test."""
    return result.statistic, result.pvalue


def test_row(name: str, *shapes: tuple[int, ...], call: Any, **options: Any) -> None:
    """A test's statistic and p-value."""
    TABLE.row(name, *shapes, call=lambda *x: both(call(*x)), several=True, **options)


# Descriptive statistics -----------------------------------------------------------------------------------------------------------

for _name in ("zscore", "skew", "kurtosis", "sem", "tmean", "tvar", "tstd", "tsem", "variation", "median_abs_deviation", "iqr"):
    TABLE.row(f"scipy.stats.{_name}", (6,))
for _name in ("zscore", "skew", "kurtosis", "sem", "tvar", "variation"):
    TABLE.row(f"scipy.stats.{_name}-axis", (2, 5), axis=1)
TABLE.row("scipy.stats.skew-unbiased", (6,), bias=False)
TABLE.row("scipy.stats.kurtosis-unbiased", (6,), bias=False, fisher=False)
TABLE.row("scipy.stats.tmean-limits", (6,), limits=(-1.2, 1.2))
for _name in ("tmin", "tmax"):
    TABLE.row(f"scipy.stats.{_name}", (6,))
for _name in ("gmean", "hmean", "gstd", "gzscore"):
    TABLE.row(f"scipy.stats.{_name}", (5,), domain="positive")
TABLE.row("scipy.stats.gmean-weights", (5,), (5,), domain="positive", call=lambda x, w: stats.gmean(x, weights=w))
TABLE.row("scipy.stats.hmean-weights", (5,), (5,), domain="positive", call=lambda x, w: stats.hmean(x, weights=w))
TABLE.row("scipy.stats.pmean", (5,), domain="positive", p=2.5)
TABLE.row("scipy.stats.moment", (5,), call=lambda x: stats.moment(x, order=3))
TABLE.row("scipy.stats.moment-center", (2, 5), call=lambda x: stats.moment(x, order=2, center=0.3, axis=1))
TABLE.row("scipy.stats.zmap", (4,), (5,))
TABLE.row("scipy.stats.describe", (6,), call=lambda x: (*stats.describe(x).minmax, *stats.describe(x)[2:]), several=True)
TABLE.row("scipy.stats.trim_mean", (10,), proportiontocut=0.2)
TABLE.row("scipy.stats.sigmaclip", (10,), call=lambda x: stats.sigmaclip(x, 1.0, 1.0)[0])
TABLE.row("scipy.stats.kstat", (6,), call=lambda x: stats.kstat(x, 3))
TABLE.row("scipy.stats.kstatvar", (6,), call=lambda x: stats.kstatvar(x, 2))
TABLE.row("scipy.stats.lmoment", (6,))
TABLE.row("scipy.stats.boxcox_llf", (6,), domain="positive", call=lambda x: stats.boxcox_llf(0.4, x))
TABLE.row("scipy.stats.yeojohnson_llf", (6,), call=lambda x: stats.yeojohnson_llf(0.4, x))
TABLE.row("scipy.stats.quantile", (7,), call=lambda x: stats.quantile(x, beside(x, [0.2, 0.7])))
TABLE.row("scipy.stats.quantile-harrell-davis", (7,), call=lambda x: stats.quantile(x, beside(x, 0.35), method="harrell-davis"))
TABLE.row("scipy.stats.quantile-p", (7,), (2,), domain=("any", (0.2, 0.7)))
TABLE.row("scipy.stats.entropy", (5,), domain="positive")
TABLE.row("scipy.stats.entropy-relative", (5,), (5,), domain="positive", call=lambda p, q: stats.entropy(p, q, base=2))
for _method in ("vasicek", "van es", "ebrahimi", "correa"):
    TABLE.row(
        f"scipy.stats.differential_entropy-{_method.replace(' ', '_')}",
        (9,),
        call=lambda x, method=_method: stats.differential_entropy(x, method=method),
    )
TABLE.row("scipy.stats.directional_stats", (4, 3), call=lambda x: vars(stats.directional_stats(x)).values(), several=True)
for _name in ("circmean", "circvar", "circstd"):
    TABLE.row(f"scipy.stats.{_name}", (5,), domain="positive")
TABLE.row("scipy.stats.contingency.margins", (2, 3), domain="positive", several=True, linear=True)

# Tests ------------------------------------------------------------------------------------------------------------------------------

test_row("scipy.stats.pearsonr", (6,), (6,), call=stats.pearsonr)
test_row("scipy.stats.ttest_1samp", (6,), call=lambda x: stats.ttest_1samp(x, 0.3))
test_row("scipy.stats.ttest_rel", (6,), (6,), call=stats.ttest_rel)
test_row("scipy.stats.ttest_ind", (6,), (5,), call=stats.ttest_ind)
test_row("scipy.stats.ttest_ind-welch", (6,), (5,), call=lambda x, y: stats.ttest_ind(x, y, equal_var=False))
test_row(
    "scipy.stats.ttest_ind_from_stats",
    *[(2,)] * 4,
    domain="positive",
    call=lambda m, s, n, t: stats.ttest_ind_from_stats(m, s, 10, n, t, 12),
)
test_row("scipy.stats.f_oneway", (5,), (6,), (4,), call=stats.f_oneway)
test_row("scipy.stats.alexandergovern", (5,), (6,), (4,), call=stats.alexandergovern)
test_row("scipy.stats.bartlett", (5,), (6,), (4,), call=stats.bartlett)
test_row("scipy.stats.levene", (5,), (6,), (4,), call=stats.levene)
test_row("scipy.stats.chisquare", (5,), domain="positive", call=stats.chisquare)
for _statistic in ("log-likelihood", "cressie-read", "freeman-tukey"):
    test_row(
        f"scipy.stats.power_divergence-{_statistic}",
        (5,),
        domain="positive",
        call=lambda f, statistic=_statistic: stats.power_divergence(f, lambda_=statistic),
    )
for _name in ("jarque_bera", "skewtest", "kurtosistest", "normaltest"):
    test_row(f"scipy.stats.{_name}", (9,), call=getattr(stats, _name))
for _method in ("fisher", "pearson", "tippett", "stouffer", "mudholkar_george"):
    test_row(
        f"scipy.stats.combine_pvalues-{_method}",
        (4,),
        domain=(0.1, 0.9),
        call=lambda p, method=_method: stats.combine_pvalues(p, method=method),
    )
for _method in ("bh", "by"):
    TABLE.row(
        f"scipy.stats.false_discovery_control-{_method}",
        (4,),
        domain=(0.05, 0.9),
        call=lambda p, method=_method: stats.false_discovery_control(p, method=method),
    )
test_row("scipy.stats.epps_singleton_2samp", (12,), (14,), call=stats.epps_singleton_2samp)

# What raises ------------------------------------------------------------------------------------------------------------------------

for _name in ("trimboth", "trim1"):
    TABLE.refuses(f"scipy.stats.{_name}", (10,), proportiontocut=0.2, says=r"x\.detach\(\)")
for _name in ("wasserstein_distance", "energy_distance", "linregress", "theilslopes"):
    TABLE.refuses(f"scipy.stats.{_name}", (6,), (6,), says=r"x\.detach\(\)")
for _name in ("expectile", "boxcox", "gaussian_kde"):
    TABLE.refuses(f"scipy.stats.{_name}", (6,), domain="positive", says=r"x\.detach\(\)")
TABLE.refuses("scipy.stats.boxcox_llf-lambda", (), (6,), domain="positive", call=stats.boxcox_llf, says=r"x\.item\(\)")
TABLE.refuses("scipy.stats.norm.logpdf", (3,), says=r"x\.detach\(\)")
TABLE.refuses("scipy.stats.multivariate_normal.logpdf", (3,), says=r"x\.detach\(\)")
TABLE.refuses("scipy.stats.contingency.chi2_contingency", (2, 3), domain="positive", says=r"x\.detach\(\)")
