"""What a batch remembers between runs: one row an exam, in SQLite beside the results.

A row says how an exam ended and what decided that: its files (name, size, time) and the settings
(options, model, version). It is written after the exam's files are in place, in one transaction,
so whatever kills the run, a row is there with its files or not at all. No patient's data stands
here but StudyInstanceUID and the exam's place in the export, as in the results.

The journal is SQLite's plain one, not WAL, which network disks can't do. One run holds the
ledger for its whole time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Literal

from ..errors import OutputNotWritable, UsageError
from .files import no_space

NAME = "ledger.sqlite"
_SCHEMA_VERSION = 1
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


@dataclass(frozen=True)
class Exam:
    """One exam of an export.

    Attributes:
        name: its hash, the only name that pages and folders know.
        study_instance_uid: its UID; '' for damaged files that name none.
        patient: keyed hash of the PatientID.
        input: deepest common folder of its files, relative to the export.
        files: digest of its files' names, sizes and times.
        readable: False for damaged files that can't be made an exam of.
    """

    name: str
    study_instance_uid: str
    patient: str
    input: str
    files: str
    readable: bool = True


@dataclass(frozen=True)
class Entry:
    """How an exam ended.

    Attributes:
        exam: its hash.
        settings: digest of what else decided the result.
        kind: scored, failed, or skipped: nothing to read in it.
        code, reason, action: why not scored.
        n_bytes: size of its `result.json`.
        seconds: that it took.
        study_instance_uid, patient, input, files: of the exam as it was read.
    """

    exam: str
    study_instance_uid: str
    patient: str
    input: str
    files: str
    settings: str
    kind: Literal["scored", "failed", "skipped"]
    code: str = ""
    reason: str = ""
    action: str = ""
    n_bytes: int = 0
    seconds: float = 0.0


def _exam(name: str, uid: str, patient: str, place: str, files: str, readable: int) -> Exam:
    return Exam(name, uid, patient, place, files, bool(readable))


_ENTRY = ", ".join(f.name for f in fields(Entry))
_EXAM = ", ".join(f.name for f in fields(Exam))
_TABLES = f"""
CREATE TABLE entries ({_ENTRY}, PRIMARY KEY (exam));
CREATE TABLE exams ({_EXAM}, PRIMARY KEY (name));
CREATE TABLE notes (name PRIMARY KEY, value);
PRAGMA user_version = {_SCHEMA_VERSION};
"""


class Ledger:
    """The open ledger of an output folder; nobody else can open it meanwhile."""

    def __init__(self, folder: Path) -> None:
        """Open or make it.

        Raises:
            UsageError: another run has it.
            OutputNotWritable: it can't be written, or is no ledger.
        """
        self._folder = folder
        with self._told():
            self._db = sqlite3.connect(folder / NAME, timeout=0, isolation_level=None)
        try:
            with self._told():
                self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
                # Exclusive from the first write on and until it is closed, kill -9 included.
                self._db.execute("BEGIN EXCLUSIVE")
                (version,) = self._db.execute("PRAGMA user_version").fetchone()
                if version == 0:
                    for statement in filter(str.strip, _TABLES.split(";")):
                        self._db.execute(statement)
                self._db.execute("COMMIT")
            if version not in (0, _SCHEMA_VERSION):
                raise UsageError(
                    "other_ledger",
                    "The output folder was made by another version of fasciaseg.",
                    "Name another folder.",
                )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let others have it."""
        with suppress(sqlite3.Error):
            self._db.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def entries(self) -> dict[str, Entry]:
        """Every exam that ended, by its hash."""
        with self._told():
            rows = self._db.execute(f"SELECT {_ENTRY} FROM entries ORDER BY rowid").fetchall()
        return {row[0]: Entry(*row) for row in rows}

    def record(self, entry: Entry) -> None:
        """Put down how an exam ended, in place of an earlier end."""
        marks = ", ".join("?" * len(fields(Entry)))
        with self._told():
            self._db.execute(f"INSERT OR REPLACE INTO entries VALUES ({marks})", astuple(entry))

    def forget(self, exams: Iterable[str]) -> None:
        """Drop exams, all or none."""
        with self._told(), self._transaction():
            self._db.executemany("DELETE FROM entries WHERE exam = ?", [(e,) for e in exams])

    def remembered(self, listing: str) -> tuple[Exam, ...] | None:
        """The exams of an export whose files are listed like this; None if not the last one."""
        if self._note("listing") != listing:
            return None
        with self._told():
            rows = self._db.execute(f"SELECT {_EXAM} FROM exams ORDER BY rowid").fetchall()
        return tuple(_exam(*row) for row in rows)

    def remember(self, listing: str, exams: Iterable[Exam]) -> None:
        """Keep which exams are there, until the files change."""
        marks = ", ".join("?" * len(fields(Exam)))
        with self._told(), self._transaction():
            self._db.execute("DELETE FROM exams")
            self._db.executemany(f"INSERT INTO exams VALUES ({marks})", map(astuple, exams))
            self._db.execute("INSERT OR REPLACE INTO notes VALUES ('listing', ?)", (listing,))

    def require_key(self, mark: str) -> None:
        """Make sure that the exams have been named with the same key as now.

        Raises:
            UsageError: with another one; every exam would appear twice.
        """
        known = self._note("key")
        if known is None:
            with self._told():
                self._db.execute("INSERT INTO notes VALUES ('key', ?)", (mark,))
        elif known != mark:
            raise UsageError(
                "other_key",
                "The file .key in the output folder isn't the one that its exams are named with.",
                "Put it back, or name another folder.",
            )

    def _note(self, name: str) -> str | None:
        with self._told():
            row = self._db.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What SQLite says, in words."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in _BUSY:
                raise UsageError(
                    "locked",
                    f"Another run is writing to '{self._folder}'.",
                    "Wait for it to end, or name another folder.",
                ) from error
            if code == sqlite3.SQLITE_FULL:
                raise no_space(self._folder) from error
            if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                raise OutputNotWritable(
                    "ledger_damaged",
                    f"The ledger '{self._folder / NAME}' is damaged.",
                    "Delete it; every exam is read again then.",
                ) from error
            raise OutputNotWritable(
                "output_not_writable",
                f"Can't write to '{self._folder / NAME}' ({type(error).__name__}).",
                "Name a folder that you may write to.",
            ) from error
