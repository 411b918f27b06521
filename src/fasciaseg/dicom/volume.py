"""Slices of one series in anatomical order, decoded only when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ..errors import UnreadableInput
from ..geometry import Slice, SliceGeometry
from .choice import require_whole
from .header import quiet
from .scan import Instance
from .series import Series

_PIXEL_TAGS = [
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "RescaleIntercept",
    "RescaleSlope",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "FloatPixelData",
    "DoubleFloatPixelData",
    "PixelData",
]


@dataclass(frozen=True)
class _Turn:
    """How the stored pixels become a reader's view: first `transpose`, then the flips."""

    transpose: bool
    flip_rows: bool
    flip_columns: bool

    @classmethod
    def for_reader(cls, geometry: SliceGeometry) -> _Turn:
        """Rows head to foot, columns front to back (for a sagittal slice)."""
        transpose = abs(geometry.column_axis[2]) > abs(geometry.row_axis[2])
        turned = geometry.transposed() if transpose else geometry
        return cls(transpose, turned.row_axis[2] > 0, turned.column_axis[1] < 0)

    def geometry(self, geometry: SliceGeometry) -> SliceGeometry:
        """The geometry of the turned pixels."""
        if self.transpose:
            geometry = geometry.transposed()
        if self.flip_rows:
            geometry = geometry.flipped(0)
        return geometry.flipped(1) if self.flip_columns else geometry

    def pixels(self, pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The turned pixels, contiguous."""
        if self.transpose:
            pixels = pixels.T
        if self.flip_rows:
            pixels = pixels[::-1]
        return np.ascontiguousarray(pixels[:, ::-1] if self.flip_columns else pixels)


class Stack:
    """The slices of one series, index 0 the patient's right.

    Slices are turned as a reader sees them (rows head to foot, columns front to back) and keep
    their own geometry: oblique stacks stay oblique, pixels that aren't square stay so. A slice is
    decoded when it is first asked for, and kept.

    Attributes:
        series: what the slices come from.
        geometries: of each slice, turned as its pixels are.
        spacing_mm: median distance from slice to slice along the normal.
    """

    def __init__(self, series: Series) -> None:
        """Make a stack of a whole series; `Stack.open` says how that can fail."""
        require_whole(series)
        self.series = series
        placed = [(i, i.geometry) for i in series.instances if i.geometry is not None]
        self._instances = tuple(i for i, _ in placed)
        self._turn = _Turn.for_reader(placed[0][1])
        self.geometries: tuple[SliceGeometry, ...] = tuple(
            self._turn.geometry(geometry) for _, geometry in placed
        )
        self.spacing_mm: float = series.spacing_between_mm or 0.0
        self._slices: dict[int, Slice] = {}

    @classmethod
    def open(cls, series: Series) -> Stack:
        """Make a stack of a series; nothing is decoded yet.

        Raises:
            UnreadableInput: slices lack their position or are truncated.
        """
        return cls(series)

    def __len__(self) -> int:
        """Number of slices."""
        return len(self._instances)

    def __iter__(self) -> Iterator[Slice]:
        """All slices, patient right to left."""
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: int) -> Slice:
        """Slice by its place, 0 the patient's right; negative indices count from the left.

        Raises:
            UnreadableInput: its pixels can't be decoded.
        """
        index = range(len(self))[index]
        if index not in self._slices:
            instance = self._instances[index]
            try:
                pixels = read_pixels(instance)
            except UnreadableInput as error:
                place = f"Slice {index + 1} of {len(self)}"
                number = self.series.number
                where = f"{place} of series {number}" if number is not None else place
                raise UnreadableInput(
                    error.code, f"{where}: {error.reason}", error.action
                ) from error
            self._slices[index] = Slice(
                pixels=self._turn.pixels(pixels),
                geometry=self.geometries[index],
                sop_instance_uid=instance.sop_instance_uid,
                index=index,
            )
        return self._slices[index]


def read_pixels(instance: Instance) -> npt.NDArray[np.float32]:
    """Decode one file: float32 (rows, columns) as stored, rescaled, bright means much signal.

    Raises:
        UnreadableInput: cut short, or in a form that can't be decoded.
    """
    try:
        with quiet():
            dataset = dcmread(instance.path, force=True, specific_tags=list(_PIXEL_TAGS))
            _name_syntax(dataset)
            stored = np.asarray(dataset.pixel_array)
    except Exception as error:
        # Codecs fail in any way on damaged data; the user gets the kind, never a traceback.
        raise _undecodable(instance, error) from error
    if stored.shape != (instance.rows, instance.columns):
        raise UnreadableInput(
            "undecodable",
            f"the pixels have the shape {stored.shape}, the header says "
            f"{(instance.rows, instance.columns)}.",
            "Export the study again.",
        )
    pixels = stored.astype(np.float32)
    if str(dataset.get("PhotometricInterpretation", "")).strip() == "MONOCHROME1":
        bits = _int(dataset, "BitsStored", 8 * stored.dtype.itemsize)
        signed = _int(dataset, "PixelRepresentation", 0) == 1
        pixels = (-1.0 if signed else 2.0**bits - 1.0) - pixels
    slope = _float(dataset, "RescaleSlope", 1.0) or 1.0
    intercept = _float(dataset, "RescaleIntercept", 0.0)
    return np.asarray(pixels * np.float32(slope) + np.float32(intercept), np.float32)


def _name_syntax(dataset: Dataset) -> None:
    """Give a file without meta header the syntax that pydicom read it in."""
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit


def _undecodable(instance: Instance, error: Exception) -> UnreadableInput:
    text = str(error).lower()
    if instance.truncated or any(w in text for w in ("less than", "end of file", "truncat")):
        return UnreadableInput(
            "truncated",
            "its pixel data is cut short.",
            "Copy or export the study again.",
        )
    syntax = instance.transfer_syntax or "unknown"
    return UnreadableInput(
        "undecodable",
        f"its pixel data can't be decoded (transfer syntax {syntax}, {type(error).__name__}).",
        "Export the study uncompressed (Explicit VR Little Endian).",
    )


def _int(dataset: Dataset, name: str, default: int) -> int:
    return int(_float(dataset, name, default))


def _float(dataset: Dataset, name: str, default: float) -> float:
    """A number, or the default where the element is absent, empty or malformed."""
    try:
        with quiet():
            value = float(dataset.get(name, default))
    except (TypeError, ValueError):
        return default
    return value if np.isfinite(value) else default
