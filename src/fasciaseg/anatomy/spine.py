"""Where the middle of the spine is: the three central slices and the vertebrae on them.

The published study's readers looked at the three most central sagittal slices. Central means
nearest to the mean lateral position of the vertebral bodies, which are measured over the stack;
the stack's own middle is not asked, since patients lie off centre.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..geometry import FloatArray, Slice, SliceGeometry
from ..vertebrae import Vertebra
from . import levels
from .localizer import Localizer, Marks

#: Slices are sampled this far apart to find the bodies' lateral extent (a body is 35-55 mm wide).
SAMPLE_STEP_MM = 8.0
#: Half of the widest lateral range searched around the middle of the stack.
SEARCH_MM = 48.0
#: A body's cross-section is at its full size this near to the middle of the spine.
INNER_MM = 9.0
#: No body reaches farther to one side of its largest cross-section than this.
WIDEST_BODY_MM = 40.0
#: Summed confidence of the bodies below which no spine was found.
LEAST_SPINE = 1.5


class SliceStack(Protocol):
    """What this room needs of a series: geometry for free, pixels when asked for."""

    @property
    def geometries(self) -> Sequence[SliceGeometry]:
        """Geometry of every slice, patient right to left."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Slice: ...


@dataclass(frozen=True, eq=False)
class Spine:
    """The spine as found in a stack.

    Attributes:
        central: indices of the three central slices, patient right to left.
        middle: index of the central one of them that everything is measured on.
        marks: the network's marks on these three.
        vertebrae: named, head to foot, S1 not among them.
        numbering: how they got their names.
        lateral_mm: mean position of the bodies along the slice normal, mm from the first slice.
        aside_mm: of each vertebra, its own position less that mean.
    """

    central: tuple[int, int, int]
    middle: int
    marks: tuple[Marks, Marks, Marks]
    vertebrae: tuple[Vertebra, ...]
    numbering: levels.Numbering
    lateral_mm: float
    aside_mm: tuple[float, ...]

    @property
    def found(self) -> bool:
        """Whether this is a spine at all."""
        return sum(v.confidence for v in self.vertebrae) >= LEAST_SPINE


def positions_mm(stack: SliceStack) -> FloatArray:
    """Distance of every slice's centre from the first slice along the normal, mm, growing."""
    first = stack.geometries[0]
    origin = np.asarray(first.center_lps_mm)
    along = np.array(
        [(np.asarray(g.center_lps_mm) - origin) @ np.asarray(first.normal) for g in stack.geometries]
    )
    return along * (-1.0 if along[-1] < 0 else 1.0)


def locate(stack: SliceStack, localizer: Localizer) -> Spine:
    """Find the spine in a stack of at least three slices."""
    along = positions_mm(stack)
    seen: dict[int, Marks] = {}

    def marks(index: int) -> Marks:
        if index not in seen:
            seen[index] = localizer.mark([stack[index]])[0]
        return seen[index]

    sampled = _sampled(along)
    for i in sampled:
        marks(i)
    lateral = _rough_lateral(along, seen)
    bodies: list[levels.Body] = []
    for _ in range(2):
        central, middle = central_three(along, lateral)
        fused = levels.fuse([marks(i) for i in central])
        bodies = levels.chain(levels.find_bodies(fused), fused.geometry)
        offsets = _lateral_of_bodies(bodies, along, {i: seen[i] for i in sampled}, lateral)
        known = offsets[~np.isnan(offsets)]
        if not len(known):
            break
        lateral = float(known.mean())
        if central_three(along, lateral)[0] == central:
            break
    central, middle = central_three(along, lateral)
    fused = levels.fuse([marks(i) for i in central])
    bodies = levels.chain(levels.find_bodies(fused), fused.geometry)
    numbering = levels.number(bodies, fused.geometry)
    offsets = _lateral_of_bodies(list(numbering.bodies), along, {i: seen[i] for i in sampled}, lateral)
    lateral = float(np.nanmean(offsets)) if np.any(~np.isnan(offsets)) else lateral
    central, middle = central_three(along, lateral)
    vertebrae = _vertebrae(numbering, stack.geometries[middle], fused, offsets, along, middle)
    three = (marks(central[0]), marks(central[1]), marks(central[2]))
    aside = tuple(float(o - lateral) for o in offsets if not np.isnan(o))
    return Spine(central, middle, three, vertebrae, numbering, lateral, aside)


def central_three(along: FloatArray, lateral_mm: float) -> tuple[tuple[int, int, int], int]:
    """The slice nearest to `lateral_mm` with its neighbours, and which one is the middle.

    A tie goes to the patient's left (the higher index); at the stack's edge the three outermost.
    """
    away = np.abs(along - lateral_mm)
    nearest = int(np.nonzero(away <= away.min() + 1e-3)[0].max())
    middle = min(max(nearest, 1), len(along) - 2)
    return (middle - 1, middle, middle + 1), middle


def _sampled(along: FloatArray) -> list[int]:
    """Indices about `SAMPLE_STEP_MM` apart around the middle of the stack."""
    center = (along[0] + along[-1]) / 2
    wanted = np.arange(center - SEARCH_MM, center + SEARCH_MM + 1e-6, SAMPLE_STEP_MM)
    wanted = wanted[(wanted >= along[0] - SAMPLE_STEP_MM / 2) & (wanted <= along[-1] + SAMPLE_STEP_MM / 2)]
    return sorted({int(np.abs(along - w).argmin()) for w in wanted})


def _rough_lateral(along: FloatArray, seen: dict[int, Marks]) -> float:
    """Lateral position weighted by the bodies' area on each sampled slice."""
    index = sorted(seen)
    area = np.array([float((seen[i].body > 0.5).sum()) for i in index])
    if area.sum() == 0:
        return float((along[0] + along[-1]) / 2)
    share = area * _widths(along[index])
    return float((share * along[index]).sum() / share.sum())


def _widths(positions: FloatArray) -> FloatArray:
    """How much of the lateral axis each sampled slice stands for (trapezoid rule)."""
    if len(positions) == 1:
        return np.ones(1)
    return np.asarray(np.gradient(positions))


def _lateral_of_bodies(
    bodies: Sequence[levels.Body],
    along: FloatArray,
    sampled: dict[int, Marks],
    lateral: float,
) -> FloatArray:
    """Lateral position of each body, mm from the first slice; NaN where none was seen."""
    if not bodies:
        return np.empty(0)
    index = sorted(sampled)
    centers = np.array([b.center_rc for b in bodies])
    area = np.zeros((len(bodies), len(index)))
    for k, i in enumerate(index):
        inside = np.argwhere(sampled[i].body > 0.5)
        if len(inside):
            away = np.linalg.norm(inside[:, None] - centers[None], axis=2)
            nearest = away.argmin(axis=1)[away.min(axis=1) < 13]
            area[:, k] = np.bincount(nearest, minlength=len(bodies))
    return np.array([_middle_of(profile, along[index], lateral) for profile in area])


def _middle_of(area: FloatArray, at_mm: FloatArray, lateral_mm: float) -> float:
    """Midpoint between the two places where a body's cross-section falls to half that inside.

    Walking outward from `lateral_mm`, so that pedicles, psoas and pelvis, which leave false
    patches on far lateral slices, don't count.
    """
    inner = np.nonzero(np.abs(at_mm - lateral_mm) <= INNER_MM)[0]
    if not len(inner) or area[inner].max() <= 0:
        return float("nan")
    half = area[inner].max() / 2
    start = int(inner[area[inner].argmax()])
    edges = []
    for step, stop in ((-1, -1), (1, len(area))):
        i = start
        while i + step != stop and area[i + step] >= half:
            i += step
        if i + step == stop or abs(at_mm[i] - at_mm[start]) > WIDEST_BODY_MM:
            return float("nan")
        share = (area[i] - half) / (area[i] - area[i + step])
        edges.append(float(at_mm[i] + share * (at_mm[i + step] - at_mm[i])))
    return (edges[0] + edges[1]) / 2


def _vertebrae(
    numbering: levels.Numbering,
    middle: SliceGeometry,
    fused: Marks,
    offsets: FloatArray,
    along: FloatArray,
    index: int,
) -> tuple[Vertebra, ...]:
    normal = np.asarray(middle.normal) * (1.0 if middle.normal[0] > 0 else -1.0)
    out = []
    for body, level, offset in zip(numbering.bodies, numbering.levels, offsets, strict=True):
        at = fused.geometry.to_lps(np.array(body.center_rc))
        aside = 0.0 if np.isnan(offset) else float(offset - along[index])
        # The in-plane centre lies on the fused grid's slice; the body itself beside it.
        at = at + normal * (aside - float((at - np.asarray(middle.center_lps_mm)) @ normal))
        out.append(Vertebra(level, (float(at[0]), float(at[1]), float(at[2])), body.confidence))
    return tuple(out)
