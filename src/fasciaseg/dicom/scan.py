"""Every file under a path, read once, headers only."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UnreadableInput, UsageError
from ..geometry import SliceGeometry, Vector
from .dialects import Component, component_of
from .header import CutShortError, Header, NotDicomError, read_header

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR = frozenset({"1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4"})
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
_IMAGE_CLASSES = ENHANCED_MR | {MR_IMAGE, SECONDARY_CAPTURE, _CT_IMAGE}
_DIRECTORY_CLASS = "1.2.840.10008.1.3.10"


@dataclass(frozen=True, slots=True)
class Physics:
    """How the signal was made. None or () where the file doesn't say.

    Attributes:
        echo_time_ms, repetition_time_ms, inversion_time_ms: TE, TR, TI.
        field_tesla: MagneticFieldStrength.
        scanning_sequence, scan_options: their values, upper case.
        sequence_name: Siemens and Philips pulse sequence, upper case ('*TIR2D1_17').
        image_type: ImageType, upper case.
        component: what of the signal the pixels hold, from `image_type`.
        is_3d: MRAcquisitionType is 3D.
        b_value: diffusion weighting, s/mm².
        fat_suppressed: the attribute SpectrallySelectedSuppression names fat.
        vendor: Manufacturer, upper case.
    """

    echo_time_ms: float | None = None
    repetition_time_ms: float | None = None
    inversion_time_ms: float | None = None
    field_tesla: float | None = None
    scanning_sequence: tuple[str, ...] = ()
    scan_options: tuple[str, ...] = ()
    sequence_name: str = ""
    image_type: tuple[str, ...] = ()
    component: Component = "unstated"
    is_3d: bool = False
    b_value: float | None = None
    fat_suppressed: bool = False
    vendor: str = ""


@dataclass(frozen=True, slots=True)
class Instance:
    """One image file.

    Attributes:
        geometry: where the slice is, None where position, orientation or pixel size is missing
            or impossible, and for multi-frame files.
        axes: column and row axis, where at least the orientation is known.
        frames: number of frames, 1 for classic files.
        truncated: the file is shorter than its pixel data.
        study_words, series_words: free text, hints only; never shown, it may name the patient.
        body_part: BodyPartExamined, upper case; often copied from the last exam.
    """

    path: Path
    sop_instance_uid: str
    sop_class_uid: str
    study_instance_uid: str
    series_instance_uid: str
    frame_of_reference_uid: str
    patient_id: str = field(repr=False)
    study_date: str
    modality: str
    series_number: int | None
    acquisition_number: int | None
    temporal_position: int | None
    instance_number: int | None
    rows: int
    columns: int
    samples_per_pixel: int
    frames: int
    geometry: SliceGeometry | None
    axes: tuple[Vector, Vector] | None
    physics: Physics
    study_words: str = field(repr=False)
    series_words: str = field(repr=False)
    body_part: str
    contrast_agent: str
    transfer_syntax: str
    truncated: bool


@dataclass(frozen=True, slots=True)
class BrokenFile:
    """A DICOM file that can't be used at all; `reason` says why, in words."""

    path: Path
    reason: str
    series_instance_uid: str = ""


@dataclass(frozen=True)
class Scan:
    """What lies under a path.

    Attributes:
        instances: images, in the order of their paths.
        broken: DICOM files that end before their image, or can't be opened.
        n_clutter: files that aren't DICOM, and DICOMDIR.
        n_objects: DICOM files without an image (reports, presentation states).
    """

    instances: tuple[Instance, ...]
    broken: tuple[BrokenFile, ...]
    n_clutter: int
    n_objects: int


def scan(path: Path) -> Scan:
    """Read the headers of every file under a folder, or of one file.

    Raises:
        UsageError: the path doesn't exist.
        UnreadableInput: the path is an archive.
    """
    instances: list[Instance] = []
    broken: list[BrokenFile] = []
    n_clutter = n_objects = 0
    for file in _files(path):
        try:
            header = read_header(file)
        except NotDicomError:
            n_clutter += 1
            continue
        except CutShortError:
            broken.append(BrokenFile(file, "its header is damaged"))
            continue
        except OSError as error:
            broken.append(BrokenFile(file, f"it can't be opened ({type(error).__name__})"))
            continue
        sop_class = header.text("SOPClassUID") or header.media_class
        rows, columns = header.integer("Rows") or 0, header.integer("Columns") or 0
        if sop_class == _DIRECTORY_CLASS:
            n_clutter += 1
        elif header.has_pixels and rows > 0 and columns > 0:
            instances.append(_instance(file, header, sop_class, rows, columns))
        elif _is_whole_object(header, sop_class) and rows == 0:
            n_objects += 1
        else:
            uid = header.text("SeriesInstanceUID")
            broken.append(BrokenFile(file, "it ends before its image", uid))
    return Scan(tuple(instances), tuple(broken), n_clutter, n_objects)


def _is_whole_object(header: Header, sop_class: str) -> bool:
    """Whether a file without pixels is a report or the like, not an image cut short."""
    named = bool(header.text("Modality") and header.text("SeriesInstanceUID"))
    return named and sop_class not in _IMAGE_CLASSES


def _files(path: Path) -> Iterator[Path]:
    """Regular files under a folder in a fixed order, or the file itself."""
    if path.is_file():
        if _is_zip(path):
            raise UnreadableInput(
                "archive", "A zip archive can't be read directly.", "Unpack it; give the folder."
            )
        yield path
        return
    if not path.is_dir():
        raise UsageError("no_such_path", "The path doesn't exist.", "Give a folder with DICOM.")
    for folder, folders, names in os.walk(path):
        folders.sort()
        # is_file leaves out pipes and sockets, which would block on opening.
        yield from (file for name in sorted(names) if (file := Path(folder, name)).is_file())


def _is_zip(path: Path) -> bool:
    try:
        with path.open("rb") as opened:
            return opened.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    except OSError:
        return False  # listed as broken when its header is read


def _instance(path: Path, header: Header, sop_class: str, rows: int, columns: int) -> Instance:
    axes = _axes(header.numbers("ImageOrientationPatient"))
    frames = max(header.integer("NumberOfFrames") or 1, 1)
    words = (header.text("SeriesDescription"), header.text("ProtocolName"))
    return Instance(
        path=path,
        sop_instance_uid=header.text("SOPInstanceUID"),
        sop_class_uid=sop_class,
        study_instance_uid=header.text("StudyInstanceUID"),
        series_instance_uid=header.text("SeriesInstanceUID"),
        frame_of_reference_uid=header.text("FrameOfReferenceUID"),
        patient_id=header.text("PatientID"),
        study_date=header.text("StudyDate"),
        modality=header.text("Modality").upper(),
        series_number=header.integer("SeriesNumber"),
        acquisition_number=header.integer("AcquisitionNumber"),
        temporal_position=header.integer("TemporalPositionIdentifier"),
        instance_number=header.integer("InstanceNumber"),
        rows=rows,
        columns=columns,
        samples_per_pixel=header.integer("SamplesPerPixel") or 1,
        frames=frames,
        geometry=_geometry(header, axes, rows, columns) if frames == 1 else None,
        axes=axes,
        physics=_physics(header),
        study_words=header.text("StudyDescription"),
        series_words=" | ".join(dict.fromkeys(w for w in words if w)),
        body_part=header.text("BodyPartExamined").upper(),
        contrast_agent=header.text("ContrastBolusAgent"),
        transfer_syntax=header.transfer_syntax,
        truncated=header.truncated,
    )


def _physics(header: Header) -> Physics:
    image_type = header.texts("ImageType")
    vendor = header.text("Manufacturer").upper()
    ge_type = header.integer("GeImageType") if vendor.startswith("GE") else None
    return Physics(
        echo_time_ms=header.positive("EchoTime"),
        repetition_time_ms=header.positive("RepetitionTime"),
        inversion_time_ms=header.positive("InversionTime"),
        field_tesla=header.positive("MagneticFieldStrength"),
        scanning_sequence=header.texts("ScanningSequence"),
        scan_options=header.texts("ScanOptions"),
        sequence_name=header.text("SequenceName").upper(),
        image_type=image_type,
        component=component_of(image_type, ge_type),
        is_3d=header.text("MRAcquisitionType").upper() == "3D",
        b_value=header.positive("DiffusionBValue"),
        fat_suppressed="FAT" in header.text("SpectrallySelectedSuppression").upper(),
        vendor=vendor,
    )


def _axes(numbers: tuple[float, ...]) -> tuple[Vector, Vector] | None:
    """Column and row axis as exact unit vectors at a right angle, None if they are far from it."""
    if len(numbers) != 6:
        return None
    column, row = numbers[:3], numbers[3:]
    length, width = math.hypot(*column), math.hypot(*row)
    if not (0.9 < length < 1.1 and 0.9 < width < 1.1):
        return None
    a = [c / length for c in column]
    b = [r / width for r in row]
    tilt = sum(x * y for x, y in zip(a, b, strict=True))
    if abs(tilt) > 0.01:
        return None
    b = [y - tilt * x for x, y in zip(a, b, strict=True)]
    size = math.hypot(*b)
    return (a[0], a[1], a[2]), (b[0] / size, b[1] / size, b[2] / size)


def _geometry(
    header: Header, axes: tuple[Vector, Vector] | None, rows: int, columns: int
) -> SliceGeometry | None:
    position = header.numbers("ImagePositionPatient")
    spacing = header.numbers("PixelSpacing")
    if axes is None or len(position) != 3 or len(spacing) != 2 or min(spacing) <= 0:
        return None
    return SliceGeometry(
        origin_lps_mm=(position[0], position[1], position[2]),
        column_axis=axes[0],
        row_axis=axes[1],
        spacing_mm=(spacing[0], spacing[1]),
        shape=(rows, columns),
    )
