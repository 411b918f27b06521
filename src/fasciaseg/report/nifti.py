"""The edema mask and the level map as NIfTI, in the patient's own coordinates.

Both are volumes of the central slices: voxel axes column, row, slice (patient right to left).
NIfTI knows one distance between slices. Where the three are spaced unevenly, the outer two stand
exactly where they were acquired and the middle one is moved; the header's `descrip` says by how
much.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence

import nibabel as nib
import numpy as np
import numpy.typing as npt

from ..geometry import FloatArray, SliceGeometry
from ..reading import Reading
from ..vertebrae import LEVELS

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_TOLERANCE_MM = 0.05


def edema_mask(reading: Reading) -> bytes:
    """A `.nii.gz` file: 1 where edema counts, else 0."""
    return _volume(reading, [part.edema.astype(np.uint8) for part in reading.slices])


def level_map(reading: Reading) -> bytes:
    """A `.nii.gz` file: the level whose territory a voxel lies in, 0 for none.

    Values are places in `fasciaseg.vertebrae.LEVELS` counted from 1: T1 = 1, T5 = 5, T12 = 12,
    L1 = 13, L5 = 17, S1 = 18.
    """
    return _volume(reading, [_levels(p.slice.geometry, reading) for p in reading.slices])


def affine(geometries: Sequence[SliceGeometry]) -> FloatArray:
    """The 4 × 4 matrix from (column, row, slice) to RAS mm."""
    first, last = geometries[0], geometries[-1]
    step = np.subtract(last.origin_lps_mm, first.origin_lps_mm) / max(len(geometries) - 1, 1)
    lps = np.eye(4)
    lps[:3, 0] = np.multiply(first.column_axis, first.spacing_mm[1])
    lps[:3, 1] = np.multiply(first.row_axis, first.spacing_mm[0])
    lps[:3, 2] = step if len(geometries) > 1 else first.normal
    lps[:3, 3] = first.origin_lps_mm
    return np.asarray(_LPS_TO_RAS @ lps)


def _levels(geometry: SliceGeometry, reading: Reading) -> npt.NDArray[np.uint8]:
    heights = geometry.heights_mm(np.moveaxis(np.indices(geometry.shape, dtype=float), 0, -1))
    levels = np.zeros(geometry.shape, np.uint8)
    for level, (upper, lower) in reading.boundaries_mm.items():
        levels[(heights <= upper) & (heights > lower)] = LEVELS.index(level) + 1
    return levels


def _volume(reading: Reading, slices: list[npt.NDArray[np.uint8]]) -> bytes:
    geometries = [part.slice.geometry for part in reading.slices]
    ras = affine(geometries)
    image = nib.Nifti1Image(np.stack([s.T for s in slices], axis=-1), ras)
    image.set_sform(ras, code="scanner")
    image.set_qform(ras, code="scanner")
    image.header.set_xyzt_units("mm")
    moved = _moved_mm(geometries)
    if moved > _TOLERANCE_MM:
        image.header["descrip"] = f"uneven slices: middle one moved by {moved:.2f} mm".encode()
    # Without a time stamp the same reading makes the same bytes.
    return gzip.compress(image.to_bytes(), compresslevel=6, mtime=0)


def _moved_mm(geometries: Sequence[SliceGeometry]) -> float:
    """How far the affine puts a slice from where it was acquired, at most."""
    origins = np.array([g.origin_lps_mm for g in geometries])
    even = np.linspace(origins[0], origins[-1], len(origins))
    return float(np.linalg.norm(origins - even, axis=1).max())
