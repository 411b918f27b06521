"""The reading of one exam, in the order of the published study's Methods.

find the study -> choose the series -> three central slices and vertebrae -> fascia ->
threshold -> levels -> classes -> report
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import doubts
from .anatomy.localizer import Localizer
from .anatomy.spine import SliceStack, Spine, locate
from .anatomy.traced import TracedSlice
from .edema.normalise import Reference, Tissue, measure
from .edema.segment import Segmentation, segment
from .edema.threshold import Threshold, make_threshold
from .errors import NothingToRead, UnreadableInput
from .flags import flag
from .options import Options
from .reading import Reading, SeriesContext, SliceReading
from .result import (
    Anchor,
    CentralSlice,
    Classification,
    Edema,
    Result,
    SeriesInfo,
    Software,
    StudyInfo,
)
from .scoring.score import Score, SliceEdema, score
from .scoring.score import classify as classify_levels
from .scoring.territories import territories
from .stations import JoinedStack, joinable
from .version import __version__

if TYPE_CHECKING:
    from .dicom.series import Study

log = logging.getLogger(__name__)

#: Muscle is measured on slices this far from the middle (design: 12-20 mm), nearest to 16 first.
MUSCLE_SLICES_MM = (12.0, 20.0)


class Clock:
    """Milliseconds per step."""

    def __init__(self) -> None:
        self.timings_ms: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        start = time.perf_counter()
        yield
        self.timings_ms[name] = self.timings_ms.get(name, 0.0) + (time.perf_counter() - start) * 1e3


def default_model() -> Path:
    """The localizer that ships with the package."""
    from fasciaseg_models import localizer_path

    return localizer_path()


def read_exam(path: Path, options: Options) -> Reading:
    """Read one exam from files; see `fasciaseg.classify` for what can go wrong."""
    from .dicom import series as finding

    clock = Clock()
    with clock.step("scan"):
        study = finding.find_study(path, options.study)
    localizer = Localizer(options.model or default_model(), options.threads)
    return read_study(study, str(path), localizer, options, clock)


def read_study(
    study: Study, name: str, localizer: Localizer, options: Options, clock: Clock | None = None
) -> Reading:
    """Read a study whose headers have been scanned; `name` is what `Result.input` says of it.

    Raises:
        NothingToRead: no usable series, or no vertebra in any.
        UnreadableInput: the series that would be used is broken.
    """
    from .dicom import choice as choosing
    from .dicom.volume import Stack

    choice = choosing.choose(study)
    missed: NothingToRead | None = None
    for series in choice.edema:
        stack = Stack.open(series)
        t1 = choice.t1_for(series)
        context = SeriesContext(
            input=name,
            study=StudyInfo(
                study.study_instance_uid,
                study.study_date if options.study_date and study.study_date else None,
            ),
            edema=SeriesInfo(series.uid, str(series.role)),
            t1=SeriesInfo(t1.uid, "T1") if t1 is not None else None,
            contrast_given=series.contrast_given,
        )
        others = [Stack.open(s) for s in choice.stations_for(series)]
        others = [other for other in others if joinable(stack, other)]
        if others:
            joined = JoinedStack(stack, others)
            parts = tuple(SeriesInfo(o.series.uid, str(o.series.role)) for o in others)
            try:
                whole = replace(context, stations=parts)
                return read_stack(joined, whole, localizer, options, clock)
            except (NothingToRead, UnreadableInput) as error:
                log.info("Joined stations can't be read (%s); reading one of them.", error.code)
                context = replace(context, station_unread=True)
        try:
            return read_stack(stack, context, localizer, options, clock)
        except NothingToRead as error:
            log.info("No spine in a %s series; trying the next one.", series.role)
            missed = missed or error
    raise missed or NothingToRead("no_usable_series", "No usable series was found.")


def read_stack(
    stack: SliceStack,
    context: SeriesContext,
    localizer: Localizer,
    options: Options,
    clock: Clock | None = None,
) -> Reading:
    """Read a stack of sagittal slices.

    Raises:
        NothingToRead: no vertebra found with confidence (unless `options.assume_spine`).
    """
    clock = clock or Clock()
    with clock.step("localize"):
        spine = locate(stack, localizer)
    if not spine.found and not options.assume_spine:
        raise NothingToRead(
            "no_vertebra_found",
            "No vertebra was found with confidence in the sagittal series.",
            "If this is a spine, --assume-spine reads the middle slices with a flag.",
        )
    slices = tuple(stack[i] for i in spine.central)
    with clock.step("fascia"):
        parts = [TracedSlice.of(s, m) for s, m in zip(slices, spine.marks, strict=True)]
    levels = territories(spine.vertebrae) if spine.found else {}
    with clock.step("threshold"):
        reference = _reference(stack, spine, parts, localizer)
        threshold = make_threshold(reference, options.threshold)
    answerable = bool(levels) and parts[1].traced and context.edema.sequence != "T2"
    deciding = threshold if answerable else None
    with clock.step("edema"):
        found = segment(parts, reference, deciding, levels, options.threshold)
        scored = _score(parts, found, deciding, levels, options)
    flags = doubts.about_series(context, stack.geometries[0], spine)
    flags += doubts.about_reference(reference, [p.traced for p in parts])
    classification = Classification(None, None, None)
    if found.unsuppressed:
        flags.append(doubts.about_bright_fat(context, found.unsuppressed))
    elif deciding is not None:
        if any(r.involved is not None for r in scored.per_level):
            classification = classify_levels(scored.levels)
            flags += doubts.about_edema(scored)
        else:
            flags.append(flag("no_scored_level_in_view"))
    answered = classification.fascia_edema is not None
    result = Result(
        input=context.input,
        software=_software(localizer, options),
        study=context.study,
        series_edema=context.edema,
        series_t1=context.t1,
        central_slices=tuple(
            CentralSlice(s.sop_instance_uid, round(s.geometry.position_mm, 2), s.frame)
            for s in slices
        ),
        levels_in_view=scored.in_view,
        vertebrae=spine.vertebrae if spine.found else (),
        anchor=_anchor(spine),
        edema=Edema(
            levels=scored.levels if answered else (),
            length_mm=scored.length_mm,
            area_mm2=scored.area_mm2,
            rule=options.rule,
            threshold=_threshold_record(threshold, reference),
            depth=scored.depth,
            per_level=scored.per_level,
        ),
        classification=classification,
        flags=tuple(flags),
        timings_ms=dict(clock.timings_ms),
        series_stations=context.stations,
    )
    seen = zip(parts, found.masks, strict=True)
    return Reading(
        result=result,
        slices=tuple(SliceReading(p.slice, p.line_rc, mask) for p, mask in seen),
        boundaries_mm=levels,
    )


def _software(localizer: Localizer, options: Options) -> Software:
    """What read the exam."""
    return Software(__version__, localizer.path.name, localizer.sha256, options.deciding())


def _anchor(spine: Spine) -> Anchor:
    """What the names hang on."""
    if not spine.found:
        return Anchor("none", 0.0)
    return Anchor(spine.numbering.kind, spine.numbering.confidence)


def _reference(
    stack: SliceStack, spine: Spine, parts: list[TracedSlice], localizer: Localizer
) -> Reference:
    """Tissue references from the central slices and up to two beside them."""
    along = spine.along_mm
    low, high = MUSCLE_SLICES_MM
    beside = []
    for side in (-1, 1):
        away = (along - along[spine.middle]) * side
        fitting = np.nonzero((away >= low - 0.5) & (away <= high + 0.5))[0]
        if len(fitting):
            i = int(fitting[np.abs(away[fitting] - (low + high) / 2).argmin()])
            s = stack[i]
            traced = TracedSlice.of(s, spine.seen.get(i) or localizer.mark([s])[0])
            if traced.traced:
                beside.append(Tissue(s, traced.band, traced.z_mm))
    heights = [v.center_lps_mm[2] for v in spine.vertebrae] or [0.0]
    return measure(
        beside,
        [p.values_where(p.marks.canal) for p in parts],
        [p.values_where(p.marks.body) for p in parts],
        (min(heights) - 15, max(heights) + 15),
    )


def _score(
    parts: list[TracedSlice],
    found: Segmentation,
    threshold: Threshold | None,
    levels: dict[str, tuple[float, float]],
    options: Options,
) -> Score:
    """Count involved levels; without a threshold no level is judged."""
    scored = score(
        [
            SliceEdema(p.slice.geometry, p.line_rc, p.band, mask, values)
            for p, mask, values in zip(parts, found.masks, found.corrected, strict=True)
        ],
        central=1,
        territories=levels,
        involved_fraction=options.involved_fraction,
        reference=threshold.reference if threshold else 0.0,
        fascial_mm=options.threshold.fascial_mm,
        unreadable=found.unsuppressed,
    )
    return scored if threshold else scored.unjudged()


def _threshold_record(threshold: Threshold | None, reference: Reference) -> dict[str, object]:
    """The numbers behind the threshold, for `edema.threshold`."""

    def digits(value: float | None) -> float | None:
        # Four digits, not two decimals: scanner units can be anything.
        return float(f"{value:.4g}") if value is not None and np.isfinite(value) else None

    def quartiles(values: tuple[float, float, float] | None) -> list[float | None] | None:
        return [digits(v) for v in values] if values is not None else None

    return {
        "low": digits(threshold.low) if threshold else None,
        "fluid_csf": digits(threshold.fluid_csf) if threshold else None,
        "fluid_muscle": digits(threshold.fluid_muscle) if threshold else None,
        "source": threshold.source if threshold else None,
        "bounded": threshold.bounded if threshold else None,
        "muscle_quartiles": quartiles(reference.muscle),
        "body_quartiles": quartiles(reference.bodies),
        "csf": digits(reference.csf),
        "falloff_per_mm": round(reference.falloff.per_mm, 5),
    }
