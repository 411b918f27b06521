"""Tiny DICOM files, written with pydicom, that look like a scanner's."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

Axes = tuple[tuple[float, float, float], tuple[float, float, float]]
Tags = dict[str, dict[str, Any]]
SAGITTAL: Axes = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))
CORONAL: Axes = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
AXIAL: Axes = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
MR = "1.2.840.10008.5.1.4.1.1.4"
STIR: dict[str, Any] = {
    "ImageType": ["ORIGINAL", "PRIMARY", "M", "NORM"],
    "ScanningSequence": ["SE", "IR"],
    "ScanOptions": "IR",
    "RepetitionTime": "4000",
    "EchoTime": "60",
    "InversionTime": "160",
    "MagneticFieldStrength": "1.5",
    "SeriesDescription": "t2_tirm_sag",
}
T2: dict[str, Any] = {
    "ImageType": ["ORIGINAL", "PRIMARY", "M", "NORM"],
    "ScanningSequence": "SE",
    "RepetitionTime": "3500",
    "EchoTime": "100",
    "MagneticFieldStrength": "1.5",
    "SeriesDescription": "t2_tse_sag",
}
T1: dict[str, Any] = {**T2, "RepetitionTime": "600", "EchoTime": "10", "SeriesDescription": "t1"}


@dataclass(frozen=True)
class Dicom:
    """Writes files; every default can be overridden, a tag set to None is left out."""

    sagittal: Axes = SAGITTAL
    coronal: Axes = CORONAL
    axial: Axes = AXIAL

    def file(
        self,
        path: Path,
        *,
        series: str = "1",
        study: str = "1",
        patient: str = "P1",
        origin: Sequence[float] = (0.0, 0.0, 0.0),
        axes: Axes = SAGITTAL,
        spacing: Sequence[float] = (1.0, 1.0),
        pixels: np.ndarray | None = None,
        uid: str | None = None,
        syntax: str = ExplicitVRLittleEndian,
        tags: Mapping[str, Any] = STIR,
        replace: Mapping[bytes, bytes] | None = None,
        preamble: bool = True,
    ) -> Path:
        """One slice. `replace` swaps bytes of the written file: for what pydicom won't write."""
        pixels = np.arange(12 * 10, dtype=np.uint16).reshape(12, 10) if pixels is None else pixels
        ds = Dataset()
        ds.SOPClassUID = MR
        where = ".".join(str(10000 + round(10 * v)) for v in origin)
        ds.SOPInstanceUID = uid or f"1.2.826.{study}.{series}.{where}"
        ds.StudyInstanceUID = f"1.2.3.{study}"
        ds.SeriesInstanceUID = f"1.2.3.{study}.{series}"
        ds.FrameOfReferenceUID = f"1.2.3.{study}.99"
        ds.StudyDate = "20260102"
        ds.Modality = "MR"
        ds.PatientID = patient
        ds.PatientName = "Musterfrau^Erika"
        ds.SeriesNumber = series
        ds.ImagePositionPatient = [float(v) for v in origin]
        ds.ImageOrientationPatient = [float(v) for axis in axes for v in axis]
        ds.PixelSpacing = [float(v) for v in spacing]
        ds.SamplesPerPixel = 1
        ds.PhotometricInterpretation = "MONOCHROME2"
        ds.Rows, ds.Columns = pixels.shape
        ds.BitsAllocated = 8 * pixels.dtype.itemsize
        ds.BitsStored = ds.BitsAllocated
        ds.HighBit = ds.BitsStored - 1
        ds.PixelRepresentation = int(pixels.dtype.kind == "i")
        order = ">" if syntax == "1.2.840.10008.1.2.2" else "<"
        ds.PixelData = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
        ds["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
        for keyword, value in tags.items():
            if value is None:
                if keyword in ds:
                    delattr(ds, keyword)
            else:
                setattr(ds, keyword, value)
        path.parent.mkdir(parents=True, exist_ok=True)
        if preamble:
            ds.file_meta = FileMetaDataset()
            ds.file_meta.TransferSyntaxUID = syntax
            dcmwrite(path, ds, enforce_file_format=True)
        else:
            dcmwrite(path, ds, implicit_vr=syntax == "1.2.840.10008.1.2", little_endian=True)
        if replace:
            content = path.read_bytes()
            for old, new in replace.items():
                assert len(old) == len(new)
                assert old in content
                content = content.replace(old, new)
            path.write_bytes(content)
        return path

    def stack(
        self,
        folder: Path,
        n: int = 5,
        *,
        step: float = 4.0,
        origin: Sequence[float] = (0.0, 0.0, 0.0),
        axes: Axes = SAGITTAL,
        **options: object,
    ) -> list[Path]:
        """`n` slices along the normal, towards the patient's left, back or head."""
        normal = np.cross(axes[0], axes[1])
        normal *= np.sign(normal[np.argmax(np.abs(normal))])
        series, study = options.get("series", "1"), options.get("study", "1")
        paths = []
        for i in range(n):
            at = np.asarray(origin) + i * step * normal
            pixels = np.arange(12 * 10, dtype=np.uint16).reshape(12, 10) + 1000 * i
            path = folder / f"{study}-{series}-{i}"
            paths.append(self.file(path, origin=at, axes=axes, **{"pixels": pixels, **options}))
        return paths


@pytest.fixture(scope="session")
def dicom() -> Dicom:
    return Dicom()


@pytest.fixture(scope="session")
def sequences() -> Tags:
    return {"STIR": STIR, "T2": T2, "T1": T1}


@pytest.fixture(scope="session")
def shared() -> Path:
    """The data beside the project."""
    default = Path(__file__).parents[3] / "shared"
    path = Path(os.environ.get("FASCIASEG_SHARED", default))
    if not (path / "exams").is_dir():
        pytest.skip(f"the data beside the project isn't there ({path})")
    return path
