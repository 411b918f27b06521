"""How bright is edema, and which pixels are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold

from ..anatomy.band import FasciaBand
from ..geometry import BoolArray, FloatArray, SliceGeometry
from ..options import ThresholdOptions
from .normalise import Reference

#: Where muscle is lacking: bodies' third quartile + this many IQR, at least half of CSF.
BODIES_K = 2.0
BODIES_CSF = 0.5
#: From here on behind the line a pixel lies in the fat for sure; the line's own error is less.
IN_FAT_MM = 1.0
#: This far before the line edema may hide the border that the line was read from.
RIDGE_MM = 3.0
#: There fluid must outshine the tissue before it by this factor.
RIDGE = 1.2
#: Tissue "before it": these depths, within this height.
BEFORE_MM = (-16.0, -7.0)
BEFORE_HEIGHT_MM = 12.0
#: A patch counts if it comes this near to the line, for at least the least length.
CONTACT_MM = 1.75
#: Where the fat holds fluid, as near as the line is true.
COVER_MM = 1.25
#: A shorter patch counts from this share of the least length on, if it is this thick on average
#: (vessels are thin) and half of it is this many times as bright as its limit (noise isn't).
SHORT_SHARE = 2 / 3
SHORT_THICK_MM = 3.0
SHORT_EXCESS = 1.2
#: On one slice alone a patch has to be this thick on average: veins along the fascia are thinner.
LONE_MM = 4.0
#: Any other stays where another slice has edema at this share of its heights ...
SHARED = 1 / 3
#: ... which are compared in steps of so much.
HEIGHT_STEP_MM = 3.0
#: In-plane smoothing before the threshold, against noise.
SMOOTH_MM = 0.5


@dataclass(frozen=True)
class Threshold:
    """Limits on intensity corrected for the coil, and what they were made from.

    Attributes:
        low: from here on deep tissue is edema.
        fluid_csf: behind the fascia fluid is at least this bright *as measured* at middle height
            (infinite where no CSF was seen) ...
        fluid_muscle: ... and this bright corrected.
        reference: the muscle's (or bodies') median, against which contrast is stated.
        source: `muscle`, `bodies_and_csf` or `csf`.
        bounded: `csf_low` or `csf_high` where a bound replaced the muscle's value, else None.
    """

    low: float
    fluid_csf: float
    fluid_muscle: float
    reference: float
    source: str
    bounded: str | None

    def in_fat(self, gain: FloatArray, canal_gain: FloatArray) -> FloatArray:
        """Limit in suppressed fat, never above `low`.

        Args:
            gain: the coil's gain there.
            canal_gain: the coil's gain at the canal of the same height.
        """
        fluid = np.maximum(self.fluid_csf * canal_gain / gain, self.fluid_muscle)
        return np.asarray(np.minimum(self.low, fluid))

    def limits(
        self, band: FasciaBand, gain: FloatArray, canal_gain: FloatArray, before: FloatArray
    ) -> FloatArray:
        """Limit at each pixel (rows, columns).

        Args:
            band: fascia coordinates.
            gain: the coil's gain at each pixel.
            canal_gain: the coil's gain at the canal of each pixel's height.
            before: corrected intensity of the tissue before the fascia at each pixel's height.
        """
        fluid = self.in_fat(gain, canal_gain)
        ridge = np.minimum(self.low, np.maximum(fluid, RIDGE * before))
        with np.errstate(invalid="ignore"):
            near = np.where(band.depth_mm >= -RIDGE_MM, ridge, self.low)
            return np.where(band.depth_mm >= IN_FAT_MM, fluid, near)


def make_threshold(reference: Reference, options: ThresholdOptions) -> Threshold | None:
    """The exam's threshold; None where neither muscle nor CSF was seen."""
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
    if csf is not None:
        far = csf / reference.falloff.far_gain
        if low < options.csf_low * far:
            low, bounded = options.csf_low * far, "csf_low"
        elif low > options.csf_high * far:
            low, bounded = options.csf_high * far, "csf_high"
    return Threshold(
        low=low,
        fluid_csf=options.fluid_csf * csf if csf is not None else np.inf,
        fluid_muscle=options.fluid_muscle * q2,
        reference=q2,
        source=source,
        bounded=bounded,
    )


def tissue_before(
    corrected: Sequence[FloatArray], bands: Sequence[FasciaBand], heights_mm: Sequence[FloatArray]
) -> Callable[[FloatArray], FloatArray]:
    """Corrected intensity of the tissue before the fascia, as a function of LPS z.

    Local medians, but never more than their median over the exam: bright interspinous tissue at
    one level must not hide edema behind it.
    """
    values, z = [], []
    for image, band, height in zip(corrected, bands, heights_mm, strict=True):
        with np.errstate(invalid="ignore"):
            inside = (band.depth_mm > BEFORE_MM[0]) & (band.depth_mm < BEFORE_MM[1])
        values.append(image[inside])
        z.append(height[inside])
    v, at = np.concatenate(values), np.concatenate(z)
    if not len(v):
        return np.zeros_like
    grid = np.arange(at.min(), at.max() + BEFORE_HEIGHT_MM, BEFORE_HEIGHT_MM / 3)
    order = np.argsort(at)
    at, v = at[order], v[order]
    low = np.searchsorted(at, grid - BEFORE_HEIGHT_MM)
    high = np.searchsorted(at, grid + BEFORE_HEIGHT_MM)
    medians = np.array(
        [np.median(v[a:b]) if b > a else np.nan for a, b in zip(low, high, strict=True)]
    )
    known = ~np.isnan(medians)
    usual = np.minimum(medians[known], np.median(medians[known]))
    return lambda height: np.interp(height, grid[known], usual)


def excess(corrected: FloatArray, limits: FloatArray, geometry: SliceGeometry) -> FloatArray:
    """How many times its limit a pixel reaches (rows, columns), noise smoothed away.

    `corrected` are intensities corrected for the coil, `limits` what they have to reach.
    """
    sigma = [SMOOTH_MM / mm for mm in geometry.spacing_mm]
    return np.asarray(ndimage.gaussian_filter(corrected, sigma) / limits)


def find_edema(
    excess: FloatArray,
    band: FasciaBand,
    skin: BoolArray,
    wet: BoolArray,
    geometry: SliceGeometry,
    options: ThresholdOptions,
) -> BoolArray:
    """Edema of one slice (rows, columns): hysteresis, then only patches that touch the fascia.

    `skin` marks pixels of skin and air, `wet` heights at which the fat itself holds fluid: there a
    patch has to cover the line.
    """
    with np.errstate(invalid="ignore"):
        searched = (band.depth_mm > -options.deepest_mm) & ~skin
        bright = searched & (excess > 1.0)
    # Patches are looked for where there can be any: most of the image is out of question.
    out, box = np.zeros_like(bright), _box(bright)
    if not bright.any():
        return out
    with np.errstate(invalid="ignore"):
        contact = np.where(wet[box], COVER_MM, CONTACT_MM)
        touching = np.abs(band.depth_mm[box]) <= np.minimum(contact, options.fascial_mm)
    over = np.where(bright[box], excess[box], -np.inf)
    bright = apply_hysteresis_threshold(over, 1.0, options.sure)
    # scipy's labelling: skimage.measure.label pulls in modules worth 0.1 s of every start.
    patches, n = ndimage.label(bright, np.ones((3, 3)))
    where = touching & bright
    touched = np.zeros((n + 1, int(band.nearest.max()) + 1), bool)
    touched[patches[where], band.nearest[box][where]] = True
    length_mm = touched.sum(axis=1) * geometry.spacing_mm[0]
    keep = touched.any(axis=1) & (length_mm >= options.least_length_mm)
    for i in np.nonzero(~keep & (length_mm >= SHORT_SHARE * options.least_length_mm))[0]:
        mine = patches == i
        thick = _thickness_mm(mine, geometry.spacing_mm[1]) >= SHORT_THICK_MM
        keep[i] = thick and np.median(over[mine]) >= SHORT_EXCESS
    out[box] = keep[patches]
    return out


def _thickness_mm(patch: BoolArray, column_mm: float) -> float:
    """Mean width of a patch (rows, columns) over the rows that it reaches into."""
    return float(patch.sum() / patch.any(axis=1).sum() * column_mm)


def _box(mask: BoolArray) -> tuple[slice, slice]:
    """The rows and columns that a mask reaches into."""
    rows, columns = (np.nonzero(mask.any(axis=axis))[0] for axis in (1, 0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def confirmed(
    masks: Sequence[BoolArray],
    excesses: Sequence[FloatArray],
    wet: Sequence[BoolArray],
    heights_mm: Sequence[FloatArray],
    columns_mm: Sequence[float],
    options: ThresholdOptions,
) -> list[BoolArray]:
    """Edema of the central slices (rows, columns each) without doubtful patches seen on one only.

    Fluid in a layer spreads to both sides; a vessel, or fat half suppressed, brushes one slice.
    A patch stays if another slice has edema at the height of at least a third of it, or if it is
    thick and reaches `options.alone` times its limit somewhere the fat is dry.

    Args:
        masks: edema of each slice.
        excesses: what `excess` says of it.
        wet: heights at which the fat itself holds fluid.
        heights_mm: LPS z of its pixels.
        columns_mm: width of a slice's pixels.
        options: `alone` is read.
    """
    if len(masks) < 2:
        return list(masks)
    seen = [
        np.unique(np.round(z[m] / HEIGHT_STEP_MM)) for m, z in zip(masks, heights_mm, strict=True)
    ]
    out = []
    for k, (mask, z) in enumerate(zip(masks, heights_mm, strict=True)):
        box = _box(mask)
        certain = (excesses[k][box] >= options.alone) & ~wet[k][box]
        others = np.concatenate([h for i, h in enumerate(seen) if i != k])
        inside, kept = mask[box], np.zeros_like(mask)
        patches, n = ndimage.label(inside, np.ones((3, 3)))
        sure = np.zeros(n + 1, bool)
        sure[patches[certain & inside]] = True
        keep = np.zeros(n + 1, bool)
        for i in range(1, n + 1):
            mine = patches == i
            here = np.unique(np.round(z[box][mine] / HEIGHT_STEP_MM))
            shared = float(np.isin(here, others).mean()) >= SHARED
            keep[i] = shared or (sure[i] and _thickness_mm(mine, columns_mm[k]) >= LONE_MM)
        kept[box] = keep[patches]
        out.append(kept)
    return out
