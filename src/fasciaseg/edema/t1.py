"""Fat taken out of a plain T2 with a T1 of the same exam.

On plain T2 fat and fluid both shine. On T1 fat shines and fluid is as dark as muscle. So what a
pixel has on T1 above muscle is fat; the same share of fat's T2 signal is taken off the T2. What
is left looks like a fat-suppressed T2 and is read like one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..anatomy.band import fascia_band
from ..anatomy.fascia import skin_mask
from ..anatomy.spine import SliceStack
from ..anatomy.traced import TracedSlice
from ..geometry import BoolArray, FloatArray, SliceGeometry
from ..options import ThresholdOptions
from ..stations import seen_on
from .evidence import cut, window_of
from .normalise import MUSCLE_MM, Falloff, Tissue, measure
from .shift import Pair, Shift, find_shift
from .threshold import confirmed, find_edema

#: The two series are compared between these depths (mm): spinous processes, fascia, fat, skin.
COMPARED_MM = (-50.0, 40.0)
#: From here on a shift is worth a word.
SHIFTED_MM = 2.0
#: Halves of the back that disagree by more: the patient turned or bent, and one shift won't do.
UNSURE_MM = 1.5
#: Fat is measured from this far behind the line on ...
FAT_FROM_MM = 1.5
#: ... and is fat if on T1 it reaches this share of the way from muscle to the brightest there.
FAT_SHARE = 0.6
#: Below this share of the same way nothing is fat.
DARK_SHARE = 0.35
#: Fewest fat pixels, mm² over the three slices.
LEAST_FAT_MM2 = 300.0
#: Fat outshines muscle on T1 by this factor, or it isn't a T1 to tell them by.
LEAST_CONTRAST = 1.5
#: How bright fat is on T2 for its T1 is followed along the back in windows of this half height.
ALONG_MM = 25.0
#: What is left of a shift, and the chemical shift's: fat this near counts as fat.
BLUR_MM = 0.7
#: A collection outshines fat on T2 by this factor where fat is at its brightest.
OUTSHINES_FAT = 1.15
#: A collection that makes more than this share of what shines along the fascia may be all of it:
#: its blurred border is as dark on T1 as fluid.
NOTABLE_COLLECTION = 1 / 3
#: A level whose muscle has less than this share of the T1 signal expected isn't shown by the T1.
UNLIT = 0.75
#: A fascia shorter than this isn't read.
LEAST_LINE_MM = 60.0


Image = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Expected:
    """What `FatModel` expects at every pixel of a slice, (rows, columns) each.

    Attributes:
        muscle: muscle's T1 signal.
        ratio: fat's T2 signal over its T1 signal.
    """

    muscle: FloatArray
    ratio: FloatArray


@dataclass(frozen=True)
class FatModel:
    """What tells fat from water by T1.

    Attributes:
        falloff: of the T1's coil.
        muscle: upper end of muscle on T1, corrected for its coil.
        fat: fat on T1, corrected.
        z_mm, ratio: fat's T2 signal over its T1 signal as a function of height.
        texture: how much brighter than the model fat is on T2 at its brightest (90%).
    """

    falloff: Falloff
    muscle: float
    fat: float
    z_mm: FloatArray
    ratio: FloatArray
    texture: float = 1.0

    def on(self, part: TracedSlice) -> Expected:
        """What it says of a slice."""
        muscle = self.muscle * self.falloff.gain(part.band.depth_mm, part.z_mm)
        return Expected(muscle, np.interp(part.z_mm, self.z_mm, self.ratio).astype(np.float32))

    def pure_fat_on_t2(self, at: Expected) -> FloatArray:
        """T2 signal that nothing but fat would have at every pixel."""
        return np.asarray(self.fat / self.muscle * at.ratio * at.muscle)

    def fat_on_t2(self, t1: FloatArray, at: Expected) -> FloatArray:
        """T2 signal of the fat in every pixel, from its T1 signal above muscle's."""
        whole = self.fat / (self.fat - self.muscle)
        return np.asarray(whole * at.ratio * np.maximum(t1 - at.muscle, 0))


@dataclass(frozen=True, eq=False)
class Suppressed:
    """Slices whose fat was taken out.

    Attributes:
        central: the three central slices.
        beside: those that muscle is measured on.
        shift: between the two series.
        model: how fat was told; None where it couldn't.
        t1: the T1 on the grids of both, in this order.
        expected: what the model says of both, in this order; empty without one.
        collection_mm2: area, over the central slices, of patches along the fascia that outshine fat
            on T2 and aren't dark on T1.
    """

    central: tuple[TracedSlice, ...]
    beside: tuple[TracedSlice, ...]
    shift: Shift
    model: FatModel | None
    t1: tuple[Image, ...]
    expected: tuple[Expected, ...] = ()
    collection_mm2: float = 0.0

    @property
    def sure(self) -> bool:
        """Whether the two series lie on top of each other now."""
        return not self.shift.at_limit and self.shift.spread_mm <= UNSURE_MM

    @property
    def shifted(self) -> bool:
        """Whether the patient moved enough to be told."""
        return self.shift.length_mm > SHIFTED_MM

    @property
    def usable(self) -> bool:
        """Whether fat was told from fluid."""
        return self.sure and self.model is not None and self.central[1].traced

    def may_be_blood(self, edema_mm2: float) -> bool:
        """Whether the edema found (mm² on the central slices) may belong to a collection."""
        together = self.collection_mm2 + edema_mm2
        return self.collection_mm2 > NOTABLE_COLLECTION * together

    @property
    def no_fat(self) -> tuple[BoolArray, ...]:
        """Pixels of the central slices that are as dark as fluid on T1."""
        if self.model is None:
            return ()
        m = self.model
        dark = m.muscle + DARK_SHARE * (m.fat - m.muscle)
        known = list(zip(self.t1, self.expected, strict=True))[: len(self.central)]
        return tuple(np.asarray(v <= dark / m.muscle * at.muscle) for v, at in known)

    def unlit(self, levels: Mapping[str, tuple[float, float]]) -> frozenset[str]:
        """Levels whose muscle the T1 shows too dark: there fat may be as dark as fluid, too.

        `levels` are territories {level: (upper z, lower z)}.
        """
        if self.model is None:
            return frozenset()
        share, height = [], []
        near, far = MUSCLE_MM
        n = len(self.central)
        for v, at, p in zip(self.t1[n:], self.expected[n:], self.beside, strict=True):
            with np.errstate(invalid="ignore"):
                deep = (p.band.depth_mm < -near) & (p.band.depth_mm > -far)
            share.append(v[deep] / at.muscle[deep])
            height.append(p.z_mm[deep])
        s, z = (np.concatenate(a) if a else np.empty(0) for a in (share, height))
        found = {n: s[(z <= upper) & (z > lower)] for n, (upper, lower) in levels.items()}
        return frozenset(n for n, v in found.items() if len(v) and np.median(v) < UNLIT)

    def limits(self, options: ThresholdOptions) -> ThresholdOptions:
        """The options with the bound that holds here."""
        return replace(options, csf_low=max(options.csf_low, options.plain_csf_low))

    def record(self) -> dict[str, float | None]:
        """The numbers behind it, for `edema.threshold.t1`."""
        m, s = self.model, self.shift
        return {
            "shift_down_mm": round(s.down_mm, 2),
            "shift_back_mm": round(s.back_mm, 2),
            "shift_spread_mm": round(s.spread_mm, 2) if np.isfinite(s.spread_mm) else None,
            "fat_over_muscle": round(m.fat / m.muscle, 2) if m else None,
            "fat_t2_over_t1": round(float(np.median(m.ratio)), 3) if m else None,
        }


def suppress_fat(
    central: Sequence[TracedSlice],
    beside: Sequence[TracedSlice],
    t1: SliceStack,
    options: ThresholdOptions,
) -> Suppressed:
    """Take the fat out of plain T2 slices.

    Raises:
        UnreadableInput: a slice of the T1 can't be decoded.
    """
    shift = find_shift([_pair(p, t1) for p in central if p.traced])
    seen = [_moved(t1, p.slice.geometry, shift) for p in (*central, *beside)]
    parts = [_cut(p, s) for p, (_, s) in zip((*central, *beside), seen, strict=True)]
    n = len(central)
    values = tuple(v for v, _ in seen)
    model = _model(parts[:n], parts[n:], values)
    expected: tuple[Expected, ...] = ()
    if model is not None:
        expected = tuple(model.on(p) for p in parts)
        known = zip(parts, values, expected, strict=True)
        parts = [_without_fat(p, v, at, model) for p, v, at in known]
    told = Suppressed(tuple(parts[:n]), tuple(parts[n:]), shift, model, values, expected)
    area = _collection_mm2(told, central, options) if told.usable else 0.0
    return replace(told, collection_mm2=area)


def _collection_mm2(
    told: Suppressed, on_t2: Sequence[TracedSlice], options: ThresholdOptions
) -> float:
    """Area of patches like an edema that outshine fat on T2 (as it was) and aren't dark on T1."""
    if told.model is None:
        return 0.0
    overs, masks, dry, heights, sizes_mm = [], [], [], [], []
    expected = told.expected[: len(told.central)]
    for part, kept, dark, at in zip(on_t2, told.central, told.no_fat, expected, strict=True):
        if not kept.traced:
            continue
        fat = told.model.pure_fat_on_t2(at)
        geometry = part.slice.geometry
        # The collection's own brightness must not look like a thick skin's.
        capped = replace(part.slice, pixels=np.minimum(part.slice.pixels, fat).astype(np.float32))
        skin = skin_mask(part.marks, capped, kept.line_rc)
        window = np.s_[:, slice(*window_of(kept.band, skin, options.deepest_mm))]
        smooth = ndimage.gaussian_filter(
            part.slice.pixels[window], [0.5 / mm for mm in geometry.spacing_mm]
        )
        limit = OUTSHINES_FAT * told.model.texture * fat[window]
        over = np.where(dark[window], 0.0, smooth / limit)
        nowhere = np.zeros(over.shape, bool)
        overs.append(over)
        dry.append(nowhere)
        heights.append(part.z_mm[window])
        band = cut(kept.band, window[1])
        masks.append(find_edema(over, band, skin[window], nowhere, geometry, options))
        sizes_mm.append(geometry.spacing_mm)
    kept_masks = confirmed(masks, overs, dry, heights, [mm for _, mm in sizes_mm], options)
    return sum(
        float(m.sum()) * float(np.prod(mm)) for m, mm in zip(kept_masks, sizes_mm, strict=True)
    )


def _pair(part: TracedSlice, t1: SliceStack) -> Pair:
    values, seen = seen_on(t1, part.slice.geometry)
    near, far = COMPARED_MM
    with np.errstate(invalid="ignore"):
        where = (part.band.depth_mm > near) & (part.band.depth_mm < far) & seen
    return Pair(part.slice.pixels, values, where, part.slice.geometry.spacing_mm)


def _moved(t1: SliceStack, geometry: SliceGeometry, shift: Shift) -> tuple[FloatArray, BoolArray]:
    """The T1 on a slice's grid, the shift undone."""
    down, across = geometry.spacing_mm
    o = geometry.to_lps(np.array([shift.down_mm / down, shift.back_mm / across]))
    return seen_on(t1, replace(geometry, origin_lps_mm=(float(o[0]), float(o[1]), float(o[2]))))


def _cut(part: TracedSlice, seen: BoolArray) -> TracedSlice:
    """The fascia line where the T1 shows it too."""
    if not part.traced:
        return part
    at = np.round(part.line_rc).astype(int)
    rows = np.nonzero(seen[at[:, 0], at[:, 1]])[0]
    line = part.line_rc[rows[0] : rows[-1] + 1] if len(rows) else part.line_rc[:0]
    if len(line) == len(part.line_rc):
        return part
    geometry = part.slice.geometry
    if len(line) * geometry.spacing_mm[0] < LEAST_LINE_MM:
        nowhere = replace(part.band, depth_mm=np.full(geometry.shape, np.nan))
        return replace(part, line_rc=np.empty((0, 2)), band=nowhere)
    return replace(part, line_rc=line, band=fascia_band(line, geometry))


def _model(
    central: Sequence[TracedSlice], beside: Sequence[TracedSlice], t1: Sequence[Image]
) -> FatModel | None:
    """Muscle and fat on T1, and how bright fat is on T2."""
    read = [(p, v) for p, v in zip(central, t1, strict=False) if p.traced]
    if not read:
        return None
    tissues = [
        Tissue(replace(p.slice, pixels=v), p.band, p.z_mm)
        for p, v in zip(beside, t1[len(central) :], strict=True)
        if p.traced
    ]
    z = np.concatenate([p.slice.geometry.heights_mm(p.line_rc) for p, _ in read])
    reference = measure(tissues, [], [], (float(z.min()), float(z.max())))
    if reference.muscle is None:
        return None
    q1, q2, _ = reference.muscle
    # Fat in the muscle lifts the upper half only: the lower one is mirrored.
    muscle = q2 + (q2 - q1)
    falloff = reference.falloff
    on_t1, on_t2, raw, height, area = _layer(read, falloff)
    if not len(on_t1):
        return None
    bright = on_t1 > muscle + FAT_SHARE * (np.percentile(on_t1, 90) - muscle)
    if bright.sum() * area < LEAST_FAT_MM2:
        return None
    fat = float(np.median(on_t1[bright]))
    if fat < LEAST_CONTRAST * muscle or _fluid_shines(read, muscle, fat):
        return None
    z_mm, ratio = _along(height[bright], on_t2[bright] / raw[bright])
    model = FatModel(falloff, float(muscle), fat, z_mm, ratio)
    left = on_t2[bright] / (raw[bright] * np.interp(height[bright], z_mm, ratio))
    return replace(model, texture=float(np.percentile(left, 90)))


def _fluid_shines(read: Sequence[tuple[TracedSlice, Image]], muscle: float, fat: float) -> bool:
    """Whether CSF is as bright as fat: then this is no T1, whatever its header says."""
    canal = [
        replace(p, slice=replace(p.slice, pixels=v)).values_where(p.marks.canal) for p, v in read
    ]
    csf = np.concatenate(canal)
    return len(csf) > 0 and float(np.median(csf)) > muscle + FAT_SHARE * (fat - muscle)


def _layer(
    read: Sequence[tuple[TracedSlice, Image]], falloff: Falloff
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, float]:
    """Behind the fascia: T1 corrected, T2, T1, height; and the area of a pixel."""
    rows = []
    for p, v in read:
        with np.errstate(invalid="ignore"):
            layer = (p.band.depth_mm > FAT_FROM_MM) & ~skin_mask(p.marks, p.slice, p.line_rc)
        depth, z, raw = p.band.depth_mm[layer], p.z_mm[layer], v[layer]
        rows.append((raw / falloff.gain(depth, z), p.slice.pixels[layer], raw, z))
    on_t1, on_t2, raw, height = (np.concatenate([r[i] for r in rows]) for i in range(4))
    return on_t1, on_t2, raw, height, float(np.prod(read[0][0].slice.geometry.spacing_mm))


def _along(height: FloatArray, ratio: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Medians along the back where there is fat enough, else the exam's."""
    usual = float(np.median(ratio))
    grid = np.arange(height.min(), height.max() + ALONG_MM, ALONG_MM / 2)
    out = []
    for z in grid:
        mine = ratio[np.abs(height - z) <= ALONG_MM]
        out.append(float(np.median(mine)) if len(mine) >= 30 else usual)
    return grid, np.array(out)


def _without_fat(part: TracedSlice, t1: Image, at: Expected, model: FatModel) -> TracedSlice:
    radius = [max(1, round(BLUR_MM / mm)) for mm in part.slice.geometry.spacing_mm]
    near = np.hypot(*np.ogrid[-1 : 1 : (2 * radius[0] + 1) * 1j, -1 : 1 : (2 * radius[1] + 1) * 1j])
    most = ndimage.grey_dilation(t1, footprint=near <= 1.0)
    left = np.maximum(part.slice.pixels - model.fat_on_t2(most, at), 0)
    return replace(part, slice=replace(part.slice, pixels=left.astype(np.float32)))
