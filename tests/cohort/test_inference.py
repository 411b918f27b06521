"""The tests against SciPy, statsmodels and worked examples, and what must not change them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.oneway import anova_oneway
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from fasciaseg.cohort.inference.answer import Rule, Test
from fasciaseg.cohort.inference.choose import compare_numbers
from fasciaseg.cohort.inference.counts import compare_counts
from fasciaseg.cohort.inference.holm import holm
from fasciaseg.cohort.inference.logistic import logistic
from fasciaseg.cohort.inference.means import Moments, compare_means, compare_moments, moments
from fasciaseg.cohort.inference.noncentral import chi_square_interval, f_interval
from fasciaseg.cohort.inference.paired import compare_paired
from fasciaseg.cohort.inference.proportions import wilson
from fasciaseg.cohort.inference.ranks import compare_ranks
from fasciaseg.cohort.inference.several import compare_several_means, compare_several_ranks

RULE = Rule()
RNG = np.random.default_rng(7)
A, B, C = RNG.normal(10, 2, 40), RNG.normal(11, 2, 35), RNG.normal(12, 5, 33)

numbers = st.lists(st.integers(0, 60).map(float), min_size=3, max_size=45)
arrays = numbers.map(lambda v: np.array(v))


def effect(test: Test, name: str) -> tuple[float, float | None, float | None]:
    found = next(e for e in test.effects if e.name == name)
    return found.value, found.low, found.high


# Two groups


def test_pooled_t_is_scipy() -> None:
    test, theirs = compare_means(A, B, RULE), stats.ttest_ind(A, B)
    assert test.name == "t"
    assert test.p == pytest.approx(theirs.pvalue)
    interval = theirs.confidence_interval()
    assert effect(test, "mean difference")[1:] == pytest.approx((interval.low, interval.high))


def test_welch_is_scipy() -> None:
    test, theirs = compare_means(A, C, RULE), stats.ttest_ind(A, C, equal_var=False)
    assert test.name == "Welch's t"
    assert test.p == pytest.approx(theirs.pvalue)
    interval = theirs.confidence_interval()
    assert effect(test, "mean difference")[1:] == pytest.approx((interval.low, interval.high))
    assert "Levene" in test.rule


def test_moments_are_enough_for_t() -> None:
    """The published study is recomputed by the functions that read the clinic's table."""
    raw, printed = compare_means(A, B, RULE), compare_moments(moments(A), moments(B), RULE)
    assert (raw.p, raw.statistic, raw.effects) == (printed.p, printed.statistic, printed.effects)


def test_variance_ratio() -> None:
    """NIST/SEMATECH e-Handbook 1.3.5.9: F = 1.123037 with 239 and 239 degrees of freedom."""
    test = compare_moments(Moments(240, 688.9987, 65.54909), Moments(240, 611.1559, 61.85425), RULE)
    assert test.name == "t"
    assert "F test P = 0.370" in test.rule


def test_mann_whitney_is_scipys() -> None:
    x, y = np.round(A), np.round(B)
    test = compare_ranks(x, y)
    assert test.p == pytest.approx(stats.mannwhitneyu(x, y, use_continuity=False).pvalue)


def test_mann_whitney_worked_example() -> None:
    """Hollander and Wolfe, table 4.1 (water permeability): W = 30, shift −0.305, −0.76 to 0.15.

    Exact P for two sides is 0.2544.
    """
    at_term = np.array([0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46])
    early = np.array([1.15, 0.88, 0.90, 0.74, 1.21])
    test = compare_ranks(at_term, early)
    assert (test.statistic, test.rule) == (35, "exact")
    assert test.p == pytest.approx(0.2544, abs=5e-5)
    shift = effect(test, "median shift")
    assert shift[0] == pytest.approx(0.305)
    assert shift[1:] == pytest.approx((-0.15, 0.76), abs=0.08)  # theirs is exact, at 96%


def test_probability_of_superiority_is_the_area_under_the_curve() -> None:
    share, low, high = effect(compare_ranks(A, B), "probability of superiority")
    assert share == pytest.approx(np.mean(np.greater.outer(A, B)))
    assert low is not None
    assert high is not None
    assert low < share < high


@given(arrays, arrays)
def test_swapped_groups_turn_effects_round(x: np.ndarray, y: np.ndarray) -> None:
    for test in (compare_means, lambda a, b, _: compare_ranks(a, b)):
        one, other = test(x, y, RULE), test(y, x, RULE)
        assert one.p == pytest.approx(other.p) if one.p is not None else other.p is None
        if one.p is None:
            continue
        for mine, theirs in zip(one.effects, other.effects, strict=True):
            if mine.name == "probability of superiority":
                assert mine.value == pytest.approx(1 - theirs.value)
            elif mine.low is not None and theirs.high is not None:
                assert (mine.value, mine.low) == pytest.approx((-theirs.value, -theirs.high))


@given(arrays, arrays)
def test_intervals_hold_their_effect_and_p_is_a_probability(x: np.ndarray, y: np.ndarray) -> None:
    test = compare_numbers([x, y], RULE)
    assert test.rule
    assert test.p is None or 0 <= test.p <= 1
    for found in test.effects:
        if found.low is not None and found.high is not None:
            assert found.low <= found.value + 1e-9
            assert found.value <= found.high + 1e-9


@given(arrays, arrays, st.floats(0.5, 20), st.floats(-50, 50))
def test_units_do_not_matter(x: np.ndarray, y: np.ndarray, scale: float, shift: float) -> None:
    one = compare_means(x, y, RULE)
    other = compare_means(x * scale + shift, y * scale + shift, RULE)
    if one.p is not None and other.p is not None and one.name == other.name:
        assert one.p == pytest.approx(other.p, rel=1e-6, abs=1e-12)
        assert one.effects[1].value == pytest.approx(other.effects[1].value, rel=1e-6, abs=1e-9)


# Counts


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ([[30, 32], [60, 101]], "χ²"),
        ([[4, 58], [13, 148]], "χ², corrected"),  # 4.73 expected
        ([[1, 60], [0, 161]], "Fisher"),  # 0.27 expected
        ([[10, 9], [8, 12]], "Fisher"),  # 39 patients
        ([[10, 10], [8, 12]], "χ²"),  # 40 patients, 9 expected
    ],
)
def test_which_fourfold_test(table: list[list[int]], name: str) -> None:
    assert compare_counts(table, RULE).name == name


def test_tea() -> None:
    """Fisher's lady: three of four cups right, P 0.4857 (The Design of Experiments, 1935)."""
    assert compare_counts([[3, 1], [1, 3]], RULE).p == pytest.approx(0.4857, abs=5e-5)


def test_odds_ratio_is_statsmodels() -> None:
    table = np.array([[30, 32], [60, 101]])
    theirs = sm.stats.Table2x2(table)
    mine = effect(compare_counts(table.tolist(), RULE), "odds ratio")
    assert mine == pytest.approx((theirs.oddsratio, *theirs.oddsratio_confint()))


def test_risk_difference_is_newcombes() -> None:
    """Newcombe 1998, table II, example (a): 56/70 − 48/80, 0.0524 to 0.3339."""
    mine = effect(compare_counts([[56, 14], [48, 32]], RULE), "risk difference")
    assert mine == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    theirs = confint_proportions_2indep(56, 70, 48, 80, method="newcomb", compare="diff")
    assert mine[1:] == pytest.approx(theirs)


@given(st.integers(0, 50), st.integers(1, 50))
def test_wilson_is_statsmodels(x: int, more: int) -> None:
    assert wilson(x, x + more) == pytest.approx(
        proportion_confint(x, x + more, method="wilson"), abs=1e-9
    )


def test_an_empty_cell_has_an_odds_ratio() -> None:
    value, low, high = effect(compare_counts([[0, 50], [5, 45]], RULE), "odds ratio")
    assert value == pytest.approx(0.5 * 45.5 / (50.5 * 5.5))
    assert low is not None
    assert low > 0
    assert high is not None
    assert math.isfinite(high)


def test_larger_tables_say_how_many_counts_are_small() -> None:
    test = compare_counts([[30, 24, 4, 4], [92, 57, 12, 0]], RULE)
    assert test.notes == ("3 of 8 expected counts below 5",)


counts = st.lists(st.lists(st.integers(0, 30), min_size=3, max_size=3), min_size=2, max_size=3)


@given(counts)
def test_order_of_categories_and_groups_does_not_matter(rows: list[list[int]]) -> None:
    one = compare_counts(rows, RULE)
    for other in (rows[::-1], [row[::-1] for row in rows]):
        turned = compare_counts(other, RULE)
        assert (one.p is None) == (turned.p is None)
        if one.p is not None:
            assert turned.p == pytest.approx(one.p)


def test_cramers_v_interval_covers() -> None:
    """95% of the intervals hold the truth, in 400 simulated tables."""
    rng = np.random.default_rng(1)
    shares = np.array([[0.3, 0.15, 0.05], [0.15, 0.15, 0.2]])
    expected = np.outer(shares.sum(1), shares.sum(0))
    truth = math.sqrt(((shares - expected) ** 2 / expected).sum())
    held = 0
    for _ in range(400):
        table = rng.multinomial(223, shares.ravel()).reshape(shares.shape)
        found = compare_counts(table.tolist(), RULE).effects[0]
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth <= found.high
    assert 0.92 <= held / 400 <= 0.99


# Several groups


def test_anova_is_scipy() -> None:
    test = compare_several_means([A, B, A + 1], RULE)
    assert (test.name, test.p) == ("ANOVA", pytest.approx(stats.f_oneway(A, B, A + 1).pvalue))


def test_welchs_anova_is_statsmodels() -> None:
    test = compare_several_means([A, B, C], RULE)
    theirs = anova_oneway([A, B, C], use_var="unequal", welch_correction=True)
    assert test.name == "Welch's ANOVA"
    assert (test.statistic, test.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert test.df == pytest.approx((theirs.df_num, theirs.df_denom))


def test_kruskal_wallis_is_scipy() -> None:
    assert compare_several_ranks([A, B, C]).p == pytest.approx(stats.kruskal(A, B, C).pvalue)


def test_noncentral_intervals_turn_the_test_round() -> None:
    low, high = f_interval(5.0, (2.0, 60.0), 63)
    for share, tail in ((low, 0.025), (high, 0.975)):
        nc = share * 63 / (1 - share)
        assert stats.ncf.sf(5.0, 2, 60, nc) == pytest.approx(tail, abs=1e-6)
    low, high = chi_square_interval(12.0, 2, 100.0)
    for v, tail in ((low, 0.025), (high, 0.975)):
        assert stats.ncx2.sf(12.0, 2, v**2 * 100 - 2) == pytest.approx(tail, abs=1e-6)
    assert chi_square_interval(0.1, 2, 100.0)[0] == 0


# Over time


def test_paired_t_is_scipy() -> None:
    later = A[:35] + RNG.normal(1, 1, 35)
    test, theirs = compare_paired(A[:35], later, RULE, "t"), stats.ttest_rel(later, A[:35])
    interval = theirs.confidence_interval()
    assert test.p == pytest.approx(theirs.pvalue)
    assert effect(test, "mean change")[1:] == pytest.approx((interval.low, interval.high))


def test_wilcoxon_worked_example() -> None:
    """Hollander and Wolfe, table 3.1 (Hamilton depression): T+ = 40 of 45, P 0.039 for two sides.

    The pseudo-median of the fall is 0.46.
    """
    x = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
    y = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
    test = compare_paired(x, y, RULE, "rank")
    assert test.p == pytest.approx(0.0391, abs=5e-5)
    assert test.statistic == 5
    assert effect(test, "median change")[0] == pytest.approx(-0.46)


# Which test, and when none


@pytest.mark.parametrize(
    ("groups", "name"),
    [
        ([A, B], "t"),
        ([np.exp(A), np.exp(B)], "Mann–Whitney U"),  # skewed
        ([A[:10], B[:12]], "t"),
        ([np.exp(A[:10]), B[:12]], "Mann–Whitney U"),
        ([A[:2], B], "Mann–Whitney U"),
        ([np.exp(A), np.exp(B), C], "Kruskal–Wallis"),
        ([A, np.array([])], "none"),
        ([np.ones(5), np.ones(6)], "none"),
    ],
)
def test_choice(groups: list[np.ndarray], name: str) -> None:
    test = compare_numbers(groups, RULE)
    assert test.name == name
    assert (test.p is None) == (name == "none")
    assert test.rule


def test_a_choice_of_the_user_counts() -> None:
    assert compare_numbers([A, B], RULE, "rank").name == "Mann–Whitney U"
    assert compare_numbers([np.exp(A), np.exp(B)], RULE, "t").name in ("t", "Welch's t")


# Many tests


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_statsmodels(p: list[float]) -> None:
    assert holm(p) == pytest.approx(list(multipletests(p, method="holm")[1]))


def test_holm_leaves_out_what_was_not_tested() -> None:
    assert holm([0.01, None, 0.04]) == [0.02, None, 0.04]


# Logistic regression


def fitted(shift: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(200, 2)) * (1, 10)
    y = (rng.random(200) < 1 / (1 + np.exp(-shift * x[:, 0]))).astype(float)
    return y, x


def test_logistic_is_statsmodels() -> None:
    y, x = fitted(1.0)
    found = logistic(y, ["a", "b"], x)
    theirs = sm.Logit(y, sm.add_constant(x)).fit(disp=0)
    for at, term in enumerate(found.terms, 1):
        mine = (term.odds_ratio.value, term.odds_ratio.low, term.odds_ratio.high, term.p)
        interval = np.exp(theirs.conf_int()[at])
        assert mine == pytest.approx(
            (math.exp(theirs.params[at]), *interval, theirs.pvalues[at]), rel=1e-5
        )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda y, x: (np.ones_like(y), x), "same outcome"),
        (lambda y, x: (y, np.column_stack([x[:, 0], np.ones(200)])), "b is the same"),
        (lambda y, x: (y, np.column_stack([x[:, 0], 2 * x[:, 0]])), "tell the same"),
        (lambda y, x: (y, np.column_stack([y, x[:, 1]])), "separates"),
        (lambda y, x: (y[:3], x[:3]), "too few|same outcome"),
    ],
)
def test_no_regression_without_an_answer(change: Callable[..., object], problem: str) -> None:
    y, x = change(*fitted(1.0))  # type: ignore[misc]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = logistic(y, ["a", "b"], x)
    assert found.terms == ()
    assert found.problem is not None
    assert any(word in found.problem for word in problem.split("|"))


def test_few_events_are_said() -> None:
    y, x = fitted(0.5)
    few = np.concatenate([np.flatnonzero(y == 1)[:8], np.flatnonzero(y == 0)])
    assert "4.0 patients" in logistic(y[few], ["a", "b"], x[few]).notes[0]
