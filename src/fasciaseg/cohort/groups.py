"""The groups that are compared: with and without, severe and not, by location."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .exams import Reading
from .patients import Patient

Finding: TypeAlias = Literal["edema", "injury"]
#: How tables call what was found.
FINDINGS: dict[Finding, str] = {"edema": "fascia edema", "injury": "fascia injury"}
LOCATIONS = {
    "thoracic": "Thoracic",
    "thoracolumbar": "Thoracolumbar",
    "lower_lumbar": "Lower lumbar",
    "both": "Both",
}


@dataclass(frozen=True)
class Grouping:
    """Patients in groups.

    Attributes:
        slug: for file names.
        about: what the groups are, for titles.
        names: of the groups, in a table's order.
        members: the patients of each.
        exposed: of two groups the one whose effect is shown, against the other.
        left_out: patients in no group.
    """

    slug: str
    about: str
    names: tuple[str, ...]
    members: tuple[tuple[Patient, ...], ...]
    exposed: int = 0
    left_out: int = 0

    @property
    def against(self) -> str:
        """Which of two groups effects are of, and against which."""
        return f"“{self.names[self.exposed]}” against “{self.names[1 - self.exposed]}”"


def reading(patient: Patient, finding: Finding) -> Reading:
    """The reading by which a patient is grouped."""
    if finding == "edema":
        return patient.edema
    return patient.injury or Reading(None)


def groupings(patients: Sequence[Patient], finding: Finding) -> tuple[Grouping, ...]:
    """Every grouping that has at least two groups with somebody in them."""
    told = [(p, reading(p, finding)) for p in patients]
    name, with_it = FINDINGS[finding], [(p, r) for p, r in told if r.present]
    unknown = sum(r.present is None for _, r in told)
    found = [
        Grouping(
            f"by-{finding}",
            f"with and without {name}",
            (f"With {name}", f"Without {name}"),
            (
                tuple(p for p, _ in with_it),
                tuple(p for p, r in told if r.present is False),
            ),
            0,
            unknown,
        ),
        Grouping(
            f"by-{finding}-severity",
            f"with non-severe and severe {name}",
            ("Non-severe (≤ 3 levels)", "Severe (> 3 levels)"),
            tuple(
                tuple(p for p, r in with_it if r.severity == severity)
                for severity in ("non_severe", "severe")
            ),
            1,
            sum(r.severity is None for _, r in with_it),
        ),
    ]
    places = {
        label: tuple(p for p, r in with_it if r.location == place)
        for place, label in LOCATIONS.items()
    }
    there = {label: members for label, members in places.items() if members}
    found.append(
        Grouping(
            f"by-{finding}-location",
            f"by location of the {name}",
            tuple(there),
            tuple(there.values()),
            0,
            sum(r.location is None for _, r in with_it),
        )
    )
    return tuple(g for g in found if sum(bool(m) for m in g.members) > 1)
