"""The arrays that the painters fill, and the few shapes they fill them with.

Painters work on float32 with +, -, ·, /, sqrt and comparisons only: these are exact to the last
bit on every machine (IEEE 754), which sine, exponential and powers are not; so a phantom made
anywhere is the same phantom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..geometry import BoolArray
from .placement import F32, Points
from .profiles import F64, Profiles
from .tissue import Tissue

Window = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class Canvas:
    """One slice while it is painted; arrays (sub-slices, rows, columns).

    Attributes:
        points: where the samples are; `points.x` is counted from the spine's midline.
        index: row of the `Profiles` tables for every sample.
        profiles: those tables.
        behind: distance behind the fascia's middle along y, mm; negative in the deep tissue.
        tissue: uint8 `Tissue`.
        body: uint8, 1 + index in `PHANTOM_LEVELS`, 0 outside the vertebral bodies.
        canal: inside the spinal canal.
        fluid: float32 share of the water that is free fluid (edema), 0 to 1.
    """

    points: Points
    index: npt.NDArray[np.int32]
    profiles: Profiles
    behind: F32
    tissue: npt.NDArray[np.uint8]
    body: npt.NDArray[np.uint8]
    canal: BoolArray
    fluid: F32

    @classmethod
    def blank(cls, profiles: Profiles, x: F32, y: F32, z: F32, height: F32) -> Canvas:
        """An empty canvas for sample points in phantom coordinates."""
        index = profiles.index(z)
        if profiles.spine.scoliosis:
            x = x - look_up(profiles.midline_x, index)
        points = Points.make(x, y, z, height)
        behind = y - look_up(profiles.fascia_y, index) - bulge(x, profiles.soft.furrow)
        return cls(
            points,
            index,
            profiles,
            behind,
            np.full(x.shape, Tissue.MUSCLE, dtype=np.uint8),
            np.zeros(x.shape, dtype=np.uint8),
            np.zeros(x.shape, dtype=np.bool_),
            np.zeros(x.shape, dtype=np.float32),
        )

    def paint(self, mask: BoolArray, tissue: Tissue, window: Window | None = None) -> None:
        """Set a tissue where the mask, given on a window or on everything, is true."""
        target = self.tissue if window is None else self.tissue[window]
        np.copyto(target, np.uint8(tissue), where=mask)


def tight(mask: BoolArray) -> Window:
    """The smallest window (all sub-slices) that holds the mask."""
    spans = []
    for axes in ((0, 2), (0, 1)):
        hit = np.flatnonzero(mask.any(axis=axes))
        spans.append(slice(int(hit[0]), int(hit[-1]) + 1) if hit.size else slice(0, 0))
    return (slice(None), spans[0], spans[1])


def look_up(table: F64, index: npt.NDArray[np.int32]) -> F32:
    """Table values at the indices, float32."""
    return np.take(table.astype(np.float32), index)


def bulge(x: F32, furrow: float) -> F32:
    """How far the fascia lies behind its midline position at lateral offsets x, mm.

    The back muscles bulge by `furrow` mm at 35 mm from the midline; the flank falls away.
    """
    u = np.minimum(x * x * np.float32(1 / 35.0**2), np.float32(1))
    out = np.float32(furrow) * u * (2 - u)
    far = np.maximum(np.abs(x) - np.float32(60), 0)
    if far.any():
        out = out - far * far * np.float32(1 / 80)
    return np.asarray(out, dtype=np.float32)


def waves(x: F32, y: F32, z: F32, vectors: F64) -> F32:
    """Sum of plane waves, about -1 to 1: a cheap texture.

    `vectors` is (n, 4): wave vector in cycles/mm and phase. The sine is a parabola's.
    """
    total = np.zeros(x.shape, dtype=np.float32)
    for kx, ky, kz, phase in vectors.astype(np.float32):
        t = x * kx + y * ky + z * kz
        t += phase
        t -= np.floor(t)
        t -= np.float32(0.5)
        total += t * (8 - 16 * np.abs(t))
    return total / np.float32(max(len(vectors), 1) ** 0.5)


def wave_vectors(
    rng: np.random.Generator, n: int, length_mm: tuple[float, float], stretch: tuple[float, ...]
) -> F64:
    """Random wave vectors (n, 4) for `waves`; `stretch` lengthens the waves along x, y, z."""
    direction = rng.standard_normal((n, 3))
    direction /= np.sqrt((direction * direction).sum(axis=1, keepdims=True)) + 1e-9
    k = direction / rng.uniform(*length_mm, size=(n, 1)) / np.asarray(stretch)
    return np.concatenate([k, rng.uniform(0, 1, (n, 1))], axis=1)


def capsule(
    a: F32, b: F32, start: tuple[float, float], end: tuple[float, float], r0: float, r1: float
) -> F32:
    """Signed distance (mm) to a thick line from `start` to `end`, radius r0 growing to r1."""
    da, db = end[0] - start[0], end[1] - start[1]
    length2 = max(da * da + db * db, 1e-6)
    u = a - np.float32(start[0])
    v = b - np.float32(start[1])
    t = u * np.float32(da / length2) + v * np.float32(db / length2)
    t = np.minimum(np.maximum(t, 0), 1)
    u = u - t * np.float32(da)
    v = v - t * np.float32(db)
    return np.asarray(np.sqrt(u * u + v * v) - (np.float32(r0) + t * np.float32(r1 - r0)))
