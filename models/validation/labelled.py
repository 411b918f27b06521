"""What the labels of a scan say of its bodies' heights, and bodies of a scan broken in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from crush import SHAPES, Break
from data import S1, spider_targets
from frames import Body, LabelMask, outlined
from scans import ScanStack
from scipy import ndimage

from fasciaseg.reading import Reading

#: A body that is broken loses between these shares of its height; a hollow one can't lose more.
LEAST_LOST, MOST_LOST, MOST_HOLLOW = 0.15, 0.8, 0.7


@dataclass(frozen=True, eq=False)
class Broken:
    """A body of a scan that was broken.

    Attributes:
        level: what it was called before.
        loss, shape: as in `crush.source_of`.
        centers_mm: where every body now lies, by its name before; (y, z) LPS.
        wet: whether the broken one was given marrow edema.
    """

    level: str
    loss: float
    shape: str
    centers_mm: dict[str, np.ndarray]
    wet: bool


def heights_by_label(stack: ScanStack, case: dict[str, Any], reading: Reading) -> np.ndarray:
    """(n, 3) heights on the label masks of the bodies found, in the bodies' own axes, mm."""
    found = [f.level for f in reading.result.fractures]
    at = {v.level: np.array(v.center_lps_mm) for v in reading.result.vertebrae}
    centers = np.array([at[level] for level in found])
    out = []
    for part in reading.slices:
        numbers = _numbers(stack, case, part.slice.index)
        g = part.slice.geometry
        places = g.to_pixel(centers) * np.asarray(g.spacing_mm)
        lines = np.gradient(places, axis=0)
        rows = []
        for place, line in zip(places, lines, strict=True):
            rows.append([np.nan] * 3)
            pixel = np.round(place / g.spacing_mm).astype(int)
            number = numbers[tuple(np.clip(pixel, 0, np.array(g.shape) - 1))]
            if not number or number == S1:
                continue
            mask = LabelMask(g, (numbers == number).astype(np.float32))
            _, outline = outlined(mask, place, line)
            if outline is not None:
                rows[-1] = list(outline.heights_mm)
        out.append(rows)
    each = np.array(out)
    known = np.isfinite(each).any(axis=0)
    median = np.full(known.shape, np.nan)
    median[known] = np.nanmedian(each[:, known], axis=0)
    return median


def break_one(
    stack: ScanStack, case: dict[str, Any], whole: Reading, rng: np.random.Generator
) -> Broken | None:
    """Break one body of a scan in place; None where none can be."""
    found = [f.level for f in whole.result.fractures]
    known = np.isfinite(heights_by_label(stack, case, whole)).all(axis=1)
    inner = [i for i in range(1, len(found) - 1) if known[i] and found[i] != "L5"]
    if not inner:
        return None
    i = int(rng.choice(inner))
    centers = np.array([v.center_lps_mm for v in whole.result.vertebrae if v.level in found])
    part = whole.slices[len(whole.slices) // 2].slice
    g, mm = part.geometry, np.asarray(part.geometry.spacing_mm)
    numbers = _numbers(stack, case, part.index)
    places = g.to_pixel(centers) * mm
    number = numbers[tuple(np.round(places[i] / mm).astype(int))]
    if not number:
        return None
    mask = numbers == number
    center = np.argwhere(mask).mean(axis=0) * mm
    line = np.gradient(places, axis=0)[i]
    down, outline = outlined(LabelMask(g, mask.astype(np.float32)), center, line)
    if outline is None:
        return None
    shape = SHAPES[int(rng.integers(len(SHAPES)))]
    loss = rng.uniform(LEAST_LOST, MOST_HOLLOW if shape == "biconcave" else MOST_LOST)
    size = (float(np.nanmax(outline.heights_mm)), float(len(outline.columns)))
    broken = Break(Body(int(number), center, down, size), float(loss), shape)
    pixels = np.moveaxis(np.indices(part.pixels.shape, float), 0, -1)
    at = tuple(np.moveaxis(broken.source(pixels * mm) / mm, -1, 0))
    volume = stack.volume.astype(np.float32)
    stack.volume = np.stack([ndimage.map_coordinates(s, at, order=1) for s in volume])
    stack.labels = np.stack([ndimage.map_coordinates(s, at, order=0) for s in stack.labels])
    named = case["levels"] is not None
    wet = bool(named and case["sequence"] == "DIXON_WATER" and rng.random() < 0.5)
    if wet:
        body = (stack.labels == number).astype(np.float32)
        gain = rng.uniform(1.5, 2.8) - 1
        stack.volume = stack.volume * (1 + gain * ndimage.gaussian_filter(body, [0, 1, 1]))
    moved = g.to_lps(broken.seen(places) / mm)[:, 1:]
    return Broken(found[i], float(loss), shape, dict(zip(found, moved, strict=True)), wet)


def _numbers(stack: ScanStack, case: dict[str, Any], index: int) -> np.ndarray:
    """A slice's labels with one number a body."""
    labels = stack.labels[index]
    return spider_targets(labels)[2] if case["levels"] is None else labels
