"""How far the patient moved between two series of one exam, in the plane of the slices.

Two contrasts of one body: their grey values depend on each other most where they lie on top of
each other (normalised mutual information). Asked around the back, where a millimetre decides;
that also takes up the chemical shift, which moves fat by a pixel when bandwidths differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..geometry import BoolArray, FloatArray

#: Shifts are looked for up to this far ...
FARTHEST_MM = 9.0
#: ... in ever finer steps.
STEPS_MM = (1.5, 0.5, 0.25)
#: The halves of the back are compared in steps of this, up to so far from the whole.
HALF_STEP_MM, HALF_MM = 0.75, 3.0
#: Both images are smoothed by this much: noise and interpolation must not decide.
SMOOTH_MM = 0.6
#: No point is looked for farther away: whole back and half of it.
REACH_MM = FARTHEST_MM + sum(STEPS_MM[:-1]) + HALF_MM
#: Points compared; more don't change the answer.
POINTS = 3500
BINS = 20


@dataclass(frozen=True)
class Shift:
    """The shift that lays the second series onto the first.

    Attributes:
        down_mm, back_mm: by how much the body lies lower and farther back in the second series.
        spread_mm: how far the upper and the lower half of the back disagree.
        at_limit: the best shift lies at the end of what was looked for.
    """

    down_mm: float
    back_mm: float
    spread_mm: float
    at_limit: bool

    @property
    def length_mm(self) -> float:
        """How far."""
        return float(np.hypot(self.down_mm, self.back_mm))


@dataclass(frozen=True, eq=False)
class Pair:
    """One slice in both series on one grid, and where they are compared."""

    first: FloatArray
    second: FloatArray
    where: BoolArray
    spacing_mm: tuple[float, float]


def find_shift(pairs: Sequence[Pair]) -> Shift:
    """Find the shift; the slices are compared together, then by upper and lower half."""
    points = [_Points.of(p) for p in pairs if p.where.any()]
    if not points:
        return Shift(0.0, 0.0, np.inf, at_limit=True)
    whole, reach = (0.0, 0.0), FARTHEST_MM
    for step in STEPS_MM:
        whole = _best(points, whole, reach, step)
        reach = step
    halves = [
        _best([p.half(lower) for p in points], whole, HALF_MM, HALF_STEP_MM)
        for lower in (False, True)
    ]
    (up_down, up_back), (low_down, low_back) = halves
    return Shift(
        whole[0],
        whole[1],
        float(np.hypot(up_down - low_down, up_back - low_back)),
        max(abs(whole[0]), abs(whole[1])) > FARTHEST_MM - STEPS_MM[0],
    )


@dataclass(frozen=True, eq=False)
class _Points:
    """Points of one slice: bins of the first series there, and the second one's image around.

    Attributes:
        bins: (n,) of the first series, times `BINS`.
        image: (rows, columns) the second series in bins (not rounded), so far around the points
            that no shift leads out of it.
        at: (n,) places of the points in the flattened image.
        spacing_mm: of the image.
    """

    bins: npt.NDArray[np.intp]
    image: FloatArray
    at: npt.NDArray[np.intp]
    spacing_mm: tuple[float, float]

    @classmethod
    def of(cls, pair: Pair) -> _Points:
        sigma = [SMOOTH_MM / mm for mm in pair.spacing_mm]
        window, edges = [], []
        for axis, mm in enumerate(pair.spacing_mm):
            n, away = pair.where.shape[axis], int(REACH_MM / mm) + 2
            inside = np.nonzero(pair.where.any(axis=1 - axis))[0]
            low, high = int(inside[0]) - away, int(inside[-1]) + 1 + away
            window.append(slice(max(low, 0), min(high, n)))
            edges.append((max(-low, 0), max(high - n, 0)))
        rows, columns = window
        where = pair.where[rows, columns]
        first, second = (
            ndimage.gaussian_filter(image[rows, columns].astype(np.float32), sigma)
            for image in (pair.first, pair.second)
        )
        rc = np.argwhere(where)
        rc = rc[:: max(1, len(rc) // POINTS)]
        values = first[rc[:, 0], rc[:, 1]]
        bins = np.clip(_in_bins(values, values), 0, BINS - 1).astype(np.intp)
        image = np.pad(_in_bins(second, second[where]), edges, mode="edge")
        at = np.ravel_multi_index(tuple((rc + [before for before, _ in edges]).T), image.shape)
        return cls(bins * BINS, image, at, pair.spacing_mm)

    def half(self, lower: bool) -> _Points:
        row = self.at // self.image.shape[1]
        mine = (row > np.median(row)) == lower
        return replace(self, bins=self.bins[mine], at=self.at[mine])

    def together(self, down_mm: float, back_mm: FloatArray) -> npt.NDArray[np.intp]:
        """Joint histograms (n, BINS * BINS) at shifts by so much down and (n,) back."""
        # All points lie on pixels: one shift puts all of them at the same place between four.
        rows, down = divmod(down_mm / self.spacing_mm[0], 1)
        columns, back = np.divmod(back_mm / self.spacing_mm[1], 1)
        image = self.image
        if down:
            image = image.copy()
            image[:-1] += np.float32(down) * (self.image[1:] - self.image[:-1])
        out = []
        for column, share in zip(columns.astype(int), back.astype(np.float32), strict=True):
            at = self.at + (int(rows) * image.shape[1] + column)
            values = image.take(at)
            if share:
                values += share * (image.take(at + 1) - values)
            bins = np.clip(values, 0, BINS - 1).astype(np.intp)
            out.append(np.bincount(self.bins + bins, minlength=BINS * BINS))
        return np.array(out)


def _in_bins(image: FloatArray, values: FloatArray) -> FloatArray:
    """An image in units of `BINS` equal bins between the 1st and the 99th percentile of values."""
    low, high = np.percentile(values, [1, 99])
    return np.asarray((image - low) * (BINS / max(high - low, 1e-6)), np.float32)


def _best(
    points: Sequence[_Points], middle: tuple[float, float], reach_mm: float, step_mm: float
) -> tuple[float, float]:
    n = round(reach_mm / step_mm)
    down, back = (m + np.arange(-n, n + 1) * step_mm for m in middle)
    joint = np.concatenate([sum(p.together(float(d), back) for p in points) for d in down])
    shifts = np.stack([g.ravel() for g in np.meshgrid(down, back, indexing="ij")], axis=1)
    # Of equal ones the shortest: without features along the back nothing is shifted.
    best = int((_information(joint) - 1e-6 * np.hypot(*shifts.T)).argmax())
    return float(shifts[best, 0]), float(shifts[best, 1])


def _information(joint: npt.NDArray[np.intp]) -> FloatArray:
    """Normalised mutual information (Studholme) of joint histograms (n, BINS * BINS), (n,).

    1 for independent images, 2 for the same.
    """
    p = joint.reshape(-1, BINS, BINS) / np.maximum(joint.sum(axis=1), 1)[:, None, None]

    def entropy(q: FloatArray) -> FloatArray:
        return np.asarray(-(q * np.log(np.where(q > 0, q, 1))).reshape(len(q), -1).sum(axis=1))

    both = entropy(p)
    each = entropy(p.sum(axis=1)) + entropy(p.sum(axis=2))
    return np.divide(each, both, out=np.ones_like(both), where=both > 0)
