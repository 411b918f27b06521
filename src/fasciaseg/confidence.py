"""How sure an exam's answer is: one number, and what speaks against it.

Signs are measured, each between 0 and 1: how often the answer stays the same under small changes
that shouldn't matter (the threshold, the coil's correction, a pixel's shift, one slice less),
whether it stays under a large change of the threshold, how far the nearest level is from the
one-third rule, whether the fat is dry, whether the slices agree, how sure the numbering is. A
logistic function turns them into the share of such exams whose location and severity were right; it
was fitted on the validation's tuning patients by `models/validation/calibrate.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .anatomy.levels import L5_SURE
from .edema.evidence import Evidence
from .edema.segment import Segmentation
from .options import ThresholdOptions
from .result import Classification, Confidence, Signs
from .scoring.score import Score, classify

#: Weights of the signs, from `models/validation/calibrate.py`. How much of the exam could be
#: judged, whether muscle and CSF were there and how far CSF outshines muscle got no weight.
BIAS = -3.60
WEIGHTS = {
    "stability": 1.59,
    "margin": 1.36,
    "dry": 0.86,
    "agreement": 1.06,
    "lower": 0.52,
    "higher": 0.92,
}
#: Share of scans whose names are right where L5 is sure (from `anatomy.levels.L5_SURE` on), where
#: it is seen but doubtful or bodies may be miscounted, and where it isn't seen. All names were
#: right in the calibration, so this stands apart, roughly after the cross-validation; the last is
#: a guess.
NAMES_SURE, NAMES_DOUBTFUL, NAMES_UNSEEN = 1.0, 0.5, 0.3
#: A coverage this far from one third can't be farther.
FAR = 1 / 3
#: The limits are moved by this factor to see whether the answer carries farther than by chance.
FARTHER = 1.25
#: Signs below these are named as reasons.
DOUBTFUL = {
    "stability": 0.99,
    "margin": 0.3,
    "dry": 0.99,
    "agreement": 0.5,
    "anchor": L5_SURE,
    "lower": 0.5,
    "higher": 0.5,
}
WORDS = {
    "stability": "the answer changes with small changes of {changes}",
    "margin": "a level is close to the one-third rule",
    "dry": "the subcutaneous fat holds fluid too",
    "agreement": "part of the edema is seen on one slice only",
    "anchor": "the level names are not sure",
    "lower": "with limits a fifth lower the answer is another one",
    "higher": "with limits a quarter higher the answer is another one",
}
#: Flags that make names doubtful.
NAMES = {
    "vertebra_missed": "a vertebra that wasn't found was counted",
    "vertebrae_crowded": "two vertebrae lie unusually near each other",
}
CHANGES = {
    "threshold": "the threshold",
    "coil": "the coil's correction",
    "shift": "one pixel",
    "slice": "the slices read",
}


@dataclass(frozen=True)
class Stability:
    """How often the answer stayed, and what changed it."""

    share: float
    moved_by: tuple[str, ...]


def stability(
    found: Segmentation,
    answer: Classification,
    options: ThresholdOptions,
    rescore: Callable[[Segmentation], Score],
) -> Stability:
    """Try small changes and see whether location and severity stay the same."""
    if found.evidence is None:
        return Stability(0.0, ())
    kinds = []
    moved = []
    for kind, changed in _changed(found, found.evidence, options):
        kinds.append(kind)
        if not _stays(changed, found, answer, rescore):
            moved.append(kind)
    return Stability(1 - len(moved) / len(kinds), tuple(dict.fromkeys(moved)))


def carries(
    found: Segmentation,
    answer: Classification,
    options: ThresholdOptions,
    rescore: Callable[[Segmentation], Score],
) -> tuple[bool, bool]:
    """Whether the answer stays where the limits are lowered, and raised, by `FARTHER`.

    Edema too faint to be found turns up when they are lowered, what only looks like edema goes
    when they are raised.
    """
    evidence = found.evidence
    if evidence is None:
        return False, False

    def stays(factor: float) -> bool:
        edema, _ = evidence.edema(options, [over * factor for over in evidence.excess])
        return _stays(found.with_edema(edema), found, answer, rescore)

    return stays(FARTHER), answer.fascia_edema is False or stays(1 / FARTHER)


def _stays(
    changed: Segmentation,
    found: Segmentation,
    answer: Classification,
    rescore: Callable[[Segmentation], Score],
) -> bool:
    """Whether a changed segmentation gives the answer that was `found`."""
    same = all(map(np.array_equal, changed.masks, found.masks))
    return same or classify(rescore(changed).levels) == answer


def _changed(
    found: Segmentation, evidence: Evidence, options: ThresholdOptions
) -> Iterable[tuple[str, Segmentation]]:
    for kind, excess in evidence.changes():
        edema, _ = evidence.edema(options, excess)
        yield kind, found.with_edema(edema)
    masks = [found.masks[i] for i in found.read]
    for left_out in {0, len(masks) - 1} if len(masks) > 1 else ():
        fewer = [m & (i != left_out) for i, m in enumerate(masks)]
        yield "slice", found.with_edema(fewer)


def signs_of(
    found: Segmentation,
    stable: Stability,
    carried: tuple[bool, bool],
    scored: Score,
    anchor: float,
) -> Signs:
    """What is measured, each 0 to 1; `carried` is of `carries`, `anchor` how sure L5 is."""
    judged = [r for r in scored.per_level if r.involved is not None]
    nearest = min((abs(r.coverage - 1 / 3) for r in judged), default=0.0)
    in_view = set(scored.in_view)
    return Signs(
        stability=round(stable.share, 3),
        margin=round(min(nearest / FAR, 1.0), 3),
        dry=round(1 - len(found.wet & in_view) / max(len(in_view), 1), 3),
        agreement=round(found.agreement(), 3),
        anchor=round(anchor, 3),
        lower=float(carried[0]),
        higher=float(carried[1]),
    )


def confidence_of(
    signs: Signs, moved_by: Sequence[str] = (), doubts: Sequence[str] = ()
) -> Confidence:
    """The number and its reasons.

    Args:
        signs: what was measured.
        moved_by: the changes that moved the answer.
        doubts: what else speaks against the names, of `NAMES`.
    """
    values = signs.to_dict()
    logit = BIAS + sum(weight * values[n] for n, weight in WEIGHTS.items())
    names = (
        NAMES_UNSEEN
        if not signs.anchor
        else NAMES_SURE
        if signs.anchor >= L5_SURE and not doubts
        else NAMES_DOUBTFUL
    )
    changes = ", ".join(CHANGES[k] for k in moved_by)
    reasons = tuple(
        WORDS[n].format(changes=changes) for n, least in DOUBTFUL.items() if values[n] < least
    )
    reasons += tuple(NAMES[doubt] for doubt in doubts)
    return Confidence(round(names / (1 + math.exp(-logit)), 3), reasons, signs)
