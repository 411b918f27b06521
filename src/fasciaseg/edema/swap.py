"""Where a Dixon water image shows fat: the reconstruction took one for the other.

CSF is water and marrow mostly fat, so CSF outshines the vertebral bodies on every water image,
whatever the scanner; where it doesn't, the two were swapped. A back with little fat says nothing of
it, the canal always does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..anatomy.traced import TracedSlice
from ..geometry import FloatArray

#: CSF this many times as bright as marrow or less: swapped. It is 1.2 to 3 times as bright (416
#: levels of 18 Dixon water scans), and 0.1 to 0.3 times where the two are swapped.
SWAPPED = 0.75
#: Between the two it may be a body full of edema. A swap takes the CSF's signal too: it is then
#: this share of what it is at the exam's other levels or less. Below the second number even edema
#: doesn't outshine CSF so far.
CSF_LOST, SURELY_SWAPPED = 0.6, 0.4
#: Fewest points of the network's grid (4 mm²) to judge a level by.
LEAST_CANAL, LEAST_BODY = 15, 30


def swapped_levels(
    parts: Sequence[TracedSlice], territories: Mapping[str, tuple[float, float]]
) -> frozenset[str]:
    """Levels at which the central slices of a Dixon water image show fat.

    Args:
        parts: the central slices.
        territories: {level: (upper z, lower z)}.
    """
    canal = _seen(parts, [p.marks.canal for p in parts])
    body = _seen(parts, [p.marks.body for p in parts])
    seen = {}
    for level, (upper, lower) in territories.items():
        csf, marrow = (v[(z <= upper) & (z > lower)] for v, z in (canal, body))
        if len(csf) >= LEAST_CANAL and len(marrow) >= LEAST_BODY:
            seen[level] = float(np.median(csf)), float(np.median(marrow))
    usual = max((csf for csf, _ in seen.values()), default=0.0)
    return frozenset(
        level
        for level, (csf, marrow) in seen.items()
        if csf <= SURELY_SWAPPED * marrow or (csf <= SWAPPED * marrow and csf <= CSF_LOST * usual)
    )


def _seen(
    parts: Sequence[TracedSlice], marks: Sequence[FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Intensities (n,) and LPS z (n,) where each slice has its mark."""
    values = [p.values_where(mark) for p, mark in zip(parts, marks, strict=True)]
    heights = [p.heights_where(mark) for p, mark in zip(parts, marks, strict=True)]
    return np.concatenate(values), np.concatenate(heights)
