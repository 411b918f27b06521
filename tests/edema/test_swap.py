"""Fat taken for water on a Dixon image: the canal tells, whatever the back shows."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

import fasciaseg
from fasciaseg import Options


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
def study(samples: Path, tmp_path: Path) -> Path:
    shutil.copytree(samples / "lower-lumbar", tmp_path / "study")
    return tmp_path / "study"


def test_a_swapped_half_is_not_answered(study: Path) -> None:
    swapped_below(study, 0.5)
    r = fasciaseg.classify(study, Options(threads=1))
    assert r.series_edema.sequence == "T2_DIXON_WATER"
    assert r.classification.fascia_edema is None
    (told,) = (f.text for f in r.flags if f.code == "fat_water_swap_suspected")
    assert "L3, L4, L5" in told


def test_a_swapped_end_costs_its_own_levels(study: Path) -> None:
    swapped_below(study, 0.8)
    r = fasciaseg.classify(study, Options(threads=1))
    involved = {level.level: level.involved for level in r.edema.per_level}
    assert involved["L5"] is None
    assert involved["L1"] is False
    assert any(f.code == "fat_water_swap_suspected" for f in r.flags)


def test_a_whole_water_image_is_not_suspected(study: Path) -> None:
    r = fasciaseg.classify(study, Options(threads=1))
    assert all(f.code != "fat_water_swap_suspected" for f in r.flags)
