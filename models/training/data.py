"""Labelled slices for training and validation, from the scans and from the phantom.

Every sample is a sagittal slice on a 1 mm grid with its targets and, for each target, where it
is known: vertebrae that are in view but unlabelled are unknown, not background.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from fascia_labels import (
    BEHIND_BODIES_MM,
    BEHIND_CANAL_MM,
    fascia_columns,
    front_columns,
    skin_columns,
)
from scipy import ndimage

from fasciaseg.anatomy.levels import s1_place

#: VerSe numbers used by the label files.
VERSE = {**{f"T{i}": 7 + i for i in range(1, 13)}, **{f"L{i}": 19 + i for i in range(1, 6)}}
S1 = 26
#: Bits of `Sample.targets` and `Sample.known`, in the order of `net.CHANNELS` without `center`.
BODY, L5, S1_BODY, CANAL, SUBCUTANEOUS, L4 = (1 << i for i in range(6))
#: Half width of the corridor above the topmost labelled body where others may be unlabelled.
CORRIDOR_MM = 30.0
FASCIA_HALF_WIDTH_MM = 22.0
#: S1 is labelled in four scans only. Elsewhere its place is guessed from L4 and L5, true to about
#: 6 mm. Only the core of the guess counts as S1, and around it nothing is known.
S1_CORE_MM, S1_UNKNOWN_MM = 9.0, 24.0


@dataclass(frozen=True, eq=False)
class Sample:
    """One slice, square pixels of `pixel_mm`, rows head to foot, columns front to back.

    Attributes:
        image: float32 (rows, columns), 0 to about 1.
        targets, known: uint8 bit masks over BODY, L5, S1_BODY, CANAL, SUBCUTANEOUS, L4.
        centers: (n, 2) body centres (row, column) on this slice.
        fascia: (rows,) column of the fascia line, NaN where unknown.
        patient, scan, contrast: where it comes from.
    """

    image: np.ndarray
    targets: np.ndarray
    known: np.ndarray
    centers: np.ndarray
    fascia: np.ndarray
    patient: str
    scan: str
    contrast: str
    instances: np.ndarray
    pixel_mm: float = 1.0


def cases(folder: Path) -> list[dict]:
    """The list of scans, as the data folder describes them."""
    return json.loads((folder / "cases.json").read_text())


def load_scan(folder: Path, case: dict) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    """Image and labels as (slices, rows, columns) and spacing in mm of the three axes."""
    scan = nibabel.load(folder / f"{case['id']}.nii.gz")
    labels = nibabel.load(folder / f"{case['id']}_labels.nii.gz")
    image = np.asarray(scan.dataobj).astype(np.float32).swapaxes(1, 2)
    lateral, ap, si = (float(z) for z in scan.header.get_zooms())
    return image, np.asarray(labels.dataobj).swapaxes(1, 2), (lateral, si, ap)


def samples_of(folder: Path, case: dict) -> list[Sample]:
    """Every slice of a scan as a sample."""
    image, labels, spacing = load_scan(folder, case)
    image = _clean(image)
    spider = case["levels"] is None
    middle = float(np.mean(np.nonzero(labels)[0]))
    top = None if spider else _top(labels)
    out = []
    for k in range(len(image)):
        targets, known, instances = (
            spider_targets(labels[k]) if spider else _level_targets(labels[k], top, S1 in labels)
        )
        if spider and not instances.any():
            continue
        if spider or S1 not in labels:
            guess_s1(targets, known, instances, spacing[1:])
        fascia = np.full(image.shape[1], np.nan)
        if instances.any() and abs(k - middle) * spacing[0] <= FASCIA_HALF_WIDTH_MM:
            fascia = _add_subcutaneous(image[k], labels[k], targets, known, case, spacing[1:])
        out.append(_on_grid(image[k], targets, known, instances, fascia, case, spacing[1:]))
    return out


def _clean(image: np.ndarray) -> np.ndarray:
    """Without the raised floor of some 8-bit copies and the bright frame of others, 0 to 1."""
    image = np.maximum(image - np.percentile(image, 3), 0)
    image[:, :3] = image[:, -3:] = 0
    image[:, :, :3] = image[:, :, -3:] = 0
    return image / max(float(np.percentile(image, 99.7)), 1.0)


def _top(labels: np.ndarray) -> tuple[int, int, int]:
    """First row and column range of the topmost labelled body of a scan."""
    level = labels[labels > 0].min()
    where = np.nonzero(labels == level)
    return int(where[1].min()), int(where[2].min()), int(where[2].max())


def _level_targets(
    labels: np.ndarray, top: tuple[int, int, int], s1_known: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    body = (labels > 0) & (labels < S1)
    targets = np.where(body, BODY, 0).astype(np.uint8)
    targets[labels == VERSE["L5"]] |= L5
    targets[labels == VERSE["L4"]] |= L4
    targets[labels == S1] |= S1_BODY
    known = np.full(labels.shape, BODY | L5 | L4, np.uint8)
    row, first, last = top
    known[: max(row - 1, 0), max(first - 30, 0) : last + 30] = 0
    if s1_known:
        known |= S1_BODY
    known[body] |= CANAL
    return targets, known, np.where(body, labels, 0)


def spider_targets(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bodies are the vertebra pixels before the canal; the lowest one is taken as L5."""
    targets = np.zeros(labels.shape, np.uint8)
    known = np.zeros(labels.shape, np.uint8)
    instances = np.zeros(labels.shape, np.uint8)
    canal = labels == 3
    rows = np.nonzero(canal.any(axis=1))[0]
    if len(rows) < 100:
        return targets, known, instances
    columns = [np.nonzero(canal[r])[0].mean() for r in rows]
    axis = np.interp(np.arange(labels.shape[0]), rows, columns)
    axis[rows.max() :] = columns[-1] + (np.arange(labels.shape[0] - rows.max())) * 0.6
    before = np.arange(labels.shape[1])[None, :] < axis[:, None]
    found, n = ndimage.label((labels == 1) & before)
    sizes = ndimage.sum_labels(np.ones_like(found), found, np.arange(1, n + 1))
    bodies = [i + 1 for i in range(n) if sizes[i] > 250]
    centers = ndimage.center_of_mass(found > 0, found, bodies)
    order = sorted(range(len(bodies)), key=lambda i: -centers[i][0])
    places = places_above_l5(np.array([centers[i] for i in order]))
    for place, i in zip(places, order, strict=True):
        mask = found == bodies[i]
        instances[mask] = VERSE["L5"] - place
        targets[mask] |= BODY | {0: L5, 1: L4}.get(place, 0)
    known[:] = BODY | L5 | L4
    top = np.nonzero((instances > 0).any(axis=1))[0]
    if len(top):
        first = np.nonzero((instances > 0).any(axis=0))[0]
        known[: max(top.min() - 1, 0), max(first.min() - 30, 0) : first.max() + 30] = 0
    small = (found > 0) & (instances == 0)
    known[small] = 0
    targets[canal] |= CANAL
    known[: rows.max() + 1] |= CANAL
    return targets, known, instances


def places_above_l5(centers: np.ndarray) -> list[int]:
    """Levels from the lowest body (n, 2), foot to head, to each: a body left out leaves a gap."""
    steps = np.linalg.norm(np.diff(centers, axis=0), axis=1)
    usual = float(np.median(steps)) if len(steps) else 1.0
    return [0, *np.cumsum([max(1, round(float(s) / usual)) for s in steps]).tolist()][
        : len(centers)
    ]


def guess_s1(
    targets: np.ndarray, known: np.ndarray, instances: np.ndarray, spacing: tuple[float, float]
) -> None:
    """Mark in place where S1 must lie below L4 and L5, as a core and an unknown ring around it."""
    l4, l5 = (np.argwhere(instances == VERSE[name]) * spacing for name in ("L4", "L5"))
    if not len(l4) or not len(l5):
        bottom = np.nonzero((instances > 0).any(axis=1))[0]
        known[: bottom.max() + 1 if len(bottom) else 0] |= S1_BODY
        return
    row, column = s1_place(l4.mean(axis=0), l5.mean(axis=0))
    r, c = np.ogrid[: targets.shape[0], : targets.shape[1]]
    away = np.hypot((r + 0.5) * spacing[0] - row, (c + 0.5) * spacing[1] - column)
    presacral = instances > 0
    targets[(away < S1_CORE_MM) & ~presacral] |= S1_BODY
    known[(away < S1_CORE_MM) | (away > S1_UNKNOWN_MM) | presacral] |= S1_BODY


def _add_subcutaneous(
    image: np.ndarray,
    labels: np.ndarray,
    targets: np.ndarray,
    known: np.ndarray,
    case: dict,
    spacing: tuple[float, float],
) -> np.ndarray:
    """Mark the subcutaneous layer in place and return the fascia's columns."""
    height, width = image.shape
    if case["levels"] is None:
        ref = labels == 3
        offset = BEHIND_CANAL_MM
    else:
        ref = labels > 0
        offset = BEHIND_BODIES_MM
    rows = np.nonzero(ref.any(axis=1))[0]
    columns = np.array([np.nonzero(ref[r])[0].max() for r in rows])
    if len(rows) < 20:
        return np.full(height, np.nan)
    front = front_columns(rows, columns, height, offset / spacing[1])
    line = fascia_columns(image, front, case["sequence"] != "DIXON_WATER", spacing).astype(float)
    line = ndimage.gaussian_filter1d(line, 2.0 / spacing[0])
    skin = np.maximum(skin_columns(image, spacing[0]), line + 2)
    index = np.arange(width)[None, :]
    layer = (index > line[:, None]) & (index <= skin[:, None])
    trusted = np.zeros(height, bool)
    trusted[max(0, rows.min() - int(20 / spacing[0])) : rows.max() + int(20 / spacing[0])] = True
    # The step is blurred over a pixel or two: the border itself is left out of the loss.
    clear = np.abs(index - line[:, None]) > 0.8 / spacing[1]
    targets[layer & trusted[:, None]] |= SUBCUTANEOUS
    known[trusted[:, None] & clear & np.ones_like(layer)] |= SUBCUTANEOUS
    return np.where(trusted, line, np.nan)


def _on_grid(
    image: np.ndarray,
    targets: np.ndarray,
    known: np.ndarray,
    instances: np.ndarray,
    fascia: np.ndarray,
    case: dict,
    spacing: tuple[float, float],
) -> Sample:
    ids = [
        i
        for i in np.unique(instances)
        if i and (instances == i).sum() * spacing[0] * spacing[1] > 150
    ]
    centers = np.array(ndimage.center_of_mass(instances > 0, instances, ids)).reshape(-1, 2)
    if abs(spacing[0] - 1) > 0.02 or abs(spacing[1] - 1) > 0.02:
        shape = tuple(round(n * s) for n, s in zip(image.shape, spacing, strict=True))
        image = ndimage.zoom(
            image, [m / n for m, n in zip(shape, image.shape, strict=True)], order=1
        )
        pick = [
            np.clip(np.round((np.arange(m) + 0.5) / s - 0.5).astype(int), 0, n - 1)
            for m, s, n in zip(shape, spacing, targets.shape, strict=True)
        ]
        targets, known = (a[np.ix_(*pick)] for a in (targets, known))
        instances = instances[np.ix_(*pick)]
        fascia = fascia[pick[0]] * spacing[1]
        centers = centers * np.asarray(spacing)
    return Sample(
        image.astype(np.float32),
        targets,
        known,
        centers,
        fascia,
        case["patient"],
        case["id"],
        case["sequence"],
        instances,
    )
