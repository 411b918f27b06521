"""What a reading leaves behind, and what it must never show."""

from __future__ import annotations

import json
import re
import shutil
import stat
import sys
from pathlib import Path

import pytest
from pydicom import Dataset
from typer.testing import CliRunner

import fasciaseg
from fasciaseg.errors import OutputNotWritable
from fasciaseg.pseudonym import exam_name, load_key
from fasciaseg_cli import folders
from fasciaseg_cli.app import app

from .conftest import BORN, ID, NAME, Breaker, Run, files_of

FILES = {"result.json", "slice-1.png", "slice-2.png", "slice-3.png", "summary.png"}


def test_json_is_result_json(exam: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["classify", str(exam), "--out", str(tmp_path), "--json"])
    assert done.exit_code == 0
    assert done.stderr == ""
    assert done.stdout_bytes == (tmp_path / "result.json").read_bytes()
    result = json.loads(done.stdout)
    assert result["schema"] == "fasciaseg.result/1"
    assert result["input"] == str(exam)
    assert {p.name for p in tmp_path.iterdir()} == FILES


def test_command_and_library_agree(exam: Path, tmp_path: Path) -> None:
    CliRunner().invoke(app, ["classify", str(exam), "--out", str(tmp_path / "a")])
    options = fasciaseg.Options(out=tmp_path / "b")
    told = fasciaseg.classify(exam, options).to_dict()
    written = [json.loads((tmp_path / n / "result.json").read_text()) for n in ("a", "b")]
    for result in (told, *written):
        del result["timings_ms"]
    assert told == written[0] == written[1]
    for name in FILES - {"result.json"}:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_options_reach_the_result(exam: Path, tmp_path: Path) -> None:
    more = ["--involved-fraction", "0.9", "--k", "3", "--save-mask", "--study-date", "--json"]
    more += ["--rule", "spinous"]
    done = CliRunner().invoke(app, ["classify", str(exam), "--out", str(tmp_path), *more])
    result = json.loads(done.stdout)
    assert result["software"]["options"]["involved_fraction"] == 0.9
    assert result["software"]["options"]["threshold"]["k"] == 3
    assert result["software"]["options"]["rule"] == result["edema"]["rule"] == "spinous"
    assert re.fullmatch(r"\d{8}", result["study"]["study_date"])
    for name in (result["outputs"]["mask"], result["outputs"]["level_map"]):
        assert (tmp_path / name).is_file()


def test_quiet_and_verbose(exam: Path, tmp_path: Path) -> None:
    quiet = CliRunner().invoke(app, ["classify", str(exam), "--out", str(tmp_path), "--quiet"])
    assert (quiet.exit_code, quiet.output) == (0, "")
    loud = CliRunner().invoke(app, ["classify", str(exam), "--out", str(tmp_path), "--verbose"])
    assert "steps in ms" in loud.stderr
    assert "steps in ms" not in loud.stdout


def test_what_a_person_is_told(samples: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["classify", str(samples / "severe-both"), "--out", "o"])
    shutil.rmtree("o")
    lines = done.stdout.splitlines()
    assert lines[0] == "Fascia edema: T11–L4"
    assert "Location: thoracolumbar and lower lumbar (both)" in lines
    assert "Severity: severe (6 levels)" in lines
    assert "Read from: STIR, three central slices" in lines
    assert "Pictures and result.json: o" in lines
    assert lines[-1] == "Research use, not a medical device."


def test_flags_come_with_what_to_do(rewritten: Breaker, tmp_path: Path) -> None:
    def plain_t2_only(header: Dataset) -> Dataset | None:
        is_t1 = float(header.get("EchoTime") or 0) < 30
        return None if header.get("ScanOptions") == "FS" or is_t1 else header

    done = CliRunner().invoke(app, ["classify", str(rewritten(plain_t2_only)), "--out", "o"])
    shutil.rmtree("o")
    assert done.stdout.startswith("No answer: plain T2 only")
    assert "Note: No fat-suppressed series was found" in done.stdout
    assert "Classify by a STIR" in done.stdout


def test_nothing_names_the_patient(rewritten: Breaker, run: Run, tmp_path: Path) -> None:
    def identify(header: Dataset) -> Dataset:
        header.PatientName, header.PatientID, header.PatientBirthDate = NAME, ID, BORN
        header.PatientComments = header.StudyDescription = f"MR {NAME} {ID}"
        header.StudyID = header.AccessionNumber = ID[:16]
        header.ReferringPhysicianName = "Hausarzt^Hugo"
        header.SeriesDescription = f"{header.SeriesDescription} {NAME}"
        return header

    folder = rewritten(identify)
    done = run("classify", folder, "--verbose", "--save-mask", "--study-date")
    assert done.code == 0
    broken = files_of(folder)[0].parent
    for path in files_of(folder):
        if path.parent == broken:
            path.write_bytes(path.read_bytes()[:-2000])
    failed = [run("classify", broken, "--verbose"), run("classify", broken, "--json")]
    written = files_of(tmp_path / "work")
    assert len(written) == len(FILES) + 2
    seen = [done.out, done.err, *(f.out + f.err for f in failed)]
    seen += [path.read_bytes() for path in written] + [str(p).encode() for p in written]
    for word in (*NAME.split("^"), ID, BORN, "Hausarzt", "4711"):
        assert not any(word.lower().encode() in data.lower() for data in seen), word


def test_default_folder_is_stable_and_nobody_elses(
    run: Run, exam: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run("classify", exam, "--json", XDG_CONFIG_HOME=str(tmp_path / "one"))
    assert done.code == 0
    uid = json.loads(done.out)["study"]["study_instance_uid"]
    (made,) = (tmp_path / "work" / "fasciaseg-out").iterdir()
    assert re.fullmatch(r"[0-9a-f]{16}", made.name)
    assert {p.name for p in made.iterdir()} == FILES
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "one"))
    assert folders.default_output(uid) == Path("fasciaseg-out", made.name)
    assert folders.default_output(f"{uid}.1").name != made.name
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "two"))
    assert folders.default_output(uid).name != made.name


def test_config_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert folders.config_folder() == tmp_path / "xdg" / "fasciaseg"
    for ignored in ("", "relative"):
        monkeypatch.setenv("XDG_CONFIG_HOME", ignored)
        assert folders.config_folder() == tmp_path / ".config" / "fasciaseg"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("APPDATA", str(tmp_path / "AppData"))
    assert folders.config_folder() == tmp_path / "AppData" / "fasciaseg"


def test_no_home_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError

    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("APPDATA", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(OutputNotWritable, match="--out"):
        folders.default_output("1.2.3")


def test_key_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "key"
    key = load_key(path)
    assert len(key) == 32
    assert load_key(path) == key
    assert load_key(tmp_path / "other") != key
    assert [p.name for p in path.parent.iterdir()] == ["key"]
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "00ff", "zz" * 32, "00" * 31, "ü"])
def test_damaged_key_is_named_not_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(OutputNotWritable, match="damaged"):
        load_key(path)
    assert path.read_text(encoding="utf-8") == content


def test_exam_name() -> None:
    key = bytes(range(32))
    name = exam_name("1.2.840.113619.2.1", key)
    assert name == exam_name("1.2.840.113619.2.1", key)
    assert name != exam_name("1.2.840.113619.2.2", key)
    assert name != exam_name("1.2.840.113619.2.1", key[::-1])
    assert re.fullmatch(r"[0-9a-f]{16}", name)
