"""Rule `axial`: which stretch of fascia belongs to which level.

The boundary between a vertebra and the one below is the axial plane halfway between their
centres; above the highest body and below L5 it lies half the neighbouring distance away.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..vertebrae import LEVELS, SCORED_LEVELS, Vertebra

#: Centre-to-centre distance where only one body was found, mm (an adult's lumbar spine).
TYPICAL_STEP_MM = 34.0


def territories(vertebrae: Sequence[Vertebra]) -> dict[str, tuple[float, float]]:
    """{level: (upper z, lower z)} in LPS mm for the scored levels among `vertebrae`.

    A vertebra missing between two found ones gets its territory by interpolation.
    """
    heights = _with_missing({v.level: v.center_lps_mm[2] for v in vertebrae})
    levels = list(heights)
    if not levels:
        return {}
    z = np.array([heights[n] for n in levels])
    between = (z[:-1] + z[1:]) / 2
    steps = z[:-1] - z[1:]
    first = steps[0] if len(steps) else TYPICAL_STEP_MM
    last = steps[-1] if len(steps) else TYPICAL_STEP_MM
    edges = np.concatenate([[z[0] + first / 2], between, [z[-1] - last / 2]])
    return {
        n: (float(edges[i]), float(edges[i + 1]))
        for i, n in enumerate(levels)
        if n in SCORED_LEVELS
    }


def _with_missing(heights: dict[str, float]) -> dict[str, float]:
    """The same, head to foot, with heights interpolated for levels left out in between."""
    places = sorted(LEVELS.index(n) for n in heights if n != "S1")
    if not places:
        return {}
    z = [heights[LEVELS[p]] for p in places]
    every = range(places[0], places[-1] + 1)
    return {LEVELS[p]: float(np.interp(p, places, z)) for p in every}
