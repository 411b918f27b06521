"""The table of what was found: how often, where, how far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ..vertebrae import SCORED_LEVELS
from .groups import FINDINGS, LOCATIONS, Finding, reading
from .inference.proportions import wilson
from .patients import Patient
from .show.rounding import fixed, percent
from .show.table import Number, Row, Table

_SEVERITIES = {"non_severe": "Non-severe (≤ 3 levels)", "severe": "Severe (> 3 levels)"}


def extent(patients: Sequence[Patient], finding: Finding) -> Table:
    """Prevalence with Wilson's interval, locations, severity, and each level."""
    readings = [r for p in patients if (r := reading(p, finding)).present is not None]
    found = [r for r in readings if r.present]
    name, n = FINDINGS[finding], len(found)
    places = Counter(r.location for r in found)
    grades = Counter(r.severity for r in found)
    levels = Counter(level for r in found for level in r.levels)
    lines: list[tuple[str | None, str, int, int]] = [(None, f"With {name}", n, len(readings))]
    lines += [("Location", label, places[place], n) for place, label in LOCATIONS.items()]
    lines += [("Severity", label, grades[grade], n) for grade, label in _SEVERITIES.items()]
    lines += [("Involved level", level, levels[level], n) for level in SCORED_LEVELS]
    rows, last = [], None
    for heading, label, count, total in lines:
        if heading != last and heading is not None:
            rows.append(Row((heading, "", ""), heading=True))
        last = heading
        rows.append(
            Row((label, percent(count, total), _interval(count, total)), heading is not None)
        )
    counts = [len(r.levels) for r in found if r.levels]
    if counts:
        rows.append(Row(("Levels a patient", _mean_and_range(counts), "")))
    unknown = len(patients) - len(readings)
    numbers: list[dict[str, Number]] = [
        {"question": heading or "Prevalence", "answer": label, "n": count, "of": total,
         "share_low": wilson(count, total)[0] if total else None,
         "share_high": wilson(count, total)[1] if total else None}
        for heading, label, count, total in lines
    ]  # fmt: skip
    return Table(
        f"extent-of-{finding}",
        f"{name[0].upper()}{name[1:]}: how often, where and how far",
        ("", "n (%)", "95% CI of the share"),
        tuple(rows),
        (
            f"Shares of locations, severity and levels are of the {n} patients with {name}; "
            "intervals are Wilson's.",
            *(("Injury is edema and tenderness at that level.",) if finding == "injury" else ()),
            *((f"{unknown} patients without an answer left out.",) if unknown else ()),
        ),
        numbers,
    )


def _interval(n: int, total: int) -> str:
    if not total:
        return "–"
    low, high = wilson(n, total)
    return f"{fixed(100 * low, 1)}% to {fixed(100 * high, 1)}%"


def _mean_and_range(counts: Sequence[int]) -> str:
    sd = fixed(float(np.std(counts, ddof=1)), 2) if len(counts) > 1 else "–"
    return f"{fixed(float(np.mean(counts)), 2)} ± {sd} ({min(counts)} to {max(counts)})"
