"""Which patient belongs to which fold; every source is spread over all four."""

from __future__ import annotations

from collections.abc import Sequence

FOLDS = 4


def fold_of(patient: str, patients: Sequence[str]) -> int:
    """Fold of a patient: every fourth of the sorted patients."""
    return sorted(set(patients)).index(patient) % FOLDS
