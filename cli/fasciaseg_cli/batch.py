"""`fasciaseg batch`: a whole export."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fasciaseg.errors import UsageError
from fasciaseg.options import Options, ThresholdOptions

from .guard import complain, logged, reported, say
from .reading import AssumeSpine, InvolvedFraction, K, Model, Rule, SaveMask, StudyDate

if TYPE_CHECKING:
    from fasciaseg.batch import RunOptions, Summary

log = logging.getLogger("fasciaseg.cli")


def batch(
    export: Annotated[
        Path,
        typer.Argument(
            metavar="EXPORT",
            help="Folder or zip archive with exams, as a PACS, a CD or an archive writes it.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the results.", show_default=False)
    ],
    jobs: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="Exams read at the same time, each by a process of its own.",
            show_default="one for each core",
        ),
    ] = 0,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="An exam that takes longer has failed.")
    ] = 120.0,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="List what would be done with each exam; write nothing."),
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Read at most so many exams in this run."),
    ] = None,
    include: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|PATTERN",
            help="Only these exams: StudyInstanceUIDs or patterns of folders in EXPORT, one a "
            "line in a file, or one itself. May be repeated.",
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE|PATTERN", help="All but these exams; see --include."),
    ] = None,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Stop at the first exam that fails.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Read exams again that are done already.")
    ] = False,
    linkage: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Also write a table with PatientID, AccessionNumber and StudyDate of each exam. "
            "Identifies patients: keep it apart from the results.",
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Have the exams read by a Dask cluster, for example tcp://host:8786 (extra "
            "fasciaseg[dask]).",
        ),
    ] = None,
    no_pictures: Annotated[bool, typer.Option("--no-pictures", help="Write numbers only.")] = False,
    anchors: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="CSV table with the columns exam (StudyInstanceUID or hash) and anchor, as for "
            "--anchor of classify.",
        ),
    ] = None,
    review_below: Annotated[
        float | None,
        typer.Option(
            metavar="CONFIDENCE",
            min=0.0,
            max=1.0,
            help="Also write review.csv: exams less sure than this, the least sure first.",
        ),
    ] = None,
    save_mask: SaveMask = False,
    assume_spine: AssumeSpine = False,
    involved_fraction: InvolvedFraction = Options.involved_fraction,
    rule: Rule = Options.rule,
    k: K = ThresholdOptions.k,
    model: Model = None,
    study_date: StudyDate = False,
    verbose: Annotated[
        bool | None,
        typer.Option(
            "--verbose/--quiet",
            help="Say on stderr what is done, or nothing at all but errors.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Score every exam of an export; go on where an earlier run stopped.

    Writes results.csv, results.jsonl, failures.csv, index.html and a folder with pictures for
    each exam. Exams that are done are not read again. Exit codes: 0 every exam scored or
    skipped; 2 wrong usage, or another run has DIR; 3 no exam scored; 4 nothing readable; 5 some
    exams failed; 6 output can't be written; 130 interrupted; 1 anything unexpected.
    """
    with reported(verbose=bool(verbose)), logged(verbose):
        from fasciaseg import batch as room
        from fasciaseg.batch.anchors import read_anchors

        options = room.RunOptions(
            reading=Options(
                study_date=study_date,
                assume_spine=assume_spine,
                involved_fraction=involved_fraction,
                rule=rule,
                threshold=ThresholdOptions(k=k),
                model=model,
            ),
            pictures=not no_pictures,
            save_mask=save_mask,
            jobs=jobs,
            timeout_s=timeout,
            limit=limit,
            include=_lines("--include", include),
            exclude=_lines("--exclude", exclude),
            anchors=read_anchors(anchors) if anchors is not None else (),
            review_below=review_below,
            fail_fast=fail_fast,
            force=force,
            linkage=linkage,
            scheduler=scheduler,
        )
        if dry_run:
            _list(export, out, options)
            return
        from .progress import watcher

        summary = room.run(export, out, options, watcher(verbose))
        if verbose is not False:
            _tell(summary, out)
    if summary.exit_code:
        raise typer.Exit(summary.exit_code)


def _lines(option: str, values: list[str] | None) -> tuple[str, ...]:
    """The lines of the files named, and whatever is no file as it stands."""
    from fasciaseg.batch.exams import patterns_in

    lines: list[str] = []
    for value in values or []:
        if Path(value).is_file():
            try:
                text = Path(value).read_text("utf-8-sig")
            except (OSError, UnicodeError) as error:
                raise UsageError(
                    "bad_list", f"The list of {option} can't be read.", "It must be a text file."
                ) from error
            lines += patterns_in(text.splitlines())
        else:
            lines += patterns_in([value])
    if values and not lines:
        raise UsageError("empty_list", f"{option} names no exam.", "Check the file.")
    return tuple(lines)


def _list(export: Path, out: Path, options: RunOptions) -> None:
    """What would be done, as a table with tabs."""
    from fasciaseg import batch as room

    rows = [
        "\t".join((fate, exam.input, exam.study_instance_uid))
        for fate, exam in room.plan(export, out, options)
    ]
    say("".join(f"{row}\n" for row in ("would\tinput\tstudy_instance_uid", *rows)))


def _tell(summary: Summary, out: Path) -> None:
    """How it ended, in a line, and where to look."""
    from fasciaseg.report.words import DISCLAIMER

    parts = [f"{summary.scored} scored"]
    for number, name in (
        (summary.skipped, "skipped"),
        (summary.failed, "failed"),
        (summary.left, "not read yet"),
    ):
        if number:
            parts.append(f"{number} {name}")
    if summary.failed:
        complain("Some exams failed: failures.csv says why and what to do.")
    elif not summary.scored:
        complain("No exam was scored: failures.csv says why.")
    exams = "1 exam" if summary.exams == 1 else f"{summary.exams} exams"
    say(f"{DISCLAIMER}.\n{exams}: {', '.join(parts)}. Results: {out / 'index.html'}\n")
