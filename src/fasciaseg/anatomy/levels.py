"""From marks to named vertebrae: bodies, their chain, and names counted upward from L5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..geometry import FloatArray, SliceGeometry
from ..vertebrae import LEVELS
from .localizer import CHANNELS, Marks

#: A peak of the centre map counts from here on.
PEAK = 0.25
#: Smallest cross-section of a body, in mm² (a collapsed T5 on an off-centre slice).
LEAST_AREA_MM2 = 80.0
#: Two centres nearer than this are one body.
LEAST_STEP_MM = 12.0
#: Farthest neighbour in a chain: two bodies missed in a row end it.
LONGEST_STEP_MM = 85.0
#: A step this many times its expected length holds a body that was missed.
MISSED = 1.6
#: A step this small beside its neighbours has one body counted twice (a vertebra collapsed to a
#: quarter of its height still keeps 0.7 of the usual step to both sides).
DOUBLED = 0.6
#: Two bodies nearer to each other than this share of the steps beside them, or of the exam's
#: others, may be one that was found twice: discs that sink into a fish vertebra look like bodies.
#: So near were all of these (5; 0.45 to 0.65) on 417 scans with a body broken, and on 92 whole
#: scans one pair (a strong scoliosis). Severe fractures can be as near.
CROWDED = 0.66
#: Three bodies nearer than this many usual steps may be two with their disc: bright bands of the
#: end plates about a bright disc (Modic 1), or cement, turn it into a body. Beside the pairs above
#: that is 3 more of 342 scans with a body broken.
CROWDED_THREE = 1.4
#: Fewer steps (or pairs of them) than this don't tell what is usual.
LEAST_STEPS = 4
#: L5 is taken as seen from this score on, and as sure from this one.
L5_SEEN = 0.35
L5_SURE = 0.7
#: A body's own looks weigh as much as both of its neighbours'.
OWN_LOOKS = 2.0
#: S1 lies this much of the step L4-L5 below L5, turned this far to the back (means of the four
#: scans in which it is labelled), and is looked for this near to that place.
S1_STEP, S1_TURN = 0.95, np.deg2rad(24.0)
S1_NEAR_MM = 14.0
#: The lumbar curve: seen from the body two above, L5 lies 2 degrees to the back of straight below
#: (SD 5), L4 8 degrees to the front (SD 4; 47 labelled scans, lying), and S1, by `S1_TURN`, 21 to
#: the back. Halfway to either, both names are as likely; one `CURVE_SCALE` off is worth a factor e.
CURVE_L4, CURVE_S1, CURVE_SCALE = np.deg2rad(-3.0), np.deg2rad(11.5), np.deg2rad(2.5)
#: Its share in how sure L5 is: the looks are wrong, and sure, where the image ends at L5.
CURVE = 1 / 3
#: Where the image goes on for so many steps below the place of S1, its looks need no help.
S1_WHOLE = 0.65
_L5 = LEVELS.index("L5")


@dataclass(frozen=True)
class Body:
    """A vertebral body before it has a name.

    Attributes:
        center_rc: centre (row, column) on the 2 mm grid.
        confidence: 0 to 1, that it is a body.
        l5: 0 to 1, that it is L5.
        s1: 0 to 1, that it is S1 (a sacrum cut by the image's edge can look like a body).
        l4: 0 to 1, that it is L4.
        area_mm2: its cross-section.
    """

    center_rc: tuple[float, float]
    confidence: float
    l5: float
    s1: float
    l4: float
    area_mm2: float


@dataclass(frozen=True)
class Numbering:
    """Bodies head to foot with their names.

    Attributes:
        bodies: those with a name, L5 the lowest.
        levels: their names.
        kind: what the names hang on: `lumbosacral_junction`, `user`, `other_series` or `none`.
        confidence: 0 to 1, how sure the anchor is.
        missed: names between which a body must have been missed.
        doubtful: L5 was seen but isn't sure: its neighbours or the slices say different things, as
            with a transitional vertebra or a sacrum cut off by the image's edge.
        chain: every body of the spine that was found, those below L5 too: another anchor can give
            them a name.
        places: of each of them, its place in `LEVELS`; negative above T1, beyond S1 below it.
    """

    bodies: tuple[Body, ...]
    levels: tuple[str, ...]
    kind: str
    confidence: float
    missed: tuple[str, ...] = ()
    doubtful: bool = False
    chain: tuple[Body, ...] = ()
    places: tuple[int, ...] = ()

    def shifted(
        self, by: int, kind: str, confidence: float, *, doubtful: bool = False
    ) -> Numbering:
        """The same bodies, each called what lies `by` levels further down, on another anchor."""
        places = [p + by for p in self.places]
        return _named(self.chain, places, kind, confidence, doubtful=doubtful)

    def with_room(self, below: Sequence[int]) -> Numbering:
        """The same bodies with one counted that wasn't found below each of these `bodies`.

        Where a step is known to hold one, nothing changes.
        """
        places = list(self.places)
        for i in below:
            upper = self.chain.index(self.bodies[i])
            if places[upper + 1] - places[upper] == 1:
                places[: upper + 1] = [p - 1 for p in places[: upper + 1]]
        return _named(self.chain, places, self.kind, self.confidence, doubtful=self.doubtful)


def fuse(marks: Sequence[Marks]) -> Marks:
    """Mean of the marks of neighbouring slices, on the middle one's grid."""
    middle = marks[len(marks) // 2]
    alike = [m for m in marks if m.geometry.shape == middle.geometry.shape]

    def mean(name: str) -> FloatArray:
        return np.asarray(np.mean([getattr(m, name) for m in alike], axis=0))

    return Marks(middle.geometry, *(mean(n).astype(np.float32) for n in CHANNELS))


def with_pooled_looks(fused: Marks, across: Sequence[Marks]) -> Marks:
    """`fused` with L4, L5 and S1 as all slices across the bodies' width see them.

    Where L5 and S1 look alike, the slices disagree: their mean is right more often than three of
    them, and it is less sure when it is wrong.
    """
    alike = [m for m in across if m.geometry.shape == fused.geometry.shape]
    if not alike:
        return fused
    looks = {n: np.mean([getattr(m, n) for m in alike], axis=0) for n in ("l4", "l5", "s1")}
    return replace(fused, **{n: look.astype(np.float32) for n, look in looks.items()})


def find_bodies(marks: Marks) -> list[Body]:
    """Bodies on a slice (or on fused slices), in no order."""
    heat = ndimage.gaussian_filter(marks.center, 0.7)
    rows, columns = np.nonzero((heat == ndimage.maximum_filter(heat, 5)) & (heat > PEAK * 0.8))
    if not len(rows):
        return []
    inside = np.argwhere(marks.body > 0.5)
    if not len(inside):
        return []
    pixel_mm2 = marks.geometry.spacing_mm[0] * marks.geometry.spacing_mm[1]
    seeds = _apart(np.stack([rows, columns], axis=1), heat, marks.geometry.spacing_mm[0])
    away = np.linalg.norm(inside[:, None, :] - seeds[None], axis=2)
    nearest, distance = away.argmin(axis=1), away.min(axis=1)
    bodies = []
    for i, (r, c) in enumerate(seeds):
        mine = inside[(nearest == i) & (distance * marks.geometry.spacing_mm[0] < 30)]
        if len(mine) * pixel_mm2 < LEAST_AREA_MM2:
            continue
        p = marks.body[mine[:, 0], mine[:, 1]]
        center = (mine * p[:, None]).sum(axis=0) / p.sum()
        peak = float(marks.center[max(r - 1, 0) : r + 2, max(c - 1, 0) : c + 2].max())
        bodies.append(
            Body(
                center_rc=(float(center[0]), float(center[1])),
                confidence=float(p.mean()) * min(1.0, peak / 0.5),
                l5=float(marks.l5[mine[:, 0], mine[:, 1]].mean()),
                s1=float(marks.s1[mine[:, 0], mine[:, 1]].mean()),
                l4=float(marks.l4[mine[:, 0], mine[:, 1]].mean()),
                area_mm2=len(mine) * pixel_mm2,
            )
        )
    return bodies


def _apart(seeds: npt.NDArray[np.intp], heat: FloatArray, pixel_mm: float) -> npt.NDArray[np.intp]:
    """The highest peaks that lie at least `LEAST_STEP_MM` from each other."""
    kept: list[npt.NDArray[np.intp]] = []
    for seed in sorted(seeds, key=lambda rc: -float(heat[rc[0], rc[1]])):
        if all(np.linalg.norm(seed - k) * pixel_mm >= LEAST_STEP_MM for k in kept):
            kept.append(seed)
    return np.array(kept)


def chain(bodies: Sequence[Body], geometry: SliceGeometry) -> list[Body]:
    """The spine: the most confident sequence of bodies that follow each other downward."""
    if not bodies:
        return []
    order = sorted(bodies, key=lambda b: b.center_rc[0])
    at = np.array([b.center_rc for b in order]) * np.asarray(geometry.spacing_mm)
    best = [b.confidence for b in order]
    before: list[int | None] = [None] * len(order)
    for j in range(len(order)):
        for i in range(j):
            down, across = at[j] - at[i]
            step = float(np.hypot(down, across))
            if not LEAST_STEP_MM <= step <= LONGEST_STEP_MM or abs(across) > 0.9 * down + 4:
                continue
            gain = best[i] + order[j].confidence - 0.3 * max(0.0, step / 45 - 1)
            if gain > best[j]:
                best[j], before[j] = gain, i
    at_end: int | None = int(np.argmax(best))
    out = []
    while at_end is not None:
        out.append(order[at_end])
        at_end = before[at_end]
    return _without_doubles(out[::-1], geometry)


def _without_doubles(bodies: list[Body], geometry: SliceGeometry) -> list[Body]:
    """The chain without the weaker part of bodies that were found twice."""
    kept = list(bodies)
    while len(kept) > 3:
        gaps = _gaps_mm(kept, geometry)
        ratios = [gap / _usual(gaps, i) for i, gap in enumerate(gaps)]
        i = int(np.argmin(ratios))
        if ratios[i] >= DOUBLED:
            break
        weaker = min(kept[i], kept[i + 1], key=lambda b: b.confidence * b.area_mm2)
        kept.remove(weaker)
    return kept


def _gaps_mm(bodies: Sequence[Body], geometry: SliceGeometry) -> FloatArray:
    """Distance from each body to the next, mm."""
    at = np.array([b.center_rc for b in bodies]) * np.asarray(geometry.spacing_mm)
    return np.asarray(np.linalg.norm(np.diff(at, axis=0), axis=1))


def _usual(gaps: FloatArray, i: int, n: int = 1) -> float:
    """Median of the two steps before and the two after `n` steps from `i` on."""
    near = np.concatenate([gaps[max(0, i - 2) : i], gaps[i + n : i + n + 2]])
    return float(np.median(near)) if len(near) else float(gaps[i])


def crowded(centers_mm: FloatArray) -> tuple[int, ...]:
    """Bodies (their index) that lie too near to the next one for two whole bodies.

    Args:
        centers_mm: (n, dimensions) centres, head to foot. The topmost body is left out: the
            image's edge often cuts it, and its centre is then that of what is left.
    """
    gaps = np.linalg.norm(np.diff(centers_mm, axis=0), axis=1)
    near: set[int] = set()
    for n, least in enumerate((CROWDED, CROWDED_THREE), start=1):
        places = len(gaps) - n + 1
        for i in range(1, places if places >= LEAST_STEPS else 0):
            these = range(i, i + n)
            usual = max(_usual(gaps, i, n), float(np.median(np.delete(gaps, these))))
            if gaps[i : i + n].sum() < least * usual:
                near.update(these)
    return tuple(sorted(near))


def number(bodies: Sequence[Body], marks: Marks) -> Numbering:
    """Name a chain of bodies, counting upward from L5, the one that looks most like it.

    The marks are asked for what a body's own looks can't tell: whether S1 lies below it.
    """
    if not bodies:
        return Numbering((), (), "none", 0.0)
    geometry = marks.geometry
    smooth = replace(marks, s1=ndimage.gaussian_filter(marks.s1, 1.0))
    looks = [_l5_looks(bodies, i, smooth) for i in range(len(bodies))]
    last = int(np.argmax(looks))
    sure = looks[last]
    seen = sure >= L5_SEEN
    if seen and last > 1 and _s1_is_cut(bodies[last - 1], bodies[last], geometry):
        # The curve says how sure the name is and gives no other one: patients lie on cushions.
        sure = (1 - CURVE) * sure + CURVE * _curve(bodies[last - 2], bodies[last], geometry)
    if not seen:
        presacral = [i for i, b in enumerate(bodies) if b.s1 < 0.5]
        last = presacral[-1] if presacral else len(bodies) - 1
    steps = _steps(bodies[: last + 1], geometry) + [1] * (len(bodies) - 1 - last)
    at = np.cumsum([0, *steps])
    return _named(
        bodies,
        [int(p) + _L5 for p in at - at[last]],
        "lumbosacral_junction" if seen else "none",
        round(sure if seen else 0.0, 4),
        doubtful=seen and sure < L5_SURE,
    )


def _named(
    bodies: Sequence[Body], places: Sequence[int], kind: str, confidence: float, *, doubtful: bool
) -> Numbering:
    """Bodies head to foot at their places: those from T1 to L5 get their names."""
    kept = [(b, p) for b, p in zip(bodies, places, strict=True) if 0 <= p <= _L5]
    names = [LEVELS[p] for _, p in kept]
    return Numbering(
        bodies=tuple(b for b, _ in kept),
        levels=tuple(names),
        kind=kind,
        confidence=confidence,
        missed=tuple(f"{LEVELS[p]}-{LEVELS[q]}" for (_, p), (_, q) in pairwise(kept) if q - p > 1),
        doubtful=doubtful,
        chain=tuple(bodies),
        places=tuple(places),
    )


def _l5_looks(bodies: Sequence[Body], i: int, marks: Marks) -> float:
    """0 to 1, that body `i` looks like L5, with L4 above it and S1 below it, if in view.

    The marks' S1 is smoothed.
    """
    body = bodies[i]
    evidence = [(OWN_LOOKS, body.l5 * (1 - body.s1))]
    if i > 0:
        evidence.append((1.0, bodies[i - 1].l4))
        below = _s1_below(bodies[i - 1], body, marks)
        if below is not None:
            evidence.append((1.0, below))
    return sum(w * p for w, p in evidence) / sum(w for w, _ in evidence)


def _s1_is_cut(above: Body, body: Body, geometry: SliceGeometry) -> bool:
    """Whether the image ends before all of S1 can be seen below `body`."""
    place = _s1_under(above, body, geometry)
    (step,) = _gaps_mm([above, body], geometry)
    return bool(geometry.shape[0] * geometry.spacing_mm[0] - place[0] < S1_WHOLE * step)


def _curve(upper: Body, body: Body, geometry: SliceGeometry) -> float:
    """0 to 1, that `body` lies below `upper`, the second one above it, as L5 does in the curve."""
    there, here = (geometry.to_lps(np.array(b.center_rc)) for b in (upper, body))
    _, back, up = here - there
    angle = float(np.arctan2(back, -up))
    l4, s1 = np.exp(np.array([CURVE_L4 - angle, angle - CURVE_S1]) / CURVE_SCALE)
    return float(1 / (1 + l4 + s1))


def s1_place(l4_mm: FloatArray, l5_mm: FloatArray) -> FloatArray:
    """Where S1 must lie, (down, back) in mm, from the centres of L4 and L5."""
    down, back = l5_mm - l4_mm
    cos, sin = np.cos(S1_TURN), np.sin(S1_TURN)
    step = np.array([cos * down - sin * back, sin * down + cos * back])
    return np.asarray(l5_mm + S1_STEP * step)


def _s1_under(above: Body, body: Body, geometry: SliceGeometry) -> FloatArray:
    """Where S1 must lie if `body` is L5, (down, back) in mm on the grid."""
    mm = np.asarray(geometry.spacing_mm)
    l4, l5 = (np.asarray(b.center_rc) * mm for b in (above, body))
    return s1_place(l4, l5)


def _s1_below(above: Body, body: Body, marks: Marks) -> float | None:
    """Highest certainty of S1 where the next body must lie; None where that is out of view."""
    mm = np.asarray(marks.geometry.spacing_mm)
    row, column = _s1_under(above, body, marks.geometry)
    rows, columns = marks.geometry.shape
    if not (0 <= row < rows * mm[0] and 0 <= column < columns * mm[1]):
        return None
    r, c = np.ogrid[:rows, :columns]
    near = np.hypot(r * mm[0] - row, c * mm[1] - column) <= S1_NEAR_MM
    return float(marks.s1[near].max())


def _steps(bodies: Sequence[Body], geometry: SliceGeometry) -> list[int]:
    """Levels from each body to the next: 1 unless one was missed."""
    gaps = _gaps_mm(bodies, geometry)
    ratios = [float(gap) / _usual(gaps, i) for i, gap in enumerate(gaps)]
    return [round(r) if r > MISSED else 1 for r in ratios]
