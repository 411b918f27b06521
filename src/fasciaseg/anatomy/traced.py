"""A slice with its fascia line and every pixel seen from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..geometry import FloatArray, Slice
from .band import FasciaBand, fascia_band
from .fascia import trace_fascia
from .localizer import Marks

#: A mark of the network above this lies within what it marks, not at its border.
SURE = 0.8


@dataclass(frozen=True, eq=False)
class TracedSlice:
    """A slice with its fascia line.

    Attributes:
        slice: pixels and geometry.
        marks: what the network sees on it.
        line_rc: (n, 2) the fascia line as (row, column), head to foot; (0, 2) if none was seen.
        band: every pixel seen from the line.
        z_mm: (rows, columns) LPS z of every pixel.
    """

    slice: Slice
    marks: Marks
    line_rc: FloatArray
    band: FasciaBand
    z_mm: FloatArray

    @classmethod
    def of(cls, s: Slice, marks: Marks) -> TracedSlice:
        """Trace the fascia on a slice."""
        line = trace_fascia(marks, s)
        shape = s.geometry.shape
        if len(line):
            band = fascia_band(line, s.geometry)
        else:
            band = FasciaBand(np.full(shape, np.nan), np.zeros(shape, np.intp))
        return cls(s, marks, line, band, s.geometry.height_map_mm())

    @property
    def traced(self) -> bool:
        """Whether a line was seen."""
        return len(self.line_rc) > 0

    def values_where(self, mark: FloatArray) -> FloatArray:
        """Intensities (n,) of the slice where a mark of the network is sure."""
        at = self.slice.geometry.to_pixel(self.marks.geometry.to_lps(np.argwhere(mark > SURE)))
        rows, columns = self.slice.geometry.shape
        r = np.clip(np.round(at[:, 0]).astype(int), 0, rows - 1)
        c = np.clip(np.round(at[:, 1]).astype(int), 0, columns - 1)
        return np.asarray(self.slice.pixels[r, c], dtype=float)

    def heights_where(self, mark: FloatArray) -> FloatArray:
        """LPS z (n,) of the same places."""
        return self.marks.geometry.heights_mm(np.argwhere(mark > SURE))
