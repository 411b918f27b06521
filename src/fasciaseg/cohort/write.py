"""Everything that a study leaves behind, in one folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ..batch.files import write_whole
from ..report.words import DISCLAIMER
from .figures import figures
from .run import COLUMNS_NAME, Study
from .show.safe import csv_bytes, escaped
from .show.table import Number
from .show.text import as_csv, as_markdown, html_table, page
from .show.word import as_docx

_TITLE = "Fascia edema: the cohort"


def write_study(study: Study, out: Path) -> None:
    """Write tables, figures, lists and a page that shows them all.

    Raises:
        OSError: it can't be written.
    """
    tables, pictures = out / "tables", out / "figures"
    for folder in (tables, pictures):
        folder.mkdir(parents=True, exist_ok=True)
    if study.guessed is not None:
        write_whole(out / COLUMNS_NAME, study.guessed.encode("utf-8", "backslashreplace"))
    for number, table in enumerate(study.tables, 1):
        write_whole(tables / f"{table.slug}.csv", as_csv(table))
        write_whole(tables / f"{table.slug}.md", as_markdown(table).encode("utf-8"))
        write_whole(tables / f"{table.slug}.html", page(table.title, html_table(table)))
        write_whole(tables / f"{table.slug}.docx", as_docx([table], [number]))
    every = list(range(1, len(study.tables) + 1))
    write_whole(out / "tables.docx", as_docx(study.tables, every))
    drawn = []
    for figure in figures(study):
        for ending, data in figure.files.items():
            write_whole(pictures / f"{figure.slug}.{ending}", data)
        drawn.append((figure.slug, figure.caption))
    rows = list(_patients(study))
    write_whole(out / "patients.csv", csv_bytes(tuple(rows[0]), rows))
    write_whole(out / "exams.csv", csv_bytes(("exam", "fate", "line", "date"), _exams(study)))
    write_whole(out / "unmatched.csv", csv_bytes(("what", "line", "exam"), _unmatched(study)))
    write_whole(out / "index.html", _page(study, drawn))


def _patients(study: Study) -> Iterable[Mapping[str, Number]]:
    """One row a patient, as analysed, without what names the patient."""
    for p in study.patients:
        row: dict[str, Number] = {
            "exam": p.exam.exam,
            "line": p.line,
            "fascia_edema": _answer(p.edema.present),
            "location": p.edema.location,
            "severity": p.edema.severity,
            "n_levels": len(p.edema.levels) if p.edema.present is not None else None,
            "levels": " ".join(p.edema.levels),
        }
        if "injury" in study.findings:
            injury = p.injury
            row |= {
                "fascia_injury": _answer(injury.present) if injury else None,
                "injury_location": injury.location if injury else None,
                "injury_severity": injury.severity if injury else None,
                "injury_levels": " ".join(injury.levels) if injury else None,
            }
        yield row | dict(p.values)


def _answer(value: bool | None) -> str | None:
    return None if value is None else str(value).lower()


def _exams(study: Study) -> Iterable[Mapping[str, Number]]:
    for told in study.fated:
        yield {
            "exam": told.exam.exam,
            "fate": str(told.fate),
            "line": told.line.number if told.line else None,
            "date": told.exam.date.isoformat() if told.exam.date else None,
        }


def _unmatched(study: Study) -> Iterable[Mapping[str, Number]]:
    for line in study.match.without_exam:
        yield {"what": "line of the clinical table without an exam", "line": line}
    for line in study.match.repeated:
        yield {"what": "line that repeats another one", "line": line}
    for line in study.match.loosely:
        yield {"what": "line matched without leading zeros", "line": line}
    for told in study.fated:
        if told.line is None:
            yield {"what": "exam that isn't in the clinical table", "exam": told.exam.exam}


def _page(study: Study, drawn: list[tuple[str, str]]) -> bytes:
    links = "".join(
        f'<a href="#{t.slug}">{at}. {escaped(t.title)}</a>' for at, t in enumerate(study.tables, 1)
    )
    shown = "".join(
        f'<figure><img src="figures/{slug}.svg" alt="{escaped(caption)}">'
        f'<figcaption class="note">{escaped(caption)} (<a href="figures/{slug}.svg">SVG</a>, '
        f'<a href="figures/{slug}.png">PNG</a>)</figcaption></figure>'
        for slug, caption in drawn
    )
    remarks = "".join(f'<p class="note">{escaped(remark)}</p>' for remark in study.remarks)
    tables = "".join(html_table(table, at) for at, table in enumerate(study.tables, 1))
    body = (
        f"<h1>{escaped(_TITLE)}</h1><p>{len(study.patients)} patients. {escaped(DISCLAIMER)}.</p>"
        f'{remarks}<nav>{links}<a href="#figures">Figures</a></nav>{tables}'
        f'<section id="figures"><h2>Figures</h2>{shown}</section>'
    )
    return page(_TITLE, body)
