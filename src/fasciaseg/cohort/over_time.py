"""The table of changes: each later time against the first, patient by patient, group by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .description import Column, Description
from .groups import Grouping
from .inference.answer import Rule, Test
from .inference.holm import holm
from .inference.normal import Floats
from .inference.paired import compare_paired
from .patients import Patient
from .show.rounding import p_value
from .show.table import Number, Row, Table
from .tables import explained, numbers_of_test, tested


def changes(description: Description, grouping: Grouping, rule: Rule) -> Table | None:
    """Every outcome: later times against the first one; None where nothing was measured twice."""
    found = [
        (outcome.times[0][1].label, time, at, _change(members, outcome.times[0][1], column, rule))
        for outcome in description.outcomes
        for time, column in outcome.times[1:]
        for at, members in enumerate(grouping.members)
    ]
    if not found:
        return None
    corrected = holm([test.p for _, _, _, (_, test) in found])
    header = ("", "Group", "Pairs", "Change (95% CI)", "Test", "P", "P, Holm")
    first = {o.times[0][1].label: o.times[0][0] for o in description.outcomes}
    decimals = {o.times[0][1].label: o.times[0][1].decimals for o in description.outcomes}
    rows: list[Row] = []
    numbers: list[Mapping[str, Number]] = []
    last, notes = None, []
    for (label, time, at, (n, test)), p_holm in zip(found, corrected, strict=True):
        if label != last:
            head = f"{label}, change from {first[label]}"
            rows.append(Row((head, *[""] * (len(header) - 1)), heading=True))
            last = label
        name = grouping.names[at]
        change, *rest = tested(test, decimals[label])
        cells = (time if at == 0 else "", name, str(n), change.removeprefix("change "), *rest)
        rows.append(Row((*cells, p_value(p_holm)), indent=True))
        row: dict[str, Number] = {"variable": label, "from": first[label], "to": time}
        numbers.append(row | {"group": name, "pairs": n} | numbers_of_test(test, p_holm))
        if test.p is None:
            notes.append(f"{label}, {time}, {name}: not tested, {test.rule}.")
    tests = [test for _, _, _, (_, test) in found]
    meaning = explained(tests).removeprefix("change, ").replace("change, ", "or ")
    return Table(
        f"changes-{grouping.slug}",
        f"Changes over time in patients {grouping.about}",
        header,
        tuple(rows),
        (
            "Pairs: patients with both values. The change is the later value minus the first one.",
            *((f"Changes are the {meaning}; CI, confidence interval.",) if meaning else ()),
            "P, Holm: corrected for the number of tests in this table.",
            *notes,
        ),
        numbers,
    )


def _change(
    patients: Sequence[Patient], first: Column, later: Column, rule: Rule
) -> tuple[int, Test]:
    before, after = _pairs(patients, first.name, later.name)
    return len(before), compare_paired(before, after, rule, first.test)


def _pairs(patients: Sequence[Patient], first: str, later: str) -> tuple[Floats, Floats]:
    both = sorted(
        (a, b)
        for p in patients
        if isinstance(a := p.values[first], float) and isinstance(b := p.values[later], float)
    )
    table = np.array(both, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]
