"""One SeriesInstanceUID → stacks of slices that share a grid and a kind of image."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..geometry import SliceGeometry
from .instance import Instance
from .vectors import dot, upright_normal

#: Slices of one stack: axes that agree within a degree, pixels within a percent, and origins that
#: lie on one normal within 25 mm (two stations of a whole spine lie 100 mm or more apart).
AXIS_TOLERANCE_DEG = 1.0
PIXEL_TOLERANCE = 0.01
IN_PLANE_TOLERANCE_MM = 25.0
#: Slices closer than this show the same position (3-D series go down to 0.4 mm).
SAME_POSITION_MM = 0.1

_MIN_COS = math.cos(math.radians(AXIS_TOLERANCE_DEG))


@dataclass(frozen=True, eq=False)
class Slot:
    """A file with its place along its stack's normal.

    Attributes:
        position_mm: distance from the scanner's centre, growing towards left, back or head.
    """

    position_mm: float
    instance: Instance


@dataclass(frozen=True, eq=False)
class Group:
    """Slices of one stack, ascending, and files of its kind that lack geometry."""

    slots: tuple[Slot, ...]
    unplaced: tuple[Instance, ...] = ()
    n_duplicates: int = 0


def stacks(members: Sequence[Instance]) -> list[Group]:
    """Split one series into stacks.

    Kind of image (Dixon component, magnitude or phase) and grid always separate. Echo time and
    the stack of an enhanced object do where positions repeat. Where they still repeat, one
    acquisition is kept. Images without geometry go with the largest stack of their kind and size,
    so that a series that misses a few positions isn't mistaken for a whole one.

    Args:
        members: images of one SeriesInstanceUID, in an order that doesn't depend on file names.
    """
    groups: list[Group] = []
    for grid in _clusters([m for m in members if m.geometry is not None], _same_grid):
        slots = _slots(grid)
        if len(_runs(slots)) == len(slots):
            groups.append(Group(tuple(slots)))
            continue
        parts: defaultdict[tuple[str, float], list[Slot]] = defaultdict(list)
        for slot in slots:
            parts[slot.instance.stack_id, slot.instance.physics.echo_time_ms or 0.0].append(slot)
        for _, part in sorted(parts.items()):
            kept = _one_per_position(part)
            groups.append(Group(tuple(kept), n_duplicates=len(part) - len(kept)))
    groups.sort(key=lambda g: -len(g.slots))
    for loose in _clusters([m for m in members if m.geometry is None], _same_kind):
        for at, group in enumerate(groups):
            if group.slots and _same_kind(group.slots[0].instance, loose[0]):
                groups[at] = Group(group.slots, tuple(loose), group.n_duplicates)
                break
        else:
            groups.append(Group((), tuple(loose)))
    return groups


def _clusters(
    members: Iterable[Instance], same: Callable[[Instance, Instance], bool]
) -> list[list[Instance]]:
    """Put each file to the first cluster whose first file it agrees with."""
    clusters: list[list[Instance]] = []
    for member in members:
        for cluster in clusters:
            if same(cluster[0], member):
                cluster.append(member)
                break
        else:
            clusters.append([member])
    return clusters


def _same_kind(a: Instance, b: Instance) -> bool:
    """Same size and same kind of image."""
    return _kind(a) == _kind(b)


def _kind(i: Instance) -> tuple[object, ...]:
    size = (i.rows, i.columns, i.frames, i.values.samples)
    return (*size, i.physics.component, i.sop_class_uid, i.frame_of_reference_uid)


def _same_grid(a: Instance, b: Instance) -> bool:
    """Same kind, and slices that could lie in one stack."""
    g, h = a.geometry, b.geometry
    if g is None or h is None or not _same_kind(a, b):
        return False
    return _same_axes_and_pixels(g, h) and _in_plane_shift_mm(g, h) <= IN_PLANE_TOLERANCE_MM


def _same_axes_and_pixels(g: SliceGeometry, h: SliceGeometry) -> bool:
    if dot(g.column_axis, h.column_axis) < _MIN_COS or dot(g.row_axis, h.row_axis) < _MIN_COS:
        return False
    pairs = zip(g.spacing_mm, h.spacing_mm, strict=True)
    return all(abs(s - t) <= PIXEL_TOLERANCE * s for s, t in pairs)


def _in_plane_shift_mm(g: SliceGeometry, h: SliceGeometry) -> float:
    (a, b, c), (d, e, f) = g.origin_lps_mm, h.origin_lps_mm
    shift = (d - a, e - b, f - c)
    return math.hypot(dot(shift, g.column_axis), dot(shift, g.row_axis))


def _slots(grid: Sequence[Instance]) -> list[Slot]:
    """Files of one grid, ascending by position along its first file's normal."""
    first = grid[0].geometry
    if first is None:
        return []
    normal = upright_normal(first.column_axis, first.row_axis)
    slots = [Slot(dot(i.geometry.origin_lps_mm, normal), i) for i in grid if i.geometry is not None]
    return sorted(slots, key=lambda s: s.position_mm)


def _one_per_position(slots: Sequence[Slot]) -> list[Slot]:
    """One acquisition of a series that shows positions repeatedly.

    The first acquisition that covers every position is taken whole; where none does (slices
    spread over acquisitions, with repeats), the first file at each position.
    """
    runs = _runs(slots)
    acquisitions: defaultdict[tuple[int, int], list[Slot]] = defaultdict(list)
    for slot in slots:
        acquisitions[_acquisition(slot)].append(slot)
    for _, own in sorted(acquisitions.items()):
        if len(own) == len(_runs(own)) == len(runs):
            return own
    return [
        min(
            run,
            key=lambda s: (
                _acquisition(s),
                s.instance.instance_number or 0,
                s.instance.sop_instance_uid,
                s.instance.frame or 0,
            ),
        )
        for run in runs
    ]


def _acquisition(slot: Slot) -> tuple[int, int]:
    return slot.instance.acquisition_number or 0, slot.instance.temporal_position or 0


def _runs(slots: Sequence[Slot]) -> list[list[Slot]]:
    """Split ascending slots where the position changes."""
    runs: list[list[Slot]] = []
    for slot in slots:
        if runs and slot.position_mm - runs[-1][0].position_mm < SAME_POSITION_MM:
            runs[-1].append(slot)
        else:
            runs.append([slot])
    return runs
