"""Fluid-like edema painted along the fascia of a real scan, with its truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from subjects import Subject

#: Half of the blur of a painted border, mm.
BLUR_MM = 0.7


@dataclass(frozen=True)
class Edema:
    """One band.

    Attributes:
        upper_mm, lower_mm: its ends, down from the first row.
        thickness_mm: across the fascia.
        offset_mm: its middle behind (+) or before (-) the fascia.
        right_mm, left_mm: how far it reaches to both sides of the spine's middle.
        brightness: 0 for the exam's muscle, 1 for its CSF.
        coil: share of the coil's gain at the fascia that it is painted with.
        texture: standard deviation of its brightness.
        gaps_mm: (upper, lower) of stretches left out.
        seed: of texture and thickness.
    """

    upper_mm: float
    lower_mm: float
    thickness_mm: float
    offset_mm: float
    right_mm: float
    left_mm: float
    brightness: float
    coil: float
    texture: float
    gaps_mm: tuple[tuple[float, float], ...]
    seed: int


def borders_mm(centers: dict[str, np.ndarray]) -> dict[str, tuple[float, float]]:
    """{level: (upper, lower)} of the labelled levels, down from the first row (rule `axial`)."""
    names = sorted(centers, key=lambda n: centers[n][1])
    down = np.array([centers[n][1] for n in names])
    between = (down[:-1] + down[1:]) / 2
    first, last = down[1] - down[0], down[-1] - down[-2]
    edges = np.concatenate([[down[0] - first / 2], between, [down[-1] + last / 2]])
    return {n: (float(edges[i]), float(edges[i + 1])) for i, n in enumerate(names)}


def random_edema(s: Subject, rng: np.random.Generator) -> tuple[Edema, ...]:
    """One band, sometimes two, over random stretches of the labelled levels."""
    borders = borders_mm(s.centers_mm)
    names = list(borders)
    runs = [_run(len(names), rng)]
    if len(names) >= 4 and rng.random() < 0.15:
        first, last = runs[0]
        if last + 2 < len(names):
            start = int(rng.integers(last + 2, len(names)))
            runs.append((start, int(rng.integers(start, len(names)))))
    thickness = float(rng.uniform(2, 10))
    shared = {
        "thickness_mm": thickness,
        "offset_mm": float(rng.uniform(-0.35, 0.35)) * thickness,
        "right_mm": float(rng.uniform(3, 25)),
        "left_mm": float(rng.uniform(3, 25)),
        "brightness": float(rng.uniform(0.1, 1.15)),
        "coil": float(rng.choice([0.0, 1.0], p=[0.3, 0.7])),
        "texture": float(rng.uniform(0.03, 0.18)),
    }
    out = []
    for first, last in runs:
        step = borders[names[first]][1] - borders[names[first]][0]
        upper = borders[names[first]][0] + rng.uniform(-0.1 if first else 0.02, 0.45) * step
        step = borders[names[last]][1] - borders[names[last]][0]
        lower = borders[names[last]][1] + rng.uniform(-0.45, 0.1) * step
        if lower - upper < 15:
            lower = upper + 15
        gaps = []
        if rng.random() < 0.3:
            for _ in range(int(rng.integers(1, 4))):
                at = rng.uniform(upper, lower)
                gaps.append((float(at), float(at + rng.uniform(3, 10))))
        out.append(
            Edema(
                float(upper), float(lower), **shared, gaps_mm=tuple(gaps),
                seed=int(rng.integers(2**31)),
            )
        )  # fmt: skip
    return tuple(out)


def _run(n: int, rng: np.random.Generator) -> tuple[int, int]:
    length = int(rng.choice([1, 2, 3, 4, 5], p=[0.25, 0.25, 0.2, 0.18, 0.12]))
    length = min(length, n)
    first = int(rng.integers(0, n - length + 1))
    return first, first + length - 1


def paint(s: Subject, volume: np.ndarray, bands: tuple[Edema, ...]) -> np.ndarray:
    """Paint in place and return the share of each voxel that is edema, like `volume`."""
    share = np.zeros(volume.shape, np.float32)
    down = np.arange(volume.shape[1]) * s.spacing_mm[1]
    for e in bands:
        rng = np.random.default_rng(e.seed)
        wobble = 1 + 0.25 * _along(rng, len(down), 12 / s.spacing_mm[1])
        long = _inside(down, e.upper_mm, e.lower_mm)
        for upper, lower in e.gaps_mm:
            long *= 1 - _inside(down, upper, lower)
        grain = ndimage.gaussian_filter(
            rng.normal(size=volume.shape), [1.0 / x for x in s.spacing_mm]
        )
        grain /= grain.std()
        for k in range(len(volume)):
            aside = k * s.spacing_mm[0] - s.middle_mm
            if not -e.right_mm <= aside <= e.left_mm or np.isnan(s.line[k]).all():
                continue
            behind = _across(s, k)
            half = (e.thickness_mm / 2 * wobble)[:, None]
            w = np.clip((half - np.abs(behind - e.offset_mm)) / BLUR_MM + 0.5, 0, 1)
            w = np.nan_to_num(w * long[:, None]).astype(np.float32)
            # Edema ends before the skin.
            to_skin = (s.skin[k][:, None] - np.arange(volume.shape[2])) * s.spacing_mm[2]
            w[to_skin < 3] = 0
            # Water shines at least like muscle on every sequence that is read for edema.
            level = s.muscle + e.brightness * (max(s.csf, 1.15 * s.muscle) - s.muscle)
            value = level * (s.coil[:, None] ** e.coil) * (1 + e.texture * grain[k])
            volume[k] = volume[k] * (1 - w) + np.maximum(value, 0) * w
            share[k] = np.maximum(share[k], w)
    return share


def _across(s: Subject, k: int) -> np.ndarray:
    """Distance behind the fascia at a right angle to it, to first order, mm."""
    line = s.line[k] * s.spacing_mm[2]
    known = ~np.isnan(line)
    lean = np.full(len(line), np.nan)
    lean[known] = np.gradient(line[known], s.spacing_mm[1])
    return s.behind_mm(k) / np.sqrt(1 + lean[:, None] ** 2)


def _inside(at: np.ndarray, upper: float, lower: float) -> np.ndarray:
    return np.clip((at - upper) / 1.0 + 0.5, 0, 1) * np.clip((lower - at) / 1.0 + 0.5, 0, 1)


def _along(rng: np.random.Generator, n: int, sigma: float) -> np.ndarray:
    noise = ndimage.gaussian_filter1d(rng.normal(size=n), sigma)
    return noise / max(float(noise.std()), 1e-6)
