"""Intraclass correlation ICC(2,1): two-way random effects, absolute agreement, one rater.

Sources: Shrout and Fleiss, Psychol Bull 1979;86:420-428 (the coefficient; they call it
ICC(2,1)); McGraw and Wong, Psychol Methods 1996;1:30-46 (they call it ICC(A,1); the interval,
table 7).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import f as f_distribution

from ..geometry import FloatArray

#: Columns of `pair_sums`.
N_SUMS = 6
_TINY = 1e-12


@dataclass(frozen=True)
class MeanSquares:
    """Mean squares of a two-way table of n subjects by k raters; fields may be stacks."""

    n: FloatArray
    k: int
    rows: FloatArray
    columns: FloatArray
    error: FloatArray


def mean_squares(ratings: FloatArray) -> MeanSquares:
    """Of ratings (subjects, raters), at least two of each."""
    n, k = ratings.shape
    grand = ratings.mean()
    of_rows = k * float(((ratings.mean(1) - grand) ** 2).sum())
    of_columns = n * float(((ratings.mean(0) - grand) ** 2).sum())
    rest = float(((ratings - grand) ** 2).sum()) - of_rows - of_columns
    return MeanSquares(
        np.asarray(float(n)),
        k,
        np.asarray(of_rows / (n - 1)),
        np.asarray(of_columns / (k - 1)),
        np.asarray(max(rest, 0.0) / ((n - 1) * (k - 1))),
    )


def pair_sums(x: FloatArray, y: FloatArray) -> FloatArray:
    """What two raters' values add to the sums that `from_sums` needs: (subjects, N_SUMS)."""
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], -1)


def from_sums(sums: FloatArray) -> MeanSquares:
    """Mean squares of two raters from sums (..., N_SUMS); nan for fewer than two subjects."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    n = np.where(n >= 2, n, np.nan)
    grand = (x + y) / (2 * n)
    of_rows = (xx + 2 * xy + yy) / 2 - 2 * n * grand**2
    of_columns = n * ((x / n - grand) ** 2 + (y / n - grand) ** 2)
    rest = np.maximum(xx + yy - 2 * n * grand**2 - of_rows - of_columns, 0.0)
    return MeanSquares(n, 2, of_rows / (n - 1), of_columns, rest / (n - 1))


def coefficient(ms: MeanSquares) -> FloatArray:
    """ICC(2,1); nan where nothing varies."""
    total = ms.rows + (ms.k - 1) * ms.error + ms.k * (ms.columns - ms.error) / ms.n
    fits = np.abs(total) > _TINY
    return np.asarray(np.where(fits, (ms.rows - ms.error) / np.where(fits, total, 1), np.nan))


def interval(ms: MeanSquares, level: float) -> tuple[float, float] | None:
    """McGraw and Wong's interval of ICC(2,1); None where it has no width (complete agreement)
    or makes no sense."""
    n, k = float(ms.n), ms.k
    r, c, e = float(ms.rows), float(ms.columns), float(ms.error)
    rho = float(coefficient(ms))
    if not np.isfinite(rho) or rho >= 1 - _TINY:
        return None
    a = k * rho / (n * (1 - rho))
    b = 1 + k * rho * (n - 1) / (n * (1 - rho))
    below = (a * c) ** 2 / (k - 1) + (b * e) ** 2 / ((n - 1) * (k - 1))
    if below <= _TINY**2:
        return None
    v = (a * c + b * e) ** 2 / below
    tail = (1 + level) / 2
    f_low = float(f_distribution.ppf(tail, n - 1, v))
    f_high = float(f_distribution.ppf(tail, v, n - 1))
    if not (np.isfinite(f_low) and np.isfinite(f_high)):
        return None
    rest = k * c + (k * n - k - n) * e
    low = n * (r - f_low * e) / (f_low * rest + n * r)
    high = n * (f_high * r - e) / (rest + n * f_high * r)
    # Far below 0, where raters differ more than subjects, the formula breaks down.
    return (low, min(high, 1.0)) if low <= rho <= high else None
