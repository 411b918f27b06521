"""`fasciaseg batch` as a shell sees it, reading the sample exams for real."""

from __future__ import annotations

import csv
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from fasciaseg_cli.app import app
from fasciaseg_cli.progress import Bar, Lines, duration

from .conftest import NAME, Run, files_of

REPO = Path(__file__).resolve().parents[2]
SCORED = {"P1/MR/2024": "thoracolumbar", "P1/MR/2025": "none", "P2": "lower_lumbar"}


def batch(*arguments: str | Path) -> Result:
    """The command inside this process: quick, and warnings are errors here."""
    return CliRunner().invoke(app, ["batch", *map(str, arguments)])


@pytest.fixture(scope="session")
def export(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two patients and three exams, an exam cut short, an axial-only one, and clutter."""
    folder = tmp_path_factory.mktemp("pacs") / "export"
    shutil.copytree(samples / "thoracolumbar", folder / "P1" / "MR" / "2024")
    shutil.copytree(samples / "none", folder / "P1" / "MR" / "2025")
    shutil.copytree(samples / "lower-lumbar", folder / "P2" / "STU1" / "first half")
    moved = files_of(folder / "P2")[::2]
    for number, path in enumerate(moved):
        target = folder / "P2" / "STU2" / f"{number:08}"
        target.parent.mkdir(exist_ok=True)
        path.rename(target)
    shutil.copytree(samples / "mimics", folder / "cut")
    for path in files_of(folder / "cut"):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) * 2 // 3])
    for name in ("autorun.inf", "P1/report.pdf", "DICOMDIR"):
        (folder / name).write_bytes(b"not an image")
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def locations(out: Path) -> dict[str, str]:
    return {row["input"]: row["location"] for row in rows(out / "results.csv")}


@pytest.fixture(scope="session")
def done(export: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The export, scored; not to be changed."""
    out = tmp_path_factory.mktemp("done") / "out"
    return out, batch(export, "--out", out)


def test_scored_end_to_end(done: tuple[Path, Result]) -> None:
    out, result = done
    assert result.exit_code == 5, result.output
    assert result.stdout.splitlines()[-1] == (
        f"4 exams: 3 scored, 1 failed. Results: {out / 'index.html'}"
    )
    assert "Research use, not a medical device." in result.stdout
    assert "failures.csv" in result.stderr
    assert locations(out) == SCORED
    (failure,) = rows(out / "failures.csv")
    assert (failure["input"], failure["kind"], failure["code"]) == ("cut", "failed", "truncated")
    for line in (out / "results.jsonl").read_text("utf-8").splitlines():
        told = json.loads(line)
        folder = out / "exams" / told.pop("exam")
        assert json.loads((folder / "result.json").read_text("utf-8")) == told
        assert sorted(p.name for p in folder.iterdir()) == [
            "drawing.js", "plain.png", "result.json", "slice-1.png", "slice-2.png", "slice-3.png",
            "summary.png",
        ]  # fmt: skip
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert 0 < manifest["memory"]["worker_peak_mb"] < 400


def test_the_same_as_classify(done: tuple[Path, Result], export: Path) -> None:
    out, _ = done
    single = CliRunner().invoke(
        app, ["classify", str(export / "P1" / "MR" / "2024"), "--out", str(out.parent), "--json"]
    )
    assert single.exit_code == 0, single.output
    expected = json.loads(single.stdout)
    lines = [json.loads(text) for text in (out / "results.jsonl").read_text().splitlines()]
    (told,) = (line for line in lines if line["input"] == "P1/MR/2024")
    for name in ("exam", "input", "timings_ms"):
        told.pop(name)
        expected.pop(name, None)
    for name in ("plain", "drawing"):  # for the pages of a batch
        told["outputs"].pop(name)
    assert told == expected


def test_nobody_is_named(done: tuple[Path, Result]) -> None:
    out, result = done
    for path in files_of(out):
        content = path.read_bytes()
        assert b"PHANTOM^" not in content
        assert NAME.encode() not in content
    page = (out / "index.html").read_text("utf-8")
    assert not re.search(r"\d\.\d+\.\d{5}", page), "no UID"
    assert "P1" not in page
    assert "P1/" not in result.output


def test_nothing_to_do_the_second_time(done: tuple[Path, Result], export: Path) -> None:
    out, _ = done
    before = {n: (out / n).read_bytes() for n in ("results.csv", "results.jsonl", "failures.csv")}
    result = batch(export, "--out", out, "--exclude", "cut")
    assert result.exit_code == 0
    assert "Nothing to read" in result.stderr
    assert {n: (out / n).read_bytes() for n in before} == before


def test_dry_run_lists(done: tuple[Path, Result], export: Path, tmp_path: Path) -> None:
    fresh = batch(export, "--out", tmp_path / "new", "--dry-run")
    head, *listed = [line.split("\t") for line in fresh.stdout.splitlines()]
    assert head == ["would", "input", "study_instance_uid"]
    assert [line[:2] for line in listed] == [["read", name] for name in (*SCORED, "cut")]
    assert not (tmp_path / "new").exists()
    uids = tmp_path / "list.txt"
    uids.write_text("# wanted\n" + "\n".join(uid for *_, uid in listed[1:3]))
    chosen = batch(export, "--out", tmp_path / "new", "--dry-run", "--include", uids)
    assert [line.split("\t")[1] for line in chosen.stdout.splitlines()[1:]] == [*SCORED][1:]
    again = batch(export, "--out", done[0], "--dry-run")
    assert [line.split("\t")[0] for line in again.stdout.splitlines()[1:]] == [
        "scored", "scored", "scored", "again",
    ]  # fmt: skip


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_stopped_and_gone_on(export: Path, tmp_path: Path, stop: signal.Signals) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "fasciaseg_cli", "batch", str(export), "--out", str(out)]
    command += ["--jobs", "1", "--exclude", "cut"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )
    lines = out / "results.jsonl"
    while not (lines.exists() and lines.stat().st_size):
        time.sleep(0.02)
        assert process.poll() is None
    process.send_signal(stop)
    _, err = process.communicate(timeout=60)
    assert b"Traceback" not in err
    if stop == signal.SIGINT:
        assert process.returncode == 130
        assert err.endswith(b"fasciaseg: Interrupted.\n")
        assert len(locations(out)) == lines.read_bytes().count(b"\n")
        assert json.loads((out / "manifest.json").read_text())["state"] == "interrupted"
    first = (out / "exams" / json.loads(lines.read_bytes().splitlines()[0])["exam"]).stat()
    result = batch(export, "--out", out, "--exclude", "cut")
    assert result.exit_code == 0, result.output
    assert locations(out) == SCORED
    exam = json.loads(lines.read_bytes().splitlines()[0])["exam"]
    assert (out / "exams" / exam).stat().st_mtime_ns == first.st_mtime_ns, "not read again"


def test_only_numbers(export: Path, tmp_path: Path) -> None:
    result = batch(export, "--out", tmp_path, "--no-pictures", "--include", "P2", "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    assert [p.name for p in files_of(tmp_path / "exams")] == ["result.json"]
    assert "<img" not in (tmp_path / "index.html").read_text()


def test_a_worker_says_what_is_wrong_with_the_model(export: Path, tmp_path: Path) -> None:
    model = tmp_path / "net.onnx"
    model.write_bytes(b"no network")
    result = batch(export, "--out", tmp_path / "out", "--model", model)
    assert result.exit_code == 2
    assert "not a localizer" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--jobs", "-1"], "--jobs"),
        (["--timeout", "0"], "timeout must be above"),
        (["--limit", "0"], "--limit"),
        (["--include", "nothing/like/this"], "None of the 4 exams"),
        (["--scheduler", "nowhere://"], "Dask"),
    ],
)
def test_wrong_usage(export: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    result = batch(export, "--out", tmp_path / "out", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_an_empty_list_is_not_everything(export: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("# nobody yet\n")
    result = batch(export, "--out", tmp_path / "out", "--include", tmp_path / "list.txt")
    assert result.exit_code == 2
    assert "names no exam" in result.stderr


def test_no_export(run: Run, tmp_path: Path) -> None:
    assert batch(tmp_path / "nowhere", "--out", tmp_path / "out").exit_code == 2
    (tmp_path / "empty").mkdir()
    assert "No readable DICOM" in run("batch", tmp_path / "empty", "--out", "o").line


def test_output_not_writable(export: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    result = batch(export, "--out", tmp_path / "file" / "out")
    assert result.exit_code == 6
    assert "a file is in its place" in result.stderr


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_lines_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = Lines(clock)
    lines.starting(200, 50)
    for i in range(200):
        clock.now += 0.5
        lines.ended("failed" if i == 3 else "scored")
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "fasciaseg: 200 exams to read (50 done before)."
    assert said[1] == "fasciaseg: 20/200 exams, 1 failed, 2.0/s, 90 s left.".replace(
        "90 s", "2 min"
    )
    assert said[-1] == "fasciaseg: 200/200 exams, 1 failed, 2.0/s."
    assert len(said) == 11


def test_a_bar_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    bar = Bar(clock)
    bar.scanning()
    bar.starting(10, 0)
    for _ in range(10):
        clock.now += 30
        bar.ended("scored")
    bar.stopped()
    drawn = capsys.readouterr().err.split("\r")
    assert drawn[-6].startswith("[############------------] 5/10 exams, 2.0/min, 2 min left")
    assert drawn[-1].rstrip(" ").endswith("10/10 exams, 2.0/min\n") or drawn[-1].endswith("\n")


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.4, "0 s"), (89, "89 s"), (95, "2 min"), (12_000, "3 h 20 min")]
)
def test_durations(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_every_option_is_documented() -> None:
    command: Any = getattr(typer.main.get_command(app), "commands")["batch"]  # noqa: B009
    page = (REPO / "docs" / "batch.md").read_text()
    for parameter in command.params:
        for option in (*parameter.opts, *parameter.secondary_opts):
            if option.startswith("--"):
                assert f"`{option}" in page, option


def test_every_column_is_documented(done: tuple[Path, Result]) -> None:
    page = (REPO / "docs" / "batch.md").read_text()
    for name in rows(done[0] / "results.csv")[0]:
        if not re.match(r"[TL]\d", name):
            assert f"`{name}`" in page, name
