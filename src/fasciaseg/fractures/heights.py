"""Lost height: each body against what its neighbours say it should have been."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..geometry import FloatArray
from ..result import Degree

#: Usual anterior, middle and posterior heights (mm) of the levels: medians as measured here on
#: labelled scans of patients of folds 0 and 1 (T10-L5); above, 3.5 % of L3 less a level. Only
#: their proportions count.
USUAL_MM: dict[str, tuple[float, float, float]] = {
    **{
        f"T{i}": (21.7 - (10 - i), 21.2 - 0.9 * (10 - i), 22.0 - 0.9 * (10 - i))
        for i in range(1, 11)
    },
    "T11": (22.4, 21.7, 22.9),
    "T12": (24.3, 23.3, 24.8),
    "L1": (26.1, 25.2, 26.0),
    "L2": (27.0, 25.6, 26.9),
    "L3": (28.2, 25.5, 26.4),
    "L4": (28.3, 25.5, 26.0),
    "L5": (29.3, 25.6, 24.6),
}
#: Neighbours up to this many levels away say how tall a body was.
NEIGHBOURS = 3
#: Fewer heights of neighbours than this answer nothing (two bodies).
LEAST_HEIGHTS = 6
#: This share of the neighbours' heights may be lost too (several fractures at once).
ROBUST = 0.6
#: Degrees of the published study (Genant): from these shares on.
DEGREES: tuple[tuple[float, Degree], ...] = ((0.75, ">75"), (0.5, "50-75"), (0.25, "25-50"))


def usual_mm(level: str) -> FloatArray:
    """Usual anterior, middle and posterior height of a level (3,), mm."""
    return np.array(USUAL_MM[level])


def height_losses(levels: Sequence[str], heights_mm: FloatArray) -> FloatArray:
    """Lost share of the anterior, middle and posterior height, (n, 3); NaN where unknown.

    Args:
        levels: names of the bodies, head to foot.
        heights_mm: (n, 3), NaN where not measured.

    Each height is divided by the usual one of its level; what the neighbours have, taken at
    their upper quantile since they may be broken too, is what the body should have.
    """
    usual = np.array([usual_mm(level) for level in levels]).reshape(-1, 3)
    size = heights_mm / usual
    out = np.full(size.shape, np.nan)
    for i in range(len(levels)):
        near = [
            j for j in range(max(0, i - NEIGHBOURS), min(len(levels), i + NEIGHBOURS + 1)) if j != i
        ]
        known = size[near].ravel()
        known = known[np.isfinite(known)]
        if len(known) >= LEAST_HEIGHTS:
            out[i] = 1 - size[i] / np.quantile(known, ROBUST)
    return out


def degree_of(loss: float) -> Degree:
    """The degree of a lost share of height."""
    return next((name for least, name in DEGREES if loss >= least), "<25")
