"""Stations of one spine as one stack.

A thoracic and a lumbar series of one exam share the scanner's frame of reference. The slices of
one of them (the base, which shows the sacrum) are lengthened by what the others show on the same
plane, so that names counted upward from L5 reach T5 and a fascia is one line from end to end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .anatomy.spine import SliceStack
from .geometry import BoolArray, FloatArray, Slice, SliceGeometry
from .resample import resampled

#: One station fades into the next over this much of their overlap.
FADE_MM = 20.0
#: A slice shows this much of a station beyond its outermost slices.
BESIDE_STEPS = 0.5
#: Planes that differ by more don't show one slice of the body.
STEEPEST_DEG = 15.0
#: Fewest tissue pixels in the overlap that tell how much brighter one station is.
LEAST_OVERLAP = 500
#: Tissue is brighter than this share of the 99th percentile.
TISSUE = 0.1


def joinable(base: SliceStack, other: SliceStack) -> bool:
    """Whether another stack's planes are about parallel to the base's and cover its middle."""
    g, h = base.geometries[len(base) // 2], other.geometries[len(other) // 2]
    if abs(float(np.dot(g.normal, h.normal))) < np.cos(np.radians(STEEPEST_DEG)):
        return False
    normal = np.asarray(h.normal)
    ends = [float(np.asarray(o.center_lps_mm) @ normal) for o in other.geometries]
    middle = float(np.asarray(g.center_lps_mm) @ normal)
    return min(ends) <= middle <= max(ends)


@dataclass(frozen=True)
class _Margins:
    """Pixels that a slice of the base gains on each side."""

    top: int
    bottom: int
    front: int
    back: int

    def around(self, geometry: SliceGeometry) -> SliceGeometry:
        corner = geometry.to_lps(np.array([-self.top, -self.front]))
        rows, columns = geometry.shape
        return replace(
            geometry,
            origin_lps_mm=(float(corner[0]), float(corner[1]), float(corner[2])),
            shape=(rows + self.top + self.bottom, columns + self.front + self.back),
        )


class JoinedStack:
    """The base's slices, lengthened by other stations.

    A joined slice keeps the SOPInstanceUID and the index of the base's slice. Where no station
    shows anything it is 0.

    Attributes:
        geometries: of each joined slice.
    """

    def __init__(self, base: SliceStack, others: Sequence[SliceStack]) -> None:
        """Join stacks whose planes are about parallel and share a frame of reference."""
        self._base = base
        self._others = tuple(others)
        middle = base.geometries[len(base) // 2]
        self._margins = _margins(middle, [g for o in others for g in o.geometries])
        self.geometries: tuple[SliceGeometry, ...] = tuple(
            self._margins.around(g) for g in base.geometries
        )
        self._scales: tuple[float, ...] | None = None
        self._slices: dict[int, Slice] = {}

    def __len__(self) -> int:
        """Number of the base's slices."""
        return len(self._base)

    def __getitem__(self, index: int) -> Slice:
        """A joined slice.

        Raises:
            UnreadableInput: the pixels of a slice can't be decoded.
        """
        if index not in self._slices:
            if self._scales is None:
                middle = len(self) // 2
                self._scales = tuple(self._scale(o, middle) for o in self._others)
            self._slices[index] = self._joined(index, self._scales)
        return self._slices[index]

    def _joined(self, index: int, scales: Sequence[float]) -> Slice:
        pixels, shown = self._placed(index)
        weights = np.where(shown, _fade(shown, self.geometries[index].spacing_mm[0]), 0.0)
        total = pixels * weights
        for other, scale in zip(self._others, scales, strict=True):
            values, seen = seen_on(other, self.geometries[index])
            weight = np.where(seen, _fade(seen, self.geometries[index].spacing_mm[0]), 0.0)
            total += scale * values * weight
            weights += weight
        joined = np.divide(total, weights, out=np.zeros_like(total), where=weights > 0)
        return replace(
            self._base[index],
            pixels=joined.astype(np.float32),
            geometry=self.geometries[index],
        )

    def _placed(self, index: int) -> tuple[FloatArray, BoolArray]:
        """The base's slice on the joined grid, and where it lies."""
        m, s = self._margins, self._base[index]
        pad = ((m.top, m.bottom), (m.front, m.back))
        shown = np.pad(np.ones(s.pixels.shape, bool), pad)
        return np.pad(s.pixels.astype(float), pad), shown

    def _scale(self, other: SliceStack, index: int) -> float:
        """How much brighter the base is than another station, by the tissue both show."""
        pixels, shown = self._placed(index)
        values, seen = seen_on(other, self.geometries[index])
        both = shown & seen
        tissue = both & (pixels > _floor(pixels[shown])) & (values > _floor(values[seen]))
        if tissue.sum() >= LEAST_OVERLAP:
            return float(np.median(pixels[tissue] / values[tissue]))
        own, their = pixels[shown], values[seen]
        if not len(their):
            return 1.0
        bright = float(np.median(their[their > _floor(their)])) if their.any() else 0.0
        return float(np.median(own[own > _floor(own)])) / bright if bright > 0 else 1.0


def _floor(values: FloatArray) -> float:
    """Below this it is air."""
    return TISSUE * float(np.percentile(values, 99)) if values.size else 0.0


def _margins(base: SliceGeometry, others: Sequence[SliceGeometry]) -> _Margins:
    """What has to be added to a slice to show all of other slices' extent."""
    corners = [
        base.to_pixel(g.to_lps(np.array([[0, 0], [g.shape[0] - 1, g.shape[1] - 1]])))
        for g in others
    ]
    rc = np.concatenate(corners)
    low, high = np.floor(rc.min(axis=0)), np.ceil(rc.max(axis=0))
    rows, columns = base.shape
    return _Margins(
        top=max(0, int(-low[0])),
        bottom=max(0, int(high[0]) - rows + 1),
        front=max(0, int(-low[1])),
        back=max(0, int(high[1]) - columns + 1),
    )


def seen_on(stack: SliceStack, geometry: SliceGeometry) -> tuple[FloatArray, BoolArray]:
    """What a stack shows on another slice's grid: values (rows, columns) and where it has any."""
    first = stack.geometries[0]
    normal = np.asarray(first.normal) * (1.0 if first.normal[0] > 0 else -1.0)
    at = np.array([np.asarray(g.center_lps_mm) @ normal for g in stack.geometries])
    step = float(np.median(np.diff(at)))
    origin, down, across = geometry.to_lps(np.array([[0, 0], [1, 0], [0, 1]])) @ normal
    along = _linear(origin, down - origin, across - origin, geometry.shape)
    total, weights = (np.zeros(geometry.shape, np.float32) for _ in range(2))
    reach = step * (1 + BESIDE_STEPS)
    for k in np.nonzero((at >= along.min() - reach) & (at <= along.max() + reach))[0]:
        share = np.clip(1 - np.abs(along - at[k]) / step, 0, 1)
        if k in (0, len(at) - 1):
            outside = (along - at[k]) * (1 if k else -1)
            share = np.where((outside >= 0) & (outside <= BESIDE_STEPS * step), 1.0, share)
        if not share.any():
            continue
        shown = stack.geometries[int(k)]
        place = geometry.to_pixels_of(shown)
        for n, start, (row, column) in zip(shown.shape, place.offset, place.matrix, strict=True):
            rc = _linear(start, row, column, geometry.shape)
            share = share * ((rc >= -0.5) & (rc <= n - 0.5))
        share = share.astype(np.float32)
        total += share * resampled(stack[int(k)].pixels, place, geometry.shape)
        weights += share
    seen = weights > 0
    return np.divide(total, weights, out=np.zeros_like(total), where=seen), seen


def _linear(start: float, by_row: float, by_column: float, shape: tuple[int, int]) -> FloatArray:
    """What grows by so much a row and so much a column, (rows or 1, columns or 1).

    Planes of one exam are mostly parallel: where nothing grows, one value stands for all.
    """
    row, column = (
        np.arange(n if abs(by) * n > 1e-9 else 1)
        for n, by in zip(shape, (by_row, by_column), strict=True)
    )
    return np.asarray(start + by_row * row[:, None] + by_column * column)


def _fade(shown: BoolArray, row_mm: float) -> FloatArray:
    """Weight (rows, columns) of an image that covers `shown`: rising from its upper and lower end.

    Never 0 inside, so that an image which stands alone keeps its pixels.
    """
    rows = np.arange(len(shown))[:, None]
    covered = np.nonzero(shown)[0]
    first, last = (int(covered.min()), int(covered.max())) if len(covered) else (0, 0)
    inward = np.minimum(rows - first, last - rows) * row_mm
    weight = np.clip(inward / FADE_MM, 1e-3, 1.0)
    return np.broadcast_to(weight, shown.shape)
