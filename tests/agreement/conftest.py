"""Tables of reviews, made from a few words."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from fasciaseg.agreement import Agreement, AgreeOptions, computed
from fasciaseg.agreement.estimate import Estimate
from fasciaseg.review.table import COLUMNS
from fasciaseg.scoring.score import classify

NO_ANSWER = "?"


def row(exam: str, reader: str, levels: str, **more: object) -> dict[str, Any]:
    """A row as `fasciaseg review --export` writes it; `levels` may be `?`."""
    role = reader if reader in ("consensus", "software") else "reader"
    told: dict[str, Any] = {"exam": exam, "reader": reader, "role": role}
    if levels != NO_ANSWER:
        names = levels.split()
        classes = classify(tuple(names))
        told |= {
            "fascia_edema": str(classes.fascia_edema).lower(),
            "location": classes.location,
            "severity": classes.severity,
            "n_levels": len(names),
            "levels": levels,
        }
    return told | more


def write(folder: Path, rows: Iterable[dict[str, Any]]) -> Path:
    """`reviews.csv` in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "reviews.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def read_by(reader: str, answers: Sequence[str], **more: object) -> list[dict[str, Any]]:
    """A reader's rows: the answers to exams e00, e01, …; None for an exam not rated."""
    return [
        row(f"e{i:02d}", reader, levels, **more)
        for i, levels in enumerate(answers)
        if levels is not None
    ]


def batch(folder: Path, exams: Iterable[str], in_view: Sequence[str]) -> None:
    """`results.jsonl` with T12 at z = 0 mm and 30 mm from body to body, down to L5."""
    folder.mkdir(parents=True, exist_ok=True)
    bodies = [
        {"level": level, "center_lps_mm": [0.0, 0.0, -30.0 * i], "confidence": 1.0}
        for i, level in enumerate(("T12", "L1", "L2", "L3", "L4", "L5"))
    ]
    lines = [
        {
            "exam": exam,
            "vertebrae": bodies,
            "levels_in_view": list(in_view),
            "classification": {"fascia_edema": False, "location": "none", "severity": "none"},
            "edema": {"levels": [], "n_levels": 0, "length_mm": 0.0},
        }
        for exam in exams
    ]
    (folder / "results.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def estimate(
    found: Agreement,
    question: str,
    statistic: str,
    subset: str = "all",
    numbering: str = "as_named",
    place: int = 0,
) -> Estimate:
    """One number of the pair at `place`."""
    comparison = [c for c in found.comparisons if c.numbering == numbering][place]
    wanted = (question, statistic, subset)
    (only,) = (e for e in comparison.estimates if (e.question, e.statistic, e.subset) == wanted)
    return only


def compared(folder: Path, rows: Iterable[dict[str, Any]], **options: Any) -> Agreement:
    """The numbers of a table."""
    write(folder, rows)
    return computed(folder, AgreeOptions(resamples=200, **options))
