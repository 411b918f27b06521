"""What the columns of the clinical table are: `columns.toml`, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["continuous", "ordinal", "categorical"]
Choice: TypeAlias = Literal["auto", "t", "rank"]
KINDS: tuple[Kind, ...] = ("continuous", "ordinal", "categorical")


@dataclass(frozen=True)
class Column:
    """One characteristic of a patient.

    Attributes:
        name: heading in the clinical table.
        kind: numbers, ordered categories, or categories.
        label: as tables show it.
        unit: of a number.
        decimals: of its mean and SD.
        test: of numbers; `auto` goes by the rule.
        order: categories in their order; empty takes them as they are found.
        values: what a cell holds, and the category that it means.
        show: of two categories, the one whose n/N is shown in a single line.
        missing: further signs for "not known", such as 999.
    """

    name: str
    kind: Kind
    label: str
    unit: str = ""
    decimals: int = 2
    test: Choice = "auto"
    order: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    show: str | None = None
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Outcome:
    """A number measured at several times.

    Attributes:
        name: of its table in `columns.toml`.
        times: (label, the column of that time), in the order of time.
    """

    name: str
    label: str
    times: tuple[tuple[str, Column], ...]


@dataclass(frozen=True)
class ExamColumns:
    """Which exam of a patient counts.

    Attributes:
        index_date: column with the day (of the operation) before which an exam must lie.
        same_day: whether an exam on that day counts as before it.
        date_format: strptime pattern of that column's text.
        cement: column that says yes where cement or needles were there before.
        patient: column that tells patients apart, where the key is an exam's.
    """

    index_date: str | None = None
    same_day: Literal["before", "after"] = "after"
    date_format: str | None = None
    cement: str | None = None
    patient: str | None = None


@dataclass(frozen=True)
class Tenderness:
    """Where it hurts when pressed: one column that names levels, or one column a level."""

    column: str | None = None
    levels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ResidualPain:
    """The outcome of the logistic regression: `outcome` at `time` above a cut.

    Attributes:
        above: patients with more than this have it.
        adjust: columns that the groups are adjusted for.
    """

    outcome: str
    time: str
    above: float
    adjust: tuple[str, ...] = ()


@dataclass(frozen=True)
class Description:
    """All that `columns.toml` says."""

    columns: tuple[Column, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    key: str | None = None
    sheet: str | None = None
    exam: ExamColumns = field(default_factory=ExamColumns)
    tenderness: Tenderness | None = None
    residual_pain: ResidualPain | None = None

    def outcome(self, name: str) -> Outcome:
        """The outcome of that name."""
        return next(o for o in self.outcomes if o.name == name)

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(c for c in self.columns if c.name == name)

    @property
    def numbers_over_time(self) -> tuple[Column, ...]:
        """Every column of every outcome."""
        return tuple(column for outcome in self.outcomes for _, column in outcome.times)
