"""Depth and place of a pixel as seen from the fascia, against plain geometry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasciaseg.anatomy.band import FasciaBand, fascia_band
from fasciaseg.geometry import FloatArray, SliceGeometry
from fasciaseg.phantom import sagittal_geometry

quick = settings(max_examples=25, deadline=None, derandomize=True)
spacings = st.sampled_from([(1.0, 1.0), (0.6, 0.6), (1.5, 0.75), (0.7, 1.4)])


def straight(
    slope: float, spacing: tuple[float, float], first_mm: float = 20.0, last_mm: float = 100.0
) -> tuple[FloatArray, SliceGeometry, FloatArray]:
    """A line that leans `slope` mm back a mm down, and each pixel's true distance behind it."""
    shape = (round(120 / spacing[0]), round(150 / spacing[1]))
    g = sagittal_geometry((0.0, 0.0, 0.0), shape, spacing)
    rows = np.arange(round(first_mm / spacing[0]), round(last_mm / spacing[0]))
    line = np.stack([rows, (75 + slope * (rows * spacing[0] - 60)) / spacing[1]], axis=1)
    rr, cc = np.indices(shape)
    down, across = rr * spacing[0] - 60, cc * spacing[1] - 75
    return line.astype(float), g, np.asarray((across - slope * down) / np.hypot(1, slope))


def inner(g: SliceGeometry, truth: FloatArray, mm: float = 12.0) -> np.ndarray:
    """Pixels whose foot on the line is well within its ends."""
    down = np.indices(g.shape)[0] * g.spacing_mm[0]
    return np.asarray((np.abs(truth) < mm) & (down > 34) & (down < 86))


@quick
@given(st.floats(-0.6, 0.6), spacings)
def test_depth_is_the_distance_in_mm(slope: float, spacing: tuple[float, float]) -> None:
    line, g, truth = straight(slope, spacing)
    band = fascia_band(line, g)
    near = inner(g, truth)
    np.testing.assert_allclose(band.depth_mm[near], truth[near], atol=0.75 * max(spacing))


@quick
@given(st.floats(-0.6, 0.6), spacings)
def test_before_is_negative_and_behind_positive(slope: float, spacing: tuple[float, float]) -> None:
    line, g, truth = straight(slope, spacing)
    band = fascia_band(line, g)
    near = inner(g, truth, 40.0) & (np.abs(truth) > max(spacing))
    assert np.array_equal(np.sign(band.depth_mm[near]), np.sign(truth[near]))


def test_nothing_is_known_beyond_the_ends_of_the_line() -> None:
    line, g, _ = straight(0.1, (1.0, 1.0))
    band = fascia_band(line, g)
    assert np.isnan(band.depth_mm[:20]).all()
    assert np.isnan(band.depth_mm[100:]).all()
    assert not np.isnan(band.depth_mm[20:100]).any()


@quick
@given(st.floats(-0.6, 0.6), spacings)
def test_pixels_belong_to_the_nearest_point(slope: float, spacing: tuple[float, float]) -> None:
    line, g, truth = straight(slope, spacing)
    band: FasciaBand = fascia_band(line, g)
    points, mm = line * np.asarray(spacing), np.asarray(spacing)
    rng = np.random.default_rng(0)
    for r, c in rng.permutation(np.argwhere(inner(g, truth)))[:40]:
        away = np.linalg.norm(points - np.array([r, c]) * mm, axis=1)
        assert away[band.nearest[r, c]] <= away.min() + 0.75 * max(spacing)


def test_a_line_that_touches_the_image_edge() -> None:
    g = sagittal_geometry((0.0, 0.0, 0.0), (30, 20), (1.0, 1.0))
    line = np.stack([np.arange(30.0), np.full(30, 18.7)], axis=1)
    band = fascia_band(line, g)
    assert band.depth_mm[10, 0] == pytest.approx(-18.7, abs=0.5)
    assert band.depth_mm[10, 19] == pytest.approx(0.3, abs=0.5)
