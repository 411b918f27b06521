"""Edema on the central slices: the exam's limits, patches on each slice, the slices together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..anatomy.fascia import skin_mask
from ..anatomy.traced import TracedSlice
from ..geometry import BoolArray, FloatArray
from ..options import ThresholdOptions
from .normalise import Reference
from .suppression import judge_fat
from .threshold import Threshold, confirmed, excess, find_edema, tissue_before

#: Depth in the fat, mm behind the fascia, whose limit says whether fat is suppressed.
FAT_DEPTH_MM = 10.0


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What the threshold found.

    Attributes:
        masks: edema of each slice, bool (rows, columns).
        corrected: the slices' intensities corrected for the coil.
        unsuppressed: levels whose fat shines, so that edema can't be told from it.
    """

    masks: tuple[BoolArray, ...]
    corrected: tuple[FloatArray, ...]
    unsuppressed: frozenset[str] = frozenset()


def segment(
    parts: Sequence[TracedSlice],
    reference: Reference,
    threshold: Threshold | None,
    levels: Mapping[str, tuple[float, float]],
    options: ThresholdOptions,
) -> Segmentation:
    """Find edema on the central slices; without a threshold the masks are empty.

    `levels` are the territories {level: (upper z, lower z)} in which fat is judged.
    """
    gains = [reference.falloff.gain(p.band.depth_mm, p.z_mm) for p in parts]
    corrected = [p.slice.pixels / gain for p, gain in zip(parts, gains, strict=True)]
    masks: list[BoolArray] = [np.zeros(p.slice.geometry.shape, bool) for p in parts]
    read = [i for i, p in enumerate(parts) if p.traced]
    if threshold is None or not read:
        return Segmentation(tuple(masks), tuple(corrected))
    values, bands, heights, geometries = (
        [corrected[i] for i in read],
        [parts[i].band for i in read],
        [parts[i].z_mm for i in read],
        [parts[i].slice.geometry for i in read],
    )
    skins = [skin_mask(parts[i].marks, parts[i].slice, parts[i].line_rc) for i in read]
    depth, z = np.array(FAT_DEPTH_MM), np.array(reference.falloff.middle_z_mm)
    fluid = float(threshold.in_fat(reference.falloff.gain(depth, z)))
    fat = judge_fat(values, bands, skins, geometries, levels, fluid, threshold.reference)
    wet = [_within(height, [levels[n] for n in fat.wet]) for height in heights]
    before = tissue_before(values, bands, heights)
    limits = [threshold.limits(parts[i].band, gains[i], before(parts[i].z_mm)) for i in read]
    over = [excess(*of) for of in zip(values, limits, geometries, strict=True)]
    found = [
        find_edema(*of, options) for of in zip(over, bands, skins, wet, geometries, strict=True)
    ]
    for i, mask in zip(read, confirmed(found, over, wet, heights, options), strict=True):
        masks[i] = mask
    return Segmentation(tuple(masks), tuple(corrected), fat.unsuppressed)


def _within(z_mm: FloatArray, spans: Sequence[tuple[float, float]]) -> BoolArray:
    """Whether heights lie in any of the (upper, lower) spans."""
    inside = np.zeros(z_mm.shape, bool)
    for upper, lower in spans:
        inside |= (z_mm <= upper) & (z_mm > lower)
    return inside
