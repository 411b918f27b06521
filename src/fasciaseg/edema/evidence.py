"""What the threshold was laid on, kept so that small changes can be tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..anatomy.band import FasciaBand
from ..geometry import BoolArray, FloatArray, SliceGeometry
from ..options import ThresholdOptions
from .fade import FatLayer
from .threshold import HEIGHT_STEP_MM, SHARED, confirmed, find_edema

#: The threshold is moved by this factor, the coil's gain by this share of its logarithm: about
#: what another sample of muscle makes of them.
THRESHOLD_FACTOR = 1.1
GAIN_SHARE = 0.3


@dataclass(frozen=True, eq=False)
class Evidence:
    """How far pixels exceed their limits on each slice with a fascia line, and where they may.

    Arrays hold the columns of `windows` only: a third of a slice can hold edema, and small changes
    are tried many times.

    Attributes:
        windows: first and last column + 1 of each slice.
        columns: number of columns of each slice.
        excess: times its limit that a pixel reaches (rows, columns of the window).
        gains: the coil's gain at each pixel.
        bands: fascia coordinates.
        skins: pixels of skin and air.
        wet: heights at which the fat itself holds fluid.
        heights_mm: LPS z.
        geometries: of the slices.
        shining: heights at which fat shines, (upper, lower) z.
        layers: the back's fat on each slice; None where none was seen, or what shines is no fat.
    """

    windows: tuple[tuple[int, int], ...]
    columns: tuple[int, ...]
    excess: tuple[FloatArray, ...]
    gains: tuple[FloatArray, ...]
    bands: tuple[FasciaBand, ...]
    skins: tuple[BoolArray, ...]
    wet: tuple[BoolArray, ...]
    heights_mm: tuple[FloatArray, ...]
    geometries: tuple[SliceGeometry, ...]
    shining: tuple[tuple[float, float], ...]
    layers: tuple[FatLayer | None, ...]

    def edema(
        self, options: ThresholdOptions, excess: Sequence[FloatArray] | None = None
    ) -> tuple[list[BoolArray], list[BoolArray]]:
        """Edema of each slice (rows, columns), and what hangs together with fat that shines.

        Args:
            options: hysteresis and least lengths.
            excess: instead of the measured one.
        """
        over = self.excess if excess is None else excess
        found = [
            find_edema(*of, options)
            for of in zip(over, self.bands, self.skins, self.wet, self.geometries, strict=True)
        ]
        columns_mm = [g.spacing_mm[1] for g in self.geometries]
        kept = confirmed(found, over, self.wet, self.heights_mm, columns_mm, options)
        patches = [_Patches.of(m, z) for m, z in zip(kept, self.heights_mm, strict=True)]
        escaped = [_looks_escaped(*of) for of in zip(patches, self.layers, strict=True)]
        fatty = [
            p.where(_voted_fat(i, patches, escaped) | p.reaching(self.shining))
            for i, p in enumerate(patches)
        ]
        edema = [m & ~fat for m, fat in zip(kept, fatty, strict=True)]
        return self._whole(edema), self._whole(fatty)

    def _whole(self, masks: Sequence[BoolArray]) -> list[BoolArray]:
        """Masks of the windows as masks of the slices."""
        out = [np.zeros((len(m), n), bool) for m, n in zip(masks, self.columns, strict=True)]
        for whole, m, (first, last) in zip(out, masks, self.windows, strict=True):
            whole[:, first:last] = m
        return out

    def changes(self) -> Iterator[tuple[str, list[FloatArray]]]:
        """Small changes that shouldn't matter: (kind, excess after it)."""
        for factor in (THRESHOLD_FACTOR, 1 / THRESHOLD_FACTOR):
            yield "threshold", [over * factor for over in self.excess]
        for share in (GAIN_SHARE, -GAIN_SHARE):
            changed = zip(self.excess, self.gains, strict=True)
            yield "coil", [over * gain**share for over, gain in changed]
        for step in (1, -1):
            yield "shift", [_shifted(over, step) for over in self.excess]


def _shifted(values: FloatArray, step: int) -> FloatArray:
    """Values (rows, columns) moved by one column to the right (1) or to the left (-1)."""
    out = np.roll(values, step, axis=1)
    out[:, 0 if step > 0 else -1] = 0
    return out


def window_of(band: FasciaBand, skin: BoolArray, deepest_mm: float) -> tuple[int, int]:
    """First and last column + 1 of a slice that can hold edema."""
    with np.errstate(invalid="ignore"):
        columns = np.nonzero(((band.depth_mm > -deepest_mm) & ~skin).any(axis=0))[0]
    return (int(columns[0]), int(columns[-1]) + 1) if len(columns) else (0, 1)


def cut(band: FasciaBand, window: slice) -> FasciaBand:
    """Some columns of a band."""
    return FasciaBand(band.depth_mm[:, window], band.nearest[:, window])


@dataclass(frozen=True, eq=False)
class _Patches:
    """The connected parts of a mask (rows, columns), numbered from 1.

    Attributes:
        labels: number of each pixel's patch, 0 beside them.
        n: how many.
        z_mm: LPS z of every pixel.
        heights: of each patch, in steps of `HEIGHT_STEP_MM`.
    """

    labels: npt.NDArray[np.int32]
    n: int
    z_mm: FloatArray
    heights: tuple[FloatArray, ...]

    @classmethod
    def of(cls, mask: BoolArray, z_mm: FloatArray) -> _Patches:
        labels, n = ndimage.label(mask, np.ones((3, 3)))
        steps = [np.round(z_mm[labels == i] / HEIGHT_STEP_MM) for i in range(1, n + 1)]
        return cls(labels, n, z_mm, tuple(np.unique(of) for of in steps))

    def reaching(self, spans: Sequence[tuple[float, float]]) -> BoolArray:
        """Which patches reach into heights at which fat shines (n,): suppression fades out."""
        return np.isin(np.arange(1, self.n + 1), self.labels[within(self.z_mm, spans)])

    def where(self, chosen: BoolArray) -> BoolArray:
        """The pixels (rows, columns) of the chosen patches (n,)."""
        return np.asarray(np.concatenate([[False], chosen])[self.labels])


def _looks_escaped(patches: _Patches, layer: FatLayer | None) -> BoolArray:
    """Which patches of a slice (n,) look like fat that escaped."""
    numbers = range(1, patches.n + 1)
    return np.array(
        [layer is not None and layer.escaped(patches.labels == i) for i in numbers], bool
    )


def _voted_fat(index: int, patches: Sequence[_Patches], escaped: Sequence[BoolArray]) -> BoolArray:
    """Which of a slice's patches (n,) are fat, as the slices at the same heights say together.

    Suppression changes over centimetres: what is fat on one slice is fat on its neighbours. Where
    as many say so as don't, a patch is what it looks like itself.
    """
    out = np.array(escaped[index])
    for i, mine in enumerate(patches[index].heights):
        votes = [bool(escaped[index][i])]
        for k, other in enumerate(patches):
            if k != index:
                told = zip(other.heights, escaped[k], strict=True)
                votes += [bool(fat) for at, fat in told if np.isin(mine, at).mean() >= SHARED]
        if 2 * sum(votes) != len(votes):
            out[i] = 2 * sum(votes) > len(votes)
    return out


def within(z_mm: FloatArray, spans: Sequence[tuple[float, float]]) -> BoolArray:
    """Whether heights lie in any of the (upper, lower) spans."""
    inside = np.zeros(z_mm.shape, bool)
    for upper, lower in spans:
        inside |= (z_mm <= upper) & (z_mm > lower)
    return inside
