"""Is the fat suppressed where the fascia is read, and is it dry? If not, edema is hard to tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..anatomy.band import FasciaBand
from ..geometry import BoolArray, FloatArray, SliceGeometry

#: Fat is judged this far behind the fascia (mm), up to the skin.
FAT_MM = 6.0
#: A level whose fat is this bright throughout is not suppressed (subcutaneous edema is
#: reticular and leaves dark lobules).
BRIGHT_SHARE = 0.65
#: Suppressed fat is darker than muscle (0.06 to 0.43 of it in 42 scans); unsuppressed fat is 2 to
#: 7 times as bright on T2.
OUTSHINES = 1.5
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
    total = dict.fromkeys(territories, 0.0)
    fluid, bright = total.copy(), total.copy()
    for values, band, skin, geometry in zip(corrected, bands, skins, geometries, strict=True):
        with np.errstate(invalid="ignore"):
            fat = (band.depth_mm > FAT_MM) & ~skin
        z = geometry.heights_mm(np.argwhere(fat))
        pixel = geometry.spacing_mm[0] * geometry.spacing_mm[1]
        for level, (upper, lower) in territories.items():
            mine = values[fat][(z <= upper) & (z > lower)]
            total[level] += len(mine) * pixel
            fluid[level] += float((mine >= limit).sum()) * pixel
            bright[level] += float((mine >= min(limit, OUTSHINES * reference)).sum()) * pixel
    seen = [n for n in territories if total[n] >= LEAST_FAT_MM2]
    failed = frozenset(n for n in seen if bright[n] > BRIGHT_SHARE * total[n])
    wet = frozenset(n for n in seen if fluid[n] > WET_SHARE * total[n])
    return FatState(failed, wet - failed)
