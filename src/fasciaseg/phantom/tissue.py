"""Tissues and how bright they are: relaxation times in, spin-echo signals out.

A voxel holds water and fat. The signal equations are the usual ones (Bernstein, King, Zhou:
Handbook of MRI Pulse Sequences, 2004, ch. 14): spin echo S = PD (1 - e^(-TR/T1)) e^(-TE/T2),
inversion recovery |S| = PD |1 - 2 e^(-TI/T1) + e^(-TR/T1)| e^(-TE/T2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import numpy as np
import numpy.typing as npt

Intensities = npt.NDArray[np.float64]


class Tissue(IntEnum):
    """What a pixel of a label map can be."""

    AIR = 0
    SKIN = 1
    SUBCUTANEOUS_FAT = 2
    SEPTUM = 3
    FASCIA = 4
    MUSCLE = 5
    FATTY_MUSCLE = 6
    INTERSPINOUS = 7
    LIGAMENT = 8
    CORTEX = 9
    MARROW = 10
    POSTERIOR_MARROW = 11
    ANNULUS = 12
    NUCLEUS = 13
    DEGENERATED_DISC = 14
    CSF = 15
    CORD = 16
    NERVE_ROOT = 17
    EPIDURAL_FAT = 18
    VESSEL = 19
    VEIN = 20
    VISCERAL_FAT = 21
    BOWEL = 22
    GAS = 23
    ORGAN = 24
    CARTILAGE = 25
    FLUID = 26


class Sequence(StrEnum):
    """The sequences of a spine exam; the names are those of `result.json`, T1 added."""

    T1 = "T1"
    T2 = "T2"
    T2_FS = "T2_FS"
    STIR = "STIR"
    T2_DIXON_WATER = "T2_DIXON_WATER"


@dataclass(frozen=True)
class Relaxation:
    """A tissue's water: T1 at 1.5 T and 3 T (ms), T2 (ms), proton density (CSF is 1).

    `fat` is the share of the signal-giving protons that are in fat, 0 to 1.
    """

    t1_15: float
    t1_30: float
    t2: float
    density: float
    fat: float = 0.0


# T1 and T2 of muscle, marrow, fat, cord and liver: Stanisz et al., Magn Reson Med 2005;54:507
# (1.5 and 3 T) and de Bazelaire et al., Radiology 2004;230:652. Discs: Stelzeneder et al.,
# Eur Radiol 2012 (T2), Marinelli et al., Spine 2009. CSF: Spijkerman et al., MAGMA 2018
# (T2 lowered for flow). Fat T2 is the longer one seen with fast spin echo (J coupling).
# Ligament, fascia and cortex hold little free water: density and T2 are set low, which is what
# they look like. Vessels flow: no signal in spin echo. Marrow's water is red marrow's.
# Fat's T1 is what the inversion times in clinical use null (measured values scatter widely).
_FAT = Relaxation(260.0, 320.0, 110.0, 0.95, 1.0)
_TABLE: dict[Tissue, Relaxation] = {
    Tissue.AIR: Relaxation(1000.0, 1000.0, 10.0, 0.0),
    Tissue.SKIN: Relaxation(900.0, 1000.0, 35.0, 0.70, 0.10),
    Tissue.SUBCUTANEOUS_FAT: Relaxation(900.0, 1000.0, 40.0, 0.90, 0.93),
    Tissue.SEPTUM: Relaxation(900.0, 1100.0, 30.0, 0.55, 0.35),
    Tissue.FASCIA: Relaxation(800.0, 900.0, 14.0, 0.30),
    Tissue.MUSCLE: Relaxation(1010.0, 1410.0, 42.0, 0.85, 0.05),
    Tissue.FATTY_MUSCLE: Relaxation(1010.0, 1410.0, 42.0, 0.85, 0.65),
    Tissue.INTERSPINOUS: Relaxation(950.0, 1200.0, 35.0, 0.70, 0.35),
    Tissue.LIGAMENT: Relaxation(800.0, 900.0, 14.0, 0.30, 0.03),
    Tissue.CORTEX: Relaxation(900.0, 1000.0, 8.0, 0.20),
    Tissue.MARROW: Relaxation(900.0, 1100.0, 55.0, 0.75, 0.45),
    Tissue.POSTERIOR_MARROW: Relaxation(900.0, 1100.0, 50.0, 0.75, 0.55),
    Tissue.ANNULUS: Relaxation(850.0, 1000.0, 28.0, 0.55),
    Tissue.NUCLEUS: Relaxation(1200.0, 1500.0, 92.0, 0.85),
    Tissue.DEGENERATED_DISC: Relaxation(900.0, 1100.0, 40.0, 0.70),
    Tissue.CSF: Relaxation(3500.0, 4000.0, 700.0, 1.0),
    Tissue.CORD: Relaxation(780.0, 990.0, 76.0, 0.80),
    Tissue.NERVE_ROOT: Relaxation(800.0, 1000.0, 78.0, 0.80),
    Tissue.EPIDURAL_FAT: Relaxation(900.0, 1000.0, 40.0, 0.90, 0.88),
    Tissue.VESSEL: Relaxation(1400.0, 1700.0, 150.0, 0.04),
    Tissue.VEIN: Relaxation(1400.0, 1700.0, 130.0, 0.85, 0.1),
    Tissue.VISCERAL_FAT: Relaxation(900.0, 1000.0, 40.0, 0.85, 0.88),
    Tissue.BOWEL: Relaxation(1200.0, 1500.0, 75.0, 0.80, 0.05),
    Tissue.GAS: Relaxation(1000.0, 1000.0, 10.0, 0.02),
    Tissue.ORGAN: Relaxation(590.0, 810.0, 46.0, 0.75, 0.04),
    Tissue.CARTILAGE: Relaxation(1030.0, 1160.0, 45.0, 0.70),
    Tissue.FLUID: Relaxation(2500.0, 2900.0, 220.0, 0.95),
}


@dataclass(frozen=True)
class Protocol:
    """How a series is measured.

    Attributes:
        sequence: which contrast.
        tr_ms, te_ms: repetition and (effective) echo time.
        ti_ms: inversion time, None without inversion.
        fat_left: share of the fat signal that escapes suppression, 1 without suppression.
        field_t: 1.5 or 3.
        water_left: share of the water signal, less than 1 only in a Dixon fat image.
    """

    sequence: Sequence
    tr_ms: float
    te_ms: float
    ti_ms: float | None = None
    fat_left: float = 1.0
    field_t: float = 1.5
    water_left: float = 1.0


PROTOCOLS: dict[Sequence, Protocol] = {
    Sequence.T1: Protocol(Sequence.T1, 550.0, 10.0),
    Sequence.T2: Protocol(Sequence.T2, 3500.0, 100.0),
    Sequence.T2_FS: Protocol(Sequence.T2_FS, 3500.0, 75.0, fat_left=0.08),
    # The inversion time nulls fat at 1.5 T for this TR; at 3 T 220 ms does.
    Sequence.STIR: Protocol(Sequence.STIR, 4000.0, 50.0, ti_ms=180.0),
    Sequence.T2_DIXON_WATER: Protocol(Sequence.T2_DIXON_WATER, 3500.0, 85.0, fat_left=0.02),
}


def spin_echo(density: float, t1: float, t2: float, tr: float, te: float) -> float:
    """Spin-echo signal; times in ms, density relative to CSF."""
    return density * (1 - math.exp(-tr / t1)) * math.exp(-te / t2)


def inversion_recovery(
    density: float, t1: float, t2: float, tr: float, te: float, ti: float
) -> float:
    """Signed inversion-recovery spin-echo signal (the image shows its magnitude); ms."""
    recovered = 1 - 2 * math.exp(-ti / t1) + math.exp(-tr / t1)
    return density * recovered * math.exp(-te / t2)


def _component(r: Relaxation, protocol: Protocol) -> float:
    t1 = r.t1_30 if protocol.field_t > 2 else r.t1_15
    if protocol.ti_ms is None:
        return spin_echo(r.density, t1, r.t2, protocol.tr_ms, protocol.te_ms)
    return abs(
        inversion_recovery(r.density, t1, r.t2, protocol.tr_ms, protocol.te_ms, protocol.ti_ms)
    )


def water_signal(protocol: Protocol, marrow_fat: float | None = None) -> Intensities:
    """Signal of each tissue's water, (len(Tissue),), before fat is added.

    `marrow_fat` replaces the fat fraction of the vertebral marrow (it grows with age).
    """
    return protocol.water_left * np.array(
        [(1 - fat_fraction(t, marrow_fat)) * _component(_TABLE[t], protocol) for t in Tissue]
    )


def fat_signal(protocol: Protocol, marrow_fat: float | None = None) -> Intensities:
    """Signal of each tissue's fat, (len(Tissue),), with inversion but before suppression."""
    signal = _component(_FAT, protocol)
    return np.array([fat_fraction(t, marrow_fat) * signal for t in Tissue])


def unsuppressed_fat(protocol: Protocol, marrow_fat: float | None = None) -> Intensities:
    """Fat's signal where suppression or inversion fails altogether, (len(Tissue),)."""
    signal = spin_echo(_FAT.density, _FAT.t1_15, _FAT.t2, protocol.tr_ms, protocol.te_ms)
    return np.array([fat_fraction(t, marrow_fat) * signal for t in Tissue])


def fat_fraction(tissue: Tissue, marrow_fat: float | None = None) -> float:
    """Fat fraction of a tissue, 0 to 1."""
    if marrow_fat is not None and tissue in (Tissue.MARROW, Tissue.POSTERIOR_MARROW):
        return marrow_fat
    return _TABLE[tissue].fat


def random_intensities(rng: np.random.Generator) -> Intensities:
    """Free intensities, one a tissue, 0 to 1, for contrast randomisation.

    Every tissue gets any brightness; only what has no signal in any sequence (air, gas, cortex,
    flowing blood) stays dark, and tissues that can't be told apart in life stay near each other.
    """
    values = rng.uniform(0.05, 1.0, len(Tissue))
    for dark in (Tissue.AIR, Tissue.GAS, Tissue.CORTEX, Tissue.LIGAMENT, Tissue.FASCIA):
        values[dark] = rng.uniform(0.0, 0.12)
    values[Tissue.AIR] = 0.0
    values[Tissue.VESSEL] = rng.uniform(0.0, 0.3)
    for tissue, like in (
        (Tissue.POSTERIOR_MARROW, Tissue.MARROW),
        (Tissue.EPIDURAL_FAT, Tissue.SUBCUTANEOUS_FAT),
        (Tissue.VISCERAL_FAT, Tissue.SUBCUTANEOUS_FAT),
        (Tissue.NERVE_ROOT, Tissue.CORD),
    ):
        values[tissue] = np.clip(values[like] * rng.uniform(0.8, 1.2), 0.02, 1.0)
    mixed = 0.5 * (values[Tissue.MUSCLE] + values[Tissue.SUBCUTANEOUS_FAT])
    values[Tissue.FATTY_MUSCLE] = values[Tissue.INTERSPINOUS] = mixed
    return np.asarray(values, dtype=np.float64)
