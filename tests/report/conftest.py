"""Readings made by hand: three sagittal slices of a plain back, with whatever was found on it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fasciaseg.flags import flag
from fasciaseg.geometry import BoolArray, FloatArray, Slice, SliceGeometry
from fasciaseg.reading import Reading, SliceReading
from fasciaseg.result import (
    Anchor,
    CentralSlice,
    Classification,
    Depth,
    Edema,
    LevelEdema,
    Result,
    SeriesInfo,
    Software,
    StudyInfo,
)
from fasciaseg.vertebrae import SCORED_LEVELS, Vertebra

LEVEL_MM = 35.0
IN_VIEW = ("T12", "L1", "L2", "L3", "L4", "L5")

ReadingMaker = Callable[..., Reading]


def center(level: str) -> tuple[float, float, float]:
    return (2.0, 60.0, -LEVEL_MM * IN_VIEW.index(level))


def geometry(
    x: float, *, degrees: float = 0.0, spacing: tuple[float, float] = (1.0, 1.0)
) -> SliceGeometry:
    """A sagittal slice of 240 mm × 160 mm around L2/L3, turned in its plane."""
    c, s = float(np.cos(np.radians(degrees))), float(np.sin(np.radians(degrees)))
    shape = (round(240 / spacing[0]), round(160 / spacing[1]))
    g = SliceGeometry((0.0, 0.0, 0.0), (0.0, c, s), (0.0, s, -c), spacing, shape)
    ax, ay, az = g.center_lps_mm
    return dataclasses.replace(g, origin_lps_mm=(x - ax, 90.0 - ay, -2.5 * LEVEL_MM - az))


def fascia_line(g: SliceGeometry, y_mm: float = 120.0) -> FloatArray:
    """The line at LPS y on every row that it crosses."""
    rows = np.arange(g.shape[0], dtype=float)
    at_first = g.to_lps(np.column_stack([rows, np.zeros_like(rows)]))[:, 1]
    columns = (y_mm - at_first) / (g.spacing_mm[1] * g.column_axis[1])
    seen = (columns >= 0) & (columns <= g.shape[1] - 1)
    return np.column_stack([rows, columns])[seen]


def band(g: SliceGeometry, upper: float, lower: float, y_mm: float = 120.0) -> BoolArray:
    """An edema 8 mm deep around the fascia line between two heights."""
    lps = g.to_lps(np.moveaxis(np.indices(g.shape, dtype=float), 0, -1))
    between = (lps[..., 2] < upper) & (lps[..., 2] > lower)
    return (np.abs(lps[..., 1] - y_mm) < 4) & between


@pytest.fixture
def make_reading() -> ReadingMaker:
    def make(
        *,
        levels: tuple[str, ...] = ("L1", "L2"),
        answer: bool | None = True,
        flags: tuple[str, ...] = (),
        degrees: float = 0.0,
        spacing: tuple[float, float] = (1.0, 1.0),
        xs: tuple[float, ...] = (-4.0, 0.0, 4.0),
        tissue: float = 200.0,
        bodies: bool = True,
        changes: dict[str, Any] | None = None,
    ) -> Reading:
        bounds = {
            level: (center(level)[2] + LEVEL_MM / 2, center(level)[2] - LEVEL_MM / 2)
            for level in IN_VIEW
        }
        parts = []
        for i, x in enumerate(xs):
            g = geometry(x, degrees=degrees, spacing=spacing)
            edema = np.zeros(g.shape, bool)
            for level in levels:
                edema |= band(g, *bounds[level])
            # A ramp from dark to bright keeps the window at 0 to 1000 whatever the tissue is.
            pixels = np.full(g.shape, tissue, np.float32)
            pixels[: g.shape[0] // 20] = np.linspace(0, 1000, g.shape[1])
            parts.append(
                SliceReading(Slice(pixels, g, f"1.2.840.77.{i}", i), fascia_line(g), edema)
            )
        result = _result(parts, levels, answer, flags)
        if not bodies:
            bounds = {}
            result = dataclasses.replace(result, vertebrae=(), levels_in_view=())
        return Reading(dataclasses.replace(result, **(changes or {})), tuple(parts), bounds)

    return make


def _result(
    parts: list[SliceReading], levels: tuple[str, ...], answer: bool | None, flags: tuple[str, ...]
) -> Result:
    involved = levels if answer else ()
    per_level = tuple(
        LevelEdema(
            level,
            None if answer is None or level not in IN_VIEW else level in involved,
            0.9 if level in involved else 0.0,
            31.5 if level in involved else 0.0,
            250.0 if level in involved else 0.0,
            1.8 if level in involved else None,
        )
        for level in SCORED_LEVELS
    )
    depth = Depth(0.1, 0.8, 0.1) if involved else None
    threshold = {"value": 412.0, "reference": "muscle", "k": 3.0}
    return Result(
        input="MUSTERFRAU_ERNA/exam7",
        software=Software("0.1.0", "localizer-1", "ab" * 32, {"k": 3.0}),
        study=StudyInfo("1.2.840.99.4711", "20240229"),
        series_edema=SeriesInfo("1.2.840.88.1", "STIR"),
        series_t1=None,
        central_slices=tuple(
            CentralSlice(p.slice.sop_instance_uid, p.slice.geometry.position_mm) for p in parts
        ),
        levels_in_view=IN_VIEW,
        vertebrae=tuple(Vertebra(level, center(level), 0.98) for level in IN_VIEW),
        anchor=Anchor("lumbosacral_junction", 0.97),
        edema=Edema(
            involved, 63.0 if involved else 0.0, 500.0, "axial", threshold, depth, per_level
        ),
        classification=Classification(
            answer,
            None if answer is None else "thoracolumbar" if answer else "none",
            None if answer is None else "non_severe" if answer else "none",
        ),
        flags=tuple(flag(code) for code in flags),
    )
