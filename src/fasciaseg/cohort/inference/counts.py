"""Tables of counts: chi-square, with continuity correction or Fisher's test where 2×2 is small."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

from .answer import Effect, Rule, Test, untested
from .noncentral import chi_square_interval
from .proportions import odds_ratio, risk_difference

Counts = npt.NDArray[np.int64]


def compare_counts(rows: Sequence[Sequence[int]], rule: Rule) -> Test:
    """Groups against categories.

    Args:
        rows: one row a group, one column a category; of two groups the effect is the first one's
            against the second one's, of two categories it is the first one's.
        rule: when to correct, and when to be exact.
    """
    table = np.array(rows, dtype=np.int64)
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[0] < 2 or (table.sum(axis=1) == 0).any():
        return untested("no value in a group")
    if table.shape[1] < 2:
        return untested("all values are the same")
    if table.shape == (2, 2):
        return _fourfold(table, rule)
    return _larger(table, rule)


def pearson_2x2(rows: Sequence[Sequence[int]]) -> float:
    """P of the uncorrected chi-square test, which some programs print."""
    return float(stats.chi2_contingency(np.array(rows), correction=False).pvalue)


def _fourfold(table: Counts, rule: Rule) -> Test:
    n, least = int(table.sum()), float(stats.contingency.expected_freq(table).min())
    effects = (odds_ratio(table), risk_difference(table))
    why = f"smallest expected count {least:.2f}, n = {n}"
    if least < rule.exact or n < rule.least_n:
        return Test("Fisher", why, float(stats.fisher_exact(table).pvalue), effects=effects)
    corrected = least < rule.corrected
    found = stats.chi2_contingency(table, correction=corrected)
    notes: tuple[str, ...] = ()
    if corrected:
        p = pearson_2x2(table.tolist())
        notes = (f"without continuity correction P = {p:.2f}",)
    name = "χ², corrected" if corrected else "χ²"
    return Test(name, why, float(found.pvalue), float(found.statistic), (1.0,), effects, notes)


def _larger(table: Counts, rule: Rule) -> Test:
    found = stats.chi2_contingency(table, correction=False)
    statistic, df, n = float(found.statistic), int(found.dof), int(table.sum())
    expected = found.expected_freq
    small = int((expected < rule.corrected).sum())
    notes: tuple[str, ...] = ()
    if small:
        notes = (f"{small} of {expected.size} expected counts below {rule.corrected:g}",)
    scale = n * (min(table.shape) - 1)
    low, high = chi_square_interval(statistic, df, scale)
    return Test(
        "χ²",
        f"{table.shape[0]}×{table.shape[1]} table, smallest expected count {expected.min():.2f}",
        float(found.pvalue),
        statistic,
        (float(df),),
        (Effect("Cramér's V", (statistic / scale) ** 0.5, low, high),),
        notes,
    )
