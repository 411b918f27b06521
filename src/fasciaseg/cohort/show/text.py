"""A table as CSV, Markdown and HTML."""

from __future__ import annotations

from collections.abc import Iterable

from .safe import csv_bytes, escaped, markdown
from .table import Row, Table

STYLE = """
body{font:15px/1.45 system-ui,"Segoe UI",Helvetica,Arial,sans-serif;color:#111;background:#fff;
 max-width:1100px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin-bottom:.2rem} h2{font-size:1.15rem;margin:2.4rem 0 .5rem}
.scroll{overflow-x:auto} table{border-collapse:collapse;border-top:2px solid #111;
 border-bottom:2px solid #111;margin:.4rem 0;font-variant-numeric:tabular-nums}
th{font-weight:600;text-align:left;vertical-align:bottom;border-bottom:1px solid #111}
th,td{padding:.22rem .8rem .22rem 0} td{vertical-align:top;white-space:nowrap}
td:first-child{white-space:normal;min-width:11rem}
td.in{padding-left:1.3rem} tr.head td{padding-top:.55rem;font-weight:600}
.note{font-size:.85rem;color:#444;margin:.15rem 0} .sig{font-weight:600}
figure{margin:1rem 0} figure img{max-width:100%;height:auto} nav a{display:inline-block;
 margin:.1rem .9rem .1rem 0} a{color:#0b57a4}
"""


def as_csv(table: Table) -> bytes:
    """The numbers, not rounded, one row a characteristic, category or term."""
    return csv_bytes(tuple(table.numbers[0]) if table.numbers else (), table.numbers)


def as_markdown(table: Table) -> str:
    """A table that GitHub, pandoc and the like set."""
    right = "|".join("---" if at == 0 else ":---" for at in range(len(table.header)))
    lines = [f"**{markdown(table.title)}**", "", _line(table.header), f"|{right}|"]
    for row in table.rows:
        cells = [markdown(cell) for cell in row.cells]
        if row.indent:
            cells[0] = f"&nbsp;&nbsp;{cells[0]}" if cells[0] else ""
        if row.heading:
            cells[0] = f"**{cells[0]}**"
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", *(f"{markdown(note)}  " for note in table.notes), ""]
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(markdown(cell) for cell in cells)} |"


def html_table(table: Table, number: int | None = None) -> str:
    """The table with its title and notes, for a page."""
    title = f"Table {number}. {table.title}" if number is not None else table.title
    head = "".join(f'<th scope="col">{escaped(cell)}</th>' for cell in table.header)
    body = "".join(_html_row(row, table) for row in table.rows)
    notes = "".join(f'<p class="note">{escaped(note)}</p>' for note in table.notes)
    return (
        f'<section id="{escaped(table.slug)}"><h2>{escaped(title)}</h2><div class="scroll">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{notes}</section>"
    )


def _html_row(row: Row, table: Table) -> str:
    cells = []
    for at, (name, cell) in enumerate(zip(table.header, row.cells, strict=True)):
        classes = "in" if at == 0 and row.indent else "sig" if significant(name, cell) else ""
        attribute = f' class="{classes}"' if classes else ""
        cells.append(f"<td{attribute}>{escaped(cell)}</td>")
    start = '<tr class="head">' if row.heading else "<tr>"
    return f"{start}{''.join(cells)}</tr>"


def significant(column: str, cell: str) -> bool:
    """Whether a cell is a P below 0.05."""
    if not column.startswith("P") or column == "Pairs" or cell in ("", "–"):
        return False
    return cell.startswith("<") or float(cell) < 0.05


def page(title: str, body: str) -> bytes:
    """A page that needs nothing but itself."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escaped(title)}</title>"
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style>'
        f"</head><body>{body}</body></html>\n"
    ).encode("utf-8", "backslashreplace")
