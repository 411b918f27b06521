"""Two groups by their means: Student's t test, or Welch's where the variances differ."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from .answer import CONFIDENCE, Z95, Effect, Rule, Test, shown_p, untested
from .normal import Floats


@dataclass(frozen=True)
class Moments:
    """What a table prints of a group."""

    n: int
    mean: float
    sd: float


def moments(values: Floats) -> Moments:
    """Number, mean and standard deviation (n − 1)."""
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
    return Moments(len(values), float(np.mean(values)) if len(values) else math.nan, sd)


def compare_moments(a: Moments, b: Moments, rule: Rule) -> Test:
    """`a` against `b` from means and SDs alone: equal variances by the two-sided F test."""
    if (problem := _problem(a, b)) is not None:
        return problem
    if min(a.sd, b.sd) == 0:
        p = 0.0
    else:
        ratio, df = (a.sd / b.sd) ** 2, (a.n - 1, b.n - 1)
        p = min(1.0, 2 * float(min(stats.f.cdf(ratio, *df), stats.f.sf(ratio, *df))))
    return _t_test(a, b, p, "variance-ratio F test", rule)


def compare_means(x: Floats, y: Floats, rule: Rule) -> Test:
    """`x` against `y`: equal variances by Levene's test about the means, as SPSS does."""
    a, b = moments(x), moments(y)
    if (problem := _problem(a, b)) is not None:
        return problem
    spread = (np.abs(x - a.mean), np.abs(y - b.mean))
    # Deviations that are all the same (two values a group) leave Levene's test without a scale.
    if all(np.ptp(s) < 1e-12 * max(a.sd, b.sd) for s in spread):
        p = 1.0 if math.isclose(a.sd, b.sd) else 0.0
    else:
        p = float(stats.levene(x, y, center="mean").pvalue)
    return _t_test(a, b, p, "Levene", rule)


def _problem(a: Moments, b: Moments) -> Test | None:
    if min(a.n, b.n) < 2:
        return untested("fewer than 2 values in a group")
    if a.sd == b.sd == 0:
        return untested("all values of each group are the same")
    return None


def _t_test(a: Moments, b: Moments, p_variance: float, source: str, rule: Rule) -> Test:
    pooled = p_variance >= rule.variance
    parts = a.sd**2 / a.n, b.sd**2 / b.n
    pooled_sd = math.sqrt(((a.n - 1) * a.sd**2 + (b.n - 1) * b.sd**2) / (a.n + b.n - 2))
    if pooled:
        df = float(a.n + b.n - 2)
        error = pooled_sd * math.sqrt(1 / a.n + 1 / b.n)
    else:
        df = sum(parts) ** 2 / (parts[0] ** 2 / (a.n - 1) + parts[1] ** 2 / (b.n - 1))
        error = math.sqrt(sum(parts))
    difference = a.mean - b.mean
    t = difference / error
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, df)) * error
    return Test(
        "t" if pooled else "Welch's t",
        f"{'equal' if pooled else 'unequal'} variances: {source} {shown_p(p_variance)}",
        2 * float(stats.t.sf(abs(t), df)),
        t,
        (df,),
        (
            Effect("mean difference", difference, difference - half, difference + half),
            _hedges(a, b, difference / pooled_sd),
        ),
    )


def _hedges(a: Moments, b: Moments, d: float) -> Effect:
    """Hedges' g with its large-sample interval (Hedges and Olkin 1985, chapter 5)."""
    g = d * (1 - 3 / (4 * (a.n + b.n) - 9))
    half = Z95 * math.sqrt((a.n + b.n) / (a.n * b.n) + g**2 / (2 * (a.n + b.n)))
    return Effect("Hedges' g", g, g - half, g + half)
