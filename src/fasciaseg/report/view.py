"""A slice on a screen: windowed, with square pixels, and where its pixels went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..geometry import BoolArray, FloatArray, Slice, SliceGeometry
from .canvas import GREYS, Page

#: (left, top, right, bottom) of a part of a slice, in its pixels, measured from the outer corner
#: of the first one.
Box: TypeAlias = tuple[float, float, float, float]

#: Below 1 the dark tissues get more of the grey scale: they must be told apart on a dim screen.
_GAMMA = 0.7
#: The gamma as a table: raising every pixel to a power takes ten times as long.
_GREYS = np.round(np.linspace(0, 1, 4096) ** _GAMMA * 255).astype(np.uint8)


@dataclass(frozen=True)
class Window:
    """Intensities shown as black and as white."""

    low: float
    high: float


@dataclass(frozen=True)
class View:
    """A part of a slice, scaled to a picture of `size` (width, height).

    Attributes:
        geometry: of the whole slice.
        box: the part.
        size: of the picture, in px.
    """

    geometry: SliceGeometry
    box: Box
    size: tuple[int, int]

    @property
    def px_per_mm(self) -> float:
        """Scale of the picture, the same in both directions."""
        return self.size[1] / ((self.box[3] - self.box[1]) * self.geometry.spacing_mm[0])

    def xy(self, rc: FloatArray) -> FloatArray:
        """Map pixel coordinates (..., 2) as (row, column) to the picture's (..., 2) as (x, y)."""
        left, top, right, bottom = self.box
        x = (rc[..., 1] + 0.5 - left) * self.size[0] / (right - left)
        y = (rc[..., 0] + 0.5 - top) * self.size[1] / (bottom - top)
        return np.stack([x, y], axis=-1)

    def level_lines(self, z_mm: FloatArray, columns: FloatArray) -> FloatArray:
        """The patient's horizontal planes at LPS z (n,) between two columns each (n, 2).

        On a slice that is rotated in its plane these lines are slanted.

        Returns:
            (n, 2, 2) xy.
        """
        g = self.geometry
        across = columns * g.spacing_mm[1] * g.column_axis[2]
        rows = (z_mm[:, None] - g.origin_lps_mm[2] - across) / (g.spacing_mm[0] * g.row_axis[2])
        return self.xy(np.stack([rows, columns], axis=-1))

    def picture(self, grey: Image.Image) -> Page:
        """The part of a slice that was `shaded`."""
        large = grey.resize(self.size, Image.Resampling.BICUBIC, box=self.box)
        return Page(np.asarray(large) // np.uint8(256 // GREYS))

    def part(self, box: Box) -> tuple[View, tuple[slice, slice]]:
        """The view of a part at the same scale, and its rows and columns of the picture.

        Cut at whole pixels of the picture, so that nothing has to be scaled again.
        """
        corners = np.array([[box[1], box[0]], [box[3], box[2]]]) - 0.5
        (x0, y0), (x1, y1) = np.rint(self.xy(corners)).astype(int).tolist()
        width, height = self.size
        x0, y0 = min(x0, width - 1), min(y0, height - 1)
        x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
        left, top, right, bottom = self.box
        across, down = (right - left) / width, (bottom - top) / height
        # Rounding must not lead beyond the slice, which Pillow refuses.
        x_end, y_end = min(left + x1 * across, right), min(top + y1 * down, bottom)
        cut = (left + x0 * across, top + y0 * down, x_end, y_end)
        return View(self.geometry, cut, (x1 - x0, y1 - y0)), np.s_[y0:y1, x0:x1]

    def region(self, mask: BoolArray) -> tuple[int, int, BoolArray]:
        """A mask on the picture: upper left corner (x, y) of what is marked, and that part."""
        (left, top, right, bottom), (width, height) = self.box, self.size
        rows = (top + (np.arange(height) + 0.5) * (bottom - top) / height).astype(int)
        columns = (left + (np.arange(width) + 0.5) * (right - left) / width).astype(int)
        y = np.flatnonzero(mask[rows].any(axis=1))
        x = np.flatnonzero(mask[:, columns].any(axis=0))
        if not (len(y) and len(x)):
            return 0, 0, np.zeros((0, 0), bool)
        inside = np.s_[y[0] : y[-1] + 1], np.s_[x[0] : x[-1] + 1]
        return int(x[0]), int(y[0]), mask[np.ix_(rows[inside[0]], columns[inside[1]])]


def shaded(pixels: npt.NDArray[np.float32], window: Window) -> Image.Image:
    """A slice (rows, columns) as greys, "L", through the window and a gamma."""
    width = max(window.high - window.low, 1e-30)
    # `fmax` leaves no NaN: it is black.
    shares = np.fmin(np.fmax((pixels - np.float32(window.low)) / width, 0), 1)
    return Image.fromarray(_GREYS[(shares * (len(_GREYS) - 1)).astype(np.intp)])


def whole(geometry: SliceGeometry) -> Box:
    """The box of the whole slice."""
    rows, columns = geometry.shape
    return (0.0, 0.0, float(columns), float(rows))


def box_around(geometry: SliceGeometry, points_rc: FloatArray, margins_mm: Box) -> Box:
    """The box around points with margins (left, top, right, bottom), inside the slice."""
    row_mm, column_mm = geometry.spacing_mm
    left, top, right, bottom = margins_mm
    r0, c0 = points_rc.min(axis=0) + 0.5
    r1, c1 = points_rc.max(axis=0) + 0.5
    box = (c0 - left / column_mm, r0 - top / row_mm, c1 + right / column_mm, r1 + bottom / row_mm)
    return inside(geometry, box)


def inside(geometry: SliceGeometry, box: Box) -> Box:
    """A box cut to its slice, at least a pixel of it."""
    rows, columns = geometry.shape
    left, top, right, bottom = (float(v) for v in box)
    return (
        min(max(left, 0.0), columns - 1.0),
        min(max(top, 0.0), rows - 1.0),
        min(max(right, 1.0), float(columns)),
        min(max(bottom, 1.0), float(rows)),
    )


def fitting_scale(geometry: SliceGeometry, box: Box, max_width: int, max_height: int) -> float:
    """Px per mm at which a part of a slice just fits."""
    height_mm, width_mm = _size_mm(geometry, box)
    return min(max_width / width_mm, max_height / height_mm)


def view_at(geometry: SliceGeometry, box: Box, px_per_mm: float) -> View:
    """A part of a slice at true aspect ratio."""
    height_mm, width_mm = _size_mm(geometry, box)
    size = (max(1, round(width_mm * px_per_mm)), max(1, round(height_mm * px_per_mm)))
    return View(geometry, box, size)


def _size_mm(geometry: SliceGeometry, box: Box) -> tuple[float, float]:
    left, top, right, bottom = box
    return (bottom - top) * geometry.spacing_mm[0], (right - left) * geometry.spacing_mm[1]


def window_of(slices: Sequence[Slice]) -> Window:
    """One window for all slices: 1st to 99.5th percentile of the tissue.

    Air is most of many pictures, so that percentiles of all pixels would say little.
    """
    # Every third pixel is plenty for a percentile and costs a ninth.
    values = np.concatenate(
        [np.zeros(0, np.float32), *(s.pixels[::3, ::3].ravel() for s in slices)]
    )
    values = values[np.isfinite(values)]
    if not values.size:
        return Window(0.0, 1.0)
    floor, ceiling = np.percentile(values, [1, 99.5])
    tissue = values[values > floor + 0.04 * (ceiling - floor)]
    low, high = np.percentile(tissue, [1, 99.5]) if tissue.size else (floor, ceiling)
    return Window(float(low if low < high else floor), float(high))
