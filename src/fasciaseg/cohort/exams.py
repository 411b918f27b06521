"""The scored exams: `results.csv`, what failed beside it, and the linkage table."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UsageError
from ..scoring.score import classify
from .sheet import Cell, Line, Sheet, read_sheet
from .values import days, is_missing, levels_in, number, text_of, yes_or_no

RESULTS_NAME, FAILURES_NAME = "results.csv", "failures.csv"
SOFTWARE = "software"
_SUFFIXES = ("fascia_edema", "location", "severity", "levels")
_LINKED = ("patient_id", "accession_number", "study_date")


@dataclass(frozen=True)
class Reading:
    """What somebody saw, or fasciaseg.

    Attributes:
        present: None is no answer, never "no".
        location, severity: the published study's groups; None without an answer.
        levels: involved levels, head to foot.
    """

    present: bool | None
    location: str | None = None
    severity: str | None = None
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exam:
    """One row of `results.csv`."""

    exam: str
    study_instance_uid: str
    reading: Reading
    date: dt.date | None = None
    patient_id: str = ""
    accession_number: str = ""
    confidence: float = 0.0


@dataclass(frozen=True)
class Export:
    """A scored export.

    Attributes:
        exams: those in `results.csv`, in an order that doesn't depend on the table's.
        failures: exams in `failures.csv` by kind, code; empty where there is no such file.
    """

    exams: tuple[Exam, ...]
    failures: Mapping[tuple[str, str], int] = field(default_factory=dict)


def read_export(results: Path, linkage: Path | None, reader: str) -> Export:
    """The exams of a batch's folder, or of its `results.csv`.

    Args:
        results: `results.csv`, or the folder that holds it.
        linkage: the table that `batch --linkage` wrote.
        reader: whose reading counts: `software`, or a reader's columns in `results.csv`.

    Raises:
        UnreadableInput: a table can't be read.
        UsageError: it isn't the table it should be, or no such reader has read.
    """
    path = results / RESULTS_NAME if results.is_dir() else results
    sheet = read_sheet(path)
    _needs(sheet, ("exam", "study_instance_uid", *_SUFFIXES), "Name a batch's results.csv.")
    prefix = "" if reader == SOFTWARE else f"{_reader(sheet, reader)}_"
    linked = _linkage(linkage)
    dated = _dates(sheet.lines, "study_date") if "study_date" in sheet.columns else {}
    exams = []
    for line in sheet.lines:
        name = text_of(line.cells["exam"])
        patient, accession, day = linked.get(name, ("", "", None))
        exams.append(
            Exam(
                name,
                text_of(line.cells["study_instance_uid"]),
                _reading(line, prefix, sheet.name),
                dated.get(line.number) or day,
                patient,
                accession,
                number(line.cells.get("confidence")) or 0.0,
            )
        )
    twice = [name for name, n in Counter(e.exam for e in exams).items() if n > 1]
    if twice:
        raise UsageError(
            "repeated_exam", f"'{sheet.name}' holds exam {twice[0]} more than once.",
            "Name the results.csv of one batch.",
        )  # fmt: skip
    rules = sorted({text_of(v) for line in sheet.lines if (v := line.cells.get("rule"))})
    if len(rules) > 1:
        raise UsageError(
            "mixed_rules",
            f"'{sheet.name}' holds exams read by different level rules ({', '.join(rules)}).",
            "Groups made by one rule can't be compared with the other's: run the batch again.",
        )
    if linkage is not None and not any(e.exam in linked for e in exams):
        raise UsageError(
            "bad_linkage",
            "The linkage table and the results have no exam in common.",
            "Both must come from the same batch.",
        )
    exams.sort(key=lambda e: (e.exam, e.study_instance_uid))
    return Export(tuple(exams), _failures(path.with_name(FAILURES_NAME)))


def _reader(sheet: Sheet, reader: str) -> str:
    """The reader's name as the columns have it."""
    ending = f"_{_SUFFIXES[0]}"
    readers = [c.removesuffix(ending) for c in sheet.columns if c.endswith(ending)]
    for name in readers:
        if name.casefold() == reader.casefold():
            _needs(sheet, tuple(f"{name}_{s}" for s in ("levels",)), "Import the reading again.")
            return name
    there = f"It has: {', '.join(readers)}." if readers else "No reading was imported into it."
    raise UsageError("no_such_reader", f"'{sheet.name}' has no reading by '{reader}'.", there)


def _needs(sheet: Sheet, columns: tuple[str, ...], action: str) -> None:
    for column in columns:
        if column not in sheet.columns:
            raise UsageError("not_results", f"'{sheet.name}' lacks the column '{column}'.", action)


def _reading(line: Line, prefix: str, name: str) -> Reading:
    present, location, severity, levels = (
        line.cells.get(f"{prefix}{suffix}") for suffix in _SUFFIXES
    )
    answer = yes_or_no(present)
    seen = levels_in(levels) if levels is not None else ()
    if seen is None or (answer is None and present is not None):
        raise UsageError(
            "bad_results", f"Line {line.number} of '{name}' makes no sense.", "Make it again."
        )
    if answer is None:
        return Reading(None)
    if not answer:
        return Reading(False, "none", "none")
    told = classify(seen)
    return Reading(
        True,
        text_of(location) or (told.location if seen else None),
        text_of(severity) or (told.severity if seen else None),
        seen,
    )


def _linkage(path: Path | None) -> dict[str, tuple[str, str, dt.date | None]]:
    """PatientID, AccessionNumber and day of each exam."""
    if path is None:
        return {}
    sheet = read_sheet(path)
    _needs(sheet, ("exam", *_LINKED), "Name the table that `batch --linkage` wrote.")
    dated = _dates(sheet.lines, "study_date")
    return {
        text_of(line.cells["exam"]): (
            text_of(line.cells["patient_id"]),
            text_of(line.cells["accession_number"]),
            dated[line.number],
        )
        for line in sheet.lines
    }


def _dates(lines: tuple[Line, ...], column: str) -> dict[int, dt.date | None]:
    cells: list[Cell] = [line.cells[column] for line in lines]
    found = days(cells) or [None] * len(cells)
    return {line.number: day for line, day in zip(lines, found, strict=True)}


def _failures(path: Path) -> dict[tuple[str, str], int]:
    if not path.is_file() or path.read_bytes().count(b"\n") < 2:
        return {}
    sheet = read_sheet(path)
    if not {"kind", "code"} <= set(sheet.columns):
        return {}
    kinds = Counter(
        (text_of(line.cells["kind"]), text_of(line.cells["code"]))
        for line in sheet.lines
        if not is_missing(line.cells["kind"])
    )
    return dict(sorted(kinds.items()))
