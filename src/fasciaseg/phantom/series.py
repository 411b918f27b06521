"""The series of a spine exam: which planes, which contrasts, in which order."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from ..geometry import SliceGeometry, Vector
from .imaging import Sampling
from .model import SpinePhantom
from .tissue import PROTOCOLS, Protocol, Sequence


@dataclass(frozen=True)
class Contrast:
    """One series measured on a stack.

    Attributes:
        name: SeriesDescription.
        protocol: physics.
        image_type: DICOM ImageType.
        order: how instances are numbered along the stack.
    """

    name: str
    protocol: Protocol
    image_type: tuple[str, ...] = ("ORIGINAL", "PRIMARY", "M", "NORM")
    order: str = "along"


@dataclass(frozen=True)
class Stack:
    """Slices and what is measured on them.

    Attributes:
        slices: geometry of each.
        contrasts: the series.
        spacing_mm: between slice centres; None for slices that aren't parallel.
        sampling: how a slice is measured; its thickness is the slices'.
        localizer: a scout, low resolution.
    """

    slices: tuple[SliceGeometry, ...]
    contrasts: tuple[Contrast, ...]
    spacing_mm: float | None
    sampling: Sampling = field(default_factory=Sampling)
    localizer: bool = False


@dataclass(frozen=True)
class ExamPlan:
    """What the technician does.

    Attributes:
        edema: the fluid-sensitive sequence.
        field_t: 1.5 or 3.
        shape: rows and columns of the sagittal slices.
        pixel_mm: of the sagittal slices.
        slices: number of sagittal slices.
        thickness_mm, gap_mm: of the sagittal slices.
        center_level: level in the middle of the sagittal image.
        turn_deg: the sagittal stack's own rotation about LPS z and x.
        reverse: slices go from right to left in the stack, not from left to right.
        interleaved: instances of the T2 are numbered odd slices first.
    """

    edema: Sequence = Sequence.STIR
    field_t: float = 1.5
    shape: tuple[int, int] = (204, 160)
    pixel_mm: float = 1.5
    slices: int = 9
    thickness_mm: float = 4.0
    gap_mm: float = 0.4
    center_level: str = "L2"
    turn_deg: tuple[float, float] = (0.0, 0.0)
    reverse: bool = False
    interleaved: bool = True


def plan_stacks(phantom: SpinePhantom, plan: ExamPlan) -> tuple[Stack, ...]:
    """Localizer, sagittal and axial stacks of an exam."""
    return (_localizer(phantom, plan), sagittal_stack(phantom, plan), _axial(phantom, plan))


def sagittal_stack(phantom: SpinePhantom, plan: ExamPlan) -> Stack:
    """T1, T2 and the fluid-sensitive series on the same slices."""
    centers = phantom.centers_lps_mm
    x = float(np.mean([centers[f"L{i}"][0] for i in range(1, 6)]))
    _, y, z = centers[plan.center_level]
    # Off by a part of a slice, as in life: the midline falls between slices.
    center = (x + 1.1, y + 8.0, z)
    about_z, about_x = (math.radians(t) for t in plan.turn_deg)
    back = (-math.sin(about_z), math.cos(about_z), 0.0)
    side = (-back[1], back[0], 0.0)  # to the right
    down = _turned((0.0, 0.0, -1.0), side, about_x)
    back = _turned(back, side, about_x)
    spacing = plan.thickness_mm + plan.gap_mm
    first = _centered(center, back, down, plan.pixel_mm, plan.shape)
    slices = _parallel(first, plan.slices, spacing)
    if plan.reverse:
        slices = slices[::-1]
    protocols = {s: replace(p, field_t=plan.field_t) for s, p in PROTOCOLS.items()}
    if plan.field_t > 2:
        # Fat's T1 is longer at 3 T, and so is the time to its null.
        stir = protocols[Sequence.STIR]
        protocols[Sequence.STIR] = replace(stir, ti_ms=220.0)
    contrasts = (
        Contrast("T1 TSE SAG", protocols[Sequence.T1]),
        Contrast("T2 TSE SAG", protocols[Sequence.T2],
                 order="interleaved" if plan.interleaved else "against"),
        *_fluid(protocols[plan.edema]),
    )  # fmt: skip
    sampling = Sampling(plan.thickness_mm, subslices=3, supersample=2)
    return Stack(tuple(slices), contrasts, spacing, sampling)


def _fluid(protocol: Protocol) -> tuple[Contrast, ...]:
    if protocol.sequence == Sequence.T2_DIXON_WATER:
        kind = ("DERIVED", "PRIMARY", "DIXON")
        fat = replace(protocol, fat_left=1.0, water_left=0.02)
        return (
            Contrast("T2 TSE DIXON SAG_W", protocol, (*kind, "WATER"), "against"),
            Contrast("T2 TSE DIXON SAG_F", fat, (*kind, "FAT"), "against"),
        )
    name = "STIR SAG" if protocol.sequence == Sequence.STIR else "T2 TSE FS SAG"
    return (Contrast(name, protocol, order="against"),)


def _axial(phantom: SpinePhantom, plan: ExamPlan) -> Stack:
    """T2 through the disc L4/5 and its neighbourhood, square to the spine."""
    centers = phantom.centers_lps_mm
    upper, lower = np.asarray(centers["L4"]), np.asarray(centers["L5"])
    along = upper - lower
    along[0] = 0.0
    along = along / math.sqrt(float((along * along).sum()))
    x, y, z = (float(v) for v in (upper + lower) / 2)
    left = (1.0, 0.0, 0.0)
    back = (0.0, float(along[2]), -float(along[1]))
    first = _centered((x, y + 28.0, z), left, back, 1.4, (112, 128))
    protocol = replace(PROTOCOLS[Sequence.T2], field_t=plan.field_t)
    return Stack(
        tuple(_parallel(first, 3, 12.0)),
        (Contrast("T2 TSE TRA", protocol),),
        12.0,
        Sampling(4.0, subslices=2, supersample=2),
    )


def _localizer(phantom: SpinePhantom, plan: ExamPlan) -> Stack:
    """Thick slices in three planes, one series, as scouts come."""
    x, y, z = phantom.centers_lps_mm["L2"]
    left, back, down = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0)
    size = ((112, 112), 3.5)
    slices = [_centered((x + dx, y, z), back, down, size[1], size[0]) for dx in (-15.0, 0.0, 15.0)]
    slices += [_centered((x, y + dy, z), left, down, size[1], size[0]) for dy in (-5.0, 25.0)]
    slices += [_centered((x, y, z), left, back, size[1], size[0])]
    protocol = Protocol(Sequence.T2, 1100.0, 90.0, field_t=plan.field_t)
    return Stack(
        tuple(slices),
        (Contrast("LOCALIZER", protocol, ("ORIGINAL", "PRIMARY", "M", "NORM")),),
        None,
        Sampling(8.0, subslices=2, supersample=1),
        localizer=True,
    )


def numbering(order: str, count: int) -> list[int]:
    """InstanceNumber of each slice along the stack."""
    if order == "against":
        return list(range(count, 0, -1))
    if order == "interleaved":
        first = (count + 1) // 2
        return [1 + i // 2 if i % 2 == 0 else first + 1 + i // 2 for i in range(count)]
    return list(range(1, count + 1))


def _centered(
    center: Vector,
    column_axis: Vector,
    row_axis: Vector,
    pixel_mm: float,
    shape: tuple[int, int],
) -> SliceGeometry:
    down, across = (shape[0] - 1) / 2 * pixel_mm, (shape[1] - 1) / 2 * pixel_mm
    origin = tuple(
        round(c - down * r - across * k, 4)
        for c, r, k in zip(center, row_axis, column_axis, strict=True)
    )
    return SliceGeometry(
        (origin[0], origin[1], origin[2]), column_axis, row_axis, (pixel_mm, pixel_mm), shape
    )


def _parallel(middle: SliceGeometry, count: int, spacing_mm: float) -> list[SliceGeometry]:
    """Slices along the normal, the given one in the middle."""
    n, (x, y, z) = middle.normal, middle.origin_lps_mm
    out = []
    for i in range(count):
        d = (i - (count - 1) / 2) * spacing_mm
        origin = (round(x + d * n[0], 4), round(y + d * n[1], 4), round(z + d * n[2], 4))
        out.append(replace(middle, origin_lps_mm=origin))
    return out


def _turned(v: Vector, axis: Vector, angle: float) -> Vector:
    """A vector turned about a unit axis that it is square to, or not (Rodrigues)."""
    c, s = math.cos(angle), math.sin(angle)
    cross = (
        axis[1] * v[2] - axis[2] * v[1],
        axis[2] * v[0] - axis[0] * v[2],
        axis[0] * v[1] - axis[1] * v[0],
    )
    dot = sum(a * b for a, b in zip(axis, v, strict=True)) * (1 - c)
    out = [a * c + k * s + w * dot for a, k, w in zip(v, cross, axis, strict=True)]
    return (out[0], out[1], out[2])
