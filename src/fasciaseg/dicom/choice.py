"""Which series of a study is read for edema, in what order others are tried, what lengthens it."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UnreadableInput
from . import words
from .instance import Instance
from .sequence import Role
from .series import Series, Study, nothing_usable

#: The contrast that shows edema best comes first (design: STIR, Dixon water, T2 FS, plain T2).
ORDER: tuple[Role, ...] = ("STIR", "T2_DIXON_WATER", "T2_FS", "T2")
#: Coverages that differ by less are equal: pixel size then tells two series apart.
COVERAGE_STEP_MM = 50.0
#: Stations of one spine overlap or nearly touch; a gap as high as a vertebra breaks the counting.
MAX_STATION_GAP_MM = 30.0
#: A series whose lower edge lies this far above the lowest one's misses the sacrum that the
#: numbering of the levels hangs on: the thoracic station of a spine in stations.
STATION_MM = 100.0


@dataclass(frozen=True, eq=False)
class Choice:
    """Series that could show edema, in the order to be tried.

    Attributes:
        edema: at least one; the first is whole, the others are checked by `require_whole` (as
            `Stack.open` does).
        t1s: sagittal T1 series of the study.
    """

    edema: tuple[Series, ...]
    t1s: tuple[Series, ...]

    def t1_for(self, series: Series) -> Series | None:
        """The T1 to keep beside a series: same frame of reference, whole, without contrast."""
        frame = series.frame_of_reference_uid
        fitting = [
            t1
            for t1 in self.t1s
            if frame and t1.frame_of_reference_uid == frame and defect(t1) is None
        ]
        low, high = _extent_z(series)

        def rank(t1: Series) -> tuple[bool, float, float]:
            bottom, top = _extent_z(t1)
            overlap = min(high, top) - max(low, bottom)
            return t1.contrast_given, -round(overlap / COVERAGE_STEP_MM), _pixel_mm(t1)

        return min(fitting, key=rank, default=None)

    def stations_for(self, series: Series) -> tuple[Series, ...]:
        """The other stations of a spine that was taken in pieces, from head to foot.

        They have the role and the frame of reference of `series`, are whole, and lengthen what it
        and those nearer to it cover, up or down, by `COVERAGE_STEP_MM` at least. Of two that do,
        the one that would be read first is taken.
        """
        frame = series.frame_of_reference_uid
        left = [
            s
            for s in self.edema
            if s is not series
            and frame
            and s.frame_of_reference_uid == frame
            and s.role == series.role
            and s.contrast_given == series.contrast_given
            and s.instances
            and defect(s) is None
        ]
        low, high = _extent_z(series)
        found: list[Series] = []
        while True:
            for s in left:
                bottom, top = _extent_z(s)
                longer = max(low - bottom, top - high) >= COVERAGE_STEP_MM
                if longer and bottom - high <= MAX_STATION_GAP_MM >= low - top:
                    break
            else:
                return tuple(sorted(found, key=lambda s: -_extent_z(s)[1]))
            left.remove(s)
            found.append(s)
            low, high = min(low, bottom), max(high, top)


def choose(study: Study) -> Choice:
    """Order a study's series for reading.

    The spine comes before clearly other body parts, then the role, then series that reach the
    sacrum, vertical coverage, finer pixels, original before derived, and the more caudal one.

    Raises:
        NothingToRead: no sagittal series of a usable sequence; the reason lists what was there.
        UnreadableInput: the series that would be read lacks positions or is truncated.
    """
    usable = study.usable
    # A series that doesn't say its plane is only the one "that would be used" if no other is.
    usable = tuple(s for s in usable if s.plane == "sagittal") or usable
    if not usable:
        raise nothing_usable(study.series, study.n_broken)
    floors: dict[str, float] = {}
    for series in usable:
        frame, bottom = series.frame_of_reference_uid, _extent_z(series)[0]
        floors[frame] = min(bottom, floors.get(frame, bottom))

    def rank(series: Series) -> tuple[float, ...]:
        first = _first(series)
        bottom, top = _extent_z(series)
        return (
            words.region(first.series_words, first.study_words, first.body_part),
            ORDER.index(series.role) if series.role else len(ORDER),
            bottom > floors[series.frame_of_reference_uid] + STATION_MM,
            -round((top - bottom) / COVERAGE_STEP_MM),
            round(_pixel_mm(series), 2),
            "DERIVED" in first.physics.image_type,
            bottom,
        )

    edema = tuple(sorted(usable, key=lambda s: (rank(s), s.uid)))
    require_whole(edema[0], study.n_broken)
    t1s = tuple(s for s in study.series if s.role == "T1")
    return Choice(edema, t1s)


def defect(series: Series, n_lost: int = 0) -> UnreadableInput | None:
    """Why a series of a usable kind can't be read, None if it is whole.

    Args:
        series: any series.
        n_lost: damaged files that may belong to it; they count if slices are missing.
    """
    name = f"series {series.number}" if series.number is not None else "the series"
    n_all = len(series.instances) + len(series.unplaced)
    if series.unplaced:
        return UnreadableInput(
            "no_position",
            f"{len(series.unplaced)} of the {n_all} slices of {name} lack position, orientation "
            "or pixel size.",
            "Export the study again with its geometry tags (ImagePositionPatient, "
            "ImageOrientationPatient, PixelSpacing).",
        )
    n_cut = sum(i.truncated for i in series.instances) + series.n_broken
    if not n_cut and series.n_gaps:
        n_cut = n_lost
    if n_cut:
        return UnreadableInput(
            "truncated",
            f"{n_cut} files of {name} end before their image does.",
            "Copy or export the study again.",
        )
    return None


def require_whole(series: Series, n_lost: int = 0) -> None:
    """Raise what `defect` finds.

    Raises:
        UnreadableInput: slices lack their position or are truncated.
    """
    error = defect(series, n_lost)
    if error is not None:
        raise error


def _first(series: Series) -> Instance:
    return (series.instances or series.unplaced)[0]


def _extent_z(series: Series) -> tuple[float, float]:
    """Lowest and highest LPS z of the slices, mm; (0, 0) without position."""
    zs: list[float] = []
    for instance in (*series.instances[:1], *series.instances[-1:]):
        g = instance.geometry
        if g is None:
            continue
        down = (g.shape[0] - 1) * g.spacing_mm[0] * g.row_axis[2]
        across = (g.shape[1] - 1) * g.spacing_mm[1] * g.column_axis[2]
        z = g.origin_lps_mm[2]
        zs += [z, z + down, z + across, z + down + across]
    return (min(zs), max(zs)) if zs else (0.0, 0.0)


def _pixel_mm(series: Series) -> float:
    geometry = _first(series).geometry
    return max(geometry.spacing_mm) if geometry else 0.0
