"""One image as its header tells it: a classic file, or a frame of an enhanced one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

from ..geometry import SliceGeometry, Vector
from .dialects import Component, component_of
from .elements import Encoding, Pixels, Raw
from .header import TAGS, Header
from .source import Source

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR = frozenset({"1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4"})
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
#: Elements in which the files of one series differ.
_OWN = {
    "SpecificCharacterSet",
    "SOPInstanceUID",
    "AcquisitionNumber",
    "InstanceNumber",
    "ImagePositionPatient",
    "TemporalPositionIdentifier",
    "ContrastBolusAgentSequence",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
}
_COMMON_TAGS = tuple(tag for name, tag in TAGS.items() if name not in _OWN)
#: Elements in which the series of one protocol differ from patient to patient.
_PERSONAL = {
    "SOPClassUID",
    "StudyDate",
    "AccessionNumber",
    "StudyDescription",
    "PatientID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SeriesNumber",
    "FrameOfReferenceUID",
    "ImageOrientationPatient",
    "NumberOfFrames",
    "StackID",
}
_KIND_TAGS = tuple(tag for name, tag in TAGS.items() if name not in _OWN | _PERSONAL)


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
        fat_suppressed: the attribute SpectrallySelectedSuppression names fat; None where the file
            doesn't have it.
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
    fat_suppressed: bool | None = None
    vendor: str = ""


@dataclass(frozen=True, slots=True)
class PixelValues:
    """How stored numbers become intensities.

    Attributes:
        samples: values per pixel, 1 for grey.
        bits_allocated, bits_stored: of one value, in memory and in use.
        signed: two's complement.
        inverted: MONOCHROME1, small values are bright.
        slope, intercept: intensity = slope · value + intercept.
    """

    samples: int = 1
    bits_allocated: int = 16
    bits_stored: int = 16
    signed: bool = False
    inverted: bool = False
    slope: float = 1.0
    intercept: float = 0.0


class Instance(NamedTuple):
    """One image: a classic file, or a frame of an enhanced multi-frame one.

    Attributes:
        source: the file; several frames share one.
        frame: index in the file, None for a classic one.
        geometry: where the slice is, None where position, orientation or pixel size is missing
            or impossible, and for multi-frame files that aren't enhanced MR.
        axes: column and row axis, where at least the orientation is known.
        frames: number of frames that this one stands for, 1 for all that can be read.
        stack_id: name of the frame's stack inside its file, '' for classic files.
        pixels: where the pixel data is in the file, None where that isn't known.
        values: how to read it.
        truncated: the file is shorter than its pixel data.
        study_words, series_words: free text, hints only; never shown, it may name the patient.
        body_part: BodyPartExamined, upper case; often copied from the last exam.
    """

    # A named tuple and no dataclass: one is made for each file, and a tuple is made in a third of
    # the time.

    source: Source
    frame: int | None
    sop_instance_uid: str
    sop_class_uid: str
    study_instance_uid: str
    series_instance_uid: str
    frame_of_reference_uid: str
    patient_id: str
    accession_number: str
    study_date: str
    modality: str
    series_number: int | None
    acquisition_number: int | None
    temporal_position: int | None
    instance_number: int | None
    stack_id: str
    rows: int
    columns: int
    frames: int
    geometry: SliceGeometry | None
    axes: tuple[Vector, Vector] | None
    physics: Physics
    pixels: Pixels | None
    values: PixelValues
    study_words: str
    series_words: str
    body_part: str
    contrast_agent: str
    transfer_syntax: str
    truncated: bool

    def __repr__(self) -> str:
        """Without anything that may name the patient."""
        frame = "" if self.frame is None else f", frame={self.frame}"
        return f"Instance(series={self.series_instance_uid!r}{frame}, geometry={self.geometry!r})"


@dataclass(frozen=True, eq=False)
class Common:
    """What the files of a series agree in: all but identity, number and position."""

    sop_class: str
    instance: partial[Instance]
    axes: tuple[Vector, Vector] | None
    spacing_mm: tuple[float, float] | None
    shape: tuple[int, int]

    def instance_of(self, source: Source, header: Header, frame: int | None = None) -> Instance:
        """One image, or one frame of an enhanced object."""
        return self.instance(
            source=source,
            frame=frame,
            sop_instance_uid=header.text("SOPInstanceUID"),
            acquisition_number=header.integer("AcquisitionNumber"),
            temporal_position=header.integer("TemporalPositionIdentifier"),
            instance_number=header.integer("InstanceNumber"),
            geometry=self._geometry(header.numbers("ImagePositionPatient")),
            pixels=header.pixels,
            truncated=header.truncated,
        )

    def _geometry(self, position: tuple[float, ...]) -> SliceGeometry | None:
        """Where the slice is, as far as the file says it."""
        if self.axes is None or self.spacing_mm is None or len(position) != 3:
            return None
        return SliceGeometry(
            origin_lps_mm=(position[0], position[1], position[2]),
            column_axis=self.axes[0],
            row_axis=self.axes[1],
            spacing_mm=self.spacing_mm,
            shape=self.shape,
        )


def common_of(header: Header, *, is_frame: bool = False) -> Common:
    """What a file, or a frame of an enhanced object, has in common with others of its series."""
    said = tuple(map(header.elements.get, _COMMON_TAGS))
    kind = header.encoding, header.charset, header.transfer_syntax, header.media_class
    return _common(said, *kind, is_frame=is_frame)


@lru_cache(maxsize=256)  # parsing costs more than telling that it has been done
def _common(
    said: tuple[Raw | None, ...],
    encoding: Encoding,
    charset: tuple[str, ...],
    transfer_syntax: str,
    media_class: str,
    *,
    is_frame: bool,
) -> Common:
    raws = dict(zip(_COMMON_TAGS, said, strict=True))
    header = _header(raws, encoding, charset)
    kind = _kind(tuple(raws[tag] for tag in _KIND_TAGS), encoding, charset, is_frame=is_frame)
    sop_class = header.text("SOPClassUID") or media_class
    frames = 1 if is_frame else max(header.integer("NumberOfFrames") or 1, 1)
    instance = partial(
        Instance,
        sop_class_uid=sop_class,
        study_instance_uid=header.text("StudyInstanceUID"),
        series_instance_uid=header.text("SeriesInstanceUID"),
        frame_of_reference_uid=header.text("FrameOfReferenceUID"),
        patient_id=header.text("PatientID"),
        accession_number=header.text("AccessionNumber"),
        study_date=header.text("StudyDate"),
        series_number=header.integer("SeriesNumber"),
        stack_id=header.text("StackID"),
        rows=kind.shape[0],
        columns=kind.shape[1],
        frames=frames,
        axes=_axes(header.numbers("ImageOrientationPatient")),
        study_words=header.text("StudyDescription"),
        transfer_syntax=transfer_syntax,
        **kind.says,
    )
    return Common(
        sop_class=sop_class,
        instance=instance,
        axes=instance.keywords["axes"],
        # One position can't be true for the many frames of a file that doesn't describe them.
        spacing_mm=kind.spacing_mm if frames == 1 else None,
        shape=kind.shape,
    )


@dataclass(frozen=True, eq=False)
class _Kind:
    """What the series of a protocol agree in, whoever the patient is."""

    says: dict[str, Any]
    spacing_mm: tuple[float, float] | None
    shape: tuple[int, int]


@lru_cache(maxsize=256)
def _kind(
    said: tuple[Raw | None, ...], encoding: Encoding, charset: tuple[str, ...], *, is_frame: bool
) -> _Kind:
    header = _header(dict(zip(_KIND_TAGS, said, strict=True)), encoding, charset)
    names = ["SeriesDescription", "ProtocolName", *(["AcquisitionContrast"] if is_frame else [])]
    words = dict.fromkeys(text for name in names if (text := header.text(name)))
    says = {
        "modality": header.text("Modality").upper(),
        "physics": _physics(header),
        "values": _values(header),
        "series_words": " | ".join(words),
        "body_part": header.text("BodyPartExamined").upper(),
        "contrast_agent": header.text("ContrastBolusAgent"),
    }
    spacing = header.numbers("PixelSpacing")
    return _Kind(
        says=says,
        spacing_mm=(spacing[0], spacing[1]) if len(spacing) == 2 and min(spacing) > 0 else None,
        shape=(header.integer("Rows") or 0, header.integer("Columns") or 0),
    )


def _header(raws: dict[int, Raw | None], encoding: Encoding, charset: tuple[str, ...]) -> Header:
    return Header({tag: raw for tag, raw in raws.items() if raw is not None}, encoding, charset)


def _values(header: Header) -> PixelValues:
    allocated = header.integer("BitsAllocated") or 0
    slope, intercept = header.number("RescaleSlope"), header.number("RescaleIntercept")
    return PixelValues(
        samples=header.integer("SamplesPerPixel") or 1,
        bits_allocated=allocated,
        bits_stored=header.integer("BitsStored") or allocated,
        signed=header.integer("PixelRepresentation") == 1,
        inverted=header.text("PhotometricInterpretation") == "MONOCHROME1",
        slope=slope or 1.0,
        intercept=intercept or 0.0,
    )


def _physics(header: Header) -> Physics:
    image_type = header.texts("ImageType")
    vendor = header.text("Manufacturer").upper()
    ge_type = header.integer("GeImageType") if vendor.startswith("GE") else None
    suppression = header.text("SpectrallySelectedSuppression").upper()
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
        fat_suppressed=("FAT" in suppression) if suppression else None,
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
