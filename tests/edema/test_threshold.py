"""How bright is edema, and which pixels are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasciaseg.anatomy.band import fascia_band
from fasciaseg.edema.normalise import Canal, Falloff, Reference, Tissue, measure
from fasciaseg.edema.threshold import (
    Threshold,
    confirmed,
    excess,
    find_edema,
    make_threshold,
    tissue_before,
)
from fasciaseg.geometry import BoolArray, FloatArray, Slice
from fasciaseg.options import ThresholdOptions
from fasciaseg.phantom import sagittal_geometry

quick = settings(max_examples=25, deadline=None, derandomize=True)
DEFAULT = ThresholdOptions()
#: The canal's gain at middle height.
LEVEL = np.array(1.0)

quartiles = st.tuples(st.floats(50, 300), st.floats(0, 80), st.floats(0, 80)).map(
    lambda t: (t[0], t[0] + t[1], t[0] + t[1] + t[2])
)


def reference(
    muscle: tuple[float, float, float] | None = (180.0, 200.0, 220.0),
    csf: float | None = 700.0,
    bodies: tuple[float, float, float] | None = (100.0, 120.0, 140.0),
    per_mm: float = 0.0,
) -> Reference:
    return Reference(Falloff(per_mm), muscle, csf, bodies)


def made(r: Reference, options: ThresholdOptions = DEFAULT) -> Threshold:
    threshold = make_threshold(r, options)
    assert threshold is not None
    return threshold


# The number


def test_muscle_makes_the_threshold() -> None:
    t = made(reference())
    assert t.source == "muscle"
    assert t.bounded is None
    assert t.low == pytest.approx(220 + DEFAULT.k * 40)
    assert t.reference == 200


@quick
@given(quartiles, st.floats(100, 2000), st.floats(0, 0.03))
def test_a_fraction_of_csf_bounds_it(
    muscle: tuple[float, float, float], csf: float, per_mm: float
) -> None:
    r = reference(muscle, csf, per_mm=per_mm)
    t = made(r)
    # CSF lies far from the coil: at the reference depth it would be brighter.
    fluid = csf / r.falloff.far_gain
    assert DEFAULT.csf_low * fluid * 0.999 <= t.low <= DEFAULT.csf_high * fluid * 1.001
    free = muscle[2] + DEFAULT.k * (muscle[2] - muscle[0])
    assert (t.bounded is None) == (t.low == pytest.approx(free, rel=1e-9))
    for gain in (0.5, 1.0, 2.0):
        assert t.in_fat(np.array(gain), LEVEL) <= t.low


@pytest.mark.parametrize(
    ("muscle", "bounded"), [((20.0, 22.0, 24.0), "csf_low"), ((700.0, 800.0, 900.0), "csf_high")]
)
def test_the_bound_is_named(muscle: tuple[float, float, float], bounded: str) -> None:
    assert made(reference(muscle)).bounded == bounded


@quick
@given(quartiles, st.floats(0, 3), st.floats(0, 3))
def test_a_greater_k_never_lowers_it(
    muscle: tuple[float, float, float], k: float, more: float
) -> None:
    r = reference(muscle)
    low = made(r, ThresholdOptions(k=k)).low
    assert made(r, ThresholdOptions(k=k + more)).low >= low


@quick
@given(quartiles, st.floats(200, 900), st.floats(1e-3, 1e4))
def test_it_scales_with_the_image(
    muscle: tuple[float, float, float], csf: float, scale: float
) -> None:
    a = made(reference(muscle, csf))
    m = (scale * muscle[0], scale * muscle[1], scale * muscle[2])
    b = made(reference(m, scale * csf))
    gain = np.array(1.3)
    assert (b.low, float(b.in_fat(gain, LEVEL)), b.reference) == pytest.approx(
        (scale * a.low, scale * float(a.in_fat(gain, LEVEL)), scale * a.reference)
    )
    assert (a.source, a.bounded) == (b.source, b.bounded)


def test_without_muscle_csf_and_bodies_serve() -> None:
    t = made(reference(muscle=None))
    assert t.source == "bodies_and_csf"
    assert 140 < t.low < 700
    bright_marrow = made(reference(muscle=None, bodies=(250.0, 300.0, 350.0)))
    assert bright_marrow.low > t.low, "edema outshines marrow"


def test_csf_alone_serves_too() -> None:
    t = made(reference(muscle=None, bodies=None))
    assert t.source == "csf"
    assert 0.3 * 700 < t.low < 700


def test_muscle_alone_serves_too() -> None:
    t = made(reference(csf=None, bodies=None))
    assert t.source == "muscle"
    assert t.bounded is None
    assert t.in_fat(np.array(1.0), LEVEL) <= t.low


def test_without_csf_the_coil_does_not_lower_the_limit() -> None:
    t = made(reference(csf=None, bodies=None))
    near_the_coil = t.in_fat(np.array(1.5), LEVEL)
    assert near_the_coil == t.in_fat(np.array(1.0), LEVEL)


def test_without_anything_there_is_no_threshold() -> None:
    assert make_threshold(reference(None, None, None), DEFAULT) is None


# The pixels

ROWS, COLUMNS, MM = 160, 140, 0.8
G = sagittal_geometry((0.0, 0.0, 0.0), (ROWS, COLUMNS), (MM, MM))
LINE = np.stack([np.arange(ROWS), 80 + 0.2 * np.arange(ROWS)], axis=1)
BAND = fascia_band(LINE, G)
LENGTH_MM = float(np.hypot(1, 0.2))
NO_SKIN: BoolArray = np.zeros(G.shape, bool)
FLAT = np.ones(G.shape)


def limit(low: float, in_fat: float) -> Threshold:
    """A threshold of these values where the coil is flat."""
    return Threshold(low, in_fat, 0.0, 200.0, "muscle", None)


LOW = limit(300.0, 300.0)


def image(
    *patches: tuple[float, float, float, float], value: float = 450.0, noise: float = 15.0
) -> FloatArray:
    """Muscle, dark fat, and patches (first and last mm down, first and last mm behind)."""
    out = np.where(BAND.depth_mm < 0, 200.0, 60.0)
    down = BAND.nearest * MM
    for first, last, near, far in patches:
        inside = (down >= first) & (down < last) & (BAND.depth_mm >= near) & (BAND.depth_mm <= far)
        out[inside] = value
    return np.asarray(out + noise * np.random.default_rng(0).standard_normal(out.shape))


def found(
    pixels: FloatArray,
    skin: BoolArray = NO_SKIN,
    threshold: Threshold = LOW,
    options: ThresholdOptions = DEFAULT,
    wet: BoolArray = NO_SKIN,
) -> BoolArray:
    z = G.heights_mm(np.moveaxis(np.indices(G.shape, dtype=float), 0, -1))
    before = tissue_before([pixels], [BAND], [z])(z)
    over = excess(pixels, threshold.limits(BAND, FLAT, FLAT, before), G)
    return find_edema(over, BAND, skin, wet, G, options)


def length_mm(mask: BoolArray) -> float:
    return len(np.unique(np.argwhere(mask)[:, 0])) * MM * LENGTH_MM


@quick
@given(st.floats(15, 60), st.floats(12, 60), st.floats(-1.5, 1.5), st.floats(3, 8))
def test_a_band_along_the_fascia_is_found_whole(
    first: float, length: float, shift: float, thick: float
) -> None:
    truth = image((first, first + length, shift - thick / 2, shift + thick / 2), noise=0.0) == 450.0
    mask = found(image((first, first + length, shift - thick / 2, shift + thick / 2)))
    assert length_mm(mask) == pytest.approx(length * LENGTH_MM, abs=4 * MM)
    overlap = 2 * (mask & truth).sum() / (mask.sum() + truth.sum())
    assert overlap > 0.85


def test_muscle_and_noise_are_no_edema() -> None:
    assert not found(image()).any()
    assert not found(image(noise=30.0)).any()


def test_every_long_patch_is_kept() -> None:
    mask = found(image((10, 30, -2, 2), (50, 75, -2, 2), (95, 115, -2, 2)))
    rows = np.unique(np.argwhere(mask)[:, 0]) * MM
    for gap in (40.0, 85.0):
        assert np.abs(rows - gap).min() > 5
    assert length_mm(mask) == pytest.approx(65 * LENGTH_MM, abs=6 * MM)


@quick
@given(st.floats(10, 100), st.floats(1, 5), st.floats(-3, 2))
def test_short_specks_are_vessels(first: float, length: float, near: float) -> None:
    assert not found(image((first, first + length, near, near + 2))).any()


@pytest.mark.parametrize(
    ("far", "value", "kept"),
    [(2.5, 450.0, True), (0.5, 450.0, False), (2.5, 340.0, False)],
    ids=["thick and bright", "thin", "faint"],
)
def test_a_short_patch_has_to_be_thick_and_bright(far: float, value: float, kept: bool) -> None:
    """Ten millimetres, less than a third of a lumbar level and more than one of a thoracic one."""
    assert found(image((40, 50, -2, far), value=value)).any() == kept
    assert found(image((40, 55, -2, far), value=value)).any(), "long enough for any"


def test_the_smallest_length_is_an_option() -> None:
    pixels = image((40, 52, -2, 2))
    assert found(pixels).any()
    assert not found(pixels, options=ThresholdOptions(least_length_mm=20)).any()


def test_faint_patches_lack_the_hysteresis_seed() -> None:
    pixels = image((40, 80, -2, 2), value=330.0, noise=0.0)
    assert found(pixels, options=ThresholdOptions(sure=1.05)).any()
    assert not found(pixels, options=ThresholdOptions(sure=1.3)).any()


@pytest.mark.parametrize("depth", [(8.0, 16.0), (-13.0, -7.0)])
def test_what_does_not_touch_the_fascia_is_not_fascia_edema(depth: tuple[float, float]) -> None:
    """Subcutaneous edema or interspinous fluid on their own."""
    assert not found(image((30, 90, *depth))).any()


@pytest.mark.parametrize("depth", [(-2.0, 16.0), (-12.0, 2.0)])
def test_what_reaches_the_fascia_counts_with_all_its_depth(depth: tuple[float, float]) -> None:
    mask = found(image((30, 90, *depth)))
    deep = mask & (np.abs(BAND.depth_mm) > 6)
    assert deep.sum() * MM * MM == pytest.approx(60 * LENGTH_MM * (max(np.abs(depth)) - 6), rel=0.2)


def test_nothing_is_looked_for_deep_before_the_fascia() -> None:
    mask = found(image((30, 90, -30.0, 2.0)))
    assert (BAND.depth_mm[mask] > -DEFAULT.deepest_mm - MM).all()


def test_skin_is_left_out() -> None:
    skin = BAND.depth_mm > 3
    bright_skin = image((0, 128, 3.5, 8.0), value=900.0)
    assert not found(bright_skin, skin).any()
    both = found(image((30, 60, -2, 2)), skin)
    assert both.any()
    assert not (both & skin).any()


def test_beyond_the_ends_of_the_line_nothing_is_known() -> None:
    short = fascia_band(LINE[40:120], G)
    pixels = np.full(G.shape, 900.0)
    mask = find_edema(
        excess(pixels, np.full(G.shape, 300.0), G), short, NO_SKIN, NO_SKIN, G, DEFAULT
    )
    assert mask[40:120].any()
    assert not mask[:40].any()
    assert not mask[120:].any()


def test_suppressed_fat_needs_less() -> None:
    """Behind the fascia, where all is dark, fainter fluid counts than in muscle."""
    pixels = image((40, 80, 1.5, 5.0), value=250.0, noise=0.0)
    assert not found(pixels).any()
    lower = limit(300.0, 180.0)
    assert found(pixels, threshold=lower).any()
    muscle_as_bright = image((40, 80, -5.0, -1.0), value=250.0, noise=0.0)
    assert not found(muscle_as_bright, threshold=lower).any()


@pytest.mark.parametrize(
    ("muscle", "value", "is_edema"), [(90.0, 210.0, True), (200.0, 220.0, False)]
)
def test_fluid_at_the_border_must_outshine_the_tissue_before_it(
    muscle: float, value: float, is_edema: bool
) -> None:
    """Right before the line, fluid fainter than muscle's threshold counts where muscle is dark."""
    pixels = np.where(BAND.depth_mm < 0, muscle, 60.0)
    down = BAND.nearest * MM
    pixels[(down > 40) & (down < 80) & (BAND.depth_mm > -2.8) & (BAND.depth_mm < 0.5)] = value
    assert found(pixels, threshold=limit(300.0, 180.0)).any() == is_edema


def test_the_tissue_before_the_fascia_follows_dark_muscle_not_bright_tissue() -> None:
    """Interspinous fluid at one height must not hide the edema behind it."""
    z = G.heights_mm(np.moveaxis(np.indices(G.shape, dtype=float), 0, -1))
    rng = np.random.default_rng(0)
    muscle = 200 + 10 * rng.standard_normal(G.shape)
    heights = np.array([40.0, -40.0])
    plain = tissue_before([muscle], [BAND], [z])(heights)
    assert plain == pytest.approx([200, 200], rel=0.05)
    bright = tissue_before([np.where(z < -25, 3.0, 1.0) * muscle], [BAND], [z])(heights)
    assert (bright < 260).all()
    nowhere = replace(BAND, depth_mm=np.full(G.shape, np.nan))
    unknown = tissue_before([muscle], [nowhere], [z])(heights)
    assert unknown == pytest.approx([0, 0])


@quick
@given(st.floats(1e-3, 1e4), st.integers(0, 2**16))
def test_the_mask_does_not_depend_on_the_scanners_scale(scale: float, seed: int) -> None:
    """From reference tissue to mask: an image in other units gives the same edema."""
    noise = 10 * np.random.default_rng(seed).standard_normal(G.shape)
    pixels = image((30, 70, -3, 3), noise=0.0) + noise
    z = G.heights_mm(np.moveaxis(np.indices(G.shape, dtype=float), 0, -1))

    def read(c: float) -> tuple[BoolArray, Threshold]:
        s = Slice((c * pixels).astype(np.float32), G, "1.1", 0)
        canal = Canal(c * np.full(50, 700.0), np.zeros(50))
        r = measure([Tissue(s, BAND, z)], [canal], [c * np.full(50, 120.0)], (-60, 60))
        t = made(r)
        return found(s.pixels / r.falloff.gain(BAND.depth_mm, z), threshold=t), t

    (one, a), (other, b) = read(1.0), read(scale)
    assert one.any()
    assert (one != other).sum() <= 3, "rounding to float32 may move a pixel"
    assert b.low == pytest.approx(scale * a.low, rel=1e-3)


@pytest.mark.parametrize("spacing", [(1.4, 0.7), (0.7, 1.4)])
def test_lengths_are_in_mm_whatever_the_pixels(spacing: tuple[float, float]) -> None:
    """Well above the least length edema is found and below it not, on flat and tall pixels."""
    shape = (round(120 / spacing[0]), round(100 / spacing[1]))
    g = sagittal_geometry((0.0, 0.0, 0.0), shape, spacing)
    line = np.stack([np.arange(shape[0]), np.full(shape[0], 50 / spacing[1])], axis=1)
    band = fascia_band(line, g)
    down = np.indices(shape)[0] * spacing[0]
    least = DEFAULT.least_length_mm
    for length, kept in ((1.4 * least, True), (0.5 * least, False)):
        patch = (down > 40) & (down < 40 + length) & (np.abs(band.depth_mm) < 2.2)
        pixels, limits = np.where(patch, 500.0, 100.0), np.full(shape, 300.0)
        mask = find_edema(excess(pixels, limits, g), band, *2 * [np.zeros(shape, bool)], g, DEFAULT)
        assert mask.any() == kept


# The three slices together


def on_slices(
    *strips: tuple[int, int, float] | None, wet: bool = False, thick_mm: float = 5.0
) -> list[BoolArray]:
    """What is confirmed of one strip a slice: (first row, last row, times its limit)."""
    shape = (200, 20)
    over = [np.zeros(shape) for _ in strips]
    for values, strip in zip(over, strips, strict=True):
        if strip is not None:
            values[strip[0] : strip[1], 8:12] = strip[2]
    heights = [np.repeat(-np.arange(200.0)[:, None], 20, axis=1) for _ in strips]
    fluid = [np.full(shape, wet)] * len(strips)
    widths = [thick_mm / 4] * len(strips)
    return confirmed([o >= 1 for o in over], over, fluid, heights, widths, DEFAULT)


def test_faint_edema_on_one_slice_needs_another_slice() -> None:
    assert not any(m.any() for m in on_slices(None, (50, 90, 1.1), None))
    assert not any(m.any() for m in on_slices((120, 160, 1.1), (50, 90, 1.1), None))
    both = on_slices((60, 100, 1.1), (50, 90, 1.1), None)
    assert [m.any() for m in both] == [True, True, False]


def test_bright_edema_on_one_slice_stands_alone() -> None:
    assert [m.any() for m in on_slices(None, None, (50, 90, 2.5))] == [False, False, True]


def test_a_bright_vein_on_one_slice_does_not() -> None:
    assert not any(m.any() for m in on_slices(None, None, (50, 90, 4.0), thick_mm=3.0))


def test_where_the_fat_holds_fluid_even_bright_edema_needs_another_slice() -> None:
    assert not any(m.any() for m in on_slices(None, None, (50, 90, 1.5), wet=True))
    assert sum(m.any() for m in on_slices(None, (50, 90, 1.5), (60, 95, 1.5), wet=True)) == 2


def test_where_the_fat_holds_fluid_edema_has_to_cover_the_line() -> None:
    behind, across = image((30, 60, 1.3, 6)), image((30, 60, -1.6, 6))
    wet = np.ones(G.shape, bool)
    assert found(behind).any()
    assert not found(behind, wet=wet).any()
    assert found(across, wet=wet).any()


@quick
@given(st.integers(0, 150), st.integers(12, 49), st.floats(1, 3))
def test_confirming_never_adds_edema(row: int, length: int, over: float) -> None:
    masks = on_slices((row, row + length, over), None, (100, 140, 1.2))
    assert masks[0].sum() in (0, 4 * length)
    assert not masks[1].any()
