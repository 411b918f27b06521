"""A batch as a user meets it: what is read, what is left alone, what stands where."""

from __future__ import annotations

import errno
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fasciaseg.batch import Progress, RunOptions, plan, run
from fasciaseg.batch import results as results_module
from fasciaseg.errors import OutputNotWritable, UnreadableInput, UsageError
from fasciaseg.options import Options, ThresholdOptions

from .conftest import NAME, PATIENT, Batch, write_image

MakeBatch = Callable[..., Batch]
MIXED = ("a/first", "b/bad", "c/none", "d/last")


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = (p for p in sorted(folder.rglob("*")) if p.is_file())
    return {str(p): (p.read_bytes(), p.stat().st_mtime_ns) for p in files}


def test_every_exam_stands_once(make_batch: MakeBatch) -> None:
    batch = make_batch(*MIXED)
    summary = batch.run()
    assert batch.ends == {
        "a/first": "scored", "b/bad": "failed", "c/none": "skipped", "d/last": "scored",
    }  # fmt: skip
    counts = (summary.exams, summary.scored, summary.skipped, summary.failed, summary.left)
    assert counts == (4, 2, 1, 1, 0)
    assert summary.exit_code == 5
    failed, _ = batch.table("failures.csv")
    assert list(failed) == [
        "input", "study_instance_uid", "kind", "code", "reason", "action",
    ]  # fmt: skip
    assert failed["study_instance_uid"] == "1.2.826.2"
    assert failed["code"] == "truncated"
    assert batch.manifest["state"] == "finished"
    assert batch.manifest["counts"]["scored"] == 2
    assert batch.manifest["memory"]["worker_peak_mb"] == 100


def test_an_unchanged_export_is_done(
    make_batch: MakeBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = make_batch("a", "b", "none")
    batch.run()
    before = snapshot(batch.out / "exams")
    tables = {n: (batch.out / n).read_bytes() for n in ("results.jsonl", "results.csv")}
    batch.forget_tries()

    def opened(*_: object) -> None:
        raise AssertionError("no header is read again")

    monkeypatch.setattr("fasciaseg.dicom.scan.scan", opened)
    summary = batch.run()
    assert batch.tried == []
    assert summary.exit_code == 0
    assert (summary.scored, summary.skipped, summary.read) == (2, 1, 0)
    assert snapshot(batch.out / "exams") == before
    assert {n: (batch.out / n).read_bytes() for n in tables} == tables


def test_failed_exams_are_tried_again(make_batch: MakeBatch) -> None:
    batch = make_batch(*MIXED)
    batch.run()
    batch.forget_tries()
    batch.run()
    assert batch.tried == ["b/bad"]
    assert batch.ends["b/bad"] == "failed"
    batch.task = make_batch(task="recover").task
    assert batch.run().exit_code == 0
    assert batch.ends["b/bad"] == "scored"


def test_new_and_changed_exams_are_read(make_batch: MakeBatch) -> None:
    batch = make_batch("a", "b", "none")
    batch.run()
    batch.forget_tries()
    write_image(batch.export / "a" / "IM9", "1.2.826.1", number=9)
    write_image(batch.export / "new" / "IM0", "1.2.826.77")
    batch.run()
    assert batch.tried == ["a", "new"]
    assert batch.ends == {"a": "scored", "b": "scored", "none": "skipped", "new": "scored"}


@pytest.mark.parametrize(
    "changed",
    [
        {"reading": Options(threshold=ThresholdOptions(k=2.0))},
        {"reading": Options(study_date=True)},
        {"pictures": False},
        {"save_mask": True},
    ],
)
def test_other_options_are_another_result(
    make_batch: MakeBatch, changed: dict[str, object]
) -> None:
    batch = make_batch("a", "b")
    batch.run()
    batch.forget_tries()
    batch.run(**changed)
    assert batch.tried == ["a", "b"]
    batch.forget_tries()
    batch.run(**changed, jobs=1, timeout_s=9.0)
    assert batch.tried == [], "how fast it goes decides nothing"


def test_another_model_is_another_result(make_batch: MakeBatch, tmp_path: Path) -> None:
    batch = make_batch("a")
    model = tmp_path / "net.onnx"
    for content in (b"one", b"two"):
        model.write_bytes(content)
        batch.forget_tries()
        batch.run(reading=Options(model=model))
        assert batch.tried == ["a"]


def test_results_are_never_of_two_settings(make_batch: MakeBatch) -> None:
    batch = make_batch("a", "b", "c")
    batch.run()
    batch.run(reading=Options(involved_fraction=0.5), limit=1)
    assert batch.scored == ["a"]
    batch.forget_tries()
    batch.run()
    assert batch.tried == ["a"], "the others still stand"
    assert batch.scored == ["a", "b", "c"]


def test_force_reads_all_again(make_batch: MakeBatch) -> None:
    batch = make_batch("a", "b", "none")
    batch.run()
    batch.forget_tries()
    batch.run(force=True, include=("a", "none"))
    assert batch.tried == ["a", "none"]
    assert batch.ends == {"a": "scored", "b": "scored", "none": "skipped"}


def test_limit_goes_on_where_it_stopped(make_batch: MakeBatch) -> None:
    batch = make_batch("a", "b", "c", "d", "e")
    for n_done in (2, 4, 5):
        summary = batch.run(limit=2)
        assert (summary.scored, summary.left) == (n_done, 5 - n_done)
        assert summary.exit_code == 0
    assert batch.tried == ["a", "b", "c", "d", "e"]


def test_include_and_exclude(make_batch: MakeBatch) -> None:
    batch = make_batch("p1/x", "p1/y", "p2/x", "p3/deep/er")
    batch.run(include=("p1", "1.2.826.3"), exclude=("*/y",))
    assert batch.tried == ["p1/x", "p2/x"]
    batch.run(include=("p3/*",))
    assert batch.scored == ["p1/x", "p2/x", "p3/deep/er"], "what is done stays"
    with pytest.raises(UsageError, match="None of the 4 exams"):
        batch.run(include=("p4",))


def test_fail_fast_stops(make_batch: MakeBatch) -> None:
    batch = make_batch("a", "bad", "c", "d", "e", "f")
    summary = batch.run(fail_fast=True, jobs=1)
    assert batch.ends["a"] == "scored"
    assert batch.ends["bad"] == "failed"
    assert summary.left >= 3
    assert summary.exit_code == 5
    assert batch.run().left == 0


def test_hangs_and_crashes_are_named_failures(make_batch: MakeBatch) -> None:
    batch = make_batch("a", "b/hang", "c/crash", "d", "e", "f")
    summary = batch.run(timeout_s=6.0)
    assert summary.exit_code == 5
    codes = {row["input"]: row["code"] for row in batch.table("failures.csv")}
    assert codes == {"b/hang": "timeout", "c/crash": "worker_died"}
    assert batch.scored == ["a", "d", "e", "f"]


def test_a_worker_that_meets_a_full_disk_stops_the_run(make_batch: MakeBatch) -> None:
    batch = make_batch("a", "b", "full", "z")
    with pytest.raises(OutputNotWritable, match="No space left"):
        batch.run(jobs=1)
    assert batch.ends == {"a": "scored", "b": "scored"}
    assert batch.manifest["state"] == "stopped"
    shutil.move(batch.export / "full", batch.export / "free")
    assert batch.run().left == 0
    assert batch.scored == ["a", "b", "free", "z"]


def test_a_full_disk_keeps_what_is_done(
    make_batch: MakeBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = make_batch("a", "b", "c", "d")
    append = results_module.append
    lines: list[bytes] = []

    def until_full(out: Path, line: bytes) -> None:
        lines.append(line)
        if len(lines) > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        append(out, line)

    with monkeypatch.context() as patch:
        patch.setattr(results_module, "append", until_full)
        with pytest.raises(OutputNotWritable) as error:
            batch.run(jobs=1)
    assert error.value.exit_code == 6
    batch.run()
    assert batch.scored == ["a", "b", "c", "d"]
    assert [name for name in batch.tried if name != "d"] == ["a", "b", "c"], "none is read twice"


def test_a_torn_last_line_is_mended(make_batch: MakeBatch) -> None:
    batch = make_batch("a", "b", "c")
    batch.run()
    path = batch.out / "results.jsonl"
    whole = sorted(path.read_bytes().splitlines())
    path.write_bytes(path.read_bytes()[:-40])
    batch.forget_tries()
    batch.run()
    assert batch.tried == []
    assert sorted(path.read_bytes().splitlines()) == whole


def test_lost_files_are_made_again(make_batch: MakeBatch) -> None:
    batch = make_batch("a", "b", "c")
    batch.run()
    (by_a,) = (line["exam"] for line in batch.lines if line["input"] == "a")
    shutil.rmtree(batch.out / "exams" / by_a)
    for name in ("results.jsonl", "results.csv", "failures.csv", "index.html", "manifest.json"):
        (batch.out / name).unlink()
    batch.forget_tries()
    batch.run()
    assert batch.tried == ["a"]
    assert batch.ends == {"a": "scored", "b": "scored", "c": "scored"}


def test_exams_that_left_the_export_keep_their_results(make_batch: MakeBatch) -> None:
    batch = make_batch("a", "b", "bad")
    batch.run()
    shutil.rmtree(batch.export / "a")
    shutil.rmtree(batch.export / "bad")
    summary = batch.run()
    assert batch.ends == {"a": "scored", "b": "scored"}
    assert (summary.exams, summary.kept) == (1, 1)


def test_two_patients_with_the_same_uid(make_batch: MakeBatch) -> None:
    batch = make_batch("a")
    batch.run()
    write_image(batch.export / "other" / "IM0", "1.2.826.1", patient="PID-0815")
    batch.run()
    assert batch.ends == {"a": "scored", "other": "scored"}
    shutil.rmtree(batch.export / "other")
    batch.run()
    assert batch.scored.count("a") == 1


def test_one_exam_over_several_folders_and_archives(make_batch: MakeBatch, tmp_path: Path) -> None:
    batch = make_batch("x/a")
    write_image(batch.export / "x" / "b" / "c" / "IM0", "1.2.826.1", number=2)
    write_image(tmp_path / "packed", "1.2.826.5", patient="PID-2")
    with zipfile.ZipFile(batch.export / "more.zip", "w") as archive:
        archive.write(tmp_path / "packed", "DICOM/PAT/IM0")
    (batch.export / "README.txt").write_text("burnt by a machine")
    batch.run()
    assert batch.scored == ["more.zip/DICOM/PAT", "x"]
    batch.forget_tries()
    batch.run()
    assert batch.tried == []


def test_damaged_exams_are_not_passed_over(make_batch: MakeBatch) -> None:
    batch = make_batch("a", "b")
    image = batch.export / "b" / "IM0"
    image.write_bytes(image.read_bytes()[:300])
    (batch.export / "c.zip").write_bytes(b"PK\x03\x04" + bytes(200))
    assert batch.run().exit_code == 5
    failures = {row["input"]: row["code"] for row in batch.table("failures.csv")}
    assert failures == {"b": "damaged_files", "c.zip": "damaged_files"}
    write_image(image, "1.2.826.2")
    (batch.export / "c.zip").unlink()
    batch.run()
    assert batch.ends == {"a": "scored", "b": "scored"}


def test_results_inside_the_export(make_batch: MakeBatch) -> None:
    batch = make_batch("a", "b")
    batch.out = batch.export / "results"
    batch.run()
    batch.forget_tries()
    batch.run()
    assert batch.tried == []
    batch.out = batch.export
    with pytest.raises(UsageError, match="between the files"):
        batch.run()


def test_none_scored(make_batch: MakeBatch) -> None:
    assert make_batch("none", "bad").run().exit_code == 3


def test_nothing_readable(tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "notes.txt").write_text("no image")
    with pytest.raises(UnreadableInput, match="No readable DICOM"):
        run(tmp_path / "export", tmp_path / "out")
    with pytest.raises(UsageError, match="doesn't exist"):
        run(tmp_path / "nowhere", tmp_path / "out")


def test_second_run_is_told(make_batch: MakeBatch) -> None:
    batch = make_batch("a", "b")

    class Impatient(Progress):
        def ended(self, kind: str) -> None:
            with pytest.raises(UsageError, match="Another run") as error:
                batch.run()
            assert error.value.exit_code == 2

    run(batch.export, batch.out, RunOptions(jobs=1), Impatient(), task=batch.task)
    assert batch.scored == ["a", "b"]


def test_another_key_is_refused(make_batch: MakeBatch) -> None:
    batch = make_batch("a")
    batch.run()
    (batch.out / ".key").unlink()
    with pytest.raises(UsageError, match=r"\.key"):
        batch.run()


def test_plan_writes_nothing(make_batch: MakeBatch) -> None:
    batch = make_batch(*MIXED)
    assert [(fate, e.input) for fate, e in plan(batch.export, batch.out)] == [
        ("read", name) for name in MIXED
    ]
    assert not batch.out.exists()
    batch.run(exclude=("d",))
    before = snapshot(batch.out)
    assert [fate for fate, _ in plan(batch.export, batch.out)] == [
        "scored", "again", "skipped", "read",
    ]  # fmt: skip
    assert snapshot(batch.out) == before


def test_interrupted(make_batch: MakeBatch) -> None:
    batch = make_batch("a", "b", "c/hang", "d")

    class Stop(Progress):
        def ended(self, kind: str) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(batch.export, batch.out, RunOptions(jobs=1), Stop(), task=batch.task)
    assert batch.ends == {"a": "scored"}
    assert batch.manifest["state"] == "interrupted"
    assert not (batch.out / ".work").exists()


def test_linkage_only_when_asked_for(make_batch: MakeBatch, tmp_path: Path) -> None:
    batch = make_batch("a", "b")
    batch.run()
    assert PATIENT.encode() not in b"".join(c for c, _ in snapshot(batch.out).values())
    path = tmp_path / "apart" / "linkage.csv"
    batch.run(linkage=path)
    batch_out, batch.out = batch.out, path.parent
    rows = batch.table("linkage.csv")
    batch.out = batch_out
    assert [row["patient_id"] for row in rows] == [PATIENT, PATIENT]
    assert {row["exam"] for row in rows} == {line["exam"] for line in batch.lines}
    assert rows[0]["study_date"] == "20260102"
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_tells_who_it_was(make_batch: MakeBatch) -> None:
    batch = make_batch("Musterfrau_Erika/x", "Musterfrau_Erika/bad")
    batch.run()
    for path in sorted(batch.out.rglob("*")):
        assert "Musterfrau" not in str(path)
        if path.is_file():
            content = path.read_bytes()
            assert NAME.encode() not in content
            assert PATIENT.encode() not in content
    page = (batch.out / "index.html").read_text()
    assert "Musterfrau" not in page
    assert "1.2.826" not in page


def test_the_export_is_left_alone(make_batch: MakeBatch) -> None:
    batch = make_batch(*MIXED)
    before = snapshot(batch.export)
    batch.run()
    assert snapshot(batch.export) == before
