"""Whether numbers may be compared by their means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

from .answer import Rule, shown_p

Floats = npt.NDArray[np.float64]


def mean_like(groups: Sequence[Floats], rule: Rule) -> tuple[bool, str]:
    """Whether a t test (or an analysis of variance) fits, and why.

    Each group has to look normal (Shapiro–Wilk), or be large and not skewed: a t test needs
    normal means, not normal data (Lumley et al., Annu Rev Public Health 2002;23:151).
    """
    why = []
    for values in groups:
        if len(values) < 3:
            return False, f"a group of {len(values)} is too small to look normal"
        if np.ptp(values) == 0:
            why.append("no spread")
            continue
        skewness = float(stats.skew(values))
        if len(values) >= rule.large:
            if abs(skewness) > rule.skewness:
                return False, f"skewness {skewness:.1f} in a group of {len(values)}"
            why.append(f"n ≥ {rule.large} and skewness {skewness:.1f}")
            continue
        # Of more values than this SciPy's P isn't exact; such groups are large.
        p = float(stats.shapiro(values).pvalue)
        if p < rule.normal:
            return False, f"Shapiro–Wilk {shown_p(p)} in a group of {len(values)}"
        why.append(f"Shapiro–Wilk {shown_p(p)}")
    return True, "; ".join(why)
