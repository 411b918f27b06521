"""One exam a patient: which exams count, and what became of every other one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ..errors import UsageError
from .description import ExamColumns
from .exams import Exam
from .key import Match
from .patients import bad_cells
from .sheet import Line, Sheet
from .values import days, is_missing, text_of, yes_or_no


class Fate(StrEnum):
    """What becomes of an exam; the first one that holds."""

    NO_ANSWER = "no answer (never counted as no edema)"
    NO_LINE = "not in the clinical table"
    CEMENT = "cement or an earlier operation"
    NO_INDEX_DATE = "no index date in the clinical table"
    NO_STUDY_DATE = "day of the exam not known"
    AFTER = "after the index date"
    SAME_DAY = "on the index date"
    NOT_THE_LAST = "another exam of the patient is nearer to the index date"
    NOT_THE_NEWEST = "the patient has a newer exam"
    ANALYSED = "analysed"


@dataclass(frozen=True)
class Fated:
    """An exam, its line in the clinical table if there is one, and what became of it."""

    exam: Exam
    line: Line | None
    fate: Fate


def choose_exams(
    exams: Iterable[Exam],
    sheet: Sheet,
    match: Match,
    told: ExamColumns,
    *,
    include_after: bool = False,
    include_cement: bool = False,
) -> tuple[Fated, ...]:
    """Decide about each exam: one a patient stays, the last before the index date.

    Of several exams on that day the surest stays. Exams after the index date, where asked for,
    count only for patients without one before; then the first one counts.

    Args:
        exams: all that were scored.
        sheet: the clinical table.
        match: their lines.
        told: which columns decide.
        include_after: exams on and after the index date may stay.
        include_cement: exams of patients with cement may stay.

    Raises:
        UsageError: dates are needed and there are none, or cells make no sense.
    """
    listed = tuple(exams)
    if told.index_date is not None and not any(e.date for e in listed):
        raise UsageError(
            "no_study_dates",
            "The exams carry no dates, so none is known to lie before the index date.",
            "Run the batch with --study-date, or give its --linkage table.",
        )
    index = _index_dates(sheet, match, told)
    cement = _cement(sheet, match, told) if not include_cement else {}
    fates: dict[str, Fate] = {}
    waiting: dict[str, list[Exam]] = {}
    for exam in listed:
        line = match.line_of.get(exam.exam)
        fate = _fate(exam, line, told, index, cement, include_after=include_after)
        if fate is None and line is not None:
            waiting.setdefault(_patient(exam, line, match, told), []).append(exam)
        else:
            fates[exam.exam] = fate or Fate.NO_LINE
    for candidates in waiting.values():
        fates |= _one(
            candidates, {e.exam: index.get(match.line_of[e.exam].number) for e in candidates}
        )
    return tuple(Fated(e, match.line_of.get(e.exam), fates[e.exam]) for e in listed)


def _fate(
    exam: Exam,
    line: Line | None,
    told: ExamColumns,
    index: dict[int, dt.date | None],
    cement: dict[int, bool],
    *,
    include_after: bool,
) -> Fate | None:
    """Why an exam doesn't count, by itself."""
    if exam.reading.present is None:
        return Fate.NO_ANSWER
    if line is None:
        return Fate.NO_LINE
    if cement.get(line.number):
        return Fate.CEMENT
    if told.index_date is None:
        return None
    day = index[line.number]
    if day is None:
        return Fate.NO_INDEX_DATE
    if exam.date is None:
        return Fate.NO_STUDY_DATE
    if include_after or exam.date < day:
        return None
    if exam.date > day:
        return Fate.AFTER
    return None if told.same_day == "before" else Fate.SAME_DAY


def _one(candidates: list[Exam], index: dict[str, dt.date | None]) -> dict[str, Fate]:
    """Of one patient's exams the one that counts."""
    if len(candidates) > 1:
        undated = [e for e in candidates if e.date is None]
        if undated:
            rest = [e for e in candidates if e.date is not None]
            lost = {e.exam: Fate.NO_STUDY_DATE for e in undated}
            return lost | (_one(rest, index) if rest else {})

    def rank(exam: Exam) -> tuple[bool, int, float, str]:
        day = index[exam.exam]
        number = exam.date.toordinal() if exam.date else 0
        late = day is not None and exam.date is not None and exam.date >= day
        return (late, number if late else -number, -exam.confidence, exam.exam)

    ordered = sorted(candidates, key=rank)
    other = Fate.NOT_THE_LAST if any(index.values()) else Fate.NOT_THE_NEWEST
    return {ordered[0].exam: Fate.ANALYSED} | {e.exam: other for e in ordered[1:]}


def _patient(exam: Exam, line: Line, match: Match, told: ExamColumns) -> str:
    """Who it is, for telling patients apart."""
    if match.of_patients:
        return f"line {line.number}"
    if told.patient is not None and not is_missing(cell := line.cells[told.patient]):
        return f"patient {text_of(cell)}"
    return f"id {exam.patient_id}" if exam.patient_id else f"line {line.number}"


def _matched(match: Match) -> list[Line]:
    lines = {line.number: line for line in match.line_of.values()}
    return [lines[number] for number in sorted(lines)]


def _index_dates(sheet: Sheet, match: Match, told: ExamColumns) -> dict[int, dt.date | None]:
    column = told.index_date
    if column is None:
        return {}
    lines = _matched(match)
    found = days((line.cells[column] for line in lines), told.date_format)
    if found is None:
        raise UsageError(
            "unclear_dates",
            f"Column '{column}' doesn't tell day from month.",
            'Say date_format = "%d/%m/%Y" or "%m/%d/%Y" under [exam] in the description.',
        )
    bad = [
        line.number
        for line, day in zip(lines, found, strict=True)
        if day is None and not is_missing(line.cells[column])
    ]
    if bad:
        raise bad_cells(sheet, column, bad, "a date")
    return {line.number: day for line, day in zip(lines, found, strict=True)}


def _cement(sheet: Sheet, match: Match, told: ExamColumns) -> dict[int, bool]:
    column = told.cement
    if column is None:
        return {}
    found, bad = {}, []
    for line in _matched(match):
        cell = line.cells[column]
        answer = yes_or_no(cell)
        if answer is None and not is_missing(cell):
            bad.append(line.number)
        found[line.number] = bool(answer)
    if bad:
        raise bad_cells(sheet, column, bad, "yes or no")
    return found
