"""Coordinates along and across the fascia: how deep a pixel lies and which point it belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..geometry import FloatArray, SliceGeometry


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
    """Measure every pixel of a slice against its fascia line (n, 2), one point a row."""
    rows, columns = geometry.shape
    on_line = np.zeros((rows, columns), bool)
    point = np.zeros((rows, columns), np.intp)
    r = line_rc[:, 0].astype(int)
    c = np.clip(np.round(line_rc[:, 1]).astype(int), 0, columns - 1)
    on_line[r, c] = True
    point[r, c] = np.arange(len(r))
    distance, index = ndimage.distance_transform_edt(
        ~on_line, sampling=geometry.spacing_mm, return_indices=True
    )
    at = np.full(rows, np.nan)
    at[r] = line_rc[:, 1]
    behind = np.arange(columns)[None, :] >= at[:, None]
    depth = np.where(behind, distance, -distance)
    depth[np.isnan(at)] = np.nan
    return FasciaBand(depth, point[index[0], index[1]])
