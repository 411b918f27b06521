"""A study from a scored export and the clinic's table: join, groups, tests, tables, figures."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..batch.files import writing
from ..errors import UsageError
from .describe import read_description
from .description import Description
from .exams import read_export
from .extent import extent
from .flow import Step, flow
from .flow_table import flow_table
from .groups import Finding, Grouping, groupings
from .guess import guess
from .inference.answer import Rule
from .join import Fate, Fated, choose_exams
from .key import FIELDS, Match, match
from .options import CohortOptions
from .over_time import changes
from .patients import Patient, read_patients
from .residual import residual_pain
from .sheet import Sheet, read_sheet
from .show.table import Table
from .tables import characteristics, outcomes

COLUMNS_NAME = "columns.toml"
_NEEDED = ("openpyxl", "statsmodels", "matplotlib", "docx")


@dataclass(frozen=True)
class Study:
    """A study that is ready to be written.

    Attributes:
        description: of the clinical table.
        guessed: `columns.toml` was made by guessing; its text, else None.
        match: lines and exams.
        fated: every scored exam and what became of it.
        flow: from exported to analysed.
        patients: who is analysed.
        groupings: by which they are compared.
        tables: in the order of a paper.
        remarks: what the user should know about the join.
    """

    description: Description
    guessed: str | None
    match: Match
    fated: tuple[Fated, ...]
    flow: tuple[Step, ...]
    patients: tuple[Patient, ...]
    groupings: tuple[Grouping, ...]
    tables: tuple[Table, ...]
    remarks: tuple[str, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was looked for: edema, and injury where tenderness is known."""
        return findings(self.description)


def findings(description: Description) -> tuple[Finding, ...]:
    """Edema, and injury where the description names tenderness."""
    return ("edema", "injury") if description.tenderness is not None else ("edema",)


def run(results: Path, clinical: Path, out: Path, options: CohortOptions | None = None) -> Study:
    """Make the tables and figures of a study.

    Args:
        results: a batch's folder or its `results.csv`.
        clinical: the clinic's table, CSV or Excel.
        out: folder for the study; made if need be.
        options: everything else.

    Raises:
        UsageError: the tables, their key or the description don't go together; or the extra
            `statistics` isn't installed.
        UnreadableInput: a table can't be read.
        OutputNotWritable: `out` can't be written.
    """
    need_statistics()
    options = options or CohortOptions()
    study = make_study(results, clinical, options, out / COLUMNS_NAME)
    from .write import write_study

    with writing(out):
        write_study(study, out)
    return study


def need_statistics() -> None:
    """Refuse to begin without what the extra `statistics` installs."""
    lacking = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if lacking:
        raise UsageError(
            "no_statistics",
            f"Tables and figures need Python packages that are missing ({', '.join(lacking)}).",
            'Install them: pip install "fasciaseg[statistics]".',
        )


def make_study(
    results: Path, clinical: Path, options: CohortOptions, kept: Path | None = None
) -> Study:
    """Everything but the writing.

    Args:
        results: as for `run`.
        clinical: as for `run`.
        options: as for `run`.
        kept: a description to use where `options` names none and this file is there.

    Raises:
        UsageError, UnreadableInput: as for `run`.
    """
    path = options.columns or (kept if kept is not None and kept.is_file() else None)
    sheet = read_sheet(clinical, _sheet_named(path))
    export = read_export(results, options.linkage, options.reader)
    guessed = None
    if path is None:
        matched = match(sheet, export.exams, options.key)
        guessed, description = guess(sheet, matched.column)
    else:
        description = read_description(path, sheet)
        matched = match(sheet, export.exams, options.key or description.key)
    fated = choose_exams(
        export.exams,
        sheet,
        matched,
        description.exam,
        include_after=options.include_after,
        include_cement=options.include_cement,
    )
    pairs = [(f.exam, f.line) for f in fated if f.fate == Fate.ANALYSED and f.line is not None]
    if not pairs:
        raise UsageError(
            "nobody_left",
            "No exam is left to analyse: " + _reasons(fated) + ".",
            "Look at the index dates and the key.",
        )
    patients = read_patients(pairs, sheet, description)
    grouped = tuple(g for f in findings(description) for g in groupings(patients, f))
    steps = flow(export, fated)
    tables = (
        *(extent(patients, f) for f in findings(description)),
        *_compared(description, grouped, options.rule),
        flow_table(steps),
    )
    remarks = tuple(_remarks(sheet, matched, grouped))
    return Study(description, guessed, matched, fated, steps, patients, grouped, tables, remarks)


def _sheet_named(path: Path | None) -> str | None:
    """Which sheet of the workbook a description is about; it is checked only later."""
    import tomllib

    try:
        told = tomllib.loads(path.read_bytes().decode("utf-8-sig")).get("sheet") if path else None
    except (OSError, ValueError):
        return None
    return told if isinstance(told, str) else None


def _compared(description: Description, grouped: Sequence[Grouping], rule: Rule) -> Iterator[Table]:
    for grouping in grouped:
        for table in (
            characteristics(description, grouping, rule),
            outcomes(description, grouping, rule),
            changes(description, grouping, rule),
            residual_pain(description, grouping),
        ):
            if table is not None:
                yield table


def _reasons(fated: Sequence[Fated]) -> str:
    counts = {fate: sum(f.fate == fate for f in fated) for fate in Fate}
    return ", ".join(f"{n} {fate}" for fate, n in counts.items() if n)


def _remarks(sheet: Sheet, matched: Match, grouped: Sequence[Grouping]) -> Iterator[str]:
    yield f"Column '{matched.column}' of '{sheet.name}' is taken as {FIELDS[matched.field][0]}."
    if matched.loosely:
        yield f"{len(matched.loosely)} keys match only without leading zeros; see unmatched.csv."
    if matched.repeated:
        yield f"{len(matched.repeated)} lines repeat another one and count once."
    if matched.without_exam:
        yield f"{len(matched.without_exam)} lines have no exam; see unmatched.csv."
    if not any(g.slug.startswith("by-edema") for g in grouped):
        yield "Everybody or nobody has fascia edema: there are no groups to compare."
