"""What the clinical table says about the patients who are analysed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..errors import UsageError
from ..scoring.score import classify
from ..vertebrae import SCORED_LEVELS
from .description import Column, Description, Tenderness
from .exams import Exam, Reading
from .sheet import Cell, Line, Sheet
from .values import MISSING, is_missing, levels_in, number, text_of, yes_or_no

Value: TypeAlias = float | str | None
_MOST_LINES = 5


@dataclass(frozen=True)
class Patient:
    """One patient of the study.

    Attributes:
        exam: the exam that counts.
        line: number of the patient's line in the clinical table.
        values: by column: a number, a category, or None where not known.
        edema: what was seen on the exam.
        injury: edema and tenderness at that level; None where tenderness wasn't recorded.
    """

    exam: Exam
    line: int
    values: Mapping[str, Value]
    edema: Reading
    injury: Reading | None = None


def read_patients(
    pairs: Sequence[tuple[Exam, Line]], sheet: Sheet, description: Description
) -> tuple[Patient, ...]:
    """The patients of these exams and lines.

    Raises:
        UsageError: `bad_cells`; a column holds what its description doesn't allow.
    """
    lines = [line for _, line in pairs]
    values: dict[str, dict[int, Value]] = {}
    for column in (*description.columns, *description.numbers_over_time):
        values[column.name] = _read(sheet, lines, column)
    tender = _tender(sheet, lines, description.tenderness)
    return tuple(
        Patient(
            exam,
            line.number,
            {name: found[line.number] for name, found in values.items()},
            exam.reading,
            _injury(exam.reading, tender[line.number]) if tender else None,
        )
        for exam, line in pairs
    )


def _read(sheet: Sheet, lines: Iterable[Line], column: Column) -> dict[int, Value]:
    if column.kind == "continuous":
        return _cells(sheet, lines, column.name, number, "a number", column.missing)
    known = {k.casefold(): v for k, v in column.values.items()}
    known |= {category.casefold(): category for category in column.order}
    spelled: dict[str, str] = {}
    for text in sorted(text_of(line.cells[column.name]) for line in lines):
        spelled.setdefault(text.casefold(), text)

    def category(cell: Cell) -> str | None:
        text = text_of(cell).casefold()
        return known.get(text) if column.order else known.get(text, spelled[text])

    # A category may be called "unknown" or "-" where the description says so.
    named = frozenset(known) & MISSING
    what = "one of the categories in order" if column.order else "a category"
    return _cells(sheet, lines, column.name, category, what, column.missing, named)


def _cells(
    sheet: Sheet,
    lines: Iterable[Line],
    column: str,
    read: Callable[[Cell], Value],
    what: str,
    missing: frozenset[str] = frozenset(),
    named: frozenset[str] = frozenset(),
) -> dict[int, Value]:
    found: dict[int, Value] = {}
    bad = []
    for line in lines:
        cell = line.cells[column]
        empty = is_missing(cell, missing) and text_of(cell).casefold() not in named
        found[line.number] = value = None if empty else read(cell)
        if value is None and not empty:
            bad.append(line.number)
    if bad:
        raise bad_cells(sheet, column, bad, what)
    return found


def bad_cells(sheet: Sheet, column: str, lines: Sequence[int], what: str) -> UsageError:
    """The error for cells that can't be read; their lines, never what they hold."""
    told = ", ".join(map(str, lines[:_MOST_LINES]))
    more = f" and {len(lines) - _MOST_LINES} more" if len(lines) > _MOST_LINES else ""
    return UsageError(
        "bad_cells",
        f"Column '{column}' of '{sheet.name}' doesn't hold {what} in line"
        f"{'s' if len(lines) > 1 else ''} {told}{more}.",
        "Mend the cells; or name what means 'not known' with missing = [...] in the description.",
    )


def _tender(
    sheet: Sheet, lines: Sequence[Line], told: Tenderness | None
) -> dict[int, dict[str, bool | None]]:
    """By line and level: whether it is tender, None where not known."""
    if told is None:
        return {}
    found: dict[int, dict[str, bool | None]] = {line.number: {} for line in lines}
    if told.column is not None:
        bad = []
        for line in lines:
            cell = line.cells[told.column]
            levels = levels_in(cell) if cell is not None else None
            if levels is not None:
                found[line.number] = {level: level in levels for level in SCORED_LEVELS}
            elif not is_missing(cell):
                bad.append(line.number)
        if bad:
            raise bad_cells(sheet, told.column, bad, "levels such as T12-L2, or none")
    for level, column in told.levels.items():
        bad = []
        for line in lines:
            cell = line.cells[column]
            answer = found[line.number][level] = yes_or_no(cell)
            if answer is None and not is_missing(cell):
                bad.append(line.number)
        if bad:
            raise bad_cells(sheet, column, bad, "yes or no")
    return found


def _injury(edema: Reading, tender: Mapping[str, bool | None]) -> Reading:
    if edema.present is None:
        return Reading(None)
    told = [tender.get(level) for level in edema.levels]
    if None in told or (edema.present and not edema.levels):
        return Reading(None)
    levels = tuple(level for level, hurts in zip(edema.levels, told, strict=True) if hurts)
    classes = classify(levels)
    return Reading(bool(levels), classes.location, classes.severity, levels)
