"""Broken vertebral bodies made of whole ones: wedge, hollow or crushed.

An image is warped along the body's own axis. A wedge and a crushed body draw everything above and
below towards them; into a hollow one the discs sink.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from frames import Body

#: The disc that sinks into a hollow end plate is taken from this much beside it (mm).
SINKS_MM = 6.0
SHAPES = ("wedge", "biconcave", "crush")


def source_of(
    down_mm: np.ndarray,
    back_mm: np.ndarray,
    size_mm: tuple[float, float],
    loss: float,
    shape: str,
) -> np.ndarray:
    """Where in the whole image a place of the broken one lies: its `down_mm` there.

    Args:
        down_mm, back_mm: places relative to the body's centre, along its axis to the foot and
            across it to the back.
        size_mm: the whole body's height and depth.
        loss: share of the height that is lost where most is.
        shape: one of `SHAPES`.
    """
    half, left = _half_heights(back_mm, size_mm, loss, shape)
    u = np.abs(down_mm)
    away = u - left
    if shape == "biconcave":
        # Back in place where the disc ends.
        beyond = half + away * SINKS_MM / (half + SINKS_MM - left)
        beyond = np.where(u > half + SINKS_MM, u, beyond)
    else:
        beyond = half + away
    return np.asarray(np.where(away < 0, u * half / left, beyond) * np.sign(down_mm))


def seen_at(
    down_mm: np.ndarray,
    back_mm: np.ndarray,
    size_mm: tuple[float, float],
    loss: float,
    shape: str,
) -> np.ndarray:
    """Where in the broken image a place of the whole one lies: the inverse of `source_of`."""
    half, left = _half_heights(back_mm, size_mm, loss, shape)
    u = np.abs(down_mm)
    beyond = u - half + left
    if shape == "biconcave":
        beyond = left + (u - half) * (half + SINKS_MM - left) / SINKS_MM
        beyond = np.where(u > half + SINKS_MM, u, beyond)
    return np.asarray(np.where(u < half, u * left / half, beyond) * np.sign(down_mm))


def _half_heights(
    back_mm: np.ndarray, size_mm: tuple[float, float], loss: float, shape: str
) -> tuple[float, np.ndarray]:
    """Half of the whole body's height, and half of what is left of it at each depth."""
    height, depth = size_mm
    if shape == "wedge":
        share = np.clip(0.5 - back_mm / depth, 0, 1)
    elif shape == "biconcave":
        share = np.clip(1 - (2 * back_mm / depth) ** 2, 0, 1)
    else:
        share = np.ones_like(back_mm)
    return height / 2, height / 2 * (1 - loss * share)


@dataclass(frozen=True, eq=False)
class Break:
    """One body of an image broken; all places are (..., 2), (row, column) in mm.

    Attributes:
        body: the whole body.
        loss, shape: as in `source_of`.
    """

    body: Body
    loss: float
    shape: str

    def source(self, places: np.ndarray) -> np.ndarray:
        """Where in the whole image places of the broken one lie."""
        return self._moved(places, source_of)

    def seen(self, places: np.ndarray) -> np.ndarray:
        """Where in the broken image places of the whole one lie."""
        return self._moved(places, seen_at)

    def _moved(self, places: np.ndarray, along: Callable[..., np.ndarray]) -> np.ndarray:
        down = self.body.down
        back = np.array([-down[1], down[0]])
        away = places - self.body.center
        u, a = away @ down, away @ back
        u = along(u, a, self.body.size_mm, self.loss, self.shape)
        return np.asarray(self.body.center + u[..., None] * down + a[..., None] * back)
