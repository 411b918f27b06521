"""Who rated which exam how: the shape of what is compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Role: TypeAlias = Literal["reader", "consensus", "software"]
ROLES: tuple[Role, ...] = ("reader", "consensus", "software")


@dataclass(frozen=True, order=True)
class Rater:
    """A reader by name, the readers' consensus, or the software."""

    role: Role
    name: str = ""

    @property
    def label(self) -> str:
        """As it is called in tables and by `--pairs`."""
        return self.name if self.role == "reader" else self.role


@dataclass(frozen=True)
class Rating:
    """One rater's answers for one exam; None is "no answer", never "none".

    Attributes:
        fascia_edema: None where the rater found that the exam can't be judged.
        location, severity: the published study's groups.
        n_levels, levels: involved levels, in the rater's own names.
        length_mm: length of the edema; readers may leave it out.
        quality: image quality: `good`, `fair` or `poor`.
        shift: how many places further down than the software the rater names a vertebra: 1
            where what the software calls L4 is L5 to the rater; None where it can't be told.
        seconds: time the rater took.
    """

    fascia_edema: bool | None
    location: str | None = None
    severity: str | None = None
    n_levels: int | None = None
    levels: frozenset[str] = frozenset()
    length_mm: float | None = None
    quality: str | None = None
    shift: int | None = 0
    seconds: float | None = None


@dataclass(frozen=True)
class Ratings:
    """Everything that was rated.

    Attributes:
        of: {rater: {exam: rating}}.
        in_view: {exam: levels that can be judged, in the software's names}; an exam that isn't
            in it is taken to show every level.
        patient: {exam: patient}, as the linkage file tells; an exam that isn't in it stands
            for itself.
        linked: whether a linkage file was given.
    """

    of: Mapping[Rater, Mapping[str, Rating]]
    in_view: Mapping[str, frozenset[str]] = field(default_factory=dict)
    patient: Mapping[str, str] = field(default_factory=dict)
    linked: bool = False

    @property
    def exams(self) -> tuple[str, ...]:
        """Every exam that anyone rated."""
        return tuple(sorted({exam for rated in self.of.values() for exam in rated}))

    @property
    def everyone(self) -> tuple[Rater, ...]:
        """Readers by name, consensus, software."""
        return tuple(rater for role in ROLES for rater in self.raters(role))

    def raters(self, role: Role) -> tuple[Rater, ...]:
        """The raters of a role, by name."""
        return tuple(sorted(rater for rater in self.of if rater.role == role))

    def cluster(self, exam: str) -> str:
        """What an exam belongs to: its patient where that is known."""
        patient = self.patient.get(exam)
        return f"patient {patient}" if patient else f"exam {exam}"
