"""The exam's own reference, recovered from tissue made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasciaseg.anatomy.band import fascia_band
from fasciaseg.edema.normalise import (
    CANAL_SHARE,
    REFERENCE_DEPTH_MM,
    STEEPEST_PER_MM,
    Canal,
    Falloff,
    Reference,
    Tissue,
    measure,
)
from fasciaseg.geometry import FloatArray, Slice
from fasciaseg.phantom import sagittal_geometry

quick = settings(max_examples=15, deadline=None, derandomize=True)

SPAN = (-100.0, 100.0)
MUSCLE = 200.0
G = sagittal_geometry((14.0, 0.0, 0.0), (200, 100), (1.2, 1.0))
LINE = np.stack([np.arange(200), 60 + 5 * np.cos(np.arange(200) / 50)], axis=1)
BAND = fascia_band(LINE, G)
Z = G.heights_mm(np.moveaxis(np.indices(G.shape, dtype=float), 0, -1))
CSF = Canal(np.full(100, 600.0), np.linspace(-90, 90, 100))
MARROW = np.random.default_rng(3).normal(120, 12, 400)


def tissue(coil: Falloff, noise: float = 0.05, muscle: FloatArray | None = None) -> Tissue:
    """Muscle of one brightness (or `muscle`) as the coil shows it."""
    rng = np.random.default_rng(0)
    base = np.full(G.shape, MUSCLE) if muscle is None else muscle
    shown = base * coil.gain(BAND.depth_mm, Z) * (1 + noise * rng.standard_normal(G.shape))
    return Tissue(Slice(shown.astype(np.float32), G, "1.1", 0), BAND, Z)


def brighter(canal: Canal, scale: float) -> Canal:
    return Canal(scale * canal.values, canal.z_mm)


def reference(*tissues: Tissue) -> Reference:
    return measure(tissues, [CSF], [MARROW], SPAN)


def quartiles(r: Reference) -> tuple[float, float, float]:
    assert r.muscle is not None
    return r.muscle


@quick
@given(st.floats(0.0, 0.03), st.floats(-0.4, 0.4), st.floats(-0.1, 0.1))
def test_the_coils_falloff_is_recovered(per_mm: float, tilt: float, bow: float) -> None:
    coil = Falloff(per_mm, tilt, bow, 0.0)
    found = reference(tissue(coil)).falloff
    assert found.per_mm == pytest.approx(per_mm, abs=0.002)
    assert found.tilt == pytest.approx(tilt, abs=0.02)
    assert found.bow == pytest.approx(bow, abs=0.02)


@quick
@given(st.floats(0.0, 0.03), st.floats(-0.4, 0.4))
def test_muscle_is_the_same_at_every_depth_and_height(per_mm: float, tilt: float) -> None:
    r = reference(tissue(Falloff(per_mm, tilt)))
    q1, q2, q3 = quartiles(r)
    assert q2 == pytest.approx(MUSCLE, rel=0.03)
    assert q3 - q1 < 0.1 * MUSCLE, "a coil must not look like a spread of tissue"


def test_gain_is_one_at_the_reference_depth() -> None:
    coil = Falloff(0.02)
    assert coil.gain(np.array([-REFERENCE_DEPTH_MM]), np.array([0.0])) == pytest.approx(1.0)
    assert coil.gain(np.array([0.0]), np.array([0.0])) > 1.2
    assert np.isfinite(coil.gain(np.array([np.nan]), np.array([500.0]))).all()
    assert coil.far_gain < 1


@pytest.mark.parametrize(("per_mm", "limit"), [(0.08, STEEPEST_PER_MM), (-0.03, 0.0)])
def test_no_coil_is_steeper_or_turned_around(per_mm: float, limit: float) -> None:
    assert reference(tissue(Falloff(per_mm))).falloff.per_mm == pytest.approx(limit)


@pytest.mark.parametrize("brightness", [0.15, 3.0])
@pytest.mark.parametrize("share", [0.1, 0.2])
def test_fatty_streaks_do_not_move_the_reference(brightness: float, share: float) -> None:
    """Streaks of suppressed (dark) or unsuppressed (bright) fat in an old muscle."""
    rng = np.random.default_rng(1)
    muscle = np.full(G.shape, MUSCLE)
    streaks = rng.random((G.shape[0] // 4, G.shape[1])) < share
    muscle[np.repeat(streaks, 4, axis=0)] *= brightness
    coil = Falloff(0.02, 0.2)
    r = reference(tissue(coil, muscle=muscle))
    q1, q2, q3 = quartiles(r)
    assert r.falloff.per_mm == pytest.approx(0.02, abs=0.004)
    assert q2 == pytest.approx(MUSCLE, rel=0.06)
    assert q3 + 1.5 * (q3 - q1) < 1.5 * MUSCLE


@pytest.mark.parametrize("share", [0.15, 0.3, 0.4])
def test_suppressed_fat_in_the_muscle_does_not_widen_its_quartiles(share: float) -> None:
    """A wide spread lifts the limit: visible edema at 1.5 times muscle would be missed."""
    rng = np.random.default_rng(1)
    streaks = np.repeat(rng.random((G.shape[0] // 4, G.shape[1])) < share, 4, axis=0)
    streaky = tissue(Falloff(0.02), muscle=np.where(streaks, 0.1, 1.0) * MUSCLE)
    lean = tissue(Falloff(0.02))
    assert quartiles(reference(streaky)) == pytest.approx(quartiles(reference(lean)), rel=0.05)


def test_a_black_muscle_is_measured_as_black() -> None:
    r = reference(tissue(Falloff(), muscle=np.zeros(G.shape)))
    assert quartiles(r) == (0, 0, 0)
    assert r.falloff.gain(np.array([0.0]), np.array([50.0])) == 1


@quick
@given(st.floats(1e-3, 1e4))
def test_everything_scales_with_the_image(scale: float) -> None:
    one = tissue(Falloff(0.015, 0.1))
    s = Slice(one.slice.pixels * np.float32(scale), G, "1.1", 0)
    a = reference(one)
    b = measure([Tissue(s, BAND, Z)], [brighter(CSF, scale)], [scale * MARROW], SPAN)
    assert b.falloff.per_mm == pytest.approx(a.falloff.per_mm, abs=1e-6)
    assert quartiles(b) == pytest.approx([scale * q for q in quartiles(a)], rel=1e-4)
    assert a.csf is not None
    assert b.csf == pytest.approx(scale * a.csf)
    assert a.bodies is not None
    assert b.bodies == pytest.approx([scale * q for q in a.bodies])


@quick
@given(st.floats(-0.4, 0.4), st.floats(0, 1))
def test_csf_is_measured_as_at_middle_height(tilt: float, lower: float) -> None:
    """A coil brighter at one end, and a canal seen at that end only, must not move the limit."""
    coil = Falloff(0.01, tilt)
    z = np.linspace(-90 * lower - 10, 90 * (1 - lower) + 10, 300)
    canal = Canal(600 * coil.along(z, CANAL_SHARE), z)
    assert measure([tissue(coil)], [canal], [], SPAN).csf == pytest.approx(600, rel=0.05)


@quick
@given(st.floats(0.1, 0.4), st.sampled_from([-1, 1]), st.floats(0.0, 1.2))
def test_what_the_canal_does_not_show_is_the_muscles_own(
    tilt: float, way: int, share: float
) -> None:
    """Muscle that is darker at one end by itself must not lower the limit of fluid there."""
    coil = Falloff(0.01, way * tilt)
    z = np.linspace(-100, 100, 1000)
    canal = Canal(600 * coil.along(z, share), z)
    found = measure([tissue(coil)], [canal], [], SPAN).canal_share
    assert found == pytest.approx(min(share, CANAL_SHARE), abs=0.05)


def test_two_sides_are_measured_together() -> None:
    left = tissue(Falloff(0.02))
    darker = tissue(Falloff(0.02), muscle=np.full(G.shape, 0.9 * MUSCLE))
    _, q2, _ = quartiles(reference(left, darker))
    assert 0.88 * MUSCLE < q2 < 1.02 * MUSCLE


def test_without_muscle_nothing_is_made_up() -> None:
    r = measure([], [CSF], [MARROW], SPAN)
    assert r.muscle is None
    assert r.falloff == Falloff()
    assert r.csf == 600
    assert r.bodies is not None
    assert r.bodies[1] == pytest.approx(120, rel=0.03)


def test_too_little_muscle_is_none() -> None:
    """Five mm of spine's height times 23 mm of depth are no reference."""
    assert measure([tissue(Falloff())], [CSF], [MARROW], (0.0, 5.0)).muscle is None


def test_a_handful_of_pixels_is_no_canal() -> None:
    few = Canal(CSF.values[:5], CSF.z_mm[:5])
    r = measure([tissue(Falloff())], [few], [MARROW[:5]], SPAN)
    assert r.csf is None
    assert r.bodies is None
    assert r.muscle is not None
    assert measure([], [], [], SPAN) == Reference(Falloff(), None, None, None)
