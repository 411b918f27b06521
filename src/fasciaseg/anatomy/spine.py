"""Where the middle of the spine is: the three central slices and the vertebrae on them.

The published study's readers looked at the three most central sagittal slices. Central means
nearest to the mean lateral position of the vertebral bodies, which are measured over the stack;
the stack's own middle is not asked, since patients lie off centre.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
#: Every body of a spine reaches this far to both sides of its middle.
INNER_MM = 9.0
#: L5 is told from its neighbours on all slices this near to the middle that were looked at.
LOOKS_MM = 20.0
#: A body ends where the certainty of its centre falls to this share of its plateau.
FLANK = 0.6
#: A body's centre moves by no more than this from slice to slice, in 2 mm pixels.
NEAR_PX = 4
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
        along_mm: `positions_mm` of the stack's slices.
        seen: marks of every slice that was looked at, by index.
    """

    central: tuple[int, int, int]
    middle: int
    marks: tuple[Marks, Marks, Marks]
    vertebrae: tuple[Vertebra, ...]
    numbering: levels.Numbering
    lateral_mm: float
    aside_mm: tuple[float, ...]
    along_mm: FloatArray
    seen: Mapping[int, Marks]

    @property
    def found(self) -> bool:
        """Whether this is a spine at all."""
        return sum(v.confidence for v in self.vertebrae) >= LEAST_SPINE


def positions_mm(stack: SliceStack) -> FloatArray:
    """Distance of every slice's centre from the first slice along the normal, mm, growing."""
    first = stack.geometries[0]
    origin = np.asarray(first.center_lps_mm)
    along = np.array(
        [
            (np.asarray(g.center_lps_mm) - origin) @ np.asarray(first.normal)
            for g in stack.geometries
        ]
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
    lateral = _rough_middle(np.array([_certainty(marks(i)) for i in sampled]), along[sampled])
    centers = [seen[i].center for i in sampled]
    tried: dict[tuple[int, int, int], _Named] = {}
    # The bodies give the lateral position, which gives the slices on which bodies are found.
    while True:
        central, middle = central_three(along, lateral)
        if central in tried:
            break
        fused = levels.fuse([marks(i) for i in central])
        across = [m for i, m in seen.items() if abs(along[i] - lateral) <= LOOKS_MM]
        fused = levels.with_pooled_looks(fused, across)
        bodies = levels.chain(levels.find_bodies(fused), fused.geometry)
        numbering = levels.number(bodies, fused)
        offsets = _lateral_of_bodies(numbering.bodies, along[sampled], centers, lateral)
        tried[central] = _Named(fused, numbering, offsets)
        if not len(offsets):
            break
        lateral = float(offsets.mean())
    named = tried[central]
    if sum(body.confidence for body in named.numbering.bodies) < LEAST_SPINE:
        lateral = float((along[0] + along[-1]) / 2)
        central, middle = central_three(along, lateral)
    three = (marks(central[0]), marks(central[1]), marks(central[2]))
    vertebrae = _vertebrae(named, stack.geometries[middle], along, middle)
    aside = tuple(float(o - lateral) for o in named.offsets_mm)
    return Spine(central, middle, three, vertebrae, named.numbering, lateral, aside, along, seen)


@dataclass(frozen=True, eq=False)
class _Named:
    """What three slices say: their fused marks, the named bodies and where these lie laterally."""

    fused: Marks
    numbering: levels.Numbering
    offsets_mm: FloatArray


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
    wanted = wanted[
        (wanted >= along[0] - SAMPLE_STEP_MM / 2) & (wanted <= along[-1] + SAMPLE_STEP_MM / 2)
    ]
    return sorted({int(np.abs(along - w).argmin()) for w in wanted})


def _certainty(marks: Marks) -> float:
    """How much of a slice looks like the centres of bodies."""
    return float(marks.center[marks.center > levels.PEAK].sum())


def _rough_middle(evidence: FloatArray, at_mm: FloatArray) -> float:
    """Middle of where evidence is more than half of its largest, weighted by it."""
    weight = np.maximum(evidence - 0.5 * evidence.max(), 0) * _widths(at_mm)
    if weight.sum() <= 0:
        return float((at_mm[0] + at_mm[-1]) / 2)
    return float((weight * at_mm).sum() / weight.sum())


def _middle_of(certainty: FloatArray, at_mm: FloatArray, near_mm: float) -> float:
    """Middle of the plateau of certainty around `near_mm`, its flanks weighted in."""
    inner = np.abs(at_mm - near_mm) <= max(INNER_MM, float(np.abs(at_mm - near_mm).min()))
    plateau = float(np.median(certainty[inner]))
    floor = FLANK * plateau
    if plateau <= 0:
        return near_mm
    first = last = int(np.nonzero(inner)[0][certainty[inner].argmax()])
    while first > 0 and certainty[first - 1] >= floor:
        first -= 1
    while last < len(certainty) - 1 and certainty[last + 1] >= floor:
        last += 1
    weight = np.clip((certainty - floor) / (plateau - floor), 0, 1)[first : last + 1]
    weight = weight * _widths(at_mm)[first : last + 1]
    return float((weight * at_mm[first : last + 1]).sum() / weight.sum())


def _widths(positions: FloatArray) -> FloatArray:
    """How much of the lateral axis each sampled slice stands for (trapezoid rule)."""
    if len(positions) == 1:
        return np.ones(1)
    return np.asarray(np.gradient(positions))


def _lateral_of_bodies(
    bodies: Sequence[levels.Body],
    at_mm: FloatArray,
    centers: Sequence[FloatArray],
    near_mm: float,
) -> FloatArray:
    """Lateral position of each body (n,), mm from the first slice.

    The centre's certainty is highest in a body's middle and falls off toward its sides; unlike
    the cross-section it isn't fooled by pedicles, psoas and pelvis on far lateral slices.
    """
    out = []
    for body in bodies:
        r, c = (round(v) for v in body.center_rc)
        rows = slice(max(r - NEAR_PX, 0), r + NEAR_PX + 1)
        columns = slice(max(c - NEAR_PX, 0), c + NEAR_PX + 1)
        certainty = np.array([float(m[rows, columns].max()) for m in centers])
        out.append(_middle_of(certainty, at_mm, near_mm))
    return np.array(out)


def _vertebrae(
    named: _Named, middle: SliceGeometry, along: FloatArray, index: int
) -> tuple[Vertebra, ...]:
    normal = np.asarray(middle.normal) * (1.0 if middle.normal[0] > 0 else -1.0)
    numbering = named.numbering
    out = []
    for body, level, offset in zip(
        numbering.bodies, numbering.levels, named.offsets_mm, strict=True
    ):
        at = named.fused.geometry.to_lps(np.array(body.center_rc))
        aside = float(offset - along[index])
        # The in-plane centre lies on the fused grid's slice; the body itself beside it.
        at = at + normal * (aside - float((at - np.asarray(middle.center_lps_mm)) @ normal))
        out.append(Vertebra(level, (float(at[0]), float(at[1]), float(at[2])), body.confidence))
    return tuple(out)
