"""The files that `fasciaseg agree` leaves, and how it ends."""

from __future__ import annotations

import csv
import io
import re
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from fasciaseg.agreement import AgreeOptions, agree
from fasciaseg.agreement.tables import COLUMNS, COUNT_COLUMNS
from fasciaseg.review.table import COLUMNS as EXPORTED
from fasciaseg_cli.app import app

from .conftest import NO_ANSWER, batch, read_by, row, write

pytest.importorskip("matplotlib")

REPO = Path(__file__).resolve().parents[2]
NASTY = "Ben <script>alert(1)</script> | $x^2$ *b* =1"
PAGES = ("agreement.csv", "counts.csv", "agreement.md", "agreement.html", "grras.md", "grras.html")


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    """Two readers, the software and the consensus, with a bit of everything."""
    anna = ["T12 L1", "L3", "", "", "T12 L1 L2 L3", "?", "", "T11", "", ""]
    ben = ["T12", "L2", "", "", "L1 L2 L3", "", "", "", "", None]
    rows = read_by("Anna", anna, image_quality="good", seconds=40)
    rows += read_by(NASTY, ben, seconds=61.5)
    rows += read_by("consensus", anna[:8])
    rows += read_by("software", [a.replace(NO_ANSWER, "") for a in anna], length_mm=12)
    rows[1] |= {"numbering": "L3@-91"}
    rows[11] |= {"numbering": "L2@-89"}
    folder = tmp_path / "batch"
    batch(folder, [f"e{i:02d}" for i in range(10)], ("T11", "T12", "L1", "L2", "L3", "L4", "L5"))
    write(folder, rows)
    return folder


def test_everything_is_written_and_the_same_again(reviews: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    agree(reviews, out, AgreeOptions(resamples=200))
    assert {p.name for p in out.iterdir()} == {*PAGES, "figures"}
    names = sorted(p.name for p in (out / "figures").iterdir())
    assert "kappa.svg" in names
    assert "bland-altman-1-n_levels.png" in names
    first = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    for path in first:
        assert path.relative_to(out).as_posix().replace("/", "").isascii()
        if path.suffix == ".png":
            with Image.open(path) as picture:
                assert picture.size[0] > 1000
    # A second run with fewer pairs leaves no figure of the first.
    agree(reviews, out, AgreeOptions(resamples=200, pairs=("software:consensus",)))
    assert len(list((out / "figures").iterdir())) < len(names)
    agree(reviews, out, AgreeOptions(resamples=200))
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == first


def test_tables_for_other_programs(reviews: Path, tmp_path: Path) -> None:
    agree(reviews, tmp_path / "out", AgreeOptions(resamples=200))
    text = (tmp_path / "out" / "agreement.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == COLUMNS
    assert not re.search(r"\b(nan|inf)\b", text)
    for r in rows:
        assert r["value"] or r["note"]
        if r["low"] and r["value"]:
            assert float(r["low"]) <= float(r["value"]) + 1e-6
            assert float(r["value"]) <= float(r["high"]) + 1e-6
            assert r["interval"]
    key = ("first", "second", "numbering", "exams", "question", "statistic")
    assert len({tuple(r[k] for k in key) for r in rows}) == len(rows)
    counts = list(csv.DictReader(io.StringIO((tmp_path / "out" / "counts.csv").read_text())))
    assert tuple(counts[0]) == COUNT_COLUMNS
    for question in ("fascia_edema", "location", "n_levels"):
        mine = {k: v for k, v in rows[0].items() if k in ("first", "second", "numbering")}
        n = sum(
            int(c["n"])
            for c in counts
            if c["question"] == question and c["exams"] == "all" and mine.items() <= c.items()
        )
        assert n == 8


def test_the_page_is_safe_whole_and_says_what_counts(reviews: Path, tmp_path: Path) -> None:
    agree(reviews, tmp_path / "out", AgreeOptions(resamples=200))
    page = (tmp_path / "out" / "agreement.html").read_text()
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    assert "Research use, not a medical device" in page
    assert "No linkage file was given" in page
    assert "The vertebrae of 1 exam are" in page
    assert page.count("Different numberings undone") > 1
    marked = (tmp_path / "out" / "agreement.md").read_text()
    assert "<script" not in marked
    for line in marked.splitlines():
        if line.startswith("|") and not line.startswith("|-"):
            cells = re.split(r"(?<!\\)\|", line)
            assert len(cells) > 3
    for picture in re.findall(r"\]\((figures/[^)]+)\)", marked):
        assert (tmp_path / "out" / picture).is_file()


def test_the_checklist_has_what_is_known(reviews: Path, tmp_path: Path) -> None:
    agree(reviews, tmp_path / "out", AgreeOptions(resamples=200))
    text = (tmp_path / "out" / "grras.md").read_text()
    items = re.findall(r"^\| (\d+)\. ", text, re.M)
    assert items == [str(i) for i in range(1, 16)]
    assert "10 exams (patients not known: no linkage file) by 2 readers" in text
    assert "Anna 40 s an exam (median)" in text
    assert "Anna rated 10 exams, 1 without an answer" in text
    assert text.count("To write: ") >= 12


def test_the_columns_are_those_of_the_export() -> None:
    from fasciaseg.agreement import reviews

    source = Path(reviews.__file__).read_text()
    used = set(re.findall(r'(?:cells\[|cells\.get\(|cells, )"(\w+)"', source))
    assert used | set(reviews.NEEDED) <= set(EXPORTED)


def test_names_are_no_formulas(tmp_path: Path) -> None:
    write(tmp_path, [row("a", "=1+1", "T12"), row("a", "Ben", "T12")])
    agree(tmp_path, tmp_path / "out", AgreeOptions(resamples=200))
    text = (tmp_path / "out" / "agreement.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {r["first"] for r in rows} == {"'=1+1"}


def test_from_the_command_line(reviews: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = CliRunner()
    done = run.invoke(app, ["agree", str(reviews), "--out", str(out)])
    assert done.exit_code == 0
    assert "Anna and Software, 10 exams: fascia edema, kappa" in done.stdout
    assert "No --linkage" in done.stderr
    again = run.invoke(
        app, ["agree", str(reviews / "reviews.csv"), "--out", str(out), "--quiet", "--seed", "3"]
    )
    assert (again.exit_code, again.stdout, again.stderr) == (0, "", "")


def test_how_it_ends(reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ends(*arguments: object) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["agree", *map(str, arguments)])
        lines = [x for x in done.stderr.splitlines() if "No --linkage" not in x]
        assert len(lines) == 1
        return done.exit_code, lines[0]

    out = tmp_path / "out"
    assert ends(tmp_path / "nowhere", "--out", out)[0] == 2
    assert ends(reviews, "--out", out, "--confidence-level", "95")[0] == 2
    (tmp_path / "linkage.csv").write_text("who,what\n")
    code, line = ends(reviews, "--out", out, "--linkage", tmp_path / "linkage.csv")
    assert (code, "exam and patient_id" in line) == (2, True)
    (tmp_path / "file").write_text("")
    assert ends(reviews, "--out", tmp_path / "file")[0] == 6
    assert not out.exists()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, line = ends(reviews, "--out", out)
    assert (code, 'pip install "fasciaseg[statistics]"' in line) == (2, True)
    assert not out.exists()


def test_the_page_of_the_documentation_names_every_column_and_statistic() -> None:
    text = (REPO / "docs" / "agreement.md").read_text()
    for name in (*COLUMNS, *COUNT_COLUMNS, *PAGES):
        assert f"`{name}`" in text, name
