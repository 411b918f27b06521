"""One number of the report, with its intervals and what has to be said about it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Subset: TypeAlias = Literal["all", "either_edema", "both_edema"]
Interval: TypeAlias = tuple[float, float] | None

#: Below this number of exams, large-sample intervals are rough.
FEW = 30


@dataclass(frozen=True)
class Estimate:
    """One statistic of one question.

    Attributes:
        question: `fascia_edema`, `location`, …, `level_T12`.
        subset: all exams that both answered, or those in which either or both found edema.
        statistic: `agreement`, `kappa`, `icc_2_1`, …
        n: exams (for `levels`, levels of exams) that it rests on.
        clusters: patients, or exams without a linkage file, that these come from.
        value: None where there is none; then `note` says why.
        interval: by `method`.
        method: how the interval was made.
        clustered: percentile interval of the bootstrap by patient.
        left_out: {why: how many exams}.
        note: what has to be known to read the number; may be empty.
    """

    question: str
    subset: Subset
    statistic: str
    n: int
    clusters: int
    value: float | None
    interval: Interval = None
    method: str = ""
    clustered: Interval = None
    left_out: Mapping[str, int] = field(default_factory=dict)
    note: str = ""


def known(value: float) -> float | None:
    """None for what isn't a number."""
    return float(value) if math.isfinite(value) else None


def notes(*said: str) -> str:
    """Notes in a row, without the empty ones."""
    return "; ".join(note for note in said if note)


def few(n: int) -> str:
    """The note on a small sample."""
    return f"fewer than {FEW} exams: the interval is rough" if 0 < n < FEW else ""
