"""The flow as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .flow import Step
from .show.table import Number, Row, Table


def flow_table(steps: Sequence[Step]) -> Table:
    """What came in, what left and why, what is analysed."""
    rows: list[Row] = []
    numbers: list[Mapping[str, Number]] = []
    for step in steps:
        rows.append(Row((step.label, str(step.n)), heading=True))
        numbers.append({"step": step.label, "left out": None, "n": step.n})
        for why, n in step.lost:
            rows.append(Row((f"left out: {why}", str(n)), indent=True))
            numbers.append({"step": step.label, "left out": why, "n": n})
    return Table(
        "flow",
        "From exported exams to analysed patients",
        ("", "n"),
        tuple(rows),
        ("Each number is the one before less what was left out on the way.",),
        numbers,
    )
