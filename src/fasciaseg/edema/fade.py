"""Fat that escaped suppression in one place: it fills the back's fat and fades out slowly.

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
#: A patch that takes so long (mm) to fade, at both ends as far as they are in view, has no
#: border: on phantoms and painted scans escaped fat takes 11 to 20, edema 2 to 5. What takes
#: longer doesn't fade, it has something else beside it.
FADE_MM = (10.0, 40.0)
#: Fading goes from one to the other share of the patch's own brightness above the dry fat ...
FADE_FROM, FADE_TO = 0.8, 0.25
#: ... which the patch has to outshine this many times, or its ends can't be seen.
CLEAR = 2.0
#: It fills the fat where it comes this near to the skin (mm) ...
SKIN_GAP_MM = 1.5
#: ... at this share of its heights; where there is less fat than this (mm) it can't be told.
FILLED_SHARE = 0.6
LEAST_FAT_MM = 2.0
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
        end = self.end_mm[rows]
        fills = float((deepest > end - SKIN_GAP_MM).mean()) >= FILLED_SHARE
        fills = fills and float(np.median(end)) >= LEAST_FAT_MM
        if not fills and float(np.median(deepest)) <= DEEP_MM:
            return False
        fades = self._fades_mm(int(rows[0]), int(rows[-1]))
        return bool(fades) and FADE_MM[0] <= min(fades) <= max(fades) <= FADE_MM[1]

    def _fades_mm(self, first: int, last: int) -> list[float]:
        """How long a patch from row `first` to `last` takes to fade at each end in view, mm.

        Empty where neither end is in view, or it hardly outshines dry fat.
        """
        upper, lower = self.traced
        bright = float(np.median(self.brightest[first : last + 1]))
        dry = float(np.percentile(self.brightest[upper : lower + 1], DRY))
        if bright < CLEAR * dry:
            return []
        share = (self.brightest - dry) / (bright - dry)
        full = first + np.nonzero(share[first : last + 1] >= FADE_FROM)[0]
        above = upper + np.nonzero(share[upper:first] <= FADE_TO)[0]
        below = last + 1 + np.nonzero(share[last + 1 : lower + 1] <= FADE_TO)[0]
        fades = []
        if len(above):
            fades.append(float(full[0] - above[-1]) * self.row_mm)
        if len(below):
            fades.append(float(below[0] - full[-1]) * self.row_mm)
        return fades
