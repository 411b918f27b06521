"""Coordinates along and across the fascia: how deep a pixel lies and which point it belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..geometry import FloatArray, SliceGeometry

#: Farther from the line than this, distances are measured across the columns only.
REACH_MM = 40.0
#: The foot of a perpendicular is found by this many steps; the line is smooth.
STEPS = 4
#: Length of line over which its direction is taken.
DIRECTION_MM = 4.0


@dataclass(frozen=True, eq=False)
class FasciaBand:
    """Every pixel of a slice seen from its fascia line.

    Attributes:
        depth_mm: (rows, columns) distance to the line, negative before it (muscle), positive
            behind it (subcutaneous fat), NaN above and below the line's ends.
        nearest: (rows, columns) index of the nearest point of the line.
    """

    depth_mm: FloatArray
    nearest: npt.NDArray[np.intp]


def fascia_band(line_rc: FloatArray, geometry: SliceGeometry) -> FasciaBand:
    """Measure every pixel of a slice against its fascia line (n, 2), one point a row.

    The nearest point is the foot of the perpendicular on the smooth line; on a leaning line the
    nearest pixel of a drawn one would skip most of its points.
    """
    rows, columns = geometry.shape
    down, across = geometry.spacing_mm
    first, last = int(line_rc[0, 0]), int(line_rc[-1, 0])
    every = np.arange(rows)
    at = np.interp(every, line_rc[:, 0], line_rc[:, 1])
    lean = np.gradient(ndimage.gaussian_filter1d(at, DIRECTION_MM / 2 / down, mode="nearest"))
    lean, at = lean.astype(np.float32), at.astype(np.float32)
    depth = np.full(geometry.shape, np.nan, np.float32)
    c = np.arange(columns, dtype=np.float32)
    depth[first : last + 1] = (c - at[first : last + 1, None]) * across
    foot = np.repeat(every[:, None], columns, axis=1)
    # The part that may lie within reach; single precision is a ten-thousandth of a pixel.
    seen = at[first : last + 1]
    left = max(0, int(seen.min() - REACH_MM / across))
    near = np.s_[first : last + 1, left : int(seen.max() + REACH_MM / across) + 2]
    r = every[first : last + 1, None].astype(np.float32)
    c = c[near[1]]
    t = np.broadcast_to(r, (len(r), len(c)))
    for _ in range(STEPS):
        slope, line = _between_rows(t, lean, at)
        off = (r - t) * down**2 + (c - line) * slope * across**2
        t = np.clip(t + off / (down**2 + (slope * across) ** 2), first, last)
    (line,) = _between_rows(t, at)
    distance = np.hypot((r - t) * down, (c - line) * across)
    within = np.abs(depth[near]) < REACH_MM
    np.copyto(depth[near], np.copysign(distance, depth[near]), where=within)
    np.copyto(foot[near], np.rint(t).astype(np.intp), where=within)
    return FasciaBand(depth, np.clip(foot - first, 0, len(line_rc) - 1))


def _between_rows(t: FloatArray, *curves: FloatArray) -> list[FloatArray]:
    """Values (n,) of curves given at every row, at rows `t` in between.

    What `numpy.interp` answers, which would search the rows for each value anew.
    """
    row = np.floor(t)
    share = t - row
    above = row.astype(np.intp)
    # Beyond the last row nothing follows: its own value stands.
    return [np.diff(curve, append=curve[-1:])[above] * share + curve[above] for curve in curves]
