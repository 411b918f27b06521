"""The fascia line and the skin, on layers made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasciaseg.anatomy.fascia import skin_mask, trace_fascia
from fasciaseg.anatomy.localizer import Marks
from fasciaseg.geometry import FloatArray, Slice, SliceGeometry
from fasciaseg.phantom import sagittal_geometry

quick = settings(max_examples=15, deadline=None, derandomize=True)

FRONT_Y = 20.0


def marks(
    g: SliceGeometry,
    front: FloatArray,
    back: float = 60.0,
    seen: np.ndarray | None = None,
    blur_mm: float = 1.5,
) -> Marks:
    """A subcutaneous layer from y = `front` (one a grid row) to y = `back`, where `seen`."""
    rows, columns = (round(n * s / 2) for n, s in zip(g.shape, g.spacing_mm, strict=True))
    grid = sagittal_geometry(g.center_lps_mm, (rows, columns), (2.0, 2.0))
    y = grid.to_lps(np.stack([np.zeros(columns), np.arange(columns)], axis=-1))[:, 1]
    layer = 1 / (1 + np.exp(-(y[None, :] - front[:, None]) / blur_mm))
    layer *= 1 / (1 + np.exp((y[None, :] - back) / blur_mm))
    if seen is not None:
        layer *= seen[:, None]
    none = np.zeros((rows, columns), np.float32)
    return Marks(grid, none, none, none, none, layer.astype(np.float32), none, none)


def blank(spacing: tuple[float, float] = (0.8, 0.8), mm: tuple[float, float] = (240, 160)) -> Slice:
    shape = (round(mm[0] / spacing[0]), round(mm[1] / spacing[1]))
    g = sagittal_geometry((4.0, 0.0, 30.0), shape, spacing)
    return Slice(np.zeros(shape, np.float32), g, "1.1", 0)


def wave(rows: int, lean: float, height: float, middle: float = FRONT_Y) -> FloatArray:
    t = np.linspace(-1, 1, rows)
    return np.asarray(middle + lean * t + height * np.cos(3 * t))


def line_y(line: FloatArray, s: Slice) -> FloatArray:
    return np.asarray(s.geometry.to_lps(line)[:, 1])


def front_at(line: FloatArray, s: Slice, front: FloatArray, m: Marks) -> FloatArray:
    rows = m.geometry.to_pixel(s.geometry.to_lps(line))[:, 0]
    return np.asarray(np.interp(rows, np.arange(len(front)), front))


@quick
@given(
    st.floats(-25, 25),
    st.floats(-8, 8),
    st.floats(-2, 2),
    st.sampled_from([(0.8, 0.8), (1.2, 0.6), (0.6, 1.2)]),
)
def test_the_line_is_better_than_a_grid_pixel(
    lean: float, height: float, shift: float, spacing: tuple[float, float]
) -> None:
    s = blank(spacing)
    front = wave(120, lean, height, FRONT_Y + shift)
    m = marks(s.geometry, front)
    line = trace_fascia(m, s)
    assert len(line) * spacing[0] > 0.95 * 240
    error = line_y(line, s) - front_at(line, s, front, m)
    assert np.abs(error).mean() < 0.5
    assert np.abs(error).max() < 1.5


@quick
@given(st.floats(-20, 20), st.sampled_from([(0.8, 0.8), (2.5, 1.0)]))
def test_the_line_has_one_point_a_row(lean: float, spacing: tuple[float, float]) -> None:
    s = blank(spacing)
    line = trace_fascia(marks(s.geometry, wave(120, lean, 5)), s)
    assert (np.diff(line[:, 0]) == 1).all()
    assert (line[:, 0] % 1 == 0).all()
    assert (line >= 0).all()
    assert (line <= np.array(s.geometry.shape) - 1).all()


@quick
@given(st.integers(30, 80), st.integers(4, 14))
def test_a_gap_is_bridged(start: int, rows: int) -> None:
    """Edema that hides the layer for up to 28 mm doesn't break or bend the line."""
    s = blank()
    seen = np.ones(120)
    seen[start : start + rows] = 0
    front = wave(120, 8, 4)
    m = marks(s.geometry, front, seen=seen)
    line = trace_fascia(m, s)
    assert len(line) > 0.95 * s.geometry.shape[0]
    assert np.abs(line_y(line, s) - front_at(line, s, front, m)).max() < 3.5


def test_a_vessel_or_an_edema_does_not_pull_the_line_away() -> None:
    s = blank()
    front = wave(120, 6, 4)
    m = marks(s.geometry, front)
    m.subcutaneous[50:56, 15:35] = 0.9  # deep in the muscle
    line = trace_fascia(m, s)
    assert np.abs(line_y(line, s) - front_at(line, s, front, m)).max() < 1.5


def test_the_line_ends_where_the_layer_ends() -> None:
    s = blank()
    seen = np.zeros(120)
    seen[40:90] = 1
    m = marks(s.geometry, wave(120, 0, 0), seen=seen)
    line = trace_fascia(m, s)
    z = s.geometry.heights_mm(line)
    top, bottom = (m.geometry.heights_mm(np.array([r, 0])) for r in (40, 89))
    assert z[0] == pytest.approx(float(top), abs=12)
    assert z[-1] == pytest.approx(float(bottom), abs=12)


@pytest.mark.parametrize("level", [0.0, 0.15, 1.0])
def test_no_layer_no_line(level: float) -> None:
    s = blank()
    m = marks(s.geometry, wave(120, 0, 0), seen=np.zeros(120))
    m.subcutaneous[:] = level
    assert trace_fascia(m, s).shape == (0, 2)


def test_faint_noise_is_no_layer() -> None:
    s = blank()
    m = marks(s.geometry, wave(120, 0, 0), seen=np.zeros(120))
    m.subcutaneous[:] = np.random.default_rng(0).uniform(0, 0.2, m.subcutaneous.shape)
    assert len(trace_fascia(m, s)) == 0


# Skin


def back(
    fat_mm: float, skin_mm: float, fat: float = 60.0, skin: float = 600.0, cut: bool = False
) -> tuple[Slice, Marks, FloatArray]:
    """Muscle, fascia at y = 20, suppressed fat, bright skin and air, from front to back."""
    behind_mm = fat_mm - 1 if cut else fat_mm + skin_mm + 15
    s = blank(mm=(160, 2 * (FRONT_Y + behind_mm)))
    g = s.geometry
    y = g.to_lps(np.moveaxis(np.indices(g.shape, dtype=float), 0, -1))[..., 1]
    behind = y - FRONT_Y
    surface = fat_mm + skin_mm
    bright = np.select([behind < 0, behind < fat_mm, behind < surface], [200.0, fat, skin], 3.0)
    pixels = bright + np.random.default_rng(1).normal(0, 4, g.shape)
    s = Slice(pixels.astype(np.float32), g, "1.1", 0)
    rows = round(g.shape[0] * g.spacing_mm[0] / 2)
    m = marks(g, np.full(rows, FRONT_Y), back=FRONT_Y + surface, blur_mm=0.8)
    return s, m, behind


def masked(s: Slice, m: Marks) -> np.ndarray:
    return skin_mask(m, s, trace_fascia(m, s))


@pytest.mark.parametrize(("fat_mm", "skin_mm"), [(8, 2), (12, 3), (25, 2), (40, 4), (18, 6)])
def test_bright_skin_is_left_out_and_fat_is_not(fat_mm: float, skin_mm: float) -> None:
    s, m, behind = back(fat_mm, skin_mm)
    skin = masked(s, m)
    rows = slice(10, -10)
    is_skin = (behind > fat_mm) & (behind < fat_mm + skin_mm)
    assert skin[rows][is_skin[rows]].mean() > 0.97
    assert skin[rows][behind[rows] > fat_mm + skin_mm + 2].all(), "air"
    assert not skin[rows][behind[rows] < min(3.0, fat_mm / 3)].any()
    fat = (behind > 0) & (behind < fat_mm - 3)
    assert skin[rows][fat[rows]].mean() < 0.1


def test_the_fascia_itself_is_never_skin() -> None:
    s, m, behind = back(4.0, 2.0)
    assert not masked(s, m)[10:-10][behind[10:-10] < 1.0].any()


def test_unsuppressed_fat_is_not_all_skin() -> None:
    """Fat as bright as skin: its whole depth must stay visible to whoever judges suppression."""
    s, m, behind = back(25.0, 2.0, fat=500.0, skin=600.0)
    fat = (behind > 0) & (behind < 12)
    assert masked(s, m)[10:-10][fat[10:-10]].mean() < 0.1


def test_a_back_cut_off_by_the_image_has_no_skin() -> None:
    s, m, behind = back(20.0, 30.0, cut=True)
    assert behind.max() < 20.0, "the image ends within the fat"
    assert not masked(s, m)[10:-10].any()


@quick
@given(st.floats(1e-3, 1e3))
def test_skin_does_not_depend_on_the_scanners_scale(scale: float) -> None:
    s, m, _ = back(15.0, 3.0)
    brighter = Slice(s.pixels * np.float32(scale), s.geometry, "1.1", 0)
    # Float32 rounding may move a border by a pixel here and there.
    assert (masked(s, m) != masked(brighter, m)).mean() < 1e-3
