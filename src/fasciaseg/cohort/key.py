"""Which exam a line of the clinical table is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..errors import UsageError
from .exams import Exam
from .sheet import Line, Sheet
from .values import is_missing, text_of

#: What a key may be, and how messages call it. The first one that fits most lines is taken.
FIELDS: dict[str, tuple[str, Callable[[Exam], str]]] = {
    "exam": ("the exam's hash", lambda e: e.exam),
    "study_instance_uid": ("StudyInstanceUID", lambda e: e.study_instance_uid),
    "patient_id": ("PatientID", lambda e: e.patient_id),
    "accession_number": ("AccessionNumber", lambda e: e.accession_number),
}


@dataclass(frozen=True)
class Match:
    """Lines and their exams.

    Attributes:
        column: the key column.
        field: what its values are, one of `FIELDS`.
        line_of: the line of each exam, by the exam's hash.
        without_exam: lines that belong to no exam, or have no key.
        repeated: lines that repeat another one to the letter.
        loosely: lines whose key fitted only without leading zeros.
        conflicts: pairs of lines that say different things about one key.
    """

    column: str
    field: str
    line_of: dict[str, Line]
    without_exam: tuple[int, ...]
    repeated: tuple[int, ...]
    loosely: tuple[int, ...]
    conflicts: tuple[tuple[int, int], ...]

    @property
    def of_patients(self) -> bool:
        """Whether a key names a patient, who may have several exams."""
        return self.field == "patient_id"


def match(sheet: Sheet, exams: Iterable[Exam], key: str | None) -> Match:
    """Find the exams of every line.

    Args:
        sheet: the clinical table.
        exams: all of them.
        key: the column that names exam or patient; None takes the column that fits most lines.

    Raises:
        UsageError: there is no such column, it fits no exam, or two lines have the same key.
    """
    told = tuple(exams)
    columns = sheet.columns if key is None else (_column(sheet, key),)
    tried = [_match(sheet, told, c, f) for c in columns if c not in sheet.twice for f in FIELDS]
    best = max(tried, key=lambda m: len(sheet.lines) - len(m.without_exam), default=None)
    if best is None or not best.line_of:
        linked = any(e.patient_id or e.accession_number for e in told)
        what = f"The key column '{key}'" if key is not None else "No column of the clinical table"
        raise UsageError(
            "no_match",
            f"{what} names {'none' if key is not None else 'any'} of the exams.",
            "Name the right column with --key."
            if linked
            else "PatientID and AccessionNumber need --linkage; or name another column with --key.",
        )
    if best.conflicts:
        first, second = best.conflicts[0]
        raise UsageError(
            "repeated_key",
            f"Lines {first} and {second} of '{sheet.name}' have the same '{best.column}'.",
            "Keep one line for each.",
        )
    return best


def _column(sheet: Sheet, key: str) -> str:
    column = sheet.find(key)
    if column is None or column in sheet.twice:
        raise UsageError(
            "no_key_column",
            f"The clinical table has {'no' if column is None else 'more than one'} column '{key}'.",
            f"Its columns: {', '.join(sheet.columns)}.",
        )
    return column


def _match(sheet: Sheet, exams: tuple[Exam, ...], column: str, field: str) -> Match:
    value = FIELDS[field][1]
    by_key: dict[str, list[Exam]] = {}
    spellings: dict[str, set[str]] = {}
    for exam in exams:
        if key := _plain(value(exam)):
            by_key.setdefault(key, []).append(exam)
            spellings.setdefault(_bare(key), set()).add(key)
    line_of: dict[str, Line] = {}
    first: dict[str, Line] = {}
    alone, repeated, loosely, conflicts = [], [], [], []
    for line in sheet.lines:
        cell = line.cells[column]
        key = "" if is_missing(cell) else _plain(text_of(cell))
        if key and key not in by_key:
            alike = spellings.get(_bare(key), set())
            if len(alike) == 1:  # 00123 is 123 once Excel has seen it
                (key,) = alike
                loosely.append(line.number)
        if key in first:
            if first[key].cells == line.cells:
                repeated.append(line.number)
            else:
                conflicts.append((first[key].number, line.number))
        elif key in by_key:
            first[key] = line
            line_of |= {exam.exam: line for exam in by_key[key]}
        else:
            alone.append(line.number)
    return Match(
        column, field, line_of, tuple(alone), tuple(repeated), tuple(loosely), tuple(conflicts)
    )


def _plain(text: str) -> str:
    return text.strip().casefold()


def _bare(key: str) -> str:
    return key.lstrip("0")
