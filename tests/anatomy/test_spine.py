"""Which slices are central and where the bodies are, with a network that is told what to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasciaseg.anatomy.localizer import CHANNELS, Localizer, Marks, Window
from fasciaseg.anatomy.spine import Spine, central_three, locate, positions_mm
from fasciaseg.geometry import FloatArray, Slice, SliceGeometry
from fasciaseg.phantom import sagittal_geometry
from fasciaseg.pipeline import default_model

quick = settings(max_examples=8, deadline=None, derandomize=True)


# Which three


def test_the_slice_nearest_to_the_middle_with_its_neighbours() -> None:
    along = np.arange(9) * 4.4
    assert central_three(along, 4.4 * 3 + 1.0) == ((2, 3, 4), 3)
    assert central_three(along, 4.4 * 3 + 3.0) == ((3, 4, 5), 4)


def test_a_tie_goes_to_the_patients_left() -> None:
    along = np.arange(10) * 4.0
    assert central_three(along, 18.0) == ((4, 5, 6), 5)


@pytest.mark.parametrize(("at", "three"), [(-20.0, (0, 1, 2)), (1.0, (0, 1, 2)), (99.0, (6, 7, 8))])
def test_at_the_stacks_edge_the_three_outermost(at: float, three: tuple[int, ...]) -> None:
    central, middle = central_three(np.arange(9) * 4.4, at)
    assert central == three
    assert middle == three[1]


@quick
@given(st.lists(st.floats(2.5, 12), min_size=2, max_size=20), st.floats(-30, 250))
def test_always_three_neighbours(steps: list[float], at: float) -> None:
    along = np.concatenate([[0.0], np.cumsum(steps)])
    (a, b, c), middle = central_three(along, at)
    assert (a + 1, b + 1) == (b, c) == (middle, middle + 1)
    assert 0 <= a < c < len(along)


@pytest.mark.parametrize("sign", [1, -1])
def test_positions_grow_whichever_way_the_normal_points(sign: int) -> None:
    def geometry(x: float) -> SliceGeometry:
        g = sagittal_geometry((x, 0.0, 0.0), (20, 20), (1.0, 1.0))
        return g if sign > 0 else g.flipped(1)

    class Stack(ToldStack):
        def __init__(self) -> None:
            self.geometries = [geometry(4.0 * i) for i in range(5)]

    assert positions_mm(Stack()) == pytest.approx([0, 4, 8, 12, 16])


# A stack and a network that knows its truth

SHAPE = (220, 150)


class ToldStack:
    """Empty slices; what is on them is only in the geometry."""

    def __init__(self, count: int = 13, step: float = 4.4, first_x: float = -26.0) -> None:
        self.geometries: Sequence[SliceGeometry] = [
            sagittal_geometry((first_x + step * i, 30.0, 60.0), SHAPE, (1.5, 1.5))
            for i in range(count)
        ]

    def __len__(self) -> int:
        return len(self.geometries)

    def __getitem__(self, index: int) -> Slice:
        return Slice(np.zeros(SHAPE, np.float32), self.geometries[index], f"1.{index}", index)


class TellingLocalizer(Localizer):
    """Marks cylinders `half_mm` to either side of `centers` (LPS), L5 the lowest one."""

    def __init__(
        self, centers: Sequence[tuple[float, float, float]], half_mm: float = 22.0
    ) -> None:
        self.centers, self.half_mm, self.calls = centers, half_mm, 0
        self.windows: list[Window] = []
        self.path = Path("told")

    def mark(self, slices: Sequence[Slice], window: Window | None = None) -> list[Marks]:
        self.calls += len(slices)
        told = [self._told(s) for s in slices]
        if window is None:
            return told
        self.windows.append(window)
        return [
            replace(m, **{name: within(getattr(m, name), window) for name in CHANNELS})
            for m in told
        ]

    def _told(self, s: Slice) -> Marks:
        shape = (round(SHAPE[0] * 0.75), round(SHAPE[1] * 0.75))
        x = s.geometry.position_mm
        grid = sagittal_geometry(s.geometry.center_lps_mm, shape, (2.0, 2.0))
        lps = grid.to_lps(np.moveaxis(np.indices(shape, dtype=float), 0, -1))
        body, l5, center = (np.zeros(shape, np.float32) for _ in range(3))
        lowest = min(c[2] for c in self.centers)
        for at in self.centers:
            # As in life, the cross-section shrinks towards the sides.
            share = np.clip((self.half_mm - abs(x - at[0])) / 6, 0, 1)
            if share <= 0:
                continue
            away = np.abs(lps[..., 1:] - np.array(at[1:])) - np.array([15.0, 12.0]) * share
            inside = np.clip(1 - away.max(axis=-1), 0, 1)
            body = np.maximum(body, inside)
            if at[2] == lowest:
                l5 = np.maximum(l5, 0.9 * inside)
            distance = ((lps[..., 1:] - np.array(at[1:])) ** 2).sum(axis=-1)
            center = np.maximum(center, share * np.exp(-distance / 32))
        none = np.zeros(shape, np.float32)
        maps = (body, l5, none, none, none, none, center)
        return Marks(grid, *(m.astype(np.float32) for m in maps))


def within(channel: FloatArray, window: Window) -> FloatArray:
    """A channel as it is when only a window was looked at."""
    out = np.zeros_like(channel)
    out[:, slice(*window)] = channel[:, slice(*window)]
    return out


def wide() -> ToldStack:
    """Reaches well beyond the bodies on both sides, as most stacks do not quite."""
    return ToldStack(count=21, first_x=-44.0)


def column(x: float, count: int = 7, lean: float = 0.0) -> list[tuple[float, float, float]]:
    """Body centres from L5 up, `lean` mm to the left with every level."""
    return [(x + lean * i, 0.3 - 2.0 * i, -60.3 + 34.0 * i) for i in range(count)]


def positions(stack: ToldStack, spine: Spine) -> list[float]:
    return [stack.geometries[i].position_mm for i in spine.central]


@quick
@given(st.floats(-14, 14))
def test_the_middle_follows_the_bodies_not_the_stack(x: float) -> None:
    stack = wide()
    spine = locate(stack, TellingLocalizer(column(x)))
    assert spine.found
    middle = stack.geometries[spine.middle].position_mm
    assert abs(middle - x) <= 4.4 / 2 + 1.0
    assert spine.middle == spine.central[1]
    assert [v.level for v in spine.vertebrae] == ["T11", "T12", "L1", "L2", "L3", "L4", "L5"]


@pytest.mark.parametrize("x", [-9.0, -5.0, 5.0, 9.0])
def test_bodies_cut_by_the_stacks_side_are_off_by_a_slice_at_most(x: float) -> None:
    """A stack of 57 mm over bodies 44 mm wide that lie off its centre."""
    stack = ToldStack()
    spine = locate(stack, TellingLocalizer(column(x)))
    nearest = min(range(len(stack)), key=lambda i: abs(stack.geometries[i].position_mm - x))
    assert abs(spine.middle - nearest) <= 1


@pytest.mark.parametrize("count", [9, 10, 11, 12])
def test_a_stack_narrower_than_the_bodies_pulls_to_neither_side(count: int) -> None:
    """Its ends are all that is known of a body's sides, and as many slices speak for both."""
    stack = ToldStack(count=count, step=4.0, first_x=-2.0 * (count - 1))
    spine = locate(stack, TellingLocalizer(column(0.0), half_mm=29.0))
    assert np.mean([v.center_lps_mm[0] for v in spine.vertebrae]) == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("x", [-26.0, 24.0])
def test_a_spine_far_beside_the_stacks_middle_is_found(x: float) -> None:
    """The stack's middle slice shows no body at all."""
    stack = wide()
    spine = locate(stack, TellingLocalizer(column(x)))
    assert spine.found
    assert abs(stack.geometries[spine.middle].position_mm - x) <= 4.4 / 2 + 1.0


@quick
@given(st.floats(-10, 10))
def test_centres_are_in_the_patients_coordinates(x: float) -> None:
    truth = column(x)
    spine = locate(wide(), TellingLocalizer(truth))
    for vertebra, at in zip(spine.vertebrae, reversed(truth), strict=True):
        assert vertebra.center_lps_mm == pytest.approx(at, abs=2.5)


def test_a_scoliotic_spine_is_read_at_its_mean() -> None:
    """Bodies from -9 to 9 mm: the middle is 0, and each body keeps its own place."""
    spine = locate(wide(), TellingLocalizer(column(-9.0, lean=3.0)))
    assert spine.lateral_mm - 44.0 == pytest.approx(0.0, abs=2.0)
    assert np.ptp(spine.aside_mm) == pytest.approx(18, abs=5)
    x = [v.center_lps_mm[0] for v in spine.vertebrae]
    assert x == sorted(x, reverse=True)


def test_the_other_slices_are_looked_at_around_the_spine_only() -> None:
    network = TellingLocalizer(column(2.0))
    locate(wide(), network)
    assert network.calls - len(network.windows) == 1
    assert {last - first for first, last in network.windows} <= {48, 64}


def test_a_spine_that_leaves_what_is_looked_at_is_seen_whole() -> None:
    """Turned: bodies to the patient's left lie farther back than the middle slice lets expect."""
    lumbar = column(-6.0, count=5)
    thoracic = [(14.0, y + 45.0, z + 170.0) for _, y, z in column(0.0, count=4)]
    turned = [*lumbar, *thoracic]
    spine = locate(wide(), TellingLocalizer(turned, half_mm=12.0))
    seen = np.max([m.center.max(axis=0) for m in spine.seen.values()], axis=0)
    grid = spine.marks[0].geometry
    columns = [round(float(grid.to_pixel(np.array(c))[1])) for c in turned]
    assert min(seen[columns]) > 0.5


def test_a_stack_that_ends_beside_the_spine_gives_its_three_outermost() -> None:
    stack = ToldStack(count=5, first_x=0.0)
    spine = locate(stack, TellingLocalizer(column(-3.0)))
    assert spine.central == (0, 1, 2)


def test_three_slices_are_enough() -> None:
    spine = locate(ToldStack(count=3, first_x=-4.0), TellingLocalizer(column(0.0)))
    assert spine.central == (0, 1, 2)
    assert spine.found


def test_only_a_few_slices_are_looked_at() -> None:
    """A volume of 60 thin slices costs about as much as a clinical stack."""
    localizer = TellingLocalizer(column(0.0))
    locate(ToldStack(count=60, step=1.0, first_x=-30.0), localizer)
    assert localizer.calls < 20


@pytest.mark.parametrize("half_mm", [3.5, 12.0])
def test_a_spot_far_to_one_side_is_no_spine_and_moves_nothing(half_mm: float) -> None:
    """Where no spine is found, the three slices are the middle of the stack: the flag says so."""
    stack = ToldStack()
    spine = locate(stack, TellingLocalizer([(20.0, 10.0, 60.3)], half_mm))
    assert not spine.found
    assert positions(stack, spine) == pytest.approx([-4.0, 0.4, 4.8])


def test_nothing_at_all_is_no_spine() -> None:
    stack = ToldStack()
    spine = locate(stack, TellingLocalizer([(500.0, 0.0, 0.0)]))
    assert not spine.found
    assert spine.vertebrae == ()
    assert positions(stack, spine) == pytest.approx([-4.0, 0.4, 4.8])


def test_marks_belong_to_the_central_slices() -> None:
    stack = ToldStack()
    spine = locate(stack, TellingLocalizer(column(2.0)))
    for index, m in zip(spine.central, spine.marks, strict=True):
        assert m.geometry.position_mm == pytest.approx(stack.geometries[index].position_mm)


def test_a_flat_image_has_no_spine_for_the_shipped_network() -> None:
    stack = ToldStack(count=5, first_x=-8.8)
    assert not locate(stack, Localizer(default_model(), 1)).found


def test_slices_of_another_shape_are_no_accident() -> None:
    """A central slice with more rows than its neighbours."""
    stack = ToldStack()
    geometries = list(stack.geometries)
    geometries[6] = replace(geometries[6], shape=(SHAPE[0] + 10, SHAPE[1]))
    stack.geometries = geometries
    assert locate(stack, TellingLocalizer(column(0.0))).found
