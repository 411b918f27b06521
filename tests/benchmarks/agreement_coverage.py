"""How often the intervals of `fasciaseg agree` hold the truth where levels of a patient are alike.

Prints the table of docs/agreement.md. Made-up patients with 13 levels; each patient has an own
rate of agreement.
"""

from __future__ import annotations

import numpy as np

from fasciaseg.agreement.bootstrap import Resamples
from fasciaseg.agreement.kappa import kappa, standard_error
from fasciaseg.agreement.shares import share, wilson

LEVELS, AGREED, SAMPLES = 13, 0.9, 2000
TWO = np.eye(2)


def shares_hit(rng: np.random.Generator, patients: int) -> tuple[float, float]:
    """Share of samples whose interval of the agreement holds 0.9: by patient, and by level."""
    hits = np.zeros(2)
    for _ in range(SAMPLES):
        rate = rng.beta(5 * AGREED, 5 * (1 - AGREED), patients)
        agreed, n = rng.binomial(LEVELS, rate).astype(float), np.full(patients, float(LEVELS))
        found = share(agreed, n, 0.95)
        assert found is not None
        low, high = wilson(agreed.sum(), n.sum(), 0.95)
        hits += (found.low <= AGREED <= found.high, low <= AGREED <= high)
    return float(hits[0] / SAMPLES), float(hits[1] / SAMPLES)


def tables(rng: np.random.Generator, patients: int) -> np.ndarray:
    """Counts of (no, no), (no, yes), (yes, no), (yes, yes) of each patient."""
    ill = (rng.random(patients) < 0.4)[:, None]
    first = ill & (rng.random((patients, LEVELS)) < 0.35)
    same = rng.random((patients, LEVELS)) < rng.beta(8, 2, patients)[:, None]
    other = rng.random((patients, LEVELS)) < np.where(ill, 0.35, 0.02)
    second = np.where(same, first, other)
    cells = [((first == a) & (second == b)).sum(1) for a in (False, True) for b in (False, True)]
    return np.stack(cells, 1).astype(float)


def kappas_hit(rng: np.random.Generator, patients: int, truth: float) -> tuple[float, float]:
    """Share of samples whose interval of kappa holds the truth: bootstrap, and formula."""
    hits = np.zeros(2)
    for _ in range(SAMPLES):
        cells = tables(rng, patients)
        found = Resamples(np.arange(patients), 1000, 1, 0.95).interval(
            cells, lambda sums: kappa(sums.reshape(-1, 2, 2), TWO)
        )
        table = cells.sum(0).reshape(2, 2)
        off = abs(float(kappa(table, TWO)) - truth)
        hits += (
            found is not None and found[0] <= truth <= found[1],
            off <= 1.96 * standard_error(table, TWO),
        )
    return float(hits[0] / SAMPLES), float(hits[1] / SAMPLES)


def main() -> None:
    """Print the rows."""
    rng = np.random.default_rng(2)
    truth = float(kappa(tables(rng, 200_000).sum(0).reshape(2, 2), TWO))
    for patients in (20, 40, 80, 160):
        four = (*shares_hit(rng, patients), *kappas_hit(rng, patients, truth))
        print(f"| {patients} | " + " | ".join(f"{100 * x:.1f}%" for x in four) + " |")


if __name__ == "__main__":
    main()
