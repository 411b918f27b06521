"""`fasciaseg agree`: what two readers, the software and the consensus agree on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .guard import logged, reported, say

if TYPE_CHECKING:
    from fasciaseg.agreement import Agreement


def agree(
    reviews: Annotated[
        Path,
        typer.Argument(
            metavar="DIR|FILE",
            help="Folder of a batch with reviews.csv (fasciaseg review DIR --export), or such a "
            "table.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the report.", show_default=False)
    ],
    linkage: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Table that batch --linkage wrote: exams of the same patient are no longer "
            "taken for independent.",
        ),
    ] = None,
    pairs: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIRST:SECOND",
            help="Compare these two: readers by name, software, consensus. May be repeated.",
            show_default="readers with each other and with the software, software with consensus",
        ),
    ] = None,
    confidence_level: Annotated[
        float, typer.Option(metavar="LEVEL", help="Of every interval, 0.5 to below 1.")
    ] = 0.95,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, help="Of the bootstrap's random numbers.")
    ] = 1,
    verbose: Annotated[
        bool | None,
        typer.Option(
            "--verbose/--quiet",
            help="Say on stderr what is done, or nothing at all but errors.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Say how far readers agree with each other and with the software.

    Writes kappa, weighted kappa, PABAK, agreement, ICC and limits of agreement with intervals as
    CSV, Markdown and HTML, figures, and a GRRAS checklist. Needs the extra
    fasciaseg[statistics]. Exit codes: 0 done; 2 wrong usage, a table that makes no sense, or
    Matplotlib missing; 6 output can't be written; 130 interrupted; 1 anything unexpected.
    """
    with reported(verbose=bool(verbose)), logged(verbose):
        from fasciaseg import agreement

        options = agreement.AgreeOptions(
            linkage=linkage,
            pairs=tuple(pairs or ()),
            confidence_level=confidence_level,
            seed=seed,
        )
        found = agreement.agree(reviews, out, options)
        if verbose is not False:
            _tell(found, out)


def _tell(found: Agreement, out: Path) -> None:
    """Kappa of fascia edema for each pair, and where to look."""
    from fasciaseg.agreement import told
    from fasciaseg.agreement.run import PAGE
    from fasciaseg.report.words import DISCLAIMER

    lines = [f"{DISCLAIMER}."]
    for c in found.comparisons:
        if c.numbering == "aligned":
            continue
        kappa = next(
            e for e in c.estimates if (e.question, e.statistic) == ("fascia_edema", "kappa")
        )
        cell = told.cell(kappa, "patient" if found.ratings.linked else "exam")
        kappa_text = f"kappa {cell.main}" + (f" ({cell.details[0]})" if kappa.interval else "")
        said = kappa_text if kappa.value is not None else f"no kappa: {kappa.note}"
        rated = told.exams(c, found.ratings.linked)
        lines.append(f"{told.pair(c.pair)}, {rated}: fascia edema, {said}")
    say("".join(f"{line}\n" for line in [*lines, f"Report: {out / PAGE}"]))
