"""What all pages of an exam show of its slices, made once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..geometry import BoolArray, FloatArray
from ..reading import Reading
from .view import shaded, window_of


@dataclass(frozen=True, eq=False)
class Film:
    """A reading, ready to be drawn.

    Attributes:
        reading: the exam.
        greys: its slices, shaded with one window.
        t1: the T1 at the same places, where fat was told by it.
        outlines: for every slice, smooth closed lines (n, 2) as (row, column) around its edema;
            empty where bright pixels aren't known to be edema.
    """

    reading: Reading
    greys: tuple[Image.Image, ...]
    t1: tuple[Image.Image | None, ...]
    outlines: tuple[tuple[FloatArray, ...], ...]

    @classmethod
    def of(cls, reading: Reading) -> Film:
        """Shade and outline the slices of a reading."""
        slices = [part.slice for part in reading.slices]
        t1 = [part.t1 for part in reading.slices]
        answered = reading.result.classification.fascia_edema is not None
        window, t1_window = window_of(slices), window_of([s for s in t1 if s is not None])
        return cls(
            reading,
            tuple(shaded(s.pixels, window) for s in slices),
            tuple(shaded(s.pixels, t1_window) if s is not None else None for s in t1),
            tuple(_outlines(p.edema) if answered else () for p in reading.slices),
        )


def _outlines(mask: BoolArray) -> tuple[FloatArray, ...]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return ()
    from skimage.measure import find_contours

    corner = np.array([rows[0], columns[0]])
    part = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    padded = np.pad(part.astype(np.float32), 1)
    return tuple(_smoothed(np.asarray(line) - 1 + corner) for line in find_contours(padded, 0.5))


def _smoothed(closed: FloatArray) -> FloatArray:
    """A staircase of pixels as a smooth line, nowhere more than half a pixel from it."""
    line: FloatArray = closed[:-1]
    for _ in range(2):
        line = (np.roll(line, 1, axis=0) + 2 * line + np.roll(line, -1, axis=0)) / 4
    return np.concatenate([line, line[:1]])
