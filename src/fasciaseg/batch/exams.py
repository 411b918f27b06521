"""Which exams lie in an export, what they are called, and which of them are wanted."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from ..dicom.belonging import ExamKey
from ..dicom.scan import BrokenFile, Scan
from ..dicom.series import Study, studies_of
from ..dicom.source import READ_ERRORS, Source
from ..errors import UsageError
from ..pseudonym import exam_name
from .ledger import Exam

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Found:
    """The exams of an export and, by their names, the studies of those that have UIDs."""

    exams: tuple[Exam, ...]
    studies: dict[str, Study]


def exams_of(scanned: Scan, export: Path, key: bytes) -> Found:
    """Name the studies of a scan and put them in the order of their place in the export.

    An exam of which no file is whole isn't passed over in silence: its damaged files name it.
    Those that name none count as one exam per folder where nothing else can be read.

    Args:
        scanned: what lies under `export`.
        export: the folder, file or archive that was scanned.
        key: what the names are made with.
    """
    exams: list[Exam] = []
    by_name: dict[str, Study] = {}
    readable: set[tuple[str, ...]] = set()
    named: set[Source] = set()
    for study in studies_of(scanned):
        sources = (*study.sources, *study.damaged)
        named.update(study.damaged)
        folders = [_folder(source, export) for source in sources]
        readable.update(folders)
        exam = Exam(
            name=exam_name(_told(study.key, export), key),
            study_instance_uid=study.study_instance_uid,
            patient=_keyed(study.patient_id, key),
            input=_common(folders),
            files=_digest(sources, export),
            readable=bool(study.series),
        )
        exams.append(exam)
        by_name[exam.name] = study
    unnamed = (broken for broken in scanned.broken if broken.source not in named)
    exams += _damaged(unnamed, readable, export, key)
    exams.sort(key=lambda e: (e.input, e.study_instance_uid, e.name))
    return Found(tuple(exams), by_name)


def _told(key: ExamKey, export: Path) -> str:
    """What an exam's name is made of: its own UIDs, whatever else the export holds.

    An archive can hand several patients the same StudyInstanceUID, so the patient belongs to it.
    """
    if key.study_instance_uid:
        return "\0".join(filter(None, (key.study_instance_uid, key.patient_id)))
    folder = key.folder.removeprefix(export.as_posix()) if key.folder else ""
    return "\0".join(("", key.patient_id, key.frame_of_reference_uid, folder))


def _damaged(
    broken: Iterable[BrokenFile], readable: set[tuple[str, ...]], export: Path, key: bytes
) -> list[Exam]:
    """Folders and archives that hold damaged DICOM files and nothing that can be read."""
    folders: defaultdict[tuple[str, ...], list[Source]] = defaultdict(list)
    for file in broken:
        folder = _folder(file.source, export)
        if _is_container(file.source):
            # A damaged archive, or a folder that can't be opened, stands for itself.
            folder = () if file.source.path == export else (*folder, file.source.path.name)
            known = any(place[: len(folder)] == folder for place in readable)
        else:
            known = folder in readable
        if not known:
            folders[folder].append(file.source)
    return [
        Exam(
            name=exam_name(f"\0damaged\0{_common([folder])}", key),
            study_instance_uid="",
            patient="",
            input=_common([folder]),
            files=_digest(sources, export),
            readable=False,
        )
        for folder, sources in folders.items()
    ]


def _is_container(source: Source) -> bool:
    """A folder, or an archive as a whole."""
    if source.member:
        return False
    if source.path.is_dir():
        return True
    try:
        with source.path.open("rb") as file:
            return file.read(2) == b"PK"
    except OSError:
        return source.path.suffix.lower() == ".zip"


def _folder(source: Source, export: Path) -> tuple[str, ...]:
    """Folder names from the export down to a file; an archive counts as a folder."""
    outside = source.path.relative_to(export).parts
    inside = [part for part in source.member.split("/") if part not in ("", ".")]
    return (*outside, *inside)[:-1]


def _common(folders: Sequence[tuple[str, ...]]) -> str:
    """The deepest folder that all share, '/'-separated; '.' for the export itself."""
    low, high = min(folders), max(folders)
    same = 0
    while same < min(len(low), len(high)) and low[same] == high[same]:
        same += 1
    return _text("/".join(low[:same]) or ".")


def _text(name: str) -> str:
    """A name from the file system as text that can be written anywhere."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _digest(sources: Iterable[Source], export: Path) -> str:
    """Names (relative to the export), sizes and times (in archives, checksums) of files."""
    digest = hashlib.sha256()
    for source in sorted(sources, key=lambda source: source.order):
        name = "/".join((*_folder(source, export), source.member or source.path.name))
        try:
            _, size, changed = source.identity()
        except READ_ERRORS:
            size, changed = -1, 0
        digest.update(f"{name}\0{size}\0{changed}\n".encode(errors="backslashreplace"))
    return digest.hexdigest()


def _keyed(patient_id: str, key: bytes) -> str:
    """Tells patients apart and says nothing about them."""
    return hmac.new(key, b"patient\0" + patient_id.encode(errors="replace"), "sha256").hexdigest()


@dataclass(frozen=True)
class Selection:
    """Which exams are wanted: UIDs, hashes, or patterns of their places in the export.

    A pattern (`*`, `?`, `[...]`; `*` also passes '/') has to fit an exam's place or a folder
    above it.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def of(self, exams: Sequence[Exam]) -> tuple[Exam, ...]:
        """Those that are wanted, in their order.

        Raises:
            UsageError: there are exams, and none fits.
        """
        for name, patterns in (("--include", self.include), ("--exclude", self.exclude)):
            idle = sum(not any(_fits(exam, p) for exam in exams) for p in patterns)
            if idle:
                log.warning("%d of the %d lines of %s fit no exam.", idle, len(patterns), name)
        wanted = tuple(
            exam
            for exam in exams
            if (not self.include or any(_fits(exam, p) for p in self.include))
            and not any(_fits(exam, p) for p in self.exclude)
        )
        if exams and not wanted:
            raise UsageError(
                "nothing_selected",
                f"None of the {len(exams)} exams is left by --include and --exclude.",
                "`--dry-run` without them lists the exams.",
            )
        return wanted


def _fits(exam: Exam, pattern: str) -> bool:
    if pattern in (exam.study_instance_uid, exam.name):
        return True
    pattern = pattern.removeprefix("./").rstrip("/")
    place = PurePosixPath(exam.input)
    return any(fnmatchcase(str(folder), pattern) for folder in (place, *place.parents[:-1]))


def patterns_in(lines: Iterable[str]) -> tuple[str, ...]:
    """The patterns of a list, one a line; empty lines and those with '#' in front don't count."""
    stripped = (line.strip().replace("\\", "/") for line in lines)
    return tuple(line for line in stripped if line and not line.startswith("#"))
