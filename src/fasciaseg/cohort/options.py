"""What a user can set about a cohort."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .exams import SOFTWARE
from .inference.answer import Rule


@dataclass(frozen=True)
class CohortOptions:
    """Options of `fasciaseg.cohort.run`.

    Attributes:
        columns: the description of the clinical table; None takes `columns.toml` of the output
            folder, and makes one by guessing where there is none.
        key: column of the clinical table that names exam or patient; None takes the description's,
            or the column that fits.
        linkage: the table that `batch --linkage` wrote.
        reader: whose reading makes the groups: `software`, a reader's name, or `consensus`.
        include_after: exams on or after the index date may count.
        include_cement: exams of patients with cement may count.
        rule: how tests are chosen.
    """

    columns: Path | None = None
    key: str | None = None
    linkage: Path | None = None
    reader: str = SOFTWARE
    include_after: bool = False
    include_cement: bool = False
    rule: Rule = field(default_factory=Rule)
