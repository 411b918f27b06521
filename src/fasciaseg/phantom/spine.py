"""The spine's skeleton: parameters in, one frame per vertebra out.

Phantom coordinates are mm: x to the patient's left, y to the back, z to the head, origin at the
centre of L3, before the patient is laid into the scanner (`placement.Placement`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..vertebrae import LEVELS

Vector2 = npt.NDArray[np.float64]

#: Every vertebra of the phantom, head to foot; T1-S1 as in `vertebrae.LEVELS`.
PHANTOM_LEVELS: tuple[str, ...] = (*LEVELS, "S2", "S3", "S4", "S5")

# Body height, depth, width and the height of the disc below (mm), an adult of middle size.
# After Panjabi et al., Spine 1991;16:888 (T1-T12) and Spine 1992;17:299 (L1-L5), rounded;
# disc heights after Kunkel et al., J Anat 2011;219:375. Sacrum: typical midsagittal sizes.
_SIZES: dict[str, tuple[float, float, float, float]] = {
    "T1": (16.0, 17.5, 27.0, 4.0), "T2": (17.0, 18.5, 26.5, 3.6), "T3": (17.5, 20.5, 26.5, 3.4),
    "T4": (18.0, 22.0, 26.5, 3.4), "T5": (18.5, 23.5, 27.0, 3.4), "T6": (19.0, 25.0, 28.0, 3.6),
    "T7": (19.5, 26.5, 29.0, 3.8), "T8": (20.0, 27.5, 30.5, 4.0), "T9": (20.5, 28.5, 32.0, 4.2),
    "T10": (21.5, 29.5, 34.0, 4.6), "T11": (22.5, 30.5, 37.0, 5.0), "T12": (24.0, 31.5, 40.5, 5.6),
    "L1": (26.0, 32.5, 43.0, 6.2), "L2": (27.0, 33.5, 44.5, 7.0), "L3": (28.0, 34.0, 46.5, 7.8),
    "L4": (28.0, 34.5, 48.5, 8.6), "L5": (28.0, 34.5, 50.5, 8.2), "S1": (29.0, 31.0, 50.0, 2.6),
    "S2": (24.0, 22.0, 42.0, 1.8), "S3": (20.0, 16.0, 34.0, 1.4), "S4": (17.0, 12.0, 28.0, 1.2),
    "S5": (14.0, 9.0, 22.0, 1.0),
}  # fmt: skip


def level_number(level: str) -> int:
    """The value of a level in `body` maps: 1 for T1 to 18 for S1, then S2, S3 …"""
    return PHANTOM_LEVELS.index(level) + 1


@dataclass(frozen=True)
class Fracture:
    """An osteoporotic fracture of one body.

    Attributes:
        level: which vertebra.
        loss: share of the height lost, 0 to 0.6.
        shape: where it is lost.
        edema: share of the marrow's signal that is fluid near the broken endplate, 0 to 1.
    """

    level: str
    loss: float = 0.3
    shape: Literal["wedge", "biconcave", "crush"] = "wedge"
    edema: float = 0.6


@dataclass(frozen=True)
class Spine:
    """What one patient's spine looks like. Angles in degrees, lengths in mm.

    Attributes:
        lordosis: between the upper endplates of L1 and S1.
        kyphosis: between T4 and T12.
        sacral_slope: of the upper endplate of S1 against the horizontal.
        scale: size relative to a middle-sized adult.
        disc_scale: disc heights, further.
        scoliosis: lateral amplitude, mm; sign is the side of the lumbar curve (+ left).
        irregularity: standard deviation of each level's sizes (share).
        concavity: depth of the endplates' hollow, mm.
        waist: how much narrower a body is at mid height (share).
        osteophytes: lip of the anterior corners, mm.
        canal: anteroposterior width of the canal at L3, mm.
        degenerated: levels whose disc below is degenerated (dark, half as high).
        schmorl: levels with a Schmorl node in the lower endplate.
        fractures: fractured bodies.
        seed: of the irregularities.
    """

    lordosis: float = 48.0
    kyphosis: float = 34.0
    sacral_slope: float = 38.0
    scale: float = 1.0
    disc_scale: float = 1.0
    scoliosis: float = 0.0
    irregularity: float = 0.03
    concavity: float = 1.3
    waist: float = 0.07
    osteophytes: float = 0.5
    canal: float = 17.0
    degenerated: tuple[str, ...] = ()
    schmorl: tuple[str, ...] = ()
    fractures: tuple[Fracture, ...] = ()
    seed: int = 0

    @cached_property
    def bodies(self) -> tuple[Body, ...]:
        """Frames of all vertebrae, head to foot."""
        return _stack(self)

    def body(self, level: str) -> Body:
        """The frame of one vertebra."""
        return self.bodies[PHANTOM_LEVELS.index(level)]


@dataclass(frozen=True)
class Body:
    """One vertebra in the midsagittal plane; 2-D vectors are (y back, z up), mm.

    Attributes:
        level: its name.
        center: of the body.
        tilt: angle of its axis to the vertical, radians, positive leaning back.
        height, depth, width: of the body.
        disc: height of the disc below.
        wedge: anterior minus posterior height.
        concavity: upper and lower endplate hollow, mm.
        lip: osteophytes at the anterior corners, mm.
        degenerated, schmorl: state of the disc and endplate below.
        fracture: if broken.
    """

    level: str
    center: tuple[float, float]
    tilt: float
    height: float
    depth: float
    width: float
    disc: float
    wedge: float
    concavity: tuple[float, float]
    lip: float
    degenerated: bool
    schmorl: bool
    fracture: Fracture | None

    @property
    def back(self) -> Vector2:
        """Unit vector to the back, along the endplates."""
        return np.array([math.cos(self.tilt), -math.sin(self.tilt)])

    @property
    def up(self) -> Vector2:
        """Unit vector to the head, along the body's axis."""
        return np.array([math.sin(self.tilt), math.cos(self.tilt)])

    def point(self, a: float, b: float) -> Vector2:
        """(y, z) of the point `a` mm behind and `b` mm above the centre."""
        return np.asarray(self.center) + a * self.back + b * self.up

    @property
    def is_sacral(self) -> bool:
        """Part of the sacrum."""
        return self.level.startswith("S")


def _tilts(spine: Spine) -> dict[str, float]:
    """Tilt of every vertebra, degrees: S1's slope, then shares of lordosis and kyphosis."""
    # Share of the lordosis between neighbouring bodies, L5/S1 first: most of it is low down
    # (Been & Kalichman, Spine J 2014;14:87).
    shares = {"L5": 0.34, "L4": 0.24, "L3": 0.18, "L2": 0.14, "L1": 0.10}
    tilt, out = -spine.sacral_slope, {"S1": -spine.sacral_slope}
    for level, share in shares.items():
        tilt += share * spine.lordosis
        out[level] = tilt
    tilt += 0.02 * spine.kyphosis
    out["T12"] = tilt
    for i in range(11, 0, -1):
        tilt -= spine.kyphosis / 8 * (1.0 if i >= 4 else 0.6)
        out[f"T{i}"] = tilt
    # The sacrum's own kyphosis: straight to S2, then turning forward to the coccyx.
    for i, bend in enumerate((3.0, -8.0, -30.0, -52.0)):
        out[f"S{i + 2}"] = -spine.sacral_slope - bend
    return out


def _stack(spine: Spine) -> tuple[Body, ...]:
    """Pile the bodies on S1, then move L3's centre to the origin."""
    rng = np.random.Generator(np.random.PCG64(spine.seed))
    tilts = _tilts(spine)
    sizes: dict[str, list[float]] = {}
    for level in PHANTOM_LEVELS:
        factors = 1 + spine.irregularity * np.clip(rng.standard_normal(4), -2, 2)
        h, d, w, disc = (v * spine.scale * f for v, f in zip(_SIZES[level], factors, strict=True))
        disc *= spine.disc_scale * (0.55 if level in spine.degenerated else 1.0)
        sizes[level] = [float(h), float(d), float(w), float(disc)]
        if not level.startswith("S"):
            tilts[level] += float(rng.normal(0, 25 * spine.irregularity))
    broken = {f.level: f for f in spine.fractures}
    for level, fracture in broken.items():
        # A wedge keeps its back wall: the middle loses half of what the front does.
        sizes[level][0] *= (
            1 - fracture.loss * {"wedge": 0.5, "biconcave": 0.15, "crush": 0.9}[fracture.shape]
        )
    centers: dict[str, Vector2] = {}
    position = np.zeros(2)
    previous: tuple[Vector2, float] | None = None
    for level in reversed(PHANTOM_LEVELS):
        angle = math.radians(tilts[level])
        up = np.array([math.sin(angle), math.cos(angle)])
        h, _, _, disc = sizes[level]
        if previous is not None:
            below_up, below_h = previous
            between = below_up + up
            between /= np.linalg.norm(between)
            position = position + below_up * below_h / 2 + between * disc + up * h / 2
        centers[level] = position
        previous = (up, h)
    origin = centers["L3"]
    return tuple(
        _body(spine, level, centers[level] - origin, tilts[level], sizes[level], broken.get(level))
        for level in PHANTOM_LEVELS
    )


def _body(
    spine: Spine,
    level: str,
    center: Vector2,
    tilt: float,
    size: list[float],
    fracture: Fracture | None,
) -> Body:
    wedge = {"L5": 3.0, "L4": 1.0, "S1": 2.5}.get(level, -0.6 if level.startswith("T") else 0.0)
    upper = lower = 0.0 if level in ("S2", "S3", "S4", "S5") else spine.concavity
    if fracture is not None:
        lost = fracture.loss * size[0] / (1 - 0.5 * fracture.loss)
        if fracture.shape == "wedge":
            wedge -= lost
            upper += 0.15 * lost
        elif fracture.shape == "biconcave":
            upper, lower = upper + 0.5 * lost, lower + 0.35 * lost
    return Body(
        level=level,
        center=(float(center[0]), float(center[1])),
        tilt=math.radians(tilt),
        height=size[0],
        depth=size[1],
        width=size[2],
        disc=size[3],
        wedge=wedge,
        concavity=(upper, 0.4 if level == "S1" else lower),
        lip=0.0 if level.startswith("S") else spine.osteophytes,
        degenerated=level in spine.degenerated,
        schmorl=level in spine.schmorl,
        fracture=fracture,
    )
