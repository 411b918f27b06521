"""Marrow edema: a body brighter than the exam's other bodies where fat is suppressed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..geometry import BoolArray, FloatArray
from ..result import MarrowEdema

#: Marrow is taken this far inside the body's outline (mm).
MARGIN_MM = 2.5
#: Edema is at least this many times as bright as the other bodies' marrow there: healthy bodies
#: of folds 0 and 1 differ by up to 1.4. Where the others scatter more, from body to body or from
#: pixel to pixel, it is beyond so many of their robust standard deviations.
LEAST_CONTRAST = 1.5
SCATTER = 2.5
#: Where the scatter asks for more than this, edema can't be told from an uneven image.
MOST_CONTRAST = 2.2
#: Smallest share of the marrow that is an edema, and how much of the marrow lies beyond the reach
#: of an end plate's own changes (Modic), which aren't a fracture.
LEAST_SHARE = 0.25
END_PLATE_MM = 6.0
LEAST_DEEP_SHARE = 0.05
#: A body darker than this share of the others holds cement or metal: nothing can be seen in it.
VOID = 0.45
#: Fewer other bodies than this are no reference.
LEAST_OTHERS = 3
#: The coil changes brightness along the spine by no more than this, per mm (a third a level).
STEEPEST_PER_MM = 0.009
#: What the other bodies' marrow looks like: this quantile of their medians.
QUANTILE = 0.45


@dataclass(frozen=True, eq=False)
class Marrow:
    """The marrow of one body on the central slices.

    Attributes:
        values: (n,) intensities as measured.
        deep: (n,) bool, farther than `END_PLATE_MM` from both end plates.
        gain: how much brighter the coil makes this body, as far as muscle tells.
    """

    values: FloatArray
    deep: BoolArray
    gain: float = 1.0

    @property
    def typical(self) -> float:
        """Median; NaN where there is no marrow."""
        return float(np.median(self.values)) if len(self.values) else float("nan")


UNKNOWN = MarrowEdema(None, None, None)


def judge(bodies: Sequence[Marrow], z_mm: FloatArray) -> list[MarrowEdema]:
    """Marrow edema of every body.

    Args:
        bodies: head to foot; some may hold no marrow.
        z_mm: (n,) heights of their centres.
    """
    typical = np.array([b.typical for b in bodies])
    typical[~(typical > 0)] = np.nan
    scatter = np.array([_scatter(b.values) for b in bodies])
    return [
        _judge(bodies, i, typical, scatter, z_mm) if np.isfinite(typical[i]) else UNKNOWN
        for i in range(len(bodies))
    ]


def _judge(
    bodies: Sequence[Marrow], i: int, typical: FloatArray, scatter: FloatArray, z_mm: FloatArray
) -> MarrowEdema:
    others = [j for j in range(len(bodies)) if j != i and np.isfinite(typical[j])]
    if len(others) < LEAST_OTHERS:
        return UNKNOWN
    log = np.log(typical)
    gain = np.log([b.gain for b in bodies])
    level = _levelled((log - gain)[others], z_mm[others], float(z_mm[i])) + gain[i]
    # Below the middle, since edema only brightens and several bodies may have it. Edema is
    # brighter than the others corrected for the coil and as they are: a correction may be wrong.
    reference = max(
        float(np.exp(np.quantile(level, QUANTILE))),
        float(np.exp(np.quantile(log[others], QUANTILE))),
    )
    if typical[i] < VOID * reference:
        return UNKNOWN
    # The darker half tells the scatter: the brighter one may have edema.
    low, middle = np.quantile(level, [0.25, 0.5])
    between = float(middle - low) / 0.674
    within = float(np.median(scatter[others]))
    asked = max(LEAST_CONTRAST, float(np.exp(SCATTER * max(between, within / 2))))
    body = bodies[i]
    ratio = body.values / reference
    bright = ratio >= asked
    share = float(bright.mean())
    top = float(np.percentile(ratio, 83))
    if asked > MOST_CONTRAST:
        return MarrowEdema(None, round(top, 2), round(share, 3))
    deep = float((bright & body.deep).mean())
    present = share >= LEAST_SHARE and deep >= LEAST_DEEP_SHARE
    return MarrowEdema(present, round(top, 2), round(share, 3))


def _scatter(values: FloatArray) -> float:
    """Robust upper standard deviation of log intensity within a body."""
    if not len(values):
        return float("nan")
    middle, upper = np.percentile(values, [50, 84])
    return float(np.log(max(upper, 1e-9) / max(middle, 1e-9)))


def _levelled(log: FloatArray, z: FloatArray, at: float) -> FloatArray:
    """Log brightness of the other bodies, as if they lay at height `at`.

    A straight line by the median of all slopes (Theil and Sen): up to three in ten bodies may be
    bright without turning it.
    """
    i, j = np.triu_indices(len(z), 1)
    apart = np.where(np.abs(z[i] - z[j]) > 1.0, z[i] - z[j], np.inf)
    slope = np.median((log[i] - log[j]) / apart)
    return np.asarray(log - np.clip(slope, -STEEPEST_PER_MM, STEEPEST_PER_MM) * (z - at))
