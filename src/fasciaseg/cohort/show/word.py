"""Tables as a Word document, in the style of a journal: three rules, no grid."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .safe import printable
from .table import Table
from .text import significant

if TYPE_CHECKING:
    from docx.document import Document
    from docx.table import _Cell, _Row

_FONT, _SIZE, _SMALL = "Arial", 8.5, 7.5
_WIDE = 5  # columns from which a page lies on its side


def as_docx(tables: Sequence[Table], numbers: Sequence[int]) -> bytes:
    """A document with one table a page. The same bytes for the same tables."""
    import datetime as dt

    import docx
    from docx.enum.section import WD_ORIENT
    from docx.shared import Cm, Pt

    document = docx.Document()
    style = document.styles["Normal"]
    style.font.name, style.font.size = _FONT, Pt(_SIZE)
    style.paragraph_format.space_after = Pt(2)
    section = document.sections[0]
    width, height = Cm(21), Cm(29.7)
    if max(len(t.header) for t in tables) >= _WIDE:
        section.orientation, width, height = WD_ORIENT.LANDSCAPE, height, width
    section.page_width, section.page_height = width, height
    section.left_margin = section.right_margin = Cm(1.8)
    section.top_margin = section.bottom_margin = Cm(1.8)
    for at, (table, number) in enumerate(zip(tables, numbers, strict=True)):
        if at:
            document.add_page_break()
        _table(document, table, number, (width - section.left_margin - section.right_margin))
    document.core_properties.author = "fasciaseg"
    document.core_properties.created = document.core_properties.modified = dt.datetime(2000, 1, 1)
    stream = io.BytesIO()
    document.save(stream)
    return _undated(stream.getvalue())


def _table(document: Document, table: Table, number: int, width: int) -> None:
    from docx.shared import Pt

    title = document.add_paragraph()
    title.paragraph_format.keep_with_next = True
    title.add_run(f"Table {number}. ").bold = True
    title.add_run(printable(table.title))
    grid = document.add_table(rows=1 + len(table.rows), cols=len(table.header))
    grid.autofit = False
    shares = _widths(table)
    rows = [table.header, *(row.cells for row in table.rows)]
    for at, (cells, line) in enumerate(zip(rows, grid.rows, strict=True)):
        for column, (text, cell) in enumerate(zip(cells, line.cells, strict=True)):
            cell.width = int(width * shares[column])
            paragraph = cell.paragraphs[0]
            paragraph.paragraph_format.space_after = Pt(0)
            if at < len(rows) - 1:  # a table stays on one page if it can
                paragraph.paragraph_format.keep_with_next = True
            run = paragraph.add_run(printable(text))
            run.font.size = Pt(_SIZE)
            row = table.rows[at - 1] if at else None
            if row is not None and row.indent and column == 0:
                paragraph.paragraph_format.left_indent = Pt(9)
            head = at == 0 or (row is not None and row.heading)
            run.bold = head or significant(table.header[column], text)
            _rules(cell, top=at == 0, bottom=at in (0, len(rows) - 1))
        _whole(line, header=at == 0)
    for note in table.notes:
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.space_before = Pt(2)
        paragraph.paragraph_format.space_after = Pt(0)
        paragraph.add_run(printable(note)).font.size = Pt(_SMALL)


def _widths(table: Table) -> list[float]:
    """Shares of the width, by the longest text of each column."""
    columns = zip(table.header, *(row.cells for row in table.rows if not row.heading), strict=True)
    longest = []
    for head, *cells in columns:
        word = max(map(len, re.split(r"\s", head)))
        longest.append(min(34, max(6, word, len(head) / 2, *map(len, cells))))
    return [n / sum(longest) for n in longest]


def _rules(cell: _Cell, *, top: bool, bottom: bool) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    borders = OxmlElement("w:tcBorders")
    for edge, there in (("top", top), ("bottom", bottom)):
        if there:
            line = OxmlElement(f"w:{edge}")
            for name, value in (("val", "single"), ("sz", "8"), ("color", "000000")):
                line.set(qn(f"w:{name}"), value)
            borders.append(line)
    cell._tc.get_or_add_tcPr().append(borders)


def _whole(row: _Row, *, header: bool) -> None:
    """A row isn't torn by a page's end; the header comes again on the next page."""
    from docx.oxml import OxmlElement

    properties = row._tr.get_or_add_trPr()
    properties.append(OxmlElement("w:cantSplit"))
    if header:
        properties.append(OxmlElement("w:tblHeader"))


def _undated(data: bytes) -> bytes:
    """The archive again, without the times at which its parts were made."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name), old.read(name), zipfile.ZIP_DEFLATED)
    return stream.getvalue()
