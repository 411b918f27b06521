"""What can be wrong with the phantom: fascia edema and what looks like it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..vertebrae import SCORED_LEVELS
from .canvas import Canvas, Window, capsule, tight, wave_vectors, waves
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


# Where no fluid gathers, and where subcutaneous edema does.
_DRY = np.array([Tissue.CORTEX, Tissue.POSTERIOR_MARROW, Tissue.SKIN, Tissue.AIR], dtype=np.uint8)
_FATTY = np.array([Tissue.SUBCUTANEOUS_FAT, Tissue.SEPTUM], dtype=np.uint8)


def _ramp(inside_mm: F32, soft_mm: float = 1.0) -> F32:
    """0 outside, 1 inside, over `soft_mm` about zero."""
    share = inside_mm * np.float32(1 / soft_mm) + np.float32(0.5)
    return np.asarray(np.minimum(np.maximum(share, 0), 1))


def _fascia(canvas: Canvas, edema: FasciaEdema, territories: Territories) -> None:
    half = np.float32(edema.thickness_mm / 2)
    shift = np.float32(edema.shift_mm)
    window = tight(np.abs(canvas.behind - shift) < half + 1)
    x, z = canvas.points.x[window], canvas.points.height[window]
    if x.size == 0:
        return
    behind = canvas.behind[window]
    height = np.full(x.shape, -np.inf, dtype=np.float32)
    for upper, lower in spans(edema, territories):
        height = np.maximum(height, np.minimum(np.float32(upper) - z, z - np.float32(lower)))
    # A rugged band that tapers to three fifths at its ends.
    rng = np.random.Generator(np.random.PCG64(canvas.profiles.soft.seed + 5))
    vectors = wave_vectors(rng, 4, (9.0, 50.0), (2.0, 2.0, 1.0))
    rugged = np.clip(waves(x, behind, z, vectors), -1, 1)
    taper = np.minimum(np.float32(0.6) + np.maximum(height, 0) * np.float32(0.1), 1)
    across = half * taper * (np.float32(0.88) + np.float32(0.12) * rugged) - np.abs(behind - shift)
    lateral = np.float32(edema.half_width_mm) - np.abs(x)
    if edema.side != "both":
        lateral = np.minimum(lateral, x if edema.side == "left" else -x)
    inside = _ramp(across) * _ramp(height) * _ramp(lateral, 4.0)
    inside *= np.float32(0.93) + np.float32(0.07) * rugged
    inside[np.isin(canvas.tissue[window], _DRY)] = 0
    _wet(canvas, window, inside, edema.brightness)


def _wet(canvas: Canvas, window: Window, share: F32, brightness: float) -> None:
    """Add fluid; where there is some already, the greater share stays."""
    fluid = canvas.fluid[window]
    np.maximum(fluid, share * np.float32(brightness), out=fluid)


def _subcutaneous(canvas: Canvas, edema: SubcutaneousEdema, territories: Territories) -> None:
    window = tight(np.isin(canvas.tissue, _FATTY))
    x, z = canvas.points.x[window], canvas.points.height[window]
    if x.size == 0:
        return
    behind = canvas.behind[window]
    upper = max(territories[level][0] for level in edema.levels)
    lower = min(territories[level][1] for level in edema.levels)
    rng = np.random.Generator(np.random.PCG64(canvas.profiles.soft.seed + 4))
    net = waves(x, behind, z, wave_vectors(rng, 5, (5.0, 16.0), (2.0, 0.7, 2.5)))
    strands = np.minimum(np.maximum(1.0 - np.abs(net) * 1.6, 0.1), 1.0)
    clear = _ramp(behind - np.float32(edema.clear_mm), 2.0)
    height = np.minimum(np.float32(upper) - z, z - np.float32(lower))
    inside = clear * _ramp(height, 12.0) * strands
    inside[~np.isin(canvas.tissue[window], _FATTY)] = 0
    _wet(canvas, window, inside, edema.brightness)


def _interspinous(canvas: Canvas, pool: InterspinousFluid) -> None:
    profiles = canvas.profiles
    names = [b.level for b in profiles.spine.bodies]
    upper = profiles.processes[pool.level]
    lower = profiles.processes[names[names.index(pool.level) + 1]]
    y = 0.5 * (upper.tip[0] + lower.tip[0])
    z = 0.5 * (upper.tip[1] + lower.tip[1])
    fascia = float(np.interp(z, profiles.z_mm, profiles.fascia_y))
    y = min(y - 4.0, fascia - pool.clear_mm - pool.radius_mm)
    window = canvas.points.window(y - 20, y + 20, z - 20, z + 20)
    points = canvas.points
    distance = capsule(points.y[window], points.z[window], (y, z), (y - 7, z),
                       pool.radius_mm, 0.6 * pool.radius_mm)  # fmt: skip
    inside = _ramp(-distance) * _ramp(np.float32(5) - np.abs(points.x[window]), 2.0)
    inside[np.isin(canvas.tissue[window], _DRY)] = 0
    _wet(canvas, window, inside, pool.brightness)


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
