"""The DICOM studies: valid, readable by others, and the same bytes every time."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import numpy as np
import pydicom
import pytest

from fasciaseg.errors import UsageError
from fasciaseg.phantom.__main__ import main
from fasciaseg.phantom.samples import SAMPLES, make_samples
from fasciaseg.phantom.series import numbering, sagittal_stack

Series = dict[str, dict[str, list[pydicom.Dataset]]]


@pytest.fixture(scope="module")
def series(remade: Path, remade_files: list[Path]) -> Series:
    """{study: {series description: datasets}}."""
    found: Series = {name: defaultdict(list) for name in SAMPLES}
    for path in remade_files:
        ds = pydicom.dcmread(path)
        found[path.relative_to(remade).parts[0]][ds.SeriesDescription].append(ds)
    return found


def test_committed_samples_are_remade_bit_for_bit(remade: Path, committed: Path) -> None:
    def content(folder: Path) -> dict[str, bytes]:
        files = (p for p in folder.rglob("*") if p.is_file() and p.suffix != ".md")
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}

    made, kept = content(remade), content(committed)
    assert sorted(made) == sorted(kept)
    assert [name for name in made if made[name] != kept[name]] == []


def test_samples_are_small(committed: Path) -> None:
    assert sum(p.stat().st_size for p in committed.rglob("*") if p.is_file()) <= 8_000_000


def test_study_folders_hold_dicom_only(remade_files: list[Path]) -> None:
    assert all(pydicom.misc.is_dicom(path) for path in remade_files)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is absent")
def test_dciodvfy_finds_no_error(remade_files: list[Path]) -> None:
    complaints = []
    for path in remade_files:
        done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
        complaints += [line for line in done.stderr.splitlines() if line.startswith("Error")]
    assert complaints == []


def test_samples_cover_the_groups_and_the_sequences(remade: Path) -> None:
    answers = json.loads((remade / "truth.json").read_text())
    assert set(answers) == set(SAMPLES)
    assert {a["location"] for a in answers.values()} >= {
        "none",
        "thoracolumbar",
        "lower_lumbar",
        "both",
    }
    assert {a["severity"] for a in answers.values()} == {"none", "non_severe", "severe"}
    assert {a["sequence"] for a in answers.values()} == {"STIR", "T2_FS", "T2_DIXON_WATER"}
    for a in answers.values():
        assert a["n_levels"] == len(a["levels"])
        assert (a["length_mm"] > 0) == bool(a["levels"])
        assert set(a["levels"]) <= set(a["vertebrae"])


def test_one_patient_and_study_a_folder_and_uids_are_unique(series: Series) -> None:
    studies, instances = set(), []
    for by_name in series.values():
        datasets = [ds for group in by_name.values() for ds in group]
        assert len({ds.StudyInstanceUID for ds in datasets}) == 1
        assert len({ds.FrameOfReferenceUID for ds in datasets}) == 1
        assert all(str(ds.PatientName).startswith("PHANTOM^") for ds in datasets)
        studies.add(datasets[0].StudyInstanceUID)
        instances += [ds.SOPInstanceUID for ds in datasets]
    assert len(studies) == len(series)
    assert len(set(instances)) == len(instances)
    assert all(pydicom.uid.UID(u).is_valid for u in instances)


def test_physics_tells_the_sequences_apart(series: Series) -> None:
    stir = series["none"]["STIR SAG"][0]
    assert "IR" in stir.ScanningSequence
    assert 150 <= float(stir.InversionTime) <= 250
    fs = series["thoracolumbar"]["T2 TSE FS SAG"][0]
    assert fs.ScanOptions == "FS"
    assert "InversionTime" not in fs
    assert float(fs.MagneticFieldStrength) == 3
    dixon = series["lower-lumbar"]
    assert "WATER" in dixon["T2 TSE DIXON SAG_W"][0].ImageType
    assert "FAT" in dixon["T2 TSE DIXON SAG_F"][0].ImageType
    t1, t2 = (series["none"][f"{w} TSE SAG"][0] for w in ("T1", "T2"))
    assert float(t1.RepetitionTime) < 800 < 2000 < float(t2.RepetitionTime)
    assert float(t1.EchoTime) < 20 < 80 < float(t2.EchoTime)


def test_instance_numbers_are_not_anatomy(series: Series) -> None:
    t2 = sorted(series["none"]["T2 TSE SAG"], key=lambda ds: ds.ImagePositionPatient[0])
    numbers = [int(ds.InstanceNumber) for ds in t2]
    assert sorted(numbers) == list(range(1, 10))
    assert numbers not in (sorted(numbers), sorted(numbers)[::-1])


@pytest.mark.parametrize("order", ["along", "against", "interleaved"])
@pytest.mark.parametrize("count", [1, 8, 9])
def test_numbering_uses_every_number_once(order: str, count: int) -> None:
    assert sorted(numbering(order, count)) == list(range(1, count + 1))


@pytest.mark.parametrize("name", list(SAMPLES))
def test_files_hold_the_planned_geometry_and_lateral_slices(series: Series, name: str) -> None:
    sample = SAMPLES[name]
    stack = sagittal_stack(sample.phantom, sample.plan)
    datasets = series[name]["T1 TSE SAG"]
    assert len(datasets) == len(stack.slices)
    positions = {tuple(float(v) for v in ds.ImagePositionPatient) for ds in datasets}
    planned = np.array(sorted(g.origin_lps_mm for g in stack.slices))
    np.testing.assert_allclose(np.array(sorted(positions)), planned, atol=2e-4)
    offsets = [g.position_mm - sample.phantom.centers_lps_mm["L3"][0] for g in stack.slices]
    assert any(12 <= o <= 20 for o in offsets)
    assert any(-20 <= o <= -12 for o in offsets)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # SWIG's own types, at import
@pytest.mark.parametrize("name", ["none", "thoracolumbar"])
def test_simpleitk_reads_the_same_geometry(remade_files: list[Path], name: str) -> None:
    import SimpleITK as sitk  # noqa: N813

    sample = SAMPLES[name]
    folders = {p.parent for p in remade_files if p.parent.parent.name == name}
    stack = sagittal_stack(sample.phantom, sample.plan)
    wanted = stack.contrasts[2].name
    for folder in folders:
        if pydicom.dcmread(next(folder.iterdir())).SeriesDescription != wanted:
            continue
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
        image = reader.Execute()
        rows, columns = stack.slices[0].shape
        assert image.GetSize() == (columns, rows, len(stack.slices))
        assert image.GetSpacing() == pytest.approx(
            (sample.plan.pixel_mm, sample.plan.pixel_mm, stack.spacing_mm), abs=1e-3
        )
        corners = {
            tuple(np.round(image.TransformIndexToPhysicalPoint((0, 0, k)), 2))
            for k in range(len(stack.slices))
        }
        expected = {tuple(np.round(g.origin_lps_mm, 2)) for g in stack.slices}
        gap = np.abs(np.array(sorted(corners)) - np.array(sorted(expected)))
        assert gap.max() <= 0.02
        return
    pytest.fail(f"no series {wanted}")


def test_compressed_pixels_decode_to_the_plain_ones(series: Series) -> None:
    ds = series["mimics"]["T2 TSE FS SAG"][0]
    assert ds.file_meta.TransferSyntaxUID.is_compressed
    assert ds.pixel_array.shape == (ds.Rows, ds.Columns)
    assert int(ds.pixel_array.max()) == ds.LargestImagePixelValue


def test_a_strangers_folder_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "none" / "thesis.txt"
    precious.parent.mkdir()
    precious.write_text("chapter 1")
    with pytest.raises(UsageError):
        make_samples(tmp_path)
    assert main([str(tmp_path)]) == 2
    assert precious.read_text() == "chapter 1"
    assert main([str(precious)]) == 2
