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
#: In-plane smoothing before the threshold, against noise.
SMOOTH_MM = 0.5


@dataclass(frozen=True)
class Threshold:
    """Limits on corrected intensity and what they were made from.

    Attributes:
        low: edema reaches at least this everywhere.
        high: and this somewhere.
        reference: the muscle's (or bodies') median, against which contrast is stated.
        source: `muscle`, `bodies_and_csf` or `csf`.
        bounded: `csf_low` or `csf_high` where a bound replaced the muscle's value, else None.
    """

    low: float
    high: float
    reference: float
    source: str
    bounded: str | None


def make_threshold(reference: Reference, options: ThresholdOptions) -> Threshold | None:
    """The exam's threshold; None where neither muscle nor CSF nor bodies were seen."""
    csf = reference.csf
    if reference.muscle is not None:
        q1, q2, q3 = reference.muscle
        low, high = q3 + options.k * (q3 - q1), q3 + options.k_sure * (q3 - q1)
        source = "muscle"
    elif csf is not None and reference.bodies is not None:
        q1, q2, q3 = reference.bodies
        low = max(q3 + BODIES_K * (q3 - q1), BODIES_CSF * csf)
        high, source = 1.1 * low, "bodies_and_csf"
    elif csf is not None:
        low, high, q2, source = BODIES_CSF * csf, 1.1 * BODIES_CSF * csf, 0.3 * csf, "csf"
    else:
        return None
    bounded = None
    if csf is not None:
        if low < options.csf_low * csf:
            high, low = max(high, 1.1 * options.csf_low * csf), options.csf_low * csf
            bounded = "csf_low"
        elif low > options.csf_high * csf:
            low, high, bounded = options.csf_high * csf, 1.05 * options.csf_high * csf, "csf_high"
    return Threshold(low, max(high, low), q2, source, bounded)


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
    bright = apply_hysteresis_threshold(
        np.where(searched, smooth, -np.inf), threshold.low, threshold.high
    )
    patches = label(bright, connectivity=2)
    keep = np.zeros(int(patches.max()) + 1, bool)
    for i in np.unique(patches[fascial & bright]):
        points = np.unique(band.nearest[(patches == i) & fascial])
        keep[i] = i > 0 and len(points) * geometry.spacing_mm[0] >= options.least_length_mm
    keep[0] = False
    return np.asarray(keep[patches])
