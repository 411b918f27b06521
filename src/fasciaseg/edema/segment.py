"""Edema on the central slices: the exam's limits, patches on each slice, the slices together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..anatomy.fascia import skin_mask
from ..anatomy.traced import TracedSlice
from ..geometry import BoolArray, FloatArray
from ..options import ThresholdOptions
from .evidence import Evidence, cut, window_of, within
from .fade import FatLayer
from .normalise import Reference
from .suppression import FatState, judge_fat
from .threshold import HEIGHT_STEP_MM, Threshold, excess, tissue_before

#: Depth in the fat, mm behind the fascia, whose limit says whether fat is suppressed.
FAT_DEPTH_MM = 10.0
#: Fat is judged in so many parts of each level.
SLABS = 3
#: A level of which fat that shines covers this share can't be judged.
NOTABLE_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What the threshold found.

    Attributes:
        masks: edema of each slice, bool (rows, columns).
        corrected: the slices' intensities corrected for the coil.
        unsuppressed: levels whose fat shines, or into which such fat reaches: edema can't be
            told from it.
        reached: those of them whose own fat is dark: what reaches there may be edema after all.
        wet: levels whose fat shines in part, as with subcutaneous edema.
        evidence: what the threshold was laid on; None without a threshold.
        read: which of the slices `evidence` is about.
    """

    masks: tuple[BoolArray, ...]
    corrected: tuple[FloatArray, ...]
    unsuppressed: frozenset[str] = frozenset()
    reached: frozenset[str] = frozenset()
    wet: frozenset[str] = frozenset()
    evidence: Evidence | None = None
    read: tuple[int, ...] = ()

    def agreement(self) -> float:
        """Share of the edema's heights that at least two slices show; 1 without edema."""
        if self.evidence is None:
            return 1.0
        seen = Counter[float]()
        told = zip(self.read, self.evidence.windows, self.evidence.heights_mm, strict=True)
        for i, window, z in told:
            heights = np.round(z[self.masks[i][:, slice(*window)]] / HEIGHT_STEP_MM)
            seen.update(float(h) for h in np.unique(heights))
        return sum(n > 1 for n in seen.values()) / len(seen) if seen else 1.0

    def with_edema(self, edema: Sequence[BoolArray]) -> Segmentation:
        """The same with other masks on the slices that were read."""
        masks = list(self.masks)
        for i, mask in zip(self.read, edema, strict=True):
            masks[i] = mask
        return replace(self, masks=tuple(masks))


def segment(
    parts: Sequence[TracedSlice],
    reference: Reference,
    threshold: Threshold | None,
    levels: Mapping[str, tuple[float, float]],
    options: ThresholdOptions,
    no_fat: Sequence[BoolArray] = (),
    swapped: Collection[str] = (),
) -> Segmentation:
    """Find edema on the central slices; without a threshold the masks are empty.

    `levels` are the territories {level: (upper z, lower z)} in which fat is judged; `no_fat` are
    the pixels of each slice that are known to hold none, however they shine; `swapped` are levels
    at which fat is known to shine.
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
    falloff = reference.falloff
    fluid = float(threshold.in_fat(falloff.gain(depth, z), falloff.along(z, reference.canal_share)))
    slabs = _slabs(levels)
    fat = judge_fat(values, bands, skins, geometries, slabs, fluid, threshold.reference)
    if no_fat:
        # What shines and isn't fat is fluid; only the rest can be fat that escaped.
        besides = [skin | no_fat[i] for skin, i in zip(skins, read, strict=True)]
        known = judge_fat(values, bands, besides, geometries, slabs, fluid, threshold.reference)
        fat = FatState(known.unsuppressed, (fat.wet | fat.unsuppressed) - known.unsuppressed)
    damp = frozenset(n for n in levels if any(slab.startswith(f"{n}.") for slab in fat.wet))
    wet = [within(height, [levels[n] for n in damp]) for height in heights]
    before = tissue_before(values, bands, heights)
    limits = [
        threshold.limits(band, gains[i], falloff.along(z, reference.canal_share), before(z))
        for i, band, z in zip(read, bands, heights, strict=True)
    ]
    over = [excess(*of) for of in zip(values, limits, geometries, strict=True)]
    windows = [window_of(b, k, options.deepest_mm) for b, k in zip(bands, skins, strict=True)]
    cuts = [slice(*window) for window in windows]
    over = [v[:, w] for v, w in zip(over, cuts, strict=True)]
    near = [cut(b, w) for b, w in zip(bands, cuts, strict=True)]
    skins = [k[:, w] for k, w in zip(skins, cuts, strict=True)]
    layers = [FatLayer.of(*of) for of in zip(over, near, skins, geometries, strict=True)]
    evidence = Evidence(
        windows=tuple(windows),
        columns=tuple(v.shape[1] for v in values),
        excess=tuple(over),
        gains=tuple(gains[i][:, w] for i, w in zip(read, cuts, strict=True)),
        bands=tuple(near),
        skins=tuple(skins),
        wet=tuple(v[:, w] for v, w in zip(wet, cuts, strict=True)),
        heights_mm=tuple(z[:, w] for z, w in zip(heights, cuts, strict=True)),
        geometries=tuple(geometries),
        shining=(*(slabs[n] for n in fat.unsuppressed), *(levels[n] for n in swapped)),
        # Where a T1 has told the fat, what shines is none.
        layers=tuple(layers) if not no_fat else (None,) * len(layers),
    )
    edema, fatty = evidence.edema(options)
    shining = frozenset(
        n
        for n, span in levels.items()
        if any(_overlap_mm(span, slab) > 1.0 for slab in evidence.shining)
    )
    reached = frozenset(
        n
        for n, span in levels.items()
        if any(_reaches(m, z, span) for m, z in zip(fatty, heights, strict=True))
    )
    found = Segmentation(
        masks=tuple(masks),
        corrected=tuple(corrected),
        unsuppressed=shining | reached,
        reached=reached - shining,
        wet=damp,
        evidence=evidence,
        read=tuple(read),
    )
    return found.with_edema(edema)


def _slabs(levels: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Parts of levels, and as much below the lowest one, in which fat is judged: (upper, lower) z.

    Fat that shines begins anywhere, at the sacrum most often.
    """
    out: dict[str, tuple[float, float]] = {}
    for name, (upper, lower) in levels.items():
        edges = np.linspace(upper, lower, SLABS + 1)
        out |= {f"{name}.{k}": (float(edges[k]), float(edges[k + 1])) for k in range(SLABS)}
    if levels:
        upper, lower = min(levels.values(), key=lambda span: span[1])
        out["below"] = (lower, lower - (upper - lower))
    return out


def _overlap_mm(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Common height of two spans (upper, lower)."""
    return min(a[0], b[0]) - max(a[1], b[1])


def _reaches(mask: BoolArray, z_mm: FloatArray, span: tuple[float, float]) -> bool:
    """Whether a mask covers a notable part of a level's height."""
    mine = z_mm[mask & within(z_mm, [span])]
    return bool(len(mine)) and float(mine.max() - mine.min()) >= NOTABLE_SHARE * (span[0] - span[1])
