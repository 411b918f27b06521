"""The commands and their options. Everything heavy is imported inside a command."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fasciaseg.options import Options, ThresholdOptions
from fasciaseg.version import __version__

from .agree import agree
from .batch import batch
from .cohort import cohort
from .guard import logged, reported, say, say_bytes
from .interrupt import check
from .reading import Anchor, AssumeSpine, InvolvedFraction, K, Model, Rule, SaveMask, StudyDate
from .review import review
from .scan import scan

if TYPE_CHECKING:
    from fasciaseg.result import Result

log = logging.getLogger("fasciaseg.cli")

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"fasciaseg {__version__}\n")
        raise typer.Exit


@app.callback()
def fasciaseg(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Edema of the posterior (thoracolumbar) fascia on spine MRI, level by level, T5 to L5.

    Research use, not a medical device.
    """


app.command()(agree)
app.command()(batch)
app.command()(cohort)
app.command()(scan)
app.command()(review)


@app.command()
def classify(
    study: Annotated[
        Path,
        typer.Argument(
            metavar="STUDY", help="Folder or zip archive with one DICOM exam.", show_default=False
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for the pictures and result.json.",
            show_default="fasciaseg-out/HASH, a name that doesn't give the patient away",
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON; the files are written too.")
    ] = False,
    save_mask: SaveMask = False,
    study_uid: Annotated[
        str | None,
        typer.Option(
            "--study",
            metavar="UID",
            help="StudyInstanceUID to read, where the folder holds several exams.",
        ),
    ] = None,
    assume_spine: AssumeSpine = False,
    anchor: Anchor = None,
    involved_fraction: InvolvedFraction = Options.involved_fraction,
    rule: Rule = Options.rule,
    k: K = ThresholdOptions.k,
    model: Model = None,
    study_date: StudyDate = False,
    verbose: Annotated[
        bool | None,
        typer.Option(
            "--verbose/--quiet",
            help="Say on stderr what is done, or nothing at all but errors and --json.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Read one exam: is there fascia edema, at which levels, where and how severe.

    Writes three slices and a summary as pictures, and result.json. Exit codes: 0 done, whatever
    was found; 2 wrong usage, or several exams in the folder; 3 nothing in it that can be read for
    fascia edema; 4 files unreadable or damaged; 6 output can't be written; 130 interrupted;
    1 anything unexpected.
    """
    with reported(verbose=bool(verbose)), logged(verbose):
        from fasciaseg import api
        from fasciaseg.anatomy.anchor import parse

        options = Options(
            study=study_uid,
            study_date=study_date,
            assume_spine=assume_spine,
            anchor=parse(anchor) if anchor is not None else None,
            involved_fraction=involved_fraction,
            rule=rule,
            threshold=ThresholdOptions(k=k),
            model=model,
        )
        reading = api.read(study, options)
        check()
        if out is None:
            from .folders import default_output

            out = default_output(reading.result.study.study_instance_uid)
        result = api.save(reading, out, save_mask=save_mask)
        steps = ", ".join(f"{name} {ms:.0f}" for name, ms in result.timings_ms.items())
        log.info("Read a %s series; steps in ms: %s.", result.series_edema.sequence, steps)
        _tell(result, out, json=json, quiet=verbose is False)


def _tell(result: Result, out: Path, *, json: bool, quiet: bool) -> None:
    if json:
        from fasciaseg.report import result_json

        say_bytes(result_json(result))
    elif not quiet:
        from .told import told

        say("".join(f"{line}\n" for line in told(result, out)))
