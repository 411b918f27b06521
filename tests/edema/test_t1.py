"""Plain T2 with a T1 of the same exam: fat is told from fluid, and doubts are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

import fasciaseg
from fasciaseg.anatomy.localizer import Localizer
from fasciaseg.edema.shift import Pair, find_shift
from fasciaseg.errors import UnreadableInput
from fasciaseg.flags import FLAGS
from fasciaseg.geometry import FloatArray, Slice
from fasciaseg.phantom import (
    Coil,
    ExamPlan,
    FasciaEdema,
    Pathology,
    Sampling,
    Sequence,
    SoftTissue,
    SpinePhantom,
    SubcutaneousEdema,
    expose,
    write_study,
)
from fasciaseg.pipeline import default_model, read_stack
from fasciaseg.reading import Reading, SeriesContext
from fasciaseg.result import Result, SeriesInfo, StudyInfo

quick = settings(max_examples=10, deadline=None, derandomize=True)
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

    def changed(self, change: Callable[[FloatArray], FloatArray]) -> ImageStack:
        """The same with other pixels."""
        return ImageStack(
            [replace(s, pixels=change(s.pixels).astype(np.float32)) for s in self.slices]
        )


def patient(*levels: str, subcutaneous: bool = False, thickness: float = 6.0) -> SpinePhantom:
    edema = (FasciaEdema(levels, thickness, 0.9),) if levels else ()
    net = SubcutaneousEdema(brightness=0.65, clear_mm=9.0) if subcutaneous else None
    soft = SoftTissue(fat=(12, 15, 32, 27)) if subcutaneous else SoftTissue()
    return SpinePhantom(soft=soft, pathology=Pathology(edema, net))


PATIENTS = {
    "none": patient(),
    "thoracolumbar": patient("T12", "L1", "L2"),
    "severe": patient("T12", "L1", "L2", "L3"),
    "thick": patient("L1", "L2", thickness=22.0),
    "subcutaneous": patient(subcutaneous=True),
}


@cache
def exam(name: str, coils: tuple[float, float] = (200.0, 200.0)) -> tuple[ImageStack, ImageStack]:
    """T2 and T1 of a patient; depths of the two coils."""
    phantom, sampling = PATIENTS[name], Sampling(4.0, 2, 1)
    series: tuple[list[Slice], list[Slice]] = ([], [])
    for k in range(9):
        g = phantom.sagittal(
            (k - 4) * STEP_MM + 0.7, shape=(204, 150), spacing_mm=PIXEL_MM, shift_mm=(0, 8)
        )
        canvas = phantom.canvas(g, 4.0, 2, 1)
        for n, sequence in enumerate((Sequence.T2, Sequence.T1)):
            image = expose(
                phantom, canvas, g, sequence, sampling=sampling, coil=Coil(coils[n], 300),
                noise=0.008, seed=10 * k + n,
            )  # fmt: skip
            series[n].append(Slice((1000 * image).astype(np.float32), g, f"1.{n}.{k}", k))
    return ImageStack(series[0]), ImageStack(series[1])


@cache
def localizer() -> Localizer:
    return Localizer(default_model(), 1)


def read(t2: ImageStack, t1: ImageStack | None) -> Reading:
    series = SeriesContext("exam", StudyInfo("1.2"), SeriesInfo("1.2.3", "T2"))
    return read_stack(t2, series, localizer(), fasciaseg.Options(), t1=t1)


def codes(result: Result) -> set[str]:
    return {f.code for f in result.flags}


def assert_unanswered(result: Result, because: str) -> None:
    assert result.classification.fascia_edema is None
    assert result.edema.levels == ()
    assert FLAGS[because].withholds_answer
    assert because in codes(result)


# The answer


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        ("none", ()),
        ("thoracolumbar", ("T12", "L1", "L2")),
        ("severe", ("T12", "L1", "L2", "L3")),
        ("subcutaneous", ()),
    ],
)
def test_with_a_t1_the_answer_is_the_phantoms(name: str, levels: tuple[str, ...]) -> None:
    result = read(*exam(name)).result
    assert result.edema.levels == levels
    assert result.classification.fascia_edema is bool(levels)
    assert "t2_with_t1" in codes(result)
    assert "plain_t2_only" not in codes(result)


def test_without_a_t1_there_is_no_answer() -> None:
    assert_unanswered(read(exam("severe")[0], None).result, "plain_t2_only")


def test_fluid_that_fills_the_fat_is_not_taken_for_fat() -> None:
    assert set(read(*exam("thick")).result.edema.levels) == {"L1", "L2"}


@pytest.mark.parametrize("coils", [(100.0, 400.0), (400.0, 100.0)])
def test_the_coils_may_differ(coils: tuple[float, float]) -> None:
    assert read(*exam("none", coils)).result.edema.levels == ()
    assert read(*exam("thoracolumbar", coils)).result.edema.levels == ("T12", "L1", "L2")


def test_scanner_units_do_not_matter() -> None:
    t2, t1 = exam("thoracolumbar")
    scaled = read(t2.changed(lambda p: 0.02 * p), t1.changed(lambda p: 7 * p)).result
    assert scaled.edema.levels == ("T12", "L1", "L2")


def test_the_t1_is_shown_beside_the_t2() -> None:
    t2, t1 = exam("thoracolumbar")
    reading = read(t2, t1)
    assert all(
        s.t1 is not None and s.t1.pixels.shape == s.slice.pixels.shape for s in reading.slices
    )
    assert reading.slices[1].slice.pixels is t2[reading.slices[1].slice.index].pixels
    assert all(s.t1 is None for s in read(t2, None).slices)


# Where the two series lie


@pytest.mark.parametrize("shift_mm", [(0.0, 3.0), (-3.5, 1.0), (2.0, -4.0)])
def test_a_shift_is_undone_and_told(shift_mm: tuple[float, float]) -> None:
    t2, t1 = exam("thoracolumbar")
    moved = t1.changed(lambda p: ndimage.shift(p, np.array(shift_mm) / PIXEL_MM, order=1))
    result = read(t2, moved).result
    assert result.edema.levels == ("T12", "L1", "L2")
    assert "t1_shifted" in codes(result)
    told = result.edema.threshold["t1"]
    assert told["shift_down_mm"] == pytest.approx(shift_mm[0], abs=0.8)
    assert told["shift_back_mm"] == pytest.approx(shift_mm[1], abs=0.8)


def test_a_patient_who_bent_is_not_answered() -> None:
    t2, t1 = exam("none")

    def bent(pixels: FloatArray) -> FloatArray:
        rows = len(pixels)
        out = [np.roll(row, round(6 * (i / rows - 0.5))) for i, row in enumerate(pixels)]
        return np.array(out)

    assert_unanswered(read(t2, t1.changed(bent)).result, "t1_shifted")


def test_a_finer_grid_gives_the_same() -> None:
    t2, t1 = exam("thoracolumbar")
    fine = []
    for s in t1.slices:
        g = replace(s.geometry, spacing_mm=(1.0, 1.0), shape=(300, 220))
        at = np.moveaxis(
            s.geometry.to_pixel(g.to_lps(np.moveaxis(np.indices(g.shape), 0, -1))), -1, 0
        )
        pixels = ndimage.map_coordinates(s.pixels, at, order=1).astype(np.float32)
        fine.append(Slice(pixels, g, s.sop_instance_uid, s.index))
    assert read(t2, ImageStack(fine)).result.edema.levels == ("T12", "L1", "L2")


def test_only_what_both_show_is_judged() -> None:
    t2, t1 = exam("thoracolumbar")
    upper = [
        Slice(s.pixels[:110], replace(s.geometry, shape=(110, 150)), s.sop_instance_uid, s.index)
        for s in t1.slices
    ]
    result = read(t2, ImageStack(upper)).result
    judged = {r.level for r in result.edema.per_level if r.involved is not None}
    assert "L5" not in judged
    assert {"T12", "L1"} <= judged


@quick
@given(st.integers(0, 2**16), st.floats(-5, 5), st.floats(-5, 5))
def test_shifts_are_found_whatever_the_contrast(seed: int, down: float, back: float) -> None:
    rng = np.random.default_rng(seed)
    tissue = ndimage.gaussian_filter(rng.normal(size=(120, 90)), 4)
    tissue = np.digitize(tissue / tissue.std(), [-0.7, 0.2, 0.9])
    first = np.array([100.0, 300, 800, 500])[tissue] + 10 * rng.normal(size=tissue.shape)
    other = ndimage.gaussian_filter(np.array([900.0, 100, 200, 600])[tissue], 0.6)
    second = ndimage.shift(other, (down / 1.2, back / 1.2), order=1, mode="nearest")
    where = np.zeros(tissue.shape, bool)
    where[10:-10, 10:-10] = True
    shift = find_shift([Pair(first, second, where, (1.2, 1.2))])
    assert (shift.down_mm, shift.back_mm) == pytest.approx((down, back), abs=0.6)
    assert not shift.at_limit


# What is no evidence


def test_a_series_whose_fluid_shines_is_no_t1() -> None:
    t2, _ = exam("thoracolumbar")
    assert_unanswered(read(t2, t2).result, "t1_unfit")


def test_a_series_without_contrast_tells_nothing() -> None:
    t2, t1 = exam("none")
    grey = t1.changed(lambda p: np.where(p > 60, 250 + 0.02 * p, p))
    assert read(t2, grey).result.classification.fascia_edema is None


def test_where_the_t1_has_lost_its_signal_nothing_is_claimed() -> None:
    """A saturation band, or the end of the coil: fat is as dark as fluid there."""
    t2, t1 = exam("none")
    weak = 1 - 0.8 * (np.arange(204) < 80)[:, None]
    assert_unanswered(read(t2, t1.changed(lambda p: p * weak)).result, "t1_unfit")


def test_a_collection_bright_on_both_is_not_dismissed() -> None:
    t2, t1 = exam("none")
    middle = read(t2, t1).slices[1]
    line = np.interp(np.arange(204), *middle.fascia_rc.T)
    away = (np.arange(150)[None, :] - line[:, None]) * PIXEL_MM
    rows = np.arange(204)[:, None]
    blood = (np.abs(away + 1) < 4) & (rows > 80) & (rows < 115)
    weight = ndimage.gaussian_filter(blood.astype(float), 0.6)

    def bled(stack: ImageStack, bright: float) -> ImageStack:
        return stack.changed(lambda p: p * (1 - weight) + weight * bright)

    brightest = float(np.percentile(t2[middle.slice.index].pixels, 99.9))
    fat = float(np.percentile(t1[middle.slice.index].pixels, 98))
    result = read(bled(t2, 1.5 * brightest), bled(t1, fat)).result
    assert_unanswered(result, "t1_bright_collection")


# From files


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exam without any fat-suppressed series."""
    folder = tmp_path_factory.mktemp("plain")
    write_study(PATIENTS["severe"], folder, ExamPlan(pixel_mm=1.5), compress=False)
    for file in [p for p in folder.rglob("*") if p.is_file()]:
        if "STIR" in pydicom.dcmread(file, stop_before_pixels=True).SeriesDescription:
            file.unlink()
    return folder


def test_the_t1_of_the_exam_is_used(study: Path, tmp_path: Path) -> None:
    result = fasciaseg.classify(study, fasciaseg.Options(out=tmp_path / "out"))
    assert result.edema.levels == ("T12", "L1", "L2", "L3")
    assert (result.series_edema.sequence, result.series_t1 is not None) == ("T2", True)
    assert "t2_with_t1" in codes(result)


def test_a_t1_after_contrast_is_no_evidence(study: Path) -> None:
    for file in [p for p in study.rglob("*") if p.is_file()]:
        ds = pydicom.dcmread(file)
        if ds.SeriesDescription.startswith("T1"):
            ds.ContrastBolusAgent = "Gadoterate"
            ds.save_as(file)
    result = fasciaseg.classify(study)
    assert_unanswered(result, "plain_t2_only")
    assert "contrast_given" in codes(result)


def test_a_broken_t1_leaves_the_t2_alone() -> None:
    t2, t1 = exam("none")

    class Broken(ImageStack):
        def __getitem__(self, index: int) -> Slice:
            raise UnreadableInput("undecodable", "Slice 1 of 9 of series 2")

    assert_unanswered(read(t2, Broken(t1.slices)).result, "plain_t2_only")
