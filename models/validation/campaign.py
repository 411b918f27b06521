"""Run many trials in parallel; one scan's trials stay together, so that it is loaded once."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import groupby
from pathlib import Path

from trial import Row, Trial, run


def _scan(trials: Sequence[Trial], data: Path, folds: Path) -> list[Row]:
    outcomes = (run(t, data, folds) for t in trials)
    return [o.row for o in outcomes if o is not None]


def campaign(trials: Sequence[Trial], data: Path, folds: Path, jobs: int = 2) -> list[Row]:
    """All rows, in the order of the trials; progress goes to stderr."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    ordered = sorted(trials, key=lambda t: t.scan)
    groups = [list(g) for _, g in groupby(ordered, key=lambda t: t.scan)]
    start, rows = time.monotonic(), []
    with ProcessPoolExecutor(jobs) as pool:
        for i, part in enumerate(pool.map(partial(_scan, data=data, folds=folds), groups), 1):
            rows += part
            print(
                f"\r{i}/{len(groups)} scans, {len(rows)} exams, {time.monotonic() - start:.0f} s",
                end="", file=sys.stderr, flush=True,
            )  # fmt: skip
    print(file=sys.stderr)
    return rows


def save(rows: Sequence[Row], path: Path) -> None:
    """One JSON object a line."""
    path.write_text("".join(json.dumps(r.to_dict()) + "\n" for r in rows))


def load(path: Path) -> list[Row]:
    """What `save` wrote."""
    rows = []
    for line in path.read_text().splitlines():
        d = json.loads(line)
        for name in ("flags", "levels", "true_levels"):
            d[name] = tuple(d[name])
        rows.append(Row(**d))
    return rows
