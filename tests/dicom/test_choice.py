"""Which series is read, in what order others are tried, and when none is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fasciaseg.dicom.choice import choose
from fasciaseg.dicom.scan import scan
from fasciaseg.dicom.series import find_study
from fasciaseg.dicom.volume import Stack
from fasciaseg.errors import UnreadableInput

if TYPE_CHECKING:
    from .conftest import Dicom, Tags

NO_POSITION = [
    {"ImagePositionPatient": None},
    {"ImageOrientationPatient": None},
    {"PixelSpacing": None},
    {"ImagePositionPatient": None, "ImageOrientationPatient": None},
]


def numbers(folder: Path) -> list[int | None]:
    return [s.number for s in choose(find_study(folder)).edema]


def test_order_of_the_sequences(dicom: Dicom, sequences: Tags, tmp_path: Path) -> None:
    water = {**sequences["T2"], "ImageType": ["DERIVED", "PRIMARY", "DIXON", "WATER"]}
    suppressed = {**sequences["T2"], "ScanOptions": "FS"}
    dicom.stack(tmp_path, series="1", tags=sequences["T2"])
    dicom.stack(tmp_path, series="2", tags=suppressed)
    dicom.stack(tmp_path, series="3", tags=water)
    dicom.stack(tmp_path, series="4", tags=sequences["STIR"])
    dicom.stack(tmp_path, series="5", tags=sequences["T1"])
    assert numbers(tmp_path) == [4, 3, 2, 1]


def test_coverage_then_pixels_then_original(dicom: Dicom, sequences: Tags, tmp_path: Path) -> None:
    derived = {**sequences["STIR"], "ImageType": ["DERIVED", "PRIMARY", "M"]}
    for series, height, pixel, tags in (
        ("1", 280, 1.0, derived),
        ("2", 280, 1.0, sequences["STIR"]),
        ("3", 280, 0.7, sequences["STIR"]),
        ("4", 420, 1.2, sequences["STIR"]),
    ):
        pixels = np.zeros((round(height / pixel), 8), np.uint16)
        dicom.stack(tmp_path, 3, series=series, pixels=pixels, spacing=(pixel, pixel), tags=tags)
    assert numbers(tmp_path) == [4, 3, 2, 1]


def test_station_with_the_sacrum_comes_first(dicom: Dicom, tmp_path: Path) -> None:
    """A thoracic station is taller, but the numbering hangs on the lumbosacral junction."""
    tall, short = np.zeros((380, 8), np.uint16), np.zeros((280, 8), np.uint16)
    dicom.stack(tmp_path, 3, series="1", pixels=tall, origin=(0, 0, 500))
    dicom.stack(tmp_path, 3, series="2", pixels=short, origin=(0, 0, 200))
    assert numbers(tmp_path) == [2, 1]


def stations(dicom: Dicom, folder: Path, *places: float, **options: object) -> None:
    """Stations 280 mm high, series 1 on, their upper edges at these LPS z."""
    for number, z in enumerate(places, 1):
        pixels = np.zeros((280, 8), np.uint16)
        dicom.stack(folder, 3, series=str(number), pixels=pixels, origin=(0, 0, z), **options)


def found_stations(folder: Path) -> tuple[int | None, list[int | None]]:
    choice = choose(find_study(folder))
    first = choice.edema[0]
    return first.number, [s.number for s in choice.stations_for(first)]


def test_stations_continue_the_one_with_the_sacrum(dicom: Dicom, tmp_path: Path) -> None:
    stations(dicom, tmp_path, 700, 200, 450)
    assert found_stations(tmp_path) == (2, [1, 3])


def test_station_beyond_a_gap_is_left_out(dicom: Dicom, tmp_path: Path) -> None:
    stations(dicom, tmp_path, 200, 540)
    assert found_stations(tmp_path) == (1, [])


def test_repeated_series_is_no_station(dicom: Dicom, tmp_path: Path) -> None:
    stations(dicom, tmp_path, 200, 230)
    assert found_stations(tmp_path)[1] == []


def test_of_two_equal_stations_one_is_taken(dicom: Dicom, tmp_path: Path) -> None:
    stations(dicom, tmp_path, 200, 450, 460)
    assert found_stations(tmp_path) == (1, [2])


@pytest.mark.parametrize(
    "other",
    [
        {"FrameOfReferenceUID": "1.2.3.4"},
        {"ScanningSequence": "SE", "InversionTime": None, "ScanOptions": "FS"},
        {"ContrastBolusAgent": "Gadovist"},
        {"PixelSpacing": None},
    ],
)
def test_what_is_no_station(
    dicom: Dicom, sequences: Tags, tmp_path: Path, other: dict[str, object]
) -> None:
    """Elsewhere, another sequence, after contrast, without its place."""
    stations(dicom, tmp_path, 200)
    pixels = np.zeros((280, 8), np.uint16)
    tags = {**sequences["STIR"], **other}
    dicom.stack(tmp_path, 3, series="2", pixels=pixels, origin=(0, 0, 450), tags=tags)
    assert found_stations(tmp_path) == (1, [])


def test_no_stations_without_a_frame_of_reference(
    dicom: Dicom, sequences: Tags, tmp_path: Path
) -> None:
    stations(dicom, tmp_path, 200, 450, tags={**sequences["STIR"], "FrameOfReferenceUID": None})
    assert found_stations(tmp_path)[1] == []


def test_other_body_parts_come_last(dicom: Dicom, sequences: Tags, tmp_path: Path) -> None:
    brain = {**sequences["STIR"], "SeriesDescription": "stir sag", "BodyPartExamined": "BRAIN"}
    copied = {**sequences["T2"], "SeriesDescription": "t2 sag LWS", "BodyPartExamined": "KNEE"}
    dicom.stack(tmp_path, series="1", tags=brain)
    dicom.stack(tmp_path, series="2", tags=copied)
    assert numbers(tmp_path) == [2, 1]


def test_t1_partner(dicom: Dicom, sequences: Tags, tmp_path: Path) -> None:
    t1, elsewhere = sequences["T1"], {**sequences["T1"], "FrameOfReferenceUID": "1.2.3.4"}
    dicom.stack(tmp_path, series="1")
    dicom.stack(tmp_path, series="2", tags=elsewhere)
    choice = choose(find_study(tmp_path))
    assert choice.t1_for(choice.edema[0]) is None
    dicom.stack(tmp_path, series="3", tags={**t1, "ContrastBolusAgent": "Gadovist"})
    dicom.stack(tmp_path, series="4", tags=t1)
    choice = choose(find_study(tmp_path))
    partner = choice.t1_for(choice.edema[0])
    assert partner is not None
    assert partner.number == 4


def test_no_partner_without_a_frame_of_reference(
    dicom: Dicom, sequences: Tags, tmp_path: Path
) -> None:
    for series, name in (("1", "STIR"), ("2", "T1")):
        tags = {**sequences[name], "FrameOfReferenceUID": None}
        dicom.stack(tmp_path, series=series, tags=tags)
    choice = choose(find_study(tmp_path))
    assert choice.t1_for(choice.edema[0]) is None


@pytest.mark.parametrize("missing", NO_POSITION)
@pytest.mark.parametrize("n_missing", [1, 5])
def test_no_position(
    dicom: Dicom,
    sequences: Tags,
    tmp_path: Path,
    missing: dict[str, object],
    n_missing: int,
) -> None:
    """Also where another series of lower rank is whole: the STIR is the one that would be read."""
    for i in range(5):
        tags = {**sequences["STIR"], **(missing if i < n_missing else {})}
        dicom.file(tmp_path / str(i), origin=(4 * i, 0, 0), tags=tags)
    dicom.stack(tmp_path, series="2", tags=sequences["T2"])
    with pytest.raises(UnreadableInput, match=f"{n_missing} of the 5 slices of series 1") as caught:
        choose(find_study(tmp_path))
    assert (caught.value.code, caught.value.exit_code) == ("no_position", 4)


@pytest.mark.parametrize(
    "value", ["0\\0\\0\\0\\0\\0", "1\\0\\0\\1\\0\\0", "nan\\0\\0\\0\\1\\0", "5\\0\\0\\0\\5\\0"]
)
def test_impossible_orientation(dicom: Dicom, sequences: Tags, tmp_path: Path, value: str) -> None:
    old = b"0.0\\1.0\\0.0\\0.0\\0.0\\-1.0"
    new = value.encode().ljust(len(old))
    for i in range(3):
        dicom.file(tmp_path / str(i), origin=(4 * i, 0, 0), replace={old: new})
    with pytest.raises(UnreadableInput, match="lack position"):
        choose(find_study(tmp_path))


def test_series_without_any_plane_yields_to_a_sagittal_one(
    dicom: Dicom, sequences: Tags, tmp_path: Path
) -> None:
    lost = {
        **sequences["STIR"],
        "ImagePositionPatient": None,
        "ImageOrientationPatient": None,
        "SeriesDescription": "stir",
    }
    dicom.stack(tmp_path, series="1", tags=lost)
    with pytest.raises(UnreadableInput, match="lack position"):
        choose(find_study(tmp_path))
    dicom.stack(tmp_path, series="2", tags=sequences["T2"])
    assert numbers(tmp_path) == [2]


def test_truncated_pixels(dicom: Dicom, tmp_path: Path) -> None:
    path = dicom.stack(tmp_path)[4]
    path.write_bytes(path.read_bytes()[:-50])
    study = find_study(tmp_path)
    with pytest.raises(UnreadableInput, match="1 files of series 1") as caught:
        choose(study)
    assert (caught.value.code, caught.value.exit_code) == ("truncated", 4)
    with pytest.raises(UnreadableInput):
        Stack.open(study.series[0])


def test_truncated_headers(dicom: Dicom, tmp_path: Path) -> None:
    for path in dicom.stack(tmp_path):
        path.write_bytes(path.read_bytes()[:700])
    found = scan(tmp_path)
    assert len(found.broken) == 5
    with pytest.raises(UnreadableInput, match="5 damaged DICOM files") as caught:
        find_study(tmp_path)
    assert caught.value.code == "nothing_readable"


def test_one_truncated_header_in_the_series(dicom: Dicom, tmp_path: Path) -> None:
    path = dicom.stack(tmp_path)[2]
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(bytes.fromhex("28001000"))])  # series is known
    with pytest.raises(UnreadableInput, match="end before their image"):
        choose(find_study(tmp_path))
    path.write_bytes(whole[:500])  # series is unknown, but a slice is missing
    with pytest.raises(UnreadableInput, match="end before their image"):
        choose(find_study(tmp_path))


def test_truncated_file_elsewhere_does_not_matter(
    dicom: Dicom, sequences: Tags, tmp_path: Path
) -> None:
    dicom.stack(tmp_path, series="1")
    path = dicom.stack(tmp_path, series="2", axes=dicom.axial, tags=sequences["T2"])[0]
    path.write_bytes(path.read_bytes()[:600])
    assert numbers(tmp_path) == [1]


def test_nothing_usable_beside_damaged_files(dicom: Dicom, sequences: Tags, tmp_path: Path) -> None:
    for path in dicom.stack(tmp_path, series="1"):
        path.write_bytes(path.read_bytes()[:600])
    dicom.stack(tmp_path, series="2", axes=dicom.axial, tags=sequences["T2"])
    with pytest.raises(UnreadableInput, match=r"axial \(series 2\).*5 files") as caught:
        choose(find_study(tmp_path))
    assert caught.value.code == "truncated"
