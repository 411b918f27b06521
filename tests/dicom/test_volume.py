"""Pixels and where they are."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread

from fasciaseg.dicom.choice import choose
from fasciaseg.dicom.scan import scan
from fasciaseg.dicom.series import Series, find_study, studies_of
from fasciaseg.dicom.source import Source
from fasciaseg.dicom.volume import Stack, read_pixels
from fasciaseg.errors import UnreadableInput

if TYPE_CHECKING:
    from .conftest import Axes, Dicom, Tags

NATIVE = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"]
DEFLATED = "1.2.840.10008.1.2.1.99"


def rotated(axes: Axes, x: float, y: float, z: float) -> Axes:
    """Axes turned by degrees about the patient's axes."""
    out = []
    for axis in axes:
        v = np.array(axis, float)
        for degrees, (i, j) in zip((x, y, z), ((1, 2), (2, 0), (0, 1)), strict=True):
            c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
            v[i], v[j] = c * v[i] - s * v[j], s * v[i] + c * v[j]
        out.append((float(v[0]), float(v[1]), float(v[2])))
    return out[0], out[1]


def opened(folder: Path) -> Stack:
    return Stack.open(choose(find_study(folder)).edema[0])


def flips(axes: Axes) -> list[Axes]:
    """The eight ways to store the same slice."""
    (a, b), out = axes, []
    for first, second in ((a, b), (b, a)):
        for s, t in itertools.product((1, -1), repeat=2):
            out.append((tuple(s * v for v in first), tuple(t * v for v in second)))
    return out  # type: ignore[return-value]


def test_canonical_slices(dicom: Dicom, tmp_path: Path) -> None:
    dicom.stack(tmp_path, origin=(-10, -50, 80), spacing=(0.8, 1.2))
    stack = opened(tmp_path)
    assert len(stack) == 5
    assert stack.spacing_mm == pytest.approx(4)
    assert [g.position_mm for g in stack.geometries] == [-10, -6, -2, 2, 6]
    first = stack[0]
    assert first.pixels.dtype == np.float32
    assert first.pixels.flags.c_contiguous
    assert first.pixels.shape == first.geometry.shape == (12, 10)
    assert first.geometry.spacing_mm == (0.8, 1.2)
    assert first.geometry.origin_lps_mm == (-10, -50, 80)
    assert (first.index, stack[-1].index, first.frame) == (0, 4, None)
    assert stack[2] is stack[2]
    with pytest.raises(IndexError):
        stack[5]


@pytest.mark.parametrize("case", range(8))
def test_any_storage_gives_the_same_slice(dicom: Dicom, tmp_path: Path, case: int) -> None:
    """The same anatomy, stored in each of the eight ways, is read the same."""
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 4000, (5, 7)).astype(np.uint16)  # head to foot, front to back
    corner, spacing = np.array([3.0, -20.0, 30.0]), (0.9, 1.3)
    column, row = flips(dicom.sagittal)[case]
    pixels, steps = truth, spacing
    if abs(column[2]) > 0.5:
        pixels, steps = truth.T, spacing[::-1]
    origin = corner.copy()
    for axis, vector in ((0, row), (1, column)):
        if sum(vector) * (-1 if abs(vector[2]) > 0.5 else 1) < 0:
            pixels = np.flip(pixels, axis)
            origin -= np.array(vector) * steps[axis] * (pixels.shape[axis] - 1)
    for i in range(3):
        at = origin + np.array([4.0 * i, 0, 0])
        kind = {"origin": at, "axes": (column, row), "spacing": steps}
        dicom.file(tmp_path / str(i), pixels=np.ascontiguousarray(pixels), **kind)
    stack = opened(tmp_path)
    np.testing.assert_array_equal(stack[0].pixels, truth)
    g = stack[0].geometry
    assert g.spacing_mm == spacing
    np.testing.assert_allclose(g.origin_lps_mm, corner, atol=1e-9)
    np.testing.assert_allclose((g.column_axis, g.row_axis), dicom.sagittal, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(
    case=st.integers(0, 7),
    angles=st.tuples(*[st.floats(-19, 19)] * 3),
    right_first=st.booleans(),
)
def test_any_flip_of_an_oblique_stack(
    dicom: Dicom,
    tmp_path_factory: pytest.TempPathFactory,
    case: int,
    angles: tuple[float, float, float],
    right_first: bool,
) -> None:
    """Rows run to the foot, columns to the back, index to the left; each pixel keeps its place."""
    folder = tmp_path_factory.mktemp("oblique")
    axes = flips(rotated(dicom.sagittal, *angles))[case]
    dicom.stack(folder, 3, origin=(1, 2, 3), axes=axes, step=4 if right_first else -4)
    stack = opened(folder)
    assert all(g.row_axis[2] < 0 < g.column_axis[1] for g in stack.geometries)
    assert all(a.position_mm < b.position_mm for a, b in itertools.pairwise(stack.geometries))
    for path in folder.iterdir():
        stored = dcmread(path)
        instance = next(i for i in stack.series.instances if i.source.path == path)
        ours = stack[stack.series.instances.index(instance)]
        corner = np.array(instance.geometry.origin_lps_mm)  # type: ignore[union-attr]
        row, column = np.rint(ours.geometry.to_pixel(corner)).astype(int)
        assert ours.pixels[row, column] == stored.pixel_array[0, 0]
        np.testing.assert_allclose(ours.geometry.to_lps(np.array([row, column])), corner, atol=1e-6)


@pytest.mark.parametrize("angles", [(0, 0, 0), (10, 0, 0), (5, 12, -8), (-15, -10, 20)])
@pytest.mark.parametrize("case", [0, 3, 6])
def test_geometry_as_simpleitk_sees_it(
    dicom: Dicom, tmp_path: Path, angles: tuple[float, float, float], case: int
) -> None:
    """Every voxel has the same place and value in SimpleITK's volume of the same files."""
    axes = flips(rotated(dicom.sagittal, *angles))[case]
    dicom.stack(tmp_path, 5, origin=(-7.5, 20.25, 91.0), axes=axes, spacing=(0.75, 1.25), step=3.3)
    stack = opened(tmp_path)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path)))
    image = reader.Execute()
    values = sitk.GetArrayFromImage(image)
    for ours in stack:
        rows, columns = np.indices(ours.pixels.shape)
        places = ours.geometry.to_lps(np.stack([rows, columns], axis=-1))
        for (r, c), place in zip(
            np.ndindex(ours.pixels.shape), places.reshape(-1, 3).tolist(), strict=True
        ):
            index = image.TransformPhysicalPointToContinuousIndex(place)
            x, y, z = (round(v) for v in index)
            np.testing.assert_allclose(index, (x, y, z), atol=1e-3)
            assert values[z, y, x] == ours.pixels[r, c]


def test_axial_geometry_as_simpleitk_sees_it(dicom: Dicom, sequences: Tags, tmp_path: Path) -> None:
    axes = rotated(dicom.axial, 8, -6, 3)
    dicom.stack(tmp_path, 4, origin=(5, 6, 7), axes=axes, spacing=(0.5, 2.0), step=5)
    (series,) = studies_of(scan(tmp_path))[0].series
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path)))
    image = reader.Execute()
    for instance in series.instances:
        g = instance.geometry
        assert g is not None
        place = g.to_lps(np.array([3.0, 4.0]))
        index = image.TransformPhysicalPointToContinuousIndex(place.tolist())
        np.testing.assert_allclose(index[:2], (4, 3), atol=1e-3)


@pytest.mark.parametrize("syntax", [*NATIVE, DEFLATED])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_native_syntaxes(dicom: Dicom, tmp_path: Path, syntax: str, dtype: type) -> None:
    pixels = np.arange(120).reshape(12, 10).astype(dtype)
    if dtype is np.int16:
        pixels -= 60
    dicom.file(tmp_path / "a", pixels=pixels, syntax=syntax)
    np.testing.assert_array_equal(read_pixels(scan(tmp_path).instances[0]), pixels)


@pytest.mark.parametrize("syntax", NATIVE[:2])
def test_pixels_without_preamble(dicom: Dicom, tmp_path: Path, syntax: str) -> None:
    """Without a meta header the syntax is guessed from the first element."""
    pixels = np.arange(120, dtype=np.uint16).reshape(12, 10)
    dicom.file(tmp_path / "a", pixels=pixels, syntax=syntax, preamble=False)
    np.testing.assert_array_equal(read_pixels(scan(tmp_path).instances[0]), pixels)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, [0, 100, 4095]),
        ({"RescaleSlope": "2", "RescaleIntercept": "-10"}, [-10, 190, 8180]),
        ({"RescaleSlope": "0"}, [0, 100, 4095]),
        ({"RescaleSlope": ""}, [0, 100, 4095]),
        ({"PhotometricInterpretation": "MONOCHROME1"}, [4095, 3995, 0]),
        (
            {"PhotometricInterpretation": "MONOCHROME1", "RescaleSlope": "2"},
            [8190, 7990, 0],
        ),
    ],
)
def test_rescaling(
    dicom: Dicom,
    sequences: Tags,
    tmp_path: Path,
    tags: dict[str, object],
    expected: list[float],
) -> None:
    pixels = np.array([[0, 100, 4095]], np.uint16)
    bits = {"BitsStored": 12, "HighBit": 11}
    dicom.file(tmp_path / "a", pixels=pixels, tags={**sequences["STIR"], **bits, **tags})
    assert read_pixels(scan(tmp_path).instances[0]).tolist() == [expected]


@pytest.mark.parametrize(
    ("stored", "tags", "expected"),
    [
        ([0xF001, 0x0FFF], {"BitsStored": 12, "HighBit": 11}, [1, 4095]),
        ([0xF001, 0x0FFF], {"BitsStored": 12, "HighBit": 11, "PixelRepresentation": 1}, [1, -1]),
        ([0x0001, 0xFFFF], {"PixelRepresentation": 1}, [1, -1]),
    ],
)
def test_only_stored_bits_count(
    dicom: Dicom,
    sequences: Tags,
    tmp_path: Path,
    stored: list[int],
    tags: dict[str, object],
    expected: list[float],
) -> None:
    pixels = np.array([stored], np.uint16)
    dicom.file(tmp_path / "a", pixels=pixels, tags={**sequences["STIR"], **tags})
    assert read_pixels(scan(tmp_path).instances[0]).tolist() == [expected]


@pytest.mark.parametrize(
    ("tags", "syntax"),
    [
        ({"BitsAllocated": 12, "BitsStored": 12, "HighBit": 11}, None),
        ({}, "1.2.840.10008.1.2.4.100"),  # MPEG-2
    ],
)
def test_undecodable(
    dicom: Dicom,
    sequences: Tags,
    tmp_path: Path,
    tags: dict[str, object],
    syntax: str | None,
) -> None:
    dicom.stack(tmp_path, tags={**sequences["STIR"], **tags})
    if syntax:
        old, new = b"1.2.840.10008.1.2.1\0", syntax.encode() + b"\0"
        for path in tmp_path.iterdir():
            content = path.read_bytes()
            at = content.index(b"\x02\x00\x10\x00UI")
            length = len(new).to_bytes(2, "little")
            content = content[: at + 6] + length + new + content[at + 8 + len(old) :]
            group = int.from_bytes(content[140:144], "little") + len(new) - len(old)
            path.write_bytes(content[:140] + group.to_bytes(4, "little") + content[144:])
    stack = opened(tmp_path)
    with pytest.raises(UnreadableInput, match="Slice 2 of 5 of series 1: its pixel data") as caught:
        stack[1]
    assert caught.value.exit_code == 4
    assert caught.value.action
    assert str(tmp_path) not in str(caught.value)


def test_pixel_data_shorter_than_the_image(dicom: Dicom, sequences: Tags, tmp_path: Path) -> None:
    """A whole file whose pixel data element is too short for rows and columns."""
    dicom.stack(tmp_path, tags={**sequences["STIR"], "Rows": 24})
    with pytest.raises(UnreadableInput, match="cut short"):
        opened(tmp_path)[0]


def test_file_gone_since_the_scan(dicom: Dicom, tmp_path: Path) -> None:
    dicom.stack(tmp_path)
    stack = opened(tmp_path)
    for path in tmp_path.iterdir():
        path.unlink()
    with pytest.raises(UnreadableInput):
        stack[0]


def test_nothing_is_decoded_before_it_is_asked_for(
    dicom: Dicom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dicom.stack(tmp_path)
    stack = opened(tmp_path)
    reads = []

    def counted(source: Source) -> BinaryIO:
        reads.append(source)
        return source.path.open("rb")

    monkeypatch.setattr(Source, "open", counted)
    _ = stack.geometries, len(stack), stack.spacing_mm
    assert not reads
    _ = stack[1], stack[1], stack[3]
    assert len(reads) == 2


def test_series_is_kept(dicom: Dicom, tmp_path: Path) -> None:
    dicom.stack(tmp_path)
    assert isinstance(opened(tmp_path).series, Series)
