"""Where the middle of the spine is: the three central slices and the vertebrae on them.

The published study's readers looked at the three most central sagittal slices. Central means
nearest to the mean lateral position of the vertebral bodies, which are measured over the stack;
the stack's own middle is not asked, since patients lie off centre.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..geometry import FloatArray, Slice, SliceGeometry
from ..vertebrae import Vertebra
from . import levels
from .localizer import Localizer, Marks, Window, leaves, window_around

#: Slices are sampled this far apart to find the bodies' lateral extent (a body is 35-55 mm wide).
SAMPLE_STEP_MM = 8.0
#: Half of the widest lateral range searched around the middle of the stack.
SEARCH_MM = 48.0
#: Every body of a spine reaches this far to both sides of its middle.
INNER_MM = 9.0
#: L5 is told from its neighbours on all slices this near to the middle that were looked at.
LOOKS_MM = 20.0
#: A body's sides lie where a profile across it falls to these shares of its plateau.
FLANKS = (0.5, 0.6, 0.7, 0.8)
#: The middle is known to about this from slices so far apart (mean error of 43 scans).
UNSURE_MM = 0.6
#: A body's centre moves by no more than this from slice to slice (rows, columns of 2 mm).
NEAR_PX = (4, 4)
#: No lumbar body is narrower.
NARROWEST_MM = 34.0
#: Half of the window that holds a body's cross-section.
SECTION_PX = (9, 12)
#: A slice this certain of its bodies' centres (about four bodies) says where the others show them.
LEAST_LOOK = 40.0
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
        bodies_lps_mm: (n, 3) centre of every body of `numbering.chain`.
        bodies_aside_mm: (n,) of each of these, its position less the mean.
        found: whether this is a spine at all.
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
    bodies_lps_mm: FloatArray
    bodies_aside_mm: FloatArray
    found: bool

    def renamed(self, numbering: levels.Numbering) -> Spine:
        """The same bodies under other names; the central slices stay."""
        vertebrae, aside = _vertebrae(numbering, self.bodies_lps_mm, self.bodies_aside_mm)
        return replace(self, vertebrae=vertebrae, numbering=numbering, aside_mm=aside)

    @property
    def crowded(self) -> tuple[str, ...]:
        """Pairs of neighbours (`L2-L3`) that may be one body found twice; see `levels.crowded`."""
        v = self.vertebrae
        at = np.array([one.center_lps_mm for one in v]).reshape(-1, 3)
        return tuple(f"{v[i].level}-{v[i + 1].level}" for i in levels.crowded(at))


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
    looks = _Looks(stack, localizer)
    seen, marks = looks.seen, looks.at
    sampled = _sampled(along, SAMPLE_STEP_MM)
    # The middle of the stack shows the spine most often, and with it where to look.
    marks(sampled[len(sampled) // 2])
    lateral = _rough_middle(np.array([_certainty(marks(i)) for i in sampled]), along[sampled])
    tried: dict[tuple[int, int, int], _Named] = {}
    # The bodies give the lateral position, which gives the slices on which bodies are found.
    while True:
        central, middle = central_three(along, lateral)
        if central in tried and not _is_close_call(along, lateral):
            break
        if central in tried:
            # Two slices are about as near: the ones between those sampled decide.
            finer = _sampled(along, SAMPLE_STEP_MM / 2)
            if sampled == finer:
                break
            sampled = finer
        fused = levels.fuse([marks(i) for i in central])
        across = [m for i, m in seen.items() if abs(along[i] - lateral) <= LOOKS_MM]
        fused = levels.with_pooled_looks(fused, across)
        bodies = levels.chain(levels.find_bodies(fused), fused.geometry)
        numbering = levels.number(bodies, fused)
        offsets = _lateral_of_bodies(
            numbering.chain, along[sampled], [marks(i) for i in sampled], lateral
        )
        tried[central] = _Named(fused, numbering, offsets)
        if not len(offsets):
            break
        lateral = float(offsets[_with_name(numbering)].mean())
    named = tried[central]
    found = sum(body.confidence for body in named.numbering.bodies) >= LEAST_SPINE
    if not found:
        lateral = float((along[0] + along[-1]) / 2)
        central, middle = central_three(along, lateral)
    three = (marks(central[0]), marks(central[1]), marks(central[2]))
    centers = _centers(named, stack.geometries[middle], along, middle)
    asides = named.offsets_mm - lateral
    vertebrae, aside = _vertebrae(named.numbering, centers, asides)
    return Spine(
        central, middle, three, vertebrae, named.numbering, lateral, aside, along, seen,
        centers, asides, found,
    )  # fmt: skip


class _Looks:
    """What the network sees on a stack's slices, each looked at once and only around the spine."""

    def __init__(self, stack: SliceStack, localizer: Localizer) -> None:
        self.seen: dict[int, Marks] = {}
        self._stack, self._localizer = stack, localizer
        self._window: Window | None = None

    def at(self, index: int) -> Marks:
        """The marks of a slice."""
        if index not in self.seen:
            self.seen[index] = self._look(self._stack[index])
        return self.seen[index]

    def _look(self, s: Slice) -> Marks:
        if self._window is not None:
            (marks,) = self._localizer.mark([s], self._window)
            if not leaves(marks, self._window):
                return marks
        (marks,) = self._localizer.mark([s])
        if _certainty(marks) >= LEAST_LOOK:
            self._window = window_around(marks)
        return marks


@dataclass(frozen=True, eq=False)
class _Named:
    """What three slices say: their fused marks, the bodies and where these lie laterally."""

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


def _is_close_call(along: FloatArray, lateral_mm: float) -> bool:
    """Whether two slices are about equally near to the middle, as well as that is known.

    Among thin slices there always are two, and it doesn't matter.
    """
    first, second = np.argsort(np.abs(along - lateral_mm))[:2]
    apart = abs(float(along[second] - along[first]))
    beside = abs(lateral_mm - float(along[first] + along[second]) / 2)
    return beside < UNSURE_MM < apart / 4


def _sampled(along: FloatArray, step_mm: float) -> list[int]:
    """Indices about `step_mm` apart around the middle of the stack, as many to both sides.

    One slice more on one side would pull the middle of a body that reaches beyond both ends.
    """
    aside = along - (along[0] + along[-1]) / 2
    reach = min(SEARCH_MM, float(aside[-1]) + step_mm / 2)
    out = set()
    for away in np.arange(0.0, reach + 1e-6, step_mm):
        right, left = np.abs(aside + away), np.abs(aside - away)
        out.add(int(right.argmin()))
        out.add(len(along) - 1 - int(left[::-1].argmin()))
    return sorted(out)


def _certainty(marks: Marks) -> float:
    """How much of a slice looks like the centres of bodies."""
    return float(marks.center[marks.center > levels.PEAK].sum())


def _rough_middle(evidence: FloatArray, at_mm: FloatArray) -> float:
    """Middle of where evidence is more than half of its largest, weighted by it."""
    weight = np.maximum(evidence - 0.5 * evidence.max(), 0) * _widths(at_mm)
    if weight.sum() <= 0:
        return float((at_mm[0] + at_mm[-1]) / 2)
    return float((weight * at_mm).sum() / weight.sum())


def _middle_of(profile: FloatArray, at_mm: FloatArray, near_mm: float) -> float:
    """Middle of the plateau of a profile around `near_mm`: halfway between its flanks.

    Flanks are taken at several heights; where one of them is uneven, the others outvote it.
    """
    inner = np.abs(at_mm - near_mm) <= max(INNER_MM, float(np.abs(at_mm - near_mm).min()))
    plateau = float(np.median(profile[inner]))
    if plateau <= 0:
        return near_mm
    top = int(np.nonzero(inner)[0][profile[inner].argmax()])
    return float(np.mean([_between_flanks(profile, at_mm, top, f * plateau) for f in FLANKS]))


def _between_flanks(profile: FloatArray, at_mm: FloatArray, top: int, floor: float) -> float:
    """Middle between the places on both sides of `top` where a profile falls to `floor`."""
    first = last = top
    while first > 0 and profile[first - 1] >= floor:
        first -= 1
    while last < len(profile) - 1 and profile[last + 1] >= floor:
        last += 1
    low, high = (
        _flank(profile, at_mm, inside, inside + step, floor)
        for inside, step in ((first, -1), (last, 1))
    )
    # Where the stack ends within the body, its other side says where the middle can be at most.
    if first == 0 and last < len(profile) - 1:
        low = min(low, high - NARROWEST_MM)
    elif last == len(profile) - 1 and first > 0:
        high = max(high, low + NARROWEST_MM)
    return (low + high) / 2


def _flank(
    profile: FloatArray, at_mm: FloatArray, inside: int, outside: int, floor: float
) -> float:
    """Where a profile falls to `floor` between two neighbours; the first one at the stack's end."""
    end = float(at_mm[inside])
    if not 0 <= outside < len(profile):
        return end
    drop = max(float(profile[inside] - profile[outside]), 1e-6)
    share = min(1.0, max(0.0, float(profile[inside]) - floor) / drop)
    return end + share * float(at_mm[outside] - at_mm[inside])


def _widths(positions: FloatArray) -> FloatArray:
    """How much of the lateral axis each sampled slice stands for (trapezoid rule)."""
    if len(positions) == 1:
        return np.ones(1)
    return np.asarray(np.gradient(positions))


def _lateral_of_bodies(
    bodies: Sequence[levels.Body],
    at_mm: FloatArray,
    across: Sequence[Marks],
    near_mm: float,
) -> FloatArray:
    """Lateral position of each body (n,), mm from the first slice.

    Two things fall off from a body's middle toward its sides: the certainty of its centre, which
    isn't fooled by pedicles, psoas and pelvis, and its cross-section, which is smoother. The
    position is the mean of what both say.

    Args:
        bodies: as found on the central slices.
        at_mm: where slices across the bodies lie.
        across: what the network sees on them.
        near_mm: about where the spine's middle is.
    """
    profiles = []
    for body in bodies:
        near, around = (_window(body, reach) for reach in (NEAR_PX, SECTION_PX))
        certainty = np.array([float(m.center[near].max()) for m in across])
        section = np.array([float(m.body[around].sum()) for m in across])
        profiles.append((certainty, section))
    return np.array([np.mean([_middle_of(p, at_mm, near_mm) for p in two]) for two in profiles])


def _window(body: levels.Body, reach: tuple[int, int]) -> tuple[slice, slice]:
    """Part of the 2 mm grid around a body's centre."""
    row, column = (round(v) for v in body.center_rc)
    return (
        slice(max(row - reach[0], 0), row + reach[0] + 1),
        slice(max(column - reach[1], 0), column + reach[1] + 1),
    )


def _with_name(numbering: levels.Numbering) -> list[int]:
    """Which bodies of the chain have a name."""
    named = {id(body) for body in numbering.bodies}
    return [i for i, body in enumerate(numbering.chain) if id(body) in named]


def _centers(named: _Named, middle: SliceGeometry, along: FloatArray, index: int) -> FloatArray:
    """Centre of each body of the chain (n, 3), LPS mm."""
    normal = np.asarray(middle.normal) * (1.0 if middle.normal[0] > 0 else -1.0)
    out = np.zeros((len(named.numbering.chain), 3))
    for i, (body, offset) in enumerate(zip(named.numbering.chain, named.offsets_mm, strict=True)):
        at = named.fused.geometry.to_lps(np.array(body.center_rc))
        aside = float(offset - along[index])
        # The in-plane centre lies on the fused grid's slice; the body itself beside it.
        out[i] = at + normal * (aside - float((at - np.asarray(middle.center_lps_mm)) @ normal))
    return out


def _vertebrae(
    numbering: levels.Numbering, centers: FloatArray, asides: FloatArray
) -> tuple[tuple[Vertebra, ...], tuple[float, ...]]:
    """The bodies with a name, head to foot, and how far each lies from the mean."""
    out, aside = [], []
    for i, level in zip(_with_name(numbering), numbering.levels, strict=True):
        x, y, z = (float(v) for v in centers[i])
        out.append(Vertebra(level, (x, y, z), numbering.chain[i].confidence))
        aside.append(float(asides[i]))
    return tuple(out), tuple(aside)
