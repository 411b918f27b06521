"""Body by body: marrow edema, lost height, and whether that looks fresh or old."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..anatomy.levels import Body
from ..anatomy.spine import Spine
from ..edema.normalise import Falloff
from ..geometry import FloatArray, Slice, SliceGeometry
from ..result import BodyFinding, Looks, MarrowEdema
from ..vertebrae import LOWER_LUMBAR, SCORED_LEVELS, THORACOLUMBAR
from . import marrow
from .gaps import roomy
from .heights import DEGREES, degree_of, height_losses
from .outliner import DOWN_MM, Outliner
from .patches import Patches, cut, frames, median

#: The bodies lie deeper than the muscle and see half of what the coil does to it (log scale).
COIL_SHARE = 0.5
#: Two slices agree on a height to within so many mm.
AGREE_MM = 2.0
#: Bodies found with less certainty aren't measured; a broken one is found with less than others.
LEAST_CONFIDENCE = 0.4
#: A wedge or a crushed back wall takes at least this share of its loss from the middle as well;
#: where it doesn't, the outline is wrong or a corner is missing.
LEAST_MIDDLE = 0.2
#: From this lost share on, height loss counts as a finding.
LEAST_LOSS = DEGREES[-1][0]


@dataclass(frozen=True, eq=False)
class Outlined:
    """The vertebral bodies cut out of the central slices.

    Attributes:
        bodies: what was outlined, head to foot.
        centers_mm, axes: (n, 2) where they lie and how they are turned, as in `patches.cut`.
        geometry: of the central slice's marks.
        patches: of each slice.
    """

    bodies: tuple[Body, ...]
    centers_mm: FloatArray
    axes: FloatArray
    geometry: SliceGeometry
    patches: tuple[Patches, ...]

    @property
    def roomy(self) -> tuple[int, ...]:
        """Bodies below which there is room for one that wasn't found."""
        return roomy([p.outlines for p in self.patches], self.centers_mm, self.axes)

    def counted(self, spine: Spine) -> Spine:
        """The outlined spine, with the bodies counted that there is room for."""
        room = self.roomy
        return spine.renamed(spine.numbering.with_room(room)) if room else spine


def outline_bodies(slices: Sequence[Slice], spine: Spine, outliner: Outliner) -> Outlined:
    """Cut every body that has a name out of the central slices; none where no spine was found.

    Args:
        slices: the central slices.
        spine: found on them.
        outliner: marks the bodies' outlines.
    """
    bodies = spine.numbering.bodies if spine.found else ()
    central = spine.marks[len(spine.marks) // 2]
    centers = np.array([b.center_rc for b in bodies]).reshape(-1, 2) * np.asarray(
        central.geometry.spacing_mm
    )
    axes = frames(centers, central) if len(centers) else centers
    pairs = zip(slices, spine.marks, strict=True) if len(centers) else ()
    patches = tuple(cut(s, m, centers, axes, outliner) for s, m in pairs)
    return Outlined(tuple(bodies), centers, axes, central.geometry, patches)


def judge_bodies(
    outlined: Outlined, levels: Sequence[str], falloff: Falloff, fluid_shines_alone: bool
) -> tuple[BodyFinding, ...]:
    """One finding per vertebral body T5-L5 found, head to foot.

    Args:
        outlined: the bodies.
        levels: their names.
        falloff: the coil's falloff as muscle tells it.
        fluid_shines_alone: whether fat is suppressed; otherwise marrow isn't judged.
    """
    patches = outlined.patches
    if not levels:
        return ()
    sure = np.array([b.confidence >= LEAST_CONFIDENCE for b in outlined.bodies])
    heights = np.where(sure[:, None], _heights_mm(patches), np.nan)
    losses = height_losses(levels, heights)
    spacing_mm = np.asarray(outlined.geometry.spacing_mm)
    z = outlined.geometry.heights_mm(outlined.centers_mm / spacing_mm)
    if fluid_shines_alone:
        gain = falloff.along(z, COIL_SHARE)
        nothing = marrow.Marrow(np.empty(0), np.empty(0, bool))
        marrows = [
            _marrow(patches, i, float(g)) if sure[i] else nothing for i, g in enumerate(gain)
        ]
        edema = marrow.judge(marrows, z)
    else:
        edema = [marrow.UNKNOWN] * len(levels)
    return tuple(
        _finding(level, e, h, loss)
        for level, e, h, loss in zip(levels, edema, heights, losses, strict=True)
        if level in SCORED_LEVELS
    )


def _heights_mm(patches: Sequence[Patches]) -> FloatArray:
    """(bodies, 3) anterior, middle and posterior heights that at least two slices agree on."""
    nothing = np.full(3, np.nan)
    each = np.sort(
        [[o.heights_mm if o is not None else nothing for o in p.outlines] for p in patches], axis=0
    )
    # Unseen ones are sorted to the end; where that leaves one slice, no two agree.
    agree = (np.diff(each, axis=0) <= AGREE_MM).any(axis=0)
    return np.where(agree, np.apply_along_axis(median, 0, each), np.nan)


def _marrow(patches: Sequence[Patches], i: int, gain: float) -> marrow.Marrow:
    values, deep = [], []
    for p in patches:
        outline = p.outlines[i]
        if outline is None:
            continue
        inside = outline.inside(marrow.MARGIN_MM) & np.isfinite(p.values[i])
        columns = outline.columns.astype(int)
        depth = np.zeros(inside.shape)
        # In a flat body the end plates' reach would leave nothing.
        tall = outline.lower - outline.upper
        tall = tall[np.isfinite(tall)]
        reach = marrow.END_PLATE_MM
        if len(tall):
            reach = min(reach, 0.3 * float(np.median(tall)))
        depth[:, columns] = np.minimum(
            DOWN_MM[:, None] - np.nan_to_num(outline.upper, nan=-np.inf),
            np.nan_to_num(outline.lower, nan=np.inf) - DOWN_MM[:, None],
        )
        values.append(p.values[i][inside])
        deep.append(depth[inside] > reach)
    return marrow.Marrow(
        np.concatenate(values) if values else np.empty(0),
        np.concatenate(deep) if deep else np.empty(0, bool),
        gain,
    )


def _finding(level: str, edema: MarrowEdema, heights: FloatArray, loss: FloatArray) -> BodyFinding:
    lost: float | None = None
    if np.isfinite(loss).all():
        front, middle, back = (float(v) for v in loss)
        lost = max(0.0, front, middle, back)
        if lost >= LEAST_LOSS and middle < LEAST_MIDDLE * lost:
            lost = None
    looks: Looks | None = None
    if edema.present:
        looks = "acute"
    elif edema.present is False and lost is not None and lost >= LEAST_LOSS:
        looks = "old"
    known = np.isfinite(heights).all()
    return BodyFinding(
        level=level,
        region=region_of(level),
        marrow_edema=edema,
        heights_mm=tuple(round(float(h), 1) for h in heights) if known else None,
        height_loss=None if lost is None else round(lost, 3),
        degree=None if lost is None else degree_of(lost),
        looks=looks,
    )


def region_of(level: str) -> str:
    """`thoracic` (T5-T10), `thoracolumbar` (T11-L2) or `lower_lumbar` (L3-L5)."""
    if level in LOWER_LUMBAR:
        return "lower_lumbar"
    return "thoracolumbar" if level in THORACOLUMBAR else "thoracic"
