"""Tables that compare groups: who the patients are, and how they did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .compare import Comparison, compare
from .description import Description
from .groups import Grouping
from .inference.answer import Rule, Test
from .inference.holm import holm
from .show.rounding import effect, p_value
from .show.table import Number, Row, Table

_EXPLAINED = {
    "mean difference": "MD, mean difference",
    "median shift": "shift, Hodges–Lehmann median shift",
    "odds ratio": "OR, odds ratio",
    "Cramér's V": "V, Cramér's V (0 to 1)",
    "η²": "η², share of the variance that lies between groups",
    "ε²": "ε², share of the ranks' variance that lies between groups",
    "mean change": "change, mean change",
    "median change": "change, pseudo-median of the change",
}


@dataclass(frozen=True)
class Entry:
    """A comparison and where it stands: below a heading, under a label of its own."""

    told: Comparison
    heading: str | None = None
    time: str | None = None


def characteristics(description: Description, grouping: Grouping, rule: Rule) -> Table | None:
    """Who they are: every column under [columns]; None where there is none."""
    entries = [Entry(compare(column, grouping, rule)) for column in description.columns]
    return _table(f"patients-{grouping.slug}", f"Patients {grouping.about}", entries, grouping)


def outcomes(description: Description, grouping: Grouping, rule: Rule) -> Table | None:
    """How they did: every outcome at every time; None where there is none."""
    entries = [
        Entry(told := compare(column, grouping, rule), told.label, time)
        for outcome in description.outcomes
        for time, column in outcome.times
    ]
    title = f"Outcomes of patients {grouping.about}"
    return _table(f"outcomes-{grouping.slug}", title, entries, grouping)


def _table(slug: str, title: str, entries: Sequence[Entry], grouping: Grouping) -> Table | None:
    if not entries:
        return None
    corrected = holm([e.told.test.p for e in entries])
    trend = any(e.told.trend for e in entries)
    sizes = [len(members) for members in grouping.members]
    header = (
        "",
        *(f"{name} (n\u00a0=\u00a0{n})" for name, n in zip(grouping.names, sizes, strict=True)),
        "Effect (95% CI)", "Test", "P", "P, Holm", *(("P for trend",) if trend else ()),
    )  # fmt: skip
    rows: list[Row] = []
    numbers: list[Mapping[str, Number]] = []
    last = None
    for entry, p_holm in zip(entries, corrected, strict=True):
        if entry.heading is not None and entry.heading != last:
            rows.append(Row((entry.heading, *[""] * (len(header) - 1)), heading=True))
        last = entry.heading
        rows += _rows(entry, p_holm, len(sizes), trend=trend)
        numbers += _numbers(entry, p_holm, grouping, trend=trend)
    notes = (*_notes([e.told for e in entries], grouping), *_notes_of_tests(entries))
    return Table(slug, title, header, tuple(rows), notes, numbers)


def _rows(entry: Entry, p_holm: float | None, n_groups: int, *, trend: bool) -> Iterable[Row]:
    told = entry.told
    found = tested(told.test, told.decimals)
    right = (*found[:3], p_value(p_holm), *((_trend(told),) if trend else ()))
    cells = told.cells or ("",) * n_groups
    yield Row((entry.time or told.label, *cells, *right), indent=entry.time is not None)
    for name, texts in told.categories:
        yield Row((name, *texts, *[""] * len(right)), indent=True)


def tested(test: Test, decimals: int) -> tuple[str, str, str]:
    """Effect, test and P as a table prints them."""
    first = test.effects[0] if test.effects else None
    return (
        effect(first, decimals) if first else "–",
        test.name if test.p is not None else "–",
        p_value(test.p),
    )


def _trend(told: Comparison) -> str:
    return p_value(told.trend.p) if told.trend else ""


def _numbers(
    entry: Entry, p_holm: float | None, grouping: Grouping, *, trend: bool
) -> Iterable[Mapping[str, Number]]:
    told = entry.told
    for at, (category, texts) in enumerate(told.categories or (("", told.cells),)):
        yield {
            "variable": told.label,
            "time": entry.time,
            "category": category,
            **dict(zip(grouping.names, texts, strict=True)),
            **{f"n, {name}": n for name, n in zip(grouping.names, told.n, strict=True)},
            **{f"missing, {name}": n for name, n in zip(grouping.names, told.missing, strict=True)},
            **numbers_of_test(told.test if at == 0 else None, p_holm if at == 0 else None),
            **({"p_trend": told.trend.p if told.trend and at == 0 else None} if trend else {}),
        }


def numbers_of_test(test: Test | None, p_holm: float | None) -> dict[str, Number]:
    """A test as the columns of a CSV file."""
    row: dict[str, Number] = {
        "test": test.name if test else None,
        "rule": test.rule if test else None,
        "statistic": test.statistic if test else None,
        "df": " ".join(f"{df:.6g}" for df in test.df) if test else None,
        "p": test.p if test else None,
        "p_holm": p_holm,
    }
    for at in range(2):
        found = test.effects[at] if test and len(test.effects) > at else None
        prefix = f"effect_{at + 1}"
        row |= {
            prefix: found.name if found else None,
            f"{prefix}_value": found.value if found else None,
            f"{prefix}_low": found.low if found else None,
            f"{prefix}_high": found.high if found else None,
        }
    row["note"] = "; ".join(test.notes) if test else None
    return row


def explained(tests: Iterable[Test]) -> str:
    """What the abbreviations of these tests' effects mean."""
    names = dict.fromkeys(t.effects[0].name for t in tests if t.effects)
    return "; ".join(_EXPLAINED[name] for name in names if name in _EXPLAINED)


def _notes(told: Sequence[Comparison], grouping: Grouping) -> Iterable[str]:
    yield (
        "Numbers are mean ± SD or median (first to third quartile), as the test is by means or by "
        "ranks; categories are n/N."
    )
    two = len(grouping.names) == 2
    tests = [c.test for c in told]
    if meaning := explained(tests):
        against = f" Effects compare {grouping.against}." if two else ""
        yield f"{meaning}; CI, confidence interval.{against}"
    yield "P, Holm: corrected for the number of tests in this table. P below 0.05 is significant."
    if any("[" in cell for c in told for cell in c.cells):
        yield "[n]: patients with a value, where some have none."
    if any(c.trend for c in told):
        yield "P for trend: ordered categories compared by rank (Mann–Whitney or Kruskal–Wallis)."
    if grouping.left_out:
        patients = "patient" if grouping.left_out == 1 else "patients"
        yield f"{grouping.left_out} {patients} without an answer to this question left out."


def _notes_of_tests(entries: Sequence[Entry]) -> Iterable[str]:
    for entry in entries:
        told = entry.told
        name = f"{told.label}, {entry.time}" if entry.time else told.label
        odds = told.test.effects and told.test.effects[0].name == "odds ratio"
        if told.categories and told.effect_of and odds:
            yield f"{name}: odds of “{told.effect_of}”."
        if told.test.p is None:
            yield f"{name}: not tested, {told.test.rule}."
        for note in told.test.notes:
            yield f"{name}: {note}."
