"""Bodies of which only a part was marked: the gap beside them is too wide for a disc.

Half a body full of edema can look like anything but bone to the network. The neighbours tell:
where a gap is wider than the exam's other discs over its whole depth, the body beside it goes on.
A wedge widens it in front only, a hollow end plate in the middle only, and a crushed body not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..geometry import FloatArray
from .heights import usual_mm
from .patches import PARTS, Outline

#: A gap is too wide from this much more than the usual disc on, in front, middle and back (mm).
LEAST_EXCESS_MM = 4.0
#: Fewer gaps than this don't tell what is usual.
LEAST_GAPS = 3


def completed(
    outlines: Sequence[Outline | None],
    centers_mm: FloatArray,
    axes: FloatArray,
    levels: Sequence[str],
) -> tuple[Outline | None, ...]:
    """The outlines of one slice, head to foot, with what was missed at their end plates."""
    out = list(outlines)
    gaps = np.array([_gap(out, centers_mm, axes, i) for i in range(len(out) - 1)]).reshape(-1, 3)
    known = np.isfinite(gaps).all(axis=1)
    if known.sum() < LEAST_GAPS:
        return tuple(out)
    usual = np.median(gaps[known], axis=0)
    for i in np.nonzero(known)[0].tolist():
        excess = gaps[i] - usual
        above, below = out[i], out[i + 1]
        if excess.min() < LEAST_EXCESS_MM or above is None or below is None:
            continue
        # Of the two bodies, the one that looks lower goes on into the gap.
        pair = ((above, levels[i]), (below, levels[i + 1]))
        sizes = [(o.heights_mm / usual_mm(n))[1] for o, n in pair]
        if not np.isfinite(sizes).all():
            continue
        more = float(np.median(excess))
        if sizes[0] < sizes[1]:
            out[i] = replace(above, lower=above.lower + more)
        else:
            out[i + 1] = replace(below, upper=below.upper - more)
    return tuple(out)


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


def _median(values: FloatArray) -> float:
    """Median of a few values, for which `numpy.median` takes ten times as long; NaN if any is."""
    ordered = np.sort(values)
    n = len(ordered)
    if not n or np.isnan(ordered[-1]):
        return float("nan")
    return float(ordered[(n - 1) // 2] + ordered[n // 2]) / 2


def _plate(o: Outline, plate: FloatArray, center: FloatArray, axis: FloatArray) -> FloatArray:
    """(3, 2) front, middle and back of an end plate in the slice, mm."""
    n = len(plate)
    parts = [slice(round(a * n), max(round(b * n), round(a * n) + 1)) for a, b in PARTS]
    down = np.array([_median(plate[p]) for p in parts])
    back = np.array([o.columns[p].mean() - o.middle_column for p in parts])
    return np.asarray(center + down[:, None] * axis + back[:, None] * np.array([-axis[1], axis[0]]))
