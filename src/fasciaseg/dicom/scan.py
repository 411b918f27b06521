"""Every file under a path, read once, headers only."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import UnreadableInput, UsageError
from ..geometry import SliceGeometry, Vector
from .dialects import Component, component_of
from .elements import Encoding, OddError, Pixels, Raw
from .frames import frames_of
from .header import TAGS, CutShortError, Header, HeaderReader, NotDicomError, ZipFoundError
from .source import READ_ERRORS, Source, members

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR = frozenset({"1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4"})
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
_IMAGE_CLASSES = ENHANCED_MR | {MR_IMAGE, SECONDARY_CAPTURE, _CT_IMAGE}
_DIRECTORY_CLASS = "1.2.840.10008.1.3.10"
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


@dataclass(frozen=True, slots=True)
class BrokenFile:
    """A file that can't be used at all; `reason` says why, in words.

    A zip archive that can't be read is one of them, whatever it holds.
    """

    source: Source
    reason: str
    series_instance_uid: str = ""


@dataclass(frozen=True)
class Scan:
    """What lies under a path.

    Attributes:
        instances: images, in the order of their sources and frames.
        broken: DICOM files that end before their image, files and folders that can't be opened,
            damaged and locked archives.
        n_clutter: files that aren't DICOM, archives without any, and DICOMDIR.
        n_objects: DICOM files without an image (reports, presentation states).
    """

    instances: tuple[Instance, ...]
    broken: tuple[BrokenFile, ...]
    n_clutter: int
    n_objects: int


def scan(path: Path, leave_out: Path | None = None) -> Scan:
    """Read the headers of every file under a folder or in a zip archive, or of one file.

    Zip archives inside the folder are read like folders, and so are linked folders. Nothing is
    unpacked to disk.

    Args:
        path: the folder or file.
        leave_out: a folder under it that isn't looked into.

    Raises:
        UsageError: the path doesn't exist.
    """
    found = _Found(HeaderReader())
    for source, error in _files(path, leave_out):
        if error:
            found.broken.append(BrokenFile(source, error))
        else:
            found.take(source)
    return Scan(
        tuple(sorted(found.instances, key=lambda i: i.source)),
        tuple(sorted(found.broken, key=lambda b: b.source)),
        found.n_clutter,
        found.n_objects,
    )


class _Found:
    """What has been seen so far."""

    def __init__(self, reader: HeaderReader) -> None:
        self._reader = reader
        self.instances: list[Instance] = []
        self.broken: list[BrokenFile] = []
        self.n_clutter = 0
        self.n_objects = 0

    def take(self, source: Source) -> None:
        """Read one file and put it where it belongs."""
        try:
            header = self._reader.read(source)
        except ZipFoundError:
            if source.member:
                self._give_up(source, "it is a zip archive inside a zip archive")
            else:
                self._take_archive(source)
        except NotDicomError:
            self.n_clutter += 1
        except CutShortError:
            self._give_up(source, "its header is damaged")
        except READ_ERRORS as error:
            what = "its zip archive is damaged" if source.member else "it can't be opened"
            self._give_up(source, f"{what} ({type(error).__name__})")
        else:
            self._sort(source, header)

    def _sort(self, source: Source, header: Header) -> None:
        common = _common_of(header)
        if common.sop_class == _DIRECTORY_CLASS:
            self.n_clutter += 1
        elif header.has_pixels and min(common.shape) > 0:
            if common.sop_class in ENHANCED_MR:
                self._take_frames(source, header)
            else:
                self.instances.append(common.instance_of(source, header))
        elif _is_whole_object(header, common.sop_class) and common.shape[0] == 0:
            self.n_objects += 1
        else:
            self._give_up(source, "it ends before its image", header.text("SeriesInstanceUID"))

    def _take_frames(self, source: Source, header: Header) -> None:
        try:
            frames = frames_of(header)
        except OddError:
            uid = header.text("SeriesInstanceUID")
            self._give_up(source, "its frames can't be told apart", uid)
            return
        for index, frame in enumerate(frames):
            common = _common_of(frame, is_frame=True)
            self.instances.append(common.instance_of(source, frame, index))

    def _take_archive(self, archive: Source) -> None:
        """Read the members of a zip archive; one without DICOM is clutter, like any document."""
        try:
            listed = members(archive.path)
        except UnreadableInput as error:
            self._give_up(archive, error.reason)
            return
        except OSError as error:
            self._give_up(archive, f"it can't be opened ({type(error).__name__})")
            return
        inside = _Found(self._reader)
        for source, reason in listed:
            if not reason:
                inside.take(source)
            elif all(b.reason != reason for b in inside.broken):
                # Once per archive: nobody knows whether a locked file would have been an image.
                inside._give_up(archive, reason)
        if not (inside.instances or inside.broken or inside.n_objects):
            inside.n_clutter = 1
        self.instances += inside.instances
        self.broken += inside.broken
        self.n_clutter += inside.n_clutter
        self.n_objects += inside.n_objects

    def _give_up(self, source: Source, reason: str, series_instance_uid: str = "") -> None:
        self.broken.append(BrokenFile(source, reason, series_instance_uid))


def _is_whole_object(header: Header, sop_class: str) -> bool:
    """Whether a file without pixels is a report or the like, not an image cut short."""
    named = bool(header.text("Modality") and header.text("SeriesInstanceUID"))
    return named and sop_class not in _IMAGE_CLASSES


def _files(path: Path, leave_out: Path | None) -> Iterator[tuple[Source, str]]:
    """Regular files under a folder in a fixed order, or the file itself; '' or what is wrong."""
    if path.is_file():
        yield Source(path), ""
        return
    if not path.is_dir():
        raise UsageError("no_such_path", "The path doesn't exist.", "Give a folder with DICOM.")
    folders = [path]
    # By their real places: a linked folder may lead back to where it stands.
    seen = {os.path.realpath(leave_out)} if leave_out is not None else set()
    while folders:
        folder = folders.pop()
        place = os.path.realpath(folder)
        if place in seen:
            continue
        seen.add(place)
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda e: e.name)
        except OSError as error:
            yield Source(folder), f"its folder can't be opened ({type(error).__name__})"
            continue
        inner = []
        for entry in listed:
            try:
                # is_file leaves out pipes and sockets, which would block on opening.
                if entry.is_file():
                    yield Source(folder / entry.name), ""
                elif entry.is_dir():
                    inner.append(folder / entry.name)
            except OSError as error:
                wrong = f"its folder can't be opened ({type(error).__name__})"
                yield Source(folder / entry.name), wrong
        folders += reversed(inner)


@dataclass(frozen=True, eq=False)
class _Common:
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


def _common_of(header: Header, *, is_frame: bool = False) -> _Common:
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
) -> _Common:
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
    return _Common(
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
