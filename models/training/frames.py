"""Where a slice's labelled vertebral bodies lie, how they are turned and how large they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from data import Sample

from fasciaseg.fractures import patches
from fasciaseg.fractures.patches import Outline
from fasciaseg.geometry import SliceGeometry


@dataclass(frozen=True, eq=False)
class LabelMask:
    """A label mask in place of the network's marks.

    Attributes:
        geometry: of the slice.
        body: float32 (rows, columns), 1 in the labelled body.
    """

    geometry: SliceGeometry
    body: np.ndarray


@dataclass(frozen=True, eq=False)
class Body:
    """A labelled body on a slice; places in mm of the slice's grid.

    Attributes:
        instance: the body's number on the slice.
        center: (row, column) mm.
        down: unit vector to the foot along its axis.
        size_mm: height and depth.
    """

    instance: int
    center: np.ndarray
    down: np.ndarray
    size_mm: tuple[float, float]


def outlined(
    mask: LabelMask, center_mm: np.ndarray, line: np.ndarray
) -> tuple[np.ndarray, Outline | None]:
    """A labelled body's own axis (unit vector to the foot) and its outline along it.

    Args:
        mask: the body.
        center_mm: (row, column) x spacing.
        line: a vector to the foot, about along the spine.
    """
    center = center_mm[None]
    axis = patches.turned(center, (line / np.linalg.norm(line))[None], mask)
    return axis[0], patches.outlines(center, axis, mask)[0]


def bodies_of(sample: Sample) -> Iterator[Body]:
    """The bodies of a slice that have a neighbour to tell their axis by."""
    geometry = SliceGeometry(
        origin_lps_mm=(0.0, 0.0, 0.0),
        column_axis=(0.0, 1.0, 0.0),
        row_axis=(0.0, 0.0, -1.0),
        spacing_mm=(sample.pixel_mm, sample.pixel_mm),
        shape=sample.instances.shape,
    )
    numbers = [int(i) for i in np.unique(sample.instances) if i]
    centers = {
        i: np.argwhere(sample.instances == i).mean(axis=0) * sample.pixel_mm for i in numbers
    }
    for i in numbers:
        near = [centers[n] for n in (i - 1, i, i + 1) if n in centers]
        if len(near) < 2:
            continue
        mask = LabelMask(geometry, (sample.instances == i).astype(np.float32))
        down, outline = outlined(mask, centers[i], near[-1] - near[0])
        if outline is None or not np.isfinite(outline.heights_mm).all():
            continue
        size = (float(outline.heights_mm.max()), float(len(outline.columns)))
        yield Body(i, centers[i], down, size)
