"""What shines near the fascia and isn't edema of it. Each changes a volume in place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from paint import borders_mm
from scipy import ndimage
from subjects import Subject


def subcutaneous(s: Subject, volume: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Reticular fluid in the dependent fat of the lower back, clear of the fascia; its mask."""
    borders = borders_mm(s.centers_mm)
    lower = _lowest(borders, 1)[1] + rng.uniform(-10, 25)
    upper = lower - rng.uniform(40, 110)
    clear = rng.uniform(2.0, 6.0)
    down = np.arange(volume.shape[1]) * s.spacing_mm[1]
    long = ((down > upper) & (down < lower))[:, None]
    noise = ndimage.gaussian_filter(
        rng.normal(size=volume.shape), [rng.uniform(0.8, 2.0) / x for x in s.spacing_mm]
    )
    net = np.exp(-((noise / (rng.uniform(0.3, 0.8) * noise.std())) ** 2))
    bright = s.csf * rng.uniform(0.6, 1.1)
    painted = np.zeros(volume.shape, np.float32)
    for k in _traced(s):
        to_skin = (s.skin[k][:, None] - np.arange(volume.shape[2])) * s.spacing_mm[2]
        with np.errstate(invalid="ignore"):
            fat = long & (s.behind_mm(k) > clear) & (to_skin > 4)
        w = net[k] * ndimage.gaussian_filter(fat.astype(float), 0.5)
        volume[k] = volume[k] * (1 - w) + bright * w
        painted[k] = w
    return painted


def interspinous(s: Subject, volume: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fluid between spinous processes, 8 to 20 mm before the fascia, at one to three levels."""
    edges = [lower for _, lower in list(borders_mm(s.centers_mm).values())[:-1]]
    painted = np.zeros(volume.shape, np.float32)
    count = min(int(rng.integers(1, 4)), len(edges))
    bright = s.csf * rng.uniform(0.7, 1.1)
    down = (np.arange(volume.shape[1]) * s.spacing_mm[1])[:, None]
    for i in rng.choice(len(edges), count, replace=False):
        at = edges[int(i)] + rng.uniform(0, 12)
        deep = rng.uniform(9, 18)
        high, long = rng.uniform(3, 6), rng.uniform(3, 6)
        for k in _traced(s):
            aside = (k * s.spacing_mm[0] - s.middle_mm) / 5.0
            rest = 1 - aside**2
            if rest <= 0:
                continue
            with np.errstate(invalid="ignore"):
                away = ((down - at) / high) ** 2 + ((s.behind_mm(k) + deep) / long) ** 2
            w = np.nan_to_num(np.clip((rest - away) * 2 + 0.5, 0, 1))
            volume[k] = volume[k] * (1 - w) + bright * w
            painted[k] = np.maximum(painted[k], w)
    return painted


def vessels(s: Subject, volume: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Thin bright vessels that cross the fascia or run beside it for a short way."""
    painted = np.zeros(volume.shape, np.float32)
    borders = borders_mm(s.centers_mm)
    top, bottom = min(u for u, _ in borders.values()), max(v for _, v in borders.values())
    slices = _traced(s)
    down = (np.arange(volume.shape[1]) * s.spacing_mm[1])[:, None]
    for _ in range(int(rng.integers(2, 7))):
        at, slope = rng.uniform(top, bottom), rng.uniform(0.6, 3.0) * rng.choice([-1, 1])
        reach, radius = rng.uniform(6, 16), rng.uniform(0.7, 1.5)
        begin = rng.uniform(-12, 4)
        bright = s.csf * rng.uniform(0.7, 1.2)
        for k in [int(rng.choice(slices))]:
            with np.errstate(invalid="ignore"):
                behind = s.behind_mm(k)
                off = np.abs(down - at - slope * behind) / np.hypot(1, slope)
                along = (behind > begin) & (behind < begin + reach)
            w = np.nan_to_num(np.clip((radius - off) / 0.6 + 0.5, 0, 1)) * along
            volume[k] = volume[k] * (1 - w) + bright * w
            painted[k] = np.maximum(painted[k], w)
    return painted


def coil_flare(s: Subject, volume: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A surface coil that makes what is near the skin up to three times as bright."""
    strength, reach = rng.uniform(0.5, 1.1), rng.uniform(15, 45)
    for k in range(len(volume)):
        volume[k] *= np.exp(strength * np.exp(-_below_skin_mm(s, k, volume) / reach))
    return np.zeros(volume.shape, np.float32)


def coil_elements(s: Subject, volume: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Coil elements of unequal gain: one end up to 4 times as bright; 8 cm deep less of it."""
    down = np.arange(volume.shape[1]) * s.spacing_mm[1]
    border, width = rng.uniform(0.2, 0.8) * down[-1], rng.uniform(20, 70)
    gain = rng.choice([-1, 1]) * rng.uniform(0.3, 0.7) * np.tanh((down - border) / width)
    least = rng.uniform(0.6, 1.0)
    for k in range(len(volume)):
        share = 1 - (1 - least) * np.minimum(_below_skin_mm(s, k, volume) / 80, 1)
        volume[k] *= np.exp(gain[:, None] * share)
    return np.zeros(volume.shape, np.float32)


def _below_skin_mm(s: Subject, k: int, volume: np.ndarray) -> np.ndarray:
    """Depth (rows, columns) below the skin of slice `k`; where it wasn't traced, as usual."""
    skin = np.where(np.isnan(s.line[k]), np.nanmedian(s.skin), s.skin[k])[:, None]
    return np.maximum((skin - np.arange(volume.shape[2])) * s.spacing_mm[2], 0)


def swap(s: Subject, volume: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fat and water swapped below some height: fat shines, muscle is dark."""
    borders = borders_mm(s.centers_mm)
    edge = rng.uniform(_lowest(borders, 4)[0], _lowest(borders, 1)[0])
    down = np.arange(volume.shape[1]) * s.spacing_mm[1]
    w = np.clip((down - edge) / 6 + 0.5, 0, 1)[None, :, None]
    body = _body(s, volume)
    swapped = np.where(body, np.maximum(1.15 * s.muscle - volume, 0.1 * s.muscle), volume)
    volume[:] = volume * (1 - w) + swapped * w
    return np.zeros(volume.shape, np.float32)


def failed_suppression(s: Subject, volume: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fat that escapes suppression over the sacrum and, fading, the lowest lumbar levels."""
    borders = borders_mm(s.centers_mm)
    edge = rng.uniform(_lowest(borders, 2)[0], _lowest(borders, 1)[1])
    soft = rng.uniform(8, 25)
    down = (np.arange(volume.shape[1]) * s.spacing_mm[1])[:, None]
    bright = s.muscle * rng.uniform(1.5, 3.0)
    fading = np.clip((down - edge) / soft + 0.5, 0, 1)
    for k in _traced(s):
        to_skin = (s.skin[k][:, None] - np.arange(volume.shape[2])) * s.spacing_mm[2]
        with np.errstate(invalid="ignore"):
            fat = np.clip(s.behind_mm(k) / 1.0 + 0.5, 0, 1) * (to_skin > 1)
        w = np.nan_to_num(fat) * fading
        volume[k] = volume[k] * (1 - w) + bright * w
    return np.zeros(volume.shape, np.float32)


def _lowest(borders: dict[str, tuple[float, float]], n: int) -> tuple[float, float]:
    """The `n`-th labelled level from below: (upper, lower)."""
    spans = list(borders.values())
    return spans[max(len(spans) - n, 0)]


def _traced(s: Subject) -> list[int]:
    return [k for k in range(len(s.line)) if not np.isnan(s.line[k]).all()]


def _body(s: Subject, volume: np.ndarray) -> np.ndarray:
    columns = np.arange(volume.shape[2])
    return np.broadcast_to(columns < s.skin[:, :, None], volume.shape)


Mimic = Callable[[Subject, np.ndarray, np.random.Generator], np.ndarray]
#: By name. With `swap` and `failed_suppression` null with a flag is as right as `none`.
MIMICS: dict[str, Mimic] = {
    "subcutaneous": subcutaneous,
    "interspinous": interspinous,
    "vessels": vessels,
    "coil_flare": coil_flare,
    "swap": swap,
    "failed_suppression": failed_suppression,
    "coil_elements": coil_elements,
}
