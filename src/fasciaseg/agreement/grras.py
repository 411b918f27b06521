"""The checklist for reports of reliability and agreement, as far as it can be filled in.

Source: Kottner et al., J Clin Epidemiol 2011;64:96-106 (GRRAS, 15 items, here in other words).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from ..report.words import number
from ..version import __version__
from . import told
from .compare import Comparison
from .document import Block, Cell, Heading, Table, Text
from .options import AgreeOptions
from .page import methods
from .ratings import Rater, Ratings

TITLE = "GRRAS checklist"
_YOURS = "To write: "


def blocks(
    ratings: Ratings, comparisons: Sequence[Comparison], options: AgreeOptions
) -> list[Block]:
    """The page: every item, what is known, and what only the author can say."""
    rows = [
        [Cell(f"{i}. {item}"), Cell(known), Cell(f"{_YOURS}{yours}" if yours else "")]
        for i, (item, known, yours) in enumerate(_items(ratings, comparisons, options), 1)
    ]
    return [
        Heading(TITLE, 1),
        Text(
            "The items of the Guidelines for Reporting Reliability and Agreement Studies (Kottner "
            "et al., J Clin Epidemiol 2011;64:96–106), shortened. The second column is filled in "
            "from the ratings; the third is for the author."
        ),
        Table("Items", ["Item", "Known from the ratings", "Yours"], rows, wide=True),
    ]


def _items(
    ratings: Ratings, comparisons: Sequence[Comparison], options: AgreeOptions
) -> list[tuple[str, str, str]]:
    readers = ratings.raters("reader")
    named = [c for c in comparisons if c.numbering == "as_named"]
    subjects = _subjects(ratings)
    left_out = "; ".join(
        f"{told.pair(c.pair)}: {told.left_out(e) or 'none'}"
        for c in named
        for e in c.estimates
        if (e.question, e.statistic) == ("fascia_edema", "agreement")
    )
    return [
        ("Title or abstract says that agreement was studied", "", "the title or abstract."),
        (
            "The device",
            f"fasciaseg {__version__}, edema of the posterior (thoracolumbar) fascia on sagittal "
            "MRI; levels T5 to L5; an involved level is one of whose fascia edema covers at least "
            "a third (unless the batch was run with another share).",
            "scanner, field strength, sequences; the display that the readers used.",
        ),
        ("The subjects", "", "whose exams these are: inclusion, exclusion, setting."),
        (
            "The raters that these stand for",
            f"{_many(len(readers), 'reader')}"
            f"{', the software' if ratings.raters('software') else ''}"
            f"{', a consensus of the readers' if ratings.raters('consensus') else ''}.",
            "specialty and experience of the readers you want to speak of.",
        ),
        ("What is known already, and why this study", "", "the background and the reason."),
        (
            "Sample size",
            f"Rated: {subjects} by {_many(len(readers), 'reader')}; each rated an exam once (no "
            "replicates).",
            "how the number was chosen beforehand; that no replicate was planned, or why.",
        ),
        ("Sampling", "", "how exams and readers were picked: consecutive, random, by severity."),
        (
            "The rating process",
            f"{_time(ratings, readers)} With fasciaseg review, each reader sees the exams in a "
            "random order of their own, and not what the other reader marked.",
            "whether the software's result was hidden; whether clinical information was; time "
            "between readings; training before.",
        ),
        (
            "Independence",
            "The ratings that are compared were stored for each reader separately. The software "
            "read without the readers. The consensus isn't independent of the readers: that is "
            "why readers aren't compared with it unless asked for.",
            "whether readers spoke about exams before both had rated them.",
        ),
        ("Statistical analysis", " ".join(methods(ratings, options)), "the software's citation."),
        (
            "Numbers actually included",
            f"{'; '.join(_rated(ratings, rater) for rater in ratings.everyone)}. In the question "
            f"for fascia edema: {left_out}.",
            "why exams weren't rated.",
        ),
        (
            "Raters and subjects described",
            _frequencies(ratings),
            "age, sex, fracture, time since trauma; years of experience of each reader.",
        ),
        (
            "Estimates with their uncertainty",
            "agreement.html: kappa, weighted kappa, PABAK, agreement, ICC(2,1), limits of "
            "agreement, each with an interval at a confidence level of "
            f"{100 * options.confidence_level:g}%.",
            "",
        ),
        (
            "What it means in practice",
            "",
            "whether this agreement is enough for the use you have in mind.",
        ),
        (
            "Detailed results",
            "agreement.csv (every number), counts.csv (cross tables), figures/. They hold the "
            "raters' names as typed, and no exam.",
            "where they can be found.",
        ),
    ]


def _subjects(ratings: Ratings) -> str:
    exams = ratings.exams
    text = _many(len(exams), "exam")
    if not ratings.linked:
        return f"{text} (patients not known: no linkage file)"
    return f"{text} of {_many(len({ratings.cluster(e) for e in exams}), 'patient')}"


def _time(ratings: Ratings, readers: Sequence[Rater]) -> str:
    parts = []
    for reader in readers:
        seconds = [r.seconds for r in ratings.of[reader].values() if r.seconds is not None]
        if seconds:
            middle = number(statistics.median(seconds))
            parts.append(f"{told.rater(reader)} {middle} s an exam (median)")
    return f"Time: {', '.join(parts)}." if parts else ""


def _rated(ratings: Ratings, rater: Rater) -> str:
    answers = ratings.of[rater].values()
    without = sum(r.fascia_edema is None for r in answers)
    return f"{told.rater(rater)} rated {_many(len(answers), 'exam')}, {without} without an answer"


def _frequencies(ratings: Ratings) -> str:
    parts = []
    for rater in ratings.everyone:
        answers = [r for r in ratings.of[rater].values() if r.fascia_edema is not None]
        found = sum(bool(r.fascia_edema) for r in answers)
        parts.append(f"{told.rater(rater)}: {found} of {len(answers)}")
    return f"Exams with fascia edema among those answered: {'; '.join(parts)}."


def _many(n: int, noun: str) -> str:
    return f"1 {noun}" if n == 1 else f"{n} {noun}s"
