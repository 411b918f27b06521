"""Broken vertebral bodies made of whole ones: wedge, hollow or crushed.

An image is warped along the body's own axis. A wedge and a crushed body draw everything above and
below towards them; into a hollow one the discs sink.
"""

from __future__ import annotations

import numpy as np

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
    height, depth = size_mm
    if shape == "wedge":
        share = np.clip(0.5 - back_mm / depth, 0, 1)
    elif shape == "biconcave":
        share = np.clip(1 - (2 * back_mm / depth) ** 2, 0, 1)
    else:
        share = np.ones_like(back_mm)
    half, left = height / 2, height / 2 * (1 - loss * share)
    u = np.abs(down_mm)
    away = u - left
    if shape == "biconcave":
        # Back in place where the disc ends.
        beyond = half + away * SINKS_MM / (half + SINKS_MM - left)
        beyond = np.where(u > half + SINKS_MM, u, beyond)
    else:
        beyond = half + away
    return np.asarray(np.where(away < 0, u * half / left, beyond) * np.sign(down_mm))
