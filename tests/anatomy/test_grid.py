"""The network's input: a 2 mm grid at the right place, whatever the scanner's scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from fasciaseg.anatomy.localizer import PIXEL_MM, Localizer, standardised, to_grid
from fasciaseg.geometry import Slice, SliceGeometry
from fasciaseg.phantom import Sampling, Sequence, SpinePhantom, render, sagittal_geometry
from fasciaseg.pipeline import default_model

quick = settings(max_examples=20, deadline=None, derandomize=True)


def blob(g: SliceGeometry, at: tuple[float, float]) -> Slice:
    """A slice with one round spot, 5 mm wide, `at` mm before and above the middle."""
    lps = g.to_lps(np.moveaxis(np.indices(g.shape, dtype=float), 0, -1))
    center = np.asarray(g.center_lps_mm)
    away = (lps[..., 1] - center[1] - at[0]) ** 2 + (lps[..., 2] - center[2] - at[1]) ** 2
    return Slice(np.exp(-away / 50).astype(np.float32), g, "1.1", 0)


@quick
@given(
    st.floats(0.35, 2.6),
    st.floats(0.35, 2.6),
    st.tuples(st.floats(-25, 25), st.floats(-25, 25)),
)
def test_the_grid_keeps_places(row_mm: float, column_mm: float, at: tuple[float, float]) -> None:
    shape = (round(110 / row_mm), round(130 / column_mm))
    g = sagittal_geometry((3.0, -20.0, 55.0), shape, (row_mm, column_mm))
    grid, geometry = to_grid(blob(g, at))
    assert geometry.spacing_mm == (PIXEL_MM, PIXEL_MM)
    assert grid.shape == geometry.shape
    rc = np.argwhere(grid > 0.05)
    weight = grid[grid > 0.05]
    found = geometry.to_lps((rc * weight[:, None]).sum(axis=0) / weight.sum())
    assert found == pytest.approx([3.0, -20 + at[0], 55 + at[1]], abs=0.2)


@quick
@given(st.floats(0.3, 3.0), st.floats(0.3, 3.0), st.tuples(st.integers(3, 90), st.integers(3, 90)))
def test_the_grid_is_smoothed_and_read_between_pixels(
    row_mm: float, column_mm: float, shape: tuple[int, int]
) -> None:
    """What SciPy makes of a Gaussian and the straight lines between pixels."""
    pixels = np.random.default_rng(3).normal(100, 30, shape).astype(np.float32)
    g = sagittal_geometry((3.0, -20.0, 55.0), shape, (row_mm, column_mm))
    grid, _ = to_grid(Slice(pixels, g, "1.1", 0))
    zoom = PIXEL_MM / np.array([row_mm, column_mm])
    smooth = ndimage.gaussian_filter(pixels, 0.35 * zoom)
    expected = ndimage.affine_transform(
        smooth, zoom, (zoom - 1) / 2, output_shape=grid.shape, order=1, mode="nearest"
    )
    np.testing.assert_allclose(grid, expected, atol=1e-2)


def test_a_tilted_slice_keeps_its_axes() -> None:
    g = SliceGeometry((1.0, 2.0, 3.0), (0.1, 0.995, 0.0), (0.0, 0.0, -1.0), (0.8, 0.8), (100, 120))
    _, geometry = to_grid(Slice(np.ones(g.shape, np.float32), g, "1.1", 0))
    assert geometry.column_axis == g.column_axis
    assert geometry.row_axis == g.row_axis
    assert (np.asarray(geometry.center_lps_mm) - np.asarray(g.center_lps_mm)) == pytest.approx(
        [0, 0, 0], abs=PIXEL_MM
    )


images = st.integers(0, 2**20).map(lambda seed: np.random.default_rng(seed).gamma(2, 1, (40, 40)))


@quick
@given(images, st.floats(1e-3, 1e4))
def test_the_scale_of_intensities_does_not_matter(image: np.ndarray, scale: float) -> None:
    np.testing.assert_allclose(standardised(scale * image), standardised(image), atol=1e-4)


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_an_empty_image_is_no_accident(value: float) -> None:
    assert np.isfinite(standardised(np.full((32, 32), value))).all()


@pytest.mark.parametrize("scale", [1e-3, 1e4])
def test_the_network_sees_the_same_at_any_scale(scale: float) -> None:
    phantom = SpinePhantom()
    g = phantom.sagittal(shape=(130, 110))
    image = render(phantom, g, Sequence.STIR, sampling=Sampling(4.0, 1, 1))
    localizer = Localizer(default_model(), 1)
    (one,) = localizer.mark([Slice(image, g, "1.1", 0)])
    (other,) = localizer.mark([Slice(image * np.float32(scale), g, "1.1", 0)])
    for name in ("body", "l5", "canal", "subcutaneous", "center"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name), atol=5e-3)
