"""A table of anchors: whose numbering a reader has fixed, and how."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from ..anatomy.anchor import UserAnchor, parse
from ..errors import UsageError
from .ledger import Exam

#: (StudyInstanceUID or hash of an exam, its anchor).
Anchors: TypeAlias = tuple[tuple[str, UserAnchor], ...]
_COLUMNS = {"exam", "anchor"}


def read_anchors(path: Path) -> Anchors:
    """The anchors of a CSV file with the columns `exam` and `anchor`; others don't count.

    Raises:
        UsageError: `bad_anchors`, it can't be read or a line of it makes no sense.
    """
    found: dict[str, UserAnchor] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if not set(rows.fieldnames or ()) >= _COLUMNS:
                raise _bad("Its first line must name the columns exam and anchor.")
            for row in rows:
                exam, text = ((row[name] or "").strip() for name in ("exam", "anchor"))
                if not exam and not text:
                    continue
                if not exam or not text:
                    raise _bad(f"Line {rows.line_num} lacks the exam or its anchor.")
                if exam in found:
                    raise _bad(f"Line {rows.line_num} names an exam a second time.")
                try:
                    found[exam] = parse(text)
                except UsageError as error:
                    raise _bad(f"Line {rows.line_num}: {error.reason}", error.action) from error
    except (OSError, UnicodeError, csv.Error) as error:
        raise _bad("It must be a CSV file in UTF-8.") from error
    return tuple(found.items())


def anchor_of(exam: Exam, anchors: Anchors) -> UserAnchor | None:
    """The anchor of an exam; its hash comes before a UID that several patients may share."""
    known = dict(anchors)
    return known.get(exam.name) or known.get(exam.study_instance_uid)


def n_unknown(exams: Iterable[Exam], anchors: Anchors) -> int:
    """How many anchors are for exams that aren't there."""
    there = {name for exam in exams for name in (exam.name, exam.study_instance_uid)}
    return sum(name not in there for name, _ in anchors)


def _bad(reason: str, action: str = "Mend the file.") -> UsageError:
    return UsageError("bad_anchors", f"The table of --anchors can't be used. {reason}", action)
