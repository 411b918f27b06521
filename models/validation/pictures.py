"""An exam's three slices with what was painted and what was found."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from trial import Outcome

PAINTED, FOUND, LINE = (255, 0, 255), (0, 220, 255), (255, 210, 0)
SCALE_MM = 2.4  # pixels of the picture per mm


def picture(outcome: Outcome) -> Image.Image:
    """The central slices as read, the back half of each; magenta painted, cyan found."""
    row = outcome.row
    tiles = []
    if outcome.reading is not None:
        parts = outcome.reading.slices
        tiles = [_tile(part, outcome.truth.masks.get(part.slice.index)) for part in parts]
    width = sum(t.width for t in tiles) or 500
    sheet = Image.new("RGB", (max(width, 700), max((t.height for t in tiles), default=0) + 44))
    x = 0
    for t in tiles:
        sheet.paste(t, (x, 44))
        x += t.width
    painted = f"{row.thickness_mm:.1f} mm, {row.contrast_muscle:.2f} x muscle" if row.edema else "-"
    said = "null" if row.called is None else ", ".join(row.levels) or "none"
    draw = ImageDraw.Draw(sheet)
    draw.text((4, 4), f"{row.scan} {row.contrast_group} {row.mimic} seed {row.seed}: {painted}")
    draw.text((4, 16), f"painted: {', '.join(row.true_levels) or 'none'}   said: {said}")
    draw.text((4, 28), " ".join(row.flags))
    return sheet


def _tile(part, truth: np.ndarray | None) -> Image.Image:  # noqa: ANN001
    pixels = part.slice.pixels
    first = pixels.shape[1] // 3
    grey = np.clip(pixels / np.percentile(pixels, 99.3), 0, 1) ** 0.8 * 255
    down, back = part.slice.geometry.spacing_mm
    size = (
        round((pixels.shape[1] - first) * back * SCALE_MM),
        round(pixels.shape[0] * down * SCALE_MM),
    )
    image = Image.fromarray(grey[:, first:].astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    rgb = np.stack([np.asarray(image)] * 3, axis=-1).copy()
    for mask, colour in ((truth, PAINTED), (part.edema, FOUND)):
        if mask is None or not mask.any():
            continue
        cut = Image.fromarray((mask[:, first:] * 255).astype(np.uint8))
        big = np.asarray(cut.resize(size, Image.Resampling.BILINEAR)) > 127
        rgb[big & ~ndimage.binary_erosion(big)] = colour
    for r, c in part.fascia_rc:
        y, x = int((r + 0.5) * down * SCALE_MM), int((c - first + 0.5) * back * SCALE_MM)
        if 0 <= y < size[1] and 0 <= x < size[0]:
            rgb[y, x] = LINE
    return Image.fromarray(rgb)
