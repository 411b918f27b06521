"""A column of the clinical table in the groups: what is printed of it, and its test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from .description import Column
from .groups import Grouping
from .inference.answer import Rule, Test
from .inference.choose import by_means, compare_numbers
from .inference.counts import compare_counts
from .inference.normal import Floats
from .patients import Patient
from .show.rounding import fixed
from .values import YES

T = TypeVar("T")


@dataclass(frozen=True)
class Comparison:
    """One characteristic in every group.

    Attributes:
        label: with its unit.
        cells: what is printed of each group; empty where the categories have lines of their own.
        categories: (category, what is printed of each group).
        n: patients with a value, each group.
        missing: patients without.
        test: the groups compared.
        trend: of ordered categories, the groups compared by rank as well.
        effect_of: of two categories, the one whose odds are compared.
        decimals: of effects in the column's unit.
    """

    label: str
    cells: tuple[str, ...]
    categories: tuple[tuple[str, tuple[str, ...]], ...]
    n: tuple[int, ...]
    missing: tuple[int, ...]
    test: Test
    trend: Test | None = None
    effect_of: str | None = None
    decimals: int = 2


def compare(column: Column, grouping: Grouping, rule: Rule) -> Comparison:
    """Describe and test a column in the groups."""
    if column.kind == "continuous":
        return _numbers(column, grouping, rule)
    return _categories(column, grouping, rule)


def numbers_of(patients: Sequence[Patient], column: str) -> Floats:
    """The known values, in an order of their own: that of the table changes nothing."""
    told = [v for p in patients if isinstance(v := p.values[column], float)]
    return np.array(sorted(told), dtype=np.float64)


def _numbers(column: Column, grouping: Grouping, rule: Rule) -> Comparison:
    groups = [numbers_of(members, column.name) for members in grouping.members]
    means = by_means(groups, rule, column.test)
    n = tuple(map(len, groups))
    sizes = [len(members) for members in grouping.members]
    cells = []
    for values, size in zip(groups, sizes, strict=True):
        note = f" [{len(values)}]" if len(values) < size else ""
        cells.append(f"{_summary(values, means, column.decimals)}{note}")
    return Comparison(
        f"{column.label} ({column.unit})" if column.unit else column.label,
        tuple(cells),
        (),
        n,
        tuple(size - k for size, k in zip(sizes, n, strict=True)),
        compare_numbers(_exposed_first(groups, grouping), rule, column.test),
        decimals=column.decimals,
    )


def _summary(values: Floats, means: bool, decimals: int) -> str:
    if not len(values):
        return "–"
    if means:
        sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
        return f"{fixed(float(np.mean(values)), decimals)} ± {fixed(sd, decimals)}"
    low, middle, high = (fixed(float(q), decimals) for q in np.percentile(values, (25, 50, 75)))
    return f"{middle} ({low} to {high})"


def _categories(column: Column, grouping: Grouping, rule: Rule) -> Comparison:
    told = [[v for p in m if isinstance(v := p.values[column.name], str)] for m in grouping.members]
    names = column.order or tuple(sorted({v for values in told for v in values}))
    shown = column.show or _yes(names)
    if shown is not None and len(names) <= 2:
        names = (shown, *(n for n in names if n != shown))
    counts = [[values.count(name) for name in names] for values in told]
    n = tuple(map(len, told))
    ranks = [np.array(sorted(names.index(v) for v in values), dtype=np.float64) for values in told]
    single = shown is not None and len(names) <= 2
    lines = [
        (name, tuple(f"{row[at]}/{k}" for row, k in zip(counts, n, strict=True)))
        for at, name in enumerate(names)
    ]
    label = column.label
    if single and shown is not None and shown.casefold() not in YES:
        label = f"{label} ({shown})" if shown.casefold() not in label.casefold() else label
    ordered = column.kind == "ordinal" and len(names) > 2 and all(n)
    return Comparison(
        label,
        lines[0][1] if single else (),
        () if single else tuple(lines),
        n,
        tuple(len(m) - k for m, k in zip(grouping.members, n, strict=True)),
        compare_counts(_exposed_first(counts, grouping), rule),
        compare_numbers(_exposed_first(ranks, grouping), rule, "rank") if ordered else None,
        names[0] if len(names) == 2 else None,
    )


def _yes(names: tuple[str, ...]) -> str | None:
    """Of yes and no, yes."""
    if len(names) > 2:
        return None
    return next((name for name in names if name.casefold() in YES), None)


def _exposed_first(groups: Sequence[T], grouping: Grouping) -> list[T]:
    if len(groups) != 2:
        return list(groups)
    return [groups[grouping.exposed], groups[1 - grouping.exposed]]
