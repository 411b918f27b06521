"""Fat that escaped suppression is seen, level by level; edema in the fat isn't taken for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasciaseg.anatomy.band import fascia_band
from fasciaseg.edema.suppression import FatState, judge_fat
from fasciaseg.geometry import BoolArray, FloatArray
from fasciaseg.phantom import sagittal_geometry

quick = settings(max_examples=20, deadline=None, derandomize=True)

G = sagittal_geometry((0.0, 0.0, 0.0), (120, 100), (1.0, 1.0))
LINE = np.stack([np.arange(120), np.full(120, 50)], axis=1).astype(float)
BAND = fascia_band(LINE, G)
Z = G.heights_mm(np.moveaxis(np.indices(G.shape, dtype=float), 0, -1))
LEVELS = {"L3": (45.0, 15.0), "L4": (15.0, -15.0), "L5": (-15.0, -45.0)}
LIMIT = 240.0
MUSCLE = 200.0
BEHIND = BAND.depth_mm > 0
SKIN: BoolArray = BAND.depth_mm > 30


def judged(
    *images: FloatArray, skin: BoolArray = SKIN, limit: float = LIMIT, muscle: float = MUSCLE
) -> FatState:
    n = len(images)
    return judge_fat(images, [BAND] * n, [skin] * n, [G] * n, LEVELS, limit, muscle)


def unsuppressed(
    *images: FloatArray, skin: BoolArray = SKIN, limit: float = LIMIT
) -> frozenset[str]:
    return judged(*images, skin=skin, limit=limit).unsuppressed


def fat(value: float, level: str | None = None, share: float = 1.0) -> FloatArray:
    """Muscle at 200, fat at 60, and fat of `value` in a share of one level's (or all) pixels."""
    out = np.where(BEHIND, 60.0, 200.0)
    where = BEHIND.copy()
    if level:
        upper, lower = LEVELS[level]
        where &= (upper >= Z) & (lower < Z)
    where &= np.random.default_rng(0).random(G.shape) < share
    out[where] = value
    return out


def test_dark_fat_is_suppressed() -> None:
    assert unsuppressed(*[fat(60.0)] * 3) == frozenset()


def test_fat_that_outshines_muscle_is_not_though_csf_is_brighter_still() -> None:
    """3-D T2: fat at twice the muscle, fluid at ten times."""
    assert unsuppressed(*[fat(400.0)] * 3, limit=1800.0) == frozenset(LEVELS)
    assert unsuppressed(*[fat(150.0)] * 3, limit=1800.0) == frozenset()


def test_bright_fat_everywhere_is_not() -> None:
    assert unsuppressed(*[fat(500.0)] * 3) == frozenset(LEVELS)


@pytest.mark.parametrize("level", LEVELS)
def test_a_failure_is_told_level_by_level(level: str) -> None:
    assert unsuppressed(*[fat(500.0, level)] * 3) == frozenset({level})


def test_subcutaneous_edema_leaves_dark_lobules() -> None:
    found = judged(*[fat(500.0, "L4", share=0.45)] * 3)
    assert found.unsuppressed == frozenset()
    assert found.wet == {"L4"}


def test_edema_of_the_fascia_is_no_failure() -> None:
    image = fat(60.0)
    image[np.abs(BAND.depth_mm) < 6] = 600.0
    assert judged(*[image] * 3) == FatState(frozenset(), frozenset())


THIN_BACK: BoolArray = BAND.depth_mm > 9.5


def test_thick_edema_in_a_thin_back_is_no_failure() -> None:
    """It fills all of the fat at its level; elsewhere there is less of it, and dark."""
    image = fat(60.0)
    swollen = (Z < 15) & (Z > -15)
    image[(BAND.depth_mm > 0) & swollen] = 600.0
    skin = THIN_BACK | ((BAND.depth_mm > 6.5) & ~swollen)
    assert unsuppressed(*[image] * 3, skin=skin) == frozenset()


def test_fat_that_shines_at_all_heights_of_a_thin_back_is_one() -> None:
    assert unsuppressed(*[fat(600.0)] * 3, skin=THIN_BACK) == frozenset(LEVELS)


def test_one_bad_slice_of_three_does_not_decide() -> None:
    assert unsuppressed(fat(500.0), fat(60.0), fat(60.0)) == frozenset()


def test_skin_is_not_asked() -> None:
    image = fat(60.0)
    image[SKIN] = 900.0
    assert unsuppressed(image) == frozenset()


def test_where_there_is_hardly_any_fat_nothing_is_claimed() -> None:
    thin = BAND.depth_mm > 7
    assert unsuppressed(fat(900.0), skin=thin) == frozenset()


@quick
@given(st.floats(1e-3, 1e4), st.floats(0.2, 0.95))
def test_scale_does_not_matter(scale: float, share: float) -> None:
    image = fat(500.0, "L5", share)
    scaled = judged(scale * image, limit=scale * LIMIT, muscle=scale * MUSCLE)
    assert scaled == judged(image)
