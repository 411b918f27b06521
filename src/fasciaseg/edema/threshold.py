"""How bright is edema, and which pixels are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold
from skimage.measure import label

from ..anatomy.band import FasciaBand
from ..geometry import BoolArray, FloatArray, SliceGeometry
from ..options import ThresholdOptions
from .normalise import Reference

#: Where muscle is lacking: bodies' third quartile + this many IQR, at least half of CSF.
BODIES_K = 2.0
BODIES_CSF = 0.5
#: From here on behind the line a pixel lies in the fat for sure; the line's own error is less.
IN_FAT_MM = 1.0
#: In-plane smoothing before the threshold, against noise.
SMOOTH_MM = 0.5


@dataclass(frozen=True)
class Threshold:
    """Limits on intensity corrected for the coil, and what they were made from.

    Attributes:
        low: from here on deep tissue is edema.
        in_fat: from here on suppressed fat is edema; never above `low`.
        reference: the muscle's (or bodies') median, against which contrast is stated.
        source: `muscle`, `bodies_and_csf` or `csf`.
        bounded: `csf_low` or `csf_high` where a bound replaced the muscle's value, else None.
    """

    low: float
    in_fat: float
    reference: float
    source: str
    bounded: str | None


def make_threshold(
    reference: Reference, options: ThresholdOptions, gain_at_fascia: float = 1.0
) -> Threshold | None:
    """The exam's threshold; None where neither muscle nor CSF nor bodies were seen.

    `gain_at_fascia` is the coil's gain there, by which a fraction of the measured CSF becomes a
    corrected intensity.
    """
    csf = reference.csf
    if reference.muscle is not None:
        q1, q2, q3 = reference.muscle
        low, source = q3 + options.k * (q3 - q1), "muscle"
    elif csf is not None and reference.bodies is not None:
        q1, q2, q3 = reference.bodies
        low, source = max(q3 + BODIES_K * (q3 - q1), BODIES_CSF * csf), "bodies_and_csf"
    elif csf is not None:
        low, q2, source = BODIES_CSF * csf, 0.3 * csf, "csf"
    else:
        return None
    bounded = None
    in_fat = low
    if csf is not None:
        far = csf / reference.falloff.far_gain
        if low < options.csf_low * far:
            low, bounded = options.csf_low * far, "csf_low"
        elif low > options.csf_high * far:
            low, bounded = options.csf_high * far, "csf_high"
        fluid = max(options.fluid_csf * csf / gain_at_fascia, options.fluid_muscle * q2)
        in_fat = min(low, fluid)
    return Threshold(low, min(in_fat, low), q2, source, bounded)


def find_edema(
    corrected: FloatArray,
    band: FasciaBand,
    skin: BoolArray,
    geometry: SliceGeometry,
    threshold: Threshold,
    options: ThresholdOptions,
) -> BoolArray:
    """Edema of one slice (rows, columns): hysteresis, then only patches that touch the fascia.

    `corrected` are intensities corrected for the coil, `skin` marks pixels of skin and air.
    """
    sigma = [SMOOTH_MM / mm for mm in geometry.spacing_mm]
    smooth = ndimage.gaussian_filter(corrected, sigma)
    with np.errstate(invalid="ignore"):
        searched = (band.depth_mm > -options.deepest_mm) & ~skin
        fascial = np.abs(band.depth_mm) <= options.fascial_mm
        limit = np.where(band.depth_mm >= IN_FAT_MM, threshold.in_fat, threshold.low)
    bright = apply_hysteresis_threshold(
        np.where(searched, smooth / limit, -np.inf), 1.0, options.sure
    )
    patches = label(bright, connectivity=2)
    keep = np.zeros(int(patches.max()) + 1, bool)
    for i in np.unique(patches[fascial & bright]):
        points = np.unique(band.nearest[(patches == i) & fascial])
        keep[i] = i > 0 and len(points) * geometry.spacing_mm[0] >= options.least_length_mm
    keep[0] = False
    return np.asarray(keep[patches])
