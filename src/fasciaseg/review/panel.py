"""All readings of a review: who has signed what, where they differ, what was agreed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .exams import Exam
from .reading import Reading, folded, shift
from .store import Reader, Store


@dataclass(frozen=True, eq=False)
class Panel:
    """Everything that was read of one exam.

    Attributes:
        exam: the exam.
        readings: of every reader who has begun it, by number.
        decided: the consensus, as far as it was put down.
    """

    exam: Exam
    readings: dict[int, Reading]
    decided: Reading

    @property
    def signed(self) -> dict[int, Reading]:
        """The readings that count."""
        return {number: r for number, r in self.readings.items() if r.signed}

    @property
    def agreed(self) -> bool:
        """At least two readers have signed, and all say the same."""
        signed = [self._said(r) for r in self.signed.values()]
        return len(signed) > 1 and all(said == signed[0] for said in signed)

    @property
    def disputed(self) -> bool:
        """At least two readers have signed, and they differ."""
        return len(self.signed) > 1 and not self.agreed

    @property
    def consensus(self) -> Reading | None:
        """What all agree on, or what was signed in the consensus; None while it is open."""
        if self.agreed:
            last = max(self.signed.values(), key=lambda r: r.changed_at)
            quality = {r.quality for r in self.signed.values()}
            return Reading(
                marks=last.marks,
                cant=last.cant,
                quality=quality.pop() if len(quality) == 1 else None,
                numbering=last.numbering,
                signed=True,
                changed_at=last.changed_at,
            )
        return self.decided if self.disputed and self.decided.signed else None

    @property
    def state(self) -> str:
        """`unread`, `read` (by one), `agreed`, `disputed` or `settled`."""
        if self.agreed:
            return "agreed"
        if self.disputed:
            return "settled" if self.decided.signed else "disputed"
        return "read" if self.signed else "unread"

    def _said(self, reading: Reading) -> tuple[object, ...]:
        # The same names for other vertebrae are another answer.
        by = shift(reading.numbering, self.exam.vertebrae) if reading.levels else 0
        return (reading.cant, reading.levels, by)


def panel(store: Store, exam: Exam, readers: Sequence[Reader]) -> Panel:
    """One exam's."""
    bodies = exam.vertebrae
    mine = {r.number: store.events("reader", exam.name, r.number) for r in readers}
    return Panel(
        exam,
        {number: folded(events, bodies) for number, events in mine.items() if events},
        folded(store.events("consensus", exam.name), bodies),
    )


def panels(store: Store, exams: dict[str, Exam]) -> dict[str, Panel]:
    """Those of all exams, by hash."""
    readings: dict[str, dict[int, Reading]] = {name: {} for name in exams}
    for (name, reader), events in store.all_events("reader").items():
        if name in exams:
            readings[name][reader] = folded(events, exams[name].vertebrae)
    decided = store.all_events("consensus")
    return {
        name: Panel(exam, readings[name], folded(decided.get((name, 0), ()), exam.vertebrae))
        for name, exam in exams.items()
    }
