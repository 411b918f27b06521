"""What a batch says of itself at its end: how it stands, how it ran, how long it took."""

from __future__ import annotations

import platform
import statistics
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from ..version import __version__
from .options import RunOptions
from .task import peak_memory_mb

SCHEMA = "fasciaseg.batch/1"

State: TypeAlias = Literal["finished", "stopped", "interrupted"]


@dataclass(frozen=True)
class Summary:
    """How a batch stands at its end.

    Attributes:
        exams: exams of the export that were wanted.
        scored, skipped, failed: how many of them ended so, in this run or an earlier one.
        read: how many were tried in this run.
        kept: scored exams of earlier runs that are no longer in the export.
        seconds: the run took.
    """

    exams: int
    scored: int
    skipped: int
    failed: int
    read: int
    kept: int
    seconds: float

    @property
    def left(self) -> int:
        """Exams that no run has tried yet."""
        return self.exams - self.scored - self.skipped - self.failed

    @property
    def exit_code(self) -> int:
        """0 all scored or skipped, 5 some failed, 3 none scored."""
        if not self.scored:
            return 3
        return 5 if self.failed else 0


@dataclass(eq=False)
class Clock:
    """Time and memory of a run.

    Attributes:
        started, begin: when it began, by the calendar and by the clock.
        scan_s, read_s: spent on scanning and on reading.
        seconds: of each exam that was read.
        peak_mb: the most memory that any worker had.
    """

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    begin: float = field(default_factory=time.perf_counter)
    scan_s: float = 0.0
    read_s: float = 0.0
    seconds: list[float] = field(default_factory=list)
    peak_mb: float = 0.0


def manifest(
    summary: Summary,
    state: State,
    clock: Clock,
    options: RunOptions,
    model: tuple[str, str],
) -> dict[str, Any]:
    """`manifest.json`; `model` is the model file's name and its SHA-256."""
    model_name, model_sha256 = model
    seconds = clock.seconds
    return {
        "schema": SCHEMA,
        "state": state,
        "software": {
            "version": __version__,
            "model": model_name,
            "model_sha256": model_sha256,
            "python": platform.python_version(),
            "options": options.reading.deciding(),
        },
        "run": {
            "jobs": options.processes if options.scheduler is None else None,
            "scheduler": options.scheduler is not None,
            "timeout_s": options.timeout_s,
            "limit": options.limit,
            "n_include": len(options.include),
            "n_exclude": len(options.exclude),
            "n_anchors": len(options.anchors),
            "fail_fast": options.fail_fast,
            "force": options.force,
            "pictures": options.pictures,
            "save_mask": options.save_mask,
            "study_date": options.reading.study_date,
        },
        "counts": {
            "exams": summary.exams,
            "scored": summary.scored,
            "skipped": summary.skipped,
            "failed": summary.failed,
            "left": summary.left,
            "read_in_this_run": summary.read,
            "no_longer_in_export": summary.kept,
        },
        "timings": {
            "started": clock.started.isoformat(timespec="seconds"),
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            "scan_s": round(clock.scan_s, 2),
            "read_s": round(clock.read_s, 2),
            "exams_per_s": round(len(seconds) / clock.read_s, 2) if clock.read_s else 0.0,
            "median_exam_s": round(statistics.median(seconds), 2) if seconds else 0.0,
            "longest_exam_s": round(max(seconds, default=0.0), 2),
        },
        "memory": {
            "worker_peak_mb": round(clock.peak_mb),
            "parent_peak_mb": round(peak_memory_mb()),
        },
    }
