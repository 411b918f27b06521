"""A page of headings, text, tables and pictures, written as Markdown or as one HTML file."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeAlias


@dataclass(frozen=True)
class Cell:
    """A table's cell: what it says, and in smaller print what belongs to it."""

    main: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Heading:
    """A heading; depth 1 is the page's title."""

    text: str
    depth: int


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Items:
    """A list."""

    items: Sequence[str]


@dataclass(frozen=True)
class Table:
    """A table; the first column names the row."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    wide: bool = False


@dataclass(frozen=True)
class Picture:
    """A picture: its file relative to the page, and its SVG."""

    file: str
    svg: bytes
    says: str


Block: TypeAlias = Heading | Text | Items | Table | Picture

_STYLE = """
:root { color-scheme: light dark; --line: #8887; --dim: #595959; --stripe: #8881; }
@media (prefers-color-scheme: dark) { :root { --dim: #b0b0b0; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 16px 24px 48px;
  max-width: 1280px; }
h1 { font-size: 24px; margin: 8px 0; }
h2 { font-size: 20px; margin: 40px 0 8px; padding-top: 12px; border-top: 1px solid var(--line); }
h3 { font-size: 16px; margin: 24px 0 6px; }
p, ul { max-width: 80ch; }
.scroll { overflow-x: auto; margin: 12px 0 20px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 4px 0; }
th, td { text-align: left; vertical-align: top; padding: 5px 14px 5px 6px;
  border-bottom: 1px solid var(--line); }
thead th { border-bottom-width: 2px; vertical-align: bottom; }
tbody tr:nth-child(even) { background: var(--stripe); }
tbody th { font-weight: 500; min-width: 10em; }
td { min-width: 4em; }
.wide th { min-width: 13em; }
.wide td { min-width: 16em; }
.wide td:nth-child(2) { min-width: 30em; }
small { display: block; color: var(--dim); font-size: 12.5px; white-space: nowrap; }
.wide small { white-space: normal; }
figure { display: inline-block; margin: 8px 12px 12px 0; vertical-align: top; }
figure img { display: block; width: 600px; max-width: 100%; background: #fff; padding: 6px;
  border: 1px solid var(--line); }
figcaption { color: var(--dim); font-size: 13px; max-width: 600px; }
@page { size: A4 landscape; margin: 12mm; }
@media print { body { font-size: 9pt; max-width: none; padding: 0; }
  small { font-size: 7.5pt; } .scroll { overflow: visible; }
  h2 { break-before: page; } table, figure { break-inside: avoid; } small { white-space: normal; } }
"""
#: What Markdown would take for its own.
_SPECIAL = re.compile(r"([\\`*_\[\]|#])")


def html(title: str, blocks: Sequence[Block]) -> bytes:
    """One file that needs no other."""
    body = "\n".join(map(_html, blocks))
    page = (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n{body}\n</html>\n"
    )
    return page.encode("utf-8", "backslashreplace")


def markdown(blocks: Sequence[Block]) -> bytes:
    """Markdown with tables; pictures are linked."""
    return ("\n\n".join(map(_markdown, blocks)) + "\n").encode("utf-8", "backslashreplace")


def _html(block: Block) -> str:
    match block:
        case Heading(text, depth):
            return f"<h{depth}>{escape(text)}</h{depth}>"
        case Text(text):
            return f"<p>{escape(text)}</p>"
        case Items(items):
            return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"
        case Picture(_, svg, says):
            data = base64.b64encode(svg).decode()
            return (
                f'<figure><img src="data:image/svg+xml;base64,{data}" alt="{escape(says)}">'
                f"<figcaption>{escape(says)}</figcaption></figure>"
            )
        case Table(title, head, rows, wide):
            names = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
            lines = "".join(f"<tr>{_row(row)}</tr>\n" for row in rows)
            kind = ' class="wide"' if wide else ""
            return (
                f'<div class="scroll"><table{kind}><caption>{escape(title)}</caption>'
                f"<thead><tr>{names}</tr></thead>\n<tbody>\n{lines}</tbody></table></div>"
            )


def _row(cells: Sequence[Cell]) -> str:
    first, *others = cells
    return f'<th scope="row">{_cell(first)}</th>' + "".join(f"<td>{_cell(c)}</td>" for c in others)


def _cell(cell: Cell) -> str:
    return escape(cell.main) + "".join(f"<small>{escape(line)}</small>" for line in cell.details)


def _markdown(block: Block) -> str:
    match block:
        case Heading(text, depth):
            return f"{'#' * depth} {_plain(text)}"
        case Text(text):
            return _plain(text)
        case Items(items):
            return "\n".join(f"- {_plain(item)}" for item in items)
        case Picture(file, _, says):
            return f"![{_plain(says)}]({file})"
        case Table(title, head, rows, _):
            lines = [
                f"| {' | '.join(map(_plain, head))} |",
                f"|{'---|' * len(head)}",
                *(f"| {' | '.join(map(_in_brackets, row))} |" for row in rows),
            ]
            return f"**{_plain(title)}**\n\n" + "\n".join(lines)


def _in_brackets(cell: Cell) -> str:
    inside = "; ".join(cell.details)
    return _plain(f"{cell.main} ({inside})" if inside and cell.main else cell.main or inside)


def _plain(text: str) -> str:
    # Not every Markdown takes a backslash before <.
    return _SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("<", "&lt;")
