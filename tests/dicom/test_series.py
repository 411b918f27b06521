"""What belongs together, and what each series is good for."""

from __future__ import annotations

import pickle
import random
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasciaseg.dicom.choice import choose
from fasciaseg.dicom.scan import scan
from fasciaseg.dicom.series import Series, Study, find_study, plane_of, studies_of
from fasciaseg.dicom.volume import Stack
from fasciaseg.errors import NothingToRead, UnreadableInput, UsageError

if TYPE_CHECKING:
    from .conftest import Axes, Dicom, Tags


def shown(study: Study) -> list[str]:
    return [s.role or s.reason for s in study.series]


def turned(axes: Axes, degrees: float) -> Axes:
    """The slice turned about the patient's long axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    a, b = (tuple(float(v) for v in turn @ np.array(axis)) for axis in axes)
    return a, b  # type: ignore[return-value]


def test_series_of_one_study(dicom: Dicom, sequences: Tags, tmp_path: Path) -> None:
    dicom.stack(tmp_path / "a", series="2")
    dicom.stack(tmp_path / "a", series="3", tags=sequences["T1"])
    dicom.stack(tmp_path / "b", series="4", axes=dicom.axial, tags=sequences["T2"])
    dicom.stack(tmp_path / "b", series="5", axes=dicom.coronal, tags=sequences["T2"])
    study = find_study(tmp_path)
    assert shown(study) == ["STIR", "T1", "axial", "coronal"]
    assert [s.number for s in study.series] == [2, 3, 4, 5]
    assert study.study_instance_uid == "1.2.3.1"
    assert study.study_date == "20260102"
    assert study.series[0].spacing_between_mm == pytest.approx(4)
    assert study.series[0].regular


@pytest.mark.parametrize(
    ("degrees", "plane"), [(0, "sagittal"), (30, "sagittal"), (45, "oblique"), (80, "coronal")]
)
def test_plane_of_turned_slices(dicom: Dicom, tmp_path: Path, degrees: float, plane: str) -> None:
    dicom.file(tmp_path / "a", axes=turned(dicom.sagittal, degrees))
    assert plane_of(scan(tmp_path).instances[0]) == plane


def test_two_orientations_in_one_series(dicom: Dicom, sequences: Tags, tmp_path: Path) -> None:
    dicom.stack(tmp_path / "a", 7)
    dicom.stack(tmp_path / "b", 6, axes=dicom.axial, origin=(200, 0, 0))
    study = find_study(tmp_path)
    assert sorted((len(s.instances), s.role or s.reason) for s in study.series) == [
        (6, "axial"),
        (7, "STIR"),
    ]


def test_three_planes_in_one_series_are_a_localizer(
    dicom: Dicom, sequences: Tags, tmp_path: Path
) -> None:
    for axes in (dicom.sagittal, dicom.coronal, dicom.axial):
        dicom.stack(tmp_path / str(axes), axes=axes, origin=(300, 0, 100), tags=sequences["T2"])
    study = find_study(tmp_path)
    assert set(shown(study)) == {"localizer"}
    with pytest.raises(NothingToRead, match="localizer"):
        choose(study)


def test_stations_of_a_whole_spine_are_two_stacks(dicom: Dicom, tmp_path: Path) -> None:
    dicom.stack(tmp_path / "a")
    dicom.stack(tmp_path / "b", origin=(0, 0, 250))
    assert [len(s.instances) for s in find_study(tmp_path).series] == [5, 5]


def test_dixon_images_in_one_series(dicom: Dicom, sequences: Tags, tmp_path: Path) -> None:
    for at, kind in enumerate("WF"):
        tags = {**sequences["T2"], "ImageType": ["ORIGINAL", "PRIMARY", kind, kind, "DERIVED"]}
        for i in range(4):
            origin = (4 * i, 0, 0)
            dicom.file(tmp_path / f"{kind}{i}", uid=f"1.2.{at + 1}.{i}", origin=origin, tags=tags)
    study = find_study(tmp_path)
    assert sorted(shown(study)) == ["Dixon fat image", "T2_DIXON_WATER"]
    assert [len(s.instances) for s in study.series] == [4, 4]


def test_two_echoes_in_one_series(dicom: Dicom, sequences: Tags, tmp_path: Path) -> None:
    for te in ("20", "100"):
        tags = {**sequences["T2"], "EchoTime": te}
        for i in range(4):
            dicom.file(tmp_path / f"{te}-{i}", uid=f"1.2.{te}.{i}", origin=(4 * i, 0, 0), tags=tags)
    assert sorted(shown(find_study(tmp_path))) == ["T2", "proton density"]


def test_copies_of_files_count_once(dicom: Dicom, tmp_path: Path) -> None:
    paths = dicom.stack(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    paths[1].write_bytes(paths[1].read_bytes()[:-30])  # the copy is whole: it is taken
    series = find_study(tmp_path).series[0]
    assert len(series.instances) == 5
    assert not any(i.truncated for i in series.instances)
    assert series.n_duplicates == 0


def test_repeated_acquisition_is_taken_whole(dicom: Dicom, sequences: Tags, tmp_path: Path) -> None:
    """An aborted first run (3 of 5 slices) and a whole second one."""
    for run, n in ((1, 3), (2, 5)):
        for i in range(n):
            tags = {**sequences["STIR"], "AcquisitionNumber": run}
            uid = f"1.2.{run}.{i}"
            dicom.file(tmp_path / uid, uid=uid, origin=(4 * i, 0, 0), tags=tags)
    series = find_study(tmp_path).series
    assert len(series) == 1
    assert {i.acquisition_number for i in series[0].instances} == {2}
    assert (len(series[0].instances), series[0].n_duplicates) == (5, 3)


def test_repeats_without_a_whole_run(dicom: Dicom, sequences: Tags, tmp_path: Path) -> None:
    for run, places in ((1, (0, 2, 4)), (2, (1, 2, 3))):
        for i in places:
            tags = {**sequences["STIR"], "AcquisitionNumber": run}
            uid = f"1.2.{run}.{i}"
            dicom.file(tmp_path / uid, uid=uid, origin=(4 * i, 0, 0), tags=tags)
    series = find_study(tmp_path).series[0]
    assert [i.acquisition_number for i in series.instances] == [1, 2, 1, 2, 1]


def test_gap_is_seen(dicom: Dicom, tmp_path: Path) -> None:
    paths = dicom.stack(tmp_path / "a", 8)
    paths[3].unlink()
    series = find_study(tmp_path).series[0]
    assert not series.regular
    assert series.n_gaps == 1
    assert series.spacing_between_mm == pytest.approx(4)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"Modality": "CT"}, "CT"),
        ({"Modality": "OT"}, "not MR"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "secondary capture"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]}, "mosaic"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]}, "phase image"),
        ({"ImageType": ["DERIVED", "SECONDARY", "MPR"]}, "reformatted or projected image"),
        ({"ScanningSequence": "EP", "InversionTime": None}, "echo-planar image"),
        ({"DiffusionBValue": 50.0}, "diffusion"),
        ({"SeriesDescription": "Localizer sag"}, "localizer"),
        (
            {
                "InversionTime": None,
                "ScanningSequence": "SE",
                "ScanOptions": None,
                "EchoTime": "20",
            },
            "proton density",
        ),
    ],
)
def test_reasons(
    dicom: Dicom, sequences: Tags, tmp_path: Path, tags: dict[str, object], reason: str
) -> None:
    dicom.stack(tmp_path, tags={**sequences["STIR"], **tags})
    study = find_study(tmp_path)
    assert shown(study) == [reason]
    with pytest.raises(NothingToRead, match=reason) as caught:
        choose(study)
    assert caught.value.code == "no_usable_series"
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("n", [1, 2])
def test_too_few_slices(dicom: Dicom, tmp_path: Path, n: int) -> None:
    dicom.stack(tmp_path, n)
    with pytest.raises(NothingToRead, match="fewer than three slices"):
        choose(find_study(tmp_path))


def test_missing_modality(dicom: Dicom, sequences: Tags, tmp_path: Path) -> None:
    dicom.stack(tmp_path, tags={**sequences["STIR"], "Modality": None})
    assert shown(find_study(tmp_path)) == ["STIR"]


@pytest.mark.parametrize(
    ("text", "plane"),
    [("T2 sag", "sagittal"), ("T2 tra", "axial"), ("t2 cor", "coronal"), ("T2 矢状", "sagittal"),
     ("T2", "unknown")],
)  # fmt: skip
def test_plane_in_words(
    dicom: Dicom, sequences: Tags, tmp_path: Path, text: str, plane: str
) -> None:
    charset = {"SpecificCharacterSet": "ISO_IR 192", "ImageOrientationPatient": None}
    dicom.file(tmp_path / "a", tags={**sequences["T2"], **charset, "SeriesDescription": text})
    assert plane_of(scan(tmp_path).instances[0]) == plane


def test_multi_frame_file(dicom: Dicom, sequences: Tags, tmp_path: Path) -> None:
    tags = {**sequences["STIR"], "NumberOfFrames": 2}
    dicom.stack(tmp_path, tags=tags)
    assert set(shown(find_study(tmp_path))) == {"multi-frame, but not enhanced MR"}


def test_empty_folder_and_text(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="no file") as caught:
        find_study(tmp_path)
    assert caught.value.exit_code == 4
    (tmp_path / "readme.txt").write_text("hello")
    with pytest.raises(UnreadableInput, match="1 other files") as caught:
        find_study(tmp_path)
    assert caught.value.code == "nothing_readable"


def test_missing_path(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        find_study(tmp_path / "nowhere")


def test_clutter_does_not_disturb(dicom: Dicom, sequences: Tags, tmp_path: Path) -> None:
    dicom.stack(tmp_path / "DICOM")
    (tmp_path / "README.TXT").write_text("viewer")
    (tmp_path / "viewer.exe").write_bytes(b"MZ" * 500)
    dicom.file(
        tmp_path / "DICOMDIR",
        tags={"SOPClassUID": "1.2.840.10008.1.3.10", "SOPInstanceUID": "1.2.9"},
    )
    report = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11", "Modality": "SR", "PixelData": None}
    dicom.file(tmp_path / "report", tags={**report, "Rows": None, "Columns": None})
    found = scan(tmp_path)
    assert (len(found.instances), found.n_clutter, found.n_objects) == (5, 3, 1)
    assert shown(find_study(tmp_path)) == ["STIR"]


def test_single_file(dicom: Dicom, tmp_path: Path) -> None:
    paths = dicom.stack(tmp_path)
    assert len(scan(paths[0]).instances) == 1


def test_mixed_patients_are_not_mixed(dicom: Dicom, tmp_path: Path) -> None:
    dicom.stack(tmp_path / "a", patient="P1")
    dicom.stack(tmp_path / "b", patient="P2", series="2")
    assert len(studies_of(scan(tmp_path))) == 2
    with pytest.raises(UsageError):
        find_study(tmp_path)
    with pytest.raises(UsageError) as caught:
        find_study(tmp_path, "1.2.3.1")
    assert caught.value.code == "several_patients"


def test_several_studies(dicom: Dicom, sequences: Tags, tmp_path: Path) -> None:
    dicom.stack(tmp_path / "a", study="1")
    dicom.stack(tmp_path / "b", study="2")
    dicom.stack(tmp_path / "c", study="3", axes=dicom.axial)
    with pytest.raises(UsageError, match=r"1\.2\.3\.1, 1\.2\.3\.2") as caught:
        find_study(tmp_path)
    assert (caught.value.code, caught.value.exit_code) == ("several_studies", 2)
    assert find_study(tmp_path, "1.2.3.2").study_instance_uid == "1.2.3.2"
    with pytest.raises(UsageError) as caught:
        find_study(tmp_path, "9.9")
    assert caught.value.code == "unknown_study"
    with pytest.raises(NothingToRead):
        choose(find_study(tmp_path, "1.2.3.3"))


def test_study_without_a_usable_series_stands_back(
    dicom: Dicom, sequences: Tags, tmp_path: Path
) -> None:
    dicom.stack(tmp_path / "a", study="1", axes=dicom.axial)
    dicom.stack(tmp_path / "b", study="2")
    assert find_study(tmp_path).study_instance_uid == "1.2.3.2"


def test_several_studies_none_usable(dicom: Dicom, sequences: Tags, tmp_path: Path) -> None:
    dicom.stack(tmp_path / "a", study="1", axes=dicom.axial)
    dicom.stack(tmp_path / "b", study="2", series="7", tags=sequences["T1"])
    with pytest.raises(NothingToRead, match=r"axial \(series 1\); only T1 \(series 7\)"):
        find_study(tmp_path)


def test_no_message_names_the_patient(dicom: Dicom, sequences: Tags, tmp_path: Path) -> None:
    tags = {**sequences["T2"], "SeriesDescription": "Musterfrau t2"}
    folder = tmp_path / "MUSTERFRAU_ERIKA"
    dicom.stack(folder, axes=dicom.axial, patient="ID4711", tags=tags)
    with pytest.raises(NothingToRead) as caught:
        choose(find_study(tmp_path))
    assert not any(w in str(caught.value).lower() for w in ("musterfrau", "erika", "4711"))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_file_order_and_numbers_change_nothing(dicom: Dicom, sequences: Tags, seed: int) -> None:
    """Names, folders and InstanceNumber are random; the stack is always the same."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        numbers = rng.sample(range(100), 6)
        names = rng.sample(range(1000, 10000), 6)
        for i in range(6):
            tags = {**sequences["STIR"], "InstanceNumber": numbers[i]}
            pixels = np.full((4, 3), i, np.uint16)
            path = Path(name) / str(rng.randrange(3)) / str(names[i])
            dicom.file(path, origin=(4 * i - 9, 0, 0), tags=tags, pixels=pixels)
        stack = Stack.open(choose(find_study(Path(name))).edema[0])
        assert [s.pixels[0, 0] for s in stack] == [0, 1, 2, 3, 4, 5]
        assert [g.position_mm for g in stack.geometries] == [-9, -5, -1, 3, 7, 11]


def test_missing_series_number(dicom: Dicom, sequences: Tags, tmp_path: Path) -> None:
    tags = {**sequences["T2"], "SeriesNumber": None}
    dicom.stack(tmp_path, axes=dicom.axial, tags=tags)
    with pytest.raises(NothingToRead, match="without number"):
        choose(find_study(tmp_path))


def test_contrast(dicom: Dicom, sequences: Tags, tmp_path: Path) -> None:
    given: list[Series] = []
    for i, more in enumerate(
        ({}, {"ContrastBolusAgent": "Gadovist"}, {"SeriesDescription": "t2 KM"},
         {"ContrastBolusAgent": "None"})
    ):  # fmt: skip
        dicom.stack(tmp_path, series=str(i), tags={**sequences["T2"], **more})
        given.append(find_study(tmp_path).series[i])
    assert [s.contrast_given for s in given] == [False, True, True, False]


def test_study_goes_to_another_process(dicom: Dicom, tmp_path: Path) -> None:
    """It stays whole, and small: slices share what they have in common."""
    dicom.stack(tmp_path, 40)
    (study,) = studies_of(scan(tmp_path))
    sent = pickle.dumps(study)
    assert len(sent) < 40 * 600
    back = pickle.loads(sent)
    assert back.sources == study.sources
    assert back.patient_id == "P1"
    assert "P1" not in repr(back)
    assert [s.pixels[0, 0] for s in Stack.open(choose(back).edema[0])] == [
        s.pixels[0, 0] for s in Stack.open(choose(study).edema[0])
    ]
