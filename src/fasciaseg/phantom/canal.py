"""Painter of the spinal canal: thecal sac, cord, nerve roots, epidural fat."""

from __future__ import annotations

import numpy as np

from ..geometry import BoolArray
from .canvas import Canvas, Window, look_up, wave_vectors, waves
from .placement import F32
from .tissue import Tissue


def paint_canal(canvas: Canvas) -> None:
    """Canal with its lining, the sac to S2, the cord to L1 and the roots below."""
    points, profiles = canvas.points, canvas.profiles
    y0, y1 = float(profiles.canal_y.min()) - 16, float(profiles.canal_y.max()) + 20
    window = points.window(y0, y1, -np.inf, np.inf)
    x, y, z = points.x[window], points.y[window], points.z[window]
    if x.size == 0 or float(np.abs(x).min()) > 16:
        return
    index = canvas.index[window]
    radius = look_up(profiles.canal_radius, index)
    depth = (y - look_up(profiles.canal_y, index)) * look_up(profiles.canal_cosine, index)
    across = x * np.float32(1 / 1.35)
    distance = np.sqrt(depth * depth + across * across) - radius
    sacrum = profiles.spine.body("S1").center[1]
    inside = distance < 0
    # Fat wedge behind the sac, between the laminae; ligament and dura line the canal.
    wedge = (depth > 0) & (np.abs(x) + (depth - radius) < 5.5) & (np.abs(x) < 6)
    canvas.paint(wedge, Tissue.EPIDURAL_FAT, window)
    canvas.paint(~inside & (distance < 1.4) & ~wedge, Tissue.LIGAMENT, window)
    canvas.paint(inside, Tissue.EPIDURAL_FAT, window)
    np.copyto(canvas.canal[window], True, where=inside)
    # Below L5 the sac shrinks and leaves the canal's front to fat.
    below = np.minimum(np.maximum((np.float32(sacrum + 28) - z) * np.float32(1 / 60), 0), 1.3)
    sac_radius = radius * (np.float32(0.9) - below * np.float32(0.55)) - 0.3
    moved = depth - below * radius * np.float32(0.25)
    sac = inside & (np.sqrt(moved * moved + across * across) < sac_radius)
    canvas.paint(sac, Tissue.CSF, window)
    _roots(canvas, window, sac, moved, x, z)
    cord = look_up(profiles.cord_radius, index)
    wide = x * np.float32(1 / 1.3)
    canvas.paint(sac & (depth * depth + wide * wide < cord * np.abs(cord)), Tissue.CORD, window)


def _roots(canvas: Canvas, window: Window, sac: BoolArray, depth: F32, x: F32, z: F32) -> None:
    """Cauda equina: thin strands that lie at the back of the sac."""
    profiles = canvas.profiles
    conus = profiles.spine.body("L1").center[1]
    rng = np.random.Generator(np.random.PCG64(profiles.soft.seed + 3))
    strands = waves(x, depth, z, wave_vectors(rng, 3, (2.5, 5.0), (1.0, 0.5, 25.0)))
    back = depth - (z - np.float32(conus)) * np.float32(0.012)
    bundle = sac & (z < conus + 12) & (back > 0.6) & (strands > 0.25)
    canvas.paint(bundle, Tissue.NERVE_ROOT, window)
