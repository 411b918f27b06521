"""Drawing with Pillow: anti-aliased lines with a halo, labels, columns of text.

Pillow draws lines without anti-aliasing; each stroke is therefore drawn three times as large
into a mask of its own bounding box and reduced. That costs a fraction of supersampling whole
pictures.

Colours are Okabe and Ito's, which colour-blind eyes keep apart; each also has its own luminance
and line style, so that nothing is lost in greyscale.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..geometry import FloatArray

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont

PAGE: Colour = (16, 16, 16)
PANEL: Colour = (38, 38, 38)
INK: Colour = (240, 240, 240)
DIM: Colour = (165, 165, 165)
FAINT: Colour = (95, 95, 95)
HALO: Colour = (0, 0, 0)
VERMILLION: Colour = (213, 94, 0)
SKY_BLUE: Colour = (86, 180, 233)
YELLOW: Colour = (240, 228, 66)

_OVERSAMPLING = 3
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


@lru_cache(maxsize=32)
def font(size: int, bold: bool = False) -> Font:
    """DejaVu Sans, the same on every machine."""
    path = _FONTS / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def stroke(image: Image.Image, line: FloatArray, pen: Pen) -> None:
    """Draw a polyline (n, 2) of (x, y) on an RGB image, where pixel (0, 0) spans 0 to 1."""
    if len(line) < 2:
        return
    box = _clipped_box(line, pen.width / 2 + pen.halo + 1, image.size)
    if box is None:
        return
    parts = [line] if pen.dash is None else _dashes(line, *pen.dash)
    k = _OVERSAMPLING
    scaled = [[(float(x), float(y)) for x, y in (p - box[:2]) * k - 0.5] for p in parts]
    rims = [(HALO, pen.width + 2 * pen.halo, 0.65)] if pen.halo else []
    for colour, width, opacity in [*rims, (pen.colour, pen.width, 1.0)]:
        mask = Image.new("L", ((box[2] - box[0]) * k, (box[3] - box[1]) * k))
        draw = ImageDraw.Draw(mask)
        for points in scaled:
            fill = round(255 * opacity * pen.opacity)
            # Pillow's joints are slow, and only corners need them: long lines are smooth here.
            joint = "curve" if len(points) < 8 else None
            draw.line(points, fill=fill, width=max(1, round(width * k)), joint=joint)
        image.paste(colour, box, mask.reduce(k))


def hatch(image: Image.Image, region: Image.Image, pen: Pen, pitch: float = 12.0) -> None:
    """Fill a region (an "L" mask as large as the image) with slanted lines."""
    box = region.getbbox()
    if box is None:
        return
    k = _OVERSAMPLING
    width, height = box[2] - box[0], box[3] - box[1]
    lines = Image.new("L", (width * k, height * k))
    draw = ImageDraw.Draw(lines)
    step = pitch * 2**0.5
    # Multiples of the step from the image's corner, so that neighbouring regions share lines.
    first = (box[0] + box[1]) // step * step - box[0] - box[1]
    for start in np.arange(first, width + height, step) * k:
        ends = [(float(start), 0.0), (float(start) - height * k, float(height * k))]
        draw.line(ends, fill=round(255 * pen.opacity), width=max(1, round(pen.width * k)))
    small = lines.reduce(k)
    cut = region.crop(box)
    small.paste(0, mask=cut.point([255 - v for v in range(256)]))
    image.paste(pen.colour, box, small)


def label(image: Image.Image, centre: FloatArray, text: str, text_font: Font) -> None:
    """A name on a small dark plate with a light rim: readable on bright and on dark marrow."""
    left, top, right, bottom = text_font.getbbox(text, anchor="mm")
    x, y = (round(float(v)) for v in centre)
    plate = (x + int(left) - 5, y + int(top) - 4, x + int(right) + 5, y + int(bottom) + 4)
    for colour, grow, opacity in ((HALO, 2, 0.5), (INK, 1, 0.9), (PAGE, 0, 1.0)):
        _plate(image, plate, colour, grow, opacity)
    ImageDraw.Draw(image).text((x, y), text, INK, text_font, anchor="mm")


def wrapped(text: str, text_font: Font, width: float) -> list[str]:
    """Text in lines that fit the width; a single word that doesn't is left to run over."""
    lines: list[str] = []
    for word in text.split(" "):  # not at no-break spaces
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


class Column:
    """A column of text that fills from top to bottom.

    Attributes:
        image: what it is written on.
        x: left edge.
        y: where the next line starts.
        width: in px.
    """

    def __init__(self, image: Image.Image, x: int, y: int, width: int) -> None:
        """Start at (x, y)."""
        self.image = image
        self.x = x
        self.y = y
        self.width = width
        self._draw = ImageDraw.Draw(image)

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
        f = font(size, bold)
        if bullet:
            self._draw.text((self.x, self.y), bullet, colour, f)
        for line in wrapped(text, f, self.width - indent):
            self._draw.text((self.x + indent, self.y), line, colour, f)
            self.y += round(size * 1.36)

    def gap(self, px: int) -> None:
        """Leave room."""
        self.y += px

    def rule(self) -> None:
        """A thin line across."""
        self._draw.line([(self.x, self.y), (self.x + self.width, self.y)], FAINT)
        self.y += 12


def _plate(
    image: Image.Image, plate: tuple[int, int, int, int], colour: Colour, grow: int, opacity: float
) -> None:
    k = _OVERSAMPLING
    box = (plate[0] - grow, plate[1] - grow, plate[2] + grow, plate[3] + grow)
    mask = Image.new("L", ((box[2] - box[0]) * k, (box[3] - box[1]) * k))
    edge = (0, 0, mask.width - 1, mask.height - 1)
    ImageDraw.Draw(mask).rounded_rectangle(edge, radius=(4 + grow) * k, fill=round(255 * opacity))
    image.paste(colour, box[:2], mask.reduce(k))


def _clipped_box(
    line: FloatArray, margin: float, size: tuple[int, int]
) -> tuple[int, int, int, int] | None:
    low = np.floor(line.min(axis=0) - margin)
    high = np.ceil(line.max(axis=0) + margin)
    x0, y0 = (max(0, int(v)) for v in low)
    x1, y1 = (min(limit, int(v)) for v, limit in zip(high, size, strict=True))
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _dashes(line: FloatArray, on: float, off: float) -> list[FloatArray]:
    """Pieces of a polyline; each dash is straight, which serves straight and gentle lines."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    starts = np.arange(0.0, along[-1], on + off)
    ends = np.minimum(starts + on, along[-1])
    return [
        np.column_stack([np.interp([a, b], along, line[:, i]) for i in (0, 1)])
        for a, b in zip(starts, ends, strict=True)
    ]
