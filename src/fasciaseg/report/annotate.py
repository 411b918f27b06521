"""What is drawn on a slice and beside it: edema, fascia, levels, scale, orientation."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from skimage.measure import find_contours

from ..geometry import FloatArray, Vector
from ..reading import Reading, SliceReading
from ..vertebrae import LEVELS
from . import words
from .canvas import DIM, FAINT, INK, SKY_BLUE, VERMILLION, Font, Pen, font, hatch, label, stroke
from .view import View

EDEMA = Pen(VERMILLION, 2.4)
EDEMA_HATCH = Pen(VERMILLION, 1.2, opacity=0.6)
LEADER = Pen(INK, 1.0, dash=(1.5, 6), opacity=0.6, halo=0)
FASCIA = Pen(SKY_BLUE, 1.6, halo=0.9)
BOUNDARY = Pen(INK, 1.1, dash=(9, 7), opacity=0.75, halo=0.8)

#: Room beside a picture for brackets and level names, in px.
GUTTER = 86
#: Room above and below a picture for orientation letters and the scale bar.
TOP, BOTTOM = 30, 52

_BOUNDARY_REACH_MM = 20.0
_BODY_TO_FASCIA_MM = 65.0


def annotate(picture: Image.Image, view: View, reading: Reading, index: int) -> None:
    """Draw everything that belongs on the slice itself.

    Nothing is drawn on the fascia but its own thin line, and the edema's outline runs around
    the marked pixels, so that the signal stays visible.
    """
    part = reading.slices[index]
    for z in _heights(reading):
        line = _boundary(view, part, reading, z)
        stroke(picture, line, BOUNDARY)
        stroke(picture, np.array([line[1], [view.size[0], line[1, 1]]]), LEADER)
    # Bright pixels of an exam that can't answer aren't known to be edema.
    marked = part.edema.any() and reading.result.classification.fascia_edema is not None
    if marked:
        hatch(picture, view.region(part.edema), EDEMA_HATCH)
    stroke(picture, _thinned(view.xy(part.fascia_rc)), FASCIA)
    for line in _outlines(part) if marked else []:
        stroke(picture, _thinned(view.xy(line)), EDEMA)
    name_font = font(15, bold=True)
    for vertebra in reading.result.vertebrae:
        centre = view.xy(view.geometry.to_pixel(np.array(vertebra.center_lps_mm)))
        if 0 <= centre[0] < view.size[0] and 0 <= centre[1] < view.size[1]:
            label(picture, centre, vertebra.level, name_font)


def draw_gutter(
    page: Image.Image, view: View, reading: Reading, index: int, corner: tuple[int, int]
) -> None:
    """A bracket with its name for every level's territory, right of a picture.

    `corner` is the picture's upper right one on the page.
    """
    x, top = corner
    part = reading.slices[index]
    states = words.level_states(reading.result)
    for level in sorted(reading.boundaries_mm, key=LEVELS.index):
        upper, lower = reading.boundaries_mm[level]
        y0, y1 = (float(_boundary(view, part, reading, z)[1, 1]) for z in (upper, lower))
        y0, y1 = max(y0, 0.0) + 2.5, min(y1, float(view.size[1])) - 2.5
        if y1 - y0 > 4:
            # Levels that aren't scored (S1, above T5) get a name but no state.
            _bracket(page, x + 10, top + y0, top + y1, level, states.get(level, "out_of_view"))


def draw_frame(page: Image.Image, view: View, x: int, top: int) -> None:
    """Orientation letters above and below a picture at (x, top), and a scale bar."""
    width, height = view.size
    head, foot = _letters(view, rows=True)
    front, back = _letters(view, rows=False)
    draw = ImageDraw.Draw(page)
    f = font(16, bold=True)
    above, below = top - 14, top + height + 14
    draw.text((x + 2, above), f"← {front}", INK, f, anchor="lm")
    draw.text((x + width / 2, above), head, INK, f, anchor="mm")
    draw.text((x + width - 2, above), f"{back} →", INK, f, anchor="rm")
    draw.text((x + width / 2, below), foot, INK, f, anchor="mm")
    _scale_bar(draw, view, x + 2, below, font(15))


def draw_legend(page: Image.Image, x: int, y: int) -> int:
    """What the lines and brackets mean; returns where the legend ends."""
    f = font(15)
    draw = ImageDraw.Draw(page)
    swatch = Image.new("RGB", (46, 18), (70, 70, 70))
    patch = Image.new("L", swatch.size)
    ImageDraw.Draw(patch).rectangle((5, 4, 40, 13), 255)
    edge = np.array([[5, 4], [41, 4], [41, 14], [5, 14], [5, 4]], dtype=float)
    middle = np.array([[0, 9], [46, 9]], dtype=float)
    for text, pen, line in (
        ("Edema", EDEMA, edge),
        ("Fascia", FASCIA, middle),
        ("Level boundary (patient axial plane)", BOUNDARY, middle),
    ):
        sample = swatch.copy()
        if pen is EDEMA:
            hatch(sample, patch, EDEMA_HATCH)
        stroke(sample, line, pen)
        page.paste(sample, (x, y))
        draw.text((x + 58, y + 9), text, INK, f, anchor="lm")
        y += 26
    draw.rectangle((x + 19, y, x + 27, y + 18), VERMILLION)
    draw.text((x + 58, y + 9), "Involved level", INK, f, anchor="lm")
    return y + 26


def _bracket(
    page: Image.Image, x: float, y0: float, y1: float, level: str, state: words.LevelState
) -> None:
    draw = ImageDraw.Draw(page)
    middle = (y0 + y1) / 2
    if state == "involved":
        draw.rectangle((x, round(y0), x + 8, round(y1)), VERMILLION)
        draw.text((x + 18, middle), level, INK, font(21, bold=True), anchor="lm")
        return
    colour = FAINT if state == "out_of_view" else DIM
    if state in ("open", "unanswered"):
        spine = np.array([[x + 1, y0], [x + 1, y1]])
        stroke(page, spine, Pen(colour, 1.5, (3, 4), halo=0))
    else:
        # Straight along the pixels: no need for anti-aliasing, which is slow.
        top, bottom = round(y0), round(y1)
        for end in (top, bottom):
            draw.rectangle((x, end, x + 7, end + 1), colour)
        draw.rectangle((x, top, x + 1, bottom), colour)
    name = f"{level} ?" if state in ("open", "unanswered") else level
    draw.text((x + 18, middle), name, DIM, font(17), anchor="lm")


def _scale_bar(draw: ImageDraw.ImageDraw, view: View, x: int, y: int, text_font: Font) -> None:
    mm = 50 if 50 * view.px_per_mm < 0.45 * view.size[0] else 10
    end = x + round(mm * view.px_per_mm)
    draw.rectangle((x, y - 2, end, y + 1), INK)
    for tick in (x, end):
        draw.rectangle((tick - 1, y - 7, tick + 1, y + 6), INK)
    draw.text((x, y + 20), f"{mm} mm", INK, text_font, anchor="lm")


def _heights(reading: Reading) -> list[float]:
    """Every boundary once; the lower one of a level is the upper one of the next."""
    return sorted({round(z, 2) for pair in reading.boundaries_mm.values() for z in pair})


def _boundary(view: View, part: SliceReading, reading: Reading, z: float) -> FloatArray:
    """A level boundary where it crosses the fascia, (2, 2) xy from front to back."""
    g = view.geometry
    if len(part.fascia_rc):
        nearest = np.argmin(np.abs(g.heights_mm(part.fascia_rc) - z))
        column = float(part.fascia_rc[nearest, 1])
    else:
        bodies = np.array([v.center_lps_mm for v in reading.result.vertebrae])
        column = float(g.to_pixel(bodies)[:, 1].max()) if len(bodies) else g.shape[1] / 2
        column += _BODY_TO_FASCIA_MM / g.spacing_mm[1]
    reach = _BOUNDARY_REACH_MM / g.spacing_mm[1]
    return view.level_line(z, (column - reach, min(column + reach, view.box[2] - 0.5)))


def _outlines(part: SliceReading) -> list[FloatArray]:
    """Closed outlines of the edema as (row, column)."""
    padded = np.pad(part.edema.astype(np.float32), 1)
    return [_smoothed(np.asarray(line) - 1) for line in find_contours(padded, 0.5)]


def _smoothed(closed: FloatArray) -> FloatArray:
    """A staircase of pixels as a smooth line, nowhere more than half a pixel from it."""
    line: FloatArray = closed[:-1]
    for _ in range(2):
        line = (np.roll(line, 1, axis=0) + 2 * line + np.roll(line, -1, axis=0)) / 4
    return np.concatenate([line, line[:1]])


def _thinned(xy: FloatArray, px: float = 3.0) -> FloatArray:
    """A smooth line with a point every few px: fewer joints to draw."""
    if not len(xy):
        return xy
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    kept = np.unique(along // px, return_index=True)[1]
    return np.asarray(xy[np.unique(np.append(kept, len(xy) - 1))])


def _letters(view: View, *, rows: bool) -> tuple[str, str]:
    """Letters at the start and the end of an axis, a second one for more than 15 degrees."""
    axis = view.geometry.row_axis if rows else view.geometry.column_axis
    x, y, z = axis
    return _direction((-x, -y, -z)), _direction(axis)


def _direction(axis: Vector) -> str:
    pairs = zip(axis, ("RL", "AP", "FH"), strict=True)
    told = sorted(((abs(v), names[int(v > 0)]) for v, names in pairs), reverse=True)
    return "".join(name for size, name in told if size > np.sin(np.radians(15)))
