"""From a stack of slices to a result, on phantoms whose truth is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasciaseg.anatomy.localizer import Localizer
from fasciaseg.errors import NothingToRead
from fasciaseg.flags import FLAGS
from fasciaseg.geometry import Slice, SliceGeometry
from fasciaseg.options import Options
from fasciaseg.phantom import (
    Coil,
    FasciaEdema,
    FatFailure,
    Fracture,
    Pathology,
    Sampling,
    Sequence,
    SoftTissue,
    SpinePhantom,
    SubcutaneousEdema,
    render,
    sagittal_geometry,
    truth,
)
from fasciaseg.pipeline import default_model, read_stack
from fasciaseg.reading import Reading, SeriesContext
from fasciaseg.result import SCHEMA, Result, SeriesInfo, StudyInfo
from fasciaseg.vertebrae import SCORED_LEVELS

slow = settings(max_examples=5, deadline=None, derandomize=True)

PIXEL_MM, STEP_MM = 1.5, 4.4


class ImageStack:
    """Slices that stand in memory."""

    def __init__(self, slices: list[Slice]) -> None:
        self.slices = slices
        self.geometries = [s.geometry for s in slices]

    def __len__(self) -> int:
        return len(self.slices)

    def __getitem__(self, index: int) -> Slice:
        return self.slices[index]

    def changed(self, change: Callable[[Slice], Slice]) -> ImageStack:
        return ImageStack([change(s) for s in self.slices])


def painted(*levels: str, **options: Any) -> SpinePhantom:
    edema = (FasciaEdema(levels, 6.0, 0.85, **options),) if levels else ()
    return SpinePhantom(pathology=Pathology(edema))


PATIENTS = {
    "none": painted(),
    "thoracolumbar": painted("T12", "L1", "L2"),
    "lower lumbar": painted("L4", "L5"),
    "one level": painted("L3"),
    "severe": painted("T11", "T12", "L1", "L2", "L3"),
    "upper": painted("T10", "T11", "T12"),
}


@cache
def stack_of(patient: str, sequence: Sequence = Sequence.STIR, **view: Any) -> ImageStack:
    """`exam_of` one of the patients above, made once."""
    return exam_of(PATIENTS[patient], sequence, **view)


def exam_of(
    phantom: SpinePhantom,
    sequence: Sequence = Sequence.STIR,
    center_level: str = "L2",
    count: int = 9,
    aside_mm: float = 0.7,
    rows: int = 204,
) -> ImageStack:
    """A sagittal stack of 4.4 mm slices whose middle lies `aside_mm` beside the spine's."""
    slices = []
    for k in range(count):
        g = phantom.sagittal(
            (k - count // 2) * STEP_MM + aside_mm,
            shape=(rows, 150),
            spacing_mm=PIXEL_MM,
            center_level=center_level,
            shift_mm=(0, 8),
        )
        image = render(
            phantom, g, sequence, coil=Coil(200, 300), noise=0.01,
            sampling=Sampling(4.0, 2, 1), seed=k,
        )  # fmt: skip
        slices.append(Slice((1000 * image).astype(np.float32), g, f"1.2.{k}", k))
    return ImageStack(slices)


@cache
def localizer() -> Localizer:
    return Localizer(default_model(), 1)


def read(
    stack: ImageStack, sequence: str = "STIR", options: Options | None = None, **context: Any
) -> Reading:
    series = SeriesContext("exam", StudyInfo("1.2.3"), SeriesInfo("1.2.3.4", sequence), **context)
    return read_stack(stack, series, localizer(), options or Options())


@cache
def reading_of(patient: str, sequence: Sequence = Sequence.STIR) -> Reading:
    return read(stack_of(patient, sequence), sequence.name)


def result_of(patient: str, sequence: Sequence = Sequence.STIR) -> Result:
    return reading_of(patient, sequence).result


def codes(result: Result) -> set[str]:
    return {f.code for f in result.flags}


def assert_unanswered(result: Result) -> None:
    """Null is never `none`, has no levels and always says why."""
    c = result.classification
    assert (c.fascia_edema, c.location, c.severity) == (None, None, None)
    assert result.edema.levels == ()
    assert any(FLAGS[code].withholds_answer for code in codes(result))


# The answer


@pytest.mark.parametrize("sequence", [Sequence.STIR, Sequence.T2_FS, Sequence.T2_DIXON_WATER])
@pytest.mark.parametrize("patient", ["none", "thoracolumbar", "lower lumbar", "severe"])
def test_the_answer_is_the_phantoms(patient: str, sequence: Sequence) -> None:
    stack, result = stack_of(patient, sequence), result_of(patient, sequence)
    t = truth(PATIENTS[patient], stack.geometries)
    assert result.edema.levels == t.levels
    assert result.classification.location == t.location
    assert result.classification.severity == t.severity
    assert result.classification.fascia_edema is bool(t.levels)
    assert result.edema.length_mm == pytest.approx(t.length_mm, abs=8)


def test_a_single_level() -> None:
    c = result_of("one level").classification
    assert (c.location, c.severity) == ("lower_lumbar", "non_severe")
    assert result_of("one level").edema.levels == ("L3",)


def test_edema_above_t11_is_flagged_and_keeps_the_class() -> None:
    result = read(stack_of("upper", center_level="T12", rows=280)).result
    assert result.edema.levels == ("T10", "T11", "T12")
    assert result.classification.location == "thoracolumbar"
    assert "extends_above_T11" in codes(result)


def test_a_part_of_a_level_below_one_third_does_not_count() -> None:
    """L2 whole, three quarters of L1 missing."""
    phantom = painted("L1", "L2", gaps=(("L1", 0.8),))
    result = read(exam_of(phantom)).result
    assert result.edema.levels == ("L2",)


def test_edema_on_one_side_only_is_seen() -> None:
    """The three slices are united: left of the midline is enough."""
    result = read(exam_of(painted("L1", "L2", side="left", half_width_mm=30.0))).result
    assert result.edema.levels == ("L1", "L2")


def test_subcutaneous_edema_alone_is_none() -> None:
    soft = SoftTissue(fat=(12, 15, 32, 27))
    mimic = Pathology((), SubcutaneousEdema(brightness=0.65, clear_mm=9.0))
    result = read(exam_of(SpinePhantom(soft=soft, pathology=mimic))).result
    assert result.classification.location == "none"


def test_the_fraction_decides_about_levels() -> None:
    stack = exam_of(painted("L1", "L2", gaps=(("L1", 0.3),)))
    assert read(stack).result.edema.levels == ("L1", "L2")
    strict = Options(involved_fraction=0.75)
    assert read(stack, options=strict).result.edema.levels == ("L2",)


# Where it looked


@pytest.mark.parametrize("aside", [-9.0, -4.0, 6.0])
def test_central_slices_follow_the_spine_not_the_stack(aside: float) -> None:
    """Stacks that lie beside the spine: their own middle is up to two slices off."""
    stack = stack_of("thoracolumbar", count=13, aside_mm=aside)
    result = read(stack).result
    middle = truth(PATIENTS["thoracolumbar"], stack.geometries).middle_x_mm
    positions = [s.position_mm for s in result.central_slices]
    assert positions == sorted(positions)
    nearest = min((g.position_mm for g in stack.geometries), key=lambda x: abs(x - middle))
    assert abs(positions[1] - middle) <= abs(nearest - middle) + 1.0
    assert np.diff(positions) == pytest.approx([STEP_MM, STEP_MM], abs=0.02)
    assert result.edema.levels == ("T12", "L1", "L2")


def test_vertebrae_are_named_and_in_place() -> None:
    result = result_of("none")
    centers = PATIENTS["none"].centers_lps_mm
    found = [v.level for v in result.vertebrae]
    assert found == [level for level in SCORED_LEVELS if level in found]
    assert found[-1] == "L5"
    assert len(found) >= 7
    for v in result.vertebrae:
        assert np.linalg.norm(np.subtract(v.center_lps_mm, centers[v.level])) < 8
        assert 0 <= v.confidence <= 1
    assert result.anchor.kind == "lumbosacral_junction"
    assert 0.4 < result.anchor.confidence <= 1


def test_the_reading_holds_what_a_reader_must_see() -> None:
    reading = reading_of("lower lumbar")
    assert [p.slice.sop_instance_uid for p in reading.slices] == [
        s.sop_instance_uid for s in reading.result.central_slices
    ]
    for p in reading.slices:
        assert p.edema.shape == p.slice.geometry.shape
        assert (np.diff(p.fascia_rc[:, 0]) == 1).all()
        z = p.slice.geometry.heights_mm(np.argwhere(p.edema).astype(float))
        assert z.max() < reading.boundaries_mm["L3"][0]
    for level, row in zip(reading.boundaries_mm, reading.result.edema.per_level, strict=True):
        assert level == row.level


def test_levels_in_view_are_those_that_could_be_judged() -> None:
    result = result_of("none")
    judged = [r.level for r in result.edema.per_level if r.involved is not None]
    assert list(result.levels_in_view) == judged
    assert set(judged) >= {"T12", "L1", "L2", "L3", "L4", "L5"}


def test_numbers_agree_with_each_other() -> None:
    e = result_of("severe").edema
    assert e.n_levels == len(e.levels) == 5
    assert e.levels == tuple(r.level for r in e.per_level if r.involved)
    assert e.length_mm == pytest.approx(sum(r.length_mm for r in e.per_level), abs=0.1)
    assert e.area_mm2 == pytest.approx(sum(r.area_mm2 for r in e.per_level), abs=0.1)
    assert e.depth is not None
    assert e.depth.fascial > 0.5
    for r in e.per_level:
        assert (r.coverage >= 1 / 3) is bool(r.involved)
        if r.involved:
            assert r.contrast is not None
            assert r.contrast > 1.2


# No answer


def test_plain_t2_answers_nothing() -> None:
    result = read(stack_of("thoracolumbar", Sequence.T2), "T2").result
    assert_unanswered(result)
    assert "plain_t2_only" in codes(result)
    assert result.vertebrae, "levels are found all the same"
    assert all(r.involved is None for r in result.edema.per_level)
    assert result.edema.length_mm == 0


def test_unsuppressed_fat_is_never_called_edema() -> None:
    """A plain T2 whose header says fat suppression."""
    result = read(stack_of("none", Sequence.T2), "T2_FS").result
    assert result.classification.fascia_edema is not True
    assert_unanswered(result)
    assert "fat_suppression_failed" in codes(result)


def test_fat_that_shines_on_a_water_image_was_swapped() -> None:
    result = read(stack_of("none", Sequence.T2), "T2_DIXON_WATER").result
    assert_unanswered(result)
    assert "fat_water_swap_suspected" in codes(result)


@pytest.mark.parametrize(
    "share", [0.15, 0.25, 0.28, 0.29, 0.3, 0.31, 0.35, 0.4, 0.45, 0.5, 0.6, 0.8]
)
def test_half_suppressed_fat_adds_no_level_unsaid(share: float) -> None:
    """A share of the unsuppressed image shines through: right, or null and why."""
    fat, water = stack_of("lower lumbar", Sequence.T2), stack_of("lower lumbar", Sequence.T2_FS)
    stack = ImageStack(
        [
            replace(w, pixels=(share * f.pixels + (1 - share) * w.pixels).astype(np.float32))
            for f, w in zip(fat.slices, water.slices, strict=True)
        ]
    )
    result = read(stack, "T2_FS").result
    if result.classification.fascia_edema is None:
        assert_unanswered(result)
    else:
        assert result.edema.levels == ("L4", "L5")


def test_two_vertebrae_unusually_near_are_pointed_out() -> None:
    """Two crushed neighbours may as well be one that was found twice: names aren't sure."""
    whole = PATIENTS["severe"]
    crushed = tuple(Fracture(level, 0.55, "crush", 0.0) for level in ("L1", "L2"))
    broken = replace(whole, spine=replace(whole.spine, fractures=crushed))
    result = read(exam_of(broken, rows=260)).result
    (told,) = (f for f in result.flags if f.code == "vertebrae_crowded")
    assert told.text.endswith("(between: L1-L2).")
    assert result.confidence.value < 0.6
    assert "vertebrae_crowded" not in codes(result_of("severe"))


@pytest.mark.parametrize("patient", ["severe", "none"])
def test_padding_around_the_image_changes_no_answer(patient: str) -> None:
    """A copy may lie in a far larger, black matrix."""
    margin = 700
    slices = [
        replace(
            s,
            pixels=np.pad(s.pixels, margin),
            geometry=replace(
                s.geometry,
                origin_lps_mm=tuple(s.geometry.to_lps(np.array([-margin, -margin]))),
                shape=tuple(n + 2 * margin for n in s.geometry.shape),
            ),
        )
        for s in stack_of(patient).slices
    ]
    result, plain = read(ImageStack(slices)).result, result_of(patient)
    assert result.classification == plain.classification
    assert result.edema.levels == plain.edema.levels
    assert [v.level for v in result.vertebrae] == [v.level for v in plain.vertebrae]


THIN = SoftTissue(fat=(6.0, 7.0, 12.0, 9.0))


@pytest.mark.parametrize("strength", [0.6, 0.9])
@pytest.mark.parametrize("soft", [THIN, SoftTissue(), SoftTissue(fat=(14, 24, 42, 40))])
def test_a_patch_of_fat_that_escaped_suppression_is_no_edema(
    soft: SoftTissue, strength: float
) -> None:
    """It fades out over centimetres; edema higher up is found all the same."""
    patch = FatFailure("back", strength)
    alone = read(exam_of(SpinePhantom(soft=soft, pathology=Pathology(fat_failure=patch)))).result
    assert alone.edema.levels == ()
    edema = (FasciaEdema(("T11", "T12"), 6.0, 0.85),)
    beside = SpinePhantom(soft=soft, pathology=Pathology(edema, fat_failure=patch))
    result = read(exam_of(beside)).result
    assert result.edema.levels == ("T11", "T12")
    assert "fat_suppression_failed" in codes(result)


@pytest.mark.parametrize("levels", [("L5",), ("L3", "L4", "L5")])
@pytest.mark.parametrize("soft", [THIN, SoftTissue(), SoftTissue(fat=(14, 24, 42, 40))])
def test_edema_beside_fat_that_escaped_is_never_denied(
    soft: SoftTissue, levels: tuple[str, ...]
) -> None:
    """It runs into that fat: found, or left to a reader, but not called no edema."""
    edema = (FasciaEdema(levels, 6.0, 0.85),)
    phantom = SpinePhantom(soft=soft, pathology=Pathology(edema, fat_failure=FatFailure("back")))
    result = read(exam_of(phantom)).result
    if result.classification.fascia_edema is None:
        assert_unanswered(result)
        assert "fat_suppression_failed" in codes(result)
    else:
        assert result.edema.levels == levels


def test_edema_that_fills_a_thin_back_is_edema() -> None:
    """It shines up to the skin as well, but it has a border."""
    edema = (FasciaEdema(("L1", "L2"), 10.0, 0.9, shift_mm=2.0),)
    result = read(exam_of(SpinePhantom(soft=THIN, pathology=Pathology(edema)))).result
    assert result.edema.levels == ("L1", "L2")


def noise_stack() -> ImageStack:
    rng = np.random.default_rng(0)
    slices = []
    for k in range(7):
        g = sagittal_geometry((4.0 * k - 12.0, 0.0, 0.0), (160, 140), (1.5, 1.5))
        pixels = np.abs(rng.normal(100, 60, g.shape)).astype(np.float32)
        slices.append(Slice(pixels, g, f"1.9.{k}", k))
    return ImageStack(slices)


def test_noise_is_nothing_to_read() -> None:
    with pytest.raises(NothingToRead) as caught:
        read(noise_stack())
    assert caught.value.exit_code == 3
    assert "assume-spine" in caught.value.action


@pytest.mark.parametrize("sequence", ["STIR", "T2"])
def test_assume_spine_goes_on_with_the_geometric_middle(sequence: str) -> None:
    result = read(noise_stack(), sequence, Options(assume_spine=True)).result
    assert_unanswered(result)
    assert "central_slices_geometric" in codes(result)
    assert [s.position_mm for s in result.central_slices] == pytest.approx([-4, 0, 4])
    assert result.vertebrae == ()
    assert result.levels_in_view == ()
    assert result.anchor.kind == "none"
    assert_whole(result)


def test_assume_spine_changes_nothing_where_there_is_a_spine() -> None:
    stack = stack_of("lower lumbar")
    assert essence(read(stack, options=Options(assume_spine=True)).result) == essence(
        result_of("lower lumbar")
    )


def test_an_empty_stack_is_nothing_to_read() -> None:
    black = stack_of("none").changed(lambda s: replace(s, pixels=np.zeros_like(s.pixels)))
    with pytest.raises(NothingToRead):
        read(black)
    assert_unanswered(read(black, options=Options(assume_spine=True)).result)


# Flags


def cut_rows(stack: ImageStack, first: int, last: int) -> ImageStack:
    def cut(s: Slice) -> Slice:
        g = s.geometry
        origin = g.to_lps(np.array([first, 0.0]))
        shape = (last - first, g.shape[1])
        at = (float(origin[0]), float(origin[1]), float(origin[2]))
        return replace(
            s, pixels=s.pixels[first:last], geometry=replace(g, origin_lps_mm=at, shape=shape)
        )

    return stack.changed(cut)


def row_of(stack: ImageStack, patient: str, upper: str, lower: str) -> int:
    """The row halfway between two bodies."""
    centers = PATIENTS[patient].centers_lps_mm
    middle = (np.asarray(centers[upper]) + np.asarray(centers[lower])) / 2
    return round(float(stack.geometries[0].to_pixel(middle)[0]))


def test_without_the_sacrum_levels_are_unverified() -> None:
    stack = stack_of("thoracolumbar", center_level="T12")
    cut = cut_rows(stack, 0, row_of(stack, "thoracolumbar", "L3", "L4"))
    result = read(cut).result
    assert result.anchor.kind == "none"
    assert "levels_unverified" in codes(result)
    assert len(result.edema.levels) == 3, "it is still three levels, whatever their names"
    assert "levels_unverified" not in codes(result_of("thoracolumbar"))


def test_edema_that_runs_out_of_the_image() -> None:
    stack = stack_of("severe")
    cut = cut_rows(stack, row_of(stack, "severe", "T12", "L1"), 204)
    result = read(cut).result
    assert "edema_reaches_image_edge" in codes(result)
    assert set(result.edema.levels) >= {"L1", "L2", "L3"}
    assert result.classification.location == "both"


def test_contrast_agent_is_told() -> None:
    assert "contrast_given" in codes(read(stack_of("none"), contrast_given=True).result)


def test_a_missing_slice_is_told() -> None:
    whole = stack_of("none", count=13)
    holed = ImageStack([s for s in whole.slices if s.index != 9])
    assert "irregular_spacing" in codes(read(holed).result)
    assert "irregular_spacing" not in codes(read(whole).result)


def test_a_sound_exam_has_no_flags() -> None:
    for patient in ("none", "thoracolumbar", "lower lumbar"):
        assert codes(result_of(patient)) == set(), patient


def test_every_flag_is_in_the_table() -> None:
    for patient in PATIENTS:
        assert codes(result_of(patient)) <= set(FLAGS)


# What must not matter


def essence(result: Result) -> dict[str, Any]:
    """What a study's table holds of an exam."""
    d = result.to_dict()
    return {
        "levels": d["edema"]["levels"],
        "classification": d["classification"],
        "flags": [f["code"] for f in d["flags"]],
        "central": [s["sop_instance_uid"] for s in d["central_slices"]],
        "named": [v["level"] for v in d["vertebrae"]],
        "length": d["edema"]["length_mm"],
    }


def assert_alike(a: Result, b: Result, mm: float) -> None:
    one, other = essence(a), essence(b)
    assert one.pop("length") == pytest.approx(other.pop("length"), abs=mm)
    assert one == other


@slow
@given(st.floats(-4, 5).map(lambda power: 10**power))
def test_the_scanners_scale_does_not_matter(scale: float) -> None:
    stack = stack_of("thoracolumbar")
    scaled = stack.changed(lambda s: replace(s, pixels=(scale * s.pixels).astype(np.float32)))
    assert_alike(read(scaled).result, result_of("thoracolumbar"), mm=0.1 + 2 * PIXEL_MM)


def test_the_thresholds_record_keeps_its_digits_at_any_scale() -> None:
    """Images of 0 to 0.1, as some rescale slopes make them, have thresholds that aren't 0."""
    stack = stack_of("thoracolumbar")
    scaled = stack.changed(lambda s: replace(s, pixels=(1e-4 * s.pixels).astype(np.float32)))
    record = read(scaled).result.edema.threshold
    expected = result_of("thoracolumbar").edema.threshold
    assert record["low"] == pytest.approx(1e-4 * expected["low"], rel=0.02)
    assert record["csf"] == pytest.approx(1e-4 * expected["csf"], rel=0.02)


def shifted(stack: ImageStack, columns: int) -> ImageStack:
    """Columns cut away (or air added) at the belly: the same patient, a shifted field of view."""

    def shift(s: Slice) -> Slice:
        g: SliceGeometry = s.geometry
        origin = g.to_lps(np.array([0.0, columns]))
        pixels = s.pixels[:, columns:] if columns > 0 else np.pad(s.pixels, ((0, 0), (-columns, 0)))
        at = (float(origin[0]), float(origin[1]), float(origin[2]))
        return replace(
            s,
            pixels=np.ascontiguousarray(pixels),
            geometry=replace(g, origin_lps_mm=at, shape=(g.shape[0], pixels.shape[1])),
        )

    return stack.changed(shift)


@slow
@given(st.integers(-30, 25))
def test_a_shift_of_the_image_does_not_matter(columns: int) -> None:
    moved = read(shifted(stack_of("lower lumbar"), columns)).result
    assert_alike(moved, result_of("lower lumbar"), mm=4.0)
    before = {v.level: v.center_lps_mm for v in result_of("lower lumbar").vertebrae}
    for v in moved.vertebrae:
        assert v.center_lps_mm == pytest.approx(before[v.level], abs=4)


def moved(stack: ImageStack, by: tuple[float, float, float]) -> ImageStack:
    """The same exam with the scanner's origin elsewhere."""

    def move(s: Slice) -> Slice:
        x, y, z = (a + b for a, b in zip(s.geometry.origin_lps_mm, by, strict=True))
        return replace(s, geometry=replace(s.geometry, origin_lps_mm=(x, y, z)))

    return stack.changed(move)


@slow
@given(st.tuples(st.floats(-100, 100), st.floats(-200, 200), st.floats(-700, 700)))
def test_the_scanners_origin_does_not_matter(by: tuple[float, float, float]) -> None:
    result = read(moved(stack_of("severe"), by)).result
    assert_alike(result, result_of("severe"), mm=0.1)
    assert result.edema.area_mm2 == pytest.approx(result_of("severe").edema.area_mm2, rel=1e-3)
    for v, before in zip(result.vertebrae, result_of("severe").vertebrae, strict=True):
        assert np.subtract(v.center_lps_mm, before.center_lps_mm) == pytest.approx(by, abs=0.01)


@pytest.mark.parametrize("z", [-600.0, 600.0])
@pytest.mark.parametrize("sequence", [Sequence.T2, Sequence.STIR])
def test_fat_suppression_is_judged_alike_wherever_the_patient_lies(
    sequence: Sequence, z: float
) -> None:
    """A coil that reaches only a part of the image, so that its gain changes with height."""
    stack = stack_of("lower lumbar", sequence)
    rows = np.linspace(-1, 1, 204)[:, None]
    shaded = stack.changed(lambda s: replace(s, pixels=(s.pixels * np.exp(rows)).astype("f4")))
    here = read(shaded, "STIR").result
    there = read(moved(shaded, (0.0, 0.0, z)), "STIR").result
    assert_alike(there, here, mm=0.1)


def without_times(result: Result) -> str:
    d = result.to_dict()
    del d["timings_ms"]
    return json.dumps(d)


def test_two_runs_give_the_same_bytes() -> None:
    stack = stack_of("severe")
    fresh = Localizer(default_model(), 1)
    series = SeriesContext("exam", StudyInfo("1.2.3"), SeriesInfo("1.2.3.4", "STIR"))
    again = read_stack(stack, series, fresh, Options())
    assert without_times(again.result) == without_times(result_of("severe"))
    for a, b in zip(again.slices, reading_of("severe").slices, strict=True):
        assert np.array_equal(a.edema, b.edema)


# The record

NUMBER = (int, float)
SHAPE: dict[str, Any] = {
    "schema": str,
    "input": str,
    "software": {"version": str, "model": str, "model_sha256": str, "options": dict},
    "study": {"study_instance_uid": str},
    "series": {"edema": {"series_instance_uid": str, "sequence": str}},
    "central_slices": list,
    "levels_in_view": list,
    "vertebrae": list,
    "anchor": {"kind": str, "confidence": NUMBER},
    "edema": {
        "levels": list,
        "n_levels": int,
        "length_mm": NUMBER,
        "area_mm2": NUMBER,
        "rule": str,
        "threshold": dict,
        "depth": (dict, type(None)),
        "per_level": list,
    },
    "classification": {
        "fascia_edema": (bool, type(None)),
        "location": (str, type(None)),
        "severity": (str, type(None)),
    },
    "confidence": {"value": NUMBER, "reasons": list},
    "fractures": list,
    "flags": list,
    "outputs": {"slices": list},
    "timings_ms": dict,
}


def assert_shape(found: dict[str, Any], shape: dict[str, Any], where: str = "") -> None:
    for key, kind in shape.items():
        assert key in found, f"{where}{key} is missing"
        if isinstance(kind, dict):
            assert_shape(found[key], kind, f"{where}{key}.")
        else:
            assert isinstance(found[key], kind), f"{where}{key} is {found[key]!r}"


def assert_whole(result: Result) -> None:
    """Every key of the schema, and the same after a trip through JSON."""
    d = result.to_dict()
    assert_shape(d, SHAPE)
    assert d["schema"] == SCHEMA == "fasciaseg.result/1"
    assert json.loads(json.dumps(d, allow_nan=False)) == d
    assert d["edema"]["n_levels"] == len(d["edema"]["levels"])
    assert len(d["central_slices"]) == 3
    for s in d["central_slices"]:
        assert set(s) >= {"sop_instance_uid", "position_mm"}
    for v in d["vertebrae"]:
        assert set(v) >= {"level", "center_lps_mm", "confidence"}
        assert len(v["center_lps_mm"]) == 3
    for r in d["edema"]["per_level"]:
        assert set(r) >= {"level", "involved", "coverage", "length_mm", "area_mm2", "contrast"}
        assert r["involved"] in (True, False, None)
    if d["edema"]["depth"] is not None:
        assert set(d["edema"]["depth"]) >= {"subcutaneous", "fascial", "muscle"}
        assert sum(d["edema"]["depth"].values()) == pytest.approx(1)
    for f in d["flags"]:
        assert set(f) == {"code", "text"}


@pytest.mark.parametrize("patient", PATIENTS)
def test_the_record_is_whole(patient: str) -> None:
    assert_whole(result_of(patient))
    assert list(result_of(patient).to_dict()) == list(SHAPE)


def test_the_record_is_whole_without_an_answer() -> None:
    assert_whole(read(stack_of("none", Sequence.T2), "T2").result)


def test_the_record_says_what_made_it() -> None:
    d = read(
        stack_of("none"), options=Options(involved_fraction=0.5), t1=SeriesInfo("1.2.3.5", "T1")
    ).result.to_dict()
    assert d["software"]["model_sha256"] == localizer().sha256
    assert d["software"]["options"]["involved_fraction"] == 0.5
    assert d["series"]["t1"] == {"series_instance_uid": "1.2.3.5", "sequence": "T1"}
    assert d["edema"]["rule"] == "axial"
    assert d["edema"]["threshold"]["source"] == "muscle"
    assert set(d["timings_ms"]) >= {"localize", "fascia", "threshold", "edema"}
