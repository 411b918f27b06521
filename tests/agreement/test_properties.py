"""What must hold for any ratings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fasciaseg.agreement import differences, icc, kappa, shares
from fasciaseg.agreement.bootstrap import Resamples
from fasciaseg.agreement.kappa import Weighting

WEIGHTINGS: tuple[Weighting, ...] = ("none", "linear", "quadratic")


def tables(k: int = 4) -> st.SearchStrategy[np.ndarray]:
    return arrays(float, (k, k), elements=st.integers(0, 30).map(float))


def measured() -> st.SearchStrategy[np.ndarray]:
    return st.integers(3, 12).flatmap(
        lambda n: arrays(float, (n, 2), elements=st.integers(0, 200).map(lambda x: x / 2))
    )


def same(a: Any, b: Any) -> None:
    assert float(a) == pytest.approx(float(b), abs=1e-9, nan_ok=True)


@given(tables(), st.sampled_from(WEIGHTINGS))
def test_swapping_the_raters_changes_no_kappa(table: np.ndarray, weighting: Weighting) -> None:
    assume(table.sum())
    w = kappa.weights(4, weighting)
    same(kappa.kappa(table, w), kappa.kappa(table.T, w))
    if np.isfinite(kappa.kappa(table, w)):
        same(kappa.standard_error(table, w), kappa.standard_error(table.T, w))


@given(tables(), st.permutations(range(4)))
def test_other_names_for_the_categories_change_no_kappa(
    table: np.ndarray, order: list[int]
) -> None:
    renamed = table[np.ix_(order, order)]
    same(kappa.kappa(table, np.eye(4)), kappa.kappa(renamed, np.eye(4)))
    for weighting in WEIGHTINGS:  # a scale read backwards is the same scale
        w = kappa.weights(4, weighting)
        same(kappa.kappa(table, w), kappa.kappa(table[::-1, ::-1], w))


@given(arrays(float, 4, elements=st.integers(0, 30).map(float)), st.sampled_from(WEIGHTINGS))
def test_complete_agreement_is_1_or_has_no_value(
    diagonal: np.ndarray, weighting: Weighting
) -> None:
    value = float(kappa.kappa(np.diag(diagonal), kappa.weights(4, weighting)))
    if (diagonal > 0).sum() > 1:
        same(value, 1)
    else:
        assert np.isnan(value)


@given(tables(2))
def test_two_categories_leave_nothing_to_weight(table: np.ndarray) -> None:
    values = [kappa.kappa(table, kappa.weights(2, weighting)) for weighting in WEIGHTINGS]
    same(values[0], values[1])
    same(values[0], values[2])


@given(arrays(float, 4, elements=st.integers(1, 30).map(float)), st.sampled_from(WEIGHTINGS))
def test_a_rater_who_always_says_the_same_gets_0(other: np.ndarray, weighting: Weighting) -> None:
    table = np.zeros((4, 4))
    table[1] = other
    same(kappa.kappa(table, kappa.weights(4, weighting)), 0)


@given(measured())
def test_quadratic_kappa_is_the_icc_of_a_large_sample(ratings: np.ndarray) -> None:
    """Fleiss and Cohen, Educ Psychol Meas 1973;33:613-619."""
    ratings = np.round(ratings / 20).astype(int)  # 0 to 5
    table = kappa.table(list(ratings[:, 0]), list(ratings[:, 1]), 6)
    value = float(kappa.kappa(table, kappa.weights(6, "quadratic")))
    assume(np.isfinite(value))
    many = icc.mean_squares(np.repeat(ratings.astype(float), 20_000, axis=0))
    assert float(icc.coefficient(many)) == pytest.approx(value, abs=1e-3)


@given(measured())
def test_icc_of_swapped_raters_and_from_sums(ratings: np.ndarray) -> None:
    value = icc.coefficient(icc.mean_squares(ratings))
    same(value, icc.coefficient(icc.mean_squares(ratings[:, ::-1])))
    centred = ratings - ratings.mean()
    sums = icc.pair_sums(centred[:, 0], centred[:, 1]).sum(0)
    same(value, icc.coefficient(icc.from_sums(sums)))


@given(measured())
def test_icc_lies_in_its_interval(ratings: np.ndarray) -> None:
    squares = icc.mean_squares(ratings)
    interval = icc.interval(squares, 0.95)
    if interval is not None:
        assert interval[0] <= float(icc.coefficient(squares)) + 1e-9
        assert float(icc.coefficient(squares)) <= interval[1] + 1e-9


@given(measured())
def test_limits_of_swapped_raters_are_mirrored(ratings: np.ndarray) -> None:
    apart = ratings[:, 0] - ratings[:, 1]
    here, there = differences.limits(apart, 0.95), differences.limits(-apart, 0.95)
    assert here is not None
    assert there is not None
    same(here.bias, -there.bias)
    same(here.lower, -there.upper)
    sums = differences.from_sums(differences.difference_sums(apart).sum(0))
    assert float(sums["upper_limit"]) == pytest.approx(here.upper, abs=1e-5)


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_share_lies_in_its_interval(counts: tuple[int, int]) -> None:
    yes, n = counts
    low, high = shares.wilson(yes, n, 0.95)
    assert 0 <= low <= yes / n <= high <= 1
    assert high > low
    mirrored = shares.wilson(n - yes, n, 0.95)
    assert (low, high) == pytest.approx((1 - mirrored[1], 1 - mirrored[0]))


@given(arrays(float, 20, elements=st.integers(0, 1).map(float)), st.integers(2, 5))
def test_copies_of_an_exam_tell_nothing_new(agreed: np.ndarray, copies: int) -> None:
    """Were exams of one patient all alike, the interval would be about that of the patients."""
    once = shares.share(agreed, np.ones(20), 0.95)
    copied = shares.share(agreed * copies, np.full(20, float(copies)), 0.95)
    naive = shares.share(np.repeat(agreed, copies), np.ones(20 * copies), 0.95)
    assert once is not None
    assert copied is not None
    assert naive is not None
    assert copied.value == pytest.approx(once.value)
    assert copied.high - copied.low >= once.high - once.low - 1e-9
    assert copied.high - copied.low > naive.high - naive.low


@settings(max_examples=20)
@given(arrays(float, (30, 4), elements=st.integers(0, 1).map(float)))
def test_the_bootstrap_takes_patients_whole(cells: np.ndarray) -> None:
    def agreement(sums: np.ndarray) -> np.ndarray:
        n = sums.sum(-1)
        return np.where(n > 0, (sums[:, 0] + sums[:, 3]) / np.maximum(n, 1), np.nan)

    once = Resamples(np.arange(30), 300, 1, 0.95).interval(cells, agreement)
    copied = Resamples(np.tile(np.arange(30), 3), 300, 1, 0.95).interval(
        np.tile(cells, (3, 1)), agreement
    )
    assert once == copied


def test_bootstrap_and_formula_agree_on_many_exams() -> None:
    rng = np.random.default_rng(5)
    first = rng.integers(0, 3, 800)
    second = np.where(rng.random(800) < 0.7, first, rng.integers(0, 3, 800))
    table = kappa.table(list(first), list(second), 3)
    cells = np.zeros((800, 9))
    cells[np.arange(800), 3 * first + second] = 1
    found = Resamples(np.arange(800), 2000, 1, 0.95).interval(
        cells, lambda sums: kappa.kappa(sums.reshape(-1, 3, 3), np.eye(3))
    )
    assert found is not None
    half = 1.96 * kappa.standard_error(table, np.eye(3))
    assert (found[1] - found[0]) / 2 == pytest.approx(half, rel=0.08)


def test_the_bootstrap_says_nothing_where_it_knows_nothing() -> None:
    def mean(sums: np.ndarray) -> np.ndarray:
        return sums[:, 0]

    assert Resamples(np.arange(4), 200, 1, 0.95).interval(np.ones((4, 1)), mean) is None
    assert Resamples(np.zeros(0, int), 200, 1, 0.95).interval(np.ones((0, 1)), mean) is None
    assert Resamples(np.arange(9), 200, 1, 0.95).interval(np.ones((9, 1)), mean) is None
