"""What a cell means: a number, a day, yes or no, levels of the spine."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Collection, Iterable

from ..vertebrae import LEVELS, SCORED_LEVELS
from .sheet import Cell

#: What stands in cells that hold nothing; compared without regard to case.
MISSING = frozenset(
    {"", "-", "–", "—", ".", "?", "na", "n/a", "n.a.", "nan", "missing", "unknown",
     "k.a.", "k. a.", "unbekannt", "#n/a", "#nv", "#value!", "#ref!", "#div/0!"}
)  # fmt: skip
YES = frozenset({"1", "yes", "y", "true", "x", "+", "ja", "j", "wahr", "oui", "vrai", "是", "有"})
NO = frozenset({"0", "no", "n", "false", "-", "none", "nein", "falsch", "non", "faux", "否", "无"})
_NUMBER = re.compile(r"[+\-−]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+\-−]?\d{1,3}([.,])\d{3}(\1\d{3})*([.,]\d+)?")
_LEVEL = re.compile(r"^(?:(T|TH|D|L|S)\s*)(\d{1,2})$")


def text_of(cell: Cell) -> str:
    """A cell as text, a whole number as Excel shows it: 2, not 2.0."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return cell.date().isoformat()
    return " ".join(str(cell).split())


def is_missing(cell: Cell, also: Collection[str] = ()) -> bool:
    """Whether a cell holds no value; `also`: further signs for it, such as 999."""
    if isinstance(cell, float) and not math.isfinite(cell):
        return True
    text = text_of(cell)
    return text.casefold() in MISSING or text in also


def number(cell: Cell) -> float | None:
    """The number in a cell; a comma is a decimal comma unless a point follows. None: no number.

    `1.234,5` and `1,234.5` are both 1234.5; `0,912` is 0.912.
    """
    if isinstance(cell, bool):
        return float(cell)
    if isinstance(cell, (int, float)):
        return float(cell) if math.isfinite(cell) else None
    if not isinstance(cell, str):
        return None
    text = re.sub(r"[\s\u00a0\u202f']", "", cell).replace("−", "-").removeprefix("+")
    if not _NUMBER.fullmatch(text):
        marks = re.sub(r"[^.,]", "", text)
        # A single kind of mark is grouping only where it stands several times.
        if not _THOUSANDS.fullmatch(text) or len(marks) < 2:
            return None
        decimal = marks[-1] if marks[-1] != marks[0] else None
        grouping = marks[0]
        text = text.replace(grouping, "")
        text = text.replace(decimal, ".") if decimal else text
    value = float(text.replace(",", "."))
    return value if math.isfinite(value) else None


def yes_or_no(cell: Cell) -> bool | None:
    """Whether a cell says yes; None where it says neither."""
    text = text_of(cell).casefold()
    if text in YES:
        return True
    return False if text in NO else None


def levels_in(cell: Cell) -> tuple[str, ...] | None:
    """Levels named in a cell, head to foot: `T12-L2, L4`; `none` or `0` is none; None: unclear.

    Th12 and D12 are T12; of a name outside T5 to L5 only the place in a range counts.
    """
    text = text_of(cell).upper().replace("–", "-").replace("—", "-")
    if text.casefold() in NO:
        return ()
    found: set[str] = set()
    text = re.sub(r"\s*-\s*", "-", text)
    for part in re.split(r"[\s,;/+]+", text):
        if not part:
            continue
        ends = [_level(end) for end in part.split("-")]
        if len(ends) > 2 or None in ends:
            return None
        places = [LEVELS.index(end) for end in ends if end is not None]
        found |= set(LEVELS[min(places) : max(places) + 1])
    return tuple(level for level in SCORED_LEVELS if level in found) if text else None


def _level(text: str) -> str | None:
    match = _LEVEL.match(text)
    if match is None:
        return None
    name = f"{match[1] if match[1] in 'LS' else 'T'}{int(match[2])}"
    return name if name in LEVELS else None


def days(cells: Iterable[Cell], pattern: str | None = None) -> list[dt.date | None] | None:
    """The days of a column, None for what is no date; None for all where the order is unclear.

    Args:
        cells: one column.
        pattern: strptime pattern for text; without it ISO, `20240131`, `31.01.2024`, and with
            slashes whichever of day and month fits the whole column.
    """
    told = list(cells)
    slashes = [m for c in told if isinstance(c, str) and (m := _SLASHES.match(c.strip()))]
    first, second = (any(int(m[i]) > 12 for m in slashes) for i in (1, 2))
    if pattern is None and slashes:
        if first == second:
            return None
        pattern_slash = "%d/%m/%Y" if first else "%m/%d/%Y"
    else:
        pattern_slash = ""
    return [_day(cell, pattern, pattern_slash) for cell in told]


_SLASHES = re.compile(r"(\d{1,2})/(\d{1,2})/\d{4}")
_FORMATS = ("%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%y")


def _day(cell: Cell, pattern: str | None, slashes: str) -> dt.date | None:
    if isinstance(cell, dt.datetime):
        return cell.date()
    if isinstance(cell, dt.date):
        return cell
    text = text_of(cell)
    formats = (pattern,) if pattern else (*_FORMATS, slashes) if slashes else _FORMATS
    for one in formats:
        for part in (text, text.replace("T", " ").split(" ")[0]):
            try:
                return dt.datetime.strptime(part, one).date()
            except ValueError:
                continue
    return None
