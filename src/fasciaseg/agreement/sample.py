"""The exams of a pair that a question can be asked of, and why the others are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..geometry import BoolArray, FloatArray
from .bootstrap import Resamples
from .estimate import Subset
from .pairs import Both, Pair
from .ratings import Rating


@dataclass(frozen=True)
class Sample:
    """The exams that both of a pair have rated.

    Attributes:
        pair: the two raters.
        rows: the exams.
        resamples: draws of their patients.
        unrated: {why: how many exams} that only one of the two has rated.
        level: confidence level.
    """

    pair: Pair
    rows: Sequence[Both]
    resamples: Resamples
    unrated: Mapping[str, int]
    level: float

    def asked(self, answer: Callable[[Rating], Any], subset: Subset) -> Asked:
        """Ask every exam of the subset."""
        inside = [_inside(row, subset) for row in self.rows]
        left_out = Counter(self.unrated if subset == "all" else {})
        kept = []
        for row, counts in zip(self.rows, inside, strict=True):
            lacking = [
                (rater.label, rating)
                for rater, rating in ((self.pair.first, row.first), (self.pair.second, row.second))
                if answer(rating) is None
            ]
            kept.append(counts and not lacking)
            if counts and lacking:
                who = "both" if len(lacking) == 2 else lacking[0][0]
                judged = all(r.fascia_edema is not None for _, r in lacking)
                left_out[f"{'not given by' if judged else 'no answer by'} {who}"] += 1
        values = [
            (answer(row.first), answer(row.second))
            for row, counts in zip(self.rows, kept, strict=True)
            if counts
        ]
        return Asked(self, np.asarray(kept, bool), values, dict(left_out))


@dataclass(frozen=True)
class Asked:
    """Answers of both to one question.

    Attributes:
        sample: where they come from.
        kept: (rows,) which exams have both answers.
        values: the two answers of each exam kept.
        left_out: {why: how many exams}.
    """

    sample: Sample
    kept: BoolArray
    values: Sequence[tuple[Any, Any]]
    left_out: Mapping[str, int]

    @property
    def n(self) -> int:
        """Exams with both answers."""
        return len(self.values)

    @property
    def clusters(self) -> int:
        """Patients that these come from."""
        return int((self.by_cluster(np.ones(self.n)) > 0).sum())

    def spread(self, values: FloatArray) -> FloatArray:
        """Values of the exams kept, with zeros for the others: (rows, ...)."""
        whole = np.zeros((len(self.kept), *values.shape[1:]))
        whole[self.kept] = values
        return whole

    def by_cluster(self, values: FloatArray) -> FloatArray:
        """Sums over the exams kept of each patient."""
        return self.sample.resamples.by_cluster(self.spread(values))


def _inside(row: Both, subset: Subset) -> bool:
    found = [r.fascia_edema is True for r in (row.first, row.second)]
    if subset == "all":
        return True
    # Where one can't judge, nobody knows: neither of the subsets holds the exam.
    if row.first.fascia_edema is None or row.second.fascia_edema is None:
        return False
    return all(found) if subset == "both_edema" else any(found)
