"""Which flags a reading raises; `flags` has their words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .anatomy.spine import Spine
from .edema.normalise import Reference
from .flags import flag
from .geometry import SliceGeometry
from .reading import SeriesContext
from .result import Flag
from .scoring.score import NOTABLE_MM, Score
from .scoring.spinous import UNCERTAIN
from .vertebrae import LOWER_LUMBAR, SCORED_LEVELS, THORACIC, THORACOLUMBAR

if TYPE_CHECKING:
    from .edema.t1 import Suppressed

#: Bodies leave the central slices when they stray this far to the side.
STRAY_MM = 12.0
#: More tilt of the slices than this is worth a word.
OBLIQUE_DEGREES = 15.0


def about_series(
    context: SeriesContext, geometry: SliceGeometry, spine: Spine, told: Suppressed | None = None
) -> list[Flag]:
    """Doubts about the series and the numbering.

    `geometry` is any slice's; `told` is what a T1 told about a plain T2.
    """
    flags = []
    if context.edema.sequence == "T2":
        flags += _about_plain_t2(told)
    if context.stations:
        flags.append(flag("stations_joined"))
    if context.files_damaged:
        flags.append(flag("files_damaged"))
    if context.station_unread:
        flags.append(flag("station_unreadable"))
    plain = context.edema.sequence == "T2"
    if context.contrast_given or (plain and context.t1_contrast_given):
        flags.append(flag("contrast_given"))
    steps = np.diff(spine.along_mm)
    if len(steps) > 1 and steps.max() > 1.5 * np.median(steps):
        flags.append(flag("irregular_spacing"))
    normal = np.asarray(geometry.normal)
    tilt = float(np.degrees(np.arccos(min(1.0, abs(float(normal[0]))))))
    if tilt > OBLIQUE_DEGREES:
        flags.append(flag("oblique_slices", degrees=tilt))
    if not spine.found:
        flags.append(flag("central_slices_geometric"))
        return flags
    if spine.numbering.kind == "none":
        flags.append(flag("levels_unverified"))
    elif spine.numbering.doubtful:
        flags.append(flag("transitional_suspected"))
    if spine.numbering.missed:
        flags.append(flag("vertebra_missed", between=", ".join(spine.numbering.missed)))
    if spine.crowded:
        flags.append(flag("vertebrae_crowded", between=", ".join(spine.crowded)))
    stray = [abs(o) for o in spine.aside_mm]
    if stray and max(stray) > STRAY_MM:
        flags.append(flag("scoliosis_suspected"))
    return flags


def _about_plain_t2(told: Suppressed | None) -> list[Flag]:
    """Whether fat was told from fluid, and by what."""
    flags = [flag("t2_with_t1" if told is not None and told.usable else "plain_t2_only")]
    if told is not None and (told.shifted or not told.sure):
        flags.append(flag("t1_shifted", mm=told.shift.length_mm))
    if told is not None and told.sure and not told.usable:
        flags.append(flag("t1_unfit"))
    if told is not None and told.collection_mm2:
        flags.append(flag("t1_bright_collection"))
    return flags


def about_reference(reference: Reference, traced: Sequence[bool]) -> list[Flag]:
    """Doubts about what the threshold and the line rest on."""
    flags = []
    if reference.muscle is None:
        flags.append(flag("reference_muscle_missing"))
    if not all(traced):
        flags.append(flag("fascia_not_found"))
    return flags


def about_bright_fat(context: SeriesContext, levels: Collection[str]) -> Flag:
    """Why fat shines at `levels`: Dixon suppresses evenly, so fat there was taken for water."""
    codes = {"T2_DIXON_WATER": "fat_water_swap_suspected", "T2": "t1_unfit"}
    code = codes.get(context.edema.sequence, "fat_suppression_failed")
    return flag(code, levels=", ".join(n for n in SCORED_LEVELS if n in levels))


def about_edema(scored: Score, rule: str = "axial") -> list[Flag]:
    """What a reader has to know about the edema that was counted under a level rule."""
    flags = []
    involved = set(scored.levels)
    if scored.depth is not None and scored.depth.subcutaneous > 0.5:
        flags.append(flag("subcutaneous_edema"))
    if rule == "spinous" and any(r.length_mm > 0 for r in scored.per_level if r.level in UNCERTAIN):
        flags.append(flag("spinous_extrapolated"))
    if involved & THORACIC and involved & (THORACOLUMBAR | LOWER_LUMBAR):
        flags.append(flag("extends_above_T11"))
    if scored.below_mm >= NOTABLE_MM:
        flags.append(flag("extends_below_L5"))
    if scored.at_edge:
        flags.append(flag("edema_reaches_image_edge"))
    # Under `spinous` the level above the topmost body is nearly always cut: no news without edema.
    cut = [r for r in scored.per_level if r.level not in scored.in_view]
    if involved and any(rule == "axial" or r.length_mm > 0 for r in cut):
        flags.append(flag("level_partly_in_view"))
    return flags
