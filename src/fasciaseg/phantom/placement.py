"""Where the patient lies, and which points of him a slice shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..geometry import SliceGeometry, Vector

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Placement:
    """The patient's position in the scanner: LPS = rotation · phantom + offset.

    Attributes:
        offset_lps_mm: LPS of the phantom's origin (centre of L3).
        turn_deg: rotation about LPS x (in the sagittal plane), y and z, applied in this order.
    """

    offset_lps_mm: Vector = (0.0, 0.0, 0.0)
    turn_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @cached_property
    def rotation(self) -> F64:
        """Matrix (3, 3)."""
        # Written out: BLAS products may differ in the last bit from machine to machine.
        (cx, sx), (cy, sy), (cz, sz) = (
            (math.cos(math.radians(t)), math.sin(math.radians(t))) for t in self.turn_deg
        )
        return np.array(
            [
                [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
                [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
                [-sy, cy * sx, cy * cx],
            ]
        )

    def to_lps(self, points: npt.ArrayLike) -> F64:
        """Phantom (..., 3) to LPS (..., 3), mm."""
        p = np.asarray(points, dtype=float)
        r, o = self.rotation, self.offset_lps_mm
        axes = [r[i, 0] * p[..., 0] + r[i, 1] * p[..., 1] + r[i, 2] * p[..., 2] + o[i]
                for i in range(3)]  # fmt: skip
        return np.stack(axes, axis=-1)

    def to_phantom(self, lps: npt.ArrayLike) -> F64:
        """LPS (..., 3) to phantom (..., 3), mm."""
        d = np.asarray(lps, dtype=float) - np.asarray(self.offset_lps_mm)
        r = self.rotation
        axes = [r[0, i] * d[..., 0] + r[1, i] * d[..., 1] + r[2, i] * d[..., 2] for i in range(3)]
        return np.stack(axes, axis=-1)


@dataclass(frozen=True, eq=False)
class Points:
    """Sample points of a slice: arrays (sub-slices, rows, columns), float32 mm.

    Attributes:
        x, y, z: phantom coordinates, x from the midline of the (scoliotic) spine.
        height: LPS z.
        box: for rows and columns, the least and greatest y and z: (rows, 4) and (columns, 4)
            as (y0, y1, z0, z1); `window` uses it to leave out what can't matter.
    """

    x: F32
    y: F32
    z: F32
    height: F32
    box: tuple[F32, F32]

    @classmethod
    def make(cls, x: F32, y: F32, z: F32, height: F32) -> Points:
        """Points with their boxes."""

        def box(axes: tuple[int, int]) -> F32:
            return np.stack(
                [y.min(axis=axes), y.max(axis=axes), z.min(axis=axes), z.max(axis=axes)], axis=-1
            )

        return cls(x, y, z, height, (box((0, 2)), box((0, 1))))

    def window(self, y0: float, y1: float, z0: float, z1: float) -> tuple[slice, slice, slice]:
        """Smallest index box that holds all points with y0 <= y <= y1 and z0 <= z <= z1."""
        spans = []
        for b in self.box:
            meets = (b[:, 0] <= y1) & (b[:, 1] >= y0) & (b[:, 2] <= z1) & (b[:, 3] >= z0)
            hit = np.flatnonzero(meets)
            spans.append(slice(int(hit[0]), int(hit[-1]) + 1) if hit.size else slice(0, 0))
        return (slice(None), spans[0], spans[1])


def sample_points(
    geometry: SliceGeometry,
    placement: Placement,
    thickness_mm: float,
    subslices: int,
    supersample: int,
) -> tuple[F32, F32, F32, F32]:
    """Phantom x, y, z and LPS z of a slice's sample points.

    Each array is float32 (subslices, rows·supersample, columns·supersample). All points are
    affine in the indices, so one broadcast sum a coordinate makes them.
    """
    rows, columns = geometry.shape
    r = (np.arange(rows * supersample) + 0.5) / supersample - 0.5
    c = (np.arange(columns * supersample) + 0.5) / supersample - 0.5
    k = ((np.arange(subslices) + 0.5) / subslices - 0.5) * thickness_mm
    zero = placement.to_phantom(geometry.origin_lps_mm)
    out = []
    steps = [
        np.asarray(geometry.normal),
        np.asarray(geometry.row_axis) * geometry.spacing_mm[0],
        np.asarray(geometry.column_axis) * geometry.spacing_mm[1],
    ]
    turned = [placement.to_phantom(s + np.asarray(placement.offset_lps_mm)) for s in steps]
    for axis in range(3):
        dk, dr, dc = (float(t[axis]) for t in turned)
        out.append(_grid(float(zero[axis]), k * dk, r * dr, c * dc))
    dk, dr, dc = (float(s[2]) for s in steps)
    out.append(_grid(geometry.origin_lps_mm[2], k * dk, r * dr, c * dc))
    return (out[0], out[1], out[2], out[3])


def _grid(zero: float, k: F64, r: F64, c: F64) -> F32:
    first = (zero + k[:, None, None] + r[None, :, None]).astype(np.float32)
    return np.asarray(first + c.astype(np.float32)[None, None, :], dtype=np.float32)


def sagittal_geometry(
    center_lps_mm: Vector, shape: tuple[int, int], spacing_mm: tuple[float, float]
) -> SliceGeometry:
    """An untilted sagittal slice about a centre: rows to the feet, columns to the back."""
    x, y, z = center_lps_mm
    rows, columns = shape
    return SliceGeometry(
        origin_lps_mm=(
            x,
            y - (columns - 1) / 2 * spacing_mm[1],
            z + (rows - 1) / 2 * spacing_mm[0],
        ),
        column_axis=(0.0, 1.0, 0.0),
        row_axis=(0.0, 0.0, -1.0),
        spacing_mm=spacing_mm,
        shape=shape,
    )
