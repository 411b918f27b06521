"""Reads `columns.toml`. Whatever it says wrong is named with its line."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, cast

from ..errors import UsageError
from ..vertebrae import SCORED_LEVELS
from .description import (
    KINDS,
    Choice,
    Column,
    Description,
    ExamColumns,
    Kind,
    Outcome,
    ResidualPain,
    Tenderness,
)
from .sheet import Sheet
from .toml_lines import line_of

_TOP = {"key", "sheet", "exam", "tenderness", "columns", "outcomes", "residual_pain"}
_COLUMN = {"kind", "label", "unit", "decimals", "test", "order", "values", "show", "missing"}
_OUTCOME = {"label", "unit", "decimals", "test", "missing", "times"}
_EXAM = {"index_date", "same_day", "date_format", "cement", "patient"}
_TENDERNESS = {"column", "levels"}
_RESIDUAL = {"outcome", "time", "above", "adjust"}


def read_description(path: Path, sheet: Sheet) -> Description:
    """The description in a TOML file of the columns of `sheet`.

    Raises:
        UsageError: `bad_columns`; it can't be read, or it names what isn't there.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        told = tomllib.loads(text)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise _bad(f"'{path}' can't be read: {why}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        why = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "it isn't UTF-8"
        raise _bad(f"'{path.name}' isn't TOML: {why}.", "Mend that line.") from error
    return _Reader(path.name, text, sheet).description(told)


def _bad(reason: str, action: str = "Mend the file.") -> UsageError:
    return UsageError(
        "bad_columns", f"The description of the columns can't be used: {reason}", action
    )


class _Reader:
    """Turns what TOML holds into a description; knows the text for the lines of errors."""

    def __init__(self, name: str, text: str, sheet: Sheet) -> None:
        self.name, self.text, self.sheet = name, text, sheet

    def description(self, told: dict[str, Any]) -> Description:
        self._known((), told, _TOP)
        columns = tuple(self._column(n, c) for n, c in self._tables(told, "columns"))
        outcomes = tuple(self._outcome(n, o) for n, o in self._tables(told, "outcomes"))
        found = Description(
            columns,
            outcomes,
            self._heading((), told, "key"),
            self._text((), told, "sheet"),
            self._exam(self._table(told, "exam")),
            self._tenderness(told),
            self._residual(told, columns, outcomes),
        )
        if not columns and not outcomes:
            raise _bad(f"'{self.name}' describes no column.", "Add [columns.NAME].")
        return found

    def fail(
        self, path: tuple[str, ...], reason: str, action: str = "Mend that line."
    ) -> UsageError:
        line = line_of(self.text, path)
        return _bad(f"'{self.name}', line {line}: {reason}" if line else reason, action)

    def _column(self, name: str, told: dict[str, Any]) -> Column:
        at = ("columns", name)
        self._known(at, told, _COLUMN)
        kind = self._one_of(at, told, "kind", KINDS, None)
        for key in {"unit", "decimals", "test"} & set(told) if kind != "continuous" else ():
            raise self.fail((*at, key), f'{key} is for kind = "continuous".')
        for key in {"order", "values", "show"} & set(told) if kind == "continuous" else ():
            raise self.fail((*at, key), f'{key} isn\'t for kind = "continuous".')
        order = self._texts(at, told, "order")
        if kind == "ordinal" and not order:
            raise self.fail(at, "an ordinal column needs order = [...], the least first.")
        values = self._table(told, "values", at)
        mapped = {str(k): str(v) for k, v in values.items()}
        for key, value in mapped.items():
            if order and value not in order:
                raise self.fail((*at, "values", key), f"'{value}' isn't in order.")
        show = self._text(at, told, "show")
        if show is not None and order and show not in order:
            raise self.fail((*at, "show"), f"'{show}' isn't in order.")
        return Column(
            self._there(at, name),
            cast(Kind, kind),
            self._text(at, told, "label") or name,
            self._text(at, told, "unit") or "",
            self._decimals(at, told),
            cast(Choice, self._one_of(at, told, "test", ("auto", "t", "rank"), "auto")),
            order,
            mapped,
            show,
            frozenset(self._texts(at, told, "missing")),
        )

    def _outcome(self, name: str, told: dict[str, Any]) -> Outcome:
        at = ("outcomes", name)
        self._known(at, told, _OUTCOME)
        label = self._text(at, told, "label") or name
        unit, decimals = self._text(at, told, "unit") or "", self._decimals(at, told)
        test = cast(Choice, self._one_of(at, told, "test", ("auto", "t", "rank"), "auto"))
        missing = frozenset(self._texts(at, told, "missing"))
        times = self._table(told, "times", at)
        if not times:
            raise self.fail(at, "an outcome needs times: a label and a column for each.")
        found = []
        for time in times:
            heading = self._heading((*at, "times"), times, time)
            column = Column(
                heading or "", "continuous", label, unit, decimals, test, missing=missing
            )
            found.append((time, column))
        return Outcome(name, label, tuple(found))

    def _exam(self, told: dict[str, Any]) -> ExamColumns:
        at = ("exam",)
        self._known(at, told, _EXAM)
        same = self._one_of(at, told, "same_day", ("before", "after"), "after")
        return ExamColumns(
            self._heading(at, told, "index_date"),
            "before" if same == "before" else "after",
            self._text(at, told, "date_format"),
            self._heading(at, told, "cement"),
            self._heading(at, told, "patient"),
        )

    def _tenderness(self, told: dict[str, Any]) -> Tenderness | None:
        if "tenderness" not in told:
            return None
        at, table = ("tenderness",), self._table(told, "tenderness")
        self._known(at, table, _TENDERNESS)
        levels = self._table(table, "levels", at)
        if ("column" in table) == bool(levels):
            raise self.fail(at, "tenderness needs either column or levels.")
        self._known((*at, "levels"), levels, SCORED_LEVELS)
        columns = {n: h for n in levels if (h := self._heading((*at, "levels"), levels, n))}
        return Tenderness(self._heading(at, table, "column"), columns)

    def _residual(
        self, told: dict[str, Any], columns: tuple[Column, ...], outcomes: tuple[Outcome, ...]
    ) -> ResidualPain | None:
        if "residual_pain" not in told:
            return None
        at, table = ("residual_pain",), self._table(told, "residual_pain")
        self._known(at, table, _RESIDUAL)
        times = {o.name: [time for time, _ in o.times] for o in outcomes}
        name = self._one_of(at, table, "outcome", tuple(times), None)
        time = self._one_of(at, table, "time", tuple(times[name]), None)
        above = table.get("above")
        if isinstance(above, bool) or not isinstance(above, (int, float)):
            raise self.fail((*at, "above"), "above must be a number: the cut.")
        known, adjust = {c.name for c in columns}, []
        for wanted in self._texts(at, table, "adjust"):
            heading = self.sheet.find(wanted)
            if heading is None or heading not in known:
                raise self.fail((*at, "adjust"), f"'{wanted}' isn't described under [columns].")
            adjust.append(heading)
        return ResidualPain(name, time, float(above), tuple(adjust))

    # One value each, or an error that names its line.

    def _known(self, at: tuple[str, ...], told: dict[str, Any], known: Collection[str]) -> None:
        for key in told:
            if key not in known:
                names = ", ".join(sorted(known) if isinstance(known, set) else known)
                raise self.fail((*at, key), f"unknown key '{key}'.", f"Known are: {names}.")

    def _tables(self, told: dict[str, Any], key: str) -> Iterator[tuple[str, dict[str, Any]]]:
        tables = self._table(told, key)
        for name in tables:
            yield name, self._table(tables, name, (key,))

    def _table(self, told: dict[str, Any], key: str, at: tuple[str, ...] = ()) -> dict[str, Any]:
        value = told.get(key, {})
        if not isinstance(value, dict):
            raise self.fail((*at, key), f"{key} must be a table: [{'.'.join((*at, key))}].")
        return value

    def _text(self, at: tuple[str, ...], told: dict[str, Any], key: str) -> str | None:
        value = told.get(key)
        if value is not None and not isinstance(value, str):
            raise self.fail((*at, key), f"{key} must be text in quotation marks.")
        return value

    def _texts(self, at: tuple[str, ...], told: dict[str, Any], key: str) -> tuple[str, ...]:
        values = told.get(key, [])
        plain = isinstance(values, list) and all(
            isinstance(v, (str, int, float)) and not isinstance(v, bool) for v in values
        )
        if not plain or len(set(map(str, values))) < len(values):
            raise self.fail((*at, key), f'{key} must be a list, each entry once: ["a", "b"].')
        return tuple(map(str, values))

    def _decimals(self, at: tuple[str, ...], told: dict[str, Any]) -> int:
        value = told.get("decimals", 2)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 6:
            raise self.fail((*at, "decimals"), "decimals must be a whole number, 0 to 6.")
        return value

    def _one_of(
        self,
        at: tuple[str, ...],
        told: dict[str, Any],
        key: str,
        known: tuple[str, ...],
        default: str | None,
    ) -> str:
        value = told.get(key, default)
        if value not in known:
            action = f"Use one of: {', '.join(known)}." if known else "Describe it first."
            what = f"{key} is missing." if value is None else f"unknown {key} '{value}'."
            raise self.fail((*at, key), what, action)
        return cast(str, value)

    def _heading(self, at: tuple[str, ...], told: dict[str, Any], key: str) -> str | None:
        """A value that is the name of a column."""
        name = self._text(at, told, key)
        return None if name is None else self._there((*at, key), name)

    def _there(self, at: tuple[str, ...], name: str) -> str:
        heading = self.sheet.find(name)
        if heading is None:
            raise self.fail(
                at, f"'{self.sheet.name}' has no column '{name}'.", "Write it as its heading reads."
            )
        if heading in self.sheet.twice:
            raise self.fail(at, f"several columns are named '{name}'.", "Rename all but one.")
        return heading
