"""Body by body: marrow edema, lost height, and whether that looks fresh or old."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..anatomy.levels import Numbering
from ..anatomy.traced import TracedSlice
from ..edema.normalise import Falloff
from ..geometry import FloatArray
from ..result import BodyFinding, Looks, MarrowEdema
from ..vertebrae import LOWER_LUMBAR, SCORED_LEVELS, THORACOLUMBAR
from . import marrow
from .gaps import completed
from .heights import DEGREES, degree_of, height_losses
from .patches import DOWN_MM, Patches, cut, frames

#: The bodies lie deeper than the muscle and see half of what the coil does to it (log scale).
COIL_SHARE = 0.5
#: Heights are taken from at least so many slices that agree to within so many mm.
LEAST_SLICES, AGREE_MM = 2, 4.0
#: Bodies found with less certainty aren't measured (2 in 100 of real ones).
LEAST_CONFIDENCE = 0.8
#: A wedge or a crushed back wall takes at least this share of its loss from the middle as well;
#: where it doesn't, the outline is wrong or a corner is missing.
LEAST_MIDDLE = 0.2
#: From this lost share on, height loss counts as a finding.
LEAST_LOSS = DEGREES[-1][0]


def judge_bodies(
    parts: Sequence[TracedSlice], numbering: Numbering, falloff: Falloff, fluid_shines_alone: bool
) -> tuple[BodyFinding, ...]:
    """One finding per vertebral body T5-L5 found, head to foot.

    Args:
        parts: the central slices.
        numbering: the bodies on the central slices' common grid.
        falloff: the coil's falloff as muscle tells it.
        fluid_shines_alone: whether fat is suppressed; otherwise marrow isn't judged.
    """
    levels = numbering.levels
    if not levels:
        return ()
    marks = parts[len(parts) // 2].marks
    centers = np.array([b.center_rc for b in numbering.bodies]) * np.asarray(
        marks.geometry.spacing_mm
    )
    axes = frames(centers, marks)
    patches = [cut(p.slice, p.marks, centers, axes) for p in parts]
    patches = [replace(p, outlines=completed(p.outlines, centers, axes, levels)) for p in patches]
    heights = _heights_mm(patches)
    sure = np.array([b.confidence >= LEAST_CONFIDENCE for b in numbering.bodies])
    losses = height_losses(levels, np.where(sure[:, None], heights, np.nan))
    z = marks.geometry.heights_mm(centers / np.asarray(marks.geometry.spacing_mm))
    if fluid_shines_alone:
        gain = np.exp(COIL_SHARE * np.log(falloff.gain(np.zeros(len(z)), z)))
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
    """(bodies, 3) anterior, middle and posterior heights that the slices agree on."""
    nothing = np.full(3, np.nan)
    each = np.array(
        [[o.heights_mm if o is not None else nothing for o in p.outlines] for p in patches]
    )
    seen = np.isfinite(each)
    highest = np.where(seen, each, -np.inf).max(axis=0)
    lowest = np.where(seen, each, np.inf).min(axis=0)
    unseen = ~seen.any(axis=0)
    highest[unseen] = lowest[unseen] = 0.0
    agreed = (seen.sum(axis=0) >= min(LEAST_SLICES, len(patches))) & (highest - lowest <= AGREE_MM)
    filled = np.where(seen, each, np.where(agreed, (highest + lowest) / 2, 0))
    return np.where(agreed, np.median(filled, axis=0), np.nan)


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
        if not len(tall):
            continue
        reach = min(marrow.END_PLATE_MM, 0.3 * float(np.median(tall)))
        with np.errstate(invalid="ignore"):
            depth[:, columns] = np.minimum(
                DOWN_MM[:, None] - outline.upper, outline.lower - DOWN_MM[:, None]
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
