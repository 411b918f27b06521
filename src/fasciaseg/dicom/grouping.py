"""One SeriesInstanceUID → stacks of slices that share a grid and a kind of image."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..geometry import SliceGeometry, Vector
from .scan import Instance

#: Slices of one stack: axes that agree within a degree, pixels within a percent, and origins that
#: lie on one normal within 25 mm (two stations of a whole spine lie 100 mm or more apart).
AXIS_TOLERANCE_DEG = 1.0
PIXEL_TOLERANCE = 0.01
IN_PLANE_TOLERANCE_MM = 25.0
#: Slices closer than this show the same position (3-D series go down to 0.4 mm).
SAME_POSITION_MM = 0.1

_MIN_COS = math.cos(math.radians(AXIS_TOLERANCE_DEG))


@dataclass(frozen=True, eq=False)
class Group:
    """Slices of one stack by position along the normal, and what doesn't fit into it."""

    instances: tuple[Instance, ...]
    unplaced: tuple[Instance, ...] = ()
    n_duplicates: int = 0


def stacks(members: Sequence[Instance]) -> list[Group]:
    """Split one series into stacks.

    Kind of image (Dixon component, magnitude or phase) and grid always separate. Echo time does
    where positions repeat. Where they still repeat, one acquisition is kept. Files without
    geometry go with the largest stack of their kind and size, so that a series that misses a few
    positions isn't mistaken for a whole one.

    Args:
        members: files of one SeriesInstanceUID, in an order that doesn't depend on their names.
    """
    placed = [m for m in members if m.geometry is not None]
    groups: list[Group] = []
    for grid in _clusters(placed, _same_grid):
        ordered = sorted(grid, key=_position)
        if _distinct(ordered) == len(ordered):
            groups.append(Group(tuple(ordered)))
            continue
        by_echo = defaultdict(list)
        for instance in ordered:
            by_echo[instance.physics.echo_time_ms].append(instance)
        for _, echo in sorted(by_echo.items(), key=lambda item: item[0] or 0.0):
            kept = _one_per_position(echo)
            groups.append(Group(tuple(kept), n_duplicates=len(echo) - len(kept)))
    groups.sort(key=lambda g: -len(g.instances))
    for loose in _clusters([m for m in members if m.geometry is None], _same_kind):
        for at, group in enumerate(groups):
            if group.instances and _same_kind(group.instances[0], loose[0]):
                groups[at] = Group(group.instances, tuple(loose), group.n_duplicates)
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
    return (
        (a.rows, a.columns, a.frames, a.physics.component, a.sop_class_uid)
        == (b.rows, b.columns, b.frames, b.physics.component, b.sop_class_uid)
        and a.frame_of_reference_uid == b.frame_of_reference_uid
    )


def _same_grid(a: Instance, b: Instance) -> bool:
    """Same kind, and slices that could lie in one stack."""
    if not _same_kind(a, b) or a.geometry is None or b.geometry is None:
        return False
    g, h = a.geometry, b.geometry
    if _dot(g.column_axis, h.column_axis) < _MIN_COS or _dot(g.row_axis, h.row_axis) < _MIN_COS:
        return False
    if any(
        abs(s - t) > PIXEL_TOLERANCE * s for s, t in zip(g.spacing_mm, h.spacing_mm, strict=True)
    ):
        return False
    x, y, z = (q - p for p, q in zip(g.origin_lps_mm, h.origin_lps_mm, strict=True))
    shift = math.hypot(_dot((x, y, z), g.column_axis), _dot((x, y, z), g.row_axis))
    return shift <= IN_PLANE_TOLERANCE_MM


def _one_per_position(ordered: Sequence[Instance]) -> list[Instance]:
    """One acquisition of a series that shows positions repeatedly.

    The first acquisition that covers every position is taken whole; where none does (slices
    spread over acquisitions, with repeats), the first file at each position.
    """
    n_positions = _distinct(ordered)
    acquisitions: defaultdict[tuple[int, int], list[Instance]] = defaultdict(list)
    for instance in ordered:
        key = (instance.acquisition_number or 0, instance.temporal_position or 0)
        acquisitions[key].append(instance)
    for _, files in sorted(acquisitions.items()):
        if len(files) == _distinct(files) == n_positions:
            return files
    rank = {key: at for at, key in enumerate(sorted(acquisitions))}
    kept: list[Instance] = []
    for cluster in _runs(ordered):
        kept.append(
            min(
                cluster,
                key=lambda i: (
                    rank[i.acquisition_number or 0, i.temporal_position or 0],
                    i.instance_number or 0,
                    i.sop_instance_uid,
                ),
            )
        )
    return kept


def _runs(ordered: Sequence[Instance]) -> list[list[Instance]]:
    """Split files sorted by position where the position changes."""
    runs: list[list[Instance]] = []
    for instance in ordered:
        if runs and abs(_position(instance) - _position(runs[-1][0])) < SAME_POSITION_MM:
            runs[-1].append(instance)
        else:
            runs.append([instance])
    return runs


def _distinct(ordered: Sequence[Instance]) -> int:
    return len(_runs(ordered))


def _position(instance: Instance) -> float:
    """Distance along the normal, which is turned so that its largest part is positive."""
    geometry = instance.geometry
    assert geometry is not None  # only placed files are sorted
    return position_mm(geometry)


def position_mm(geometry: SliceGeometry) -> float:
    """Distance of a slice from the scanner's centre, along its normal, towards left, back, head."""
    normal = geometry.normal
    sign = 1.0 if max(normal, key=abs) > 0 else -1.0
    return sign * _dot(geometry.origin_lps_mm, normal)


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
