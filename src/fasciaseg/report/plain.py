"""What pages in a browser draw an exam from: its slices without marks, and the marks as lines.

One picture and one small script an exam instead of one file a slice and layer: files cost a
batch more than bytes do.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ..geometry import AnyArray, FloatArray, SliceGeometry
from ..pages import DRAWING_CALL
from ..reading import SliceReading
from .film import Film
from .png import encoded_grey

DRAWING_SCHEMA = "fasciaseg.drawing/1"

#: Larger slices are halved: no screen shows three of them side by side.
_MAX_SIDE = 768
_FASCIA_STEP_MM = 2.0


def plain_png(film: Film) -> bytes:
    """The slices side by side, as greys, patient right to left, in their own pixels."""
    greys = [np.asarray(g.reduce(2) if max(g.size) > _MAX_SIDE else g) for g in film.greys]
    page = np.zeros((max(g.shape[0] for g in greys), sum(g.shape[1] for g in greys)), np.uint8)
    left = 0
    for grey in greys:
        page[: grey.shape[0], left : left + grey.shape[1]] = grey
        left += grey.shape[1]
    return encoded_grey(page)


def drawing_js(film: Film) -> bytes:
    """Fascia, edema's outlines and bodies of each slice as lines in mm, as a script.

    Coordinates are (x, y) in mm from the outer corner of the slice's first pixel, x to the
    right. A point's LPS z is `z[0] + z[1] * x + z[2] * y`.
    """
    slices = []
    left = 0
    for part, grey, outlines in zip(film.reading.slices, film.greys, film.outlines, strict=True):
        half = 2 if max(grey.size) > _MAX_SIDE else 1
        # As Pillow's `reduce` rounds.
        width, height = (-(-side // half) for side in grey.size)
        slices.append({"px": [left, width, height], **_lines(part, outlines, film)})
        left += width
    told = {
        "schema": DRAWING_SCHEMA,
        "boundaries_mm": {
            level: [round(z, 1) for z in ends] for level, ends in film.reading.boundaries_mm.items()
        },
        "slices": slices,
    }
    before, after = DRAWING_CALL
    return f"{before}{json.dumps(told, separators=(',', ':'))}{after}".encode()


def _lines(part: SliceReading, outlines: tuple[FloatArray, ...], film: Film) -> dict[str, Any]:
    g = part.slice.geometry
    row_mm, column_mm = g.spacing_mm
    step = max(1, round(_FASCIA_STEP_MM / row_mm))
    bodies = film.reading.result.vertebrae
    centres = _mm(g, g.to_pixel(np.array([v.center_lps_mm for v in bodies]).reshape(-1, 3)))
    down, across = g.row_axis[2], g.column_axis[2]
    z0 = g.origin_lps_mm[2] - (row_mm * down + column_mm * across) / 2
    return {
        "size_mm": [round(g.shape[1] * column_mm, 2), round(g.shape[0] * row_mm, 2)],
        "z": [round(z0, 2), round(across, 5), round(down, 5)],
        "fascia": _mm(g, np.concatenate([part.fascia_rc[::step], part.fascia_rc[-1:]])),
        "edema": [_mm(g, line[::2]) for line in outlines],
        "bodies": {v.level: xy for v, xy in zip(bodies, centres, strict=True)},
    }


def _mm(geometry: SliceGeometry, rc: AnyArray) -> list[list[float]]:
    xy = (rc[:, ::-1] + 0.5) * np.asarray(geometry.spacing_mm)[::-1]
    points: list[list[float]] = np.round(xy, 1).tolist()
    return points
