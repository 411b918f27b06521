"""The same patients at two times: paired t test or Wilcoxon's signed-rank test."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from .answer import CONFIDENCE, Z95, Effect, Rule, Test, untested
from .normal import Floats, mean_like

#: Patients beyond which the pseudo-median isn't computed: memory.
_MOST = 2_000


def compare_paired(before: Floats, after: Floats, rule: Rule, test: str = "auto") -> Test:
    """The change from `before` to `after`, patient by patient.

    Args:
        before: one value a patient.
        after: the same patients' values later.
        rule: what counts as normal.
        test: `t`, `rank` or `auto`, by whether the differences look normal.
    """
    change = after - before
    if len(change) < 2:
        return untested("fewer than 2 patients with both values")
    if np.ptp(change) == 0:
        return untested("the change is the same in every patient")
    fits, why = mean_like([change], rule)
    if test == "t" or (test == "auto" and fits):
        return _paired_t(change, why if test == "auto" else "asked for")
    return _wilcoxon(change, why if test == "auto" else "asked for")


def _paired_t(change: Floats, why: str) -> Test:
    n, mean, sd = len(change), float(np.mean(change)), float(np.std(change, ddof=1))
    error = sd / math.sqrt(n)
    t, half = mean / error, float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * error
    p = 2 * float(stats.t.sf(abs(t), n - 1))
    effects = (Effect("mean change", mean, mean - half, mean + half),)
    return Test("paired t", why, p, t, (n - 1.0,), effects)


def _wilcoxon(change: Floats, why: str) -> Test:
    """Patients without a change are left out, as Wilcoxon and SPSS do."""
    moved = change[change != 0]
    size = np.abs(moved)
    exact = len(np.unique(size)) == len(size) == len(change) and len(size) <= 25
    found = stats.wilcoxon(moved, correction=False, method="exact" if exact else "asymptotic")
    effects = (_pseudo_median(change),) if len(change) <= _MOST else ()
    how = "exact" if exact else "normal approximation"
    statistic = float(found.statistic)
    return Test("Wilcoxon", f"{why}; {how}", float(found.pvalue), statistic, (), effects)


def _pseudo_median(change: Floats) -> Effect:
    """Hodges–Lehmann: the median of all pairs' means (Hollander and Wolfe 1999, chapter 3)."""
    n = len(change)
    pairs = np.sort((np.add.outer(change, change) / 2)[np.triu_indices(n)])
    middle = float(np.median(pairs))
    at = math.floor(n * (n + 1) / 4 - Z95 * math.sqrt(n * (n + 1) * (2 * n + 1) / 24))
    if at < 1:
        return Effect("median change", middle)
    return Effect("median change", middle, float(pairs[at - 1]), float(pairs[-at]))
