"""From edema on three slices to involved levels and the published study's groups."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..geometry import BoolArray, FloatArray, SliceGeometry
from ..result import Classification, Depth, LevelEdema, Location, Severity
from ..vertebrae import LOWER_LUMBAR, SCORED_LEVELS, THORACOLUMBAR

if TYPE_CHECKING:  # what only classifies levels needs no SciPy
    from ..anatomy.band import FasciaBand

#: More involved levels than this are severe (paper, Methods).
NON_SEVERE_LEVELS = 3
#: A level cut by the image's edge is judged if this share of its territory is in view.
LEAST_IN_VIEW = 0.5
#: An exam answers for its other levels while no more than this share of those in view can't be
#: judged; beyond it what isn't seen outweighs what is.
MOST_UNREADABLE = 0.3
#: A third of thirty points is a third.
ROUNDING = 1e-6
#: Edema beyond L5's lower boundary or at the line's ends counts from this length on.
NOTABLE_MM = 5.0


@dataclass(frozen=True, eq=False)
class SliceEdema:
    """Edema of one slice in fascia coordinates.

    Attributes:
        geometry: the slice's geometry.
        line_rc: (n, 2) its fascia line.
        band: every pixel seen from the line.
        edema: bool (rows, columns).
        corrected: intensities corrected for the coil.
    """

    geometry: SliceGeometry
    line_rc: FloatArray
    band: FasciaBand
    edema: BoolArray
    corrected: FloatArray

    @cached_property
    def marked(self) -> tuple[npt.NDArray[np.intp], ...]:
        """(rows, columns) of the edema's pixels."""
        # Along one axis NumPy finds a few among many ten times as fast as along two.
        return np.unravel_index(np.flatnonzero(self.edema), self.edema.shape)


@dataclass(frozen=True, eq=False)
class Score:
    """What was counted.

    Attributes:
        per_level: one entry a level in view, head to foot.
        levels: the involved ones.
        in_view: those whose territory is sufficiently in view, head to foot.
        length_mm: covered arc length of the central slice's line, T5 to L5.
        area_mm2: edema area in the levels' territories over the three slices.
        depth: shares by depth; None without edema.
        below_mm: covered length below L5's boundary.
        at_edge: edema reaches an end of the visible fascia.
    """

    per_level: tuple[LevelEdema, ...]
    levels: tuple[str, ...]
    in_view: tuple[str, ...]
    length_mm: float
    area_mm2: float
    depth: Depth | None
    below_mm: float
    at_edge: bool

    def mostly_judged(self, unreadable: Collection[str]) -> bool:
        """Whether enough of the levels in view can be judged for the exam to answer."""
        lost = sum(n in unreadable for n in self.in_view)
        return lost <= MOST_UNREADABLE * len(self.in_view)

    def unjudged(self) -> Score:
        """The same where the exam can't answer: no level is involved or not."""
        rows = tuple(replace(r, involved=None) for r in self.per_level)
        return replace(self, per_level=rows, levels=())


def score(
    slices: Sequence[SliceEdema],
    central: int,
    territories: dict[str, tuple[float, float]],
    involved_fraction: float,
    reference: float,
    fascial_mm: float,
    unreadable: frozenset[str] = frozenset(),
) -> Score:
    """Count involved levels.

    Args:
        slices: the three central slices.
        central: which of them lengths are measured on.
        territories: {level: (upper z, lower z)}.
        involved_fraction: coverage from which a level is involved.
        reference: corrected intensity that contrast is stated against.
        fascial_mm: half width of the fascial layer.
        unreadable: levels that can't be judged whatever is seen there.
    """
    line = slices[central]
    z = line.geometry.heights_mm(line.line_rc)
    arc = _arc_mm(line)
    covered = _covered(slices, z, line)
    area_levels = [_areas(s, territories) for s in slices]
    step = abs(float(np.median(np.diff(z)))) if len(z) > 1 else 0.0
    rows: list[LevelEdema] = []
    in_view = []
    for level, (upper, lower) in territories.items():
        mine = (z <= upper) & (z > lower)
        seen = float(z[mine].max() - z[mine].min()) if mine.any() else 0.0
        if seen + step >= LEAST_IN_VIEW * (upper - lower):
            in_view.append(level)
        judged = level in in_view and level not in unreadable
        total = float(arc[mine].sum())
        length = float(arc[mine & covered].sum())
        coverage = length / total if total else 0.0
        values = np.concatenate([a[level][1] for a in area_levels])
        rows.append(
            LevelEdema(
                level=level,
                involved=bool(coverage >= involved_fraction - ROUNDING) if judged else None,
                coverage=round(coverage, 4),
                length_mm=round(length, 2),
                area_mm2=round(sum(a[level][0] for a in area_levels), 2),
                contrast=round(float(values.mean()) / reference, 3)
                if len(values) and reference > 0
                else None,
            )
        )
    inside = np.zeros(len(z), bool)
    for upper, lower in territories.values():
        inside |= (z <= upper) & (z > lower)
    floor = min((lower for _, lower in territories.values()), default=-np.inf)
    ends = max(1, round(2.0 / line.geometry.spacing_mm[0]))
    return Score(
        per_level=tuple(rows),
        levels=tuple(r.level for r in rows if r.involved),
        in_view=tuple(in_view),
        length_mm=round(float(arc[covered & inside].sum()), 2),
        area_mm2=round(sum(r.area_mm2 for r in rows), 2),
        depth=_depth(slices, fascial_mm),
        below_mm=float(arc[covered & (z <= floor)].sum()) if "L5" in territories else 0.0,
        at_edge=bool(len(z)) and bool(covered[:ends].any() or covered[-ends:].any()),
    )


def classify(levels: Sequence[str]) -> Classification:
    """The published study's groups for a list of involved levels."""
    involved = set(levels)
    upper, lower = bool(involved & THORACOLUMBAR), bool(involved & LOWER_LUMBAR)
    location: Location
    if upper and lower:
        location = "both"
    elif upper:
        location = "thoracolumbar"
    elif lower:
        location = "lower_lumbar"
    else:
        location = "thoracic" if involved else "none"
    severity: Severity = "none"
    if involved:
        severity = "severe" if len(involved) > NON_SEVERE_LEVELS else "non_severe"
    return Classification(bool(involved), location, severity)


def in_order(levels: Sequence[str]) -> tuple[str, ...]:
    """Levels head to foot."""
    return tuple(sorted(levels, key=SCORED_LEVELS.index))


def _arc_mm(line: SliceEdema) -> FloatArray:
    """Length of line that each of its points stands for, mm."""
    points = line.geometry.to_lps(line.line_rc)
    if len(points) < 2:
        return np.zeros(len(points))
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return np.asarray((np.append(steps, steps[-1]) + np.insert(steps, 0, steps[0])) / 2)


def _covered(slices: Sequence[SliceEdema], z: FloatArray, line: SliceEdema) -> BoolArray:
    """Which points of the central line have edema at their height on any of the slices."""
    covered = np.zeros(len(z), bool)
    for s in slices:
        points = np.unique(s.band.nearest[s.marked])
        if not len(points):
            continue
        heights = np.sort(s.geometry.heights_mm(s.line_rc[points]))
        half = 0.51 * max(s.geometry.spacing_mm[0], line.geometry.spacing_mm[0])
        at = np.searchsorted(heights, z)
        below = np.abs(z - heights[np.clip(at - 1, 0, len(heights) - 1)])
        above = np.abs(heights[np.clip(at, 0, len(heights) - 1)] - z)
        covered |= np.minimum(below, above) <= half
    return covered


def _areas(
    s: SliceEdema, territories: dict[str, tuple[float, float]]
) -> dict[str, tuple[float, FloatArray]]:
    """{level: (edema area in mm², corrected intensities)} on one slice."""
    z = s.geometry.heights_mm(np.stack(s.marked, axis=1))
    values = s.corrected[s.marked]
    pixel = s.geometry.spacing_mm[0] * s.geometry.spacing_mm[1]
    out = {}
    for level, (upper, lower) in territories.items():
        mine = (z <= upper) & (z > lower)
        out[level] = (float(mine.sum()) * pixel, values[mine])
    return out


def _depth(slices: Sequence[SliceEdema], fascial_mm: float) -> Depth | None:
    depth = np.concatenate([s.band.depth_mm[s.marked] for s in slices])
    if not len(depth):
        return None
    behind = round(float((depth > fascial_mm).mean()), 4)
    before = round(float((depth < -fascial_mm).mean()), 4)
    return Depth(subcutaneous=behind, fascial=round(1 - behind - before, 4), muscle=before)
