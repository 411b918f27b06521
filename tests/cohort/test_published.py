"""The published P values come out of the functions that the command uses.

Every row of Tables 1 to 4 is here, 42 in all. What a row needs beside the rule, or that it can't be
had, stands at the top.
"""

from __future__ import annotations

from itertools import product

import pytest
from published import COUNTS, MEANS

from fasciaseg.cohort.inference.answer import Rule, Test
from fasciaseg.cohort.inference.counts import compare_counts, pearson_2x2
from fasciaseg.cohort.inference.means import Moments, compare_moments

RULE = Rule()
ALWAYS_WELCH = Rule(variance=2.0)
#: Means and SDs are printed with two decimals.
_HALF = 0.004999

#: Printed P is that of the chi-square test without the correction that the rule asks for (the
#: smallest expected count is 4.73), as if only counts of 4 and below counted as small.
UNCORRECTED = {"Table 1, smoking"}
#: The printed means and SDs are too round to tell P; what they may stand for holds it.
TOO_ROUND = {
    "Table 1, BMD", "Table 2, BMI", "Table 3, VAS before", "Table 3, VAS 3 months",
    "Table 3, VAS last", "Table 3, ODI before", "Table 4, VAS before",
}  # fmt: skip
#: Printed P is Welch's: Levene's test on the data must have said what the F test doesn't.
WELCH = {"Table 1, BMI"}
#: Neither t test gives it from the printed numbers.
NOT_TO_BE_HAD = {"Table 1, fracture age"}


def as_printed(p: float, like: str) -> str:
    """P with as many digits as the paper gives."""
    if like.startswith("<"):
        return like if p < float(like[1:]) else f"{p:.3f}"
    return f"{p:.{len(like) - 2}f}"


def p_of(test: Test) -> float:
    assert test.p is not None
    return test.p


def from_moments(question: str, rule: Rule = RULE, shifts: tuple[float, ...] = (0,) * 4) -> Test:
    (m, s), (n, t), _, sizes = MEANS[question]
    a = Moments(sizes[0], m + shifts[0], s + shifts[1])
    return compare_moments(a, Moments(sizes[1], n + shifts[2], t + shifts[3]), rule)


def range_of_p(question: str, rule: Rule = RULE) -> tuple[float, float]:
    """Over all that the printed numbers may be rounded from."""
    p = [p_of(from_moments(question, rule, s)) for s in product((-_HALF, 0, _HALF), repeat=4)]
    return min(p), max(p)


@pytest.mark.parametrize("question", sorted(set(COUNTS) - UNCORRECTED))
def test_counts(question: str) -> None:
    first, second, printed = COUNTS[question]
    assert as_printed(p_of(compare_counts([first, second], RULE)), printed) == printed


def test_smoking_was_printed_without_the_correction() -> None:
    first, second, printed = COUNTS["Table 1, smoking"]
    test = compare_counts([first, second], RULE)
    assert as_printed(pearson_2x2([first, second]), printed) == printed
    assert test.name == "χ², corrected"
    assert "4.73" in test.rule
    assert f"{p_of(test):.2f}" == "0.90"
    assert "P = 0.68" in test.notes[0]  # the table says so


def test_alcohol_of_table_2_is_of_23_patients() -> None:
    """2/21 is printed; the group has 23, and only 23 gives the printed P."""
    of_23 = p_of(compare_counts([(1, 38), (2, 21)], RULE))
    of_21 = p_of(compare_counts([(1, 38), (2, 19)], RULE))
    assert (f"{of_23:.2f}", f"{of_21:.2f}") == ("0.64", "0.58")


@pytest.mark.parametrize("question", sorted(set(MEANS) - TOO_ROUND - WELCH - NOT_TO_BE_HAD))
def test_means(question: str) -> None:
    printed = MEANS[question][2]
    assert as_printed(p_of(from_moments(question)), printed) == printed


@pytest.mark.parametrize("question", sorted(TOO_ROUND))
def test_means_that_are_too_round(question: str) -> None:
    printed = MEANS[question][2]
    low, high = range_of_p(question)
    assert as_printed(p_of(from_moments(question)), printed) != printed
    assert low <= float(printed) <= high


def test_bmi_was_printed_by_welch() -> None:
    assert from_moments("Table 1, BMI").name == "t"
    assert f"{p_of(from_moments('Table 1, BMI')):.2f}" == "0.26"
    assert f"{p_of(from_moments('Table 1, BMI', ALWAYS_WELCH)):.2f}" == "0.29"
    assert range_of_p("Table 1, BMI")[1] < 0.285


def test_fracture_age_cannot_be_had() -> None:
    """Printed 0.08; 0.07 pooled and 0.09 by Welch, whatever the printed numbers stand for."""
    assert range_of_p("Table 1, fracture age")[1] < 0.075
    assert range_of_p("Table 1, fracture age", ALWAYS_WELCH)[0] > 0.085


def test_which_t_test() -> None:
    assert from_moments("Table 4, ODI 3 days").name == "Welch's t"
    assert from_moments("Table 4, VAS 3 days").name == "t"
    assert "F test P = 0.058" in from_moments("Table 4, VAS 3 days").rule
