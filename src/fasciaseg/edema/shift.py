"""How far the patient moved between two series of one exam, in the plane of the slices.

Two contrasts of one body: their grey values depend on each other most where they lie on top of
each other (normalised mutual information). Asked around the back, where a millimetre decides;
that also takes up the chemical shift, which moves fat by a pixel when bandwidths differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
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
    """Points of one slice: bins of the first series there, and the second one's image."""

    rc: FloatArray
    bins: np.ndarray
    image: FloatArray
    edges: FloatArray
    spacing_mm: tuple[float, float]

    @classmethod
    def of(cls, pair: Pair) -> _Points:
        sigma = [SMOOTH_MM / mm for mm in pair.spacing_mm]
        first, second = (ndimage.gaussian_filter(i, sigma) for i in (pair.first, pair.second))
        rc = np.argwhere(pair.where)
        rc = rc[:: max(1, len(rc) // POINTS)]
        at = first[rc[:, 0], rc[:, 1]]
        edges = _edges(second[pair.where])
        bins = np.searchsorted(_edges(at), at)
        return cls(rc.astype(float), bins, second, edges, pair.spacing_mm)

    def half(self, lower: bool) -> _Points:
        middle = np.median(self.rc[:, 0])
        mine = (self.rc[:, 0] > middle) == lower
        return _Points(self.rc[mine], self.bins[mine], self.image, self.edges, self.spacing_mm)

    def together(self, shift_mm: tuple[float, float]) -> np.ndarray:
        """Joint histogram (BINS * BINS,) at a shift."""
        at = self.rc + np.asarray(shift_mm) / np.asarray(self.spacing_mm)
        values = ndimage.map_coordinates(self.image, at.T, order=1, mode="nearest")
        joint = self.bins * BINS + np.searchsorted(self.edges, values)
        return np.bincount(joint, minlength=BINS * BINS)


def _edges(values: FloatArray) -> FloatArray:
    """Bins between the 1st and the 99th percentile."""
    low, high = np.percentile(values, [1, 99])
    return np.linspace(low, max(high, low + 1e-6), BINS + 1)[1:-1]


def _best(
    points: Sequence[_Points], middle: tuple[float, float], reach_mm: float, step_mm: float
) -> tuple[float, float]:
    n = round(reach_mm / step_mm)
    steps = np.arange(-n, n + 1) * step_mm
    best, found = -np.inf, middle
    for down in steps:
        for back in steps:
            shift = (float(middle[0] + down), float(middle[1] + back))
            # Of equal ones the shortest: without features along the back nothing is shifted.
            joint = np.sum([p.together(shift) for p in points], axis=0)
            value = _information(joint) - 1e-6 * float(np.hypot(*shift))
            if value > best:
                best, found = value, shift
    return found


def _information(joint: np.ndarray) -> float:
    """Normalised mutual information (Studholme): 1 for independent images, 2 for the same."""
    p = joint.reshape(BINS, BINS) / max(joint.sum(), 1)

    def entropy(q: FloatArray) -> float:
        q = q[q > 0]
        return float(-(q * np.log(q)).sum())

    both = entropy(p)
    return (entropy(p.sum(axis=0)) + entropy(p.sum(axis=1))) / both if both > 0 else 1.0
