"""Where a file's bytes are: on disk, or packed in a zip archive that is read in place."""

from __future__ import annotations

import lzma
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, BadZipFile, ZipExtFile, ZipFile
from zipfile import ZipInfo as _ZipInfo

from ..errors import UnreadableInput

#: A member that unpacks to more than this, and to more than `_BOMB_RATIO` times its packed size,
#: is no image: an empty one packs as well, but isn't as large.
_BOMB_BYTES = 256 * 2**20
_BOMB_RATIO = 100
#: No image is as large as this, however it is packed.
_MAX_BYTES = 4 * 2**30
#: Members of the largest research archives; a directory of more fills memory.
_MAX_MEMBERS = 2_000_000
#: What reading a damaged file or member can raise.
READ_ERRORS = (OSError, EOFError, BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError)

_METHODS = frozenset({ZIP_STORED, ZIP_DEFLATED, ZIP_BZIP2, ZIP_LZMA})
_LOCAL_HEADER = struct.Struct("<4s22xHH")  # magic, lengths of name and extra field
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class Packed:
    """A member's entry in its archive's directory, so that nobody has to read that again."""

    offset: int
    packed_bytes: int
    n_bytes: int
    crc: int
    method: int


@dataclass(frozen=True, slots=True)
class Source:
    """One file's bytes. Sources sort by path and member.

    Attributes:
        path: a file on disk, or a zip archive.
        member: name inside the archive, '' for a file on disk. It never becomes part of a path.
        packed: where the member is in the archive; looked up where it isn't given.
    """

    path: Path
    member: str = ""
    packed: Packed | None = field(default=None, repr=False)

    def __lt__(self, other: Source) -> bool:
        return self.order < other.order

    @property
    def order(self) -> tuple[str, str, int]:
        """What sources sort by; sorting many is faster by this than by themselves."""
        # Text: comparing paths part by part would take most of a scan's time.
        return str(self.path), self.member, self.packed.offset if self.packed else 0

    def open(self) -> BinaryIO:
        """Open the bytes; the file is seekable (in a packed one going back is slow).

        Raises:
            OSError, BadZipFile, NotImplementedError: it can't be opened (`READ_ERRORS`).
        """
        if not self.member:
            return self.path.open("rb")
        packed = self._packed()
        archive = self.path.open("rb")
        try:
            archive.seek(packed.offset)
            header = archive.read(_LOCAL_HEADER.size)
            if len(header) < _LOCAL_HEADER.size or header[:4] != b"PK\x03\x04":
                raise BadZipFile("no local header")
            _, n_name, n_extra = _LOCAL_HEADER.unpack(header)
            archive.seek(n_name + n_extra, 1)
            info = _ZipInfo(self.member)
            info.compress_type, info.CRC = packed.method, packed.crc
            info.compress_size, info.file_size = packed.packed_bytes, packed.n_bytes
            return cast(BinaryIO, ZipExtFile(archive, "r", info, close_fileobj=True))
        except (ValueError, OverflowError) as error:
            archive.close()
            raise BadZipFile("a directory entry points nowhere") from error
        except BaseException:
            archive.close()
            raise

    @property
    def size(self) -> int:
        """Number of bytes, unpacked."""
        return self._packed().n_bytes if self.member else self.path.stat().st_size

    def identity(self) -> tuple[str, int, int]:
        """Name, size, and what changes when the bytes do: time of change in ns, or CRC-32."""
        if self.member:
            packed = self._packed()
            return self.name, packed.n_bytes, packed.crc
        stat = self.path.stat()
        return self.name, stat.st_size, stat.st_mtime_ns

    @property
    def name(self) -> str:
        """'/'-separated; an archive counts as a folder."""
        path = self.path.as_posix()
        return f"{path}/{self.member}" if self.member else path

    @property
    def folder(self) -> str:
        """What is in front of the last '/' of `name`."""
        return self.name.rpartition("/")[0]

    def _packed(self) -> Packed:
        if self.packed is not None:
            return self.packed
        with ZipFile(self.path) as archive:
            try:
                return _entry(archive.getinfo(self.member))
            except KeyError as error:
                raise FileNotFoundError(f"{self.path} has no such member") from error


def members(archive: Path) -> list[tuple[Source, str]]:
    """The files in a zip archive as they lie there, each with the reason why it can't be read.

    Args:
        archive: a zip file.

    Returns:
        Sources, with '' for those that can be read.

    Raises:
        UnreadableInput: the archive's directory is damaged, cut off or too large.
        OSError: it can't be opened.
    """
    try:
        with ZipFile(archive) as opened:
            infos = opened.infolist()
    except OSError:
        raise
    except (BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise UnreadableInput(
            "archive_damaged", "its zip archive is damaged or cut short", "Copy it again."
        ) from error
    if len(infos) > _MAX_MEMBERS:
        raise UnreadableInput("archive_bomb", "its zip archive holds too many files")
    files = [i for i in infos if i.filename and not i.is_dir()]
    files.sort(key=lambda i: i.header_offset)
    return [(Source(archive, i.filename, _entry(i)), _unreadable(i)) for i in files]


def _entry(info: _ZipInfo) -> Packed:
    return Packed(
        info.header_offset, info.compress_size, info.file_size, info.CRC, info.compress_type
    )


def _unreadable(info: _ZipInfo) -> str:
    """Why a member can't be read, '' if it can."""
    if info.flag_bits & _ENCRYPTED:
        return "it is encrypted in its zip archive"
    if info.compress_type not in _METHODS:
        return "its zip archive packs it in a way that can't be read"
    ratio = info.file_size / max(info.compress_size, 1)
    if info.file_size > _MAX_BYTES or (info.file_size > _BOMB_BYTES and ratio > _BOMB_RATIO):
        return "it would unpack to an impossible size"
    return ""
