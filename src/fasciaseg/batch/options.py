"""What a user can set about a batch."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UsageError
from ..options import Options
from .anchors import Anchors

LONGEST_TIMEOUT_S = 86_400.0


@dataclass(frozen=True)
class RunOptions:
    """Options of `fasciaseg.batch.run`.

    Attributes:
        reading: how each exam is read; `out`, `study`, `save_mask` and `threads` aren't looked
            at.
        pictures: draw the three slices and the summary of each exam.
        save_mask: also write the edema mask and the level map as NIfTI.
        jobs: processes at the same time; 0 means one for each core.
        timeout_s: seconds for one exam, then it has failed.
        limit: read at most so many exams in this run; None sets no limit.
        include, exclude: StudyInstanceUIDs, hashes or patterns of places in the export.
        anchors: whose numbering a reader has fixed; see `anchors.read_anchors`.
        review_below: also list the exams that are less sure than this (`review.csv`).
        fail_fast: stop at the first exam that fails.
        force: read exams again that are done.
        linkage: where to write the table of PatientIDs; None writes none.
        scheduler: address of a Dask scheduler whose workers read the exams.
    """

    reading: Options = field(default_factory=Options)
    pictures: bool = True
    save_mask: bool = False
    jobs: int = 0
    timeout_s: float = 120.0
    limit: int | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    anchors: Anchors = ()
    review_below: float | None = None
    fail_fast: bool = False
    force: bool = False
    linkage: Path | None = None
    scheduler: str | None = None

    def __post_init__(self) -> None:
        """Reject values that can't mean anything."""
        if self.jobs < 0:
            raise UsageError("bad_option", f"jobs must be at least 1, not {self.jobs}.")
        if not 0 < self.timeout_s <= LONGEST_TIMEOUT_S:
            raise UsageError(
                "bad_option", f"timeout must be above 0 s and up to a day, not {self.timeout_s}."
            )
        if self.review_below is not None and not 0 < self.review_below <= 1:
            raise UsageError(
                "bad_option", f"review_below must lie in (0, 1], not {self.review_below}."
            )
        if self.limit is not None and self.limit < 1:
            raise UsageError("bad_option", f"limit must be at least 1, not {self.limit}.")

    @property
    def processes(self) -> int:
        """Number of processes: `jobs`, or as many as there are cores for this one."""
        if self.jobs:
            return self.jobs
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1
