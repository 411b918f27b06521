"""Tables as clinics keep them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fasciaseg.cohort.sheet import Cell, read_sheet
from fasciaseg.cohort.values import days, levels_in, number, text_of, yes_or_no
from fasciaseg.errors import UnreadableInput, UsageError


@pytest.mark.parametrize(
    "data",
    [
        "MRN;Größe\n7;1,7\n".encode("utf-8-sig"),
        "MRN;Größe\r\n7;1,7\r\n".encode("cp1252"),
        "MRN\tGröße\n7\t1,7\n".encode("utf-16"),
        'MRN,Größe\n7,"1,7"\n'.encode(),
        "sep=;\nMRN;Größe\n7;1,7\n".encode(),
        "Study of backs\n\nMRN;Größe;\n7;1,7;\n;;\n".encode(),
    ],
    ids=["bom", "latin", "utf-16", "comma", "sep", "title above"],
)
def test_csv_of_any_dialect(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "clinic.csv"
    path.write_bytes(data)
    sheet = read_sheet(path)
    assert sheet.columns == ("MRN", "Größe")
    assert [line.cells for line in sheet.lines] == [{"MRN": "7", "Größe": "1,7"}]


def test_lines_are_numbered_as_a_spreadsheet_does(tmp_path: Path) -> None:
    path = tmp_path / "clinic.csv"
    path.write_text('a,b\n\n1,2\n"3\n",4\n5,6\n')
    assert [line.number for line in read_sheet(path).lines] == [3, 5, 6]


def workbook(path: Path, rows: list[list[Cell]], title: str = "Patients") -> Path:
    book = openpyxl.Workbook()
    book.active.title = "Notes"
    sheet = book.create_sheet(title)
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


def test_excel(tmp_path: Path) -> None:
    rows: list[list[Cell]] = [["MRN", "op", "age"], [123, dt.datetime(2024, 3, 1), 71.5]]
    sheet = read_sheet(workbook(tmp_path / "clinic.xlsx", rows))
    (line,) = sheet.lines
    assert (line.number, text_of(line.cells["MRN"])) == (2, "123")
    assert days([line.cells["op"]]) == [dt.date(2024, 3, 1)]
    assert number(line.cells["age"]) == 71.5


def test_a_sheet_can_be_named(tmp_path: Path) -> None:
    path = workbook(tmp_path / "clinic.xlsx", [["a", "b"], [1, 2]])
    assert len(read_sheet(path, "Patients").lines) == 1
    with pytest.raises(UsageError, match="It has: Notes, Patients"):
        read_sheet(path, "Patient")


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("clinic.xls", b"\xd0\xcf\x11\xe0", "old kind"),
        ("clinic.xlsx", b"\xd0\xcf\x11\xe0 encrypted", "password"),
        ("clinic.csv", b"", "holds no table"),
        ("clinic.csv", b"just text\n", "holds no table"),
        ("clinic.csv", b"a,b\n\0\0\0", "neither CSV nor Excel"),
    ],
)
def test_what_is_no_table_is_named(tmp_path: Path, name: str, data: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnreadableInput, match=told):
        read_sheet(tmp_path / name)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("71,3", 71.3), ("71.3", 71.3), ("-3,09", -3.09), ("−3.09", -3.09), ("0,912", 0.912),
        ("1.234,5", 1234.5), ("1,234.5", 1234.5), ("1.234.567", 1234567.0), (" 12 ", 12.0),
        (70, 70.0), ("1e3", 1000.0), (",5", 0.5), ("about 70", None), (">90", None),
        ("1.2.2024", None), ("70 years", None), ("", None), (None, None), ("inf", None),
    ],
)  # fmt: skip
def test_numbers(cell: Cell, value: float | None) -> None:
    assert number(cell) == value


@given(st.floats(-1e6, 1e6).map(lambda v: round(v, 2)))
def test_a_number_is_the_same_with_point_and_comma(value: float) -> None:
    text = f"{value:.2f}"
    assert number(text) == number(text.replace(".", ",")) == pytest.approx(value)


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["2024-01-31", "20240131", "31.01.2024", 20240131], dt.date(2024, 1, 31)),
        (["31/01/2024"], dt.date(2024, 1, 31)),
        (["01/31/2024", "01/31/2024"], dt.date(2024, 1, 31)),
        (["2024-01-31 08:30:00", "2024-01-31T08:30"], dt.date(2024, 1, 31)),
        (["soon"], None),
    ],
)
def test_days(cells: list[Cell], found: dt.date | None) -> None:
    assert days(cells) == [found] * len(cells)


def test_day_and_month_are_not_guessed() -> None:
    assert days(["03/04/2024", "05/06/2024"]) is None
    assert days(["03/04/2024"], "%d/%m/%Y") == [dt.date(2024, 4, 3)]
    assert days(["03/04/2024", "25/04/2024"]) == [dt.date(2024, 4, 3), dt.date(2024, 4, 25)]


@pytest.mark.parametrize(
    ("cell", "levels"),
    [
        ("T12 L1", ("T12", "L1")), ("L1, th12", ("T12", "L1")),
        ("T12-L2; L4", ("T12", "L1", "L2", "L4")),
        ("D12 – L1", ("T12", "L1")), ("L4/L5", ("L4", "L5")), ("none", ()), ("0", ()), ("nein", ()),
        ("L9", None), ("lumbar", None), ("L5-S1", ("L5",)),
    ],
)  # fmt: skip
def test_levels(cell: str, levels: tuple[str, ...] | None) -> None:
    assert levels_in(cell) == levels


def test_yes_and_no_in_several_languages() -> None:
    assert [yes_or_no(c) for c in ("ja", "X", 1, True, "是")] == [True] * 5
    assert [yes_or_no(c) for c in ("nein", "0", 0.0, False, "-")] == [False] * 5
    assert [yes_or_no(c) for c in ("maybe", None, 2)] == [None] * 3
