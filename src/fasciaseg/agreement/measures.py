"""Agreement on measurements: number of levels and length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ..geometry import FloatArray
from . import differences, icc
from .estimate import Estimate, Interval, Subset, few, known, notes
from .ratings import Rating
from .sample import Asked, Sample


@dataclass(frozen=True)
class Measure:
    """Something measured; `unit` and `title` are for figures."""

    name: str
    title: str
    unit: str
    value: Callable[[Rating], float | None]


LENGTH = Measure("length_mm", "Length of the edema", "mm", lambda r: r.length_mm)
COUNT = Measure("n_levels", "Number of levels", "levels", lambda r: r.n_levels)
MEASURES = (COUNT, LENGTH)
SUBSETS: tuple[Subset, ...] = ("all", "either_edema", "both_edema")

_SAME = "all values are the same: ICC has no value"
_EQUAL = "all differences are the same: the limits have no width"
_WIDTHLESS = "the interval of ICC has no width, or its formula breaks down below 0"
_NONE = "fewer than two exams with both values"


def measured(measure: Measure, subset: Subset, sample: Sample) -> list[Estimate]:
    """ICC(2,1), bias and limits of agreement of a measure."""
    answers = sample.asked(measure.value, subset)
    common = Estimate(
        measure.name, subset, "", answers.n, answers.clusters, None, left_out=answers.left_out
    )
    if answers.n < 2:
        names = ("icc_2_1", "bias", "lower_limit", "upper_limit", "sd_difference")
        return [replace(common, statistic=name, note=_NONE) for name in names]
    return [_icc(common, answers), *_limits(common, answers)]


def _icc(common: Estimate, answers: Asked) -> Estimate:
    pairs = np.asarray(answers.values, float)
    pairs -= pairs.mean()  # sums of squares of small numbers lose nothing
    squares = icc.mean_squares(pairs)
    value = known(float(icc.coefficient(squares)))
    sums = answers.spread(icc.pair_sums(pairs[:, 0], pairs[:, 1]))
    interval: Interval = None
    clustered: Interval = None
    if value is not None:
        interval = icc.interval(squares, answers.sample.level)
        clustered = answers.sample.resamples.interval(
            sums, lambda s: icc.coefficient(icc.from_sums(s))
        )
    return replace(
        common,
        statistic="icc_2_1",
        value=value,
        interval=interval,
        method="mcgraw_wong" if interval else "",
        clustered=clustered,
        note=notes(
            _SAME if value is None else "",
            _WIDTHLESS if value is not None and interval is None else "",
            few(answers.n) if interval else "",
        ),
    )


def _limits(common: Estimate, answers: Asked) -> list[Estimate]:
    pairs = np.asarray(answers.values, float)
    apart = pairs[:, 0] - pairs[:, 1]
    found = differences.limits(apart, answers.sample.level)
    assert found is not None  # two exams are there
    sums = answers.spread(differences.difference_sums(apart))
    rows = []
    for name, value, half in (
        ("bias", found.bias, found.bias_half),
        ("lower_limit", found.lower, found.limit_half),
        ("upper_limit", found.upper, found.limit_half),
    ):
        rows.append(
            replace(
                common,
                statistic=name,
                value=value,
                interval=(value - half, value + half) if half > 0 else None,
                method="bland_altman" if half > 0 else "",
                clustered=answers.sample.resamples.interval(sums, partial(_one, name)),
                note=few(answers.n) if half > 0 else _EQUAL,
            )
        )
    return [*rows, replace(common, statistic="sd_difference", value=found.sd)]


def _one(name: str, sums: FloatArray) -> FloatArray:
    return differences.from_sums(sums)[name]
