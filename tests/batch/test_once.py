"""Every exam of an export stands in results or in failures, once, whatever its files lack."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from .conftest import Batch, write_image

MakeBatch = Callable[..., Batch]
ROWS, SERIES, FRAME = b"\x28\0\x10\0US", b"\x20\0\x0e\0UI", b"\x20\0\x52\0UI"
NO_STUDY = {"StudyInstanceUID": None, "PatientID": None}
NOTHING = {**NO_STUDY, "FrameOfReferenceUID": None}
AFTER_PATIENT, AFTER_INSTANCE = b"\x18\0\x20\0", b"\x08\0\x20\0"


def cut(path: Path, before: bytes = ROWS) -> Path:
    """Lose a file's end, as where a copy was stopped."""
    content = path.read_bytes()
    path.write_bytes(content[: content.index(before)])
    return path


def change(path: Path, tags: Mapping[str, object]) -> None:
    """Give a file other tags; None takes one away."""
    ds: Dataset = dcmread(path)
    for name, value in tags.items():
        if value is not None:
            setattr(ds, name, value)
        elif name in ds:
            delattr(ds, name)
    ds.save_as(path)


def exam(
    folder: Path,
    study: str,
    patient: str = "A",
    n: int = 3,
    tags: Mapping[str, object] | None = None,
) -> list[Path]:
    """Slices of one series; `tags` that are None are left out."""
    paths = []
    for number in range(1, n + 1):
        path = folder / f"{study}-{number}"
        write_image(path, study, patient, number)
        change(path, {"FrameOfReferenceUID": f"{study}.9", **(tags or {})})
        paths.append(path)
    return paths


def packed(folder: Path) -> None:
    """Put a folder's files into an archive of the same name in its place."""
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(path, path.relative_to(folder).as_posix())
    shutil.rmtree(folder)


@pytest.fixture
def batch(make_batch: MakeBatch) -> Batch:
    made = make_batch()
    made.export.mkdir()
    return made


def ends(batch: Batch) -> list[tuple[str, str, str]]:
    """(input, StudyInstanceUID, how it ended) of every exam."""
    rows = [(r["input"], r["study_instance_uid"], r["kind"]) for r in batch.table("failures.csv")]
    told = [(r["input"], r["exam"], "scored") for r in batch.table("results.csv")]
    assert len({name for _, name, _ in told}) == len(told)
    scored = [(r["input"], "", "scored") for r in batch.table("results.csv")]
    return sorted(rows + scored)


# Exams without UIDs


@pytest.mark.parametrize("zipped", [False, True])
def test_exams_without_any_uid_are_told_apart_by_folder(batch: Batch, zipped: bool) -> None:
    for name in ("a", "b", "c"):
        exam(batch.export / "all" / name, "1.2.8", tags=NOTHING)
    if zipped:
        packed(batch.export / "all")
    batch.run()
    top = "all.zip" if zipped else "all"
    assert ends(batch) == [(f"{top}/{name}", "", "scored") for name in "abc"]


def test_exams_without_study_uid_are_told_apart_by_frame_of_reference(batch: Batch) -> None:
    for study in ("1.2.8", "1.2.9"):
        exam(batch.export, study, tags=NO_STUDY)
    exam(batch.export / "more", "1.2.9", tags=NO_STUDY)
    batch.run()
    assert ends(batch) == [(".", "", "scored"), (".", "", "scored")]


def test_patients_without_study_uid_are_told_apart(batch: Batch) -> None:
    for patient in ("A", "B"):
        exam(batch.export / patient, "1.2.8", patient, tags={"StudyInstanceUID": None})
    batch.run()
    assert ends(batch) == [("A", "", "scored"), ("B", "", "scored")]


# Exams of which no file is whole


@pytest.mark.parametrize("before", [ROWS, FRAME, SERIES])
@pytest.mark.parametrize("zipped", [False, True])
def test_an_exam_that_is_cut_as_a_whole_beside_another(
    batch: Batch, zipped: bool, before: bytes
) -> None:
    exam(batch.export / "all", "1.2.8")
    for path in exam(batch.export / "all", "1.2.9"):
        cut(path, before)
    if zipped:
        packed(batch.export / "all")
    top = "all.zip" if zipped else "all"
    batch.run()
    assert ends(batch) == [(top, "", "scored"), (top, "1.2.9", "failed")]
    batch.forget_tries()
    batch.run()
    assert batch.tried == []
    assert ends(batch) == [(top, "", "scored"), (top, "1.2.9", "failed")]


def test_cut_exams_of_two_patients_in_one_folder(batch: Batch) -> None:
    for patient in ("A", "B"):
        for path in exam(batch.export, "1.2.8", patient):
            cut(path.rename(path.with_name(f"{patient}{path.name}")))
    batch.run()
    assert ends(batch) == [(".", "1.2.8", "failed"), (".", "1.2.8", "failed")]


def test_a_patient_of_whom_no_exam_is_known(batch: Batch) -> None:
    exam(batch.export, "1.2.8")
    for path in exam(batch.export, "1.2.9", "B"):
        cut(path, AFTER_PATIENT)
    batch.run()
    assert ends(batch) == [(".", "", "failed"), (".", "", "scored")]


def test_a_cut_exam_that_comes_again_whole(batch: Batch) -> None:
    exam(batch.export, "1.2.8")
    paths = exam(batch.export, "1.2.9")
    whole = [path.read_bytes() for path in paths]
    for path in paths:
        cut(path)
    batch.run()
    for path, content in zip(paths, whole, strict=True):
        path.write_bytes(content)
    batch.run()
    assert ends(batch) == [(".", "", "scored"), (".", "", "scored")]


@pytest.mark.parametrize("no_uid", [False, True])
def test_damaged_in_parts(batch: Batch, no_uid: bool) -> None:
    """Files of one exam that are cut stand with it, not beside it."""
    paths = exam(batch.export / "a", "1.2.8", n=4, tags=NO_STUDY if no_uid else None)
    (batch.export / "b").mkdir()
    cut(paths[1].rename(batch.export / "b" / "x"), ROWS)
    cut(paths[2].rename(batch.export / "b" / "y"), FRAME)
    batch.run()
    assert len(ends(batch)) == 1


# Copies


@pytest.mark.parametrize("before", [ROWS, FRAME, SERIES, AFTER_PATIENT, AFTER_INSTANCE])
@pytest.mark.parametrize("place", ["a", "b"])
def test_a_cut_copy_is_no_exam(batch: Batch, before: bytes, place: str) -> None:
    paths = exam(batch.export / "a", "1.2.8")
    (batch.export / "b").mkdir()
    cut(Path(shutil.copy(paths[1], batch.export / place / "again")), before)
    batch.run()
    assert [kind for _, _, kind in ends(batch)] == ["scored"]


# Names


def test_names_stay_when_the_export_grows(batch: Batch) -> None:
    exam(batch.export / "a", "1.2.8")
    exam(batch.export / "b", "1.2.9", tags=NO_STUDY)
    exam(batch.export / "c", "1.2.10", tags=NOTHING)
    batch.run()
    before = {line["exam"] for line in batch.lines}
    batch.forget_tries()
    exam(batch.export / "d", "1.2.8", "B")
    exam(batch.export / "e", "1.2.11", tags=NO_STUDY)
    exam(batch.export / "f", "1.2.12", tags=NOTHING)
    batch.run()
    after = {line["exam"] for line in batch.lines}
    assert before < after
    assert len(after) == 6
    assert batch.tried == ["d", "e", "f"]
