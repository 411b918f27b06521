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
    out = set()
    for level, (upper, lower) in territories.items():
        csf, marrow = (v[(z <= upper) & (z > lower)] for v, z in (canal, body))
        seen = len(csf) >= LEAST_CANAL and len(marrow) >= LEAST_BODY
        if seen and np.median(csf) <= SWAPPED * np.median(marrow):
            out.add(level)
    return frozenset(out)


def _seen(
    parts: Sequence[TracedSlice], marks: Sequence[FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Intensities (n,) and LPS z (n,) where each slice has its mark."""
    values = [p.values_where(mark) for p, mark in zip(parts, marks, strict=True)]
    heights = [p.heights_where(mark) for p, mark in zip(parts, marks, strict=True)]
    return np.concatenate(values), np.concatenate(heights)
