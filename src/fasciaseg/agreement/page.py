"""The report as a page: `agreement.html` and `agreement.md`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..report.words import DISCLAIMER
from ..version import __version__
from ..vertebrae import SCORED_LEVELS
from . import told
from .compare import Comparison
from .document import Block, Cell, Heading, Items, Picture, Table, Text
from .estimate import Estimate
from .figures import Drawn
from .levels import LEVEL, POOLED
from .options import AgreeOptions
from .ratings import Ratings

TITLE = "Agreement on fascia edema"
FIGURES = "figures"
_ANSWERS = {
    "agreement": "Agreement",
    "kappa": "Kappa",
    "kappa_linear": "Kappa, linear weights",
    "kappa_quadratic": "Kappa, quadratic weights",
    "pabak": "PABAK",
}
_LEVELS = {
    "agreement": "Agreement",
    "kappa": "Kappa",
    "pabak": "PABAK",
    "positive_agreement": "Positive agreement",
    "negative_agreement": "Negative agreement",
}
_MEASURES = {
    "icc_2_1": "ICC(2,1)",
    "bias": "Mean difference",
    "lower_limit": "Lower limit",
    "upper_limit": "Upper limit",
    "sd_difference": "SD of differences",
}
_ASKED = ("answerable", "fascia_edema", "location", "severity", "n_levels", "image_quality")
_MEASURED = ("n_levels", "length_mm")
_MAIN = (
    ("Fascia edema, kappa", "fascia_edema", "kappa"),
    ("Location, kappa", "location", "kappa"),
    ("Severity, quadratic kappa", "severity", "kappa_quadratic"),
    ("Number of levels, ICC(2,1)", "n_levels", "icc_2_1"),
    ("Length, ICC(2,1)", "length_mm", "icc_2_1"),
)


def blocks(
    ratings: Ratings,
    comparisons: Sequence[Comparison],
    drawn: Mapping[int | None, Sequence[Drawn]],
    options: AgreeOptions,
) -> list[Block]:
    """The page's parts.

    Args:
        ratings: everything that was rated.
        comparisons: two for each pair, as named and aligned, one after the other.
        drawn: figures by the pair's place, from 1; None: those of all.
        options: as the user set them.
    """
    named = [c for c in comparisons if c.numbering == "as_named"]
    found: list[Block] = [
        Heading(TITLE, 1),
        Text(f"fasciaseg {__version__}. {DISCLAIMER}."),
        *_overview(ratings, named),
        *_pictures(drawn.get(None, ())),
    ]
    for place, comparison in enumerate(named, 1):
        aligned = next(
            c for c in comparisons if c.pair == comparison.pair and c.numbering == "aligned"
        )
        found += _pair(comparison, aligned, ratings.linked)
        found += _pictures(drawn.get(place, ()))
    return [*found, Heading("How this was computed", 2), Items(methods(ratings, options))]


def methods(ratings: Ratings, options: AgreeOptions) -> list[str]:
    """The statistics in words that can go into a paper, with their sources."""
    level = f"{100 * options.confidence_level:g}%"
    unit = "patient" if ratings.linked else "exam"
    whole = "patients with all their exams" if ratings.linked else "exams"
    clustered = (
        "Exams of the same patient, by the linkage file, count as one cluster."
        if ratings.linked
        else "No linkage file was given: each exam counts as a patient of its own. Where "
        "patients have several exams, the intervals are too narrow."
    )
    return [
        f"All intervals are {level} intervals. {clustered}",
        "Agreement: share of exams with the same answer; Wilson's score interval at the effective "
        "sample size (design effect of Rao and Scott 1992), which is the number of exams where "
        "no patient has two.",
        "Positive and negative agreement (“yes” and “no”; Cicchetti and Feinstein 1990): Wilson's "
        "interval of the share J of agreement among exams that either called so, carried over by "
        "2J/(1 + J).",
        "Kappa: Cohen 1960; weighted: Cohen 1968. First interval: large-sample standard error of "
        "Fleiss, Cohen and Everitt 1969, which takes exams for independent. Second interval "
        f"(by {unit}): percentiles of {options.resamples:,} bootstrap resamples (seed "
        f"{options.seed}) of {whole} (Field and Welsh 2007). Levels have the "
        "second one only.",
        "PABAK: prevalence- and bias-adjusted kappa, Byrt, Bishop and Carlin 1993; for k "
        "categories (k · agreement − 1)/(k − 1), Brennan and Prediger 1981.",
        "ICC(2,1): two-way random effects, absolute agreement, one rater; Shrout and Fleiss 1979; "
        "interval of McGraw and Wong 1996, ICC(A,1).",
        "Mean difference and limits of agreement, first rater minus second: Bland and Altman "
        "1986; limits = mean ± 1.96 SD, standard error of a limit √(3/n) · SD, t quantiles. "
        "Exams in which neither found edema are 0 to both: over all exams they raise the ICC and "
        "narrow the limits, so the figures leave them out and the tables show both.",
        "An exam that a rater couldn't judge is left out of every question but “Can the exam be "
        "judged”, and counted under “left out”. Levels out of view (by the batch's results) are "
        "left out unless one of the two marked them.",
        "Different numberings undone: where the two name the vertebrae of an exam differently, "
        "both are put into the software's names, and only levels that both could mark count.",
    ]


def _overview(ratings: Ratings, named: Sequence[Comparison]) -> list[Block]:
    rows = []
    for c in named:
        cells = [Cell(told.pair(c.pair)), Cell(told.exams(c, ratings.linked))]
        for _, question, statistic in _MAIN:
            cells.append(_cell(c, question, "all", statistic, ratings.linked))
        rows.append(cells)
    head = ["Raters", "Rated by both", *(title for title, _, _ in _MAIN)]
    return [Table("At a glance, over all exams that both answered", head, rows)]


def _pair(named: Comparison, aligned: Comparison, linked: bool) -> list[Block]:
    found: list[Block] = [Heading(told.pair(named.pair), 2)]
    text = f"{told.exams(named, linked)} rated by both."
    if named.renumbered:
        n = named.renumbered
        text += (
            f" The vertebrae of {'1 exam' if n == 1 else f'{n} exams'} are numbered differently "
            "by the two; each table comes twice."
        )
    elif named.rows and not named.unknown:
        text += " Both number the vertebrae alike in all of them."
    if named.unknown:
        text += (
            f" In {'1 exam' if named.unknown == 1 else f'{named.unknown} exams'} a rater named a "
            "vertebra, but without the batch's results.jsonl beside the table nobody can tell "
            "which: the tables with different numberings undone leave them out."
        )
    found.append(Text(text))
    different = named.renumbered or named.unknown
    for c in (named, aligned) if different else (named,):
        if different:
            found.append(Heading(told.NUMBERINGS[c.numbering].capitalize(), 3))
        found += _tables(c, linked, levels_only=c is aligned)
    return found


def _tables(c: Comparison, linked: bool, *, levels_only: bool) -> list[Block]:
    """`levels_only` leaves out what doesn't hang on the levels' names."""
    asked = [
        (question, subset, _answers(c, question, subset, linked))
        for question in _ASKED
        for subset in told.SUBSETS
        if not (levels_only and question in ("answerable", "fascia_edema", "image_quality"))
        and _find(c, question, subset, "agreement") is not None
    ]
    measured = [
        (question, subset, [_cell(c, question, subset, s, linked) for s in _MEASURES])
        for question in _MEASURED
        for subset in told.SUBSETS
        if not (levels_only and question == "length_mm")
        and (e := _find(c, question, subset, "icc_2_1")) is not None
        and e.n
    ]
    return [
        _table(c, "Answers", ("Question", "Exams"), tuple(_ANSWERS.values()), asked, "agreement"),
        _table(
            c, "Measurements", ("Measurement", "Exams"), tuple(_MEASURES.values()), measured,
            "icc_2_1",
        ),
        _levels(c, linked),
        *_notes(c),
    ]  # fmt: skip


def _answers(c: Comparison, question: str, subset: str, linked: bool) -> list[Cell]:
    """The cells of `_ANSWERS`; those of yes and no stand with the agreement."""
    agreement, *others = (_cell(c, question, subset, s, linked) for s in _ANSWERS)
    more = [
        f"{word} {cell.main}, {cell.details[0]}"
        for word, s in (("yes", "positive_agreement"), ("no", "negative_agreement"))
        if (e := _find(c, question, subset, s)) is not None
        and e.value is not None
        and (cell := told.cell(e)).details
    ]
    return [Cell(agreement.main, (*agreement.details, *more)), *others]


def _table(
    c: Comparison,
    title: str,
    first: tuple[str, str],
    names: Sequence[str],
    rows: Sequence[tuple[str, str, list[Cell]]],
    leading: str,
) -> Table:
    lines = []
    used = [i for i in range(len(names)) if any(cells[i].main for _, _, cells in rows)]
    for question, subset, cells in rows:
        e = _find(c, question, subset, leading)
        assert e is not None  # the row was made from it
        lines.append(
            [Cell(told.question(question)), Cell(told.SUBSETS[subset]), Cell(str(e.n)),
             *(cells[i] for i in used), Cell(str(sum(e.left_out.values())))]
        )  # fmt: skip
    return Table(title, [*first, "n", *(names[i] for i in used), "Left out"], lines)


def _levels(c: Comparison, linked: bool) -> Table:
    lines = []
    for question in (POOLED, *(f"{LEVEL}{level}" for level in SCORED_LEVELS)):
        e = _find(c, question, "all", "agreement")
        if e is not None and e.n:
            cells = [_cell(c, question, "all", s, linked) for s in _LEVELS]
            lines.append([Cell(told.question(question)), Cell(str(e.n)), *cells])
    return Table("Level by level", ["Level", "n", *_LEVELS.values()], lines)


def _notes(c: Comparison) -> Iterable[Block]:
    """Why exams are left out, what dashes and rough intervals mean, each once."""
    said: dict[str, list[str]] = {}
    for e in c.estimates:
        by_level = e.question == POOLED or e.question.startswith(LEVEL)  # as for fascia edema
        left_out = "" if by_level else told.left_out(e)
        for note in filter(None, (left_out, *e.note.split("; "))):
            where = told.question(e.question)
            if e.subset != "all":
                where += f" ({told.SUBSETS[e.subset]})"
            places = said.setdefault(note, [])
            if where not in places:
                places.append(where)
    if said:
        yield Items([f"{', '.join(places)}: {note}." for note, places in said.items()])


def _pictures(drawn: Iterable[Drawn]) -> Iterable[Block]:
    return [Picture(f"{FIGURES}/{d.name}.svg", d.svg, d.says) for d in drawn]


def _cell(c: Comparison, question: str, subset: str, statistic: str, linked: bool) -> Cell:
    return told.cell(_find(c, question, subset, statistic), "patient" if linked else "exam")


def _find(c: Comparison, question: str, subset: str, statistic: str) -> Estimate | None:
    wanted = (question, subset, statistic)
    return next((e for e in c.estimates if (e.question, e.subset, e.statistic) == wanted), None)
