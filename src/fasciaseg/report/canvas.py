"""A page to draw on: one byte a pixel, a place in a palette of greys and shades of few colours.

Slices are grey, and a quarter of an RGB page's bytes makes drawing and packing it as much
faster. What lies over something else with an opacity is looked up in a table, made once for
every colour: the palette's nearest to the true mixture.

Lines are anti-aliased from each pixel's true distance to the line, which gives the dark rim of
the line along with it.

Colours are Okabe and Ito's, which colour-blind eyes keep apart; each also has its own luminance
and line style, so that nothing is lost in greyscale.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from ..geometry import BoolArray, FloatArray

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont
Pixels: TypeAlias = npt.NDArray[np.uint8]
#: Opacities 0 to `_FULL` of a part of a page, shifted to be joined with what lies below.
Cover: TypeAlias = npt.NDArray[np.uint16]

PAGE: Colour = (16, 16, 16)
PANEL: Colour = (38, 38, 38)
INK: Colour = (241, 241, 241)
SWATCH: Colour = (70, 70, 70)
DIM: Colour = (165, 165, 165)
FAINT: Colour = (95, 95, 95)
HALO: Colour = (0, 0, 0)
VERMILLION: Colour = (213, 94, 0)
SKY_BLUE: Colour = (86, 180, 233)
YELLOW: Colour = (240, 228, 66)

#: What isn't grey; another colour may be added and leaves each one fewer shades.
HUES = (VERMILLION, SKY_BLUE, YELLOW)
#: Greys of the palette, the first entries, black to white.
GREYS = 128

_SHARES = 5
_FULL = 16
_RIM = 0.65
_PIECE = 9.0
_FONTS = Path(__file__).parent / "fonts"


@dataclass(frozen=True)
class Pen:
    """How a line looks.

    Attributes:
        colour: its colour.
        width: its width in px.
        dash: lengths of dash and gap in px; None for a solid line.
        opacity: 0 to 1.
        halo: px of dark rim on both sides, which keeps it visible on bright tissue.
    """

    colour: Colour
    width: float
    dash: tuple[float, float] | None = None
    opacity: float = 1.0
    halo: float = 1.2


class Page:
    """A page, or a picture that will be pasted on one.

    Places are (x, y) in px, where the first pixel spans 0 to 1.

    Attributes:
        pixels: (rows, columns), places in the `palette`.
    """

    def __init__(self, pixels: Pixels) -> None:
        """Draw on these pixels."""
        self.pixels = pixels

    @classmethod
    def blank(cls, width: int, height: int, colour: Colour = PAGE) -> Page:
        """A page of one colour."""
        return cls(np.full((height, width), entry(colour), np.uint8))

    @property
    def width(self) -> int:
        """In px."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """In px."""
        return int(self.pixels.shape[0])

    def image(self) -> Image.Image:
        """The page as a Pillow picture, RGB."""
        return Image.fromarray(palette()[self.pixels])

    def paste(self, part: Page, x: int, y: int) -> None:
        """Lay a smaller one on this one; it must fit."""
        self.pixels[y : y + part.height, x : x + part.width] = part.pixels

    def rectangle(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        """Fill from the first to the last pixel, both within."""
        left, top = max(0, round(x0)), max(0, round(y0))
        self.pixels[top : max(0, round(y1) + 1), left : max(0, round(x1) + 1)] = entry(colour)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: int,
        colour: Colour = INK,
        *,
        bold: bool = False,
        anchor: str = "lm",
    ) -> None:
        """Write one line; `anchor` is Pillow's, by default the middle of the left edge."""
        cover, (left, top) = _lettering(text, size, bold, anchor)
        self._lay(cover, round(x) + left, round(y) + top, colour)

    def label(self, x: float, y: float, text: str) -> None:
        """A name on a small dark plate with a light rim: readable on bright and dark marrow."""
        for cover, left, top, colour in _plate(text):
            self._lay(cover, round(x) + left, round(y) + top, colour)

    def stroke(self, lines: Iterable[FloatArray], pen: Pen) -> None:
        """Draw polylines (n, 2) of (x, y), all at once."""
        reach = pen.width / 2 + pen.halo + 0.5
        rows, columns, away = _nearby(_pieces(lines, pen.dash), reach, self.pixels.shape)
        if pen.halo:
            rim = np.minimum(reach - away, 1) * (_RIM * pen.opacity)
            self._dab(rows, columns, rim, HALO)
        line = np.clip(pen.width / 2 + 0.5 - away, 0, min(1.0, pen.width)) * pen.opacity
        self._dab(rows, columns, line, pen.colour)

    def hatch(self, x: int, y: int, region: BoolArray, pen: Pen, pitch: float = 12.0) -> None:
        """Fill a region, whose upper left corner is at (x, y), with slanted lines."""
        rows, columns = np.nonzero(region)
        # Counted from the page's corner, so that neighbouring regions share lines.
        across = (rows + columns + (x + y + 1)) / 2**0.5
        away = np.abs((across + pitch / 2) % pitch - pitch / 2)
        line = np.clip(pen.width / 2 + 0.5 - away, 0, 1) * pen.opacity
        self._dab(rows + y, columns + x, line, pen.colour)

    def _dab(
        self,
        rows: npt.NDArray[np.intp],
        columns: npt.NDArray[np.intp],
        opacity: FloatArray,
        colour: Colour,
    ) -> None:
        """Lay a colour on single pixels."""
        below = self.pixels[rows, columns]
        self.pixels[rows, columns] = _mixtures(colour)[_cover(opacity) | below]

    def _lay(self, cover: Cover, x: int, y: int, colour: Colour) -> None:
        """Lay a colour on a rectangle, cut at the page's edge."""
        cover = cover[max(0, -y) : max(0, self.height - y), max(0, -x) : max(0, self.width - x)]
        rows, columns = cover.shape
        x, y = max(0, x), max(0, y)
        below = self.pixels[y : y + rows, x : x + columns]
        below[...] = _mixtures(colour)[cover | below]


class Column:
    """A column of text that fills from top to bottom.

    Attributes:
        page: what it is written on.
        x: left edge.
        y: where the next line starts.
        width: in px.
    """

    def __init__(self, page: Page, x: int, y: int, width: int) -> None:
        """Start at (x, y)."""
        self.page = page
        self.x = x
        self.y = y
        self.width = width

    def write(
        self,
        text: str,
        size: int,
        colour: Colour = INK,
        *,
        bold: bool = False,
        indent: int = 0,
        bullet: str = "",
    ) -> None:
        """Write wrapped text; `bullet` stands before the first line, in the indent."""
        if bullet:
            self.page.text(self.x, self.y, bullet, size, colour, bold=bold, anchor="la")
        for line in wrapped(text, size, bold, self.width - indent):
            self.page.text(self.x + indent, self.y, line, size, colour, bold=bold, anchor="la")
            self.y += round(size * 1.36)

    def gap(self, px: int) -> None:
        """Leave room."""
        self.y += px

    def rule(self) -> None:
        """A thin line across."""
        self.page.rectangle(self.x, self.y, self.x + self.width, self.y, FAINT)
        self.y += 12


@lru_cache(maxsize=1)
def palette() -> Pixels:
    """(256, 3) RGB: greys, then every hue with its mixtures with some greys."""
    greys = np.linspace(0, 255, GREYS)[:, None].repeat(3, axis=1)
    each = ((256 - GREYS) // len(HUES) - 1) // _SHARES
    some = np.linspace(0, 255, each)[None, :, None]
    shares = (np.arange(_SHARES) + 1)[:, None, None] / (_SHARES + 1)
    parts = [greys]
    for hue in HUES:
        mixed = shares * np.array(hue) + (1 - shares) * some
        parts += [np.array([hue]), mixed.reshape(-1, 3)]
    colours = np.concatenate(parts)
    unused = np.zeros((256 - len(colours), 3))
    return np.round(np.concatenate([colours, unused])).astype(np.uint8)


@lru_cache(maxsize=64)
def entry(colour: Colour) -> int:
    """The palette's place nearest to a colour."""
    return int(_nearest(np.array([colour], dtype=np.float32))[0])


@lru_cache(maxsize=32)
def font(size: int, bold: bool = False) -> Font:
    """DejaVu Sans, the same on every machine."""
    path = _FONTS / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=512)
def wrapped(text: str, size: int, bold: bool, width: float) -> tuple[str, ...]:
    """Text in lines that fit the width; a single word that doesn't is left to run over."""
    lines: list[str] = []
    for word in text.split(" "):  # not at no-break spaces
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font(size, bold).getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return tuple(lines)


def _nearest(colours: FloatArray) -> Pixels:
    """Places of the palette nearest to colours (n, 3)."""
    known = palette().astype(np.float32)
    # |a - b|² without |a|², which is the same for every candidate.
    away = (known**2).sum(axis=1) - 2 * (colours @ known.T)
    return np.asarray(away.argmin(axis=1), np.uint8)


@lru_cache(maxsize=32)
def _mixtures(colour: Colour) -> Pixels:
    """What a colour makes of each palette entry: place `opacity * 256 + entry`."""
    below = palette().astype(np.float32)
    share = np.arange(_FULL + 1, dtype=np.float32)[:, None, None] / _FULL
    mixed = share * np.array(colour, np.float32) + (1 - share) * below
    # One opacity at a time: the distances stay in the cache, and BLAS starts no threads.
    table = np.concatenate([_nearest(colours) for colours in mixed])
    table[:256] = np.arange(256)
    return table


def _cover(opacity: FloatArray) -> Cover:
    """Opacities 0 to 1 as the high byte of a place among `_mixtures`."""
    return np.asarray((np.maximum(opacity, 0) * _FULL + 0.5).astype(np.uint16) << 8)


@lru_cache(maxsize=1024)
def _lettering(text: str, size: int, bold: bool, anchor: str) -> tuple[Cover, tuple[int, int]]:
    """A line of text and where its upper left corner lies from its anchor."""
    mask, offset = font(size, bold).getmask2(text, mode="L", anchor=anchor)
    grey = np.asarray(mask, dtype=np.uint8).reshape(mask.size[::-1])
    return _cover(grey / 255), (int(offset[0]), int(offset[1]))


@lru_cache(maxsize=64)
def _plate(text: str) -> tuple[tuple[Cover, int, int, Colour], ...]:
    """Layers of a label around its centre: dark rim, light rim, plate, name."""
    layers: list[tuple[Cover, int, int, Colour]] = []
    left, top, right, bottom = (int(v) for v in font(15, True).getbbox(text, anchor="mm"))
    for colour, grow, opacity in ((HALO, 2, 0.5), (INK, 1, 0.9), (PAGE, 0, 1.0)):
        x, y = left - 5 - grow, top - 4 - grow
        size = (right + 5 + grow - x, bottom + 4 + grow - y)
        # Pillow's corners have no anti-aliasing: drawn large and reduced.
        large = Image.new("L", (size[0] * 3, size[1] * 3))
        edge = (0, 0, large.width - 1, large.height - 1)
        ImageDraw.Draw(large).rounded_rectangle(edge, radius=(4 + grow) * 3, fill=255)
        cover = _cover(np.asarray(large.reduce(3)) / 255 * opacity)
        layers.append((cover, x, y, colour))
    name, (x, y) = _lettering(text, 15, True, "mm")
    return (*layers, (name, x, y, INK))


def _pieces(lines: Iterable[FloatArray], dash: tuple[float, float] | None) -> FloatArray:
    """Ends (n, 2, 2) of the dashes of polylines, or of all their segments, in short pieces.

    The pattern of dashes starts anew at every corner.
    """
    lines, none = list(lines), np.zeros((0, 2))
    starts = np.concatenate([none, *(line[:-1] for line in lines)])
    ends = np.stack([starts, np.concatenate([none, *(line[1:] for line in lines)])], axis=1)
    return _cut(_cut(ends, sum(dash), dash[0]), _PIECE) if dash else _cut(ends, _PIECE)


def _cut(ends: FloatArray, step: float, length: float | None = None) -> FloatArray:
    """Straight pieces (n, 2, 2) cut every `step` px, of which the first `length` px are kept."""
    start, along = ends[:, 0], ends[:, 1] - ends[:, 0]
    total = np.hypot(along[:, 0], along[:, 1])
    counts = np.ceil(total / step).astype(int)
    piece = np.repeat(np.arange(len(ends)), counts)
    number = np.arange(len(piece)) - np.repeat(np.cumsum(counts) - counts, counts)
    first = number * step
    last = np.minimum(first + (length or step), total[piece])
    shares = np.stack([first, last], axis=1) / total[piece, None]
    return np.asarray(start[piece, None] + shares[..., None] * along[piece, None])


def _nearby(
    ends: FloatArray, reach: float, shape: tuple[int, ...]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], FloatArray]:
    """Pixels within reach of any of the short pieces: rows, columns, distance in px."""
    limits = np.array(shape[::-1])
    seen = (ends.max(axis=1) > -reach) & (ends.min(axis=1) < limits + reach)
    ends = ends[seen.all(axis=1)].astype(np.float32)
    if not len(ends):
        return np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0, np.float32)
    start, along = ends[:, 0], ends[:, 1] - ends[:, 0]
    # Every piece gets a window of pixels around its middle, as large as the longest one needs.
    middle = np.floor(ends.mean(axis=1)).astype(np.intp)
    half = np.ceil(np.abs(along).max(axis=0) / 2 + reach).astype(np.intp)
    corner = (middle - half).min(axis=0)
    width, height = (middle + half).max(axis=0) - corner + 1
    columns, rows = (middle[:, i, None] + np.arange(-half[i], half[i] + 1) for i in (0, 1))
    # From the start of a piece to the pixels: (pieces, rows, 1) and (pieces, 1, columns).
    y = (rows - start[:, 1, None] + 0.5).astype(np.float32)[:, :, None]
    x = (columns - start[:, 0, None] + 0.5).astype(np.float32)[:, None, :]
    dx, dy = along[:, 0, None, None], along[:, 1, None, None]
    squared_length = np.maximum(dx * dx + dy * dy, np.float32(1e-9))
    share = x * (dx / squared_length) + y * (dy / squared_length)
    np.clip(share, 0, 1, out=share)
    squared = (x - share * dx) ** 2 + (y - share * dy) ** 2
    place = (rows - corner[1])[:, :, None] * width + (columns - corner[0])[:, None, :]
    nearest = np.full(width * height, np.inf, np.float32)
    np.minimum.at(nearest, place.ravel(), squared.ravel())
    place = np.flatnonzero(nearest < reach**2)
    rows, columns = np.divmod(place, width)
    rows, columns = rows + corner[1], columns + corner[0]
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    return rows[inside], columns[inside], np.sqrt(nearest[place[inside]])
