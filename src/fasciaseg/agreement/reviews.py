"""The table of reviews, `reviews.csv`: one row an exam and rater.

The one place that knows the table's columns. Sources: `fasciaseg review --export`.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..anatomy.anchor import parse
from ..errors import UsageError
from ..result import Location, Severity
from ..review.reading import QUALITIES, shift
from ..scoring.score import classify
from ..vertebrae import SCORED_LEVELS, Vertebra
from .ratings import ROLES, Rater, Rating

NAME = "reviews.csv"
NEEDED = ("exam", "reader", "role", "fascia_edema", "levels")
LOCATIONS: tuple[Location, ...] = ("none", "thoracic", "thoracolumbar", "lower_lumbar", "both")
SEVERITIES: tuple[Severity, ...] = ("none", "non_severe", "severe")

_TRUTH = {"true": True, "false": False, "": None}


def read_reviews(
    path: Path, bodies: Mapping[str, Sequence[Vertebra]]
) -> dict[Rater, dict[str, Rating]]:
    """Everyone's ratings.

    Args:
        path: the table.
        bodies: {exam: the vertebrae that the software found}; without them a reader's
            numbering can't be compared with another one.

    Raises:
        UsageError: `bad_reviews`, it can't be read or a line of it makes no sense.
    """
    found: dict[Rater, dict[str, Rating]] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            missing = [name for name in NEEDED if name not in (rows.fieldnames or ())]
            if missing:
                raise _bad(f"Its first line lacks the columns {', '.join(missing)}.")
            for row in rows:
                cells = {k: (v or "").strip() for k, v in row.items() if k and isinstance(v, str)}
                if not any(cells.values()):
                    continue
                try:
                    rater, exam = _rater(cells), _exam(cells)
                    rating = _rating(cells, bodies.get(exam))
                except ValueError as error:
                    raise _bad(f"Line {rows.line_num}: {error}") from error
                except UsageError as error:
                    raise _bad(f"Line {rows.line_num}: {error}") from error
                if found.setdefault(rater, {}).setdefault(exam, rating) is not rating:
                    raise _bad(f"Line {rows.line_num}: {rater.label} rates an exam a second time.")
    except (OSError, UnicodeError, csv.Error) as error:
        raise _bad("It must be a CSV file in UTF-8.") from error
    if not found:
        raise _bad("It holds no ratings.", "Review some exams and export again.")
    return found


def _rater(cells: Mapping[str, str]) -> Rater:
    role = next((r for r in ROLES if r == cells["role"]), None)
    if role is None:
        raise ValueError(f"role must be {', '.join(ROLES)}.")
    if role != "reader":
        return Rater(role)
    if not cells["reader"]:
        raise ValueError("the reader's name is missing.")
    return Rater(role, cells["reader"])


def _exam(cells: Mapping[str, str]) -> str:
    if not cells["exam"]:
        raise ValueError("the exam is missing.")
    return cells["exam"]


def _rating(cells: Mapping[str, str], bodies: Sequence[Vertebra] | None) -> Rating:
    edema = cells["fascia_edema"].lower()
    if edema not in _TRUTH:
        raise ValueError("fascia_edema must be true, false or empty.")
    answer = _TRUTH[edema]
    quality, seconds = _one_of(cells, "image_quality", QUALITIES), _number(cells, "seconds")
    numbering = cells.get("numbering") or None
    if numbering is not None:
        parse(numbering)  # whoever wrote nonsense hears of it
    # Without the vertebrae nobody knows what a height means.
    by = None if numbering is not None and bodies is None else shift(numbering, bodies or ())
    if answer is None:
        return Rating(None, quality=quality, shift=by, seconds=seconds)
    levels = frozenset(cells["levels"].split())
    if not levels <= set(SCORED_LEVELS):
        raise ValueError("levels must be names from T5 to L5, separated by blanks.")
    if levels and not answer:
        raise ValueError("fascia_edema is false, but levels are marked.")
    told = classify(tuple(levels))
    n_levels = _number(cells, "n_levels")
    if n_levels is None:
        n_levels = len(levels)
    if n_levels not in range(len(SCORED_LEVELS) + 1) or (levels and n_levels != len(levels)):
        raise ValueError("n_levels must be the number of levels.")
    return Rating(
        fascia_edema=answer,
        location=_grouped(_one_of(cells, "location", LOCATIONS) or told.location, answer),
        severity=_grouped(_one_of(cells, "severity", SEVERITIES) or told.severity, answer),
        n_levels=int(n_levels),
        levels=levels,
        length_mm=_number(cells, "length_mm"),
        quality=quality,
        shift=by,
        seconds=seconds,
    )


def _grouped(group: str | None, edema: bool) -> str | None:
    """Edema without an involved level belongs to no group."""
    return None if edema and group == "none" else group


def _one_of(cells: Mapping[str, str], column: str, known: tuple[str, ...]) -> str | None:
    value = cells.get(column, "")
    if value and value not in known:
        raise ValueError(f"{column} must be one of {', '.join(known)}, or empty.")
    return value or None


def _number(cells: Mapping[str, str], column: str) -> float | None:
    text = cells.get(column, "")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{column} must be a number or empty.") from None
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{column} must be a number of at least 0, or empty.")
    return value


def _bad(reason: str, action: str = "Mend the file.") -> UsageError:
    return UsageError("bad_reviews", f"The table of reviews can't be used. {reason}", action)
