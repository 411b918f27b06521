"""Which exam a file belongs to: copies, damaged files, and UIDs that are shared or missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fasciaseg.dicom.choice import choose
from fasciaseg.dicom.scan import scan
from fasciaseg.dicom.series import find_study, studies_of
from fasciaseg.errors import UnreadableInput

from .conftest import Dicom, Tags

ROWS = b"\x28\0\x10\0US"


def cut(path: Path, before: bytes = ROWS) -> Path:
    """Lose a file's end, as where a copy was stopped."""
    content = path.read_bytes()
    path.write_bytes(content[: content.index(before)])
    return path


def test_slices_that_share_one_instance_uid(dicom: Dicom, tmp_path: Path) -> None:
    """An anonymiser gave every file the same UID: they are slices, not copies."""
    paths = dicom.stack(tmp_path / "a", uid="1.2.3")
    (series,) = choose(find_study(tmp_path)).edema
    assert len(series.instances) == 5
    shutil.copytree(tmp_path / "a", tmp_path / "again")
    (series,) = choose(find_study(tmp_path)).edema
    assert (len(series.instances), series.n_duplicates) == (5, 0)
    cut(paths[2])
    assert len(choose(find_study(tmp_path)).edema[0].instances) == 5, "the copy is whole"
    shutil.rmtree(tmp_path / "again")
    with pytest.raises(UnreadableInput, match="end before their image"):
        choose(find_study(tmp_path))


def test_components_that_share_one_instance_uid(
    dicom: Dicom, sequences: Tags, tmp_path: Path
) -> None:
    for letter in "WF":
        kind = {**sequences["T2"], "ImageType": ["DERIVED", "PRIMARY", "M", "DIXON", letter]}
        dicom.stack(tmp_path / letter, uid="1.2.3", tags=kind)
    roles = [(s.role, len(s.instances)) for s in find_study(tmp_path).series]
    assert ("T2_DIXON_WATER", 5) in roles
    assert len(roles) == 2


def test_resent_with_other_digits(dicom: Dicom, tmp_path: Path) -> None:
    paths = dicom.stack(tmp_path / "a")
    again = dicom.file(tmp_path / "again", origin=(4.0001, 0, 0), uid="1.2.9")
    dicom.file(paths[1], origin=(4.0, 0, 0), uid="1.2.9")
    (series,) = find_study(tmp_path).series
    assert (len(series.instances), series.n_duplicates) == (5, 0)
    again.write_bytes(again.read_bytes()[:-20])
    assert len(choose(find_study(tmp_path)).edema) == 1


@pytest.mark.parametrize("n_bytes", [420, 700, 800])
@pytest.mark.parametrize("place", ["a", "b"])
def test_a_cut_copy_spoils_nothing(dicom: Dicom, tmp_path: Path, n_bytes: int, place: str) -> None:
    paths = dicom.stack(tmp_path / "a", 6)
    paths[4].unlink()  # a gap, as some scanners leave
    (tmp_path / "b").mkdir()
    copy = tmp_path / place / "copy"
    copy.write_bytes(paths[1].read_bytes()[:n_bytes])
    assert len(scan(tmp_path).broken) == 1
    assert len(choose(find_study(tmp_path)).edema[0].instances) == 5


def test_a_file_that_is_not_there_whole(dicom: Dicom, tmp_path: Path) -> None:
    """Cut, in another folder, and no copy of anything: a slice is missing."""
    path = dicom.stack(tmp_path / "a")[2]
    (tmp_path / "b").mkdir()
    cut(path.rename(tmp_path / "b" / "x"))
    with pytest.raises(UnreadableInput, match="end before their image"):
        choose(find_study(tmp_path))


def test_damage_of_one_of_two_patients_with_the_same_uids(dicom: Dicom, tmp_path: Path) -> None:
    dicom.stack(tmp_path / "a", patient="A")
    cut(dicom.stack(tmp_path / "b", patient="B")[2])
    a, b = studies_of(scan(tmp_path))
    assert len(choose(a).edema) == 1
    with pytest.raises(UnreadableInput, match="1 files of series 1"):
        choose(b)


def test_an_exam_of_damaged_files_alone(dicom: Dicom, tmp_path: Path) -> None:
    dicom.stack(tmp_path, study="1")
    for path in dicom.stack(tmp_path, study="2"):
        cut(path)
    assert choose(find_study(tmp_path)).edema[0].uid == "1.2.3.1.1"
    with pytest.raises(UnreadableInput, match=r"All files of the exam \(5\)") as caught:
        choose(find_study(tmp_path, "1.2.3.2"))
    assert caught.value.code == "truncated"


def test_half_a_uid_names_no_exam(dicom: Dicom, tmp_path: Path) -> None:
    path = dicom.stack(tmp_path, study="12345678")[2]
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"1.2.3.12345678") + 8])
    (study,) = studies_of(scan(tmp_path))
    assert (study.study_instance_uid, study.n_broken) == ("1.2.3.12345678", 1)


def test_images_without_frame_stay_with_their_exam(
    dicom: Dicom, sequences: Tags, tmp_path: Path
) -> None:
    """A photograph of the screen lies beside an exam that has no StudyInstanceUID."""
    dicom.stack(tmp_path, tags={**sequences["STIR"], "StudyInstanceUID": None})
    shot = {"StudyInstanceUID": None, "FrameOfReferenceUID": None, "ImagePositionPatient": None}
    dicom.file(tmp_path / "shot", series="9", uid="1.2.9", tags=shot)
    (study,) = studies_of(scan(tmp_path))
    assert len(study.sources) == 6
