"""A painted volume as a clinical stack of slices, and what a reader of it should say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from paint import borders_mm
from scipy import ndimage
from subjects import Subject

from fasciaseg.geometry import Slice, SliceGeometry
from fasciaseg.scoring.score import classify
from fasciaseg.vertebrae import SCORED_LEVELS

#: Levels whose true coverage lies between these are borderline: a reader may say either.
BORDERLINE = (0.2, 0.5)


@dataclass(frozen=True)
class Scanner:
    """How the volume was scanned.

    Attributes:
        thickness_mm: of a slice.
        phase: which native slice the first one begins with.
        gain: (down, back) slopes of the log of the coil's gain over the image.
        noise: standard deviation, as a share of muscle.
    """

    thickness_mm: float
    phase: int
    gain: tuple[float, float]
    noise: float
    seed: int


def random_scanner(s: Subject, rng: np.random.Generator) -> Scanner:
    """Slices of 3.5 to 5 mm, a coil of its own, some noise."""
    thickness = float(rng.uniform(3.5, 5.0))
    n = max(1, round(thickness / s.spacing_mm[0]))
    down, back = rng.normal(0, 0.15), abs(rng.normal(0, 0.25))
    return Scanner(
        thickness_mm=n * s.spacing_mm[0],
        phase=int(rng.integers(n)),
        gain=(float(down), float(back)),
        noise=float(rng.uniform(0, 0.05)),
        seed=int(rng.integers(2**31)),
    )


class ClinicalStack:
    """Thick sagittal slices of a volume; what `pipeline.read_stack` asks of a series."""

    def __init__(self, s: Subject, volume: np.ndarray, scanner: Scanner) -> None:
        n = max(1, round(scanner.thickness_mm / s.spacing_mm[0]))
        self.groups = [list(range(k, k + n)) for k in range(scanner.phase, len(volume) - n + 1, n)]
        rng = np.random.default_rng(scanner.seed)
        rows, columns = volume.shape[1:]
        y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
        gain = np.exp(scanner.gain[0] * y + scanner.gain[1] * x)
        level = scanner.noise * s.muscle
        self.pixels = []
        for group in self.groups:
            image = volume[group].mean(axis=0) * gain
            if level > 0:
                a, b = rng.normal(0, level, (2, *image.shape))
                image = np.hypot(image + a, b)
            self.pixels.append(image.astype(np.float32))
        self.at_mm = [float(np.mean(g)) * s.spacing_mm[0] for g in self.groups]
        self._geometries = [
            SliceGeometry(
                (at, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0), s.spacing_mm[1:], (rows, columns)
            )
            for at in self.at_mm
        ]

    @property
    def geometries(self) -> Sequence[SliceGeometry]:
        """Geometry of every slice."""
        return self._geometries

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> Slice:
        return Slice(self.pixels[index], self._geometries[index], f"1.2.{index}", index)

    def averaged(self, volume: np.ndarray, index: int) -> np.ndarray:
        """Mean of a native volume over a slice's thickness."""
        return np.asarray(volume[self.groups[index]].mean(axis=0))


@dataclass(frozen=True, eq=False)
class Truth:
    """What should be said.

    Attributes:
        coverage: {level: share of its fascia that is painted} of every labelled level.
        length_mm: painted length on the central slice's fascia.
        masks: {slice index: painted pixels} of the three central slices.
        contrast: painted brightness over the normal fascia band (5 mm) in its place.
        contrast_muscle: the same over the exam's muscle.
    """

    coverage: dict[str, float]
    length_mm: float
    masks: dict[int, np.ndarray]
    contrast: float
    contrast_muscle: float

    @property
    def levels(self) -> tuple[str, ...]:
        """Involved: a third or more is painted."""
        return tuple(n for n in SCORED_LEVELS if self.coverage.get(n, 0.0) >= 1 / 3)

    @property
    def clear(self) -> bool:
        """No level is borderline."""
        return not any(BORDERLINE[0] <= c <= BORDERLINE[1] for c in self.coverage.values())

    @property
    def classes(self) -> tuple[str | None, str | None]:
        """Location and severity."""
        c = classify(self.levels)
        return c.location, c.severity


def truth_of(
    s: Subject, stack: ClinicalStack, clean: np.ndarray, painted: np.ndarray, share: np.ndarray
) -> Truth:
    """The truth of a painted volume on the three slices nearest to the bodies' middle."""
    away = np.abs(np.array(stack.at_mm) - s.middle_mm)
    middle = int(np.clip(np.nonzero(away <= away.min() + 1e-6)[0].max(), 1, len(away) - 2))
    central = (middle - 1, middle, middle + 1)
    masks = {i: stack.averaged(share, i) >= 0.5 for i in central}
    down_mm, back_mm = s.spacing_mm[1:]
    native = stack.groups[middle][len(stack.groups[middle]) // 2]
    line = s.line[native]
    known = ~np.isnan(line)
    covered = np.zeros(len(line), bool)
    for mask in masks.values():
        covered |= mask.any(axis=1)
    covered &= known
    # Arc length: each row of the line stands for its own stretch.
    lean = np.zeros(len(line))
    lean[known] = np.gradient(ndimage.gaussian_filter1d(line[known], 2.0), down_mm) * back_mm
    arc = down_mm * np.sqrt(1 + lean**2)
    down = np.arange(len(line)) * down_mm
    coverage, inside = {}, np.zeros(len(line), bool)
    for name, (upper, lower) in borders_mm(s.centers_mm).items():
        mine = (down >= upper) & (down < lower) & known
        inside |= mine
        coverage[name] = float(arc[mine & covered].sum() / max(arc[mine].sum(), 1e-6))
    contrast, muscle = _contrasts(s, stack, clean, painted, masks)
    return Truth(coverage, float(arc[covered & inside].sum()), masks, contrast, muscle)


def _contrasts(
    s: Subject,
    stack: ClinicalStack,
    clean: np.ndarray,
    painted: np.ndarray,
    masks: dict[int, np.ndarray],
) -> tuple[float, float]:
    bright, normal = [], []
    for i, mask in masks.items():
        if not mask.any():
            continue
        bright.append(stack.averaged(painted, i)[mask])
        with np.errstate(invalid="ignore"):
            band = np.abs(s.behind_mm(stack.groups[i][0])) <= 2.5
        normal.append(stack.averaged(clean, i)[band & mask.any(axis=1)[:, None]])
    if not bright or not sum(map(len, normal)):
        return float("nan"), float("nan")
    value = float(np.concatenate(bright).mean())
    return value / max(float(np.concatenate(normal).mean()), 1e-6), value / s.muscle
