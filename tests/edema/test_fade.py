"""Fat that escaped suppression fades out slowly; edema has a border."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasciaseg.anatomy.band import fascia_band
from fasciaseg.edema.evidence import Evidence
from fasciaseg.edema.fade import FatLayer
from fasciaseg.geometry import FloatArray
from fasciaseg.options import ThresholdOptions
from fasciaseg.phantom import sagittal_geometry

quick = settings(max_examples=30, deadline=None, derandomize=True)

ROWS, COLUMNS = 200, 60
G = sagittal_geometry((0.0, 0.0, 0.0), (ROWS, COLUMNS), (1.0, 1.0))
LINE = np.stack([np.arange(ROWS), np.full(ROWS, 20)], axis=1).astype(float)
BAND = fascia_band(LINE, G)
DRY = 0.3


def patch(upper: float, lower: float, fade_mm: float, end_mm: float, bright: float) -> FloatArray:
    """A slice whose fat shines up to `end_mm` behind the line, fading over `fade_mm`."""
    at = np.arange(ROWS)[:, None]
    away = np.maximum(np.maximum(upper - at, at - lower), 0)
    shine = np.clip(1 - away / max(fade_mm, 1e-6), 0, 1)
    inside = (BAND.depth_mm > -2) & (BAND.depth_mm <= end_mm)
    return np.where(inside, DRY + (bright - DRY) * shine, DRY)


def escaped(excess: FloatArray, fat_mm: float) -> bool:
    layer = FatLayer.of(excess, BAND, BAND.depth_mm > fat_mm, G)
    assert layer is not None
    return layer.escaped((excess > 1.0) & (BAND.depth_mm <= fat_mm))


@quick
@given(st.floats(14, 55), st.floats(1.5, 12), st.floats(1.2, 4.0))
def test_what_fills_the_fat_and_fades_is_fat(fade: float, fat_mm: float, bright: float) -> None:
    assert escaped(patch(80, 110, fade, fat_mm, bright), fat_mm)


@quick
@given(st.floats(0, 9), st.floats(1.5, 12), st.floats(1.2, 4.0), st.floats(10, 120))
def test_what_ends_is_edema(fade: float, fat_mm: float, bright: float, length: float) -> None:
    assert not escaped(patch(40, 40 + length, fade, fat_mm, bright), fat_mm)


def test_edema_that_lies_in_damp_fat_has_a_border_still() -> None:
    """Beside it the fat is half as bright and grows dark slowly."""
    damp = patch(80, 110, 40, 6, DRY + 0.5)
    assert not escaped(np.maximum(patch(80, 110, 3, 6, DRY + 1.2), damp), 6)


@quick
@given(st.floats(0, 55), st.floats(2, 8))
def test_a_layer_that_leaves_fat_behind_it_is_edema_however_it_fades(
    fade: float, thick_mm: float
) -> None:
    assert not escaped(patch(80, 110, fade, thick_mm, 2.0), thick_mm + 5)


def test_a_patch_deeper_than_edema_is_fat_though_it_ends_before_the_skin() -> None:
    assert escaped(patch(80, 110, 20, 25, 2.0), 40)


@pytest.mark.parametrize(("upper", "lower"), [(-50, 60), (140, 260)])
def test_one_end_in_view_is_enough(upper: float, lower: float) -> None:
    assert escaped(patch(upper, lower, 20, 8, 2.0), 8)
    assert not escaped(patch(upper, lower, 3, 8, 2.0), 8)


def test_without_an_end_in_view_nothing_is_said() -> None:
    assert not escaped(patch(-50, 260, 20, 8, 2.0), 8)


def kept(*slices: FloatArray, fat_mm: float) -> list[bool]:
    """Whether anything is edema on each of a few slices."""
    n = len(slices)
    skin = BAND.depth_mm > fat_mm
    heights = np.repeat(-np.arange(float(ROWS))[:, None], COLUMNS, axis=1)
    evidence = Evidence(
        windows=((0, COLUMNS),) * n,
        columns=(COLUMNS,) * n,
        excess=slices,
        gains=(np.ones(G.shape),) * n,
        bands=(BAND,) * n,
        skins=(skin,) * n,
        wet=(np.zeros(G.shape, bool),) * n,
        heights_mm=(heights,) * n,
        geometries=(G,) * n,
        shining=(),
        layers=tuple(FatLayer.of(s, BAND, skin, G) for s in slices),
    )
    return [bool(m.any()) for m in evidence.edema(ThresholdOptions())[0]]


def test_neighbouring_slices_decide_together_what_is_fat() -> None:
    """Edema may fill a thin back and end softly on one slice; suppression fails on all."""
    fills, layer = patch(80, 110, 20, 6, 2.0), patch(78, 112, 3, 3, 2.0)
    assert kept(layer, layer, fills, fat_mm=6) == [True, True, True]
    assert kept(fills, fills, fills, fat_mm=6) == [False, False, False]
    assert kept(fills, fills, layer, fat_mm=6) == [False, False, False]


def test_no_fat_no_layer() -> None:
    assert FatLayer.of(np.ones(G.shape), BAND, np.ones(G.shape, bool), G) is None
