"""The command as a study's author runs it: what comes out, and what is said when it can't."""

from __future__ import annotations

import csv
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from clinics import Clinic, mixed, write_csv

from fasciaseg.cohort import CohortOptions, run
from fasciaseg.cohort.simulated import simulate, write_clinic, write_results
from fasciaseg.errors import UsageError

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """`fasciaseg cohort ...` as a process of its own: exit code, stdout, stderr."""

    def command(*arguments: str | Path, **environment: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "fasciaseg_cli", "cohort", *map(str, arguments)],
            env=os.environ | {"HOME": str(tmp_path)} | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr

    return command


def table(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.reader(file))


def test_from_two_tables_to_a_study(clinic: Clinic, command: Command, tmp_path: Path) -> None:
    results, clinical, description = mixed(clinic).files()
    out = tmp_path / "study"
    code, said, err = command(results, clinical, "--out", out, "--columns", description)
    assert (code, err) == (0, "")
    assert "Research use, not a medical device." in said
    assert {p.suffix for p in (out / "tables").iterdir()} >= {".csv", ".md", ".html"}
    assert {p.suffix for p in (out / "figures").iterdir()} == {".svg", ".png"}
    assert len(docx.Document(str(out / "tables.docx")).tables) >= 3
    assert "<script" not in (out / "index.html").read_text(encoding="utf-8")


def test_without_a_description_one_is_guessed_and_used_the_next_time(
    clinic: Clinic, command: Command, tmp_path: Path
) -> None:
    results, clinical, _ = mixed(clinic).files()
    out = tmp_path / "study"
    code, said, _ = command(results, clinical, "--out", out)
    assert code == 0
    assert "was guessed" in said
    guessed = (out / "columns.toml").read_text(encoding="utf-8")
    assert '[columns."age"]' in guessed
    code, said, _ = command(results, clinical, "--out", out)
    assert code == 0
    assert "was guessed" not in said
    assert (out / "columns.toml").read_text(encoding="utf-8") == guessed


@pytest.mark.parametrize(
    ("toml", "line", "told"),
    [
        ('[columns.age]\nkind = "continuos"\n', 2, "continuos"),
        ('[columns.age]\nkind = "continuous"\n\n[columns.shoe]\nkind = "continuous"\n', 4, "shoe"),
        ('[columns.age]\nkind = "continuous"\ncolour = "red"\n', 3, "colour"),
        ('[columns.sex]\nkind = "ordinal"\n', 1, "order"),
    ],
)
def test_a_wrong_description_is_told_with_its_line(
    clinic: Clinic, command: Command, tmp_path: Path, toml: str, line: int, told: str
) -> None:
    results, clinical, description = mixed(clinic).files()
    description.write_text(toml, encoding="utf-8")
    code, said, err = command(results, clinical, "--out", tmp_path / "o", "--columns", description)
    assert (code, said) == (2, "")
    assert err.count("\n") == 1
    assert f"line {line}" in err
    assert told in err


def test_text_that_is_no_toml(clinic: Clinic, command: Command, tmp_path: Path) -> None:
    results, clinical, description = mixed(clinic).files()
    description.write_text("[columns.age\n", encoding="utf-8")
    code, _, err = command(results, clinical, "--out", tmp_path / "o", "--columns", description)
    assert code == 2
    assert "line 1" in err


def test_tables_that_do_not_go_together(clinic: Clinic, command: Command, tmp_path: Path) -> None:
    results, clinical, description = mixed(clinic).files()
    write_csv(clinical, [{"name": "A", "age": 60}, {"name": "B", "age": 70}])
    code, _, err = command(results, clinical, "--out", tmp_path / "o", "--columns", description)
    assert code == 2
    assert err.startswith("fasciaseg: ")
    assert err.count("\n") == 1


def test_a_table_that_is_not_there(clinic: Clinic, command: Command, tmp_path: Path) -> None:
    results, _, description = mixed(clinic).files()
    gone = tmp_path / "gone.csv"
    code, _, err = command(results, gone, "--out", tmp_path / "o", "--columns", description)
    assert code == 4
    assert "gone.csv" in err


def test_an_output_that_cannot_be_written(clinic: Clinic, command: Command, tmp_path: Path) -> None:
    results, clinical, description = mixed(clinic).files()
    (tmp_path / "taken").write_text("a file")
    code, _, err = command(results, clinical, "--out", tmp_path / "taken", "--columns", description)
    assert code == 6
    assert err.count("\n") == 1


def test_without_the_extra_it_says_what_to_install(
    clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results, clinical, description = mixed(clinic).files()
    there = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "docx" else there(name, *a)
    )
    with pytest.raises(UsageError, match=r"docx.*fasciaseg\[statistics\]"):
        run(results, clinical, tmp_path / "o", CohortOptions(columns=description))
    assert not (tmp_path / "o").exists()


def test_words_of_the_clinic_become_neither_formulas_nor_markup(
    clinic: Clinic, tmp_path: Path
) -> None:
    evil = ["=1+1", "@SUM(A1)", "<script>alert(1)</script>", "+cmd", "-cmd"]
    for number in range(30):
        clinic.add(number, ["", "L4", ""][number % 3], site=evil[number // 3 % 5])
    clinic.toml = '[columns.site]\nkind = "categorical"\nlabel = "<b>Site</b>"\n'
    results, clinical, description = clinic.files()
    out = tmp_path / "study"
    run(results, clinical, out, CohortOptions(columns=description))
    cells = [c for p in out.rglob("*.csv") for row in table(p) for c in row]
    assert any("SUM(A1)" in c for c in cells)
    assert not [c for c in cells if c.lstrip().startswith(("=", "@", "+cmd", "-cmd"))]
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "<b>Site</b>" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_effects_planted_in_a_simulated_clinic_are_found_and_no_others(tmp_path: Path) -> None:
    patients = simulate()
    clinical, columns = write_clinic(patients, tmp_path)
    results, linkage = write_results(patients, tmp_path)
    run(results, clinical, tmp_path / "study", CohortOptions(columns=columns, linkage=linkage))
    p = {}
    for name in ("patients", "outcomes"):
        path = tmp_path / "study" / "tables" / f"{name}-by-edema.csv"
        with path.open(newline="", encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                if row["p"]:
                    p[row["variable"], row["time"]] = float(row["p"])
    found = {question for question, value in p.items() if value < 0.05}
    assert len(p) == 15
    assert len(found) == 5
    assert max(p[q] for q in found) < 1e-6
    assert {time for _, time in found} == {"", "3 days after surgery", "1 month after surgery"}


def test_the_consensus_of_a_review_makes_the_groups(clinic: Clinic, tmp_path: Path) -> None:
    """Columns as `fasciaseg review --export` adds them."""
    for number in range(20):
        clinic.add(number, "")
        levels = "L4 L5" if number < 6 else ""
        clinic.results[-1] |= {
            "consensus_fascia_edema": str(bool(levels)).lower(),
            "consensus_location": "lower_lumbar" if levels else "none",
            "consensus_severity": "non_severe" if levels else "none",
            "consensus_levels": levels,
        }
    by_software, by_consensus = (clinic.study(reader=who) for who in ("software", "consensus"))
    sizes = [
        sum(f.exam.reading.present is True for f in study.fated)
        for study in (by_software, by_consensus)
    ]
    assert sizes == [0, 6]
