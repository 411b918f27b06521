"""A first description of a clinical table, guessed from what its columns hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .description import Description
from .sheet import Sheet
from .values import days, is_missing, number, text_of

#: Numbers with at most so many different values are categories, written as text even fewer words.
_FEW, _MOST_WORDS = 5, 12
_TIME = re.compile(
    r"^(?P<stem>.+?)[\s_.-]*(?P<time>pre(?:op\w*)?|vor|before|baseline|admission|discharge|post\w*|"
    r"last(?:[\s_]*follow[\s_-]*up)?|fu\d*|t\d+|\d+\s*(?:d|day|days|w|wk|weeks?|m|mo|months?|y|yr|"
    r"years?)\w*)$",
    re.IGNORECASE,
)
_PRIVATE = re.compile(r"name|birth|geburt|address|phone|mail|\bid\b|_id$|mrn|uid|accession", re.I)


def guess(sheet: Sheet, key: str) -> tuple[str, Description]:
    """The text of a `columns.toml`, and what it says.

    Columns of names, dates and other things that differ from line to line are left out.
    """
    import tempfile
    from pathlib import Path

    from .describe import read_description

    text = "\n".join(_lines(sheet, key)) + "\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "columns.toml"
        path.write_text(text, encoding="utf-8")
        return text, read_description(path, sheet)


def _lines(sheet: Sheet, key: str) -> Iterator[str]:
    yield "# Guessed from the table. Check every line; docs/cohort.md says what can stand here."
    yield f"key = {_quoted(key)}"
    kinds = {c: k for c in sheet.columns if c != key and (k := _kind(sheet, c)) is not None}
    series = _series([c for c, kind in kinds.items() if kind == "continuous"])
    timed = {column for columns in series.values() for _, column in columns}
    dates = [c for c in sheet.columns if c not in kinds and _is_date(sheet, c)]
    yield ""
    yield "# [exam]"
    yield f"# index_date = {_quoted(dates[0] if dates else 'day of the operation')}"
    for column, kind in kinds.items():
        if column in timed:
            continue
        yield ""
        yield f"[columns.{_quoted(column)}]"
        yield f'kind = "{kind}"'
    for stem, columns in series.items():
        yield ""
        yield f"[outcomes.{_quoted(stem)}.times]"
        for time, column in columns:
            yield f"{_quoted(time)} = {_quoted(column)}"


def _kind(sheet: Sheet, column: str) -> str | None:
    if column in sheet.twice or _PRIVATE.search(column):
        return None
    cells = [c for line in sheet.lines if not is_missing(c := line.cells[column])]
    if not cells or _is_date(sheet, column):
        return None
    different = {text_of(cell).casefold() for cell in cells}
    if all(number(cell) is not None and not isinstance(cell, bool) for cell in cells):
        return "categorical" if len(different) <= min(_FEW, 2 + len(cells) // 20) else "continuous"
    few = len(different) <= _MOST_WORDS and 2 * len(different) <= max(len(cells), 4)
    return "categorical" if few else None


def _is_date(sheet: Sheet, column: str) -> bool:
    cells = [c for line in sheet.lines if not is_missing(c := line.cells[column])]
    found = days(cells)
    plain = all(number(cell) is not None for cell in cells)
    if plain and not all(re.fullmatch(r"(19|20)\d{6}", text_of(cell)) for cell in cells):
        return False
    return bool(cells) and (found is None or all(day is not None for day in found))


def _series(columns: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """Columns that differ in a time at their end only, by what they have in common."""
    found: dict[str, list[tuple[str, str]]] = {}
    for column in columns:
        if match := _TIME.match(column):
            found.setdefault(match["stem"], []).append((match["time"], column))
    return {
        stem: told
        for stem, told in found.items()
        if len(told) > 1 and len({time for time, _ in told}) == len(told)
    }


def _quoted(text: str) -> str:
    """A basic string of TOML."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in plain) + '"'
