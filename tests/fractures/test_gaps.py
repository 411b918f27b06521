"""Room for a body that wasn't found, on outlines made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fasciaseg.fractures.gaps import EXCESS_MM, LEAST_GAPS, roomy
from fasciaseg.fractures.patches import MIDDLE_COLUMN, Outline

HEIGHT, DISC, DEPTH = 26.0, 10.0, 34


def spine(gaps: list[float], tilt: float = 0.0) -> tuple[list[Outline], np.ndarray, np.ndarray]:
    """Bodies of one size with these gaps between them, along an axis turned by `tilt`."""
    columns = np.arange(MIDDLE_COLUMN - DEPTH // 2, MIDDLE_COLUMN + DEPTH // 2, dtype=float)
    plate = np.full(DEPTH, HEIGHT / 2)
    along = np.cumsum([0.0, *(HEIGHT + gap for gap in gaps)])
    axis = np.array([np.cos(tilt), np.sin(tilt)])
    n = len(gaps) + 1
    return [Outline(columns, -plate, plate)] * n, along[:, None] * axis, np.tile(axis, (n, 1))


@pytest.mark.parametrize("tilt", [-0.5, 0.0, 0.4])
@pytest.mark.parametrize("left", [2.0, 8.0, 26.0])
def test_two_discs_and_what_is_left_between_them_are_room_for_a_body(
    left: float, tilt: float
) -> None:
    outlines, centers, axes = spine([DISC, DISC, DISC + left + DISC, DISC, DISC], tilt)
    assert roomy([outlines] * 3, centers, axes) == (2,)


def test_discs_of_different_heights_are_no_room() -> None:
    outlines, centers, axes = spine([5.0, 12.0, 14.0, 9.0, DISC + EXCESS_MM - 0.6, 10.5])
    assert roomy([outlines] * 3, centers, axes) == ()


def test_a_wedge_leaves_room_in_front_only() -> None:
    outlines, centers, axes = spine([DISC] * 5)
    wedge = outlines[2]
    front = np.linspace(14.0, 0.0, DEPTH)
    outlines[2] = Outline(wedge.columns, wedge.upper, wedge.lower - front)
    assert roomy([outlines] * 3, centers, axes) == ()


@pytest.mark.parametrize("level", [1, 2, 4])
@pytest.mark.parametrize("upper", [True, False])
def test_half_a_body_leaves_no_room_for_another(level: int, upper: bool) -> None:
    """Cement, or edema in a hollow: the outline ends in the middle of the body."""
    outlines, centers, axes = spine([DISC] * 5)
    whole = outlines[level]
    half = np.zeros(DEPTH)
    outlines[level] = Outline(
        whole.columns, half if upper else whole.upper, whole.lower if upper else half
    )
    assert roomy([outlines] * 3, centers, axes) == ()


def test_a_body_cut_by_the_upper_edge_hides_no_room() -> None:
    outlines, centers, axes = spine([DISC + 4.0 + DISC, *[DISC] * 4])
    outlines[0] = Outline(outlines[0].columns, np.full(DEPTH, -2.0), outlines[0].lower)
    assert roomy([outlines] * 3, centers, axes) == (0,)


def test_what_is_not_seen_is_not_judged() -> None:
    outlines, centers, axes = spine([DISC, DISC, 30.0, DISC, DISC])
    blind: list[Outline | None] = [*outlines]
    blind[2] = None
    assert roomy([blind] * 3, centers, axes) == ()
    assert roomy([blind, outlines, blind], centers, axes) == (2,), "one slice shows it"
    few = LEAST_GAPS
    assert roomy([outlines[:few]], centers[:few], axes[:few]) == ()
