"""Is the fat suppressed where the fascia is read, and is it dry? If not, edema is hard to tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..anatomy.band import FasciaBand
from ..geometry import BoolArray, FloatArray, SliceGeometry

#: Fat is judged this far behind the fascia (mm) and beyond this share of its thickness, up to the
#: skin: edema of the fascia fills the near part at most.
FAT_MM = 6.0
FAR_SHARE = 0.6
#: What is left there is at least this thick on average, or edema may fill it.
LEAST_THICK_MM = 6.0
#: A level whose fat is this bright throughout is not suppressed (subcutaneous edema is
#: reticular and leaves dark lobules).
BRIGHT_SHARE = 0.65
#: In a thin back fat is judged from here on, and has to shine at more of the heights than this:
#: thick edema fills all of the fat at its own.
THIN_FAT_MM = 2.0
LEAST_HEIGHTS = 0.6
#: Suppressed fat is darker than muscle (0.06 to 0.43 of it in 42 scans); unsuppressed fat is 2 to
#: 7 times as bright on T2.
OUTSHINES = 1.5
#: Noise leaves half of a fat that is just as bright below the limit: a little darker still shines.
NEARLY = 0.95
#: A level whose fat is this bright in part holds fluid.
WET_SHARE = 0.15
#: Fewest fat pixels to judge a level by, mm².
LEAST_FAT_MM2 = 60.0


@dataclass(frozen=True)
class FatState:
    """How the subcutaneous fat looks, level by level.

    Attributes:
        unsuppressed: levels whose fat shines nearly everywhere.
        wet: levels whose fat shines in part, as with subcutaneous edema.
    """

    unsuppressed: frozenset[str]
    wet: frozenset[str]


def judge_fat(
    corrected: Sequence[FloatArray],
    bands: Sequence[FasciaBand],
    skins: Sequence[BoolArray],
    geometries: Sequence[SliceGeometry],
    territories: Mapping[str, tuple[float, float]],
    limit: float,
    reference: float,
) -> FatState:
    """Judge each level's subcutaneous fat by how much of it shines (intensities corrected).

    Args:
        corrected, bands, skins, geometries: of the central slices.
        territories: {level: (upper z, lower z)}.
        limit: from here on it is fluid.
        reference: muscle, which suppressed fat doesn't outshine.
    """
    far, near, whole = _Shares(), _Shares(), _Shares()
    for values, band, skin, geometry in zip(corrected, bands, skins, geometries, strict=True):
        with np.errstate(invalid="ignore"):
            fat = (band.depth_mm > 0) & ~skin
            thickness = np.where(fat, band.depth_mm, 0.0).max(axis=1, keepdims=True)
            back = fat & (band.depth_mm > THIN_FAT_MM)
            behind = (band.depth_mm > FAT_MM)[back]
            far_part = behind & (band.depth_mm > FAR_SHARE * thickness)[back]
        z, v = geometry.heights_mm(np.argwhere(back)), values[back]
        outshines, shines = v >= NEARLY * min(limit, OUTSHINES * reference), v >= limit
        mm2 = geometry.spacing_mm[0] * geometry.spacing_mm[1]
        for level, (upper, lower) in territories.items():
            mine = (z <= upper) & (z > lower)
            for shares, which in ((far, mine & far_part), (near, mine & behind), (whole, mine)):
                shares.add(level, outshines[which], shines[which], mm2, upper - lower)
    seen = [n for n in territories if far.thickness_mm(n) >= LEAST_THICK_MM]
    failed = {n for n in seen if far.bright(n) > BRIGHT_SHARE}
    # A thin back has no far part. If its fat shines at many heights, none is suppressed.
    shown = [n for n in territories if near.area_mm2[n] >= LEAST_FAT_MM2]
    thin = [n for n in territories if whole.area_mm2[n] > 0]
    shining = [n for n in thin if whole.bright(n) > BRIGHT_SHARE]
    if near.bright(*shown) > BRIGHT_SHARE and len(shining) > LEAST_HEIGHTS * len(thin):
        failed |= set(territories)
    wet = {n for n in shown if near.fluid(n) > WET_SHARE}
    return FatState(frozenset(failed), frozenset(wet - failed))


class _Shares:
    """How much of each level's fat shines, summed over slices."""

    def __init__(self) -> None:
        self.area_mm2: defaultdict[str, float] = defaultdict(float)
        self._height_mm: defaultdict[str, float] = defaultdict(float)
        self._bright_mm2: defaultdict[str, float] = defaultdict(float)
        self._fluid_mm2: defaultdict[str, float] = defaultdict(float)

    def add(
        self, level: str, bright: BoolArray, fluid: BoolArray, pixel_mm2: float, height_mm: float
    ) -> None:
        """One slice's pixels (n,) of a level."""
        self.area_mm2[level] += len(bright) * pixel_mm2
        self._height_mm[level] += height_mm
        self._bright_mm2[level] += float(bright.sum()) * pixel_mm2
        self._fluid_mm2[level] += float(fluid.sum()) * pixel_mm2

    def thickness_mm(self, level: str) -> float:
        """Mean thickness over the level's height and the slices."""
        return self.area_mm2[level] / max(self._height_mm[level], 1e-6)

    def bright(self, *levels: str) -> float:
        """Share of these levels' fat that outshines muscle."""
        area = sum(self.area_mm2[n] for n in levels)
        return sum(self._bright_mm2[n] for n in levels) / max(area, 1e-6)

    def fluid(self, level: str) -> float:
        """Share as bright as fluid."""
        return self._fluid_mm2[level] / max(self.area_mm2[level], 1e-6)
