"""A table as a clinic keeps it: CSV of any dialect, or Excel. Cells stay as they are."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ..errors import UnreadableInput, UsageError

Cell: TypeAlias = str | int | float | bool | dt.datetime | dt.date | dt.time | None
_EXCEL = (".xlsx", ".xlsm")
_DELIMITERS = ";,\t"


@dataclass(frozen=True)
class Line:
    """One line of a table, numbered as a spreadsheet numbers it."""

    number: int
    cells: dict[str, Cell]


@dataclass(frozen=True)
class Sheet:
    """A table with a line of headings.

    Attributes:
        name: of the file; for messages.
        columns: headings, left to right; a heading that stands twice is in `twice` too.
        lines: those with anything in them.
        twice: headings that several columns have.
    """

    name: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    twice: frozenset[str] = frozenset()

    def find(self, column: str) -> str | None:
        """The heading that is meant: as it stands, else whatever the case of its letters."""
        wanted = _heading(column)
        if wanted in self.columns:
            return wanted
        alike = [c for c in self.columns if c.casefold() == wanted.casefold()]
        return alike[0] if len(alike) == 1 else None


def read_sheet(path: Path, sheet: str | None = None) -> Sheet:
    """Read a CSV file (`,` `;` or tab; UTF-8, UTF-16 or Windows-1252) or an Excel workbook.

    The headings are the first line with at least two cells in it.

    Args:
        path: the file.
        sheet: which sheet of a workbook; None takes the first one that holds anything.

    Raises:
        UnreadableInput: there is no such file, or it isn't such a table.
        UsageError: the workbook has no such sheet.
    """
    if path.is_dir() or not path.exists():
        raise UnreadableInput(
            "no_table", f"There is no file '{path}'.", "Name a CSV file or an Excel workbook."
        )
    if path.suffix.lower() == ".xls":
        raise UnreadableInput(
            "old_excel", f"'{path.name}' is an Excel file of the old kind.", "Save it as .xlsx."
        )
    try:
        rows = _excel(path, sheet) if path.suffix.lower() in _EXCEL else _csv(path)
        return _table(path.name, rows)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise UnreadableInput(
            "table_unreadable", f"'{path.name}' can't be read: {why}.", "Check the file."
        ) from error


def _table(name: str, rows: Iterable[tuple[int, Sequence[Cell]]]) -> Sheet:
    filled = [(n, row) for n, row in rows if any(cell is not None for cell in row)]
    at = next((i for i, (_, r) in enumerate(filled) if sum(c is not None for c in r) > 1), None)
    if at is None:
        raise UnreadableInput(
            "empty_table",
            f"'{name}' holds no table.",
            "Its first line must name the columns, at least two.",
        )
    headings = [_heading(str(cell)) if cell is not None else "" for cell in filled[at][1]]
    named = [h for h in headings if h]
    lines = []
    for number, row in filled[at + 1 :]:
        cells: dict[str, Cell] = dict.fromkeys(named)
        for heading, cell in zip(headings, row, strict=False):
            if heading and cells[heading] is None:
                cells[heading] = cell
        if any(cell is not None for cell in cells.values()):
            lines.append(Line(number, cells))
    twice = frozenset(h for h in named if named.count(h) > 1)
    return Sheet(name, tuple(dict.fromkeys(named)), tuple(lines), twice)


def _heading(text: str) -> str:
    return " ".join(text.split())


def _csv(path: Path) -> Iterator[tuple[int, list[Cell]]]:
    text = _text(path.read_bytes())
    if "\0" in text:
        raise UnreadableInput(
            "not_a_table", f"'{path.name}' is neither CSV nor Excel.", "Export it as CSV."
        )
    head = next((line for line in text.splitlines() if any(d in line for d in _DELIMITERS)), "")
    if head.lower().startswith("sep=") and len(head) == 5:  # Excel's own hint
        delimiter, text = head[4], text.split("\n", 1)[1]
        skipped = 1
    else:
        counts = {d: len(next(csv.reader([head], delimiter=d))) for d in _DELIMITERS}
        delimiter, skipped = max(counts, key=lambda d: counts[d]), 0
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in rows:
            yield rows.line_num + skipped, [cell.strip() or None for cell in row]
    except csv.Error as error:
        raise UnreadableInput(
            "not_a_table", f"'{path.name}' isn't a CSV table: {error}.", "Export it again."
        ) from error


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _excel(path: Path, wanted: str | None) -> Iterator[tuple[int, list[Cell]]]:
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError, InvalidFileException) as error:
        raise UnreadableInput(
            "not_a_workbook",
            f"'{path.name}' can't be opened as an Excel workbook.",
            "If it has a password, save it without one; or save the sheet as CSV.",
        ) from error
    try:
        if wanted is not None and wanted not in book.sheetnames:
            raise UsageError(
                "no_such_sheet",
                f"'{path.name}' has no sheet '{wanted}'.",
                f"It has: {', '.join(book.sheetnames)}.",
            )
        names = [wanted] if wanted is not None else book.sheetnames
        for name in names:
            sheet = book[name]
            if not hasattr(sheet, "iter_rows"):
                continue  # a sheet that is a chart
            rows = [[_plain(v) for v in row] for row in sheet.iter_rows(values_only=True)]
            if any(cell is not None for row in rows for cell in row):
                yield from enumerate(rows, 1)
                return
    finally:
        book.close()


def _plain(value: object) -> Cell:
    if isinstance(value, str):
        return value.strip() or None
    if value is None or isinstance(value, (bool, int, float, dt.datetime, dt.date, dt.time)):
        return value
    return str(value)
