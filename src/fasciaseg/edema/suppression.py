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
) -> FatState:
    """Judge each level's subcutaneous fat by the share of it that reaches `limit` (corrected)."""
    bright = dict.fromkeys(territories, 0.0)
    total = dict.fromkeys(territories, 0.0)
    for values, band, skin, geometry in zip(corrected, bands, skins, geometries, strict=True):
        with np.errstate(invalid="ignore"):
            fat = (band.depth_mm > FAT_MM) & ~skin
        where = np.argwhere(fat)
        z = geometry.heights_mm(where)
        above = values[fat] >= limit
        pixel = geometry.spacing_mm[0] * geometry.spacing_mm[1]
        for level, (upper, lower) in territories.items():
            mine = (z <= upper) & (z > lower)
            bright[level] += float(above[mine].sum()) * pixel
            total[level] += float(mine.sum()) * pixel
    shares = {n: bright[n] / total[n] for n in territories if total[n] >= LEAST_FAT_MM2}
    return FatState(
        unsuppressed=frozenset(n for n, share in shares.items() if share > BRIGHT_SHARE),
        wet=frozenset(n for n, share in shares.items() if WET_SHARE < share <= BRIGHT_SHARE),
    )
