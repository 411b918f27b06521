"""Every file under a path, read once, headers only."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UnreadableInput, UsageError
from .elements import OddError
from .frames import frames_of
from .header import CutShortError, Header, HeaderReader, NotDicomError, ZipFoundError
from .instance import ENHANCED_MR, MR_IMAGE, SECONDARY_CAPTURE, Instance, common_of
from .source import READ_ERRORS, Source, members

_CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
_IMAGE_CLASSES = ENHANCED_MR | {MR_IMAGE, SECONDARY_CAPTURE, _CT_IMAGE}
_DIRECTORY_CLASS = "1.2.840.10008.1.3.10"
_UID = re.compile(r"[0-9.]{1,64}")


@dataclass(frozen=True, slots=True)
class BrokenFile:
    """A file that can't be used at all; `reason` says why, in words.

    A zip archive that can't be read is one of them, whatever it holds. The other attributes are
    what could be read before the damage, '' or () where it came first.
    """

    source: Source
    reason: str
    patient_id: str = field(default="", repr=False)
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    sop_instance_uid: str = ""
    frame_of_reference_uid: str = ""
    origin_lps_mm: tuple[float, ...] = ()


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
        tuple(sorted(found.instances, key=lambda i: i.source.order)),
        tuple(sorted(found.broken, key=lambda b: b.source.order)),
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
        except CutShortError as error:
            self._give_up(source, "its header is damaged", error.before)
        except READ_ERRORS as error:
            what = "its zip archive is damaged" if source.member else "it can't be opened"
            self._give_up(source, f"{what} ({type(error).__name__})")
        else:
            self._sort(source, header)

    def _sort(self, source: Source, header: Header) -> None:
        common = common_of(header)
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
            self._give_up(source, "it ends before its image", header)

    def _take_frames(self, source: Source, header: Header) -> None:
        try:
            frames = frames_of(header)
        except OddError:
            self._give_up(source, "its frames can't be told apart", header)
            return
        for index, frame in enumerate(frames):
            common = common_of(frame, is_frame=True)
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

    def _give_up(self, source: Source, reason: str, header: Header | None = None) -> None:
        if header is None:
            self.broken.append(BrokenFile(source, reason))
            return
        broken = BrokenFile(
            source,
            reason,
            patient_id=header.text("PatientID"),
            study_instance_uid=_uid(header, "StudyInstanceUID"),
            series_instance_uid=_uid(header, "SeriesInstanceUID"),
            sop_instance_uid=_uid(header, "SOPInstanceUID"),
            frame_of_reference_uid=_uid(header, "FrameOfReferenceUID"),
            origin_lps_mm=header.numbers("ImagePositionPatient"),
        )
        self.broken.append(broken)


def _uid(header: Header, name: str) -> str:
    """A UID of a damaged file, '' if it is none: the damage may have met it."""
    uid = header.text(name)
    return uid if _UID.fullmatch(uid) else ""


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
