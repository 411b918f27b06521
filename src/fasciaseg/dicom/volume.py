"""Slices of one series in anatomical order, decoded only when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import UnreadableInput
from ..geometry import Slice, SliceGeometry
from .choice import require_whole
from .elements import UNDEFINED_LENGTH
from .header import quiet
from .instance import Instance
from .series import Series

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# pydicom is imported where it is needed: uncompressed files are read without.

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
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "FloatPixelData",
    "DoubleFloatPixelData",
    "PixelData",
]
#: Implicit and explicit VR little endian: pixels as they are in memory.
_NATIVE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1"})


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
                frame=None if instance.frame is None else instance.frame + 1,
            )
        return self._slices[index]


def read_pixels(instance: Instance) -> npt.NDArray[np.float32]:
    """Decode one image: float32 (rows, columns) as stored, rescaled, bright means much signal.

    Of a multi-frame file only the one frame is decoded.

    Raises:
        UnreadableInput: cut short, or in a form that can't be decoded.
    """
    values = instance.values
    try:
        stored = _native(instance) if _is_native(instance) else _decoded(instance)
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
    if values.inverted:
        bits = values.bits_stored or 8 * stored.dtype.itemsize
        pixels = (-1.0 if values.signed else 2.0**bits - 1.0) - pixels
    return np.asarray(pixels * np.float32(values.slope) + np.float32(values.intercept), np.float32)


def _is_native(instance: Instance) -> bool:
    """Whether the pixels are stored so that nothing has to be decoded: nearly all exports."""
    values = instance.values
    return (
        instance.pixels is not None
        and instance.pixels.n_bytes != UNDEFINED_LENGTH
        and instance.transfer_syntax in _NATIVE
        and instance.frames == values.samples == 1
        and values.bits_allocated in (8, 16)
        and 0 < values.bits_stored <= values.bits_allocated
    )


def _native(instance: Instance) -> npt.NDArray[np.integer]:
    """The stored values of one image; bits that aren't in use don't count.

    Raises:
        EOFError: there are fewer.
    """
    values, element = instance.values, instance.pixels
    if element is None:
        raise EOFError
    n_bytes = instance.rows * instance.columns * values.bits_allocated // 8
    skipped = (instance.frame or 0) * n_bytes
    if skipped + n_bytes > element.n_bytes:
        raise EOFError
    with instance.source.open() as file:
        file.seek(element.start + skipped)
        data = file.read(n_bytes)
    if len(data) < n_bytes:
        raise EOFError
    kind = "i" if values.signed else "u"
    stored = np.frombuffer(data, f"<{kind}{values.bits_allocated // 8}")
    unused = values.bits_allocated - values.bits_stored
    if unused:
        # Shifting there and back drops them, and repeats the sign.
        stored = stored << unused >> unused
    return stored.reshape(instance.rows, instance.columns)


def _decoded(instance: Instance) -> npt.NDArray[Any]:
    """The stored values as pydicom decodes them: compressed, big endian, deflated, floats."""
    from pydicom import dcmread
    from pydicom.pixels.utils import pixel_array

    with quiet(), instance.source.open() as file:
        if instance.frame is not None:
            return np.asarray(pixel_array(file, index=instance.frame))
        dataset = dcmread(file, force=True, specific_tags=list(_PIXEL_TAGS))
        _name_syntax(dataset)
        return np.asarray(dataset.pixel_array)


def _name_syntax(dataset: Dataset) -> None:
    """Give a file without meta header the syntax that pydicom read it in."""
    from pydicom import uid

    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        explicit = uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian if implicit else explicit


def _undecodable(instance: Instance, error: Exception) -> UnreadableInput:
    text = str(error).lower()
    cut = isinstance(error, EOFError) or any(
        words in text for words in ("less than", "end of file", "truncat")
    )
    if instance.truncated or cut:
        return UnreadableInput(
            "truncated", "its pixel data is cut short.", "Copy or export the study again."
        )
    syntax = instance.transfer_syntax or "unknown"
    return UnreadableInput(
        "undecodable",
        f"its pixel data can't be decoded (transfer syntax {syntax}, {type(error).__name__}).",
        "Export the study uncompressed (Explicit VR Little Endian).",
    )
