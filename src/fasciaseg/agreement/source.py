"""What `fasciaseg agree` is pointed at: a batch's folder, or a table of reviews by itself."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..batch.results import JSONL_NAME, results
from ..errors import UsageError
from ..vertebrae import LEVELS, Vertebra
from .ratings import Rater, Rating, Ratings
from .reviews import NAME, read_reviews

_LINKAGE_COLUMNS = {"exam", "patient_id"}


def load(source: Path, linkage: Path | None) -> Ratings:
    """Everyone's ratings, with what the batch's own results and the linkage file add.

    Raises:
        UsageError: `no_reviews`, `bad_reviews`, `bad_linkage`.
    """
    folder = source if source.is_dir() else source.parent
    table = source / NAME if source.is_dir() else source
    if not table.is_file():
        raise UsageError(
            "no_reviews",
            f"There is no {NAME} in '{source}'." if source.is_dir() else f"No file '{source}'.",
            "Make it with fasciaseg review DIR --export.",
        )
    read = _read(folder)
    of = read_reviews(table, {exam: _bodies(told) for exam, told in read.items()})
    rated = {exam for ratings in of.values() for exam in ratings}
    read = {exam: told for exam, told in read.items() if exam in rated}
    software = Rater("software")
    if software not in of and read:
        of[software] = {exam: _by_software(told) for exam, told in read.items()}
    return Ratings(
        of,
        {exam: frozenset(told["levels_in_view"]) for exam, told in read.items()},
        _patients(linkage) if linkage is not None else {},
        linkage is not None,
    )


def _read(folder: Path) -> dict[str, dict[str, Any]]:
    """The batch's own results by exam; none where the table stands alone.

    Raises:
        UsageError: `bad_results`, a line of them isn't a result.
    """
    try:
        found = {}
        for told in results(folder):
            _bodies(told), _by_software(told), frozenset(told["levels_in_view"])
            found[str(told["exam"])] = told
    except (OSError, LookupError, TypeError, ValueError) as error:
        raise UsageError(
            "bad_results",
            f"The {JSONL_NAME} beside the table can't be used.",
            "Run fasciaseg batch once more, or copy the table elsewhere.",
        ) from error
    return found


def _bodies(told: Mapping[str, Any]) -> tuple[Vertebra, ...]:
    return tuple(
        Vertebra(v["level"], tuple(v["center_lps_mm"]), v["confidence"])
        for v in told.get("vertebrae", ())
        if v["level"] in LEVELS
    )


def _by_software(told: Mapping[str, Any]) -> Rating:
    """The software's answers where the table doesn't hold them."""
    classes, edema = told["classification"], told["edema"]
    if classes["fascia_edema"] is None:
        return Rating(None)
    return Rating(
        fascia_edema=classes["fascia_edema"],
        location=classes["location"],
        severity=classes["severity"],
        n_levels=edema["n_levels"],
        levels=frozenset(edema["levels"]),
        length_mm=edema["length_mm"],
    )


def _patients(linkage: Path) -> dict[str, str]:
    """{exam: patient} from a table as `batch --linkage` writes it."""
    try:
        with linkage.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if not set(rows.fieldnames or ()) >= _LINKAGE_COLUMNS:
                raise _bad_linkage("Its first line must name the columns exam and patient_id.")
            return {
                exam: patient
                for row in rows
                if (exam := (row["exam"] or "").strip())
                and (patient := (row["patient_id"] or "").strip())
            }
    except (OSError, UnicodeError, csv.Error) as error:
        raise _bad_linkage("It must be a CSV file in UTF-8.") from error


def _bad_linkage(reason: str) -> UsageError:
    return UsageError(
        "bad_linkage",
        f"The table of --linkage can't be used. {reason}",
        "Give the file that fasciaseg batch --linkage wrote.",
    )
