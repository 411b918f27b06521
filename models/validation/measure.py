"""From rows to numbers: shares with bootstrap intervals by patient, agreement of lengths."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from trial import Row

#: The issue's own limits for edema that has to be found: thickness and brightness over the local
#: normal fascia band.
THICK_MM, BRIGHT = 3.0, 1.3
BOOTSTRAPS = 2000


@dataclass(frozen=True)
class Share:
    """`n` of `of`, with a 95% bootstrap interval by patient."""

    n: int
    of: int
    low: float
    high: float

    def __str__(self) -> str:
        if not self.of:
            return "–"
        return (
            f"{self.n}/{self.of} ({100 * self.n / self.of:.1f}%, "
            f"{100 * self.low:.1f}–{100 * self.high:.1f})"
        )


def share(
    rows: Iterable[Row], n: Callable[[Row], int], of: Callable[[Row], int] = lambda _: 1
) -> Share:
    """Sum of `n` over sum of `of`; patients are drawn with replacement."""
    by_patient: dict[str, list[int]] = {}
    for row in rows:
        pair = by_patient.setdefault(row.patient, [0, 0])
        pair[0] += int(n(row))
        pair[1] += int(of(row))
    pairs = np.array(list(by_patient.values())).reshape(-1, 2)
    total = pairs.sum(axis=0) if len(pairs) else np.zeros(2, int)
    if not total[1]:
        return Share(0, 0, 0.0, 0.0)
    if total[0] in (0, total[1]):
        # All or none: every resample says the same. The rule of three, by patient, says more.
        edge = 1 - 0.05 ** (1 / len(pairs))
        low, high = (0.0, edge) if total[0] == 0 else (1 - edge, 1.0)
        return Share(int(total[0]), int(total[1]), low, high)
    rng = np.random.default_rng(0)
    draws = pairs[rng.integers(0, len(pairs), (BOOTSTRAPS, len(pairs)))].sum(axis=1)
    shares = draws[:, 0] / np.maximum(draws[:, 1], 1)
    low, high = np.percentile(shares, [2.5, 97.5])
    return Share(int(total[0]), int(total[1]), float(low), float(high))


@dataclass(frozen=True)
class Agreement:
    """Found less true length (Bland–Altman), mm."""

    bias: float
    low: float
    high: float
    mean_absolute: float
    mean_absolute_low: float
    mean_absolute_high: float
    n: int


def agreement(rows: Sequence[Row]) -> Agreement:
    """Of exams with painted edema that were answered."""
    chosen = [r for r in rows if r.edema and r.called is not None]
    if not chosen:
        return Agreement(*[float("nan")] * 6, 0)
    away = np.array([r.length_mm - r.true_length_mm for r in chosen])
    spread = 1.96 * float(away.std(ddof=1)) if len(away) > 1 else 0.0
    patients = sorted({r.patient for r in chosen})
    of = {p: np.array([abs(a) for a, r in zip(away, chosen, strict=True) if r.patient == p])
          for p in patients}  # fmt: skip
    rng = np.random.default_rng(0)
    means = [
        np.concatenate([of[patients[i]] for i in rng.integers(0, len(patients), len(patients))])
        .mean()
        for _ in range(BOOTSTRAPS // 4)
    ]  # fmt: skip
    low, high = np.percentile(means, [2.5, 97.5])
    bias = float(away.mean())
    return Agreement(
        bias, bias - spread, bias + spread, float(np.abs(away).mean()), float(low), float(high),
        len(away),
    )  # fmt: skip


def has_to_be_found(row: Row) -> bool:
    """Painted, thick and bright enough that nothing excuses missing it."""
    return row.edema and row.thickness_mm >= THICK_MM and row.contrast >= BRIGHT


def class_right(row: Row) -> bool:
    """Location and severity."""
    return bool(row.location_right and row.severity_right)
