"""A series that doesn't show the sacrum gets its names from one that does."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import dcmread

import fasciaseg
from fasciaseg import Options, Result
from fasciaseg.anatomy.anchor import parse
from fasciaseg.phantom import (
    ExamPlan,
    FasciaEdema,
    Fracture,
    Pathology,
    Spine,
    SpinePhantom,
    write_study,
)

EDEMA = Pathology((FasciaEdema(("T10", "T11"), 6.0, 0.85),))
PATIENT = SpinePhantom(pathology=EDEMA)


def exam(
    folder: Path,
    contrast: str,
    lumbar: ExamPlan,
    frame: str | None = None,
    patient: SpinePhantom = PATIENT,
) -> Path:
    """A thoracic STIR and one more sagittal series of another field of view."""
    write_study(patient, folder / "all", ExamPlan(center_level="T9", shape=(180, 140)))
    write_study(patient, folder / "more", lumbar)
    study = folder / "study"
    study.mkdir()
    for part, wanted in (("all", "STIR SAG"), ("more", contrast)):
        for n, path in enumerate(p for p in sorted((folder / part).rglob("*")) if p.is_file()):
            ds = dcmread(path)
            if ds.SeriesDescription != wanted:
                continue
            if part == "more":
                ds.SeriesInstanceUID += ".7"
                ds.SOPInstanceUID += ".7"
                ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
                ds.FrameOfReferenceUID = frame or ds.FrameOfReferenceUID
            ds.save_as(study / f"{part}{n}")
    return study


def codes(result: Result) -> set[str]:
    return {f.code for f in result.flags}


@pytest.mark.parametrize("contrast", ["T1 TSE SAG", "T2 TSE SAG"])
def test_a_thoracic_series_takes_its_names_from_a_lumbar_one(tmp_path: Path, contrast: str) -> None:
    wide = ExamPlan(center_level="L1", shape=(260, 150))
    study = exam(tmp_path, contrast, wide)
    result = fasciaseg.classify(study, Options(threads=1))
    assert result.anchor.kind == "other_series"
    assert "levels_unverified" not in codes(result)
    assert result.edema.levels == ("T10", "T11")
    assert result.series_edema.sequence == "STIR"
    told = result.to_dict()["series"]["numbering"]
    assert told["sequence"] == contrast[:2]
    assert told["series_instance_uid"].endswith(".7")
    # A reader's word stands above it.
    named = fasciaseg.classify(study, Options(threads=1, anchor=parse("T11=T10")))
    assert named.anchor.kind == "user"
    assert named.edema.levels == ("T9", "T10")
    assert "numbering" not in named.to_dict()["series"]


def test_a_collapsed_vertebra_of_the_other_series_is_counted(tmp_path: Path) -> None:
    """L2 is a plate that isn't found, and lies below what the thoracic series shows."""
    broken = Spine(fractures=(Fracture("L2", 0.95, "crush", 0.0),))
    wide = ExamPlan(center_level="L1", shape=(260, 150))
    patient = SpinePhantom(spine=broken, pathology=EDEMA)
    study = exam(tmp_path, "T1 TSE SAG", wide, patient=patient)
    result = fasciaseg.classify(study, Options(threads=1))
    assert result.anchor.kind == "other_series"
    assert result.edema.levels == ("T10", "T11")
    assert "vertebra_missed" in codes(result)
    assert result.confidence.value < 0.6


def test_another_frame_of_reference_tells_nothing(tmp_path: Path) -> None:
    wide = ExamPlan(center_level="L1", shape=(260, 150))
    study = exam(tmp_path, "T1 TSE SAG", wide, frame="1.2.3")
    result = fasciaseg.classify(study, Options(threads=1))
    assert result.anchor.kind == "none"
    assert "levels_unverified" in codes(result)


def test_a_coarse_localizer_does_no_harm(tmp_path: Path) -> None:
    study = exam(tmp_path, "LOCALIZER", ExamPlan())
    result = fasciaseg.classify(study, Options(threads=1))
    if result.anchor.kind == "other_series":
        assert result.edema.levels == ("T10", "T11")
    else:
        assert "levels_unverified" in codes(result)
