"""Chance-corrected agreement of two raters who sort the same exams into the same categories.

A table is a square array of counts (or of shares): rows are the first rater's categories,
columns the second's. All functions but `standard_error` take a stack of tables (..., k, k).

Sources: Cohen, Educ Psychol Meas 1960;20:37-46 (kappa); Cohen, Psychol Bull 1968;70:213-220
(weighted); Fleiss, Cohen and Everitt, Psychol Bull 1969;72:323-327 (standard error); Byrt, Bishop
and Carlin, J Clin Epidemiol 1993;46:423-429 (PABAK, prevalence and bias index); Brennan and
Prediger, Educ Psychol Meas 1981;41:687-699 (the same for more than two categories).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from ..geometry import FloatArray

Weighting: TypeAlias = Literal["none", "linear", "quadratic"]

#: Below this, chance alone explains everything and kappa is a division by zero.
_TINY = 1e-12


def table(first: Sequence[int], second: Sequence[int], k: int) -> FloatArray:
    """Counts (k, k) of two raters' categories, numbered from 0."""
    counts = np.zeros((k, k))
    np.add.at(counts, (np.asarray(first, int), np.asarray(second, int)), 1.0)
    return counts


def weights(k: int, weighting: Weighting) -> FloatArray:
    """Agreement weights (k, k): 1 on the diagonal, falling with the distance of the categories."""
    apart = np.abs(np.subtract.outer(np.arange(k), np.arange(k))) / max(k - 1, 1)
    if weighting == "none":
        return np.eye(k)
    return np.asarray(1 - (apart if weighting == "linear" else apart**2))


def observed(tables: FloatArray, w: FloatArray) -> FloatArray:
    """Share of agreement, weighted; nan for an empty table."""
    return np.asarray((w * _shares(tables)).sum((-2, -1)))


def kappa(tables: FloatArray, w: FloatArray) -> FloatArray:
    """Cohen's kappa; nan where it has no value: no exams, or both gave one and the same answer."""
    po, pe = observed(tables, w), _by_chance(tables, w)
    room = 1 - pe
    return np.asarray(np.where(room > _TINY, (po - pe) / np.where(room > _TINY, room, 1), np.nan))


def standard_error(one: FloatArray, w: FloatArray) -> float:
    """Large-sample standard error of kappa for an interval (Fleiss, Cohen and Everitt 1969,
    formula for any weights; not the one that tests kappa = 0)."""
    p = _shares(one)
    rows, columns = p.sum(1), p.sum(0)
    po, pe = float((w * p).sum()), float((w * np.outer(rows, columns)).sum())
    of_row, of_column = w @ columns, w.T @ rows
    terms = p * (w * (1 - pe) - (of_row[:, None] + of_column[None, :]) * (1 - po)) ** 2
    variance = (terms.sum() - (po * pe - 2 * pe + po) ** 2) / (one.sum() * (1 - pe) ** 4)
    return float(np.sqrt(max(variance, 0.0)))


def pabak(agreement: float, k: int) -> float:
    """Prevalence- and bias-adjusted kappa: what kappa would be if all k categories were equally
    frequent. A straight line of the share of agreement, so intervals carry over."""
    return (k * agreement - 1) / (k - 1)


def prevalence_index(two: FloatArray) -> float:
    """(both yes − both no) / n of a table of no, yes."""
    return float((two[1, 1] - two[0, 0]) / two.sum())


def bias_index(two: FloatArray) -> float:
    """(only the first yes − only the second yes) / n of a table of no, yes."""
    return float((two[1, 0] - two[0, 1]) / two.sum())


def _shares(tables: FloatArray) -> FloatArray:
    n = tables.sum((-2, -1), keepdims=True)
    return np.asarray(np.where(n > 0, tables / np.where(n > 0, n, 1), np.nan))


def _by_chance(tables: FloatArray, w: FloatArray) -> FloatArray:
    p = _shares(tables)
    return np.asarray(np.einsum("...i,ij,...j->...", p.sum(-1), w, p.sum(-2)))
