"""The small network that marks vertebral bodies, sacrum, canal and subcutaneous layer on a slice.

It sees a sagittal slice resampled to 2 mm and answers with probabilities. Everything that
follows (names, central slices, fascia) is plain geometry on these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
from scipy import ndimage
from scipy.sparse import csr_matrix

from ..geometry import BoolArray, FloatArray, Slice, SliceGeometry
from .network import Map, Network

#: Pixel size the network was trained at.
PIXEL_MM = 2.0
#: The network halves the image four times.
_MULTIPLE = 16

#: An image that fills less of its matrix than this is looked at without the padding around it: the
#: network's grey scale would follow the padding.
SPARSE = 0.25
#: A mark this sure is a reason to look there, in neighbouring slices too ...
SHOWN = 0.2
#: ... with so many columns of 2 mm beside it ...
MARGIN = 10
#: ... and one this near to the end of what was looked at may go on beyond it.
EDGE = 4

#: First and last column + 1 on the network's grid, a multiple of 16 apart.
Window = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Marks:
    """What the network sees on one slice: probabilities on a 2 mm grid, (rows, columns) each.

    Attributes:
        geometry: the grid's own geometry.
        body: presacral vertebral bodies.
        l5: the body of L5.
        s1: the body of S1.
        canal: the spinal canal.
        subcutaneous: fat and skin behind the fascia.
        l4: the body of L4.
        center: peaks at the bodies' centres.
    """

    geometry: SliceGeometry
    body: Map
    l5: Map
    s1: Map
    canal: Map
    subcutaneous: Map
    l4: Map
    center: Map


#: The network's channels, in its order.
CHANNELS = tuple(f.name for f in fields(Marks) if f.name != "geometry")


class Localizer(Network):
    """The trained network; its output has the channels `CHANNELS`."""

    kind = "a localizer"
    channels = len(CHANNELS)

    def mark(self, slices: Sequence[Slice], window: Window | None = None) -> list[Marks]:
        """Run the network on each slice; with a `window` only there, and nothing lies beside it."""
        return [self._mark(s, window) for s in slices]

    def _mark(self, s: Slice, window: Window | None) -> Marks:
        grid, geometry = to_grid(s)
        # Some scanners and copies lift the whole image; the padding around it is darkest.
        lit = np.maximum(grid - np.percentile(grid, 3), 0)
        box = _within_padding(lit)
        if box is not None:
            part = self._mark_lit(lit[box], None)
            marks = np.zeros((len(CHANNELS), *grid.shape), np.float32)
            marks[:, box[0], box[1]] = part
        else:
            marks = self._mark_lit(lit, window)
        return Marks(geometry, *marks)

    def _mark_lit(self, lit: FloatArray, window: Window | None) -> Map:
        """(channels, rows, columns) of a grid whose padding is 0."""
        rows, columns = lit.shape
        shape = (-(-rows // _MULTIPLE) * _MULTIPLE, -(-columns // _MULTIPLE) * _MULTIPLE)
        padded = np.zeros(shape, np.float32)
        padded[:rows, :columns] = lit
        x = standardised(padded)[None, None]
        first, last = window or (0, shape[1])
        p = self.run(x[..., first:last])
        marks = np.zeros((len(CHANNELS), rows, columns), np.float32)
        last = min(last, columns)
        marks[..., first:last] = p[0, :, :rows, : last - first]
        return marks


def _within_padding(lit: FloatArray) -> tuple[slice, slice] | None:
    """Rows and columns that hold the image, with `MARGIN` around; None where that is most."""
    rows, columns = (np.nonzero((lit > 0).any(axis=axis))[0] for axis in (1, 0))
    if not len(rows):
        return None
    area = (rows[-1] + 1 - rows[0]) * (columns[-1] + 1 - columns[0])
    if area > SPARSE * lit.size:
        return None
    head_foot, front_back = (
        slice(max(0, int(n[0]) - MARGIN), int(n[-1]) + 1 + MARGIN) for n in (rows, columns)
    )
    return head_foot, front_back


def window_around(marks: Marks) -> Window:
    """The columns of the grid that hold what was marked on a slice, and as much beside as may.

    Another slice of the stack shows the same spine, a little to the front or to the back.
    """
    whole = -(-marks.body.shape[1] // _MULTIPLE) * _MULTIPLE
    shown = np.nonzero(_shown(marks))[0]
    if not len(shown):
        return 0, whole
    first = max(0, int(shown[0]) - MARGIN)
    last = min(whole, int(shown[-1]) + 1 + MARGIN)
    first = max(0, last - -(-(last - first) // _MULTIPLE) * _MULTIPLE)
    return first, min(whole, first + -(-(last - first) // _MULTIPLE) * _MULTIPLE)


def leaves(marks: Marks, window: Window) -> bool:
    """Whether something that was marked in a window may go on beyond it."""
    first, last = window
    shown = _shown(marks)
    before = first > 0 and shown[first : first + EDGE].any()
    behind = last < len(shown) and shown[last - EDGE : last].any()
    return bool(before or behind)


def _shown(marks: Marks) -> BoolArray:
    """Which columns of the grid hold any mark (columns,)."""
    return np.asarray(
        np.max([getattr(marks, name).max(axis=0) for name in CHANNELS], axis=0) > SHOWN
    )


def to_grid(s: Slice) -> tuple[FloatArray, SliceGeometry]:
    """A slice on the network's 2 mm grid and that grid's geometry."""
    zoom = np.array([PIXEL_MM / mm for mm in s.geometry.spacing_mm])
    rows, columns = (_sampling(n, float(z)) for n, z in zip(s.geometry.shape, zoom, strict=True))
    grid = np.ascontiguousarray((columns @ (rows @ s.pixels).T).T)
    o = s.geometry.to_lps((zoom - 1) / 2)
    geometry = SliceGeometry(
        origin_lps_mm=(float(o[0]), float(o[1]), float(o[2])),
        column_axis=s.geometry.column_axis,
        row_axis=s.geometry.row_axis,
        spacing_mm=(PIXEL_MM, PIXEL_MM),
        shape=grid.shape,
    )
    return grid, geometry


@lru_cache(maxsize=8)
def _sampling(n: int, zoom: float) -> csr_matrix:
    """Matrix (grid, n) from `n` pixels to the grid's along one axis, same for a stack's slices.

    A Gaussian against aliasing, then the straight line between two pixels: both are linear. The
    matrix is sparse, since a product of dense ones would wake threads which then spin.
    """
    # The first pixels' outer edges lie on top of each other.
    at = np.clip(np.arange(max(1, int(n / zoom))) * zoom + (zoom - 1) / 2, 0, n - 1)
    before = at.astype(int)
    share = (at - before)[:, None]
    smooth = ndimage.gaussian_filter1d(np.eye(n), 0.35 * zoom, axis=0)
    after = smooth[np.minimum(before + 1, n - 1)]
    weights = (1 - share) * smooth[before] + share * after
    return csr_matrix(weights.astype(np.float32))


def standardised(x: FloatArray) -> Map:
    """The scale the network was trained on: root of the intensity, tissue to mean 0, SD 1."""
    top = max(float(np.percentile(x, 99)), 1e-6)
    x = np.sqrt(np.clip(x / top, 0, 1.5))
    tissue = x[x > 0.2]
    mean, std = (float(tissue.mean()), float(tissue.std())) if tissue.size > 50 else (0.5, 0.25)
    return ((x - mean) / max(std, 0.05)).astype(np.float32)
