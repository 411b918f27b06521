"""Intervals of effects whose test statistic is a chi-square or an F: by turning the test round."""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy import optimize, stats

from .answer import CONFIDENCE

_TAIL = (1 - CONFIDENCE) / 2


def chi_square_interval(statistic: float, df: int, scale: float) -> tuple[float, float]:
    """95% interval of sqrt(chi-square / scale), for example Cramér's V.

    Smithson, Confidence Intervals (Sage 2003), chapter 4: the noncentralities whose 97.5% and
    2.5% points the statistic is.
    """
    low = _noncentrality(lambda nc: float(stats.ncx2.sf(statistic, df, nc)) - _TAIL, statistic)
    high = _noncentrality(lambda nc: _TAIL - float(stats.ncx2.cdf(statistic, df, nc)), statistic)
    return (
        math.sqrt((low + df) / scale) if low > 0 else 0.0,
        min(1.0, math.sqrt((high + df) / scale)),
    )


def f_interval(statistic: float, df: tuple[float, float], n: int) -> tuple[float, float]:
    """95% interval of the share of variance between groups (Steiger, Psychol Methods 2004;9:164).

    Args:
        statistic: F.
        df: of its numerator and denominator.
        n: number of values.
    """
    low = _noncentrality(lambda nc: float(stats.ncf.sf(statistic, *df, nc)) - _TAIL, statistic)
    high = _noncentrality(lambda nc: _TAIL - float(stats.ncf.cdf(statistic, *df, nc)), statistic)
    return low / (low + n), high / (high + n)


def _noncentrality(excess: Callable[[float], float], start: float) -> float:
    """Where a function that rises from below zero crosses it; 0 where it starts above."""
    smallest = 1e-9
    if excess(smallest) >= 0:
        return 0.0
    upper = max(start, 1.0)
    while excess(upper) < 0:
        upper *= 2
    return float(optimize.brentq(excess, smallest, upper))
