"""From marks to names, on bodies made by hand."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasciaseg.anatomy.levels import (
    Body,
    Numbering,
    chain,
    crowded,
    find_bodies,
    fuse,
    number,
    with_pooled_looks,
)
from fasciaseg.anatomy.localizer import CHANNELS, Marks
from fasciaseg.phantom import sagittal_geometry
from fasciaseg.vertebrae import LEVELS

quick = settings(max_examples=40, deadline=None, derandomize=True)

GRID = sagittal_geometry((0.0, 0.0, 0.0), (220, 120), (2.0, 2.0))
#: Centre-to-centre distances from L5 up, mm.
UPWARD = (36.0, 36.0, 35.0, 33.0, 31.0, 29.0, 27.0, 26.0, 25.0, 24.0, 23.0, 22.0)
SPINE = LEVELS[LEVELS.index("L5") - len(UPWARD) : LEVELS.index("L5") + 1]


def spine(count: int = 8, lowest_row: float = 190.0) -> dict[str, Body]:
    """The lowest `count` presacral bodies, head to foot, leaning like a lordotic back."""
    row, column, out = lowest_row, 60.0, {}
    for i in range(count):
        l5, l4 = (0.85 if i == place else 0.03 for place in (0, 1))
        out[SPINE[-1 - i]] = Body((row, column), 0.9, l5, 0.02, l4, 900.0)
        row -= UPWARD[i] / 2
        column -= 2.0 * np.cos(i / 2)
    return dict(reversed(out.items()))


def blank(s1_at: tuple[float, float] | None = None) -> Marks:
    """Marks of nothing, or of S1 alone."""
    none = np.zeros(GRID.shape, np.float32)
    rr, cc = np.indices(GRID.shape)
    s1 = none if s1_at is None else (np.hypot(rr - s1_at[0], cc - s1_at[1]) < 5).astype(np.float32)
    return Marks(GRID, none, none, s1, none, none, none, none)


def read(bodies: list[Body], s1_at: tuple[float, float] | None = None) -> Numbering:
    return number(chain(bodies, GRID), blank(s1_at))


# Names


@quick
@given(st.integers(2, 12), st.randoms(use_true_random=False))
def test_names_count_upward_from_l5(count: int, shuffler: Random) -> None:
    truth = spine(count)
    bodies = list(truth.values())
    shuffler.shuffle(bodies)
    found = read(bodies)
    assert dict(zip(found.levels, found.bodies, strict=True)) == truth
    assert found.levels == tuple(truth)
    assert found.kind == "lumbosacral_junction"
    assert found.confidence > 0.5
    assert found.missed == ()


def test_what_lies_below_l5_has_no_name() -> None:
    truth = spine(6, lowest_row=170.0)
    sacrum = Body((188.0, 68.0), 0.7, 0.2, 0.1, 0.0, 700.0)
    found = read([*truth.values(), sacrum])
    assert found.levels == tuple(truth)
    assert sacrum not in found.bodies


@quick
@given(st.floats(0.5, 0.95), st.floats(0.6, 1.0))
def test_s1_that_looks_like_l5_is_not_l5(l5: float, s1: float) -> None:
    """A sacrum cut by the image's edge: the network says L5 and S1 at once."""
    truth = spine(6, lowest_row=170.0)
    sacrum = Body((188.0, 68.0), 0.9, l5, s1, 0.0, 700.0)
    truth["L5"] = replace(truth["L5"], l5=0.7)
    found = read([*truth.values(), sacrum])
    assert found.levels == tuple(truth)


@quick
@given(st.floats(0.0, 0.5))
def test_its_neighbours_tell_l5_from_a_sacrum_that_looks_like_it(l5: float) -> None:
    """The lowest body looks most like L5, but L4 stands two above it and S1 where it is itself."""
    truth = spine(6, lowest_row=170.0)
    truth["L5"] = replace(truth["L5"], l5=l5)
    sacrum = Body((188.0, 68.0), 0.9, 0.9, 0.1, 0.0, 700.0)
    found = read([*truth.values(), sacrum], s1_at=(187.0, 67.0))
    assert found.levels == tuple(truth)


def lordotic(lift: float = 0.0) -> list[Body]:
    """L1 to S2 in the lumbar curve of a lying patient, all turned by `lift` degrees; no looks."""
    angles = np.deg2rad(np.array([-14, -12, -4, 8, 31, 45]) + lift)
    steps = 17.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    at = np.cumsum([(70.0, 60.0), *steps], axis=0)
    return [Body((float(r), float(c)), 0.9, 0.03, 0.02, 0.03, 900.0) for r, c in at]


def read_as(bodies: list[Body], l5: int, in_view: float = 0.4) -> Numbering:
    """Names where the body at `l5` looks like L5, and its neighbours like L4 and S1.

    The image ends `in_view` steps of 34 mm below the one that looks like S1.
    """
    seen = bodies[: l5 + 1]
    seen[l5 - 1] = replace(seen[l5 - 1], l4=0.9)
    seen[l5] = replace(seen[l5], l5=0.93)
    s1_at = bodies[l5 + 1].center_rc
    rows = round(s1_at[0] + in_view * 17.0)
    whole = blank(s1_at)
    cut = {name: getattr(whole, name)[:rows] for name in CHANNELS}
    return number(seen, Marks(replace(GRID, shape=(rows, GRID.shape[1])), **cut))


@quick
@given(st.floats(-3, 6))
def test_in_the_usual_curve_l5_is_sure(lift: float) -> None:
    found = read_as(lordotic(lift), l5=4)
    assert found.levels == ("L1", "L2", "L3", "L4", "L5")
    assert not found.doubtful


@quick
@given(
    st.one_of(
        st.tuples(st.just(3), st.floats(-6, 1)),  # L4 looks like L5: names are one too low
        st.tuples(st.just(5), st.floats(-3, 6)),  # S1 does
    )
)
def test_what_looks_like_l5_is_doubted_for_its_place_in_the_curve(case: tuple[int, float]) -> None:
    """Where the image ends below L5 it can look like S1, and a stump of S1 like L5."""
    place, lift = case
    found = read_as(lordotic(lift), l5=place)
    assert found.levels[-1] == "L5"
    assert found.doubtful


@quick
@given(st.floats(-30, 30))
def test_where_all_of_s1_is_seen_no_curve_makes_l5_doubtful(lift: float) -> None:
    """Backs differ, those with fractures most; a sacrum that is seen says more."""
    assert not read_as(lordotic(lift), l5=4, in_view=1.0).doubtful


def test_s1_is_not_named_l5_where_l5_was_not_seen() -> None:
    """Counting starts above a body that the network takes for the sacrum.

    Without a junction that is sure the levels stay unverified, but a body that is S1 rather than
    anything else must not become L5: every name would be off by one.
    """
    truth = spine(6, lowest_row=170.0)
    truth["L5"] = replace(truth["L5"], l5=0.3)
    sacrum = Body((188.0, 68.0), 0.8, 0.15, 0.9, 0.0, 700.0)
    found = read([*truth.values(), sacrum])
    assert dict(zip(found.levels, found.bodies, strict=True)) == truth


def test_without_l5_the_names_hang_on_nothing() -> None:
    upper = [replace(b, l5=0.1, l4=0.1) for b in list(spine(9).values())[:-3]]
    found = read(upper)
    assert found.kind == "none"
    assert found.confidence == 0
    assert len(found.bodies) == len(upper)
    assert found.levels == LEVELS[LEVELS.index("L5") - len(upper) + 1 : LEVELS.index("L5") + 1]


@quick
@given(st.sampled_from(SPINE[4:-2]))
def test_a_missed_vertebra_keeps_its_name_free(level: str) -> None:
    truth = spine(11)
    del truth[level]
    found = read(list(truth.values()))
    assert dict(zip(found.levels, found.bodies, strict=True)) == truth
    i = LEVELS.index(level)
    assert found.missed == (f"{LEVELS[i - 1]}-{LEVELS[i + 1]}",)


def test_where_there_is_room_for_a_collapsed_one_it_is_counted() -> None:
    """Names above it move up, those below stay; a step that was counted isn't counted twice."""
    found = read([b for n, b in spine().items() if n != "L2"])
    names = dict(zip(found.bodies, found.levels, strict=True))
    assert found.missed == ("L1-L3",)
    i = found.levels.index("L1")
    assert found.with_room([i]) == found
    j = found.levels.index("L4")
    counted = found.with_room([j])
    assert counted.missed == ("T12-L2", "L3-L5")
    for body, level in zip(counted.bodies, counted.levels, strict=True):
        above = LEVELS.index(names[body]) <= LEVELS.index("L4")
        assert LEVELS.index(level) == LEVELS.index(names[body]) - above
    assert counted.kind == found.kind
    assert found.with_room([]) == found


@quick
@given(
    n=st.integers(6, 14),
    step=st.floats(24, 40),
    curve=st.floats(-0.3, 0.3),
    place=st.floats(0, 1),
    apart=st.floats(0.35, 0.5),
)
def test_a_body_found_twice_is_crowded(
    n: int, step: float, curve: float, place: float, apart: float
) -> None:
    """Two centres in one body; steps that grow to the foot, and a body cut at the top, are not."""
    along = np.cumsum(step * np.linspace(0.8, 1.2, n))
    centers = np.stack([along, curve * along], axis=1)
    assert crowded(centers) == ()
    cut = centers.copy()
    cut[0] = 0.6 * cut[0] + 0.4 * cut[1]
    assert crowded(cut) == ()
    i = 1 + round(place * (n - 2))
    half = apart / 2 * (centers[i] - centers[i - 1])
    twice = np.concatenate([centers[:i], [centers[i] - half, centers[i] + half], centers[i + 1 :]])
    assert i in crowded(twice)


@quick
@given(
    n=st.integers(7, 14),
    step=st.floats(24, 40),
    place=st.floats(0, 1),
    share=st.floats(0.4, 0.6),
)
def test_a_disc_taken_for_a_body_is_crowded(
    n: int, step: float, place: float, share: float
) -> None:
    """Its two steps are each half of what the neighbours' are, which alone are near to usual."""
    along = np.cumsum(step * np.linspace(0.85, 1.15, n))
    i = 1 + round(place * (n - 3))
    # The bodies beside it are found a little away from it: their end plates went to the disc.
    upper, lower = along[i] - 0.1 * step, along[i + 1] + 0.1 * step
    disc = upper + share * (lower - upper)
    found = np.concatenate([along[:i], [upper, disc, lower], along[i + 2 :]])
    assert set(crowded(found[:, None])) & {i, i + 1}


def test_few_bodies_do_not_tell_what_is_near() -> None:
    assert crowded(np.zeros((0, 3))) == ()
    assert crowded(np.array([[0.0], [30.0], [40.0], [70.0]])) == ()


def test_more_bodies_than_there_are_names() -> None:
    rows = np.linspace(2, 218, 19)
    bodies = [Body((float(r), 60.0), 0.9, 0.02, 0.0, 0.0, 500.0) for r in rows]
    found = number(bodies, blank())
    assert found.levels[-1] == "L5"
    assert found.levels[0] == "T1"
    assert len(set(found.levels)) == len(found.levels) == len(found.bodies)


def test_nothing_found_is_nothing_named() -> None:
    found = read([])
    assert (found.bodies, found.levels, found.kind, found.confidence) == ((), (), "none", 0.0)


# The chain


def test_a_false_body_beside_the_spine_is_left_out() -> None:
    truth = spine(8)
    aside = Body((140.0, 100.0), 0.6, 0.0, 0.0, 0.0, 300.0)
    kidney = Body((100.0, 8.0), 0.6, 0.0, 0.0, 0.0, 300.0)
    assert chain([aside, *truth.values(), kidney], GRID) == list(truth.values())


def test_one_body_seen_twice_counts_once() -> None:
    truth = spine(6)
    twin = replace(truth["L2"], center_rc=(truth["L2"].center_rc[0] + 3, 60.0), confidence=0.4)
    assert chain([*truth.values(), twin], GRID) == list(truth.values())


def test_a_spine_is_not_continued_over_a_gulf() -> None:
    lower = list(spine(5).values())
    far = Body((5.0, 50.0), 0.9, 0.0, 0.0, 0.0, 500.0)
    assert chain([far, *lower], GRID) == lower


@quick
@given(st.floats(-0.6, 0.6))
def test_a_leaning_spine_stays_whole(lean: float) -> None:
    bodies = [
        replace(b, center_rc=(b.center_rc[0], b.center_rc[1] + lean * (190 - b.center_rc[0])))
        for b in spine(7).values()
    ]
    assert chain(bodies, GRID) == bodies


# Bodies from heat maps


def heat_maps(centers: dict[str, tuple[float, float]], half: float = 7.0) -> Marks:
    """Marks of round-cornered bodies at (row, column) on the 2 mm grid."""
    rr, cc = np.indices(GRID.shape)
    body, l5, l4, center = (np.zeros(GRID.shape, np.float32) for _ in range(4))
    for level, (r, c) in centers.items():
        inside = np.clip(half - np.maximum(np.abs(rr - r), np.abs(cc - c)), 0, 1)
        body = np.maximum(body, inside)
        if level == "L5":
            l5 = np.maximum(l5, 0.9 * inside)
        if level == "L4":
            l4 = np.maximum(l4, 0.9 * inside)
        center = np.maximum(center, np.exp(-((rr - r) ** 2 + (cc - c) ** 2) / 8))
    none = np.zeros(GRID.shape, np.float32)
    return Marks(GRID, *(m.astype(np.float32) for m in (body, l5, none, none, none, l4, center)))


def on_pixels(bodies: dict[str, Body]) -> dict[str, tuple[float, float]]:
    """Centres a little beside pixel centres: no two pixels share a peak."""
    return {level: (np.floor(b.center_rc[0]) + 0.2, 60.1) for level, b in bodies.items()}


def test_bodies_are_where_the_maps_say() -> None:
    truth = on_pixels(spine(8))
    marks = heat_maps(truth)
    found = sorted(find_bodies(marks), key=lambda b: b.center_rc[0])
    assert len(found) == len(truth)
    for body, (level, at) in zip(found, truth.items(), strict=True):
        assert body.center_rc == pytest.approx(at, abs=0.5)
        assert body.confidence > 0.7
        assert body.area_mm2 == pytest.approx((2 * 7 * 2) ** 2, rel=0.2)
        assert (body.l5 > 0.5) == (level == "L5")
    assert number(chain(found, GRID), marks).levels == tuple(truth)


def test_merged_bodies_are_told_apart_by_their_centres() -> None:
    """Half a disc is missing between them; together they'd be one tall body."""
    found = find_bodies(heat_maps({"L4": (100.0, 60.0), "L5": (113.0, 60.0)}))
    assert sorted(b.center_rc[0] for b in found) == pytest.approx([100, 113], abs=1.0)


@pytest.mark.parametrize("rows", [(100.5,), (97.0, 102.0)])
def test_one_body_with_two_peaks_is_one_body(rows: tuple[float, ...]) -> None:
    """A peak halfway between two pixels, or two peaks 10 mm apart: no two bodies are as near."""
    single = heat_maps({"L3": (100.0, 60.0)})
    peaks = heat_maps({f"L{i}": (r, 60.0) for i, r in enumerate(rows)})
    (found,) = find_bodies(replace(single, center=peaks.center))
    assert found.center_rc == pytest.approx((100.0, 60.0), abs=0.5)


def test_specks_are_no_bodies() -> None:
    assert find_bodies(heat_maps({"L3": (100.0, 60.0)}, half=2.0)) == []


def test_a_centre_without_a_body_and_a_body_without_a_centre() -> None:
    whole = heat_maps({"L3": (100.0, 60.0)})
    empty = np.zeros_like(whole.body)
    assert find_bodies(replace(whole, body=empty)) == []
    assert find_bodies(replace(whole, center=empty)) == []


def test_neighbouring_slices_outvote_a_false_mark() -> None:
    truth = on_pixels(spine(6))
    good = heat_maps(truth)
    bad = heat_maps({**truth, "T1": (30.0, 100.0)})
    fused = fuse([good, bad, good])
    assert len(find_bodies(bad)) == len(truth) + 1
    assert len(find_bodies(fused)) == len(truth)
    assert fused.geometry == good.geometry


# Slices across the bodies


def test_where_slices_disagree_about_l5_the_name_is_doubtful() -> None:
    """Half of the slices take S1 for L5, as with a sacrum cut off by the image's edge."""
    truth = on_pixels(spine(6, lowest_row=170.0))
    below = {"L5": (187.2, 66.1)}
    right, shifted = heat_maps(truth), heat_maps({**truth, **below})
    fused = with_pooled_looks(shifted, [replace(right, s1=blank((187, 66)).s1), shifted])
    named = number(chain(find_bodies(fused), GRID), fused)
    assert named.doubtful or named.kind == "none"
    sure = number(chain(find_bodies(right), GRID), replace(right, s1=blank((187, 66)).s1))
    assert not sure.doubtful
    assert sure.levels == tuple(truth)


def test_a_body_left_out_as_s1_comes_back_with_another_anchor() -> None:
    truth = spine(6, lowest_row=170.0)
    sacrum = Body((188.0, 68.0), 0.7, 0.2, 0.1, 0.0, 700.0)
    found = read([*truth.values(), sacrum])
    up = found.shifted(-1, "user", 1.0)
    assert up.bodies == (*truth.values(), sacrum)
    assert up.levels[-1] == "L5"
    down = found.shifted(1, "user", 1.0)
    assert down.bodies == tuple(truth.values())[:-1]
    assert down.levels == tuple(truth)[1:]
    assert (up.kind, up.confidence, up.doubtful) == ("user", 1.0, False)
    assert down.shifted(-1, found.kind, found.confidence, doubtful=found.doubtful) == found
