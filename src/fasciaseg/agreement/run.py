"""From a table of reviews to statistics, tables, figures and pages."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..batch.files import write_whole, writing
from . import document, figures, grras, page, tables
from .compare import Comparison, compare
from .figures import Drawn
from .options import AgreeOptions
from .pairs import chosen
from .ratings import Ratings
from .source import load

log = logging.getLogger(__name__)

PAGE = "agreement.html"
_OURS = ("kappa", "levels-*", "bland-altman-*")


@dataclass(frozen=True)
class Agreement:
    """What was found.

    Attributes:
        ratings: everything that was rated.
        comparisons: two for each pair of raters, as named and with numberings undone.
    """

    ratings: Ratings
    comparisons: tuple[Comparison, ...]


def agree(source: Path, out: Path, options: AgreeOptions | None = None) -> Agreement:
    """Compare raters and write what they agree on into `out`.

    Args:
        source: a batch's folder with `reviews.csv`, or such a table.
        out: folder for `agreement.csv`, `counts.csv`, `agreement.md`, `agreement.html`,
            `grras.md`, `grras.html` and `figures/`.
        options: see `AgreeOptions`.

    Raises:
        UsageError: no Matplotlib, no table of reviews, or nothing that can be compared in it.
        OutputNotWritable: `out` can't be written.
    """
    options = options or AgreeOptions()
    figures.require()
    found = computed(source, options)
    for line in _warnings(found):
        log.warning("%s", line)
    named = [c for c in found.comparisons if c.numbering == "as_named"]
    drawn: dict[int | None, list[Drawn]] = {None: figures.summary(named)}
    for place, comparison in enumerate(named, 1):
        drawn[place] = figures.of_pair(place, comparison)
    with writing(out):
        _write(out, found, drawn, options)
    return found


def computed(source: Path, options: AgreeOptions) -> Agreement:
    """The numbers alone; nothing is written, no Matplotlib needed."""
    ratings = load(source, options.linkage)
    pairs = chosen(ratings, options.pairs)
    return Agreement(ratings, tuple(c for pair in pairs for c in compare(ratings, pair, options)))


def _warnings(found: Agreement) -> list[str]:
    ratings = found.ratings
    lines = []
    if not ratings.linked:
        lines.append("No --linkage: each exam is taken for a patient of its own.")
    elif n := sum(exam not in ratings.patient for exam in ratings.exams):
        lines.append(
            f"{n} of {len(ratings.exams)} exams have no patient in the linkage file: each is "
            "taken for a patient of its own."
        )
    return lines


def _write(
    out: Path,
    found: Agreement,
    drawn: Mapping[int | None, list[Drawn]],
    options: AgreeOptions,
) -> None:
    folder = out / page.FIGURES
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in _OURS:  # of an earlier run with more pairs
        for kind in ("svg", "png"):
            for old in folder.glob(f"{pattern}.{kind}"):
                old.unlink()
    for one in (d for several in drawn.values() for d in several):
        write_whole(folder / f"{one.name}.svg", one.svg)
        write_whole(folder / f"{one.name}.png", one.png)
    report = page.blocks(found.ratings, found.comparisons, drawn, options)
    checklist = grras.blocks(found.ratings, found.comparisons, options)
    for name, data in (
        ("agreement.csv", tables.estimates(found.comparisons)),
        ("counts.csv", tables.counts(found.comparisons)),
        ("agreement.md", document.markdown(report)),
        ("grras.md", document.markdown(checklist)),
        ("grras.html", document.html(grras.TITLE, checklist)),
        (PAGE, document.html(page.TITLE, report)),
    ):
        write_whole(out / name, data)
