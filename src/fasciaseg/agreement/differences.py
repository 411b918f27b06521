"""Differences between two raters' measurements: bias and limits of agreement.

Source: Bland and Altman, Lancet 1986;327:307-310. The limits hold 95% of the differences,
whatever the confidence level of their intervals; the standard error of a limit is √(3/n) · SD.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from ..geometry import FloatArray

#: Standard normal quantile of limits that hold 95% of the differences.
SPREAD = float(ndtri(0.975))


@dataclass(frozen=True)
class Limits:
    """Bias and limits of agreement, first minus second, in the measurement's unit.

    Attributes:
        n: exams.
        bias, sd: mean and standard deviation of the differences.
        lower, upper: limits of agreement.
        bias_half, limit_half: half widths of the intervals of the bias and of either limit.
    """

    n: int
    bias: float
    sd: float
    lower: float
    upper: float
    bias_half: float
    limit_half: float


def limits(differences: FloatArray, level: float) -> Limits | None:
    """Limits of agreement; None for fewer than two exams."""
    n = len(differences)
    if n < 2:
        return None
    bias, sd = float(differences.mean()), float(differences.std(ddof=1))
    t = float(stdtrit(n - 1, (1 + level) / 2))
    return Limits(
        n=n,
        bias=bias,
        sd=sd,
        lower=bias - SPREAD * sd,
        upper=bias + SPREAD * sd,
        bias_half=t * sd / math.sqrt(n),
        limit_half=t * sd * math.sqrt(3 / n),
    )


def difference_sums(differences: FloatArray) -> FloatArray:
    """What each exam adds to the sums that `from_sums` needs: (exams, 3)."""
    return np.stack([np.ones_like(differences), differences, differences**2], -1)


def from_sums(sums: FloatArray) -> dict[str, FloatArray]:
    """Bias and limits from sums (..., 3); nan for fewer than two exams."""
    n, d, dd = np.moveaxis(sums, -1, 0)
    n = np.where(n >= 2, n, np.nan)
    bias = d / n
    sd = np.sqrt(np.maximum(dd - n * bias**2, 0.0) / (n - 1))
    return {"bias": bias, "lower_limit": bias - SPREAD * sd, "upper_limit": bias + SPREAD * sd}
