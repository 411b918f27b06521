"""Agreement on answers that are categories: edema or not, location, severity, level count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import ndtri

from ..geometry import FloatArray
from ..review.reading import QUALITIES
from ..vertebrae import SCORED_LEVELS
from . import kappa as k_
from .estimate import Estimate, Interval, Subset, few, known, notes
from .kappa import Weighting
from .ratings import Rating
from .reviews import LOCATIONS, SEVERITIES
from .sample import Asked, Sample
from .shares import Share, share, specific


@dataclass(frozen=True)
class Question:
    """A question with a fixed list of answers.

    Attributes:
        name: as in the tables.
        categories: the answers, in their order if they have one.
        answer: a rating's answer; None without one.
        weightings: weights of kappa; weighted ones make sense for ordered answers only.
        subset: the exams that are asked.
        balanced: also give the kappa of equally frequent categories.
        optional: not spoken of where no exam has both answers.
    """

    name: str
    categories: Sequence[Any]
    answer: Callable[[Rating], Any]
    weightings: tuple[Weighting, ...] = ("none",)
    subset: Subset = "all"
    balanced: bool = True
    optional: bool = False


@dataclass(frozen=True)
class Count:
    """One cell of a cross table."""

    question: str
    subset: Subset
    first_answer: str
    second_answer: str
    n: int


_ORDERED: tuple[Weighting, ...] = ("none", "linear", "quadratic")
QUESTIONS: tuple[Question, ...] = (
    Question("answerable", (False, True), lambda r: r.fascia_edema is not None),
    Question("fascia_edema", (False, True), lambda r: r.fascia_edema),
    Question("location", LOCATIONS, lambda r: r.location),
    Question("location", LOCATIONS[1:], lambda r: r.location, subset="both_edema"),
    Question("severity", SEVERITIES, lambda r: r.severity, _ORDERED),
    Question("severity", SEVERITIES[1:], lambda r: r.severity, subset="both_edema"),
    Question(
        "n_levels",
        range(len(SCORED_LEVELS) + 1),
        lambda r: r.n_levels,
        ("linear", "quadratic"),
        balanced=False,
    ),
    Question(
        "image_quality", tuple(reversed(QUALITIES)), lambda r: r.quality, _ORDERED, optional=True
    ),
)


def asked(question: Question, sample: Sample) -> tuple[list[Estimate], list[Count]]:
    """All statistics of a question, and the cells of its cross table that aren't empty."""
    answers = sample.asked(question.answer, question.subset)
    place = {category: i for i, category in enumerate(question.categories)}
    cells = [(place[a], place[b]) for a, b in answers.values]
    k, n, level = len(place), answers.n, sample.level
    common = Estimate(
        question.name, question.subset, "", n, answers.clusters, None, left_out=answers.left_out
    )
    counts = k_.table([a for a, _ in cells], [b for _, b in cells], k)
    in_cells = np.zeros((n, k * k))
    in_cells[np.arange(n), [a * k + b for a, b in cells]] = 1.0
    found = [_agreement(answers, cells, common, level)]
    if question.name == "n_levels":
        found.append(_agreement(answers, cells, common, level, within=1))
    found += [
        _kappa(common, counts, in_cells, weighting, answers) for weighting in question.weightings
    ]
    if question.balanced:
        found.append(balanced(found[0], k))
    if question.categories == (False, True):
        found += two_by_two(answers.by_cluster(in_cells).reshape(-1, 2, 2), common, level)
    named = [
        Count(question.name, question.subset, text(a), text(b), int(counts[i, j]))
        for i, a in enumerate(question.categories)
        for j, b in enumerate(question.categories)
        if counts[i, j]
    ]
    return found, named


def text(category: object) -> str:
    """A category as in the batch's tables."""
    return str(category).lower() if isinstance(category, bool) else str(category)


def of_share(common: Estimate, statistic: str, found: Share | None) -> Estimate:
    """A share as an estimate."""
    if found is None:
        return replace(common, statistic=statistic, note="no exam to count")
    method = "wilson" if found.design_effect == 1 else "wilson_design_effect"
    return replace(
        common,
        statistic=statistic,
        value=found.value,
        interval=(found.low, found.high),
        method=method,
    )


def balanced(agreement: Estimate, k: int) -> Estimate:
    """PABAK from the share of agreement, its interval with it."""
    if agreement.value is None:
        return replace(agreement, statistic="pabak")
    low, high = agreement.interval or (np.nan, np.nan)
    return replace(
        agreement,
        statistic="pabak",
        value=k_.pabak(agreement.value, k),
        interval=(k_.pabak(low, k), k_.pabak(high, k)),
    )


def two_by_two(by_cluster: FloatArray, common: Estimate, level: float) -> list[Estimate]:
    """Positive and negative agreement, prevalence and bias index.

    Args:
        by_cluster: tables of no, yes (clusters, 2, 2).
        common: what the estimates share.
        level: confidence level.
    """
    one = by_cluster[:, 0, 1] + by_cluster[:, 1, 0]
    yes, no = by_cluster[:, 1, 1], by_cluster[:, 0, 0]
    counts = by_cluster.sum(0)
    found = []
    for name, agreed, word in (("positive", yes, "yes"), ("negative", no, "no")):
        told = of_share(common, f"{name}_agreement", specific(agreed, one, level))
        if told.value is None and counts.sum():
            told = replace(told, note=f"nobody answered {word}")
        found.append(told)
    if counts.sum():
        found += [
            replace(common, statistic="prevalence_index", value=k_.prevalence_index(counts)),
            replace(common, statistic="bias_index", value=k_.bias_index(counts)),
        ]
    return found


def why_no_kappa(counts: FloatArray, first: str, second: str) -> str:
    """What a kappa that is missing, or 0 by itself, comes from."""
    if not counts.sum():
        return "no exam to count"
    rows, columns = (counts.sum(1) > 0).sum() == 1, (counts.sum(0) > 0).sum() == 1
    if rows and columns:
        same = np.trace(counts) > 0
        return (
            "both gave one and the same answer throughout: kappa has no value"
            if same
            else "each gave one answer throughout: kappa is 0 whatever it is"
        )
    if rows or columns:
        return f"{first if rows else second} gave one answer throughout: kappa can only be 0"
    if np.trace(counts) == counts.sum():
        return "no disagreement: the interval of kappa has no width, see that of the agreement"
    return ""


def _agreement(
    answers: Asked,
    cells: Sequence[tuple[int, int]],
    common: Estimate,
    level: float,
    within: int = 0,
) -> Estimate:
    same = np.asarray([abs(a - b) <= within for a, b in cells], float)
    found = share(answers.by_cluster(same), answers.by_cluster(np.ones(len(same))), level)
    return of_share(common, "agreement_within_1" if within else "agreement", found)


def _kappa(
    common: Estimate,
    counts: FloatArray,
    in_cells: FloatArray,
    weighting: Weighting,
    answers: Asked,
) -> Estimate:
    sample, k = answers.sample, len(counts)
    w = k_.weights(k, weighting)
    value = known(float(k_.kappa(counts, w)))
    why = why_no_kappa(counts, sample.pair.first.label, sample.pair.second.label)
    interval: Interval = None
    clustered: Interval = None
    if value is not None and not why:
        half = -_quantile(sample.level) * k_.standard_error(counts, w)
        interval = (max(value - half, -1.0), min(value + half, 1.0))
        clustered = sample.resamples.interval(
            answers.spread(in_cells), lambda sums: k_.kappa(sums.reshape(-1, k, k), w)
        )
    return replace(
        common,
        statistic="kappa" if weighting == "none" else f"kappa_{weighting}",
        value=value,
        interval=interval,
        method="fleiss_cohen_everitt" if interval else "",
        clustered=clustered,
        note=notes(why, few(answers.n) if interval else ""),
    )


def _quantile(level: float) -> float:
    """Standard normal quantile of the lower tail."""
    return float(ndtri((1 - level) / 2))
