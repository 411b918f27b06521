"""The whole exam on one page: its class, the three slices side by side, level by level."""

from __future__ import annotations

import numpy as np

from ..geometry import SliceGeometry
from ..reading import Reading
from ..result import LevelEdema
from ..vertebrae import SCORED_LEVELS
from . import words
from .annotate import BOTTOM, GUTTER, TOP, annotate, draw_frame, draw_gutter
from .canvas import DIM, FAINT, INK, PANEL, VERMILLION, YELLOW, Column, Page, font
from .film import Film
from .view import Box, View, box_around, fitting_scale, inside, view_at, whole

WIDTH = 1800
MARGIN = 24
GAP = 14
HEADER = 104
CAPTION = 26
PANEL_WIDTH = 390
MAX_PICTURE_HEIGHT = 860

#: Shown around bodies and fascia: in front, above, behind, below.
_MARGINS_MM = (32.0, 25.0, 45.0, 25.0)
_ROW = 25
_BAR = 110
_REGIONS = {"T5": "Thoracic", "T11": "Thoracolumbar", "L3": "Lower lumbar"}
_STATE_WORDS: dict[words.LevelState, str] = {
    "open": "in view, not judged",
    "out_of_view": "not in view",
    "unanswered": "no answer",
}


def summary_page(film: Film) -> Page:
    """The exam's summary page, `WIDTH` px wide."""
    reading = film.reading
    views = _views(reading)
    panel = _panel(reading)
    top = HEADER + CAPTION + TOP
    bottom = max(top + max(v.size[1] for v in views) + BOTTOM, HEADER + panel.height + MARGIN)
    page = Page.blank(WIDTH, bottom)
    _write_header(page, reading)
    x = MARGIN
    for index, (view, part) in enumerate(zip(views, reading.slices, strict=True)):
        picture = view.picture(film.greys[index])
        annotate(picture, view, film, index)
        page.paste(picture, x, top)
        draw_frame(page, view, x, top)
        caption = f"{words.slice_place(index, len(views))} · x = "
        caption += f"{words.number(part.slice.geometry.position_mm, 1)} mm"
        page.text(x + 2, HEADER + 12, caption, 15)
        x += view.size[0] + GAP
    draw_gutter(page, views[-1], reading, len(views) - 1, (x - GAP, top))
    page.paste(panel, WIDTH - MARGIN - PANEL_WIDTH, HEADER)
    return page


def _views(reading: Reading) -> list[View]:
    """The same part of the body on every slice, at one scale."""
    n = len(reading.slices)
    room = WIDTH - 3 * MARGIN - PANEL_WIDTH - GUTTER - (n - 1) * GAP
    middle = reading.slices[n // 2].slice.geometry
    box = _box(reading, middle)
    scale = fitting_scale(middle, box, room // n, MAX_PICTURE_HEIGHT)
    corners = middle.to_lps(np.array([[box[1], box[0]], [box[3], box[2]]]) - 0.5)
    views = []
    for geometry in (part.slice.geometry for part in reading.slices):
        (top, left), (bottom, right) = geometry.to_pixel(corners) + 0.5
        views.append(view_at(geometry, inside(geometry, (left, top, right, bottom)), scale))
    return views


def _box(reading: Reading, geometry: SliceGeometry) -> Box:
    """Spine and back of all slices."""
    if not reading.result.vertebrae:
        return whole(geometry)
    bodies = np.array([v.center_lps_mm for v in reading.result.vertebrae])
    fascia = [part.slice.geometry.to_lps(part.fascia_rc) for part in reading.slices]
    points = geometry.to_pixel(np.concatenate([bodies, *fascia]))
    return box_around(geometry, points, _MARGINS_MM)


def _write_header(page: Page, reading: Reading) -> None:
    result = reading.result
    unanswered = result.classification.fascia_edema is None
    room = WIDTH - 2 * MARGIN
    text = words.headline(result)
    size = next((s for s in (34, 28, 22) if font(s, bold=True).getlength(text) <= room), 18)
    colour = YELLOW if unanswered else INK
    page.text(MARGIN, 36, text, size, colour, bold=True)
    below = " · ".join([*words.class_lines(result), words.sequence(result)])
    page.text(MARGIN, 76, below, 19)


def _panel(reading: Reading) -> Page:
    """Level table, flags, threshold, software: as tall as it needs to be."""
    result = reading.result
    page = Page.blank(PANEL_WIDTH, 2400)
    column = Column(page, 0, 0, PANEL_WIDTH)
    _write_levels(column, reading)
    column.gap(12)
    _write_fractures(column, reading)
    if result.flags:
        column.write("Please check", 17, bold=True)
        column.gap(2)
        for flag in result.flags:
            column.write(flag.text, 14, indent=16, bullet="•")
            column.gap(4)
    column.gap(8)
    column.rule()
    column.write(words.threshold_line(result.edema.threshold), 13, DIM)
    column.write(f"{words.software_line(result)}; rule {result.edema.rule}", 13, DIM)
    column.gap(6)
    column.write(words.DISCLAIMER, 16, bold=True)
    return Page(page.pixels[: column.y])


def _write_fractures(column: Column, reading: Reading) -> None:
    lines = words.fracture_lines(reading.result)
    if not lines:
        return
    column.write("Vertebral bodies", 17, YELLOW, bold=True)
    column.gap(2)
    for line in lines:
        column.write(line, 14, indent=16, bullet="•")
    column.gap(10)


def _write_levels(column: Column, reading: Reading) -> None:
    states = words.level_states(reading.result)
    told = {e.level: e for e in reading.result.edema.per_level}
    column.page.text(62, column.y, "share and length of fascia with edema", 13, DIM, anchor="la")
    column.gap(20)
    for level in SCORED_LEVELS:
        if level in _REGIONS:
            column.gap(4)
            column.write(_REGIONS[level], 13, DIM)
        _write_level(column.page, column.y, level, states[level], told.get(level))
        column.gap(_ROW)


def _write_level(
    page: Page, y: int, level: str, state: words.LevelState, told: LevelEdema | None
) -> None:
    middle = y + _ROW // 2
    involved = state == "involved"
    colour = INK if involved else FAINT if state == "out_of_view" else DIM
    page.text(10, middle, level, 17, colour, bold=involved)
    if state in _STATE_WORDS or told is None:
        page.text(62, middle, _STATE_WORDS.get(state, ""), 15, colour)
        return
    left, right = 62, 62 + _BAR
    page.rectangle(left, middle - 7, right, middle + 7, DIM if involved else FAINT)
    page.rectangle(left + 1, middle - 6, right - 1, middle + 6, PANEL)
    filled = round(_BAR * min(max(told.coverage, 0.0), 1.0))
    if filled:
        inside = VERMILLION if involved else DIM
        page.rectangle(left, middle - 7, left + filled, middle + 7, inside)
    share = f"{round(100 * told.coverage)} %"
    page.text(right + 58, middle, share, 15, colour, anchor="rm")
    page.text(right + 128, middle, f"{round(told.length_mm)} mm", 15, colour, anchor="rm")
    if involved:
        page.text(right + 146, middle, "involved", 13)
