"""What can be wrong with the phantom: fascia edema and what looks like it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..vertebrae import SCORED_LEVELS
from .canvas import Canvas, capsule, look_up, wave_vectors, waves
from .placement import F32
from .profiles import F64
from .tissue import Tissue

Territories = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class FasciaEdema:
    """Fluid along the fascia, filling the territories of the chosen levels.

    Attributes:
        levels: covered levels, T5 to L5; neighbours join into one band.
        thickness_mm: of the band, front to back.
        brightness: share of the local tissue that is replaced by fluid, 0 to 1.
        shift_mm: the band's middle behind the fascia's (negative: in the muscle).
        half_width_mm: how far the band reaches to either side of the midline.
        side: which sides of the midline it is on.
        gaps: (level, share): a gap in the middle of that level's territory, as a share of it.
    """

    levels: tuple[str, ...]
    thickness_mm: float = 5.0
    brightness: float = 0.85
    shift_mm: float = 0.0
    half_width_mm: float = 25.0
    side: Literal["both", "left", "right"] = "both"
    gaps: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class SubcutaneousEdema:
    """Reticular fluid in the dependent fat, at least `clear_mm` behind the fascia."""

    levels: tuple[str, ...] = ("L3", "L4", "L5")
    brightness: float = 0.6
    clear_mm: float = 7.0


@dataclass(frozen=True)
class InterspinousFluid:
    """Fluid between the spinous process of `level` and the next, `clear_mm` before the fascia."""

    level: str = "L4"
    radius_mm: float = 4.0
    brightness: float = 0.9
    clear_mm: float = 6.5


@dataclass(frozen=True)
class FatFailure:
    """A smooth region in which fat suppression fails (only seen with fat suppression).

    Attributes:
        where: below S1, above T10, or a patch in the back's fat at L5.
        strength: share of the fat's signal that comes back, 0 to 1.
    """

    where: Literal["sacrum", "top", "back"] = "sacrum"
    strength: float = 0.7


@dataclass(frozen=True)
class Pathology:
    """All that is wrong; fractures and degenerated discs are the spine's own (`Spine`)."""

    fascia: tuple[FasciaEdema, ...] = ()
    subcutaneous: SubcutaneousEdema | None = None
    interspinous: tuple[InterspinousFluid, ...] = ()
    fat_failure: FatFailure | None = None


def spans(edema: FasciaEdema, territories: Territories) -> list[tuple[float, float]]:
    """(upper, lower) LPS z of each stretch of the band, head to foot, neighbours joined."""
    gaps = dict(edema.gaps)
    pieces: list[tuple[float, float]] = []
    for level in (name for name in SCORED_LEVELS if name in edema.levels):
        upper, lower = territories[level]
        gap = gaps.get(level, 0.0) * (upper - lower) / 2
        middle = (upper + lower) / 2
        parts = [(upper, middle + gap), (middle - gap, lower)] if gap else [(upper, lower)]
        for part in parts:
            if pieces and abs(pieces[-1][1] - part[0]) < 1e-6:
                pieces[-1] = (pieces[-1][0], part[1])
            else:
                pieces.append(part)
    return pieces


def paint_pathology(canvas: Canvas, pathology: Pathology, territories: Territories) -> None:
    """Write the fluid of every finding into `canvas.fluid`."""
    for edema in pathology.fascia:
        _fascia(canvas, edema, territories)
    if pathology.subcutaneous is not None:
        _subcutaneous(canvas, pathology.subcutaneous, territories)
    for pool in pathology.interspinous:
        _interspinous(canvas, pool)


def _ramp(inside_mm: F32, soft_mm: float = 1.0) -> F32:
    """0 outside, 1 inside, over `soft_mm` about zero."""
    return np.minimum(np.maximum(inside_mm * np.float32(1 / soft_mm) + np.float32(0.5), 0), 1)


def _fascia(canvas: Canvas, edema: FasciaEdema, territories: Territories) -> None:
    points = canvas.points
    half = np.float32(edema.thickness_mm / 2)
    reach = np.float32(edema.half_width_mm)
    height = np.full(points.x.shape, -np.inf, dtype=np.float32)
    for upper, lower in spans(edema, territories):
        piece = np.minimum(np.float32(upper) - points.height, points.height - np.float32(lower))
        height = np.maximum(height, piece)
    # A rugged band, thinnest at three fifths of its thickness, tapering at its ends.
    rng = np.random.Generator(np.random.PCG64(canvas.profiles.soft.seed + 5))
    rugged = waves(points.x, canvas.behind, points.height,
                   wave_vectors(rng, 3, (8.0, 30.0), (2.0, 2.0, 1.0)))  # fmt: skip
    taper = np.minimum(np.float32(0.6) + np.maximum(height, 0) * np.float32(0.1), 1)
    half = half * taper * (np.float32(0.85) + np.float32(0.15) * np.clip(rugged, -1, 1))
    across = half - np.abs(canvas.behind - np.float32(edema.shift_mm))
    lateral = reach - np.abs(points.x)
    if edema.side != "both":
        toward = points.x if edema.side == "left" else -points.x
        lateral = np.minimum(lateral, toward)
    inside = _ramp(across) * _ramp(height) * _ramp(lateral, 4.0)
    inside *= np.float32(0.93) + np.float32(0.07) * np.clip(rugged, -1, 1)
    solid = (canvas.tissue == Tissue.CORTEX) | (canvas.tissue == Tissue.POSTERIOR_MARROW)
    dry = solid | (canvas.tissue == Tissue.SKIN) | (canvas.tissue == Tissue.AIR)
    inside[dry] = 0
    np.maximum(canvas.fluid, inside * np.float32(edema.brightness), out=canvas.fluid)


def _subcutaneous(canvas: Canvas, edema: SubcutaneousEdema, territories: Territories) -> None:
    points, profiles = canvas.points, canvas.profiles
    upper = max(territories[level][0] for level in edema.levels)
    lower = min(territories[level][1] for level in edema.levels)
    rng = np.random.Generator(np.random.PCG64(profiles.soft.seed + 4))
    net = waves(points.x, canvas.behind, points.height,
                wave_vectors(rng, 4, (6.0, 16.0), (2.0, 0.8, 1.5)))  # fmt: skip
    strands = np.minimum(np.maximum(1.0 - np.abs(net) * 1.6, 0.1), 1.0)
    clear = _ramp(canvas.behind - np.float32(edema.clear_mm), 2.0)
    height = np.minimum(np.float32(upper) - points.height, points.height - np.float32(lower))
    inside = clear * _ramp(height, 12.0) * strands
    inside[(canvas.tissue != Tissue.SUBCUTANEOUS_FAT) & (canvas.tissue != Tissue.SEPTUM)] = 0
    np.maximum(canvas.fluid, inside * np.float32(edema.brightness), out=canvas.fluid)


def _interspinous(canvas: Canvas, pool: InterspinousFluid) -> None:
    points, profiles = canvas.points, canvas.profiles
    bodies = profiles.spine.bodies
    names = [b.level for b in bodies]
    body = bodies[names.index(pool.level)]
    below = bodies[names.index(pool.level) + 1]
    first, second = profiles.processes[body.level], profiles.processes[below.level]
    y = 0.5 * (first.tip[0] + second.tip[0])
    z = 0.5 * (first.tip[1] + second.tip[1])
    fascia = float(np.interp(z, profiles.z_mm, profiles.fascia_y))
    y = min(y - 4.0, fascia - pool.clear_mm - pool.radius_mm)
    distance = capsule(points.y, points.z, (y, z), (y - 7, z), pool.radius_mm, 0.6 * pool.radius_mm)
    inside = _ramp(np.maximum(-distance, -20)) * _ramp(np.float32(5) - np.abs(points.x), 2.0)
    inside[(canvas.tissue == Tissue.CORTEX) | (canvas.tissue == Tissue.POSTERIOR_MARROW)] = 0
    np.maximum(canvas.fluid, inside * np.float32(pool.brightness), out=canvas.fluid)


def fat_left(
    failure: FatFailure, profile_y: tuple[F64, F64], z: F32, y: F32, levels: dict[str, float]
) -> F32:
    """Share of the fat's signal that escapes suppression at points y, z (phantom mm).

    `profile_y` holds the table heights and the fascia's y; `levels` body heights.
    """
    if failure.where == "sacrum":
        t = (np.float32(levels["S1"]) - z) * np.float32(1 / 40) + 0.5
    elif failure.where == "top":
        t = (z - np.float32(levels["T10"])) * np.float32(1 / 50) + 0.5
    else:
        heights, fascia = profile_y
        dz = z - np.float32(levels["L5"])
        dy = y - np.float32(np.interp(levels["L5"], heights, fascia) + 8)
        t = 1.2 - np.sqrt(dz * dz + dy * dy * 2) * np.float32(1 / 45)
    t = np.minimum(np.maximum(t, 0), 1)
    return np.asarray(np.float32(failure.strength) * t * t * (3 - 2 * t), dtype=np.float32)


__all__ = [
    "FasciaEdema",
    "FatFailure",
    "InterspinousFluid",
    "Pathology",
    "SubcutaneousEdema",
    "fat_left",
    "look_up",
    "paint_pathology",
    "spans",
]
