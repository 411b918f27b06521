"""Enhanced multi-frame MR is read as if each frame were a file of its own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from fasciaseg.dicom.choice import choose
from fasciaseg.dicom.scan import scan
from fasciaseg.dicom.series import Study, find_study, studies_of
from fasciaseg.dicom.volume import Stack, read_pixels
from fasciaseg.errors import NothingToRead, UnreadableInput

if TYPE_CHECKING:
    from .conftest import Dicom

SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
STIR: dict[str, Any] = {
    "RepetitionTime": 4000,
    "InversionRecovery": "YES",
    "InversionTimes": 160.0,
}
T2: dict[str, Any] = {"RepetitionTime": 3500, "InversionRecovery": "NO"}


@dataclass(frozen=True)
class Frame:
    """One frame of a made object."""

    origin: Sequence[float] | None
    value: int = 0
    echo: float = 60.0
    orientation: tuple[float, ...] = SAGITTAL
    stack: str = "1"
    time: int = 1
    component: str = "MAGNITUDE"
    kind: tuple[str, ...] = ("ORIGINAL", "PRIMARY", "M", "NONE")
    slope: float = 1.0
    more: dict[str, Any] = field(default_factory=dict)


def item(**values: Any) -> list[Dataset]:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return [dataset]


def write(
    path: Path,
    frames: Sequence[Frame],
    *,
    timing: dict[str, Any] = STIR,
    series: str = "1",
    syntax: str = ExplicitVRLittleEndian,
    undefined: bool = False,
    sop_class: str = "1.2.840.10008.5.1.4.1.1.4.1",
    spin: str | None = "SPIN",
    tags: dict[str, Any] | None = None,
) -> Path:
    """An enhanced object; the frames' values are in all their pixels."""
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, f"1.2.826.1.{series}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.3.1", f"1.2.3.1.{series}"
    ds.FrameOfReferenceUID, ds.PatientID, ds.Modality = "1.2.3.1.99", "P1", "MR"
    ds.SeriesNumber, ds.StudyDate = series, "20260102"
    ds.MagneticFieldStrength = "1.5"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "NONE"]
    if spin:
        ds.EchoPulseSequence = spin
    ds.Rows, ds.Columns, ds.NumberOfFrames = 6, 5, len(frames)
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
    shared = Dataset()
    shared.PixelMeasuresSequence = item(PixelSpacing=[1.5, 1.25], SliceThickness="4")
    shared.MRTimingAndRelatedParametersSequence = item(RepetitionTime=timing["RepetitionTime"])
    modifier = {k: v for k, v in timing.items() if k != "RepetitionTime"}
    shared.MRModifierSequence = item(**modifier)
    # A reference to another image has the names of a position; it must not be taken for one.
    shared.ReferencedImageSequence = item(ReferencedSOPInstanceUID="1.2.9")
    ds.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for number, frame in enumerate(frames, 1):
        own = Dataset()
        if frame.origin is not None:
            own.PlanePositionSequence = item(ImagePositionPatient=list(frame.origin))
        own.PlaneOrientationSequence = item(ImageOrientationPatient=list(frame.orientation))
        own.MREchoSequence = item(EffectiveEchoTime=frame.echo)
        own.MRImageFrameTypeSequence = item(
            FrameType=list(frame.kind), ComplexImageComponent=frame.component
        )
        own.FrameContentSequence = item(
            StackID=frame.stack,
            InStackPositionNumber=number,
            TemporalPositionIndex=frame.time,
            FrameAcquisitionNumber=frame.time,
            DimensionIndexValues=[1, number],
        )
        own.PixelValueTransformationSequence = item(
            RescaleIntercept="0", RescaleSlope=str(frame.slope), RescaleType="US"
        )
        for keyword, value in frame.more.items():
            setattr(own, keyword, value)
        groups.append(own)
    ds.PerFrameFunctionalGroupsSequence = groups
    pixels = np.concatenate([np.full(30, f.value, np.uint16) for f in frames])
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OW"
    for keyword, tag in (tags or {}).items():
        if tag is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, tag)
    if undefined:
        _undefine(ds)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax if syntax != RLELossless else ExplicitVRLittleEndian
    if syntax == RLELossless:
        ds.compress(RLELossless, generate_instance_uid=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    dcmwrite(path, ds, enforce_file_format=True)
    return path


def _undefine(dataset: Dataset) -> None:
    """Sequences and items of undefined length, as most scanners write them."""
    for element in dataset:
        if element.VR == "SQ":
            element.is_undefined_length = True
            for inner in element.value:
                inner.is_undefined_length_sequence_item = True
                _undefine(inner)


def row(n: int = 5, *, first: int = 0, z: float = 0.0, **more: Any) -> list[Frame]:
    """Sagittal frames from right to left, 4 mm apart, each with a value of its own."""
    return [Frame((4.0 * i, 0.0, z), value=first + i, **more) for i in range(n)]


def shown(study: Study) -> list[tuple[str, int]]:
    return sorted((s.role or s.reason, len(s.instances)) for s in study.series)


def values(stack: Stack) -> list[float]:
    return [float(s.pixels[0, 0]) for s in stack]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless])
@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("legacy", [False, True])
def test_frames_are_slices(tmp_path: Path, syntax: str, undefined: bool, legacy: bool) -> None:
    sop_class = "1.2.840.10008.5.1.4.1.1.4." + ("4" if legacy else "1")
    frames = [row()[i] for i in (3, 0, 4, 2, 1)]
    write(tmp_path / "a", frames, syntax=syntax, undefined=undefined, sop_class=sop_class)
    stack = Stack.open(choose(find_study(tmp_path)).edema[0])
    assert stack.series.role == "STIR"
    assert values(stack) == [0, 1, 2, 3, 4]
    assert [s.frame for s in stack] == [2, 5, 4, 1, 3]
    assert {s.sop_instance_uid for s in stack} == {"1.2.826.1.1"}
    assert [g.position_mm for g in stack.geometries] == [0, 4, 8, 12, 16]
    assert stack[0].geometry.spacing_mm == (1.5, 1.25)
    physics = stack.series.instances[0].physics
    assert (physics.echo_time_ms, physics.repetition_time_ms) == (60, 4000)
    assert physics.inversion_time_ms == 160


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(6)))
def test_order_of_the_frames_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    path = tmp_path_factory.mktemp("frames") / "a"
    write(path, [row(6)[i] for i in order], undefined=True)
    stack = Stack.open(choose(find_study(path)).edema[0])
    assert values(stack) == [0, 1, 2, 3, 4, 5]
    assert [(s.frame or 0) - 1 for s in stack] == [order.index(i) for i in range(6)]


def test_same_as_its_classic_twin(dicom: Dicom, tmp_path: Path) -> None:
    write(tmp_path / "a" / "enhanced", row())
    dicom.stack(tmp_path / "b", spacing=(1.5, 1.25), pixels=np.zeros((6, 5), np.uint16))
    a, b = (Stack.open(choose(find_study(tmp_path / name)).edema[0]) for name in ("a", "b"))
    assert a.geometries == b.geometries
    assert (a.series.role, a.spacing_mm) == (b.series.role, b.spacing_mm)


def test_stacks_in_one_object(tmp_path: Path) -> None:
    """A thoracic and a lumbar station and an axial stack."""
    across = [Frame((0, 0, 4.0 * i), orientation=AXIAL, stack="3") for i in range(4)]
    frames = [*row(stack="1"), *row(6, first=10, z=300.0, stack="2"), *across]
    write(tmp_path / "a", frames)
    assert shown(find_study(tmp_path)) == [("STIR", 5), ("STIR", 6), ("axial", 4)]


def test_stacks_of_one_plane(tmp_path: Path) -> None:
    """Stacks that show the same positions again separate by their names."""
    write(tmp_path / "a", [*row(stack="left"), *row(first=10, stack="right")])
    series = find_study(tmp_path).series
    assert [values(Stack.open(s)) for s in series] == [[0, 1, 2, 3, 4], [10, 11, 12, 13, 14]]


def test_two_echoes_interleaved(tmp_path: Path) -> None:
    pairs = zip(row(echo=20.0), row(first=10, echo=100.0), strict=True)
    write(tmp_path / "a", [frame for pair in pairs for frame in pair], timing=T2)
    study = find_study(tmp_path)
    assert shown(study) == [("T2", 5), ("proton density", 5)]
    assert values(Stack.open(choose(study).edema[0])) == [10, 11, 12, 13, 14]


def test_components_separate(tmp_path: Path) -> None:
    water = row(kind=("DERIVED", "PRIMARY", "DIXON", "WATER"), echo=90.0)
    fat = row(first=10, kind=("DERIVED", "PRIMARY", "DIXON", "FAT"), echo=90.0)
    phase = row(first=20, component="PHASE", echo=90.0)
    write(tmp_path / "a", [*fat, *water, *phase], timing=T2)
    study = find_study(tmp_path)
    names = [("Dixon fat image", 5), ("T2_DIXON_WATER", 5), ("phase image", 5)]
    assert shown(study) == names
    assert values(Stack.open(choose(study).edema[0])) == [0, 1, 2, 3, 4]


def test_repeats_give_one_whole_run(tmp_path: Path) -> None:
    write(tmp_path / "a", [*row(3, time=1), *row(5, first=10, time=2)])
    (series,) = find_study(tmp_path).series
    assert values(Stack.open(series)) == [10, 11, 12, 13, 14]
    assert series.n_duplicates == 3


def test_each_frame_has_its_own_slope(tmp_path: Path) -> None:
    frames = [Frame((4.0 * i, 0, 0), value=10, slope=1.0 + i) for i in range(3)]
    write(tmp_path / "a", frames)
    assert values(Stack.open(choose(find_study(tmp_path)).edema[0])) == [10, 20, 30]


@pytest.mark.parametrize(
    ("modifier", "role"),
    [
        ({"SpectrallySelectedSuppression": "FAT"}, "T2_FS"),
        ({"SpectrallySelectedExcitation": "WATER"}, "T2_FS"),
        ({"SpectrallySelectedSuppression": "NONE"}, "T2"),
        ({"InversionRecovery": "YES", "InversionTimes": 2500.0}, "FLAIR"),
    ],
)
def test_contrast(tmp_path: Path, modifier: dict[str, Any], role: str) -> None:
    tags = {"SeriesDescription": "t2 fs sag"}
    write(tmp_path / "a", row(echo=90.0), timing={**T2, **modifier}, tags=tags)
    (series,) = find_study(tmp_path).series
    assert (series.role or series.reason) == role


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"EchoPulseSequence": "GRADIENT"}, "gradient echo"),
        ({"EchoPlanarPulseSequence": "YES"}, "echo-planar image"),
        ({"SamplesPerPixel": 3}, "colour image"),
        ({"Modality": "CT"}, "CT"),
    ],
)
def test_what_is_not_read(tmp_path: Path, tags: dict[str, Any], reason: str) -> None:
    write(tmp_path / "a", row(), timing=T2, tags=tags)
    with pytest.raises(NothingToRead, match=reason):
        choose(find_study(tmp_path))


def test_contrast_agent(tmp_path: Path) -> None:
    tags = {"ContrastBolusAgentSequence": item(CodeValue="C-17800")}
    write(tmp_path / "a", row(), tags=tags)
    assert find_study(tmp_path).series[0].contrast_given


@pytest.mark.parametrize("n_lost", [1, 5])
def test_frame_without_position(tmp_path: Path, n_lost: int) -> None:
    frames = [Frame(None if i < n_lost else (4.0 * i, 0, 0)) for i in range(5)]
    # The top level's position can't be true for all frames.
    write(tmp_path / "a", frames, tags={"ImagePositionPatient": [1, 2, 3]})
    with pytest.raises(UnreadableInput, match=f"{n_lost} of the 5 slices") as caught:
        choose(find_study(tmp_path))
    assert caught.value.code == "no_position"


@pytest.mark.parametrize(
    "tags", [{"PerFrameFunctionalGroupsSequence": None}, {"SharedFunctionalGroupsSequence": None}]
)
def test_object_without_functional_groups(tmp_path: Path, tags: dict[str, Any]) -> None:
    write(tmp_path / "a", row(), tags={**tags, "SeriesDescription": "stir sag"})
    with pytest.raises(UnreadableInput, match="5 of the 5 slices"):
        choose(find_study(tmp_path))


def test_more_frames_than_described(tmp_path: Path) -> None:
    write(tmp_path / "a", row(), tags={"NumberOfFrames": 7})
    with pytest.raises(UnreadableInput, match="2 of the 7 slices"):
        choose(find_study(tmp_path))


def test_impossible_number_of_frames(tmp_path: Path) -> None:
    write(tmp_path / "a", row(), tags={"NumberOfFrames": 2_000_000_000})
    found = scan(tmp_path)
    assert [b.reason for b in found.broken] == ["its frames can't be told apart"]


def test_cut_object(tmp_path: Path) -> None:
    path = write(tmp_path / "a", row())
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UnreadableInput) as caught:
        choose(find_study(tmp_path))
    assert caught.value.code == "truncated"


def test_copies_of_an_object_count_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, row())
    (series,) = find_study(tmp_path).series
    assert len(series.instances) == 5
    assert len(studies_of(scan(tmp_path))[0].sources) == 2


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_random_damage_never_escapes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damage") / "a"
    write(path, row(3), undefined=data.draw(st.booleans()))
    content = bytearray(path.read_bytes())
    for at in data.draw(st.lists(st.integers(132, len(content) - 1), min_size=1, max_size=6)):
        content[at] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    for study in studies_of(scan(path)):
        for series in study.series:
            for instance in (*series.instances, *series.unplaced):
                with suppress(UnreadableInput):
                    read_pixels(instance)


def test_only_the_frame_asked_for_is_read(tmp_path: Path) -> None:
    """A damaged frame is no trouble of its neighbours."""
    path = write(tmp_path / "a", row(), syntax=RLELossless)
    content = path.read_bytes()
    dataset = dcmread(path)
    from pydicom.encaps import generate_fragments

    last = list(generate_fragments(dataset.PixelData))[-1]
    at = content.rindex(last)
    path.write_bytes(content[:at] + b"\xff" * len(last) + content[at + len(last) :])
    stack = Stack.open(choose(find_study(path)).edema[0])
    assert float(stack[1].pixels[0, 0]) == 1
    with pytest.raises(UnreadableInput):
        stack[4]


def test_siemens_twins(shared: Path) -> None:
    """The same scan as enhanced and as classic files: same geometry, same pixels."""
    folder = shared / "dicom" / "siemens-xa30-pairs"
    enhanced, classic = scan(folder / "enhanced").instances, scan(folder / "classic").instances
    assert (len(enhanced), len(classic)) == (63, 4)
    places = {i.geometry.origin_lps_mm: i for i in enhanced if i.geometry}
    differing = []
    for theirs in classic:
        assert theirs.geometry is not None
        near = min(
            places, key=lambda p: np.abs(np.subtract(p, theirs.geometry.origin_lps_mm)).sum()
        )
        ours = places[near]
        assert ours.geometry is not None
        np.testing.assert_allclose(near, theirs.geometry.origin_lps_mm, atol=1e-3)
        np.testing.assert_allclose(ours.geometry.column_axis, theirs.geometry.column_axis)
        np.testing.assert_allclose(ours.geometry.row_axis, theirs.geometry.row_axis)
        assert ours.geometry.spacing_mm == theirs.geometry.spacing_mm
        assert ours.physics.echo_time_ms == theirs.physics.echo_time_ms
        assert ours.physics.repetition_time_ms == theirs.physics.repetition_time_ms
        differing.append(np.mean(read_pixels(ours) != read_pixels(theirs)))
    # In one of the two files 56 pixels of the first slice were overwritten.
    assert differing[1:] == [0, 0, 0]
    assert 0 < differing[0] < 0.01


def test_philips_magnitude_and_field_map_separate(shared: Path) -> None:
    study = find_study(shared / "dicom" / "siemens-xa10-philips-enhanced" / "In" / "Philips")
    assert [len(s.instances) for s in study.series] == [32, 32]
    with pytest.raises(NothingToRead):
        choose(study)


@pytest.mark.parametrize("name", ["siemens-xa30-enhanced", "siemens-xa10-philips-enhanced"])
def test_every_frame_as_pydicom_reads_it(shared: Path, name: str) -> None:
    for instance in scan(shared / "dicom" / name).instances[::7]:
        dataset = dcmread(instance.source.path)
        assert instance.frame is not None
        group = dataset.PerFrameFunctionalGroupsSequence[instance.frame]
        place = group.PlanePositionSequence[0].ImagePositionPatient
        assert instance.geometry is not None
        np.testing.assert_allclose(instance.geometry.origin_lps_mm, place)
        change = group.PixelValueTransformationSequence[0]
        truth = dataset.pixel_array[instance.frame] * float(change.RescaleSlope)
        np.testing.assert_allclose(
            read_pixels(instance), truth + float(change.RescaleIntercept), rtol=1e-5
        )
