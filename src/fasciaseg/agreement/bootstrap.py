"""Intervals by resampling patients: all exams of a patient come and go together.

Every statistic here is a function of sums over exams, so that a resample is one product of
matrices. Source: Field and Welsh, J R Stat Soc B 2007;69:369-390 (the cluster bootstrap).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..geometry import FloatArray

#: With fewer clusters than this, a percentile says nothing.
LEAST_CLUSTERS = 5
#: Share of resamples that may lack a value (kappa of a sample without a disagreement has none).
MOST_LOST = 0.05
_TINY = 1e-9


class Resamples:
    """The same draws of clusters for every statistic of one comparison.

    Args:
        clusters: number of the cluster of each exam, 0 to m − 1, each used.
        n: how many resamples.
        seed: of the random numbers.
        level: confidence level.
    """

    def __init__(self, clusters: np.ndarray, n: int, seed: int, level: float) -> None:
        self._of = clusters
        self._m = int(clusters.max()) + 1 if len(clusters) else 0
        self._tails = [(1 - level) / 2, (1 + level) / 2]
        self._draws = (
            np.random.default_rng(seed)
            .multinomial(self._m, np.full(self._m, 1 / self._m), size=n)
            .astype(float)
            if self._m >= LEAST_CLUSTERS
            else None
        )

    def by_cluster(self, values: FloatArray) -> FloatArray:
        """Sums over the exams (exams, ...) of each cluster: (clusters, ...)."""
        sums = np.zeros((self._m, *values.shape[1:]))
        np.add.at(sums, self._of, values)
        return sums

    def interval(
        self, values: FloatArray, statistic: Callable[[FloatArray], FloatArray]
    ) -> tuple[float, float] | None:
        """Percentile interval of a statistic of sums.

        Args:
            values: what each exam adds (exams, s); a row of zeros where it doesn't count.
            statistic: from sums (resamples, s) to values (resamples,), nan without a value.

        Returns:
            None with too few clusters, where too many resamples have no value, or where all are
            the same.
        """
        sums = self.by_cluster(values)
        counted = (sums != 0).any(1).sum() if sums.size else 0
        if self._draws is None or counted < LEAST_CLUSTERS:
            return None
        found = statistic(self._draws @ sums)
        known = found[np.isfinite(found)]
        if len(known) < (1 - MOST_LOST) * len(found):
            return None
        low, high = np.quantile(known, self._tails)
        return (float(low), float(high)) if high - low > _TINY else None
