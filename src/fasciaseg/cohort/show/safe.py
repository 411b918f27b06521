"""Text from a clinic, made harmless for whoever opens the files."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Iterable, Mapping, Sequence

from .table import Number

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_bytes(columns: Sequence[str], rows: Iterable[Mapping[str, Number]]) -> bytes:
    """A CSV file in UTF-8 with a mark, by which Excel knows it; no cell of it is a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_cell(c) for c in columns])
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in columns])
    return text.getvalue().encode("utf-8-sig", "backslashreplace")


def _cell(value: Number) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"  # a spreadsheet would run it
    return "" if value is None else str(value)


def escaped(text: str) -> str:
    """For HTML."""
    return html.escape(printable(text))


def markdown(text: str) -> str:
    """For a cell of a Markdown table: nothing in it is a sign of Markdown or HTML."""
    for sign in "\\`*_[]|~":
        text = text.replace(sign, f"\\{sign}")
    return printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def printable(text: str) -> str:
    """Without the signs that XML can't hold, on one line."""
    return "".join(c if c.isprintable() or c == "\u00a0" else " " for c in text)
