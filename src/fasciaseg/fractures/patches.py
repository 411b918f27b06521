"""Each vertebral body cut out along its own axes: one patch a body and slice.

A patch's rows run from head to foot across the end plates, its columns from front to back, 1 mm
a step, with the body's centre in the middle. The localizer's marks say where a body lies and how it
is turned, the outliner where it ends. Heights and marrow are measured on patches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..geometry import BoolArray, FloatArray, Slice, SliceGeometry
from ..resample import sampled
from .outliner import BACK_MM, DOWN_MM, Outliner

#: Row and column of a patch's middle.
MIDDLE_ROW, MIDDLE_COLUMN = int(-DOWN_MM[0]), int(-BACK_MM[0])
#: A pixel is bone from this probability on.
BONE = 0.5
#: A body's front and back wall are looked for within this much of its mid height (mm).
WAIST_MM = 3
#: End plates are measured on these parts of the depth, front to back.
PARTS = ((0.12, 0.32), (0.4, 0.6), (0.68, 0.88))
#: Bodies shallower than this aren't measured.
SHALLOWEST_MM = 12
#: A body's axes are turned by no more than this against its neighbours' line.
MOST_TURN = np.deg2rad(35.0)


class Bones(Protocol):
    """What is needed of the network's marks."""

    @property
    def geometry(self) -> SliceGeometry:
        """The grid's geometry."""
        ...

    @property
    def body(self) -> FloatArray:
        """Probability of vertebral body."""
        ...


@dataclass(frozen=True, eq=False)
class Outline:
    """A body's end plates on one slice.

    Attributes:
        columns: (n,) columns of the patch between front and back wall.
        upper, lower: (n,) where the end plates are, mm below the patch's middle; NaN where one
            isn't seen.
    """

    columns: FloatArray
    upper: FloatArray
    lower: FloatArray

    @property
    def heights_mm(self) -> FloatArray:
        """Anterior, middle and posterior height, mm; NaN where an end plate isn't seen."""
        tall = self.lower - self.upper
        return np.array([median(tall[p]) for p in self.parts])

    @property
    def parts(self) -> list[slice]:
        """Where along `columns` front, middle and back are measured."""
        n = len(self.columns)
        return [slice(round(a * n), max(round(b * n), round(a * n) + 1)) for a, b in PARTS]

    def inside(self, margin_mm: float) -> BoolArray:
        """Pixels of the patch at least `margin_mm` inside the body; open where no end plate is."""
        mask = np.zeros((len(DOWN_MM), len(BACK_MM)), bool)
        m = round(margin_mm)
        columns = self.columns[m : len(self.columns) - m].astype(int)
        upper = np.nan_to_num(self.upper[m : len(self.columns) - m], nan=-np.inf)
        lower = np.nan_to_num(self.lower[m : len(self.columns) - m], nan=np.inf)
        mask[:, columns] = (DOWN_MM[:, None] >= upper + margin_mm) & (
            DOWN_MM[:, None] <= lower - margin_mm
        )
        return mask


def median(values: FloatArray) -> float:
    """Median of what is known; NaN where that is less than half."""
    known = np.sort(values[np.isfinite(values)])
    if 2 * len(known) <= len(values):
        return float("nan")
    return float(known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2


@dataclass(frozen=True, eq=False)
class Patches:
    """All bodies on one slice.

    Attributes:
        values: (bodies, rows, columns) intensities; NaN beyond the image and at its edge.
        outlines: of each body; None where none was seen or the image's edge cuts it.
    """

    values: FloatArray
    outlines: tuple[Outline | None, ...]


def frames(centers_mm: FloatArray, marks: Bones) -> FloatArray:
    """The bodies' axes on a slice, (n, 2) unit vectors to the foot as (down, back).

    Args:
        centers_mm: (n, 2) centres, head to foot, (row, column) x spacing of the marks.
        marks: of the central slice.

    The line through the neighbours' centres says about where; a body's own end plates say where
    exactly.
    """
    line = np.gradient(centers_mm, axis=0) if len(centers_mm) > 1 else np.array([[1.0, 0.0]])
    return turned(centers_mm, line / np.linalg.norm(line, axis=1, keepdims=True), marks)


def turned(centers_mm: FloatArray, axes: FloatArray, marks: Bones) -> FloatArray:
    """The axes turned so that a body's transverse axis runs halfway between its end plates."""
    out = axes.copy()
    for i, outline in enumerate(outlines(centers_mm, axes, marks)):
        if outline is None:
            continue
        middle = (outline.upper + outline.lower) / 2
        seen = np.isfinite(middle)
        if seen.sum() < SHALLOWEST_MM:
            continue
        columns, middle = outline.columns[seen], middle[seen]
        away = columns - columns.mean()
        slope = float((away * (middle - middle.mean())).sum() / (away * away).sum())
        turn = float(np.clip(np.arctan(slope), -MOST_TURN, MOST_TURN))
        down, back = axes[i]
        cos, sin = np.cos(turn), np.sin(turn)
        out[i] = (down * cos + back * sin, back * cos - down * sin)
    return out


def cut(
    s: Slice, marks: Bones, centers_mm: FloatArray, axes: FloatArray, outliner: Outliner
) -> Patches:
    """Every body of a slice as a patch with its end plates as the outliner sees them."""
    rows, columns = _places(centers_mm, axes, marks)
    place = marks.geometry.to_pixels_of(s.geometry)
    values = sampled(
        s.pixels,
        *(
            start + by_row * rows + by_column * columns
            for start, (by_row, by_column) in zip(place.offset, place.matrix, strict=True)
        ),
    )
    bone = outliner.mark(values)
    return Patches(np.where(np.isnan(bone), np.nan, values), tuple(_outlined(bone, centers_mm)))


def _places(
    centers_mm: FloatArray, axes: FloatArray, marks: Bones
) -> tuple[FloatArray, FloatArray]:
    """Rows and columns of the marks' grid where the patches' pixels lie, each like the patches."""
    back = np.stack([-axes[:, 1], axes[:, 0]], axis=1)
    rows, columns = (
        (c[:, None, None] + DOWN_MM[:, None] * a[:, None, None] + BACK_MM * b[:, None, None]) / mm
        for c, a, b, mm in zip(centers_mm.T, axes.T, back.T, marks.geometry.spacing_mm, strict=True)
    )
    return rows, columns


def outlines(centers_mm: FloatArray, axes: FloatArray, marks: Bones) -> list[Outline | None]:
    """End plates of every body in its own axes as marked; None where none is seen."""
    return _outlined(sampled(marks.body, *_places(centers_mm, axes, marks)), centers_mm)


def _outlined(bone: FloatArray, centers_mm: FloatArray) -> list[Outline | None]:
    gaps = np.linalg.norm(np.diff(centers_mm, axis=0), axis=1)
    out = []
    for i in range(len(centers_mm)):
        above = gaps[i - 1] if i > 0 else 2.0 * MIDDLE_ROW
        below = gaps[i] if i < len(gaps) else 2.0 * MIDDLE_ROW
        out.append(_outline(bone[i], above, below))
    return out


def _outline(bone: FloatArray, above_mm: float, below_mm: float) -> Outline | None:
    """End plates of a patch: where bone ends above and below its middle."""
    waist = bone[MIDDLE_ROW - WAIST_MM : MIDDLE_ROW + WAIST_MM + 1]
    if np.isnan(waist).all(axis=0).any() and np.isnan(bone[MIDDLE_ROW, MIDDLE_COLUMN]):
        return None
    across = np.nan_to_num(waist).max(axis=0) >= BONE
    first = last = MIDDLE_COLUMN
    if not across[first]:
        return None
    while first > 0 and across[first - 1]:
        first -= 1
    while last < len(across) - 1 and across[last + 1]:
        last += 1
    if last - first < SHALLOWEST_MM:
        return None
    columns = np.arange(first, last + 1)
    upper = -_reach(bone[MIDDLE_ROW::-1, first : last + 1], 0.8 * above_mm)
    lower = _reach(bone[MIDDLE_ROW:, first : last + 1], 0.8 * below_mm)
    return Outline(columns.astype(float), upper, lower)


def _reach(outward: FloatArray, limit_mm: float) -> FloatArray:
    """How far from a patch's middle bone goes on, mm, (columns,); rows run outward.

    Where two bodies run into each other, the weakest place between them parts them. NaN where
    the image ends within the body.
    """
    limit = min(len(outward) - 1, int(limit_mm))
    p = outward[: limit + 1]
    bone = p >= BONE
    # A vein or a cleft at the waist doesn't end the body.
    near = bone[WAIST_MM::-1]
    bone[: WAIST_MM + 1] = np.logical_or.accumulate(near, axis=0)[::-1]
    columns = np.arange(p.shape[1])
    end = np.argmin(bone, axis=0)
    before, after = p[np.maximum(end - 1, 0), columns], p[end, columns]
    share = np.clip((before - BONE) / np.maximum(before - after, 1e-6), 0, 1)
    out = np.where(end > 0, end - 1 + share, 0.0)
    fused = bone.all(axis=0)
    low = limit // 2
    out[fused] = low + np.argmin(p[low:, fused], axis=0)
    return np.asarray(out)
