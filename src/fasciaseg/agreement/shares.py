"""Shares with intervals that know which exams belong to the same patient.

Sources: Wilson, J Am Stat Assoc 1927;22:209-212 (interval); Rao and Scott, Biometrics
1992;48:577-585 (design effect of clusters); Cicchetti and Feinstein, J Clin Epidemiol
1990;43:551-558 (positive and negative agreement).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtri

from ..geometry import FloatArray


@dataclass(frozen=True)
class Share:
    """A share of yes among answers.

    Attributes:
        value, low, high: 0 to 1.
        design_effect: by how much clusters widen the variance; 1 without clusters.
    """

    value: float
    low: float
    high: float
    design_effect: float


def wilson(yes: float, n: float, level: float) -> tuple[float, float]:
    """Wilson's score interval of yes / n; n needn't be whole (an effective sample size)."""
    z = float(ndtri((1 + level) / 2))
    p, zz = yes / n, z * z
    middle = (p + zz / (2 * n)) / (1 + zz / n)
    half = z * math.sqrt(p * (1 - p) / n + zz / (4 * n * n)) / (1 + zz / n)
    # At both ends the formula meets 0 and 1 exactly; rounding must not leave them.
    return (0.0 if yes <= 0 else max(0.0, middle - half)), (
        1.0 if yes >= n else min(1.0, middle + half)
    )


def share(yes: FloatArray, n: FloatArray, level: float) -> Share | None:
    """A share over clusters, with Wilson's interval at the effective sample size.

    Args:
        yes: yeses of each cluster (patient).
        n: answers of each cluster; clusters without any don't count.
        level: confidence level.

    Returns:
        None without answers. Where all answers are the same the design effect can't be
        estimated: then each cluster counts once, which is the widest it can be.
    """
    yes, n = yes[n > 0], n[n > 0]
    total = float(n.sum())
    if not total:
        return None
    value = float(yes.sum()) / total
    effect = _design_effect(yes, n, value)
    size = total / effect
    low, high = wilson(value * size, size, level)
    return Share(value, low, high, effect)


def specific(both: FloatArray, one: FloatArray, level: float) -> Share | None:
    """Positive agreement: how often a yes of one rater is also one of the other.

    2a / (2a + b + c) is J · 2 / (1 + J) of J = a / (a + b + c), a plain share among exams that
    either called yes; J's Wilson interval carries over and, unlike the delta method's, has a
    width where agreement is complete. For negative agreement, call no yes.

    Args:
        both: exams of each cluster that both called yes.
        one: exams of each cluster that only one of the two called yes.
        level: confidence level.
    """
    j = share(both, both + one, level)
    if j is None:
        return None
    value, low, high = (2 * x / (1 + x) for x in (j.value, j.low, j.high))
    return Share(value, low, high, j.design_effect)


def _design_effect(yes: FloatArray, n: FloatArray, value: float) -> float:
    """Rao and Scott's variance of a ratio over that of independent answers; at least 1."""
    total, m = float(n.sum()), len(n)
    if n.max() <= 1:
        return 1.0
    if value in (0.0, 1.0) or m < 2:
        return total / m
    variance = m / (m - 1) * float(((yes - n * value) ** 2).sum()) / total**2
    return max(1.0, variance / (value * (1 - value) / total))
