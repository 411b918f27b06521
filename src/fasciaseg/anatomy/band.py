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
    row = np.arange(rows)
    at = np.interp(row, line_rc[:, 0], line_rc[:, 1])
    lean = np.gradient(ndimage.gaussian_filter1d(at, DIRECTION_MM / 2 / down, mode="nearest"))
    depth = (np.arange(columns)[None, :] - at[:, None]) * across
    foot = np.broadcast_to(row[:, None].astype(float), depth.shape).copy()
    r, c = np.nonzero(np.abs(depth[first : last + 1]) < REACH_MM)
    r += first
    t = r.astype(float)
    for _ in range(STEPS):
        slope, line = _between_rows(t, lean, at)
        off = (r - t) * down**2 + (c - line) * slope * across**2
        t = np.clip(t + off / (down**2 + (slope * across) ** 2), first, last)
    (line,) = _between_rows(t, at)
    distance = np.hypot((r - t) * down, (c - line) * across)
    depth[r, c] = np.where(depth[r, c] >= 0, distance, -distance)
    foot[r, c] = t
    depth[:first] = depth[last + 1 :] = np.nan
    nearest = np.clip(np.round(foot).astype(np.intp) - first, 0, len(line_rc) - 1)
    return FasciaBand(depth, nearest)


def _between_rows(t: FloatArray, *curves: FloatArray) -> list[FloatArray]:
    """Values (n,) of curves given at every row, at rows `t` in between.

    What `numpy.interp` answers, which would search the rows for each value anew.
    """
    above = t.astype(np.intp)
    share = t - above
    # Beyond the last row nothing follows: its own value stands.
    return [np.append(np.diff(curve), 0.0)[above] * share + curve[above] for curve in curves]
