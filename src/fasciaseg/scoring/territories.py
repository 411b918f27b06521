"""Which stretch of fascia belongs to which level.

Every level has a height, and the boundary between two is the axial plane halfway between theirs;
beyond the first and the last it lies half the neighbouring distance away. Under the rule `axial`
a level's height is that of its body's centre, under `spinous` that of its spinous process' end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..geometry import FloatArray
from ..vertebrae import LEVELS, SCORED_LEVELS, Vertebra
from .spinous import tip_heights

#: Centre-to-centre distance where only one body was found, mm (an adult's lumbar spine).
TYPICAL_STEP_MM = 34.0


def territories(
    vertebrae: Sequence[Vertebra], rule: str = "axial"
) -> dict[str, tuple[float, float]]:
    """{level: (upper z, lower z)} in LPS mm for the scored levels among `vertebrae`.

    A vertebra missing between two found ones gets its territory by interpolation. The rule
    `spinous` adds the level above the topmost one, whose process hangs down into view.
    """
    centers = _with_missing({v.level: np.array(v.center_lps_mm) for v in vertebrae})
    if rule == "spinous":
        return _between(tip_heights(centers, TYPICAL_STEP_MM))
    return _between({n: float(c[2]) for n, c in centers.items()})


def _between(heights: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Stretches around heights that are given head to foot."""
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


def _with_missing(centers: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """The same, head to foot, with centres interpolated for levels left out in between."""
    places = sorted(LEVELS.index(n) for n in centers if n != "S1")
    if not places:
        return {}
    known = np.array([centers[LEVELS[p]] for p in places])
    every = np.arange(places[0], places[-1] + 1)
    found = np.stack([np.interp(every, places, known[:, axis]) for axis in range(3)], axis=1)
    return {LEVELS[p]: c for p, c in zip(every, found, strict=True)}
