"""The tables of a batch: `results.jsonl` as exams end, `results.csv`, `failures.csv` at the end.

The exams' own `result.json` and the ledger are what counts; everything here can be made again
from them, and is, after whatever ended a run.
"""

from __future__ import annotations

import csv
import errno
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..vertebrae import SCORED_LEVELS
from .files import write_whole
from .ledger import Entry
from .lines import line

JSONL_NAME = "results.jsonl"
CSV_NAME = "results.csv"
FAILURES_NAME = "failures.csv"
REVIEW_NAME = "review.csv"
MANIFEST_NAME = "manifest.json"
EXAMS_NAME = "exams"
RESULT_NAME = "result.json"

_PER_LEVEL = ("involved", "coverage", "length_mm", "area_mm2", "contrast")
COLUMNS: tuple[str, ...] = (
    "exam", "study_instance_uid", "input", "study_date", "sequence", "contrast_given",
    "fascia_edema", "location", "severity", "n_levels", "levels", "length_mm", "area_mm2",
    "depth_subcutaneous", "depth_fascial", "depth_muscle", "levels_in_view",
    *(f"{level}_{name}" for level in SCORED_LEVELS for name in _PER_LEVEL),
    "confidence", "marrow_edema_levels", "height_loss_levels",
    "flags", "anchor_kind", "anchor_confidence", "n_vertebrae",
    "threshold_low", "threshold_source", "rule", "version", "model", "model_sha256",
)  # fmt: skip
REVIEW_COLUMNS = (
    "confidence", "exam", "input", "study_instance_uid", "fascia_edema", "location", "severity",
    "levels", "reasons", "flags",
)  # fmt: skip
FAILURE_COLUMNS = ("input", "study_instance_uid", "kind", "code", "reason", "action")


def is_there(out: Path, entry: Entry) -> bool:
    """Whether a scored exam's `result.json` stands in its place, as long as it was."""
    try:
        return _result_file(out, entry.exam).stat().st_size == entry.n_bytes
    except OSError:
        return False


def append(out: Path, exam_line: bytes) -> None:
    """Add an exam to `results.jsonl`, whole: a line that doesn't fit on the disk is taken back.

    Raises:
        OSError: it can't be written.
    """
    with (out / JSONL_NAME).open("ab", buffering=0) as file:
        before = file.seek(0, os.SEEK_END)
        try:
            if file.write(exam_line) != len(exam_line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file.fileno())
        except BaseException:
            with suppress(OSError):
                file.truncate(before)
            raise


def settle(out: Path, scored: Sequence[Entry]) -> frozenset[str]:
    """Make `results.jsonl` hold each of these exams once and nothing else, in its order.

    What a run that was killed left out is taken from the exam's `result.json`; a torn last line,
    exams that count no longer and repetitions go.

    Returns:
        Exams whose `result.json` is damaged: they aren't in `results.jsonl` and must be read
        again.

    Raises:
        OSError: it can't be written.
    """
    wanted = {entry.exam for entry in scored}
    kept: dict[str, bytes] = {}
    clean = True
    for raw, told in _lines(out):
        exam = told.get("exam") if told is not None else None
        if isinstance(exam, str) and exam in wanted and exam not in kept:
            kept[exam] = raw
        else:
            clean = False
    missing = [entry.exam for entry in scored if entry.exam not in kept]
    damaged = set()
    for exam in missing:
        try:
            kept[exam] = line(exam, json.loads(_result_file(out, exam).read_bytes()))
        except (OSError, ValueError, TypeError):
            damaged.add(exam)
    if missing or not clean:
        write_whole(out / JSONL_NAME, b"".join(kept.values()))
    return frozenset(damaged)


def results(out: Path) -> Iterator[dict[str, Any]]:
    """The objects of `results.jsonl`, whole lines only."""
    return (told for _, told in _lines(out) if told is not None)


def _lines(out: Path) -> Iterator[tuple[bytes, dict[str, Any] | None]]:
    """The lines of `results.jsonl` with what they hold, None for a torn one."""
    try:
        file = (out / JSONL_NAME).open("rb")
    except FileNotFoundError:
        return
    with file:
        for raw in file:
            told = None
            if raw.endswith(b"\n"):
                with suppress(ValueError):
                    told = json.loads(raw)
            yield raw, told if isinstance(told, dict) else None


def flat(result: dict[str, Any]) -> dict[str, Any]:
    """One row of `results.csv`. What isn't known is empty, never 0 or 'none'."""
    edema, classes = result["edema"], result["classification"]
    depth = edema["depth"] or {}
    threshold, software = edema["threshold"], result["software"]
    codes = [f["code"] for f in result["flags"]]
    answered = classes["fascia_edema"] is not None
    row = {
        "exam": result["exam"],
        "study_instance_uid": result["study"]["study_instance_uid"],
        "input": result["input"],
        "study_date": result["study"].get("study_date"),
        "sequence": result["series"]["edema"]["sequence"],
        "contrast_given": "contrast_given" in codes,
        "fascia_edema": classes["fascia_edema"],
        "location": classes["location"],
        "severity": classes["severity"],
        "n_levels": edema["n_levels"] if answered else None,
        "levels": " ".join(edema["levels"]),
        "length_mm": edema["length_mm"] if answered else None,
        "area_mm2": edema["area_mm2"] if answered else None,
        **{f"depth_{name}": depth.get(name) for name in ("subcutaneous", "fascial", "muscle")},
        "levels_in_view": " ".join(result["levels_in_view"]),
        **_sureness(result),
        **_fractures(result),
        "flags": " ".join(codes),
        "anchor_kind": result["anchor"]["kind"],
        "anchor_confidence": result["anchor"]["confidence"],
        "n_vertebrae": len(result["vertebrae"]),
        "threshold_low": threshold.get("low"),
        "threshold_source": threshold.get("source"),
        "rule": edema["rule"],
        "version": software["version"],
        "model": software["model"],
        "model_sha256": software["model_sha256"],
    }
    for told in edema["per_level"]:
        row |= {f"{told['level']}_{name}": told[name] for name in _PER_LEVEL}
    return row


def _sureness(result: dict[str, Any]) -> dict[str, Any]:
    """Empty for results of versions that didn't know it."""
    told = result.get("confidence") or {}
    return {"confidence": told.get("value"), "reasons": "; ".join(told.get("reasons", ()))}


def _fractures(result: dict[str, Any]) -> dict[str, str]:
    """Levels whose marrow holds edema, and those that lost a quarter of their height or more."""
    bodies = result.get("fractures", ())
    wet = [b["level"] for b in bodies if b["marrow_edema"]["present"]]
    low = [b["level"] for b in bodies if b["degree"] not in (None, "<25")]
    return {"marrow_edema_levels": " ".join(wet), "height_loss_levels": " ".join(low)}


def write_review(out: Path, rows: Iterable[dict[str, Any]], below: float) -> int:
    """Write `review.csv`: exams less sure than `below`, the least sure first; their number.

    Raises:
        OSError: it can't be written.
    """
    doubtful = [r for r in rows if r["confidence"] is not None and r["confidence"] < below]
    doubtful.sort(key=lambda r: (r["confidence"], r["input"], r["exam"]))
    picked = [{name: row.get(name) for name in REVIEW_COLUMNS} for row in doubtful]
    write_whole(out / REVIEW_NAME, _csv(REVIEW_COLUMNS, picked))
    return len(doubtful)


def write_csv(out: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write `results.csv`, in the order of the export.

    Raises:
        OSError: it can't be written.
    """
    ordered = sorted(rows, key=lambda r: (r["input"], r["study_instance_uid"], r["exam"]))
    kept = ({name: row.get(name) for name in COLUMNS} for row in ordered)
    write_whole(out / CSV_NAME, _csv(COLUMNS, kept))


def write_failures(out: Path, entries: Iterable[Entry]) -> None:
    """Write `failures.csv`: what failed, what was skipped, why, and what to do.

    Raises:
        OSError: it can't be written.
    """
    ordered = sorted(entries, key=lambda e: (e.kind, e.input, e.study_instance_uid, e.exam))
    rows = ({name: getattr(e, name) for name in FAILURE_COLUMNS} for e in ordered)
    write_whole(out / FAILURES_NAME, _csv(FAILURE_COLUMNS, rows))


def write_manifest(out: Path, manifest: dict[str, Any]) -> None:
    """Write `manifest.json`.

    Raises:
        OSError: it can't be written.
    """
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    write_whole(out / MANIFEST_NAME, f"{text}\n".encode("utf-8", "backslashreplace"))


def _csv(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue().encode("utf-8", "backslashreplace")


_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"  # a spreadsheet would run it
    return "" if value is None else value


def _result_file(out: Path, exam: str) -> Path:
    return out / EXAMS_NAME / exam / RESULT_NAME
