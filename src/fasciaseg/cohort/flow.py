"""How many exams came in, and where they went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .exams import Export
from .join import Fate, Fated


@dataclass(frozen=True)
class Step:
    """One box of the flow, and what left the flow on the way to the next.

    Attributes:
        label: what is counted.
        n: how many.
        lost: (why, how many) for what goes no further.
    """

    label: str
    n: int
    lost: tuple[tuple[str, int], ...] = ()


def flow(export: Export, fated: Sequence[Fated]) -> tuple[Step, ...]:
    """From exported exams to analysed patients; every step is the one before less what is lost."""
    fates = Counter(f.fate for f in fated)
    failures = Counter[str]()
    for (kind, code), n in export.failures.items():
        failures[f"{kind}: {code}"] += n
    unanswered = fates[Fate.NO_ANSWER]
    others = [f for f in Fate if f not in (Fate.NO_ANSWER, Fate.ANALYSED) and fates[f]]
    n = len(export.exams)
    return (
        Step("Exams exported", n + failures.total(), tuple(failures.items())),
        Step("Readable", n, ((str(Fate.NO_ANSWER), unanswered),) if unanswered else ()),
        Step("Scored", n - unanswered, tuple((str(f), fates[f]) for f in others)),
        Step("Analysed, one exam a patient", fates[Fate.ANALYSED]),
    )
