"""The quick ways of resampling answer what SciPy answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from fasciaseg.geometry import InPlane, SliceGeometry
from fasciaseg.resample import resampled, sampled

IMAGE = np.random.default_rng(1).normal(100, 30, (23, 31)).astype(np.float32)

steps = st.floats(0.3, 2.5).flatmap(lambda v: st.sampled_from([v, -v]))
starts = st.floats(-20, 50)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(down=steps, across=steps, row=starts, column=starts, slant=st.sampled_from([0.0, 0.1]))
def test_another_grid(down: float, across: float, row: float, column: float, slant: float) -> None:
    """Whether rows and columns stay what they are or not, and beyond the edges too."""
    place = InPlane(np.array([[down, slant], [-slant, across]]), np.array([row, column]))
    expected = ndimage.affine_transform(
        IMAGE, place.matrix, place.offset, output_shape=(19, 27), order=1, mode="nearest"
    )
    np.testing.assert_allclose(resampled(IMAGE, place, (19, 27)), expected, atol=1e-3)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.floats(-3, 26), st.floats(-3, 34)), min_size=1, max_size=40))
def test_single_places(places: list[tuple[float, float]]) -> None:
    rows, columns = np.array([*places, (22.0, 30.0), (0.0, 0.0), (22.0, 4.5)]).T
    expected = ndimage.map_coordinates(
        IMAGE, [rows, columns], order=1, mode="constant", cval=np.nan
    )
    np.testing.assert_allclose(sampled(IMAGE, rows, columns), expected, atol=1e-3)


@pytest.mark.parametrize("angle", [0.0, 0.2])
def test_one_slices_pixels_on_another(angle: float) -> None:
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    one = SliceGeometry((3.0, -80.0, 90.0), (0, 1, 0), (0, 0, -1), (0.7, 0.8), (40, 50))
    other = SliceGeometry((0.0, -70.0, 95.0), (0, cos, sin), (0, sin, -cos), (1.5, 1.4), (20, 30))
    rc = np.array([[0.0, 0.0], [39.0, 0.0], [12.5, 44.0]])
    np.testing.assert_allclose(one.to_pixels_of(other)(rc), other.to_pixel(one.to_lps(rc)))
