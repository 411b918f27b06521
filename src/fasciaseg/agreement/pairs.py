"""Which raters are compared, and what each exam says about the two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal, TypeAlias

from ..errors import UsageError
from ..scoring.score import classify
from ..vertebrae import LEVELS, SCORED_LEVELS
from .ratings import Rater, Rating, Ratings

Numbering: TypeAlias = Literal["as_named", "aligned"]
NUMBERINGS: tuple[Numbering, ...] = ("as_named", "aligned")


@dataclass(frozen=True)
class Pair:
    """Two raters."""

    first: Rater
    second: Rater

    @property
    def kind(self) -> str:
        """`reader-reader`, `reader-software`, `software-consensus`, …"""
        return f"{self.first.role}-{self.second.role}"


@dataclass(frozen=True)
class Both:
    """One exam that both have rated.

    Attributes:
        exam: its hash.
        first, second: the two ratings.
        judged: levels that both could have marked, head to foot.
    """

    exam: str
    first: Rating
    second: Rating
    judged: tuple[str, ...]


def chosen(ratings: Ratings, wanted: Sequence[str]) -> tuple[Pair, ...]:
    """The pairs to compare: those wanted (`ANNA:BEN`), or readers with each other, each reader
    with the software, and the software with the consensus.

    Raises:
        UsageError: `unknown_rater` or `bad_pair`; `one_rater`, there is nobody to compare with.
    """
    if wanted:
        return tuple(dict.fromkeys(_pair(ratings, text) for text in wanted))
    readers = ratings.raters("reader")
    software, consensus = ratings.raters("software"), ratings.raters("consensus")
    pairs = [
        *(Pair(a, b) for a, b in combinations(readers, 2)),
        *(Pair(a, b) for a in readers for b in software),
        *(Pair(a, b) for a in software for b in consensus),
    ]
    if not pairs:
        raise UsageError(
            "one_rater",
            "There is nothing to compare: the table holds the ratings of one rater only.",
            "Have a second reader review the exams, and export again.",
        )
    return tuple(pairs)


def both(ratings: Ratings, pair: Pair, numbering: Numbering) -> tuple[Both, ...]:
    """The exams that both have rated, by exam.

    With `aligned`, an exam whose vertebrae the two number differently is put into the
    software's names, and only levels that both could mark count; an exam whose numbering can't
    be compared is left out.
    """
    first, second = ratings.of[pair.first], ratings.of[pair.second]
    rows = []
    for exam in sorted(first.keys() & second.keys()):
        a, b = first[exam], second[exam]
        named = SCORED_LEVELS
        if numbering == "aligned":
            if a.shift is None or b.shift is None:
                continue
            if a.shift != b.shift:
                named = _common(a.shift, b.shift)
                a, b = _renamed(a, a.shift, named), _renamed(b, b.shift, named)
        seen = ratings.in_view.get(exam, frozenset(SCORED_LEVELS)) | a.levels | b.levels
        rows.append(Both(exam, a, b, tuple(level for level in named if level in seen)))
    return tuple(rows)


def n_renumbered(rows: Iterable[Both]) -> int:
    """Exams whose vertebrae the two number differently."""
    return sum(row.first.shift != row.second.shift for row in rows if not _unknown(row))


def n_unknown_numbering(rows: Iterable[Both]) -> int:
    """Exams of which nobody knows whether the two number the vertebrae alike."""
    return sum(map(_unknown, rows))


def _unknown(row: Both) -> bool:
    return row.first.shift is None or row.second.shift is None


def _pair(ratings: Ratings, text: str) -> Pair:
    by_label = {rater.label: rater for rater in reversed(ratings.everyone)}
    names = ", ".join(rater.label for rater in ratings.everyone)
    cuts = [i for i, sign in enumerate(text) if sign == ":"]
    if not cuts:
        raise UsageError(
            "bad_pair",
            f"--pairs takes two raters as FIRST:SECOND, not {text!r}.",
            f"Known: {names}.",
        )
    for cut in cuts:  # a reader's name may hold a colon
        first, second = text[:cut].strip(), text[cut + 1 :].strip()
        if first in by_label and second in by_label:
            if first == second:
                raise UsageError("bad_pair", f"--pairs {text!r} compares a rater with itself.")
            return Pair(by_label[first], by_label[second])
    raise UsageError("unknown_rater", f"--pairs {text!r}: no such raters.", f"Known: {names}.")


def _common(*shifts: int) -> tuple[str, ...]:
    """Scored levels that are, in the software's names, scored levels to everyone."""
    scored = [LEVELS.index(level) for level in SCORED_LEVELS]
    return tuple(
        LEVELS[place] for place in scored if all(place + shift in scored for shift in shifts)
    )


def _renamed(rating: Rating, shift: int, common: Sequence[str]) -> Rating:
    """The rating in the software's names, with nothing but the common levels."""
    if rating.fascia_edema is None:
        return rating
    places = (LEVELS.index(level) - shift for level in rating.levels)
    levels = frozenset(LEVELS[p] for p in places if 0 <= p < len(LEVELS)) & set(common)
    told = classify(tuple(levels))
    unplaced = rating.fascia_edema and not levels
    return replace(
        rating,
        levels=levels,
        n_levels=len(levels),
        location=None if unplaced else told.location,
        severity=None if unplaced else told.severity,
    )
