"""Zip archives are read in place, and what is wrong with one has a name."""

from __future__ import annotations

import os
import pickle
import shutil
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasciaseg.dicom import source as sources
from fasciaseg.dicom.choice import choose
from fasciaseg.dicom.scan import Scan, scan
from fasciaseg.dicom.series import find_study, studies_of
from fasciaseg.dicom.source import Source
from fasciaseg.dicom.volume import Stack, read_pixels
from fasciaseg.errors import FasciasegError, UnreadableInput

if TYPE_CHECKING:
    from .conftest import Dicom, Tags

RLE = "1.2.840.10008.1.2.5"


def pack(archive: Path, folder: Path, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """All files under a folder, with folders as members too, as most tools write them."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", method) as opened:
        for path in sorted(folder.rglob("*")):
            opened.write(path, path.relative_to(folder))
    return archive


def reasons(found: Scan) -> list[str]:
    return [broken.reason for broken in found.broken]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_archive_reads_like_its_folder(dicom: Dicom, tmp_path: Path, method: int) -> None:
    dicom.stack(tmp_path / "export" / "a" / "b")
    (tmp_path / "export" / "readme.txt").write_text("hello")
    archive = pack(tmp_path / "export.zip", tmp_path / "export", method)
    before = sorted(tmp_path.rglob("*"))
    plain, packed = scan(tmp_path / "export"), scan(archive)
    assert (packed.n_clutter, packed.broken) == (plain.n_clutter, ())
    assert len(packed.instances) == 5
    a = Stack.open(choose(find_study(tmp_path / "export")).edema[0])
    b = Stack.open(choose(find_study(archive)).edema[0])
    assert a.geometries == b.geometries
    for ours, theirs in zip(a, b, strict=True):
        np.testing.assert_array_equal(ours.pixels, theirs.pixels)
    assert sorted(tmp_path.rglob("*")) == before, "nothing is unpacked"


def test_study_over_folders_and_archives(dicom: Dicom, tmp_path: Path) -> None:
    """One study in two archives and a folder, with copies and a copy that was cut."""
    paths = dicom.stack(tmp_path / "all", 6)
    export = tmp_path / "export"
    for name, chosen in (("one", paths[:3]), ("two", paths[2:5]), ("rest", paths[4:])):
        for path in chosen:
            (tmp_path / name).mkdir(exist_ok=True)
            shutil.copy(path, tmp_path / name)
    pack(export / "deep" / "one.zip", tmp_path / "one")
    pack(export / "two", tmp_path / "two", zipfile.ZIP_STORED)
    shutil.move(tmp_path / "rest", export / "rest")
    cut = export / "rest" / paths[4].name
    cut.write_bytes(cut.read_bytes()[:-20])
    (study,) = studies_of(scan(export))
    assert len(study.sources) == 8
    assert sorted(study.sources) == list(study.sources)
    (series,) = study.series
    assert len(series.instances) == 6
    assert not any(i.truncated for i in series.instances)
    assert choose(study).edema == (series,)


def test_same_names_in_two_archives_do_not_collide(dicom: Dicom, tmp_path: Path) -> None:
    for patient in ("P1", "P2"):
        dicom.stack(tmp_path / patient, patient=patient)
        pack(tmp_path / "export" / f"{patient}.zip", tmp_path / patient)
    studies = studies_of(scan(tmp_path / "export"))
    assert [s.patient_id for s in studies] == ["P1", "P2"]
    assert [len(s.series[0].instances) for s in studies] == [5, 5]


def test_compressed_slices_in_an_archive(dicom: Dicom, tmp_path: Path) -> None:
    from pydicom import dcmread

    for path in dicom.stack(tmp_path / "a"):
        dataset = dcmread(path)
        dataset.compress(RLE, generate_instance_uid=False)
        dataset.save_as(path)
    packed = Stack.open(choose(find_study(pack(tmp_path / "a.zip", tmp_path / "a"))).edema[0])
    plain = Stack.open(choose(find_study(tmp_path / "a")).edema[0])
    np.testing.assert_array_equal(packed[2].pixels, plain[2].pixels)


def test_encrypted_archive(dicom: Dicom, tmp_path: Path) -> None:
    dicom.stack(tmp_path / "a")
    archive = pack(tmp_path / "a.zip", tmp_path / "a")
    content = bytearray(archive.read_bytes())
    for magic, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(magic)
        while at >= 0:
            content[at + flags] |= 1
            at = content.find(magic, at + 4)
    archive.write_bytes(content)
    found = scan(archive)
    assert reasons(found) == ["it is encrypted in its zip archive"]
    with pytest.raises(UnreadableInput, match="encrypted") as caught:
        find_study(archive)
    assert caught.value.code == "nothing_readable"


def test_cut_archive(dicom: Dicom, tmp_path: Path) -> None:
    dicom.stack(tmp_path / "a")
    archive = pack(tmp_path / "a.zip", tmp_path / "a")
    archive.write_bytes(archive.read_bytes()[:-100])
    assert reasons(scan(tmp_path / "a.zip")) == ["its zip archive is damaged or cut short"]
    assert len(scan(tmp_path).instances) == 5, "the folder beside it is read all the same"


def test_damaged_member(dicom: Dicom, tmp_path: Path) -> None:
    dicom.stack(tmp_path / "a")
    archive = pack(tmp_path / "a.zip", tmp_path / "a")
    content = archive.read_bytes()
    at = content.index(b"1-1-2") + 5
    archive.write_bytes(content[:at] + b"\xff" * 60 + content[at + 60 :])
    found = scan(archive)
    assert len(found.instances) == 4
    (reason,) = reasons(found)
    assert reason.startswith("its zip archive is damaged")


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_random_damage_of_an_archive_never_escapes(
    dicom: Dicom, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damage")
    dicom.stack(folder / "a", 3)
    archive = pack(folder / "a.zip", folder / "a")
    content = bytearray(archive.read_bytes())
    place = st.integers(4, len(content) - 1)
    for at in data.draw(st.lists(place, min_size=1, max_size=8)):
        content[at] = data.draw(st.integers(0, 255))
    archive.write_bytes(content)
    with suppress(FasciasegError):
        Stack.open(choose(find_study(archive)).edema[0])[0]


def test_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_BOMB_BYTES", 2**20)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("a.dcm", b"\0" * 2**22)
    assert reasons(scan(tmp_path)) == ["it would unpack to an impossible size"]


def test_archive_of_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_MAX_MEMBERS", 3)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        for i in range(4):
            opened.writestr(str(i), b"")
    assert reasons(scan(tmp_path)) == ["its zip archive holds too many files"]


def test_archive_inside_an_archive(dicom: Dicom, tmp_path: Path) -> None:
    dicom.stack(tmp_path / "a")
    pack(tmp_path / "b" / "inner.zip", tmp_path / "a")
    found = scan(pack(tmp_path / "outer.zip", tmp_path / "b"))
    assert reasons(found) == ["it is a zip archive inside a zip archive"]


def test_documents_are_clutter(dicom: Dicom, tmp_path: Path) -> None:
    """Office documents are zip archives too."""
    dicom.stack(tmp_path / "a", 3)
    with zipfile.ZipFile(tmp_path / "letter.docx", "w") as opened:
        for name in ("word/document.xml", "[Content_Types].xml"):
            opened.writestr(name, "<xml/>")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    found = scan(tmp_path)
    assert (len(found.instances), found.n_clutter, found.broken) == (3, 2, ())


@pytest.mark.parametrize("name", ["../../escape", "/etc/passwd", "a\\..\\b", "ü/日本", "CON"])
def test_names_of_members_are_only_names(dicom: Dicom, tmp_path: Path, name: str) -> None:
    path = dicom.file(tmp_path / "a")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        opened.writestr(name, path.read_bytes())
    path.unlink()
    (instance,) = scan(tmp_path).instances
    assert instance.source.path == tmp_path / "a.zip"
    assert instance.source.member
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]


def test_same_member_twice(dicom: Dicom, tmp_path: Path) -> None:
    first, second = dicom.stack(tmp_path, 2)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        opened.writestr("IM1", first.read_bytes())
        with pytest.warns(UserWarning, match="Duplicate"):
            opened.writestr("IM1", second.read_bytes())
    found = scan(tmp_path / "a.zip").instances
    assert len({i.sop_instance_uid for i in found}) == 2


def test_source_of_a_file_and_of_a_member(dicom: Dicom, tmp_path: Path) -> None:
    path = dicom.file(tmp_path / "a" / "IM1")
    content = path.read_bytes()
    archive = pack(tmp_path / "a.zip", tmp_path / "a")
    (packed,) = (i.source for i in scan(archive).instances)
    for source in (
        Source(path),
        packed,
        Source(archive, "IM1"),
        pickle.loads(pickle.dumps(packed)),
    ):
        assert source.size == len(content)
        with source.open() as file:
            file.seek(100)
            assert file.read() == content[100:]
            file.seek(3)
            assert file.read(5) == content[3:8]
    assert packed.identity() == Source(archive, "IM1").identity()
    assert packed.identity()[0].endswith("a.zip/IM1")
    with pytest.raises(OSError, match="no such member"):
        Source(archive, "IM2").open()
    os.utime(path, ns=(1, 2))
    assert Source(path).identity() == (path.as_posix(), len(content), 2)


def test_folder_that_cannot_be_opened(dicom: Dicom, tmp_path: Path) -> None:
    dicom.stack(tmp_path / "a", 3)
    locked = tmp_path / "locked"
    locked.mkdir(mode=0)
    if os.access(locked, os.R_OK):
        pytest.skip("root may open anything")
    found = scan(tmp_path)
    assert len(found.instances) == 3
    assert reasons(found) == ["its folder can't be opened (PermissionError)"]


def test_damage_elsewhere_is_not_every_studys_trouble(
    dicom: Dicom, sequences: Tags, tmp_path: Path
) -> None:
    dicom.stack(tmp_path / "a", study="1")[2].unlink()
    dicom.stack(tmp_path / "b", study="2")
    damaged = dicom.stack(tmp_path / "c", study="3", axes=dicom.axial)[0]
    damaged.write_bytes(damaged.read_bytes()[:500])
    a, b, c = studies_of(scan(tmp_path))
    assert (a.n_broken, b.n_broken, c.n_broken) == (0, 0, 1)
    assert len(choose(a).edema) == 1


@pytest.mark.parametrize("claimed", [2**20, 40])
def test_member_of_another_size_than_claimed(dicom: Dicom, tmp_path: Path, claimed: int) -> None:
    """The archive's directory promises more or less than there is."""
    path = dicom.file(tmp_path / "a" / "IM1")
    size = path.stat().st_size.to_bytes(4, "little")
    archive = pack(tmp_path / "a.zip", tmp_path / "a")
    content = archive.read_bytes()
    at = content.index(b"PK\x01\x02")
    assert content[at + 24 : at + 28] == size
    archive.write_bytes(content[: at + 24] + claimed.to_bytes(4, "little") + content[at + 28 :])
    found = scan(archive)
    assert len(found.instances) + len(found.broken) + found.n_clutter == 1
    for instance in found.instances:
        with suppress(UnreadableInput):
            read_pixels(instance)


# Links, and folders to be left out


def test_linked_folders_are_read_and_loops_end(dicom: Dicom, tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    (tmp_path / "elsewhere").mkdir()
    dicom.file(tmp_path / "elsewhere" / "a")
    (tmp_path / "export" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "export" / "round").symlink_to(tmp_path / "export")
    (tmp_path / "export" / "itself").symlink_to(tmp_path / "export" / "itself")
    found = scan(tmp_path / "export")
    assert len(found.instances) == 1


def test_a_folder_can_be_left_out(dicom: Dicom, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    dicom.file(tmp_path / "results" / "a")
    dicom.file(tmp_path / "b")
    assert len(scan(tmp_path, leave_out=tmp_path / "results").instances) == 1
