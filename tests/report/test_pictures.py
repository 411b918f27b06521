"""What a reader sees on the pictures, measured on their pixels."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fasciaseg.flags import FLAGS
from fasciaseg.geometry import FloatArray, Slice, SliceGeometry
from fasciaseg.reading import Reading
from fasciaseg.report import draw_slice, draw_summary
from fasciaseg.report.annotate import TOP, legend
from fasciaseg.report.canvas import VERMILLION, YELLOW, Colour, Page
from fasciaseg.report.overlay import MARGIN, MAX_HEIGHT, MAX_WIDTH
from fasciaseg.report.view import (
    View,
    Window,
    box_around,
    fitting_scale,
    shaded,
    view_at,
    whole,
    window_of,
)

ReadingMaker = Callable[..., Reading]


def slice_page(reading: Reading, index: int) -> Image.Image:
    return draw_slice(reading, index)


def summary_page(reading: Reading) -> Image.Image:
    return draw_summary(reading)


def picture_of(reading: Reading, index: int = 1) -> tuple[FloatArray, View]:
    """The slice's own part of the page as a float array (rows, columns, RGB), and its view."""
    g = reading.slices[index].slice.geometry
    view = view_at(g, whole(g), fitting_scale(g, whole(g), MAX_WIDTH, MAX_HEIGHT))
    width, height = view.size
    page = slice_page(reading, index).crop((MARGIN, TOP, MARGIN + width, TOP + height))
    return np.asarray(page, dtype=float), view


def to_lps(view: View, xy: FloatArray) -> FloatArray:
    """The way back from the picture to the patient."""
    left, top, right, bottom = view.box
    column = left + (xy[:, 0] + 0.5) * (right - left) / view.size[0] - 0.5
    row = top + (xy[:, 1] + 0.5) * (bottom - top) / view.size[1] - 0.5
    return view.geometry.to_lps(np.column_stack([row, column]))


def has_colour(image: Image.Image, colour: Colour) -> bool:
    return int((np.abs(np.asarray(image, dtype=int) - colour).sum(axis=-1) < 12).sum()) >= 20


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.5, 1.1), (1.3, 0.6)])
def test_a_circle_stays_a_circle(make_reading: ReadingMaker, spacing: tuple[float, float]) -> None:
    reading = make_reading(levels=(), answer=False, spacing=spacing, bodies=False)
    parts = []
    for part in reading.slices:
        g = part.slice.geometry
        lps = g.to_lps(np.moveaxis(np.indices(g.shape, dtype=float), 0, -1))
        away = np.linalg.norm(lps - np.array(g.center_lps_mm), axis=-1)
        pixels = np.where(away < 50, 1000, 10).astype(np.float32)
        moved = Slice(pixels, g, "1.2", part.slice.index)
        parts.append(dataclasses.replace(part, slice=moved, fascia_rc=np.zeros((0, 2))))
    reading = dataclasses.replace(reading, slices=tuple(parts))
    picture, view = picture_of(reading)
    bright = picture[..., 0] > 128
    width, height = bright.any(axis=0).sum(), bright.any(axis=1).sum()
    assert width == pytest.approx(height, rel=0.02)
    assert width / view.px_per_mm == pytest.approx(100, rel=0.02)


@pytest.mark.parametrize("degrees", [0.0, 18.0, -12.0])
@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.7, 1.4)])
def test_boundaries_lie_at_their_height_in_the_patient(
    make_reading: ReadingMaker, degrees: float, spacing: tuple[float, float]
) -> None:
    z = -2.5 * 35.0
    plain = make_reading(levels=(), answer=False, degrees=degrees, spacing=spacing)
    plain = dataclasses.replace(plain, boundaries_mm={})
    lined = dataclasses.replace(plain, boundaries_mm={"L2": (z, z - 400)})
    without, _ = picture_of(plain)
    drawn, view = picture_of(lined)
    rows, columns = np.nonzero(drawn.mean(axis=-1) - without.mean(axis=-1) > 40)
    lps = to_lps(view, np.column_stack([columns, rows]).astype(float))
    near = np.abs(lps[:, 1] - 120) < 16
    assert near.sum() > 30
    assert np.abs(lps[near, 2] - z).max() < 0.7
    # It reaches in front of the fascia and behind it.
    assert lps[near, 1].min() < 108
    assert lps[near, 1].max() > 132


def test_names_stand_on_the_bodies(make_reading: ReadingMaker) -> None:
    reading = make_reading(degrees=15.0)
    picture, view = picture_of(reading)
    bare, _ = picture_of(
        dataclasses.replace(reading, result=dataclasses.replace(reading.result, vertebrae=()))
    )
    for vertebra in reading.result.vertebrae:
        x, y = view.xy(view.geometry.to_pixel(np.array(vertebra.center_lps_mm)))
        if not (20 < x < view.size[0] - 20 and 20 < y < view.size[1] - 20):
            continue
        around = np.s_[round(y) - 14 : round(y) + 14, round(x) - 20 : round(x) + 20]
        changed = np.abs(picture[around] - bare[around]).max(axis=-1) > 8
        assert changed.mean() > 0.4


@pytest.mark.parametrize("tissue", [20.0, 300.0, 990.0])
def test_names_are_readable_on_dark_and_on_bright_marrow(
    make_reading: ReadingMaker, tissue: float
) -> None:
    picture, view = picture_of(make_reading(tissue=tissue))
    x, y = view.xy(view.geometry.to_pixel(np.array((2.0, 60.0, -70.0))))
    plate = picture[round(y) - 8 : round(y) + 8, round(x) - 12 : round(x) + 12].mean(axis=-1)
    assert plate.min() < 40
    assert plate.max() > 200


@pytest.mark.parametrize("tissue", [20.0, 300.0, 600.0, 990.0])
def test_the_edema_outline_shows_in_greyscale(make_reading: ReadingMaker, tissue: float) -> None:
    reading = make_reading(tissue=tissue, bodies=False)
    bare = dataclasses.replace(
        reading,
        slices=tuple(dataclasses.replace(p, edema=np.zeros_like(p.edema)) for p in reading.slices),
    )
    drawn, view = picture_of(reading)
    without, _ = picture_of(bare)
    grey = [0.299 * p[..., 0] + 0.587 * p[..., 1] + 0.114 * p[..., 2] for p in (drawn, without)]
    # Walk across the edema's front edge on 20 rows: the line and its rim must stand out.
    g = view.geometry
    for z in np.linspace(-30, -70, 20):
        x, y = view.xy(g.to_pixel(np.array([0.0, 116.0, z])))
        walk = np.s_[round(y), round(x) - 8 : round(x) + 9]
        assert np.ptp(grey[0][walk]) > 60
        assert np.ptp(grey[1][walk]) < 5


def test_the_signal_under_the_marks_stays_visible(make_reading: ReadingMaker) -> None:
    reading = make_reading(bodies=False)
    drawn, view = picture_of(reading)
    middle = reading.slices[1].slice.geometry.to_pixel(np.array([0.0, 120.0, -50.0]))
    x, y = view.xy(middle)
    inside = drawn[round(y) - 60 : round(y) + 60, round(x) - 10 : round(x) + 10]
    untouched = np.ptp(inside, axis=-1) < 6  # grey, as the slice is
    assert untouched.mean() > 0.5


def test_involved_levels_are_marked_beside_the_slice(make_reading: ReadingMaker) -> None:
    reading = make_reading(levels=("L1", "L2"))
    _, view = picture_of(reading)
    page = np.asarray(slice_page(reading, 1), dtype=int)
    gutter = page[:, MARGIN + view.size[0] : MARGIN + view.size[0] + 30]
    rows = np.nonzero((np.abs(gutter - VERMILLION).sum(axis=-1) < 12).any(axis=1))[0]
    heights, columns = np.array([-17.5, -87.5]), np.array([[0.0, 1.0], [0.0, 1.0]])
    upper, lower = view.level_lines(heights, columns)[:, 0, 1] + TOP
    assert rows.min() == pytest.approx(upper, abs=6)
    assert rows.max() == pytest.approx(lower, abs=6)


def test_null_looks_like_no_answer_and_not_like_none(make_reading: ReadingMaker) -> None:
    null = make_reading(levels=(), answer=None, flags=("fat_suppression_failed",))
    none = make_reading(levels=(), answer=False)
    assert has_colour(summary_page(null), YELLOW)
    assert has_colour(slice_page(null, 1), YELLOW)
    assert not has_colour(summary_page(none), YELLOW)
    assert not has_colour(slice_page(none, 1), YELLOW)


def test_bright_pixels_of_an_exam_without_an_answer_are_not_marked(
    make_reading: ReadingMaker,
) -> None:
    reading = make_reading(levels=("L1",), answer=None, flags=("fat_suppression_failed",))
    assert reading.slices[1].edema.any()
    picture, _ = picture_of(reading)
    assert not has_colour(Image.fromarray(picture.astype(np.uint8)), VERMILLION)


def test_edema_too_small_for_a_level_is_drawn_and_said(
    make_reading: ReadingMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = drawn_text(monkeypatch)
    reading = make_reading(levels=("L1",), answer=False)
    picture, _ = picture_of(reading)
    assert has_colour(Image.fromarray(picture.astype(np.uint8)), VERMILLION)
    assert "No fascia edema" in told
    assert "too little for a level" in " ".join(told)


def test_what_is_written_on_the_pages(
    make_reading: ReadingMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = drawn_text(monkeypatch)
    reading = make_reading(flags=("subcutaneous_edema",))
    slice_page(reading, 0)
    page = " ".join(told)
    for part in (
        "Fascia edema: L1–L2",
        "thoracolumbar (T11–L2)",
        "non-severe (2 levels)",
        "63 mm",
        "STIR · slice 1 of 3 (patient right)",
        "x = −4.0 mm",
        "50 mm",
        "← A",
        "P →",
        "mostly subcutaneous edema",
        "Research use, not a medical device",
    ):
        assert part in page
    assert {"H", "F"} <= set(told)
    told.clear()
    summary_page(reading)
    page = " ".join(told)
    for part in ("Fascia edema: L1–L2", "T5", "not in view", "90 %", "0.1.0", "Threshold:"):
        assert part in page
    assert "Research use, not a medical device" in page


def test_nothing_that_tells_who_the_patient_is(
    make_reading: ReadingMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = drawn_text(monkeypatch)
    reading = make_reading(flags=("contrast_given",))
    for i in range(3):
        slice_page(reading, i)
    summary_page(reading)
    page = " ".join(told)
    for secret in ("MUSTERFRAU", "exam7", "1.2.840", "20240229", "abab"):
        assert secret not in page


def drawn_text(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collects every string that is drawn."""
    told: list[str] = []
    original = Page.text

    def text(
        self: Page, x: float, y: float, text: str, size: int, *args: Any, **kwargs: Any
    ) -> None:
        told.append(text)
        original(self, x, y, text, size, *args, **kwargs)

    monkeypatch.setattr(Page, "text", text)
    legend.cache_clear()
    return told


def test_letters_follow_the_geometry(
    make_reading: ReadingMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = drawn_text(monkeypatch)
    slice_page(make_reading(degrees=20.0), 1)
    assert {"← AF", "PH →", "HA", "FP"} <= set(told)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (4.0, 4.0), (0.4, 0.8)])
def test_sizes_are_sensible(make_reading: ReadingMaker, spacing: tuple[float, float]) -> None:
    reading = make_reading(spacing=spacing)
    assert summary_page(reading).width == 1800
    _, view = picture_of(reading)
    assert view.size[1] == MAX_HEIGHT


def test_an_exam_without_bodies_or_fascia_can_be_drawn(make_reading: ReadingMaker) -> None:
    reading = make_reading(
        levels=(), answer=None, flags=("central_slices_geometric",), bodies=False
    )
    bare = tuple(dataclasses.replace(p, fascia_rc=np.zeros((0, 2))) for p in reading.slices)
    reading = dataclasses.replace(reading, slices=bare)
    assert slice_page(reading, 1).mode == summary_page(reading).mode == "RGB"


def test_odd_pixels_can_be_drawn(make_reading: ReadingMaker) -> None:
    reading = make_reading()
    for fill in (0.0, np.nan, np.inf):
        for part in reading.slices:
            part.slice.pixels[:] = fill
        assert isinstance(slice_page(reading, 0), Image.Image)


def test_many_flags_and_a_long_answer_fit(
    make_reading: ReadingMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = drawn_text(monkeypatch)
    page = summary_page(make_reading(answer=None, levels=(), flags=tuple(FLAGS)))
    assert page.width == 1800
    assert "Research use, not a medical device" in told


def test_window_ignores_the_air(make_reading: ReadingMaker) -> None:
    whole_slice = make_reading().slices[0].slice
    whole_slice.pixels[:] = 0
    whole_slice.pixels[100:140, 60:100] = np.linspace(100, 300, 40)
    window = window_of([whole_slice])
    assert 95 < window.low < 110
    assert 290 < window.high < 301


def test_a_box_never_leaves_its_slice(make_reading: ReadingMaker) -> None:
    g = make_reading().slices[0].slice.geometry
    assert box_around(g, np.array([[10.0, 10.0]]), (500, 500, 500, 500)) == whole(g)


@given(
    corner=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    size=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    px_per_mm=st.floats(0.2, 5),
)
def test_a_part_of_a_view_shows_what_the_picture_shows_there(
    corner: tuple[float, float], size: tuple[float, float], px_per_mm: float
) -> None:
    rows, columns = np.mgrid[0:60, 0:40].astype(np.float32)
    g = SliceGeometry((0, 0, 0), (0, 1, 0), (0, 0, -1), (1.5, 1.0), (60, 40))
    grey = shaded(rows + columns, Window(0, 100))
    view = view_at(g, whole(g), px_per_mm)
    left, top = corner[0] * 39, corner[1] * 59
    box = (left, top, left + 1 + size[0] * (39 - left), top + 1 + size[1] * (59 - top))
    part, place = view.part(box)
    cut, scaled = view.picture(grey).pixels[place], part.picture(grey).pixels
    assert cut.shape == scaled.shape == part.size[::-1]
    # At its edges a part that is scaled by itself doesn't see its neighbours.
    assert np.abs(cut.astype(int) - scaled)[3:-3, 3:-3].max(initial=0) <= 4
    middle = np.array([(box[1] + box[3]) / 2 - 0.5, (box[0] + box[2]) / 2 - 0.5])
    on_whole = view.xy(middle) - [place[1].start, place[0].start]
    assert np.allclose(part.xy(middle), on_whole, atol=0.01)
