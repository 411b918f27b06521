"""A table, before it is written anywhere: text for readers, numbers for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Number: TypeAlias = str | float | int | None


@dataclass(frozen=True)
class Row:
    """One line.

    Attributes:
        cells: the first one is what the line is about.
        indent: a category or a time below its heading.
        heading: a line that only names what follows.
    """

    cells: tuple[str, ...]
    indent: bool = False
    heading: bool = False


@dataclass(frozen=True)
class Table:
    """One question, one table.

    Attributes:
        slug: for file names.
        title: for people.
        header: of the columns.
        rows: as many cells each as the header.
        notes: below the table.
        numbers: one mapping a row of the CSV file, all with the same keys.
    """

    slug: str
    title: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    numbers: Sequence[Mapping[str, Number]] = field(default=())
