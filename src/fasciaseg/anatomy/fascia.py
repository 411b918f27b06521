"""The fascia line: where the deep tissue ends and the subcutaneous layer begins.

The network marks the subcutaneous layer in any contrast; the line is the smoothest path from
head to foot along that layer's front, found by dynamic programming, so that a vessel, an edema
or a gap in one place can't pull it away.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from ..geometry import BoolArray, FloatArray, Slice
from ..resample import resampled
from .localizer import Marks

#: The line may move sideways by this share of the way down, one grid row at most.
REACH = 2
#: Cost of a change of one grid column in one row.
BEND = 0.12
#: Mean step of the layer's probability along the line below which no layer was seen.
LEAST_STEP = 0.25
#: Skin with its blur, mm (dermis of the back 2-4 mm, partial volume of a pixel or two).
SKIN_MM = 5.0
#: Blurred by breathing it may look this thick.
THICKEST_SKIN_MM = 12.0
#: It ends where the signal has fallen to this share of its peak.
SKIN_END = 0.6
#: Its thickness changes slowly from head to foot.
SKIN_SMOOTH_MM = 15.0
#: The subcutaneous layer is at least this thick wherever the fascia was traced, mm.
LEAST_FAT_MM = 3.0


def trace_fascia(marks: Marks, s: Slice) -> FloatArray:
    """The fascia line on a slice: (n, 2) as (row, column), head to foot, one point a row.

    Rows without a visible subcutaneous layer are left out at both ends; (0, 2) if none has one.
    """
    gain = front_gain(marks)
    path = _smooth_path(gain)
    grid_rows = np.arange(len(path))
    support = gain[grid_rows, path]
    trusted = ndimage.uniform_filter1d(support, 9, mode="nearest") > LEAST_STEP
    if trusted.sum() < 5:
        return np.empty((0, 2))
    first, last = np.nonzero(trusted)[0][[0, -1]]
    columns = ndimage.gaussian_filter1d(_subpixel(marks.subcutaneous, path), 1.5, mode="nearest")
    rc = np.stack([grid_rows[first : last + 1], columns[first : last + 1]], axis=1).astype(float)
    return _one_point_a_row(marks.geometry.to_pixels_of(s.geometry)(rc), s)


def front_gain(marks: Marks) -> FloatArray:
    """Step of the layer's probability at each grid pixel: 6 mm behind minus 8 mm before."""
    p = marks.subcutaneous
    total = np.cumsum(np.pad(p, ((0, 0), (1, 0))), axis=1)
    n = p.shape[1]
    index = np.arange(n)

    def mean(first: int, stop: int) -> FloatArray:
        a, b = np.clip(index + first, 0, n), np.clip(index + stop, 0, n)
        return np.asarray((total[:, b] - total[:, a]) / np.maximum(b - a, 1))

    return np.asarray(mean(0, 3) - mean(-4, 0))


def _smooth_path(gain: FloatArray) -> np.ndarray:
    rows, columns = gain.shape
    best = gain[0].astype(float)
    came = np.zeros((rows, columns), int)
    moves = np.arange(-REACH, REACH + 1)
    cost = BEND * moves[:, None] ** 2
    every = np.arange(columns)
    # Plain indexing: a window view costs more than the step itself.
    reached = np.arange(2 * REACH + 1)[:, None] + every
    padded = np.full(columns + 2 * REACH, -1e9)
    for r in range(1, rows):
        padded[REACH:-REACH] = best
        options = padded[reached] - cost
        came[r] = options.argmax(axis=0)
        best = gain[r] + options.max(axis=0)
    path = np.zeros(rows, int)
    path[-1] = int(best.argmax())
    for r in range(rows - 1, 0, -1):
        path[r - 1] = path[r] + moves[came[r, path[r]]]
    return path


def _subpixel(p: FloatArray, path: np.ndarray) -> FloatArray:
    """Column at which the probability crosses one half next to the path, in each row."""
    rows = np.arange(len(path))
    # Each row's columns within three of the path, and the one after each.
    near = path[:, None] + np.arange(-3, 3)
    inside = (near >= 0) & (near < p.shape[1] - 1)
    left = np.clip(near, 0, p.shape[1] - 2)
    before, after = p[rows[:, None], left], p[rows[:, None], left + 1]
    crossing = inside & (after >= 0.5) & (before < 0.5)
    nearest = np.where(crossing, np.abs(near + 0.5 - path[:, None]), np.inf).argmin(axis=1)
    low, high = before[rows, nearest], after[rows, nearest]
    share = (0.5 - low) / np.where(high > low, high - low, 1)
    return np.where(crossing.any(axis=1), near[rows, nearest] + share, path - 0.5)


def _one_point_a_row(rc: FloatArray, s: Slice) -> FloatArray:
    order = np.argsort(rc[:, 0])
    rows = np.arange(
        max(0, int(np.ceil(rc[order[0], 0]))),
        min(s.geometry.shape[0] - 1, int(np.floor(rc[order[-1], 0]))) + 1,
    )
    columns = np.interp(rows, rc[order, 0], rc[order, 1])
    inside = (columns >= 0) & (columns <= s.geometry.shape[1] - 1)
    return np.asarray(np.stack([rows, columns], axis=1)[inside], dtype=float)


def skin_mask(marks: Marks, s: Slice, line_rc: FloatArray) -> BoolArray:
    """Pixels of skin and air behind the fascia (rows, columns).

    Skin shines on every contrast used here, most of all next to a surface coil, and blurs with
    every breath. Going inward from the body's surface it ends where its brightness has fallen
    well below its peak; where it never does (fat suppressed badly, or hardly any fat), a usual
    thickness is taken. A back cut off by the image's edge has no surface there.
    """
    rows, columns = s.geometry.shape
    mm = s.geometry.spacing_mm[1]
    surface = _surface_columns(marks, s, line_rc)
    line = np.interp(np.arange(rows), line_rc[:, 0], line_rc[:, 1])
    thickness = _skin_thickness(s, surface, line + LEAST_FAT_MM / 2 / mm)
    length = max(3, int(SKIN_SMOOTH_MM / s.geometry.spacing_mm[0]) | 1)
    thickness = ndimage.percentile_filter(thickness, 75, size=length, mode="nearest")
    column = np.arange(columns)[None, :]
    skin = (column >= (surface - thickness / mm)[:, None]) & (surface < columns)[:, None]
    return np.asarray(skin & (column > (line + LEAST_FAT_MM / 2 / mm)[:, None]))


def _surface_columns(marks: Marks, s: Slice, line_rc: FloatArray) -> FloatArray:
    """Column of the body's surface in each row (rows,); the number of columns where cut off."""
    rows, columns = s.geometry.shape
    place = s.geometry.to_pixels_of(marks.geometry)
    line = np.interp(np.arange(rows), line_rc[:, 0], line_rc[:, 1])
    # Nothing before the line is looked at.
    front = int(line.min())
    place = replace(place, offset=place(np.array([0, front])))
    layer = resampled(marks.subcutaneous, place, (rows, columns - front))
    behind_mm = (np.arange(front, columns)[None, :] - line[:, None]) * s.geometry.spacing_mm[1]
    outside = (layer < 0.5) & (behind_mm > LEAST_FAT_MM)
    surface = np.where(outside.any(axis=1), front + outside.argmax(axis=1), columns)
    length = max(3, int(SKIN_SMOOTH_MM / s.geometry.spacing_mm[0]) | 1)
    return np.asarray(ndimage.median_filter(surface.astype(float), length, mode="nearest"))


def _skin_thickness(s: Slice, surface: FloatArray, first: FloatArray) -> FloatArray:
    """Thickness of the skin in each row (rows,), mm; a usual one where no surface is seen.

    Args:
        s: the slice.
        surface: column of the body's surface in each row.
        first: column at which the fat begins.
    """
    columns, mm = s.geometry.shape[1], s.geometry.spacing_mm[1]
    thickness = np.full(len(surface), SKIN_MM)
    seen = np.nonzero(surface < columns)[0]
    if not len(seen):
        return thickness
    end = surface[seen].astype(int)
    start = np.maximum(first[seen].astype(int), (surface[seen] - THICKEST_SKIN_MM / mm).astype(int))
    length = np.maximum(end + 1 - start, 0)
    sigma = (1.0 / s.geometry.spacing_mm[0], 0.5 / mm)
    # Smoothed from a little before the first column that is read: the filter reaches 4 sigma.
    front = max(0, int(start.min()) - int(4 * sigma[1]) - 2)
    smooth = ndimage.gaussian_filter(s.pixels[:, front:], sigma)
    # Profiles inward from the surface (seen rows, depth), -inf beyond their end.
    inward = np.arange(max(int(length.max()), 1))
    at = np.maximum(end[:, None] - inward - front, 0)
    within = inward < length[:, None]
    profile = np.where(within, smooth[seen[:, None], at], -np.inf)
    peak = profile.argmax(axis=1)
    highest = profile.max(axis=1, keepdims=True)
    fallen = within & (inward >= peak[:, None]) & (profile < SKIN_END * highest)
    pixels = np.where(fallen.any(axis=1), fallen.argmax(axis=1) + 1.0, length / 2)
    thickness[seen] = np.where(length < 3, length, pixels) * mm
    return thickness
