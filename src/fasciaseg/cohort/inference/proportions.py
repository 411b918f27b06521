"""Effects of a fourfold table: odds ratio and risk difference."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from .answer import Z95, Effect

Counts = npt.NDArray[np.int64]


def odds_ratio(table: Counts) -> Effect:
    """Odds of the first column, first row against second, with Woolf's interval.

    Where a cell is empty, half a patient is added to each (Haldane and Anscombe).
    """
    (a, b), (c, d) = (table + (0.5 if (table == 0).any() else 0.0)).tolist()
    log = math.log(a * d / (b * c))
    half = Z95 * math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    return Effect("odds ratio", math.exp(log), math.exp(log - half), math.exp(log + half))


def risk_difference(table: Counts) -> Effect:
    """Share of the first column, first row minus second; Newcombe's hybrid score interval.

    Newcombe, Stat Med 1998;17:873, method 10.
    """
    (x, n), (y, m) = ((int(row[0]), int(row.sum())) for row in table)
    p, q = x / n, y / m
    (low_p, high_p), (low_q, high_q) = wilson(x, n), wilson(y, m)
    return Effect(
        "risk difference",
        p - q,
        p - q - math.hypot(p - low_p, high_q - q),
        p - q + math.hypot(high_p - p, q - low_q),
    )


def wilson(x: int, n: int) -> tuple[float, float]:
    """Wilson's 95% score interval of x of n."""
    middle = x + Z95**2 / 2
    half = Z95 * math.sqrt(x * (n - x) / n + Z95**2 / 4)
    low, high = ((middle + side * half) / (n + Z95**2) for side in (-1, 1))
    return max(0.0, low), min(1.0, high)
