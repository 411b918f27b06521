"""The spinous processes of SPIDER scans, from labels that hold a vertebra with its arch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from data import VERSE, cases, load_scan, places_above_l5, spider_targets
from scipy import ndimage
from subjects import SPLIT_LABEL

NAMES = {number: name for name, number in VERSE.items()}
#: The canal's lateral middle is smoothed over so many rows; a scoliotic spine's slices follow it.
SMOOTH_ROWS = 15
#: A process starts at the height of its own body's lower half: so many steps below the centre.
ROOT_STEPS, ROOT_REACH = 0.15, 0.45
#: What is smaller or reaches less far back is an arch beside the midline.
LEAST_AREA_MM2, LEAST_DEPTH_MM = 100.0, 15.0
#: The end of a process is as much of it as lies so near to its hindmost point.
END_MM = 5.0


@dataclass(frozen=True, eq=False)
class Process:
    """The posterior end of one spinous process: its upper and lower edge (z) and its y, mm."""

    upper: float
    lower: float
    back: float

    @property
    def middle(self) -> float:
        """Its height."""
        return (self.upper + self.lower) / 2


@dataclass(frozen=True, eq=False)
class Spine:
    """One scan: body centres and processes by level, head to foot; the lowest body counts as L5.

    `centers` are (x, y, z), LPS mm with x = 0 (the slices follow the canal).
    """

    scan: str
    centers: dict[str, np.ndarray]
    processes: dict[str, Process]


def spines(folder: Path) -> Iterator[Spine]:
    """Every scan whose labels can be trusted."""
    for case in cases(folder):
        if case["source"] == "spider2024" and case["id"] not in SPLIT_LABEL:
            found = _spine(folder, case)
            if found is not None:
                yield found


def _spine(folder: Path, case: dict) -> Spine | None:
    _, labels, (_, *in_plane) = load_scan(folder, case)
    mm = np.array(in_plane)
    middle, vertebra = _along_canal(labels)
    centers = _bodies(middle, mm)
    if len(centers) < 4:
        return None
    processes: dict[str, Process] = {}
    depths: dict[str, float] = {}
    for points in _arches(middle, vertebra, mm):
        level = _owner(points, centers)
        depth = float(np.ptp(points[:, 1]))
        if level is None or depth < max(LEAST_DEPTH_MM, depths.get(level, 0.0)):
            continue
        depths[level] = depth
        end = points[points[:, 1] >= points[:, 1].max() - END_MM]
        processes[level] = Process(
            float(end[:, 2].max()), float(end[:, 2].min()), float(end[:, 1].mean())
        )
    return Spine(case["id"], centers, processes)


def _along_canal(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels of the slice through the canal's middle in each row, and bone on it or beside it."""
    n, rows, _ = labels.shape
    area = (labels == 3).sum(axis=2)
    seen = np.nonzero(area.any(axis=0))[0]
    middle = (area * np.arange(n)[:, None]).sum(axis=0)[seen] / area.sum(axis=0)[seen]
    middle = ndimage.gaussian_filter1d(middle, SMOOTH_ROWS, mode="nearest")
    every = np.arange(rows)
    at = np.round(np.interp(every, seen, middle)).astype(int)
    beside = [labels[np.clip(at + d, 0, n - 1), every] == 1 for d in (-1, 0, 1)]
    return labels[np.clip(at, 0, n - 1), every], np.any(beside, axis=0)


def _bodies(middle: np.ndarray, mm: np.ndarray) -> dict[str, np.ndarray]:
    """Centres of the bodies that the image's upper edge doesn't cut."""
    _, _, instances = spider_targets(middle)
    # Labels of a collapsed body and its neighbour can touch: thinned, they part.
    parts, n = ndimage.label(ndimage.binary_erosion(instances > 0, iterations=3))
    found = []
    for i in range(1, n + 1):
        rows, columns = np.nonzero(parts == i)
        if len(rows) > 60:
            found.append((rows.mean(), columns.mean(), rows.min()))
    found.sort(reverse=True)
    if not found:
        return {}
    places = places_above_l5(np.array([f[:2] for f in found]))
    out = {
        NAMES[VERSE["L5"] - place]: np.array([0.0, column * mm[1], -row * mm[0]])
        for place, (row, column, top) in zip(places, found, strict=True)
        if top > 6
    }
    return dict(reversed(out.items()))


def _arches(middle: np.ndarray, bone: np.ndarray, mm: np.ndarray) -> Iterator[np.ndarray]:
    """Pieces of bone behind the canal, whole in view, as points (0, y, z)."""
    canal = middle == 3
    rows = np.nonzero(canal.any(axis=1))[0]
    columns = np.array([np.nonzero(canal[r])[0].mean() for r in rows])
    every = np.arange(len(middle))
    axis = np.interp(every, rows, columns)
    axis[rows.max() :] = columns[-1] + 0.6 * (every[rows.max() :] - rows.max())
    behind = np.arange(middle.shape[1])[None, :] > axis[:, None]
    parts, n = ndimage.label(ndimage.binary_opening(bone & behind))
    for i in range(1, n + 1):
        r, c = np.nonzero(parts == i)
        if len(r) * mm.prod() >= LEAST_AREA_MM2 and r.min() >= 4:
            yield np.stack([np.zeros(len(r)), c * mm[1], -r * mm[0]], axis=1)


def _owner(points: np.ndarray, centers: dict[str, np.ndarray]) -> str | None:
    """The level whose body a process belongs to, by where it leaves the canal."""
    root = points[points[:, 1] <= points[:, 1].min() + 4].mean(axis=0)
    at = np.array(list(centers.values()))
    step = np.gradient(at, axis=0)
    below = ((root - at) * step).sum(axis=1) / (step**2).sum(axis=1)
    away = np.abs(below - ROOT_STEPS)
    return list(centers)[int(away.argmin())] if away.min() < ROOT_REACH else None
