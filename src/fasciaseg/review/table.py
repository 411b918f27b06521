"""The tables that a review leaves: `reviews.csv`, and columns beside those of `results.csv`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..batch.files import write_whole, writing
from ..batch.results import COLUMNS as RESULT_COLUMNS
from ..batch.results import CSV_NAME
from ..errors import UsageError
from .exams import Exam
from .length import marked_mm
from .names import slugs
from .panel import Panel, panels
from .reading import Reading
from .store import Reader, Store

NAME = "reviews.csv"
#: How far each exam's review has come, for the gallery: a page from a disk may load a script.
STATES_NAME = "reviews.js"
COLUMNS = (
    "exam", "reader", "role", "fascia_edema", "location", "severity", "n_levels", "levels",
    "length_mm", "image_quality", "numbering", "comment", "seconds", "changed_at",
)  # fmt: skip
ENDINGS = ("_fascia_edema", "_location", "_severity", "_levels")
_OF_SOFTWARE = (
    "exam", "fascia_edema", "location", "severity", "n_levels", "levels", "length_mm",
)  # fmt: skip
_FORMULA = frozenset("=+-@＝＋－＠\t\r\n")


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        readers: how many readers there are.
        signed: signed readings of all of them.
        drafts: readings that were begun and never signed; they aren't in the tables.
        settled: exams with a consensus.
        open: exams that readers differ on, without a consensus yet.
    """

    readers: int
    signed: int
    drafts: int
    settled: int
    open: int


def export(folder: Path, store: Store, exams: dict[str, Exam]) -> Exported:
    """Write `reviews.csv` and the readers' columns of `results.csv`.

    Raises:
        UsageError: there is no `results.csv`, or it is no table of a batch.
        OutputNotWritable: no space or no permission; the earlier tables are still whole.
    """
    header, software = _software(folder)
    readers, found = store.readers(), panels(store, exams)
    rows = [row for name in sorted(found) for row in _rows(folder, found[name], readers)]
    rows += [
        {**{name: row.get(name, "") for name in _OF_SOFTWARE},
         "reader": "software", "role": "software"}
        for row in software
    ]  # fmt: skip
    wide = _wide(header, software, readers, found)
    states = json.dumps({name: found[name].state for name in sorted(found)}, separators=(",", ":"))
    with writing(folder):
        write_whole(folder / NAME, _csv(COLUMNS, rows))
        write_whole(folder / CSV_NAME, wide)
        write_whole(folder / STATES_NAME, f"fasciaseg.reviewed({states});\n".encode())
    every = [r for p in found.values() for r in p.readings.values()]
    return Exported(
        readers=len(readers),
        signed=sum(r.signed for r in every),
        drafts=sum(not r.signed for r in every),
        settled=sum(p.consensus is not None for p in found.values()),
        open=sum(p.state == "disputed" for p in found.values()),
    )


def _rows(folder: Path, panel: Panel, readers: Sequence[Reader]) -> Iterable[dict[str, str]]:
    for reader in readers:
        reading = panel.signed.get(reader.number)
        if reading is not None:
            yield _row(folder, panel.exam, _cell(reader.name), "reader", reading)
    if panel.consensus is not None:
        yield _row(folder, panel.exam, "consensus", "consensus", panel.consensus)


def _row(folder: Path, exam: Exam, reader: str, role: str, reading: Reading) -> dict[str, str]:
    length = marked_mm(folder, exam, reading)
    return {
        "exam": exam.name,
        "reader": reader,
        "role": role,
        **_answer(reading),
        "n_levels": "" if reading.cant else str(len(reading.levels)),
        "length_mm": "" if length is None else f"{length:.1f}",
        "image_quality": reading.quality or "",
        "numbering": reading.numbering or "",
        "comment": _cell(reading.comment),
        "seconds": f"{reading.seconds:.1f}",
        "changed_at": reading.changed_at,
    }


def _answer(reading: Reading) -> dict[str, str]:
    """As `results.csv` says it: what isn't known is empty."""
    told = reading.classification
    found = {True: "true", False: "false", None: ""}[told.fascia_edema]
    return {
        "fascia_edema": found,
        "location": told.location or "",
        "severity": told.severity or "",
        "levels": " ".join(reading.levels),
    }


def _software(folder: Path) -> tuple[list[str], list[dict[str, str]]]:
    """The header and the rows of `results.csv` as they stand."""
    try:
        with (folder / CSV_NAME).open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            header, rows = list(table.fieldnames or ()), list(table)
    except (OSError, UnicodeError, csv.Error) as error:
        raise UsageError(
            "no_results", "results.csv can't be read.", "Run `fasciaseg batch` once more."
        ) from error
    if "exam" not in header or any(None in row for row in rows):
        raise UsageError(
            "no_results", "results.csv isn't the table of a batch.", "Run `fasciaseg batch` again."
        )
    return header, rows


def _wide(
    header: list[str],
    rows: list[dict[str, str]],
    readers: Sequence[Reader],
    found: dict[str, Panel],
) -> bytes:
    """`results.csv` with four columns a reader and four for the consensus, made anew."""
    names = [*slugs([r.name for r in readers], ENDINGS, RESULT_COLUMNS), "consensus"]
    mine = [f"{name}{ending}" for name in names for ending in ENDINGS]
    kept = [name for name in header if name not in mine]
    for row in rows:
        panel = found.get(row["exam"])
        for number, name in zip([*(r.number for r in readers), 0], names, strict=True):
            reading = None
            if panel is not None:
                reading = panel.signed.get(number) if number else panel.consensus
            told = _answer(reading) if reading is not None else {}
            row.update({f"{name}{ending}": told.get(ending[1:], "") for ending in ENDINGS})
    return _csv([*kept, *mine], rows)


def _csv(columns: Sequence[str], rows: Iterable[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "backslashreplace")


def _cell(text: str) -> str:
    """Free text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip(" ")[:1] in _FORMULA and text.strip() else text
