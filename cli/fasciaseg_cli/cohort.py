"""`fasciaseg cohort`: tables and figures of a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .guard import logged, reported, say

if TYPE_CHECKING:
    from fasciaseg.cohort import Study


def cohort(
    results: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS",
            help="A batch's folder, or its results.csv.",
            show_default=False,
        ),
    ],
    clinical: Annotated[
        Path,
        typer.Argument(
            metavar="CLINICAL",
            help="The clinic's table, one line a patient or exam: CSV or Excel.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the study.", show_default=False)
    ],
    columns: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="TOML file that says what the table's columns are.",
            show_default="DIR/columns.toml; guessed and written there at first",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Column of CLINICAL with StudyInstanceUID or hash of the exam; with --linkage "
            "also PatientID or AccessionNumber.",
            show_default="the one in the TOML file, else the one that fits",
        ),
    ] = None,
    linkage: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="The table that batch --linkage wrote."),
    ] = None,
    reader: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Whose reading makes the groups: software, consensus, or a reader in results.csv.",
        ),
    ] = "software",
    include_after: Annotated[
        bool,
        typer.Option(
            "--include-after",
            help="Also take exams on or after the index date, where a patient has none before.",
        ),
    ] = False,
    include_cement: Annotated[
        bool,
        typer.Option(
            "--include-cement", help="Also take patients with cement or an earlier operation."
        ),
    ] = False,
    verbose: Annotated[
        bool | None,
        typer.Option(
            "--verbose/--quiet",
            help="Say on stderr what is done, or nothing at all but errors.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make the tables and figures of a study from scored exams and the clinic's table.

    Compares patients with and without fascia edema, severe and not, and by location. Needs the
    extra fasciaseg[statistics]. Exit codes: 0 done; 2 wrong usage, or tables that don't go
    together; 4 a table can't be read; 6 output can't be written; 130 interrupted; 1 anything
    unexpected.
    """
    with reported(verbose=bool(verbose)), logged(verbose):
        from fasciaseg.cohort import CohortOptions, run

        options = CohortOptions(columns, key, linkage, reader, include_after, include_cement)
        study = run(results, clinical, out, options)
        if verbose is not False:
            _tell(study, out)


def _tell(study: Study, out: Path) -> None:
    from fasciaseg.report.words import DISCLAIMER

    lines = [f"{DISCLAIMER}."]
    for step in study.flow:
        lines.append(f"{step.label}: {step.n}")
        lines += [f"  {n} left out: {why}" for why, n in step.lost]
    lines += study.remarks
    if study.guessed is not None:
        lines.append(
            f"What the columns are was guessed: check {out / 'columns.toml'} and run this again."
        )
    lines.append(f"{len(study.tables)} tables and their figures: {out / 'index.html'}")
    say("".join(f"{line}\n" for line in lines))
