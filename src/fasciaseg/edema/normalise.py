"""The exam's own reference: coil falloff, paraspinal muscle, CSF.

Surface coils make tissue near the skin brighter. Muscle 5 to 28 mm before the fascia, on slices
beside the midline, shows by how much; its intensity is fitted as an exponential of depth and a
smooth curve of height, and everything is expressed as if it lay at one depth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..anatomy.band import FasciaBand
from ..geometry import BoolArray, FloatArray, Slice

#: Muscle is sampled at these depths before the fascia (mm).
MUSCLE_MM = (5.0, 28.0)
#: Depth at which corrected intensities equal measured ones (mm before the fascia).
REFERENCE_DEPTH_MM = 15.0
#: A surface coil's sensitivity falls by no more than this, per mm (factor 2.9 over 30 mm); what
#: is steeper is fat between the deep fibres.
STEEPEST_PER_MM = 0.035
#: The canal lies deeper than the muscle and sees so much of what the coil does to it along the
#: spine, at most (log scale; its signal regressed on the muscle's fit, 42 Dixon water scans: 0.71).
CANAL_SHARE = 0.75
#: The two are compared in steps of this height (mm) ...
CANAL_STEP_MM = 15.0
#: ... with so many pixels of canal at least, as for its brightness as a whole ...
LEAST_CANAL = 30
#: ... where the muscle changes by this much along the spine (log scale).
LEAST_RISE = 0.02
#: Beyond these depths the fit isn't extrapolated.
DEPTH_RANGE_MM = (-30.0, 10.0)
#: Fewest muscle pixels for a reference, as area in mm² (about one level of one slice).
LEAST_MUSCLE_MM2 = 600.0
#: Fewest pixels that a falloff is fitted to.
LEAST_FITTED = 50


@dataclass(frozen=True)
class Falloff:
    """Log intensity over depth and height: what the coil does to one and the same tissue.

    Attributes:
        per_mm: growth per mm toward the skin.
        tilt, bow: linear and quadratic growth per 50 mm of height.
        middle_z_mm: height around which tilt and bow are counted.
    """

    per_mm: float = 0.0
    tilt: float = 0.0
    bow: float = 0.0
    middle_z_mm: float = 0.0

    def gain(self, depth_mm: FloatArray, z_mm: FloatArray) -> FloatArray:
        """How much brighter the coil makes a pixel than one at the reference depth."""
        depth = np.clip(np.nan_to_num(depth_mm), *DEPTH_RANGE_MM) + REFERENCE_DEPTH_MM
        return np.asarray(np.exp(self.per_mm * depth + self.rise(z_mm)))

    def along(self, z_mm: FloatArray, share: float) -> FloatArray:
        """How much brighter the coil makes what lies at a height than the same at middle height.

        Deeper tissue sees only a `share` (log scale) of what the coil does to the muscle.
        """
        return np.asarray(np.exp(share * self.rise(z_mm)))

    def rise(self, z_mm: FloatArray) -> FloatArray:
        """Log of how much brighter the coil makes muscle at a height than at middle height."""
        t = np.clip((z_mm - self.middle_z_mm) / 50, -2.5, 2.5)
        return np.asarray(self.tilt * t + self.bow * t * t)

    @property
    def far_gain(self) -> float:
        """The same for the canal and the bodies, which lie beyond the coil's reach."""
        return float(np.exp(self.per_mm * (DEPTH_RANGE_MM[0] + REFERENCE_DEPTH_MM)))


@dataclass(frozen=True)
class Reference:
    """The exam's own tissues, corrected for the coil.

    Attributes:
        falloff: the coil's falloff.
        muscle: first quartile, median and third quartile without fat streaks and vessels; None
            where muscle is lacking.
        csf: upper quartile in the canal as measured at middle height; None where no canal was
            seen.
        bodies: first quartile, median and third quartile of the vertebral bodies, as measured.
        canal_share: how much of what the coil does to the muscle along the spine it does to the
            canal, log scale; 0 where that can't be seen.
    """

    falloff: Falloff
    muscle: tuple[float, float, float] | None
    csf: float | None
    bodies: tuple[float, float, float] | None
    canal_share: float = 0.0


@dataclass(frozen=True, eq=False)
class Canal:
    """Pixels of the spinal canal on a slice: intensities (n,) and their LPS z (n,)."""

    values: FloatArray
    z_mm: FloatArray


@dataclass(frozen=True, eq=False)
class Tissue:
    """A slice with its fascia coordinates; what references are measured on."""

    slice: Slice
    band: FasciaBand
    z_mm: FloatArray


def measure(
    beside: Sequence[Tissue],
    canal: Sequence[Canal],
    bodies: Sequence[FloatArray],
    span_z_mm: tuple[float, float],
) -> Reference:
    """Measure the reference.

    Args:
        beside: slices beside the midline, where the paraspinal muscle lies.
        canal: the spinal canal on the central slices.
        bodies: intensities in the vertebral bodies of the central slices.
        span_z_mm: lowest and highest LPS z of the spine found.
    """
    samples = [_muscle(t, span_z_mm) for t in beside]
    values, depth, z = (
        np.concatenate([s[i] for s in samples]) if samples else np.empty(0) for i in range(3)
    )
    area = sum(
        float(np.prod(t.slice.geometry.spacing_mm)) * len(s[0])
        for t, s in zip(beside, samples, strict=True)
    ) / max(1, len(samples))
    muscle, falloff = None, Falloff()
    if area >= LEAST_MUSCLE_MM2:
        falloff, is_muscle = _fit(values, depth, z, sum(span_z_mm) / 2)
        # Fat streaks, dark where fat is suppressed, would widen the quartiles and lift the limit.
        muscle = _quartiles((values / falloff.gain(depth, z))[is_muscle])
    share = _canal_share(canal, falloff)
    csf = _concatenated([c.values / falloff.along(c.z_mm, share) for c in canal])
    marrow = _concatenated(bodies)
    return Reference(
        falloff=falloff,
        muscle=muscle,
        csf=float(np.percentile(csf, 75)) if len(csf) >= LEAST_CANAL else None,
        bodies=_quartiles(marrow) if len(marrow) >= 30 else None,
        canal_share=share,
    )


def _canal_share(canal: Sequence[Canal], falloff: Falloff) -> float:
    """How much of the muscle's change along the spine the canal shows too, at most `CANAL_SHARE`.

    Muscle differs along the spine by itself; what the canal shows as well is the coil.
    """
    values, z = (_concatenated([getattr(c, n) for c in canal]) for n in ("values", "z_mm"))
    step = np.floor(z / CANAL_STEP_MM)
    steps = [at for k in np.unique(step) if (at := step == k).sum() >= LEAST_CANAL]
    bright = np.array([np.percentile(values[at], 75) for at in steps])
    rise = np.array([falloff.rise(z[at]).mean() for at in steps])
    if len(steps) < 3 or bright.min() <= 0 or np.ptp(rise) < LEAST_RISE:
        return 0.0
    return float(np.clip(np.polyfit(rise, np.log(bright), 1)[0], 0, CANAL_SHARE))


def _concatenated(parts: Sequence[FloatArray]) -> FloatArray:
    return np.concatenate(parts) if len(parts) else np.empty(0)


def _quartiles(values: FloatArray) -> tuple[float, float, float]:
    q1, q2, q3 = np.percentile(values, [25, 50, 75])
    return float(q1), float(q2), float(q3)


def _muscle(t: Tissue, span: tuple[float, float]) -> tuple[FloatArray, FloatArray, FloatArray]:
    near, far = MUSCLE_MM
    depth = t.band.depth_mm
    with np.errstate(invalid="ignore"):
        inside = (depth < -near) & (depth > -far) & (t.z_mm > span[0]) & (t.z_mm < span[1])
    return t.slice.pixels[inside].astype(float), depth[inside], t.z_mm[inside]


def _fit(
    values: FloatArray, depth: FloatArray, z: FloatArray, middle: float
) -> tuple[Falloff, BoolArray]:
    """Robust least squares of log intensity; fatty streaks and vessels drop out as outliers.

    Returns:
        The falloff, and which of the values followed it; all where hardly any did.
    """
    t = (z - middle) / 50
    design = np.stack([np.ones_like(depth), depth + REFERENCE_DEPTH_MM, t, t * t], axis=1)
    log = np.log(np.maximum(values, 1e-3 * max(float(np.median(values)), 1e-6)))
    keep = values > 0.3 * np.median(values)
    weights = np.zeros(4)
    for _ in range(5):
        if keep.sum() < LEAST_FITTED:
            break
        kept = design[keep]
        # The four normal equations: a tenth of the time of all the rows.
        weights, *_ = np.linalg.lstsq(kept.T @ kept, kept.T @ log[keep], rcond=None)
        residual = log - design @ weights
        inner = residual[keep]
        spread = 1.4826 * float(np.median(np.abs(inner - np.median(inner)))) + 1e-6
        keep = np.abs(residual) < 2.5 * spread
    falloff = Falloff(
        per_mm=float(np.clip(weights[1], 0, STEEPEST_PER_MM)),
        tilt=float(np.clip(weights[2], -1, 1)),
        bow=float(np.clip(weights[3], -0.5, 0.5)),
        middle_z_mm=float(middle),
    )
    return falloff, keep if keep.sum() >= LEAST_FITTED else np.ones_like(keep)
