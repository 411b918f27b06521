"""Rule `axial`: LPS z alone says which stretch of fascia belongs to which level."""

from __future__ import annotations

from itertools import accumulate, pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasciaseg.scoring.territories import territories
from fasciaseg.vertebrae import LEVELS, SCORED_LEVELS, Vertebra

quick = settings(max_examples=40, deadline=None, derandomize=True)


def column(heights: dict[str, float], y: float = 0.0) -> list[Vertebra]:
    return [Vertebra(level, (1.0, y, z), 0.9) for level, z in heights.items()]


def stacked(lowest: str, steps: list[float], base: float = -40.0) -> dict[str, float]:
    """Heights of bodies head to foot, `steps` apart from the lowest one up."""
    last = LEVELS.index(lowest)
    z = list(accumulate(steps, initial=base))
    names = LEVELS[last - len(steps) : last + 1]
    return dict(zip(names, reversed(z), strict=True))


steps = st.lists(st.floats(18, 45), min_size=1, max_size=15)


@quick
@given(steps)
def test_boundaries_lie_halfway_between_centres(between: list[float]) -> None:
    heights = stacked("L5", between)
    found = territories(column(heights))
    assert list(found) == [level for level in heights if level in SCORED_LEVELS]
    for above, below in pairwise(found):
        midpoint = (heights[above] + heights[below]) / 2
        assert found[above][1] == pytest.approx(midpoint)
        assert found[below][0] == pytest.approx(midpoint)


@quick
@given(steps)
def test_both_ends_reach_half_a_step_beyond_the_last_centre(between: list[float]) -> None:
    heights = stacked("L5", between)
    found = territories(column(heights))
    assert found["L5"][1] == pytest.approx(heights["L5"] - between[0] / 2)
    highest = next(iter(heights))
    if highest in SCORED_LEVELS:
        assert found[highest][0] == pytest.approx(heights[highest] + between[-1] / 2)


def test_levels_above_t5_bound_it_but_are_not_scored() -> None:
    heights = stacked("L5", [30.0] * 12 + [20.0, 20.0])  # from T3 down
    found = territories(column(heights))
    assert next(iter(found)) == "T5"
    assert found["T5"][0] == pytest.approx(heights["T5"] + 10)


@quick
@given(steps, st.floats(15, 60))
def test_s1_changes_nothing(between: list[float], down: float) -> None:
    heights = stacked("L5", between)
    with_sacrum = {**heights, "S1": heights["L5"] - down}
    assert territories(column(with_sacrum)) == territories(column(heights))


@quick
@given(st.lists(st.floats(-80, 80), min_size=6, max_size=6), st.randoms(use_true_random=False))
def test_only_height_counts(aside: list[float], shuffler: Random) -> None:
    """A lordotic back has the same boundaries as a straight one, in whatever order it comes."""
    heights = stacked("L5", [34.0, 36.0, 33.0, 31.0, 28.0])
    bodies = [
        Vertebra(level, (x, 2 * x, z), 0.5)
        for x, (level, z) in zip(aside, heights.items(), strict=True)
    ]
    shuffler.shuffle(bodies)
    assert territories(bodies) == territories(column(heights))


def test_a_missed_vertebra_gets_its_share() -> None:
    heights = stacked("L5", [36.0, 36.0, 34.0, 30.0, 30.0])
    whole = territories(column(heights))
    del heights["L2"]
    found = territories(column(heights))
    assert list(found) == list(whole)
    upper, lower = found["L2"]
    assert (upper + lower) / 2 == pytest.approx((heights["L1"] + heights["L3"]) / 2)
    assert upper - lower == pytest.approx((heights["L1"] - heights["L3"]) / 2)
    assert found["L4"] == whole["L4"]
    for above, below in pairwise(found.values()):
        assert above[1] == below[0]


def test_one_body_alone_and_none() -> None:
    (only,) = territories(column({"L3": 10.0})).values()
    assert sum(only) / 2 == pytest.approx(10.0)
    assert 25 < only[0] - only[1] < 45
    assert territories([]) == {}
    assert territories(column({"S1": -60.0})) == {}
