"""Two groups by their ranks: Mann–Whitney U."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from .answer import Z95, Effect, Test, untested
from .normal import Floats

#: Pairs of values beyond which the shift's interval isn't computed: memory.
_MOST_PAIRS = 4_000_000
#: Without ties, U is exact up to this size of the smaller group.
_EXACT = 8


def compare_ranks(x: Floats, y: Floats) -> Test:
    """`x` against `y`: normal approximation with ties, without continuity correction, as SPSS.

    Without ties, and with at most 8 values in the smaller group, P is exact.
    """
    if not len(x) or not len(y):
        return untested("no value in a group")
    both = np.concatenate([x, y])
    if np.ptp(both) == 0:
        return untested("all values are the same")
    exact = len(np.unique(both)) == len(both) and min(len(x), len(y)) <= _EXACT
    found = stats.mannwhitneyu(
        x, y, use_continuity=False, method="exact" if exact else "asymptotic"
    )
    effects: tuple[Effect, ...] = (_superiority(x, y),)
    if len(x) * len(y) <= _MOST_PAIRS:
        effects = (_shift(x, y), *effects)
    return Test(
        "Mann–Whitney U",
        "exact" if exact else "normal approximation",
        float(found.pvalue),
        float(found.statistic),
        (),
        effects,
    )


def _shift(x: Floats, y: Floats) -> Effect:
    """The Hodges–Lehmann shift (Hollander and Wolfe 1999, chapter 4)."""
    pairs = np.sort(np.subtract.outer(x, y), axis=None)
    n, m = len(x), len(y)
    rank = n * m / 2 - Z95 * math.sqrt(n * m * (n + m + 1) / 12)
    at = math.floor(rank)
    if at < 1:  # so few values that no interval holds 95%
        return Effect("median shift", float(np.median(pairs)))
    return Effect("median shift", float(np.median(pairs)), float(pairs[at - 1]), float(pairs[-at]))


def _superiority(x: Floats, y: Floats) -> Effect:
    """How often a value of `x` exceeds one of `y`, ties half; DeLong's variance on the logit."""
    ranks = stats.rankdata(np.concatenate([x, y]))
    n, m = len(x), len(y)
    over_x = (ranks[:n] - stats.rankdata(x)) / m
    over_y = 1 - (ranks[n:] - stats.rankdata(y)) / n
    share = float(np.mean(over_x))
    name = "probability of superiority"
    if min(n, m) < 2 or not 0 < share < 1:
        return Effect(name, share)
    error = math.sqrt(float(np.var(over_x, ddof=1)) / n + float(np.var(over_y, ddof=1)) / m)
    half = Z95 * error / (share * (1 - share))
    logit = math.log(share / (1 - share))
    low, high = (1 / (1 + math.exp(-(logit + side * half))) for side in (-1, 1))
    return Effect(name, share, low, high)
