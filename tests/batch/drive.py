"""A batch as a process of its own: EXPORT OUT [SCHEDULER]."""

from __future__ import annotations

import sys
from pathlib import Path

import tasks  # type: ignore[import-not-found]

from fasciaseg.batch import RunOptions, run

scheduler = sys.argv[3] if len(sys.argv) > 3 else None
options = RunOptions(jobs=2, timeout_s=20, scheduler=scheduler)
run(Path(sys.argv[1]), Path(sys.argv[2]), options, task=tasks.slow)
