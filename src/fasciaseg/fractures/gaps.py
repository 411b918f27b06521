"""Room between two bodies for one that wasn't found: a vertebra collapsed to a plate.

Its neighbours' centres lie hardly farther from each other than usual, so that counting by steps
misses it and all names above are off by one. The end plates tell: between them lie two discs
and what is left of the body.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..geometry import FloatArray
from .patches import MIDDLE_COLUMN, Outline

#: Room for a body: front, middle and back are all wider than the exam's usual gap by this. On
#: 282 scans of 47 with a body broken in each, gaps between neighbours were wider by 6.5 mm at most,
#: and by 8.1 mm and more where a body was missed (8); on 135 of 45 others by 6.7, and 7.9 and more.
EXCESS_MM = 7.3
#: So much of that is left when what the two bodies beside the gap lack in height is taken off:
#: where an outline holds half of a body only (cement, edema in a hollow), the other half looks
#: like room. Where a body was missed 4.4 mm and more are left; half a body lacks 10 and more.
LEFT_MM = 2.0
#: A body's height is compared with so many bodies above and below.
NEAR = 2
#: Fewer gaps than this don't tell what is usual.
LEAST_GAPS = 4


def roomy(
    slices: Sequence[Sequence[Outline | None]], centers_mm: FloatArray, axes: FloatArray
) -> tuple[int, ...]:
    """Bodies (their index, head to foot) below which there is room for another one.

    Args:
        slices: the outlines of each slice's bodies, head to foot.
        centers_mm, axes: (n, 2) of the bodies, as in `patches.cut`.
    """
    n = len(centers_mm) - 1
    if n < LEAST_GAPS:
        return ()
    each = np.array([[_gap(s, centers_mm, axes, i) for i in range(n)] for s in slices])
    known = np.isfinite(each).all(axis=2).any(axis=0)
    if known.sum() < LEAST_GAPS:
        return ()
    gaps = np.nanmedian(each[:, known], axis=0)
    excess = gaps - np.median(gaps, axis=0)
    lack = _lack(slices)
    left = excess - (lack[:-1] + lack[1:])[known]
    wide = (excess.min(axis=1) > EXCESS_MM) & (left.min(axis=1) > LEFT_MM)
    return tuple(int(i) for i in np.nonzero(known)[0][wide])


def _lack(slices: Sequence[Sequence[Outline | None]]) -> FloatArray:
    """(n, 3) front, middle and back height that each body lacks beside its neighbours, mm."""
    each = np.array(
        [[o.heights_mm if o is not None else np.full(3, np.nan) for o in s] for s in slices]
    )
    heights = np.apply_along_axis(_middle, 0, each)
    usual = np.array(
        [
            np.apply_along_axis(
                _middle,
                0,
                np.concatenate([heights[max(0, i - NEAR) : i], heights[i + 1 : i + 1 + NEAR]]),
            )
            for i in range(len(heights))
        ]
    )
    lack = np.asarray(np.nan_to_num(np.maximum(usual - heights, 0)))
    # What the topmost one lacks, the image's edge has cut off its other end.
    lack[0] = 0
    return lack


def _middle(values: FloatArray) -> float:
    """Median of what is known; NaN where nothing is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _gap(
    outlines: Sequence[Outline | None], centers_mm: FloatArray, axes: FloatArray, i: int
) -> FloatArray:
    """Front, middle and back distance from body `i` to the next, mm; NaN where unknown."""
    above, below = outlines[i], outlines[i + 1]
    if above is None or below is None:
        return np.full(3, np.nan)
    axis = axes[i] + axes[i + 1]
    upper = _plate(above, above.lower, centers_mm[i], axes[i])
    lower = _plate(below, below.upper, centers_mm[i + 1], axes[i + 1])
    return np.asarray((lower - upper) @ (axis / np.linalg.norm(axis)))


def _plate(o: Outline, plate: FloatArray, center: FloatArray, axis: FloatArray) -> FloatArray:
    """(3, 2) front, middle and back of an end plate in the slice, mm."""
    down = np.array([float(np.median(plate[p])) for p in o.parts])
    back = np.array([float(o.columns[p].mean()) - MIDDLE_COLUMN for p in o.parts])
    return np.asarray(center + down[:, None] * axis + back[:, None] * np.array([-axis[1], axis[0]]))
