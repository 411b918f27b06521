"""Is the fat suppressed where the fascia is read? If not, fat and edema look alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..anatomy.band import FasciaBand
from ..geometry import BoolArray, FloatArray, SliceGeometry

#: Fat is judged this far behind the fascia (mm), up to the skin.
FAT_MM = 6.0
#: A level whose fat is this bright throughout is not suppressed (subcutaneous edema is
#: reticular and leaves dark lobules).
BRIGHT_SHARE = 0.65
#: Fewest fat pixels to judge a level by, mm².
LEAST_FAT_MM2 = 60.0


def unsuppressed_levels(
    corrected: Sequence[FloatArray],
    bands: Sequence[FasciaBand],
    skins: Sequence[BoolArray],
    geometries: Sequence[SliceGeometry],
    territories: dict[str, tuple[float, float]],
    limit: float,
) -> frozenset[str]:
    """Levels whose subcutaneous fat reaches `limit` (corrected) nearly everywhere."""
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
    return frozenset(
        n for n in territories if total[n] >= LEAST_FAT_MM2 and bright[n] > BRIGHT_SHARE * total[n]
    )
