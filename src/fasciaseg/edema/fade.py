"""Fat that escaped suppression in one place: it fills the back's fat and has no border.

Suppression follows the magnetic field, which changes over centimetres: fat that escapes it shines
up to the skin, or far deeper than a layer of edema reaches, and grows dark again little by little.
Edema has a border, blurred by the slice's thickness only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..anatomy.band import FasciaBand
from ..geometry import BoolArray, FloatArray, SliceGeometry

#: Fat's brightness is read this far behind the fascia (mm).
READ_MM = 15.0
#: A border: at an end, brightness above the dry fat falls by so much within so many mm. The steeper
#: end of edema falls by 0.5 to 1.0, of escaped fat by 0.2 to 0.4 (10th to 90th percentile, phantoms
#: and painted scans).
BORDER_FALL = 0.45
BORDER_MM = 5.0
#: An end goes from one to the other of these shares.
END_FROM, END_TO = 0.8, 0.25
#: Escaped fat comes this near to the skin (mm) at this share of its heights.
SKIN_GAP_MM = 1.5
FILLED_SHARE = 0.6
#: Or it reaches deeper behind the fascia than edema of the fascia does (2-10 mm, half before it).
DEEP_MM = 12.0
#: Dry fat: this percentile of the brightness along the back.
DRY = 20


@dataclass(frozen=True, eq=False)
class FatLayer:
    """The back's fat on one slice, row by row.

    Attributes:
        depth_mm: (rows, columns) of the window, behind the fascia.
        end_mm: (rows,) where the fat ends and the skin begins.
        brightest: (rows,) times its limit that the brightest fat reaches.
        traced: first and last row with a fascia line.
        row_mm: height of a row.
    """

    depth_mm: FloatArray
    end_mm: FloatArray
    brightest: FloatArray
    traced: tuple[int, int]
    row_mm: float

    @classmethod
    def of(
        cls, excess: FloatArray, band: FasciaBand, skin: BoolArray, geometry: SliceGeometry
    ) -> FatLayer | None:
        """Read a slice's window (rows, columns); None where no fat is seen."""
        with np.errstate(invalid="ignore"):
            fat = (band.depth_mm > 0) & ~skin
            near = (band.depth_mm > -1) & (band.depth_mm < READ_MM) & ~skin
        seen = np.nonzero(near.any(axis=1))[0]
        if len(seen) < 2:
            return None
        brightest = np.where(near, excess, -np.inf).max(axis=1)
        brightest = np.interp(np.arange(len(near)), seen, brightest[seen])
        return cls(
            band.depth_mm,
            np.where(fat, band.depth_mm, 0.0).max(axis=1),
            ndimage.gaussian_filter1d(brightest, 1.0 / geometry.spacing_mm[0]),
            (int(seen[0]), int(seen[-1])),
            geometry.spacing_mm[0],
        )

    def escaped(self, patch: BoolArray) -> bool:
        """Whether a patch of the threshold's mask (rows, columns) is fat that escaped."""
        rows = np.nonzero(patch.any(axis=1))[0]
        deepest = np.where(patch[rows], self.depth_mm[rows], -np.inf).max(axis=1)
        fills = float((deepest > self.end_mm[rows] - SKIN_GAP_MM).mean()) >= FILLED_SHARE
        if not fills and float(np.median(deepest)) <= DEEP_MM:
            return False
        ends = self._ends(int(rows[0]), int(rows[-1]))
        return bool(ends) and not any(self._has_border(end) for end in ends)

    def _ends(self, first: int, last: int) -> list[FloatArray]:
        """How brightness falls, outwards, at a patch's ends in view (rows `first` to `last`).

        In shares of the patch's own brightness above dry fat; empty if neither end is in view.
        """
        upper, lower = self.traced
        bright = float(np.median(self.brightest[first : last + 1]))
        dry = float(np.percentile(self.brightest[upper : lower + 1], DRY))
        if bright <= dry:
            return []
        share = np.minimum((self.brightest - dry) / (bright - dry), 1.0)
        full = first + np.nonzero(share[first : last + 1] >= END_FROM)[0]
        above = upper + np.nonzero(share[upper:first] <= END_TO)[0]
        below = last + 1 + np.nonzero(share[last + 1 : lower + 1] <= END_TO)[0]
        ends = []
        if len(above):
            ends.append(share[above[-1] : full[0] + 1][::-1])
        if len(below):
            ends.append(share[full[-1] : below[0] + 1])
        return ends

    def _has_border(self, end: FloatArray) -> bool:
        """Whether brightness falls steeply somewhere."""
        rows = max(1, round(BORDER_MM / self.row_mm))
        return len(end) <= rows or float((end[:-rows] - end[rows:]).max()) >= BORDER_FALL
