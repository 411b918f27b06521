"""The table of residual pain: who still hurts, adjusted for what else may explain it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .description import Column, Description, ResidualPain
from .groups import Grouping
from .inference.logistic import Regression, logistic
from .inference.normal import Floats
from .patients import Patient
from .show.rounding import effect, p_value
from .show.table import Number, Row, Table


def residual_pain(description: Description, grouping: Grouping) -> Table | None:
    """Odds of residual pain by group, alone and adjusted; None where it isn't described."""
    told = description.residual_pain
    if told is None or len(grouping.names) != 2:
        return None
    column = dict(description.outcome(told.outcome).times)[told.time]
    adjust = [description.column(name) for name in told.adjust]
    people = [
        (float(at == grouping.exposed), p)
        for at, members in enumerate(grouping.members)
        for p in members
        if isinstance(p.values[column.name], float)
    ]
    # An order of their own: that of the table changes not even the last digit.
    people.sort(key=lambda pair: pair[1].exam.exam)
    known = [(e, p) for e, p in people if all(p.values[c.name] is not None for c in adjust)]
    group = f"{grouping.names[grouping.exposed]} (against {grouping.names[1 - grouping.exposed]})"
    models = [("Alone", _fit(people, column, told, group, []))]
    if adjust:
        models.append(("Adjusted", _fit(known, column, told, group, adjust)))
    return _table(description, grouping, told, models, sum(map(len, grouping.members)))


def _fit(
    people: Sequence[tuple[float, Patient]],
    column: Column,
    told: ResidualPain,
    group: str,
    adjust: Sequence[Column],
) -> Regression:
    outcome = np.array([float(_number(p, column) > told.above) for _, p in people])
    names, columns = [group], [np.array([exposed for exposed, _ in people])]
    for extra in adjust:
        for name, values in _terms(extra, [p for _, p in people]):
            names.append(name)
            columns.append(values)
    return logistic(outcome, names, np.column_stack(columns))


def _terms(column: Column, patients: Sequence[Patient]) -> list[tuple[str, Floats]]:
    """A number as it is; categories each against the first one that occurs."""
    values = [p.values[column.name] for p in patients]
    if column.kind == "continuous":
        unit = f" (each {column.unit})" if column.unit else " (each unit)"
        return [(f"{column.label}{unit}", np.array(values, dtype=np.float64))]
    there = {v for v in values if isinstance(v, str)}
    order = [name for name in column.order or sorted(there) if name in there]
    if column.show in there and len(order) == 2:
        order = [name for name in order if name != column.show] + [str(column.show)]
    return [
        (
            f"{column.label}: {name} (against {order[0]})",
            np.array([float(v == name) for v in values]),
        )
        for name in order[1:]
    ]


def _number(patient: Patient, column: Column) -> float:
    value = patient.values[column.name]
    return value if isinstance(value, float) else float("nan")


def _table(
    description: Description,
    grouping: Grouping,
    told: ResidualPain,
    models: Sequence[tuple[str, Regression]],
    n: int,
) -> Table:
    rows: list[Row] = []
    numbers: list[Mapping[str, Number]] = []
    notes = [f"Residual pain: {description.outcome(told.outcome).label} {told.time} above "
             f"{told.above:g}. Logistic regression, maximum likelihood; intervals and P by Wald's "
             "test; OR, odds ratio; CI, confidence interval."]  # fmt: skip
    for name, model in models:
        head = f"{name} (n = {model.n}, {model.events} with residual pain)"
        rows.append(Row((head, "", ""), heading=True))
        if model.problem is not None:
            rows.append(Row(("No answer", "–", "–"), indent=True))
            notes.append(f"{name}: {model.problem}.")
        for term in model.terms:
            printed = effect(term.odds_ratio).removeprefix("OR ")
            rows.append(Row((term.name, printed, p_value(term.p)), indent=True))
            numbers.append(
                {"model": name, "n": model.n, "events": model.events, "term": term.name,
                 "odds_ratio": term.odds_ratio.value, "low": term.odds_ratio.low,
                 "high": term.odds_ratio.high, "p": term.p, "rule": "logistic regression, Wald"}
            )  # fmt: skip
        notes += [f"{name}: {note}." for note in model.notes]
        if model.n < n:
            notes.append(f"{name}: {n - model.n} of {n} patients lack a value and are left out.")
    return Table(
        f"residual-pain-{grouping.slug}",
        f"Residual pain in patients {grouping.about}",
        ("", "OR (95% CI)", "P"),
        tuple(rows),
        tuple(notes),
        numbers,
    )
