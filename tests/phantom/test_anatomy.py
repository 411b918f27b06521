"""The labels agree with the centres, planes and lines that the phantom says are true."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasciaseg.phantom import (
    PHANTOM_LEVELS,
    Fracture,
    Placement,
    SoftTissue,
    Spine,
    SpinePhantom,
    Tissue,
    level_number,
    random_phantom,
    random_view,
    sagittal_geometry,
)
from fasciaseg.vertebrae import LEVELS, SCORED_LEVELS

few = settings(max_examples=8, deadline=None, derandomize=True)


def centroid(phantom: SpinePhantom, level: str) -> tuple[np.ndarray, np.ndarray]:
    """Centroid of a body's mask on the slice through its centre, and the true centre."""
    true = phantom.centers_lps_mm[level]
    geometry = sagittal_geometry(true, (64, 64), (1.0, 1.0))
    mask = phantom.labels(geometry).body == level_number(level)
    assert mask.any(), level
    return geometry.to_lps(np.argwhere(mask).mean(axis=0)), np.asarray(true)


def test_body_numbers_follow_the_names_of_the_library() -> None:
    assert PHANTOM_LEVELS[: len(LEVELS)] == LEVELS
    assert level_number("S1") == 18


@pytest.mark.parametrize("level", ["T5", "T9", "T12", "L1", "L3", "L5", "S1"])
def test_bodies_lie_where_truth_says(level: str) -> None:
    found, true = centroid(SpinePhantom(), level)
    assert np.linalg.norm(found - true) < 1.0


@few
@given(st.integers(0, 2**31))
def test_bodies_of_random_patients_lie_where_truth_says(seed: int) -> None:
    phantom = random_phantom(np.random.default_rng(seed))
    broken = {f.level for f in phantom.spine.fractures}
    for level in ("T7", "T12", "L2", "L5"):
        # A wedge's mass lies behind its middle; a Schmorl node takes a bite.
        found, true = centroid(phantom, level)
        assert np.linalg.norm(found - true) < (3.5 if level in broken else 2.0)


@few
@given(st.integers(0, 2**31))
def test_random_patients_are_possible(seed: int) -> None:
    phantom = random_phantom(np.random.default_rng(seed), turned=False)
    z = [phantom.centers_lps_mm[level][2] for level in PHANTOM_LEVELS]
    assert all(a > b for a, b in pairwise(z))  # head to foot
    view = random_view(np.random.default_rng(seed), phantom, offset_mm=0.0)
    labels = phantom.labels(view)
    assert (labels.body > 0).any()
    assert not (labels.canal & (labels.body > 0)).any()
    assert not (labels.subcutaneous & (labels.body > 0)).any()


def test_labels_behind_the_fascia_are_subcutaneous_and_nothing_else_is() -> None:
    phantom = SpinePhantom(soft=SoftTissue(fat=(10, 12, 20, 15)))
    view = phantom.sagittal(shape=(160, 160))
    labels, line = phantom.labels(view), phantom.fascia_line(view)
    rows = np.arange(5, 155)
    column = np.interp(rows, line[:, 0], line[:, 1])
    for row, fascia in zip(rows, column, strict=True):
        outer = np.flatnonzero(labels.subcutaneous[row])
        assert fascia - 0.5 <= outer[0] <= fascia + 1.5
        assert np.diff(outer).max() == 1  # no holes
        assert (labels.tissue[row, outer[-1] + 1 :] == Tissue.AIR).all()


def test_canal_runs_behind_every_body() -> None:
    phantom = SpinePhantom()
    view = phantom.sagittal(shape=(320, 200), spacing_mm=1.0)
    labels = phantom.labels(view)
    for level in ("T12", "L1", "L3", "L5"):
        row, column = view.to_pixel(np.asarray(phantom.centers_lps_mm[level]))
        inside = np.flatnonzero(labels.canal[round(row)])
        body = np.flatnonzero(labels.body[round(row)] == level_number(level))
        assert 0 < inside[0] - body[-1] <= 4
        assert 12 <= len(inside) <= 24  # mm
        assert body[0] <= column <= body[-1]


def test_bodies_end_at_their_half_width() -> None:
    phantom = SpinePhantom()
    half = phantom.spine.body("L3").width / 2
    inside, outside = (phantom.sagittal(x, center_level="L3") for x in (half - 3, half + 3))
    assert (phantom.labels(inside).body == level_number("L3")).any()
    assert not (phantom.labels(outside).body == level_number("L3")).any()


def test_a_wedge_fracture_is_lower_in_front() -> None:
    def front_to_back(*fractures: Fracture) -> float:
        phantom = SpinePhantom(Spine(irregularity=0.0, fractures=fractures))
        view = sagittal_geometry(phantom.centers_lps_mm["L1"], (120, 120), (0.5, 0.5))
        heights = (phantom.labels(view).body == level_number("L1")).sum(axis=0)
        columns = np.flatnonzero(heights)
        return float(heights[columns[10]] / heights[columns[-10]])

    assert front_to_back() == pytest.approx(1.0, abs=0.1)
    assert front_to_back(Fracture("L1", 0.4)) < 0.82


def test_territories_share_borders_halfway_between_the_centres() -> None:
    phantom = random_phantom(np.random.default_rng(8))
    z = {level: c[2] for level, c in phantom.centers_lps_mm.items()}
    t = phantom.territories
    assert list(t) == list(SCORED_LEVELS)
    for above, below in pairwise(SCORED_LEVELS):
        assert t[above][1] == t[below][0] == pytest.approx((z[above] + z[below]) / 2)
    assert t["L5"][1] == pytest.approx(z["L5"] - (z["L4"] - z["L5"]) / 2)


@few
@given(st.tuples(*[st.floats(-20, 20)] * 3), st.tuples(*[st.floats(-200, 200)] * 3))
def test_placement_is_a_rigid_motion(turn: tuple, offset: tuple) -> None:
    placement = Placement(offset, turn)
    points = np.array([[0, 0, 0], [10, 0, 0], [0, 20, 0], [0, 0, 30.0]])
    moved = placement.to_lps(points)
    np.testing.assert_allclose(placement.to_phantom(moved), points, atol=1e-9)
    np.testing.assert_allclose(
        np.linalg.norm(moved[1:] - moved[0], axis=1), [10, 20, 30], atol=1e-9
    )
    assert np.linalg.det(placement.rotation) == pytest.approx(1.0)


def test_turning_the_patient_and_the_slice_together_changes_nothing() -> None:
    still = SpinePhantom()
    moved = SpinePhantom(placement=Placement((30.0, -20.0, 50.0), (0.0, 0.0, 0.0)))
    a, b = (p.labels(p.sagittal(3.0)) for p in (still, moved))
    # Heights are looked up to a tenth of a mm, so borders may move by a sample.
    assert (a.tissue != b.tissue).mean() < 0.002


def test_a_fascia_line_needs_a_sagittal_slice() -> None:
    view = SpinePhantom().sagittal()
    with pytest.raises(ValueError, match="sagittal"):
        SpinePhantom().fascia_line(
            type(view)((0, 0, 0), (1.0, 0, 0), (0, 1.0, 0), (1.0, 1.0), (20, 20))
        )
