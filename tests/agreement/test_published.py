"""Each statistic against a worked example that its source, or a textbook, has published."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fasciaseg.agreement import differences, icc, kappa, shares
from fasciaseg.agreement.kappa import bias_index, pabak, prevalence_index, standard_error

NOMINAL = np.eye(3)
#: Fleiss, Cohen and Everitt 1969: 200 patients, three diagnoses.
FCE = np.array([[106, 10, 4], [22, 28, 10], [2, 12, 6]], float)
FCE_WEIGHTS = np.array([[1, 0, 4 / 9], [0, 1, 6 / 9], [4 / 9, 6 / 9, 1]])
#: Cohen 1960 and Cohen 1968: 200 patients, two diagnosticians.
COHEN = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]], float)
#: Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, chapter on agreement:
#: 100 patients, psychotic, neurotic, organic.
DIAGNOSES = np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]], float)
#: Agresti, Categorical Data Analysis: two pathologists, 118 slides.
PATHOLOGISTS = np.array([[22, 2, 2, 0], [5, 7, 14, 0], [0, 2, 36, 0], [0, 1, 17, 10]], float)
#: Feinstein and Cicchetti, J Clin Epidemiol 1990;43:543-549: agreement 85% both times. Rows and
#: columns are no, yes.
BALANCED = np.array([[45, 6], [9, 40]], float)
UNBALANCED = np.array([[5, 5], [10, 80]], float)
#: Shrout and Fleiss 1979, table 2: six targets, four judges.
TARGETS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)
#: Bland and Altman 1986, table 1: peak expiratory flow, l/min, first readings of 17 people.
LARGE = (494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427)
MINI = (512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451)
Z95 = 1.959964


def test_cohen_1960() -> None:
    assert float(kappa.observed(COHEN, NOMINAL)) == pytest.approx(0.70)
    assert float(kappa.kappa(COHEN, NOMINAL)) == pytest.approx(0.492, abs=5e-4)


def test_cohen_1968_weighted() -> None:
    disagreement = np.array([[0, 1, 3], [1, 0, 6], [3, 6, 0]])
    assert float(kappa.kappa(COHEN, 1 - disagreement / 6)) == pytest.approx(0.348, abs=5e-4)


def test_fleiss_cohen_everitt_1969() -> None:
    assert float(kappa.kappa(FCE, NOMINAL)) == pytest.approx(0.429, abs=5e-4)
    assert standard_error(FCE, NOMINAL) ** 2 == pytest.approx(0.002885, abs=5e-7)
    assert float(kappa.kappa(FCE, FCE_WEIGHTS)) == pytest.approx(0.507, abs=5e-4)
    assert standard_error(FCE, FCE_WEIGHTS) ** 2 == pytest.approx(0.003248, abs=2e-6)


def test_fleiss_psychiatric_diagnoses() -> None:
    value, error = float(kappa.kappa(DIAGNOSES, NOMINAL)), standard_error(DIAGNOSES, NOMINAL)
    assert value == pytest.approx(0.676, abs=5e-4)
    # Printed as 0.087, interval 0.51 to 0.85.
    assert error == pytest.approx(0.087, abs=1e-3)
    assert (value - Z95 * error, value + Z95 * error) == pytest.approx((0.51, 0.85), abs=0.006)


def test_agresti_pathologists() -> None:
    assert float(kappa.kappa(PATHOLOGISTS, np.eye(4))) == pytest.approx(0.493, abs=5e-4)
    assert standard_error(PATHOLOGISTS, np.eye(4)) == pytest.approx(0.057, abs=5e-4)


def test_byrt_bishop_carlin_on_the_paradox_of_feinstein_and_cicchetti() -> None:
    # Kappa .70 and .32 at the same agreement; PABAK 2 · .85 − 1 says so.
    two = np.eye(2)
    assert float(kappa.kappa(BALANCED, two)) == pytest.approx(0.70, abs=5e-3)
    assert float(kappa.kappa(UNBALANCED, two)) == pytest.approx(0.32, abs=5e-3)
    for table in (BALANCED, UNBALANCED):
        assert pabak(float(kappa.observed(table, two)), 2) == pytest.approx(0.70)
    k, b = float(kappa.kappa(UNBALANCED, two)), bias_index(UNBALANCED)
    # Byrt, Bishop and Carlin 1993: kappa from PABAK, prevalence index and bias index.
    p = prevalence_index(UNBALANCED)
    assert (0.70 - p**2 + b**2) / (1 - p**2 + b**2) == pytest.approx(k)


@pytest.mark.parametrize(
    ("table", "positive", "negative"), [(BALANCED, 0.842, 0.857), (UNBALANCED, 0.914, 0.40)]
)
def test_cicchetti_and_feinstein_1990(table: np.ndarray, positive: float, negative: float) -> None:
    one = np.array([table[0, 1] + table[1, 0]])
    for both, expected in ((table[1, 1], positive), (table[0, 0], negative)):
        found = shares.specific(np.array([both]), one, 0.95)
        assert found is not None
        assert found.value == pytest.approx(expected, abs=5e-4)
        assert found.low < expected < found.high


@pytest.mark.parametrize(
    ("yes", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_in_newcombe_1998(yes: int, n: int, low: float, high: float) -> None:
    """Newcombe, Stat Med 1998;17:857-872, table I, method 3."""
    assert shares.wilson(yes, n, 0.95) == pytest.approx((low, high), abs=5e-5)


def test_shrout_and_fleiss_1979() -> None:
    squares = icc.mean_squares(TARGETS)
    assert (float(squares.rows), float(squares.columns), float(squares.error)) == pytest.approx(
        (11.24, 32.49, 1.02), abs=5e-3
    )
    assert float(icc.coefficient(squares)) == pytest.approx(0.29, abs=5e-3)


def test_mcgraw_and_wong_interval() -> None:
    """The interval that R's irr prints for the data of Shrout and Fleiss."""
    assert icc.interval(icc.mean_squares(TARGETS), 0.95) == pytest.approx((0.019, 0.761), abs=5e-4)


def test_bland_and_altman_1986() -> None:
    apart = np.array(LARGE, float) - np.array(MINI, float)
    found = differences.limits(apart, 0.95)
    assert found is not None
    assert found.bias == pytest.approx(-2.1, abs=0.05)
    assert found.sd == pytest.approx(38.8, abs=0.05)
    # The paper takes 2 SD for the limits (−79.7 and 75.5), this 1.96.
    assert found.bias - 2 * found.sd == pytest.approx(-79.7, abs=0.1)
    assert found.upper - found.bias == pytest.approx(1.96 * 38.8, abs=0.1)
    assert (found.bias - found.bias_half, found.bias + found.bias_half) == pytest.approx(
        (-22.0, 17.8), abs=0.1
    )
    # Interval of the lower limit −114.3 to −45.1.
    assert found.limit_half == pytest.approx((114.3 - 45.1) / 2, abs=0.15)


def test_design_effect_by_hand() -> None:
    """Rao and Scott 1992: four patients of two exams, agreeing 2, 2, 1, 0 times."""
    yes, n = np.array([2.0, 2, 1, 0]), np.full(4, 2.0)
    found = shares.share(yes, n, 0.95)
    assert found is not None
    p = 5 / 8
    variance = 4 / 3 * (2 * (2 - 2 * p) ** 2 + (1 - 2 * p) ** 2 + (2 * p) ** 2) / 64
    assert found.design_effect == pytest.approx(variance / (p * (1 - p) / 8))
    size = 8 / found.design_effect
    assert (found.low, found.high) == shares.wilson(p * size, size, 0.95)
    assert math.isclose(found.value, p)
