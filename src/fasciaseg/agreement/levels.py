"""Agreement level by level. An exam shows up to 13 levels, a patient may have several exams: no
interval here takes them for independent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..geometry import FloatArray
from ..vertebrae import SCORED_LEVELS
from . import kappa as k_
from .categories import balanced, of_share, two_by_two, why_no_kappa
from .estimate import Estimate, Interval, known, notes
from .sample import Sample
from .shares import share

#: Question of all levels together, and the beginning of the name of each.
POOLED, LEVEL = "levels", "level_"


def by_level(sample: Sample) -> list[Estimate]:
    """All levels pooled, then each that is in view anywhere."""
    answers = sample.asked(lambda r: r.fascia_edema, "all")
    rows = [row for row, kept in zip(sample.rows, answers.kept, strict=True) if kept]
    marks = np.zeros((len(rows), len(SCORED_LEVELS), 2, 2))
    for i, row in enumerate(rows):
        for level in row.judged:
            a, b = level in row.first.levels, level in row.second.levels
            marks[i, SCORED_LEVELS.index(level), int(a), int(b)] = 1.0
    found = _of(POOLED, marks.sum(1), answers.kept, sample)
    for i, level in enumerate(SCORED_LEVELS):
        if marks[:, i].any():
            found += _of(f"{LEVEL}{level}", marks[:, i], answers.kept, sample)
    return [replace(e, left_out=answers.left_out) for e in found]


def _of(
    question: str, marks: FloatArray, kept: Sequence[bool] | np.ndarray, sample: Sample
) -> list[Estimate]:
    """Statistics of tables of no, yes (exams, 2, 2)."""
    whole = np.zeros((len(sample.rows), 2, 2))
    whole[np.asarray(kept, bool)] = marks
    clusters = sample.resamples.by_cluster(whole)
    counts, per_cluster = clusters.sum(0), clusters.sum((1, 2))
    common = Estimate(question, "all", "", int(counts.sum()), int((per_cluster > 0).sum()), None)
    same = clusters[:, 0, 0] + clusters[:, 1, 1]
    agreement = of_share(common, "agreement", share(same, per_cluster, sample.level))
    eye = np.eye(2)
    value = known(float(k_.kappa(counts, eye)))
    why = why_no_kappa(counts, sample.pair.first.label, sample.pair.second.label)
    clustered: Interval = None
    if value is not None and not why:
        clustered = sample.resamples.interval(
            whole.reshape(-1, 4), lambda sums: k_.kappa(sums.reshape(-1, 2, 2), eye)
        )
        if clustered is None:
            why = "too few patients or disagreements for an interval"
    return [
        agreement,
        replace(common, statistic="kappa", value=value, clustered=clustered, note=notes(why)),
        balanced(agreement, 2),
        *two_by_two(clusters, common, sample.level),
    ]
