"""Everything that runs along the back as a function of height: fascia, fat, canal, midline."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .spine import PHANTOM_LEVELS, Body, Spine

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

#: Table step, mm; a lookup takes the nearest entry, so it is off by no more than half of it.
STEP_MM = 0.1

# Distance from the centre of the body to the supraspinous line behind it, mm, horizontally.
_REACH = {
    "T1": 62.0, "T4": 56.0, "T8": 55.0, "T11": 58.0, "L1": 65.0, "L3": 70.0, "L4": 69.0,
    "L5": 63.0, "S1": 50.0, "S2": 34.0, "S3": 24.0, "S4": 18.0, "S5": 15.0,
}  # fmt: skip


# Angle of the spinous process below the endplates' direction, degrees: level or nearly so in
# the lumbar spine, steepest at T6-T8.
_PROCESS_ANGLE = {
    "T1": 22.0, "T2": 30.0, "T3": 38.0, "T4": 44.0, "T5": 50.0, "T6": 54.0, "T7": 55.0,
    "T8": 52.0, "T9": 46.0, "T10": 38.0, "T11": 28.0, "T12": 17.0, "L1": 12.0, "L2": 11.0,
    "L3": 9.0, "L4": 9.0, "L5": 14.0, "S1": 8.0, "S2": 4.0, "S3": 2.0, "S4": 0.0, "S5": 0.0,
}  # fmt: skip


@dataclass(frozen=True)
class SpinousProcess:
    """A spinous process in the midsagittal plane, (y, z) in phantom mm."""

    root: tuple[float, float]
    tip: tuple[float, float]
    root_radius: float
    tip_radius: float


@dataclass(frozen=True)
class SoftTissue:
    """What lies around the spine. Lengths in mm.

    Attributes:
        fat: subcutaneous fat behind the fascia at T6, T12, L4 and S2.
        skin: thickness.
        fascia: thickness of the thoracolumbar fascia.
        muscle_fat: fatty infiltration of the paraspinal muscle, 0 to 1.
        furrow: how far the back muscles bulge behind the midline.
        belly: from the front of the spine to the skin of the belly.
        seed: of septa, streaks, bowel.
    """

    fat: tuple[float, float, float, float] = (9.0, 11.0, 20.0, 16.0)
    skin: float = 2.0
    fascia: float = 1.2
    muscle_fat: float = 0.3
    furrow: float = 5.0
    belly: float = 120.0
    seed: int = 0


@dataclass(frozen=True)
class Profiles:
    """Tables over z for one spine and its soft tissue (phantom coordinates, mm)."""

    spine: Spine
    soft: SoftTissue

    @cached_property
    def z_mm(self) -> F64:
        """Heights of the table entries, foot to head."""
        low = self.spine.bodies[-1].center[1] - 80.0
        high = self.spine.bodies[0].center[1] + 120.0
        return np.arange(low, high, STEP_MM)

    def index(self, z: F32) -> npt.NDArray[np.int32]:
        """Table index of heights z (mm), clipped to the table."""
        scaled = (z - np.float32(self.z_mm[0])) * np.float32(1 / STEP_MM)
        return np.asarray(np.clip(scaled, 0, len(self.z_mm) - 1), dtype=np.int32)

    def at_bodies(self, values: dict[str, float]) -> F64:
        """Smooth table through values given at some levels' body centres."""
        from scipy.interpolate import PchipInterpolator

        levels = [level for level in reversed(PHANTOM_LEVELS) if level in values]
        z = [self.spine.body(level).center[1] for level in levels]
        curve = PchipInterpolator(z, [values[level] for level in levels])
        return np.asarray(curve(np.clip(self.z_mm, z[0], z[-1])))

    def _through(self, points: list[tuple[float, float]], smooth_mm: float) -> F64:
        """Table y(z) through (y, z) points foot to head, going on straight at both ends."""
        from scipy.interpolate import PchipInterpolator
        from scipy.ndimage import gaussian_filter1d

        y, z = np.array(points).T
        low, high = (y[1] - y[0]) / (z[1] - z[0]), (y[-1] - y[-2]) / (z[-1] - z[-2])
        y = np.concatenate([[y[0] - 90 * low], y, [y[-1] + 130 * high]])
        z = np.concatenate([[z[0] - 90], z, [z[-1] + 130]])
        table = np.asarray(PchipInterpolator(z, y)(self.z_mm))
        return np.asarray(gaussian_filter1d(table, smooth_mm / STEP_MM, mode="nearest"))

    @cached_property
    def axis_y(self) -> F64:
        """Line through the body centres."""
        return self._through([b.center for b in reversed(self.spine.bodies)], 2.0)

    @cached_property
    def reach(self) -> F64:
        """Horizontal distance from the body centres to the fascia in the midline."""
        scale = self.spine.scale
        return self.at_bodies({level: r * scale for level, r in _REACH.items()})

    @cached_property
    def fascia_y(self) -> F64:
        """The fascia's middle in the midline."""
        points = [
            (b.center[0] + float(np.interp(b.center[1], self.z_mm, self.reach)), b.center[1])
            for b in reversed(self.spine.bodies)
        ]
        return self._through(points, 14.0)

    @cached_property
    def fat(self) -> F64:
        """Thickness of the subcutaneous fat."""
        upper, middle, lower, sacral = self.soft.fat
        return self.at_bodies({"T6": upper, "T12": middle, "L4": lower, "S2": sacral})

    @cached_property
    def canal_y(self) -> F64:
        """Middle of the spinal canal."""
        return self._through(
            [_canal_point(b, self._canal_ap(b)) for b in reversed(self.spine.bodies)], 3.0
        )

    def _canal_ap(self, body: Body) -> float:
        narrowing = {"S1": 0.85, "S2": 0.6, "S3": 0.4, "S4": 0.3, "S5": 0.25}
        return self.spine.canal * narrowing.get(body.level, 1.0)

    @cached_property
    def canal_radius(self) -> F64:
        """Half the anteroposterior width of the canal, measured across it."""
        return self.at_bodies({b.level: self._canal_ap(b) / 2 for b in self.spine.bodies})

    @cached_property
    def cord_radius(self) -> F64:
        """Half the anteroposterior width of the cord; 0 below the conus at L1/2."""
        return self.at_bodies({"T1": 3.2, "T8": 3.0, "T11": 3.6, "T12": 3.6, "L1": 1.8, "L2": -1.5})

    @cached_property
    def canal_cosine(self) -> F64:
        """Cosine of the canal's angle to the vertical: horizontal to perpendicular distance."""
        slope = np.gradient(self.canal_y, STEP_MM)
        return np.asarray(1 / np.sqrt(1 + slope * slope))

    @cached_property
    def front_y(self) -> F64:
        """Front of the vertebral column."""
        return self._through([tuple(b.point(-b.depth / 2, 0)) for b in reversed(self.spine.bodies)],
                             3.0)  # fmt: skip

    @cached_property
    def processes(self) -> dict[str, SpinousProcess]:
        """The spinous process of every vertebra."""
        return {b.level: _spinous_process(self, b) for b in self.spine.bodies}

    @cached_property
    def midline_x(self) -> F64:
        """Lateral position of the spine: zero without scoliosis."""
        amplitude = self.spine.scoliosis
        return self.at_bodies(
            {"S1": 0.0, "L5": 0.1 * amplitude, "L2": amplitude, "T11": 0.1 * amplitude,
             "T8": -0.5 * amplitude, "T4": 0.0}
        )  # fmt: skip


def _canal_point(body: Body, width: float) -> tuple[float, float]:
    y, z = body.point(body.depth / 2 + width / 2 + 0.5, 0.0)
    return float(y), float(z)


def _spinous_process(profiles: Profiles, body: Body) -> SpinousProcess:
    """From the canal's back wall to 2.5 mm before the fascia, or as far as bone reaches."""
    scale = profiles.spine.scale
    lumbar, sacral = body.level.startswith("L"), body.is_sacral
    thin = {"S2": 3.0, "S3": 2.0, "S4": 1.5, "S5": 1.0}.get(body.level, 4.5)
    r0, r1 = (6.5 * scale, 8.5 * scale) if lumbar else (thin, 0.8 * thin)
    if body.level in ("T11", "T12"):
        r0, r1 = 5.5 * scale, 6.5 * scale
    canal = 2 * float(np.interp(body.center[1], profiles.z_mm, profiles.canal_radius))
    below = 0.05 if sacral else 0.22
    root = body.point(body.depth / 2 + canal + 3.5 + 0.5 * r0, -below * body.height)
    angle = body.tilt + math.radians(_PROCESS_ANGLE[body.level])
    along = np.array([math.cos(angle), -math.sin(angle)])
    length, longest = 0.0, (12.0 if sacral else 52.0) * scale
    while length < longest:
        y, z = root + (length + 0.5) * along
        if y + 0.75 * r1 > float(np.interp(z, profiles.z_mm, profiles.fascia_y)) - 2.5:
            break
        length += 0.5
    tip = root + length * along
    return SpinousProcess((float(root[0]), float(root[1])), (float(tip[0]), float(tip[1])), r0, r1)
