"""Where a pixel is in the patient: one immutable type that every room shares.

Pixel coordinates are `(row, column)`, floating point, with the centre of the first pixel at
`(0, 0)`. Patient coordinates are DICOM's LPS in mm (x to the patient's left, y to the back,
z to the head). DICOM PS3.3 C.7.6.2.1.1 gives the mapping.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.floating]
#: Coordinates may come as whole numbers too.
AnyArray: TypeAlias = npt.NDArray[np.floating] | npt.NDArray[np.integer]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
Vector: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class InPlane:
    """One slice's pixel coordinates as another's: affine, so a few numbers say it for all pixels.

    Attributes:
        matrix: (2, 2).
        offset: (2,) where pixel (0, 0) comes to lie.
    """

    matrix: FloatArray
    offset: FloatArray

    def __call__(self, rc: AnyArray) -> FloatArray:
        """Map (..., 2) as (row, column)."""
        return np.asarray(rc @ self.matrix.T + self.offset)


@dataclass(frozen=True)
class SliceGeometry:
    """Position and orientation of one slice.

    Attributes:
        origin_lps_mm: centre of pixel (0, 0).
        column_axis: unit vector along which the column index grows (first three values of
            ImageOrientationPatient).
        row_axis: unit vector along which the row index grows (last three values).
        spacing_mm: distance between pixel centres (between rows, between columns), as in
            PixelSpacing.
        shape: (rows, columns).
    """

    origin_lps_mm: Vector
    column_axis: Vector
    row_axis: Vector
    spacing_mm: tuple[float, float]
    shape: tuple[int, int]

    @property
    def normal(self) -> Vector:
        """Unit normal, column axis × row axis."""
        n = np.cross(np.asarray(self.column_axis), np.asarray(self.row_axis))
        n = n / np.linalg.norm(n)
        return (float(n[0]), float(n[1]), float(n[2]))

    @property
    def center_lps_mm(self) -> Vector:
        """LPS of the middle of the slice."""
        c = self.to_lps(np.array([(self.shape[0] - 1) / 2, (self.shape[1] - 1) / 2]))
        return (float(c[0]), float(c[1]), float(c[2]))

    @property
    def position_mm(self) -> float:
        """LPS x of the slice's centre: what `central_slices[].position_mm` reports."""
        return self.center_lps_mm[0]

    def to_lps(self, rc: AnyArray) -> FloatArray:
        """Map pixel coordinates (..., 2) as (row, column) to LPS mm (..., 3)."""
        rc = np.asarray(rc, dtype=float)
        down = rc[..., 0:1] * self.spacing_mm[0] * np.asarray(self.row_axis)
        across = rc[..., 1:2] * self.spacing_mm[1] * np.asarray(self.column_axis)
        return np.asarray(np.asarray(self.origin_lps_mm) + down + across)

    def to_pixel(self, lps: AnyArray) -> FloatArray:
        """Project LPS mm (..., 3) onto the slice: (..., 2) as (row, column)."""
        d = np.asarray(lps, dtype=float) - np.asarray(self.origin_lps_mm)
        row = d @ np.asarray(self.row_axis) / self.spacing_mm[0]
        column = d @ np.asarray(self.column_axis) / self.spacing_mm[1]
        return np.stack([row, column], axis=-1)

    def to_pixels_of(self, other: SliceGeometry) -> InPlane:
        """Where this slice's pixels lie on another one's plane, seen along its normal."""
        corners = self.to_lps(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
        offset, down, across = other.to_pixel(corners)
        return InPlane(np.stack([down - offset, across - offset], axis=1), offset)

    def heights_mm(self, rc: AnyArray) -> FloatArray:
        """LPS z of pixel coordinates (..., 2): levels are told apart by it."""
        rc = np.asarray(rc, dtype=float)
        down = rc[..., 0] * (self.spacing_mm[0] * self.row_axis[2])
        across = rc[..., 1] * (self.spacing_mm[1] * self.column_axis[2])
        return np.asarray(self.origin_lps_mm[2] + down + across)

    def height_map_mm(self) -> npt.NDArray[np.float32]:
        """LPS z of every pixel (rows, columns)."""
        down = np.arange(self.shape[0]) * self.spacing_mm[0] * self.row_axis[2]
        across = np.arange(self.shape[1]) * self.spacing_mm[1] * self.column_axis[2]
        start = (self.origin_lps_mm[2] + down).astype(np.float32)
        return np.asarray(start[:, None] + across.astype(np.float32))

    def transposed(self) -> SliceGeometry:
        """The geometry of `pixels.T`."""
        return replace(
            self,
            column_axis=self.row_axis,
            row_axis=self.column_axis,
            spacing_mm=(self.spacing_mm[1], self.spacing_mm[0]),
            shape=(self.shape[1], self.shape[0]),
        )

    def flipped(self, axis: int) -> SliceGeometry:
        """The geometry of `numpy.flip(pixels, axis)`."""
        corner = [0.0, 0.0]
        corner[axis] = self.shape[axis] - 1
        o = self.to_lps(np.array(corner))
        origin = (float(o[0]), float(o[1]), float(o[2]))
        x, y, z = self.row_axis if axis == 0 else self.column_axis
        turned = (-x, -y, -z)
        if axis == 0:
            return replace(self, origin_lps_mm=origin, row_axis=turned)
        return replace(self, origin_lps_mm=origin, column_axis=turned)


@dataclass(frozen=True, eq=False)
class Slice:
    """One sagittal slice, turned so that a reader would recognise it.

    Rows run from head to foot and columns from front to back, whatever the file's order was.

    Attributes:
        pixels: float32 (rows, columns), rescaled intensities; arbitrary scanner units.
        geometry: where they are.
        sop_instance_uid: the file's SOPInstanceUID.
        index: place in its stack, 0 the patient's rightmost (lowest LPS x).
        frame: 1-based frame number in a multi-frame object, None for classic files.
    """

    pixels: npt.NDArray[np.float32]
    geometry: SliceGeometry
    sop_instance_uid: str
    index: int
    frame: int | None = None
