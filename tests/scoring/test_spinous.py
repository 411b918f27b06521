"""Rule `spinous`: the spinous process before a stretch of fascia says which level it is."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fasciaseg
from fasciaseg.doubts import about_edema
from fasciaseg.phantom.model import SpinePhantom
from fasciaseg.phantom.spine import Fracture, Spine
from fasciaseg.result import LevelEdema
from fasciaseg.scoring.score import Score
from fasciaseg.scoring.spinous import TIPS, tip_heights
from fasciaseg.scoring.territories import TYPICAL_STEP_MM, territories
from fasciaseg.vertebrae import LEVELS, SCORED_LEVELS, Vertebra

quick = settings(max_examples=60, deadline=None, derandomize=True)


def bodies(lowest: str, steps: list[tuple[float, float]]) -> list[Vertebra]:
    """Bodies above each other from the lowest one up; a step is (length in mm, lean in degrees)."""
    at = np.array([2.0, 10.0, -40.0])
    out = [Vertebra(lowest, (2.0, 10.0, -40.0), 0.9)]
    for i, (length, lean) in enumerate(steps, 1):
        angle = np.radians(lean)
        at = at + length * np.array([0.0, np.sin(angle), np.cos(angle)])
        level = LEVELS[LEVELS.index(lowest) - i]
        out.append(Vertebra(level, (float(at[0]), float(at[1]), float(at[2])), 0.9))
    return out


steps = st.lists(st.tuples(st.floats(18, 45), st.floats(-50, 50)), min_size=1, max_size=12)
spines = st.builds(bodies, st.sampled_from(["L5", "L4", "L1", "T11", "T8"]), steps).filter(
    lambda found: all(v.level != "T1" for v in found)
)


@quick
@given(spines)
def test_territories_tile_the_fascia_head_to_foot(found: list[Vertebra]) -> None:
    """However bent the spine: no gap, no overlap, no level without room, names in order."""
    told = territories(found, "spinous")
    assert list(told) == [n for n in SCORED_LEVELS if n in told]
    assert all(upper > lower for upper, lower in told.values())
    assert all(above[1] == below[0] for above, below in pairwise(told.values()))


@quick
@given(spines, st.tuples(*[st.floats(-300, 300)] * 3))
def test_territories_move_with_the_spine(
    found: list[Vertebra], by: tuple[float, float, float]
) -> None:
    moved = [
        Vertebra(v.level, tuple(np.add(v.center_lps_mm, by).tolist()), 0.9)  # type: ignore[arg-type]
        for v in found
    ]
    before, after = territories(found, "spinous"), territories(moved, "spinous")
    assert list(before) == list(after)
    for level in before:
        assert after[level] == pytest.approx(np.add(before[level], by[2]), abs=1e-6)


@quick
@given(spines, st.floats(0.5, 2.0))
def test_territories_grow_with_the_spine(found: list[Vertebra], by: float) -> None:
    """A child's spine has the same levels as a tall man's."""
    larger = [
        Vertebra(v.level, tuple((by * np.array(v.center_lps_mm)).tolist()), 0.9)  # type: ignore[arg-type]
        for v in found
    ]
    for level, ends in territories(found, "spinous").items():
        assert territories(larger, "spinous")[level] == pytest.approx(by * np.array(ends))


def test_a_straight_spine_has_its_levels_lower() -> None:
    """Processes hang down: by what was measured, and by the more the higher up."""
    straight = bodies("L5", [(35.0, 0.0)] * 6)
    axial, spinous = territories(straight), territories(straight, "spinous")
    for level in ("T12", "L1", "L2", "L3"):
        lower = np.subtract(axial[level], spinous[level])
        assert lower == pytest.approx([35 * TIPS[level].down] * 2, abs=3)
        assert (lower > 0).all()


def test_lordosis_lifts_the_processes() -> None:
    """At L5 the spine leans forward, and the process ends at the height of the body."""
    straight = bodies("L5", [(35.0, 0.0)] * 6)
    bent = bodies("L5", [(35.0, lean) for lean in (-25, -12, 0, 6, 9, 9)])
    heights = [
        tip_heights({v.level: np.array(v.center_lps_mm) for v in reversed(s)}, TYPICAL_STEP_MM)
        for s in (straight, bent)
    ]
    assert heights[1]["L5"] > heights[0]["L5"] + 15
    assert heights[1]["L5"] > -40
    assert heights[1]["L1"] < bent[4].center_lps_mm[2] - 10


def test_crossing_processes_are_put_in_order() -> None:
    """So bent a back as nobody has: every level keeps room."""
    kinked = bodies("L5", [(30.0, -70.0), (30.0, 60.0), (30.0, -70.0)])
    told = territories(kinked, "spinous")
    assert all(upper - lower > 3 for upper, lower in told.values())


def test_the_level_above_the_topmost_body_is_there_too() -> None:
    told = territories(bodies("L5", [(35.0, 0.0)] * 4), "spinous")
    assert list(told) == ["T12", "L1", "L2", "L3", "L4", "L5"]
    top = territories(bodies("L5", [(35.0, 0.0)] * 4))["L1"][0]
    assert told["T12"][1] < top, "T12's process hangs before L1's body"


def test_a_missed_vertebra_gets_its_share() -> None:
    whole = bodies("L5", [(35.0, -15.0), (35.0, 0.0), (35.0, 0.0), (35.0, 10.0)])
    some = [v for v in whole if v.level != "L3"]
    told = territories(some, "spinous")
    assert list(told) == list(territories(whole, "spinous"))
    for level, ends in territories(whole, "spinous").items():
        assert told[level] == pytest.approx(ends, abs=5)


def test_one_body_alone_and_none() -> None:
    told = territories([Vertebra("L3", (0.0, 0.0, 10.0), 0.9)], "spinous")
    assert list(told) == ["L2", "L3"]
    assert 25 < told["L3"][0] - told["L3"][1] < 45
    assert sum(told["L3"]) / 2 < 10
    assert territories([], "spinous") == {}
    assert territories([Vertebra("S1", (0.0, 0.0, 0.0), 0.9)], "spinous") == {}


@pytest.mark.parametrize(
    "spine",
    [
        Spine(), Spine(scale=0.88), Spine(lordosis=25.0), Spine(kyphosis=60.0),
        Spine(fractures=(Fracture("T12", 0.6, "crush"),)),
        Spine(fractures=(Fracture("T12", 0.5), Fracture("L1", 0.6))),
    ],
)  # fmt: skip
def test_the_phantoms_processes_lie_in_their_levels(spine: Spine) -> None:
    """Straight or bent, whole or broken; they were drawn from other sources than the offsets."""
    phantom = SpinePhantom(spine=spine)
    found = [Vertebra(n, phantom.centers_lps_mm[n], 0.9) for n in SCORED_LEVELS]
    told = territories(found, "spinous")
    for level in SCORED_LEVELS:
        y, z = phantom.profiles.processes[level].tip
        end = float(phantom.placement.to_lps([0.0, y, z])[2])
        assert told[level][0] > end > told[level][1]


def counted(*levels: str) -> Score:
    rows = tuple(
        LevelEdema(n, n in levels, 0.5 if n in levels else 0.0, 15.0 * (n in levels), 50.0, None)
        for n in SCORED_LEVELS
    )
    return Score(rows, levels, SCORED_LEVELS, 15.0 * len(levels), 50.0, None, 0.0, False)


@pytest.mark.parametrize(
    ("levels", "rule", "raised"),
    [
        (("T9", "T10"), "spinous", True), (("T11", "T12"), "spinous", True),
        (("T12", "L1"), "spinous", False), ((), "spinous", False),
        (("T9", "T10"), "axial", False),
    ],
)  # fmt: skip
def test_what_rests_on_extrapolated_processes_is_flagged(
    levels: tuple[str, ...], rule: str, raised: bool
) -> None:
    codes = {f.code for f in about_edema(counted(*levels), rule)}
    assert ("spinous_extrapolated" in codes) == raised


def test_a_real_exam_by_both_rules(shared: Path) -> None:
    """Painted along L1 to L3 by axial planes: T12's process lies before L1's upper half."""
    axial, spinous = (
        fasciaseg.classify(
            shared / "exams" / "water05-L1-L3", fasciaseg.Options(rule=rule, threads=1)
        )
        for rule in ("axial", "spinous")
    )
    assert axial.edema.levels == ("L1", "L2", "L3")
    assert spinous.edema.levels == ("T12", "L1", "L2", "L3")
    assert spinous.edema.rule == "spinous"
    assert spinous.edema.length_mm == axial.edema.length_mm
    assert spinous.vertebrae == axial.vertebrae
