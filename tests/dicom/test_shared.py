"""Real exams and real vendor files beside the project."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from pydicom import dcmread
from pydicom.pixels import get_decoder
from pydicom.uid import RLELossless

from fasciaseg.dicom.choice import choose
from fasciaseg.dicom.scan import scan
from fasciaseg.dicom.series import find_study
from fasciaseg.dicom.volume import Stack, read_pixels
from fasciaseg.errors import NothingToRead, UnreadableInput, UsageError

EXAMS = {
    "t1t2-zukic11": "T2",
    "t2-chu13": "T2",
    "water05-L1-L3": "T2_DIXON_WATER",
    "water07-L1-L2": "T2_DIXON_WATER",
    "water11-L2-L5": "T2_DIXON_WATER",
    "water30-L3-L3": "T2_DIXON_WATER",
    "water44-L4-L5": "T2_DIXON_WATER",
    "water44-none": "T2_DIXON_WATER",
    "water47-L1-L5": "T2_DIXON_WATER",
}


@pytest.mark.parametrize("name", EXAMS)
def test_exam(shared: Path, name: str) -> None:
    study = find_study(shared / "exams" / name)
    choice = choose(study)
    assert [s.role for s in choice.edema] == [EXAMS[name]]
    others = {s.reason for s in study.series if s.role is None}
    assert others == {"localizer", "axial"}
    partner = choice.t1_for(choice.edema[0])
    assert (partner is not None) == (name == "t1t2-zukic11")
    stack = Stack.open(choice.edema[0])
    assert stack.series.regular
    truth = json.loads((shared / "exams" / "truth.json").read_text())[name]
    middle = stack[len(stack) // 2]
    assert abs(middle.geometry.position_mm - truth["middle_x_mm"]) < 25
    for place in truth["vertebrae"].values():
        row, column = middle.geometry.to_pixel(np.array(place))
        assert 0 < row < middle.pixels.shape[0]
        assert 0 < column < middle.pixels.shape[1]
    levels = [place for level, place in truth["vertebrae"].items() if level in ("L1", "L5")]
    rows = [middle.geometry.to_pixel(np.array(place))[0] for place in levels]
    assert rows[0] > rows[1], "L5 lies below L1"


def test_exam_as_simpleitk_sees_it(shared: Path) -> None:
    stack = Stack.open(choose(find_study(shared / "exams" / "water44-none")).edema[0])
    for ours in (stack[0], stack[7], stack[-1]):
        image = sitk.ReadImage(str(stack.series.instances[ours.index].source.path))
        values = sitk.GetArrayFromImage(image)[0]
        for place in ((0, 0), (100, 200), (313, 5)):
            index = image.TransformPhysicalPointToIndex(
                ours.geometry.to_lps(np.array(place, float)).tolist()
            )
            assert values[index[1], index[0]] == ours.pixels[place]


def test_all_exams_at_once_are_several_studies(shared: Path) -> None:
    with pytest.raises(UsageError, match="9 studies"):
        find_study(shared / "exams")


def test_vendor_files_hold_no_usable_series(shared: Path) -> None:
    with pytest.raises(NothingToRead, match="There is no usable series") as caught:
        find_study(shared / "dicom")
    assert "mosaic" in caught.value.reason
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "folder",
    ["packed-12bit", "siemens-mosaic", "siemens-xa10-philips-enhanced", "siemens-xa30-enhanced",
     "siemens-xa30-pairs", "transfer-syntaxes"],
)  # fmt: skip
def test_each_vendor_folder(shared: Path, folder: str) -> None:
    with pytest.raises(NothingToRead):
        choose(find_study(shared / "dicom" / folder))


def test_transfer_syntaxes_give_equal_pixels(shared: Path) -> None:
    instances = scan(shared / "dicom" / "transfer-syntaxes").instances
    assert len(instances) == 9
    assert len({i.transfer_syntax for i in instances}) == 7
    pixels = [read_pixels(i) for i in instances]
    assert pixels[0].max() > 0
    for other in pixels[1:]:
        np.testing.assert_array_equal(other, pixels[0])


def test_gdcm_alone_decodes_them_all(shared: Path) -> None:
    """The one codec that the project depends on, whatever else is installed."""
    folder = shared / "dicom" / "transfer-syntaxes"
    truth = None
    for instance in scan(folder).instances:
        dataset = dcmread(instance.source.path)
        if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
            if instance.transfer_syntax == RLELossless:
                continue  # pydicom's own
            decoder = get_decoder(instance.transfer_syntax)
            found, _ = decoder.as_array(dataset, decoding_plugin="gdcm")
            np.testing.assert_array_equal(found, truth)
        else:
            truth = dataset.pixel_array


def test_dirty_high_bits_are_no_value(shared: Path) -> None:
    found = scan(shared / "dicom" / "packed-12bit").instances
    pixels = {i.source.path.stem: read_pixels(i) for i in found}
    clean, dirty = pixels["12bitUnsigned"], pixels["12bitUnsigned_0x0F0F"]
    assert np.mean(clean != dirty) < 0.003  # 360 pixels were overwritten
    assert max(clean.max(), dirty.max()) <= 4095
    signed = pixels["12bitSigned_0x0F0F"]
    assert (signed.min(), signed.max()) == (-2048, 2047)


def test_cut_compressed_pixels(shared: Path, tmp_path: Path) -> None:
    """A cut is seen by the header alone, whatever the compression."""
    for instance in scan(shared / "dicom" / "transfer-syntaxes").instances:
        assert not instance.truncated
        cut = tmp_path / instance.source.path.name
        for n_bytes in (60_000, 200, 20):
            cut.write_bytes(instance.source.path.read_bytes()[:-n_bytes])
            found = scan(cut).instances[0]
            assert found.truncated
            with pytest.raises(UnreadableInput, match="cut short"):
                read_pixels(found)


def test_missing_end_mark_is_no_loss(shared: Path, tmp_path: Path) -> None:
    path = shared / "dicom" / "transfer-syntaxes" / "In" / "5.dcm"
    (tmp_path / "a").write_bytes(path.read_bytes()[:-4])
    found = scan(tmp_path).instances[0]
    assert not found.truncated
    np.testing.assert_array_equal(read_pixels(found), dcmread(path).pixel_array)


def test_import_stays_light() -> None:
    """No heavy package is loaded for reading DICOM."""
    code = (
        "import sys, fasciaseg.dicom.volume;"
        "print([m for m in ('scipy', 'skimage', 'SimpleITK', 'matplotlib', 'onnxruntime')"
        " if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
