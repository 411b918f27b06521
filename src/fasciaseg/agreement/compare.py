"""One pair of raters: every question, every statistic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from . import categories, levels, measures
from .bootstrap import Resamples
from .categories import Count
from .estimate import Estimate
from .options import AgreeOptions
from .pairs import Both, Numbering, Pair, both, n_renumbered, n_unknown_numbering
from .ratings import Ratings
from .sample import Sample


@dataclass(frozen=True)
class Comparison:
    """What two raters agree on.

    Attributes:
        pair: the two.
        numbering: levels as each named them, or with different numberings undone.
        rows: the exams that both have rated.
        clusters: patients that these come from.
        renumbered: exams whose vertebrae the two number differently.
        unknown: exams of which that can't be told; without different numberings they are left
            out.
        estimates, counts: the numbers.
    """

    pair: Pair
    numbering: Numbering
    rows: Sequence[Both]
    clusters: int
    renumbered: int
    unknown: int
    estimates: Sequence[Estimate]
    counts: Sequence[Count]


def compare(ratings: Ratings, pair: Pair, options: AgreeOptions) -> tuple[Comparison, ...]:
    """The comparison with the levels as named, and with different numberings undone."""
    named = _compared(ratings, pair, "as_named", options)
    if not named.renumbered and not named.unknown:
        return named, replace(named, numbering="aligned")
    return named, _compared(ratings, pair, "aligned", options)


def _compared(
    ratings: Ratings, pair: Pair, numbering: Numbering, options: AgreeOptions
) -> Comparison:
    rows = both(ratings, pair, numbering)
    names = [ratings.cluster(row.exam) for row in rows]
    places = {name: i for i, name in enumerate(dict.fromkeys(names))}
    draws = Resamples(
        np.asarray([places[name] for name in names], int),
        options.resamples,
        options.seed,
        options.confidence_level,
    )
    unrated = _unrated(ratings, pair)
    if numbering == "aligned" and (lost := n_unknown_numbering(both(ratings, pair, "as_named"))):
        unrated["numbering unknown"] = lost
    sample = Sample(pair, rows, draws, unrated, options.confidence_level)
    estimates: list[Estimate] = []
    counts: list[Count] = []
    for question in categories.QUESTIONS:
        found, cells = categories.asked(question, sample)
        if question.optional and not cells:
            continue
        estimates += found
        counts += cells
    for measure in measures.MEASURES:
        for subset in measures.SUBSETS:
            estimates += measures.measured(measure, subset, sample)
    estimates += levels.by_level(sample)
    as_named = both(ratings, pair, "as_named")
    return Comparison(
        pair=pair,
        numbering=numbering,
        rows=rows,
        clusters=len(places),
        renumbered=n_renumbered(as_named),
        unknown=n_unknown_numbering(as_named),
        estimates=tuple(estimates),
        counts=tuple(counts),
    )


def _unrated(ratings: Ratings, pair: Pair) -> dict[str, int]:
    """Exams that only one of the two has rated."""
    first, second = ratings.of[pair.first].keys(), ratings.of[pair.second].keys()
    told = {
        f"not rated by {pair.first.label}": len(second - first),
        f"not rated by {pair.second.label}": len(first - second),
    }
    return {why: n for why, n in told.items() if n}
