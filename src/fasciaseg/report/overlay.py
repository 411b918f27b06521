"""One central slice as a reader checks it: the picture, and beside it what it says."""

from __future__ import annotations

from ..reading import Reading, SliceReading
from . import words
from .annotate import BOTTOM, GUTTER, LEGEND_WIDTH, TOP, annotate, draw_frame, draw_gutter, legend
from .canvas import DIM, INK, YELLOW, Column, Page
from .film import Film
from .view import View, box_around, fitting_scale, view_at, whole

#: Largest picture of a slice, and widest strip without marks, in px.
MAX_WIDTH, MAX_HEIGHT = 1000, 800
MAX_STRIP_WIDTH = 400
PANEL_WIDTH = LEGEND_WIDTH
MARGIN = 24

#: How much is shown in front of the fascia, above, behind and below it.
_STRIP_MARGINS_MM = (15.0, 1000.0, 25.0, 1000.0)


def slice_page(film: Film, index: int) -> Page:
    """The slice at true aspect ratio with everything found on it.

    Left to right: the slice with its marks, brackets of the levels, the stretch around the
    fascia once more without marks, the panel of words.

    Args:
        film: the exam.
        index: 0 to 2, patient right to left.
    """
    reading = film.reading
    part = reading.slices[index]
    geometry = part.slice.geometry
    scale = fitting_scale(geometry, whole(geometry), MAX_WIDTH, MAX_HEIGHT)
    view = view_at(geometry, whole(geometry), scale)
    picture = view.picture(film.greys[index])
    width, height = view.size
    strips = _strips(film, index, view, picture)
    annotate(picture, view, film, index)
    strip_x = MARGIN + width + GUTTER
    panel_x = strip_x + sum(strip.width + MARGIN for strip, _ in strips)
    page_height = TOP + max(height, 760) + BOTTOM
    page = Page.blank(panel_x + PANEL_WIDTH + MARGIN, page_height)
    page.paste(picture, MARGIN, TOP)
    draw_frame(page, view, MARGIN, TOP)
    draw_gutter(page, view, reading, index, (MARGIN + width, TOP))
    for strip, name in strips:
        page.paste(strip, strip_x, TOP)
        page.text(strip_x + strip.width / 2, TOP - 14, name, 14, DIM, anchor="mm")
        strip_x += strip.width + MARGIN
    _write_panel(page, reading, index, panel_x)
    return page


def _strips(film: Film, index: int, view: View, picture: Page) -> list[tuple[Page, str]]:
    """The stretch around the fascia without marks, on the T1 too where it was used, named.

    Cut out of the slice's picture, which has no marks yet, where the stretch isn't too wide. None
    where no fascia was traced.
    """
    part = film.reading.slices[index]
    if not len(part.fascia_rc):
        return []
    geometry = part.slice.geometry
    box = box_around(geometry, part.fascia_rc, _STRIP_MARGINS_MM)
    scale = fitting_scale(geometry, box, MAX_STRIP_WIDTH, MAX_HEIGHT)
    if scale < view.px_per_mm:
        strip = view_at(geometry, box, scale)
        bare = strip.picture(film.greys[index])
    else:
        strip, place = view.part(box)
        bare = Page(picture.pixels[place].copy())
    on_t1 = film.t1[index]
    return [(bare, "without marks"), *([(strip.picture(on_t1), "T1")] if on_t1 is not None else [])]


def _write_panel(page: Page, reading: Reading, index: int, x: int) -> None:
    result, part = reading.result, reading.slices[index]
    column = Column(page, x, TOP, PANEL_WIDTH)
    unanswered = result.classification.fascia_edema is None
    column.write(words.headline(result), 25, YELLOW if unanswered else INK, bold=True)
    column.gap(8)
    for line in words.class_lines(result):
        column.write(line, 17)
    column.gap(14)
    column.rule()
    column.write(f"{words.sequence(result)} · {words.slice_place(index, len(reading.slices))}", 17)
    column.write(f"x = {words.number(part.slice.geometry.position_mm, 1)} mm", 17)
    column.write(f"On this slice: {_edema_here(reading, part)}", 17)
    if not len(part.fascia_rc):
        column.write("Fascia not traced on this slice", 17, YELLOW)
    column.gap(14)
    key = legend(result.edema.rule)
    page.paste(key, x, column.y)
    column.gap(key.height)
    column.gap(10)
    broken = words.fracture_lines(result)
    if broken:
        column.rule()
        column.write("Vertebral bodies (bracketed)", 17, YELLOW, bold=True)
        for line in broken:
            column.write(line, 16, indent=16, bullet="•")
        column.gap(10)
    if result.flags:
        column.rule()
        column.write("Please check", 17, bold=True)
        for flag in result.flags:
            column.write(words.short_flag(flag.code), 16, indent=16, bullet="•")
    foot = Column(page, x, page.height - 56, PANEL_WIDTH)
    foot.write(words.software_line(result), 13, DIM)
    foot.write(words.DISCLAIMER, 15, INK, bold=True)


def _edema_here(reading: Reading, part: SliceReading) -> str:
    answer = reading.result.classification.fascia_edema
    if answer is None:
        return "not judged"
    row_mm, column_mm = part.slice.geometry.spacing_mm
    area = float(part.edema.sum()) * row_mm * column_mm
    if not area:
        return "no edema marked"
    told = f"{words.number(area)} mm² of edema"
    return told if answer else f"{told}, too little for a level"
