"""Rule `spinous`: at which height the spinous processes end.

The localizer marks no spinous processes, so their ends are predicted from the bodies: each lies
at a place that hardly varies in the frame of its own body. The places were measured on 31 T2
scans whose labels hold the posterior elements (SPIDER: van der Graaf et al., Sci Data 2024, doi
10.1038/s41597-024-03090-w) by `models/validation/spinous.py`; `docs/levels.md` has the errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..geometry import FloatArray
from ..vertebrae import LEVELS


@dataclass(frozen=True)
class Tip:
    """Where the posterior end of a spinous process lies, seen from the centre of its body.

    Attributes:
        down: towards the feet along the spine, in steps from centre to centre.
        back: backwards at a right angle to the spine, in the same steps.
    """

    down: float
    back: float


#: Levels whose process was measured on too few scans or on none.
EXTRAPOLATED: tuple[str, ...] = LEVELS[: LEVELS.index("T11")]
#: Means of 13 (T11) and 28 to 31 processes. T10: of three only. Above it nothing was measured: on
#: 15 cadavers the spinous process of a thoracic vertebra ended at the transverse processes of the
#: next one below (Geelhoed et al., J Orthop Sports Phys Ther 2006;36:876-881), and these leave
#: the upper half of the body, taken as a quarter step above its centre; how far back is T10's.
TIPS: dict[str, Tip] = {
    **dict.fromkeys(EXTRAPOLATED, Tip(0.75, 2.26)),
    "T10": Tip(0.59, 2.26),
    "T11": Tip(0.38, 1.97),
    "T12": Tip(0.22, 1.83),
    "L1": Tip(0.18, 1.85),
    "L2": Tip(0.16, 1.83),
    "L3": Tip(0.20, 1.83),
    "L4": Tip(0.26, 1.81),
    "L5": Tip(0.14, 1.70),
}
#: Levels with at least one border that rests on such a process.
UNCERTAIN: frozenset[str] = frozenset({*EXTRAPOLATED, "T11"})
#: Two ends are at least this share of their bodies' distance apart (the smallest measured: 0.5).
LEAST_APART = 0.3


def tip_heights(
    centers: Mapping[str, FloatArray], typical_step_mm: float, tips: Mapping[str, Tip] = TIPS
) -> dict[str, float]:
    """LPS z of the ends of the spinous processes, strictly falling from head to foot.

    A process hangs down, so the one of the vertebra above the topmost body found faces the fascia
    in view: its body is taken to lie one step further up.

    Args:
        centers: {level: (x, y, z)} without gaps, head to foot, LPS mm.
        typical_step_mm: distance of two centres where there is only one.
        tips: where they end; the validation leaves patients out of these.
    """
    if not centers:
        return {}
    levels = list(centers)
    yz = np.array([centers[n][1:] for n in levels], dtype=float)
    first = yz[1] - yz[0] if len(yz) > 1 else np.array([0.0, -typical_step_mm])
    above = LEVELS.index(levels[0]) - 1
    if above >= 0:
        levels.insert(0, LEVELS[above])
        yz = np.concatenate([[yz[0] - first], yz])
    steps = np.gradient(yz, axis=0) if len(yz) > 1 else first[None]
    down = np.array([tips[n].down for n in levels])
    back = np.array([tips[n].back for n in levels])
    # Backwards at a right angle to a step (y, z) is (-z, y).
    z = yz[:, 1] + down * steps[:, 1] + back * steps[:, 0]
    least = LEAST_APART * np.linalg.norm(np.diff(yz, axis=0), axis=1)
    return dict(zip(levels, _falling(z, least).tolist(), strict=True))


def _falling(z: FloatArray, least: FloatArray) -> FloatArray:
    """The nearest heights (least squares) that fall by at least `least` from each to the next.

    In a strong lordosis neighbouring processes touch, and predicted ones may cross. It is isotonic
    regression by its min-max formula (Barlow et al., Statistical Inference under Order
    Restrictions, 1972).
    """
    fallen = np.concatenate([[0.0], np.cumsum(least)])
    y = z + fallen
    n = len(y)
    sums = np.concatenate([[0.0], np.cumsum(y)])
    means = [[(sums[k + 1] - sums[j]) / (k + 1 - j) for k in range(j, n)] for j in range(n)]
    fitted = [min(max(means[j][i - j :]) for j in range(i + 1)) for i in range(n)]
    return np.asarray(np.array(fitted) - fallen)
