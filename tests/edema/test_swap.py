"""Fat taken for water on a Dixon image: the canal tells, whatever the back shows."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pydicom import Dataset, dcmread

import fasciaseg
from fasciaseg import Options
from fasciaseg.edema.swap import swapped_levels
from fasciaseg.phantom import ExamPlan, Sequence, SoftTissue, SpinePhantom, write_study


def slices_of(study: Path, kind: str) -> dict[float, tuple[Path, Dataset]]:
    """A Dixon series' slices by their lateral position; `kind` is WATER or FAT."""
    read = ((p, dcmread(p)) for p in study.rglob("*") if p.is_file())
    return {
        round(float(d.ImagePositionPatient[0]), 1): (p, d)
        for p, d in read
        if "DIXON" in d.get("SeriesDescription", "") and kind in d.ImageType
    }


def swapped_below(study: Path, share: float) -> None:
    """Put the fat image into the water image from a share of its height on."""
    fat = slices_of(study, "FAT")
    water = slices_of(study, "WATER")
    assert len(water) > 5
    assert water.keys() == fat.keys()
    for at, (path, header) in water.items():
        if header.file_meta.TransferSyntaxUID.is_compressed:
            header.decompress(generate_instance_uid=False)
        pixels = header.pixel_array.copy()
        first = round(share * len(pixels))
        pixels[first:] = fat[at][1].pixel_array[first:]
        header.PixelData = pixels.tobytes()
        header.save_as(path)


@pytest.fixture
def thin(tmp_path: Path) -> Path:
    """A thin back without edema: its fat alone says nothing of a swap."""
    phantom = SpinePhantom(soft=SoftTissue(fat=(4.0, 4.0, 5.0, 5.0)))
    plan = ExamPlan(Sequence.T2_DIXON_WATER, center_level="L3")
    write_study(phantom, tmp_path / "thin", plan, compress=False)
    return tmp_path / "thin"


@pytest.mark.parametrize(("share", "lost"), [(0.5, {"L4", "L5"}), (0.62, {"L5"})])
def test_fat_of_a_swapped_part_is_no_edema(thin: Path, share: float, lost: set[str]) -> None:
    """Nor is it on the level in the midst of which the swap begins."""
    swapped_below(thin, share)
    r = fasciaseg.classify(thin, Options(threads=1))
    assert r.series_edema.sequence == "T2_DIXON_WATER"
    assert not r.classification.fascia_edema
    involved = {level.level: level.involved for level in r.edema.per_level}
    assert all(involved[level] is None for level in lost)
    assert involved["L1"] is False
    (told,) = (f.text for f in r.flags if f.code == "fat_water_swap_suspected")
    assert all(level in told for level in lost)


def test_a_whole_water_image_is_not_suspected(thin: Path) -> None:
    r = fasciaseg.classify(thin, Options(threads=1))
    assert r.classification.fascia_edema is False
    assert all(f.code != "fat_water_swap_suspected" for f in r.flags)


def test_a_swap_of_half_the_levels_leaves_no_answer(samples: Path, tmp_path: Path) -> None:
    study = tmp_path / "study"
    shutil.copytree(samples / "lower-lumbar", study)
    swapped_below(study, 0.5)
    assert fasciaseg.classify(study, Options(threads=1)).classification.fascia_edema is None


class Part:
    """Canal and bodies of five levels 40 mm high, each of one brightness."""

    def __init__(self, csf: list[float], marrow: list[float]) -> None:
        self.marks = SimpleNamespace(canal=np.repeat(csf, 40), body=np.repeat(marrow, 40))

    def values_where(self, mark: np.ndarray) -> np.ndarray:
        return mark

    def heights_where(self, mark: np.ndarray) -> np.ndarray:
        return -np.arange(len(mark)) - 0.5


FIVE = {f"L{i + 1}": (-40.0 * i, -40.0 * (i + 1)) for i in range(5)}


@pytest.mark.parametrize(
    ("csf", "marrow", "swapped"),
    [
        ([9, 9, 9, 9, 9], [5, 5, 5, 5, 5], set()),
        ([9, 9, 9, 9, 9], [5, 14, 5, 5, 5], set()),
        ([9, 9, 9, 9, 9], [14, 14, 5, 14, 5], set()),
        ([9, 9, 9, 3, 2], [5, 5, 5, 12, 12], {"L4", "L5"}),
        ([9, 9, 9, 5, 2], [5, 5, 5, 8, 12], {"L4", "L5"}),
        ([2, 2, 2, 2, 2], [12, 12, 12, 12, 12], set(FIVE)),
    ],
)
def test_a_body_full_of_edema_is_no_swap(
    csf: list[float], marrow: list[float], swapped: set[str]
) -> None:
    """A swap takes the CSF's signal as well as it brings the marrow's."""
    assert swapped_levels([Part(csf, marrow)], FIVE) == swapped  # type: ignore[list-item]
