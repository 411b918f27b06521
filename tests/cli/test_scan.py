"""What `fasciaseg scan` lists."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from typer.testing import CliRunner

from fasciaseg_cli.app import app

from .conftest import BORN, ID, NAME, Breaker, Run, files_of

REPO = Path(__file__).resolve().parents[2]


def listed(path: Path, code: int = 0) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["scan", str(path), "--json"])
    assert done.exit_code == code, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["schema"] == "fasciaseg.scan/1"
    assert found["input"] == str(path)
    return found


def test_what_would_be_read(exam: Path) -> None:
    found = listed(exam)
    (only,) = found["exams"]
    assert only["readable"]
    assert (only["patient"], only["n_files"]) == (1, len(files_of(exam)))
    series = {s["number"]: s for s in only["series"]}
    order = sorted((s["order"], s["role"]) for s in series.values() if s["order"])
    assert order == [(1, "T2_FS"), (2, "T2")]
    first = next(s["number"] for s in series.values() if s["order"] == 1)
    assert [s["beside"] for s in series.values() if s["role"] == "T1"] == [first]
    reasons = {s["reason"] for s in only["series"] if not s["role"]}
    assert reasons == {"localizer", "axial"}
    assert all(s["reason"] is None for s in only["series"] if s["role"])


def test_table(exam: Path) -> None:
    done = CliRunner().invoke(app, ["scan", str(exam)])
    lines = done.stdout.splitlines()
    assert lines[0] == "1 exam of 1 patient, 1 can be read"
    (head,) = (line for line in lines if line.startswith("  series"))
    for title, word in (("plane", "sagittal"), ("shows", "T2_FS"), ("read", "yes")):
        assert any(line[head.index(title) :].startswith(word) for line in lines)
    assert any("no: axial" in line for line in lines)


def test_many_exams_in_folders_and_archives(samples: Path, tmp_path: Path) -> None:
    export = tmp_path / "export"
    shutil.copytree(samples / "none", export / "a" / "b" / "none")
    with zipfile.ZipFile(export / "severe.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files_of(samples / "severe-both"):
            archive.write(path, path.name + str(hash(path)))
    (export / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    (export / "readme.txt").write_text("viewer")
    cut = files_of(export / "a")[0]
    (export / "cut").write_bytes(cut.read_bytes()[:600])
    (export / "locked.zip").write_bytes(b"PK\x03\x04" + b"\0" * 50)
    found = listed(export)
    assert (found["n_exams"], found["n_patients"], found["n_readable"]) == (2, 2, 2)
    assert sum(b["n"] for b in found["broken"]) == 3
    assert {"reason": "its zip archive is damaged or cut short", "n": 1} in found["broken"]
    assert found["n_clutter"] == 1
    done = CliRunner().invoke(app, ["scan", str(export)])
    assert "Passed over: 1 other file\n" in done.stdout
    assert "Can't be read: 1 file: its zip archive is damaged or cut short\n" in done.stdout


def test_same_uid_of_two_patients(rewritten: Breaker, tmp_path: Path) -> None:
    for name in ("one", "two"):

        def rename(header: Dataset, name: str = name) -> Dataset:
            header.PatientID = name
            return header

        rewritten(rename, f"export/{name}")
    exams = listed(tmp_path / "export")["exams"]
    assert [e["patient"] for e in exams] == [1, 2]
    assert len({e["study_instance_uid"] for e in exams}) == 1
    assert all(e["readable"] for e in exams)


def test_stations(rewritten: Breaker, tmp_path: Path) -> None:
    def higher(header: Dataset) -> Dataset | None:
        if header.get("ScanOptions") != "FS":
            return None
        header.SeriesInstanceUID += ".7"
        header.SOPInstanceUID += ".7"
        header.SeriesNumber = 77
        x, y, z = header.ImagePositionPatient
        header.ImagePositionPatient = [x, y, z + 200]
        return header

    rewritten(lambda header: header, "export/a")
    rewritten(higher, "export/b")
    (only,) = listed(tmp_path / "export")["exams"]
    first = next(s for s in only["series"] if s["order"] == 1)
    station = next(s for s in only["series"] if s["number"] == 77)
    assert station["lengthens"] == first["number"] != 77
    done = CliRunner().invoke(app, ["scan", str(tmp_path / "export")])
    assert f"as a further station of series {first['number']}" in done.stdout


def test_nothing_to_read(exam: Path, rewritten: Breaker, run: Run, tmp_path: Path) -> None:
    def axial_only(header: Dataset) -> Dataset | None:
        return header if header.SeriesNumber == 5 else None

    done = run("scan", rewritten(axial_only))
    assert done.code == 3
    assert "no usable series" in done.line
    assert b"no: axial" in done.out
    (tmp_path / "empty").mkdir()
    done = run("scan", tmp_path / "empty", "--json")
    assert done.code == 4
    assert json.loads(done.out)["exams"] == []
    assert run("scan", tmp_path / "nowhere").code == 2


def test_damaged_exam(cut: Path, run: Run) -> None:
    done = run("scan", cut)
    assert done.code == 4
    assert b"can't be read" in done.out
    assert run("scan", cut, "--quiet").out == b""


def test_nothing_is_decoded_or_written(
    exam: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fasciaseg.dicom import volume

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(volume, "read_pixels", never)
    assert CliRunner().invoke(app, ["scan", str(exam)]).exit_code == 0
    assert run("scan", exam, "--verbose").code == 0
    assert files_of(tmp_path / "work") == []


def test_nothing_names_the_patient(rewritten: Breaker, run: Run) -> None:
    def identify(header: Dataset) -> Dataset:
        header.PatientName, header.PatientID, header.PatientBirthDate = NAME, ID, BORN
        header.StudyDescription = f"MR {NAME} {ID}"
        header.SeriesDescription = f"{header.SeriesDescription} {NAME}"
        return header

    folder = rewritten(identify)
    files_of(folder)[0].write_bytes(files_of(folder)[0].read_bytes()[:700])
    for done in (run("scan", folder, "--verbose"), run("scan", folder, "--json", "--verbose")):
        for word in (*NAME.split("^"), ID, BORN, "4711"):
            assert word.lower().encode() not in (done.out + done.err).lower(), word


def test_page_says_it_all(exam: Path) -> None:
    page = (REPO / "docs" / "scan.md").read_text()
    for option in ("--json", "--verbose", "--quiet"):
        assert f"`{option}`" in page

    def keys(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*map(keys, value.values()))
        return set().union(*map(keys, value)) if isinstance(value, list) else set()

    assert not {key for key in keys(listed(exam)) if f"`{key}`" not in page}
