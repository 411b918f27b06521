"""Where a review is kept: `review.sqlite`, one line a change, none ever altered.

A change is on the disk before it is acknowledged (write-ahead log, full synchronisation), and
it carries an id that the page made: sent twice, it counts once.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ..errors import OutputNotWritable, UsageError

NAME = "review.sqlite"
Role: TypeAlias = Literal["reader", "consensus"]
#: What was changed, seconds spent since the last change, when (ISO 8601, UTC).
Event: TypeAlias = tuple[dict[str, Any], float, str]

_VERSION = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS readers (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL, joined TEXT NOT NULL,
  unblinded TEXT);
CREATE TABLE IF NOT EXISTS events (
  id INTEGER PRIMARY KEY AUTOINCREMENT, change_id TEXT NOT NULL,
  reader INTEGER NOT NULL REFERENCES readers (id), exam TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('reader', 'consensus')), changes TEXT NOT NULL,
  seconds REAL NOT NULL, blind INTEGER NOT NULL, at TEXT NOT NULL, UNIQUE (reader, change_id));
CREATE INDEX IF NOT EXISTS events_of ON events (role, exam, reader);
CREATE TRIGGER IF NOT EXISTS events_stay BEFORE UPDATE ON events
  BEGIN SELECT RAISE(ABORT, 'events are never altered'); END;
CREATE TRIGGER IF NOT EXISTS events_remain BEFORE DELETE ON events
  BEGIN SELECT RAISE(ABORT, 'events are never removed'); END;
"""


@dataclass(frozen=True)
class Reader:
    """Somebody who reads.

    Attributes:
        number: key in the store.
        name: as first typed.
        unblinded: when they first saw the others' readings; None before. Their own readings
            are closed from then on.
    """

    number: int
    name: str
    unblinded: str | None


@dataclass(frozen=True)
class Change:
    """One change as it is to be stored.

    Attributes:
        change_id: made by the page.
        reader: number of who makes it.
        exam: hash of the exam.
        role: whether it belongs to the reader's own reading or to the consensus.
        changes: what is changed, checked.
        seconds: spent since the last change.
        blind: whether the software's reading was hidden.
    """

    change_id: str
    reader: int
    exam: str
    role: Role
    changes: dict[str, Any]
    seconds: float
    blind: bool


class Store:
    """The open store of a batch folder; several processes may have it open."""

    def __init__(self, folder: Path) -> None:
        """Open or make it.

        Raises:
            OutputNotWritable: it can't be written.
            UsageError: it is no review, or one of a later version.
        """
        self._lock = threading.Lock()
        self._path = folder / NAME
        with self._told():
            self._db = sqlite3.connect(
                self._path, timeout=30, isolation_level=None, check_same_thread=False
            )
        try:
            with self._told():
                self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        # The log needs shared memory; without it (a network drive) the older journal is as safe.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise UsageError(
                "other_review",
                "The review in this folder was made by a later version of fasciaseg.",
                "Use that version.",
            )
        if version < _VERSION:
            # Statements for themselves are idempotent: two processes may start at once.
            self._db.executescript(_TABLES)
            self._db.execute(
                "INSERT OR IGNORE INTO notes VALUES ('seed', ?)", (secrets.token_hex(16),)
            )
            self._db.execute(f"PRAGMA user_version = {_VERSION}")

    def close(self) -> None:
        """Close it; everything acknowledged is on the disk already."""
        with suppress(sqlite3.Error):
            self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def seed(self) -> str:
        """Random text, made once for this review."""
        ((value,),) = self._rows("SELECT value FROM notes WHERE name = 'seed'")
        return str(value)

    def readers(self) -> tuple[Reader, ...]:
        """Everybody who has signed in, in that order."""
        rows = self._rows("SELECT id, name, unblinded FROM readers ORDER BY id")
        return tuple(Reader(*row) for row in rows)

    def reader(self, name: str) -> Reader | None:
        """The reader of that name, however capitals are set."""
        rows = self._rows("SELECT id, name, unblinded FROM readers WHERE key = ?", _key(name))
        return Reader(*rows[0]) if rows else None

    def numbered(self, number: int) -> Reader:
        """The reader with that number, who must be there."""
        ((*row,),) = self._rows("SELECT id, name, unblinded FROM readers WHERE id = ?", number)
        return Reader(*row)

    def join(self, name: str) -> Reader:
        """The reader of that name, made if need be."""
        self._write(
            "INSERT OR IGNORE INTO readers (key, name, joined) VALUES (?, ?, ?)",
            _key(name), name, _now(),
        )  # fmt: skip
        rows = self._rows("SELECT id, name, unblinded FROM readers WHERE key = ?", _key(name))
        return Reader(*rows[0])

    def unblind(self, reader: int) -> None:
        """Put down that a reader has seen the others' readings; the first time counts."""
        self._write(
            "UPDATE readers SET unblinded = ? WHERE id = ? AND unblinded IS NULL", _now(), reader
        )

    def record(self, change: Change) -> bool:
        """Store a change; False where the same reader's change of that id is stored already.

        Raises:
            OutputNotWritable: it isn't stored: no space, or the disk is gone.
        """
        return bool(
            self._write(
                "INSERT OR IGNORE INTO events "
                "(change_id, reader, exam, role, changes, seconds, blind, at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                change.change_id, change.reader, change.exam, change.role,
                json.dumps(change.changes, ensure_ascii=False), change.seconds,
                int(change.blind), _now(),
            )
        )  # fmt: skip

    def events(self, role: Role, exam: str, reader: int | None = None) -> list[Event]:
        """Changes to one exam in their order: one reader's, or everybody's to the consensus."""
        rows = self._rows(
            "SELECT changes, seconds, at FROM events "
            "WHERE role = ? AND exam = ? AND (? IS NULL OR reader = ?) ORDER BY id",
            role, exam, reader, reader,
        )  # fmt: skip
        return [(json.loads(changes), seconds, at) for changes, seconds, at in rows]

    def all_events(self, role: Role) -> dict[tuple[str, int], list[Event]]:
        """Changes by exam and reader; the consensus, which is everybody's, has the reader 0."""
        found: dict[tuple[str, int], list[Event]] = {}
        for exam, reader, changes, seconds, at in self._rows(
            "SELECT exam, reader, changes, seconds, at FROM events WHERE role = ? ORDER BY id", role
        ):
            key = (exam, reader if role == "reader" else 0)
            found.setdefault(key, []).append((json.loads(changes), seconds, at))
        return found

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self._told(), self._lock:
            return self._db.execute(sql, values).fetchall()

    def _write(self, sql: str, *values: object) -> int:
        with self._told(), self._lock:
            return self._db.execute(sql, values).rowcount

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise OutputNotWritable(
                "review_not_writable",
                f"The review '{self._path}' can't be used: {error}.",
                "Check space and permissions of the folder; what was acknowledged is kept.",
            ) from error


def _key(name: str) -> str:
    return name.casefold()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
