"""One file's header, read forgivingly.

pydicom splits the file into raw elements; their values are parsed here instead of by pydicom's
own conversion. That takes a third of the time, never warns, and survives what real exports
contain: empty or malformed numbers, a wrong value representation, vectors with stray separators.
"""

from __future__ import annotations

import logging
import math
import os
import re
import struct
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pydicom.charset import decode_bytes
from pydicom.filereader import read_partial

log = logging.getLogger(__name__)

#: Every element that is kept, by the name used in `Header`'s getters.
TAGS: dict[str, int] = {
    "SpecificCharacterSet": 0x0008_0005,
    "ImageType": 0x0008_0008,
    "SOPClassUID": 0x0008_0016,
    "SOPInstanceUID": 0x0008_0018,
    "StudyDate": 0x0008_0020,
    "Modality": 0x0008_0060,
    "Manufacturer": 0x0008_0070,
    "StudyDescription": 0x0008_1030,
    "SeriesDescription": 0x0008_103E,
    "PatientID": 0x0010_0020,
    "ContrastBolusAgent": 0x0018_0010,
    "BodyPartExamined": 0x0018_0015,
    "ScanningSequence": 0x0018_0020,
    "ScanOptions": 0x0018_0022,
    "MRAcquisitionType": 0x0018_0023,
    "SequenceName": 0x0018_0024,
    "RepetitionTime": 0x0018_0080,
    "EchoTime": 0x0018_0081,
    "InversionTime": 0x0018_0082,
    "MagneticFieldStrength": 0x0018_0087,
    "ProtocolName": 0x0018_1030,
    "SpectrallySelectedSuppression": 0x0018_9025,
    "DiffusionBValue": 0x0018_9087,
    "StudyInstanceUID": 0x0020_000D,
    "SeriesInstanceUID": 0x0020_000E,
    "SeriesNumber": 0x0020_0011,
    "AcquisitionNumber": 0x0020_0012,
    "InstanceNumber": 0x0020_0013,
    "ImagePositionPatient": 0x0020_0032,
    "ImageOrientationPatient": 0x0020_0037,
    "FrameOfReferenceUID": 0x0020_0052,
    "TemporalPositionIdentifier": 0x0020_0100,
    "SamplesPerPixel": 0x0028_0002,
    "NumberOfFrames": 0x0028_0008,
    "Rows": 0x0028_0010,
    "Columns": 0x0028_0011,
    "PixelSpacing": 0x0028_0030,
    "GeImageType": 0x0043_102F,  # GE private: 0 magnitude, 1 phase, 2 real, 3 imaginary
}
_TAG_LIST = list(TAGS.values())
_FIRST_PIXELS, _LAST_PIXELS = 0x7FE0_0008, 0x7FE0_0010  # float, double float, integer pixels
_DIRECTORY = 0x0004_1220
_MAGIC = b"DICM"
_UNDEFINED_LENGTH = 0xFFFF_FFFF
_ITEM, _MAX_ITEMS = b"\xfe\xff\x00\xe0", 1000
_BINARY = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}
#: Implicit VR names no type; these elements are binary by the dictionary.
_IMPLICIT = {
    TAGS[name]: vr
    for name, vr in (
        ("SamplesPerPixel", "US"),
        ("Rows", "US"),
        ("Columns", "US"),
        ("GeImageType", "SS"),
        ("DiffusionBValue", "FD"),
    )
}
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


class NotDicomError(Exception):
    """The file is something else."""


class CutShortError(Exception):
    """The file is DICOM, but ends before its header does."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom's warnings from the user; how many of which kind goes to the log.

    Their texts may quote values, a patient's name among them, so they are not logged; neither
    are pydicom's own log messages, which repeat them.
    """
    pydicom_log = logging.getLogger("pydicom")
    was_disabled, pydicom_log.disabled = pydicom_log.disabled, True
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    finally:
        pydicom_log.disabled = was_disabled
    if caught:
        kinds = sorted({w.category.__name__ for w in caught})
        log.debug("pydicom warned %d times (%s)", len(caught), ", ".join(kinds))


@dataclass(frozen=True, eq=False)
class Header:
    """Raw elements of one file.

    Attributes:
        elements: {tag: raw element} of those in `TAGS` that the file has.
        encodings: Python's names of the file's character sets.
        transfer_syntax: its UID, empty where the file has no meta header.
        media_class: MediaStorageSOPClassUID of the meta header.
        has_pixels: the file has a pixel data element.
        truncated: the file ends before its pixel data does.
    """

    elements: Mapping[int, Any]
    encodings: Sequence[str]
    transfer_syntax: str
    media_class: str
    has_pixels: bool
    truncated: bool

    def text(self, name: str) -> str:
        """The element's text, '' if absent."""
        element = self.elements.get(TAGS[name])
        value = getattr(element, "value", None)
        if not isinstance(value, bytes):
            return ""
        return self._decode(value).strip(" \0\r\n\t")

    def texts(self, name: str) -> tuple[str, ...]:
        """The element's values in upper case, without empty ones."""
        parts = (part.strip(" \0").upper() for part in self.text(name).split("\\"))
        return tuple(part for part in parts if part)

    def numbers(self, name: str) -> tuple[float, ...]:
        """All finite numbers in the element, whatever separates them: '90/91' has two."""
        element = self.elements.get(TAGS[name])
        value = getattr(element, "value", None)
        if element is None or not isinstance(value, bytes):
            return ()
        vr = element.VR or _IMPLICIT.get(TAGS[name], "")
        if vr == "UN":
            vr = _IMPLICIT.get(TAGS[name], "")
        if vr in _BINARY:
            letter, order = _BINARY[vr], "<" if element.is_little_endian else ">"
            count = len(value) // struct.calcsize(letter)
            found = struct.unpack_from(f"{order}{count}{letter}", value)
        else:
            found = tuple(float(m) for m in _NUMBER.findall(value.decode("latin-1")))
        return tuple(float(f) for f in found if math.isfinite(f))

    def number(self, name: str) -> float | None:
        """The element's first number, None if it has none."""
        found = self.numbers(name)
        return found[0] if found else None

    def positive(self, name: str) -> float | None:
        """The element's first number where it is above zero: some exports write 0 for unknown."""
        found = self.number(name)
        return found if found is not None and found > 0 else None

    def integer(self, name: str) -> int | None:
        """The element's first number, rounded."""
        found = self.number(name)
        return None if found is None else round(found)

    def _decode(self, value: bytes) -> str:
        if value.isascii() and b"\x1b" not in value:  # an escape switches to another alphabet
            return value.decode("ascii")
        try:
            with quiet():
                return decode_bytes(value, self.encodings, set())
        except (LookupError, ValueError):
            return value.decode("latin-1")


class _Stop:
    """Stops pydicom before the pixels, and remembers what it saw there."""

    def __init__(self) -> None:
        self.vr: str | None = None
        self.length: int | None = None

    def __call__(self, tag: int, vr: str | None, length: int) -> bool:
        tag = int(tag)  # pydicom's tags compare ten times slower
        if _FIRST_PIXELS <= tag <= _LAST_PIXELS:
            self.vr, self.length = vr, length
        return tag >= _FIRST_PIXELS or tag == _DIRECTORY


def read_header(path: Path) -> Header:
    """Read one file up to its pixels.

    Raises:
        NotDicomError: it isn't DICOM.
        CutShortError: the header can't be read to its end.
        OSError: it can't be opened.
    """
    stop = _Stop()
    with path.open("rb") as file, quiet():
        head = file.read(136)
        if not _looks_like_dicom(head):
            raise NotDicomError
        file.seek(0)
        try:
            dataset: Any = read_partial(file, stop, force=True, specific_tags=_TAG_LIST)
            syntax = str(dataset.file_meta.get("TransferSyntaxUID", "") or "")
            media_class = str(dataset.file_meta.get("MediaStorageSOPClassUID", "") or "")
        except Exception as error:
            # Damaged bytes make pydicom fail in any way (struct, zlib, value, recursion errors);
            # the file is listed as broken, so nothing is hidden by catching them all.
            raise CutShortError(type(error).__name__) from error
        elements, encodings = dict(dataset.items()), dataset.original_character_set
        named = TAGS["SOPClassUID"] in elements or TAGS["Modality"] in elements
        if not named and head[128:132] != _MAGIC:
            raise NotDicomError
        return Header(
            elements=elements,
            encodings=[encodings] if isinstance(encodings, str) else list(encodings),
            transfer_syntax=syntax,
            media_class=media_class,
            has_pixels=stop.length is not None,
            truncated=_is_truncated(file, stop),
        )


def _looks_like_dicom(head: bytes) -> bool:
    """The magic word, or (files without preamble) a first element that starts a data set."""
    if head[128:132] == _MAGIC:
        return True
    if len(head) < 16 or head[:2] not in (b"\x08\0", b"\x02\0", b"\0\x08", b"\0\x02"):
        return False
    little = head[0] != 0
    element, length = struct.unpack_from("<HI" if little else ">HI", head, 2)
    vr = head[4:6]
    return element <= 0x0070 and ((vr.isalpha() and vr.isupper()) or length < 128)


def _is_truncated(file: BinaryIO, stop: _Stop) -> bool:
    """Whether the file is shorter than its pixel data element says."""
    # pydicom rewinds to the element's tag; a deflated file has been read to its end by then, and
    # was whole if it could be inflated.
    start, size = file.tell(), os.fstat(file.fileno()).st_size
    if stop.length is None or start >= size:
        return False
    if stop.length != _UNDEFINED_LENGTH:
        return start + (8 if stop.vr is None else 12) + stop.length > size
    # Compressed: a chain of items, each with its length (PS3.5 A.4). A missing end mark is no
    # loss; an item that reaches beyond the file is.
    place = start + 12
    for _ in range(_MAX_ITEMS):
        file.seek(place)
        item = file.read(8)
        if len(item) < 8 or item[:4] != _ITEM:
            break
        place += 8 + int.from_bytes(item[4:], "little")
    return place > size
