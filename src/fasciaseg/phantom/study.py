"""Writes a phantom's exam as a DICOM study: classic MR Image Storage, one file a slice."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import OutputNotWritable
from ..geometry import SliceGeometry, Vector
from .answers import Truth, truth
from .imaging import Coil, expose
from .model import SpinePhantom
from .series import Contrast, ExamPlan, Stack, numbering, plan_stacks, sagittal_stack
from .tissue import Sequence

if TYPE_CHECKING:
    from pydicom.dataset import Dataset, FileMetaDataset

log = logging.getLogger(__name__)

MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
# Names in this UUID namespace give the UIDs (2.25.…), so that they depend on nothing else.
_NAMESPACE = uuid.UUID("7c0d6ab6-44dd-5a0f-9d4b-5ad9f3a4a1d5")
# Scanner units for a signal of 1: a few hundred grey levels, as many scanners give.
_UNITS = 600.0


@dataclass(frozen=True)
class Patient:
    """Who the phantom says it is, and the seed of the exam's noise and UIDs."""

    number: int = 1
    sex: str = "F"
    age: int = 70
    seed: int = 0


def uid(*parts: object) -> str:
    """A UID that depends on the parts alone."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(str(p) for p in parts)).int}"


def write_study(
    phantom: SpinePhantom,
    folder: Path,
    plan: ExamPlan | None = None,
    patient: Patient | None = None,
    *,
    noise: float = 0.012,
    compress: bool = True,
) -> Truth:
    """Write localizer, sagittal T1, T2, fluid-sensitive and axial T2 series.

    Args:
        phantom: who is measured.
        folder: made if missing; holds DICOM files only, in one subfolder a series.
        plan: what is measured.
        patient: name, seed.
        noise: standard deviation in either channel, share of the brightest tissue.
        compress: RLE lossless where that is smaller; else explicit little endian.

    Returns:
        What a reading of the fluid-sensitive series should say.
    """
    plan, patient = plan or ExamPlan(), patient or Patient()
    number = 0
    for stack in plan_stacks(phantom, plan):
        for contrast_number, at, contrast, pixels in _measure(phantom, stack, patient, noise):
            ds = _dataset(stack, contrast, number + contrast_number, at, plan, patient)
            _set_pixels(ds, pixels)
            if compress and not stack.localizer:
                _compress_if_smaller(ds)
            _save(ds, folder, number + contrast_number)
        number += len(stack.contrasts)
    log.info("wrote %s", folder)
    return truth(phantom, list(sagittal_stack(phantom, plan).slices))


def _measure(
    phantom: SpinePhantom, stack: Stack, patient: Patient, noise: float
) -> Iterator[tuple[int, int, Contrast, npt.NDArray[np.uint16]]]:
    """(series, slice, contrast, pixels) of a stack; each slice is painted only once."""
    sampling = stack.sampling
    for at, geometry in enumerate(stack.slices):
        canvas = phantom.canvas(
            geometry, sampling.thickness_mm, sampling.subslices, sampling.supersample
        )
        for number, contrast in enumerate(stack.contrasts, start=1):
            seed = patient.seed * 100_000 + hash_number(contrast.name) * 100 + at
            image = expose(
                phantom, canvas, geometry, contrast.protocol, sampling=sampling,
                coil=Coil(), noise=noise, seed=seed,
            )  # fmt: skip
            units = np.floor(image.astype(np.float64) * _UNITS + 0.5)
            yield number, at, contrast, np.clip(units, 0, 4095).astype(np.uint16)


def hash_number(name: str) -> int:
    """A number 0-996 that depends on a name alone (`hash` changes from run to run)."""
    return uuid.uuid5(_NAMESPACE, name).int % 997


def _dataset(
    stack: Stack, contrast: Contrast, series: int, at: int, plan: ExamPlan, patient: Patient
) -> Dataset:
    """Everything but the pixels of one file."""
    from pydicom.dataset import Dataset

    ds = Dataset()
    ds.file_meta = _file_meta(uid(patient.seed, series, at))
    ds.SpecificCharacterSet = "ISO_IR 100"
    _identity(ds, contrast, series, patient)
    instance = numbering(contrast.order, len(stack.slices))[at]
    ds.SOPClassUID = MR_IMAGE_STORAGE
    ds.SOPInstanceUID = uid(patient.seed, series, at)
    ds.InstanceNumber = instance
    ds.ImageType = list(contrast.image_type)
    ds.AcquisitionNumber = 1
    ds.ContentDate = ds.StudyDate
    ds.ContentTime = f"09{series:02d}{instance % 60:02d}"
    _physics(ds, contrast, plan)
    _place(ds, stack, stack.slices[at])
    return ds


def _file_meta(instance_uid: str) -> FileMetaDataset:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = UID(MR_IMAGE_STORAGE)
    meta.MediaStorageSOPInstanceUID = UID(instance_uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(uid("implementation"))
    meta.ImplementationVersionName = "FASCIASEG_1"
    return meta


def _identity(ds: Dataset, contrast: Contrast, series: int, patient: Patient) -> None:
    """Patient, study, series and equipment; every date is made up."""
    ds.PatientName = f"PHANTOM^{patient.number:03d}"
    ds.PatientID = f"PHANTOM{patient.number:03d}"
    ds.PatientBirthDate = f"{2020 - patient.age}0101"
    ds.PatientSex = patient.sex
    ds.PatientAge = f"{patient.age:03d}Y"
    ds.PatientWeight = "70"
    ds.StudyInstanceUID = uid(patient.seed, "study")
    ds.StudyDate = "20200101"
    ds.StudyTime = "090000"
    ds.ReferringPhysicianName = ""
    ds.StudyID = str(patient.number)
    ds.AccessionNumber = ""
    ds.StudyDescription = "SPINE PHANTOM (SYNTHETIC)"
    ds.Modality = "MR"
    ds.SeriesInstanceUID = uid(patient.seed, series, "series")
    ds.SeriesNumber = series
    ds.SeriesDate = ds.StudyDate
    ds.SeriesTime = f"09{series:02d}00"
    ds.SeriesDescription = contrast.name
    ds.ProtocolName = contrast.name
    ds.BodyPartExamined = "SPINE"
    ds.PatientPosition = "HFS"
    ds.FrameOfReferenceUID = uid(patient.seed, "frame")
    ds.PositionReferenceIndicator = ""
    ds.Manufacturer = "fasciaseg"
    ds.ManufacturerModelName = "SpinePhantom"
    ds.InstitutionName = "Synthetic data"
    ds.DeviceSerialNumber = "0"
    ds.SoftwareVersions = "1"
    ds.PatientIdentityRemoved = "YES"
    ds.DeidentificationMethod = "Synthetic: no person was measured"


def _physics(ds: Dataset, contrast: Contrast, plan: ExamPlan) -> None:
    protocol = contrast.protocol
    inverted = protocol.ti_ms is not None
    ds.ScanningSequence = ["SE", "IR"] if inverted else "SE"
    ds.SequenceVariant = ["SK", "SP", "MP"] if inverted else ["SK", "SP"]
    ds.ScanOptions = "FS" if protocol.sequence == Sequence.T2_FS else ""
    ds.MRAcquisitionType = "2D"
    ds.SequenceName = {Sequence.T1: "*tse2d1_3", Sequence.STIR: "*tir2d1_13"}.get(
        protocol.sequence, "*tse2d1_15"
    )
    ds.AngioFlag = "N"
    ds.RepetitionTime = _number(protocol.tr_ms)
    ds.EchoTime = _number(protocol.te_ms)
    ds.EchoTrainLength = 3 if protocol.sequence == Sequence.T1 else 15
    if protocol.ti_ms is not None:
        ds.InversionTime = _number(protocol.ti_ms)
    ds.NumberOfAverages = "2"
    ds.ImagingFrequency = _number(round(42.577 * plan.field_t, 3))
    ds.ImagedNucleus = "1H"
    ds.EchoNumbers = 1
    ds.MagneticFieldStrength = _number(plan.field_t)
    ds.FlipAngle = "150"
    ds.ReceiveCoilName = "SpineArray"
    if contrast.image_type[0] == "DERIVED":
        ds.DerivationDescription = "Dixon separation of water and fat"


def _place(ds: Dataset, stack: Stack, geometry: SliceGeometry) -> None:
    rows, columns = geometry.shape
    ds.SliceThickness = _number(stack.sampling.thickness_mm)
    if stack.spacing_mm is not None:
        ds.SpacingBetweenSlices = _number(stack.spacing_mm)
    ds.ImagePositionPatient = [_decimal(v, 4) for v in geometry.origin_lps_mm]
    ds.ImageOrientationPatient = [
        _decimal(v, 9) for v in (*geometry.column_axis, *geometry.row_axis)
    ]
    ds.SliceLocation = _decimal(_along_normal(geometry), 4)
    ds.PixelSpacing = [_number(v) for v in geometry.spacing_mm]
    ds.Rows, ds.Columns = rows, columns


def _along_normal(geometry: SliceGeometry) -> float:
    n: Vector = geometry.normal
    return sum(a * b for a, b in zip(n, geometry.origin_lps_mm, strict=True))


def _set_pixels(ds: Dataset, pixels: npt.NDArray[np.uint16]) -> None:
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 12, 11
    ds.PixelRepresentation = 0
    ordered = np.sort(pixels, axis=None)
    ds.SmallestImagePixelValue = int(ordered[0])
    ds.LargestImagePixelValue = int(ordered[-1])
    high = max(int(ordered[int(0.995 * ordered.size)]), 2)
    ds.WindowCenter, ds.WindowWidth = str(high // 2), str(high)
    ds.PixelData = pixels.astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"


def _compress_if_smaller(ds: Dataset) -> None:
    from pydicom.uid import RLELossless

    # The encoder that is part of pydicom: the same bytes wherever it runs.
    plain = ds.PixelData
    ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    if len(ds.PixelData) >= len(plain):
        ds.decompress(generate_instance_uid=False)


def _save(ds: Dataset, folder: Path, series: int) -> None:
    """Under names that say nothing and sort by nothing."""
    name = uuid.uuid5(_NAMESPACE, ds.SOPInstanceUID).hex[:8].upper()
    parent = folder / f"{hash_number(f'{ds.SeriesInstanceUID}') + 1000:04d}{series:02d}"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        ds.save_as(parent / name, enforce_file_format=True)
    except OSError as error:
        raise OutputNotWritable(
            "output_not_writable", f"Can't write the phantom to {folder}: {error.strerror}.",
            "Choose a folder that is writable and has room.",
        ) from error  # fmt: skip


def _decimal(value: float, digits: int) -> str:
    """A DICOM decimal string, at most 16 characters, without a negative zero."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def _number(value: float) -> str:
    return f"{value:g}"
