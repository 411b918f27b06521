"""What one reader says of one exam: folded from changes, classified as the software classifies.

Marks are kept as places in the row of all vertebrae, so that renaming a vertebra moves them
along with the anatomy they were set on, and back again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..anatomy.anchor import parse
from ..errors import UsageError
from ..result import Classification
from ..scoring.score import classify
from ..scoring.territories import territories
from ..vertebrae import LEVELS, SCORED_LEVELS, Vertebra

Quality = Literal["good", "fair", "poor"]
QUALITIES: tuple[Quality, ...] = ("good", "fair", "poor")
#: How far from a body's centre an anchor may lie, mm.
_ANCHOR_MM = 17.0
LONGEST_COMMENT = 4000
_FIELDS = frozenset({"levels", "cant", "quality", "numbering", "comment", "signed"})


class ChangeError(UsageError):
    """A change that makes no sense; nothing of it is stored."""

    def __init__(self, reason: str) -> None:
        super().__init__("bad_change", reason, "Reload the page.")


@dataclass(frozen=True)
class Reading:
    """One reader's word on an exam.

    Attributes:
        marks: places in `LEVELS` that are marked; they may lie outside T5-L5 for a while.
        cant: the exam can't be judged.
        quality: of the pictures.
        numbering: `LEVEL@Z`, the name of the body at LPS z in mm; None while the reader hasn't
            named one.
        comment: free text.
        signed: the reader is done with it.
        seconds: that the exam was in front of the reader.
        changed_at: time of the last change, ISO 8601 in UTC.
    """

    marks: frozenset[int] = field(default_factory=frozenset)
    cant: bool = False
    quality: Quality | None = None
    numbering: str | None = None
    comment: str = ""
    signed: bool = False
    seconds: float = 0.0
    changed_at: str = ""

    @property
    def levels(self) -> tuple[str, ...]:
        """The marked levels, T5 to L5, head to foot; none where the exam can't be judged."""
        if self.cant:
            return ()
        return tuple(name for name in SCORED_LEVELS if LEVELS.index(name) in self.marks)

    @property
    def classification(self) -> Classification:
        """By the same rules as the software's own."""
        return Classification(None, None, None) if self.cant else classify(self.levels)

    def to_dict(self) -> dict[str, Any]:
        """As the page gets it."""
        told = self.classification
        return {
            "levels": list(self.levels),
            "n_levels": len(self.levels),
            "fascia_edema": told.fascia_edema,
            "location": told.location,
            "severity": told.severity,
            "cant": self.cant,
            "quality": self.quality,
            "numbering": self.numbering,
            "comment": self.comment,
            "signed": self.signed,
        }


def checked(changes: object, bodies: Sequence[Vertebra]) -> dict[str, Any]:
    """Changes as a page sent them.

    Raises:
        ChangeError: an unknown field, or a value that it can't have.
    """
    if not isinstance(changes, dict) or not changes or not set(changes) <= _FIELDS:
        raise ChangeError("A change names fields that there aren't.")
    levels = changes.get("levels", {})
    if not isinstance(levels, dict) or not all(
        level in SCORED_LEVELS and isinstance(on, bool) for level, on in levels.items()
    ):
        raise ChangeError("A level must be one of T5 to L5.")
    if not all(isinstance(changes.get(name, False), bool) for name in ("cant", "signed")):
        raise ChangeError("That answer is neither yes nor no.")
    if changes.get("quality") not in (None, *QUALITIES):
        raise ChangeError("Image quality is good, fair or poor.")
    comment = changes.get("comment", "")
    if not isinstance(comment, str) or len(comment) > LONGEST_COMMENT:
        raise ChangeError(f"A comment has at most {LONGEST_COMMENT} characters.")
    numbering = changes.get("numbering")
    if numbering is not None and (not isinstance(numbering, str) or _place(numbering, bodies) < 0):
        raise ChangeError("No vertebra was found at the place of that anchor.")
    return changes


def folded(
    events: Iterable[tuple[Mapping[str, Any], float, str]], bodies: Sequence[Vertebra]
) -> Reading:
    """The reading that changes (what, seconds, when) add up to, in their order."""
    reading = Reading()
    for changes, seconds, at in events:
        reading = _changed(reading, changes, bodies)
        reading = replace(reading, seconds=reading.seconds + seconds, changed_at=at)
    return reading


def shift(numbering: str | None, bodies: Sequence[Vertebra]) -> int:
    """By how many places an anchor moves the software's names down, 0 without one."""
    if numbering is None:
        return 0
    place = _place(numbering, bodies)
    if place < 0:
        return 0
    return LEVELS.index(parse(numbering).level) - LEVELS.index(bodies[place].level)


def renamed(numbering: str | None, bodies: Sequence[Vertebra]) -> tuple[Vertebra | None, ...]:
    """The bodies under a reader's names; None for one that has none between T1 and S1."""
    by = shift(numbering, bodies)
    places = [LEVELS.index(v.level) + by for v in bodies]
    return tuple(
        replace(v, level=LEVELS[p]) if 0 <= p < len(LEVELS) else None
        for v, p in zip(bodies, places, strict=True)
    )


def boundaries(
    numbering: str | None, bodies: Sequence[Vertebra], rule: str = "axial"
) -> dict[str, tuple[float, float]]:
    """{level: (upper z, lower z)} under a reader's names, by the rule that the software scored."""
    return territories([v for v in renamed(numbering, bodies) if v is not None], rule)


def _changed(reading: Reading, changes: Mapping[str, Any], bodies: Sequence[Vertebra]) -> Reading:
    plain = {name: changes[name] for name in ("cant", "quality", "comment") if name in changes}
    # Whatever is changed after signing must be signed again.
    reading = replace(reading, **plain, signed=bool(changes.get("signed", False)))
    if "numbering" in changes:
        by = shift(changes["numbering"], bodies) - shift(reading.numbering, bodies)
        moved = frozenset(place + by for place in reading.marks)
        reading = replace(reading, numbering=changes["numbering"], marks=moved)
    marks = set(reading.marks)
    for level, on in changes.get("levels", {}).items():
        (marks.add if on else marks.discard)(LEVELS.index(level))
    if any(changes.get("levels", {}).values()) and "cant" not in changes:
        reading = replace(reading, cant=False)
    return replace(reading, marks=frozenset(marks))


def _place(numbering: str, bodies: Sequence[Vertebra]) -> int:
    """The body that an anchor `LEVEL@Z` names, -1 for none."""
    try:
        anchor = parse(numbering)
    except UsageError:
        return -1
    if anchor.z_mm is None or not bodies:
        return -1
    away = [abs(v.center_lps_mm[2] - anchor.z_mm) for v in bodies]
    nearest = min(range(len(away)), key=away.__getitem__)
    return nearest if away[nearest] <= _ANCHOR_MM else -1
