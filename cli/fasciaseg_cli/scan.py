"""`fasciaseg scan`: what lies in an export, and what would be read of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .guard import logged, reported, say

if TYPE_CHECKING:
    from fasciaseg.dicom.listing import ListedExam, ListedSeries, Listing

_HEAD = ("series", "plane", "slices", "shows", "read")
_RIGHT = {"series", "slices"}


def scan(
    export: Annotated[
        Path,
        typer.Argument(
            metavar="EXPORT",
            help="Folder, zip archive or file, as a PACS, a CD or an archive writes it.",
            show_default=False,
        ),
    ],
    json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
    verbose: Annotated[
        bool | None,
        typer.Option(
            "--verbose/--quiet",
            help="Say on stderr what is done, or print nothing at all but errors and --json.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """List the exams of an export: which series would be read, and why the others would not.

    Reads headers only and writes nothing. Exit codes: 0 at least one exam can be read; 2 wrong
    usage; 3 nothing in it that can be read for fascia edema; 4 files unreadable or damaged;
    6 output can't be written; 130 interrupted; 1 anything unexpected.
    """
    with reported(verbose=bool(verbose)), logged(verbose):
        from fasciaseg.dicom.listing import listing
        from fasciaseg.dicom.scan import scan as read_headers

        found = listing(read_headers(export))
        if json:
            from json import dumps

            say(dumps(found.to_dict(str(export)), indent=2) + "\n")
        elif verbose is not False:
            say("".join(f"{line}\n" for line in told(found)))
        if found.error is not None:
            raise found.error


def told(found: Listing) -> Iterator[str]:
    """The list in plain text."""
    patients = _count(found.n_patients, "patient")
    yield f"{_count(len(found.exams), 'exam')} of {patients}, {found.n_readable} can be read"
    for exam in found.exams:
        yield ""
        yield from _exam(exam)
    passed = []
    if found.n_objects:
        passed.append(f"{_count(found.n_objects, 'DICOM file')} without an image")
    if found.n_clutter:
        passed.append(_count(found.n_clutter, "other file"))
    if passed or found.broken:
        yield ""
    if passed:
        yield f"Passed over: {', '.join(passed)}"
    for reason, n in found.broken.items():
        yield f"Can't be read: {_count(n, 'file')}: {reason}"


def _exam(exam: ListedExam) -> Iterator[str]:
    uid = exam.study_instance_uid or "without StudyInstanceUID"
    yield f"Exam {uid} (patient {exam.patient}, {_count(exam.n_files, 'file')})"
    if exam.reason and exam.code != "no_usable_series":  # else the table says it all
        yield f"  can't be read: {exam.reason}"
    rows = [
        (_number(s.number), s.plane, str(s.n_slices), s.role or "-", _read(s, exam))
        for s in exam.series
    ]
    yield from _table([_HEAD, *rows])


def _read(series: ListedSeries, exam: ListedExam) -> str:
    """What happens with a series."""
    if series.lengthens is not None:
        return f"as a further station of series {series.lengthens}"
    if series.beside is not None:
        return f"kept beside series {series.beside}"
    if series.reason is not None:
        return f"no: {series.reason}"
    if series.order == 1:
        return "yes"
    if series.order is not None:
        return f"as number {series.order}, if no spine is found before"
    return "no"


def _table(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if name in _RIGHT else cell.ljust(width)
            for name, cell, width in zip(_HEAD, row, widths, strict=True)
        ]
        yield "  " + "  ".join(cells).rstrip()


def _number(number: int | None) -> str:
    return "-" if number is None else str(number)


def _count(n: int, noun: str) -> str:
    return f"1 {noun}" if n == 1 else f"{n} {noun}s"
