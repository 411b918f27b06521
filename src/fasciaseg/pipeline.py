"""The reading of one exam, in the order of the published study's Methods.

find the study -> choose the series -> three central slices and vertebrae -> fascia ->
threshold -> levels -> classes -> report
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import doubts
from .anatomy.anchor import anchored
from .anatomy.localizer import Localizer
from .anatomy.spine import SliceStack, Spine, locate
from .anatomy.traced import TracedSlice
from .confidence import NAMES, carries, confidence_of, signs_of, stability
from .edema.normalise import Canal, Reference, Tissue, measure
from .edema.segment import Segmentation, segment
from .edema.swap import swapped_levels
from .edema.threshold import Threshold, make_threshold
from .errors import NothingToRead, UnreadableInput
from .flags import flag
from .fractures.judge import judge_bodies, outline_bodies
from .fractures.outliner import Outliner
from .geometry import Slice
from .numbering import OtherSeries, named_by_others, others_of
from .options import Options
from .reading import Reading, SeriesContext, SliceReading
from .result import (
    Anchor,
    CentralSlice,
    Classification,
    Confidence,
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
    from .edema.t1 import Suppressed

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


@lru_cache(maxsize=1)
def _shipped_outliner() -> Outliner:
    """The outliner that ships with the package, loaded once a process."""
    from fasciaseg_models import outliner_path

    return Outliner(outliner_path())


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
        evidence = None
        if series.role == "T2" and t1 is not None and not t1.contrast_given:
            evidence = Stack.open(t1)
            evidence = evidence if joinable(stack, evidence) else None
        context = SeriesContext(
            input=name,
            study=StudyInfo(
                study.study_instance_uid,
                study.study_date if options.study_date and study.study_date else None,
            ),
            edema=SeriesInfo(series.uid, str(series.role)),
            t1=SeriesInfo(t1.uid, "T1") if t1 is not None else None,
            contrast_given=series.contrast_given,
            t1_contrast_given=t1 is not None and t1.contrast_given,
            files_damaged=study.n_broken > 0,
        )
        names = others_of(study, series)
        stations = [Stack.open(s) for s in choice.stations_for(series)]
        stations = [station for station in stations if joinable(stack, station)]
        if stations:
            joined = JoinedStack(stack, stations)
            parts = tuple(SeriesInfo(o.series.uid, str(o.series.role)) for o in stations)
            try:
                whole = replace(context, stations=parts)
                return read_stack(joined, whole, localizer, options, clock, evidence, names)
            except (NothingToRead, UnreadableInput) as error:
                log.info("Joined stations can't be read (%s); reading one of them.", error.code)
                context = replace(context, station_unread=True)
        try:
            return read_stack(stack, context, localizer, options, clock, evidence, names)
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
    t1: SliceStack | None = None,
    others: Sequence[OtherSeries] = (),
    outliner: Outliner | None = None,
) -> Reading:
    """Read a stack of sagittal slices; on plain T2 a native `t1` tells fat from fluid.

    Where the stack itself leaves the names open, `others` of the same exam are asked for them.
    Without an `outliner` the shipped one outlines the bodies.

    Raises:
        NothingToRead: no vertebra found with confidence (unless `options.assume_spine`).
        AnchorError: the vertebra that `options.anchor` names isn't in view.
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
    outliner = outliner or _shipped_outliner()
    with clock.step("fractures"):
        outlined = outline_bodies(slices, spine, outliner)
        spine = outlined.counted(spine)
    named_by = None
    if spine.found and others and (options.anchor is None or options.anchor.called):
        with clock.step("numbering"):
            spine, named_by = named_by_others(spine, others, localizer, outliner)
    if options.anchor is not None and spine.found:
        spine, named_by = anchored(spine, options.anchor), None
    with clock.step("fascia"):
        parts = [TracedSlice.of(s, m) for s, m in zip(slices, spine.marks, strict=True)]
        beside = _beside(stack, spine, localizer)
    levels = territories(spine.vertebrae, options.rule) if spine.found else {}
    plain = context.edema.sequence == "T2"
    told: Suppressed | None = None
    if plain and t1 is not None and levels and parts[1].traced:
        with clock.step("t1"):
            told = _without_fat(parts, beside, t1, options)
    by_t1 = told if told is not None and told.usable else None
    limits = options.threshold
    if by_t1 is not None:
        parts, beside, limits = list(by_t1.central), list(by_t1.beside), by_t1.limits(limits)
    with clock.step("threshold"):
        reference = _reference(spine, parts, beside)
        threshold = make_threshold(reference, limits)
    answerable = bool(levels) and parts[1].traced and (not plain or by_t1 is not None)
    deciding = threshold if answerable else None
    with clock.step("edema"):
        dixon = context.edema.sequence == "T2_DIXON_WATER"
        swapped = swapped_levels(parts, levels) if dixon else ()
        no_fat = by_t1.no_fat if by_t1 is not None else ()
        found = segment(parts, reference, deciding, levels, limits, no_fat, swapped)
        if by_t1 is not None:
            dark = by_t1.unlit(levels)
            found = replace(found, unsuppressed=found.unsuppressed | dark)
        scored = _score(parts, found, deciding, levels, options)
    flags = doubts.about_series(context, stack.geometries[0], spine, told)
    if spine.found and not levels:
        flags.append(flag("no_scored_level_in_view"))
    flags += doubts.about_reference(reference, [p.traced for p in parts])
    classification = Classification(None, None, None)
    if found.unsuppressed:
        flags.append(doubts.about_bright_fat(context, found.unsuppressed))
    if deciding is not None and scored.mostly_judged(found.unsuppressed):
        if any(r.involved is not None for r in scored.per_level):
            flags += doubts.about_edema(scored, options.rule)
            # Blood is neither dismissed, nor is what is left of it called edema.
            blood = by_t1 is not None and by_t1.may_be_blood(scored.area_mm2)
            # What was taken for fat goes on where fat is dark: no edema can't be said.
            hidden = found.reached and not scored.levels
            if not blood and not hidden:
                classification = classify_levels(scored.levels)
        else:
            flags.append(flag("no_scored_level_in_view"))
    answered = classification.fascia_edema is not None
    with clock.step("fractures"):
        fat_dark = not plain and not found.unsuppressed
        if spine.found and spine.numbering.bodies != outlined.bodies:
            outlined = outline_bodies(slices, spine, outliner)
        named = spine.numbering.levels if spine.found else ()
        fractures = judge_bodies(outlined, named, reference.falloff, fat_dark)
    with clock.step("confidence"):
        confidence = Confidence(0.0, ("the exam gives no answer",))
        if answered:
            anchor, unsure = _anchor(spine).confidence, [f.code for f in flags if f.code in NAMES]
            confidence = _confidence(
                parts, found, scored, deciding, levels, options, classification, anchor, unsure
            )
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
            threshold={
                **_threshold_record(threshold, reference),
                **({"t1": told.record()} if told is not None else {}),
            },
            depth=scored.depth,
            per_level=scored.per_level,
        ),
        classification=classification,
        flags=tuple(flags),
        timings_ms=dict(clock.timings_ms),
        series_stations=context.stations,
        fractures=fractures,
        confidence=confidence,
        series_numbering=named_by,
    )
    seen = zip(parts, found.masks, strict=True)
    on_t1: list[Slice | None] = [None] * len(slices)
    if by_t1 is not None:
        on_t1 = [replace(s, pixels=v) for s, v in zip(slices, by_t1.t1, strict=False)]
    return Reading(
        result=result,
        slices=tuple(
            SliceReading(s, p.line_rc, mask, v)
            for s, (p, mask), v in zip(slices, seen, on_t1, strict=True)
        ),
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


def _without_fat(
    parts: list[TracedSlice], beside: list[TracedSlice], t1: SliceStack, options: Options
) -> Suppressed | None:
    """Plain T2 without its fat, by the T1; None where the T1 is broken."""
    # Few exams need it: scanning and reading the others shouldn't wait for the import.
    from .edema.t1 import suppress_fat

    try:
        return suppress_fat(parts, beside, t1, options.threshold)
    except UnreadableInput as error:
        log.info("The T1 can't be read (%s); the T2 stands alone.", error.code)
        return None


def _beside(stack: SliceStack, spine: Spine, localizer: Localizer) -> list[TracedSlice]:
    """Up to two slices beside the central ones, where the muscle lies."""
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
                beside.append(traced)
    return beside


def _reference(spine: Spine, parts: list[TracedSlice], beside: list[TracedSlice]) -> Reference:
    """Tissue references from the central slices and those beside them."""
    heights = [v.center_lps_mm[2] for v in spine.vertebrae] or [0.0]
    return measure(
        [Tissue(b.slice, b.band, b.z_mm) for b in beside if b.traced],
        [Canal(p.values_where(p.marks.canal), p.heights_where(p.marks.canal)) for p in parts],
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


def _confidence(
    parts: list[TracedSlice],
    found: Segmentation,
    scored: Score,
    threshold: Threshold | None,
    levels: dict[str, tuple[float, float]],
    options: Options,
    answer: Classification,
    anchor: float,
    unsure: Sequence[str],
) -> Confidence:
    """How sure an answer is; flags `unsure` speak against names, however sure their `anchor`."""

    def rescore(changed: Segmentation) -> Score:
        return _score(parts, changed, threshold, levels, options)

    stable = stability(found, answer, options.threshold, rescore)
    carried = carries(found, answer, options.threshold, rescore)
    signs = signs_of(found, stable, carried, scored, anchor)
    return confidence_of(signs, stable.moved_by, unsure)


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
