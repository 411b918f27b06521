"""What a real PACS gives out reads as the files that went in.

Orthanc stores the sample studies over DICOM and exports them in its two ways: as a zip archive
with folders and names of its own, and as media with a DICOMDIR.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias
from zipfile import ZipFile

import pytest
from pydicom import dcmread
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEGLosslessSV1,
    JPEGLSLossless,
)

import fasciaseg

from .conftest import Orthanc, studies_in

Told: TypeAlias = dict[str, Any]
Way: TypeAlias = Literal["archive", "media"]

STUDIES = ("lower-lumbar", "mimics", "none", "severe-both", "thoracolumbar")
#: What depends on where the files lie, where the results go, and the clock.
_PLACES = {"exam", "input", "outputs", "timings_ms"}
BATCH_S = 50.0


def read(path: Path) -> Told:
    """What `classify` says of an exam: all that must not depend on how the exam came."""
    return found(fasciaseg.classify(path).to_dict())


def found(told: Told) -> Told:
    # As from a file: tuples become lists.
    return json.loads(json.dumps({k: v for k, v in told.items() if k not in _PLACES}))


@pytest.fixture(scope="session")
def plain(samples: Path) -> dict[str, Told]:
    """What the sample folders give, by their names."""
    assert tuple(p.name for p in studies_in(samples)) == STUDIES
    told = {name: read(samples / name) for name in STUDIES}
    wanted = json.loads((samples / "truth.json").read_text("utf-8"))
    for name in STUDIES:
        assert told[name]["classification"]["location"] == wanted[name]["location"]
        assert len(told[name]["central_slices"]) == 3
    return told


@dataclass(frozen=True)
class Exports:
    """What Orthanc wrote, each a zip file as downloaded."""

    folder: Path

    def of_study(self, way: Way, name: str) -> Path:
        return self.folder / way / f"{name}.zip"

    def of_all(self, way: Way) -> Path:
        return self.folder / f"all-{way}.zip"


@pytest.fixture(scope="session")
def exports(
    pacs: Orthanc, plain: dict[str, Told], tmp_path_factory: pytest.TempPathFactory
) -> Exports:
    ids = pacs.studies()
    written = Exports(tmp_path_factory.mktemp("exports"))
    ways: tuple[Way, ...] = ("archive", "media")
    for way in ways:
        (written.folder / way).mkdir()
        for name, told in plain.items():
            study = ids[told["study"]["study_instance_uid"]]
            written.of_study(way, name).write_bytes(pacs.get(f"studies/{study}/{way}"))
        together = pacs.post(f"tools/create-{way}", Resources=[*ids.values()], Synchronous=True)
        written.of_all(way).write_bytes(together)
    return written


def unpacked(archive: Path, folder: Path) -> Path:
    with ZipFile(archive) as opened:
        opened.extractall(folder)
    return folder


def batch(export: Path, out: Path) -> tuple[list[Told], str]:
    """`fasciaseg batch` as a process of its own: its results, and what it printed."""
    command = [sys.executable, "-m", "fasciaseg_cli", "batch", export, "--out", out]
    done = subprocess.run(
        [*command, "--no-pictures", "--verbose"],
        capture_output=True,
        text=True,
        timeout=BATCH_S,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    lines = (out / "results.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines], said


def by_study(results: list[Told]) -> dict[str, Told]:
    once = {told["study"]["study_instance_uid"]: found(told) for told in results}
    assert len(once) == len(results), "each exam once"
    return once


def images_in(folder: Path) -> Counter[tuple[str, str]]:
    """SOPInstanceUIDs with their transfer syntaxes."""
    images: Counter[tuple[str, str]] = Counter()
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "DICOMDIR":
            header = dcmread(path, stop_before_pixels=True)
            images[header.SOPInstanceUID, header.file_meta.TransferSyntaxUID] += 1
    return images


@pytest.mark.parametrize("way", ["archive", "media"])
def test_everything_comes_back(exports: Exports, samples: Path, tmp_path: Path, way: Way) -> None:
    export = unpacked(exports.of_all(way), tmp_path)
    sent = sum((images_in(study) for study in studies_in(samples)), Counter())
    assert images_in(export) == sent
    assert (export / "DICOMDIR").is_file() == (way == "media")


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("way", ["archive", "media"])
def test_a_study_in_its_zip(exports: Exports, plain: dict[str, Told], way: Way, name: str) -> None:
    assert read(exports.of_study(way, name)) == plain[name]


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_on_unpacked_media(
    exports: Exports, plain: dict[str, Told], tmp_path: Path, name: str
) -> None:
    assert read(unpacked(exports.of_study("media", name), tmp_path)) == plain[name]


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        DeflatedExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        JPEGLosslessSV1,
        JPEGLSLossless,
    ],
    ids=lambda syntax: syntax.keyword,
)
def test_a_study_packed_anew(
    pacs: Orthanc, plain: dict[str, Told], tmp_path: Path, syntax: UID
) -> None:
    """Many archives give out another transfer syntax than they were sent."""
    told = plain["thoracolumbar"]
    study = pacs.studies()[told["study"]["study_instance_uid"]]
    archive = tmp_path / "study.zip"
    archive.write_bytes(pacs.get(f"studies/{study}/archive?transcode={syntax}"))
    packed = {packing for _, packing in images_in(unpacked(archive, tmp_path / "files"))}
    assert packed == {syntax}
    assert read(archive) == told


def test_several_studies_are_not_mixed(exports: Exports, plain: dict[str, Told]) -> None:
    with pytest.raises(fasciaseg.UsageError, match="5 studies"):
        fasciaseg.classify(exports.of_all("media"))
    wanted = plain["mimics"]
    one = fasciaseg.Options(study=wanted["study"]["study_instance_uid"])
    assert found(fasciaseg.classify(exports.of_all("media"), one).to_dict()) == wanted


@pytest.mark.parametrize("kind", ["archive", "media", "media on a disc", "all of them"])
def test_batch(exports: Exports, plain: dict[str, Told], tmp_path: Path, kind: str) -> None:
    """`all of them`: each exam four times, in a zip of its own, in media and in another zip."""
    if kind == "archive":
        export = exports.of_all("archive")
    elif kind == "media":
        export = exports.of_all("media")
    elif kind == "media on a disc":
        export = unpacked(exports.of_all("media"), tmp_path / "disc")
    else:
        export = exports.folder
    results, said = batch(export, tmp_path / "out")
    expected = {told["study"]["study_instance_uid"]: told for told in plain.values()}
    assert by_study(results) == expected
    assert (tmp_path / "out" / "failures.csv").read_text("utf-8").count("\n") == 1, "only its head"
    # Orthanc names the archive's folders after the patients.
    assert "PHANTOM" not in said
    for page in ("index.html", "manifest.json"):
        assert "PHANTOM" not in (tmp_path / "out" / page).read_text("utf-8")
