"""Every way to end, as a shell sees it: the exit code and one line that says what to do."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydicom import Dataset
from typer.testing import CliRunner, Result

from fasciaseg import errors, pipeline
from fasciaseg_cli.app import app

from .conftest import Breaker, Run, files_of


def classify(*arguments: str | Path) -> Result:
    """The command inside this process: quick, and warnings are errors here."""
    return CliRunner().invoke(app, ["classify", *map(str, arguments)])


def assert_ends(result: Result, code: int, *said: str) -> None:
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("fasciaseg: ")
    assert result.stderr.count("\n") == 1, "one line"
    assert result.stderr.strip().endswith((".", ")")), "a whole sentence"
    for words in said:
        assert words in result.stderr


def test_done_as_a_process(run: Run, exam: Path) -> None:
    done = run("classify", exam, "--out", "o")
    assert (done.code, done.err) == (0, b"")
    assert b"Research use, not a medical device." in done.out


def test_nothing_is_a_finding_not_a_failure(samples: Path, tmp_path: Path) -> None:
    result = classify(samples / "none", "--out", tmp_path)
    assert result.exit_code == 0
    assert result.stdout.startswith("No fascia edema\n")


def test_empty_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run("classify", tmp_path / "empty")
    assert done.code == 4
    assert "there is no file" in done.line
    assert done.out == b""


def test_folder_of_text_files(tmp_path: Path) -> None:
    for name in ("notes.txt", "DICOMDIR", "image.dcm"):
        (tmp_path / name).write_text("not an image\n" * 50)
    assert_ends(classify(tmp_path), 4, "No readable DICOM image", "3 other files")


def test_no_such_folder(tmp_path: Path) -> None:
    assert_ends(classify(tmp_path / "nowhere"), 2, "doesn't exist")


def test_no_sagittal_series(rewritten: Breaker) -> None:
    def axial_only(header: Dataset) -> Dataset | None:
        return header if header.SeriesDescription == "T2 TSE TRA" else None

    assert_ends(classify(rewritten(axial_only)), 3, "no usable series: axial")


def test_one_slice(exam: Path, rewritten: Breaker) -> None:
    kept: set[str] = set()

    def first_of_each(header: Dataset) -> Dataset | None:
        if header.SeriesInstanceUID in kept:
            return None
        kept.add(header.SeriesInstanceUID)
        return header

    assert_ends(classify(rewritten(first_of_each)), 3, "fewer than three slices")


def test_truncated_files(cut: Path) -> None:
    assert_ends(classify(cut), 4, "end before their image does", "export the study again")


def test_missing_positions(rewritten: Breaker) -> None:
    def nowhere(header: Dataset) -> Dataset:
        del header.ImagePositionPatient
        return header

    assert_ends(classify(rewritten(nowhere)), 4, "lack position", "geometry tags")


def test_other_body_parts(run: Run, shared: Path) -> None:
    done = run("classify", shared / "dicom")
    assert done.code == 3
    assert "no usable series" in done.line
    assert "A sagittal STIR" in done.line


def test_no_vertebra_unless_assumed(rewritten: Breaker, tmp_path: Path) -> None:
    def blank(header: Dataset) -> Dataset:
        if header.file_meta.TransferSyntaxUID.is_compressed:
            header.decompress()
        header.PixelData = bytes(len(header.PixelData))
        return header

    folder = rewritten(blank)
    assert_ends(classify(folder), 3, "No vertebra", "--assume-spine")
    assumed = classify(folder, "--assume-spine", "--out", tmp_path / "o")
    assert assumed.exit_code == 0, assumed.output
    assert assumed.stdout.startswith("No answer: ")


def test_several_studies(samples: Path, tmp_path: Path) -> None:
    done = classify(samples)
    assert_ends(done, 2, "5 studies", "--study UID")
    uid = done.stderr.split(": ")[2].split(",")[0]
    picked = classify(samples, "--study", uid, "--out", tmp_path, "--json")
    assert picked.exit_code == 0
    assert json.loads(picked.stdout)["study"]["study_instance_uid"] == uid
    assert_ends(classify(samples, "--study", "1.2.3"), 2, "No study", "--study")


def test_output_is_a_file(exam: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    assert_ends(classify(exam, "--out", tmp_path / "taken"), 6, "a file is in its place")
    assert (tmp_path / "taken").read_text() == "mine"


def test_config_folder_not_writable(run: Run, exam: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("classify", exam, XDG_CONFIG_HOME=str(tmp_path / "file"))
    assert done.code == 6
    assert "--out" in done.line


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nonsense"],
        ["--k", "many"],
        ["--model", "/no/such/file"],
        [],
    ],
)
def test_wrong_usage(run: Run, arguments: list[str]) -> None:
    """Typer's own errors: code 2, the usage before them."""
    done = run("classify", *arguments)
    assert done.code == 2
    assert done.err.startswith(b"Usage: fasciaseg classify")
    assert done.out == b""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--involved-fraction", "0"], ["--involved-fraction", "1.2"], ["--k", "-1"],
        ["--rule", "disc"],
    ],
)  # fmt: skip
def test_values_that_mean_nothing(exam: Path, arguments: list[str]) -> None:
    assert_ends(classify(exam, *arguments), 2)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_behind_stdout(exam: Path, tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "fasciaseg_cli", "classify", exam, "--out", tmp_path, "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 6
    assert done.stderr.startswith(b"fasciaseg: Can't write to standard output: No space left")


def test_reader_that_leaves(exam: Path, tmp_path: Path) -> None:
    """`fasciaseg ... --json | head` isn't an error: the files are written."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fasciaseg_cli", "classify", exam, "--out", tmp_path, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0
    assert (tmp_path / "result.json").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
@pytest.mark.parametrize("seconds", [0.12, 0.3, 0.6])
def test_interrupted_at_any_time(exam: Path, tmp_path: Path, seconds: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "fasciaseg_cli", "classify", exam, "--out", tmp_path / "o"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Whatever started the tests may have had them ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert (out, err) == (b"", b"fasciaseg: Interrupted.\n")
    assert not list(tmp_path.rglob("*.tmp"))


def test_an_interrupt_that_an_import_swallowed_is_heard_before_anything_is_written(
    exam: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fasciaseg_cli.interrupt.seen", True)
    done = CliRunner().invoke(app, ["classify", str(exam), "--out", str(tmp_path / "o")])
    assert (done.exit_code, done.stdout) == (130, "")
    assert not (tmp_path / "o").exists()


def test_unexpected_error_gives_nothing_away(
    exam: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "^".join(("Musterfrau", "Erika"))

    def fails(*_: object) -> None:
        raise LookupError(secret)

    monkeypatch.setattr(pipeline, "read_exam", fails)
    for more in ([], ["--verbose"]):
        result = classify(exam, "--out", tmp_path, *more)
        assert result.exit_code == 1
        assert "LookupError" in result.stderr
        assert "Please report it" in result.stderr
        assert secret not in result.output
        assert "Traceback" not in result.output
        assert ("in fails" in result.stderr) == bool(more)


def test_every_error_has_its_code() -> None:
    """The design's table, whole."""
    codes = {e.__name__: e.exit_code for e in errors.FasciasegError.__subclasses__()}
    assert codes == {
        "UsageError": 2,
        "NothingToRead": 3,
        "UnreadableInput": 4,
        "OutputNotWritable": 6,
    }


def test_input_is_left_alone(exam: Path, tmp_path: Path) -> None:
    folder = tmp_path / "exam"
    shutil.copytree(exam, folder)
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in files_of(folder)}
    assert classify(folder, "--out", tmp_path / "o").exit_code == 0
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in files_of(folder)} == before
