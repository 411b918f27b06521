"""The same numbers for other programs: `agreement.csv` and `counts.csv`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from .compare import Comparison
from .estimate import Interval
from .pairs import Pair

COLUMNS = (
    "comparison", "first", "second", "numbering", "exams", "question", "statistic", "n",
    "clusters", "value", "low", "high", "interval", "bootstrap_low", "bootstrap_high",
    "n_left_out", "left_out", "note",
)  # fmt: skip
COUNT_COLUMNS = (
    "comparison", "first", "second", "numbering", "exams", "question", "first_answer",
    "second_answer", "n",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def estimates(comparisons: Iterable[Comparison]) -> bytes:
    """Every statistic, one a row; what has no value is empty, and `note` says why."""
    return _csv(COLUMNS, _estimates(comparisons))


def counts(comparisons: Iterable[Comparison]) -> bytes:
    """Cross tables: how often which two answers met."""
    rows = (
        (*_who(c.pair), c.numbering, count.subset, count.question, count.first_answer,
         count.second_answer, count.n)
        for c in comparisons
        for count in c.counts
    )  # fmt: skip
    return _csv(COUNT_COLUMNS, rows)


def _estimates(comparisons: Iterable[Comparison]) -> Iterator[Sequence[object]]:
    for c in comparisons:
        for e in c.estimates:
            why = "; ".join(f"{reason}: {n}" for reason, n in sorted(e.left_out.items()))
            yield (
                *_who(c.pair), c.numbering, e.subset, e.question, e.statistic, e.n, e.clusters,
                _number(e.value), *_ends(e.interval), e.method, *_ends(e.clustered),
                sum(e.left_out.values()), why, e.note,
            )  # fmt: skip


def _who(pair: Pair) -> tuple[str, str, str]:
    return pair.kind, _safe(pair.first.label), _safe(pair.second.label)


def _ends(interval: Interval) -> tuple[str, str]:
    low, high = interval or (None, None)
    return _number(low), _number(high)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _safe(name: str) -> str:
    return f"'{name}" if name.startswith(_FORMULA) else name  # a spreadsheet would run it


def _csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "backslashreplace")
