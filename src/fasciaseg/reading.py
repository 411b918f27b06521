"""What the rooms hand to the report: everything a reader must see to check a result."""

from __future__ import annotations

from dataclasses import dataclass

from .geometry import BoolArray, FloatArray, Slice
from .result import Result, SeriesInfo, StudyInfo


@dataclass(frozen=True)
class SeriesContext:
    """What the rest of the reading needs to know of the series and the study."""

    input: str
    study: StudyInfo
    edema: SeriesInfo
    t1: SeriesInfo | None = None
    contrast_given: bool = False
    t1_contrast_given: bool = False
    stations: tuple[SeriesInfo, ...] = ()
    station_unread: bool = False
    files_damaged: bool = False


@dataclass(frozen=True, eq=False)
class SliceReading:
    """One central slice with what was found on it.

    Attributes:
        slice: the slice itself.
        fascia_rc: (n, 2) fascia line as (row, column), head to foot, one point a row;
            empty (0, 2) where it couldn't be traced.
        edema: bool (rows, columns), the edema that counts.
        t1: the T1 at the same place, where fat was told by it.
    """

    slice: Slice
    fascia_rc: FloatArray
    edema: BoolArray
    t1: Slice | None = None


@dataclass(frozen=True, eq=False)
class Reading:
    """A result with the pictures behind it.

    Attributes:
        result: the numbers.
        slices: the three central slices, patient right to left.
        boundaries_mm: {level: (upper z, lower z)} in LPS mm, territories of the levels in view.
    """

    result: Result
    slices: tuple[SliceReading, ...]
    boundaries_mm: dict[str, tuple[float, float]]
