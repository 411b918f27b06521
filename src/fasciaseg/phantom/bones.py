"""Painters of the vertebrae: bodies, discs, arches, spinous processes."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from .canvas import Canvas, Window, capsule
from .placement import F32
from .spine import Body
from .tissue import Tissue


def paint_bones(canvas: Canvas) -> None:
    """Discs first, then what covers them."""
    bodies = canvas.profiles.spine.bodies
    for body, below in pairwise(bodies):
        _disc(canvas, body, below)
    for number, body in enumerate(bodies, start=1):
        _body(canvas, body, number)
    for body in reversed(bodies):
        _arch(canvas, body)


def _local(canvas: Canvas, window: Window, body: Body) -> tuple[F32, F32]:
    """Distances behind and above a body's centre along its own axes, mm."""
    dy = canvas.points.y[window] - np.float32(body.center[0])
    dz = canvas.points.z[window] - np.float32(body.center[1])
    c, s = np.float32(math.cos(body.tilt)), np.float32(math.sin(body.tilt))
    return dy * c - dz * s, dy * s + dz * c


def _around(canvas: Canvas, y: float, z: float, radius: float) -> Window:
    return canvas.points.window(y - radius, y + radius, z - radius, z + radius)


def _body(canvas: Canvas, body: Body, number: int) -> None:
    radius = math.hypot(body.height / 2 + 3, body.depth / 2 + 4)
    window = _around(canvas, *body.center, radius)
    x = canvas.points.x[window]
    if x.size == 0 or float(np.abs(x).min()) > body.width / 2:
        return
    a, b = _local(canvas, window, body)
    distance = body_distance(body, canvas.profiles.spine.waist, x, a, b)
    inside = distance < 0
    canvas.paint(inside, Tissue.CORTEX, window)
    marrow = distance < np.float32(-0.7)
    canvas.paint(marrow, Tissue.MARROW, window)
    # The basivertebral vein enters in the middle of the back wall.
    vein = (np.abs(x) < 4) & (np.abs(b) < a * np.float32(0.12) - 0.4) & (a > 0.1 * body.depth)
    if not body.is_sacral:
        canvas.paint(vein & marrow, Tissue.VEIN, window)
    np.copyto(canvas.body[window], np.uint8(number), where=inside)
    np.copyto(canvas.canal[window], False, where=inside)
    if body.fracture is not None and body.fracture.edema > 0:
        # Densest under the broken upper endplate, fading to the lower one.
        share = np.minimum(np.maximum(b * np.float32(1.2 / body.height) + 0.7, 0.15), 1)
        fluid = np.float32(body.fracture.edema) * share
        np.copyto(canvas.fluid[window], fluid, where=marrow)


def body_distance(body: Body, waist: float, x: F32, a: F32, b: F32) -> F32:
    """Signed distance (mm, negative inside) to a body's surface.

    A box with rounded edges whose endplates are hollow and whose sides are waisted; seen from
    above it is round in front and flat behind.
    """
    h, d, w = body.height, body.depth, body.width
    side = np.minimum(np.abs(x) * np.float32(2 / w), 1)
    side2 = side * side
    level = b * np.float32(2 / h)
    level2 = np.minimum(level * level, 1.5)
    pull = np.float32(waist * d) * (1 - level2)
    front = np.sqrt(1 - side2 * side) * np.float32(d / 2) - pull * np.float32(0.6)
    if body.lip:
        front = front + np.float32(body.lip) * level2 * level2
    back = np.sqrt(1 - side2 * side2 * side2) * np.float32(d / 2) - pull * np.float32(0.4)
    along = a * np.float32(2 / d)
    hollow = np.maximum(1 - along * along, 0) * (1 - side2)
    tilt = along * np.float32(body.wedge / 4)
    upper = np.float32(h / 2) - tilt - hollow * np.float32(body.concavity[0])
    lower = np.float32(h / 2) - tilt - hollow * np.float32(body.concavity[1])
    rounding = np.float32(min(3.0, 0.18 * h))
    beside = np.maximum(a - back, -a - front) + rounding
    above = np.maximum(b - upper, -b - lower) + rounding
    p, q = np.maximum(beside, 0), np.maximum(above, 0)
    distance = np.sqrt(p * p + q * q) + np.minimum(np.maximum(beside, above), 0) - rounding
    if body.schmorl:
        u, v = a - np.float32(0.08 * d), b + np.float32(h / 2 - 0.5)
        node = np.sqrt(u * u * 0.6 + v * v + x * x * 0.3)
        distance = np.maximum(distance, np.float32(4.2) - node)
    return np.asarray(distance, dtype=np.float32)


def _disc(canvas: Canvas, body: Body, below: Body) -> None:
    upper, lower = body.point(0, -body.height / 2), below.point(0, below.height / 2)
    y, z = (upper + lower) / 2
    depth = 0.5 * (body.depth + below.depth) + (1.5 if not body.is_sacral else -1.0)
    thickness = body.disc + 9.0
    window = _around(canvas, float(y), float(z), depth / 2 + 4)
    x = canvas.points.x[window]
    width = 0.5 * (body.width + below.width)
    if x.size == 0 or float(np.abs(x).min()) > width / 2:
        return
    tilt = (body.tilt + below.tilt) / 2
    c, s = np.float32(math.cos(tilt)), np.float32(math.sin(tilt))
    dy, dz = canvas.points.y[window] - np.float32(y), canvas.points.z[window] - np.float32(z)
    a, b = dy * c - dz * s, dy * s + dz * c
    u, v = a * np.float32(2 / depth), x * np.float32(2 / width)
    radial = u * u * u * u + v * v * v * v
    span = np.float32(thickness / 2)
    annulus = (radial < 1) & (np.abs(b) < span)
    canvas.paint(annulus, Tissue.ANNULUS, window)
    if body.is_sacral:
        return
    # Lordotic discs open to the front: half the gap, growing with the difference in tilt.
    gap = np.float32(body.disc / 2) - a * np.float32((below.tilt - body.tilt) * -0.5)
    core = (u + np.float32(0.06)) * (u + np.float32(0.06))
    core = core * core * 2.6 + core * 0.4 + v * v * 1.8
    ratio = b / np.maximum(gap + np.float32(1.2), 1)
    inside = core + ratio * ratio < 1
    tissue = Tissue.DEGENERATED_DISC if body.degenerated else Tissue.NUCLEUS
    canvas.paint(inside & annulus, tissue, window)


def _arch(canvas: Canvas, body: Body) -> None:
    """Lamina, pedicle, articular pillar and spinous process of one vertebra."""
    profiles = canvas.profiles
    process = profiles.processes[body.level]
    reach = max(
        45.0 * profiles.spine.scale + body.depth / 2,
        math.hypot(process.tip[0] - body.center[0], process.tip[1] - body.center[1]) + 12,
    )
    y, z = body.center
    window = canvas.points.window(y, y + reach, z - reach, z + body.height)
    x = canvas.points.x[window]
    if x.size == 0:
        return
    side = np.abs(x)
    near, far = float(side.min()), float(side.max())
    wide = 1.0 if body.level.startswith("L") else 0.8 if not body.is_sacral else 0.7
    if far > 9 and near < 24 and not body.is_sacral:
        _pillar(canvas, body, window, side, wide)
    if near < 15:
        _lamina(canvas, body, window, side, wide)
    if near < 5:
        points = canvas.points
        distance = capsule(points.y[window], points.z[window], process.root, process.tip,
                           process.root_radius, process.tip_radius)  # fmt: skip
        half = 3.4 if body.level.startswith("L") else 2.8
        _bone(canvas, np.maximum(distance, side - np.float32(half)), window)


def _bone(canvas: Canvas, distance: F32, window: Window) -> None:
    """Cortex with marrow in it, leaving the bodies and the canal as they are."""
    free = (canvas.body[window] == 0) & ~canvas.canal[window]
    canvas.paint(free & (distance < 0), Tissue.CORTEX, window)
    canvas.paint(free & (distance < np.float32(-0.8)), Tissue.POSTERIOR_MARROW, window)


def _lamina(canvas: Canvas, body: Body, window: Window, side: F32, wide: float) -> None:
    a, b = _local(canvas, window, body)
    canal = 2 * float(np.interp(body.center[1], canvas.profiles.z_mm, canvas.profiles.canal_radius))
    back = body.depth / 2 + canal
    h = body.height
    # Laminae slope forward away from the midline.
    shifted = a + side * np.float32(0.25)
    bottom = -0.5 * h if body.is_sacral else -0.62 * h
    distance = capsule(shifted, b, (back + 3.4, 0.06 * h), (back + 5.6, bottom), 2.6, 3.2)
    _bone(canvas, np.maximum(distance, side - np.float32(14 * wide)), window)


def _pillar(canvas: Canvas, body: Body, window: Window, side: F32, wide: float) -> None:
    a, b = _local(canvas, window, body)
    h, back = body.height, body.depth / 2
    between = np.maximum(np.float32(10.5 * wide) - side, side - np.float32(21 * wide))
    # Foramen: fat below the pedicle with the nerve root in it.
    hole = capsule(a, b, (back + 4, -0.15 * h), (back + 6, -0.55 * h), 6.0, 4.5)
    hole = np.maximum(hole, between)
    free = canvas.body[window] == 0
    outside = free & ~canvas.canal[window]
    canvas.paint(outside & (hole < 0), Tissue.VISCERAL_FAT, window)
    root = np.maximum(capsule(a, b, (back + 5, -0.3 * h), (back + 5, -0.35 * h), 2.6, 2.6), between)
    canvas.paint(outside & (root < 0), Tissue.NERVE_ROOT, window)
    pedicle = capsule(a, b, (back - 4, 0.2 * h), (back + 11, 0.16 * h), 0.26 * h, 0.26 * h)
    _bone(canvas, np.maximum(pedicle, between), window)
    upper = capsule(a, b, (back + 10, 0.62 * h), (back + 15, 0.0), 3.2, 5.5)
    lower = capsule(a, b, (back + 15, 0.0), (back + 19, -0.85 * h), 5.0, 4.2)
    joint = capsule(a, b, (back + 13, -0.62 * h), (back + 16, -1.0 * h), 1.2, 1.2)
    canvas.paint(outside & (np.maximum(joint, between) < 0), Tissue.CARTILAGE, window)
    _bone(canvas, np.maximum(np.minimum(upper, lower), between), window)
