"""What a reading of the phantom should say, in the form of a `truth.json`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..geometry import SliceGeometry, Vector
from ..result import Location, Severity
from ..vertebrae import LEVELS, LOWER_LUMBAR, SCORED_LEVELS, THORACOLUMBAR
from .model import SpinePhantom
from .pathology import spans

# The phantom's truth starts at T4.
_NAMED = LEVELS[LEVELS.index("T4") :]


@dataclass(frozen=True)
class Truth:
    """The answers. Lengths in mm, LPS.

    Attributes:
        levels: with fascia edema, head to foot, as far as the slices show their bodies.
        location, severity: the published study's groups.
        length_mm: painted length along the fascia of the central slice.
        vertebrae: centres of the bodies T4-L5 that the slice shows.
        s1: centre of S1 if shown.
        middle_x_mm: mean lateral position of the bodies shown.
    """

    levels: tuple[str, ...]
    location: Location
    severity: Severity
    length_mm: float
    vertebrae: dict[str, Vector]
    s1: Vector | None
    middle_x_mm: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; the keys are those of `shared/exams/truth.json`."""
        return {
            "levels": list(self.levels),
            "n_levels": len(self.levels),
            "location": self.location,
            "length_mm": round(self.length_mm, 1),
            "severity": self.severity,
            "vertebrae": {k: [round(v, 1) for v in c] for k, c in self.vertebrae.items()},
            "s1": None if self.s1 is None else [round(v, 1) for v in self.s1],
            "middle_x_mm": round(self.middle_x_mm, 1),
        }


def truth(phantom: SpinePhantom, stack: list[SliceGeometry]) -> Truth:
    """The truth of a phantom seen on a sagittal stack."""
    shown = {
        level: center
        for level, center in phantom.centers_lps_mm.items()
        if level in _NAMED and _in_view(stack[0], center)
    }
    middle = float(np.mean([c[0] for c in shown.values()]))
    central = min(stack, key=lambda g: abs(g.position_mm - middle))
    found = {level for edema in phantom.pathology.fascia for level in edema.levels}
    levels = tuple(level for level in SCORED_LEVELS if level in found and level in shown)
    return Truth(
        levels=levels,
        location=location(levels),
        severity="none" if not levels else "severe" if len(levels) > 3 else "non_severe",
        length_mm=painted_length_mm(phantom, central),
        vertebrae={level: c for level, c in shown.items() if level != "S1"},
        s1=shown.get("S1"),
        middle_x_mm=middle,
    )


def painted_length_mm(phantom: SpinePhantom, geometry: SliceGeometry) -> float:
    """Arc length of a slice's fascia line within the painted bands, mm."""
    line = phantom.fascia_line(geometry)
    if len(line) < 2:
        return 0.0
    step = np.diff(line, axis=0) * np.asarray(geometry.spacing_mm)
    length = np.sqrt((step * step).sum(axis=1))
    height = geometry.heights_mm((line[1:] + line[:-1]) / 2)
    covered = np.zeros(len(length), dtype=bool)
    for edema in phantom.pathology.fascia:
        for upper, lower in spans(edema, phantom.territories):
            covered |= (height <= upper) & (height >= lower)
    return float(length[covered].sum())


def location(levels: tuple[str, ...]) -> Location:
    """The published study's region of a set of levels."""
    upper, lower = (not region.isdisjoint(levels) for region in (THORACOLUMBAR, LOWER_LUMBAR))
    if upper and lower:
        return "both"
    if upper:
        return "thoracolumbar"
    if lower:
        return "lower_lumbar"
    return "thoracic" if levels else "none"


def _in_view(geometry: SliceGeometry, center: Vector) -> bool:
    row, column = geometry.to_pixel(np.asarray(center))
    return bool(0 <= row <= geometry.shape[0] - 1 and 0 <= column <= geometry.shape[1] - 1)
