"""One file's header, read forgivingly.

Values are parsed here instead of by pydicom's own conversion: that takes a fraction of the time,
never warns, and survives what real exports contain: empty or malformed numbers, a wrong value
representation, vectors with stray separators. Files that aren't written by the book are split
into their elements by pydicom, all others by `elements`.
"""

from __future__ import annotations

import logging
import math
import os
import re
import struct
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, BinaryIO, NamedTuple

from . import elements
from .elements import (
    BIG_ENDIAN,
    EXPLICIT,
    IMPLICIT,
    UNDEFINED_LENGTH,
    Encoding,
    Familiar,
    OddError,
    Pixels,
    Raw,
    Readable,
)
from .source import Source

# pydicom is imported where it is needed: a scan of well-written files does without.

log = logging.getLogger(__name__)

#: Every element that is kept, by the name used in `Header`'s getters.
TAGS: dict[str, int] = {
    "SpecificCharacterSet": 0x0008_0005,
    "ImageType": 0x0008_0008,
    "SOPClassUID": 0x0008_0016,
    "SOPInstanceUID": 0x0008_0018,
    "StudyDate": 0x0008_0020,
    "AccessionNumber": 0x0008_0050,
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
    "PhotometricInterpretation": 0x0028_0004,
    "NumberOfFrames": 0x0028_0008,
    "Rows": 0x0028_0010,
    "Columns": 0x0028_0011,
    "PixelSpacing": 0x0028_0030,
    "BitsAllocated": 0x0028_0100,
    "BitsStored": 0x0028_0101,
    "PixelRepresentation": 0x0028_0103,
    "RescaleIntercept": 0x0028_1052,
    "RescaleSlope": 0x0028_1053,
    "GeImageType": 0x0043_102F,  # GE private: 0 magnitude, 1 phase, 2 real, 3 imaginary
    # Enhanced multi-frame objects only; `frames` gives their values the names above.
    "AcquisitionContrast": 0x0008_9209,
    "ComplexImageComponent": 0x0008_9208,
    "ContrastBolusAgentSequence": 0x0018_0012,
    "PulseSequenceName": 0x0018_9005,
    "EchoPulseSequence": 0x0018_9008,
    "EchoPlanarPulseSequence": 0x0018_9018,
    "SharedFunctionalGroupsSequence": 0x5200_9229,
    "PerFrameFunctionalGroupsSequence": 0x5200_9230,
    "StackID": 0x0020_9056,
}
_WANTED = frozenset(TAGS.values())
_CHARSET = TAGS["SpecificCharacterSet"]
_READ_ONLY = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_FIRST_PIXELS, _LAST_PIXELS = 0x7FE0_0008, 0x7FE0_0010  # float, double float, integer pixels
_DIRECTORY = 0x0004_1220
_MAGIC, _META = b"DICM", 132
_MEDIA_CLASS, _SYNTAX = 0x0002_0002, 0x0002_0010
_META_TAGS = frozenset({_MEDIA_CLASS, _SYNTAX})
_META_GROUP, _META_LENGTH = b"\x02\0", b"\x02\0\0\0UL\x04\0"
_NOTHING: Raw = (b"", b"")
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_ENCODINGS = {"1.2.840.10008.1.2": IMPLICIT, "1.2.840.10008.1.2.2": BIG_ENDIAN}
_DEFLATED = "1.2.840.10008.1.2.1.99"
_ITEM, _MAX_ITEMS = b"\xfe\xff\x00\xe0", 1000
_BINARY = {b"US": "H", b"SS": "h", b"UL": "I", b"SL": "i", b"FL": "f", b"FD": "d"}
#: Implicit VR names no type; these elements are binary by the dictionary.
_BINARY_TAGS = {
    TAGS[name]: vr
    for name, vr in (
        ("SamplesPerPixel", b"US"),
        ("Rows", b"US"),
        ("Columns", b"US"),
        ("BitsAllocated", b"US"),
        ("BitsStored", b"US"),
        ("PixelRepresentation", b"US"),
        ("GeImageType", b"SS"),
        ("DiffusionBValue", b"FD"),
    )
}
_INTEGER_DIGITS = 18
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


class NotDicomError(Exception):
    """The file is something else."""


class ZipFoundError(NotDicomError):
    """The file is a zip archive."""


class CutShortError(Exception):
    """The file is DICOM, but ends before its header does.

    Attributes:
        before: what could be read before the damage, None for nothing.
    """

    before: Header | None = None


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


class Header(NamedTuple):
    """Raw elements of one file.

    Attributes:
        elements: {tag: raw element} of those in `TAGS` that the file has.
        encoding: how they are written.
        charset: the file's character sets, as DICOM names them.
        transfer_syntax: its UID, empty where the file has no meta header.
        media_class: MediaStorageSOPClassUID of the meta header.
        has_pixels: the file has a pixel data element.
        pixels: where that is, None where it can't be told (deflated files).
        truncated: the file ends before its pixel data does.
    """

    elements: Mapping[int, Raw]
    encoding: Encoding
    charset: tuple[str, ...] = ()
    transfer_syntax: str = ""
    media_class: str = ""
    has_pixels: bool = False
    pixels: Pixels | None = None
    truncated: bool = False

    def text(self, name: str) -> str:
        """The element's text, '' if absent."""
        element = self.elements.get(TAGS[name])
        if element is None:
            return ""
        value = element[1]
        if value.isascii() and b"\x1b" not in value:  # an escape switches to another alphabet
            return value.decode("ascii").strip(" \0\r\n\t")
        return _decode(value, self.charset).strip(" \0\r\n\t")

    def texts(self, name: str) -> tuple[str, ...]:
        """The element's values in upper case, without empty ones."""
        parts = (part.strip(" \0").upper() for part in self.text(name).split("\\"))
        return tuple(part for part in parts if part)

    def numbers(self, name: str) -> tuple[float, ...]:
        """All finite numbers in the element, whatever separates them: '90/91' has two."""
        element = self.elements.get(TAGS[name])
        if element is None:
            return ()
        vr, value = element
        if vr in (b"", b"UN"):
            vr = _BINARY_TAGS.get(TAGS[name], b"")
        found: Iterable[float]
        if vr in _BINARY:
            letter, order = _BINARY[vr], "<" if self.encoding.little else ">"
            count = len(value) // struct.calcsize(letter)
            found = struct.unpack_from(f"{order}{count}{letter}", value)
        else:
            try:  # by the book, the way to nearly all values
                if b"_" in value:
                    raise ValueError
                found = [float(v) for v in value.strip(b"\0").split(b"\\")]
            except ValueError:
                found = [float(m) for m in _NUMBER.findall(value.decode("latin-1"))]
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
        element = self.elements.get(TAGS[name], _NOTHING)
        if element[0] == b"IS" and (digits := element[1].strip(b" \0")).isdigit():
            # An integer string has at most 12 characters (PS3.5, 6.2).
            return int(digits) if len(digits) <= _INTEGER_DIGITS else None
        found = self.number(name)
        return None if found is None else round(found)


def _decode(value: bytes, charset: tuple[str, ...]) -> str:
    from pydicom.charset import decode_bytes

    try:
        with quiet():
            return decode_bytes(value, _python_encodings(charset), set())
    except (LookupError, ValueError):
        return value.decode("latin-1")


@lru_cache(maxsize=64)
def _python_encodings(charset: tuple[str, ...]) -> list[str]:
    from pydicom.charset import convert_encodings

    with quiet():
        return convert_encodings(list(charset) or None)


class _Unbuffered:
    """A file on disk; the windows are buffer enough, and Python's own file takes twice the time."""

    def __init__(self, number: int) -> None:
        self._number = number

    def seek(self, offset: int) -> int:
        """Go to an offset."""
        return os.lseek(self._number, offset, os.SEEK_SET)

    def read(self, n_bytes: int) -> bytes:
        """So many bytes, or fewer at the end."""
        return os.read(self._number, n_bytes)

    def whole(self) -> BinaryIO:
        """The same file as everybody else wants it."""
        return os.fdopen(self._number, "rb", closefd=False)


class HeaderReader:
    """Reads one file after the other, each up to its pixels; the likeness of files saves time."""

    def __init__(self) -> None:
        self._familiar: dict[Encoding, Familiar] = {}
        self._familiar_meta = Familiar()

    def read(self, source: Source) -> Header:
        """Read one file up to its pixels.

        Raises:
            NotDicomError: it isn't DICOM (`ZipFoundError`: but a zip archive).
            CutShortError: the header can't be read to its end.
            source.READ_ERRORS: it can't be opened, or its archive is damaged.
        """
        if source.member:
            with source.open() as member:
                return self._read(member, source.size)
        number = os.open(source.path, _READ_ONLY)
        try:
            return self._read(_Unbuffered(number), os.fstat(number).st_size)
        finally:
            os.close(number)

    def _read(self, file: _Unbuffered | BinaryIO, size: int) -> Header:
        head = file.read(elements.WINDOW)
        if head[:4] in _ZIP_MAGIC:
            raise ZipFoundError
        if not _looks_like_dicom(head[: _META + 4]):
            raise NotDicomError
        found: dict[int, Raw] = {}
        if head[_META - 4 : _META] == _MAGIC:
            try:
                return self._by_the_book(file, head, size, found)
            except OddError:
                pass
        try:
            if isinstance(file, _Unbuffered):
                with file.whole() as whole:
                    return _as_pydicom_reads_it(whole, head, size)
            return _as_pydicom_reads_it(file, head, size)
        except CutShortError as error:
            charset = _charset(found.get(_CHARSET, _NOTHING))
            error.before = Header(found, EXPLICIT, charset)
            raise

    def _by_the_book(self, file: Readable, head: bytes, size: int, found: dict[int, Raw]) -> Header:
        """Read a file with a meta header and nothing odd in it.

        Args:
            found: gets the elements; in an odd file, those in front of what is odd.

        Raises:
            OddError: something is odd.
        """
        if not head.startswith(_META_LENGTH, _META):
            raise OddError
        at = _META + 12 + int.from_bytes(head[_META + 8 : _META + 12], "little")
        if at > len(head) or head.startswith(_META_GROUP, at):
            raise OddError
        meta = elements.inside(head[_META:at], EXPLICIT, _META_TAGS, self._familiar_meta)
        syntax, media_class = (
            meta.get(tag, _NOTHING)[1].decode("latin-1").strip(" \0")
            for tag in (_SYNTAX, _MEDIA_CLASS)
        )
        if not syntax or syntax == _DEFLATED:
            raise OddError
        encoding = _ENCODINGS.get(syntax, EXPLICIT)
        familiar = self._familiar.get(encoding)
        if familiar is None:
            familiar = self._familiar[encoding] = Familiar()
        pixels = elements.header(file, head, at, size, encoding, _WANTED, found, familiar)
        return Header(
            elements=found,
            encoding=encoding,
            charset=_charset(found.get(_CHARSET, _NOTHING)),
            transfer_syntax=syntax,
            media_class=media_class,
            has_pixels=pixels is not None,
            pixels=pixels,
            truncated=pixels is not None and _is_truncated(file, pixels, size),
        )


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


def _as_pydicom_reads_it(file: BinaryIO, head: bytes, size: int) -> Header:
    """Read anything: without a meta header, deflated, with odd elements, damaged."""
    from pydicom.filereader import read_partial

    stop = _Stop()
    file.seek(0)
    with quiet():
        try:
            dataset: Any = read_partial(file, stop, force=True, specific_tags=list(_WANTED))
            syntax = str(dataset.file_meta.get("TransferSyntaxUID", "") or "").strip(" \0")
            media_class = str(dataset.file_meta.get("MediaStorageSOPClassUID", "") or "").strip(
                " \0"
            )
            implicit, little = dataset.original_encoding
        except Exception as error:
            # Damaged bytes make pydicom fail in any way (struct, zlib, value, recursion errors);
            # the file is listed as broken, so nothing is hidden by catching them all.
            raise CutShortError(type(error).__name__) from error
        # Only raw elements: what pydicom has made an object of is a sequence of a damaged file.
        # And only whole ones: the first half of a UID is another UID.
        found = {
            int(tag): (str(element.VR or "").encode(), element.value)
            for tag, element in dataset.items()
            if isinstance(element.value, bytes)
            and (element.length == UNDEFINED_LENGTH or len(element.value) >= element.length)
        }
        charset = dataset.get("SpecificCharacterSet") or ()
    named = TAGS["SOPClassUID"] in found or TAGS["Modality"] in found
    if not named and head[_META - 4 : _META] != _MAGIC:
        raise NotDicomError
    pixels = None
    start = file.tell()  # pydicom goes back to the element's tag
    # A deflated file has been read to its end, and was whole if it could be inflated.
    if stop.length is not None and start < size:
        pixels = Pixels(start + (8 if stop.vr is None else 12), stop.length)
    return Header(
        elements=found,
        encoding=Encoding.of(explicit=not implicit, little=bool(little)),
        charset=(charset,) if isinstance(charset, str) else tuple(map(str, charset)),
        transfer_syntax=syntax,
        media_class=media_class,
        has_pixels=stop.length is not None,
        pixels=pixels,
        truncated=pixels is not None and _is_truncated(file, pixels, size),
    )


@lru_cache(maxsize=64)
def _charset(raw: Raw) -> tuple[str, ...]:
    value = raw[1].decode("latin-1")
    return tuple(term.strip(" \0") for term in value.split("\\")) if value else ()


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


def _is_truncated(file: Readable, pixels: Pixels, size: int) -> bool:
    """Whether the file is shorter than its pixel data element says."""
    if pixels.n_bytes != UNDEFINED_LENGTH:
        return pixels.start + pixels.n_bytes > size
    # Compressed: a chain of items, each with its length (PS3.5 A.4). A missing end mark is no
    # loss; an item that reaches beyond the file is.
    place = pixels.start
    for _ in range(_MAX_ITEMS):
        file.seek(place)
        item = file.read(8)
        if len(item) < 8 or item[:4] != _ITEM:
            break
        place += 8 + int.from_bytes(item[4:], "little")
    return place > size
