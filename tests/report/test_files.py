"""The files an exam leaves, and what happens when they can't be written."""

from __future__ import annotations

import dataclasses
import errno
import io
import json
import struct
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
from PIL import Image

from fasciaseg.errors import OutputNotWritable
from fasciaseg.reading import Reading
from fasciaseg.report import WriteOptions, draw_slice, write
from fasciaseg.report.png import encoded
from fasciaseg.vertebrae import LEVELS

ReadingMaker = Callable[..., Reading]

SCHEMA_KEYS = {
    "schema", "input", "software", "study", "series", "central_slices", "levels_in_view",
    "vertebrae", "anchor", "edema", "classification", "confidence", "fractures", "flags", "outputs",
    "timings_ms",
}  # fmt: skip
PICTURES = ["slice-1.png", "slice-2.png", "slice-3.png", "summary.png"]
JSON_ONLY = WriteOptions(pictures=False)


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_the_files_are_there_and_named_in_the_result(
    make_reading: ReadingMaker, tmp_path: Path
) -> None:
    reading = make_reading(flags=("levels_unverified",))
    outputs = write(reading, tmp_path / "new" / "exam", WriteOptions(save_mask=True))
    folder = tmp_path / "new" / "exam"
    assert names(folder) == sorted(
        [*PICTURES, "result.json", "edema-mask.nii.gz", "level-map.nii.gz"]
    )
    raw = (folder / "result.json").read_bytes()
    told = json.loads(raw.decode("utf-8"))
    assert told == dataclasses.replace(reading.result, outputs=outputs).to_dict()
    assert set(told) == SCHEMA_KEYS
    assert told["outputs"] == {
        "slices": PICTURES[:3],
        "summary": "summary.png",
        "mask": "edema-mask.nii.gz",
        "level_map": "level-map.nii.gz",
    }
    assert raw.endswith(b"}\n")
    assert b'\n  "schema"' in raw


def test_masks_only_when_asked_for(make_reading: ReadingMaker, tmp_path: Path) -> None:
    write(make_reading(), tmp_path)
    assert names(tmp_path) == sorted([*PICTURES, "result.json"])
    assert set(json.loads((tmp_path / "result.json").read_text("utf-8"))["outputs"]) == {
        "slices",
        "summary",
    }


def test_pictures_hold_pixels_and_nothing_else(make_reading: ReadingMaker, tmp_path: Path) -> None:
    reading = make_reading()
    write(reading, tmp_path)
    for i, name in enumerate(PICTURES):
        data = (tmp_path / name).read_bytes()
        assert chunk_kinds(data) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
        for secret in (b"MUSTERFRAU", b"1.2.840", b"20240229"):
            assert secret not in data
        with Image.open(io.BytesIO(data)) as picture:
            assert picture.info == {}
            if i < 3:
                assert np.array_equal(picture.convert("RGB"), draw_slice(reading, i))


def chunk_kinds(data: bytes) -> list[bytes]:
    kinds: list[bytes] = []
    at = 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kinds.append(data[at + 4 : at + 8])
        at += 12 + length
    return kinds


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (64, 200)])
def test_png_round_trip(size: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (size[1], size[0]), dtype=np.uint8)
    colours = random.integers(0, 256, (256, 3), dtype=np.uint8)
    with Image.open(io.BytesIO(encoded(noise, colours))) as back:
        assert np.array_equal(np.asarray(back.convert("RGB")), colours[noise])


def test_the_same_reading_makes_the_same_bytes(make_reading: ReadingMaker, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(make_reading(), tmp_path / name, WriteOptions(save_mask=True))
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_number_that_is_not_finite_is_never_written(
    make_reading: ReadingMaker, tmp_path: Path
) -> None:
    reading = make_reading()
    edema = dataclasses.replace(reading.result.edema, length_mm=float("nan"))
    broken = dataclasses.replace(reading, result=dataclasses.replace(reading.result, edema=edema))
    with pytest.raises(ValueError, match="not JSON compliant"):
        write(broken, tmp_path, JSON_ONLY)
    assert names(tmp_path) == []


def test_a_full_disk_leaves_the_earlier_files_whole(
    make_reading: ReadingMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(make_reading(), tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    original = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        if "summary" in self.name:
            original(self, data[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputNotWritable, match="space") as caught:
        write(make_reading(levels=(), answer=False), tmp_path)
    assert caught.value.exit_code == 6
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_the_result_comes_last(
    make_reading: ReadingMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    original = Path.replace

    def replace(self: Path, target: Path) -> Path:
        order.append(Path(target).name)
        return original(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    write(make_reading(), tmp_path, WriteOptions(save_mask=True))
    assert len(order) == 7
    assert order[-1] == "result.json"


def test_a_file_in_the_folders_place(make_reading: ReadingMaker, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    for folder in (tmp_path / "out", tmp_path / "out" / "below"):
        with pytest.raises(OutputNotWritable, match="file is in its place") as caught:
            write(make_reading(), folder, JSON_ONLY)
        assert caught.value.code == "output_is_a_file"
    assert (tmp_path / "out").read_text() == "mine"


def test_a_folder_in_a_files_place(make_reading: ReadingMaker, tmp_path: Path) -> None:
    (tmp_path / "result.json").mkdir()
    with pytest.raises(OutputNotWritable):
        write(make_reading(), tmp_path, WriteOptions(save_mask=True))
    assert names(tmp_path) == ["result.json"]


def test_no_permission(
    make_reading: ReadingMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The tests may run as root, whom permissions don't stop.
    def refuse(self: Path, data: bytes) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(OutputNotWritable, match="No permission") as caught:
        write(make_reading(), tmp_path, JSON_ONLY)
    assert caught.value.action
    assert names(tmp_path) == []


@pytest.mark.parametrize("degrees", [0.0, 17.0])
def test_nifti_lies_where_the_slices_lie(
    make_reading: ReadingMaker, tmp_path: Path, degrees: float
) -> None:
    reading = make_reading(degrees=degrees, spacing=(0.8, 1.2))
    write(reading, tmp_path, WriteOptions(pictures=False, save_mask=True))
    volume = nib.load(tmp_path / "edema-mask.nii.gz")
    voxels = np.asarray(volume.dataobj)
    by_itk = SimpleITK.ReadImage(str(tmp_path / "edema-mask.nii.gz"))
    for k, part in enumerate(reading.slices):
        g = part.slice.geometry
        assert np.array_equal(voxels[:, :, k].T, part.edema)
        for row, column in ((0, 0), (g.shape[0] - 1, g.shape[1] - 1), (37, 90)):
            lps = g.to_lps(np.array([row, column]))
            ras = nib.affines.apply_affine(volume.affine, (column, row, k))
            np.testing.assert_allclose(ras * (-1, -1, 1), lps, atol=1e-3)
            there = by_itk.TransformIndexToPhysicalPoint((column, row, k))
            np.testing.assert_allclose(there, lps, atol=1e-2)
    assert volume.header.get_xyzt_units()[0] == "mm"
    np.testing.assert_allclose(volume.get_qform(), volume.get_sform(), atol=1e-3)


def test_nifti_of_unevenly_spaced_slices(make_reading: ReadingMaker, tmp_path: Path) -> None:
    reading = make_reading(xs=(-4.0, 0.0, 5.0))
    write(reading, tmp_path, WriteOptions(pictures=False, save_mask=True))
    volume = nib.load(tmp_path / "edema-mask.nii.gz")
    for k in (0, 2):
        lps = nib.affines.apply_affine(volume.affine, (3, 5, k)) * (-1, -1, 1)
        expected = reading.slices[k].slice.geometry.to_lps(np.array([5, 3]))
        np.testing.assert_allclose(lps, expected, atol=1e-3)
    assert bytes(volume.header["descrip"]).startswith(b"uneven slices: middle one moved by 0.50 mm")


def test_level_map_values(make_reading: ReadingMaker, tmp_path: Path) -> None:
    reading = make_reading(degrees=10.0)
    write(reading, tmp_path, WriteOptions(pictures=False, save_mask=True))
    volume = nib.load(tmp_path / "level-map.nii.gz")
    values = np.asarray(volume.dataobj)
    assert set(np.unique(values)) <= {0, *range(12, 18)}
    g = reading.slices[1].slice.geometry
    for vertebra in reading.result.vertebrae:
        row, column = np.round(g.to_pixel(np.array(vertebra.center_lps_mm))).astype(int)
        if 0 <= row < g.shape[0] and 0 <= column < g.shape[1]:
            assert values[column, row, 1] == LEVELS.index(vertebra.level) + 1
