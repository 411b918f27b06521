"""Edema where it was asked for, mimics where they can't be taken for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasciaseg.geometry import SliceGeometry
from fasciaseg.phantom import (
    FasciaEdema,
    FatFailure,
    Fracture,
    InterspinousFluid,
    Pathology,
    Placement,
    Sampling,
    Sequence,
    SoftTissue,
    Spine,
    SpinePhantom,
    SubcutaneousEdema,
    Tissue,
    render,
)
from fasciaseg.phantom.answers import location, painted_length_mm, truth
from fasciaseg.vertebrae import SCORED_LEVELS


def coverage(phantom: SpinePhantom, view: SliceGeometry) -> dict[str, float]:
    """Share of each territory's fascia line with fluid within 3 mm of it."""
    labels, line = phantom.labels(view), phantom.fascia_line(view)
    near = round(3 / view.spacing_mm[1])
    rc = np.clip(np.round(line).astype(int), 0, np.array(view.shape) - 1)
    wet = np.array([(labels.fluid[r, max(c - near, 0) : c + near + 1] > 0.2).any() for r, c in rc])
    z = view.heights_mm(line)
    out = {}
    for level, (upper, lower) in phantom.territories.items():
        inside = (z <= upper) & (z >= lower)
        if inside.any():
            out[level] = float(wet[inside].mean())
    return out


runs = st.tuples(st.integers(0, 12), st.integers(1, 7))


@settings(max_examples=8, deadline=None, derandomize=True)
@given(runs, st.floats(-4, 4), st.floats(2, 10))
def test_edema_fills_its_levels_and_no_others(
    run: tuple[int, int], turn: float, thickness: float
) -> None:
    levels = SCORED_LEVELS[run[0] : run[0] + run[1]]
    phantom = SpinePhantom(
        pathology=Pathology((FasciaEdema(levels, thickness),)),
        placement=Placement((5.0, 0.0, 0.0), (turn, 0.0, 0.0)),
    )
    for offset in (-4.4, 0.0, 4.4):
        view = phantom.sagittal(offset, shape=(480, 260), spacing_mm=1.0, center_level="T11")
        for level, share in coverage(phantom, view).items():
            assert share > 0.9 if level in levels else share < 0.1, (level, share)


def test_a_gap_takes_its_share_of_the_level() -> None:
    gap = FasciaEdema(("L1", "L2"), gaps=(("L1", 0.4),))
    phantom = SpinePhantom(pathology=Pathology((gap,)))
    view = phantom.sagittal(shape=(320, 260), spacing_mm=1.0)
    shares = coverage(phantom, view)
    assert shares["L1"] == pytest.approx(0.6, abs=0.08)
    whole = SpinePhantom(pathology=Pathology((FasciaEdema(("L1", "L2")),)))
    assert painted_length_mm(phantom, view) < painted_length_mm(whole, view) - 8


def test_one_sided_edema_stays_on_its_side() -> None:
    edema = FasciaEdema(("L3",), side="left", half_width_mm=30)
    phantom = SpinePhantom(pathology=Pathology((edema,)))
    right, left = (coverage(phantom, phantom.sagittal(x))["L3"] for x in (-8.0, 8.0))
    assert right < 0.1
    assert left > 0.9


@pytest.mark.parametrize("sequence", [Sequence.STIR, Sequence.T2_FS, Sequence.T2_DIXON_WATER])
def test_edema_outshines_muscle_and_fat(sequence: Sequence) -> None:
    phantom = SpinePhantom(pathology=Pathology((FasciaEdema(("L1", "L2", "L3"), 6.0, 0.8),)))
    view = phantom.sagittal(6.0, center_level="L2", spacing_mm=1.0, shape=(160, 260))
    image = render(phantom, view, sequence, sampling=Sampling(4.0, 2, 1))
    labels = phantom.labels(view)
    wet = image[labels.fluid > 0.7]
    muscle = image[(labels.tissue == Tissue.MUSCLE) & (labels.fluid == 0)]
    fat = image[(labels.tissue == Tissue.SUBCUTANEOUS_FAT) & (labels.fluid == 0)]
    assert np.percentile(wet, 25) > 2 * np.percentile(muscle, 75)
    assert np.percentile(wet, 25) > 2 * np.percentile(fat, 75)


def test_mimics_keep_clear_of_the_fascia() -> None:
    phantom = SpinePhantom(
        Spine(lordosis=55),
        SoftTissue(fat=(12, 15, 30, 26)),
        Pathology((), SubcutaneousEdema(), (InterspinousFluid("L3"), InterspinousFluid("L4"))),
    )
    for offset in (-4.4, 0.0, 4.4):
        view = phantom.sagittal(offset, spacing_mm=1.0, shape=(320, 260), center_level="L3")
        labels, line = phantom.labels(view), phantom.fascia_line(view)
        wet = np.argwhere(labels.fluid > 0.1)
        assert len(wet) > 100
        distance = np.abs(wet[:, 1] - np.interp(wet[:, 0], line[:, 0], line[:, 1]))
        assert distance.min() > 5.0
    assert truth(phantom, [view]).levels == ()


def test_fat_shines_only_where_suppression_fails() -> None:
    whole = SpinePhantom()
    failed = SpinePhantom(pathology=Pathology(fat_failure=FatFailure("sacrum", 0.8)))
    view = whole.sagittal(center_level="L5")
    fat = whole.labels(view).subcutaneous
    quick = Sampling(4.0, 1, 1)
    for sequence, spills in ((Sequence.T2_FS, True), (Sequence.T2, False)):
        good, bad = (render(p, view, sequence, sampling=quick) for p in (whole, failed))
        gain = bad - good
        assert bool(gain[fat].max() > 0.2) is spills
        assert np.abs(gain[:40]).max() < 0.05  # far above the sacrum


def test_marrow_edema_is_bright_on_stir_and_dark_on_t1() -> None:
    fractured = SpinePhantom(Spine(fractures=(Fracture("L1", 0.2, edema=0.8),)))
    view = fractured.sagittal(center_level="L1")
    body = fractured.labels(view).body
    l1, l2 = 13, 14
    for sequence, brighter in ((Sequence.STIR, True), (Sequence.T1, False)):
        image = render(fractured, view, sequence, coil=None)
        ratio = np.median(image[body == l1]) / np.median(image[body == l2])
        assert ratio > 1.5 if brighter else ratio < 0.85


@pytest.mark.parametrize(
    ("levels", "region"),
    [
        ((), "none"),
        (("T8",), "thoracic"),
        (("T10", "T11"), "thoracolumbar"),
        (("L2", "L3"), "both"),
        (("L4",), "lower_lumbar"),
    ],
)
def test_regions_are_those_of_the_paper(levels: tuple[str, ...], region: str) -> None:
    assert location(levels) == region


def test_render_is_a_function_of_its_seed() -> None:
    phantom = SpinePhantom()
    view = phantom.sagittal(shape=(64, 64))
    a, b, c = (render(phantom, view, Sequence.T2, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert a.dtype == np.float32
    assert (a != c).any()
