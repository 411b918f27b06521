"""`fasciaseg.classify` on whole studies: what the command line runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

import fasciaseg
from fasciaseg import NothingToRead, Options, UnreadableInput, UsageError
from fasciaseg.api import read, save
from fasciaseg.flags import FLAGS
from fasciaseg.phantom import ExamPlan, FasciaEdema, Pathology, Patient, SpinePhantom, write_study

NAMES = ["none", "thoracolumbar", "lower-lumbar", "severe-both", "mimics"]


@pytest.fixture(scope="module")
def truth(samples: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((samples / "truth.json").read_text())
    return found


@pytest.fixture(scope="module")
def classified(samples: Path) -> dict[str, fasciaseg.Result]:
    """Every sample study, read once."""
    return {name: fasciaseg.classify(samples / name, Options(threads=1)) for name in NAMES}


def files_below(folder: Path) -> dict[str, int]:
    return {
        str(p.relative_to(folder)): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()
    }


# The answer


def test_these_are_all_the_samples(truth: dict[str, Any]) -> None:
    assert set(truth) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_classified_right(
    classified: dict[str, fasciaseg.Result], truth: dict[str, Any], name: str
) -> None:
    r, t = classified[name], truth[name]
    assert list(r.edema.levels) == t["levels"]
    assert r.classification.location == t["location"]
    assert r.classification.severity == t["severity"]
    assert r.edema.length_mm == pytest.approx(t["length_mm"], abs=8)


@pytest.mark.parametrize("name", NAMES)
def test_a_samples_series_slices_and_vertebrae_are_right(
    classified: dict[str, fasciaseg.Result], truth: dict[str, Any], name: str
) -> None:
    r, t = classified[name], truth[name]
    assert r.series_edema.sequence == t["sequence"]
    assert r.series_t1 is not None
    assert r.central_slices[1].position_mm == pytest.approx(t["middle_x_mm"], abs=4.4)
    found = {v.level: v.center_lps_mm for v in r.vertebrae}
    wanted = {level: at for level, at in t["vertebrae"].items() if level in found}
    assert len(wanted) >= len(t["vertebrae"]) - 2, "one or two cut by the image's edge"
    for level, at in wanted.items():
        assert np.linalg.norm(np.subtract(found[level], at)) < 8, level


def test_the_result_says_what_was_read(
    classified: dict[str, fasciaseg.Result], samples: Path
) -> None:
    for name, r in classified.items():
        assert r.input == str(samples / name)
        assert r.software.version == fasciaseg.__version__
        assert len(r.software.model_sha256) == 64
        assert r.study.study_date is None, "only when asked for"
        assert len({s.sop_instance_uid for s in r.central_slices}) == 3
        assert {f.code for f in r.flags} <= set(FLAGS)
    uids = {r.study.study_instance_uid for r in classified.values()}
    assert len(uids) == len(NAMES)


def test_the_study_date_only_when_asked_for(samples: Path) -> None:
    r = fasciaseg.classify(samples / "none", Options(study_date=True))
    assert r.study.study_date is not None
    assert r.to_dict()["study"]["study_date"].isdigit()


def test_the_folders_layout_does_not_matter(
    samples: Path, classified: dict[str, fasciaseg.Result], tmp_path: Path
) -> None:
    """All files of the study in one folder, under other names."""
    files = sorted(p for p in (samples / "lower-lumbar").rglob("*") if p.is_file())
    for i, path in enumerate(reversed(files)):
        shutil.copy(path, tmp_path / f"{i:04d}.ima")
    r = fasciaseg.classify(tmp_path).to_dict()
    before = classified["lower-lumbar"].to_dict()
    for key in ("study", "series", "central_slices", "vertebrae", "edema", "classification"):
        assert r[key] == before[key]


# Files


def test_nothing_is_written_without_out(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = files_below(samples)
    r = fasciaseg.classify(str(samples / "thoracolumbar"))
    assert r.outputs.slices == ()
    assert r.outputs.summary is None
    assert files_below(samples) == before
    assert files_below(tmp_path) == {}


def test_out_gets_pictures_and_the_result(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "cwd"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    before = files_below(samples)
    out = tmp_path / "new" / "folder"
    r = fasciaseg.classify(samples / "thoracolumbar", Options(out=out))
    assert set(files_below(out)) == {
        "result.json", "slice-1.png", "slice-2.png", "slice-3.png", "summary.png",
    }  # fmt: skip
    assert (r.outputs.slices, r.outputs.summary) == (
        ("slice-1.png", "slice-2.png", "slice-3.png"),
        "summary.png",
    )
    assert json.loads((out / "result.json").read_text()) == r.to_dict()
    assert files_below(samples) == before
    assert files_below(elsewhere) == {}


def test_a_reading_can_be_saved_later(samples: Path, tmp_path: Path) -> None:
    reading = read(samples / "severe-both")
    assert reading.result.outputs.slices == ()
    r = save(reading, tmp_path, save_mask=True)
    assert r.outputs.mask is not None
    assert r.outputs.level_map is not None
    for name in (r.outputs.mask, r.outputs.level_map):
        assert (tmp_path / name).stat().st_size > 0
    assert r.edema == reading.result.edema


# Several studies, and none


def test_several_studies_need_a_choice(samples: Path) -> None:
    with pytest.raises(UsageError) as caught:
        fasciaseg.classify(samples)
    assert caught.value.exit_code == 2


def test_a_study_is_chosen_by_its_uid(
    samples: Path, classified: dict[str, fasciaseg.Result]
) -> None:
    wanted = classified["lower-lumbar"]
    r = fasciaseg.classify(samples, Options(study=wanted.study.study_instance_uid))
    assert r.edema == wanted.edema
    assert r.classification == wanted.classification


def test_a_folder_without_dicom(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(UnreadableInput) as caught:
        fasciaseg.classify(tmp_path)
    assert caught.value.exit_code == 4
    assert caught.value.action


def test_a_plain_t2_alone_has_no_answer(
    samples: Path, classified: dict[str, fasciaseg.Result], tmp_path: Path
) -> None:
    """The exam without its fat-suppressed series and its T1: read, but never called `none`."""
    from pydicom import dcmread

    whole = classified["thoracolumbar"]
    assert whole.series_t1 is not None
    left_out = {whole.series_edema.series_instance_uid, whole.series_t1.series_instance_uid}
    for path in (samples / "thoracolumbar").rglob("*"):
        if path.is_file():
            uid = dcmread(path, stop_before_pixels=True).SeriesInstanceUID
            if uid not in left_out:
                shutil.copy(path, tmp_path / path.name)
    r = fasciaseg.classify(tmp_path)
    c = r.classification
    assert r.series_edema.sequence == "T2"
    assert (c.fascia_edema, c.location, c.severity) == (None, None, None)
    assert r.edema.levels == ()
    assert "plain_t2_only" in {f.code for f in r.flags}


def test_localizer_and_axial_series_alone_are_nothing_to_read(
    samples: Path, tmp_path: Path
) -> None:
    from pydicom import dcmread

    for path in (samples / "none").rglob("*"):
        if path.is_file():
            header = dcmread(path, stop_before_pixels=True)
            if "LOCALIZER" in header.SeriesDescription or "TRA" in header.SeriesDescription:
                shutil.copy(path, tmp_path / path.name)
    assert any(tmp_path.iterdir())
    with pytest.raises(NothingToRead) as caught:
        fasciaseg.classify(tmp_path)
    assert caught.value.exit_code == 3


# Options


@pytest.mark.parametrize(
    "bad", [{"involved_fraction": 0.0}, {"involved_fraction": 1.5}, {"rule": "disc"}]
)
def test_options_that_cannot_mean_anything(bad: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Options(**bad)


@pytest.mark.parametrize("bad", [{"k": -1.0}, {"sure": 0.5}, {"csf_low": 0.0}, {"csf_high": 0.1}])
def test_threshold_options_that_cannot_mean_anything(bad: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        fasciaseg.ThresholdOptions(**bad)


# A spine in stations


def test_stations_of_one_spine_are_read_together(tmp_path: Path) -> None:
    from pydicom import dcmread

    edema = FasciaEdema(("T8", "T9", "T10", "T11", "T12"), 6.0, 0.85)
    patient = SpinePhantom(pathology=Pathology((edema,)))
    for number, level in enumerate(("L3", "T8")):
        plan = ExamPlan(center_level=level, shape=(150, 150), slices=7)
        write_study(patient, tmp_path / level, plan, Patient(seed=number))
    for file in (p for p in tmp_path.rglob("*") if p.is_file()):
        ds = dcmread(file)
        # One visit to the scanner: same patient, study and table.
        ds.PatientID, ds.StudyInstanceUID, ds.FrameOfReferenceUID = "P1", "1.2.3", "1.2.4"
        ds.save_as(file)
    r = fasciaseg.classify(tmp_path, Options(threads=1))
    assert r.edema.levels == ("T8", "T9", "T10", "T11", "T12")
    assert {"L5", "T12", "T7"} <= set(r.levels_in_view)
    assert "stations_joined" in {f.code for f in r.flags}
    (station,) = r.to_dict()["series"]["stations"]
    assert station["series_instance_uid"] != r.series_edema.series_instance_uid


# Damage beside what is read


@pytest.mark.parametrize("length", [600, 200])
def test_a_series_lost_to_damage_is_told_of(
    samples: Path, classified: dict[str, fasciaseg.Result], tmp_path: Path, length: int
) -> None:
    """All files of the T1 end after their UIDs, or before the patient is named."""
    study = tmp_path / "study"
    shutil.copytree(samples / "lower-lumbar", study)
    lost = [p for p in study.rglob("*") if p.is_file() and series_of(p) == "T1"]
    assert lost
    for path in lost:
        path.write_bytes(path.read_bytes()[:length])
    r = fasciaseg.classify(study, Options(threads=1))
    assert [f.code for f in r.flags if f.code == "files_damaged"] == ["files_damaged"]
    assert r.edema == classified["lower-lumbar"].edema
    assert all(f.code != "files_damaged" for f in classified["lower-lumbar"].flags)


def series_of(path: Path) -> str:
    """T1 or another weighting, by its times."""
    header = dcmread(path, stop_before_pixels=True)
    return "T1" if header.EchoTime < 30 and header.RepetitionTime < 1000 else ""
