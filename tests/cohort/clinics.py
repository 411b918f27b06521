"""Small scored exports and clinical tables."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fasciaseg.cohort import CohortOptions, Study, make_study
from fasciaseg.scoring.score import classify

RESULT_COLUMNS = ("exam", "study_instance_uid", "study_date", "fascia_edema", "location",
                  "severity", "levels", "confidence")  # fmt: skip


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], delimiter: str = ",") -> Path:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def exam(
    number: int, levels: str | None = "", day: dt.date | None = None, **more: object
) -> dict[str, Any]:
    """A row of results.csv; `levels` None is no answer."""
    row: dict[str, Any] = {
        "exam": f"{number:016x}",
        "study_instance_uid": f"2.25.{number}",
        "study_date": f"{day or dt.date(2024, 1, 1):%Y%m%d}",
        "confidence": 0.8,
    }
    if levels is not None:
        classes = classify(levels.split())
        row |= {
            "fascia_edema": str(classes.fascia_edema).lower(),
            "location": classes.location,
            "severity": classes.severity,
            "levels": levels,
        }
    return dict.fromkeys(RESULT_COLUMNS, "") | row | more


@dataclass
class Clinic:
    """A folder with results, a clinical table and a description."""

    folder: Path
    results: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    toml: str = '[columns.age]\nkind = "continuous"\n'

    def add(
        self, number: int, levels: str | None = "", day: dt.date | None = None, **line: object
    ) -> None:
        """An exam and its line."""
        self.results.append(exam(number, levels, day))
        self.lines.append({"uid": f"2.25.{number}", "age": 60 + number % 20, **line})

    def link(self, patients: Mapping[int, str]) -> Path:
        rows = [
            {"exam": f"{n:016x}", "study_instance_uid": f"2.25.{n}", "patient_id": p,
             "accession_number": f"A{n}", "study_date": ""}
            for n, p in patients.items()
        ]  # fmt: skip
        return write_csv(self.folder / "linkage.csv", rows)

    def files(self, delimiter: str = ",") -> tuple[Path, Path, Path]:
        """results.csv, the clinical table, columns.toml."""
        description = self.folder / "clinic.toml"
        description.write_text(self.toml, encoding="utf-8")
        return (
            write_csv(self.folder / "results.csv", self.results),
            write_csv(self.folder / "clinic.csv", self.lines, delimiter),
            description,
        )

    def study(self, delimiter: str = ",", **options: Any) -> Study:
        results, clinical, description = self.files(delimiter)
        return make_study(results, clinical, CohortOptions(columns=description, **options))

    def fates(self, **options: Any) -> dict[int, str]:
        """What became of each exam, by its number."""
        return {int(f.exam.exam, 16): f.fate.name for f in self.study(**options).fated}


def mixed(clinic: Clinic, n: int = 40) -> Clinic:
    """Patients with every answer."""
    choices: Iterable[str | None] = (
        "",
        "",
        "T12 L1",
        "L3 L4 L5",
        "T12 L1 L2 L3 L4",
        "",
        None,
        "L4",
    )
    options = list(choices)
    for number in range(n):
        levels = options[number % len(options)]
        clinic.add(
            number, levels,
            sex="fm"[number % 3 == 0],
            trauma=["none", "moderate", "severe"][(number + bool(levels)) % 3],
            vas0=7 + number % 3, vas3=2 + 2 * bool(levels) + number % 2 + number % 5 / 10,
        )  # fmt: skip
    clinic.toml = """
[columns.age]
kind = "continuous"
unit = "year"
[columns.sex]
kind = "categorical"
values = { f = "female", m = "male" }
show = "female"
[columns.trauma]
kind = "ordinal"
order = ["none", "moderate", "severe"]
[outcomes.VAS.times]
before = "vas0"
"3 days" = "vas3"
[residual_pain]
outcome = "VAS"
time = "3 days"
above = 3
adjust = ["age"]
"""
    return clinic
