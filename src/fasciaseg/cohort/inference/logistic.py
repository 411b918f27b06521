"""Logistic regression: odds ratios adjusted for each other."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .answer import Z95, Effect
from .normal import Floats

#: Events a coefficient below which estimates lean away from 1 (Peduzzi, J Clin Epidemiol 1996).
EVENTS_EACH = 10


@dataclass(frozen=True)
class Term:
    """One coefficient: its odds ratio with interval, and P by Wald's test."""

    name: str
    odds_ratio: Effect
    p: float


@dataclass(frozen=True)
class Regression:
    """A fitted model.

    Attributes:
        terms: in the order asked for, without the intercept; empty where there is no answer.
        n: patients with every value.
        events: how many of them have the outcome.
        problem: why there is no answer.
        notes: what a reader has to know.
    """

    terms: tuple[Term, ...]
    n: int
    events: int
    problem: str | None = None
    notes: tuple[str, ...] = ()


def logistic(outcome: Floats, names: Sequence[str], columns: Floats) -> Regression:
    """Fit by maximum likelihood.

    Args:
        outcome: 1 with, 0 without, shape (n,).
        names: of the terms.
        columns: their values, shape (n, terms), without missing ones.
    """
    import statsmodels.api as sm
    from statsmodels.tools.sm_exceptions import ConvergenceWarning, PerfectSeparationWarning

    n, events = len(outcome), int(outcome.sum())
    if not 0 < events < n:
        return Regression((), n, events, "every patient has the same outcome")
    scale = np.std(columns, axis=0)
    if (scale == 0).any():
        same = names[int(np.argmin(scale))]
        return Regression((), n, events, f"{same} is the same in every patient")
    design = sm.add_constant(columns, has_constant="add")
    if n <= design.shape[1] or np.linalg.matrix_rank(design) < design.shape[1]:
        return Regression((), n, events, "too few patients, or terms that tell the same")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", ConvergenceWarning)
        warnings.simplefilter("error", PerfectSeparationWarning)
        try:
            # Iterations on terms of one scale; the answer is in the terms' own units.
            centred = np.column_stack([np.ones(n), (columns - columns.mean(axis=0)) / scale])
            fit = sm.Logit(outcome, centred).fit(disp=0, maxiter=100)
            slopes = np.asarray(fit.params)[1:] / scale
            errors = np.asarray(fit.bse)[1:] / scale
            p_values = np.asarray(fit.pvalues)[1:]
            if not np.isfinite(errors).all() or (np.abs(slopes * scale) > 15).any():
                raise np.linalg.LinAlgError
        except (np.linalg.LinAlgError, ConvergenceWarning, PerfectSeparationWarning):
            return Regression(
                (), n, events, "a term separates the outcomes entirely: no finite odds ratio"
            )
    terms = tuple(
        Term(
            name,
            Effect(
                "odds ratio",
                *(float(np.exp(slope + side * Z95 * error)) for side in (0, -1, 1)),
            ),
            float(p),
        )
        for name, slope, error, p in zip(names, slopes, errors, p_values, strict=True)
    )
    notes: tuple[str, ...] = ()
    each = min(events, n - events) / len(names)
    if each < EVENTS_EACH:
        notes = (f"only {each:.1f} patients of the rarer outcome a term; {EVENTS_EACH} are usual",)
    return Regression(terms, n, events, None, notes)
