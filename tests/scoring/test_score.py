"""Coverage, lengths and areas on lines and masks made by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasciaseg.anatomy.band import fascia_band
from fasciaseg.geometry import BoolArray
from fasciaseg.phantom import sagittal_geometry
from fasciaseg.scoring.score import Score, SliceEdema, score

quick = settings(max_examples=25, deadline=None, derandomize=True)

Spans = tuple[tuple[float, float], ...]

#: Three levels of 30 mm; L5 ends 45 mm above the image's lower edge.
LEVELS = {"L3": (60.0, 30.0), "L4": (30.0, 0.0), "L5": (0.0, -30.0)}
THIRD = 1 / 3


def part(
    spans: Spans = (),
    *,
    slope: float = 0.0,
    spacing: tuple[float, float] = (1.0, 1.0),
    depth: tuple[float, float] = (-2.0, 2.0),
    top: float = 75.0,
    bottom: float = -75.0,
    x: float = 0.0,
    column: float = 40.0,
) -> SliceEdema:
    """A slice from z = `top` to `bottom` whose fascia line leans `slope` mm back a mm down.

    Edema fills the heights `spans` (upper, lower) at the depths `depth` behind the line. The
    line stands in the middle of each row, so that a span of n rows holds n points.
    """
    row_mm, column_mm = spacing
    rows = round((top - bottom) / row_mm)
    columns = math.ceil((column + abs(slope) * (top - bottom) + 40) / column_mm)
    middle = (top + bottom) / 2
    g = sagittal_geometry((x, 0.0, middle), (rows, columns), spacing)
    r = np.arange(rows)
    start = column + (abs(slope) * (top - bottom) if slope < 0 else 0.0)
    line = np.stack([r, (start + slope * r * row_mm) / column_mm], axis=1).astype(float)
    at = np.moveaxis(np.indices(g.shape, dtype=float), 0, -1)
    # Distance to the straight line itself, not to its pixels.
    aside = (at[..., 1] - line[:, 1][:, None]) * column_mm / math.hypot(1, slope)
    # Height of the foot of the perpendicular: a band's ends are square to the line.
    z = g.heights_mm(at) - aside * slope / math.hypot(1, slope)
    edema = np.zeros(g.shape, bool)
    for upper, lower in spans:
        edema |= (z < upper) & (z > lower) & (aside >= depth[0]) & (aside <= depth[1])
    return SliceEdema(g, line, fascia_band(line, g), edema, np.full(g.shape, 300.0))


def scored(*parts: SliceEdema, **options: object) -> Score:
    """Score one slice (seen three times) or three."""
    three = parts if len(parts) == 3 else (parts[0],) * 3
    defaults: dict[str, object] = {
        "central": 1,
        "territories": LEVELS,
        "involved_fraction": THIRD,
        "reference": 100.0,
        "fascial_mm": 5.0,
    }
    return score(three, **{**defaults, **options})  # type: ignore[arg-type]


def coverage(s: Score, level: str) -> float:
    return next(r.coverage for r in s.per_level if r.level == level)


def involved(s: Score, level: str) -> bool | None:
    return next(r.involved for r in s.per_level if r.level == level)


# The one-third rule


@pytest.mark.parametrize(("rows", "counts"), [(9, False), (10, True), (11, True)])
def test_a_level_is_involved_from_one_third_on(rows: int, counts: bool) -> None:
    s = scored(part(((20.0, 20.0 - rows),)))
    assert coverage(s, "L4") == pytest.approx(rows / 30, abs=1e-4)
    assert s.levels == (("L4",) if counts else ())


@quick
@given(st.floats(0.4, 1.5), st.floats(-0.6, 0.6), st.integers(4, 12))
def test_exactly_one_third_counts_whatever_the_pixels(
    row_mm: float, slope: float, third: int
) -> None:
    """Rounding in the last bit must not decide about a level."""
    height = third * row_mm
    bounds = {"L4": (2 * height, -height), "L5": (-height, -4 * height)}
    p = part(slope=slope, spacing=(row_mm, 0.8), top=5 * height, bottom=-5 * height)
    # Exactly a third of the level's rows, one pixel of edema on the line in each.
    z = p.geometry.heights_mm(p.line_rc)
    rows = np.nonzero((z < bounds["L4"][0]) & (z > bounds["L4"][1]))[0]
    assert len(rows) == 3 * third
    edema = np.zeros(p.geometry.shape, bool)
    edema[rows[:third], np.round(p.line_rc[rows[:third], 1]).astype(int)] = True
    s = scored(replace(p, edema=edema), territories=bounds)
    assert coverage(s, "L4") == pytest.approx(THIRD, abs=1e-4)
    assert involved(s, "L4") is True
    assert involved(s, "L5") is False


@quick
@given(st.floats(0.1, 1.0), st.floats(0.0, 30.0))
def test_the_fraction_is_an_option(fraction: float, length: float) -> None:
    s = scored(part(((30.0, 30.0 - length),)), involved_fraction=fraction)
    assert involved(s, "L4") is (coverage(s, "L4") >= fraction)


def test_no_edema_is_no_level() -> None:
    s = scored(part())
    assert s.levels == ()
    assert [r.involved for r in s.per_level] == [False, False, False]
    assert (s.length_mm, s.area_mm2, s.depth, s.below_mm, s.at_edge) == (0, 0, None, 0, False)
    assert [r.contrast for r in s.per_level] == [None] * 3


# Three slices


def test_three_slices_are_united_by_height() -> None:
    s = scored(
        part(((30.0, 20.0),), x=-4, column=30),
        part(((20.0, 10.0),)),
        part(((10.0, 0.0),), x=4, column=50),
    )
    assert coverage(s, "L4") == pytest.approx(1.0, abs=0.04)
    assert s.length_mm == pytest.approx(30, abs=1)
    assert s.area_mm2 == pytest.approx(3 * 10 * 5, rel=0.05), "areas add up, lengths unite"


def test_the_same_height_on_two_slices_counts_once() -> None:
    one = scored(part(((25.0, 5.0),)), part(), part())
    all_three = scored(part(((25.0, 5.0),)))
    assert one.length_mm == all_three.length_mm == pytest.approx(20, abs=1)
    assert all_three.area_mm2 == pytest.approx(3 * one.area_mm2)


def test_lengths_are_those_of_the_central_line() -> None:
    """Edema seen beside the middle only, where the line is steep, is measured in the middle."""
    s = scored(part(), part(slope=0.5), part(((20.0, 0.0),)))
    assert s.length_mm == pytest.approx(20 * math.hypot(1, 0.5), abs=1.2)


@quick
@given(st.lists(st.tuples(st.floats(-70, 70), st.floats(1, 40)), min_size=1, max_size=3))
def test_more_edema_never_covers_less(pieces: list[tuple[float, float]]) -> None:
    spans = tuple((z, z - length) for z, length in pieces)
    less, more = scored(part(spans[:-1])), scored(part(spans))
    for a, b in zip(less.per_level, more.per_level, strict=True):
        assert b.coverage >= a.coverage
        assert b.area_mm2 >= a.area_mm2
        assert 0 <= b.coverage <= 1
    assert more.length_mm >= less.length_mm
    assert set(more.levels) >= set(less.levels)


# Lengths


def test_gaps_do_not_count() -> None:
    s = scored(part(((55.0, 45.0), (35.0, 20.0), (-5.0, -15.0))))
    assert s.length_mm == pytest.approx(35, abs=1.5)
    assert [r.length_mm for r in s.per_level] == pytest.approx([15, 10, 10], abs=1.1)
    assert s.length_mm == pytest.approx(sum(r.length_mm for r in s.per_level), abs=0.05)


@quick
@given(
    st.floats(-0.8, 0.8),
    st.sampled_from([(1.0, 1.0), (0.7, 0.7), (1.4, 0.7), (0.6, 1.2)]),
    st.floats(15, 80),
)
def test_length_is_measured_along_the_line(
    slope: float, spacing: tuple[float, float], height: float
) -> None:
    s = scored(part(((50.0, 50.0 - height),), slope=slope, spacing=spacing))
    stretch = math.hypot(1, slope)
    assert s.length_mm == pytest.approx(height * stretch, abs=2.5 * max(spacing) * stretch)


@quick
@given(st.floats(-0.6, 0.6), st.sampled_from([1.5, 3.0, 6.0]), st.sampled_from([1.0, 0.6]))
def test_edema_beside_the_line_has_its_own_length(
    slope: float, away: float, pixel_mm: float
) -> None:
    """A band that runs along the fascia a little behind it has no holes in its projection."""
    p = part(((50.0, 0.0),), slope=slope, spacing=(pixel_mm, pixel_mm), depth=(away, away + 3))
    s = scored(p)
    stretch = math.hypot(1, slope)
    assert s.length_mm == pytest.approx(50 * stretch, abs=4 * pixel_mm * stretch)


# What is in view


@quick
@given(st.floats(0.1, 0.95).filter(lambda share: abs(share - 0.5) > 0.03))
def test_a_level_cut_by_the_image_is_judged_if_half_is_seen(share: float) -> None:
    s = scored(part(((70.0, -29.0),), top=30.0 + 30 * share, spacing=(0.5, 1.0)))
    assert involved(s, "L3") is (True if share > 0.5 else None)
    assert involved(s, "L4") is True
    assert ("L3" in s.levels) is (share > 0.5)


def test_a_level_out_of_view_is_unknown() -> None:
    s = scored(part(((20.0, 5.0),), top=29.0))
    assert involved(s, "L3") is None
    assert coverage(s, "L3") == 0


def test_edema_below_l5_is_told_apart() -> None:
    s = scored(part(((-20.0, -50.0),)))
    assert s.below_mm == pytest.approx(20, abs=1)
    assert s.length_mm == pytest.approx(10, abs=1)
    assert s.area_mm2 == pytest.approx(3 * 10 * 5, rel=0.1)
    only_below = scored(part(((-35.0, -60.0),)))
    assert only_below.levels == ()
    assert only_below.length_mm == 0
    assert only_below.below_mm == pytest.approx(25, abs=1)


def test_below_the_last_level_in_view_is_not_below_l5() -> None:
    upper = {"L3": LEVELS["L3"], "L4": LEVELS["L4"]}
    assert scored(part(((20.0, -20.0),)), territories=upper).below_mm == 0


@pytest.mark.parametrize(
    ("span", "at_edge"), [((80.0, 60.0), True), ((40.0, 10.0), False), ((-60.0, -80.0), True)]
)
def test_edema_at_the_end_of_the_visible_fascia(span: tuple[float, float], at_edge: bool) -> None:
    assert scored(part((span,))).at_edge is at_edge


def test_unreadable_levels_are_left_open() -> None:
    s = scored(part(((60.0, 0.0),)), unreadable=frozenset({"L4"}))
    assert involved(s, "L4") is None
    assert s.levels == ("L3",)


def test_a_slice_without_a_line() -> None:
    p = part(((20.0, 0.0),))
    nan = np.full(p.geometry.shape, np.nan)
    none: BoolArray = np.zeros(p.geometry.shape, bool)
    blind = replace(
        p,
        line_rc=np.empty((0, 2)),
        band=replace(p.band, depth_mm=nan, nearest=np.zeros(p.geometry.shape, np.intp)),
        edema=none,
    )
    assert scored(blind, p, blind).levels == ("L4",)
    s = scored(p, blind, p)
    assert s.levels == ()
    assert [r.involved for r in s.per_level] == [None] * 3


# Depth and contrast


@pytest.mark.parametrize(
    ("depth", "where"),
    [((7.0, 12.0), "subcutaneous"), ((-3.0, 3.0), "fascial"), ((-12.0, -7.0), "muscle")],
)
def test_depth_says_where_it_lies(depth: tuple[float, float], where: str) -> None:
    s = scored(part(((40.0, 0.0),), depth=depth))
    assert s.depth is not None
    assert getattr(s.depth, where) == 1.0


@quick
@given(st.floats(-14, 8), st.floats(2, 20), st.floats(-0.5, 0.5))
def test_depth_shares_sum_to_one(near: float, thick: float, slope: float) -> None:
    d = scored(part(((40.0, 0.0),), depth=(near, near + thick), slope=slope)).depth
    assert d is not None
    shares = (d.subcutaneous, d.fascial, d.muscle)
    assert sum(shares) == pytest.approx(1, abs=1e-9)
    assert all(0 <= share <= 1 for share in shares)
    behind = np.clip((near + thick - max(near, 5)) / thick, 0, 1)
    assert d.subcutaneous == pytest.approx(behind, abs=1.8 / thick)


def test_contrast_is_stated_against_the_reference() -> None:
    s = scored(part(((20.0, 10.0),)))
    contrast = {r.level: r.contrast for r in s.per_level}
    assert contrast == {"L3": None, "L4": 3.0, "L5": None}
    without = scored(part(((20.0, 10.0),)), reference=0.0)
    assert {r.contrast for r in without.per_level} == {None}
