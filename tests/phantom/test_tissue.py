"""The signal equations, and that each sequence looks as it should."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from fasciaseg.phantom import PROTOCOLS, Protocol, Sequence, Tissue, random_intensities
from fasciaseg.phantom.tissue import (
    fat_signal,
    inversion_recovery,
    spin_echo,
    unsuppressed_fat,
    water_signal,
)


def signal(sequence: Sequence) -> np.ndarray:
    protocol = PROTOCOLS[sequence]
    return water_signal(protocol) + protocol.fat_left * fat_signal(protocol)


def test_spin_echo_by_hand() -> None:
    # TR = T1 ln 2 recovers half; TE = T2 leaves 1/e.
    assert spin_echo(0.8, 1000.0, 50.0, 1000 * math.log(2), 50.0) == pytest.approx(0.4 / math.e)


def test_inversion_nulls_at_ln2_of_t1_for_long_tr() -> None:
    t1 = 290.0
    null = inversion_recovery(1.0, t1, 100.0, 1e6, 10.0, math.log(2) * t1)
    assert null == pytest.approx(0.0, abs=1e-12)
    assert inversion_recovery(1.0, t1, 100.0, 1e6, 10.0, 50.0) < 0  # not yet past the null
    assert inversion_recovery(1.0, t1, 100.0, 1e6, 10.0, 600.0) > 0


@pytest.mark.parametrize("field_t", [1.5, 3.0])
def test_stir_nulls_fat_at_either_field(field_t: float) -> None:
    ti = 180.0 if field_t < 2 else 220.0
    protocol = replace(PROTOCOLS[Sequence.STIR], field_t=field_t, ti_ms=ti)
    left = fat_signal(protocol)[Tissue.SUBCUTANEOUS_FAT]
    assert left < 0.06 * unsuppressed_fat(protocol)[Tissue.SUBCUTANEOUS_FAT]


@pytest.mark.parametrize("sequence", [Sequence.STIR, Sequence.T2_FS, Sequence.T2_DIXON_WATER])
def test_fluid_is_bright_and_fat_dark_where_fat_is_suppressed(sequence: Sequence) -> None:
    s = signal(sequence)
    wet = (Tissue.FLUID, Tissue.CSF, Tissue.VEIN)
    assert s[Tissue.FLUID] > 1.3 * max(s[t] for t in Tissue if t not in wet)
    assert s[Tissue.SUBCUTANEOUS_FAT] < 0.6 * s[Tissue.MUSCLE]


def test_t1_shows_fat_bright_and_csf_dark() -> None:
    s = signal(Sequence.T1)
    assert np.argmax(s) in (Tissue.SUBCUTANEOUS_FAT, Tissue.EPIDURAL_FAT, Tissue.VISCERAL_FAT)
    assert s[Tissue.CSF] < s[Tissue.CORD]
    assert s[Tissue.FLUID] < s[Tissue.MUSCLE]


def test_t2_shows_csf_and_fat_bright_muscle_and_ligament_dark() -> None:
    s = signal(Sequence.T2)
    assert s[Tissue.CSF] > s[Tissue.SUBCUTANEOUS_FAT] > s[Tissue.MARROW] > s[Tissue.MUSCLE]
    assert s[Tissue.MUSCLE] > s[Tissue.FASCIA] > s[Tissue.AIR]
    assert s[Tissue.NUCLEUS] > 1.5 * s[Tissue.DEGENERATED_DISC] > s[Tissue.ANNULUS]


def test_water_and_fat_add_up_to_the_unsuppressed_image() -> None:
    water_only = Protocol(Sequence.T2_DIXON_WATER, 3500, 85, fat_left=0.0)
    fat_only = replace(water_only, fat_left=1.0, water_left=0.0)
    total = replace(water_only, fat_left=1.0)
    parts = [water_signal(p) + p.fat_left * fat_signal(p) for p in (water_only, fat_only)]
    np.testing.assert_allclose(parts[0] + parts[1], water_signal(total) + fat_signal(total))


def test_fatty_marrow_is_brighter_on_t1() -> None:
    p = PROTOCOLS[Sequence.T1]
    lean, fatty = (water_signal(p, f) + fat_signal(p, f) for f in (0.3, 0.7))
    assert fatty[Tissue.MARROW] > lean[Tissue.MARROW]
    assert fatty[Tissue.MUSCLE] == lean[Tissue.MUSCLE]


def test_random_intensities_are_a_function_of_the_seed() -> None:
    a, b = (random_intensities(np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(a, b)
    assert a.shape == (len(Tissue),)
    assert 0 <= a.min() <= a.max() <= 1
    assert a[Tissue.AIR] == 0
