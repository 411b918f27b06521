"""Three groups and more: analysis of variance, Welch's, or Kruskal–Wallis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from .answer import Effect, Rule, Test, shown_p, untested
from .noncentral import chi_square_interval, f_interval
from .normal import Floats


def compare_several_means(groups: Sequence[Floats], rule: Rule) -> Test:
    """One-way analysis of variance; Welch's where Levene's test speaks against equal variances."""
    if min(map(len, groups)) < 2:
        return untested("fewer than 2 values in a group")
    spread = [float(np.var(g, ddof=1)) for g in groups]
    if max(spread) == 0:
        return untested("all values of each group are the same")
    p_variance = 0.0
    if min(spread) > 0:
        p_variance = float(stats.levene(*groups, center="mean").pvalue)
    n, k = sum(map(len, groups)), len(groups)
    if p_variance >= rule.variance or min(spread) == 0:
        name, equal = "ANOVA", True
        statistic, p = map(float, stats.f_oneway(*groups))
        df = (k - 1.0, float(n - k))
    else:
        name, equal = "Welch's ANOVA", False
        statistic, df = _welch(groups)
        p = float(stats.f.sf(statistic, *df))
    share = statistic * df[0] / (statistic * df[0] + df[1])
    low, high = f_interval(statistic, df, n)
    why = f"{'equal' if equal else 'unequal'} variances: Levene {shown_p(p_variance)}"
    if min(spread) == 0:
        why = "a group without spread"
    return Test(name, why, p, statistic, df, (Effect("η²", share, low, max(high, share)),))


def compare_several_ranks(groups: Sequence[Floats]) -> Test:
    """Kruskal–Wallis."""
    if not min(map(len, groups)):
        return untested("no value in a group")
    if np.ptp(np.concatenate(list(groups))) == 0:
        return untested("all values are the same")
    statistic, p = map(float, stats.kruskal(*groups))
    n, df = sum(map(len, groups)), len(groups) - 1
    low, high = chi_square_interval(statistic, df, n - 1)
    effect = Effect("ε²", statistic / (n - 1), low**2, high**2)
    return Test("Kruskal–Wallis", "chi-square approximation", p, statistic, (float(df),), (effect,))


def _welch(groups: Sequence[Floats]) -> tuple[float, tuple[float, float]]:
    """F and its degrees of freedom (Welch, Biometrika 1951;38:330)."""
    n = np.array([len(g) for g in groups])
    means = np.array([np.mean(g) for g in groups])
    weights = n / np.array([np.var(g, ddof=1) for g in groups])
    shares, k = weights / weights.sum(), len(groups)
    middle = float(shares @ means)
    rest = float((((1 - shares) ** 2) / (n - 1)).sum())
    between = float(weights @ (means - middle) ** 2) / (k - 1)
    statistic = between / (1 + 2 * (k - 2) / (k**2 - 1) * rest)
    return statistic, (k - 1.0, (k**2 - 1) / (3 * rest))
