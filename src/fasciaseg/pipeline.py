"""The reading of one exam, in the order of the published study's Methods.

find the study -> choose the series -> three central slices and vertebrae -> fascia ->
threshold -> levels -> classes -> report
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from . import doubts
from .anatomy.band import FasciaBand, fascia_band
from .anatomy.fascia import skin_mask, trace_fascia
from .anatomy.localizer import Localizer, Marks
from .anatomy.spine import SliceStack, Spine, locate
from .edema.normalise import Reference, Tissue, measure
from .edema.suppression import unsuppressed_levels
from .edema.threshold import Threshold, find_edema, make_threshold, tissue_before
from .errors import NothingToRead
from .flags import flag
from .geometry import BoolArray, FloatArray, Slice
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
from .version import __version__

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
    from .dicom import choice as choosing
    from .dicom import series as finding
    from .dicom.volume import Stack

    clock = Clock()
    with clock.step("scan"):
        study = finding.find_study(path, options.study)
        choice = choosing.choose(study)
    localizer = Localizer(options.model or default_model(), options.threads)
    missed: NothingToRead | None = None
    for series in choice.edema:
        stack = Stack.open(series)
        t1 = choice.t1_for(series)
        context = SeriesContext(
            input=str(path),
            study=StudyInfo(
                study.study_instance_uid,
                study.study_date if options.study_date and study.study_date else None,
            ),
            edema=SeriesInfo(series.uid, str(series.role)),
            t1=SeriesInfo(t1.uid, "T1") if t1 is not None else None,
            contrast_given=series.contrast_given,
        )
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
        parts = [_Traced.of(s, m) for s, m in zip(slices, spine.marks, strict=True)]
    levels = territories(spine.vertebrae) if spine.found else {}
    with clock.step("threshold"):
        reference = _reference(stack, spine, parts, localizer)
        threshold = make_threshold(reference, options.threshold)
    flags = doubts.about_series(context, stack.geometries[0], spine)
    flags += doubts.about_reference(reference, [p.traced for p in parts])
    answerable = (
        spine.found
        and bool(levels)
        and threshold is not None
        and parts[1].traced
        and context.edema.sequence != "T2"
    )
    with clock.step("edema"):
        measured = _edema(parts, reference, threshold if answerable else None, levels, options)
    scored = measured.score
    classification = Classification(None, None, None)
    if measured.unsuppressed:
        flags.append(flag("fat_suppression_failed", levels=", ".join(measured.unsuppressed)))
    elif answerable:
        if any(r.involved is not None for r in scored.per_level):
            classification = classify_levels(scored.levels)
            flags += doubts.about_edema(scored)
        else:
            flags.append(flag("no_scored_level_in_view"))
    answered = classification.fascia_edema is not None
    result = Result(
        input=context.input,
        software=Software(
            version=__version__,
            model=localizer.path.name,
            model_sha256=localizer.sha256,
            options=options.deciding(),
        ),
        study=context.study,
        series_edema=context.edema,
        series_t1=context.t1,
        central_slices=tuple(
            CentralSlice(s.sop_instance_uid, round(s.geometry.position_mm, 2), s.frame)
            for s in slices
        ),
        levels_in_view=tuple(r.level for r in scored.per_level if r.level in measured.in_view),
        vertebrae=spine.vertebrae if spine.found else (),
        anchor=Anchor(spine.numbering.kind, spine.numbering.confidence)
        if spine.found
        else Anchor("none", 0.0),
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
    )
    return Reading(
        result=result,
        slices=tuple(
            SliceReading(p.slice, p.line_rc, e) for p, e in zip(parts, measured.masks, strict=True)
        ),
        boundaries_mm=levels,
    )


@dataclass(frozen=True, eq=False)
class _Traced:
    """A central slice with its fascia line."""

    slice: Slice
    marks: Marks
    line_rc: FloatArray
    band: FasciaBand
    z_mm: FloatArray

    @classmethod
    def of(cls, s: Slice, marks: Marks) -> _Traced:
        line = trace_fascia(marks, s)
        rows, columns = s.geometry.shape
        if len(line):
            band = fascia_band(line, s.geometry)
        else:
            band = FasciaBand(np.full((rows, columns), np.nan), np.zeros((rows, columns), np.intp))
        return cls(s, marks, line, band, s.geometry.height_map_mm())

    @property
    def traced(self) -> bool:
        return len(self.line_rc) > 0


@dataclass(frozen=True, eq=False)
class _Measured:
    """Edema found on the three slices and its score."""

    masks: tuple[BoolArray, ...]
    score: Score
    in_view: frozenset[str]
    unsuppressed: tuple[str, ...] = ()


def _reference(
    stack: SliceStack, spine: Spine, parts: list[_Traced], localizer: Localizer
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
            traced = _Traced.of(s, spine.seen.get(i) or localizer.mark([s])[0])
            if traced.traced:
                beside.append(Tissue(s, traced.band, traced.z_mm))
    heights = [v.center_lps_mm[2] for v in spine.vertebrae] or [0.0]
    return measure(
        beside,
        [_sample(p, p.marks.canal) for p in parts],
        [_sample(p, p.marks.body) for p in parts],
        (min(heights) - 15, max(heights) + 15),
    )


def _sample(part: _Traced, mark: FloatArray) -> FloatArray:
    """Intensities of the slice where a mark is sure."""
    at = part.slice.geometry.to_pixel(part.marks.geometry.to_lps(np.argwhere(mark > 0.8)))
    rows, columns = part.slice.geometry.shape
    r = np.clip(np.round(at[:, 0]).astype(int), 0, rows - 1)
    c = np.clip(np.round(at[:, 1]).astype(int), 0, columns - 1)
    return np.asarray(part.slice.pixels[r, c], dtype=float)


def _edema(
    parts: list[_Traced],
    reference: Reference,
    threshold: Threshold | None,
    levels: dict[str, tuple[float, float]],
    options: Options,
) -> _Measured:
    """Segment and score; without a threshold nothing is segmented and no level is judged."""
    gains = [reference.falloff.gain(p.band.depth_mm, p.z_mm) for p in parts]
    corrected = [p.slice.pixels / gain for p, gain in zip(parts, gains, strict=True)]
    masks: list[BoolArray] = [np.zeros(p.slice.geometry.shape, bool) for p in parts]
    bad: frozenset[str] = frozenset()
    if threshold is not None:
        read = [i for i, p in enumerate(parts) if p.traced]
        skins = [skin_mask(parts[i].marks, parts[i].slice, parts[i].line_rc) for i in read]
        before = tissue_before(
            [corrected[i] for i in read],
            [parts[i].band for i in read],
            [parts[i].z_mm for i in read],
        )
        for i, skin in zip(read, skins, strict=True):
            masks[i] = find_edema(
                corrected[i],
                threshold.limits(parts[i].band, gains[i], before(parts[i].z_mm)),
                parts[i].band,
                skin,
                parts[i].slice.geometry,
                options.threshold,
            )
        bad = unsuppressed_levels(
            [corrected[i] for i in read],
            [parts[i].band for i in read],
            skins,
            [parts[i].slice.geometry for i in read],
            levels,
            float(
                threshold.in_fat(
                    reference.falloff.gain(np.array(10.0), np.array(reference.falloff.middle_z_mm))
                )
            ),
        )
    scored = score(
        [
            SliceEdema(p.slice.geometry, p.line_rc, p.band, m, c)
            for p, m, c in zip(parts, masks, corrected, strict=True)
        ],
        central=1,
        territories=levels,
        involved_fraction=options.involved_fraction,
        reference=threshold.reference if threshold else 0.0,
        fascial_mm=options.threshold.fascial_mm,
        unreadable=bad,
    )
    in_view = frozenset(
        r.level for r in scored.per_level if r.involved is not None or r.level in bad
    )
    if threshold is None:
        scored = replace(
            scored, per_level=tuple(replace(r, involved=None) for r in scored.per_level), levels=()
        )
    return _Measured(tuple(masks), scored, in_view, tuple(n for n in levels if n in bad))


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
