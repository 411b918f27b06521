from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from fasciaseg.batch.results import COLUMNS as RESULT_COLUMNS
from fasciaseg.cohort.exams import read_export
from fasciaseg.errors import UsageError
from fasciaseg.review import export_tables
from fasciaseg.review.exams import Exam
from fasciaseg.review.names import cleaned, slugs
from fasciaseg.review.panel import panels
from fasciaseg.review.store import Change, Role, Store
from fasciaseg.review.table import COLUMNS, ENDINGS


class Desk:
    """Writes readings without a server."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.n = folder, 0

    def read(
        self, reader: str, exam: str, *levels: str, role: Role = "reader", **more: Any
    ) -> None:
        self.n += 1
        changes = {"levels": dict.fromkeys(levels, True), "signed": True, **more}
        with Store(self.folder) as store:
            number = store.join(reader).number
            store.record(Change(f"change-{self.n}", number, exam, role, changes, 7.5, False))


@pytest.fixture
def desk(folder: Path) -> Desk:
    return Desk(folder)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_row_an_exam_and_reader(folder: Path, desk: Desk, exams: dict[str, Exam]) -> None:
    one, two, *_ = sorted(exams)
    desk.read("Ann", one, "L2", "T12", "L1", quality="good", comment='so, "so"\nand so')
    desk.read("Ben", one, "L1")
    desk.read("Ann", two, cant=True)
    desk.read("Ben", two, "L1", signed=False)
    done = export_tables(folder)
    assert (done.readers, done.signed, done.drafts, done.settled, done.open) == (2, 3, 1, 0, 1)
    rows = table(folder / "reviews.csv")
    assert tuple(rows[0]) == COLUMNS
    assert rows[0] | {"changed_at": "", "length_mm": ""} == {
        "exam": one, "reader": "Ann", "role": "reader", "fascia_edema": "true",
        "location": "thoracolumbar", "severity": "non_severe", "n_levels": "3",
        "levels": "T12 L1 L2", "length_mm": "", "image_quality": "good", "numbering": "",
        "comment": "so, \"so\"\nand so", "seconds": "7.5", "changed_at": "",
    }  # fmt: skip
    assert [(r["exam"], r["reader"]) for r in rows[:3]] == [(one, "Ann"), (one, "Ben"),
                                                            (two, "Ann")]  # fmt: skip
    unjudged = rows[2]
    assert [unjudged[n] for n in ("fascia_edema", "location", "severity", "n_levels")] == [""] * 4
    software = {r["exam"]: r for r in rows if r["role"] == "software"}
    for row in table(folder / "results.csv"):
        for name in ("fascia_edema", "severity", "levels", "length_mm"):
            assert software[row["exam"]][name] == row[name]


def test_columns_beside_the_softwares(folder: Path, desk: Desk, exams: dict[str, Exam]) -> None:
    before = table(folder / "results.csv")
    one = sorted(exams)[0]
    desk.read("Ann", one, "L1")
    desk.read("Ben Ödön", one, "L1")
    for _ in range(2):
        export_tables(folder)
        after = table(folder / "results.csv")
        assert [{k: r[k] for k in RESULT_COLUMNS} for r in after] == before
        assert list(after[0])[len(RESULT_COLUMNS) :] == [
            f"{who}{ending}" for who in ("ann", "ben_odon", "consensus") for ending in ENDINGS
        ]
    mine = next(r for r in after if r["exam"] == one)
    assert (mine["ann_levels"], mine["consensus_severity"]) == ("L1", "non_severe")
    other = next(r for r in after if r["exam"] != one)
    assert other["ann_fascia_edema"] == "", "not read is empty, never 'none'"


def test_consensus_is_agreement_or_a_decision(
    folder: Path, desk: Desk, exams: dict[str, Exam]
) -> None:
    one, two, three, four, five = sorted(exams)
    for reader in ("Ann", "Ben"):
        desk.read(reader, one, "L1")
        desk.read(reader, two, *(["L1"] if reader == "Ann" else ["L2"]))
        desk.read(reader, three, *(["L1"] if reader == "Ann" else ["L2"]))
    desk.read("Ben", two, "L1", "L2", role="consensus")
    desk.read("Ann", four, "L1")
    body = exams[five].vertebrae[-1]
    desk.read("Ann", five, "L1")
    desk.read("Ben", five, "L1", numbering=f"L4@{body.center_lps_mm[2]:.1f}")
    with Store(folder) as store:
        states = {name: p.state for name, p in panels(store, exams).items()}
    # In the last one the same name stands for two vertebrae: that is no agreement.
    wanted = ("agreed", "settled", "disputed", "read", "disputed")
    assert states == dict(zip(sorted(exams), wanted, strict=True))
    export_tables(folder)
    told = {r["exam"]: r for r in table(folder / "reviews.csv") if r["role"] == "consensus"}
    assert {name: r["levels"] for name, r in told.items()} == {one: "L1", two: "L1 L2"}
    text = (folder / "reviews.js").read_text()
    assert json.loads(text.removeprefix("fasciaseg.reviewed(").removesuffix(");\n")) == states


@pytest.mark.parametrize("comment", ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "＝1"])
def test_no_comment_is_a_formula(
    folder: Path, desk: Desk, exams: dict[str, Exam], comment: str
) -> None:
    desk.read("Ann", sorted(exams)[0], comment=comment)
    export_tables(folder)
    (row,) = [r for r in table(folder / "reviews.csv") if r["reader"] == "Ann"]
    assert row["comment"] == f"'{comment}"


def test_a_name_is_no_formula(folder: Path, desk: Desk, exams: dict[str, Exam]) -> None:
    desk.read("=HYPERLINK(1)", sorted(exams)[0])
    export_tables(folder)
    rows = table(folder / "reviews.csv")
    assert rows[0]["reader"] == "'=HYPERLINK(1)"
    assert "hyperlink_1_levels" in table(folder / "results.csv")[0]


def test_slugs_are_columns_that_meet_nothing() -> None:
    names = ["Ann", "ANN!", "Ж", "marrow_edema", "3rd", "L1"]
    assert slugs(names, ENDINGS, RESULT_COLUMNS) == [
        "ann", "ann_2", "reader_3", "marrow_edema_2", "reader_3rd", "l1",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\x00b", 5, None, "Consensus", "software"])
def test_not_every_text_is_a_name(name: object) -> None:
    with pytest.raises(UsageError):
        cleaned(name)


def test_nothing_to_export_is_named(folder: Path, tmp_path: Path, desk: Desk) -> None:
    with pytest.raises(UsageError, match="Nobody has reviewed"):
        export_tables(folder)
    with pytest.raises(UsageError, match="no scored exams"):
        export_tables(tmp_path / "elsewhere")
    desk.read("Ann", "0" * 16)
    (folder / "results.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="isn't the table"):
        export_tables(folder)


def test_a_readers_length_is_the_fascia_of_the_marked_levels(
    folder: Path, desk: Desk, exams: dict[str, Exam]
) -> None:
    """As the software measures it where edema fills its levels, and a little more."""
    severe = next(n for n, e in exams.items() if e.told["classification"]["severity"] == "severe")
    told = exams[severe].told["edema"]
    desk.read("Ann", severe, *told["levels"])
    desk.read("Ben", severe)
    desk.read("Cem", severe, cant=True)
    export_tables(folder)
    mine = {r["reader"]: r["length_mm"] for r in table(folder / "reviews.csv")
            if r["exam"] == severe}  # fmt: skip
    whole = sum(
        p["length_mm"] / p["coverage"] for p in told["per_level"] if p["level"] in told["levels"]
    )
    assert float(mine["Ann"]) == pytest.approx(whole, rel=0.03)
    assert float(mine["Ann"]) > told["length_mm"]
    assert (mine["Ben"], mine["Cem"]) == ("0.0", "")


def test_an_older_batch_leaves_the_length_open(
    folder: Path, desk: Desk, exams: dict[str, Exam]
) -> None:
    one = min(exams)
    (folder / "exams" / one / "drawing.js").unlink()
    desk.read("Ann", one, "L1")
    export_tables(folder)
    assert table(folder / "reviews.csv")[0]["length_mm"] == ""


def test_a_study_takes_its_groups_from_a_reader_or_the_consensus(
    folder: Path, desk: Desk, exams: dict[str, Exam]
) -> None:
    one, two, *_ = sorted(exams)
    for reader in ("Ann", "Ben"):
        desk.read(reader, one, "L4", "L5")
        desk.read(reader, two)
    export_tables(folder)
    for who in ("Ann", "consensus"):
        read = {e.exam: e.reading for e in read_export(folder, None, who).exams}
        assert (read[one].present, read[one].levels) == (True, ("L4", "L5"))
        assert (read[two].present, read[two].levels) == (False, ())
