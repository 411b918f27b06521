"""What is drawn on a slice and beside it: edema, fascia, levels, scale, orientation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ..geometry import FloatArray, Vector
from ..reading import Reading, SliceReading
from ..vertebrae import LEVELS
from . import words
from .canvas import DIM, FAINT, INK, SKY_BLUE, SWATCH, VERMILLION, YELLOW, Page, Pen
from .film import Film
from .view import View

EDEMA = Pen(VERMILLION, 2.4)
EDEMA_HATCH = Pen(VERMILLION, 1.2, opacity=0.6)
LEADER = Pen(INK, 1.0, dash=(1.5, 6), opacity=0.6, halo=0)
FASCIA = Pen(SKY_BLUE, 1.6, halo=0.9)
BROKEN = Pen(YELLOW, 2.0)
BOUNDARY = Pen(INK, 1.1, dash=(9, 7), opacity=0.75, halo=0.8)

#: Room beside a picture for brackets and level names, in px.
GUTTER = 86
#: Room for the legend beside a picture, in px.
LEGEND_WIDTH = 370
#: Room above and below a picture for orientation letters and the scale bar.
TOP, BOTTOM = 30, 52

_BOUNDARY_REACH_MM = 20.0
_BODY_TO_FASCIA_MM = 65.0
#: A fracture's bracket stands this far in front of the body's centre.
_FRONT_MM = 25.0


def annotate(picture: Page, view: View, film: Film, index: int) -> None:
    """Draw everything that belongs on the slice itself.

    Nothing is drawn on the fascia but its own thin line, and the edema's outline runs around
    the marked pixels, so that the signal stays visible.
    """
    reading = film.reading
    part = reading.slices[index]
    lines = _boundaries(view, part, reading, _heights(reading))
    picture.stroke(lines, BOUNDARY)
    leaders = lines[:, [1, 1]]
    leaders[:, 1, 0] = view.size[0]
    picture.stroke(leaders, LEADER)
    outlines = film.outlines[index]
    if outlines:
        picture.hatch(*view.region(part.edema), EDEMA_HATCH)
    picture.stroke([_thinned(view.xy(part.fascia_rc))], FASCIA)
    picture.stroke([_thinned(view.xy(line)) for line in outlines], EDEMA)
    _mark_fractures(picture, view, reading)
    for level, (x, y) in _centres(view, reading).items():
        if 0 <= x < view.size[0] and 0 <= y < view.size[1]:
            picture.label(x, y, level)


def _centres(view: View, reading: Reading) -> dict[str, FloatArray]:
    """Where the bodies' centres lie on the picture, (2,) xy by level."""
    bodies = reading.result.vertebrae
    lps = np.array([v.center_lps_mm for v in bodies]).reshape(-1, 3)
    return dict(zip((v.level for v in bodies), view.xy(view.geometry.to_pixel(lps)), strict=True))


def _mark_fractures(picture: Page, view: View, reading: Reading) -> None:
    """A bracket in front of every body with marrow edema or lost height."""
    centers = _centres(view, reading)
    line = np.array(list(centers.values())).reshape(-1, 2)
    brackets = []
    for body in reading.result.fractures:
        if not body.notable or len(line) < 2:
            continue
        at = centers[body.level]
        axis = np.gradient(line, axis=0)[list(centers).index(body.level)]
        axis = axis / np.linalg.norm(axis)
        front = np.array([-axis[1], axis[0]])
        tall = axis * view.px_per_mm * (max(body.heights_mm) if body.heights_mm else 24.0) / 2
        outer = at + front * view.px_per_mm * _FRONT_MM
        inner = outer - front * view.px_per_mm * 4.0
        brackets.append(np.array([inner - tall, outer - tall, outer + tall, inner + tall]))
    picture.stroke(brackets, BROKEN)


def draw_gutter(
    page: Page, view: View, reading: Reading, index: int, corner: tuple[int, int]
) -> None:
    """A bracket with its name for every level's territory, right of a picture.

    `corner` is the picture's upper right one on the page.
    """
    x, top = corner
    part = reading.slices[index]
    states = words.level_states(reading.result)
    levels = sorted(reading.boundaries_mm, key=LEVELS.index)
    heights = [z for level in levels for z in reading.boundaries_mm[level]]
    ends = _boundaries(view, part, reading, heights)[:, 1, 1].reshape(-1, 2).tolist()
    for level, (y0, y1) in zip(levels, ends, strict=True):
        y0, y1 = max(y0, 0.0) + 2.5, min(y1, float(view.size[1])) - 2.5
        if y1 - y0 > 4:
            # Levels that aren't scored (S1, above T5) get a name but no state.
            _bracket(page, x + 10, top + y0, top + y1, level, states.get(level, "out_of_view"))


def draw_frame(page: Page, view: View, x: int, top: int) -> None:
    """Orientation letters above and below a picture at (x, top), and a scale bar."""
    width, height = view.size
    head, foot = _letters(view, rows=True)
    front, back = _letters(view, rows=False)
    above, below = top - 14, top + height + 14
    page.text(x + 2, above, f"← {front}", 16, bold=True)
    page.text(x + width / 2, above, head, 16, bold=True, anchor="mm")
    page.text(x + width - 2, above, f"{back} →", 16, bold=True, anchor="rm")
    page.text(x + width / 2, below, foot, 16, bold=True, anchor="mm")
    _scale_bar(page, view, x + 2, below)


@lru_cache(maxsize=2)
def legend(rule: str = "axial") -> Page:
    """What the lines and brackets mean, under a level rule."""
    boundary = "patient axial plane" if rule == "axial" else f"rule {rule}"
    page, y = Page.blank(LEGEND_WIDTH, 104), 0
    edge = np.array([[5, 4], [41, 4], [41, 14], [5, 14], [5, 4]], dtype=float)
    middle = np.array([[0, 9], [46, 9]], dtype=float)
    for text, pen, line in (
        ("Edema", EDEMA, edge),
        ("Fascia", FASCIA, middle),
        (f"Level boundary ({boundary})", BOUNDARY, middle),
    ):
        sample = Page.blank(46, 18, SWATCH)
        if pen is EDEMA:
            sample.hatch(5, 4, np.ones((10, 36), bool), EDEMA_HATCH)
        sample.stroke([line], pen)
        page.paste(sample, 0, y)
        page.text(58, y + 9, text, 15)
        y += 26
    page.rectangle(19, y, 27, y + 18, VERMILLION)
    page.text(58, y + 9, "Involved level", 15)
    return page


def _bracket(
    page: Page, x: float, y0: float, y1: float, level: str, state: words.LevelState
) -> None:
    middle = (y0 + y1) / 2
    if state == "involved":
        page.rectangle(x, y0, x + 8, y1, VERMILLION)
        page.text(x + 18, middle, level, 21, bold=True)
        return
    colour = FAINT if state == "out_of_view" else DIM
    if state in ("open", "unanswered"):
        spine = np.array([[x + 1, y0], [x + 1, y1]])
        page.stroke([spine], Pen(colour, 1.5, (3, 4), halo=0))
    else:
        top, bottom = round(y0), round(y1)
        for end in (top, bottom):
            page.rectangle(x, end, x + 7, end + 1, colour)
        page.rectangle(x, top, x + 1, bottom, colour)
    name = f"{level} ?" if state in ("open", "unanswered") else level
    page.text(x + 18, middle, name, 17, DIM)


def _scale_bar(page: Page, view: View, x: int, y: int) -> None:
    mm = 50 if 50 * view.px_per_mm < 0.45 * view.size[0] else 10
    end = x + round(mm * view.px_per_mm)
    page.rectangle(x, y - 2, end, y + 1, INK)
    for tick in (x, end):
        page.rectangle(tick - 1, y - 7, tick + 1, y + 6, INK)
    page.text(x, y + 20, f"{mm} mm", 15)


def _heights(reading: Reading) -> list[float]:
    """Every boundary once; the lower one of a level is the upper one of the next."""
    return sorted({round(z, 2) for pair in reading.boundaries_mm.values() for z in pair})


def _boundaries(
    view: View, part: SliceReading, reading: Reading, heights_mm: Sequence[float]
) -> FloatArray:
    """Level boundaries where they cross the fascia, (n, 2, 2) xy from front to back."""
    g, z = view.geometry, np.array(heights_mm, dtype=float)
    if len(part.fascia_rc):
        away = np.abs(g.heights_mm(part.fascia_rc) - z[:, None])
        column = part.fascia_rc[away.argmin(axis=1), 1]
    else:
        bodies = np.array([v.center_lps_mm for v in reading.result.vertebrae])
        middle = float(g.to_pixel(bodies)[:, 1].max()) if len(bodies) else g.shape[1] / 2
        column = np.full(len(z), middle + _BODY_TO_FASCIA_MM / g.spacing_mm[1])
    reach = _BOUNDARY_REACH_MM / g.spacing_mm[1]
    back = np.minimum(column + reach, view.box[2] - 0.5)
    return view.level_lines(z, np.stack([column - reach, back], axis=-1))


def _thinned(xy: FloatArray, px: float = 3.0) -> FloatArray:
    """A smooth line with a point every few px: fewer pieces to draw."""
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
