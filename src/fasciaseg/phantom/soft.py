"""Painters of everything but bone and canal: skin, fat, fascia, muscle, belly."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas, look_up, tight, wave_vectors, waves
from .placement import F32
from .tissue import Tissue


def paint_soft(canvas: Canvas) -> None:
    """Skin to belly, in the order in which one hides the other."""
    _back(canvas)
    _septa(canvas)
    _muscle(canvas)
    _front(canvas)
    _vessels(canvas)


def subcutaneous_thickness(canvas: Canvas) -> F32:
    """Fat between fascia and skin along y, mm, at every sample."""
    soft = canvas.profiles.soft
    fat = look_up(canvas.profiles.fat, canvas.index)
    x = canvas.points.x
    u = np.minimum(x * x * np.float32(1 / 35.0**2), 1)
    # The skin follows only part of the muscles' bulge: fat fills the furrow.
    filled = fat - np.float32(0.6 * soft.furrow) * u * (2 - u)
    return np.asarray(np.maximum(filled, np.float32(2.5)))


def _back(canvas: Canvas) -> None:
    soft, behind = canvas.profiles.soft, canvas.behind
    fat = subcutaneous_thickness(canvas)
    half = np.float32(soft.fascia / 2)
    canvas.paint(behind > -half, Tissue.FASCIA)
    canvas.paint(behind > half, Tissue.SUBCUTANEOUS_FAT)
    canvas.paint(behind > fat, Tissue.SKIN)
    canvas.paint(behind > fat + np.float32(soft.skin), Tissue.AIR)


def _septa(canvas: Canvas) -> None:
    """Thin sheets in the subcutaneous fat: the superficial fascia and oblique septa."""
    points, profiles = canvas.points, canvas.profiles
    window = tight(canvas.tissue == Tissue.SUBCUTANEOUS_FAT)
    x, y, z = points.x[window], points.y[window], points.z[window]
    if x.size == 0:
        return
    rng = np.random.Generator(np.random.PCG64(profiles.soft.seed))
    fat = look_up(profiles.fat, canvas.index[window])
    behind = canvas.behind[window]
    wavy = waves(x, y, z, wave_vectors(rng, 2, (35.0, 90.0), (1.0, 1.0, 1.0)))
    sheet = np.abs(behind - fat * (np.float32(0.5) + np.float32(0.12) * wavy)) < np.float32(0.45)
    oblique = waves(x, behind, z, wave_vectors(rng, 3, (9.0, 22.0), (2.0, 0.7, 2.0)))
    inside = canvas.tissue[window] == Tissue.SUBCUTANEOUS_FAT
    canvas.paint(inside & ((sheet & (fat > 8)) | (np.abs(oblique) < 0.05)), Tissue.SEPTUM, window)


def _muscle(canvas: Canvas) -> None:
    """Fatty streaks off the midline; ligament and fat between the spinous processes in it."""
    points, profiles = canvas.points, canvas.profiles
    soft = profiles.soft
    low = float((profiles.canal_y + profiles.canal_radius).min())
    window = points.window(low, float(profiles.fascia_y.max()) + 12, -np.inf, np.inf)
    x, y, z = points.x[window], points.y[window], points.z[window]
    if x.size == 0:
        return
    behind = canvas.behind[window]
    spine_y = look_up(profiles.axis_y, canvas.index[window])
    deep = (canvas.tissue[window] == Tissue.MUSCLE) & (y > spine_y)
    rng = np.random.Generator(np.random.PCG64(soft.seed + 1))
    sheets = waves(x, y, z, wave_vectors(rng, 4, (6.0, 22.0), (1.0, 1.0, 3.5)))
    patches = waves(x, y, z, wave_vectors(rng, 4, (14.0, 60.0), (1.0, 1.0, 2.0)))
    side = np.abs(x)
    # Multifidus, next to the midline and low down, turns to fat first.
    likely = np.float32(0.8 - 1.9 * soft.muscle_fat) + side * np.float32(0.025)
    thin = np.abs(sheets) < np.float32(0.10 + 0.35 * soft.muscle_fat)
    canvas.paint(deep & thin & (patches > likely), Tissue.FATTY_MUSCLE, window)
    middle = deep & (side + patches * np.float32(0.6) < np.float32(2.6))
    canvas.paint(middle, Tissue.INTERSPINOUS, window)
    canvas.paint(middle & (sheets > 0.9), Tissue.FATTY_MUSCLE, window)
    canvas.paint(middle & (sheets < -0.9), Tissue.LIGAMENT, window)
    l5 = profiles.spine.body("L5").center[1]
    supraspinous = (side < 4) & (behind > -3) & (z > l5)
    canvas.paint(deep & supraspinous, Tissue.LIGAMENT, window)


def _front(canvas: Canvas) -> None:
    """Fat, bowel, liver and lung before the spine, the belly's wall, air."""
    points, profiles = canvas.points, canvas.profiles
    front = float(profiles.front_y.max())
    window = points.window(-np.inf, front, -np.inf, np.inf)
    x, y, z = points.x[window], points.y[window], points.z[window]
    if x.size == 0:
        return
    ahead = look_up(profiles.front_y, canvas.index[window]) - y
    deep = ahead > 0
    canvas.paint(deep, Tissue.VISCERAL_FAT, window)
    rng = np.random.Generator(np.random.PCG64(profiles.soft.seed + 2))
    blobs = waves(x, y, z, wave_vectors(rng, 4, (35.0, 80.0), (1.0, 1.0, 1.0)))
    free = deep & (ahead > 22)
    canvas.paint(free & (blobs > 0.35), Tissue.BOWEL, window)
    canvas.paint(free & (blobs > 1.0), Tissue.GAS, window)
    # The diaphragm's dome: lung and heart above it, liver or spleen and stomach below.
    t11 = profiles.spine.body("T11").center[1]
    dome = z - np.float32(t11) - np.minimum(ahead, 80) * np.float32(0.5)
    canvas.paint(free & (dome > -45) & (blobs > -0.4), Tissue.ORGAN, window)
    chest = deep & (dome > 0) & (ahead > 14)
    canvas.paint(chest, Tissue.GAS, window)
    canvas.paint(chest & (blobs > 0.3) & (np.abs(x) < 45) & (ahead > 25), Tissue.VESSEL, window)
    flank = np.maximum(np.abs(x) - 70, 0)
    wall = ahead - np.float32(profiles.soft.belly) + blobs * 4 + flank * flank * np.float32(0.012)
    inside = canvas.tissue[window] != Tissue.AIR
    canvas.paint(inside & (wall > -34), Tissue.MUSCLE, window)
    canvas.paint(inside & (wall > -24), Tissue.VISCERAL_FAT, window)
    canvas.paint(wall > 0, Tissue.AIR, window)


def _vessels(canvas: Canvas) -> None:
    """Anterior longitudinal ligament, aorta to L4 on the left, vena cava on the right."""
    points, profiles = canvas.points, canvas.profiles
    front = profiles.front_y
    window = points.window(float(front.min()) - 40, float(front.max()) + 2, -np.inf, np.inf)
    x, y, z = points.x[window], points.y[window], points.z[window]
    if x.size == 0:
        return
    ahead = look_up(front, canvas.index[window]) - y
    l4 = profiles.spine.body("L4").center[1]
    t9 = profiles.spine.body("T9").center[1]
    for side, radius, top in ((8.0, 9.0, np.inf), (-15.0, 10.0, t9)):
        across, depth = x - np.float32(side), ahead - np.float32(radius + 4.5)
        inside = across * across + depth * depth < np.float32(radius * radius)
        canvas.paint(inside & (z > l4 - 12) & (z < top), Tissue.VESSEL, window)
    canvas.paint((np.abs(x) < 13) & (ahead > -0.3) & (ahead < 1.6), Tissue.LIGAMENT, window)
