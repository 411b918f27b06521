"""The names of the levels and the regions that the published study groups them into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # geometry loads numpy, which nobody needs for a name
    from .geometry import Vector

#: Every level that can be named, head to foot.
LEVELS: tuple[str, ...] = (
    *(f"T{i}" for i in range(1, 13)),
    *(f"L{i}" for i in range(1, 6)),
    "S1",
)
#: The levels at which fascia edema is scored (paper, Methods: T5-T10, T11-L2, L3-L5).
SCORED_LEVELS: tuple[str, ...] = LEVELS[LEVELS.index("T5") : LEVELS.index("L5") + 1]
THORACIC: frozenset[str] = frozenset(SCORED_LEVELS[:6])
THORACOLUMBAR: frozenset[str] = frozenset({"T11", "T12", "L1", "L2"})
LOWER_LUMBAR: frozenset[str] = frozenset({"L3", "L4", "L5"})


@dataclass(frozen=True)
class Vertebra:
    """A named vertebral body.

    Attributes:
        level: one of `LEVELS`.
        center_lps_mm: centre of the body, LPS mm.
        confidence: 0 to 1, the localizer's certainty that a body is there.
    """

    level: str
    center_lps_mm: Vector
    confidence: float
